//! A store of small recordings for the tests of what happens after the call.

// Each test uses its part of it. Helpers of tests fail by panicking.
#![allow(dead_code, clippy::unwrap_used)]

use nauhuri::archive::{Archive, Place};
pub mod office;

use nauhuri::archive::index::Row;
use nauhuri::archive::verify::{VerifyOptions, VerifyReport, verify};
use nauhuri::custody::audit::{AuditLog, By, SystemAccount, Who};
use nauhuri::custody::keeper::Keeper;
use nauhuri::id::derived_uuid;
use nauhuri::store::files::Access;
use nauhuri::store::layout::{RecordingName, STATE_FOLDER};
use nauhuri::store::sidecar::Sidecar;
use nauhuri::store::wav::{WavEncoding, WavSpec};
use nauhuri::store::writer::{RecordingWriter, WriterOptions};
use nauhuri::time::{NS_PER_S, Timestamp};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

pub const DAY_S: i64 = 86_400;
/// Said by nobody else in the store.
pub const AGENT: &str = "Zacharias Testinen";
pub const NUMBER: &str = "+358505550xxxx";

/// Some days from a day in November.
pub fn day(days: i64) -> Timestamp {
    Timestamp::from_parts(1_795_421_723, 0).offset_ns(days * DAY_S * NS_PER_S)
}

pub fn kaisa() -> Who {
    Who::Os(SystemAccount { user: Some("kaisa".into()), ..SystemAccount::default() })
}

/// Kaisa, at that time.
pub fn by(at: Timestamp) -> By {
    By::new(kaisa(), at)
}

pub struct Store {
    /// Gone with the test; `None` in a process that only visits.
    dir: Option<tempfile::TempDir>,
    pub root: PathBuf,
}

impl Store {
    pub fn new() -> Store {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("recordings");
        std::fs::create_dir(&root).unwrap();
        Store { dir: Some(dir), root }
    }

    /// Somebody else's, in this folder.
    pub fn at(root: &Path) -> Store {
        Store { dir: None, root: root.to_owned() }
    }

    pub fn outside(&self) -> &Path {
        self.dir.as_ref().unwrap().path()
    }

    pub fn state(&self) -> PathBuf {
        self.root.join(STATE_FOLDER)
    }

    pub fn place(&self) -> Place {
        Place { root: self.root.clone(), state: self.state(), access: Access::Owner, id: String::new() }
    }

    pub fn audit(&self) -> AuditLog {
        AuditLog::new(&self.state(), None)
    }

    pub fn keeper(&self) -> Keeper {
        Keeper::open(&self.place(), self.audit(), day(0)).unwrap()
    }

    /// A finished recording answered and due on these days, its audio made from `n`.
    pub fn record(&self, n: u8, answered: i64, until: i64) -> Uuid {
        self.record_as(n, answered, until, "116117", WavEncoding::Alaw)
    }

    pub fn record_as(&self, n: u8, answered: i64, until: i64, service: &str, encoding: WavEncoding) -> Uuid {
        let options = WriterOptions { sync: false, ..WriterOptions::default() };
        self.write(n, answered, until, service, encoding, &options)
    }

    /// The same, with every step in the test's hands.
    pub fn write(
        &self,
        n: u8,
        answered: i64,
        until: i64,
        service: &str,
        encoding: WavEncoding,
        options: &WriterOptions,
    ) -> Uuid {
        let at = day(answered).offset_ns(i64::from(n) * NS_PER_S);
        let id = derived_uuid(at, &[&[n]]);
        let sidecar: Sidecar = serde_json::from_value(json!({
            "schema": 1, "id": id, "call_group": derived_uuid(at, &[b"group", &[n]]), "wav": "x.wav",
            "service": service, "direction": "inbound",
            "agent": { "id": "2001", "name": AGENT },
            "customer": { "number": NUMBER, "withheld": false }, "dialled": "116117",
            "answered_at": at.to_rfc3339(), "ended_at": (at + Duration::from_secs(1)).to_rfc3339(),
            "duration_s": 1.0, "ended_by": "agent", "complete": true, "sip": { "call_id": "x@example" },
            "audio": { "sample_rate": 8000, "encoding": "alaw", "channels": ["customer", "agent"],
                       "frames": 0, "sha256": "" },
            "streams": [], "events": [],
            "retention": { "until": day(until).to_rfc3339(), "hold": null }
        }))
        .unwrap();
        let name = RecordingName::new(at, Some("2001"), Some(NUMBER), id);
        let spec = WavSpec { rate: 8000, encoding };
        let mut writer = RecordingWriter::open(&self.root, &name, spec, sidecar.clone(), options).unwrap();
        writer.append(&audio(n).repeat(spec.frame_bytes() / 2)).unwrap();
        writer.close(sidecar).unwrap();
        id
    }

    pub fn row(&self, id: Uuid) -> Option<Row> {
        self.keeper().index().get(id).unwrap()
    }

    pub fn sidecar(&self, id: Uuid) -> Sidecar {
        Sidecar::read(&self.row(id).unwrap().json(&self.root)).unwrap()
    }

    pub fn report(&self, now: Timestamp) -> VerifyReport {
        let index = Archive::reopen(&self.place()).unwrap().index;
        let options = VerifyOptions {
            sample: None,
            now,
            grace: Duration::from_secs(3600),
            patience: Duration::ZERO,
            threads: 1,
            access: Access::Owner,
        };
        verify(&self.root, Ok(&index), &options, &mut |_, _| ()).unwrap()
    }

    /// Nothing is wrong with files, index and audit log.
    pub fn assert_sound(&self, now: Timestamp, what: &str) {
        let report = self.report(now);
        assert!(report.is_clean(), "{what}: {:?}", report.findings);
        let verdict = self.audit().verify().unwrap();
        assert!(verdict.is_sound(), "{what}: {:?}", verdict.found);
    }

    /// Names of files under the root, those of the state left out.
    pub fn files(&self) -> Vec<PathBuf> {
        files(&self.root).into_iter().filter(|p| !p.starts_with(self.state())).collect()
    }

    /// Files anywhere in the store that hold these bytes, or have them in their names.
    pub fn holding(&self, needle: &[u8]) -> Vec<PathBuf> {
        let held = |bytes: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
        files(&self.root)
            .into_iter()
            .filter(|p| held(&std::fs::read(p).unwrap()) || held(p.as_os_str().as_encoded_bytes()))
            .collect()
    }
}

/// A second of A-law frames that no other `n` has.
pub fn audio(n: u8) -> Vec<u8> {
    let mut x = u32::from(n) + 1;
    std::iter::repeat_with(|| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 24) as u8
    })
    .take(16_000)
    .collect()
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => out.extend(files(&entry.path())),
            false => out.push(entry.path()),
        }
    }
    out.sort();
    out
}

/// Everything below a folder, itself included.
pub fn everything(root: &Path) -> Vec<PathBuf> {
    let mut out = vec![root.to_owned()];
    let mut at = 0;
    while let Some(path) = out.get(at).cloned() {
        if std::fs::symlink_metadata(&path).unwrap().is_dir() {
            out.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        }
        at += 1;
    }
    out
}
