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
use crate::store::layout::open_state;
use crate::time::{NS_PER_S, Timestamp};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use uuid::Uuid;

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
    #[error("the clock says {}, and has jumped by {} since {}, when it was last trusted", utc(*now), span(*by_ns), utc(*last))]
    Jumped {
        /// What it says.
        now: Timestamp,
        /// What it said when it was last believed.
        last: Timestamp,
        /// How far it is from where it should be, nanoseconds.
        by_ns: i64,
    },
    /// It is before the last sweep, or more than a year behind it.
    #[error("the clock says {}, far from {}, when it was last trusted", utc(*now), utc(*last))]
    FarFromLast {
        /// What it says.
        now: Timestamp,
        /// What it said when it was last believed.
        last: Timestamp,
    },
    /// What was last believed is there and cannot be read.
    #[error("the record of when the clock was last trusted ({FILE}) cannot be read")]
    Forgotten,
    /// It is before the newest recording.
    #[error(
        "the clock says {}, before the newest recording, {}, which was answered at {}: one of the two is wrong",
        utc(*now), newest.id, utc(newest.answered_at)
    )]
    BeforeNewest {
        /// What it says.
        now: Timestamp,
        /// The recording.
        newest: Newest,
    },
    /// It is more than a year behind the newest recording.
    #[error(
        "the clock says {}, more than a year behind the newest recording, {}, which was answered at {}",
        utc(*now), newest.id, utc(newest.answered_at)
    )]
    FarFromNewest {
        /// What it says.
        now: Timestamp,
        /// The recording.
        newest: Newest,
    },
}

/// The newest recording of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Which.
    pub id: Uuid,
    /// When it was answered.
    pub answered_at: Timestamp,
}

impl ClockTrouble {
    /// One word, for a metric.
    pub const fn name(&self) -> &'static str {
        match self {
            ClockTrouble::Unsynchronised | ClockTrouble::Unknown => "clock_unsynchronised",
            ClockTrouble::Jumped { .. } | ClockTrouble::FarFromLast { .. } | ClockTrouble::Forgotten => {
                "clock_jumped"
            }
            ClockTrouble::BeforeNewest { .. } | ClockTrouble::FarFromNewest { .. } => "clock_implausible",
        }
    }
}

/// What was last believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Believed {
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

    /// Judges a reading. `last`: what was `believed` before. `newest`: the newest
    /// recording in the store. `ask`: whether it has to be synchronised.
    ///
    /// # Errors
    /// [`ClockTrouble`]: nothing may be deleted by it.
    pub fn judge(
        &self,
        last: Result<Option<&Believed>, ClockTrouble>,
        newest: Option<Newest>,
        ask: bool,
    ) -> Result<(), ClockTrouble> {
        match self.sync {
            Sync::No if ask => return Err(ClockTrouble::Unsynchronised),
            Sync::Unknown if ask => return Err(ClockTrouble::Unknown),
            _ => {}
        }
        let (jump, now) = (span_ns(JUMP), self.wall);
        if let Some(last) = last? {
            let moved = now.as_ns().saturating_sub(last.wall_ns);
            let lived = self.uptime_ns.saturating_sub(last.uptime_ns);
            let by_ns = moved.saturating_sub(lived);
            let was = Timestamp::from_ns(last.wall_ns);
            if self.boot == last.boot && by_ns.saturating_abs() > jump {
                return Err(ClockTrouble::Jumped { now, last: was, by_ns });
            }
            if moved < -jump || moved > span_ns(SILENCE) {
                return Err(ClockTrouble::FarFromLast { now, last: was });
            }
            // It has gone on from what somebody answered for, whatever stamps calls bear
            // and however long none came.
            return Ok(());
        }
        match newest.map(|newest| (now.since_ns(newest.answered_at), newest)) {
            Some((since, newest)) if since < -jump => Err(ClockTrouble::BeforeNewest { now, newest }),
            Some((since, newest)) if since > span_ns(SILENCE) => {
                Err(ClockTrouble::FarFromNewest { now, newest })
            }
            _ => Ok(()),
        }
    }

    /// This reading, to be [remembered](believe).
    pub fn believed(&self) -> Believed {
        Believed { wall_ns: self.wall.as_ns(), uptime_ns: self.uptime_ns, boot: self.boot.clone() }
    }
}

/// Remembers a reading that was believed, or that somebody answers for.
///
/// # Errors
/// The state folder cannot be written.
pub fn believe(state: &Path, reading: &Reading) -> Result<(), StoreError> {
    let folder = open_state(state)?;
    let text = serde_json::to_vec(&reading.believed());
    let text = text.map_err(|e| StoreError::io("write", &state.join(FILE))(e.into()))?;
    folder.replace(Path::new(FILE), &text, true)?;
    folder.sync()
}

/// What was last believed; `None` where nothing was yet.
///
/// # Errors
/// [`ClockTrouble::Forgotten`]: it cannot be read.
pub fn last_believed(state: &Path) -> Result<Option<Believed>, ClockTrouble> {
    let mut text = String::new();
    match open_state(state).and_then(|folder| folder.read(Path::new(FILE))) {
        Ok(file) => match file.take(4096).read_to_string(&mut text) {
            Ok(_) => serde_json::from_str(&text).map(Some).map_err(|_| ClockTrouble::Forgotten),
            Err(_) => Err(ClockTrouble::Forgotten),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) => Err(ClockTrouble::Forgotten),
    }
}

/// For people: to the second.
fn utc(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// For people: `+2 days 3 h`, `-65 min`.
fn span(ns: i64) -> String {
    let (sign, s) = (if ns < 0 { "-" } else { "+" }, ns.unsigned_abs() / NS_PER_S.unsigned_abs());
    match (s / 86_400, s % 86_400 / 3_600) {
        (0, 0) => format!("{sign}{} min", s / 60),
        (0, h) => format!("{sign}{h} h {} min", s % 3_600 / 60),
        (1, h) => format!("{sign}1 day {h} h"),
        (days, h) => format!("{sign}{days} days {h} h"),
    }
}

fn span_ns(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
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
        now.judge(Ok(Some(&reading(0, 0, "a").believed())), None, true)
    }

    fn newest(s: i64) -> Option<Newest> {
        Some(Newest { id: Uuid::nil(), answered_at: reading(s, 0, "a").wall })
    }

    #[test]
    fn within_a_boot_both_clocks_move_alike() {
        assert_eq!(judged(&reading(DAY, DAY, "a")), Ok(()));
        assert_eq!(judged(&reading(DAY + HOUR / 2, DAY, "a")), Ok(()));
        for (now, by_s) in [(reading(2 * DAY, DAY, "a"), DAY), (reading(-DAY, HOUR, "a"), -DAY - HOUR)] {
            let (last, by_ns) = (reading(0, 0, "a").wall, by_s * NS_PER_S);
            assert_eq!(judged(&now), Err(ClockTrouble::Jumped { now: now.wall, last, by_ns }));
        }
    }

    #[test]
    fn over_a_boot_the_wall_clock_goes_on() {
        assert_eq!(judged(&reading(40 * DAY, -900, "b")), Ok(()));
        assert!(matches!(judged(&reading(-DAY, -900, "b")), Err(ClockTrouble::FarFromLast { .. })));
        assert!(matches!(judged(&reading(400 * DAY, -900, "b")), Err(ClockTrouble::FarFromLast { .. })));
    }

    #[test]
    fn it_has_to_fit_the_recordings() {
        let now = reading(0, 0, "a");
        let judge = |newest_s: i64| now.judge(Ok(None), newest(newest_s), true);
        assert_eq!(judge(0), Ok(()));
        assert_eq!(judge(-300 * DAY), Ok(()));
        assert!(matches!(judge(DAY), Err(ClockTrouble::BeforeNewest { .. })));
        assert!(matches!(judge(-400 * DAY), Err(ClockTrouble::FarFromNewest { .. })));
    }

    #[test]
    fn what_is_told_has_dates_and_names_the_recording() {
        let now = reading(0, 0, "a");
        let told = now.judge(Ok(None), newest(3_000 * DAY), true).unwrap_err().to_string();
        for part in ["2026-11-23 08:15:23 UTC", "2035-02-09", &Uuid::nil().to_string()] {
            assert!(told.contains(part), "{told}");
        }
        let told = judged(&reading(2 * DAY, DAY - 2 * HOUR, "a")).unwrap_err().to_string();
        assert!(told.contains("jumped by +1 day 2 h since 2026-11-23 08:15:23 UTC"), "{told}");
        assert_eq!([span(-65 * 60 * NS_PER_S), span(61 * NS_PER_S)], ["-1 h 5 min", "+1 min"]);
    }

    #[test]
    fn what_somebody_answered_for_counts_more_than_the_recordings() {
        let dir = tempfile::tempdir().unwrap();
        let judge = |newest_s: i64| {
            let last = last_believed(dir.path());
            reading(HOUR, HOUR, "a").judge(
                last.as_ref().map(Option::as_ref).map_err(Clone::clone),
                newest(newest_s),
                true,
            )
        };
        assert!(judge(DAY).is_err() && judge(-400 * DAY).is_err());
        believe(dir.path(), &reading(0, 0, "a")).unwrap();
        assert_eq!((judge(DAY), judge(-400 * DAY)), (Ok(()), Ok(())));
        // Half of it lost is not nothing believed yet.
        std::fs::write(dir.path().join(FILE), "{").unwrap();
        assert_eq!(judge(0), Err(ClockTrouble::Forgotten));
    }

    #[test]
    fn unsynchronised_is_refused_unless_nobody_asks() {
        for (sync, trouble) in
            [(Sync::No, ClockTrouble::Unsynchronised), (Sync::Unknown, ClockTrouble::Unknown)]
        {
            let now = Reading { sync, ..reading(0, 0, "a") };
            assert_eq!(now.judge(Ok(None), None, true), Err(trouble));
            assert_eq!(now.judge(Ok(None), None, false), Ok(()));
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
