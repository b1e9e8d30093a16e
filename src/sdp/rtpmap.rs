//! Payload formats: `a=rtpmap` (RFC 8866 §6.6). What static types mean (RFC 3551 §6) is the codecs' to say.

use super::description::Format;

/// A payload type as the media line lists it.
pub(super) fn unnamed(payload_type: u8) -> Format {
    Format { payload_type, name: String::new(), clock: 0, channels: 0, fmtp: None }
}

/// `name/clock[/channels]`; one channel when not said.
pub(super) fn parse(value: &str) -> Option<(&str, u32, u8)> {
    let mut parts = value.split_ascii_whitespace().next()?.split('/');
    let name = parts.next().filter(|n| !n.is_empty())?;
    let clock = parts.next()?.parse().ok()?;
    let channels = parts.next().and_then(|c| c.parse().ok()).filter(|c| *c > 0).unwrap_or(1);
    Some((name, clock, channels))
}
