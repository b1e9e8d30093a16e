//! A connection, as a bystander follows it: hellos, changes of keys, what was sent.
//!
//! Secrets may become known after the records they open: those wait, in the order they were
//! heard in, for so long and so many. Bytes that the capture lacks cost what was in them, no more: the next
//! record that opens under a later number shows where the stream goes on.

use super::cipher::{HEADER, Opener};
use super::hello::{message, message_len};
use super::key_schedule::expand_label;
use super::negotiation::Negotiation;
use super::record_stream::{RecordStream, is_header, next_record};
use super::{TlsSecrets, Unopened};
use crate::time::{NS_PER_S, Timestamp};
use std::collections::VecDeque;
use std::ops::ControlFlow::{self, Break, Continue};

/// Types of records (RFC 8446 §5.1).
mod content {
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    pub const HANDSHAKE: u8 = 22;
    pub const APPLICATION_DATA: u8 = 23;
}

/// The longest message of a handshake that is followed; certificates are long.
const MAX_MESSAGE: usize = 128 * 1024;
/// Secrets are waited for this long.
const PATIENCE_NS: i64 = 10 * NS_PER_S;
/// Octets that are tried to open in search of one record's number.
const TRIED_BYTES: usize = 2 << 20;
/// Records at most that were lost at once.
const MAX_LOST: usize = 20_000;
/// What a trial costs beside its octets, in octets.
const TRIAL_COST: usize = 128;
/// Of a connection of which nothing was ever opened, so much that looks like a record and does not open means
/// that its secrets are others.
const MAX_CANDIDATES: u32 = 8;
/// What a handshake may hold beside the limit.
const HANDSHAKE_ROOM: usize = 4 * MAX_MESSAGE;
/// Early data (RFC 8446 §4.2.10) that nothing opens, in records.
const MAX_EARLY: u32 = 1000;
/// What something that waits takes beside its bytes.
const PIECE_COST: usize = 48;

/// What came out of a connection, of one of its two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plaintext<'a> {
    /// What was sent.
    Text(&'a [u8]),
    /// Something is missing here.
    Gap,
}

/// Whether a stream begins with a hello.
pub fn begins_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [content::HANDSHAKE, 3, 0..=4, _, _, message::CLIENT_HELLO | message::SERVER_HELLO, ..])
}

/// Whether a stream begins with the hello of a client.
pub fn is_client_hello(bytes: &[u8]) -> bool {
    begins_tls(bytes) && bytes.get(HEADER) == Some(&message::CLIENT_HELLO)
}

/// Takes what opened: when it was whole, which side sent it, what it is.
type Out<'a> = &'a mut dyn FnMut(Timestamp, usize, Plaintext<'_>);

/// A side's next bytes, as they were heard; none where they are missing.
struct WaitingPiece {
    at: Timestamp,
    bytes: Option<Vec<u8>>,
}

/// A connection.
pub struct TlsSession {
    limit: usize,
    negotiation: Negotiation,
    has_opened: bool,
    senders: [RecordStream; 2],
    /// Of each side, behind a record that waits.
    waiting: [VecDeque<WaitingPiece>; 2],
    waiting_bytes: usize,
    /// Sides whose next record waits for secrets, or for the other side's hello.
    stalled: [bool; 2],
    text: Vec<u8>,
}

/// Goes on, waits for secrets (`None`), or ends.
type TlsStep = ControlFlow<Option<Unopened>>;

impl TlsSession {
    /// Holds at most `limit` bytes that wait for their secrets.
    pub fn new(limit: usize) -> TlsSession {
        TlsSession {
            limit,
            negotiation: Negotiation::default(),
            has_opened: false,
            senders: Default::default(),
            waiting: Default::default(),
            waiting_bytes: 0,
            stalled: [false; 2],
            text: Vec::new(),
        }
    }

    /// Takes the next bytes of a side; none where some are missing. What can be opened goes to `out`.
    ///
    /// # Errors
    /// It cannot be read, now or later.
    pub fn push(
        &mut self,
        secrets: &mut TlsSecrets,
        (at, side): (Timestamp, usize),
        bytes: Option<&[u8]>,
        out: Out<'_>,
    ) -> Result<(), Unopened> {
        let side = side.min(1);
        if self.stalled[side] {
            let since = self.senders[side].at;
            self.waiting_bytes += bytes.map_or(0, <[u8]>::len) + PIECE_COST;
            self.waiting[side].push_back(WaitingPiece { at, bytes: bytes.map(<[u8]>::to_vec) });
            let is_over = self.held() > self.limit || at.since_ns(since) > PATIENCE_NS;
            return if is_over { Err(Unopened::NoSecret) } else { Ok(()) };
        }
        let heard = self.negotiation.heard();
        self.take(secrets, (at, side), bytes, out)?;
        if self.held() > self.limit + HANDSHAKE_ROOM {
            return Err(Unopened::Unsupported);
        }
        // The other side may have waited for just that: mirrors do not keep the order of the two.
        if self.stalled[1 - side] && self.negotiation.heard() != heard {
            return self.resume(secrets, out);
        }
        Ok(())
    }

    /// Secrets have become known: what waits may open.
    ///
    /// # Errors
    /// As of [`TlsSession::push`].
    pub fn resume(&mut self, secrets: &mut TlsSecrets, out: Out<'_>) -> Result<(), Unopened> {
        let mut sides = [0, 1].map(|side| (self.senders[side].at, side));
        sides.sort_unstable();
        for (_, side) in sides {
            if std::mem::take(&mut self.stalled[side]) {
                self.records(secrets, side, out)?;
            }
        }
        loop {
            let open = (0..2).filter(|side| !self.stalled[*side]);
            let next = open.filter_map(|side| Some((self.waiting[side].front()?.at, side))).min();
            let Some((_, side)) = next else { return Ok(()) };
            let Some(WaitingPiece { at, bytes }) = self.waiting[side].pop_front() else { return Ok(()) };
            self.waiting_bytes -= bytes.as_ref().map_or(0, Vec::len) + PIECE_COST;
            self.take(secrets, (at, side), bytes.as_deref(), out)?;
        }
    }

    /// Something waits for secrets.
    pub fn is_waiting(&self) -> bool {
        self.stalled.contains(&true)
    }

    /// Which side is the client, as far as is known.
    pub fn client(&self) -> usize {
        self.negotiation.client
    }

    /// Both ends have agreed on how to seal, and nothing was opened.
    pub fn is_unopened(&self) -> bool {
        self.negotiation.agreed().is_some() && !self.is_open()
    }

    /// Something was opened.
    pub fn is_open(&self) -> bool {
        self.has_opened
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        let of = |s: &RecordStream| s.partial.len() + s.messages.len();
        self.waiting_bytes + self.negotiation.held() + self.senders.iter().map(of).sum::<usize>()
    }

    fn take(
        &mut self,
        secrets: &mut TlsSecrets,
        (at, side): (Timestamp, usize),
        bytes: Option<&[u8]>,
        out: Out<'_>,
    ) -> Result<(), Unopened> {
        let sender = &mut self.senders[side];
        sender.at = at;
        let Some(bytes) = bytes else { return self.lose(side, out) };
        sender.partial.extend_from_slice(bytes);
        self.records(secrets, side, out)
    }

    /// Takes what is whole of a side's records.
    fn records(&mut self, secrets: &mut TlsSecrets, side: usize, out: Out<'_>) -> Result<(), Unopened> {
        let mut partial = std::mem::take(&mut self.senders[side].partial);
        let mut done = 0;
        let mut end = Ok(());
        while end.is_ok() && !self.stalled[side] {
            let is_lost = self.senders[side].is_lost;
            let Some(range) = next_record(&partial[done..], is_lost) else { break };
            done += range.start;
            let Some(record) = partial.get(done..done + range.len()).filter(|r| is_header(r)) else {
                // The stream does not go on where a record ended.
                end = self.lose(side, out);
                continue;
            };
            let step = match is_lost {
                true => self.seek(secrets, side, record, out),
                false => self.record(secrets, side, record, out),
            };
            match step {
                Continue(()) => {
                    done += match (is_lost, self.senders[side].is_lost) {
                        (_, false) => record.len(),
                        // It may be what comes after a loss that nobody saw.
                        (false, true) => 0,
                        (true, true) => 1,
                    }
                }
                Break(None) => self.stalled[side] = true,
                Break(Some(why)) => end = Err(why),
            }
        }
        if end.is_ok() && !self.stalled[side] && self.senders[side].is_lost {
            done += (done..partial.len()).take_while(|at| !is_header(&partial[*at..])).count();
        }
        partial.drain(..done);
        if !partial.is_empty() {
            self.senders[side].partial = partial;
        }
        end
    }

    /// Bytes of a side are missing.
    fn lose(&mut self, side: usize, out: Out<'_>) -> Result<(), Unopened> {
        let agreed = self.negotiation.agreed().ok_or(Unopened::Lost)?;
        let sender = &mut self.senders[side];
        let in_handshake = if agreed.is_tls13 { !sender.is_settled } else { !sender.is_sealed };
        if in_handshake {
            // The rest of the handshake does not matter; what follows it is under the last keys.
            (sender.opener, sender.is_sealed, sender.is_settled) = (None, true, true);
        }
        sender.partial.clear();
        sender.messages.clear();
        sender.is_lost = true;
        out(sender.at, side, Plaintext::Gap);
        Ok(())
    }

    /// Whether this is the record that comes after what was lost.
    fn seek(&mut self, secrets: &mut TlsSecrets, side: usize, record: &[u8], out: Out<'_>) -> TlsStep {
        self.ready(secrets, side)?;
        let sender = &mut self.senders[side];
        let Some(opener) = &mut sender.opener else { return Break(Some(Unopened::Lost)) };
        // Strangers can make up records: no connection, nor all of them, may take up all the time there is.
        let cost = record.len() + TRIAL_COST;
        let tries = (TRIED_BYTES.min(secrets.trials_left(sender.at)) / cost).min(MAX_LOST) as u64;
        let mut numbers = opener.seq..opener.seq + tries;
        let found = numbers.find(|n| opener.open(record, *n, &mut self.text).is_some());
        secrets.note_tried((numbers.start - opener.seq) as usize * cost);
        match found {
            Some(seq) => {
                opener.seq = seq;
                (sender.is_lost, sender.candidates) = (false, 0);
                self.record(secrets, side, record, out)
            }
            None => {
                sender.candidates += 1;
                let is_hopeless = sender.candidates >= MAX_CANDIDATES && !self.is_open();
                if is_hopeless { Break(Some(Unopened::NoSecret)) } else { Continue(()) }
            }
        }
    }

    fn record(&mut self, secrets: &mut TlsSecrets, side: usize, record: &[u8], out: Out<'_>) -> TlsStep {
        let is_tls13 = self.negotiation.is_tls13();
        let (kind, sender) = (record[0], &mut self.senders[side]);
        // Only application data is sealed in TLS 1.3, and all that is sealed is called so.
        let is_sealed = if is_tls13 { kind == content::APPLICATION_DATA } else { sender.is_sealed };
        if !is_sealed {
            return match kind {
                // Past the handshake nothing of it is in clear, whoever says so.
                content::HANDSHAKE if !sender.is_settled => {
                    sender.messages.extend_from_slice(&record[HEADER..]);
                    self.messages(secrets, side)
                }
                // Before anything is agreed on it means nothing (RFC 8446 §D.4).
                content::CHANGE_CIPHER_SPEC if self.negotiation.agreed().is_some_and(|a| !a.is_tls13) => {
                    sender.change();
                    Continue(())
                }
                _ => Continue(()),
            };
        }
        self.ready(secrets, side)?;
        let mut text = std::mem::take(&mut self.text);
        let step = match self.open(secrets, side, record, &mut text) {
            Some(content::APPLICATION_DATA) => {
                out(self.senders[side].at, side, Plaintext::Text(&text));
                Continue(())
            }
            Some(content::HANDSHAKE) => {
                self.senders[side].messages.extend_from_slice(&text);
                self.messages(secrets, side)
            }
            Some(content::CHANGE_CIPHER_SPEC) if !is_tls13 => {
                self.senders[side].change();
                Continue(())
            }
            Some(_) => Continue(()),
            None => self.unreadable(side, out),
        };
        self.has_opened |= self.senders[side].opener.as_ref().is_some_and(|o| o.seq > 0);
        self.text = text;
        step
    }

    /// A record that should open, and does not.
    fn unreadable(&mut self, side: usize, out: Out<'_>) -> TlsStep {
        let sender = &mut self.senders[side];
        let is_early = side == self.negotiation.client && !sender.is_settled && self.negotiation.is_tls13();
        if is_early && sender.early < MAX_EARLY {
            sender.early += 1;
            return Continue(());
        }
        match self.lose(side, out) {
            Ok(()) => Continue(()),
            Err(why) => Break(Some(why)),
        }
    }

    /// What the record holds, and of which type that is.
    fn open(
        &mut self,
        secrets: &mut TlsSecrets,
        side: usize,
        record: &[u8],
        text: &mut Vec<u8>,
    ) -> Option<u8> {
        let opener = self.senders[side].opener.as_mut()?;
        if let Some(kind) = opener.open(record, opener.seq, text) {
            opener.seq += 1;
            return Some(kind);
        }
        let agreed = self.negotiation.agreed().filter(|a| a.is_tls13 && !self.senders[side].is_settled)?;
        // The end of the handshake may have gone unseen.
        let secret = self.negotiation.traffic_secret(secrets, side)?;
        let mut opener = Opener::tls13(agreed.suite, &secret)?;
        let kind = opener.open(record, 0, text)?;
        opener.seq = 1;
        let sender = &mut self.senders[side];
        (sender.opener, sender.secret, sender.is_settled) = (Some(opener), secret, true);
        Some(kind)
    }

    /// Makes what opens this side's records, if it is not there yet.
    fn ready(&mut self, secrets: &mut TlsSecrets, side: usize) -> TlsStep {
        if self.senders[side].opener.is_some() {
            return Continue(());
        }
        let Some(agreed) = self.negotiation.agreed() else { return Break(Some(Unopened::Lost)) };
        let sender = &mut self.senders[side];
        if !agreed.is_tls13 {
            sender.opener = self.negotiation.tls12_opener(secrets, side);
            return if sender.opener.is_some() { Continue(()) } else { Break(None) };
        }
        let handshake = self.negotiation.handshake_secret(secrets, side);
        let is_settled = sender.is_settled || handshake.is_none();
        let secret = if is_settled { self.negotiation.traffic_secret(secrets, side) } else { handshake };
        let Some(secret) = secret else { return Break(None) };
        sender.opener = Opener::tls13(agreed.suite, &secret);
        (sender.secret, sender.is_settled) = (secret, is_settled);
        if sender.opener.is_some() { Continue(()) } else { Break(Some(Unopened::Unsupported)) }
    }

    /// Takes what is whole of a side's handshake.
    fn messages(&mut self, secrets: &mut TlsSecrets, side: usize) -> TlsStep {
        let mut messages = std::mem::take(&mut self.senders[side].messages);
        let (mut done, mut step) = (0, Continue(()));
        while let Some(len) = message_len(&messages[done..]) {
            if len > MAX_MESSAGE {
                return Break(Some(Unopened::Unsupported));
            }
            let Some(whole) = messages.get(done..done + 4 + len) else { break };
            done += whole.len();
            step = self.message(secrets, side, whole);
            if step.is_break() {
                break;
            }
        }
        messages.drain(..done);
        if !messages.is_empty() {
            self.senders[side].messages = messages;
        }
        step
    }

    fn message(&mut self, secrets: &mut TlsSecrets, side: usize, whole: &[u8]) -> TlsStep {
        let sender = &mut self.senders[side];
        match whole[0] {
            message::FINISHED if self.negotiation.is_tls13() => {
                (sender.opener, sender.is_settled) = (None, true);
            }
            message::KEY_UPDATE if sender.is_settled => self.update(side),
            _ => {
                if let Err(why) = self.negotiation.message(secrets, side, whole) {
                    return Break(Some(why));
                }
            }
        }
        Continue(())
    }

    /// The side's next records are under new keys (RFC 8446 §7.2).
    fn update(&mut self, side: usize) {
        let (Some(agreed), sender) = (self.negotiation.agreed(), &mut self.senders[side]) else { return };
        let hash = agreed.suite.hash;
        sender.secret = expand_label(hash, &sender.secret, "traffic upd", hash.len());
        sender.opener = Opener::tls13(agreed.suite, &sender.secret);
    }
}
