//! Frames below IP: VLAN tags, and captures whose records say more than they hold.

use std::path::Path;

/// One captured frame.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Capture time, nanoseconds since the epoch.
    pub at: i64,
    /// What the capture holds.
    pub data: Vec<u8>,
    /// How long it was on the wire.
    pub wire: u32,
}

/// UDP ports of an Ethernet frame without tags.
fn ports(frame: &[u8]) -> Option<(u16, u16)> {
    let at = match frame.get(12..14)? {
        [8, 0] => 34,
        _ => 54,
    };
    let port = |i: usize| Some(u16::from_be_bytes(frame.get(i..i + 2)?.try_into().ok()?));
    Some((port(at)?, port(at + 2)?))
}

/// Is it a datagram of SIP, by its ports?
pub fn is_sip(frame: &[u8]) -> bool {
    ports(frame).is_some_and(|(s, d)| s == 5060 || d == 5060)
}

/// The same with VLAN tags, the outer one first (802.1ad where there are two).
pub fn tagged(frame: &[u8], vlans: &[u16]) -> Vec<u8> {
    let mut out = frame[..12].to_vec();
    for (i, id) in vlans.iter().enumerate() {
        let kind: u16 = if vlans.len() > 1 && i == 0 { 0x88A8 } else { 0x8100 };
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&id.to_be_bytes());
    }
    out.extend_from_slice(&frame[12..]);
    out
}

/// A direction of the wire: a TAP gives each a file of its own.
pub fn direction(frame: &[u8]) -> bool {
    let mut at = 12;
    while matches!(frame.get(at..at + 2), Some([0x81, 0] | [0x88, 0xA8])) {
        at += 4;
    }
    let (src, n) = if frame.get(at..at + 2) == Some(&[8, 0]) { (at + 14, 4) } else { (at + 10, 16) };
    frame.get(src..src + n) < frame.get(src + n..src + 2 * n)
}

/// Writes a nanosecond pcap of Ethernet frames.
pub fn write_pcap<'a>(path: &Path, shots: impl Iterator<Item = &'a Shot>) {
    let mut out = Vec::new();
    for word in [0xA1B2_3C4D_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for s in shots {
        out.extend_from_slice(&((s.at / 1_000_000_000) as u32).to_le_bytes());
        out.extend_from_slice(&((s.at % 1_000_000_000) as u32).to_le_bytes());
        out.extend_from_slice(&(s.data.len() as u32).to_le_bytes());
        out.extend_from_slice(&s.wire.to_le_bytes());
        out.extend_from_slice(&s.data);
    }
    std::fs::write(path, out).unwrap();
}
