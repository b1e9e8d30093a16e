//! One request: what is asked for, by whom, and how it stands.

use crate::config::Language;
use crate::pii::{Pii, stored};
use crate::store::word::{vocabulary, words};
use crate::time::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

words! {
    /// What is asked for.
    #[derive(PartialOrd, Ord, clap::ValueEnum)]
    #[value(rename_all = "snake_case")]
    pub enum SubjectRight {
        /// A copy, and to know what is done with it (Art. 15).
        Access = "access",
        /// What is known is wrong or not complete (Art. 16).
        Rectify = "rectify",
        /// That it is deleted (Art. 17).
        Erase = "erase",
        /// That nobody uses it for the time being (Art. 18).
        Restrict = "restrict",
        /// That it is not used at all (Art. 21).
        Object = "object",
    }
}

impl SubjectRight {
    /// Article of the GDPR.
    pub const fn article(self) -> u8 {
        match self {
            SubjectRight::Access => 15,
            SubjectRight::Rectify => 16,
            SubjectRight::Erase => 17,
            SubjectRight::Restrict => 18,
            SubjectRight::Object => 21,
        }
    }
}

words! {
    /// How it came.
    #[derive(PartialOrd, Ord, clap::ValueEnum)]
    #[value(rename_all = "snake_case")]
    pub enum ContactChannel {
        /// The person came.
        InPerson = "in_person",
        /// A signed letter.
        Letter = "letter",
        /// E-mail.
        Email = "email",
        /// A service with strong identification.
        SecureMessage = "secure_message",
        /// By telephone.
        Phone = "phone",
        /// In another way.
        Other = "other",
    }
}

words! {
    /// How it was decided.
    #[derive(PartialOrd, Ord, clap::ValueEnum)]
    #[value(rename_all = "snake_case")]
    pub enum RequestOutcome {
        /// Done as asked.
        Granted = "granted",
        /// Done in part; the rest is refused on a ground.
        Partly = "partly",
        /// Refused on a ground.
        Refused = "refused",
        /// To be erased once no hold forbids it.
        Deferred = "deferred",
    }
}

words! {
    /// How it stands.
    #[derive(PartialOrd, Ord, clap::ValueEnum)]
    #[value(rename_all = "snake_case")]
    pub enum RequestStanding {
        /// Nobody has decided.
        Open = "open",
        /// A hold forbids it.
        Deferred = "deferred",
        /// It was deferred and the hold has ended: to be decided.
        Resumed = "resumed",
        /// It is decided.
        Decided = "decided",
    }
}

vocabulary!(SubjectRight, ContactChannel, RequestOutcome, RequestStanding);

impl RequestStanding {
    /// Somebody is to decide.
    pub const fn is_waiting(self) -> bool {
        matches!(self, RequestStanding::Open | RequestStanding::Resumed)
    }
}

/// A request as it is taken.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// What is asked for.
    pub right: SubjectRight,
    /// When it came.
    pub received: Date,
    /// How it came.
    pub channel: ContactChannel,
    /// The case.
    pub case: String,
    /// Language of the letters.
    pub language: Language,
    /// Who asks, for the letter.
    pub name: Pii<String>,
    /// Where the letter goes, line by line.
    pub address: Pii<String>,
    /// The number he called from: kept as a keyed hash, to know whether he has asked before.
    pub number: Option<Pii<String>>,
    /// How his identity was checked.
    pub identity: Option<Pii<String>>,
    /// He has been asked to prove it.
    pub identity_asked: bool,
    /// Which recordings it is about.
    pub recordings: Vec<Uuid>,
}

/// How somebody's identity was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdentityCheck {
    /// How; `None`: gone with his name.
    #[serde(with = "stored")]
    pub how: Option<Pii<String>>,
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Why it takes longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Extended {
    /// Months.
    pub months: u8,
    /// Why; `None`: gone with the name.
    #[serde(with = "stored")]
    pub why: Option<Pii<String>>,
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// How.
    pub outcome: RequestOutcome,
    /// On which legal ground it is refused or put off.
    pub ground: Option<String>,
    /// In words, for the letter; `None` also where it is gone with the name.
    pub why: Option<Pii<String>>,
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectRequest {
    /// Its number.
    pub n: i64,
    /// What is asked for.
    pub right: SubjectRight,
    /// When it came.
    pub received: Date,
    /// How it came.
    pub channel: ContactChannel,
    /// The case.
    pub case: String,
    /// Language of the letters.
    pub language: Language,
    /// Who asks; `None`: gone, its time was over.
    pub name: Option<Pii<String>>,
    /// His address.
    pub address: Option<Pii<String>>,
    /// He was asked to prove who he is, and when.
    pub identity_asked: Option<Date>,
    /// He has proved it.
    pub identity: Option<IdentityCheck>,
    /// The last day to answer.
    pub due: Date,
    /// It takes longer.
    pub extended: Option<Extended>,
    /// What became of it.
    pub decided: Option<Decided>,
    /// The copy went out.
    pub copied: Option<Timestamp>,
    /// Who wrote it down.
    pub by: String,
    /// Which recordings it is about.
    pub recordings: Vec<Uuid>,
    /// Requests of the same person that came within the year before it.
    pub prior: u64,
}

impl SubjectRequest {
    /// Days that are left on `today`; negative: so many too late.
    pub fn days_left(&self, today: Date) -> i32 {
        today.until(self.due).map_or(0, |span| span.get_days())
    }

    /// As lists show it, with how it stands.
    pub fn to_json(&self, standing: RequestStanding, today: Date) -> Value {
        let text = |text: &Option<Pii<String>>| text.as_ref().map(|text| text.as_str().to_owned());
        let decided = self.decided.as_ref().map(|d| {
            json!({ "outcome": d.outcome.name(), "ground": d.ground, "why": text(&d.why), "by": d.by, "at": d.at })
        });
        json!({
            "n": self.n, "right": self.right.name(), "received": self.received.to_string(),
            "channel": self.channel.name(), "ref": self.case, "language": self.language.code(),
            "name": text(&self.name), "address": text(&self.address),
            "identity_asked": self.identity_asked.map(|day| day.to_string()), "identity": self.identity,
            "due": self.due.to_string(), "days_left": standing.is_waiting().then(|| self.days_left(today)),
            "extended": self.extended, "state": standing.name(), "decided": decided, "copied": self.copied,
            "by": self.by, "recordings": self.recordings, "prior": self.prior,
        })
    }
}
