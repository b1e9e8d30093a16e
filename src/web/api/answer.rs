//! Bodies as they come in, and answers as they go out.

use super::super::RoomState;
use super::super::problem::ProblemDetails;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// A body of JSON: told to be JSON, so that no form of another site is one.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<RoomState>> for Body<T> {
    type Rejection = ProblemDetails;

    async fn from_request(request: Request, room: &Arc<RoomState>) -> Result<Body<T>, ProblemDetails> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = kind.is_some_and(|kind| {
            kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
        });
        if !is_json {
            let kind = ProblemDetails::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                "The body has to be JSON",
            );
            return Err(kind.with("Content-Type: application/json"));
        }
        let Ok(bytes) = Bytes::from_request(request, room).await else {
            let large = ProblemDetails::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "The body is too long, or was cut",
            );
            return Err(large);
        };
        match serde_json::from_slice(&bytes) {
            Ok(body) => Ok(Body(body)),
            // What serde says repeats values: a password, a number.
            Err(e) => Err(ProblemDetails::bad(format!(
                "not the JSON that is asked for (line {}, column {})",
                e.line(),
                e.column()
            ))),
        }
    }
}

/// What a query says, each key that is not known refused.
#[derive(Debug)]
pub struct QueryOf<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<RoomState>> for QueryOf<T> {
    type Rejection = ProblemDetails;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<RoomState>) -> Result<Self, ProblemDetails> {
        match Query::from_request_parts(parts, room).await {
            Ok(Query(asked)) => Ok(QueryOf(asked)),
            // What serde says repeats values.
            Err(_) => Err(ProblemDetails::bad(
                "the query has an unknown or missing key, or a value of another kind: see /api/v1/openapi.json",
            )),
        }
    }
}

/// The part of a path that names a thing.
#[derive(Debug)]
pub struct PathName(pub String);

impl FromRequestParts<Arc<RoomState>> for PathName {
    type Rejection = ProblemDetails;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<RoomState>) -> Result<Self, ProblemDetails> {
        // One that is no text names nothing.
        match Path::from_request_parts(parts, room).await {
            Ok(Path(name)) => Ok(PathName(name)),
            Err(_) => Err(ProblemDetails::NOT_FOUND),
        }
    }
}

/// JSON with a status.
pub(super) fn json(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// Text that says something, as the commands take it.
pub(super) fn checked_text(key: &str, text: &str) -> Result<String, ProblemDetails> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(ProblemDetails::bad(format!("{key}: must not be empty"))),
        1..=crate::custody::audit::MAX_TEXT => Ok(text.to_owned()),
        _ => {
            Err(ProblemDetails::bad(format!("{key}: at most {} characters", crate::custody::audit::MAX_TEXT)))
        }
    }
}
