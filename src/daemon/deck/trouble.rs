//! What became of a file that could not be made or finished.

use crate::daemon::context::Context;
use crate::store::StoreError;
use crate::store::layout::RecordingName;
use crate::store::sidecar::Sidecar;
use crate::store::writer::{self, finish_later};
use crate::telemetry::events::Event;
use crate::telemetry::fault::Fault;

/// Why a deck has no file.
#[derive(Debug)]
pub enum Trouble {
    /// No audio came.
    NoMedia,
    /// A recording with this id is there and was not touched.
    Exists,
    /// Less than `storage.min_free` is left.
    NoRoom,
    /// The file system said no.
    Store(StoreError),
    /// The audio is there, under the names of a running recording; try again later.
    Unfinished(Box<Unfinished>),
}

/// A recording whose call is over and whose files could not be finished.
#[derive(Debug)]
pub struct Unfinished {
    pub(super) name: RecordingName,
    pub(super) frames: u64,
    pub(super) sidecar: Sidecar,
}

impl Unfinished {
    /// Tries again.
    ///
    /// # Errors
    /// Still not; or the recording is there under another hand's.
    pub fn finish(&self, context: &Context) -> Result<Sidecar, Trouble> {
        let writing = &context.writing;
        finish_later(&writing.root, &self.name, self.frames, self.sidecar.clone(), &writing.options)
            .map_err(|e| context.trouble(e))
    }
}

/// A recording whose files are written and have not got their names yet.
#[derive(Debug)]
pub struct PreparedRecording {
    pub(super) files: writer::Prepared,
    pub(super) rest: Unfinished,
}

impl PreparedRecording {
    /// Gives them their names. Lasting once the store is synced.
    ///
    /// # Errors
    /// It is tried again later, or the recording is there under another hand's.
    pub fn publish(self, context: &Context) -> Result<Sidecar, Trouble> {
        let PreparedRecording { files, rest } = self;
        files.publish(&context.writing.options).map_err(|e| match context.trouble(e) {
            Trouble::Store(_) => Trouble::Unfinished(Box::new(rest)),
            why => why,
        })
    }

    /// They could not be synced: to be tried again.
    pub fn put_off(self) -> Trouble {
        Trouble::Unfinished(Box::new(self.rest))
    }
}

impl Context {
    /// Tells of a failure of the storage.
    pub(in crate::daemon) fn trouble(&self, e: StoreError) -> Trouble {
        if matches!(e, StoreError::Exists { .. }) {
            return Trouble::Exists;
        }
        let fault = Fault::new(e.kind(), e.code());
        Event::WriteFailed { recording: None, fault }.emit(self.metrics());
        self.health.not_writable(fault);
        Trouble::Store(e)
    }
}
