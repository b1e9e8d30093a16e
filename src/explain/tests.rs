//! What is asked for, and by what words.

use super::*;
use crate::time::Timestamp;
use jiff::tz::TimeZone;

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

#[test]
fn a_call_is_asked_for_by_what_people_have_at_hand() {
    let kind = |text: &str| match text.parse::<AskedCall>().unwrap() {
        AskedCall::All => "all",
        AskedCall::Recording(..) => "recording",
        AskedCall::CallId(_) => "call-id",
        AskedCall::At(_) => "time",
    };
    for (text, is) in [
        ("all", "all"),
        ("1a2b3c4d", "recording"),
        ("01a20779-5b8a-762e-bfab-fe9f656a3db6", "recording"),
        ("3848276298220188511@atlanta.example.com", "call-id"),
        ("sha256:0123456789abcdef", "call-id"),
        ("08:15", "time"),
        ("08:15:20", "time"),
        ("2026-11-23 08:15", "time"),
        ("2026-11-23T08:15:20", "time"),
        ("2026-11-23T08:15:20.5Z", "time"),
        ("2026-13-23@example.com", "call-id"),
        ("0123456789abcdef", "call-id"),
    ] {
        assert_eq!(kind(text), is, "{text}");
    }
    for wrong in ["", "2026-13-23 08:15", "2026-11-23", "25:15", "08:15:61"] {
        assert!(wrong.parse::<AskedCall>().is_err(), "{wrong}");
    }
}

#[test]
fn a_time_means_what_it_says_on_the_wall() {
    let zone = TimeZone::get("Europe/Helsinki").unwrap();
    let call = (at("2026-11-23T06:15:10Z"), at("2026-11-23T06:16:30Z"));
    let night = (at("2026-11-23T21:59:00Z"), at("2026-11-23T22:01:00Z"));
    for (text, span, is) in [
        ("08:15", call, true),
        ("08:16", call, true),
        ("08:17", call, false),
        ("08:14", call, false),
        ("08:16:29", call, true),
        ("08:16:31", call, false),
        ("06:15", call, false),
        ("2026-11-23 08:15", call, true),
        ("2026-11-24 08:15", call, false),
        ("2026-11-23T06:15:30Z", call, true),
        ("2026-11-23T08:15:30Z", call, false),
        ("23:59", night, true),
        ("00:00", night, true),
        ("2026-11-24 00:00", night, true),
        ("2026-11-23 00:00", night, false),
    ] {
        let AskedCall::At(asked) = text.parse().unwrap() else { panic!("{text}") };
        assert_eq!(asked.touches(span, &zone), is, "{text}");
    }
}
