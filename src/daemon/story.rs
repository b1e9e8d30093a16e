//! What a tape and the signalling know of a call, as the sidecar tells it.

use crate::call::CallEvent;
use crate::id::Channel;
use crate::store::assurance::AssuranceReason;
use crate::store::event_kind::EventKind;
use crate::store::sidecar;
use crate::store::word::Word;
use crate::tape::{FaultSpan, PauseReport, StreamReport, TapeEvent, TapeEventKind, TapeReport};
use crate::time::{NS_PER_MS, Timestamp};
use std::collections::BTreeSet;

/// A key press that is signalled and heard is one: it is signalled at most so long before it
/// is heard,
const SOONER_NS: i64 = 800 * NS_PER_MS;
/// or so long after it begins: many signal it when the key is let go.
const LATER_NS: i64 = 2000 * NS_PER_MS;

/// Where a recording really ended whose file could not be written to the end.
pub(super) fn shortened(
    answered_at: Timestamp,
    at: Timestamp,
    frames: u64,
    report: &TapeReport,
) -> Timestamp {
    if report.frames == 0 {
        return answered_at;
    }
    let whole_ns = i128::from(at.since_ns(answered_at));
    let ns = whole_ns * i128::from(frames) / i128::from(report.frames);
    answered_at.offset_ns(ns.min(whole_ns) as i64)
}

/// One stream as the sidecar tells it.
pub(super) fn stream(s: &StreamReport) -> sidecar::Stream {
    sidecar::Stream {
        channel: s.channel,
        codec: s.codec.clone(),
        ssrc: s.ssrc_text(),
        source: Some(Word::Known(s.source.into())),
        packets: s.packets,
        lost: s.lost,
        late: s.late,
        duplicates: s.duplicates,
        jitter_ms: (s.jitter_ms * 1000.0).round() / 1000.0,
        skew_ppm: s.skew_ppm,
        mos: s.mos,
    }
}

/// What happened in a call, signalled and heard, and what was wrong, in order of time.
pub(super) fn all_events(
    answered_at: Timestamp,
    signalled: &[(Timestamp, CallEvent)],
    report: &TapeReport,
) -> Vec<sidecar::EventRecord> {
    let event = |at_ns: i64, kind: EventKind, codec: Option<String>, channel: Option<Channel>| {
        let at_s = seconds(at_ns);
        (at_ns, sidecar::EventRecord { codec, channel, ..sidecar::EventRecord::new(at_s, kind) })
    };
    let fault = |f: &FaultSpan| {
        let (at_ns, record) = event(f.from_ns, EventKind::Fault(f.kind), None, f.channel);
        (at_ns, sidecar::EventRecord { end_s: f.until_ns.map(seconds), ..record })
    };
    let heard = &report.events;
    let told_twice = told_twice(answered_at, signalled, heard);
    let mut all: Vec<_> = (0..)
        .zip(signalled)
        .filter(|(i, _)| !told_twice.contains(i))
        .map(|(_, (at, e))| {
            let at_ns = at.since_ns(answered_at);
            match e {
                CallEvent::Hold => event(at_ns, EventKind::Hold, None, None),
                CallEvent::Resume => event(at_ns, EventKind::Resume, None, None),
                CallEvent::KeyPress(c) => event(at_ns, EventKind::KeyPress, None, Some(*c)),
            }
        })
        .chain(heard.iter().map(|e| match &e.kind {
            TapeEventKind::KeyPress => event(e.at_ns, EventKind::KeyPress, None, Some(e.channel)),
            TapeEventKind::Intruder => event(e.at_ns, EventKind::Intruder, None, Some(e.channel)),
            TapeEventKind::Codec(name) => {
                event(e.at_ns, EventKind::Codec, Some(name.clone()), Some(e.channel))
            }
        }))
        .chain(report.pauses.iter().map(|p| (p.from_ns, pause(p))))
        .chain(report.faults.iter().map(fault))
        .collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, e)| e).collect()
}

/// How long a recording was paused, seconds.
pub(super) fn paused_s(pauses: &[PauseReport]) -> f64 {
    pauses.iter().map(|p| seconds(p.until_ns.unwrap_or(p.from_ns) - p.from_ns)).sum()
}

/// A pause as the sidecar tells it; without an end while it lasts.
pub(super) fn pause(p: &PauseReport) -> sidecar::EventRecord {
    sidecar::EventRecord {
        end_s: p.until_ns.map(seconds),
        by: Some(p.by.into()),
        resumed_by: p.resumed_by.map(Word::Known),
        ..sidecar::EventRecord::new(seconds(p.from_ns), EventKind::Pause)
    }
}

/// To the microsecond.
fn seconds(ns: i64) -> f64 {
    (ns.max(0) / 1000) as f64 / 1e6
}

/// Why sound that came is not in the recording, as far as only the recorder knows.
pub(super) fn known_reasons(
    report: &TapeReport,
    is_dropped: bool,
    is_unwritten: bool,
) -> Vec<AssuranceReason> {
    let [undecodable, encrypted] = report.senseless;
    let all = [
        (undecodable[0], AssuranceReason::UndecodableCustomer),
        (undecodable[1], AssuranceReason::UndecodableAgent),
        (encrypted[0], AssuranceReason::EncryptedCustomer),
        (encrypted[1], AssuranceReason::EncryptedAgent),
        (is_dropped, AssuranceReason::CaptureLoss),
        (is_unwritten, AssuranceReason::Storage),
    ];
    all.into_iter().filter(|(is_so, _)| *is_so).map(|(_, reason)| reason).collect()
}

/// Which of the signalled key presses were heard as well: each press heard stands for one
/// of them at most, the nearest in time that no other stands for.
fn told_twice(
    answered_at: Timestamp,
    signalled: &[(Timestamp, CallEvent)],
    heard: &[TapeEvent],
) -> BTreeSet<usize> {
    let mut twice = BTreeSet::new();
    for press in heard.iter().filter(|e| e.kind == TapeEventKind::KeyPress) {
        let after_ns = |at: &Timestamp| at.since_ns(answered_at) - press.at_ns;
        let same = (0..).zip(signalled).filter(|(i, (at, e))| {
            *e == CallEvent::KeyPress(press.channel)
                && (-SOONER_NS..=LATER_NS).contains(&after_ns(at))
                && !twice.contains(i)
        });
        if let Some((i, _)) = same.min_by_key(|(_, (at, _))| after_ns(at).abs()) {
            twice.insert(i);
        }
    }
    twice
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::g711::Law;
    use crate::tape::{Deck, Tape};
    use Channel::{Agent, Customer};

    /// Key presses in milliseconds: signalled, heard; when the sidecar has them.
    fn told(signalled: &[(i64, Channel)], heard: &[(i64, Channel)]) -> Vec<(f64, Option<Channel>)> {
        let answered = Timestamp::from_parts(1_700_000_000, 0);
        let signalled: Vec<_> = signalled
            .iter()
            .map(|(ms, c)| (answered.offset_ns(ms * NS_PER_MS), CallEvent::KeyPress(*c)))
            .collect();
        let heard: Vec<_> = heard
            .iter()
            .map(|(ms, c)| TapeEvent { at_ns: ms * NS_PER_MS, channel: *c, kind: TapeEventKind::KeyPress })
            .collect();
        let all = all_events(answered, &signalled, &report(heard));
        all.into_iter().map(|e| (e.at_s, e.channel)).collect()
    }

    fn report(events: Vec<TapeEvent>) -> TapeReport {
        let mut report = Tape::new(Timestamp::EPOCH).close(Timestamp::EPOCH, &mut NoDeck);
        report.events = events;
        report
    }

    /// Takes nothing.
    struct NoDeck;

    impl Deck for NoDeck {
        fn start(&mut self, _: u32, _: Option<Law>) {}
        fn append(&mut self, _: &[i16]) {}
        fn truncate(&mut self, _: u64) {}
        fn patch(&mut self, _: u64, _: Channel, _: &[i16]) {}
    }

    #[test]
    fn a_press_signalled_and_heard_is_one_and_two_are_two() {
        let c = |at| (at, Customer);
        assert_eq!(told(&[c(2150)], &[c(2100)]), [(2.1, Some(Customer))]);
        assert_eq!(told(&[c(2000), c(2250)], &[c(2100), c(2300)]).len(), 2);
        assert_eq!(told(&[c(2000), c(2250), c(2400)], &[c(2100), c(2300)]).len(), 3);
        assert_eq!(told(&[c(2000)], &[c(2100), c(2300)]).len(), 2);
        assert_eq!(told(&[c(4100)], &[c(2100)]).len(), 1, "when a long press ends");
        assert_eq!(told(&[c(2000)], &[c(9000)]).len(), 2, "too far apart");
        assert_eq!(told(&[(2000, Agent)], &[c(2000)]).len(), 2, "of two sides");
        assert_eq!(told(&[c(2000), c(2020)], &[]).len(), 2);
    }
}
