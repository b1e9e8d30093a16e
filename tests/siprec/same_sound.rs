//! SIPREC or mirror: the same call gives the same sound.
//!
//! Shipped captures are replayed as they are, and told by a recording client that is handed their
//! descriptions and their media at the same instants.

use crate::client::{Client, Person, Stream};
use crate::common::capture::{Datagram, datagrams};
use crate::common::run::{Recording, replay};
use crate::common::{ladder::T0, repository};
use crate::stage::{Stage, client, config};
use nauhuri::config::Networks;
use std::net::SocketAddr;

/// Captures of one call whose description does not change: codecs, losses, keys, comfort noise, IPv6.
const CAPTURES: [&str; 12] = [
    "sipp-inbound-customer-bye",
    "sipp-outbound",
    "sipp-lossy",
    "sipp-g722",
    "sipp-l16",
    "sipp-comfort-noise",
    "sipp-dtmf-rfc4733",
    "sipp-ptime-10-60",
    "sipp-ssrc-change",
    "sipp-ipv6",
    "baresip-opus",
    "baresip-srtp",
];

/// What a message of the capture says of one side.
struct Described {
    at_ns: i64,
    addr: SocketAddr,
    coding: String,
    attributes: Vec<String>,
}

fn text(d: &Datagram) -> String {
    String::from_utf8_lossy(&d.payload).into_owned()
}

fn described(d: &Datagram) -> Described {
    let text = text(d);
    let body = text.split("\r\n\r\n").nth(1).unwrap();
    let line = |start: &str| body.lines().find_map(|l| l.strip_prefix(start)).unwrap();
    let mut m = line("m=audio ").splitn(2, ' ');
    let port: u16 = m.next().unwrap().parse().unwrap();
    let ip = line("c=IN IP").split(' ').nth(1).unwrap().parse().unwrap();
    let kept = ["rtpmap", "fmtp", "crypto"];
    let attributes = body.lines().filter_map(|l| l.strip_prefix("a="));
    let attributes = attributes.filter(|a| kept.iter().any(|k| a.starts_with(k))).map(str::to_owned);
    Described {
        at_ns: d.at_ns,
        addr: SocketAddr::new(ip, port),
        coding: m.next().unwrap().to_owned(),
        attributes: attributes.collect(),
    }
}

/// The address in a header, without its tag.
fn address(message: &str, name: &str) -> String {
    let value = crate::client::header(message, name).unwrap();
    let uri = value.split('<').nth(1).unwrap_or(&value);
    uri.split(['>', ';']).next().unwrap().to_owned()
}

/// The call of a capture as a client tells it.
fn told(capture: &str) -> (Vec<Recording>, Client) {
    let all = datagrams(&repository("pcaps").join(format!("{capture}.pcap")));
    let find = |is: &dyn Fn(&str) -> bool| all.iter().find(|d| is(&text(d))).unwrap();
    let invite = find(&|t| t.starts_with("INVITE ") && t.contains("m=audio"));
    let ok = find(&|t| t.starts_with("SIP/2.0 200") && t.contains("INVITE\r\n") && t.contains("m=audio"));
    let bye = find(&|t| t.starts_with("BYE "));
    let sides = [described(invite), described(ok)];
    let ms = |at_ns: i64| (at_ns - T0) as f64 / 1e6;
    let mut c = client(1);
    let request = text(invite);
    c.people = ["From", "To"]
        .iter()
        .zip(["1", "2"])
        .map(|(h, l)| Person::new(l, &address(&request, h), l))
        .collect();
    c.streams = (0..2)
        .map(|i: usize| {
            // What the answer names is what is used; the keys are each side's own.
            let own = sides[i].attributes.iter().filter(|a| a.starts_with("crypto"));
            let agreed = sides[1].attributes.iter().filter(|a| !a.starts_with("crypto"));
            let attributes = agreed.chain(own).cloned().collect();
            Stream {
                coding: sides[1].coding.clone(),
                attributes,
                ..Stream::new(&(i + 1).to_string(), sides[i].addr)
            }
        })
        .collect();
    let mut config = config();
    let from: Vec<String> = sides.iter().map(|s| s.addr.ip().to_string()).collect();
    config.siprec.from =
        Networks::parse(from.iter().map(String::as_str).chain(["192.0.2.0/24", "2001:db8::/32"])).unwrap();
    let mut s = Stage::new(&config);
    let begins = c.invite();
    s.accepted(ms(sides[1].at_ns), &mut c, &begins);
    for d in all.iter().filter(|d| d.at_ns > sides[1].at_ns && d.at_ns < bye.at_ns + 1_000_000_000) {
        if d.at_ns >= bye.at_ns && s.server.sessions() > 0 {
            let ends = c.bye();
            s.accepted(ms(bye.at_ns), &mut c, &ends);
        }
        if d.rtp().is_some()
            && let Some(i) =
                (0..2).find(|i: &usize| sides[*i].addr.ip() == d.src.ip() && sides[1 - *i].addr == d.dst)
        {
            s.rtp(d.at_ns, &c, i, d.src, &d.payload);
        }
    }
    if s.server.sessions() > 0 {
        let ends = c.bye();
        s.accepted(ms(bye.at_ns), &mut c, &ends);
    }
    let at = ms(bye.at_ns) + 3000.0;
    (s.recorded(at).0, c)
}

#[test]
fn siprec_or_mirror_the_same_call_gives_the_same_sound() {
    for capture in CAPTURES {
        let path = repository("pcaps").join(format!("{capture}.pcap"));
        let config = std::fs::read_to_string(repository("pcaps").join("nauhuri.toml")).unwrap();
        let mirrored = replay(&config, &[&path]);
        let (all, client) = told(capture);
        let [r] = &all[..] else { panic!("{capture}: {} recordings of {}", all.len(), client.metadata()) };
        let m = mirrored.only();
        for key in [
            "/agent/id",
            "/direction",
            "/customer/number",
            "/answered_at",
            "/duration_s",
            "/complete",
            "/streams",
        ] {
            assert_eq!(r.json.pointer(key), m.json.pointer(key), "{capture}: {key}");
        }
        assert_eq!((r.rate, r.data == m.data), (m.rate, true), "{capture}: the samples differ");
    }
}
