//! `NAME.json`: what is known about one recording. Schema 1.
//!
//! One object, UTF-8; unknown is `null`, never invented. Keys are added, never
//! repurposed.

use crate::config::CallDirection;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The whole sidecar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sidecar {
    /// Always 1.
    pub schema: u32,
    /// UUIDv7 of the recording.
    pub id: Uuid,
    /// Shared by the recordings of one customer contact.
    pub call_group: Uuid,
    /// File name of the audio, without folder.
    pub wav: String,
    /// Service name.
    pub service: String,
    /// Who called whom.
    pub direction: CallDirection,
    /// Who of the house took part.
    pub agent: Agent,
    /// The other party.
    pub customer: Customer,
    /// The number the contact was made to.
    pub dialled: Option<String>,
    /// RFC 3339 UTC, microseconds.
    pub answered_at: String,
    /// RFC 3339 UTC, microseconds.
    pub ended_at: String,
    /// Seconds.
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
    pub events: Vec<Event>,
    /// When it falls due.
    pub retention: Retention,
}

/// `agent`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Extension or id.
    pub id: Option<String>,
    /// From `agents.names`.
    pub name: Option<String>,
}

/// `customer`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Already truncated.
    pub number: Option<String>,
    /// The caller asked for privacy.
    pub withheld: bool,
}

/// `ended_by`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The customer sent BYE.
    Customer,
    /// The agent sent BYE.
    Agent,
    /// The agent passed the call on.
    Transfer,
    /// No media for `sip.media_timeout`.
    Timeout,
    /// The recorder was stopped.
    Shutdown,
    /// Finished after a crash.
    Recovered,
    /// The capture file ended.
    CaptureEnd,
}

/// `sip`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipInfo {
    /// As received.
    pub call_id: String,
}

/// `audio`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audio {
    /// Hz.
    pub sample_rate: u32,
    /// `pcm_s16le`, `alaw` or `mulaw`.
    pub encoding: String,
    /// `["customer", "agent"]`.
    pub channels: Vec<String>,
    /// Samples per channel.
    pub frames: u64,
    /// Of the whole WAV file, lower-case hexadecimal.
    pub sha256: String,
}

/// One RTP stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// `customer` or `agent`.
    pub channel: String,
    /// Encoding name as in SDP: `PCMA`, `G722`, `opus`, `G729`.
    pub codec: String,
    /// `0x1a2b3c4d`.
    pub ssrc: String,
    /// Distinct packets between answer and end.
    pub packets: u64,
    /// RFC 3550 A.3, between the first and the last of them.
    pub lost: u64,
    /// Came too late for its place.
    pub late: u64,
    /// Copies.
    pub duplicates: u64,
    /// RFC 3550 A.8, the largest value it reached.
    pub jitter_ms: f64,
    /// Estimate by ITU-T G.107; `null` where the codec has no known impairment.
    pub mos: Option<f64>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds from the answer.
    pub at_s: f64,
    /// `hold`, `resume`, `dtmf`, `codec`, `pause` ...
    pub kind: String,
    /// Encoding name, for `codec`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub codec: Option<String>,
    /// `customer` or `agent`, where one side caused it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<String>,
}

/// `retention`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// RFC 3339 UTC, seconds: the instant it falls due.
    pub until: String,
    /// `null`, or what holds it.
    pub hold: Option<serde_json::Value>,
}
