//! `[hep]`: what capture agents send, as another source than an interface.

use super::keys::{Kind, section};
use super::listen_at::{ListenAt, ListenOver};
use super::listening::Tls;
use super::networks::Networks;
use super::tunnels::{TunnelKind, TunnelRule};
use super::words;
use std::path::PathBuf;

section! {
    /// Calls that capture agents send over the network in HEP, version 2 or 3: Kamailio, OpenSIPS,
    /// captagent, heplify. If they send media too, the recorder needs no interface and no mirror port.
    pub struct HepSection {
        /// Where to receive: "udp:127.0.0.1:9060", "tcp:10.1.0.5:9060" or "tls:10.1.0.5:9061". Empty: nowhere.
        listen: Vec<ListenAt> = Vec::new(), Kind::Words(&words::LISTEN_AT), OnRestart, "[\"udp:127.0.0.1:9060\"]";
        /// Networks of the agents. Anybody who may send can invent calls, so list no others.
        from: Networks = Networks::loopback(), Kind::Words(&words::NETWORKS), OnRestart;
        /// File with the password that agents must send (in HEP: the authenticate key). Empty: none.
        /// It is sent in clear unless TLS is used. HEP version 2 has no password.
        password_file: PathBuf = PathBuf::new(), Kind::Text, OnRestart;
        /// PEM files of certificate and key, for agents that send over TLS.
        tls: Tls = Tls::default(), Kind::Keys(Tls::KEYS), OnRestart;
    }
}

impl HepSection {
    /// What it receives, as `replay` knows it again in a capture of another machine's network.
    pub fn as_tunnels(&self) -> impl Iterator<Item = TunnelRule> {
        let from = self.from.blocks().filter(|_| !self.listen.is_empty());
        from.map(|block| TunnelRule { kind: Some(TunnelKind::Hep), from: Some(block) })
    }

    /// The ports to which agents send single datagrams.
    pub fn udp_ports(&self) -> impl Iterator<Item = u16> {
        self.listen.iter().filter(|at| at.transport == ListenOver::Udp).map(|at| at.addr.port())
    }
}
