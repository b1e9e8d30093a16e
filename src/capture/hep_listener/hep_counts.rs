//! What was received in HEP, and what was refused: for whoever publishes it.

use super::socket_drops::SocketDrops;
use crate::net::agent_clocks::AgentClocks;
use crate::net::hep_reader::{HepRefusal, HepSeen};
use crate::wire::hep::HepError;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedHep {
    /// Its sender is not in `hep.from`.
    Sender,
    /// It does not have the password.
    Password,
    /// It is no HEP, or broken.
    Malformed,
    /// What is compressed cannot be read.
    Compressed,
    /// There are as many connections as are kept.
    Connections,
    /// A packet, or the greeting of TLS, was begun and not finished in time.
    Slow,
    /// No TLS, or none that can be spoken.
    Tls,
}

impl RefusedHep {
    /// All of them.
    pub const ALL: [RefusedHep; 7] = [
        RefusedHep::Sender,
        RefusedHep::Password,
        RefusedHep::Malformed,
        RefusedHep::Compressed,
        RefusedHep::Connections,
        RefusedHep::Slow,
        RefusedHep::Tls,
    ];
}

impl From<HepRefusal> for RefusedHep {
    fn from(why: HepRefusal) -> RefusedHep {
        match why {
            HepRefusal::Password => RefusedHep::Password,
            HepRefusal::Unreadable(HepError::Compressed) => RefusedHep::Compressed,
            HepRefusal::Unreadable(
                HepError::NotHep | HepError::Length | HepError::Addresses | HepError::Empty,
            ) => RefusedHep::Malformed,
        }
    }
}

/// Counters of all listeners together; they only grow, but for connections and clocks.
#[derive(Debug, Default)]
pub struct HepCounts {
    seen: [AtomicU64; HepSeen::ALL.len()],
    refused: [AtomicU64; RefusedHep::ALL.len()],
    first_refused: [OnceLock<IpAddr>; RefusedHep::ALL.len()],
    connections: AtomicU64,
    /// Of each listener.
    offsets_ns: Vec<AtomicI64>,
    /// Likewise.
    forgotten_agents: Vec<AtomicU64>,
    socket_drops: AtomicU64,
}

impl HepCounts {
    /// For so many listeners.
    pub(super) fn of(listeners: usize) -> HepCounts {
        let (mut offsets_ns, mut forgotten_agents) = (Vec::new(), Vec::new());
        offsets_ns.resize_with(listeners, AtomicI64::default);
        forgotten_agents.resize_with(listeners, AtomicU64::default);
        HepCounts { offsets_ns, forgotten_agents, ..HepCounts::default() }
    }

    /// Packets that held this.
    pub fn seen(&self, what: HepSeen) -> u64 {
        self.seen[what as usize].load(Ordering::Relaxed)
    }

    /// Packets or connections refused for this, and who was first.
    pub fn refused(&self, why: RefusedHep) -> (u64, Option<IpAddr>) {
        let first = self.first_refused[why as usize].get().copied();
        (self.refused[why as usize].load(Ordering::Relaxed), first)
    }

    /// Connections open now.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// The farthest that an agent's clock is away, nanoseconds; positive: it is behind.
    pub fn offset_ns(&self) -> i64 {
        let all = self.offsets_ns.iter().map(|ns| ns.load(Ordering::Relaxed));
        all.max_by_key(|ns| ns.unsigned_abs()).unwrap_or(0)
    }

    /// Agents whose clocks were forgotten because there were too many.
    pub fn forgotten_agents(&self) -> u64 {
        self.forgotten_agents.iter().map(|n| n.load(Ordering::Relaxed)).sum()
    }

    /// Datagrams for which the kernel had no room.
    pub fn socket_drops(&self) -> u64 {
        self.socket_drops.load(Ordering::Relaxed)
    }

    pub(super) fn note(&self, what: HepSeen) {
        self.seen[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self, why: RefusedHep, peer: IpAddr) {
        self.first_refused[why as usize].get_or_init(|| peer);
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn note_clocks(&self, listener: usize, clocks: &AgentClocks) {
        if let Some(offset) = self.offsets_ns.get(listener) {
            offset.store(clocks.farthest_ns(), Ordering::Relaxed);
        }
        if let Some(forgotten) = self.forgotten_agents.get(listener) {
            forgotten.store(clocks.forgotten(), Ordering::Relaxed);
        }
    }

    pub(super) fn note_socket_drops(&self, drops: &SocketDrops) {
        self.socket_drops.fetch_add(drops.new_drops(), Ordering::Relaxed);
    }
}
