//! A word of a small set, which a later version may add to.
//!
//! What reads files of later versions must not lose a word it does not know: it is kept as it
//! came, and nobody takes it for another.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A small set of words, each with its name.
pub trait Vocabulary: Copy + Eq + 'static {
    /// The word as it stands in files and on the command line.
    fn word(self) -> &'static str;

    /// Reads one; `None` for what is none of them.
    fn of_word(text: &str) -> Option<Self>;
}

/// A word as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Word<T> {
    /// One of the set.
    Known(T),
    /// A later version's, kept as it came.
    Later(String),
}

impl<T: Vocabulary> Word<T> {
    /// As it stands in the file.
    pub fn as_str(&self) -> &str {
        match self {
            Word::Known(word) => word.word(),
            Word::Later(text) => text,
        }
    }

    /// What it means; `None` for a later version's.
    pub fn known(&self) -> Option<T> {
        match self {
            Word::Known(word) => Some(*word),
            Word::Later(_) => None,
        }
    }
}

impl<T: Vocabulary> From<T> for Word<T> {
    fn from(word: T) -> Self {
        Word::Known(word)
    }
}

impl<T: Vocabulary> From<&str> for Word<T> {
    fn from(text: &str) -> Self {
        T::of_word(text).map_or_else(|| Word::Later(text.to_owned()), Word::Known)
    }
}

impl<T: Vocabulary> PartialEq<T> for Word<T> {
    fn eq(&self, word: &T) -> bool {
        self.known() == Some(*word)
    }
}

impl<T: Vocabulary> PartialEq<&str> for Word<T> {
    fn eq(&self, text: &&str) -> bool {
        self.as_str() == *text
    }
}

impl<T: Vocabulary> fmt::Display for Word<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<T: Vocabulary> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de, T: Vocabulary> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Word::from(String::deserialize(d)?.as_str()))
    }
}

/// An enum with its names and the list of all, from one table.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $set:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $set {
            $($(#[$doc])* $variant,)*
        }

        impl $set {
            /// Each of them.
            pub const ALL: &[$set] = &[$($set::$variant,)*];

            /// As it stands in files.
            pub const fn name(self) -> &'static str {
                match self {
                    $($set::$variant => $name,)*
                }
            }
        }
    };
}

pub(crate) use words;

/// [`Vocabulary`] of an enum with `ALL` and `name`.
macro_rules! vocabulary {
    ($($type:ty),* $(,)?) => {
        $(
            impl $crate::store::word::Vocabulary for $type {
                fn word(self) -> &'static str {
                    self.name()
                }

                fn of_word(text: &str) -> Option<Self> {
                    Self::ALL.iter().copied().find(|word| word.name() == text)
                }
            }
        )*
    };
}

pub(crate) use vocabulary;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::FaultKind;

    #[test]
    fn a_word_of_a_later_version_is_kept_and_is_none_of_ours() {
        let read = |json: &str| serde_json::from_str::<Word<FaultKind>>(json).unwrap();
        let known = read("\"one_way\"");
        assert_eq!(known, Word::Known(FaultKind::OneWay));
        assert!(known == FaultKind::OneWay && known == "one_way" && known != FaultKind::NoRtp);
        for later in ["echo", "", "One_Way", "ääni"] {
            let word = read(&format!("\"{later}\""));
            assert_eq!((word.known(), word.as_str()), (None, later));
            assert!(FaultKind::ALL.iter().all(|kind| word != *kind));
            assert_eq!(serde_json::to_string(&word).unwrap(), format!("\"{later}\""));
        }
        assert!(serde_json::from_str::<Word<FaultKind>>("7").is_err());
    }
}
