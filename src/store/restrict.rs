//! Restriction (GDPR Art. 18): kept, but closed to listening and export.
//!
//! The sidecar's key `restricted` is absent, or `{ ref, by, at }`. Its term goes
//! on: a restricted recording that falls due is deleted unless a hold keeps it
//! as well. Must not know how files are written.

use super::audit::{Action, Draft, Why};
use super::index::Row;
use super::keeper::{Amended, Change, Keeper, KeeperError};
use super::sidecar::Sidecar;
use crate::time::Timestamp;
use serde_json::{Value, json};

/// The key.
const KEY: &str = "restricted";

/// Whether a sidecar says that it is closed. In doubt it is.
pub fn is_restricted(sidecar: &Sidecar) -> bool {
    sidecar.extra.get(KEY).is_some_and(|v| !matches!(v, Value::Null | Value::Bool(false)))
}

fn open(sidecar: &mut Sidecar, case: &str) -> Change {
    if !is_restricted(sidecar) {
        return Change::Refused("it is not restricted");
    }
    let theirs = sidecar.extra.get(KEY).and_then(|v| v.get("ref")).and_then(Value::as_str);
    if theirs.is_some_and(|theirs| theirs != case) {
        return Change::Refused("it is restricted, but not for that case");
    }
    sidecar.extra.remove(KEY);
    Change::Made
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
        now: Timestamp,
    ) -> Result<Amended, KeeperError> {
        let value = json!({ "ref": case, "by": self.audit.who().name(), "at": now.to_rfc3339() });
        let why = Why { case: Some(case.into()), ..Why::default() };
        let draft = Draft::new(Action::Restrict).found_by(search).why(why);
        self.amend(rows, draft, now, &|sidecar| {
            if is_restricted(sidecar) {
                return Change::Not;
            }
            sidecar.extra.insert(KEY.into(), value.clone());
            Change::Made
        })
    }

    /// Opens each of `rows` that was closed for `case`.
    ///
    /// # Errors
    /// The audit log or the index cannot be written.
    pub fn unrestrict(
        &mut self,
        rows: &[Row],
        case: &str,
        search: Option<Value>,
        now: Timestamp,
    ) -> Result<Amended, KeeperError> {
        let why = Why { case: Some(case.into()), ..Why::default() };
        let draft = Draft::new(Action::Unrestrict).found_by(search).why(why);
        self.amend(rows, draft, now, &|sidecar| open(sidecar, case))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opened_by_the_case_that_closed_it() {
        let mut s: Sidecar = serde_json::from_str(include_str!("writer/answered.json")).unwrap();
        assert!(!is_restricted(&s));
        assert!(matches!(open(&mut s, "A"), Change::Refused(_)));
        s.extra.insert(KEY.into(), json!({ "ref": "A" }));
        assert!(is_restricted(&s));
        assert!(matches!(open(&mut s, "B"), Change::Refused(_)));
        assert_eq!(open(&mut s, "A"), Change::Made);
        assert!(!is_restricted(&s));
    }
}
