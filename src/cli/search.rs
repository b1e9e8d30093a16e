//! Which recordings are meant: ids, or a search. Shared by every command that
//! works on recordings after the call.
//!
//! What cannot be understood is refused here, so that a mistyped date is a wrong
//! command line and never a search for everything.

use crate::archive::search::{Flag, IdPart, Search, number_parts};
use crate::config::CallDirection;
use crate::config::compiled::NumberForm;
use crate::config::forms::duration;
use crate::custody::audit::{EntryFacts, Fact};
use crate::store::calendar::day_begins;
use crate::store::sidecar::parse_rfc3339;
use crate::time::Timestamp;
use clap::{Args, ValueEnum};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::time::Duration;

/// Calls of a time, a service, a number.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct CallArgs {
    /// Answered at or after this date or RFC 3339 instant
    #[arg(long, value_name = "WHEN", value_parser = when)]
    pub since: Option<When>,
    /// Answered before the end of this date, or before this RFC 3339 instant
    #[arg(long, value_name = "WHEN", value_parser = when)]
    pub until: Option<When>,
    /// Name of the service
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Part of a customer's number, as far as it is kept
    #[arg(long, value_name = "PART", value_parser = number)]
    pub number: Option<String>,
}

/// Ids or a search.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchArgs {
    /// UUIDs, or the 8 hex digits at the end of a file's name
    #[arg(value_name = "ID", value_parser = id)]
    pub ids: Vec<IdPart>,
    /// Of which time, service and number.
    #[command(flatten)]
    pub calls: CallArgs,
    /// Id of the agent
    #[arg(long, value_name = "ID")]
    pub agent: Option<String>,
    /// Who called whom
    #[arg(long, value_enum, value_name = "DIRECTION")]
    pub direction: Option<CallDirection>,
    /// At least this long, such as 30s, 5m or 90
    #[arg(long, value_name = "DURATION", value_parser = length)]
    pub longer: Option<Duration>,
    /// At most this long
    #[arg(long, value_name = "DURATION", value_parser = length)]
    pub shorter: Option<Duration>,
    /// In this state; repeated: in all of them
    #[arg(long, value_enum, value_name = "FLAG")]
    pub flag: Vec<Flag>,
}

/// `--since`, `--until`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A day on the calendar of `retention.timezone`.
    Day(Date),
    /// An instant.
    Instant(Timestamp),
}

impl SearchArgs {
    /// As the store understands it. Days are those of `zone`; numbers are also
    /// looked for in the forms `numbers` knows; `now` is for `--flag expiring`.
    /// What `--flag review` needs of the configuration, `unconfirmed_before`, is left to the caller.
    pub fn search(&self, zone: &TimeZone, numbers: &NumberForm, now: Timestamp) -> Search {
        Search {
            ids: self.ids.clone(),
            since: self.calls.since.map(|w| w.begins(zone)),
            until: self.calls.until.map(|w| w.ends(zone)),
            service: self.calls.service.clone(),
            agent: self.agent.clone(),
            direction: self.direction,
            number: self.calls.number.as_deref().map(|n| number_parts(n, numbers)).unwrap_or_default(),
            longer: self.longer,
            shorter: self.shorter,
            flags: self.flag.clone(),
            unconfirmed_before: None,
            now,
            limit: None,
        }
    }

    /// For the audit log: everything but the number, of which it says only that
    /// one was looked for. `None` where nothing but ids was given.
    pub fn for_audit(&self) -> Option<EntryFacts> {
        let mut said = EntryFacts::default();
        let mut say = |fact, value: Option<Value>| value.into_iter().for_each(|v| said.say(fact, v));
        say(Fact::Since, self.calls.since.map(|w| w.to_string().into()));
        say(Fact::Until, self.calls.until.map(|w| w.to_string().into()));
        say(Fact::Service, self.calls.service.clone().map(Value::from));
        say(Fact::Agent, self.agent.clone().map(Value::from));
        say(Fact::Direction, self.direction.map(|d| word(&d)));
        say(Fact::Number, self.calls.number.as_ref().map(|_| true.into()));
        say(Fact::LongerS, self.longer.map(|d| d.as_secs_f64().into()));
        say(Fact::ShorterS, self.shorter.map(|d| d.as_secs_f64().into()));
        let flags: Vec<Value> = self.flag.iter().map(word).collect();
        say(Fact::Flags, (!flags.is_empty()).then_some(Value::Array(flags)));
        said.if_any()
    }

    /// Neither an id nor any condition was given.
    pub fn is_empty(&self) -> bool {
        *self == SearchArgs::default()
    }
}

impl When {
    fn begins(self, zone: &TimeZone) -> Timestamp {
        match self {
            When::Day(day) => day_begins(day, zone),
            When::Instant(at) => at,
        }
    }

    fn ends(self, zone: &TimeZone) -> Timestamp {
        match self {
            When::Day(day) => day_begins(day.saturating_add(1.day()), zone),
            When::Instant(at) => at,
        }
    }
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            When::Day(day) => day.fmt(f),
            When::Instant(at) => at.fmt(f),
        }
    }
}

/// The name of a choice.
fn word(choice: &impl ValueEnum) -> Value {
    choice.to_possible_value().map_or(Value::Null, |v| v.get_name().into())
}

/// A UUID or eight hexadecimal digits.
///
/// # Errors
/// What is allowed.
pub fn id(text: &str) -> Result<IdPart, &'static str> {
    IdPart::parse(text).ok_or("neither a UUID nor the 8 hexadecimal digits that end a file's name")
}

/// A date or an instant.
///
/// # Errors
/// What is allowed.
pub fn when(text: &str) -> Result<When, &'static str> {
    let day = (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten().map(When::Day);
    let instant = || parse_rfc3339(text).map(When::Instant);
    day.or_else(instant)
        .ok_or("neither a date such as 2026-11-23 nor an instant such as 2026-11-23T08:15:23+02:00")
}

/// `30s`, `1h 5m`, or plain seconds.
///
/// # Errors
/// What is allowed.
pub fn length(text: &str) -> Result<Duration, &'static str> {
    duration::parse_or_seconds(text).ok_or("not a duration; use 30s, 5m, 1h or 90 (seconds)")
}

/// Part of a number: something to look for.
pub fn number(text: &str) -> Result<String, &'static str> {
    match number_parts(text, &NumberForm::default()).is_empty() {
        true => Err("not a telephone number or part of one"),
        false => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Probe {
        #[command(flatten)]
        search: SearchArgs,
    }

    fn read(words: &[&str]) -> Result<SearchArgs, String> {
        let words = ["x"].iter().chain(words);
        Probe::try_parse_from(words).map(|p| p.search).map_err(|e| e.to_string())
    }

    #[test]
    fn reads_a_search() {
        let args =
            ["--since", "2026-11-01", "--longer", "30s", "--flag", "one-way", "--flag", "held", "DEADBEEF"];
        let search = read(&args).unwrap();
        assert_eq!(search.flag, [Flag::OneWay, Flag::Held]);
        assert_eq!(search.longer.map(|d| d.as_secs()), Some(30));
        assert_eq!(search.ids, [IdPart::Short(0xdead_beef)]);
        assert!(!search.is_empty() && read(&[]).unwrap().is_empty());
        for (text, s) in [("90", 90.0), ("0.5", 0.5), ("5m", 300.0), ("1h 1s", 3601.0)] {
            assert_eq!(length(text).unwrap().as_secs_f64(), s, "{text}");
        }
    }

    #[test]
    fn the_audit_log_is_told_everything_but_the_number() {
        let args = ["--number", "0401234567", "--since", "2026-11-23", "--flag", "one-way", "--longer", "5m"];
        let said = read(&args).unwrap().for_audit().unwrap();
        let want = serde_json::json!({
            "since": "2026-11-23", "number": true, "longer_s": 300.0, "flags": ["one-way"]
        });
        assert_eq!(said.to_string(), want.to_string());
        assert_eq!(read(&["deadbeef"]).unwrap().for_audit(), None);
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let zone = TimeZone::get("Europe/Helsinki").unwrap();
        let search =
            |args: &[&str]| read(args).unwrap().search(&zone, &NumberForm::default(), Timestamp::EPOCH);
        let of = |text: &str| parse_rfc3339(text);
        let s = search(&["--since", "2026-11-23", "--until", "2026-11-23"]);
        assert_eq!((s.since, s.until), (of("2026-11-22T22:00:00Z"), of("2026-11-23T22:00:00Z")));
        // The day the clocks go forward has 23 hours.
        let s = search(&["--since", "2026-03-29", "--until", "2026-03-29"]);
        assert_eq!((s.since, s.until), (of("2026-03-28T22:00:00Z"), of("2026-03-29T21:00:00Z")));
        let s = search(&["--since", "2026-11-23T08:00:00+02:00", "--until", "2026-11-23T06:00:00.5Z"]);
        assert_eq!((s.since, s.until), (of("2026-11-23T06:00:00Z"), of("2026-11-23T06:00:00.5Z")));
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_says_what_does() {
        for (args, part) in [
            (["--since", "23.11.2026"], "2026-11-23"),
            (["--until", "2026-13-01"], "2026-11-23"),
            (["--until", "2026-11-23T08:00:00"], "2026-11-23"),
            (["--longer", "1x"], "30s"),
            (["--longer", "soon"], "30s"),
            (["--shorter", "1e400"], "30s"),
            (["--number", " "], "number"),
            (["--flag", "lost"], "one-way"),
            (["--direction", "up"], "inbound"),
            (["--", "../etc"], "UUID"),
        ] {
            let e = read(&args).unwrap_err();
            assert!(e.contains(part), "{args:?}: {e}");
        }
    }
}
