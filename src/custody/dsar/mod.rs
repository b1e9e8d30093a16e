//! Requests of data subjects (GDPR Art. 15 to 18 and 21): what the people recorded ask for,
//! and what became of it.
//!
//! A request is due a month after it came, three at most ([`due`]). Who asks, which
//! recordings it is about, how it was decided and on which ground stand in [`RequestBook`],
//! `dsar.db` of the state folder; the commands and the room open it alike. What is done to
//! recordings goes the way the commands go ([`super::erase`], [`super::restrict`],
//! [`super::export`]); every act is told to the audit log first, by number, kind and dates.
//! Name and address stand in the book alone, as long as `dsar.keep` says after the decision.
//!
//! | a request is | when | it is waited for |
//! | --- | --- | --- |
//! | open | nobody has decided | yes |
//! | deferred | its recordings are to be erased and a hold forbids it | no |
//! | resumed | it was deferred, and nothing holds any of its recordings any more | yes |
//! | decided | granted, granted in part, or refused on a ground | no |
//!
//! Must not know of command lines or of HTTP.

mod book;
mod copy;
mod due;
mod error;
mod handling;
mod letters;
mod subject;
mod unanswered;
mod usage;

pub use book::{BOOK, RequestBook};
pub use copy::CopyRequest;
pub use due::{EXTENSION_MAX, due};
pub use error::DsarError;
pub use handling::{CarryOut, Handling, Ruling};
pub use letters::{Letter, LetterKind};
pub use subject::{
    ContactChannel, Decided, Extended, IdentityCheck, NewRequest, RequestOutcome, RequestStanding,
    SubjectRequest, SubjectRight,
};
pub use unanswered::{WaitingRequests, standing};
