//! Series that each service has one of: more of them may come while the recorder runs.

use crate::telemetry::families::{Families, OTHER_SERVICE};
use metrics::{Counter, Gauge};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Those of one service.
struct ServiceSeries {
    deleted: Counter,
    announcement_short: Counter,
    bytes_per_day: Gauge,
}

/// Those of all, [`OTHER_SERVICE`] among them.
pub(in crate::telemetry) struct ByService(RwLock<HashMap<String, ServiceSeries>>);

impl ServiceSeries {
    fn new(f: &Families<'_>, service: &str) -> ServiceSeries {
        let labels = [("service", service)];
        ServiceSeries {
            deleted: f.counter(
                "nauhuri_retention_deleted_total",
                "Recordings deleted because their retention ended.",
                &labels,
            ),
            announcement_short: f.counter(
                "nauhuri_announcement_short_total",
                "Recordings whose caller was answered, or heard early media, for less than the service's announcement_min before the agent answered.",
                &labels,
            ),
            bytes_per_day: f.gauge(
                "nauhuri_storage_bytes_per_day",
                "Bytes of audio and metadata recorded per day, over the last four weeks.",
                &labels,
            ),
        }
    }
}

impl ByService {
    /// At 0 for each of `services`.
    pub(super) fn new(f: &Families<'_>, services: &[String]) -> ByService {
        let of = |name: &String| (name.clone(), ServiceSeries::new(f, name));
        ByService(RwLock::new(services.iter().map(of).collect()))
    }

    /// One more service. To be called once for each name.
    pub(super) fn add(&self, f: &Families<'_>, service: &str) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(service.to_owned()).or_insert_with(|| ServiceSeries::new(f, service));
    }

    /// A recording of this service was deleted because its time was over.
    pub(in crate::telemetry) fn deleted(&self, service: &str) {
        self.of(service, |s| s.deleted.increment(1));
    }

    /// A caller of this service heard too little of the announcement.
    pub(in crate::telemetry) fn announcement_short(&self, service: &str) {
        self.of(service, |s| s.announcement_short.increment(1));
    }

    /// Bytes recorded a day; services that are not named are at rest.
    pub(super) fn set_bytes_per_day<'a>(&self, services: impl IntoIterator<Item = (&'a str, f64)>) {
        let all = self.all();
        let mut sums: HashMap<&str, f64> = all.keys().map(|name| (name.as_str(), 0.0)).collect();
        for (name, bytes) in services {
            let label = if all.contains_key(name) { name } else { OTHER_SERVICE };
            *sums.entry(label).or_default() += bytes;
        }
        for (name, bytes) in sums {
            if let Some(series) = all.get(name) {
                series.bytes_per_day.set(bytes.round());
            }
        }
    }

    fn of(&self, service: &str, count: impl FnOnce(&ServiceSeries)) {
        let all = self.all();
        if let Some(series) = all.get(service).or_else(|| all.get(OTHER_SERVICE)) {
            count(series);
        }
    }

    fn all(&self) -> RwLockReadGuard<'_, HashMap<String, ServiceSeries>> {
        // Nothing is left half done by a panic: a name is there with its series, or not at all.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
