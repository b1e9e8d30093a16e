//! Media whose keys are agreed on their own path (DTLS-SRTP), and the keys once they are known.
//!
//! The hellos come before the first packet, often before the answer; the secret comes when the end that writes it
//! down gets to it. Packets that come in between wait for it, not for long. A recording is told
//! the keys when a packet of the path is first given to it.

use crate::id::RecordingId;
use crate::net::{Datagram, Flow, OwnedDatagram};
use crate::rtp::srtp::{SrtpKey, SrtpSuite};
use crate::time::{NS_PER_MS, Timestamp};
use crate::tls::{DtlsHellos, KeyLog};
use foldhash::quality::RandomState;
use hashlink::LruCache;
use smallvec::SmallVec;
use std::sync::Arc;

/// Paths followed.
const MAX_FLOWS: usize = 20_000;
/// Packets of one path that wait for its keys, and for how long after the hellos.
const MAX_WAITING: usize = 32;
const PATIENCE_NS: i64 = 300 * NS_PER_MS;
/// Paths whose secret is looked for.
const MAX_UNSETTLED: usize = 1024;
/// Recordings of one path that were told its keys.
const MAX_TOLD: usize = 8;

/// One path, both directions.
#[derive(Default)]
struct DtlsFlow {
    hellos: DtlsHellos,
    /// When the last new hello came.
    since: Timestamp,
    /// Of what each side sends.
    keys: [Vec<Arc<SrtpKey>>; 2],
    /// Which recordings know them, by side.
    told: SmallVec<[(RecordingId, usize); 2]>,
    /// Its secret is looked for.
    is_unsettled: bool,
    waiting: Vec<OwnedDatagram>,
}

/// All such paths.
pub(super) struct DtlsFlows {
    flows: LruCache<Flow, DtlsFlow, RandomState>,
    /// Hellos are there whose secret is not known, as far as it was looked for.
    unsettled: Vec<Flow>,
    /// Something was heard, or written down, since secrets were last looked for.
    has_news: bool,
    holds: bool,
}

impl Default for DtlsFlows {
    fn default() -> Self {
        let flows = LruCache::with_hasher(MAX_FLOWS, RandomState::default());
        DtlsFlows { flows, unsettled: Vec::new(), has_news: false, holds: false }
    }
}

/// The path, and which of its two sides sends.
fn path(flow: &Flow) -> (Flow, usize) {
    let Flow { src, dst, vlan } = *flow;
    if src > dst { (Flow { src: dst, dst: src, vlan }, 1) } else { (*flow, 0) }
}

impl DtlsFlows {
    /// Secrets have become known.
    pub fn look_again(&mut self) {
        self.has_news = !self.unsettled.is_empty();
    }

    /// Whether it is worth looking for secrets.
    pub fn has_news(&self) -> bool {
        self.has_news
    }

    /// A datagram of DTLS.
    pub fn see(&mut self, d: &Datagram<'_>) {
        let (path, side) = path(&d.flow);
        let flow = self.flows.entry(path).or_insert_with(DtlsFlow::default);
        if !flow.hellos.push(side, d.payload) {
            return;
        }
        flow.since = d.ts;
        let is_whole = flow.hellos.is_whole();
        if is_whole && !std::mem::replace(&mut flow.is_unsettled, true) {
            if self.unsettled.len() >= MAX_UNSETTLED {
                let oldest = self.unsettled.remove(0);
                self.flows.remove(&oldest);
            }
            self.unsettled.push(path);
        }
        self.has_news |= is_whole;
    }

    /// Looks for secrets; gives what had waited for those that are there.
    pub fn settle(&mut self, log: &mut KeyLog) -> Vec<OwnedDatagram> {
        self.has_news = false;
        let mut out = Vec::new();
        let flows = &mut self.flows;
        self.unsettled.retain(|path| {
            let Some(flow) = flows.get_mut(path) else { return false };
            let keys = flow.hellos.keys(log);
            if keys.is_empty() {
                return true;
            }
            for (side, known) in flow.keys.iter_mut().enumerate() {
                let made = keys.iter().filter_map(|k| {
                    let suite = SrtpSuite::named(k.suite)?;
                    SrtpKey::new(suite, &k.by_side[side], &[]).map(Arc::new)
                });
                *known = made.collect();
            }
            flow.told.clear();
            flow.is_unsettled = false;
            out.append(&mut flow.waiting);
            false
        });
        out
    }

    /// Whether this packet has to wait for the keys of its path; then it is kept.
    pub fn holds_back(&mut self, d: &Datagram<'_>) -> bool {
        let (path, side) = path(&d.flow);
        if self.unsettled.is_empty() {
            return false;
        }
        let Some(flow) = self.flows.peek_mut(&path).filter(|f| f.is_unsettled) else { return false };
        let is_soon = d.ts.since_ns(flow.since) < PATIENCE_NS && flow.waiting.len() < MAX_WAITING;
        if flow.keys[side].is_empty() && is_soon {
            flow.waiting.push(OwnedDatagram::of(d));
            self.holds = true;
            return true;
        }
        false
    }

    /// What has waited long enough by `now`.
    pub fn give_up(&mut self, now: Timestamp) -> Vec<OwnedDatagram> {
        if !self.holds {
            return Vec::new();
        }
        let (mut out, mut holds) = (Vec::new(), false);
        for path in &self.unsettled {
            let Some(flow) = self.flows.peek_mut(path) else { continue };
            if now.since_ns(flow.since) >= PATIENCE_NS {
                out.append(&mut flow.waiting);
            }
            holds |= !flow.waiting.is_empty();
        }
        self.holds = holds;
        out
    }

    /// The keys of a packet's path, where they are known and `recording` was not told them yet.
    pub fn untold(&mut self, flow: &Flow, recording: RecordingId) -> Option<Vec<Arc<SrtpKey>>> {
        if self.flows.is_empty() {
            return None;
        }
        let (path, side) = path(flow);
        let flow = self.flows.get_mut(&path)?;
        if flow.keys[side].is_empty() || flow.told.contains(&(recording, side)) {
            return None;
        }
        if flow.told.len() >= MAX_TOLD {
            flow.told.remove(0);
        }
        flow.told.push((recording, side));
        Some(flow.keys[side].clone())
    }
}
