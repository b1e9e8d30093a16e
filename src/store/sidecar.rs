//! `NAME.json`: what is known about one recording. Schema 1.
//!
//! One object, UTF-8; unknown is `null`, never invented. Keys are added, never
//! repurposed; keys this version does not know survive an edit. Reading and
//! writing is `read_write`. Must not know when or in what order files are written.

mod read_write;
#[cfg(test)]
mod tests;

pub(super) use read_write::{create, scratch_of};
pub use read_write::{read_bytes, read_text, read_value, rewrite_atomically, write_atomically};

pub use crate::call::{Agent, Customer, EndedBy, WaitingLeg};

use super::amendment::Amendments;
use super::assurance::Assurance;
use super::calendar::until_string;
use super::cases::{Holds, Restrictions};
use super::event_kind::{EventKind, StreamSource};
use super::legible::Legible;
use super::wav::{WavEncoding, WavSpec};
use super::word::Word;
use crate::config::{CallDirection, HideDigits, PauseBy, RetentionBound, Term};
use crate::id::Channel;
use crate::pii::{Pii, stored};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use std::path::{Component, Path};
use uuid::Uuid;

/// The schema this version reads and writes.
pub const SCHEMA: u32 = 1;

/// The whole sidecar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sidecar {
    /// Always 1.
    pub schema: u32,
    /// UUIDv7 of the recording.
    pub id: Uuid,
    /// Shared by the recordings of one customer contact.
    pub call_group: Uuid,
    /// File name of the audio, without folder. Part of it is the customer's number.
    #[serde(with = "stored")]
    pub wav: Pii<String>,
    /// Service name; unknown only where a crash took the metadata.
    pub service: Option<String>,
    /// Who called whom; unknown as above.
    pub direction: Option<CallDirection>,
    /// Who of the house took part.
    pub agent: Agent,
    /// The other party.
    pub customer: Customer,
    /// The number the contact was made to.
    #[serde(default, with = "stored")]
    pub dialled: Option<Pii<String>>,
    /// The answer, to the microsecond.
    pub answered_at: Timestamp,
    /// The end, to the microsecond.
    pub ended_at: Timestamp,
    /// Seconds, to the microsecond.
    #[serde(serialize_with = "micro")]
    pub duration_s: f64,
    /// What ended it.
    pub ended_by: EndedBy,
    /// `false` if the start or the end was not seen, or audio was lost inside the recorder.
    pub complete: bool,
    /// Signalling.
    pub sip: SipInfo,
    /// The WAV.
    pub audio: Audio,
    /// One per RTP stream.
    pub streams: Vec<Stream>,
    /// What happened, in order.
    pub events: Vec<EventRecord>,
    /// When it falls due.
    pub retention: RetentionRecord,
    /// The rule of the service under which it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<AppliedPolicy>,
    /// What closed it to listening and export.
    #[serde(default, skip_serializing_if = "Restrictions::is_unset")]
    pub restricted: Restrictions,
    /// What was corrected of all this.
    #[serde(default, skip_serializing_if = "Amendments::is_unset")]
    pub amendments: Amendments,
    /// Seconds of it in which somebody had it paused; left out where there are none.
    #[serde(default, skip_serializing_if = "is_zero", serialize_with = "micro")]
    pub paused_s: f64,
    /// Sound that could not be decoded and is kept as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecoded: Option<UndecodedPayload>,
    /// In which bucket its call is, and why. Not told by earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assurance: Option<Legible<Assurance>>,
    /// How long the caller had been answered, or heard early media, when the agent answered, seconds;
    /// [`None`] where that is not known, or the agent called.
    #[serde(default, serialize_with = "micro_or_null")]
    pub before_agent_s: Option<f64>,
    /// What the caller heard meanwhile, for the most part.
    #[serde(default)]
    pub before_agent_leg: Option<Legible<WaitingLeg>>,
    /// Top-level keys of later versions, kept as they came.
    #[serde(flatten, with = "stored")]
    pub extra: Pii<serde_json::Map<String, serde_json::Value>>,
}

/// `sip`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipInfo {
    /// As received; unknown only where a crash took the metadata.
    pub call_id: Option<String>,
}

/// `audio`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audio {
    /// Hz.
    pub sample_rate: u32,
    /// How samples are stored.
    pub encoding: WavEncoding,
    /// [`Channel::BOTH`].
    pub channels: Vec<Channel>,
    /// Samples per channel.
    pub frames: u64,
    /// Of the whole WAV file, lower-case hexadecimal; empty while the call runs.
    pub sha256: String,
}

/// One RTP stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// Who spoke.
    pub channel: Channel,
    /// Encoding name as in SDP: `PCMA`, `G722`, `opus`, `G729`.
    pub codec: String,
    /// `0x1a2b3c4d`.
    pub ssrc: String,
    /// What speaks for the address it came from: `claimed` by the party's description, where a
    /// `nat` shows the party, a `candidate` of its description, or `other`, which is anybody's.
    /// Not told by earlier releases.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<Word<StreamSource>>,
    /// Distinct packets between answer and end.
    pub packets: u64,
    /// RFC 3550 A.3, between the first and the last of them.
    pub lost: u64,
    /// Came too late for its place.
    pub late: u64,
    /// Copies.
    pub duplicates: u64,
    /// RFC 3550 A.8, the largest value it reached.
    #[serde(serialize_with = "milli")]
    pub jitter_ms: f64,
    /// Rate of the sender's RTP clock against the capture's, parts per million; positive where the
    /// sender's is the faster. `null` where it could not be told. Not told by earlier releases.
    #[serde(default, serialize_with = "milli_or_null")]
    pub skew_ppm: Option<f64>,
    /// Estimate by ITU-T G.107; `null` where the codec has no known impairment.
    #[serde(serialize_with = "milli_or_null")]
    pub mos: Option<f64>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Seconds from the answer, to the microsecond.
    #[serde(serialize_with = "micro")]
    pub at_s: f64,
    /// `hold`, `resume`, `dtmf`, `codec`, `pause`, `intruder`, a fault of the sound ...
    pub kind: Word<EventKind>,
    /// Encoding name, for `codec`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub codec: Option<String>,
    /// Who caused it, where one side did; of a fault of the sound, whose sound it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<Channel>,
    /// Where it ends, likewise, for `pause` and for a fault of the sound, which may last to the end.
    #[serde(skip_serializing_if = "Option::is_none", default, serialize_with = "micro_or_null")]
    pub end_s: Option<f64>,
    /// What asked for it, for `pause`: `key`, `header`, `info`, `command`, `http`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<Word<PauseBy>>,
    /// What ended it, for `pause`: the same, or `limit`. Missing where the call ended first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resumed_by: Option<Word<PauseBy>>,
}

impl EventRecord {
    /// One that is told by its time and its kind alone.
    pub fn new(at_s: f64, kind: impl Into<Word<EventKind>>) -> EventRecord {
        let kind = kind.into();
        EventRecord { at_s, kind, codec: None, channel: None, end_s: None, by: None, resumed_by: None }
    }
}

/// `retention`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionRecord {
    /// The instant it falls due, to the second. Unknown only where a
    /// crash took the metadata and no rule stands in for it.
    #[serde(serialize_with = "seconds_or_null")]
    pub until: Option<Timestamp>,
    /// What holds it.
    #[serde(default)]
    pub hold: Holds,
}

/// `policy`: from what `retention.until` and the number left of the customer's came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedPolicy {
    /// How long: `6 months`. A record of what was promised; what is due says `retention.until` alone.
    pub retention: Legible<Term>,
    /// Which edge of the anniversary.
    pub retention_bound: RetentionBound,
    /// Whose days.
    pub timezone: Option<String>,
    /// How many digits are hidden.
    pub hide_caller_digits: HideDigits,
    /// The tones of keys are silenced; left out where they are not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silence_tones: bool,
}

impl AppliedPolicy {
    /// It says for how long.
    pub const fn is_legible(&self) -> bool {
        self.retention.known().is_some()
    }
}

/// `undecoded`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndecodedPayload {
    /// File name, without folder. Part of it is the customer's number.
    #[serde(with = "stored")]
    pub file: Pii<String>,
    /// Of the whole file, lower-case hexadecimal.
    pub sha256: String,
    /// Nothing else is missing from the recording.
    pub else_complete: bool,
    /// When the sound of it was made, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoded_at: Option<Timestamp>,
}

impl UndecodedPayload {
    /// Of a recording whose files are not finished; nothing is told where no payload was kept.
    pub fn begin(else_complete: bool) -> UndecodedPayload {
        let (file, sha256) = (Pii::default(), String::new());
        UndecodedPayload { file, sha256, else_complete, decoded_at: None }
    }
}

/// Why a sidecar is not one: the key, and what is wrong with it. Values are
/// left out, they may be personal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {what}")]
pub struct Invalid {
    /// The key, dotted.
    pub key: &'static str,
    /// What is wrong.
    pub what: &'static str,
}

impl Sidecar {
    /// Judges what serde cannot: ranges, times, names. A sidecar of a running
    /// call (no hash yet) passes.
    pub fn check(&self) -> Result<(), Invalid> {
        let must = |ok: bool, key, what| if ok { Ok(()) } else { Err(Invalid { key, what }) };
        must(self.schema == SCHEMA, "schema", "is not 1")?;
        must(is_wav_name(self.wav.expose()), "wav", "is not a bare file name ending in .wav")?;
        must(self.answered_at <= self.ended_at, "ended_at", "lies before answered_at")?;
        must(is_length(self.duration_s), "duration_s", "is not a length of time")?;
        must(self.audio.sample_rate > 0, "audio.sample_rate", "is zero")?;
        must(self.audio.channels == Channel::BOTH, "audio.channels", "is not customer, agent")?;
        must(is_sha256(&self.audio.sha256), "audio.sha256", "is not 64 lower-case hexadecimal digits")?;
        must(
            self.streams.iter().all(|s| is_length(s.jitter_ms)),
            "streams.jitter_ms",
            "is not a length of time",
        )?;
        let are_finite =
            |of: fn(&Stream) -> Option<f64>| self.streams.iter().filter_map(of).all(f64::is_finite);
        must(are_finite(|s| s.mos), "streams.mos", "is not a number")?;
        must(are_finite(|s| s.skew_ppm), "streams.skew_ppm", "is not a number")?;
        let is_hash = |u: &UndecodedPayload| is_sha256(&u.sha256);
        must(
            self.undecoded.as_ref().is_none_or(is_hash),
            "undecoded.sha256",
            "is not 64 lower-case hexadecimal digits",
        )?;
        must(is_length(self.paused_s), "paused_s", "is not a length of time")?;
        must(self.before_agent_s.is_none_or(is_length), "before_agent_s", "is not a length of time")?;
        must(self.events.iter().all(|e| is_length(e.at_s)), "events.at_s", "is not a length of time")?;
        must(
            self.events.iter().filter_map(|e| e.end_s).all(is_length),
            "events.end_s",
            "is not a length of time",
        )
    }

    /// Pauses end with the recording at the latest: one that lasted is silence to the end.
    pub fn end_pauses(&mut self) {
        let length_s = self.duration_s;
        self.events.retain(|e| e.kind != EventKind::Pause || e.at_s < length_s);
        let pauses = self.events.iter_mut().filter(|e| e.kind == EventKind::Pause);
        let lengths = pauses.map(|e| {
            let end_s = e.end_s.unwrap_or(length_s).min(length_s);
            e.end_s = Some(end_s);
            end_s - e.at_s
        });
        self.paused_s = lengths.sum();
    }

    /// What of a text that is no sidecar is none of the values its key may have.
    fn wrong_value(value: &serde_json::Value) -> Option<Invalid> {
        let is_instant = |text: &str| parse_rfc3339(text).is_some();
        let is_encoding = |text: &str| WavEncoding::ALL.iter().any(|e| e.name() == text);
        let instant = (&is_instant as &dyn Fn(&str) -> bool, "is not an RFC 3339 instant");
        let encoding = (&is_encoding as &dyn Fn(&str) -> bool, "is not pcm_s16le, alaw or mulaw");
        let keys = [
            ("/answered_at", "answered_at", instant),
            ("/ended_at", "ended_at", instant),
            ("/retention/until", "retention.until", instant),
            ("/audio/encoding", "audio.encoding", encoding),
        ];
        keys.into_iter().find_map(|(at, key, (is_right, what))| {
            let text = value.pointer(at)?.as_str()?;
            (!is_right(text)).then_some(Invalid { key, what })
        })
    }
}

impl Audio {
    /// Rate and encoding of the file.
    pub fn spec(&self) -> WavSpec {
        WavSpec { rate: self.sample_rate, encoding: self.encoding }
    }

    /// The audio of a recording that has none yet.
    pub fn begin(sample_rate: u32, encoding: WavEncoding) -> Audio {
        Audio { sample_rate, encoding, channels: Channel::BOTH.to_vec(), frames: 0, sha256: String::new() }
    }
}

/// An instant as the sidecar writes it.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(text)
}

fn is_wav_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(n)), None) if n == name)
        && name.len() > 4
        && name.ends_with(".wav")
}

fn is_length(n: f64) -> bool {
    n.is_finite() && n >= 0.0
}

fn is_sha256(s: &str) -> bool {
    s.is_empty() || (s.len() == 64 && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

/// An instant to the second, as `retention.until` has it.
pub(crate) fn seconds_or_null<S: Serializer>(at: &Option<Timestamp>, s: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => s.serialize_str(&until_string(*at)),
        None => s.serialize_none(),
    }
}

fn micro<S: Serializer>(n: &f64, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_f64((n * 1e6).round() / 1e6)
}

fn micro_or_null<S: Serializer>(n: &Option<f64>, s: S) -> Result<S::Ok, S::Error> {
    match n {
        Some(n) => micro(n, s),
        None => s.serialize_none(),
    }
}

fn milli<S: Serializer>(n: &f64, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_f64((n * 1e3).round() / 1e3)
}

fn is_zero(n: &f64) -> bool {
    *n == 0.0
}

fn milli_or_null<S: Serializer>(n: &Option<f64>, s: S) -> Result<S::Ok, S::Error> {
    match n {
        Some(n) => milli(n, s),
        None => s.serialize_none(),
    }
}
