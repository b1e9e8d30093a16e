//! Telephone events (RFC 4733): that a key was pressed, never which.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |     event     |E|R| volume    |          duration             |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! Keys carry card numbers and PINs. The event code is looked at once, to tell
//! keys from other signals, and kept in no type that could be printed or stored.

/// One event packet, without its digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// A key of the DTMF pad (events 0 to 15), not a flash, fax or trunk signal.
    pub is_key: bool,
    /// The E bit: the event is over.
    pub end: bool,
    /// Power level, 0 (loud) to 63, in -dBm0.
    pub volume: u8,
    /// Length so far, in RTP timestamp units.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Reads the first event of `payload`; `None` when it has fewer than 4 octets.
    pub fn parse(payload: &[u8]) -> Option<TelephoneEvent> {
        let &[event, flags, hi, lo, ..] = payload else { return None };
        Some(TelephoneEvent {
            is_key: event <= 15,
            end: flags & 0x80 != 0,
            volume: flags & 0x3F,
            duration: u16::from_be_bytes([hi, lo]),
        })
    }
}

/// Presses remembered to recognise their late and repeated packets.
const REMEMBERED: usize = 16;

/// Counts key presses: all packets of one press share SSRC and RTP timestamp
/// (§2.5.1.2), however often the last is repeated.
#[derive(Clone, Debug, Default)]
pub struct KeyPresses {
    recent: [Option<(u32, u32)>; REMEMBERED],
    next: usize,
    total: u64,
}

impl KeyPresses {
    /// Nothing pressed yet.
    pub fn new() -> KeyPresses {
        KeyPresses::default()
    }

    /// Takes one event packet; true when it belongs to a press not seen before.
    pub fn on_packet(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> bool {
        if !TelephoneEvent::parse(payload).is_some_and(|e| e.is_key) {
            return false;
        }
        if self.knows(ssrc, timestamp) {
            return false;
        }
        // A press longer than the duration field is sent on as a new segment
        // that begins where the first one ended (§2.5.1.3).
        let continues = self.knows(ssrc, timestamp.wrapping_sub(u32::from(u16::MAX)));
        self.recent[self.next] = Some((ssrc, timestamp));
        self.next = (self.next + 1) % REMEMBERED;
        self.total += u64::from(!continues);
        !continues
    }

    /// Presses so far.
    pub fn total(&self) -> u64 {
        self.total
    }

    fn knows(&self, ssrc: u32, timestamp: u32) -> bool {
        self.recent.contains(&Some((ssrc, timestamp)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_but_the_digit() {
        let e = TelephoneEvent::parse(&[7, 0x8A, 0x03, 0x20]).unwrap();
        assert_eq!(e, TelephoneEvent { is_key: true, end: true, volume: 10, duration: 800 });
        assert_eq!(TelephoneEvent::parse(&[1, 2, 3]), None);
        assert!(!format!("{e:?}").contains('7'));
    }

    #[test]
    fn one_press_has_one_timestamp() {
        let mut keys = KeyPresses::new();
        let packet = [5, 10, 0, 160];
        assert!(keys.on_packet(1, 1000, &packet));
        for _ in 0..5 {
            assert!(!keys.on_packet(1, 1000, &[5, 0x8A, 3, 32]));
        }
        assert!(keys.on_packet(1, 2000, &packet));
        assert!(!keys.on_packet(1, 1000, &packet), "a late packet of the first press");
        assert!(keys.on_packet(2, 1000, &packet), "another source");
        assert!(!keys.on_packet(1, 3000, &[16, 10, 0, 160]), "a flash is no key");
        assert_eq!(keys.total(), 3);
    }

    #[test]
    fn a_very_long_press_is_one() {
        let mut keys = KeyPresses::new();
        assert!(keys.on_packet(1, u32::MAX - 5, &[1, 10, 0xFF, 0xFF]));
        assert!(!keys.on_packet(1, (u32::MAX - 5).wrapping_add(0xFFFF), &[1, 10, 0, 80]));
        assert_eq!(keys.total(), 1);
    }
}
