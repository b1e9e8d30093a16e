//! Keys below a key: `room.tls.cert`, `room.roles.NAME.find`.
//!
//! What is wrong in one is noted and left out, as for any other key, so that a slip in
//! one role does not hide those in the next.

use super::{Judge, Origin};
use crate::config::keys::{self, Key, Kind};
use std::collections::BTreeMap;
use toml::{Table, Value};

impl Judge {
    /// What is right of the value of `path`, whose keys are a table of their own;
    /// `None` where it is no table. `line` is that of `path`.
    pub(super) fn nested(
        &mut self,
        path: &str,
        kind: Kind,
        value: Value,
        origin: &Origin,
        lines: &BTreeMap<String, usize>,
    ) -> Option<Value> {
        let line = lines.get(path).copied();
        let Value::Table(table) = value else {
            self.refuse(path.to_owned(), kind, &value, origin, line);
            return None;
        };
        match kind {
            Kind::Keys(known) => Some(Value::Table(self.keys(path, known, table, origin, line))),
            Kind::Each(known) => {
                let mut kept = Table::new();
                for (name, value) in table {
                    let path = format!("{path}.{name}");
                    match value {
                        Value::Table(table) => {
                            let table = self.keys(&path, known, table, origin, line);
                            kept.insert(name, Value::Table(table));
                        }
                        other => self.refuse(path, Kind::Keys(known), &other, origin, line),
                    }
                }
                Some(Value::Table(kept))
            }
            _ => None,
        }
    }

    fn keys(
        &mut self,
        parent: &str,
        known: &'static [Key],
        table: Table,
        origin: &Origin,
        line: Option<usize>,
    ) -> Table {
        let mut kept = Table::new();
        for (key, value) in table {
            let path = format!("{parent}.{key}");
            match known.iter().find(|(name, _)| *name == key) {
                None => {
                    let names = || known.iter().map(|(name, _)| *name);
                    let nearest = keys::nearest_of(&key, names()).map(|(_, name)| name.to_owned());
                    let allowed = names().collect::<Vec<_>>().join(", ");
                    self.problem(keys::cut(&path), line, "an unknown key".into(), allowed, origin);
                    if let Some(problem) = self.problems.last_mut() {
                        problem.nearest = nearest;
                    }
                }
                Some((_, kind)) if !kind.accepts(&value) => self.refuse(path, *kind, &value, origin, line),
                Some(_) => {
                    self.sources.set(path, origin, line);
                    kept.insert(key, value);
                }
            }
        }
        kept
    }
}

/// Text for a key below a key, as the table that `kind` is: `cert` of
/// `room.tls.cert`, `agent.find` of `room.roles.agent.find`. `None`: there is no such key.
pub(super) fn table_of(kind: Kind, rest: &str, text: &str) -> Option<Value> {
    // In the environment two underscores stand for the dot.
    let rest = rest.replace("__", ".");
    let table = |key: &str, value| Value::Table(Table::from_iter([(key.to_owned(), value)]));
    let read = |known: &'static [Key], key: &str| {
        known.iter().find(|(name, _)| *name == key).map(|(_, kind)| table(key, kind.read_text(text)))
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

#[cfg(test)]
mod tests {
    use crate::config::check::Purpose;
    use crate::config::load::{Layers, load};
    use crate::config::room::Scope;

    fn with(text: &str, set: &[&str]) -> Result<crate::config::Config, String> {
        let set = set.iter().map(ToString::to_string).collect();
        let layers = Layers { file: Some(("x.toml".into(), text.into())), set, ..Layers::default() };
        load(&layers, Purpose::Other).map(|l| l.config).map_err(|e| e.to_string())
    }

    #[test]
    fn roles_from_file_and_command_line() {
        let text =
            "[room.roles.agent]\nfind = \"own\"\nact = [\"hold\"]\n[room.roles.night-shift]\nhear = \"team\"";
        let config =
            with(text, &["room.roles.agent.hear=own", "room.tls.cert=/c", "room.tls.key=/k"]).unwrap();
        let agent = &config.room.roles["agent"];
        assert_eq!((agent.find, agent.hear, agent.act.len()), (Scope::Own, Scope::Own, 1));
        assert_eq!(config.room.roles["night-shift"].hear, Scope::Team);
        assert!(config.room.tls.is_set());
    }

    #[test]
    fn a_slip_in_a_role_is_told_with_the_nearest_key() {
        let said = with("[room.roles.agent]\nheer = \"own\"\nact = [\"liste\"]\n[room.tls]\ncrt = \"\"", &[]);
        let said = said.unwrap_err();
        for part in [
            "x.toml: room.roles.agent.heer (line 1): found an unknown key; allowed: find, hear,",
            "nearest: hear",
            "room.roles.agent.act (line 1): found [\"liste\"]; allowed: a list of \"export\", \"hold\"",
            "room.tls.crt",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
        assert!(with("[room]\nroles = 3", &[]).unwrap_err().contains("room.roles (line 2): found 3"));
        assert!(with("", &["room.roles.agent.heer=own"]).unwrap_err().contains("an unknown key"));
    }
}
