//! Where each packet's samples must lie in a recording, and where silence.
//!
//! The place follows from the contract alone: what a packet says lies where it
//! was on the wire without queueing, within 10 ms; what nobody said is digital
//! silence, but for 60 ms after a loss.

use super::run::Recording;
use super::voice::Packet;

/// How far a sample may lie from its place, ms.
pub const TOLERANCE_MS: f64 = 10.0;
/// How long a loss may be concealed, ms.
const CONCEAL_MS: f64 = 60.0;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Largest distance from the place, in samples.
    pub worst: i64,
    /// How often the distance changed from one packet to the next.
    pub moves: usize,
    /// Packets of which a part gave way.
    pub trimmed: usize,
    /// Packets looked for.
    pub packets: usize,
}

/// Checks one channel (8 kHz) against all that was sent to it.
///
/// # Errors
/// What is wrong, with the packet's place.
pub fn check(r: &Recording, channel: &str, sent: &[Packet]) -> Result<Found, String> {
    let heard = r.channel(channel);
    let answered = r.instant_ns("answered_at");
    let ended = r.instant_ns("ended_at");
    let length = heard.len() as i64;
    let mut covered = vec![false; heard.len()];
    let mut found = Found::default();
    let mut last_shift: Option<i64> = None;
    let mut spoken_to = 0;
    let tolerance = (TOLERANCE_MS * 8.0) as i64;
    for (i, p) in sent.iter().enumerate() {
        let place = (p.nominal_ns - answered).div_euclid(125_000);
        let n = p.samples.len() as i64;
        // What came too late for the recording is as good as lost to it.
        let heard_of = |at: &&i64| (answered..=ended).contains(*at);
        if p.captured_ns.iter().find(heard_of).is_none() {
            mark(&mut covered, place - tolerance, n + tolerance + (CONCEAL_MS * 8.0) as i64);
            // When it was sent after a pause nobody can know: it may be taken to follow what was heard.
            mark(&mut covered, spoken_to, tolerance + (CONCEAL_MS * 8.0) as i64);
            continue;
        }
        mark(&mut covered, place - tolerance, n + 2 * tolerance);
        spoken_to = place + n;
        // The edges of the recording may cut it.
        if place - tolerance < 0 || place + n + tolerance > length || n == 0 {
            continue;
        }
        let at = |shift: i64| equal(heard, place + shift, &p.samples);
        let near = last_shift.filter(|s| at(*s) == n);
        let shift = near.or_else(|| (-tolerance..=tolerance).max_by_key(|s| (at(*s), -s.abs())));
        let shift = shift.filter(|s| at(*s) >= 16.min(n)).ok_or_else(|| {
            let anywhere = (0..length - n).find(|f| heard[*f as usize..][..n as usize] == p.samples);
            format!(
                "{channel}: packet {i} of {} (at {:.3} s, frame {place}) is not within {tolerance} samples of its place; found at {anywhere:?}",
                sent.len(),
                (p.nominal_ns - answered) as f64 / 1e9,
            )
        })?;
        found.packets += 1;
        found.worst = found.worst.max(shift.abs());
        found.moves += usize::from(last_shift.is_some_and(|l| l != shift));
        found.trimmed += usize::from(at(shift) < n);
        last_shift = Some(shift);
    }
    match (0..heard.len()).find(|f| !covered[*f] && heard[*f] != 0) {
        Some(f) => {
            Err(format!("{channel}: sound at frame {f} ({:.3} s) where nothing was sent", f as f64 / 8e3))
        }
        None => Ok(found),
    }
}

/// Panics with what is wrong.
#[track_caller]
pub fn must(r: &Recording, channel: &str, sent: &[Packet]) -> Found {
    check(r, channel, sent).unwrap_or_else(|e| panic!("{e}"))
}

fn mark(covered: &mut [bool], from: i64, n: i64) {
    let end = (from + n).clamp(0, covered.len() as i64) as usize;
    let start = (from.max(0) as usize).min(end);
    covered[start..end].fill(true);
}

/// How many of the first or of the last samples stand at this place: where two sources of
/// one party meet, either end may have given way or been added to.
fn equal(heard: &[i16], place: i64, samples: &[i16]) -> i64 {
    let pairs = samples.iter().enumerate();
    let head = pairs.take_while(|(i, s)| heard.get((place + *i as i64) as usize) == Some(s)).count() as i64;
    head.max(tail_equal(heard, place, samples))
}

/// How many of the last samples stand at this place.
fn tail_equal(heard: &[i16], place: i64, samples: &[i16]) -> i64 {
    let pairs = samples.iter().enumerate().rev();
    pairs.take_while(|(i, s)| heard.get((place + *i as i64) as usize) == Some(s)).count() as i64
}
