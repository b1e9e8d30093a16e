//! What the user is told about what could not be read: once for each kind, with
//! its number and with what to do. `replay` says it at the end, `record` when it
//! first happens.

use crate::config::TunnelKind;
use crate::engine::engine_stats::EngineStats;
use crate::net::{Transport, Unread};
use crate::telemetry::label::UnreadKind;
use crate::tls::Unopened;

/// SIP over TLS, whatever is configured.
const SIPS_PORT: u16 = 5061;

/// Something that was seen and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub kind: UnreadKind,
    /// Its port, or the number of its protocol.
    pub number: Option<u16>,
    /// The tunnel that was not opened, where it is one.
    pub tunnel: Option<TunnelKind>,
    /// How often.
    pub count: u64,
}

impl Notice {
    /// The same thing as another, whatever the count.
    pub fn is_same(&self, other: &Notice) -> bool {
        (self.kind, self.number, self.tunnel) == (other.kind, other.number, other.tunnel)
    }
}

/// Everything that somebody who expects recordings has to hear of.
pub fn notices(s: &EngineStats, sip_ports: &[u16]) -> Vec<Notice> {
    let plain = [
        (UnreadKind::Cut, s.net.truncated.max(s.net.cut)),
        (UnreadKind::Nested, s.net.nested_too_deep),
        (UnreadKind::NotSip, s.net.tcp_not_sip),
        (UnreadKind::Deflated, s.net.websocket_unreadable),
        (UnreadKind::KeyLog, s.net.key_log.unreadable),
        (UnreadKind::SuperPacket, s.super_packets),
    ];
    let plain = plain.into_iter().map(|(kind, count)| Notice { kind, number: None, tunnel: None, count });
    let kinds = s.unread.iter().filter_map(|(unread, count)| {
        let (kind, number) = reported_as(*unread, sip_ports)?;
        Some(Notice { kind, number: Some(number), tunnel: None, count: *count })
    });
    let tunnels = TunnelKind::ALL.iter().zip(s.net.tunnels_refused);
    let tunnels = tunnels.map(|(tunnel, count)| {
        let kind = UnreadKind::Tunnel;
        Notice { kind, number: None, tunnel: Some(*tunnel), count }
    });
    plain.chain(tunnels).filter(|n| n.count > 0).chain(kinds).collect()
}

/// As a kind with a number, if it is worth a word: web traffic is not.
fn reported_as(unread: Unread, sip_ports: &[u16]) -> Option<(UnreadKind, u16)> {
    let is_sip_port = |port: u16| port == SIPS_PORT || sip_ports.contains(&port);
    match unread {
        Unread::Protocol(n) => Some((UnreadKind::Encapsulation, n.into())),
        Unread::EtherType(n) => Some((UnreadKind::Encapsulation, n)),
        Unread::Tls { port, sip } => (sip || is_sip_port(port)).then_some((UnreadKind::Tls, port)),
        Unread::TlsUnopened { port, why } => Some((unopened_kind(why), port)),
        Unread::WebSocket { port, sip } => sip.then_some((UnreadKind::WebSocket, port)),
        Unread::Sctp { port, sip } => sip.then_some((UnreadKind::Sctp, port)),
        Unread::SipPort { port, .. } => Some((UnreadKind::SipPort, port)),
        // Said of the file or the interface; counted by `net` itself; beyond telling apart.
        Unread::Link(_) | Unread::Tunnel(_) | Unread::More => None,
    }
}

fn unopened_kind(why: Unopened) -> UnreadKind {
    match why {
        Unopened::NoSecret => UnreadKind::TlsNoSecret,
        Unopened::Unsupported => UnreadKind::TlsUnsupported,
        Unopened::Lost => UnreadKind::TlsLost,
    }
}

/// Totals by [`UnreadKind::index`], for the metrics.
pub fn totals(s: &EngineStats, sip_ports: &[u16]) -> [u64; UnreadKind::COUNT] {
    let mut totals = [0; UnreadKind::COUNT];
    for n in notices(s, sip_ports) {
        totals[n.kind.index()] += n.count;
    }
    totals[UnreadKind::LinkType.index()] = s.net.unknown_link;
    totals[UnreadKind::Encapsulation.index()] = s.net.unknown_encapsulation;
    totals[UnreadKind::Header.index()] = s.net.short_headers;
    totals
}

/// A notice in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldNotice {
    /// What is not read.
    pub what: String,
    /// What to do about this one; empty where there is no more to say than [`UnreadKind::remedy`].
    pub remedy: String,
}

/// What to say of a notice after a replay.
pub fn text(n: &Notice, s: &EngineStats, sip_ports: &[u16]) -> String {
    let ToldNotice { what, remedy } = told(n, s, sip_ports);
    if remedy.is_empty() { what } else { format!("{what}; {remedy}") }
}

/// The same in its two parts.
pub fn told(n: &Notice, s: &EngineStats, sip_ports: &[u16]) -> ToldNotice {
    let (count, number) = (n.count, n.number.unwrap_or_default());
    let add_port = || format!("to record their calls, set sip.ports = {}", ports_with(sip_ports, number));
    let general = || n.kind.remedy().to_owned();
    let (what, remedy) = match n.kind {
        UnreadKind::Cut => (cut(count, s), "capture whole packets: tcpdump -s 0".into()),
        UnreadKind::Encapsulation => {
            let packets = counted(count, "packet");
            (format!("not read: {packets} wrapped in {}", wrapping(number)), String::new())
        }
        UnreadKind::Nested => {
            let packets = counted(count, "packet");
            (format!("not read: {packets} in more tunnels within tunnels than are opened"), String::new())
        }
        UnreadKind::Tunnel => refused_tunnel(n, s),
        UnreadKind::NotSip => {
            let directions = counted(count, "direction");
            let what =
                format!("not read: {directions} of TCP connections on a SIP port, which do not speak SIP");
            (what, String::new())
        }
        UnreadKind::SuperPacket => (
            format!(
                "{} of recordings held several RTP packets each and were split: the capturing machine joins packets",
                counted(count, "UDP datagram")
            ),
            "switch that off there: ethtool -K IFACE gro off rx-udp-gro-forwarding off".into(),
        ),
        UnreadKind::SipPort => {
            let (messages, over) = (counted(count, "SIP message"), transport_of(number, s));
            (format!("not read: {messages} on {over} port {number}"), add_port())
        }
        UnreadKind::Tls => (
            format!(
                "not read: TLS on TCP port {number} ({}); calls whose signalling is encrypted are not seen",
                counted(count, "record")
            ),
            String::new(),
        ),
        UnreadKind::TlsNoSecret | UnreadKind::TlsUnsupported | UnreadKind::TlsLost => {
            let why = match n.kind {
                UnreadKind::TlsNoSecret => "whose secrets did not become known in time",
                UnreadKind::TlsLost => "whose beginning, or too much of them, was not captured",
                _ => "of a version or with a cipher suite that is not opened",
            };
            let connections = counted(count, "TLS connection");
            (format!("not read: {connections} on port {number}, {why}"), general())
        }
        UnreadKind::KeyLog => {
            (format!("{} of tls.key_log cannot be read", counted(count, "line")), general())
        }
        UnreadKind::WebSocket => {
            let sockets = counted(count, "WebSocket");
            (format!("not read: {sockets} with SIP on TCP port {number}"), add_port())
        }
        UnreadKind::Deflated => {
            let messages = counted(count, "message");
            (format!("not read: {messages} of WebSockets, which are compressed"), general())
        }
        UnreadKind::Sctp => {
            let packets = counted(count, "SCTP packet");
            (format!("not read: {packets} with SIP on port {number}"), add_port())
        }
        UnreadKind::LinkType | UnreadKind::Header => {
            (format!("not read: {count}. {}", n.kind.describe()), String::new())
        }
    };
    ToldNotice { what, remedy }
}

fn cut(count: u64, s: &EngineStats) -> String {
    let audio = match s.rtp_cut {
        0 => String::new(),
        rtp => format!(" ({rtp} of them with audio of recordings)"),
    };
    let are = if count == 1 { "is" } else { "are" };
    format!(
        "{count} of {} {are} cut by the snap length or sliced on the way{audio}: what was not captured \
         cannot be recorded",
        counted(s.net.frames, "packet")
    )
}

/// Which tunnel, from where, and the line that opens it.
fn refused_tunnel(n: &Notice, s: &EngineStats) -> (String, String) {
    let Some(kind) = n.tunnel else { return (UnreadKind::Tunnel.describe().to_owned(), String::new()) };
    let (packets, name) = (counted(n.count, "packet"), kind.as_str());
    match s.tunnel_senders[kind.index()] {
        Some(sender) => (
            format!("not read: {packets} in a tunnel of kind {name}, the first from {sender}"),
            format!(
                "if that is your mirror, set capture.tunnels = [{{ kind = \"{name}\", from = \"{sender}\" }}]"
            ),
        ),
        None => (
            format!("not read: {packets} in a tunnel of kind {name}, which capture.tunnels does not open"),
            String::new(),
        ),
    }
}

/// `1 recording`, `2 recordings`.
pub fn counted(n: u64, noun: &str) -> String {
    match (n, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{n} {stem}ies"),
        (_, None) => format!("{n} {noun}s"),
    }
}

/// Never "0 SIP messages" alone: what was there instead.
pub fn instead_of_sip(s: &EngineStats, sip_ports: &[u16]) -> Option<String> {
    if s.sip_messages() > 0 {
        return None;
    }
    let n = &s.net;
    if n.frames + s.datagrams == 0 {
        return Some("no packet was captured".into());
    }
    let counts = [
        (n.unknown_link, "frame", " of a link type that is not read"),
        (n.not_ip, "frame", " without IP"),
        (n.unknown_encapsulation, "packet", " in a wrapping that is not read"),
        (n.tunnels_refused.iter().sum(), "packet", " in tunnels that capture.tunnels does not open"),
        (n.nested_too_deep, "packet", " in too many tunnels"),
        (n.short_headers, "packet", " with headers cut short"),
        (n.fragments_dropped.total(), "datagram", " with missing fragments"),
        (n.other_transport, "packet", " of neither UDP nor TCP"),
        (s.sip_parse_errors, "datagram", " on a SIP port without SIP in it"),
        (n.tcp_segments, "TCP segment", " on a SIP port"),
        (n.tcp_ignored, "TCP segment", " on other ports"),
        (s.rtp_unmatched + s.rtp_not_recorded, "RTP packet", " of no known call"),
        (s.rtcp, "RTCP packet", ""),
        (s.other_udp, "other UDP datagram", ""),
    ];
    let counts = counts.iter().filter(|(count, ..)| *count > 0);
    let counts = counts.map(|(count, noun, rest)| counted(*count, noun) + rest);
    let ports = s.unread.iter().filter_map(|(unread, _)| match unread {
        Unread::Tls { port, .. } | Unread::TlsUnopened { port, .. } => Some(format!("TLS on port {port}")),
        Unread::WebSocket { port, .. } => Some(format!("a WebSocket on port {port}")),
        Unread::Sctp { port, .. } => Some(format!("SCTP on port {port}")),
        Unread::SipPort { port, .. } => Some(format!("SIP on port {port}")),
        _ => None,
    });
    let seen: Vec<String> = counts.chain(ports).collect();
    let seen = if seen.is_empty() { "nothing".into() } else { seen.join(", ") };
    let ports = match sip_ports {
        [] => "any port".into(),
        [one] => format!("port {one}"),
        several => format!("ports {}", listed(several)),
    };
    Some(format!("no SIP on {ports} (sip.ports); seen instead: {seen}"))
}

fn transport_of(port: u16, s: &EngineStats) -> &'static str {
    let is_tcp = |u: &Unread| *u == Unread::SipPort { transport: Transport::Tcp, port };
    if s.unread.iter().any(|(u, _)| is_tcp(u)) { "TCP" } else { "UDP" }
}

/// By the number of an IP protocol or an EtherType: they do not overlap.
fn wrapping(number: u16) -> String {
    match number {
        50 => "ESP (IPsec)".into(),
        115 => "L2TP".into(),
        0x88e5 => "MACsec".into(),
        0x894f => "NSH".into(),
        other => format!("protocol {other:#06x}"),
    }
}

fn listed(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

fn ports_with(ports: &[u16], port: u16) -> String {
    format!("[{}]", listed(&[ports, &[port]].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(unread: &[Unread]) -> EngineStats {
        let mut s =
            EngineStats { unread: unread.iter().map(|u| (*u, 3)).collect(), ..EngineStats::default() };
        s.net.frames = 9;
        s
    }

    fn said(s: &EngineStats) -> String {
        let ports = [5060, 5080];
        notices(s, &ports).iter().map(|n| text(n, s, &ports) + "\n").collect()
    }

    #[test]
    fn every_kind_says_what_and_where() {
        let s = stats(&[
            Unread::Protocol(50),
            Unread::EtherType(0x88e5),
            Unread::Tls { port: 5061, sip: false },
            Unread::WebSocket { port: 8080, sip: true },
            Unread::Sctp { port: 7000, sip: true },
            Unread::SipPort { transport: Transport::Tcp, port: 5070 },
        ]);
        let said = said(&s);
        for word in
            ["ESP", "MACsec", "port 5061", "port 8080", "port 7000", "TCP port 5070", "[5060, 5080, 5070]"]
        {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert_eq!(said.lines().count(), 6);
        assert_eq!(totals(&s, &[5060])[UnreadKind::Tls.index()], 3);
    }

    #[test]
    fn the_web_is_only_told_where_there_is_no_sip() {
        let mut s = stats(&[Unread::Tls { port: 443, sip: false }, Unread::Sctp { port: 2905, sip: false }]);
        assert_eq!(said(&s), "");
        let text = instead_of_sip(&s, &[5060]).unwrap_or_default();
        assert!(text.contains("TLS on port 443") && text.contains("SCTP on port 2905"), "{text}");
        s.requests[0] = 1;
        assert_eq!(instead_of_sip(&s, &[5060]), None);
        s = stats(&[]);
        (s.rtcp, s.other_udp) = (1, 2);
        let text = instead_of_sip(&s, &[5060, 5080]).unwrap_or_default();
        assert!(text.ends_with("seen instead: 1 RTCP packet, 2 other UDP datagrams"), "{text}");
        s = EngineStats::default();
        assert_eq!(instead_of_sip(&s, &[5060]).as_deref(), Some("no packet was captured"));
    }

    #[test]
    fn numbers_and_nouns_agree() {
        assert_eq!(
            [counted(1, "entry"), counted(0, "entry"), counted(2, "call")],
            ["1 entry", "0 entries", "2 calls"]
        );
    }

    #[test]
    fn cut_packets_are_counted_once() {
        let mut s = stats(&[]);
        (s.net.truncated, s.net.cut, s.rtp_cut) = (4, 6, 2);
        let said = said(&s);
        assert!(
            said.starts_with("6 of 9 packets") && said.contains("2 of them") && said.contains("-s 0"),
            "{said}"
        );
    }
}
