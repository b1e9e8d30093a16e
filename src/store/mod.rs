//! Recordings on disk: what is written when, and what a crash leaves.

pub mod calendar;
pub mod layout;
pub mod recover;
pub mod sidecar;
pub mod wav;
