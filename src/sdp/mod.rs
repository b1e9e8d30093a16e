//! Session descriptions: what media was offered, what was answered.
//!
//! RFC 8866 for the text, RFC 3264 for the exchange. Knows nothing of SIP: who
//! carried a description, and in answer to what, is told to [`OfferAnswer`].

mod builder;
pub mod crypto;
pub mod description;
mod lines;
pub mod offer_answer;
mod parse;
mod rtpmap;
mod scan;

pub use description::{Description, Direction, Format, Media, MediaKind, Origin, Proto, Setup};
pub use offer_answer::{Carrier, ExchangeChange, MessageStep, OfferAnswer, Side};
pub use parse::parse;
