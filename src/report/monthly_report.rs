//! The report: tables of what may be shown, and what is to be said beside them.

use super::ReportError;
use super::call_counts::{CallCounts, ServiceMonth, SoundFlaw};
use super::call_lengths::CallLengths;
use super::custody_counts::{CustodyCounts, StandingCounts, SubjectCounts};
use super::remarks::ReportRemark;
use super::report_month::ReportMonth;
use super::report_sources::ReportSources;
use super::report_table::{ReportFigure, ReportHead, ReportLine, ReportTable};
use super::report_words::ReportWord;
use crate::archive::marks::AssuranceMark;
use crate::archive::small_cells::{SafeRow, SafeTable, ShownCount, is_small};
use crate::config::Language;
use crate::config::forms::duration;
use crate::store::assurance::AssuranceReason;
use crate::store::register::RegisterReason;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// The month in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthlyReport {
    /// Which month.
    pub month: ReportMonth,
    /// Of which service; `None`: of all.
    pub service: Option<String>,
    /// Whose recordings they are.
    pub controller: String,
    /// Whose calendar counts.
    pub zone: TimeZone,
    /// Its name.
    pub zone_name: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// What is to be known before the tables are read.
    pub preface: Vec<ReportRemark>,
    /// In order.
    pub tables: Vec<ReportTable>,
    /// Where the numbers come from.
    pub sources: Vec<ReportRemark>,
}

impl MonthlyReport {
    /// Counts a month. Of one service the lines are those of the report of all: if its table were made for itself,
    /// other numbers would be hidden, and the two reports together would tell what neither does.
    ///
    /// # Errors
    /// Something it is made from cannot be read.
    pub fn new(
        from: &ReportSources<'_>,
        month: ReportMonth,
        service: Option<&str>,
    ) -> Result<MonthlyReport, ReportError> {
        let mut calls = CallCounts::of(from, month)?;
        if let Some(service) = service {
            calls.services.entry(service.to_owned()).or_default();
        }
        let custody = CustodyCounts::of(from, month)?;
        let mut tables = tables_of_calls(&calls);
        if let Some(service) = service {
            tables = tables.into_iter().filter_map(|table| table.of_service(service)).collect();
        } else {
            tables.push(standing(&StandingCounts::of(from)?));
            tables.extend(tables_of_custody(&custody));
            tables.push(subjects(&SubjectCounts::of(from, month)?));
        }
        let is_over = month.ends(from.zone) <= from.now;
        let keep = duration::text(from.config.log.keep);
        let not_over = (!is_over).then_some(ReportRemark::NotOver);
        let sources = [
            Some(ReportRemark::Recordings),
            Some(ReportRemark::Deleted),
            custody.tombstones_begin.map(ReportRemark::TombstonesBegin),
            Some(ReportRemark::Missing),
            (!calls.has_register).then_some(ReportRemark::NoRegister(keep)),
            Some(ReportRemark::Sound),
            custody.log_begins.filter(|_| service.is_none()).map(ReportRemark::LogBegins),
            service.map(|_| ReportRemark::OneService),
            Some(ReportRemark::Again),
        ];
        Ok(MonthlyReport {
            month,
            service: service.map(str::to_owned),
            controller: from.config.controller.name.clone(),
            zone: from.zone.clone(),
            zone_name: from.config.retention.timezone.to_string(),
            made_at: from.now,
            preface: not_over.into_iter().chain([ReportRemark::Signs, ReportRemark::Totals]).collect(),
            tables,
            sources: sources.into_iter().flatten().collect(),
        })
    }
}

impl MonthlyReport {
    /// `Call recording statistics 2026-11`
    pub fn heading(&self, language: Language) -> String {
        let title = format!("{} {}", ReportWord::Title.text(language), self.month);
        match &self.service {
            Some(service) => format!("{title}: {service}"),
            None => title,
        }
    }

    /// Whose it is, which days, when it was made.
    pub(super) fn under_heading(&self, language: Language) -> Vec<String> {
        let (first, last) = (self.month.first_day(), self.month.first_day().last_of_month());
        let days = format!("{} - {}, {}", language.day(first), language.day(last), self.zone_name);
        let made =
            format!("{} {}", ReportWord::Made.text(language), language.instant(self.made_at, &self.zone));
        let controller = (!self.controller.is_empty()).then(|| self.controller.clone());
        controller.into_iter().chain([days, made]).collect()
    }
}

/// Recordings of each service, as `of` counts them.
fn by_service(counts: &CallCounts, of: impl Fn(&ServiceMonth) -> Vec<u64>) -> BTreeMap<String, Vec<u64>> {
    counts.services.iter().map(|(name, service)| (name.clone(), of(service))).collect()
}

fn heads(words: &[ReportWord]) -> Vec<ReportHead> {
    words.iter().copied().map(ReportHead::Word).collect()
}

pub(super) fn tables_of_calls(counts: &CallCounts) -> Vec<ReportTable> {
    use ReportWord as W;
    let divided = |title, of: &dyn Fn(&ServiceMonth) -> Vec<u64>, parts| {
        ReportTable::divided(title, by_service(counts, of), parts)
    };
    let whys = || {
        let known = AssuranceReason::ALL.iter().copied().map(ReportHead::Why);
        known.chain([ReportHead::Word(W::NoReason)]).collect::<Vec<_>>()
    };
    let rules = RegisterReason::ALL.iter().copied().map(ReportHead::Rule).collect();
    let hours = (0..24).map(ReportHead::Hour).collect();
    let days = [W::Monday, W::Tuesday, W::Wednesday, W::Thursday, W::Friday, W::Saturday, W::Sunday];
    let mos = [W::MosGood, W::MosFair, W::MosPoor, W::MosBad, W::NoReason];
    let lost = [W::LostNone, W::LostTenth, W::LostOne, W::LostFive, W::LostMore, W::NoReason];
    let tables = [
        Some(answered(counts)),
        completeness(counts),
        ReportTable::divided(W::PartialReasons, why_partial(counts), whys()),
        divided(W::MissingReasons, &|s| s.missing.to_vec(), whys()),
        divided(W::RuleReasons, &|s| s.by_rule.to_vec(), rules),
        divided(
            W::Directions,
            &|s| s.directions.to_vec(),
            heads(&[W::Inbound, W::Outbound, W::Internal, W::NoReason]),
        ),
        lengths(counts),
        divided(W::Hours, &|s| with_deleted(s, &s.hours, &s.deleted_hours), hours)
            .map(ReportTable::with_chart),
        divided(W::Weekdays, &|s| with_deleted(s, &s.weekdays, &s.deleted_weekdays), heads(&days))
            .map(ReportTable::with_chart),
        divided(W::Mos, &|s| s.mos.to_vec(), heads(&mos)),
        divided(W::Lost, &|s| s.lost.to_vec(), heads(&lost)),
        flaws(counts),
        divided(W::Deletions, &|s| s.deletions.to_vec(), heads(&[W::InTime, W::Late, W::Erased])),
    ];
    tables.into_iter().flatten().collect()
}

/// Why recordings are there only in part, of services where it is shown how many those are: where it is hidden so
/// that another number cannot be reckoned, the sum of the reasons must not tell it either.
fn why_partial(counts: &CallCounts) -> BTreeMap<String, Vec<u64>> {
    let safe = SafeTable::new(&by_service(counts, |s| s.buckets.to_vec()), 3);
    let is_shown = |row: &SafeRow| row.cells[1].count().is_some();
    let shown: BTreeSet<String> = safe.rows.into_iter().filter(is_shown).map(|row| row.name).collect();
    let mut whys = by_service(counts, |s| s.why.to_vec());
    whys.retain(|name, _| shown.contains(name));
    whys
}

/// Recordings that are there and that were deleted, each only if it is shown beside how many they are.
fn with_deleted(service: &ServiceMonth, there: &[u64], deleted: &[u64]) -> Vec<u64> {
    let (has_there, has_deleted) = (!is_small(service.recorded()), !is_small(service.deleted()));
    if !has_there && (service.deleted() == 0 || !has_deleted) {
        // Few, and left out as such.
        return there.to_vec();
    }
    let of = |is: bool, count: u64| if is { count } else { 0 };
    there
        .iter()
        .zip(deleted)
        .map(|(there, deleted)| of(has_there, *there) + of(has_deleted, *deleted))
        .collect()
}

/// Counts that do not overlap, and their sum where all of them are shown.
fn answered(counts: &CallCounts) -> ReportTable {
    use ReportWord as W;
    let mut parts = vec![W::Recorded, W::Deleted, W::Missing, W::ByRule];
    let of = |s: &ServiceMonth| [s.recorded(), s.deleted(), s.missing.iter().sum(), s.by_rule.iter().sum()];
    // Of these nobody knows whether there were any.
    if !counts.has_register && counts.services.values().all(|s| of(s)[3] == 0) {
        parts.pop();
    }
    let mut sums = vec![0; parts.len()];
    let mut lines = Vec::new();
    for (name, service) in &counts.services {
        let shown: Vec<ShownCount> = of(service)[..parts.len()].iter().map(|n| ShownCount::of(*n)).collect();
        sums.iter_mut().zip(&shown).for_each(|(sum, shown)| *sum += shown.count().unwrap_or(0));
        lines.push(ReportLine { head: ReportHead::Service(name.clone()), figures: with_sum(&shown) });
    }
    if lines.len() > 1 {
        // None that are shown are not none where few are not.
        let has_few = |part: usize| counts.services.values().any(|service| is_small(of(service)[part]));
        let shown =
            |(part, sum)| if sum == 0 && has_few(part) { ShownCount::Hidden } else { ShownCount::Count(sum) };
        let sums: Vec<ShownCount> = sums.into_iter().enumerate().map(shown).collect();
        lines.push(ReportLine { head: ReportHead::Word(W::Total), figures: with_sum(&sums) });
    }
    ReportTable {
        title: W::Calls,
        corner: W::Service,
        columns: heads(&[&parts[..], &[W::Answered]].concat()),
        lines,
        left_out: Vec::new(),
        has_chart: false,
    }
}

fn with_sum(shown: &[ShownCount]) -> Vec<ReportFigure> {
    let sum: Option<u64> = shown.iter().map(|count| count.count()).sum();
    let sum = sum.map_or(ShownCount::Hidden, ShownCount::Count);
    shown.iter().copied().chain([sum]).map(ReportFigure::Count).collect()
}

fn completeness(counts: &CallCounts) -> Option<ReportTable> {
    use ReportWord as W;
    let parts = heads(&[W::Complete, W::Partial, W::Paused]);
    let mut table = ReportTable::divided(W::Completeness, by_service(counts, |s| s.buckets.to_vec()), parts)?;
    table.columns.push(ReportHead::Word(W::CompleteShare));
    for line in &mut table.lines {
        let count = |i: usize| match line.figures.get(i) {
            Some(ReportFigure::Count(count)) => count.count(),
            _ => None,
        };
        let share = count(0).zip(count(3)).filter(|(_, all)| *all > 0);
        line.figures.push(ReportFigure::Share(share.map(|(whole, all)| 100.0 * whole as f64 / all as f64)));
    }
    Some(table)
}

fn lengths(counts: &CallCounts) -> Option<ReportTable> {
    use ReportWord as W;
    let line = |head, lengths: &CallLengths| ReportLine {
        head,
        figures: [Some(lengths.total_s()), lengths.mean_s(), lengths.at_most_s(5), lengths.at_most_s(9)]
            .map(ReportFigure::Length)
            .into(),
    };
    let there = counts.services.iter().filter(|(_, service)| service.recorded() > 0);
    let (few, shown): (Vec<_>, Vec<_>) = there.partition(|(_, service)| is_small(service.recorded()));
    let mut all = CallLengths::default();
    shown.iter().for_each(|(_, service)| all.add_all(&service.lengths));
    let lines = shown.iter().map(|(name, s)| line(ReportHead::Service((*name).clone()), &s.lengths));
    let totals = (shown.len() > 1).then(|| line(ReportHead::Word(W::Total), &all));
    let table = ReportTable {
        title: W::Lengths,
        corner: W::Service,
        columns: heads(&[W::LengthTotal, W::LengthMean, W::LengthMedian, W::LengthNineTenths]),
        lines: lines.chain(totals).collect(),
        left_out: few.into_iter().map(|(name, _)| ReportHead::Service(name.clone())).collect(),
        has_chart: false,
    };
    (!table.lines.is_empty() || !table.left_out.is_empty()).then_some(table)
}

/// Each fault divides the recordings for itself: those that have it, and those that have not.
fn flaws(counts: &CallCounts) -> Option<ReportTable> {
    let words = SoundFlaw::ALL.map(|flaw| match flaw {
        SoundFlaw::OneWay => ReportWord::OneWay,
        SoundFlaw::Marked(AssuranceMark::Silent) => ReportWord::Silent,
        SoundFlaw::Marked(AssuranceMark::Quiet) => ReportWord::Quiet,
        SoundFlaw::Marked(AssuranceMark::Clipped) => ReportWord::Clipped,
        SoundFlaw::Marked(AssuranceMark::NoAnnouncement) => ReportWord::NoAnnouncement,
        SoundFlaw::Marked(AssuranceMark::Undecodable | AssuranceMark::Partial | AssuranceMark::Paused) => {
            ReportWord::Undecodable
        }
    });
    let mut all = ReportTable::divided(
        ReportWord::Flaws,
        by_service(counts, |s| vec![s.recorded()]),
        heads(&[ReportWord::Recorded]),
    )?;
    for (i, word) in words.into_iter().enumerate() {
        let two = by_service(counts, |s| vec![s.flaws[i], s.recorded() - s.flaws[i]]);
        let safe = SafeTable::new(&two, 2);
        let cell_of = |head: &ReportHead| match head {
            ReportHead::Service(name) => {
                let row = safe.rows.iter().find(|row| row.name == *name);
                row.map_or(ShownCount::Hidden, |row| row.cells[0])
            }
            ReportHead::Word(_) | ReportHead::Why(_) | ReportHead::Rule(_) | ReportHead::Hour(_) => {
                safe.totals[0]
            }
        };
        all.columns.insert(i, ReportHead::Word(word));
        for line in &mut all.lines {
            line.figures.insert(i, ReportFigure::Count(cell_of(&line.head)));
        }
    }
    // The sum of the one part they were made with.
    all.columns.pop();
    for line in &mut all.lines {
        line.figures.pop();
    }
    Some(all)
}

fn standing(now: &StandingCounts) -> ReportTable {
    use ReportWord as W;
    let due = match ShownCount::of(now.held) {
        ShownCount::Count(_) => ShownCount::part(now.holds_due, now.held),
        few => {
            if now.holds_due == 0 {
                ShownCount::Count(0)
            } else {
                few
            }
        }
    };
    ReportTable::list(
        W::Standing,
        [
            (W::Held, ShownCount::of(now.held)),
            (W::HoldsDue, due),
            (W::Restricted, ShownCount::of(now.restricted)),
            (W::Overdue, ShownCount::of(now.overdue)),
            (W::FilesMissing, ShownCount::of(now.missing)),
        ],
    )
}

fn tables_of_custody(counts: &CustodyCounts) -> [ReportTable; 2] {
    use ReportWord as W;
    let list = |title, items: &[(ReportWord, u64)]| {
        ReportTable::list(title, items.iter().map(|(word, count)| (*word, ShownCount::of(*count))))
    };
    let ([set, ended, confirmed], [closed, opened], told) =
        (counts.holds, counts.restrictions, &counts.listening);
    let custody = [
        (W::HoldsSet, set),
        (W::HoldsEnded, ended),
        (W::HoldsConfirmed, confirmed),
        (W::RestrictionsSet, closed),
        (W::RestrictionsEnded, opened),
    ];
    let listening = [
        (W::Hearings, told.hearings),
        (W::HearingsRefused, told.hearings_refused),
        (W::Exports, told.exports),
        (W::ExportsRefused, told.exports_refused),
        (W::Asked, told.asked),
        (W::Approved, told.approved),
        (W::Refused, told.refused),
        (W::TrainingMade, told.training_made),
        (W::TrainingHeard, told.training_heard),
    ];
    [list(W::Custody, &custody), list(W::Listening, &listening)]
}

/// A number of requests, and how they are divided where it is shown.
fn subjects(counts: &SubjectCounts) -> ReportTable {
    use ReportWord as W;
    let divided = |parts: &[u64], words: &[ReportWord]| {
        let safe = SafeTable::new(&BTreeMap::from([(String::new(), parts.to_vec())]), parts.len());
        let row = safe.rows.into_iter().find(|row| row.total > 0);
        let cells = row.map(|row| row.cells).unwrap_or_default();
        words.iter().copied().zip(cells).collect::<Vec<_>>()
    };
    let sum = |word, parts: &[u64]| vec![(word, ShownCount::of(parts.iter().sum()))];
    let kinds = [W::Access, W::Rectify, W::Erase, W::Restrict, W::Object];
    let states =
        [W::ReceivedInTime, W::ReceivedLate, W::ReceivedWaiting, W::ReceivedOverdue, W::ReceivedDeferred];
    let items = [
        sum(W::SubjectsReceived, &counts.received),
        divided(&counts.received, &kinds),
        divided(&counts.standing, &states),
        sum(W::AnsweredInMonth, &counts.answered),
        divided(&counts.answered, &[W::AnsweredInTime, W::AnsweredLate]),
        sum(W::WaitingNow, &counts.waiting),
        divided(&counts.waiting, &[W::WaitingInTime, W::WaitingOverdue]),
    ];
    ReportTable::list(W::Subjects, items.concat())
}
