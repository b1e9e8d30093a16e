//! What a TAP writes: a file for each direction, with minutes in which nothing comes.
//! Played side by side they are what one file of both would be.

use crate::common::ladder::{AGENTS, Dialog, Scene, Side, ns, write_pcap};
use crate::common::run::{Run, replay};
use crate::common::voice::Voice;
use crate::kit::*;
use Side::{Callee, Caller};

/// The frames of the scene by direction: the agent's side sends from 192.0.2.20.
fn by_direction(s: &Scene) -> [Vec<(i64, Vec<u8>)>; 2] {
    s.ordered().into_iter().partition::<Vec<_>, _>(|(_, f)| f[26..30] == [192, 0, 2, 20]).into()
}

fn replay_files(files: &[&[(i64, Vec<u8>)]]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..files.len()).map(|i| dir.path().join(format!("{i}.pcap"))).collect();
    for (path, frames) in paths.iter().zip(files) {
        write_pcap(path, frames);
    }
    replay(AGENTS, &paths.iter().map(|p| p.as_path()).collect::<Vec<_>>())
}

/// The same of one file as of two, in either order.
fn as_one(s: &Scene, check: impl Fn(&Run)) {
    let [agent, customer] = by_direction(s);
    assert!(!agent.is_empty() && !customer.is_empty());
    let one = replay_files(&[&s.ordered()]);
    check(&one);
    for files in [[&agent[..], &customer], [&customer, &agent]] {
        let two = replay_files(&files);
        check(&two);
        assert_eq!(one.recordings.len(), two.recordings.len());
        for (one, two) in one.recordings.iter().zip(&two.recordings) {
            assert_eq!(one.json, two.json);
            assert!(one.customer == two.customer && one.agent == two.agent, "sound");
        }
    }
}

fn held(d: &Dialog, s: &mut Scene, at: f64) {
    d.answered(s, at, at + 1000.0);
    s.media(&Voice::of(d, Caller, 1).talk(at + 1001.0, at + 3000.0));
    s.media(&Voice::of(d, Callee, 2).talk(at + 1001.0, at + 3000.0));
    let hold = d.sdp_with(Callee, d.rtp[1], "8", "sendonly", 2);
    d.reinvite(s, at + 3000.0, Callee, 2, &hold, &d.sdp_with(Caller, d.rtp[0], "8", "recvonly", 2));
}

#[test]
fn a_bye_after_quiet_has_its_answer_in_the_other_file() {
    for (quiet, side) in [(59_000.0, Caller), (70_000.0, Callee), (130_000.0, Caller), (400_000.0, Callee)] {
        // And a call that is set up once more quiet has passed.
        for next in [None, Some(20_000.0), Some(70_000.0)] {
            let (d, mut s) = (Dialog::new(1), Scene::new());
            held(&d, &mut s, 0.0);
            let end = 3015.0 + quiet;
            d.bye(&mut s, end, side);
            let later = next.map(|ms| {
                let at = end + ms;
                (at, call(&mut s, &Dialog::new(2), at, at + 3000.0))
            });
            as_one(&s, |run| {
                let r = &run.recordings[0];
                spans(r, 1000.0, end, if side == Caller { "customer" } else { "agent" });
                complete(r, true);
                assert_eq!(run.recordings.len(), 1 + usize::from(later.is_some()));
                if let Some((at, sent)) = &later {
                    inbound(&run.recordings[1], sent);
                    spans(&run.recordings[1], *at, at + 3000.0, "customer");
                }
                assert_eq!(run.summary()["time_went_back"], 0);
            });
        }
    }
}

#[test]
fn an_invite_after_quiet_hours_is_followed() {
    // Answered after a minute of which neither file has anything; after more hours, with a ringing.
    for (hours, rings) in [(5.0, false), (9.0, true), (60.0, true)] {
        let mut s = Scene::new();
        let one = call(&mut s, &Dialog::new(1), 1000.0, 3000.0);
        let (d, at) = (Dialog::new(2), 3_600_000.0 * hours);
        d.invite(&mut s, at);
        if rings {
            d.status(&mut s, at + 100.0, 180);
        }
        d.status(&mut s, at + 65_000.0, 200);
        d.ack(&mut s, at + 65_020.0);
        let two = talk(&mut s, &d, at + 65_000.0, at + 70_000.0);
        d.bye(&mut s, at + 70_000.0, Callee);
        as_one(&s, |run| {
            let [a, b] = &run.recordings[..] else { panic!("{hours} h: {}", run.stdout()) };
            inbound(a, &one);
            inbound(b, &two);
            spans(b, at + 65_000.0, at + 70_000.0, "agent");
        });
    }
}

#[test]
fn the_first_stamp_of_all_may_be_broken() {
    let mut s = Scene::new();
    let sent = call(&mut s, &Dialog::new(1), 1000.0, 4000.0);
    let right = s.ordered();
    let day = 86_400_000_000_000;
    for broken in [1_000_000_000, ns(0.0) + 30_000 * day, ns(0.0) + day, ns(500_000.0)] {
        // The first packet, or one of the first call's first three.
        for which in 0..3 {
            let mut frames = right.clone();
            frames[which].0 = broken;
            for files in [vec![&frames[..]], vec![&frames[..50], &frames[50..]]] {
                let run = replay_files(&files);
                spans(run.only(), 1000.0, 4000.0, "customer");
                inbound(run.only(), &sent);
                complete(run.only(), true);
            }
        }
    }
}
