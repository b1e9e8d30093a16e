//! The exchange's list of calls against what was recorded: what became of each call.
//!
//! A recording is of a call when it lies within it and its agent is a party of it. A call may have
//! several recordings (transfers), a recording is of one call. Pure: rows in, verdicts out.

use super::cdr::CdrCall;
use super::index::Row;
use crate::call::rules::Rules;
use crate::config::{Config, Term};
use crate::pii::Pii;
use crate::store::calendar::due;
use crate::store::register::RegisterEntry;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// A call of the list that has no recording, or not all of one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DoubtfulCall {
    /// Line of the list.
    pub line: u64,
    /// When it was answered.
    pub answered_at: Timestamp,
    /// How long it took by the list.
    pub duration_s: f64,
    /// The agent.
    pub agent: Option<String>,
    /// What there is of it.
    pub recordings: Vec<Uuid>,
    /// Seconds of it in which nothing was recorded.
    pub unrecorded_s: f64,
}

/// What the list and the store say of one another. Every call of the list is counted once.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CdrReport {
    /// Answered calls of the list.
    pub calls: u64,
    /// In which no agent takes part.
    pub without_agent: u64,
    /// Recorded whole.
    pub recorded: u64,
    /// Recorded in part.
    pub partial: Vec<DoubtfulCall>,
    /// Not recorded, and why: the rule or the failure that the recorder knows of.
    pub explained: BTreeMap<String, u64>,
    /// Not recorded, and nobody knows why.
    pub missing: Vec<DoubtfulCall>,
    /// Recordings of that time that are of no call of the list.
    pub unlisted: Vec<Uuid>,
}

/// What is known on this side.
pub struct Known<'a> {
    /// Recordings from the first call of the list to the last, by time.
    pub rows: &'a [Row],
    /// Answered calls that were not recorded.
    pub unrecorded: &'a [RegisterEntry],
    /// Who is an agent, and which services are recorded.
    pub config: &'a Config,
    /// Whose days count.
    pub zone: &'a TimeZone,
    /// Now.
    pub now: Timestamp,
}

/// Sets the two against one another. Times may differ by `tolerance`.
pub fn match_calls(calls: &[CdrCall], known: &Known<'_>, tolerance: Duration) -> CdrReport {
    let rules = Rules::new(known.config);
    let mut report = CdrReport { calls: calls.len() as u64, ..CdrReport::default() };
    let mut taken = vec![false; known.rows.len()];
    let mut order: Vec<&CdrCall> = calls.iter().collect();
    // The shorter a call, the less else can be its recording.
    order.sort_by_key(|c| (c.ended_at.since_ns(c.answered_at), c.line));
    let mut verdicts = Vec::new();
    for call in order {
        let agents = agents_of(call, &rules);
        let own = recordings_of(call, &agents, known.rows, &mut taken, tolerance);
        verdicts.push((call, agents, own));
    }
    verdicts.sort_by_key(|(call, ..)| call.line);
    for (call, agents, own) in verdicts {
        let doubtful = |unrecorded_s| DoubtfulCall {
            line: call.line,
            answered_at: call.answered_at,
            duration_s: seconds(call.ended_at.since_ns(call.answered_at)),
            agent: agents.first().map(|a| a.expose().clone()),
            recordings: own.iter().map(|i| known.rows[*i].id).collect(),
            unrecorded_s,
        };
        if !own.is_empty() {
            let rows: Vec<&Row> = own.iter().map(|i| &known.rows[*i]).collect();
            let silent_ns = behind(call, &rows);
            let is_short = silent_ns > tolerance.as_nanos() as i64;
            match is_short || rows.iter().any(|r| !r.complete) {
                true => report.partial.push(doubtful(seconds(silent_ns.max(0)))),
                false => report.recorded += 1,
            }
        } else if let Some(why) = explanation(call, &agents, known, &rules, tolerance) {
            *report.explained.entry(why).or_default() += 1;
        } else if rules.has_extensions() && agents.is_empty() {
            report.without_agent += 1;
        } else {
            report.missing.push(doubtful(seconds(call.ended_at.since_ns(call.answered_at))));
        }
    }
    report.unlisted = taken.iter().zip(known.rows).filter(|(t, _)| !**t).map(|(_, row)| row.id).collect();
    report
}

/// The agents among a call's parties: numbers, and channels such as `PJSIP/2001-0000002a`.
fn agents_of(call: &CdrCall, rules: &Rules) -> Vec<Pii<String>> {
    let mut agents: Vec<Pii<String>> = Vec::new();
    for party in &call.parties {
        let channel =
            party.expose().rsplit('/').next().and_then(|c| c.split(['-', '@']).next()).unwrap_or_default();
        let user = party.expose().strip_prefix("sip:").and_then(|u| u.split('@').next()).unwrap_or(channel);
        let user = Pii::new(user.to_owned());
        if rules.is_extension(&user) && agents.iter().all(|a| a.expose() != user.expose()) {
            agents.push(user);
        }
    }
    agents
}

/// The recordings of a call; they are nobody else's from here on.
fn recordings_of(
    call: &CdrCall,
    agents: &[Pii<String>],
    rows: &[Row],
    taken: &mut [bool],
    tolerance: Duration,
) -> Vec<usize> {
    let (from, to) = (call.answered_at - tolerance, call.ended_at + tolerance);
    let first = rows.partition_point(|r| r.answered_at < from);
    let is_agents = |r: &Row| match &r.agent.id {
        _ if agents.is_empty() => true,
        Some(id) => agents.iter().any(|a| a.expose() == id),
        None => true,
    };
    let within = rows[first..].iter().enumerate().map(|(i, r)| (first + i, r));
    let within = within.take_while(|(_, r)| r.answered_at <= to);
    let own: Vec<usize> = within
        .filter(|(i, r)| !taken[*i] && is_agents(r) && ended_at(r).since_ns(to) <= 0)
        .map(|(i, _)| i)
        .collect();
    // Without an agent only one can be meant: the nearest.
    let own = match agents.is_empty() {
        true => own
            .into_iter()
            .min_by_key(|i| rows[*i].answered_at.since_ns(call.answered_at).abs())
            .into_iter()
            .collect(),
        false => own,
    };
    own.iter().for_each(|i| taken[*i] = true);
    own
}

fn ended_at(row: &Row) -> Timestamp {
    row.answered_at.offset_ns(row.duration_us.saturating_mul(1000))
}

/// How much of a call lies behind its last recording. What lies before the first is the queue.
fn behind(call: &CdrCall, rows: &[&Row]) -> i64 {
    rows.iter().map(|r| call.ended_at.since_ns(ended_at(r))).min().unwrap_or(0)
}

/// Why a call was not recorded, as far as the recorder or its configuration says so.
fn explanation(
    call: &CdrCall,
    agents: &[Pii<String>],
    known: &Known<'_>,
    rules: &Rules,
    tolerance: Duration,
) -> Option<String> {
    let (from, to) = (call.answered_at - tolerance, call.ended_at + tolerance);
    let hash = call.call_id.as_deref().and_then(crate::call::call_id_hash);
    let is_party = |number: &Option<Pii<String>>| {
        number.as_ref().is_some_and(|n| agents.iter().any(|a| rules.same_number(a.expose(), n.expose())))
    };
    let is_its = |e: &&RegisterEntry| match (&hash, &e.call) {
        (Some(a), Some(b)) => a == b,
        _ => e.at >= from && e.at <= to && (is_party(&e.caller) || is_party(&e.called)),
    };
    if let Some(entry) = known.unrecorded.iter().find(is_its) {
        return Some(entry.reason.clone());
    }
    let service = rules.service(call.called.as_ref());
    if !service.record {
        return Some("service".into());
    }
    let fell_due = |term: Term| due(call.answered_at, term, service.retention_bound, known.zone);
    (fell_due(service.retention) <= known.now).then(|| "retention".into())
}

fn seconds(ns: i64) -> f64 {
    (ns / 1_000_000) as f64 / 1000.0
}
