//! The whole recorder: `nauhuri replay` as a child process, and a live capture's load in this one.
//!
//! `cargo bench --bench whole` prints a table for the README. The environment
//! sets `NAUHURI_BENCH_CALLS` (1000), `NAUHURI_BENCH_SECONDS` (60, the length of
//! a call) and `NAUHURI_BENCH_DIR` (a folder in memory, where there is one).
//! Linux only: processor time and peak memory are read from `/proc`.

#[allow(dead_code, reason = "shared; each bench needs a part of it")]
#[path = "common/generate.rs"]
mod generate;
#[path = "common/live.rs"]
mod live;
#[allow(dead_code, reason = "shared; each bench needs a part of it")]
#[path = "common/process.rs"]
mod process;
#[allow(dead_code, reason = "shared; each bench needs a part of it")]
#[path = "common/work.rs"]
mod work;

use generate::Codec;
use nauhuri::config::Config;
use process::Usage;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use work::Frames;

/// Runs of each; the least counts.
const RUNS: usize = 3;

fn main() -> ExitCode {
    // `cargo test --benches` runs this too: it must not take minutes there.
    if !std::env::args().any(|a| a == "--bench") {
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("whole: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let folder = tempfile::tempdir_in(base())?;
    println!("| what | measured |\n| --- | --- |");
    core_rows(folder.path());
    replay_rows(folder.path())?;
    memory_row(folder.path())?;
    let load = live::run(folder.path(), number("NAUHURI_BENCH_LIVE", 3000), 12)?;
    row(&format!("live load, {} packets/s for {:.0} s", load.per_second, load.seconds), &load.to_string());
    Ok(())
}

fn core_rows(folder: &Path) {
    let config = Config::default();
    let frames = Frames::of(work::plan(1000, 4, Codec::Pcma), |_| true);
    let engine = best(|| work::engine(&config, &frames).media) / frames.len() as u32;
    row("engine alone, 1,000 calls", &format!("{} ns a packet", engine.as_nanos()));
    for codec in [Codec::Pcma, Codec::G722] {
        let plan = work::plan(1000, 4, codec);
        let frames = Frames::of(plan, work::is_rtp);
        let tape = best(|| work::tapes(plan, &frames)) / frames.len() as u32;
        row(&format!("tape with decoding, {codec:?}"), &format!("{} ns a packet", tape.as_nanos()));
    }
    let message = work::invite();
    let parse = best(|| (0..10_000).map(|_| work::parse(std::hint::black_box(&message))).sum::<usize>());
    row("SIP INVITE with SDP, read", &format!("{} ns", (parse / 10_000).as_nanos()));
    let mut n = 0;
    let mut store = |seconds, sync| {
        best(|| {
            n += 1;
            work::store(folder, n, seconds, sync)
        })
    };
    let (empty, minute) = (store(0, false), store(60, false));
    row("recording opened and closed, without audio", &format!("{} us", empty.as_micros()));
    row("the same with a minute of audio", &format!("{} us", minute.as_micros()));
}

fn replay_rows(folder: &Path) -> io::Result<()> {
    let (calls, seconds) = (number("NAUHURI_BENCH_CALLS", 1000), number("NAUHURI_BENCH_SECONDS", 60));
    let capture = folder.join("load.pcap");
    let packets = write(&capture, calls, seconds, Codec::Pcma)?;
    println!("| replay of {calls} calls of {seconds} s, {packets} packets | |");
    for workers in [1, 2] {
        let mut least: Option<Usage> = None;
        for _ in 0..RUNS {
            let used = replay(&capture, &folder.join("out"), workers)?;
            least = Some(least.map_or(used, |l| l.least(used)));
        }
        let Some(used) = least else { continue };
        let ns = used.cpu.as_nanos() as f64 / packets as f64;
        let rate = packets as f64 / used.wall.as_secs_f64() / 1e6;
        row(
            &format!("whole path, {workers} worker(s)"),
            &format!("{ns:.0} ns CPU a packet; {rate:.2} M packets/s; {:.2} s", used.wall.as_secs_f64()),
        );
    }
    std::fs::remove_file(capture)
}

fn memory_row(folder: &Path) -> io::Result<()> {
    let peak = |calls| -> io::Result<u64> {
        let capture = folder.join("memory.pcap");
        write(&capture, calls, 10, Codec::Pcma)?;
        Ok(replay(&capture, &folder.join("out"), 1)?.peak_kib)
    };
    let (one, many) = (peak(1)?, peak(1000)?);
    let each = many.saturating_sub(one) as f64 / 999.0;
    row(
        "peak memory, 1,000 calls at once",
        &format!("{many} KiB; {each:.1} KiB a call above {one} KiB for one"),
    );
    Ok(())
}

/// Replays into a folder that is removed again.
fn replay(capture: &Path, out: &Path, workers: usize) -> io::Result<Usage> {
    let workers = workers.to_string();
    let used = process::run(&[
        "replay".as_ref(),
        "--workers".as_ref(),
        workers.as_ref(),
        "--json".as_ref(),
        "--out".as_ref(),
        out.as_os_str(),
        capture.as_os_str(),
    ])?;
    std::fs::remove_dir_all(out)?;
    Ok(used)
}

fn write(path: &Path, calls: u32, seconds: u32, codec: Codec) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    generate::write_pcap(work::plan(calls, seconds, codec), &mut out)
}

fn best<T>(mut work: impl FnMut() -> T) -> Duration {
    let once = |_| {
        let began = Instant::now();
        std::hint::black_box(work());
        began.elapsed()
    };
    (0..2 * RUNS + 1).map(once).min().unwrap_or_default()
}

fn row(what: &str, measured: &str) {
    println!("| {what} | {measured} |");
}

fn number(name: &str, or: u32) -> u32 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(or)
}

/// Memory, where the disk is not what is measured.
fn base() -> PathBuf {
    match std::env::var_os("NAUHURI_BENCH_DIR") {
        Some(named) => named.into(),
        None if Path::new("/dev/shm").is_dir() => "/dev/shm".into(),
        None => std::env::temp_dir(),
    }
}
