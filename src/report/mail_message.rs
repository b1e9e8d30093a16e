//! A message of electronic mail (RFC 5322, MIME) for the host's own mailer, which adds date and id.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;

/// Octets in a line of base64 (RFC 2045 section 6.8: 76 characters).
const LINE: usize = 57;
/// Octets in an encoded word: its line, with the name of the header, has at most 76 characters (RFC 2047 section 2).
const WORD: usize = 39;

/// A file beside the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAttachment {
    /// Its name, in ASCII.
    pub name: String,
    /// `text/html`, without parameters.
    pub kind: &'static str,
    /// What is in it.
    pub text: String,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailMessage {
    /// Who sends it; empty: the mailer says.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// What comes with it.
    pub attachment: Option<MailAttachment>,
}

impl MailMessage {
    /// As it is handed to `sendmail -t -i`: lines end in LF.
    pub fn to_mime(&self) -> String {
        let mut out = String::new();
        // A String takes everything, here and below.
        if !self.from.is_empty() {
            let _ = writeln!(out, "From: {}", self.from);
        }
        let _ = writeln!(out, "To: {}", self.to.join(",\n "));
        let _ = writeln!(out, "Subject: {}", encoded(&self.subject));
        // Nobody answers it, and no holiday message comes back (RFC 3834 section 5).
        out.push_str("Auto-Submitted: auto-generated\nMIME-Version: 1.0\n");
        let Some(attachment) = &self.attachment else {
            push_part("text/plain", None, &self.text, &mut out);
            return out;
        };
        // In no line of base64 there is a `_`.
        let boundary = "=_nauhuri_report_=";
        let _ = write!(out, "Content-Type: multipart/mixed; boundary=\"{boundary}\"\n\n--{boundary}\n");
        push_part("text/plain", None, &self.text, &mut out);
        let _ = writeln!(out, "--{boundary}");
        push_part(attachment.kind, Some(&attachment.name), &attachment.text, &mut out);
        let _ = writeln!(out, "--{boundary}--");
        out
    }
}

fn push_part(kind: &str, name: Option<&str>, text: &str, out: &mut String) {
    let _ = writeln!(out, "Content-Type: {kind}; charset=utf-8\nContent-Transfer-Encoding: base64");
    if let Some(name) = name {
        let _ = writeln!(out, "Content-Disposition: attachment; filename=\"{name}\"");
    }
    out.push('\n');
    for line in text.as_bytes().chunks(LINE) {
        let _ = writeln!(out, "{}", STANDARD.encode(line));
    }
}

/// RFC 2047, where it is needed.
fn encoded(text: &str) -> String {
    if text.chars().all(|c| (' '..='~').contains(&c)) {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= WORD => word.push(c),
            _ => words.push(c.into()),
        }
    }
    let words = words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    words.collect::<Vec<_>>().join("\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> MailMessage {
        MailMessage {
            from: String::new(),
            to: vec!["a@example.org".into(), "b@example.org".into()],
            subject: "Puhelutallennuksen tilastot 2026-11: päivystys ja muut palvelut".into(),
            text: "Hyvä\n".into(),
            attachment: None,
        }
    }

    #[test]
    fn a_message_of_text() {
        let text = message().to_mime();
        let (head, body) = text.split_once("\n\n").unwrap();
        assert!(head.starts_with("To: a@example.org,\n b@example.org\nSubject: =?utf-8?B?"), "{head}");
        assert!(head.lines().all(|line| line.len() <= 76 && line.is_ascii()), "{head}");
        assert_eq!(STANDARD.decode(body.trim()).unwrap(), "Hyvä\n".as_bytes());
        let subject: Vec<u8> = head
            .split("=?utf-8?B?")
            .skip(1)
            .flat_map(|word| STANDARD.decode(word.split("?=").next().unwrap()).unwrap())
            .collect();
        assert_eq!(String::from_utf8(subject).unwrap(), message().subject);
    }

    #[test]
    fn a_message_with_a_file() {
        let page = "<p>".repeat(100);
        let attachment =
            MailAttachment { name: "report-2026-11.html".into(), kind: "text/html", text: page.clone() };
        let text = MailMessage {
            from: "nauhuri@example.org".into(),
            subject: "Report".into(),
            attachment: Some(attachment),
            ..message()
        }
        .to_mime();
        assert!(text.starts_with("From: nauhuri@example.org\nTo: ") && text.contains("\nSubject: Report\n"));
        let parts: Vec<&str> = text.split("--=_nauhuri_report_=").collect();
        assert_eq!((parts.len(), parts[3]), (4, "--\n"), "{text}");
        let (head, body) = parts[2].split_once("\n\n").unwrap();
        assert!(head.contains("attachment; filename=\"report-2026-11.html\""), "{head}");
        assert!(body.lines().all(|line| line.len() <= 76));
        let whole: Vec<u8> = body.lines().flat_map(|line| STANDARD.decode(line).unwrap()).collect();
        assert_eq!(whole, page.as_bytes());
    }
}
