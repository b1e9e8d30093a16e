//! A search as it stands in an address: the page's and the API's alike.

use crate::archive::search::{Flag, Search, number_parts};
use crate::config::CallDirection;
use crate::config::compiled::NumberForm;
use crate::config::forms::duration;
use crate::custody::audit::{EntryFacts, Fact};
use crate::store::calendar::day_begins;
use crate::store::sidecar::parse_rfc3339;
use crate::time::Timestamp;
use clap::ValueEnum;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

/// Recordings on a page, where nobody asks for more or fewer.
pub const PAGE: usize = 50;
/// Most recordings on a page.
pub const PAGE_MAX: usize = 200;
/// Longest value of one condition, bytes.
const VALUE_MAX: usize = 200;

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The conditions.
    pub search: Search,
    /// Recordings on a page.
    pub limit: usize,
    /// Where the page begins: behind this one.
    pub cursor: Option<Cursor>,
    /// For the audit log: everything but the number.
    pub said: EntryFacts,
}

/// A place among the recordings, the newest first: behind this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Time of its answer.
    pub answered_at: Timestamp,
    /// Its id.
    pub id: Uuid,
}

impl Cursor {
    /// Reads what [`Cursor::text`] wrote.
    pub fn parse(text: &str) -> Option<Cursor> {
        let (at, id) = text.split_once('.')?;
        if at.len() != 16 || id.len() != 32 || !text.bytes().all(|b| b == b'.' || b.is_ascii_hexdigit()) {
            return None;
        }
        let ns = i64::try_from(u64::from_str_radix(at, 16).ok()?).ok()?;
        Some(Cursor { answered_at: Timestamp::from_ns(ns), id: Uuid::try_parse(id).ok()? })
    }

    /// As it stands in an address.
    pub fn text(self) -> String {
        format!("{:016x}.{}", self.answered_at.as_ns().max(0), self.id.simple())
    }
}

/// Whose calendar, which forms of numbers, what time it is.
#[derive(Clone, Debug)]
pub struct Surroundings<'a> {
    /// Days are those of this zone.
    pub zone: &'a TimeZone,
    /// Forms of numbers.
    pub numbers: &'a NumberForm,
    /// The present.
    pub now: Timestamp,
}

impl Query {
    /// Reads the pairs of an address. Empty values are no conditions, as a form sends them.
    ///
    /// # Errors
    /// Which condition makes no sense, and what would.
    pub fn read(pairs: &[(String, String)], around: &Surroundings<'_>) -> Result<Query, String> {
        let search = Search { now: around.now, ..Search::default() };
        let mut query = Query { search, limit: PAGE, ..Query::default() };
        for (key, value) in pairs {
            let value = value.trim();
            if value.len() > VALUE_MAX {
                return Err(format!("{key}: at most {VALUE_MAX} bytes"));
            }
            if !value.is_empty() {
                query.condition(key, value, around)?;
            }
        }
        Ok(query)
    }

    fn condition(&mut self, key: &str, value: &str, around: &Surroundings<'_>) -> Result<(), String> {
        let (search, said) = (&mut self.search, &mut self.said);
        match key {
            "since" | "until" => {
                let at = when(value, around.zone, key == "until")
                    .ok_or_else(|| format!("{key}: a date such as 2026-11-23 or an RFC 3339 instant"))?;
                let place = if key == "since" { &mut search.since } else { &mut search.until };
                *place = Some(at);
                said.say(if key == "since" { Fact::Since } else { Fact::Until }, value);
            }
            "service" => {
                search.service = Some(value.into());
                said.say(Fact::Service, value);
            }
            "agent" => {
                search.agent = Some(value.into());
                said.say(Fact::Agent, value);
            }
            "direction" => {
                let direction = CallDirection::from_str(value, false);
                search.direction = Some(direction.map_err(|_| "direction: inbound, outbound or internal")?);
                said.say(Fact::Direction, value);
            }
            "number" => {
                search.number = number_parts(value, around.numbers);
                said.say(Fact::Number, true);
            }
            "longer" | "shorter" => {
                let length = duration::parse_or_seconds(value).ok_or_else(|| format!("{key}: a length such as 30s, 5m or 90"))?;
                let place = if key == "longer" { &mut search.longer } else { &mut search.shorter };
                *place = Some(length);
                let fact = if key == "longer" { Fact::LongerS } else { Fact::ShorterS };
                said.say(fact, length.as_secs_f64());
            }
            "flag" => {
                for word in value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
                    let flag = flag(word).ok_or_else(known_flags)?;
                    if !search.flags.contains(&flag) {
                        search.flags.push(flag);
                        said.say_also(Fact::Flags, word);
                    }
                }
            }
            "limit" => {
                let limit = value.parse().ok().filter(|n| (1..=PAGE_MAX).contains(n));
                self.limit = limit.ok_or_else(|| format!("limit: a number from 1 to {PAGE_MAX}"))?;
            }
            "cursor" => {
                self.cursor = Some(Cursor::parse(value).ok_or("cursor: the `next` of a page before")?);
            }
            _ => return Err("known are since, until, service, agent, direction, number, longer, shorter, flag, limit and cursor".into()),
        }
        Ok(())
    }
}

/// A date, or an instant; of a date the beginning, or with `ends` its end.
pub fn when(text: &str, zone: &TimeZone, ends: bool) -> Option<Timestamp> {
    if text.len() == 10 {
        let day: Date = text.parse().ok()?;
        return Some(day_begins(if ends { day.saturating_add(1.day()) } else { day }, zone));
    }
    parse_rfc3339(text)
}

/// States that can be asked for here. Holds that are due for review are a matter of the commands.
pub fn flags() -> impl Iterator<Item = Flag> {
    Flag::ALL.into_iter().filter(|flag| *flag != Flag::Review)
}

fn flag(word: &str) -> Option<Flag> {
    let word = word.replace('_', "-");
    flags().find(|flag| flag.name() == word)
}

fn known_flags() -> String {
    let names: Vec<&str> = flags().map(Flag::name).collect();
    match names.split_last() {
        Some((last, rest)) => format!("flag: {} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(pairs: &[(&str, &str)]) -> Result<Query, String> {
        let zone = TimeZone::get("Europe/Helsinki").unwrap();
        let numbers = NumberForm::default();
        let around = Surroundings { zone: &zone, numbers: &numbers, now: Timestamp::EPOCH };
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Query::read(&pairs, &around)
    }

    #[test]
    fn a_search_and_what_the_log_is_told_of_it() {
        let query = read(&[
            ("since", "2026-11-23"),
            ("until", "2026-11-23"),
            ("service", "116117"),
            ("number", "040 123"),
            ("longer", "5m"),
            ("flag", "held"),
            ("flag", "one-way"),
            ("flag", ""),
            ("agent", " "),
            ("limit", "7"),
        ]);
        let query = query.unwrap();
        let of = |text: &str| parse_rfc3339(text);
        let s = &query.search;
        assert_eq!((s.since, s.until), (of("2026-11-22T22:00:00Z"), of("2026-11-23T22:00:00Z")));
        assert_eq!((s.flags.len(), query.limit, s.agent.is_none()), (2, 7, true));
        let said = json!({ "since": "2026-11-23", "until": "2026-11-23", "service": "116117", "number": true,
            "longer_s": 300.0, "flags": ["held", "one-way"] });
        assert_eq!(query.said.to_string(), said.to_string());
        assert_eq!(read(&[]).unwrap().limit, PAGE);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (key, value) in [
            ("since", "yesterday"),
            ("until", "2026-13-01"),
            ("direction", "up"),
            ("longer", "soon"),
            ("flag", "lost"),
            ("limit", "0"),
            ("limit", "201"),
            ("limit", "-1"),
            ("cursor", "x"),
            ("cursor", "ffffffffffffffff.00000000000000000000000000000000"),
            ("q", "x"),
            ("Service", "x"),
        ] {
            let said = read(&[(key, value)]).unwrap_err();
            assert!(!said.contains("yesterday"), "{said}");
        }
        assert!(read(&[("number", &"1".repeat(201))]).is_err());
    }

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let cursor = Cursor { answered_at: Timestamp::from_parts(1_795_421_723, 5), id: Uuid::from_u128(7) };
        assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        for text in
            ["", ".", "0.0", &cursor.text().to_uppercase().replace('.', ""), &format!("{}0", cursor.text())]
        {
            assert_eq!(Cursor::parse(text), None);
        }
    }
}
