//! Personal data is wrapped so that it cannot be printed by accident.

use std::fmt;

/// A value that says nothing of itself in `Debug` or `Display`.
///
/// Customer numbers travel through the core in this; only the policy that
/// truncates them for a service calls [`Pii::expose`].
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Pii(value)
    }

    /// The value itself. Every caller must be able to say why.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Unwraps.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal data]")
    }
}

impl<T> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal data]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_nothing_of_the_value() {
        let p = Pii::new("+358401234567");
        assert!(!format!("{p} {p:?}").contains("401234"));
        assert_eq!(*p.expose(), "+358401234567");
    }
}
