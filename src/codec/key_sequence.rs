//! Keys pressed one after another, as far as it takes to recognise a sequence that was configured.
//!
//! Which keys are pressed is nobody's business: a [`DtmfKey`] can be compared and says nothing
//! of itself, and no more are remembered than the longest sequence has.

use crate::config::{PauseRules, Switch};
use crate::time::NS_PER_S;
use smallvec::SmallVec;
use std::fmt;

/// Keys further apart belong to no sequence.
const APART_NS: i64 = 3 * NS_PER_S;
/// Longest sequence.
const MAX_KEYS: usize = 8;

/// A key, for comparing and nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DtmfKey(u8);

impl DtmfKey {
    /// By its event code (RFC 4733 §3.2): 0 to 9, 10 for `*`, 11 for `#`, 12 to 15 for A to D.
    pub fn of_event(code: u8) -> Option<DtmfKey> {
        (code <= 15).then_some(DtmfKey(code))
    }

    /// By what is printed on it.
    pub fn of_char(c: u8) -> Option<DtmfKey> {
        match c {
            b'0'..=b'9' => Some(DtmfKey(c - b'0')),
            b'*' => Some(DtmfKey(10)),
            b'#' => Some(DtmfKey(11)),
            b'A'..=b'D' => Some(DtmfKey(c - b'A' + 12)),
            b'a'..=b'd' => Some(DtmfKey(c - b'a' + 12)),
            _ => None,
        }
    }
}

impl fmt::Debug for DtmfKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// Keys to be pressed one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySequence(SmallVec<[DtmfKey; MAX_KEYS]>);

impl KeySequence {
    /// Reads `*1`; `None` where that is empty, too long or has other characters.
    pub fn parse(text: &str) -> Option<KeySequence> {
        let keys: Option<SmallVec<_>> = text.bytes().map(DtmfKey::of_char).collect();
        keys.filter(|k| (1..=MAX_KEYS).contains(&k.len())).map(KeySequence)
    }
}

/// The sequences that pause a recording and resume it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PauseKeys([Option<KeySequence>; 2]);

impl PauseKeys {
    /// From a checked configuration; `None` where keys mean nothing.
    pub fn new(rules: &PauseRules) -> Option<PauseKeys> {
        let sequences = [&rules.start_keys, &rules.stop_keys].map(|text| KeySequence::parse(text));
        sequences.iter().any(Option::is_some).then_some(PauseKeys(sequences))
    }

    /// What the agent's keys ask for, if this one, pressed at `at_ns`, completes something.
    pub fn press(&self, pressed: &mut PressedKeys, key: DtmfKey, at_ns: i64) -> Option<Switch> {
        match pressed.press(key, at_ns, &self.0)? {
            0 => Some(Switch::Pause),
            _ => Some(Switch::Resume),
        }
    }
}

/// The last keys that somebody pressed.
#[derive(Clone, Debug, Default)]
pub struct PressedKeys(SmallVec<[(i64, DtmfKey); MAX_KEYS]>);

impl PressedKeys {
    /// Another key at `at_ns`, from any fixed point; which of `sequences` it completes, if one.
    fn press(&mut self, key: DtmfKey, at_ns: i64, sequences: &[Option<KeySequence>]) -> Option<usize> {
        if self.0.last().is_some_and(|(last, _)| at_ns - last > APART_NS) {
            self.0.clear();
        }
        if self.0.len() == MAX_KEYS {
            self.0.remove(0);
        }
        self.0.push((at_ns, key));
        let ends_with = |sequence: &KeySequence| {
            let from = self.0.len().checked_sub(sequence.0.len());
            from.is_some_and(|from| self.0[from..].iter().zip(&sequence.0).all(|((_, a), b)| a == b))
        };
        let done = sequences.iter().position(|s| s.as_ref().is_some_and(ends_with));
        if done.is_some() {
            self.0.clear();
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which sequences these keys complete, pressed half a second apart; `.` waits four seconds.
    fn completed(keys: &str) -> Vec<usize> {
        let sequences = ["*1", "*22"].map(KeySequence::parse);
        let (mut pressed, mut at, mut out) = (PressedKeys::default(), 0, Vec::new());
        for c in keys.bytes() {
            at += if c == b'.' { 4 * NS_PER_S } else { NS_PER_S / 2 };
            out.extend(DtmfKey::of_char(c).and_then(|key| pressed.press(key, at, &sequences)));
        }
        out
    }

    #[test]
    fn a_sequence_is_its_keys_in_order_and_in_time() {
        assert_eq!(completed("*1"), [0]);
        assert_eq!(completed("99**1"), [0]);
        assert_eq!(completed("*.1"), [0; 0]);
        assert_eq!(completed("*21"), [0; 0]);
        assert_eq!(completed("*22*1*22"), [1, 0, 1]);
        assert_eq!(completed("1*"), [0; 0]);
        assert_eq!(completed("12345678901234567890*1"), [0]);
    }

    #[test]
    fn keys_say_nothing_of_themselves() {
        let key = DtmfKey::of_char(b'7').unwrap();
        assert_eq!(DtmfKey::of_event(7), Some(key));
        assert_eq!(DtmfKey::of_char(b'#'), DtmfKey::of_event(11));
        assert_eq!(DtmfKey::of_char(b'b'), DtmfKey::of_event(13));
        assert_eq!((DtmfKey::of_event(16), DtmfKey::of_char(b'x')), (None, None));
        let mut pressed = PressedKeys::default();
        pressed.press(key, 0, &[]);
        assert!(!format!("{pressed:?} {key:?}").contains('7'));
        assert_eq!(
            [KeySequence::parse(""), KeySequence::parse("123456789"), KeySequence::parse("1x")],
            [None, None, None]
        );
    }
}
