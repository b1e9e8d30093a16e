//! Copies handed out: audio, metadata and a manifest of their hashes.
//!
//! `DIR/NAME.wav`, `NAME.json` (the sidecar, byte for byte, but for its holds: which
//! case needs a recording is not for everybody who gets a copy), `NAME.txt` (the same
//! for people) and one `manifest.json`; or `DIR/NAME.vcon` instead of the three; or all
//! of them in one zip. The original is opened for reading only. A whole recording is copied byte for byte and
//! must have the hash its sidecar names; a part of it, or one with a party
//! silenced, is a new WAV of the same encoding, in which nothing is decoded or
//! changed but what was asked for.
//!
//! The disclosure is told to the audit log first. Then everything is written
//! under `.part` names, synced, and renamed when it is whole, the manifest last:
//! a folder with a manifest holds what it lists. Where anything fails, what was
//! written is removed again and the audit log is told that too.
//!
//! Must not know of command lines.

mod audio;
mod base64_file;
mod request;
mod text;
mod vcon;
mod vcon_signature;
mod zipped;

pub use request::{ExportError, ExportForm, ExportRequest, VconForm};
pub use vcon_signature::{SignerError, VconSigner};

use super::audit::{Action, By, Draft, Outcome, facts};
use super::keeper::Keeper;
use crate::archive::index::Row;
use crate::id::Channel;
use crate::store::StoreError;
use crate::store::files::{Access, Folder, create_outside, rename_outside};
use crate::store::sidecar::{Sidecar, read_bytes, read_value};
use crate::store::wav::{sha256_hex, sha256_of};
use crate::time::Timestamp;
use audio::Excerpt;
use base64_file::Base64File;
use jiff::tz::TimeZone;
use request::part;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;
use vcon::{Vcon, VconSound, VconSource};

/// Name of the list.
pub const MANIFEST: &str = "manifest.json";
/// One line of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// File name.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

/// One recording of the manifest.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Part {
    id: Uuid,
    /// Byte for byte as it was recorded.
    whole: bool,
    start_s: f64,
    end_s: f64,
    silenced: Option<&'static str>,
    /// Of the original's audio.
    original_sha256: String,
    files: Vec<Listed>,
}

/// What was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Recordings.
    pub recordings: usize,
    /// The manifest, or the zip that holds it.
    pub path: PathBuf,
    /// Its hash: what a receipt names.
    pub sha256: String,
}

impl Keeper {
    /// Copies `rows` to the order's folder.
    ///
    /// # Errors
    /// [`ExportError`]: nothing was handed out; nothing half-written is left but
    /// what the message names.
    pub fn export(&mut self, rows: &[Row], order: &ExportRequest, by: &By) -> Result<Exported, ExportError> {
        if [self.store.path(), self.audit.state()].into_iter().any(|folder| is_below(&order.to, folder)) {
            return Err(ExportError::Inside(order.to.clone()));
        }
        let draft = Draft::new(Action::Export)
            .on(rows.iter().map(|row| row.id))
            .found_by(order.search.clone())
            .why(order.why.clone())
            .detail(
                facts! {
                    StartS: order.start_s, EndS: order.end_s,
                    Silenced: order.silence.map(Channel::name), Zip: order.zip,
                }
                .and(order.form.facts()),
            );
        let mut sources = Vec::new();
        for row in rows {
            sources.push((row, self.read(row)?));
        }
        let which = |is: &dyn Fn(&Row, &Sidecar) -> bool| -> Vec<Uuid> {
            sources.iter().filter(|(row, s)| is(row, s)).map(|(row, _)| row.id).collect()
        };
        let closed = which(&|row, s| row.restricted || s.restricted.is_set());
        if !closed.is_empty() {
            self.append_audit(by, draft.ended(Outcome::Refused).detail(facts! { Because: "restricted" }))?;
            return Err(ExportError::Restricted(closed));
        }
        let past = which(&|row, s| Row::of(&row.path, s).is_due(by.at));
        if order.until_due && !past.is_empty() {
            self.append_audit(by, draft.ended(Outcome::Refused).detail(facts! { Because: "past its term" }))?;
            return Err(ExportError::PastTerm(past));
        }
        self.append_audit(by, draft.clone())?;
        let mut desk = ExportRun { order, now: by.at, made: Vec::new() };
        let done = desk.lay_out(&self.store, &sources);
        if let Err(e) = &done {
            desk.clear();
            // The error that counts is the first one.
            let because = facts! { Because: e.to_string() };
            drop(self.append_audit(by, draft.ended(Outcome::Failed).detail(because)));
        }
        done
    }
}

/// An export under way.
struct ExportRun<'a> {
    order: &'a ExportRequest,
    now: Timestamp,
    /// Files made, under the names they have now.
    made: Vec<PathBuf>,
}

impl ExportRun<'_> {
    fn lay_out(&mut self, store: &Folder, sources: &[(&Row, Sidecar)]) -> Result<Exported, ExportError> {
        let to = &self.order.to;
        // Made here it is nobody else's; one that is there is as its owner wants it.
        let made = DirBuilder::new().recursive(true).mode(Access::Owner.folder_mode()).create(to);
        made.map_err(StoreError::io("create the folder", to))?;
        let zip_name = format!("nauhuri-{}.zip", self.now.to_jiff().strftime("%Y%m%dT%H%M%SZ"));
        let last = to.join(if self.order.zip { &zip_name } else { MANIFEST });
        must_not_exist(&last)?;
        let mut parts = Vec::new();
        for (row, sidecar) in sources {
            parts.push(self.recording(store, row, sidecar)?);
        }
        let beside = self.order.beside.iter().map(|(name, bytes)| self.write(name, bytes));
        let beside = beside.collect::<Result<Vec<Listed>, _>>()?;
        let manifest = self.manifest(&parts, &beside)?;
        let listed = self.write(MANIFEST, manifest.as_bytes())?;
        let mut all: Vec<&Listed> = parts.iter().flat_map(|p| &p.files).chain(&beside).collect();
        all.push(&listed);
        let sha256 = if self.order.zip {
            let path = self.claim(&zip_name)?;
            let names: Vec<&str> = all.iter().map(|l| l.name.as_str()).collect();
            let file = create_outside(&path)?;
            zipped::write(file, to, &names, self.now).map_err(StoreError::io("write", &path))?;
            let sha256 = sha256_hex(&path)?;
            // The zip has it all: what went into it is not left beside it.
            let (zip, loose) =
                self.made.split_last().map_or((None, &[][..]), |(z, rest)| (Some(z.clone()), rest));
            for file in loose {
                fs::remove_file(file).map_err(StoreError::io("remove", file))?;
            }
            self.made = zip.into_iter().collect();
            rename_outside(&path, &last)?;
            sha256
        } else {
            for listed in &all {
                let to = self.order.to.join(&listed.name);
                must_not_exist(&to)?;
                rename_outside(&part(&to), &to)?;
                self.made.retain(|made| *made != part(&to));
                self.made.push(to);
            }
            listed.sha256.clone()
        };
        Folder::open(to, Access::Owner)?.sync()?;
        Ok(Exported { recordings: parts.len(), path: last, sha256 })
    }

    fn recording(&mut self, store: &Folder, row: &Row, sidecar: &Sidecar) -> Result<Part, ExportError> {
        let stem = row.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let (wav, json) = (row.wav(store.path()), row.json(store.path()));
        let source = store.read(&wav)?;
        let cut = Excerpt::of(&source, &wav, self.order)?;
        if cut.frames == 0 && !cut.is_whole() {
            return Err(ExportError::Empty { id: row.id, length_s: sidecar.duration_s });
        }
        // What is cut out of it proves something only if it is the original.
        if sha256_of(&source, &wav)? != sidecar.audio.sha256 {
            return Err(ExportError::Altered(row.id));
        }
        let name = format!("{stem}.wav");
        let path = self.claim(&name)?;
        cut.copy(source, &wav, &path)?;
        let sound = listed(&name, &path)?;
        if cut.is_whole() && sound.sha256 != sidecar.audio.sha256 {
            return Err(ExportError::Altered(row.id));
        }
        let bytes = match sidecar.retention.hold.is_set() {
            false => read_bytes(store, &json)?,
            true => without_holds(store, &json)?,
        };
        let files = match &self.order.form {
            ExportForm::Files => {
                let zone = self.order.zone.clone().unwrap_or(TimeZone::UTC);
                let told = text::describe(sidecar, &cut, &zone, self.order.language);
                let meta = self.write(&format!("{stem}.json"), &bytes)?;
                vec![sound, meta, self.write(&format!("{stem}.txt"), told.as_bytes())?]
            }
            ExportForm::Vcon(form) => {
                let metadata =
                    serde_json::from_slice(&bytes).map_err(|e| StoreError::io("read", &json)(e.into()))?;
                self.vcon(form, sidecar, metadata, &cut, &stem, sound)?
            }
        };
        Ok(Part {
            id: row.id,
            whole: cut.is_whole(),
            start_s: cut.start_s(),
            end_s: cut.end_s(),
            silenced: self.order.silence.map(Channel::name),
            original_sha256: sidecar.audio.sha256.clone(),
            files,
        })
    }

    /// The vCon with the sound in it, which is then not left beside it; or beside the sound.
    fn vcon(
        &mut self,
        form: &VconForm,
        sidecar: &Sidecar,
        metadata: Value,
        cut: &Excerpt,
        stem: &str,
        wav: Listed,
    ) -> Result<Vec<Listed>, ExportError> {
        let beside = part(&self.order.to.join(&wav.name));
        let open = || File::open(&beside).map_err(StoreError::io("open", &beside));
        let body = Base64File::new(open()?);
        let sound = match &form.media_url {
            None => VconSound::Inside(&body, vcon::content_hash(body.text_hash())),
            Some(below) => {
                let mut hash = Sha512::new();
                io::copy(&mut open()?, &mut hash).map_err(StoreError::io("read", &beside))?;
                VconSound::At(vcon::address_of(below, &wav.name), vcon::content_hash(hash))
            }
        };
        let vcon = Vcon::of(VconSource { sidecar, metadata, cut, stem, sound, at: self.now });
        let name = format!("{stem}.vcon");
        let path = self.claim(&name)?;
        let file = create_outside(&path)?;
        let mut out = BufWriter::new(&file);
        let written = match &form.signer {
            None => serde_json::to_writer(&mut out, &vcon).map_err(io::Error::from),
            Some(signer) => signer.write(&vcon, vcon.uuid(), &mut out),
        };
        let written = written.and_then(|()| out.flush()).and_then(|()| file.sync_all());
        written.map_err(StoreError::io("write", &path))?;
        body.was_read().map_err(StoreError::io("read", &beside))?;
        let vcon = listed(&name, &path)?;
        if form.media_url.is_some() {
            return Ok(vec![wav, vcon]);
        }
        fs::remove_file(&beside).map_err(StoreError::io("remove", &beside))?;
        self.made.retain(|made| *made != beside);
        Ok(vec![vcon])
    }

    fn manifest(&self, parts: &[Part], beside: &[Listed]) -> Result<String, ExportError> {
        let mut manifest = json!({
            "schema": 1,
            "exported_at": self.now.to_rfc3339(),
            "reason": self.order.why.reason,
            "recipient": self.order.why.recipient,
            "basis": self.order.why.basis,
            "recordings": parts,
        });
        if !beside.is_empty() {
            manifest["files"] = json!(beside);
        }
        let json_error = |e: serde_json::Error| StoreError::io("write", Path::new(MANIFEST))(e.into());
        Ok(serde_json::to_string_pretty(&manifest).map_err(json_error)? + "\n")
    }

    /// A name that is not taken, neither whole nor `.part`; the `.part` is made.
    fn claim(&mut self, name: &str) -> Result<PathBuf, ExportError> {
        let whole = self.order.to.join(name);
        must_not_exist(&whole)?;
        let path = part(&whole);
        must_not_exist(&path)?;
        self.made.push(path.clone());
        Ok(path)
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<Listed, ExportError> {
        let path = self.claim(name)?;
        let mut file = create_outside(&path)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.map_err(StoreError::io("write", &path))?;
        listed(name, &path)
    }

    /// Removes what was made.
    fn clear(&self) {
        for path in &self.made {
            // What cannot be removed is still a `.part`, or stands without a manifest.
            drop(fs::remove_file(path));
        }
    }
}

fn must_not_exist(path: &Path) -> Result<(), ExportError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(ExportError::Exists(path.to_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(StoreError::io("look for", path)(e).into()),
    }
}

/// Whether `path`, which need not exist, lies in `folder`.
fn is_below(path: &Path, folder: &Path) -> bool {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = whole.ancestors().find_map(|p| p.canonicalize().ok());
    there.zip(folder.canonicalize().ok()).is_some_and(|(there, folder)| there.starts_with(folder))
}

/// The sidecar with `retention.hold` as it is where nothing holds.
fn without_holds(store: &Folder, json: &Path) -> Result<Vec<u8>, StoreError> {
    let mut value = read_value(store, json)?;
    value["retention"]["hold"] = Value::Null;
    let mut bytes = serde_json::to_vec_pretty(&value).map_err(|e| StoreError::io("read", json)(e.into()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn listed(name: &str, path: &Path) -> Result<Listed, ExportError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let bytes = file.metadata().map_err(StoreError::io("read", path))?.len();
    Ok(Listed { name: name.into(), bytes, sha256: sha256_of(&file, path)? })
}
