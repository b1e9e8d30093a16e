//! The report as a page that needs nothing else: no script, nothing from elsewhere, charts that print.

use super::as_text::figure;
use super::bar_chart::bars;
use super::escaping::escaped;
use super::monthly_report::MonthlyReport;
use super::report_table::{ReportHead, ReportTable};
use super::report_words::ReportWord;
use crate::config::Language;
use std::fmt::Write as _;

/// More columns than this are written small.
const MANY: usize = 10;

/// The looks of the page.
const STYLE: &str = "\
:root { color-scheme: light; }
body { background: #fff; color: #1a1a1a; font: 1rem/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 56rem; padding: 1.5rem 1rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 2.2rem 0 .5rem; }
p { margin: .3rem 0; }
.about { color: #444; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #bbb; padding: .25rem .6rem; text-align: right; vertical-align: bottom; }
th { font-weight: 600; }
thead th { border-bottom: 2px solid #1a1a1a; }
th:first-child { padding-left: 0; text-align: left; }
tr.total th, tr.total td { border-top: 2px solid #1a1a1a; font-weight: 600; }
svg { display: block; font: 11px system-ui, sans-serif; height: auto; margin: .5rem 0 1rem; max-width: 42rem; width: 100%; }
svg text { fill: currentColor; }
svg .grid { stroke: #bbb; stroke-width: 1; }
svg .bar { stroke: currentColor; stroke-width: 1; }
.many { font-size: .72rem; }
.many th, .many td { padding: .2rem .25rem; }
.left-out { font-size: .9rem; }
ul { padding-left: 1.2rem; }
li { margin: .25rem 0; }
@page { margin: 18mm; }
@media print {
  body { font-size: 10pt; max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  section, tr, svg, li { break-inside: avoid; }
  .wide { overflow: visible; }
}
";

/// The report as HTML.
pub fn to_html(report: &MonthlyReport, language: Language) -> String {
    let (code, title) = (language.code(), escaped(&report.heading(language)));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    for line in report.under_heading(language) {
        // A String takes everything, here and below.
        let _ = writeln!(out, "<p class=\"about\">{}</p>", escaped(&line));
    }
    for remark in &report.preface {
        let _ = writeln!(out, "<p>{}</p>", escaped(&remark.text(language, &report.zone)));
    }
    for table in &report.tables {
        write_section(table, language, &mut out);
    }
    let _ = write!(out, "<section>\n<h2>{}</h2>\n<ul>\n", ReportWord::Sources.text(language));
    for remark in &report.sources {
        let _ = writeln!(out, "<li>{}</li>", escaped(&remark.text(language, &report.zone)));
    }
    out + "</ul>\n</section>\n</main>\n</body>\n</html>\n"
}

fn write_section(table: &ReportTable, language: Language, out: &mut String) {
    let (id, title) = (table.title.key(), escaped(table.title.text(language)));
    let _ = write!(out, "<section>\n<h2 id=\"{id}\">{title}</h2>\n");
    if table.has_chart && !table.lines.is_empty() {
        let parts: Vec<_> = table.parts().map(|(head, count)| (head.text(language), count)).collect();
        let hidden = ReportWord::HiddenBar.text(language);
        out.push_str(&bars(id, table.title.text(language), hidden, &parts));
    }
    let table = table.on_paper();
    if !table.lines.is_empty() {
        let many = if table.columns.len() > MANY { " class=\"many\"" } else { "" };
        let _ = write!(
            out,
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"{id}\">\n<table{many}>\n<thead>\n<tr>"
        );
        let corner = table.corner.text(language);
        let _ = write!(out, "<th scope=\"col\">{corner}</th>");
        for head in &table.columns {
            let _ = write!(out, "<th scope=\"col\">{}</th>", escaped(&head.text(language)));
        }
        out.push_str("</tr>\n</thead>\n<tbody>\n");
        for line in &table.lines {
            let is_total = line.head == ReportHead::Word(ReportWord::Total);
            let class = if is_total { " class=\"total\"" } else { "" };
            let _ = write!(out, "<tr{class}><th scope=\"row\">{}</th>", escaped(&line.head.text(language)));
            for f in &line.figures {
                let _ = write!(out, "<td>{}</td>", figure(*f, language));
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody>\n</table>\n</div>\n");
    }
    if !table.left_out.is_empty() {
        let names: Vec<String> = table.left_out.iter().map(|head| escaped(&head.text(language))).collect();
        let too_few = ReportWord::TooFew.text(language);
        let _ = writeln!(out, "<p class=\"left-out\">{too_few} {}</p>", names.join(", "));
    }
    out.push_str("</section>\n");
}
