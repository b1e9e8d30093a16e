//! What stands where a packet was lost: the last pitch periods again, fading.
//!
//! In the manner of G.711 appendix I, but shorter: a recording must not invent
//! speech. What was received is never altered, so the join after the gap is
//! plain. Opus conceals by itself and does not come here.

/// Nothing is invented beyond this; then silence.
pub const MAX_CONCEALED_MS: u32 = 60;
/// Decoded sound kept to repeat from.
const HISTORY_MS: u32 = 40;
/// Periods considered: 66 to 200 Hz, and multiples of higher voices.
const MIN_PERIOD_MS: u32 = 5;
const MAX_PERIOD_MS: u32 = 15;
/// Length compared when looking for the period.
const WINDOW_MS: u32 = 10;

/// Concealment of one stream at one sample rate.
#[derive(Clone, Debug)]
pub struct Concealer {
    rate_hz: u32,
    /// The newest samples received, oldest first: [`HISTORY_MS`] of them, and what was heard before
    /// until it is worth the while to let go of it.
    history: Vec<i16>,
    /// What is repeated during the present loss.
    period: Vec<i16>,
    /// Samples concealed since the last one received.
    concealed: usize,
}

impl Concealer {
    /// For samples at `rate_hz`.
    pub fn new(rate_hz: u32) -> Concealer {
        Concealer { rate_hz, history: Vec::new(), period: Vec::new(), concealed: 0 }
    }

    /// Remembers samples that were received.
    pub fn received(&mut self, samples: &[i16]) {
        let keep = self.samples(HISTORY_MS);
        let new = &samples[samples.len().saturating_sub(keep)..];
        if self.history.len() + new.len() > 4 * keep {
            let old = (self.history.len() + new.len() - keep).min(self.history.len());
            self.history.drain(..old);
        }
        self.history.extend_from_slice(new);
        self.concealed = 0;
    }

    /// Appends `samples` samples for a loss: repetition fading linearly to zero
    /// over [`MAX_CONCEALED_MS`], silence after.
    pub fn conceal(&mut self, samples: usize, out: &mut Vec<i16>) {
        let fade = self.samples(MAX_CONCEALED_MS);
        if self.concealed == 0 {
            self.period.clear();
            let period = self.find_period().min(self.history.len());
            self.period.extend_from_slice(&self.history[self.history.len() - period..]);
        }
        let end = out.len() + samples;
        let voiced = samples.min(fade.saturating_sub(self.concealed));
        if !self.period.is_empty() {
            let source = self.period.iter().cycle().skip(self.concealed % self.period.len());
            out.extend(source.take(voiced).enumerate().map(|(i, &s)| {
                let left = fade - self.concealed - i;
                (i64::from(s) * left as i64 / fade as i64) as i16
            }));
        }
        out.resize(end, 0);
        self.concealed = self.concealed.saturating_add(samples);
    }

    /// Forgets everything: what follows is not related to what was.
    pub fn reset(&mut self) {
        self.history.clear();
        self.period.clear();
        self.concealed = 0;
    }

    fn samples(&self, ms: u32) -> usize {
        (u64::from(self.rate_hz) * u64::from(ms) / 1000) as usize
    }

    /// The lag at which the newest [`WINDOW_MS`] resemble the sound before them
    /// most; [`WINDOW_MS`] when there is too little to compare.
    fn find_period(&self) -> usize {
        let window = self.samples(WINDOW_MS);
        let longest = self.samples(MAX_PERIOD_MS);
        if self.history.len() < window + longest {
            return window;
        }
        // High rates are searched at the resolution of 8 kHz: it is repetition
        // for a fortieth of a second, not synthesis.
        let step = (self.rate_hz / 8000).max(1) as usize;
        let newest = &self.history[self.history.len() - window..];
        let mut best = (f64::MIN, window);
        for lag in (self.samples(MIN_PERIOD_MS)..=longest).step_by(step) {
            let start = self.history.len() - window - lag;
            let (mut product, mut energy) = (0i64, 1i64);
            for (a, b) in newest.iter().zip(&self.history[start..]).step_by(step) {
                product += i64::from(*a) * i64::from(*b);
                energy += i64::from(*b) * i64::from(*b);
            }
            let likeness = product as f64 / (energy as f64).sqrt();
            if likeness > best.0 {
                best = (likeness, lag);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(n: usize, period: usize) -> Vec<i16> {
        (0..n).map(|i| (10_000.0 * (std::f64::consts::TAU * i as f64 / period as f64).sin()) as i16).collect()
    }

    #[test]
    fn a_tone_goes_on_in_phase_and_fades() {
        let sound = tone(800, 57);
        let mut c = Concealer::new(8000);
        c.received(&sound[..400]);
        let mut out = Vec::new();
        c.conceal(160, &mut out);
        c.conceal(640, &mut out);
        assert_eq!(out.len(), 800);
        for i in 0..40 {
            let wanted = f64::from(sound[400 + i]) * (480 - i) as f64 / 480.0;
            assert!((f64::from(out[i]) - wanted).abs() < 700.0, "{i}: {} {wanted}", out[i]);
        }
        assert!(out[100..300].iter().any(|s| s.abs() > 1000));
        assert!(out[480..].iter().all(|&s| s == 0));
    }

    #[test]
    fn with_little_or_no_past() {
        let mut c = Concealer::new(16000);
        let mut out = Vec::new();
        c.conceal(100, &mut out);
        assert_eq!(out, [0; 100]);
        c.received(&[500, -500]);
        out.clear();
        c.conceal(10, &mut out);
        assert_eq!(out.len(), 10);
        c.reset();
        out.clear();
        c.conceal(3, &mut out);
        assert_eq!(out, [0; 3]);
    }
}
