//! Keys below a key: `room.tls.cert`, `room.roles.NAME.find`.
//!
//! What is wrong in one is told and left out, as for any other key, so that a slip in
//! one role does not hide those in the next.

use crate::config::keys::{self, Key, Kind};
use crate::config::lookup;
use toml::{Table, Value};

/// Something wrong below a key.
pub(super) struct NestedProblem {
    /// The whole key.
    pub(super) path: String,
    /// What stands there.
    pub(super) found: String,
    /// What may.
    pub(super) allowed: String,
    /// For an unknown key the nearest that is known.
    pub(super) nearest: Option<String>,
}

/// What is right of the value of `path`, whose keys are a table of their own, and what is
/// wrong. `None` where it is no table.
pub(super) fn judge(path: &str, kind: Kind, value: Value, wrong: &mut Vec<NestedProblem>) -> Option<Value> {
    let Value::Table(table) = value else {
        wrong.push(refused(path.to_owned(), kind, &value));
        return None;
    };
    match kind {
        Kind::Keys(known) => Some(Value::Table(known_keys(path, known, table, wrong))),
        Kind::Each(known) => {
            let mut kept = Table::new();
            for (name, value) in table {
                let path = format!("{path}.{name}");
                match value {
                    Value::Table(table) => {
                        let table = known_keys(&path, known, table, wrong);
                        kept.insert(name, Value::Table(table));
                    }
                    other => wrong.push(refused(path, Kind::Keys(known), &other)),
                }
            }
            Some(Value::Table(kept))
        }
        _ => None,
    }
}

fn refused(path: String, kind: Kind, value: &Value) -> NestedProblem {
    NestedProblem { path, found: kind.found(value), allowed: kind.allowed(), nearest: None }
}

fn known_keys(parent: &str, known: &'static [Key], table: Table, wrong: &mut Vec<NestedProblem>) -> Table {
    let mut kept = Table::new();
    for (key, value) in table {
        let path = format!("{parent}.{key}");
        match known.iter().find(|k| k.name == key) {
            None => {
                let nearest = lookup::nearest_of(&key, known.iter().map(|k| k.name));
                wrong.push(NestedProblem {
                    path: keys::cut(&path),
                    found: "an unknown key".into(),
                    allowed: keys::names(known),
                    nearest: nearest.map(|(_, name)| name.to_owned()),
                });
            }
            Some(k) if !k.kind.accepts(&value) => wrong.push(refused(path, k.kind, &value)),
            Some(_) => {
                kept.insert(key, value);
            }
        }
    }
    kept
}

/// Text for a key below a key, as the table that `kind` is: `cert` of
/// `room.tls.cert`, `agent.find` of `room.roles.agent.find`. `None`: there is no such key.
pub(super) fn table_of(kind: Kind, rest: &str, text: &str) -> Option<Value> {
    // In the environment two underscores stand for the dot.
    let rest = rest.replace("__", ".");
    let table = |key: &str, value| Value::Table(Table::from_iter([(key.to_owned(), value)]));
    let read = |known: &'static [Key], key: &str| {
        known.iter().find(|k| k.name == key).map(|k| table(key, k.kind.read_text(text)))
    };
    match kind {
        Kind::Names => Some(table(&rest, Kind::Text.read_text(text))),
        Kind::Keys(known) => read(known, &rest),
        Kind::Each(known) => {
            let (name, key) = rest.rsplit_once('.')?;
            Some(table(name, read(known, key)?))
        }
        _ => None,
    }
}
