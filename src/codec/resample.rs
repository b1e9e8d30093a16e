//! Sample-rate conversion of a stream that comes in packets.
//!
//! The filter looks 5 ms ahead, so output trails input; [`Resampler::lag`]
//! says by how much, and nothing is shifted: the first sample that comes out
//! is the first that went in.

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

/// Rates that can be converted into one another with short blocks.
pub const RATES_HZ: [u32; 10] =
    [8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];

/// Blocks a second: 10 ms each, or the next length both rates divide.
const BLOCKS_PER_S: u32 = 100;

/// Converter of one mono stream.
#[derive(Debug)]
pub struct Resampler {
    // 64-bit: the rounding to 16 bits then does not depend on which vector
    // instructions the machine has.
    fft: Fft<f64>,
    from_hz: u32,
    to_hz: u32,
    /// Input of the block being filled.
    block: Vec<f64>,
    converted: Vec<f64>,
    /// Output of the filter's delay, still to be dropped.
    to_skip: usize,
    fed: u64,
    given: u64,
}

impl Resampler {
    /// Between two of [`RATES_HZ`]; `None` for any other rate.
    pub fn new(from_hz: u32, to_hz: u32) -> Option<Resampler> {
        if !RATES_HZ.contains(&from_hz) || !RATES_HZ.contains(&to_hz) {
            return None;
        }
        let fft = Fft::new_custom(
            from_hz as usize,
            to_hz as usize,
            (from_hz / BLOCKS_PER_S) as usize,
            1,
            1,
            WindowFunction::Blackman,
            FixedSync::Both,
        )
        .ok()?;
        let block = Vec::with_capacity(fft.input_frames_next());
        let converted = vec![0.0; fft.output_frames_next()];
        let to_skip = fft.output_delay();
        Some(Resampler { fft, from_hz, to_hz, block, converted, to_skip, fed: 0, given: 0 })
    }

    /// Takes samples at the one rate and appends those ready at the other.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        self.fed += samples.len() as u64;
        let size = self.fft.input_frames_next();
        let mut rest = samples;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(size - self.block.len()));
            self.block.extend(now.iter().map(|&s| f64::from(s)));
            rest = later;
            if self.block.len() == size {
                self.convert_block(out);
            }
        }
    }

    /// Output samples that belong to input already taken and have not come out:
    /// how far the next output lies before the place of the next input.
    pub fn lag(&self) -> usize {
        (self.due() - self.given) as usize
    }

    /// Appends the `lag()` samples still inside and starts afresh.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        let size = self.fft.input_frames_next();
        while self.given < self.due() {
            self.block.resize(size, 0.0);
            self.convert_block(out);
        }
        self.reset();
    }

    /// Forgets what is inside.
    pub fn reset(&mut self) {
        self.fft.reset();
        self.block.clear();
        self.to_skip = self.fft.output_delay();
        self.fed = 0;
        self.given = 0;
    }

    /// Output samples that the input taken so far amounts to.
    fn due(&self) -> u64 {
        self.fed * u64::from(self.to_hz) / u64::from(self.from_hz)
    }

    /// Converts a full block; never gives more than is due.
    fn convert_block(&mut self, out: &mut Vec<i16>) {
        let (inputs, outputs) = (self.block.len(), self.converted.len());
        let done = match (
            InterleavedSlice::new(&self.block, 1, inputs),
            InterleavedSlice::new_mut(&mut self.converted, 1, outputs),
        ) {
            (Ok(from), Ok(mut to)) => self.fft.process_into_buffer(&from, &mut to, None).is_ok(),
            _ => false,
        };
        if !done {
            // Cannot happen: the block sizes are the converter's own. Silence keeps the length.
            self.converted.fill(0.0);
        }
        self.block.clear();
        let skip = self.to_skip.min(outputs);
        self.to_skip -= skip;
        let take = (outputs - skip).min(self.lag());
        let ready = &self.converted[skip..skip + take];
        // `as` saturates: overshoot clips.
        out.extend(ready.iter().map(|&s| s.round() as i16));
        self.given += take as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone that begins and ends within the stream.
    fn tone(rate_hz: u32, hz: f64, n: usize) -> Vec<i16> {
        (0..n)
            .map(|i| {
                let t = i as f64 / f64::from(rate_hz);
                (8000.0 * (std::f64::consts::TAU * hz * t).sin()) as i16
            })
            .collect()
    }

    #[test]
    fn keeps_place_and_length_between_all_rates() {
        for from in RATES_HZ {
            for to in RATES_HZ.into_iter().filter(|&to| to != from) {
                let sound = tone(from, 440.0, from as usize / 2);
                let mut r = Resampler::new(from, to).unwrap();
                let mut out = Vec::new();
                for packet in sound.chunks(from as usize / 50) {
                    r.push(packet, &mut out);
                    assert!(r.lag() <= to as usize / 15, "{from} {to}: {}", r.lag());
                }
                r.finish(&mut out);
                let wanted = tone(to, 440.0, sound.len() * to as usize / from as usize);
                assert_eq!(out.len(), wanted.len(), "{from} {to}");
                // The middle of a filter of odd length lies between two samples.
                let even = r.fft.input_frames_next() % 2 == 0 && r.fft.output_frames_next() % 2 == 0;
                let steepest = 8000.0 * std::f64::consts::TAU * 440.0 / f64::from(from.min(to));
                let allowed = if even { 40 } else { 40 + (0.5 * steepest) as i32 };
                let border = to as usize / 50;
                for i in border..out.len() - border {
                    let off = i32::from(out[i]) - i32::from(wanted[i]);
                    assert!(off.abs() < allowed, "{from} {to} at {i}: {} {}", out[i], wanted[i]);
                }
            }
        }
    }

    #[test]
    fn other_rates_are_refused() {
        assert!(Resampler::new(8000, 44_101).is_none());
        assert!(Resampler::new(0, 8000).is_none());
    }

    #[test]
    fn full_scale_clips_and_does_not_wrap() {
        let square: Vec<i16> = (0..800).map(|i| if i / 40 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let mut r = Resampler::new(8000, 16_000).unwrap();
        let mut out = Vec::new();
        r.push(&square, &mut out);
        r.finish(&mut out);
        for (i, &s) in out.iter().enumerate().filter(|(i, _)| (i % 80).abs_diff(40) < 20) {
            assert_eq!(s > 0, i / 80 % 2 == 0, "{i}: {s}");
        }
    }
}
