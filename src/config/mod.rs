//! One [`Config`], with one `Default`: what every key means and its default value.
//!
//! Loading and layering is [`load`], judging a loaded configuration is
//! [`check`], forms the core can use without looking at text are [`compiled`].
//! The names here are the names of the file (`[section] key`); [`keys`] lists
//! them once more with what each may hold. Nothing here reads a file or the
//! environment: text comes in as an argument.

pub mod advice;
pub mod check;
pub mod compiled;
pub mod error;
pub mod forms;
pub mod keys;
pub mod listening;
pub mod load;
mod room_rules;
pub mod service;
pub mod term;
pub mod tunnels;

pub use error::ConfigError;
pub use listening::{Listening, Reason, Room};
pub use load::Loaded;
pub use service::{CallDirection, HideDigits, RetentionBound, Service, ServiceRule};
pub use term::{Term, TermError};
pub use tunnels::{TunnelKind, TunnelRule};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The whole configuration. Unknown keys are errors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where packets come from.
    pub capture: Capture,
    /// What counts as SIP, and how calls are followed.
    pub sip: Sip,
    /// Who is an agent.
    pub agents: Agents,
    /// Named services, first match wins.
    pub service: Vec<ServiceRule>,
    /// What holds where no service matches; the base of every service.
    pub service_default: Service,
    /// How numbers are compared.
    pub numbers: Numbers,
    /// Whose calendar counts, and how expiry runs.
    pub retention: Retention,
    /// Where recordings are kept.
    pub storage: Storage,
    /// The log of who did what to recordings.
    pub audit: Audit,
    /// The Prometheus endpoint.
    pub metrics: Metrics,
    /// The technical log.
    pub log: Log,
    /// Bounds of everything that grows.
    pub limits: Limits,
    /// The listening room.
    pub room: Room,
}

/// `[capture]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capture {
    /// Interface names; `any` is allowed. A single string is accepted.
    #[serde(deserialize_with = "crate::config::forms::interfaces")]
    pub interface: Vec<String>,
    /// Extra BPF expression; empty for none.
    pub filter: String,
    /// Kernel ring per interface, MiB.
    pub buffer_mib: u32,
    /// Which packets within packets are opened, and from whom; empty: none.
    #[serde(deserialize_with = "crate::config::tunnels::rules")]
    pub tunnels: Vec<TunnelRule>,
    /// Promiscuous mode.
    pub promiscuous: bool,
}

/// `[sip]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sip {
    /// UDP and TCP ports that carry SIP, at either end.
    pub ports: Vec<u16>,
    /// Headers whose equal values tie legs of one contact together.
    pub correlation_headers: Vec<String>,
    /// Without RTP in either direction for this long the recording ends.
    #[serde(with = "crate::config::forms::duration")]
    pub media_timeout: Duration,
    /// How long a dialog that shows signs of life may be without sound before its recording ends.
    #[serde(with = "crate::config::forms::duration")]
    pub max_silence: Duration,
}

/// `[agents]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agents {
    /// `2001`, `2000-2999`, `31*`: matched on the user part of a party's SIP URI.
    pub extensions: Vec<String>,
    /// CIDR blocks where agents' SIP comes from or goes to.
    pub networks: Vec<String>,
    /// Name of a header carrying the agent's id; empty for none.
    pub header: String,
    /// Record calls between two agents.
    pub record_internal: bool,
    /// Whether `networks` binds the other rules.
    #[serde(rename = "match")]
    pub matching: AgentMatch,
    /// Display names by agent id.
    pub names: BTreeMap<String, String>,
}

/// `agents.match`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentMatch {
    /// Where `networks` is set, a number or a header counts only for a party within them.
    #[default]
    Within,
    /// Any one rule is enough.
    Any,
}

/// `[numbers]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Numbers {
    /// Country code digits, `"358"`; empty: no national forms.
    pub country: String,
    /// National (trunk) prefix, `"0"`.
    pub national_prefix: String,
    /// Headers that tell the caller's number, the most trusted first.
    pub caller: Vec<String>,
}

/// `[retention]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// IANA name of the zone whose calendar days count.
    pub timezone: String,
    /// How often the daemon deletes what is due.
    #[serde(with = "crate::config::forms::duration")]
    pub sweep: Duration,
    /// One sweep deletes at most what fell due on so many days; 0: no bound.
    pub guard: u32,
    /// What is asked of the clock before anything is deleted.
    pub clock: ClockTrust,
    /// How long copies are handed out.
    pub access: Access,
    /// How old a hold gets before somebody has to confirm it: `N days|weeks|months|years`.
    pub hold_review: String,
    /// How long a recording past its term is left alone after its last hold was released.
    #[serde(with = "crate::config::forms::duration")]
    pub release_grace: Duration,
    /// How long the tombstone of a deleted recording is kept: `N days|weeks|months|years`.
    pub tombstones: String,
}

/// `retention.access`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Until the sweep has deleted the recording.
    UntilDeleted,
    /// Until the instant it falls due, though the sweep has not come yet.
    UntilDue,
}

/// `retention.clock`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockTrust {
    /// It has to be synchronised.
    Synchronised,
    /// It only must not have jumped.
    Any,
}

/// `[audit]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// How long entries are kept: `N days|weeks|months|years`.
    pub keep: String,
    /// File elsewhere that gets the newest link; empty for none.
    pub anchor: PathBuf,
}

/// `[storage]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// Folder of recordings.
    pub dir: PathBuf,
    /// Index, tombstones and audit log; `None`: `dir/.nauhuri`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<PathBuf>,
    /// UUID of the store that has to be in `dir`; empty: whichever is there.
    pub id: String,
    /// How samples are stored.
    pub encoding: Encoding,
    /// Reserve kept free on the file system.
    #[serde(with = "crate::config::forms::bytes")]
    pub min_free: u64,
    /// The group may read recordings as well: 0640 and 0750 instead of 0600 and 0700.
    pub group_read: bool,
}

/// `storage.encoding`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// 16-bit PCM.
    PcmS16le,
    /// A-law or mu-law as received; PCM where the call is neither.
    G711,
}

/// `[metrics]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// `address:port`; empty switches it off.
    pub listen: String,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// How long the technical log is meant to last.
    #[serde(with = "crate::config::forms::duration")]
    pub keep: Duration,
}

/// `[limits]`: everything that grows has a bound here, and a counter for when it bites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of memory for what the network makes it keep; half of them for signalling.
    #[serde(with = "crate::config::forms::bytes")]
    pub memory: u64,
    /// Calls followed at once; beyond it the oldest unanswered attempt is forgotten.
    pub calls: usize,
    /// Recordings open at once; beyond it calls count as failed.
    pub recordings: usize,
    /// IP datagrams being put together at once.
    pub fragments: usize,
    /// TCP connections followed at once.
    pub tcp_streams: usize,
    /// Bytes kept for one TCP connection out of order or unfinished.
    pub tcp_buffer: usize,
    /// Bytes of media waiting for one worker.
    pub queue_bytes: usize,
    /// Worker threads; 0: one for each processor but the capture's.
    pub workers: usize,
}

impl Default for Capture {
    fn default() -> Self {
        Capture {
            interface: Vec::new(),
            filter: String::new(),
            buffer_mib: 256,
            tunnels: Vec::new(),
            promiscuous: true,
        }
    }
}

impl Default for Sip {
    fn default() -> Self {
        Sip {
            ports: vec![5060, 5080],
            correlation_headers: vec!["Session-ID".into()],
            media_timeout: Duration::from_secs(30),
            max_silence: Duration::from_secs(3600),
        }
    }
}

impl Default for Numbers {
    fn default() -> Self {
        let caller = ["P-Asserted-Identity", "Remote-Party-ID", "From"].map(String::from).into();
        Numbers { country: String::new(), national_prefix: String::new(), caller }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            timezone: "UTC".into(),
            sweep: Duration::from_secs(3600),
            guard: 3,
            clock: ClockTrust::Synchronised,
            access: Access::UntilDeleted,
            hold_review: "6 months".into(),
            release_grace: Duration::ZERO,
            tombstones: "5 years".into(),
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Storage {
            dir: "/var/lib/nauhuri/recordings".into(),
            state: None,
            id: String::new(),
            encoding: Encoding::PcmS16le,
            min_free: 5 << 30,
            group_read: false,
        }
    }
}

impl Default for Audit {
    fn default() -> Self {
        Audit { keep: "10 years".into(), anchor: PathBuf::new() }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics { listen: "127.0.0.1:9160".into() }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { keep: Duration::from_secs(24 * 3600) }
    }
}

impl Limits {
    /// That part of `memory`, bytes.
    pub fn share(&self, of: u64) -> usize {
        usize::try_from(self.memory / of.max(1)).unwrap_or(usize::MAX)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            calls: 100_000,
            recordings: 20_000,
            fragments: 4_096,
            tcp_streams: 16_384,
            tcp_buffer: 256 * 1024,
            queue_bytes: 64 << 20,
            memory: 1 << 30,
            workers: 0,
        }
    }
}
