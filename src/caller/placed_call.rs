//! One call that we place: from the INVITE to the end of its BYE.

mod in_dialog;
mod responses;

use super::call_plan::{ALLOW, CallPlan, PlacedDialog, RequestMark};
use super::call_sdp::{self, MediaTarget};
use super::digest::DigestChallenge;
use super::transaction::{ClientTransaction, TransactionCall};
use crate::sdp::Direction;
use crate::sip::{Entropy, Message, Method, SipWriter, is_keep_alive};
use crate::time::Timestamp;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// We hung up after the answer.
    ByUs,
    /// The other side hung up after the answer.
    ByThem,
    /// It was answered, and not with sound that we could send: no G.711 A-law.
    NoAlaw,
    /// It rang, and nobody answered.
    NotAnswered,
    /// Nobody said anything at all.
    Unreachable,
    /// It was refused.
    Refused {
        /// Status code, 300 to 699.
        code: u16,
        /// What they said beside it.
        reason: String,
    },
    /// The account or the password is not right, or one is wanted and there is none.
    Unauthorized {
        /// 401 or 407.
        code: u16,
    },
}

/// Where the call is.
#[derive(Debug)]
enum CallStage {
    /// The INVITE is under way.
    Calling,
    /// We have given up waiting, and have said so.
    Cancelling,
    /// They talk.
    Talking,
    /// Our BYE is under way.
    Leaving(CallEnd),
    /// It is over.
    Over(CallEnd),
}

/// A challenge that was answered.
#[derive(Debug)]
struct AnsweredChallenge {
    header: &'static str,
    challenge: DigestChallenge,
    used: u32,
}

/// What goes out: to whom ([`None`]: the exchange), and the bytes.
pub type OutgoingSip = (Option<SocketAddr>, Vec<u8>);

/// The call.
#[derive(Debug)]
pub struct PlacedCall {
    plan: CallPlan,
    call_id: String,
    tag: String,
    entropy: Entropy,
    cseq: u32,
    session: u64,
    sdp_version: u64,
    stage: CallStage,
    dialog: PlacedDialog,
    /// The INVITE, then the BYE.
    own: ClientTransaction,
    cancel: Option<ClientTransaction>,
    /// ACKs by the branch or, of a 2xx, the tag that they answer: they go out again when that comes again.
    acks: Vec<(Vec<u8>, OutgoingSip)>,
    challenges: Vec<AnsweredChallenge>,
    /// Responses with a challenge that we have answered.
    taken_up: u32,
    /// They have answered something, if only that they try.
    is_heard: bool,
    hang_up_after: Timestamp,
    answered_at: Option<Timestamp>,
    media: Option<MediaTarget>,
    out: VecDeque<OutgoingSip>,
    /// Our answer to their re-INVITE, until they acknowledge it (RFC 3261 §13.3.1.4).
    unacknowledged: Option<(Option<SocketAddr>, ClientTransaction)>,
    /// Responses of ours by the branch they belong to.
    answered: Vec<(Vec<u8>, OutgoingSip)>,
}

impl PlacedCall {
    /// Places it: the INVITE is to be sent.
    pub fn new(plan: CallPlan, now: Timestamp) -> PlacedCall {
        let mut entropy = Entropy::new(plan.seed);
        let (call_id, tag) = (entropy.word() + &entropy.word(), entropy.word());
        let session = u64::from_be_bytes(entropy.bytes(8).try_into().unwrap_or_default()) >> 2;
        let dialog =
            PlacedDialog { to: format!("<{}>", plan.to), target: plan.to.clone(), ..PlacedDialog::default() };
        let mut call = PlacedCall {
            hang_up_after: now + plan.ring,
            own: ClientTransaction::new(String::new(), 0, Vec::new(), true, now),
            plan,
            call_id,
            tag,
            entropy,
            cseq: 0,
            session,
            sdp_version: 1,
            stage: CallStage::Calling,
            dialog,
            cancel: None,
            acks: Vec::new(),
            challenges: Vec::new(),
            taken_up: 0,
            is_heard: false,
            answered_at: None,
            media: None,
            out: VecDeque::new(),
            unacknowledged: None,
            answered: Vec::new(),
        };
        call.invite(now);
        call
    }

    /// What came from `from`.
    pub fn handle_message(&mut self, bytes: &[u8], from: SocketAddr, now: Timestamp) {
        if is_keep_alive(bytes) {
            return;
        }
        let Ok((msg, _)) = Message::parse(bytes) else { return };
        match msg.status() {
            None => self.request_from(&msg, from, now),
            Some(code) if msg.call_id() == Some(self.call_id.as_bytes()) => match msg.cseq() {
                Some((cseq, Method::Invite)) => self.invite_response(&msg, code, cseq, now),
                Some((cseq, Method::Bye)) if cseq == self.own.cseq => self.bye_response(&msg, code, now),
                // The CANCEL has arrived; what counts is the answer to the INVITE.
                Some((_, Method::Cancel)) if code >= 200 => self.cancel = None,
                _ => {}
            },
            Some(_) => {}
        }
    }

    /// Time has come to `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if let Some(cancel) = &mut self.cancel
            && cancel.poll(now) == TransactionCall::Again
        {
            self.out.push_back((None, cancel.bytes.clone()));
        }
        if let Some((to, repeated)) = &mut self.unacknowledged {
            match repeated.poll(now) {
                TransactionCall::Again => self.out.push_back((*to, repeated.bytes.clone())),
                TransactionCall::GiveUp => self.unacknowledged = None,
                TransactionCall::Wait => {}
            }
        }
        if matches!(self.stage, CallStage::Talking | CallStage::Over(_)) {
            return;
        }
        match self.own.poll(now) {
            TransactionCall::Again => {
                let to =
                    if matches!(self.stage, CallStage::Leaving(_)) { self.dialog.next_hop } else { None };
                self.out.push_back((to, self.own.bytes.clone()));
            }
            TransactionCall::GiveUp => self.give_up(),
            TransactionCall::Wait
                if matches!(self.stage, CallStage::Calling) && now >= self.hang_up_after =>
            {
                self.cancel_it(now);
            }
            TransactionCall::Wait => {}
        }
        if matches!(self.stage, CallStage::Cancelling) && now >= self.hang_up_after {
            self.stage = CallStage::Over(CallEnd::NotAnswered);
        }
    }

    /// Hangs up, once it was answered.
    pub fn hang_up(&mut self, now: Timestamp) {
        if matches!(self.stage, CallStage::Talking) {
            self.leave(CallEnd::ByUs, now);
        }
    }

    /// Whoever asked for the call wants it to end now: it is hung up or cancelled.
    pub fn break_off(&mut self, now: Timestamp) {
        match self.stage {
            CallStage::Calling => self.hang_up_after = now,
            _ => self.hang_up(now),
        }
    }

    /// The next message to send.
    pub fn poll_output(&mut self) -> Option<OutgoingSip> {
        self.out.pop_front()
    }

    /// When to look at the clock again.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let cancel = self.cancel.as_ref().map(ClientTransaction::deadline);
        let own = match self.stage {
            CallStage::Calling | CallStage::Cancelling => Some(self.own.deadline().min(self.hang_up_after)),
            CallStage::Leaving(_) => Some(self.own.deadline()),
            CallStage::Talking | CallStage::Over(_) => None,
        };
        let repeated = self.unacknowledged.as_ref().map(|(_, repeated)| repeated.deadline());
        own.into_iter().chain(cancel).chain(repeated).min()
    }

    /// How it ended, once it has.
    pub fn end(&self) -> Option<&CallEnd> {
        match &self.stage {
            CallStage::Over(end) => Some(end),
            _ => None,
        }
    }

    /// They talk: sound may be sent.
    pub fn is_talking(&self) -> bool {
        matches!(self.stage, CallStage::Talking)
    }

    /// When the answer came.
    pub fn answered_at(&self) -> Option<Timestamp> {
        self.answered_at
    }

    /// Where sound goes.
    pub fn media(&self) -> Option<MediaTarget> {
        self.media
    }

    /// Call-ID of the call.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Our description, as the answer to an offer with this direction.
    fn description(&self, theirs: Direction) -> String {
        call_sdp::describe(self.plan.media, self.session, self.sdp_version, theirs)
    }

    /// Sends the INVITE, with an answer to each challenge so far.
    fn invite(&mut self, now: Timestamp) {
        self.cseq += 1;
        let (cseq, branch) = (self.cseq, self.entropy.branch());
        let w = self.request("INVITE", &self.dialog, cseq, &branch).header("Contact", &self.plan.contact());
        let w = w.header("Allow", ALLOW).header("User-Agent", "nauhuri probe");
        let w = self.authorize(w, "INVITE");
        let bytes = w.body("application/sdp", &self.description(Direction::SendRecv));
        self.own = ClientTransaction::new(branch, cseq, bytes.clone(), self.plan.is_tcp, now).doubling();
        self.out.push_back((None, bytes));
    }

    /// Sends a BYE; the call ends so once it is answered.
    fn leave(&mut self, end: CallEnd, now: Timestamp) {
        self.cseq += 1;
        let (cseq, branch) = (self.cseq, self.entropy.branch());
        let w = self.request("BYE", &self.dialog, cseq, &branch);
        let bytes = self.authorize(w, "BYE").done();
        self.own = ClientTransaction::new(branch, cseq, bytes.clone(), self.plan.is_tcp, now);
        self.stage = CallStage::Leaving(end);
        self.out.push_back((self.dialog.next_hop, bytes));
    }

    /// It has rung for long enough.
    fn cancel_it(&mut self, now: Timestamp) {
        if !self.is_heard {
            // RFC 3261 §9.1: without a provisional response there is nothing to cancel yet.
            self.stage = CallStage::Over(CallEnd::Unreachable);
            return;
        }
        let (cseq, branch) = (self.own.cseq, self.own.branch.clone());
        let bytes = self.request("CANCEL", &self.dialog, cseq, &branch).done();
        let cancel = ClientTransaction::new(branch, cseq, bytes.clone(), self.plan.is_tcp, now);
        self.hang_up_after = cancel.gives_up_at();
        self.cancel = Some(cancel);
        self.stage = CallStage::Cancelling;
        self.out.push_back((None, bytes));
    }

    fn give_up(&mut self) {
        let end = match &self.stage {
            // Nobody answers the BYE: the call was held all the same.
            CallStage::Leaving(end) | CallStage::Over(end) => end.clone(),
            CallStage::Calling | CallStage::Cancelling | CallStage::Talking => CallEnd::Unreachable,
        };
        self.stage = CallStage::Over(end);
    }

    fn request(&self, method: &str, dialog: &PlacedDialog, cseq: u32, branch: &str) -> SipWriter {
        self.plan.request((&self.call_id, &self.tag), dialog, &RequestMark { branch, cseq, method })
    }

    /// With the answer to each challenge so far.
    fn authorize(&mut self, mut w: SipWriter, method: &str) -> SipWriter {
        let Some(account) = &self.plan.account else { return w };
        for known in &mut self.challenges {
            known.used += 1;
            let cnonce = self.entropy.word();
            let uri = (method, self.dialog.target.as_str());
            w = w.header(known.header, &known.challenge.answer(account, uri, &cnonce, known.used));
        }
        w
    }
}
