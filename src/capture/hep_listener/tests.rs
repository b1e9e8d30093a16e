//! Agents on the loopback: good ones, slow ones, and what is none.

use super::hep_counts::RefusedHep;
use super::*;
use crate::capture::feed::{Intake, feed};
use crate::capture::wall_clock;
use crate::net::OwnedDatagram;
use crate::time::NS_PER_S;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A listener that runs as long as this lives.
struct Post {
    at: SocketAddr,
    intake: Intake,
    counts: Arc<HepCounts>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Post {
    fn open(listen: &str, change: impl FnOnce(&mut Config)) -> Post {
        let mut config = Config::default();
        config.hep.listen = vec![ListenAt::parse(listen).expect("an address")];
        change(&mut config);
        let (mut all, counts) = HepListener::open_all(&config).unwrap();
        let listener = all.remove(0);
        let (feed, intake) = feed(1 << 20);
        let (at, stop) = (listener.address().unwrap(), Arc::new(AtomicBool::new(false)));
        let ends = Arc::clone(&stop);
        let run = move || listener.receive(&feed, &|| !ends.load(Ordering::Relaxed));
        Post { at, intake, counts, stop, thread: Some(std::thread::spawn(run)) }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.at).unwrap()
    }

    /// So many datagrams, within a moment.
    fn takes(&mut self, n: usize) -> Vec<OwnedDatagram> {
        let (began, mut all) = (Instant::now(), Vec::new());
        while all.len() < n && began.elapsed() < Duration::from_secs(10) {
            self.intake.wait(Duration::from_millis(20));
            all.extend(self.intake.take());
        }
        assert_eq!(all.len(), n);
        all
    }

    fn refuses(&self, why: RefusedHep, n: u64) {
        self.until(|c| c.refused(why).0 >= n);
        assert_eq!(self.counts.refused(why).0, n, "{why:?}");
        assert!(self.counts.refused(why).1.unwrap().is_loopback());
    }

    fn until(&self, holds: impl Fn(&HepCounts) -> bool) {
        let began = Instant::now();
        while !holds(&self.counts) {
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", self.counts);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

fn chunk(kind: u16, value: &[u8]) -> Vec<u8> {
    [&[0, 0][..], &kind.to_be_bytes(), &(value.len() as u16 + 6).to_be_bytes(), value].concat()
}

fn packet(payload: &[u8], key: &str) -> Vec<u8> {
    let body = [
        chunk(3, &[192, 0, 2, 10]),
        chunk(4, &[192, 0, 2, 20]),
        chunk(7, &[0x13, 0xc4]),
        chunk(8, &[0x13, 0xc4]),
        chunk(11, &[1]),
        chunk(14, key.as_bytes()),
        chunk(15, payload),
    ]
    .concat();
    [b"HEP3", &(body.len() as u16 + 6).to_be_bytes()[..], &body].concat()
}

fn ends(mut stream: impl Read) {
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut rest);
}

#[test]
fn datagrams_are_taken_from_whom_they_may_come() {
    let mut post = Post::open("udp:127.0.0.1:0", |_| {});
    let agent = UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..100u8 {
        agent.send_to(&packet(&[b'A', n], ""), post.at).unwrap();
    }
    let all = post.takes(100);
    assert!(all.iter().zip(0..).all(|(d, n)| d.payload == [b'A', n] && d.flow.src.port() == 5060));
    let now = wall_clock();
    assert!(all.iter().all(|d| now.since_ns(d.ts) < 10 * NS_PER_S), "stamped as they came");
    for broken in [&b"nonsense"[..], b"", &packet(b"x", "")[..40]] {
        agent.send_to(broken, post.at).unwrap();
    }
    let zipped = [&packet(b"", "")[6..], &chunk(16, b"not compressed")[..]].concat();
    let zipped = [b"HEP3", &(zipped.len() as u16 + 6).to_be_bytes()[..], &zipped].concat();
    agent.send_to(&zipped, post.at).unwrap();
    // Shown as nauhuri_hep_refused_total.
    post.refuses(RefusedHep::Compressed, 1);
    agent.send_to(&packet(b"", ""), post.at).unwrap();
    post.refuses(RefusedHep::Malformed, 3);
    post.until(|c| c.seen(crate::net::hep_reader::HepSeen::Empty) == 1);

    let mut closed = Post::open("udp:127.0.0.1:0", |c| {
        c.hep.from = crate::config::Networks::parse(["10.0.0.0/8"]).unwrap()
    });
    agent.send_to(&packet(b"BYE", ""), closed.at).unwrap();
    closed.refuses(RefusedHep::Sender, 1);
    closed.takes(0);
    let mut over_v6 = Post::open("udp:[::]:0", |_| {});
    agent.send_to(&packet(b"BYE", ""), (std::net::Ipv4Addr::LOCALHOST, over_v6.at.port())).unwrap();
    over_v6.takes(1);
}

#[test]
fn a_stream_is_read_however_it_is_cut() {
    let mut post = Post::open("tcp:127.0.0.1:0", |_| {});
    let all: Vec<u8> = (0..50u8).flat_map(|n| packet(&vec![n; 1 + usize::from(n) * 60], "")).collect();
    for pieces in [1, 7, 1000, 70_000] {
        let mut agent = post.connect();
        agent.set_nodelay(true).unwrap();
        let (one, rest) = all.split_at(pieces.min(300));
        one.chunks(pieces).for_each(|piece| agent.write_all(piece).unwrap());
        rest.chunks(pieces.max(50)).for_each(|piece| agent.write_all(piece).unwrap());
        let taken = post.takes(50);
        assert!(taken.iter().zip(0..).all(|(d, n): (_, u8)| d.payload[0] == n), "{pieces}");
    }
    // Shown as nauhuri_hep_connections.
    post.until(|c| c.connections() == 0);
    // What is broken within its length costs itself only.
    let mut agent = post.connect();
    let mut broken = packet(b"x", "");
    broken[9] = 99;
    agent.write_all(&[broken, packet(b"y", "")].concat()).unwrap();
    assert_eq!(post.takes(1)[0].payload, b"y");
    post.refuses(RefusedHep::Malformed, 1);
}

#[test]
fn what_is_no_hep_ends_the_connection() {
    let mut post = Post::open("tcp:127.0.0.1:0", |_| {});
    for (n, garbage) in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"HEP3\0\x02", b"\x16\x03\x01"].iter().enumerate() {
        let mut agent = post.connect();
        agent.write_all(garbage).unwrap();
        ends(&agent);
        post.refuses(RefusedHep::Malformed, n as u64 + 1);
    }
    // One that ends in the middle of a packet.
    let mut agent = post.connect();
    agent.write_all(&packet(b"x", "")[..20]).unwrap();
    drop(agent);
    post.refuses(RefusedHep::Malformed, 4);
    post.until(|c| c.connections() == 0);
    post.connect().write_all(&packet(b"still there", "")).unwrap();
    post.takes(1);
}

#[test]
fn who_dawdles_is_shut_out_and_who_is_silent_is_not() {
    let post = Post::open("tcp:127.0.0.1:0", |_| {});
    let silent = post.connect();
    let mut slow = post.connect();
    let began = Instant::now();
    slow.write_all(b"HEP3\xff").unwrap();
    // A byte now and then is no progress.
    let dripping = slow.try_clone().unwrap();
    std::thread::scope(|s| {
        s.spawn(move || {
            let mut dripping = dripping;
            while began.elapsed() < hep_streams::FINISH_WITHIN * 2 && dripping.write_all(&[0xff]).is_ok() {
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        ends(&slow);
    });
    assert!(began.elapsed() > hep_streams::FINISH_WITHIN && began.elapsed() < hep_streams::FINISH_WITHIN * 2);
    post.refuses(RefusedHep::Slow, 1);
    assert_eq!(post.counts.connections(), 1);
    (&silent).write_all(&packet(b"x", "")).unwrap();
    post.until(|c| c.seen(crate::net::hep_reader::HepSeen::Sip) == 1);
}

#[test]
fn connections_are_bounded() {
    let post = Post::open("tcp:127.0.0.1:0", |_| {});
    let held: Vec<_> = (0..hep_streams::MAX_CONNECTIONS).map(|_| post.connect()).collect();
    post.until(|c| c.connections() == hep_streams::MAX_CONNECTIONS as u64);
    ends(post.connect());
    post.refuses(RefusedHep::Connections, 1);
    drop(held);
    post.until(|c| c.connections() == 0);
    let _one = post.connect();
    post.until(|c| c.connections() == 1);
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/room").join(name)
}

fn with_tls(config: &mut Config) {
    (config.hep.tls.cert, config.hep.tls.key) = (data("one.pem"), data("one.key"));
}

fn tls_client() -> rustls::ClientConnection {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(data("one.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    rustls::ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap()
}

#[test]
fn over_tls_with_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "sesame\n").unwrap();
    let with = |config: &mut Config| {
        with_tls(config);
        config.hep.password_file.clone_from(&file);
    };
    let mut post = Post::open("tls:127.0.0.1:0", with);
    let (mut session, mut socket) = (tls_client(), post.connect());
    let mut stream = rustls::Stream::new(&mut session, &mut socket);
    let all: Vec<u8> = (0..200u8).flat_map(|n| packet(&[n; 1000], "sesame")).collect();
    stream.write_all(&all).unwrap();
    assert!(post.takes(200).iter().zip(0..).all(|(d, n)| d.payload == [n; 1000]));
    // Another password ends it.
    stream.write_all(&packet(b"x", "sesame2")).unwrap();
    ends(stream);
    post.refuses(RefusedHep::Password, 1);
    // In clear, and nothing at all.
    let mut plain = post.connect();
    plain.write_all(&packet(b"x", "sesame")).unwrap();
    ends(plain);
    post.refuses(RefusedHep::Tls, 1);
    ends(post.connect());
    post.refuses(RefusedHep::Slow, 1);
    post.takes(0);
}

#[test]
fn what_is_missing_is_told_with_its_key() {
    let told = |listen: &str, change: &dyn Fn(&mut Config)| {
        let mut config = Config::default();
        config.hep.listen = vec![ListenAt::parse(listen).expect("an address")];
        change(&mut config);
        HepListener::open_all(&config).err().unwrap().to_string()
    };
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = format!("udp:{}", taken.local_addr().unwrap());
    assert!(told(&at, &|_| {}).starts_with(&format!("hep.listen: cannot listen on {at}: ")));
    let no_key = |config: &mut Config| {
        with_tls(config);
        config.hep.tls.key = "/nowhere.key".into();
    };
    assert!(told("tls:127.0.0.1:0", &no_key).starts_with("hep.tls: /nowhere.key: "));
    let not_its_key = |config: &mut Config| {
        with_tls(config);
        config.hep.tls.key = data("two.key");
    };
    assert!(told("tls:127.0.0.1:0", &not_its_key).contains("one.pem"));
    let empty = |config: &mut Config| config.hep.password_file = "/dev/null".into();
    assert!(told("udp:127.0.0.1:0", &empty).starts_with("hep.password_file: /dev/null: not one line"));
}
