//! `nauhuri record` without an interface, and recording clients over the machine's own addresses.

use crate::client::{Client, Person, header, ok_to};
use crate::common::ladder::{Dialog, Side};
use crate::common::run::{Recording, nauhuri, recordings};
use crate::common::voice::{Packet, Voice};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The program, running.
pub struct Program {
    child: Child,
    pub dir: tempfile::TempDir,
    /// What it said.
    pub said: Arc<Mutex<Vec<String>>>,
}

fn certificate(name: &str) -> PathBuf {
    crate::common::repository("tests/data/room").join(name)
}

impl Program {
    /// Started with this `[siprec]`; returns once it listens.
    pub fn start(siprec: &str) -> Program {
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "[agents]\nextensions = [\"2000-2999\"]\n[storage]\ndir = \"{}\"\nmin_free = \"0\"\n\
             [metrics]\nlisten = \"127.0.0.1:0\"\n[retention]\nclock = \"any\"\n[limits]\nworkers = 1\n{siprec}",
            dir.path().join("store").display()
        );
        std::fs::create_dir(dir.path().join("store")).unwrap();
        std::fs::write(dir.path().join("c.toml"), config).unwrap();
        let mut child = nauhuri()
            .args(["record", "--log-format", "json", "--config"])
            .arg(dir.path().join("c.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&said));
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|l| kept.lock().unwrap().push(l)));
        let program = Program { child, dir, said };
        program.until("it listens", |p| p.listener().is_some() && p.metrics_at().is_some());
        program
    }

    pub fn line(&self, word: &str) -> Option<String> {
        self.said.lock().unwrap().iter().find(|l| l.contains(word)).cloned()
    }

    fn listener(&self) -> Option<String> {
        let line: serde_json::Value = serde_json::from_str(&self.line("receiving")?).unwrap();
        Some(line["listener"].as_str().or(line["fields"]["listener"].as_str())?.to_owned())
    }

    /// Where it listens over `transport`; the first of this family.
    pub fn at(&self, transport: &str, is_ipv6: bool) -> SocketAddr {
        let all = self.listener().unwrap();
        let of = all.split(' ').filter_map(|a| a.strip_prefix(&format!("{transport}:"))?.parse().ok());
        of.into_iter().find(|a: &SocketAddr| a.is_ipv6() == is_ipv6).unwrap()
    }

    fn metrics_at(&self) -> Option<SocketAddr> {
        let line: serde_json::Value = serde_json::from_str(&self.line("metrics")?).unwrap();
        line["addr"].as_str().or(line["fields"]["addr"].as_str())?.parse().ok()
    }

    /// A series' value.
    pub fn metric(&self, series: &str) -> f64 {
        let mut s = TcpStream::connect(self.metrics_at().unwrap()).unwrap();
        write!(s, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        s.read_to_string(&mut text).unwrap();
        let line = text.lines().find_map(|l| l.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} is not in\n{text}")).parse().unwrap()
    }

    #[track_caller]
    pub fn until(&self, what: &str, holds: impl FnMut(&Program) -> bool) {
        self.within(20, what, holds);
    }

    #[track_caller]
    fn within(&self, seconds: u64, what: &str, mut holds: impl FnMut(&Program) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            let said = self.said.lock().unwrap().join("\n");
            assert!(began.elapsed() < Duration::from_secs(seconds), "{what}: not within {seconds} s\n{said}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    pub fn recordings(&self) -> Vec<Recording> {
        recordings(&self.dir.path().join("store"))
    }

    /// Asks it to stop.
    pub fn ask_to_stop(&self) {
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Waits for its end, which must be a good one.
    pub fn ended(mut self) -> (tempfile::TempDir, Vec<String>) {
        let status = self.child.wait().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let said = self.said.lock().unwrap().clone();
        assert!(status.success(), "{status}\n{}", said.join("\n"));
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        (dir, said)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The client's end of the signalling.
pub enum Way {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Way {
    pub fn open(transport: &str, from: IpAddr, to: SocketAddr) -> (Way, SocketAddr) {
        if transport == "UDP" {
            let socket = UdpSocket::bind((from, 0)).unwrap();
            socket.connect(to).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let at = socket.local_addr().unwrap();
            return (Way::Udp(socket), at);
        }
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let at = stream.local_addr().unwrap();
        if transport == "TCP" {
            return (Way::Tcp(stream), at);
        }
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate("one.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        (Way::Tls(Box::new(StreamOwned::new(tls, stream))), at)
    }

    pub fn send(&mut self, text: &str) {
        match self {
            Way::Udp(socket) => drop(socket.send(text.as_bytes()).unwrap()),
            // In pieces, as streams come.
            Way::Tcp(stream) => {
                for piece in text.as_bytes().chunks(700) {
                    stream.write_all(piece).unwrap();
                    stream.flush().unwrap();
                }
            }
            Way::Tls(stream) => stream.write_all(text.as_bytes()).unwrap(),
        }
    }

    /// The next message.
    pub fn receive(&mut self) -> String {
        match self {
            Way::Udp(socket) => {
                let mut buffer = vec![0; 65_535];
                let n = socket.recv(&mut buffer).unwrap();
                String::from_utf8(buffer[..n].to_vec()).unwrap()
            }
            Way::Tcp(stream) => whole(stream),
            Way::Tls(stream) => whole(stream.as_mut()),
        }
    }
}

/// One message of a stream.
fn whole(stream: &mut impl Read) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).unwrap();
    let mut body = vec![0; header(&head, "Content-Length").unwrap().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

/// A client with sockets.
pub struct LiveClient {
    pub sip: Client,
    pub way: Way,
    media: Vec<UdpSocket>,
}

impl LiveClient {
    pub fn open(n: u16, transport: &'static str, to: SocketAddr) -> LiveClient {
        let from: IpAddr = if to.is_ipv6() { "::1" } else { "127.0.0.1" }.parse().unwrap();
        let (way, at) = Way::open(transport, from, to);
        let media: Vec<UdpSocket> = (0..2).map(|_| UdpSocket::bind((from, 0)).unwrap()).collect();
        let mut sip = Client::new(n, at, to, transport);
        for (stream, socket) in sip.streams.iter_mut().zip(&media) {
            stream.at = socket.local_addr().unwrap();
        }
        LiveClient { sip, way, media }
    }

    /// Sends a request and takes its answer in; an INVITE is acknowledged.
    #[track_caller]
    pub fn ask(&mut self, text: &str) -> String {
        self.way.send(text);
        let answer = self.way.receive();
        let code = self.sip.take(&answer);
        assert_eq!(code, 200, "{answer}");
        if text.starts_with("INVITE") {
            let ack = self.sip.ack();
            self.way.send(&ack);
        }
        answer
    }

    /// Talks on these streams, in real time; what was said on each.
    pub fn talk(&mut self, streams: &[usize], ms: u64, seed: u64) -> [Vec<Packet>; 2] {
        let d = Dialog::new(1);
        let mut said = [Vec::new(), Vec::new()];
        let mut voices: Vec<(usize, Voice)> =
            streams.iter().map(|i| (*i, Voice::of(&d, Side::Caller, seed + *i as u64))).collect();
        let began = Instant::now();
        for i in 0..ms / 20 {
            std::thread::sleep(Duration::from_millis(20 * i).saturating_sub(began.elapsed()));
            for (stream, voice) in &mut voices {
                let packet = voice.packet(20.0 * i as f64, crate::common::voice::Fate::CLEAN);
                let to = SocketAddr::new(self.sip.server.ip(), self.sip.ports[*stream]);
                self.media[*stream].send_to(&packet.rtp, to).unwrap();
                said[*stream].push(packet);
            }
        }
        said
    }
}

/// How many of these packets' samples are in a channel, whole.
pub fn heard(channel: &[i16], packets: &[Packet]) -> usize {
    let is_in =
        |p: &&Packet| channel.windows(p.samples.len()).any(|w| w[0] == p.samples[0] && w == p.samples);
    packets.iter().filter(is_in).count()
}

/// A call with everything: two streams, a hold by re-INVITE, a transfer by UPDATE, BYE.
fn whole_call(n: u16, transport: &'static str, to: SocketAddr) -> [Vec<Packet>; 4] {
    let mut c = LiveClient::open(n, transport, to);
    c.sip.people[0].aor = format!("sip:+35840{:07}@trunk.example", u32::from(n) * 1_111);
    let invite = c.sip.invite();
    let ok = c.ask(&invite);
    assert!(ok.contains("a=recvonly") && c.sip.ports.iter().all(|p| *p > 0), "{ok}");
    let first = c.talk(&[0, 1], 700, u64::from(n) * 100);
    c.sip.streams[0].direction = "inactive";
    let hold = c.sip.reoffer();
    c.ask(&hold);
    c.talk(&[1], 300, u64::from(n) * 100 + 10);
    c.sip.streams[0].direction = "sendonly";
    let resume = c.sip.reoffer();
    c.ask(&resume);
    c.talk(&[0, 1], 100, u64::from(n) * 100 + 20);
    c.sip.people[1] = Person::new("p3", "sip:2002@pbx.example", "2");
    let update = c.sip.update();
    c.ask(&update);
    let second = c.talk(&[0, 1], 700, u64::from(n) * 100 + 30);
    let bye = c.sip.bye();
    c.ask(&bye);
    let ([a, b], [x, y]) = (first, second);
    [a, b, x, y]
}

#[test]
fn whole_calls_over_every_transport() {
    let (cert, key) = (certificate("one.pem"), certificate("one.key"));
    let program = Program::start(&format!(
        "[siprec]\nlisten = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\", \"tls:127.0.0.1:0\", \"udp:[::1]:0\", \"tcp:[::1]:0\"]\n\
         rtp_ports = \"31000-31099\"\ntls = {{ cert = \"{}\", key = \"{}\" }}\n",
        cert.display(),
        key.display()
    ));
    let ways = [("UDP", false), ("TCP", false), ("TLS", false), ("UDP", true), ("TCP", true)];
    let said: Vec<[Vec<Packet>; 4]> = std::thread::scope(|s| {
        let all: Vec<_> = ways
            .iter()
            .zip(1..)
            .map(|((transport, is_ipv6), n)| {
                let to = program.at(&transport.to_lowercase(), *is_ipv6);
                s.spawn(move || whole_call(n, transport, to))
            })
            .collect();
        all.into_iter().map(|t| t.join().unwrap()).collect()
    });
    program.until("ten recordings", |p| p.recordings().len() == 10);
    // Whoever does not speak TLS where it is spoken.
    let mut plain = TcpStream::connect(program.at("tls", false)).unwrap();
    plain.write_all(b"OPTIONS sip:x SIP/2.0\r\n\r\n").unwrap();
    let refused =
        |p: &Program, reason: &str| p.metric(&format!("nauhuri_siprec_refused_total{{reason=\"{reason}\"}}"));
    program.until("a refusal", |p| refused(p, "tls") == 1.0);
    for (n, said) in (1..).zip(&said) {
        let id = format!("siprec/rs-{n}@src.example");
        let of: Vec<Recording> =
            program.recordings().into_iter().filter(|r| r.text("/sip/call_id") == id).collect();
        let [a, b] = &of[..] else { panic!("{} recordings of {id}", of.len()) };
        assert_eq!([a.text("/agent/id"), b.text("/agent/id")], ["2001", "2002"]);
        assert_eq!([a.text("/ended_by"), b.text("/ended_by")], ["transfer", "capture_end"]);
        assert_eq!(a.text("/call_group"), b.text("/call_group"));
        assert_eq!((a.events("hold").len(), a.events("resume").len()), (1, 1), "{}", a.json);
        let enough = |r: &Recording, channel: &str, said: &[Packet]| {
            let n = heard(r.channel(channel), said);
            // The first and the last may be cut by where the recording begins and ends.
            assert!(n + 2 >= said.len(), "{id} {channel}: {n} of {}; {}", said.len(), r.json);
        };
        enough(a, "customer", &said[0]);
        enough(a, "agent", &said[1]);
        enough(b, "customer", &said[2]);
        enough(b, "agent", &said[3]);
        assert!(a.json["complete"] == true && b.json["complete"] == true, "{} {}", a.json, b.json);
    }
    program.until("all sessions over", |p| p.metric("nauhuri_siprec_sessions") == 0.0);
    assert_eq!(program.metric("nauhuri_siprec_accepted_total"), 5.0);
    assert_eq!(program.metric("nauhuri_packets_dropped_total{where=\"feed\"}"), 0.0);
    program.ask_to_stop();
    let (_, said) = program.ended();
    assert!(!said.iter().any(|l| l.contains("WARN") || l.contains("+35840")), "{}", said.join("\n"));
}

/// Strangers, garbage, half messages, disconnects: told, counted, and nobody else's trouble.
#[test]
fn wrong_input_harms_nobody() {
    let program = Program::start(
        "[siprec]\nlisten = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\nfrom = [\"127.0.0.1\"]\n\
         rtp_ports = \"31100-31103\"\nsessions = 2\n",
    );
    let (udp, tcp) = (program.at("udp", false), program.at("tcp", false));
    let mut good = LiveClient::open(1, "UDP", udp);
    let invite = good.sip.invite();
    good.ask(&invite);
    // A stranger over UDP.
    let (mut way, at) = Way::open("UDP", "127.0.0.2".parse().unwrap(), udp);
    let mut stranger = Client::new(2, at, udp, "UDP");
    for _ in 0..3 {
        way.send(&stranger.invite());
        assert!(way.receive().starts_with("SIP/2.0 403 "));
    }
    // No port, no room.
    let mut second = LiveClient::open(3, "UDP", udp);
    second.way.send(&second.sip.invite());
    let answer = second.way.receive();
    assert!(answer.starts_with("SIP/2.0 503 ") && header(&answer, "Retry-After").is_some(), "{answer}");
    // Garbage, by datagram and by stream; a stream that says nothing, or half of it.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut rng = crate::common::rng::Rng::new(1);
    for n in 0..500 {
        socket.send_to(&rng.bytes(1 + n % 1400), udp).unwrap();
    }
    for n in 0..20 {
        let mut stream = TcpStream::connect(tcp).unwrap();
        let _ = stream.write_all(&rng.bytes(1 + n * 500));
        let _ = stream.write_all(b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    let idle: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(tcp).unwrap()).collect();
    let mut half = TcpStream::connect(tcp).unwrap();
    half.write_all(&stranger.invite().as_bytes()[..300]).unwrap();
    // RTP from elsewhere.
    let port = SocketAddr::new(udp.ip(), good.sip.ports[0]);
    let elsewhere = UdpSocket::bind("127.0.0.3:0").unwrap();
    for n in 0..20 {
        elsewhere.send_to(&rng.bytes(100 + n), port).unwrap();
    }
    let said = good.talk(&[0, 1], 600, 42);
    let bye = good.sip.bye();
    good.ask(&bye);
    program.until("the recording", |p| p.recordings().len() == 1);
    let r = &program.recordings()[0];
    assert!(heard(&r.customer, &said[0]) + 2 >= said[0].len(), "{}", r.json);
    assert_eq!(r.json["complete"], true, "{}", r.json);
    let refused =
        |reason: &str| program.metric(&format!("nauhuri_siprec_refused_total{{reason=\"{reason}\"}}"));
    program.until("counted", |_| refused("unreadable") > 400.0 && refused("slow") >= 51.0);
    assert_eq!((refused("address"), refused("ports")), (3.0, 1.0));
    assert_eq!(program.metric("nauhuri_siprec_media_dropped_total{reason=\"stranger\"}"), 20.0);
    assert_eq!(program.metric("nauhuri_siprec_connections"), 0.0);
    let warned = |reason: &str| {
        let all = program.said.lock().unwrap();
        all.iter().filter(|l| l.contains("SIPREC request rejected") && l.contains(reason)).count()
    };
    assert_eq!(
        ["\"address\"", "\"ports\"", "\"unreadable\"", "\"slow\""].map(warned),
        [1; 4],
        "told once each"
    );
    drop((idle, half));
    program.ask_to_stop();
    program.ended();
}

/// A connection that nobody closes is one of a bounded number; what finds no reader is counted.
#[test]
fn connections_have_a_bound_and_answers_a_reader() {
    let program = Program::start("[siprec]\nlisten = [\"tcp:127.0.0.1:0\"]\nfrom = [\"127.0.0.1\"]\n");
    let tcp = program.at("tcp", false);
    // Sends a request and is gone before it can be answered.
    let unsent = |p: &Program| p.metric("nauhuri_siprec_unsent_total");
    let text = LiveClient::open(1, "TCP", tcp).sip.invite();
    program.until("an answer that nobody reads", |p| {
        let mut stream = TcpStream::connect(tcp).unwrap();
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        drop(stream);
        unsent(p) >= 1.0
    });
    let open = |p: &Program| p.metric("nauhuri_siprec_connections");
    let crowded = |p: &Program| p.metric("nauhuri_siprec_refused_total{reason=\"connections\"}");
    program.until("all are gone", |p| open(p) == 0.0);
    let mut all: Vec<TcpStream> = (0..512).map(|_| TcpStream::connect(tcp).unwrap()).collect();
    program.until("all are there", |p| open(p) == 512.0);
    assert_eq!(crowded(&program), 0.0);
    let mut one_more = TcpStream::connect(tcp).unwrap();
    one_more.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(one_more.read(&mut [0]).unwrap(), 0, "it is closed");
    program.until("it is counted", |p| crowded(p) == 1.0);
    // Whoever leaves makes room.
    all.truncate(500);
    program.until("there is room", |p| open(p) == all.len() as f64);
    let mut client = LiveClient::open(2, "TCP", tcp);
    let invite = client.sip.invite();
    client.ask(&invite);
    let bye = client.sip.bye();
    client.ask(&bye);
    program.ask_to_stop();
    program.ended();
}

#[test]
fn at_the_stop_clients_are_told_and_what_is_open_is_kept() {
    let program = Program::start(
        "[siprec]\nlisten = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\nrtp_ports = \"31200-31299\"\n",
    );
    let mut clients = [
        LiveClient::open(1, "UDP", program.at("udp", false)),
        LiveClient::open(2, "TCP", program.at("tcp", false)),
    ];
    for c in &mut clients {
        let invite = c.sip.invite();
        c.ask(&invite);
        c.talk(&[0, 1], 600, 7);
    }
    program.ask_to_stop();
    for c in &mut clients {
        let bye = c.way.receive();
        assert!(bye.starts_with("BYE "), "{bye}");
        c.way.send(&ok_to(&bye));
    }
    let (dir, _) = program.ended();
    let all = recordings(&dir.path().join("store"));
    assert_eq!(all.iter().map(|r| r.text("/ended_by")).collect::<Vec<_>>(), ["shutdown"; 2]);
}

/// Many sessions at once, none lost: `cargo test --release --test siprec -- --ignored --nocapture`. Without
/// optimisation the one worker of two processors writes about 250 (`NAUHURI_SESSIONS=250`).
#[test]
#[ignore = "takes a minute and most of two processors"]
fn five_hundred_sessions_at_once() {
    let number = |name: &str, otherwise: u32| std::env::var(name).map_or(otherwise, |n| n.parse().unwrap());
    let (sessions, ptime) = (number("NAUHURI_SESSIONS", 500) as u16, number("NAUHURI_PTIME", 20));
    let program = Program::start(
        "[siprec]\nlisten = [\"udp:127.0.0.1:0\"]\nrtp_ports = \"20000-29999\"\nsessions = 2000\n",
    );
    let to = program.at("udp", false);
    let mut all: Vec<LiveClient> = (0..sessions).map(|n| LiveClient::open(n, "UDP", to)).collect();
    // Each of another agent with another customer.
    for (c, n) in all.iter_mut().zip(0..) {
        c.sip.people[0].aor = format!("sip:+35840{:07}@trunk.example", 1_000_000 + 7 * n);
        c.sip.people[1].aor = format!("sip:{}@pbx.example", 2000 + n % 1000);
    }
    let began = Instant::now();
    for c in &mut all {
        let invite = c.sip.invite();
        c.ask(&invite);
    }
    println!("{sessions} sessions accepted within {:?}", began.elapsed());
    let mut voices: Vec<Vec<Voice>> = (0..u64::from(sessions))
        .map(|n| {
            let voice = |i: u64| {
                let mut voice = Voice::of(&Dialog::new(1), Side::Caller, 1 + 2 * n + i);
                voice.ptime_ms = ptime;
                voice
            };
            (0..2).map(voice).collect()
        })
        .collect();
    let (began, rounds) = (Instant::now(), 10_000 / u64::from(ptime));
    let mut latest = Duration::ZERO;
    for round in 0..rounds {
        let due = Duration::from_millis(u64::from(ptime) * round);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        latest = latest.max(began.elapsed().saturating_sub(due));
        for (c, voices) in all.iter_mut().zip(&mut voices) {
            for (i, voice) in voices.iter_mut().enumerate() {
                let packet = voice.packet(f64::from(ptime) * round as f64, crate::common::voice::Fate::CLEAN);
                let port = SocketAddr::new(to.ip(), c.sip.ports[i]);
                c.media[i].send_to(&packet.rtp, port).unwrap();
            }
        }
    }
    println!(
        "{} packets sent within {:?}, at most {latest:?} late",
        rounds * 2 * u64::from(sessions),
        began.elapsed()
    );
    for c in &mut all {
        let bye = c.sip.bye();
        c.ask(&bye);
    }
    let done = "nauhuri_recordings_completed_total{service=\"general\",ended_by=\"capture_end\"}";
    program.within(180, "all recordings", |p| p.metric(done) >= f64::from(sessions));
    let (mut packets, mut incomplete) = (0, 0);
    for r in program.recordings() {
        packets +=
            r.json["streams"].as_array().unwrap().iter().map(|s| s["packets"].as_u64().unwrap()).sum::<u64>();
        incomplete += u64::from(r.json["complete"] != true);
    }
    let dropped =
        |place: &str| program.metric(&format!("nauhuri_packets_dropped_total{{where=\"{place}\"}}"));
    let dropped = ["feed", "queue"].map(dropped);
    println!(
        "{packets} packets recorded, {incomplete} recordings incomplete, {dropped:?} dropped (feed, queue)"
    );
    assert_eq!((packets, incomplete, dropped), (rounds * 2 * u64::from(sessions), 0, [0.0; 2]));
    program.ask_to_stop();
    program.ended();
}
