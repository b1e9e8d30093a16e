//! The book of requests: `dsar.db` of the state folder.
//!
//! Days are `YYYY-MM-DD`, instants nanoseconds since 1970. Whether somebody has asked before
//! is known by keyed hashes (HMAC-SHA256) of the number he called from and of his name and
//! address; the key is in a file of its own, so that a copy of the book alone tells no number.
//! What goes is overwritten (`secure_delete`).

use super::super::audit::By;
use super::due::due;
use super::error::DsarError;
use super::subject::{
    ContactChannel, Decided, Extended, IdentityCheck, NewRequest, RequestOutcome, SubjectRequest,
    SubjectRight,
};
use crate::archive::index::{connect, database};
use crate::config::Language;
use crate::config::compiled::NumberForm;
use crate::pii::Pii;
use crate::store::StoreError;
use crate::store::files::Folder;
use crate::store::layout::open_state;
use crate::store::lock::EditLock;
use crate::store::word::Vocabulary;
use crate::time::Timestamp;
use hmac::{Hmac, Mac};
use jiff::ToSpan;
use jiff::civil::Date;
use rusqlite::{Connection, Row, params};
use sha2::Sha256;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// The file.
pub const BOOK: &str = "dsar.db";
/// The key of the hashes.
const KEY: &str = "dsar.key";
/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// `user_version` of the file.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE request (n INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, received TEXT NOT NULL, channel TEXT NOT NULL, ref TEXT NOT NULL, language TEXT NOT NULL,
    name TEXT, address TEXT, number_hash BLOB, name_hash BLOB, by TEXT NOT NULL, at INTEGER NOT NULL,
    identity_asked TEXT, identity TEXT, identity_by TEXT, identity_at INTEGER,
    due TEXT NOT NULL, extended INTEGER NOT NULL DEFAULT 0, extended_why TEXT, extended_by TEXT, extended_at INTEGER,
    outcome TEXT, ground TEXT, why TEXT, decided INTEGER, decided_by TEXT, copied INTEGER,
    pruned INTEGER NOT NULL DEFAULT 0);
CREATE INDEX request_due ON request (outcome, due);
CREATE INDEX request_by_number ON request (number_hash);
CREATE INDEX request_by_name ON request (name_hash);
CREATE TABLE request_for (n INTEGER NOT NULL, recording BLOB NOT NULL, PRIMARY KEY (n, recording)) WITHOUT ROWID;
";

/// The open book.
#[derive(Debug)]
pub struct RequestBook {
    conn: Connection,
    state: Folder,
    path: PathBuf,
}

impl RequestBook {
    /// Opens the book in the state folder of a store, or makes it.
    ///
    /// # Errors
    /// The system or SQLite refuses; a later version made it.
    pub fn open(state: &Path) -> Result<RequestBook, DsarError> {
        let folder = open_state(state)?;
        drop(folder.write_or_create(Path::new(BOOK))?);
        let path = database(&folder, BOOK)?;
        let sqlite = |source| DsarError::Sqlite { path: path.clone(), source };
        let conn = connect(&path).map_err(sqlite)?;
        let version = || -> rusqlite::Result<i64> { conn.query_row("PRAGMA user_version", [], |r| r.get(0)) };
        let set_up = || -> rusqlite::Result<i64> {
            conn.busy_timeout(Duration::from_secs(10))?;
            conn.pragma_update(None, "secure_delete", "ON")?;
            conn.pragma_update(None, "trusted_schema", "OFF")?;
            conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            conn.pragma_update(None, "synchronous", "FULL")?;
            version()
        };
        match set_up().map_err(sqlite)? {
            VERSION => {}
            0 => {
                let sql = format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;");
                if let Err(e) = conn.execute_batch(&sql) {
                    drop(conn.execute_batch("ROLLBACK"));
                    // Another process may have made it at the same moment.
                    if version().map_err(sqlite)? != VERSION {
                        return Err(sqlite(e));
                    }
                }
            }
            found => return Err(DsarError::Version { path, found, known: VERSION }),
        }
        Ok(RequestBook { conn, state: folder, path })
    }

    /// Opens the book where there is one.
    ///
    /// # Errors
    /// See [`RequestBook::open`].
    pub fn open_if_there(state: &Path) -> Result<Option<RequestBook>, DsarError> {
        match open_state(state).and_then(|folder| folder.look(Path::new(BOOK))) {
            Ok(Some(_)) => RequestBook::open(state).map(Some),
            Ok(None) => Ok(None),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    fn sql<T>(&self, result: rusqlite::Result<T>) -> Result<T, DsarError> {
        result.map_err(|source| DsarError::Sqlite { path: self.path.clone(), source })
    }

    /// Writes a request down, once `tell` has told of its number.
    ///
    /// # Errors
    /// SQLite, or the key cannot be made.
    pub(super) fn add(
        &self,
        new: &NewRequest,
        numbers: &NumberForm,
        by: &By,
        today: Date,
        tell: impl FnOnce(i64) -> Result<(), DsarError>,
    ) -> Result<i64, DsarError> {
        let (at, by) = (by.at, by.who.name());
        let key = self.key()?;
        let number_hash = new.number.as_ref().and_then(|number| {
            let number = number.as_str();
            hash(&key, &numbers.canonical(number).unwrap_or_else(|| number.to_owned()))
        });
        let whole = format!("{}\n{}", new.name.as_str(), new.address.as_str()).to_lowercase();
        let name_hash = hash(&key, &whole.split_whitespace().collect::<Vec<_>>().join(" "));
        let identity = new.identity.as_ref().map(Pii::as_str);
        let tx = self.sql(self.conn.unchecked_transaction())?;
        let sql = "INSERT INTO request (kind, received, channel, ref, language, name, address, number_hash, name_hash, \
            by, at, identity_asked, identity, identity_by, identity_at, due) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
        let values = params![
            new.right.name(),
            new.received.to_string(),
            new.channel.name(),
            new.case,
            new.language.code(),
            new.name.as_str(),
            new.address.as_str(),
            number_hash,
            name_hash,
            by,
            at.as_ns(),
            new.identity_asked.then(|| today.to_string()),
            identity,
            identity.map(|_| &by),
            identity.map(|_| at.as_ns()),
            due(new.received, 0).to_string(),
        ];
        self.sql(tx.execute(sql, values))?;
        let n = tx.last_insert_rowid();
        self.link(n, &new.recordings)?;
        tell(n)?;
        self.sql(tx.commit())?;
        Ok(n)
    }

    /// Adds recordings to a request.
    pub(super) fn link(&self, n: i64, recordings: &[Uuid]) -> Result<(), DsarError> {
        for id in recordings {
            let sql = "INSERT INTO request_for VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            self.sql(self.conn.execute(sql, params![n, id.as_bytes()]))?;
        }
        Ok(())
    }

    /// How his identity was checked, or that he was asked to prove it.
    pub(super) fn identify(
        &self,
        n: i64,
        how: Option<&Pii<String>>,
        by: &By,
        today: Date,
    ) -> Result<(), DsarError> {
        let done = match how {
            None => self.conn.execute(
                "UPDATE request SET identity_asked = ?2 WHERE n = ?1",
                params![n, today.to_string()],
            ),
            Some(how) => self.conn.execute(
                "UPDATE request SET identity = ?2, identity_by = ?3, identity_at = ?4 WHERE n = ?1",
                params![n, how.as_str(), by.who.name(), by.at.as_ns()],
            ),
        };
        self.sql(done).map(drop)
    }

    /// `false`: it was decided, or extended, at the same moment.
    pub(super) fn extend(&self, was: &SubjectRequest, extended: &Extended) -> Result<bool, DsarError> {
        let sql = "UPDATE request SET due = ?2, extended = ?3, extended_why = ?4, extended_by = ?5, extended_at = ?6 \
            WHERE n = ?1 AND outcome IS NULL AND due = ?7";
        let values = params![
            was.n,
            due(was.received, extended.months).to_string(),
            extended.months,
            extended.why.as_ref().map(Pii::as_str),
            extended.by,
            extended.at.as_ns(),
            was.due.to_string(),
        ];
        Ok(self.sql(self.conn.execute(sql, values))? > 0)
    }

    /// `false`: somebody has decided at the same moment.
    pub(super) fn decide(&self, n: i64, decided: &Decided) -> Result<bool, DsarError> {
        let sql = "UPDATE request SET outcome = ?2, ground = ?3, why = ?4, decided = ?5, decided_by = ?6 \
            WHERE n = ?1 AND (outcome IS NULL OR outcome = 'deferred')";
        let values = params![
            n,
            decided.outcome.name(),
            decided.ground,
            decided.why.as_ref().map(Pii::as_str),
            decided.at.as_ns(),
            decided.by,
        ];
        Ok(self.sql(self.conn.execute(sql, values))? > 0)
    }

    /// The copy went out.
    pub(super) fn copied(&self, n: i64, at: Timestamp) -> Result<(), DsarError> {
        let sql = "UPDATE request SET copied = ?2 WHERE n = ?1";
        self.sql(self.conn.execute(sql, params![n, at.as_ns()])).map(drop)
    }

    /// One request.
    ///
    /// # Errors
    /// SQLite.
    pub fn get(&self, n: i64) -> Result<Option<SubjectRequest>, DsarError> {
        Ok(self.select("WHERE n = ?1", params![n])?.pop())
    }

    /// Those that nobody has decided, or that were put off: the one that is due first, first.
    ///
    /// # Errors
    /// SQLite.
    pub fn undecided(&self) -> Result<Vec<SubjectRequest>, DsarError> {
        self.select("WHERE outcome IS NULL OR outcome = 'deferred' ORDER BY due, n", [])
    }

    /// The newest before number `before`, whatever became of them.
    ///
    /// # Errors
    /// SQLite.
    pub fn page(&self, before: i64, limit: usize) -> Result<Vec<SubjectRequest>, DsarError> {
        self.select("WHERE n < ?1 ORDER BY n DESC LIMIT ?2", params![before, limit as i64])
    }

    fn select(&self, which: &str, values: impl rusqlite::Params) -> Result<Vec<SubjectRequest>, DsarError> {
        let mut st = self.sql(self.conn.prepare(&format!("SELECT * FROM request {which}")))?;
        let rows = self.sql(st.query_map(values, read))?;
        let mut requests = self.sql(rows.collect::<rusqlite::Result<Vec<_>>>())?;
        for request in &mut requests {
            let mut st =
                self.sql(self.conn.prepare_cached("SELECT recording FROM request_for WHERE n = ?1"))?;
            let rows = self.sql(st.query_map([request.n], |r| Ok(Uuid::from_bytes(r.get(0)?))))?;
            request.recordings = self.sql(rows.collect())?;
            let sql = "SELECT count(*) FROM request other JOIN request own ON own.n = ?1 WHERE other.n <> own.n \
                AND (other.number_hash = own.number_hash OR other.name_hash = own.name_hash) \
                AND other.received >= ?2 AND (other.received, other.n) < (own.received, own.n)";
            let year_before = request.received.saturating_sub(1.year()).to_string();
            let prior = self.conn.query_row(sql, params![request.n, year_before], |r| r.get::<_, i64>(0));
            request.prior = u64::try_from(self.sql(prior)?).unwrap_or(0);
        }
        Ok(requests)
    }

    /// How many [`RequestBook::prune`] would change.
    ///
    /// # Errors
    /// SQLite.
    pub fn prunable(&self, person_before: Timestamp, whole_before: Timestamp) -> Result<u64, DsarError> {
        let sql = format!("SELECT count(*) FROM request WHERE {PRUNABLE} OR {OVER}");
        let values = params![person_before.as_ns(), whole_before.as_ns()];
        let count = self.sql(self.conn.query_row(&sql, values, |r| r.get::<_, i64>(0)))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Takes away who it was from what was decided before the first instant, and all of it before the second.
    ///
    /// # Errors
    /// SQLite.
    pub fn prune(&self, person_before: Timestamp, whole_before: Timestamp) -> Result<(), DsarError> {
        let tx = self.sql(self.conn.unchecked_transaction())?;
        let sql = format!(
            "UPDATE request SET name = NULL, address = NULL, number_hash = NULL, name_hash = NULL, identity = NULL, \
            extended_why = NULL, why = NULL, pruned = 1 WHERE {PRUNABLE}"
        );
        self.sql(tx.execute(&sql, [person_before.as_ns()]))?;
        let over = OVER.replace("?2", "?1");
        let sql = format!("DELETE FROM request_for WHERE n IN (SELECT n FROM request WHERE {over})");
        self.sql(tx.execute(&sql, [whole_before.as_ns()]))?;
        self.sql(tx.execute(&format!("DELETE FROM request WHERE {over}"), [whole_before.as_ns()]))?;
        self.sql(tx.commit())?;
        // What was overwritten is not left in the log beside it.
        self.sql(self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
    }

    /// The key of the hashes, made where there is none.
    fn key(&self) -> Result<[u8; KEY_BYTES], DsarError> {
        let name = Path::new(KEY);
        let _alone = EditLock::wait(self.state.path())?;
        let mut key = [0; KEY_BYTES];
        if let Some(mut file) = self.state.read_if_there(name)? {
            file.read_exact(&mut key).map_err(StoreError::io("read", name))?;
            return Ok(key);
        }
        getrandom::fill(&mut key).map_err(|e| StoreError::io("make", name)(std::io::Error::other(e)))?;
        self.state.replace(name, &key, true)?;
        Ok(key)
    }
}

/// Decided long enough ago for the person's name to go.
const PRUNABLE: &str = "(pruned = 0 AND outcome IS NOT NULL AND outcome <> 'deferred' AND decided < ?1)";
/// Decided so long ago that all of it goes.
const OVER: &str = "(outcome IS NOT NULL AND outcome <> 'deferred' AND decided < ?2)";

fn hash(key: &[u8], text: &str) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac.finalize().into_bytes()[..16].to_vec())
}

fn read(r: &Row<'_>) -> rusqlite::Result<SubjectRequest> {
    let text = |name: &str| r.get::<_, Option<String>>(name);
    let pii = |name: &str| text(name).map(|text| text.map(Pii::new));
    let at = |name: &str| -> rusqlite::Result<Option<Timestamp>> {
        Ok(r.get::<_, Option<i64>>(name)?.map(Timestamp::from_ns))
    };
    // What this version wrote, it can read.
    let damaged = || rusqlite::Error::InvalidQuery;
    let day = |name: &str| -> rusqlite::Result<Option<Date>> {
        text(name)?.map(|day| day.parse().map_err(|_| damaged())).transpose()
    };
    let word = |name: &str| text(name).map(Option::unwrap_or_default);
    let identity = match (text("identity_by")?, at("identity_at")?) {
        (Some(by), Some(at)) => Some(IdentityCheck { how: pii("identity")?, by, at }),
        _ => None,
    };
    let extended = match (text("extended_by")?, at("extended_at")?) {
        (Some(by), Some(at)) => {
            Some(Extended { months: r.get("extended")?, why: pii("extended_why")?, by, at })
        }
        _ => None,
    };
    let decided = match (text("outcome")?, text("decided_by")?, at("decided")?) {
        (Some(outcome), Some(by), Some(at)) => Some(Decided {
            outcome: RequestOutcome::of_word(&outcome).ok_or_else(damaged)?,
            ground: text("ground")?,
            why: pii("why")?,
            by,
            at,
        }),
        _ => None,
    };
    Ok(SubjectRequest {
        n: r.get("n")?,
        right: SubjectRight::of_word(&word("kind")?).ok_or_else(damaged)?,
        received: day("received")?.ok_or_else(damaged)?,
        channel: ContactChannel::of_word(&word("channel")?).ok_or_else(damaged)?,
        case: word("ref")?,
        language: Language::from_code(&word("language")?).ok_or_else(damaged)?,
        name: pii("name")?,
        address: pii("address")?,
        identity_asked: day("identity_asked")?,
        identity,
        due: day("due")?.ok_or_else(damaged)?,
        extended,
        decided,
        copied: at("copied")?,
        by: word("by")?,
        recordings: Vec::new(),
        prior: 0,
    })
}
