//! Watches whether the sound of a call is as it should be, while the call runs.
//!
//! It is told four things at each step of the tape's grid: when each side was last heard, how much
//! of it could be decoded, how much never came, and how loud it is; and by the signalling whether
//! sound is to be expected. What is wrong for [`NOTICE_NS`] becomes a [`FaultSpan`], so that it is known
//! within five seconds of packet time. What a phone does on purpose is no fault: a hold, comfort
//! noise, silence suppression, and the mute key, which sounds like a dead line. So only a side
//! that has not been heard yet, since the answer or the last hold, is called silent or quiet.

use super::loudness::{BLOCK_NS, BlockHeard, Loudness, WINDOW_NS};
use super::media_fault::{FaultKind, FaultSet, FaultSpan};
use crate::id::Channel;
use crate::time::{NS_PER_S, Timestamp, frames_ns};

/// How long something is wrong before it is called so. With what a tape holds back (0.55 s) and its
/// step (0.2 s) it is known within five seconds.
const NOTICE_NS: i64 = 4 * NS_PER_S;
/// The same for sound that nobody can decode: after so long it is no stray packet.
const SENSELESS_NS: i64 = 2 * NS_PER_S;
/// A side that was heard so lately is there.
const LATELY_NS: i64 = NS_PER_S;
/// Losses are looked at over so long.
const LOSS_WINDOW_NS: i64 = 2 * NS_PER_S;
/// One packet in so many lost is a fault: at 5 % concealment is heard (ITU-T G.113, Appendix I).
const LOSS_SHARE: u64 = 20;
/// Of fewer packets nothing is said: half a second's worth of 20 ms, or a second of 40 ms.
const LOSS_PACKETS: u64 = 25;
/// Faults kept of one recording.
const MAX_SPANS: usize = 512;
/// In the place of a span for which there was no room.
const NO_ROOM: usize = usize::MAX;

/// What is seen of one side at a step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Glimpse {
    /// When its last packet came, from the answer.
    pub last_ns: Option<i64>,
    /// It has stopped sending because it is silent: comfort noise, or it does so now and then.
    pub is_resting: bool,
    /// Sound decoded so far, in any unit.
    pub decoded: i64,
    /// Packets of sound since the last step that nobody can decode, and those that are encrypted.
    pub senseless: [u32; 2],
    /// Packets lost and expected so far.
    pub loss: (u64, u64),
}

#[derive(Debug, Default)]
struct SideWatch {
    seen: Glimpse,
    /// When something of it was last decoded.
    decoded_ns: Option<i64>,
    /// It was heard to make a sound since sound is expected.
    is_heard: bool,
    /// And at its usual level.
    is_loud: bool,
    /// Since when it has been digital silence.
    mute_ns: Option<i64>,
    /// Since when it has been quiet, and for how many verdicts.
    quiet: Option<(i64, u8)>,
    /// Since when it makes no sense: nobody can decode it, or it is encrypted.
    senseless_ns: [Option<i64>; 2],
    /// When the window of losses began, and what was lost and expected by then.
    loss_began: (i64, (u64, u64)),
}

/// What is wrong with one call's sound.
#[derive(Debug)]
pub struct MediaWatch {
    answered_at: Timestamp,
    sides: [SideWatch; 2],
    loudness: Loudness,
    /// By the signalling both sides ought to be heard.
    is_expected: bool,
    /// Since when.
    since_ns: i64,
    dropped_ns: Option<i64>,
    spans: Vec<FaultSpan>,
    open: [[Option<usize>; 2]; FaultKind::ALL.len()],
    /// Faults for which there was no room.
    left_out: u64,
}

impl MediaWatch {
    /// From the answer on.
    pub(super) fn new(answered_at: Timestamp) -> MediaWatch {
        MediaWatch {
            answered_at,
            sides: Default::default(),
            loudness: Loudness::default(),
            is_expected: true,
            since_ns: 0,
            dropped_ns: None,
            spans: Vec::new(),
            open: Default::default(),
            left_out: 0,
        }
    }

    /// The signalling says whether sound of both sides is to be expected from `at` on: not on hold, not
    /// where there is no audio.
    pub fn expect(&mut self, at: Timestamp, is_expected: bool) {
        if std::mem::replace(&mut self.is_expected, is_expected) == is_expected {
            return;
        }
        let at_ns = at.since_ns(self.answered_at).max(0);
        self.since_ns = at_ns;
        for kind in FaultKind::ALL.into_iter().filter(|k| k.is_of_absence()) {
            Channel::BOTH.into_iter().for_each(|c| self.end(kind, c, at_ns));
        }
        for side in &mut self.sides {
            (side.is_heard, side.mute_ns, side.quiet) = (false, None, None);
        }
        self.loudness.begin_anew();
    }

    /// The recorder or its host dropped packets about now, of whichever call.
    pub fn note_dropped(&mut self, at: Timestamp) {
        self.dropped_ns = self.dropped_ns.max(Some(at.since_ns(self.answered_at)));
    }

    /// The recorder or its host dropped packets during the call.
    pub fn has_dropped(&self) -> bool {
        self.dropped_ns.is_some()
    }

    /// Frames that go into the file, the first of which is `frame`.
    pub(super) fn hear(&mut self, frames: &[i16], frame: u64, rate_hz: u32) {
        if !self.is_expected {
            return;
        }
        // How loud a side is that was loud enough once asks nobody.
        let with_level = self.sides.iter().any(|s| !s.is_loud);
        let mut loudness = std::mem::take(&mut self.loudness);
        loudness.take(frames, (frame, rate_hz), with_level, |side, block| {
            let channel = Channel::BOTH[side];
            self.hear_block(channel, block, rate_hz);
        });
        self.loudness = loudness;
    }

    /// Time has come to `now_ns`, and this is seen of the sides.
    pub(super) fn look(&mut self, now_ns: i64, seen: [Glimpse; 2]) {
        for (side, seen) in self.sides.iter_mut().zip(seen) {
            if seen.decoded != side.seen.decoded {
                side.decoded_ns = Some(now_ns);
            }
            // A source that has given way takes what it counted with it.
            let last_ns = seen.last_ns.max(side.seen.last_ns);
            side.seen = Glimpse { last_ns, ..seen };
        }
        self.look_for_nobody(now_ns);
        for channel in Channel::BOTH {
            self.look_for_one_way(channel, now_ns);
            self.look_for_silence(channel, now_ns);
            self.look_for_sense(channel, now_ns);
            self.look_for_loss(channel, now_ns);
        }
    }

    /// What is wrong with the sound now.
    pub fn now(&self) -> FaultSet {
        let mut all = FaultSet::default();
        for (kind, open) in FaultKind::ALL.into_iter().zip(&self.open) {
            if open.iter().any(Option::is_some) {
                all.insert(kind);
            }
        }
        all
    }

    /// The first fault of a kind.
    pub fn first(&self, kind: FaultKind) -> Option<FaultSpan> {
        self.spans.iter().find(|s| s.kind == kind).copied()
    }

    /// The call is over at `end_ns`: what was wrong, and for how many faults there was no room.
    pub(super) fn finish(self, end_ns: i64) -> (Vec<FaultSpan>, u64) {
        let mut spans = self.spans;
        spans.retain(|s| s.from_ns < end_ns);
        spans.iter_mut().for_each(|s| s.until_ns = s.until_ns.filter(|until| *until < end_ns));
        spans.sort_by_key(|s| s.from_ns);
        (spans, self.left_out)
    }

    /// When a side was last heard since sound is expected.
    fn last(&self, channel: Channel) -> Option<i64> {
        self.sides[channel as usize].seen.last_ns.filter(|at| *at >= self.since_ns)
    }

    fn look_for_nobody(&mut self, now_ns: i64) {
        let first = Channel::BOTH.into_iter().filter_map(|c| self.last(c)).min();
        match first {
            Some(at_ns) => self.end(FaultKind::NoRtp, Channel::Customer, at_ns),
            None if self.is_expected && now_ns - self.since_ns >= NOTICE_NS => {
                self.begin(FaultKind::NoRtp, Channel::Customer, self.since_ns);
            }
            None => {}
        }
    }

    fn look_for_one_way(&mut self, channel: Channel, now_ns: i64) {
        let last_ns = self.last(channel);
        let is_back = |span: &FaultSpan| last_ns.is_some_and(|at_ns| at_ns > span.from_ns);
        if self.span(FaultKind::OneWay, channel).is_some_and(is_back) {
            self.end(FaultKind::OneWay, channel, last_ns.unwrap_or(now_ns));
        }
        let is_other_there = self.last(channel.other()).is_some_and(|at_ns| now_ns - at_ns <= LATELY_NS);
        let since_ns = last_ns.unwrap_or(self.since_ns);
        let is_resting = last_ns.is_some() && self.sides[channel as usize].seen.is_resting;
        if self.is_expected && is_other_there && !is_resting && now_ns - since_ns >= NOTICE_NS {
            self.begin(FaultKind::OneWay, channel, since_ns);
        }
    }

    fn look_for_silence(&mut self, channel: Channel, now_ns: i64) {
        let side = &self.sides[channel as usize];
        let is_decoded = side.decoded_ns.is_some_and(|at_ns| now_ns - at_ns <= LATELY_NS);
        let mute_ns = side.mute_ns.filter(|at_ns| now_ns - at_ns >= NOTICE_NS);
        if let Some(since_ns) = mute_ns.filter(|_| self.is_expected && is_decoded && !side.is_heard) {
            self.begin(FaultKind::Silent, channel, since_ns);
        }
    }

    fn look_for_sense(&mut self, channel: Channel, now_ns: i64) {
        let side = &mut self.sides[channel as usize];
        let is_decoded = side.decoded_ns == Some(now_ns);
        let seen = side.seen.senseless;
        for (i, kind) in [FaultKind::Undecodable, FaultKind::Encrypted].into_iter().enumerate() {
            let since = &mut self.sides[channel as usize].senseless_ns[i];
            match (is_decoded, seen[i]) {
                (true, _) => {
                    *since = None;
                    self.end(kind, channel, now_ns);
                }
                (false, 0) => {}
                (false, _) => {
                    let since_ns = *since.get_or_insert(now_ns);
                    if now_ns - since_ns >= SENSELESS_NS {
                        self.begin(kind, channel, since_ns);
                    }
                }
            }
        }
    }

    fn look_for_loss(&mut self, channel: Channel, now_ns: i64) {
        let side = &mut self.sides[channel as usize];
        let (began_ns, before) = side.loss_began;
        if now_ns - began_ns < LOSS_WINDOW_NS {
            return;
        }
        let now = side.seen.loss;
        side.loss_began = (now_ns, now);
        let (lost, expected) = (now.0.saturating_sub(before.0), now.1.saturating_sub(before.1));
        let is_faulty = expected >= LOSS_PACKETS && lost * LOSS_SHARE >= expected;
        let is_dropped = self.dropped_ns.is_some_and(|at_ns| at_ns >= began_ns - LOSS_WINDOW_NS);
        for (kind, is_own) in [(FaultKind::CaptureLoss, is_dropped), (FaultKind::NetworkLoss, !is_dropped)] {
            match is_faulty && is_own {
                true => self.begin(kind, channel, began_ns),
                false => self.end(kind, channel, began_ns),
            }
        }
    }

    fn hear_block(&mut self, channel: Channel, block: BlockHeard, rate_hz: u32) {
        let end_ns = frames_ns(block.end, rate_hz);
        let began_ns = (end_ns - BLOCK_NS).max(self.since_ns);
        let side = &mut self.sides[channel as usize];
        if !block.is_silent {
            (side.is_heard, side.mute_ns) = (true, None);
            self.end(FaultKind::Silent, channel, began_ns);
        } else if !side.is_heard && side.decoded_ns.is_some() {
            side.mute_ns.get_or_insert(began_ns);
        }
        let Some(verdict) = block.verdict else { return };
        let window_ns = (end_ns - WINDOW_NS).max(self.since_ns);
        match verdict.is_clipped {
            Some(true) => self.begin(FaultKind::Clipped, channel, window_ns),
            Some(false) => self.end(FaultKind::Clipped, channel, window_ns),
            None => {}
        }
        let side = &mut self.sides[channel as usize];
        match verdict.is_quiet {
            Some(false) => {
                (side.is_loud, side.quiet) = (true, None);
                self.end(FaultKind::Quiet, channel, window_ns);
            }
            Some(true) if !side.is_loud => {
                let (since_ns, n) = side.quiet.unwrap_or((window_ns, 0));
                side.quiet = Some((since_ns, n.saturating_add(1)));
                // Twice in a row: whoever only listens is heard to move about as well.
                if n >= 1 {
                    self.begin(FaultKind::Quiet, channel, since_ns);
                }
            }
            Some(true) | None => {}
        }
    }

    fn span(&self, kind: FaultKind, channel: Channel) -> Option<&FaultSpan> {
        self.spans.get(self.open[kind as usize][channel as usize]?)
    }

    fn begin(&mut self, kind: FaultKind, channel: Channel, from_ns: i64) {
        let open = &mut self.open[kind as usize][channel as usize];
        if open.is_some() {
            return;
        }
        if self.spans.len() >= MAX_SPANS {
            *open = Some(NO_ROOM);
            self.left_out += 1;
            return;
        }
        *open = Some(self.spans.len());
        let channel = (kind != FaultKind::NoRtp).then_some(channel);
        self.spans.push(FaultSpan { kind, channel, from_ns, until_ns: None });
    }

    fn end(&mut self, kind: FaultKind, channel: Channel, at_ns: i64) {
        let Some(i) = self.open[kind as usize][channel as usize].take() else { return };
        if let Some(span) = self.spans.get_mut(i) {
            span.until_ns = Some(at_ns.max(span.from_ns));
        }
    }
}
