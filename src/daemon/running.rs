//! One recording at its worker's: its tape, its file, and what has been told of it.

use super::context::Context;
use super::counts::MediaCounts;
use super::deck::FileDeck;
use super::observe::fault_label;
use crate::call::{CallEvent, Decision, Opening};
use crate::id::Channel;
use crate::tape::{CodecPackets, FaultSet, FaultSpan, Tape};
use crate::telemetry::events::{About, Event};
use crate::telemetry::label::CodecLabel;
use crate::time::Timestamp;
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
            Decision::Keyed { channel, standing, ssrc, .. } => tape.note_keys(*channel, *standing, *ssrc),
            Decision::Disowned(d) => tape.give_back(d.channel, (d.ssrc, d.flow), d.since, &mut self.deck),
            Decision::Moved(_, channel, at) => tape.set_moved(*channel, *at),
            Decision::Expected(_, at, is_expected) => tape.expect_sound(*at, *is_expected),
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

/// Counts what was heard. Now and then, not for each packet: names are long to compare, counters shared.
pub(super) fn count(r: &mut Running, counts: &MediaCounts, context: &Context) {
    let seen = r.tape.take_counts();
    let (opening, told) = (&r.opening, &mut r.undecodable);
    let heard = r.tape.take_heard().inspect(|heard| report_undecodable(opening, told, heard, context));
    counts.add(heard, seen);
    report_faults(r, context);
}

/// Tells once of each fault of its sound, and keeps count of those it has now.
fn report_faults(r: &mut Running, context: &Context) {
    let now = r.tape.faults_now();
    let [told, before] = &mut r.faults;
    for kind in std::mem::replace(before, now).changed(now) {
        context.metrics().count_faulty(fault_label(kind), now.contains(kind));
        if let Some(span) = r.tape.first_fault(kind).filter(|_| told.insert(kind)) {
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
