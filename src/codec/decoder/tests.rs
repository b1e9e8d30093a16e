//! The decoder as a whole: places, lengths, errors, and payloads of strangers.

use super::*;
use crate::codec::g711;

fn spec(name: &str, clock: u32, channels: u8) -> CodecSpec {
    CodecSpec::from_rtpmap(97, Some(name), Some(clock), Some(channels))
}

fn every_codec() -> Vec<CodecSpec> {
    vec![
        spec("PCMU", 8000, 1),
        spec("PCMA", 8000, 1),
        spec("G722", 8000, 1),
        spec("opus", 48_000, 2),
        spec("L16", 8000, 1),
        spec("L16", 44_100, 2),
        spec("L16", 16_000, 255),
        spec("CN", 8000, 1),
        spec("GSM", 8000, 1),
        spec("G726-16", 8000, 1),
        spec("G726-24", 8000, 1),
        spec("AAL2-G726-32", 8000, 1),
        spec("G726-40", 8000, 1),
    ]
}

/// xorshift64*: the same payloads on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn fill(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.next() >> 56) as u8).collect()
    }
}

#[test]
fn g711_is_its_table_exactly() {
    let all: Vec<u8> = (0..=255).collect();
    let mut out = vec![1, 2];
    Decoder::new(&spec("PCMA", 8000, 1), 8000).unwrap().decode(&all, &mut out).unwrap();
    assert_eq!(out[..2], [1, 2], "appended, not replaced");
    assert_eq!(out[2..], g711::ALAW);
    out.clear();
    Decoder::new(&spec("PCMU", 8000, 1), 8000).unwrap().decode(&all, &mut out).unwrap();
    assert_eq!(out, g711::MULAW);
}

#[test]
fn a_click_keeps_its_place_at_another_rate() {
    for to in [16_000, 48_000] {
        let mut decoder = Decoder::new(&spec("L16", 8000, 1), to).unwrap();
        let mut timeline: Vec<i16> = Vec::new();
        for packet in 0..10usize {
            let mut samples = [0i16; 160];
            if packet == 4 {
                samples[100] = 20_000;
            }
            let payload: Vec<u8> = samples.iter().flat_map(|s| s.to_be_bytes()).collect();
            let at = packet * 20 * to as usize / 1000 - decoder.lag();
            assert_eq!(at, timeline.len(), "lag says where output belongs");
            decoder.decode(&payload, &mut timeline).unwrap();
        }
        decoder.finish(&mut timeline);
        assert_eq!(timeline.len(), to as usize / 5);
        let loudest = (0..timeline.len()).max_by_key(|&i| timeline[i].unsigned_abs()).unwrap();
        assert_eq!(loudest, (4 * 160 + 100) * to as usize / 8000);
    }
}

#[test]
fn lengths_add_up_over_mixed_packets_and_losses() {
    for spec in every_codec().into_iter().filter(|s| s.is_sound() && !s.def.tells_time) {
        for to in [8000, 16_000, 48_000] {
            let mut decoder = Decoder::new(&spec, to).unwrap();
            let mut out = Vec::new();
            let mut native = 0u64;
            let mut concealed = 0u64;
            for i in 0..200usize {
                // An octet that GSM takes for the beginning of a frame.
                let payload = vec![0xDD; 40 + i * 7 % 600 + 600];
                decoder.decode(&payload, &mut out).unwrap();
                native += spec.native_samples_in(&payload) as u64;
                decoder.conceal(33, &mut out);
                concealed += 33;
            }
            decoder.finish(&mut out);
            let wanted = native * u64::from(to) / u64::from(spec.native_rate_hz()) + concealed;
            assert!((out.len() as u64).abs_diff(wanted) <= 7, "{spec:?} {to}: {} {wanted}", out.len());
        }
    }
}

#[test]
fn a_loss_and_the_payload_after_it_are_as_long_as_they_should_be() {
    for spec in every_codec().into_iter().filter(|s| s.is_sound() && !s.def.tells_time) {
        for to in [8000, 16_000, 48_000] {
            let mut decoder = Decoder::new(&spec, to).unwrap();
            let payload = [0xDD; 660];
            let (mut lost, mut own) = (Vec::new(), Vec::new());
            decoder.decode(&payload, &mut own).unwrap();
            decoder.finish(&mut own);
            own.clear();
            for _ in 0..9 {
                decoder.decode_after_loss(to as usize / 50, &payload, &mut lost, &mut own).unwrap();
            }
            decoder.finish(&mut own);
            let wanted = 9 * (to as usize / 50 + decoder.samples_in(&payload));
            assert!((lost.len() + own.len()).abs_diff(wanted) <= 9, "{spec:?} {to}");
            let (before, length) = (own.len(), lost.len());
            let too_short = Err(DecodeError::TooShort(0));
            assert_eq!(decoder.decode_after_loss(100, &[], &mut lost, &mut own), too_short);
            assert_eq!(own.len(), before);
            assert!(lost.len() + decoder.lag() + 7 >= length + 100, "{spec:?} {to}");
        }
    }
}

#[test]
fn nothing_is_appended_on_error() {
    for spec in every_codec() {
        let mut decoder = Decoder::new(&spec, 16_000).unwrap();
        let mut out = vec![9];
        assert_eq!(decoder.decode(&[], &mut out), Err(DecodeError::TooShort(0)), "{spec:?}");
        let giant = vec![0x80; MAX_PAYLOAD + 1];
        assert_eq!(decoder.decode(&giant, &mut out), Err(DecodeError::TooLong(65_536)));
        assert_eq!(out, [9]);
    }
    let mut out = Vec::new();
    let mut l16 = Decoder::new(&spec("L16", 8000, 2), 8000).unwrap();
    assert_eq!(l16.decode(&[1, 2, 3], &mut out), Err(DecodeError::TooShort(3)));
}

#[test]
fn comfort_noise_is_no_sound_and_keys_are_no_codec() {
    let mut out = Vec::new();
    Decoder::new(&spec("CN", 8000, 1), 48_000).unwrap().decode(&[0x40, 3], &mut out).unwrap();
    assert!(out.is_empty());
    let keys = Decoder::new(&spec("telephone-event", 8000, 1), 8000);
    assert_eq!(keys.err(), Some(UnsupportedCodec::Codec("telephone-event".into())));
    assert!(Decoder::new(&spec("speex", 16_000, 1), 8000).is_err());
    assert!(Decoder::new(&spec("PCMA", 8000, 1), 0).is_err());
    assert!(Decoder::new(&spec("PCMA", 8000, 1), 12_345).is_err());
}

#[test]
fn reset_gives_what_a_new_decoder_gives() {
    let mut random = Random(42);
    for spec in every_codec() {
        let payloads: Vec<Vec<u8>> = (0..20).map(|_| random.fill(180)).collect();
        let run = |decoder: &mut Decoder| {
            let mut out = Vec::new();
            for (i, payload) in payloads.iter().enumerate() {
                match i % 7 {
                    3 => decoder.conceal(320, &mut out),
                    _ => drop(decoder.decode(payload, &mut out)),
                }
            }
            out
        };
        let mut decoder = Decoder::new(&spec, 16_000).unwrap();
        let first = run(&mut decoder);
        decoder.reset();
        assert_eq!(first, run(&mut decoder), "{spec:?}");
    }
}

/// Payloads at random: no panic, and never more than the payload amounts to.
#[test]
fn strangers_payloads() {
    for (seed, spec) in every_codec().into_iter().enumerate() {
        // ADPCM costs most without optimisation: shorter payloads, no conversion.
        let is_slow = ["G722", "G726-32"].iter().any(|n| spec.def.is_called(n));
        let rate = if is_slow { spec.native_rate_hz() } else { [8000, 16_000, 48_000][seed % 3] };
        let usual = if is_slow { 6 } else { 24 };
        let mut decoder = Decoder::new(&spec, rate).unwrap();
        let mut random = Random(0x9E37_79B9 + seed as u64);
        let noise = random.fill(4096);
        let mut out = Vec::new();
        for i in 0..100_000 {
            let r = random.next();
            let longest = if i % 1000 == 0 { 2000 } else { usual };
            let len = (r >> 32) as usize % longest;
            let start = r as usize % (noise.len() - len);
            let payload = &noise[start..start + len];
            out.clear();
            let lag = decoder.lag();
            match decoder.decode(payload, &mut out) {
                Ok(()) => assert!(out.len() <= decoder.samples_in(payload) + lag + 1),
                Err(_) => assert!(out.is_empty()),
            }
            if r & 0xFF == 0 {
                decoder.conceal(len, &mut out);
            }
            if r & 0xFFFF == 1 {
                decoder.reset();
            }
        }
    }
}
