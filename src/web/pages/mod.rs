//! The pages of the room: what the API tells, for people. Made here, whole; the one script
//! sends forms to the API and plays sound.

mod desks;
mod door;
mod dsar_page;
mod frame;
mod languages;
mod numbers_page;
mod one_recording;
mod provider;
mod search_page;
mod training_page;
mod visit;

use super::RoomState;
use super::problem::ProblemDetails;
use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use std::sync::Arc;
use visit::Guest;

const SCRIPT: &str = include_str!("assets/room.js");
const STYLE: &str = include_str!("assets/room.css");
const ICON: &str = include_str!("assets/icon.svg");

/// Everything outside `/api`.
pub fn routes() -> Router<Arc<RoomState>> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/recordings") }))
        .route("/sign-in", get(door::sign_in))
        .route("/sign-in/provider", get(provider::begin))
        .route("/sign-in/provider/back", get(provider::back))
        .route("/sign-in/provider/signed-out", post(provider::signed_out))
        .route("/undertaking", get(door::undertaking))
        .route("/account", get(door::account))
        .route("/recordings", get(search_page::page))
        .route("/recordings/{id}", get(one_recording::page))
        .route("/requests", get(desks::requests))
        .route("/training", get(training_page::page))
        .route("/dsar", get(dsar_page::list))
        .route("/dsar/{n}", get(dsar_page::one))
        .route("/dsar/{n}/letter/{kind}", get(dsar_page::letter))
        .route("/statistics", get(numbers_page::page))
        .route("/log", get(desks::log))
        .route("/people", get(desks::people))
        .route("/assets/room.js", get(|| async { asset("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/assets/room.css", get(|| async { asset("text/css; charset=utf-8", STYLE) }))
        .route("/assets/icon.svg", get(|| async { asset("image/svg+xml", ICON) }))
        .fallback(nowhere)
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "private, max-age=300")], text).into_response()
}

async fn nowhere(guest: Guest) -> Response {
    door::problem(&guest, &ProblemDetails::NOT_FOUND)
}
