//! Whether a stream is in clear, by what it shows of itself.
//!
//! Signalling and key agreements say that a stream is encrypted; both may be forged, refused
//! or misread, and a stream that can be decoded is never given up for them. What tells is
//! the length of a payload beside the step of the timestamp: sound in clear lasts as long as
//! its timestamp moves, and SRTP puts an authentication tag behind it (RFC 3711 §4.2; 4 to 16
//! octets, RFC 3711, RFC 7714), which makes it longer; of a codec whose packets say how long they last (RFC
//! 6716 §3.1) what was encrypted says anything. SRTP without a tag is rare and may be had
//! (RFC 4568 §6.3.3): where both sides have agreed on keys, sound has to look like sound as well.
//! What is encrypted has every octet alike often, speech and silence have not.

use crate::rtp::seq::ts_diff;

/// Votes looked at: what a stream was before tells little of what it is.
const WINDOW: u32 = 8;
/// So many of one kind, and more than of the other, are proof.
const ENOUGH: u32 = 2;
/// Octets that are looked at before anything is said of them.
const ENOUGH_OCTETS: u32 = 320;
/// And no more than about so many: what was before tells little.
const MANY_OCTETS: u32 = 2048;
/// Chi-square, 15 degrees of freedom, that chance gives once in 10^14.
const UNEVEN: f64 = 100.0;
/// Steps longer than this many units are pauses.
const LONG_TICKS: i64 = 96_000;

/// What a packet looks like, beside those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Look {
    /// Too little is known yet: those after it will tell.
    #[default]
    Unknown,
    /// In clear.
    Clear,
    /// Encrypted.
    Sealed,
}

/// The last packets of one source, as far as they prove anything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Proof {
    last: Option<LastPacket>,
    /// The newest vote in the lowest bit: 1 for clear. How many there are.
    votes: u8,
    count: u32,
    /// How often the upper half of an octet was what.
    halves: [u16; 16],
}

#[derive(Clone, Copy, Debug)]
struct LastPacket {
    seq: u16,
    ts: u32,
    /// How long the payload lasts if it is in clear, units of the timestamp.
    ticks: i64,
}

impl Proof {
    /// The next packet, whose payload lasts so many `ticks` if it is in clear; zero where nobody
    /// knows. What is to be thought of the packet before it, now that it is known how long that was.
    pub fn note(&mut self, seq: u16, ts: u32, ticks: i64) -> Look {
        let last = self.last.replace(LastPacket { seq, ts, ticks });
        let Some(last) = last.filter(|l| l.seq.wrapping_add(1) == seq && l.ticks > 0 && ticks > 0) else {
            return Look::Unknown;
        };
        let step = i64::from(ts_diff(ts, last.ts));
        if step == last.ticks {
            self.vote(true);
            return if self.is_clear() { Look::Clear } else { Look::Unknown };
        }
        if (1..last.ticks).contains(&step) || (step > 0 && step < LONG_TICKS && last.ticks != ticks) {
            self.vote(false);
            return if self.is_sealed() { Look::Sealed } else { Look::Unknown };
        }
        Look::Unknown
    }

    /// What a payload looks like. Only where it matters: it costs a look at every octet.
    pub fn note_octets(&mut self, payload: &[u8]) {
        for octet in payload {
            self.halves[usize::from(octet >> 4)] += 1;
        }
        if self.octets() > MANY_OCTETS {
            self.halves.iter_mut().for_each(|n| *n /= 2);
        }
    }

    /// It looks like nothing that was encrypted.
    pub fn is_uneven(&self) -> bool {
        let octets = self.octets();
        let expected = f64::from(octets) / 16.0;
        let off = |n: &u16| (f64::from(*n) - expected).powi(2) / expected;
        octets >= ENOUGH_OCTETS && self.halves.iter().map(off).sum::<f64>() > UNEVEN
    }

    /// A packet that looks so is in clear.
    pub fn clears(&self, look: Look) -> bool {
        look == Look::Clear || (look == Look::Unknown && self.is_clear())
    }

    /// A packet that looks so is encrypted.
    pub fn seals(&self, look: Look) -> bool {
        look == Look::Sealed || (look == Look::Unknown && self.is_sealed())
    }

    /// It is in clear.
    fn is_clear(&self) -> bool {
        let (clear, other) = self.sides();
        clear >= ENOUGH && clear > other
    }

    /// It is not.
    fn is_sealed(&self) -> bool {
        let (clear, other) = self.sides();
        other >= ENOUGH && other > clear
    }

    fn octets(&self) -> u32 {
        self.halves.iter().map(|n| u32::from(*n)).sum()
    }

    fn vote(&mut self, clear: bool) {
        self.votes = self.votes << 1 | u8::from(clear);
        self.count = (self.count + 1).min(WINDOW);
    }

    fn sides(&self) -> (u32, u32) {
        let clear = self.votes.count_ones();
        (clear, self.count - clear)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets whose payloads last so long, by how far the stamp moves after each.
    fn proof(packets: &[(i64, u32)]) -> Proof {
        let (mut p, mut ts) = (Proof::default(), 0xFFFF_FF00);
        for (seq, (ticks, step)) in (0xFFFE_u16..=0xFFFF).chain(0..).zip(packets) {
            _ = p.note(seq, ts, *ticks);
            ts = ts.wrapping_add(*step);
        }
        p
    }

    #[test]
    fn lengths_that_fit_the_stamps_are_clear_and_tags_are_not() {
        assert!(proof(&[(160, 160); 4]).is_clear());
        for tag in [4, 8, 10, 16] {
            let p = proof(&[(160 + tag, 160); 4]);
            assert!(p.is_sealed() && !p.is_clear(), "{tag}");
        }
        let p = proof(&[(160, 160); 2]);
        assert!(!p.is_clear() && !p.is_sealed(), "one step proves nothing");
        let p = proof(&[(0, 960); 6]);
        assert!(!p.is_clear() && !p.is_sealed(), "of an unknown length");
    }

    #[test]
    fn a_stream_may_change_and_pauses_say_nothing() {
        let mut all = vec![(160, 160); 50];
        all.extend([(170, 160); 6]);
        assert!(proof(&all).is_sealed());
        all.extend([(160, 160); 6]);
        assert!(proof(&all).is_clear());
        let p = proof(&[(160, 4000), (160, 8000), (160, 2400), (160, 1600)]);
        assert!(!p.is_sealed() && !p.is_clear());
        assert!(proof(&[(160, 160), (160, 160), (160, 9000), (160, 160), (160, 160)]).is_clear());
    }

    #[test]
    fn packets_that_say_anything_of_their_length_are_no_sound() {
        let said = [480, 2880, 960, 120, 1920, 240, 2880, 480, 960, 120];
        assert!(proof(&said.map(|ticks| (ticks, 960))).is_sealed());
        assert!(proof(&[(960, 960); 5]).is_clear());
    }

    #[test]
    fn speech_and_silence_are_uneven_and_ciphertext_is_not() {
        let of = |octet: &mut dyn FnMut(usize) -> u8| {
            let mut p = Proof::default();
            for n in 0..20 {
                let payload: Vec<u8> = (0..160).map(|i| octet(160 * n + i)).collect();
                p.note_octets(&payload);
            }
            p.is_uneven()
        };
        let mut x = 0x2545_F491_4F6C_DD1D_u64;
        let mut noise = |_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            (x >> 24) as u8
        };
        assert!(!of(&mut noise));
        assert!(of(&mut |_| 0xD5), "silence");
        // A voice of many strengths, as G.711 has it: the sign, and a strength on a scale of logarithms.
        let mut voice = |i: usize| {
            let s = (i as f64 * 0.13).sin() * (i as f64 * 0.0021).sin().abs() * 4000.0;
            let strength = ((s.abs() + 1.0).log2() * 10.0) as u8;
            (strength & 0x7F | if s < 0.0 { 0x80 } else { 0 }) ^ 0x55
        };
        assert!(of(&mut voice));
        let mut few = Proof::default();
        few.note_octets(&[0xD5; 160]);
        assert!(!few.is_uneven(), "one packet is too few");
    }
}
