//! The keys that seal the log: one for each day, destroyed when the next day's takes over.
//!
//! `audit.key` is the secret of today's key, for the store's own account alone. `audit.keys`
//! lists the public halves, one a line, appended only: each line names the entry that the
//! key comes after and is signed with the key before it. Whoever takes over the machine
//! today finds today's secret and none of an earlier day, so what was sealed until then he
//! can neither alter nor add to; and because a line fixes the hash of the entry it comes
//! after, he cannot cut there either. The list outlives the entries: pruning the log
//! leaves it as it is.
//!
//! A key takes over in four steps:
//!
//! | step | what is done | a crash right after it |
//! | --- | --- | --- |
//! | 1 | `audit.key.new`: the new secret, synced | the old key goes on; the file is overwritten next time |
//! | 2 | its line in `audit.keys`, signed with the old key, synced | the next writer finishes with step 3 |
//! | 3 | `audit.key` overwritten with zeros, synced | the same: the new secret is in `audit.key.new` |
//! | 4 | `audit.key.new` renamed to `audit.key`, the folder synced | nothing |
//!
//! A secret that is missing (a backup without it, somebody removed it) ends the chain of
//! keys: the next one is signed with itself, which `verify` reports, and an entry says so.
//!
//! Zeros reach the place of the old secret where the file system writes in place (ext4,
//! XFS); one that copies on write, or a flash disk, may keep an old block for a while.

use super::{Action, AuditError, Draft, HASH_KEY, Link, MAX_LINE, Outcome, facts, hash_of};
use crate::store::StoreError;
use crate::store::files::Folder;
use crate::store::jsonl::{self, Lines};
use crate::time::{NS_PER_S, Timestamp};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The secret of the key that seals now: 64 hexadecimal digits.
pub const KEY_FILE: &str = "audit.key";
/// Every key that sealed, its public half.
pub const KEYS_FILE: &str = "audit.keys";

/// Longest line of the list, bytes.
const MAX_KEY_LINE: usize = 1_024;
/// What a signature is over, besides the hash: one thing's is not another's.
const OF_ENTRY: &str = "nauhuri audit entry ";
const OF_KEY: &str = "nauhuri audit key ";
/// What stands between a text and its signature.
const SIG_KEY: &str = ",\"sig\":\"";

/// A line of the list: from which entry on which key seals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyLine {
    /// The public key, hexadecimal (RFC 8032).
    pub key: String,
    /// Since when.
    pub at: Timestamp,
    /// The last entry before its first.
    pub after: Link,
    /// The key before, with which this line is signed; `None`: signed with itself, a
    /// chain of keys begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl KeyLine {
    /// Reads a line and checks its signature; `None` for what was not written here.
    pub(super) fn parse(line: &str) -> Option<KeyLine> {
        let (said, signature) = unsign(line.strip_suffix('}')?)?;
        let own: KeyLine = serde_json::from_str(&format!("{said}}}")).ok()?;
        let signed_with = own.by.as_ref().unwrap_or(&own.key);
        fits(signed_with, OF_KEY, said, signature).then_some(own)
    }

    pub(super) fn line(&self, signer: &Signer) -> Result<String, AuditError> {
        let mut line = serde_json::to_string(self).map_err(|_| AuditError::Entry)?;
        line.pop();
        signer.sign(OF_KEY, &mut line);
        Ok(line + "}\n")
    }

    /// Whether it seals the day of `now`, in UTC.
    fn is_of_day(&self, now: Timestamp) -> bool {
        let day = |at: Timestamp| at.as_ns().div_euclid(86_400 * NS_PER_S);
        day(self.at) == day(now)
    }
}

/// A key whose secret is known.
pub(super) struct Signer {
    secret: SigningKey,
    pub(super) public: String,
}

impl Signer {
    fn new() -> Result<Signer, AuditError> {
        let mut seed = [0u8; 32];
        getrandom::fill(&mut seed).map_err(|e| AuditError::Random(e.into()))?;
        Ok(Signer::of(seed))
    }

    fn of(seed: [u8; 32]) -> Signer {
        let secret = SigningKey::from_bytes(&seed);
        let public = hex::encode(secret.verifying_key().as_bytes());
        Signer { secret, public }
    }

    /// Adds the signature to a text whose closing brace is left off.
    pub(super) fn sign_entry(&self, text: &mut String) {
        self.sign(OF_ENTRY, text);
    }

    fn sign(&self, what: &str, text: &mut String) {
        let signature = self.secret.sign(format!("{what}{}", hash_of(text.as_bytes())).as_bytes());
        text.push_str(SIG_KEY);
        text.push_str(&hex::encode(signature.to_bytes()));
        text.push('"');
    }

    fn text(&self) -> String {
        hex::encode(self.secret.as_bytes()) + "\n"
    }
}

/// A line without its end, and its hash; signed where there is a key.
pub(super) fn seal(what: &impl Serialize, signer: Option<&Signer>) -> Result<(String, String), AuditError> {
    let mut line = serde_json::to_string(what).map_err(|_| AuditError::Entry)?;
    if line.pop() != Some('}') || line.len() > MAX_LINE - 512 {
        return Err(AuditError::Entry);
    }
    if let Some(signer) = signer {
        signer.sign_entry(&mut line);
    }
    let hash = hash_of(line.as_bytes());
    line.push_str(HASH_KEY);
    line.push_str(&hash);
    line.push_str("\"}");
    Ok((line, hash))
}

/// What an entry says before its signature, and the signature. The text is without its
/// closing brace; `None` where it has no signature.
pub(super) fn unsign(text: &str) -> Option<(&str, &str)> {
    let open = text.strip_suffix('"')?;
    let at = open.len().checked_sub(128)?;
    let (said, signature) = (open.get(..at)?.strip_suffix(SIG_KEY)?, open.get(at..)?);
    is_hex(signature).then_some((said, signature))
}

/// Whether a signature of an entry is by this key over this text.
pub(super) fn fits_entry(key: &str, said: &str, signature: &str) -> bool {
    fits(key, OF_ENTRY, said, signature)
}

fn fits(key: &str, what: &str, said: &str, signature: &str) -> bool {
    let parts = || -> Option<(VerifyingKey, Signature)> {
        let key = VerifyingKey::from_bytes(&bytes(key)?).ok()?;
        Some((key, Signature::from_bytes(&bytes(signature)?)))
    };
    let said = format!("{what}{}", hash_of(said.as_bytes()));
    parts().is_some_and(|(key, signature)| key.verify_strict(said.as_bytes(), &signature).is_ok())
}

/// The key for entries of now, turned where a new day began, and what is to be said of it.
/// Called with the log locked; `end` is the entry that the next one hangs on.
pub(super) fn signer(
    state: &Folder,
    now: Timestamp,
    end: &Link,
) -> Result<(Signer, Option<Draft>), AuditError> {
    let newest = newest(state)?;
    let damage = |what: &str| {
        let detail = facts! { Found: what, After: end };
        Some(Draft::new(Action::AuditRepair).ended(Outcome::Failed).detail(detail))
    };
    let Some(newest) = newest else {
        let said = match state.look(Path::new(KEY_FILE))? {
            Some(_) => damage("the list of keys that sign the log is missing or unreadable"),
            None if end.seq > 0 => {
                Some(Draft::new(Action::AuditSign).detail(facts! { UnsignedUpTo: end.seq }))
            }
            None => None,
        };
        return Ok((begin(state, now, end)?, said));
    };
    let Some(own) = held(state, &newest.key)? else {
        let said = damage("the key that signs the log is missing");
        return Ok((begin(state, now, end)?, said));
    };
    // Restored from an older copy than its keys: what is written now shows it for ever.
    if newest.after.seq > end.seq {
        let said = damage("the log does not reach the entry that its newest key comes after");
        return Ok((begin(state, now, end)?, said));
    }
    match newest.is_of_day(now) {
        true => Ok((own, None)),
        false => Ok((turn(state, now, end, Some(&own))?, None)),
    }
}

/// Turns the key where a new day began, so that the old secret does not lie about until
/// the next entry. The newest key's public half; `None` before there is one.
pub(super) fn turn_on_a_new_day(
    state: &Folder,
    now: Timestamp,
    end: &Link,
) -> Result<Option<String>, AuditError> {
    let Some(newest) = newest(state)? else { return Ok(None) };
    if !newest.is_of_day(now)
        && newest.after.seq <= end.seq
        && let Some(own) = held(state, &newest.key)?
    {
        return Ok(Some(turn(state, now, end, Some(&own))?.public));
    }
    Ok(Some(newest.key))
}

/// Whether the secret of the newest key is there, as it is on the machine that writes.
pub(super) fn is_held(state: &Folder, newest: &KeyLine) -> Result<bool, AuditError> {
    Ok([PathBuf::from(KEY_FILE), scratch()].iter().any(|name| {
        let secret = read_secret(state, name);
        secret.is_ok_and(|s| s.is_some_and(|s| s.public == newest.key))
    }))
}

/// Every line of the list, `None` for one that is none; a last one without its end is what
/// a crash left, and the key it names was never used.
pub(super) fn list(state: &Folder) -> Result<Vec<Option<KeyLine>>, AuditError> {
    let Some(file) = state.read_if_there(Path::new(KEYS_FILE))? else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    for line in Lines::new(file, MAX_KEY_LINE) {
        match line.map_err(StoreError::io("read", &state.path().join(KEYS_FILE)))? {
            Err(jsonl::NoLine::Torn) => {}
            line => lines.push(line.ok().and_then(|line| KeyLine::parse(&line))),
        }
    }
    Ok(lines)
}

/// The last whole line; `None` where there is no list, or the line is none.
fn newest(state: &Folder) -> Result<Option<KeyLine>, AuditError> {
    let Some(file) = state.read_if_there(Path::new(KEYS_FILE))? else { return Ok(None) };
    let tail = jsonl::tail(&file, MAX_KEY_LINE);
    let tail = tail.map_err(StoreError::io("read", &state.path().join(KEYS_FILE)))?;
    Ok(std::str::from_utf8(&tail.last).ok().and_then(KeyLine::parse))
}

/// The secret of `key`, from where a crash may have left it.
fn held(state: &Folder, key: &str) -> Result<Option<Signer>, AuditError> {
    if let Some(own) = read_secret(state, Path::new(KEY_FILE))?.filter(|own| own.public == key) {
        return Ok(Some(own));
    }
    let Some(own) = read_secret(state, &scratch())?.filter(|own| own.public == key) else {
        return Ok(None);
    };
    hand_over(state)?;
    Ok(Some(own))
}

fn begin(state: &Folder, now: Timestamp, end: &Link) -> Result<Signer, AuditError> {
    turn(state, now, end, None)
}

/// The four steps of the head of this file.
fn turn(state: &Folder, now: Timestamp, end: &Link, old: Option<&Signer>) -> Result<Signer, AuditError> {
    let new = Signer::new()?;
    state.scratch(Path::new(KEY_FILE), new.text().as_bytes(), true)?;
    state.sync()?;
    let line = KeyLine {
        key: new.public.clone(),
        at: now.whole_us(),
        after: end.clone(),
        by: old.map(|old| old.public.clone()),
    };
    let line = line.line(old.unwrap_or(&new))?;
    let (file, _) = state.write_or_create(Path::new(KEYS_FILE))?;
    jsonl::whole(&file)
        .and_then(|end| jsonl::append(&file, end, line.as_bytes()))
        .map_err(StoreError::io("write", &state.path().join(KEYS_FILE)))?;
    state.sync()?;
    hand_over(state)?;
    Ok(new)
}

/// Steps 3 and 4.
fn hand_over(state: &Folder) -> Result<(), AuditError> {
    // One that is a link, or has a second name, is no file of ours: it is only replaced.
    if let Ok(file) = state.write(Path::new(KEY_FILE)) {
        wipe(&file).map_err(StoreError::io("overwrite", &state.path().join(KEY_FILE)))?;
    }
    state.rename(&scratch(), Path::new(KEY_FILE))?;
    Ok(state.sync()?)
}

fn wipe(file: &File) -> io::Result<()> {
    let length = file.metadata()?.len().min(MAX_KEY_LINE as u64);
    file.write_all_at(&vec![0; length as usize], 0)?;
    file.sync_all()
}

fn scratch() -> PathBuf {
    crate::store::files::with_new(Path::new(KEY_FILE))
}

pub(super) fn read_secret(state: &Folder, name: &Path) -> Result<Option<Signer>, AuditError> {
    let Some(file) = state.read_if_there(name)? else { return Ok(None) };
    let mut text = String::new();
    // What is no text is no key.
    let read = file.take(MAX_KEY_LINE as u64).read_to_string(&mut text);
    Ok(read.ok().and_then(|_| bytes(text.trim_end())).map(Signer::of))
}

/// So many bytes in lower-case hexadecimal, and nothing else.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    let read = is_hex(text).then(|| hex::decode_to_slice(text, &mut out));
    matches!(read, Some(Ok(()))).then_some(out)
}

/// Whether there is nothing in it but digits as they are written here.
pub fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
