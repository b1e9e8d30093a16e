//! Telephones made of UDP sockets: a customer and an agent on a net of their own.

use nauhuri::codec::g711::Law;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The customer's number, and the part of it that may stand nowhere.
pub const NUMBER: &str = "+358401234567";
pub const SECRET: &str = "1234567";
/// Samples in a packet of 20 ms.
const SAMPLES: u32 = 160;
/// Loudest sample of what [`Call::talk`] sends.
pub const SPEECH_PEAK: i16 = 8000;

static NET: AtomicU16 = AtomicU16::new(1);
static CALLS: AtomicU64 = AtomicU64::new(1);

/// A net with a customer's and an agent's address.
pub struct Line {
    pub number: u16,
    customer: UdpSocket,
    agent: UdpSocket,
    calls: AtomicU16,
}

impl Line {
    /// A net nobody else uses.
    pub fn new() -> Arc<Line> {
        let number = NET.fetch_add(1, Ordering::Relaxed);
        let bind = |host| UdpSocket::bind(format!("127.20.{number}.{host}:5060")).unwrap();
        Arc::new(Line { number, customer: bind(1), agent: bind(2), calls: AtomicU16::new(0) })
    }

    /// A BPF expression for it.
    pub fn filter(&self) -> String {
        format!("net 127.20.{}.0/24", self.number)
    }

    fn ip(&self, who: Who) -> String {
        let host = if who == Who::Customer { 1 } else { 2 };
        format!("127.20.{}.{host}", self.number)
    }
}

/// A party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Customer,
    Agent,
}

impl Who {
    fn other(self) -> Who {
        if self == Who::Customer { Who::Agent } else { Who::Customer }
    }
}

/// One call from a customer to an agent: from [`NUMBER`] to 2001, unless it is said otherwise.
pub struct Call {
    line: Arc<Line>,
    pub id: String,
    /// The customer's number and the agent's.
    numbers: [String; 2],
    media: [UdpSocket; 2],
    sent: u32,
    /// Frames of G.729 that both say, over and over, instead of a tone in A-law.
    frames: Option<Vec<u8>>,
    /// When the 200 was sent.
    pub answered: Option<Instant>,
    /// When the last media packet was sent.
    pub last_media: Option<Instant>,
    /// When each of the customer's was.
    pub sent_at: Vec<Instant>,
}

impl Call {
    /// Sends the INVITE and the 180.
    pub fn ring(line: &Arc<Line>) -> Call {
        Call::ring_in(line, [NUMBER.into(), "2001".into()], None)
    }

    /// The same of the nth customer and the nth agent, up to 900.
    pub fn ring_of(line: &Arc<Line>, n: u64) -> Call {
        Call::ring_in(line, [format!("+35840{}", 2_000_000 + 37 * n), (2002 + n).to_string()], None)
    }

    /// An answered call in G.729: both say these frames.
    pub fn in_g729(line: &Arc<Line>, frames: Vec<u8>) -> Call {
        let mut call = Call::ring_in(line, [NUMBER.into(), "2001".into()], Some(frames));
        call.answer();
        call
    }

    fn ring_in(line: &Arc<Line>, numbers: [String; 2], frames: Option<Vec<u8>>) -> Call {
        let port = 20_000 + 2 * (line.calls.fetch_add(1, Ordering::Relaxed) % 20_000);
        let bind = |who| UdpSocket::bind(format!("{}:{port}", line.ip(who))).unwrap();
        let id = format!("call-{}@live.test", CALLS.fetch_add(1, Ordering::Relaxed));
        let media = [bind(Who::Customer), bind(Who::Agent)];
        let call = Call {
            line: Arc::clone(line),
            id,
            numbers,
            media,
            sent: 0,
            frames,
            answered: None,
            last_media: None,
            sent_at: Vec::new(),
        };
        call.request(Who::Customer, "INVITE", 1, Some(Who::Customer));
        call.reply(180, None);
        call
    }

    /// A call that has been answered.
    pub fn answered(line: &Arc<Line>) -> Call {
        let mut call = Call::ring(line);
        call.answer();
        call
    }

    /// The agent's 200 and the customer's ACK.
    pub fn answer(&mut self) {
        self.reply(200, Some(Who::Agent));
        self.answered = Some(Instant::now());
        self.request(Who::Customer, "ACK", 1, None);
    }

    /// 183 and `seconds` of the loudest tone from the agent's side, before any answer.
    pub fn queue(&mut self, seconds: f64) {
        self.reply(183, Some(Who::Agent));
        self.play(seconds, 32_000, &[Who::Agent], &AtomicBool::new(false));
    }

    /// Both talk, in real time.
    pub fn talk(&mut self, seconds: f64) {
        self.talk_until(seconds, &AtomicBool::new(false));
    }

    /// Both talk until `stop`, or for `seconds`.
    pub fn talk_until(&mut self, seconds: f64, stop: &AtomicBool) {
        self.play(seconds, SPEECH_PEAK, &[Who::Customer, Who::Agent], stop);
    }

    /// Hangs up.
    pub fn bye(self, by: Who) {
        self.request(by, "BYE", 2, None);
        let (to, ok) = (by, self.headers(by, "BYE", 2, true));
        self.send(to.other(), &format!("SIP/2.0 200 OK\r\n{ok}Content-Length: 0\r\n\r\n"));
    }

    fn play(&mut self, seconds: f64, peak: i16, from: &[Who], stop: &AtomicBool) {
        let began = Instant::now();
        for n in 0..(seconds * 50.0) as u32 {
            let due = began + Duration::from_millis(20) * n;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if stop.load(Ordering::Relaxed) {
                return;
            }
            for who in from {
                self.packet(*who, peak);
            }
            self.sent += 1;
            self.last_media = Some(Instant::now());
            self.sent_at.extend(self.last_media);
        }
    }

    fn packet(&self, who: Who, peak: i16) {
        let (hz, ssrc) = if who == Who::Customer { (400.0, 0xC0u32) } else { (700.0, 0xA0u32) };
        let start = self.sent * SAMPLES;
        let tone = |i: u32| {
            let turn = f64::from(start + i) * hz / 8000.0 * std::f64::consts::TAU;
            (turn.sin() * f64::from(peak)) as i16
        };
        let samples: Vec<i16> = (0..SAMPLES).map(tone).collect();
        let mut rtp = vec![0x80, if self.frames.is_some() { 18 } else { 8 }];
        rtp.extend_from_slice(&(self.sent as u16).to_be_bytes());
        rtp.extend_from_slice(&start.to_be_bytes());
        rtp.extend_from_slice(&ssrc.to_be_bytes());
        match &self.frames {
            // Two frames of ten octets.
            Some(frames) => rtp.extend(frames.iter().cycle().skip(20 * self.sent as usize).take(20)),
            None => Law::A.encode_into(&samples, &mut rtp),
        }
        let to = self.media[who.other() as usize].local_addr().unwrap();
        // A full loop-back queue is the test machine's trouble, not a fault of the test.
        let _ = self.media[who as usize].send_to(&rtp, to);
    }

    fn headers(&self, from: Who, method: &str, cseq: u32, tagged: bool) -> String {
        let (c, a) = (self.line.ip(Who::Customer), self.line.ip(Who::Agent));
        let ([number, extension], id) = (&self.numbers, &self.id);
        let customer = format!("<sip:{number}@{c}>;tag=c-{id}");
        let agent =
            format!("<sip:{extension}@{a}>{}", if tagged { format!(";tag=a-{id}") } else { String::new() });
        let (f, t) = if from == Who::Customer { (customer, agent) } else { (agent, customer) };
        let ip = self.line.ip(from);
        format!(
            "Via: SIP/2.0/UDP {ip}:5060;branch=z9hG4bK-{id}-{cseq}-{method}\r\nFrom: {f}\r\nTo: {t}\r\n\
             Call-ID: {id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{ip}:5060>\r\nMax-Forwards: 70\r\n"
        )
    }

    fn sdp(&self, of: Who) -> String {
        let (ip, port) = (self.line.ip(of), self.media[of as usize].local_addr().unwrap().port());
        let (number, name) = if self.frames.is_some() { (18, "G729") } else { (8, "PCMA") };
        format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {number}\r\na=rtpmap:{number} {name}/8000\r\n"
        )
    }

    fn body(&self, sdp: Option<Who>) -> String {
        match sdp.map(|who| self.sdp(who)) {
            Some(s) => format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{s}", s.len()),
            None => "Content-Length: 0\r\n\r\n".into(),
        }
    }

    fn request(&self, from: Who, method: &str, cseq: u32, sdp: Option<Who>) {
        let [customer, agent] = &self.numbers;
        let user = if from == Who::Customer { agent } else { customer };
        let host = self.line.ip(from.other());
        let headers = self.headers(from, method, cseq, method != "INVITE");
        let body = self.body(sdp);
        self.send(from, &format!("{method} sip:{user}@{host} SIP/2.0\r\n{headers}{body}"));
    }

    /// The agent's answer to the INVITE.
    fn reply(&self, code: u16, sdp: Option<Who>) {
        let headers = self.headers(Who::Customer, "INVITE", 1, true);
        self.send(Who::Agent, &format!("SIP/2.0 {code} Said\r\n{headers}{}", self.body(sdp)));
    }

    fn send(&self, from: Who, text: &str) {
        let (socket, to) = match from {
            Who::Customer => (&self.line.customer, &self.line.agent),
            Who::Agent => (&self.line.agent, &self.line.customer),
        };
        socket.send_to(text.as_bytes(), to.local_addr().unwrap()).unwrap();
    }
}

/// A call that talks on a thread of its own until `stop`.
pub fn talker(line: &Arc<Line>, stop: &Arc<AtomicBool>) -> JoinHandle<Call> {
    let (line, stop) = (Arc::clone(line), Arc::clone(stop));
    std::thread::spawn(move || {
        let mut call = Call::answered(&line);
        call.talk_until(3600.0, &stop);
        call
    })
}

/// How long a channel of a recording is.
pub fn seconds(samples: &[i16]) -> f64 {
    samples.len() as f64 / 8000.0
}

/// Somebody speaks in it.
pub fn heard(samples: &[i16]) -> bool {
    samples.iter().any(|s| s.abs() > SPEECH_PEAK / 2)
}
