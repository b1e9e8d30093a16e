//! What a crash left, finished.
