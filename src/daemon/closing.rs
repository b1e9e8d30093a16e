//! Many recordings that end at once, when the recorder stops: what each would wait for, the
//! disk, they wait for together.
//!
//! A recording that ends alone syncs three times. Here the whole file system is synced once after
//! the audio and the sidecars of many are written, and once after they have their names: the order
//! that [`crate::store`] promises of each holds, at the price of two syncs for all.

use super::context::Context;
use super::deck::{PreparedRecording, Trouble};
use crate::call::Opening;
use crate::store::sidecar::{EndedBy, Sidecar};
use crate::store::writer::sync_store;

/// Recordings finished together. What a crash meanwhile leaves is finished by the next start.
const TOGETHER: usize = 512;

/// One of them: written, not yet under its name.
pub(super) struct Leaving {
    /// Its files.
    pub prepared: PreparedRecording,
    /// What is known of its call.
    pub opening: Box<Opening>,
    /// What ended it.
    pub ended_by: EndedBy,
}

/// Those that wait for one another.
#[derive(Default)]
pub(super) struct Closing(Vec<Leaving>);

/// How one of them ended.
pub(super) struct Left {
    /// What is known of its call.
    pub opening: Box<Opening>,
    /// What ended it.
    pub ended_by: EndedBy,
}

impl Closing {
    /// One more waits.
    pub fn push(&mut self, leaving: Leaving) {
        self.0.push(leaving);
    }

    /// It is time for [`Closing::close`].
    pub fn is_full(&self) -> bool {
        self.0.len() >= TOGETHER
    }

    /// Syncs, gives all of them their names, and syncs again.
    pub fn close(&mut self, context: &Context) -> Vec<(Left, Result<Sidecar, Trouble>)> {
        let all = std::mem::take(&mut self.0);
        if all.is_empty() {
            return Vec::new();
        }
        let sync = || match context.writing.options.sync {
            true => sync_store(&context.writing.root),
            false => Ok(()),
        };
        let written = sync().map_err(|e| drop(context.trouble(e)));
        let mut named = Vec::with_capacity(all.len());
        for Leaving { prepared, opening, ended_by } in all {
            let left = Left { opening, ended_by };
            named.push((
                left,
                if written.is_ok() { prepared.publish(context) } else { Err(prepared.put_off()) },
            ));
        }
        if written.is_ok()
            && let Err(e) = sync()
        {
            // They have their names. That a power cut may take those back is told.
            let _ = context.trouble(e);
        }
        named
    }
}
