//! Where sound lies: every sentence of the contract about a sample's place, on
//! generated calls against the oracle of `common::oracle`.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, addr, ns};
use crate::common::oracle::must;
use crate::common::rng::Rng;
use crate::common::run::Run;
use crate::common::voice::{Fate, Packet, Voice};

/// A call answered at 1 s, hung up at `end` by the customer, with this media.
fn call(d: &Dialog, end: f64, media: &[&[Packet]]) -> Run {
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    for m in media {
        s.media(m);
    }
    d.bye(&mut s, end, Caller);
    s.replay("")
}

fn voices(d: &Dialog) -> [Voice; 2] {
    [Voice::of(d, Caller, 1), Voice::of(d, Callee, 2)]
}

fn both(d: &Dialog, [customer, agent]: [Vec<Packet>; 2], end: f64) -> Run {
    let run = call(d, end, &[&customer, &agent]);
    must(run.only(), "customer", &customer);
    must(run.only(), "agent", &agent);
    run
}

#[test]
fn a_clean_call_is_exact() {
    let d = Dialog::new(1);
    let [mut c, mut a] = voices(&d);
    let sent = [c.talk(1003.0, 6000.0), a.talk(1010.0, 6000.0)];
    let run = both(&d, sent, 6000.0);
    let r = run.only();
    assert_eq!(r.text("/ended_by"), "customer");
    assert_eq!(r.json["complete"], true);
    assert_eq!(r.customer.len(), 40_000);
    assert_eq!(r.instant_ns("answered_at"), ns(1000.0));
    assert_eq!(r.instant_ns("ended_at"), ns(6000.0));
    assert_eq!(r.json["streams"].as_array().unwrap().len(), 2);
    assert_eq!(r.number("/streams/0/packets"), 250.0);
    assert_eq!(r.number("/streams/0/lost"), 0.0);
}

#[test]
fn jitter_does_not_move_audio() {
    for seed in 0..4 {
        let d = Dialog::new(2);
        let [mut c, mut a] = voices(&d);
        let mut rng = Rng::new(seed);
        // A third of the packets are not delayed at all: they tell the path.
        let mut net =
            |_| Fate { delay_ms: if rng.chance(0.33) { 0.0 } else { rng.range(0.0, 60.0) }, ..Fate::CLEAN };
        let sent = [c.talk_over(1001.0, 9000.0, &mut net), a.talk_over(1005.0, 9000.0, &mut net)];
        let run = both(&d, sent, 9100.0);
        assert_eq!(run.only().number("/streams/0/lost"), 0.0);
    }
}

#[test]
fn loss_moves_nothing_and_is_concealed_briefly() {
    let d = Dialog::new(3);
    let [mut c, mut a] = voices(&d);
    let mut rng = Rng::new(7);
    let mut burst = 0;
    let mut net = |i: usize| {
        if burst == 0 && i > 0 && rng.chance(0.03) {
            burst = 1 + rng.below(12);
        }
        burst = u64::saturating_sub(burst, 1);
        if burst > 0 { Fate::LOST } else { Fate::CLEAN }
    };
    let sent = [c.talk_over(1001.0, 9000.0, &mut net), a.talk(1005.0, 9000.0)];
    let lost = sent[0].iter().filter(|p| p.captured_ns.is_empty()).count();
    let tail = sent[0].iter().rev().take_while(|p| p.captured_ns.is_empty()).count();
    let run = both(&d, sent, 9000.0);
    let r = run.only();
    assert_eq!(r.number("/streams/0/lost") as usize, lost - tail);
    assert_eq!(r.json["complete"], true, "loss on the network is not loss in the recorder");
}

#[test]
fn duplicates_and_reordering_are_repaired() {
    let d = Dialog::new(4);
    let [mut c, mut a] = voices(&d);
    let mut net = |i: usize| Fate {
        copies: u8::from(i % 7 == 3),
        delay_ms: if i % 10 == 4 { 45.0 } else { 0.0 },
        lost: false,
    };
    let sent = [c.talk_over(1001.0, 5000.0, &mut net), a.talk_over(1005.0, 5000.0, &mut net)];
    let run = both(&d, sent, 5100.0);
    let r = run.only();
    assert_eq!(r.number("/streams/0/packets"), 200.0);
    assert_eq!(r.number("/streams/0/duplicates"), 29.0);
    assert_eq!(r.number("/streams/0/lost"), 0.0);
}

#[test]
fn sequence_numbers_and_stamps_wrap() {
    for (seq, ts) in [(65_530, 0xFFFF_FE00), (65_535, 5), (0, 0), (1, u32::MAX), (32_767, 0x7FFF_FF00)] {
        let d = Dialog::new(5);
        let [mut c, mut a] = voices(&d);
        (c.seq, c.ts) = (seq, ts);
        let mut net = |i: usize| if i % 11 == 5 { Fate::LOST } else { Fate::CLEAN };
        let sent = [c.talk_over(1001.0, 4000.0, &mut net), a.talk(1005.0, 4000.0)];
        let run = both(&d, sent, 4000.0);
        assert_eq!(run.only().number("/streams/0/lost"), 14.0, "{seq} {ts}");
    }
}

#[test]
fn every_packet_length_and_mixed_ones() {
    for ptimes in [[10, 10], [20, 60], [30, 40], [60, 10], [40, 20]] {
        let d = Dialog::new(6);
        let [mut c, mut a] = voices(&d);
        let halves = |v: &mut Voice| {
            v.ptime_ms = ptimes[0];
            let mut all = v.talk(1080.0, 3000.0);
            v.ptime_ms = ptimes[1];
            all.extend(v.talk(3000.0, 5000.0));
            all
        };
        let sent = [halves(&mut c), halves(&mut a)];
        both(&d, sent, 5100.0);
    }
}

#[test]
fn a_mu_law_and_a_linear_call_are_exact() {
    for formats in ["0", "97"] {
        let mut d = Dialog::new(7);
        d.formats = [formats.into(), formats.into()];
        let [mut c, mut a] = voices(&d);
        let sent = [c.talk(1003.0, 4000.0), a.talk(1010.0, 4000.0)];
        both(&d, sent, 4000.0);
    }
}

#[test]
fn a_pause_the_stamps_know_of_is_silence() {
    let d = Dialog::new(8);
    let [mut c, mut a] = voices(&d);
    let mut first = c.talk(1001.0, 3001.0);
    c.pause(1500);
    first.extend(c.talk(4501.0, 6000.0));
    let run = both(&d, [first, a.talk(1005.0, 6000.0)], 6000.0);
    assert_eq!(run.only().number("/streams/0/lost"), 0.0);
}

#[test]
fn a_pause_the_stamps_do_not_tell_is_placed_by_the_capture_clock() {
    for gap in [60.0, 100.0, 300.0, 1500.0, 4000.0] {
        let d = Dialog::new(9);
        let [mut c, mut a] = voices(&d);
        let mut first = c.talk(1001.0, 3001.0);
        first.extend(c.talk(3001.0 + gap, 5001.0 + gap));
        let end = 5100.0 + gap;
        both(&d, [first, a.talk(1005.0, end)], end);
    }
}

#[test]
fn an_understated_pause_is_placed_by_the_capture_clock() {
    // The stamps tell of a shorter pause than there was, and of a longer one.
    for (stamps, real) in [(500, 1500.0), (1000, 1100.0), (2000, 500.0), (60_000, 400.0)] {
        let d = Dialog::new(10);
        let [mut c, mut a] = voices(&d);
        let mut first = c.talk(1001.0, 3001.0);
        c.pause(stamps);
        first.extend(c.talk(3001.0 + real, 5001.0 + real));
        let end = 5100.0 + real;
        both(&d, [first, a.talk(1005.0, end)], end);
    }
}

#[test]
fn stamps_that_jump_either_way_move_nothing() {
    for jump in [-800_000_i64, -8_000, 8_000, 800_000, 0x7FFF_0000, -0x7FFF_0000] {
        let d = Dialog::new(11);
        let [mut c, mut a] = voices(&d);
        let mut first = c.talk(1001.0, 3001.0);
        c.ts = c.ts.wrapping_add(jump as u32);
        first.extend(c.talk(3001.0, 5000.0));
        both(&d, [first, a.talk(1005.0, 5000.0)], 5000.0);
    }
}

#[test]
fn packets_out_of_order_across_a_jump_keep_their_place() {
    for (delay, jump) in [(32.0, -100_000_i64), (32.0, 100_000), (41.0, -100_000), (41.0, 0x7000_0000)] {
        // Whether the delayed packet is played with its neighbours depends on where the grid falls.
        for n in 95..110 {
            let d = Dialog::new(11);
            let [mut c, mut a] = voices(&d);
            let mut net = |i: usize| Fate { delay_ms: if i == n - 1 { delay } else { 0.0 }, ..Fate::CLEAN };
            let mut sent = c.talk_over(1001.0, 1001.0 + 20.0 * n as f64, &mut net);
            c.ts = c.ts.wrapping_add(jump as u32);
            sent.extend(c.talk(1001.0 + 20.0 * n as f64, 5000.0));
            both(&d, [sent, a.talk(1005.0, 5000.0)], 5000.0);
        }
    }
}

#[test]
fn a_path_a_little_longer_is_followed_within_three_seconds() {
    for longer in [12.0, 14.0, 25.0, 38.0] {
        let d = Dialog::new(17);
        let [mut c, mut a] = voices(&d);
        let first = c.talk(1001.0, 3001.0);
        let before = c.talk(3001.0 + longer, 6501.0 + longer);
        let after = c.talk(6501.0 + longer, 12_000.0);
        let run = call(&d, 12_000.0, &[&first, &before, &after, &a.talk(1005.0, 12_000.0)]);
        // Silence and the seconds of doubt are not looked at, only where it has settled.
        let r = run.only();
        // One in ten may be a little longer or shorter than it was sent.
        let found = after[20..24].iter().any(|p| {
            let place = ((p.nominal_ns - r.instant_ns("answered_at")) / 125_000) as usize;
            (place - 80..=place + 80).any(|f| r.customer[f..f + 160] == p.samples[..])
        });
        assert!(found, "{longer} ms longer: out of place 3.5 s later");
    }
}

#[test]
fn two_packets_after_an_untold_pause_keep_their_place() {
    for packets in [1, 2] {
        let d = Dialog::new(9);
        let [mut c, mut a] = voices(&d);
        let mut sent = c.talk(1001.0, 3001.0);
        sent.extend(c.talk(5001.0, 5001.0 + 20.0 * f64::from(packets)));
        both(&d, [sent, a.talk(1005.0, 5060.0)], 5200.0);
    }
}

#[test]
fn frozen_stamps_are_placed_by_the_capture_clock() {
    let d = Dialog::new(12);
    let [mut c, mut a] = voices(&d);
    let mut sent = c.talk(1001.0, 2001.0);
    let frozen = c.ts;
    for i in 0..50 {
        c.ts = frozen;
        sent.push(c.packet(2001.0 + 20.0 * f64::from(i), Fate::CLEAN));
    }
    c.ts = frozen.wrapping_add(50 * 160);
    sent.extend(c.talk(3001.0, 5000.0));
    both(&d, [sent, a.talk(1005.0, 5000.0)], 5000.0);
}

#[test]
fn a_source_change_is_one_voice() {
    let d = Dialog::new(13);
    let [mut c, mut a] = voices(&d);
    let mut sent = c.talk(1001.0, 2001.0);
    let mut next = Voice::of(&d, Caller, 99);
    sent.extend(next.talk(2001.0, 3001.0));
    // And back: the first goes on where its stamps say it is.
    c.pause(1000);
    sent.extend(c.talk(3001.0, 4000.0));
    let run = both(&d, [sent, a.talk(1005.0, 4000.0)], 4000.0);
    assert_eq!(run.only().json["streams"].as_array().unwrap().len(), 3);
}

#[test]
fn a_sender_that_starts_anew_keeps_its_place() {
    // The same SSRC with another sequence and stamp, as after a transfer inside a PBX.
    for (seq, ts) in [(10, 20), (40_000, 0xF000_0000), (65_000, 77)] {
        let d = Dialog::new(14);
        let [mut c, mut a] = voices(&d);
        (c.seq, c.ts) = (30_000, 0x1000_0000);
        let mut sent = c.talk(1001.0, 3001.0);
        (c.seq, c.ts) = (seq, ts);
        sent.extend(c.talk(3001.0, 5000.0));
        both(&d, [sent, a.talk(1005.0, 5000.0)], 5000.0);
    }
}

#[test]
fn skewed_clocks_stay_within_ten_milliseconds() {
    for ppm in [-200.0, 200.0] {
        let d = Dialog::new(15);
        let [mut c, mut a] = voices(&d);
        c.ppm = ppm;
        a.ppm = -ppm / 2.0;
        let sent = [c.talk(1001.0, 121_000.0), a.talk(1005.0, 121_000.0)];
        both(&d, sent, 121_000.0);
    }
}

#[test]
fn skew_with_jitter_stays_within_ten_milliseconds() {
    let d = Dialog::new(16);
    let [mut c, mut a] = voices(&d);
    c.ppm = 150.0;
    a.ppm = -150.0;
    let mut rng = Rng::new(16);
    let mut net = |_| Fate {
        delay_ms: if rng.chance(0.2) { 0.0 } else { rng.range(0.0, 40.0) },
        lost: rng.chance(0.01),
        copies: 0,
    };
    let sent = [c.talk_over(1001.0, 91_000.0, &mut net), a.talk_over(1005.0, 91_000.0, &mut net)];
    both(&d, sent, 91_100.0);
}

#[test]
fn a_path_that_grows_longer_is_followed() {
    // The route changes: everything after is 80 ms later for good.
    let d = Dialog::new(17);
    let [mut c, mut a] = voices(&d);
    let mut sent = c.talk(1001.0, 3001.0);
    sent.extend(c.talk(3081.0, 6000.0));
    both(&d, [sent, a.talk(1005.0, 6000.0)], 6000.0);
}

#[test]
fn comfort_noise_and_nothing_at_all_keep_the_place() {
    let mut d = Dialog::new(18);
    d.formats = ["8 13".into(), "8 13".into()];
    let [mut c, mut a] = voices(&d);
    let mut sent = c.talk(1001.0, 2001.0);
    let noise: Vec<Packet> = (0..5)
        .map(|i| {
            let p = c.other(2001.0 + 200.0 * f64::from(i), 13, &[60]);
            c.pause(200);
            p
        })
        .collect();
    let later = c.talk(3001.0, 4000.0);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let agent = a.talk(1005.0, 4000.0);
    for m in [&sent, &noise, &later, &agent] {
        s.media(m);
    }
    d.bye(&mut s, 4000.0, Callee);
    let run = s.replay("");
    let r = run.only();
    sent.extend(later);
    must(r, "customer", &sent);
    must(r, "agent", &agent);
    assert_eq!(r.number("/streams/0/packets"), 50.0 + 5.0 + 50.0);
    assert_eq!(r.number("/streams/0/lost"), 0.0);
    assert_eq!(r.text("/ended_by"), "agent");
    assert_eq!(r.json["complete"], true);
}

#[test]
fn a_key_press_is_one_event_without_its_digit() {
    let mut d = Dialog::new(19);
    d.formats = ["8 101".into(), "8 101".into()];
    let [mut c, mut a] = voices(&d);
    let mut sent = c.talk(1001.0, 2001.0);
    // RFC 4733: one event in eight packets, all with its first stamp, the end said three times.
    let press = |c: &mut Voice, at: f64, digit: u8| -> Vec<Packet> {
        let p = (0..8_u8)
            .map(|i| {
                let end = if i >= 5 { 0x80 } else { 0 };
                let duration = (160 * (u16::from(i.min(5)) + 1)).to_be_bytes();
                c.other(at + 20.0 * f64::from(i), 101, &[digit, end | 10, duration[0], duration[1]])
            })
            .collect();
        c.pause(160);
        p
    };
    let mut keys = press(&mut c, 2001.0, 7);
    sent.extend(c.talk(2161.0, 3161.0));
    keys.extend(press(&mut c, 3161.0, 7));
    keys.extend(press(&mut c, 3321.0, 7));
    sent.extend(c.talk(3481.0, 5000.0));
    let run = call(&d, 5000.0, &[&sent, &keys, &a.talk(1005.0, 5000.0)]);
    let r = run.only();
    must(r, "customer", &sent);
    let at = r.events("dtmf");
    assert_eq!(at.len(), 3, "{:?}", r.json["events"]);
    for (at, expected) in at.iter().zip([1.001, 2.161, 2.321]) {
        assert!((at - expected).abs() < 0.05, "{at} {expected}");
    }
    let events = r.json["events"].to_string();
    assert!(!events.contains("digit") && !events.contains("\"7\""), "{events}");
    assert_eq!(r.json["complete"], true);
}

#[test]
fn packets_before_the_answer_and_after_the_end_are_not_heard() {
    let d = Dialog::new(20);
    let [mut c, mut a] = voices(&d);
    let mut s = Scene::new();
    d.invite(&mut s, 0.0);
    d.status(&mut s, 100.0, 183);
    d.status(&mut s, 3000.0, 200);
    d.ack(&mut s, 3005.0);
    let (customer, agent) = (c.talk(150.0, 6500.0), a.talk(140.0, 6500.0));
    s.media(&customer);
    s.media(&agent);
    d.bye(&mut s, 5000.0, Caller);
    let run = s.replay("");
    let r = run.only();
    must(r, "customer", &customer);
    must(r, "agent", &agent);
    assert_eq!(r.customer.len(), 16_000);
    // 150 + 20 n and 140 + 20 n within 3000..=5000.
    assert_eq!(r.number("/streams/0/packets"), 100.0);
    assert_eq!(r.number("/streams/1/packets"), 101.0);
}

#[test]
fn one_way_calls_have_one_silent_channel() {
    let d = Dialog::new(21);
    let [mut c, _] = voices(&d);
    let run = both(&d, [c.talk(1001.0, 4000.0), Vec::new()], 4000.0);
    assert!(run.only().agent.iter().all(|s| *s == 0));
    assert_eq!(run.only().json["complete"], true);
}

#[test]
fn audio_that_begins_late_lies_late() {
    let d = Dialog::new(22);
    let [mut c, mut a] = voices(&d);
    let run = both(&d, [c.talk(8001.0, 9000.0), a.talk(11_005.0, 14_000.0)], 14_000.0);
    assert_eq!(run.only().customer.len(), 104_000);
}

#[test]
fn an_unknown_codec_is_silence_and_is_named() {
    for (formats, named) in [("15", "G728"), ("97", "L16")] {
        let mut d = Dialog::new(23);
        d.formats = [formats.into(), "8".into()];
        // The customer sends what the agent's description lists.
        d.formats.swap(0, 1);
        let [mut c, mut a] = voices(&d);
        c.payload_type = formats.parse().unwrap();
        let customer = c.talk(1001.0, 3000.0);
        a.payload_type = 8;
        let agent = a.talk(1005.0, 3000.0);
        let run = call(&d, 3000.0, &[&customer, &agent]);
        let r = run.only();
        assert!(r.json["streams"].to_string().contains(named), "{}", r.json["streams"]);
        must(r, "agent", &agent);
        if named == "G728" {
            assert!(r.customer.iter().all(|s| *s == 0));
            assert_eq!(r.json["complete"], false);
        } else {
            must(r, "customer", &customer);
        }
    }
}

#[test]
fn a_re_invite_moves_the_media_and_the_old_place_is_a_strangers() {
    let d = Dialog::new(24);
    let [mut c, mut a] = voices(&d);
    let moved = addr("192.0.2.77:41000");
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let (mut customer, mut agent) = (c.talk(1001.0, 3001.0), a.talk(1005.0, 3005.0));
    let offer = d.sdp_with(Callee, moved, "8", "sendrecv", 2);
    d.reinvite(&mut s, 2990.0, Callee, 7, &offer, &d.sdp(Caller));
    c.dst = moved;
    a.src = moved;
    customer.extend(c.talk(3001.0, 5000.0));
    agent.extend(a.talk(3005.0, 5000.0));
    // Somebody else now uses the port the agent had.
    let mut stranger = Voice::of(&d, Caller, 77);
    stranger.src = addr("203.0.113.9:9000");
    let noise = stranger.talk(3500.0, 5000.0);
    for m in [&customer, &agent, &noise] {
        s.media(m);
    }
    d.bye(&mut s, 5000.0, Caller);
    let run = s.replay("");
    must(run.only(), "customer", &customer);
    must(run.only(), "agent", &agent);
}

#[test]
fn a_codec_change_is_an_event_and_keeps_the_place() {
    let mut d = Dialog::new(25);
    d.formats = ["8 0".into(), "8".into()];
    let [mut c, mut a] = voices(&d);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let (mut customer, mut agent) = (c.talk(1001.0, 3001.0), a.talk(1005.0, 3005.0));
    let of = |side: Side| d.sdp_with(side, d.rtp[side as usize], "0", "sendrecv", 2);
    d.reinvite(&mut s, 2980.0, Caller, 2, &of(Caller), &of(Callee));
    c.payload_type = 0;
    a.payload_type = 0;
    customer.extend(c.talk(3001.0, 5000.0));
    agent.extend(a.talk(3005.0, 5000.0));
    s.media(&customer);
    s.media(&agent);
    d.bye(&mut s, 5000.0, Caller);
    let run = s.replay("");
    let r = run.only();
    must(r, "customer", &customer);
    must(r, "agent", &agent);
    assert_eq!(r.events("codec").len(), 2, "{}", r.json["events"]);
    assert!(r.events("codec").iter().all(|t| (t - 2.0).abs() < 0.05));
}

#[test]
fn stored_as_g711_the_bytes_are_those_received() {
    let d = Dialog::new(26);
    let [mut c, mut a] = voices(&d);
    let (customer, agent) = (c.talk(1003.0, 4000.0), a.talk(1010.0, 4000.0));
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    s.media(&customer);
    s.media(&agent);
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay("[storage]\nencoding = \"g711\"\n");
    let r = run.only();
    assert_eq!(r.text("/audio/encoding"), "alaw");
    assert_eq!(r.data.len(), 2 * r.customer.len());
    let bytes: Vec<u8> = r.data.iter().step_by(2).copied().collect();
    let first = &customer[1].rtp[12..];
    assert!(bytes.windows(160).any(|w| w == first), "the bytes are not those received");
}
