//! Personal data is wrapped so that it cannot be printed by accident.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
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

    /// The value itself, to be changed.
    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }

    /// Unwraps.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl Pii<String> {
    /// The text itself. Every caller must be able to say why.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Pii<String> {
    fn from(text: &str) -> Self {
        Pii(text.to_owned())
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

/// `#[serde(with = "crate::pii::stored")]`: a field of a file that is there to hold it. Nothing
/// else writes what is wrapped.
pub mod stored {
    use super::*;

    /// A wrapped value, or perhaps one, that can be written.
    pub trait Written {
        /// Writes what is wrapped.
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error>;
    }

    impl<T: Serialize> Written for Pii<T> {
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            self.expose().serialize(s)
        }
    }

    impl<T: Serialize> Written for Option<Pii<T>> {
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            self.as_ref().map(Pii::expose).serialize(s)
        }
    }

    /// A wrapped value, or perhaps one, that can be read.
    pub trait Wrapped {
        /// As it stands in the file.
        type Plain;
        /// Wraps what was read.
        fn wrap(plain: Self::Plain) -> Self;
    }

    impl<T> Wrapped for Pii<T> {
        type Plain = T;
        fn wrap(plain: T) -> Self {
            Pii::new(plain)
        }
    }

    impl<T> Wrapped for Option<Pii<T>> {
        type Plain = Option<T>;
        fn wrap(plain: Option<T>) -> Self {
            plain.map(Pii::new)
        }
    }

    /// Writes it.
    pub fn serialize<W: Written, S: Serializer>(wrapped: &W, s: S) -> Result<S::Ok, S::Error> {
        wrapped.write(s)
    }

    /// Reads it.
    pub fn deserialize<'de, W, D>(d: D) -> Result<W, D::Error>
    where
        W: Wrapped<Plain: Deserialize<'de>>,
        D: Deserializer<'de>,
    {
        W::Plain::deserialize(d).map(W::wrap)
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
