//! nauhuri records contact-centre calls off the wire.
//!
//! A core that does no I/O and never asks the time, fed with packets, drained
//! of recordings. A module uses only layers above it in this list:
//!
//! ```text
//! 0  time id config pii
//! 1  wire sip sdp rtp codec
//! 2  net
//! 3  call tape
//! 4  engine
//! -- above this line: no async, lock, thread, file, socket or clock --
//! 5  capture store telemetry
//! 6  daemon
//! 7  cli cmd
//! ```

pub mod config;
pub mod id;
pub mod pii;
pub mod time;

pub mod codec;
pub mod rtp;
pub mod sdp;
pub mod sip;
pub mod wire;

pub mod net;

pub mod call;
pub mod tape;

pub mod engine;

pub mod capture;
pub mod store;
pub mod telemetry;

pub mod daemon;

pub mod cli;
pub mod cmd;
