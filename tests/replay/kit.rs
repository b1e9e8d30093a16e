//! What the ladders of this binary have in common: talk, whole calls, and what must be heard.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, addr, ns};
use crate::common::oracle::must;
use crate::common::run::{Recording, Run, files};
use crate::common::sdp::{Line, description};
use crate::common::voice::{Packet, Voice, relayed};
use std::net::SocketAddr;

/// The customer of the ladders as stored.
pub const CUSTOMER: &str = "+35840123xxxx";
/// Config of the ladders, quiet about all but agents.
pub use crate::common::ladder::AGENTS;
/// The same, and calls between agents as well.
pub const INTERNAL_TOO: &str = "[agents]\nextensions = [\"2000-2999\"]\nrecord_internal = true\n";

/// What caller and callee of a dialog said.
pub type Sent = [Vec<Packet>; 2];

/// Both parties talk.
pub fn talk(s: &mut Scene, d: &Dialog, from: f64, to: f64) -> Sent {
    let seed = u64::from(d.rtp[0].port()) * 7919 + from as u64;
    let sent = [
        Voice::of(d, Caller, seed).talk(from + 1.0, to),
        Voice::of(d, Callee, seed + 1).talk(from + 5.0, to),
    ];
    s.media(&sent[0]);
    s.media(&sent[1]);
    sent
}

/// A whole call: INVITE 0.9 s before `at`, talk, BYE of the caller at `end`.
pub fn call(s: &mut Scene, d: &Dialog, at: f64, end: f64) -> Sent {
    d.answered(s, at - 900.0, at);
    let sent = talk(s, d, at, end);
    d.bye(s, end, Caller);
    sent
}

/// The voices are whole and at their place, the caller's left.
#[track_caller]
pub fn inbound(r: &Recording, sent: &Sent) {
    must(r, "customer", &sent[0]);
    must(r, "agent", &sent[1]);
}

/// The voices are whole and at their place, the caller's right.
#[track_caller]
pub fn outbound(r: &Recording, sent: &Sent) {
    must(r, "agent", &sent[0]);
    must(r, "customer", &sent[1]);
}

/// Complete or not.
#[track_caller]
pub fn complete(r: &Recording, yes: bool) {
    assert_eq!(r.json["complete"], yes, "{}", r.json);
}

/// From where to where, in ms of the ladder, and who ended it.
#[track_caller]
pub fn spans(r: &Recording, from: f64, to: f64, by: &str) {
    for (key, at) in [("answered_at", from), ("ended_at", to)] {
        let off = (r.instant_ns(key) - ns(at)).abs();
        assert!(off <= 20_000_000, "{key} {} off by {off} ns", r.text(&format!("/{key}")));
    }
    assert_eq!(r.text("/ended_by"), by, "{}", r.json);
    let length = (to - from) / 1e3;
    assert!((r.number("/duration_s") - length).abs() <= 0.02, "{}", r.json);
    assert!((r.customer.len() as f64 / f64::from(r.rate) - length).abs() <= 0.02, "{}", r.json);
}

/// Agent, direction and the customer's number.
#[track_caller]
pub fn parties(r: &Recording, agent: &str, direction: &str, number: &str) {
    let is = [r.text("/agent/id"), r.text("/direction"), r.text("/customer/number")];
    assert_eq!(is, [agent, direction, number], "{}", r.json);
}

/// Nothing at all on a channel.
#[track_caller]
pub fn silent(r: &Recording, channel: &str) {
    let loud = r.channel(channel).iter().filter(|s| **s != 0).count();
    assert_eq!(loud, 0, "{channel}: samples that are not silent; {}", r.json);
}

/// Streams of a channel: how many, packets and losses of all.
pub fn streams(r: &Recording, channel: &str) -> (usize, u64, u64) {
    let all = r.json["streams"].as_array().unwrap();
    let of: Vec<_> = all.iter().filter(|s| s["channel"] == channel).collect();
    let sum = |key: &str| of.iter().map(|s| s[key].as_u64().unwrap()).sum();
    (of.len(), sum("packets"), sum("lost"))
}

/// Events of a kind at these seconds.
#[track_caller]
pub fn events(r: &Recording, kind: &str, at: &[f64]) {
    let is = r.events(kind);
    let near = is.len() == at.len() && is.iter().zip(at).all(|(i, a)| (i - a).abs() < 0.11);
    assert!(near, "{kind}: {is:?}, not {at:?}");
}

/// None of these digits is in anything that was written or said, sound aside.
#[track_caller]
pub fn nowhere(run: &Run, digits: &[&str]) {
    let mut all = run.stdout() + &run.stderr();
    for file in files(&run.dir) {
        all += &file.to_string_lossy();
        if file.extension().is_none_or(|e| e != "wav") {
            all += &String::from_utf8_lossy(&std::fs::read(&file).unwrap());
        }
    }
    for d in digits {
        assert!(!all.contains(d), "{d} in {all:.3000}");
    }
}

/// How many calls were not recorded for this reason.
pub fn unrecorded(run: &Run, reason: &str) -> u64 {
    run.summary()["unrecorded"][reason].as_u64().unwrap_or(0)
}

/// What was warned of: in the summary, and on standard error.
pub fn warnings(run: &Run) -> String {
    run.summary()["warnings"].to_string() + &run.stderr()
}

/// Other traffic every `step` ms: time runs on.
pub fn time_runs(s: &mut Scene, from: f64, to: f64, step: f64) {
    let mut at = from;
    while at < to {
        s.udp(at, addr("203.0.113.1:123"), addr("203.0.113.2:123"), b"time");
        at += step;
    }
}

/// The same dialog between other addresses: SIP of caller and callee, their media beside it.
pub fn at(d: Dialog, caller: &str, callee: &str) -> Dialog {
    let place = |text: &str, port: u16| SocketAddr::new(text.parse().unwrap(), port);
    let [c, a] = [d.rtp[0].port(), d.rtp[1].port()];
    Dialog { sip: [place(caller, 5060), place(callee, 5060)], rtp: [place(caller, c), place(callee, a)], ..d }
}

/// A leg of a call between users (From and To) at two hosts (caller's and callee's), with headers of its INVITE.
pub fn leg(n: u16, [from, to]: [&str; 2], [here, there]: [&str; 2], headers: &str) -> Dialog {
    let d = Dialog {
        from: format!("<sip:{from}@example.com>"),
        to: format!("<sip:{to}@example.com>"),
        uri: format!("sip:{to}@example.com"),
        headers: headers.into(),
        ..Dialog::new(n)
    };
    at(d, here, there)
}

/// `side`'s identity in the midst of a dialog.
pub fn identity(s: &mut Scene, d: &Dialog, at: f64, method: &str, side: Side, cseq: u32, headers: &str) {
    if method == "INVITE" {
        let sdp = |side| d.sdp_with(side, d.rtp[side as usize], "8", "sendrecv", cseq);
        d.request(s, at, "INVITE", side, cseq, headers, Some(&sdp(side)));
        d.response(s, at + 10.0, 200, "INVITE", side, cseq, Some(&sdp(side.other())));
        d.request(s, at + 15.0, "ACK", side, cseq, "", None);
    } else {
        d.exchange(s, at, method, side, cseq, headers);
    }
}

/// How far each packet's sound lies from its place, in samples at 8 kHz; none: not whole within `reach`.
pub fn shifts(r: &Recording, channel: &str, sent: &[Packet], reach: i64) -> Vec<Option<i64>> {
    let (heard, answered) = (r.channel(channel), r.instant_ns("answered_at"));
    let mut last = 0;
    let mut of = |p: &Packet| {
        let place = (p.nominal_ns - answered).div_euclid(125_000);
        let stands = |shift: &i64| {
            let from = usize::try_from(place + shift).ok();
            from.and_then(|f| heard.get(f..f + p.samples.len())).is_some_and(|h| h == p.samples)
        };
        let found = Some(last).filter(stands).or_else(|| (0..=reach).flat_map(|s| [s, -s]).find(stands));
        last = found.unwrap_or(last);
        found
    };
    sent.iter().map(&mut of).collect()
}

fn candidate(n: u8, component: u8, at: SocketAddr, kind: &str) -> String {
    format!("candidate:{n} {component} UDP 2130706431 {} {} typ {kind}", at.ip(), at.port())
}

/// A description whose `c=` names `told`, with these candidates.
pub fn ice(told: SocketAddr, hosts: &[SocketAddr]) -> String {
    let mut line = Line::audio(told).with("ice-ufrag:aB3").with("ice-pwd:0123456789abcdef01234567");
    for (i, h) in hosts.iter().enumerate() {
        let mut rtcp = *h;
        rtcp.set_port(h.port() + 1);
        line = line.with(candidate(i as u8 + 1, 1, *h, "host")).with(candidate(i as u8 + 1, 2, rtcp, "host"));
    }
    let raddr = format!("srflx raddr {} rport {}", hosts[0].ip(), hosts[0].port());
    description(1, &[line.with(candidate(9, 1, told, &raddr))])
}

/// How an exchange passes the media of a leg on to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// As they came.
    Relayed,
    /// As a source of its own: other sound bytes, so that nothing shows that they are the same.
    OwnSource,
    /// Not at all: both ends are told of one another.
    Straight,
}

impl Way {
    /// What the caller and the callee said on one leg, on the other one between its two addresses, `late` ms
    /// later.
    pub fn pass_on(self, s: &mut Scene, sent: &Sent, [caller, callee]: [SocketAddr; 2], late: [f64; 2]) {
        if self == Way::Straight {
            return;
        }
        let mut far =
            [relayed(&sent[0], caller, callee, late[0]), relayed(&sent[1], callee, caller, late[1])];
        if self == Way::OwnSource {
            far.iter_mut().flatten().for_each(|p| p.rtp[8] ^= 0x55);
        }
        far.iter().for_each(|voice| s.media(voice));
    }
}

/// Two voices of which one is at `own`, now straight to and from another address.
pub fn straight(voices: [Voice; 2], own: SocketAddr, other: SocketAddr) -> [Voice; 2] {
    voices.map(|v| if v.src == own { v.between(own, other) } else { v.between(other, own) })
}
