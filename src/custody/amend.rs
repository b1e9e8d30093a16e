//! Rectification (GDPR Art. 16): what is known about a recording is corrected or completed.
//!
//! The audio is never changed. What a key said before stays in the sidecar's `amendments`
//! ([`crate::store::amendment`] has their form) and goes with the recording; the audit log, which
//! is kept longer, tells which keys were changed and not what they said. Whoever may find a
//! recording as its agent may do so by what is known now.

use super::audit::{Action, By, Draft, EntryFacts, Why, facts};
use super::edit::{Amended, EditRefusal, EditResult};
use super::keeper::{Keeper, KeeperError};
use crate::archive::index::Row;
use crate::config::compiled::truncate_number;
use crate::config::{Config, HideDigits};
use crate::pii::Pii;
use crate::store::amendment::Amendment;
use crate::store::cases::MAX_CASES;
use crate::store::legible::Legible;
use crate::store::sidecar::Sidecar;

/// What is to be changed; `None`: stays. An empty text: not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Correction {
    /// The case.
    pub case: String,
    /// `agent.id`
    pub agent: Option<String>,
    /// `agent.name`
    pub agent_name: Option<String>,
    /// `customer.number`: whole; what its service hides is hidden here as well.
    pub number: Option<Pii<String>>,
    /// What completes the record: a statement of the person in it, say.
    pub note: Option<Pii<String>>,
}

/// A customer's number as somebody states it; empty: not known. `None` where it is no number.
pub fn stated_number(text: &str) -> Option<Pii<String>> {
    let text = text.trim();
    (text.is_empty() || is_number(text)).then(|| text.into())
}

/// A number as people write it.
fn is_number(text: &str) -> bool {
    let is_separator = |c: char| matches!(c, ' ' | '-' | '(' | ')' | '.');
    let digits = text.strip_prefix('+').unwrap_or(text);
    let count = digits.chars().filter(char::is_ascii_digit).count();
    (3..=20).contains(&count) && digits.chars().all(|c| c.is_ascii_digit() || is_separator(c))
}

/// As signalling writes it.
fn bare(number: &str) -> String {
    number.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect()
}

impl Correction {
    /// Nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.keys().is_empty()
    }

    /// The keys it names.
    fn keys(&self) -> Vec<&'static str> {
        let named = [
            ("agent.id", self.agent.is_some()),
            ("agent.name", self.agent_name.is_some()),
            ("customer.number", self.number.is_some()),
            ("note", self.note.is_some()),
        ];
        named.into_iter().filter(|(_, is_named)| *is_named).map(|(key, _)| key).collect()
    }

    fn apply(&self, sidecar: &mut Sidecar, config: &Config, by: &By) -> EditResult {
        let Legible::Known(all) = &sidecar.amendments else {
            return EditResult::Refused(EditRefusal::AmendmentUnreadable);
        };
        if all.len() >= MAX_CASES {
            return EditResult::Refused(EditRefusal::TooManyAmendments);
        }
        let mut amendment = Amendment::new(&self.case, by.who.name(), by.at, self.note.clone());
        // Empty text takes away what stands there.
        let unless_empty = |text: &String| Some(text.clone()).filter(|t| !t.is_empty());
        if let Some(now) = self.agent.as_ref().map(unless_empty)
            && sidecar.agent.id != now
        {
            amendment.note_was("agent.id", std::mem::replace(&mut sidecar.agent.id, now));
        }
        if let Some(now) = self.agent_name.as_ref().map(|name| unless_empty(name).map(Pii::new))
            && sidecar.agent.name != now
        {
            let was = std::mem::replace(&mut sidecar.agent.name, now);
            amendment.note_was("agent.name", was.map(Pii::into_exposed));
        }
        if let Some(number) = self.number.as_ref().map(|n| bare(n.expose())) {
            let now = match number.is_empty() {
                true => None,
                false if sidecar.customer.withheld => {
                    return EditResult::Refused(EditRefusal::Withheld);
                }
                false => match hidden(sidecar, config) {
                    Some(hide) => truncate_number(&number, hide),
                    None => {
                        return EditResult::Refused(EditRefusal::HidingUnknown);
                    }
                },
            };
            let now = now.map(Pii::new);
            if sidecar.customer.number != now {
                let was = std::mem::replace(&mut sidecar.customer.number, now);
                amendment.note_was("customer.number", was.map(Pii::into_exposed));
            }
        }
        if amendment.is_empty() {
            return EditResult::Not;
        }
        if let Legible::Known(all) = &mut sidecar.amendments {
            all.push(amendment);
        }
        EditResult::Made
    }
}

/// How much of a number is hidden: as its own rule has it, which a crash may have taken, else the
/// rule of its service today.
fn hidden(sidecar: &Sidecar, config: &Config) -> Option<HideDigits> {
    let own = sidecar.policy.as_ref().map(|policy| policy.hide_caller_digits);
    own.or_else(|| Some(config.service_named(sidecar.service.as_deref()?)?.hide_caller_digits))
}

impl Keeper {
    /// Corrects what is known about each of `rows`.
    ///
    /// # Errors
    /// The audit log or the index cannot be written.
    pub fn correct(
        &mut self,
        rows: &[Row],
        correction: &Correction,
        config: &Config,
        search: Option<EntryFacts>,
        by: &By,
    ) -> Result<Amended, KeeperError> {
        let why = Why { case: Some(correction.case.clone()), ..Why::default() };
        let draft = Draft::new(Action::Amend).found_by(search).why(why);
        let draft = draft.detail(facts! { Keys: correction.keys() });
        self.amend(rows, draft, by, &|sidecar| correction.apply(sidecar, config, by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{RetentionBound, Term};
    use crate::custody::audit::{SystemAccount, Who};
    use crate::store::sidecar::AppliedPolicy;
    use crate::time::Timestamp;
    use serde_json::json;

    fn by() -> By {
        By { who: Who::Os(SystemAccount::default()), at: Timestamp::EPOCH }
    }

    fn sidecar() -> Sidecar {
        let s: Sidecar = serde_json::from_str(include_str!("../store/writer/answered.json")).unwrap();
        let policy = AppliedPolicy {
            retention: Legible::Known(Term::Months(6)),
            retention_bound: RetentionBound::Keep,
            timezone: None,
            hide_caller_digits: HideDigits::Last(4),
            silence_tones: false,
        };
        Sidecar { policy: Some(policy), ..s }
    }

    #[test]
    fn what_was_stays_beside_what_is() {
        let mut s = sidecar();
        let before = s.clone();
        let correction = Correction {
            case: "17/2026".into(),
            agent: Some("2999".into()),
            agent_name: Some(String::new()),
            number: Some("+358 50 999 8877".into()),
            note: Some("It was my sister who called.".into()),
        };
        assert_eq!(correction.apply(&mut s, &Config::default(), &by()), EditResult::Made);
        assert_eq!((s.agent.id.as_deref(), s.agent.name.is_none()), (Some("2999"), true));
        assert_eq!(s.customer.number.as_ref().map(Pii::as_str), Some("+35850999xxxx"));
        let json = serde_json::to_value(&s).unwrap();
        let one = &json["amendments"][0];
        assert_eq!((&one["ref"], &one["was"]["agent.id"]), (&json!("17/2026"), &json!(before.agent.id)));
        assert_eq!(one["was"]["customer.number"], json!(before.customer.number.as_ref().map(Pii::as_str)));
        assert!(!json.to_string().contains("9998877") && !json.to_string().contains("999 8877"));
        // The same again changes nothing but for what is said anew.
        let again = Correction { note: None, ..correction };
        assert_eq!(again.apply(&mut s, &Config::default(), &by()), EditResult::Not);
        let read: Sidecar = serde_json::from_value(json).unwrap();
        assert_eq!(read, s);
    }

    #[test]
    fn what_must_not_be_known_is_not_taken() {
        let number = Correction { number: Some("0401234567".into()), ..Correction::default() };
        let mut withheld = sidecar();
        withheld.customer.withheld = true;
        assert!(matches!(number.apply(&mut withheld, &Config::default(), &by()), EditResult::Refused(_)));
        let mut unknown = sidecar();
        unknown.policy = None;
        assert!(matches!(number.apply(&mut unknown, &Config::default(), &by()), EditResult::Refused(_)));
        let mut later = sidecar();
        later.amendments = serde_json::from_value(json!({ "of": "a later version" })).unwrap();
        assert!(matches!(number.apply(&mut later, &Config::default(), &by()), EditResult::Refused(_)));
        let mut full = sidecar();
        full.amendments =
            Legible::Known(vec![Amendment::new("1", "a".into(), Timestamp::EPOCH, None); MAX_CASES]);
        assert!(matches!(number.apply(&mut full, &Config::default(), &by()), EditResult::Refused(_)));
        for (text, is) in
            [("+358 40 123", true), ("112", true), ("12", false), ("a12345", false), ("1+23", false)]
        {
            assert_eq!(is_number(text), is, "{text}");
        }
    }
}
