//! What a sweep may do, decided from what is known before it.
//!
//! Nothing is deleted while the clock is not believed ([`super::super::wall_clock`]), nor
//! where it would be far more than usual:
//!
//! **The guard.** In a store that is kept up, a sweep meets what fell due on one
//! day. So it deletes at most what fell due on `retention.guard` days (default 3),
//! and of that not far more than was ever recorded on one day: a few services
//! with terms of their own, and the last days of a long month whose anniversaries
//! are one ([`CLAMPED`]), come together on a day. [`GUARD_FLOOR`] recordings are
//! always allowed. More is a clock that lies, a rule that was shortened, or a
//! recorder that stood still for days: a person looks (`nauhuri expire --dry-run`)
//! and says so (`--ignore-guard`). 0 switches the guard off.
//!
//! Pure. Must not know how anything is deleted, or when it is called.

use super::super::wall_clock::{Believed, ClockTrouble, Newest, Reading};
use crate::config::{ClockTrust, Config};
use crate::store::calendar::ago;
use crate::time::Timestamp;

/// Always allowed at once.
pub const GUARD_FLOOR: u64 = 20;
/// Days that may fall due together with a fourth: the 28th to the 31st of August on
/// the 28th of February.
pub const CLAMPED: u64 = 3;

/// How a sweep is done.
#[derive(Clone, Copy, Debug, Default)]
pub struct SweepOptions {
    /// Says what would be deleted and deletes nothing.
    pub dry_run: bool,
    /// Somebody answers for the clock; it is believed from now on.
    pub ignore_clock: bool,
    /// Somebody has looked.
    pub ignore_guard: bool,
    /// `retention.clock = "any"`: it need not be synchronised.
    pub any_clock: bool,
    /// `retention.guard`
    pub guard: u32,
    /// Also looks through the whole store for files of deleted recordings that
    /// came back.
    pub walk: bool,
    /// Also counts files that are not the service's, for its metric: each is looked at.
    pub count_wrong_owners: bool,
    /// A refusal is not written to the audit log: it is the same as last hour's.
    pub untold_refusal: bool,
    /// `audit.keep`, as the instant before which entries go; `None`: none go.
    pub audit_since: Option<Timestamp>,
    /// `retention.tombstones`, likewise; looked at with `walk`.
    pub tombstones_since: Option<Timestamp>,
    /// `dsar.keep`, as the instant before which the names of those go whose requests were decided.
    pub dsar_since: Option<Timestamp>,
    /// `log.keep`, as the instant before which calls leave the register of those that were not recorded.
    pub register_since: Option<Timestamp>,
}

impl SweepOptions {
    /// What the configuration says about a sweep at `now`.
    pub fn of(config: &Config, now: Timestamp) -> SweepOptions {
        SweepOptions {
            any_clock: config.retention.clock == ClockTrust::Any,
            guard: config.retention.guard,
            audit_since: Some(ago(config.audit.keep, now)),
            tombstones_since: Some(ago(config.retention.tombstones, now)),
            dsar_since: Some(ago(config.dsar.keep, now)),
            register_since: Some(now - config.log.keep),
            ..SweepOptions::default()
        }
    }
}

/// Why nothing was deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The clock is not believed.
    #[error("{0}")]
    Clock(ClockTrouble),
    /// Far more than usual.
    #[error(
        "{due} recordings are due, those of {days} days, far more than usual \
         (at most {allowed} of {guard} days at once, retention.guard)"
    )]
    Guard {
        /// Due.
        due: u64,
        /// Days on which they fell due.
        days: u64,
        /// Recordings allowed.
        allowed: u64,
        /// Days allowed.
        guard: u64,
    },
}

impl Refusal {
    /// One word, for a metric.
    pub const fn name(&self) -> &'static str {
        match self {
            Refusal::Clock(trouble) => trouble.name(),
            Refusal::Guard { .. } => "guard",
        }
    }
}

/// What is known of the store before a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// Past their term and not held.
    pub due: u64,
    /// What is due, in days; looked at where more than [`GUARD_FLOOR`] are.
    pub crowd: Option<Crowd>,
    /// The newest recording.
    pub newest: Option<Newest>,
    /// What was last believed of the clock.
    pub believed: Result<Option<Believed>, ClockTrouble>,
}

/// How what is due compares with what is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// Days on which it fell due.
    pub days: u64,
    /// Most recordings that were answered on one day.
    pub busiest: u64,
}

/// What a sweep does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Only looks; whether it would be refused.
    Look {
        /// Why it would.
        refusal: Option<Refusal>,
    },
    /// Deletes nothing.
    Refuse {
        /// Why.
        refusal: Refusal,
        /// It goes into the audit log: it is not last hour's.
        tell: bool,
    },
    /// Remembers the clock, deletes, and forgets what has been remembered long enough.
    Delete {
        /// What is due at this instant: recordings with their training copies, and the assurance of
        /// calls that left none.
        due_at: Timestamp,
        /// Entries of the audit log before this.
        audit_before: Option<Timestamp>,
        /// Tombstones before this.
        tombstones_before: Option<Timestamp>,
        /// Requests of data subjects that were decided before this.
        requests_before: Option<RequestsBefore>,
        /// Calls in the register of those that were not recorded, before this.
        register_before: Option<Timestamp>,
    },
}

/// How much of a request of a data subject goes that was decided long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestsBefore {
    /// Decided before this: whose it was goes.
    pub names: Timestamp,
    /// Decided before this: all of it goes.
    pub whole: Timestamp,
}

/// What a sweep does with this store by this clock.
pub fn plan(inventory: &Inventory, clock: &Reading, options: &SweepOptions) -> Plan {
    let refusal = clock_refusal(inventory, clock, options).or_else(|| guard_refusal(inventory, options));
    match refusal {
        refusal if options.dry_run => Plan::Look { refusal },
        Some(refusal) => Plan::Refuse { refusal, tell: !options.untold_refusal },
        None => Plan::Delete {
            due_at: clock.wall,
            audit_before: options.audit_since,
            tombstones_before: options.tombstones_since.filter(|_| options.walk),
            // What is left of a request goes with the entries of the log that tell of it.
            requests_before: options
                .dsar_since
                .zip(options.audit_since)
                .map(|(names, whole)| RequestsBefore { names, whole }),
            register_before: options.register_since,
        },
    }
}

fn clock_refusal(inventory: &Inventory, clock: &Reading, options: &SweepOptions) -> Option<Refusal> {
    if options.ignore_clock {
        return None;
    }
    let last = inventory.believed.as_ref().map(Option::as_ref).map_err(Clone::clone);
    clock.judge(last, inventory.newest, !options.any_clock).err().map(Refusal::Clock)
}

fn guard_refusal(inventory: &Inventory, options: &SweepOptions) -> Option<Refusal> {
    let due = inventory.due;
    if options.ignore_guard || options.guard == 0 || due <= GUARD_FLOOR {
        return None;
    }
    let guard = u64::from(options.guard);
    // Not looked at is as if it were more than usual.
    let Crowd { days, busiest } = inventory.crowd.unwrap_or(Crowd { days: u64::MAX, busiest: 0 });
    let allowed = busiest.saturating_mul(guard + CLAMPED);
    (days > guard || due > allowed).then_some(Refusal::Guard { due, days, allowed, guard })
}

#[cfg(test)]
mod tests {
    use super::super::super::wall_clock::Sync;
    use super::*;
    use uuid::Uuid;

    const DAY: i64 = 86_400;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_parts(1_795_421_723 + s, 0)
    }

    fn clock(s: i64) -> Reading {
        Reading { wall: at(s), uptime_ns: (10 * DAY + s) * 1_000_000_000, boot: "a".into(), sync: Sync::Yes }
    }

    fn known() -> Inventory {
        let newest = Some(Newest { id: Uuid::from_u128(7), answered_at: at(-100) });
        Inventory { due: 5, crowd: None, newest, believed: Ok(Some(clock(-3_600).believed())) }
    }

    fn options() -> SweepOptions {
        SweepOptions {
            guard: 3,
            audit_since: Some(at(-1_000 * DAY)),
            tombstones_since: Some(at(-500 * DAY)),
            dsar_since: Some(at(-300 * DAY)),
            register_since: Some(at(-30 * DAY)),
            ..SweepOptions::default()
        }
    }

    fn crowd(due: u64, days: u64, busiest: u64) -> Inventory {
        Inventory { due, crowd: Some(Crowd { days, busiest }), ..known() }
    }

    /// `delete`, `look`, or the name of a refusal.
    fn word(plan: &Plan) -> &'static str {
        match plan {
            Plan::Delete { .. } => "delete",
            Plan::Look { refusal: None } => "look",
            Plan::Look { refusal: Some(refusal) } | Plan::Refuse { refusal, .. } => refusal.name(),
        }
    }

    #[test]
    fn what_is_asked_of_the_clock_and_of_the_number() {
        let forgotten = || Inventory { believed: Err(ClockTrouble::Forgotten), ..known() };
        let unknown = |newest_s: i64| Inventory {
            believed: Ok(None),
            newest: Some(Newest { id: Uuid::nil(), answered_at: at(newest_s) }),
            ..known()
        };
        let empty = || Inventory { believed: Ok(None), newest: None, ..known() };
        let unsynchronised = Reading { sync: Sync::No, ..clock(0) };
        let nobody_knows = Reading { sync: Sync::Unknown, ..clock(0) };
        let jumped = Reading { wall: at(5 * DAY), ..clock(0) };
        let ignore_clock = SweepOptions { ignore_clock: true, ..options() };
        let any_clock = SweepOptions { any_clock: true, ..options() };
        let ignore_guard = SweepOptions { ignore_guard: true, ..options() };
        let no_guard = SweepOptions { guard: 0, ..options() };
        let both = SweepOptions { ignore_guard: true, ..ignore_clock };
        for (n, (inventory, clock, options, want)) in [
            (known(), clock(0), options(), "delete"),
            (known(), unsynchronised.clone(), options(), "clock_unsynchronised"),
            (known(), nobody_knows.clone(), options(), "clock_unsynchronised"),
            (known(), unsynchronised.clone(), any_clock, "delete"),
            (known(), nobody_knows, ignore_clock, "delete"),
            (known(), jumped.clone(), options(), "clock_jumped"),
            (known(), jumped.clone(), any_clock, "clock_jumped"),
            (known(), jumped.clone(), ignore_clock, "delete"),
            (known(), jumped.clone(), ignore_guard, "clock_jumped"),
            (forgotten(), clock(0), options(), "clock_jumped"),
            (forgotten(), clock(0), ignore_clock, "delete"),
            (unknown(-100), clock(0), options(), "delete"),
            (unknown(3_000 * DAY), clock(0), options(), "clock_implausible"),
            (unknown(-400 * DAY), clock(0), options(), "clock_implausible"),
            (empty(), clock(0), options(), "delete"),
            (crowd(20, 9, 0), clock(0), options(), "delete"),
            (crowd(21, 3, 4), clock(0), options(), "delete"),
            (crowd(25, 3, 4), clock(0), options(), "guard"),
            (crowd(24, 4, 4), clock(0), options(), "guard"),
            (crowd(25, 9, 4), clock(0), ignore_guard, "delete"),
            (crowd(25, 9, 4), clock(0), no_guard, "delete"),
            (crowd(25, 9, 4), clock(0), ignore_clock, "guard"),
            (crowd(25, 9, 4), jumped.clone(), options(), "clock_jumped"),
            (crowd(25, 9, 4), jumped, both, "delete"),
            (Inventory { due: 21, ..known() }, clock(0), options(), "guard"),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(word(&plan(&inventory, &clock, &options)), want, "row {n}");
            let dry = SweepOptions { dry_run: true, ..options };
            let want = if want == "delete" { "look" } else { want };
            let dry = plan(&inventory, &clock, &dry);
            assert!(matches!(dry, Plan::Look { .. }), "row {n}");
            assert_eq!(word(&dry), want, "row {n}, only looked at");
        }
    }

    #[test]
    fn what_goes_and_what_is_told() {
        let walk = SweepOptions { walk: true, ..options() };
        let (due_at, audit_before) = (at(0), Some(at(-1_000 * DAY)));
        let requests_before = Some(RequestsBefore { names: at(-300 * DAY), whole: at(-1_000 * DAY) });
        let register_before = Some(at(-30 * DAY));
        let want = |tombstones_before, requests_before, register_before| Plan::Delete {
            due_at,
            audit_before,
            tombstones_before,
            requests_before,
            register_before,
        };
        assert_eq!(plan(&known(), &clock(0), &options()), want(None, requests_before, register_before));
        let tombstones_before = Some(at(-500 * DAY));
        let all = want(tombstones_before, requests_before, register_before);
        assert_eq!(plan(&known(), &clock(0), &walk), all);
        let kept = SweepOptions { dsar_since: None, register_since: None, ..walk };
        assert_eq!(plan(&known(), &clock(0), &kept), want(tombstones_before, None, None));
        for untold_refusal in [false, true] {
            let options = SweepOptions { untold_refusal, ..options() };
            let refused = plan(&crowd(900, 9, 1), &clock(0), &options);
            assert!(matches!(refused, Plan::Refuse { tell, .. } if tell != untold_refusal));
        }
    }
}
