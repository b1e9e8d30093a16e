//! Since when the caller of one dialog has heard something: early media, then whoever answered.

use super::seen::Seen;
use crate::time::Timestamp;

/// Since when a caller has heard something in one dialog.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeardSince {
    /// Early media, as far as it was announced.
    pub early: Option<Timestamp>,
    /// Its sender says that it may be heard.
    pub is_allowed: bool,
    /// The answer.
    pub answered: Option<Timestamp>,
}

impl HeardSince {
    /// A response between 101 and 199.
    pub fn note_ringing(&mut self, seen: &Seen<'_>) {
        if seen.msg.sdp().is_some() {
            self.early.get_or_insert(seen.at);
        }
        self.is_allowed |= seen.msg.headers("P-Early-Media").any(|value| {
            let value = value.to_ascii_lowercase();
            let words = value.split(|b| !b.is_ascii_alphanumeric());
            words.into_iter().any(|w| w == b"sendrecv" || w == b"sendonly")
        });
    }

    /// The answer. `has_spoken`: packets of the called side have come by now.
    pub fn note_answer(&mut self, at: Timestamp, has_spoken: bool) {
        self.early = self.early.filter(|_| self.is_allowed || has_spoken);
        self.answered.get_or_insert(at);
    }
}
