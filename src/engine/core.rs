//! What datagrams mean: SIP for the machines that decide, media for whoever they belong to.
//!
//! Behind the engine's door; time has come to the stamp of whatever is handed in.

use super::capture_clock::CaptureClock;
use super::cut::{self, CutCalls, CutMedia, Start, own};
use super::dtls_flows::DtlsFlows;
use super::engine_stats::EngineStats;
use super::outlet::{MediaPacket, Sink};
use super::share::Share;
use crate::call::call_settings::CallSettings;
use crate::call::pairing::{Route, StreamPosition};
use crate::call::{Calls, Decision, Ending, Unrecorded};
use crate::config::{Config, SipPorts};
use crate::net::{Datagram, Transport, UnreadCounts, reserved::is_reserved};
use crate::rtp::packet::{DatagramKind, RtpError, RtpPacket, classify, zrtp_confirmed};
use crate::sip::{Message, is_keep_alive, starts_like_sip};
use crate::tape::Packet;
use crate::time::{NS_PER_MS, Timestamp};
use std::time::Duration;

/// How often [`Sink::tick`] is called while frames come.
const TICK: Duration = Duration::from_millis(100);
/// SIP messages read from one datagram.
const MAX_MESSAGES: usize = 16;

/// From datagrams to orders: what is SIP, what is media, and what the signalling makes of both.
pub(super) struct Core {
    pub(super) calls: Calls,
    sip_ports: Vec<u16>,
    /// SIP is known by what it says, wherever it is.
    finds_sip: bool,
    pub(super) clock: CaptureClock,
    next_tick: Timestamp,
    pub(super) stats: EngineStats,
    pub(super) unread: UnreadCounts,
    pub(super) cut_calls: CutCalls,
    /// None: no secret can become known.
    pub(super) dtls: Option<DtlsFlows>,
    cut_media: CutMedia,
    pub(super) share: Share,
    /// What was captured by then was learned from elsewhere.
    pub(super) learned_until: Timestamp,
}

impl Core {
    /// A core under a checked configuration.
    pub fn new(config: &Config) -> Core {
        Core {
            calls: Calls::new(config),
            sip_ports: config.sip.ports.listed().to_vec(),
            finds_sip: config.sip.ports.is_any(),
            clock: CaptureClock::default(),
            next_tick: Timestamp::from_ns(i64::MIN),
            stats: EngineStats::default(),
            unread: UnreadCounts::default(),
            cut_calls: CutCalls::default(),
            dtls: config.tls.is_set().then(DtlsFlows::default),
            cut_media: CutMedia::default(),
            share: Share::default(),
            learned_until: Timestamp::from_ns(i64::MIN),
        }
    }

    /// Goes by another configuration from here on.
    pub fn update(&mut self, calls: CallSettings, ports: &SipPorts) {
        self.calls.update(calls);
        (self.sip_ports, self.finds_sip) = (ports.listed().to_vec(), ports.is_any());
    }

    /// What was captured, and so may be anybody's.
    #[inline]
    pub fn handle_captured(&mut self, d: &Datagram<'_>, sink: &mut impl Sink) {
        if is_reserved(d.flow.src.ip()) || is_reserved(d.flow.dst.ip()) {
            self.stats.other_udp += 1;
            return;
        }
        if d.ts <= self.learned_until {
            return;
        }
        self.handle_datagram(d, sink);
    }

    pub fn handle_datagram(&mut self, d: &Datagram<'_>, sink: &mut impl Sink) {
        let is_sip = match d.transport {
            Transport::Tcp | Transport::Sctp | Transport::Hep => true,
            Transport::Udp => {
                let ports = [d.flow.src.port(), d.flow.dst.port()];
                // RTP may use a SIP port; its first byte is never a letter.
                d.payload.first().is_some_and(|b| b & 0xC0 != 0x80)
                    && self.sip_ports.iter().any(|p| ports.contains(p))
            }
        };
        // A client keeps its way through a NAT open with STUN beside its SIP (RFC 5626 §3.5.2).
        let is_sip = is_sip && (d.transport != Transport::Udp || classify(d.payload) != DatagramKind::Stun);
        if is_sip { self.handle_sip(d, sink) } else { self.handle_media(d, sink) }
    }

    fn handle_sip(&mut self, d: &Datagram<'_>, sink: &mut impl Sink) {
        let (mut rest, mut messages) = (d.payload, 0);
        while !is_keep_alive(rest) {
            messages += 1;
            if messages > MAX_MESSAGES {
                return self.stats.overflow.parts += 1;
            }
            match Message::parse(rest) {
                Ok((msg, used)) => {
                    self.stats.count_message(&msg);
                    sink.sip(&msg, d);
                    if d.truncated && (msg.call_id().is_none() || msg.cseq().is_none()) {
                        let is_answer = self.cut_calls.is_answer(d.flow, Start::of(&msg), rest);
                        self.count_cut(is_answer, d.ts, sink);
                    }
                    self.calls.handle_message(&msg, rest.get(..used).unwrap_or(rest), d.flow, d.ts);
                    self.drain(sink);
                    rest = rest.get(used.max(1)..).unwrap_or_default();
                }
                Err(why) => {
                    self.stats.sip_parse_errors += 1;
                    self.stats.sip_unreadable[why as usize] += 1;
                    self.stats.sip_unreadable_last[why as usize] = Some((d.transport, d.flow));
                    if d.truncated && rest.starts_with(b"INVITE ") {
                        self.cut_calls.is_answer(d.flow, Start::Invite, rest);
                    }
                    return;
                }
            }
        }
    }

    /// Of a message only the start was captured: nothing to follow, something to count.
    fn count_cut(&mut self, is_answer: bool, at: Timestamp, sink: &mut impl Sink) {
        self.stats.sip_cut += 1;
        if is_answer {
            self.stats.unrecorded[Unrecorded::Truncated as usize] += 1;
            for decision in cut::unrecorded(at) {
                if self.share.takes(&decision, at) {
                    sink.decision(decision);
                }
            }
        }
    }

    pub fn handle_media(&mut self, d: &Datagram<'_>, sink: &mut impl Sink) {
        let kind = classify(d.payload);
        match kind {
            DatagramKind::Rtp | DatagramKind::Zrtp => {}
            DatagramKind::Rtcp => {
                self.stats.rtcp += 1;
                self.calls.handle_rtcp(&d.flow, d.ts);
                return;
            }
            _ => {
                if let (DatagramKind::Dtls, Some(dtls)) = (kind, &mut self.dtls) {
                    dtls.see(d);
                }
                let is_sip = starts_like_sip(d.payload);
                if is_sip && self.finds_sip {
                    return self.handle_sip(d, sink);
                }
                self.stats.other_udp += 1;
                if is_sip {
                    self.unread.note_sip(Transport::Udp, &d.flow);
                }
                return;
            }
        }
        if self.dtls.as_mut().is_some_and(|dtls| dtls.holds_back(d)) {
            return;
        }
        if kind == DatagramKind::Rtp {
            sink.rtp(d);
        }
        let stream = StreamPosition::of(d.payload).filter(|_| kind == DatagramKind::Rtp);
        let (mut route, fingerprint) = self.calls.handle_media(&d.flow, d.ts, stream);
        if let Route::Record(_) = route {
            self.drain(sink);
            self.share.keep_own(&mut route);
        }
        match route {
            Route::Unmatched => self.stats.rtp_unmatched += 1,
            Route::Doubt => {
                self.stats.rtp_unmatched += 1;
                self.drain(sink);
            }
            Route::NotRecorded => self.stats.rtp_not_recorded += 1,
            Route::Record(targets) if kind == DatagramKind::Zrtp => {
                let Some(ssrc) = zrtp_confirmed(d.payload) else { return };
                for t in &targets {
                    let (recording, channel, standing) = (t.recording, t.channel, t.standing);
                    sink.decision(Decision::Keyed { recording, channel, standing, ssrc });
                }
            }
            Route::Record(targets) => {
                if d.truncated {
                    self.stats.rtp_cut += 1;
                    // Audio that was cut by the snap length is missing.
                    let cut = own(&targets).filter(|id| self.cut_media.note(*id, d.sliced));
                    cut.for_each(|id| sink.decision(Decision::Incomplete(id)));
                }
                let heard = match RtpPacket::parse(d.payload) {
                    Ok(heard) => heard,
                    Err(why) => {
                        self.stats.rtp_malformed += 1;
                        // Whatever it carried is missing; a bare or broken header carries nothing.
                        let is_lost = matches!(why, RtpError::Padding(_) | RtpError::Header(_));
                        let lost = own(&targets).filter(|_| is_lost).map(Decision::Incomplete);
                        return lost.for_each(|d| sink.decision(d));
                    }
                };
                self.stats.rtp_recorded += 1;
                for t in &targets {
                    let (recording, flow, at) = (t.recording, fingerprint, d.ts);
                    let (channel, rank, standing) = (t.channel, t.rank, t.standing);
                    if let Some(keys) = self.dtls.as_mut().and_then(|dtls| dtls.untold(&d.flow, recording)) {
                        sink.decision(Decision::Keys { recording, channel, rank, keys });
                    }
                    let packet = Packet { channel, rank, standing, flow, at, heard, is_opened: false };
                    sink.media(MediaPacket { recording, packet });
                }
            }
        }
    }

    /// Packets whose keys do not come are taken as they are.
    pub fn give_up_waiting(&mut self, now: Timestamp, sink: &mut impl Sink) {
        let held = self.dtls.as_mut().map(|dtls| dtls.give_up(now)).unwrap_or_default();
        held.iter().for_each(|d| self.handle_media(&d.borrowed(), sink));
    }

    pub fn handle_timeout(&mut self, now: Timestamp, sink: &mut impl Sink) {
        self.give_up_waiting(now, sink);
        if self.clock.take_discontinuity() {
            // Hours are missing: what was open has ended unseen.
            self.calls.finish(now, Ending::Timeout);
            self.drain(sink);
        }
        if self.calls.poll_timeout().is_some_and(|t| t <= now) {
            self.calls.handle_timeout(now);
            self.drain(sink);
        }
        if now >= self.next_tick || self.next_tick.since_ns(now) > 1000 * NS_PER_MS {
            self.next_tick = now + TICK;
            sink.tick(now);
        }
    }

    pub fn drain(&mut self, sink: &mut impl Sink) {
        while let Some(d) = self.calls.poll() {
            if !self.share.takes(&d, self.clock.now()) {
                continue;
            }
            match &d {
                Decision::Unrecorded { reason, .. } => self.stats.unrecorded[*reason as usize] += 1,
                Decision::Close { recording, .. } | Decision::Discard { recording, .. } => {
                    self.cut_media.forget(recording);
                }
                _ => {}
            }
            sink.decision(d);
        }
    }
}
