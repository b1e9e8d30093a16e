//! Media whose keys are agreed on their own path (DTLS-SRTP), and the keys once they are known.
//!
//! The hellos come before the first packet, often before the answer; the secret comes when the end that writes it
//! down gets to it. Packets that come in between wait for it, not for long. A recording is told
//! the keys when a packet of the path is first given to it.

use crate::id::RecordingId;
use crate::net::{Datagram, Flow, FlowPath, OwnedDatagram};
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
/// Bytes of all packets that wait.
const MAX_WAITING_BYTES: usize = 4 << 20;
/// Paths whose secret is looked for.
const MAX_UNSETTLED: usize = 1024;
/// Recordings of one path that were told its keys.
const MAX_TOLD: usize = 8;

/// One path, both directions.
#[derive(Default)]
struct DtlsFlow {
    hellos: DtlsHellos,
    /// When packets began to wait for its keys.
    since: Timestamp,
    /// Of what each side sends.
    keys: [Vec<Arc<SrtpKey>>; 2],
    /// Which recordings know them, by side.
    told: SmallVec<[(RecordingId, usize); 2]>,
    /// Its secret is looked for.
    is_unsettled: bool,
    /// Its packets have waited once, and do not again: whoever sends hellos later holds nobody up.
    has_waited: bool,
    waiting: Vec<OwnedDatagram>,
}

/// All such paths.
pub(super) struct DtlsFlows {
    flows: LruCache<FlowPath, DtlsFlow, RandomState>,
    /// Hellos are there whose secret is not known, as far as it was looked for.
    unsettled: Vec<FlowPath>,
    /// Something was heard, or written down, since secrets were last looked for.
    has_news: bool,
    /// Paths whose packets wait, and how many bytes those are.
    holding: Vec<FlowPath>,
    waiting_bytes: usize,
    /// Packets that had waited on a path that was forgotten for another.
    set_free: Vec<OwnedDatagram>,
    /// Paths forgotten, or looked after no more, because there were too many.
    pub no_room: u64,
}

impl Default for DtlsFlows {
    fn default() -> Self {
        let flows = LruCache::with_hasher(MAX_FLOWS, RandomState::default());
        DtlsFlows {
            flows,
            unsettled: Vec::new(),
            has_news: false,
            holding: Vec::new(),
            waiting_bytes: 0,
            set_free: Vec::new(),
            no_room: 0,
        }
    }
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
        let (path, side) = FlowPath::of(&d.flow);
        if !self.flows.contains_key(&path)
            && self.flows.len() >= MAX_FLOWS
            && let Some((_, old)) = self.flows.remove_lru()
        {
            self.set_free.extend(old.waiting);
            self.no_room += 1;
        }
        let flow = self.flows.entry(path).or_insert_with(DtlsFlow::default);
        if !flow.hellos.push(side, d.payload) || !flow.hellos.is_whole() {
            return;
        }
        if !std::mem::replace(&mut flow.is_unsettled, true) {
            flow.since = d.ts;
            self.unsettled.push(path);
        }
        if self.unsettled.len() > MAX_UNSETTLED {
            // Nobody looks for its secret any more; packets that wait are given up in their time.
            let oldest = self.unsettled.remove(0);
            self.no_room += 1;
            if let Some(flow) = self.flows.peek_mut(&oldest) {
                flow.is_unsettled = false;
            }
        }
        self.has_news = true;
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
            (flow.is_unsettled, flow.has_waited) = (false, true);
            out.append(&mut flow.waiting);
            false
        });
        self.let_go(&out);
        out
    }

    /// Whether this packet has to wait for the keys of its path; then it is kept.
    pub fn holds_back(&mut self, d: &Datagram<'_>) -> bool {
        let (path, side) = FlowPath::of(&d.flow);
        if self.unsettled.is_empty() || self.waiting_bytes + d.payload.len() > MAX_WAITING_BYTES {
            return false;
        }
        let Some(flow) = self.flows.peek_mut(&path) else { return false };
        let may_wait = flow.is_unsettled && !flow.has_waited && flow.keys[side].is_empty();
        if !may_wait || d.ts.since_ns(flow.since) >= PATIENCE_NS || flow.waiting.len() >= MAX_WAITING {
            return false;
        }
        if flow.waiting.is_empty() {
            self.holding.push(path);
        }
        flow.waiting.push(OwnedDatagram::of(d));
        self.waiting_bytes += d.payload.len();
        true
    }

    /// What has waited long enough by `now`.
    pub fn give_up(&mut self, now: Timestamp) -> Vec<OwnedDatagram> {
        if self.holding.is_empty() && self.set_free.is_empty() {
            return Vec::new();
        }
        let (mut out, flows) = (std::mem::take(&mut self.set_free), &mut self.flows);
        self.holding.retain(|path| {
            let Some(flow) = flows.peek_mut(path).filter(|f| !f.waiting.is_empty()) else { return false };
            let is_over = now.since_ns(flow.since) >= PATIENCE_NS;
            if is_over {
                flow.has_waited = true;
                out.append(&mut flow.waiting);
            }
            !is_over
        });
        self.let_go(&out);
        out
    }

    fn let_go(&mut self, packets: &[OwnedDatagram]) {
        let bytes: usize = packets.iter().map(|d| d.payload.len()).sum();
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
    }

    /// The keys of a packet's path, where they are known and `recording` was not told them yet.
    pub fn untold(&mut self, flow: &Flow, recording: RecordingId) -> Option<Vec<Arc<SrtpKey>>> {
        if self.flows.is_empty() {
            return None;
        }
        let (path, side) = FlowPath::of(flow);
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
