//! One conversation is one recording: two Call-IDs of one call, masked Call-IDs, two hops of a
//! relay over pauses, and hops of which only one can be decoded. Strangers stay two.

use crate::common::audio::rms;
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, addr};
use crate::common::oracle::must;
use crate::common::run::Run;
use crate::common::sdp::{KEY, Line, description};
use crate::common::voice::{Packet, Voice, encrypted, relayed};
use crate::kit::*;

const RELAY: &str = "192.0.2.5";
const VIA: &str = "Via: SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bKx\r\n";

/// A call on two hops of a proxy and a relay: on the caller's side, and on the callee's.
fn hops(d: &Dialog) -> [Dialog; 2] {
    let proxy = addr(&format!("{RELAY}:5060"));
    let [far_port, near_port] =
        [50_000, 50_002].map(|p| addr(&format!("{RELAY}:{}", p + d.rtp[0].port() % 1000)));
    [
        Dialog { sip: [d.sip[0], proxy], rtp: [d.rtp[0], far_port], ..d.clone() },
        Dialog { sip: [proxy, d.sip[1]], rtp: [near_port, d.rtp[1]], vias: VIA.into(), ..d.clone() },
    ]
}

/// The signalling of both hops: answered at 1 s, hung up by the caller at `end`.
fn signal(s: &mut Scene, [first, second]: &[Dialog; 2], end: f64) {
    first.invite(s, 0.0);
    second.invite(s, 1.0);
    second.status(s, 999.0, 200);
    first.status(s, 1000.0, 200);
    first.ack(s, 1010.0);
    second.ack(s, 1011.0);
    first.bye(s, end, Caller);
    second.bye(s, end + 1.0, Caller);
}

/// Both hops carry what both sides said; the relay takes `late` ms. What is sent is caller's and callee's.
fn through(s: &mut Scene, [first, second]: &[Dialog; 2], sent: &Sent, late: f64) {
    s.media(&relayed(&sent[0], first.rtp[0], first.rtp[1], 0.0));
    s.media(&relayed(&sent[0], second.rtp[0], second.rtp[1], late));
    s.media(&relayed(&sent[1], second.rtp[1], second.rtp[0], 0.0));
    s.media(&relayed(&sent[1], first.rtp[1], first.rtp[0], late));
}

/// Spurts of talk at these ms; the timestamps know of the pauses.
fn spurts(d: &Dialog, [caller, callee]: [&[(f64, f64)]; 2]) -> Sent {
    let say = |side, spurts: &[(f64, f64)]| {
        let mut v = Voice::of(d, side, 3 + side as u64);
        let mut out: Vec<Packet> = Vec::new();
        let mut at = 1001.0;
        for (from, to) in spurts {
            v.pause((from - at).max(0.0) as u32);
            out.extend(v.talk(*from, *to));
            at = out.last().map_or(at, |_| from + 20.0 * ((to - from) / 20.0).ceil());
        }
        out
    };
    [say(Caller, caller), say(Callee, callee)]
}

#[track_caller]
fn two_streams(run: &Run, sent: &Sent, agent_calls: bool) {
    let r = run.only();
    complete(r, true);
    if agent_calls {
        outbound(r, sent)
    } else {
        inbound(r, sent)
    }
    for (channel, i) in [("customer", usize::from(agent_calls)), ("agent", usize::from(!agent_calls))] {
        assert_eq!(streams(r, channel), (1, sent[i].len() as u64, 0), "{channel} {}", r.json["streams"]);
    }
}

#[test]
fn after_a_pause_of_a_relayed_call_no_voice_is_doubled() {
    let long: &[(f64, f64)] =
        &[(1021.0, 3021.0), (6021.0, 8021.0), (11_021.0, 13_021.0), (16_021.0, 18_021.0)];
    let steady: &[(f64, f64)] = &[(1031.0, 18_031.0)];
    for late in [0.02, 2.0, 30.0] {
        for pauses in [[long, steady], [steady, long], [long, long]] {
            for d in [Dialog::new(1), Dialog::outbound(1)] {
                let sent = spurts(&d, pauses);
                let pair = hops(&d);
                let mut s = Scene::new();
                signal(&mut s, &pair, 18_500.0);
                through(&mut s, &pair, &sent, late);
                println!("{late} {}", d.from);
                // What the agent's hop carries late lies late.
                let agent_calls = d.from.contains("2001");
                let mut heard = sent.clone();
                let far = usize::from(agent_calls);
                heard[far] = relayed(&sent[far], d.rtp[0], d.rtp[1], late);
                two_streams(&s.replay(AGENTS), &heard, agent_calls);
            }
        }
    }
}

#[test]
fn after_a_hold_of_a_relayed_call_no_voice_is_doubled() {
    let both: &[(f64, f64)] = &[(1021.0, 3021.0), (6261.0, 9021.0)];
    for side in [Caller, Callee] {
        let d = Dialog::new(2);
        let sent = spurts(&d, [both, both]);
        let pair = hops(&d);
        let mut s = Scene::new();
        signal(&mut s, &pair, 9100.0);
        through(&mut s, &pair, &sent, 0.018);
        for (at, [way, back]) in [(3000.0, ["sendonly", "recvonly"]), (6200.0, ["sendrecv", "sendrecv"])] {
            for (i, hop) in pair.iter().enumerate() {
                let describe = |x: crate::common::ladder::Side, way| {
                    hop.sdp_with(x, hop.rtp[x as usize], "8", way, at as u32)
                };
                hop.reinvite(
                    &mut s,
                    at + i as f64,
                    side,
                    at as u32,
                    &describe(side, way),
                    &describe(side.other(), back),
                );
            }
        }
        let run = s.replay(AGENTS);
        events(run.only(), "hold", &[2.01]);
        events(run.only(), "resume", &[5.21]);
        two_streams(&run, &sent, false);
    }
}

#[test]
fn a_near_hop_with_losses_before_a_pause_is_not_completed_twice() {
    // The far hop has everything, the near hop loses some: nothing is heard twice.
    let d = Dialog::new(3);
    let pair = hops(&d);
    let long: &[(f64, f64)] = &[(1021.0, 3021.0), (6021.0, 9021.0)];
    let sent = spurts(&d, [long, &[(1031.0, 9031.0)]]);
    let mut s = Scene::new();
    signal(&mut s, &pair, 9500.0);
    s.media(&relayed(&sent[0], pair[0].rtp[0], pair[0].rtp[1], 0.0));
    let mut near = relayed(&sent[0], pair[1].rtp[0], pair[1].rtp[1], 0.02);
    for p in near.iter_mut().skip(30).step_by(40) {
        p.captured_ns.clear();
    }
    s.media(&near);
    s.media(&relayed(&sent[1], pair[1].rtp[1], pair[1].rtp[0], 0.0));
    let run = s.replay(AGENTS);
    let peak = |x: &[i16]| x.iter().map(|s| i32::from(*s).abs()).max().unwrap();
    assert!(peak(&run.only().customer) <= 32_256, "two voices are added");
    assert_eq!(streams(run.only(), "customer").0, 1, "{}", run.only().json["streams"]);
    must(run.only(), "agent", &sent[1]);
}

/// Keys on the agent's hop only, or a codec there that cannot be decoded.
fn near_unreadable(agent_calls: bool, unknown_codec: bool) {
    let d = if agent_calls { Dialog::outbound(4) } else { Dialog::new(4) };
    let mut pair = hops(&d);
    let near = usize::from(!agent_calls);
    pair[near].bodies = pair[near].rtp.map(|at| {
        let line =
            if unknown_codec { Line::audio(at).formats("99", &["99 BV32/16000"]) } else { Line::secured(at) };
        description(1, &[line])
    });
    let sent = spurts(&d, [&[(1021.0, 5021.0)], &[(1031.0, 5031.0)]]);
    let mut s = Scene::new();
    signal(&mut s, &pair, 5100.0);
    let hide = |p: Vec<Packet>, seed| {
        let mut p = encrypted(&p, seed);
        if unknown_codec {
            p.iter_mut().for_each(|p| p.rtp[1] = 99);
        }
        p
    };
    let far = 1 - near;
    for (voice, way) in [(&sent[0], [0, 1]), (&sent[1], [1, 0])] {
        let [a, b] = way;
        s.media(&relayed(voice, pair[far].rtp[a], pair[far].rtp[b], 0.0));
        s.media(&hide(relayed(voice, pair[near].rtp[a], pair[near].rtp[b], 0.05), a as u64));
    }
    let run = s.replay(AGENTS);
    println!("{agent_calls} {unknown_codec}");
    if agent_calls { outbound(run.only(), &sent) } else { inbound(run.only(), &sent) }
}

#[test]
fn where_the_near_hop_cannot_be_decoded_the_far_hop_is_recorded() {
    for agent_calls in [false, true] {
        near_unreadable(agent_calls, false);
        near_unreadable(agent_calls, true);
    }
}

#[test]
fn where_the_far_hop_is_encrypted_the_near_one_is_recorded() {
    let d = Dialog::new(5);
    let mut pair = hops(&d);
    pair[0].bodies = pair[0].rtp.map(|at| description(1, &[Line::audio(at).with(KEY)]));
    let sent = spurts(&d, [&[(1021.0, 3021.0), (6021.0, 8021.0)], &[(1031.0, 8031.0)]]);
    let mut s = Scene::new();
    signal(&mut s, &pair, 8100.0);
    s.media(&encrypted(&relayed(&sent[0], pair[0].rtp[0], pair[0].rtp[1], 0.0), 1));
    s.media(&relayed(&sent[0], pair[1].rtp[0], pair[1].rtp[1], 0.05));
    s.media(&relayed(&sent[1], pair[1].rtp[1], pair[1].rtp[0], 0.0));
    s.media(&encrypted(&relayed(&sent[1], pair[0].rtp[1], pair[0].rtp[0], 0.05), 2));
    let run = s.replay(AGENTS);
    inbound(run.only(), &sent);
    complete(run.only(), true);
}

/// A relay that transcodes: another source and codec on the agent's hop, and stamps that know of no pause.
#[test]
fn a_relay_that_hides_the_pause_in_its_stamps_is_placed_by_the_capture_clock() {
    for (side, gap) in [(Caller, 3300.0), (Callee, 3300.0), (Caller, 2100.0), (Caller, 12_000.0)] {
        let d = Dialog::new(6);
        let mut pair = hops(&d);
        pair[1].formats = ["0".into(), "0".into()];
        let back = 3001.0 + gap;
        let mut s = Scene::new();
        signal(&mut s, &pair, back + 3000.0);
        let mut near = [Voice::of(&pair[1], Caller, 1), Voice::of(&pair[1], Callee, 2)];
        let mut far = [Voice::of(&pair[0], Caller, 3), Voice::of(&pair[0], Callee, 4)];
        let mut heard: Sent = [Vec::new(), Vec::new()];
        for i in [0, 1] {
            let pauses = i == side as usize;
            // The relay stands between: the far hop is before it for the caller, behind it for the callee.
            let off = if i == 0 { -1.0 } else { 1.0 };
            heard[i] = near[i].talk(1021.0, 3001.0);
            s.media(&far[i].talk(1021.0 + off, 3001.0 + off));
            if pauses {
                // The sender's stamps tell the pause, the relay's do not.
                far[i].pause(gap as u32);
            } else {
                heard[i].extend(near[i].talk(3001.0, back));
                s.media(&far[i].talk(3001.0 + off, back + off));
            }
            heard[i].extend(near[i].talk(back, back + 2900.0));
            s.media(&far[i].talk(back + off, back + 2900.0 + off));
            s.media(&heard[i]);
        }
        println!("{side:?} {gap}");
        let run = s.replay(AGENTS);
        two_streams(&run, &heard, false);
    }
}

/// A proxy that gives the second hop another Call-ID; tags, CSeq and descriptions stay.
fn masked(d: &Dialog, relay: bool, late: f64) -> (Scene, Sent, String) {
    let mut pair = hops(d);
    if !relay {
        pair[0].rtp = d.rtp;
        pair[1].rtp = d.rtp;
    }
    pair[1].call_id = "!!:.SLNiSrETEAhiSo20WjQT6**".into();
    let near = usize::from(!d.from.contains("2001"));
    let id = pair[near].call_id.clone();
    let mut s = Scene::new();
    let [first, second] = &pair;
    first.invite(&mut s, 0.0);
    second.invite(&mut s, late);
    second.status(&mut s, 999.0, 200);
    first.status(&mut s, 1001.0, 200);
    first.ack(&mut s, 1010.0);
    second.ack(&mut s, 1012.0);
    first.bye(&mut s, 5000.0, Caller);
    second.bye(&mut s, 5001.0, Caller);
    let sent = spurts(d, [&[(1021.0, 4981.0)], &[(1031.0, 4981.0)]]);
    if relay {
        through(&mut s, &pair, &sent, 0.06);
    } else {
        s.media(&sent[0]);
        s.media(&sent[1]);
    }
    (s, sent, id)
}

#[test]
fn a_call_whose_proxy_masks_the_call_id_is_one() {
    for d in [Dialog::new(7), Dialog::outbound(7)] {
        for relay in [false, true] {
            for late in [1.0, 113.0, 300.0] {
                let (s, sent, id) = masked(&d, relay, late);
                println!("{} {relay} {late}", d.from);
                let run = s.replay(AGENTS);
                two_streams(&run, &sent, d.from.contains("2001"));
                assert_eq!(run.only().text("/sip/call_id"), id, "that of the agent's hop");
            }
        }
    }
}

/// Two calls with the same tags and CSeq, as load generators make them, of different people.
#[test]
fn strangers_with_the_same_tags_stay_two() {
    for later in [0.0, 40.0, 2500.0] {
        let mut s = Scene::new();
        let mut sent = Vec::new();
        for n in [8, 9] {
            let mut d = Dialog { tags: ["1".into(), "2".into()], ..Dialog::new(n) };
            d.to = format!("<sip:200{n}@pbx.example>");
            d.uri = format!("sip:200{n}@192.0.2.20");
            let answered = 1000.0 + if n == 9 { later } else { 0.0 };
            sent.push(call(&mut s, &d, answered, 5000.0 + f64::from(n)));
        }
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2, "{later}");
        for (r, sent) in run.recordings.iter().zip(&sent) {
            inbound(r, sent);
            complete(r, true);
        }
    }
}

/// A small exchange with the agent's number on both legs and no header that says they are one.
struct Exchange {
    /// INVITE of the second leg after that of the first, ms.
    invite: f64,
    /// Answer of the first leg after that of the second, ms.
    answer: f64,
    /// The parties' media goes straight, past the exchange.
    straight: bool,
    /// The second leg comes in the exchange's own name.
    own_name: bool,
    /// Whom the first leg calls; the second calls 2001.
    dialled: &'static str,
}

impl Exchange {
    fn scene(&self) -> (Scene, Sent) {
        let exchange = "192.0.2.5";
        let number = if self.own_name { "9900" } else { "+358401234567" };
        let uri = format!("sip:{}@192.0.2.5", self.dialled);
        let first = Dialog { to: format!("<{uri}>"), uri, ..Dialog::new(10) };
        let mut first = at(first, "198.51.100.10", exchange);
        let second = Dialog { from: format!("<sip:{number}@192.0.2.5>"), ..Dialog::new(11) };
        let mut second = at(second, exchange, "192.0.2.20");
        if self.straight {
            first.rtp[1] = second.rtp[1];
            second.rtp[0] = first.rtp[0];
        }
        let mut s = Scene::new();
        first.invite(&mut s, 0.0);
        second.invite(&mut s, self.invite);
        second.status(&mut s, self.invite + 100.0, 180);
        first.status(&mut s, self.invite + 105.0, 180);
        second.status(&mut s, 2000.0, 200);
        second.ack(&mut s, 2005.0);
        first.status(&mut s, 2000.0 + self.answer, 200);
        first.ack(&mut s, 2010.0 + self.answer);
        let sent = spurts(&second, [&[(2101.0, 6000.0)], &[(2111.0, 6000.0)]]);
        s.media(&sent[0]);
        s.media(&sent[1]);
        if !self.straight {
            // The exchange takes the media in and sends it on as a source of its own.
            for (side, i) in [(Caller, 0), (Callee, 1)] {
                let mut v = Voice::of(&first, side, 77 + i as u64);
                let other = relayed(&sent[i], v.src, v.dst, if i == 0 { -1.0 } else { 1.0 });
                let own = other.iter().map(|p| {
                    let mut q =
                        v.other((p.nominal_ns - crate::common::ladder::T0) as f64 / 1e6, 8, &p.rtp[12..]);
                    v.pause(20);
                    q.samples.clone_from(&p.samples);
                    q
                });
                s.media(&own.collect::<Vec<_>>());
            }
        }
        first.bye(&mut s, 6100.0, Caller);
        second.bye(&mut s, 6103.0, Caller);
        (s, sent)
    }
}

#[test]
fn two_legs_of_a_small_exchange_are_one_recording() {
    for (straight, own_name) in [(false, false), (true, false), (false, true), (true, true)] {
        // A slow exchange is believed where both legs name one caller, or one description.
        let slow: &[(f64, f64)] = if own_name && !straight { &[] } else { &[(1900.0, 10.0), (60.0, 400.0)] };
        for (invite, answer) in [(5.0, 2.0), (450.0, 40.0), (60.0, 10.0)].iter().chain(slow).copied() {
            let (s, sent) = Exchange { invite, answer, straight, own_name, dialled: "2001" }.scene();
            println!("{straight} {own_name} {invite} {answer}");
            let run = s.replay(AGENTS);
            let r = run.only();
            parties(r, "2001", "inbound", CUSTOMER);
            assert_eq!(r.text("/sip/call_id"), "ladder-11", "the leg nearest the agent");
            inbound(r, &sent);
            complete(r, true);
        }
    }
}

#[test]
fn a_call_that_the_exchange_passes_on_to_another_agent_is_one() {
    // The agent who was dialled forwards his calls; a group's number is among those of agents.
    for dialled in ["2002", "2900"] {
        let close = [(5.0, 2.0), (450.0, 40.0)].map(|times| (times, false));
        let straight = [(60.0, 10.0), (1900.0, 10.0), (60.0, 400.0)].map(|times| (times, true));
        for ((invite, answer), straight) in close.into_iter().chain(straight) {
            let (s, sent) = Exchange { invite, answer, straight, own_name: false, dialled }.scene();
            let run = s.replay(AGENTS);
            let r = run.only();
            parties(r, "2001", "inbound", CUSTOMER);
            inbound(r, &sent);
            complete(r, true);
        }
        // Later, or in another's name, it may be anybody's.
        for (invite, answer, own_name) in [(900.0, 10.0, false), (60.0, 90.0, false), (60.0, 10.0, true)] {
            let (s, _) = Exchange { invite, answer, straight: false, own_name, dialled }.scene();
            assert_eq!(s.replay(AGENTS).recordings.len(), 2, "{dialled} {invite} {answer}");
        }
    }
}

#[test]
fn two_calls_of_one_customer_to_two_agents_stay_two() {
    // A switchboard in front of them calls two agents in the same moment, straight.
    let mut s = Scene::new();
    let mut sent = Vec::new();
    for n in [2001_u16, 2002] {
        let d = Dialog {
            to: format!("<sip:{n}@pbx.example>"),
            uri: format!("sip:{n}@192.0.2.20"),
            ..Dialog::new(n - 1990)
        };
        let d = at(d, "198.51.100.10", &format!("192.0.2.{}", n - 1980));
        d.answered(&mut s, f64::from(n) - 2000.0, 1000.0 + f64::from(n) - 2000.0);
        sent.push(talk(&mut s, &d, 1050.0, 5000.0));
        d.bye(&mut s, 5000.0, Caller);
    }
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 2);
    run.recordings.iter().zip(&sent).for_each(|(r, sent)| inbound(r, sent));
}

#[test]
fn two_customers_of_one_agent_stay_two() {
    // The second waits while the first talks: other times, other media.
    let mut s = Scene::new();
    let first = Dialog::new(12);
    let second = Dialog { from: "<sip:+358507654321@trunk.example>".into(), ..Dialog::new(13) };
    first.answered(&mut s, 0.0, 1000.0);
    second.invite(&mut s, 200.0);
    second.status(&mut s, 250.0, 180);
    let one = talk(&mut s, &first, 1000.0, 4000.0);
    first.bye(&mut s, 4000.0, Caller);
    second.status(&mut s, 4200.0, 200);
    second.ack(&mut s, 4205.0);
    let two = talk(&mut s, &second, 4200.0, 7000.0);
    second.bye(&mut s, 7000.0, Callee);
    let run = s.replay(AGENTS);
    let [a, b] = &run.recordings[..] else { panic!("{}", run.stdout()) };
    inbound(a, &one);
    inbound(b, &two);
    assert_ne!(a.text("/call_group"), b.text("/call_group"));
}

#[test]
fn strangers_who_are_answered_at_the_same_moment_stay_two() {
    // Two customers and two agents within milliseconds, all media through one exchange.
    let mut s = Scene::new();
    let mut sent = Vec::new();
    for n in [14, 15] {
        let d = Dialog {
            from: format!("<sip:+35840123450{n}@trunk.example>"),
            to: format!("<sip:20{n}@192.0.2.5>"),
            uri: format!("sip:20{n}@192.0.2.20"),
            ..Dialog::new(n)
        };
        let d = at(d, RELAY, &format!("192.0.2.{}", 10 + n));
        d.answered(&mut s, f64::from(n), 1000.0 + f64::from(n));
        sent.push(talk(&mut s, &d, 1050.0, 5000.0));
        d.bye(&mut s, 5000.0 + f64::from(n), Caller);
    }
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 2);
    for (r, sent) in run.recordings.iter().zip(&sent) {
        inbound(r, sent);
        complete(r, true);
    }
    assert_ne!(run.recordings[0].text("/call_group"), run.recordings[1].text("/call_group"));
}

#[test]
fn a_relayed_voice_that_stops_on_the_near_hop_is_still_heard() {
    // The near hop was not captured for a while: the far hop's copy is better than silence,
    // and is not mixed with what comes after.
    let d = Dialog::new(16);
    let pair = hops(&d);
    let sent = spurts(&d, [&[(1021.0, 9021.0)], &[(1031.0, 9031.0)]]);
    let mut s = Scene::new();
    signal(&mut s, &pair, 9100.0);
    s.media(&relayed(&sent[0], pair[0].rtp[0], pair[0].rtp[1], 0.0));
    let mut near = relayed(&sent[0], pair[1].rtp[0], pair[1].rtp[1], 0.02);
    near[100..300].iter_mut().for_each(|p| p.captured_ns.clear());
    s.media(&near);
    s.media(&relayed(&sent[1], pair[1].rtp[1], pair[1].rtp[0], 0.0));
    let run = s.replay(AGENTS);
    let r = run.only();
    let part: Vec<Packet> = sent[0][..95].iter().chain(&sent[0][305..]).cloned().collect();
    let off = shifts(r, "customer", &part[..part.len() - 1], 80);
    assert!(off.iter().all(Option::is_some), "what the near hop brought is whole");
    if rms(&r.customer[24_000..48_000]) < 1.0 {
        complete(r, false);
    }
}

/// Two customers call a queue at the same moment, two agents are rung for them; no header ties the
/// legs. Whoever's leg it is: never the other customer's number, nor his voice.
#[test]
fn two_customers_of_one_queue_are_not_mistaken_for_each_other() {
    for own_name in [false, true] {
        let mut s = Scene::new();
        let mut sent = Vec::new();
        for (n, number) in [(20_u16, "+358401234567"), (22, "+358507654321")] {
            let (late, exchange) = (f64::from(n), "192.0.2.5");
            let outer = Dialog {
                from: format!("<sip:{number}@trunk.example>"),
                to: "<sip:600@192.0.2.5>".into(),
                uri: "sip:600@192.0.2.5".into(),
                ..Dialog::new(n)
            };
            let outer = at(outer, &format!("198.51.100.{n}"), exchange);
            let from = if own_name { "9900" } else { number };
            let inner = Dialog {
                from: format!("<sip:{from}@192.0.2.5>"),
                to: format!("<sip:20{n}@192.0.2.5>"),
                uri: format!("sip:20{n}@192.0.2.{n}"),
                ..Dialog::new(n + 1)
            };
            let inner = at(inner, exchange, &format!("192.0.2.{n}"));
            outer.invite(&mut s, late);
            inner.invite(&mut s, late + 8.0);
            inner.status(&mut s, 1000.0 + late, 200);
            inner.ack(&mut s, 1005.0 + late);
            outer.status(&mut s, 1004.0 + late, 200);
            outer.ack(&mut s, 1010.0 + late);
            let voices = talk(&mut s, &inner, 1050.0, 4000.0);
            s.media(&relayed(&voices[0], outer.rtp[0], outer.rtp[1], -1.0));
            s.media(&relayed(&voices[1], outer.rtp[1], outer.rtp[0], 1.0));
            outer.bye(&mut s, 4000.0 + late, Caller);
            inner.bye(&mut s, 4002.0 + late, Caller);
            sent.push((format!("20{n}"), format!("{}xxxx", &number[..number.len() - 4]), voices));
        }
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2, "{}", run.stdout());
        for (r, (agent, number, voices)) in run.recordings.iter().zip(&sent) {
            assert_eq!(r.text("/agent/id"), agent);
            let told = r.text("/customer/number");
            assert!(told == number || own_name && told == "null", "{agent}: {told}, not {number}");
            inbound(r, voices);
        }
        assert_ne!(run.recordings[0].text("/call_group"), run.recordings[1].text("/call_group"));
    }
}

/// Three legs in a row, of which the first and the last share nothing; and the agent's own calls.
#[test]
fn a_chain_of_exchanges_is_one_recording() {
    let hosts = ["198.51.100.10", "192.0.2.6", "192.0.2.7", "192.0.2.20"];
    for own_name in [false, true] {
        for (gap, answer) in [(60.0, 10.0), (400.0, 40.0)] {
            let legs: Vec<Dialog> = (0..3_u16)
                .map(|i| {
                    let number = if own_name && i > 0 { "9900" } else { "+358401234567" };
                    let d = Dialog {
                        from: format!("<sip:{number}@{}>", hosts[i as usize]),
                        uri: format!("sip:2001@{}", hosts[i as usize + 1]),
                        ..Dialog::new(30 + i)
                    };
                    at(d, hosts[i as usize], hosts[i as usize + 1])
                })
                .collect();
            let mut s = Scene::new();
            for (i, d) in legs.iter().enumerate() {
                d.invite(&mut s, gap * i as f64);
                d.status(&mut s, 2000.0 + answer * (2 - i) as f64, 200);
                d.ack(&mut s, 2003.0 + answer * (2 - i) as f64);
                d.bye(&mut s, 5000.0 + i as f64, Caller);
            }
            let sent = talk(&mut s, &legs[2], 2100.0, 5000.0);
            let run = s.replay(AGENTS);
            parties(run.only(), "2001", "inbound", CUSTOMER);
            assert_eq!(run.only().text("/sip/call_id"), "ladder-32", "the leg nearest the agent");
            inbound(run.only(), &sent);
        }
    }
}

/// An exchange with an address of its own on each side, which hides the customer on one leg or both.
fn on_two_sides(agent_calls: bool, names: [&str; 2], invite: f64, answer: f64) -> Scene {
    let d = if agent_calls { Dialog::outbound(50) } else { Dialog::new(50) };
    let hosts = [d.sip[0].ip().to_string(), d.sip[1].ip().to_string()];
    let name = |d: Dialog, name: &str| match agent_calls {
        true => Dialog { to: format!("<sip:{name}@x>"), uri: format!("sip:{name}@x"), ..d },
        false => Dialog { from: format!("<sip:{name}@x>"), ..d },
    };
    let first = at(name(d.clone(), names[0]), &hosts[0], "192.0.2.5");
    let second = Dialog { call_id: "second".into(), tags: ["s".into(), "t".into()], ..name(d, names[1]) };
    let second = at(second, "192.0.2.77", &hosts[1]);
    let mut s = Scene::new();
    first.invite(&mut s, 0.0);
    second.invite(&mut s, invite);
    second.status(&mut s, 3000.0, 200);
    second.ack(&mut s, 3004.0);
    first.status(&mut s, 3000.0 + answer, 200);
    first.ack(&mut s, 3004.0 + answer);
    talk(&mut s, &first, 3100.0, 6000.0);
    talk(&mut s, &second, 3100.0, 6000.0);
    first.bye(&mut s, 6000.0, Caller);
    second.bye(&mut s, 6003.0, Caller);
    s
}

#[test]
fn legs_of_an_exchange_with_two_addresses_are_one_by_their_times() {
    let (own, hidden, other) = ("+358401234567", "anonymous", "+358507654321");
    for agent_calls in [false, true] {
        for (names, invite, answer, recordings) in [
            ([own, own], 60.0, 10.0, 1),
            ([own, own], 2000.0, 10.0, 2),
            ([own, own], 60.0, 400.0, 2),
            ([own, hidden], 60.0, 10.0, 1),
            ([hidden, hidden], 450.0, 45.0, 1),
            ([own, hidden], 2000.0, 10.0, 2),
            ([own, hidden], 60.0, 400.0, 2),
            // What begins second is answered first.
            ([hidden, hidden], 60.0, -10.0, 2),
            ([hidden, hidden], 60.0, 0.0, 2),
            ([own, other], 60.0, 10.0, 2),
        ] {
            let run = on_two_sides(agent_calls, names, invite, answer).replay(AGENTS);
            let n = run.recordings.len();
            assert_eq!(n, recordings, "{agent_calls} {names:?} {invite} {answer}");
            let nearest = if agent_calls { "ladder-50" } else { "second" };
            if n == 1 {
                assert_eq!(run.only().text("/sip/call_id"), nearest, "the leg nearest the agent");
            }
        }
    }
}

/// One agent, two calls in the same moment, each on two legs of an exchange or straight from two trunks.
#[test]
fn two_calls_of_one_agent_in_the_same_moment_stay_two() {
    for (from, through) in [("anonymous", true), ("+358401234567", false), ("anonymous", false)] {
        let mut s = Scene::new();
        for n in [40_u16, 42] {
            let late = f64::from(n);
            let from = format!("<sip:{from}@192.0.2.5>");
            let trunk = if through { "198.51.100.10".to_string() } else { format!("198.51.100.{n}") };
            let near = at(Dialog { from: from.clone(), ..Dialog::new(n) }, &trunk, "192.0.2.20");
            let near = if through { at(near, RELAY, "192.0.2.20") } else { near };
            if through {
                let far = Dialog { from, uri: "sip:2001@192.0.2.5".into(), ..Dialog::new(n + 1) };
                let far = at(far, &trunk, RELAY);
                far.answered(&mut s, late - 8.0, 2004.0 + late);
                far.bye(&mut s, 5000.0 + late, Caller);
            }
            near.answered(&mut s, late, 2000.0 + late);
            talk(&mut s, &near, 2100.0, 5000.0);
            near.bye(&mut s, 5002.0 + late, Caller);
        }
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2, "{from} {through} {}", run.stdout());
        assert_ne!(run.recordings[0].text("/call_group"), run.recordings[1].text("/call_group"));
    }
}
