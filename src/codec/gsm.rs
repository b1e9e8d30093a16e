//! GSM full rate (ETSI EN 300 961, once GSM 06.10): 260 bits for 20 ms of sound, 13 kbit/s.
//!
//! A frame describes a filter (eight log area ratios) and, for each of four sub-segments, how the
//! excitation repeats itself and thirteen pulses that are new in it. Blocks and variables carry the
//! names of the standard (§5.3 and its figures), and the arithmetic is its arithmetic of 16 bits,
//! so that a frame gives the standard's samples to the bit.
//!
//! In RTP a frame is 33 octets, of which the first four bits are a signature (RFC 3551 §4.5.8), and
//! a packet holds one or several.

use super::bits::Bits;
use super::def::{CodecDef, Decode, DecodeError};

/// Static type 3.
pub const GSM: CodecDef = CodecDef {
    names: &["GSM"],
    static_types: &[(3, 8000, 1)],
    clock_hz: Some(RATE_HZ),
    accepts: Some(|spec| spec.channels == 1),
    samples_in: |_, payload, _| payload.len() / FRAME_BYTES * FRAME_SAMPLES,
    decoder: Some(|_, _| Some(Box::new(GsmDecoder::new()))),
    ..CodecDef::UNKNOWN
};

/// Samples a second.
const RATE_HZ: u32 = 8000;
/// Octets of a frame in RTP.
pub const FRAME_BYTES: usize = 33;
/// Samples of a frame.
pub const FRAME_SAMPLES: usize = 160;
/// The four bits that a frame begins with in RTP.
const SIGNATURE: u32 = 0xD;
/// Samples of a sub-segment.
const SEGMENT: usize = 40;
/// Samples that the long-term filter looks back, at most.
const LOOK_BACK: usize = 120;
/// Coefficients of the short-term filter.
const ORDER: usize = 8;
/// Pulses of a sub-segment.
const PULSES: usize = 13;

/// Bits of each log area ratio (table 1.1).
const LAR_BITS: [u32; ORDER] = [6, 6, 5, 5, 4, 4, 3, 3];
/// Table 5.1: the least code of each log area ratio.
const MIC: [i16; ORDER] = [-32, -32, -16, -16, -8, -8, -4, -4];
/// Table 5.1: its offset.
const B: [i16; ORDER] = [0, 0, 2048, -2560, 94, -1792, -341, -1144];
/// Table 5.2: the inverse of its factor.
const INVA: [i16; ORDER] = [13_107, 13_107, 13_107, 13_107, 19_223, 17_476, 31_454, 29_708];
/// Table 5.3b: the gains of the long-term filter.
const QLB: [i16; 4] = [3277, 11_469, 21_299, 32_767];
/// Table 5.6: the mantissae of a block's maximum.
const FAC: [i16; 8] = [18_431, 20_479, 22_527, 24_575, 26_623, 28_671, 30_719, 32_767];
/// §5.3.5: the coefficient of the de-emphasis.
const DEEMPHASIS: i16 = 28_180;

/// Table 5.5 and §5.3.2: which part of a frame a set of interpolated coefficients holds for.
const PARTS: [std::ops::Range<usize>; 4] = [0..13, 13..27, 27..40, 40..160];

/// Decoder of one stream.
#[derive(Clone, Debug)]
pub struct GsmDecoder {
    /// Short-term residual of the past, newest last, with room for a sub-segment behind it.
    drp: [i16; LOOK_BACK + SEGMENT],
    /// The last lag that was within its range.
    nrp: usize,
    /// Log area ratios of the frame before.
    larpp: [i16; ORDER],
    /// The lattice's memory.
    v: [i16; ORDER + 1],
    /// The de-emphasis' memory.
    msr: i16,
}

impl Default for GsmDecoder {
    fn default() -> Self {
        GsmDecoder::new()
    }
}

impl Decode for GsmDecoder {
    fn rate_hz(&self) -> u32 {
        RATE_HZ
    }

    fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), DecodeError> {
        if payload.len() < FRAME_BYTES {
            return Err(DecodeError::TooShort(payload.len()));
        }
        // All of them are looked at before the first is decoded: on an error the state is as before.
        let frames = payload.chunks_exact(FRAME_BYTES);
        if frames.clone().any(|f| u32::from(f[0] >> 4) != SIGNATURE) {
            return Err(DecodeError::Corrupt);
        }
        frames.for_each(|f| self.frame(f, out));
        Ok(())
    }

    fn reset(&mut self) {
        *self = GsmDecoder::new();
    }
}

impl GsmDecoder {
    /// In the home state of the standard (§5.3, table 4.2).
    pub fn new() -> GsmDecoder {
        GsmDecoder {
            drp: [0; LOOK_BACK + SEGMENT],
            nrp: SEGMENT,
            larpp: [0; ORDER],
            v: [0; ORDER + 1],
            msr: 0,
        }
    }

    /// Appends the 160 samples of a frame of 33 octets.
    fn frame(&mut self, frame: &[u8], out: &mut Vec<i16>) {
        let mut bits = Bits::new(frame);
        bits.skip(4);
        let larpp = LAR_BITS.map(|n| bits.take(n) as i16);
        let larpp: [i16; ORDER] = std::array::from_fn(|i| log_area_ratio(i, larpp[i]));
        let mut wt = [0i16; FRAME_SAMPLES];
        for segment in wt.chunks_exact_mut(SEGMENT) {
            let (nc, bc) = (usize::from(bits.take(7)), usize::from(bits.take(2)));
            let erp = excitation(&mut bits);
            self.long_term(nc, bc, &erp);
            segment.copy_from_slice(&self.drp[LOOK_BACK..]);
            self.drp.copy_within(SEGMENT.., 0);
        }
        for (n, part) in PARTS.into_iter().enumerate() {
            let rp: [i16; ORDER] = std::array::from_fn(|i| reflection(between(n, self.larpp[i], larpp[i])));
            for s in &wt[part] {
                let sr = self.short_term(&rp, *s);
                out.push(self.postprocess(sr));
            }
        }
        self.larpp = larpp;
    }

    /// §5.3.2: the excitation, and what it repeats of the residual before it.
    fn long_term(&mut self, nc: usize, bc: usize, erp: &[i16; SEGMENT]) {
        if (SEGMENT..=LOOK_BACK).contains(&nc) {
            self.nrp = nc;
        }
        let brp = QLB[bc & 3];
        for (k, e) in erp.iter().enumerate() {
            let drpp = mult_r(brp, self.drp[LOOK_BACK + k - self.nrp]);
            self.drp[LOOK_BACK + k] = e.saturating_add(drpp);
        }
    }

    /// §5.3.4: one sample through the lattice.
    fn short_term(&mut self, rp: &[i16; ORDER], wt: i16) -> i16 {
        let mut sri = wt;
        for i in (0..ORDER).rev() {
            sri = sri.saturating_sub(mult_r(rp[i], self.v[i]));
            self.v[i + 1] = self.v[i].saturating_add(mult_r(rp[i], sri));
        }
        self.v[0] = sri;
        sri
    }

    /// §5.3.5 to §5.3.7: de-emphasis, twice as loud, the lowest three bits cut.
    fn postprocess(&mut self, sr: i16) -> i16 {
        self.msr = sr.saturating_add(mult_r(self.msr, DEEMPHASIS));
        self.msr.saturating_add(self.msr) & !7
    }
}

/// §5.3.1: a sub-segment's pulses at their places.
fn excitation(bits: &mut Bits<'_>) -> [i16; SEGMENT] {
    let (mc, xmaxc) = (usize::from(bits.take(2)), bits.take(6) as i16);
    let (exp, mant) = exponent_and_mantissa(xmaxc);
    // FAC carries the mantissa; what is left is a shift to the right with rounding.
    let (factor, shift) = (FAC[mant], (6 - exp) as u32);
    let half = if shift == 0 { 0 } else { 1i16 << (shift - 1) };
    let mut ep = [0; SEGMENT];
    for i in 0..PULSES {
        let xmc = bits.take(3) as i16;
        let xmp = mult_r(factor, ((xmc << 1) - 7) << 12);
        ep[mc + 3 * i] = xmp.saturating_add(half) >> shift;
    }
    ep
}

/// §5.2.15: the coded maximum of a block taken apart; the exponent is -4 to 6, the mantissa 0 to 7.
fn exponent_and_mantissa(xmaxc: i16) -> (i16, usize) {
    let mut exp = if xmaxc > 15 { (xmaxc >> 3) - 1 } else { 0 };
    let mut mant = xmaxc - (exp << 3);
    if mant == 0 {
        return (-4, 7);
    }
    while mant <= 7 {
        mant = mant << 1 | 1;
        exp -= 1;
    }
    (exp, (mant - 8) as usize)
}

/// §5.3.3, first: a log area ratio out of its code.
fn log_area_ratio(i: usize, code: i16) -> i16 {
    let scaled = ((code + MIC[i]) << 10).saturating_sub(B[i] << 1);
    let half = mult_r(INVA[i], scaled);
    half.saturating_add(half)
}

/// Table 5.5: ratios between those of the frame before and those of this one, part by part.
fn between(part: usize, before: i16, now: i16) -> i16 {
    match part {
        0 => (before >> 2).saturating_add(now >> 2).saturating_add(before >> 1),
        1 => (before >> 1).saturating_add(now >> 1),
        2 => (before >> 2).saturating_add(now >> 2).saturating_add(now >> 1),
        _ => now,
    }
}

/// §5.2.9.2: the reflection coefficient of a log area ratio.
fn reflection(larp: i16) -> i16 {
    let size = larp.saturating_abs();
    let rp = match size {
        ..11_059 => size << 1,
        11_059..20_070 => size + 11_059,
        _ => (size >> 2).saturating_add(26_112),
    };
    if larp < 0 { -rp } else { rp }
}

/// §5.1: the product of two fractions, rounded; -1 by -1 is as near to 1 as there is.
fn mult_r(a: i16, b: i16) -> i16 {
    if a == i16::MIN && b == i16::MIN {
        return i16::MAX;
    }
    ((i32::from(a) * i32::from(b) + 16_384) >> 15) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_frames_with_their_signature_and_nothing_else() {
        let mut decoder = GsmDecoder::new();
        let mut out = Vec::new();
        assert_eq!(decoder.decode(&[0xD0; 32], &mut out), Err(DecodeError::TooShort(32)));
        let mut two = [0xD0; 66];
        decoder.decode(&two, &mut out).unwrap();
        assert_eq!(out.len(), 2 * FRAME_SAMPLES);
        let before = decoder.clone();
        two[33] = 0;
        assert_eq!(decoder.decode(&two, &mut out), Err(DecodeError::Corrupt));
        assert_eq!((out.len(), decoder.drp, decoder.v), (320, before.drp, before.v));
        decoder.decode(&[0xDD; 40], &mut out).unwrap();
        assert_eq!(out.len(), 3 * FRAME_SAMPLES, "what is behind the last whole frame is none");
    }

    #[test]
    fn every_maximum_and_every_ratio_is_within_its_table() {
        for xmaxc in 0..64 {
            let (exp, mant) = exponent_and_mantissa(xmaxc);
            assert!((-4..=6).contains(&exp) && mant < 8, "{xmaxc}: {exp} {mant}");
        }
        for (i, bits) in LAR_BITS.into_iter().enumerate() {
            for code in 0..1i16 << bits {
                let larp = log_area_ratio(i, code);
                assert_eq!(reflection(larp).signum(), larp.signum());
            }
        }
        assert_eq!(reflection(i16::MIN), -i16::MAX);
    }
}
