//! Whether the clock may be believed: a wrong one must not destroy half a year.
//!
//! A sweep asks three things, and is refused where one of them fails:
//!
//! 1. Is the clock synchronised? `/run/systemd/timesync/synchronized` says so
//!    for systemd-timesyncd; else `timedatectl` and then `chronyc` are asked, which
//!    know of any other daemon. Where nobody can say, it counts as not
//!    synchronised. `retention.clock = "any"` leaves this question out, for a
//!    container whose host keeps the time.
//! 2. Has it jumped since the last sweep? Within one boot the wall clock and
//!    `CLOCK_BOOTTIME` must have moved alike; over a reboot the wall clock must not
//!    have gone back, nor on by more than a year. What was last believed is kept
//!    in `clock-believed` of the state folder. A jump stays a jump until the clock is
//!    back, or somebody runs `nauhuri expire --ignore-clock` once.
//! 3. Where nothing was believed yet: does it fit the recordings? Not before the
//!    newest answer, not more than a year behind it.
//!
//! A jump of months over a reboot is left to the guard against mass deletion
//! ([`super::expire`]). Must not know what is deleted.

use crate::store::StoreError;
use crate::store::files::settle;
use crate::time::{NS_PER_S, Timestamp};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// File of the last reading that was believed.
const FILE: &str = "clock-believed";
/// Wall clock and boot clock may drift apart by this much: a step of NTP after a
/// long outage, not a wrong date.
const JUMP: Duration = Duration::from_secs(3600);
/// A store without a new call or a sweep for longer is looked at by a person first.
const SILENCE: Duration = Duration::from_secs(366 * 86_400);
/// What timesyncd leaves once it has the time.
const TIMESYNC: &str = "/run/systemd/timesync/synchronized";
/// How long a program may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether the clock is synchronised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Somebody says so.
    Yes,
    /// Somebody says it is not.
    No,
    /// Nobody can say.
    Unknown,
}

/// One look at the clocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock.
    pub wall: Timestamp,
    /// Time since boot, suspension included, nanoseconds.
    pub uptime_ns: i64,
    /// Which boot, or where that cannot be seen (`ProcSubset=pid`) which process.
    pub boot: String,
    /// Is it synchronised?
    pub sync: Sync,
}

/// Why the clock is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockTrouble {
    /// Not synchronised.
    #[error("the clock is not synchronised")]
    Unsynchronised,
    /// Nobody can say.
    #[error(
        "nothing on this machine can say whether the clock is synchronised (retention.clock = \"any\" does not ask)"
    )]
    Unknown,
    /// It moved otherwise than the time since boot.
    #[error("the clock has jumped by {0} s since it was last believed")]
    Jumped(i64),
    /// It is before the last sweep, or more than a year behind it.
    #[error("the clock is {0} s from when it was last believed")]
    FarFromLast(i64),
    /// What was last believed is there and cannot be read.
    #[error("what was last believed of the clock ({FILE}) cannot be read")]
    Forgotten,
    /// It is before the newest recording.
    #[error("the clock is before the newest recording by {0} s")]
    BeforeNewest(i64),
    /// It is more than a year behind the newest recording.
    #[error("the clock is more than a year behind the newest recording")]
    FarFromNewest,
}

impl ClockTrouble {
    /// One word, for a metric.
    pub const fn name(&self) -> &'static str {
        match self {
            ClockTrouble::Unsynchronised | ClockTrouble::Unknown => "clock_unsynchronised",
            ClockTrouble::Jumped(_) | ClockTrouble::FarFromLast(_) | ClockTrouble::Forgotten => {
                "clock_jumped"
            }
            ClockTrouble::BeforeNewest(_) | ClockTrouble::FarFromNewest => "clock_implausible",
        }
    }
}

/// What was believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Believed {
    wall_ns: i64,
    uptime_ns: i64,
    boot: String,
}

impl Reading {
    /// Looks at the clocks; `ask`: also whether they are synchronised, which may
    /// take seconds.
    pub fn take(ask: bool) -> Reading {
        let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Reading {
            wall: Timestamp::from_jiff(jiff::Timestamp::now()),
            uptime_ns: boot.tv_sec.saturating_mul(NS_PER_S).saturating_add(boot.tv_nsec),
            boot: boot_id(),
            sync: if ask { synchronised() } else { Sync::Unknown },
        }
    }

    /// Judges a reading. `newest`: the newest answer in the store. `ask`: whether
    /// it has to be synchronised.
    ///
    /// # Errors
    /// [`ClockTrouble`]: nothing may be deleted by it.
    pub fn judge(&self, state: &Path, newest: Option<Timestamp>, ask: bool) -> Result<(), ClockTrouble> {
        match self.sync {
            Sync::No if ask => return Err(ClockTrouble::Unsynchronised),
            Sync::Unknown if ask => return Err(ClockTrouble::Unknown),
            _ => {}
        }
        let jump = span_ns(JUMP);
        if let Some(last) = believed(state)? {
            let moved = self.wall.as_ns().saturating_sub(last.wall_ns);
            let lived = self.uptime_ns.saturating_sub(last.uptime_ns);
            let apart = moved.saturating_sub(lived);
            if self.boot == last.boot && apart.saturating_abs() > jump {
                return Err(ClockTrouble::Jumped(apart / NS_PER_S));
            }
            if moved < -jump || moved > span_ns(SILENCE) {
                return Err(ClockTrouble::FarFromLast(moved / NS_PER_S));
            }
            // It has gone on from what somebody answered for, whatever stamps calls bear
            // and however long none came.
            return Ok(());
        }
        match newest.map(|newest| self.wall.since_ns(newest)) {
            Some(since) if since < -jump => Err(ClockTrouble::BeforeNewest(-since / NS_PER_S)),
            Some(since) if since > span_ns(SILENCE) => Err(ClockTrouble::FarFromNewest),
            _ => Ok(()),
        }
    }

    /// Remembers a reading that was believed, or that somebody answers for.
    ///
    /// # Errors
    /// The state folder cannot be written.
    pub fn believe(&self, state: &Path) -> Result<(), StoreError> {
        let path = state.join(FILE);
        let scratch = state.join(format!("{FILE}.new"));
        let believed =
            Believed { wall_ns: self.wall.as_ns(), uptime_ns: self.uptime_ns, boot: self.boot.clone() };
        write(&scratch, &believed).map_err(StoreError::io("write", &scratch))?;
        fs::rename(&scratch, &path).map_err(StoreError::io("rename", &scratch))?;
        crate::store::files::sync_folder(state)
    }
}

fn span_ns(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// `None` where nothing was believed yet.
fn believed(state: &Path) -> Result<Option<Believed>, ClockTrouble> {
    let mut text = String::new();
    match File::open(state.join(FILE)).and_then(|file| file.take(4096).read_to_string(&mut text)) {
        Ok(_) => serde_json::from_str(&text).map(Some).map_err(|_| ClockTrouble::Forgotten),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) => Err(ClockTrouble::Forgotten),
    }
}

fn write(path: &Path, believed: &Believed) -> io::Result<()> {
    let mut file = File::create(path)?;
    settle(path, &file)?;
    file.write_all(&serde_json::to_vec(believed)?)?;
    file.sync_all()
}

fn boot_id() -> String {
    let known = fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned());
    known.unwrap_or_else(|_| {
        // proc(5): field 22 is when the process began, in ticks since boot; the
        // command before it may hold anything in its parentheses.
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let began = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(19));
        format!("process {} of {}", std::process::id(), began.unwrap_or("?"))
    })
}

fn synchronised() -> Sync {
    if Path::new(TIMESYNC).exists() {
        return Sync::Yes;
    }
    let daemon = ask("timedatectl", &["show", "--property=NTPSynchronized", "--value"]);
    match daemon.as_deref().map(str::trim) {
        Some("yes") => return Sync::Yes,
        Some("no") => return Sync::No,
        _ => {}
    }
    match ask("chronyc", &["-c", "tracking"]) {
        Some(line) => leap_status(&line),
        None => Sync::Unknown,
    }
}

/// chronyc(1): the last of the comma-separated fields of `tracking`.
fn leap_status(line: &str) -> Sync {
    match line.trim().rsplit(',').next() {
        Some("Not synchronised") => Sync::No,
        Some("Normal" | "Insert second" | "Delete second") => Sync::Yes,
        _ => Sync::Unknown,
    }
}

/// What a program prints, if it is there and answers in time.
fn ask(program: &str, words: &[&str]) -> Option<String> {
    // A path of its own: the variable of whoever runs us is not believed.
    let path = ["/usr/bin", "/bin", "/usr/local/bin"].iter().map(|d| PathBuf::from(d).join(program));
    let path = path.into_iter().find(|p| p.is_file())?;
    let mut command = Command::new(path);
    command.args(words).env_clear().env("LC_ALL", "C");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut left = PATIENCE;
    let step = Duration::from_millis(20);
    while child.try_wait().ok()?.is_none() {
        left = left.checked_sub(step).unwrap_or_default();
        if left.is_zero() {
            drop(child.kill());
            drop(child.wait());
            return None;
        }
        std::thread::sleep(step);
    }
    let mut text = String::new();
    child.stdout.take()?.take(4096).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    fn reading(wall_s: i64, uptime_s: i64, boot: &str) -> Reading {
        Reading {
            wall: Timestamp::from_parts(1_795_421_723 + wall_s, 0),
            uptime_ns: (1000 + uptime_s) * NS_PER_S,
            boot: boot.into(),
            sync: Sync::Yes,
        }
    }

    fn judged(now: &Reading) -> Result<(), ClockTrouble> {
        let dir = tempfile::tempdir().unwrap();
        reading(0, 0, "a").believe(dir.path()).unwrap();
        now.judge(dir.path(), None, true)
    }

    #[test]
    fn within_a_boot_both_clocks_move_alike() {
        assert_eq!(judged(&reading(DAY, DAY, "a")), Ok(()));
        assert_eq!(judged(&reading(DAY + HOUR / 2, DAY, "a")), Ok(()));
        assert_eq!(judged(&reading(2 * DAY, DAY, "a")), Err(ClockTrouble::Jumped(DAY)));
        assert_eq!(judged(&reading(-DAY, HOUR, "a")), Err(ClockTrouble::Jumped(-DAY - HOUR)));
    }

    #[test]
    fn over_a_boot_the_wall_clock_goes_on() {
        assert_eq!(judged(&reading(40 * DAY, -900, "b")), Ok(()));
        assert!(matches!(judged(&reading(-DAY, -900, "b")), Err(ClockTrouble::FarFromLast(_))));
        assert!(matches!(judged(&reading(400 * DAY, -900, "b")), Err(ClockTrouble::FarFromLast(_))));
    }

    #[test]
    fn it_has_to_fit_the_recordings() {
        let dir = tempfile::tempdir().unwrap();
        let now = reading(0, 0, "a");
        let judge = |newest_s: i64| now.judge(dir.path(), Some(reading(newest_s, 0, "a").wall), true);
        assert_eq!(judge(0), Ok(()));
        assert_eq!(judge(-300 * DAY), Ok(()));
        assert_eq!(judge(DAY), Err(ClockTrouble::BeforeNewest(DAY)));
        assert_eq!(judge(-400 * DAY), Err(ClockTrouble::FarFromNewest));
    }

    #[test]
    fn what_somebody_answered_for_counts_more_than_the_recordings() {
        let dir = tempfile::tempdir().unwrap();
        let judge = |newest_s: i64| {
            reading(HOUR, HOUR, "a").judge(dir.path(), Some(reading(newest_s, 0, "a").wall), true)
        };
        assert!(judge(DAY).is_err() && judge(-400 * DAY).is_err());
        reading(0, 0, "a").believe(dir.path()).unwrap();
        assert_eq!((judge(DAY), judge(-400 * DAY)), (Ok(()), Ok(())));
        // Half of it lost is not nothing believed yet.
        std::fs::write(dir.path().join(FILE), "{").unwrap();
        assert_eq!(judge(0), Err(ClockTrouble::Forgotten));
    }

    #[test]
    fn unsynchronised_is_refused_unless_nobody_asks() {
        let dir = tempfile::tempdir().unwrap();
        for (sync, trouble) in
            [(Sync::No, ClockTrouble::Unsynchronised), (Sync::Unknown, ClockTrouble::Unknown)]
        {
            let now = Reading { sync, ..reading(0, 0, "a") };
            assert_eq!(now.judge(dir.path(), None, true), Err(trouble));
            assert_eq!(now.judge(dir.path(), None, false), Ok(()));
        }
    }

    #[test]
    fn the_machine_can_be_read() {
        let now = Reading::take(false);
        assert!(now.uptime_ns > 0 && !now.boot.is_empty());
        assert_eq!(leap_status("A9FE,1,2,0.1,Normal\n"), Sync::Yes);
        assert_eq!(leap_status("00000000,,0,0.0,Not synchronised\n"), Sync::No);
        assert_eq!(leap_status("506 Cannot talk to daemon"), Sync::Unknown);
        assert_eq!(ask("no such program", &[]), None);
    }
}
