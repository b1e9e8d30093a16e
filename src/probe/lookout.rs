//! The recording of a test call: which it is, and what of the tones is in it.
//!
//! Whose sound is looked into is somebody's call. So only a recording is that has the Call-ID of the test
//! call, or belongs to the service that is there for test calls; each is told before it is read.

use crate::archive::Archive;
use crate::archive::index::Row;
use crate::archive::search::Search;
use crate::caller::{Signature, ToneMatch};
use crate::id::Channel;
use crate::store::assurance::AssuranceReason;
use crate::store::legible::Legible;
use crate::store::sidecar::Sidecar;
use crate::store::wav::{info_of, read_samples};
use crate::time::Timestamp;
use std::collections::HashSet;
use std::time::Duration;
use uuid::Uuid;

/// How far the recorder's clock may be from ours, and an answer on its way from the other side.
pub const SLACK: Duration = Duration::from_secs(10);
/// So much longer than ours the agent's leg may be.
const LONGER: Duration = Duration::from_secs(10);
/// So many tones tell that a recording without our Call-ID is ours.
const OURS: usize = 8;
/// What is looked into at most, seconds.
const LONGEST_S: u64 = 400;

/// What is looked for.
#[derive(Debug)]
pub struct WantedRecording<'a> {
    /// The tones.
    pub signature: Signature,
    /// Call-ID of our leg.
    pub call_id: &'a str,
    /// When it was answered.
    pub answered_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The service whose recordings may be looked into; empty: none.
    pub service: &'a str,
}

/// The recording.
#[derive(Clone, Debug)]
pub struct HeardRecording {
    /// As the index has it.
    pub row: Row,
    /// Why it is not whole, as its sidecar says.
    pub reasons: Vec<AssuranceReason>,
    /// What of the tones is on each side, in the order of [`Channel::BOTH`].
    pub tones: [Option<ToneMatch>; 2],
}

/// Looks again and again, and at each recording once.
#[derive(Debug, Default)]
pub struct Lookout {
    seen: HashSet<Uuid>,
}

impl HeardRecording {
    /// Tones found on a side.
    pub fn tones_on(&self, side: Channel) -> usize {
        self.tones[side as usize].map_or(0, |m| m.tones)
    }
}

impl Lookout {
    /// The recording, if it is there by now. `before` is called with each that is about to be read.
    ///
    /// # Errors
    /// The store cannot be read, or `before` fails.
    pub fn look(
        &mut self,
        archive: &mut Archive,
        wanted: &WantedRecording<'_>,
        before: &mut dyn FnMut(Uuid) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<HeardRecording>> {
        let root = archive.store.path().to_owned();
        archive.index.reconcile(&root)?;
        let (since, until) = (wanted.answered_at - SLACK, wanted.ended_at + SLACK);
        let search = Search { since: Some(since), until: Some(until), ..Search::default() };
        for row in archive.index.find(&search)? {
            if self.seen.contains(&row.id) || row.missing || row.restricted {
                continue;
            }
            self.seen.insert(row.id);
            // Deleted since it was found.
            let Ok(sidecar) = Sidecar::read_in(&archive.store, &row.json(&root)) else { continue };
            let is_ours = sidecar.sip.call_id.as_deref() == Some(wanted.call_id);
            if !is_ours && !may_be_ours(&row, wanted) {
                continue;
            }
            before(row.id)?;
            let tones = tones_of(archive, &row, wanted.signature)?;
            let known = match &sidecar.assurance {
                Some(Legible::Known(assurance)) => assurance.reasons.clone(),
                _ => Vec::new(),
            };
            let found = HeardRecording { row, reasons: known, tones };
            if is_ours || Channel::BOTH.iter().any(|side| found.tones_on(*side) >= OURS) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// It is of the service for test calls, and no longer than ours was.
fn may_be_ours(row: &Row, wanted: &WantedRecording<'_>) -> bool {
    let length = Duration::from_micros(row.duration_us.max(0).unsigned_abs());
    let ours = Duration::from_nanos(wanted.ended_at.since_ns(wanted.answered_at).max(0).unsigned_abs());
    !wanted.service.is_empty() && row.service.as_deref() == Some(wanted.service) && length <= ours + LONGER
}

fn tones_of(archive: &Archive, row: &Row, signature: Signature) -> anyhow::Result<[Option<ToneMatch>; 2]> {
    let path = row.wav(archive.store.path());
    let file = archive.store.read(&path)?;
    let info = info_of(&file, &path)?;
    let rate = info.spec.rate;
    let frames = info.frames().min(LONGEST_S * u64::from(rate));
    let both = read_samples(&file, &info, 0..frames)?;
    Ok(Channel::BOTH.map(|side| {
        let samples: Vec<i16> = both.iter().skip(side as usize).step_by(2).copied().collect();
        signature.find(&samples, rate)
    }))
}
