//! ITU-T G.726: ADPCM at 16, 24, 32 and 40 kbit/s, that is 2, 3, 4 or 5 bits a sample.
//!
//! A code is the difference of a sample from what was expected of it, on a scale that follows the
//! signal; what is expected comes from six differences and two samples before. Blocks carry the
//! names of the Recommendation (§4.2 and its figures); the companding of PCM at the end, and the
//! adjustment that goes with it, are left out, since linear samples are wanted.
//!
//! In RTP codes are packed from the lowest bit of an octet on (RFC 3551 §4.5.4), and under the
//! names that begin with `AAL2-` from the highest (I.366.2 annex E). Some equipment sends one and
//! says the other; nothing in the packets tells.

use super::def::{CodecDef, CodecSpec, Decode, DecodeError};

/// At its four rates and in both orders; the name tells which. Type 2 was G.721 once, and is the
/// same as G.726 at 32 kbit/s.
pub const G726: CodecDef = CodecDef {
    names: &[
        "G726-32",
        "G726-16",
        "G726-24",
        "G726-40",
        "AAL2-G726-32",
        "AAL2-G726-16",
        "AAL2-G726-24",
        "AAL2-G726-40",
        "G721",
    ],
    clock_hz: Some(RATE_HZ),
    accepts: Some(|spec| spec.channels == 1),
    samples_in: |spec, payload, _| payload.len() * 8 / CodeFormat::of(spec).rate.bits as usize,
    decoder: Some(|spec, _| Some(Box::new(G726Decoder::new(CodeFormat::of(spec))))),
    ..CodecDef::UNKNOWN
};

/// Samples a second.
const RATE_HZ: u32 = 8000;

/// What differs between the rates: tables 1 to 4, 7 to 10, and what drives the scale.
#[derive(Debug)]
struct Rate {
    /// Bits of a code.
    bits: u32,
    /// The logarithm of the difference, by the size of the code.
    dqln: &'static [i32],
    /// W(I): how the scale follows.
    w: &'static [i32],
    /// F(I): how fast.
    f: &'static [i32],
}

static RATE_16: Rate = Rate { bits: 2, dqln: &[116, 365], w: &[-22, 439], f: &[0, 7] };
static RATE_24: Rate =
    Rate { bits: 3, dqln: &[-2048, 135, 273, 373], w: &[-4, 30, 137, 582], f: &[0, 1, 2, 7] };
static RATE_32: Rate = Rate {
    bits: 4,
    dqln: &[-2048, 4, 135, 213, 273, 323, 373, 425],
    w: &[-12, 18, 41, 64, 112, 198, 355, 1122],
    f: &[0, 0, 0, 1, 1, 1, 3, 7],
};
static RATE_40: Rate = Rate {
    bits: 5,
    dqln: &[-2048, -66, 28, 104, 169, 224, 274, 318, 358, 395, 429, 459, 488, 514, 539, 566],
    w: &[14, 14, 24, 39, 40, 41, 58, 100, 141, 179, 219, 280, 358, 440, 529, 696],
    f: &[0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6],
};

/// A rate, and where in an octet the first code lies.
#[derive(Clone, Copy, Debug)]
pub struct CodeFormat {
    rate: &'static Rate,
    is_from_top: bool,
}

impl CodeFormat {
    /// What the name of a payload type says; 32 kbit/s where it says no rate.
    pub fn of(spec: &CodecSpec) -> CodeFormat {
        let name = spec.name.as_bytes();
        let rate = match name.last_chunk() {
            Some(b"16") => &RATE_16,
            Some(b"24") => &RATE_24,
            Some(b"40") => &RATE_40,
            _ => &RATE_32,
        };
        let is_from_top = name.get(..4).is_some_and(|n| n.eq_ignore_ascii_case(b"AAL2"));
        CodeFormat { rate, is_from_top }
    }
}

/// Decoder of one stream.
#[derive(Clone, Debug)]
pub struct G726Decoder {
    format: CodeFormat,
    state: State,
}

/// What is remembered from code to code (§4.2, table 6, in its units).
#[derive(Clone, Debug)]
struct State {
    /// The slow part of the scale.
    yl: i32,
    /// The fast part.
    yu: i32,
    /// Averages of F(I), short and long.
    dms: i32,
    dml: i32,
    /// How fast the scale is to follow.
    ap: i32,
    /// Coefficients of the poles, and of the zeros.
    a: [i32; 2],
    b: [i32; 6],
    /// Signs of the last two sums of difference and zeros.
    pk: [bool; 2],
    /// Differences and samples of the past, newest first.
    dq: [Float; 6],
    sr: [Float; 2],
    /// A tone is likely.
    td: bool,
}

impl Decode for G726Decoder {
    fn rate_hz(&self) -> u32 {
        RATE_HZ
    }

    fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), DecodeError> {
        let CodeFormat { rate, is_from_top } = self.format;
        let (mut held, mut count) = (0u32, 0);
        for &octet in payload {
            let octet = u32::from(octet);
            held = if is_from_top { held << 8 | octet } else { held | octet << count };
            count += 8;
            while count >= rate.bits {
                count -= rate.bits;
                let code = if is_from_top { held >> count } else { held } & ((1 << rate.bits) - 1);
                held = if is_from_top { held & ((1 << count) - 1) } else { held >> rate.bits };
                out.push(self.state.sample(code, rate));
            }
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.state = State::new();
    }
}

impl G726Decoder {
    /// In the reset state of the Recommendation.
    pub fn new(format: CodeFormat) -> G726Decoder {
        G726Decoder { format, state: State::new() }
    }
}

impl State {
    fn new() -> State {
        State {
            yl: 34_816,
            yu: 544,
            dms: 0,
            dml: 0,
            ap: 0,
            a: [0; 2],
            b: [0; 6],
            pk: [false; 2],
            dq: [Float::ZERO; 6],
            sr: [Float::ZERO; 2],
            td: false,
        }
    }

    /// The sample of one code, 16 bits of which the lowest two are zero.
    fn sample(&mut self, code: u32, rate: &Rate) -> i16 {
        let is_negative = code >> (rate.bits - 1) & 1 == 1;
        let size = if is_negative { !code } else { code } & ((1 << (rate.bits - 1)) - 1);
        let size = size as usize;
        let zeros: i32 = self.b.iter().zip(self.dq).map(|(b, dq)| fmult(*b, dq)).sum();
        let poles: i32 = self.a.iter().zip(self.sr).map(|(a, sr)| fmult(*a, sr)).sum();
        // Sums have 16 bits, and what is beyond is lost to both ends alike.
        let (sez, se) = (wrapped(zeros) >> 1, wrapped(zeros + poles) >> 1);
        let y = self.scale();
        let magnitude = antilog(rate.dqln[size], y);
        let dq = if is_negative { -magnitude } else { magnitude };
        let sr = wrapped(se + dq);
        let was_tone = self.is_tone_over(magnitude);
        self.adapt_scale(y, rate.w[size]);
        let a2 = self.adapt_predictor(is_negative, magnitude, wrapped(dq + sez), was_tone, rate.bits == 5);
        self.remember(is_negative, magnitude, sr);
        self.adapt_speed(y, rate.f[size], a2, was_tone);
        (sr << 2).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
    }

    /// MIX: the scale, between its slow and its fast part.
    fn scale(&self) -> i32 {
        let y = self.yl >> 6;
        let dif = self.yu - y;
        // Towards zero: the product is one of magnitudes.
        y + dif * (self.ap >> 2).min(64) / 64
    }

    /// TRANS: a sudden change that ends a tone.
    fn is_tone_over(&self, magnitude: i32) -> bool {
        let (whole, fraction) = (self.yl >> 15, self.yl >> 10 & 31);
        let threshold = if whole > 9 { 31 << 10 } else { (32 + fraction) << whole };
        self.td && magnitude > (threshold + (threshold >> 1)) >> 1
    }

    /// FUNCTW, FILTD, LIMB, FILTE.
    fn adapt_scale(&mut self, y: i32, w: i32) {
        self.yu = (y + (((w << 5) - y) >> 5)).clamp(544, 5120);
        self.yl += self.yu + (-self.yl >> 6);
    }

    /// UPA1, UPA2, UPB and what limits them. Gives the second pole's coefficient.
    fn adapt_predictor(
        &mut self,
        is_negative: bool,
        magnitude: i32,
        dqsez: i32,
        was_tone: bool,
        is_40: bool,
    ) -> i32 {
        let pk0 = dqsez < 0;
        let [pk1, pk2] = self.pk;
        self.pk = [pk0, pk1];
        if was_tone {
            (self.a, self.b) = ([0; 2], [0; 6]);
            return 0;
        }
        let [mut a1, mut a2] = self.a;
        a2 -= a2 >> 7;
        a1 -= a1 >> 8;
        if dqsez != 0 {
            let fa1 = if pk0 == pk1 { -self.a[0] } else { self.a[0] };
            a2 += match fa1 {
                ..-8191 => -0x100,
                8192.. => 0xFF,
                _ => fa1 >> 5,
            };
            a2 += if pk0 == pk2 { 0x80 } else { -0x80 };
            a1 += if pk0 == pk1 { 192 } else { -192 };
        }
        a2 = a2.clamp(-12_288, 12_288);
        let limit = 15_360 - a2;
        self.a = [a1.clamp(-limit, limit), a2];
        let leak = if is_40 { 9 } else { 8 };
        for (b, dq) in self.b.iter_mut().zip(self.dq) {
            *b -= *b >> leak;
            if magnitude != 0 {
                *b = wrapped(*b + if dq.is_negative == is_negative { 128 } else { -128 });
            }
        }
        a2
    }

    /// FLOATA, FLOATB and the delays behind them.
    fn remember(&mut self, is_negative: bool, magnitude: i32, sr: i32) {
        self.dq.rotate_right(1);
        self.dq[0] = Float::new(is_negative, magnitude);
        self.sr = [Float::new(sr < 0, sr.abs() & 0x7FFF), self.sr[0]];
    }

    /// FILTA, FILTB, SUBTC, FILTC, TRIGA, TONE.
    fn adapt_speed(&mut self, y: i32, f: i32, a2: i32, was_tone: bool) {
        self.td = !was_tone && a2 < -11_776;
        self.dms += ((f << 9) - self.dms) >> 5;
        self.dml += ((f << 11) - self.dml) >> 7;
        if was_tone {
            self.ap = 256;
            return;
        }
        let is_changing = ((self.dms << 2) - self.dml).abs() >= self.dml >> 3;
        let goal = if y < 1536 || self.td || is_changing { 0x200 } else { 0 };
        self.ap += (goal - self.ap) >> 4;
    }
}

/// A number as the predictor's multiplications take it: sign, 4 bits of exponent, 6 of mantissa.
#[derive(Clone, Copy, Debug)]
struct Float {
    is_negative: bool,
    exponent: i32,
    mantissa: i32,
}

impl Float {
    const ZERO: Float = Float { is_negative: false, exponent: 0, mantissa: 32 };

    fn new(is_negative: bool, magnitude: i32) -> Float {
        if magnitude == 0 {
            return Float { is_negative, ..Float::ZERO };
        }
        let exponent = bit_length(magnitude);
        Float { is_negative, exponent, mantissa: (magnitude << 6) >> exponent }
    }
}

/// FMULT: a coefficient by a number of the past.
fn fmult(coefficient: i32, by: Float) -> i32 {
    let coefficient = coefficient >> 2;
    let magnitude = if coefficient > 0 { coefficient } else { -coefficient & 0x1FFF };
    let own = bit_length(magnitude);
    let mantissa = if magnitude == 0 { 32 } else { (magnitude << 6) >> own };
    let product = (mantissa * by.mantissa + 48) >> 4;
    let shift = own + by.exponent - 19;
    let product = if shift >= 0 { product << shift & 0x7FFF } else { product >> -shift };
    if (coefficient < 0) == by.is_negative { product } else { -product }
}

/// ADDA, ANTILOG: a difference's magnitude out of its logarithm and the scale.
fn antilog(dqln: i32, y: i32) -> i32 {
    let dql = dqln + (y >> 2);
    if dql < 0 {
        return 0;
    }
    let (exponent, mantissa) = (dql >> 7 & 15, 128 + (dql & 127));
    (mantissa << 7) >> (14 - exponent)
}

/// The lowest 16 bits, as a number.
fn wrapped(n: i32) -> i32 {
    i32::from(n as i16)
}

/// Bits that a number takes, 15 at most.
fn bit_length(n: i32) -> i32 {
    (32 - n.leading_zeros() as i32).min(15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str) -> CodecSpec {
        CodecSpec { def: &G726_ROW, name: name.into(), rtp_clock_hz: 8000, channels: 1, fmtp: None }
    }

    static G726_ROW: CodecDef = G726;

    #[test]
    fn the_name_tells_rate_and_order() {
        let told = ["G726-16", "g726-24", "G726-32", "G721", "G726-40", "AAL2-G726-16", "aal2-g726-40"]
            .map(|n| CodeFormat::of(&spec(n)))
            .map(|f| (f.rate.bits, f.is_from_top));
        let first = [(2, false), (3, false), (4, false), (4, false), (5, false), (2, true), (5, true)];
        assert_eq!(told, first);
        assert_eq!(
            ["G726-16", "G726-24", "G726-32", "G726-40"].map(|n| (G726.samples_in)(&spec(n), &[0; 60], 8000)),
            [240, 160, 120, 96]
        );
    }

    #[test]
    fn both_orders_give_the_same_codes() {
        // 5 octets are 8 codes of 5 bits.
        let codes = [1u64, 31, 0, 17, 9, 30, 2, 12];
        let little: u64 = codes.iter().rev().fold(0, |all, c| all << 5 | c);
        let big: u64 = codes.iter().fold(0, |all, c| all << 5 | c);
        let decode = |name: &str, octets: &[u8]| {
            let mut out = Vec::new();
            G726Decoder::new(CodeFormat::of(&spec(name))).decode(octets, &mut out).unwrap();
            out
        };
        let of_little = decode("G726-40", &little.to_le_bytes()[..5]);
        assert_eq!(of_little, decode("AAL2-G726-40", &big.to_be_bytes()[3..]));
        assert_eq!(of_little.len(), 8);
    }
}
