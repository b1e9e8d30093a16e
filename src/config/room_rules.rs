//! Whether `[room]` makes sense: what `check` asks of it.

use super::compiled::Networks;
use super::listening::{LANGUAGES, Room};

/// One thing that makes no sense: key, what stands there, what may.
type Wrong = (String, String, String);

/// Everything in `[room]` that makes no sense.
pub(super) fn wrong(room: &Room) -> Vec<Wrong> {
    let mut out = Vec::new();
    let mut add = |key: &str, found: String, allowed: &str| out.push((key.into(), found, allowed.into()));
    let listen = room.listen.parse::<std::net::SocketAddr>();
    match &listen {
        Err(_) => add(
            "room.listen",
            format!("{:?}", room.listen),
            "an address with its port such as \"127.0.0.1:9170\" or \"[::1]:9170\"",
        ),
        Ok(addr) if !addr.ip().is_loopback() && !room.tls.is_set() && room.trusted_proxies.is_empty() => add(
            "room.listen",
            format!("{:?}, where passwords would travel in clear", room.listen),
            "an address of this machine only, such as \"127.0.0.1:9170\", unless room.tls or room.trusted_proxies is set",
        ),
        Ok(_) => {}
    }
    if room.tls.is_set() && (room.tls.cert.as_os_str().is_empty() || room.tls.key.as_os_str().is_empty()) {
        add("room.tls", "only one of cert and key".into(), "both, or neither");
    }
    networks("room.trusted_proxies", &room.trusted_proxies, &mut add);
    for (key, value) in [("room.session_idle", room.session_idle), ("room.session_max", room.session_max)] {
        if value.is_zero() {
            add(key, "\"0s\"".into(), "a duration above zero such as \"15m\"");
        }
    }
    let known = |lang: &String| LANGUAGES.contains(&lang.as_str());
    if room.languages.is_empty() || !room.languages.iter().all(known) {
        add("room.languages", format!("{:?}", room.languages), "at least one of \"fi\", \"sv\", \"en\"");
    }
    if !room.exports.as_os_str().is_empty() && !room.exports.is_absolute() {
        add(
            "room.exports",
            format!("{:?}", room.exports),
            "the whole path of a folder outside the store, or \"\"",
        );
    }
    if !room.oidc.issuer.is_empty() {
        let allowed = "\"\": this version signs people in by local accounts only (nauhuri user add)";
        add("room.oidc", format!("issuer = {:?}", room.oidc.issuer), allowed);
    }
    for (name, role) in &room.roles {
        let key = format!("room.roles.{name}");
        if !is_role_name(name) {
            add(&key, format!("{name:?}"), "a name of up to 32 lower-case letters, digits, - and _");
        }
        networks(&format!("{key}.networks"), &role.networks, &mut add);
    }
    out
}

fn networks(key: &str, blocks: &[String], add: &mut impl FnMut(&str, String, &str)) {
    for block in blocks {
        if Networks::parse([block.as_str()]).is_err() {
            add(key, format!("{block:?}"), "CIDR blocks such as \"10.20.0.0/16\" or \"2001:db8::/32\"");
        }
    }
}

/// A role's name stands in the log and on pages.
fn is_role_name(name: &str) -> bool {
    let safe = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=32).contains(&name.len()) && name.bytes().all(safe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::listening::{Role, Tls};

    #[test]
    fn a_door_to_others_is_locked() {
        let keys = |change: &dyn Fn(&mut Room)| -> Vec<String> {
            let mut room = Room::default();
            change(&mut room);
            wrong(&room).into_iter().map(|(key, ..)| key).collect()
        };
        assert_eq!(keys(&|_| ()), [""; 0]);
        for listen in ["0.0.0.0:9170", "[::]:9170", "192.0.2.1:443"] {
            assert_eq!(keys(&|r| r.listen = listen.into()), ["room.listen"], "{listen}");
            let proxied = |r: &mut Room| {
                r.listen = listen.into();
                r.trusted_proxies = vec!["192.0.2.7".into()];
            };
            assert_eq!(keys(&proxied), [""; 0]);
            let tls = |r: &mut Room| {
                r.listen = listen.into();
                r.tls = Tls { cert: "/a".into(), key: "/b".into() };
            };
            assert_eq!(keys(&tls), [""; 0]);
        }
        for listen in ["127.0.0.9:1", "[::1]:9170"] {
            assert_eq!(keys(&|r| r.listen = listen.into()), [""; 0]);
        }
        assert_eq!(keys(&|r| r.listen = "localhost".into()), ["room.listen"]);
        assert_eq!(keys(&|r| r.tls.cert = "/a".into()), ["room.tls"]);
        assert_eq!(keys(&|r| r.languages = vec!["de".into()]), ["room.languages"]);
        assert_eq!(keys(&|r| r.oidc.issuer = "https://id.example".into()), ["room.oidc"]);
        assert_eq!(keys(&|r| r.exports = "out".into()), ["room.exports"]);
        let role = |r: &mut Room| {
            let networks = vec!["10.0.0.0/33".into()];
            r.roles.insert("Agent <b>".into(), Role { networks, ..Role::default() });
        };
        assert_eq!(keys(&role), ["room.roles.Agent <b>", "room.roles.Agent <b>.networks"]);
    }
}
