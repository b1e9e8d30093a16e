//! What happened to one call, in order.

use crate::call::trace::{FlowTrace, Traced};
use crate::call::{CallEvent, Ending, Unrecorded};
use crate::config::CallDirection;
use crate::id::Channel;
use crate::net::{Flow, Transport};
use crate::sip::{Message, Method};
use crate::time::Timestamp;
use uuid::Uuid;

/// Lines kept of one call; a call with transfers and holds has fifty.
const MAX_LINES: usize = 400;
/// Lines among which a message that is sent again is looked for.
const LOOK_BACK: usize = 64;
/// Flows told of one call.
const MAX_FLOWS: usize = 64;

/// One call: all with its Call-ID.
#[derive(Clone, Debug)]
pub struct CallStory {
    /// As it is followed.
    pub call_id: Box<[u8]>,
    /// As it may be told: whole, or its hash.
    pub told_id: String,
    /// Its first message and its last.
    pub span: (Timestamp, Timestamp),
    /// In order.
    pub lines: Vec<StoryLine>,
    /// Lines that there was no room for.
    pub left_out: u64,
    /// Recordings that were begun.
    pub recordings: Vec<Uuid>,
    /// Why it is not recorded, by the last word.
    pub unrecorded: Option<Unrecorded>,
    /// A 2xx to its INVITE was seen.
    pub is_answered: bool,
    /// Other Call-IDs of the same contact.
    pub beside: Vec<Box<[u8]>>,
    flows: Vec<FlowTrace>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryLine {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: StoryEvent,
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoryEvent {
    /// A message; how often it was sent again.
    Sip {
        /// Between whom.
        flow: Flow,
        /// Over what.
        transport: Transport,
        /// Method or status code.
        what: SipKind,
        /// Its number and method (RFC 3261 §20.16).
        cseq: Option<(u32, Method)>,
        /// Copies of it.
        copies: u32,
    },
    /// What was decided on the way.
    Step(Traced),
    /// A recording begins.
    Begins {
        /// Its id.
        id: Uuid,
        /// The service.
        service: String,
        /// Who called whom.
        direction: CallDirection,
        /// The agent.
        agent: Option<String>,
    },
    /// More is known: it is of another service now.
    Service(String),
    /// How a party's sound comes, as agreed.
    Agreed(Channel, String, bool),
    /// It is not recorded.
    Unrecorded(Unrecorded),
    /// What was begun is given up.
    Discarded(Unrecorded),
    /// There was no room for it.
    Refused,
    /// Hold, its end, a key.
    Signalled(CallEvent),
    /// A party is elsewhere from here on.
    Moved(Channel),
    /// Audio is known to be missing.
    Missing,
    /// What was given of media turned out to be another call's.
    TakenBack(Channel),
    /// The recording ends.
    Ends(Ending),
}

/// A request or a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SipKind {
    /// A request.
    Request(Method),
    /// A response.
    Response(u16),
}

impl SipKind {
    /// What a message is.
    pub fn of(message: &Message<'_>) -> SipKind {
        match (message.status(), message.method()) {
            (Some(code), _) => SipKind::Response(code),
            (None, method) => SipKind::Request(method.unwrap_or(Method::Other)),
        }
    }
}

impl CallStory {
    /// A call that begins.
    pub fn new(call_id: &[u8], told_id: String, at: Timestamp) -> CallStory {
        CallStory {
            call_id: call_id.into(),
            told_id,
            span: (at, at),
            lines: Vec::new(),
            left_out: 0,
            recordings: Vec::new(),
            unrecorded: None,
            is_answered: false,
            beside: Vec::new(),
            flows: Vec::new(),
        }
    }

    /// One more line.
    pub fn tell(&mut self, at: Timestamp, event: StoryEvent) {
        self.span.1 = self.span.1.max(at);
        if let StoryEvent::Sip { flow, what, cseq, .. } = &event {
            let same = |l: &&mut StoryLine| matches!(&l.event, StoryEvent::Sip { flow: f, what: w, cseq: c, .. } if (f, w, c) == (flow, what, cseq));
            if let Some(StoryLine { event: StoryEvent::Sip { copies, .. }, .. }) =
                self.lines.iter_mut().rev().take(LOOK_BACK).find(same)
            {
                *copies += 1;
                return;
            }
        }
        if self.lines.len() < MAX_LINES {
            self.lines.push(StoryLine { at, event });
        } else {
            self.left_out += 1;
        }
    }

    /// A step of a decision. Of a flow only what is new is told.
    pub fn step(&mut self, at: Timestamp, step: Traced) {
        match &step {
            Traced::OneCallWith(other, _)
            | Traced::NearerLeg(other)
            | Traced::CallsOn(other)
            | Traced::RangInVain(other)
            | Traced::Dials(other) => {
                if !self.beside.contains(other) {
                    self.beside.push(other.clone());
                }
            }
            Traced::Flow(flow) => {
                let is_known = |f: &FlowTrace| (f.flow, f.ssrc) == (flow.flow, flow.ssrc);
                match self.flows.iter().position(is_known) {
                    Some(i) if self.flows[i] == *flow => return,
                    Some(i) => self.flows[i] = *flow,
                    None if self.flows.len() < MAX_FLOWS => self.flows.push(*flow),
                    None => return self.left_out += 1,
                }
            }
            Traced::Weighed(..) => {}
        }
        let is_said = |l: &StoryLine| l.event == StoryEvent::Step(step.clone());
        if !matches!(step, Traced::Flow(_)) && self.lines.iter().any(is_said) {
            return;
        }
        self.tell(at, StoryEvent::Step(step));
    }
}
