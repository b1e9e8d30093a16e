//! What the exchange answers to our INVITE and to our BYE.

use super::{AnsweredChallenge, CallEnd, CallStage, PlacedCall, PlacedDialog};
use crate::caller::call_sdp;
use crate::caller::digest::DigestChallenge;
use crate::sip::{Message, Method, Uri};
use crate::time::Timestamp;
use std::net::{IpAddr, SocketAddr};

/// Challenges answered before we give up: one of each hop, and some whose nonce was too old.
const MAX_ANSWERS: u32 = 4;
/// Longest reason phrase kept, characters.
const MAX_REASON: usize = 80;
/// Headers with a challenge, and those with its answer.
const CHALLENGES: [(&str, &str); 2] =
    [("WWW-Authenticate", "Authorization"), ("Proxy-Authenticate", "Proxy-Authorization")];
/// Where SIP is where no port says so.
const SIP_PORT: u16 = 5060;

impl PlacedCall {
    pub(super) fn invite_response(&mut self, msg: &Message<'_>, code: u16, cseq: u32, now: Timestamp) {
        match code {
            100..=199 => {
                if matches!(self.stage, CallStage::Calling | CallStage::Cancelling) && cseq == self.own.cseq {
                    self.is_heard = true;
                    self.own.proceed();
                }
            }
            200..=299 => self.accepted(msg, cseq, now),
            _ => self.declined(msg, code, cseq, now),
        }
    }

    /// An answer (RFC 3261 §13.2.2.4). Each is acknowledged; only the first is the call, and one that crossed our
    /// CANCEL or is another fork's is hung up at once.
    fn accepted(&mut self, msg: &Message<'_>, cseq: u32, now: Timestamp) {
        let tag = msg.to().and_then(|to| to.tag().map(<[u8]>::to_vec)).unwrap_or_default();
        if self.repeat_ack(&tag) {
            return;
        }
        let dialog = self.dialog_of(msg);
        let branch = self.entropy.branch();
        let w = self.request("ACK", &dialog, cseq, &branch);
        let ack = (dialog.next_hop, w.done());
        self.acks.push((tag, ack.clone()));
        self.out.push_back(ack);
        match self.stage {
            CallStage::Calling => {
                self.dialog = dialog;
                self.answered_at = Some(now);
                self.media = msg.sdp().and_then(call_sdp::target).map(|(target, _)| target);
                match self.media {
                    Some(_) => self.stage = CallStage::Talking,
                    None => self.leave(CallEnd::NoAlaw, now),
                }
            }
            CallStage::Cancelling => {
                self.cancel = None;
                self.dialog = dialog;
                self.leave(CallEnd::NotAnswered, now);
            }
            CallStage::Talking | CallStage::Leaving(_) | CallStage::Over(_) => {
                let branch = self.entropy.branch();
                let bye = self.request("BYE", &dialog, cseq + 1, &branch).done();
                self.out.push_back((dialog.next_hop, bye));
            }
        }
    }

    /// Anything but an answer (RFC 3261 §17.1.1.3).
    fn declined(&mut self, msg: &Message<'_>, code: u16, cseq: u32, now: Timestamp) {
        let branch = msg.top_via_branch().unwrap_or_default().to_vec();
        if self.repeat_ack(&branch) || cseq != self.own.cseq {
            return;
        }
        let to = msg.header("To").map(|to| String::from_utf8_lossy(&to).into_owned());
        let dialog = PlacedDialog { to: to.unwrap_or_default(), ..self.dialog.clone() };
        let own_branch = self.own.branch.clone();
        let ack = (None, self.request("ACK", &dialog, cseq, &own_branch).done());
        self.acks.push((branch, ack.clone()));
        self.out.push_back(ack);
        let end = match self.stage {
            CallStage::Calling if matches!(code, 401 | 407) => {
                if self.takes_up(msg) {
                    return self.invite(now);
                }
                CallEnd::Unauthorized { code }
            }
            CallStage::Calling => CallEnd::Refused { code, reason: reason_of(msg) },
            // 487 as a rule; whatever it is, nobody answered.
            CallStage::Cancelling => CallEnd::NotAnswered,
            CallStage::Talking | CallStage::Leaving(_) | CallStage::Over(_) => return,
        };
        self.cancel = None;
        self.stage = CallStage::Over(end);
    }

    pub(super) fn bye_response(&mut self, msg: &Message<'_>, code: u16, now: Timestamp) {
        let CallStage::Leaving(end) = &self.stage else { return };
        let end = end.clone();
        match code {
            100..=199 => {}
            401 | 407 if self.takes_up(msg) => self.leave(end, now),
            // 481 among them: there is no such call any more.
            _ => self.stage = CallStage::Over(end),
        }
    }

    /// Takes the challenges of a response up; false where one cannot be answered, or was and did not do.
    fn takes_up(&mut self, msg: &Message<'_>) -> bool {
        if self.plan.account.is_none() {
            return false;
        }
        let mut is_new = false;
        for (asked, answered) in CHALLENGES {
            // The exchange may offer several hashes: the best that we know (RFC 8760 §2.4).
            let offered = msg.headers(asked).filter_map(|value| DigestChallenge::parse(&value));
            let Some(challenge) = offered.max_by_key(|c| c.hash) else { continue };
            let known = self
                .challenges
                .iter()
                .position(|k| k.header == answered && k.challenge.realm == challenge.realm);
            match known {
                Some(_) if !challenge.is_stale || self.taken_up >= MAX_ANSWERS => return false,
                Some(at) => self.challenges[at] = AnsweredChallenge { header: answered, challenge, used: 0 },
                None => self.challenges.push(AnsweredChallenge { header: answered, challenge, used: 0 }),
            }
            is_new = true;
        }
        self.taken_up += 1;
        is_new && self.taken_up <= MAX_ANSWERS
    }

    /// Sends an ACK again, if it has been sent before.
    fn repeat_ack(&mut self, of: &[u8]) -> bool {
        let known = self.acks.iter().find(|(key, _)| key == of).map(|(_, ack)| ack.clone());
        let is_known = known.is_some();
        self.out.extend(known);
        is_known
    }

    /// RFC 3261 §12.1.2.
    fn dialog_of(&self, msg: &Message<'_>) -> PlacedDialog {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let target = msg.contact().map(|c| text(c.uri.as_bytes()));
        let mut routes: Vec<String> = msg.header_values("Record-Route").map(|v| text(&v)).collect();
        routes.reverse();
        let target = target.filter(|t| !t.is_empty()).unwrap_or_else(|| self.plan.to.clone());
        let to = msg.header("To").map(|to| text(&to)).unwrap_or_default();
        let first = routes.first().map_or(target.as_str(), |route| between_brackets(route));
        // A name is the exchange's to look up, and a connection goes to one place.
        let next_hop = if self.plan.is_tcp { None } else { address_of(first) };
        PlacedDialog { to, target, routes, next_hop }
    }
}

fn between_brackets(value: &str) -> &str {
    value.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(value, |(uri, _)| uri)
}

/// Where a URI leads, if it has an address and no name.
fn address_of(uri: &str) -> Option<SocketAddr> {
    let uri = Uri::parse(uri.as_bytes());
    let ip: IpAddr = std::str::from_utf8(uri.host()).ok()?.parse().ok()?;
    Some(SocketAddr::new(ip, uri.port().unwrap_or(SIP_PORT)))
}

/// What stands beside the code, as text of one line.
fn reason_of(msg: &Message<'_>) -> String {
    let crate::sip::StartLine::Response { reason, .. } = msg.start_line() else { return String::new() };
    let text = String::from_utf8_lossy(reason);
    text.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()
}

/// Whether a method begins no dialog and needs none.
pub(super) const fn is_of_session(method: Method) -> bool {
    matches!(method, Method::Invite | Method::Bye | Method::Update | Method::Info)
}
