//! When will the storage be full? From what is recorded, and what expires.
//!
//! Each service goes on as in the last four weeks, Mondays as Mondays, and keeps
//! as long as it does now; what is stored expires when its sidecar says, unless
//! it is held. A sum, not a promise: busier weeks are not foreseen. Must not
//! know where the free space is asked for.

use super::index::{Index, IndexError, Tally};
use crate::store::calendar::{day_begins, local_date};
use crate::time::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Days looked back on.
const HISTORY: i64 = 28;
/// From so many days on, each day of the week is taken for itself.
const WEEKDAYS_FROM: i64 = 14;
/// What a recording takes beside its audio: the sidecar, and the rounding of
/// both files to blocks.
const BESIDE_AUDIO: u64 = 8 << 10;
/// Seconds in a day.
const DAY_S: f64 = 86_400.0;
/// Less of a first day than this says nothing about a whole one, seconds.
const SHORTEST_HISTORY_S: f64 = 3_600.0;

/// Room on the file system, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Free now.
    pub free: u64,
    /// `storage.min_free`: where less is left, nothing is recorded.
    pub min_free: u64,
}

/// What is to come.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// Days the forecast is drawn from.
    pub history_days: i64,
    /// Bytes a day by service.
    pub services: Vec<ServiceRate>,
    /// Day by day, today first.
    pub days: Vec<ForecastDay>,
    /// When no more than `storage.min_free` is left; `None`: not within these days.
    #[serde(serialize_with = "instant")]
    pub exhausted_at: Option<Timestamp>,
}

/// What one service records.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceRate {
    /// Its name; empty where a crash took it.
    pub service: String,
    /// Recordings a day.
    pub recordings_a_day: f64,
    /// Bytes a day.
    pub bytes_a_day: f64,
    /// Days a recording is kept; `None`: for ever.
    pub kept_days: Option<i64>,
}

/// One day to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForecastDay {
    /// On the calendar of `retention.timezone`.
    pub date: Date,
    /// Bytes recorded.
    pub recorded: u64,
    /// Bytes that expire.
    pub expiring: u64,
    /// Bytes free at the end of it; 0: full.
    pub free: u64,
}

/// What one service recorded, by day of the week.
#[derive(Default)]
struct ServiceHistory {
    bytes: [f64; 7],
    recordings: f64,
}

/// Looks `days` ahead of today.
pub fn forecast(
    index: &Index,
    now: Timestamp,
    space: Space,
    days: u16,
    zone: &TimeZone,
) -> Result<Forecast, IndexError> {
    let today = local_date(now, zone);
    let history = History::of(index, now, today, zone)?;
    let mut terms: BTreeMap<String, Option<i64>> =
        index.terms(history.since)?.into_iter().map(|t| (t.service, t.days)).collect();
    let services: Vec<ServiceRate> = history
        .past
        .iter()
        .map(|(service, past)| ServiceRate {
            service: service.clone(),
            recordings_a_day: past.recordings / history.days,
            bytes_a_day: past.bytes.iter().sum::<f64>() / history.days,
            kept_days: terms.remove(service).flatten(),
        })
        .collect();
    let due = due_by_day(index, today, days, zone)?;
    let mut out = Forecast {
        history_days: history.days.ceil() as i64,
        services,
        days: Vec::with_capacity(usize::from(days) + 1),
        exhausted_at: (space.free <= space.min_free).then_some(now),
    };
    let mut free = space.free as f64;
    // What each service records on each day to come: it expires in its turn.
    let mut recorded: Vec<Vec<f64>> = Vec::new();
    for ahead in 0..=i64::from(days) {
        let date = today.saturating_add(ahead.days());
        let (begins, ends) =
            (day_begins(date, zone).max(now), day_begins(date.saturating_add(1.day()), zone));
        let share = ends.since_s(begins) / DAY_S;
        let each: Vec<f64> = history.past.values().map(|p| history.expected(p, date) * share).collect();
        let mut expiring = due.get(&ahead).copied().unwrap_or(0.0);
        for (i, service) in out.services.iter().enumerate() {
            let made = service.kept_days.and_then(|term| usize::try_from(ahead - term.max(1)).ok());
            expiring += made.and_then(|day| recorded.get(day)).map_or(0.0, |day| day[i]);
        }
        let written: f64 = each.iter().sum();
        recorded.push(each);
        free += expiring;
        let room = free - space.min_free as f64;
        if out.exhausted_at.is_none() && written > 0.0 && room <= written {
            let after = (room / written).max(0.0) * ends.since_ns(begins) as f64;
            out.exhausted_at = Some(begins.offset_ns(after as i64));
        }
        free -= written;
        out.days.push(ForecastDay {
            date,
            recorded: written as u64,
            expiring: expiring as u64,
            free: free.max(0.0) as u64,
        });
    }
    Ok(out)
}

/// The last weeks.
struct History {
    since: Timestamp,
    /// Days of it; less than one where the first call was today.
    days: f64,
    /// How often each day of the week is in it.
    weekdays: [f64; 7],
    past: BTreeMap<String, ServiceHistory>,
}

impl History {
    fn of(index: &Index, now: Timestamp, today: Date, zone: &TimeZone) -> Result<History, IndexError> {
        let mut history = History { since: now, days: 1.0, weekdays: [0.0; 7], past: BTreeMap::new() };
        let Some(first) = index.first_answer()?.filter(|t| *t < now) else { return Ok(history) };
        let whole = first_days(local_date(first, zone), today);
        history.since = day_begins(today.saturating_sub(whole.max(0).days()), zone);
        let mut until = day_begins(today, zone);
        if whole == 0 {
            // Nothing but today: as if it went on like this.
            until = now;
            history.days = now.since_s(first).max(SHORTEST_HISTORY_S) / DAY_S;
        } else {
            history.days = whole as f64;
        }
        for back in 1..=whole {
            history.weekdays[weekday(today.saturating_sub(back.days()))] += 1.0;
        }
        let offset = zone.to_offset(now.to_jiff()).seconds();
        for day in index.recorded(history.since, until, offset)? {
            let date = Date::constant(1970, 1, 1).saturating_add(day.day.days());
            let past = history.past.entry(day.service).or_default();
            past.bytes[weekday(date)] += weight(day.tally);
            past.recordings += day.tally.count as f64;
        }
        Ok(history)
    }

    /// Bytes on a whole day of that date.
    fn expected(&self, past: &ServiceHistory, date: Date) -> f64 {
        let day = weekday(date);
        if self.days >= WEEKDAYS_FROM as f64 && self.weekdays[day] > 0.0 {
            past.bytes[day] / self.weekdays[day]
        } else {
            past.bytes.iter().sum::<f64>() / self.days
        }
    }
}

/// Whole days of history before today.
fn first_days(first: Date, today: Date) -> i64 {
    let days = first.until(today).map_or(0, |span| i64::from(span.get_days()));
    days.clamp(0, HISTORY)
}

/// What is stored and falls due, by days ahead; what is overdue counts for today.
fn due_by_day(
    index: &Index,
    today: Date,
    days: u16,
    zone: &TimeZone,
) -> Result<BTreeMap<i64, f64>, IndexError> {
    let horizon = day_begins(today.saturating_add((i64::from(days) + 1).days()), zone);
    let mut out = BTreeMap::new();
    for due in index.falling_due(horizon)? {
        let ahead = today.until(local_date(due.at, zone)).map_or(0, |span| i64::from(span.get_days()));
        *out.entry(ahead.max(0)).or_insert(0.0) += weight(due.tally);
    }
    Ok(out)
}

fn weight(tally: Tally) -> f64 {
    (tally.bytes + tally.count * BESIDE_AUDIO) as f64
}

fn weekday(date: Date) -> usize {
    date.weekday().to_monday_zero_offset() as usize
}

fn instant<S: Serializer>(at: &Option<Timestamp>, s: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => s.collect_str(&crate::store::calendar::until_string(*at)),
        None => s.serialize_none(),
    }
}

#[cfg(test)]
mod tests;
