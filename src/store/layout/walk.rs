//! Walking a store: one day's folder at a time, in order of time.
//!
//! Only names are looked at. What is no file, has another suffix or stands
//! outside `YYYY/MM/DD` is not the store's and is passed over; symbolic links
//! are not followed.

use super::super::error::StoreError;
use super::super::files::{Access, EntryKind, Folder, NEW};
use super::{PART, Paths, is_date};
use std::io;
use std::path::{Path, PathBuf};

/// What may stand behind a NAME.
const SUFFIXES: [&str; 9] = [
    ".wav",
    ".wav.part",
    ".wav.new",
    ".json",
    ".json.part",
    ".json.new",
    ".json.part.new",
    ".pcap",
    ".pcap.part",
];

/// What a folder holds of one NAME.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameFiles {
    /// The day's folder.
    pub folder: PathBuf,
    /// NAME.
    pub stem: String,
    /// `NAME.wav`
    pub wav: bool,
    /// `NAME.wav.part`
    pub wav_part: bool,
    /// `NAME.wav.new`: sound that is made anew, or was to be.
    pub wav_new: bool,
    /// `NAME.json`
    pub json: bool,
    /// `NAME.json.part`
    pub json_part: bool,
    /// `NAME.json.new`: an edit under way, or one that never happened.
    pub json_new: bool,
    /// `NAME.json.part.new`: a close under way, or one that was cut short.
    pub json_part_new: bool,
    /// `NAME.pcap`
    pub pcap: bool,
    /// `NAME.pcap.part`
    pub pcap_part: bool,
}

/// What the files of one NAME amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameState {
    /// WAV and JSON under their final names.
    Finished,
    /// At least one `.part`: running, or left by a crash.
    Part,
    /// A WAV alone.
    OrphanWav,
    /// A JSON alone.
    OrphanJson,
    /// Neither: only a `.new`, or what was kept beside them.
    Scratch,
}

impl NameFiles {
    /// What it amounts to.
    pub fn state(&self) -> NameState {
        match (self.wav, self.json, self.wav_part || self.json_part) {
            (_, _, true) => NameState::Part,
            (true, true, false) => NameState::Finished,
            (true, false, false) => NameState::OrphanWav,
            (false, true, false) => NameState::OrphanJson,
            (false, false, false) => NameState::Scratch,
        }
    }

    /// An edit is under way, or was cut short.
    pub fn has_edit(&self) -> bool {
        self.json_new || self.json_part_new || self.wav_new
    }

    /// The paths of its files.
    pub fn paths(&self) -> Paths {
        Paths::new(&self.folder, &self.stem)
    }

    /// What there is of this NAME now.
    ///
    /// # Errors
    /// The folder cannot be looked into.
    pub fn now(store: &Folder, folder: &Path, stem: &str) -> Result<NameFiles, StoreError> {
        let mut found =
            NameFiles { folder: folder.to_owned(), stem: stem.to_owned(), ..NameFiles::default() };
        for suffix in SUFFIXES {
            let there = store.look(&folder.join(format!("{stem}{suffix}")))?;
            let is_file = there.is_some_and(|known| known.is_file());
            if let Some(flag) = found.flag(suffix) {
                *flag = is_file;
            }
        }
        Ok(found)
    }

    /// Which flag a suffix raises.
    fn flag(&mut self, suffix: &str) -> Option<&mut bool> {
        Some(match suffix {
            ".wav" => &mut self.wav,
            ".wav.part" => &mut self.wav_part,
            ".wav.new" => &mut self.wav_new,
            ".json" => &mut self.json,
            ".json.part" => &mut self.json_part,
            ".json.new" => &mut self.json_new,
            ".json.part.new" => &mut self.json_part_new,
            ".pcap" => &mut self.pcap,
            ".pcap.part" => &mut self.pcap_part,
            _ => return None,
        })
    }
}

/// Every NAME of a store, by day and then by name. An unreadable folder is one
/// error, and the walk goes on behind it.
#[derive(Debug)]
pub struct Walk {
    root: PathBuf,
    /// The root, once it is open.
    open: Option<Folder>,
    /// Folders to read, the next one last, with their depth below the root.
    folders: Vec<(PathBuf, u8)>,
    /// NAMEs of the day being handed out, the next one last.
    day: Vec<NameFiles>,
}

impl Walk {
    /// Begins at the store's root. A root that is not there is an empty store.
    pub fn new(root: &Path) -> Walk {
        Walk { root: root.to_owned(), open: None, folders: vec![(PathBuf::new(), 0)], day: Vec::new() }
    }

    fn descend(&mut self, below: &Path, depth: u8) -> Result<(), StoreError> {
        let root = match &self.open {
            Some(root) => root,
            None => self.open.insert(Folder::open(&self.root, Access::Owner)?),
        };
        let folder = if depth == 0 { root.clone() } else { root.below(below)? };
        let cannot_read = StoreError::io("read", folder.path());
        if depth == 3 {
            self.day = day_entries(&folder).map_err(cannot_read)?;
            self.day.reverse();
            return Ok(());
        }
        let digits = if depth == 0 { 4 } else { 2 };
        let entries = folder.entries().map_err(cannot_read)?;
        let dated = entries.into_iter().filter(|e| e.kind == EntryKind::Folder && is_date(&e.name, digits));
        let mut names: Vec<String> = dated.map(|e| e.name).collect();
        names.sort_unstable_by(|a, b| b.cmp(a));
        self.folders.extend(names.into_iter().map(|name| (below.join(name), depth + 1)));
        Ok(())
    }
}

impl Iterator for Walk {
    /// The folder stands beside its error.
    type Item = Result<NameFiles, (PathBuf, io::Error)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.day.pop() {
                return Some(Ok(found));
            }
            let (below, depth) = self.folders.pop()?;
            match self.descend(&below, depth) {
                Ok(()) => {}
                // Expired and removed while the walk was on its way there.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(StoreError::Io { source, .. }) => return Some(Err((self.root.join(below), source))),
                Err(e) => return Some(Err((self.root.join(below), io::Error::other(e)))),
            }
        }
    }
}

/// The NAMEs of one day's folder, sorted.
///
/// # Errors
/// It cannot be read.
pub fn day_entries(folder: &Folder) -> io::Result<Vec<NameFiles>> {
    let mut names = Vec::new();
    for entry in folder.entries()? {
        let Some((stem, _)) = split_suffix(&entry.name) else { continue };
        if entry.kind == EntryKind::File {
            names.push((stem.len(), entry.name));
        }
    }
    names.sort_unstable_by(|(a, x), (b, y)| x[..*a].cmp(&y[..*b]));
    let mut day: Vec<NameFiles> = Vec::with_capacity(names.len() / 2 + 1);
    for (stem, mut name) in names {
        if day.last().is_none_or(|found| found.stem != name[..stem]) {
            let stem = name[..stem].to_owned();
            day.push(NameFiles { folder: folder.path().to_owned(), stem, ..NameFiles::default() });
        }
        let flag = day.last_mut().and_then(|found| found.flag(&name.split_off(stem)));
        // A suffix that was split off above has one.
        if let Some(flag) = flag {
            *flag = true;
        }
    }
    Ok(day)
}

/// Whether a day's folder may hold a file of this name.
pub fn is_ours(file_name: &str) -> bool {
    split_suffix(file_name).is_some()
}

/// NAME and suffix; a NAME has dots of its own, so the suffix is found from the end.
fn split_suffix(file_name: &str) -> Option<(&str, &str)> {
    let rest = file_name.strip_suffix(NEW).unwrap_or(file_name);
    let rest = rest.strip_suffix(PART).unwrap_or(rest);
    let stem = [".wav", ".json", ".pcap"].iter().find_map(|suffix| rest.strip_suffix(suffix))?;
    let suffix = file_name.get(stem.len()..)?;
    // `.wav.part.new` is nothing of ours.
    NameFiles::default().flag(suffix)?;
    Some((stem, suffix))
}
