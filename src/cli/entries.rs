//! Which entries of the audit log are meant.

use super::search::{SearchArgs, id};
use crate::archive::search::IdPart;
use crate::custody::audit::{Action, Entry, EntryFacts, Fact, MAX_TEXT};
use crate::store::word::Vocabulary;
use clap::Args;
use serde_json::Value;
use std::collections::BTreeSet;

/// By recordings, time, person, action or reason; everything that is given must hold.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryArgs {
    /// Which recordings, and which time.
    #[command(flatten)]
    pub search: SearchArgs,
    /// About this recording, as ID above; repeated: about any of them
    #[arg(long, value_name = "ID", value_parser = id)]
    pub recording: Vec<IdPart>,
    /// By this person or account, as the entries name them
    #[arg(long, visible_alias = "person", value_name = "NAME")]
    pub who: Option<String>,
    /// Of this action, such as export, show or erase; repeated: of any of them
    #[arg(long, value_name = "ACTION", value_parser = action)]
    pub action: Vec<Action>,
    /// With this text in the reason, reference, recipient or legal basis, in any case
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// The name of an action: a mistyped one must not look like nobody did it.
fn action(text: &str) -> Result<Action, String> {
    one_of("action", Action::ALL, text)
}

/// A word of a closed list; `what` the list is of.
pub(super) fn one_of<T: Vocabulary>(what: &str, all: &[T], text: &str) -> Result<T, String> {
    let unknown = || {
        let names: BTreeSet<&str> = all.iter().map(|word| word.word()).collect();
        format!("no such {what}; there are {}", Vec::from_iter(names).join(", "))
    };
    T::of_word(text).ok_or_else(unknown)
}

impl EntryArgs {
    /// The recordings and the time, however they were given.
    pub fn which(&self) -> SearchArgs {
        let mut search = self.search.clone();
        search.ids.extend(&self.recording);
        search
    }

    /// Whether an entry is meant, its time and recordings aside.
    pub fn matches(&self, entry: &Entry) -> bool {
        let why = &entry.why;
        let texts = [&why.reason, &why.case, &why.recipient, &why.basis];
        let says = |part: &String| {
            let part = part.to_lowercase();
            texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&part))
        };
        self.who.as_ref().is_none_or(|name| entry.who.is_called(name))
            && (self.action.is_empty() || self.action.iter().any(|action| entry.action == *action))
            && self.reason.as_ref().is_none_or(says)
    }

    /// For the audit log: what was looked for in it.
    pub fn for_audit(&self) -> Option<EntryFacts> {
        let mut said = self.search.for_audit().unwrap_or_default();
        let cut = |text: &String| Value::from(text.chars().take(MAX_TEXT).collect::<String>());
        self.who.iter().for_each(|who| said.say(Fact::Who, cut(who)));
        self.reason.iter().for_each(|reason| said.say(Fact::Reason, cut(reason)));
        if !self.action.is_empty() {
            said.say(
                Fact::Action,
                self.action.iter().take(100).map(|action| action.name()).collect::<Value>(),
            );
        }
        said.if_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn by_person_action_and_reason() {
        let entry: Entry = serde_json::from_value(json!({
            "seq": 7, "at": "2026-11-23T08:00:00.000000Z", "action": "export", "outcome": "done", "prev": "",
            "who": { "user": "root", "uid": 0, "sudo_user": "kaisa", "host": "rec", "pid": 1 },
            "reason": "P\u{e4}\u{e4}t\u{f6}s 17", "ref": "HEL-2026-3", "recipient": "poliisi"
        }))
        .unwrap();
        let args = |who: Option<&str>, actions: &[&str], reason: Option<&str>| EntryArgs {
            who: who.map(Into::into),
            action: actions.iter().map(|a| action(a).unwrap()).collect(),
            reason: reason.map(Into::into),
            ..EntryArgs::default()
        };
        for meant in [
            args(None, &[], None),
            args(Some("kaisa"), &["show", "export"], Some("hel-2026")),
            args(Some("root"), &[], Some("P\u{c4}\u{c4}T\u{d6}S")),
            args(None, &[], Some("POLIISI")),
        ] {
            assert!(meant.matches(&entry), "{meant:?}");
        }
        for other in [
            args(Some("kai"), &[], None),
            args(None, &["expire"], None),
            args(None, &["export"], Some("HEL-2027")),
            args(Some("matti"), &["export"], Some("poliisi")),
        ] {
            assert!(!other.matches(&entry), "{other:?}");
        }
        let said = args(Some("kaisa"), &["export"], None).for_audit().unwrap();
        assert_eq!(said.to_string(), json!({ "who": "kaisa", "action": ["export"] }).to_string());
        assert_eq!(args(None, &[], None).for_audit(), None);
    }

    #[test]
    fn a_mistyped_action_is_refused() {
        assert_eq!(action("export"), Ok(Action::Export));
        assert!(action("exports").unwrap_err().contains("erase, erase_begun"));
        let names: std::collections::BTreeSet<_> = Action::ALL.iter().map(|a| a.name()).collect();
        assert_eq!(names.len(), Action::ALL.len());
    }
}
