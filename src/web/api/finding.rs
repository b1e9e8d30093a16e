//! Finding: a page of recordings, and one of them.

use super::super::RoomState;
use super::super::desk::Asker;
use super::super::guard::Caller;
use super::super::problem::ProblemDetails;
use super::super::query::{Query, Surroundings};
use super::answer::{PathName, QueryOf, json};
use crate::archive::index::Row;
use crate::config::listening::Act;
use crate::custody::access::{Deed, Denied};
use crate::custody::audit::{Action, Draft, Outcome, facts};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// Longest id that is looked at.
const ID_MAX: usize = 36;

pub(super) async fn list(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    QueryOf(pairs): QueryOf<Vec<(String, String)>>,
) -> Result<Response, ProblemDetails> {
    caller.scope("read")?;
    room.blocking(move |room| {
        let (items, next) = found(room, &caller, &pairs)?;
        Ok(json(StatusCode::OK, &json!({ "items": items, "next": next })))
    })
    .await
}

/// A page of what may be found, told to the log, and where the next begins.
///
/// # Errors
/// A search that makes no sense; the index or the log cannot be used.
pub fn found(
    room: &RoomState,
    caller: &Caller,
    pairs: &[(String, String)],
) -> Result<(Vec<Value>, Option<String>), ProblemDetails> {
    let around = Surroundings { zone: &room.desk.zone, numbers: &room.desk.numbers, now: caller.now() };
    let query = Query::read(pairs, &around).map_err(ProblemDetails::bad)?;
    let asker = caller.asker(room);
    let (rows, next) = room.desk.page(&asker, &query)?;
    let said = query.said.clone().if_any();
    caller.write_log(room, Draft::new(Action::List).on(rows.iter().map(|row| row.id)).found_by(said))?;
    let items = rows.iter().filter_map(|row| item(room, &asker, row)).map(Value::Object).collect();
    Ok((items, next.map(|cursor| cursor.text())))
}

/// The sidecar of a recording with `state` and `may`.
pub(super) fn item(room: &RoomState, asker: &Asker<'_>, row: &Row) -> Option<Map<String, Value>> {
    let mut object = room.desk.sidecar(row, asker.now)?;
    let granted = granted(room, asker, row.id);
    object.insert("may".into(), may_words(asker, row, granted).into());
    let hear = asker.may(Deed::Hear { reason: None, approved: granted }, row);
    let needs = match hear {
        Err(Denied::ReasonMissing) => Value::from("reason"),
        Err(Denied::RequestMissing) => Value::from("request"),
        _ => Value::Null,
    };
    object.insert("hearing_needs".into(), needs);
    let reasons = asker.policy.reasons(row.service.as_deref());
    object.insert("reasons".into(), reasons.iter().map(|reason| reason.name()).collect());
    Some(object)
}

/// Whether a request of the asker for this recording is granted now.
pub(super) fn granted(room: &RoomState, asker: &Asker<'_>, id: Uuid) -> bool {
    let granted = room.accounts(|a| a.granted(&asker.person.name, id, asker.now));
    // What cannot be read grants nothing.
    granted.is_ok_and(|n| n.is_some())
}

/// What this person may do to a recording, in words: `hear`, `request` and the acts.
fn may_words(asker: &Asker<'_>, row: &Row, granted: bool) -> Vec<&'static str> {
    let mut words = Vec::new();
    let hear = asker.may(Deed::Hear { reason: None, approved: granted }, row);
    // A reason can be given at once; a request has to be waited for.
    if matches!(hear, Ok(()) | Err(Denied::ReasonMissing)) {
        words.push("hear");
    }
    let export = asker.may(Deed::Do { act: Act::Export, approved: granted }, row);
    let ask =
        asker.policy.reasons(row.service.as_deref()).first().map(|reason| asker.may(Deed::Ask(*reason), row));
    if ask == Some(Ok(())) && [hear, export].contains(&Err(Denied::RequestMissing)) {
        words.push("request");
    }
    for act in Act::TO_RECORDINGS {
        if asker.may(Deed::Do { act, approved: granted }, row).is_ok() {
            words.push(act.name());
        }
    }
    if asker.may(Deed::Download, row).is_ok() {
        words.push("download");
    }
    words
}

/// The recording of an address. A look at one that may not be found is told and
/// answered exactly as a look at one that is not there.
pub(super) fn resolve(
    room: &RoomState,
    caller: &Caller,
    id: &str,
    action: Action,
) -> Result<Row, ProblemDetails> {
    let found = if id.len() <= ID_MAX { room.desk.one(&caller.asker(room), id)? } else { None };
    if let Some(row) = found {
        return Ok(row);
    }
    let mut draft = Draft::new(action).ended(Outcome::Refused).detail(facts! { Because: "not to be found" });
    if let Ok(id) = Uuid::try_parse(id) {
        draft = draft.on([id]);
    }
    caller.write_log(room, draft)?;
    Err(ProblemDetails::NOT_FOUND)
}

/// A refusal, told before it is answered.
pub(super) fn refuse(
    room: &RoomState,
    caller: &Caller,
    row: &Row,
    draft: Draft,
    why: Denied,
) -> Result<ProblemDetails, ProblemDetails> {
    let problem = ProblemDetails::from(why);
    let told = draft.on([row.id]).ended(Outcome::Refused).detail(facts! { Because: problem.kind });
    caller.write_log(room, told)?;
    Ok(problem)
}

pub(super) async fn one(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
) -> Result<Response, ProblemDetails> {
    caller.scope("read")?;
    room.blocking(move |room| Ok(json(StatusCode::OK, &Value::Object(shown(room, &caller, &id)?)))).await
}

/// One recording, told to the log.
fn shown(room: &RoomState, caller: &Caller, id: &str) -> Result<Map<String, Value>, ProblemDetails> {
    let row = resolve(room, caller, id, Action::Show)?;
    caller.write_log(room, Draft::new(Action::Show).on([row.id]))?;
    item(room, &caller.asker(room), &row).ok_or(ProblemDetails::NOT_FOUND)
}

/// A recording as the API gives it, and the ids of the next newer and the next older.
type Among = (Map<String, Value>, [Option<Uuid>; 2]);

/// One recording, told to the log, and those beside it in the search that led to it: the next newer, the next older.
///
/// # Errors
/// It is not there, or not to be found; index or log cannot be used. A search that makes no sense has none beside it.
pub fn shown_among(
    room: &RoomState,
    caller: &Caller,
    id: &str,
    pairs: &[(String, String)],
) -> Result<Among, ProblemDetails> {
    let row = resolve(room, caller, id, Action::Show)?;
    let around = Surroundings { zone: &room.desk.zone, numbers: &room.desk.numbers, now: caller.now() };
    let query = Query::read(pairs, &around).ok();
    let said = query.as_ref().and_then(|query| query.said.clone().if_any());
    caller.write_log(room, Draft::new(Action::Show).on([row.id]).found_by(said))?;
    let asker = caller.asker(room);
    let beside = query.map_or(Ok([None; 2]), |query| room.desk.beside(&asker, &query, &row))?;
    Ok((item(room, &asker, &row).ok_or(ProblemDetails::NOT_FOUND)?, beside))
}
