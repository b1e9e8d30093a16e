//! What is there: the index of recordings, what is asked of it, and whether the
//! files are what they should be.
//!
//! Finds and judges; changes no recording. Above [`crate::store`], whose files it
//! reads; must not know who asks, or what is done with the answer.

pub mod abreast;
pub mod forecast;
pub mod index;
pub mod search;
pub mod verify;
