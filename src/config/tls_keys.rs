//! `[tls]`: what SIP over TLS is opened with.

use super::keys::{Kind, section};
use super::sip_ports::SipPorts;
use std::path::PathBuf;

section! {
    /// SIP over TLS as a mirror port shows it. It can be decrypted if one of the two ends writes its secrets
    /// to a key log, or if the server's RSA key is known. Secrets are kept in memory only.
    pub struct TlsSection {
        /// Files to which a SIP server or proxy appends the secrets of its connections, in the format
        /// of SSLKEYLOGFILE (RFC 9850). They are followed as they grow, and read again when they are
        /// replaced. A connection that began before the recorder, or whose secrets come more than ten seconds
        /// late, cannot be read. Secrets of DTLS decrypt SRTP that is keyed by it (RFC 5764).
        key_log: Vec<String> = Vec::new(), Kind::Texts, OnRestart, "[\"/run/kamailio/keys.log\"]";
        /// PEM files with private RSA keys of servers. They decrypt TLS 1.2 only, and only if the server
        /// allows only RSA key exchange (cipher suites named TLS_RSA_...).
        rsa_keys: Vec<String> = Vec::new(), Kind::Texts, OnRestart, "[\"/etc/nauhuri/sip-server.key\"]";
        /// TCP ports on which SIP over TLS is read, in addition to those of sip.ports; secure WebSockets too.
        /// "any": on every port.
        ports: SipPorts = SipPorts::Listed(vec![5061]), Kind::Ports, OnRestart;
    }
}

impl TlsSection {
    /// Whether there is anything to open TLS with.
    pub fn is_set(&self) -> bool {
        !self.key_log.is_empty() || !self.rsa_keys.is_empty()
    }

    /// Files of key logs.
    pub fn key_logs(&self) -> impl Iterator<Item = PathBuf> {
        self.key_log.iter().map(PathBuf::from)
    }
}
