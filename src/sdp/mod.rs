//! Session descriptions: what media was offered, what was answered.
