//! What a stranger sends to the ports of a call's media: it silences nobody, locks nobody out, is
//! mixed over nobody, and is told of. The call's recording is what it would be without him.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, Side, addr};
use crate::common::run::Run;
use crate::common::voice::{Fate, Voice};
use crate::kit::*;
use serde_json::Value;
use std::net::SocketAddr;

/// Calls of either direction and family.
fn dialogs(n: u16) -> [Dialog; 4] {
    let six = |d: Dialog| at(d, "2001:db8:1::10", "2001:db8:2::20");
    [Dialog::new(n), Dialog::outbound(n), six(Dialog::new(n)), six(Dialog::outbound(n))]
}

/// Somebody whom nothing connects with the call.
fn outsider(d: &Dialog) -> SocketAddr {
    addr(if d.rtp[0].is_ipv4() { "10.9.9.9:6666" } else { "[2001:db8:bad::9]:6666" })
}

/// Somebody behind the same address as a party's media.
fn neighbour(d: &Dialog, side: Side) -> SocketAddr {
    SocketAddr::new(d.rtp[side as usize].ip(), 6666)
}

/// A call from 1 s to 6 s.
fn genuine(d: &Dialog) -> (Scene, Sent) {
    let mut s = Scene::new();
    let sent = call(&mut s, d, 1000.0, 6000.0);
    (s, sent)
}

/// The recording of `attacked` is that of `peace`, but for what tells of the attack.
#[track_caller]
fn unmoved(peace: &Scene, attacked: &Scene, case: &str) -> Run {
    let [before, run] = [peace, attacked].map(|s| s.replay(AGENTS));
    let (was, is) = (before.only(), run.only());
    assert!(was.data == is.data, "{case}: other sound\n{}\n{}", was.json, is.json);
    let told = |json: &Value| {
        let mut j = json.clone();
        let list = |j: &Value, key: &str| j[key].as_array().unwrap().clone();
        let mut events = list(&j, "events");
        events.retain(|e| e["kind"] != "intruder");
        let streams = list(&j, "streams");
        let o = j.as_object_mut().unwrap();
        o.remove("streams");
        o.insert("events".into(), events.into());
        (j, streams)
    };
    let ((was_json, was_streams), (is_json, is_streams)) = (told(&was.json), told(&is.json));
    assert_eq!(was_json, is_json, "{case}");
    for s in &was_streams {
        assert!(is_streams.contains(s), "{case}: {s} is not among {is_streams:?}");
    }
    for s in is_streams.iter().filter(|s| !was_streams.contains(s)) {
        assert_eq!(s["source"], "other", "{case}: {s}");
    }
    run
}

/// He is told of on this channel, at about this time.
#[track_caller]
fn told_of(run: &Run, channel: &str, at: f64) {
    let r = run.only();
    let events = r.json["events"].as_array().unwrap();
    let meant = |e: &&Value| e["kind"] == "intruder" && e["channel"] == channel;
    let found = events.iter().filter(meant).any(|e| (e["at_s"].as_f64().unwrap() - at).abs() < 0.1);
    assert!(found, "{channel} {at}: {}", r.json);
    let streams = r.json["streams"].as_array().unwrap();
    assert!(streams.iter().any(|s| s["channel"] == channel && s["source"] == "other"), "{}", r.json);
}

/// The channel of what is sent to a side.
fn channel_to(d: &Dialog, to: Side) -> &'static str {
    let caller_is_agent = d.from.contains("2001");
    // What a party receives is the other one's voice.
    if (to == Callee) == caller_is_agent { "agent" } else { "customer" }
}

/// One voice of an intruder.
fn tone(from: SocketAddr, to: SocketAddr, seed: u64) -> Voice {
    Voice::of(&Dialog::new(1), Caller, seed).between(from, to)
}

/// A ZRTP message (RFC 6189 §5).
fn zrtp(kind: &[u8; 8], ssrc: u32) -> Vec<u8> {
    let mut p = vec![0x10, 0, 0, 1];
    p.extend_from_slice(b"ZRTP");
    p.extend_from_slice(&ssrc.to_be_bytes());
    p.extend_from_slice(&[0x50, 0x5A, 0, 19]);
    p.extend_from_slice(kind);
    p.extend_from_slice(&[7; 52]);
    p
}

const CONFIRMS: [&[u8; 8]; 3] = [b"Confirm1", b"Confirm2", b"Conf2ACK"];

fn ssrc_of(sent: &Sent, side: Side) -> u32 {
    u32::from_be_bytes(sent[side as usize][0].rtp[8..12].try_into().unwrap())
}

#[test]
fn a_confirm_of_anybody_silences_nobody() {
    for d in dialogs(1) {
        let (peace, sent) = genuine(&d);
        for (kind, to, ms) in [(0, Caller, 1002.0), (1, Callee, 3000.0), (2, Callee, 1500.0)] {
            for from in [outsider(&d), neighbour(&d, to.other()), d.rtp[to.other() as usize]] {
                let mut s = peace.clone();
                for ssrc in [7, ssrc_of(&sent, to.other()), ssrc_of(&sent, to)] {
                    s.udp(ms, from, d.rtp[to as usize], &zrtp(CONFIRMS[kind], ssrc));
                }
                let run = unmoved(&peace, &s, &format!("{kind} {to:?} {from}"));
                complete(run.only(), true);
            }
        }
    }
}

#[test]
fn both_confirms_silence_nothing_that_is_in_clear() {
    let d = Dialog::new(2);
    let (peace, sent) = genuine(&d);
    let mut s = peace.clone();
    for (i, to) in [Caller, Callee].into_iter().enumerate() {
        let from = d.rtp[to.other() as usize];
        s.udp(2000.0, from, d.rtp[to as usize], &zrtp(CONFIRMS[i], ssrc_of(&sent, to.other())));
    }
    complete(unmoved(&peace, &s, "both").only(), true);
}

/// Clear until 3 s, then ZRTP by these sides, then encrypted.
fn agreed(d: &Dialog, confirm: &[Side]) -> (Run, Sent) {
    let mut s = Scene::new();
    d.answered(&mut s, 100.0, 1000.0);
    let mut voices = [Voice::of(d, Caller, 1), Voice::of(d, Callee, 2)];
    let before = voices.each_mut().map(|v| v.talk(1001.0, 3001.0));
    for (i, side) in confirm.iter().enumerate() {
        let [from, to] = [d.rtp[*side as usize], d.rtp[side.other() as usize]];
        s.udp(2990.0, from, to, &zrtp(CONFIRMS[i], voices[*side as usize].ssrc));
    }
    let after = voices.each_mut().map(|v| v.talk(3001.0, 6000.0));
    for i in 0..2 {
        s.media(&before[i]);
        s.media(&crate::common::voice::encrypted(&after[i], 5 + i as u64));
    }
    d.bye(&mut s, 6000.0, Caller);
    (s.replay(AGENTS), before)
}

#[test]
fn what_is_encrypted_after_a_key_agreement_is_silence_and_missing() {
    for d in dialogs(3) {
        for confirm in [&[Caller, Callee][..], &[Callee, Caller], &[Caller], &[Callee]] {
            let (run, before) = agreed(&d, confirm);
            complete(run.only(), false);
            if d.from.contains("2001") { outbound(run.only(), &before) } else { inbound(run.only(), &before) }
        }
    }
}

#[test]
fn a_flood_of_sources_locks_nobody_out() {
    // (from when, how many packets of each source, apart by so many milliseconds)
    for (from_ms, each, apart) in [
        (-200.0, 1, 0.5),
        (0.3, 1, 0.01),
        (0.3, 2, 0.005),
        (2.0, 1, 1.0),
        (1500.0, 2, 0.5),
        (3000.0, 1, 10.0),
    ] {
        for d in dialogs(4) {
            let (peace, _) = genuine(&d);
            for to in [Caller, Callee] {
                let mut s = peace.clone();
                for n in 0..80 {
                    let mut v = tone(outsider(&d), d.rtp[to as usize], 1000 + n);
                    let at = 1000.0 + from_ms + apart * n as f64;
                    for i in 0..each {
                        s.media(&[v.packet(at + f64::from(i) * 20.0, Fate::CLEAN)]);
                    }
                }
                let run = unmoved(&peace, &s, &format!("{from_ms} {each} {apart} {to:?}"));
                complete(run.only(), true);
            }
        }
    }
}

#[test]
fn a_flood_from_a_partys_own_address_locks_nobody_out() {
    for (from_ms, each) in [(0.3, 1), (0.3, 2), (2000.0, 2)] {
        let d = Dialog::new(5);
        let (peace, _) = genuine(&d);
        for to in [Caller, Callee] {
            let mut s = peace.clone();
            for n in 0..80 {
                let mut v = tone(neighbour(&d, to.other()), d.rtp[to as usize], 1000 + n);
                let at = 1000.0 + from_ms + 0.01 * n as f64;
                for i in 0..each {
                    s.media(&[v.packet(at + f64::from(i) * 20.0, Fate::CLEAN)]);
                }
            }
            complete(unmoved(&peace, &s, &format!("{from_ms} {each} {to:?}")).only(), true);
        }
    }
}

#[test]
fn a_third_voice_is_not_mixed_in_and_is_told_of() {
    for d in dialogs(6) {
        let (peace, _) = genuine(&d);
        for to in [Caller, Callee] {
            for [from, until] in [[900.0, 5000.0], [1000.2, 4000.0], [2500.0, 4500.0], [3000.0, 9000.0]] {
                let mut s = peace.clone();
                s.media(&tone(outsider(&d), d.rtp[to as usize], 77).talk(from, until));
                let run = unmoved(&peace, &s, &format!("{to:?} {from}"));
                told_of(&run, channel_to(&d, to), (from - 1000.0_f64).max(0.0) / 1e3);
                complete(run.only(), true);
            }
        }
    }
}

#[test]
fn a_partys_own_numbers_ahead_of_time_replace_nothing() {
    for d in dialogs(7) {
        let (peace, sent) = genuine(&d);
        for to in [Caller, Callee] {
            let own = &sent[to.other() as usize];
            for (from, ahead) in [(50, 1), (50, 3), (100, 40), (0, 2)] {
                let mut s = peace.clone();
                let mut forger = tone(outsider(&d), d.rtp[to as usize], 78);
                let first = &own[from + ahead].rtp;
                forger.ssrc = u32::from_be_bytes(first[8..12].try_into().unwrap());
                forger.seq = u16::from_be_bytes(first[2..4].try_into().unwrap());
                forger.ts = u32::from_be_bytes(first[4..8].try_into().unwrap());
                let begin = (own[from].nominal_ns - crate::common::ladder::T0) as f64 / 1e6 + 1.0;
                s.media(&forger.talk(begin, begin + 2000.0));
                complete(unmoved(&peace, &s, &format!("{to:?} {from} {ahead}")).only(), true);
            }
        }
    }
}

#[test]
fn whoever_speaks_into_a_pause_is_not_the_party() {
    let d = Dialog::new(8);
    let mut peace = Scene::new();
    d.answered(&mut peace, 100.0, 1000.0);
    let mut voices = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
    let [c, a] = &mut voices;
    peace.media(&c.talk(1001.0, 3000.0));
    c.pause(6000);
    peace.media(&c.talk(9001.0, 12_000.0));
    peace.media(&a.talk(1005.0, 12_000.0));
    d.bye(&mut peace, 12_000.0, Caller);
    for [from, until] in [[4000.0, 8900.0], [6000.0, 11_000.0]] {
        let mut s = peace.clone();
        s.media(&tone(outsider(&d), d.rtp[1], 77).talk(from, until));
        let run = unmoved(&peace, &s, "pause");
        complete(run.only(), true);
        told_of(&run, "customer", (from - 1000.0) / 1e3);
    }
}

/// The customer's description names a private address; his voice comes from the NAT's.
fn behind_nat(d: &Dialog) -> (Scene, Sent, SocketAddr) {
    let real = addr("203.0.113.50:61000");
    let mut s = Scene::new();
    d.answered(&mut s, 100.0, 1000.0);
    let sent = [
        Voice::of(d, Caller, 5).between(real, d.rtp[1]).talk(1011.0, 6000.0),
        Voice::of(d, Callee, 6).between(d.rtp[1], real).talk(1045.0, 6000.0),
    ];
    s.media(&sent[0]);
    s.media(&sent[1]);
    d.bye(&mut s, 6000.0, Caller);
    (s, sent, real)
}

#[test]
fn behind_a_nat_the_party_is_who_is_spoken_to() {
    let mut d = Dialog::new(9);
    d.rtp[0] = addr("192.168.7.7:20004");
    let (peace, sent, _) = behind_nat(&d);
    for [from, until] in [[1000.2, 6000.0], [1020.0, 4000.0], [1500.0, 3000.0]] {
        let mut s = peace.clone();
        s.media(&tone(outsider(&d), d.rtp[1], 77).talk(from, until));
        let run = s.replay(AGENTS);
        inbound(run.only(), &sent);
        complete(run.only(), true);
        told_of(&run, "customer", (from - 1000.0) / 1e3);
    }
}

#[test]
fn sound_that_nobody_can_decode_or_name_is_no_loss_if_it_is_a_strangers() {
    let d = Dialog::new(10);
    let (peace, _) = genuine(&d);
    for payload_type in [18, 96, 101, 13, 9] {
        let mut s = peace.clone();
        for (from, seed) in [(1000.2, 1), (2500.0, 2)] {
            let mut v = tone(outsider(&d), d.rtp[1], seed);
            for i in 0..100 {
                let p = v.other(from + 20.0 * f64::from(i), payload_type, &[0x31; 33]);
                s.media(&[p]);
            }
        }
        complete(unmoved(&peace, &s, &format!("{payload_type}")).only(), true);
    }
}

#[test]
fn broken_packets_of_a_stranger_are_no_loss() {
    let d = Dialog::new(11);
    let (peace, _) = genuine(&d);
    for to in [Caller, Callee] {
        let mut s = peace.clone();
        for (i, broken) in
            [&[0xA0, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 200][..], &[0x9F, 8, 0, 1], &[0x80; 11], &[0xBF; 40]]
                .iter()
                .enumerate()
        {
            for at in [1000.5, 1300.0, 4000.0] {
                s.udp(at + i as f64, outsider(&d), d.rtp[to as usize], broken);
            }
        }
        complete(unmoved(&peace, &s, &format!("{to:?}")).only(), true);
    }
}

/// A packet of RTP with this source and number, which carries nothing.
fn bare(ssrc: u32, seq: u16) -> Vec<u8> {
    let mut p = vec![0xA0, 8];
    p.extend_from_slice(&seq.to_be_bytes());
    p.extend_from_slice(&[0, 0, 0, 1]);
    p.extend_from_slice(&ssrc.to_be_bytes());
    p.push(200);
    p
}

/// What somebody sends to a party's SIP port, and then to where it takes media, under its peer's
/// name or any: he was heard from there before, or was not.
fn past_the_ports(s: &mut Scene, d: &Dialog, to: Side, ssrc: u32, (at, speaks): (f64, bool)) {
    let (from, own) = (outsider(d), d.rtp[to as usize]);
    if speaks {
        s.media(&tone(from, own, 78).talk(at - 40.0, at));
    }
    let beside = SocketAddr::new(own.ip(), own.port() + 1);
    for (i, place) in [d.sip[to as usize], own, beside, d.sip[to as usize], own].into_iter().enumerate() {
        for again in 0..4 {
            s.udp(at + 30.0 * i as f64 + f64::from(again), from, place, &bare(ssrc, 1));
        }
    }
}

#[test]
fn what_a_stranger_sends_past_a_partys_ports_is_missed_by_nobody() {
    for d in dialogs(12) {
        let (peace, sent) = genuine(&d);
        for to in [Caller, Callee] {
            for (at, speaks) in [(1100.0, true), (1500.0, false), (3000.0, true), (5700.0, true)] {
                for ssrc in [ssrc_of(&sent, to.other()), ssrc_of(&sent, to), 7] {
                    let mut s = peace.clone();
                    past_the_ports(&mut s, &d, to, ssrc, (at, speaks));
                    complete(unmoved(&peace, &s, &format!("{to:?} {at} {speaks} {ssrc}")).only(), true);
                }
            }
        }
    }
}

#[test]
fn a_partys_name_sent_ahead_of_it_from_elsewhere_is_missed_by_nobody() {
    for d in dialogs(13) {
        let (peace, sent) = genuine(&d);
        for to in [Caller, Callee] {
            let mut s = peace.clone();
            for at in [1000.1, 1000.4] {
                let (from, ssrc) = (outsider(&d), ssrc_of(&sent, to.other()));
                s.udp(at, from, d.sip[to as usize], &bare(ssrc, 1));
            }
            complete(unmoved(&peace, &s, &format!("{to:?}")).only(), true);
        }
    }
}

#[test]
fn behind_a_nat_nothing_of_a_strangers_is_missed_once_the_party_is_known() {
    let mut d = Dialog::new(14);
    d.rtp[0] = addr("192.168.7.7:20004");
    let (peace, sent, _) = behind_nat(&d);
    for (at, speaks) in [(1500.0, true), (3000.0, false)] {
        let mut s = peace.clone();
        past_the_ports(&mut s, &d, Callee, ssrc_of(&sent, Caller), (at, speaks));
        complete(unmoved(&peace, &s, &format!("{at} {speaks}")).only(), true);
    }
}

#[test]
fn what_a_party_sends_past_the_others_ports_is_missed_whoever_speaks_meanwhile() {
    for d in dialogs(15) {
        for (side, comes_back) in [(Caller, true), (Callee, true), (Caller, false), (Callee, false)] {
            let mut s = Scene::new();
            d.answered(&mut s, 100.0, 1000.0);
            let mut voices = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
            let to = d.rtp[side.other() as usize];
            let beside = |a: SocketAddr| SocketAddr::new(a.ip(), a.port() + 40);
            for who in [Caller, Callee] {
                let v = &mut voices[who as usize];
                let [own, usual] = [who, who.other()].map(|w| d.rtp[w as usize]);
                s.media(&v.clone().between(own, usual).talk(1001.0, 2000.0));
                v.talk(1001.0, 2000.0);
                let astray = if who == side { [own, usual].map(beside) } else { [own, usual] };
                s.media(&v.clone().between(astray[0], astray[1]).talk(2000.0, 3500.0));
                v.talk(2000.0, 3500.0);
                if comes_back || who != side {
                    s.media(&v.clone().between(own, usual).talk(3500.0, 6000.0));
                }
            }
            d.bye(&mut s, 6000.0, Caller);
            s.media(&tone(outsider(&d), to, 3).talk(1900.0, 6000.0));
            complete(s.replay(AGENTS).only(), false);
        }
    }
}
