//! Joins signalling into decisions: which call, whose, recorded or not.
