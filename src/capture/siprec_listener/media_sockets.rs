//! Ports for media: a pair for each stream, out of the configured range.
//!
//! RTP on the even port, RTCP on the next one (RFC 3550 §11). Ports are given out in turn, so that one
//! that was just given back rests: what its last client still sends is nobody's.

use super::epoll_token::EpollToken;
use crate::siprec::{LineId, MediaPorts};
use crate::time::Timestamp;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use rustix::event::epoll;
use std::collections::HashMap;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::ops::RangeInclusive;
use std::os::fd::AsRawFd;
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
    /// Where the kernel notes when it received something.
    notes: Vec<u8>,
}

/// One datagram.
pub(super) struct MediaDatagram<'a> {
    /// Its sender.
    pub from: SocketAddr,
    /// When the kernel received it: how long it waited for this thread is no delay of the sender's.
    pub at: Option<Timestamp>,
    /// It came on the port of RTCP.
    pub is_rtcp: bool,
    /// The bytes.
    pub payload: &'a [u8],
    /// There were more.
    pub truncated: bool,
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
        let (buffer, notes) = (vec![0; MAX_PACKET], nix::cmsg_space!(nix::sys::time::TimeSpec));
        MediaSockets { range, next, epoll, by_line, pairs, last: 0, buffer, notes }
    }

    /// Takes what is there of one socket.
    pub fn receive(&mut self, token: u64, mut take: impl FnMut(LineId, MediaDatagram<'_>)) {
        let Some(pair) = self.pairs.get(&(token >> 1)) else { return };
        let is_rtcp = token & 1 == 1;
        let socket = &pair.sockets[usize::from(is_rtcp)];
        for _ in 0..TURN {
            let Some(got) = received(socket, &mut self.buffer, &mut self.notes) else { return };
            let payload = self.buffer.get(..got.len).unwrap_or_default();
            let (from, at, truncated) = (got.from, got.at, got.truncated);
            take(pair.id, MediaDatagram { from, at, is_rtcp, payload, truncated });
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
    // Without it the time is when we look.
    let _ = setsockopt(&socket, ReceiveTimestampns, &true);
    Ok(socket)
}

struct Received {
    len: usize,
    from: SocketAddr,
    at: Option<Timestamp>,
    truncated: bool,
}

/// The next datagram; [`None`] where there is none.
fn received(socket: &UdpSocket, buffer: &mut [u8], notes: &mut [u8]) -> Option<Received> {
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::empty();
    let got = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(notes), flags).ok()?;
    let at = got.cmsgs().ok().into_iter().flatten().find_map(|note| match note {
        ControlMessageOwned::ScmTimestampns(t) => {
            Some(Timestamp::from_parts(t.tv_sec(), u32::try_from(t.tv_nsec()).unwrap_or_default()))
        }
        _ => None,
    });
    let from = got.address?;
    let v4 = || from.as_sockaddr_in().map(|a| SocketAddr::from(SocketAddrV4::from(*a)));
    let v6 = || from.as_sockaddr_in6().map(|a| SocketAddr::from(SocketAddrV6::from(*a)));
    let from = v4().or_else(v6)?;
    let from = SocketAddr::new(from.ip().to_canonical(), from.port());
    Some(Received { len: got.bytes, from, at, truncated: got.flags.contains(MsgFlags::MSG_TRUNC) })
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
