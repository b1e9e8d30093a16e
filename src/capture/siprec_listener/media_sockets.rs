//! Ports for media: a pair for each stream, out of the configured range.
//!
//! RTP on the even port, RTCP on the next one (RFC 3550 §11). Ports are given out in turn, so that one
//! that was just given back rests: what its last client still sends is nobody's.

use super::epoll_token::EpollToken;
use crate::siprec::{LineId, MediaPorts};
use rustix::event::epoll;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Packets taken of one socket before the next is looked at.
const TURN: usize = 64;
/// Longest packet of media, bytes; a longer one is cut, and marked.
const MAX_PACKET: usize = 4096;
/// Pairs tried before the range counts as full: others may use ports of it.
const MAX_TRIES: usize = 1024;

/// All of them.
pub(super) struct MediaSockets {
    range: RangeInclusive<u16>,
    next: u16,
    epoll: Arc<OwnedFd>,
    by_line: HashMap<LineId, u64>,
    pairs: HashMap<u64, MediaPair>,
    last: u64,
    buffer: Vec<u8>,
}

struct MediaPair {
    id: LineId,
    /// RTP, RTCP.
    sockets: [UdpSocket; 2],
}

impl MediaSockets {
    /// Of this range; what is opened is watched by `epoll`.
    pub fn new(range: RangeInclusive<u16>, epoll: Arc<OwnedFd>) -> MediaSockets {
        let next = *range.start();
        let (by_line, pairs) = (HashMap::new(), HashMap::new());
        MediaSockets { range, next, epoll, by_line, pairs, last: 0, buffer: vec![0; MAX_PACKET] }
    }

    /// Takes what is there of one socket: of which line, from where, whether it is RTCP, the bytes, and
    /// whether they were cut.
    pub fn receive(&mut self, token: u64, mut take: impl FnMut(LineId, SocketAddr, bool, &[u8], bool)) {
        let Some(pair) = self.pairs.get(&(token >> 1)) else { return };
        let is_rtcp = token & 1 == 1;
        for _ in 0..TURN {
            let Ok((len, from)) = pair.sockets[usize::from(is_rtcp)].recv_from(&mut self.buffer) else {
                return;
            };
            let from = SocketAddr::new(from.ip().to_canonical(), from.port());
            let bytes = self.buffer.get(..len).unwrap_or_default();
            take(pair.id, from, is_rtcp, bytes, len == MAX_PACKET);
        }
    }

    /// The next even port of the range, and whether it is the last pair before it begins again.
    fn step(&mut self) -> Option<u16> {
        let (first, last) = (*self.range.start(), *self.range.end());
        let even = |port: u16| port.checked_add(port & 1);
        let fits = |port: &u16| *port >= first && port.checked_add(1).is_some_and(|odd| odd <= last);
        let port = even(self.next).filter(fits).or_else(|| even(first).filter(fits))?;
        self.next = port.checked_add(2).unwrap_or(first);
        Some(port)
    }
}

/// A pair of ports of this address; of all addresses where clients are told one that is not this machine's
/// but a NAT's.
fn bind(port: u16, addr: IpAddr) -> io::Result<[UdpSocket; 2]> {
    let any: IpAddr =
        if addr.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let both = |ip: IpAddr| io::Result::Ok([bound(ip, port)?, bound(ip, port + 1)?]);
    match both(addr) {
        Err(e) if e.kind() == io::ErrorKind::AddrNotAvailable => both(any),
        done => done,
    }
}

fn bound(ip: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((ip, port))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl MediaPorts for MediaSockets {
    fn open(&mut self, id: LineId, addr: IpAddr) -> Option<u16> {
        for _ in 0..MAX_TRIES.min(self.range.len() / 2) {
            let port = self.step()?;
            let sockets = match bind(port, addr) {
                Ok(sockets) => sockets,
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => continue,
                // Out of files: no other port helps.
                Err(_) => return None,
            };
            self.last += 1;
            let number = self.last;
            for (i, socket) in (0..).zip(&sockets) {
                let token = EpollToken::Media(number << 1 | i).token();
                epoll::add(&*self.epoll, socket, token, epoll::EventFlags::IN).ok()?;
            }
            self.by_line.insert(id, number);
            self.pairs.insert(number, MediaPair { id, sockets });
            return Some(port);
        }
        None
    }

    fn close(&mut self, id: LineId) {
        // Closed sockets leave epoll by themselves.
        if let Some(number) = self.by_line.remove(&id) {
            self.pairs.remove(&number);
        }
    }
}
