//! Transfers: which new leg continues which call.
//!
//! RFC 3515 (REFER), RFC 3891 (Replaces), RFC 3892 (Referred-By), RFC 5589.

use super::calls::{Calls, Passage};
use super::contacts::ContactId;
use super::invite::Invite;
use super::leg::LegId;
use super::pairing::Side;
use crate::pii::Pii;
use crate::sip::{Message, Replaces};
use crate::time::Timestamp;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

/// A REFER is followed by its INVITE within this long.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(60);
/// Transfers awaited at once; the oldest gives way.
const MAX_REFERRALS: usize = 1024;

#[derive(Debug)]
struct Referral {
    at: Timestamp,
    contact: ContactId,
    target: Option<Pii<String>>,
    replaces: Option<Replaces>,
    /// Where the REFER went: its INVITE comes from there.
    recipients: SmallVec<[IpAddr; 2]>,
    /// User parts of the party that was asked to call.
    referred: Vec<Pii<String>>,
}

/// REFERs whose INVITE is awaited.
#[derive(Debug, Default)]
pub(super) struct Referrals(VecDeque<Referral>);

impl Referrals {
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self.0.front().is_some_and(|r| r.at + FOLLOWS_WITHIN < now) {
            self.0.pop_front();
        }
    }
}

impl Calls {
    pub(super) fn handle_refer(
        &mut self,
        leg_id: LegId,
        tag: &[u8],
        side: Side,
        msg: &Message<'_>,
        way: Passage,
    ) {
        let Some(d) = self.dialog_mut(leg_id, tag) else { return };
        if !d.is_confirmed() {
            return;
        }
        d.transfer_by = Some(side);
        let Some(leg) = self.legs.get(&leg_id) else { return };
        let contact = leg.contact;
        let referred = match side {
            Side::Caller => leg.callee(None).users,
            Side::Callee => leg.caller_users.clone(),
        };
        let target = msg.refer_to().and_then(|t| t.uri.user().map(|u| Pii::new(u.into_owned())));
        let replaces = msg.refer_to_replaces();
        let queue = &mut self.referrals.0;
        let same = |r: &&mut Referral| r.contact == contact && r.target == target && r.replaces == replaces;
        if let Some(r) = queue.iter_mut().find(same) {
            // Seen on another hop.
            if r.recipients.len() < 8 {
                r.recipients.push(way.dst.ip());
            }
            return;
        }
        if queue.len() >= MAX_REFERRALS {
            queue.pop_front();
        }
        let recipients = smallvec::smallvec![way.dst.ip()];
        queue.push_back(Referral { at: way.at, contact, target, replaces, recipients, referred });
    }

    pub(super) fn refer_refused(&mut self, leg_id: LegId, tag: &[u8]) {
        if let Some(d) = self.dialog_mut(leg_id, tag) {
            d.transfer_by = None;
        }
    }

    /// RFC 3515 §2.4.5: the NOTIFY tells how the transfer went.
    pub(super) fn handle_notify(&mut self, leg_id: LegId, tag: &[u8], side: Side, msg: &Message<'_>) {
        let failed = msg.sipfrag_status().is_some_and(|s| s >= 300);
        if let Some(d) = self.dialog_mut(leg_id, tag)
            && failed
            && d.transfer_by == Some(side.other())
        {
            d.transfer_by = None;
        }
    }

    /// A new leg that continues another call joins its contact.
    pub(super) fn join_transferred(
        &mut self,
        leg_id: LegId,
        invite: &Invite,
        msg: &Message<'_>,
        way: Passage,
    ) {
        let replaced = invite.replaces.as_ref().and_then(|r| self.mark_replaced(r));
        let referred = self.referred_contact(invite, msg, way);
        let Some(older) = referred.or(replaced) else { return };
        let Some(own) = self.legs.get(&leg_id).map(|l| l.contact) else { return };
        let moved = self.contacts.merge(older, own);
        for id in moved {
            let Some(l) = self.legs.get_mut(&id) else { continue };
            l.contact = older;
            for m in l.dialogs.iter().flat_map(|d| d.media.iter()) {
                self.pairing.regroup(m.session, older.0);
            }
        }
    }

    /// The dialog that a Replaces header names, marked; its contact.
    fn mark_replaced(&mut self, r: &Replaces) -> Option<ContactId> {
        let (leg, tag, _) = self.find_dialog(&r.call_id, &r.from_tag, &r.to_tag)?;
        if let Some(d) = self.dialog_mut(leg, &tag) {
            d.replaced = true;
        }
        self.legs.get(&leg).map(|l| l.contact)
    }

    /// The contact of the REFER this INVITE follows: by its Replaces, else by its
    /// target, if it says whom it was referred by, comes from where the REFER
    /// went, or calls in the referred party's name. A REFER is followed once.
    fn referred_contact(&mut self, invite: &Invite, msg: &Message<'_>, way: Passage) -> Option<ContactId> {
        self.referrals.expire(way.at);
        let rules = &self.rules;
        let same = |a: &Pii<String>, b: &Pii<String>| rules.same_number(a.expose(), b.expose());
        let called = [&invite.request_user, &invite.to_user];
        let says_so = msg.referred_by().next().is_some();
        let fits = |r: &Referral| match (&r.replaces, &invite.replaces) {
            (Some(a), Some(b)) => a == b,
            (None, None) => {
                let to_target =
                    r.target.as_ref().is_some_and(|t| called.into_iter().flatten().any(|u| same(u, t)));
                let in_name = invite.from_user.iter().any(|f| r.referred.iter().any(|p| same(p, f)));
                to_target && (says_so || in_name || r.recipients.contains(&way.src.ip()))
            }
            _ => false,
        };
        let found = self.referrals.0.iter().position(fits)?;
        self.referrals.0.remove(found).map(|r| r.contact)
    }
}
