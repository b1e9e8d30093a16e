//! An address of electronic mail, without a name beside it.

/// Longest address (RFC 5321 section 4.5.3.1).
const ADDRESS_MAX: usize = 254;

/// Whether a text can stand in `To:` as one address: `name@host`, nothing that begins another address or another line.
pub fn is_mail_address(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !"()<>[]:;,\\\"".contains(c);
    let has_both = text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !name.starts_with('-') && !host.is_empty() && !host.contains('@')
    });
    has_both && text.len() <= ADDRESS_MAX && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_address() {
        for text in ["a@b", "first.last+tag@mail.example.org"] {
            assert!(is_mail_address(text), "{text}");
        }
        let long = format!("{}@example.org", "a".repeat(ADDRESS_MAX));
        let two = ["a@b,c@d", "a@b\nBcc: c@d", "A <a@b>", "a b@c"];
        for text in ["", "a", "@b", "a@", "-f@b", "a@b@c", "ä@b", &long].into_iter().chain(two) {
            assert!(!is_mail_address(text), "{text}");
        }
    }
}
