//! Text of others inside a page.

use crate::html;

/// Fit for an element and for the value of an attribute; what nobody can see or print is marked.
pub(super) fn escaped(text: &str) -> String {
    html::escaped(text).replace(char::is_control, "\u{fffd}")
}
