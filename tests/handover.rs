//! A recorder hands over to the next one: whatever the moment, both together record what one would
//! have recorded, order by order and packet by packet.
//!
//! `NAUHURI_SEED=n` chooses other moments.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

#[path = "common/mod.rs"]
mod common;

#[path = "handover/relay.rs"]
mod relay;

use common::repository;
use common::rng::Rng;
use relay::{Captured, captured, told};

/// Moments at which it is handed over: one to three.
fn moments(rng: &mut Rng, frames: &Captured) -> Vec<i64> {
    let Some((first, last)) = frames.first().zip(frames.last()) else { return Vec::new() };
    let (first, last) = (first.ts.as_ns(), last.ts.as_ns());
    let mut all: Vec<i64> =
        (0..1 + rng.below(3)).map(|_| first + rng.range(0.0, (last - first) as f64) as i64).collect();
    all.sort_unstable();
    all
}

/// What was recorded otherwise by those who handed over than by one alone.
pub fn differences(config: &str, frames: &Captured, rounds: usize) -> Vec<String> {
    let seed = std::env::var("NAUHURI_SEED").map_or(7, |seed| seed.parse().unwrap());
    let (whole, mut rng) = (told(config, frames, &[]), Rng::new(seed));
    let of = |_| {
        let at = moments(&mut rng, frames);
        let difference = whole.difference(&told(config, frames, &at))?;
        Some(format!("seed {seed}, handed over at {at:?}: {difference}"))
    };
    (0..rounds).filter_map(of).collect()
}

#[test]
fn our_captures_are_recorded_alike() {
    let config = std::fs::read_to_string(repository("pcaps/nauhuri.toml")).unwrap();
    let mut wrong = Vec::new();
    let mut paths: Vec<_> = common::run::files(&repository("pcaps"));
    paths.retain(|p| p.extension().is_some_and(|e| e == "pcap"));
    assert!(paths.len() > 50, "{}", paths.len());
    for path in paths {
        // What a connection said before is not seen by who comes later.
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(frames) = captured(&[path]) else { continue };
        wrong.extend(differences(&config, &frames, 8).into_iter().map(|d| format!("{name}: {d}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
