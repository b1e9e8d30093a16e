//! Transfers: which new leg continues which call.
//!
//! RFC 3515 (REFER), RFC 3891 (Replaces), RFC 3892 (Referred-By), RFC 5589.
//! Knows INVITEs and REFERs, no tables of legs.

use super::ids::{ContactId, DialogId};
use super::invite::Invite;
use super::leg::Continued;
use super::pairing::Side;
use super::party::Party;
use super::rules::Rules;
use super::seen::Seen;
use crate::pii::Pii;
use crate::sip::Replaces;
use crate::time::Timestamp;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

/// A REFER is followed by its INVITE within this long.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(60);
/// Transfers awaited at once; the oldest gives way.
const MAX_REFERRALS: usize = 1024;
/// Hops that one REFER is seen on.
const MAX_RECIPIENTS: usize = 8;

/// What an agent who hands a call over has asked a colleague in first.
#[derive(Clone, Debug)]
pub struct Consultation {
    /// The dialog of the two.
    pub dialog: DialogId,
    /// The side of the one who leaves it.
    pub by: Side,
    /// Who takes his place.
    pub joins: Continued,
    /// The contact of the one who does.
    pub contact: ContactId,
}

/// A REFER whose INVITE is awaited.
#[derive(Debug)]
pub struct Referral {
    at: Timestamp,
    /// The dialog it was sent in.
    dialog: DialogId,
    /// The contact that goes on.
    pub contact: ContactId,
    /// The party that was asked to call: it goes on talking.
    pub referred: Continued,
    target: Option<Pii<String>>,
    replaces: Option<Replaces>,
    /// Where the REFER went: its INVITE comes from there.
    recipients: SmallVec<[IpAddr; 2]>,
    consultation: Option<Consultation>,
}

/// REFERs whose INVITE is awaited.
#[derive(Debug, Default)]
pub struct Referrals {
    awaited: VecDeque<Referral>,
    /// See [`super::Overflow::parts`].
    pub(super) no_room: u64,
}

impl Referrals {
    /// Takes in a REFER sent in `dialog`; `referred` is the party it went to. `consultation`: what
    /// its sender had asked before.
    pub(super) fn note(
        &mut self,
        seen: &Seen<'_>,
        dialog: DialogId,
        contact: ContactId,
        referred: Continued,
        consultation: Option<Consultation>,
    ) {
        let target = seen.msg.refer_to().and_then(|t| t.uri.user().map(|u| Pii::new(u.into_owned())));
        let replaces = seen.msg.refer_to_replaces();
        let same = |r: &&mut Referral| r.dialog == dialog && r.target == target && r.replaces == replaces;
        if let Some(r) = self.awaited.iter_mut().find(same) {
            // Seen on another hop.
            if r.recipients.len() < MAX_RECIPIENTS {
                r.recipients.push(seen.flow.dst.ip());
            } else {
                self.no_room += 1;
            }
            return;
        }
        if self.awaited.len() >= MAX_REFERRALS {
            self.awaited.pop_front();
            self.no_room += 1;
        }
        let recipients = smallvec::smallvec![seen.flow.dst.ip()];
        self.awaited.push_back(Referral {
            at: seen.at,
            dialog,
            contact,
            referred,
            target,
            replaces,
            recipients,
            consultation,
        });
    }

    /// The REFER this INVITE follows: by its Replaces, else by its target, if it
    /// says whom it was referred by, comes from where the REFER went, or calls in
    /// the name of the referred party. A REFER is followed once. `is_one`: two dialogs that are
    /// replaced are legs of one consultation, which an exchange knows by another Call-ID.
    pub(super) fn follow(
        &mut self,
        invite: &Invite,
        seen: &Seen<'_>,
        rules: &Rules,
        is_one: impl Fn(&Replaces, &Replaces) -> bool,
    ) -> Option<Referral> {
        self.expire(seen.at);
        let same = |a: &Pii<String>, b: &Pii<String>| rules.same_number(a.expose(), b.expose());
        let called = [&invite.request_user, &invite.to_user];
        let says_so = seen.msg.referred_by().next().is_some();
        let fits = |r: &Referral| match (&r.replaces, &invite.replaces) {
            (Some(a), Some(b)) => a == b || is_one(a, b),
            (None, None) => {
                let to_target =
                    r.target.as_ref().is_some_and(|t| called.into_iter().flatten().any(|u| same(u, t)));
                let names = invite.from_user.iter().chain(&invite.caller.users);
                let in_name = names.into_iter().any(|f| r.referred.users.iter().any(|p| same(p, f)));
                to_target && (says_so || in_name || r.recipients.contains(&seen.flow.src.ip()))
            }
            _ => false,
        };
        let found = self.awaited.iter().position(fits)?;
        self.awaited.remove(found)
    }

    /// The contact of a transfer to whom its sender had asked first: no INVITE follows where the
    /// exchange brings the customer into the dialog that is there.
    pub(super) fn arrived(&mut self, caller: &Party, callee: &Party, rules: &Rules) -> Option<ContactId> {
        let same = |a: &Pii<String>, b: &Pii<String>| rules.same_number(a.expose(), b.expose());
        let is_of = |r: &Referral, who: &Pii<String>| {
            r.referred
                .number
                .iter()
                .chain(&r.referred.users)
                .chain(&r.referred.asserted.users)
                .any(|p| same(p, who))
        };
        let fits = |r: &Referral| {
            let to_target = r.target.as_ref().is_some_and(|t| callee.users.iter().any(|u| same(u, t)));
            let told = caller.told_later.iter().chain(&caller.asserted.users);
            r.replaces.is_some() && to_target && told.into_iter().any(|who| is_of(r, who))
        };
        let found = self.awaited.iter().position(fits)?;
        self.awaited.remove(found).map(|r| r.contact)
    }

    /// The consultation `dialog` is over and the transfer has not failed: who joins the colleague. An
    /// exchange that brings the two together on legs of its own sends no INVITE that says so.
    pub(super) fn consulted(&mut self, dialog: DialogId, now: Timestamp) -> Option<Consultation> {
        self.expire(now);
        let is_it = |r: &Referral| r.consultation.as_ref().is_some_and(|c| c.dialog == dialog);
        let found = self.awaited.iter().position(is_it)?;
        self.awaited.remove(found)?.consultation
    }

    /// What was asked for in `dialog` did not come about.
    pub(super) fn fail(&mut self, dialog: DialogId) {
        self.awaited.retain(|r| r.dialog != dialog);
    }

    /// Forgets those whose INVITE did not come.
    pub fn expire(&mut self, now: Timestamp) {
        while self.awaited.front().is_some_and(|r| r.at + FOLLOWS_WITHIN < now) {
            self.awaited.pop_front();
        }
    }
}
