//! What one recorder tells the next of its calls: lines of JSON, versioned.
//!
//! In terms of what was captured, so that the two may be of different releases: SIP as it was on the
//! wire, the first and the newest packet of each run, and of each recording when it began and was last
//! heard. Later releases may add lines and fields, which are passed over here. Full numbers are in it: it
//! goes through a socket of this machine between two processes of one user, and into no file.

use crate::call::history::{CallHistory, RecordedHow, RecordedSoFar, RunSoFar};
use crate::call::said::SaidMessage;
use crate::net::Flow;
use crate::time::Timestamp;
use crate::wire::link::Vlan;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read as _, Write};
use std::net::SocketAddr;
use uuid::Uuid;

/// The version written here, and the only one that is read.
pub const HISTORY_VERSION: u32 = 1;
/// Longest line, bytes: SIP over TCP may be long.
const MAX_LINE: u64 = 4 << 20;

/// Why there is no history to be had.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The other one is gone, or says nothing.
    #[error("it says no more: {0}")]
    Io(#[from] io::Error),
    /// Not what is written here.
    #[error("it is not understood: {0}")]
    Line(#[from] serde_json::Error),
    /// It says why not.
    #[error("it says: {0}")]
    Refused(String),
    /// Of a release that speaks otherwise.
    #[error("it speaks version {0}, and this one {HISTORY_VERSION}")]
    Version(u32),
    /// It broke off.
    #[error("it broke off")]
    Short,
    /// More than fits.
    #[error("it is longer than {0} bytes")]
    Long(u64),
}

#[derive(Serialize, Deserialize)]
struct FlowForm {
    src: SocketAddr,
    dst: SocketAddr,
    #[serde(default)]
    vlan: [u16; 2],
}

impl From<Flow> for FlowForm {
    fn from(flow: Flow) -> FlowForm {
        FlowForm { src: flow.src, dst: flow.dst, vlan: flow.vlan.ids() }
    }
}

impl From<FlowForm> for Flow {
    fn from(FlowForm { src, dst, vlan: [inner, outer] }: FlowForm) -> Flow {
        Flow { src, dst, vlan: Vlan::NONE.with(outer).with(inner) }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HearingForm {
    Awaited,
    Recorded,
    Dormant,
    Asleep,
}

/// One line. Instants are nanoseconds since the epoch, bytes base64.
#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum HistoryLine {
    History {
        version: u32,
        now: i64,
        cut_legs: u64,
    },
    Refused {
        why: String,
    },
    Sip {
        at: i64,
        #[serde(flatten)]
        flow: FlowForm,
        bytes: String,
    },
    Run {
        #[serde(flatten)]
        flow: FlowForm,
        ssrc: u32,
        began: i64,
        first: u16,
        heard: i64,
        newest: u16,
    },
    Recording {
        dialog: [String; 3],
        uuid: Uuid,
        answered_at: i64,
        hearing: HearingForm,
        packets: u32,
        own: [u8; 2],
        heard_at: i64,
        alive_at: i64,
    },
    End,
    /// Of a later release.
    #[serde(other)]
    Other,
}

/// Writes it.
///
/// # Errors
/// Nobody takes it.
pub fn write_history(history: &CallHistory, to: &mut impl Write) -> io::Result<()> {
    let CallHistory { now, cut_legs, .. } = *history;
    let mut line = |line: HistoryLine| -> io::Result<()> {
        serde_json::to_writer(&mut *to, &line)?;
        to.write_all(b"\n")
    };
    line(HistoryLine::History { version: HISTORY_VERSION, now: now.as_ns(), cut_legs })?;
    for m in &history.messages {
        let bytes = STANDARD.encode(&m.bytes);
        line(HistoryLine::Sip { at: m.at.as_ns(), flow: m.flow.into(), bytes })?;
    }
    for r in &history.runs {
        let RunSoFar { flow, ssrc, began, first, heard, newest } = *r;
        let (began, heard) = (began.as_ns(), heard.as_ns());
        line(HistoryLine::Run { flow: flow.into(), ssrc, began, first, heard, newest })?;
    }
    for r in &history.recordings {
        line(recording_line(r))?;
    }
    line(HistoryLine::End)
}

/// Says instead that there is none.
///
/// # Errors
/// Nobody takes it.
pub fn write_refusal(why: &str, to: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *to, &HistoryLine::Refused { why: why.into() })?;
    to.write_all(b"\n")
}

fn recording_line(r: &RecordedSoFar) -> HistoryLine {
    let hearing = match r.hearing {
        RecordedHow::Awaited => HearingForm::Awaited,
        RecordedHow::Recorded => HearingForm::Recorded,
        RecordedHow::Dormant => HearingForm::Dormant,
        RecordedHow::Asleep => HearingForm::Asleep,
    };
    HistoryLine::Recording {
        dialog: [0, 1, 2].map(|i| STANDARD.encode(&r.dialog[i])),
        uuid: r.uuid,
        answered_at: r.answered_at.as_ns(),
        hearing,
        packets: r.packets,
        own: r.own,
        heard_at: r.heard_at.as_ns(),
        alive_at: r.alive_at.as_ns(),
    }
}

/// Reads it, of at most so many bytes.
///
/// # Errors
/// [`HistoryError`]
pub fn read_history(from: &mut impl BufRead, max: u64) -> Result<CallHistory, HistoryError> {
    let (mut history, mut begun, mut read) = (CallHistory::default(), false, 0);
    loop {
        let mut text = Vec::new();
        read += from.by_ref().take(MAX_LINE).read_until(b'\n', &mut text)? as u64;
        if read > max {
            return Err(HistoryError::Long(max));
        }
        if text.last() != Some(&b'\n') {
            return Err(HistoryError::Short);
        }
        match serde_json::from_slice(&text)? {
            HistoryLine::History { version: HISTORY_VERSION, now, cut_legs } => {
                begun = true;
                (history.now, history.cut_legs) = (Timestamp::from_ns(now), cut_legs);
            }
            HistoryLine::History { version, .. } => return Err(HistoryError::Version(version)),
            HistoryLine::Refused { why } => return Err(HistoryError::Refused(why)),
            HistoryLine::End if begun => return Ok(history),
            HistoryLine::End => return Err(HistoryError::Short),
            line => take_in(&mut history, line),
        }
    }
}

/// Takes in one line of what was captured; one that is not readable is passed over like an unreadable packet.
fn take_in(history: &mut CallHistory, line: HistoryLine) {
    let at = Timestamp::from_ns;
    match line {
        HistoryLine::Sip { at: ns, flow, bytes } => {
            let order = history.messages.len() as u64;
            if let Ok(bytes) = STANDARD.decode(bytes) {
                let message = SaidMessage { at: at(ns), order, flow: flow.into(), bytes: bytes.into() };
                history.messages.push(message);
            }
        }
        HistoryLine::Run { flow, ssrc, began, first, heard, newest } => {
            let (began, heard) = (at(began), at(heard));
            history.runs.push(RunSoFar { flow: flow.into(), ssrc, began, first, heard, newest });
        }
        HistoryLine::Recording { dialog, uuid, answered_at, hearing, packets, own, heard_at, alive_at } => {
            let dialog = dialog.map(|part| STANDARD.decode(part).unwrap_or_default());
            let hearing = match hearing {
                HearingForm::Awaited => RecordedHow::Awaited,
                HearingForm::Recorded => RecordedHow::Recorded,
                HearingForm::Dormant => RecordedHow::Dormant,
                HearingForm::Asleep => RecordedHow::Asleep,
            };
            let (answered_at, heard_at, alive_at) = (at(answered_at), at(heard_at), at(alive_at));
            history.recordings.push(RecordedSoFar {
                dialog,
                uuid,
                answered_at,
                hearing,
                packets,
                own,
                heard_at,
                alive_at,
            });
        }
        HistoryLine::History { .. } | HistoryLine::Refused { .. } | HistoryLine::End | HistoryLine::Other => {
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> CallHistory {
        let flow = |vlan| Flow {
            src: "192.0.2.1:5060".parse().unwrap(),
            dst: "[2001:db8::2]:5060".parse().unwrap(),
            vlan,
        };
        let at = |s: i64| Timestamp::from_parts(1_795_421_723 + s, 7);
        let plain =
            SaidMessage { at: at(0), order: 0, flow: flow(Vlan::NONE), bytes: b"INVITE x".as_slice().into() };
        let tagged = flow(Vlan::NONE.with(100).with(7));
        CallHistory {
            now: at(9),
            messages: vec![
                plain.clone(),
                SaidMessage { order: 1, flow: tagged, bytes: [0, 255].into(), ..plain },
            ],
            cut_legs: 3,
            runs: vec![RunSoFar {
                flow: tagged,
                ssrc: 1,
                began: at(1),
                first: 65_535,
                heard: at(2),
                newest: 4,
            }],
            recordings: vec![RecordedSoFar {
                dialog: [b"call".to_vec(), vec![0, 200], Vec::new()],
                uuid: Uuid::from_u128(9),
                answered_at: at(1),
                hearing: RecordedHow::Dormant,
                packets: 50,
                own: [3, 0],
                heard_at: at(3),
                alive_at: at(4),
            }],
        }
    }

    fn written() -> Vec<u8> {
        let mut out = Vec::new();
        write_history(&history(), &mut out).unwrap();
        out
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(read_history(&mut &written()[..], 1 << 20).unwrap(), history());
    }

    #[test]
    fn lines_and_fields_of_a_later_release_are_passed_over() {
        let text = String::from_utf8(written()).unwrap();
        let text = text.replacen("\"packets\"", "\"mood\":[1],\"packets\"", 1);
        let text = text.replacen("\n", "\n{\"line\":\"weather\",\"sun\":true}\n", 1);
        assert_eq!(read_history(&mut text.as_bytes(), 1 << 20).unwrap(), history());
    }

    #[test]
    fn what_is_cut_too_long_refused_or_of_another_version_is_none() {
        let all = written();
        for n in 0..all.len() {
            assert!(read_history(&mut &all[..n], 1 << 20).is_err(), "{n}");
        }
        assert!(matches!(read_history(&mut &all[..], 100), Err(HistoryError::Long(100))));
        let other = String::from_utf8(all).unwrap().replace("\"version\":1", "\"version\":2");
        assert!(matches!(read_history(&mut other.as_bytes(), 1 << 20), Err(HistoryError::Version(2))));
        let mut no = Vec::new();
        write_refusal("not now", &mut no).unwrap();
        assert!(
            matches!(read_history(&mut &no[..], 100), Err(HistoryError::Refused(why)) if why == "not now")
        );
    }
}
