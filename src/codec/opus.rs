//! Opus (RFC 6716, in RTP RFC 7587) through libopus.
//!
//! The decoder gives mono at the rate asked for: libopus mixes stereo down and
//! decodes straight to 8, 12, 16, 24 or 48 kHz. Its own concealment is used, and the copy of a lost
//! packet in the one after it (in-band FEC) where there is one.

use opus::{Channels, Decoder, packet};

use super::conceal::MAX_CONCEALED_MS;
use super::def::{CodecDef, Decode, DecodeError, Impairment};

/// RFC 7587 §4.1: its clock ticks 48,000 times a second whatever was coded; some write less in
/// SDP, and still tick so.
pub const OPUS: CodecDef = CodecDef {
    names: &["opus"],
    clock_hz: Some(FULL_RATE_HZ),
    native_hz: Some(FULL_RATE_HZ),
    // No ITU figure exists; near-transparent and made for lossy networks.
    quality: Some(Impairment::wide(5.0, 20.0)),
    tells_time: true,
    samples_in: |_, payload, rate_hz| samples_in(payload, rate_hz).unwrap_or(0),
    decoder: Some(|_, output_hz| {
        let rate_hz = if RATES_HZ.contains(&output_hz) { output_hz } else { FULL_RATE_HZ };
        Some(Box::new(OpusDecoder::new(rate_hz)?))
    }),
    ..CodecDef::UNKNOWN
};

/// The highest rate, and that of the clock.
const FULL_RATE_HZ: u32 = 48_000;

/// Rates libopus decodes to.
pub const RATES_HZ: [u32; 5] = [8000, 12_000, 16_000, 24_000, 48_000];
/// The longest packet: 120 ms (RFC 6716 §3.2.5, R5).
const MAX_PACKET_MS: usize = 120;
/// Losses are concealed in pieces of at most this.
const CONCEAL_STEP_MS: usize = 20;
/// libopus conceals whole multiples of 2.5 ms: this many pieces a second.
const PIECES_PER_S: usize = 400;

/// Decoder of one stream.
#[derive(Debug)]
pub struct OpusDecoder {
    inner: Decoder,
    rate_hz: u32,
    /// Samples concealed since the last packet that decoded.
    concealed: usize,
}

impl OpusDecoder {
    /// Mono at one of [`RATES_HZ`]; `None` for any other.
    pub fn new(rate_hz: u32) -> Option<OpusDecoder> {
        let inner = Decoder::new(rate_hz, Channels::Mono).ok()?;
        Some(OpusDecoder { inner, rate_hz, concealed: 0 })
    }

    /// Appends the samples of one packet; on error nothing.
    fn decode_into(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), DecodeError> {
        let expected = samples_in(payload, self.rate_hz).ok_or(DecodeError::Corrupt)?;
        let start = out.len();
        out.resize(start + expected, 0);
        match self.inner.decode(payload, &mut out[start..], false) {
            Ok(n) => {
                out.truncate(start + n.min(expected));
                self.concealed = 0;
                Ok(())
            }
            Err(_) => {
                out.truncate(start);
                Err(DecodeError::Corrupt)
            }
        }
    }

    /// Appends `samples` samples for a loss: libopus's extrapolation for at most
    /// [`MAX_CONCEALED_MS`], silence after.
    fn extrapolate(&mut self, samples: usize, out: &mut Vec<i16>) {
        let rate = self.rate_hz as usize;
        let end = out.len() + samples;
        let limit = rate * MAX_CONCEALED_MS as usize / 1000;
        let voiced = out.len() + samples.min(limit.saturating_sub(self.concealed));
        let piece = rate / PIECES_PER_S;
        while out.len() < voiced {
            let start = out.len();
            let step = (voiced - start).min(rate * CONCEAL_STEP_MS / 1000).div_ceil(piece) * piece;
            out.resize(start + step, 0);
            if self.inner.decode(&[], &mut out[start..], false).is_err() {
                out[start..].fill(0);
            }
            out.truncate(voiced.min(start + step));
        }
        out.resize(end, 0);
        self.concealed = self.concealed.saturating_add(samples);
    }

    /// The same before a packet that may hold a copy of the one before it (RFC 6716 §2.1.7). Where it holds
    /// none libopus conceals as it does by itself.
    fn recover(&mut self, samples: usize, next: &[u8], out: &mut Vec<i16>) {
        let limit = self.rate_hz as usize * MAX_CONCEALED_MS as usize / 1000;
        let copy = samples_in(next, self.rate_hz).filter(|n| *n <= samples && samples <= limit);
        let Some(copy) = copy else { return self.extrapolate(samples, out) };
        self.extrapolate(samples - copy, out);
        let start = out.len();
        out.resize(start + copy, 0);
        if self.inner.decode(next, &mut out[start..], true).is_err() {
            out[start..].fill(0);
        }
        self.concealed = self.concealed.saturating_add(copy);
    }
}

impl Decode for OpusDecoder {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), DecodeError> {
        self.decode_into(payload, out)
    }

    fn conceals(&self) -> bool {
        true
    }

    fn conceal(&mut self, samples: usize, out: &mut Vec<i16>) {
        self.extrapolate(samples, out);
    }

    fn conceal_before(&mut self, samples: usize, next: &[u8], out: &mut Vec<i16>) {
        self.recover(samples, next, out);
    }

    fn reset(&mut self) {
        // Fails only on an invalid handle, and this one was made by `new`.
        let _ = self.inner.reset_state();
        self.concealed = 0;
    }
}

/// Samples at `rate_hz` that `payload` holds by its header; `None` when it is
/// no Opus packet.
pub fn samples_in(payload: &[u8], rate_hz: u32) -> Option<usize> {
    if payload.is_empty() {
        return None;
    }
    let n = packet::get_nb_samples(payload, rate_hz).ok()?;
    (n > 0 && n <= rate_hz as usize * MAX_PACKET_MS / 1000).then_some(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opus::{Application, Encoder};

    fn tone(rate: u32, channels: usize, ms: usize) -> Vec<i16> {
        (0..rate as usize * ms / 1000)
            .flat_map(|i| {
                let t = i as f64 / f64::from(rate);
                let s = (9000.0 * (std::f64::consts::TAU * 440.0 * t).sin()) as i16;
                std::iter::repeat_n(s, channels)
            })
            .collect()
    }

    fn packets(channels: usize) -> Vec<Vec<u8>> {
        let kind = if channels == 2 { Channels::Stereo } else { Channels::Mono };
        let mut encoder = Encoder::new(48_000, kind, Application::Voip).unwrap();
        tone(48_000, channels, 400)
            .chunks_exact(960 * channels)
            .map(|frame| encoder.encode_vec(frame, 1000).unwrap())
            .collect()
    }

    #[test]
    fn mono_and_stereo_to_mono_at_every_rate() {
        for channels in [1, 2] {
            for rate in RATES_HZ {
                let mut decoder = OpusDecoder::new(rate).unwrap();
                let mut out = Vec::new();
                for p in packets(channels) {
                    decoder.decode_into(&p, &mut out).unwrap();
                }
                assert_eq!(out.len(), rate as usize * 2 / 5);
                let crossings = out[out.len() / 2..].windows(2).filter(|w| (w[0] < 0) != (w[1] < 0)).count();
                assert!((170..=182).contains(&crossings), "{channels} {rate}: {crossings}");
                assert!(out.iter().any(|s| s.abs() > 5000));
            }
        }
    }

    #[test]
    fn losses_are_concealed_for_60_ms() {
        let mut decoder = OpusDecoder::new(16_000).unwrap();
        let mut out = Vec::new();
        for p in packets(1) {
            decoder.decode_into(&p, &mut out).unwrap();
        }
        out.clear();
        decoder.conceal(333, &mut out);
        assert_eq!(out.len(), 333);
        assert!(out.iter().any(|s| s.abs() > 1000));
        decoder.conceal(1600, &mut out);
        assert_eq!(out.len(), 1933);
        assert!(out[960..].iter().all(|&s| s == 0));
    }

    #[test]
    fn a_copy_in_the_next_packet_stands_for_a_lost_one() {
        let mut encoder = Encoder::new(16_000, Channels::Mono, Application::Voip).unwrap();
        encoder.set_inband_fec(true).unwrap();
        encoder.set_packet_loss_perc(30).unwrap();
        encoder.set_bitrate(opus::Bitrate::Bits(24_000)).unwrap();
        // A buzz whose pitch changes with each packet: nobody can guess it.
        let mut phase = 0.0f64;
        let sound: Vec<i16> = (0..16_000usize)
            .map(|i| {
                phase = (phase + (100 + i / 320 * 37 % 90) as f64 / 16_000.0).fract();
                (8000.0 * (1.0 - 2.0 * phase)) as i16
            })
            .collect();
        let packets: Vec<Vec<u8>> =
            sound.chunks_exact(320).map(|f| encoder.encode_vec(f, 1000).unwrap()).collect();
        let [mut whole, mut copied, mut guessed] = [0; 3].map(|_| OpusDecoder::new(16_000).unwrap());
        let (mut with_copy, mut without) = (0.0, 0.0);
        for (i, p) in packets.iter().enumerate() {
            let mut heard = [Vec::new(), Vec::new(), Vec::new()];
            whole.decode_into(p, &mut heard[0]).unwrap();
            if i % 7 == 6 {
                copied.conceal_before(320, &packets[i + 1], &mut heard[1]);
                guessed.conceal(320, &mut heard[2]);
                assert_eq!(heard[1].len(), 320);
                let off = |a: &[i16]| -> f64 {
                    a.iter().zip(&heard[0]).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
                };
                with_copy += off(&heard[1]);
                without += off(&heard[2]);
            } else {
                copied.decode_into(p, &mut heard[1]).unwrap();
                guessed.decode_into(p, &mut heard[2]).unwrap();
            }
        }
        assert!(with_copy * 2.0 < without, "{with_copy} {without}");
    }

    #[test]
    fn garbage_is_an_error() {
        let mut decoder = OpusDecoder::new(48_000).unwrap();
        let mut out = vec![7];
        for bad in [&[][..], &[0xFF], &[0x03, 0x3F], &[0x03, 0x00, 1]] {
            assert_eq!(decoder.decode_into(bad, &mut out), Err(DecodeError::Corrupt), "{bad:?}");
        }
        assert_eq!(out, [7]);
        assert!(OpusDecoder::new(44_100).is_none());
    }
}
