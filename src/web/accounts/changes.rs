//! What becomes of accounts: added, changed, closed, opened again.

use super::{ACCOUNTS_MAX, AccountError, Accounts, NAME_MAX, PASSWORD_MAX, PASSWORD_MIN, password};
use crate::custody::access::Assignment;
use crate::time::Timestamp;
use rusqlite::{Connection, params};
use serde_json::json;

/// A new account.
#[derive(Clone, Debug, Default)]
pub struct NewAccount {
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// Which agents.
    pub agents: Vec<String>,
    /// Which teams.
    pub teams: Vec<String>,
    /// From when agents and teams hold.
    pub from: Option<Timestamp>,
    /// Before when.
    pub until: Option<Timestamp>,
    /// Its office.
    pub office: Option<String>,
}

/// What of an account changes.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// In place of its roles.
    pub roles: Option<Vec<String>>,
    /// Agents that are added or, with an end alone, ended.
    pub agents: Vec<String>,
    /// Teams, likewise.
    pub teams: Vec<String>,
    /// In place of its office.
    pub office: Option<String>,
    /// From when.
    pub from: Option<Timestamp>,
    /// Before when.
    pub until: Option<Timestamp>,
}

impl Accounts {
    /// Adds an account; without a password, for whoever a provider calls by its name.
    ///
    /// # Errors
    /// There is one of that name; a name or a password that does not do.
    pub fn add(&self, new: &NewAccount, password: Option<&str>, now: Timestamp) -> Result<(), AccountError> {
        fit_name(&new.name)?;
        password.map_or(Ok(()), |password| fit_password(&new.name, password))?;
        must_have_place(self)?;
        let hash = password.map(password::hash).unwrap_or_default();
        let tx = self.sql(self.conn.unchecked_transaction())?;
        let roles = json!(new.roles).to_string();
        let added = self.sql(tx.execute(
            "INSERT INTO account (name, hash, roles, office, created, provider) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT DO NOTHING",
            params![new.name, hash, roles, new.office, now.as_ns(), password.is_none()],
        ))?;
        if added == 0 {
            return Err(AccountError::Exists(new.name.clone()));
        }
        for (kind, list) in [("agent", &new.agents), ("team", &new.teams)] {
            for what in list {
                self.hold(&tx, &new.name, kind, (what, new.from, new.until))?;
            }
        }
        self.sql(tx.commit())
    }

    /// Changes an account; agents and teams that were to be ended and do not hold.
    ///
    /// # Errors
    /// SQLite.
    pub fn change(&self, name: &str, changes: &Changes) -> Result<Vec<String>, AccountError> {
        let tx = self.sql(self.conn.unchecked_transaction())?;
        if let Some(roles) = &changes.roles {
            let sql = "UPDATE account SET roles = ?2 WHERE name = ?1";
            self.sql(tx.execute(sql, params![name, json!(roles).to_string()]))?;
        }
        if let Some(office) = &changes.office {
            let sql = "UPDATE account SET office = nullif(?2, '') WHERE name = ?1";
            self.sql(tx.execute(sql, params![name, office]))?;
        }
        let mut missed = Vec::new();
        for (kind, list) in [("agent", &changes.agents), ("team", &changes.teams)] {
            for what in list {
                if let (None, Some(until)) = (changes.from, changes.until) {
                    // What began later is none of those that end then.
                    let sql = "UPDATE holding SET until = ?4 WHERE account = ?1 AND kind = ?2 AND what = ?3 \
                        AND (until IS NULL OR until > ?4) AND (since IS NULL OR since < ?4)";
                    if self.sql(tx.execute(sql, params![name, kind, what, until.as_ns()]))? == 0 {
                        missed.push(what.clone());
                    }
                } else {
                    self.hold(&tx, name, kind, (what, changes.from, changes.until))?;
                }
            }
        }
        if missed.is_empty() {
            self.sql(tx.commit())?;
        }
        Ok(missed)
    }

    /// Puts agents and teams of accounts in the place of those they had: of all of them, or of none.
    ///
    /// # Errors
    /// SQLite.
    pub fn replace_intervals<'a>(
        &self,
        all: impl Iterator<Item = (&'a str, &'a [Assignment], &'a [Assignment])>,
    ) -> Result<(), AccountError> {
        let tx = self.sql(self.conn.unchecked_transaction())?;
        for (name, agents, teams) in all {
            self.sql(tx.execute("DELETE FROM holding WHERE account = ?1", [name]))?;
            for (kind, list) in [("agent", agents), ("team", teams)] {
                for held in list {
                    self.hold(&tx, name, kind, (&held.what, held.from, held.until))?;
                }
            }
        }
        self.sql(tx.commit())
    }

    /// An account is an agent, or in a team, from one instant to before another.
    fn hold(
        &self,
        conn: &Connection,
        name: &str,
        kind: &str,
        (what, from, until): (&str, Option<Timestamp>, Option<Timestamp>),
    ) -> Result<(), AccountError> {
        let sql = "INSERT INTO holding (account, kind, what, since, until) VALUES (?1, ?2, ?3, ?4, ?5)";
        let (since, until) = (from.map(Timestamp::as_ns), until.map(Timestamp::as_ns));
        self.sql(conn.execute(sql, params![name, kind, what, since, until]))?;
        Ok(())
    }

    /// Closes an account: its sessions and tokens end at once.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn disable(&self, name: &str, now: Timestamp) -> Result<(), AccountError> {
        let sql = "UPDATE account SET disabled = coalesce(disabled, ?2) WHERE name = ?1";
        if self.sql(self.conn.execute(sql, params![name, now.as_ns()]))? == 0 {
            return Err(AccountError::Unknown(name.into()));
        }
        self.end_all(name)
    }

    /// Gives an account a new password and opens it: no lock, no one-time code, no session.
    ///
    /// # Errors
    /// There is none of that name; a password that does not do.
    pub fn reset(&self, name: &str, password: &str) -> Result<(), AccountError> {
        fit_password(name, password)?;
        let hash = password::hash(password);
        let sql = "UPDATE account SET hash = ?2, disabled = NULL, failures = 0, locked_until = NULL, \
            totp = NULL, totp_new = NULL, totp_step = 0 WHERE name = ?1 AND NOT provider";
        if self.sql(self.conn.execute(sql, params![name, hash]))? == 0 {
            return Err(AccountError::Unknown(name.into()));
        }
        self.end_all(name)
    }

    pub(super) fn end_all(&self, name: &str) -> Result<(), AccountError> {
        self.sql(self.conn.execute("DELETE FROM session WHERE account = ?1", [name]))?;
        self.sql(self.conn.execute("DELETE FROM token WHERE account = ?1", [name]))?;
        Ok(())
    }
}

/// Whether another account can be.
pub(super) fn must_have_place(accounts: &Accounts) -> Result<(), AccountError> {
    let sql = "SELECT count(*) FROM account";
    if accounts.sql(accounts.conn.query_row(sql, [], |r| r.get::<_, i64>(0)))? < ACCOUNTS_MAX {
        return Ok(());
    }
    Err(AccountError::Unfit("there are as many accounts as there can be".into()))
}

pub(super) fn fit_name(name: &str) -> Result<(), AccountError> {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"._-@".contains(&b);
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(safe) {
        return Ok(());
    }
    let allowed = format!("a name is 1 to {NAME_MAX} letters a-z, digits and . _ - @");
    Err(AccountError::Unfit(allowed))
}

fn fit_password(name: &str, password: &str) -> Result<(), AccountError> {
    if password.chars().count() < PASSWORD_MIN || password.len() > PASSWORD_MAX {
        let allowed =
            format!("a password has at least {PASSWORD_MIN} characters and at most {PASSWORD_MAX} bytes");
        return Err(AccountError::Unfit(allowed));
    }
    if password.eq_ignore_ascii_case(name) {
        return Err(AccountError::Unfit("a password is not the name of its account".into()));
    }
    Ok(())
}
