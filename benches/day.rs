//! A day of 10,000 calls of every kind (`tests/day.rs` plays one of 300).
//!
//! `NAUHURI_DAY=n` is another day, `NAUHURI_CALLS=n` how many calls it has,
//! `NAUHURI_BENCH_DIR` where its 2 GB of files go (a folder in memory, where there is one).

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/field/mod.rs"]
mod field;

use field::seeds::number;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    // `cargo test --benches` runs this too: it must not take minutes there.
    if !std::env::args().any(|a| a == "--bench") {
        return ExitCode::SUCCESS;
    }
    let calls = number("NAUHURI_CALLS").unwrap_or(10_000) as u32;
    let day = match field::day::day(number("NAUHURI_DAY").unwrap_or(1), calls, &base()) {
        Ok(day) => day,
        Err(e) => {
            eprintln!("day: {e}");
            return ExitCode::FAILURE;
        }
    };
    for what in day.wrong.iter().take(60) {
        eprintln!("{what}");
    }
    println!("{}", day.table());
    if day.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Memory, where the disk is not what is measured.
fn base() -> PathBuf {
    match std::env::var_os("NAUHURI_BENCH_DIR") {
        Some(named) => named.into(),
        None if Path::new("/dev/shm").is_dir() => "/dev/shm".into(),
        None => std::env::temp_dir(),
    }
}
