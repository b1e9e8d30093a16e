//! Who owns a flow, of the sessions that claim its ends.
//!
//! Pure: the rules of [`super::pairing`] and nothing of its tables. A session
//! enters with what it claims at either end; what comes out is the sessions the
//! flow belongs to, or that it cannot be known.

use super::contender::{
    Contender, Contenders, FRESH, FlowEnd, RunHistory, SessionActivity, contenders, related,
};
use super::contest::{Doubts, doubts, is_strange};
use super::flows::Tick;
use super::runs::Sender;
use super::session::{Claimant, Rank, SessionId};
use crate::net::Flow;
use crate::sdp::Side;
use smallvec::SmallVec;

/// What the rules say.
#[derive(Debug)]
pub(super) enum Ownership {
    /// No claim fits.
    Nobody,
    /// Whose it is.
    Owned(Owned),
    /// These could own it; nothing tells them apart.
    Doubt {
        by: SmallVec<[SessionId; 4]>,
        senders: SmallVec<[Sender; 2]>,
        /// They know different ends of it.
        crossed: bool,
        /// Sessions that may know the other end as well from here on, with their speaker and
        /// which end that is.
        learn: SmallVec<[(SessionId, Side, FlowEnd); 2]>,
    },
}

impl Ownership {
    /// Nothing tells them apart.
    pub fn doubt(by: SmallVec<[SessionId; 4]>, senders: SmallVec<[Sender; 2]>) -> Ownership {
        Ownership::Doubt { by, senders, crossed: false, learn: SmallVec::new() }
    }
}

/// Whose a flow is.
#[derive(Debug)]
pub(super) struct Owned {
    /// The sessions, and who speaks in them.
    pub by: SmallVec<[(SessionId, Side); 2]>,
    /// How its destination and its source are known.
    pub ranks: [Rank; 2],
    /// When the newest of the claims was made.
    pub since: Tick,
    /// No unrelated session claims either end.
    pub alone: bool,
    /// Unrelated sessions were heard at its destination, at its source.
    pub rivals: [bool; 2],
    /// It is the first of its run, of a party that should have been heard by now or was, on another.
    pub strange: bool,
    /// Who may have sent it, where that is not the owners alone.
    pub others: SmallVec<[Sender; 2]>,
}

/// Decides on `flow` between those who claim its ends. `facts` gives a session
/// and when media of it was last heard.
pub(super) fn decide<'a>(
    flow: &Flow,
    now: Tick,
    past: &RunHistory,
    dst: &[Claimant],
    src: &[Claimant],
    facts: impl Fn(SessionId) -> Option<SessionActivity<'a>>,
) -> Ownership {
    let mut all = contenders(dst, src, facts);
    if let Some(others) = sift(flow, now, past, &mut all) {
        return Ownership::doubt(SmallVec::new(), others.clone());
    }
    let possible = all.clone();
    leave_those_on_vlan(flow, &mut all);
    // Who speaks from there on one VLAN does not speak on another as well: it is a stranger's
    // network that uses the same addresses, or a mirror that sees a packet twice.
    let speaks = |c: &Contender<'_>| c.heard.is_some_and(|h| now.since(h) <= FRESH);
    all.retain(|c| !(c.spoke_on_another(flow) && speaks(c)));
    // Who only rings has nobody to hear yet, unless who was answered is heard elsewhere or
    // does not know the end that rings.
    let is_talking = |c: &&Contender<'_>| c.session.answered.is_some() && !c.is_heard_elsewhere(flow);
    let talking: Contenders<'a> = all.iter().filter(is_talking).copied().collect();
    all.retain(|c| !c.only_rings() || !talking.iter().any(|o| o.knows_ends_of(c)));
    let alone = all.iter().all(|c| all.first().is_none_or(|f| related(c, f)));
    // A guess at one end counts where nobody knows better; where others know no more than that
    // end it makes a doubt, unless who is guessed to be there was heard elsewhere.
    let is_guess = |c: &Contender<'_>| c.best() == Rank::Image && c.rule() != 1;
    let knowing: Contenders<'a> = all.iter().filter(|c| !is_guess(c)).copied().collect();
    all.retain(|c| {
        let is_refuted = c.spoke_elsewhere(flow) && !knowing.iter().any(|o| o.peer_spoke_elsewhere(flow));
        let may_be = |end: FlowEnd| knowing.iter().all(|o| o.may_share(end) || o.is_by_ear());
        let is_doubt = !is_refuted && !knowing.iter().all(Contender::is_by_ear);
        // Who rings can say more only when he answers.
        let is_shared = c.session.answered.is_none() || c.sole_end().is_some_and(may_be);
        !is_guess(c) || knowing.is_empty() || (is_doubt && is_shared)
    });
    let strongest: Contenders<'a> =
        all.iter().filter(|c| !all.iter().any(|o| o.outranks(c))).copied().collect();
    let mut left: Contenders<'a> =
        strongest.iter().filter(|c| !strongest.iter().any(|o| c.gives_way_to(o))).copied().collect();
    // Who comes to name an end of a run that is another's has no part in it while he is heard elsewhere.
    let was = |c: &Contender<'_>| past.before.iter().any(|k| c.is_sender(k));
    if left.iter().any(was) {
        left.retain(|c| was(c) || !c.is_elsewhere(flow, now));
    }
    let rule = left.iter().map(Contender::rule).min().unwrap_or_default();
    let said = left.iter().filter(|c| c.rule() == rule);
    let Some(newest) = said.max_by_key(|c| (c.session.age, c.id)).copied() else {
        return Ownership::Nobody;
    };
    // What was learned of a call that fell silent does not hold against one that came since.
    let outdated = |o: &Contender<'_>| {
        newest.ranks.contains(&Rank::Nat) && !related(o, &newest) && newest.gives_way_to(o)
    };
    if left.iter().any(|c| !related(c, &newest) && !shares(c, &newest)) || all.iter().any(outdated) {
        let crossed = strongest.iter().any(|c| c.weights() != newest.weights());
        let by = all.iter().map(|c| c.id).collect();
        let senders = possible.iter().map(Contender::sender).collect();
        let may_learn = all.iter().filter_map(|c| {
            let end = c.unknown().filter(|_| c.best() == Rank::Claimed)?;
            let is_heard = all.iter().any(|o| o.ranks[end as usize] == Rank::Nat && !related(o, c));
            is_heard.then_some((c.id, c.speaker, end))
        });
        return Ownership::Doubt { by, senders, crossed, learn: may_learn.collect() };
    }
    let by: SmallVec<[(SessionId, Side); 2]> =
        left.iter().filter(|c| c.rule() == rule).map(|c| (c.id, c.speaker)).collect();
    let others = match doubts(flow, now, past, (&newest, &by), &possible) {
        Doubts::None => SmallVec::new(),
        Doubts::Some(senders) => senders,
        Doubts::Grave(by, senders) => return Ownership::doubt(by, senders),
    };
    let rivals = [0, 1].map(|end: usize| {
        let is_heard = |c: &&Contender<'_>| matches!(c.ranks[end], Rank::Nat | Rank::Heard);
        all.iter().filter(is_heard).any(|c| !related(c, &newest))
    });
    let strange = is_strange(&newest, now, past);
    Ownership::Owned(Owned { by, ranks: newest.ranks, since: newest.since, alone, rivals, strange, others })
}

/// A VLAN that some of them were signalled on speaks for those. Where media was heard does not: that
/// of all calls may run on one VLAN.
fn leave_those_on_vlan(flow: &Flow, all: &mut Contenders<'_>) {
    let is_on = |c: &&Contender<'_>| c.session.vlans.contains(&flow.vlan);
    let on_vlan: Contenders<'_> = all.iter().filter(is_on).copied().collect();
    if !on_vlan.is_empty() {
        all.retain(|c| on_vlan.iter().any(|o| o.id == c.id || are_in_a_row(o, c)));
    }
}

/// Leaves those who may have sent the run for all that is known of it; gives those who did, where
/// these are others.
fn sift<'p>(
    flow: &Flow,
    now: Tick,
    past: &'p RunHistory,
    all: &mut Contenders<'_>,
) -> Option<&'p SmallVec<[Sender; 2]>> {
    if past.kin.is_empty() {
        all.retain(|c| c.is_plausible(flow, now));
    } else {
        // Who could not have sent what went before did not send this, but as another leg of the same
        // contact: a party that is transferred may go on counting.
        let is_transferred =
            |c: &Contender<'_>, k: &Sender| c.session.group == k.group && c.session.age != k.leg;
        let is_kin = |c: &Contender<'_>| past.kin.iter().any(|k| c.is_sender(k));
        let kin: Contenders<'_> = all.iter().filter(|c| is_kin(c)).copied().collect();
        all.retain(|c| {
            let is_passed_on = past.kin.iter().any(|k| is_transferred(c, k));
            // Who is said to be at both ends is, whatever the numbers look like: a mixer gives all its
            // streams one SSRC and one count.
            let is_said = c.names_both() && !kin.iter().any(Contender::names_both);
            is_kin(c) || is_passed_on || is_said || kin.iter().any(|k| are_in_a_row(k, c))
        });
        if all.is_empty() {
            return Some(&past.kin);
        }
    }
    // A run does not pass from one party of a call to the other.
    let changes = |c: &Contender<'_>| past.before.iter().any(|k| k.leg == c.session.age);
    all.retain(|c| !changes(c) || past.before.iter().any(|k| c.is_sender(k)));
    // What was one's that had been answered is not another's who rang on for a while then.
    let had_answered = |c: &Contender<'_>| c.session.answered_at.is_some_and(|at| at.since(past.began) <= 1);
    let is_owner = |c: &Contender<'_>| {
        past.owner == Some(c.session.age) && c.session.leaving.is_none() && had_answered(c)
    };
    if let Some(owner) = all.iter().find(|c| is_owner(c)).copied() {
        all.retain(|c| had_answered(c) || related(&owner, c) || now.since(past.began) <= 1);
    }
    // What ran before a call began is not that call's, while another's it may be is under way.
    if past.before.is_empty() || all.is_empty() {
        return None;
    }
    let is_related = |c: &Contender<'_>| past.before.iter().any(|k| k.group == c.session.group);
    all.retain(|c| c.session.opened_at.since(past.began) <= 1 || is_related(c));
    all.is_empty().then_some(&past.before)
}

/// Legs of one call that were both given a pair of endpoints: what one may own the other may.
fn are_in_a_row(a: &Contender<'_>, b: &Contender<'_>) -> bool {
    let (older, newer) = if a.session.age <= b.session.age { (a, b) } else { (b, a) };
    let is_one = related(a, b) && a.names_both() && b.names_both();
    is_one || (shares(older, newer) && a.session.meets(b.session))
}

/// Two live legs, one after the other on the call's way, that were both given
/// the same pair of endpoints after the newer began: they share direct media.
fn shares(older: &Contender<'_>, newest: &Contender<'_>) -> bool {
    older.names_both()
        && newest.names_both()
        && older.made > newest.session.opened
        && !older.session.is_parallel(newest.session)
}
