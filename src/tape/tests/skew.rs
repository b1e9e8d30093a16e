//! Telephones whose clocks run apart, in a tone that never pauses.

use super::*;
use crate::time::NS_PER_S;

/// A sample of the tone: it tells its number, as far as half a second goes.
fn tone(n: i64, rate: i64) -> i16 {
    (1000 + n.rem_euclid(rate / 2)) as i16
}

/// Looks where each sample of both tones lies, and forgets it.
struct Gauge {
    rate: i64,
    /// How much longer than it should be a sample of each side lasts, millionths.
    ppm: [i64; 2],
    frame: i64,
    last: [Option<i64>; 2],
    worst: i64,
    slip: i64,
    silent: usize,
}

impl Deck for Gauge {
    fn start(&mut self, rate_hz: u32, _: Option<Law>) {
        assert_eq!(i64::from(rate_hz), self.rate);
    }
    fn append(&mut self, frames: &[i16]) {
        for pair in frames.chunks_exact(2) {
            self.frame += 1;
            if self.frame % 5 == 0 {
                (0..2).for_each(|side| self.look(side, pair[side]));
            }
        }
    }
    fn truncate(&mut self, _: u64) {}
    fn patch(&mut self, frame: u64, _: Channel, _: &[i16]) {
        panic!("late at frame {frame}");
    }
}

impl Gauge {
    fn look(&mut self, side: usize, sample: i16) {
        let at = self.frame - 1;
        if at < self.rate {
            return;
        }
        self.silent += usize::from(sample == 0);
        let own = at * 1_000_000 / (1_000_000 + self.ppm[side]);
        let half = self.rate / 2;
        let shift = (i64::from(sample) - 1000 - own + half / 2).rem_euclid(half) - half / 2;
        self.worst = self.worst.max(shift.abs());
        self.slip = self.slip.max(self.last[side].map_or(0, |l| (l - shift).abs()));
        self.last[side] = Some(shift);
    }
}

/// Both parties send `ms` a packet for so many minutes.
fn apart(rate: i64, ms: i64, ppm: [i64; 2], minutes: i64) {
    let answered = Timestamp::from_parts(1_700_000_000, 0);
    let mut tape = Tape::new(answered);
    let name = format!("L16/{rate}");
    let spec = CodecSpec::from_rtpmap(97, Some("L16"), Some(rate as u32), None);
    assert_eq!(i64::from(spec.native_rate_hz()), rate, "{name}");
    for channel in Channel::BOTH {
        tape.set_formats(channel, 0, &PayloadMap::new([(97, spec.clone())], false));
    }
    let mut gauge = Gauge { rate, ppm, frame: 0, last: [None; 2], worst: 0, slip: 0, silent: 0 };
    let at_ns = |side: usize, k: i64| k * ms * (1_000_000 + ppm[side]);
    let (mut sent, end_ns) = ([0i64; 2], minutes * 60 * NS_PER_S);
    while let Some(side) = (0..2).min_by_key(|s| at_ns(*s, sent[*s])) {
        let k = sent[side];
        if at_ns(side, k) > end_ns {
            break;
        }
        sent[side] += 1;
        let first = k * ms * rate / 1000;
        let mut d = vec![0x80, 97];
        d.extend((k as u16).to_be_bytes());
        d.extend((first as u32).to_be_bytes());
        d.extend((side as u32 + 1).to_be_bytes());
        d.extend((first..first + ms * rate / 1000).flat_map(|n| tone(n, rate).to_be_bytes()));
        let heard = Rtp::parse(&d).unwrap();
        let at = answered.offset_ns(at_ns(side, k));
        let packet = Packet {
            channel: Channel::BOTH[side],
            rank: 0,
            standing: Standing::Claimed,
            flow: side as u32 + 1,
            at,
            heard,
            is_opened: false,
        };
        tape.push(packet, &mut gauge);
    }
    let report = tape.close(answered.offset_ns(end_ns - 100 * MS), &mut gauge);
    assert!(report.is_complete(), "{ppm:?}");
    assert_eq!(gauge.silent, 0, "{ppm:?} at {rate} Hz: silence in mid-speech");
    assert!(gauge.worst <= rate / 100, "{ppm:?} at {rate} Hz: {} frames off", gauge.worst);
    assert!(gauge.worst >= rate / 200, "{ppm:?} at {rate} Hz: the gauge sees no drift");
    assert!(gauge.slip <= rate / 500, "{ppm:?} at {rate} Hz: a slip of {} frames", gauge.slip);
}

#[test]
fn clocks_400_ppm_apart_from_the_capture_stay_within_ten_milliseconds_without_a_slip() {
    // Six minutes are 144 ms either way: the same drift some eighteen times, and no more comes of hours.
    apart(8000, 20, [400, -400], 6);
    apart(8000, 60, [-400, 400], 3);
    apart(8000, 10, [150, -150], 3);
    apart(16_000, 20, [400, -400], 2);
    apart(48_000, 20, [-400, 400], 1);
}
