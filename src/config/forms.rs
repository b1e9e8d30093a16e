//! How values are written in the file: durations, sizes, one-or-many lists.
//!
//! Serde forms only; where a value came from is `load`, whether it makes sense is `check`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A type that stands in the file as one text: `parse` reads it, `Display` writes it.
macro_rules! as_text {
    ($type:ty, $what:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<$type, D::Error> {
                let text = String::deserialize(d)?;
                let wrong = || serde::de::Error::custom(format!(concat!("`{}` is not ", $what), text));
                <$type>::parse(&text).ok_or_else(wrong)
            }
        }
    };
}

pub(super) use as_text;

/// Text, or `""` for nothing.
pub mod or_nothing {
    use super::*;
    use serde::de::IntoDeserializer;

    /// Reads one; `None` for `""`.
    pub fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
        match String::deserialize(d)? {
            text if text.is_empty() => Ok(None),
            text => T::deserialize(text.into_deserializer()).map(Some),
        }
    }

    /// Writes one; `""` for `None`.
    pub fn serialize<S: Serializer, T: Serialize>(value: &Option<T>, s: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => value.serialize(s),
            None => s.serialize_str(""),
        }
    }
}

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
    use jiff::{SignedDuration, Span, SpanRelativeTo};
    use std::time::Duration;

    /// A duration with its unit, from nanoseconds to weeks, days of 24 hours; `None` for anything else.
    pub fn parse(text: &str) -> Option<Duration> {
        let text = text.trim();
        if text == "0" {
            return Some(Duration::ZERO);
        }
        // A sign, `ago` and the form of ISO 8601 say nothing here.
        let is_plain = text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(':');
        let span: Span = text.parse().ok().filter(|_| is_plain)?;
        span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok()
    }

    /// A duration with its unit, or plain seconds: what somebody types. `None` for anything else.
    pub fn parse_or_seconds(text: &str) -> Option<Duration> {
        let seconds = || text.parse::<f64>().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
        parse(text).or_else(seconds)
    }

    /// A duration as people write it: `1h 30m`, `14d`.
    pub fn text(duration: Duration) -> String {
        const DAY: u64 = 24 * 3600;
        let seconds = duration.as_secs();
        if seconds > DAY && seconds.is_multiple_of(DAY) && duration.subsec_nanos() == 0 {
            return format!("{}d", seconds / DAY);
        }
        // What jiff cannot hold is longer than the age of the universe.
        format!("{:#}", SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX))
    }

    /// Reads a duration with its unit.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        let s = String::deserialize(d)?;
        parse(&s).ok_or_else(|| serde::de::Error::custom(format!("`{s}` is not a duration such as \"30s\"")))
    }

    /// Writes a duration with its unit.
    pub fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&text(*d))
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

    /// A size in the largest unit that divides it.
    pub fn text(n: u64) -> String {
        let (u, sh) =
            UNITS.iter().find(|(_, sh)| n != 0 && n.is_multiple_of(1u64 << sh)).unwrap_or(&("B", 0));
        format!("{} {u}", n >> sh)
    }

    /// Writes a size, as [`text`] does.
    pub fn serialize<S: Serializer>(n: &u64, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&text(*n))
    }
}

#[cfg(test)]
mod tests {
    use super::duration::{parse, text};
    use std::time::Duration;

    #[test]
    fn durations_read_and_print() {
        for (written, seconds, printed) in [
            ("30s", 30, "30s"),
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("1h 30m", 5400, "1h 30m"),
            ("1h30m", 5400, "1h 30m"),
            ("90 minutes", 5400, "1h 30m"),
            ("2 hours 1 sec", 7201, "2h 1s"),
            ("24h", 86_400, "24h"),
            ("1day", 86_400, "24h"),
            ("7d", 7 * 86_400, "7d"),
            ("2 weeks", 14 * 86_400, "14d"),
        ] {
            assert_eq!(parse(written), Some(Duration::from_secs(seconds)), "{written}");
            assert_eq!(text(Duration::from_secs(seconds)), printed);
            assert_eq!(parse(printed), Some(Duration::from_secs(seconds)), "{printed}");
        }
        assert_eq!(
            (parse("1500ms"), text(Duration::from_millis(1500))),
            (Some(Duration::from_millis(1500)), "1s 500ms".into())
        );
        for wrong in ["", "30", "s", "-1s", "1s ago", "PT1H", "1:30:00", "1 fortnight", "1h x", "2 months"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(parse("99999999999999999999h"), None);
    }
}
