//! A telephone of our own that places one call, for `nauhuri probe`: what it says and what it plays.
//!
//! Pure: [`PlacedCall`] is given what came from the exchange, with when, and gives back what to send.
//! RFC 3261 as a user agent client (§8.1, §12, §13.2, §15.1, §17.1), RFC 3264 with one audio line in G.711
//! A-law, digest authentication by RFC 2617 and RFC 8760. The tones that it plays are drawn from the id of
//! the call, so that no other call has them. Must not know of sockets, or of what is recorded.
//!
//! ```text
//! placed_call             the call: what comes, what time brings
//! call_plan transaction   how it is asked for; what is sent again, and when it is given up
//! digest call_sdp         the answer to a challenge; our description, and what theirs says
//! signature               the tones, and where they are in sound
//! probe_result            how a test call ended
//! ```

mod call_plan;
mod call_sdp;
pub mod digest;
mod placed_call;
mod probe_result;
pub mod signature;
#[cfg(test)]
mod tests;
mod transaction;

pub use call_plan::CallPlan;
pub use call_sdp::MediaTarget;
pub use digest::SipAccount;
pub use placed_call::{CallEnd, PlacedCall};
pub use probe_result::ProbeResult;
pub use signature::{Signature, ToneMatch};
