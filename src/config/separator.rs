//! What stands between the columns of a list.

use super::forms::as_text;
use std::fmt;

/// One character of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Separator(u8);

impl Separator {
    /// Reads `;`.
    pub fn parse(text: &str) -> Option<Separator> {
        match text.as_bytes() {
            [byte] => Some(Separator(*byte)),
            _ => None,
        }
    }

    /// As it stands in the list.
    pub fn byte(self) -> u8 {
        self.0
    }
}

/// A comma.
impl Default for Separator {
    fn default() -> Separator {
        Separator(b',')
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(self.0))
    }
}

as_text!(Separator, "one character such as \";\"");
