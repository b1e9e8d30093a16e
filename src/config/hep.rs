//! `[hep]`: what capture agents send, as another source than an interface.

use super::keys::{Kind, section};
use super::words;

section! {
    /// Calls that capture agents send over the network in HEP, version 2 or 3: Kamailio, OpenSIPS,
    /// rtpengine, captagent, heplify. With it a recorder needs no interface and no mirror port.
    pub struct Hep {
        /// Where to receive: "udp:127.0.0.1:9060", "tcp:10.1.0.5:9060" or "tls:[::]:9061". Empty: nowhere.
        listen: Vec<String> = Vec::new(), Kind::Words(&words::LISTEN_AT), "[\"udp:127.0.0.1:9060\"]";
    }
}
