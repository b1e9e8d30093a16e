//! Names and folders of recordings.
//!
//! `DIR/YYYY/MM/DD/NAME` by the UTC date of the answer, NAME =
//! `20261123T081523.120Z_2001_+35840123xxxx_<8 hex>`. Agent ids and numbers come
//! from strangers' URIs and are made fit for a file name here, and only here.
//! Must not know what is inside the files.

mod walk;

pub use walk::{NameFiles, NameState, Walk, day_entries, is_ours};

use super::StoreError;
pub use super::files::NEW;
use super::files::{Access, Folder};
use crate::id::short_hex;
use crate::time::Timestamp;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The folder inside the store that holds no recordings.
pub const STATE_FOLDER: &str = ".nauhuri";

/// Suffix of both files while the call runs.
pub const PART: &str = ".part";

/// Longest agent id in a name; the sidecar has it whole.
const MAX_AGENT: usize = 64;
/// Longest customer number in a name; E.164 has 15 digits, URIs may have names.
const MAX_CUSTOMER: usize = 40;

/// What a recording is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordingName {
    answered_at: Timestamp,
    stem: String,
}

impl RecordingName {
    /// `agent`: extension or id, `None` where nobody knows. `customer`: the
    /// number as it may be stored, already truncated; `None` prints `withheld`.
    pub fn new(
        answered_at: Timestamp,
        agent: Option<&str>,
        customer: Option<&str>,
        id: Uuid,
    ) -> RecordingName {
        let stem = format!(
            "{}_{}_{}_{}",
            file_stamp(answered_at),
            sanitise(agent.unwrap_or(""), MAX_AGENT),
            customer.map_or_else(|| "withheld".into(), |n| sanitise(n, MAX_CUSTOMER)),
            short_hex(id)
        );
        RecordingName { answered_at, stem }
    }

    /// The answer.
    pub fn answered_at(&self) -> Timestamp {
        self.answered_at
    }

    /// NAME, without folder and suffix.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// `DIR/YYYY/MM/DD`.
    pub fn folder(&self, root: &Path) -> PathBuf {
        root.join(day_folder(self.answered_at))
    }

    /// The paths of its files.
    pub fn paths(&self, root: &Path) -> Paths {
        Paths::new(&self.folder(root), &self.stem)
    }
}

/// The names a recording's files go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The day's folder.
    pub folder: PathBuf,
    /// `NAME.wav`
    pub wav: PathBuf,
    /// `NAME.wav.part`
    pub wav_part: PathBuf,
    /// `NAME.json`
    pub json: PathBuf,
    /// `NAME.json.part`
    pub json_part: PathBuf,
    /// `NAME.pcap`: sound that nobody could decode, where there is any and it is kept.
    pub pcap: PathBuf,
    /// `NAME.pcap.part`
    pub pcap_part: PathBuf,
}

impl Paths {
    /// The files beside a sidecar, which is `NAME.json`.
    pub fn beside(json: &Path) -> Paths {
        let stem = json.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        Paths::new(json.parent().unwrap_or(Path::new("")), &stem)
    }

    /// The files of NAME `stem` in `folder`.
    pub fn new(folder: &Path, stem: &str) -> Paths {
        let file = |suffix: &str| folder.join(format!("{stem}{suffix}"));
        Paths {
            folder: folder.to_owned(),
            wav: file(".wav"),
            wav_part: file(".wav.part"),
            json: file(".json"),
            json_part: file(".json.part"),
            pcap: file(".pcap"),
            pcap_part: file(".pcap.part"),
        }
    }
}

/// A NAME taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedStem {
    /// The answer, to the millisecond.
    pub answered_at: Timestamp,
    /// `None` where the name says `unknown`.
    pub agent: Option<String>,
    /// `None` where the name says `withheld` or `unknown`.
    pub customer: Option<String>,
    /// The name says `withheld`.
    pub withheld: bool,
    /// The eight digits.
    pub short: String,
}

/// Takes a NAME apart; `None` for what [`RecordingName::new`] cannot have made.
pub fn parse_stem(stem: &str) -> Option<ParsedStem> {
    let mut fields = stem.split('_');
    let (stamp, agent, customer, short) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() || short.len() != 8 || !short.bytes().all(is_lower_hex) {
        return None;
    }
    let safe = |s: &str| !s.is_empty() && s.chars().all(is_safe);
    if !safe(agent) || !safe(customer) {
        return None;
    }
    let known = |s: &str| (s != "unknown").then(|| s.to_owned());
    let withheld = customer == "withheld";
    Some(ParsedStem {
        answered_at: parse_file_stamp(stamp)?,
        agent: known(agent),
        customer: if withheld { None } else { known(customer) },
        withheld,
        short: short.to_owned(),
    })
}

/// `YYYY/MM/DD`, UTC.
pub fn day_folder(answered_at: Timestamp) -> PathBuf {
    answered_at.to_jiff().strftime("%Y/%m/%d").to_string().into()
}

/// Where a recording's sidecar lies under the root; `None` for what is no
/// `YYYY/MM/DD/NAME.json`.
pub fn parse_place(path: &str) -> Option<&Path> {
    let mut parts = path.split('/');
    let is_dated = [4, 2, 2].into_iter().all(|digits| parts.next().is_some_and(|p| is_date(p, digits)));
    let name = parts.next()?.strip_suffix(".json")?;
    let fits = is_dated && parts.next().is_none() && !name.is_empty() && !name.starts_with('.');
    (fits && !name.contains('\0')).then(|| Path::new(path))
}

/// So many digits, as the folders of a date are named.
pub fn is_date(name: &str, digits: usize) -> bool {
    name.len() == digits && name.bytes().all(|b| b.is_ascii_digit())
}

/// Opens the folder of a state: the one inside a store is the store's own and may be
/// no link, for one elsewhere the configuration answers.
///
/// # Errors
/// It is not there, or is a link.
pub fn open_state(state: &Path) -> Result<Folder, StoreError> {
    match state.parent().filter(|root| state.ends_with(STATE_FOLDER) && !root.as_os_str().is_empty()) {
        Some(root) => Folder::open(root, Access::Owner)?.below(Path::new(STATE_FOLDER)),
        None => Folder::open(state, Access::Owner),
    }
}

/// The recordings a folder held before a replay came: by answer time and the
/// eight digits, since another rule may have given the same call another name.
///
/// Each day's folder is read once, when first asked for.
#[derive(Debug, Default)]
pub struct Existing {
    days: HashMap<PathBuf, HashSet<(String, String)>>,
}

impl Existing {
    /// Some file of this recording was there when its day was first looked at.
    pub fn contains(&mut self, root: &Path, name: &RecordingName) -> Result<bool, StoreError> {
        let folder = name.folder(root);
        if !self.days.contains_key(&folder) {
            let opened = Folder::open(root, Access::Owner).and_then(|root| root.below(&folder));
            let found = match opened {
                Ok(opened) => day_entries(&opened).map_err(StoreError::io("read", &folder))?,
                Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(e) => return Err(e),
            };
            let keys = found.iter().filter_map(|f| ends(&f.stem)).collect();
            self.days.insert(folder.clone(), keys);
        }
        let key = ends(&name.stem);
        Ok(self.days.get(&folder).zip(key).is_some_and(|(day, key)| day.contains(&key)))
    }
}

/// The first and the last field of a NAME.
fn ends(stem: &str) -> Option<(String, String)> {
    let (stamp, rest) = stem.split_once('_')?;
    let (_, short) = rest.rsplit_once('_')?;
    Some((stamp.to_owned(), short.to_owned()))
}

/// The answer as NAMEs begin with it.
pub fn file_stamp(at: Timestamp) -> String {
    // Whole milliseconds, rounded down: the name sorts as the answer does.
    Timestamp::from_ns(at.as_ms().saturating_mul(crate::time::NS_PER_MS))
        .to_jiff()
        .strftime("%Y%m%dT%H%M%S.%3fZ")
        .to_string()
}

fn parse_file_stamp(s: &str) -> Option<Timestamp> {
    let shape = b"dddddddd.dddddd.ddd.";
    let fits = s.len() == shape.len()
        && s.bytes().zip(shape).all(|(c, kind)| (*kind == b'd') == c.is_ascii_digit())
        && (s.get(8..9), s.get(15..16), s.get(19..)) == (Some("T"), Some("."), Some("Z"));
    if !fits {
        return None;
    }
    let num = |from: usize, to: usize| s.get(from..to)?.parse::<i16>().ok();
    let time = jiff::civil::DateTime::new(
        num(0, 4)?,
        num(4, 6)?.try_into().ok()?,
        num(6, 8)?.try_into().ok()?,
        num(9, 11)?.try_into().ok()?,
        num(11, 13)?.try_into().ok()?,
        num(13, 15)?.try_into().ok()?,
        i32::from(num(16, 19)?) * 1_000_000,
    )
    .ok()?;
    time.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok().map(|z| Timestamp::from_jiff(z.timestamp()))
}

/// Letters, digits, `+`, `-` and `.` stay, anything else becomes `-`; never
/// empty, never longer than `max`, never beginning with a dot.
fn sanitise(s: &str, max: usize) -> String {
    let mut out: String = s.chars().take(max).map(|c| if is_safe(c) { c } else { '-' }).collect();
    if out.starts_with('.') {
        out.replace_range(..1, "-");
    }
    if out.is_empty() {
        out.push_str("unknown");
    }
    out
}

fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')
}

fn is_lower_hex(b: u8) -> bool {
    matches!(b, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests;
