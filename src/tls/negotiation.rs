//! What two ends have agreed on, and the keys that come of it with their secrets.

use super::cipher::Opener;
use super::hello::{
    ClientHello, ServerHello, TLS12, TLS13, encrypted_premaster, message, message_len, session_ticket,
};
use super::key_schedule::{master, tls12_keys, transcript_hash};
use super::suite::CipherSuite;
use super::{Secret, TlsSecrets, Unopened};

/// Of a handshake, octets that are kept of each side where a key exchange by RSA can be opened.
const MAX_TRANSCRIPT: usize = 128 * 1024;

/// The longest ticket of a session that is resumed.
const MAX_TICKET: usize = 4096;

/// What both hellos agreed on.
#[derive(Clone, Copy)]
pub(super) struct Agreed {
    pub suite: CipherSuite,
    pub is_tls13: bool,
    has_extended_master: bool,
    encrypts_first: bool,
}

/// A handshake, as far as it was heard.
#[derive(Default)]
pub(super) struct Negotiation {
    /// Which side is the client, as far as is known.
    pub client: usize,
    hello: Option<ClientHello>,
    answer: Option<ServerHello>,
    agreed: Option<Agreed>,
    /// What the client said, and the server.
    transcript: [Vec<u8>; 2],
    /// The exchange by RSA, as it was sent; taken when it is decrypted, which is tried once.
    exchange: Option<Vec<u8>>,
    premaster: Option<Secret>,
    /// Messages taken.
    heard: u32,
    master: Option<Secret>,
    /// For both sides, until each changes over (TLS 1.2).
    next: [Option<Opener>; 2],
}

impl Negotiation {
    /// What was agreed on, once both hellos were heard.
    pub(super) fn agreed(&self) -> Option<Agreed> {
        self.agreed
    }

    /// TLS 1.3 was agreed on.
    pub(super) fn is_tls13(&self) -> bool {
        self.agreed.is_some_and(|a| a.is_tls13)
    }

    /// How many messages were taken.
    pub(super) fn heard(&self) -> u32 {
        self.heard
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        let hello = self.hello.as_ref().map_or(0, |h| h.ticket.len() + h.session_id.len());
        let exchange = self.exchange.as_ref().map_or(0, Vec::len);
        hello + exchange + self.transcript.iter().map(Vec::capacity).sum::<usize>()
    }

    /// Takes a whole message of a side.
    ///
    /// # Errors
    /// It agrees to something that is not opened here.
    pub(super) fn message(
        &mut self,
        secrets: &mut TlsSecrets,
        side: usize,
        whole: &[u8],
    ) -> Result<(), Unopened> {
        let (kind, body) = (whole[0], &whole[4..]);
        self.heard = self.heard.wrapping_add(1);
        let opens_exchange = !self.is_tls13() && !secrets.servers.is_empty();
        match kind {
            message::CLIENT_HELLO => self.ask(side, body, opens_exchange)?,
            message::SERVER_HELLO => self.agree(side, body)?,
            message::CLIENT_KEY_EXCHANGE if opens_exchange => {
                self.exchange = encrypted_premaster(body).map(<[u8]>::to_vec);
            }
            message::NEW_SESSION_TICKET if opens_exchange => {
                if let (Some(ticket), Some(master)) = (session_ticket(body), &self.master) {
                    secrets.servers.remember(ticket, master);
                }
            }
            _ => {}
        }
        // What comes after the exchange is not what the master secret is made with (RFC 7627 §3).
        let is_over =
            kind != message::CLIENT_KEY_EXCHANGE && (self.exchange.is_some() || self.premaster.is_some());
        let transcript = &mut self.transcript[usize::from(side != self.client)];
        let is_kept = opens_exchange && self.master.is_none() && !is_over;
        if is_kept && transcript.len() + whole.len() <= MAX_TRANSCRIPT {
            transcript.extend_from_slice(whole);
        }
        Ok(())
    }

    /// The client's hello.
    fn ask(&mut self, side: usize, body: &[u8], may_resume: bool) -> Result<(), Unopened> {
        let mut hello = ClientHello::parse(body).ok_or(Unopened::Unsupported)?;
        if !may_resume || hello.ticket.len() > MAX_TICKET {
            hello.ticket = Vec::new();
        }
        if self.hello.is_some() && self.agreed.is_some() && !self.is_tls13() {
            // New keys are made, under the old ones (RFC 5246 §7.4.1.1).
            *self = Negotiation { heard: self.heard, ..Negotiation::default() };
        }
        (self.client, self.hello) = (side, Some(hello));
        Ok(())
    }

    /// The server's hello: what both agreed on.
    fn agree(&mut self, side: usize, body: &[u8]) -> Result<(), Unopened> {
        let hello = ServerHello::parse(body).ok_or(Unopened::Unsupported)?;
        if hello.is_retry {
            return Ok(());
        }
        let suite = CipherSuite::of(hello.suite).filter(|_| [TLS12, TLS13].contains(&hello.version));
        let suite = suite.ok_or(Unopened::Unsupported)?;
        self.client = 1 - side;
        self.agreed = Some(Agreed {
            suite,
            is_tls13: hello.version == TLS13,
            has_extended_master: hello.has_extended_master,
            encrypts_first: hello.encrypts_first,
        });
        self.answer = Some(hello);
        Ok(())
    }

    /// What opens the next keys of this side (TLS 1.2), once the secret is known.
    pub(super) fn tls12_opener(&mut self, secrets: &mut TlsSecrets, side: usize) -> Option<Opener> {
        if self.next[side].is_none() {
            self.next = self.tls12_openers(secrets)?;
        }
        self.next[side].take()
    }

    fn tls12_openers(&mut self, secrets: &mut TlsSecrets) -> Option<[Option<Opener>; 2]> {
        let (hello, answer, agreed) = (self.hello.as_ref()?, self.answer.as_ref()?, self.agreed?);
        let randoms = [&hello.random, &answer.random];
        if let Some(encrypted) = self.exchange.take() {
            self.premaster = secrets.servers.premaster(&encrypted, hello.version);
        }
        let logged = secrets.log.of(&hello.random).and_then(|s| s.master.clone());
        let secret = match (logged, &self.premaster) {
            (Some(logged), _) => logged,
            (None, Some(premaster)) => {
                let [client, server] = &self.transcript;
                // The server speaks between the client's hello and the rest of what that says.
                let (first, rest) = client.split_at_checked(4 + message_len(client)?)?;
                let hash = || transcript_hash(agreed.suite.hash, &[first, server, rest]);
                let hash = agreed.has_extended_master.then(hash);
                master(agreed.suite, premaster, randoms, hash.as_deref())
            }
            (None, None) => {
                let by_id = Some(&answer.session_id).filter(|id| **id == hello.session_id);
                let by_id = by_id.and_then(|id| secrets.servers.resumed(id));
                by_id.or_else(|| secrets.servers.resumed(&hello.ticket))?
            }
        };
        if !secrets.servers.is_empty() {
            secrets.servers.remember(&answer.session_id, &secret);
        }
        let keys = tls12_keys(agreed.suite, &secret, randoms, Opener::tls12_lens(agreed.suite));
        self.master = Some(secret);
        self.transcript = Default::default();
        let [client, server] = keys.map(|keys| Opener::tls12(agreed.suite, keys, agreed.encrypts_first));
        Some(if self.client == 0 { [client, server] } else { [server, client] })
    }

    /// The secret of this side's handshake (TLS 1.3), if it is known.
    pub(super) fn handshake_secret(&self, secrets: &mut TlsSecrets, side: usize) -> Option<Secret> {
        let known = secrets.log.of(&self.hello.as_ref()?.random)?;
        known.handshake[usize::from(side != self.client)].clone()
    }

    /// The first secret of what this side sends (TLS 1.3), if it is known.
    pub(super) fn traffic_secret(&self, secrets: &mut TlsSecrets, side: usize) -> Option<Secret> {
        let known = secrets.log.of(&self.hello.as_ref()?.random)?;
        known.traffic[usize::from(side != self.client)].clone()
    }
}
