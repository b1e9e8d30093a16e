//! Where a flow's packets go.

use crate::id::{Channel, RecordingId};
use crate::rtp::standing::Standing;
use smallvec::SmallVec;

/// A recording as the router needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which recording.
    pub recording: RecordingId,
    /// Which channel.
    pub channel: Channel,
    /// Distance of the signalling hop from the agent; 0 is nearest.
    pub rank: u8,
    /// What speaks for where it comes from.
    pub standing: Standing,
}

/// Where a flow's packets go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// No claim fits.
    Unmatched,
    /// Several calls could own it, or claims contradict one another.
    /// `Pairing::poll_incomplete` says whose recordings miss it.
    Doubt,
    /// Belongs to a call that is not being recorded.
    NotRecorded,
    /// To these recordings; more than one only when several legs share direct media.
    Record(SmallVec<[Target; 1]>),
}

impl Route {
    /// A clone, without ado where there is one target or none, as nearly always.
    #[inline]
    pub(super) fn copied(&self) -> Route {
        match self {
            Route::Unmatched => Route::Unmatched,
            Route::Doubt => Route::Doubt,
            Route::NotRecorded => Route::NotRecorded,
            Route::Record(targets) => match targets[..] {
                [one] => Route::Record(SmallVec::from_buf([one])),
                _ => Route::Record(targets.clone()),
            },
        }
    }
}
