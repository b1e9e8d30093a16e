//! Clocks that lie: timestamps that run at another rate, numbering that begins again, skew,
//! many sources, and a path that gets faster. The capture clock has the last word.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side};
use crate::common::rng::Rng;
use crate::common::run::Recording;
use crate::common::sdp::{Line, description};
use crate::common::voice::{Fate, Packet, Voice, relayed};
use crate::kit::*;

/// A call answered at 1 s whose voices are these, hung up by the customer at `end`.
fn of(d: &Dialog, sent: &Sent, end: f64) -> crate::common::run::Run {
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    s.media(&sent[0]);
    s.media(&sent[1]);
    d.bye(&mut s, end, Caller);
    s.replay(AGENTS)
}

#[track_caller]
fn all_heard(d: &Dialog, sent: &Sent, end: f64) {
    let run = of(d, sent, end);
    complete(run.only(), true);
    inbound(run.only(), sent);
    for (channel, sent) in ["customer", "agent"].into_iter().zip(sent) {
        let (_, packets, lost) = streams(run.only(), channel);
        assert_eq!((packets, lost), (sent.len() as u64, 0), "{channel} {}", run.only().json["streams"]);
        let copies: u64 = run.only().json["streams"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["duplicates"].as_u64().unwrap())
            .sum();
        assert_eq!(copies, 0, "{}", run.only().json["streams"]);
    }
}

#[test]
fn stamps_at_another_rate_move_nothing() {
    // Twice, half, by a clock of 48 or 44.1 kHz, one for each packet, never.
    for ticks in [320, 80, 960, 882, 1, 0] {
        for side in [Caller, Callee] {
            let d = Dialog::new(1);
            let mut v = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
            v[side as usize].ticks = Some(ticks);
            let sent = [1003.0, 1011.0]
                .into_iter()
                .zip(&mut v)
                .map(|(at, v)| v.talk(at, 6000.0))
                .collect::<Vec<_>>();
            all_heard(&d, &sent.try_into().unwrap(), 6000.0);
        }
    }
}

#[test]
fn stamps_at_another_rate_with_other_packet_lengths_and_a_little_jitter() {
    for (ptime, ticks) in [(10, 160), (30, 480), (40, 160), (60, 960)] {
        let d = Dialog::new(2);
        let mut rng = Rng::new(u64::from(ptime));
        let mut net = |_| Fate { delay_ms: rng.range(0.0, 2.0), ..Fate::CLEAN };
        let mut v = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
        for v in &mut v {
            v.ptime_ms = ptime;
        }
        v[1].ticks = Some(ticks);
        let sent = v.map(|mut v| v.talk_over(1003.0, 6000.0, &mut net));
        all_heard(&d, &sent, 6100.0);
    }
}

#[test]
fn a_pause_by_a_clock_of_another_rate_is_as_long_as_it_was() {
    for (ticks, factor) in [(320, 2), (80, 1)] {
        let d = Dialog::new(3);
        let [mut c, mut a] = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
        a.ticks = Some(ticks);
        let mut agent = a.talk(1003.0, 3003.0);
        a.pause(1500 * factor);
        agent.extend(a.talk(4503.0, 6000.0));
        all_heard(&d, &[c.talk(1001.0, 6000.0), agent], 6000.0);
    }
}

/// G.722 of the same octets on both channels, stamps of the agent's telephone at 16 kHz.
#[test]
fn g722_stamped_at_its_sampling_rate_is_as_fluent_as_at_8_khz() {
    for side in [Caller, Callee] {
        let mut d = Dialog::new(4);
        d.bodies = d.rtp.map(|at| description(1, &[Line::audio(at).formats("9", &["9 G722/8000"])]));
        d.formats = ["9".into(), "9".into()];
        let mut v = [Voice::of(&d, Caller, 7), Voice::of(&d, Callee, 7)];
        v[side as usize].ticks = Some(320);
        let [c, a] = &mut v;
        let sent = [c.talk(1060.0, 4100.0), a.talk(1067.0, 4100.0)];
        let run = of(&d, &sent, 4110.0);
        let r = run.only();
        assert_eq!(r.rate, 16_000);
        complete(r, true);
        // What was sent at one time on one channel is 7 ms later on the other, and within 25 ms of it.
        let settled = sent[0].iter().enumerate().skip(2).take(sent[0].len() - 6);
        for (i, p) in settled {
            let at = ((p.nominal_ns - r.instant_ns("answered_at")) / 62_500) as usize;
            let piece = &r.customer[at..at + 320];
            assert!(piece.iter().any(|s| *s != 0), "packet {i}: the customer is silent");
            let near = at + 112 - 400..=at + 112 + 400;
            let found = near.clone().any(|f| r.agent.get(f..f + 320) == Some(piece));
            assert!(found, "packet {i} of {:?}: the other channel differs", side);
        }
    }
}

/// The same source begins its numbers again after `gap` ms.
fn restart(side: Side, gap: f64, held: bool, seq: bool, ts: bool) {
    let d = Dialog::new(5);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut v = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
    let first = (v[side as usize].seq, v[side as usize].ts);
    let mut sent = v.each_mut().map(|v| v.talk(1003.0, 3003.0));
    for v in &mut v {
        v.pause(gap as u32);
    }
    if seq {
        v[side as usize].seq = first.0;
    }
    if ts {
        v[side as usize].ts = first.1;
    }
    let back = 3003.0 + gap;
    for (sent, v) in sent.iter_mut().zip(&mut v) {
        sent.extend(v.talk(back, back + 2000.0));
    }
    if held {
        let describe = |x: Side, way, n| d.sdp_with(x, d.rtp[x as usize], "8", way, n);
        d.reinvite(
            &mut s,
            3000.0,
            Callee,
            2,
            &describe(Callee, "sendonly", 2),
            &describe(Caller, "recvonly", 2),
        );
        d.reinvite(
            &mut s,
            back - 40.0,
            Callee,
            3,
            &describe(Callee, "sendrecv", 3),
            &describe(Caller, "sendrecv", 3),
        );
    }
    s.media(&sent[0]);
    s.media(&sent[1]);
    d.bye(&mut s, back + 2100.0, Caller);
    let run = s.replay(AGENTS);
    complete(run.only(), true);
    inbound(run.only(), &sent);
    for channel in ["customer", "agent"] {
        let (_, packets, lost) = streams(run.only(), channel);
        assert_eq!((packets, lost), (200, 0), "{channel} {side:?} {gap} {}", run.only().json["streams"]);
    }
}

#[test]
fn numbering_that_begins_again_under_the_same_source_is_no_duplicate() {
    for side in [Caller, Callee] {
        restart(side, 3000.0, true, true, true);
        restart(side, 3000.0, false, true, true);
        restart(side, 300.0, false, true, true);
        restart(side, 1000.0, false, true, false);
        restart(side, 0.0, false, true, true);
    }
}

/// One file of `n` packets is played `plays` times, every `period` ms; the far end echoes it.
fn looped(n: usize, plays: usize, period: f64) {
    let mut d = Dialog::new(6);
    d.formats = ["8".into(), "8".into()];
    let once = Voice::of(&d, Caller, 1).talk(1500.0, 1500.0 + 20.0 * n as f64);
    let mut sent: Sent = [Vec::new(), Vec::new()];
    for i in 0..plays {
        let late = period * i as f64;
        sent[0].extend(relayed(&once, d.rtp[0], d.rtp[1], late));
        sent[1].extend(relayed(&once, d.rtp[1], d.rtp[0], late + 0.07));
    }
    all_heard(&d, &sent, 1600.0 + 20.0 * n as f64 + period * plays as f64);
}

#[test]
fn a_file_that_a_load_generator_plays_again_is_heard_again() {
    for (n, plays, period) in
        [(75, 2, 1700.0), (75, 5, 1700.0), (75, 4, 1500.0), (40, 6, 3000.0), (400, 3, 8000.0)]
    {
        looped(n, plays, period);
    }
}

/// A file played again and again by the same source, as two mirrors saw it, or with packets lost
/// where it begins again.
#[test]
fn a_file_that_is_played_again_is_heard_again_though_it_is_copied_or_torn() {
    for (n, period) in [(75, 1700.0), (40, 1000.0), (30, 900.0)] {
        for (copied, torn) in [(true, false), (false, true)] {
            let mut d = Dialog::new(12);
            d.formats = ["8".into(), "8".into()];
            let once = Voice::of(&d, Caller, 1).talk(1500.0, 1500.0 + 20.0 * f64::from(n));
            let mut sent = Vec::new();
            for i in 0..4 {
                let mut play = relayed(&once, d.rtp[0], d.rtp[1], period * f64::from(i));
                if torn && i > 0 {
                    play.remove(1);
                }
                for p in play.iter_mut().filter(|_| copied) {
                    p.captured_ns.push(p.captured_ns[0] + 300_000);
                }
                sent.extend(play);
            }
            let mut s = Scene::new();
            d.answered(&mut s, 0.0, 1000.0);
            s.media(&sent);
            d.bye(&mut s, 1600.0 + 20.0 * f64::from(n) + 4.0 * period, Caller);
            let run = s.replay(AGENTS);
            crate::common::oracle::must(run.only(), "customer", &sent);
            let copies = if copied { sent.len() as f64 } else { 0.0 };
            assert_eq!(run.only().number("/streams/0/duplicates"), copies, "{n} {period}");
            assert_eq!(run.only().number("/streams/0/packets") as usize, sent.len(), "{n} {period}");
        }
    }
}

#[test]
fn a_copy_that_comes_at_once_is_still_a_duplicate() {
    let d = Dialog::new(7);
    let once = Voice::of(&d, Caller, 1).talk(1001.0, 4000.0);
    for late in [0.05, 3.0, 45.0] {
        let mut both = once.clone();
        both.extend(relayed(&once, d.rtp[0], d.rtp[1], late));
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        s.media(&both);
        d.bye(&mut s, 4100.0, Caller);
        let run = s.replay(AGENTS);
        crate::common::oracle::must(run.only(), "customer", &once);
        assert_eq!(run.only().number("/streams/0/duplicates"), 150.0);
        assert_eq!(run.only().number("/streams/0/packets"), 150.0);
    }
}

#[test]
fn as_many_sources_as_spurts_are_all_heard() {
    for (side, n) in [(Caller, 80), (Callee, 80), (Caller, 300)] {
        let d = Dialog::new(8);
        let mut sent = [Vec::new(), Vec::new()];
        for i in 0..n {
            let at = 1100.0 + 160.0 * f64::from(i);
            sent[side as usize].extend(Voice::of(&d, side, 1000 + i as u64).talk(at, at + 60.0));
        }
        let end = 1200.0 + 160.0 * f64::from(n);
        sent[side.other() as usize] = Voice::of(&d, side.other(), 1).talk(1005.0, end);
        let run = of(&d, &sent, end);
        complete(run.only(), true);
        inbound(run.only(), &sent);
    }
}

/// Spurts of speech with pauses between, by a clock that runs `ppm` fast.
fn speech(d: &Dialog, side: Side, ppm: f64, end: f64) -> Vec<Packet> {
    let mut v = Voice::of(d, side, 40 + side as u64);
    v.ppm = ppm;
    let mut rng = Rng::new(side as u64);
    let mut sent = Vec::new();
    let mut at = 1003.0;
    while at < end - 100.0 {
        let n = 50 + rng.below(400);
        for _ in 0..n {
            if at < end - 100.0 {
                sent.push(v.packet(at, Fate::CLEAN));
                at += 20.0 * (1.0 + ppm / 1e6);
            }
        }
        let silent = 20 * (10 + rng.below(60)) as u32;
        v.pause(silent);
        at += f64::from(silent) * (1.0 + ppm / 1e6);
    }
    sent
}

/// No packet of a spurt lies more than 2 ms nearer or farther from its place than the one before.
#[track_caller]
fn no_slips(r: &Recording, channel: &str, sent: &[Packet]) {
    let found = shifts(r, channel, sent, 80);
    let mut last: Option<(i64, i64)> = None;
    let mut worst = 0;
    let mut cut = 0;
    for (p, shift) in sent.iter().zip(&found) {
        let Some(shift) = shift else {
            cut += 1;
            continue;
        };
        if let Some((_, before)) = last.filter(|(at, _)| p.nominal_ns - at < 70_000_000) {
            worst = worst.max((shift - before).abs());
        }
        last = Some((p.nominal_ns, *shift));
    }
    assert!(worst <= 16, "{channel}: a slip of {worst} samples in mid-speech");
    assert!(cut * 50 <= sent.len(), "{channel}: {cut} of {} packets are cut", sent.len());
}

#[test]
fn telephones_400_ppm_apart_stay_in_place_without_a_slip() {
    for (customer, agent) in [(200.0, -200.0), (-200.0, 200.0), (0.0, 400.0)] {
        let d = Dialog::new(9);
        let end = 181_000.0;
        let sent = [speech(&d, Caller, customer, end), speech(&d, Callee, agent, end)];
        let run = of(&d, &sent, end);
        complete(run.only(), true);
        inbound(run.only(), &sent);
        no_slips(run.only(), "customer", &sent[0]);
        no_slips(run.only(), "agent", &sent[1]);
    }
}

/// From 4 s on packets arrive `faster` ms earlier than their stamps foretell: those on the old
/// way are overtaken, or what had queued comes in one burst.
fn faster_path(faster: f64, burst: bool) {
    let d = Dialog::new(10);
    let mut c = Voice::of(&d, Caller, 1);
    let before = c.talk(1003.0, 4003.0);
    let start = 4003.0 - faster;
    let mut after = c.talk(start, 12_000.0);
    if burst {
        for p in after.iter_mut().filter(|p| p.nominal_ns < before[before.len() - 1].nominal_ns) {
            p.captured_ns = vec![before[before.len() - 1].nominal_ns + 1_000_000];
        }
    }
    let customer: Vec<Packet> = before.iter().chain(&after).cloned().collect();
    let agent = Voice::of(&d, Callee, 2).talk(1005.0, 12_000.0);
    let run = of(&d, &[customer.clone(), agent.clone()], 12_000.0);
    let r = run.only();
    crate::common::oracle::must(r, "agent", &agent);
    // Where it has settled everything is at its place again.
    let settled: Vec<Packet> =
        after.iter().filter(|p| p.nominal_ns > before[0].nominal_ns + 6_000_000_000).cloned().collect();
    let off = shifts(r, "customer", &settled[..settled.len() - 2], 4000);
    let worst = off.iter().map(|s| s.map_or(i64::MAX, i64::abs)).max().unwrap();
    assert!(worst <= 80, "{faster} ms faster (burst: {burst}): still {} ms off", worst / 8);
    // Nothing is lost without a word.
    let missing =
        shifts(r, "customer", &customer[..customer.len() - 2], 4000).iter().filter(|s| s.is_none()).count();
    let counted = r.number("/streams/0/late") as usize;
    let room = (faster / 20.0).ceil() as usize + 2;
    assert!(missing <= room.max(counted), "{missing} packets are not whole, {counted} counted as late");
    assert_eq!(r.number("/streams/0/packets") as usize, customer.len());
    assert_eq!(r.number("/streams/0/lost"), 0.0);
}

#[test]
fn a_path_that_gets_faster_is_followed_all_the_way() {
    for faster in [30.0, 60.0, 100.0, 300.0] {
        faster_path(faster, false);
        faster_path(faster, true);
    }
}

#[test]
fn a_path_that_gets_faster_and_slower_again_is_followed() {
    let d = Dialog::new(11);
    let mut c = Voice::of(&d, Caller, 1);
    let mut sent = c.talk(1083.0, 5083.0);
    sent.extend(c.talk(5003.0, 9003.0));
    let back = c.talk(9083.0, 16_000.0);
    sent.extend(back.clone());
    let agent = Voice::of(&d, Callee, 2).talk(1005.0, 16_000.0);
    let run = of(&d, &[sent, agent], 16_000.0);
    let off = shifts(run.only(), "customer", &back[200..back.len() - 2], 4000);
    let worst = off.iter().map(|s| s.map_or(i64::MAX, i64::abs)).max().unwrap();
    assert!(worst <= 80, "{} ms off", worst / 8);
}

/// `skew_ppm` of the only stream of each channel.
fn skews(r: &Recording) -> [&serde_json::Value; 2] {
    let all = r.json["streams"].as_array().unwrap();
    ["customer", "agent"].map(|name| {
        let of: Vec<_> = all.iter().filter(|s| s["channel"] == name).collect();
        assert_eq!(of.len(), 1, "{name}");
        of[0].get("skew_ppm").expect("told, or told to be unknown")
    })
}

#[test]
fn the_sidecar_tells_how_fast_the_clock_of_each_sender_is() {
    // Parts per million that a packet is longer than it should be: a slow clock.
    for slow in [[-50.0, 400.0], [5.0, -400.0]] {
        let d = Dialog::new(31);
        let mut rng = Rng::new(31);
        let [mut c, mut a] = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
        [c.ppm, a.ppm] = slow;
        let mut jitter = |_| Fate { delay_ms: rng.range(0.0, 6.0), ..Fate::CLEAN };
        let mut customer = c.talk_over(1003.0, 60_000.0, &mut jitter);
        // The path of the customer becomes four milliseconds longer, his stamps begin anew after a pause.
        let mut longer = |n| {
            let Fate { delay_ms, .. } = jitter(n);
            Fate { delay_ms: delay_ms + 4.0, ..Fate::CLEAN }
        };
        customer.extend(c.talk_over(60_003.0, 130_000.0, &mut longer));
        c.ts = c.ts.wrapping_add(1 << 30);
        customer.extend(c.talk_over(133_000.0, 200_000.0, &mut longer));
        let sent = [customer, a.talk_over(1011.0, 200_000.0, &mut jitter)];
        let run = of(&d, &sent, 200_000.0);
        for (told, slow) in skews(run.only()).into_iter().zip(slow) {
            let ppm = told.as_f64().unwrap();
            let wanted = (1.0 / (1.0 + slow / 1e6) - 1.0) * 1e6;
            assert!((ppm - wanted).abs() < 3.0, "{ppm} for {wanted} ppm");
            assert_eq!((ppm * 10.0).round() / 10.0, ppm);
        }
    }
    let d = Dialog::new(32);
    let sent = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)].map(|mut v| v.talk(1003.0, 16_000.0));
    let run = of(&d, &sent, 16_000.0);
    assert_eq!(skews(run.only()), [&serde_json::Value::Null; 2], "too short to tell");
}
