//! The sweep: what is due is deleted, without anyone's hand.
//!
//! Due is what its sidecar says: `retention.until` has come and nothing holds it.
//! What a sweep may do is decided from what is known before it ([`plan()`]: no file, no
//! clock), and then done ([`Keeper::sweep`](super::keeper::Keeper::sweep)). Idempotent, and safe to kill anywhere
//! ([`super::erase`] has the steps).

mod plan;
mod sweep;

pub use plan::{CLAMPED, Crowd, GUARD_FLOOR, Inventory, Plan, Refusal, RequestsBefore, SweepOptions, plan};
pub use sweep::{Sweep, SweepTrouble};
