//! Whose voice is it? Every sample of a channel must be its own speaker's, at its
//! place; silence is allowed where the scenario leaves a doubt.

use crate::common::oracle::TOLERANCE_MS;
use crate::common::run::Recording;
use crate::common::voice::Packet;

/// How long a loss may be concealed, samples.
const CONCEAL: i64 = 480;

/// A packet of the channel's own speaker.
#[derive(Clone, Debug)]
pub struct Sent {
    /// As sent.
    pub packet: Packet,
    /// The scenario leaves no doubt whose it is.
    pub certain: bool,
}

/// What was found of a speaker's own packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// At their place.
    pub heard: usize,
    /// Captured during the call and not there.
    pub missing: usize,
    /// When the first of those was said, seconds from the answer.
    pub first: f64,
}

/// Checks that a channel (8 kHz) holds its own speaker and nobody else.
///
/// # Errors
/// What is wrong.
pub fn listen(r: &Recording, channel: &str, sent: &[Sent]) -> Result<Tally, String> {
    let heard = r.channel(channel);
    let (answered, ended) = (r.instant_ns("answered_at"), r.instant_ns("ended_at"));
    let tolerance = (TOLERANCE_MS * 8.0) as i64;
    let mut covered = vec![false; heard.len()];
    let mut tally = Tally::default();
    let mut shift = 0;
    for (i, s) in sent.iter().enumerate() {
        let p = &s.packet;
        let (place, n) = ((p.nominal_ns - answered).div_euclid(125_000), p.samples.len() as i64);
        if !p.captured_ns.iter().any(|at| (answered..=ended).contains(at)) {
            continue;
        }
        let equal = |shift: i64| same(heard, place + shift, &p.samples);
        let found = if equal(shift) == n {
            Some(shift)
        } else {
            let best = (-tolerance..=tolerance).max_by_key(|s| (equal(*s), -s.abs()));
            best.filter(|s| equal(*s) >= 16.min(n))
        };
        let edge = place - tolerance < 0 || place + n + tolerance > heard.len() as i64;
        match found {
            Some(s) => {
                shift = s;
                tally.heard += 1;
                mark(&mut covered, place + s - tolerance, n + 2 * tolerance + CONCEAL);
            }
            None if edge => {
                // The edge of the recording may cut it to less than can be recognised.
                mark(&mut covered, place - tolerance, n + 2 * tolerance);
            }
            None if s.certain => {
                return Err(format!(
                    "{channel}: packet {i} of {} (at {:.3} s) is missing, though nobody else can own it",
                    sent.len(),
                    (p.nominal_ns - answered) as f64 / 1e9
                ));
            }
            None => {
                if tally.missing == 0 {
                    tally.first = (p.nominal_ns - answered) as f64 / 1e9;
                }
                tally.missing += 1;
            }
        }
    }
    match (0..heard.len()).find(|f| !covered[*f] && heard[*f] != 0) {
        Some(f) => Err(format!("{channel}: sound at {:.3} s that its speaker did not make", f as f64 / 8e3)),
        None => Ok(tally),
    }
}

/// The largest step, in samples, by which speech slips from one packet to the next; a pause of 100 ms may hide any.
pub fn slip(r: &Recording, channel: &str, sent: &[Packet]) -> i64 {
    let (heard, answered) = (r.channel(channel), r.instant_ns("answered_at"));
    let tolerance = (TOLERANCE_MS * 8.0) as i64;
    let (mut worst, mut last): (i64, Option<(i64, i64)>) = (0, None);
    for p in sent.iter().filter(|p| !p.captured_ns.is_empty()) {
        let place = (p.nominal_ns - answered).div_euclid(125_000);
        let equal = |shift: &i64| same(heard, place + shift, &p.samples);
        let Some(shift) = (-tolerance..=tolerance).find(|s| equal(s) >= 16) else { continue };
        if let Some((before, end)) = last
            && place - end < 800
        {
            worst = worst.max((shift - before).abs());
        }
        last = Some((shift, place + p.samples.len() as i64));
    }
    worst
}

/// How many of the first or of the last samples stand at this place.
fn same(heard: &[i16], place: i64, samples: &[i16]) -> i64 {
    let at = |i: usize| heard.get((place + i as i64) as usize);
    let head = samples.iter().enumerate().take_while(|(i, s)| at(*i) == Some(s)).count();
    let tail = samples.iter().enumerate().rev().take_while(|(i, s)| at(*i) == Some(s)).count();
    head.max(tail) as i64
}

fn mark(covered: &mut [bool], from: i64, n: i64) {
    let end = (from + n).clamp(0, covered.len() as i64) as usize;
    let start = (from.max(0) as usize).min(end);
    covered[start..end].fill(true);
}

/// Runs of eight samples of one channel, to be looked up.
pub struct Index<'a> {
    heard: &'a [i16],
    seen: Vec<u64>,
}

/// Bits of the index: some ten for each sample of a short call.
const BITS: u32 = 20;

impl<'a> Index<'a> {
    /// Of a channel.
    pub fn new(heard: &'a [i16]) -> Self {
        let mut seen = vec![0; 1 << (BITS - 6)];
        for run in heard.windows(8) {
            let h = hash(run);
            seen[h >> 6] |= 1u64 << (h & 63);
        }
        Index { heard, seen }
    }

    /// Where a run of eight samples stands, if anywhere.
    pub fn find(&self, run: &[i16]) -> Option<usize> {
        let h = hash(run);
        if self.seen[h >> 6] >> (h & 63) & 1 == 0 {
            return None;
        }
        self.heard.windows(8).position(|w| w == run)
    }

    /// Where any part of a packet stands, if anywhere: its beginning, middle and end are looked for.
    pub fn any_of(&self, packet: &Packet) -> Option<usize> {
        let n = packet.samples.len();
        let starts = [0, n / 3, 2 * n / 3, n.saturating_sub(8)];
        starts.iter().filter_map(|s| packet.samples.get(*s..*s + 8)).find_map(|run| self.find(run))
    }
}

fn hash(run: &[i16]) -> usize {
    let word = |half: &[i16]| half.iter().fold(0u64, |w, s| w << 16 | u64::from(*s as u16));
    let mixed = (word(&run[..4]).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ word(&run[4..8]))
        .wrapping_mul(0xD1B5_4A32_D192_ED03);
    (mixed >> (64 - BITS)) as usize
}
