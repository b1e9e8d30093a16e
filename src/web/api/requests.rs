//! Listening on request: who asks, and who else decides.

use super::super::RoomState;
use super::super::accounts::{Ask, Request};
use super::super::guard::Caller;
use super::super::problem::ProblemDetails;
use super::answer::{Body, PathName, QueryOf, checked_text, json};
use super::entrance::end;
use super::finding::{refuse as refusal, resolve};
use crate::config::ListenReason;
use crate::config::listening::Act;
use crate::custody::access::Deed;
use crate::custody::audit::{Action, Draft, Outcome, Why, facts};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most recordings in one request.
const RECORDINGS: usize = 200;
/// Longest grant, nanoseconds: 90 days.
const GRANT_NS: i64 = 90 * 86_400 * 1_000_000_000;
/// Requests on a page.
const PAGE: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    recordings: Vec<String>,
    reason: String,
    #[serde(rename = "ref")]
    case: String,
}

pub(super) async fn ask(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    Body(body): Body<New>,
) -> Result<Response, ProblemDetails> {
    caller.scope("request")?;
    let case = checked_text("ref", &body.case)?;
    let reason = ListenReason::from_name(&body.reason).ok_or_else(|| {
        ProblemDetails::bad("reason: verify, quality, training, complaint, authority or dsar")
    })?;
    if !(1..=RECORDINGS).contains(&body.recordings.len()) {
        return Err(ProblemDetails::bad(format!("recordings: 1 to {RECORDINGS} ids")));
    }
    room.blocking(move |room| {
        let why = Why { reason: Some(reason.name().into()), case: Some(case.clone()), ..Why::default() };
        let draft = Draft::new(Action::Request).why(why);
        let mut ids = BTreeSet::new();
        for id in &body.recordings {
            let row = resolve(room, &caller, id, Action::Request)?;
            if let Err(denied) = caller.asker(room).may(Deed::Ask(reason), &row) {
                return Err(refusal(room, &caller, &row, draft, denied)?);
            }
            ids.insert(row.id);
        }
        let ids: Vec<_> = ids.into_iter().collect();
        caller.write_log(room, draft.on(ids.iter().copied()))?;
        let ask = Ask { asker: caller.name(), recordings: &ids, reason, case: &case };
        let n = room.accounts(|a| a.ask(&ask, caller.now()))?.ok_or(ProblemDetails::TOO_MANY)?;
        Ok(json(StatusCode::CREATED, &json!({ "n": n, "state": "open" })))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageRequest {
    #[serde(default)]
    cursor: Option<i64>,
}

pub(super) async fn list(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    QueryOf(page): QueryOf<PageRequest>,
) -> Result<Response, ProblemDetails> {
    caller.scope("read")?;
    room.blocking(move |room| {
        let (requests, next) = shown(room, &caller, page.cursor)?;
        let items: Vec<_> = requests.iter().map(Request::to_json).collect();
        Ok(json(StatusCode::OK, &json!({ "items": items, "next": next })))
    })
    .await
}

/// One's own requests; whoever decides on them, those of all.
///
/// # Errors
/// Accounts or log cannot be used.
pub fn shown(
    room: &RoomState,
    caller: &Caller,
    cursor: Option<i64>,
) -> Result<(Vec<Request>, Option<i64>), ProblemDetails> {
    caller.write_log(room, Draft::new(Action::RequestsShow))?;
    let decides = room.policy.gives(&caller.entrant.person, Act::Approve);
    let of = (!decides).then(|| caller.name());
    let requests = room.accounts(|a| a.requests(of, cursor.unwrap_or(i64::MAX), PAGE))?;
    let next = requests.last().filter(|_| requests.len() == PAGE).map(|request| request.n);
    Ok((requests, next))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approve {
    until: String,
}

pub(super) async fn approve(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(n): PathName,
    Body(body): Body<Approve>,
) -> Result<Response, ProblemDetails> {
    room.blocking(move |room| {
        let (request, draft) = open(room, &caller, &n, Action::Approve)?;
        let until = end(room, &body.until, caller.now(), GRANT_NS)?;
        let detail = facts! { Request: request.n, Of: request.asker, Until: until.to_rfc3339() };
        caller.write_log(room, draft.detail(detail))?;
        decided(room, &caller, request.n, Ok(until))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refuse {
    why: String,
}

pub(super) async fn refuse(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(n): PathName,
    Body(body): Body<Refuse>,
) -> Result<Response, ProblemDetails> {
    let why = checked_text("why", &body.why)?;
    room.blocking(move |room| {
        let (request, draft) = open(room, &caller, &n, Action::Refuse)?;
        let detail = facts! { Request: request.n, Of: request.asker, Why: why };
        caller.write_log(room, draft.detail(detail))?;
        decided(room, &caller, request.n, Err(&why))
    })
    .await
}

/// The open request of an address, if this person may decide on it.
fn open(
    room: &RoomState,
    caller: &Caller,
    n: &str,
    action: Action,
) -> Result<(Request, Draft), ProblemDetails> {
    caller.must_have(room, Act::Approve, Draft::new(action))?;
    let n: i64 = n.parse().map_err(|_| ProblemDetails::NOT_FOUND)?;
    let request = room.accounts(|a| a.request(n))?.ok_or(ProblemDetails::NOT_FOUND)?;
    let why =
        Why { reason: Some(request.reason.clone()), case: Some(request.case.clone()), ..Why::default() };
    let draft = Draft::new(action).on(request.recordings.iter().copied()).why(why);
    if request.asker.eq_ignore_ascii_case(caller.name()) {
        let told = draft.ended(Outcome::Refused).detail(facts! { Request: n, Because: "own request" });
        caller.write_log(room, told)?;
        return Err(ProblemDetails::OWN_REQUEST);
    }
    if request.state != super::super::accounts::RequestState::Open {
        return Err(ProblemDetails::CONFLICT.with("somebody has decided already"));
    }
    Ok((request, draft))
}

fn decided(
    room: &RoomState,
    caller: &Caller,
    n: i64,
    decision: Result<crate::time::Timestamp, &str>,
) -> Result<Response, ProblemDetails> {
    if !room.accounts(|a| a.decide(n, caller.name(), decision, caller.now()))? {
        return Err(ProblemDetails::CONFLICT.with("somebody has decided already"));
    }
    let request = room.accounts(|a| a.request(n))?.ok_or(ProblemDetails::NOT_FOUND)?;
    Ok(json(StatusCode::OK, &request.to_json()))
}
