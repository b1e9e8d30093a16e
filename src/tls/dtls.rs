//! DTLS-SRTP (RFC 5764): which keys media are sealed with, out of the hellos on the media's own path and the
//! secret that one end has written down.
//!
//! Nothing of DTLS is opened: of TLS 1.2's exporter (RFC 5705) the two random numbers and the master secret are
//! enough. Anybody can send hellos, so the last few of each kind are kept; those of strangers have no secret, and keys
//! made with them open nothing. DTLS 1.3 (RFC 9147) hides what would be needed.

use super::key_log::KeyLog;
use super::key_schedule::exported;
use super::suite::{CipherSuite, HashKind};
use super::{Random, Secret};
use smallvec::SmallVec;

/// Octets of a record's header (RFC 6347 §4.1), of a handshake message's (§4.2.2).
const RECORD: usize = 13;
const MESSAGE: usize = 12;
/// Type of a record that holds a handshake.
const HANDSHAKE: u8 = 22;
/// Hellos of each kind remembered.
const MAX_HELLOS: usize = 4;
/// DTLS 1.2 on the wire.
const DTLS12: u16 = 0xFEFD;
/// How the exporter is asked (RFC 5764 §4.2).
const LABEL: &str = "EXTRACTOR-dtls_srtp";

/// How packets will be protected: as SDP calls it, octets of key and salt.
type Profile = (&'static str, usize, usize);

/// RFC 5764 §4.1.2, RFC 7714 §14.2.
const PROFILES: [(u16, Profile); 4] = [
    (1, ("AES_CM_128_HMAC_SHA1_80", 16, 14)),
    (2, ("AES_CM_128_HMAC_SHA1_32", 16, 14)),
    (7, ("AEAD_AES_128_GCM", 16, 12)),
    (8, ("AEAD_AES_256_GCM", 32, 12)),
];

/// What a server answered.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Answer {
    side: usize,
    random: Random,
    hash: HashKind,
    profile: Profile,
}

/// The keys of both sides.
#[derive(Clone)]
pub struct MediaKeys {
    /// How they protect, as SDP calls it.
    pub suite: &'static str,
    /// Master key and salt of what each side sends.
    pub by_side: [Secret; 2],
}

/// Hellos heard on one path of media.
#[derive(Default)]
pub struct DtlsHellos {
    clients: SmallVec<[Random; 1]>,
    answers: SmallVec<[Answer; 1]>,
}

impl DtlsHellos {
    /// Takes a datagram of a side. True if a hello was in it that is new.
    pub fn push(&mut self, side: usize, datagram: &[u8]) -> bool {
        let (mut rest, mut is_new) = (datagram, false);
        while let Some((record, after)) = split_record(rest) {
            rest = after;
            if record[0] != HANDSHAKE {
                continue;
            }
            let mut messages = &record[RECORD..];
            while let Some((message, after)) = split_message(messages) {
                messages = after;
                is_new |= self.message(side, message);
            }
        }
        is_new
    }

    /// Both sides have said what keys are made of.
    pub fn is_whole(&self) -> bool {
        !self.clients.is_empty() && !self.answers.is_empty()
    }

    /// All keys that may be in use, the last agreed on first.
    pub fn keys(&self, log: &mut KeyLog) -> Vec<MediaKeys> {
        let mut all = Vec::new();
        for client in self.clients.iter().rev() {
            let Some(master) = log.of(client).and_then(|s| s.master.as_ref()) else { continue };
            all.extend(self.answers.iter().rev().map(|answer| answer.keys(master, client)));
        }
        all
    }

    fn message(&mut self, side: usize, message: &[u8]) -> bool {
        let (head, body) = message.split_at(MESSAGE);
        // Of what comes in fragments the first holds all that is needed, or it is no hello worth having.
        if head[6..9] != [0; 3] {
            return false;
        }
        match head[0] {
            super::hello::message::CLIENT_HELLO => match body.get(2..34).map(Random::try_from) {
                Some(Ok(random)) => remember(&mut self.clients, random),
                _ => false,
            },
            super::hello::message::SERVER_HELLO => match Answer::parse(side, body) {
                Some(answer) => remember(&mut self.answers, answer),
                None => false,
            },
            _ => false,
        }
    }
}

impl Answer {
    fn parse(side: usize, body: &[u8]) -> Option<Answer> {
        let hello = super::hello::ServerHello::parse(body)?;
        let chosen = hello.use_srtp.filter(|_| hello.version == DTLS12)?;
        let (_, profile) = *PROFILES.iter().find(|(number, _)| *number == chosen)?;
        let hash = CipherSuite::of(hello.suite).map_or(HashKind::Sha256, |s| s.hash);
        Some(Answer { side, random: hello.random, hash, profile })
    }

    fn keys(&self, master: &Secret, client: &Random) -> MediaKeys {
        let (suite, key, salt) = self.profile;
        let block = exported(self.hash, master, LABEL, [client, &self.random], 2 * (key + salt));
        // Keys of client and server, then salts of both.
        let of = |n: usize| {
            let (key_at, salt_at) = (n * key, 2 * key + n * salt);
            Secret::new([&block[key_at..key_at + key], &block[salt_at..salt_at + salt]].concat())
        };
        let (client, server) = (of(0), of(1));
        let by_side = if self.side == 1 { [client, server] } else { [server, client] };
        MediaKeys { suite, by_side }
    }
}

/// The newest last; true if it was not known.
fn remember<T: PartialEq>(list: &mut SmallVec<[T; 1]>, one: T) -> bool {
    if list.contains(&one) {
        return false;
    }
    if list.len() >= MAX_HELLOS {
        list.remove(0);
    }
    list.push(one);
    true
}

/// The first record, with its header, and what is behind it.
fn split_record(datagram: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = u16::from_be_bytes(datagram.get(11..RECORD)?.try_into().ok()?);
    datagram.split_at_checked(RECORD + usize::from(len))
}

/// The first message or fragment of one, with its header, and what is behind it.
fn split_message(messages: &[u8]) -> Option<(&[u8], &[u8])> {
    let [a, b, c] = *messages.get(9..MESSAGE)?.first_chunk::<3>()?;
    messages.split_at_checked(MESSAGE + u32::from_be_bytes([0, a, b, c]) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(kind: u8, body: &[u8]) -> Vec<u8> {
        let len = [0, (body.len() >> 8) as u8, body.len() as u8];
        let message = [&[kind][..], &len, &[0, 0, 0, 0, 0], &len, body].concat();
        let head = [&[HANDSHAKE, 0xFE, 0xFF][..], &[0; 8], &(message.len() as u16).to_be_bytes()];
        [&head.concat()[..], &message].concat()
    }

    fn client_hello(random: u8) -> Vec<u8> {
        wrapped(1, &[&[0xFE, 0xFD][..], &[random; 32], &[0, 0, 0, 2, 0xC0, 0x2B, 1, 0]].concat())
    }

    fn server_hello(random: u8, profile: u8) -> Vec<u8> {
        let srtp = [0, 9, 0, 14, 0, 5, 0, 2, 0, profile, 0];
        wrapped(2, &[&[0xFE, 0xFD][..], &[random; 32], &[0, 0xC0, 0x2B, 0], &srtp].concat())
    }

    fn log(client: u8) -> KeyLog {
        let mut log = KeyLog::default();
        let line = format!("CLIENT_RANDOM {} {}\n", hex::encode([client; 32]), "ab".repeat(48));
        assert!(log.push(line.as_bytes()));
        log
    }

    #[test]
    fn each_side_has_its_own_keys_whichever_is_the_server() {
        let mut both = Vec::new();
        for server in [0, 1] {
            let mut hellos = DtlsHellos::default();
            assert!(hellos.push(1 - server, &client_hello(1)) && !hellos.is_whole());
            assert!(!hellos.push(1 - server, &client_hello(1)), "sent again");
            assert!(hellos.push(server, &server_hello(2, 1)) && hellos.is_whole());
            assert!(hellos.keys(&mut log(9)).is_empty());
            let [keys] = <[MediaKeys; 1]>::try_from(hellos.keys(&mut log(1))).ok().unwrap();
            assert_eq!(keys.suite, "AES_CM_128_HMAC_SHA1_80");
            assert!(keys.by_side.iter().all(|k| k.len() == 30));
            both.push(keys.by_side);
        }
        assert_eq!(both[0][0], both[1][1]);
        assert_eq!(both[0][1], both[1][0]);
        assert_ne!(both[0][0], both[0][1]);
    }

    #[test]
    fn hellos_of_strangers_do_no_harm() {
        let mut hellos = DtlsHellos::default();
        hellos.push(0, &client_hello(1));
        hellos.push(0, &client_hello(77));
        hellos.push(1, &server_hello(78, 2));
        hellos.push(1, &server_hello(2, 8));
        let keys = hellos.keys(&mut log(1));
        assert_eq!(
            keys.iter().map(|k| k.suite).collect::<Vec<_>>(),
            ["AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_32"]
        );
        assert_eq!(keys[0].by_side[0].len(), 44);
        for random in 100..120 {
            hellos.push(0, &client_hello(random));
        }
        assert!(hellos.clients.len() == MAX_HELLOS && hellos.keys(&mut log(1)).is_empty());
    }

    #[test]
    fn what_is_cut_or_agrees_on_nothing_is_none() {
        let whole = server_hello(2, 1);
        for len in 0..whole.len() {
            assert!(!DtlsHellos::default().push(0, &whole[..len]));
        }
        assert!(!DtlsHellos::default().push(0, &server_hello(2, 99)), "a profile nobody knows");
        let mut old = whole;
        old[RECORD + MESSAGE + 1] = 0xFF;
        assert!(!DtlsHellos::default().push(0, &old), "DTLS 1.0");
    }
}
