//! The assurance of calls that left no recording: each can be read, and nothing else lies among them.

use super::super::owners::has_wrong_mode;
use super::examine::foreign;
use super::findings::{Finding, FindingKind, finding};
use crate::store::StoreError;
use crate::store::call_assurance::{ASSURANCE_FOLDER, AssuranceFolder, is_call_assurance};
use crate::store::files::Folder;

/// Everything that is wrong with them.
pub(super) fn wrong_assurances(store: &Folder) -> Vec<Finding> {
    let mut found = Vec::new();
    let root = store.path().join(ASSURANCE_FOLDER);
    let of = |f: AssuranceFolder| -> Result<_, StoreError> { Ok((f.places()?, f)) };
    let opened = AssuranceFolder::open(store).and_then(|folder| folder.map(of).transpose());
    let (places, folder) = match opened {
        Ok(Some(opened)) => opened,
        Ok(None) => return found,
        Err(e) => return vec![finding(FindingKind::Unreadable, &root, None, e.to_string())],
    };
    for place in places {
        let path = folder.folder().path().join(&place);
        // Half of one that is being written, or that a crash left: the next one takes its place.
        if place.extension().is_some_and(|e| e == "new") {
            continue;
        }
        let mut add = |kind, detail: &str| found.push(finding(kind, &path, None, detail.into()));
        match is_call_assurance(&place) {
            false => add(FindingKind::Stray, "is in the folder assurance/ but does not belong there"),
            true if !matches!(folder.read(&place), Ok(Some(_))) => {
                add(FindingKind::BadSidecar, "cannot be read as the assurance of a call");
            }
            true => {}
        }
        if let Ok(Some(known)) = folder.folder().look(&place) {
            if !known.is_link() && has_wrong_mode(&known, store.access(), false) {
                let detail = format!("{:04o}; run `nauhuri repair`", known.mode());
                found.push(finding(FindingKind::Mode, &path, None, detail));
            }
            found.extend(foreign(store, &path, known));
        }
    }
    found
}
