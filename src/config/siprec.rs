//! `[siprec]`: recording clients, as another source than an interface.

use super::keys::{Kind, section};
use super::listen_at::{ListenAt, PortRange};
use super::listening::Tls;
use super::networks::Networks;
use super::words;
use std::net::IpAddr;

section! {
    /// Calls that a session border controller or a telephone exchange sends to the recorder by SIPREC (RFC
    /// 7866), where there is no mirror port. The recorder is the recording server. A recording begins when
    /// the client is answered. Agents and services are found by the same rules as for other calls, from the
    /// participants and the extension data of the metadata.
    pub struct Siprec {
        /// Where to receive SIP: "udp:10.1.0.5:5060", "tcp:10.1.0.5:5060" or "tls:10.1.0.5:5061". Empty: nowhere.
        listen: Vec<ListenAt> = Vec::new(), Kind::Words(&words::LISTEN_AT), OnRestart,
            "[\"udp:10.1.0.5:5060\", \"tcp:10.1.0.5:5060\"]";
        /// Networks of the recording clients. Anybody listed here can invent calls, so list no others:
        /// they are refused with 403.
        from: Networks = Networks::loopback(), Kind::Words(&words::NETWORKS), OnRestart;
        /// UDP ports for RTP and RTCP: two per stream, four for an ordinary call.
        rtp_ports: PortRange = PortRange::USUAL, Kind::Word(&words::PORT_RANGE), OnRestart;
        /// The addresses told to the clients for media, one of each family at most. Empty: the one at
        /// which the client reached the recorder.
        advertise: Vec<IpAddr> = Vec::new(), Kind::Words(&words::ADDRESSES), OnRestart, "[\"203.0.113.5\"]";
        /// PEM files of certificate and key, for clients that ask over TLS.
        tls: Tls = Tls::default(), Kind::Keys(Tls::KEYS), OnRestart;
        /// Recording sessions at once; another one is refused with 503.
        sessions: usize = 2_000, Kind::Count(1, 100_000), OnRestart;
        /// Names of the extension data, or of headers of the client's INVITE, that hold the number that
        /// was dialled: it decides which service the call belongs to. The metadata itself has no place for it.
        dialled: Vec<String> = ["DNIS", "dialledNumber", "P-Called-Party-ID"].map(String::from).into(),
            Kind::Words(&words::HEADERS), OnRestart;
    }
}
