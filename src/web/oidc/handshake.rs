//! What a sign-in by a provider has to remember between going there and coming back.
//!
//! It travels in a cookie of the browser that began it, sealed, so that strangers can
//! neither make one nor fill any memory of ours. A handshake holds once and for minutes.

use crate::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How long somebody may take at the provider, seconds.
pub const TIME_S: i64 = 600;
/// Handshakes remembered as used; each is so for [`TIME_S`] at most.
const USED: usize = 10_000;

/// Somebody on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshake {
    /// What the provider gives back.
    pub state: String,
    /// What the ID token has to hold.
    pub nonce: String,
    /// The secret whose hash the provider was sent (RFC 7636).
    pub verifier: String,
    /// Address of the room as the browser knows it, such as `https://room.example`.
    pub base: String,
    /// The page he wanted.
    pub next: String,
    /// Seconds since 1970 until when it holds.
    pub until_s: i64,
}

/// Seals handshakes, and knows which were used.
pub struct Seal {
    key: [u8; 32],
    used: Mutex<VecDeque<(String, i64)>>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// With a key that ends with the process.
    pub fn random() -> Seal {
        Seal { key: crate::web::accounts::password::random(), used: Mutex::default() }
    }

    fn mac(&self, text: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(text.as_bytes());
        Some(mac)
    }

    /// As a cookie carries it.
    pub fn close(&self, handshake: &Handshake) -> String {
        let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(handshake).unwrap_or_default());
        let tag = self.mac(&text).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        format!("{text}.{}", tag.unwrap_or_default())
    }

    /// From a cookie: ours, not too old, of this `state`, and not used before.
    pub fn open(&self, cookie: &str, state: &str, now: Timestamp) -> Option<Handshake> {
        let (text, tag) = cookie.split_once('.')?;
        self.mac(text)?.verify_slice(&URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        let found: Handshake = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let now_s = now.as_ns() / 1_000_000_000;
        let fine = found.until_s > now_s && found.state == state && self.use_up(&found, now_s);
        fine.then_some(found)
    }

    /// Whether it is used for the first time. Where too many were, none is let in until some have run out.
    fn use_up(&self, handshake: &Handshake, now_s: i64) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|(_, until_s)| *until_s > now_s);
        if used.len() >= USED || used.iter().any(|(state, _)| *state == handshake.state) {
            return false;
        }
        used.push_back((handshake.state.clone(), handshake.until_s));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_once_for_its_own_state_and_for_minutes() {
        let at = |s: i64| Timestamp::from_ns(s * 1_000_000_000);
        let one = |state: &str| Handshake {
            state: state.into(),
            nonce: "n".into(),
            verifier: "v".into(),
            base: "http://localhost".into(),
            next: "/recordings".into(),
            until_s: 1_000 + TIME_S,
        };
        let seal = Seal::random();
        let cookie = seal.close(&one("a"));
        assert_eq!(seal.open(&cookie, "b", at(1_000)), None, "another state");
        assert_eq!(Seal::random().open(&cookie, "a", at(1_000)), None, "another seal");
        assert_eq!(seal.open(&cookie, "a", at(1_000 + TIME_S)), None, "too late");
        for broken in ["", ".", "x.y", &cookie[1..], &cookie[..cookie.len() - 2], &format!("{cookie}A")] {
            assert_eq!(seal.open(broken, "a", at(1_000)), None, "{broken}");
        }
        assert_eq!(seal.open(&cookie, "a", at(1_001)), Some(one("a")));
        assert_eq!(seal.open(&cookie, "a", at(1_002)), None, "used");
        for n in 0..USED {
            let state = format!("s{n}");
            let fine = seal.open(&seal.close(&one(&state)), &state, at(1_000)).is_some();
            assert_eq!(fine, n + 1 < USED, "{n}");
        }
    }
}
