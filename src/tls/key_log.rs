//! Secrets of connections, as one of their ends writes them down (RFC 9850, `SSLKEYLOGFILE`).
//!
//! A line has a label, the client's random number that names the connection, and a secret, both in
//! hexadecimal. Lines come in pieces as somebody writes them. The connections used longest ago are forgotten
//! where there are too many.

use super::{Random, Secret};
use foldhash::quality::RandomState;
use hashlink::LruCache;
use std::fmt;
use zeroize::Zeroizing;

/// Connections whose secrets are kept.
const MAX_CONNECTIONS: usize = 20_000;
/// The longest line that is believed: a label, 32 octets and 64, in hexadecimal.
const MAX_LINE: usize = 512;
/// The longest secret (RFC 8446: of SHA-384, 48 octets; with room for SHA-512).
const MAX_SECRET: usize = 64;

/// What is kept of one connection (RFC 9850 §2).
#[derive(Default)]
pub(super) struct Secrets {
    /// `CLIENT_RANDOM`: the master secret of TLS 1.2.
    pub master: Option<Secret>,
    /// `CLIENT_HANDSHAKE_TRAFFIC_SECRET`, and the server's.
    pub handshake: [Option<Secret>; 2],
    /// `CLIENT_TRAFFIC_SECRET_0`, and the server's.
    pub traffic: [Option<Secret>; 2],
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyLogStats {
    /// Lines with a secret that is of use.
    pub secrets: u64,
    /// Lines that are none of a key log.
    pub unreadable: u64,
    /// Connections forgotten for others.
    pub forgotten: u64,
}

/// The secrets known so far.
pub struct KeyLog {
    connections: LruCache<Random, Secrets, RandomState>,
    /// Of which the end has not come yet.
    line: Zeroizing<Vec<u8>>,
    /// The line at hand is longer than any can be.
    is_too_long: bool,
    stats: KeyLogStats,
}

impl Default for KeyLog {
    fn default() -> Self {
        KeyLog {
            connections: LruCache::with_hasher(MAX_CONNECTIONS, RandomState::default()),
            line: Zeroizing::new(Vec::with_capacity(MAX_LINE)),
            is_too_long: false,
            stats: KeyLogStats::default(),
        }
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyLog({} connections)", self.connections.len())
    }
}

impl KeyLog {
    /// Takes the next piece of a key log. True if it brought a secret.
    pub fn push(&mut self, text: &[u8]) -> bool {
        let before = self.stats.secrets;
        for &byte in text {
            if byte == b'\n' {
                self.end_line();
            } else if self.line.len() < MAX_LINE {
                self.line.push(byte);
            } else {
                self.is_too_long = true;
            }
        }
        self.stats.secrets > before
    }

    /// Nothing more comes of this log: its last line may lack its end. True if that brought a secret.
    pub fn end(&mut self) -> bool {
        let before = self.stats.secrets;
        self.end_line();
        self.stats.secrets > before
    }

    /// What was read so far.
    pub fn stats(&self) -> KeyLogStats {
        self.stats
    }

    /// What is known of the connection with this random number of its client.
    pub(super) fn of(&mut self, client: &Random) -> Option<&Secrets> {
        self.connections.get(client)
    }

    fn end_line(&mut self) {
        let line = std::mem::replace(&mut self.line, Zeroizing::new(Vec::with_capacity(MAX_LINE)));
        let is_too_long = std::mem::take(&mut self.is_too_long);
        let text = line.trim_ascii();
        if is_too_long || !(text.is_empty() || text.starts_with(b"#") || self.read(text).is_some()) {
            self.stats.unreadable += 1;
        }
    }

    /// A line; nothing if it is none. Those of other purposes are read, and not kept.
    fn read(&mut self, line: &[u8]) -> Option<()> {
        let mut words = line.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty());
        let (label, client, secret) = (words.next()?, words.next()?, words.next()?);
        // OpenSSL's line of a key exchange by RSA names it by other octets; another line has what came of it.
        if label == b"RSA" {
            return Some(());
        }
        let mut random = Random::default();
        hex::decode_to_slice(client, &mut random).ok()?;
        let secret = Zeroizing::new(hex::decode(secret).ok()?);
        if words.next().is_some() || secret.is_empty() || secret.len() > MAX_SECRET {
            return None;
        }
        let is_label = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
        if !label.iter().all(is_label) {
            return None;
        }
        let place: fn(&mut Secrets) -> &mut Option<Secret> = match label {
            b"CLIENT_RANDOM" => |s| &mut s.master,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => |s| &mut s.handshake[0],
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => |s| &mut s.handshake[1],
            b"CLIENT_TRAFFIC_SECRET_0" => |s| &mut s.traffic[0],
            b"SERVER_TRAFFIC_SECRET_0" => |s| &mut s.traffic[1],
            _ => return Some(()),
        };
        if !self.connections.contains_key(&random) {
            self.stats.forgotten += u64::from(self.connections.len() == self.connections.capacity());
            self.connections.insert(random, Secrets::default());
        }
        if let Some(secrets) = self.connections.get_mut(&random) {
            *place(secrets) = Some(secret);
            self.stats.secrets += 1;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(label: &str, client: u8, secret: u8) -> String {
        format!("{label} {} {}", hex::encode([client; 32]), hex::encode([secret; 48]))
    }

    #[test]
    fn lines_are_read_in_whatever_pieces_they_come() {
        let text = format!(
            "# a comment\r\n{}\r\n\nRSA 0011223344556677 00ff\n{}\nEXPORTER_SECRET {} 00ff\n{}",
            line("CLIENT_RANDOM", 1, 7),
            line("CLIENT_TRAFFIC_SECRET_0", 2, 8),
            hex::encode([2; 32]),
            line("SERVER_TRAFFIC_SECRET_0", 2, 9),
        );
        for piece in [1, 7, 100, 10_000] {
            let mut log = KeyLog::default();
            text.as_bytes().chunks(piece).for_each(|p| {
                log.push(p);
            });
            assert!(log.of(&[2; 32]).is_some_and(|s| s.traffic[1].is_none()), "its line has no end yet");
            assert!(log.end() && !log.end());
            assert_eq!(log.stats(), KeyLogStats { secrets: 3, ..KeyLogStats::default() });
            assert_eq!(log.of(&[1; 32]).unwrap().master.as_ref().unwrap().as_slice(), [7; 48]);
            assert_eq!(log.of(&[2; 32]).unwrap().traffic[1].as_ref().unwrap().as_slice(), [9; 48]);
            assert!(log.of(&[3; 32]).is_none());
            assert_eq!(format!("{log:?}"), "KeyLog(2 connections)");
        }
    }

    #[test]
    fn what_is_no_line_is_counted() {
        let mut log = KeyLog::default();
        let short = format!("CLIENT_RANDOM {} 00\n", "00".repeat(31));
        let odd = format!("CLIENT_RANDOM {} 000\n", "00".repeat(32));
        let more = format!("{} 00\n", line("CLIENT_RANDOM", 1, 1));
        let long = format!("CLIENT_RANDOM {} {}\n", "00".repeat(32), "00".repeat(65));
        let endless = format!("{}\n", "a".repeat(100_000));
        let other = format!("client random {}\n", "00".repeat(32));
        for bad in [&short, &odd, &more, &long, &endless, &other, "\0\u{ff}\n"] {
            assert!(!log.push(bad.as_bytes()));
        }
        assert_eq!(log.stats(), KeyLogStats { unreadable: 7, ..KeyLogStats::default() });
        assert!(log.push(format!("{}\n", line("CLIENT_RANDOM", 1, 1)).as_bytes()), "the next one counts");
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut log = KeyLog::default();
        for n in 0..MAX_CONNECTIONS + 10 {
            log.push(format!("CLIENT_RANDOM {n:064x} 00\n").as_bytes());
        }
        let random = |n: usize| {
            let mut r = Random::default();
            r[24..].copy_from_slice(&(n as u64).to_be_bytes());
            r
        };
        // Shown as nauhuri_limit_reached_total{limit="tls_secrets"}.
        assert_eq!(log.stats().forgotten, 10);
        assert!(log.of(&random(9)).is_none() && log.of(&random(10)).is_some());
    }
}
