//! What there is to count of the calls of a month, service by service. Nothing here is fit to be shown.

use super::ReportError;
use super::call_lengths::CallLengths;
use super::local_hour::WallHours;
use super::report_month::ReportMonth;
use super::report_sources::ReportSources;
use crate::archive::index::{DeletedCall, DeletionReason, Row};
use crate::archive::marks::AssuranceMark;
use crate::archive::search::Search;
use crate::config::CallDirection;
use crate::store::assurance::{AssuranceBucket, AssuranceReason};
use crate::store::calendar::day_begins;
use crate::store::call_assurance::{AssuranceFolder, CallAssurance, is_call_assurance};
use crate::store::layout::{day_folder, open_state};
use crate::store::legible::Legible;
use crate::store::register::{Register, RegisterReason};
use crate::time::Timestamp;
use jiff::ToSpan;
use std::collections::BTreeMap;
use std::io;

/// Why a call is not in its recording whole, or left none; the last: nobody knows.
pub(super) const WHYS: usize = AssuranceReason::ALL.len() + 1;
/// So many services are told apart; a configuration has a few.
const MAX_SERVICES: usize = 1_000;
/// Where the rest of them is counted.
const OTHERS: &str = "...";
/// In hundredths: so good or better. "Satisfied", "some dissatisfied", "many dissatisfied" of ITU-T G.107 Annex B.
pub(super) const MOS_FROM: [u16; 3] = [403, 360, 310];
/// In packets of ten thousand: so many or fewer.
pub(super) const LOST_TO: [u16; 4] = [0, 10, 100, 500];
/// How late a deletion may be, days: a machine may be off, a sweep comes once an hour.
const DAYS_LATE: i64 = 1;

/// What is wrong with the sound of a recording; it may be several things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SoundFlaw {
    OneWay,
    Marked(AssuranceMark),
}

impl SoundFlaw {
    pub(super) const ALL: [SoundFlaw; 6] = [
        SoundFlaw::OneWay,
        SoundFlaw::Marked(AssuranceMark::Silent),
        SoundFlaw::Marked(AssuranceMark::Quiet),
        SoundFlaw::Marked(AssuranceMark::Clipped),
        SoundFlaw::Marked(AssuranceMark::Undecodable),
        SoundFlaw::Marked(AssuranceMark::NoAnnouncement),
    ];

    fn is_in(self, row: &Row) -> bool {
        match self {
            SoundFlaw::OneWay => row.one_way,
            SoundFlaw::Marked(mark) => row.marks.has(mark),
        }
    }
}

/// Of one service. Each array but `flaws` divides the same calls.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceMonth {
    /// Recordings that are there: complete, in part, paused.
    pub(super) buckets: [u64; 3],
    /// Those in part, by [`AssuranceReason::ALL`].
    pub(super) why: [u64; WHYS],
    /// Inbound, outbound, internal, unknown.
    pub(super) directions: [u64; 4],
    /// By [`SoundFlaw::ALL`].
    pub(super) flaws: [u64; SoundFlaw::ALL.len()],
    /// By [`MOS_FROM`], worse, unknown.
    pub(super) mos: [u64; MOS_FROM.len() + 2],
    /// By [`LOST_TO`], more, unknown.
    pub(super) lost: [u64; LOST_TO.len() + 2],
    pub(super) hours: [u64; 24],
    /// From Monday.
    pub(super) weekdays: [u64; 7],
    pub(super) lengths: CallLengths,
    /// Those that were deleted since.
    pub(super) deleted_hours: [u64; 24],
    pub(super) deleted_weekdays: [u64; 7],
    /// What was deleted in the month, whenever it was answered: in time, late, before its time.
    pub(super) deletions: [u64; 3],
    /// Calls that should have been recorded and were not, by [`AssuranceReason::ALL`].
    pub(super) missing: [u64; WHYS],
    /// Calls that a rule leaves out, by [`RegisterReason::ALL`].
    pub(super) by_rule: [u64; RegisterReason::ALL.len()],
}

impl ServiceMonth {
    /// Recordings that are there.
    pub(super) fn recorded(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Recordings that were there.
    pub(super) fn deleted(&self) -> u64 {
        self.deleted_hours.iter().sum()
    }

    fn add(&mut self, row: &Row, hours: &mut WallHours<'_>) {
        let is_partial = !row.complete || row.marks.has(AssuranceMark::Partial);
        let bucket = match (is_partial, row.marks.has(AssuranceMark::Paused)) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 0,
        };
        self.buckets[bucket] += 1;
        if is_partial {
            self.why[row.quality.why.map_or(WHYS - 1, |why| why as usize)] += 1;
        }
        self.directions[match row.direction {
            Some(CallDirection::Inbound) => 0,
            Some(CallDirection::Outbound) => 1,
            Some(CallDirection::Internal) => 2,
            None => 3,
        }] += 1;
        for (flaw, count) in SoundFlaw::ALL.iter().zip(&mut self.flaws) {
            *count += u64::from(flaw.is_in(row));
        }
        let class = |value: Option<u16>, edges: &[u16], is_in: fn(u16, u16) -> bool| match value {
            Some(value) => edges.iter().position(|edge| is_in(value, *edge)).unwrap_or(edges.len()),
            None => edges.len() + 1,
        };
        self.mos[class(row.quality.mos_hundredths, &MOS_FROM, |mos, from| mos >= from)] += 1;
        self.lost[class(row.quality.lost_per_10k, &LOST_TO, |lost, to| lost <= to)] += 1;
        let (weekday, hour) = hours.at(row.answered_at);
        self.hours[hour] += 1;
        self.weekdays[weekday] += 1;
        self.lengths.add(row.duration_us);
    }

    fn add_missing(&mut self, call: &CallAssurance) {
        let Legible::Known(assurance) = &call.assurance else {
            self.missing[WHYS - 1] += 1;
            return;
        };
        let why = assurance.reasons.first().copied();
        match assurance.bucket {
            AssuranceBucket::Excluded => self.by_rule[RegisterReason::Direction as usize] += 1,
            AssuranceBucket::Missing
            | AssuranceBucket::Complete
            | AssuranceBucket::Partial
            | AssuranceBucket::Paused => self.missing[why.map_or(WHYS - 1, |why| why as usize)] += 1,
        }
    }
}

/// Of all services.
#[derive(Debug, Default)]
pub(super) struct CallCounts {
    /// By name; empty where it is not known.
    pub(super) services: BTreeMap<String, ServiceMonth>,
    /// The register of calls that were left out reaches back to the beginning of the month.
    pub(super) has_register: bool,
}

impl CallCounts {
    /// Counts the calls that were answered in the month.
    pub(super) fn of(from: &ReportSources<'_>, month: ReportMonth) -> Result<CallCounts, ReportError> {
        let (since, until) = (month.begins(from.zone), month.ends(from.zone));
        let mut counts = CallCounts::default();
        let mut hours = WallHours::of(from.zone);
        // That there were no calls is told as well.
        let configured = from.config.service.iter().map(|s| &s.name);
        for name in configured.chain([&from.config.service_default.name]) {
            counts.services.insert(name.clone(), ServiceMonth::default());
        }
        let search = Search { since: Some(since), until: Some(until), ..Search::default() };
        from.index.each_counted(&search, |row| {
            // What has no files is no recording; how many there are of those is told beside it.
            if !row.missing {
                counts.service(row.service.as_deref()).add(row, &mut hours);
            }
        })?;
        from.index.each_deleted(|call| counts.add_deleted(call, since..until, from, &mut hours))?;
        counts.add_unrecorded(from, since, until)?;
        Ok(counts)
    }

    fn service(&mut self, name: Option<&str>) -> &mut ServiceMonth {
        let name = name.unwrap_or_default();
        let is_known = self.services.contains_key(name);
        let name = if is_known || self.services.len() < MAX_SERVICES { name } else { OTHERS };
        if !self.services.contains_key(name) {
            self.services.insert(name.to_owned(), ServiceMonth::default());
        }
        self.services.entry(name.to_owned()).or_default()
    }

    fn add_deleted(
        &mut self,
        call: &DeletedCall,
        month: std::ops::Range<Timestamp>,
        from: &ReportSources<'_>,
        hours: &mut WallHours<'_>,
    ) {
        if month.contains(&call.answered_at) {
            let (weekday, hour) = hours.at(call.answered_at);
            let counts = self.service(call.service.as_deref());
            counts.deleted_hours[hour] += 1;
            counts.deleted_weekdays[weekday] += 1;
        }
        if month.contains(&call.deleted_at) {
            let is_late = call.until.is_some_and(|due| {
                let day = crate::store::calendar::local_date(due, from.zone);
                call.deleted_at >= day_begins(day.saturating_add((DAYS_LATE + 1).days()), from.zone)
            });
            let kind = match (call.reason, is_late) {
                (DeletionReason::Expired, false) => 0,
                (DeletionReason::Expired, true) => 1,
                (DeletionReason::Erased, _) => 2,
            };
            self.service(call.service.as_deref()).deletions[kind] += 1;
        }
    }

    /// Calls without a recording. The register knows more of them and is gone sooner, so it counts only where it
    /// knows the whole month.
    fn add_unrecorded(
        &mut self,
        from: &ReportSources<'_>,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<(), ReportError> {
        if let Some(folder) = AssuranceFolder::open(from.store)? {
            let (first, last) = (day_folder(since), day_folder(until));
            for place in folder.places()? {
                let is_near = place.parent().is_some_and(|day| first <= day && day <= last);
                let call = match is_near && is_call_assurance(&place) {
                    true => folder.read(&place)?,
                    false => None,
                };
                if let Some(call) = call.filter(|call| (since..until).contains(&call.answered_at)) {
                    self.service(Some(&call.service)).add_missing(&call);
                }
            }
        }
        let keep_ns = i64::try_from(from.config.log.keep.as_nanos()).unwrap_or(i64::MAX);
        self.has_register = from.now.since_ns(since) <= keep_ns;
        if !self.has_register {
            return Ok(());
        }
        let state = match open_state(from.state) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            state => state?,
        };
        Register::new(state).read(|call| {
            let is_near = (since..until).contains(&call.at);
            let Some(reason) = call.reason.known().filter(|_| is_near && call.recording.is_none()) else {
                return;
            };
            if is_left_out(reason) {
                self.service(call.service.as_deref()).by_rule[reason as usize] += 1;
            }
        })?;
        Ok(())
    }
}

/// By a rule, and told nowhere else: calls of a direction that is not recorded have an assurance, and the same call
/// nearer the agent, or a fork that lost, is no call of its own.
pub(super) fn is_left_out(reason: RegisterReason) -> bool {
    match reason {
        RegisterReason::InviteUnseen
        | RegisterReason::NoAgent
        | RegisterReason::Service
        | RegisterReason::Internal
        | RegisterReason::Truncated => true,
        RegisterReason::Direction
        | RegisterReason::OtherHop
        | RegisterReason::Stray
        | RegisterReason::Storage
        | RegisterReason::NoSpace
        | RegisterReason::Limit
        | RegisterReason::Overload
        | RegisterReason::Excluded
        | RegisterReason::NoMedia => false,
    }
}
