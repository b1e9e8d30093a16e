//! A day of mixed traffic: calls of every kind in the order of chance, rush
//! hours and quiet ones, in several files, some of them of a TAP.

use super::judge::{Store, judge};
use super::kinds::{KINDS, Kind};
use super::link::{Shot, direction, is_sip, tagged, write_pcap};
use super::stage::Stage;
use super::want::{Expected, Skipped};
use crate::common::ladder::ns;
use crate::common::rng::Rng;
use crate::common::run;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// How the recorder of the day is set up.
pub const CONFIG: &str = r#"
[agents]
extensions = ["2000-2999"]
[[service]]
name = "duty"
numbers = ["116117"]
retention = "5 years"
[[service]]
name = "closed"
numbers = ["9100"]
record = false
[[service]]
name = "calling"
numbers = ["9200"]
directions = ["outbound"]
[service_default]
name = "general"
[metrics]
listen = ""
"#;

/// One case as it is written: its frames and what must come of it.
fn played(kind: &Kind, seed: u64, n: u32, start: f64) -> (Vec<Shot>, Expected) {
    let mut stage = Stage::new(seed, n, start);
    let expected = (kind.make)(&mut stage);
    let shots = stage.scene.frames.iter().map(|(at, frame)| {
        let sip = is_sip(frame);
        let mut data = tagged(frame, &stage.vlans[usize::from(!sip)]);
        let wire = data.len() as u32;
        if let Some(snap) = stage.snap.filter(|_| !sip) {
            data.truncate(snap);
        }
        Shot { at: *at, data, wire }
    });
    let mut shots: Vec<Shot> = shots.collect();
    shots.sort_by_key(|s| s.at);
    (shots, expected)
}

/// One case alone, replayed and judged.
///
/// # Errors
/// What is wrong, with the kind and the seed; its capture is kept where `NAUHURI_KEEP` says.
pub fn alone(kind: &Kind, seed: u64) -> Result<(), String> {
    let shown = super::seeds::number("NAUHURI_SEED").is_some();
    by_itself(kind, seed, (seed % 800) as u32, 0.0, shown)
        .map_err(|e| format!("NAUHURI_KIND={} NAUHURI_SEED={seed}: {e}", kind.name))
}

/// One call of a day of `calls`, without the others.
///
/// # Errors
/// What is wrong, with its ladder.
pub fn out_of_a_day(seed: u64, calls: u32, n: u32) -> Result<(), String> {
    let case = &cases(seed, calls)[n as usize];
    by_itself(case.kind, seed, n, case.start, true)
}

fn by_itself(kind: &Kind, seed: u64, n: u32, start: f64, shown: bool) -> Result<(), String> {
    let (shots, expected) = played(kind, seed, n, start);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("case.pcap");
    write_pcap(&path, shots.iter());
    let run = run::replay_with(CONFIG, &[&path], &["--json", "--workers", "1"], &[]);
    let wrong = |e: String| {
        if let Some(keep) = std::env::var_os("NAUHURI_KEEP") {
            write_pcap(&PathBuf::from(keep).join(format!("{}-{seed}.pcap", kind.name)), shots.iter());
        }
        let more = match shown {
            true => format!("\n{}{}{}", ladder(&shots), run.stdout(), run.stderr()),
            false => String::new(),
        };
        Err(format!("{e}{more}"))
    };
    if !run.output.status.success() {
        return wrong(format!("failed: {}", run.stderr()));
    }
    let store = Store::new(&run.dir, run.summary());
    if let Err(e) = judge(&store, &expected) {
        return wrong(e);
    }
    match explained(&store).and_then(|()| reasons(&store, &expected.skipped)) {
        Err(e) => wrong(e),
        Ok(()) => Ok(()),
    }
}

/// Every answered call that is told of is recorded, or its assurance says why it is not.
fn explained(store: &Store) -> Result<(), String> {
    let lost = store.summary["failed"].as_array().map_or(0, Vec::len);
    let missing = store.assurances.iter().filter(|a| a["assurance"]["bucket"] == "missing").count();
    let excluded = store.assurances.len() - missing;
    let by_rule = store.unrecorded("direction") as usize;
    if missing != lost || excluded > by_rule {
        return Err(format!(
            "{missing} missing of {lost} failed, {excluded} excluded of {by_rule} by direction"
        ));
    }
    Ok(())
}

/// Are so many calls counted under each reason as must be?
fn reasons(store: &Store, skipped: &[Skipped]) -> Result<(), String> {
    let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for s in skipped {
        let (least, most) = counts.entry(s.reason).or_default();
        *most += 1;
        *least += u64::from(!s.optional);
    }
    for reason in ["no_agent", "internal", "service", "direction", "invite_unseen", "stray", "other_hop"] {
        let (least, most) = counts.get(reason).copied().unwrap_or_default();
        let told = store.unrecorded(reason);
        // A second hop or a fork that lost may be counted as such.
        let more = if matches!(reason, "other_hop" | "stray") { u64::MAX } else { most };
        if told < least || told > more {
            return Err(format!("{told} calls unrecorded as {reason}, expected {least} to {most}"));
        }
    }
    Ok(())
}

/// SIP as a ladder and how much media there was, for a reader.
fn ladder(shots: &[Shot]) -> String {
    let mut out = String::new();
    let mut media = 0;
    for s in shots {
        let at = (s.at - ns(0.0)) as f64 / 1e6;
        let text = String::from_utf8_lossy(&s.data);
        let Some(start) = ["INVITE ", "ACK ", "BYE ", "CANCEL ", "UPDATE ", "REFER ", "INFO ", "SIP/2.0 "]
            .iter()
            .filter_map(|m| text.find(m))
            .min()
            .filter(|_| text.contains("Call-ID"))
        else {
            media += 1;
            continue;
        };
        if media > 0 {
            out += &format!("             {media} datagrams of media\n");
            media = 0;
        }
        let field = |name: &str| text.lines().find(|l| l.starts_with(name)).unwrap_or("").trim_end();
        let line = text[start..].lines().next().unwrap_or("");
        out += &format!("{at:11.1}  {line}  {} {}\n", field("CSeq"), field("Call-ID"));
    }
    out
}

/// A day under way: when the next call begins.
struct Clock {
    rng: Rng,
    at: f64,
    left: u32,
    step: f64,
}

impl Clock {
    fn new(seed: u64) -> Self {
        Clock { rng: Rng::new(seed ^ 0xDA7), at: 0.0, left: 0, step: 1000.0 }
    }

    fn next(&mut self) -> f64 {
        if self.left == 0 {
            // An hour of another kind: a rush, a slow one, or after a silence of minutes.
            self.left = 20 + self.rng.below(120) as u32;
            self.step = *self.rng.pick(&[150.0, 400.0, 1500.0, 4000.0]);
            if self.rng.chance(0.3) {
                self.at += self.rng.range(70_000.0, 900_000.0);
                self.step *= 2.0;
            }
        }
        self.left -= 1;
        self.at += self.rng.range(0.0, 2.0 * self.step);
        self.at.round()
    }
}

/// Which kind comes next.
fn drawn(rng: &mut Rng) -> &'static Kind {
    let total: u32 = KINDS.iter().map(|k| k.weight).sum();
    let mut at = rng.below(u64::from(total)) as u32;
    for k in KINDS {
        if at < k.weight {
            return k;
        }
        at -= k.weight;
    }
    &KINDS[0]
}

/// Where each case of a day stands.
struct Case {
    kind: &'static Kind,
    start: f64,
}

fn cases(seed: u64, calls: u32) -> Vec<Case> {
    let (mut clock, mut rng) = (Clock::new(seed), Rng::new(seed));
    (0..calls)
        .map(|_| {
            let start = clock.next();
            Case { kind: drawn(&mut rng), start }
        })
        .collect()
}

/// Writes the capture files of a day into `dir`: each of some minutes, of one port or of a TAP's two.
fn write(dir: &Path, seed: u64, cases: &[Case]) -> Vec<PathBuf> {
    let mut rng = Rng::new(seed ^ 0xF11E);
    let mut files = Vec::new();
    let mut waiting: Vec<Shot> = Vec::new();
    let mut segment: Vec<Shot> = Vec::new();
    // `NAUHURI_FILES=1`: all in one, where files are not what is looked at.
    let single = super::seeds::number("NAUHURI_FILES") == Some(1);
    let per_file = if single { cases.len() } else { (cases.len() / 8).clamp(20, 500) };
    for (n, case) in cases.iter().enumerate() {
        let (shots, _) = played(case.kind, seed, n as u32, case.start);
        waiting.extend(shots);
        let last = n + 1 == cases.len();
        if (n + 1) % per_file == 0 || last {
            waiting.sort_by_key(|s| s.at);
            let until = cases.get(n + 1).map_or(i64::MAX, |c| ns(c.start));
            let ready = waiting.partition_point(|s| s.at < until);
            segment.extend(waiting.drain(..ready));
            flush(dir, !single && rng.chance(0.4), rng.chance(0.5), &mut segment, &mut files);
        }
    }
    files
}

/// Writes a segment of the day: one file, or a TAP's two in either order.
fn flush(dir: &Path, tap: bool, turned: bool, segment: &mut Vec<Shot>, files: &mut Vec<PathBuf>) {
    let name = |suffix: &str| dir.join(format!("{:03}{suffix}.pcap", files.len()));
    let written = if tap {
        let (one, two) = (name("-in"), name("-out"));
        write_pcap(&one, segment.iter().filter(|s| direction(&s.data)));
        write_pcap(&two, segment.iter().filter(|s| !direction(&s.data)));
        if turned { vec![two, one] } else { vec![one, two] }
    } else {
        let one = name("");
        write_pcap(&one, segment.iter());
        vec![one]
    };
    files.extend(written);
    segment.clear();
}

/// What a day came to.
pub struct Outcome {
    /// Calls that are not as expected, with kind and seed.
    pub wrong: Vec<String>,
    /// By kind: how many, how many wrong.
    pub kinds: BTreeMap<&'static str, (u32, u32)>,
    /// Seconds: writing, replaying, judging.
    pub seconds: [f64; 3],
    /// Packets in all files.
    pub packets: u64,
}

impl Outcome {
    /// How many of each kind are wrong, and the first of each.
    pub fn table(&self) -> String {
        let mut out = String::new();
        for (kind, (all, wrong)) in &self.kinds {
            let first = self.wrong.iter().find(|w| w.contains(&format!("({kind},")));
            out += &format!("{kind:20} {all:6} {wrong:6} wrong  {}\n", first.map_or("", String::as_str));
        }
        let [written, replayed, judged] = self.seconds;
        out + &format!(
            "{} wrong; {} packets, written in {written:.0} s, replayed in {replayed:.0} s, judged in {judged:.0} s\n",
            self.wrong.len(),
            self.packets
        )
    }
}

/// A day of `calls` cases, written, replayed and judged.
///
/// # Errors
/// The replay failed as a whole.
pub fn day(seed: u64, calls: u32, within: &Path) -> Result<Outcome, String> {
    let mut dir = tempfile::tempdir_in(within).map_err(|e| e.to_string())?;
    // For a look at the captures and recordings of a day that failed.
    dir.disable_cleanup(std::env::var_os("NAUHURI_KEEP").is_some());
    let began = std::time::Instant::now();
    let cases = cases(seed, calls);
    let files = write(dir.path(), seed, &cases);
    let written = began.elapsed().as_secs_f64();
    let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let run = run::replay_unread(CONFIG, &paths, &dir.path().join("out"));
    if !run.status.success() {
        return Err(String::from_utf8_lossy(&run.stderr).into_owned());
    }
    let replayed = began.elapsed().as_secs_f64();
    let summary: serde_json::Value = serde_json::from_slice(&run.stdout).map_err(|e| e.to_string())?;
    let packets = summary["packets"].as_u64().unwrap_or(0);
    let store = Store::new(&dir.path().join("out"), summary);
    let numbered: Vec<(usize, &Case)> = cases.iter().enumerate().collect();
    let skipped = Mutex::new(Vec::new());
    let wrong = super::seeds::each(&numbered, |(n, c)| {
        let (_, expected) = played(c.kind, seed, *n as u32, c.start);
        skipped.lock().unwrap().extend(expected.skipped.iter().cloned());
        judge(&store, &expected)
    });
    let mut kinds: BTreeMap<&'static str, (u32, u32)> = BTreeMap::new();
    cases.iter().for_each(|c| kinds.entry(c.kind.name).or_default().0 += 1);
    let mut told = Vec::new();
    for (n, what) in wrong {
        let kind = cases[n].kind.name;
        kinds.entry(kind).or_default().1 += 1;
        told.push(format!("day {seed}, call {n} ({kind}, at {:.1} s): {what}", cases[n].start / 1000.0));
    }
    for checked in [explained(&store), reasons(&store, &skipped.into_inner().unwrap())] {
        told.extend(checked.err());
    }
    let judged = began.elapsed().as_secs_f64();
    let seconds = [written, replayed - written, judged - replayed];
    Ok(Outcome { wrong: told, kinds, seconds, packets })
}
