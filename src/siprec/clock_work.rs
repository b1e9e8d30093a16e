//! What the server does because time has passed: sends again, refreshes, gives up.

use super::offer::Taken;
use super::outputs::MediaPorts;
use super::recording_server::RecordingServer;
use super::recording_session::{RecordingSession, SessionState};
use super::schedule::{GIVE_UP_NS, T2_NS};
use super::timer::TimerCall;
use crate::time::Timestamp;
use std::time::Duration;

/// A session that is paused may be without any sign of life for so long.
const FORGOTTEN_PAUSE: Duration = Duration::from_secs(12 * 3600);

/// What a session needs.
enum Need {
    Nothing,
    Again,
    Refresh,
    /// It lapsed: we hang up.
    Over,
    /// Nobody answers the BYE either.
    Gone,
}

impl RecordingServer {
    /// Time has come to `now`.
    pub fn handle_timeout(&mut self, now: Timestamp, ports: &mut dyn MediaPorts) {
        if !self.schedule.is_due(now) {
            return;
        }
        let max_silence = self.max_silence;
        let needs = self.sessions.values_mut().map(|s| (s.number, need(s, now, max_silence)));
        let mut needs: Vec<(u64, Need)> = needs.filter(|(_, n)| !matches!(n, Need::Nothing)).collect();
        needs.sort_unstable_by_key(|(number, _)| *number);
        for (number, need) in needs {
            match need {
                Need::Nothing => {}
                Need::Again => self.again(number),
                Need::Refresh => self.refresh(number),
                Need::Over => {
                    self.stats.lapsed += 1;
                    self.hang_up(number, now);
                }
                Need::Gone => self.end(number, ports),
            }
        }
    }

    fn again(&mut self, number: u64) {
        let Some(s) = self.sessions.get(&number) else { return };
        let bytes = match s.state {
            SessionState::Accepted { .. } => s.last.2.clone(),
            SessionState::Ending { .. } => s.own.clone(),
            SessionState::Confirmed => return,
        };
        let to = s.next_hop();
        self.send(to, bytes);
    }

    /// Refreshes the session (RFC 4028 §10): by UPDATE, or by a re-INVITE that repeats the answer.
    fn refresh(&mut self, number: u64) {
        let branch = self.entropy.branch();
        let Some(s) = self.sessions.get_mut(&number) else { return };
        let method = if s.can_update { "UPDATE" } else { "INVITE" };
        let expires = s.timer.own_header();
        let request =
            s.request(method, &branch).header("Supported", "timer").header("Session-Expires", &expires);
        let body = if s.can_update { String::new() } else { s.answer.clone() };
        let (to, bytes) = (s.next_hop(), request.body("application/sdp", &body));
        self.send(to, bytes);
    }
}

/// Looks at one session; repeats are booked.
fn need(s: &mut RecordingSession, now: Timestamp, max_silence: Duration) -> Need {
    let is_paused = !s.lines.iter().any(|l| l.offered.taken == Taken::Active);
    let patience = if is_paused { max_silence.max(FORGOTTEN_PAUSE) } else { max_silence };
    match &mut s.state {
        SessionState::Accepted { since, .. } if now.since_ns(*since) > GIVE_UP_NS => Need::Over,
        SessionState::Ending { since, .. } if now.since_ns(*since) > GIVE_UP_NS => Need::Gone,
        SessionState::Accepted { again, .. } | SessionState::Ending { again, .. } => {
            let (at, then) = *again;
            if now < at {
                return Need::Nothing;
            }
            *again = (now.offset_ns(then), (2 * then).min(T2_NS));
            Need::Again
        }
        SessionState::Confirmed => match s.timer.poll(now) {
            TimerCall::Lapsed => Need::Over,
            TimerCall::Refresh => Need::Refresh,
            TimerCall::Wait if s.alive_at + patience < now => Need::Over,
            TimerCall::Wait => Need::Nothing,
        },
    }
}
