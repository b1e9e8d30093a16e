//! `/api/v1`: what the pages do, for programs too.

mod acts;
mod log;
mod people;
mod recordings;
mod requests;
mod session;
mod sound;

use super::Room;
use super::problem::Problem;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

pub use log::{Asked, address_of, found as log_found};
pub use people::{people, rights_of_all};
pub use recordings::{found, shown};
pub use requests::shown as requests_shown;

/// Longest body of a request, bytes.
pub const BODY_MAX: usize = 64 << 10;

/// Everything below `/api/v1`.
pub fn routes() -> Router<Arc<Room>> {
    Router::new()
        .route("/session", post(session::sign_in).get(session::show).delete(session::sign_out))
        .route("/session/undertaking", get(session::undertaking).post(session::accept))
        .route("/session/language", post(session::language))
        .route("/session/totp", post(session::totp_begin).put(session::totp_confirm))
        .route("/tokens", get(session::tokens).post(session::add_token))
        .route("/tokens/{id}", delete(session::end_token))
        .route("/recordings", get(recordings::list))
        .route("/recordings/{id}", get(recordings::one))
        .route("/recordings/{id}/peaks", get(sound::peaks))
        .route("/recordings/{id}/audio", get(sound::audio))
        .route("/recordings/{id}/hold", post(acts::hold))
        .route("/recordings/{id}/release", post(acts::release))
        .route("/recordings/{id}/restrict", post(acts::restrict))
        .route("/recordings/{id}/unrestrict", post(acts::unrestrict))
        .route("/recordings/{id}/erase", post(acts::erase))
        .route("/recordings/{id}/export", post(acts::export))
        .route("/requests", get(requests::list).post(requests::ask))
        .route("/requests/{n}/approve", post(requests::approve))
        .route("/requests/{n}/refuse", post(requests::refuse))
        .route("/audit", get(log::list))
        .route("/people", get(people::list))
        .route("/rights", get(people::rights))
        .fallback(|| async { Problem::NOT_FOUND })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Not with this method")
        })
}

/// A body of JSON: told to be JSON, so that no form of another site is one.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Room>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, room: &Arc<Room>) -> Result<Body<T>, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = kind.is_some_and(|kind| {
            kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
        });
        if !is_json {
            let kind =
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The body has to be JSON");
            return Err(kind.with("Content-Type: application/json"));
        }
        let Ok(bytes) = Bytes::from_request(request, room).await else {
            let large =
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too long, or was cut");
            return Err(large);
        };
        match serde_json::from_slice(&bytes) {
            Ok(body) => Ok(Body(body)),
            // What serde says repeats values: a password, a number.
            Err(e) => Err(Problem::bad(format!(
                "not the JSON that is asked for (line {}, column {})",
                e.line(),
                e.column()
            ))),
        }
    }
}

/// JSON with a status.
fn json(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// Text that says something, as the commands take it.
fn said(key: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Problem::bad(format!("{key}: it must say something"))),
        1..=crate::custody::audit::MAX_TEXT => Ok(text.to_owned()),
        _ => Err(Problem::bad(format!("{key}: at most {} characters", crate::custody::audit::MAX_TEXT))),
    }
}
