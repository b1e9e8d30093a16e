//! Every thread of the recorder by name: when it was last heard of, and what its death means.
//!
//! A thread beats its [`Pulse`] as it works. One that is silent for too long is stuck, one that
//! ended though nobody asked it to is dead; either way `/readyz` says which, the log says it
//! once, and `nauhuri_thread_ok` shows it. A dead worker ends the process, since a fresh
//! start records more than what is left; the others are started again.
//!
//! The watch has no thread of its own, which would need a watch: the capture loop looks once a
//! second (the service manager's watchdog looks after that loop), and so does whoever asks `/readyz`.

mod pulse;
#[cfg(test)]
mod tests;

use pulse::Progress;
pub use pulse::{Faults, Pulse};

use crate::telemetry::events::Event;
use crate::telemetry::health::Watch;
use crate::telemetry::label::ThreadRole;
use crate::telemetry::metrics::Metrics;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A thread that beats at least once a second is stuck when it was silent for so long.
pub const STUCK_AFTER: Duration = Duration::from_secs(6);
/// One whose single steps may take long (a statement over a million rows) is stuck when it has got on
/// with nothing for so long,
const IDLE_FOR: Duration = Duration::from_secs(3);
/// or when it has not come back after so long, busy or not: it goes round in a circle.
const BUSY_FOR: Duration = Duration::from_secs(300);
/// First wait before a thread is started again; each death doubles it.
const RESTART_AFTER: Duration = Duration::from_secs(1);
/// Longest such wait.
const RESTART_WITHIN: Duration = Duration::from_secs(60);
/// A restarted thread that lived so long is well again.
const STEADY: Duration = Duration::from_secs(5);

/// How long a thread may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Beats at least once a second.
    Short,
    /// May be silent as long as it computes, reads or writes, for minutes.
    WhileBusy,
}

/// What a thread does; called again where it is started again.
type Job = Arc<dyn Fn(&Arc<Pulse>) + Send + Sync>;

struct Member {
    name: String,
    role: ThreadRole,
    patience: Patience,
    pulse: Arc<Pulse>,
    thread: Option<JoinHandle<()>>,
    job: Option<Job>,
    deaths: u32,
    /// When it was last found dead.
    died: Option<Instant>,
    started: Instant,
    /// What a silent thread had done by then.
    idle: Option<(Progress, Instant)>,
    trouble: Option<ThreadTrouble>,
}

/// What is wrong with a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ThreadTrouble {
    Dead,
    Restarted,
    Stuck,
}

/// All threads.
pub struct Crew {
    metrics: Arc<Metrics>,
    faults: Faults,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    all: Vec<Member>,
    leaving: bool,
}

impl Crew {
    /// Nobody yet. `faults`: where a test breaks a thread.
    pub fn new(metrics: &Arc<Metrics>, faults: Faults) -> Crew {
        Crew { metrics: Arc::clone(metrics), faults, members: Mutex::default() }
    }

    /// Takes in a thread that is started by somebody else, who also joins it. It must not end before
    /// [`Crew::leave`].
    pub fn enlist(&self, role: ThreadRole, name: &str) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse::new(name, &self.faults));
        let member = Member::new(name, role, Patience::Short, Arc::clone(&pulse));
        self.lock().all.push(member);
        pulse
    }

    /// Starts a thread that is started again whenever it ends before [`Crew::leave`].
    ///
    /// # Errors
    /// No thread to be had.
    pub fn start(
        &self,
        role: ThreadRole,
        name: &str,
        patience: Patience,
        job: impl Fn(&Arc<Pulse>) + Send + Sync + 'static,
    ) -> io::Result<()> {
        let pulse = Arc::new(Pulse::new(name, &self.faults));
        let mut member = Member::new(name, role, patience, pulse);
        member.job = Some(Arc::new(job));
        member.spawn(Instant::now())?;
        self.lock().all.push(member);
        Ok(())
    }

    /// From here on threads may end.
    pub fn leave(&self) {
        self.lock().leaving = true;
    }

    /// Waits until the threads of this role have ended, at most so long; false where one has not.
    pub fn join(&self, role: ThreadRole, within: Duration) -> bool {
        let began = Instant::now();
        loop {
            let is_over = |m: &Member| m.role != role || m.thread.as_ref().is_none_or(|t| t.is_finished());
            if self.lock().all.iter().all(is_over) {
                return true;
            }
            if began.elapsed() > within {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Looks at everybody, and starts again who is dead and may be. For once a second.
    pub fn tend(&self, now: Instant) {
        let mut members = self.lock();
        members.look(now, &self.metrics);
        if !members.leaving {
            members.all.iter_mut().for_each(|m| m.revive(now, &self.metrics));
            members.show(&self.metrics);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Crew {
    /// What is wrong with the first thread with which anything is. One that panicked goes before
    /// those that may have ended for want of it.
    fn complaint(&self, now: Instant) -> Option<String> {
        let mut members = self.lock();
        // Whoever asks may be the only one left who can: the capture loop may be what hangs.
        members.look(now, &self.metrics);
        let all = &members.all;
        let cause = all.iter().find(|m| m.pulse.has_panicked()).and_then(|m| m.complaint(now));
        cause.or_else(|| all.iter().find_map(|m| m.complaint(now)))
    }
}

impl Members {
    fn look(&mut self, now: Instant, metrics: &Metrics) {
        self.all.iter_mut().for_each(|m| m.look(now, self.leaving, metrics));
        self.show(metrics);
    }

    fn show(&self, metrics: &Metrics) {
        for role in ThreadRole::ALL {
            let is_ok = self.all.iter().filter(|m| m.role == *role).all(|m| m.trouble.is_none());
            metrics.set_thread_ok(*role, is_ok);
        }
    }
}

impl Member {
    fn new(name: &str, role: ThreadRole, patience: Patience, pulse: Arc<Pulse>) -> Member {
        Member {
            name: name.into(),
            role,
            patience,
            pulse,
            thread: None,
            job: None,
            deaths: 0,
            died: None,
            started: Instant::now(),
            idle: None,
            trouble: None,
        }
    }

    fn spawn(&mut self, now: Instant) -> io::Result<()> {
        let Some(job) = self.job.clone() else { return Ok(()) };
        self.pulse.begin();
        let pulse = Arc::clone(&self.pulse);
        let run = move || {
            let _life = pulse.enter();
            job(&pulse);
        };
        self.thread = Some(std::thread::Builder::new().name(self.name.clone()).spawn(run)?);
        (self.started, self.idle) = (now, None);
        Ok(())
    }

    /// Starts it again if it is dead and has waited long enough.
    fn revive(&mut self, now: Instant, metrics: &Metrics) {
        // Only a death that was looked at: one that came since has no time yet to wait from.
        if self.job.is_none() || !matches!(self.trouble, Some(ThreadTrouble::Dead)) {
            return;
        }
        let Some(died) = self.died else { return };
        let doubled = RESTART_AFTER.saturating_mul(1 << self.deaths.saturating_sub(1).min(6));
        if now.saturating_duration_since(died) < doubled.min(RESTART_WITHIN) {
            return;
        }
        match self.spawn(now) {
            Ok(()) => {
                // It may be dead again by the next look: that is another death.
                self.trouble = Some(ThreadTrouble::Restarted);
                Event::ThreadRestarted { thread: &self.name, role: self.role }.emit(metrics);
            }
            Err(e) => {
                self.died = Some(now);
                Event::ThreadUnstartable { thread: &self.name, reason: e.kind() }.emit(metrics);
            }
        }
    }

    fn look(&mut self, now: Instant, leaving: bool, metrics: &Metrics) {
        let trouble = self.trouble_now(now, leaving);
        let before = std::mem::replace(&mut self.trouble, trouble);
        match (before, trouble) {
            (Some(ThreadTrouble::Dead), Some(ThreadTrouble::Dead)) => {}
            (_, Some(ThreadTrouble::Dead)) => {
                (self.died, self.deaths) = (Some(now), self.deaths + 1);
                Event::ThreadDied { thread: &self.name }.emit(metrics);
            }
            (Some(ThreadTrouble::Stuck), Some(ThreadTrouble::Stuck)) => {}
            (_, Some(ThreadTrouble::Stuck)) => {
                let silent = self.pulse.silent(now);
                Event::ThreadStuck { thread: &self.name, silent }.emit(metrics);
            }
            (Some(ThreadTrouble::Stuck), None) => Event::ThreadBack { thread: &self.name }.emit(metrics),
            _ => {}
        }
    }

    fn trouble_now(&mut self, now: Instant, leaving: bool) -> Option<ThreadTrouble> {
        if self.pulse.has_ended() {
            return (!leaving || self.pulse.has_panicked()).then_some(ThreadTrouble::Dead);
        }
        let silent = self.pulse.silent(now);
        let is_stuck = match self.patience {
            Patience::Short => silent > STUCK_AFTER,
            Patience::WhileBusy => silent > STUCK_AFTER - IDLE_FOR && self.is_idle(now) || silent > BUSY_FOR,
        };
        if is_stuck {
            return Some(ThreadTrouble::Stuck);
        }
        if silent < IDLE_FOR {
            self.idle = None;
        }
        let is_new = self.deaths > 0 && now.saturating_duration_since(self.started) < STEADY;
        if !is_new && self.deaths > 0 && now.saturating_duration_since(self.started) > RESTART_WITHIN {
            self.deaths = 0;
        }
        is_new.then_some(ThreadTrouble::Restarted)
    }

    /// It has got on with nothing since a look at least [`IDLE_FOR`] ago. Where that cannot be
    /// told it counts as idle.
    fn is_idle(&mut self, now: Instant) -> bool {
        let progress = self.pulse.progress();
        let (before, since) = *self.idle.get_or_insert((progress, now));
        let passed = now.saturating_duration_since(since);
        if passed < IDLE_FOR {
            return false;
        }
        let is_idle = !progress.is_more_than(before, passed);
        if !is_idle {
            self.idle = Some((progress, now));
        }
        is_idle
    }

    fn complaint(&self, now: Instant) -> Option<String> {
        let name = &self.name;
        Some(match self.trouble? {
            ThreadTrouble::Dead if self.job.is_none() => format!("thread {name} died; the recorder stops"),
            ThreadTrouble::Dead => format!("thread {name} died; it is being started again"),
            ThreadTrouble::Restarted => format!("thread {name} died and was started again"),
            ThreadTrouble::Stuck => {
                format!("thread {name} is stuck: silent for {} s", self.pulse.silent(now).as_secs())
            }
        })
    }
}
