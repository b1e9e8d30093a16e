//! Sessions of browsers and tokens of programs. What is handed out is random; what is
//! kept is its hash, so that whoever reads the file cannot come in with it.

use super::password::random;
use super::{Account, AccountError, Accounts, time};
use crate::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// How much later than the last use is written down, nanoseconds.
const SLACK_NS: i64 = 10_000_000_000;
/// Sessions of one account at once; the oldest goes.
const SESSIONS: i64 = 20;
/// Tokens of one account at once.
pub const TOKENS: i64 = 20;

/// A session that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginSession {
    /// Whose.
    pub account: Account,
    /// What a token is limited to; `None`: everything the account may.
    pub acts: Option<Vec<String>>,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// By which it is ended.
    pub id: String,
    /// What it is for, in its owner's words.
    pub label: String,
    /// What it may: `read`, `hear` and acts.
    pub acts: Vec<String>,
    /// Since when.
    pub created: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Token {
    /// As lists show it.
    pub fn to_json(&self) -> serde_json::Value {
        json!({ "id": self.id, "label": self.label, "scope": self.acts,
            "created": self.created.to_rfc3339(), "until": self.until.to_rfc3339() })
    }
}

pub(super) fn hash_of(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

impl Accounts {
    /// Begins a session; `secret` is what the browser keeps.
    ///
    /// # Errors
    /// SQLite.
    pub fn begin_session(
        &self,
        name: &str,
        secret: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let sql = "INSERT INTO session (hash, account, created, seen, address) VALUES (?1, ?2, ?3, ?3, ?4)";
        let values = params![hash_of(secret), name, now.as_ns(), address.to_string()];
        self.sql(self.conn.execute(sql, values))?;
        let sql = "DELETE FROM session WHERE seen < ?1 OR created < ?2 OR hash IN (SELECT hash FROM session \
            WHERE account = ?3 ORDER BY created DESC LIMIT -1 OFFSET ?4)";
        let idle = now.offset_ns(-nanos(self.idle) - SLACK_NS).as_ns();
        let oldest = now.offset_ns(-nanos(self.max)).as_ns();
        self.sql(self.conn.execute(sql, params![idle, oldest, name, SESSIONS]))?;
        Ok(())
    }

    /// The session of what a browser sent, if it holds; used now.
    ///
    /// # Errors
    /// SQLite.
    pub fn session(&self, secret: &str, now: Timestamp) -> Result<Option<LoginSession>, AccountError> {
        let hash = hash_of(secret);
        let sql = "SELECT account, created, seen FROM session WHERE hash = ?1";
        let read =
            |r: &rusqlite::Row<'_>| Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)?, r.get::<_, i64>(2)?));
        let Some((name, created, seen)) = self.sql(self.conn.query_row(sql, [&hash], read).optional())?
        else {
            return Ok(None);
        };
        let idle = now.as_ns().saturating_sub(seen) > nanos(self.idle);
        let over = now.as_ns().saturating_sub(created) > nanos(self.max);
        let account = self.get(&name)?.filter(|account| account.disabled.is_none() && !idle && !over);
        let Some(account) = account else {
            self.end_session(secret)?;
            return Ok(None);
        };
        // Less often than it is used, where that still ends it in time.
        if now.as_ns() - seen > SLACK_NS.min(nanos(self.idle) / 4) {
            let sql = "UPDATE session SET seen = ?2 WHERE hash = ?1";
            self.sql(self.conn.execute(sql, params![hash, now.as_ns()]))?;
        }
        Ok(Some(LoginSession { account, acts: None }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// SQLite.
    pub fn end_session(&self, secret: &str) -> Result<(), AccountError> {
        self.sql(self.conn.execute("DELETE FROM session WHERE hash = ?1", [hash_of(secret)]))?;
        Ok(())
    }

    /// Makes a token; `None` where there are too many. The secret is told once.
    ///
    /// # Errors
    /// SQLite.
    pub fn add_token(
        &self,
        name: &str,
        label: &str,
        acts: &[String],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<(String, String)>, AccountError> {
        self.sql(self.conn.execute("DELETE FROM token WHERE until <= ?1", [now.as_ns()]))?;
        if self.tokens(name)?.len() as i64 >= TOKENS {
            return Ok(None);
        }
        let (id, secret) = (hex::encode(random::<6>()), format!("nauhuri_{}", hex::encode(random::<32>())));
        let sql = "INSERT INTO token VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let acts = json!(acts).to_string();
        let values = params![hash_of(&secret), id, name, label, acts, now.as_ns(), until.as_ns()];
        self.sql(self.conn.execute(sql, values))?;
        Ok(Some((id, secret)))
    }

    /// Tokens of an account.
    ///
    /// # Errors
    /// SQLite.
    pub fn tokens(&self, name: &str) -> Result<Vec<Token>, AccountError> {
        let sql = "SELECT id, label, acts, created, until FROM token WHERE account = ?1 ORDER BY created";
        let mut st = self.sql(self.conn.prepare(sql))?;
        let read = |r: &rusqlite::Row<'_>| {
            let acts: String = r.get(2)?;
            Ok(Token {
                id: r.get(0)?,
                label: r.get(1)?,
                acts: serde_json::from_str(&acts).unwrap_or_default(),
                created: time(r, 3)?.unwrap_or(Timestamp::EPOCH),
                until: time(r, 4)?.unwrap_or(Timestamp::EPOCH),
            })
        };
        let rows = self.sql(st.query_map([name], read))?;
        self.sql(rows.collect())
    }

    /// Ends a token; `false` where the account has none of that id.
    ///
    /// # Errors
    /// SQLite.
    pub fn end_token(&self, name: &str, id: &str) -> Result<bool, AccountError> {
        let sql = "DELETE FROM token WHERE account = ?1 AND id = ?2";
        Ok(self.sql(self.conn.execute(sql, [name, id]))? > 0)
    }

    /// What a token lets in, if it holds.
    ///
    /// # Errors
    /// SQLite.
    pub fn bearer(&self, secret: &str, now: Timestamp) -> Result<Option<LoginSession>, AccountError> {
        let sql = "SELECT account, acts FROM token WHERE hash = ?1 AND until > ?2";
        let read = |r: &rusqlite::Row<'_>| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?));
        let found = self.conn.query_row(sql, params![hash_of(secret), now.as_ns()], read).optional();
        let Some((name, acts)) = self.sql(found)? else { return Ok(None) };
        let holds = |account: &Account| account.disabled.is_none() && Accounts::tokens_count(account, now);
        let account = self.get(&name)?.filter(holds);
        let acts = serde_json::from_str(&acts).unwrap_or_default();
        Ok(account.map(|account| LoginSession { account, acts: Some(acts) }))
    }
}

fn nanos(d: std::time::Duration) -> i64 {
    i64::try_from(d.as_nanos()).unwrap_or(i64::MAX / 2)
}
