//! Cases on a recording: those that hold it, those that closed it.
//!
//! The sidecar's key is `null` or absent exactly while there is no case; else it
//! is one object, the oldest case, with the later ones in its key `also`. A case
//! is known by its `ref`. What this version cannot read counts as a case that
//! nobody can take off. Must not know what a case means.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most cases of one kind on one recording.
pub const MAX_CASES: usize = 100;

/// One of them.
pub(super) trait Case: Serialize + DeserializeOwned {
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

/// What came of taking a case off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TakenOff {
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
pub(super) fn is_set(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Array(list)) => !list.is_empty(),
        Some(_) => true,
    }
}

/// The cases, the oldest first; `None` where they cannot be read.
pub(super) fn read<T: Case>(value: Option<&Value>) -> Option<Vec<T>> {
    let Some(value) = value.filter(|v| is_set(Some(v))) else { return Some(Vec::new()) };
    let written: Written<T> = serde_json::from_value(value.clone()).ok()?;
    Some(std::iter::once(written.oldest).chain(written.also).collect())
}

/// The key for these cases; `None` for none.
pub(super) fn write<T: Case>(cases: Vec<T>) -> Option<Value> {
    let mut cases = cases.into_iter();
    let oldest = cases.next()?;
    serde_json::to_value(Written { oldest, also: cases.collect() }).ok()
}

/// Takes off the named case, or the only one.
pub(super) fn take_off<T: Case>(cases: &mut Vec<T>, case: Option<&str>) -> TakenOff {
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
