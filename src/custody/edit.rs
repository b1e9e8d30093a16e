//! What an edit of a sidecar comes to: of one recording, and of several.

use crate::store::StoreError;
use uuid::Uuid;

/// What one recording says to an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditResult {
    /// It was changed.
    Made,
    /// It is so already.
    Not,
    /// It cannot be changed, and why.
    Refused(EditRefusal),
}

/// Why a recording cannot be changed, in the words of lists, answers and the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditRefusal {
    /// A hold written by a later version.
    #[error("it is held in a way that this version cannot read")]
    HoldUnreadable,
    /// The case is there with another reason.
    #[error("it is held for that case already, with another reason")]
    HeldOtherwise,
    /// [`crate::store::cases::MAX_CASES`] holds.
    #[error("it has as many holds as there can be")]
    TooManyHolds,
    /// No hold.
    #[error("it is not held")]
    NotHeld,
    /// Holds, and none of that case.
    #[error("it is held, but not for that case")]
    NotHeldForCase,
    /// No case was named, and there are several.
    #[error("several cases hold it: name one with --ref")]
    SeveralHolds,
    /// A restriction written by a later version.
    #[error("it is restricted in a way that this version cannot read")]
    RestrictionUnreadable,
    /// [`crate::store::cases::MAX_CASES`] restrictions.
    #[error("it has as many restrictions as there can be")]
    TooManyRestrictions,
    /// No restriction.
    #[error("it is not restricted")]
    NotRestricted,
    /// Restrictions, and none of that case.
    #[error("it is restricted, but not for that case")]
    NotRestrictedForCase,
    /// An amendment written by a later version.
    #[error("it was amended in a way that this version cannot read")]
    AmendmentUnreadable,
    /// [`crate::store::cases::MAX_CASES`] amendments.
    #[error("it was amended as often as it can be")]
    TooManyAmendments,
    /// The caller's number must not be kept at all.
    #[error("the caller asked for privacy: no number is kept")]
    Withheld,
    /// Neither the recording nor its service says how many digits are hidden.
    #[error("it is not known how much of a number may be kept of it")]
    HidingUnknown,
    /// No new sound for what is restricted.
    #[error("it is restricted")]
    Restricted,
    /// No new sound for what is held.
    #[error("it is on hold: its audio stays as it is until the hold ends")]
    OnHold,
    /// The hash of the kept payload is another.
    #[error("its kept payload is not the one its sidecar speaks of")]
    OtherPayload,
    /// The hash of the audio is another.
    #[error("its audio is not the one its sidecar speaks of")]
    OtherAudio,
    /// No decoder for the kept payload.
    #[error("nothing here can decode its payload")]
    NoDecoder,
    /// Somebody else was quicker.
    #[error("it was changed meanwhile")]
    ChangedMeanwhile,
}

/// What an edit of several recordings came to.
#[derive(Debug, Default)]
pub struct Amended {
    /// Changed.
    pub made: Vec<Uuid>,
    /// So already.
    pub not: Vec<Uuid>,
    /// Cannot be changed, and why.
    pub refused: Vec<(Uuid, EditRefusal)>,
    /// Could not be read or written, and why.
    pub failed: Vec<(Uuid, StoreError)>,
}

impl Amended {
    /// And those.
    pub(super) fn add(&mut self, other: Amended) {
        self.made.extend(other.made);
        self.not.extend(other.not);
        self.refused.extend(other.refused);
        self.failed.extend(other.failed);
    }

    /// Nothing was refused and nothing failed.
    pub fn is_clean(&self) -> bool {
        self.refused.is_empty() && self.failed.is_empty()
    }
}
