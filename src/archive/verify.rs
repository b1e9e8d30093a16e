//! Is every recording what it should be? Asked of the files, not of the index.
//!
//! Walks the store, reads every sidecar and every WAV against each other, and
//! then holds the index against what was found. Nothing is repaired, moved or
//! deleted. Other processes may record, edit and delete meanwhile: what looks
//! wrong for a moment is looked at again before it is told. Must not know how
//! findings are printed.

mod call_assurances;
mod examine;
mod findings;
mod strays;
#[cfg(test)]
mod tests;
mod training_copies;

pub use findings::{Finding, FindingKind, VerifyReport};

use super::index::{Index, IndexError, Row};
use super::owners::has_wrong_mode;
use crate::store::files::{Access, Folder};
use crate::store::layout::{NameFiles, NameState, Walk, open_state};
use crate::store::lock;
use crate::store::sidecar::Sidecar;
use crate::time::Timestamp;
use examine::{Checked, Examiner};
use findings::finding;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// Names waiting for a reader, and what was found waiting for the judge.
const QUEUE: usize = 256;

/// What [`VerifyOptions::patience`] should be where others are at work.
pub const PATIENCE: Duration = Duration::from_millis(1_500);

/// How to look.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// Read only so many recordings, taken at random.
    pub sample: Option<usize>,
    /// The present.
    pub now: Timestamp,
    /// How long after its term a recording may still be there: the time between sweeps.
    pub grace: Duration,
    /// How long what another process may be doing just now is given to be done,
    /// before what looks wrong is looked at again.
    pub patience: Duration,
    /// Readers, at least one.
    pub threads: usize,
    /// Who may read recordings, says the configuration.
    pub access: Access,
}

/// Looks at everything. `index`: the store's, or why there is none. `progress`:
/// recordings done, and how many there are.
pub fn verify(
    root: &Path,
    index: Result<&Index, &IndexError>,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<VerifyReport, IndexError> {
    let total = Walk::new(root).flatten().filter(|f| f.state() == NameState::Finished).count() as u64;
    let store = Folder::open(root, options.access)?;
    let mut judge = Verifier::new(&store, index.ok(), options)?;
    if let Err(e) = index {
        judge.report.add(finding(FindingKind::Index, root, None, e.to_string()));
    }
    let examiner = Examiner::new(store.clone(), options.now, options.grace);
    let chosen = options.sample.map(|n| choose(n as u64, total));
    std::thread::scope(|scope| {
        let (jobs, todo) = crossbeam_channel::bounded::<(NameFiles, bool)>(QUEUE);
        let (done, results) = crossbeam_channel::bounded::<Checked>(QUEUE);
        for _ in 0..options.threads.max(1) {
            let (todo, done, examiner) = (todo.clone(), done.clone(), &examiner);
            scope.spawn(move || {
                for (found, whole) in todo {
                    if done.send(examiner.examine(found, whole)).is_err() {
                        return;
                    }
                }
            });
        }
        scope.spawn(move || feed(root, chosen.as_ref(), &jobs, &done));
        drop(todo);
        let mut n = 0;
        for checked in results {
            n += u64::from(checked.found.state() == NameState::Finished);
            progress(n, total);
            judge.take(checked)?;
        }
        Ok::<(), IndexError>(())
    })?;
    judge.finish()
}

/// Hands out every NAME, and tells of folders that cannot be read.
fn feed(
    root: &Path,
    chosen: Option<&HashSet<u64>>,
    jobs: &crossbeam_channel::Sender<(NameFiles, bool)>,
    done: &crossbeam_channel::Sender<Checked>,
) {
    let mut ordinal = 0;
    for found in Walk::new(root) {
        let sent = match found {
            Ok(found) => {
                let finished = found.state() == NameState::Finished;
                let whole = finished && chosen.is_none_or(|set| set.contains(&ordinal));
                ordinal += u64::from(finished);
                jobs.send((found, whole)).is_ok()
            }
            Err((folder, e)) => {
                let found = NameFiles { folder: folder.clone(), ..NameFiles::default() };
                let findings = vec![finding(FindingKind::Unreadable, &folder, None, e.to_string())];
                done.send(Checked { findings, ..Checked::of(found) }).is_ok()
            }
        };
        if !sent {
            return;
        }
    }
}

/// `n` of `total`, at random.
fn choose(n: u64, total: u64) -> HashSet<u64> {
    // A hasher is seeded anew in each process; that is random enough to look around.
    let random = RandomState::new();
    let mut chosen = HashSet::new();
    // Floyd's: each set of n is as likely as another.
    for top in total.saturating_sub(n)..total {
        let pick = random.hash_one(top) % (top + 1);
        if !chosen.insert(pick) {
            chosen.insert(top);
        }
    }
    chosen
}

/// Holds what the readers found against the index and against itself.
struct Verifier<'a> {
    store: &'a Folder,
    index: Option<&'a Index>,
    report: VerifyReport,
    hash: RandomState,
    /// Paths the index has, hashed: a million of them are 16 MB.
    indexed: HashSet<u64>,
    /// Paths the walk has found, hashed.
    walked: HashSet<u64>,
    ids: HashMap<Uuid, u64>,
    buried: HashSet<u32>,
    /// What may be another process's work just now, to be looked at again.
    suspects: Vec<Finding>,
    /// Sidecars the index knows nothing of, or something else.
    unequal: Vec<PathBuf>,
    folders: HashSet<PathBuf>,
    patience: Duration,
}

impl<'a> Verifier<'a> {
    fn new(store: &'a Folder, index: Option<&'a Index>, options: &VerifyOptions) -> Result<Self, IndexError> {
        let mut judge = Verifier {
            store,
            index,
            report: VerifyReport::default(),
            hash: RandomState::new(),
            indexed: HashSet::new(),
            walked: HashSet::new(),
            ids: HashMap::new(),
            buried: HashSet::new(),
            suspects: Vec::new(),
            unequal: Vec::new(),
            folders: HashSet::new(),
            patience: options.patience,
        };
        for stray in strays::strays(store.path(), index.map(Index::state)) {
            judge.report.add(stray);
        }
        // The audio of all of them, unless only a sample is asked for.
        for wrong in training_copies::wrong_copies(store, index, options.sample.is_none())? {
            judge.report.add(wrong);
        }
        for wrong in call_assurances::wrong_assurances(store) {
            judge.report.add(wrong);
        }
        if let Some(index) = index {
            judge.buried = index.buried_shorts()?;
            judge.look_at_index(index)?;
            // In full the rows are asked for one by one.
            if options.sample.is_some() {
                let (indexed, hash) = (&mut judge.indexed, &judge.hash);
                index.each_path(|_, path| {
                    indexed.insert(hash.hash_one(path));
                })?;
            }
        }
        Ok(judge)
    }

    fn look_at_index(&mut self, index: &Index) -> Result<(), IndexError> {
        let state = index.state();
        self.look_at_state(&open_state(state)?);
        if let Some(said) = index.self_check()? {
            self.report.add(finding(FindingKind::Index, state, None, said));
        }
        for line in index.unreadable_tombstones()? {
            let path = state.join(super::index::TOMBSTONES);
            self.report.add(finding(
                FindingKind::Tombstones,
                &path,
                None,
                format!("line {line} is not a tombstone"),
            ));
        }
        Ok(())
    }

    fn take(&mut self, checked: Checked) -> Result<(), IndexError> {
        let Checked { found, findings, row, bytes, whole } = checked;
        // The day's folder, and those of its month and year.
        for folder in found.folder.ancestors().take(3) {
            if self.folders.insert(folder.to_owned()) {
                self.look_at_folder(folder);
            }
        }
        let json = found.paths().json;
        if found.state() == NameState::Finished {
            self.report.recordings += 1;
            self.walked.insert(self.place(&json));
        }
        self.report.read += u64::from(whole);
        self.report.bytes += bytes;
        let Some(index) = self.index else {
            self.suspects.extend(findings);
            return Ok(());
        };
        if let Some(id) = index.buried_id(&self.buried, self.store, &found)? {
            let path = if found.json { json } else { found.paths().wav };
            self.suspects.push(finding(
                FindingKind::Buried,
                &path,
                Some(id),
                "was deleted, and is there again".into(),
            ));
            return Ok(());
        }
        self.suspects.extend(findings);
        match row {
            Some(row) => {
                let place = self.place(&json);
                if self.ids.insert(row.id, place).is_some_and(|other| other != place) {
                    let detail = "another recording has the same id".to_owned();
                    self.suspects.push(finding(FindingKind::DuplicateId, &json, Some(row.id), detail));
                } else if index.get(row.id)?.as_ref() != Some(&row) {
                    self.unequal.push(json);
                }
            }
            // Not read: known by name or not.
            None if found.state() == NameState::Finished
                && !whole
                && !self.indexed.contains(&self.place(&json)) =>
            {
                self.unequal.push(json);
            }
            None => {}
        }
        Ok(())
    }

    /// Numbers and names stand in the index: nobody else may read it, nor write the log.
    fn look_at_state(&mut self, state: &Folder) {
        let names = state.entries().unwrap_or_default();
        let inside =
            names.iter().filter_map(|e| Some((Path::new(&e.name), state.look(Path::new(&e.name)).ok()??)));
        let own = state.known().ok().map(|known| (Path::new(""), known));
        for (name, known) in inside.chain(own) {
            let path =
                if name.as_os_str().is_empty() { state.path().to_owned() } else { state.path().join(name) };
            if known.is_link() {
                let what = "a symbolic link, which is not followed".to_owned();
                self.report.add(finding(FindingKind::Stray, &path, None, what));
            } else if has_wrong_mode(&known, self.store.access(), true) {
                let widest = if known.is_folder() { 0o700 } else { 0o600 };
                let detail = format!("{:04o}, more than {widest:04o}; run `nauhuri repair`", known.mode());
                self.report.add(finding(FindingKind::Mode, &path, None, detail));
            }
            self.report.extend(examine::foreign(self.store, &path, known));
        }
    }

    /// A sidecar's path under the root, hashed as the index has it.
    fn place(&self, json: &Path) -> u64 {
        self.hash.hash_one(self.below(json))
    }

    fn below<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(self.store.path()).unwrap_or(path)
    }

    fn look_at_folder(&mut self, folder: &Path) {
        let Ok(Some(known)) = self.store.look(folder) else { return };
        let mode = self.store.access().folder_mode();
        if known.mode() != mode {
            let detail = format!("{:04o} instead of {mode:04o}; run `nauhuri repair`", known.mode());
            self.report.add(finding(FindingKind::Mode, folder, None, detail));
        }
        self.report.extend(examine::foreign(self.store, folder, known));
    }

    /// Rows whose file the walk has not seen, and a second look at everything
    /// that seemed wrong.
    fn finish(mut self) -> Result<VerifyReport, IndexError> {
        let mut stale = Vec::new();
        if let Some(index) = self.index {
            let mut unseen = Vec::new();
            index.each_path(|id, path| {
                if !self.walked.contains(&self.hash.hash_one(path)) && !self.is_there(path) {
                    unseen.push(id);
                }
            })?;
            for id in unseen {
                stale.extend(index.get(id)?);
            }
            stale.extend(index.buried_rows()?.into_iter().filter(|row| !self.is_there(&row.path)));
        }
        if !(stale.is_empty() && self.suspects.is_empty() && self.unequal.is_empty()) {
            std::thread::sleep(self.patience);
        }
        let recording = lock::is_occupied(self.store.path())?;
        for f in std::mem::take(&mut self.suspects) {
            if still_wrong(&f, recording) {
                self.report.add(f);
            }
        }
        if let Some(index) = self.index {
            for json in std::mem::take(&mut self.unequal) {
                self.compare(index, &json)?;
            }
            for row in stale {
                self.is_stale(index, &row)?;
            }
        }
        self.report.findings.sort_by(|a, b| (&a.path, a.kind).cmp(&(&b.path, b.kind)));
        Ok(self.report)
    }

    fn is_there(&self, path: &Path) -> bool {
        self.store.look(path).is_ok_and(|known| known.is_some())
    }

    fn compare(&mut self, index: &Index, json: &Path) -> Result<(), IndexError> {
        // Gone by now, or told already as unreadable.
        let Ok(sidecar) = Sidecar::read_in(self.store, json) else { return Ok(()) };
        let path = self.below(json);
        let (kind, detail) = match (index.get(sidecar.id)?, Row::of(path, &sidecar)) {
            (None, _) => (FindingKind::NotIndexed, "is not in the index; `nauhuri reindex` takes it in"),
            (Some(row), file) if row != file => {
                (FindingKind::IndexDiffers, "the index says something else; run `nauhuri reindex`")
            }
            _ => return Ok(()),
        };
        self.report.add(finding(kind, json, Some(sidecar.id), detail.into()));
        Ok(())
    }

    fn is_stale(&mut self, index: &Index, row: &Row) -> Result<(), IndexError> {
        let json = row.json(self.store.path());
        let known = index.get(row.id)?.is_some() || index.is_buried(row.id)?;
        if known && !self.is_there(&row.path) {
            let detail = "is in the index, and its file is not there".to_owned();
            self.report.add(finding(FindingKind::IndexStale, &json, Some(row.id), detail));
        }
        Ok(())
    }
}

/// What another process did meanwhile may have put it right.
fn still_wrong(f: &Finding, recording: bool) -> bool {
    let there = fs::symlink_metadata(&f.path).is_ok();
    match f.kind {
        FindingKind::MissingSidecar => there && !f.path.with_extension("json").exists(),
        FindingKind::Leftover => there && !(recording && examine::is_part(&f.path)),
        // The sidecar is what the finding is about; the WAV is what is missing.
        FindingKind::MissingWav => there && !f.path.with_extension("wav").exists(),
        _ => there,
    }
}
