//! Whether `[room]` makes sense: what `check` asks of it.

use super::listening::{ROLES, Room};

/// One thing that makes no sense: key, what stands there, what may.
type RoomProblem = (String, String, String);

/// Everything in `[room]` that makes no sense.
pub(super) fn wrong(room: &Room) -> Vec<RoomProblem> {
    let mut out = Vec::new();
    let mut add = |key: &str, found: String, allowed: &str| out.push((key.into(), found, allowed.into()));
    if !room.listen.ip().is_loopback() && !room.tls.is_set() && room.trusted_proxies.is_empty() {
        add(
            "room.listen",
            format!("\"{}\", where passwords would travel in clear", room.listen),
            "an address of this machine only, such as \"127.0.0.1:9170\", unless room.tls or room.trusted_proxies is set",
        );
    }
    if room.tls.is_set() && (room.tls.cert.as_os_str().is_empty() || room.tls.key.as_os_str().is_empty()) {
        add("room.tls", "only one of cert and key".into(), "both, or neither");
    }
    if room.languages.is_empty() {
        add("room.languages", "an empty list".into(), "at least one of \"fi\", \"sv\", \"en\"");
    }
    oidc(room, &mut add);
    for name in room.roles.keys().filter(|name| !is_role_name(name)) {
        let allowed = "a name of up to 32 lower-case letters, digits, - and _";
        add(&format!("room.roles.{name}"), format!("{name:?}"), allowed);
    }
    out
}

/// A provider that is named is named whole, and nothing travels to it in clear.
fn oidc(room: &Room, add: &mut impl FnMut(&str, String, &str)) {
    let oidc = &room.oidc;
    if oidc.issuer.is_empty() {
        return;
    }
    let to_this_machine = |rest: &str| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
            .map_or(host, |(host, _)| host);
        host == "localhost"
            || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    let is_safe = oidc.issuer.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
        || oidc.issuer.strip_prefix("http://").is_some_and(to_this_machine);
    if !is_safe || oidc.issuer.contains(['?', '#', ' ', '@']) {
        add(
            "room.oidc.issuer",
            format!("{:?}", oidc.issuer),
            "the https address of the provider, as it names itself",
        );
    }
    if oidc.client_id.is_empty() {
        add("room.oidc.client_id", "\"\"".into(), "the name by which the provider knows the room");
    }
    if oidc.roles.is_empty() {
        add("room.oidc.roles", "{}".into(), "group = role, at least one: without it nobody gets in");
    }
    for (group, role) in &oidc.roles {
        if !room.roles.contains_key(role) && !ROLES.contains(&role.as_str()) {
            add(
                &format!("room.oidc.roles.{group}"),
                format!("{role:?}"),
                "a role of room.roles, or one that nauhuri knows",
            );
        }
    }
    for (key, claim) in
        [("room.oidc.name_claim", &oidc.name_claim), ("room.oidc.groups_claim", &oidc.groups_claim)]
    {
        if claim.is_empty() {
            add(key, "\"\"".into(), "the name of a claim");
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
    use crate::config::Networks;
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
            assert_eq!(keys(&|r| r.listen = listen.parse().unwrap()), ["room.listen"], "{listen}");
            let proxied = |r: &mut Room| {
                r.listen = listen.parse().unwrap();
                r.trusted_proxies = Networks::parse(["192.0.2.7"]).unwrap();
            };
            assert_eq!(keys(&proxied), [""; 0]);
            let tls = |r: &mut Room| {
                r.listen = listen.parse().unwrap();
                r.tls = Tls { cert: "/a".into(), key: "/b".into() };
            };
            assert_eq!(keys(&tls), [""; 0]);
        }
        for listen in ["127.0.0.9:1", "[::1]:9170"] {
            assert_eq!(keys(&|r| r.listen = listen.parse().unwrap()), [""; 0]);
        }
        assert_eq!(keys(&|r| r.tls.cert = "/a".into()), ["room.tls"]);
        assert_eq!(keys(&|r| r.languages.clear()), ["room.languages"]);
        let provider = |r: &mut Room, issuer: &str| {
            r.oidc.issuer = issuer.into();
            r.oidc.client_id = "room".into();
            r.oidc.roles.insert("cc-agents".into(), "agent".into());
        };
        for issuer in [
            "https://id.example",
            "https://id.example/realms/x",
            "http://localhost:3000",
            "http://[::1]:80/x",
        ] {
            assert_eq!(keys(&|r| provider(r, issuer)), [""; 0], "{issuer}");
        }
        for issuer in [
            "http://id.example",
            "https://",
            "id.example",
            "http://localhost.example/",
            "https://u@id.example",
        ] {
            assert_eq!(keys(&|r| provider(r, issuer)), ["room.oidc.issuer"], "{issuer}");
        }
        let missing = ["room.oidc.client_id", "room.oidc.roles"];
        assert_eq!(keys(&|r| r.oidc.issuer = "https://id.example".into()), missing);
        let unknown = |r: &mut Room| {
            provider(r, "https://id.example");
            r.oidc.roles.insert("x".into(), "king".into());
            r.oidc.name_claim.clear();
        };
        assert_eq!(keys(&unknown), ["room.oidc.roles.x", "room.oidc.name_claim"]);
        let role = |r: &mut Room| drop(r.roles.insert("Agent <b>".into(), Role::default()));
        assert_eq!(keys(&role), ["room.roles.Agent <b>"]);
    }
}
