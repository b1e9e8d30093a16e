//! Restriction (GDPR Art. 18): kept, but closed to listening and export.
//!
//! The sidecar's key `restricted` ([`crate::store::cases`] has its form): `{ ref, by, at }`.
//! Open again only when the last case that closed it is off. Its term goes on: a
//! restricted recording that falls due is deleted unless a hold keeps it as
//! well. Must not know how files are written.

use super::audit::{Action, By, Draft, Why};
use super::keeper::{Amended, Change, Keeper, KeeperError};
use crate::archive::index::Row;
use crate::store::cases::{self, MAX_CASES, RESTRICTED, Restriction, TakenOff, restrictions};
use crate::store::sidecar::Sidecar;
use serde_json::Value;

/// A restriction of a later version.
const UNREADABLE: &str = "it is restricted in a way that this version cannot read";

fn set(sidecar: &mut Sidecar, all: Vec<Restriction>) -> Change {
    match cases::write(all) {
        Some(value) => drop(sidecar.extra.insert(RESTRICTED.into(), value)),
        None => drop(sidecar.extra.remove(RESTRICTED)),
    }
    Change::Made
}

fn close(sidecar: &mut Sidecar, restriction: &Restriction) -> Change {
    let Some(mut all) = restrictions(sidecar) else {
        return Change::Refused(UNREADABLE);
    };
    if all.iter().any(|r| r.case == restriction.case) {
        return Change::Not;
    }
    if all.len() >= MAX_CASES {
        return Change::Refused("it has as many restrictions as there can be");
    }
    all.push(restriction.clone());
    set(sidecar, all)
}

fn open(sidecar: &mut Sidecar, case: &str) -> Change {
    let Some(mut all) = restrictions(sidecar) else {
        return Change::Refused(UNREADABLE);
    };
    match cases::take_off(&mut all, Some(case)) {
        TakenOff::Done => set(sidecar, all),
        TakenOff::None => Change::Refused("it is not restricted"),
        TakenOff::Several | TakenOff::Other => Change::Refused("it is restricted, but not for that case"),
    }
}

impl Keeper {
    /// Closes each of `rows`.
    ///
    /// # Errors
    /// The audit log or the index cannot be written.
    pub fn restrict(
        &mut self,
        rows: &[Row],
        case: &str,
        search: Option<Value>,
        by: &By,
    ) -> Result<Amended, KeeperError> {
        let (name, at) = (by.who.name(), by.at.to_rfc3339());
        let restriction = Restriction { case: case.into(), by: name, at };
        let why = Why { case: Some(case.into()), ..Why::default() };
        let draft = Draft::new(Action::Restrict).found_by(search).why(why);
        self.amend(rows, draft, by, &|sidecar| close(sidecar, &restriction))
    }

    /// Takes `case` off each of `rows`; one that no other case closes is open then.
    ///
    /// # Errors
    /// The audit log or the index cannot be written.
    pub fn unrestrict(
        &mut self,
        rows: &[Row],
        case: &str,
        search: Option<Value>,
        by: &By,
    ) -> Result<Amended, KeeperError> {
        let why = Why { case: Some(case.into()), ..Why::default() };
        let draft = Draft::new(Action::Unrestrict).found_by(search).why(why);
        self.amend(rows, draft, by, &|sidecar| open(sidecar, case))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::cases::is_restricted;
    use serde_json::json;

    #[test]
    fn open_when_the_last_case_is_off() {
        let mut s: Sidecar = serde_json::from_str(include_str!("../store/writer/answered.json")).unwrap();
        let by = |case: &str| Restriction { case: case.into(), by: "kaisa".into(), at: "x".into() };
        assert!(!is_restricted(&s));
        assert!(matches!(open(&mut s, "A"), Change::Refused(_)));
        assert_eq!(close(&mut s, &by("A")), Change::Made);
        assert_eq!(close(&mut s, &by("A")), Change::Not);
        assert_eq!(close(&mut s, &by("B")), Change::Made);
        assert!(matches!(open(&mut s, "C"), Change::Refused(_)));
        assert_eq!(open(&mut s, "A"), Change::Made);
        assert!(is_restricted(&s), "the other case still closes it");
        assert_eq!(open(&mut s, "B"), Change::Made);
        assert!(!is_restricted(&s) && !s.extra.contains_key(RESTRICTED));
        s.extra.insert(RESTRICTED.into(), json!(true));
        assert!(is_restricted(&s));
        assert_eq!(open(&mut s, "A"), Change::Refused(UNREADABLE));
        assert_eq!(close(&mut s, &by("A")), Change::Refused(UNREADABLE));
    }
}
