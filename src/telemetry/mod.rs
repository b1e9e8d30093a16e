//! What can be watched: events, log lines, metrics, health, the service manager.
//!
//! ```text
//! Event ──► events ──► one log line (log) + one metric (metrics, ledger)
//! engine's plain counters ─ once a second ─► Snapshot ──► metrics
//! metrics, health ──► http: /metrics /healthz /readyz
//! capture loop ──► notify: READY, WATCHDOG, STOPPING
//! ```
//!
//! Nothing here knows about capture, storage or the daemon: they tell it what
//! happened. No personal data passes: an event has no field that could carry a
//! number, a name or a URI.

pub mod events;
mod families;
pub mod fault;
pub mod handover_news;
pub mod health;
pub mod http;
pub mod label;
pub mod ledger;
pub mod log;
pub mod metrics;
pub mod notify;
pub mod process;
pub mod siprec_totals;
pub mod snapshot;

pub use events::Event;
pub use health::Readiness;
pub use ledger::CallLedger;
pub use metrics::Metrics;
pub use notify::Notifier;
pub use snapshot::Snapshot;
