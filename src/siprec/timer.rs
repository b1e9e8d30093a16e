//! Session timers (RFC 4028): who refreshes, how often, and when a session has lapsed.

use crate::sip::Message;
use crate::time::{NS_PER_S, Timestamp};

/// What is asked for where the client leaves it to us, seconds.
const DEFAULT_S: i64 = 1800;
/// The least that is accepted (RFC 4028 §5), seconds.
pub const MIN_S: i64 = 90;
/// More than this nobody means, seconds.
const MAX_S: i64 = 24 * 3600;

/// The timer of one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionTimer {
    /// Seconds between two refreshes at most; 0: there is no timer.
    interval_s: i64,
    is_ours: bool,
    refreshed_at: Timestamp,
    asked_at: Option<Timestamp>,
}

/// What the timer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerCall {
    /// Nothing.
    Wait,
    /// A refresh by us.
    Refresh,
    /// The end: nobody has refreshed it.
    Lapsed,
}

impl SessionTimer {
    /// As an INVITE or UPDATE has it.
    ///
    /// # Errors
    /// It is too short: 422, with the least that does.
    pub fn asked(msg: &Message<'_>, now: Timestamp) -> Result<SessionTimer, i64> {
        let supports = |name: &str| msg.header_values(name).any(|v| v.eq_ignore_ascii_case(b"timer"));
        let is_able = supports("Supported") || supports("Require");
        let asked = msg.header("Session-Expires");
        let text = asked.as_deref().map(|v| String::from_utf8_lossy(v).to_ascii_lowercase());
        let seconds = text.as_deref().and_then(|t| t.split(';').next()?.trim().parse::<i64>().ok());
        let interval_s = match seconds {
            Some(s) if s < MIN_S => return Err(MIN_S),
            Some(s) => s.min(MAX_S),
            None if is_able => DEFAULT_S,
            None => return Ok(SessionTimer::default()),
        };
        let says_uas = text.is_some_and(|t| t.replace(' ', "").contains("refresher=uas"));
        Ok(SessionTimer { interval_s, is_ours: says_uas || !is_able, refreshed_at: now, asked_at: None })
    }

    /// `Session-Expires` of the response; [`None`] where there is no timer.
    pub fn header(&self) -> Option<String> {
        let refresher = if self.is_ours { "uas" } else { "uac" };
        (self.interval_s > 0).then(|| format!("{};refresher={refresher}", self.interval_s))
    }

    /// The same in a refresh of ours, where we are the one who asks.
    pub fn own_header(&self) -> String {
        format!("{};refresher=uac", self.interval_s)
    }

    /// It lives.
    pub fn refreshed(&mut self, now: Timestamp) {
        (self.refreshed_at, self.asked_at) = (now, None);
    }

    /// What is to be done at `now`; a refresh is asked for once.
    pub fn poll(&mut self, now: Timestamp) -> TimerCall {
        let age_s = now.since_ns(self.refreshed_at) / NS_PER_S;
        match self.interval_s {
            0 => TimerCall::Wait,
            s if age_s >= s => TimerCall::Lapsed,
            s if self.is_ours && age_s >= s / 2 && self.asked_at.is_none() => {
                self.asked_at = Some(now);
                TimerCall::Refresh
            }
            _ => TimerCall::Wait,
        }
    }

    /// There is one.
    pub fn is_set(&self) -> bool {
        self.interval_s > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer(headers: &str) -> Result<SessionTimer, i64> {
        let text = format!("INVITE sip:a@b SIP/2.0\r\n{headers}\r\n\r\n");
        SessionTimer::asked(&Message::parse(text.as_bytes()).expect("SIP").0, Timestamp::EPOCH)
    }

    #[test]
    fn who_refreshes_and_how_often() {
        for (headers, expected) in [
            ("X: y", None),
            ("Supported: timer", Some("1800;refresher=uac")),
            ("Supported: 100rel, TIMER\r\nSession-Expires: 600", Some("600;refresher=uac")),
            ("k: timer\r\nx: 90; refresher=uas", Some("90;refresher=uas")),
            ("Session-Expires: 600", Some("600;refresher=uas")),
            ("Require: timer\r\nSession-Expires: 99999999;refresher=uac", Some("86400;refresher=uac")),
        ] {
            assert_eq!(timer(headers).expect("long enough").header().as_deref(), expected, "{headers}");
        }
        assert_eq!(timer("Session-Expires: 30"), Err(90));
    }

    #[test]
    fn it_asks_once_and_lapses() {
        let at = |s: i64| Timestamp::from_parts(s, 0);
        let mut ours = timer("Session-Expires: 600").expect("a timer");
        assert_eq!(ours.poll(at(299)), TimerCall::Wait);
        assert_eq!((ours.poll(at(300)), ours.poll(at(301))), (TimerCall::Refresh, TimerCall::Wait));
        ours.refreshed(at(301));
        assert_eq!((ours.poll(at(600)), ours.poll(at(601))), (TimerCall::Wait, TimerCall::Refresh));
        assert_eq!(ours.poll(at(901)), TimerCall::Lapsed);
        let mut theirs = timer("Supported: timer").expect("a timer");
        assert_eq!((theirs.poll(at(1799)), theirs.poll(at(1800))), (TimerCall::Wait, TimerCall::Lapsed));
        assert_eq!(timer("X: y").expect("none").poll(at(1 << 40)), TimerCall::Wait);
    }
}
