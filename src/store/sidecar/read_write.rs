//! Sidecars as files: read with judgement, replaced whole or not at all.

use super::Sidecar;
use crate::store::StoreError;
use crate::store::files::{FILE_MODE, sync_folder};
use crate::store::layout::NEW;
use crate::store::wav::create_file;
use serde_json::Value;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Longest sidecar read: a file beyond it is none of ours.
const MAX_BYTES: u64 = 16 << 20;
/// Most sidecars are read at once into so much.
const USUAL_BYTES: usize = 4 << 10;

impl Sidecar {
    /// Reads and judges a sidecar.
    pub fn read(path: &Path) -> Result<Sidecar, StoreError> {
        // Not by way of a `Value`: a rebuild reads every one of them.
        let sidecar: Sidecar = serde_json::from_slice(&read_bytes(path)?).map_err(json_error(path))?;
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
pub fn rewrite_atomically(path: &Path, edited: &Sidecar) -> Result<(), StoreError> {
    check(path, edited)?;
    let old = read_value(path)?;
    let known = value(path, &from_value(path, old.clone())?)?;
    let merged = merge(Some(&old), Some(&known), value(path, edited)?);
    replace(path, &to_bytes(&merged).map_err(json_error(path))?, true)?;
    match path.parent() {
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Writes `PATH.new` and renames it over PATH, which need not exist. With
/// `sync` the bytes are on disk before the name is; the folder is not synced.
pub fn write_atomically(path: &Path, sidecar: &Sidecar, sync: bool) -> Result<(), StoreError> {
    check(path, sidecar)?;
    replace(path, &to_bytes(sidecar).map_err(json_error(path))?, sync)
}

/// Makes a sidecar that must not exist; not synced.
pub(crate) fn create(path: &Path, sidecar: &Sidecar) -> Result<File, StoreError> {
    check(path, sidecar)?;
    let bytes = to_bytes(sidecar).map_err(json_error(path))?;
    let file = create_file(path)?;
    fill(path, &file, &bytes, false)?;
    Ok(file)
}

/// Writes `PATH.new`, for a rename that comes later.
pub(crate) fn scratch_of(path: &Path, sidecar: &Sidecar, sync: bool) -> Result<PathBuf, StoreError> {
    check(path, sidecar)?;
    write_scratch(path, &to_bytes(sidecar).map_err(json_error(path))?, sync)
}

fn replace(path: &Path, bytes: &[u8], sync: bool) -> Result<(), StoreError> {
    let scratch = scratch_path(path);
    let renamed = || std::fs::rename(&scratch, path).map_err(StoreError::io("rename", &scratch));
    write_scratch(path, bytes, sync).and_then(|_| renamed()).inspect_err(|_| {
        // An edit that failed is not to be found as one that a crash cut short.
        drop(std::fs::remove_file(&scratch));
    })
}

fn scratch_path(path: &Path) -> PathBuf {
    let mut scratch = path.as_os_str().to_owned();
    scratch.push(NEW);
    scratch.into()
}

fn write_scratch(path: &Path, bytes: &[u8], sync: bool) -> Result<PathBuf, StoreError> {
    let scratch = scratch_path(path);
    // A scratch file of an earlier attempt is worth nothing: it is overwritten.
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&scratch)
        .map_err(StoreError::io("create", &scratch))?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))
        .map_err(StoreError::io("set the mode of", &scratch))?;
    fill(&scratch, &file, bytes, sync)?;
    Ok(scratch)
}

fn fill(path: &Path, mut file: &File, bytes: &[u8], sync: bool) -> Result<(), StoreError> {
    file.write_all(bytes).map_err(StoreError::io("write", path))?;
    if sync {
        file.sync_all().map_err(StoreError::io("sync", path))?;
    }
    Ok(())
}

/// The file as JSON, keys of later versions included, without judgement.
pub fn read_value(path: &Path) -> Result<Value, StoreError> {
    serde_json::from_slice(&read_bytes(path)?).map_err(json_error(path))
}

/// The file as text, without any judgement.
pub fn read_text(path: &Path) -> Result<String, StoreError> {
    let why = || StoreError::Sidecar { path: path.to_owned(), why: "is not UTF-8".into() };
    String::from_utf8(read_bytes(path)?).map_err(|_| why())
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
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
