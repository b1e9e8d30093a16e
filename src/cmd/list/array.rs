//! Recordings as an array of sidecars: read from the files, which are the truth.
//!
//! The text is spliced, not read and written again: through `serde_json::Value` a sidecar takes
//! 2 to 2.8 times as long (`cargo bench --bench listing`).

use super::readers::RowFormat;
use crate::archive::index::{KeptState, Row};
use crate::store::StoreError;
use crate::store::files::Folder;
use crate::store::sidecar::{read_text, read_value};
use crate::time::Timestamp;
use memchr::{memchr, memchr2};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The key that is added.
const STATE: &str = "state";

/// The sidecar of each row.
pub(super) struct Array<'a> {
    pub(super) store: &'a Folder,
    pub(super) now: Timestamp,
}

/// Sidecars, each on a line of its own behind a comma.
#[derive(Default)]
pub(super) struct ArrayPage {
    pub(super) text: String,
    /// How many could not be read.
    pub(super) unreadable: u64,
}

impl RowFormat for Array<'_> {
    type Page = Vec<(PathBuf, KeptState)>;
    type Text = ArrayPage;

    fn add(&self, row: &Row, page: &mut Self::Page) {
        page.push((row.path.clone(), row.state(self.now)));
    }

    fn words(&self, rows: Self::Page) -> ArrayPage {
        let mut page = ArrayPage::default();
        for (path, state) in rows {
            let before = page.text.len();
            if let Err(e) = push_line(self.store, &path, state, &mut page.text) {
                page.text.truncate(before);
                // What is not there was deleted this moment, unless nobody deleted it.
                let is_gone = e.kind() == io::ErrorKind::NotFound && state != KeptState::Missing;
                page.unreadable += u64::from(!is_gone);
            }
        }
        page
    }
}

/// The sidecar as it stands in its file, with `state` added; `None` where it was
/// deleted this moment.
pub(in crate::cmd) fn sidecar(
    store: &Folder,
    row: &Row,
    now: Timestamp,
) -> Result<Option<Map<String, Value>>, StoreError> {
    match read_value(store, &row.path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
        Ok(value) => with_state(&row.json(store.path()), value, row.state(now)).map(Some),
    }
}

fn with_state(path: &Path, value: Value, state: KeptState) -> Result<Map<String, Value>, StoreError> {
    let Value::Object(mut object) = value else {
        return Err(StoreError::Sidecar { path: path.to_owned(), why: "is not an object".into() });
    };
    object.insert(STATE.into(), state.name().into());
    Ok(object)
}

fn push_line(store: &Folder, path: &Path, state: KeptState, out: &mut String) -> Result<(), StoreError> {
    let text = read_text(store, path)?;
    out.push_str(",\n");
    if splice(&text, state, out) {
        return Ok(());
    }
    let object = with_state(path, read_value(store, path)?, state)?;
    out.push_str(&Value::Object(object).to_string());
    Ok(())
}

/// Appends an object with `state` added; false where it has to be read and written again.
pub(super) fn splice(text: &str, state: KeptState, out: &mut String) -> bool {
    // That it is JSON is looked at, and its keys; nothing is built of it.
    let fits = serde_json::from_str::<ObjectKeys>(text).is_ok_and(|keys| keys.some && !keys.state);
    if fits {
        push_compact(text, out);
        out.pop();
        for part in [",\"", STATE, "\":\"", state.name(), "\"}"] {
            out.push_str(part);
        }
    }
    fits
}

/// What matters of an object's keys.
struct ObjectKeys {
    /// There are some.
    some: bool,
    /// [`STATE`] is one.
    state: bool,
}

impl<'de> Deserialize<'de> for ObjectKeys {
    fn deserialize<D: Deserializer<'de>>(object: D) -> Result<ObjectKeys, D::Error> {
        struct KeysVisitor;
        impl<'de> Visitor<'de> for KeysVisitor {
            type Value = ObjectKeys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ObjectKeys, A::Error> {
                let mut keys = ObjectKeys { some: false, state: false };
                // A key with an escape is no `&str`: that is an error, and looked at in full.
                while let Some((key, IgnoredAny)) = map.next_entry::<&str, IgnoredAny>()? {
                    keys.some = true;
                    keys.state |= key == STATE;
                }
                Ok(keys)
            }
        }
        object.deserialize_map(KeysVisitor)
    }
}

/// JSON without the blanks between its tokens.
fn push_compact(json: &str, out: &mut String) {
    let mut rest = json;
    while let Some(open) = memchr(b'"', rest.as_bytes()) {
        out.extend(rest[..open].split_ascii_whitespace());
        // To the quote that no backslash stands before, or only a pair of them.
        let mut close = open + 1;
        while let Some(at) = memchr2(b'"', b'\\', &rest.as_bytes()[close..]) {
            close += at + 1;
            if rest.as_bytes()[close - 1] == b'"' {
                break;
            }
            close += 1;
        }
        out.push_str(&rest[open..close]);
        rest = &rest[close..];
    }
    out.extend(rest.split_ascii_whitespace());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::files::Access;
    use serde_json::json;

    #[test]
    fn blanks_go_and_nothing_else() {
        let value =
            json!({"a b": [1, -2.5e10, "x \" y\\", "\\\\", ""], "ä": {"": null, "\t": true}, "z": {}});
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let mut out = String::new();
            push_compact(&text, &mut out);
            assert_eq!(out, value.to_string());
        }
    }

    #[test]
    fn the_state_is_added_whatever_the_keys() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        let folder = Folder::open(dir.path(), Access::Owner).unwrap();
        for text in [
            "{ \"a\": \"b c\" }\n",
            "{}",
            "{\"state\": 1, \"a\": 2}",
            "{\"a\\u0062\": [ 1, { \"state\": 2 } ]}",
            " {\"n\": 1e400, \"a\": 1, \"a\": 2}",
        ] {
            std::fs::write(&path, text).unwrap();
            let mut line = String::new();
            let said = push_line(&folder, &path, KeptState::Held, &mut line);
            let Ok(want) = serde_json::from_str::<Value>(text) else { continue };
            said.unwrap();
            let got: Value = serde_json::from_str(line.strip_prefix(",\n").unwrap()).unwrap();
            assert_eq!(got, Value::Object(with_state(&path, want, KeptState::Held).unwrap()), "{text}");
        }
        for text in ["", "[]", "{", "{\"a\": 1}}", "{\"a\": \"\n\"}"] {
            std::fs::write(&path, text).unwrap();
            assert!(push_line(&folder, &path, KeptState::Held, &mut String::new()).is_err(), "{text}");
        }
    }
}
