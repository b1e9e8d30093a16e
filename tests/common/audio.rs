//! Audio measures: G.711 by its definition (ITU-T G.711 tables 1a and 2a), tones, likeness.

/// One A-law byte as 16-bit linear.
pub fn alaw(byte: u8) -> i16 {
    let b = byte ^ 0x55;
    let (exponent, mantissa) = (i32::from(b >> 4 & 7), i32::from(b & 15));
    let magnitude = match exponent {
        0 => (mantissa << 4) + 8,
        e => ((mantissa << 4) + 0x108) << (e - 1),
    };
    (if b & 0x80 != 0 { magnitude } else { -magnitude }) as i16
}

/// One mu-law byte as 16-bit linear.
pub fn mulaw(byte: u8) -> i16 {
    let b = !byte;
    let (exponent, mantissa) = (i32::from(b >> 4 & 7), i32::from(b & 15));
    let magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    (if b & 0x80 != 0 { -magnitude } else { magnitude }) as i16
}

/// The A-law byte nearest to a sample.
pub fn to_alaw(sample: i16) -> u8 {
    (0..=255).min_by_key(|b| (i32::from(alaw(*b)) - i32::from(sample)).abs()).unwrap()
}

/// Amplitude of `hz` in `samples` (Goertzel), full scale 1.0.
pub fn level(samples: &[i16], rate: u32, hz: f64) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let w = std::f64::consts::TAU * hz / f64::from(rate);
    let (mut s1, mut s2) = (0.0, 0.0);
    for (i, x) in samples.iter().enumerate() {
        // Hann window: a neighbouring tone must not leak in.
        let hann = 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / samples.len() as f64).cos();
        let s0 = f64::from(*x) / 32768.0 * hann + 2.0 * w.cos() * s1 - s2;
        (s2, s1) = (s1, s0);
    }
    let power = s1 * s1 + s2 * s2 - 2.0 * w.cos() * s1 * s2;
    power.max(0.0).sqrt() * 4.0 / samples.len() as f64
}

/// Pearson's correlation.
pub fn correlation(a: &[i16], b: &[i16]) -> f64 {
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (f64::from(*x), f64::from(*y));
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    if aa == 0.0 || bb == 0.0 { 0.0 } else { ab / (aa * bb).sqrt() }
}

/// Half the energy of full scale is 0 dB; silence is minus infinity.
pub fn rms(samples: &[i16]) -> f64 {
    let sum: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    (sum / samples.len().max(1) as f64).sqrt()
}
