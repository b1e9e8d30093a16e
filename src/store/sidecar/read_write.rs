//! Sidecars as files: read with judgement, replaced whole or not at all.

use super::Sidecar;
use crate::store::StoreError;
use crate::store::files::Folder;
use serde_json::Value;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Longest sidecar read: a file beyond it is none of ours.
const MAX_BYTES: u64 = 16 << 20;
/// Most sidecars are read at once into so much.
const USUAL_BYTES: usize = 4 << 10;

impl Sidecar {
    /// Reads and judges a sidecar of a store.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read_in(folder: &Folder, path: &Path) -> Result<Sidecar, StoreError> {
        Sidecar::judged(path, &read_bytes(folder, path)?)
    }

    /// Reads and judges a sidecar, wherever it is.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Sidecar, StoreError> {
        Sidecar::judged(path, &bytes_of(File::open(path).map_err(StoreError::io("open", path))?, path)?)
    }

    fn judged(path: &Path, bytes: &[u8]) -> Result<Sidecar, StoreError> {
        // Not by way of a `Value`: a rebuild reads every one of them.
        let sidecar: Sidecar = serde_json::from_slice(bytes).map_err(|e| unread(path, bytes, e))?;
        check(path, &sidecar)?;
        Ok(sidecar)
    }

    /// The file's bytes: indented, keys in the order of the schema, one newline
    /// at the end. Equal sidecars give equal bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        to_bytes(self)
    }
}

/// Replaces the sidecar at `path` by an edited one: what the file has and this
/// version does not know stays, inside known objects too. Synced; a crash
/// leaves the old file or the new one. The caller is in the store (its lock, shared)
/// and keeps two edits at once apart, or one of them is lost.
pub fn rewrite_atomically(folder: &Folder, path: &Path, edited: &Sidecar) -> Result<(), StoreError> {
    check(path, edited)?;
    let old = read_value(folder, path)?;
    let known = value(path, &from_value(path, old.clone())?)?;
    let merged = merge(Some(&old), Some(&known), value(path, edited)?);
    folder.replace(path, &to_bytes(&merged).map_err(json_error(path))?, true)?;
    match path.parent() {
        Some(day) => folder.below(day)?.sync(),
        None => Ok(()),
    }
}

/// Writes `PATH.new` and renames it over PATH, which need not exist. With
/// `sync` the bytes are on disk before the name is; the folder is not synced.
pub fn write_atomically(
    folder: &Folder,
    path: &Path,
    sidecar: &Sidecar,
    sync: bool,
) -> Result<(), StoreError> {
    check(path, sidecar)?;
    folder.replace(path, &to_bytes(sidecar).map_err(json_error(path))?, sync)
}

/// Makes a sidecar that must not exist; not synced.
pub(in crate::store) fn create(folder: &Folder, path: &Path, sidecar: &Sidecar) -> Result<File, StoreError> {
    check(path, sidecar)?;
    let bytes = to_bytes(sidecar).map_err(json_error(path))?;
    let mut file = folder.create(path).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => StoreError::InUse { path: path.to_owned() },
        _ => e,
    })?;
    file.write_all(&bytes).map_err(StoreError::io("write", path))?;
    Ok(file)
}

/// Writes `PATH.new`, for a rename that comes later.
pub(in crate::store) fn scratch_of(
    folder: &Folder,
    path: &Path,
    sidecar: &Sidecar,
    sync: bool,
) -> Result<PathBuf, StoreError> {
    check(path, sidecar)?;
    folder.scratch(path, &to_bytes(sidecar).map_err(json_error(path))?, sync)
}

/// The file as JSON, keys of later versions included, without judgement.
pub fn read_value(folder: &Folder, path: &Path) -> Result<Value, StoreError> {
    serde_json::from_slice(&read_bytes(folder, path)?).map_err(json_error(path))
}

/// The file as text, without any judgement.
pub fn read_text(folder: &Folder, path: &Path) -> Result<String, StoreError> {
    let why = || StoreError::Sidecar { path: path.to_owned(), why: "is not UTF-8".into() };
    String::from_utf8(read_bytes(folder, path)?).map_err(|_| why())
}

/// The file's bytes, without any judgement.
pub fn read_bytes(folder: &Folder, path: &Path) -> Result<Vec<u8>, StoreError> {
    bytes_of(folder.read(path)?, path)
}

fn bytes_of(file: File, path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(StoreError::io("read", path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(StoreError::Sidecar { path: path.to_owned(), why: "is too large for a sidecar".into() });
    }
    Ok(bytes)
}

fn from_value(path: &Path, value: Value) -> Result<Sidecar, StoreError> {
    let sidecar: Sidecar = serde_json::from_value(value).map_err(json_error(path))?;
    check(path, &sidecar)?;
    Ok(sidecar)
}

/// Why the bytes are no sidecar: by its name, where a key has a value that it cannot have.
fn unread(path: &Path, bytes: &[u8], e: serde_json::Error) -> StoreError {
    let wrong = serde_json::from_slice(bytes).ok().and_then(|value| Sidecar::wrong_value(&value));
    match wrong {
        Some(wrong) => StoreError::Sidecar { path: path.to_owned(), why: wrong.to_string() },
        None => json_error(path)(e),
    }
}

fn value(path: &Path, sidecar: &Sidecar) -> Result<Value, StoreError> {
    serde_json::to_value(sidecar).map_err(json_error(path))
}

fn to_bytes(what: &impl serde::Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(what)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn check(path: &Path, sidecar: &Sidecar) -> Result<(), StoreError> {
    sidecar.check().map_err(|e| StoreError::Sidecar { path: path.to_owned(), why: e.to_string() })
}

/// Says where, not what: serde quotes the offending value, which may be a number
/// somebody called from.
fn json_error(path: &Path) -> impl FnOnce(serde_json::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |e| {
        let why = match e.classify() {
            serde_json::error::Category::Data => "is not a sidecar of schema 1".to_owned(),
            _ => format!("is not JSON (line {}, column {})", e.line(), e.column()),
        };
        StoreError::Sidecar { path, why }
    }
}

/// Three-way: `edited` where it differs from `known` (what this version reads
/// out of `old`), else `old` as it stands, with whatever else it holds.
fn merge(old: Option<&Value>, known: Option<&Value>, edited: Value) -> Value {
    match (old, known, edited) {
        (Some(old), Some(known), edited) if *known == edited => old.clone(),
        (Some(Value::Object(old)), Some(Value::Object(known)), Value::Object(edited)) => {
            let mut out: serde_json::Map<String, Value> =
                edited.into_iter().map(|(k, v)| (k.clone(), merge(old.get(&k), known.get(&k), v))).collect();
            for (k, v) in old.iter().filter(|(k, _)| !known.contains_key(*k)) {
                out.entry(k.clone()).or_insert_with(|| v.clone());
            }
            Value::Object(out)
        }
        (_, _, edited) => edited,
    }
}
