//! What may be asked of a running recorder, done and written down: for the local socket and for the
//! agents' desktops.
//!
//! A pause is made first and logged then, since what is said meanwhile cannot be taken back;
//! whatever shows or records more is logged first, and not done where it cannot be.

use super::super::estate::Estate;
use super::super::machine_clock::Clock;
use super::super::reload::{AskedBy, ReloadRefused, Reloader};
use super::asked::{AskDoor, Errand};
use super::protocol::{RecorderStatus, ReloadAnswer, RunningCall};
use crate::config::{PauseBy, Switch};
use crate::custody::audit::{Action, AuditLog, By, Draft, Outcome, Who, facts};
use crate::id::short_hex;
use crate::telemetry::events::Event;
use crate::telemetry::label::{Limit, UpkeepTask};
use crate::telemetry::{Metrics, Readiness};
use crate::time::Timestamp;
use crossbeam_channel::TryRecvError;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long a worker may take to answer; one that has a disk to wait for takes longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(4);
/// How long somebody else may keep the audit log.
const LOG_WITHIN: Duration = Duration::from_secs(5);
/// Ids that a message names.
const NAMED: usize = 8;

/// Why something was not done, as whoever asked is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// Too much is being asked at once.
    #[error("the recorder is too busy to answer, or it is stopping; try again")]
    Busy,
    /// There is no such call.
    #[error("no running call has this id or agent; `nauhuri calls` lists them")]
    Unknown,
    /// Several are meant.
    #[error("{0} running calls are meant; name one by its id: {1}")]
    Several(usize, String),
    /// Its service is not to be paused.
    #[error("calls of the service \"{0}\" may not be paused (pause = false)")]
    NotAllowed(String),
    /// It ended before it could be done.
    #[error("the call has ended")]
    Ended,
    /// It was not done, because it could not be logged.
    #[error("nothing was done, because the audit log cannot be written: {0}")]
    NotLogged(String),
    /// It was done all the same.
    #[error("the recording is paused, but that could not be written to the audit log: {0}")]
    DoneUnlogged(String),
}

/// What became of the calls of one agent.
#[derive(Debug, Default)]
pub struct Switched {
    /// How they are now.
    pub done: Vec<RunningCall>,
    /// Where it was not done, or not logged, and why.
    pub failed: Vec<(Uuid, NotDone)>,
}

/// Whoever does it.
#[derive(Clone)]
pub struct Errands {
    door: AskDoor,
    audit: AuditLog,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    clock: Clock,
    reloader: Option<Arc<Reloader>>,
    estate: Option<Arc<Estate>>,
}

impl Errands {
    /// For this recorder, its clock and this log.
    pub fn new(
        door: AskDoor,
        audit: AuditLog,
        (metrics, readiness): (Arc<Metrics>, Arc<Readiness>),
        clock: Clock,
    ) -> Errands {
        Errands { door, audit, metrics, readiness, clock, reloader: None, estate: None }
    }

    /// How the recorder is. Not in the audit log: it is counts, and nobody's.
    pub fn status(&self) -> RecorderStatus {
        let not_ready = self.readiness.check(Instant::now()).err().map(|why| why.to_string());
        let metrics = self.metrics.render();
        let counted_ago_s = self.metrics.published().map(|at| at.elapsed().as_secs_f64());
        RecorderStatus { at: Some(self.clock.wall()), counted_ago_s, not_ready, metrics }
    }

    /// Takes new configurations as well.
    pub fn with_reloader(self, reloader: Arc<Reloader>) -> Errands {
        Errands { reloader: Some(reloader), ..self }
    }

    /// Hands over to the next recorder as well.
    pub fn with_estate(self, estate: Arc<Estate>) -> Errands {
        Errands { estate: Some(estate), ..self }
    }

    /// What there is to hand over.
    pub(super) fn estate(&self) -> Option<Arc<Estate>> {
        self.estate.clone()
    }

    /// Takes a new configuration, off this thread: there is a file to be read, and the audit log to be written.
    ///
    /// # Errors
    /// Why it was not taken, where the configuration is not the reason.
    pub(super) async fn reload(&self, who: Who) -> Result<ReloadAnswer, String> {
        let reloader = self.reloader.clone().ok_or("this recorder has one configuration only")?;
        let done = tokio::task::spawn_blocking(move || reloader.reload(&AskedBy::Command(who))).await;
        match done.map_err(|_| "a fault in the recorder")? {
            Ok(changed) => Ok(ReloadAnswer { taken: true, changed, problems: Vec::new() }),
            Err(ReloadRefused::Wrong(e)) => {
                let problems = e.problems.iter().map(ToString::to_string).collect();
                Ok(ReloadAnswer { problems, ..ReloadAnswer::default() })
            }
            Err(ReloadRefused::Restart(changed)) => Ok(ReloadAnswer { changed, ..ReloadAnswer::default() }),
            Err(why) => Err(why.to_string()),
        }
    }

    /// So many ask at once that one was shown out for another.
    pub(super) fn note_crowd(&self, one_was_shown_out: bool) {
        if one_was_shown_out {
            self.metrics.limit_reached(Limit::Connections);
        }
    }

    /// All running calls, the oldest first, and whether some may be missing.
    ///
    /// # Errors
    /// [`NotDone`]
    pub async fn list(&self, who: Who) -> Result<(Vec<RunningCall>, bool), NotDone> {
        let found = self.calls().await?;
        let targets: Vec<Uuid> = found.0.iter().map(|c| c.id).collect();
        self.write(who, Draft::new(Action::CallsShow).on(targets)).await.map_err(NotDone::NotLogged)?;
        Ok(found)
    }

    /// Pauses or resumes the call that `meant` means, an id, its last eight digits, or an agent;
    /// how it is then.
    ///
    /// # Errors
    /// [`NotDone`]
    pub async fn switch(
        &self,
        who: Who,
        meant: &str,
        (switch, by): (Switch, PauseBy),
    ) -> Result<RunningCall, NotDone> {
        let at = self.clock.wall();
        let call = match self.calls().await.and_then(|(calls, _)| one_of(calls, meant)) {
            Ok(call) => call,
            Err(why) => return self.refuse(who, switch, Vec::new(), why).await,
        };
        self.switch_one(who, &call, at, (switch, by)).await
    }

    /// The same for all calls of one agent; none is no mistake. One that fails holds up none of the
    /// others.
    ///
    /// # Errors
    /// [`NotDone`], where it was done nowhere: why the first failed.
    pub async fn switch_all(
        &self,
        who: Who,
        agent: &str,
        (switch, by): (Switch, PauseBy),
    ) -> Result<Switched, NotDone> {
        let at = self.clock.wall();
        let mut all = Switched::default();
        for call in self.of_agent(agent).await? {
            match self.switch_one(who.clone(), &call, at, (switch, by)).await {
                Ok(call) => all.done.push(call),
                // One that is over needs no pause.
                Err(NotDone::Ended) => {}
                Err(why) => all.failed.push((call.id, why)),
            }
        }
        all.settle()
    }

    /// The running calls of one agent.
    ///
    /// # Errors
    /// [`NotDone`]
    pub async fn of_agent(&self, agent: &str) -> Result<Vec<RunningCall>, NotDone> {
        let (mut calls, _) = self.calls().await?;
        calls.retain(|c| c.agent.id.as_deref() == Some(agent));
        Ok(calls)
    }

    async fn switch_one(
        &self,
        who: Who,
        call: &RunningCall,
        at: Timestamp,
        (switch, by): (Switch, PauseBy),
    ) -> Result<RunningCall, NotDone> {
        if switch == Switch::Pause && !call.may_pause {
            let why = NotDone::NotAllowed(call.service.clone());
            return self.refuse(who, switch, vec![call.id], why).await;
        }
        let draft = Draft::new(action(switch)).on([call.id]).detail(facts! { By: by.name() });
        if switch == Switch::Resume {
            self.write(who.clone(), draft.clone()).await.map_err(NotDone::NotLogged)?;
        }
        let errand = Errand::Switch { recording: call.recording, at, switch, by };
        let (now, partial) = self.ask(errand).await?;
        let Some(now) = now.into_iter().next() else {
            let why = if partial { NotDone::Busy } else { NotDone::Ended };
            return self.refuse(who, switch, vec![call.id], why).await;
        };
        if switch == Switch::Pause {
            self.write(who, draft).await.map_err(NotDone::DoneUnlogged)?;
        }
        Ok(now)
    }

    /// Somebody asked in vain: that is in the log as well, if it can be.
    async fn refuse<T>(
        &self,
        who: Who,
        switch: Switch,
        targets: Vec<Uuid>,
        why: NotDone,
    ) -> Result<T, NotDone> {
        let draft = Draft::new(action(switch)).on(targets).ended(Outcome::Refused);
        let _ = self.write(who, draft.detail(facts! { Why: why.word() })).await;
        Err(why)
    }

    async fn calls(&self) -> Result<(Vec<RunningCall>, bool), NotDone> {
        let (mut calls, partial) = self.ask(Errand::Calls).await?;
        // Nobody said anything: what is running is not known.
        if partial && calls.is_empty() {
            return Err(NotDone::Busy);
        }
        calls.sort_by_key(|call| (call.answered_at, call.id));
        let now = self.clock.wall();
        for c in &mut calls {
            c.seconds = (now.since_s(c.answered_at).max(0.0) * 1000.0).round() / 1000.0;
        }
        Ok((calls, partial))
    }

    /// What the workers say; true where not all of them did in time.
    async fn ask(&self, errand: Errand) -> Result<(Vec<RunningCall>, bool), NotDone> {
        let answers = self.door.ask(errand).ok_or(NotDone::Busy)?;
        let (until, mut all) = (Instant::now() + ANSWER_WITHIN, Vec::new());
        loop {
            match answers.try_recv() {
                Ok(some) => all.extend(some),
                Err(TryRecvError::Disconnected) => return Ok((all, false)),
                Err(TryRecvError::Empty) if Instant::now() >= until => return Ok((all, true)),
                Err(TryRecvError::Empty) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Adds an entry to the audit log, off this thread: another process may be writing it.
    async fn write(&self, who: Who, draft: Draft) -> Result<(), String> {
        let (audit, by) = (self.audit.clone(), By::new(who, self.clock.wall()));
        let written = tokio::task::spawn_blocking(move || audit.append(&by, [draft]));
        let reason: String = match tokio::time::timeout(LOG_WITHIN, written).await {
            Ok(Ok(Ok((link, trouble)))) => {
                self.metrics.set_audit_head(link.seq, &link.hash);
                if let Some(trouble) = trouble {
                    let (task, reason) = (UpkeepTask::AuditAnchor, trouble.to_string());
                    Event::UpkeepFailed { task, reason: &reason }.emit(&self.metrics);
                }
                return Ok(());
            }
            Ok(Ok(Err(why))) => why.to_string(),
            Ok(Err(_)) => "a fault in the recorder".into(),
            Err(_) => "another command keeps it".into(),
        };
        Event::AuditUnwritten { reason: &reason }.emit(&self.metrics);
        Err(reason)
    }
}

impl Switched {
    /// An error where it was done nowhere. What was done and not logged is told before what was not done.
    fn settle(mut self) -> Result<Switched, NotDone> {
        self.failed.sort_by_key(|(_, why)| !matches!(why, NotDone::DoneUnlogged(_)));
        match self.failed.first() {
            Some((_, why)) if self.done.is_empty() => Err(why.clone()),
            _ => Ok(self),
        }
    }
}

impl NotDone {
    /// For the log: one word.
    fn word(&self) -> &'static str {
        match self {
            NotDone::Busy => "busy",
            NotDone::Unknown => "unknown",
            NotDone::Several(..) => "several",
            NotDone::NotAllowed(_) => "service",
            NotDone::Ended => "ended",
            NotDone::NotLogged(_) | NotDone::DoneUnlogged(_) => "log",
        }
    }
}

fn action(switch: Switch) -> Action {
    match switch {
        Switch::Pause => Action::Pause,
        Switch::Resume => Action::Resume,
    }
}

/// The call that is meant.
fn one_of(calls: Vec<RunningCall>, meant: &str) -> Result<RunningCall, NotDone> {
    let meant = meant.trim();
    let id = Uuid::try_parse(meant).ok();
    let is_meant = |c: &RunningCall| {
        id == Some(c.id)
            || short_hex(c.id).eq_ignore_ascii_case(meant)
            || c.agent.id.as_deref() == Some(meant)
    };
    let mut found: Vec<RunningCall> = calls.into_iter().filter(is_meant).collect();
    match found.len() {
        1 => found.pop().ok_or(NotDone::Unknown),
        0 => Err(NotDone::Unknown),
        n => {
            let ids: Vec<String> = found.iter().take(NAMED).map(|c| short_hex(c.id)).collect();
            Err(NotDone::Several(n, ids.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Agent;
    use crate::config::CallDirection;
    use crate::daemon::control::protocol::CallState;
    use crate::id::RecordingId;

    fn call(n: u64, agent: Option<&str>) -> RunningCall {
        let id = Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_2001_0000 | n);
        RunningCall {
            recording: RecordingId(n),
            id,
            call_group: id,
            service: "general".into(),
            direction: CallDirection::Inbound,
            agent: Agent { id: agent.map(str::to_owned), name: None },
            answered_at: Timestamp::EPOCH,
            seconds: 0.0,
            state: CallState::Recording,
            held: false,
            paused_at: None,
            paused_by: None,
            resumes_at: None,
            may_pause: true,
            heard: Vec::new(),
            codecs: [None, None],
        }
    }

    #[test]
    fn one_call_that_fails_leaves_the_others_done() {
        let [refused, unlogged] =
            [NotDone::NotAllowed("crisis".into()), NotDone::DoneUnlogged("full".into())];
        let failed = || vec![(Uuid::nil(), refused.clone()), (Uuid::max(), unlogged.clone())];
        let all = Switched { done: vec![call(1, None)], failed: failed() }.settle().unwrap();
        assert_eq!((all.done.len(), all.failed.len()), (1, 2));
        let none = |failed| Switched { done: Vec::new(), failed }.settle().map(|all| all.done.len());
        assert_eq!(none(failed()), Err(unlogged.clone()), "what is paused is not told as if it were not");
        assert_eq!(none(vec![(Uuid::nil(), refused.clone())]), Err(refused.clone()));
        assert_eq!(none(Vec::new()), Ok(0));
    }

    #[test]
    fn who_is_meant() {
        let calls =
            || vec![call(1, Some("2001")), call(2, Some("2002")), call(3, Some("2002")), call(4, None)];
        let meant = |text: &str| one_of(calls(), text).map(|c| c.recording.0);
        assert_eq!(meant("2001"), Ok(1));
        assert_eq!(meant(" 20010003 "), Ok(3), "the end of an id");
        assert_eq!(meant("01900000-0000-7000-8000-000020010004"), Ok(4));
        assert_eq!(meant("2002"), Err(NotDone::Several(2, "20010002, 20010003".into())));
        for nobody in ["", "2003", "200", "2001000", "01900000-0000-7000-8000-000020010009", "*"] {
            assert_eq!(meant(nobody), Err(NotDone::Unknown), "{nobody}");
        }
        // An agent whose id looks like the end of another call's.
        let both = vec![call(1, Some("20010002")), call(2, None)];
        assert!(matches!(one_of(both, "20010002"), Err(NotDone::Several(2, _))));
    }
}
