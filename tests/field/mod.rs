//! What the field sends, made by chance from a seed, and what must come of it.
//!
//! A scenario is generated together with what the contract says of it; nothing
//! here asks the product. Shared by `tests/strangers.rs`, `tests/day.rs` and
//! the bench targets of the same names.

// Every binary uses a part of it; helpers of tests fail by panicking.
#![allow(dead_code, clippy::unwrap_used)]

pub mod attacker;
pub mod day;
pub mod judge;
pub mod kinds;
pub mod link;
pub mod owner;
pub mod seeds;
pub mod stage;
pub mod strangers;
pub mod want;
