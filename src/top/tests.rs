//! Two looks at metrics, and what is made of them.

use super::*;
use crate::call::EndedBy;
use crate::daemon::control::protocol::RecorderStatus;
use crate::telemetry::label::{CallBucket, DropPlace, FailReason, FaultLabel};
use crate::telemetry::{Metrics, Snapshot};
use crate::time::Timestamp;
use std::time::Duration;

const AT: Timestamp = Timestamp::from_parts(1_790_000_000, 0);

fn look(metrics: &Metrics, seconds: u64) -> TopLook {
    let at = Some(AT + Duration::from_secs(seconds));
    TopLook::new(&RecorderStatus { at, metrics: metrics.render(), ..RecorderStatus::default() }, AT)
}

#[test]
fn a_page_is_read_as_it_is_written() {
    let page = MetricsPage::read(
        "# HELP a_total B.\n# TYPE a_total counter\na_total{x=\"1\",y=\"q\\\"}\\\\ \\n{\"} 3\na_total{x=\"1\",y=\"z\"} 4\n\
         a_total{x=\"2\"} 0.5\nb 1e3\n\nc_bucket{le=\"+Inf\"} 2\nbroken{x=\"1\nbroken\nbroken{x=\"1\"}\nbroken{x=\"1\"} many\n",
    );
    assert_eq!((page.sum("a_total"), page.sum("b"), page.sum("broken")), (Some(7.5), Some(1000.0), None));
    assert_eq!(
        page.by("a_total", "x").into_iter().collect::<Vec<_>>(),
        [("1".into(), 7.0), ("2".into(), 0.5)]
    );
    let y = page.by_where("a_total", "x", "1", "y");
    assert_eq!(y.into_iter().collect::<Vec<_>>(), [("q\"}\\ \n{".into(), 3.0), ("z".into(), 4.0)]);
    assert_eq!((page.label("a_total", "x"), page.label("b", "x")), (Some("1"), None));
    assert_eq!(page.by("c_bucket", "le").keys().collect::<Vec<_>>(), ["+Inf"]);
    assert_eq!(MetricsPage::read("\u{0}{}}{{\"\n{\n}=\n\\"), MetricsPage::default());
}

#[test]
fn calls_stand_under_their_service_and_balance() {
    let metrics = Metrics::new(["116117", "general"]);
    for _ in 0..5 {
        metrics.ledger().answered("116117");
    }
    metrics.ledger().completed("116117", EndedBy::Agent, CallBucket::Complete);
    metrics.ledger().completed("116117", EndedBy::Agent, CallBucket::Partial);
    metrics.ledger().failed("116117", FailReason::NoMedia);
    metrics.count_faulty(FaultLabel::OneWay, true);
    let f = TopFigures::new(None, &look(&metrics, 0));
    let want = TopCalls { now: 2, answered: 5, complete: 1, partial: 1, missing: 1, ..TopCalls::default() };
    assert_eq!((f.calls, f.balanced, f.interval_s), (want, true, None));
    let services: Vec<_> = f.services.iter().map(|s| (s.service.as_str(), s.calls)).collect();
    assert_eq!(services, [("116117", want), ("general", TopCalls::default())], "`other` has none");
    assert_eq!(f.sound.faulty.into_iter().collect::<Vec<_>>(), [("one_way".to_owned(), 1)]);
    assert_eq!(f.version, env!("CARGO_PKG_VERSION"));
    // A call of a service that the configuration does not name.
    metrics.ledger().answered("new");
    let f = TopFigures::new(None, &look(&metrics, 0));
    assert_eq!(f.services.last().map(|s| (s.service.as_str(), s.calls.now)), Some(("other", 1)));
    // An end without a call is a fault.
    metrics.ledger().answered("general");
    (0..9).for_each(|_| {
        metrics.ledger().failed("general", FailReason::Stray);
    });
    assert!(!TopFigures::new(None, &look(&metrics, 0)).balanced);
}

#[test]
fn rates_are_between_two_looks_of_one_run() {
    let metrics = Metrics::new(["general"]);
    let totals = |n: u64| {
        let mut s = Snapshot { packets_received: 100 * n, bytes_received: 1000 * n, ..Snapshot::default() };
        s.dropped[DropPlace::Kernel.index()] = 3 * n;
        s.last_packet = Some(AT);
        s
    };
    metrics.publish(&totals(1));
    let before = look(&metrics, 0);
    metrics.publish(&totals(3));
    metrics.observe_worker_lag(Duration::from_millis(400));
    metrics.observe_worker_lag(Duration::from_millis(20));
    let f = TopFigures::new(Some(&before), &look(&metrics, 4));
    let c = &f.capture;
    assert_eq!((f.interval_s, c.packets_per_s, c.bits_per_s), (Some(4.0), Some(50.0), Some(4000.0)));
    assert_eq!((c.dropped_per_s, c.dropped.get("kernel"), c.silent_s), (Some(1.5), Some(&9), Some(4.0)));
    assert_eq!(c.written_within_s, Some(0.5), "the bound above 0.4 s");
    // Nothing was written since.
    let later = look(&metrics, 5);
    assert_eq!(TopFigures::new(Some(&look(&metrics, 4)), &later).capture.written_within_s, None);
    metrics.observe_worker_lag(Duration::from_secs(3600));
    let f = TopFigures::new(Some(&later), &look(&metrics, 6));
    assert_eq!(f.capture.written_within_s, Some(f64::INFINITY));
    assert!(serde_json::to_value(&f).unwrap()["capture"]["written_within_s"].is_null());
    // Both looks came between two counts of packets, though it is a while from one to the other.
    let status = |at_s: u64, counted_ago_s: f64, packets: u32| RecorderStatus {
        at: Some(AT + Duration::from_secs(at_s)),
        counted_ago_s: Some(counted_ago_s),
        metrics: format!("nauhuri_packets_received_total {packets}\n"),
        ..RecorderStatus::default()
    };
    let rate = |first: RecorderStatus, second: RecorderStatus| {
        let [first, second] = [first, second].map(|status| TopLook::new(&status, AT));
        TopFigures::new(Some(&first), &second).capture.packets_per_s
    };
    assert_eq!(rate(status(1, 0.0, 50), status(2, 1.0, 50)), None);
    assert_eq!(rate(status(1, 0.5, 50), status(2, 0.5, 150)), Some(100.0));
    assert_eq!(rate(status(1, 0.5, 50), status(2, 0.0, 200)), Some(100.0), "over the time that was counted");
    // Another run, another beginning: its counters say nothing of the time before.
    let page = |start: u32| RecorderStatus {
        at: Some(AT + Duration::from_secs(u64::from(start))),
        metrics: format!("nauhuri_start_time_seconds {start}\nnauhuri_packets_received_total {start}\n"),
        ..RecorderStatus::default()
    };
    let [first, second] = [7, 8].map(|start| TopLook::new(&page(start), AT));
    let f = TopFigures::new(Some(&first), &second);
    assert_eq!((f.interval_s, f.capture.packets_per_s), (None, None));
}

#[test]
fn a_recorder_of_another_release_is_shown_as_far_as_it_tells() {
    let status = RecorderStatus { not_ready: Some("stopping".into()), ..RecorderStatus::default() };
    let look = TopLook::new(&status, AT);
    let f = TopFigures::new(Some(&look), &look);
    assert_eq!((f.at, f.ready, f.services.len(), f.version.as_str()), (Some(AT), false, 0, ""));
    assert_eq!(f.capture.packets_per_s, None);
}
