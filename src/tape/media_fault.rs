//! What can be wrong with the sound of a call, and when it was.

use crate::id::Channel;

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// Nothing of the call passes the capture point.
    NoRtp,
    /// One side is not heard while the other is.
    OneWay,
    /// One side has sent nothing but digital silence so far.
    Silent,
    /// One side is far below the usual level.
    Quiet,
    /// One side is overdriven.
    Clipped,
    /// What one side sends cannot be decoded.
    Undecodable,
    /// What one side sends is encrypted under a key that is not known.
    Encrypted,
    /// Packets of one side are lost before they come here.
    NetworkLoss,
    /// The same, and the recorder or its host dropped packets meanwhile.
    CaptureLoss,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [FaultKind; 9] = [
        FaultKind::NoRtp,
        FaultKind::OneWay,
        FaultKind::Silent,
        FaultKind::Quiet,
        FaultKind::Clipped,
        FaultKind::Undecodable,
        FaultKind::Encrypted,
        FaultKind::NetworkLoss,
        FaultKind::CaptureLoss,
    ];

    /// The sidecar's `events[].kind`.
    pub const fn name(self) -> &'static str {
        match self {
            FaultKind::NoRtp => "no_rtp",
            FaultKind::OneWay => "one_way",
            FaultKind::Silent => "silent",
            FaultKind::Quiet => "quiet",
            FaultKind::Clipped => "clipped",
            FaultKind::Undecodable => "undecodable",
            FaultKind::Encrypted => "encrypted",
            FaultKind::NetworkLoss => "network_loss",
            FaultKind::CaptureLoss => "capture_loss",
        }
    }

    /// Somebody ought to be heard and is not: on hold nobody is.
    pub(super) const fn is_of_absence(self) -> bool {
        matches!(self, FaultKind::NoRtp | FaultKind::OneWay | FaultKind::Silent | FaultKind::Quiet)
    }
}

/// One fault, as long as it lasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultSpan {
    /// What.
    pub kind: FaultKind,
    /// Whose sound it is; of no RTP nobody's.
    pub channel: Option<Channel>,
    /// Since when, nanoseconds from the answer.
    pub from_ns: i64,
    /// Until when, likewise; [`None`]: to the end, or still.
    pub until_ns: Option<i64>,
}

/// Some of the kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultSet(u16);

impl FaultSet {
    /// Adds a kind; true where it was not there.
    pub fn insert(&mut self, kind: FaultKind) -> bool {
        let is_new = !self.contains(kind);
        self.0 |= 1 << kind as u16;
        is_new
    }

    /// Is it there?
    pub const fn contains(self, kind: FaultKind) -> bool {
        self.0 >> kind as u16 & 1 == 1
    }

    /// Those of `spans`.
    pub fn of<'a>(spans: impl IntoIterator<Item = &'a FaultSpan>) -> FaultSet {
        let mut all = FaultSet::default();
        for span in spans {
            all.insert(span.kind);
        }
        all
    }

    /// The kinds that are there in one of them only.
    pub fn changed(self, other: FaultSet) -> impl Iterator<Item = FaultKind> {
        let both = FaultSet(self.0 ^ other.0);
        FaultKind::ALL.into_iter().filter(move |kind| both.contains(*kind))
    }
}
