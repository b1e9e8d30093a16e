//! nauhuri records contact-centre calls off the wire.
//!
//! A core that does no I/O and never asks the time, fed with packets, drained
//! of recordings. A module uses only layers above it in this list:
//!
//! ```text
//! 0  time id config pii html
//! 1  wire sip sdp rtp codec tls
//! 2  net
//! 3  call tape
//! 4  engine siprec caller
//! -- above this line: no async, lock, thread, file, socket or clock --
//! 5  capture store telemetry
//! 6  archive
//! 7  custody
//! 8  daemon web probe notice report
//! 9  doctor explain top
//! 10 cli cmd
//! ```
//!
//! # The path of one packet
//!
//! ```text
//! interface - capture::live -.
//! file ------ capture::file -+-> Frame -> engine::Engine::handle_frame       one thread
//!                                net: decapsulation, fragments, TCP -> Datagram <- capture::feed - HEP
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

//!
//! # Glossary
//!
//! Where the field has a word it is used: leg, dialog, hop, offer and answer, SSRC, jitter.
//! These are the house's own.
//!
//! | word | what it is | where |
//! | --- | --- | --- |
//! | leg | one INVITE on its way: its hops, and the dialogs its forks made | `call::leg` |
//! | contact | the legs that belong to one customer's call; `call_group` in the JSON | `call::contacts` |
//! | agent, customer | the two ends of a recording: right and left channel | `call::policy` |
//! | service | what the dialled number leads to: a name, a term, what is hidden | `config::service` |
//! | claim | an address at which a description says media will arrive | `call::session` |
//! | owner | the call a flow of packets belongs to; of two possible owners neither gets it | `call::owner` |
//! | standing, trust | how sure it is that an address is the party's own | `rtp::standing` |
//! | tape | one recording's media: packets in, stereo blocks out | `tape` |
//! | speaker | what one party sends, over all hops and from all addresses | `tape::speaker` |
//! | source | one SSRC from one address | `tape::source` |
//! | floor | the place a speaker is listened to at this moment | `tape::floor` |
//! | aside | a source that is heard and not played, because another has a better right | `tape::aside` |
//! | deck | where a tape's blocks become a file | `daemon::deck` |
//! | listener, feed | who receives on a socket of the recorder's own (HEP); the queue to the capture loop | `capture::feed` |
//! | agent's clock | what a capture agent's stamps are worth; not an agent of the call centre | `net::agent_clocks` |
//! | crew, pulse | the threads by name, and the sign of life each gives | `daemon::crew` |
//! | archivist | the thread that sweeps, repairs and writes the register | `daemon::archivist` |
//! | bucket, assurance | how far an answered call was recorded, and why not whole | `store::assured` |
//! | watch, fault | whether the sound of a running call is as it should be | `tape` |
//! | register | answered calls that were not recorded, with the reason | `store::register` |
//! | sidecar | the JSON beside a WAV; the truth about a recording | `store::sidecar` |
//! | mark | the UUID that says which store a folder is | `store::mark` |
//! | archive, index | what is there; a copy of the sidecars for searching | `archive` |
//! | tombstone | what is left of a deleted recording: its id, so that no copy brings it back | `archive::index` |
//! | custody, keeper | what may be done to a recording, and who does it: files, index and log together | `custody` |
//! | hold | a reason to keep a recording past its term | `custody::hold` |
//! | restriction | a reason to let nobody hear or copy one | `custody::restrict` |
//! | sweep, guard | deleting what is due; the bound on how much at once | `custody::expire` |
//! | anchor | the newest link of the audit log's chain, kept elsewhere | `custody::audit` |
//! | ledger | answered = completed + failed + active | `telemetry::ledger` |
//! | room | the listening room: pages and API | `web` |
//! | small cell | a count of 1 to 4, which is not shown, nor what it could be reckoned from | `archive::small_cells` |
//! | report | a month in numbers without persons | `report` |
//! | statement | a sentence of the privacy notice that the configuration keeps | `notice` |
//! | story | what happened to one call, line by line, and on what grounds | `explain` |
//! | finding | what is wrong with a wire or a machine, and what to do about it | `doctor` |
//! | deed | something a person wants to do, before it is known whether they may | `custody::access` |

// One view for each function; tests are tables and may be longer. The number is in clippy.toml.
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
// A reader that leaves early is no panic: cmd/output.rs writes.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

#[forbid(unsafe_code)]
pub mod config;
#[forbid(unsafe_code)]
pub mod html;
#[forbid(unsafe_code)]
pub mod id;
#[forbid(unsafe_code)]
pub mod pii;
#[forbid(unsafe_code)]
pub mod time;

#[forbid(unsafe_code)]
pub mod codec;
#[forbid(unsafe_code)]
pub mod rtp;
#[forbid(unsafe_code)]
pub mod sdp;
#[forbid(unsafe_code)]
pub mod sip;
#[forbid(unsafe_code)]
pub mod tls;
#[forbid(unsafe_code)]
pub mod wire;

#[forbid(unsafe_code)]
pub mod net;

#[forbid(unsafe_code)]
pub mod call;
#[forbid(unsafe_code)]
pub mod tape;

#[forbid(unsafe_code)]
pub mod caller;
#[forbid(unsafe_code)]
pub mod engine;
#[forbid(unsafe_code)]
pub mod siprec;

#[forbid(unsafe_code)]
pub mod capture;
#[forbid(unsafe_code)]
pub mod store;
#[forbid(unsafe_code)]
pub mod telemetry;

#[forbid(unsafe_code)]
pub mod archive;

#[forbid(unsafe_code)]
pub mod custody;

pub mod daemon;
#[forbid(unsafe_code)]
pub mod notice;
#[forbid(unsafe_code)]
pub mod probe;
#[forbid(unsafe_code)]
pub mod report;
#[cfg(feature = "room")]
#[forbid(unsafe_code)]
pub mod web;

pub mod doctor;
#[forbid(unsafe_code)]
pub mod explain;
#[forbid(unsafe_code)]
pub mod top;

#[forbid(unsafe_code)]
pub mod cli;
#[forbid(unsafe_code)]
pub mod cmd;
