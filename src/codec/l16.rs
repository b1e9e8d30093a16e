//! L16 (RFC 3551 §4.5.11): 16-bit linear samples in network byte order,
//! channels interleaved; mixed to one by their mean.

use super::def::{CodecDef, CodecSpec, Decode, DecodeError, Impairment};
use super::resample;

/// At any rate that can be converted.
pub const L16: CodecDef = CodecDef {
    names: &["L16"],
    static_types: &[(10, 44_100, 2), (11, 44_100, 1)],
    quality: Some(Impairment::narrow(0.0, 25.1)),
    accepts: Some(|spec: &CodecSpec| resample::RATES_HZ.contains(&spec.rtp_clock_hz)),
    samples_in: |spec, payload, _| payload.len() / 2 / usize::from(spec.channels.max(1)),
    decoder: Some(|spec, _| {
        Some(Box::new(L16Decoder { channels: spec.channels.max(1), rate_hz: spec.rtp_clock_hz }))
    }),
    ..CodecDef::UNKNOWN
};

#[derive(Debug)]
struct L16Decoder {
    channels: u8,
    rate_hz: u32,
}

impl Decode for L16Decoder {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), DecodeError> {
        if payload.len() < 2 * usize::from(self.channels) {
            return Err(DecodeError::TooShort(payload.len()));
        }
        decode_into(payload, self.channels, out);
        Ok(())
    }
}

/// Appends one sample for each whole frame of `channels` samples. Bytes after
/// the last whole frame are ignored; zero channels count as one.
pub fn decode_into(payload: &[u8], channels: u8, out: &mut Vec<i16>) {
    let channels = usize::from(channels.max(1));
    if channels == 1 {
        out.extend(payload.chunks_exact(2).map(be16));
        return;
    }
    out.extend(payload.chunks_exact(2 * channels).map(|frame| {
        let sum: i32 = frame.chunks_exact(2).map(|s| i32::from(be16(s))).sum();
        // The mean of i16 values is an i16; `channels` is at most 255.
        sum.div_euclid(channels as i32) as i16
    }));
}

fn be16(bytes: &[u8]) -> i16 {
    match bytes {
        [hi, lo, ..] => i16::from_be_bytes([*hi, *lo]),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(payload: &[u8], channels: u8) -> Vec<i16> {
        let mut out = Vec::new();
        decode_into(payload, channels, &mut out);
        out
    }

    #[test]
    fn network_order_and_odd_tails() {
        assert_eq!(decode(&[0x12, 0x34, 0xFF, 0xFE, 0x80], 1), [0x1234, -2]);
        assert!(decode(&[1], 1).is_empty());
        assert!(decode(&[], 0).is_empty());
    }

    #[test]
    fn channels_become_their_mean() {
        assert_eq!(decode(&[0x7F, 0xFF, 0x7F, 0xFF, 0x80, 0, 0x80, 0, 0, 1], 2), [32767, -32768]);
        assert_eq!(decode(&[0, 10, 0xFF, 0xF6, 0, 3], 3), [1]);
    }
}
