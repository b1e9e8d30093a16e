//! What is decided of a call, step by step and why: for whoever asks (`nauhuri explain`).
//!
//! Nothing is kept unless it was asked for, and then only until it is taken.

use super::decision::Unrecorded;
use super::hosts::Hosts;
use super::ids::LegId;
use super::leg::Leg;
use super::legs::Legs;
use super::owner::Ownership;
use super::pairing::{Rank, SessionId};
use super::party::Party;
use super::policy::{AgentGrounds, Roles, grounds};
use super::rules::Rules;
use super::session::Sessions;
use crate::config::CallDirection;
use crate::net::Flow;
use crate::sdp::Side;
use crate::time::Timestamp;
use std::collections::VecDeque;

/// Steps that wait to be taken. They are taken after every packet.
const MAX_WAITING: usize = 4096;

/// One step on the way to a recording, or to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceStep {
    /// When.
    pub at: Timestamp,
    /// Of which call: its Call-ID, as received.
    pub call_id: Box<[u8]>,
    /// What was decided.
    pub what: Traced,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traced {
    /// Somebody answered, or more became known of who talks: what its two ends count as, caller and
    /// callee, and what follows from that.
    Weighed([AgentGrounds; 2], Result<CallDirection, Unrecorded>),
    /// Another leg of the call, of this Call-ID, is nearer the agent.
    NearerLeg(Box<[u8]>),
    /// The exchange answered the call, and calls the agent in the leg of this Call-ID.
    CallsOn(Box<[u8]>),
    /// The exchange called the agent in the leg of this Call-ID, and he did not answer.
    RangInVain(Box<[u8]>),
    /// The exchange called the agent in it first, and then his customer in the call of this Call-ID.
    Dials(Box<[u8]>),
    /// It belongs to the same contact as the call of this Call-ID.
    OneCallWith(Box<[u8]>, Tie),
    /// Media packets were looked at that are the call's, or may be.
    Flow(FlowTrace),
}

/// What ties two legs into one contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// The same Call-ID, or the same value of a header of `sip.correlation_headers`.
    Header,
    /// A Replaces header (RFC 3891), or a REFER before it (RFC 3515).
    Transfer,
    /// Times, numbers, SDP and media: nothing says so.
    Likeness,
}

/// A flow of media packets, as one call sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowTrace {
    /// From where to where.
    pub flow: Flow,
    /// Of the packet that was looked at.
    pub ssrc: u32,
    /// Whose it is.
    pub verdict: FlowVerdict,
}

/// Whose a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowVerdict {
    /// The call's.
    Owned {
        /// Who speaks.
        speaker: Side,
        /// How its destination and its source are known.
        ranks: [Rank; 2],
    },
    /// It may be another call's as well: neither gets it.
    Doubt,
    /// Nobody names its ends; both parties of the call are at its hosts.
    Nobody,
}

/// What was made of flows, by the ages of the legs it concerns: until it is taken, after each packet.
#[derive(Debug, Default)]
pub(super) struct FlowsSeen(pub Vec<(u64, FlowTrace)>);

impl FlowsSeen {
    /// A packet of a flow was looked at. `hosts`: who is where by SDP, and by SIP.
    pub fn add(
        &mut self,
        (flow, ssrc): (&Flow, u32),
        ownership: &Ownership,
        sessions: &Sessions,
        hosts: [&Hosts; 2],
    ) {
        let mut note = |id: &SessionId, verdict| {
            let Some(s) = sessions.get(id) else { return };
            let seen = (s.age, FlowTrace { flow: *flow, ssrc, verdict });
            // Doubt about what was owned at first is the last word.
            self.0.retain(|(age, f)| (*age, f.flow, f.ssrc) != (s.age, *flow, ssrc));
            self.0.push(seen);
        };
        match ownership {
            Ownership::Owned(o) => {
                let ranks = o.ranks;
                o.by.iter()
                    .for_each(|(id, speaker)| note(id, FlowVerdict::Owned { speaker: *speaker, ranks }));
            }
            Ownership::Doubt { by, .. } => by.iter().for_each(|id| note(id, FlowVerdict::Doubt)),
            Ownership::Nobody => {
                let [src, dst] = [flow.src.ip(), flow.dst.ip()];
                let at = |ip| hosts.into_iter().filter_map(move |h| h.at(&ip)).flatten();
                let both = at(src).filter(|id| at(dst).any(|other| other == *id));
                both.for_each(|id| note(id, FlowVerdict::Nobody));
            }
        }
    }
}

/// The steps that were not taken yet.
#[derive(Debug, Default)]
pub(super) struct Trace(VecDeque<TraceStep>);

impl Trace {
    /// One more; the oldest gives way where nobody takes them.
    pub fn note(&mut self, step: TraceStep) {
        if self.0.len() >= MAX_WAITING {
            self.0.pop_front();
        }
        self.0.push_back(step);
    }

    /// The next.
    pub fn take(&mut self) -> Option<TraceStep> {
        self.0.pop_front()
    }

    /// The ends of a dialog of `leg`, caller and callee, were weighed.
    pub fn weighed(
        &mut self,
        rules: &Rules,
        leg: &Leg,
        [caller, callee]: [&Party; 2],
        roles: &Result<Roles, Unrecorded>,
        at: Timestamp,
    ) {
        let verdict = roles.as_ref().map(|r| r.direction).map_err(|why| *why);
        let what = Traced::Weighed(grounds(rules, caller, callee), verdict);
        self.note(TraceStep { at, call_id: leg.call_id.clone(), what });
    }

    /// `nearer` is nearer the agent than `leg`.
    pub fn nearer(&mut self, leg: &Leg, nearer: &Leg, at: Timestamp) {
        let what = Traced::NearerLeg(nearer.call_id.clone());
        self.note(TraceStep { at, call_id: leg.call_id.clone(), what });
    }

    /// The exchange had answered `leg`, and calls the agent in `second`.
    pub fn calls_on(&mut self, leg: &Leg, second: &Leg, at: Timestamp) {
        let what = Traced::CallsOn(second.call_id.clone());
        self.note(TraceStep { at, call_id: leg.call_id.clone(), what });
    }

    /// For the caller of `leg` the exchange called the agent in `second`, who did not answer.
    pub fn rang_in_vain(&mut self, leg: &Leg, second: &Leg, at: Timestamp) {
        let what = Traced::RangInVain(second.call_id.clone());
        self.note(TraceStep { at, call_id: leg.call_id.clone(), what });
    }

    /// The exchange called the agent in `leg`, and his customer in `second`.
    pub fn dials(&mut self, leg: &Leg, second: &Leg, at: Timestamp) {
        let what = Traced::Dials(second.call_id.clone());
        self.note(TraceStep { at, call_id: leg.call_id.clone(), what });
    }

    /// `leg` and others belong to one contact: told where their Call-IDs differ.
    pub fn tied<'a>(&mut self, leg: &Leg, others: impl Iterator<Item = &'a Leg>, tie: Tie, at: Timestamp) {
        if let Some(other) = others.into_iter().find(|o| o.call_id != leg.call_id) {
            let what = Traced::OneCallWith(other.call_id.clone(), tie);
            self.note(TraceStep { at, call_id: leg.call_id.clone(), what });
        }
    }

    /// What pairing has seen since the last packet.
    pub fn flows(&mut self, seen: Vec<(u64, FlowTrace)>, legs: &Legs, at: Timestamp) {
        for (leg, flow) in seen {
            if let Some(leg) = legs.get(LegId(leg)) {
                self.note(TraceStep { at, call_id: leg.call_id.clone(), what: Traced::Flow(flow) });
            }
        }
    }
}
