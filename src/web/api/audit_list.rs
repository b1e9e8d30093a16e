//! The audit log, the newest first: who did what, to which recording, from where.

use super::super::RoomState;
use super::super::guard::Caller;
use super::super::problem::ProblemDetails;
use super::super::query::when;
use super::answer::{QueryOf, json};
use crate::config::listening::Act;
use crate::custody::audit::{Action, Draft, Entry, EntryFacts, Fact, Who};
use crate::custody::keeper::KeeperError;
use crate::time::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

/// Entries on a page.
const PAGE: usize = 100;
/// Most entries on a page.
const PAGE_MAX: usize = 500;

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// At or after this date or instant.
    #[serde(default)]
    pub since: String,
    /// Before the end of this date, or before this instant.
    #[serde(default)]
    pub until: String,
    /// By this account, or system user.
    #[serde(default)]
    pub who: String,
    /// To this recording.
    #[serde(default)]
    pub recording: String,
    /// This was done.
    #[serde(default)]
    pub action: String,
    /// From this address.
    #[serde(default)]
    pub address: String,
    /// So many.
    #[serde(default)]
    pub limit: String,
    /// Before the entry of this number.
    #[serde(default)]
    pub cursor: String,
}

pub(super) async fn list(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    QueryOf(asked): QueryOf<AuditQuery>,
) -> Result<Response, ProblemDetails> {
    room.blocking(move |room| {
        let (entries, next) = found(room, &caller, &asked)?;
        Ok(json(StatusCode::OK, &json!({ "items": entries, "next": next })))
    })
    .await
}

/// Conditions as they are compared.
struct Wanted {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    recording: Option<Uuid>,
    before: u64,
    limit: usize,
}

impl Wanted {
    fn of(room: &RoomState, asked: &AuditQuery) -> Result<Wanted, ProblemDetails> {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let time = |key: &str, text: &str, ends| match some(text) {
            None => Ok(None),
            Some(text) => when(&text, &room.desk.zone, ends).map(Some).ok_or_else(|| {
                ProblemDetails::bad(format!("{key}: a date such as 2026-11-23 or an RFC 3339 instant"))
            }),
        };
        let recording = some(&asked.recording)
            .map(|id| Uuid::try_parse(&id).map_err(|_| ProblemDetails::bad("recording: a UUID")))
            .transpose()?;
        let before = some(&asked.cursor)
            .map(|n| n.parse().map_err(|_| ProblemDetails::bad("cursor: the `next` of a page before")))
            .transpose()?;
        let limit = some(&asked.limit)
            .map(|n| {
                let n = n.parse().ok().filter(|n| (1..=PAGE_MAX).contains(n));
                n.ok_or_else(|| ProblemDetails::bad(format!("limit: a number from 1 to {PAGE_MAX}")))
            })
            .transpose()?;
        Ok(Wanted {
            since: time("since", &asked.since, false)?,
            until: time("until", &asked.until, true)?,
            recording,
            before: before.unwrap_or(u64::MAX),
            limit: limit.unwrap_or(PAGE),
        })
    }

    fn has(&self, asked: &AuditQuery, entry: &Entry) -> bool {
        let is = |wanted: &str, got: Option<&str>| {
            let wanted = wanted.trim();
            wanted.is_empty() || got.is_some_and(|got| got.eq_ignore_ascii_case(wanted))
        };
        entry.seq < self.before
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
            && self.recording.is_none_or(|id| entry.targets.contains(&id))
            && is(&asked.action, Some(entry.action.as_str()))
            && is(&asked.address, address_of(entry).map(|at| at.to_string()).as_deref())
            && (asked.who.trim().is_empty() || entry.who.is_called(asked.who.trim()))
    }
}

/// A page of entries, and before which the next begins. That it was looked at is told first.
///
/// # Errors
/// No right; a condition that makes no sense; the log cannot be used.
pub fn found(
    room: &RoomState,
    caller: &Caller,
    asked: &AuditQuery,
) -> Result<(Vec<Entry>, Option<u64>), ProblemDetails> {
    caller.must_have(room, Act::Audit, Draft::new(Action::AuditShow))?;
    let wanted = Wanted::of(room, asked)?;
    let mut said = EntryFacts::default();
    for (fact, value) in [
        (Fact::Since, &asked.since),
        (Fact::Until, &asked.until),
        (Fact::Who, &asked.who),
        (Fact::Action, &asked.action),
        (Fact::Address, &asked.address),
    ] {
        if !value.trim().is_empty() {
            said.say(fact, value.trim().chars().take(64).collect::<String>());
        }
    }
    let draft = Draft::new(Action::AuditShow).on(wanted.recording);
    caller.write_log(room, draft.found_by(said.if_any()))?;
    let entries = room.desk.log().entries().map_err(KeeperError::from)?;
    let mut last: VecDeque<Entry> = VecDeque::new();
    for entry in entries.filter(|entry| wanted.has(asked, entry)) {
        last.push_back(entry);
        if last.len() > wanted.limit + 1 {
            last.pop_front();
        }
    }
    let more = last.len() > wanted.limit;
    let entries: Vec<Entry> = last.into_iter().rev().take(wanted.limit).collect();
    let next = entries.last().filter(|_| more).map(|entry| entry.seq);
    Ok((entries, next))
}

/// From where it was done, where that is known.
pub fn address_of(entry: &Entry) -> Option<IpAddr> {
    match &entry.who {
        Who::Web { address, .. } => Some(*address),
        _ => None,
    }
}
