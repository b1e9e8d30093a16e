//! What is different between two configurations, and when each difference takes effect.
//!
//! Each key says so in its row ([`Key::takes`]), so that a running recorder that is given a new
//! configuration knows what it can take, and what it would have to be started again for.

use super::Config;
use super::keys::{self, Key, Kind, Named};
use super::sections::SECTIONS;
use super::takes_effect::TakesEffect;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use toml::{Table, Value};

/// What stands in the place of a value that is not set.
const NOT_SET: &str = "not set";
/// What stands in the place of a value that is nobody's business.
const SECRET: &str = "[hidden]";

/// A key whose value is another than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedKey {
    /// `section.key`, or `service "116117".key`.
    pub key: String,
    /// What stood there, cut to the length of a message.
    pub before: String,
    /// What stands there now, likewise.
    pub now: String,
    /// When that takes effect.
    pub takes_effect: TakesEffect,
}

/// Every key of which the two say something else, in the order of the sample file.
///
/// # Errors
/// One of them cannot be written as TOML: none that was loaded.
pub fn changes(before: &Config, now: &Config) -> Result<Vec<ChangedKey>, toml::ser::Error> {
    let [before, now] = [Table::try_from(before)?, Table::try_from(now)?];
    let mut found = Vec::new();
    for section in SECTIONS {
        let values = [&before, &now].map(|all| all.get(section.name));
        if section.is_list {
            services(section, values, &mut found);
        } else {
            table(section.name, section.keys, values.map(|v| v.and_then(Value::as_table)), &mut found);
        }
    }
    Ok(found)
}

fn table(path: &str, keys: &[Key], tables: [Option<&Table>; 2], found: &mut Vec<ChangedKey>) {
    for key in keys {
        let [before, now] = tables.map(|t| t.and_then(|t| t.get(key.name)));
        if before != now {
            let key_path = format!("{path}.{}", key.name);
            let text = |value: Option<&Value>| match value {
                _ if keys::SECRETS.contains(&key_path.as_str()) => SECRET.to_owned(),
                Some(value) => keys::found(value),
                None => NOT_SET.to_owned(),
            };
            let [before, now] = [before, now].map(text);
            found.push(ChangedKey { key: key_path, before, now, takes_effect: key.takes });
        }
    }
}

/// Services are told apart by their names. Which of them comes first decides as well.
fn services(section: &Named, lists: [Option<&Value>; 2], found: &mut Vec<ChangedKey>) {
    let lists = lists.map(|list| list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default());
    let names = lists.map(|list| list.iter().map(name_of).collect::<Vec<_>>());
    let is_told_apart = names.iter().all(|names| names.iter().collect::<BTreeSet<_>>().len() == names.len());
    let note = |key: String, before: String, now: String| ChangedKey {
        key,
        before,
        now,
        takes_effect: TakesEffect::OnReload,
    };
    if !is_told_apart {
        if lists[0] != lists[1] {
            let [before, now] = lists.map(|list| format!("{} tables", list.len()));
            found.push(note(section.name.to_owned(), before, now));
        }
        return;
    }
    let of = |i: usize, name: &str| {
        let at = names[i].iter().position(|other| *other == name)?;
        lists[i].get(at).and_then(Value::as_table)
    };
    let path = |name: &str| format!("{} \"{name}\"", section.name);
    let [before, now] = &names;
    for name in before.iter().filter(|name| !now.contains(name)) {
        found.push(note(path(name), "there".into(), "gone".into()));
    }
    for name in now {
        match of(0, name) {
            None => found.push(note(path(name), NOT_SET.into(), "new".into())),
            Some(old) => table(&path(name), section.keys, [Some(old), of(1, name)], found),
        }
    }
    let kept = |of: &[&str], other: &[&str]| {
        of.iter().filter(|name| other.contains(name)).copied().collect::<Vec<_>>().join(", ")
    };
    let [old, new] = [kept(before, now), kept(now, before)];
    if old != new {
        found.push(note(format!("the order of [[{}]]", section.name), keys::cut(&old), keys::cut(&new)));
    }
}

fn name_of(service: &Value) -> &str {
    service.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// Whether a key says for itself when a change of it takes effect: all do that belong to no table.
pub fn says_when(key: &Key) -> bool {
    let below = match key.kind {
        Kind::Keys(keys) | Kind::Each(keys) => keys,
        _ => &[],
    };
    key.takes != TakesEffect::AsTable && below.iter().all(|key| key.takes == TakesEffect::AsTable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ServiceRule, Term};

    fn told(before: &Config, now: &Config) -> Vec<(String, String, String)> {
        let all = changes(before, now).expect("TOML");
        all.into_iter().map(|c| (c.key, c.before, c.now)).collect()
    }

    fn service(name: &str, retention: Option<Term>) -> ServiceRule {
        ServiceRule { name: name.into(), numbers: vec![name.into()], retention, ..ServiceRule::default() }
    }

    #[test]
    fn every_key_says_when_a_change_takes_effect() {
        for section in SECTIONS {
            for key in section.keys {
                assert!(says_when(key), "{}.{}", section.name, key.name);
            }
        }
    }

    #[test]
    fn what_is_different_is_named_once() {
        let (before, mut now) = (Config::default(), Config::default());
        assert_eq!(told(&before, &now), []);
        now.agents.extensions = vec!["2001".into()];
        now.capture.interface = vec!["eth1".into()];
        now.storage.state = Some("/var/lib/state".into());
        now.agents.names.insert("2001".into(), "M. Virtanen".into());
        let all = changes(&before, &now).expect("TOML");
        let keys: Vec<_> = all.iter().map(|c| (c.key.as_str(), c.takes_effect)).collect();
        use TakesEffect::{OnReload, OnRestart};
        assert_eq!(
            keys,
            [
                ("capture.interface", OnRestart),
                ("agents.extensions", OnReload),
                ("agents.names", OnReload),
                ("storage.state", OnRestart)
            ]
        );
        assert_eq!((all[1].before.as_str(), all[1].now.as_str()), ("[]", "[\"2001\"]"));
        assert_eq!(all[3].before, "not set");
        assert!(!all.iter().any(|c| c.now.contains("Virtanen")), "a table is not repeated");
    }

    #[test]
    fn services_go_by_their_names() {
        let with = |services: Vec<ServiceRule>| Config { service: services, ..Config::default() };
        let [a, b] = [service("a", None), service("b", None)];
        let before = with(vec![a.clone(), b.clone()]);
        let longer = with(vec![a.clone(), service("b", Some(Term::Years(5)))]);
        let own = |key: &str, before: &str, now: &str| (key.to_owned(), before.to_owned(), now.to_owned());
        assert_eq!(told(&before, &longer), [own("service \"b\".retention", "not set", "\"5 years\"")]);
        assert_eq!(
            told(&before, &with(vec![service("c", None), b.clone()])),
            [own("service \"a\"", "there", "gone"), own("service \"c\"", "not set", "new")]
        );
        let turned = with(vec![b.clone(), a.clone()]);
        assert_eq!(told(&before, &turned), [own("the order of [[service]]", "a, b", "b, a")]);
        let twice = with(vec![a.clone(), a.clone(), b]);
        assert_eq!(told(&before, &twice), [own("service", "2 tables", "3 tables")]);
    }
}
