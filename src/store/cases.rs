//! Cases on a recording: those that hold it, those that closed it.
//!
//! What the sidecar's keys `retention.hold` and `restricted` say. Each is `null` or
//! absent exactly while there is no case; else it is one object, the oldest case,
//! with the later ones in its key `also`. A case is known by its `ref`. What this
//! version cannot read counts as a case that nobody can take off. Must not know how
//! a case comes to be there, or what it forbids.

use super::sidecar::{Sidecar, parse_rfc3339};
use crate::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most cases of one kind on one recording.
pub const MAX_CASES: usize = 100;

/// Where restrictions stand in a sidecar.
pub(crate) const RESTRICTED: &str = "restricted";

/// One of them.
pub(crate) trait Case: Serialize + DeserializeOwned {
    /// What it is known by.
    fn case(&self) -> &str;
}

/// The key as it is written.
#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: DeserializeOwned"))]
struct Written<T> {
    #[serde(flatten)]
    oldest: T,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also: Vec<T>,
}

/// Why it is kept; the commands know it by the same words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// A crime was reported.
    Crime,
    /// An accident was reported.
    Accident,
    /// A law asks for it.
    Statute,
    /// A contract asks for it.
    Contract,
    /// A data subject's request is open.
    Dsar,
    /// A lawsuit.
    Litigation,
}

impl HoldReason {
    /// As it stands in the sidecar.
    pub const fn name(self) -> &'static str {
        match self {
            HoldReason::Crime => "crime",
            HoldReason::Accident => "accident",
            HoldReason::Statute => "statute",
            HoldReason::Contract => "contract",
            HoldReason::Dsar => "dsar",
            HoldReason::Litigation => "litigation",
        }
    }
}

/// One hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why.
    pub reason: HoldReason,
    /// The case.
    #[serde(rename = "ref")]
    pub case: String,
    /// Who put it on.
    pub by: String,
    /// RFC 3339 UTC, microseconds.
    pub at: String,
    /// Who confirmed last that the case still needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_by: Option<String>,
    /// When; as `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_at: Option<String>,
}

impl Case for Hold {
    fn case(&self) -> &str {
        &self.case
    }
}

impl Hold {
    /// When somebody last said that it is needed.
    fn confirmed_at(&self) -> Option<Timestamp> {
        parse_rfc3339(self.reviewed_at.as_ref().unwrap_or(&self.at))
    }
}

/// One restriction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Restriction {
    /// The case.
    #[serde(rename = "ref")]
    pub case: String,
    /// Who closed it.
    pub by: String,
    /// RFC 3339 UTC, microseconds.
    pub at: String,
}

impl Case for Restriction {
    fn case(&self) -> &str {
        &self.case
    }
}

/// What came of taking a case off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenOff {
    /// It is off.
    Done,
    /// There was none.
    None,
    /// There are several, and none was named.
    Several,
    /// There are some, but not this one.
    Other,
}

/// Whether the key says anything. In doubt it does.
pub(crate) fn is_set(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Array(list)) => !list.is_empty(),
        Some(_) => true,
    }
}

/// The holds of a sidecar, the oldest first; `None` where they cannot be read,
/// which counts as held.
pub fn holds(sidecar: &Sidecar) -> Option<Vec<Hold>> {
    read(sidecar.retention.hold.as_ref())
}

/// Whether anything holds it. In doubt it is held.
pub fn is_held(sidecar: &Sidecar) -> bool {
    is_set(sidecar.retention.hold.as_ref())
}

/// Since when one of the holds has not been confirmed; `None` where nothing
/// holds it, or nobody can say.
pub fn unconfirmed_since(sidecar: &Sidecar) -> Option<Timestamp> {
    holds(sidecar)?.iter().map(Hold::confirmed_at).min().flatten()
}

/// Whether a sidecar says that it is closed. In doubt it is.
pub fn is_restricted(sidecar: &Sidecar) -> bool {
    is_set(sidecar.extra.get(RESTRICTED))
}

/// The restrictions of a sidecar, the oldest first; `None` where they cannot be read.
pub(crate) fn restrictions(sidecar: &Sidecar) -> Option<Vec<Restriction>> {
    read(sidecar.extra.get(RESTRICTED))
}

/// The cases, the oldest first; `None` where they cannot be read.
pub(crate) fn read<T: Case>(value: Option<&Value>) -> Option<Vec<T>> {
    let Some(value) = value.filter(|v| is_set(Some(v))) else { return Some(Vec::new()) };
    let written: Written<T> = serde_json::from_value(value.clone()).ok()?;
    Some(std::iter::once(written.oldest).chain(written.also).collect())
}

/// The key for these cases; `None` for none.
pub(crate) fn write<T: Case>(cases: Vec<T>) -> Option<Value> {
    let mut cases = cases.into_iter();
    let oldest = cases.next()?;
    serde_json::to_value(Written { oldest, also: cases.collect() }).ok()
}

/// Takes off the named case, or the only one.
pub(crate) fn take_off<T: Case>(cases: &mut Vec<T>, case: Option<&str>) -> TakenOff {
    let before = cases.len();
    match case {
        _ if before == 0 => return TakenOff::None,
        None if before > 1 => return TakenOff::Several,
        None => cases.clear(),
        Some(case) => cases.retain(|c| c.case() != case),
    }
    if cases.len() < before { TakenOff::Done } else { TakenOff::Other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Plain {
        #[serde(rename = "ref")]
        case: String,
    }

    impl Case for Plain {
        fn case(&self) -> &str {
            &self.case
        }
    }

    fn plain(cases: &[&str]) -> Vec<Plain> {
        cases.iter().map(|c| Plain { case: c.to_string() }).collect()
    }

    #[test]
    fn written_and_read() {
        assert_eq!(write(plain(&[])), None);
        assert_eq!(write(plain(&["A"])), Some(json!({ "ref": "A" })));
        let two = write(plain(&["A", "B"]));
        assert_eq!(two, Some(json!({ "ref": "A", "also": [{ "ref": "B" }] })));
        assert_eq!(read(two.as_ref()), Some(plain(&["A", "B"])));
        for nothing in [json!(null), json!(false), json!([])] {
            assert!(!is_set(Some(&nothing)));
            assert_eq!(read::<Plain>(Some(&nothing)), Some(vec![]));
        }
        for unknown in [json!(true), json!(["A"]), json!({ "case": "A" }), json!("A")] {
            assert!(is_set(Some(&unknown)));
            assert_eq!(read::<Plain>(Some(&unknown)), None, "{unknown}");
        }
    }

    #[test]
    fn taken_off_by_name_or_alone() {
        let mut cases = plain(&["A", "B"]);
        assert_eq!(take_off(&mut cases, None), TakenOff::Several);
        assert_eq!(take_off(&mut cases, Some("C")), TakenOff::Other);
        assert_eq!(take_off(&mut cases, Some("A")), TakenOff::Done);
        assert_eq!(take_off(&mut cases, None), TakenOff::Done);
        assert_eq!(take_off(&mut cases, None), TakenOff::None);
    }
}
