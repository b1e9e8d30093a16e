//! Why a request was sent: the Reason header (RFC 3326).

use super::header::{Split, param, trim};
use super::reader::Message;

/// SIP's status of a call that another one has taken (RFC 3326 §3.1).
const COMPLETED: u16 = 200;
/// Q.850's cause for a telephone that was called and not given the call.
const NON_SELECTED_USER: u16 = 26;

/// One of a request's reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Whose numbers `cause` is of.
    pub protocol: ReasonProtocol,
    /// A status of SIP, or a cause of Q.850.
    pub cause: u16,
}

/// Whose words a reason is told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonProtocol {
    /// SIP's status codes.
    Sip,
    /// The telephone network's causes.
    Q850,
}

impl Reason {
    /// Reads `protocol;cause=n`; `None` where it is of another protocol, or tells no cause.
    pub fn parse(value: &[u8]) -> Option<Reason> {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let protocol = match trim(&value[..end]) {
            p if p.eq_ignore_ascii_case(b"SIP") => ReasonProtocol::Sip,
            p if p.eq_ignore_ascii_case(b"Q.850") => ReasonProtocol::Q850,
            _ => return None,
        };
        let cause = str::from_utf8(trim(param(&value[end..], "cause")?)).ok()?.parse().ok()?;
        Some(Reason { protocol, cause })
    }

    /// A telephone need not ring any more, since another one has answered?
    pub fn is_completed_elsewhere(self) -> bool {
        match self.protocol {
            ReasonProtocol::Sip => self.cause == COMPLETED,
            ReasonProtocol::Q850 => self.cause == NON_SELECTED_USER,
        }
    }
}

impl Message<'_> {
    /// Why it was sent, as far as it says so in words that are known.
    pub fn reasons(&self) -> impl Iterator<Item = Reason> {
        self.raw("Reason").flat_map(Split::list).filter_map(Reason::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(reason: &str) -> bool {
        let text = format!("CANCEL sip:a@h SIP/2.0\r\nCall-ID: 1\r\n{reason}Content-Length: 0\r\n\r\n");
        Message::parse(text.as_bytes()).unwrap().0.reasons().any(Reason::is_completed_elsewhere)
    }

    #[test]
    fn another_telephone_has_answered() {
        for reason in [
            "Reason: SIP ;cause=200 ;text=\"Call completed elsewhere\"\r\n",
            "reason: sip;text=\"Call completed elsewhere\";cause=200\r\n",
            "Reason: Q.850;cause=16, SIP;cause=200\r\n",
            "Reason: Q.850;cause=16\r\nReason: SIP;cause=200\r\n",
            "Reason: Q.850;cause=26;text=\"NON_SELECTED_USER_CLEARING\"\r\n",
        ] {
            assert!(says(reason), "{reason}");
        }
        for reason in [
            "",
            "Reason: SIP;cause=487;text=\"ORIGINATOR_CANCEL\"\r\n",
            "Reason: Q.850;cause=200\r\n",
            "Reason: Q.850;cause=102;text=\"cause=200\"\r\n",
            "Reason: SIP\r\n",
            "Subject: SIP;cause=200\r\n",
        ] {
            assert!(!says(reason), "{reason}");
        }
    }
}
