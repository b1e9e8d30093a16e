//! What an INVITE says: who calls whom, and which number was dialled first.
//!
//! RFC 3261 §20, RFC 5806 (Diversion), RFC 7044 (History-Info), RFC 3891
//! (Replaces), RFC 7989 (Session-ID). Owned, because it outlives the packet.

use super::asserted::{Asserted, bounded, user_of};
use super::rules::Rules;
use crate::pii::Pii;
use crate::sip::{Message, NameAddr, Replaces};

/// One INVITE outside a dialog, as far as policy asks.
#[derive(Clone, Debug, Default)]
pub struct Invite {
    /// User part of From.
    pub from_user: Option<Pii<String>>,
    /// Who the caller is by those who vouch for it.
    pub caller: Asserted,
    /// User part of To.
    pub to_user: Option<Pii<String>>,
    /// User part of the Request-URI.
    pub request_user: Option<Pii<String>>,
    /// The last Diversion: the first diversion.
    pub diverted_from: Option<Pii<String>>,
    /// The first History-Info entry.
    pub first_target: Option<Pii<String>>,
    /// History is private (RFC 7044 §10.1), in whatever leg it is told.
    pub is_private_history: bool,
    /// The dialog this one takes the place of (RFC 3891).
    pub replaces: Option<Replaces>,
    /// Values that tie legs of one contact together, header name included.
    pub correlation: Vec<Vec<u8>>,
}

impl Invite {
    /// Reads an INVITE.
    pub fn read(msg: &Message<'_>, rules: &Rules) -> Invite {
        // RFC 7044 §10.1: a private history says nothing, whole or entry by entry.
        let is_told = !msg.privacy().history;
        let diverted = msg.diversions().last().filter(|_| is_told);
        let first = msg.history_info().next().filter(|a| is_told && !is_private(a));
        let diverted = diverted.filter(|a| !a.asks_privacy());
        Invite {
            from_user: user_of(msg.from().as_ref()),
            caller: Asserted::of_invite(msg, rules),
            to_user: user_of(msg.to().as_ref()),
            request_user: msg.request_uri().and_then(|u| u.user().map(|u| bounded(&u))),
            diverted_from: user_of(diverted.as_ref()),
            first_target: user_of(first.as_ref()),
            is_private_history: !is_told,
            replaces: msg.replaces(),
            correlation: rules
                .correlation_headers
                .iter()
                .flat_map(|name| correlation_keys(msg, name))
                .collect(),
        }
    }

    /// The numbers the contact may have been made to, the earliest first; without its history
    /// where that is private.
    pub fn dialled(&self, is_private: bool) -> impl Iterator<Item = &Pii<String>> {
        let history = [&self.diverted_from, &self.first_target].into_iter().filter(move |_| !is_private);
        history.chain([&self.to_user, &self.request_user]).flatten()
    }

    /// Whoever it says calls, or was called before.
    pub fn strangers(&self) -> impl Iterator<Item = &Pii<String>> {
        let caller = self.from_user.iter().chain(&self.caller.users).chain(self.caller.number());
        caller.chain(&self.diverted_from).chain(&self.first_target)
    }
}

/// A History-Info entry with a Privacy of its own.
fn is_private(entry: &NameAddr<'_>) -> bool {
    entry
        .uri
        .embedded_header("Privacy")
        .is_some_and(|p| p.to_ascii_lowercase().windows(7).any(|w| w == b"history"))
}

/// Header values compared up to the first `;`; for Session-ID (RFC 7989) the
/// `remote` half is a value of its own.
fn correlation_keys(msg: &Message<'_>, name: &str) -> Vec<Vec<u8>> {
    let key = |value: &[u8]| {
        let value = value.trim_ascii().to_ascii_lowercase();
        let is_nil = value.iter().all(|b| *b == b'0');
        (!is_nil && value.len() <= 256).then(|| [name.to_ascii_lowercase().as_bytes(), b":", &value].concat())
    };
    let Some(value) = msg.header(name) else { return Vec::new() };
    let mut parts = value.split(|b| *b == b';');
    let own = parts.next().and_then(key);
    let remote = parts.find_map(|p| {
        let (n, v) = p.split_at(p.iter().position(|b| *b == b'=')?);
        (name.eq_ignore_ascii_case("Session-ID") && n.trim_ascii().eq_ignore_ascii_case(b"remote"))
            .then(|| key(&v[1..]))?
    });
    own.into_iter().chain(remote).collect()
}
