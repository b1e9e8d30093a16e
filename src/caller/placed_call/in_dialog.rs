//! What the other side asks within the call: to hang up, to send elsewhere, whether we are there.

use super::responses::is_of_session;
use super::{CallStage, PlacedCall};
use crate::caller::call_plan::ALLOW;
use crate::caller::call_sdp;
use crate::caller::transaction::ClientTransaction;
use crate::sdp::Direction;
use crate::sip::sip_writer::response_address;
use crate::sip::{Message, Method, SipWriter};
use crate::time::Timestamp;
use std::net::SocketAddr;

/// Responses kept for requests that come again.
const MAX_KEPT: usize = 16;

impl PlacedCall {
    /// A request from `from`; each is answered at once, and its repeats alike.
    pub(super) fn request_from(&mut self, msg: &Message<'_>, from: SocketAddr, now: Timestamp) {
        let Some(method) = msg.method() else { return };
        if method == Method::Ack {
            self.unacknowledged = None;
            return;
        }
        let branch = msg.top_via_branch().unwrap_or_default().to_vec();
        if let Some((_, again)) = self.answered.iter().find(|(known, _)| *known == branch) {
            let again = again.clone();
            return self.out.push_back(again);
        }
        let bytes = self.response_to(msg, method, from);
        // Over TCP everything goes over the one connection.
        let to = (!self.plan.is_tcp).then(|| response_address(msg, from));
        if method == Method::Invite && bytes.starts_with(b"SIP/2.0 200") {
            let repeated = ClientTransaction::new(String::new(), 0, bytes.clone(), false, now);
            self.unacknowledged = Some((to, repeated));
        }
        if self.answered.len() == MAX_KEPT {
            self.answered.remove(0);
        }
        self.answered.push((branch, (to, bytes.clone())));
        self.out.push_back((to, bytes));
    }

    fn response_to(&mut self, msg: &Message<'_>, method: Method, from: SocketAddr) -> Vec<u8> {
        let tag = self.tag.clone();
        let say = |code, reason| SipWriter::response(msg, from, code, reason, &tag);
        let is_ours =
            msg.call_id() == Some(self.call_id.as_bytes()) && matches!(self.stage, CallStage::Talking);
        if is_of_session(method) && !is_ours {
            return say(481, "Call/Transaction Does Not Exist").done();
        }
        match method {
            Method::Bye => {
                self.stage = CallStage::Over(super::CallEnd::ByThem);
                say(200, "OK").done()
            }
            Method::Invite | Method::Update => self.changed(msg, method, from),
            Method::Options => {
                say(200, "OK").header("Allow", ALLOW).header("Accept", "application/sdp").done()
            }
            Method::Info => say(200, "OK").done(),
            Method::Refer => say(603, "Decline").done(),
            // Answered already: there is nothing left to cancel.
            Method::Cancel | Method::Prack => say(481, "Call/Transaction Does Not Exist").done(),
            Method::Ack
            | Method::Notify
            | Method::Register
            | Method::Subscribe
            | Method::Publish
            | Method::Message
            | Method::Other => say(405, "Method Not Allowed").header("Allow", ALLOW).done(),
        }
    }

    /// The session is to be another one (RFC 3261 §14.2): sound goes where the offer says, or our description is
    /// the offer and the old place stays.
    fn changed(&mut self, msg: &Message<'_>, method: Method, from: SocketAddr) -> Vec<u8> {
        let tag = self.tag.clone();
        let offer = msg.sdp();
        let theirs = match offer.map(call_sdp::target) {
            Some(None) => return SipWriter::response(msg, from, 488, "Not Acceptable Here", &tag).done(),
            Some(Some((target, direction))) => {
                self.media = Some(target);
                direction
            }
            None => Direction::SendRecv,
        };
        if let Some(contact) = msg.contact() {
            self.dialog.target = String::from_utf8_lossy(contact.uri.as_bytes()).into_owned();
        }
        let ok = SipWriter::response(msg, from, 200, "OK", &tag).header("Contact", &self.plan.contact());
        if offer.is_none() && method == Method::Update {
            return ok.done();
        }
        self.sdp_version += 1;
        ok.header("Allow", ALLOW).body("application/sdp", &self.description(theirs))
    }
}
