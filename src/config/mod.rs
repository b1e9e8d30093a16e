//! One [`Config`]: every key is one row, from which its field, its default, what it may
//! hold, the sample file and the reference come.
//!
//! The rows are in [`sections`], [`service`] and [`listening`]; what a row is, is
//! [`keys`]. Loading and layering is [`load`], judging a loaded configuration is
//! [`check`], forms the core can use without looking at text are [`compiled`]. Nothing
//! here reads a file or the environment: text comes in as an argument.

pub mod advice;
pub mod changed_keys;
pub mod check;
pub mod compiled;
pub mod error;
pub mod exchange_address;
pub mod first_file;
pub mod forms;
pub mod hep_keys;
mod hep_rules;
pub mod keys;
mod language;
pub mod limits;
pub mod listen_at;
pub mod listening;
pub mod load;
mod lookup;
mod mail_address;
mod networks;
pub mod pausing;
pub mod probe_keys;
mod probe_rules;
pub mod report_keys;
mod room_rules;
pub mod sample;
pub mod sections;
pub mod separator;
pub mod service;
pub mod sip_ports;
pub mod siprec;
pub mod takes_effect;
pub mod term;
pub mod tls_keys;
pub mod tunnels;
mod words;
pub mod zone;

pub use error::ConfigError;
pub use language::Language;
pub use limits::Limits;
pub use listening::{ListenReason, Listening, Room};
pub use load::Loaded;
pub use mail_address::is_mail_address;
pub use networks::Networks;
pub use pausing::{Control, PauseBy, PauseRules, Switch};
pub use sections::{
    AgentMatch, Agents, Audit, Capture, CdrFormat, CdrSettings, ClockTrust, Codecs, Config, Controller,
    CopyAccess, Encoding, Log, MetricsSection, Numbers, Retention, Sip, Storage,
};
pub use service::{AnnouncementMin, CallDirection, HideDigits, RetentionBound, Service, ServiceRule};
pub use sip_ports::SipPorts;
pub use term::{Term, TermError};
pub use tls_keys::TlsSection;
pub use tunnels::{TunnelKind, TunnelRule};
pub use zone::Zone;
