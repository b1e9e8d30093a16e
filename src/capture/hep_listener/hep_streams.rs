//! HEP over TCP and TLS: one packet after the other, from any number of agents on one thread.
//!
//! Bounded on all sides: connections, what is kept of each, and the time that something begun may take.
//! Where all places are taken, an agent that has been silent for long gives its own up; it connects
//! again when it has something to say.

use super::hep_counts::RefusedHep;
use super::reception::{Reception, WAIT};
use crate::capture::tls::{is_nothing, read_plain};
use crate::wire::hep::frame_len;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_keepalive;
use rustls::{ServerConfig, ServerConnection};
use std::io::{self, Read};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connections of one listener.
pub(super) const MAX_CONNECTIONS: usize = 256;
/// A connection silent for so long may be closed for a new one.
pub(super) const MAY_GIVE_UP: Duration = Duration::from_secs(60);
/// What was begun, a packet or the greeting of TLS, is finished within so long.
pub(super) const FINISH_WITHIN: Duration = Duration::from_secs(10);
/// Bytes taken of one connection before the next is looked at.
const TURN_BYTES: usize = 256 * 1024;
const READ_BYTES: usize = 16 * 1024;

/// Serves until told to end.
pub(super) fn serve(
    listener: &TcpListener,
    tls: Option<&Arc<ServerConfig>>,
    reception: &mut Reception<'_>,
    goes_on: &dyn Fn() -> bool,
) {
    let mut all: Vec<AgentConnection> = Vec::new();
    while goes_on() {
        let ready = wait(listener, &all);
        let now = Instant::now();
        let mut is_ready = ready.iter().skip(1);
        all.retain_mut(|c| {
            let is_open = match is_ready.next() {
                Some(true) => c.read(reception, now),
                _ => !c.is_slow(reception, now),
            };
            if !is_open {
                reception.rules.counts.closed();
            }
            is_open
        });
        if ready.first() == Some(&true) {
            accept(listener, tls, &mut all, reception, now);
        }
    }
    all.iter().for_each(|_| reception.rules.counts.closed());
}

/// Which have something: the listener first.
fn wait(listener: &TcpListener, all: &[AgentConnection]) -> Vec<bool> {
    let mut fds = vec![PollFd::new(listener, PollFlags::IN)];
    fds.extend(all.iter().map(|c| PollFd::new(&c.stream, PollFlags::IN)));
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(WAIT.subsec_nanos()) };
    // Interrupted: nothing is ready, and is asked for again.
    let _ = poll(&mut fds, Some(&timeout));
    fds.iter().map(|fd| !fd.revents().is_empty()).collect()
}

fn accept(
    listener: &TcpListener,
    tls: Option<&Arc<ServerConfig>>,
    all: &mut Vec<AgentConnection>,
    reception: &Reception<'_>,
    now: Instant,
) {
    loop {
        let (stream, peer) = match listener.accept() {
            Ok((stream, peer)) => (stream, peer.ip().to_canonical()),
            Err(e) if is_nothing(&e) => return,
            // Out of files, say: not asked again at once, since it stays ready.
            Err(_) => return std::thread::sleep(WAIT),
        };
        if !reception.is_allowed(peer) {
            continue;
        }
        if all.len() >= MAX_CONNECTIONS && !make_room(all, reception, now) {
            reception.refuse(RefusedHep::Connections, peer);
            continue;
        }
        if let Some(c) = AgentConnection::new(stream, peer, tls, now) {
            reception.rules.counts.opened();
            all.push(c);
        }
    }
}

/// Closes who has been silent for longest, if that is long.
fn make_room(all: &mut Vec<AgentConnection>, reception: &Reception<'_>, now: Instant) -> bool {
    let quietest = all.iter().enumerate().min_by_key(|(_, c)| c.heard);
    let Some((at, c)) = quietest else { return false };
    let is_silent = now.saturating_duration_since(c.heard) >= MAY_GIVE_UP;
    if is_silent {
        all.swap_remove(at);
        reception.rules.counts.closed();
    }
    is_silent
}

/// One agent's connection.
struct AgentConnection {
    stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
    peer: IpAddr,
    /// Of a packet that is not whole.
    kept: Vec<u8>,
    /// Since when something is unfinished.
    begun: Option<Instant>,
    heard: Instant,
}

impl AgentConnection {
    fn new(
        stream: TcpStream,
        peer: IpAddr,
        tls: Option<&Arc<ServerConfig>>,
        now: Instant,
    ) -> Option<AgentConnection> {
        stream.set_nonblocking(true).ok()?;
        // An agent whose machine is gone is found by the kernel.
        let _ = set_socket_keepalive(&stream, true);
        let tls = match tls {
            None => None,
            Some(config) => Some(Box::new(ServerConnection::new(Arc::clone(config)).ok()?)),
        };
        let begun = tls.is_some().then_some(now);
        Some(AgentConnection { stream, tls, peer, kept: Vec::new(), begun, heard: now })
    }

    fn is_slow(&self, reception: &Reception<'_>, now: Instant) -> bool {
        let is_slow = self.begun.is_some_and(|since| now.saturating_duration_since(since) > FINISH_WITHIN);
        if is_slow {
            reception.refuse(RefusedHep::Slow, self.peer);
        }
        is_slow
    }

    /// Takes what is there; false if the connection is over.
    fn read(&mut self, reception: &mut Reception<'_>, now: Instant) -> bool {
        self.heard = now;
        let mut taken = 0;
        while taken < TURN_BYTES {
            match self.read_some() {
                Ok(0) => return self.ends(reception),
                Ok(n) => taken += n,
                Err(e) if is_nothing(&e) => break,
                Err(e) => {
                    if e.kind() == io::ErrorKind::InvalidData {
                        reception.refuse(RefusedHep::Tls, self.peer);
                    }
                    return false;
                }
            }
            if !self.take_packets(reception, now) {
                return false;
            }
        }
        let is_greeting = self.tls.as_ref().is_some_and(|tls| tls.is_handshaking());
        if self.kept.is_empty() && !is_greeting {
            self.begun = None;
            return true;
        }
        self.begun.get_or_insert(now);
        !self.is_slow(reception, now)
    }

    /// Appends some bytes to what is kept; `Ok(0)` is the end of the stream.
    fn read_some(&mut self) -> io::Result<usize> {
        let mut bytes = [0; READ_BYTES];
        let n = match &mut self.tls {
            None => self.stream.read(&mut bytes)?,
            Some(tls) => read_plain(tls, &mut self.stream, &mut bytes)?,
        };
        self.kept.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    /// Hands on the packets that are whole; false if what is there is none.
    fn take_packets(&mut self, reception: &mut Reception<'_>, now: Instant) -> bool {
        let mut done = 0;
        loop {
            let rest = self.kept.get(done..).unwrap_or_default();
            match frame_len(rest) {
                Ok(Some(len)) if len <= rest.len() => {
                    // Behind one that cannot be read, but says how long it is, the next one can.
                    if reception.take(&rest[..len], self.peer) == Some(RefusedHep::Password) {
                        return false;
                    }
                    done += len;
                    self.begun = Some(now);
                }
                Ok(_) => break,
                Err(_) => {
                    reception.refuse(RefusedHep::Malformed, self.peer);
                    return false;
                }
            }
        }
        self.kept.drain(..done);
        true
    }

    /// The agent has ended: in the middle of a packet something is wrong with it.
    fn ends(&self, reception: &Reception<'_>) -> bool {
        if !self.kept.is_empty() {
            reception.refuse(RefusedHep::Malformed, self.peer);
        }
        false
    }
}
