//! One recording at its worker's: its tape, its file, and what has been told of it.

use super::context::Context;
use super::counts::MediaCounts;
use super::deck::FileDeck;
use crate::call::{CallEvent, Decision, Opening};
use crate::id::Channel;
use crate::tape::{CodecPackets, Tape};
use crate::telemetry::events::{About, Event};
use crate::telemetry::label::CodecLabel;
use crate::time::Timestamp;

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
    /// Encodings told to be undecodable, a bit for each by [`CodecLabel::index`].
    pub(super) undecodable: u32,
}

impl Running {
    /// Reads what taking a packet will read first.
    pub(super) fn look_at(&self) -> usize {
        self.events.len() + self.tape.look_at()
    }

    /// What is said of its media.
    pub(super) fn learn(&mut self, decision: &Decision) {
        match decision {
            Decision::Formats(_, hop) => {
                self.tape.set_formats(hop.channel, hop.rank, &hop.formats);
                self.tape.set_keys(hop.channel, hop.rank, &hop.keys);
            }
            Decision::Keyed { channel, standing, ssrc, .. } => {
                self.tape.note_keys(*channel, *standing, *ssrc)
            }
            Decision::Keys { channel, rank, keys, .. } => self.tape.set_keys(*channel, *rank, keys),
            Decision::Moved(_, channel, at) => self.tape.set_moved(*channel, *at),
            Decision::Suspend(_, at) => self.tape.suspend(*at),
            Decision::Incomplete(_) => {
                self.lost_inside = true;
                self.tape.note_missing();
            }
            _ => {}
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
    let about = About { recording: o.uuid, call_group: o.call_group, service: &o.service.name };
    Event::CallStep { about, kind }.emit(context.metrics());
}
