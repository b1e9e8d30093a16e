//! Seals, and how long or many things are told.

use super::super::day_key::seal;
use super::super::*;
use super::{by, log, read, written};

#[test]
fn a_seal_is_over_the_line_itself() {
    let (line, hash) = seal(&Cut { cut: Link::genesis() }, None).unwrap();
    let (body, claimed) = unseal(&line).unwrap();
    assert_eq!((hash_of(body.as_bytes()), claimed), (hash.clone(), hash.as_str()));
    assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    for wrong in ["", "\"}", "{}", &line[1..], &line.to_uppercase(), &format!("{line} ")] {
        assert!(unseal(wrong).is_none_or(|(b, h)| hash_of(b.as_bytes()) != h), "{wrong}");
    }
}

#[test]
fn many_targets_are_several_entries() {
    let ids = (0..1_001).map(Uuid::from_u128);
    let parts = Draft::new(Action::Expire).on(ids).detail(facts! { Zip: true }).split();
    assert_eq!(parts.iter().map(|p| p.targets.len()).collect::<Vec<_>>(), [500, 500, 1]);
    assert_eq!(parts.iter().filter(|p| p.detail.is_some()).count(), 1);
}

#[test]
fn a_long_reason_is_cut() {
    let why = Why { reason: Some("ä".repeat(3_000)), ..Why::default() }.cut();
    assert_eq!(why.reason.map(|r| r.chars().count()), Some(MAX_TEXT));
}

/// Words and forms that this version does not know, and those that it does.
#[test]
fn what_an_earlier_or_a_later_version_wrote_is_read_back_to_the_letter() {
    let dir = written(2);
    let by_now = |n: i64, draft: Draft| log(dir.path()).append(&by(n), [draft]).unwrap();
    by_now(
        3,
        Draft::new(Action::Erase)
            .found_by(Some(facts! { Since: "2026-11-23", Number: true, LongerS: 300.0 })),
    );
    by_now(4, Draft::new(Action::Listen).detail(facts! { FromS: 0.0, ToS: 12.5 }).ended(Outcome::Refused));
    let text = String::from_utf8(read(dir.path())).unwrap();
    let mut bodies: Vec<String> =
        text.lines().map(|line| line.split(",\"sig\":").next().unwrap().to_owned() + "}").collect();
    assert_eq!(bodies.len(), 4);
    let known = bodies[3].clone();
    for (this, later) in [
        ("\"action\":\"listen\"", "\"action\":\"whisper\""),
        ("\"outcome\":\"refused\"", "\"outcome\":\"put off\""),
        ("{\"from_s\":0.0,\"to_s\":12.5}", "{\"z\":1,\"because\":{\"of\":[1,2.5,null]},\"a\":\"\"}"),
        ("{\"from_s\":0.0,\"to_s\":12.5}", "[\"a form of later\"]"),
    ] {
        assert!(known.contains(this), "{known}");
        bodies.push(known.replace(this, later));
    }
    for body in bodies {
        let entry: Entry = serde_json::from_str(&body).unwrap();
        assert_eq!(serde_json::to_string(&entry).unwrap(), body);
    }
}
