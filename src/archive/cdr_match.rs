//! The exchange's list of calls against what was recorded: what became of each call.
//!
//! A recording is of a call when it shares half of the shorter's time and its agent is a party of it.
//! A call may have several recordings (transfers), and a recording several lines (legs of one
//! call). Pure: rows in, verdicts out.

use super::cdr::CdrCall;
use super::index::Row;
use crate::call::rules::{Rules, stored_number, subscriber_tail};
use crate::config::Config;
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
    /// When the calls of deleted recordings were answered.
    pub deleted: &'a [Timestamp],
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
    let mut reasons = Reasons::new(known);
    let mut order: Vec<(&CdrCall, Vec<Pii<String>>)> =
        calls.iter().map(|call| (call, agents_of(call, &rules))).collect();
    // Whose agent is known first; and the shorter a call, the less else can be its recording.
    order.sort_by_key(|(c, agents)| (agents.is_empty(), c.ended_at.since_ns(c.answered_at), c.line));
    let mut verdicts = Vec::new();
    for (call, agents) in order {
        let own = recordings_of(call, &agents, known.rows, &mut taken, tolerance);
        verdicts.push((call, agents, own));
    }
    verdicts.sort_by_key(|(call, ..)| call.line);
    for (call, agents, own) in verdicts {
        let length_ns = call.ended_at.since_ns(call.answered_at);
        let doubtful = |unrecorded_ns| DoubtfulCall {
            line: call.line,
            answered_at: call.answered_at,
            duration_s: seconds(length_ns),
            agent: agents.first().and_then(|a| shown(a, call, &rules)),
            recordings: own.iter().map(|i| known.rows[*i].id).collect(),
            unrecorded_s: seconds(unrecorded_ns),
        };
        if !own.is_empty() {
            let rows: Vec<&Row> = own.iter().map(|i| &known.rows[*i]).collect();
            let silent_ns = unrecorded_ns(call, &rows, tolerance);
            match silent_ns > 0 || rows.iter().any(|r| !r.complete) {
                true => report.partial.push(doubtful(silent_ns)),
                false => report.recorded += 1,
            }
        } else if let Some(why) = reasons.take(call, &agents, &rules, tolerance) {
            *report.explained.entry(why).or_default() += 1;
        } else if rules.has_extensions() && agents.is_empty() {
            report.without_agent += 1;
        } else {
            report.missing.push(doubtful(length_ns));
        }
    }
    report.unlisted = taken.iter().zip(known.rows).filter(|(t, _)| !**t).map(|(_, row)| row.id).collect();
    report
}

/// The agents among a call's parties: numbers, and channels such as `PJSIP/2001-0000002a`.
fn agents_of(call: &CdrCall, rules: &Rules) -> Vec<Pii<String>> {
    let mut agents: Vec<Pii<String>> = Vec::new();
    for party in &call.parties {
        let text = party.expose();
        let user = match text.split_once('/') {
            // What stands behind the last hyphen is the channel's own number.
            Some((_, channel)) => channel.rsplit_once('-').map_or(channel, |(peer, _)| peer),
            None => text.strip_prefix("sip:").unwrap_or(text),
        };
        let user = user.split('@').next().unwrap_or_default();
        // A peer may be called by more than its number: `agent-2001`.
        let last = user.rsplit(['-', '_']).next().unwrap_or_default();
        for user in [user, last].map(|u| Pii::new(u.to_owned())) {
            if rules.is_extension(&user) && agents.iter().all(|a| a.expose() != user.expose()) {
                agents.push(user);
            }
        }
    }
    agents
}

/// What may be shown of an agent's number: an extension, or as much as is stored of any number.
fn shown(agent: &Pii<String>, call: &CdrCall, rules: &Rules) -> Option<String> {
    match subscriber_tail(agent.expose()) {
        None => Some(agent.expose().clone()),
        Some(_) => {
            let hide = rules.service(call.called.as_ref()).hide_caller_digits;
            stored_number(agent, hide).map(Pii::into_exposed)
        }
    }
}

/// The recordings of a call. One of an agent may be of several lines, which tell legs of one call.
fn recordings_of(
    call: &CdrCall,
    agents: &[Pii<String>],
    rows: &[Row],
    taken: &mut [bool],
    tolerance: Duration,
) -> Vec<usize> {
    let is_agents = |r: &Row| r.agent.id.as_ref().is_none_or(|id| agents.iter().any(|a| a.expose() == id));
    let last = rows.partition_point(|r| r.answered_at <= call.ended_at + tolerance);
    let near = rows[..last].iter().enumerate();
    let own: Vec<usize> = match agents.is_empty() {
        // Only one can be meant that nobody else has: the nearest.
        true => {
            let free = near.filter(|(i, r)| !taken[*i] && is_of(call, r, tolerance));
            let distance = |r: &Row| r.answered_at.since_ns(call.answered_at).abs();
            free.min_by_key(|(_, r)| distance(r)).map(|(i, _)| i).into_iter().collect()
        }
        false => near.filter(|(_, r)| is_agents(r) && is_of(call, r, tolerance)).map(|(i, _)| i).collect(),
    };
    own.iter().for_each(|i| taken[*i] = true);
    own
}

/// Does a recording share half of its time, or of the call's, with the call?
fn is_of(call: &CdrCall, row: &Row, tolerance: Duration) -> bool {
    let (from, to) = (call.answered_at - tolerance, call.ended_at + tolerance);
    let shared = ended_at(row).min(to).since_ns(row.answered_at.max(from));
    let shorter = call.ended_at.since_ns(call.answered_at).min(row.duration_us.saturating_mul(1000));
    shared >= 0 && shared.saturating_mul(2) >= shorter
}

fn ended_at(row: &Row) -> Timestamp {
    row.answered_at.offset_ns(row.duration_us.saturating_mul(1000))
}

/// How much of a call lies between its recordings and behind them, as far as that is no tolerance.
/// What lies before the first is the queue.
fn unrecorded_ns(call: &CdrCall, rows: &[&Row], tolerance: Duration) -> i64 {
    let tolerance = tolerance.as_nanos() as i64;
    let mut sum = 0;
    let mut covered = rows.first().map_or(call.answered_at, |r| r.answered_at);
    let mut add = |gap: i64| sum += if gap > tolerance { gap } else { 0 };
    for row in rows {
        add(row.answered_at.since_ns(covered));
        covered = covered.max(ended_at(row));
    }
    add(call.ended_at.since_ns(covered));
    sum
}

/// Why calls were not recorded. What the recorder noted explains one call each.
struct Reasons<'a> {
    known: &'a Known<'a>,
    used: Vec<bool>,
    deleted: Vec<bool>,
}

impl<'a> Reasons<'a> {
    fn new(known: &'a Known<'a>) -> Reasons<'a> {
        let (used, deleted) = (vec![false; known.unrecorded.len()], vec![false; known.deleted.len()]);
        Reasons { known, used, deleted }
    }

    fn take(
        &mut self,
        call: &CdrCall,
        agents: &[Pii<String>],
        rules: &Rules,
        tolerance: Duration,
    ) -> Option<String> {
        let (from, to) = (call.answered_at - tolerance, call.ended_at + tolerance);
        let hash = call.call_id.as_deref().and_then(crate::call::call_id_hash);
        let is_party = |number: &Option<Pii<String>>| {
            number.as_ref().is_some_and(|n| agents.iter().any(|a| rules.same_number(a.expose(), n.expose())))
        };
        let is_its = |e: &RegisterEntry| match (&hash, &e.call) {
            (Some(a), Some(b)) => a == b,
            _ => e.at >= from && e.at <= to && (is_party(&e.caller) || is_party(&e.called)),
        };
        let mut entries = self.known.unrecorded.iter().zip(&mut self.used);
        if let Some((entry, used)) = entries.find(|(e, used)| !**used && is_its(e)) {
            *used = true;
            return Some(entry.reason.to_string());
        }
        let mut deleted = self.known.deleted.iter().zip(&mut self.deleted);
        if let Some((_, used)) = deleted.find(|(at, used)| !**used && **at >= from && **at <= to) {
            *used = true;
            return Some("deleted".into());
        }
        let service = rules.service(call.called.as_ref());
        if !service.record {
            return Some("service".into());
        }
        let due = due(call.answered_at, service.retention, service.retention_bound, self.known.zone);
        (due <= self.known.now).then(|| "retention".into())
    }
}

fn seconds(ns: i64) -> f64 {
    (ns / 1_000_000) as f64 / 1000.0
}
