//! What the agent's side says in the signalling of being recorded: pause, or go on.
//!
//! A header in a re-INVITE, an UPDATE or an INFO, a line in the body of an INFO, or keys that
//! are told by INFO. Only the side of the agent is heard: whoever calls must not be able to
//! choose that he is not recorded. He knows both tags, and proxies forward whatever he writes, so
//! tags tell nothing: a request counts where it leaves the agent's own end, not where a proxy
//! forwards it. It is believed as it is sent, whatever is answered, and no later copy of it brings
//! it back.

use super::super::ids::DialogId;
use super::super::pairing::Side;
use super::super::seen::Seen;
use super::Calls;
use crate::codec::key_sequence::DtmfKey;
use crate::config::{PauseBy, PauseRules, Switch};
use crate::id::{Channel, RecordingId};
use crate::sip::{Message, Method};
use crate::time::Timestamp;
use std::net::{IpAddr, SocketAddr};

/// Longest value of the header that means something, bytes.
const MAX_VALUE: usize = 64;
/// Lines of a body that are looked at.
const MAX_LINES: usize = 32;

impl Calls {
    /// A request of `side` within a dialog may ask for a pause or its end.
    pub(super) fn heed_pause(&mut self, id: DialogId, seen: &Seen<'_>, side: Side) {
        let Some(rules) = self.rules_of(id) else { return };
        let Some(name) = rules.pause_header() else { return };
        let Some(switch) = switch(seen.msg, name, &rules.pause) else { return };
        let Some(recording) = self.recording_of_agent(id, side) else { return };
        if !self.is_from_end(id, side, seen) {
            return;
        }
        let Some(d) = self.tables.dialogs.get_mut(id) else { return };
        // It may be sent again after a later one.
        if d.last_pause.is_some_and(|last| seen.cseq <= last) {
            return;
        }
        d.last_pause = Some(seen.cseq);
        let by = if seen.method == Method::Info { PauseBy::Info } else { PauseBy::Header };
        self.recordings.handle_pause(recording, seen.at, switch, by);
    }

    /// `side` pressed a key, told by INFO.
    pub(super) fn heed_key(&mut self, id: DialogId, seen: &Seen<'_>, side: Side) {
        let Some(rules) = self.rules_of(id) else { return };
        let Some(settings) = &rules.pause_keys else { return };
        let Some(key) = seen.msg.info_key().and_then(DtmfKey::of_char) else { return };
        let Some(recording) = self.recording_of_agent(id, side) else { return };
        if !self.is_from_end(id, side, seen) {
            return;
        }
        let Some(d) = self.tables.dialogs.get_mut(id) else { return };
        if d.last_key.replace(seen.cseq) == Some(seen.cseq) {
            return;
        }
        let pressed = d.pressed.get_or_insert_default();
        if let Some(switch) = settings.press(pressed, key, seen.at.as_ns()) {
            self.recordings.handle_pause(recording, seen.at, switch, PauseBy::Key);
        }
    }

    /// Somebody who may asks for a pause of a recording, or for its end. False where it is not
    /// under way, or not to be paused.
    pub fn handle_pause(
        &mut self,
        recording: RecordingId,
        at: Timestamp,
        switch: Switch,
        by: PauseBy,
    ) -> bool {
        self.recordings.handle_pause(recording, at, switch, by)
    }

    /// The recording that a dialog feeds, if `side` is its agent.
    fn recording_of_agent(&self, id: DialogId, side: Side) -> Option<RecordingId> {
        let recording = self.tables.dialogs.get(id)?.recording()?;
        let channel = self.recordings.get(recording)?.channel_of(side);
        (channel == Channel::Agent).then_some(recording)
    }

    /// Does a request leave `side`'s own end: where the INVITE to it was sent, or its own came from?
    /// Not what a proxy forwards, nor what comes from a host that was only learned later.
    fn is_from_end(&self, id: DialogId, side: Side, seen: &Seen<'_>) -> bool {
        let Some((leg, d)) = self.tables.dialog(id) else { return false };
        let way = (d.way, d.branch);
        let Some(end) = leg.outermost(way, side) else { return false };
        let (from, is_others) = (seen.flow.src, |ip| leg.ends_of(way, side.other()).any(|o| o.ip() == ip));
        if is_others(from.ip()) {
            // Both sides share the host: the sockets tell.
            return from == end && !leg.ends_of(way, side.other()).any(|o| o == from);
        }
        // Behind a NAT the port may change. A proxy that is all that was seen of the agent's side may
        // send the other side's own words back to it: their Via says so (RFC 3261 §18.2.1).
        from.ip() == end.ip() && !passed(seen.msg).any(is_others)
    }
}

/// The addresses that a request was sent from, as far as its Via headers have them.
fn passed(msg: &Message<'_>) -> impl Iterator<Item = IpAddr> {
    let vias: Vec<Vec<IpAddr>> = msg.header_values("Via").map(|via| addresses(&via)).collect();
    vias.into_iter().flatten()
}

/// Where a Via says it was sent from: its own address, and the one that the next element saw.
fn addresses(via: &[u8]) -> Vec<IpAddr> {
    let Ok(via) = std::str::from_utf8(via) else { return Vec::new() };
    let mut parts = via.split(';').map(str::trim);
    let sent_by = parts.next().and_then(|p| p.split_ascii_whitespace().last());
    let received = parts.filter_map(|p| {
        let (name, value) = p.split_once('=')?;
        name.trim().eq_ignore_ascii_case("received").then_some(value.trim())
    });
    let address = |text: &str| {
        let socket = text.parse::<SocketAddr>().map(|a| a.ip());
        socket.ok().or_else(|| text.trim_matches(['[', ']']).parse().ok())
    };
    sent_by.into_iter().chain(received).filter_map(address).collect()
}

/// What a message asks for under this name, in its header or, an INFO, in its body. Nothing where it
/// asks for both.
fn switch(msg: &Message<'_>, name: &str, rules: &PauseRules) -> Option<Switch> {
    let meant = |value: &[u8]| {
        let value = std::str::from_utf8(value).ok().filter(|v| v.len() <= MAX_VALUE)?;
        rules.switch_of(value)
    };
    let body = if msg.method() == Some(Method::Info) { msg.body() } else { &[] };
    let in_body = body.split(|b| *b == b'\n').take(MAX_LINES).filter_map(|line| {
        let at = line.iter().position(|b| matches!(b, b':' | b'='))?;
        let (key, value) = (line[..at].trim_ascii(), line[at + 1..].trim_ascii());
        if key.eq_ignore_ascii_case(name.as_bytes()) { meant(value) } else { None }
    });
    let in_headers = msg.headers(name).filter_map(|value| meant(&value));
    let mut all = in_headers.chain(in_body);
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}
