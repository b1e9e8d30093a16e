//! A child process and what it used, read from `/proc` (proc_pid_stat(5), proc_pid_status(5)).
//!
//! A child that has ended keeps its times until it is waited for; its peak
//! memory is looked at while it runs.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
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

/// What a child used, and said through a pipe.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// What it used.
    pub usage: Usage,
    /// From start to its first byte.
    pub first: Duration,
    /// Bytes it wrote.
    pub bytes: u64,
    /// Lines it wrote.
    pub lines: u64,
}

impl Said {
    /// The least of each.
    pub fn least(self, other: Said) -> Said {
        Said { usage: self.usage.least(other.usage), first: self.first.min(other.first), ..self }
    }
}

/// Runs the recorder and measures it.
pub fn run(arguments: &[&OsStr]) -> io::Result<Usage> {
    let began = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_nauhuri")).args(arguments).stdout(Stdio::null()).spawn()?;
    watch(child, began, arguments)
}

/// Runs the recorder, reads what it says and measures it.
pub fn ask(arguments: &[&OsStr]) -> io::Result<Said> {
    let began = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nauhuri"));
    let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let Some(mut out) = child.stdout.take() else { return Err(io::Error::other("no pipe")) };
    let reader = std::thread::spawn(move || -> io::Result<_> {
        let (mut block, mut first, mut bytes, mut lines) = (vec![0; 64 << 10], None, 0, 0);
        loop {
            let n = out.read(&mut block)?;
            first.get_or_insert_with(|| began.elapsed());
            bytes += n as u64;
            lines += memchr::memchr_iter(b'\n', &block[..n]).count() as u64;
            if n == 0 {
                return Ok((first.unwrap_or_default(), bytes, lines));
            }
        }
    });
    let usage = watch(child, began, arguments)?;
    let (first, bytes, lines) = reader.join().map_err(|_| io::Error::other("panicked"))??;
    Ok(Said { usage, first, bytes, lines })
}

fn watch(mut child: Child, began: Instant, arguments: &[&OsStr]) -> io::Result<Usage> {
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
        peak_kib = peak_kib.max(peak(child.id()));
    };
    match child.wait()? {
        status if status.success() => Ok(Usage { cpu, wall, peak_kib }),
        status => Err(io::Error::other(format!("nauhuri {arguments:?}: {status}"))),
    }
}

/// Most memory a running process had resident at once, KiB.
pub fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    peak.and_then(|p| p.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
