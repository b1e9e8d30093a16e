//! What was corrected of what is known about a recording: the sidecar's key `amendments`.
//!
//! Each says what the keys that it changed said before. Must not know what may be corrected.

use super::legible::Legible;
use crate::pii::{Pii, stored};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// All of a recording, the oldest first.
pub type Amendments = Legible<Vec<Amendment>>;

/// One correction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// The case.
    #[serde(rename = "ref")]
    pub case: String,
    /// Who corrected it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What the keys that changed said before.
    #[serde(default, with = "stored")]
    pub was: Pii<Map<String, Value>>,
    /// What completes the record.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "stored")]
    pub note: Option<Pii<String>>,
    /// Keys of later versions, kept as they came.
    #[serde(flatten, with = "stored")]
    pub extra: Pii<Map<String, Value>>,
}

impl Default for Amendments {
    fn default() -> Self {
        Legible::Known(Vec::new())
    }
}

impl Amendments {
    /// Nothing was corrected.
    pub fn is_unset(&self) -> bool {
        self.known().is_some_and(Vec::is_empty)
    }
}

impl Amendment {
    /// One that has changed nothing yet.
    pub fn new(case: &str, by: String, at: Timestamp, note: Option<Pii<String>>) -> Amendment {
        Amendment {
            case: case.into(),
            by,
            at: at.whole_us(),
            was: Pii::default(),
            note,
            extra: Pii::default(),
        }
    }

    /// A key was changed, and said this.
    pub fn note_was(&mut self, key: &str, was: Option<String>) {
        self.was.expose_mut().insert(key.into(), was.into());
    }

    /// It changes nothing and says nothing.
    pub fn is_empty(&self) -> bool {
        self.was.expose().is_empty() && self.note.is_none()
    }
}
