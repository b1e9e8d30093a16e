//! What is wrong with what the wire brings: no SIP, nothing that can be read, one direction.

use super::doctor_facts::WireFacts;
use super::seen_hosts::HostPair;
use super::severity::Severity::{Broken, Impaired, Remark};
use super::severity::{FindingWords, Severity};
use crate::config::Config;
use crate::daemon::notices::{Notice, ToldNotice, counted, instead_of_sip, notices, told};
use crate::telemetry::label::UnreadKind;
use std::collections::HashSet;
use std::net::IpAddr;

/// Fewer messages do not tell a mirror of one direction from somebody who does not answer.
const LEAST_MESSAGES: u64 = 3;
/// Fewer packets of RTP are no call.
const LEAST_RTP: u64 = 50;
/// In per cent of messages between hosts of which one never answers: so many are a mirror of one direction.
const ONE_WAY_PERCENT: u64 = 90;
/// One packet in so many cut is more than an odd one.
const CUT_SHARE: u64 = 100;
/// Pairs of hosts that are named.
const NAMED_PAIRS: usize = 3;

/// What is wrong with what the wire brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireFinding {
    /// Something passes by that is not read.
    Unread {
        /// What.
        kind: UnreadKind,
        /// In words, with the remedy.
        told: ToldNotice,
        /// How bad.
        severity: Severity,
    },
    /// Traffic without SIP.
    NoSip {
        /// What there was instead.
        seen: String,
        /// The VLANs it was on.
        vlans: Vec<u16>,
    },
    /// RTP without SIP.
    RtpWithoutSip {
        /// Packets.
        packets: u64,
        /// Between whom, the busiest first.
        pairs: Vec<HostPair>,
    },
    /// Messages go, and none comes back.
    SipOneWay {
        /// Messages between hosts of which one never says anything.
        messages: u64,
        /// All messages.
        of: u64,
        /// Requests and responses.
        kinds: [u64; 2],
        /// The busiest of them: sender, receiver.
        busiest: (IpAddr, IpAddr),
    },
    /// RTP goes one way only, of calls that are not recorded and so not looked into.
    RtpOneWay {
        /// Packets between hosts of which one never sends.
        packets: u64,
        /// All packets.
        of: u64,
        /// The busiest of them: sender, receiver.
        busiest: (IpAddr, IpAddr),
    },
}

impl WireFinding {
    /// In words.
    pub(super) fn words(&self) -> FindingWords {
        let (severity, finding, wrong, remedy) = match self {
            WireFinding::Unread { kind, told, severity } => {
                let remedy = if told.remedy.is_empty() { kind.remedy() } else { &told.remedy };
                (*severity, kind.as_str(), told.what.clone(), remedy.to_owned())
            }
            WireFinding::NoSip { seen, vlans } => {
                let wrong = match vlans.as_slice() {
                    [] => seen.clone(),
                    vlans => format!("{seen}; on VLANs {}", listed(vlans)),
                };
                let remedy = "mirror the port, and the VLAN, of the SIP server or session border controller; if \
                    its SIP is on another port, set sip.ports = \"any\" to find it";
                (Broken, "no_sip", wrong, remedy.into())
            }
            WireFinding::RtpWithoutSip { packets, pairs } => {
                let pairs: Vec<_> = pairs
                    .iter()
                    .take(NAMED_PAIRS)
                    .map(|p| format!("{} and {}", p.ends[0], p.ends[1]))
                    .collect();
                let wrong = format!(
                    "{} of RTP and no SIP; the busiest are between {}",
                    counted(*packets, "packet"),
                    pairs.join(", ")
                );
                (
                    Broken,
                    "rtp_without_sip",
                    wrong,
                    "mirror the port of the SIP server that sets up these calls as well".into(),
                )
            }
            WireFinding::SipOneWay { messages, of, kinds: [requests, responses], busiest: (from, to) } => {
                let wrong = format!(
                    "one direction only: {messages} of {} go to hosts that never answer, most from {from} \
                     to {to} ({}, {})",
                    counted(*of, "SIP message"),
                    counted(*requests, "request"),
                    counted(*responses, "response"),
                );
                (Broken, "one_direction", wrong, BOTH_DIRECTIONS.into())
            }
            WireFinding::RtpOneWay { packets, of, busiest: (from, to) } => {
                let wrong = format!(
                    "one direction only: {packets} of {} go to hosts that send none, most from {from} to {to}",
                    counted(*of, "RTP packet")
                );
                (Broken, "one_direction", wrong, BOTH_DIRECTIONS.into())
            }
        };
        FindingWords::new(severity, finding, wrong, remedy)
    }
}

const BOTH_DIRECTIONS: &str = "mirror both directions: monitor session 1 source interface X both (rx and tx), or \
    both cables of a TAP";

fn listed(vlans: &[u16]) -> String {
    vlans.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

/// Everything of this kind.
pub(super) fn find(facts: &WireFacts, config: &Config) -> Vec<WireFinding> {
    let (s, ports) = (&facts.engine, config.sip.ports.listed());
    let sip = s.sip_messages();
    let mut all: Vec<_> = notices(s, ports).iter().map(|n| unread(n, facts, ports)).collect();
    let may_be_sip = all.iter().any(|f| matches!(f, WireFinding::Unread { severity: Broken, .. }));
    let rtp = facts.streams.packets + facts.streams.copies;
    if s.net.frames + s.datagrams == 0 && !facts.is_live {
        all.push(WireFinding::NoSip { seen: "no packet is in the captures".into(), vlans: Vec::new() });
    }
    if sip == 0 && !may_be_sip && s.net.frames + s.datagrams > 0 {
        if rtp >= LEAST_RTP {
            all.push(WireFinding::RtpWithoutSip { packets: rtp, pairs: facts.rtp_pairs.clone() });
        } else if let Some(seen) = instead_of_sip(s, ports) {
            let vlans = facts.frames.vlans.keys().copied().collect();
            all.push(WireFinding::NoSip { seen, vlans });
        }
    }
    all.extend(one_way(&facts.sip_pairs, LEAST_MESSAGES, ONE_WAY_PERCENT).map(|(messages, of, busiest)| {
        let kinds = [s.requests.iter().sum(), s.responses.iter().sum()];
        WireFinding::SipOneWay { messages, of, kinds, busiest }
    }));
    if facts.calls.judged == 0 {
        all.extend(
            one_way(&facts.rtp_pairs, 2 * LEAST_RTP, ONE_WAY_PERCENT)
                .map(|(packets, of, busiest)| WireFinding::RtpOneWay { packets, of, busiest }),
        );
    }
    all
}

fn unread(n: &Notice, facts: &WireFacts, ports: &[u16]) -> WireFinding {
    let s = &facts.engine;
    let severity = match n.kind {
        UnreadKind::Cut if n.count * CUT_SHARE >= s.net.frames => Broken,
        // Most of the signalling.
        UnreadKind::SipPort if n.count > s.sip_messages() => Broken,
        UnreadKind::SuperPacket | UnreadKind::NotSip | UnreadKind::Header | UnreadKind::KeyLog => Remark,
        UnreadKind::SipPort
        | UnreadKind::Tls
        | UnreadKind::TlsNoSecret
        | UnreadKind::TlsUnsupported
        | UnreadKind::TlsLost
        | UnreadKind::WebSocket
        | UnreadKind::Deflated
        | UnreadKind::Sctp
        | UnreadKind::Tunnel
        | UnreadKind::Nested
        | UnreadKind::Encapsulation
            if s.sip_messages() == 0 =>
        {
            Broken
        }
        _ => Impaired,
    };
    let mut told = told(n, s, ports);
    if n.kind == UnreadKind::SuperPacket
        && let Some(i) = facts.interfaces.first()
    {
        told.remedy = told.remedy.replace("IFACE", &i.name);
    }
    WireFinding::Unread { kind: n.kind, told, severity }
}

/// What goes from hosts that never hear anything to hosts that never say anything, if it is so many per cent of
/// all. A host that is answered from another address than it asked is no sign of a mirror of one direction.
fn one_way(pairs: &[HostPair], least: u64, percent: u64) -> Option<(u64, u64, (IpAddr, IpAddr))> {
    let of: u64 = pairs.iter().map(HostPair::total).sum();
    let (mut senders, mut receivers) = (HashSet::new(), HashSet::new());
    for pair in pairs.iter().filter(|p| p.ends[0] != p.ends[1]) {
        let [a, b] = pair.ends;
        for (from, to, _) in [(a, b, pair.sent[0]), (b, a, pair.sent[1])].iter().filter(|(.., n)| *n > 0) {
            senders.insert(*from);
            receivers.insert(*to);
        }
    }
    let is_mute = |p: &&HostPair| {
        p.only_way()
            .is_some_and(|(from, to)| from == to || !receivers.contains(&from) && !senders.contains(&to))
    };
    let mut only = pairs.iter().filter(is_mute);
    let sent = only.clone().map(HostPair::total).sum();
    let busiest = only.find_map(HostPair::only_way)?;
    (sent >= least && sent * 100 >= of * percent).then_some((sent, of, busiest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(a: u8, b: u8, sent: [u64; 2]) -> HostPair {
        HostPair { ends: [[10, 0, 0, a].into(), [10, 0, 0, b].into()], sent }
    }

    #[test]
    fn one_direction_is_told_from_another_address_that_answers() {
        let told = |pairs: &[HostPair]| one_way(pairs, 3, 90).map(|(sent, of, _)| (sent, of));
        assert_eq!(told(&[pair(1, 9, [5, 0]), pair(2, 9, [3, 0])]), Some((8, 8)));
        assert_eq!(told(&[pair(1, 9, [0, 5]), pair(2, 9, [0, 5])]), Some((10, 10)));
        assert_eq!(told(&[pair(1, 9, [5, 4])]), None);
        assert_eq!(
            told(&[pair(1, 9, [5, 0]), pair(1, 8, [0, 5])]),
            None,
            "a balancer answers from elsewhere"
        );
        assert_eq!(told(&[pair(1, 1, [9, 0])]), Some((9, 9)), "ends on one host");
        assert_eq!(told(&[pair(1, 9, [2, 0])]), None, "too few");
        assert_eq!(told(&[pair(1, 9, [5, 0]), pair(2, 3, [5, 5])]), None, "a host that does not answer");
    }
}
