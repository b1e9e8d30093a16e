//! `[room]`: the listening room, and who may do what in it.
//!
//! Rights are data. What a role is not given it does not have, and a role that is
//! not configured gives nothing at all but what its name says ([`Role::builtin`]).

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// Roles that need not be configured to be given.
pub const ROLES: &[&str] =
    &["agent", "supervisor", "office", "approver", "dpo", "auditor", "maintenance", "admin"];
/// Languages of the pages.
pub const LANGUAGES: &[&str] = &["fi", "sv", "en"];
/// Words of `find` and `hear`.
pub(super) const SCOPES: &[&str] = &["none", "own", "team", "office", "all"];
/// Words of `act`.
pub(super) const ACTS: &[&str] =
    &["export", "hold", "release", "restrict", "erase", "amend", "approve", "people", "audit"];
/// Words of `listening`.
pub(super) const LISTENING: &[&str] = &["standing", "on_request"];
/// Words of `reasons`.
pub(super) const REASONS: &[&str] = &["verify", "quality", "training", "complaint", "authority", "dsar"];

/// `[room]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Room {
    /// `address:port` of pages and API.
    pub listen: String,
    /// Certificate and key; both empty: plain HTTP.
    pub tls: Tls,
    /// CIDR blocks of proxies whose `X-Forwarded-*` is believed.
    pub trusted_proxies: Vec<String>,
    /// A session that is not used for so long ends.
    #[serde(with = "crate::config::forms::duration")]
    pub session_idle: Duration,
    /// A session ends after so long, however it is used.
    #[serde(with = "crate::config::forms::duration")]
    pub session_max: Duration,
    /// File with the undertaking to accept; empty: none is asked for.
    pub undertaking: PathBuf,
    /// Languages of the pages, the first where a browser asks for none of them.
    pub languages: Vec<String>,
    /// Folder below which an export may name its own; empty: any outside the store.
    pub exports: PathBuf,
    /// Sign-in by OpenID Connect.
    pub oidc: Oidc,
    /// Roles by name.
    pub roles: BTreeMap<String, Role>,
}

/// `room.tls`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the certificate and those that vouch for it.
    pub cert: PathBuf,
    /// PEM file of its key.
    pub key: PathBuf,
}

impl Tls {
    /// Whether TLS is asked for.
    pub fn is_set(&self) -> bool {
        !self.cert.as_os_str().is_empty() || !self.key.as_os_str().is_empty()
    }
}

/// `[room.oidc]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Oidc {
    /// URL of the provider; empty: local accounts only.
    pub issuer: String,
    /// As which client.
    pub client_id: String,
    /// File that holds the client's secret.
    pub client_secret_file: PathBuf,
    /// Scopes asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim with the name of the account.
    pub name_claim: String,
    /// The claim with the groups.
    pub groups_claim: String,
    /// Group = role.
    pub roles: BTreeMap<String, String>,
}

impl Default for Oidc {
    fn default() -> Self {
        Oidc {
            issuer: String::new(),
            client_id: String::new(),
            client_secret_file: PathBuf::new(),
            scopes: vec!["openid".into(), "profile".into()],
            name_claim: "preferred_username".into(),
            groups_claim: "groups".into(),
            roles: BTreeMap::new(),
        }
    }
}

/// `[room.roles.NAME]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Role {
    /// Which recordings show up.
    pub find: Scope,
    /// Which can be listened to; what can be heard can be found.
    pub hear: Scope,
    /// What may be done to what can be found.
    pub act: BTreeSet<Act>,
    /// Whether a copy may leave by way of the browser.
    pub download: bool,
    /// CIDR blocks the role counts from; empty: anywhere.
    pub networks: Vec<String>,
    /// Overrides the service's `listening` for this role; `None` (written `""`): as the service says.
    #[serde(with = "listening_word")]
    pub listening: Option<Listening>,
}

/// Whose recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Nobody's.
    #[default]
    None,
    /// One's own.
    Own,
    /// One's own, and those of whoever was in one's team.
    Team,
    /// Those of the services of one's office.
    Office,
    /// Everybody's.
    All,
}

/// What a role may do beside finding and hearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// Hand out copies.
    Export,
    /// Put a hold on.
    Hold,
    /// End one.
    Release,
    /// Close and open.
    Restrict,
    /// Delete before its time.
    Erase,
    /// Amend metadata.
    Amend,
    /// Decide on requests of others.
    Approve,
    /// See accounts and rights.
    People,
    /// Read the audit log.
    Audit,
}

impl Act {
    /// Those that are done to a recording.
    pub const TO_RECORDINGS: [Act; 6] =
        [Act::Export, Act::Hold, Act::Release, Act::Restrict, Act::Erase, Act::Amend];

    /// As it stands in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Act::Export => "export",
            Act::Hold => "hold",
            Act::Release => "release",
            Act::Restrict => "restrict",
            Act::Erase => "erase",
            Act::Amend => "amend",
            Act::Approve => "approve",
            Act::People => "people",
            Act::Audit => "audit",
        }
    }
}

/// Whether who may hear a service has to be let in for each recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listening {
    /// No: the right stands.
    Standing,
    /// Yes: somebody else approves a request first.
    OnRequest,
}

/// Why somebody listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// To verify what was said.
    Verify,
    /// Quality of the service.
    Quality,
    /// Training of staff.
    Training,
    /// A complaint.
    Complaint,
    /// An authority asks.
    Authority,
    /// The person in the recording asks.
    Dsar,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 6] = [
        Reason::Verify,
        Reason::Quality,
        Reason::Training,
        Reason::Complaint,
        Reason::Authority,
        Reason::Dsar,
    ];

    /// As it stands in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Verify => "verify",
            Reason::Quality => "quality",
            Reason::Training => "training",
            Reason::Complaint => "complaint",
            Reason::Authority => "authority",
            Reason::Dsar => "dsar",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

impl Role {
    /// What a role gives that is not configured: nothing about recordings, only what
    /// its name says.
    pub fn builtin(name: &str) -> Role {
        let act = match name {
            "approver" => Act::Approve,
            "auditor" | "dpo" => Act::Audit,
            "admin" => Act::People,
            _ => return Role::default(),
        };
        Role { act: BTreeSet::from([act]), ..Role::default() }
    }
}

impl Default for Room {
    fn default() -> Self {
        Room {
            listen: "127.0.0.1:9170".into(),
            tls: Tls::default(),
            trusted_proxies: Vec::new(),
            session_idle: Duration::from_secs(15 * 60),
            session_max: Duration::from_secs(10 * 3600),
            undertaking: PathBuf::new(),
            languages: LANGUAGES.iter().map(ToString::to_string).collect(),
            exports: PathBuf::new(),
            oidc: Oidc::default(),
            roles: BTreeMap::new(),
        }
    }
}

/// `""`, `"standing"`, `"on_request"`.
mod listening_word {
    use super::Listening;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Listening>, D::Error> {
        let word = String::deserialize(d)?;
        match word.as_str() {
            "" => Ok(None),
            "standing" => Ok(Some(Listening::Standing)),
            "on_request" => Ok(Some(Listening::OnRequest)),
            _ => Err(serde::de::Error::custom("expected \"\", \"standing\" or \"on_request\"")),
        }
    }

    pub fn serialize<S: Serializer>(own: &Option<Listening>, s: S) -> Result<S::Ok, S::Error> {
        match own {
            None => s.serialize_str(""),
            Some(listening) => listening.serialize(s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_types() {
        for (words, n) in [(SCOPES, 5), (ACTS, 9), (REASONS, 6), (LISTENING, 2)] {
            assert_eq!(words.len(), n);
        }
        let text = format!("find = \"all\"\nhear = \"team\"\nact = {ACTS:?}\nlistening = \"on_request\"");
        let role: Role = toml::from_str(&text).unwrap();
        assert_eq!(
            role.act.iter().map(|a| a.name()).collect::<BTreeSet<_>>(),
            ACTS.iter().copied().collect()
        );
        assert_eq!(toml::from_str::<Role>(&toml::to_string(&role).unwrap()).unwrap(), role);
        assert!(REASONS.iter().all(|r| Reason::from_name(r).is_some_and(|reason| reason.name() == *r)));
        for name in ROLES {
            let role = Role::builtin(name);
            assert_eq!((role.find, role.hear, role.download), (Scope::None, Scope::None, false), "{name}");
            assert!(Act::TO_RECORDINGS.iter().all(|act| !role.act.contains(act)), "{name}");
        }
    }
}
