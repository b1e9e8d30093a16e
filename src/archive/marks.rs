//! What a sidecar says against its recording, as the index keeps it: a bit for each.

use crate::store::assurance::AssuranceBucket;
use crate::store::event_kind::EventKind;
use crate::store::legible::Legible;
use crate::store::sidecar::Sidecar;
use crate::tape::FaultKind;

/// One thing that can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AssuranceMark {
    /// Its call is not in it whole.
    Partial = 1,
    /// Sound was left out on purpose.
    Paused = 2,
    /// The caller heard too little before the agent.
    NoAnnouncement = 4,
    /// A side was digital silence for a while.
    Silent = 8,
    /// A side was far too quiet for a while.
    Quiet = 16,
    /// A side was overdriven for a while.
    Clipped = 32,
    /// Sound could not be decoded, or was encrypted.
    Undecodable = 64,
}

impl AssuranceMark {
    pub(super) const ALL: [AssuranceMark; 7] = [
        AssuranceMark::Partial,
        AssuranceMark::Paused,
        AssuranceMark::NoAnnouncement,
        AssuranceMark::Silent,
        AssuranceMark::Quiet,
        AssuranceMark::Clipped,
        AssuranceMark::Undecodable,
    ];

    /// As lists have it, and what `--flag` asks for.
    pub const fn name(self) -> &'static str {
        match self {
            AssuranceMark::Partial => "partial",
            AssuranceMark::Paused => "paused",
            AssuranceMark::NoAnnouncement => "no-announcement",
            AssuranceMark::Silent => "silent",
            AssuranceMark::Quiet => "quiet",
            AssuranceMark::Clipped => "clipped",
            AssuranceMark::Undecodable => "undecodable",
        }
    }

    /// What it says, in a sentence.
    pub const fn describe(self) -> &'static str {
        match self {
            AssuranceMark::Partial => "Its call is not in it whole: its assurance says why",
            AssuranceMark::Paused => "Sound was left out on purpose",
            AssuranceMark::NoAnnouncement => {
                "The caller heard less than the service's announcement_min before the agent"
            }
            AssuranceMark::Silent => {
                "A side was digital silence for a while, from the beginning or after a hold"
            }
            AssuranceMark::Quiet => "A side was far too quiet for a while",
            AssuranceMark::Clipped => "A side was overdriven for a while",
            AssuranceMark::Undecodable => "Sound could not be decoded, or was encrypted",
        }
    }

    /// The kinds of events that say so.
    const fn kinds(self) -> &'static [EventKind] {
        match self {
            AssuranceMark::Partial => &[],
            // Whatever else is wrong with it.
            AssuranceMark::Paused => &[EventKind::Pause],
            AssuranceMark::NoAnnouncement => &[EventKind::NoAnnouncement],
            AssuranceMark::Silent => &[EventKind::Fault(FaultKind::Silent)],
            AssuranceMark::Quiet => &[EventKind::Fault(FaultKind::Quiet)],
            AssuranceMark::Clipped => &[EventKind::Fault(FaultKind::Clipped)],
            AssuranceMark::Undecodable => {
                &[EventKind::Fault(FaultKind::Undecodable), EventKind::Fault(FaultKind::Encrypted)]
            }
        }
    }
}

/// All that is said of one recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssuranceMarks(u8);

impl AssuranceMarks {
    /// What this sidecar says.
    pub fn of(s: &Sidecar) -> AssuranceMarks {
        let bucket = s.assurance.as_ref().and_then(Legible::known).map(|a| a.bucket);
        let is_so = |mark: &AssuranceMark| match mark {
            AssuranceMark::Partial => bucket == Some(AssuranceBucket::Partial),
            // What was decoded later is whole.
            AssuranceMark::Undecodable if s.complete => false,
            other => s.events.iter().any(|e| other.kinds().iter().any(|kind| e.kind == *kind)),
        };
        AssuranceMarks(AssuranceMark::ALL.iter().filter(|m| is_so(m)).fold(0, |all, m| all | *m as u8))
    }

    /// Is this said?
    pub const fn has(self, mark: AssuranceMark) -> bool {
        self.0 & mark as u8 != 0
    }

    /// All that is said.
    pub fn iter(self) -> impl Iterator<Item = AssuranceMark> {
        AssuranceMark::ALL.into_iter().filter(move |m| self.has(*m))
    }

    /// As the index stores it.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Out of the index.
    pub const fn from_bits(bits: u8) -> AssuranceMarks {
        AssuranceMarks(bits)
    }
}
