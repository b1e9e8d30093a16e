//! One capture through the five notices of `config/examples/`: what differs is
//! what they promise, and nothing else.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::repository;
use crate::common::voice::Voice;

/// An inbound call to 116117, one to 09 310 1000, one that withholds its number, and an outbound one.
fn day() -> Scene {
    let to = |n: u16, number: &str, more: &str| Dialog {
        headers: format!("Diversion: <sip:{number}@pbx.example>\r\n{more}"),
        ..Dialog::new(n)
    };
    let calls = [
        to(1, "116117", ""),
        to(2, "+35893101000", ""),
        to(3, "+35893101000", "Privacy: id\r\n"),
        Dialog::outbound(4),
    ];
    let mut s = Scene::new();
    for (i, d) in calls.iter().enumerate() {
        let at = 10_000.0 * i as f64;
        d.answered(&mut s, at, at + 1000.0);
        s.media(&Voice::of(d, Caller, 1).talk(at + 1001.0, at + 3000.0));
        s.media(&Voice::of(d, Callee, 2).talk(at + 1005.0, at + 3000.0));
        d.bye(&mut s, at + 3000.0, Callee);
    }
    s
}

/// Dialled, service, customer's number, due, agent's name.
type Row = (&'static str, &'static str, Option<&'static str>, &'static str, Option<&'static str>);

const WHOLE: Option<&str> = Some("+358401234567");
const CUT: Option<&str> = Some("+35840123xxxx");
/// The local day of the answer is 23 November 2026; midnights of Helsinki, winter then summer.
const KEEP_6: &str = "2027-05-23T21:00:00Z";
const AT_MOST_6: &str = "2027-05-22T21:00:00Z";
const AT_MOST_12: &str = "2027-11-22T22:00:00Z";
const KEEP_5_YEARS: &str = "2031-11-23T22:00:00Z";

#[test]
fn one_day_under_five_notices() {
    let notices: [(&str, &[Row]); 5] = [
        (
            "helsinki-fi",
            &[
                ("116117", "116117", CUT, KEEP_5_YEARS, None),
                ("2001", "general", CUT, KEEP_6, None),
                ("2001", "general", None, KEEP_6, None),
                ("+35840123xxxx", "general", CUT, KEEP_6, None),
            ],
        ),
        (
            "helsinki-sv",
            &[
                ("2001", "general", CUT, KEEP_6, None),
                ("2001", "general", CUT, KEEP_6, None),
                ("2001", "general", None, KEEP_6, None),
                ("+35840123xxxx", "general", CUT, KEEP_6, None),
            ],
        ),
        (
            "espoo",
            &[
                ("2001", "general", WHOLE, KEEP_6, None),
                ("2001", "general", WHOLE, KEEP_6, None),
                ("2001", "general", None, KEEP_6, None),
            ],
        ),
        (
            "public-works",
            &[
                ("2001", "general", WHOLE, AT_MOST_6, None),
                ("2001", "general", WHOLE, AT_MOST_6, None),
                ("2001", "general", None, AT_MOST_6, None),
            ],
        ),
        (
            "hsy",
            &[
                ("2001", "general", WHOLE, AT_MOST_12, Some("M. Virtanen")),
                ("2001", "general", WHOLE, AT_MOST_12, Some("M. Virtanen")),
                ("2001", "general", None, AT_MOST_12, Some("M. Virtanen")),
                ("+358401234567", "general", WHOLE, AT_MOST_12, Some("M. Virtanen")),
            ],
        ),
    ];
    let scene = day();
    let mut audio = Vec::new();
    for (name, rows) in notices {
        let path = repository("config/examples").join(format!("{name}.toml"));
        let run = scene.replay(&std::fs::read_to_string(path).unwrap());
        assert_eq!(run.recordings.len(), rows.len(), "{name}\n{}", run.stdout());
        for (r, row) in run.recordings.iter().zip(rows) {
            let (dialled, service, number, until, agent) = *row;
            assert_eq!(r.text("/dialled"), dialled, "{name}");
            assert_eq!(r.text("/service"), service, "{name}");
            assert_eq!(r.json["customer"]["number"].as_str(), number, "{name} {dialled}");
            assert_eq!(r.text("/retention/until"), until, "{name} {dialled}");
            assert_eq!(r.json["agent"]["name"].as_str(), agent, "{name}");
            assert!(r.json["retention"]["hold"].is_null());
        }
        let summary = run.summary();
        let outbound_is_recorded = rows.len() == 4;
        assert_eq!(summary["unrecorded"]["direction"] == 1, !outbound_is_recorded, "{name}");
        // The audio is the same whatever the notice.
        audio.push(run.recordings.iter().take(3).map(|r| r.data.clone()).collect::<Vec<_>>());
    }
    assert!(audio.windows(2).all(|w| w[0] == w[1]));
}
