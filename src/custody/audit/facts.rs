//! What an entry says beside what every entry says: facts of a closed list, and what they are.
//!
//! What a later version wrote, in words or forms that are not known here, is kept as it came.

use crate::store::word::words;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::ops::Index;

words! {
    /// A fact by its name. None of them is personal data of a customer.
    #[allow(missing_docs, reason = "the name is what the log's reference says of it")]
    pub enum Fact {
        Account = "account",
        Action = "action",
        Address = "address",
        After = "after",
        Agent = "agent",
        Agents = "agents",
        Anchor = "anchor",
        Because = "because",
        Before = "before",
        By = "by",
        ByProvider = "by_provider",
        Bytes = "bytes",
        Calls = "calls",
        Change = "change",
        Changes = "changes",
        Channel = "channel",
        Completed = "completed",
        Count = "count",
        Customer = "customer",
        Direction = "direction",
        Dsar = "dsar",
        Due = "due",
        DurationS = "duration_s",
        EndS = "end_s",
        Entries = "entries",
        Flags = "flags",
        Format = "format",
        Found = "found",
        From = "from",
        FromS = "from_s",
        Head = "head",
        Keys = "keys",
        Last = "last",
        Letter = "letter",
        LongerS = "longer_s",
        Mailed = "mailed",
        Missing = "missing",
        Modes = "modes",
        Month = "month",
        Months = "months",
        NoAudioFound = "no_audio_found",
        NotMended = "not_mended",
        Number = "number",
        Of = "of",
        Office = "office",
        OneTimeCodes = "one_time_codes",
        Outcome = "outcome",
        Owners = "owners",
        Provider = "provider",
        Read = "read",
        Reason = "reason",
        Received = "received",
        Recorded = "recorded",
        Recordings = "recordings",
        Register = "register",
        Request = "request",
        Requests = "requests",
        Retention = "retention",
        RetentionBound = "retention_bound",
        Right = "right",
        Roles = "roles",
        Scope = "scope",
        Service = "service",
        Sha256 = "sha256",
        ShorterS = "shorter_s",
        Silenced = "silenced",
        Since = "since",
        Spans = "spans",
        StartS = "start_s",
        Teams = "teams",
        Timezone = "timezone",
        ToS = "to_s",
        Token = "token",
        Tombstones = "tombstones",
        Training = "training",
        Undecoded = "undecoded",
        UnsignedUpTo = "unsigned_up_to",
        Until = "until",
        UpTo = "up_to",
        Version = "version",
        Was = "was",
        Waveform = "waveform",
        Who = "who",
        Why = "why",
        Wrong = "wrong",
        Zip = "zip",
    }
}

/// What is told, in this order. As it stands in the log: a JSON object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryFacts(Value);

/// None yet.
impl Default for EntryFacts {
    fn default() -> EntryFacts {
        EntryFacts(Value::Object(Map::new()))
    }
}

impl EntryFacts {
    /// With this one; what was said of it before is no more.
    pub fn with(mut self, fact: Fact, says: impl Into<Value>) -> EntryFacts {
        self.say(fact, says);
        self
    }

    /// Adds one.
    pub fn say(&mut self, fact: Fact, says: impl Into<Value>) {
        if let Value::Object(facts) = &mut self.0 {
            facts.insert(fact.name().into(), says.into());
        }
    }

    /// Adds one to the list that a fact is.
    pub fn say_also(&mut self, fact: Fact, says: &str) {
        match self.0.get_mut(fact.name()) {
            Some(Value::Array(list)) => list.push(says.into()),
            _ => self.say(fact, vec![says]),
        }
    }

    /// With those of `others` behind them.
    pub fn and(mut self, others: EntryFacts) -> EntryFacts {
        if let (Value::Object(facts), Value::Object(others)) = (&mut self.0, others.0) {
            facts.extend(others);
        }
        self
    }

    /// `None` where there are none.
    pub fn if_any(self) -> Option<EntryFacts> {
        (!self.is_empty()).then_some(self)
    }

    /// Nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.as_object().is_some_and(Map::is_empty)
    }

    /// What is said of one, in words.
    pub fn text(&self, fact: Fact) -> Option<&str> {
        self.0.get(fact.name())?.as_str()
    }

    /// What is said of one, as a number.
    pub fn number(&self, fact: Fact) -> Option<f64> {
        self.0.get(fact.name())?.as_f64()
    }

    /// All of them as what they were made of.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.0).ok()
    }
}

/// What is said under a name; null where nothing is.
impl Index<&str> for EntryFacts {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        &self.0[name]
    }
}

/// As it stands in the log.
impl fmt::Display for EntryFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// [`EntryFacts`] by the names of its facts: `facts! { Because: "no right" }`.
macro_rules! facts {
    ($($fact:ident: $says:expr),* $(,)?) => {
        $crate::custody::audit::EntryFacts::default()
            $(.with($crate::custody::audit::Fact::$fact, ::serde_json::json!($says)))*
    };
}

pub(crate) use facts;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_in_the_log_in_the_order_they_are_told() {
        let told =
            facts! { Because: "no right", Count: 3, Until: None::<String> }.with(Fact::Because, "held");
        assert_eq!(told.to_string(), r#"{"because":"held","count":3,"until":null}"#);
        assert_eq!((told.text(Fact::Because), told.number(Fact::Count)), (Some("held"), Some(3.0)));
        assert_eq!((told.text(Fact::Count), told.text(Fact::Until)), (None, None));
        assert_eq!(EntryFacts::default().if_any(), None);
        let mut flags = facts! { Service: "a" };
        ["held", "due"].iter().for_each(|flag| flags.say_also(Fact::Flags, flag));
        assert_eq!(
            flags.and(facts! { Zip: true }).to_string(),
            r#"{"service":"a","flags":["held","due"],"zip":true}"#
        );
        let names: std::collections::BTreeSet<&str> = Fact::ALL.iter().map(|fact| fact.name()).collect();
        assert_eq!(names.len(), Fact::ALL.len());
    }

    #[test]
    fn what_a_later_version_says_is_kept_to_the_letter() {
        for text in [
            r#"{"count":3,"mood":"good","because":{"of":[1,2.50,-0.0]}}"#,
            r#"{"z":1,"a":{"c":1,"b":2}}"#,
            r#"["a list"]"#,
            "true",
            "7",
        ] {
            let facts: EntryFacts = serde_json::from_str(text).unwrap();
            let again = serde_json::to_string(&facts).unwrap();
            assert_eq!(
                serde_json::from_str::<Value>(&again).unwrap(),
                serde_json::from_str::<Value>(text).unwrap()
            );
            assert_eq!(facts.text(Fact::Because), None, "{text}");
            assert_eq!(again.len(), text.replace("2.50", "2.5").len(), "{again}");
        }
    }
}
