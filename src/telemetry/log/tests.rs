//! Lines as they are written, and those that are not.

use super::*;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use tracing::{debug, info, trace, warn};

const TEXT: Style = Style { format: LineFormat::Text, journal: false, color: false };

fn logged(style: Style, verbosity: i8, say: impl FnOnce()) -> String {
    let text = Arc::new(Mutex::new(String::new()));
    let lines = LineLayer::new(style, LogSink::Memory(Arc::clone(&text))).with_filter(targets(verbosity));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), say);
    let text = text.lock().expect("the text");
    text.clone()
}

#[test]
fn text_for_people() {
    let out = logged(TEXT, 0, || info!(service = "kaupunki 2", n = 3, ok = true, s = 1.5, "recorded"));
    let (time, rest) = out.split_once(' ').expect("a time stamp");
    assert!(time.ends_with('Z') && time.len() == "2026-11-23T08:15:23.120000Z".len(), "{out}");
    assert_eq!(rest, " INFO recorded service=\"kaupunki 2\" n=3 ok=true s=1.500\n");
    let color = Style { color: true, ..TEXT };
    assert!(logged(color, 0, || warn!("x")).contains("\x1b[33m WARN\x1b[0m x"));
}

#[test]
fn the_journal_gets_priorities_and_no_stamps() {
    let style = Style { journal: true, ..TEXT };
    let out = logged(style, 2, || {
        tracing::error!("a");
        warn!("b");
        info!("c");
        debug!("d");
        trace!("e");
    });
    assert_eq!(out, "<3>a\n<4>b\n<6>c\n<7>d\n<7>e\n");
    let style = Style { format: LineFormat::Json, ..style };
    let out = logged(style, 0, || info!(service = "g", "c"));
    assert_eq!(out, "<6>{\"level\":\"info\",\"message\":\"c\",\"service\":\"g\"}\n");
}

#[test]
fn json_stays_json() {
    let style = Style { format: LineFormat::Json, ..TEXT };
    let nasty = "\"quote\\ \n\u{1b}[31m \u{0}".repeat(500);
    let out = logged(style, 0, || info!(reason = %nasty, n = f64::NAN, left = -1, "said {nasty}"));
    assert_eq!(out.lines().count(), 1);
    let v: serde_json::Value = serde_json::from_str(&out).expect("valid JSON");
    assert_eq!(v["level"], "info");
    assert_eq!(v["left"], -1);
    assert!(v["reason"].as_str().is_some_and(|s| s.len() <= line::MAX_VALUE && s.ends_with("...")));
}

#[test]
fn values_cannot_break_the_line() {
    let out = logged(TEXT, 0, || info!(reason = %"a\nb\r\x1b[2J\u{85}c", "m\nn"));
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.ends_with(" INFO m n reason=\"a b  [2J c\"\n"), "{out}");
    let long = "ä".repeat(10_000);
    assert!(logged(TEXT, 0, || info!(reason = %long, "{long}")).len() < 700);
}

#[test]
fn levels() {
    let say = || {
        warn!("w");
        info!("i");
        debug!("d");
        trace!("t");
        info!(target: "hyper::proto", "library chatter");
        warn!(target: "hyper::proto", "library warning");
    };
    let count = |v| logged(TEXT, v, say).lines().count();
    assert_eq!([-2, -1, 0, 1, 2].map(count), [0, 2, 3, 4, 5]);
}

#[test]
fn a_flood_of_one_kind_is_left_out_and_counted() {
    let before = suppressed_lines();
    let out = logged(TEXT, 0, || {
        for n in 0..1000 {
            warn!(n, "flood");
        }
        warn!("another kind");
        for n in 0..20 {
            info!(n, "a call's life is never left out");
        }
    });
    assert_eq!(out.matches("flood").count(), limiter::BUDGET as usize);
    assert_eq!(out.matches("another kind").count(), 1);
    assert_eq!(out.matches("never left out").count(), 20);
    assert!(suppressed_lines() - before >= 1000 - u64::from(limiter::BUDGET));
    let shown = crate::telemetry::Metrics::new(["general"]).render();
    let line = shown.lines().find_map(|l| l.strip_prefix("nauhuri_log_suppressed_total ")).unwrap();
    assert!(line.parse::<u64>().unwrap() > before, "{line}");
}

#[test]
fn the_next_window_says_how_many_were_left_out() {
    let callsite = {
        static META: std::sync::OnceLock<tracing::callsite::Identifier> = std::sync::OnceLock::new();
        logged(TEXT, 0, || {
            struct Take;
            impl<S: Subscriber> Layer<S> for Take {
                fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
                    let _ = META.set(event.metadata().callsite());
                }
            }
            tracing::subscriber::with_default(tracing_subscriber::registry().with(Take), || warn!("x"));
        });
        META.get().expect("a callsite").clone()
    };
    let mut l = Limiter::default();
    let t0 = Instant::now();
    for n in 0..15 {
        let verdict = l.admit(callsite.clone(), t0);
        assert_eq!(verdict == LineVerdict::LeaveOut, n >= limiter::BUDGET, "{n}");
    }
    assert_eq!(l.admit(callsite.clone(), t0 + limiter::WINDOW), LineVerdict::Write { left_out: 5 });
    assert_eq!(l.admit(callsite, t0 + limiter::WINDOW), LineVerdict::Write { left_out: 0 });
}

#[test]
fn the_journal_is_recognised_by_its_inode() {
    let m = std::fs::metadata("/proc/self/fd/2").expect("standard error");
    assert!(style::stderr_is(&format!("{}:{}", m.dev(), m.ino())));
    assert!(!style::stderr_is(&format!("{}:{}", m.dev(), m.ino() + 1)));
    assert!(!style::stderr_is("nonsense"));
}

#[test]
fn a_stuck_standard_error_holds_up_nobody() {
    let (sender, receiver) = crossbeam_channel::bounded(1);
    let sink = LogSink::Queue(sender);
    assert!(sink.write("first\n".into()));
    assert!(!sink.write("there is no room\n".into()));
    drop(receiver);
    assert!(sink.write(String::new()), "the queue's thread is gone: written at once");
    let (sink, flush) = LogSink::queued();
    drop(flush);
    drop(sink);
}
