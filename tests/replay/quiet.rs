//! Minutes, nights and files without a packet: the stamps are believed, a broken
//! one is not.

use crate::common::ladder::{AGENTS, Dialog, Scene, Side, T0, addr, ns, write_pcap};
use crate::common::run::{Run, replay};
use crate::common::voice::Voice;
use Side::{Callee, Caller};

/// One call: answered at 1 s, talk until 5 s, hold, silence, BYE after `quiet_s` more.
fn held_call(n: u16, quiet_s: f64, resumed: bool) -> Scene {
    let (d, mut s) = (Dialog::new(n), Scene::new());
    d.answered(&mut s, 0.0, 1000.0);
    s.media(&Voice::of(&d, Caller, 1).talk(1001.0, 5000.0));
    s.media(&Voice::of(&d, Callee, 2).talk(1001.0, 5000.0));
    let hold = d.sdp_with(Callee, d.rtp[1], "8", "sendonly", 2);
    d.reinvite(&mut s, 5000.0, Callee, 2, &hold, &d.sdp_with(Caller, d.rtp[0], "8", "recvonly", 2));
    let end = 5015.0 + 1000.0 * quiet_s;
    if resumed {
        let talk = d.sdp_with(Callee, d.rtp[1], "8", "sendrecv", 3);
        d.reinvite(&mut s, end, Callee, 3, &talk, &d.sdp_with(Caller, d.rtp[0], "8", "sendrecv", 3));
        s.media(&Voice::of(&d, Caller, 3).talk(end + 20.0, end + 2000.0));
        d.bye(&mut s, end + 2000.0, Caller);
    } else {
        d.bye(&mut s, end, Caller);
    }
    s
}

#[track_caller]
fn lasts(run: &Run, s: f64) {
    let r = run.only();
    assert_eq!((r.text("/ended_by"), &r.json["complete"]), ("customer", &true.into()), "{}", r.json);
    assert!((r.number("/duration_s") - s).abs() < 0.021, "{s} s wanted: {}", r.json);
    assert!((r.customer.len() as f64 / 8000.0 - s).abs() < 0.021);
}

#[test]
fn a_hold_in_which_no_packet_comes_keeps_its_length() {
    for quiet_s in [59.0, 61.0, 125.0, 1800.0] {
        lasts(&held_call(1, quiet_s, false).replay(AGENTS), 4.015 + quiet_s);
        let run = held_call(1, quiet_s, true).replay(AGENTS);
        lasts(&run, 6.015 + quiet_s);
        let resume = run.only().events("resume");
        assert!((resume[0] - (4.015 + quiet_s)).abs() < 0.05, "{resume:?}");
    }
}

#[test]
fn a_bye_that_is_the_last_packet_of_all_counts() {
    let mut s = held_call(2, 125.0, false);
    let without_answer = s.frames.len() - 1;
    s.frames.truncate(without_answer);
    lasts(&s.replay(AGENTS), 129.015);
    // Repeated, as a sender does whom nobody answers.
    let bye = s.frames[without_answer - 1].clone();
    for ms in [500, 1500, 3500] {
        s.frames.push((bye.0 + ms * 1_000_000, bye.1.clone()));
    }
    lasts(&s.replay(AGENTS), 129.015);
}

#[test]
fn a_last_stamp_that_no_other_bears_out_is_believed_for_hours_not_for_days() {
    for stamp in [T0 + 200_000_000_000_000, T0 + 90_000_000_000_000_000, 0, T0 - 90_000_000_000_000] {
        let mut s = held_call(3, 10.0, false);
        let last = s.frames.len() - 2;
        s.frames.truncate(last + 1);
        let mut frames = s.ordered();
        frames[last].0 = stamp;
        let run = Scene { frames, unsorted: true }.replay(AGENTS);
        assert!(run.only().number("/duration_s") < 5.0, "{}", run.only().json);
    }
}

#[test]
fn the_first_call_after_quiet_hours_is_recorded() {
    for quiet_s in [61.0, 400.0, 8.0 * 3600.0, 60.0 * 3600.0] {
        let (a, mut s) = (Dialog::new(4), Scene::new());
        a.answered(&mut s, 0.0, 1000.0);
        s.media(&Voice::of(&a, Caller, 1).talk(1001.0, 3000.0));
        a.bye(&mut s, 3000.0, Callee);
        let later = 3005.0 + 1000.0 * quiet_s;
        let b = Dialog::new(5);
        b.answered(&mut s, later, later + 1000.0);
        s.media(&Voice::of(&b, Caller, 2).talk(later + 1001.0, later + 4000.0));
        b.bye(&mut s, later + 4000.0, Caller);
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2, "{quiet_s}: {}", run.stdout());
        let r = &run.recordings[1];
        assert_eq!(r.instant_ns("answered_at"), ns(later + 1000.0));
        assert!((r.number("/duration_s") - 3.0).abs() < 0.021, "{}", r.json);
        assert_eq!(r.json["complete"], true);
    }
}

#[test]
fn other_packets_are_witnesses_too() {
    // Media of a stranger, and a keep-alive, follow the INVITE after a quiet quarter of an hour.
    let (d, mut s) = (Dialog::new(6), Scene::new());
    s.udp(0.0, d.sip[0], d.sip[1], b"\r\n\r\n");
    let later = 900_000.0;
    d.answered(&mut s, later, later + 1000.0);
    s.udp(
        later + 1.0,
        addr("203.0.113.5:4000"),
        addr("203.0.113.6:4000"),
        &[0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9],
    );
    s.media(&Voice::of(&d, Caller, 2).talk(later + 1001.0, later + 4000.0));
    d.bye(&mut s, later + 4000.0, Caller);
    lasts(&s.replay(AGENTS), 3.0);
}

#[test]
fn a_broken_stamp_costs_no_media() {
    for (stamp, place) in [(0, 40), (T0 + 90_000_000_000_000_000, 41), (T0 - 3_600_000_000_000, 60)] {
        let (d, mut s) = (Dialog::new(7), Scene::new());
        d.answered(&mut s, 0.0, 1000.0);
        let sent = Voice::of(&d, Caller, 1).talk(1001.0, 3000.0);
        s.media(&sent);
        d.bye(&mut s, 3000.0, Caller);
        let mut frames = s.ordered();
        frames[place].0 = stamp;
        let run = Scene { frames, unsorted: true }.replay(AGENTS);
        lasts(&run, 2.0);
        crate::common::oracle::must(run.only(), "customer", &sent);
        assert_eq!(run.only().json["streams"][0]["lost"], 0);
        assert_eq!(run.only().json["streams"][0]["packets"], sent.len());
    }
}

#[test]
fn captures_of_different_times_give_all_their_calls_in_either_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (n, day) in [(8u16, 0.0), (9, 26.0), (10, 27.0)] {
        let (d, mut s) = (Dialog::new(n), Scene::new());
        let at = day * 3_600_000.0;
        d.answered(&mut s, at, at + 1000.0);
        s.media(&Voice::of(&d, Caller, u64::from(n)).talk(at + 1001.0, at + 3000.0));
        d.bye(&mut s, at + 3000.0, Caller);
        let path = dir.path().join(format!("{n}.pcap"));
        write_pcap(&path, &s.ordered());
        paths.push(path);
    }
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let run = replay(AGENTS, &order.map(|i: usize| paths[i].as_path()));
        assert_eq!(run.recordings.len(), 3, "{order:?}: {}", run.stdout());
        for r in &run.recordings {
            assert!((r.number("/duration_s") - 2.0).abs() < 0.021, "{}", r.json);
            assert_eq!((r.text("/ended_by"), &r.json["complete"]), ("customer", &true.into()));
        }
    }
}
