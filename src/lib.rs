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
//! 6  archive
//! 7  custody
//! 8  daemon web
//! 9  cli cmd
//! ```
//!
//! # The path of one packet
//!
//! ```text
//! interface - capture::live -.
//! file ------ capture::file -+-> Frame -> engine::Engine::handle_frame       one thread
//!                                net: decapsulation, fragments, TCP -> Datagram
//!   SIP --------------------------------+------------------------------ RTP
//!   sip, sdp -> call::Calls             |    call::pairing: one look-up: flow -> recording, channel
//!   legs, dialogs, contacts, transfers  |    not recorded: counted, gone
//!                '-> Decision           '-> MediaPacket
//!                        engine::Sink = daemon::pipeline, in batches
//!                                daemon::worker                             N threads
//!   tape: in order, on the capture clock, decoded -> stereo blocks
//!   store::writer: NAME.wav.part -> NAME.wav -> NAME.json
//! ```
//!
//! Signalling decides, media only flows. A worker owns a recording from its
//! opening to its last rename. What the tape does depends on packet times only,
//! so the same packets give the same bytes on any number of workers, live or
//! replayed. What is there after the call is `archive`, what may be done to it
//! `custody`; while the daemon runs, `daemon::archivist` does it.

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

pub mod archive;

pub mod custody;

pub mod daemon;
#[cfg(feature = "room")]
pub mod web;

pub mod cli;
pub mod cmd;
