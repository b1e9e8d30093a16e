//! The sign of life of work that takes long: given between its steps, by whoever does it.

use std::fmt;
use std::sync::Arc;

/// Is told each time that the work has got on by a step. The default tells nobody.
#[derive(Clone, Default)]
pub struct Heartbeat(Option<Arc<dyn Fn() + Send + Sync>>);

impl Heartbeat {
    /// Calls `listener` at each step. It is called often and must be quick.
    pub fn to(listener: impl Fn() + Send + Sync + 'static) -> Heartbeat {
        Heartbeat(Some(Arc::new(listener)))
    }

    /// Another step is done.
    pub fn beat(&self) {
        if let Some(listener) = &self.0 {
            listener();
        }
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Heartbeat(heard)" } else { "Heartbeat" })
    }
}
