//! Joins signalling into decisions: which call, whose, recorded or not.
//!
//! [`Calls`] is fed with SIP messages and answers with [`Decision`]s; media asks
//! it where it belongs. RFC 3261 §12 (dialogs), §13, §15; RFC 3264 through `sdp`.
//! This layer must not know of packets' payloads, samples or files.
//!
//! ```text
//! calls verdict             the conductor: every message, to its leg and dialog; what follows
//! seen invite asserted      one message: its context, what an INVITE says, who vouches for whom
//! identifier                Call-IDs and tags, long ones by their hash
//! leg legs dialog contacts  what is followed; tables: all of it, kept in step with
//! pairing owner places      where media belongs, by what
//! contender contest flows runs
//! stragglers route hosts between
//! session reports
//! media exchange            the dialogs' descriptions claim
//! party account             one end of a dialog, a call: what is known of it, for
//! policy rules masked       who talks, recorded or not, and what is stored of it
//! twins clicked             legs that nothing ties and are one conversation; click to dial
//! recording(s) transfer     machines: a recording's life, REFERs that wait for their INVITE
//! call_settings             what of the configuration it all goes by
//! said history              what it all came from, kept for a process that is to go on with it
//! trace                     what was decided and why, for whoever asks
//! overflow                  what there was no room for
//! ```

mod account;
mod asserted;
mod before_agent;
mod between;
pub mod call_settings;
pub mod calls;
mod clicked;
mod contacts;
mod contender;
mod contest;
pub mod decision;
mod described;
mod dialog;
mod ended_by;
mod exchange;
mod flows;
mod give_way;
mod guess;
mod heard_since;
pub mod history;
mod host_pairs;
mod hosts;
mod identifier;
mod ids;
mod invite;
mod leg;
mod legs;
mod masked;
mod media;
mod orphans;
mod overflow;
mod owner;
pub mod pairing;
mod party;
mod places;
mod policy;
mod recording;
mod recordings;
mod reports;
mod route;
pub mod rules;
mod runs;
pub mod said;
mod seen;
mod session;
mod stragglers;
mod tables;
pub mod trace;
mod transfer;
mod twins;
mod unheard;
mod unowned;

pub use calls::Calls;
pub use decision::{
    Agent, BeforeAgent, CallEvent, Customer, Decision, Ending, Ends, HopFormats, Opening, Unrecorded,
    UnrecordedCall, WaitingLeg,
};
pub use ended_by::EndedBy;
pub use exchange::codec_of;
pub use identifier::{Identifier, call_id_hash};
pub use overflow::Overflow;
pub use policy::AgentGrounds;
