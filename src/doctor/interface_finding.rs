//! What is wrong with an interface, or with what it brings at all.

use super::doctor_facts::{FilterFacts, InterfaceFacts, WireFacts};
use super::severity::Severity::{Broken, Impaired};
use super::severity::{FindingWords, Severity};
use crate::capture::live::{Drops, LiveError};
use crate::config::Config;
use crate::daemon::notices::counted;

/// More than one frame in so many dropped breaks calls.
const DROPS_SHARE: u64 = 100;

/// What is wrong with an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceFinding {
    /// This user may not capture.
    NoRights {
        /// Which.
        interface: String,
    },
    /// It is not up.
    Down {
        /// Which.
        interface: String,
    },
    /// It is up and has no link.
    NoLink {
        /// Which.
        interface: String,
    },
    /// It cannot be captured, or went away.
    NotCaptured {
        /// What libpcap says, with its name.
        why: String,
    },
    /// Not one frame came.
    Nothing {
        /// Which.
        interface: String,
        /// In so many seconds.
        seconds: u64,
    },
    /// Only this host's own traffic came, and what everybody gets.
    NotMirrored {
        /// Which.
        interface: String,
        /// Of this host.
        own: u64,
        /// To all or to a group.
        group: u64,
        /// `capture.promiscuous`.
        promiscuous: bool,
    },
    /// What `capture.filter` leaves out is SIP or RTP.
    FilterHides {
        /// `capture.filter`.
        filter: String,
        /// SIP messages and RTP packets with it.
        passed: [u64; 2],
        /// And without.
        there: [u64; 2],
        /// Frames with a VLAN tag are left out.
        tagged: bool,
    },
    /// Frames came and were dropped.
    Dropped {
        /// Which.
        interface: String,
        /// Where.
        drops: Drops,
        /// Frames that were captured.
        captured: u64,
        /// `capture.buffer_mib`.
        buffer_mib: u32,
    },
}

impl InterfaceFinding {
    /// In words.
    pub(super) fn words(&self) -> FindingWords {
        let (severity, finding, wrong, remedy) = match self {
            InterfaceFinding::NoRights { interface } => (
                Broken,
                "no_rights",
                format!("{interface}: this user may not capture"),
                "run as root; or `setcap cap_net_raw+ep` on the program; or \
                 AmbientCapabilities=CAP_NET_RAW in its systemd unit"
                    .into(),
            ),
            InterfaceFinding::Down { interface } => (
                Broken,
                "interface_down",
                format!("{interface}: the interface is down"),
                format!("ip link set {interface} up, and let the network configuration do so at boot"),
            ),
            InterfaceFinding::NoLink { interface } => (
                Broken,
                "no_link",
                format!("{interface}: the interface is up and has no link"),
                "check the cable, the transceiver, and whether the mirror's destination port is \
                 enabled at the switch"
                    .into(),
            ),
            InterfaceFinding::NotCaptured { why } => (
                Broken,
                "not_captured",
                why.clone(),
                "set capture.interface to the one that the mirror is connected to".into(),
            ),
            InterfaceFinding::Nothing { interface, seconds } => (
                Broken,
                "nothing_arrives",
                format!("{interface}: not one packet arrived in {}", counted(*seconds, "second")),
                "set up the mirror (SPAN) session at the switch: source the port of the SIP server, \
                 destination this port; then see its counters"
                    .into(),
            ),
            InterfaceFinding::NotMirrored { interface, own, group, promiscuous } => (
                Broken,
                "not_mirrored",
                format!(
                    "{interface}: only this host's own traffic ({}) and broadcasts ({}) arrive, nothing \
                     of others: no mirror ends here",
                    counted(*own, "packet"),
                    group
                ),
                match promiscuous {
                    true => {
                        "set up the mirror (SPAN) session at the switch, with this port as its destination"
                    }
                    false => {
                        "set capture.promiscuous = true; then check the mirror (SPAN) session at the switch"
                    }
                }
                .into(),
            ),
            InterfaceFinding::FilterHides { filter, passed, there, tagged } => {
                let (wrong, remedy) = hiding(filter, *passed, *there, *tagged);
                (Broken, "filter_hides", wrong, remedy)
            }
            InterfaceFinding::Dropped { interface, drops, captured, buffer_mib } => {
                let severity = dropped_severity(drops.kernel + drops.interface, *captured);
                let (wrong, remedy) = dropping(interface, *drops, *captured, *buffer_mib);
                (severity, "dropped", wrong, remedy)
            }
        };
        FindingWords::new(severity, finding, wrong, remedy)
    }
}

/// What a filter hides, and what to do about it. `passed`, `there`: SIP messages and RTP packets.
fn hiding(filter: &str, passed: [u64; 2], there: [u64; 2], tagged: bool) -> (String, String) {
    let lacks_sip = passed[0] * 2 < there[0];
    let (of, noun) = if lacks_sip { (0, "SIP message") } else { (1, "RTP packet") };
    let what = format!("{} of {}", there[of] - passed[of], counted(there[of], noun));
    let wrong = format!("capture.filter = \"{filter}\" keeps {what} from the recorder");
    match tagged {
        true => (
            wrong + ": they carry a VLAN tag",
            format!("set capture.filter = \"{filter} or (vlan and ({filter}))\", or leave it empty"),
        ),
        false => {
            (wrong, "leave capture.filter empty, or let it pass SIP and all UDP ports of the media".into())
        }
    }
}

/// What was dropped, and what to do about it.
fn dropping(interface: &str, drops: Drops, captured: u64, buffer_mib: u32) -> (String, String) {
    let Drops { kernel, interface: card } = drops;
    let wrong = format!(
        "{interface}: {} were dropped beside {captured} that were captured ({kernel} for want of buffer, \
         {card} by the card)",
        counted(kernel + card, "packet")
    );
    let remedy = match kernel >= card {
        true => {
            format!(
                "raise capture.buffer_mib above {buffer_mib}, and see that nothing else takes the processor"
            )
        }
        false => {
            format!("give the card larger rings: ethtool -g {interface}, ethtool -G {interface} rx N")
        }
    };
    (wrong, remedy)
}

fn dropped_severity(dropped: u64, captured: u64) -> Severity {
    if dropped * DROPS_SHARE > captured { Broken } else { Impaired }
}

/// Everything of this kind.
pub(super) fn find(facts: &WireFacts, config: &Config) -> Vec<InterfaceFinding> {
    let mut all: Vec<_> = facts.interfaces.iter().filter_map(|i| of_interface(i, facts, config)).collect();
    all.extend(facts.without_filter.as_ref().and_then(|there| of_filter(there, facts, config)));
    let dropped = facts.interfaces.iter().filter(|i| i.drops != Drops::default());
    all.extend(dropped.map(|i| InterfaceFinding::Dropped {
        interface: i.name.clone(),
        drops: i.drops,
        captured: i.frames.all,
        buffer_mib: config.capture.buffer_mib,
    }));
    all
}

fn of_interface(i: &InterfaceFacts, facts: &WireFacts, config: &Config) -> Option<InterfaceFinding> {
    let interface = i.name.clone();
    match &i.trouble {
        Some(LiveError::Forbidden { .. }) => return Some(InterfaceFinding::NoRights { interface }),
        Some(LiveError::Down { .. }) => return Some(InterfaceFinding::Down { interface }),
        Some(other) => return Some(InterfaceFinding::NotCaptured { why: other.to_string() }),
        None => {}
    }
    let s = &facts.engine;
    let there = facts.without_filter.as_ref().map_or(0, |there| there.frames.all);
    if i.frames.all == 0 && i.has_no_link {
        return Some(InterfaceFinding::NoLink { interface });
    }
    if i.frames.all == 0 && there == 0 {
        return Some(InterfaceFinding::Nothing { interface, seconds: facts.seconds.round() as u64 });
    }
    // A recorder on the SIP server itself hears its own traffic, and a mirror in a tunnel is addressed to it.
    let is_used = s.sip_messages() + s.net.tunnels_refused.iter().sum::<u64>() + s.net.decapsulated > 0;
    let is_own = i.has_address && i.frames.all > 0 && i.frames.foreign() == 0;
    (is_own && !is_used).then_some(InterfaceFinding::NotMirrored {
        interface,
        own: i.frames.own,
        group: i.frames.group,
        promiscuous: config.capture.promiscuous,
    })
}

/// The filter hides what it lets pass less than half of.
fn of_filter(there: &FilterFacts, facts: &WireFacts, config: &Config) -> Option<InterfaceFinding> {
    let passed = [facts.engine.sip_messages(), facts.streams.packets + facts.streams.copies];
    let there_is = [there.sip, there.rtp];
    let is_hidden = passed.iter().zip(there_is).any(|(passed, there)| there > 2 && passed * 2 < there);
    is_hidden.then(|| InterfaceFinding::FilterHides {
        filter: config.capture.filter.trim().to_owned(),
        passed,
        there: there_is,
        tagged: there.frames.tagged > facts.frames.tagged && !config.capture.filter.contains("vlan"),
    })
}
