//! Restriction (GDPR Art. 18): kept, but closed to listening and export.
//!
//! The sidecar's key `restricted` ([`crate::store::cases`] has its form): `{ ref, by, at }`.
//! Open again only when the last case that closed it is off. Its term goes on: a
//! restricted recording that falls due is deleted unless a hold keeps it as
//! well. Must not know how files are written.

use super::audit::{Action, By, Draft, EntryFacts, Why};
use super::edit::{Amended, EditRefusal, EditResult};
use super::keeper::{Keeper, KeeperError};
use crate::archive::index::Row;
use crate::store::cases::{MAX_CASES, Restriction, TakenOff};
use crate::store::legible::Legible;
use crate::store::sidecar::Sidecar;

fn close(sidecar: &mut Sidecar, restriction: &Restriction) -> EditResult {
    let Legible::Known(all) = &mut sidecar.restricted else {
        return EditResult::Refused(EditRefusal::RestrictionUnreadable);
    };
    match all.find(&restriction.case) {
        Some(_) => EditResult::Not,
        None if all.as_slice().len() >= MAX_CASES => EditResult::Refused(EditRefusal::TooManyRestrictions),
        None => {
            all.push(restriction.clone());
            EditResult::Made
        }
    }
}

fn open(sidecar: &mut Sidecar, case: &str) -> EditResult {
    let Legible::Known(all) = &mut sidecar.restricted else {
        return EditResult::Refused(EditRefusal::RestrictionUnreadable);
    };
    match all.take_off(Some(case)) {
        TakenOff::Done => EditResult::Made,
        TakenOff::None => EditResult::Refused(EditRefusal::NotRestricted),
        TakenOff::Several | TakenOff::Other => EditResult::Refused(EditRefusal::NotRestrictedForCase),
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
        search: Option<EntryFacts>,
        by: &By,
    ) -> Result<Amended, KeeperError> {
        let restriction = Restriction::new(case, by.who.name(), by.at);
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
        search: Option<EntryFacts>,
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
    use crate::time::Timestamp;
    use serde_json::json;

    #[test]
    fn open_when_the_last_case_is_off() {
        let mut s: Sidecar = serde_json::from_str(include_str!("../store/writer/answered.json")).unwrap();
        let by = |case: &str| Restriction::new(case, "kaisa".into(), Timestamp::EPOCH);
        assert!(s.restricted.is_unset());
        assert!(matches!(open(&mut s, "A"), EditResult::Refused(_)));
        assert_eq!(close(&mut s, &by("A")), EditResult::Made);
        assert_eq!(close(&mut s, &by("A")), EditResult::Not);
        assert_eq!(close(&mut s, &by("B")), EditResult::Made);
        assert!(matches!(open(&mut s, "C"), EditResult::Refused(_)));
        assert_eq!(open(&mut s, "A"), EditResult::Made);
        assert!(s.restricted.is_set(), "the other case still closes it");
        assert_eq!(open(&mut s, "B"), EditResult::Made);
        assert!(s.restricted.is_unset() && serde_json::to_value(&s).unwrap().get("restricted").is_none());
        s.restricted = serde_json::from_value(json!(true)).unwrap();
        assert!(s.restricted.is_set());
        assert_eq!(open(&mut s, "A"), EditResult::Refused(EditRefusal::RestrictionUnreadable));
        assert_eq!(close(&mut s, &by("A")), EditResult::Refused(EditRefusal::RestrictionUnreadable));
    }
}
