//! Clocks and numbers that lie: stamps in other units, numbering that begins again,
//! files played in a loop, paths that grow shorter, clocks that drift apart.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, ns};
use crate::common::oracle::must;
use crate::common::run::{Recording, Run};
use crate::common::voice::{Fate, Packet, Voice};
use crate::kit::{AGENTS, streams};

fn call(d: &Dialog, end: f64, media: &[&[Packet]]) -> Run {
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    for m in media {
        s.media(m);
    }
    d.bye(&mut s, end, Caller);
    s.replay("")
}

/// The customer's packets, beside an agent who simply talks; both where they belong.
fn heard(d: &Dialog, customer: &[Packet], end: f64) -> Run {
    let agent = Voice::of(d, Callee, 2).talk(1005.0, end);
    let run = call(d, end, &[customer, &agent]);
    must(run.only(), "customer", customer);
    must(run.only(), "agent", &agent);
    run
}

fn counts(r: &Recording) -> (f64, f64, f64) {
    let sum = |key: &str| {
        let streams = r.json["streams"].as_array().unwrap();
        let of = streams.iter().filter(|s| s["channel"] == "customer");
        of.map(|s| s[key].as_f64().unwrap()).sum()
    };
    (sum("packets"), sum("lost"), sum("duplicates"))
}

/// Talks with stamps that grow by `step` with each packet of `ptime` ms, whatever it holds.
fn stamped(v: &mut Voice, step: u32, ptime: u32, from: f64, to: f64) -> Vec<Packet> {
    v.ptime_ms = ptime;
    let (mut sent, mut at) = (Vec::new(), from);
    while at < to - 1e-6 {
        let before = v.ts;
        sent.push(v.packet(at, Fate::CLEAN));
        v.ts = before.wrapping_add(step);
        at += f64::from(ptime);
    }
    sent
}

#[test]
fn stamps_in_any_unit_are_as_long_as_their_sound() {
    for (ptime, steps) in
        [(20, [1, 20, 80, 320, 960]), (30, [1, 30, 120, 480, 1440]), (60, [1, 60, 240, 960, 2880])]
    {
        for step in steps {
            let d = Dialog::new(1);
            let mut c = Voice::of(&d, Caller, 1);
            let run = heard(&d, &stamped(&mut c, step, ptime, 1003.0, 5000.0), 5000.0);
            let (_, lost, duplicates) = counts(run.only());
            assert_eq!((lost, duplicates), (0.0, 0.0), "{ptime} {step}");
            assert_eq!(run.only().json["complete"], true, "{ptime} {step}");
        }
    }
}

#[test]
fn stamps_on_another_clock_tell_pauses_or_do_not() {
    for (step, told) in [(320, 16_000), (320, 0), (1, 0), (20, 1000)] {
        let d = Dialog::new(2);
        let mut c = Voice::of(&d, Caller, 1);
        let mut sent = stamped(&mut c, step, 20, 1003.0, 3003.0);
        c.ts = c.ts.wrapping_add(told);
        sent.extend(stamped(&mut c, step, 20, 4003.0, 6000.0));
        let run = heard(&d, &sent, 6000.0);
        assert_eq!(run.only().json["complete"], true, "{step} {told}");
    }
}

#[test]
fn numbering_that_begins_again_is_new_sound() {
    // How much is heard before, the pause, and how far back the numbers begin.
    for (first, pause, back) in [
        (2000, 3000, 100),
        (1500, 200, 75),
        (1000, 1500, 50),
        (4000, 700, 150),
        (2000, 20, 100),
        (30_000, 800, 1500),
    ] {
        for stamps_begin_again in [true, false] {
            let d = Dialog::new(3);
            let mut c = Voice::of(&d, Caller, 1);
            let (seq, ts) = (c.seq, c.ts);
            let begin = 1003.0 + f64::from(first + pause);
            let mut sent = c.talk(1003.0, 1003.0 + f64::from(first));
            let packets = sent.len() as u16;
            c.seq = seq.wrapping_add(packets).wrapping_sub(back);
            if stamps_begin_again {
                c.ts = ts;
            } else {
                c.ts = c.ts.wrapping_add(900_000_000);
            }
            sent.extend(c.talk(begin, begin + 2000.0));
            let case = format!("{first} {pause} {back} {stamps_begin_again}");
            let run = heard(&d, &sent, begin + 2100.0);
            assert_eq!(counts(run.only()), (sent.len() as f64, 0.0, 0.0), "{case}");
            assert_eq!(run.only().json["complete"], true, "{case}");
        }
    }
}

#[test]
fn numbers_that_run_ahead_of_time_are_no_loss() {
    for ahead in [500, 1500, 2900] {
        let d = Dialog::new(4);
        let mut c = Voice::of(&d, Caller, 1);
        let mut sent = c.talk(1003.0, 3003.0);
        c.seq = c.seq.wrapping_add(ahead);
        c.ts = c.ts.wrapping_add(77_777_777);
        sent.extend(c.talk(3003.0, 5000.0));
        let run = heard(&d, &sent, 5000.0);
        assert_eq!(counts(run.only()).1, 0.0, "{ahead}");
    }
}

#[test]
fn a_file_played_in_a_loop_is_heard_each_time() {
    for (length, pause, times) in [(1500, 200, 3), (500, 500, 4), (300, 0, 5), (2000, 0, 3), (260, 40, 4)] {
        let d = Dialog::new(5);
        let mut c = Voice::of(&d, Caller, 1);
        let file = c.talk(0.0, f64::from(length));
        let mut sent = Vec::new();
        for n in 0..times {
            let by = ns(1003.0 + f64::from((length + pause) * n)) - ns(0.0);
            sent.extend(file.iter().cloned().map(|mut p| {
                p.nominal_ns += by;
                p.captured_ns.iter_mut().for_each(|at| *at += by);
                p
            }));
        }
        let end = 1003.0 + f64::from((length + pause) * times);
        let run = heard(&d, &sent, end);
        assert_eq!(counts(run.only()), (sent.len() as f64, 0.0, 0.0), "{length} {pause}");
        assert_eq!(run.only().json["complete"], true);
    }
}

#[test]
fn of_a_file_of_a_few_packets_played_in_a_loop_no_more_than_one_round_is_taken_for_copies() {
    // 60 to 200 ms over and over: the second round comes when copies of the first would.
    for packets in 3..=10 {
        for (side, times) in [(Caller, 20), (Callee, 7)] {
            let d = Dialog::new(5);
            let mut v = Voice::of(&d, side, 1);
            let length = packets * 20;
            let file = v.talk(0.0, f64::from(length));
            let mut s = Scene::new();
            d.answered(&mut s, 100.0, 1000.0);
            s.media(&Voice::of(&d, side.other(), 2).talk(1005.0, 6000.0));
            for n in 0..times {
                let by = ns(1003.0 + f64::from(length * n)) - ns(0.0);
                let again = file.iter().cloned().map(|mut p| {
                    p.captured_ns.iter_mut().for_each(|at| *at += by);
                    p
                });
                s.media(&again.collect::<Vec<_>>());
            }
            d.bye(&mut s, 6000.0, Caller);
            let run = s.replay(AGENTS);
            let r = run.only();
            let (_, heard, _) = streams(r, if side == Caller { "customer" } else { "agent" });
            let (heard, sent, once) = (heard as i32, packets * times, packets);
            assert!(heard >= sent - once && heard <= sent, "{packets} {side:?}: {heard} of {sent}");
            assert_eq!(r.json["complete"], heard == sent, "{packets} {side:?}");
        }
    }
}

#[test]
fn one_late_packet_does_not_make_copies_of_the_rounds_of_a_loop() {
    for (packets, late) in [(12, 11), (30, 29), (50, 49), (70, 69), (30, 30), (50, 75)] {
        let d = Dialog::new(5);
        let length = 20 * packets;
        let file = Voice::of(&d, Caller, 1).talk(0.0, f64::from(length));
        let mut s = Scene::new();
        d.answered(&mut s, 100.0, 1000.0);
        s.media(&Voice::of(&d, Callee, 2).talk(1005.0, 9000.0));
        let times = 7000 / length;
        let mut sent = Vec::new();
        for n in 0..times {
            let by = ns(1003.0 + f64::from(length * n)) - ns(0.0);
            sent.extend(file.iter().cloned().map(|mut p| {
                p.captured_ns.iter_mut().for_each(|at| *at += by);
                p
            }));
        }
        sent[late].captured_ns[0] += 25_000_000;
        s.media(&sent);
        d.bye(&mut s, 9000.0, Caller);
        let run = s.replay(AGENTS);
        let (_, heard, _) = streams(run.only(), "customer");
        assert!(heard as usize + 3 >= sent.len(), "{packets} {late}: {heard} of {}", sent.len());
    }
}

#[test]
fn copies_by_two_more_ways_are_copies_after_the_voice_has_ended() {
    for late in [[30.0, 90.0], [80.0, 140.0], [60.0, 60.5]] {
        let d = Dialog::new(6);
        let mut sent = Voice::of(&d, Caller, 1).talk(1003.0, 4003.0);
        for p in &mut sent {
            let first = p.captured_ns[0];
            p.captured_ns.extend(late.map(|late| first + ns(late) - ns(0.0)));
        }
        let run = heard(&d, &sent, 6000.0);
        assert_eq!(counts(run.only()), (150.0, 0.0, 300.0), "{late:?}");
        assert_eq!(run.only().json["complete"], true, "{late:?}");
    }
}

#[test]
fn copies_are_copies_though_they_come_late() {
    // A second mirror that is slower by this much; its last copies come after the voice has ended.
    for late in [1.0, 60.0, 300.0, 900.0] {
        let d = Dialog::new(6);
        let mut c = Voice::of(&d, Caller, 1);
        let mut sent = c.talk(1003.0, 4003.0);
        for p in &mut sent {
            let first = p.captured_ns[0];
            p.captured_ns.push(first + ns(late) - ns(0.0));
        }
        let run = heard(&d, &sent, 6000.0);
        assert_eq!(counts(run.only()), (150.0, 0.0, 150.0), "{late}");
        assert_eq!(run.only().json["complete"], true);
    }
}

/// A sender that never counts on: what cannot be told from a copy is not heard, and that is said.
#[test]
fn numbers_that_stand_still_are_not_passed_off_as_copies() {
    for side in [Caller, Callee] {
        let d = Dialog::new(6);
        let mut sent = Voice::of(&d, side, 1).talk(1003.0, 5000.0);
        let first = u16::from_be_bytes([sent[0].rtp[2], sent[0].rtp[3]]);
        for p in &mut sent {
            p.rtp[2..4].copy_from_slice(&first.to_be_bytes());
        }
        let other = Voice::of(&d, side.other(), 2).talk(1005.0, 5000.0);
        let run = call(&d, 5000.0, &[&sent, &other]);
        assert_eq!(run.only().json["complete"], false, "{side:?}");
        must(run.only(), if side == Caller { "agent" } else { "customer" }, &other);
    }
}

#[test]
fn a_path_that_grows_shorter_is_followed_at_once() {
    for shorter in [10.0, 15.0, 25.0, 30.0, 60.0, 100.0, 300.0] {
        let d = Dialog::new(7);
        let (mut c, mut a) = (Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2));
        let before = c.talk(1303.0, 4303.0);
        let after = c.talk(4303.0 - shorter, 8000.0);
        let agent = a.talk(1005.0, 8000.0);
        let run = call(&d, 8000.0, &[&before, &after, &agent]);
        let r = run.only();
        let place = |p: &Packet| ((p.nominal_ns - r.instant_ns("answered_at")) / 125_000) as usize;
        let is_at = |p: &Packet, ms: usize| {
            let f = place(p);
            (f - 8 * ms..=f + 8 * ms).any(|f| r.customer[f..f + 160] == p.samples[..])
        };
        let early = before.iter().take(130).position(|p| !is_at(p, 10));
        assert_eq!(early, None, "{shorter}: before");
        let settled = &after[20..after.len() - 5];
        let wrong = settled.iter().filter(|p| !is_at(p, if shorter < 12.0 { 12 } else { 10 })).count();
        assert!(wrong * 8 <= settled.len(), "{shorter}: {wrong} of {} out of place", settled.len());
        let last = &after[after.len() - 60..after.len() - 5];
        assert!(last.iter().all(|p| is_at(p, 10)), "{shorter}: late to the end");
        assert_eq!(r.json["complete"], shorter <= 20.0, "{shorter}: what gave way is missing");
    }
}

#[test]
fn clocks_drift_apart_without_a_slip() {
    for ppm in [-500.0, 350.0] {
        let d = Dialog::new(8);
        let (mut c, mut a) = (Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2));
        c.ppm = ppm;
        a.ppm = -ppm / 2.0;
        let (customer, agent) = (c.talk(1001.0, 91_000.0), a.talk(1005.0, 91_000.0));
        let run = call(&d, 91_000.0, &[&customer, &agent]);
        let r = run.only();
        assert_eq!(r.json["complete"], true);
        for (channel, sent) in [("customer", &customer), ("agent", &agent)] {
            must(r, channel, sent);
            let heard = r.channel(channel);
            let mut last: Option<i64> = None;
            for p in sent.iter().skip(5).take(4480) {
                let place = (p.nominal_ns - r.instant_ns("answered_at")) / 125_000;
                let at = |s: &i64| heard[(place + s) as usize..][..20] == p.samples[..20];
                let near = last.into_iter().chain(-80..=80);
                let shift = near.into_iter().find(at).expect("within ten milliseconds");
                assert!(
                    last.is_none_or(|l| (l - shift).abs() <= 10),
                    "{channel}: a slip of {last:?} to {shift}"
                );
                last = Some(shift);
            }
        }
    }
}

#[test]
fn what_keeps_a_path_open_is_no_loss_and_what_nobody_named_is() {
    // Payload type, octets, how many, how far apart; whether anything is missing.
    for (payload_type, octets, packets, every, complete) in [
        (8, 0, 1, 20.0, true),
        (8, 0, 40, 20.0, true),
        (126, 4, 3, 20.0, true),
        (126, 0, 60, 20.0, true),
        (126, 1, 30, 1500.0, true),
        (126, 160, 40, 20.0, false),
        (15, 20, 1, 20.0, false),
    ] {
        let d = Dialog::new(9);
        let mut c = Voice::of(&d, Caller, 1);
        let end = 3003.0 + f64::from(packets) * every;
        let mut sent = Vec::new();
        let mut first = c.talk(1003.0, 3003.0);
        for i in 0..packets {
            sent.push(c.other(3003.0 + every * f64::from(i), payload_type, &vec![0x55; octets]));
        }
        c.ts = c.ts.wrapping_add(8 * (end - 3003.0) as u32);
        first.extend(c.talk(end, end + 1000.0));
        let agent = Voice::of(&d, Callee, 2).talk(1005.0, end + 1000.0);
        let run = call(&d, end + 1000.0, &[&first, &sent, &agent]);
        must(run.only(), "customer", &first);
        assert_eq!(run.only().json["complete"], complete, "{payload_type} {octets} {packets}");
    }
}

#[test]
fn a_source_for_each_spurt_is_heard_as_often_as_it_comes() {
    let d = Dialog::new(10);
    let mut sent = Vec::new();
    for n in 0..150 {
        let mut c = Voice::of(&d, Caller, 100 + n);
        let from = 1003.0 + 160.0 * n as f64;
        sent.extend(c.talk(from, from + 100.0));
    }
    let run = heard(&d, &sent, 26_000.0);
    let r = run.only();
    assert_eq!(counts(r), (750.0, 0.0, 0.0));
    assert_eq!(r.json["streams"].as_array().unwrap().len(), 151);
    assert_eq!(r.json["complete"], true);
}
