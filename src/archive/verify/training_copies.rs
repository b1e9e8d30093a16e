//! Training copies: each is whole, of a recording that is there, and nothing else lies among them.

use super::super::index::{Index, IndexError};
use super::super::owners::has_wrong_mode;
use super::examine::foreign;
use super::findings::{Finding, FindingKind, finding};
use crate::store::files::Folder;
use crate::store::training::{TrainingCopy, TrainingFile, TrainingFolder};
use crate::store::wav::sha256_of;
use std::path::Path;

/// Everything that is wrong with them; `whole`: their audio is read.
pub(super) fn wrong_copies(
    store: &Folder,
    index: Option<&Index>,
    whole: bool,
) -> Result<Vec<Finding>, IndexError> {
    let Some(copies) = TrainingFolder::open(store.path())? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let files = copies.files()?;
    for file in &files {
        let path = copies.folder().path().join(&file.name);
        let mut add = |kind, detail: &str| found.push(finding(kind, &path, None, detail.into()));
        match file.ids {
            None => add(FindingKind::Stray, "is among the training copies but is not one"),
            Some(_) if file.is_json() => match copies.read(file) {
                Err(_) => add(FindingKind::BadSidecar, "cannot be read as a training copy"),
                Ok(copy) => {
                    if let Some((kind, detail)) = wrong(&copies, &copy, index, whole)? {
                        add(kind, detail);
                    }
                }
            },
            // What was never finished, or is being made just now, the sweep looks after.
            Some(_) if file.name.ends_with(".wav") && !has_json(&files, file) => {
                add(
                    FindingKind::MissingSidecar,
                    "audio of a training copy that no list has; the sweep removes it",
                );
            }
            Some(_) => {}
        }
        if let Ok(Some(known)) = copies.folder().look(Path::new(&file.name)) {
            if has_wrong_mode(&known, store.access(), true) {
                let detail = format!("{:04o}, more than 0600; run `nauhuri repair`", known.mode());
                found.push(finding(FindingKind::Mode, &path, None, detail));
            }
            found.extend(foreign(store, &path, known));
        }
    }
    Ok(found)
}

fn has_json(files: &[TrainingFile], wav: &TrainingFile) -> bool {
    files.iter().any(|file| file.is_json() && file.ids == wav.ids)
}

fn wrong(
    copies: &TrainingFolder,
    copy: &TrainingCopy,
    index: Option<&Index>,
    whole: bool,
) -> Result<Option<(FindingKind, &'static str)>, IndexError> {
    if let Some(index) = index {
        if index.is_buried(copy.source)? {
            return Ok(Some((
                FindingKind::Buried,
                "a training copy of a recording that was deleted; the sweep removes it",
            )));
        }
        if index.get(copy.source)?.is_none() {
            return Ok(Some((FindingKind::Stray, "a training copy of a recording that is not there")));
        }
    }
    let wav = copies.wav(copy);
    let Ok(file) = copies.folder().read(&wav) else {
        return Ok(Some((FindingKind::MissingWav, "a training copy without its audio")));
    };
    let is_altered = whole && sha256_of(&file, &wav).ok().as_ref() != Some(&copy.sha256);
    Ok(is_altered.then_some((FindingKind::Hash, "a training copy with another hash than its JSON has")))
}
