//! `/api/v1`: what the pages do, for programs too.

mod acts;
mod answer;
mod audit_list;
mod dsar;
mod entrance;
mod finding;
mod numbers;
mod openapi;
mod people;
mod requests;
mod sound;
mod training_api;

use super::RoomState;
use super::problem::ProblemDetails;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use std::sync::Arc;

pub use audit_list::{AuditQuery, address_of, found as log_found};
pub use dsar::{ShownRequest, letter_of, listed as dsar_listed, shown as dsar_shown};
pub use finding::{found, shown_among};
pub use numbers::{StatisticsQuery, counted};
pub use people::{people, rights_of_all};
pub use requests::shown as requests_shown;
pub use training_api::{OfferedCopy, training_offered};

/// Longest body of a request, bytes.
pub const BODY_MAX: usize = 64 << 10;

/// Everything below `/api/v1`.
pub fn routes() -> Router<Arc<RoomState>> {
    Router::new()
        .route("/session", post(entrance::sign_in).get(entrance::show).delete(entrance::sign_out))
        .route("/session/undertaking", get(entrance::undertaking).post(entrance::accept))
        .route("/session/language", post(entrance::language))
        .route("/session/totp", post(entrance::totp_begin).put(entrance::totp_confirm))
        .route("/tokens", get(entrance::tokens).post(entrance::add_token))
        .route("/tokens/{id}", delete(entrance::end_token))
        .route("/recordings", get(finding::list))
        .route("/recordings/{id}", get(finding::one))
        .route("/recordings/{id}/peaks", get(sound::peaks))
        .route("/recordings/{id}/audio", get(sound::audio))
        .route("/recordings/{id}/hold", post(acts::hold))
        .route("/recordings/{id}/release", post(acts::release))
        .route("/recordings/{id}/restrict", post(acts::restrict))
        .route("/recordings/{id}/unrestrict", post(acts::unrestrict))
        .route("/recordings/{id}/amend", post(acts::amend))
        .route("/recordings/{id}/erase", post(acts::erase))
        .route("/recordings/{id}/export", post(acts::export))
        .route("/recordings/{id}/training", post(training_api::make))
        .route("/training", get(training_api::list))
        .route("/training/{id}", delete(training_api::remove))
        .route("/training/{id}/audio", get(training_api::audio))
        .route("/requests", get(requests::list).post(requests::ask))
        .route("/requests/{n}/approve", post(requests::approve))
        .route("/requests/{n}/refuse", post(requests::refuse))
        .route("/dsar", get(dsar::list).post(dsar::add))
        .route("/dsar/{n}", get(dsar::one))
        .route("/dsar/{n}/change", post(dsar::change))
        .route("/dsar/{n}/extend", post(dsar::extend))
        .route("/dsar/{n}/decide", post(dsar::decide))
        .route("/dsar/{n}/copy", post(dsar::copy))
        .route("/dsar/{n}/letter", get(dsar::letter))
        .route("/audit", get(audit_list::list))
        .route("/people", get(people::list))
        .route("/people/{name}/intervals", post(people::interval))
        .route("/people/{name}/disable", post(people::disable))
        .route("/rights", get(people::rights))
        .route("/statistics", get(numbers::list))
        .route("/openapi.json", get(openapi::show))
        .fallback(|| async { ProblemDetails::NOT_FOUND })
        .method_not_allowed_fallback(|| async {
            ProblemDetails::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Not with this method")
        })
}
