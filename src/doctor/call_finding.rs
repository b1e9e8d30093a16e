//! What is wrong with the sound of the calls: nobody is heard, or nobody can be understood.

use super::doctor_facts::WireFacts;
use super::severity::FindingWords;
use super::severity::Severity::{Broken, Impaired};
use crate::daemon::notices::counted;
use std::net::IpAddr;

/// So many calls without one packet of RTP are not all too short.
const SEVERAL: u64 = 3;
/// Hosts that are named.
const NAMED_HOSTS: usize = 4;

/// What is wrong with the sound of the calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFinding {
    /// Calls without any RTP.
    NoRtp {
        /// Calls.
        calls: u64,
        /// Of so many.
        of: u64,
        /// Where their descriptions said that it would arrive.
        hosts: Vec<IpAddr>,
    },
    /// Calls of which one side is heard.
    OneSide {
        /// Those of which the customer is heard, and the agent.
        heard: [u64; 2],
        /// Of so many.
        of: u64,
    },
    /// Calls whose media are sealed with keys that nobody told.
    Sealed {
        /// Calls.
        calls: u64,
        /// Of so many.
        of: u64,
    },
    /// Calls in a codec that cannot be decoded.
    Undecodable {
        /// As SDP calls it.
        codec: String,
        /// Calls.
        calls: u64,
        /// Of so many.
        of: u64,
    },
    /// Calls of which none is long enough to tell whether both sides are heard.
    TooShort {
        /// Calls.
        calls: u64,
    },
}

impl CallFinding {
    /// In words.
    pub(super) fn words(&self) -> FindingWords {
        let most = |n: u64, of: u64| if n * 2 > of { Broken } else { Impaired };
        let (severity, finding, wrong, remedy) = match self {
            CallFinding::NoRtp { calls, of, hosts } => {
                let hosts: Vec<_> = hosts.iter().take(NAMED_HOSTS).map(IpAddr::to_string).collect();
                let wrong = format!(
                    "no RTP at all in {calls} of {of} calls; their descriptions name {}",
                    if hosts.is_empty() { "no address".into() } else { hosts.join(", ") }
                );
                let remedy = "mirror the ports of these hosts as well, or let the media pass the exchange (no \
                    direct media)";
                (most(*calls, *of), "no_rtp", wrong, remedy.into())
            }
            CallFinding::OneSide { heard: [customer, agent], of } => {
                let who = match (*customer, *agent) {
                    (_, 0) => "the customer".into(),
                    (0, _) => "the agent".into(),
                    (customer, agent) => {
                        format!("one side (the customer in {customer}, the agent in {agent})")
                    }
                };
                let calls = customer + agent;
                let wrong =
                    format!("RTP in one direction only in {calls} of {of} calls: {who} alone is heard");
                let remedy = "mirror both directions (rx and tx) of the port, and the segment where the other \
                    side's media pass";
                (most(calls, *of), "one_way", wrong, remedy.into())
            }
            CallFinding::Sealed { calls, of } => (
                most(*calls, *of),
                "encrypted",
                format!(
                    "the media of {calls} of {of} calls are encrypted (SRTP) with keys that the \
                     signalling does not show"
                ),
                "set tls.key_log where DTLS or TLS hides the keys, mirror the side of the exchange \
                 that is not encrypted, or record by SIPREC"
                    .into(),
            ),
            CallFinding::Undecodable { codec, calls, of } => (
                most(*calls, *of),
                "codec",
                format!("the codec in {calls} of {of} calls is {codec}, which cannot be decoded here"),
                "apt install libavcodec61 (Debian 13) or libavcodec59 (12); else set \
                 storage.keep_undecoded = true, or let the exchange offer another codec"
                    .into(),
            ),
            CallFinding::TooShort { calls } => (
                Impaired,
                "too_short",
                format!(
                    "{} answered, and none was long enough to be judged: nothing is proved",
                    counted(*calls, "call")
                ),
                "talk for ten seconds on both sides while this runs (--seconds 60)".into(),
            ),
        };
        FindingWords::new(severity, finding, wrong, remedy)
    }
}

/// Everything of this kind.
pub(super) fn find(facts: &WireFacts) -> Vec<CallFinding> {
    let calls = &facts.calls;
    let mut all = Vec::new();
    let is_without = calls.judged == 0 && calls.recorded >= SEVERAL && facts.streams.packets == 0;
    let (silent, of) =
        if is_without { (calls.recorded, calls.recorded) } else { (calls.none_heard, calls.judged) };
    if silent > 0 {
        all.push(CallFinding::NoRtp { calls: silent, of, hosts: facts.named_hosts.clone() });
    } else if calls.judged == 0 && calls.recorded > 0 {
        all.push(CallFinding::TooShort { calls: calls.recorded });
    }
    if calls.one_heard != [0, 0] {
        all.push(CallFinding::OneSide { heard: calls.one_heard, of: calls.judged });
    }
    if calls.sealed > 0 {
        all.push(CallFinding::Sealed { calls: calls.sealed, of: calls.recorded });
    }
    all.extend(calls.undecodable.iter().map(|(codec, n)| CallFinding::Undecodable {
        codec: codec.clone(),
        calls: *n,
        of: calls.recorded,
    }));
    all
}
