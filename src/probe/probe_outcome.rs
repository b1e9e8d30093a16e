//! What became of a test call: one word for machines, plain ones for people.

use super::lookout::HeardRecording;
use super::phone::CallReport;
use crate::caller::signature::TONES;
use crate::caller::{CallEnd, ProbeResult, Signature, ToneMatch};
use crate::id::Channel;
use crate::store::register::RegisterEntry;
use crate::telemetry::label::{FailReason, UnrecordedReason};
use serde_json::{Value, json};
use std::time::Duration;

/// So many tones in their place: all but two, which a path that opens late may swallow.
const ENOUGH: usize = TONES - 2;
/// So many tell that the tones are there at all.
const SOME: usize = 8;
/// Softer than they were sent by more than this is too quiet, dB.
const QUIET_DB: f64 = 30.0;
/// Farther from their place than this they stand in a wrong one, seconds: a path through gateways takes less.
const MISPLACED_S: f64 = 1.0;

/// What became of it.
#[derive(Debug)]
pub struct ProbeOutcome<'a> {
    /// In one word.
    pub result: ProbeResult,
    call: &'a CallReport,
    evidence: Evidence<'a>,
}

/// What is known beside the call.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// Where the tones are to be.
    pub side: Channel,
    /// The recording, if there is one.
    pub recording: Option<&'a HeardRecording>,
    /// What the register of calls without a recording has of it.
    pub unrecorded: Option<&'a RegisterEntry>,
    /// A recorder answers on its socket.
    pub is_recorder_there: bool,
}

impl<'a> ProbeOutcome<'a> {
    /// Judges.
    pub fn of(call: &'a CallReport, evidence: Evidence<'a>) -> ProbeOutcome<'a> {
        let result = match (&call.end, evidence.recording) {
            (CallEnd::Unreachable, _) => ProbeResult::Unreachable,
            (CallEnd::NotAnswered, _) => ProbeResult::NotAnswered,
            (CallEnd::Refused { .. } | CallEnd::Unauthorized { .. } | CallEnd::NoAlaw, _) => {
                ProbeResult::Refused
            }
            (CallEnd::ByUs | CallEnd::ByThem, _) if !call.all_played || call.tones_after.is_none() => {
                ProbeResult::CutShort
            }
            (CallEnd::ByUs | CallEnd::ByThem, None) => ProbeResult::NotRecorded,
            (CallEnd::ByUs | CallEnd::ByThem, Some(recording)) => {
                let after = call.tones_after.unwrap_or_default();
                judge(recording.tones, recording.row.complete, evidence.side, after)
            }
        };
        ProbeOutcome { result, call, evidence }
    }

    /// It was recorded, and heard.
    pub fn is_good(&self) -> bool {
        self.result == ProbeResult::Heard
    }

    /// How much later than sent the tones stand in the recording, seconds.
    fn late_s(&self) -> Option<f64> {
        let found = self.evidence.recording?.tones[self.evidence.side as usize]?;
        Some(found.at_s - self.call.tones_after?.as_secs_f64())
    }

    /// In plain words, a line or two.
    pub fn text(&self) -> String {
        let mut text = self.what();
        if let Some(found) = self.evidence.recording {
            let id = crate::id::short_hex(found.row.id);
            let service = found.row.service.as_deref().unwrap_or("-");
            text += &format!("\nrecording {id}, service {service}");
            if !found.row.complete {
                let reasons: Vec<_> = found.reasons.iter().map(|r| r.describe()).collect();
                text += &format!(", not complete: {}", reasons.join(" "));
            }
        }
        text + "\n"
    }

    fn what(&self) -> String {
        let side = self.evidence.side.name();
        let on = |side: Channel| self.evidence.recording.map_or(0, |r| r.tones_on(side));
        let place = || {
            let late = self.late_s().unwrap_or_default();
            let level = self
                .evidence
                .recording
                .and_then(|r| r.tones[self.evidence.side as usize])
                .map_or(0.0, |m| m.level_db);
            format!(
                "{} of {TONES} tones on the {side}'s side, {:.2} s {}, {level:.0} dB (sent at {:.0} dB)",
                on(self.evidence.side),
                late.abs(),
                if late < 0.0 { "early" } else { "late" },
                Signature::PLAYED_DB
            )
        };
        match self.result {
            ProbeResult::Heard => format!("recorded and heard: {}", place()),
            ProbeResult::Incomplete => format!("recorded, and not whole: {}", place()),
            ProbeResult::Quiet => format!("recorded, and too quiet: {}", place()),
            ProbeResult::Damaged => format!("recorded, and damaged: {}", place()),
            ProbeResult::WrongChannel => format!(
                "recorded on the wrong channel: {} of {TONES} tones are on the {}'s side, {} on the {side}'s",
                on(self.evidence.side.other()),
                self.evidence.side.other().name(),
                on(self.evidence.side)
            ),
            ProbeResult::Silent => format!("recorded, and not heard: the tones are not on the {side}'s side"),
            ProbeResult::NotRecorded => format!("answered, and not recorded: {}", self.why_unrecorded()),
            ProbeResult::CutShort => "answered, and hung up before all tones were played".into(),
            ProbeResult::NotAnswered => "not answered: it rang for probe.ring, and was cancelled".into(),
            ProbeResult::Refused => format!("refused: {}", self.why_refused()),
            ProbeResult::Unreachable => {
                "no answer from the exchange: is probe.exchange right, and is it up?".into()
            }
        }
    }

    fn why_unrecorded(&self) -> String {
        match (self.evidence.unrecorded, self.evidence.is_recorder_there) {
            (Some(known), _) => {
                let reason = known.reason.as_str();
                let meaning = UnrecordedReason::from_label(reason).map(UnrecordedReason::describe);
                let meaning = meaning.or_else(|| FailReason::from_label(reason).map(FailReason::describe));
                format!("{reason}. {}", meaning.unwrap_or_default())
            }
            (None, false) => "no recorder answers at control.socket; is it running?".into(),
            (None, true) => {
                "nothing says why: does the mirror port show the calls of this exchange? See `nauhuri unrecorded`".into()
            }
        }
    }

    fn why_refused(&self) -> String {
        match &self.call.end {
            CallEnd::Refused { code: code @ 300..=399, reason } => {
                format!("{code} {reason}: the exchange names another place, and a test call follows none")
            }
            CallEnd::Refused { code: code @ (486 | 600), reason } => format!("{code} {reason}: busy"),
            CallEnd::Refused { code, reason } => format!("{code} {reason}"),
            CallEnd::Unauthorized { code } => {
                format!(
                    "{code}: the exchange wants another account or password (probe.user, probe.password_file)"
                )
            }
            _ => "it was answered without G.711 A-law".into(),
        }
    }

    /// As one JSON object.
    pub fn json(&self) -> Value {
        let (call, found, side) = (self.call, self.evidence.recording, self.evidence.side);
        let sip = match &call.end {
            CallEnd::Refused { code, .. } | CallEnd::Unauthorized { code } => Some(*code),
            _ => None,
        };
        let round = |n: f64, by: f64| (n * by).round() / by;
        let tones = found.and_then(|r| r.tones[self.evidence.side as usize]);
        json!({
            "schema": 1,
            "result": self.result.name(),
            "meaning": self.what(),
            "placed_at": call.began.to_rfc3339(),
            "answered_at": call.answered_at.map(|at| at.to_rfc3339()),
            "ended_at": call.ended_at.to_rfc3339(),
            "call_id": call.call_id,
            "sip_code": sip,
            "packets_sent": call.sent_packets,
            "packets_received": call.heard_packets,
            "side": side.name(),
            "recording": found.map(|r| json!({
                "id": r.row.id,
                "service": r.row.service,
                "agent": r.row.agent.id,
                "complete": r.row.complete,
                "reasons": r.reasons,
                "duration_s": r.row.duration_s(),
            })),
            "tones": tones.map_or(0, |m| m.tones),
            "tones_other_side": found.map_or(0, |r| r.tones_on(side.other())),
            "tones_sent": TONES,
            "late_s": self.late_s().map(|s| round(s, 100.0)),
            "level_db": tones.map(|m| round(m.level_db, 10.0)),
            "level_sent_db": Signature::PLAYED_DB,
            "unrecorded": self.evidence.unrecorded.map(|known| &known.reason),
        })
    }
}

/// Of a call that was answered, played to its end, and recorded: what is on each side, in the order of
/// [`Channel::BOTH`], and whether the recording is whole.
fn judge(
    tones: [Option<ToneMatch>; 2],
    is_complete: bool,
    side: Channel,
    tones_after: Duration,
) -> ProbeResult {
    let on = |side: Channel| tones[side as usize].filter(|m| m.tones >= SOME);
    let Some(here) = on(side) else {
        let is_there = on(side.other()).is_some();
        return if is_there { ProbeResult::WrongChannel } else { ProbeResult::Silent };
    };
    let late_s = here.at_s - tones_after.as_secs_f64();
    if here.tones < ENOUGH || late_s.abs() > MISPLACED_S {
        ProbeResult::Damaged
    } else if here.level_db < Signature::PLAYED_DB - QUIET_DB {
        ProbeResult::Quiet
    } else if !is_complete {
        ProbeResult::Incomplete
    } else {
        ProbeResult::Heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::register::RegisterReason;
    use crate::time::Timestamp;

    #[test]
    fn what_is_said_of_a_recording() {
        let of = |tones, at_s, level_db| Some(ToneMatch { tones, at_s, level_db });
        let good = of(16, 0.52, -15.0);
        for (tones, is_complete, want) in [
            ([good, None], true, ProbeResult::Heard),
            // An echo on the other side is no fault.
            ([good, of(16, 0.7, -20.0)], true, ProbeResult::Heard),
            ([of(14, 1.4, -44.0), None], true, ProbeResult::Heard),
            ([good, None], false, ProbeResult::Incomplete),
            ([of(16, 0.5, -45.0), None], true, ProbeResult::Quiet),
            ([of(13, 0.5, -15.0), None], true, ProbeResult::Damaged),
            ([of(16, 1.6, -15.0), None], true, ProbeResult::Damaged),
            ([of(7, 0.5, -15.0), None], true, ProbeResult::Silent),
            ([None, None], true, ProbeResult::Silent),
            ([None, good], true, ProbeResult::WrongChannel),
        ] {
            assert_eq!(
                judge(tones, is_complete, Channel::Customer, Duration::from_millis(500)),
                want,
                "{tones:?}"
            );
        }
    }

    fn report(end: CallEnd, all_played: bool) -> CallReport {
        CallReport {
            call_id: "a".into(),
            began: Timestamp::EPOCH,
            answered_at: all_played.then_some(Timestamp::EPOCH),
            tones_after: all_played.then_some(Duration::from_millis(500)),
            all_played,
            ended_at: Timestamp::EPOCH,
            end,
            sent_packets: 0,
            heard_packets: 0,
        }
    }

    #[test]
    fn what_is_said_of_a_call_without_one() {
        let entry = |reason| RegisterEntry::new(Timestamp::EPOCH, reason);
        let (no_agent, no_space) = (entry(RegisterReason::NoAgent), entry(RegisterReason::NoSpace));
        let refused = |code| CallEnd::Refused { code, reason: "Said".into() };
        for (end, all_played, unrecorded, is_recorder_there, result, words) in [
            (CallEnd::ByUs, true, Some(&no_agent), true, ProbeResult::NotRecorded, "no_agent. "),
            (CallEnd::ByUs, true, Some(&no_space), true, ProbeResult::NotRecorded, "no_space. "),
            (CallEnd::ByThem, true, None, false, ProbeResult::NotRecorded, "is it running?"),
            (CallEnd::ByUs, true, None, true, ProbeResult::NotRecorded, "mirror port"),
            (CallEnd::ByThem, false, None, true, ProbeResult::CutShort, "hung up"),
            (CallEnd::NotAnswered, false, None, true, ProbeResult::NotAnswered, "not answered"),
            (CallEnd::Unreachable, false, None, true, ProbeResult::Unreachable, "probe.exchange"),
            (refused(302), false, None, true, ProbeResult::Refused, "302 Said: the exchange names another"),
            (refused(486), false, None, true, ProbeResult::Refused, "486 Said: busy"),
            (refused(404), false, None, true, ProbeResult::Refused, "refused: 404 Said"),
            (CallEnd::Unauthorized { code: 407 }, false, None, true, ProbeResult::Refused, "password"),
            (CallEnd::NoAlaw, false, None, true, ProbeResult::Refused, "A-law"),
        ] {
            let report = report(end, all_played);
            let evidence =
                Evidence { side: Channel::Customer, recording: None, unrecorded, is_recorder_there };
            let outcome = ProbeOutcome::of(&report, evidence);
            assert_eq!((outcome.result, outcome.is_good()), (result, false), "{:?}", report.end);
            assert!(outcome.text().contains(words), "{}", outcome.text());
            assert_eq!(outcome.json()["result"], result.name());
        }
    }
}
