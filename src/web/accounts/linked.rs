//! Accounts whose password is somebody else's business: an OpenID Connect provider says
//! who somebody is and, by groups, what he may. Agents, teams and office are kept here.
//!
//! An account is bound to issuer and subject, which stay when a name changes. A local
//! account never becomes one by having the same name.

use super::changes::{fit_name, must_have_place};
use super::{Account, AccountError, Accounts, SignInRefused};
use crate::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde_json::json;

/// After how long without a sign-in the tokens of such an account do not count: only at a
/// sign-in the provider says that somebody is still there. Nanoseconds, thirty days.
pub(super) const TOKENS_NS: i64 = 30 * 86_400 * 1_000_000_000;

/// Somebody whom a provider vouches for.
#[derive(Clone, Copy, Debug)]
pub struct Vouched<'a> {
    /// Which provider.
    pub issuer: &'a str,
    /// Who that is there.
    pub subject: &'a str,
    /// By which name, where it says one.
    pub name: Option<&'a str>,
    /// What he may, by his groups.
    pub roles: &'a [String],
}

/// Which account somebody is, before anything is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// This one; roles as they were.
    Known(String, Vec<String>),
    /// One that was added for whoever comes by this name first.
    Awaited(String),
    /// None yet: one of this name will be.
    New(String),
}

impl Match {
    /// Name of the account.
    pub fn name(&self) -> &str {
        match self {
            Match::Known(name, _) | Match::Awaited(name) | Match::New(name) => name,
        }
    }
}

impl Accounts {
    /// Which account somebody is.
    ///
    /// # Errors
    /// SQLite.
    pub fn matching(&self, who: Vouched<'_>) -> Result<Result<Match, SignInRefused>, AccountError> {
        let sql = "SELECT name FROM account WHERE issuer = ?1 AND subject = ?2";
        let known = self.conn.query_row(sql, [who.issuer, who.subject], |r| r.get::<_, String>(0)).optional();
        if let Some(account) = self.sql(known)?.map(|name| self.get(&name)).transpose()?.flatten() {
            return Ok(may_enter(&account, who).map(|()| Match::Known(account.name, account.roles)));
        }
        let Some(name) = who.name.filter(|name| fit_name(name).is_ok()) else {
            return Ok(Err(SignInRefused::Name));
        };
        if who.roles.is_empty() {
            return Ok(Err(SignInRefused::NoRole));
        }
        let Some(account) = self.get(name)? else { return Ok(Ok(Match::New(name.to_owned()))) };
        let awaited = account.provider && self.is_unbound(&account.name)?;
        if !awaited {
            return Ok(Err(SignInRefused::Name));
        }
        Ok(may_enter(&account, who).map(|()| Match::Awaited(account.name)))
    }

    fn is_unbound(&self, name: &str) -> Result<bool, AccountError> {
        let sql = "SELECT subject IS NULL FROM account WHERE name = ?1";
        self.sql(self.conn.query_row(sql, [name], |r| r.get(0)))
    }

    /// Lets somebody in as the account that [`Accounts::matching`] found: bound, and with the roles he has now.
    ///
    /// # Errors
    /// The account has become another's meanwhile; there are too many.
    pub fn enter(&self, found: &Match, who: Vouched<'_>, now: Timestamp) -> Result<(), AccountError> {
        let roles = json!(who.roles).to_string();
        let at = now.as_ns();
        let changed = match found {
            Match::Known(name, _) => {
                let sql = "UPDATE account SET roles = ?2, seen = ?3 \
                    WHERE name = ?1 AND disabled IS NULL AND issuer = ?4 AND subject = ?5";
                self.sql(self.conn.execute(sql, params![name, roles, at, who.issuer, who.subject]))?
            }
            Match::Awaited(name) => {
                let sql = "UPDATE account SET roles = ?2, seen = ?3, issuer = ?4, subject = ?5 \
                    WHERE name = ?1 AND disabled IS NULL AND provider AND subject IS NULL";
                self.sql(self.conn.execute(sql, params![name, roles, at, who.issuer, who.subject]))?
            }
            Match::New(name) => {
                must_have_place(self)?;
                let sql = "INSERT INTO account (name, hash, roles, created, seen, provider, issuer, subject) \
                    VALUES (?1, '', ?2, ?3, ?3, 1, ?4, ?5) ON CONFLICT DO NOTHING";
                self.sql(self.conn.execute(sql, params![name, roles, at, who.issuer, who.subject]))?
            }
        };
        if changed == 1 { Ok(()) } else { Err(AccountError::Exists(found.name().to_owned())) }
    }

    /// Takes the roles away from somebody whose groups give him none any more, and ends his sessions.
    ///
    /// # Errors
    /// SQLite.
    pub fn bereave(&self, issuer: &str, subject: &str) -> Result<(), AccountError> {
        let sql = "UPDATE account SET roles = '[]' WHERE issuer = ?1 AND subject = ?2";
        self.sql(self.conn.execute(sql, [issuer, subject]))?;
        self.end_provider_sessions(issuer, Some(subject), None)?;
        Ok(())
    }

    /// Notes what a session came from: the session at the provider and its ID token.
    ///
    /// # Errors
    /// SQLite.
    pub fn tie_session(&self, secret: &str, sid: Option<&str>, id_token: &str) -> Result<(), AccountError> {
        let sql = "UPDATE session SET sid = ?2, id_token = ?3 WHERE hash = ?1";
        self.sql(self.conn.execute(sql, params![super::tickets::hash_of(secret), sid, id_token]))?;
        Ok(())
    }

    /// The ID token of a session, where it came from a provider.
    ///
    /// # Errors
    /// SQLite.
    pub fn id_token_of(&self, secret: &str) -> Result<Option<String>, AccountError> {
        let sql = "SELECT id_token FROM session WHERE hash = ?1";
        let found =
            self.conn.query_row(sql, [super::tickets::hash_of(secret)], |r| r.get::<_, Option<String>>(0));
        Ok(self.sql(found.optional())?.flatten())
    }

    /// Ends sessions that the provider has ended: the one it names, or all of the person. Whose they were.
    ///
    /// # Errors
    /// SQLite.
    pub fn end_provider_sessions(
        &self,
        issuer: &str,
        subject: Option<&str>,
        sid: Option<&str>,
    ) -> Result<Vec<String>, AccountError> {
        let sql = "DELETE FROM session WHERE account IN (SELECT name FROM account WHERE issuer = ?1 \
            AND (?2 IS NULL OR subject = ?2)) AND (?3 IS NULL OR sid = ?3) RETURNING account";
        let mut st = self.sql(self.conn.prepare(sql))?;
        let rows = self.sql(st.query_map(params![issuer, subject, sid], |r| r.get(0)))?;
        let mut names: Vec<String> = self.sql(rows.collect())?;
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Opens an account that was disabled, or whose person has another subject now: whoever comes by its name
    /// next is that account.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn unbind(&self, name: &str) -> Result<(), AccountError> {
        let sql =
            "UPDATE account SET disabled = NULL, issuer = NULL, subject = NULL WHERE name = ?1 AND provider";
        if self.sql(self.conn.execute(sql, [name]))? == 0 {
            return Err(AccountError::Unknown(name.into()));
        }
        self.end_all(name)
    }

    /// Whether tokens of this account count: of a provider's only while he signs in now and then.
    pub(super) fn tokens_count(account: &Account, now: Timestamp) -> bool {
        !account.provider || account.seen.is_some_and(|seen| now.since_ns(seen) < TOKENS_NS)
    }
}

fn may_enter(account: &Account, who: Vouched<'_>) -> Result<(), SignInRefused> {
    match account.disabled {
        Some(_) => Err(SignInRefused::Disabled),
        None if who.roles.is_empty() => Err(SignInRefused::NoRole),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::accounts::NewAccount;
    use std::time::Duration;

    fn open() -> (tempfile::TempDir, Accounts) {
        let dir = tempfile::tempdir().unwrap();
        let hour = Duration::from_secs(3_600);
        let accounts = Accounts::open(dir.path(), hour, 10 * hour).unwrap();
        (dir, accounts)
    }

    const NOW: Timestamp = Timestamp::from_ns(1_800_000_000_000_000_000);

    #[test]
    fn who_is_who() {
        let (_dir, accounts) = open();
        let roles = ["agent".to_owned()];
        let who = |subject, name| Vouched { issuer: "https://id", subject, name, roles: &roles };
        let local = NewAccount { name: "kaisa".into(), ..NewAccount::default() };
        accounts.add(&local, Some("correct horse"), NOW).unwrap();
        let awaited =
            NewAccount { name: "matti".into(), agents: vec!["2001".into()], ..NewAccount::default() };
        accounts.add(&awaited, None, NOW).unwrap();
        // Nobody becomes a local account, whatever the provider calls him.
        for name in [Some("kaisa"), Some("KAISA"), Some("no spaces"), Some(""), None] {
            assert_eq!(accounts.matching(who("1", name)).unwrap(), Err(SignInRefused::Name), "{name:?}");
        }
        let none = Vouched { roles: &[], ..who("1", Some("anna")) };
        assert_eq!(accounts.matching(none).unwrap(), Err(SignInRefused::NoRole));
        let found = accounts.matching(who("1", Some("anna"))).unwrap().unwrap();
        assert_eq!(found, Match::New("anna".into()));
        accounts.enter(&found, who("1", Some("anna")), NOW).unwrap();
        assert!(accounts.enter(&found, who("2", Some("anna")), NOW).is_err(), "it is hers by now");
        // Another name, the same person; the same name, another person; another provider.
        let found = accounts.matching(who("1", Some("anna.k"))).unwrap().unwrap();
        assert_eq!(found, Match::Known("anna".into(), roles.to_vec()));
        assert_eq!(accounts.matching(who("2", Some("anna"))).unwrap(), Err(SignInRefused::Name));
        let other = Vouched { issuer: "https://other", ..who("1", Some("anna")) };
        assert_eq!(accounts.matching(other).unwrap(), Err(SignInRefused::Name));
        // The one that waits for its person has its agent already.
        let found = accounts.matching(who("3", Some("matti"))).unwrap().unwrap();
        assert_eq!(found, Match::Awaited("matti".into()));
        accounts.enter(&found, who("3", Some("matti")), NOW).unwrap();
        assert_eq!(accounts.get("matti").unwrap().unwrap().agents[0].what, "2001");
        assert_eq!(accounts.matching(who("4", Some("matti"))).unwrap(), Err(SignInRefused::Name));
        accounts.disable("matti", NOW).unwrap();
        assert_eq!(accounts.matching(who("3", Some("matti"))).unwrap(), Err(SignInRefused::Disabled));
        accounts.unbind("matti").unwrap();
        assert_eq!(accounts.matching(who("4", Some("matti"))).unwrap(), Ok(Match::Awaited("matti".into())));
        assert!(accounts.unbind("kaisa").is_err(), "a local account has a password to reset");
    }

    #[test]
    fn the_provider_ends_sessions_and_tokens_run_dry() {
        let (_dir, accounts) = open();
        let roles = ["agent".to_owned()];
        let who = Vouched { issuer: "https://id", subject: "1", name: Some("anna"), roles: &roles };
        let found = accounts.matching(who).unwrap().unwrap();
        accounts.enter(&found, who, NOW).unwrap();
        let here = [127, 0, 0, 1].into();
        for (secret, sid) in [("a", Some("s1")), ("b", Some("s2")), ("c", None)] {
            accounts.begin_session("anna", secret, here, NOW).unwrap();
            accounts.tie_session(secret, sid, &format!("token of {secret}")).unwrap();
        }
        assert_eq!(accounts.id_token_of("b").unwrap().as_deref(), Some("token of b"));
        let holds = |secret: &str| accounts.session(secret, NOW).unwrap().is_some();
        assert_eq!(accounts.end_provider_sessions("https://id", None, Some("s1")).unwrap(), ["anna"]);
        assert_eq!(["a", "b", "c"].map(holds), [false, true, true]);
        assert!(accounts.end_provider_sessions("https://other", Some("1"), None).unwrap().is_empty());
        assert_eq!(accounts.end_provider_sessions("https://id", Some("1"), None).unwrap(), ["anna"]);
        assert_eq!(["a", "b", "c"].map(holds), [false; 3]);
        let (far, month) = (NOW.offset_ns(2 * TOKENS_NS), NOW.offset_ns(TOKENS_NS));
        let (_, secret) = accounts.add_token("anna", "x", &["read".into()], far, NOW).unwrap().unwrap();
        assert!(accounts.bearer(&secret, month.offset_ns(-1)).unwrap().is_some());
        assert!(accounts.bearer(&secret, month).unwrap().is_none());
        accounts.begin_session("anna", "d", here, NOW).unwrap();
        accounts.bereave("https://id", "1").unwrap();
        assert!(!holds("d") && accounts.get("anna").unwrap().unwrap().roles.is_empty());
    }
}
