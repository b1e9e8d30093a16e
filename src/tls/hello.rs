//! What a bystander has to know of a handshake (RFC 5246 §7.4, RFC 8446 §4): who the connection is, and what was
//! agreed.

use super::Random;

/// The random number of a server that asks for another hello (RFC 8446 §4.1.3).
const RETRY: Random = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
    0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// Types of messages that matter here.
pub(super) mod message {
    pub const CLIENT_HELLO: u8 = 1;
    pub const SERVER_HELLO: u8 = 2;
    pub const NEW_SESSION_TICKET: u8 = 4;
    pub const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub const FINISHED: u8 = 20;
    pub const KEY_UPDATE: u8 = 24;
}

/// Extensions that matter here.
mod extension {
    pub const USE_SRTP: u16 = 14;
    pub const ENCRYPT_THEN_MAC: u16 = 22;
    pub const EXTENDED_MASTER_SECRET: u16 = 23;
    pub const SESSION_TICKET: u16 = 35;
    pub const SUPPORTED_VERSIONS: u16 = 43;
}

/// TLS 1.2 on the wire.
pub(super) const TLS12: u16 = 0x0303;
/// TLS 1.3 on the wire.
pub(super) const TLS13: u16 = 0x0304;

/// ClientHello.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClientHello {
    pub random: Random,
    /// The version of its own field; a premaster secret repeats it.
    pub version: u16,
    pub session_id: Vec<u8>,
    /// Empty if it has none to offer.
    pub ticket: Vec<u8>,
}

/// ServerHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub random: Random,
    /// As agreed.
    pub version: u16,
    pub session_id: Vec<u8>,
    pub suite: u16,
    /// RFC 7627.
    pub has_extended_master: bool,
    /// RFC 7366.
    pub encrypts_first: bool,
    /// The SRTP profile that was chosen (RFC 5764 §4.1.1).
    pub use_srtp: Option<u16>,
    /// It is HelloRetryRequest: another hello follows.
    pub is_retry: bool,
}

/// Takes from the front.
struct HelloReader<'a>(&'a [u8]);

impl<'a> HelloReader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn random(&mut self) -> Option<Random> {
        self.take(32)?.try_into().ok()
    }

    /// Behind its length of one octet.
    fn short(&mut self) -> Option<&'a [u8]> {
        let len = self.u8()?;
        self.take(len.into())
    }

    /// Behind its length of two octets.
    fn long(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.take(len.into())
    }

    /// The next extension of a list.
    fn extension(&mut self) -> Option<(u16, &'a [u8])> {
        Some((self.u16()?, self.long()?))
    }
}

impl ClientHello {
    /// From the message without its header.
    pub(super) fn parse(body: &[u8]) -> Option<ClientHello> {
        let mut c = HelloReader(body);
        let (version, random) = (c.u16()?, c.random()?);
        let session_id = c.short()?.to_vec();
        c.long()?;
        c.short()?;
        let mut hello = ClientHello { random, version, session_id, ticket: Vec::new() };
        let mut list = HelloReader(c.long().unwrap_or_default());
        while let Some((kind, value)) = list.extension() {
            if kind == extension::SESSION_TICKET {
                hello.ticket = value.to_vec();
            }
        }
        Some(hello)
    }
}

impl ServerHello {
    /// From the message without its header.
    pub(super) fn parse(body: &[u8]) -> Option<ServerHello> {
        let mut c = HelloReader(body);
        let (version, random) = (c.u16()?, c.random()?);
        let session_id = c.short()?.to_vec();
        let suite = c.u16()?;
        c.u8()?;
        let mut hello = ServerHello {
            random,
            version,
            session_id,
            suite,
            has_extended_master: false,
            encrypts_first: false,
            use_srtp: None,
            is_retry: random == RETRY,
        };
        let mut list = HelloReader(c.long().unwrap_or_default());
        while let Some((kind, value)) = list.extension() {
            match kind {
                extension::ENCRYPT_THEN_MAC => hello.encrypts_first = true,
                extension::EXTENDED_MASTER_SECRET => hello.has_extended_master = true,
                extension::USE_SRTP => {
                    hello.use_srtp = HelloReader(value).long().and_then(|v| HelloReader(v).u16())
                }
                extension::SUPPORTED_VERSIONS => {
                    hello.version = HelloReader(value).u16().unwrap_or(version);
                }
                _ => {}
            }
        }
        Some(hello)
    }
}

/// The ticket of a NewSessionTicket of TLS 1.2 (RFC 5077 §3.3).
pub(super) fn session_ticket(body: &[u8]) -> Option<&[u8]> {
    let mut c = HelloReader(body);
    c.take(4)?;
    c.long()
}

/// The premaster secret of a ClientKeyExchange by RSA, as it is encrypted (RFC 5246 §7.4.7.1).
pub(super) fn encrypted_premaster(body: &[u8]) -> Option<&[u8]> {
    HelloReader(body).long()
}

/// Octets of the message that begins here, without its header.
pub(super) fn message_len(messages: &[u8]) -> Option<usize> {
    let [_, a, b, c] = *messages.first_chunk::<4>()?;
    Some(u32::from_be_bytes([0, a, b, c]) as usize)
}
