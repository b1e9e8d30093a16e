//! The training copies as the room uses them.

use super::Desk;
use crate::archive::index::Row;
use crate::store::StoreError;
use crate::store::training::{TrainingCopy, TrainingFolder};
use crate::time::Timestamp;
use crate::web::pcm::Pcm;
use crate::web::problem::ProblemDetails;
use std::io;

impl Desk {
    /// Training copies whose recordings are there, open and within their term.
    ///
    /// # Errors
    /// Folder or index cannot be read.
    pub fn training(&self, now: Timestamp) -> Result<Vec<(TrainingCopy, Row)>, ProblemDetails> {
        let folder = TrainingFolder::open(&self.place.root).map_err(unread)?;
        let Some(folder) = folder else { return Ok(Vec::new()) };
        let copies = folder.copies().map_err(unread)?;
        self.ask(|index| {
            let mut found = Vec::new();
            for copy in copies {
                let row = index.get(copy.source)?.filter(|row| !row.restricted);
                let row = row.filter(|row| row.until.is_none_or(|until| until > now));
                found.extend(row.map(|row| (copy, row)));
            }
            Ok(found)
        })
    }

    /// The sound of a training copy.
    ///
    /// # Errors
    /// It cannot be read, or is no WAV of ours.
    pub fn training_sound(&self, copy: &TrainingCopy) -> Result<Pcm, StoreError> {
        let missing = || StoreError::io("open", &self.place.root)(io::ErrorKind::NotFound.into());
        let folder = TrainingFolder::open(&self.place.root)?.ok_or_else(missing)?;
        let path = folder.wav(copy);
        Pcm::of(folder.folder().read(&path)?, &path)
    }
}

fn unread(error: StoreError) -> ProblemDetails {
    tracing::error!(reason = %error, "the training copies cannot be read");
    ProblemDetails::UNAVAILABLE
}
