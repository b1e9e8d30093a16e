//! The daemon's sweep while it records: `nauhuri record` on the loopback of a
//! net of its own, calls sent into it, recordings that fall due meanwhile.
//!
//! Told: what was dropped, how long writes took before and during, how long a
//! `hold` of another process waited.

use super::generate::{Codec, Generator, Plan};
use super::{process, row};
use nauhuri::archive::index::{Index, Row, TOMBSTONES};
use nauhuri::archive::search::Search;
use nauhuri::archive::{Archive, Place};
use nauhuri::config::Storage;
use nauhuri::store::mark::state_folder;
use nauhuri::store::sidecar::Sidecar;
use nauhuri::time::Timestamp;
use pcap::Capture;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What this program is called with inside the net.
pub const INSIDE: &str = "--inside";
/// Where the daemon tells its metrics; its net has nobody else.
const METRICS: &str = "127.0.0.1:9160";
/// Length of a call, seconds.
const CALL_S: u32 = 10;
/// How long the load runs before anything is measured, and then alone.
const WARM_UP: Duration = Duration::from_secs(12);
const ALONE: Duration = Duration::from_secs(10);
/// Longest wait for the sweep to begin and to end.
const PATIENCE: Duration = Duration::from_secs(300);

/// The index of a store that has one.
pub fn index_of(root: &Path) -> io::Result<Index> {
    let place = Place::of(&Storage { dir: root.to_owned(), ..Storage::default() });
    Archive::reopen(&place).map(|archive| archive.index).map_err(io::Error::other)
}

/// Gives recordings a term that ended an hour ago, in file and index, without the name of a file changing.
pub fn fall_due(root: &Path, rows: &[Row]) -> io::Result<()> {
    let mut index = index_of(root)?;
    let past = Timestamp::from_jiff(jiff::Timestamp::now()) - Duration::from_secs(3600);
    for row in rows {
        let json = row.json(root);
        let mut s = Sidecar::read(&json).map_err(io::Error::other)?;
        s.retention.until = Some(past);
        fs::write(&json, s.to_bytes()?)?;
        index.put(root, &json, &s).map_err(io::Error::other)?;
    }
    Ok(())
}

/// Of what is not held: `due` from the beginning, or `due` spread over all.
pub fn choose(root: &Path, due: u64, spread: bool) -> io::Result<Vec<Row>> {
    let index = index_of(root)?;
    let all = index.count(&Search::default()).map_err(io::Error::other)?;
    let every = if spread { (all / due.max(1)).max(1) } else { 1 };
    let (mut n, mut rows) = (0, Vec::new());
    let chosen = index.each(&Search::default(), |row| {
        n += 1;
        if n % every == 0 && !row.held {
            rows.push(row);
        }
        if rows.len() as u64 == due { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    chosen.map_err(io::Error::other)?;
    Ok(rows)
}

/// Runs [`inside`] in a net of its own, or says why it cannot.
pub fn beside_a_capture(root: &Path, config: &Path, due: u64) -> io::Result<()> {
    let script = "ip link set lo up && exec \"$@\"";
    let possible = Command::new("unshare").args(["--net", "sh", "-c", script, "sh", "true"]).output();
    if !possible.is_ok_and(|out| out.status.success()) {
        row("sweep beside a capture", "left out: it needs root, `unshare --net` and `ip`");
        return Ok(());
    }
    let program = std::env::current_exe()?;
    let done = Command::new("unshare")
        .args(["--net", "sh", "-c", script, "sh"])
        .args([program.as_os_str(), INSIDE.as_ref(), root.as_os_str(), config.as_os_str()])
        .arg(due.to_string())
        .status()?;
    if done.success() { Ok(()) } else { Err(io::Error::other(format!("beside a capture: {done}"))) }
}

/// The whole of it: the daemon, the calls, the sweep.
pub fn inside(arguments: &[String]) -> io::Result<()> {
    let [root, config, due] = arguments else { return Err(io::Error::other("root, config, due")) };
    let (root, config) = (PathBuf::from(root), PathBuf::from(config));
    let rows = choose(&root, due.parse().unwrap_or(0), true)?;
    let mut daemon = Daemon::start(&config)?;
    let load = Load::start(super::number("NAUHURI_BENCH_CONCURRENT", 200) as u32)?;
    std::thread::sleep(WARM_UP);
    let before = scrape()?;
    std::thread::sleep(ALONE);
    let alone = scrape()?;
    fall_due(&root, &rows)?;
    // The daemon's own time for it comes.
    let stones = state_folder(&root, None).join(TOMBSTONES);
    let length = || fs::metadata(&stones).map_or(0, |m| m.len());
    let (quiet, waited) = (length(), Instant::now());
    while length() == quiet && waited.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (began, start) = (Instant::now(), scrape()?);
    let holds = Holds::start(&config, &root)?;
    let swept = |m: &Metrics| {
        sum(m, "nauhuri_retention_deleted_total") - sum(&start, "nauhuri_retention_deleted_total")
    };
    let mut now = scrape()?;
    while swept(&now) < rows.len() as f64 && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
        now = scrape()?;
    }
    let seconds = began.elapsed().as_secs_f64();
    let held = holds.stop()?;
    let sent = load.stop()?;
    std::thread::sleep(Duration::from_secs(2));
    let end = scrape()?;
    let peak = daemon.stop()?;
    let a_second = rows.len() as f64 / seconds;
    row(
        "sweep beside a capture",
        &format!("{} deleted in {seconds:.1} s, {a_second:.0} a second", swept(&end)),
    );
    let dropped = sum(&end, "nauhuri_packets_dropped_total");
    row(
        "packets meanwhile",
        &format!(
            "{dropped} dropped of {sent} sent, {} received",
            sum(&end, "nauhuri_packets_received_total")
        ),
    );
    let (completed, failed) =
        (sum(&end, "nauhuri_recordings_completed_total"), sum(&end, "nauhuri_recordings_failed_total"));
    row("recordings meanwhile", &format!("{completed} completed, {failed} failed"));
    row("a write without the sweep", &writes(&before, &alone));
    row("a write during the sweep", &writes(&start, &now));
    row("hold and release, one after the other, meanwhile", &held);
    row("peak memory of the daemon", &format!("{:.0} MB", peak as f64 / 1024.0));
    Ok(())
}

/// `nauhuri record`, ended with this value at the latest.
struct Daemon(Child);

impl Daemon {
    fn start(config: &Path) -> io::Result<Daemon> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nauhuri"));
        let log = fs::File::create(config.with_extension("log"))?;
        command
            .args(["record", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let mut daemon = Daemon(command.spawn()?);
        let began = Instant::now();
        while scrape().is_err() {
            if daemon.0.try_wait()?.is_some() || began.elapsed() > PATIENCE {
                return Err(io::Error::other(
                    "the daemon does not answer; see the log beside its configuration",
                ));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        row("record, until it captures", &format!("{:.2} s", began.elapsed().as_secs_f64()));
        Ok(daemon)
    }

    /// Its peak memory, KiB.
    fn stop(&mut self) -> io::Result<u64> {
        let peak = process::peak(self.0.id());
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.0.wait()?;
        Ok(peak)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Gone already where all went well.
        drop(self.0.kill());
    }
}

/// Calls sent onto the loopback at their own pace.
struct Load {
    stop: Arc<AtomicBool>,
    sender: JoinHandle<io::Result<u64>>,
}

impl Load {
    fn start(concurrent: u32) -> io::Result<Load> {
        let stop = Arc::new(AtomicBool::new(false));
        let plan = Plan { calls: u32::MAX, seconds: CALL_S, codec: Codec::Pcma, ..Plan::default() };
        let plan = plan.staggered(concurrent);
        let mut line = Capture::from_device("lo").and_then(pcap::Capture::open).map_err(io::Error::other)?;
        let stopped = Arc::clone(&stop);
        let sender = std::thread::spawn(move || {
            let (mut generator, mut frame, mut sent) = (Generator::new(plan), Vec::new(), 0);
            let began = Instant::now();
            while let Some(at) = generator.next_frame(&mut frame) {
                let due = Duration::from_nanos(at - plan.start_ns);
                let passed = began.elapsed();
                if due > passed + Duration::from_millis(1) {
                    std::thread::sleep(due - passed);
                }
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                line.sendpacket(&frame[..]).map_err(io::Error::other)?;
                sent += 1;
            }
            Ok(sent)
        });
        Ok(Load { stop, sender })
    }

    /// How many frames were sent.
    fn stop(self) -> io::Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.sender.join().map_err(|_| io::Error::other("panicked"))?
    }
}

/// Somebody who holds and releases one recording all the time.
struct Holds {
    stop: Arc<AtomicBool>,
    worst_us: Arc<AtomicU64>,
    runner: JoinHandle<io::Result<u64>>,
}

impl Holds {
    fn start(config: &Path, root: &Path) -> io::Result<Holds> {
        let stop = Arc::new(AtomicBool::new(false));
        let worst_us = Arc::new(AtomicU64::new(0));
        let index = index_of(root)?;
        let newest =
            index.find(&Search { limit: Some(100), ..Search::default() }).map_err(io::Error::other)?;
        // Not one that the sweep takes away meanwhile.
        let now = Timestamp::from_jiff(jiff::Timestamp::now());
        let stays = newest.iter().find(|row| row.until.is_some_and(|until| until > now));
        let id = stays.map(|row| row.id.to_string()).unwrap_or_default();
        let (stopped, worst, config) = (Arc::clone(&stop), Arc::clone(&worst_us), config.to_owned());
        let runner = std::thread::spawn(move || {
            let mut runs = 0;
            while !stopped.load(Ordering::Relaxed) {
                for words in
                    [&["hold", "--reason", "crime", "--ref", "bench"][..], &["release", "--ref", "bench"]]
                {
                    let began = Instant::now();
                    let mut command = Command::new(env!("CARGO_BIN_EXE_nauhuri"));
                    command.args(words).arg(&id).arg("--config").arg(&config).stdout(Stdio::null());
                    if !command.status()?.success() {
                        return Err(io::Error::other(format!("{words:?} failed")));
                    }
                    worst.fetch_max(began.elapsed().as_micros() as u64, Ordering::Relaxed);
                    runs += 1;
                }
            }
            Ok(runs)
        });
        Ok(Holds { stop, worst_us, runner })
    }

    fn stop(self) -> io::Result<String> {
        self.stop.store(true, Ordering::Relaxed);
        let runs = self.runner.join().map_err(|_| io::Error::other("panicked"))??;
        let worst = self.worst_us.load(Ordering::Relaxed) as f64 / 1e3;
        Ok(format!("{runs} of them, at most {worst:.0} ms"))
    }
}

/// Series and their values.
type Metrics = BTreeMap<String, f64>;

fn scrape() -> io::Result<Metrics> {
    let mut stream = TcpStream::connect(METRICS)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let lines = text.lines().filter(|l| l.starts_with("nauhuri_"));
    Ok(lines
        .filter_map(|l| l.rsplit_once(' '))
        .filter_map(|(k, v)| Some((k.into(), v.parse().ok()?)))
        .collect())
}

fn sum(metrics: &Metrics, name: &str) -> f64 {
    let of_name = |series: &&String| series.split('{').next() == Some(name);
    metrics.iter().filter(|(series, _)| of_name(series)).map(|(_, value)| value).sum()
}

/// Mean and worst of the writes between two scrapes.
fn writes(from: &Metrics, to: &Metrics) -> String {
    let since = |name: &str| sum(to, name) - sum(from, name);
    let count = since("nauhuri_write_seconds_count");
    let mean = since("nauhuri_write_seconds_sum") / count.max(1.0) * 1e6;
    let above = |bound: f64| -> f64 {
        let at = |m: &Metrics| {
            m.get(&format!("nauhuri_write_seconds_bucket{{le=\"{bound}\"}}")).copied().unwrap_or(0.0)
        };
        count - (at(to) - at(from))
    };
    let slow = [0.001, 0.01, 0.1, 1.0].map(|b| format!("{} above {b} s", above(b))).join(", ");
    format!("{mean:.0} us in the mean of {count}; {slow}")
}
