//! What is wrong with the times of packets, or with the machine's clock.

use super::doctor_facts::WireFacts;
use super::severity::FindingWords;
use super::severity::Severity::{Impaired, Remark};
use crate::config::{ClockTrust, Config};
use crate::custody::wall_clock::Sync;
use crate::daemon::notices::counted;

/// A step of the clock beyond this is no slewing, nanoseconds.
const SET_NS: i64 = 500_000_000;
/// No capture of several queues or interfaces is out of order by so much, nanoseconds.
const JOINED_NS: u64 = 1_000_000_000;

/// What is wrong with times.
#[derive(Clone, Debug, PartialEq)]
pub enum TimeFinding {
    /// The clock was set while the wire was listened to.
    ClockSet {
        /// By so many seconds.
        seconds: f64,
    },
    /// The clock is not synchronised, or nobody can say.
    ClockAdrift {
        /// Somebody says that it is not.
        is_known: bool,
    },
    /// Stamps that cannot be true.
    Outliers {
        /// Packets.
        packets: u64,
    },
    /// Time runs backwards.
    Backwards {
        /// By so many seconds at most.
        seconds: f64,
    },
    /// Packets came faster than their sound lasts.
    Hurried {
        /// Streams.
        streams: u64,
        /// Of so many.
        of: u64,
    },
}

impl TimeFinding {
    /// In words.
    pub(super) fn words(&self) -> FindingWords {
        let (severity, finding, wrong, remedy) = match self {
            TimeFinding::ClockSet { seconds } => (
                Impaired,
                "clock_set",
                format!("the clock was set by {seconds:.1} s while the wire was listened to"),
                "let one program keep the clock, and slew it: systemd-timesyncd or chronyd, not both",
            ),
            TimeFinding::ClockAdrift { is_known } => (
                // Where nobody can say, calls are recorded all the same.
                if *is_known { Impaired } else { Remark },
                "clock_unsynchronised",
                match is_known {
                    true => {
                        "the clock is not synchronised: recordings get wrong times, and nothing is deleted"
                    }
                    false => "nothing here can say whether the clock is synchronised: nothing is deleted",
                }
                .into(),
                "timedatectl set-ntp true, or install chrony; in a container whose host keeps the \
                 time: retention.clock = \"any\"",
            ),
            TimeFinding::Outliers { packets } => (
                Impaired,
                "time_stamps",
                format!("{} carry times that cannot be true", counted(*packets, "packet")),
                "check the clock of whatever stamps them: the card's hardware time stamps, or the \
                 capturing machine",
            ),
            TimeFinding::Backwards { seconds } => (
                Impaired,
                "time_backwards",
                format!("time runs backwards by up to {seconds:.1} s between packets: calls may be missing"),
                "name joined captures one by one, or put their packets in order: reordercap IN OUT",
            ),
            TimeFinding::Hurried { streams, of } => (
                Impaired,
                "not_real_time",
                format!(
                    "in {streams} of {} the packets came faster than their sound lasts: the times are not \
                     those of the calls",
                    counted(*of, "RTP stream")
                ),
                "capture with real times: no tcpreplay --topspeed, no text2pcap without -t",
            ),
        };
        FindingWords::new(severity, finding, wrong, remedy.into())
    }
}

/// Everything of this kind.
pub(super) fn find(facts: &WireFacts, config: &Config) -> Vec<TimeFinding> {
    let s = &facts.engine;
    let mut all = Vec::new();
    if let Some(clock) = &facts.clock {
        if clock.set_ns.saturating_abs() > SET_NS {
            all.push(TimeFinding::ClockSet { seconds: clock.set_ns as f64 / 1e9 });
        }
        if config.retention.clock == ClockTrust::Synchronised && clock.sync != Sync::Yes {
            all.push(TimeFinding::ClockAdrift { is_known: clock.sync == Sync::No });
        }
    }
    if s.time_outliers > 0 {
        all.push(TimeFinding::Outliers { packets: s.time_outliers });
    }
    if s.net.farthest_back_ns > JOINED_NS {
        all.push(TimeFinding::Backwards { seconds: s.net.farthest_back_ns as f64 / 1e9 });
    }
    if facts.streams.hurried > 0 {
        all.push(TimeFinding::Hurried { streams: facts.streams.hurried, of: facts.streams.streams });
    }
    all
}

/// A capture file has something to be told of.
pub(super) fn of_file(said: &str) -> FindingWords {
    let remedy = "capture again with tcpdump -w or dumpcap, and do not edit the file";
    FindingWords::new(Remark, "capture_file", said.into(), remedy.into())
}
