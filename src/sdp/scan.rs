//! Line scan for descriptions a strict reader refuses.
//!
//! RFC 8866 §5 lines in any order, any line end, any bytes. Knows the lines that
//! say where media goes; passes over the others.

use super::builder::Builder;
use super::description::{Description, Origin};

/// Reads what there is.
pub(super) fn description(body: &[u8]) -> Description {
    let mut b = Builder::new();
    for line in body.split(|c| matches!(c, b'\n' | b'\r' | 0)) {
        let line = line.trim_ascii();
        let [kind, rest @ ..] = line else { continue };
        let Some(value) = rest.trim_ascii_start().strip_prefix(b"=") else { continue };
        let value = String::from_utf8_lossy(value);
        let value = value.trim();
        match kind.to_ascii_lowercase() {
            b'o' => {
                if let Some(o) = origin(value) {
                    b.origin(o);
                }
            }
            b'c' => {
                if let Some(address) = value.split_ascii_whitespace().nth(2) {
                    b.connection(address);
                }
            }
            b'm' => media(&mut b, value),
            b'a' => match value.split_once(':') {
                Some((name, value)) => b.attribute(name.trim(), Some(value.trim())),
                None => b.attribute(value, None),
            },
            _ => {}
        }
    }
    b.finish()
}

/// The last five words have places of their own; all before them is the user name.
fn origin(value: &str) -> Option<Origin> {
    let mut words = value.split_ascii_whitespace().rev();
    let address = words.next()?.to_string();
    let (_addr_type, _net_type) = (words.next()?, words.next()?);
    let version = words.next()?.parse().ok();
    let session_id = words.next()?.to_string();
    let mut username: Vec<&str> = words.collect();
    username.reverse();
    let username = if username.is_empty() { "-".to_string() } else { username.join(" ") };
    Some(Origin { username, session_id, version, address })
}

/// `audio 49170/2 RTP/AVP 0 8`. A port that is no port counts as 0.
fn media(b: &mut Builder, value: &str) {
    let mut words = value.split_ascii_whitespace();
    let kind = words.next().unwrap_or_default();
    let port = words.next().unwrap_or_default();
    let port = port.split('/').next().and_then(|p| p.parse().ok()).unwrap_or(0);
    let proto = words.next().unwrap_or_default();
    b.media(kind, port, proto, words);
}
