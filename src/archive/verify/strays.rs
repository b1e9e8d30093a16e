//! What lies in a store and is nobody's: it is in no list, and no sweep deletes it.
//!
//! Copies beside recordings, files in folders that are no day's, and symbolic
//! links, which the walk of a store does not follow. Only what looks like a
//! recording is told of: a store may be the root of a file system, with what
//! belongs there.

use super::findings::{Finding, FindingKind, finding};
use crate::store::call_assurance::ASSURANCE_FOLDER;
use crate::store::layout::{STATE_FOLDER, is_ours};
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

/// Folders below the root that are looked into: a day's is the third.
const DEEPEST: usize = 8;

/// Everything of that kind. `state` is passed over.
pub(super) fn strays(root: &Path, state: Option<&Path>) -> Vec<Finding> {
    let mut found = Vec::new();
    // Folder, how deep it is, and whether all above it is named as a date is.
    let mut folders: Vec<(PathBuf, usize, bool)> = vec![(root.to_owned(), 0, true)];
    while let Some((folder, depth, dated)) = folders.pop() {
        // What cannot be read the walk tells of.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
            // What is wrong there is `call_assurances`' to tell.
            let is_assurance = depth == 0 && kind.is_dir() && entry.file_name() == ASSURANCE_FOLDER;
            if is_assurance || path.ends_with(STATE_FOLDER) || state.is_some_and(|state| state == path) {
                continue;
            }
            if kind.is_symlink() {
                let what = "a symbolic link: nothing behind it is listed, checked or deleted";
                found.push(finding(FindingKind::Stray, &path, None, what.into()));
            } else if kind.is_dir() && depth < DEEPEST {
                folders.push((path, depth + 1, dated && depth < 3 && is_dated(&entry, depth)));
            } else if looks_like_a_recording(&entry) && !(dated && depth == 3 && is_known(&entry)) {
                let what = "looks like a recording but is not one: no list shows it and no sweep deletes it";
                found.push(finding(FindingKind::Stray, &path, None, what.into()));
            }
        }
    }
    found
}

/// `YYYY`, then `MM`, then `DD`.
fn is_dated(entry: &DirEntry, depth: usize) -> bool {
    let digits = if depth == 0 { 4 } else { 2 };
    entry.file_name().to_str().is_some_and(|n| n.len() == digits && n.bytes().all(|b| b.is_ascii_digit()))
}

fn is_known(entry: &DirEntry) -> bool {
    entry.file_name().to_str().is_some_and(is_ours)
}

fn looks_like_a_recording(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
    let of_one = |suffix: &str| name.contains(suffix) && name.contains("z_");
    name.ends_with(".wav") || of_one(".wav") || of_one(".json")
}
