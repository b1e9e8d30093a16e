//! The one door of the core: frames or datagrams in, orders and media out.
//!
//! [`Engine::handle_frame`] takes a captured frame, [`Engine::handle_datagram`] what
//! came without one (out of a mirroring protocol, say), and hands what follows from it
//! to a [`Sink`]: decisions of the signalling, media packets of recordings, and
//! the passing of time. A media packet costs its headers, one look-up and
//! whatever the sink does with it; packets of calls that are not recorded are
//! counted and gone, never copied.
//!
//! No I/O and no clock: time is what the frames carry, or what
//! [`Engine::handle_timeout`] is told.

pub mod capture_clock;
mod cut;
mod doubtful;
mod dtls_flows;
pub mod engine_stats;
mod outlet;

use crate::call::pairing::{Route, StreamPosition};
use crate::call::{Calls, Decision, Ending, Unrecorded};
use crate::config::{Config, PauseBy, Switch};
use crate::id::RecordingId;
use crate::net::reserved::is_reserved;
use crate::net::{Datagram, Net, NetConfig, Transport, UnreadCounts};
use crate::rtp::packet::{DatagramKind, RtpError, RtpPacket, classify, zrtp_confirmed};
use crate::sip::{Message, is_keep_alive, starts_like_sip};
use crate::tape::Packet;
use crate::time::{NS_PER_MS, Timestamp};
use crate::tls::RsaKey;
use crate::wire::Frame;
use capture_clock::{CaptureClock, Timeliness};
use cut::{CutCalls, CutMedia, Start, own};
use doubtful::{Again, Doubtful};
use dtls_flows::DtlsFlows;
use engine_stats::EngineStats;
pub use outlet::{MediaPacket, Sink};
use std::time::Duration;

/// How often [`Sink::tick`] is called while frames come.
const TICK: Duration = Duration::from_millis(100);
/// SIP messages read from one datagram.
const MAX_MESSAGES: usize = 16;

/// The core: everything between a frame and an order.
pub struct Engine {
    net: Net,
    core: Core,
    /// What came last, if its stamp could not be believed alone.
    doubtful: Option<Doubtful>,
}

struct Core {
    calls: Calls,
    sip_ports: Vec<u16>,
    /// SIP is known by what it says, wherever it is.
    finds_sip: bool,
    clock: CaptureClock,
    next_tick: Timestamp,
    stats: EngineStats,
    unread: UnreadCounts,
    cut_calls: CutCalls,
    /// None: no secret can become known.
    dtls: Option<DtlsFlows>,
    cut_media: CutMedia,
}

impl Engine {
    /// An engine under a checked configuration.
    pub fn new(config: &Config) -> Self {
        Engine {
            net: Net::new(NetConfig::from(config)),
            core: Core {
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
            },
            doubtful: None,
        }
    }

    /// Takes one frame.
    pub fn handle_frame(&mut self, frame: &Frame<'_>, sink: &mut impl Sink) {
        if self.comes(frame.ts, || Doubtful::frame(frame), sink) {
            self.net.handle_frame(frame, &mut |d| self.core.handle_captured(&d, sink));
            self.settle_keys(sink);
        }
    }

    /// Takes one UDP datagram, or one SIP message that came over TCP, from elsewhere
    /// than a frame. Between the reserved addresses ([`crate::net::reserved`]) it must be our own
    /// recording server's: whoever hands it in sees to that.
    pub fn handle_datagram(&mut self, datagram: &Datagram<'_>, sink: &mut impl Sink) {
        self.core.stats.datagrams += 1;
        self.core.stats.datagram_bytes += datagram.payload.len() as u64;
        if self.comes(datagram.ts, || Doubtful::datagram(datagram), sink) {
            self.core.handle_datagram(datagram, sink);
            self.settle_keys(sink);
        }
    }

    /// Time has come to `now` though no frame came (live capture only).
    pub fn handle_timeout(&mut self, now: Timestamp, sink: &mut impl Sink) {
        if self.doubtful.is_some() {
            // The stamps are the machine's, so that it is a witness as well.
            self.settle(now, sink);
        }
        self.give_up_gaps(now, sink);
        if let Some(now) = self.core.clock.advance(now) {
            self.core.handle_timeout(now, sink);
        }
    }

    /// Opens SIP over TLS as well, with the private key of a server.
    pub fn add_server_key(&mut self, key: RsaKey) {
        self.net.add_server_key(key);
    }

    /// The same, with the next piece of a key log; what waited for its secrets comes out. `is_end`: nothing
    /// more comes of this log.
    pub fn handle_key_log(&mut self, text: &[u8], is_end: bool, sink: &mut impl Sink) {
        self.net.handle_key_log(text, is_end, &mut |d| self.core.handle_captured(&d, sink));
        self.core.dtls.get_or_insert_default().look_again();
        self.settle_keys(sink);
    }

    /// Makes keys of media out of what was agreed on their path.
    #[inline]
    fn settle_keys(&mut self, sink: &mut impl Sink) {
        let Some(dtls) = self.core.dtls.as_mut().filter(|d| d.has_news()) else { return };
        let held = self.net.key_log_mut().map(|log| dtls.settle(log)).unwrap_or_default();
        held.iter().for_each(|d| self.core.handle_media(&d.borrowed(), sink));
    }

    /// Somebody who may asks, at `at` on the machine's clock, for a pause of a recording or for its end (live
    /// capture only). Where that and the capture clock differ, more is silent rather than less. False where
    /// the recording is not under way, or may not be paused.
    pub fn handle_pause(
        &mut self,
        recording: RecordingId,
        at: Timestamp,
        (switch, by): (Switch, PauseBy),
        sink: &mut impl Sink,
    ) -> bool {
        let now = self.core.clock.now();
        let at = if switch == Switch::Pause { at.min(now) } else { at.max(now) };
        let is_taken = self.core.calls.handle_pause(recording, at, switch, by);
        self.core.drain(sink);
        is_taken
    }

    /// The clock that the stamps come from was set by `ns`: the time in between
    /// did not pass, so nothing was silent in it (live capture only).
    pub fn handle_clock_step(&mut self, ns: i64) {
        self.core.clock.step(ns);
        self.core.calls.clock_stepped(ns);
    }

    /// The capture has ended or the recorder stops: everything open is closed.
    pub fn finish(&mut self, by: Ending, sink: &mut impl Sink) {
        if let Some(held) = self.doubtful.take() {
            let next = self.core.clock.last_stamp().unwrap_or(held.ts);
            let is_true = self.core.clock.is_credible(held.ts, None);
            self.hand_in(&held, is_true, next, sink);
        }
        let core = &mut self.core;
        self.net.flush(&mut |d| core.handle_captured(&d, sink));
        core.give_up_waiting(Timestamp::FAR_FUTURE, sink);
        core.calls.finish(core.clock.now(), by);
        core.drain(sink);
    }

    /// Plain counters, since the start.
    pub fn stats(&self) -> EngineStats {
        let mut s = self.core.stats.clone();
        s.net = *self.net.stats();
        let mut unread = self.net.unread().clone();
        unread.extend(&self.core.unread);
        s.unread = unread.list();
        s.tunnel_senders = unread.tunnel_senders();
        s.calls = self.core.calls.legs_followed() as u64;
        s.recordings = self.core.calls.recordings().len() as u64;
        let parts = s.overflow.parts + self.core.cut_calls.no_room;
        s.overflow = self.core.calls.overflow();
        s.overflow.parts += parts + self.core.dtls.as_ref().map_or(0, |dtls| dtls.no_room);
        s.time_jumps = self.core.clock.jumps();
        s.last_packet = self.core.clock.last_stamp();
        s
    }

    /// Where the capture clock is.
    pub fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    /// Bytes held for fragments and TCP streams.
    pub fn held_bytes(&self) -> usize {
        self.net.held_bytes()
    }

    /// Something stamped `ts` has come; false if it is kept back for now.
    #[inline]
    fn comes(&mut self, ts: Timestamp, keep: impl FnOnce() -> Doubtful, sink: &mut impl Sink) -> bool {
        if self.doubtful.is_some() {
            self.settle(ts, sink);
        }
        match self.core.clock.see(ts) {
            Timeliness::Now => self.pass_time(ts, sink),
            Timeliness::Late => {}
            Timeliness::Far => {
                self.doubtful = Some(keep());
                return false;
            }
        }
        true
    }

    /// What was kept back is handed in, before what is stamped `next`.
    #[cold]
    fn settle(&mut self, next: Timestamp, sink: &mut impl Sink) {
        if let Some(held) = self.doubtful.take() {
            let is_true = self.core.clock.is_credible(held.ts, Some(next));
            self.hand_in(&held, is_true, next, sink);
        }
    }

    fn hand_in(&mut self, held: &Doubtful, is_true: bool, next: Timestamp, sink: &mut impl Sink) {
        let core = &mut self.core;
        let ts = if is_true {
            core.clock.jump(held.ts);
            held.ts
        } else {
            core.stats.time_outliers += 1;
            let ts = core.clock.instead(next);
            core.clock.see(ts);
            ts
        };
        self.pass_time(ts, sink);
        match held.at(ts) {
            Again::Frame(f) => self.net.handle_frame(&f, &mut |d| self.core.handle_captured(&d, sink)),
            Again::Datagram(d) => self.core.handle_datagram(&d, sink),
        }
    }

    /// The capture clock has come to `now`.
    #[inline]
    fn pass_time(&mut self, now: Timestamp, sink: &mut impl Sink) {
        // First what was said before, then what silence means.
        self.give_up_gaps(now, sink);
        self.core.handle_timeout(now, sink);
    }

    #[inline]
    fn give_up_gaps(&mut self, now: Timestamp, sink: &mut impl Sink) {
        if self.net.is_due(now) {
            self.net.handle_timeout(now, &mut |d| self.core.handle_captured(&d, sink));
        }
    }
}

impl Core {
    /// What was captured, and so may be anybody's.
    #[inline]
    fn handle_captured(&mut self, d: &Datagram<'_>, sink: &mut impl Sink) {
        if is_reserved(d.flow.src.ip()) || is_reserved(d.flow.dst.ip()) {
            self.stats.other_udp += 1;
            return;
        }
        self.handle_datagram(d, sink);
    }

    fn handle_datagram(&mut self, d: &Datagram<'_>, sink: &mut impl Sink) {
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
                    if d.truncated && (msg.call_id().is_none() || msg.cseq().is_none()) {
                        let is_answer = self.cut_calls.is_answer(d.flow, Start::of(&msg), rest);
                        self.count_cut(is_answer, d.ts, sink);
                    }
                    self.calls.handle_message(&msg, d.flow, d.ts);
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
            cut::unrecorded(at).into_iter().for_each(|d| sink.decision(d));
        }
    }

    fn handle_media(&mut self, d: &Datagram<'_>, sink: &mut impl Sink) {
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
        let (route, fingerprint) = {
            let stream = StreamPosition::of(d.payload).filter(|_| kind == DatagramKind::Rtp);
            self.calls.handle_media(&d.flow, d.ts, stream)
        };
        match route {
            Route::Unmatched => self.stats.rtp_unmatched += 1,
            Route::Doubt => {
                self.stats.rtp_unmatched += 1;
                self.drain(sink);
            }
            Route::NotRecorded => self.stats.rtp_not_recorded += 1,
            Route::Record(targets) if kind == DatagramKind::Zrtp => {
                if let Some(ssrc) = zrtp_confirmed(d.payload) {
                    for t in &targets {
                        let (recording, channel, standing) = (t.recording, t.channel, t.standing);
                        sink.decision(Decision::Keyed { recording, channel, standing, ssrc });
                    }
                }
            }
            Route::Record(targets) => {
                self.drain(sink);
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
    fn give_up_waiting(&mut self, now: Timestamp, sink: &mut impl Sink) {
        let held = self.dtls.as_mut().map(|dtls| dtls.give_up(now)).unwrap_or_default();
        held.iter().for_each(|d| self.handle_media(&d.borrowed(), sink));
    }

    fn handle_timeout(&mut self, now: Timestamp, sink: &mut impl Sink) {
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

    fn drain(&mut self, sink: &mut impl Sink) {
        while let Some(d) = self.calls.poll() {
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

#[cfg(test)]
mod tests;
