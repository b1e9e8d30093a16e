//! The stories of all calls of a replay.

use super::asked_call::AskedCall;
use super::call_story::{CallStory, SipKind, StoryEvent};
use crate::call::pairing::Disowned;
use crate::call::trace::TraceStep;
use crate::call::{Decision, HopFormats, Identifier, Opening, call_id_hash};
use crate::daemon::replay::Onlooker;
use crate::id::RecordingId;
use crate::net::Datagram;
use crate::sip::{Message, Method};
use crate::time::Timestamp;
use foldhash::fast::RandomState;
use jiff::tz::TimeZone;
use std::collections::{HashMap, HashSet};

/// Calls that are kept; of more the oldest that nobody asks about are forgotten.
const MAX_CALLS: usize = 100_000;

/// All calls, by what they are asked for.
pub struct StoryBook<P> {
    asked: AskedCall,
    zone: TimeZone,
    progress: P,
    stories: Vec<CallStory>,
    by_call_id: HashMap<Box<[u8]>, usize, RandomState>,
    /// By what may be told of a Call-ID, and by its hash.
    by_told_id: HashMap<String, usize, RandomState>,
    recordings: HashMap<RecordingId, usize, RandomState>,
    services: HashMap<RecordingId, String, RandomState>,
    /// Calls that there was no room for.
    left_out: u64,
    span: Option<(Timestamp, Timestamp)>,
    now: Timestamp,
}

impl<P: FnMut(u64)> StoryBook<P> {
    /// A book for whoever asks; times are read in `zone`, `progress` hears of bytes read.
    pub fn new(asked: AskedCall, zone: TimeZone, progress: P) -> StoryBook<P> {
        StoryBook {
            asked,
            zone,
            progress,
            stories: Vec::new(),
            by_call_id: HashMap::default(),
            by_told_id: HashMap::default(),
            recordings: HashMap::default(),
            services: HashMap::default(),
            left_out: 0,
            span: None,
            now: Timestamp::from_ns(0),
        }
    }

    /// How many calls there are, whoever asks about them, and from when to when.
    pub fn calls(&self) -> (usize, Option<(Timestamp, Timestamp)>) {
        (self.stories.len(), self.span)
    }

    /// Calls that there was no room for.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The stories that were asked for, and those of the same contact, in order.
    pub fn into_asked(self) -> Vec<CallStory> {
        let mut meant: HashSet<usize> =
            (0..self.stories.len()).filter(|i| self.is_asked(&self.stories[*i])).collect();
        let mut waiting: Vec<usize> = meant.iter().copied().collect();
        let beside = self.beside();
        while let Some(next) = waiting.pop() {
            let others = beside.get(&next).into_iter().flatten();
            waiting.extend(others.filter(|other| meant.insert(**other)));
        }
        let told = self.stories.into_iter().enumerate().filter(|(i, _)| meant.contains(i));
        let mut told: Vec<CallStory> = told.map(|(_, story)| story).collect();
        told.sort_by_key(|s| s.span.0);
        told
    }

    /// Which stories are of one contact, both ways.
    fn beside(&self) -> HashMap<usize, Vec<usize>> {
        let mut beside: HashMap<usize, Vec<usize>> = HashMap::new();
        for (i, story) in self.stories.iter().enumerate() {
            for other in story.beside.iter().filter_map(|id| self.by_call_id.get(id)) {
                beside.entry(i).or_default().push(*other);
                beside.entry(*other).or_default().push(i);
            }
        }
        beside
    }

    fn is_asked(&self, story: &CallStory) -> bool {
        let is_call = |text: &str| {
            story.told_id == text
                || *story.call_id == *text.as_bytes()
                || call_id_hash(&String::from_utf8_lossy(&story.call_id)).as_deref() == Some(text)
        };
        match &self.asked {
            AskedCall::All => true,
            AskedCall::CallId(text) => is_call(text),
            AskedCall::Recording(part, text) => {
                story.recordings.iter().any(|id| part.is_of(*id)) || is_call(text)
            }
            AskedCall::At(at) => at.touches(story.span, &self.zone),
        }
    }

    /// The story of a Call-ID, begun if there is none.
    fn story(&mut self, call_id: &[u8], at: Timestamp) -> Option<&mut CallStory> {
        let known = self.by_call_id.get(call_id).copied();
        let i = match known {
            Some(i) => i,
            None if self.stories.len() >= MAX_CALLS => {
                self.left_out += 1;
                return None;
            }
            None => {
                let i = self.stories.len();
                let text = String::from_utf8_lossy(call_id).into_owned();
                let hash = call_id_hash(&text).unwrap_or_default();
                self.by_call_id.insert(call_id.into(), i);
                self.by_told_id.insert(text, i);
                self.by_told_id.insert(hash.clone(), i);
                // What may be told of it in full is known once it is decided about.
                self.stories.push(CallStory::new(call_id, hash, at));
                i
            }
        };
        self.stories.get_mut(i)
    }

    fn of_recording(&mut self, id: &RecordingId) -> Option<&mut CallStory> {
        self.recordings.get(id).copied().and_then(|i| self.stories.get_mut(i))
    }

    fn tell(&mut self, id: &RecordingId, at: Timestamp, event: StoryEvent) {
        if let Some(story) = self.of_recording(id) {
            story.tell(at, event);
        }
    }

    fn begins(&mut self, o: &Opening) {
        let Some(i) = self.by_told_id.get(&o.call_id).copied() else { return };
        self.recordings.insert(o.id, i);
        self.services.insert(o.id, o.service.name.clone());
        let Some(story) = self.stories.get_mut(i) else { return };
        story.told_id.clone_from(&o.call_id);
        story.recordings.push(o.uuid);
        let (id, service) = (o.uuid, o.service.name.clone());
        let (direction, agent) = (o.direction, o.agent.id.clone());
        story.tell(o.answered_at, StoryEvent::Begins { id, service, direction, agent });
    }

    fn amended(&mut self, o: &Opening) {
        let service = &o.service.name;
        if self.services.get(&o.id).is_some_and(|known| known != service) {
            self.services.insert(o.id, service.clone());
            self.tell(&o.id, self.now, StoryEvent::Service(service.clone()));
        }
    }

    fn agreed(&mut self, id: &RecordingId, hop: &HopFormats) {
        let codec = hop.formats.preferred().map_or_else(|| "nothing known".into(), |c| c.name.clone());
        let event = StoryEvent::Agreed(hop.channel, codec, hop.formats.encrypted);
        let now = self.now;
        let Some(story) = self.of_recording(id) else { return };
        let of_channel = |e: &&StoryEvent| matches!(e, StoryEvent::Agreed(c, ..) if *c == hop.channel);
        let last = story.lines.iter().rev().map(|l| &l.event).find(of_channel);
        if last != Some(&event) {
            story.tell(now, event);
        }
    }
}

impl<P: FnMut(u64)> Onlooker for StoryBook<P> {
    const ASKS_WHY: bool = true;

    fn progress(&mut self, bytes: u64) {
        (self.progress)(bytes);
    }

    fn sip(&mut self, message: &Message<'_>, came: &Datagram<'_>) {
        self.now = came.ts;
        let (first, last) = self.span.unwrap_or((came.ts, came.ts));
        self.span = Some((first.min(came.ts), last.max(came.ts)));
        let Some(call_id) = message.call_id().filter(|_| is_of_call(message)) else { return };
        let (flow, transport, what) = (came.flow, came.transport, SipKind::of(message));
        let cseq = message.cseq();
        let Some(story) = self.story(&Identifier::new(call_id), came.ts) else { return };
        story.is_answered |= matches!(what, SipKind::Response(200..=299))
            && cseq.is_some_and(|(_, method)| method == Method::Invite);
        story.tell(came.ts, StoryEvent::Sip { flow, transport, what, cseq, copies: 0 });
    }

    fn decision(&mut self, decision: &Decision) {
        let now = self.now;
        match decision {
            Decision::Open(o) => self.begins(o),
            Decision::Amend(o) => self.amended(o),
            Decision::Formats(id, hop) => self.agreed(id, hop),
            Decision::Event(id, at, event) => self.tell(id, *at, StoryEvent::Signalled(*event)),
            Decision::Disowned(Disowned { recording, channel, .. }) => {
                self.tell(recording, now, StoryEvent::TakenBack(*channel));
            }
            Decision::Moved(id, channel, at) => self.tell(id, *at, StoryEvent::Moved(*channel)),
            Decision::Incomplete(id) => self.tell(id, now, StoryEvent::Missing),
            Decision::Close { recording, at, by, .. } => self.tell(recording, *at, StoryEvent::Ends(*by)),
            Decision::Discard { recording, reason } => {
                let reason = *reason;
                self.tell(recording, now, StoryEvent::Discarded(reason));
                if let Some(story) = self.of_recording(recording) {
                    story.unrecorded = Some(reason);
                }
            }
            Decision::Evict(recording) => self.tell(recording, now, StoryEvent::Refused),
            Decision::Unrecorded { reason, at, call_id } => {
                let i = self.by_told_id.get(call_id).copied();
                let Some(story) = i.and_then(|i| self.stories.get_mut(i)) else { return };
                story.told_id.clone_from(call_id);
                story.unrecorded = Some(*reason);
                story.tell(*at, StoryEvent::Unrecorded(*reason));
            }
            Decision::Refused(o) => {
                let i = self.by_told_id.get(&o.call_id).copied();
                if let Some(story) = i.and_then(|i| self.stories.get_mut(i)) {
                    story.tell(o.answered_at, StoryEvent::Refused);
                }
            }
            Decision::Pause(..)
            | Decision::Keyed { .. }
            | Decision::Keys { .. }
            | Decision::Expected(..)
            | Decision::Suspend(..)
            | Decision::Resume(_)
            | Decision::LeftOut(_)
            | Decision::Parallel(_) => {}
        }
    }

    fn step(&mut self, step: TraceStep) {
        let TraceStep { at, call_id, what } = step;
        self.now = self.now.max(at);
        let known = self.by_call_id.get(&call_id).copied();
        if let Some(story) = known.and_then(|i| self.stories.get_mut(i)) {
            story.step(at, what);
        }
    }
}

/// Registrations, subscriptions and the like are no calls.
fn is_of_call(message: &Message<'_>) -> bool {
    use Method::{Ack, Bye, Cancel, Info, Invite, Prack, Refer, Update};
    let method = message.method().or_else(|| message.cseq().map(|(_, method)| method));
    matches!(method, Some(Invite | Ack | Bye | Cancel | Update | Prack | Refer | Info))
}
