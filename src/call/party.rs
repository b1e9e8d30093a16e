//! One end of a dialog, with all that is known of who it is.

use super::asserted::Asserted;
use super::dialog::Dialog;
use super::leg::{Hop, Leg};
use super::pairing::Side;
use super::rules::Rules;
use crate::net::reserved::is_reserved;
use crate::pii::Pii;
use smallvec::SmallVec;
use std::net::IpAddr;

/// One end of a dialog. What is asserted of it outranks what it is called by
/// ([`super::policy`] weighs them).
#[derive(Clone, Debug, Default)]
pub struct Party {
    /// User parts it is called by: the public one (From, To) first, the most
    /// particular (the Request-URI nearest to it) last.
    pub users: Vec<Pii<String>>,
    /// Who it is by those who vouch for it, by the latest word.
    pub asserted: Asserted,
    /// A number told later than the INVITE: it outranks what the INVITE and other legs say.
    pub told_later: Option<Pii<String>>,
    /// Where its SIP comes from or goes to.
    pub addrs: SmallVec<[IpAddr; 1]>,
    /// In the dialog it is known from it was within the agents' networks.
    pub was_within: bool,
}

impl Party {
    /// The end of a dialog on `side`.
    pub fn of(leg: &Leg, dialog: &Dialog, side: Side) -> Party {
        let mut party = Party::named(leg, dialog.branch, side);
        let said = &dialog.said[side as usize];
        party.told_later = said.number().cloned().or(party.told_later);
        party.asserted.take_in(said.clone());
        party
    }

    /// The same by the INVITE alone, on one of its branches or all of them.
    pub fn named(leg: &Leg, branch: Option<usize>, side: Side) -> Party {
        let mut party = match side {
            Side::Caller => caller(leg),
            Side::Callee => callee(leg, branch),
        };
        if let Some(continued) = &leg.continues[side as usize] {
            // Where the leg itself vouches for nobody else, who was there before still is.
            if party.asserted.users.iter().any(|u| continued.is_called(u)) {
                party.was_within = continued.is_within;
            } else if party.asserted.users.is_empty() {
                party.users.extend(continued.users.iter().cloned());
                party.was_within = continued.is_within;
                let own = std::mem::take(&mut party.asserted);
                party.asserted = continued.vouched();
                party.asserted.header_id = own.header_id;
                party.asserted.withheld |= own.withheld;
                party.told_later.clone_from(&continued.number);
            }
        }
        party
    }

    /// Is it, or was it when it was first heard of, within the agents' networks?
    pub fn is_within(&self, rules: &Rules) -> bool {
        self.was_within || self.addrs.iter().any(|a| rules.is_agents_network(*a))
    }

    /// Is it named by a recording client that we listen to, and not by itself?
    pub fn is_vouched_for(&self) -> bool {
        !self.addrs.is_empty() && self.addrs.iter().all(|a| is_reserved(*a))
    }

    /// Whatever it is called, or was told to be.
    pub fn names(&self) -> impl Iterator<Item = &Pii<String>> {
        let asserted = self.asserted.users.iter().chain(self.asserted.number());
        self.users.iter().chain(asserted).chain(&self.told_later)
    }

    /// Is this one of the names it is called by?
    pub fn is_called(&self, user: &str) -> bool {
        self.users.iter().any(|u| u.expose() == user)
    }
}

fn caller(leg: &Leg) -> Party {
    let first = leg.hops.iter().min_by_key(|h| h.vias);
    Party {
        users: leg.caller_users.clone(),
        asserted: leg.invite.caller.clone(),
        told_later: None,
        addrs: first.map(|h| h.caller.ip()).into_iter().collect(),
        was_within: false,
    }
}

/// The side that is called, as the branch of one dialog names it; of all branches without one.
fn callee(leg: &Leg, branch: Option<usize>) -> Party {
    let mut hops: SmallVec<[&Hop; 4]> =
        (0..leg.hops.len()).filter(|h| !leg.is_sibling(*h, branch)).map(|h| &leg.hops[h]).collect();
    hops.sort_by_key(|h| h.vias);
    let mut party = Party::default();
    party.asserted.header_id = leg.callee_header.clone();
    for user in leg.invite.to_user.iter().chain(hops.iter().filter_map(|h| h.request_user.as_ref())) {
        if !party.users.contains(user) {
            party.users.push(user.clone());
        }
    }
    // Proxies on the way are neither party.
    party.addrs = hops.last().map(|h| h.callee.ip()).into_iter().collect();
    party
}
