//! Joins signalling into decisions: which call, whose, recorded or not.
//!
//! [`Calls`] is fed with SIP messages and answers with [`Decision`]s; media asks
//! its [`pairing::Pairing`] where it belongs. RFC 3261 §12 (dialogs), §13, §15;
//! RFC 3264 through `sdp`. This layer must not know of packets' payloads,
//! samples or files.

mod answer;
pub mod calls;
pub mod contacts;
pub mod decision;
mod ending;
pub mod exchange;
mod flows;
mod identity;
pub mod invite;
pub mod leg;
mod media;
mod owner;
pub mod pairing;
pub mod parties;
mod places;
pub mod recordings;
mod route;
mod stragglers;
mod transfer;
mod upkeep;

pub use calls::Calls;
pub use decision::{Agent, CallEvent, Decision, Ending, Opening, Unrecorded};
