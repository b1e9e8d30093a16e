//! Accounts with their intervals, and who may hear what since when.

use super::super::Room;
use super::super::accounts::Account;
use super::super::guard::Caller;
use super::super::problem::Problem;
use super::answer::json;
use crate::config::listening::{Act, Role};
use crate::custody::audit::{Action, Draft};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn list(State(room): State<Arc<Room>>, caller: Caller) -> Result<Response, Problem> {
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
pub fn people(room: &Room, caller: &Caller) -> Result<Vec<Account>, Problem> {
    caller.must_have(room, Act::People, Draft::new(Action::PeopleShow))?;
    caller.tell(room, Draft::new(Action::PeopleShow))?;
    room.accounts(|a| a.people())
}

pub(super) async fn rights(State(room): State<Arc<Room>>, caller: Caller) -> Result<Response, Problem> {
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
pub fn rights_of_all(room: &Room, caller: &Caller) -> Result<Vec<Value>, Problem> {
    let draft = || Draft::new(Action::RightsShow);
    if !(room.policy.gives(&caller.entrant.person, Act::Audit) && caller.scope("audit").is_ok()) {
        caller.must_have(room, Act::People, draft())?;
    }
    caller.tell(room, draft())?;
    let people = room.accounts(|a| a.people())?;
    let none = Role::default();
    let mut lines = Vec::new();
    for account in people.iter().filter(|account| account.disabled.is_none()) {
        let Value::Object(whole) = account.to_json() else { continue };
        for name in &account.roles {
            let role = room.policy.role(name).unwrap_or(&none);
            lines.push(json!({
                "account": account.name, "role": name, "find": role.find, "hear": role.hear, "act": role.act,
                "download": role.download, "networks": role.networks, "agents": whole["agents"],
                "teams": whole["teams"], "office": account.office, "since": whole["created"],
                "last_used": whole["last_heard"], "last_seen": whole["last_seen"],
            }));
        }
    }
    Ok(lines)
}
