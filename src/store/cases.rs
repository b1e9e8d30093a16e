//! Cases on a recording: those that hold it, those that closed it.
//!
//! What the sidecar's keys `retention.hold` and `restricted` say. Each is `null` or
//! absent exactly while there is no case; else it is one object, the oldest case,
//! with the later ones in its key `also`. A case is known by its `ref`. What this
//! version cannot read counts as a case that nobody can take off. Must not know how
//! a case comes to be there, or what it forbids.

use super::legible::Legible;
use crate::pii::{Pii, stored};
use crate::time::Timestamp;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Most cases of one kind on one recording.
pub const MAX_CASES: usize = 100;

/// One of them.
pub trait Case {
    /// What it is known by.
    fn case(&self) -> &str;
}

/// The cases of one kind, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cases<T>(Vec<T>);

/// What holds a recording.
pub type Holds = Legible<Cases<Hold>>;

/// What closed a recording.
pub type Restrictions = Legible<Cases<Restriction>>;

/// The key as it is read.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: DeserializeOwned"))]
struct Read<T> {
    #[serde(flatten)]
    oldest: T,
    #[serde(default)]
    also: Vec<T>,
}

/// The key as it is written.
#[derive(Serialize)]
struct WrittenCases<'a, T> {
    #[serde(flatten)]
    oldest: &'a T,
    #[serde(skip_serializing_if = "<[T]>::is_empty")]
    also: &'a [T],
}

/// Why it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// A crime was reported.
    Crime,
    /// An accident was reported.
    Accident,
    /// A law requires it.
    Statute,
    /// A contract requires it.
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
    /// When.
    pub at: Timestamp,
    /// Who confirmed last that the case still needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_at: Option<Timestamp>,
    /// Keys of later versions, kept as they came.
    #[serde(flatten, with = "stored")]
    pub extra: Pii<Map<String, Value>>,
}

impl Case for Hold {
    fn case(&self) -> &str {
        &self.case
    }
}

impl Hold {
    /// Put on now.
    pub fn new(reason: HoldReason, case: &str, by: String, at: Timestamp) -> Hold {
        Hold {
            reason,
            case: case.into(),
            by,
            at: at.whole_us(),
            reviewed_by: None,
            reviewed_at: None,
            extra: Pii::default(),
        }
    }

    /// When somebody last said that it is needed.
    fn confirmed_at(&self) -> Timestamp {
        self.reviewed_at.unwrap_or(self.at)
    }
}

/// One restriction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// The case.
    #[serde(rename = "ref")]
    pub case: String,
    /// Who closed it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Keys of later versions, kept as they came.
    #[serde(flatten, with = "stored")]
    pub extra: Pii<Map<String, Value>>,
}

impl Restriction {
    /// Closed now.
    pub fn new(case: &str, by: String, at: Timestamp) -> Restriction {
        Restriction { case: case.into(), by, at: at.whole_us(), extra: Pii::default() }
    }
}

impl Case for Restriction {
    fn case(&self) -> &str {
        &self.case
    }
}

/// What came of taking a case off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenOff {
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

impl<T> Default for Cases<T> {
    fn default() -> Self {
        Cases(Vec::new())
    }
}

impl<T> From<T> for Cases<T> {
    fn from(only: T) -> Self {
        Cases(vec![only])
    }
}

impl<T> Default for Legible<Cases<T>> {
    fn default() -> Self {
        Legible::Known(Cases::default())
    }
}

impl<T> Legible<Cases<T>> {
    /// There is a case. In doubt there is.
    pub fn is_set(&self) -> bool {
        self.known().is_none_or(|cases| !cases.0.is_empty())
    }

    /// There is none.
    pub fn is_unset(&self) -> bool {
        !self.is_set()
    }
}

impl Holds {
    /// Since when one of the holds has not been confirmed; `None` where nothing
    /// holds it, or nobody can say.
    pub fn unconfirmed_since(&self) -> Option<Timestamp> {
        self.known()?.0.iter().map(Hold::confirmed_at).min()
    }
}

impl<T: Case> Cases<T> {
    /// All of them.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// All of them, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.0
    }

    /// The one with this name.
    pub fn find(&self, case: &str) -> Option<&T> {
        self.0.iter().find(|c| c.case() == case)
    }

    /// One more.
    pub fn push(&mut self, case: T) {
        self.0.push(case);
    }

    /// Takes off the named case, or the only one.
    pub fn take_off(&mut self, case: Option<&str>) -> TakenOff {
        let before = self.0.len();
        match case {
            _ if before == 0 => return TakenOff::None,
            None if before > 1 => return TakenOff::Several,
            None => self.0.clear(),
            Some(case) => self.0.retain(|c| c.case() != case),
        }
        if self.0.len() < before { TakenOff::Done } else { TakenOff::Other }
    }
}

impl<T: Serialize> Serialize for Cases<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0.split_first() {
            None => s.serialize_none(),
            Some((oldest, also)) => WrittenCases { oldest, also }.serialize(s),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Cases<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(d)?;
        if !is_set(Some(&value)) {
            return Ok(Cases::default());
        }
        let Read { oldest, also } = Read::deserialize(value).map_err(D::Error::custom)?;
        Ok(Cases(std::iter::once(oldest).chain(also).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Plain {
        #[serde(rename = "ref")]
        case: String,
        #[serde(flatten)]
        extra: Map<String, Value>,
    }

    impl Case for Plain {
        fn case(&self) -> &str {
            &self.case
        }
    }

    fn plain(cases: &[&str]) -> Legible<Cases<Plain>> {
        Legible::Known(Cases(
            cases.iter().map(|c| Plain { case: c.to_string(), extra: Map::new() }).collect(),
        ))
    }

    fn read(value: &Value) -> Legible<Cases<Plain>> {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[test]
    fn written_and_read() {
        for (cases, value) in [
            (plain(&[]), json!(null)),
            (plain(&["A"]), json!({ "ref": "A" })),
            (plain(&["A", "B"]), json!({ "ref": "A", "also": [{ "ref": "B" }] })),
        ] {
            assert_eq!(serde_json::to_value(&cases).unwrap(), value);
            assert_eq!(read(&value), cases);
        }
        for nothing in [json!(null), json!(false), json!([])] {
            assert!(!is_set(Some(&nothing)));
            assert_eq!(read(&nothing), plain(&[]));
        }
        for unknown in [json!(true), json!(["A"]), json!({ "case": "A" }), json!("A")] {
            assert!(is_set(Some(&unknown)) && read(&unknown).is_set());
            assert_eq!(read(&unknown), Legible::Unknown(Pii::new(unknown.clone())));
            assert_eq!(serde_json::to_value(read(&unknown)).unwrap(), unknown, "kept as it came");
        }
    }

    #[test]
    fn keys_of_later_versions_stay_with_their_case() {
        let value = json!({ "ref": "A", "x": 1, "also": [{ "ref": "B", "y": { "z": [2.50] } }] });
        let Legible::Known(mut cases) = read(&value) else { panic!("not read") };
        assert_eq!(serde_json::to_value(&cases).unwrap(), value);
        assert_eq!(cases.take_off(Some("A")), TakenOff::Done);
        assert_eq!(serde_json::to_value(&cases).unwrap(), json!({ "ref": "B", "y": { "z": [2.50] } }));
    }

    #[test]
    fn taken_off_by_name_or_alone() {
        let Legible::Known(mut cases) = plain(&["A", "B"]) else { panic!("not known") };
        assert_eq!(cases.take_off(None), TakenOff::Several);
        assert_eq!(cases.take_off(Some("C")), TakenOff::Other);
        assert_eq!(cases.take_off(Some("A")), TakenOff::Done);
        assert_eq!(cases.take_off(None), TakenOff::Done);
        assert_eq!(cases.take_off(None), TakenOff::None);
    }
}
