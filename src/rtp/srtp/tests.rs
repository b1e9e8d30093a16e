//! Packets that libsrtp sealed, and what must not be opened.

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

/// Packets sealed by libsrtp 2.5 (`srtp_protect`, `srtp_protect_mki`), wrapping round, with CSRCs and
/// an extension: suite, key and salt, wraps, identifier, in clear, sealed.
fn vectors() -> Vec<(SrtpKey, u32, Vec<u8>, Vec<u8>)> {
    let text = include_str!("../../../tests/data/srtp.txt");
    let vector = |line: &str| {
        let [suite, key, roc, mki, clear, sealed] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let mki = if mki == "-" { Vec::new() } else { bytes(mki) };
        let key = SrtpKey::new(SrtpSuite::named(suite).unwrap(), &bytes(key), &mki).unwrap();
        (key, roc.parse().unwrap(), bytes(clear), bytes(sealed))
    };
    text.lines().map(vector).collect()
}

#[test]
fn opens_what_libsrtp_sealed() {
    let mut out = vec![1, 2, 3];
    let all = vectors();
    for (key, roc, clear, sealed) in &all {
        assert!(key.open(sealed, *roc, &mut out), "{key:?}");
        assert_eq!(out, *clear, "{key:?}");
        assert!(!key.open(sealed, roc ^ 1, &mut out), "{key:?}: of another round");
    }
    let names: std::collections::BTreeSet<_> = all.iter().map(|(k, ..)| k.suite.name).collect();
    assert_eq!(names.len(), SUITES.len());
}

#[test]
fn what_was_changed_or_cut_opens_with_no_key() {
    let mut out = Vec::new();
    for (key, roc, _, sealed) in vectors() {
        for at in [1, 3, 9, 12, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 0x10;
            assert!(!key.open(&changed, roc, &mut out), "{key:?}: octet {at}");
        }
        for len in 0..sealed.len() {
            assert!(!key.open(&sealed[..len], roc, &mut out), "{key:?}: {len} octets");
        }
    }
}

#[test]
fn keys_of_a_wrong_length_are_none() {
    for suite in SUITES {
        let right = suite.key + suite.salt();
        for len in 0..70 {
            assert_eq!(SrtpKey::new(suite, &vec![7; len], &[]).is_some(), len == right, "{suite:?} {len}");
        }
    }
    assert_eq!(SrtpSuite::named("AES_CM_256_HMAC_SHA1_80"), SrtpSuite::named("AES_256_CM_HMAC_SHA1_80"));
    assert_eq!(SrtpSuite::named("F8_128_HMAC_SHA1_80"), None);
}

#[test]
fn wraps_are_guessed_from_the_newest() {
    for (seq, newest, roc, guess) in [
        (5, 4, 3, 3),
        (1, 0xFFFE, 3, 4),
        (0xFFFE, 1, 3, 2),
        (0xFFFE, 1, 0, u32::MAX),
        (0x7000, 0, 9, 9),
        (3, 9, 1, 1),
    ] {
        assert_eq!(guess_roc(seq, newest, roc), guess, "{seq} after {newest}");
    }
}

impl SrtpKey {
    /// What a sender makes of a packet; of the suites of RFC 3711.
    pub fn seal(&self, packet: &[u8], roc: u32) -> Vec<u8> {
        let SessionCipher::Counter { key, auth } = &self.cipher else { panic!("only counter mode") };
        let header = header_len(packet).expect("RTP");
        let mut out = packet.to_vec();
        let iv = self.counter_iv(&packet[8..12], roc, &packet[2..4]);
        apply_counter(key, &iv, &mut out[header..]).expect("a key of AES");
        let mut auth = auth.clone();
        auth.update(&out);
        auth.update(&roc.to_be_bytes());
        out.extend(&auth.finalize().into_bytes()[..self.suite.tag]);
        out
    }
}
