//! What was heard beside the party: sources that are not listened to because somebody with
//! a better right to the floor is.
//!
//! Nothing of them is played; they are counted, so that a recording says who else was there.
//! One entry for each address they send from, however many SSRCs it shows. A few packets may be
//! of the party all the same, on their way when it moved: they are no intruder.

use super::kept::{Inbox, Packet};
use super::report::StreamReport;
use crate::id::Channel;
use crate::rtp::standing::{Standing, Trust, source_of};
use crate::time::NS_PER_S;

/// Addresses told of; the packets of what is beyond are added to the last.
const MAX_STRAYS: usize = 16;
/// Fewer packets from an address than this are nobody.
const MANY: u64 = 3;
/// Who has sent as many may have been the party.
const A_VOICE: u64 = 10;
/// Packets kept of who may yet get the floor; four seconds of one voice are 200.
const MAX_KEPT: usize = 256;
/// For so long: a re-INVITE that says where the party is may take a while to be answered.
pub(super) const KEPT_NS: i64 = 4 * NS_PER_S;

/// Who is not listened to, at one address.
#[derive(Debug)]
struct Stray {
    /// From which address.
    source: u32,
    ssrc: u32,
    codec: String,
    standing: Standing,
    first_at_ns: i64,
    packets: u64,
    copies: u64,
    /// Of a voice that may be the party's, while whoever has the floor was silent.
    unheard: u64,
    /// Sound that was not heard elsewhere.
    sound: u64,
}

/// How a packet that is not listened to stands to what is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overheard {
    /// It says what was heard already.
    pub is_copy: bool,
    /// It may be the party's, who is not heard where it is listened to.
    pub is_alone: bool,
    /// It can be played.
    pub is_sound: bool,
}

/// All of them, of one party.
#[derive(Debug, Default)]
pub(super) struct Asides {
    strays: Vec<Stray>,
    more: u64,
    /// Packets of who may get the floor if its holder falls silent, with their places.
    kept: Inbox,
}

impl Asides {
    /// A packet was not listened to.
    pub fn note(&mut self, packet: &Packet<'_>, at_ns: i64, codec: impl FnOnce() -> String, how: Overheard) {
        self.add(packet.flow, packet.heard.ssrc, packet.standing, at_ns, codec, (1, how));
    }

    /// A source that was listened to lost the floor to one with a better right, and all it
    /// said was taken back.
    pub fn note_taken_back(
        &mut self,
        flow: u32,
        ssrc: u32,
        standing: Standing,
        (at_ns, packets): (i64, u64),
        codec: &str,
    ) {
        self.add(flow, ssrc, standing, at_ns, || codec.to_string(), (packets, Overheard::default()));
    }

    fn add(
        &mut self,
        flow: u32,
        ssrc: u32,
        standing: Standing,
        at_ns: i64,
        codec: impl FnOnce() -> String,
        (packets, how): (u64, Overheard),
    ) {
        let source = source_of(flow);
        let is_known = self.strays.iter().any(|s| s.source == source);
        if !is_known && self.strays.len() < MAX_STRAYS {
            let (first_at_ns, codec) = (at_ns, codec());
            let (packets, copies, unheard, sound) = (0, 0, 0, 0);
            self.strays.push(Stray {
                source,
                ssrc,
                codec,
                standing,
                first_at_ns,
                packets,
                copies,
                unheard,
                sound,
            });
        }
        let Some(s) = self.strays.iter_mut().find(|s| s.source == source) else {
            self.more += packets;
            return;
        };
        s.standing = s.standing.min(standing);
        s.first_at_ns = s.first_at_ns.min(at_ns);
        s.packets += packets;
        s.copies += u64::from(how.is_copy);
        s.unheard += u64::from(how.is_alone && !how.is_copy);
        s.sound += u64::from(how.is_sound && !how.is_copy);
    }

    /// Keeps a packet of who may yet get the floor.
    pub fn keep(&mut self, packet: &Packet<'_>) {
        if self.kept.len() >= MAX_KEPT || self.kept.is_full() {
            // Whoever has waited so long beside a party that speaks is none.
            let kept = std::mem::take(&mut self.kept);
            for p in kept.packets().filter(|p| packet.at.since_ns(p.at) <= KEPT_NS).skip(MAX_KEPT / 8) {
                self.kept.push(&p);
            }
        }
        self.kept.push(packet);
    }

    /// What was kept, given up.
    pub fn take_kept(&mut self) -> Inbox {
        std::mem::take(&mut self.kept)
    }

    /// Was anything set aside that came from where this flow does?
    pub fn have_met(&self, flow: u32) -> bool {
        let is_from = |source: u32| source == source_of(flow);
        self.strays.iter().any(|s| is_from(s.source))
            || self.more > 0 && self.kept.packets().any(|p| is_from(source_of(p.flow)))
    }

    /// Who was on this flow has got the floor. How many packets of sound it had that was not heard
    /// elsewhere.
    pub fn forget(&mut self, flow: u32) -> u64 {
        let known = self.strays.iter().position(|s| s.source == source_of(flow));
        known.map(|i| self.strays.remove(i)).map_or(0, |s| s.sound)
    }

    /// Anybody among them spoke for a while.
    pub fn have_voices(&self) -> bool {
        self.strays.iter().any(|s| s.packets >= A_VOICE + s.copies)
    }

    /// Anybody among them spoke for a while who may have been the party, while it was silent
    /// where it was listened to.
    pub fn may_be_missed(&self) -> bool {
        self.strays.iter().any(|s| s.unheard >= A_VOICE)
    }

    /// When those that nothing spoke for, and that were not the party, were first heard.
    pub fn intruders(&self) -> impl Iterator<Item = i64> {
        let is_stranger = |s: &&Stray| s.standing.trust() == Trust::None && s.packets >= MANY + s.copies;
        self.strays.iter().filter(is_stranger).map(|s| s.first_at_ns)
    }

    /// Packets of addresses that there was no room for.
    pub fn more(&self) -> u64 {
        self.more
    }

    /// What is told of them.
    pub fn into_reports(self, channel: Channel) -> impl Iterator<Item = StreamReport> {
        let is_told = |s: &Stray| s.packets >= MANY + s.copies;
        self.strays.into_iter().filter(is_told).map(move |s| StreamReport {
            channel,
            codec: s.codec,
            ssrc: s.ssrc,
            source: s.standing,
            packets: s.packets - s.copies,
            lost: 0,
            late: 0,
            duplicates: s.copies,
            jitter_ms: 0.0,
            skew_ppm: None,
            mos: None,
        })
    }
}
