//! One direction of a TCP connection: bytes in order, gaps where they are lost.
//!
//! Sequence numbers wrap (RFC 9293 section 3.4), so only distances are
//! compared. Where segments overlap the first copy stands. The framer is made
//! with the first byte, and taken away from a stream that never speaks SIP. What speaks TLS is handed on as
//! it came, in order: it takes both directions to open it.

use super::net_stats::NetStats;
use crate::sip::stream_framer::{StreamFramer, begins_sip_stream};
use crate::time::{NS_PER_MS, NS_PER_S, Timestamp};
use crate::tls::{begins_tls, is_client_hello};
use crate::wire::transport::Tcp;

/// Missing bytes may come this much later; senders repeat within 1 s mostly.
const PATIENCE_NS: i64 = 3 * NS_PER_S;

/// The receiver has acknowledged them, so they were on the wire: mirrors of the
/// two directions may be this far apart.
const ACKED_PATIENCE_NS: i64 = 200 * NS_PER_MS;

/// Segments further off than this are of another connection with the same ports.
const WINDOW: i32 = 1 << 20;

/// A stream that has brought this much and no message does not speak SIP.
const SILENT_BYTES: usize = 256 * 1024;

/// What a stored segment costs beyond its bytes.
const SEGMENT_COST: usize = 64;

/// What is to be known of all streams.
#[derive(Clone, Copy)]
pub(crate) struct StreamRules {
    /// Bytes kept for one direction.
    pub limit: usize,
    /// What speaks TLS may be opened.
    pub opens_tls: bool,
}

/// What comes out of one direction.
#[derive(Clone, Copy)]
pub(crate) enum StreamPiece<'a> {
    /// A whole SIP message.
    Message(&'a [u8]),
    /// The next bytes of TLS.
    Sealed(&'a [u8]),
    /// Some of those are missing here.
    SealedGap,
    /// Another connection begins here.
    SealedAnew,
}

/// A segment that came before its turn.
struct Segment {
    seq: u32,
    ts: Timestamp,
    bytes: Vec<u8>,
    /// Bytes after these that the capture lacks.
    lost: u32,
    fin: bool,
}

/// One direction.
#[derive(Default)]
pub(crate) struct Half {
    /// SYN's sequence number, if it was seen.
    began: Option<u32>,
    /// Sequence number of the byte to come; unknown before the first segment.
    next: Option<u32>,
    /// Segments beyond a hole, by sequence number.
    pending: Vec<Segment>,
    pending_bytes: usize,
    framer: Option<StreamFramer>,
    /// Bytes since the last message.
    silent: usize,
    /// Found not to speak SIP.
    mute: bool,
    /// Speaks TLS that may be opened.
    is_sealed: bool,
    /// Bytes of that are missing before the next that come.
    lacks_sealed: bool,
    /// Somebody said that it begins anew; what comes shows whether that is so.
    begins_anew: bool,
    /// What the receiver says to have, beyond what was seen.
    acked: Option<(Timestamp, u32)>,
}

/// `to - from` on the circle of sequence numbers.
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from) as i32
}

pub(crate) type EmitPiece<'a> = &'a mut dyn FnMut(Timestamp, StreamPiece<'_>);

impl Half {
    /// Takes a segment, `lost` bytes of which were not captured, and emits what it completes.
    pub(crate) fn segment(
        &mut self,
        ts: Timestamp,
        tcp: &Tcp<'_>,
        lost: u32,
        rules: StreamRules,
        stats: &mut NetStats,
        emit: EmitPiece<'_>,
    ) {
        if tcp.syn {
            if !self.may_begin_at(tcp.seq) {
                self.drain_all(rules, stats, emit);
                self.forget();
            }
            self.began = Some(tcp.seq);
            self.next.get_or_insert(tcp.seq.wrapping_add(1));
        }
        if tcp.rst {
            self.drain_all(rules, stats, emit);
            return;
        }
        let seq = if tcp.syn { tcp.seq.wrapping_add(1) } else { tcp.seq };
        let len = tcp.payload.len() as u32 + lost;
        if len == 0 && !tcp.fin {
            return;
        }
        if self.mute {
            self.listen(seq, len, tcp.payload);
        }
        let joined = self.next.is_none();
        let mut next = *self.next.get_or_insert(seq);
        if distance(next, seq).unsigned_abs() > WINDOW as u32 {
            self.drain_all(rules, stats, emit);
            self.declare_gap(stats);
            next = seq;
            self.next = Some(seq);
        }
        if joined {
            // Joined in the middle: nobody knows of what.
            self.framer(rules.limit).gap();
        }
        let (ahead, end) = (distance(next, seq), seq.wrapping_add(len));
        if len > 0 && distance(next, end) <= 0 {
            stats.tcp_retransmissions += 1;
        } else if ahead > 0 {
            stats.tcp_out_of_order += 1;
            self.hold(ts, seq, tcp, lost, stats);
            while self.pending_bytes > rules.limit {
                stats.tcp_buffer_full += 1;
                self.skip_to_pending(rules, stats, emit);
            }
        } else {
            let known = ahead.unsigned_abs() as usize;
            self.deliver(ts, tcp.payload.get(known..).unwrap_or_default(), rules, stats, emit);
            self.close_segment(end, lost, tcp.fin, stats);
            self.drain(Some(ts), rules, stats, emit);
        }
        self.forget_old_ack();
    }

    /// The receiver has everything before `ack`.
    pub(crate) fn acknowledged(&mut self, ts: Timestamp, ack: u32) {
        let Some(next) = self.next else { return };
        let ahead = distance(next, ack);
        if ahead > 0 && ahead <= WINDOW && self.acked.is_none() && !self.mute {
            self.acked = Some((ts, ack));
        }
    }

    /// The wait is over: goes on behind the hole.
    pub(crate) fn give_up(&mut self, rules: StreamRules, stats: &mut NetStats, emit: EmitPiece<'_>) {
        let Some(next) = self.next else { return };
        match self.acked.take().filter(|(_, ack)| distance(next, *ack) > 0) {
            Some((_, ack)) if self.pending.first().is_none_or(|p| distance(ack, p.seq) > 0) => {
                // Nothing after the hole is there yet, but the hole is known to be one.
                self.next = Some(ack);
                self.declare_gap(stats);
            }
            _ => self.skip_to_pending(rules, stats, emit),
        }
    }

    /// How long missing bytes are waited for; `None`: none are known to be missing.
    pub(crate) fn waits_until(&self) -> Option<Timestamp> {
        let acked = self.acked.map(|(since, _)| since.offset_ns(ACKED_PATIENCE_NS));
        let held = self.pending.first().map(|p| p.ts.offset_ns(PATIENCE_NS));
        acked.into_iter().chain(held).min()
    }

    /// Whether a SYN with this number is the one this direction began with, or might have.
    pub(crate) fn may_begin_at(&self, syn: u32) -> bool {
        match (self.began, self.next) {
            (Some(began), _) => began == syn,
            (None, Some(next)) => next == syn.wrapping_add(1),
            (None, None) => true,
        }
    }

    /// Everything about the connection that was.
    pub(crate) fn forget(&mut self) {
        // Anybody can send a SYN: TLS goes on behind a gap if it was not true.
        let is_sealed = self.is_sealed;
        *self = Half { is_sealed, lacks_sealed: is_sealed, begins_anew: is_sealed, ..Half::default() };
    }

    /// What it says cannot be read.
    pub(crate) fn ignore(&mut self) {
        (self.is_sealed, self.lacks_sealed, self.framer, self.mute) = (false, false, None, true);
    }

    /// Bytes held, by the order of magnitude that matters for bounds.
    pub(crate) fn held(&self) -> usize {
        self.pending_bytes + self.framer.as_ref().map_or(0, StreamFramer::buffered)
    }

    fn framer(&mut self, limit: usize) -> &mut StreamFramer {
        self.framer.get_or_insert_with(|| StreamFramer::new(limit))
    }

    /// A direction that does not speak SIP is only followed, until a segment begins like SIP.
    fn listen(&mut self, seq: u32, len: u32, payload: &[u8]) {
        self.mute = !begins_sip_stream(payload);
        self.next = Some(if self.mute { seq.wrapping_add(len) } else { seq });
    }

    fn hold(&mut self, ts: Timestamp, seq: u32, tcp: &Tcp<'_>, lost: u32, stats: &mut NetStats) {
        let Some(next) = self.next else { return };
        let place = distance(next, seq);
        // After those with the same number: the first copy stands.
        let at = self.pending.partition_point(|p| distance(next, p.seq) <= place);
        let copy = at.checked_sub(1).and_then(|before| self.pending.get(before)).is_some_and(|p| {
            p.seq == seq && p.bytes.len() >= tcp.payload.len() && p.lost <= lost && p.fin == tcp.fin
        });
        if copy {
            stats.tcp_retransmissions += 1;
            return;
        }
        self.pending_bytes += tcp.payload.len() + SEGMENT_COST;
        let bytes = tcp.payload.to_vec();
        self.pending.insert(at, Segment { seq, ts, bytes, lost, fin: tcp.fin });
    }

    /// Delivers held segments whose turn has come. With `filled`: the stamp of
    /// the segment that made them so; without: each has its own.
    fn drain(
        &mut self,
        filled: Option<Timestamp>,
        rules: StreamRules,
        stats: &mut NetStats,
        emit: EmitPiece<'_>,
    ) {
        let mut done = 0;
        let mut pending = std::mem::take(&mut self.pending);
        for segment in &pending {
            let Some(next) = self.next else { break };
            let ahead = distance(next, segment.seq);
            if ahead > 0 {
                break;
            }
            done += 1;
            self.pending_bytes -= segment.bytes.len() + SEGMENT_COST;
            let end = segment.seq.wrapping_add(segment.bytes.len() as u32 + segment.lost);
            if distance(next, end) > 0 || segment.fin {
                let known = ahead.unsigned_abs() as usize;
                let bytes = segment.bytes.get(known..).unwrap_or_default();
                self.deliver(filled.unwrap_or(segment.ts), bytes, rules, stats, emit);
                self.close_segment(end, segment.lost, segment.fin, stats);
            }
        }
        pending.drain(..done);
        self.pending = pending;
    }

    /// Behind a segment's bytes: the tail the capture lacks, and FIN's own number.
    fn close_segment(&mut self, end: u32, lost: u32, fin: bool, stats: &mut NetStats) {
        let Some(next) = self.next else { return };
        if lost > 0 && distance(next, end) > 0 {
            self.next = Some(end);
            self.declare_gap(stats);
        }
        if fin && self.next == Some(end) {
            self.next = Some(end.wrapping_add(1));
        }
    }

    /// The hole before the first held segment is one.
    fn skip_to_pending(&mut self, rules: StreamRules, stats: &mut NetStats, emit: EmitPiece<'_>) {
        let (Some(next), Some(first)) = (self.next, self.pending.first()) else { return };
        if distance(next, first.seq) > 0 {
            self.next = Some(first.seq);
            self.declare_gap(stats);
        }
        self.drain(None, rules, stats, emit);
    }

    fn drain_all(&mut self, rules: StreamRules, stats: &mut NetStats, emit: EmitPiece<'_>) {
        while !self.pending.is_empty() {
            self.skip_to_pending(rules, stats, emit);
        }
        self.acked = None;
    }

    fn declare_gap(&mut self, stats: &mut NetStats) {
        stats.tcp_gaps += 1;
        self.acked = None;
        self.lacks_sealed = self.is_sealed;
        if let Some(framer) = &mut self.framer {
            framer.gap();
        }
    }

    fn deliver(
        &mut self,
        ts: Timestamp,
        bytes: &[u8],
        rules: StreamRules,
        stats: &mut NetStats,
        emit: EmitPiece<'_>,
    ) {
        if let Some(next) = self.next {
            self.next = Some(next.wrapping_add(bytes.len() as u32));
        }
        if bytes.is_empty() || self.mute {
            return;
        }
        let begins_anew = std::mem::take(&mut self.begins_anew);
        if begins_anew && begins_sip_stream(bytes) {
            (self.is_sealed, self.lacks_sealed) = (false, false);
        }
        if self.is_sealed || rules.opens_tls && begins_tls(bytes) {
            (self.is_sealed, self.framer) = (true, None);
            if begins_anew && is_client_hello(bytes) {
                self.lacks_sealed = false;
                emit(ts, StreamPiece::SealedAnew);
            }
            if std::mem::take(&mut self.lacks_sealed) {
                emit(ts, StreamPiece::SealedGap);
            }
            return emit(ts, StreamPiece::Sealed(bytes));
        }
        self.silent += bytes.len();
        let framer = self.framer.get_or_insert_with(|| StreamFramer::new(rules.limit));
        let before = (framer.overflows(), framer.unreadable());
        let silent = &mut self.silent;
        framer.push(bytes, |message| {
            *silent = 0;
            stats.tcp_messages += 1;
            emit(ts, StreamPiece::Message(message));
        });
        stats.tcp_buffer_full += framer.overflows() - before.0;
        stats.websocket_unreadable += framer.unreadable() - before.1;
        if self.silent > SILENT_BYTES.max(2 * rules.limit) {
            (self.framer, self.silent, self.mute) = (None, 0, true);
            stats.tcp_not_sip += 1;
        }
    }

    fn forget_old_ack(&mut self) {
        let next = self.next.unwrap_or_default();
        self.acked = self.acked.filter(|(_, ack)| distance(next, *ack) > 0);
    }
}
