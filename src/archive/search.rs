//! Which recordings are meant: ids, or a search.
//!
//! One type for every command and the listening room. [`Search::matches`] says
//! what it means; the index answers the same question from its tables. Must not
//! know of command lines or SQL.

use super::index::Row;
use super::marks::AssuranceMark;
use crate::config::CallDirection;
use crate::config::compiled::NumberForm;
use crate::id::short_of;
use crate::pii::Pii;
use crate::time::Timestamp;
use std::time::Duration;
use uuid::Uuid;

/// How far ahead [`Flag::Expiring`] looks.
pub const EXPIRING: Duration = Duration::from_secs(7 * 24 * 3600);

/// A recording as a person names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdPart {
    /// The whole UUID of a recording, or of a call group: all its recordings.
    Full(Uuid),
    /// The eight hexadecimal digits that end a file's name.
    Short(u32),
}

impl IdPart {
    /// Reads a UUID or eight hexadecimal digits, any case.
    pub fn parse(text: &str) -> Option<IdPart> {
        match text.len() {
            8 if text.bytes().all(|b| b.is_ascii_hexdigit()) => {
                u32::from_str_radix(text, 16).ok().map(IdPart::Short)
            }
            32 | 36 => Uuid::try_parse(text).ok().map(IdPart::Full),
            _ => None,
        }
    }

    /// Whether it is of this UUID.
    pub fn is_of(self, id: Uuid) -> bool {
        match self {
            IdPart::Full(uuid) => id == uuid,
            IdPart::Short(short) => short_of(id) == short,
        }
    }

    /// Whether it names this recording, or its contact.
    pub fn names(self, row: &Row) -> bool {
        self.is_of(row.id) || self == IdPart::Full(row.call_group)
    }
}

impl std::fmt::Display for IdPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            IdPart::Full(uuid) => write!(f, "{uuid}"),
            IdPart::Short(short) => write!(f, "{short:08x}"),
        }
    }
}

/// A state that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flag {
    /// On hold.
    Held,
    /// Closed to listening and export.
    Restricted,
    /// Its start, its end or some audio is missing.
    Incomplete,
    /// One side was never heard.
    OneWay,
    /// Its sidecar says so against it.
    Marked(AssuranceMark),
    /// Not on hold, and falls due within [`EXPIRING`] of [`Search::now`], or already.
    Expiring,
    /// On hold, and nobody has confirmed that since [`Search::unconfirmed_before`], which who knows the
    /// configuration sets.
    Review,
}

impl Flag {
    /// Every flag, in the order in which they are listed.
    pub const ALL: [Flag; 13] = [
        Flag::Held,
        Flag::Restricted,
        Flag::Incomplete,
        Flag::OneWay,
        Flag::Marked(AssuranceMark::Partial),
        Flag::Marked(AssuranceMark::Paused),
        Flag::Marked(AssuranceMark::NoAnnouncement),
        Flag::Marked(AssuranceMark::Silent),
        Flag::Marked(AssuranceMark::Quiet),
        Flag::Marked(AssuranceMark::Clipped),
        Flag::Marked(AssuranceMark::Undecodable),
        Flag::Expiring,
        Flag::Review,
    ];

    /// As it is typed.
    pub const fn name(self) -> &'static str {
        match self {
            Flag::Held => "held",
            Flag::Restricted => "restricted",
            Flag::Incomplete => "incomplete",
            Flag::OneWay => "one-way",
            Flag::Marked(mark) => mark.name(),
            Flag::Expiring => "expiring",
            Flag::Review => "review",
        }
    }

    /// What it asks for, in a sentence.
    pub const fn describe(self) -> &'static str {
        match self {
            Flag::Held => "On hold",
            Flag::Restricted => "Closed to listening and export",
            Flag::Incomplete => "Its start, its end or some audio is missing",
            Flag::OneWay => "One side was never heard",
            Flag::Marked(mark) => mark.describe(),
            Flag::Expiring => "Not on hold, and falls due within a week",
            Flag::Review => "On hold, and nobody has confirmed that for retention.hold_review",
        }
    }
}

impl clap::ValueEnum for Flag {
    fn value_variants<'a>() -> &'a [Flag] {
        &Flag::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()).help(self.describe()))
    }
}

/// What is asked for; everything that is set must hold. The default asks for all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// Any of these; none: no matter.
    pub ids: Vec<IdPart>,
    /// Answered at or after.
    pub since: Option<Timestamp>,
    /// Answered before.
    pub until: Option<Timestamp>,
    /// Name of the service.
    pub service: Option<String>,
    /// Id of the agent.
    pub agent: Option<String>,
    /// Who called whom.
    pub direction: Option<CallDirection>,
    /// The customer's number holds any of these; none: no matter. See [`number_parts`].
    pub number: Vec<String>,
    /// At least this long.
    pub longer: Option<Duration>,
    /// At most this long.
    pub shorter: Option<Duration>,
    /// All of these.
    pub flags: Vec<Flag>,
    /// Held, and a hold has not been confirmed since before this: for [`Flag::Review`].
    pub unconfirmed_before: Option<Timestamp>,
    /// The present, for [`Flag::Expiring`].
    pub now: Timestamp,
    /// At most so many, the newest where there are more.
    pub limit: Option<usize>,
}

impl Search {
    /// Only these recordings.
    pub fn of_ids(ids: impl IntoIterator<Item = Uuid>) -> Search {
        Search { ids: ids.into_iter().map(IdPart::Full).collect(), ..Search::default() }
    }

    /// Nothing is asked for: every recording is meant. A command that destroys
    /// should not take that for an answer.
    pub fn is_everything(&self) -> bool {
        *self == Search { now: self.now, limit: self.limit, ..Search::default() }
    }

    /// Whether a recording is meant, [`limit`](Search::limit) aside.
    pub fn matches(&self, row: &Row) -> bool {
        let is = |want: &Option<String>, got: &Option<String>| want.is_none() || want == got;
        (self.ids.is_empty() || self.ids.iter().any(|id| id.names(row)))
            && self.since.is_none_or(|t| row.answered_at >= t)
            && self.until.is_none_or(|t| row.answered_at < t)
            && is(&self.service, &row.service)
            && is(&self.agent, &row.agent.id)
            && (self.direction.is_none() || self.direction == row.direction)
            && (self.number.is_empty()
                || self.number.iter().any(|part| holds(row.customer.number.as_ref().map(Pii::as_str), part)))
            && self.longer.is_none_or(|d| row.duration_us >= micros(d))
            && self.shorter.is_none_or(|d| row.duration_us <= micros(d))
            && self.flags.iter().all(|flag| self.raised(*flag, row))
            && self
                .unconfirmed_before
                .is_none_or(|t| row.held && row.unconfirmed_since.is_none_or(|since| since < t))
    }

    fn raised(&self, flag: Flag, row: &Row) -> bool {
        match flag {
            Flag::Held | Flag::Review => row.held,
            Flag::Restricted => row.restricted,
            Flag::Incomplete => !row.complete,
            Flag::OneWay => row.one_way,
            Flag::Marked(mark) => row.marks.has(mark),
            Flag::Expiring => !row.held && row.until.is_some_and(|t| t <= self.now + EXPIRING),
        }
    }
}

fn holds(number: Option<&str>, part: &str) -> bool {
    number.is_some_and(|n| n.contains(part))
}

/// Whole microseconds, the unit of lengths in a sidecar.
pub(super) fn micros(d: Duration) -> i64 {
    i64::try_from(d.as_micros()).unwrap_or(i64::MAX)
}

/// The forms in which part of a number may stand in a sidecar: as it was typed,
/// without the marks people put between digits, and with the country code in
/// place of the national prefix, where `[numbers]` names both.
pub fn number_parts(typed: &str, form: &NumberForm) -> Vec<String> {
    let bare: String = typed.chars().filter(|c| !c.is_whitespace() && !"-()./".contains(*c)).collect();
    let mut parts = vec![typed.trim().to_owned()];
    for other in [Some(bare.clone()), form.canonical(&bare)].into_iter().flatten() {
        if !other.is_empty() && !parts.contains(&other) {
            parts.push(other);
        }
    }
    parts.retain(|p| !p.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Numbers;

    #[test]
    fn every_mark_can_be_asked_for() {
        assert!(AssuranceMark::ALL.iter().all(|mark| Flag::ALL.contains(&Flag::Marked(*mark))));
    }

    #[test]
    fn names_of_recordings() {
        let id = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_dead_beef);
        assert_eq!(IdPart::parse("DEADbeef"), Some(IdPart::Short(0xdead_beef)));
        assert_eq!(IdPart::parse(&id.to_string()), Some(IdPart::Full(id)));
        assert_eq!(IdPart::parse(&id.simple().to_string().to_uppercase()), Some(IdPart::Full(id)));
        for text in ["", "deadbee", "deadbeefs", "+eadbeef", "../../..", "0192"] {
            assert_eq!(IdPart::parse(text), None, "{text}");
        }
        assert_eq!(short_of(id), 0xdead_beef);
        assert_eq!(IdPart::Short(0xbeef).to_string(), "0000beef");
    }

    #[test]
    fn numbers_as_people_type_them() {
        let fi = NumberForm::new(&Numbers {
            country: "358".into(),
            national_prefix: "0".into(),
            ..Numbers::default()
        });
        assert_eq!(number_parts("040 123", &fi), ["040 123", "040123", "35840123"]);
        assert_eq!(number_parts("+358 40-123", &fi), ["+358 40-123", "+35840123", "35840123"]);
        assert_eq!(number_parts("123", &NumberForm::default()), ["123"]);
        assert_eq!(number_parts(" ", &fi), [""; 0]);
    }

    #[test]
    fn everything_is_recognised() {
        assert!(Search { now: Timestamp::FAR_FUTURE, limit: Some(5), ..Search::default() }.is_everything());
        assert!(!Search { flags: vec![Flag::Held], ..Search::default() }.is_everything());
    }
}
