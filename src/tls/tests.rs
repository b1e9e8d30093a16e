//! Connections of rustls, which knows nothing of ours, read from outside.

use super::*;
use crate::time::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CipherSuite, ClientConnection, ServerConnection};
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

const CERTIFICATE: &[u8] = include_bytes!("../../tests/data/room/one.pem");
const KEY: &[u8] = include_bytes!("../../tests/data/room/one.key");

/// What a client writes down.
#[derive(Debug, Default)]
struct Written(Mutex<String>);

impl rustls::KeyLog for Written {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex::encode(client_random), hex::encode(secret));
        self.0.lock().unwrap().push_str(&line);
    }
}

/// Both ends, and what went between them: who sent it, the bytes.
struct Pair {
    client: ClientConnection,
    server: ServerConnection,
    written: Arc<Written>,
    wire: Vec<(usize, Vec<u8>)>,
}

/// Certificates are not what is tested.
#[derive(Debug)]
struct Trusting;

impl rustls::client::danger::ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        d: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        self.verify_tls12_signature(m, c, d)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

impl Pair {
    fn new(suite: CipherSuite) -> Pair {
        Pair::with_groups(suite, None)
    }

    /// The server takes this group only, which the client knows and does not offer at first.
    fn with_groups(suite: CipherSuite, group: Option<rustls::NamedGroup>) -> Pair {
        let mut provider = rustls::crypto::ring::default_provider();
        provider.cipher_suites.retain(|s| s.suite() == suite);
        let mut servers = provider.clone();
        servers.kx_groups.retain(|g| group.is_none_or(|only| g.name() == only));
        let (provider, servers) = (Arc::new(provider), Arc::new(servers));
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
        let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
        let server = rustls::ServerConfig::builder_with_provider(servers);
        let server = server.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let server = server.with_single_cert(vec![certificate], key).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider);
        let client = client.with_safe_default_protocol_versions().unwrap().dangerous();
        let mut client = client.with_custom_certificate_verifier(Arc::new(Trusting)).with_no_client_auth();
        let written = Arc::new(Written::default());
        client.key_log = Arc::clone(&written) as _;
        let name = ServerName::try_from("sip.example").unwrap();
        let mut pair = Pair {
            client: ClientConnection::new(Arc::new(client), name).unwrap(),
            server: ServerConnection::new(Arc::new(server)).unwrap(),
            written,
            wire: Vec::new(),
        };
        while pair.client.is_handshaking() || pair.server.is_handshaking() {
            pair.exchange();
        }
        pair.exchange();
        pair
    }

    /// What each has to send goes over the wire.
    fn exchange(&mut self) {
        for side in [0, 1] {
            let mut bytes = Vec::new();
            while match side {
                0 => self.client.wants_write(),
                _ => self.server.wants_write(),
            } {
                match side {
                    0 => self.client.write_tls(&mut bytes).unwrap(),
                    _ => self.server.write_tls(&mut bytes).unwrap(),
                };
            }
            let mut read = &bytes[..];
            while !read.is_empty() {
                match side {
                    0 => self.server.read_tls(&mut read).unwrap(),
                    _ => self.client.read_tls(&mut read).unwrap(),
                };
                let mut text = Vec::new();
                match side {
                    0 => drop((
                        self.server.process_new_packets().unwrap(),
                        self.server.reader().read_to_end(&mut text),
                    )),
                    _ => drop((
                        self.client.process_new_packets().unwrap(),
                        self.client.reader().read_to_end(&mut text),
                    )),
                }
            }
            if !bytes.is_empty() {
                self.wire.push((side, bytes));
            }
        }
    }

    fn say(&mut self, side: usize, text: &str) {
        match side {
            0 => self.client.writer().write_all(text.as_bytes()).unwrap(),
            _ => self.server.writer().write_all(text.as_bytes()).unwrap(),
        }
        self.exchange();
    }

    fn secrets(&self) -> TlsSecrets {
        let mut secrets = TlsSecrets::default();
        secrets.log.push(self.written.0.lock().unwrap().as_bytes());
        secrets
    }
}

/// What a bystander reads.
struct Bystander {
    session: TlsSession,
    secrets: TlsSecrets,
    /// What each side said; a gap is a `#`.
    heard: [String; 2],
    now: i64,
}

impl Bystander {
    fn new(secrets: TlsSecrets) -> Bystander {
        Bystander { session: TlsSession::new(64 * 1024), secrets, heard: Default::default(), now: 0 }
    }

    fn hear(&mut self, side: usize, bytes: Option<&[u8]>) -> Result<(), Unopened> {
        let Bystander { session, secrets, heard, now } = self;
        *now += 1_000_000;
        session.push(secrets, (Timestamp::from_ns(*now), side), bytes, &mut |_, side, opened| {
            note(heard, side, opened)
        })
    }

    fn learn(&mut self, log: &str) -> Result<(), Unopened> {
        let Bystander { session, secrets, heard, .. } = self;
        secrets.log.push(log.as_bytes());
        session.resume(secrets, &mut |_, side, opened| note(heard, side, opened))
    }
}

fn note(heard: &mut [String; 2], side: usize, opened: Plaintext<'_>) {
    match opened {
        Plaintext::Text(text) => heard[side].push_str(std::str::from_utf8(text).unwrap()),
        Plaintext::Gap => heard[side].push('#'),
    }
}

const SUITES: [CipherSuite; 9] = [
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    // Once more: the same again must not be mistaken for a connection before.
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
];

/// A conversation, and what each side said in it.
fn talk(suite: CipherSuite) -> (Pair, [String; 2]) {
    let mut pair = Pair::new(suite);
    let mut said = [String::new(), String::new()];
    for n in 0..40_usize {
        let side = usize::from(n % 3 == 1);
        let text = format!("<{n}:{}>", "x".repeat(n * 37 % 900));
        said[side].push_str(&text);
        pair.say(side, &text);
    }
    (pair, said)
}

#[test]
fn what_both_say_is_read_in_whatever_pieces_it_comes() {
    for (n, suite) in SUITES.into_iter().enumerate() {
        let (pair, said) = talk(suite);
        for piece in [1, 5, 33, 1460, 100_000] {
            let mut b = Bystander::new(pair.secrets());
            // Which side is the lower address says nothing.
            let swapped = n % 2;
            for (side, bytes) in &pair.wire {
                for part in bytes.chunks(piece) {
                    b.hear(side ^ swapped, Some(part)).unwrap();
                }
            }
            assert!(b.session.is_open());
            assert_eq!(b.session.client(), swapped, "{suite:?}");
            b.heard.swap(0, swapped);
            assert_eq!(b.heard, said, "{suite:?} in pieces of {piece}");
        }
    }
}

#[test]
fn a_server_that_asks_for_another_hello_is_followed() {
    for suite in SUITES.into_iter().filter(|s| format!("{s:?}").starts_with("TLS13")) {
        let mut pair = Pair::with_groups(suite, Some(rustls::NamedGroup::secp384r1));
        pair.say(0, "one");
        pair.say(1, "two");
        assert!(pair.wire.len() > 6, "it asked");
        let mut b = Bystander::new(pair.secrets());
        pair.wire.iter().for_each(|(side, bytes)| b.hear(*side, Some(bytes)).unwrap());
        assert_eq!(b.heard, ["one", "two"], "{suite:?}");
    }
}

/// Mirrors bring the two directions each in its order, and not in one.
#[test]
fn the_server_may_be_heard_first() {
    for suite in SUITES {
        let (pair, said) = talk(suite);
        let (client, server): (Vec<_>, Vec<_>) = pair.wire.iter().partition(|(side, _)| *side == 0);
        for ahead in [1, 2, 100] {
            let mut b = Bystander::new(pair.secrets());
            let order = server.iter().take(ahead).chain(&client).chain(server.iter().skip(ahead));
            order.for_each(|(side, bytes)| b.hear(*side, Some(bytes)).unwrap());
            assert_eq!(b.heard, said, "{suite:?} {ahead} ahead");
        }
    }
}

/// What is lost late in a long connection: numbers and keys go on from where they were.
#[test]
fn a_long_connection_outlives_a_loss() {
    for suite in [SUITES[0], SUITES[3]] {
        let mut pair = Pair::new(suite);
        (0..3000).for_each(|n| pair.say(0, &format!("<{n}>")));
        let mut b = Bystander::new(pair.secrets());
        let (lost, last) = (pair.wire.len() - 500, pair.wire.len());
        for (n, (side, bytes)) in pair.wire.iter().enumerate() {
            match n == lost {
                true => b.hear(*side, None).unwrap(),
                false => b.hear(*side, Some(bytes)).unwrap(),
            }
        }
        let gap = 3000 - (last - lost);
        assert!(b.heard[0].contains(&format!("<{}>#<{}>", gap - 1, gap + 1)), "{suite:?}");
        assert!(b.heard[0].ends_with("<2999>"));
    }
}

#[test]
fn records_wait_for_their_secrets() {
    for suite in SUITES {
        let (pair, said) = talk(suite);
        let log = pair.written.0.lock().unwrap().clone();
        for learned in [1, 2, 3, 4, 5, 20] {
            let mut b = Bystander::new(TlsSecrets::default());
            for (n, (side, bytes)) in pair.wire.iter().enumerate() {
                b.hear(*side, Some(bytes)).unwrap();
                if n + 1 == learned {
                    // One secret after the other, as they are written.
                    log.lines().for_each(|line| b.learn(&format!("{line}\n")).unwrap());
                }
            }
            assert_eq!(b.heard, said, "{suite:?} learned after {learned}");
        }
    }
}

#[test]
fn nobody_waits_for_ever_nor_with_too_much() {
    let (mut pair, _) = talk(SUITES[0]);
    let mut b = Bystander::new(TlsSecrets::default());
    for (side, bytes) in &pair.wire {
        b.hear(*side, Some(bytes)).unwrap();
    }
    b.now += 10_000_000_000;
    assert_eq!(b.hear(0, Some(&[23, 3, 3, 0, 1, 0])), Err(Unopened::NoSecret));
    let mut b = Bystander::new(TlsSecrets::default());
    (0..100).for_each(|_| pair.say(0, &"y".repeat(1000)));
    let refused = pair.wire.iter().find_map(|(side, bytes)| b.hear(*side, Some(bytes)).err());
    assert_eq!(refused, Some(Unopened::NoSecret));
    assert!(b.session.held() < 70_000);
}

#[test]
fn what_the_capture_lacks_costs_no_more_than_that() {
    for suite in SUITES {
        let (pair, _) = talk(suite);
        let messages: Vec<usize> = (0..pair.wire.len()).filter(|n| *n >= pair.wire.len() - 40).collect();
        for (first, lost) in [(3, 1), (4, 5), (20, 12)] {
            let mut b = Bystander::new(pair.secrets());
            let gone = &messages[first..first + lost];
            let mut expected = [String::new(), String::new()];
            let mut lacks = [false; 2];
            for (n, (side, bytes)) in pair.wire.iter().enumerate() {
                if gone.contains(&n) {
                    lacks[*side] = true;
                    continue;
                }
                if std::mem::take(&mut lacks[*side]) {
                    b.hear(*side, None).unwrap();
                    // The end of the record that was lost is still there.
                    b.hear(*side, Some(&[23, 3, 3, 0, 2, 9, 9, 22, 3, 3, 0])).unwrap();
                    expected[*side].push('#');
                }
                b.hear(*side, Some(bytes)).unwrap();
                if let Some(i) = messages.iter().position(|m| *m == n) {
                    expected[*side].push_str(&format!("<{i}:{}>", "x".repeat(i * 37 % 900)));
                }
            }
            assert_eq!(b.heard, expected, "{suite:?} without {gone:?}");
        }
    }
}

#[test]
fn keys_that_change_are_followed() {
    for suite in SUITES.into_iter().filter(|s| format!("{s:?}").starts_with("TLS13")) {
        let mut pair = Pair::new(suite);
        pair.say(0, "one ");
        pair.client.refresh_traffic_keys().unwrap();
        pair.say(0, "two ");
        pair.say(1, "three ");
        pair.client.refresh_traffic_keys().unwrap();
        pair.say(0, "four ");
        pair.say(1, "five ");
        let mut b = Bystander::new(pair.secrets());
        pair.wire.iter().for_each(|(side, bytes)| b.hear(*side, Some(bytes)).unwrap());
        assert_eq!(b.heard, ["one two four ", "three five "], "{suite:?}");
    }
}

#[test]
fn a_handshake_that_is_not_whole_is_enough_where_both_hellos_are() {
    for suite in SUITES {
        let (pair, said) = talk(suite);
        let mut b = Bystander::new(pair.secrets());
        let mut heard = 0;
        for (side, bytes) in &pair.wire {
            heard += 1;
            if heard == 2 {
                // Of the server's flight only its hello.
                let hello = 5 + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
                b.hear(*side, Some(&bytes[..hello])).unwrap();
                b.hear(*side, None).unwrap();
            } else {
                b.hear(*side, Some(bytes)).unwrap();
            }
        }
        assert_eq!(
            [b.heard[0].as_str(), b.heard[1].trim_start_matches('#')],
            [&said[0], &said[1]],
            "{suite:?}"
        );
    }
}

#[test]
fn secrets_of_others_and_changed_bytes_open_nothing() {
    for suite in SUITES {
        let (pair, said) = talk(suite);
        let mut b = Bystander::new(Pair::new(suite).secrets());
        for (side, bytes) in &pair.wire {
            assert!(b.hear(*side, Some(bytes)).is_ok());
        }
        assert!(b.session.is_waiting() && b.heard == ["", ""]);
        // One record is changed on its way: it is none, and those after it are.
        let mut b = Bystander::new(pair.secrets());
        let changed = pair.wire.len() - 10;
        for (n, (side, bytes)) in pair.wire.iter().enumerate() {
            let mut bytes = bytes.clone();
            if n == changed {
                *bytes.last_mut().unwrap() ^= 1;
            }
            b.hear(*side, Some(&bytes)).unwrap();
        }
        let all: usize = b.heard.iter().map(|h| h.trim_matches('#').len()).sum();
        let lost = b.heard.iter().map(|h| h.matches('#').count()).sum::<usize>();
        assert_eq!(lost, 1, "{suite:?}");
        assert!(all < said.iter().map(String::len).sum::<usize>() && b.heard[0].ends_with("x>"));
    }
}

#[test]
fn what_is_no_tls_or_unknown_ends() {
    let mut b = Bystander::new(TlsSecrets::default());
    assert_eq!(b.hear(0, Some(b"GET / HTTP/1.1\r\n")), Err(Unopened::Lost));
    // A server that agrees to TLS 1.1.
    let mut hello = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0x00, 0x2F, 0]);
    let mut b = Bystander::new(TlsSecrets::default());
    assert_eq!(b.hear(1, Some(&hello)), Err(Unopened::Unsupported));
    assert!(begins_tls(&hello) && !begins_tls(&[22, 3, 1, 0, 5, 11]) && !begins_tls(b"INVITE"));
}
