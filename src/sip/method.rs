//! Request methods (RFC 3261 §7.1 and the extensions a recorder meets).

/// A request method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// RFC 3261 §13.
    Invite,
    /// RFC 3261 §17.1.1.3.
    Ack,
    /// RFC 3261 §15.
    Bye,
    /// RFC 3261 §9.
    Cancel,
    /// RFC 3311.
    Update,
    /// RFC 3262.
    Prack,
    /// RFC 3515.
    Refer,
    /// RFC 6665.
    Notify,
    /// RFC 6086.
    Info,
    /// RFC 3261 §10.
    Register,
    /// RFC 3261 §11.
    Options,
    /// RFC 6665.
    Subscribe,
    /// RFC 3903.
    Publish,
    /// RFC 3428.
    Message,
    /// Any other token; its bytes stay with the start line.
    Other,
}

impl Method {
    /// How many there are: the length of a counter array.
    pub const COUNT: usize = Method::Other as usize + 1;

    /// Those with a name, the frequent ones first.
    const KNOWN: [Method; 14] = [
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Options,
        Method::Register,
        Method::Cancel,
        Method::Notify,
        Method::Subscribe,
        Method::Update,
        Method::Prack,
        Method::Info,
        Method::Refer,
        Method::Publish,
        Method::Message,
    ];

    /// From the token on the wire. RFC 3261 §7.1 has methods case-sensitive; a
    /// bystander takes any case, as some endpoints do.
    pub fn from_bytes(token: &[u8]) -> Method {
        let known = Self::KNOWN.iter().find(|m| token.eq_ignore_ascii_case(m.as_str().as_bytes()));
        known.copied().unwrap_or(Method::Other)
    }

    /// The token, for a metric's label; `OTHER` for what has no variant.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Bye => "BYE",
            Method::Cancel => "CANCEL",
            Method::Update => "UPDATE",
            Method::Prack => "PRACK",
            Method::Refer => "REFER",
            Method::Notify => "NOTIFY",
            Method::Info => "INFO",
            Method::Register => "REGISTER",
            Method::Options => "OPTIONS",
            Method::Subscribe => "SUBSCRIBE",
            Method::Publish => "PUBLISH",
            Method::Message => "MESSAGE",
            Method::Other => "OTHER",
        }
    }
}
