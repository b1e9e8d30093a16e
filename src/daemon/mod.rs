//! Threads, channels and their bounds, shutdown: what turns the core into a recorder.
//!
//! One thread captures and runs the engine; what it gives out travels in
//! batches to workers, each of which owns its recordings from the first packet
//! to the last rename. The capture thread makes no file-system call.

#[forbid(unsafe_code)]
pub mod archivist;
#[forbid(unsafe_code)]
pub mod batch;
#[forbid(unsafe_code)]
pub mod before;
#[forbid(unsafe_code)]
pub mod capture_loop;
#[forbid(unsafe_code)]
mod closing;
#[forbid(unsafe_code)]
pub mod confine;
#[forbid(unsafe_code)]
pub mod context;
#[forbid(unsafe_code)]
pub mod control;
#[forbid(unsafe_code)]
pub mod counts;
#[forbid(unsafe_code)]
pub mod crew;
#[forbid(unsafe_code)]
pub mod deck;
// Of its parts each but `avcodec`, which calls libavcodec.
pub mod decoders;
#[forbid(unsafe_code)]
pub mod estate;
#[forbid(unsafe_code)]
pub mod foreman;
#[forbid(unsafe_code)]
mod hep_report;
#[forbid(unsafe_code)]
pub mod history_lines;
#[forbid(unsafe_code)]
pub mod housekeeping;
#[forbid(unsafe_code)]
mod latest;
#[forbid(unsafe_code)]
pub mod machine_clock;
#[forbid(unsafe_code)]
pub mod metadata;
#[forbid(unsafe_code)]
pub mod notices;
#[forbid(unsafe_code)]
pub mod observe;
#[forbid(unsafe_code)]
mod open_files;
#[forbid(unsafe_code)]
mod outcome;
#[forbid(unsafe_code)]
pub mod pipeline;
#[forbid(unsafe_code)]
pub mod recorder;
#[forbid(unsafe_code)]
pub mod recovery;
#[forbid(unsafe_code)]
pub mod register_queue;
#[forbid(unsafe_code)]
pub mod relay;
#[forbid(unsafe_code)]
pub mod reload;
#[forbid(unsafe_code)]
pub mod reload_signal;
#[forbid(unsafe_code)]
pub mod replay;
#[forbid(unsafe_code)]
mod running;
#[forbid(unsafe_code)]
mod serving;
#[forbid(unsafe_code)]
pub mod shutdown;
#[forbid(unsafe_code)]
pub mod siprec_report;
#[forbid(unsafe_code)]
mod story;
#[forbid(unsafe_code)]
pub mod succession;
#[forbid(unsafe_code)]
pub mod totals;
#[forbid(unsafe_code)]
pub mod unrecorded;
#[forbid(unsafe_code)]
mod wall_steps;
#[forbid(unsafe_code)]
pub mod worker;
