//! A store of a million recordings on disk, and the commands on it as people
//! run them: whole processes of the release build, their output through a pipe.
//!
//! `cargo bench --bench million`. The environment sets `NAUHURI_BENCH_RECORDINGS`
//! (1000000; 2 files and 8 KiB each), `NAUHURI_BENCH_RUNS` (3; the least counts),
//! `NAUHURI_BENCH_STORE` (a folder that is kept, and used again; else a temporary
//! one), `NAUHURI_BENCH_DUE` (10000, of each sweep), `NAUHURI_BENCH_CONCURRENT` (200,
//! calls at once while the daemon sweeps) and `NAUHURI_BENCH_PARTS` (a list of `list`,
//! `one`, `sweep`, `walk`; all). The sweep beside a live capture needs root and
//! `unshare --net`; where that is not to be had it says so.

#[path = "common/archive.rs"]
mod archive;
#[allow(dead_code, reason = "shared; each bench needs a part of it")]
#[path = "common/generate.rs"]
mod generate;
#[allow(dead_code, reason = "shared; each bench needs a part of it")]
#[path = "common/process.rs"]
mod process;
#[path = "common/sweep.rs"]
mod sweep;

use archive::Archive;
use nauhuri::archive::search::Search;
use nauhuri::store::mark::state_folder;
use nauhuri::time::Timestamp;
use process::Said;
use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// How long the daemon records before it sweeps, and while the load is measured alone.
const SWEEP_EVERY: &str = "40s";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let done = match arguments.iter().position(|a| a == sweep::INSIDE) {
        // In a net of its own.
        Some(at) => sweep::inside(&arguments[at + 1..]),
        None => run(arguments.iter().any(|a| a == "--bench")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("million: {e}");
            ExitCode::FAILURE
        }
    }
}

/// The store and how to call it.
struct Bench {
    root: PathBuf,
    config: PathBuf,
    archive: Archive,
    due: u64,
    runs: u64,
}

fn run(bench: bool) -> io::Result<()> {
    let now = Timestamp::from_jiff(jiff::Timestamp::now());
    // Without `--bench` cargo asks only whether it works.
    let (recordings, due, runs) = if bench { (1_000_000, 10_000, 3) } else { (1_000, 10, 1) };
    let temporary = tempfile::tempdir()?;
    let folder = std::env::var_os("NAUHURI_BENCH_STORE").map_or(temporary.path().to_owned(), PathBuf::from);
    let bench_ = Bench {
        root: folder.join("store"),
        config: folder.join("nauhuri.toml"),
        archive: Archive::before(now, number("NAUHURI_BENCH_RECORDINGS", recordings)),
        due: number("NAUHURI_BENCH_DUE", due),
        runs: number("NAUHURI_BENCH_RUNS", runs),
    };
    let parts = std::env::var("NAUHURI_BENCH_PARTS").unwrap_or_else(|_| "list,one,sweep,walk".into());
    let wanted = |part| parts.split(',').any(|p| p == part);
    bench_.begin()?;
    if wanted("list") {
        bench_.lists()?;
    }
    if wanted("one") {
        bench_.one()?;
    }
    if wanted("sweep") {
        bench_.sweeps(bench)?;
    }
    if wanted("walk") {
        bench_.walks()?;
    }
    Ok(())
}

impl Bench {
    fn begin(&self) -> io::Result<()> {
        let text = format!(
            "[capture]\ninterface = \"lo\"\n[agents]\nextensions = [\"2000-2999\"]\n[storage]\ndir = {:?}\nmin_free = \"0\"\nencoding = \"g711\"\n\
             [retention]\ntimezone = \"Europe/Helsinki\"\nsweep = \"{SWEEP_EVERY}\"\nguard = 0\nclock = \"any\"\n\
             [[service]]\nname = \"116117\"\nnumbers = [\"116117\"]\n\
             [[service]]\nname = \"rare\"\nnumbers = [\"116118\"]\n\
             [[service]]\nname = \"empty\"\nnumbers = [\"116119\"]\n",
            self.root
        );
        let n = self.archive.recordings;
        println!("| {n} recordings | | | | |\n| --- | --- | --- | --- | --- |");
        if !self.config.exists() {
            let began = Instant::now();
            self.archive.make(&self.root)?;
            std::fs::write(&self.config, text)?;
            let seconds = began.elapsed().as_secs_f64();
            row("made", &format!("{seconds:.1} s; {:.0} a second", n as f64 / seconds));
        }
        Ok(())
    }

    /// `reindex` and `verify`: rates.
    fn walks(&self) -> io::Result<()> {
        for command in [&["reindex"][..], &["verify", "--sample", "1000"], &["verify"]] {
            let said = self.ask(command, 1)?;
            let rate = self.archive.recordings as f64 / said.usage.wall.as_secs_f64();
            row(&command.join(" "), &format!("{}; {rate:.0} recordings a second", used(&said)));
        }
        Ok(())
    }

    fn lists(&self) -> io::Result<()> {
        if !state_folder(&self.root, None).join(nauhuri::archive::index::INDEX).exists() {
            self.ask(&["reindex"], 1)?;
        }
        println!(
            "| list, a table / --csv / --json | rows | s, first line | s, all | MB, peak memory |\n| --- | --- | --- | --- | --- |"
        );
        for (filter, arguments) in self.filters() {
            for form in ["", "--csv", "--json"] {
                let words: Vec<&str> = arguments.split_whitespace().collect();
                let command: Vec<&str> =
                    ["list"].into_iter().chain(words).chain((!form.is_empty()).then_some(form)).collect();
                let said = self.ask(&command, self.runs)?;
                let rows = said.lines.saturating_sub(if form == "--json" { 2 } else { 1 });
                println!(
                    "| {filter} {form} | {rows} | {:.3} | {:.3} | {:.0} |",
                    said.first.as_secs_f64(),
                    said.usage.wall.as_secs_f64(),
                    said.usage.peak_kib as f64 / 1024.0
                );
            }
        }
        Ok(())
    }

    fn filters(&self) -> Vec<(&'static str, String)> {
        let day = |back: i64| {
            let at = self.archive.today.to_jiff() - jiff::SignedDuration::from_hours(24 * back);
            at.strftime("%Y-%m-%d").to_string()
        };
        let own = |text: &str| text.to_owned();
        vec![
            ("everything", String::new()),
            ("a day", format!("--since {0} --until {0}", day(100))),
            ("a day, a service", format!("--since {0} --until {0} --service 116117", day(100))),
            ("ten days", format!("--since {} --until {}", day(109), day(100))),
            ("newest 50", own("--limit 50")),
            ("newest 20000", own("--limit 20000")),
            ("service, 60 %", own("--service general")),
            ("service, 5 %", own("--service rare")),
            ("service, none", own("--service empty")),
            ("agent", own("--agent 2077")),
            ("direction, 20 %", own("--direction outbound")),
            ("direction, 80 %", own("--direction inbound")),
            ("number, 3 digits", own("--number 404")),
            ("number, 6 digits", own("--number 404242")),
            ("number, none", own("--number 999999999")),
            ("longer than 15 min", own("--longer 15m")),
            ("longer than 29 min", own("--longer 29m")),
            ("shorter than 2 s", own("--shorter 2s")),
            ("held", own("--flag held")),
            ("restricted", own("--flag restricted")),
            ("incomplete", own("--flag incomplete")),
            ("one-way", own("--flag one-way")),
            ("expiring", own("--flag expiring")),
        ]
    }

    /// Commands on one recording.
    fn one(&self) -> io::Result<()> {
        let index = sweep::index_of(&self.root)?;
        let newest = index.find(&Search { limit: Some(1), ..Search::default() }).map_err(io::Error::other)?;
        let Some(id) = newest.first().map(|r| r.id.to_string()) else { return Ok(()) };
        let short = &id[id.len() - 8..];
        for command in [
            &["show", &id][..],
            &["show", short, "--json"],
            &["hold", &id, "--reason", "crime", "--ref", "bench"],
            &["release", &id, "--ref", "bench"],
            &["forecast", "--days", "180"],
            &["expire", "--dry-run"],
        ] {
            // A hold of the same case is none the second time.
            let again = if matches!(command[0], "hold" | "release") { 1 } else { self.runs };
            row(
                &command.join(" ").replace(&id, "UUID").replace(short, "SHORT"),
                &used(&self.ask(command, again)?),
            );
        }
        Ok(())
    }

    /// By hand, in the order terms end; then by the daemon, all over the year, beside a live capture.
    fn sweeps(&self, bench: bool) -> io::Result<()> {
        let oldest = sweep::choose(&self.root, self.due, false)?;
        sweep::fall_due(&self.root, &oldest)?;
        row(&format!("expire, the oldest {}", oldest.len()), &used(&self.ask(&["expire"], 1)?));
        row("list --limit 1, the first after it", &used(&self.ask(&["list", "--limit", "1"], 1)?));
        if bench {
            sweep::beside_a_capture(&self.root, &self.config, self.due)?;
        }
        row("list --limit 1, the first after it", &used(&self.ask(&["list", "--limit", "1"], 1)?));
        row("list --limit 1, the second", &used(&self.ask(&["list", "--limit", "1"], 1)?));
        Ok(())
    }

    fn ask(&self, command: &[&str], runs: u64) -> io::Result<Said> {
        let config: [&OsStr; 2] = ["--config".as_ref(), self.config.as_os_str()];
        let arguments: Vec<&OsStr> = command.iter().map(OsStr::new).chain(config).collect();
        let mut least: Option<Said> = None;
        for _ in 0..runs {
            let said = process::ask(&arguments)?;
            least = Some(least.map_or(said, |l| l.least(said)));
        }
        least.ok_or_else(|| io::Error::other("no run"))
    }
}

fn used(said: &Said) -> String {
    let usage = said.usage;
    format!(
        "{:.3} s, {:.2} s CPU, {:.0} MB",
        usage.wall.as_secs_f64(),
        usage.cpu.as_secs_f64(),
        usage.peak_kib as f64 / 1024.0
    )
}

fn row(what: &str, measured: &str) {
    println!("| {what} | {measured} |");
}

fn number(name: &str, or: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(or)
}
