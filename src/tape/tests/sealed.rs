//! Tapes of SRTP: keys told early, late and anew, and what strangers send beside it.

use super::*;
use crate::rtp::srtp::{SUITES, SrtpKey};

fn key(seed: u8) -> Arc<SrtpKey> {
    Arc::new(SrtpKey::new(SUITES[0], &[seed; 30], &[]).expect("30 octets"))
}

impl Room {
    fn keys(&mut self, rank: u8, keys: &[Arc<SrtpKey>]) {
        self.tape.set_keys(Channel::Customer, rank, keys);
    }

    /// Sealed packets of one value from `from` to `to` (ms), and `beside` each of them.
    fn talk_sealed(
        &mut self,
        (sender, key, roc): (&mut Sender, &SrtpKey, u32),
        (from, to): (i64, i64),
        beside: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
        value: u8,
    ) {
        for at in (from..to).step_by(20) {
            let clear = sender.rtp(&[value; 160]);
            let sealed = key.seal(&clear, roc);
            if let Some(forged) = beside(&sealed) {
                self.hear(sender.rank, at * 1000 - 300, &forged);
            }
            self.hear(sender.rank, at * 1000, &sealed);
        }
    }
}

const ALONE: fn(&[u8]) -> Option<Vec<u8>> = |_| None;

#[test]
fn a_sealed_stream_is_sound_in_either_profile_and_in_mid_call() {
    for (encrypted, roc) in [(true, 0), (false, 0), (true, 3), (true, 30)] {
        let (mut room, k) = (Room::new(), key(1));
        room.formats(0, &[(8, "PCMA")], encrypted);
        room.keys(0, &[key(2), Arc::clone(&k)]);
        room.talk_sealed((&mut Sender::new(0, 1), &k, roc), (0, 2000), &ALONE, 0x31);
        let (report, sound) = room.close(2000);
        // Until the wraps are found packets are silence, and said to be missing.
        assert_eq!(report.is_complete(), roc < 6, "{encrypted} {roc}");
        assert!(share(&sound, 120, 2000, 0x31) > 0.99, "{encrypted} {roc}");
        let audible = sound.iter().filter(|s| **s != 0 && **s != value(0x31)).count();
        assert_eq!(audible, 0, "{encrypted} {roc}: noise");
        assert!(report.counts.opened >= 94 && report.counts.rejected == 0, "{:?}", report.counts);
    }
}

#[test]
fn what_is_forged_into_a_sealed_stream_is_not_heard() {
    type Forge = fn(&[u8]) -> Vec<u8>;
    let forges: [Forge; 4] = [
        // In clear, of the same source, with its next number.
        |sealed| [&sealed[..12], &[0x77; 160]].concat(),
        // Of its length.
        |sealed| [&sealed[..12], &[0x77; 170]].concat(),
        // Changed on its way.
        |sealed| {
            let mut changed = sealed.to_vec();
            changed[50] ^= 0xFF;
            changed
        },
        // Under another key.
        |sealed| key(9).seal(&[&sealed[..12], &[0x77; 160]].concat(), 0),
    ];
    for (n, forge) in forges.into_iter().enumerate() {
        let (mut room, k) = (Room::new(), key(1));
        room.formats(0, &[(8, "PCMA")], true);
        room.keys(0, &[Arc::clone(&k)]);
        let mut sender = Sender::new(0, 1);
        room.talk_sealed((&mut sender, &k, 0), (0, 400), &ALONE, 0x31);
        room.talk_sealed((&mut sender, &k, 0), (400, 2000), &|sealed| Some(forge(sealed)), 0x31);
        let (report, sound) = room.close(2000);
        assert!(share(&sound, 0, 2000, 0x31) > 0.999, "{n}");
        assert!(report.is_complete(), "{n}");
        // Shown as nauhuri_rtp_unusable_total{reason="unauthentic"}.
        assert_eq!((report.counts.opened, report.counts.rejected), (100, 80), "{n}");
    }
}

#[test]
fn new_keys_and_keys_told_late() {
    let (mut room, old, new) = (Room::new(), key(1), key(2));
    room.formats(0, &[(8, "PCMA")], true);
    let mut sender = Sender::new(0, 1);
    room.talk_sealed((&mut sender, &old, 0), (0, 200), &ALONE, 0x11);
    room.keys(0, &[Arc::clone(&old)]);
    room.talk_sealed((&mut sender, &old, 0), (200, 800), &ALONE, 0x21);
    room.keys(0, &[Arc::clone(&new)]);
    room.talk_sealed((&mut sender, &old, 0), (800, 900), &ALONE, 0x31);
    room.talk_sealed((&mut sender, &new, 0), (900, 1500), &ALONE, 0x41);
    let (report, sound) = room.close(1500);
    assert!(!report.is_complete(), "what came before the keys is missing");
    assert!(sound[..1400].iter().all(|s| *s == 0), "and silent");
    for (from, to, code) in [(220, 780, 0x21), (820, 880, 0x31), (920, 1480, 0x41)] {
        assert!(share(&sound, from, to, code) > 0.99, "{from}");
    }
}

#[test]
fn a_stream_in_clear_is_heard_whatever_keys_are_told() {
    for encrypted in [true, false] {
        let mut room = Room::new();
        room.formats(0, &[(8, "PCMA")], encrypted);
        room.keys(0, &[key(1)]);
        let mut sender = [(Sender::new(0, 1), 0)];
        room.talk(&mut sender, 0, 3000, 0x31);
        let (report, sound) = room.close(3000);
        assert!(share(&sound, 500, 2900, 0x31) > 0.9, "{encrypted}");
        assert_eq!((report.counts.opened, report.counts.rejected), (0, 0));
    }
}

#[test]
fn a_stream_goes_on_in_clear_where_the_keys_are_given_up() {
    let (mut room, k) = (Room::new(), key(1));
    room.formats(0, &[(8, "PCMA")], true);
    room.keys(0, &[Arc::clone(&k)]);
    let mut sender = Sender::new(0, 1);
    room.talk_sealed((&mut sender, &k, 0), (0, 1000), &ALONE, 0x31);
    room.formats(0, &[(8, "PCMA")], false);
    room.keys(0, &[]);
    // What is under way, and then the same stream.
    room.talk_sealed((&mut sender, &k, 0), (1000, 1060), &ALONE, 0x41);
    let mut clear = [(sender, 0)];
    room.talk(&mut clear, 1060, 3000, 0x21);
    let (report, sound) = room.close(3000);
    assert!(report.is_complete());
    for (from, to, code) in [(0, 1000, 0x31), (1000, 1060, 0x41), (1080, 3000, 0x21)] {
        assert!(share(&sound, from, to, code) > 0.99, "{from}");
    }
}

#[test]
fn what_goes_on_under_a_key_that_nobody_saw_is_missing() {
    // Another key of the same suite; one of a suite that is not known, which tells no keys.
    for is_told in [true, false] {
        let (mut room, k) = (Room::new(), key(1));
        room.formats(0, &[(8, "PCMA")], true);
        room.keys(0, &[Arc::clone(&k)]);
        let mut sender = Sender::new(0, 1);
        room.talk_sealed((&mut sender, &k, 0), (0, 1000), &ALONE, 0x31);
        if !is_told {
            room.keys(0, &[]);
        }
        room.talk_sealed((&mut sender, &key(7), 0), (1000, 3000), &ALONE, 0x41);
        let (report, sound) = room.close(3000);
        assert!(!report.is_complete(), "{is_told}");
        assert!(share(&sound, 0, 980, 0x31) > 0.99, "{is_told}");
        assert!(sound[1060 * 8..].iter().all(|s| *s == 0), "{is_told}: noise");
    }
}

#[test]
fn packets_that_an_offload_joined_are_opened_one_by_one() {
    for every in [1, 5] {
        let (mut room, k) = (Room::new(), key(1));
        room.formats(0, &[(8, "PCMA")], true);
        room.keys(0, &[Arc::clone(&k)]);
        let mut sender = Sender::new(0, 1);
        for (n, at) in (0..3000).step_by(60).enumerate() {
            let [a, b, c] = [(); 3].map(|()| k.seal(&sender.rtp(&[0x31; 160]), 0));
            if n % every == 0 {
                room.hear(0, at * 1000, &[a, b, c].concat());
            } else {
                [(0, a), (20, b), (40, c)].iter().for_each(|(ms, p)| room.hear(0, (at + ms) * 1000, p));
            }
        }
        let (report, sound) = room.close(3000);
        assert_eq!((report.counts.opened, report.counts.rejected), (150, 0), "{every}");
        assert!(report.is_complete(), "{every}");
        assert!(share(&sound, 100, 2900, 0x31) > 0.95, "{every}");
    }
}

#[test]
fn nothing_in_clear_takes_the_place_of_a_sealed_stream() {
    let (mut room, k) = (Room::new(), key(1));
    room.formats(0, &[(8, "PCMA")], true);
    room.keys(0, &[Arc::clone(&k)]);
    let mut sender = Sender::new(0, 1);
    room.talk_sealed((&mut sender, &k, 0), (0, 400), &ALONE, 0x31);
    // Another source from the same address, with the right next numbers.
    let beside = |sealed: &[u8]| Some([&sealed[..8], &[0, 0, 0, 2], &[0x77; 160][..]].concat());
    room.talk_sealed((&mut sender, &k, 0), (400, 2000), &beside, 0x31);
    let (report, sound) = room.close(2000);
    assert!(report.is_complete());
    assert!(share(&sound, 0, 2000, 0x31) > 0.999);
}
