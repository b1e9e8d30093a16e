//! ITU-T G.722 at 64 kbit/s (mode 1): two ADPCM sub-bands to 16 kHz audio.
//!
//! An octet holds a 2-bit code of the upper band (4 to 8 kHz) and a 6-bit code
//! of the lower (0 to 4 kHz); each is dequantised against a predictor that
//! both ends adapt alike, and a quadrature mirror filter joins the bands into
//! two samples. Blocks carry the names of the Recommendation (§3 and §4 and
//! their figures). State runs from packet to packet: the filters remember.
//!
//! In RTP the clock of G.722 is 8000 Hz for historical reasons (RFC 3551
//! §4.5.2); that belongs to the caller.

use super::def::{CodecDef, Decode, DecodeError, Impairment};

/// At 64 kbit/s.
pub const G722: CodecDef = CodecDef {
    names: &["G722"],
    static_types: &[(9, 8000, 1)],
    native_hz: Some(RATE_HZ),
    quality: Some(Impairment::wide(13.0, 14.0)),
    accepts: Some(|spec| spec.channels == 1),
    samples_in: |_, payload, _| payload.len() * SAMPLES_PER_OCTET,
    decoder: Some(|_, _| Some(Box::new(G722Decoder::new()))),
    ..CodecDef::UNKNOWN
};

/// Samples a second.
const RATE_HZ: u32 = 16_000;
/// Samples decoded from one octet.
pub const SAMPLES_PER_OCTET: usize = 2;

/// Decoder of one stream.
#[derive(Clone, Debug)]
pub struct G722Decoder {
    low: Band,
    high: Band,
    /// Differences and sums of the bands, newest first: the mirror filter's memory.
    xd: [i32; 2 * QMF_TAPS],
    xs: [i32; 2 * QMF_TAPS],
    at: usize,
}

impl Default for G722Decoder {
    fn default() -> Self {
        G722Decoder::new()
    }
}

impl Decode for G722Decoder {
    fn rate_hz(&self) -> u32 {
        RATE_HZ
    }

    fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), DecodeError> {
        self.decode_into(payload, out);
        Ok(())
    }

    fn reset(&mut self) {
        *self = G722Decoder::new();
    }
}

impl G722Decoder {
    /// In the reset state of the Recommendation.
    pub fn new() -> G722Decoder {
        G722Decoder {
            low: Band::new(32),
            high: Band::new(8),
            xd: [0; 2 * QMF_TAPS],
            xs: [0; 2 * QMF_TAPS],
            at: 0,
        }
    }

    /// Appends two samples at 16 kHz for each octet. Any octets decode.
    pub fn decode_into(&mut self, octets: &[u8], out: &mut Vec<i16>) {
        out.reserve(octets.len() * SAMPLES_PER_OCTET);
        for &octet in octets {
            let rl = self.low_band(usize::from(octet & 0x3F));
            let rh = self.high_band(usize::from(octet >> 6));
            let (first, second) = self.receive_qmf(rl, rh);
            out.push(first);
            out.push(second);
        }
    }

    /// Lower sub-band: the output takes all six bits, the predictor the upper
    /// four, so that the lower two may be stolen for data in the other modes.
    fn low_band(&mut self, code: usize) -> i32 {
        let band = &mut self.low;
        let rl = limit(band.s + dequantise(band.det, QM6[code]));
        let code = code >> 2;
        let d = dequantise(band.det, QM4[code]);
        band.nb = (((band.nb * 127) >> 7) + WL[code]).clamp(0, 18_432);
        band.det = scale_factor(band.nb, 8);
        band.adapt(d);
        rl
    }

    /// Upper sub-band: two bits for output and predictor alike.
    fn high_band(&mut self, code: usize) -> i32 {
        let band = &mut self.high;
        let d = dequantise(band.det, QM2[code]);
        let rh = limit(band.s + d);
        band.nb = (((band.nb * 127) >> 7) + WH[code]).clamp(0, 22_528);
        band.det = scale_factor(band.nb, 10);
        band.adapt(d);
        rh
    }

    /// The receive QMF of §4.4: two band samples to two output samples.
    fn receive_qmf(&mut self, rl: i32, rh: i32) -> (i16, i16) {
        // The newest stands at `at`, and again a window further: a window is
        // contiguous wherever it begins, and nothing need be moved along.
        self.at = self.at.checked_sub(1).unwrap_or(QMF_TAPS - 1);
        let at = self.at;
        for slot in [at, at + QMF_TAPS] {
            self.xd[slot] = rl - rh;
            self.xs[slot] = rl + rh;
        }
        let (xd, xs) = (&self.xd[at..at + QMF_TAPS], &self.xs[at..at + QMF_TAPS]);
        // The 24-tap filter is symmetric: its odd taps are the even ones reversed.
        let first: i32 = QMF.iter().zip(xd).map(|(h, x)| h * x).sum();
        let second: i32 = QMF.iter().rev().zip(xs).map(|(h, x)| h * x).sum();
        (saturate(first >> 11) as i16, saturate(second >> 11) as i16)
    }
}

/// Adaptive predictor and quantiser scale of one sub-band.
#[derive(Clone, Debug)]
struct Band {
    /// DET: quantiser scale factor, linear.
    det: i32,
    /// NB: the same, logarithmic.
    nb: i32,
    /// S: predicted signal.
    s: i32,
    /// SZ: its part from the zero section.
    sz: i32,
    /// RLT of the sample before: reconstructed signal.
    r1: i32,
    /// Sign history of the partially reconstructed signal, newest first.
    p: [i32; 2],
    /// A: coefficients of the two poles.
    a: [i32; 2],
    /// B: coefficients of the six zeros.
    b: [i32; 6],
    /// DLT: quantised differences, newest first.
    d: [i32; 6],
}

impl Band {
    fn new(det: i32) -> Band {
        Band { det, nb: 0, s: 0, sz: 0, r1: 0, p: [0; 2], a: [0; 2], b: [0; 6], d: [0; 6] }
    }

    /// Block 4: adapts the predictor to the difference `d` and predicts anew.
    fn adapt(&mut self, d: i32) {
        // RECONS and PARREC.
        let r = saturate(self.s + d);
        let p = saturate(self.sz + d);
        self.update_poles(p);
        self.update_zeros(d);
        // FILTEZ, FILTEP, PREDIC.
        let sz: i32 = self.b.iter().zip(&self.d).map(|(b, d)| (b * saturate(2 * d)) >> 15).sum();
        self.sz = saturate(sz);
        let sp = ((self.a[0] * saturate(2 * r)) >> 15) + ((self.a[1] * saturate(2 * self.r1)) >> 15);
        self.s = saturate(sp + self.sz);
        self.r1 = r;
    }

    /// UPPOL2 and UPPOL1: sign correlation drives the poles, within stability.
    fn update_poles(&mut self, p: i32) {
        let with_last = same_sign(p, self.p[0]);
        let with_one_before = same_sign(p, self.p[1]);
        let pull = saturate(4 * self.a[0]);
        let pull = saturate(if with_last { -pull } else { pull }) >> 7;
        let push = if with_one_before { 128 } else { -128 };
        self.a[1] = (pull + push + ((self.a[1] * 32_512) >> 15)).clamp(-12_288, 12_288);
        let bound = 15_360 - self.a[1];
        let step = if with_last { 192 } else { -192 };
        self.a[0] = (step + ((self.a[0] * 32_640) >> 15)).clamp(-bound, bound);
        self.p = [p, self.p[0]];
    }

    /// UPZERO, then the delay line moves on.
    fn update_zeros(&mut self, d: i32) {
        let step = if d == 0 { 0 } else { 128 };
        for (b, &past) in self.b.iter_mut().zip(&self.d) {
            let signed = if same_sign(d, past) { step } else { -step };
            *b = signed + ((*b * 32_640) >> 15);
        }
        let [d0, d1, d2, d3, d4, _] = self.d;
        self.d = [d, d0, d1, d2, d3, d4];
    }
}

/// INVQAL, INVQBL, INVQAH: a code's share of the present scale.
fn dequantise(det: i32, code: i32) -> i32 {
    (det * code) >> 15
}

/// SCALEL and SCALEH: antilogarithm to base 2 with 5 bits of mantissa.
fn scale_factor(nb: i32, bias: i32) -> i32 {
    let mantissa = ILB[(nb >> 6) as usize & 31];
    let shift = bias - (nb >> 11);
    let linear = if shift < 0 { mantissa << -shift } else { mantissa >> shift };
    linear << 2
}

/// Zero counts as positive, as in the Recommendation's sign-bit arithmetic.
fn same_sign(a: i32, b: i32) -> bool {
    (a < 0) == (b < 0)
}

fn saturate(x: i32) -> i32 {
    x.clamp(-32_768, 32_767)
}

/// LIMIT: band signals have 15 bits.
fn limit(x: i32) -> i32 {
    x.clamp(-16_384, 16_383)
}

// Tables of the Recommendation.

const QMF_TAPS: usize = 12;
/// Even taps of the mirror filter (table 11), in units of 2^-13. The pair doubles
/// the signal and 15 bits become 16: hence the shift by 11.
const QMF: [i32; QMF_TAPS] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// QM2: upper band.
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];

/// QM4: lower band, four bits.
const QM4: [i32; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, //
    20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
];

/// QM6: lower band, six bits.
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, //
    -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856, //
    -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, //
    -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728, //
    24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, //
    10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, //
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, //
    1688, 1360, 1040, 728, 432, 136, -432, -136,
];

/// WL by four-bit code (RL42 applied): how a code moves the lower band's scale.
const WL: [i32; 16] = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];

/// WH by two-bit code: the same of the upper band.
const WH: [i32; 4] = [798, -214, 798, -214];

/// ILB: 2048 times 2^(i/32).
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, //
    2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025, 3091, 3158, 3228, //
    3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_borders_leave_no_trace() {
        let octets: Vec<u8> = (0..800u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let mut whole = Vec::new();
        G722Decoder::new().decode_into(&octets, &mut whole);
        let mut pieces = Vec::new();
        let mut decoder = G722Decoder::new();
        for piece in octets.chunks(37) {
            decoder.decode_into(piece, &mut pieces);
        }
        assert_eq!(whole.len(), 1600);
        assert_eq!(whole, pieces);
    }
}
