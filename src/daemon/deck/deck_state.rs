//! How far a recording's file has come.

use super::held::HeldFrames;
use super::trouble::Trouble;
use crate::store::wav::WavSpec;
use crate::store::writer::RecordingWriter;

/// How far it has come.
#[derive(Debug)]
pub(super) enum DeckState {
    /// Nothing is known of its sound.
    Waiting,
    /// Not yet shown to be a call; what there is of it.
    Quiet(HeldFrames),
    /// Being written.
    Writing(Box<RecordingWriter>),
    /// Writing failed; what is in the file is kept, the frames since then are missing.
    Stalled(Box<RecordingWriter>, u64),
    /// The file could not be made; the frames since then are missing.
    Unopened(WavSpec, Trouble, u64),
    /// No file is to be made: so many frames would be in it.
    Dry(u64),
}

impl DeckState {
    /// What writes the file.
    ///
    /// # Errors
    /// Why there is none.
    pub fn into_writer(self) -> Result<RecordingWriter, Trouble> {
        match self {
            DeckState::Waiting | DeckState::Quiet(_) | DeckState::Dry(_) => Err(Trouble::NoMedia),
            DeckState::Unopened(_, why, _) => Err(why),
            DeckState::Writing(w) | DeckState::Stalled(w, _) => Ok(*w),
        }
    }
}
