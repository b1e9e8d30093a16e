//! ITU-T G.711: A-law and mu-law, one octet a sample, 8000 samples a second.
//!
//! Tables come from the definition (G.711 tables 1a to 2b) at compile time,
//! scaled to 16 bits: A-law has 13 significant bits, mu-law 14. Decoding is a
//! look-up; the encoders decide at the Recommendation's decision values, so a
//! decoded octet encodes to itself (mu-law's negative zero excepted: it becomes
//! positive zero).

use super::def::{CodecDef, CodecSpec, Decode, DecodeError, Impairment, PayloadRole};
use super::resample;

/// Mu-law.
pub const PCMU: CodecDef = CodecDef {
    names: &["PCMU"],
    static_types: &[(0, 8000, 1)],
    decoder: Some(|spec, _| Some(Box::new(G711Decoder { law: Law::Mu, rate_hz: spec.rtp_clock_hz }))),
    ..ROW
};

/// A-law.
pub const PCMA: CodecDef = CodecDef {
    names: &["PCMA"],
    static_types: &[(8, 8000, 1)],
    decoder: Some(|spec, _| Some(Box::new(G711Decoder { law: Law::A, rate_hz: spec.rtp_clock_hz }))),
    ..ROW
};

/// What both laws have in common.
const ROW: CodecDef = CodecDef {
    role: PayloadRole::Sound,
    // With concealment; without it Bpl would be 4.3.
    quality: Some(Impairment::narrow(0.0, 25.1)),
    accepts: Some(|spec: &CodecSpec| spec.channels == 1 && resample::RATES_HZ.contains(&spec.rtp_clock_hz)),
    samples_in: |_, payload, _| payload.len(),
    ..CodecDef::UNKNOWN
};

/// The law of a codec of this file.
pub fn law_of(def: &CodecDef) -> Option<Law> {
    match def.names {
        ["PCMU"] => Some(Law::Mu),
        ["PCMA"] => Some(Law::A),
        _ => None,
    }
}

#[derive(Debug)]
struct G711Decoder {
    law: Law,
    rate_hz: u32,
}

impl Decode for G711Decoder {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), DecodeError> {
        self.law.decode_into(payload, out);
        Ok(())
    }
}

/// 16-bit value of each A-law octet.
pub const ALAW: [i16; 256] = alaw_table();
/// 16-bit value of each mu-law octet.
pub const MULAW: [i16; 256] = mulaw_table();

/// Octet of A-law digital silence (the smallest positive value, +8).
pub const ALAW_SILENCE: u8 = 0xD5;
/// Octet of mu-law digital silence (positive zero).
pub const MULAW_SILENCE: u8 = 0xFF;

/// The two companding laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// A-law (PCMA), Europe and international circuits.
    A,
    /// Mu-law (PCMU), North America and Japan.
    Mu,
}

impl Law {
    /// The decoding table of this law.
    pub const fn table(self) -> &'static [i16; 256] {
        match self {
            Law::A => &ALAW,
            Law::Mu => &MULAW,
        }
    }

    /// Octet to 16-bit sample.
    pub const fn decode(self, octet: u8) -> i16 {
        self.table()[octet as usize]
    }

    /// 16-bit sample to octet.
    pub const fn encode(self, sample: i16) -> u8 {
        match self {
            Law::A => encode_alaw(sample),
            Law::Mu => encode_mulaw(sample),
        }
    }

    /// What this law stores where nothing was sent.
    pub const fn silence(self) -> u8 {
        match self {
            Law::A => ALAW_SILENCE,
            Law::Mu => MULAW_SILENCE,
        }
    }

    /// Appends one sample for each octet.
    pub fn decode_into(self, octets: &[u8], out: &mut Vec<i16>) {
        let table = self.table();
        out.extend(octets.iter().map(|&o| table[usize::from(o)]));
    }

    /// Appends one octet for each sample.
    pub fn encode_into(self, samples: &[i16], out: &mut Vec<u8>) {
        out.extend(samples.iter().map(|&s| self.encode(s)));
    }
}

/// A-law: even bits inverted on the line, then sign, 3-bit segment, 4-bit step.
/// A set sign bit means positive. The value is the middle of the step.
const fn alaw_table() -> [i16; 256] {
    let mut table = [0i16; 256];
    let mut octet = 0usize;
    while octet < 256 {
        let code = octet ^ 0x55;
        let segment = (code >> 4) & 7;
        let step = (code & 0x0F) as i16;
        let magnitude = match segment {
            0 => (step << 4) + 8,
            s => ((step << 4) + 0x108) << (s - 1),
        };
        table[octet] = if code & 0x80 != 0 { magnitude } else { -magnitude };
        octet += 1;
    }
    table
}

/// Mu-law: all bits inverted on the line, then sign, 3-bit segment, 4-bit step.
/// After inversion a set sign bit means negative. The bias of 33 (in 14-bit
/// units; 132 here) makes every segment a power of two.
const fn mulaw_table() -> [i16; 256] {
    let mut table = [0i16; 256];
    let mut octet = 0usize;
    while octet < 256 {
        let code = octet ^ 0xFF;
        let segment = (code >> 4) & 7;
        let step = (code & 0x0F) as i16;
        let magnitude = (((step << 3) + 132) << segment) - 132;
        table[octet] = if code & 0x80 != 0 { -magnitude } else { magnitude };
        octet += 1;
    }
    table
}

const fn encode_alaw(sample: i16) -> u8 {
    // One's complement folds -1 onto 0, so that the steps of both signs are as wide.
    let (sign, magnitude) = if sample >= 0 { (0x80u8, sample) } else { (0, !sample) };
    let magnitude = magnitude >> 4;
    let code = if magnitude < 32 {
        // Segments 0 and 1 share one step width.
        magnitude as u8
    } else {
        let segment = (12 - (magnitude as u16).leading_zeros()) as u8;
        (segment << 4) | ((magnitude >> (segment - 1)) & 0x0F) as u8
    };
    (sign | code) ^ 0x55
}

const fn encode_mulaw(sample: i16) -> u8 {
    const BIAS: u16 = 33;
    const CLIP: u16 = 0x1FFF;
    let (sign, magnitude) = if sample >= 0 { (0u8, sample) } else { (0x80, !sample) };
    let biased = (magnitude as u16 >> 2) + BIAS;
    let biased = if biased > CLIP { CLIP } else { biased };
    let segment = (10 - biased.leading_zeros()) as u8;
    let step = ((biased >> (segment + 1)) & 0x0F) as u8;
    (sign | (segment << 4) | step) ^ 0xFF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn landmarks_of_the_recommendation() {
        assert_eq!(Law::A.decode(0xD5), 8);
        assert_eq!(Law::A.decode(0x55), -8);
        assert_eq!(Law::A.decode(0xAA), 32256);
        assert_eq!(Law::A.decode(0x2A), -32256);
        assert_eq!(Law::Mu.decode(0xFF), 0);
        assert_eq!(Law::Mu.decode(0x7F), 0);
        assert_eq!(Law::Mu.decode(0x80), 32124);
        assert_eq!(Law::Mu.decode(0x00), -32124);
    }

    #[test]
    fn what_was_decoded_encodes_to_itself() {
        for law in [Law::A, Law::Mu] {
            for octet in 0..=255u8 {
                let back = law.encode(law.decode(octet));
                let expected = if law == Law::Mu && octet == 0x7F { 0xFF } else { octet };
                assert_eq!(back, expected, "{law:?} {octet:#04x}");
            }
        }
    }

    #[test]
    fn the_encoder_stays_within_half_a_step() {
        for law in [Law::A, Law::Mu] {
            let mut last = i16::MIN;
            for s in i16::MIN..=i16::MAX {
                let got = law.decode(law.encode(s));
                assert!(got >= last, "{law:?} {s}: not monotonic");
                last = got;
                // Half a step is at most 1/32 of the value; G.711 decides in 13 or 14 bits.
                let off = (i32::from(got) - i32::from(s)).abs();
                let allowed = (i32::from(s).abs() + 132) / 32 + 4;
                assert!(off <= allowed, "{law:?} {s}: {got}");
            }
        }
    }
}
