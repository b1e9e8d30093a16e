//! Writes a capture file of many calls, for load tests: `cargo run --release --example generate -- --help`.
//!
//! The calls come from `benches/common/generate.rs`, which the benches share; this file only owns the command line.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};

#[path = "../benches/common/generate.rs"]
mod generate;

use generate::Plan;

#[derive(Clone, Copy, ValueEnum)]
enum Codec {
    Pcmu,
    Pcma,
    G722,
}

#[derive(Clone, Copy, ValueEnum)]
enum Overlap {
    /// Every call starts within the first second.
    All,
    /// `--concurrent` calls at any time.
    Staggered,
}

/// Writes a capture of many calls to extensions 2000-2999 by way of 116117.
#[derive(Parser)]
struct Arguments {
    /// How many calls.
    #[arg(long, default_value_t = 1000)]
    calls: u32,
    /// Seconds from the answer to the BYE of each.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    #[arg(long, value_enum, default_value = "pcma")]
    codec: Codec,
    /// The capture to write; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[arg(long, value_enum, default_value = "all")]
    overlap: Overlap,
    /// How many calls run at a time with `--overlap staggered`.
    #[arg(long, default_value_t = 50)]
    concurrent: u32,
    /// Number of the first customer, international without `+`.
    #[arg(long, default_value_t = 358_400_000_000)]
    customers_number_base: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let codec = match arguments.codec {
        Codec::Pcmu => generate::Codec::Pcmu,
        Codec::Pcma => generate::Codec::Pcma,
        Codec::G722 => generate::Codec::G722,
    };
    let plan = Plan {
        calls: arguments.calls,
        seconds: arguments.seconds,
        codec,
        customers_base: arguments.customers_number_base,
        ..Plan::default()
    };
    let plan = match arguments.overlap {
        Overlap::All => plan.all_at_once(),
        Overlap::Staggered => plan.staggered(arguments.concurrent),
    };
    let began = Instant::now();
    match write(plan, &arguments.out) {
        Ok(frames) => {
            let seconds = began.elapsed().as_secs_f64();
            eprintln!("{frames} frames in {seconds:.2} s, {:.0} frames/s", frames as f64 / seconds);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("generate: {}: {error}", arguments.out.display());
            ExitCode::FAILURE
        }
    }
}

fn write(plan: Plan, path: &Path) -> io::Result<u64> {
    let sink: Box<dyn Write> =
        if path == Path::new("-") { Box::new(io::stdout().lock()) } else { Box::new(File::create(path)?) };
    generate::write_pcap(plan, &mut BufWriter::with_capacity(1 << 20, sink))
}
