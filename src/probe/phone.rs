//! The telephone's sockets: SIP over UDP or TCP, and its sound.
//!
//! What is said is [`PlacedCall`]'s; here it is sent, received and timed.

use crate::caller::{CallEnd, CallPlan, MediaTarget, PlacedCall, Signature, SipAccount};
use crate::capture::wall_clock;
use crate::codec::g711::ALAW_SILENCE;
use crate::config::exchange_address::ExchangeAddress;
use crate::config::probe_keys::ProbeSection;
use crate::sip::Framer;
use crate::time::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Longest message that is read, bytes: what UDP carries.
const MAX_MESSAGE: usize = 64 << 10;
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest wait for anything: a signal is noticed within it.
const NAP: Duration = Duration::from_millis(100);
/// The sound of one packet.
const PACKET: Duration = Duration::from_millis(20);
/// Samples of one packet.
const SAMPLES: usize = 160;
/// Silence before the tones: a path through gateways opens in that time.
pub const LEAD: Duration = Duration::from_millis(500);

/// A telephone, ready to call.
pub struct Phone {
    way: SipWay,
    media: UdpSocket,
    exchange: SocketAddr,
}

enum SipWay {
    Udp(UdpSocket),
    Tcp(TcpStream, Box<Framer>),
}

/// How a call went.
#[derive(Debug)]
pub struct CallReport {
    /// Its Call-ID.
    pub call_id: String,
    /// When it was placed.
    pub began: Timestamp,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// How long after the answer the first tone was sent.
    pub tones_after: Option<Duration>,
    /// All tones were sent.
    pub all_played: bool,
    /// When it was over.
    pub ended_at: Timestamp,
    /// How it ended.
    pub end: CallEnd,
    /// Packets of sound sent.
    pub sent_packets: u64,
    /// Datagrams that came where we wanted sound.
    pub heard_packets: u64,
}

/// What a call is placed with.
pub struct ProbeErrand<'a> {
    /// `[probe]`
    pub settings: &'a ProbeSection,
    /// The exchange's name, for URIs.
    pub host: &'a str,
    /// The account.
    pub account: Option<SipAccount>,
    /// Which call it is: what is played comes from it.
    pub id: Uuid,
    /// 32 octets nobody else knows.
    pub seed: [u8; 32],
    /// Whether to hang up early.
    pub is_stopped: &'a dyn Fn() -> bool,
}

impl Phone {
    /// Finds the exchange and opens sockets on the address that leads to it.
    ///
    /// # Errors
    /// No such name, no way there, or nobody takes the connection.
    pub fn open(exchange: &ExchangeAddress) -> io::Result<Phone> {
        let name = (exchange.host.trim_matches(['[', ']']), exchange.port);
        let to = name.to_socket_addrs()?.next().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let any: SocketAddr =
            if to.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }.parse().map_err(io::Error::other)?;
        let guide = UdpSocket::bind(any)?;
        guide.connect(to)?;
        let own = SocketAddr::new(guide.local_addr()?.ip(), 0);
        let way = match exchange.is_tcp {
            true => {
                let stream = TcpStream::connect_timeout(&to, CONNECT)?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                SipWay::Tcp(stream, Box::new(Framer::new(MAX_MESSAGE)))
            }
            false => SipWay::Udp(silent(UdpSocket::bind(own)?)?),
        };
        Ok(Phone { way, media: silent(even(own)?)?, exchange: to })
    }

    /// Places the call and stays until it is over.
    ///
    /// # Errors
    /// The sockets fail.
    pub fn call(mut self, errand: ProbeErrand<'_>) -> io::Result<CallReport> {
        let (from, to) = errand.settings.uris(errand.host);
        let plan = CallPlan {
            to,
            from,
            account: errand.account,
            local: self.way.local()?,
            media: self.media.local_addr()?,
            is_tcp: matches!(self.way, SipWay::Tcp(..)),
            ring: errand.settings.ring,
            seed: errand.seed,
        };
        // The machine's clock when it began, and how long it has been since: a clock that is set meanwhile
        // moves no timer.
        let (began, start) = (wall_clock(), Instant::now());
        let now = || began + start.elapsed();
        let mut call = PlacedCall::new(plan, began);
        let mut player = Player::new(errand.id);
        let mut heard_packets = 0;
        let end = loop {
            while let Some((to, bytes)) = call.poll_output() {
                self.way.send(to.unwrap_or(self.exchange), &bytes)?;
            }
            if let Some(end) = call.end() {
                break end.clone();
            }
            if (errand.is_stopped)() {
                call.break_off(now());
            }
            let mut wait = NAP;
            if let (true, Some(answered), Some(target)) =
                (call.is_talking(), call.answered_at(), call.media())
            {
                let talked = Duration::from_nanos(now().since_ns(answered).max(0).unsigned_abs());
                if talked >= errand.settings.talk {
                    call.hang_up(now());
                    continue;
                }
                wait = player.play(&self.media, target, talked).min(NAP);
            }
            if let Some(due) = call.poll_timeout() {
                wait = wait.min(Duration::from_nanos(due.since_ns(now()).max(0).unsigned_abs()));
            }
            self.wait(wait)?;
            heard_packets += drain(&self.media);
            let exchange = self.exchange;
            self.way.receive(exchange, &mut |bytes, from| call.handle_message(bytes, from, now()))?;
            call.handle_timeout(now());
        };
        Ok(CallReport {
            call_id: call.call_id().to_owned(),
            began,
            answered_at: call.answered_at(),
            tones_after: player.tones_after,
            all_played: player.is_done(),
            ended_at: now(),
            end,
            sent_packets: player.sent,
            heard_packets,
        })
    }

    /// Until something comes, `wait` at most.
    fn wait(&self, wait: Duration) -> io::Result<()> {
        // Not shorter than what poll(2) sleeps: a timer is due when it looks again.
        let wait = wait.max(Duration::from_micros(200));
        let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        let sip = match &self.way {
            SipWay::Udp(socket) => PollFd::new(socket, PollFlags::IN),
            SipWay::Tcp(stream, _) => PollFd::new(stream, PollFlags::IN),
        };
        match poll(&mut [sip, PollFd::new(&self.media, PollFlags::IN)], Some(&timeout)) {
            Err(e) if e != rustix::io::Errno::INTR => Err(e.into()),
            _ => Ok(()),
        }
    }
}

impl SipWay {
    fn local(&self) -> io::Result<SocketAddr> {
        match self {
            SipWay::Udp(socket) => socket.local_addr(),
            SipWay::Tcp(stream, _) => stream.local_addr(),
        }
    }

    fn send(&mut self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        match self {
            // What cannot be sent is sent again in time; an exchange that is away for a moment is no fault of ours.
            SipWay::Udp(socket) => drop(socket.send_to(bytes, to)),
            SipWay::Tcp(stream, _) => stream.write_all(bytes)?,
        }
        Ok(())
    }

    fn receive(&mut self, exchange: SocketAddr, take: &mut dyn FnMut(&[u8], SocketAddr)) -> io::Result<()> {
        let mut buffer = vec![0; MAX_MESSAGE];
        loop {
            match self {
                SipWay::Udp(socket) => match socket.recv_from(&mut buffer) {
                    Ok((n, from)) => take(&buffer[..n], from),
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                    // What an ICMP message says of an earlier datagram.
                    Err(_) => return Ok(()),
                },
                SipWay::Tcp(stream, framer) => match stream.read(&mut buffer) {
                    Ok(0) => return Err(io::ErrorKind::ConnectionAborted.into()),
                    Ok(n) => {
                        framer.push(&buffer[..n]);
                        while let Some(message) = framer.next_message() {
                            take(message, exchange);
                        }
                    }
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                },
            }
        }
    }
}

/// A socket on an even port: some gateways take the next one for RTCP without asking.
fn even(own: SocketAddr) -> io::Result<UdpSocket> {
    let mut last = UdpSocket::bind(own)?;
    for _ in 0..32 {
        if last.local_addr()?.port() % 2 == 0 {
            break;
        }
        last = UdpSocket::bind(own)?;
    }
    Ok(last)
}

fn silent(socket: UdpSocket) -> io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Counts what came.
fn drain(media: &UdpSocket) -> u64 {
    let mut buffer = [0; 2048];
    std::iter::from_fn(|| media.recv_from(&mut buffer).ok()).count() as u64
}

/// The sound, packet by packet (RFC 3550 §5.1).
struct Player {
    octets: Vec<u8>,
    ssrc: [u8; 4],
    /// The next packet's number since the answer.
    next: u32,
    sent: u64,
    tones_after: Option<Duration>,
}

impl Player {
    fn new(id: Uuid) -> Player {
        let lead = LEAD.as_millis() as usize * 8;
        let mut octets = vec![ALAW_SILENCE; lead];
        octets.extend(Signature::of(id).alaw());
        let [.., a, b, c, d] = *id.as_bytes();
        Player { octets, ssrc: [a, b, c, d], next: 0, sent: 0, tones_after: None }
    }

    fn is_done(&self) -> bool {
        self.next as usize * SAMPLES >= self.octets.len()
    }

    /// Sends what is due `talked` after the answer; how long it is to the next.
    fn play(&mut self, media: &UdpSocket, target: MediaTarget, talked: Duration) -> Duration {
        while PACKET * self.next <= talked {
            let at = self.next as usize * SAMPLES;
            let mut octets = self.octets.get(at..).unwrap_or_default().to_vec();
            octets.resize(SAMPLES, ALAW_SILENCE);
            // On hold nobody is to hear us; what would have been said then is not said later.
            if target.is_wanted {
                if PACKET * self.next >= LEAD && self.tones_after.is_none() {
                    self.tones_after = Some(talked);
                }
                let _ = media.send_to(&self.packet(target.payload_type, &octets), target.to);
                self.sent += 1;
            }
            self.next += 1;
        }
        PACKET * self.next - talked
    }

    fn packet(&self, payload_type: u8, octets: &[u8]) -> Vec<u8> {
        // The marker begins a talkspurt (RFC 3551 §4.1).
        let marker = if self.next == 0 { 0x80 } else { 0 };
        let mut packet = vec![0x80, marker | payload_type & 0x7F];
        packet.extend((self.next as u16).to_be_bytes());
        packet.extend((self.next.wrapping_mul(SAMPLES as u32)).to_be_bytes());
        packet.extend(self.ssrc);
        packet.extend(octets);
        packet
    }
}
