//! How a series is registered with the exporter: the one place that names its recorder.

use metrics::{Counter, Gauge, Histogram, Key, Label, Metadata, Recorder};
use metrics_exporter_prometheus::PrometheusRecorder;

/// The label of a service that the configuration does not name (or not any more).
pub const OTHER_SERVICE: &str = "other";
static META: Metadata<'static> =
    Metadata::new("nauhuri", metrics::Level::INFO, Some("nauhuri::telemetry::metrics"));

/// Registers series with their HELP; the one place that talks to the exporter's recorder.
pub(super) struct Families<'a> {
    pub(super) recorder: &'a PrometheusRecorder,
}

impl Families<'_> {
    pub(super) fn counter(&self, name: &'static str, help: &'static str, labels: &[(&str, &str)]) -> Counter {
        self.recorder.describe_counter(name.into(), None, help.into());
        let counter = self.recorder.register_counter(&key(name, labels), &META);
        counter.absolute(0);
        counter
    }

    /// One series for each value of one label.
    pub(super) fn counters<'v>(
        &self,
        name: &'static str,
        help: &'static str,
        label: &str,
        values: impl Iterator<Item = &'v str>,
    ) -> Vec<Counter> {
        values.map(|v| self.counter(name, help, &[(label, v)])).collect()
    }

    pub(super) fn gauge(&self, name: &'static str, help: &'static str, labels: &[(&str, &str)]) -> Gauge {
        self.recorder.describe_gauge(name.into(), None, help.into());
        let gauge = self.recorder.register_gauge(&key(name, labels), &META);
        gauge.set(0.0);
        gauge
    }

    pub(super) fn histogram(&self, name: &'static str, help: &'static str) -> Histogram {
        self.recorder.describe_histogram(name.into(), None, help.into());
        self.recorder.register_histogram(&key(name, &[]), &META)
    }
}

fn key(name: &'static str, labels: &[(&str, &str)]) -> Key {
    let labels: Vec<Label> = labels.iter().map(|(k, v)| Label::new(k.to_string(), v.to_string())).collect();
    Key::from_parts(name, labels)
}

/// Sets each counter to its total.
pub(super) fn set_all(counters: &[Counter], totals: &[u64]) {
    for (counter, n) in counters.iter().zip(totals) {
        counter.absolute(*n);
    }
}
