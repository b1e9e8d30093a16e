//! A new configuration for a recorder that runs: taken whole, or refused whole.
//!
//! Everything that can fail comes first: reading, judging, the audit log. Then the capture loop takes its
//! part between two packets, or does not, and that decides. What follows cannot fail. Nothing waits on
//! the way of the packets: whoever asks for the reload reads the file and compiles the rules.

use super::context::Context;
use super::latest::Latest;
use super::machine_clock::Clock;
use super::open_files::report_files;
use crate::config::changed_keys::{ChangedKey, changes};
use crate::config::takes_effect::TakesEffect;
use crate::config::{Config, ConfigError};
use crate::custody::audit::{Action, AuditLog, By, Draft, EntryFacts, Outcome, Who, facts};
use crate::engine::EngineUpdate;
use crate::telemetry::events::Event;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the capture loop may take to come to a new configuration; it looks many times a second.
const TAKEN_WITHIN: Duration = Duration::from_secs(3);
/// Changed keys that an entry of the audit log and a line of the log name.
const MAX_NAMED: usize = 64;

/// Reads the configuration again, from where it came from.
pub type ReadConfig = Arc<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// Who asks for a new configuration to be taken.
#[derive(Clone, Debug)]
pub enum AskedBy {
    /// SIGHUP; whose it was is not known.
    Signal,
    /// Somebody by command.
    Command(Who),
}

/// Why a new configuration was not taken. The one before stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ReloadRefused {
    /// It is wrong.
    #[error("{0}")]
    Wrong(#[from] ConfigError),
    /// It changes keys that take effect when the recorder is restarted.
    #[error("these keys take effect when the recorder is restarted: {}", names(.0))]
    Restart(Vec<ChangedKey>),
    /// It cannot be compared with the one before.
    #[error("the configurations cannot be compared: {0}")]
    Incomparable(#[from] toml::ser::Error),
    /// What changes would not have been in the audit log.
    #[error("nothing was done, because the audit log cannot be written: {0}")]
    NotLogged(String),
    /// The capture loop did not come to it.
    #[error("the recorder is too busy, or it is stopping; try again")]
    Busy,
}

impl ReloadRefused {
    /// For the audit log: one word.
    fn word(&self) -> &'static str {
        match self {
            ReloadRefused::Wrong(_) | ReloadRefused::Incomparable(_) => "configuration",
            ReloadRefused::Restart(_) => "restart",
            ReloadRefused::NotLogged(_) => "log",
            ReloadRefused::Busy => "busy",
        }
    }
}

/// What goes from here to the capture loop. It takes one when it is there to do so, and nothing is left
/// waiting that nobody counts on any more.
pub fn update_line() -> (Sender<Box<EngineUpdate>>, Receiver<Box<EngineUpdate>>) {
    bounded(0)
}

/// Takes new configurations, one at a time.
pub struct Reloader {
    read: ReadConfig,
    /// The configuration that is.
    in_force: Arc<Latest<Config>>,
    to_capture: Sender<Box<EngineUpdate>>,
    context: Arc<Context>,
    audit: AuditLog,
    clock: Clock,
    alone: Mutex<()>,
}

impl Reloader {
    /// For the recorder whose capture loop has the other end of `to_capture`.
    pub fn new(
        read: ReadConfig,
        in_force: &Arc<Latest<Config>>,
        to_capture: Sender<Box<EngineUpdate>>,
        context: &Arc<Context>,
        (audit, clock): (AuditLog, Clock),
    ) -> Reloader {
        let (in_force, context) = (Arc::clone(in_force), Arc::clone(context));
        Reloader { read, in_force, to_capture, context, audit, clock, alone: Mutex::new(()) }
    }

    /// Reads the configuration again and takes it; which keys have changed.
    ///
    /// # Errors
    /// [`ReloadRefused`]: nothing of it is in force.
    pub fn reload(&self, by: &AskedBy) -> Result<Vec<ChangedKey>, ReloadRefused> {
        let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self.take(by);
        match &done {
            Ok(changed) => {
                let (keys, at) = (names(changed), self.clock.wall());
                Event::ConfigTaken { keys: &keys, at }.emit(self.context.metrics());
            }
            Err(why) => {
                // Not done is not done, were it not in the log either.
                let _ = self.write(by, Outcome::Refused, facts! { Why: why.word() });
                let reason = why.to_string().replace('\n', " | ");
                Event::ConfigRefused { reason: &reason }.emit(self.context.metrics());
            }
        }
        done
    }

    fn take(&self, by: &AskedBy) -> Result<Vec<ChangedKey>, ReloadRefused> {
        let now = (self.read)()?;
        let changed = changes(&self.in_force.get(), &now)?;
        let (needs_restart, changed): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|c| c.takes_effect == TakesEffect::OnRestart);
        if !needs_restart.is_empty() {
            return Err(ReloadRefused::Restart(needs_restart));
        }
        if changed.is_empty() {
            return Ok(changed);
        }
        // It may make more be recorded, or be kept for a shorter time: first the log.
        let said: Vec<String> =
            changed.iter().take(MAX_NAMED).map(|c| format!("{}: {} -> {}", c.key, c.before, c.now)).collect();
        let facts = facts! { Count: changed.len(), Changes: said };
        self.write(by, Outcome::Done, facts).map_err(ReloadRefused::NotLogged)?;
        let services = now.service.iter().map(|s| s.name.as_str());
        self.context.metrics().name_services(services.chain([now.service_default.name.as_str()]));
        let update = Box::new(EngineUpdate::new(&now));
        self.to_capture.send_timeout(update, TAKEN_WITHIN).map_err(|_| ReloadRefused::Busy)?;
        if now.limits.recordings != self.in_force.get().limits.recordings {
            report_files(now.limits.recordings as u64, &self.context);
        }
        self.context.update(&now);
        self.in_force.set(now);
        Ok(changed)
    }

    fn write(&self, by: &AskedBy, ended: Outcome, facts: EntryFacts) -> Result<(), String> {
        let (who, facts) = match by {
            AskedBy::Signal => (Who::of_service(), facts.and(facts! { By: "signal" })),
            AskedBy::Command(who) => (who.clone(), facts),
        };
        let draft = Draft::new(Action::Reload).ended(ended).detail(facts);
        let metrics = self.context.metrics();
        match self.audit.append(&By::new(who, self.clock.wall()), [draft]) {
            Ok((link, _)) => {
                metrics.set_audit_head(link.seq, &link.hash);
                Ok(())
            }
            Err(why) => {
                let reason = why.to_string();
                Event::AuditUnwritten { reason: &reason }.emit(metrics);
                Err(reason)
            }
        }
    }
}

/// Their names, as far as one line has room.
fn names(changed: &[ChangedKey]) -> String {
    let mut text = changed.iter().take(MAX_NAMED).map(|c| c.key.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(more) = changed.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        // A String takes everything.
        let _ = write!(text, " and {more} more");
    }
    text
}
