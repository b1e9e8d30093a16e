//! Who a party says it is, was sent to, and wants hidden.
//!
//! Privacy (RFC 3323, RFC 3325 §9.3, RFC 7044 §10.1), P-Asserted-Identity (RFC
//! 3325), Remote-Party-ID (draft, still common), Diversion (RFC 5806),
//! History-Info (RFC 7044), Referred-By (RFC 3892), Session-ID (RFC 7989). What
//! follows from them for a recording is the call policy's business.

use super::address::NameAddr;
use super::header::{is_lws, trim};
use super::reader::Message;
use std::borrow::Cow;

/// What the Privacy headers of a message ask for, all of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// `id`: the asserted identity stays inside the trust domain.
    pub id: bool,
    /// `user`: user-level privacy.
    pub user: bool,
    /// `header`: headers that identify are to be obscured.
    pub header: bool,
    /// `session`: media is to be anonymised.
    pub session: bool,
    /// `history`: History-Info entries are private.
    pub history: bool,
    /// `none`: the party wants no privacy.
    pub none: bool,
    /// `critical`: fail rather than reveal.
    pub critical: bool,
}

impl Privacy {
    /// Adds the tokens of one header value; separators are `;`, `,` and white space.
    fn add(&mut self, value: &[u8]) {
        let separator = |b: &u8| is_lws(*b) || matches!(b, b';' | b',' | b'"');
        for token in value.split(separator) {
            match token.to_ascii_lowercase().as_slice() {
                b"id" => self.id = true,
                b"user" => self.user = true,
                b"header" => self.header = true,
                b"session" => self.session = true,
                b"history" => self.history = true,
                b"none" => self.none = true,
                b"critical" => self.critical = true,
                _ => {}
            }
        }
    }

    /// Does it ask to hide who is calling? `none` beside another token does not undo it.
    pub fn hides_identity(&self) -> bool {
        self.id || self.user || self.header
    }
}

impl NameAddr<'_> {
    /// Does the `privacy` of a Remote-Party-ID or a Diversion (RFC 5806 §4) hide the address:
    /// `full` or `uri`, whoever is to hide it (`full-network`)?
    pub fn asks_privacy(&self) -> bool {
        let hides = |value: &[u8]| {
            let kind = value.split(|b| *b == b'-').next().unwrap_or(value);
            [&b"full"[..], b"uri"].iter().any(|k| trim(kind).eq_ignore_ascii_case(k))
        };
        self.param("privacy").is_some_and(hides)
    }
}

impl<'a> Message<'a> {
    /// All Privacy headers together; all `false` when there is none.
    pub fn privacy(&self) -> Privacy {
        let mut privacy = Privacy::default();
        self.raw("Privacy").for_each(|v| privacy.add(v));
        privacy
    }

    /// P-Asserted-Identity values, usually one `sip:` and one `tel:`.
    pub fn asserted_identities(&self) -> impl Iterator<Item = NameAddr<'a>> {
        self.addresses("P-Asserted-Identity")
    }

    /// Remote-Party-ID values; see `param("privacy")` and `param("party")`.
    pub fn remote_party_ids(&self) -> impl Iterator<Item = NameAddr<'a>> {
        self.addresses("Remote-Party-ID")
    }

    /// Does a Remote-Party-ID that speaks of the caller say `privacy=full`?
    pub fn rpid_withheld(&self) -> bool {
        self.remote_party_ids().any(|r| {
            let called = r.param("party").is_some_and(|p| p.eq_ignore_ascii_case(b"called"));
            r.asks_privacy() && !called
        })
    }

    /// Diversion values, the latest diversion first (RFC 5806 §4).
    pub fn diversions(&self) -> impl Iterator<Item = NameAddr<'a>> {
        self.addresses("Diversion")
    }

    /// History-Info entries, the oldest first; see `param("index")` (RFC 7044 §5).
    pub fn history_info(&self) -> impl Iterator<Item = NameAddr<'a>> {
        self.addresses("History-Info")
    }

    /// Referred-By values (RFC 3892 allows one).
    pub fn referred_by(&self) -> impl Iterator<Item = NameAddr<'a>> {
        self.addresses("Referred-By")
    }

    /// Session-ID as it stands, parameters included (RFC 7989).
    pub fn session_id(&self) -> Option<Cow<'a, [u8]>> {
        self.header("Session-ID").filter(|v| !v.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &str) -> Vec<u8> {
        format!("INVITE sip:a@b SIP/2.0\r\n{headers}\r\n\r\n").into_bytes()
    }

    #[test]
    fn privacy_tokens() {
        let cases = [
            ("Privacy: ID;Critical", true),
            ("Privacy: none", false),
            ("X: y", false),
            ("privacy: history, user", true),
            ("Privacy: session\r\nPrivacy: header", true),
            ("Privacy: identity", false),
            ("Privacy:\r\n id ; none", true),
        ];
        for (h, hidden) in cases {
            let bytes = read(h);
            assert_eq!(Message::parse(&bytes).unwrap().0.privacy().hides_identity(), hidden, "{h}");
        }
    }

    #[test]
    fn address_lists() {
        let bytes = read(
            "P-Asserted-Identity: \"A, B\" <sip:+358401@h>, <tel:+358401>\r\n\
             Remote-Party-ID: <sip:1@h>;party=calling;privacy=FULL;screen=yes\r\n\
             Diversion: <sip:2001@h>;reason=no-answer\r\nDiversion: <tel:116117>;reason=\"user-busy\"\r\n\
             History-Info: <sip:116117@h>;index=1, <sip:2001@h?Reason=SIP%3Bcause%3D302>;index=1.1\r\n\
             b: <sip:boss@h>\r\nSession-ID: aa;remote=bb",
        );
        let (m, _) = Message::parse(&bytes).unwrap();
        let users = |it: &mut dyn Iterator<Item = NameAddr<'_>>| -> Vec<String> {
            it.map(|a| a.uri.user().unwrap_or_default().into_owned()).collect()
        };
        assert_eq!(users(&mut m.asserted_identities()), ["+358401", "+358401"]);
        assert_eq!(users(&mut m.diversions()), ["2001", "116117"]);
        assert_eq!(users(&mut m.history_info()), ["116117", "2001"]);
        assert_eq!(users(&mut m.referred_by()), ["boss"]);
        assert_eq!(m.diversions().nth(1).unwrap().param("reason"), Some(b"user-busy".as_slice()));
        assert!(m.rpid_withheld());
        assert_eq!(m.session_id().unwrap().as_ref(), b"aa;remote=bb");
    }

    #[test]
    fn privacy_of_one_address() {
        for (value, hidden) in [
            ("full", true),
            ("\"FULL\"", true),
            ("full-network", true),
            ("Uri", true),
            ("off", false),
            ("name", false),
            ("fuller", false),
            ("", false),
        ] {
            let bytes = read(&format!("Remote-Party-ID: <sip:1@h>;privacy={value};party=calling"));
            assert_eq!(Message::parse(&bytes).unwrap().0.rpid_withheld(), hidden, "{value}");
        }
    }

    #[test]
    fn rpid_of_the_called_party_hides_nothing() {
        let bytes = read("Remote-Party-ID: <sip:1@h>;party=called;privacy=full");
        assert!(!Message::parse(&bytes).unwrap().0.rpid_withheld());
    }
}
