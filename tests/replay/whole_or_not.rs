//! `complete: false` means that audio is missing, nothing else: keep-alives and comfort noise
//! are no loss, and whatever is missing says so.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, addr};
use crate::common::oracle::must;
use crate::common::run::Run;
use crate::common::voice::{Fate, Packet, Voice};
use crate::kit::*;
use std::net::SocketAddr;

/// A call with both voices, and what the test adds of `side`'s.
fn with(side: Side, formats: &str, more: impl FnOnce(&mut Voice) -> Vec<Packet>) -> (Run, Sent) {
    let d = Dialog { formats: [formats.into(), formats.into()], ..Dialog::new(1) };
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut v = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
    s.media(&more(&mut v[side as usize]));
    let [c, a] = &mut v;
    let sent = [c.talk(1101.0, 4000.0), a.talk(1105.0, 4000.0)];
    s.media(&sent[0]);
    s.media(&sent[1]);
    d.bye(&mut s, 4000.0, Caller);
    (s.replay(AGENTS), sent)
}

#[track_caller]
fn nothing_missing((run, sent): (Run, Sent)) {
    complete(run.only(), true);
    inbound(run.only(), &sent);
}

#[test]
fn packets_without_payload_are_no_loss() {
    for side in [Caller, Callee] {
        for n in [1, 2, 3] {
            nothing_missing(with(side, "8", |v| {
                (0..n).map(|i| v.other(1010.0 + 20.0 * f64::from(i), 8, &[])).collect()
            }));
        }
    }
}

#[test]
fn keep_alives_of_a_type_that_nobody_announced_are_no_loss() {
    for side in [Caller, Callee] {
        for payload in [&[][..], &[0], &[0xFF; 4], &[0; 20]] {
            for pt in [20, 126, 96, 127] {
                nothing_missing(with(side, "8", |v| {
                    let packets = (0..4).map(|i| v.other(1010.0 + 20.0 * f64::from(i), pt, payload));
                    packets.collect()
                }));
            }
        }
    }
}

/// Keep-alives in the midst of a mute of 40 s, when nothing else is sent.
#[test]
fn keep_alives_within_a_long_silence_are_no_loss_and_no_sound() {
    for (pt, payload) in [(8, &[][..]), (20, &[]), (126, &[0])] {
        for own_source in [false, true] {
            let d = Dialog::new(2);
            let mut s = Scene::new();
            d.answered(&mut s, 0.0, 1000.0);
            let mut c = Voice::of(&d, Caller, 1);
            let mut kept = Voice::of(&d, Caller, 99);
            let mut customer = c.talk(1001.0, 3001.0);
            for i in 0..4 {
                let at = 13_001.0 + 10_000.0 * f64::from(i);
                c.pause(10_000);
                s.media(&[if own_source { &mut kept } else { &mut c }.other(at, pt, payload)]);
            }
            c.pause(2000);
            customer.extend(c.talk(45_001.0, 47_000.0));
            let agent = Voice::of(&d, Callee, 2).talk(1005.0, 47_000.0);
            s.media(&customer);
            s.media(&agent);
            d.bye(&mut s, 47_000.0, Caller);
            nothing_missing((s.replay(AGENTS), [customer, agent]));
        }
    }
}

#[test]
fn comfort_noise_is_no_loss() {
    for (formats, announced) in [("8 13", true), ("8", false)] {
        let (run, sent) = with(Caller, formats, |v| {
            (0..4).map(|i| v.other(1010.0 + 20.0 * f64::from(i), 13, &[60, 10, 20])).collect()
        });
        println!("announced: {announced}");
        complete(run.only(), true);
        must_agent(&run, &sent);
    }
}

#[track_caller]
fn must_agent(run: &Run, sent: &Sent) {
    crate::common::oracle::must(run.only(), "agent", &sent[1]);
}

#[test]
fn stun_and_rtcp_and_line_feeds_on_the_ports_of_media_are_no_loss() {
    let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
    stun.extend_from_slice(&[7; 12]);
    let report = crate::common::files::sender_report(5);
    let others = [&stun[..], &report, b"\r\n\r\n", b"\r\n", &[0], &[], b"jaK", b"jaK\0"];
    for (i, other) in others.into_iter().enumerate() {
        let d = Dialog::new(3);
        let mut s = Scene::new();
        let sent = call(&mut s, &d, 1000.0, 4000.0);
        s.udp(1500.0, d.rtp[0], d.rtp[1], other);
        s.udp(1550.0, d.rtp[1], d.rtp[0], other);
        if other != report {
            s.udp(1570.0, d.sip[0], d.sip[1], other);
        }
        let run = s.replay(AGENTS);
        assert_eq!(run.summary()["sip_parse_errors"], 0, "{i}: keep-alives are no bad messages");
        nothing_missing((run, sent));
    }
}

#[test]
fn loss_of_the_network_is_no_loss_of_the_recorder() {
    let d = Dialog::new(4);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut net = |i: usize| if i % 9 == 4 { Fate::LOST } else { Fate::CLEAN };
    let sent = [
        Voice::of(&d, Caller, 1).talk_over(1001.0, 4000.0, &mut net),
        Voice::of(&d, Callee, 2).talk(1005.0, 4000.0),
    ];
    s.media(&sent[0]);
    s.media(&sent[1]);
    d.bye(&mut s, 4000.0, Caller);
    nothing_missing((s.replay(AGENTS), sent));
}

/// The caller talks, `lost` packets from the second second on never come, and talks on.
fn with_hole(lost: usize, told: bool) -> Run {
    let d = Dialog::new(14);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut net = |i: usize| if (50..50 + lost).contains(&i) && told { Fate::LOST } else { Fate::CLEAN };
    let mut v = Voice::of(&d, Caller, 1);
    if told {
        s.media(&v.talk_over(1001.0, 6000.0, &mut net));
    } else {
        // Nothing is sent, so that no number is left out.
        s.media(&v.talk(1001.0, 2001.0));
        v.pause(20 * lost as u32);
        s.media(&v.talk(2001.0 + 20.0 * lost as f64, 6000.0));
    }
    s.media(&Voice::of(&d, Callee, 2).talk(1005.0, 6000.0));
    d.bye(&mut s, 6000.0, Caller);
    s.replay(AGENTS)
}

#[test]
fn a_hole_that_no_network_makes_is_missing_and_silence_is_not() {
    for (lost, whole) in [(3, true), (9, true), (12, false), (100, false)] {
        complete(with_hole(lost, true).only(), whole);
        complete(with_hole(lost, false).only(), true);
    }
}

#[test]
fn a_channel_of_which_nothing_was_sent_misses_nothing() {
    let d = Dialog::new(5);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let sent = Voice::of(&d, Caller, 1).talk(1001.0, 4000.0);
    s.media(&sent);
    d.bye(&mut s, 4000.0, Caller);
    nothing_missing((s.replay(AGENTS), [sent, Vec::new()]));
}

#[test]
fn a_channel_whose_packets_went_where_nobody_listens_is_missing() {
    for side in [Caller, Callee] {
        let d = Dialog::new(1);
        let [own, other] = [d.rtp[side as usize], d.rtp[side.other() as usize]];
        let far = addr("203.0.113.77:35000");
        let elsewhere = |at: SocketAddr| SocketAddr::new(at.ip(), at.port() + 5000);
        for (src, dst, is_missed) in [
            (elsewhere(own), elsewhere(other), true),
            (far, elsewhere(other), true),
            (elsewhere(own), far, true),
            (far, addr("203.0.113.78:35000"), false),
        ] {
            let mut s = Scene::new();
            d.answered(&mut s, 0.0, 1000.0);
            let heard = Voice::of(&d, side.other(), 1).talk(1005.0, 4000.0);
            s.media(&heard);
            let mut lost = Voice::of(&d, side, 2);
            (lost.src, lost.dst) = (src, dst);
            s.media(&lost.talk(1003.0, 4000.0));
            d.bye(&mut s, 4000.0, Caller);
            let run = s.replay(AGENTS);
            complete(run.only(), !is_missed);
            silent(run.only(), ["customer", "agent"][side as usize]);
            must(run.only(), ["customer", "agent"][side.other() as usize], &heard);
        }
    }
}

#[test]
fn sound_of_a_type_that_nobody_announced_is_missing() {
    // Two seconds of it are no keep-alive.
    for side in [Caller, Callee] {
        let d = Dialog::new(6);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let mut v = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
        let mut sent = [Vec::new(), Vec::new()];
        for (i, v) in v.iter_mut().enumerate() {
            sent[i].extend(v.talk(1001.0, 2001.0));
            if i == side as usize {
                let other: Vec<_> = v.talk(2001.0, 4001.0);
                s.media(
                    &other
                        .into_iter()
                        .map(|mut p| {
                            p.rtp[1] = 105;
                            p
                        })
                        .collect::<Vec<_>>(),
                );
            } else {
                sent[i].extend(v.talk(2001.0, 4001.0));
            }
            sent[i].extend(v.talk(4001.0, 5000.0));
            s.media(&sent[i]);
        }
        d.bye(&mut s, 5000.0, Caller);
        let run = s.replay(AGENTS);
        complete(run.only(), false);
        inbound(run.only(), &sent);
    }
}

#[test]
fn a_codec_that_is_not_decoded_for_a_while_is_missing() {
    let mut d = Dialog::new(7);
    d.formats = ["8".into(), "8".into()];
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut v = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
    let mut sent = v.each_mut().map(|v| v.talk(1001.0, 3001.0));
    let of = |side: Side, formats, n| d.sdp_with(side, d.rtp[side as usize], formats, "sendrecv", n);
    d.reinvite(&mut s, 2980.0, Caller, 2, &of(Caller, "15", 2), &of(Callee, "15", 2));
    for v in &mut v {
        for i in 0..50 {
            s.media(&[v.other(3001.0 + 20.0 * f64::from(i), 15, &[5; 20])]);
            v.pause(20);
        }
    }
    d.reinvite(&mut s, 3980.0, Caller, 3, &of(Caller, "8", 3), &of(Callee, "8", 3));
    for (sent, v) in sent.iter_mut().zip(&mut v) {
        sent.extend(v.talk(4001.0, 6000.0));
        s.media(sent);
    }
    d.bye(&mut s, 6000.0, Caller);
    let run = s.replay(AGENTS);
    complete(run.only(), false);
    inbound(run.only(), &sent);
}

#[test]
fn payloads_that_no_decoder_takes_are_missing() {
    // Frame counts that the packet's length belies.
    let payload = [&[0xFF, 0xBF][..], &[7; 60]].concat();
    for (formats, step) in [("111", 960), ("111", 2880)] {
        let d = Dialog { formats: [formats.into(), formats.into()], ..Dialog::new(8) };
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        for side in [Caller, Callee] {
            let mut v = Voice::of(&d, side, 3 + side as u64);
            for i in 0..150 {
                s.media(&[v.other(1001.0 + 20.0 * f64::from(i), formats.parse().unwrap(), &payload)]);
                v.ts = v.ts.wrapping_add(step);
            }
        }
        d.bye(&mut s, 4000.0, Caller);
        let run = s.replay(AGENTS);
        println!("{formats} {}", payload.len());
        for r in &run.recordings {
            complete(r, false);
        }
    }
}
