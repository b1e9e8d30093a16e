//! What came of a deletion, and why something was not deleted.

use crate::store::StoreError;
use uuid::Uuid;

/// Why a recording, or what is left of one, was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum NotDeleted {
    /// Nobody can say that it is not held.
    #[error("it may be on hold: its sidecar cannot be read")]
    MayBeHeld,
    /// Files of a deleted recording that nobody may remove by a sweep.
    #[error(
        "was deleted, but files of it have come back that are on hold or cannot be read: run `nauhuri verify`"
    )]
    CameBackHeld,
    /// By their name, which ends in digits of its id, the files are another's.
    #[error("the index names the files of another recording; run `nauhuri reindex`")]
    Misnamed,
    /// The storage refuses, or holds another recording there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of a deletion.
#[derive(Debug, Default)]
pub struct Deleted {
    /// Gone, with the service.
    pub gone: Vec<(Uuid, Option<String>)>,
    /// Held: untouched.
    pub held: Vec<Uuid>,
    /// Not due after all, says the sidecar: untouched, the index corrected.
    pub not_due: Vec<Uuid>,
    /// Buried, but a file could not be removed: tried again by the next sweep.
    pub failed: Vec<(Uuid, NotDeleted)>,
    /// Among those that are gone: no audio was found under their names.
    pub silent: Vec<Uuid>,
    /// Somebody else deleted them meanwhile.
    pub already: Vec<Uuid>,
}

impl Deleted {
    pub(super) fn add(&mut self, other: Deleted) {
        self.gone.extend(other.gone);
        self.held.extend(other.held);
        self.not_due.extend(other.not_due);
        self.failed.extend(other.failed);
        self.silent.extend(other.silent);
        self.already.extend(other.already);
    }
}
