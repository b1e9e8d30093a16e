//! A test call, end to end: placed through the exchange, looked for among the recordings, judged.
//!
//! ```text
//! phone             sockets for caller::PlacedCall: SIP, and the tones as RTP
//! lookout           the recording: by its Call-ID, or by its tones
//! probe_outcome     what became of it, in one word and in plain ones
//! probe_password    the password's file
//! ```
//!
//! A process of its own, beside the recorder and independent of it: it finds recordings as any command does.

pub mod lookout;
pub mod phone;
pub mod probe_outcome;
pub mod probe_password;
