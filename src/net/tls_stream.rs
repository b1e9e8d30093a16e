//! A TCP connection that speaks TLS, with SIP in it: opened, and cut into messages.

use crate::sip::stream_framer::StreamFramer;
use crate::time::Timestamp;
use crate::tls::{Plaintext, TlsSecrets, TlsSession, Unopened};

/// What gives a message: when it was whole, which side sent it, its bytes.
type EmitOpened<'a> = &'a mut dyn FnMut(Timestamp, usize, &[u8]);

/// Both directions of one.
pub(super) struct TlsStream {
    session: TlsSession,
    framers: [StreamFramer; 2],
    messages: u64,
    /// Something was opened, and that has been told.
    is_told: bool,
}

impl TlsStream {
    /// Holds at most so many bytes in each direction, and so many that wait for secrets.
    pub(super) fn new(limit: usize) -> TlsStream {
        TlsStream {
            session: TlsSession::new(limit),
            framers: [(); 2].map(|()| StreamFramer::new(limit)),
            messages: 0,
            is_told: false,
        }
    }

    /// Takes what a side sent; nothing where something is missing.
    ///
    /// # Errors
    /// It cannot be read, and never will be.
    pub(super) fn push(
        &mut self,
        secrets: &mut TlsSecrets,
        (at, side): (Timestamp, usize),
        bytes: Option<&[u8]>,
        emit: EmitOpened<'_>,
    ) -> Result<(), Unopened> {
        let TlsStream { session, framers, messages, .. } = self;
        session.push(secrets, (at, side), bytes, &mut |at, side, opened| {
            *messages += frame(&mut framers[side], (at, side), opened, emit);
        })
    }

    /// The same of what waited, now that more secrets are known.
    ///
    /// # Errors
    /// As of [`TlsStream::push`].
    pub(super) fn resume(&mut self, secrets: &mut TlsSecrets, emit: EmitOpened<'_>) -> Result<(), Unopened> {
        let TlsStream { session, framers, messages, .. } = self;
        session.resume(secrets, &mut |at, side, opened| {
            *messages += frame(&mut framers[side], (at, side), opened, emit);
        })
    }

    /// Messages that came out, since this was last asked.
    pub(super) fn take_messages(&mut self) -> u64 {
        std::mem::take(&mut self.messages)
    }

    /// Which side is the server.
    pub(super) fn server(&self) -> usize {
        1 - self.session.client()
    }

    /// Something was opened.
    pub(super) fn is_open(&self) -> bool {
        self.session.is_open()
    }

    /// Both ends have agreed on how to seal, and nothing was opened.
    pub(super) fn is_unopened(&self) -> bool {
        self.session.is_unopened()
    }

    /// Something was opened for the first time since this was last asked.
    pub(super) fn has_opened(&mut self) -> bool {
        let was_told = self.is_told;
        self.is_told |= self.session.is_open();
        self.is_told && !was_told
    }

    /// It waits for secrets.
    pub(super) fn is_waiting(&self) -> bool {
        self.session.is_waiting()
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.session.held() + self.framers.iter().map(StreamFramer::buffered).sum::<usize>()
    }
}

/// How many messages that made.
fn frame(
    framer: &mut StreamFramer,
    (at, side): (Timestamp, usize),
    opened: Plaintext<'_>,
    emit: EmitOpened<'_>,
) -> u64 {
    let mut messages = 0;
    match opened {
        Plaintext::Text(bytes) => framer.push(bytes, |message| {
            messages += 1;
            emit(at, side, message);
        }),
        Plaintext::Gap => framer.gap(),
    }
    messages
}
