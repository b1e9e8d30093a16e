//! The clocks of everything outside the core: the machine's, or ones that a test turns.
//!
//! What follows from the time of day, or from hours that pass, asks this one: sweeps, pauses, the audit log.
//! How long a thread was silent, an answer may take or a queue has waited is measured on the machine's
//! monotonic clock where it happens: a clock that a test has stopped would let it wait for ever. What arrives
//! on a socket is stamped where it is received, as the kernel stamps packets.

use crate::custody::wall_clock::{Reading, Sync};
use crate::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a thread that sleeps on a turned clock looks whether it was turned.
const LOOK: Duration = Duration::from_millis(2);

/// A steady clock and a wall clock that run alike. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock(ClockKind);

#[derive(Clone, Debug)]
enum ClockKind {
    Machine,
    Turned { wall: Timestamp, steady: Instant, ran_ns: Arc<AtomicU64>, is_adrift: Arc<AtomicBool> },
}

impl Clock {
    /// The machine's.
    pub fn machine() -> Clock {
        Clock(ClockKind::Machine)
    }

    /// One that stands at `wall` until somebody turns it.
    pub fn standing(wall: Timestamp) -> Clock {
        let (ran_ns, is_adrift) = (Arc::default(), Arc::default());
        Clock(ClockKind::Turned { wall, steady: Instant::now(), ran_ns, is_adrift })
    }

    /// Turns a standing clock on; the machine's is nobody's to turn.
    pub fn turn(&self, by: Duration) {
        if let ClockKind::Turned { ran_ns, .. } = &self.0 {
            ran_ns.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
    }

    /// Says of a standing clock that nobody keeps it synchronised, or that somebody does again.
    pub fn set_adrift(&self, adrift: bool) {
        if let ClockKind::Turned { is_adrift, .. } = &self.0 {
            is_adrift.store(adrift, Ordering::SeqCst);
        }
    }

    /// The steady clock.
    pub fn now(&self) -> Instant {
        match &self.0 {
            ClockKind::Machine => Instant::now(),
            ClockKind::Turned { steady, ran_ns, .. } => {
                *steady + Duration::from_nanos(ran_ns.load(Ordering::SeqCst))
            }
        }
    }

    /// The wall clock.
    pub fn wall(&self) -> Timestamp {
        match &self.0 {
            ClockKind::Machine => Timestamp::from_jiff(jiff::Timestamp::now()),
            ClockKind::Turned { wall, ran_ns, .. } => {
                *wall + Duration::from_nanos(ran_ns.load(Ordering::SeqCst))
            }
        }
    }

    /// One look at the clocks, for whoever deletes by them. `ask`: also whether they are
    /// synchronised, which may take seconds.
    pub fn reading(&self, ask: bool) -> Reading {
        match &self.0 {
            ClockKind::Machine => Reading::take(ask),
            ClockKind::Turned { ran_ns, is_adrift, .. } => Reading {
                wall: self.wall(),
                uptime_ns: i64::try_from(ran_ns.load(Ordering::SeqCst)).unwrap_or(i64::MAX),
                boot: "turned by hand".into(),
                sync: if is_adrift.load(Ordering::SeqCst) { Sync::No } else { Sync::Yes },
            },
        }
    }

    /// Sleeps so long by this clock; on one that is turned by hand only for a moment, and
    /// the caller looks again.
    pub fn nap(&self, how_long: Duration) {
        std::thread::sleep(match self.0 {
            ClockKind::Machine => how_long,
            ClockKind::Turned { .. } => LOOK,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_when_it_is_turned_and_not_before() {
        let clock = Clock::standing(Timestamp::from_parts(1_700_000_000, 0));
        let (same, before, steady) = (clock.clone(), clock.wall(), clock.now());
        clock.nap(Duration::from_secs(3600));
        assert_eq!((clock.wall(), clock.now()), (before, steady));
        clock.turn(Duration::from_secs(3600));
        assert_eq!(same.wall().since_ns(before), 3_600_000_000_000);
        assert_eq!(same.now().duration_since(steady), Duration::from_secs(3600));
        let (a, b) = (before, same.reading(true));
        assert_eq!(
            (b.wall, b.uptime_ns, b.sync),
            (a + Duration::from_secs(3600), 3_600_000_000_000, Sync::Yes)
        );
    }
}
