//! Metrics by value: totals, bounds of labels, and the book that balances.

use super::*;
use crate::call::EndedBy;
use crate::telemetry::label::{CallBucket, DropPlace, FailReason};
use proptest::prelude::*;
use std::sync::atomic::AtomicBool;
use std::thread;

/// The sum over the series of a family.
fn sum(text: &str, family: &str) -> u64 {
    let of_family = |l: &&str| l.split(['{', ' ']).next() == Some(family);
    let value = |l: &str| l.rsplit(' ').next().and_then(|v| v.parse::<f64>().ok()).unwrap_or(f64::NAN) as u64;
    text.lines().filter(of_family).map(value).sum()
}

fn assert_balanced(text: &str) {
    let answered = sum(text, "nauhuri_calls_answered_total");
    let ended =
        sum(text, "nauhuri_recordings_completed_total") + sum(text, "nauhuri_recordings_failed_total");
    let active = sum(text, "nauhuri_recordings_active");
    assert_eq!(answered, ended + active, "\n{text}");
    assert_eq!(answered, sum(text, "nauhuri_calls_assured_total") + active, "\n{text}");
}

#[test]
fn publishes_totals_not_differences() {
    let m = Metrics::new(["general"]);
    let mut s = Snapshot { packets_received: 10, rtp_unmatched: 3, ..Snapshot::default() };
    s.count_request("INVITE");
    s.count_response(200);
    s.dropped[DropPlace::Kernel.index()] = 7;
    m.publish(&s);
    m.publish(&s);
    let text = m.render();
    assert!(text.contains("\nnauhuri_packets_received_total 10\n"), "{text}");
    assert!(text.contains("\nnauhuri_sip_messages_total{method=\"INVITE\"} 1\n"), "{text}");
    assert!(text.contains("\nnauhuri_sip_messages_total{class=\"2xx\"} 1\n"), "{text}");
    assert!(text.contains("\nnauhuri_packets_dropped_total{where=\"kernel\"} 7\n"), "{text}");
    assert!(text.contains("\nnauhuri_packets_dropped_total{where=\"queue\"} 0\n"), "{text}");
}

#[test]
fn services_are_bounded_and_escaped() {
    let many: Vec<String> = (0..200).map(|i| format!("s{i}")).collect();
    let m = Metrics::new(many.iter().map(String::as_str));
    m.ledger().answered("s199");
    m.ledger().answered("never heard of");
    let text = m.render();
    assert!(text.contains("nauhuri_calls_answered_total{service=\"other\"} 2"), "{text}");
    assert!(!text.contains("never heard of"));

    let m = Metrics::new(["a\"b\nc\\"]);
    m.ledger().answered("a\"b\nc\\");
    let text = m.render();
    assert!(text.contains(r#"nauhuri_calls_answered_total{service="a\"b\nc\\"} 1"#), "{text}");
}

#[test]
fn services_that_come_later_get_labels_within_the_same_bound() {
    let m = Metrics::new(["general"]);
    m.ledger().answered("helpline");
    m.name_services(["helpline", "general", "helpline"]);
    m.ledger().answered("helpline");
    m.life.by_service.deleted("helpline");
    m.set_bytes_per_day([("helpline", 5.0), ("gone", 7.0)]);
    let text = m.render();
    for line in [
        "nauhuri_calls_answered_total{service=\"other\"} 1",
        "nauhuri_calls_answered_total{service=\"helpline\"} 1",
        "nauhuri_retention_deleted_total{service=\"helpline\"} 1",
        "nauhuri_announcement_short_total{service=\"helpline\"} 0",
        "nauhuri_storage_bytes_per_day{service=\"helpline\"} 5",
        "nauhuri_storage_bytes_per_day{service=\"other\"} 7",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert_balanced(&text);
    let many: Vec<String> = (0..200).map(|i| format!("s{i}")).collect();
    m.name_services(many.iter().map(String::as_str));
    let labels = m.render().lines().filter(|l| l.starts_with("nauhuri_calls_answered_total{")).count();
    assert_eq!(labels, MAX_SERVICE_LABELS + 1);
}

#[test]
fn histograms_have_buckets_and_stay_folded() {
    let m = Metrics::new(["general"]);
    for _ in 0..10_000 {
        m.observe_write(Duration::from_micros(300));
    }
    m.observe_jitter(Duration::from_secs(9));
    let text = m.render();
    assert!(text.contains("nauhuri_write_seconds_bucket{le=\"0.0001\"} 0\n"), "{text}");
    assert!(text.contains("nauhuri_write_seconds_bucket{le=\"0.0005\"} 10000\n"), "{text}");
    assert!(text.contains("nauhuri_rtp_jitter_seconds_bucket{le=\"+Inf\"} 1\n"), "{text}");
    assert!(!text.contains("quantile"), "{text}");
}

#[test]
fn an_end_without_a_beginning_is_refused() {
    let m = Metrics::new(["general"]);
    assert!(!m.ledger().completed("general", EndedBy::Agent, CallBucket::Complete));
    assert!(!m.ledger().failed("general", FailReason::Limit));
    m.ledger().recovered("gone from the configuration");
    let text = m.render();
    assert_balanced(&text);
    assert_eq!(sum(&text, "nauhuri_ledger_refused_total"), 2);
    assert_eq!(sum(&text, "nauhuri_recordings_completed_total"), 1);
    assert!(text.contains("service=\"other\",ended_by=\"recovered\"} 1"), "{text}");
}

#[test]
fn the_book_balances_while_threads_write_it() {
    let m = Metrics::new(["a", "b"]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..4usize)
            .map(|n| {
                let ledger = m.ledger();
                scope.spawn(move || {
                    for i in 0..20_000usize {
                        let service = if (i + n) % 2 == 0 { "a" } else { "b" };
                        ledger.answered(service);
                        let ended = match i % 7 {
                            0 => ledger.failed(service, FailReason::ALL[i % FailReason::COUNT]),
                            _ => ledger.completed(
                                service,
                                EndedBy::ALL[i % EndedBy::ALL.len()],
                                CallBucket::ALL[i % CallBucket::COUNT],
                            ),
                        };
                        assert!(ended);
                    }
                })
            })
            .collect();
        let scrapers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut scrapes = 0;
                    while !done.load(Ordering::Relaxed) || scrapes == 0 {
                        assert_balanced(&m.render());
                        scrapes += 1;
                    }
                })
            })
            .collect();
        for w in writers {
            w.join().expect("writer");
        }
        done.store(true, Ordering::Relaxed);
        for s in scrapers {
            s.join().expect("scraper");
        }
    });
    let b = m.ledger().balance();
    assert_eq!((b.answered, b.completed + b.failed, b.active, b.refused), (80_000, 80_000, 0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is entered, in whatever order, by however many threads: the columns agree.
    #[test]
    fn the_book_balances_for_any_entries(entries in prop::collection::vec((0u8..4, 0usize..7, 0usize..3), 0..200)) {
        let m = Metrics::new(["a", "b"]);
        let names = ["a", "b", "unknown"];
        thread::scope(|scope| {
            for part in entries.chunks(50) {
                let m = &m;
                scope.spawn(move || {
                    for (what, which, service) in part {
                        match what {
                            0 => m.ledger().answered(names[*service]),
                            1 => { m.ledger().completed(names[*service], EndedBy::ALL[*which], CallBucket::ALL[which % CallBucket::COUNT]); }
                            2 => { m.ledger().failed(names[*service], FailReason::ALL[which % FailReason::COUNT]); }
                            _ => m.ledger().recovered(names[*service]),
                        }
                    }
                });
            }
            assert_balanced(&m.render());
        });
        assert_balanced(&m.render());
        let b = m.ledger().balance();
        prop_assert_eq!(b.answered, b.completed + b.failed + b.active);
        prop_assert_eq!(b.answered, b.assured + b.active);
    }
}
