//! Seals, and how long or many things are told.

use super::super::day_key::seal;
use super::super::*;

#[test]
fn a_seal_is_over_the_line_itself() {
    let (line, hash) = seal(&Cut { cut: Link::genesis() }, None).unwrap();
    let (body, claimed) = unseal(&line).unwrap();
    assert_eq!((hash_of(body.as_bytes()), claimed), (hash.clone(), hash.as_str()));
    assert!(serde_json::from_str::<Value>(&line).is_ok());
    for wrong in ["", "\"}", "{}", &line[1..], &line.to_uppercase(), &format!("{line} ")] {
        assert!(unseal(wrong).is_none_or(|(b, h)| hash_of(b.as_bytes()) != h), "{wrong}");
    }
}

#[test]
fn many_targets_are_several_entries() {
    let ids = (0..1_001).map(Uuid::from_u128);
    let parts = Draft::new(Action::Expire).on(ids).detail(Value::Bool(true)).split();
    assert_eq!(parts.iter().map(|p| p.targets.len()).collect::<Vec<_>>(), [500, 500, 1]);
    assert_eq!(parts.iter().filter(|p| p.detail.is_some()).count(), 1);
}

#[test]
fn a_long_reason_is_cut() {
    let why = Why { reason: Some("ä".repeat(3_000)), ..Why::default() }.cut();
    assert_eq!(why.reason.map(|r| r.chars().count()), Some(MAX_TEXT));
}
