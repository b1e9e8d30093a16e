//! One NAME of the store: its files against each other and against the rules.
//!
//! Runs in several threads at once; knows nothing of the index or of the other
//! recordings.

use super::super::index::Row;
use super::findings::{Finding, FindingKind, finding};
use crate::id::short_of;
use crate::store::StoreError;
use crate::store::files::{FileStat, Folder, with_new};
use crate::store::layout::{NEW, NameFiles, NameState, PART, Paths, day_folder, parse_stem};
use crate::store::sidecar::{AppliedPolicy, Sidecar};
use crate::store::wav;
use crate::time::Timestamp;
use std::io;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

/// Length of a WAV and `duration_s` may differ by this, seconds.
const LENGTH_TOLERANCE: f64 = 0.021;

/// What a reader found under one NAME.
pub(super) struct Checked {
    pub(super) found: NameFiles,
    pub(super) findings: Vec<Finding>,
    /// What the index should say; `None` where the sidecar was not or could not be read.
    pub(super) row: Option<Row>,
    /// Bytes of audio read.
    pub(super) bytes: u64,
    /// It was read whole.
    pub(super) whole: bool,
}

impl Checked {
    pub(super) fn of(found: NameFiles) -> Checked {
        Checked { found, findings: Vec::new(), row: None, bytes: 0, whole: false }
    }

    fn wrong(&mut self, kind: FindingKind, path: &Path, id: Option<Uuid>, detail: impl Into<String>) {
        self.findings.push(finding(kind, path, id, detail.into()));
    }
}

/// The rules every recording is held against.
pub(super) struct Examiner {
    store: Folder,
    now: Timestamp,
    grace: Duration,
}

impl Examiner {
    pub(super) fn new(store: Folder, now: Timestamp, grace: Duration) -> Examiner {
        Examiner { store, now, grace }
    }

    /// Looks at names; `whole`: at permissions and at what is inside too.
    pub(super) fn examine(&self, found: NameFiles, whole: bool) -> Checked {
        let paths = found.paths();
        let mut out = Checked::of(found);
        match out.found.state() {
            NameState::Finished => self.finished(&paths, whole, &mut out),
            NameState::Part => {
                let part = if out.found.json_part { &paths.json_part } else { &paths.wav_part };
                out.wrong(
                    FindingKind::Leftover,
                    part,
                    None,
                    "left by a crash; the next start of the recorder finishes it",
                );
            }
            NameState::OrphanWav => {
                out.wrong(FindingKind::MissingSidecar, &paths.wav, None, "has no sidecar")
            }
            NameState::OrphanJson => {
                let id = Sidecar::read_in(&self.store, &paths.json).ok().map(|s| s.id);
                out.wrong(FindingKind::MissingWav, &paths.json, id, "its WAV is missing");
            }
            NameState::Scratch if out.found.pcap || out.found.pcap_part => {
                let path = if out.found.pcap { &paths.pcap } else { &paths.pcap_part };
                out.wrong(FindingKind::Leftover, path, None, "payload without its recording");
            }
            NameState::Scratch => {
                let of = match (out.found.json_new, out.found.wav_new) {
                    (true, _) => &paths.json,
                    (false, true) => &paths.wav,
                    (false, false) => &paths.json_part,
                };
                out.wrong(FindingKind::Leftover, &with_new(of), None, "an edit without its sidecar");
            }
        }
        out
    }

    fn finished(&self, paths: &Paths, whole: bool, out: &mut Checked) {
        for (is_there, of) in [(out.found.json_new, &paths.json), (out.found.wav_new, &paths.wav)] {
            if !is_there {
                continue;
            }
            out.wrong(
                FindingKind::Leftover,
                &with_new(of),
                None,
                "an edit that was cut short; the next start of the recorder finishes or removes it",
            );
        }
        if !whole {
            return;
        }
        let pcap = Some(&paths.pcap).filter(|_| out.found.pcap);
        for path in [&paths.json, &paths.wav].into_iter().chain(pcap) {
            self.permissions(path, out);
        }
        match Sidecar::read_in(&self.store, &paths.json) {
            Ok(sidecar) => {
                out.whole = true;
                self.sidecar(paths, &sidecar, out);
                audio(&self.store, paths, &sidecar, out);
                payload(&self.store, paths, &sidecar, out);
                let path = paths.json.strip_prefix(self.store.path()).unwrap_or(&paths.json);
                out.row = Some(Row::of(path, &sidecar));
            }
            // Deleted since its folder was read.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e @ StoreError::Io { .. }) => {
                out.wrong(FindingKind::Unreadable, &paths.json, None, e.to_string())
            }
            Err(StoreError::Sidecar { why, .. }) => {
                out.wrong(FindingKind::BadSidecar, &paths.json, None, why)
            }
            Err(e) => out.wrong(FindingKind::BadSidecar, &paths.json, None, e.to_string()),
        }
    }

    fn permissions(&self, path: &Path, out: &mut Checked) {
        let Ok(Some(known)) = self.store.look(path) else { return };
        let (mode, wanted) = (known.mode(), self.store.access().file_mode());
        if mode != wanted {
            let detail = format!("{mode:04o} instead of {wanted:04o}; run `nauhuri repair`");
            out.wrong(FindingKind::Mode, path, None, detail);
        }
        out.findings.extend(foreign(&self.store, path, known));
    }

    /// The sidecar against its name, its folder and the calendar.
    fn sidecar(&self, paths: &Paths, s: &Sidecar, out: &mut Checked) {
        let id = Some(s.id);
        let name = parse_stem(&out.found.stem);
        let fits = name.is_some_and(|n| {
            n.answered_at.as_ms() == s.answered_at.as_ms() && n.short == format!("{:08x}", short_of(s.id))
        });
        if !fits {
            out.wrong(FindingKind::Name, &paths.json, id, "its name is not that of its answer and id");
        }
        if paths.folder != self.store.path().join(day_folder(s.answered_at)) {
            out.wrong(FindingKind::Name, &paths.json, id, "it is not in the folder of its day");
        }
        if *s.wav.expose() != format!("{}.wav", out.found.stem) {
            out.wrong(FindingKind::Name, &paths.json, id, "`wav` names another file");
        }
        if s.policy.as_ref().map(AppliedPolicy::is_legible) == Some(false) {
            let due = match s.retention.until {
                Some(_) => "it falls due as `retention.until` says",
                None => "nobody knows when it falls due, and it is kept",
            };
            out.wrong(
                FindingKind::BadSidecar,
                &paths.json,
                id,
                format!("`policy.retention` is not a valid retention period: {due}"),
            );
        }
        let held = s.retention.hold.is_set();
        let is_past = |due: Timestamp| due + self.grace <= self.now;
        if let Some(until) = s.retention.until.filter(|t| !held && is_past(*t))
            // The replay of an old capture stores what is due already: a sweep has had no chance yet.
            && self.written(&paths.json).is_none_or(is_past)
        {
            out.wrong(FindingKind::Overdue, &paths.json, id, format!("due since {until}, and not held"));
        }
    }

    /// When a file was last written.
    fn written(&self, path: &Path) -> Option<Timestamp> {
        self.store.look(path).ok().flatten().and_then(|known| known.modified())
    }
}

/// A file that is not the store's owner's: the service cannot delete or edit it.
pub(super) fn foreign(store: &Folder, path: &Path, known: FileStat) -> Option<Finding> {
    let detail = || format!("owned by {} instead of {}; run `nauhuri repair`", known.owner(), store.owner());
    (known.owner() != store.owner()).then(|| finding(FindingKind::Owner, path, None, detail()))
}

/// The WAV against its header, and both against the sidecar.
fn audio(store: &Folder, paths: &Paths, s: &Sidecar, out: &mut Checked) {
    let id = Some(s.id);
    let opened = store.read(&paths.wav).and_then(|file| Ok((wav::info_of(&file, &paths.wav)?, file)));
    let (info, file) = match opened {
        Ok(info) => info,
        Err(StoreError::NotWav { why, .. }) => return out.wrong(FindingKind::BadWav, &paths.wav, id, why),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return out.wrong(FindingKind::MissingWav, &paths.json, id, "its WAV is missing");
        }
        Err(e) => return out.wrong(FindingKind::Unreadable, &paths.wav, id, e.to_string()),
    };
    if !info.is_sound() {
        out.wrong(FindingKind::BadWav, &paths.wav, id, "its header does not fit its length");
    }
    let rate = info.spec.rate;
    if rate != s.audio.sample_rate || s.audio.encoding != info.spec.encoding {
        out.wrong(FindingKind::Mismatch, &paths.wav, id, "another sample rate or encoding than `audio` says");
    }
    if info.frames() != s.audio.frames {
        out.wrong(FindingKind::Mismatch, &paths.wav, id, "another length than `audio.frames` says");
    }
    let length = info.frames() as f64 / f64::from(rate.max(1));
    if (length - s.duration_s).abs() > LENGTH_TOLERANCE {
        out.wrong(FindingKind::Mismatch, &paths.wav, id, "another length than `duration_s` says");
    }
    match wav::sha256_of(&file, &paths.wav) {
        Ok(hash) if hash == s.audio.sha256 => {}
        Ok(_) => {
            out.wrong(FindingKind::Hash, &paths.wav, id, "it is not what was recorded: its SHA-256 differs")
        }
        Err(e) => out.wrong(FindingKind::Unreadable, &paths.wav, id, e.to_string()),
    }
    out.bytes += info.file_bytes;
}

/// What was kept undecoded against the sidecar.
fn payload(store: &Folder, paths: &Paths, s: &Sidecar, out: &mut Checked) {
    let Some(kept) = &s.undecoded else {
        if out.found.pcap {
            out.wrong(
                FindingKind::Leftover,
                &paths.pcap,
                Some(s.id),
                "payload of which its sidecar says nothing",
            );
        }
        return;
    };
    let hash = store.read(&paths.pcap).and_then(|file| wav::sha256_of(&file, &paths.pcap));
    match hash {
        Ok(hash) if hash == kept.sha256 => {}
        Ok(_) => out.wrong(
            FindingKind::Hash,
            &paths.pcap,
            Some(s.id),
            "it is not what was kept: its SHA-256 differs",
        ),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            out.wrong(
                FindingKind::Mismatch,
                &paths.json,
                Some(s.id),
                "the payload that `undecoded` names is missing",
            );
        }
        Err(e) => out.wrong(FindingKind::Unreadable, &paths.pcap, Some(s.id), e.to_string()),
    }
}

/// A file of a call that may still run.
pub(super) fn is_part(path: &Path) -> bool {
    path.as_os_str().to_string_lossy().trim_end_matches(NEW).ends_with(PART)
}
