//! What happens to recordings after the call: kept, listed, held, restricted, exported, deleted,
//! by people and by the daemon, together, killed at any step, and by careless hands.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "lifecycle/mod.rs"]
mod lifecycle;

#[path = "lifecycle/assurance.rs"]
mod assurance;
#[path = "lifecycle/attacks.rs"]
mod attacks;
#[path = "lifecycle/commands.rs"]
mod commands;
#[path = "lifecycle/dsar.rs"]
mod dsar;
#[path = "lifecycle/explained_store.rs"]
mod explained_store;
#[path = "lifecycle/export.rs"]
mod export;
#[path = "lifecycle/index.rs"]
mod index;
#[path = "lifecycle/keep.rs"]
mod keep;
#[path = "lifecycle/killed.rs"]
mod killed;
#[path = "lifecycle/reconcile.rs"]
mod reconcile;
#[path = "lifecycle/redecode.rs"]
mod redecode;
#[path = "lifecycle/report.rs"]
mod report;
#[path = "lifecycle/together.rs"]
mod together;
#[path = "lifecycle/training.rs"]
mod training;
#[path = "lifecycle/vcon.rs"]
mod vcon;
