//! `[probe]`: a test call through the exchange, looked for in the recordings.

use super::exchange_address::ExchangeAddress;
use super::keys::{Kind, section};
use super::words;
use crate::id::Channel;
use std::path::PathBuf;
use std::time::Duration;

section! {
    /// The test call of `nauhuri probe`: tones that no other call has are sent through the exchange, and
    /// looked for in the recording. Nothing is called unless somebody runs the command, or its timer
    /// (nauhuri-probe.timer). Give it a number of its own, and a service of its own with a short
    /// retention, so that it does not count among the customers' calls.
    pub struct ProbeSection {
        /// The exchange or its proxy: "udp:10.1.0.1:5060" or "tcp:pbx.example:5060". Empty: no test call.
        #[serde(with = "crate::config::forms::or_nothing")]
        exchange: Option<ExchangeAddress> = None, Kind::Word(&words::EXCHANGE), Elsewhere, "\"udp:10.1.0.1:5060\"";
        /// Whom to call: a number, or a SIP URI such as "sip:9001@pbx.example". Somebody has to answer who is
        /// an agent by the rules for agents: an extension with an announcement or an echo.
        to: String = String::new(), Kind::Word(&words::CALLED), Elsewhere, "\"9001\"";
        /// Who calls: a SIP URI. Empty: the user below at the exchange.
        from: String = String::new(), Kind::Word(&words::CALLER), Elsewhere;
        /// Name of the account at the exchange, if it requires one (digest authentication, with SHA-256 or
        /// MD5).
        user: String = String::new(), Kind::Word(&words::SIP_USER), Elsewhere;
        /// File with its password, one line; nobody but its owner may read it.
        password_file: PathBuf = PathBuf::new(), Kind::Text, Elsewhere;
        /// Name of the service to which the test call belongs. Only its recordings are searched for the
        /// tones, so set it if the exchange gives the agent's side a Call-ID of its own. Empty: only the
        /// recording with the Call-ID of the test call is searched.
        service: String = String::new(), Kind::Text, Elsewhere;
        /// On whose side the tones have to be: "customer", or "agent" if the test call is placed from an
        /// agent's extension.
        side: Channel = Channel::Customer, Kind::OneOf(&["customer", "agent"]), Elsewhere;
        /// How long it may ring.
        #[serde(with = "crate::config::forms::duration")]
        ring: Duration = Duration::from_secs(20), Kind::Period, Elsewhere;
        /// How long it lasts once it is answered, 5 s to 5 min.
        #[serde(with = "crate::config::forms::duration")]
        talk: Duration = Duration::from_secs(6), Kind::Period, Elsewhere;
        /// How long to wait for the recording after the call. If there is none, the reason is known a
        /// minute after the call.
        #[serde(with = "crate::config::forms::duration")]
        wait: Duration = Duration::from_secs(90), Kind::Period, Elsewhere;
    }
}

impl ProbeSection {
    /// URIs of who calls and who is called, at an exchange of this name.
    pub fn uris(&self, host: &str) -> (String, String) {
        let whole = |text: &str| match text.starts_with("sip:") {
            true => text.to_owned(),
            false => format!("sip:{text}@{host}"),
        };
        let user = if self.user.is_empty() { "nauhuri" } else { &self.user };
        (whole(if self.from.is_empty() { user } else { &self.from }), whole(&self.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_called_at_the_exchange() {
        let mut own = ProbeSection { to: "9001".into(), ..ProbeSection::default() };
        assert_eq!(own.uris("pbx"), ("sip:nauhuri@pbx".into(), "sip:9001@pbx".into()));
        (own.user, own.to) = ("probe".into(), "sip:echo@other.example".into());
        assert_eq!(own.uris("pbx"), ("sip:probe@pbx".into(), "sip:echo@other.example".into()));
        own.from = "sip:+358401234567@pbx.example".into();
        assert_eq!(own.uris("pbx").0, "sip:+358401234567@pbx.example");
    }
}
