//! The book that must balance: answered = completed + failed + active, and as well
//! answered = the buckets of calls that are over + active.
//!
//! The five families stand under one lock. A scrape copies them out in one
//! go, so it never sees a call between two columns. What a call is, and who
//! decides that it ended, is not known here.

use super::families::{Families, OTHER_SERVICE, set_all};
use super::label::{CallBucket, FailReason};
use crate::call::EndedBy;
use metrics::{Counter, Gauge};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

/// Counts calls that are to be recorded, from the answer to their one end.
///
/// Only calls whose recording is wanted are entered: what is left out by rule
/// is counted in `nauhuri_calls_unrecorded_total` instead.
#[derive(Debug)]
pub struct CallLedger {
    slots: RwLock<HashMap<String, usize>>,
    counts: Mutex<LedgerCounts>,
    /// As many as there are rows in the counts, or one more.
    services: Mutex<Vec<ServiceHandles>>,
    handles: Handles,
}

/// What the ledger holds at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Calls answered.
    pub answered: u64,
    /// Recordings finished.
    pub completed: u64,
    /// Answered calls that left no recording.
    pub failed: u64,
    /// Calls that are over, in whatever bucket.
    pub assured: u64,
    /// Recordings running.
    pub active: u64,
    /// Ends refused because no call was active: a fault of the caller.
    pub refused: u64,
}

#[derive(Clone, Debug)]
struct LedgerCounts {
    services: Vec<ServiceCounts>,
    failed: [u64; FailReason::COUNT],
    active: u64,
    refused: u64,
}

#[derive(Clone, Debug, Default)]
struct ServiceCounts {
    answered: u64,
    completed: [u64; EndedBy::ALL.len()],
    assured: [u64; CallBucket::COUNT],
}

#[derive(Debug)]
struct ServiceHandles {
    answered: Counter,
    completed: Vec<Counter>,
    assured: Vec<Counter>,
}

impl ServiceHandles {
    fn new(families: &Families<'_>, name: &str) -> ServiceHandles {
        let answered = families.counter(
            "nauhuri_calls_answered_total",
            "Answered calls that were to be recorded. Equals completed + failed + active at every scrape.",
            &[("service", name)],
        );
        let completed = EndedBy::ALL.iter().map(|by| {
            families.counter(
                "nauhuri_recordings_completed_total",
                "Recordings finished and stored, by what ended them.",
                &[("service", name), ("ended_by", by.name())],
            )
        });
        let assured = CallBucket::ALL.iter().map(|bucket| {
            families.counter(
                "nauhuri_calls_assured_total",
                "Answered calls that were to be recorded and are over, by how far they were. Answered equals their sum + nauhuri_recordings_active at every scrape.",
                &[("service", name), ("bucket", bucket.as_str())],
            )
        });
        ServiceHandles { answered, completed: completed.collect(), assured: assured.collect() }
    }
}

#[derive(Debug)]
struct Handles {
    failed: Vec<Counter>,
    active: Gauge,
    refused: Counter,
}

impl CallLedger {
    /// A ledger with one row for each of `services`; [`OTHER_SERVICE`] among them takes every
    /// service not named.
    pub(super) fn new(families: &Families<'_>, services: &[String]) -> Self {
        let handles = Handles {
            failed: families.counters(
                "nauhuri_recordings_failed_total",
                "Answered calls that left no recording, by reason.",
                "reason",
                FailReason::ALL.iter().map(|r| r.as_str()),
            ),
            active: families.gauge("nauhuri_recordings_active", "Recordings running now.", &[]),
            refused: families.counter(
                "nauhuri_ledger_refused_total",
                "Ends of calls that were not running: a fault in the recorder, always 0.",
                &[],
            ),
        };
        CallLedger {
            slots: RwLock::new(services.iter().enumerate().map(|(i, s)| (s.clone(), i)).collect()),
            services: Mutex::new(services.iter().map(|name| ServiceHandles::new(families, name)).collect()),
            counts: Mutex::new(LedgerCounts {
                services: vec![ServiceCounts::default(); services.len()],
                failed: [0; FailReason::COUNT],
                active: 0,
                refused: 0,
            }),
            handles,
        }
    }

    /// One more row. What was entered for this service before stays with [`OTHER_SERVICE`].
    pub(super) fn add(&self, families: &Families<'_>, service: &str) {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.contains_key(service) {
            return;
        }
        self.handles_of_services().push(ServiceHandles::new(families, service));
        let mut counts = self.lock();
        slots.insert(service.to_owned(), counts.services.len());
        counts.services.push(ServiceCounts::default());
    }

    /// A call that is to be recorded was answered.
    pub fn answered(&self, service: &str) {
        let slot = self.slot(service);
        let mut counts = self.lock();
        if let Some(row) = counts.services.get_mut(slot) {
            row.answered += 1;
            counts.active += 1;
        }
    }

    /// Its recording is stored, and has so much of it. `false`, and nothing counted, if no call is active.
    pub fn completed(&self, service: &str, ended_by: EndedBy, bucket: CallBucket) -> bool {
        let slot = self.slot(service);
        let mut counts = self.lock();
        if !counts.end_one() {
            return false;
        }
        if let Some(row) = counts.services.get_mut(slot) {
            row.completed[ended_by.index()] += 1;
            row.assured[bucket.index()] += 1;
        }
        true
    }

    /// It left no recording. `false`, and nothing counted, if no call is active.
    pub fn failed(&self, service: &str, reason: FailReason) -> bool {
        let slot = self.slot(service);
        let mut counts = self.lock();
        if !counts.end_one() {
            return false;
        }
        counts.failed[reason.index()] += 1;
        if let Some(row) = counts.services.get_mut(slot) {
            row.assured[bucket_of(reason).index()] += 1;
        }
        true
    }

    /// A recording left by an earlier process was finished: its answer was
    /// counted by that process, so both columns are entered at once.
    pub fn recovered(&self, service: &str) {
        let slot = self.slot(service);
        let mut counts = self.lock();
        if let Some(row) = counts.services.get_mut(slot) {
            row.answered += 1;
            row.completed[EndedBy::Recovered.index()] += 1;
            // Its end was not seen.
            row.assured[CallBucket::Partial.index()] += 1;
        }
    }

    /// Recordings running now.
    pub fn active(&self) -> u64 {
        self.lock().active
    }

    /// All columns summed, at one instant.
    pub fn balance(&self) -> Balance {
        let counts = self.lock();
        Balance {
            answered: counts.services.iter().map(|s| s.answered).sum(),
            completed: counts.services.iter().flat_map(|s| s.completed).sum(),
            failed: counts.failed.iter().sum(),
            assured: counts.services.iter().flat_map(|s| s.assured).sum(),
            active: counts.active,
            refused: counts.refused,
        }
    }

    /// Copies every column to the exporter. The caller lets no other scrape
    /// render meanwhile; the ledger's own lock is held for the copy only, so
    /// a scrape never keeps a call waiting for the rendering.
    pub(super) fn publish(&self) {
        let now = self.lock().clone();
        for (row, handles) in now.services.iter().zip(self.handles_of_services().iter()) {
            handles.answered.absolute(row.answered);
            set_all(&handles.completed, &row.completed);
            set_all(&handles.assured, &row.assured);
        }
        set_all(&self.handles.failed, &now.failed);
        self.handles.active.set(now.active as f64);
        self.handles.refused.absolute(now.refused);
    }

    fn slot(&self, service: &str) -> usize {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.get(service).or_else(|| slots.get(OTHER_SERVICE)).copied().unwrap_or(usize::MAX)
    }

    fn handles_of_services(&self) -> MutexGuard<'_, Vec<ServiceHandles>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, LedgerCounts> {
        // A panic elsewhere cannot leave the columns half written: each entry is plain arithmetic.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a call ends that left no recording.
const fn bucket_of(reason: FailReason) -> CallBucket {
    match reason {
        FailReason::Stray | FailReason::OtherHop | FailReason::Excluded => CallBucket::Excluded,
        FailReason::Storage
        | FailReason::NoSpace
        | FailReason::Limit
        | FailReason::Overload
        | FailReason::NoMedia => CallBucket::Missing,
    }
}

impl LedgerCounts {
    fn end_one(&mut self) -> bool {
        match self.active.checked_sub(1) {
            Some(left) => {
                self.active = left;
                true
            }
            None => {
                self.refused += 1;
                false
            }
        }
    }
}
