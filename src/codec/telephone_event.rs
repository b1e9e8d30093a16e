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
//! Keys carry card numbers and PINs. The event code is looked at to tell keys from
//! other signals and one press from the next, and kept in no type that could be
//! printed or stored.

use super::def::{CodecDef, PayloadRole};
use super::key_sequence::DtmfKey;
use crate::time::{NS_PER_MS, NS_PER_S};

/// RFC 4733.
pub const TELEPHONE_EVENT: CodecDef =
    CodecDef { names: &["telephone-event"], role: PayloadRole::TelephoneEvent, ..CodecDef::UNKNOWN };

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

/// What is known of an event packet besides its payload.
#[derive(Clone, Copy, Debug)]
pub struct EventPacket {
    /// RTP timestamp as it came.
    pub timestamp: u32,
    /// Arrival, nanoseconds from any fixed point.
    pub at_ns: i64,
    /// Units of durations and timestamps a second.
    pub clock_hz: u32,
}

/// Presses remembered to recognise their late and repeated packets.
const REMEMBERED: usize = 16;
/// How unevenly packets of one press may come.
const UNEVEN_NS: i64 = 70 * NS_PER_MS;
/// A press is over when nothing has been heard of it for so long.
const FORGOTTEN_NS: i64 = NS_PER_S;
/// The end is repeated within this (§2.5.1.4: three times, a packet's length apart).
const END_REPEATED_NS: i64 = 120 * NS_PER_MS;

/// A duration that another packet could carry past what its field holds.
const NEARLY_FULL: u16 = u16::MAX - 9600;

/// The press that was heard last, as far as it has come.
#[derive(Clone, Copy, Debug)]
struct Press {
    key: DtmfKey,
    timestamp: u32,
    at_ns: i64,
    duration: u16,
    end: bool,
}

/// Counts key presses of one source: all packets of one press share the RTP
/// timestamp (§2.5.1.2), however often the last is repeated.
///
/// Some senders give each packet a new timestamp. Their presses are told by the
/// duration, which grows as fast as time passes, until the end has been said.
#[derive(Clone, Debug, Default)]
pub struct KeyPresses {
    recent: [Option<u32>; REMEMBERED],
    next: usize,
    last: Option<Press>,
    total: u64,
}

impl KeyPresses {
    /// Nothing pressed yet.
    pub fn new() -> KeyPresses {
        KeyPresses::default()
    }

    /// Takes one event packet; its key when it belongs to a press not seen before.
    pub fn on_packet(&mut self, packet: EventPacket, payload: &[u8]) -> Option<DtmfKey> {
        let event = TelephoneEvent::parse(payload)?;
        let key = DtmfKey::of_event(*payload.first()?)?;
        let EventPacket { timestamp, at_ns, .. } = packet;
        let TelephoneEvent { duration, end, .. } = event;
        let press = Press { key, timestamp, at_ns, duration, end };
        let is_known = self.knows(timestamp);
        let begins = is_known && self.last.is_some_and(|last| last.is_before(&press));
        let continues = (is_known && !begins)
            || self.knows(timestamp.wrapping_sub(u32::from(u16::MAX)))
            || self.last.is_some_and(|last| last.goes_on_with(&press, packet.clock_hz));
        if !is_known {
            self.recent[self.next] = Some(timestamp);
            self.next = (self.next + 1) % REMEMBERED;
        }
        if !continues || self.last.is_none_or(|l| l.key == press.key && l.at_ns <= at_ns) {
            self.last = Some(press);
        }
        self.total += u64::from(!continues);
        (!continues).then_some(key)
    }

    /// Presses so far.
    pub fn total(&self) -> u64 {
        self.total
    }

    fn knows(&self, timestamp: u32) -> bool {
        self.recent.contains(&Some(timestamp))
    }
}

impl Press {
    /// The next packet is of another press, though its timestamp stands still.
    fn is_before(&self, next: &Press) -> bool {
        let passed_ns = next.at_ns - self.at_ns;
        let is_shorter = next.duration < self.duration && !next.end && passed_ns >= END_REPEATED_NS;
        next.timestamp == self.timestamp && (next.key != self.key || is_shorter)
    }

    /// The next packet is of the same press, by all but its timestamp.
    fn goes_on_with(&self, next: &Press, clock_hz: u32) -> bool {
        let passed_ns = next.at_ns - self.at_ns;
        if next.key != self.key || !(-UNEVEN_NS..FORGOTTEN_NS).contains(&passed_ns) {
            return false;
        }
        // A press longer than the duration field is sent on as a new segment that begins where
        // the first one ended (§2.5.1.3).
        let since = next.timestamp.wrapping_sub(self.timestamp);
        if !self.end && self.duration >= NEARLY_FULL && since == u32::from(self.duration) {
            return true;
        }
        if self.end || next.duration == self.duration {
            return next.end && next.duration >= self.duration && passed_ns < END_REPEATED_NS;
        }
        let grown = i64::from(next.duration) - i64::from(self.duration);
        let grown_ns = grown * NS_PER_S / i64::from(clock_hz.max(1));
        grown > 0 && (grown_ns - passed_ns).abs() <= UNEVEN_NS
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

    fn packet(timestamp: u32, at_ms: i64) -> EventPacket {
        EventPacket { timestamp, at_ns: at_ms * NS_PER_MS, clock_hz: 8000 }
    }

    /// A press of five packets that grow and three that end it; `moves`: the timestamp with each packet.
    fn press(keys: &mut KeyPresses, key: u8, ts: u32, at_ms: i64, moves: u32, ends: i64) -> u64 {
        let before = keys.total();
        for i in 0..5 + ends {
            let duration = (160 * (i.min(5) + 1)) as u16;
            let [hi, lo] = duration.to_be_bytes();
            let end = if i >= 5 { 0x80 } else { 0 };
            keys.on_packet(packet(ts + moves * i as u32, at_ms + 20 * i), &[key, end | 10, hi, lo]);
        }
        keys.total() - before
    }

    #[test]
    fn one_press_has_one_timestamp() {
        let mut keys = KeyPresses::new();
        let payload = [5, 10, 0, 160];
        assert!(keys.on_packet(packet(1000, 0), &payload).is_some());
        for i in 0..5 {
            assert!(keys.on_packet(packet(1000, 20 + 20 * i), &[5, 0x8A, 3, 32]).is_none());
        }
        assert!(keys.on_packet(packet(2000, 300), &payload).is_some());
        assert!(keys.on_packet(packet(1000, 310), &payload).is_none(), "a late packet of the first press");
        assert!(keys.on_packet(packet(3000, 320), &[16, 10, 0, 160]).is_none(), "a flash is no key");
        assert_eq!(keys.total(), 2);
        assert!(!format!("{keys:?}").contains("Key("));
    }

    #[test]
    fn a_press_whose_stamps_move_is_one() {
        for moves in [1, 20, 160, 999_983] {
            let mut keys = KeyPresses::new();
            for (n, at) in (0..).zip([0, 400, 560, 720, 3000]) {
                let key = [7, 7, 7, 3, 7][n as usize];
                assert_eq!(press(&mut keys, key, n * 100_000_000, at, moves, 3), 1, "{moves} {n}");
            }
        }
    }

    #[test]
    fn quick_presses_of_one_key_are_told_apart_though_ends_are_lost() {
        for moves in [0, 160] {
            for gap in [110, 140, 300] {
                let mut keys = KeyPresses::new();
                let each: Vec<_> =
                    (0..6).map(|n| press(&mut keys, 1, n as u32 * 50_000, n * gap, moves, 0)).collect();
                assert_eq!(each, [1; 6], "{moves} {gap}");
            }
        }
    }

    #[test]
    fn presses_whose_stamps_stand_still_are_told_apart() {
        for ts in [0, 4711] {
            for (ends, gap) in [(3, 400), (3, 1500), (0, 300), (1, 250)] {
                let mut keys = KeyPresses::new();
                let each: Vec<_> = (0..5).map(|n| press(&mut keys, 4, ts, n * gap, 0, ends)).collect();
                assert_eq!(each, [1; 5], "{ts} {ends} {gap}");
            }
            let mut keys = KeyPresses::new();
            let each: Vec<_> = (0..5).map(|n| press(&mut keys, n as u8, ts, n * 180, 0, 3)).collect();
            assert_eq!(each, [1; 5], "{ts}");
        }
    }

    #[test]
    fn a_long_press_is_one_wherever_its_segments_end() {
        for full in [u16::MAX, 65_440, 64_000] {
            let mut keys = KeyPresses::new();
            let mut count = 0;
            for segment in 0..3_u32 {
                for duration in (160..=full).step_by(160).chain([full]) {
                    let at_ms = i64::from(segment * u32::from(full) + u32::from(duration)) / 8;
                    let [hi, lo] = duration.to_be_bytes();
                    let p = packet(77 + segment * u32::from(full), at_ms);
                    count += u32::from(keys.on_packet(p, &[9, 10, hi, lo]).is_some());
                }
            }
            assert_eq!(count, 1, "{full}");
        }
    }

    #[test]
    fn a_very_long_press_is_one() {
        let mut keys = KeyPresses::new();
        assert!(keys.on_packet(packet(u32::MAX - 5, 0), &[1, 10, 0xFF, 0xFF]).is_some());
        assert!(keys.on_packet(packet((u32::MAX - 5).wrapping_add(0xFFFF), 9000), &[1, 10, 0, 80]).is_none());
        assert_eq!(keys.total(), 1);
    }
}
