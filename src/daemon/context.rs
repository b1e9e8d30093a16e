//! What the threads of the daemon share, each piece for those who need it.

use super::decoders::{CagedDecoders, Program};
use super::latest::Latest;
use super::register_queue::RegisterQueue;
use crate::codec::def::ForeignDecoders;
use crate::config::{Codecs, Config, Encoding};
use crate::store::StoreError;
use crate::store::files::Access;
use crate::store::layout::{Existing, RecordingName};
use crate::store::writer::WriterOptions;
use crate::tape::PauseSettings;
use crate::telemetry::fault::Fault;
use crate::telemetry::{Metrics, Readiness};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The last of the free space is for finishing what is there, not for more audio.
const FINISHING_RESERVE: u64 = 64 << 20;
/// So many inodes are kept free: a recording takes two, and index and log need some.
const KEPT_INODES: u64 = 1024;
/// But not more than this part of all that a small file system has.
const KEPT_INODES_SHARE: u64 = 8;

/// What a file system has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// Free bytes for this user.
    pub bytes: u64,
    /// Free inodes for this user.
    pub inodes: u64,
    /// Inodes there are at all; 0 where they are not counted.
    pub all_inodes: u64,
}

impl FreeSpace {
    /// So few files can still be made that no recording is begun.
    pub fn lacks_inodes(self) -> bool {
        self.inodes < self.kept_inodes()
    }

    fn kept_inodes(self) -> u64 {
        KEPT_INODES.min(self.all_inodes / KEPT_INODES_SHARE)
    }
}

/// Where it is told what happens.
#[derive(Clone)]
pub struct Outlets {
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// What `/readyz` answers.
    pub readiness: Arc<Readiness>,
}

impl Outlets {
    /// For the services of this configuration.
    pub fn new(config: &Config) -> Outlets {
        let services = config.service.iter().map(|s| s.name.as_str());
        let services = services.chain([config.service_default.name.as_str()]);
        Outlets {
            metrics: Arc::new(Metrics::new(services)),
            readiness: Arc::new(Readiness::new(config.storage.min_free)),
        }
    }
}

/// How recordings are written, and where.
pub struct Writing {
    /// Folder of recordings.
    pub root: PathBuf,
    /// `storage.encoding`.
    pub encoding: Encoding,
    /// Syncs and test stops.
    pub options: WriterOptions,
    /// `storage.keep_undecoded`
    pub keep_undecoded: bool,
    /// Every block goes to the file at once, and the header after it (live).
    pub prompt: bool,
    /// Ids that are there already (replay).
    pub existing: Option<Mutex<Existing>>,
    /// No file is made: frames are counted and gone.
    pub is_dry: bool,
}

impl Writing {
    /// Whether a recording of this id is there already.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn has_already(&self, name: &RecordingName) -> Result<bool, StoreError> {
        let Some(existing) = &self.existing else { return Ok(false) };
        // A poisoned lock only means that another worker died; the set is still right.
        let mut existing = existing.lock().unwrap_or_else(PoisonError::into_inner);
        existing.contains(&self.root, name)
    }
}

/// What is known of the storage: room, and whether it takes writes.
pub struct StorageHealth {
    /// `storage.min_free`, bytes.
    min_free: AtomicU64,
    free_bytes: AtomicU64,
    lacks_inodes: AtomicBool,
    /// The last thing written failed.
    troubled: AtomicBool,
    /// Bytes of recordings that are being written.
    open_bytes: AtomicU64,
    readiness: Arc<Readiness>,
}

impl StorageHealth {
    /// Boundless until somebody has looked.
    pub fn new(min_free: u64, readiness: &Arc<Readiness>) -> StorageHealth {
        StorageHealth {
            min_free: AtomicU64::new(min_free),
            free_bytes: AtomicU64::new(u64::MAX),
            lacks_inodes: AtomicBool::new(false),
            troubled: AtomicBool::new(false),
            open_bytes: AtomicU64::new(0),
            readiness: Arc::clone(readiness),
        }
    }

    /// Takes over what the file system says. True if there was room and now there is not.
    pub fn looked(&self, room: FreeSpace) -> bool {
        let had_room = self.has_room();
        let kept = room.kept_inodes();
        self.free_bytes.store(room.bytes, Ordering::Relaxed);
        self.lacks_inodes.store(room.lacks_inodes(), Ordering::Relaxed);
        self.readiness.free(room.bytes);
        self.readiness.inodes(room.inodes, kept);
        had_room && !self.has_room()
    }

    /// `storage.min_free`, bytes.
    pub fn min_free(&self) -> u64 {
        self.min_free.load(Ordering::Relaxed)
    }

    fn set_min_free(&self, bytes: u64) {
        self.min_free.store(bytes, Ordering::Relaxed);
        self.readiness.set_min_free(bytes);
    }

    /// Free bytes, as last looked at.
    pub fn free_bytes(&self) -> u64 {
        self.free_bytes.load(Ordering::Relaxed)
    }

    /// Room for another recording, in bytes and in files.
    pub fn has_room(&self) -> bool {
        self.free_bytes() >= self.min_free() && !self.lacks_inodes.load(Ordering::Relaxed)
    }

    /// Files can be made that are not recordings: small ones, for which there are bytes even where
    /// `storage.min_free` is reached.
    pub fn has_inodes(&self) -> bool {
        !self.lacks_inodes.load(Ordering::Relaxed)
    }

    /// So little room that running recordings stop, or they could not be finished.
    pub fn is_exhausted(&self) -> bool {
        self.free_bytes() < (self.min_free() / 2).min(FINISHING_RESERVE)
    }

    /// Worth another try after a failure.
    pub fn takes_writes(&self) -> bool {
        !self.is_troubled() && self.has_room()
    }

    /// The last thing written failed.
    pub fn is_troubled(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
    }

    /// The storage does not take writes.
    pub fn not_writable(&self, fault: Fault) {
        self.troubled.store(true, Ordering::Relaxed);
        self.readiness.storage(Err(fault));
    }

    /// The storage takes writes again.
    pub fn recovered(&self) {
        self.troubled.store(false, Ordering::Relaxed);
        self.readiness.storage(Ok(()));
    }

    /// Bytes of running recordings: more by so many, or fewer.
    pub fn open_bytes_grew(&self, by: i64) {
        // Wraps back where fewer are taken than ever came: never, each deck takes back its own.
        self.open_bytes.fetch_add(by as u64, Ordering::Relaxed);
    }

    /// Bytes of recordings that are being written.
    pub fn open_bytes(&self) -> u64 {
        self.open_bytes.load(Ordering::Relaxed)
    }
}

/// Tells the files of this run from those that an earlier one left.
///
/// The store is looked through for leftovers while it is recorded into; until that is done, the
/// name of every file is noted before the file is made.
#[derive(Debug, Default)]
pub struct Names(Mutex<Option<HashSet<String>>>);

impl Names {
    /// Notes names from here on.
    fn noted() -> Names {
        Names(Mutex::new(Some(HashSet::new())))
    }

    /// A file of this name is about to be made.
    pub fn ours(&self, name: &RecordingName) {
        if let Some(names) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            names.insert(name.stem().to_owned());
        }
    }

    /// Keeps of `found` what is not ours. To be asked once, after the whole store was looked at.
    pub fn keep_others<T>(&self, found: &mut Vec<T>, stem: impl Fn(&T) -> &str) {
        let ours = self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
        found.retain(|f| !ours.contains(stem(f)));
    }
}

/// All of it.
pub struct Context {
    /// How and where recordings are written.
    pub writing: Writing,
    /// What is known of the storage.
    pub health: StorageHealth,
    /// Which files are of this run.
    pub leftovers: Names,
    /// Answered calls that were not recorded and are not yet in the register.
    pub unrecorded: RegisterQueue,
    /// The same whose assurance is not yet written.
    pub unassured: RegisterQueue,
    /// Where it is told.
    pub outlets: Outlets,
    /// How recordings are paused.
    pausing: Latest<PauseSettings>,
    /// Who decodes what is not decoded here; set before the threads start, if at all.
    pub decoders: OnceLock<Arc<dyn ForeignDecoders>>,
}

impl Context {
    /// Lets what is not decoded here be decoded by `program`, where the configuration says so.
    pub fn decode_by(&self, program: Program, codecs: &Codecs) {
        if codecs.external {
            // Said twice, the first holds.
            let _ = self.decoders.set(Arc::new(CagedDecoders::new(program, &self.outlets.metrics)));
        }
    }

    /// For recording live: every step synced, every block written at once.
    pub fn recording(config: &Config) -> Context {
        Context::new(config, Outlets::new(config), true, None)
    }

    /// For a replay: no syncs, no room asked for, and nothing twice.
    pub fn replaying(config: &Config) -> Context {
        Context::new(config, Outlets::new(config), false, Some(Existing::default()))
    }

    /// The same for whoever wants to know what a replay would record: nothing is written.
    pub fn explaining(config: &Config) -> Context {
        let mut context = Context::replaying(config);
        (context.writing.is_dry, context.writing.keep_undecoded) = (true, false);
        context
    }

    fn new(config: &Config, outlets: Outlets, sync: bool, existing: Option<Existing>) -> Context {
        let access = Access::of(config.storage.group_read);
        let options = WriterOptions { sync, access, ..WriterOptions::default() };
        let is_live = existing.is_none();
        let min_free = if is_live { config.storage.min_free } else { 0 };
        Context {
            writing: Writing {
                root: config.storage.dir.clone(),
                encoding: config.storage.encoding,
                options,
                keep_undecoded: config.storage.keep_undecoded,
                prompt: is_live,
                existing: existing.map(Mutex::new),
                is_dry: false,
            },
            health: StorageHealth::new(min_free, &outlets.readiness),
            unrecorded: RegisterQueue::default(),
            unassured: RegisterQueue::default(),
            leftovers: if is_live { Names::noted() } else { Names::default() },
            outlets,
            pausing: Latest::new(PauseSettings::new(&config.pause)),
            decoders: OnceLock::new(),
        }
    }

    /// How recordings that begin now are paused.
    pub fn pausing(&self) -> Arc<PauseSettings> {
        self.pausing.get()
    }

    /// Goes by a new configuration from here on, as far as that is possible without a restart.
    pub(super) fn update(&self, config: &Config) {
        self.health.set_min_free(config.storage.min_free);
        self.pausing.set(PauseSettings::new(&config.pause));
    }

    /// Counters and gauges.
    pub fn metrics(&self) -> &Metrics {
        &self.outlets.metrics
    }
}
