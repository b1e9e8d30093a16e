//! The report as CSV: a figure a line, in keys that no language changes.

use crate::archive::small_cells::ShownCount;
use crate::cmd::list::csv::cell;
use crate::report::{MonthlyReport, ReportFigure, ReportHead, ReportTable, ReportWord};
use std::fmt::Write as _;

/// Columns are added at the end, never moved.
const COLUMNS: &str = "month,table,kind,line,column,unit,shown,value";

/// The report as CSV (RFC 4180). `shown` is `yes`, or says why there is no value: `few` (1 to 4), `hidden` (1 to 4, or
/// such a one could be reckoned from it), `no` (it cannot be told).
pub(super) fn to_csv(report: &MonthlyReport) -> String {
    let mut out = format!("{COLUMNS}\r\n");
    for table in &report.tables {
        for line in &table.lines {
            let kind = match line.head {
                ReportHead::Service(_) => "service",
                ReportHead::Word(ReportWord::Total) => "total",
                ReportHead::Word(_) | ReportHead::Why(_) | ReportHead::Rule(_) | ReportHead::Hour(_) => {
                    "figure"
                }
            };
            for (column, figure) in table.columns.iter().zip(&line.figures) {
                let (unit, shown, value) = told(*figure);
                let (line, column) = (cell(&line.head.key()), cell(&column.key()));
                // A String takes everything.
                let _ = write!(out, "{},{},{kind},", report.month, table.title.key());
                let _ = write!(out, "{line},{column},{unit},{shown},{value}\r\n");
            }
        }
        write_left_out(report, table, &mut out);
    }
    out
}

fn write_left_out(report: &MonthlyReport, table: &ReportTable, out: &mut String) {
    for head in &table.left_out {
        let (month, title, line) = (report.month, table.title.key(), cell(&head.key()));
        let _ = write!(out, "{month},{title},service,{line},total,count,few,\r\n");
    }
}

fn told(figure: ReportFigure) -> (&'static str, &'static str, String) {
    match figure {
        ReportFigure::Count(ShownCount::Count(count)) => ("count", "yes", count.to_string()),
        ReportFigure::Count(ShownCount::Few) => ("count", "few", String::new()),
        ReportFigure::Count(ShownCount::Hidden) => ("count", "hidden", String::new()),
        ReportFigure::Length(Some(s)) => ("seconds", "yes", s.to_string()),
        ReportFigure::Length(None) => ("seconds", "no", String::new()),
        ReportFigure::Share(Some(share)) => ("percent", "yes", format!("{share:.1}")),
        ReportFigure::Share(None) => ("percent", "no", String::new()),
    }
}
