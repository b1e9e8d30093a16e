//! Requests to hear recordings or to hand out copies, and what somebody else decided.

use super::{AccountError, Accounts, time};
use crate::config::ListenReason;
use crate::time::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde_json::json;
use uuid::Uuid;

/// Most requests of one account that nobody has decided on.
pub const OPEN: i64 = 200;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Account.
    pub asker: &'a str,
    /// Which recordings.
    pub recordings: &'a [Uuid],
    /// Why.
    pub reason: ListenReason,
    /// Reference of the written request.
    pub case: &'a str,
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Nobody has decided.
    Open,
    /// Granted, for a time.
    Approved,
    /// Refused.
    Refused,
}

impl RequestState {
    /// As lists show it.
    pub const fn name(self) -> &'static str {
        match self {
            RequestState::Open => "open",
            RequestState::Approved => "approved",
            RequestState::Refused => "refused",
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its number.
    pub n: i64,
    /// Who asks.
    pub asker: String,
    /// Which recordings.
    pub recordings: Vec<Uuid>,
    /// Why.
    pub reason: String,
    /// Reference of the written request.
    pub case: String,
    /// When.
    pub asked: Timestamp,
    /// How it stands.
    pub state: RequestState,
    /// Who decided.
    pub decider: Option<String>,
    /// When.
    pub decided: Option<Timestamp>,
    /// Until when it is granted.
    pub until: Option<Timestamp>,
    /// Why it was refused.
    pub why: Option<String>,
}

impl Request {
    /// As lists show it.
    pub fn to_json(&self) -> serde_json::Value {
        let time = |t: Option<Timestamp>| t.map(Timestamp::to_rfc3339);
        json!({
            "n": self.n, "by": self.asker, "recordings": self.recordings, "reason": self.reason, "ref": self.case,
            "at": time(Some(self.asked)), "state": self.state.name(), "decided_by": self.decider,
            "decided_at": time(self.decided), "until": time(self.until), "why": self.why,
        })
    }
}

impl Accounts {
    /// Takes a request; its number, or `None` where too many are open.
    ///
    /// # Errors
    /// SQLite.
    pub fn ask(&self, ask: &Ask<'_>, now: Timestamp) -> Result<Option<i64>, AccountError> {
        let sql = "SELECT count(*) FROM request WHERE asker = ?1 AND state = 'open'";
        if self.sql(self.conn.query_row(sql, [ask.asker], |r| r.get::<_, i64>(0)))? >= OPEN {
            return Ok(None);
        }
        let tx = self.sql(self.conn.unchecked_transaction())?;
        let sql = "INSERT INTO request (asker, reason, ref, asked, state) VALUES (?1, ?2, ?3, ?4, 'open')";
        self.sql(tx.execute(sql, params![ask.asker, ask.reason.name(), ask.case, now.as_ns()]))?;
        let n = tx.last_insert_rowid();
        for id in ask.recordings {
            let sql = "INSERT INTO request_for VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            self.sql(tx.execute(sql, params![n, id.as_bytes()]))?;
        }
        self.sql(tx.commit())?;
        Ok(Some(n))
    }

    /// One request.
    ///
    /// # Errors
    /// SQLite.
    pub fn request(&self, n: i64) -> Result<Option<Request>, AccountError> {
        let found = self.conn.query_row("SELECT * FROM request WHERE n = ?1", [n], read).optional();
        let Some(mut request) = self.sql(found)? else { return Ok(None) };
        self.fill_request(&mut request)?;
        Ok(Some(request))
    }

    /// The newest requests before number `before`: of one account, or of all.
    ///
    /// # Errors
    /// SQLite.
    pub fn requests(
        &self,
        of: Option<&str>,
        before: i64,
        limit: usize,
    ) -> Result<Vec<Request>, AccountError> {
        let sql =
            "SELECT * FROM request WHERE n < ?1 AND (?2 IS NULL OR asker = ?2) ORDER BY n DESC LIMIT ?3";
        let mut st = self.sql(self.conn.prepare(sql))?;
        let rows = self.sql(st.query_map(params![before, of, limit as i64], read))?;
        let mut requests = self.sql(rows.collect::<rusqlite::Result<Vec<_>>>())?;
        for request in &mut requests {
            self.fill_request(request)?;
        }
        Ok(requests)
    }

    fn fill_request(&self, request: &mut Request) -> Result<(), AccountError> {
        let mut st = self.sql(self.conn.prepare_cached("SELECT recording FROM request_for WHERE n = ?1"))?;
        let rows = self.sql(st.query_map([request.n], |r| Ok(Uuid::from_bytes(r.get(0)?))))?;
        request.recordings = self.sql(rows.collect())?;
        Ok(())
    }

    /// Decides an open request; `until` grants it, `why` refuses it. `false` where
    /// it is not open any more, or is one's own.
    ///
    /// # Errors
    /// SQLite.
    pub fn decide(
        &self,
        n: i64,
        decider: &str,
        decision: Result<Timestamp, &str>,
        now: Timestamp,
    ) -> Result<bool, AccountError> {
        let (state, until, why) = match decision {
            Ok(until) => ("approved", Some(until.as_ns()), None),
            Err(why) => ("refused", None, Some(why)),
        };
        let sql = "UPDATE request SET state = ?2, decider = ?3, decided = ?4, until = ?5, why = ?6 \
            WHERE n = ?1 AND state = 'open' AND asker <> ?3";
        Ok(self.sql(self.conn.execute(sql, params![n, state, decider, now.as_ns(), until, why]))? > 0)
    }

    /// The request of `asker` that is granted for `recording` now.
    ///
    /// # Errors
    /// SQLite.
    pub fn granted(&self, asker: &str, recording: Uuid, now: Timestamp) -> Result<Option<i64>, AccountError> {
        let sql = "SELECT r.n FROM request_for f JOIN request r ON r.n = f.n WHERE f.recording = ?1 \
            AND r.asker = ?2 AND r.state = 'approved' AND r.until > ?3 ORDER BY r.until DESC LIMIT 1";
        let values = params![recording.as_bytes(), asker, now.as_ns()];
        self.sql(self.conn.query_row(sql, values, |r| r.get(0)).optional())
    }
}

fn read(r: &Row<'_>) -> rusqlite::Result<Request> {
    let state: String = r.get("state")?;
    Ok(Request {
        n: r.get("n")?,
        asker: r.get("asker")?,
        recordings: Vec::new(),
        reason: r.get("reason")?,
        case: r.get("ref")?,
        asked: Timestamp::from_ns(r.get("asked")?),
        state: match state.as_str() {
            "approved" => RequestState::Approved,
            "open" => RequestState::Open,
            _ => RequestState::Refused,
        },
        decider: r.get("decider")?,
        decided: time(r, r.as_ref().column_index("decided")?)?,
        until: time(r, r.as_ref().column_index("until")?)?,
        why: r.get("why")?,
    })
}
