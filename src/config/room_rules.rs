//! Whether `[room]` makes sense: what `check` asks of it.

use super::listening::Room;

/// One thing that makes no sense: key, what stands there, what may.
type Wrong = (String, String, String);

/// Everything in `[room]` that makes no sense.
pub(super) fn wrong(room: &Room) -> Vec<Wrong> {
    let mut out = Vec::new();
    let mut add = |key: &str, found: String, allowed: &str| out.push((key.into(), found, allowed.into()));
    match room.listen.parse::<std::net::SocketAddr>() {
        Ok(addr) if !addr.ip().is_loopback() && !room.tls.is_set() && room.trusted_proxies.is_empty() => add(
            "room.listen",
            format!("{:?}, where passwords would travel in clear", room.listen),
            "an address of this machine only, such as \"127.0.0.1:9170\", unless room.tls or room.trusted_proxies is set",
        ),
        // What is no address at all, the row of the key says.
        _ => {}
    }
    if room.tls.is_set() && (room.tls.cert.as_os_str().is_empty() || room.tls.key.as_os_str().is_empty()) {
        add("room.tls", "only one of cert and key".into(), "both, or neither");
    }
    if room.languages.is_empty() {
        add("room.languages", "an empty list".into(), "at least one of \"fi\", \"sv\", \"en\"");
    }
    if !room.oidc.issuer.is_empty() {
        let allowed = "\"\": this version signs people in by local accounts only (nauhuri user add)";
        add("room.oidc", format!("issuer = {:?}", room.oidc.issuer), allowed);
    }
    for name in room.roles.keys().filter(|name| !is_role_name(name)) {
        let allowed = "a name of up to 32 lower-case letters, digits, - and _";
        add(&format!("room.roles.{name}"), format!("{name:?}"), allowed);
    }
    out
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
        assert_eq!(keys(&|r| r.tls.cert = "/a".into()), ["room.tls"]);
        assert_eq!(keys(&|r| r.languages.clear()), ["room.languages"]);
        assert_eq!(keys(&|r| r.oidc.issuer = "https://id.example".into()), ["room.oidc"]);
        let role = |r: &mut Room| drop(r.roles.insert("Agent <b>".into(), Role::default()));
        assert_eq!(keys(&role), ["room.roles.Agent <b>"]);
    }
}
