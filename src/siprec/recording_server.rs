//! The recording server: every session, found by what comes, and what is answered.
//!
//! RFC 3261 §8.2 and §12.2.2, RFC 7866. Who asks is judged before what is asked; who may not ask learns
//! nothing but that.

mod own_requests;

use super::cast::Casting;
use super::conversation::Ways;
use super::ladder::Fed;
use super::outputs::{Declined, LineId, MediaPorts, ServerStats, SipPeer};
use super::recording_session::{Beginning, OfferTaken, RecordingSession, SessionState};
use super::reply::{back, capabilities};
use super::schedule::Schedule;
use super::timer::SessionTimer;
use crate::call::rules::Rules;
use crate::config::{Config, Networks};
use crate::sip::{Entropy, Message, Method, SipWriter, is_keep_alive};
use crate::time::Timestamp;
use foldhash::quality::RandomState;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// Seconds after which a client that was put off may try again.
const RETRY_AFTER: &str = "10";
/// What a client may require (RFC 3261 §20.32): what is understood, and what asks nothing of us.
const REQUIRABLE: [&str; 9] =
    ["siprec", "timer", "100rel", "replaces", "histinfo", "path", "outbound", "gruu", "record-aware"];

/// One thing to be done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this message there.
    Send(SipPeer, Vec<u8>),
    /// Tell the engine.
    Feed(Fed),
}

/// The server.
#[derive(Debug)]
pub struct RecordingServer {
    networks: Networks,
    advertise: Vec<IpAddr>,
    pub(super) max_sessions: usize,
    pub(super) max_silence: Duration,
    casting: Casting,
    pub(super) sessions: HashMap<u64, RecordingSession, RandomState>,
    pub(super) by_dialog: HashMap<(Vec<u8>, Vec<u8>), u64, RandomState>,
    pub(super) entropy: Entropy,
    next_session: u64,
    next_dialog: u64,
    pub(super) is_stopping: bool,
    pub(super) schedule: Schedule,
    pub(super) out: VecDeque<Output>,
    pub(super) stats: ServerStats,
}

impl RecordingServer {
    /// Under a checked configuration. `seed`: octets that nobody can guess.
    pub fn new(config: &Config, seed: [u8; 32]) -> RecordingServer {
        let own = &config.siprec;
        RecordingServer {
            networks: own.from.clone(),
            advertise: own.advertise.clone(),
            max_sessions: own.sessions,
            max_silence: config.sip.max_silence,
            casting: Casting::new(Rules::new(config), &own.dialled),
            sessions: HashMap::default(),
            by_dialog: HashMap::default(),
            entropy: Entropy::new(seed),
            next_session: 1,
            next_dialog: 1,
            is_stopping: false,
            schedule: Schedule::default(),
            out: VecDeque::new(),
            stats: ServerStats::default(),
        }
    }

    /// May this host ask at all?
    pub fn allows(&self, ip: IpAddr) -> bool {
        self.networks.contains(ip)
    }

    /// Takes one message that came from `peer`.
    pub fn handle_message(
        &mut self,
        bytes: &[u8],
        peer: SipPeer,
        now: Timestamp,
        ports: &mut dyn MediaPorts,
    ) {
        if is_keep_alive(bytes) {
            return;
        }
        let Ok((msg, _)) = Message::parse(bytes) else {
            self.stats.unreadable += 1;
            self.stats.unreadable_last = Some(peer.remote.ip());
            return;
        };
        let may_ask = self.allows(peer.remote.ip());
        let Some(method) = msg.method() else {
            if may_ask {
                self.handle_response(&msg, now, ports);
            }
            return;
        };
        if !may_ask {
            return self.refuse(&msg, &peer, Declined::Address);
        }
        if msg.truncated() || msg.call_id().is_none() || msg.cseq().is_none() || msg.from().is_none() {
            return self.refuse(&msg, &peer, Declined::Malformed);
        }
        let session = self.find(&msg);
        match method {
            Method::Invite | Method::Update => self.handle_offer(&msg, peer, session, now, ports),
            Method::Ack => self.handle_ack(&msg, session, now),
            Method::Bye => self.handle_bye(&msg, &peer, session, ports),
            Method::Cancel => match session {
                Some(_) => {
                    self.reply(&msg, &peer, SipWriter::response(&msg, peer.remote, 200, "OK", "").done())
                }
                None => self.refuse(&msg, &peer, Declined::Unknown),
            },
            Method::Options => {
                let tag = self.entropy.word();
                let ok = capabilities(SipWriter::response(&msg, peer.remote, 200, "OK", &tag));
                self.reply(&msg, &peer, ok.done());
            }
            Method::Info if session.is_some() => {
                self.reply(&msg, &peer, SipWriter::response(&msg, peer.remote, 200, "OK", "").done());
            }
            _ => self.refuse(&msg, &peer, Declined::Method),
        }
    }

    /// Where a media packet goes that came on a line's socket.
    pub fn handle_media(
        &mut self,
        id: LineId,
        from: std::net::SocketAddr,
        is_rtcp: bool,
        now: Timestamp,
    ) -> Ways {
        let Some(session) = self.sessions.get_mut(&id.session) else { return Ways::new() };
        let networks = &self.networks;
        session.route(id.line.into(), from, (is_rtcp, now), |ip| networks.contains(ip), &mut self.stats)
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Sessions under way.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Counters.
    pub fn stats(&self) -> &ServerStats {
        &self.stats
    }

    /// The recorder stops: every client is told, and no new session accepted. What the engine has open
    /// it closes itself.
    pub fn stop(&mut self, now: Timestamp) {
        self.is_stopping = true;
        let mut numbers: Vec<u64> = self.sessions.keys().copied().collect();
        numbers.sort_unstable();
        numbers.into_iter().for_each(|n| self.hang_up(n, now));
    }

    fn find(&self, msg: &Message<'_>) -> Option<u64> {
        let tag = msg.from().and_then(|f| f.tag()).unwrap_or_default();
        self.by_dialog.get(&(msg.call_id()?.to_vec(), tag.to_vec())).copied()
    }

    /// INVITE or UPDATE.
    fn handle_offer(
        &mut self,
        msg: &Message<'_>,
        peer: SipPeer,
        session: Option<u64>,
        now: Timestamp,
        ports: &mut dyn MediaPorts,
    ) {
        let to_tag = msg.to().and_then(|t| t.tag()).unwrap_or_default().to_vec();
        let Some((cseq, method)) = msg.cseq() else { return };
        let Some(number) = session else {
            let is_new = method == Method::Invite && (to_tag.is_empty() || is_of_recording(msg));
            return match is_new {
                true => self.begin(msg, peer, &to_tag, now, ports),
                false => self.refuse(msg, &peer, Declined::Unknown),
            };
        };
        let Some(known) = self.sessions.get_mut(&number) else { return };
        let is_within = to_tag == known.tags[1];
        if (cseq, method) == (known.last.0, known.last.1) && (is_within || to_tag.is_empty()) {
            let again = known.last.2.clone();
            return self.reply(msg, &peer, again);
        }
        if to_tag.is_empty() {
            // The client has lost the session and begins again under its name.
            self.end(number, ports);
            return self.begin(msg, peer, &to_tag, now, ports);
        }
        if !is_within {
            return self.refuse(msg, &peer, Declined::Unknown);
        }
        if cseq < known.last.0 {
            return self.refuse(msg, &peer, Declined::Order);
        }
        self.change(number, msg, peer, now, ports);
    }

    /// A session that is not known: a new one, or one of before the recorder was started again.
    fn begin(
        &mut self,
        msg: &Message<'_>,
        peer: SipPeer,
        to_tag: &[u8],
        now: Timestamp,
        ports: &mut dyn MediaPorts,
    ) {
        if let Err(why) = self.may_begin(msg) {
            return self.refuse(msg, &peer, why);
        }
        let Some(sdp) = msg.sdp() else { return self.refuse(msg, &peer, Declined::Media) };
        let tag = match to_tag {
            [] => self.entropy.word(),
            known => String::from_utf8_lossy(known).into_owned(),
        };
        let addr = self.address_for(sdp, &peer);
        let begin = Beginning { number: self.next_session, tag: &tag, addr, now };
        let mut session = RecordingSession::new(msg, peer, &begin);
        let taken = session.take_offer(sdp, ports, &mut |n| self.entropy.bytes(n));
        if taken != OfferTaken::Yes || !session.lines.iter().any(|l| l.port.is_some()) {
            close_all(&session, ports);
            let why = if taken == OfferTaken::NoPorts { Declined::Ports } else { Declined::Media };
            return self.refuse(msg, &peer, why);
        }
        self.next_session += 1;
        self.stats.accepted += 1;
        self.stats.taken_over += u64::from(!to_tag.is_empty());
        self.by_dialog.insert((session.call_id.clone(), session.tags[0].clone()), session.number);
        let number = session.number;
        self.sessions.insert(number, session);
        self.change(number, msg, peer, now, ports);
        let is_unknown = self.sessions.get(&number).is_some_and(|s| s.knows_nobody() && s.can_snapshot);
        if is_unknown && !to_tag.is_empty() {
            self.ask_snapshot(number);
        }
    }

    fn may_begin(&self, msg: &Message<'_>) -> Result<(), Declined> {
        let requires = |v: &[u8]| REQUIRABLE.iter().any(|r| v.eq_ignore_ascii_case(r.as_bytes()));
        if self.is_stopping {
            return Err(Declined::Stopping);
        }
        if !msg.header_values("Require").all(|v| requires(&v)) {
            return Err(Declined::Extension);
        }
        if !is_of_recording(msg) {
            return Err(Declined::NotSiprec);
        }
        if self.sessions.len() >= self.max_sessions {
            return Err(Declined::Sessions);
        }
        Ok(())
    }

    /// An INVITE or UPDATE of a session is taken in and answered. The INVITE it began with has been
    /// taken in as far as media goes.
    fn change(
        &mut self,
        number: u64,
        msg: &Message<'_>,
        peer: SipPeer,
        now: Timestamp,
        ports: &mut dyn MediaPorts,
    ) {
        let Some((cseq, method)) = msg.cseq() else { return };
        let timer = match SessionTimer::asked(msg, now) {
            Ok(timer) => timer,
            Err(least) => {
                let short = SipWriter::response(msg, peer.remote, 422, "Session Interval Too Small", "");
                self.reply(msg, &peer, short.header("Min-SE", &least.to_string()).done());
                return if self.sessions.get(&number).is_some_and(|s| s.last.2.is_empty()) {
                    self.end(number, ports);
                };
            }
        };
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let is_first = session.last.2.is_empty();
        if let Some(sdp) = msg.sdp().filter(|_| !is_first) {
            let taken = session.take_offer(sdp, ports, &mut |n| self.entropy.bytes(n));
            if taken == OfferTaken::Nothing {
                return self.refuse(msg, &peer, Declined::Media);
            }
        }
        session.take_metadata(msg, &mut self.stats);
        (session.peer, session.alive_at) = (peer, now);
        if timer.is_set() || is_first || method == Method::Invite {
            session.timer = timer;
        }
        let mut ok = session.response(msg, &peer, 200, "OK").copied(msg, "Record-Route");
        ok = capabilities(ok.header("Contact", &session.contact()));
        if let Some(value) = session.timer.header() {
            ok = ok.header("Require", "timer").header("Session-Expires", &value);
        }
        let has_answer = method == Method::Invite || msg.sdp().is_some();
        let ok = ok.body("application/sdp", if has_answer { &session.answer } else { "" });
        session.last = (cseq, method, ok.clone());
        if method == Method::Invite {
            session.state = SessionState::Accepted { since: now, again: Schedule::first(now) };
        }
        let mut fed = Vec::new();
        let next = &mut self.next_dialog;
        let mut dialog = || {
            *next += 1;
            *next
        };
        session.sync(&self.casting, &mut dialog, &mut fed);
        self.out.extend(fed.into_iter().map(Output::Feed));
        self.reply(msg, &peer, ok);
    }

    fn handle_ack(&mut self, msg: &Message<'_>, session: Option<u64>, now: Timestamp) {
        let session = session.and_then(|n| self.sessions.get_mut(&n));
        if let Some(s) = session.filter(|s| msg.cseq().is_some_and(|(cseq, _)| cseq == s.last.0)) {
            s.alive_at = now;
            if matches!(s.state, SessionState::Accepted { .. }) {
                s.state = SessionState::Confirmed;
            }
        }
    }

    fn handle_bye(
        &mut self,
        msg: &Message<'_>,
        peer: &SipPeer,
        session: Option<u64>,
        ports: &mut dyn MediaPorts,
    ) {
        let tag = msg.to().and_then(|t| t.tag()).unwrap_or_default();
        let known = session.and_then(|n| self.sessions.get_mut(&n)).filter(|s| s.tags[1] == tag);
        let Some(session) = known else { return self.refuse(msg, peer, Declined::Unknown) };
        session.take_metadata(msg, &mut self.stats);
        let number = session.number;
        self.reply(msg, peer, SipWriter::response(msg, peer.remote, 200, "OK", "").done());
        self.end(number, ports);
    }

    /// All of a session is over.
    pub(super) fn end(&mut self, number: u64, ports: &mut dyn MediaPorts) {
        let Some(mut session) = self.sessions.remove(&number) else { return };
        self.by_dialog.remove(&(session.call_id.clone(), session.tags[0].clone()));
        let mut fed = Vec::new();
        session.end_calls(&mut fed);
        self.stats.unnamed += u64::from(!session.has_told);
        self.out.extend(fed.into_iter().map(Output::Feed));
        close_all(&session, ports);
    }

    pub(super) fn send(&mut self, to: SipPeer, bytes: Vec<u8>) {
        self.out.push_back(Output::Send(to, bytes));
    }

    fn reply(&mut self, msg: &Message<'_>, peer: &SipPeer, bytes: Vec<u8>) {
        self.out.push_back(Output::Send(back(msg, peer), bytes));
    }

    fn refuse(&mut self, msg: &Message<'_>, peer: &SipPeer, why: Declined) {
        self.stats.refused[why as usize] += 1;
        self.stats.refused_last[why as usize] = Some(peer.remote.ip());
        if msg.method() == Some(Method::Ack) || msg.headers("Via").next().is_none() {
            return;
        }
        let (code, reason) = why.status();
        let tag = self.entropy.word();
        let w = SipWriter::response(msg, peer.remote, code, reason, &tag);
        let w = match why {
            Declined::NotSiprec => w.header("Require", "siprec"),
            Declined::Extension => w.header("Unsupported", &unsupported(msg)),
            Declined::Sessions | Declined::Ports | Declined::Stopping | Declined::Order => {
                w.header("Retry-After", RETRY_AFTER)
            }
            Declined::Method => w.header("Allow", super::reply::ALLOW),
            Declined::Address | Declined::Malformed | Declined::Media | Declined::Unknown => w,
        };
        self.reply(msg, peer, w.done());
    }

    /// Our address for media, of the family that the client offers.
    fn address_for(&self, sdp: &[u8], peer: &SipPeer) -> IpAddr {
        let lines = super::offer::read(sdp);
        let local = peer.local.ip().to_canonical();
        let is_ipv6 = lines.iter().find(|l| l.taken.has_port()).map_or(local.is_ipv6(), |l| l.is_ipv6);
        let of_family = |ip: &IpAddr| ip.is_ipv6() == is_ipv6;
        let told = self.advertise.iter().copied().find(of_family);
        told.or(Some(local).filter(of_family)).or(self.advertise.first().copied()).unwrap_or(local)
    }
}

/// RFC 7866 §6.1: the client says that it is one, in one of three ways; or it brings metadata, or labelled
/// streams.
fn is_of_recording(msg: &Message<'_>) -> bool {
    let requires = || msg.header_values("Require").any(|v| v.eq_ignore_ascii_case(b"siprec"));
    let is_client = || {
        msg.headers("Contact").any(|c| memchr::memmem::find(&c.to_ascii_lowercase(), b"+sip.src").is_some())
    };
    let is_labelled = || {
        let lines = msg.sdp().map(super::offer::read).unwrap_or_default();
        lines.iter().any(|l| l.label.is_some() && l.taken.has_port())
    };
    requires() || is_client() || msg.recording_metadata().is_some() || is_labelled()
}

fn unsupported(msg: &Message<'_>) -> String {
    let is_known = |v: &[u8]| REQUIRABLE.iter().any(|r| v.eq_ignore_ascii_case(r.as_bytes()));
    let all = msg.header_values("Require").filter(|v| !is_known(v)).take(8);
    all.map(|v| String::from_utf8_lossy(&v).into_owned()).collect::<Vec<_>>().join(", ")
}

fn close_all(session: &RecordingSession, ports: &mut dyn MediaPorts) {
    for (i, l) in session.lines.iter().enumerate().filter(|(_, l)| l.port.is_some()) {
        let _ = l;
        ports.close(LineId { session: session.number, line: i as u16 });
    }
}
