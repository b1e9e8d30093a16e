//! The recorder at work: real packets, real files, real faults.
//!
//! Needs root in a network and mount namespace of its own, which `make
//! test-live` makes; every test is ignored elsewhere. The tests run side by
//! side: each has a net of its own within 127.20.0.0/16 and sees nothing else.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "lifecycle/mod.rs"]
mod lifecycle;

#[path = "live/caller.rs"]
mod caller;
#[path = "live/disk.rs"]
mod disk;
#[path = "live/exchange.rs"]
mod exchange;
#[path = "live/lab.rs"]
mod lab;
#[path = "live/recorder.rs"]
mod recorder;

#[path = "live/accounts.rs"]
mod accounts;
#[path = "live/control.rs"]
mod control;
#[path = "live/crash.rs"]
mod crash;
#[path = "live/decoders.rs"]
mod decoders;
#[path = "live/doctoring.rs"]
mod doctoring;
#[path = "live/faults.rs"]
mod faults;
#[path = "live/faulty_commands.rs"]
mod faulty_commands;
#[path = "live/handover.rs"]
mod handover;
#[path = "live/name_service.rs"]
mod name_service;
#[path = "live/probing.rs"]
mod probing;
#[path = "live/refusals.rs"]
mod refusals;
#[path = "live/reload.rs"]
mod reload;
#[path = "live/soak.rs"]
mod soak;
#[path = "live/storage.rs"]
mod storage;
#[path = "live/watched.rs"]
mod watched;
#[path = "live/wires.rs"]
mod wires;
