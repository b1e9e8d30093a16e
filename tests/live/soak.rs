//! Killed at any moment, again and again, with calls and commands under way.
//!
//! Some lanes side by side, each with a recorder, a store and callers of its
//! own. A lane starts its recorder, kills it after a moment, and starts it
//! again; now and then it lets it finish, and everything is held against what
//! the callers know. `NAUHURI_KILLS` says how many kills (`make soak`: 1,000),
//! `NAUHURI_SEED` repeats a run's chances, though not its timing.

use crate::caller::{Call, Line, Who};
use crate::common::rng::Rng;
use crate::lifecycle::Store;
use crate::recorder::{NAUHURI, Setup, files_below};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

/// Kills without `NAUHURI_KILLS`.
const KILLS: u64 = 24;
/// Recorders side by side, at most.
const LANES: u64 = 4;
/// Callers of a lane.
const CALLERS: u64 = 8;
/// Kills between two looks at everything.
const LOOK_EVERY: u64 = 10;
/// What a crash may cost.
const MISSING: Duration = Duration::from_secs(1);
/// A small write and its sync that take longer are a pause of the machine.
const PAUSE: Duration = Duration::from_millis(40);
/// Pauses so long before a kill kept sound from the disk.
const BEFORE: Duration = Duration::from_secs(2);
/// Syncs that a worker waits for one after the other: three of a close, one of an opening.
const SYNCS: u32 = 4;

/// A call as those who talked know it.
#[derive(Clone)]
struct Talk {
    id: String,
    answered: Instant,
    sent_at: Vec<Instant>,
}

/// What callers and clerk leave for the lane to look at.
#[derive(Default)]
struct Board {
    talks: Mutex<BTreeMap<String, Talk>>,
    /// Recordings the clerk may take, by id: looked at already.
    known: Mutex<Vec<String>>,
    /// Told to be held, told to be erased; what came of it may be either.
    held: Mutex<BTreeSet<String>>,
    erased: Mutex<BTreeSet<String>>,
    /// Hang-ups so far.
    ended: AtomicU64,
    stop: AtomicBool,
    /// Held by the clerk while a command runs.
    desk: Mutex<()>,
    commands: AtomicU64,
    commands_killed: AtomicU64,
}

/// The machine's pauses, as somebody sees them who only writes and syncs a
/// little: a recorder that waits for its disk or a processor cannot do better.
#[derive(Default)]
struct Pulse {
    pauses: Mutex<Vec<(Instant, Instant)>>,
    stop: AtomicBool,
}

impl Pulse {
    fn beat(&self) {
        let dir = tempfile::tempdir().unwrap();
        let mut since = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            let file = fs::File::create(dir.path().join("beat")).unwrap();
            (&file).write_all(b"beat").and_then(|()| file.sync_all()).unwrap();
            std::thread::sleep(Duration::from_millis(10));
            let now = Instant::now();
            if now - since > PAUSE {
                lock(&self.pauses).push((since, now));
            }
            since = now;
        }
    }

    /// How long it paused in the last moments before.
    fn paused(&self, before: Instant) -> Duration {
        let from = before - BEFORE;
        let overlap =
            |(a, b): &(Instant, Instant)| (*b).min(before).saturating_duration_since((*a).max(from));
        lock(&self.pauses).iter().map(overlap).sum()
    }
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap()
}

/// What was found of one finished recording.
struct Kept {
    sidecar: Value,
    json: Vec<u8>,
}

/// What was done, and what it was seen to come to.
#[derive(Default, Debug)]
struct Sum {
    kills: u64,
    /// Of those, before the recorder was ready, and after it was asked to stop.
    starting: u64,
    stopping: u64,
    /// How often everything was looked at.
    looks: u64,
    /// Calls that have their recording, and those a crash had cut.
    calls: u64,
    recovered: u64,
    /// Finished recordings seen whole, and how often one was found as it had been.
    finished: u64,
    checked: u64,
    expired: u64,
    erased: u64,
    commands: u64,
    commands_killed: u64,
    /// Missing at the end of a call, at most.
    worst: Duration,
    /// More than a crash may cost, when the machine paused as long.
    excused: u64,
}

/// One life of a recorder.
struct Run {
    began: Instant,
    /// Where it was seen to be.
    ready: Option<Instant>,
    /// Just before its end was asked for.
    asked: Instant,
    dead: Instant,
}

struct Lane {
    line: Arc<Line>,
    setup: Arc<Setup>,
    store: Store,
    board: Arc<Board>,
    pulse: Arc<Pulse>,
    rng: Rng,
    runs: Vec<Run>,
    /// Calls answered before are looked at.
    looked: Instant,
    /// Finished recordings by the path of the sidecar.
    kept: HashMap<PathBuf, Kept>,
    gone: BTreeSet<PathBuf>,
    /// Put there when their time was over.
    due: BTreeSet<String>,
    planted: i64,
    sum: Sum,
}

#[test]
#[ignore = "make test-live"]
fn soak() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let kills = number("NAUHURI_KILLS").unwrap_or(KILLS);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = number("NAUHURI_SEED").unwrap_or(now.as_nanos() as u64);
    println!("{kills} kills, NAUHURI_SEED={seed}");
    let lanes = LANES.min(kills.div_ceil(8)).max(1);
    let began = Instant::now();
    let of = move |lane: u64| kills / lanes + u64::from(lane < kills % lanes);
    let pulse = Arc::new(Pulse::default());
    let beating = Arc::clone(&pulse);
    let beat = std::thread::spawn(move || beating.beat());
    let run = |lane: u64| {
        let pulse = Arc::clone(&pulse);
        move || Lane::new(seed ^ (lane << 56), pulse).run(of(lane))
    };
    let threads: Vec<_> = (0..lanes).map(|lane| std::thread::spawn(run(lane))).collect();
    let ends: Vec<_> = threads.into_iter().map(std::thread::JoinHandle::join).collect();
    let mut all = Sum::default();
    let mut failed = 0;
    for end in ends {
        match end {
            Ok(sum) => all.add(&sum),
            Err(_) => failed += 1,
        }
    }
    pulse.stop.store(true, Ordering::Relaxed);
    beat.join().unwrap();
    println!("{} pauses of the machine", lock(&pulse.pauses).len());
    println!("{all:#?}\nin {:.0} s", began.elapsed().as_secs_f64());
    assert_eq!(failed, 0, "lanes failed; NAUHURI_SEED={seed}");
    assert_eq!(all.kills, kills);
    assert!(all.recovered > 0 && all.finished > 0 && all.expired > 0);
}

impl Sum {
    fn add(&mut self, other: &Sum) {
        self.kills += other.kills;
        self.starting += other.starting;
        self.stopping += other.stopping;
        self.looks += other.looks;
        self.calls += other.calls;
        self.recovered += other.recovered;
        self.finished += other.finished;
        self.checked += other.checked;
        self.expired += other.expired;
        self.erased += other.erased;
        self.commands += other.commands;
        self.commands_killed += other.commands_killed;
        self.worst = self.worst.max(other.worst);
        self.excused += other.excused;
    }
}

impl Lane {
    fn new(seed: u64, pulse: Arc<Pulse>) -> Lane {
        let line = Line::new();
        let setup = Setup::on(&line);
        setup.configure("[retention]\nsweep = \"1s\"\nguard = 0\nclock = \"any\"\n");
        Lane {
            store: Store::at(&setup.store),
            line,
            setup: Arc::new(setup),
            board: Arc::default(),
            pulse,
            rng: Rng::new(seed),
            runs: Vec::new(),
            looked: Instant::now(),
            kept: HashMap::new(),
            gone: BTreeSet::new(),
            due: BTreeSet::new(),
            planted: 0,
            sum: Sum::default(),
        }
    }

    fn run(mut self, kills: u64) -> Sum {
        let mut busy = Vec::new();
        for _ in 0..CALLERS {
            let (line, board, rng) = (Arc::clone(&self.line), Arc::clone(&self.board), self.fork());
            busy.push(std::thread::spawn(move || make_calls(&line, &board, rng)));
        }
        let (board, rng, config) = (Arc::clone(&self.board), self.fork(), self.setup.config().to_owned());
        busy.push(std::thread::spawn(move || keep_office(&board, rng, &config)));
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for n in 1..=kills {
                self.plant();
                self.kill_once();
                if n % LOOK_EVERY == 0 || n == kills {
                    self.look();
                }
            }
        }));
        self.board.stop.store(true, Ordering::Relaxed);
        let ends: Vec<_> = busy.into_iter().map(std::thread::JoinHandle::join).collect();
        if let Err(e) = done {
            eprintln!("{:?}", self.sum);
            std::panic::resume_unwind(e);
        }
        assert!(ends.iter().all(Result::is_ok), "a caller or the clerk failed");
        self.sum.commands = self.board.commands.load(Ordering::Relaxed);
        self.sum.commands_killed = self.board.commands_killed.load(Ordering::Relaxed);
        self.sum
    }

    fn fork(&mut self) -> Rng {
        Rng::new(self.rng.next())
    }

    /// Some recordings whose time is long over. Nobody records meanwhile.
    fn plant(&mut self) {
        for _ in 0..self.rng.below(3) {
            self.planted += 1;
            let id = self.store.record(self.planted as u8, -3000 + self.planted / 200, -2000);
            self.due.insert(id.to_string());
        }
    }

    /// One start and one kill.
    fn kill_once(&mut self) {
        let began = Instant::now();
        let setup = Arc::clone(&self.setup);
        let mut recorder = setup.spawn(|_| {});
        let mut ready = None;
        if self.rng.chance(0.25) {
            // In the midst of starting: recovery, the index, the first sweep.
            std::thread::sleep(Duration::from_secs_f64(self.rng.range(0.0, 0.25)));
            self.sum.starting += 1;
        } else {
            recorder.wait_until_ready();
            ready = Some(Instant::now());
            std::thread::sleep(Duration::from_secs_f64(self.rng.range(0.0, 1.8)));
            self.note_finished();
            if self.rng.chance(0.5) {
                self.wait_for_a_hang_up();
                std::thread::sleep(Duration::from_secs_f64(self.rng.range(0.0, 0.04)));
            }
        }
        let asked = Instant::now();
        if ready.is_some() && self.rng.chance(0.15) {
            // In the midst of stopping.
            recorder.ask_to_stop();
            std::thread::sleep(Duration::from_secs_f64(self.rng.range(0.0, 0.3)));
            self.sum.stopping += 1;
        }
        recorder.kill();
        self.sum.kills += 1;
        self.runs.push(Run { began, ready, asked, dead: Instant::now() });
    }

    fn wait_for_a_hang_up(&self) {
        let had = self.board.ended.load(Ordering::Relaxed);
        let until = Instant::now() + Duration::from_secs(1);
        while self.board.ended.load(Ordering::Relaxed) == had && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// What has its final name is whole from that moment on, and is remembered.
    fn note_finished(&mut self) {
        for path in files_below(&self.setup.store, ".json") {
            if self.kept.contains_key(&path) || self.gone.contains(&path) {
                continue;
            }
            let json = fs::read(&path);
            let wav = fs::read(path.with_extension("wav"));
            let (Ok(json), Ok(wav)) = (json, wav) else {
                // Only what is due may go this fast.
                let name = path.file_stem().unwrap().to_string_lossy();
                assert!(self.due.iter().any(|id| name.ends_with(&id[28..])), "{} is torn", path.display());
                continue;
            };
            let sidecar: Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(sidecar["audio"]["sha256"], sha256(&wav), "{} is not whole", path.display());
            self.sum.finished += 1;
            self.kept.insert(path, Kept { sidecar, json });
        }
    }

    /// Lets a recorder finish, and holds everything there is against what is known.
    fn look(&mut self) {
        let began = Instant::now();
        let setup = Arc::clone(&self.setup);
        let recorder = setup.start();
        let ready = Instant::now();
        self.note_finished();
        recorder.wait_for("the sweep", 20, |_| self.due_and_there().is_empty());
        let board = Arc::clone(&self.board);
        let desk = lock(&board.desk);
        // Completes what the clerk was killed at.
        let (code, said) = setup.tell("expire");
        assert_eq!(code, Some(0), "{said}");
        let asked = Instant::now();
        recorder.stop_well();
        self.runs.push(Run { began, ready: Some(ready), asked, dead: Instant::now() });
        self.note_finished();
        setup.assert_sound("after kills");
        assert!(setup.files(".part").is_empty(), "{:?}", setup.files(".part"));
        self.check_kept();
        self.check_talks();
        self.looked = asked;
        // Calls answered while it stopped are looked at the next time.
        self.runs.drain(..self.runs.len() - 1);
        let asked_for = &*lock(&board.held) | &*lock(&board.erased);
        let ids = self.kept.values().map(|k| k.sidecar["id"].as_str().unwrap());
        let free = ids.filter(|id| !self.due.contains(*id) && !asked_for.contains(*id));
        *lock(&board.known) = free.map(Into::into).collect();
        self.sum.looks += 1;
        drop(desk);
    }

    /// What should have been deleted and was not.
    fn due_and_there(&self) -> Vec<&String> {
        let files = self.setup.files("");
        let names: BTreeSet<&str> = files.iter().filter_map(|f| f.to_str()).collect();
        let is_there = |id: &&String| names.iter().any(|n| n.contains(&id[28..]));
        self.due.iter().filter(is_there).collect()
    }

    /// Everything that was finished is there as it was, or gone for a reason and for good.
    fn check_kept(&mut self) {
        let (held, erased) = (lock(&self.board.held).clone(), lock(&self.board.erased).clone());
        let mut gone = Vec::new();
        for (path, kept) in &self.kept {
            let id = kept.sidecar["id"].as_str().unwrap();
            let wav = path.with_extension("wav");
            let Ok(json) = fs::read(path) else {
                assert!(self.due.contains(id) || erased.contains(id), "{} is lost", path.display());
                assert!(!wav.exists(), "{} is half gone", path.display());
                gone.push(path.clone());
                continue;
            };
            assert_eq!(
                kept.sidecar["audio"]["sha256"],
                sha256(&fs::read(&wav).unwrap()),
                "{}",
                wav.display()
            );
            if held.contains(id) {
                let mut now: Value = serde_json::from_slice(&json).unwrap();
                now["retention"]["hold"] = kept.sidecar["retention"]["hold"].clone();
                assert_eq!(now, kept.sidecar, "{}", path.display());
            } else {
                assert!(json == kept.json, "{} was changed", path.display());
            }
            self.sum.checked += 1;
        }
        self.sum.expired = self.due.len() as u64;
        for path in gone {
            let id = self.kept.remove(&path).map(|k| k.sidecar["id"].clone());
            self.sum.erased += u64::from(id.is_some_and(|id| erased.contains(id.as_str().unwrap())));
            self.gone.insert(path);
        }
        for path in &self.gone {
            assert!(!path.exists() && !path.with_extension("wav").exists(), "{} is back", path.display());
        }
    }

    /// Each call that a recorder heard answered has one recording, and what is
    /// missing at its end is what a crash may cost.
    fn check_talks(&mut self) {
        let mut recordings: HashMap<&str, Vec<&Value>> = HashMap::new();
        for kept in self.kept.values() {
            // Killed while the first word of it was written: its name is all there is.
            let Some(call) = kept.sidecar["sip"]["call_id"].as_str() else { continue };
            recordings.entry(call).or_default().push(&kept.sidecar);
        }
        let mut talks = lock(&self.board.talks);
        for talk in talks.values().filter(|t| t.answered > self.looked) {
            let here = recordings.get(talk.id.as_str()).map_or(&[][..], Vec::as_slice);
            assert!(here.len() <= 1, "twice: {here:#?}");
            let Some(run) = self.runs.iter().find(|r| r.began <= talk.answered && talk.answered <= r.dead)
            else {
                assert!(here.is_empty(), "of a call that nobody heard: {here:#?}");
                continue;
            };
            let last = talk.sent_at.iter().rfind(|t| **t <= run.asked);
            let spoken = last.map_or(Duration::ZERO, |t| *t - talk.answered);
            let is_heard = run.ready.is_some_and(|ready| ready <= talk.answered);
            let paused = self.pulse.paused(run.asked) * SYNCS;
            let Some(s) = here.first() else {
                assert!(!is_heard || spoken <= MISSING + paused, "{spoken:?} are lost: {}", talk.id);
                self.sum.excused += u64::from(is_heard && spoken > MISSING);
                continue;
            };
            let kept = s["audio"]["frames"].as_f64().unwrap() / s["audio"]["sample_rate"].as_f64().unwrap();
            let missing = spoken.saturating_sub(Duration::from_secs_f64(kept));
            let said = || format!("{missing:?} of {spoken:?} are missing, {paused:?} paused: {s:#}");
            assert!(missing <= MISSING + paused, "{}", said());
            self.sum.excused += u64::from(missing > MISSING);
            self.sum.worst = self.sum.worst.max(missing);
            self.sum.calls += 1;
            self.sum.recovered += u64::from(s["ended_by"] == "recovered");
        }
        let looked = self.runs.last().unwrap().asked;
        talks.retain(|_, t| t.answered > looked);
    }
}

/// One telephone: calls, talks, hangs up, calls again.
fn make_calls(line: &Arc<Line>, board: &Board, mut rng: Rng) {
    while !board.stop.load(Ordering::Relaxed) {
        let mut call = Call::answered(line);
        let note = |call: &Call| {
            let (answered, sent_at) = (call.answered.unwrap(), call.sent_at.clone());
            let talk = Talk { id: call.id.clone(), answered, sent_at };
            lock(&board.talks).insert(talk.id.clone(), talk);
        };
        let seconds = if rng.chance(0.3) { rng.range(0.1, 0.6) } else { rng.range(0.6, 2.5) };
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        while Instant::now() < until {
            note(&call);
            call.talk_until(0.2, &board.stop);
        }
        note(&call);
        call.bye(if rng.chance(0.5) { Who::Customer } else { Who::Agent });
        board.ended.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_secs_f64(rng.range(0.0, 0.3)));
    }
}

/// Commands beside the recorder, half of them killed as well.
fn keep_office(board: &Board, mut rng: Rng, config: &Path) {
    while !board.stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_secs_f64(rng.range(0.05, 0.6)));
        let _desk = lock(&board.desk);
        let mut known = lock(&board.known);
        if known.is_empty() {
            continue;
        }
        let at = rng.below(known.len() as u64) as usize;
        let id = known.swap_remove(at);
        drop(known);
        let mut command = Command::new(NAUHURI);
        if rng.chance(0.5) {
            lock(&board.held).insert(id.clone());
            command.args(["hold", &id, "--reason", "dsar", "--ref", "DSAR-1"]);
        } else {
            lock(&board.erased).insert(id.clone());
            command.args(["erase", &id, "--reason", "soak", "--yes"]);
        }
        command.arg("--config").arg(config).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        board.commands.fetch_add(1, Ordering::Relaxed);
        if rng.chance(0.5) {
            std::thread::sleep(Duration::from_secs_f64(rng.range(0.0, 0.12)));
            let _ = child.kill();
            board.commands_killed.fetch_add(1, Ordering::Relaxed);
            let _ = child.wait();
        } else {
            let out = child.wait_with_output().unwrap();
            assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
        }
    }
}

fn sha256(bytes: &[u8]) -> Value {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<String>().into()
}
