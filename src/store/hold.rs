//! Holds: a recording that a case needs is kept, whatever its term.
//!
//! `retention.hold` of the sidecar is `null`, or one object `{ reason, ref, by,
//! at }`. Where several cases hold one recording the oldest stands there and the
//! later ones in its key `also`, a list of the same objects; so `hold` is `null`
//! exactly while nothing holds it. A hold is known by its `ref`. What this
//! version cannot read holds too, and cannot be released by it.
//! Must not know how files are written.

use super::audit::{Action, Draft, Why};
use super::index::Row;
use super::keeper::{Amended, Change, Keeper, KeeperError};
use super::sidecar::{Sidecar, parse_rfc3339};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Most holds on one recording.
pub const MAX_HOLDS: usize = 100;

/// Why it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
}

/// `retention.hold`
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(flatten)]
    first: Hold,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also: Vec<Hold>,
}

/// What came of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// What was done; nothing where `due_at_once` is not empty and was not accepted.
    pub amended: Amended,
    /// Released, the next sweep deletes these.
    pub due_at_once: Vec<Uuid>,
    /// Nothing was done: `due_at_once` was not accepted.
    pub asked_back: bool,
}

/// The holds of a sidecar, the oldest first; `None` where they cannot be read,
/// which counts as held.
pub fn holds(sidecar: &Sidecar) -> Option<Vec<Hold>> {
    match &sidecar.retention.hold {
        None | Some(Value::Null | Value::Bool(false)) => Some(Vec::new()),
        Some(value) => {
            let written: Written = serde_json::from_value(value.clone()).ok()?;
            Some(std::iter::once(written.first).chain(written.also).collect())
        }
    }
}

fn set_holds(sidecar: &mut Sidecar, mut all: Vec<Hold>) {
    sidecar.retention.hold = match all.is_empty() {
        true => None,
        false => {
            let first = all.remove(0);
            serde_json::to_value(Written { first, also: all }).ok()
        }
    };
}

fn put_on(sidecar: &mut Sidecar, hold: &Hold) -> Change {
    let Some(mut all) = holds(sidecar) else {
        return Change::Refused("it is held in a way that this version cannot read");
    };
    if all.iter().any(|h| h.case == hold.case && h.reason == hold.reason) {
        return Change::Not;
    }
    if all.iter().any(|h| h.case == hold.case) {
        return Change::Refused("it is held for that case already, with another reason");
    }
    if all.len() >= MAX_HOLDS {
        return Change::Refused("it has as many holds as there can be");
    }
    all.push(hold.clone());
    set_holds(sidecar, all);
    Change::Made
}

fn take_off(sidecar: &mut Sidecar, case: Option<&str>) -> Change {
    let Some(mut all) = holds(sidecar) else {
        return Change::Refused("it is held in a way that this version cannot read");
    };
    match (case, all.len()) {
        (_, 0) => Change::Refused("it is not held"),
        (None, 1) => {
            set_holds(sidecar, Vec::new());
            Change::Made
        }
        (None, _) => Change::Refused("several cases hold it: name one with --ref"),
        (Some(case), before) => {
            all.retain(|h| h.case != case);
            if all.len() == before {
                return Change::Refused("it is held, but not for that case");
            }
            set_holds(sidecar, all);
            Change::Made
        }
    }
}

impl Keeper {
    /// Puts a hold on each of `rows`.
    ///
    /// # Errors
    /// The audit log or the index cannot be written.
    pub fn hold(
        &mut self,
        rows: &[Row],
        reason: HoldReason,
        case: &str,
        search: Option<Value>,
        now: Timestamp,
    ) -> Result<Amended, KeeperError> {
        let by = self.audit.who().name();
        let hold = Hold { reason, case: case.into(), by, at: now.to_rfc3339() };
        let why = Why { reason: Some(reason.name().into()), case: Some(case.into()), ..Why::default() };
        let draft = Draft::new(Action::Hold).found_by(search).why(why);
        self.amend(rows, draft, now, &|sidecar| put_on(sidecar, &hold))
    }

    /// Ends a hold: that of `case`, or the only one.
    ///
    /// Where one of them would then be due and `accept_due` is not set, nothing is
    /// done: the next sweep would delete it.
    ///
    /// # Errors
    /// The audit log or the index cannot be written.
    pub fn release(
        &mut self,
        rows: &[Row],
        case: Option<&str>,
        accept_due: bool,
        search: Option<Value>,
        now: Timestamp,
    ) -> Result<Released, KeeperError> {
        let due = |row: &&Row| {
            let Ok(mut sidecar) = Sidecar::read(&row.json(&self.root)) else { return false };
            let until = sidecar.retention.until.as_deref().and_then(parse_rfc3339);
            take_off(&mut sidecar, case) == Change::Made
                && sidecar.retention.hold.is_none()
                && until.is_some_and(|until| until <= now)
        };
        let due_at_once: Vec<Uuid> = rows.iter().filter(due).map(|row| row.id).collect();
        if !due_at_once.is_empty() && !accept_due {
            return Ok(Released { due_at_once, asked_back: true, ..Released::default() });
        }
        let why = Why { case: case.map(String::from), ..Why::default() };
        let draft = Draft::new(Action::Release).found_by(search).why(why);
        let amended = self.amend(rows, draft, now, &|sidecar| take_off(sidecar, case))?;
        Ok(Released { amended, due_at_once, asked_back: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sidecar() -> Sidecar {
        serde_json::from_str(include_str!("writer/answered.json")).unwrap()
    }

    fn hold(case: &str) -> Hold {
        Hold { reason: HoldReason::Crime, case: case.into(), by: "kaisa".into(), at: "x".into() }
    }

    #[test]
    fn one_case_then_another() {
        let mut s = sidecar();
        assert_eq!(put_on(&mut s, &hold("A")), Change::Made);
        let alone = s.retention.hold.clone().unwrap();
        assert_eq!(alone["ref"], "A");
        assert!(alone.get("also").is_none());
        assert_eq!(put_on(&mut s, &hold("A")), Change::Not);
        assert_eq!(put_on(&mut s, &hold("B")), Change::Made);
        let both = s.retention.hold.clone().unwrap();
        assert_eq!((both["reason"].as_str(), both["also"][0]["ref"].as_str()), (Some("crime"), Some("B")));
        let other = Hold { reason: HoldReason::Dsar, ..hold("A") };
        assert!(matches!(put_on(&mut s, &other), Change::Refused(_)));
        // A release names its case where there are several.
        assert!(matches!(take_off(&mut s, None), Change::Refused(_)));
        assert!(matches!(take_off(&mut s, Some("C")), Change::Refused(_)));
        assert_eq!(take_off(&mut s, Some("A")), Change::Made);
        assert_eq!(s.retention.hold.as_ref().unwrap()["ref"], "B");
        assert_eq!(take_off(&mut s, None), Change::Made);
        assert_eq!(s.retention.hold, None);
        assert_eq!(take_off(&mut s, None), Change::Refused("it is not held"));
    }

    #[test]
    fn what_cannot_be_read_holds() {
        let mut s = sidecar();
        s.retention.hold = Some(serde_json::json!(["a form of later"]));
        assert_eq!(holds(&s), None);
        assert!(matches!(take_off(&mut s, None), Change::Refused(_)));
        assert!(matches!(put_on(&mut s, &hold("A")), Change::Refused(_)));
        assert!(s.retention.hold.is_some());
    }

    #[test]
    fn holds_have_a_bound() {
        let mut s = sidecar();
        for n in 0..MAX_HOLDS {
            assert_eq!(put_on(&mut s, &hold(&n.to_string())), Change::Made);
        }
        assert!(matches!(put_on(&mut s, &hold("one more")), Change::Refused(_)));
    }
}
