//! How long a caller had been answered, or heard early media, before the agent: in the sidecar, and
//! against the service's `announcement_min`.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, addr};
use crate::common::run::{Recording, Run};
use crate::common::voice::Voice;
use crate::kit::*;
use serde_json::Value;

const MIN: &str = "[agents]\nextensions = [\"2000-2999\"]\n[service_default]\nannouncement_min = \"8s\"\n";
const TIED: &str = "Session-ID: ab30317f1a784dc48ff824d0d3715d86\r\n";

#[track_caller]
fn waited(r: &Recording, seconds: Option<f64>, leg: Option<&str>) {
    let got = r.json["before_agent_s"].as_f64();
    let near = match (got, seconds) {
        (Some(got), Some(want)) => (got - want).abs() < 0.05,
        (got, want) => got == want,
    };
    assert!(near && r.json["before_agent_leg"].as_str() == leg, "{seconds:?} {leg:?} {}", r.json);
}

#[track_caller]
fn is_short(r: &Recording, yes: bool) {
    assert_eq!(r.events("no_announcement"), if yes { vec![0.0] } else { vec![] }, "{}", r.json);
}

/// The caller's way into the queue: a leg of its own to 116117.
fn queue(n: u16) -> Dialog {
    let d = Dialog::new(n);
    Dialog {
        to: "<sip:116117@pbx.example>".into(),
        uri: "sip:116117@192.0.2.5".into(),
        sip: [d.sip[0], addr("192.0.2.5:5060")],
        rtp: [d.rtp[0], addr("192.0.2.5:40000")],
        headers: TIED.into(),
        ..d
    }
}

/// The agent's leg, from the queue.
fn agents(n: u16) -> Dialog {
    let d = Dialog::new(n);
    Dialog {
        sip: [addr("192.0.2.5:5060"), d.sip[1]],
        rtp: [addr("192.0.2.5:41000"), d.rtp[1]],
        headers: TIED.into(),
        ..d
    }
}

/// Into the queue, answered there at `queued`, and to the agent at 20 s; replayed with a least length.
fn through_queue(queued: Option<f64>, early: Option<f64>, early_rtp: bool) -> Run {
    let (q, a) = (queue(1), agents(2));
    let mut s = Scene::new();
    q.invite(&mut s, 100.0);
    if let Some(at) = early {
        q.status(&mut s, at, 183);
        if early_rtp {
            s.media(&Voice::of(&q, Callee, 4).talk(at + 20.0, 20_000.0));
        }
    }
    if let Some(at) = queued {
        q.status(&mut s, at, 200);
        q.ack(&mut s, at + 5.0);
    }
    a.answered(&mut s, 18_000.0, 20_000.0);
    talk(&mut s, &a, 20_000.0, 24_000.0);
    a.bye(&mut s, 24_000.0, Callee);
    if queued.is_some() {
        q.bye(&mut s, 24_100.0, Callee);
    }
    s.replay(MIN)
}

#[test]
fn a_queue_that_answered_is_waited_in() {
    for (queued, short) in [(1000.0, false), (11_900.0, false), (12_100.0, true), (19_900.0, true)] {
        let run = through_queue(Some(queued), None, false);
        waited(run.only(), Some((20_000.0 - queued) / 1e3), Some("queue"));
        is_short(run.only(), short);
    }
}

#[test]
fn early_media_is_heard_where_packets_come() {
    let run = through_queue(None, Some(5000.0), true);
    waited(run.only(), Some(15.0), Some("early_media"));
    is_short(run.only(), false);
    // A response alone is none.
    let run = through_queue(None, Some(5000.0), false);
    waited(run.only(), Some(0.0), None);
    is_short(run.only(), true);
    // The longer of the two is told, the whole time counts.
    let run = through_queue(Some(7000.0), Some(5000.0), true);
    waited(run.only(), Some(15.0), Some("queue"));
    let run = through_queue(Some(17_000.0), Some(5000.0), true);
    waited(run.only(), Some(15.0), Some("early_media"));
}

#[test]
fn the_agents_own_leg_counts_as_well() {
    for (header, rtp, heard) in [
        ("", true, Some(9.0)),
        ("P-Early-Media: sendrecv, gated\r\n", false, Some(9.0)),
        ("P-Early-Media: inactive\r\n", false, Some(0.0)),
        ("", false, Some(0.0)),
    ] {
        let d = Dialog::new(3);
        let mut s = Scene::new();
        d.invite(&mut s, 100.0);
        let sdp = d.sdp(Callee);
        let text = d.response_text(183, "INVITE", Caller, 1, header, Some(&sdp));
        s.udp(1000.0, d.sip[1], d.sip[0], text.as_bytes());
        if rtp {
            s.media(&Voice::of(&d, Callee, 4).talk(1020.0, 9900.0));
        }
        d.status(&mut s, 10_000.0, 200);
        d.ack(&mut s, 10_005.0);
        talk(&mut s, &d, 10_000.0, 13_000.0);
        d.bye(&mut s, 13_000.0, Caller);
        let run = s.replay(MIN);
        waited(run.only(), heard, heard.filter(|h| *h > 0.0).map(|_| "early_media"));
        is_short(run.only(), heard == Some(0.0));
        // Nothing of it is in the recording.
        let first = run.only().agent.iter().position(|s| *s != 0);
        assert!(first.is_none_or(|n| n > 8), "{first:?}");
    }
}

#[test]
fn who_is_called_by_an_agent_waits_for_nobody() {
    let d = Dialog::outbound(4);
    let mut s = Scene::new();
    call(&mut s, &d, 10_000.0, 13_000.0);
    let run = s.replay(MIN);
    waited(run.only(), None, None);
    assert!(run.only().json["before_agent_s"].is_null());
    is_short(run.only(), false);
}

#[test]
fn the_next_agent_of_a_call_needs_no_announcement() {
    let (q, a) = (queue(1), agents(2));
    let next = Dialog { to: "<sip:2002@pbx.example>".into(), uri: "sip:2002@192.0.2.21".into(), ..agents(5) };
    let mut s = Scene::new();
    q.answered(&mut s, 100.0, 1000.0);
    a.answered(&mut s, 18_000.0, 20_000.0);
    talk(&mut s, &a, 20_000.0, 24_000.0);
    a.bye(&mut s, 24_000.0, Callee);
    next.answered(&mut s, 26_000.0, 27_000.0);
    talk(&mut s, &next, 27_000.0, 30_000.0);
    next.bye(&mut s, 30_000.0, Callee);
    q.bye(&mut s, 30_100.0, Callee);
    let run = s.replay(MIN);
    assert_eq!(run.recordings.len(), 2);
    waited(&run.recordings[0], Some(19.0), Some("queue"));
    waited(&run.recordings[1], None, None);
    is_short(&run.recordings[1], false);
}

#[test]
fn a_service_without_a_least_length_checks_nothing() {
    let mut s = Scene::new();
    call(&mut s, &Dialog::new(6), 10_000.0, 13_000.0);
    let run = s.replay(AGENTS);
    waited(run.only(), Some(0.0), None);
    is_short(run.only(), false);
    let service = "[[service]]\nname = \"own\"\nnumbers = [\"2001\"]\nannouncement_min = \"\"\n";
    is_short(s.replay(&format!("{MIN}{service}")).only(), false);
    is_short(s.replay(MIN).only(), true);
    let listed = listed(&s.replay(MIN), "no-announcement");
    assert_eq!(listed.len(), 1);
}

/// What `list --flag` finds.
fn listed(run: &Run, flag: &str) -> Vec<Value> {
    let dir = format!("storage.dir={}", run.dir.display());
    let mut command = crate::common::run::nauhuri();
    let out = command
        .args(["list", "--json", "--set", &dir, "--config", "/dev/null", "--flag", flag])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}
