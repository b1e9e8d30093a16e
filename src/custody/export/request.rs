//! What is asked for, why it may be refused, and how a copy is made.

use super::super::audit::{AuditError, EntryFacts, Why, facts};
use super::super::keeper::KeeperError;
use super::vcon_signature::VconSigner;
use crate::config::Language;
use crate::id::Channel;
use crate::store::StoreError;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Suffix until all is whole.
const PART: &str = ".part";

/// What a copy is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ExportForm {
    /// Audio, metadata, and the same for people.
    #[default]
    Files,
    /// One vCon for each recording.
    Vcon(VconForm),
}

impl ExportForm {
    /// What the audit log says of it; nothing where it is the usual one.
    pub(super) fn facts(&self) -> EntryFacts {
        match self {
            ExportForm::Files => EntryFacts::default(),
            ExportForm::Vcon(_) => facts! { Format: "vcon" },
        }
    }
}

/// How a vCon is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VconForm {
    /// Where the files with the sound will be, an HTTPS address; `None`: inside.
    pub media_url: Option<String>,
    /// Who signs; `None`: nobody.
    pub signer: Option<VconSigner>,
}

/// What is to be handed out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExportRequest {
    /// The folder, made where it is missing.
    pub to: PathBuf,
    /// Why, who gets it, by which law.
    pub why: Why,
    /// From this second on; `None`: from the answer.
    pub start_s: Option<f64>,
    /// Up to this second; `None`: to the end.
    pub end_s: Option<f64>,
    /// This party's channel becomes silence.
    pub silence: Option<Channel>,
    /// What a copy is made of.
    pub form: ExportForm,
    /// One zip file instead of files.
    pub zip: bool,
    /// `retention.access`: nothing past its term is handed out.
    pub until_due: bool,
    /// Whose clock the text for people goes by; `None`: UTC.
    pub zone: Option<TimeZone>,
    /// In which language the text for people is.
    pub language: Language,
    /// Files that go with it: name and bytes.
    pub beside: Vec<(String, Vec<u8>)>,
    /// The search, for the audit log.
    pub search: Option<EntryFacts>,
}

/// Why nothing was handed out.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// At least one is closed.
    #[error("{} is restricted: closed to listening and export; nothing was exported", ids(.0))]
    Restricted(Vec<Uuid>),
    /// At least one is past its term, and closed by `retention.access`.
    #[error(
        "{} past its term: it is to be deleted, not handed out (retention.access); a case that needs it holds it first; \
         nothing was exported",
        ids(.0)
    )]
    PastTerm(Vec<Uuid>),
    /// A copy in the store would be taken for a recording.
    #[error("{path} lies in the store: export to a folder outside it", path = .0.display())]
    Inside(PathBuf),
    /// An earlier export, or a file of that name.
    #[error("{path} exists already: export to an empty folder", path = .0.display())]
    Exists(PathBuf),
    /// `--start` and `--end` leave nothing.
    #[error(
        "nothing of recording {id} lies between the start and the end asked for (it is {length_s:.3} s long)"
    )]
    Empty {
        /// The recording.
        id: Uuid,
        /// Its length, seconds.
        length_s: f64,
    },
    /// The audio is not what the sidecar speaks of.
    #[error("recording {0}: its audio does not have the hash that its JSON has; run `nauhuri verify`")]
    Altered(Uuid),
    /// The store, the index or the audit log.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// Reading a recording or writing the copy.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AuditError> for ExportError {
    fn from(e: AuditError) -> Self {
        ExportError::Keeper(e.into())
    }
}

fn ids(ids: &[Uuid]) -> String {
    ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(", ")
}

/// The name of a file that is not whole.
pub(super) fn part(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}{PART}", path.display()))
}
