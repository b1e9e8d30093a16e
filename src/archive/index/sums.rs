//! Sums over the store: for the metrics, and for looking ahead.
//!
//! All of them scan indexes only. Must not know how a forecast is made of them.

use super::{Index, IndexError};
use crate::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

/// Seconds in a UTC day.
const DAY_S: i64 = 86_400;
/// Nanoseconds in a UTC day.
const DAY_NS: i64 = DAY_S * crate::time::NS_PER_S;

/// A count and what it weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Recordings.
    pub count: u64,
    /// Bytes of audio.
    pub bytes: u64,
}

/// The whole store in sums. Each recording is in one of `kept`, `held`, `due`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Within their term.
    pub kept: Tally,
    /// Under a hold.
    pub held: Tally,
    /// Past their term, not held.
    pub due: Tally,
    /// Closed to listening and export, whichever of the above they are.
    pub restricted: Tally,
    /// Their files are gone and nobody deleted them.
    pub missing: u64,
}

/// What was recorded on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayBytes {
    /// Days since 1970 on the calendar that was asked for.
    pub day: i64,
    /// Name of the service; empty where unknown.
    pub service: String,
    /// What was recorded.
    pub tally: Tally,
}

/// What falls due at one instant, unless it is held until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueBytes {
    /// The instant.
    pub at: Timestamp,
    /// What falls due.
    pub tally: Tally,
}

/// How long a service keeps its recordings, learnt from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTerm {
    /// Name of the service; empty where unknown.
    pub service: String,
    /// Local days from that of the answer to that of the deletion; `None`: for ever.
    pub days: Option<i64>,
}

impl Index {
    /// Counts and bytes by state: one scan for all of them, the rest from indexes
    /// of the few. Nothing is sorted.
    pub fn stats(&self, now: Timestamp) -> Result<Stats, IndexError> {
        let sum = "SELECT count(*), sum(wav_bytes) FROM recording INDEXED BY";
        let all = self.sum(&format!("{sum} by_time WHERE buried = 0"), &[])?;
        let held = self.sum(&format!("{sum} the_held WHERE buried = 0 AND held = 1"), &[])?;
        let restricted =
            self.sum(&format!("{sum} the_restricted WHERE buried = 0 AND restricted = 1"), &[])?;
        let missing = self.sum(&format!("{sum} the_missing WHERE buried = 0 AND missing = 1"), &[])?.count;
        let due = self.overdue(now)?;
        // Somebody may write between two of these.
        let kept = Tally {
            count: all.count.saturating_sub(held.count + due.count),
            bytes: all.bytes.saturating_sub(held.bytes + due.bytes),
        };
        Ok(Stats { kept, held, due, restricted, missing })
    }

    /// What is past its term and not held.
    pub fn overdue(&self, now: Timestamp) -> Result<Tally, IndexError> {
        self.sum(
            "SELECT count(*), sum(wav_bytes) FROM recording INDEXED BY by_due \
             WHERE buried = 0 AND held = 0 AND until <= ?1",
            &[now.as_ns()],
        )
    }

    /// On how many days of UTC what is due and not held fell due.
    pub fn due_days(&self, now: Timestamp) -> Result<u64, IndexError> {
        let sql = format!(
            "SELECT count(DISTINCT until / {DAY_NS}) FROM recording INDEXED BY by_due \
             WHERE buried = 0 AND held = 0 AND until <= ?1"
        );
        let days = self.conn.query_row(&sql, [now.as_ns()], |r| r.get::<_, i64>(0));
        Ok(days.map_err(self.error())?.unsigned_abs())
    }

    /// Most recordings that were answered on one day of UTC.
    pub fn busiest_day(&self) -> Result<u64, IndexError> {
        let sql = format!(
            "SELECT max(n) FROM (SELECT count(*) AS n FROM recording INDEXED BY by_time \
             WHERE buried = 0 GROUP BY answered_at / {DAY_NS})"
        );
        let most = self.conn.query_row(&sql, [], |r| r.get::<_, Option<i64>>(0));
        Ok(most.map_err(self.error())?.unwrap_or(0).unsigned_abs())
    }

    /// The newest recording, and when it was answered.
    pub fn newest(&self) -> Result<Option<(Uuid, Timestamp)>, IndexError> {
        let sql = "SELECT id, answered_at FROM recording INDEXED BY by_time WHERE buried = 0 \
                   ORDER BY answered_at DESC LIMIT 1";
        let read = |r: &rusqlite::Row<'_>| Ok((Uuid::from_bytes(r.get(0)?), Timestamp::from_ns(r.get(1)?)));
        self.conn.query_row(sql, [], read).optional().map_err(self.error())
    }

    /// The newest answer.
    pub fn last_answer(&self) -> Result<Option<Timestamp>, IndexError> {
        let sql = "SELECT max(answered_at) FROM recording INDEXED BY by_time WHERE buried = 0";
        self.conn
            .query_row(sql, [], |r| Ok(r.get::<_, Option<i64>>(0)?.map(Timestamp::from_ns)))
            .map_err(self.error())
    }

    /// The oldest answer.
    pub fn first_answer(&self) -> Result<Option<Timestamp>, IndexError> {
        let sql = "SELECT min(answered_at) FROM recording INDEXED BY by_time WHERE buried = 0";
        self.conn
            .query_row(sql, [], |r| Ok(r.get::<_, Option<i64>>(0)?.map(Timestamp::from_ns)))
            .map_err(self.error())
    }

    /// What was recorded from `since` to before `until`, by day and service.
    /// Days are those of a calendar `offset_s` east of UTC.
    pub fn recorded(
        &self,
        since: Timestamp,
        until: Timestamp,
        offset_s: i32,
    ) -> Result<Vec<DayBytes>, IndexError> {
        let sql = format!(
            "SELECT (answered_at + ?3) / {DAY_NS}, coalesce(service, ''), count(*), sum(wav_bytes) \
             FROM recording INDEXED BY by_time \
             WHERE buried = 0 AND answered_at >= ?1 AND answered_at < ?2 GROUP BY 1, 2 ORDER BY 1, 2"
        );
        let offset = i64::from(offset_s) * crate::time::NS_PER_S;
        let mut st = self.conn.prepare_cached(&sql).map_err(self.error())?;
        let rows = st.query_map(params![since.as_ns(), until.as_ns(), offset], |r| {
            Ok(DayBytes { day: r.get(0)?, service: r.get(1)?, tally: tally(r, 2)? })
        });
        rows.map_err(self.error())?.collect::<Result<_, _>>().map_err(self.error())
    }

    /// What falls due before `until`, by instant: there are few, terms end at
    /// the edges of days.
    pub fn falling_due(&self, until: Timestamp) -> Result<Vec<DueBytes>, IndexError> {
        let sql = "SELECT until, count(*), sum(wav_bytes) FROM recording INDEXED BY by_due \
                   WHERE buried = 0 AND held = 0 AND until < ?1 GROUP BY until ORDER BY until";
        let mut st = self.conn.prepare_cached(sql).map_err(self.error())?;
        let rows = st.query_map([until.as_ns()], |r| {
            Ok(DueBytes { at: Timestamp::from_ns(r.get(0)?), tally: tally(r, 1)? })
        });
        rows.map_err(self.error())?.collect::<Result<_, _>>().map_err(self.error())
    }

    /// The term of each service, as what was recorded since shows it.
    pub fn terms(&self, since: Timestamp) -> Result<Vec<ServiceTerm>, IndexError> {
        let sql = format!(
            "SELECT coalesce(service, ''), avg((until - answered_at) / {DAY_NS}.0) \
             FROM recording INDEXED BY by_time WHERE buried = 0 AND answered_at >= ?1 GROUP BY 1 ORDER BY 1"
        );
        let mut st = self.conn.prepare_cached(&sql).map_err(self.error())?;
        let rows = st.query_map([since.as_ns()], |r| {
            let days: Option<f64> = r.get(1)?;
            Ok(ServiceTerm { service: r.get(0)?, days: days.map(|d| d.ceil().max(0.0) as i64) })
        });
        rows.map_err(self.error())?.collect::<Result<_, _>>().map_err(self.error())
    }

    fn sum(&self, sql: &str, values: &[i64]) -> Result<Tally, IndexError> {
        let mut st = self.conn.prepare_cached(sql).map_err(self.error())?;
        st.query_row(rusqlite::params_from_iter(values), |r| tally(r, 0)).map_err(self.error())
    }
}

/// A count and a sum from column `at` on.
fn tally(r: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Tally> {
    let (count, bytes): (i64, Option<i64>) = (r.get(at)?, r.get(at + 1)?);
    Ok(Tally { count: count.unsigned_abs(), bytes: bytes.unwrap_or(0).unsigned_abs() })
}
