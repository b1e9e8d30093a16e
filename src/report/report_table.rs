//! A table of the report: heads and figures that may be shown.

use super::reason_words::reason_text;
use super::report_words::ReportWord;
use crate::archive::small_cells::{SafeTable, ShownCount};
use crate::config::Language;
use crate::store::assurance::AssuranceReason;
use crate::store::register::RegisterReason;
use std::collections::BTreeMap;

/// More columns than this stand below one another instead.
const MAX_COLUMNS: usize = 6;
/// If there are no more lines than this, which then stand beside one another.
const MAX_ACROSS: usize = 8;

/// The head of a column or of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportHead {
    /// In words of the report.
    Word(ReportWord),
    /// A service; empty where it is not known.
    Service(String),
    /// Why a call is not recorded whole.
    Why(AssuranceReason),
    /// By which rule a call is left out.
    Rule(RegisterReason),
    /// From this hour of the day to the next.
    Hour(u8),
}

impl ReportHead {
    /// As people read it.
    pub fn text(&self, language: Language) -> String {
        match self {
            ReportHead::Word(word) => word.text(language).to_owned(),
            ReportHead::Service(name) if name.is_empty() => {
                ReportWord::UnknownService.text(language).to_owned()
            }
            ReportHead::Service(name) => name.clone(),
            ReportHead::Why(why) => reason_text("why", why.name(), language).to_owned(),
            ReportHead::Rule(rule) => reason_text("rule", rule.name(), language).to_owned(),
            ReportHead::Hour(hour) => format!("{hour:02}"),
        }
    }

    fn is_reason(&self) -> bool {
        matches!(self, ReportHead::Why(_) | ReportHead::Rule(_))
    }

    /// As the CSV has it.
    pub fn key(&self) -> String {
        match self {
            ReportHead::Word(word) => word.key().to_owned(),
            ReportHead::Service(name) => name.clone(),
            ReportHead::Why(why) => why.name().to_owned(),
            ReportHead::Rule(rule) => rule.name().to_owned(),
            ReportHead::Hour(hour) => format!("{hour:02}"),
        }
    }
}

/// One figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReportFigure {
    /// How many.
    Count(ShownCount),
    /// How long, seconds; `None` where it would be that of few calls.
    Length(Option<u64>),
    /// Of a hundred; `None` where it is not shown of how many.
    Share(Option<f64>),
}

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportLine {
    /// Of what.
    pub head: ReportHead,
    /// Column by column.
    pub figures: Vec<ReportFigure>,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportTable {
    /// What it tells.
    pub title: ReportWord,
    /// What the lines are.
    pub corner: ReportWord,
    /// What the columns are.
    pub columns: Vec<ReportHead>,
    /// Line by line; the totals last, where there are several services.
    pub lines: Vec<ReportLine>,
    /// Services of which there is too little.
    pub left_out: Vec<ReportHead>,
    /// A chart of the totals stands beside it.
    pub has_chart: bool,
}

impl ReportTable {
    /// The calls of each service, divided: a column for each part, and their sum. Parts that no service has are
    /// left out. `None` where there is nothing to tell.
    pub(super) fn divided(
        title: ReportWord,
        services: BTreeMap<String, Vec<u64>>,
        parts: Vec<ReportHead>,
    ) -> Option<ReportTable> {
        let mut safe = SafeTable::new(&services, parts.len());
        safe.rows.retain(|row| row.total > 0);
        let lines = safe.rows.iter().map(|row| ReportLine {
            head: ReportHead::Service(row.name.clone()),
            figures: counts(&row.cells, row.total),
        });
        let totals = ReportLine {
            head: ReportHead::Word(ReportWord::Total),
            figures: counts(&safe.totals, safe.total),
        };
        let lines: Vec<ReportLine> = lines.chain((safe.rows.len() > 1).then_some(totals)).collect();
        let columns = parts.into_iter().chain([ReportHead::Word(ReportWord::Total)]).collect();
        let left_out = safe.left_out.into_iter().map(ReportHead::Service).collect::<Vec<_>>();
        let is_empty = lines.is_empty() && left_out.is_empty();
        let table =
            ReportTable { title, corner: ReportWord::Service, columns, lines, left_out, has_chart: false };
        (!is_empty).then(|| table.without_empty_columns())
    }

    /// Counts that do not add up to anything that is shown.
    pub(super) fn list(
        title: ReportWord,
        items: impl IntoIterator<Item = (ReportWord, ShownCount)>,
    ) -> ReportTable {
        let line = |(word, count)| ReportLine {
            head: ReportHead::Word(word),
            figures: vec![ReportFigure::Count(count)],
        };
        ReportTable {
            title,
            corner: ReportWord::What,
            columns: vec![ReportHead::Word(ReportWord::Count)],
            lines: items.into_iter().map(line).collect(),
            left_out: Vec::new(),
            has_chart: false,
        }
    }

    /// What it tells of one service; `None` where that is nothing.
    pub(super) fn of_service(mut self, name: &str) -> Option<ReportTable> {
        let is_it = |head: &ReportHead| matches!(head, ReportHead::Service(service) if service == name);
        self.lines.retain(|line| is_it(&line.head));
        self.left_out.retain(is_it);
        let is_empty = self.lines.is_empty() && self.left_out.is_empty();
        (!is_empty).then(|| self.without_empty_columns())
    }

    /// With a chart beside it.
    pub(super) fn with_chart(mut self) -> ReportTable {
        self.has_chart = true;
        self
    }

    fn without_empty_columns(mut self) -> ReportTable {
        let is_empty = |column: usize| {
            self.lines.iter().all(|line| line.figures[column] == ReportFigure::Count(ShownCount::Count(0)))
        };
        // Hours and days are told whole.
        let is_reason =
            |head: &ReportHead| head.is_reason() || *head == ReportHead::Word(ReportWord::NoReason);
        let keep: Vec<bool> =
            self.columns.iter().enumerate().map(|(i, head)| !(is_reason(head) && is_empty(i))).collect();
        let mut of_column = keep.iter();
        self.columns.retain(|_| of_column.next().is_none_or(|keep| *keep));
        for line in &mut self.lines {
            let mut of_column = keep.iter();
            line.figures.retain(|_| of_column.next().is_none_or(|keep| *keep));
        }
        self
    }

    /// As it fits on paper: many columns and few lines change places.
    pub(super) fn on_paper(&self) -> ReportTable {
        // Reasons are long.
        let is_wide = self.columns.len() > MAX_COLUMNS || self.columns.iter().any(ReportHead::is_reason);
        if !is_wide || self.lines.len() > MAX_ACROSS {
            return self.clone();
        }
        let lines = self.columns.iter().enumerate().map(|(i, head)| ReportLine {
            head: head.clone(),
            figures: self.lines.iter().map(|line| line.figures[i]).collect(),
        });
        let corner = match self.columns.first() {
            Some(ReportHead::Hour(_)) => ReportWord::Hour,
            Some(ReportHead::Why(_) | ReportHead::Rule(_)) => ReportWord::Reason,
            Some(ReportHead::Word(_) | ReportHead::Service(_)) | None => ReportWord::What,
        };
        ReportTable {
            corner,
            columns: self.lines.iter().map(|line| line.head.clone()).collect(),
            lines: lines.collect(),
            left_out: self.left_out.clone(),
            ..*self
        }
    }

    /// The parts of all calls that are shown, for a chart: the totals, or the only line. Without their sum.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&ReportHead, ShownCount)> {
        let figures = self.lines.last().map_or(&[][..], |line| &line.figures);
        let parts = self.columns.iter().zip(figures).filter_map(|(head, figure)| match figure {
            ReportFigure::Count(count) => Some((head, *count)),
            ReportFigure::Length(_) | ReportFigure::Share(_) => None,
        });
        parts.filter(|(head, _)| **head != ReportHead::Word(ReportWord::Total))
    }
}

fn counts(cells: &[ShownCount], total: u64) -> Vec<ReportFigure> {
    cells.iter().copied().chain([ShownCount::Count(total)]).map(ReportFigure::Count).collect()
}
