//! Accounts with their intervals, and who may hear what since when.

use super::super::RoomState;
use super::super::accounts::{Account, Changes};
use super::super::guard::Caller;
use super::super::problem::ProblemDetails;
use super::super::query::when;
use super::answer::{Body, PathName, checked_text, json};
use crate::config::listening::{Act, Role};
use crate::custody::audit::{Action, Draft, Outcome, facts};
use crate::time::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn list(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
) -> Result<Response, ProblemDetails> {
    room.blocking(move |room| {
        let people = people(room, &caller)?;
        let items: Vec<_> = people.iter().map(Account::to_json).collect();
        Ok(json(StatusCode::OK, &json!({ "items": items })))
    })
    .await
}

/// All accounts; told first.
///
/// # Errors
/// No right; accounts or log cannot be used.
pub fn people(room: &RoomState, caller: &Caller) -> Result<Vec<Account>, ProblemDetails> {
    caller.must_have(room, Act::People, Draft::new(Action::PeopleShow))?;
    caller.write_log(room, Draft::new(Action::PeopleShow))?;
    room.accounts(|a| a.people())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Interval {
    kind: String,
    what: String,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    until: Option<String>,
}

/// Adds an agent or a team to an account or, with an end alone, ends it: as `nauhuri user change`.
pub(super) async fn interval(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(name): PathName,
    Body(body): Body<Interval>,
) -> Result<Response, ProblemDetails> {
    let what = checked_text("what", &body.what)?;
    let is_agent = match body.kind.as_str() {
        "agent" => true,
        "team" => false,
        _ => return Err(ProblemDetails::bad("kind: agent or team")),
    };
    room.blocking(move |room| {
        let name = of_another(room, &caller, &name, Action::UserChange)?;
        let day = |key: &str, text: &Option<String>| match text.as_deref().map(str::trim).unwrap_or("") {
            "" => Ok(None),
            text => when(text, &room.desk.zone, false)
                .map(Some)
                .ok_or_else(|| ProblemDetails::bad(format!("{key}: a date such as 2026-11-23"))),
        };
        let (from, until) = (day("from", &body.from)?, day("until", &body.until)?);
        if from.zip(until).is_some_and(|(from, until)| from >= until) {
            return Err(ProblemDetails::bad("from: must lie before until"));
        }
        let list = vec![what];
        let (agents, teams) = if is_agent { (list, Vec::new()) } else { (Vec::new(), list) };
        let time = |t: Option<Timestamp>| t.map(Timestamp::to_rfc3339);
        let detail = facts! {
            Account: name, Agents: agents, Teams: teams, From: time(from),
            Until: time(until),
        };
        caller.write_log(room, Draft::new(Action::UserChange).detail(detail))?;
        let changes = Changes { agents, teams, from, until, ..Changes::default() };
        let missed = room.accounts(|a| a.change(&name, &changes))?;
        if !missed.is_empty() {
            return Err(ProblemDetails::CONFLICT.with("it does not hold then, so it was not ended"));
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

/// Closes an account: its sessions end at once.
pub(super) async fn disable(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(name): PathName,
) -> Result<Response, ProblemDetails> {
    room.blocking(move |room| {
        let name = of_another(room, &caller, &name, Action::UserDisable)?;
        caller.write_log(room, Draft::new(Action::UserDisable).detail(facts! { Account: name }))?;
        room.accounts(|a| a.disable(&name, caller.now()))?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

/// An account that may be changed: whoever keeps accounts does not change what he may himself.
fn of_another(
    room: &RoomState,
    caller: &Caller,
    name: &str,
    action: Action,
) -> Result<String, ProblemDetails> {
    caller.must_have(room, Act::People, Draft::new(action))?;
    let account = room.accounts(|a| a.get(name))?.ok_or(ProblemDetails::NOT_FOUND)?;
    if account.name.eq_ignore_ascii_case(caller.name()) {
        let told = Draft::new(action).ended(Outcome::Refused);
        caller.write_log(room, told.detail(facts! { Account: account.name, Because: "own account" }))?;
        return Err(ProblemDetails::FORBIDDEN.with("somebody else has to change your account"));
    }
    Ok(account.name)
}

pub(super) async fn rights(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
) -> Result<Response, ProblemDetails> {
    room.blocking(move |room| {
        let items = rights_of_all(room, &caller)?;
        Ok(json(StatusCode::OK, &json!({ "items": items })))
    })
    .await
}

/// One line for each role of each open account; whoever keeps accounts or reads the log
/// may see them.
///
/// # Errors
/// No right; accounts or log cannot be used.
pub fn rights_of_all(room: &RoomState, caller: &Caller) -> Result<Vec<Value>, ProblemDetails> {
    let draft = || Draft::new(Action::RightsShow);
    if !(room.policy.gives(&caller.entrant.person, Act::Audit) && caller.scope("audit").is_ok()) {
        caller.must_have(room, Act::People, draft())?;
    }
    caller.write_log(room, draft())?;
    let people = room.accounts(|a| a.people())?;
    let none = Role::default();
    let mut lines = Vec::new();
    for account in people.iter().filter(|account| account.disabled.is_none()) {
        let Value::Object(whole) = account.to_json() else { continue };
        for name in &account.roles {
            let role = room.policy.role(name).unwrap_or(&none);
            lines.push(json!({
                "account": account.name, "role": name, "find": role.find, "hear": role.hear, "act": role.act,
                "download": role.download, "training": role.training, "networks": role.networks, "agents": whole["agents"],
                "teams": whole["teams"], "office": account.office, "since": whole["created"],
                "last_used": whole["last_heard"], "last_seen": whole["last_seen"],
            }));
        }
    }
    Ok(lines)
}
