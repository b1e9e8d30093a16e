//! A story as it is told: what became of the call first, then line by line how.

use super::call_story::{CallStory, StoryEvent, StoryLine};
use super::decision_words::{reason, with_meaning, words};
use crate::call::trace::Traced;
use crate::daemon::observe::RecordingOutcome;
use crate::store::legible::Legible;
use crate::store::sidecar::{Sidecar, Stream};
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt::Write as _;
use uuid::Uuid;

/// One call.
#[derive(Clone, Debug, Serialize)]
pub struct ToldCall {
    /// As a recording would have it.
    pub call_id: String,
    /// Its first message.
    pub from: Timestamp,
    /// Its last.
    pub until: Timestamp,
    /// What became of it, in a sentence.
    pub verdict: String,
    /// What its recordings would hold.
    pub recordings: Vec<ToldSound>,
    /// Line by line.
    pub lines: Vec<ToldLine>,
    /// Lines that there was no room for.
    pub lines_left_out: u64,
}

/// One line.
#[derive(Clone, Debug, Serialize)]
pub struct ToldLine {
    /// When.
    pub at: Timestamp,
    /// `sip`, `media`, `call` (hold, keys) or `decision`.
    pub kind: &'static str,
    /// In words.
    pub text: Vec<String>,
}

/// What a recording holds.
#[derive(Clone, Debug, Serialize)]
pub struct ToldSound {
    /// Which.
    pub id: Uuid,
    /// In a sentence.
    pub verdict: String,
    /// Why it is not whole, in words.
    pub reasons: Vec<String>,
    /// Its streams, one a line.
    pub streams: Vec<String>,
}

impl ToldCall {
    /// A story with what became of its recordings.
    pub fn new(story: &CallStory, outcomes: &HashMap<Uuid, &RecordingOutcome>) -> ToldCall {
        let mut lines: Vec<&StoryLine> = story.lines.iter().collect();
        // What is said of an instant before may become known later.
        lines.sort_by_key(|l| (l.at, order(&l.event)));
        let lines = lines.into_iter().map(|line| {
            let (kind, text) = words(&line.event);
            ToldLine { at: line.at, kind, text }
        });
        let found = story.recordings.iter().filter_map(|id| outcomes.get(id));
        ToldCall {
            call_id: story.told_id.clone(),
            from: story.span.0,
            until: story.span.1,
            verdict: verdict(story),
            recordings: found.filter_map(|o| sound(o)).collect(),
            lines: lines.collect(),
            lines_left_out: story.left_out,
        }
    }
}

/// Of one instant: a message, why it means what it means, what follows.
fn order(event: &StoryEvent) -> u8 {
    match event {
        StoryEvent::Sip { .. } => 0,
        StoryEvent::Step(Traced::Weighed(..)) => 1,
        StoryEvent::Step(Traced::Flow(_)) => 3,
        _ => 2,
    }
}

fn verdict(story: &CallStory) -> String {
    let is_refused = story.lines.iter().any(|l| l.event == StoryEvent::Refused);
    match (story.unrecorded, story.recordings.is_empty()) {
        (Some(why), true) => format!("not recorded, {}", reason(why)),
        (Some(why), false) => format!("nothing of it is kept, {}", reason(why)),
        (None, false) => "recorded".into(),
        (None, true) if is_refused => "not recorded: limits.recordings was reached".into(),
        (None, true) if story.is_answered => {
            "answered, but not followed: its INVITE was not seen, or it was a copy of another leg's".into()
        }
        (None, true) => "not recorded: nobody answered".into(),
    }
}

/// What a recording holds; none where it was taken back, which the story tells.
fn sound(outcome: &RecordingOutcome) -> Option<ToldSound> {
    match outcome {
        RecordingOutcome::Recorded(s) => Some(of_sidecar(s)),
        RecordingOutcome::Existed(_) => None,
        RecordingOutcome::Failed { id, reason, .. } => Some(ToldSound {
            id: *id,
            verdict: format!("nothing to record ({})", reason.as_str()),
            reasons: vec![reason.describe().replace('`', "")],
            streams: Vec::new(),
        }),
    }
}

fn of_sidecar(s: &Sidecar) -> ToldSound {
    let told = s.assurance.as_ref().and_then(|a| if let Legible::Known(a) = a { Some(a) } else { None });
    let reasons = told.iter().flat_map(|a| &a.reasons);
    let reasons = reasons.map(|r| with_meaning(r.name(), r.describe()));
    let is_whole = told.is_none_or(|a| a.reasons.is_empty());
    let whole = match (s.complete, is_whole) {
        (true, true) => "complete",
        (true, false) => "all that came is there, but:",
        (false, _) => "not complete:",
    };
    ToldSound {
        id: s.id,
        verdict: format!("{:.1} s, {whole}", s.duration_s),
        reasons: reasons.collect(),
        streams: s.streams.iter().map(stream).collect(),
    }
}

fn stream(s: &Stream) -> String {
    let source = s.source.as_ref().map_or("", |source| source.as_str());
    let Stream { codec, ssrc, packets, lost, late, duplicates, .. } = s;
    let mut text = format!("{}: {codec}, SSRC {ssrc}, {packets} packets", s.channel.name());
    for (n, what) in [(lost, "lost"), (late, "too late"), (duplicates, "copies")] {
        if *n > 0 {
            // A String takes everything.
            let _ = write!(text, ", {n} {what}");
        }
    }
    if !source.is_empty() {
        let _ = write!(text, "; source {source}");
    }
    text
}

/// All of them for people, times on the wall of `zone`.
pub fn text(calls: &[ToldCall], zone: &TimeZone) -> String {
    let mut out = String::new();
    for (n, call) in calls.iter().enumerate() {
        let [from, until] = [call.from, call.until].map(|at| at.on_the_wall(zone, "%Y-%m-%d %H:%M:%S"));
        let _ = writeln!(out, "{}Call-ID {}", if n > 0 { "\n" } else { "" }, call.call_id);
        let _ = writeln!(out, "{from} to {until}: {}", call.verdict);
        for r in &call.recordings {
            let _ = writeln!(out, "  recording {}: {}", r.id, r.verdict);
            r.reasons.iter().chain(&r.streams).for_each(|line| {
                let _ = writeln!(out, "    {line}");
            });
        }
        out.push('\n');
        for line in &call.lines {
            for (i, words) in line.text.iter().enumerate() {
                let at = match i {
                    0 => line.at.on_the_wall(zone, "%H:%M:%S%.3f"),
                    _ => " ".repeat(12),
                };
                let indent = if line.kind == "sip" { "" } else { "    " };
                let _ = writeln!(out, "  {at}  {indent}{words}");
            }
        }
        if call.lines_left_out > 0 {
            let _ = writeln!(out, "  and {} lines more", call.lines_left_out);
        }
    }
    out
}
