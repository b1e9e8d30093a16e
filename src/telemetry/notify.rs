//! Talking to the service manager: sd_notify(3).
//!
//! The watchdog is pinged by the capture loop itself, so that a loop that
//! hangs is restarted; a timer thread would vouch for a corpse. Without
//! systemd (no `NOTIFY_SOCKET`) every call does nothing.

use sd_notify::NotifyState;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

/// Pings in one watchdog interval: two may go astray.
const PINGS_PER_INTERVAL: u32 = 3;

/// How often the status line tells how many calls are recorded.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// One message to the service manager.
type Tell = dyn Fn(&[NotifyState<'_>]) -> io::Result<()> + Send;

/// The process's line to the service manager; the capture loop owns it.
pub struct Notifier {
    send: Box<Tell>,
    every: Option<Duration>,
    last_ping: Option<Instant>,
    is_ready: bool,
    told: Option<(Instant, String)>,
}

impl Notifier {
    /// From `NOTIFY_SOCKET` and `WATCHDOG_USEC`, as the unit sets them.
    pub fn from_env() -> Notifier {
        Notifier::new(sd_notify::watchdog_enabled(), sd_notify::notify)
    }

    fn new(
        watchdog: Option<Duration>,
        send: impl Fn(&[NotifyState<'_>]) -> io::Result<()> + Send + 'static,
    ) -> Notifier {
        let every = watchdog.map(|d| d / PINGS_PER_INTERVAL);
        Notifier { send: Box::new(send), every, last_ping: None, is_ready: false, told: None }
    }

    /// Capturing, storage writable, metrics served: `systemctl start` returns.
    pub fn ready(&self) {
        self.notify(&[NotifyState::Ready]);
    }

    /// What `/readyz` answers: the first `Ok`, which counts the recordings that run, makes
    /// `systemctl start` return. The status line follows, when it changes and not too often.
    pub fn tell_state(&mut self, now: Instant, state: Result<u64, impl fmt::Display>) {
        if state.is_ok() && !self.is_ready {
            self.is_ready = true;
            self.ready();
        }
        let (is_well, line) = match state {
            Ok(1) => (true, "recording 1 call".to_string()),
            Ok(n) => (true, format!("recording {n} calls")),
            Err(why) => (false, format!("NOT READY: {why}")),
        };
        let is_told = self.told.as_ref().is_some_and(|(at, told)| {
            let is_soon = now.saturating_duration_since(*at) < STATUS_EVERY;
            *told == line || is_well && is_soon && !told.starts_with("NOT READY")
        });
        if !is_told {
            self.status(&line);
            self.told = Some((now, line));
        }
    }

    /// Asked to stop; open recordings are being finished.
    pub fn stopping(&self) {
        self.notify(&[NotifyState::Stopping]);
    }

    /// One line for `systemctl status`; counts and reasons only.
    pub fn status(&self, line: &str) {
        self.notify(&[NotifyState::Status(line)]);
    }

    /// Finishing takes longer than the unit's stop time: asks for `more`.
    pub fn extend_stop(&self, more: Duration) {
        let us = u32::try_from(more.as_micros()).unwrap_or(u32::MAX);
        self.notify(&[NotifyState::ExtendTimeoutUsec(us)]);
    }

    /// Pings the watchdog if a third of its interval has passed. One
    /// comparison otherwise: for every turn of the capture loop.
    pub fn ping_if_due(&mut self, now: Instant) {
        let Some(every) = self.every else { return };
        if self.last_ping.is_some_and(|last| now.saturating_duration_since(last) < every) {
            return;
        }
        self.last_ping = Some(now);
        self.notify(&[NotifyState::Watchdog]);
    }

    /// How often [`Self::ping_if_due`] must be called at least; `None` without a watchdog.
    pub fn interval(&self) -> Option<Duration> {
        self.every
    }

    /// Another process speaks to the service manager from here on.
    pub fn fall_silent(&mut self) {
        *self = Notifier::new(None, |_| Ok(()));
    }

    fn notify(&self, what: &[NotifyState<'_>]) {
        if let Err(error) = (self.send)(what) {
            tracing::debug!(reason = %error.kind(), "service manager not told");
        }
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("every", &self.every).field("last_ping", &self.last_ping).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;
    use std::sync::{Arc, Mutex};

    #[test]
    fn pings_three_times_an_interval() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&said);
        let mut n = Notifier::new(Some(Duration::from_secs(30)), move |states| {
            log.lock().unwrap().extend(states.iter().map(ToString::to_string));
            Ok(())
        });
        let t0 = Instant::now();
        for s in 0..30 {
            n.ping_if_due(t0 + Duration::from_secs(s));
        }
        assert_eq!(*said.lock().unwrap(), ["WATCHDOG=1"; 3]);
    }

    #[test]
    fn ready_when_it_is_and_a_status_that_says_what_is_wrong() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&said);
        let mut n = Notifier::new(None, move |states| {
            log.lock().unwrap().extend(states.iter().map(ToString::to_string));
            Ok(())
        });
        let t0 = Instant::now();
        let at = |s| t0 + Duration::from_secs(s);
        n.tell_state(at(0), Err::<u64, _>("storage nearly full"));
        n.tell_state(at(1), Err::<u64, _>("storage nearly full"));
        n.tell_state(at(2), Ok::<_, &str>(0));
        n.tell_state(at(3), Ok::<_, &str>(7));
        n.tell_state(at(8), Ok::<_, &str>(9));
        n.tell_state(at(9), Err::<u64, _>("eth1 went away"));
        n.tell_state(at(10), Ok::<_, &str>(1));
        let want = [
            "STATUS=NOT READY: storage nearly full",
            "READY=1",
            "STATUS=recording 0 calls",
            "STATUS=recording 9 calls",
            "STATUS=NOT READY: eth1 went away",
            "STATUS=recording 1 call",
        ];
        assert_eq!(*said.lock().unwrap(), want);
    }

    #[test]
    fn silent_without_a_watchdog_and_deaf_to_errors() {
        let mut n = Notifier::new(None, |states| {
            assert_ne!(states[0].to_string(), "WATCHDOG=1");
            Err(io::ErrorKind::BrokenPipe.into())
        });
        n.ping_if_due(Instant::now());
        n.ready();
    }

    /// The other half of the next test: runs with the environment systemd gives.
    #[test]
    #[ignore = "started by speaks_the_protocol"]
    fn under_a_manager() {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return;
        }
        let mut n = Notifier::from_env();
        assert_eq!(n.interval(), Some(Duration::from_secs(10)));
        n.ready();
        n.status("recording 3 calls");
        n.ping_if_due(Instant::now());
        n.stopping();
    }

    #[test]
    fn speaks_the_protocol() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("socket");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
        let child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "--ignored", "telemetry::notify::tests::under_a_manager"])
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "30000000")
            .env_remove("WATCHDOG_PID")
            .output()
            .expect("child");
        assert!(child.status.success(), "{child:?}");
        for want in ["READY=1", "STATUS=recording 3 calls", "WATCHDOG=1", "STOPPING=1"] {
            let mut buf = [0u8; 256];
            let n = socket.recv(&mut buf).expect("a message");
            assert_eq!(std::str::from_utf8(&buf[..n]).expect("text").trim_end(), want);
        }
    }
}
