//! One side of a call: who, and what goes with what he sends.

use crate::pii::Pii;
use std::fmt::Write as _;

/// One side of the call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallParty {
    /// Id of the participant; empty where nobody is known.
    pub id: String,
    /// The user part of his address.
    pub user: Option<Pii<String>>,
    /// Headers that go with what he sends.
    pub headers: Vec<(String, Pii<String>)>,
}

/// An address with this user part, whatever it holds (RFC 3261 §19.1.2).
pub fn uri(user: Option<&Pii<String>>) -> String {
    let mut out = String::from("sip:");
    for b in user.map(Pii::as_str).unwrap_or_default().bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'_' | b'.' | b'*' | b'~' => {
                out.push(char::from(b));
            }
            _ => {
                let _ = write!(out, "%{b:02X}");
            }
        }
    }
    if out.len() > 4 {
        out.push('@');
    }
    out.push_str("siprec.invalid");
    out
}
