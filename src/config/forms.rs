//! How values are written in the file: durations, sizes, one-or-many lists, digit counts.
//!
//! Serde forms only; where a value came from is `load`, whether it makes sense is `check`.

use super::HideDigits;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Accepts `"eth1"` and `["eth1", "eth2"]`; `""` is no interface.
pub fn interfaces<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let mut names: Vec<String> = one_or_many(d)?;
    if names == [""] {
        names.clear();
    }
    Ok(names)
}

/// Accepts one value, or a list of them.
pub fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany<T> {
        // First: serde would take a list for the fields of a struct.
        Many(Vec<T>),
        One(T),
    }
    Ok(match OneOrMany::deserialize(d)? {
        OneOrMany::One(value) => vec![value],
        OneOrMany::Many(values) => values,
    })
}

/// `"30s"`, `"1h 30m"`.
pub mod duration {
    use super::*;
    use std::time::Duration;

    /// Reads a duration with its unit.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        let s = String::deserialize(d)?;
        humantime::parse_duration(&s).map_err(serde::de::Error::custom)
    }

    /// Writes a duration with its unit.
    pub fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&humantime::format_duration(*d))
    }
}

/// `"5 GiB"`, `"100 MiB"`, `"0"`.
pub mod bytes {
    use super::*;

    const UNITS: [(&str, u32); 5] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

    /// A size in binary units; `None` for anything else.
    pub fn parse(text: &str) -> Option<u64> {
        let text = text.trim();
        let (count, shift) = UNITS
            .iter()
            .find_map(|(unit, shift)| text.strip_suffix(unit).map(|n| (n.trim_end(), *shift)))
            .unwrap_or((text, 0));
        // `parse` would take a leading `+`.
        let digits = count.bytes().all(|b| b.is_ascii_digit());
        count.parse::<u64>().ok().filter(|_| digits)?.checked_mul(1u64 << shift)
    }

    /// Reads a size in binary units.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
        let s = String::deserialize(d)?;
        parse(&s).ok_or_else(|| serde::de::Error::custom(format!("`{s}` is not a size such as \"5 GiB\"")))
    }

    /// Writes a size in the largest unit that divides it.
    pub fn serialize<S: Serializer>(n: &u64, s: S) -> Result<S::Ok, S::Error> {
        let (u, sh) =
            UNITS.iter().find(|(_, sh)| *n != 0 && n.is_multiple_of(1u64 << sh)).unwrap_or(&("B", 0));
        s.collect_str(&format_args!("{} {u}", n >> sh))
    }
}

impl Serialize for HideDigits {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            HideDigits::Last(n) => s.serialize_u8(*n),
            HideDigits::All => s.serialize_str("all"),
        }
    }
}

impl<'de> Deserialize<'de> for HideDigits {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Count(u8),
            Word(String),
        }
        match Raw::deserialize(d) {
            Ok(Raw::Count(n)) => Ok(HideDigits::Last(n)),
            Ok(Raw::Word(w)) if w == "all" => Ok(HideDigits::All),
            _ => Err(serde::de::Error::custom("expected a number of digits (0 to 255) or \"all\"")),
        }
    }
}
