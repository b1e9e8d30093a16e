//! Recording clients of SIPREC: sockets for their SIP and their media, on one thread.
//!
//! What they say and what is to be done about it is [`crate::siprec`]'s; here it is received, sent and
//! stamped, and what the engine is to be told is offered to the capture loop, in the order it came. SIP
//! over UDP comes on one socket for each address, over TCP and TLS on connections (`sip_streams`); media
//! on a pair of ports for each stream (`media_sockets`). Epoll says who has something.

mod epoll_token;
mod media_sockets;
mod sip_streams;
pub mod siprec_counts;

use super::feed::{Feed, Listener};
use super::tls::{self, TlsError};
use super::wall_clock;
use crate::config::Config;
use crate::config::listen_at::{ListenAt, ListenOver};
use crate::net::OwnedDatagram;
use crate::siprec::{Fed, Output, RecordingServer, SipPeer, SipTransport};
use crate::time::Timestamp;
use epoll_token::EpollToken;
use media_sockets::MediaSockets;
use rustix::event::{Timespec, epoll};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use sip_streams::{MAX_MESSAGE, SipStreams};
use siprec_counts::{SiprecCounts, SiprecReport};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest wait for anything; repeats and timers are served in between.
const WAIT: Duration = Duration::from_millis(20);
/// How often what was counted is handed on.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// Clients are waited for so long at the stop, to answer our BYE.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// What the kernel may keep of a SIP socket while the thread is busy, bytes; it may grant less.
const SOCKET_BYTES: usize = 4 << 20;
/// Messages taken of one socket before the next is looked at.
const TURN: usize = 256;
/// Things that are ready looked at in one turn.
const MAX_READY: usize = 512;
/// Clients whose way to us is remembered.
const MAX_ROUTES: usize = 1024;

/// Why clients cannot be received.
#[derive(Debug, thiserror::Error)]
pub enum SiprecListenError {
    /// The address cannot be had.
    #[error("siprec.listen: cannot listen on {at}: {why}")]
    Address {
        /// As configured.
        at: String,
        /// What the system said.
        why: io::Error,
    },
    /// Certificate or key.
    #[error("siprec.tls: {0}")]
    Tls(#[from] TlsError),
}

/// All sockets of `[siprec]`.
pub struct SiprecListener {
    config: Config,
    doors: Vec<SipDoor>,
    counts: Arc<SiprecCounts>,
}

/// One address.
struct SipDoor {
    at: ListenAt,
    socket: DoorSocket,
}

enum DoorSocket {
    Udp(UdpSocket),
    Stream(TcpListener, Option<Arc<rustls::ServerConfig>>),
}

impl SiprecListener {
    /// Opens every address; [`None`] where there is none.
    ///
    /// # Errors
    /// [`SiprecListenError`]
    pub fn open(config: &Config) -> Result<Option<SiprecListener>, SiprecListenError> {
        let own = &config.siprec;
        if own.listen.is_empty() {
            return Ok(None);
        }
        let tls = match own.tls.is_set() {
            true => Some(Arc::new(tls::server(&own.tls.cert, &own.tls.key)?)),
            false => None,
        };
        let open = |at: ListenAt| {
            let told = |why| SiprecListenError::Address { at: at.to_string(), why };
            Ok(SipDoor { at, socket: DoorSocket::open(at, tls.as_ref()).map_err(told)? })
        };
        let doors: Result<Vec<SipDoor>, SiprecListenError> = own.listen.iter().copied().map(open).collect();
        let counts = Arc::new(SiprecCounts::default());
        Ok(Some(SiprecListener { config: config.clone(), doors: doors?, counts }))
    }

    /// Where it listens, ports chosen by the system included.
    pub fn addresses(&self) -> Vec<ListenAt> {
        let addr = |d: &SipDoor| d.socket.local().map_or(d.at, |addr| ListenAt { addr, ..d.at });
        self.doors.iter().map(addr).collect()
    }

    /// What it counts.
    pub fn counts(&self) -> &Arc<SiprecCounts> {
        &self.counts
    }
}

impl DoorSocket {
    fn open(at: ListenAt, tls: Option<&Arc<rustls::ServerConfig>>) -> io::Result<DoorSocket> {
        if at.transport == ListenOver::Udp {
            let socket = UdpSocket::bind(at.addr)?;
            socket.set_nonblocking(true)?;
            // It works with less as well.
            let _ = set_socket_recv_buffer_size(&socket, SOCKET_BYTES);
            return Ok(DoorSocket::Udp(socket));
        }
        let listener = TcpListener::bind(at.addr)?;
        listener.set_nonblocking(true)?;
        let tls = tls.filter(|_| at.transport == ListenOver::Tls).cloned();
        Ok(DoorSocket::Stream(listener, tls))
    }

    fn local(&self) -> Option<SocketAddr> {
        match self {
            DoorSocket::Udp(socket) => socket.local_addr(),
            DoorSocket::Stream(listener, _) => listener.local_addr(),
        }
        .ok()
    }
}

impl Listener for SiprecListener {
    fn name(&self) -> String {
        let all: Vec<String> = self.addresses().iter().map(ToString::to_string).collect();
        format!("siprec {}", all.join(" "))
    }

    fn receive(&self, feed: &Feed, goes_on: &dyn Fn() -> bool) {
        let Ok(mut service) = SiprecService::new(self, feed) else {
            // Out of files: asked for again when the thread is started again.
            return std::thread::sleep(Duration::from_secs(1));
        };
        while goes_on() {
            if feed.is_closed() {
                service.stop();
            }
            service.turn();
        }
        service.stop();
        let asked = Instant::now();
        while service.server.sessions() > 0 && asked.elapsed() < LAST_ANSWERS {
            service.turn();
        }
        service.report();
    }
}

/// The thread's own.
struct SiprecService<'a> {
    listener: &'a SiprecListener,
    feed: &'a Feed,
    epoll: Arc<OwnedFd>,
    server: RecordingServer,
    media: MediaSockets,
    streams: SipStreams,
    clock: SteadyClock,
    routes: HashMap<IpAddr, IpAddr>,
    reported: Instant,
    is_stopping: bool,
    failed_sends: u64,
}

impl<'a> SiprecService<'a> {
    fn new(listener: &'a SiprecListener, feed: &'a Feed) -> io::Result<SiprecService<'a>> {
        let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        for (i, door) in listener.doors.iter().enumerate() {
            let (token, flags) = (EpollToken::Door(i).token(), epoll::EventFlags::IN);
            match &door.socket {
                DoorSocket::Udp(socket) => epoll::add(&*epoll, socket, token, flags)?,
                DoorSocket::Stream(socket, _) => epoll::add(&*epoll, socket, token, flags)?,
            }
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        Ok(SiprecService {
            listener,
            feed,
            server: RecordingServer::new(&listener.config, seed),
            media: MediaSockets::new(listener.config.siprec.rtp_ports.ports(), Arc::clone(&epoll)),
            streams: SipStreams::new(Arc::clone(&epoll)),
            epoll,
            clock: SteadyClock::new(),
            routes: HashMap::new(),
            reported: Instant::now(),
            is_stopping: false,
            failed_sends: 0,
        })
    }

    fn stop(&mut self) {
        if !std::mem::replace(&mut self.is_stopping, true) {
            self.server.stop(self.clock.now());
            self.give_out();
        }
    }

    /// Serves what is ready, and the time.
    fn turn(&mut self) {
        let mut ready: Vec<epoll::Event> = Vec::with_capacity(MAX_READY);
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(WAIT.subsec_nanos()) };
        // Interrupted: nothing is ready, and is asked for again.
        let spare = rustix::buffer::spare_capacity(&mut ready);
        let _ = epoll::wait(&*self.epoll, spare, Some(&timeout));
        for event in ready {
            match EpollToken::of(event.data.u64()) {
                EpollToken::Door(i) => self.at_door(i),
                EpollToken::Stream(id) => self.on_stream(id),
                EpollToken::Media(token) => self.take_media(token),
            }
        }
        self.server.handle_timeout(self.clock.now(), &mut self.media);
        self.give_out();
        self.streams.look();
        if self.reported.elapsed() >= REPORT_EVERY {
            self.report();
        }
    }

    fn at_door(&mut self, i: usize) {
        let Some(door) = self.listener.doors.get(i) else { return };
        let socket = match &door.socket {
            DoorSocket::Udp(socket) => socket,
            DoorSocket::Stream(listener, tls) => return self.streams.accept(listener, tls.as_ref()),
        };
        let mut buffer = vec![0; MAX_MESSAGE];
        for _ in 0..TURN {
            let Ok((len, remote)) = socket.recv_from(&mut buffer) else { return };
            let local = self.local(socket, remote);
            let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
            let peer = SipPeer { transport: SipTransport::Udp, remote, local, way: i as u64 };
            let bytes = buffer.get(..len).unwrap_or_default();
            self.server.handle_message(bytes, peer, self.clock.now(), &mut self.media);
            self.give_out();
        }
    }

    fn on_stream(&mut self, id: u64) {
        let messages = self.streams.read(id);
        let Some(peer) = self.streams.peer(id) else { return };
        for message in messages {
            self.server.handle_message(&message, peer, self.clock.now(), &mut self.media);
            self.give_out();
            if !self.server.allows(peer.remote.ip()) {
                // It has had its answer.
                return self.streams.close(id);
            }
        }
    }

    fn take_media(&mut self, token: u64) {
        let now = self.clock.now();
        let SiprecService { server, media, feed, .. } = self;
        media.receive(token, |id, d| {
            for flow in server.handle_media(id, d.from, d.is_rtcp, now) {
                let (ts, transport) = (d.at.unwrap_or_else(wall_clock), crate::net::Transport::Udp);
                let (payload, truncated) = (d.payload.to_vec(), d.truncated);
                feed.offer_told(OwnedDatagram { ts, flow, transport, payload, truncated, sliced: false });
            }
        });
    }

    /// Sends and tells what the server has to say.
    fn give_out(&mut self) {
        while let Some(output) = self.server.poll() {
            match output {
                Output::Send(to, bytes) => self.send(&to, &bytes),
                Output::Feed(Fed { flow, transport, payload }) => {
                    let (truncated, sliced) = (false, false);
                    self.feed.offer_told(OwnedDatagram {
                        ts: wall_clock(),
                        flow,
                        transport,
                        payload,
                        truncated,
                        sliced,
                    });
                }
            }
        }
    }

    fn send(&mut self, to: &SipPeer, bytes: &[u8]) {
        let is_sent = match to.transport {
            SipTransport::Tcp | SipTransport::Tls => self.streams.send(to, bytes),
            SipTransport::Udp => {
                let door = self.listener.doors.get(to.way as usize).map(|d| &d.socket);
                match door {
                    Some(DoorSocket::Udp(socket)) => socket.send_to(bytes, mapped(socket, to.remote)).is_ok(),
                    _ => false,
                }
            }
        };
        self.failed_sends += u64::from(!is_sent);
    }

    /// Our address as this client reaches it: where the socket has all of them, the kernel says.
    fn local(&mut self, socket: &UdpSocket, remote: SocketAddr) -> SocketAddr {
        let Ok(own) = socket.local_addr() else { return remote };
        if !own.ip().is_unspecified() {
            return own;
        }
        let ip = remote.ip().to_canonical();
        if let Some(known) = self.routes.get(&ip) {
            return SocketAddr::new(*known, own.port());
        }
        let any: IpAddr =
            if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let asked = UdpSocket::bind((any, 0)).and_then(|s| {
            s.connect((ip, remote.port()))?;
            s.local_addr()
        });
        let Ok(found) = asked else { return own };
        if self.routes.len() >= MAX_ROUTES {
            self.routes.clear();
        }
        self.routes.insert(ip, found.ip());
        SocketAddr::new(found.ip(), own.port())
    }

    fn report(&mut self) {
        self.reported = Instant::now();
        self.listener.counts.set(SiprecReport {
            sessions: self.server.sessions() as u64,
            server: self.server.stats().clone(),
            streams: self.streams.counts(),
            failed_sends: self.failed_sends,
        });
    }
}

/// As the socket has it: an IPv4 address on a socket for both is one of IPv6.
fn mapped(socket: &UdpSocket, to: SocketAddr) -> SocketAddr {
    match (socket.local_addr().is_ok_and(|a| a.is_ipv6()), to) {
        (true, SocketAddr::V4(v4)) => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        (_, to) => to,
    }
}

/// The time that timers run by: nobody sets it.
struct SteadyClock {
    began: Instant,
    base: Timestamp,
}

impl SteadyClock {
    fn new() -> SteadyClock {
        SteadyClock { began: Instant::now(), base: wall_clock() }
    }

    fn now(&self) -> Timestamp {
        self.base + self.began.elapsed()
    }
}
