//! A store of a year, made as fast as files can be: whole pairs of WAV and
//! sidecar under their final names, without the steps that make them last.
//!
//! A WAV has one frame for each second of its call (A-law, a "rate" of 1 Hz):
//! lengths are those of calls, files are tiny, and `verify` finds nothing wrong.

use nauhuri::config::CallDirection;
use nauhuri::id::{Channel, derived_uuid};
use nauhuri::store::cases::{Cases, Hold, HoldReason, Restriction};
use nauhuri::store::files::Access;
use nauhuri::store::layout::RecordingName;
use nauhuri::store::legible::Legible;
use nauhuri::store::mark;
use nauhuri::store::sidecar::{EndedBy, Sidecar, Stream};
use nauhuri::store::wav::{WavEncoding, WavSpec, encode_header};
use nauhuri::time::Timestamp;
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Days the recordings are spread over, the last one yesterday.
pub const DAYS: u64 = 365;
/// Calls come in between 06:00 and 16:00 UTC.
const OPEN_S: u64 = 6 * 3600;
const OFFICE_S: u64 = 10 * 3600;
/// Seconds in a day.
const DAY_S: u64 = 86_400;

/// The plan of a store; the same plan gives the same recordings.
#[derive(Clone, Copy, Debug)]
pub struct Archive {
    /// Recordings.
    pub recordings: u64,
    /// Midnight, UTC, the recordings lie before.
    pub today: Timestamp,
}

impl Archive {
    /// Up to the day before `now`.
    pub fn before(now: Timestamp, recordings: u64) -> Archive {
        let today = now.as_ns() / 1_000_000_000 / DAY_S as i64 * DAY_S as i64;
        Archive { recordings, today: Timestamp::from_parts(today, 0) }
    }

    /// Writes every recording.
    pub fn make(&self, root: &Path) -> io::Result<()> {
        mark::enter(root, &mark::state_folder(root, None), self.today).map_err(io::Error::other)?;
        let next = AtomicU64::new(0);
        let threads = std::thread::available_parallelism()?.get();
        std::thread::scope(|scope| {
            let work = || {
                let template: Sidecar =
                    serde_json::from_str(include_str!("../../src/store/writer/answered.json"))?;
                loop {
                    let day = next.fetch_add(1, Ordering::Relaxed);
                    if day >= DAYS {
                        return Ok(());
                    }
                    self.make_day(root, day, &template)?;
                }
            };
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            running.into_iter().try_for_each(|t| t.join().map_err(|_| io::Error::other("panicked"))?)
        })
    }

    /// The recordings of one of the days, by number.
    pub fn of_day(&self, day: u64) -> std::ops::Range<u64> {
        let first = |day: u64| (day * self.recordings).div_ceil(DAYS);
        first(day)..first(day + 1)
    }

    fn make_day(&self, root: &Path, day: u64, template: &Sidecar) -> io::Result<()> {
        for n in self.of_day(day) {
            let (name, mut s) = self.recording(n, template);
            let paths = name.paths(root);
            if n == self.of_day(day).start {
                DirBuilder::new().mode(Access::Owner.folder_mode()).recursive(true).create(&paths.folder)?;
            }
            let spec = WavSpec { rate: 1, encoding: WavEncoding::Alaw };
            let mut wav = encode_header(spec, s.audio.frames * 2);
            wav.extend((0..s.audio.frames * 2).map(|i| (n ^ i) as u8));
            s.audio.sha256 = format!("{:x}", Sha256::digest(&wav));
            s.wav = format!("{}.wav", name.stem()).as_str().into();
            write(&paths.wav, &wav)?;
            write(&paths.json, &s.to_bytes()?)?;
        }
        Ok(())
    }

    /// When call `n` was answered: over the office hours of its day.
    pub fn answered(&self, n: u64) -> Timestamp {
        let day = n * DAYS / self.recordings;
        let (today, of) = (self.of_day(day), OFFICE_S * 1_000_000);
        let us = (n - today.start) * of / (today.end - today.start);
        let begin = self.today - Duration::from_secs((DAYS - day) * DAY_S) + Duration::from_secs(OPEN_S);
        begin + Duration::from_micros(us)
    }

    /// 60 % `general`, 35 % `116117`, 5 % `rare`; 20 % outbound; 200 agents; up to half an hour;
    /// 5 % withheld, 2 % incomplete, 1 % one-way, 0.1 % held, 0.05 % restricted.
    fn recording(&self, n: u64, template: &Sidecar) -> (RecordingName, Sidecar) {
        let mut s = template.clone();
        let answered = self.answered(n);
        let seconds = n * 104_729 % 1800;
        s.id = derived_uuid(answered, &[&n.to_be_bytes()]);
        s.call_group = derived_uuid(answered, &[b"group", &n.to_be_bytes()]);
        s.service =
            Some(["general", "116117", "rare"][[60, 95].iter().filter(|p| n % 100 >= **p).count()].into());
        s.direction = Some(if n % 10 < 8 { CallDirection::Inbound } else { CallDirection::Outbound });
        s.agent.id = Some(format!("{}", 2000 + n * 31 % 200));
        s.customer.withheld = n.is_multiple_of(20);
        s.customer.number =
            (!s.customer.withheld).then(|| format!("+35840{:07}xxxx", n * 7919 % 10_000_000).as_str().into());
        s.answered_at = answered;
        s.ended_at = answered + Duration::from_secs(seconds);
        (s.duration_s, s.ended_by, s.complete) = (seconds as f64, EndedBy::Agent, !n.is_multiple_of(50));
        s.sip.call_id = Some(format!("{n:032x}@pbx.example"));
        s.streams = Channel::BOTH.map(|c| stream(c, n, seconds)).into();
        (s.audio.sample_rate, s.audio.frames) = (1, seconds);
        let term = if s.service.as_deref() == Some("general") { 366 } else { 5 * 366 };
        s.retention.until = Some(answered + Duration::from_secs(term * DAY_S));
        if n % 1000 == 3 {
            let hold = Hold::new(HoldReason::Crime, "2026/R/1", "bench".into(), answered);
            s.retention.hold = Legible::Known(Cases::from(hold));
        }
        if n % 2000 == 5 {
            let restriction = Restriction::new("17/2026", "bench".into(), answered);
            s.restricted = Legible::Known(Cases::from(restriction));
        }
        let number = s.customer.number.as_ref().map(|n| n.as_str());
        let name = RecordingName::new(answered, s.agent.id.as_deref(), number, s.id);
        (name, s)
    }
}

fn stream(channel: Channel, n: u64, seconds: u64) -> Stream {
    let silent = channel == Channel::Agent && n % 100 == 7;
    Stream {
        channel,
        codec: "PCMA".into(),
        ssrc: format!("0x{:08x}", n as u32),
        source: Some("claimed".into()),
        packets: if silent { 0 } else { 1 + seconds * 50 },
        lost: 0,
        late: 0,
        duplicates: 0,
        jitter_ms: 1.25,
        skew_ppm: Some(-12.5),
        mos: Some(4.4),
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(Access::Owner.file_mode())
        .open(path)?
        .write_all(bytes)
}
