//! What another one may take the place of while threads go by it.

use std::sync::{Arc, Mutex, PoisonError};

/// The newest of its kind. Whoever has got one keeps it as it was.
#[derive(Debug)]
pub struct Latest<T>(Mutex<Arc<T>>);

impl<T> Latest<T> {
    /// This one, until another comes.
    pub fn new(first: T) -> Latest<T> {
        Latest(Mutex::new(Arc::new(first)))
    }

    /// As it is now.
    pub fn get(&self) -> Arc<T> {
        // Replaced in one go: whoever panicked left one or the other.
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another one from here on.
    pub fn set(&self, next: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }
}
