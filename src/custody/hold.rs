//! Holds: a recording that a case needs is kept, whatever its term.
//!
//! `retention.hold` of the sidecar ([`crate::store::cases`] has its form): `{ reason, ref,
//! by, at }`, and once somebody has confirmed that the case still needs it
//! `reviewed_by` and `reviewed_at`. A hold that nobody has confirmed for
//! `retention.hold_review` is due for review; it goes on holding.
//! Must not know how files are written.

use super::audit::{Action, By, Draft, EntryFacts, Outcome, Why, facts};
use super::edit::{Amended, EditRefusal, EditResult};
use super::keeper::{Keeper, KeeperError};
use crate::archive::index::Row;
use crate::store::cases::{Hold, HoldReason, MAX_CASES, TakenOff};
use crate::store::legible::Legible;
use crate::store::sidecar::{RetentionRecord, Sidecar};
use crate::time::Timestamp;
use std::time::Duration;
use uuid::Uuid;

/// How a hold is ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Release<'a> {
    /// The case; `None`: the only one.
    pub case: Option<&'a str>,
    /// Also where the recording is past its term, so that a sweep deletes it.
    pub accept_due: bool,
    /// `retention.release_grace`: such a recording is left alone for so long.
    pub grace: Duration,
}

/// What came of a release.
#[derive(Debug, Default)]
pub struct Released {
    /// What was done; nothing where it was asked back.
    pub amended: Amended,
    /// Past their term and no longer held: a sweep deletes these, once the grace is over.
    pub past_term: Vec<Uuid>,
    /// Nothing was done: `past_term` was not accepted.
    pub asked_back: bool,
}

fn put_on(sidecar: &mut Sidecar, hold: &Hold) -> EditResult {
    let Legible::Known(all) = &mut sidecar.retention.hold else {
        return EditResult::Refused(EditRefusal::HoldUnreadable);
    };
    match all.find(&hold.case) {
        Some(same) if same.reason == hold.reason => return EditResult::Not,
        Some(_) => return EditResult::Refused(EditRefusal::HeldOtherwise),
        None if all.as_slice().len() >= MAX_CASES => {
            return EditResult::Refused(EditRefusal::TooManyHolds);
        }
        None => all.push(hold.clone()),
    }
    EditResult::Made
}

fn confirm(sidecar: &mut Sidecar, case: Option<&str>, by: &str, at: Timestamp) -> EditResult {
    let Legible::Known(all) = &mut sidecar.retention.hold else {
        return EditResult::Refused(EditRefusal::HoldUnreadable);
    };
    let hold = match (case, all.as_mut_slice()) {
        (_, []) => return EditResult::Refused(EditRefusal::NotHeld),
        (None, [only]) => only,
        (None, _) => return EditResult::Refused(EditRefusal::SeveralHolds),
        (Some(case), all) => match all.iter_mut().find(|h| h.case == case) {
            Some(hold) => hold,
            None => return EditResult::Refused(EditRefusal::NotHeldForCase),
        },
    };
    (hold.reviewed_by, hold.reviewed_at) = (Some(by.into()), Some(at.whole_us()));
    EditResult::Made
}

fn take_off(sidecar: &mut Sidecar, case: Option<&str>) -> EditResult {
    let Legible::Known(all) = &mut sidecar.retention.hold else {
        return EditResult::Refused(EditRefusal::HoldUnreadable);
    };
    match all.take_off(case) {
        TakenOff::Done => EditResult::Made,
        TakenOff::None => EditResult::Refused(EditRefusal::NotHeld),
        TakenOff::Several => EditResult::Refused(EditRefusal::SeveralHolds),
        TakenOff::Other => EditResult::Refused(EditRefusal::NotHeldForCase),
    }
}

/// The last hold of a recording past its term is off: it falls due after `grace`.
/// One within its term keeps it.
fn give_grace(sidecar: &mut Sidecar, grace: Duration, now: Timestamp) {
    let RetentionRecord { until, hold } = &mut sidecar.retention;
    if hold.is_unset() && until.is_some_and(|due| due <= now) {
        *until = Some((now + grace).whole_s());
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
        search: Option<EntryFacts>,
        by: &By,
    ) -> Result<Amended, KeeperError> {
        let hold = Hold::new(reason, case, by.who.name(), by.at);
        let why = Why { reason: Some(reason.name().into()), case: Some(case.into()), ..Why::default() };
        let draft = Draft::new(Action::Hold).found_by(search).why(why);
        self.amend(rows, draft, by, &|sidecar| put_on(sidecar, &hold))
    }

    /// Confirms that `case`, or the only one, still needs each of `rows`.
    ///
    /// # Errors
    /// The audit log or the index cannot be written.
    pub fn review(
        &mut self,
        rows: &[Row],
        case: Option<&str>,
        search: Option<EntryFacts>,
        by: &By,
    ) -> Result<Amended, KeeperError> {
        let name = by.who.name();
        let why = Why { case: case.map(String::from), ..Why::default() };
        let draft = Draft::new(Action::HoldReview).found_by(search).why(why);
        self.amend(rows, draft, by, &|sidecar| confirm(sidecar, case, &name, by.at))
    }

    /// Ends a hold.
    ///
    /// Where one of `rows` is past its term then and that is not accepted, nothing
    /// is done but told: a sweep would delete it.
    ///
    /// # Errors
    /// The audit log or the index cannot be written.
    pub fn release(
        &mut self,
        rows: &[Row],
        how: Release<'_>,
        search: Option<EntryFacts>,
        by: &By,
    ) -> Result<Released, KeeperError> {
        let is_past = |row: &&Row| {
            let Ok(mut sidecar) = self.read(row) else { return false };
            take_off(&mut sidecar, how.case) == EditResult::Made
                && sidecar.retention.hold.is_unset()
                && sidecar.retention.until.is_some_and(|until| until <= by.at)
        };
        let past_term: Vec<Uuid> = rows.iter().filter(is_past).map(|row| row.id).collect();
        let why = Why { case: how.case.map(String::from), ..Why::default() };
        let draft = Draft::new(Action::Release).found_by(search).why(why);
        if !past_term.is_empty() && !how.accept_due {
            let detail = facts! { Because: "past its term, and that was not accepted" };
            let asked = draft.on(past_term.iter().copied()).ended(Outcome::Refused);
            self.append_audit(by, asked.detail(detail))?;
            return Ok(Released { past_term, asked_back: true, ..Released::default() });
        }
        let amended = self.amend(rows, draft, by, &|sidecar| {
            let change = take_off(sidecar, how.case);
            if change == EditResult::Made && !how.grace.is_zero() {
                give_grace(sidecar, how.grace, by.at);
            }
            change
        })?;
        Ok(Released { amended, past_term, asked_back: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use serde_json::to_value;

    fn sidecar() -> Sidecar {
        serde_json::from_str(include_str!("../store/writer/answered.json")).unwrap()
    }

    fn hold(case: &str) -> Hold {
        Hold::new(HoldReason::Crime, case, "kaisa".into(), at("2026-11-23T08:00:00Z"))
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn one_case_then_another() {
        let mut s = sidecar();
        assert_eq!(put_on(&mut s, &hold("A")), EditResult::Made);
        let alone = to_value(&s.retention.hold).unwrap();
        assert_eq!(alone["ref"], "A");
        assert!(alone.get("also").is_none());
        assert_eq!(put_on(&mut s, &hold("A")), EditResult::Not);
        assert_eq!(put_on(&mut s, &hold("B")), EditResult::Made);
        let both = to_value(&s.retention.hold).unwrap();
        assert_eq!((both["reason"].as_str(), both["also"][0]["ref"].as_str()), (Some("crime"), Some("B")));
        let other = Hold { reason: HoldReason::Dsar, ..hold("A") };
        assert!(matches!(put_on(&mut s, &other), EditResult::Refused(_)));
        // A release names its case where there are several.
        assert!(matches!(take_off(&mut s, None), EditResult::Refused(_)));
        assert!(matches!(take_off(&mut s, Some("C")), EditResult::Refused(_)));
        assert_eq!(take_off(&mut s, Some("A")), EditResult::Made);
        assert_eq!(to_value(&s.retention.hold).unwrap()["ref"], "B");
        assert_eq!(take_off(&mut s, None), EditResult::Made);
        assert!(s.retention.hold.is_unset());
        assert_eq!(take_off(&mut s, None), EditResult::Refused(EditRefusal::NotHeld));
    }

    #[test]
    fn what_cannot_be_read_holds() {
        let mut s = sidecar();
        s.retention.hold = serde_json::from_value(json!(["a form of later"])).unwrap();
        assert!(s.retention.hold.is_set());
        for change in [
            take_off(&mut s.clone(), None),
            put_on(&mut s.clone(), &hold("A")),
            confirm(&mut s.clone(), None, "x", Timestamp::EPOCH),
        ] {
            assert_eq!(change, EditResult::Refused(EditRefusal::HoldUnreadable));
        }
    }

    #[test]
    fn holds_have_a_bound() {
        let mut s = sidecar();
        for n in 0..MAX_CASES {
            assert_eq!(put_on(&mut s, &hold(&n.to_string())), EditResult::Made);
        }
        assert!(matches!(put_on(&mut s, &hold("one more")), EditResult::Refused(_)));
    }

    #[test]
    fn the_least_confirmed_of_them_counts() {
        let mut s = sidecar();
        assert_eq!(s.retention.hold.unconfirmed_since(), None);
        let later = at("2026-12-01T08:00:00Z");
        put_on(&mut s, &hold("A"));
        put_on(&mut s, &Hold { at: at("2026-11-30T08:00:00Z"), ..hold("B") });
        assert_eq!(s.retention.hold.unconfirmed_since(), Some(hold("A").at));
        assert!(matches!(confirm(&mut s, None, "matti", later), EditResult::Refused(_)));
        assert!(matches!(confirm(&mut s, Some("C"), "matti", later), EditResult::Refused(_)));
        assert_eq!(confirm(&mut s, Some("A"), "matti", later), EditResult::Made);
        assert_eq!(s.retention.hold.unconfirmed_since(), Some(at("2026-11-30T08:00:00Z")));
        let all = s.retention.hold.known().unwrap();
        assert_eq!(all.find("A").unwrap().reviewed_by.as_deref(), Some("matti"));
    }

    #[test]
    fn grace_is_for_what_is_past_its_term() {
        let mut s = sidecar();
        let now = at("2026-11-25T12:00:00.25Z");
        let day = Duration::from_secs(86_400);
        s.retention.until = Some(at("2026-11-24T00:00:00Z"));
        put_on(&mut s, &hold("A"));
        give_grace(&mut s, day, now);
        assert_eq!(s.retention.until, Some(at("2026-11-24T00:00:00Z")), "held: no matter");
        take_off(&mut s, None);
        give_grace(&mut s, day, now);
        assert_eq!(s.retention.until, Some(at("2026-11-26T12:00:00Z")));
        give_grace(&mut s, day * 9, now);
        assert_eq!(s.retention.until, Some(at("2026-11-26T12:00:00Z")), "not past its term");
    }
}
