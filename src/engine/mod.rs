//! The one door of the core: frames in, orders and media out.
//!
//! [`Engine::handle_frame`] takes a captured frame and hands what follows from it
//! to a [`Sink`]: decisions of the signalling, media packets of recordings, and
//! the passing of time. A media packet costs its headers, one look-up and
//! whatever the sink does with it; packets of calls that are not recorded are
//! counted and gone, never copied.
//!
//! No I/O and no clock: time is what the frames carry, or what
//! [`Engine::handle_timeout`] is told.

mod clock;
mod framer;
pub mod stats;

use crate::call::calls::Passage;
use crate::call::pairing::Route;
use crate::call::{Calls, Decision, Ending};
use crate::config::Config;
use crate::id::{Channel, RecordingId};
use crate::net::{Datagram, Net, NetConfig, Transport};
use crate::rtp::packet::{MediaKind, classify};
use crate::sip::{Framer, Message};
use crate::time::{NS_PER_MS, Timestamp};
use crate::wire::Frame;
use clock::CaptureClock;
use stats::EngineStats;
use std::time::Duration;

/// How often [`Sink::tick`] is called while frames come.
const TICK: Duration = Duration::from_millis(100);
/// SIP messages read from one datagram.
const MAX_MESSAGES: usize = 16;

/// One media packet of a recording.
#[derive(Clone, Copy, Debug)]
pub struct MediaPacket<'a> {
    /// Whose.
    pub recording: RecordingId,
    /// Who speaks.
    pub channel: Channel,
    /// Distance of the hop it was heard on from the agent.
    pub rank: u8,
    /// Tells flows apart: the same for the same pair of addresses, whatever the run.
    pub flow: u32,
    /// Capture time.
    pub at: Timestamp,
    /// The RTP packet.
    pub rtp: &'a [u8],
}

/// Who takes what the engine gives out, in order.
pub trait Sink {
    /// A decision of the signalling.
    fn decision(&mut self, decision: Decision);
    /// A media packet of a recording that has been opened.
    fn media(&mut self, packet: MediaPacket<'_>);
    /// Time has come to `now`; everything before it has been given out.
    fn tick(&mut self, now: Timestamp);
}

/// The core: everything between a frame and an order.
pub struct Engine {
    net: Net<Framer>,
    core: Core,
}

struct Core {
    calls: Calls,
    sip_ports: Vec<u16>,
    clock: CaptureClock,
    next_tick: Timestamp,
    stats: EngineStats,
}

impl Engine {
    /// An engine under a checked configuration.
    pub fn new(config: &Config) -> Self {
        Engine {
            net: Net::new(NetConfig::from(config)),
            core: Core {
                calls: Calls::new(config),
                sip_ports: config.sip.ports.clone(),
                clock: CaptureClock::default(),
                next_tick: Timestamp::from_ns(i64::MIN),
                stats: EngineStats::default(),
            },
        }
    }

    /// Takes one frame.
    pub fn handle_frame(&mut self, frame: &Frame<'_>, sink: &mut impl Sink) {
        let core = &mut self.core;
        if let Some(now) = core.clock.handle_stamp(frame.ts) {
            core.handle_timeout(now, sink);
        }
        self.net.handle_frame(frame, &mut |d| core.handle_datagram(&d, sink));
    }

    /// Time has come to `now` though no frame came (live capture only).
    pub fn handle_timeout(&mut self, now: Timestamp, sink: &mut impl Sink) {
        let core = &mut self.core;
        if self.net.poll_timeout().is_some_and(|t| t <= now) {
            self.net.handle_timeout(now, &mut |d| core.handle_datagram(&d, sink));
        }
        if let Some(now) = core.clock.advance(now) {
            core.handle_timeout(now, sink);
        }
    }

    /// The clock that the stamps come from was set by `ns`: the time in between
    /// did not pass, so nothing was silent in it (live capture only).
    pub fn handle_clock_step(&mut self, ns: i64) {
        self.core.clock.step(ns);
        self.core.calls.clock_stepped(ns);
    }

    /// The capture has ended or the recorder stops: everything open is closed.
    pub fn finish(&mut self, by: Ending, sink: &mut impl Sink) {
        let core = &mut self.core;
        self.net.flush(&mut |d| core.handle_datagram(&d, sink));
        core.calls.finish(core.clock.now(), by);
        core.drain(sink);
    }

    /// Plain counters, since the start.
    pub fn stats(&self) -> EngineStats {
        let mut s = self.core.stats.clone();
        s.net = *self.net.stats();
        s.calls = self.core.calls.legs_followed() as u64;
        s.recordings = self.core.calls.recordings().len() as u64;
        s.calls_evicted = self.core.calls.evicted();
        s.sip_parse_errors += self.core.calls.oversized();
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
}

impl Core {
    fn handle_datagram(&mut self, d: &Datagram<'_>, sink: &mut impl Sink) {
        let is_sip = match d.transport {
            Transport::Tcp => true,
            Transport::Udp => {
                let on_sip_port = self.sip_ports.contains(&d.flow.dst.port())
                    || self.sip_ports.contains(&d.flow.src.port());
                // RTP may use a SIP port; its first byte is never a letter.
                on_sip_port && d.payload.first().is_some_and(|b| b & 0xC0 != 0x80)
            }
        };
        if is_sip { self.handle_sip(d, sink) } else { self.handle_media(d, sink) }
    }

    fn handle_sip(&mut self, d: &Datagram<'_>, sink: &mut impl Sink) {
        let mut rest = d.payload;
        // One broken stamp must not make a call of a hundred years.
        let at = if self.clock.is_plausible(d.ts) { d.ts } else { self.clock.now() };
        let way = Passage { at, src: d.flow.src, dst: d.flow.dst, vlan: d.flow.vlan };
        for _ in 0..MAX_MESSAGES {
            if is_keep_alive(rest) {
                break;
            }
            match Message::parse(rest) {
                Ok((msg, used)) => {
                    self.stats.count_message(&msg);
                    self.calls.handle_message(&msg, way);
                    self.drain(sink);
                    rest = rest.get(used.max(1)..).unwrap_or_default();
                }
                Err(_) => {
                    self.stats.sip_parse_errors += 1;
                    break;
                }
            }
        }
    }

    fn handle_media(&mut self, d: &Datagram<'_>, sink: &mut impl Sink) {
        let kind = classify(d.payload);
        match kind {
            MediaKind::Rtp | MediaKind::Zrtp => {}
            MediaKind::Rtcp => {
                self.stats.rtcp += 1;
                return;
            }
            _ => {
                self.stats.other_udp += 1;
                return;
            }
        }
        let (route, fingerprint) = self.calls.pairing_mut().route_and_fingerprint(&d.flow, d.ts);
        match route {
            Route::Unmatched => self.stats.rtp_unmatched += 1,
            Route::Doubt => {
                self.stats.rtp_unmatched += 1;
                self.calls.handle_doubt();
                self.drain(sink);
            }
            Route::NotRecorded => self.stats.rtp_not_recorded += 1,
            Route::Record(_) if !self.clock.is_plausible(d.ts) => self.stats.time_outliers += 1,
            Route::Record(targets) if kind == MediaKind::Zrtp => {
                if zrtp_is_confirmed(d.payload) {
                    targets.iter().for_each(|t| sink.decision(Decision::Encrypted(t.recording)));
                }
            }
            Route::Record(targets) => {
                self.stats.rtp_recorded += 1;
                for t in &targets {
                    if self.calls.handle_media(t.recording, d.ts) {
                        self.drain(sink);
                    }
                    sink.media(MediaPacket {
                        recording: t.recording,
                        channel: t.channel,
                        rank: t.rank,
                        flow: fingerprint,
                        at: d.ts,
                        rtp: d.payload,
                    });
                }
            }
        }
    }

    fn handle_timeout(&mut self, now: Timestamp, sink: &mut impl Sink) {
        if self.clock.take_discontinuity() {
            // Hours are missing: what was open has ended unseen.
            self.calls.finish(now, Ending::Timeout);
            self.drain(sink);
        }
        if self.calls.poll_timeout().is_some_and(|t| t <= now) {
            self.calls.handle_timeout(now);
            self.drain(sink);
        }
        let next = self.next_tick;
        if now >= next || next.since_ns(now) > 1000 * NS_PER_MS {
            self.next_tick = now + TICK;
            sink.tick(now);
        }
    }

    fn drain(&mut self, sink: &mut impl Sink) {
        while let Some(d) = self.calls.poll() {
            if let Decision::Unrecorded(reason) = d {
                self.stats.unrecorded[reason as usize] += 1;
            }
            sink.decision(d);
        }
    }
}

/// RFC 5626 §4.4.1 and what NAT keep-alives look like in the field.
fn is_keep_alive(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| matches!(b, b'\r' | b'\n' | b' ' | b'\t' | 0)) || bytes == b"jaK"
}

/// RFC 6189 §5.1, §5.7: after the first Confirm the media is encrypted.
fn zrtp_is_confirmed(packet: &[u8]) -> bool {
    packet.get(16..24).is_some_and(|t| t.starts_with(b"Confirm") || t.starts_with(b"Conf2ACK"))
}
