//! Accounts of the listening room: who may come in, as what, and since when.
//!
//! SQLite in `room.db` of the state folder; the commands (`nauhuri user`) and the
//! room open it alike. Passwords and tokens are kept as hashes only. Times are
//! nanoseconds since 1970. Must not know of HTTP.

mod changes;
mod grants;
mod linked;
pub mod password;
mod room_db;
mod sign_in;
#[cfg(test)]
mod tests;
mod tickets;

pub use changes::{Changes, NewAccount};
pub use grants::{Ask, Request, RequestState};
pub use linked::{Match, Vouched};
pub use sign_in::{Attempt, SignInRefused};
pub use tickets::{LoginSession, Token};

use crate::archive::index::{connect, database};
use crate::config::Language;
use crate::custody::access::{Assignment, Directory, Person};
use crate::store::StoreError;
use crate::store::layout::open_state;
use crate::time::Timestamp;
use room_db::{TABLES, TO_2, VERSION};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde_json::json;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file, in the state folder.
pub const FILE: &str = "room.db";
/// Longest name of an account, bytes.
pub const NAME_MAX: usize = 64;
/// Shortest password, characters.
pub const PASSWORD_MIN: usize = 8;
/// Longest password, bytes: hashing it takes time.
pub const PASSWORD_MAX: usize = 1024;
/// Accounts there can be.
pub const ACCOUNTS_MAX: i64 = 100_000;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// SQLite.
    #[error("{path}: {source}", path = path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
    /// The file cannot be made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Made by a later version.
    #[error("{path}: made by another version of nauhuri (tables {found}, not {VERSION})", path = path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// There is an account of that name.
    #[error("{0}: there is an account of that name")]
    Exists(String),
    /// There is none.
    #[error("{0}: there is no account of that name")]
    Unknown(String),
    /// Not a name, not a password; said in words.
    #[error("{0}")]
    Unfit(String),
}

/// One account, without its secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// Which agents, and when.
    pub agents: Vec<Assignment>,
    /// Which teams, and when.
    pub teams: Vec<Assignment>,
    /// Its office.
    pub office: Option<String>,
    /// Since when.
    pub created: Timestamp,
    /// Closed, and since when.
    pub disabled: Option<Timestamp>,
    /// Locked after failed sign-ins, and until when.
    pub locked_until: Option<Timestamp>,
    /// Its password and its roles are a provider's.
    pub provider: bool,
    /// A one-time code is asked for.
    pub totp: bool,
    /// Language of the pages, where one was chosen.
    pub language: Option<Language>,
    /// Last signed in.
    pub seen: Option<Timestamp>,
    /// Last heard a recording.
    pub heard: Option<Timestamp>,
    /// Version of the undertaking accepted last, and when.
    pub accepted: Option<(String, Timestamp)>,
}

impl Account {
    /// Who it is to [`crate::custody::access`], coming from `address`.
    pub fn person(&self, address: IpAddr) -> Person {
        Person {
            name: self.name.clone(),
            roles: self.roles.clone(),
            agents: self.agents.clone(),
            teams: self.teams.clone(),
            office: self.office.clone(),
            address,
        }
    }

    /// As lists show it.
    pub fn to_json(&self) -> serde_json::Value {
        let time = |t: Option<Timestamp>| t.map(Timestamp::to_rfc3339);
        let (agents, teams) = (Assignment::all_to_json(&self.agents), Assignment::all_to_json(&self.teams));
        let accepted = self.accepted.as_ref();
        json!({
            "name": self.name, "roles": self.roles, "agents": agents, "teams": teams,
            "office": self.office, "created": time(Some(self.created)), "disabled": time(self.disabled),
            "locked_until": time(self.locked_until), "provider": self.provider, "totp": self.totp, "last_seen": time(self.seen),
            "last_heard": time(self.heard),
            "undertaking": accepted.map(|(version, at)| json!({ "version": version, "at": at.to_rfc3339() })),
        })
    }
}

/// The undertaking of confidentiality.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undertaking {
    /// Of the text.
    pub version: String,
    /// What is accepted.
    pub text: String,
}

/// The open file.
#[derive(Debug)]
pub struct Accounts {
    conn: Connection,
    path: PathBuf,
    /// See `room.session_idle` and `room.session_max`.
    idle: Duration,
    max: Duration,
}

impl Accounts {
    /// Opens the file in the state folder, or makes it.
    ///
    /// # Errors
    /// The system or SQLite refuses; a later version made it.
    pub fn open(state: &Path, idle: Duration, max: Duration) -> Result<Accounts, AccountError> {
        let folder = open_state(state)?;
        // Made as the store's owner, whoever runs this; SQLite gives what it makes beside it to the same.
        drop(folder.write_or_create(Path::new(FILE))?);
        let path = database(&folder, FILE)?;
        let sqlite = |source| AccountError::Sqlite { path: path.clone(), source };
        let conn = connect(&path).map_err(sqlite)?;
        let set_up = || -> rusqlite::Result<i64> {
            conn.busy_timeout(Duration::from_secs(10))?;
            conn.pragma_update(None, "secure_delete", "ON")?;
            conn.pragma_update(None, "trusted_schema", "OFF")?;
            conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            conn.pragma_update(None, "synchronous", "FULL")?;
            conn.query_row("PRAGMA user_version", [], |r| r.get(0))
        };
        let steps = match set_up().map_err(sqlite)? {
            0 => format!("{TABLES} {}", TO_2),
            1 => TO_2.to_owned(),
            VERSION => String::new(),
            found => return Err(AccountError::Version { path, found }),
        };
        if !steps.is_empty() {
            // Another process may do the same at the same moment.
            let sql = format!("BEGIN IMMEDIATE; {steps} PRAGMA user_version = {VERSION}; COMMIT;");
            if let Err(e) = conn.execute_batch(&sql) {
                let now: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(sqlite)?;
                if now != VERSION {
                    return Err(sqlite(e));
                }
                drop(conn.execute_batch("ROLLBACK"));
            }
        }
        Ok(Accounts { conn, path, idle, max })
    }

    fn sql<T>(&self, result: rusqlite::Result<T>) -> Result<T, AccountError> {
        result.map_err(|source| AccountError::Sqlite { path: self.path.clone(), source })
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// SQLite.
    pub fn people(&self) -> Result<Vec<Account>, AccountError> {
        let mut st = self.sql(self.conn.prepare("SELECT * FROM account ORDER BY name"))?;
        let rows = self.sql(st.query_map([], read_account))?;
        let mut people = self.sql(rows.collect::<rusqlite::Result<Vec<_>>>())?;
        for account in &mut people {
            self.fill(account)?;
        }
        Ok(people)
    }

    /// One account.
    ///
    /// # Errors
    /// SQLite.
    pub fn get(&self, name: &str) -> Result<Option<Account>, AccountError> {
        let found = self.conn.query_row("SELECT * FROM account WHERE name = ?1", [name], read_account);
        let Some(mut account) = self.sql(found.optional())? else { return Ok(None) };
        self.fill(&mut account)?;
        Ok(Some(account))
    }

    fn fill(&self, account: &mut Account) -> Result<(), AccountError> {
        let sql = "SELECT kind, what, since, until FROM holding WHERE account = ?1 ORDER BY since, what";
        let mut st = self.sql(self.conn.prepare_cached(sql))?;
        let read = |r: &Row<'_>| -> rusqlite::Result<(String, Assignment)> {
            Ok((r.get(0)?, Assignment { what: r.get(1)?, from: time(r, 2)?, until: time(r, 3)? }))
        };
        for held in self.sql(st.query_map([&account.name], read))? {
            match self.sql(held)? {
                (kind, held) if kind == "agent" => account.agents.push(held),
                (_, held) => account.teams.push(held),
            }
        }
        let sql = "SELECT version, at FROM accepted WHERE account = ?1 ORDER BY at DESC LIMIT 1";
        let last =
            self.conn.query_row(sql, [&account.name], |r| Ok((r.get(0)?, Timestamp::from_ns(r.get(1)?))));
        account.accepted = self.sql(last.optional())?;
        Ok(())
    }

    /// Which agent was in which team.
    ///
    /// # Errors
    /// SQLite.
    pub fn directory(&self) -> Result<Directory, AccountError> {
        let sql = "SELECT account, kind, what, since, until FROM holding ORDER BY account";
        let mut st = self.sql(self.conn.prepare_cached(sql))?;
        let read = |r: &Row<'_>| -> rusqlite::Result<(String, String, Assignment)> {
            Ok((r.get(0)?, r.get(1)?, Assignment { what: r.get(2)?, from: time(r, 3)?, until: time(r, 4)? }))
        };
        let mut directory = Directory::default();
        let mut of: (String, Vec<Assignment>, Vec<Assignment>) = Default::default();
        for held in self.sql(st.query_map([], read))? {
            let (account, kind, held) = self.sql(held)?;
            if account != of.0 {
                directory.add(&of.1, &of.2);
                of = (account, Vec::new(), Vec::new());
            }
            if kind == "agent" { of.1.push(held) } else { of.2.push(held) }
        }
        directory.add(&of.1, &of.2);
        Ok(directory)
    }

    /// Notes that somebody accepted the undertaking, and its text.
    ///
    /// # Errors
    /// SQLite.
    pub fn accept(&self, name: &str, undertaking: &Undertaking, now: Timestamp) -> Result<(), AccountError> {
        let Undertaking { version, text } = undertaking;
        let at = now.as_ns();
        let sql = "INSERT INTO undertaking VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.sql(self.conn.execute(sql, params![version, text, at]))?;
        let sql = "INSERT INTO accepted VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.sql(self.conn.execute(sql, params![name, version, at]))?;
        Ok(())
    }

    /// Whether somebody accepted this version.
    ///
    /// # Errors
    /// SQLite.
    pub fn has_accepted(&self, name: &str, version: &str) -> Result<bool, AccountError> {
        let sql = "SELECT 1 FROM accepted WHERE account = ?1 AND version = ?2";
        Ok(self.sql(self.conn.query_row(sql, [name, version], |_| Ok(())).optional())?.is_some())
    }

    /// Notes that somebody heard a recording.
    ///
    /// # Errors
    /// SQLite.
    pub fn note_heard(&self, name: &str, now: Timestamp) -> Result<(), AccountError> {
        // To the minute: a player asks for a piece every few seconds.
        let sql = "UPDATE account SET heard = ?2 WHERE name = ?1 AND (heard IS NULL OR heard < ?3)";
        let minute = now.offset_ns(-60_000_000_000).as_ns();
        self.sql(self.conn.execute(sql, params![name, now.as_ns(), minute]))?;
        Ok(())
    }

    /// Keeps the language somebody chose.
    ///
    /// # Errors
    /// SQLite.
    pub fn choose_language(&self, name: &str, language: Language) -> Result<(), AccountError> {
        let sql = "UPDATE account SET language = ?2 WHERE name = ?1";
        self.sql(self.conn.execute(sql, [name, language.code()]))?;
        Ok(())
    }
}

fn time(r: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(r.get::<_, Option<i64>>(column)?.map(Timestamp::from_ns))
}

fn read_account(r: &Row<'_>) -> rusqlite::Result<Account> {
    let at = |name: &str| -> rusqlite::Result<Option<Timestamp>> {
        Ok(r.get::<_, Option<i64>>(name)?.map(Timestamp::from_ns))
    };
    let roles: String = r.get("roles")?;
    Ok(Account {
        name: r.get("name")?,
        // What cannot be read gives nothing.
        roles: serde_json::from_str(&roles).unwrap_or_default(),
        agents: Vec::new(),
        teams: Vec::new(),
        office: r.get("office")?,
        created: at("created")?.unwrap_or(Timestamp::EPOCH),
        disabled: at("disabled")?,
        locked_until: at("locked_until")?,
        provider: r.get("provider")?,
        totp: r.get::<_, Option<Vec<u8>>>("totp")?.is_some(),
        language: r.get::<_, Option<String>>("language")?.and_then(|code| Language::from_code(&code)),
        seen: at("seen")?,
        heard: at("heard")?,
        accepted: None,
    })
}
