//! `/statistics`: how many calls, how long, per service and hour.

use super::super::RoomState;
use super::super::guard::Caller;
use super::super::problem::ProblemDetails;
use super::super::query::when;
use super::super::statistics::{Counts, Slot, Span, to_json};
use super::answer::{QueryOf, json};
use crate::archive::small_cells::FEW;
use crate::custody::audit::{Action, Draft, Outcome, facts};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// Longest span, nanoseconds: 92 days, a quarter.
const SPAN_NS: i64 = 92 * 86_400 * 1_000_000_000;
/// The span where none is asked for, nanoseconds: four weeks.
const USUAL_NS: i64 = 28 * 86_400 * 1_000_000_000;

/// What is asked for; empty for as usual.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatisticsQuery {
    /// A date or an instant.
    pub since: String,
    /// A date, which is counted in, or an instant.
    pub until: String,
    /// `hour` or `hour_of_day`.
    pub by: String,
    /// Of a page.
    pub lang: String,
}

pub(super) async fn list(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    QueryOf(asked): QueryOf<StatisticsQuery>,
) -> Result<Response, ProblemDetails> {
    caller.scope("read")?;
    room.blocking(move |room| {
        let (span, counts) = counted(room, &caller, &asked)?;
        let body = json!({ "since": span.since.to_rfc3339(), "until": span.until.to_rfc3339(),
            "suppressed_below": FEW, "items": to_json(&counts) });
        Ok(json(StatusCode::OK, &body))
    })
    .await
}

/// What there is to count, told to the log. Only services whose recordings may be found whole are counted: whoever
/// finds his own or his team's learns nothing of others.
///
/// # Errors
/// No such service; a span that makes no sense; index or log cannot be used.
pub fn counted(
    room: &RoomState,
    caller: &Caller,
    asked: &StatisticsQuery,
) -> Result<(Span, Counts), ProblemDetails> {
    let now = caller.now();
    let at = |key: &str, text: &str, ends| match text.trim() {
        "" => Ok(None),
        text => when(text, &room.desk.zone, ends).map(Some).ok_or_else(|| {
            ProblemDetails::bad(format!("{key}: a date such as 2026-11-23 or an RFC 3339 instant"))
        }),
    };
    let until = at("until", &asked.until, true)?.unwrap_or(now);
    let since = at("since", &asked.since, false)?.unwrap_or_else(|| until.offset_ns(-USUAL_NS));
    if since >= until || until.since_ns(since) > SPAN_NS {
        return Err(ProblemDetails::bad(format!(
            "since, until: up to {} days",
            SPAN_NS / 86_400_000_000_000
        )));
    }
    let by = match asked.by.as_str() {
        "" => Slot::Hour,
        name => Slot::from_name(name).ok_or_else(|| ProblemDetails::bad("by: hour or hour_of_day"))?,
    };
    let asker = caller.asker(room);
    let said = facts! { Since: since.to_rfc3339(), Until: until.to_rfc3339() };
    let draft = Draft::new(Action::StatisticsShow).found_by(Some(said));
    if !room.policy.counts(asker.person, asker.directory) {
        caller.write_log(room, draft.ended(Outcome::Refused).detail(facts! { Because: "no right" }))?;
        return Err(ProblemDetails::FORBIDDEN);
    }
    caller.write_log(room, draft)?;
    let span = Span { since, until };
    Ok((span, room.desk.count(&asker, span, by)?))
}
