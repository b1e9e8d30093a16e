//! How well a call is in its recording, in three figures that the index keeps: so that a month of a million
//! recordings is told without opening a file of theirs.

use crate::id::Channel;
use crate::store::assurance::AssuranceReason;
use crate::store::legible::Legible;
use crate::store::sidecar::{Sidecar, Stream};

/// The worse of the two sides of a recording, and why it is not whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordedQuality {
    /// Why its call is not in it whole: the first of its reasons, which are listed with the cause first.
    pub why: Option<AssuranceReason>,
    /// Estimate by ITU-T G.107 in hundredths, the mean of a side's packets; `None` where neither side has one.
    pub mos_hundredths: Option<u16>,
    /// Packets of a side that were lost, of ten thousand that were sent; `None` where nothing was received.
    pub lost_per_10k: Option<u16>,
}

impl RecordedQuality {
    /// As a sidecar tells it.
    pub fn of(s: &Sidecar) -> RecordedQuality {
        let assurance = s.assurance.as_ref().and_then(Legible::known);
        let sides = Channel::BOTH.map(|side| s.streams.iter().filter(move |t| t.channel == side));
        RecordedQuality {
            why: assurance.and_then(|a| a.reasons.first().copied()),
            mos_hundredths: sides.iter().cloned().filter_map(mos_of).min(),
            lost_per_10k: sides.iter().cloned().filter_map(lost_of).max(),
        }
    }
}

fn mos_of<'a>(side: impl Iterator<Item = &'a Stream>) -> Option<u16> {
    let (packets, sum) = side
        .filter_map(|stream| Some((stream.packets, stream.mos? * stream.packets as f64)))
        .fold((0, 0.0), |(packets, sum), (n, mos)| (packets + n, sum + mos));
    (packets > 0).then(|| (100.0 * sum / packets as f64).round().clamp(0.0, 500.0) as u16)
}

fn lost_of<'a>(side: impl Iterator<Item = &'a Stream>) -> Option<u16> {
    let (packets, lost) = side.fold((0u64, 0u64), |(packets, lost), s| {
        (packets.saturating_add(s.packets), lost.saturating_add(s.lost))
    });
    let sent = packets.saturating_add(lost);
    // Any loss is more than none.
    (packets > 0).then(|| (10_000.0 * lost as f64 / sent as f64).ceil() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stream(channel: &str, packets: u64, lost: u64, mos: Option<f64>) -> Stream {
        serde_json::from_value(
            json!({ "channel": channel, "codec": "PCMA", "ssrc": "0x1", "packets": packets,
            "lost": lost, "late": 0, "duplicates": 0, "jitter_ms": 0.0, "mos": mos }),
        )
        .unwrap()
    }

    #[test]
    fn a_side_is_the_mean_of_its_packets() {
        let side = [
            stream("agent", 300, 0, Some(4.4)),
            stream("agent", 100, 0, Some(2.4)),
            stream("agent", 50, 1, None),
        ];
        assert_eq!(mos_of(side.iter()), Some(390));
        assert_eq!(lost_of(side.iter()), Some(23));
        assert_eq!(lost_of([stream("agent", 1_000_000, 1, None)].iter()), Some(1));
        let nothing = [stream("agent", 0, 5, Some(4.0))];
        assert_eq!((mos_of(nothing.iter()), lost_of(nothing.iter())), (None, None));
    }
}
