//! SIP over TCP and TLS: connections that clients open, and answers on them.
//!
//! Bounded on all sides: connections, what is kept of each in either direction, and the time that a
//! message or the greeting of TLS may take. We open none: after its start the recorder may not.

use super::epoll_token::EpollToken;
use crate::capture::tls::{is_nothing, read_plain};
use crate::sip::{Framer, is_keep_alive};
use crate::siprec::{SipPeer, SipTransport};
use rustix::event::epoll;
use rustix::net::sockopt::set_socket_keepalive;
use rustls::{ServerConfig, ServerConnection};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest SIP message, bytes: as much as UDP carries.
pub(super) const MAX_MESSAGE: usize = 65_535;
/// Connections at once.
const MAX_CONNECTIONS: usize = 512;
/// A connection silent for so long may be closed for a new one.
const MAY_GIVE_UP: Duration = Duration::from_secs(60);
/// What was begun, a message or the greeting of TLS, is finished within so long.
const FINISH_WITHIN: Duration = Duration::from_secs(10);
/// Bytes that wait for a client to read them, at most.
const MAX_WAITING: usize = 512 * 1024;
/// Bytes taken of one connection before the next is looked at.
const TURN_BYTES: usize = 256 * 1024;
const READ_BYTES: usize = 16 * 1024;
/// How often slow connections are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What became of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Open now.
    pub open: u64,
    /// Refused, because there were as many as may be.
    pub crowded: u64,
    /// Closed, because something begun was not finished, or what was sent not read.
    pub slow: u64,
    /// Closed, because it was no TLS, or none that both sides know.
    pub no_tls: u64,
    /// Closed, because what came is no SIP, or too long a message.
    pub unreadable: u64,
}

/// All of them.
pub(super) struct SipStreams {
    epoll: Arc<OwnedFd>,
    all: BTreeMap<u64, ClientConnection>,
    last: u64,
    looked: Instant,
    counts: StreamCounts,
}

struct ClientConnection {
    stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
    framer: Framer,
    waiting: Vec<u8>,
    waits_to_write: bool,
    peer: SipPeer,
    begun: Option<Instant>,
    heard: Instant,
}

impl SipStreams {
    /// None yet.
    pub fn new(epoll: Arc<OwnedFd>) -> SipStreams {
        let (all, counts) = (BTreeMap::new(), StreamCounts::default());
        SipStreams { epoll, all, last: 0, looked: Instant::now(), counts }
    }

    /// What became of them.
    pub fn counts(&self) -> StreamCounts {
        StreamCounts { open: self.all.len() as u64, ..self.counts }
    }

    /// Who is at the other end.
    pub fn peer(&self, id: u64) -> Option<SipPeer> {
        self.all.get(&id).map(|c| c.peer)
    }

    /// Takes in whoever waits at a door.
    pub fn accept(&mut self, listener: &TcpListener, tls: Option<&Arc<ServerConfig>>) {
        while let Ok((stream, remote)) = listener.accept() {
            if self.all.len() >= MAX_CONNECTIONS && !self.make_room() {
                self.counts.crowded += 1;
                continue;
            }
            self.last += 1;
            let id = self.last;
            let connection = ClientConnection::new(stream, remote, tls, id);
            let add = |c: &ClientConnection| {
                epoll::add(&*self.epoll, &c.stream, EpollToken::Stream(id).token(), epoll::EventFlags::IN)
            };
            if let Some(c) = connection.filter(|c| add(c).is_ok()) {
                self.all.insert(id, c);
            }
        }
    }

    /// Whole messages that have come on a connection; it may be gone then.
    pub fn read(&mut self, id: u64) -> Vec<Vec<u8>> {
        let Some(c) = self.all.get_mut(&id) else { return Vec::new() };
        let (messages, ending) = c.read();
        let is_written = c.flush();
        self.watch(id);
        match ending {
            Some(StreamEnding::Closed) => {}
            Some(StreamEnding::NoTls) => self.counts.no_tls += 1,
            Some(StreamEnding::Unreadable) => self.counts.unreadable += 1,
            None if !is_written => {}
            None => return messages,
        }
        // What came before the end is answered by nobody who could read it; but a BYE still counts.
        if messages.is_empty() {
            self.close(id);
        } else if let Some(c) = self.all.get_mut(&id) {
            c.begun.get_or_insert(Instant::now());
        }
        messages
    }

    /// Sends on the client's connection, or on another one of its host's; false where there is none.
    pub fn send(&mut self, to: &SipPeer, bytes: &[u8]) -> bool {
        let same_host =
            |c: &ClientConnection| c.peer.remote.ip() == to.remote.ip() && c.peer.transport == to.transport;
        let other = || self.all.iter().rev().find(|(_, c)| same_host(c)).map(|(id, _)| *id);
        let id = if self.all.contains_key(&to.way) { Some(to.way) } else { other() };
        let Some((id, c)) = id.and_then(|id| Some((id, self.all.get_mut(&id)?))) else { return false };
        let is_written = c.write(bytes) && c.flush();
        if !is_written || c.waiting.len() > MAX_WAITING {
            self.counts.slow += u64::from(is_written);
            self.close(id);
            return false;
        }
        self.watch(id);
        true
    }

    /// Lets a connection go.
    pub fn close(&mut self, id: u64) {
        if let Some(mut c) = self.all.remove(&id) {
            let _ = c.flush();
        }
    }

    /// Closes who does not finish.
    pub fn look(&mut self) {
        let now = Instant::now();
        if now.saturating_duration_since(self.looked) < LOOK_EVERY {
            return;
        }
        self.looked = now;
        let is_slow = |c: &ClientConnection| {
            c.begun.is_some_and(|at| now.saturating_duration_since(at) > FINISH_WITHIN)
        };
        let before = self.all.len();
        self.all.retain(|_, c| !is_slow(c));
        self.counts.slow += (before - self.all.len()) as u64;
    }

    /// Closes who has been silent for longest, if that is long.
    fn make_room(&mut self) -> bool {
        let quietest = self.all.iter().min_by_key(|(_, c)| c.heard).map(|(id, c)| (*id, c.heard.elapsed()));
        let found = quietest.filter(|(_, silent)| *silent >= MAY_GIVE_UP);
        found.is_some_and(|(id, _)| self.all.remove(&id).is_some())
    }

    /// Asks to be told when more can be written, as long as something waits.
    fn watch(&mut self, id: u64) {
        let Some(c) = self.all.get_mut(&id) else { return };
        let waits = c.waits();
        if waits != c.waits_to_write {
            c.waits_to_write = waits;
            let flags =
                if waits { epoll::EventFlags::IN | epoll::EventFlags::OUT } else { epoll::EventFlags::IN };
            let _ = epoll::modify(&*self.epoll, &c.stream, EpollToken::Stream(id).token(), flags);
        }
    }
}

/// Why a connection is over.
enum StreamEnding {
    Closed,
    NoTls,
    Unreadable,
}

impl ClientConnection {
    fn new(
        stream: TcpStream,
        remote: SocketAddr,
        tls: Option<&Arc<ServerConfig>>,
        id: u64,
    ) -> Option<ClientConnection> {
        stream.set_nonblocking(true).ok()?;
        let _ = stream.set_nodelay(true);
        // A client whose machine is gone is found by the kernel.
        let _ = set_socket_keepalive(&stream, true);
        let plain = |a: SocketAddr| SocketAddr::new(a.ip().to_canonical(), a.port());
        let (local, remote) = (plain(stream.local_addr().ok()?), plain(remote));
        let transport = if tls.is_some() { SipTransport::Tls } else { SipTransport::Tcp };
        let tls = match tls {
            None => None,
            Some(config) => Some(Box::new(ServerConnection::new(Arc::clone(config)).ok()?)),
        };
        let now = Instant::now();
        Some(ClientConnection {
            stream,
            tls,
            framer: Framer::new(MAX_MESSAGE),
            waiting: Vec::new(),
            waits_to_write: false,
            peer: SipPeer { transport, remote, local, way: id },
            // Whoever connects has something to say.
            begun: Some(now),
            heard: now,
        })
    }

    fn read(&mut self) -> (Vec<Vec<u8>>, Option<StreamEnding>) {
        let (mut messages, mut taken) = (Vec::new(), 0);
        let mut bytes = [0; READ_BYTES];
        while taken < TURN_BYTES {
            let n = match self.read_some(&mut bytes) {
                Ok(0) => return (messages, Some(StreamEnding::Closed)),
                Ok(n) => n,
                Err(e) if is_nothing(&e) => break,
                Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                    return (messages, Some(StreamEnding::NoTls));
                }
                Err(_) => return (messages, Some(StreamEnding::Closed)),
            };
            taken += n;
            self.heard = Instant::now();
            let bytes = &bytes[..n];
            if is_keep_alive(bytes) && self.framer.buffered() == 0 {
                // RFC 5626 §3.5.1: two line ends are a question.
                if bytes.windows(4).any(|w| w == b"\r\n\r\n") {
                    self.write(b"\r\n");
                }
                self.begun = None;
                continue;
            }
            self.framer.push(bytes);
            while let Some(message) = self.framer.next_message() {
                messages.push(message.to_vec());
                self.begun = None;
            }
            let stats = self.framer.stats();
            if stats.resyncs + stats.overflows > 0 || stats.skipped_bytes > 0 {
                return (messages, Some(StreamEnding::Unreadable));
            }
            if self.framer.buffered() > 0 {
                self.begun.get_or_insert(self.heard);
            }
        }
        (messages, None)
    }

    fn read_some(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.stream.read(bytes),
            Some(tls) => read_plain(tls, &mut self.stream, bytes),
        }
    }

    /// Takes bytes to be sent.
    fn write(&mut self, bytes: &[u8]) -> bool {
        match &mut self.tls {
            None => {
                self.waiting.extend_from_slice(bytes);
                true
            }
            Some(tls) => tls.writer().write_all(bytes).is_ok(),
        }
    }

    /// Sends as much as goes; false if the connection is broken.
    fn flush(&mut self) -> bool {
        loop {
            let sent = match &mut self.tls {
                Some(tls) if tls.wants_write() => tls.write_tls(&mut self.stream),
                None if !self.waiting.is_empty() => self.stream.write(&self.waiting),
                _ => return true,
            };
            match sent {
                Ok(0) => return false,
                Ok(n) if self.tls.is_none() => drop(self.waiting.drain(..n)),
                Ok(_) => {}
                Err(e) if is_nothing(&e) => return true,
                Err(_) => return false,
            }
        }
    }

    fn waits(&self) -> bool {
        match &self.tls {
            None => !self.waiting.is_empty(),
            Some(tls) => tls.wants_write(),
        }
    }
}
