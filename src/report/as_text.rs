//! The report as plain text, for a terminal and for the body of a message.

use super::monthly_report::MonthlyReport;
use super::report_table::{ReportFigure, ReportHead, ReportTable};
use super::report_words::ReportWord;
use crate::archive::small_cells::ShownCount;
use crate::config::Language;
use std::fmt::Write as _;

/// Blanks between two columns.
const BETWEEN: &str = "  ";
/// Remarks are broken at this width.
const WIDTH: usize = 100;

/// The report as text.
pub fn to_text(report: &MonthlyReport, language: Language) -> String {
    let mut out = String::new();
    // A String takes everything, here and below.
    for line in [report.heading(language)].into_iter().chain(report.under_heading(language)) {
        let _ = writeln!(out, "{}", plain(&line));
    }
    out.push('\n');
    for remark in &report.preface {
        wrap(&remark.text(language, &report.zone), &mut out);
    }
    for table in &report.tables {
        write_table(table, language, &mut out);
    }
    let _ = writeln!(out, "\n{}\n", ReportWord::Sources.text(language));
    for remark in &report.sources {
        wrap(&remark.text(language, &report.zone), &mut out);
    }
    out
}

/// As it stands on paper: a number, `1-4`, `*`, `-` for what cannot be told.
pub(super) fn figure(figure: ReportFigure, language: Language) -> String {
    match figure {
        ReportFigure::Count(ShownCount::Count(count)) => count.to_string(),
        ReportFigure::Count(ShownCount::Few) => "1-4".into(),
        ReportFigure::Count(ShownCount::Hidden) => "*".into(),
        ReportFigure::Length(Some(s)) => match s / 3_600 {
            0 => format!("{}:{:02}", s / 60, s % 60),
            hours => format!("{hours}:{:02}:{:02}", s / 60 % 60, s % 60),
        },
        ReportFigure::Share(Some(share)) => {
            let text = format!("{share:.1} %");
            if language == Language::En { text } else { text.replace('.', ",") }
        }
        ReportFigure::Length(None) | ReportFigure::Share(None) => "-".into(),
    }
}

fn write_table(table: &ReportTable, language: Language, out: &mut String) {
    let _ = writeln!(out, "\n{}\n", table.title.text(language));
    let table = table.on_paper();
    let head = [table.corner.text(language).to_uppercase()];
    let columns = table.columns.iter().map(|head| match head {
        ReportHead::Service(_) => plain(&head.text(language)),
        other => other.text(language).to_uppercase(),
    });
    let mut lines: Vec<Vec<String>> = vec![head.into_iter().chain(columns).collect()];
    for line in &table.lines {
        let figures = line.figures.iter().map(|f| figure(*f, language));
        lines.push([plain(&line.head.text(language))].into_iter().chain(figures).collect());
    }
    let width = |text: &String| text.chars().count();
    let widths: Vec<usize> = (0..=table.columns.len())
        .map(|i| lines.iter().filter_map(|line| line.get(i)).map(width).max().unwrap_or(0))
        .collect();
    if !table.lines.is_empty() {
        for line in &lines {
            let cells = line.iter().zip(&widths).enumerate().map(|(i, (cell, width))| match i {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join(BETWEEN).trim_end());
        }
    }
    if !table.left_out.is_empty() {
        let names: Vec<String> = table.left_out.iter().map(|head| plain(&head.text(language))).collect();
        let _ = writeln!(out, "{} {}", ReportWord::TooFew.text(language), names.join(", "));
    }
}

/// Breaks a remark between words.
fn wrap(text: &str, out: &mut String) {
    let mut width = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            out.push('\n');
            width = 0;
        }
        if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out.push('\n');
}

/// Names come from the configuration of years: none may move the cursor.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
