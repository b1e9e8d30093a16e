//! Transfers: Replaces (RFC 3891), Refer-To (RFC 3515) and what a NOTIFY reports.

use super::address::NameAddr;
use super::header::{param, trim};
use super::method::Method;
use super::reader::{Message, StartLine};
use std::borrow::Cow;

/// The dialog an INVITE takes the place of, or is asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Call-ID of that dialog.
    pub call_id: Vec<u8>,
    /// Its tag at the receiver of the INVITE.
    pub to_tag: Vec<u8>,
    /// Its tag at the other end.
    pub from_tag: Vec<u8>,
    /// Only if that dialog is still early.
    pub early_only: bool,
}

impl Replaces {
    /// Reads `call-id;to-tag=x;from-tag=y`; `None` unless all three are there.
    pub fn parse(value: &[u8]) -> Option<Replaces> {
        let semicolon = memchr::memchr(b';', value)?;
        let (call_id, params) = (trim(&value[..semicolon]), &value[semicolon..]);
        let tag = |name| param(params, name).filter(|t| !t.is_empty());
        if call_id.is_empty() {
            return None;
        }
        Some(Replaces {
            call_id: call_id.to_vec(),
            to_tag: tag("to-tag")?.to_vec(),
            from_tag: tag("from-tag")?.to_vec(),
            early_only: param(params, "early-only").is_some(),
        })
    }
}

impl<'a> Message<'a> {
    /// The Replaces header of an INVITE.
    pub fn replaces(&self) -> Option<Replaces> {
        self.first_raw("Replaces").and_then(Replaces::parse)
    }

    /// Where a REFER sends its receiver.
    pub fn refer_to(&self) -> Option<NameAddr<'a>> {
        self.addresses("Refer-To").next()
    }

    /// The dialog an attended transfer is to replace: `Refer-To: <...?Replaces=...>`.
    pub fn refer_to_replaces(&self) -> Option<Replaces> {
        let value: Cow<'a, [u8]> = self.refer_to()?.uri.embedded_header("Replaces")?;
        Replaces::parse(&value)
    }

    /// The status a transfer has reached: first line of a NOTIFY's
    /// `message/sipfrag` body (RFC 3515 §2.4.5).
    pub fn sipfrag_status(&self) -> Option<u16> {
        let kind = self.content_type().unwrap_or(b"message/sipfrag");
        if self.method() != Some(Method::Notify) || !kind.eq_ignore_ascii_case(b"message/sipfrag") {
            return None;
        }
        let body = trim(self.body);
        let line = &body[..memchr::memchr(b'\n', body).unwrap_or(body.len())];
        match StartLine::parse(line).ok()? {
            StartLine::Response { code, .. } => Some(code),
            StartLine::Request { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_header() {
        let r = Replaces::parse(b" 12@h ; From-Tag=f;to-tag = t;early-only").unwrap();
        assert_eq!(
            (r.call_id.as_slice(), r.to_tag.as_slice(), r.from_tag.as_slice()),
            (b"12@h".as_slice(), b"t".as_slice(), b"f".as_slice())
        );
        assert!(r.early_only);
        assert_eq!(Replaces::parse(b"12@h;to-tag=t"), None);
        assert_eq!(Replaces::parse(b";to-tag=t;from-tag=f"), None);
    }

    #[test]
    fn refer_to_with_embedded_replaces() {
        for refer_to in [
            "Refer-To: \"B\" <sip:b@h?Replaces=12%40h%3Bto-tag%3Dt%3Bfrom-tag%3Df&X=y>",
            "r: <sip:b@h;transport=tcp?replaces=12@h;to-tag=t;from-tag=f>",
            "Refer-To: sip:b@h?Replaces=12%40h%3Bto-tag%3Dt%3Bfrom-tag%3Df",
        ] {
            let bytes = format!("REFER sip:a@h SIP/2.0\r\n{refer_to}\r\n\r\n").into_bytes();
            let (m, _) = Message::parse(&bytes).unwrap();
            assert_eq!(m.refer_to().unwrap().uri.user().as_deref(), Some("b"), "{refer_to}");
            assert_eq!(m.refer_to_replaces().unwrap().call_id, b"12@h", "{refer_to}");
        }
    }

    #[test]
    fn sipfrag() {
        let notify = |kind: &str, body: &str| {
            let m = format!("NOTIFY sip:a@h SIP/2.0\r\n{kind}\r\n\r\n{body}");
            Message::parse(m.as_bytes()).unwrap().0.sipfrag_status()
        };
        assert_eq!(notify("c: message/sipfrag;version=2.0", "SIP/2.0 200 OK\r\nTo: x"), Some(200));
        assert_eq!(notify("Content-Type: Message/SipFrag", "SIP/2.0 503"), Some(503));
        assert_eq!(notify("Content-Type: text/plain", "SIP/2.0 503"), None);
        assert_eq!(notify("Content-Type: message/sipfrag", "INVITE sip:a SIP/2.0"), None);
    }
}
