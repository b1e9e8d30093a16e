//! The lines of a story in words.

use super::call_story::{SipKind, StoryEvent};
use super::grounds_words::{agent_grounds, flow, tie};
use crate::call::rules::subscriber_tail;
use crate::call::trace::Traced;
use crate::call::{CallEvent, Ending, Unrecorded, call_id_hash};
use crate::config::compiled::truncate_number;
use crate::config::{CallDirection, HideDigits};
use crate::daemon::observe::unrecorded_label;
use crate::id::Channel;
use crate::net::Transport;
use crate::sip::Method;

/// Digits that are not told of a subscriber's number.
const HIDDEN: u8 = 4;

/// What kind of line it is, and its words; several lines where there is more to say.
pub(super) fn words(event: &StoryEvent) -> (&'static str, Vec<String>) {
    match event {
        StoryEvent::Sip { flow, transport, what, cseq, copies } => {
            let over = if *transport == Transport::Udp { "" } else { transport.as_str() };
            let over = if over.is_empty() { String::new() } else { format!(" ({over})") };
            let again = if *copies == 0 { String::new() } else { format!(", {copies} more of it") };
            ("sip", vec![format!("{} > {}  {}{over}{again}", flow.src, flow.dst, message(*what, *cseq))])
        }
        StoryEvent::Step(step) => step_words(step),
        StoryEvent::Begins { id, service, direction, agent } => {
            let agent = agent.as_ref().map_or_else(String::new, |a| format!(", agent {}", told_agent(a)));
            let direction = direction_words(*direction);
            ("decision", vec![format!("recording {id} begins: {direction}, service {service}{agent}")])
        }
        StoryEvent::Service(name) => {
            ("decision", vec![format!("more is known of the number dialled: the service is {name}")])
        }
        StoryEvent::Agreed(channel, codec, is_encrypted) => {
            let sealed = if *is_encrypted { ", encrypted" } else { "" };
            ("media", vec![format!("the {} sends {codec}{sealed}, as agreed in the SDP", channel.name())])
        }
        StoryEvent::Unrecorded(why) => ("decision", vec![format!("not recorded, {}", reason(*why))]),
        StoryEvent::Discarded(why) => ("decision", vec![format!("nothing of it is kept, {}", reason(*why))]),
        StoryEvent::Refused => ("decision", vec!["not recorded: limits.recordings was reached".into()]),
        StoryEvent::Signalled(event) => ("call", vec![signalled(*event)]),
        StoryEvent::Moved(channel) => {
            ("media", vec![format!("the {} says that it receives elsewhere from here on", channel.name())])
        }
        StoryEvent::Missing => (
            "media",
            vec!["audio of it was seen that could not be assigned or read: complete is false".into()],
        ),
        StoryEvent::TakenBack(channel) => {
            let what = "turned out to be, or may be, another call's: taken back";
            ("media", vec![format!("what was taken for the {}'s {what}", channel.name())])
        }
        StoryEvent::Ends(by) => ("decision", vec![format!("the recording ends: {}", ending(*by))]),
    }
}

fn step_words(step: &Traced) -> (&'static str, Vec<String>) {
    let told = |id: &[u8]| call_id_hash(&String::from_utf8_lossy(id)).unwrap_or_default();
    match step {
        Traced::Weighed([caller, called], verdict) => {
            let verdict = match verdict {
                Ok(direction) => format!("so it is an {} call", direction_words(*direction)),
                Err(why) => format!("so {}", conclusion(*why)),
            };
            let ends = [("caller", caller), ("called", called)];
            let mut lines: Vec<String> =
                ends.map(|(end, grounds)| format!("{end}: {}", agent_grounds(*grounds))).into();
            lines.push(verdict);
            ("decision", lines)
        }
        Traced::NearerLeg(id) => {
            ("decision", vec![format!("the call is recorded nearer the agent, on Call-ID {}", told(id))])
        }
        Traced::CallsOn(id) => {
            let what = format!("the exchange answered first, and calls the agent on Call-ID {}", told(id));
            ("decision", vec![what])
        }
        Traced::RangInVain(id) => {
            let what = format!(
                "the agent did not answer where the exchange called him, on Call-ID {}: somebody else did here",
                told(id)
            );
            ("decision", vec![what])
        }
        Traced::Dials(id) => {
            let what =
                format!("click to dial: the agent was called first, his customer on Call-ID {}", told(id));
            ("decision", vec![what])
        }
        Traced::OneCallWith(id, by) => {
            ("decision", vec![format!("one contact with Call-ID {}: {}", told(id), tie(*by))])
        }
        Traced::Flow(seen) => ("media", vec![flow(seen)]),
    }
}

/// An agent's id. One as long as a subscriber's number may be a customer's, where no rule says who the agents are.
pub fn told_agent(id: &str) -> String {
    match subscriber_tail(id) {
        None => id.to_owned(),
        Some(_) => truncate_number(id, HideDigits::Last(HIDDEN)).unwrap_or_else(|| "hidden".into()),
    }
}

fn message(what: SipKind, cseq: Option<(u32, Method)>) -> String {
    match (what, cseq) {
        (SipKind::Request(method), _) => method.as_str().to_owned(),
        (SipKind::Response(code), Some((_, method))) => format!("{code} ({})", method.as_str()),
        (SipKind::Response(code), None) => code.to_string(),
    }
}

/// The reason as the metrics name it, and what it means.
pub(super) fn reason(why: Unrecorded) -> String {
    let label = unrecorded_label(why);
    with_meaning(label.as_str(), label.describe())
}

/// A reason by its name, and what that means; what is said for a page has keys in ticks.
pub fn with_meaning(name: &str, meaning: &str) -> String {
    format!("{name}: {}", meaning.replace('`', ""))
}

fn conclusion(why: Unrecorded) -> &'static str {
    match why {
        Unrecorded::NoAgent => "no agent takes part",
        Unrecorded::Internal => "two agents talk, and agents.record_internal is off",
        Unrecorded::Service
        | Unrecorded::Direction
        | Unrecorded::OtherLeg
        | Unrecorded::InviteNotSeen
        | Unrecorded::Stray
        | Unrecorded::Truncated => "it is not recorded",
    }
}

fn direction_words(direction: CallDirection) -> &'static str {
    match direction {
        CallDirection::Inbound => "inbound",
        CallDirection::Outbound => "outbound",
        CallDirection::Internal => "internal",
    }
}

fn signalled(event: CallEvent) -> String {
    match event {
        CallEvent::Hold => "put on hold".into(),
        CallEvent::Resume => "taken off hold".into(),
        CallEvent::KeyPress(channel) => format!("the {} pressed a key", channel.name()),
    }
}

fn ending(by: Ending) -> &'static str {
    match by {
        Ending::HungUp(Channel::Customer) => "the customer hung up",
        Ending::HungUp(Channel::Agent) => "the agent hung up",
        Ending::Transferred => "the call was passed on",
        Ending::Timeout => "no BYE, and nothing heard for sip.media_timeout",
        Ending::CaptureEnd => "the capture ends",
        Ending::Shutdown => "the recorder stopped",
    }
}
