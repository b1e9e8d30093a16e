//! What was measured, before anything is said about it.

use super::seen_calls::CallFacts;
use super::seen_hosts::HostPair;
use super::seen_numbers::NumberFacts;
use super::seen_streams::StreamFacts;
use crate::capture::live::{Drops, LiveError};
use crate::custody::wall_clock::Sync;
use crate::engine::engine_stats::EngineStats;
use crate::wire::{Frame, LinkType};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// VLANs that are told apart.
const MAX_VLANS: usize = 16;

/// Everything that was measured.
#[derive(Debug, Default)]
pub struct WireFacts {
    /// Of interfaces; else of captures.
    pub is_live: bool,
    /// There is a configuration file: without one, `replay` takes the called party for the agent.
    pub is_configured: bool,
    /// How long was listened, or what the captures span.
    pub seconds: f64,
    /// What the engine counted.
    pub engine: EngineStats,
    /// Frames by what their link headers say, of all interfaces or captures.
    pub frames: FrameCounts,
    /// Between which hosts SIP went, the busiest first.
    pub sip_pairs: Vec<HostPair>,
    /// The same of RTP.
    pub rtp_pairs: Vec<HostPair>,
    /// Where descriptions said that audio would arrive, the most frequent first.
    pub named_hosts: Vec<IpAddr>,
    /// Extensions and dialled numbers, as far as they may be told.
    pub numbers: NumberFacts,
    /// RTP packet by packet.
    pub streams: StreamFacts,
    /// Calls that would be recorded.
    pub calls: CallFacts,
    /// Each interface.
    pub interfaces: Vec<InterfaceFacts>,
    /// What comes where `capture.filter` lets everything pass; `None` where none is set, or with captures.
    pub without_filter: Option<FilterFacts>,
    /// The machine's clock; `None` with captures.
    pub clock: Option<ClockFacts>,
    /// The store; `None` with captures.
    pub store: Option<StoreFacts>,
    /// What is to be told of capture files.
    pub file_remarks: Vec<String>,
}

/// Frames by what their link headers say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// All of them.
    pub all: u64,
    /// To this host's address on the interface, or from it.
    pub own: u64,
    /// To everybody, or to a group.
    pub group: u64,
    /// With a VLAN tag.
    pub tagged: u64,
    /// By the VLAN of the outermost tag.
    pub vlans: BTreeMap<u16, u64>,
}

impl FrameCounts {
    /// One more; `own`: this host's address, where there is one.
    pub fn note(&mut self, frame: &Frame<'_>, own: Option<[u8; 6]>) {
        self.all += 1;
        let (true, Some(head)) = (frame.link == LinkType::Ethernet, frame.data.first_chunk::<16>()) else {
            return;
        };
        let (dst, src) = (&head[..6], &head[6..12]);
        if own.is_some_and(|own| own == dst || own == src) {
            self.own += 1;
        } else if dst[0] & 1 == 1 {
            self.group += 1;
        }
        if matches!([head[12], head[13]], [0x81, 0x00] | [0x88, 0xA8] | [0x91, 0x00]) {
            self.tagged += 1;
            let vlan = u16::from_be_bytes([head[14], head[15]]) & 0x0FFF;
            if self.vlans.contains_key(&vlan) || self.vlans.len() < MAX_VLANS {
                *self.vlans.entry(vlan).or_default() += 1;
            }
        }
    }

    /// Frames that a mirror alone brings: between others.
    pub fn foreign(&self) -> u64 {
        self.all - self.own - self.group
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &FrameCounts) {
        self.all += other.all;
        self.own += other.own;
        self.group += other.group;
        self.tagged += other.tagged;
        other.vlans.iter().for_each(|(vlan, n)| *self.vlans.entry(*vlan).or_default() += n);
    }
}

/// One interface.
#[derive(Debug, Default)]
pub struct InterfaceFacts {
    /// As configured.
    pub name: String,
    /// Why it could not be captured, or not to the end.
    pub trouble: Option<LiveError>,
    /// It has no link, or is not up.
    pub has_no_link: bool,
    /// It has an address of its own, by which its own traffic is known.
    pub has_address: bool,
    /// What came.
    pub frames: FrameCounts,
    /// What was dropped.
    pub drops: Drops,
}

/// What comes where everything may pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterFacts {
    /// SIP messages.
    pub sip: u64,
    /// RTP packets.
    pub rtp: u64,
    /// Frames.
    pub frames: FrameCounts,
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockFacts {
    /// Is it synchronised?
    pub sync: Sync,
    /// By how much it was set while the wire was listened to, nanoseconds.
    pub set_ns: i64,
}

/// The store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreFacts {
    /// `storage.dir`.
    pub dir: PathBuf,
    /// The folder that was looked at: `dir`, or the nearest one above it that is there.
    pub nearest: PathBuf,
    /// Another store than the one meant, or none: why it would be refused.
    pub refused: Option<String>,
    /// Who would write and may not.
    pub not_writable_by: Option<String>,
    /// Free bytes.
    pub free: Option<u64>,
    /// Free inodes, where the recorder would refuse calls for want of them.
    pub few_inodes: Option<u64>,
    /// How long it took to write and sync 64 KiB, milliseconds.
    pub sync_ms: Option<f64>,
}
