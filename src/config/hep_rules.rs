//! Whether `[hep]` makes sense, and what it leaves open.

use super::hep_keys::HepSection;
use super::listen_at::ListenOver;

/// Everything in `[hep]` that makes no sense: key, what stands there, what may.
pub(super) fn wrong(hep: &HepSection) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut out = Vec::new();
    if hep.listen.is_empty() {
        return out;
    }
    if hep.from.is_empty() {
        out.push(("hep.from", "nothing", "the networks of the capture agents where hep.listen is set"));
    }
    let (cert, key) = (&hep.tls.cert, &hep.tls.key);
    if cert.as_os_str().is_empty() != key.as_os_str().is_empty() {
        out.push(("hep.tls", "only one of cert and key", "both, or neither"));
    } else if !hep.tls.is_set() && hep.listen.iter().any(|at| at.transport == ListenOver::Tls) {
        out.push(("hep.tls", "nothing", "cert and key where hep.listen has an address with \"tls:\""));
    }
    out
}

/// What whoever reaches the addresses may do with them.
pub(super) fn left_open(hep: &HepSection) -> Vec<String> {
    let mut all = Vec::new();
    for at in hep.listen.iter().filter(|at| !at.addr.ip().to_canonical().is_loopback()) {
        if at.transport == ListenOver::Udp {
            all.push(format!(
                "hep.listen = \"{at}\": the sender of a UDP packet can be forged, so anybody who can reach this address \
                 can make up calls; let only capture agents reach it, or let them send over TLS with hep.password_file"
            ));
        } else if at.transport == ListenOver::Tcp && !hep.password_file.as_os_str().is_empty() {
            all.push(format!(
                "hep.listen = \"{at}\": the password of hep.password_file travels in clear; use \"tls:\""
            ));
        }
    }
    if let Some(block) =
        hep.from.blocks().find(|net| net.prefix_len() == 0).filter(|_| !hep.listen.is_empty())
    {
        all.push(format!(
            "hep.from = \"{block}\" is everybody: anybody who can reach hep.listen can invent calls"
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Networks;
    use crate::config::listen_at::ListenAt;

    fn section(listen: &[&str], change: impl FnOnce(&mut HepSection)) -> HepSection {
        let listen = listen.iter().filter_map(|at| ListenAt::parse(at)).collect();
        let mut hep = HepSection { listen, ..HepSection::default() };
        change(&mut hep);
        hep
    }

    #[test]
    fn tls_needs_both_files_and_agents_need_an_address() {
        let keys = |hep: &HepSection| wrong(hep).iter().map(|w| w.0).collect::<Vec<_>>();
        assert_eq!(keys(&section(&[], |h| h.from = Networks::default())), [""; 0], "nothing is received");
        assert_eq!(keys(&section(&["udp:127.0.0.1:9060"], |_| {})), [""; 0]);
        assert_eq!(keys(&section(&["udp:127.0.0.1:9060"], |h| h.from = Networks::default())), ["hep.from"]);
        assert_eq!(keys(&section(&["tls:[::]:9061"], |_| {})), ["hep.tls"]);
        assert_eq!(keys(&section(&["tcp:[::]:9061"], |h| h.tls.key = "key.pem".into())), ["hep.tls"]);
        let whole = |h: &mut HepSection| (h.tls.cert, h.tls.key) = ("cert.pem".into(), "key.pem".into());
        assert_eq!(keys(&section(&["tls:[::]:9061"], whole)), [""; 0]);
    }

    #[test]
    fn what_is_open_is_told() {
        let told = |hep: HepSection| left_open(&hep).concat();
        assert_eq!(told(section(&["udp:127.0.0.1:9060", "tcp:[::1]:9060", "tls:[::]:9061"], |_| {})), "");
        assert!(told(section(&["udp:10.1.0.5:9060"], |_| {})).contains("can be forged"));
        assert_eq!(told(section(&["tcp:10.1.0.5:9060"], |_| {})), "");
        let with = |h: &mut HepSection| h.password_file = "secret".into();
        assert!(told(section(&["tcp:10.1.0.5:9060"], with)).contains("in clear"));
        let all = told(section(&["tcp:10.1.0.5:9060"], |h| {
            h.from = Networks::parse(["10.0.0.0/8", "::/0"]).unwrap()
        }));
        assert!(all.contains("\"::/0\" is everybody"), "{all}");
    }
}
