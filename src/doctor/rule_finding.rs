//! Why no call would be recorded: nobody is an agent, or there was no call.

use super::doctor_facts::WireFacts;
use super::severity::FindingWords;
use super::severity::Severity::{Broken, Impaired, Remark};
use crate::call::Unrecorded;
use crate::config::advice::has_no_agent_rule;
use crate::config::{Agents, Config};
use crate::daemon::notices::counted;
use crate::daemon::observe::unrecorded_label;

/// Why no call would be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleFinding {
    /// No rule says who is an agent.
    NoAgentRule,
    /// Calls were answered, and no party of any was an agent.
    NoAgentMatches {
        /// Calls.
        calls: u64,
        /// The keys that are set.
        rules: Vec<&'static str>,
    },
    /// Calls were answered, and none would be recorded.
    AllLeftOut {
        /// Calls.
        calls: u64,
        /// Why most of them would not be.
        reason: Unrecorded,
    },
    /// Signalling, and no call.
    NoCall {
        /// SIP messages.
        messages: u64,
    },
    /// Calls whose beginning was not seen.
    BeganBefore {
        /// Calls.
        calls: u64,
    },
}

impl RuleFinding {
    /// In words.
    pub(super) fn words(&self) -> FindingWords {
        let (severity, finding, wrong, remedy) = match self {
            RuleFinding::NoAgentRule => (
                Broken,
                "no_agent_rule",
                "no agent rule is set: `nauhuri record` refuses to start".into(),
                "set agents.extensions = [\"2000-2999\"], agents.networks or agents.header".into(),
            ),
            RuleFinding::NoAgentMatches { calls, rules } => (
                Broken,
                "no_agent",
                format!(
                    "{} answered, and no party of any is an agent by {}",
                    counted(*calls, "call"),
                    rules.join(", ")
                ),
                "compare the rules with the numbers and addresses that the exchange writes (`nauhuri \
                 check` shows them)"
                    .into(),
            ),
            RuleFinding::AllLeftOut { calls, reason } => (
                Impaired,
                unrecorded_label(*reason).as_str(),
                format!(
                    "{} answered, and none would be recorded: {}",
                    counted(*calls, "call"),
                    why(*reason).0
                ),
                why(*reason).1.into(),
            ),
            RuleFinding::NoCall { messages } => (
                Impaired,
                "no_call",
                format!("{}, but no call was answered: nothing is proved", counted(*messages, "SIP message")),
                "place a call to an agent and talk for ten seconds while this runs (--seconds 60)".into(),
            ),
            RuleFinding::BeganBefore { calls } => (
                Remark,
                "invite_unseen",
                format!(
                    "{} began before the capture, or their INVITE is not on this wire",
                    counted(*calls, "call")
                ),
                "none if the capture began in the midst of them; else mirror the port where INVITEs pass"
                    .into(),
            ),
        };
        FindingWords::new(severity, finding, wrong, remedy)
    }
}

/// Why calls would not be recorded, and what to do about it.
fn why(reason: Unrecorded) -> (&'static str, &'static str) {
    match reason {
        Unrecorded::NoAgent => (
            "no party is an agent",
            "compare agents.extensions, agents.networks and agents.header with what is on the wire",
        ),
        Unrecorded::Internal => (
            "both parties are agents",
            "nothing, if only calls between agents were made; agents.record_internal = true \
             records them",
        ),
        Unrecorded::Service => {
            ("their services have record = false", "see record in [service_default] and [[service]]")
        }
        Unrecorded::Direction => (
            "their services do not record this direction",
            "see directions in [service_default] and [[service]]",
        ),
        Unrecorded::InviteNotSeen => (
            "their INVITEs were not seen",
            "listen for longer, from before a call begins; or mirror the port where the INVITEs pass",
        ),
        Unrecorded::OtherLeg | Unrecorded::Stray => {
            ("they were hung up at once and nothing was heard", "talk for ten seconds while this runs")
        }
        Unrecorded::Truncated => {
            ("only the start of their messages was captured", "capture whole packets: tcpdump -s 0")
        }
    }
}

/// The keys that say who is an agent.
fn rules(agents: &Agents) -> Vec<&'static str> {
    let all = [
        ("agents.extensions", !agents.extensions.is_empty()),
        ("agents.networks", !agents.networks.is_empty()),
        ("agents.header", !agents.header.is_empty()),
    ];
    all.into_iter().filter(|(_, is_set)| *is_set).map(|(key, _)| key).collect()
}

/// Everything of this kind.
pub(super) fn find(facts: &WireFacts, config: &Config) -> Vec<RuleFinding> {
    let (s, calls) = (&facts.engine, &facts.calls);
    let mut all = Vec::new();
    if has_no_agent_rule(&config.agents) && (facts.is_live || facts.is_configured) {
        all.push(RuleFinding::NoAgentRule);
    }
    let left_out = Unrecorded::ALL.map(|reason| (s.unrecorded[reason as usize], reason));
    let (_, most) = left_out.into_iter().rev().max_by_key(|(n, _)| *n).unwrap_or((0, Unrecorded::NoAgent));
    let answered: u64 = s.unrecorded.iter().sum();
    match (calls.recorded, answered, most) {
        (0, 0, _) if s.sip_messages() > 0 => all.push(RuleFinding::NoCall { messages: s.sip_messages() }),
        (0, 0, _) => {}
        (0, calls, Unrecorded::NoAgent) => {
            all.push(RuleFinding::NoAgentMatches { calls, rules: rules(&config.agents) });
        }
        (0, calls, reason) => all.push(RuleFinding::AllLeftOut { calls, reason }),
        _ => {
            let before = s.unrecorded[Unrecorded::InviteNotSeen as usize];
            all.extend((before > 0).then_some(RuleFinding::BeganBefore { calls: before }));
        }
    }
    all
}
