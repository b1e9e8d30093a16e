//! What was done to recordings in a month, and what data subjects asked for: how often, by nobody. Nothing here is
//! fit to be shown.

use super::ReportError;
use super::report_month::ReportMonth;
use super::report_sources::ReportSources;
use crate::archive::search::Search;
use crate::custody::audit::{Action, Entry, Outcome};
use crate::custody::dsar::{
    RequestBook, RequestOutcome, RequestStanding, SubjectRequest, SubjectRight, standing,
};
use crate::store::calendar::{ago, local_date};
use crate::time::Timestamp;
use foldhash::fast::RandomState;
use jiff::civil::Date;
use std::collections::HashSet;
use std::hash::BuildHasher;

/// So many requests of data subjects are looked at, the newest.
const MAX_REQUESTS: usize = 10_000;

/// How often something was done.
#[derive(Debug, Default)]
pub(super) struct CustodyCounts {
    /// Recordings that a hold was put on, whose hold was ended, whose hold was confirmed.
    pub(super) holds: [u64; 3],
    /// Recordings that were closed, and opened again.
    pub(super) restrictions: [u64; 2],
    pub(super) listening: ListeningCounts,
    /// The log begins here, and not with its first entry.
    pub(super) log_begins: Option<Timestamp>,
    /// Tombstones of what was deleted before are gone.
    pub(super) tombstones_begin: Option<Timestamp>,
}

/// Hearing, copying, and asking for it.
#[derive(Debug, Default)]
pub(super) struct ListeningCounts {
    /// A person and a recording on one day, however many pieces the browser asked for.
    pub(super) hearings: u64,
    pub(super) hearings_refused: u64,
    pub(super) exports: u64,
    pub(super) exports_refused: u64,
    pub(super) asked: u64,
    pub(super) approved: u64,
    pub(super) refused: u64,
    pub(super) training_made: u64,
    pub(super) training_heard: u64,
}

impl CustodyCounts {
    /// Counts what the audit log says of the month.
    pub(super) fn of(from: &ReportSources<'_>, month: ReportMonth) -> Result<CustodyCounts, ReportError> {
        let (since, until) = (month.begins(from.zone), month.ends(from.zone));
        let mut counts = CustodyCounts::default();
        let mut heard = HeardToday::default();
        for (n, entry) in from.audit.entries()?.enumerate() {
            if n == 0 && entry.seq > 1 && entry.at > since {
                counts.log_begins = Some(entry.at);
            }
            if entry.action == Action::TombstonePrune {
                let before =
                    entry.detail.as_ref().and_then(|detail| detail["before"].as_str().map(str::to_owned));
                let before = before.and_then(|text| Timestamp::parse_rfc3339(&text));
                counts.tombstones_begin =
                    counts.tombstones_begin.max(before.filter(|before| *before > since));
            }
            if (since..until).contains(&entry.at) {
                counts.add(&entry, local_date(entry.at, from.zone), &mut heard);
            }
        }
        Ok(counts)
    }

    fn add(&mut self, entry: &Entry, day: Date, heard: &mut HeardToday) {
        let (Some(action), Some(outcome)) = (entry.action.known(), entry.outcome.known()) else { return };
        let is_done = outcome == Outcome::Done;
        let recordings = entry.targets.len() as u64;
        let told = &mut self.listening;
        let (count, by) = match (action, is_done) {
            (Action::Hold, true) => (&mut self.holds[0], recordings),
            (Action::Release, true) => (&mut self.holds[1], recordings),
            (Action::HoldReview, true) => (&mut self.holds[2], recordings),
            (Action::Restrict, true) => (&mut self.restrictions[0], recordings),
            (Action::Unrestrict, true) => (&mut self.restrictions[1], recordings),
            (Action::Listen, true) => (&mut told.hearings, heard.new_of(entry, day)),
            (Action::Listen, false) => (&mut told.hearings_refused, 1),
            (Action::Export, true) => (&mut told.exports, recordings),
            (Action::Export, false) => (&mut told.exports_refused, recordings.max(1)),
            (Action::Request, true) => (&mut told.asked, 1),
            (Action::Approve, true) => (&mut told.approved, 1),
            (Action::Refuse, true) => (&mut told.refused, 1),
            (Action::TrainingMake, true) => (&mut told.training_made, 1),
            (Action::TrainingListen, true) => (&mut told.training_heard, heard.new_of(entry, day)),
            _ => return,
        };
        *count += by;
    }
}

/// Who heard what on this day, as hashes: one day at a time, since the log is in order.
#[derive(Default)]
struct HeardToday {
    day: Option<Date>,
    keys: RandomState,
    seen: HashSet<u64>,
}

impl HeardToday {
    /// How many of the recordings of an entry its doer had not heard on that day.
    fn new_of(&mut self, entry: &Entry, day: Date) -> u64 {
        if self.day.replace(day) != Some(day) {
            self.seen.clear();
        }
        let (who, action) = (entry.who.name(), entry.action.as_str());
        let keys = &self.keys;
        let hashes = entry.targets.iter().map(|id| keys.hash_one((&who, action, id)));
        hashes.filter(|hash| self.seen.insert(*hash)).count() as u64
    }
}

/// How it stands at the moment, in the whole store.
#[derive(Debug, Default)]
pub(super) struct StandingCounts {
    pub(super) held: u64,
    pub(super) holds_due: u64,
    pub(super) restricted: u64,
    /// Past their term, not held, and still there.
    pub(super) overdue: u64,
    /// Their files are gone, and nobody deleted them.
    pub(super) missing: u64,
}

impl StandingCounts {
    pub(super) fn of(from: &ReportSources<'_>) -> Result<StandingCounts, ReportError> {
        let stats = from.index.stats(from.now)?;
        let before = ago(from.config.retention.hold_review, from.now);
        let due = Search { unconfirmed_before: Some(before), now: from.now, ..Search::default() };
        Ok(StandingCounts {
            held: stats.held.count,
            holds_due: from.index.count(&due)?,
            restricted: stats.restricted.count,
            overdue: stats.due.count,
            missing: stats.missing,
        })
    }
}

/// Requests of data subjects.
#[derive(Debug, Default)]
pub(super) struct SubjectCounts {
    /// That came in the month, by [`SubjectRight::ALL`].
    pub(super) received: [u64; SubjectRight::ALL.len()],
    /// How those stand: answered in time, late, waiting in time, overdue, put off by a hold.
    pub(super) standing: [u64; 5],
    /// That were answered in the month, whenever they came: in time, late.
    pub(super) answered: [u64; 2],
    /// That wait for an answer, whenever they came: in time, overdue.
    pub(super) waiting: [u64; 2],
}

impl SubjectCounts {
    pub(super) fn of(from: &ReportSources<'_>, month: ReportMonth) -> Result<SubjectCounts, ReportError> {
        let mut counts = SubjectCounts::default();
        let Some(book) = RequestBook::open_if_there(from.state)? else { return Ok(counts) };
        let today = local_date(from.now, from.zone);
        for request in book.page(i64::MAX, MAX_REQUESTS)? {
            counts.add(&request, standing(&request, from.index)?, month, today, from);
        }
        Ok(counts)
    }

    fn add(
        &mut self,
        request: &SubjectRequest,
        stands: RequestStanding,
        month: ReportMonth,
        today: Date,
        from: &ReportSources<'_>,
    ) {
        let decided = request.decided.as_ref().filter(|d| d.outcome != RequestOutcome::Deferred);
        let decided = decided.map(|d| local_date(d.at, from.zone));
        let is_late = usize::from(decided.unwrap_or(today) > request.due);
        if decided.is_some_and(|day| month.has(day)) {
            self.answered[is_late] += 1;
        }
        if stands.is_waiting() {
            self.waiting[is_late] += 1;
        }
        if month.has(request.received) {
            self.received[request.right as usize] += 1;
            self.standing[match stands {
                RequestStanding::Decided => is_late,
                RequestStanding::Open | RequestStanding::Resumed => 2 + is_late,
                RequestStanding::Deferred => 4,
            }] += 1;
        }
    }
}
