//! Offer and answer seen from outside (RFC 3264, RFC 6337).
//!
//! One [`OfferAnswer`] follows one dialog: which description each party has
//! offered, which are agreed, who has put whom on hold. A bystander misses
//! messages and sees others twice, so nothing is refused: a description always
//! finds a place. Clone the machine of an INVITE for each dialog that forks.

use super::description::{Description, Direction, Media, MediaKind};
use super::lines;
use std::sync::Arc;

/// Offers remembered while unanswered; more can only come from missed answers.
pub const MAX_PENDING: usize = 4;

/// The two ends of a dialog: who sent its first INVITE, and the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Sent the INVITE that made the dialog.
    Caller,
    /// Received it.
    Callee,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Side {
        match self {
            Side::Caller => Side::Callee,
            Side::Callee => Side::Caller,
        }
    }
}

/// The transactions that carry descriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// INVITE and re-INVITE, with their responses and ACK.
    Invite,
    /// PRACK (RFC 3262 §5).
    Prack,
    /// UPDATE (RFC 3311).
    Update,
}

/// Which message of its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageStep {
    /// The request.
    Request,
    /// A response of this status.
    Response(u16),
    /// The ACK of an INVITE.
    Ack,
}

/// What a message did to the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeChange {
    /// Nothing new.
    None,
    /// A description was offered; its sender may already receive there.
    Offered,
    /// What is agreed has changed.
    Agreed,
    /// An offer failed; what was agreed before holds again.
    Reverted,
}

/// A transaction within the dialog: CSeq numbers belong to their sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TransactionKey {
    requester: Side,
    carrier: Carrier,
    cseq: u32,
}

#[derive(Clone, Debug)]
struct Offer {
    key: TransactionKey,
    offerer: Side,
    session: Arc<Description>,
}

/// What both sides go by, and who holds.
#[derive(Clone, Debug, Default)]
struct Agreement {
    sessions: [Option<Arc<Description>>; 2],
    /// The `m=` section of each that carries the call's audio.
    lines: [Option<usize>; 2],
    /// Who made the answer, if it was seen: it says what is used.
    answerer: Option<Side>,
    holding: [bool; 2],
}

impl Agreement {
    fn audio(&self, side: Side) -> Option<&Media> {
        self.sessions[side as usize].as_ref()?.media.get(self.lines[side as usize]?)
    }

    /// The other audio sections that both sides have taken: some send on a second one as well.
    fn more_audio(&self, side: Side) -> impl Iterator<Item = &Media> {
        let [own, other] = [side, side.other()].map(|s| self.sessions[s as usize].as_deref());
        let both = own.zip(other).into_iter().flat_map(|(own, other)| own.media.iter().zip(&other.media));
        let line = self.lines[side as usize];
        let taken = both.enumerate().filter(move |(i, (own, other))| {
            let is_audio = own.kind == MediaKind::Audio && other.kind == MediaKind::Audio;
            line.is_some() && line != Some(*i) && is_audio && !own.rejected() && !other.rejected()
        });
        taken.map(|(_, (own, _))| own)
    }
}

/// The newest exchange that got its answer.
#[derive(Clone, Debug)]
struct Settled {
    key: TransactionKey,
    offer: Offer,
    /// Until the INVITE's final response: what to go back to when it fails.
    before: Option<Box<Agreement>>,
}

/// The offers and answers of one dialog.
#[derive(Clone, Debug, Default)]
pub struct OfferAnswer {
    agreed: Agreement,
    /// Oldest first, at most [`MAX_PENDING`].
    pending: Vec<Offer>,
    settled: Option<Settled>,
    /// Highest CSeq number of each side's finished transactions that carried descriptions.
    done: [Option<u32>; 2],
}

impl OfferAnswer {
    /// No description seen yet.
    pub fn new() -> OfferAnswer {
        OfferAnswer::default()
    }

    /// Takes a message of the dialog, in capture order, with the description it carries.
    ///
    /// `sender` sent this very message (for a response: who answers). Messages
    /// without a description matter too: they settle or fail what others offered.
    pub fn handle(
        &mut self,
        sender: Side,
        carrier: Carrier,
        cseq: u32,
        step: MessageStep,
        session: Option<&Arc<Description>>,
    ) -> ExchangeChange {
        match step {
            MessageStep::Request => {
                let key = TransactionKey { requester: sender, carrier, cseq };
                session.map_or(ExchangeChange::None, |s| self.on_request(key, s))
            }
            MessageStep::Ack => {
                self.on_ack(TransactionKey { requester: sender, carrier: Carrier::Invite, cseq }, session)
            }
            MessageStep::Response(code) => {
                let key = TransactionKey { requester: sender.other(), carrier, cseq };
                match code {
                    0..300 => self.on_success(key, code >= 200, session),
                    300.. => self.on_failure(key),
                }
            }
        }
    }

    /// What this side's description is, as far as agreed.
    pub fn agreed(&self, side: Side) -> Option<&Description> {
        self.agreed.sessions[side as usize].as_deref()
    }

    /// What this side has offered and nobody has answered yet, newest first.
    pub fn offered(&self, side: Side) -> impl Iterator<Item = &Description> {
        self.pending.iter().rev().filter(move |o| o.offerer == side).map(|o| &*o.session)
    }

    /// The audio this side advertises: the newest offer's, else the agreed one.
    pub fn latest_audio(&self, side: Side) -> Option<&Media> {
        self.offered(side).find_map(Description::audio).or_else(|| self.agreed.audio(side))
    }

    /// The audio this side goes by at present: of the agreed description the
    /// section that the answer took (RFC 3264 §6: the same place in both);
    /// before any agreement its offer's.
    pub fn current_audio(&self, side: Side) -> Option<&Media> {
        self.agreed.audio(side).or_else(|| self.offered(side).find_map(Description::audio))
    }

    /// All audio this side may be receiving on now: the agreed section, others that were agreed beside
    /// it, then every section of pending offers that an answer could take.
    pub fn advertised_audio(&self, side: Side) -> impl Iterator<Item = &Media> {
        let offered = self.offered(side).flat_map(|s| s.live_audio().map(|(_, m)| m));
        self.agreed.audio(side).into_iter().chain(self.agreed.more_audio(side)).chain(offered)
    }

    /// Is the RTP of the agreed audio encrypted? The answer's profile says so,
    /// or keys that both sides give in a plain one (RFC 8643). Where it is not known which is the
    /// answer both have to say so; of one side alone that is all there is to go by.
    pub fn encrypted(&self) -> bool {
        let [one, other] = [Side::Caller, Side::Callee].map(|s| self.current_audio(s));
        // What was refused is agreed by nobody.
        if [one, other].into_iter().flatten().any(Media::rejected) {
            return false;
        }
        match (one, other, self.agreed.answerer) {
            (Some(a), Some(b), answerer) => {
                let both_keyed = (a.crypto && b.crypto) || (a.fingerprint && b.fingerprint);
                let profile = match answerer {
                    Some(Side::Caller) => a.encrypted(),
                    Some(Side::Callee) => b.encrypted(),
                    None => a.encrypted() && b.encrypted(),
                };
                profile || both_keyed
            }
            (a, b, _) => a.or(b).is_some_and(Media::encrypted),
        }
    }

    /// Has either side as much as spoken of encryption, in what is agreed or offered?
    pub fn mentions_keys(&self) -> bool {
        let mut all = [Side::Caller, Side::Callee].into_iter().flat_map(|s| self.advertised_audio(s));
        all.any(|m| m.encrypted() || m.crypto || m.fingerprint)
    }

    /// About how many bytes of memory its descriptions hold, those shared with others included.
    pub fn weight(&self) -> usize {
        let agreed = self.agreed.sessions.iter().flatten().map(|s| s.weight());
        let pending = self.pending.iter().map(|o| o.session.weight() + size_of::<Offer>());
        let settled = self.settled.iter().map(|s| s.offer.session.weight());
        agreed.chain(pending).chain(settled).sum()
    }

    /// Have both sides agreed that no audio flows: the audio switched off
    /// (port 0), inactive, or given up for a fax (T.38)?
    pub fn audio_off(&self) -> bool {
        let Some(answerer) = self.agreed.answerer else { return false };
        let live = |side| self.agreed.audio(side).filter(|m| !m.rejected());
        match (live(answerer), live(answerer.other())) {
            (Some(a), Some(b)) => [a.direction, b.direction].contains(&Direction::Inactive),
            _ => true,
        }
    }

    /// Has this side put the other on hold?
    pub fn holds(&self, side: Side) -> bool {
        self.agreed.holding[side as usize]
    }

    /// Is the call on hold, by either side?
    pub fn on_hold(&self) -> bool {
        self.agreed.holding != [false; 2]
    }

    /// Has an offer been answered?
    pub fn established(&self) -> bool {
        self.settled.is_some()
    }

    fn on_request(&mut self, key: TransactionKey, session: &Arc<Description>) -> ExchangeChange {
        // A PRACK answers when its INVITE came without a description (RFC 3262 §5).
        let late = |o: &Offer| o.key.carrier == Carrier::Invite && o.offerer == key.requester.other();
        if key.carrier == Carrier::Prack
            && let Some(i) = self.pending.iter().position(|o| late(o) && o.key.requester == key.requester)
        {
            return self.settle(i, session, false);
        }
        if self.is_old(key) {
            return ExchangeChange::None;
        }
        self.offer(Offer { key, offerer: key.requester, session: session.clone() })
    }

    fn on_success(
        &mut self,
        key: TransactionKey,
        is_final: bool,
        session: Option<&Arc<Description>>,
    ) -> ExchangeChange {
        let answerer = key.requester.other();
        let change = match session {
            None => ExchangeChange::None,
            Some(s) => match self.pending.iter().position(|o| o.key == key) {
                Some(i) if self.pending[i].offerer == key.requester => self.settle(i, s, !is_final),
                Some(_) => self.offer(Offer { key, offerer: answerer, session: s.clone() }),
                None if self.settled.as_ref().is_some_and(|d| d.key == key) => self.amend(answerer, s),
                None if self.is_old(key) => ExchangeChange::None,
                // Without an offer in the request, the response makes one.
                None if key.carrier == Carrier::Invite => {
                    self.offer(Offer { key, offerer: answerer, session: s.clone() })
                }
                None => self.adopt(key, answerer, s),
            },
        };
        if !is_final {
            return change;
        }
        if let Some(settled) = self.settled.as_mut().filter(|d| d.key == key) {
            settled.before = None;
        }
        // A success without an answer: what was offered is all there is to go by.
        let unanswered =
            self.pending.iter().position(|o| o.key == key && o.offerer == key.requester && session.is_none());
        match unanswered {
            Some(i) => {
                let offer = self.pending.remove(i);
                self.adopt(key, offer.offerer, &offer.session)
            }
            None => change,
        }
    }

    fn on_ack(&mut self, key: TransactionKey, session: Option<&Arc<Description>>) -> ExchangeChange {
        let offer = self.pending.iter().position(|o| o.key == key && o.offerer != key.requester);
        match (offer, session) {
            (Some(i), Some(s)) => self.settle(i, s, false),
            // The answer was missed or is in a message that was cut.
            (Some(i), None) => {
                let offer = self.pending.remove(i);
                self.adopt(key, offer.offerer, &offer.session)
            }
            (None, Some(s)) if self.settled.as_ref().is_some_and(|d| d.key == key) => {
                self.amend(key.requester, s)
            }
            (None, Some(s)) if !self.is_old(key) => self.adopt(key, key.requester, s),
            (None, _) => ExchangeChange::None,
        }
    }

    /// A request that failed leaves everything as it was before (RFC 3261 §14.1).
    fn on_failure(&mut self, key: TransactionKey) -> ExchangeChange {
        let pending = self.pending.len();
        self.pending.retain(|o| o.key != key);
        let mut change =
            if self.pending.len() < pending { ExchangeChange::Reverted } else { ExchangeChange::None };
        if let Some(settled) = self.settled.as_mut().filter(|d| d.key == key)
            && let Some(before) = settled.before.take()
        {
            self.agreed = *before;
            change = ExchangeChange::Reverted;
        }
        self.finish(key);
        change
    }

    fn offer(&mut self, offer: Offer) -> ExchangeChange {
        if let Some(same) = self.pending.iter_mut().find(|o| o.key == offer.key) {
            // A retransmission, or a later response repeating a late offer.
            let change =
                if same.session == offer.session { ExchangeChange::None } else { ExchangeChange::Offered };
            *same = offer;
            return change;
        }
        if self.pending.len() == MAX_PENDING {
            self.pending.remove(0);
        }
        self.pending.push(offer);
        ExchangeChange::Offered
    }

    /// The pending offer `i` got this answer.
    fn settle(&mut self, i: usize, answer: &Arc<Description>, provisional: bool) -> ExchangeChange {
        let offer = self.pending.remove(i);
        // Older offers of the dialog can no longer be answered.
        self.pending.drain(..i);
        let before =
            (provisional && offer.key.carrier == Carrier::Invite).then(|| Box::new(self.agreed.clone()));
        let key = offer.key;
        self.agree(&offer, answer);
        self.settled = Some(Settled { key, offer, before });
        self.finish(key);
        ExchangeChange::Agreed
    }

    /// The answer of the newest exchange again, perhaps another than before: a
    /// 200 may differ from its 183.
    fn amend(&mut self, answerer: Side, answer: &Arc<Description>) -> ExchangeChange {
        let Some(offer) = self.settled.as_ref().map(|d| d.offer.clone()) else { return ExchangeChange::None };
        if offer.offerer == answerer || self.agreed(answerer) == Some(&**answer) {
            return ExchangeChange::None;
        }
        self.agree(&offer, answer);
        ExchangeChange::Agreed
    }

    /// One half of an exchange whose other half was missed.
    fn adopt(&mut self, key: TransactionKey, side: Side, session: &Arc<Description>) -> ExchangeChange {
        self.finish(key);
        self.agreed.holding[side as usize] = session.audio().is_some_and(stops_other);
        if self.agreed(side) == Some(&**session) {
            return ExchangeChange::None;
        }
        self.agreed.lines[side as usize] = session.audio_line();
        self.agreed.sessions[side as usize] = Some(session.clone());
        self.agreed.answerer = None;
        ExchangeChange::Agreed
    }

    fn agree(&mut self, offer: &Offer, answer: &Arc<Description>) {
        let (offerer, answerer) = (offer.offerer as usize, offer.offerer.other() as usize);
        let (offer_line, answer_line) = lines::taken(&offer.session, answer);
        let section = |s: &'_ Description, line: Option<usize>| line.and_then(|i| s.media.get(i)).cloned();
        let offered = section(&offer.session, offer_line);
        self.agreed.holding[offerer] = offered.as_ref().is_some_and(stops_other);
        if let Some(answered) = section(answer, answer_line).as_ref() {
            let mirrors = match offered.as_ref().map(|m| m.direction) {
                Some(Direction::Inactive) => true,
                // The other side asks only to hear: `sendonly` grants just that.
                Some(Direction::RecvOnly) => answered.direction == Direction::SendOnly,
                Some(Direction::SendOnly | Direction::SendRecv) | None => false,
            };
            // An answer that only mirrors its offer says nothing new about hold.
            if !mirrors || answered.zero_address() {
                self.agreed.holding[answerer] = stops_other(answered);
            }
        }
        self.agreed.sessions[offerer] = Some(offer.session.clone());
        self.agreed.sessions[answerer] = Some(answer.clone());
        self.agreed.lines[offerer] = offer_line;
        self.agreed.lines[answerer] = answer_line;
        self.agreed.answerer = Some(offer.offerer.other());
    }

    fn finish(&mut self, key: TransactionKey) {
        let done = &mut self.done[key.requester as usize];
        *done = (*done).max(Some(key.cseq));
    }

    /// Is it a transaction at or before the newest finished one of its sender?
    fn is_old(&self, key: TransactionKey) -> bool {
        self.done[key.requester as usize].is_some_and(|d| key.cseq <= d)
    }
}

/// Does its maker not want to hear the other side?
fn stops_other(m: &Media) -> bool {
    m.zero_address() || matches!(m.direction, Direction::SendOnly | Direction::Inactive)
}

#[cfg(test)]
mod tests;
