//! Whatever a month was like, no small number can be reckoned from all that is shown together.

use super::call_counts::{CallCounts, ServiceMonth};
use super::monthly_report::{MonthlyReport, tables_of_calls};
use super::remarks::ReportRemark;
use super::report_month::ReportMonth;
use super::report_table::{ReportFigure, ReportHead, ReportTable};
use super::{ReportWord, to_html, to_text};
use crate::archive::small_cells::{ShownCount, is_small};
use crate::config::Language;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A service of so many calls, which differ by the bits of `seed`.
fn service(calls: u64, deleted: u64, mut seed: u64) -> ServiceMonth {
    let mut s = ServiceMonth::default();
    let mut draw = move |of: &[usize]| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        of[(seed >> 33) as usize % of.len()]
    };
    for _ in 0..calls {
        let bucket = draw(&[0, 0, 0, 0, 0, 0, 1, 1, 2]);
        s.buckets[bucket] += 1;
        if bucket == 1 {
            s.why[draw(&[1, 9, 9, 10, 13])] += 1;
        }
        s.directions[draw(&[0, 0, 0, 0, 0, 1, 1, 2])] += 1;
        s.flaws[0] += u64::from(draw(&[0, 0, 0, 0, 0, 1]) == 1);
        s.mos[draw(&[0, 0, 0, 0, 0, 0, 0, 1, 2, 3])] += 1;
        s.lost[draw(&[0, 0, 0, 0, 1, 2])] += 1;
        s.hours[draw(&[7, 8, 8, 8, 9, 9, 9, 10, 15])] += 1;
        s.weekdays[draw(&[0, 0, 0, 1, 1, 2, 6])] += 1;
        s.lengths.add(60_000_000);
    }
    for _ in 0..deleted {
        s.deleted_hours[draw(&[7, 8, 9])] += 1;
        s.deleted_weekdays[draw(&[0, 1])] += 1;
        s.deletions[draw(&[0, 0, 0, 0, 1, 2])] += 1;
    }
    s.missing[0] = draw(&[0, 1, 3, 6]) as u64;
    s.missing[10] = draw(&[0, 0, 2, 9]) as u64;
    s
}

/// What somebody with paper and pencil knows: unknown numbers, and equations between them.
#[derive(Default)]
struct Pencil {
    unknowns: BTreeMap<String, usize>,
    equations: Vec<(BTreeMap<usize, f64>, f64)>,
}

impl Pencil {
    fn unknown(&mut self, name: String) -> usize {
        let next = self.unknowns.len();
        *self.unknowns.entry(name).or_insert(next)
    }

    fn know(&mut self, name: String, value: u64) {
        let it = self.unknown(name);
        self.equations.push((BTreeMap::from([(it, 1.0)]), value as f64));
    }

    /// The sum of the first is the second.
    fn add_up(&mut self, parts: impl IntoIterator<Item = String>, whole: String) {
        let mut sides: BTreeMap<usize, f64> =
            parts.into_iter().map(|part| (self.unknown(part), 1.0)).collect();
        *sides.entry(self.unknown(whole)).or_default() -= 1.0;
        self.equations.push((sides, 0.0));
    }

    /// Names of what can have one value only, by elimination.
    fn certain(&self) -> BTreeSet<&str> {
        let width = self.unknowns.len() + 1;
        let mut rows: Vec<Vec<f64>> = self
            .equations
            .iter()
            .map(|(sides, value)| {
                let mut row = vec![0.0; width];
                sides.iter().for_each(|(i, n)| row[*i] = *n);
                row[width - 1] = *value;
                row
            })
            .collect();
        let mut done = 0;
        for column in 0..width - 1 {
            let best =
                (done..rows.len()).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()));
            let Some(best) = best.filter(|best| rows[*best][column].abs() > 1e-9) else { continue };
            rows.swap(done, best);
            let pivot = rows[done][column];
            rows[done].iter_mut().for_each(|n| *n /= pivot);
            let own = rows[done].clone();
            for (i, row) in
                rows.iter_mut().enumerate().filter(|(i, row)| *i != done && row[column].abs() > 1e-12)
            {
                let _ = i;
                let by = row[column];
                row.iter_mut().zip(&own).for_each(|(n, own)| *n -= by * own);
            }
            done += 1;
        }
        let names: BTreeMap<usize, &str> =
            self.unknowns.iter().map(|(name, i)| (*i, name.as_str())).collect();
        let alone = rows.iter().filter_map(|row| {
            let mut of = (0..width - 1).filter(|i| row[*i].abs() > 1e-9);
            of.next().filter(|_| of.next().is_none())
        });
        alone.map(|i| names[&i]).collect()
    }
}

/// The numbers as they are, by the names of the unknowns.
fn truth(counts: &CallCounts) -> BTreeMap<String, u64> {
    let mut out = BTreeMap::new();
    for (name, s) in &counts.services {
        let mut tell = |table: ReportWord, column: &str, n: u64| {
            out.insert(format!("{}/{name}/{column}", table.key()), n);
        };
        tell(ReportWord::Calls, "recorded", s.recorded());
        tell(ReportWord::Calls, "deleted", s.deleted());
        tell(ReportWord::Calls, "missing", s.missing.iter().sum());
        for (word, n) in ["complete", "partial", "paused"].iter().zip(s.buckets) {
            tell(ReportWord::Completeness, word, n);
        }
        for (word, n) in ["inbound", "outbound", "internal"].iter().zip(s.directions) {
            tell(ReportWord::Directions, word, n);
        }
        for (hour, (there, deleted)) in s.hours.iter().zip(s.deleted_hours).enumerate() {
            // Few that were deleted, or are there, are in no number: they are not what is hidden.
            let of = |part: u64, all: u64| if is_small(all) { 0 } else { part };
            let n = of(*there, s.recorded()) + of(deleted, s.deleted());
            tell(ReportWord::Hours, &format!("{hour:02}"), n);
        }
    }
    out
}

/// Everything that is shown, and how it adds up.
fn paper(tables: &[ReportTable]) -> Pencil {
    let mut pencil = Pencil::default();
    for table in tables {
        let title = table.title.key();
        let name =
            |head: &ReportHead, column: &ReportHead| format!("{title}/{}/{}", head.key(), column.key());
        let is_service = |head: &ReportHead| matches!(head, ReportHead::Service(_));
        for line in &table.lines {
            for (column, figure) in table.columns.iter().zip(&line.figures) {
                let ReportFigure::Count(count) = figure else { continue };
                if let Some(n) = count.count() {
                    pencil.know(name(&line.head, column), n);
                }
                if !is_service(&line.head) {
                    let of = table.lines.iter().filter(|line| is_service(&line.head));
                    let parts: Vec<String> = of.map(|line| name(&line.head, column)).collect();
                    // Where nothing is nobody has any.
                    if *count == ShownCount::Count(0) && table.title != ReportWord::Calls {
                        parts.iter().for_each(|part| pencil.know(part.clone(), 0));
                    }
                    if table.title != ReportWord::Calls {
                        pencil.add_up(parts, name(&line.head, column));
                    }
                }
            }
            let sum = ReportHead::Word(ReportWord::Total);
            if table.columns.contains(&sum) {
                let parts = table.columns.iter().filter(|column| {
                    **column != sum && **column != ReportHead::Word(ReportWord::CompleteShare)
                });
                pencil.add_up(parts.map(|column| name(&line.head, column)), name(&line.head, &sum));
            }
            if let ReportHead::Service(service) = &line.head {
                let of = |table: &str, column: &str| format!("{table}/{service}/{column}");
                match table.title {
                    ReportWord::Completeness
                    | ReportWord::Directions
                    | ReportWord::Mos
                    | ReportWord::Lost => {
                        pencil.add_up([of("calls", "recorded")], of(title, "total"));
                    }
                    ReportWord::PartialReasons => {
                        pencil.add_up([of("completeness", "partial")], of(title, "total"));
                    }
                    ReportWord::MissingReasons => {
                        pencil.add_up([of("calls", "missing")], of(title, "total"));
                    }
                    ReportWord::Calls => {
                        let parts = ["recorded", "deleted", "missing"].map(|column| of("calls", column));
                        pencil.add_up(parts, of("calls", "answered"));
                    }
                    _ => {}
                }
            }
        }
    }
    pencil
}

fn counts(services: &[(u64, u64, u64)]) -> CallCounts {
    let of = |(i, (calls, deleted, seed)): (usize, &(u64, u64, u64))| {
        (format!("s{i}"), service(*calls, *deleted, *seed))
    };
    CallCounts { services: services.iter().enumerate().map(of).collect(), has_register: false }
}

fn report(tables: Vec<ReportTable>) -> MonthlyReport {
    MonthlyReport {
        month: ReportMonth::parse("2026-11").unwrap(),
        service: None,
        controller: "<City> & \u{1b}[31mothers".into(),
        zone: TimeZone::UTC,
        zone_name: "UTC".into(),
        made_at: Timestamp::EPOCH,
        preface: vec![ReportRemark::Signs],
        tables,
        sources: vec![ReportRemark::Again, ReportRemark::NoRegister("24h".into())],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn all_tables_together_tell_no_small_number(
        services in proptest::collection::vec((0u64..90, 0u64..12, any::<u64>()), 1..5)
    ) {
        let counts = counts(&services);
        let tables = tables_of_calls(&counts);
        let pencil = paper(&tables);
        let (truth, certain) = (truth(&counts), pencil.certain());
        for (name, is) in truth.iter().filter(|(_, is)| is_small(**is)) {
            prop_assert!(!certain.contains(name.as_str()), "{name} is {is}: {}", to_text(&report(tables.clone()), Language::En));
        }
        // The pencil is no straw man: it finds what is shown.
        prop_assert!(services.iter().all(|(calls, ..)| *calls < 5) || !certain.is_empty());
    }
}

#[test]
fn what_is_hidden_beside_another_is_told_by_no_sum_of_reasons() {
    // Three were paused, so it is not told how many are there in part; nor does the sum of their reasons tell it.
    let mut s = ServiceMonth { buckets: [100, 20, 3], directions: [123, 0, 0, 0], ..ServiceMonth::default() };
    s.why[9] = 20;
    let counts = CallCounts { services: BTreeMap::from([("a".into(), s)]), has_register: true };
    let text = to_text(&report(tables_of_calls(&counts)), Language::En);
    let line = text.lines().skip_while(|line| !line.starts_with("Completeness")).nth(3).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["a", "100", "*", "*", "123", "81.3", "%"]);
    assert!(!text.contains("first reason"), "{text}");
}

#[test]
fn text_and_page_say_the_same_in_every_language() {
    let tables = tables_of_calls(&counts(&[(80, 3, 1), (700, 0, 2), (3, 0, 3)]));
    let report = report(tables);
    for language in Language::ALL {
        let (text, page) = (to_text(&report, language), to_html(&report, language));
        assert!(!text.contains('\u{1b}') && !page.contains('\u{1b}') && page.contains("&lt;City&gt; &amp;"));
        assert!(!page.contains("<script") && !page.contains("http"), "it needs nothing else");
        // Figure by figure, in order.
        let body = page.split("<svg").map(|part| part.split("</svg>").last().unwrap()).collect::<String>();
        let cells: Vec<&str> =
            body.split("<td>").skip(1).map(|cell| cell.split("</td>").next().unwrap()).collect();
        let tables = report.tables.iter().flat_map(|table| table.on_paper().lines);
        let want: Vec<String> =
            tables.flat_map(|line| line.figures).map(|f| super::as_text::figure(f, language)).collect();
        assert_eq!(cells, want);
        let words: Vec<&str> = text.split_whitespace().collect();
        for figure in want.iter().filter(|figure| !figure.contains(' ')) {
            assert!(words.contains(&figure.as_str()), "{figure}: {text}");
        }
    }
}
