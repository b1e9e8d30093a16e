//! A child process and what it used, read from `/proc` (proc_pid_stat(5), proc_pid_status(5)).
//!
//! A child that has ended keeps its times until it is waited for; its peak
//! memory is looked at while it runs.

use std::ffi::OsStr;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a child used.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// User and system time of all threads.
    pub cpu: Duration,
    /// From start to end.
    pub wall: Duration,
    /// Most memory resident at once, KiB.
    pub peak_kib: u64,
}

impl Usage {
    /// The least of each.
    pub fn least(self, other: Usage) -> Usage {
        Usage {
            cpu: self.cpu.min(other.cpu),
            wall: self.wall.min(other.wall),
            peak_kib: self.peak_kib.min(other.peak_kib),
        }
    }
}

/// Runs the recorder and measures it.
pub fn run(arguments: &[&OsStr]) -> io::Result<Usage> {
    let began = Instant::now();
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_nauhuri")).args(arguments).stdout(Stdio::null()).spawn()?;
    let folder = format!("/proc/{}", child.id());
    let mut peak_kib = 0;
    let (cpu, wall) = loop {
        std::thread::sleep(Duration::from_millis(2));
        let stat = std::fs::read_to_string(format!("{folder}/stat"))?;
        // After the name, which is in brackets: state, then ten numbers, then user and system time.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        if fields.first() == Some(&"Z") {
            let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
            break (Duration::from_millis((ticks(11) + ticks(12)) * 10), began.elapsed());
        }
        let status = std::fs::read_to_string(format!("{folder}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|p| p.trim().trim_end_matches(" kB").parse().ok());
        peak_kib = peak_kib.max(kib.unwrap_or(0));
    };
    match child.wait()? {
        status if status.success() => Ok(Usage { cpu, wall, peak_kib }),
        status => Err(io::Error::other(format!("nauhuri {arguments:?}: {status}"))),
    }
}
