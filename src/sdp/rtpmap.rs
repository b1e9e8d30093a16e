//! Payload formats: `a=rtpmap` and the static table of RFC 3551 §6.

use super::session::Format;

/// The format a payload type has without `a=rtpmap`; unnamed when it has none.
pub(super) fn static_format(payload_type: u8) -> Format {
    let (name, clock, channels) = match payload_type {
        0 => ("PCMU", 8000, 1),
        3 => ("GSM", 8000, 1),
        4 => ("G723", 8000, 1),
        5 => ("DVI4", 8000, 1),
        6 => ("DVI4", 16000, 1),
        7 => ("LPC", 8000, 1),
        8 => ("PCMA", 8000, 1),
        // 16 kHz audio on an 8 kHz clock, a slip kept for ever (RFC 3551 §4.5.2).
        9 => ("G722", 8000, 1),
        10 => ("L16", 44100, 2),
        11 => ("L16", 44100, 1),
        12 => ("QCELP", 8000, 1),
        13 => ("CN", 8000, 1),
        14 => ("MPA", 90000, 1),
        15 => ("G728", 8000, 1),
        16 => ("DVI4", 11025, 1),
        17 => ("DVI4", 22050, 1),
        18 => ("G729", 8000, 1),
        // Reserved, and still sent for comfort noise by old gateways.
        19 => ("CN", 8000, 1),
        25 => ("CelB", 90000, 1),
        26 => ("JPEG", 90000, 1),
        28 => ("nv", 90000, 1),
        31 => ("H261", 90000, 1),
        32 => ("MPV", 90000, 1),
        33 => ("MP2T", 90000, 1),
        34 => ("H263", 90000, 1),
        _ => ("", 0, 1),
    };
    Format { payload_type, name: name.to_string(), clock, channels, fmtp: None }
}

/// `name/clock[/channels]`; one channel when not said.
pub(super) fn parse(value: &str) -> Option<(&str, u32, u8)> {
    let mut parts = value.split_ascii_whitespace().next()?.split('/');
    let name = parts.next().filter(|n| !n.is_empty())?;
    let clock = parts.next()?.parse().ok()?;
    let channels = parts.next().and_then(|c| c.parse().ok()).filter(|c| *c > 0).unwrap_or(1);
    Some((name, clock, channels))
}
