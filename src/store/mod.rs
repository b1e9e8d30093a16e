//! Recordings on disk: what is written when, and what a crash leaves.
//!
//! Owns the folder of recordings: names ([`layout`]), audio files ([`wav`]),
//! sidecars ([`sidecar`]), the order in which both come to be ([`writer`]),
//! what a start finds after a crash ([`recover`]), and when a recording falls
//! due ([`calendar`]). Blocking `std::fs` only. Must not know of packets, SIP
//! or codecs.
//!
//! # Durability, step by step
//!
//! Each number is a [`Step`]; a test stops after each of them, starts again
//! and finds every recording whole. "Synced" means `fsync` returned; a replay
//! may leave the syncs out ([`writer::WriterOptions::sync`]), the order stays.
//!
//! | step | what is done | a crash right after it leaves | start-up makes of it |
//! | --- | --- | --- | --- |
//! | 1 | `YYYY/MM/DD` made, the parent of each new folder synced | an empty folder | nothing |
//! | 2 | `NAME.json.part` made with a provisional sidecar (`ended_by: recovered`, `complete: false`) | metadata without audio | a recording of zero length, `recovered` |
//! | 3 | `NAME.wav.part` made with the header of an empty file | both parts | a recording of zero length, `recovered` |
//! | 4 | sidecar and folder synced; the call is being recorded | both parts | `recovered`, all whole frames kept |
//! | - | blocks appended; the header rewritten at each flush, not synced | both parts, a header that may lag behind | `recovered`, all whole frames kept |
//! | 5 | close: length cut to whole frames, final header, WAV synced; where that fails, all of it is written again before the next try | both parts, the WAV whole | `recovered` |
//! | 6 | the final sidecar with the WAV's SHA-256 in `NAME.json.part.new`, synced | the final sidecar, not yet in its place | finished as it was meant to be |
//! | 7 | renamed over `NAME.json.part` | both parts, both final | finished as it was meant to be |
//! | 8 | `NAME.wav.part` renamed to `NAME.wav` | the WAV in place | finished as it was meant to be |
//! | 9 | `NAME.json.part` renamed to `NAME.json` | a finished recording | nothing |
//! | 10 | the folder synced: the recording is durable | a finished recording | nothing |
//!
//! While a call runs its names may change ([`writer::RecordingWriter::rename`]):
//! the provisional sidecar is rewritten, then renamed, then the audio. A crash
//! between the two renames leaves them apart; recovery knows them by the answer
//! and the id in their names and brings the audio to the sidecar.
//!
//! Recovery walks 5 to 10 again with what it finds, so it may itself be killed
//! after any of them. A sidecar whose `audio.sha256` is that of the WAV beside
//! it is final and is never rewritten by recovery.
//!
//! A later edit of a finished sidecar ([`sidecar::rewrite_atomically`]) writes
//! `NAME.json.new`, syncs it, renames it over `NAME.json` and syncs the folder.
//! A `.new` found beside a whole `NAME.json` is an edit that never happened;
//! recovery removes it. Nothing else is ever deleted by recovery.

pub mod amendment;
pub mod assurance;
pub mod assured;
pub mod calendar;
pub mod call_assurance;
pub mod cases;
mod error;
pub mod event_kind;
pub mod files;
pub mod heartbeat;
pub mod jsonl;
pub mod layout;
pub mod legible;
pub mod lock;
pub mod mark;
pub mod probe_state;
pub mod recover;
pub mod register;
pub mod sidecar;
mod steps;
pub mod training;
pub mod undecoded;
pub mod wav;
pub mod word;
pub mod writer;

pub use error::StoreError;
pub use steps::{Step, Steps, Stopped};
