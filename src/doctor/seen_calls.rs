//! The calls that would be recorded: which sides are heard, and whether anybody can make sense of them.

use crate::call::Decision;
use crate::codec::def::{CodecSpec, PayloadRole};
use crate::codec::formats::PayloadMap;
use crate::engine::MediaPacket;
use crate::id::{Channel, RecordingId};
use crate::time::{NS_PER_S, Timestamp};
use foldhash::fast::RandomState;
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap};

/// Where a side is not heard that ought to be for less time, that says nothing: people take a moment to speak.
const LEAST_NS: i64 = 3 * NS_PER_S;
/// Streams of one side whose keys are agreed on the media path.
const MAX_KEYED: usize = 16;
/// So many digits may be a telephone number.
const MOST_DIGITS: usize = 7;
/// Codecs that are told apart.
const MAX_CODECS: usize = 16;

/// What became of the calls that would be recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFacts {
    /// All of them.
    pub recorded: u64,
    /// Those of which both sides were heard, or ought to have been for three seconds at least.
    pub judged: u64,
    /// Of those: both sides were heard.
    pub both_heard: u64,
    /// Of those: only the customer was heard, only the agent was.
    pub one_heard: [u64; 2],
    /// Of those: nobody was heard.
    pub none_heard: u64,
    /// A side is sealed with keys that nobody told.
    pub sealed: u64,
    /// A side was sealed with keys that are known.
    pub unsealed: u64,
    /// By codec: calls with a side in it that cannot be decoded.
    pub undecodable: BTreeMap<String, u64>,
}

struct HeardHop {
    channel: Channel,
    rank: u8,
    formats: PayloadMap,
    has_keys: bool,
}

#[derive(Default)]
struct HeardSide {
    packets: u64,
    /// Those that can be decoded.
    sound: u64,
    sealed: u64,
    unsealed: u64,
    undecodable: Option<String>,
    /// Streams whose keys were agreed on the media path (ZRTP).
    keyed: SmallVec<[u32; 2]>,
}

struct SeenCall {
    /// Since when both sides ought to be heard; `None`: they need not.
    expected: Option<Timestamp>,
    expected_ns: i64,
    hops: SmallVec<[HeardHop; 4]>,
    sides: [HeardSide; 2],
}

/// Calls under way, and what became of the others.
pub struct SeenCalls {
    /// As many as the engine records at most.
    open: HashMap<RecordingId, SeenCall, RandomState>,
    facts: CallFacts,
    /// The capture clock.
    now: Timestamp,
    /// Whether what is decoded elsewhere can be.
    has_decoders: bool,
}

impl SeenCalls {
    /// None yet.
    pub fn new(has_decoders: bool) -> SeenCalls {
        let (open, facts) = (HashMap::default(), CallFacts::default());
        SeenCalls { open, facts, now: Timestamp::EPOCH, has_decoders }
    }

    /// The signalling decided something.
    pub fn note(&mut self, decision: &Decision) {
        match decision {
            Decision::Open(o) => {
                let expected = Some(o.answered_at);
                let call =
                    SeenCall { expected, expected_ns: 0, hops: SmallVec::new(), sides: Default::default() };
                self.open.insert(o.id, call);
            }
            Decision::Formats(id, said) => self.with(id, |call| {
                let (channel, rank, formats) = (said.channel, said.rank, &said.formats);
                let hop = call.hop(channel, rank);
                hop.formats.update(formats);
                hop.has_keys |= !said.keys.is_empty();
            }),
            Decision::Keys { recording, channel, rank, .. } => {
                self.with(recording, |call| call.hop(*channel, *rank).has_keys = true);
            }
            Decision::Expected(id, at, yes) => self.with(id, |call| call.expect(*at, *yes)),
            Decision::Close { recording, at, .. } => {
                if let Some(mut call) = self.open.remove(recording) {
                    // Without media and BYE a call ends with its answer, however long was waited for either.
                    let is_silent = call.sides.iter().all(|s| s.packets == 0);
                    call.expect(if is_silent { self.now.max(*at) } else { *at }, false);
                    self.facts.add(call);
                }
            }
            Decision::Discard { recording, .. } | Decision::Evict(recording) => {
                self.open.remove(recording);
            }
            Decision::Keyed { recording, channel, ssrc, .. } => self.with(recording, |call| {
                let keyed = &mut call.sides[*channel as usize].keyed;
                if keyed.len() < MAX_KEYED && !keyed.contains(ssrc) {
                    keyed.push(*ssrc);
                }
            }),
            Decision::Amend(_)
            | Decision::Event(..)
            | Decision::Pause(..)
            | Decision::Disowned(_)
            | Decision::Moved(..)
            | Decision::Suspend(..)
            | Decision::Resume(_)
            | Decision::Incomplete(_)
            | Decision::Unrecorded { .. }
            | Decision::LeftOut(_)
            | Decision::Parallel(_)
            | Decision::Refused(_) => {}
        }
    }

    /// The capture clock has come so far.
    pub fn pass_time(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// A packet of a call.
    pub fn hear(&mut self, media: &MediaPacket<'_>) {
        let has_decoders = self.has_decoders;
        let (packet, recording) = (&media.packet, media.recording);
        let Some(call) = self.open.get_mut(&recording) else { return };
        let hop = call.hops.iter().find(|h| (h.channel, h.rank) == (packet.channel, packet.rank));
        let side = &mut call.sides[packet.channel as usize];
        side.packets += 1;
        let Some(hop) = hop else { return };
        if hop.formats.encrypted && !hop.has_keys || side.keyed.contains(&packet.heard.ssrc) {
            side.sealed += 1;
            return;
        }
        side.unsealed += u64::from(hop.formats.encrypted);
        let Some(spec) = hop.formats.get(packet.heard.payload_type) else { return };
        if is_readable(spec, has_decoders) {
            side.sound += 1;
        } else if spec.def.role == PayloadRole::Sound {
            side.undecodable.get_or_insert_with(|| shown(&spec.name));
        }
    }

    /// The sums, once every call is closed.
    pub fn facts(self) -> CallFacts {
        self.facts
    }

    fn with(&mut self, id: &RecordingId, act: impl FnOnce(&mut SeenCall)) {
        if let Some(call) = self.open.get_mut(id) {
            act(call);
        }
    }
}

/// The name of a codec; what may be a telephone number is not shown, whoever wrote it there.
fn shown(name: &str) -> String {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    if digits < MOST_DIGITS { name.to_owned() } else { "other".into() }
}

fn is_readable(spec: &CodecSpec, has_decoders: bool) -> bool {
    spec.is_decodable() && (spec.def.decoder.is_some() || has_decoders)
}

impl SeenCall {
    fn hop(&mut self, channel: Channel, rank: u8) -> &mut HeardHop {
        let known = self.hops.iter().position(|h| (h.channel, h.rank) == (channel, rank));
        let at = known.unwrap_or_else(|| {
            self.hops.push(HeardHop { channel, rank, formats: PayloadMap::default(), has_keys: false });
            self.hops.len() - 1
        });
        &mut self.hops[at]
    }

    fn expect(&mut self, at: Timestamp, yes: bool) {
        if let Some(since) = self.expected.take() {
            self.expected_ns += at.since_ns(since).max(0);
        }
        self.expected = yes.then_some(at);
    }
}

impl CallFacts {
    fn add(&mut self, call: SeenCall) {
        self.recorded += 1;
        let heard = call.sides.each_ref().map(|s| s.packets > 0);
        if heard == [true, true] || call.expected_ns >= LEAST_NS {
            self.judged += 1;
            *match heard {
                [true, true] => &mut self.both_heard,
                [true, false] => &mut self.one_heard[0],
                [false, true] => &mut self.one_heard[1],
                [false, false] => &mut self.none_heard,
            } += 1;
        }
        let is_sealed = |s: &HeardSide| s.sealed > s.sound;
        self.sealed += u64::from(call.sides.iter().any(is_sealed));
        self.unsealed += u64::from(call.sides.iter().any(|s| s.unsealed > 0));
        let codec = call.sides.iter().filter(|s| s.sound == 0).find_map(|s| s.undecodable.as_ref());
        if let Some(codec) = codec {
            let is_known = self.undecodable.contains_key(codec) || self.undecodable.len() < MAX_CODECS;
            *self.undecodable.entry(if is_known { codec.clone() } else { "other".into() }).or_default() += 1;
        }
    }
}
