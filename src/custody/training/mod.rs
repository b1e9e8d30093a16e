//! Training copies: anonymised excerpts of a recording, for those who learn from calls.
//!
//! What may tell who somebody is goes: numbers, names and times are not taken over at all, what
//! is spoken of them is masked where its maker says so, and each voice is altered ([`disguise`]) or
//! left out. What the words themselves tell no program judges, so every copy says that it
//! is its maker's judgement ([`crate::store::training::LABEL`]).
//!
//! A copy goes when its source goes: with the deletion, or at the end of its term, whatever holds
//! it longer; using a recording for training does not change how long it is kept. What a crash left,
//! or an old backup brought back, the sweep removes.

pub mod disguise;
mod making;
mod tending;

pub use making::{MakeError, TrainingRequest, parse_span};
