//! Threads, channels and their bounds, shutdown: what turns the core into a recorder.
//!
//! One thread captures and runs the engine; what it gives out travels in
//! batches to workers, each of which owns its recordings from the first packet
//! to the last rename. The capture thread makes no file-system call.

pub mod archivist;
pub mod batch;
pub mod capture_loop;
mod closing;
pub mod confine;
pub mod context;
pub mod control;
pub mod counts;
pub mod crew;
pub mod deck;
pub mod decoders;
mod hep_report;
pub mod housekeeping;
pub mod machine_clock;
pub mod metadata;
pub mod notices;
pub mod observe;
mod outcome;
pub mod pipeline;
pub mod recorder;
pub mod recovery;
pub mod register_queue;
pub mod replay;
mod running;
pub mod shutdown;
pub mod siprec_report;
mod story;
pub mod totals;
pub mod unrecorded;
pub mod worker;
