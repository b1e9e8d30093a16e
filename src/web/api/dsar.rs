//! The requests of data subjects: taken, identified, extended, decided, answered.
//!
//! Whoever keeps them may; what a decision does to a recording, or a copy takes of it, asks
//! the rules about that recording as the acts do.

use super::super::RoomState;
use super::super::desk::Desk;
use super::super::guard::Caller;
use super::super::problem::ProblemDetails;
use super::acts::{Scratch, allowed, sent};
use super::answer::{Body, PathName, QueryOf, checked_text, json};
use super::finding::{refuse, resolve};
use crate::config::CopyAccess;
use crate::config::Language;
use crate::config::listening::Act;
use crate::custody::access::Deed;
use crate::custody::audit::{Action, Draft};
use crate::custody::dsar::{
    CarryOut, ContactChannel, CopyRequest, Handling, Letter, LetterKind, NewRequest, RequestOutcome,
    RequestStanding, Ruling, SubjectRequest, SubjectRight,
};
use crate::id::Channel;
use crate::pii::{Pii, stored};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

/// Requests on a page.
const PAGE: usize = 200;

/// A request and how it stands.
pub type ShownRequest = (SubjectRequest, RequestStanding);

/// Opens the book for somebody who keeps it.
fn handle<T>(
    room: &RoomState,
    caller: &Caller,
    action: Action,
    work: impl FnOnce(&mut Handling<'_>) -> Result<T, ProblemDetails>,
) -> Result<T, ProblemDetails> {
    caller.must_have(room, Act::Dsar, Draft::new(action))?;
    let mut keeper = room.desk.keeper()?;
    work(&mut Handling::open(&mut keeper, &caller.entrant.by, &room.desk.zone)?)
}

/// The same in a route.
async fn route(
    room: Arc<RoomState>,
    caller: Caller,
    action: Action,
    work: impl FnOnce(&RoomState, &Caller, &mut Handling<'_>) -> Result<Response, ProblemDetails> + Send + 'static,
) -> Result<Response, ProblemDetails> {
    room.blocking(move |room| handle(room, &caller, action, |desk| work(room, &caller, desk))).await
}

/// The request as it is now.
fn as_it_is(desk: &mut Handling<'_>, n: i64, status: StatusCode) -> Result<Response, ProblemDetails> {
    let now = desk.get(n)?;
    Ok(json(status, &item(desk, &now)))
}

fn number(n: &str) -> Result<i64, ProblemDetails> {
    n.parse().map_err(|_| ProblemDetails::NOT_FOUND)
}

fn item(desk: &Handling<'_>, (request, standing): &ShownRequest) -> serde_json::Value {
    request.to_json(*standing, desk.today())
}

/// What one of several words stands for.
fn word<T: ValueEnum>(key: &str, text: &str) -> Result<T, ProblemDetails> {
    T::from_str(text, false).map_err(|_| {
        let all: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|one| Some(one.to_possible_value()?.get_name().to_owned()))
            .collect();
        ProblemDetails::bad(format!("{key}: one of {}", all.join(", ")))
    })
}

fn stated(key: &str, text: Option<&Pii<String>>) -> Result<Option<Pii<String>>, ProblemDetails> {
    text.map(|text| checked_text(key, text.as_str()).map(Pii::new)).transpose()
}

/// The recordings of ids that may be found.
fn found(
    room: &RoomState,
    caller: &Caller,
    ids: &[String],
    action: Action,
) -> Result<Vec<Uuid>, ProblemDetails> {
    ids.iter().map(|id| Ok(resolve(room, caller, id, action)?.id)).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DsarQuery {
    #[serde(default)]
    all: Option<String>,
    #[serde(default)]
    cursor: Option<i64>,
}

pub(super) async fn list(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    QueryOf(query): QueryOf<DsarQuery>,
) -> Result<Response, ProblemDetails> {
    room.blocking(move |room| {
        let before = query.all.map(|_| query.cursor.unwrap_or(i64::MAX));
        let (requests, next) = listed(room, &caller, before)?;
        let today = crate::store::calendar::local_date(caller.now(), &room.desk.zone);
        let items: Vec<_> = requests.iter().map(|(r, standing)| r.to_json(*standing, today)).collect();
        Ok(json(StatusCode::OK, &json!({ "items": items, "next": next })))
    })
    .await
}

/// Those that are waited for; with a number, all before it, the newest first.
///
/// # Errors
/// He does not keep them; book or log cannot be used.
pub fn listed(
    room: &RoomState,
    caller: &Caller,
    before: Option<i64>,
) -> Result<(Vec<ShownRequest>, Option<i64>), ProblemDetails> {
    handle(room, caller, Action::DsarShow, |desk| {
        let Some(before) = before else { return Ok((desk.undecided()?, None)) };
        let page = desk.page(before, PAGE)?;
        let next = page.last().filter(|_| page.len() == PAGE).map(|(request, _)| request.n);
        Ok((page, next))
    })
}

/// One request that is looked at.
///
/// # Errors
/// As [`listed`]; there is none of that number.
pub fn shown(room: &RoomState, caller: &Caller, n: &str) -> Result<ShownRequest, ProblemDetails> {
    handle(room, caller, Action::DsarShow, |desk| Ok(desk.show(number(n)?)?))
}

/// A letter.
///
/// # Errors
/// As [`shown`]; there is nothing of the kind to write.
pub fn letter_of(room: &RoomState, caller: &Caller, n: &str, kind: &str) -> Result<Letter, ProblemDetails> {
    handle(room, caller, Action::DsarShow, |desk| {
        let kind = LetterKind::from_name(kind).ok_or(ProblemDetails::NOT_FOUND)?;
        Ok(desk.letter(number(n)?, kind, &room.config.controller)?)
    })
}

pub(super) async fn one(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(n): PathName,
) -> Result<Response, ProblemDetails> {
    route(room, caller, Action::DsarShow, move |_, _, desk| {
        let found = desk.show(number(&n)?)?;
        Ok(json(StatusCode::OK, &item(desk, &found)))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDsar {
    right: String,
    received: String,
    channel: String,
    #[serde(rename = "ref")]
    case: String,
    #[serde(default)]
    language: Option<String>,
    #[serde(with = "stored")]
    name: Pii<String>,
    #[serde(default, with = "stored")]
    address: Option<Pii<String>>,
    #[serde(default, with = "stored")]
    number: Option<Pii<String>>,
    #[serde(default, with = "stored")]
    identity: Option<Pii<String>>,
    #[serde(default)]
    ask_identity: bool,
    #[serde(default)]
    recordings: Vec<String>,
}

impl NewDsar {
    fn request(&self, room: &RoomState, caller: &Caller) -> Result<NewRequest, ProblemDetails> {
        let wrong = "number: not a telephone number";
        let number = self.number.as_ref().map(|n| {
            crate::custody::amend::stated_number(n.as_str()).ok_or_else(|| ProblemDetails::bad(wrong))
        });
        let language = match &self.language {
            Some(code) => word::<Language>("language", code)?,
            None => room.config.room.languages.first().copied().unwrap_or_default(),
        };
        Ok(NewRequest {
            right: word::<SubjectRight>("right", &self.right)?,
            received: self
                .received
                .parse()
                .map_err(|_| ProblemDetails::bad("received: a date such as 2026-11-23"))?,
            channel: word::<ContactChannel>("channel", &self.channel)?,
            case: checked_text("ref", &self.case)?,
            language,
            name: Pii::new(checked_text("name", self.name.as_str())?),
            address: stated("address", self.address.as_ref())?.unwrap_or_default(),
            number: number.transpose()?,
            identity: stated("identity", self.identity.as_ref())?,
            identity_asked: self.ask_identity && self.identity.is_none(),
            recordings: found(room, caller, &self.recordings, Action::DsarAdd)?,
        })
    }
}

pub(super) async fn add(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    Body(body): Body<NewDsar>,
) -> Result<Response, ProblemDetails> {
    route(room, caller, Action::DsarAdd, move |room, caller, desk| {
        let n = desk.add(&body.request(room, caller)?, &room.desk.numbers)?;
        as_it_is(desk, n, StatusCode::CREATED)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeDsar {
    #[serde(default, with = "stored")]
    identity: Option<Pii<String>>,
    #[serde(default)]
    ask_identity: bool,
    #[serde(default)]
    recordings: Vec<String>,
}

pub(super) async fn change(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(n): PathName,
    Body(body): Body<ChangeDsar>,
) -> Result<Response, ProblemDetails> {
    route(room, caller, Action::DsarChange, move |room, caller, desk| {
        let n = number(&n)?;
        desk.get(n)?;
        if body.identity.is_none() && !body.ask_identity && body.recordings.is_empty() {
            return Err(ProblemDetails::bad("identity, ask_identity or recordings: one at least"));
        }
        let recordings = found(room, caller, &body.recordings, Action::DsarChange)?;
        if body.identity.is_some() || body.ask_identity {
            desk.identify(n, stated("identity", body.identity.as_ref())?.as_ref())?;
        }
        if !recordings.is_empty() {
            desk.link(n, &recordings)?;
        }
        as_it_is(desk, n, StatusCode::OK)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExtendDsar {
    months: u8,
    #[serde(with = "stored")]
    why: Pii<String>,
}

pub(super) async fn extend(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(n): PathName,
    Body(body): Body<ExtendDsar>,
) -> Result<Response, ProblemDetails> {
    route(room, caller, Action::DsarExtend, move |_, _, desk| {
        let n = number(&n)?;
        desk.extend(n, body.months, &Pii::new(checked_text("why", body.why.as_str())?))?;
        as_it_is(desk, n, StatusCode::OK)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DecideDsar {
    outcome: String,
    #[serde(default)]
    ground: Option<String>,
    #[serde(default, with = "stored")]
    why: Option<Pii<String>>,
    #[serde(default)]
    carry_out: Option<String>,
    #[serde(default)]
    recordings: Vec<String>,
}

pub(super) async fn decide(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(n): PathName,
    Body(body): Body<DecideDsar>,
) -> Result<Response, ProblemDetails> {
    route(room, caller, Action::DsarDecide, move |room, caller, desk| {
        let n = number(&n)?;
        let (request, _) = desk.get(n)?;
        let chosen = found(room, caller, &body.recordings, Action::DsarDecide)?;
        let ruling = Ruling {
            outcome: word::<RequestOutcome>("outcome", &body.outcome)?,
            ground: body.ground.as_deref().map(|ground| checked_text("ground", ground)).transpose()?,
            why: stated("why", body.why.as_ref())?,
            carry_out: body.carry_out.as_deref().map(|what| word("carry_out", what)).transpose()?,
            recordings: (!chosen.is_empty()).then_some(chosen),
        };
        let act = match ruling.carries_out(request.right) {
            CarryOut::Erase => Some((Act::Erase, Action::Erase)),
            CarryOut::Restrict => Some((Act::Restrict, Action::Restrict)),
            CarryOut::Nothing => None,
        };
        if let Some((act, action)) = act {
            let is_meant = |id| ruling.recordings.as_ref().is_none_or(|chosen| chosen.contains(id));
            for row in desk.rows(&request)?.iter().filter(|row| is_meant(&row.id)) {
                allowed(room, caller, &row.id.to_string(), act, action)?;
            }
        }
        desk.decide(n, &ruling)?;
        as_it_is(desk, n, StatusCode::OK)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CopyDsar {
    /// A folder of the machine; without it the copy comes as the answer.
    #[serde(default)]
    to: Option<PathBuf>,
    #[serde(default)]
    silence: Option<String>,
    #[serde(default)]
    without_names: bool,
    #[serde(default)]
    leave_out: Vec<String>,
}

impl CopyDsar {
    fn order(&self, room: &RoomState, to: PathBuf) -> Result<CopyRequest, ProblemDetails> {
        let entry = |n: &String| {
            n.parse().map_err(|_| ProblemDetails::bad("leave_out: numbers of entries of the log"))
        };
        Ok(CopyRequest {
            to,
            silence: self.silence.as_deref().map(|side| word::<Channel>("silence", side)).transpose()?,
            without_names: self.without_names,
            leave_out: self.leave_out.iter().map(entry).collect::<Result<_, _>>()?,
            until_due: room.config.retention.access == CopyAccess::UntilDue,
        })
    }
}

pub(super) async fn copy(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(n): PathName,
    Body(body): Body<CopyDsar>,
) -> Result<Response, ProblemDetails> {
    route(room, caller, Action::Export, move |room, caller, desk| {
        let n = number(&n)?;
        let (request, _) = desk.get(n)?;
        for row in desk.rows(&request)? {
            let row = allowed(room, caller, &row.id.to_string(), Act::Export, Action::Export)?;
            if body.to.is_some() {
                continue;
            }
            if let Err(why) = caller.asker(room).may(Deed::Download, &row) {
                return Err(refuse(room, caller, &row, Draft::new(Action::Export), why)?
                    .with("no copy by the browser: name a folder with \"to\""));
            }
        }
        if let Some(to) = &body.to {
            if !Desk::may_export_to(&room.config.room.exports, to) {
                return Err(ProblemDetails::bad(
                    "to: the whole path of a folder below room.exports, without a way up",
                ));
            }
            let done = desk.copy(n, &body.order(room, to.clone())?)?;
            let answer = json!({ "recordings": done.recordings, "path": done.path, "sha256": done.sha256 });
            return Ok(json(StatusCode::OK, &answer));
        }
        let folder = Scratch::new()?;
        let done = desk.copy(n, &body.order(room, folder.0.join("copy"))?)?;
        sent(&done, &format!("nauhuri-dsar-{n}.zip"))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LetterQuery {
    kind: String,
}

pub(super) async fn letter(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(n): PathName,
    QueryOf(query): QueryOf<LetterQuery>,
) -> Result<Response, ProblemDetails> {
    room.blocking(move |room| {
        let letter = letter_of(room, &caller, &n, &query.kind)?;
        let answer =
            json!({ "title": letter.title, "language": letter.language.code(), "text": letter.to_text() });
        Ok(json(StatusCode::OK, &answer))
    })
    .await
}
