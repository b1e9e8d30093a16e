//! `nauhuri replay` held to its promises: captures of ours, generated calls,
//! hostile input, what is stored of a number, and what a user sees.
//!
//! One binary: every test runs the program as its users do. The captures of the
//! field are in `tests/corpus.rs`.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod captures;
mod cli;
mod clocks;
mod determinism;
mod files;
mod fuzzed;
mod hostile;
mod media;
mod notices;
mod pairing;
mod parties;
mod privacy;
mod quiet;
mod random;
mod transfers;
mod unread;
