//! Ten thousand attacks on a call by an outsider, and as many by somebody who knows its tags
//! (`tests/attacker.rs` plays 200 of each).
//!
//! `NAUHURI_SEED=n` plays one, `NAUHURI_SEEDS=n` so many; fails where any has moved anything.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/field/mod.rs"]
mod field;

use field::seeds::{each, seeds};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    // `cargo test --benches` runs this too: it must not take minutes there.
    if !std::env::args().any(|a| a == "--bench") {
        return ExitCode::SUCCESS;
    }
    let seeds = seeds(10_000);
    let mut moved = 0;
    for (who, knows) in [("outsider", false), ("insider", true)] {
        let began = Instant::now();
        let wrong = each(&seeds, |s| field::attacker::try_seed(*s, knows));
        for (_, what) in wrong.iter().take(40) {
            eprintln!("{what}");
        }
        let seconds = began.elapsed().as_secs_f64();
        println!("{who}: {} attacks in {seconds:.0} s, {} moved something", seeds.len(), wrong.len());
        moved += wrong.len();
    }
    if moved == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
