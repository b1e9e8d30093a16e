//! Signing in: the password, the one-time code, and locks after too many tries.
//!
//! A try is counted before the password is looked at, so that many at once are not
//! let through together; the count is taken back when it was right. Whatever is
//! wrong takes as long and says as much.

use super::{AccountError, Accounts, password};
use crate::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use std::net::IpAddr;

/// Wrong passwords of one account before it is locked.
pub const TRIES: i64 = 5;
/// Failures from one address before it is.
pub const ADDRESS_TRIES: i64 = 30;
/// How long both are, nanoseconds.
pub const LOCKED_NS: i64 = 15 * 60 * 1_000_000_000;
/// Addresses remembered at once.
const ADDRESSES: i64 = 10_000;

/// Why nobody was let in; for the log, never for whoever tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInRefused {
    /// No account of that name.
    Unknown,
    /// Not its password.
    Password,
    /// Not its one-time code, or one that was used.
    Code,
    /// The account is closed.
    Disabled,
    /// The provider, or what came back from it, does not hold.
    Provider,
    /// No group of the provider gives a role here.
    NoRole,
    /// The provider says no name that does, or one that is somebody else's here.
    Name,
    /// Too many tries at the account.
    Locked,
    /// Too many tries from the address; `true` the first time it says so.
    Address(bool),
}

impl SignInRefused {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            SignInRefused::Unknown => "no such account",
            SignInRefused::Password => "wrong password",
            SignInRefused::Code => "wrong one-time code",
            SignInRefused::Disabled => "account disabled",
            SignInRefused::Provider => "the provider's answer does not hold",
            SignInRefused::NoRole => "no group gives a role",
            SignInRefused::Name => "the provider says no name, or one that is another account's",
            SignInRefused::Locked => "account locked after failed sign-ins",
            SignInRefused::Address(_) => "address locked after failed sign-ins",
        }
    }
}

/// A try that is counted and not yet judged.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The account's own spelling of its name; `None`: there is none.
    pub name: Option<String>,
    /// What the password is held against.
    pub hash: String,
    refused: Option<SignInRefused>,
    totp: Option<Vec<u8>>,
    totp_step: i64,
    address: String,
}

impl Accounts {
    /// Counts a try.
    ///
    /// # Errors
    /// SQLite.
    pub fn attempt(&self, name: &str, address: IpAddr, now: Timestamp) -> Result<Attempt, AccountError> {
        let address = network(address);
        let sql = "SELECT name, hash, disabled, locked_until, totp, totp_step FROM account WHERE name = ?1";
        let found = self.conn.query_row(sql, [name], |r| {
            let (disabled, locked): (Option<i64>, Option<i64>) = (r.get(2)?, r.get(3)?);
            let refused = match (disabled, locked) {
                (Some(_), _) => Some(SignInRefused::Disabled),
                (None, Some(until)) if until > now.as_ns() => Some(SignInRefused::Locked),
                _ => None,
            };
            let attempt = Attempt {
                name: Some(r.get(0)?),
                hash: r.get(1)?,
                refused,
                totp: r.get(4)?,
                totp_step: r.get(5)?,
                address: address.clone(),
            };
            Ok(attempt)
        });
        let mut attempt = self.sql(found.optional())?.unwrap_or_else(|| Attempt {
            name: None,
            hash: String::new(),
            refused: Some(SignInRefused::Unknown),
            totp: None,
            totp_step: 0,
            address: address.clone(),
        });
        let failures = self.count_address(&address, now)?;
        if failures > ADDRESS_TRIES {
            attempt.refused = Some(SignInRefused::Address(failures == ADDRESS_TRIES + 1));
        } else if attempt.refused.is_none() {
            // Counted as failed until it is known to be right.
            let sql = "UPDATE account SET failures = CASE WHEN locked_until IS NULL THEN failures + 1 ELSE 1 END, \
                locked_until = CASE WHEN locked_until IS NULL AND failures + 1 >= ?2 THEN ?3 ELSE NULL END \
                WHERE name = ?1";
            let until = now.offset_ns(LOCKED_NS).as_ns();
            self.sql(self.conn.execute(sql, params![name, TRIES, until]))?;
        }
        Ok(attempt)
    }

    /// Judges a try. `right`: whether the password is that of [`Attempt::hash`].
    ///
    /// # Errors
    /// SQLite.
    pub fn judge(
        &self,
        attempt: &Attempt,
        right: bool,
        code: Option<&str>,
        now: Timestamp,
    ) -> Result<Result<String, SignInRefused>, AccountError> {
        if let Some(refused) = attempt.refused {
            return Ok(Err(refused));
        }
        let Some(name) = attempt.name.as_ref().filter(|_| right) else {
            return Ok(Err(SignInRefused::Password));
        };
        if let Some(secret) = &attempt.totp {
            let now_s = now.as_ns() / 1_000_000_000;
            let step = code.and_then(|code| password::totp_step(secret, code, now_s, attempt.totp_step));
            let Some(step) = step else { return Ok(Err(SignInRefused::Code)) };
            // Of two at once with the same code one is first.
            let sql = "UPDATE account SET totp_step = ?2 WHERE name = ?1 AND totp_step < ?2";
            if self.sql(self.conn.execute(sql, params![name, step]))? == 0 {
                return Ok(Err(SignInRefused::Code));
            }
        }
        let sql = "UPDATE account SET failures = 0, locked_until = NULL, seen = ?2 \
            WHERE name = ?1 AND disabled IS NULL";
        if self.sql(self.conn.execute(sql, params![name, now.as_ns()]))? == 0 {
            return Ok(Err(SignInRefused::Disabled));
        }
        let sql = "UPDATE failure SET n = n - 1 WHERE address = ?1";
        self.sql(self.conn.execute(sql, [&attempt.address]))?;
        Ok(Ok(name.clone()))
    }

    /// Counts a try from an address; how many there were lately.
    fn count_address(&self, address: &str, now: Timestamp) -> Result<i64, AccountError> {
        let old = now.offset_ns(-LOCKED_NS).as_ns();
        self.sql(self.conn.execute("DELETE FROM failure WHERE since < ?1", [old]))?;
        let sql = "DELETE FROM failure WHERE address IN \
            (SELECT address FROM failure ORDER BY since DESC LIMIT -1 OFFSET ?1)";
        self.sql(self.conn.execute(sql, [ADDRESSES]))?;
        let sql = "INSERT INTO failure (address, n, since) VALUES (?1, 1, ?2) \
            ON CONFLICT (address) DO UPDATE SET n = n + 1 RETURNING n";
        self.sql(self.conn.query_row(sql, params![address, now.as_ns()], |r| r.get(0)))
    }

    /// Counts a failure from an address where no account is known; `false`: strangers fill no log, it was told often enough.
    ///
    /// # Errors
    /// SQLite.
    pub fn count_failure(&self, address: IpAddr, now: Timestamp) -> Result<bool, AccountError> {
        Ok(self.count_address(&network(address), now)? <= ADDRESS_TRIES)
    }

    /// Whether an address has failed too often lately.
    ///
    /// # Errors
    /// SQLite.
    pub fn is_locked_out(&self, address: IpAddr, now: Timestamp) -> Result<bool, AccountError> {
        let sql = "SELECT n FROM failure WHERE address = ?1 AND since >= ?2";
        let since = now.offset_ns(-LOCKED_NS).as_ns();
        let found = self.conn.query_row(sql, params![network(address), since], |r| r.get::<_, i64>(0));
        Ok(self.sql(found.optional())?.is_some_and(|n| n > ADDRESS_TRIES))
    }

    /// Begins one-time codes for an account: a secret that counts once a code of it came.
    ///
    /// # Errors
    /// SQLite.
    pub fn totp_begin(&self, name: &str) -> Result<Vec<u8>, AccountError> {
        let secret = password::new_secret();
        self.sql(
            self.conn.execute("UPDATE account SET totp_new = ?2 WHERE name = ?1", params![name, secret]),
        )?;
        Ok(secret)
    }

    /// Turns one-time codes on; `false` where `code` is not of the new secret.
    ///
    /// # Errors
    /// SQLite.
    pub fn totp_confirm(&self, name: &str, code: &str, now: Timestamp) -> Result<bool, AccountError> {
        let sql = "SELECT totp_new FROM account WHERE name = ?1";
        let secret: Option<Option<Vec<u8>>> =
            self.sql(self.conn.query_row(sql, [name], |r| r.get(0)).optional())?;
        let Some(secret) = secret.flatten() else { return Ok(false) };
        let Some(step) = password::totp_step(&secret, code, now.as_ns() / 1_000_000_000, 0) else {
            return Ok(false);
        };
        let sql = "UPDATE account SET totp = totp_new, totp_new = NULL, totp_step = ?2 WHERE name = ?1";
        self.sql(self.conn.execute(sql, params![name, step]))?;
        Ok(true)
    }
}

/// What counts as one address: of IPv6 the network, for a host has many.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let s = v6.segments();
            format!("{:x}:{:x}:{:x}:{:x}::/64", s[0], s[1], s[2], s[3])
        }
    }
}
