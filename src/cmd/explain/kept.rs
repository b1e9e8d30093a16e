//! What the store, the register and the log say of a call that was, or was not, recorded live.

use super::super::archive::{Opened, Site};
use super::super::list::sidecar;
use super::super::output::{self, plain_lines};
use super::super::words::{direction, local, states};
use super::technical_log;
use crate::archive::index::Row;
use crate::archive::search::Search;
use crate::call::call_id_hash;
use crate::cli::Cli;
use crate::cli::explain::ExplainArgs;
use crate::custody::audit::{Action, Draft, facts};
use crate::explain::{AskedCall, told_agent, with_meaning};
use crate::store::assurance::AssuranceReason;
use crate::store::register::RegisterEntry;
use crate::telemetry::label::{FailReason, UnrecordedReason};
use crate::time::{NS_PER_S, Timestamp};
use anyhow::bail;
use serde::Serialize;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;
use uuid::Uuid;

/// The last day's, as the log is kept: what a Call-ID or a time of day is looked for in.
const RECENT_NS: i64 = 25 * 3600 * NS_PER_S;
/// A call lasts no longer, as far as one is looked for by a time in it.
const LONGEST_NS: i64 = 24 * 3600 * NS_PER_S;

/// A recording, or a call that was not recorded.
#[derive(Debug, Serialize)]
struct KeptCall {
    at: Timestamp,
    verdict: String,
    /// Why, where there is more to say.
    reasons: Vec<String>,
    recording: Option<Uuid>,
    /// Hash of the Call-ID.
    call: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    log: Vec<String>,
}

/// Explains calls by what was kept of them.
///
/// # Errors
/// The store or the log file cannot be read; no such call.
pub fn run(cli: &Cli, args: &ExplainArgs) -> anyhow::Result<()> {
    let site = Site::find(cli)?;
    let missed = left_out(&site, &args.call)?;
    let archive = site.open()?;
    let mut calls = recorded(&archive, &args.call)?;
    calls.extend(missed);
    calls.sort_by_key(|c| c.at);
    let site = &archive.site;
    let ids: Vec<Uuid> = calls.iter().filter_map(|c| c.recording).collect();
    let detail = facts! { Register: "explain", Count: calls.len() };
    site.note(Draft::new(Action::List).on(ids).detail(detail))?;
    if calls.is_empty() {
        if let AskedCall::Recording(id, _) = args.call {
            // Deleted, say, and when.
            archive.one(id)?;
        }
        bail!("{}", nothing(&args.call, &site.config.retention.timezone.to_string()));
    }
    add_log(&mut calls, args.log.as_deref())?;
    match args.json {
        true => output::print(&output::json(&json!({ "calls": calls }))?)?,
        false => output::print(&plain_lines(&text(site, &calls)))?,
    }
    Ok(())
}

fn nothing(asked: &AskedCall, zone: &str) -> String {
    let unseen = "the recorder did not see it answered (`nauhuri doctor` tells whether it sees the wire)";
    match asked {
        AskedCall::Recording(..) => "no such recording".into(),
        AskedCall::CallId(_) => format!(
            "no recording of the last day has this Call-ID, and no unrecorded call of the register: of an older \
             recording give the id or the time; if the call is not older, {unseen}"
        ),
        AskedCall::At(_) | AskedCall::All => format!(
            "no recording that is kept was under way then ({zone}; without a date: in the last day), and no answered \
             call was left out: what was deleted since is not known by its time; else {unseen}"
        ),
    }
}

/// Answered calls that were not recorded.
fn left_out(site: &Site, asked: &AskedCall) -> anyhow::Result<Vec<KeptCall>> {
    let mut found = Vec::new();
    let recent = site.now.offset_ns(-RECENT_NS);
    site.each_unrecorded(|entry| {
        let is_meant = match asked {
            AskedCall::All => entry.at >= recent,
            AskedCall::At(at) => at.touches((entry.at, entry.at.offset_ns(NS_PER_S)), &site.zone),
            AskedCall::CallId(text) => entry.call.is_some() && entry.call == call_id_hash(text),
            AskedCall::Recording(id, text) => {
                let is_id = entry.recording.is_some_and(|r| id.is_of(r));
                is_id || (entry.call.is_some() && entry.call == call_id_hash(text))
            }
        };
        if is_meant {
            found.push(of_entry(&entry));
        }
    })?;
    Ok(found)
}

fn of_entry(entry: &RegisterEntry) -> KeptCall {
    let name = entry.reason.as_str();
    let by_rule = UnrecordedReason::ALL.iter().find(|r| r.as_str() == name).map(|r| r.describe());
    let by_failure = || FailReason::ALL.iter().find(|r| r.as_str() == name).map(|r| r.describe());
    let meaning = by_rule.or_else(by_failure).unwrap_or_default();
    KeptCall {
        at: entry.at,
        verdict: format!("not recorded, {}", with_meaning(name, meaning)),
        reasons: entry.service.iter().map(|s| format!("service {s}")).collect(),
        recording: entry.recording,
        call: entry.call.clone(),
        log: Vec::new(),
    }
}

/// Recordings, of which those of a Call-ID are looked for in the last day.
fn recorded(archive: &Opened, asked: &AskedCall) -> anyhow::Result<Vec<KeptCall>> {
    let site = &archive.site;
    let recent = || Search { since: Some(site.now.offset_ns(-RECENT_NS)), ..Search::default() };
    let rows = match asked {
        AskedCall::Recording(id, _) => archive.index.named(*id)?,
        AskedCall::CallId(_) | AskedCall::All => archive.index.find(&recent())?,
        AskedCall::At(at) => {
            let search = match at.day(&site.zone) {
                Some((from, until)) => Search {
                    since: Some(from.offset_ns(-LONGEST_NS)),
                    until: Some(until),
                    ..Search::default()
                },
                None => recent(),
            };
            let rows = archive.index.find(&search)?.into_iter();
            let ended = |r: &Row| r.answered_at.offset_ns((r.duration_s() * NS_PER_S as f64) as i64);
            rows.filter(|r| at.touches((r.answered_at, ended(r)), &site.zone)).collect()
        }
    };
    let mut found = Vec::new();
    for row in rows {
        if let Some(call) = of_row(archive, &row, asked)? {
            found.push(call);
        }
    }
    Ok(found)
}

/// None where it is gone this moment, or of another Call-ID.
fn of_row(archive: &Opened, row: &Row, asked: &AskedCall) -> anyhow::Result<Option<KeptCall>> {
    let site = &archive.site;
    let Some(s) = sidecar(&archive.store, row, site.now)? else { return Ok(None) };
    let call_id = s.get("sip").and_then(|sip| sip.get("call_id")).and_then(|id| id.as_str());
    let call = call_id.and_then(call_id_hash);
    if let AskedCall::CallId(text) = asked
        && (call.is_none() || call != call_id_hash(text))
    {
        return Ok(None);
    }
    let told = s.get("assurance").and_then(|a| a.get("reasons")).and_then(|r| r.as_array());
    let reasons = told.into_iter().flatten().filter_map(|r| r.as_str());
    let meaning = |name: &str| AssuranceReason::ALL.iter().find(|r| r.name() == name).map(|r| r.describe());
    let explained = |name| with_meaning(name, meaning(name).unwrap_or_default());
    let agent = row.agent.id.as_ref().map_or_else(String::new, |a| format!(", agent {}", told_agent(a)));
    let service = row.service.as_deref().unwrap_or("-");
    Ok(Some(KeptCall {
        at: row.answered_at,
        verdict: format!(
            "recorded, {}: {:.1} s, {}, service {service}{agent}",
            states(row, site.now),
            row.duration_s(),
            direction(row)
        ),
        reasons: reasons.map(explained).collect(),
        recording: Some(row.id),
        call,
        log: Vec::new(),
    }))
}

/// What the technical log says of each.
fn add_log(calls: &mut [KeptCall], file: Option<&Path>) -> anyhow::Result<()> {
    let words = |c: &KeptCall| -> Vec<String> {
        c.recording.iter().map(Uuid::to_string).chain(c.call.iter().cloned()).collect()
    };
    let all: Vec<String> = calls.iter().flat_map(words).collect();
    let found = technical_log::lines(file, &all)?;
    for call in calls {
        let own = words(call);
        let is_its = |line: &&String| own.iter().any(|w| line.contains(w.as_str()));
        call.log = found.iter().filter(is_its).cloned().collect();
    }
    Ok(())
}

fn text(site: &Site, calls: &[KeptCall]) -> String {
    let mut out = String::new();
    for (n, call) in calls.iter().enumerate() {
        // A String takes everything.
        let _ = writeln!(
            out,
            "{}{}  {}",
            if n > 0 { "\n" } else { "" },
            local(call.at, &site.zone),
            call.verdict
        );
        let ids = call.recording.map(|id| format!("recording {id}"));
        let ids = ids.into_iter().chain(call.call.iter().map(|hash| format!("Call-ID {hash}")));
        ids.chain(call.reasons.iter().cloned()).for_each(|line| {
            let _ = writeln!(out, "  {line}");
        });
        for line in &call.log {
            let _ = writeln!(out, "  log: {line}");
        }
    }
    out
}
