//! What running recordings take on disk.

use super::super::context::Context;
use std::sync::Arc;

/// A recording's part of what running recordings take on disk; nothing once it is dropped.
pub(super) struct OpenBytes {
    context: Arc<Context>,
    counted: u64,
}

impl OpenBytes {
    /// None yet.
    pub fn new(context: &Arc<Context>) -> OpenBytes {
        OpenBytes { context: Arc::clone(context), counted: 0 }
    }

    /// It takes so many.
    pub fn set(&mut self, bytes: u64) {
        self.context.health.open_bytes_grew(bytes.cast_signed() - self.counted.cast_signed());
        self.counted = bytes;
    }
}

impl Drop for OpenBytes {
    fn drop(&mut self) {
        self.set(0);
    }
}
