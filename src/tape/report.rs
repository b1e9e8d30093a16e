//! What is told of a tape when it ends, or while it runs.

use super::media_fault::FaultSpan;
use crate::codec::CodecSpec;
use crate::config::PauseBy;
use crate::id::Channel;
use crate::rtp::standing::Standing;
use std::sync::Arc;

/// What happened on the media of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct TapeEvent {
    /// Nanoseconds from the answer.
    pub at_ns: i64,
    /// On which side.
    pub channel: Channel,
    /// What.
    pub kind: TapeEventKind,
}

/// Kinds of [`TapeEvent`].
#[derive(Clone, Debug, PartialEq)]
pub enum TapeEventKind {
    /// A key was pressed (RFC 4733), or its tones were heard. Which one is not known here.
    KeyPress,
    /// The codec changed to this encoding name.
    Codec(String),
    /// Somebody whom nothing connects with the party began to send to it.
    Intruder,
}

/// One stretch in which nothing was recorded because somebody wanted it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PauseReport {
    /// Nanoseconds from the answer.
    pub from_ns: i64,
    /// Likewise; `None` while it lasts.
    pub until_ns: Option<i64>,
    /// What asked for it.
    pub by: PauseBy,
    /// What ended it; `None` while it lasts, and where the call ended first.
    pub resumed_by: Option<PauseBy>,
}

/// One RTP stream of a finished tape.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamReport {
    /// Whose.
    pub channel: Channel,
    /// Encoding name, `unknown` where none was ever stated.
    pub codec: String,
    /// RFC 3550 synchronisation source.
    pub ssrc: u32,
    /// What speaks for the address it came from, at best.
    pub source: Standing,
    /// Distinct packets.
    pub packets: u64,
    /// RFC 3550 A.3.
    pub lost: u64,
    /// Patched in after their frames were written.
    pub late: u64,
    /// Copies.
    pub duplicates: u64,
    /// RFC 3550 A.8, largest.
    pub jitter_ms: f64,
    /// Rate of the sender's RTP clock against the capture's, parts per million to a tenth; positive where
    /// the sender's is the faster. `None` where it cannot be told within a few.
    pub skew_ppm: Option<f64>,
    /// ITU-T G.107 estimate.
    pub mos: Option<f64>,
}

impl StreamReport {
    /// The SSRC as the sidecar has it: `0x1a2b3c4d`.
    pub fn ssrc_text(&self) -> String {
        format!("0x{:08x}", self.ssrc)
    }
}

/// A finished tape.
#[derive(Clone, Debug, PartialEq)]
pub struct TapeReport {
    /// Frames per channel.
    pub frames: u64,
    /// Every stream heard.
    pub streams: Vec<StreamReport>,
    /// In order of time.
    pub events: Vec<TapeEvent>,
    /// In order of time; each has an end.
    pub pauses: Vec<PauseReport>,
    /// Those that began or ended since [`super::Hush::news`] was last asked; true: ended.
    pub pause_news: Vec<(PauseReport, bool)>,
    /// What was wrong with the sound, in order of time.
    pub faults: Vec<FaultSpan>,
    /// Some of the sound could not be decoded, by channel; some was encrypted under a key that is not known.
    pub senseless: [[bool; 2]; 2],
    /// What is not in it, though it was sent.
    pub missing: Missing,
    /// The packets came much faster than their sound lasts: the capture's times are
    /// not those of the call.
    pub is_rushed: bool,
    /// What was beyond a bound and is told nowhere else.
    pub left_out: LeftOut,
    /// Packets by codec since [`super::Tape::take_heard`] was last asked.
    pub heard: Vec<CodecPackets>,
    /// What else was counted since [`super::Tape::take_counts`] was last asked.
    pub counts: PacketCounts,
}

/// What of the sound that was sent is not in a recording; the worst comes last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// None of it.
    #[default]
    Nothing,
    /// What nobody here can decode, and nothing else.
    Undecoded,
    /// Other sound.
    Sound,
}

impl TapeReport {
    /// Nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.missing == Missing::Nothing
    }
}

/// Packets, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketCounts {
    /// Datagrams that held several packets.
    pub split: u64,
    /// Sealed, and opened with a key that was signalled.
    pub opened: u64,
    /// Not opened by any, though others of their stream were.
    pub rejected: u64,
}

/// What a tape had no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Packets of sources beyond the bound: their sound is missing.
    pub packets: u64,
    /// Streams whose counts were added to another's.
    pub streams: u64,
    /// Events.
    pub events: u64,
}

/// Packets of one codec; `None` where nobody said what their payload type means.
pub type CodecPackets = (Option<Arc<CodecSpec>>, u64);
