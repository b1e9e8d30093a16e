//! What a tape tells while it runs: what was heard, and what is wrong with it.

use super::Tape;
use super::media_fault::{FaultKind, FaultSet, FaultSpan};
use super::report::{CodecPackets, PacketCounts};
use super::speaker::Speaker;
use crate::id::Channel;
use crate::time::Timestamp;

impl Tape {
    /// Any media so far.
    pub fn has_media(&self) -> bool {
        !self.inbox.is_empty() || self.speakers.iter().any(Speaker::has_media)
    }

    /// What customer and agent were last heard to speak in.
    pub fn codecs(&self) -> [Option<String>; 2] {
        [0, 1].map(|i| self.speakers[i].codec_name().map(str::to_owned))
    }

    /// Packets by codec since this was last asked, those that wait to be looked at left out.
    pub fn take_heard(&mut self) -> impl Iterator<Item = CodecPackets> {
        let [customer, agent] = &mut self.speakers;
        customer.take_heard().into_iter().chain(agent.take_heard())
    }

    /// Packets by what became of them, since this was last asked.
    pub fn take_counts(&mut self) -> PacketCounts {
        let split = self.speakers.iter_mut().map(Speaker::take_split).sum();
        let sealed = self.unsealers.iter_mut().flatten().map(|u| u.take_counts());
        let (opened, rejected) = sealed.fold((0, 0), |(o, r), (opened, rejected)| (o + opened, r + rejected));
        PacketCounts { split, opened, rejected }
    }

    /// The signalling says whether sound of both sides is to be expected from `at` on: not on hold, not
    /// where there is no audio.
    pub fn expect_sound(&mut self, at: Timestamp, is_expected: bool) {
        self.watch.expect(at.since_ns(self.answered_at).max(0), is_expected);
    }

    /// The recorder or its host dropped packets about now, of whichever call.
    pub fn note_dropped(&mut self, at: Timestamp) {
        self.watch.note_dropped(at.since_ns(self.answered_at));
    }

    /// The recorder or its host dropped packets during the call.
    pub fn has_dropped(&self) -> bool {
        self.watch.has_dropped()
    }

    /// What is wrong with the sound now.
    pub fn faults_now(&self) -> FaultSet {
        self.watch.now()
    }

    /// The first fault of a kind.
    pub fn first_fault(&self, kind: FaultKind) -> Option<FaultSpan> {
        self.watch.first(kind)
    }

    /// Looks at both sides, at a step of the grid.
    pub(super) fn look_after(&mut self, now_ns: i64) {
        let seen = Channel::BOTH.map(|c| self.speakers[c as usize].glimpse());
        self.watch.look(now_ns, seen);
    }
}
