//! The listening room: pages and an API for people who may hear recordings.
//!
//! A process of its own, `nauhuri serve`; the recorder never depends on it. Who may do
//! what is [`crate::custody::access`], who somebody is [`accounts`] (or, asked by
//! [`oidc`], a provider), what there is and the log of who looked at it [`desk`]. A request goes one way:
//!
//! ```text
//! server: connection, TLS, limits -> guard: session, undertaking, cross-site
//!   -> api or pages: what is asked -> access: may he? -> desk: told, then done
//! ```
//!
//! What cannot be told to the audit log is not shown and not done.

pub mod accounts;
pub mod api;
pub mod desk;
pub mod guard;
pub mod oidc;
pub mod pages;
pub mod pcm;
pub mod problem;
pub mod query;
pub mod server;
pub mod statistics;

use crate::config::Config;
use crate::custody::access::Policy;
use crate::time::Timestamp;
use accounts::{Accounts, Undertaking};
use anyhow::Context;
use desk::Desk;
use problem::ProblemDetails;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// Longest text of an undertaking, bytes.
const TEXT_MAX: u64 = 256 << 10;
/// Passwords hashed at once.
const HASHING: usize = 2;
/// Waveforms remembered.
const PEAKS: usize = 128;

/// What of a waveform is remembered: of which file, and as JSON.
type Peaks = VecDeque<(Uuid, String, Arc<str>)>;

/// Everything a request needs.
#[derive(Debug)]
pub struct RoomState {
    /// The checked configuration.
    pub config: Config,
    /// Who may what.
    pub policy: Policy,
    /// The store.
    pub desk: Desk,
    accounts: Mutex<Accounts>,
    undertaking: Option<Undertaking>,
    provider: Option<oidc::Provider>,
    hashing: tokio::sync::Semaphore,
    peaks: Mutex<Peaks>,
}

impl RoomState {
    /// Opens store and accounts, and reads the undertaking.
    ///
    /// # Errors
    /// One of them cannot be opened, nor the secret of the provider.
    pub fn open(config: &Config) -> anyhow::Result<RoomState> {
        let desk = Desk::open(config, now())?;
        let accounts = Accounts::open(&desk.place.state, config.room.session_idle, config.room.session_max)?;
        Ok(RoomState {
            policy: Policy::new(config),
            undertaking: undertaking(&config.room.undertaking)?,
            provider: oidc::Provider::new(&config.room.oidc)?,
            accounts: Mutex::new(accounts),
            hashing: tokio::sync::Semaphore::new(HASHING),
            peaks: Mutex::new(VecDeque::new()),
            config: config.clone(),
            desk,
        })
    }

    /// What has to be accepted before anything else; `None`: nothing.
    pub fn undertaking(&self) -> Option<&Undertaking> {
        self.undertaking.as_ref()
    }

    /// Who vouches for people beside the accounts of the room; `None`: nobody.
    pub fn provider(&self) -> Option<&oidc::Provider> {
        self.provider.as_ref()
    }

    /// Asks the accounts.
    ///
    /// # Errors
    /// What they say.
    pub fn accounts<T>(
        &self,
        ask: impl FnOnce(&Accounts) -> Result<T, accounts::AccountError>,
    ) -> Result<T, ProblemDetails> {
        Ok(ask(&self.accounts.lock().unwrap_or_else(PoisonError::into_inner))?)
    }

    /// Does what blocks in a thread of its own.
    ///
    /// # Errors
    /// What it says; [`ProblemDetails::BROKEN`] where it panicked.
    pub async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&RoomState) -> Result<T, ProblemDetails> + Send + 'static,
    ) -> Result<T, ProblemDetails> {
        let room = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&room)).await;
        done.unwrap_or(Err(ProblemDetails::BROKEN))
    }

    /// A waveform, if it is remembered for this very file.
    fn known_peaks(&self, id: Uuid, sha256: &str) -> Option<Arc<str>> {
        let peaks = self.peaks.lock().unwrap_or_else(PoisonError::into_inner);
        let found = peaks.iter().find(|(known, of, _)| *known == id && of == sha256);
        found.map(|(_, _, text)| Arc::clone(text))
    }

    /// Remembers a waveform, in memory only: with the process, or once there are others, it is gone.
    fn remember_peaks(&self, id: Uuid, sha256: &str, text: &Arc<str>) {
        let mut peaks = self.peaks.lock().unwrap_or_else(PoisonError::into_inner);
        peaks.retain(|(known, ..)| *known != id);
        peaks.push_front((id, sha256.to_owned(), Arc::clone(text)));
        peaks.truncate(PEAKS);
    }
}

/// The text of the undertaking and its version, which is that of its bytes.
fn undertaking(path: &Path) -> anyhow::Result<Option<Undertaking>> {
    use std::io::Read;
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let told = || format!("room.undertaking: {}", path.display());
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(TEXT_MAX + 1).read_to_end(&mut bytes))
        .with_context(told)?;
    if bytes.len() as u64 > TEXT_MAX {
        anyhow::bail!("{}: longer than {TEXT_MAX} bytes", told());
    }
    let text = String::from_utf8(bytes).ok().filter(|text| !text.trim().is_empty());
    let text = text.with_context(|| format!("{}: not a text in UTF-8", told()))?;
    let version = hex::encode(&<sha2::Sha256 as sha2::Digest>::digest(text.as_bytes())[..8]);
    Ok(Some(Undertaking { version, text }))
}

/// The present.
pub fn now() -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now())
}
