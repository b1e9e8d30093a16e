//! Why a request was sent: the Reason header (RFC 3326).

use super::header::{Split, param, trim};
use super::reader::Message;

/// Q.850 cause 26: a call that another one than the called telephone has taken.
const NON_SELECTED_USER: &[u8] = b"26";

impl Message<'_> {
    /// Does it end a telephone's ringing because another one has answered: SIP status 200 (RFC 3326 §3.1), or
    /// Q.850's cause for whom the call was not given?
    pub fn is_completed_elsewhere(&self) -> bool {
        self.raw("Reason").flat_map(Split::list).any(|value| {
            let end = memchr::memchr(b';', value).unwrap_or(value.len());
            let (protocol, params) = (trim(&value[..end]), &value[end..]);
            let cause = param(params, "cause").map(trim).unwrap_or_default();
            match () {
                () if protocol.eq_ignore_ascii_case(b"SIP") => cause == b"200",
                () if protocol.eq_ignore_ascii_case(b"Q.850") => cause == NON_SELECTED_USER,
                () => false,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(reason: &str) -> bool {
        let text = format!("CANCEL sip:a@h SIP/2.0\r\nCall-ID: 1\r\n{reason}Content-Length: 0\r\n\r\n");
        Message::parse(text.as_bytes()).unwrap().0.is_completed_elsewhere()
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
