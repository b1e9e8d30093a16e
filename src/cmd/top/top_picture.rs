//! The picture of a running recorder: lines, as many columns wide as there are.
//!
//! What is wrong is said in a word and coloured as well, so that nobody needs the colours.

use crate::cmd::output::{length, plain, size};
use crate::cmd::words::local;
use crate::time::Timestamp;
use crate::top::{PerService, TopCalls, TopFigures};
use jiff::tz::TimeZone;
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use std::collections::BTreeMap;

/// Columns of the names before the figures.
const LABEL: usize = 11;
/// Between two figures.
const BETWEEN: &str = "   ";
/// Heads of the table's numbers, and how wide their columns are.
const HEADS: [(&str, usize); 7] = [
    ("NOW", 6),
    ("ANSWERED", 10),
    ("COMPLETE", 10),
    ("PARTIAL", 9),
    ("MISSING", 9),
    ("EXCLUDED", 10),
    ("PAUSED", 8),
];
/// The same of what is shown where there is room.
const PER_DAY: (&str, usize) = ("A DAY", 12);
/// From so many columns on there is.
const ROOMY: u16 = 100;
/// Services that are in sight in any window.
const FEW: usize = 3;
/// Least columns of a service's name.
const NAME: usize = 10;
/// A processor or a disk that is so far behind will not keep up, seconds.
const LATE_S: f64 = 5.0;
/// The wire has been quiet for so long that somebody may want to know, seconds.
const QUIET_S: f64 = 60.0;
/// Within so long of its start a recorder has its first sweep before it, seconds.
const YOUNG_S: f64 = 60.0;
/// Nobody changes a disk in less, seconds.
const SOON_S: f64 = 30.0 * 86_400.0;

/// How it is looked at.
#[derive(Clone, Debug)]
pub(super) struct TopView {
    /// Of the terminal.
    pub columns: u16,
    /// Of the terminal; `None`: as many as it takes.
    pub rows: Option<u16>,
    /// Which machine this is.
    pub host: String,
    /// Whose clock.
    pub zone: TimeZone,
    /// Services that are scrolled away.
    pub scrolled: usize,
    /// Answered calls a minute, once somebody has looked for long enough to say so.
    pub calls_a_minute: Option<f64>,
    /// Why the figures are old.
    pub trouble: Option<String>,
}

impl TopView {
    /// Nothing scrolled, nothing wrong, and no size yet.
    pub(super) fn new(host: String, zone: TimeZone) -> TopView {
        TopView { columns: 0, rows: None, host, zone, scrolled: 0, calls_a_minute: None, trouble: None }
    }
}

/// How good a figure is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Plain,
    Good,
    Doubtful,
    Bad,
}

impl Mood {
    fn bad_if(is_bad: bool) -> Mood {
        if is_bad { Mood::Bad } else { Mood::Plain }
    }

    fn style(self) -> Style {
        match self {
            Mood::Plain => Style::new(),
            Mood::Good => Style::new().fg(Color::Green),
            Mood::Doubtful => Style::new().fg(Color::Yellow),
            Mood::Bad => Style::new().fg(Color::Red).bold(),
        }
    }
}

type Figure = (String, Mood);

/// The picture without colours and without an end.
pub(super) fn plain_picture(figures: &TopFigures, view: &TopView) -> String {
    let name = figures.services.iter().map(|s| s.service.chars().count()).max().unwrap_or(0);
    let needed = name + HEADS.iter().chain([&PER_DAY]).map(|(_, width)| width).sum::<usize>();
    let columns = view.columns.max(needed.try_into().unwrap_or(u16::MAX));
    let lines = picture(figures, &TopView { columns, rows: None, ..view.clone() });
    lines.iter().map(|line| line.to_string().trim_end().to_owned() + "\n").collect()
}

/// The picture: figures first, then as many services as there is room for.
pub(super) fn picture(figures: &TopFigures, view: &TopView) -> Vec<Line<'static>> {
    let mut lines = above_table(figures, view);
    let room = room(view, lines.len());
    table(figures, view, room, &mut lines);
    lines
}

/// How many services cannot be seen at once: so far it can be scrolled.
pub(super) fn hidden_services(figures: &TopFigures, view: &TopView) -> usize {
    figures.services.len().saturating_sub(room(view, above_table(figures, view).len()))
}

/// Services that there is room for below so many lines, the head and the sum left out.
fn room(view: &TopView, above: usize) -> usize {
    view.rows.map_or(usize::MAX, |rows| usize::from(rows).saturating_sub(above + 2).max(1))
}

/// What stands above the table. In a small window it makes room for a few services: the last lines go.
fn above_table(figures: &TopFigures, view: &TopView) -> Vec<Line<'static>> {
    let mut lines = vec![title(figures, view), state(figures, view), Line::default()];
    let mut fields = |name: &'static str, figures: Vec<Figure>| rows(name, figures, view, &mut lines);
    fields("Calls", calls(figures, view));
    fields("Left out", left_out(figures));
    fields("Packets", packets(figures));
    fields("Dropped", dropped(figures));
    fields("Lag", lag(figures));
    fields("Sound", sound(figures));
    fields("Storage", storage(figures, view));
    fields("Retention", retention(figures, view));
    fields("Threads", threads(figures));
    if let Some(rows) = view.rows {
        // A blank line, the head, some services and their sum.
        let table = 3 + figures.services.len().min(FEW);
        lines.truncate(usize::from(rows).saturating_sub(table).max(2));
    }
    lines.push(Line::default());
    lines
}

fn title(figures: &TopFigures, view: &TopView) -> Line<'static> {
    let left = format!("nauhuri {} on {}, up {}", figures.version, plain(&view.host), days(figures.uptime_s));
    let right = figures.at.map_or_else(String::new, |at| local(at, &view.zone));
    let gap = usize::from(view.columns).saturating_sub(width(&left) + width(&right)).max(2);
    Line::from(vec![left.bold(), " ".repeat(gap).into(), right.into()])
}

fn state(figures: &TopFigures, view: &TopView) -> Line<'static> {
    let (text, mood) = match (&view.trouble, &figures.not_ready) {
        (Some(why), _) => (format!("no answer, these figures are old: {}", plain(why)), Mood::Bad),
        (None, Some(why)) => (format!("not ready: {}", plain(why)), Mood::Bad),
        (None, None) => ("ready: capturing, and able to store".to_owned(), Mood::Good),
    };
    Line::styled(text, mood.style())
}

/// Figures behind their name, in as many lines as it takes.
fn rows(name: &'static str, figures: Vec<Figure>, view: &TopView, lines: &mut Vec<Line<'static>>) {
    let mut spans: Vec<Span<'static>> = vec![format!("{name:LABEL$}").bold()];
    let mut used = LABEL;
    for (i, (text, mood)) in figures.into_iter().enumerate() {
        if i > 0 && used + BETWEEN.len() + width(&text) > usize::from(view.columns) {
            lines.push(Line::from(std::mem::take(&mut spans)));
            spans.push(" ".repeat(LABEL).into());
            used = LABEL;
        } else if i > 0 {
            spans.push(BETWEEN.into());
            used += BETWEEN.len();
        }
        used += width(&text);
        spans.push(Span::styled(text, mood.style()));
    }
    lines.push(Line::from(spans));
}

fn calls(f: &TopFigures, view: &TopView) -> Vec<Figure> {
    let mut all = vec![
        (format!("{} now", grouped(f.calls.now)), Mood::Plain),
        (format!("{} answered", grouped(f.calls.answered)), Mood::Plain),
    ];
    all.extend(view.calls_a_minute.map(|n| (format!("{n:.0} a minute"), Mood::Plain)));
    all.push(match f.balanced {
        true => ("answered = recorded + explained".into(), Mood::Good),
        false => ("answered is not recorded + explained: lost count".into(), Mood::Bad),
    });
    all
}

/// Answered calls that a rule leaves out.
fn left_out(f: &TopFigures) -> Vec<Figure> {
    match f.unrecorded.is_empty() {
        true => vec![("none".into(), Mood::Plain)],
        false => counts(&f.unrecorded, Mood::Plain),
    }
}

fn packets(f: &TopFigures) -> Vec<Figure> {
    let c = &f.capture;
    let rate = |n: Option<f64>| n.map_or_else(|| "-".to_owned(), |n| grouped(n.round() as u64));
    let bits = c.bits_per_s.map_or_else(|| "- bit/s".to_owned(), bits);
    vec![
        (format!("{} a second", rate(c.packets_per_s)), Mood::Plain),
        (bits, Mood::Plain),
        (format!("SIP {}", rate(c.sip_per_s)), Mood::Plain),
        (format!("RTP {}", rate(c.rtp_per_s)), Mood::Plain),
        (format!("{} dialogs", grouped(c.dialogs)), Mood::Plain),
    ]
}

fn dropped(f: &TopFigures) -> Vec<Figure> {
    let c = &f.capture;
    if c.dropped.is_empty() {
        return vec![("none".into(), Mood::Good)];
    }
    let mood = if c.dropped_per_s.is_some_and(|n| n > 0.0) { Mood::Bad } else { Mood::Doubtful };
    let now = c.dropped_per_s.map(|n| (format!("{} a second", grouped(n.ceil() as u64)), mood));
    now.into_iter().chain(counts(&c.dropped, Mood::Plain)).collect()
}

fn lag(f: &TopFigures) -> Vec<Figure> {
    let c = &f.capture;
    let mut all = vec![(format!("capture {}", seconds(c.lag_s)), Mood::bad_if(c.lag_s > LATE_S))];
    all.push(match c.silent_s {
        None => ("no packet yet".into(), Mood::Doubtful),
        Some(s) if s > QUIET_S => (format!("newest packet {} ago", length(s)), Mood::Doubtful),
        // Packets are counted once a second: how much less than that it is, is not known.
        Some(s) if s < 2.0 => ("newest packet just now".into(), Mood::Plain),
        Some(s) => (format!("newest packet {} ago", seconds(s)), Mood::Plain),
    });
    all.extend(c.written_within_s.map(|s| match s.is_finite() {
        true => (format!("written within {}", seconds(s)), Mood::bad_if(s > LATE_S)),
        false => ("written more than a minute late".into(), Mood::Bad),
    }));
    all
}

fn sound(f: &TopFigures) -> Vec<Figure> {
    let s = &f.sound;
    let mut all = match s.faulty.is_empty() {
        true => vec![("no running call is faulty".to_owned(), Mood::Good)],
        false => counts(&s.faulty, Mood::Bad),
    };
    let lost = s.lost as f64 / (s.lost + s.rtp).max(1) as f64 * 100.0;
    all.push((format!("{lost:.2} % lost on the way"), if lost > 1.0 { Mood::Doubtful } else { Mood::Plain }));
    all
}

fn storage(f: &TopFigures, view: &TopView) -> Vec<Figure> {
    let s = &f.storage;
    let full = match (s.full_at, f.at) {
        (Some(full), Some(now)) if full > now => {
            let left = full.since_s(now);
            let mood = if left < SOON_S { Mood::Doubtful } else { Mood::Plain };
            (format!("full in {} ({})", days(left), day(full, &view.zone)), mood)
        }
        (Some(_), _) => ("full".into(), Mood::Bad),
        (None, _) => ("not full within a year".into(), Mood::Plain),
    };
    let mut all = vec![
        (format!("{} free", size(s.free_bytes)), Mood::Plain),
        full,
        (format!("{} a day", size(s.bytes_per_day)), Mood::Plain),
    ];
    let states = s.bytes.iter().filter(|(_, bytes)| **bytes > 0);
    all.extend(states.map(|(state, bytes)| (format!("{state} {}", size(*bytes)), Mood::Plain)));
    if s.write_errors > 0 {
        all.push((format!("{} writes failed", grouped(s.write_errors)), Mood::Bad));
    }
    all
}

fn retention(f: &TopFigures, view: &TopView) -> Vec<Figure> {
    let r = &f.retention;
    let mut all = vec![
        (format!("{} overdue", grouped(r.overdue)), Mood::bad_if(r.overdue > 0)),
        (format!("{} deleted", grouped(r.deleted)), Mood::Plain),
        (format!("{} held", grouped(r.held)), Mood::Plain),
    ];
    if r.due_review > 0 {
        all.push((format!("{} holds to confirm", grouped(r.due_review)), Mood::Doubtful));
    }
    if r.files_gone > 0 {
        all.push((format!("{} recordings' files are gone", grouped(r.files_gone)), Mood::Bad));
    }
    if r.guard_tripped {
        all.push(("the guard deletes nothing: nauhuri expire says why".into(), Mood::Bad));
    }
    all.push(match r.last_sweep {
        Some(at) => (format!("last sweep {}", local(at, &view.zone)), Mood::Plain),
        None => ("no sweep yet".into(), Mood::Plain),
    });
    all
}

fn threads(f: &TopFigures) -> Vec<Figure> {
    let bad: Vec<Figure> = f
        .threads
        .iter()
        .filter(|(_, ok)| !**ok)
        .map(|(thread, _)| (format!("{thread} is dead or stuck"), Mood::Bad))
        .collect();
    let mut all = if bad.is_empty() { vec![("all alive".to_owned(), Mood::Good)] } else { bad };
    if f.thread_restarts > 0 {
        all.push((format!("{} started again", grouped(f.thread_restarts)), Mood::Doubtful));
    }
    let is_young = f.uptime_s < YOUNG_S && f.retention.last_sweep.is_none();
    all.push(match f.archive_ok {
        true => ("index and audit log work".into(), Mood::Plain),
        false if is_young => ("index not looked at yet".into(), Mood::Plain),
        false => ("index, audit log or sweep failed".into(), Mood::Bad),
    });
    all.push(match f.clock_synchronised {
        true => ("clock synchronised".into(), Mood::Plain),
        false => ("clock not synchronised".into(), Mood::Doubtful),
    });
    all
}

/// Services, those that are in sight, and their sum.
fn table(figures: &TopFigures, view: &TopView, room: usize, lines: &mut Vec<Line<'static>>) {
    let is_roomy = view.columns >= ROOMY;
    let numbers: usize = HEADS.iter().map(|(_, w)| w).sum::<usize>() + if is_roomy { PER_DAY.1 } else { 0 };
    let widest = figures.services.iter().map(|s| width(&s.service)).max().unwrap_or(0);
    let name = widest.max(NAME).min(usize::from(view.columns).saturating_sub(numbers).max(NAME));
    let mut head = format!("{:name$}", "SERVICE");
    HEADS.iter().chain(is_roomy.then_some(&PER_DAY)).for_each(|(text, w)| head += &format!("{text:>w$}"));
    lines.push(Line::from(head).bold().reversed());
    let all = PerService {
        service: "all".into(),
        calls: figures.calls,
        bytes_per_day: figures.storage.bytes_per_day,
    };
    let shown = figures.services.iter().skip(view.scrolled).take(room);
    lines.extend(shown.map(|s| row(s, name, is_roomy)));
    lines.push(row(&all, name, is_roomy).bold());
}

fn row(of: &PerService, name: usize, is_roomy: bool) -> Line<'static> {
    let TopCalls { now, answered, complete, partial, missing, excluded, paused } = of.calls;
    let service = cut(&plain(&of.service), name);
    let blanks = name - width(&service);
    let mut spans: Vec<Span<'static>> = vec![service.into(), " ".repeat(blanks).into()];
    let numbers = [now, answered, complete, partial, missing, excluded, paused];
    for (n, (head, w)) in numbers.into_iter().zip(HEADS) {
        let style = match (head, n) {
            ("MISSING", 1..) => Mood::Bad.style(),
            ("PARTIAL", 1..) => Mood::Doubtful.style(),
            (_, 0) => Style::new().dim(),
            _ => Style::new(),
        };
        spans.push(Span::styled(format!("{:>w$}", grouped(n)), style));
    }
    if is_roomy {
        spans.push(format!("{:>w$}", size(of.bytes_per_day), w = PER_DAY.1).into());
    }
    Line::from(spans)
}

fn counts(by: &BTreeMap<String, u64>, mood: Mood) -> Vec<Figure> {
    by.iter().map(|(what, n)| (format!("{} {}", plain(what), grouped(*n)), mood)).collect()
}

/// Columns that a text takes.
fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// A text in so many columns at most, with a mark where something is missing.
fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if width(&short) + width(c.encode_utf8(&mut [0; 4])) >= columns {
            break;
        }
        short.push(c);
    }
    short + "~"
}

/// `12,345`
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `98.2 Mbit/s`
fn bits(per_s: f64) -> String {
    match per_s {
        n if n >= 1e9 => format!("{:.1} Gbit/s", n / 1e9),
        n if n >= 1e6 => format!("{:.1} Mbit/s", n / 1e6),
        n => format!("{:.1} kbit/s", n / 1e3),
    }
}

/// `12 ms`, `1.5 s`
fn seconds(s: f64) -> String {
    if s < 1.0 { format!("{:.0} ms", s * 1000.0) } else { format!("{s:.1} s") }
}

/// `43 days`, or below two days `36:05:12`.
fn days(s: f64) -> String {
    if s < 2.0 * 86_400.0 { length(s) } else { format!("{:.0} days", (s / 86_400.0).floor()) }
}

fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.on_the_wall(zone, "%Y-%m-%d")
}

#[cfg(test)]
#[path = "tests.rs"]
pub(super) mod tests;
