//! Calls by the thousand for benches and load tests: N inbound calls of S seconds as Ethernet frames in time order.
//!
//! Each call is INVITE/180/200/ACK, two RTP streams of 20 ms packets, BYE/200 over UDP and IPv4. Memory grows
//! with the calls that overlap, never with the packets: a heap holds one next event for each running call. The same
//! `Plan` gives the same bytes. Must not know the recorder: it is its load and, by `payload`, its oracle.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::net::Ipv4Addr;

/// Interval of RTP packets in nanoseconds.
const PTIME_NS: u64 = 20_000_000;
/// Samples of the RTP clock in one packet; G.722's clock runs at 8 kHz too (RFC 3551 §4.5.2).
const TICKS: u32 = 160;
/// Bytes of payload in one packet: all three codecs send 64 kbit/s.
pub const PAYLOAD: usize = 160;
/// From the INVITE to the 180, the 200, the ACK and the first RTP packet, in nanoseconds.
const STEPS: [u64; 5] = [0, 50_000_000, 200_000_000, 210_000_000, 220_000_000];
/// The agent's packets follow the customer's by this much.
const AGENT_LAG_NS: u64 = 7_000_000;
/// Where the UDP header begins in a frame, after Ethernet and IPv4.
const UDP_AT: usize = 34;
/// Where the UDP payload begins in a frame.
pub const BODY_AT: usize = 42;

/// Which payload type the calls use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722.
    G722,
}

impl Codec {
    /// Static payload type (RFC 3551 §6).
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
        }
    }
}

/// Which end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// The caller, on the trunk.
    Customer,
    /// The called extension.
    Agent,
}

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many calls.
    pub calls: u32,
    /// Length of each, from the answer to the BYE, in seconds.
    pub seconds: u32,
    /// Codec of every call.
    pub codec: Codec,
    /// Time between the starts of two calls, in nanoseconds.
    pub apart_ns: u64,
    /// Start of the first call, nanoseconds since 1970.
    pub start_ns: u64,
    /// Number of the first customer, international without `+`; each call takes the next one.
    pub customers_base: u64,
}

impl Plan {
    /// Every call within the first second: all overlap (as long as `seconds` > 1).
    pub fn all_at_once(mut self) -> Self {
        self.apart_ns = 1_000_000_000 / u64::from(self.calls.max(1));
        self
    }

    /// Calls evenly spread, about `concurrent` of them at any time.
    pub fn staggered(mut self, concurrent: u32) -> Self {
        self.apart_ns = u64::from(self.seconds.max(1)) * 1_000_000_000 / u64::from(concurrent.max(1));
        self
    }

    /// RTP packets each party sends in one call.
    pub fn packets(&self) -> u64 {
        (u64::from(self.seconds) * 1_000_000_000).saturating_sub(STEPS[4] - STEPS[2]) / PTIME_NS
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            calls: 100,
            seconds: 10,
            codec: Codec::Pcma,
            apart_ns: 10_000_000,
            start_ns: 1_795_000_000_000_000_000,
            customers_base: 358_400_000_000,
        }
    }
}

/// The payload of packet `n` (from 0) of one party of call `call`: pseudo-random, the same each time.
pub fn payload(call: u32, party: Party, n: u64, out: &mut [u8; PAYLOAD]) {
    let mut x = (u64::from(call) << 33) ^ (n << 1) ^ u64::from(party == Party::Agent) ^ 0x9E37_79B9_7F4A_7C15;
    for chunk in out.chunks_exact_mut(8) {
        // Knuth's MMIX generator; its high half is the better one.
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        chunk.copy_from_slice(&(x ^ (x >> 29)).to_le_bytes());
    }
}

/// What a call does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Invite,
    Ringing,
    Answer,
    Ack,
    Media(Party, u64),
    Bye,
    ByeOk,
}

/// The frames of a `Plan`, in time order.
pub struct Generator {
    plan: Plan,
    /// Earliest first: time, call, what.
    due: BinaryHeap<Reverse<(u64, u32, Event)>>,
    next_call: u32,
    text: Vec<u8>,
}

impl Generator {
    /// Ready to give the first frame.
    pub fn new(plan: Plan) -> Self {
        Self { plan, due: BinaryHeap::new(), next_call: 0, text: Vec::with_capacity(1024) }
    }

    /// Writes the next frame into `frame` (replacing what was there) and returns its time in nanoseconds since 1970.
    pub fn next_frame(&mut self, frame: &mut Vec<u8>) -> Option<u64> {
        self.admit();
        let Reverse((at, call, event)) = *self.due.peek()?;
        match event {
            Event::Media(party, n) => self.media(call, party, n, frame),
            signal => self.signal(call, signal, frame),
        }
        match self.after(at, call, event) {
            // Replacing the top sifts once, where pop and push would sift twice.
            Some((then, next)) => {
                if let Some(mut top) = self.due.peek_mut() {
                    *top = Reverse((then, call, next));
                }
            }
            None => drop(self.due.pop()),
        }
        Some(at)
    }

    /// Lets in the calls that start before anything else is due.
    fn admit(&mut self) {
        while self.next_call < self.plan.calls {
            let start = self.invite_at(self.next_call);
            if self.due.peek().is_some_and(|Reverse((at, ..))| *at < start) {
                return;
            }
            self.due.push(Reverse((start, self.next_call, Event::Invite)));
            self.next_call += 1;
        }
    }

    fn invite_at(&self, call: u32) -> u64 {
        self.plan.start_ns + u64::from(call) * self.plan.apart_ns
    }

    /// The event of `call` after `event`, and when.
    fn after(&self, at: u64, call: u32, event: Event) -> Option<(u64, Event)> {
        let start = self.invite_at(call);
        let bye = start + STEPS[2] + u64::from(self.plan.seconds) * 1_000_000_000;
        Some(match event {
            Event::Invite => (start + STEPS[1], Event::Ringing),
            Event::Ringing => (start + STEPS[2], Event::Answer),
            Event::Answer => (start + STEPS[3], Event::Ack),
            Event::Ack if self.plan.packets() == 0 => (bye.max(at), Event::Bye),
            Event::Ack => (start + STEPS[4], Event::Media(Party::Customer, 0)),
            Event::Media(Party::Customer, n) => (at + AGENT_LAG_NS, Event::Media(Party::Agent, n)),
            Event::Media(Party::Agent, n) if n + 1 < self.plan.packets() => {
                (at + PTIME_NS - AGENT_LAG_NS, Event::Media(Party::Customer, n + 1))
            }
            // The agent's last packet may fall just after the BYE's own time; order is kept.
            Event::Media(Party::Agent, _) => (bye.max(at), Event::Bye),
            Event::Bye => (at + 5_000_000, Event::ByeOk),
            Event::ByeOk => return None,
        })
    }

    fn media(&self, call: u32, party: Party, n: u64, frame: &mut Vec<u8>) {
        let mut body = [0u8; 12 + PAYLOAD];
        let first = u8::from(n == 0) << 7;
        body[0] = 0x80;
        body[1] = first | self.plan.codec.payload_type();
        // Both counters start near their ends, so that long calls wrap.
        let seq = (65_000 + u64::from(call) + n) as u16;
        let ts = (n as u32).wrapping_mul(TICKS).wrapping_sub(80_000).wrapping_add(call);
        body[2..4].copy_from_slice(&seq.to_be_bytes());
        body[4..8].copy_from_slice(&ts.to_be_bytes());
        body[8..12].copy_from_slice(&ssrc(call, party).to_be_bytes());
        if let Some(out) = body.last_chunk_mut::<PAYLOAD>() {
            payload(call, party, n, out);
        }
        let (from, to) = ends(party, media_address(call, Party::Customer), media_address(call, Party::Agent));
        put(frame, from, to, n as u16, &body);
    }

    fn signal(&mut self, call: u32, event: Event, frame: &mut Vec<u8>) {
        self.text.clear();
        // Writing to a Vec cannot fail.
        let _ = write_message(&mut self.text, &self.plan, call, event);
        let party = match event {
            Event::Invite | Event::Ack | Event::Bye => Party::Customer,
            Event::Ringing | Event::Answer | Event::ByeOk | Event::Media(..) => Party::Agent,
        };
        let trunk = (Ipv4Addr::new(198, 51, 100, 1), 5060);
        let (from, to) = ends(party, trunk, (media_address(call, Party::Agent).0, 5060));
        put(frame, from, to, 0x8000 | call as u16, &self.text);
    }
}

/// Writes a whole plan as a classic pcap with nanosecond times; returns how many frames.
pub fn write_pcap(plan: Plan, out: &mut impl Write) -> io::Result<u64> {
    for word in [0xA1B2_3C4Du32, 0x0004_0002, 0, 0, 262_144, 1] {
        out.write_all(&word.to_le_bytes())?;
    }
    let (mut generator, mut frame, mut frames) = (Generator::new(plan), Vec::with_capacity(2048), 0);
    while let Some(at) = generator.next_frame(&mut frame) {
        let mut head = [0u8; 16];
        let length = (frame.len() as u32).to_le_bytes();
        head[..4].copy_from_slice(&((at / 1_000_000_000) as u32).to_le_bytes());
        head[4..8].copy_from_slice(&((at % 1_000_000_000) as u32).to_le_bytes());
        head[8..12].copy_from_slice(&length);
        head[12..].copy_from_slice(&length);
        out.write_all(&head)?;
        out.write_all(&frame)?;
        frames += 1;
    }
    out.flush()?;
    Ok(frames)
}

/// SSRC of one party of a call; never zero.
pub fn ssrc(call: u32, party: Party) -> u32 {
    0x4000_0000 ^ (call << 1) | u32::from(party == Party::Agent)
}

/// Where a party receives media. No two calls of a plan share an address and port.
pub fn media_address(call: u32, party: Party) -> (Ipv4Addr, u16) {
    match party {
        // 20,000 even ports on each address of the trunk.
        Party::Customer => (Ipv4Addr::from(0xC633_6401 + call / 20_000), 10_000 + 2 * (call % 20_000) as u16),
        Party::Agent => (Ipv4Addr::from(0x0A00_0100 + (call & 0x00FF_FFFF) % 0x00FF_F000), 16_384),
    }
}

/// Extension of the agent who answers a call: 2000 to 2999.
pub fn extension(call: u32) -> u32 {
    2000 + call % 1000
}

type Address = (Ipv4Addr, u16);

fn ends(party: Party, customer: Address, agent: Address) -> (Address, Address) {
    if party == Party::Customer { (customer, agent) } else { (agent, customer) }
}

fn write_message(out: &mut Vec<u8>, plan: &Plan, call: u32, event: Event) -> io::Result<()> {
    let (number, agent) = (plan.customers_base + u64::from(call), extension(call));
    let (customer_ip, customer_port) = media_address(call, Party::Customer);
    let (agent_ip, agent_port) = media_address(call, Party::Agent);
    let (cseq, method) = match event {
        Event::Bye | Event::ByeOk => (2, "BYE"),
        Event::Ack => (1, "ACK"),
        _ => (1, "INVITE"),
    };
    match event {
        Event::Invite | Event::Ack | Event::Bye => {
            write!(out, "{method} sip:{agent}@{agent_ip}:5060 SIP/2.0\r\n")?
        }
        Event::Ringing => write!(out, "SIP/2.0 180 Ringing\r\n")?,
        Event::Answer | Event::ByeOk | Event::Media(..) => write!(out, "SIP/2.0 200 OK\r\n")?,
    }
    let branch = if matches!(event, Event::Ack) { "ACK" } else { method };
    let tag = if matches!(event, Event::Invite) { String::new() } else { format!(";tag=a{call}") };
    write!(
        out,
        "Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK{call}{branch}\r\n\
         From: <sip:+{number}@198.51.100.1>;tag=c{call}\r\nTo: <sip:{agent}@192.0.2.10>{tag}\r\n\
         Call-ID: {call}.load@nauhuri.example\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n"
    )?;
    let (ip, port, user, at) = match event {
        Event::Invite => (customer_ip, customer_port, format!("+{number}"), Ipv4Addr::new(198, 51, 100, 1)),
        Event::Answer => (agent_ip, agent_port, agent.to_string(), agent_ip),
        _ => return write!(out, "Content-Length: 0\r\n\r\n"),
    };
    if matches!(event, Event::Invite) {
        write!(out, "Diversion: <sip:116117@192.0.2.10>;reason=unconditional\r\n")?;
    }
    let (pt, name) = (plan.codec.payload_type(), plan.codec.name());
    let sdp = format!(
        "v=0\r\no=- {call} 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {pt}\r\n\
         a=rtpmap:{pt} {name}/8000\r\na=ptime:20\r\na=sendrecv\r\n"
    );
    write!(
        out,
        "Contact: <sip:{user}@{at}:5060>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

/// Ethernet, IPv4 and UDP around a body. The UDP checksum is left out, as RFC 768 allows.
fn put(frame: &mut Vec<u8>, from: Address, to: Address, id: u16, body: &[u8]) {
    let mut head = [0u8; BODY_AT];
    head[..14].copy_from_slice(&[2, 0, 0x5E, 0, 0x53, 2, 2, 0, 0x5E, 0, 0x53, 1, 8, 0]);
    head[14] = 0x45;
    head[16..18].copy_from_slice(&((20 + 8 + body.len()) as u16).to_be_bytes());
    head[18..20].copy_from_slice(&id.to_be_bytes());
    head[20] = 0x40;
    head[22] = 64;
    head[23] = 17;
    head[26..30].copy_from_slice(&from.0.octets());
    head[30..34].copy_from_slice(&to.0.octets());
    let mut sum: u32 =
        head[14..34].chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    sum = (sum & 0xFFFF) + (sum >> 16);
    sum = (sum & 0xFFFF) + (sum >> 16);
    head[24..26].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    head[UDP_AT..36].copy_from_slice(&from.1.to_be_bytes());
    head[36..38].copy_from_slice(&to.1.to_be_bytes());
    head[38..40].copy_from_slice(&((8 + body.len()) as u16).to_be_bytes());
    frame.clear();
    frame.extend_from_slice(&head);
    frame.extend_from_slice(body);
}
