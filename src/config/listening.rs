//! `[room]`: the listening room, and who may do what in it.
//!
//! Rights are data. What a role is not given it does not have, and a role that is
//! not configured gives nothing at all but what its name says ([`Role::builtin`]).

use super::keys::{Kind, section};
use super::language::Language;
use super::networks::Networks;
use super::words;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Roles that need not be configured to be given.
pub const ROLES: &[&str] =
    &["agent", "supervisor", "office", "approver", "dpo", "auditor", "maintenance", "admin"];
/// Words of `find` and `hear`.
const SCOPES: &[&str] = &["none", "own", "team", "office", "all"];
/// Words of `act`.
const ACTS: &[&str] = &[
    "export", "hold", "release", "restrict", "erase", "amend", "training", "approve", "people", "audit",
    "dsar",
];
/// Words of `training`.
const TRAINING: &[&str] = &["none", "office", "all"];

section! {
    /// The listening room, `nauhuri serve`: a web page with personal accounts (nauhuri user).
    pub struct Room {
        /// Where it listens. An address other than this machine's own needs tls or
        /// trusted_proxies.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 9170)), Kind::Word(&words::ROOM_ADDRESS), Elsewhere;
        /// PEM files of the certificate and its key; read again when they are renewed.
        tls: Tls = Tls::default(), Kind::Keys(Tls::KEYS), Elsewhere;
        /// Addresses (CIDR) of proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted.
        trusted_proxies: Networks = Networks::default(), Kind::Words(&words::NETWORKS), Elsewhere;
        /// A session ends after this long without use.
        #[serde(with = "crate::config::forms::duration")]
        session_idle: Duration = Duration::from_secs(15 * 60), Kind::Period, Elsewhere;
        /// A session ends after this long in any case.
        #[serde(with = "crate::config::forms::duration")]
        session_max: Duration = Duration::from_secs(10 * 3600), Kind::Period, Elsewhere;
        /// File with the undertaking of confidentiality that everybody accepts at the first
        /// sign-in, and again when the text changes. Empty: nothing is to be accepted.
        undertaking: PathBuf = PathBuf::new(), Kind::Text, Elsewhere;
        /// Languages of the pages; the first one is for browsers that ask for none of them.
        languages: Vec<Language> = Language::ALL.to_vec(), Kind::ListOf(Language::CODES), Elsewhere;
        /// The folder in which exports to the server are allowed. Empty: any folder outside the
        /// store that the service may write.
        exports: PathBuf = PathBuf::new(), Kind::Word(&words::EXPORTS), Elsewhere;
        /// Sign-in by an OpenID Connect provider, beside local accounts; docs/room.md has more.
        oidc: Oidc = Oidc::default(), Kind::Keys(Oidc::KEYS), Elsewhere;
        /// Roles, each one like this. A role may do only what is listed.
        roles: BTreeMap<String, Role> = BTreeMap::new(), Kind::Each(Role::KEYS), Elsewhere, "agent";
    }
}

section! {
    /// Certificate and key; both empty: plain HTTP.
    pub struct Tls {
        /// PEM file of the certificate and those that vouch for it.
        cert: PathBuf = PathBuf::new(), Kind::Text, AsTable;
        /// PEM file of its key.
        key: PathBuf = PathBuf::new(), Kind::Text, AsTable;
    }
}

impl Tls {
    /// Whether TLS is asked for.
    pub fn is_set(&self) -> bool {
        !self.cert.as_os_str().is_empty() || !self.key.as_os_str().is_empty()
    }
}

section! {
    /// Sign-in by an OpenID Connect provider, beside local accounts.
    pub struct Oidc {
        /// URL of the provider; empty: local accounts only.
        issuer: String = String::new(), Kind::Text, AsTable;
        /// As which client.
        client_id: String = String::new(), Kind::Text, AsTable;
        /// File that holds the client's secret.
        client_secret_file: PathBuf = PathBuf::new(), Kind::Text, AsTable;
        /// Scopes asked for beside `openid`; `profile` tells the name, some providers want one more for groups.
        scopes: Vec<String> = vec!["profile".into()], Kind::Texts, AsTable;
        /// The claim with the name of the account.
        name_claim: String = "preferred_username".into(), Kind::Text, AsTable;
        /// The claim with the groups.
        groups_claim: String = "groups".into(), Kind::Text, AsTable;
        /// Group = role.
        roles: BTreeMap<String, String> = BTreeMap::new(), Kind::Names, AsTable;
    }
}

section! {
    /// What a role gives.
    pub struct Role {
        /// Which recordings show up: "none", "own", "team", "office" or "all".
        find: Scope = Scope::None, Kind::OneOf(SCOPES), AsTable, "\"own\"";
        /// Which can be heard; what can be heard can also be found.
        hear: Scope = Scope::None, Kind::OneOf(SCOPES), AsTable, "\"own\"";
        /// What may be done to what can be found, any of "export", "hold", "release",
        /// "restrict", "erase", "amend", "training" (make anonymised copies), "approve", "people",
        /// "audit", "dsar" (keep the requests of data subjects).
        act: BTreeSet<Act> = BTreeSet::new(), Kind::ListOf(ACTS), AsTable;
        /// Whose training copies can be listened to: of "none", of the services of one's own
        /// "office", or of "all".
        training: Scope = Scope::None, Kind::OneOf(TRAINING), AsTable;
        /// Whether copies may be downloaded with the browser.
        download: bool = false, Kind::Bool, AsTable;
        /// Networks from which the role can be used, as CIDR blocks; empty: anywhere.
        networks: Networks = Networks::default(), Kind::Words(&words::NETWORKS), AsTable;
        /// Overrides the service's listening for this role: "standing", "on_request", or "" for
        /// as the service says.
        #[serde(with = "listening_word")]
        listening: Option<Listening> = None, Kind::OneOf(&["", "standing", "on_request"]), AsTable;
    }
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
    /// Make anonymised copies for training.
    Training,
    /// Decide on requests of others.
    Approve,
    /// See accounts and rights.
    People,
    /// Read the audit log.
    Audit,
    /// Keep the requests of data subjects.
    Dsar,
}

impl Act {
    /// Those that are done to a recording.
    pub const TO_RECORDINGS: [Act; 7] =
        [Act::Export, Act::Hold, Act::Release, Act::Restrict, Act::Erase, Act::Amend, Act::Training];

    /// As it stands in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Act::Export => "export",
            Act::Hold => "hold",
            Act::Release => "release",
            Act::Restrict => "restrict",
            Act::Erase => "erase",
            Act::Amend => "amend",
            Act::Training => "training",
            Act::Approve => "approve",
            Act::People => "people",
            Act::Audit => "audit",
            Act::Dsar => "dsar",
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
pub enum ListenReason {
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

impl Listening {
    /// As the configuration writes them.
    pub(super) const WORDS: &[&str] = &["standing", "on_request"];
}

impl ListenReason {
    /// As the configuration writes them.
    pub(super) const WORDS: &[&str] = &["verify", "quality", "training", "complaint", "authority", "dsar"];
    /// All of them.
    pub const ALL: [ListenReason; 6] = [
        ListenReason::Verify,
        ListenReason::Quality,
        ListenReason::Training,
        ListenReason::Complaint,
        ListenReason::Authority,
        ListenReason::Dsar,
    ];

    /// As it stands in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            ListenReason::Verify => "verify",
            ListenReason::Quality => "quality",
            ListenReason::Training => "training",
            ListenReason::Complaint => "complaint",
            ListenReason::Authority => "authority",
            ListenReason::Dsar => "dsar",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<ListenReason> {
        ListenReason::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

impl Role {
    /// What a role gives that is not configured: nothing about recordings, only what
    /// its name says.
    pub fn builtin(name: &str) -> Role {
        let act: &[Act] = match name {
            "approver" => &[Act::Approve],
            "auditor" => &[Act::Audit],
            "dpo" => &[Act::Audit, Act::Dsar],
            "admin" => &[Act::People],
            _ => &[],
        };
        Role { act: act.iter().copied().collect(), ..Role::default() }
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
        for (words, n) in [(SCOPES, 5), (ACTS, 11), (ListenReason::WORDS, 6), (Listening::WORDS, 2)] {
            assert_eq!(words.len(), n);
        }
        let text = format!("find = \"all\"\nhear = \"team\"\nact = {ACTS:?}\nlistening = \"on_request\"");
        let role: Role = toml::from_str(&text).unwrap();
        assert_eq!(
            role.act.iter().map(|a| a.name()).collect::<BTreeSet<_>>(),
            ACTS.iter().copied().collect()
        );
        assert_eq!(toml::from_str::<Role>(&toml::to_string(&role).unwrap()).unwrap(), role);
        assert!(
            ListenReason::WORDS
                .iter()
                .all(|r| ListenReason::from_name(r).is_some_and(|reason| reason.name() == *r))
        );
        for name in ROLES {
            let role = Role::builtin(name);
            assert_eq!((role.find, role.hear, role.download), (Scope::None, Scope::None, false), "{name}");
            assert!(Act::TO_RECORDINGS.iter().all(|act| !role.act.contains(act)), "{name}");
        }
    }
}
