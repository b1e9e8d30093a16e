//! Acting: hold, release, restrict, erase, export; by the code the commands use, which
//! tells the log first.

use super::super::RoomState;
use super::super::accounts::password;
use super::super::desk::Desk;
use super::super::guard::Caller;
use super::super::problem::ProblemDetails;
use super::answer::{Body as Json, PathName, checked_text, json};
use super::finding::{granted, item, refuse, resolve};
use crate::archive::index::Row;
use crate::config::CopyAccess;
use crate::config::listening::Act;
use crate::custody::access::Deed;
use crate::custody::amend::{Correction, stated_number};
use crate::custody::audit::{Action, By, Draft, Why};
use crate::custody::edit::Amended;
use crate::custody::export::{ExportForm, ExportRequest, Exported, VconForm};
use crate::custody::hold::Release;
use crate::custody::keeper::Keeper;
use crate::id::Channel;
use crate::pii::{Pii, stored};
use crate::store::cases::HoldReason;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response as Answer, StatusCode, header};
use axum::response::Response;
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// The recording of an address, if this may be done to it; what is refused is told.
pub(super) fn allowed(
    room: &RoomState,
    caller: &Caller,
    id: &str,
    act: Act,
    action: Action,
) -> Result<Row, ProblemDetails> {
    caller.scope(act.name())?;
    let row = resolve(room, caller, id, action)?;
    let asker = caller.asker(room);
    let approved = granted(room, &asker, row.id);
    match asker.may(Deed::Do { act, approved }, &row) {
        Ok(()) => Ok(row),
        Err(why) => {
            let problem = refuse(room, caller, &row, Draft::new(action), why)?;
            // Of the recording, not of the person: a conflict.
            let of_recording = ["restricted", "past-term"].contains(&problem.kind);
            Err(if of_recording { problem.as_conflict() } else { problem })
        }
    }
}

/// What an edit came to, and the recording as it is now.
fn amended(
    room: &RoomState,
    caller: &Caller,
    row: &Row,
    amended: &Amended,
) -> Result<Response, ProblemDetails> {
    if let Some((_, why)) = amended.refused.first() {
        return Err(ProblemDetails::CONFLICT.with(why.to_string()));
    }
    if let Some((_, why)) = amended.failed.first() {
        tracing::error!(reason = %why, "a recording cannot be changed");
        return Err(ProblemDetails::UNAVAILABLE);
    }
    let asker = caller.asker(room);
    let now = room.desk.one(&asker, &row.id.to_string())?;
    let item = now.and_then(|row| item(room, &asker, &row)).unwrap_or_default();
    Ok(json(StatusCode::OK, &Value::Object(item)))
}

/// Does something to the recording of an address, where it may be done; answers with the
/// recording as it is then.
async fn edit<E>(
    room: Arc<RoomState>,
    caller: Caller,
    id: String,
    act: Act,
    action: Action,
    edit: E,
) -> Result<Response, ProblemDetails>
where
    E: FnOnce(&RoomState, &mut Keeper, &[Row], &By) -> Result<Amended, ProblemDetails> + Send + 'static,
{
    room.blocking(move |room| {
        let row = allowed(room, &caller, &id, act, action)?;
        let mut keeper = room.desk.keeper()?;
        let done = edit(room, &mut keeper, std::slice::from_ref(&row), &caller.entrant.by)?;
        amended(room, &caller, &row, &done)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldRequest {
    reason: String,
    #[serde(rename = "ref")]
    case: String,
}

pub(super) async fn hold(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
    Json(body): Json<HoldRequest>,
) -> Result<Response, ProblemDetails> {
    edit(room, caller, id, Act::Hold, Action::Hold, move |_, keeper, rows, by| {
        let reason = HoldReason::from_str(&body.reason, false);
        let reason = reason.map_err(|_| {
            ProblemDetails::bad("reason: crime, accident, statute, contract, dsar or litigation")
        })?;
        Ok(keeper.hold(rows, reason, &checked_text("ref", &body.case)?, None, by)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndRequest {
    #[serde(default, rename = "ref")]
    case: Option<String>,
    #[serde(default)]
    yes: bool,
}

pub(super) async fn release(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
    Json(body): Json<EndRequest>,
) -> Result<Response, ProblemDetails> {
    edit(room, caller, id, Act::Release, Action::Release, move |room, keeper, rows, by| {
        let case = body.case.as_deref().map(|case| checked_text("ref", case)).transpose()?;
        let grace = room.config.retention.release_grace;
        let how = Release { case: case.as_deref(), accept_due: body.yes, grace };
        let done = keeper.release(rows, how, None, by)?;
        if done.asked_back {
            let due =
                ProblemDetails::new(StatusCode::CONFLICT, "past-term", "The term of the recording is over");
            return Err(due.with("once released, the next sweep deletes it; \"yes\": true does it"));
        }
        Ok(done.amended)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseRequest {
    #[serde(rename = "ref")]
    case: String,
}

pub(super) async fn restrict(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
    Json(body): Json<CaseRequest>,
) -> Result<Response, ProblemDetails> {
    edit(room, caller, id, Act::Restrict, Action::Restrict, move |_, keeper, rows, by| {
        Ok(keeper.restrict(rows, &checked_text("ref", &body.case)?, None, by)?)
    })
    .await
}

pub(super) async fn unrestrict(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
    Json(body): Json<CaseRequest>,
) -> Result<Response, ProblemDetails> {
    edit(room, caller, id, Act::Restrict, Action::Unrestrict, move |_, keeper, rows, by| {
        Ok(keeper.unrestrict(rows, &checked_text("ref", &body.case)?, None, by)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Amend {
    #[serde(rename = "ref")]
    case: String,
    #[serde(default)]
    agent: Option<String>,
    #[serde(default)]
    agent_name: Option<String>,
    #[serde(default, with = "stored")]
    number: Option<Pii<String>>,
    #[serde(default, with = "stored")]
    note: Option<Pii<String>>,
}

impl Amend {
    fn correction(self) -> Result<Correction, ProblemDetails> {
        // What is empty is not known from here on.
        let text = |key: &str, text: Option<String>| match text {
            Some(t) if !t.trim().is_empty() => checked_text(key, &t).map(Some),
            other => Ok(other.map(|_| String::new())),
        };
        let number = |n: Pii<String>| {
            stated_number(n.as_str()).ok_or_else(|| ProblemDetails::bad("number: not a telephone number"))
        };
        let correction = Correction {
            case: checked_text("ref", &self.case)?,
            agent: text("agent", self.agent)?,
            agent_name: text("agent_name", self.agent_name)?,
            number: self.number.map(number).transpose()?,
            note: self.note.map(|n| checked_text("note", n.as_str())).transpose()?.map(Pii::new),
        };
        match correction.is_empty() {
            true => Err(ProblemDetails::bad("agent, agent_name, number or note: one at least")),
            false => Ok(correction),
        }
    }
}

pub(super) async fn amend(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
    Json(body): Json<Amend>,
) -> Result<Response, ProblemDetails> {
    edit(room, caller, id, Act::Amend, Action::Amend, move |room, keeper, rows, by| {
        Ok(keeper.correct(rows, &body.correction()?, &room.config, None, by)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Erase {
    reason: String,
    /// The legal ground on which it is refused, instead of done.
    #[serde(default)]
    refuse: Option<String>,
    /// As the command's option; the request itself says it.
    #[serde(default, rename = "yes")]
    _yes: bool,
}

pub(super) async fn erase(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
    Json(body): Json<Erase>,
) -> Result<Response, ProblemDetails> {
    room.blocking(move |room| {
        let row = allowed(room, &caller, &id, Act::Erase, Action::Erase)?;
        let reason = checked_text("reason", &body.reason)?;
        let mut keeper = room.desk.keeper()?;
        let rows = std::slice::from_ref(&row);
        if let Some(ground) = &body.refuse {
            let basis = Some(checked_text("refuse", ground)?);
            let why = Why { reason: Some(reason), basis, ..Why::default() };
            keeper.refuse_erasure(rows, why, None, &caller.entrant.by)?;
            return Ok(json(StatusCode::OK, &json!({ "id": row.id, "erased": false })));
        }
        let done = keeper.erase(rows, &reason, None, &caller.entrant.by)?;
        if !done.held.is_empty() {
            return Err(crate::custody::access::Denied::Held.into());
        }
        if let Some((_, why)) = done.failed.first() {
            tracing::error!(reason = %why, "a recording cannot be erased");
            return Err(ProblemDetails::UNAVAILABLE);
        }
        Ok(json(StatusCode::OK, &json!({ "id": row.id, "erased": true })))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    /// A folder of the machine; without it the copy comes as the answer, zipped.
    #[serde(default)]
    to: Option<PathBuf>,
    reason: String,
    #[serde(default)]
    recipient: Option<String>,
    #[serde(default)]
    basis: Option<String>,
    #[serde(default)]
    start: Option<f64>,
    #[serde(default)]
    end: Option<f64>,
    #[serde(default)]
    silence: Option<String>,
    #[serde(default)]
    zip: bool,
    #[serde(default)]
    format: Option<String>,
}

impl Export {
    fn order(&self, room: &RoomState, to: PathBuf, zip: bool) -> Result<ExportRequest, ProblemDetails> {
        let seconds = |key: &str, value: Option<f64>| match value {
            Some(s) if !s.is_finite() || s < 0.0 => {
                Err(ProblemDetails::bad(format!("{key}: seconds from the answer")))
            }
            fine => Ok(fine),
        };
        let (start_s, end_s) = (seconds("start", self.start)?, seconds("end", self.end)?);
        if start_s.zip(end_s).is_some_and(|(start, end)| start >= end) {
            return Err(ProblemDetails::bad("start must lie before end"));
        }
        let silence = match self.silence.as_deref() {
            None => None,
            Some("customer") => Some(Channel::Customer),
            Some("agent") => Some(Channel::Agent),
            Some(_) => return Err(ProblemDetails::bad("silence: customer or agent")),
        };
        let form = match self.format.as_deref() {
            None | Some("files") => ExportForm::Files,
            Some("vcon") => ExportForm::Vcon(VconForm::default()),
            Some(_) => return Err(ProblemDetails::bad("format: files or vcon")),
        };
        let optional =
            |key: &str, text: &Option<String>| text.as_deref().map(|t| checked_text(key, t)).transpose();
        let why = Why {
            reason: Some(checked_text("reason", &self.reason)?),
            case: None,
            recipient: optional("recipient", &self.recipient)?,
            basis: optional("basis", &self.basis)?,
        };
        let until_due = room.config.retention.access == CopyAccess::UntilDue;
        let zone = Some(room.desk.zone.clone());
        Ok(ExportRequest {
            to,
            why,
            start_s,
            end_s,
            silence,
            form,
            zip,
            until_due,
            zone,
            ..ExportRequest::default()
        })
    }
}

pub(super) async fn export(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
    Json(body): Json<Export>,
) -> Result<Response, ProblemDetails> {
    room.blocking(move |room| {
        let row = allowed(room, &caller, &id, Act::Export, Action::Export)?;
        let rows = std::slice::from_ref(&row);
        let mut keeper = room.desk.keeper()?;
        if let Some(to) = &body.to {
            if !Desk::may_export_to(&room.config.room.exports, to) {
                return Err(ProblemDetails::bad(
                    "to: the whole path of a folder below room.exports, without a way up",
                ));
            }
            let order = body.order(room, to.clone(), body.zip)?;
            let done = keeper.export(rows, &order, &caller.entrant.by)?;
            let answer = json!({ "recordings": done.recordings, "path": done.path, "sha256": done.sha256 });
            return Ok(json(StatusCode::OK, &answer));
        }
        if let Err(why) = caller.asker(room).may(Deed::Download, &row) {
            return Err(refuse(room, &caller, &row, Draft::new(Action::Export), why)?
                .with("no copy by the browser: name a folder with \"to\""));
        }
        let folder = Scratch::new()?;
        let order = body.order(room, folder.0.join("copy"), true)?;
        let done = keeper.export(rows, &order, &caller.entrant.by)?;
        sent(&done, &format!("nauhuri-{}.zip", crate::id::short_hex(row.id)))
    })
    .await
}

/// A zip as the answer.
pub(super) fn sent(done: &Exported, name: &str) -> Result<Response, ProblemDetails> {
    let zip = std::fs::read(&done.path).map_err(|_| ProblemDetails::BROKEN)?;
    Answer::builder()
        .header(header::CONTENT_TYPE, "application/zip")
        .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
        .header("x-nauhuri-sha256", &done.sha256)
        .body(Body::from(zip))
        .map_err(|_| ProblemDetails::BROKEN)
}

/// A folder of this process's own, gone when it is dropped.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new() -> Result<Scratch, ProblemDetails> {
        use std::os::unix::fs::DirBuilderExt;
        let name = format!("nauhuri-{}", hex::encode(password::random::<16>()));
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            tracing::error!(reason = %error.kind(), "no folder for a copy can be made");
            ProblemDetails::UNAVAILABLE
        })?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::fs::remove_dir_all(&self.0).is_err() {
            tracing::error!(folder = %self.0.display(), "the folder of a copy cannot be removed");
        }
    }
}
