//! When the server looks at its sessions, and when it sends something again (RFC 3261 §17).

use crate::time::{NS_PER_MS, Timestamp};

/// RFC 3261 §17.1.1.1: T1, after which it is sent again.
const T1_NS: i64 = 500 * NS_PER_MS;
/// The longest wait between two of them.
pub const T2_NS: i64 = 4000 * NS_PER_MS;
/// How often the sessions are looked through.
const LOOK_NS: i64 = 100 * NS_PER_MS;
/// How long after its beginning something is given up: 64 times T1.
pub const GIVE_UP_NS: i64 = 64 * T1_NS;

/// When to look.
#[derive(Debug, Default)]
pub struct Schedule(Option<Timestamp>);

impl Schedule {
    /// The first repeat after `now`, and how long after it the next one is due.
    pub fn first(now: Timestamp) -> (Timestamp, i64) {
        (now.offset_ns(T1_NS), 2 * T1_NS)
    }

    /// Is it time to look?
    pub fn is_due(&mut self, now: Timestamp) -> bool {
        // A clock that was set back is no reason to wait for hours.
        let is_due = self.0.is_none_or(|at| now >= at || at.since_ns(now) > LOOK_NS);
        if is_due {
            self.0 = Some(now.offset_ns(LOOK_NS));
        }
        is_due
    }
}
