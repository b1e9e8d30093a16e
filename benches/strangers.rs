//! Ten thousand scenarios of calls that share addresses (`tests/strangers.rs` plays 200 of them).
//!
//! `NAUHURI_SEED=n` plays one, `NAUHURI_SEEDS=n` so many; fails where any is wrong.

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
    let began = Instant::now();
    let seeds = seeds(10_000);
    let wrong = each(&seeds, |s| field::strangers::try_seed(*s));
    for (_, what) in wrong.iter().take(40) {
        eprintln!("{what}");
    }
    let seconds = began.elapsed().as_secs_f64();
    let mixed = wrong.iter().filter(|(_, what)| field::strangers::is_mixed(what)).count();
    println!(
        "strangers: {} scenarios in {seconds:.0} s, {mixed} with another's voice, {} otherwise not as reckoned",
        seeds.len(),
        wrong.len() - mixed
    );
    if mixed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
