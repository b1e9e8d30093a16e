//! The time zone of the calendar, read once with the configuration.
//!
//! The one place of the core that reads files: jiff looks the name up in the machine's tz database.
//! Rules compiled in would be older than the machine's, and a name without its rules would be looked
//! up, and could fail, wherever a day begins. No clock is read here.

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A zone of the tz database under the name that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// Looks it up; `None` where the machine's database has no zone of this name.
    pub fn named(name: &str) -> Option<Zone> {
        Some(Zone { name: name.to_owned(), rules: TimeZone::get(name).ok()? })
    }

    /// As it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its rules.
    pub fn rules(&self) -> &TimeZone {
        &self.rules
    }
}

/// UTC.
impl Default for Zone {
    fn default() -> Zone {
        Zone { name: "UTC".into(), rules: TimeZone::UTC }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Zone, D::Error> {
        let name = String::deserialize(d)?;
        let unknown = || serde::de::Error::custom(format!("`{name}` is not a zone of the tz database"));
        Zone::named(&name).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_goes_by_the_name_it_was_written_with() {
        for name in ["UTC", "Europe/Helsinki", "Europe/Kiev"] {
            let zone: Zone = serde_json::from_value(name.into()).unwrap();
            assert_eq!((zone.name(), zone.to_string().as_str()), (name, name));
            assert_eq!(serde_json::to_value(&zone).unwrap(), name);
            assert_eq!(zone.rules(), &TimeZone::get(name).unwrap());
        }
        assert_eq!(Zone::named("UTC"), Some(Zone::default()));
        assert!(serde_json::from_str::<Zone>("\"Mars/Base\"").is_err());
    }
}
