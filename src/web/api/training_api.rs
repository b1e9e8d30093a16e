//! Training copies: made by whoever may make them of a recording, heard by whoever may hear those
//! of its service. Of a copy that somebody may neither hear nor make he learns nothing.

use super::super::RoomState;
use super::super::guard::Caller;
use super::super::problem::ProblemDetails;
use super::acts::allowed;
use super::answer::{Body, PathName, checked_text, json};
use super::sound::{AskedSound, answer};
use crate::archive::index::Row;
use crate::config::listening::Act;
use crate::custody::access::Deed;
use crate::custody::audit::{Action, Draft, Outcome, facts};
use crate::custody::training::{MakeError, TrainingRequest, parse_span};
use crate::store::training::{MaskedSpan, SideChange, TrainingCopy};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, TryLockError};
use uuid::Uuid;

/// One is made at a time: it takes a processor.
static MAKING: Mutex<()> = Mutex::new(());

/// A copy as somebody may have it.
#[derive(Clone, Debug)]
pub struct OfferedCopy {
    /// What is known of it.
    pub copy: TrainingCopy,
    /// He may hear it.
    pub hear: bool,
    /// He may remove it, and see what it was made from.
    pub remove: bool,
}

impl OfferedCopy {
    fn to_json(&self) -> Value {
        let TrainingCopy {
            id,
            service,
            title,
            label,
            made_at,
            duration_s,
            customer,
            agent,
            spans,
            until,
            ..
        } = &self.copy;
        let may: Vec<&str> = [(self.hear, "hear"), (self.remove, "remove")]
            .into_iter()
            .filter_map(|(may, word)| may.then_some(word))
            .collect();
        let mut item = json!({
            "id": id, "service": service, "title": title, "label": label, "made_at": made_at, "duration_s": duration_s,
            "customer": customer, "agent": agent, "spans": spans, "may": may,
        });
        if self.remove {
            // From its end the day of the call could be reckoned.
            item["until"] = json!(until);
            item["source"] = json!(self.copy.source);
            item["made_by"] = json!(self.copy.made_by);
        }
        item
    }
}

/// What somebody may do with a copy; `None`: it is not his to know of.
fn offered(room: &RoomState, caller: &Caller, copy: TrainingCopy, source: &Row) -> Option<OfferedCopy> {
    let person = &caller.entrant.person;
    let hear = room.policy.may_hear_training(person, copy.service.as_deref()).is_ok();
    let asker = caller.asker(room);
    let remove = asker.may(Deed::Find, source).is_ok() && room.policy.gives(person, Act::Training);
    (hear || remove).then_some(OfferedCopy { copy, hear, remove })
}

/// The copies that somebody may know of, told to the log.
///
/// # Errors
/// Folder, index or log cannot be used.
pub fn training_offered(room: &RoomState, caller: &Caller) -> Result<Vec<OfferedCopy>, ProblemDetails> {
    caller.write_log(room, Draft::new(Action::TrainingShow))?;
    let copies = room.desk.training(caller.now())?;
    Ok(copies.into_iter().filter_map(|(copy, source)| offered(room, caller, copy, &source)).collect())
}

pub(super) async fn list(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
) -> Result<Response, ProblemDetails> {
    caller.scope("read")?;
    room.blocking(move |room| {
        let items: Vec<Value> = training_offered(room, &caller)?.iter().map(OfferedCopy::to_json).collect();
        Ok(json(StatusCode::OK, &json!({ "items": items })))
    })
    .await
}

/// The copy of an address, if it is his to know of; what is refused is told.
fn one(room: &RoomState, caller: &Caller, id: &str, action: Action) -> Result<OfferedCopy, ProblemDetails> {
    let wanted = Uuid::try_parse(id).ok();
    let copies = room.desk.training(caller.now())?;
    let found = copies.into_iter().find(|(copy, _)| Some(copy.id) == wanted);
    let offer = found.and_then(|(copy, source)| offered(room, caller, copy, &source));
    if offer.is_none() {
        let told = Draft::new(action).ended(Outcome::Refused).detail(facts! { Because: "not to be found" });
        caller.write_log(room, told)?;
    }
    offer.ok_or(ProblemDetails::NOT_FOUND)
}

pub(super) async fn audio(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
    headers: HeaderMap,
) -> Result<Response, ProblemDetails> {
    caller.scope("hear")?;
    let asked = AskedSound::of(&headers);
    let (pcm, range, tag) = room
        .blocking(move |room| {
            let offer = one(room, &caller, &id, Action::TrainingListen)?;
            if !offer.hear {
                let told = Draft::new(Action::TrainingListen).on([offer.copy.source]).ended(Outcome::Refused);
                caller
                    .write_log(room, told.detail(facts! { Training: offer.copy.id, Because: "no right" }))?;
                return Err(ProblemDetails::FORBIDDEN);
            }
            let pcm = room.desk.training_sound(&offer.copy).map_err(|error| {
                tracing::error!(reason = %error, "a training copy cannot be read");
                ProblemDetails::UNAVAILABLE
            })?;
            let (range, tag, detail) = asked.judged(&pcm, &offer.copy.sha256);
            let told = Draft::new(Action::TrainingListen)
                .on([offer.copy.source])
                .detail(detail.and(facts! { Training: offer.copy.id }));
            caller.write_log(room, told)?;
            Ok((pcm, range, tag))
        })
        .await?;
    answer(&room, pcm, range, &tag)
}

pub(super) async fn remove(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
) -> Result<Response, ProblemDetails> {
    caller.scope(Act::Training.name())?;
    room.blocking(move |room| {
        let offer = one(room, &caller, &id, Action::TrainingRemove)?;
        if !offer.remove {
            let told = Draft::new(Action::TrainingRemove).on([offer.copy.source]).ended(Outcome::Refused);
            caller.write_log(room, told.detail(facts! { Training: offer.copy.id, Because: "no right" }))?;
            return Err(ProblemDetails::FORBIDDEN);
        }
        room.desk.keeper()?.remove_training(offer.copy.id, &caller.entrant.by)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCopy {
    title: String,
    #[serde(default)]
    customer: Option<SideChange>,
    #[serde(default)]
    agent: Option<SideChange>,
    #[serde(default)]
    start: Option<f64>,
    #[serde(default)]
    end: Option<f64>,
    #[serde(default)]
    silence: Vec<String>,
    #[serde(default)]
    beep: Vec<String>,
}

impl NewCopy {
    fn request(&self) -> Result<TrainingRequest, ProblemDetails> {
        let is_fine = |s: Option<f64>| s.is_none_or(|s| s.is_finite() && s >= 0.0);
        if !is_fine(self.start) || !is_fine(self.end) {
            return Err(ProblemDetails::bad("start, end: seconds from the answer"));
        }
        let span = |text: &String, beep: bool| {
            let wrong = "silence, beep: seconds such as 12-15.5, or 12-15.5:agent for one side";
            parse_span(text, beep).ok_or_else(|| ProblemDetails::bad(wrong))
        };
        let silent = self.silence.iter().map(|text| span(text, false));
        let spans = silent.chain(self.beep.iter().map(|text| span(text, true)));
        Ok(TrainingRequest {
            title: checked_text("title", &self.title)?,
            customer: self.customer.unwrap_or(SideChange::Altered),
            agent: self.agent.unwrap_or(SideChange::Altered),
            start_s: self.start,
            end_s: self.end,
            spans: spans.collect::<Result<Vec<MaskedSpan>, _>>()?,
        })
    }
}

pub(super) async fn make(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
    Body(body): Body<NewCopy>,
) -> Result<Response, ProblemDetails> {
    room.blocking(move |room| {
        let row = allowed(room, &caller, &id, Act::Training, Action::TrainingMake)?;
        let request = body.request()?;
        let _alone = match MAKING.try_lock() {
            Ok(alone) => alone,
            // Whoever panicked in it makes none any more.
            Err(TryLockError::Poisoned(alone)) => alone.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(ProblemDetails::TOO_MANY.with("another training copy is being made just now"));
            }
        };
        let made = room.desk.keeper()?.make_training(&row, &request, &caller.entrant.by);
        let copy = made?;
        let offer = offered(room, &caller, copy, &row).ok_or(ProblemDetails::NOT_FOUND)?;
        Ok(json(StatusCode::CREATED, &offer.to_json()))
    })
    .await
}

impl From<MakeError> for ProblemDetails {
    fn from(error: MakeError) -> ProblemDetails {
        match error {
            MakeError::Unfit(why) => ProblemDetails::bad(why),
            MakeError::Conflict { why, .. } => ProblemDetails::CONFLICT.with(why),
            MakeError::Keeper(error) => error.into(),
            MakeError::Store(error) => {
                tracing::error!(reason = %error, "a training copy cannot be made");
                ProblemDetails::UNAVAILABLE
            }
        }
    }
}
