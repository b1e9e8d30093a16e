//! Training copies on disk: anonymised excerpts, kept apart from the recordings.
//!
//! `DIR/.nauhuri/training/SOURCE_ID.wav` and `.json`, both ids without hyphens, whatever
//! `storage.state` says: sound belongs on the disk of the recordings. No list, search or walk
//! of recordings knows them. The name leads to the source, so that whoever deletes a recording
//! finds its copies without reading anything; nothing else of the source is in them.
//!
//! Written as `.wav.part`, renamed, and then the JSON: a WAV alone is left by a crash, and the
//! next sweep removes it. Must not know how a voice is altered.

use super::StoreError;
use super::files::{Access, EntryKind, Folder};
use super::layout::STATE_FOLDER;
use crate::id::Channel;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The folder, in that of the store's state.
const FOLDER: &str = "training";
/// Longest sidecar that is read, bytes.
const JSON_MAX: u64 = 256 << 10;
/// What says of every copy whose judgement it is.
pub const LABEL: &str = "Anonymised for training. Whether the people in it can still be recognised is the judgement of \
    whoever made it.";

/// What became of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SideChange {
    /// Its voice was altered.
    Altered,
    /// It is silent throughout.
    Dropped,
}

/// A stretch in which nothing of the call is heard.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaskedSpan {
    /// First second of the copy.
    pub start_s: f64,
    /// Second behind the last.
    pub end_s: f64,
    /// Only on this side; `None`: on both.
    #[serde(default)]
    pub side: Option<Channel>,
    /// A tone stands in its place.
    pub beep: bool,
}

/// The JSON of a copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingCopy {
    /// Its id.
    pub id: Uuid,
    /// The recording it was made from, with which it goes.
    pub source: Uuid,
    /// Name of its service: whoever may hear its training copies may hear this one.
    pub service: Option<String>,
    /// What it shows, in its maker's words.
    pub title: String,
    /// Always [`LABEL`].
    pub label: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// When its source falls due, and with it the copy.
    pub until: Option<Timestamp>,
    /// Length.
    pub duration_s: f64,
    /// Hz.
    pub sample_rate: u32,
    /// Of the WAV file, lower-case hexadecimal.
    pub sha256: String,
    /// Left channel.
    pub customer: SideChange,
    /// Right channel.
    pub agent: SideChange,
    /// Where nothing is heard.
    pub spans: Vec<MaskedSpan>,
}

impl TrainingCopy {
    fn stem(&self) -> String {
        format!("{}_{}", self.source.simple(), self.id.simple())
    }
}

/// The copies of a store.
#[derive(Clone, Debug)]
pub struct TrainingFolder(Folder);

/// A name in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingFile {
    /// As it stands there.
    pub name: String,
    /// The source and the id it names; `None`: nothing of ours.
    pub ids: Option<(Uuid, Uuid)>,
}

impl TrainingFile {
    fn of(name: String) -> TrainingFile {
        let stem = name.split('.').next().unwrap_or_default();
        let ids = stem.split_once('_').and_then(|(source, id)| {
            let uuid = |text: &str| (text.len() == 32).then(|| Uuid::try_parse(text).ok()).flatten();
            Some((uuid(source)?, uuid(id)?))
        });
        TrainingFile { name, ids }
    }

    /// Whether it is the JSON of a copy.
    pub fn is_json(&self) -> bool {
        self.ids.is_some() && self.name.ends_with(".json")
    }
}

impl TrainingFolder {
    /// The folder of a store; `None` where no copy was ever made.
    ///
    /// # Errors
    /// The system refuses.
    pub fn open(root: &Path) -> Result<Option<TrainingFolder>, StoreError> {
        let below = Path::new(STATE_FOLDER).join(FOLDER);
        match Folder::open(root, Access::Owner)?.below(&below) {
            Ok(folder) => Ok(Some(TrainingFolder(folder))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The folder of a store, made where it is missing.
    ///
    /// # Errors
    /// The system refuses.
    pub fn make(root: &Path) -> Result<TrainingFolder, StoreError> {
        let state = Folder::open(root, Access::Owner)?.make_below(Path::new(STATE_FOLDER), true)?;
        Ok(TrainingFolder(state.make_below(Path::new(FOLDER), true)?))
    }

    /// The folder itself.
    pub fn folder(&self) -> &Folder {
        &self.0
    }

    /// Every file in it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn files(&self) -> Result<Vec<TrainingFile>, StoreError> {
        let entries = self.0.entries().map_err(StoreError::io("read", self.0.path()))?;
        let files = entries.into_iter().filter(|entry| entry.kind == EntryKind::File);
        Ok(files.map(|entry| TrainingFile::of(entry.name)).collect())
    }

    /// Every copy that can be read, the newest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn copies(&self) -> Result<Vec<TrainingCopy>, StoreError> {
        let files = self.files()?;
        let jsons = files.iter().filter(|file| file.is_json());
        let mut copies: Vec<TrainingCopy> = jsons.filter_map(|file| self.read(file).ok()).collect();
        copies.sort_by_key(|copy| std::cmp::Reverse((copy.made_at, copy.id)));
        Ok(copies)
    }

    /// One copy.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn get(&self, id: Uuid) -> Result<Option<TrainingCopy>, StoreError> {
        let files = self.files()?;
        let own = files.iter().find(|file| file.is_json() && file.ids.is_some_and(|(_, of)| of == id));
        Ok(own.and_then(|file| self.read(file).ok()))
    }

    /// What a JSON says; it has to say what its name says.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read(&self, file: &TrainingFile) -> Result<TrainingCopy, StoreError> {
        let path = self.0.path().join(&file.name);
        let mut bytes = Vec::new();
        let opened = self.0.read(Path::new(&file.name))?;
        opened.take(JSON_MAX).read_to_end(&mut bytes).map_err(StoreError::io("read", &path))?;
        let json = |e: serde_json::Error| StoreError::io("read", &path)(e.into());
        let copy: TrainingCopy = serde_json::from_slice(&bytes).map_err(json)?;
        match file.ids == Some((copy.source, copy.id)) {
            true => Ok(copy),
            false => Err(StoreError::io("read", &path)(io::ErrorKind::InvalidData.into())),
        }
    }

    /// The name of a copy's audio.
    pub fn wav(&self, copy: &TrainingCopy) -> PathBuf {
        PathBuf::from(format!("{}.wav", copy.stem()))
    }

    /// The name of its audio while it is made.
    pub fn part(&self, copy: &TrainingCopy) -> PathBuf {
        PathBuf::from(format!("{}.wav.part", copy.stem()))
    }

    /// Gives finished audio its name, and writes the JSON.
    ///
    /// # Errors
    /// The system refuses.
    pub fn finish(&self, copy: &TrainingCopy) -> Result<(), StoreError> {
        self.0.rename(&self.part(copy), &self.wav(copy))?;
        let json = PathBuf::from(format!("{}.json", copy.stem()));
        let io = |e: serde_json::Error| StoreError::io("write", &json)(e.into());
        self.0.replace(&json, &serde_json::to_vec_pretty(copy).map_err(io)?, true)
    }

    /// Removes files of a copy, the JSON first: from then on no list has it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove(&self, copy: &TrainingCopy) -> Result<(), StoreError> {
        self.remove_where(|(_, id)| id == copy.id).map(drop)
    }

    /// Removes every file of every copy made from a recording; how many copies.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove_of(&self, source: Uuid) -> Result<usize, StoreError> {
        self.remove_where(|(of, _)| of == source)
    }

    fn remove_where(&self, is: impl Fn((Uuid, Uuid)) -> bool) -> Result<usize, StoreError> {
        let mut files = self.files()?;
        files.retain(|file| file.ids.is_some_and(&is));
        files.sort_by_key(|file| !file.is_json());
        for file in &files {
            self.0.remove(Path::new(&file.name))?;
        }
        if !files.is_empty() {
            self.0.sync()?;
        }
        Ok(files.iter().filter(|file| file.name.ends_with(".wav")).count())
    }
}

/// Removes the copies made from a recording of a store, where there are any.
///
/// # Errors
/// The system refuses.
pub fn remove_copies(root: &Path, source: Uuid) -> Result<(), StoreError> {
    match TrainingFolder::open(root)? {
        Some(copies) => copies.remove_of(source).map(drop),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_both_ids_or_is_nothing_of_ours() {
        let (source, id) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let stem = format!("{}_{}", source.simple(), id.simple());
        for suffix in [".wav", ".json", ".wav.part", ".json.new"] {
            let file = TrainingFile::of(format!("{stem}{suffix}"));
            assert_eq!((file.ids, file.is_json()), (Some((source, id)), suffix == ".json"), "{suffix}");
        }
        for name in ["x.json", "_.json", &format!("{source}_{id}.json"), ""] {
            assert_eq!(TrainingFile::of(name.into()).ids, None, "{name}");
        }
    }
}
