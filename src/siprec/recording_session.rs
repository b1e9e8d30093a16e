//! One recording session: its dialog with the client, its media lines, and the calls it is about.
//!
//! RFC 3261 §12 seen from the side that was called, RFC 4028 (session timers), RFC 7866 §7 to §9.

use super::cast::Casting;
use super::conversation::{CallTerms, Conversation, Ways};
use super::ladder::Fed;
use super::offer::{self, OfferedLine, Taken};
use super::outputs::{LineId, MediaPorts, ServerStats, SipPeer};
use super::picture::{LineName, Picture};
use super::rs_metadata::Metadata;
use super::timer::SessionTimer;
use crate::pii::Pii;
use crate::sip::{Message, Method, SipWriter};
use crate::time::{NS_PER_MS, Timestamp};
use std::net::{IpAddr, SocketAddr};

/// A source that has been silent so long may be another one now: the client has moved.
const MOVED_AFTER_NS: i64 = 1000 * NS_PER_MS;
/// Groups remembered of sessions that are over.
const MAX_GROUPS: usize = 32;
/// Route headers kept.
const MAX_ROUTES: usize = 16;

/// Where a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Accepted; the acknowledgement is awaited, the response sent again until then (RFC 3261 §13.3.1.4).
    Accepted {
        /// Since when.
        since: Timestamp,
        /// When it is sent next, and how long after that.
        again: (Timestamp, i64),
    },
    /// Under way.
    Confirmed,
    /// We have hung up.
    Ending {
        /// Since when.
        since: Timestamp,
        /// When the BYE is sent next, and how long after that.
        again: (Timestamp, i64),
    },
}

/// A media line of the session.
#[derive(Clone, Debug)]
pub struct MediaLine {
    /// As it was offered last.
    pub offered: OfferedLine,
    /// Our port.
    pub port: Option<u16>,
    /// Where its media was last heard from.
    heard: Option<(SocketAddr, Timestamp)>,
}

/// One recording session.
#[derive(Clone, Debug)]
pub struct RecordingSession {
    /// In this run.
    pub number: u64,
    /// As the client has it.
    pub call_id: Vec<u8>,
    /// Tag of the client, ours.
    pub tags: [Vec<u8>; 2],
    /// How its last message came.
    pub peer: SipPeer,
    /// Where it is.
    pub state: SessionState,
    /// CSeq and method of the client's last request but ACK, and what it was answered.
    pub last: (u32, Method, Vec<u8>),
    /// Our last request, to be sent again.
    pub own: Vec<u8>,
    /// The session timer.
    pub timer: SessionTimer,
    /// Last sign of life.
    pub alive_at: Timestamp,
    /// The address told to the client for media.
    pub addr: IpAddr,
    /// The lines.
    pub lines: Vec<MediaLine>,
    /// UPDATE is understood by the client.
    pub can_update: bool,
    /// The client can be asked for all its metadata (RFC 7866 §9.2).
    pub can_snapshot: bool,
    /// The engine has been told of a call of it.
    pub has_told: bool,
    /// Our answer.
    pub answer: String,
    version: u32,
    own_cseq: u32,
    target: String,
    routes: Vec<Vec<u8>>,
    ends: [Vec<u8>; 2],
    picture: Picture,
    headers: Vec<(String, Pii<String>)>,
    conversations: Vec<Conversation>,
    groups: Vec<(String, String)>,
    begun: u32,
}

/// What a new session is made from beside its INVITE.
pub struct Beginning<'a> {
    /// In this run.
    pub number: u64,
    /// Our tag.
    pub tag: &'a str,
    /// The address told for media.
    pub addr: IpAddr,
    /// Now.
    pub now: Timestamp,
}

impl RecordingSession {
    /// From the INVITE of a client. It is answered with what [`RecordingSession::response`] gives.
    pub fn new(msg: &Message<'_>, peer: SipPeer, begin: &Beginning<'_>) -> RecordingSession {
        let tag = |a: Option<crate::sip::NameAddr<'_>>| a.and_then(|a| a.tag()).unwrap_or_default().to_vec();
        let contact = msg.contact().map(|c| String::from_utf8_lossy(c.uri.as_bytes()).into_owned());
        let from = msg.header("From").unwrap_or_default().into_owned();
        let mut to = msg.header("To").unwrap_or_default().into_owned();
        if msg.to().is_none_or(|t| t.tag().is_none()) {
            to.extend_from_slice(format!(";tag={}", begin.tag).as_bytes());
        }
        let says = |name: &str, word: &str| {
            msg.header_values(name).any(|v| v.to_ascii_lowercase().starts_with(word.as_bytes()))
        };
        let routes = msg.header_values("Record-Route").take(MAX_ROUTES).map(|r| r.into_owned()).collect();
        RecordingSession {
            number: begin.number,
            call_id: msg.call_id().unwrap_or_default().to_vec(),
            tags: [tag(msg.from()), begin.tag.as_bytes().to_vec()],
            peer,
            state: SessionState::Confirmed,
            last: (0, Method::Invite, Vec::new()),
            own: Vec::new(),
            timer: SessionTimer::default(),
            alive_at: begin.now,
            addr: begin.addr,
            lines: Vec::new(),
            can_update: says("Allow", "update"),
            can_snapshot: says("Accept", "application/rs-metadata-request"),
            has_told: false,
            answer: String::new(),
            version: 0,
            own_cseq: 0,
            target: contact.unwrap_or_else(|| format!("sip:{}", peer.remote)),
            routes,
            ends: [from, to],
            picture: Picture::default(),
            headers: told_headers(msg),
            conversations: Vec::new(),
            groups: Vec::new(),
            begun: 0,
        }
    }

    /// Takes the client's offer: opens ports, closes them. False where nothing of it can be received.
    pub fn take_offer(
        &mut self,
        sdp: &[u8],
        ports: &mut dyn MediaPorts,
        key: &mut dyn FnMut(usize) -> Vec<u8>,
    ) -> OfferTaken {
        let offered = offer::read(sdp);
        if !offered.iter().any(|l| l.taken.has_port() || l.taken == Taken::Off) {
            return OfferTaken::Nothing;
        }
        let id = |line: usize| LineId { session: self.number, line: line as u16 };
        let mut lines: Vec<MediaLine> = Vec::with_capacity(offered.len());
        let mut is_short = false;
        for (i, mut offered) in offered.into_iter().enumerate() {
            let before = self.lines.get(i);
            let (mut port, mut heard) = (before.and_then(|l| l.port), before.and_then(|l| l.heard));
            if before.is_some_and(|l| l.offered.remote != offered.remote) {
                heard = None;
            }
            if offered.taken.has_port() && port.is_none() {
                port = ports.open(id(i), self.addr);
                is_short |= port.is_none();
            } else if !offered.taken.has_port() && port.take().is_some() {
                ports.close(id(i));
            }
            if port.is_none() && offered.taken.has_port() {
                offered.taken = Taken::Refused;
            }
            lines.push(MediaLine { offered, port, heard });
        }
        for i in lines.len()..self.lines.len() {
            if self.lines[i].port.is_some() {
                ports.close(id(i));
            }
        }
        self.lines = lines;
        self.version += 1;
        let offered: Vec<OfferedLine> = self.lines.iter().map(|l| l.offered.clone()).collect();
        let open: Vec<Option<u16>> = self.lines.iter().map(|l| l.port).collect();
        self.answer = offer::answer(&offered, &open, (self.addr, self.number, self.version), key);
        if is_short { OfferTaken::NoPorts } else { OfferTaken::Yes }
    }

    /// Takes metadata in, if the message has any; false where it has some that is none.
    pub fn take_metadata(&mut self, msg: &Message<'_>, stats: &mut ServerStats) {
        let Some(body) = msg.recording_metadata() else { return };
        match Metadata::parse(body) {
            Ok(metadata) => {
                stats.bad_metadata += u64::from(metadata.is_cut);
                self.picture.take_in(metadata);
            }
            Err(_) => stats.bad_metadata += 1,
        }
    }

    /// Nobody is known who talks.
    pub fn knows_nobody(&self) -> bool {
        self.picture.is_empty()
    }

    /// Tells the engine what has changed.
    pub fn sync(&mut self, casting: &Casting, number: &mut impl FnMut() -> u64, out: &mut Vec<Fed>) {
        let names: Vec<LineName> = self.lines.iter().map(|l| l.offered.name()).collect();
        let lines: Vec<OfferedLine> = self.lines.iter().map(|l| l.offered.clone()).collect();
        let scenes = self.picture.scenes(&names);
        if let ([own], [scene]) = (&mut self.conversations[..], &scenes[..])
            && own.id != scene.id
            && !self.picture.is_over(&own.id)
        {
            // A client that numbers its session anew in every document.
            own.id.clone_from(&scene.id);
        }
        let picture = &self.picture;
        let groups = &mut self.groups;
        self.conversations.retain_mut(|c| {
            let goes_on = scenes.iter().any(|s| s.id == c.id);
            if !goes_on {
                c.end(picture, out);
                if let Some(group) = c.group.take().filter(|_| groups.len() < MAX_GROUPS) {
                    groups.push((group, c.call_id.clone()));
                }
            }
            goes_on
        });
        let told = CallTerms { casting, headers: &self.headers, lines: &lines };
        for scene in &scenes {
            let known = self.conversations.iter().position(|c| c.id == scene.id);
            let i = known.unwrap_or_else(|| {
                let of_group = |group: &String| {
                    let open = self.conversations.iter().filter(|c| c.group.as_ref() == Some(group));
                    let open = open.map(|c| c.call_id.clone()).next();
                    open.or_else(|| self.groups.iter().find(|(g, _)| g == group).map(|(_, id)| id.clone()))
                };
                let call_id = scene.group.as_ref().and_then(of_group).unwrap_or_else(|| {
                    self.begun += 1;
                    let own = String::from_utf8_lossy(&self.call_id);
                    match self.begun {
                        1 => format!("siprec/{own}"),
                        n => format!("siprec/{own}/{n}"),
                    }
                });
                self.conversations.push(Conversation::new(scene, call_id));
                self.conversations.len() - 1
            });
            self.conversations[i].update(scene, told, number, out);
        }
        self.has_told |= !out.is_empty();
    }

    /// All calls of it are over.
    pub fn end_calls(&mut self, out: &mut Vec<Fed>) {
        let picture = &self.picture;
        self.conversations.iter_mut().for_each(|c| c.end(picture, out));
        self.conversations.clear();
    }

    /// Where a packet that came on `line` goes; `is_known` says whether somebody may send media at all.
    pub fn route(
        &mut self,
        line: usize,
        from: SocketAddr,
        (is_rtcp, now): (bool, Timestamp),
        is_known: impl Fn(IpAddr) -> bool,
        stats: &mut ServerStats,
    ) -> Ways {
        let peer = self.peer.remote.ip();
        let Some(l) = self.lines.get_mut(line) else { return Ways::new() };
        let announced = l.offered.remote.map(|r| r.ip());
        let is_clients = from.ip() == peer || Some(from.ip()) == announced || is_known(from.ip());
        if !is_clients || !is_rtcp && !l.is_heard_from(from, now) {
            stats.strange_media += 1;
            return Ways::new();
        }
        self.alive_at = self.alive_at.max(now);
        if l.offered.taken != Taken::Active {
            stats.idle_media += 1;
            return Ways::new();
        }
        let ways: Ways = self.conversations.iter().flat_map(|c| c.ways(line, is_rtcp)).collect();
        if ways.is_empty() {
            stats.idle_media += 1;
        }
        ways
    }

    /// A response within the session.
    pub fn response(&self, msg: &Message<'_>, peer: &SipPeer, code: u16, reason: &str) -> SipWriter {
        let tag = String::from_utf8_lossy(&self.tags[1]);
        SipWriter::response(msg, peer.remote, code, reason, &tag)
    }

    /// Our own address, as a Contact has it (RFC 7866 §6.1.2).
    pub fn contact(&self) -> String {
        let (host, port) = (self.peer.local.ip(), self.peer.local.port());
        let at = SocketAddr::new(if host.is_unspecified() { self.addr } else { host }, port);
        let transport = self.peer.transport.name().to_ascii_lowercase();
        format!("<sip:nauhuri@{at};transport={transport}>;+sip.srs")
    }

    /// A request of ours.
    pub fn request(&mut self, method: &str, branch: &str) -> SipWriter {
        if method != "ACK" {
            self.own_cseq += 1;
        }
        let via = format!("SIP/2.0/{} {};branch={branch};rport", self.peer.transport.name(), self.local());
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        let mut w = SipWriter::request(method, &self.target)
            .header("Via", &via)
            .header("From", &text(&self.ends[1]))
            .header("To", &text(&self.ends[0]))
            .header("Call-ID", &text(&self.call_id))
            .header("CSeq", &format!("{} {method}", self.own_cseq));
        for route in &self.routes {
            w = w.header("Route", &text(route));
        }
        w.header("User-Agent", "nauhuri").header("Contact", &self.contact())
    }

    /// Where requests of ours go: where the client's last one came from, on its connection where there is one.
    pub fn next_hop(&self) -> SipPeer {
        self.peer
    }

    fn local(&self) -> SocketAddr {
        let host = self.peer.local.ip();
        SocketAddr::new(if host.is_unspecified() { self.addr } else { host }, self.peer.local.port())
    }
}

/// What came of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferTaken {
    /// All that can be received will be.
    Yes,
    /// For some of it there was no port.
    NoPorts,
    /// Nothing of it can be received.
    Nothing,
}

impl MediaLine {
    /// One source at a time: another one takes its place when it has been silent for a while.
    fn is_heard_from(&mut self, from: SocketAddr, now: Timestamp) -> bool {
        let is_it = |(known, at): (SocketAddr, Timestamp)| known == from || now.since_ns(at) > MOVED_AFTER_NS;
        let is_it = self.heard.is_none_or(is_it);
        if is_it {
            self.heard = Some((from, now));
        }
        is_it
    }
}

/// Headers of the client's INVITE that may tell of the call: those that are the transaction's own say nothing.
fn told_headers(msg: &Message<'_>) -> Vec<(String, Pii<String>)> {
    /// Kept at most.
    const MAX: usize = 64;
    let own = ["Via", "From", "To", "Call-ID", "CSeq", "Contact", "Session-ID", "Content-Type", "Require"];
    let fields = msg.all_headers().filter(|(n, _)| !own.iter().any(|o| n.eq_ignore_ascii_case(o)));
    let text = |b: &[u8]| String::from_utf8_lossy(b).chars().take(512).collect::<String>();
    fields.take(MAX).map(|(n, v)| (n.to_owned(), Pii::new(text(&v)))).collect()
}
