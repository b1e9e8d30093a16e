//! Is this wire fit to record?
//!
//! The engine runs over an interface or over captures as it does for the recorder, and a sink of its own
//! throws the sound away: nothing is stored. What was measured are [`WireFacts`]; what is wrong and what to
//! do about it is a pure function of them, [`diagnose`]. Nothing that is told is about a person: hosts
//! and ports, counts, and keys of the configuration.

mod agent_proposal;
mod call_finding;
mod diagnosis;
mod doctor_facts;
mod doctor_report;
mod file_look;
mod interface_finding;
mod live_look;
mod loss_finding;
mod machine_look;
mod rule_finding;
mod seen_calls;
mod seen_hosts;
mod seen_numbers;
mod seen_streams;
mod severity;
mod store_finding;
mod time_finding;
mod wire_finding;
mod wire_observer;

pub use agent_proposal::{propose_extensions, propose_networks};
pub use diagnosis::{DoctorFinding, diagnose};
pub use doctor_facts::{ClockFacts, FilterFacts, FrameCounts, InterfaceFacts, StoreFacts, WireFacts};
pub use doctor_report::{json, text};
pub use file_look::{FileLookError, look_at_files};
pub use live_look::{LiveLook, LiveLookError, look_at_interfaces};
pub use machine_look::{ClockWatch, look_at_clock, look_at_store};
pub use seen_hosts::HostPair;
pub use seen_numbers::{DialledNumber, NumberFacts, SeenExtension};
pub use severity::{FindingWords, Severity};

#[cfg(test)]
mod tests;
