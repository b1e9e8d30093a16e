//! What an INVITE says about its parties: who calls whom, whether the caller
//! wants to be known, which number was dialled first.
//!
//! RFC 3261 §20, RFC 3323 (Privacy), RFC 3325 (P-Asserted-Identity), RFC 5806
//! (Diversion), RFC 7044 (History-Info). Owned, because it outlives the packet.

use crate::pii::Pii;
use crate::sip::{Message, NameAddr, Replaces};

/// Longest user part kept; longer ones are cut.
const MAX_USER: usize = 128;

/// One INVITE outside a dialog, as far as policy asks.
#[derive(Clone, Debug, Default)]
pub struct Invite {
    /// User part of From.
    pub from_user: Option<Pii<String>>,
    /// User part of the first P-Asserted-Identity.
    pub asserted_user: Option<Pii<String>>,
    /// The caller asked not to be known, by any of the ways there are.
    pub withheld: bool,
    /// User part of To.
    pub to_user: Option<Pii<String>>,
    /// User part of the Request-URI.
    pub request_user: Option<Pii<String>>,
    /// The last Diversion (the first diversion), else the first History-Info entry.
    pub diverted_from: Option<Pii<String>>,
    /// Value of the header that carries an agent's id, if one is configured.
    pub agent_header: Option<String>,
    /// The dialog this one takes the place of (RFC 3891).
    pub replaces: Option<Replaces>,
    /// Values that tie legs of one contact together, header name included.
    pub correlation: Vec<Vec<u8>>,
}

impl Invite {
    /// Reads an INVITE. `agent_header` and `correlation` are header names.
    pub fn read(msg: &Message<'_>, agent_header: Option<&str>, correlation: &[String]) -> Invite {
        let from = msg.from();
        let diverted = msg.diversions().last().and_then(|a| user_of(Some(&a)));
        Invite {
            withheld: is_withheld(msg, from.as_ref()),
            from_user: user_of(from.as_ref()),
            asserted_user: msg.asserted_identities().find_map(|a| user_of(Some(&a))),
            to_user: user_of(msg.to().as_ref()),
            request_user: msg.request_uri().and_then(|u| u.user().map(|u| keep(&u))),
            diverted_from: diverted.or_else(|| msg.history_info().next().and_then(|a| user_of(Some(&a)))),
            agent_header: agent_header.and_then(|h| header_id(msg, h)),
            replaces: msg.replaces(),
            correlation: correlation.iter().flat_map(|name| correlation_keys(msg, name)).collect(),
        }
    }

    /// The number the contact was made to, as this leg tells it.
    pub fn dialled(&self) -> Option<&Pii<String>> {
        self.diverted_from.as_ref().or(self.to_user.as_ref()).or(self.request_user.as_ref())
    }

    /// The caller's number: From, or the asserted identity where From carries no digit.
    pub fn caller_number(&self) -> Option<&Pii<String>> {
        let has_digit = |u: &&Pii<String>| u.expose().bytes().any(|b| b.is_ascii_digit());
        let from = self.from_user.as_ref();
        from.filter(has_digit).or(self.asserted_user.as_ref().filter(has_digit)).or(from)
    }
}

/// The id in the agent header, cut to a bounded length.
pub fn header_id(msg: &Message<'_>, name: &str) -> Option<String> {
    let value = msg.header(name)?;
    let text = String::from_utf8_lossy(&value);
    let text = text.trim();
    (!text.is_empty()).then(|| text.chars().take(MAX_USER).collect())
}

/// User part of the identity a party gives in a request or response inside a
/// dialog: P-Asserted-Identity, else Remote-Party-ID.
pub fn connected_identity(msg: &Message<'_>) -> Option<Pii<String>> {
    msg.asserted_identities().chain(msg.remote_party_ids()).find_map(|a| user_of(Some(&a)))
}

/// RFC 3323 §4.2, §5.1 and the ways older equipment has.
fn is_withheld(msg: &Message<'_>, from: Option<&NameAddr<'_>>) -> bool {
    let anonymous_from = from.is_some_and(|f| {
        let user = f.uri.user();
        user.is_some_and(|u| u.eq_ignore_ascii_case("anonymous"))
            || f.uri.host().eq_ignore_ascii_case(b"anonymous.invalid")
    });
    msg.privacy().hides_identity() || anonymous_from || msg.rpid_withheld()
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

fn user_of(addr: Option<&NameAddr<'_>>) -> Option<Pii<String>> {
    addr?.uri.user().map(|u| keep(&u))
}

fn keep(user: &str) -> Pii<String> {
    Pii::new(user.chars().take(MAX_USER).collect())
}
