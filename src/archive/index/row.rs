//! One recording as the index knows it: drawn from its sidecar, and nothing else.
//!
//! Must not know of folders to be walked, or of what commands print.

use super::super::marks::AssuranceMarks;
use super::super::recorded_quality::RecordedQuality;
use super::index_schema::{self, Column};
use crate::config::CallDirection;
use crate::id::short_of;
use crate::pii::Pii;
use crate::store::assurance::AssuranceReason;
use crate::store::assured::never_heard;
use crate::store::layout::parse_place;
use crate::store::sidecar::{Agent, Customer, EndedBy, Sidecar};
use crate::time::Timestamp;
use rusqlite::types::{ToSqlOutput, Type, Value};
use rusqlite::{Connection, ToSql, params};
use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What [`Index::find`](super::Index::find) gives. Numbers are as truncated as
/// in the sidecar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The recording.
    pub id: Uuid,
    /// Shared by the recordings of one contact.
    pub call_group: Uuid,
    /// The sidecar, relative to the store's root.
    pub path: PathBuf,
    /// Name of the service.
    pub service: Option<String>,
    /// Who called whom.
    pub direction: Option<CallDirection>,
    /// Who of the house took part.
    pub agent: Agent,
    /// The other party.
    pub customer: Customer,
    /// The number the contact was made to.
    pub dialled: Option<Pii<String>>,
    /// The answer.
    pub answered_at: Timestamp,
    /// Its length, microseconds.
    pub duration_us: i64,
    /// What ended it.
    pub ended_by: EndedBy,
    /// Nothing of it is missing.
    pub complete: bool,
    /// One side was heard, the other never.
    pub one_way: bool,
    /// What else its sidecar says against it.
    pub marks: AssuranceMarks,
    /// `retention.hold` is set.
    pub held: bool,
    /// Since when one of its holds has not been confirmed; `None` where nothing
    /// holds it, or nobody can say.
    pub unconfirmed_since: Option<Timestamp>,
    /// Closed to listening and export: `restricted` is set.
    pub restricted: bool,
    /// Its files are not where they were, and nobody deleted it.
    pub missing: bool,
    /// When it falls due; `None`: never by itself.
    pub until: Option<Timestamp>,
    /// Length of the WAV file, bytes.
    pub wav_bytes: u64,
    /// Of the whole WAV file, lower-case hexadecimal.
    pub sha256: String,
    /// Hz.
    pub sample_rate: u32,
    /// How well its call is in it.
    pub quality: RecordedQuality,
}

/// What is to become of a recording, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptState {
    /// Within its term.
    Kept,
    /// Past its term and not held: the next sweep deletes it.
    Due,
    /// A hold keeps it.
    Held,
    /// Closed to listening and export; whether it is held as well says `retention.hold`.
    Restricted,
    /// Its files are gone, and nobody deleted it.
    Missing,
}

impl KeptState {
    /// As it stands in lists.
    pub const fn name(self) -> &'static str {
        match self {
            KeptState::Kept => "kept",
            KeptState::Due => "due",
            KeptState::Held => "held",
            KeptState::Restricted => "restricted",
            KeptState::Missing => "missing",
        }
    }
}

impl Row {
    /// What the index keeps of a sidecar; `path` is relative to the root.
    pub fn of(path: &Path, s: &Sidecar) -> Row {
        let spec = s.audio.spec();
        let data = s.audio.frames.saturating_mul(spec.frame_bytes() as u64);
        Row {
            id: s.id,
            call_group: s.call_group,
            path: path.to_owned(),
            service: s.service.clone(),
            direction: s.direction,
            agent: s.agent.clone(),
            customer: s.customer.clone(),
            dialled: s.dialled.clone(),
            answered_at: s.answered_at,
            duration_us: (s.duration_s * 1e6).round() as i64,
            ended_by: s.ended_by,
            complete: s.complete,
            one_way: never_heard(s).is_some(),
            marks: AssuranceMarks::of(s),
            held: s.retention.hold.is_set(),
            unconfirmed_since: s.retention.hold.unconfirmed_since(),
            restricted: s.restricted.is_set(),
            missing: false,
            until: s.retention.until,
            wav_bytes: data.saturating_add(spec.header_bytes() as u64),
            sha256: s.audio.sha256.clone(),
            sample_rate: s.audio.sample_rate,
            quality: RecordedQuality::of(s),
        }
    }

    /// One word for lists: `missing` before `restricted` before `held` before `due`.
    pub fn state(&self, now: Timestamp) -> KeptState {
        if self.missing {
            return KeptState::Missing;
        }
        match (self.restricted, self.held) {
            (true, _) => KeptState::Restricted,
            (false, true) => KeptState::Held,
            (false, false) if self.is_due(now) => KeptState::Due,
            (false, false) => KeptState::Kept,
        }
    }

    /// Its term has passed and nothing holds it.
    pub fn is_due(&self, now: Timestamp) -> bool {
        !self.held && self.until.is_some_and(|t| t <= now)
    }

    /// Seconds.
    pub fn duration_s(&self) -> f64 {
        self.duration_us as f64 / 1e6
    }

    /// The sidecar's path under `root`.
    pub fn json(&self, root: &Path) -> PathBuf {
        root.join(&self.path)
    }

    /// The audio's path under `root`.
    pub fn wav(&self, root: &Path) -> PathBuf {
        root.join(&self.path).with_extension("wav")
    }

    /// One that says nothing, to be [filled](Row::fill).
    pub(super) fn blank() -> Row {
        Row {
            id: Uuid::nil(),
            call_group: Uuid::nil(),
            path: PathBuf::new(),
            service: None,
            direction: None,
            agent: Agent::default(),
            customer: Customer::default(),
            dialled: None,
            answered_at: Timestamp::EPOCH,
            duration_us: 0,
            ended_by: EndedBy::Recovered,
            complete: false,
            one_way: false,
            marks: AssuranceMarks::default(),
            held: false,
            unconfirmed_since: None,
            restricted: false,
            missing: false,
            until: None,
            wav_bytes: 0,
            sha256: String::new(),
            sample_rate: 0,
            quality: RecordedQuality::default(),
        }
    }

    /// From all columns.
    pub(super) fn read(r: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
        let mut row = Row::blank();
        row.fill(index_schema::ALL, r)?;
        Ok(row)
    }

    /// From these columns, over what is there: a scan of a whole store allocates nothing.
    /// What is not among them says nothing.
    pub(super) fn fill(&mut self, columns: &[Column], r: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        for (i, column) in columns.iter().enumerate() {
            self.fill_one(*column, i, r)?;
        }
        Ok(())
    }

    fn fill_one(&mut self, column: Column, i: usize, r: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        let instant = |ns: Option<i64>| ns.map(Timestamp::from_ns);
        match column {
            Column::Id => self.id = Uuid::from_bytes(r.get(i)?),
            Column::CallGroup => self.call_group = Uuid::from_bytes(r.get(i)?),
            Column::Path => {
                let path = self.path.as_mut_os_string();
                path.clear();
                path.push(place_of(i, r)?);
            }
            Column::Service => fill_text(&mut self.service, |text| text, r, i)?,
            Column::Direction => {
                self.direction = r.get_ref(i)?.as_str_or_null()?.map(|d| from_word(i, d)).transpose()?;
            }
            Column::AgentId => fill_text(&mut self.agent.id, |text| text, r, i)?,
            Column::AgentName => fill_text(&mut self.agent.name, Pii::expose_mut, r, i)?,
            Column::Number => fill_text(&mut self.customer.number, Pii::expose_mut, r, i)?,
            Column::Withheld => self.customer.withheld = r.get(i)?,
            Column::Dialled => fill_text(&mut self.dialled, Pii::expose_mut, r, i)?,
            Column::AnsweredAt => self.answered_at = Timestamp::from_ns(r.get(i)?),
            Column::DurationUs => self.duration_us = r.get(i)?,
            Column::EndedBy => self.ended_by = from_word(i, r.get_ref(i)?.as_str()?)?,
            Column::Complete => self.complete = r.get(i)?,
            Column::OneWay => self.one_way = r.get(i)?,
            Column::Marks => self.marks = AssuranceMarks::from_bits(r.get(i)?),
            Column::Held => self.held = r.get(i)?,
            Column::Restricted => self.restricted = r.get(i)?,
            Column::Until => self.until = instant(r.get(i)?),
            Column::WavBytes => self.wav_bytes = r.get::<_, i64>(i)?.try_into().unwrap_or(0),
            Column::Sha256 => {
                self.sha256.clear();
                self.sha256.push_str(r.get_ref(i)?.as_str()?);
            }
            Column::SampleRate => self.sample_rate = r.get(i)?,
            Column::UnconfirmedSince => self.unconfirmed_since = instant(r.get(i)?),
            Column::Missing => self.missing = r.get(i)?,
            Column::Why => {
                let word = r.get_ref(i)?.as_str_or_null()?;
                self.quality.why = word.map(|word| from_word(i, word)).transpose()?;
            }
            Column::Mos => self.quality.mos_hundredths = r.get(i)?,
            Column::Lost => self.quality.lost_per_10k = r.get(i)?,
        }
        Ok(())
    }

    /// Binds [`index_schema::PUT`].
    pub(super) fn write(&self, put: &mut rusqlite::Statement<'_>) -> rusqlite::Result<usize> {
        put.execute(params![
            self.id.as_bytes(),
            self.call_group.as_bytes(),
            self.path.to_string_lossy(),
            self.service,
            self.direction.map(SqlWord),
            self.agent.id,
            self.agent.name.as_ref().map(Pii::as_str),
            self.customer.number.as_ref().map(Pii::as_str),
            self.customer.withheld,
            self.dialled.as_ref().map(Pii::as_str),
            self.answered_at.as_ns(),
            self.duration_us,
            SqlWord(self.ended_by),
            self.complete,
            self.one_way,
            self.held,
            self.restricted,
            self.until.map(Timestamp::as_ns),
            i64::try_from(self.wav_bytes).unwrap_or(i64::MAX),
            self.sha256,
            self.sample_rate,
            self.unconfirmed_since.map(Timestamp::as_ns),
            self.missing,
            short_of(self.id),
            self.marks.bits(),
            self.quality.why.map(AssuranceReason::name),
            self.quality.mos_hundredths,
            self.quality.lost_per_10k,
        ])
    }
}

/// What came of rows that were put.
#[derive(Debug, Default)]
pub(super) struct Put {
    /// In the table now.
    pub(super) taken: u64,
    /// Passed over: they have a tombstone.
    pub(super) buried: u64,
    /// Passed over: they are known at another place. Their places in what was given.
    pub(super) elsewhere: Vec<usize>,
}

/// Rows into the table.
pub(super) fn put_all(conn: &Connection, rows: &[Row]) -> rusqlite::Result<Put> {
    let mut known = conn.prepare_cached("SELECT 1 FROM tombstone WHERE id = ?1")?;
    let mut put = conn.prepare_cached(index_schema::PUT)?;
    let mut done = Put::default();
    for (i, row) in rows.iter().enumerate() {
        if known.exists([row.id.as_bytes()])? {
            done.buried += 1;
        } else if row.write(&mut put)? == 0 {
            done.elsewhere.push(i);
        } else {
            done.taken += 1;
        }
    }
    Ok(done)
}

/// An enum by its name in the sidecar.
pub(super) struct SqlWord<T>(pub(super) T);

impl<T: Serialize> ToSql for SqlWord<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match serde_json::to_value(&self.0) {
            Ok(serde_json::Value::String(s)) => Ok(ToSqlOutput::Owned(Value::Text(s))),
            _ => Err(rusqlite::Error::ToSqlConversionFailure("not a word".into())),
        }
    }
}

/// Where a sidecar lies. The index is not believed: what is no place in a store is damage.
pub(super) fn place_of<'r>(column: usize, r: &'r rusqlite::Row<'_>) -> rusqlite::Result<&'r Path> {
    parse_place(r.get_ref(column)?.as_str()?).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, "no place in a store".into())
    })
}

fn fill_text<T: Default>(
    text: &mut Option<T>,
    inside: fn(&mut T) -> &mut String,
    r: &rusqlite::Row<'_>,
    column: usize,
) -> rusqlite::Result<()> {
    match r.get_ref(column)?.as_str_or_null()? {
        None => *text = None,
        Some(new) => {
            let text = inside(text.get_or_insert_default());
            text.clear();
            text.push_str(new);
        }
    }
    Ok(())
}

fn from_word<'de, T: Deserialize<'de>>(column: usize, word: &'de str) -> rusqlite::Result<T> {
    let read: StrDeserializer<'de, WordError> = word.into_deserializer();
    T::deserialize(read)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(e)))
}
