//! What a stream suffered on its way: RFC 3550 appendix A.1, A.3 and A.8, with
//! duplicates told apart.
//!
//! RFC 3550 counts every arrival as received, so copies hide losses. Here a
//! window of recently seen sequence numbers tells a copy from a late packet,
//! and loss is expected less distinct. What arrives later than the window is
//! counted as a duplicate: it could be either, and loss must not be hidden.

use super::seq::{ExtendedSeq, ts_diff};
use crate::time::{NS_PER_S, Timestamp};

/// Sequence numbers behind the highest whose arrival is remembered.
pub const WINDOW: u64 = 1024;
const WORDS: usize = (WINDOW / 64) as usize;
/// A forward step beyond this is a restart when the next packet agrees
/// (RFC 3550 A.1, MAX_DROPOUT).
pub const MAX_DROPOUT: i64 = 3000;
/// A backward step beyond this likewise; below it the packet is merely late
/// (MAX_MISORDER is 100 there; networks that reorder by more exist, and what
/// the window remembers can be told apart anyway).
pub const MAX_MISORDER: i64 = WINDOW as i64;

/// What one arrival was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// New and in order (the numbers skipped are lost until they come).
    InOrder,
    /// New, but a later one came first.
    Reordered,
    /// Seen before, or too old to tell.
    Duplicate,
    /// Far from where the stream was: a stray, or the first packet of a restart,
    /// which the next number confirms and then counts too. Its sound may well be
    /// good; this only says that it is not counted yet.
    Suspect,
    /// The source restarted: counting goes on from a new base.
    Restart,
}

/// Counts of one RTP stream (one SSRC).
#[derive(Clone, Debug)]
pub struct StreamStats {
    clock_hz: u32,
    ext: ExtendedSeq,
    /// First number of the present run (extended); lower when a late one precedes it.
    base: u64,
    /// Bit `n % WINDOW` is set when extended number `n` came, for n in (highest - WINDOW, highest].
    seen: [u64; WORDS],
    /// Expected and distinct of the runs before the last restart.
    earlier_expected: u64,
    received: u64,
    duplicates: u64,
    reordered: u64,
    restarts: u64,
    strays: u64,
    /// Sequence number that would confirm a restart.
    suspect: Option<u16>,
    jitter: Jitter,
}

impl StreamStats {
    /// For a stream whose timestamps tick `clock_hz` times a second; zero is
    /// taken as 8000.
    pub fn new(clock_hz: u32) -> StreamStats {
        StreamStats {
            clock_hz: if clock_hz == 0 { 8000 } else { clock_hz },
            ext: ExtendedSeq::new(),
            base: 0,
            seen: [0; WORDS],
            earlier_expected: 0,
            received: 0,
            duplicates: 0,
            reordered: 0,
            restarts: 0,
            strays: 0,
            suspect: None,
            jitter: Jitter::default(),
        }
    }

    /// Takes one packet: its sequence number, RTP timestamp and capture time.
    pub fn on_packet(&mut self, seq: u16, rtp_timestamp: u32, at: Timestamp) -> Arrival {
        let arrival = self.on_number(seq);
        self.on_stamp(arrival, rtp_timestamp, at);
        arrival
    }

    /// Takes a packet's sequence number.
    pub fn on_number(&mut self, seq: u16) -> Arrival {
        self.place(seq)
    }

    /// Takes the RTP timestamp and the capture time of a packet that `arrival` was said of.
    /// Not where the timestamp says nothing of when it was sent: all packets of
    /// one telephone event carry the time of the event's start.
    pub fn on_stamp(&mut self, arrival: Arrival, rtp_timestamp: u32, at: Timestamp) {
        match arrival {
            Arrival::InOrder | Arrival::Reordered => {
                self.jitter.on_packet(rtp_timestamp, at, self.clock_hz);
            }
            Arrival::Restart => self.jitter.rebase(rtp_timestamp, at),
            Arrival::Duplicate | Arrival::Suspect => {}
        }
    }

    /// The source numbers its packets anew from `seq` on, known from elsewhere
    /// than the numbers: what was seen of them before was of another run.
    pub fn begin_anew(&mut self, seq: u16) -> Arrival {
        if self.ext.highest().is_some() {
            self.earlier_expected += self.expected_in_run();
            self.restarts += 1;
        }
        self.suspect = None;
        self.begin_run(seq);
        Arrival::Restart
    }

    /// What comes next is a run of its own: what is not heard until then is no loss.
    pub fn rest(&mut self) {
        self.earlier_expected += self.expected_in_run();
        self.ext.reset();
        self.base = 0;
        self.suspect = None;
        self.jitter.last = None;
    }

    /// This number was seen in the present run, or lies before all that was.
    pub fn knows(&self, seq: u16) -> bool {
        self.ext.highest().is_some_and(|highest| {
            let extended = self.ext.peek(seq);
            extended < self.base || extended <= highest && self.is_marked(extended)
        })
    }

    /// Jitter was reckoned with timestamps that turn out to tell another time.
    pub fn forget_jitter(&mut self) {
        self.jitter = Jitter::default();
    }

    /// The payload type's clock changed (a codec change within the stream).
    pub fn set_clock(&mut self, clock_hz: u32) {
        if clock_hz != 0 && clock_hz != self.clock_hz {
            self.clock_hz = clock_hz;
            self.jitter.last = None;
        }
    }

    /// Distinct packets.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Sequence numbers from first to last, runs between restarts added up.
    pub fn expected(&self) -> u64 {
        self.earlier_expected + self.expected_in_run()
    }

    /// Expected less distinct; never negative.
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// Lost over expected, 0 to 1; 0 before the first packet.
    pub fn loss_ratio(&self) -> f64 {
        match self.expected() {
            0 => 0.0,
            expected => self.lost() as f64 / expected as f64,
        }
    }

    /// Copies of packets already counted.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Distinct packets that came after a later one.
    pub fn reordered(&self) -> u64 {
        self.reordered
    }

    /// Times the source began its numbering anew.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Packets far from the stream that nothing followed; counted nowhere else.
    pub fn strays(&self) -> u64 {
        self.strays
    }

    /// Interarrival jitter now, milliseconds (RFC 3550 §6.4.1).
    pub fn jitter_ms(&self) -> f64 {
        self.jitter.seconds * 1000.0
    }

    /// The highest it has been, milliseconds.
    pub fn max_jitter_ms(&self) -> f64 {
        self.jitter.max_seconds * 1000.0
    }

    fn expected_in_run(&self) -> u64 {
        self.ext.highest().map_or(0, |highest| highest - self.base + 1)
    }

    fn place(&mut self, seq: u16) -> Arrival {
        let Some(highest) = self.ext.highest() else {
            self.begin_run(seq);
            return Arrival::InOrder;
        };
        let extended = self.ext.peek(seq);
        let step = extended as i64 - highest as i64;
        if !(-MAX_MISORDER + 1..=MAX_DROPOUT).contains(&step) {
            return self.suspect_restart(seq);
        }
        self.suspect = None;
        if step > 0 {
            self.advance(highest, extended);
            self.ext.extend(seq);
            self.mark(extended);
            self.received += 1;
            return Arrival::InOrder;
        }
        if self.is_marked(extended) {
            self.duplicates += 1;
            return Arrival::Duplicate;
        }
        self.mark(extended);
        self.base = self.base.min(extended);
        self.received += 1;
        self.reordered += 1;
        Arrival::Reordered
    }

    /// RFC 3550 A.1: two in a row from elsewhere are a restarted source; one
    /// alone is a stray.
    fn suspect_restart(&mut self, seq: u16) -> Arrival {
        let confirming = seq.wrapping_add(1);
        if self.suspect == Some(confirming) {
            self.duplicates += 1;
            return Arrival::Duplicate;
        }
        if self.suspect != Some(seq) {
            self.suspect = Some(confirming);
            self.strays += 1;
            return Arrival::Suspect;
        }
        self.suspect = None;
        self.strays -= 1;
        self.earlier_expected += self.expected_in_run();
        self.restarts += 1;
        // The run began with the packet before this one.
        self.begin_run(seq.wrapping_sub(1));
        let extended = self.ext.extend(seq);
        self.mark(extended);
        self.received += 1;
        Arrival::Restart
    }

    fn begin_run(&mut self, seq: u16) {
        self.ext.reset();
        self.base = self.ext.extend(seq);
        self.seen = [0; WORDS];
        self.mark(self.base);
        self.received += 1;
    }

    /// Clears the marks of the numbers between `from` and `to`: their slots
    /// held numbers that fall out of the window.
    fn advance(&mut self, from: u64, to: u64) {
        if to - from >= WINDOW {
            self.seen = [0; WORDS];
            return;
        }
        for n in from + 1..=to {
            let (word, bit) = slot(n);
            self.seen[word] &= !bit;
        }
    }

    fn mark(&mut self, extended: u64) {
        let (word, bit) = slot(extended);
        self.seen[word] |= bit;
    }

    fn is_marked(&self, extended: u64) -> bool {
        let (word, bit) = slot(extended);
        self.seen[word] & bit != 0
    }
}

const fn slot(extended: u64) -> (usize, u64) {
    let n = extended % WINDOW;
    ((n / 64) as usize, 1 << (n % 64))
}

/// RFC 3550 A.8 in floating point: no rounding of small jitter to zero.
#[derive(Clone, Debug, Default)]
struct Jitter {
    last: Option<(u32, Timestamp)>,
    seconds: f64,
    max_seconds: f64,
}

/// A longer step is a pause or a jump of the sender's clock, not jitter.
const MAX_STEP_S: f64 = 2.0;

impl Jitter {
    fn on_packet(&mut self, rtp_timestamp: u32, at: Timestamp, clock_hz: u32) {
        if let Some((last_rtp, last_at)) = self.last {
            let sent = f64::from(ts_diff(rtp_timestamp, last_rtp)) / f64::from(clock_hz);
            let came = at.since_ns(last_at) as f64 / NS_PER_S as f64;
            let d = (came - sent).abs();
            if d <= MAX_STEP_S {
                self.seconds += (d - self.seconds) / 16.0;
                self.max_seconds = self.max_seconds.max(self.seconds);
            }
        }
        self.last = Some((rtp_timestamp, at));
    }

    fn rebase(&mut self, rtp_timestamp: u32, at: Timestamp) {
        self.last = Some((rtp_timestamp, at));
    }
}

#[cfg(test)]
mod tests;
