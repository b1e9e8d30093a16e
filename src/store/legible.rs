//! A value of a file that this version may not be able to read.
//!
//! A sidecar is not lost because another release, or somebody's hand, wrote one of its keys in a
//! form that is not known here: the key is kept as it came, and who asks has to say what that means.

use crate::pii::Pii;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// What a key says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Legible<T> {
    /// Read.
    Known(T),
    /// In a form that this version cannot read. Written back as it came.
    Unknown(Pii<Value>),
}

impl<T> Legible<T> {
    /// What it says, where it can be read.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Legible::Known(value) => Some(value),
            Legible::Unknown(_) => None,
        }
    }
}

impl<T: Serialize> Serialize for Legible<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Legible::Known(value) => value.serialize(s),
            Legible::Unknown(value) => value.expose().serialize(s),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Legible<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(d)?;
        Ok(match T::deserialize(&value) {
            Ok(known) => Legible::Known(known),
            Err(_) => Legible::Unknown(Pii::new(value)),
        })
    }
}
