//! The order in which packets of one source are played, by their sequence numbers.
//!
//! RFC 3550 §A.1 tells a restarted source by numbers that lie far away. Phones and
//! load generators that play a file again begin where they began before, perhaps a
//! few numbers back, and what they send then looks like copies. Time tells: a copy
//! comes soon after its original, and numbers do not run ahead faster than sound lasts.

use crate::rtp::seq::{seq_diff, ts_diff};
use crate::rtp::stats::{MAX_DROPOUT, MAX_MISORDER};
use crate::time::{NS_PER_MS, NS_PER_S};

/// What comes so much later than it was due is no copy of what came before.
const COPY_NS: i64 = 3 * NS_PER_S / 2;
/// What comes so much later than it was due may be a copy; three in a row are not,
/// unless copies have been coming as late as that.
const LATE_COPY_NS: i64 = 200 * NS_PER_MS;
/// By how much one copy may be later than another.
const COPY_SPREAD_NS: i64 = 100 * NS_PER_MS;
/// So often in a row it takes to believe it: one packet that is late looks alike once.
const DOUBLED: u8 = 3;
const LATE_COPIES: u8 = 2;
/// The newest packet is as old as that: the source has paused.
const IDLE_NS: i64 = 70 * NS_PER_MS;
/// More copies in a row than their delay says: it is not the same for all.
const SLACK: i64 = 5;
/// Numbers that run ahead of the time by more than this are not of packets lost.
const AHEAD_NS: i64 = 2 * NS_PER_S;

/// How fast a source counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Length of one packet, nanoseconds.
    pub packet_ns: i64,
    /// The same in units of its timestamps.
    pub packet_ticks: i64,
    /// Units of its timestamps a second.
    pub clock_hz: i64,
}

/// A packet's number as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    /// Sequence number.
    pub seq: u16,
    /// Timestamp, where it tells when the packet was sent.
    pub ts: Option<u32>,
    /// Arrival, from the answer.
    pub at_ns: i64,
    /// Something with this number was heard before.
    pub is_known: bool,
}

/// What a number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// It has its place among the others.
    InRun,
    /// The source counts anew from here.
    Anew,
    /// Anew, if as many in a row say so; else as if nobody had asked.
    Doubtful(usize),
}

/// The newest packet in order.
#[derive(Clone, Copy, Debug)]
struct Front {
    place: u64,
    seq: u16,
    ts: Option<u32>,
    at_ns: i64,
}

/// The order of one source's packets.
#[derive(Debug, Default)]
pub(super) struct PacketOrder {
    front: Option<Front>,
    /// How late copies have been, while what they are copies of went on.
    copies_late_ns: i64,
    /// Numbers heard before that came since the newest, how late the first of them was, and the last.
    again: u32,
    again_late_ns: i64,
    again_seq: u16,
    /// New packets in a row that had copies before them: from [`DOUBLED`] on there is a second way by
    /// which the source is heard.
    doubled: u8,
    /// How often what looked like a source that counts anew went on as before, since it last did.
    late_copies: u8,
    /// What looked like copies was a source that plays a few packets over and over.
    is_looped: bool,
}

impl Front {
    /// How much later than it was due by this one a packet comes that is `step` numbers on.
    fn late_ns(&self, step: i64, at_ns: i64, pace: Pace) -> i64 {
        at_ns - self.at_ns - step * pace.packet_ns
    }
}

impl PacketOrder {
    /// What to think of a packet's number; nothing changes.
    pub fn judge(&self, n: Number, pace: Pace) -> Judged {
        let Some(front) = self.front else { return Judged::InRun };
        let step = i64::from(seq_diff(n.seq, front.seq));
        if step == 1 || !(-MAX_MISORDER + 1..=MAX_DROPOUT).contains(&step) {
            return Judged::InRun;
        }
        let since_ns = n.at_ns - front.at_ns;
        if step > 1 {
            let is_ahead = step * pace.packet_ns > since_ns + AHEAD_NS;
            return if is_ahead { Judged::Doubtful(2) } else { Judged::InRun };
        }
        if self.is_repeat(n, step, since_ns) {
            return Judged::Doubtful(2);
        }
        let late_ns = front.late_ns(step, n.at_ns, pace);
        if late_ns > COPY_NS {
            return match step {
                // The last packet again is what some send to keep a path open.
                0 => Judged::Doubtful(2),
                _ if since_ns > IDLE_NS => Judged::Anew,
                _ => Judged::Doubtful(3),
            };
        }
        if let (Some(ts), Some(newest)) = (n.ts, front.ts) {
            let age = i64::from(ts_diff(newest, ts));
            let oldest = pace.packet_ticks - step * pace.packet_ticks + 2 * pace.clock_hz;
            if !(-pace.packet_ticks..=oldest).contains(&age) {
                return Judged::Doubtful(2);
            }
        }
        if late_ns > LATE_COPY_NS.max(self.copies_late_ns + COPY_SPREAD_NS) && n.is_known {
            return Judged::Doubtful(3);
        }
        Judged::InRun
    }

    /// A number that has come again already comes once more, and the source does not go on meanwhile: a
    /// copy of a copy, or a file of a few packets that is played over and over.
    fn is_repeat(&self, n: Number, step: i64, since_ns: i64) -> bool {
        let is_back = self.again > 0 && since_ns > IDLE_NS && seq_diff(n.seq, self.again_seq) <= 0;
        step < 0 && n.is_known && self.doubled < DOUBLED && (self.is_looped || is_back)
    }

    /// The place of a packet in the order of playing. What begins far away from
    /// where the source was follows on from there, and so does what counts anew.
    pub fn place(&mut self, n: Number, anew: bool) -> u64 {
        let Some(front) = self.front else {
            self.front = Some(Front { place: 1 << 32, seq: n.seq, ts: n.ts, at_ns: n.at_ns });
            return 1 << 32;
        };
        let step = i64::from(seq_diff(n.seq, front.seq));
        let is_far = anew || !(-MAX_MISORDER + 1..=MAX_DROPOUT).contains(&step);
        let place = if is_far { front.place + 1 } else { front.place.saturating_add_signed(step) };
        if place > front.place {
            self.doubled = match (is_far, self.again) {
                (false, 1..) => self.doubled.saturating_add(1),
                _ if self.doubled >= DOUBLED => self.doubled,
                _ => 0,
            };
            self.front = Some(Front { place, seq: n.seq, ts: n.ts, at_ns: n.at_ns });
            self.again = 0;
        }
        place
    }

    /// A number heard before has come again. False where it is no copy: more have come in a row than
    /// copies that late can be behind a source that has fallen silent.
    pub fn note_again(&mut self, n: Number, pace: Pace) -> bool {
        let Some(front) = self.front else { return true };
        let step = i64::from(seq_diff(n.seq, front.seq));
        if step == 0 && n.ts == front.ts {
            return true;
        }
        if self.again == 0 {
            self.again_late_ns = front.late_ns(step, n.at_ns, pace);
        }
        self.again += 1;
        self.again_seq = n.seq;
        i64::from(self.again) <= self.again_late_ns.max(self.copies_late_ns) / pace.packet_ns.max(1) + SLACK
    }

    /// The source counts anew: how many of its packets were taken for copies since it last did. They
    /// were none where it did not go on beside them.
    pub fn note_anew(&mut self) -> u64 {
        self.late_copies = 0;
        if self.doubled >= DOUBLED || self.again == 0 {
            return 0;
        }
        self.is_looped = true;
        u64::from(std::mem::take(&mut self.again))
    }

    /// What looked like a source that counts anew, numbers and arrivals, were copies: the source went on
    /// meanwhile.
    pub fn note_late_copies(&mut self, copies: impl Iterator<Item = (u16, i64)>, pace: Pace) {
        let Some(front) = self.front else { return };
        self.late_copies = self.late_copies.saturating_add(1);
        if self.late_copies >= LATE_COPIES {
            let late = copies.map(|(seq, at_ns)| front.late_ns(seq_diff(seq, front.seq).into(), at_ns, pace));
            self.copies_late_ns = late.filter(|ns| *ns <= COPY_NS).fold(self.copies_late_ns, i64::max);
        }
    }

    /// This number would be the next.
    pub fn is_next(&self, seq: u16) -> bool {
        self.front.is_some_and(|f| f.seq.wrapping_add(1) == seq)
    }

    /// This number lies ahead of all that have a place.
    pub fn is_ahead(&self, seq: u16) -> bool {
        self.front.is_some_and(|f| seq_diff(seq, f.seq) > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { packet_ns: 20_000_000, packet_ticks: 160, clock_hz: 8000 };

    /// Numbers 1000 to 1099, a packet every 20 ms, stamps from 5000 on.
    fn heard() -> PacketOrder {
        let mut o = PacketOrder::default();
        for i in 0..100u16 {
            let n = Number {
                seq: 1000 + i,
                ts: Some(5000 + u32::from(i) * 160),
                at_ns: i64::from(i) * 20_000_000,
                is_known: false,
            };
            assert_eq!(o.judge(n, PACE), Judged::InRun);
            assert_eq!(o.place(n, false), (1 << 32) + u64::from(i));
        }
        o
    }

    /// What is said of a number that comes `after_ms` after the last one.
    fn said(seq: u16, ts: u32, after_ms: i64, is_known: bool) -> Judged {
        let n = Number { seq, ts: Some(ts), at_ns: 99 * 20_000_000 + after_ms * 1_000_000, is_known };
        heard().judge(n, PACE)
    }

    #[test]
    fn more_copies_in_a_row_than_their_delay_explains_are_none() {
        let again = |seq: u16, ts: u32, after_ms: i64| Number {
            seq,
            ts: Some(ts),
            at_ns: 99 * 20_000_000 + after_ms * 1_000_000,
            is_known: true,
        };
        // Copies 100 ms late, behind the last packet: as many as there were meanwhile.
        let mut o = heard();
        let late = (95..=99u16).map(|i| again(1000 + i, 5000 + u32::from(i) * 160, i64::from(i) * 20 - 1880));
        assert!(late.into_iter().all(|n| o.note_again(n, PACE)));
        // The last one again, to keep a path open, however often.
        assert!((0..100).all(|i| o.note_again(again(1099, 5000 + 99 * 160, i * 20), PACE)));
        // Numbers that stand still while the timestamps go on.
        let mut o = heard();
        let stands: Vec<bool> = (1..=50)
            .map(|i| o.note_again(again(1099, 5000 + (99 + i) * 160, i64::from(i) * 20), PACE))
            .collect();
        assert_eq!(stands.iter().filter(|is_copy| !**is_copy).count(), 44);
    }

    #[test]
    fn copies_come_soon_and_restarts_late() {
        assert_eq!(said(1098, 5000 + 98 * 160, 3, true), Judged::InRun, "a mirror's copy");
        assert_eq!(said(1090, 5000 + 90 * 160, 5, false), Judged::InRun, "reordered");
        assert_eq!(said(1000, 5000, 200, true), Judged::Anew, "the file again");
        assert_eq!(said(1000, 5000, 20, true), Judged::Doubtful(3), "the same without a pause");
        assert_eq!(said(1090, 5000 + 90 * 160, 100, true), Judged::Doubtful(3), "the last words again");
        assert_eq!(said(1050, 5000 + 50 * 160, 3000, true), Judged::Anew, "after a hold");
    }

    #[test]
    fn what_comes_as_late_as_copies_did_is_a_copy_and_no_later() {
        let mut o = heard();
        let now_ns = |ms: i64| 99 * 20_000_000 + ms * 1_000_000;
        o.note_late_copies([(1080, now_ns(0))].into_iter(), PACE);
        o.note_late_copies([(1080, now_ns(0))].into_iter(), PACE);
        let said = |seq: u16, ms| {
            let ts = Some(5000 + u32::from(seq - 1000) * 160);
            o.judge(Number { seq, ts, at_ns: now_ns(ms), is_known: true }, PACE)
        };
        assert_eq!(said(1080, 60), Judged::InRun, "460 ms late");
        assert_eq!(said(1070, 60), Judged::Doubtful(3), "660 ms late");
    }

    #[test]
    fn stamps_of_another_run_and_numbers_ahead_of_time_are_doubted() {
        assert_eq!(said(1090, 900_000_000, 20, true), Judged::Doubtful(2));
        assert_eq!(said(1090, 5000 + 200 * 160, 20, true), Judged::Doubtful(2));
        assert_eq!(said(1600, 5000 + 600 * 160, 20, false), Judged::Doubtful(2));
        assert_eq!(said(1600, 5000 + 600 * 160, 10_500, false), Judged::InRun, "ten seconds of loss");
        assert_eq!(said(1130, 5000 + 130 * 160, 20, false), Judged::InRun, "a burst of loss");
    }

    #[test]
    fn what_counts_anew_follows_on() {
        let mut o = heard();
        let n = Number { seq: 1000, ts: None, at_ns: 9_000_000_000, is_known: true };
        assert_eq!(o.place(n, true), (1 << 32) + 100);
        assert!(o.is_next(1001) && o.is_ahead(1005) && !o.is_ahead(999));
    }
}
