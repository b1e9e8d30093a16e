//! What is missing of what the wire brings, or is there twice.

use super::doctor_facts::WireFacts;
use super::severity::FindingWords;
use super::severity::Severity::{Broken, Impaired, Remark};
use crate::daemon::notices::counted;

/// Fewer packets of RTP are no call.
const LEAST_RTP: u64 = 50;
/// In per cent of packets: so many copies are a mirror that shows everything twice.
const COPIES_PERCENT: u64 = 20;
/// One packet lost in so many is heard.
const LOSS_SHARE: u64 = 100;
/// One in so many spoils a call.
const MANY_LOST: u64 = 10;
/// So few lost packets are no finding.
const LEAST_LOST: u64 = 10;
/// So few packets missing at one moment are chance.
const LEAST_TOGETHER: u64 = 3;

/// What is missing, or there twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LossFinding {
    /// All streams miss packets at the same moment.
    CaptureLoss {
        /// So often.
        moments: u64,
        /// Packets.
        lost: u64,
        /// Of so many.
        of: u64,
    },
    /// Streams miss packets, each for itself.
    SomeLoss {
        /// Packets.
        lost: u64,
        /// Of so many.
        of: u64,
        /// Streams that miss any, of so many.
        streams: [u64; 2],
    },
    /// Packets come twice.
    Copies {
        /// Copies.
        copies: u64,
        /// Beside so many packets.
        of: u64,
    },
    /// Datagrams of which fragments did not come.
    FragmentsLost {
        /// Fragments that came.
        fragments: u64,
        /// Datagrams that could be put together.
        whole: u64,
    },
    /// Bytes of TCP connections with SIP did not come.
    TcpLost {
        /// How often.
        gaps: u64,
    },
}

impl LossFinding {
    /// In words.
    pub(super) fn words(&self) -> FindingWords {
        let (severity, finding, wrong, remedy) = match self {
            LossFinding::CaptureLoss { moments, lost, of } => {
                let wrong = format!(
                    "all RTP streams miss packets at the same moment, {} ({lost} of {of}): they are lost \
                     where all of them pass",
                    times(*moments)
                );
                let remedy = "see the drop counters of the mirror's destination port at the switch: mirror fewer \
                    ports, or one direction of each, or use a faster port; then the counters of this \
                    card (ethtool -S)";
                (
                    if lost * LOSS_SHARE >= *of { Broken } else { Impaired },
                    "capture_loss",
                    wrong,
                    remedy.into(),
                )
            }
            LossFinding::SomeLoss { lost, of, streams: [with, all] } => {
                let wrong = format!(
                    "{lost} of {} are missing, in {with} of {}, each at its own time: the network lost \
                     them, or the mirror did",
                    counted(*of, "RTP packet"),
                    counted(*all, "stream")
                );
                let remedy = "nothing at the recorder if the callers hear it too (the exchange's statistics, \
                    RTCP); else see the drop counters of the mirror's destination port";
                (if lost * MANY_LOST >= *of { Impaired } else { Remark }, "loss", wrong, remedy.into())
            }
            LossFinding::Copies { copies, of } => {
                let wrong = format!(
                    "packets come twice: {} beside {}; recorded right, but at twice the cost",
                    counted(*copies, "copy"),
                    counted(*of, "RTP packet")
                );
                let remedy = "mirror each port in one place: only one side of a link, or only its received \
                    direction (rx), and one VLAN";
                (Remark, "duplicates", wrong, remedy.into())
            }
            LossFinding::FragmentsLost { fragments, whole } => (
                if *whole == 0 { Broken } else { Impaired },
                "fragments_lost",
                match whole {
                    0 => format!(
                        "{}, and not one datagram could be put together",
                        counted(*fragments, "IP fragment")
                    ),
                    n => format!(
                        "{}, of which only {} could be put together",
                        counted(*fragments, "IP fragment"),
                        counted(*n, "datagram")
                    ),
                },
                "leave capture.filter empty (a filter by port drops fragments), and see the mirror's \
                 drop counters"
                    .into(),
            ),
            LossFinding::TcpLost { gaps } => (
                Impaired,
                "tcp_lost",
                format!(
                    "bytes of TCP connections with SIP did not arrive, {}: their messages are lost",
                    times(*gaps)
                ),
                "see the drop counters of the mirror's destination port at the switch".into(),
            ),
        };
        FindingWords::new(severity, finding, wrong, remedy)
    }
}

/// `once`, `3 times`
fn times(n: u64) -> String {
    if n == 1 { "once".into() } else { format!("{n} times") }
}

/// Everything of this kind.
pub(super) fn find(facts: &WireFacts) -> Vec<LossFinding> {
    let s = &facts.engine;
    let mut all: Vec<LossFinding> = losses(facts).into_iter().collect();
    // Of RTP only: a sender of SIP may repeat itself like a storm, with all its packets alike.
    let (copies, of) = (facts.streams.copies, facts.streams.packets);
    if of >= LEAST_RTP && copies * 100 >= of * COPIES_PERCENT {
        all.push(LossFinding::Copies { copies, of });
    }
    // What waits for fragments at the end is in no other count.
    let (fragments, whole) = (s.net.fragments, s.net.fragments_reassembled);
    let dropped = &s.net.fragments_dropped;
    if dropped.total() > dropped.truncated || fragments > 0 && whole + dropped.truncated == 0 {
        all.push(LossFinding::FragmentsLost { fragments, whole });
    }
    if s.net.tcp_gaps > 0 {
        all.push(LossFinding::TcpLost { gaps: s.net.tcp_gaps });
    }
    all
}

fn losses(facts: &WireFacts) -> Option<LossFinding> {
    let s = &facts.streams;
    let of = s.packets + s.lost;
    if s.common_lost >= LEAST_TOGETHER && s.common_lost * 2 >= s.lost {
        return Some(LossFinding::CaptureLoss { moments: s.common_moments, lost: s.common_lost, of });
    }
    (s.lost >= LEAST_LOST && s.lost * LOSS_SHARE >= of).then_some(LossFinding::SomeLoss {
        lost: s.lost,
        of,
        streams: [s.with_loss, s.streams],
    })
}
