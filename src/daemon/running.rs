//! One recording at its worker's: its tape, its file, and what has been told of it.

use super::context::Context;
use super::control::protocol::{CallState, RunningCall};
use super::counts::MediaCounts;
use super::deck::FileDeck;
use super::metadata;
use super::observe::fault_label;
use super::story::{pause, paused_s};
use crate::call::{CallEvent, Decision, Opening};
use crate::id::{Channel, RecordingId};
use crate::store::sidecar::EndedBy;
use crate::tape::{CodecPackets, FaultSet, FaultSpan, PauseReport, Tape};
use crate::telemetry::events::{About, Event};
use crate::telemetry::label::CodecLabel;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

/// A recording under way.
pub(super) struct Running {
    pub(super) opening: Box<Opening>,
    pub(super) tape: Tape,
    pub(super) deck: FileDeck,
    pub(super) events: Vec<(Timestamp, CallEvent)>,
    pub(super) lost_inside: bool,
    /// Who was heard, and how often, as far as that matters: see [`Running::note`].
    pub(super) heard: [bool; 2],
    pub(super) packets: u8,
    /// Packets of it were dropped for want of room in a queue.
    pub(super) dropped: bool,
    /// Faults of its sound that were told, and those that it has now.
    pub(super) faults: [FaultSet; 2],
    /// Encodings told to be undecodable, a bit for each by [`CodecLabel::index`].
    pub(super) undecodable: u32,
}

impl Running {
    /// Reads what taking a packet will read first.
    pub(super) fn look_at(&self) -> usize {
        self.events.len() + self.tape.look_at()
    }

    /// What the signalling says of its media.
    pub(super) fn heed(&mut self, decision: &Decision) {
        let tape = &mut self.tape;
        match decision {
            Decision::Formats(_, hop) => {
                tape.set_formats(hop.channel, hop.rank, &hop.formats);
                tape.set_keys(hop.channel, hop.rank, &hop.keys);
            }
            Decision::Keys { channel, rank, keys, .. } => tape.set_keys(*channel, *rank, keys),
            Decision::Pause(_, at, switch, by) => tape.hush_mut().switch(*at, *switch, *by),
            Decision::Keyed { channel, standing, ssrc, .. } => tape.note_keys(*channel, *standing, *ssrc),
            Decision::Disowned(d) => tape.give_back(d.channel, (d.ssrc, d.flow), d.since, &mut self.deck),
            Decision::Moved(_, channel, at) => tape.set_moved(*channel, *at),
            Decision::Expected(_, at, is_expected) => tape.watch_mut().expect(*at, *is_expected),
            Decision::Suspend(_, at) => tape.suspend(*at),
            Decision::Incomplete(_) => {
                self.lost_inside = true;
                tape.note_missing();
            }
            Decision::Open(_)
            | Decision::Amend(_)
            | Decision::Event(..)
            | Decision::Resume(_)
            | Decision::Close { .. }
            | Decision::Discard { .. }
            | Decision::Unrecorded { .. }
            | Decision::LeftOut(_)
            | Decision::Parallel(_)
            | Decision::Refused(_)
            | Decision::Evict(_) => {}
        }
    }

    /// A packet of this party was captured.
    pub(super) fn note(&mut self, channel: Channel) {
        self.packets = self.packets.saturating_add(1);
        let heard = &mut self.heard[channel as usize];
        if !*heard || self.packets == 2 {
            *heard = true;
            self.deck.note_heard(self.heard == [true; 2], self.packets > 1);
        }
    }
}

/// What a crash leaves as metadata from here on: what the call is, and where it was paused so far.
pub(super) fn remember(r: &mut Running, timezone: &TimeZone) {
    let (o, pauses) = (&r.opening, r.tape.hush().reports());
    let mut known = metadata::sidecar(o, timezone, o.answered_at, EndedBy::Recovered);
    known.events.extend(pauses.iter().map(pause));
    known.paused_s = paused_s(pauses);
    r.deck.rename(metadata::name(o), known);
}

/// Counts what was heard. Now and then, not for each packet: names are long to compare, counters shared.
/// True where a pause has begun or ended, and a crash should leave word of it.
pub(super) fn count(r: &mut Running, counts: &MediaCounts, context: &Context) -> bool {
    let seen = r.tape.take_counts();
    let (opening, told) = (&r.opening, &mut r.undecodable);
    let heard = r.tape.take_heard().inspect(|heard| report_undecodable(opening, told, heard, context));
    counts.add(heard, seen);
    report_faults(r, context);
    let is_news = r.tape.hush().has_news();
    if is_news {
        tell_pauses(&r.opening, r.tape.hush_mut().news(), context);
    }
    is_news && context.writing.prompt
}

/// How far a call's service lets it be paused, and whether the tones of keys are silenced.
pub(super) fn set_privacy(tape: &mut Tape, o: &Opening, context: &Context) {
    tape.hush_mut().set(&context.pausing(), o.service.pause, o.service.silence_tones);
}

/// Tells of pauses that began or ended (true).
pub(super) fn tell_pauses(o: &Opening, news: impl Iterator<Item = (PauseReport, bool)>, context: &Context) {
    let about = about(o);
    for (pause, is_end) in news {
        let event = if is_end {
            let ns = pause.until_ns.unwrap_or(pause.from_ns).saturating_sub(pause.from_ns);
            let length = Duration::from_nanos(u64::try_from(ns).unwrap_or_default());
            Event::PauseEnded { about, by: pause.resumed_by, length }
        } else {
            Event::PauseBegan { about, by: pause.by }
        };
        event.emit(context.metrics());
    }
}

/// How a recording is at present, without anything that tells of the customer.
pub(super) fn describe(recording: RecordingId, r: &Running) -> RunningCall {
    let o = &r.opening;
    let paused = r.tape.hush().paused_now();
    let holds = |e: &CallEvent| match e {
        CallEvent::Hold => Some(true),
        CallEvent::Resume => Some(false),
        CallEvent::KeyPress(_) => None,
    };
    let held = r.events.iter().rev().find_map(|(_, e)| holds(e)).unwrap_or(false);
    let state = match (paused.is_some(), held) {
        (true, _) => CallState::Paused,
        (false, true) => CallState::Held,
        (false, false) => CallState::Recording,
    };
    let instant = |ns: i64| o.answered_at.offset_ns(ns).whole_us();
    RunningCall {
        recording,
        id: o.uuid,
        call_group: o.call_group,
        service: o.service.name.clone(),
        direction: o.direction,
        agent: o.agent.clone(),
        answered_at: o.answered_at.whole_us(),
        seconds: 0.0,
        state,
        held,
        paused_at: paused.map(|p| instant(p.from_ns)),
        paused_by: paused.map(|p| p.by),
        resumes_at: paused.map(|p| instant(p.until_ns)),
        may_pause: o.service.pause,
        heard: Channel::BOTH.into_iter().filter(|c| r.heard[*c as usize]).collect(),
        codecs: r.tape.codecs(),
    }
}

/// Tells once of each fault of its sound, and keeps count of those it has now.
fn report_faults(r: &mut Running, context: &Context) {
    let now = r.tape.watch().now();
    let [told, before] = &mut r.faults;
    for kind in std::mem::replace(before, now).changed(now) {
        context.metrics().count_faulty(fault_label(kind), now.contains(kind));
        if let Some(span) = r.tape.watch().first(kind).filter(|_| told.insert(kind)) {
            report_fault(&r.opening, &span, context);
        }
    }
}

/// The same of what is known only now that it is over; it has no faults any more.
pub(super) fn report_last_faults(
    o: &Opening,
    [mut told, before]: [FaultSet; 2],
    spans: &[FaultSpan],
    context: &Context,
) {
    let last = before.changed(FaultSet::default());
    last.for_each(|kind| context.metrics().count_faulty(fault_label(kind), false));
    for span in spans.iter().filter(|s| told.insert(s.kind)) {
        report_fault(o, span, context);
    }
}

fn report_fault(o: &Opening, span: &FaultSpan, context: &Context) {
    let since = Duration::from_nanos(span.from_ns.max(0) as u64);
    let (fault, side) = (fault_label(span.kind), span.channel.map(Channel::name));
    Event::MediaFaulty { about: about(o), fault, side, since }.emit(context.metrics());
}

/// Which recording it is.
pub(super) fn about(o: &Opening) -> About<'_> {
    About { recording: o.uuid, call_group: o.call_group, service: &o.service.name }
}

/// Tells once of each encoding that cannot be decoded.
pub(super) fn report_undecodable(o: &Opening, told: &mut u32, heard: &CodecPackets, context: &Context) {
    let decoders = context.decoders.get().map(|d| &**d);
    let Some(spec) = heard.0.as_deref().filter(|s| s.is_unreadable_by(decoders)) else { return };
    let codec = CodecLabel::of(&spec.name);
    let bit = 1 << codec.index();
    if *told & bit == 0 {
        *told |= bit;
        Event::MediaUndecodable { recording: o.uuid, codec }.emit(context.metrics());
    }
}

pub(super) fn step(o: &Opening, event: CallEvent, context: &Context) {
    let kind = match event {
        CallEvent::Hold => "hold",
        CallEvent::Resume => "resume",
        CallEvent::KeyPress(_) => return,
    };
    Event::CallStep { about: about(o), kind }.emit(context.metrics());
}
