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
mod core;
mod cut;
mod doubtful;
mod dtls_flows;
pub mod engine_stats;
mod outlet;
mod share;

use crate::call::call_settings::CallSettings;
use crate::call::history::CallHistory;
use crate::call::{Calls, Ending};
use crate::config::{Config, PauseBy, SipPorts, Switch};
use crate::id::RecordingId;
use crate::net::{Datagram, Net, NetConfig};
use crate::time::Timestamp;
use crate::tls::RsaKey;
use crate::wire::Frame;
use capture_clock::Timeliness;
use core::Core;
use doubtful::{Again, Doubtful};
use engine_stats::EngineStats;
pub use outlet::{MediaPacket, Sink};
use share::Share;

/// The core: everything between a frame and an order.
pub struct Engine {
    net: Net,
    core: Core,
    /// What came last, if its stamp could not be believed alone.
    doubtful: Option<Doubtful>,
}

/// What an engine takes of a new configuration, compiled before it is told.
#[derive(Clone, Debug)]
pub struct EngineUpdate {
    calls: CallSettings,
    ports: SipPorts,
    net: NetConfig,
}

impl EngineUpdate {
    /// From a checked configuration.
    pub fn new(config: &Config) -> EngineUpdate {
        EngineUpdate {
            calls: CallSettings::new(config),
            ports: config.sip.ports.clone(),
            net: NetConfig::from(config),
        }
    }

    /// Ports of SIP that are listed.
    pub fn sip_ports(&self) -> &[u16] {
        self.ports.listed()
    }
}

impl Engine {
    /// An engine under a checked configuration.
    pub fn new(config: &Config) -> Self {
        Engine { net: Net::new(NetConfig::from(config)), core: Core::new(config), doubtful: None }
    }

    /// Goes by a new configuration from here on, as far as one can while calls run: rules, limits of calls,
    /// ports of SIP. Calls that have begun keep the rules of their beginning.
    pub fn update(&mut self, new: EngineUpdate) {
        let EngineUpdate { calls, ports, net } = new;
        self.core.update(calls, &ports);
        self.net.watch(&net);
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

    /// What it has come to so far, for another engine to [`Engine::learn`]. `None` while what came last
    /// is not taken in, since its stamp waits for a witness.
    pub fn history(&self) -> Option<CallHistory> {
        self.doubtful.is_none().then(|| self.core.calls.history(self.core.clock.now()))
    }

    /// Makes the calls of another engine its own, from nothing on, and passes over what was captured up to then.
    /// Nothing is recorded until [`Engine::record_from`]. Of how many recordings of the other it knows.
    pub fn learn(&mut self, history: &CallHistory) -> usize {
        let core = &mut self.core;
        core.clock.jump(history.now);
        core.share = Share::none();
        core.learned_until = history.now;
        let share = &mut core.share;
        core.calls.learn(history, |decision, at| _ = share.takes(&decision, at))
    }

    /// Recordings that begin at `from` or later are this engine's; those before are the other one's to their end.
    /// False where it is too late for that.
    pub fn record_from(&mut self, from: Timestamp) -> bool {
        let is_ahead = self.core.clock.now() < from;
        if is_ahead {
            self.core.share.begin(from);
        }
        is_ahead
    }

    /// Recordings that begin at `until` or later are another engine's. False where it is too late for that.
    pub fn record_until(&mut self, until: Timestamp) -> bool {
        let is_ahead = self.core.clock.now() < until;
        if is_ahead {
            self.core.share.end(until);
        }
        is_ahead
    }

    /// Recordings of its own under way.
    pub fn own_recordings(&self) -> usize {
        self.core.share.own()
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

    /// What decides, for whoever asks why.
    pub fn calls_mut(&mut self) -> &mut Calls {
        &mut self.core.calls
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

#[cfg(test)]
mod tests;
