//! The recording server of SIPREC: its core with written messages and RTP, and the program itself with a
//! recording client of ours over sockets.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

#[path = "common/mod.rs"]
mod common;

#[path = "siprec/calls.rs"]
mod calls;
#[path = "siprec/client.rs"]
mod client;
#[path = "siprec/program.rs"]
mod program;
#[path = "siprec/same_sound.rs"]
mod same_sound;
#[path = "siprec/signalling.rs"]
mod signalling;
#[path = "siprec/stage.rs"]
mod stage;
