//! What stands where packets were lost: the last pitch periods again, led over to what came after.
//!
//! In the manner of G.711 appendix I, with two differences. A recorder knows what came after a loss before
//! it has to give out anything: so the repetition is stretched until it meets the next packet in phase, and
//! goes over into the first periods of that packet, repeated backwards. And what was received is never
//! altered, where appendix I smooths it on both sides. A longer loss than [`MAX_CONCEALED_MS`] is not led
//! over, the repetition fades: a recording must not invent speech. Opus conceals by itself and does not
//! come here. `docs/concealment.md` has what is gained, measured.

/// Nothing is invented beyond this; then silence.
pub const MAX_CONCEALED_MS: u32 = 60;
/// Decoded sound kept to repeat from.
const HISTORY_MS: u32 = 40;
/// Periods considered: 66 to 200 Hz, and multiples of higher voices.
const MIN_PERIOD_MS: u32 = 5;
const MAX_PERIOD_MS: u32 = 15;
/// Length compared when looking for the period.
const WINDOW_MS: u32 = 10;
/// A repetition that is not led over is not softer for so long.
const LOUD_MS: u32 = 10;
/// Length compared when looking for the phase of what came after.
const PHASE_MS: u32 = 5;
/// Repetition and what came after are the same voice from this likeness on (1: the same sound).
const SAME_VOICE: f32 = 0.7;

/// Concealment of one stream at one sample rate.
#[derive(Clone, Debug)]
pub struct Concealer {
    rate_hz: u32,
    /// The newest samples received, oldest first: [`HISTORY_MS`] of them, and what was heard before
    /// until it is worth the while to let go of it.
    history: Vec<i16>,
    /// Samples concealed since the last one received.
    concealed: usize,
}

impl Concealer {
    /// For samples at `rate_hz`.
    pub fn new(rate_hz: u32) -> Concealer {
        Concealer { rate_hz, history: Vec::new(), concealed: 0 }
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

    /// Appends `samples` samples for a loss, led over to the samples that came after it. Where these
    /// are not known (`next` is empty) or the loss is longer than [`MAX_CONCEALED_MS`], a repetition
    /// that has faded linearly to zero by then, silence after.
    pub fn conceal(&mut self, samples: usize, next: &[i16], out: &mut Vec<i16>) {
        let end = out.len() + samples;
        let most = self.samples(MAX_CONCEALED_MS);
        let keep = self.samples(HISTORY_MS).min(self.history.len());
        let past: Vec<f32> =
            self.history[self.history.len() - keep..].iter().map(|s| f32::from(*s)).collect();
        if self.concealed == 0 && samples <= most && next.len() >= self.samples(PHASE_MS) && !past.is_empty()
        {
            let next: Vec<f32> = next[..next.len().min(most)].iter().map(|s| f32::from(*s)).collect();
            out.extend(self.bridge(samples, &past, &next).map(|s| s as i16));
        } else {
            let until = most.min(self.concealed.saturating_add(samples));
            let sound = self.go_on(&past, until).into_iter().enumerate().skip(self.concealed);
            // As loud as it was at first, as in appendix I.
            let fading = (most - self.samples(LOUD_MS)).max(1) as f32;
            out.extend(sound.map(|(i, s)| (s * ((most - i) as f32 / fading).min(1.0)) as i16));
        }
        out.resize(end, 0);
        self.concealed = self.concealed.saturating_add(samples);
    }

    /// Forgets everything: what follows is not related to what was.
    pub fn reset(&mut self) {
        self.history.clear();
        self.concealed = 0;
    }

    fn samples(&self, ms: u32) -> usize {
        (u64::from(self.rate_hz) * u64::from(ms) / 1000) as usize
    }

    /// So many samples between what was heard before and after.
    fn bridge(&self, count: usize, past: &[f32], next: &[f32]) -> impl Iterator<Item = f32> {
        let reach = self.samples(MAX_PERIOD_MS) / 2;
        let forth = self.go_on(past, count + reach + self.samples(PHASE_MS) + 2);
        let back: Vec<f32> = next.iter().rev().copied().collect();
        let back = self.go_on(&back, count);
        let (likeness, phase) = self.find_phase(&forth, count, reach.min(count / 3), next);
        let is_same = likeness > SAME_VOICE;
        let loudest = peak(past).max(peak(next));
        let stretch = if is_same { (count as f32 + phase as f32) / count as f32 } else { 1.0 };
        (0..count).map(move |i| {
            let at = i as f32 * stretch;
            let (whole, part) = (at as usize, at.fract());
            let before = forth[whole] * (1.0 - part) + forth[whole + 1] * part;
            let over = (i as f32 + 0.5) / count as f32;
            // Sounds that are not alike keep their loudness where their squares add up.
            let (a, b) = if is_same { (1.0 - over, over) } else { ((1.0 - over).sqrt(), over.sqrt()) };
            // Nothing is louder than what was heard.
            (before * a + back[count - 1 - i] * b).clamp(-loudest, loudest)
        })
    }

    /// By how many samples more or fewer than `count` the repetition is most like what came after, and
    /// how much it is.
    fn find_phase(&self, forth: &[f32], count: usize, reach: usize, next: &[f32]) -> (f32, isize) {
        let compared = self.samples(PHASE_MS);
        let mut best = (f32::MIN, 0);
        for at in (count - reach..=count + reach).step_by(self.stride()) {
            let likeness = self.likeness(&forth[at..at + compared], &next[..compared]);
            if likeness > best.0 {
                best = (likeness, at as isize - count as isize);
            }
        }
        best
    }

    /// Goes on with the last period of `past` for so many samples; none where there is no past.
    fn go_on(&self, past: &[f32], count: usize) -> Vec<f32> {
        let period = self.find_period(past);
        let Some(begin) = past.len().checked_sub(period).filter(|_| period > 0) else { return Vec::new() };
        let quarter = (period / 4).min(begin);
        // How much the sound has changed within a period: it would begin with a step.
        let step = if begin > 0 { past[past.len() - 1] - past[begin - 1] } else { 0.0 };
        let loudest = peak(past);
        let sample = |i: usize| {
            let at = i % period;
            let mut s = past[begin + at];
            // The end of the period goes over into what lay before its beginning.
            if at + quarter >= period {
                let into = at + quarter - period;
                let over = into as f32 / quarter as f32;
                s = s * (1.0 - over) + past[begin - quarter + into] * over;
            }
            if i < quarter {
                s = (s + step * (1.0 - i as f32 / quarter as f32)).clamp(-loudest, loudest);
            }
            s
        };
        (0..count).map(sample).collect()
    }

    /// The lag at which the newest [`WINDOW_MS`] resemble the sound before them most; where there is
    /// too little to compare, [`WINDOW_MS`] or what there is.
    fn find_period(&self, past: &[f32]) -> usize {
        let window = self.samples(WINDOW_MS).min(past.len() / 2);
        let (shortest, longest) = (self.samples(MIN_PERIOD_MS), self.samples(MAX_PERIOD_MS));
        let longest = longest.min(past.len() - window);
        if longest <= shortest {
            return self.samples(WINDOW_MS).min(past.len());
        }
        let newest = &past[past.len() - window..];
        let mut best = (f32::MIN, longest);
        for lag in (shortest..=longest).step_by(self.stride()) {
            let start = past.len() - window - lag;
            let likeness = self.likeness(newest, &past[start..start + window]);
            if likeness > best.0 {
                best = (likeness, lag);
            }
        }
        best.1
    }

    /// High rates are compared at the resolution of 8 kHz: it is repetition for a fortieth of a
    /// second, not synthesis.
    fn stride(&self) -> usize {
        (self.rate_hz / 8000).max(1) as usize
    }

    /// How much the one goes the way of the other, whatever their loudness: at most 1.
    fn likeness(&self, a: &[f32], b: &[f32]) -> f32 {
        let (mut both, mut of_a, mut of_b) = (0.0f32, 1.0f32, 1.0f32);
        for (x, y) in a.iter().zip(b).step_by(self.stride()) {
            both += x * y;
            of_a += x * x;
            of_b += y * y;
        }
        both / (of_a * of_b).sqrt()
    }
}

fn peak(sound: &[f32]) -> f32 {
    sound.iter().fold(0.0, |peak, s| s.abs().max(peak))
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
        c.conceal(160, &[], &mut out);
        c.conceal(640, &[], &mut out);
        assert_eq!(out.len(), 800);
        for i in 0..40 {
            let wanted = f64::from(sound[400 + i]);
            assert!((f64::from(out[i]) - wanted).abs() < 700.0, "{i}: {} {wanted}", out[i]);
        }
        assert!(out[100..300].iter().any(|s| s.abs() > 1000));
        assert!(out[480..].iter().all(|&s| s == 0));
    }

    #[test]
    fn with_little_or_no_past() {
        let mut c = Concealer::new(16000);
        let mut out = Vec::new();
        c.conceal(100, &[], &mut out);
        assert_eq!(out, [0; 100]);
        c.received(&[500, -500]);
        out.clear();
        c.conceal(10, &[], &mut out);
        assert_eq!(out.len(), 10);
        c.reset();
        out.clear();
        c.conceal(3, &[], &mut out);
        assert_eq!(out, [0; 3]);
    }

    /// A voice whose pitch falls, with two overtones.
    fn voice(n: usize, rate: f64) -> Vec<i16> {
        let mut phase = 0.0;
        let sample = |i: usize| {
            phase += std::f64::consts::TAU * (130.0 - 20.0 * i as f64 / n as f64) / rate;
            (4000.0 * (phase.sin() + 0.6 * (2.0 * phase + 1.0).sin() + 0.3 * (5.0 * phase).sin())) as i16
        };
        (0..n).map(sample).collect()
    }

    fn noise_ratio_db(sound: &[i16], found: &[i16]) -> f64 {
        let square = |of: &dyn Fn(usize) -> f64| (0..sound.len()).map(|i| of(i).powi(2)).sum::<f64>();
        let signal = square(&|i| f64::from(sound[i]));
        10.0 * (signal / square(&|i| f64::from(sound[i]) - f64::from(found[i]))).log10()
    }

    #[test]
    fn a_loss_is_led_over_to_what_came_after() {
        for rate in [8000, 16_000, 48_000] {
            let ms = rate as usize / 1000;
            let sound = voice(400 * ms, f64::from(rate));
            for lost_ms in [20, 40, 60] {
                let (from, until) = (200 * ms, (200 + lost_ms) * ms);
                let mut c = Concealer::new(rate);
                c.received(&sound[..from]);
                let (mut blind, mut led) = (Vec::new(), Vec::new());
                c.clone().conceal(until - from, &[], &mut blind);
                c.conceal(until - from, &sound[until..until + 20 * ms], &mut led);
                assert_eq!(led.len(), until - from);
                let [blind, led_db] = [&blind, &led].map(|found| noise_ratio_db(&sound[from..until], found));
                assert!(led_db > 8.0 && led_db > blind + 3.0, "{lost_ms} ms at {rate}: {blind} {led_db} dB");
                let step = led[led.len() - 1].abs_diff(sound[until]);
                assert!(step < 2500, "{lost_ms} ms at {rate}: a step of {step}");
            }
        }
    }

    #[test]
    fn nothing_is_led_over_further_than_may_be_invented() {
        let sound = tone(1600, 57);
        let mut c = Concealer::new(8000);
        c.received(&sound[..400]);
        let mut out = Vec::new();
        c.conceal(481, &sound[881..1041], &mut out);
        assert_eq!(out.len(), 481);
        assert!(out[440..].iter().all(|s| s.abs() < 1000), "it fades");
    }

    #[test]
    fn no_length_and_no_sound_is_too_odd() {
        for rate in [8000, 16_000, 44_100] {
            for (past, samples, next) in
                [(0, 160, 160), (1, 1, 40), (3, 0, 500), (90, 2, 41), (700, 479, 45), (5000, 480, 9000)]
            {
                for sound in [[i16::MAX; 9000], [i16::MIN; 9000], [0; 9000]] {
                    let mut c = Concealer::new(rate);
                    c.received(&sound[..past]);
                    let mut out = Vec::new();
                    c.conceal(samples, &sound[..next], &mut out);
                    assert_eq!(out.len(), samples, "{past} {samples} {next}");
                }
            }
        }
    }
}
