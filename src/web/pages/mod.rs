//! The pages of the room: what the API tells, for people. Made here, whole; the one script
//! sends forms to the API and plays sound.

mod desks;
mod door;
mod frame;
mod recording;
mod search;
mod text;

pub use text::Lang;

use super::Room;
use super::guard::{Caller, Entrant};
use super::problem::Problem;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use std::sync::Arc;

const SCRIPT: &str = include_str!("assets/room.js");
const STYLE: &str = include_str!("assets/room.css");
const ICON: &str = include_str!("assets/icon.svg");

/// Everything outside `/api`.
pub fn routes() -> Router<Arc<Room>> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/recordings") }))
        .route("/sign-in", get(door::sign_in))
        .route("/undertaking", get(door::undertaking))
        .route("/account", get(door::account))
        .route("/recordings", get(search::page))
        .route("/recordings/{id}", get(recording::page))
        .route("/requests", get(desks::requests))
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
    door::problem(&guest, &Problem::NOT_FOUND)
}

/// How a page is to be made for whoever asks for it.
#[derive(Clone, Debug)]
pub struct Guest {
    /// In this language.
    pub lang: Lang,
    /// Languages there are.
    pub languages: Vec<Lang>,
    /// The address of the page, for the way back.
    pub path: String,
}

impl Guest {
    fn of(parts: &Parts, room: &Room, own: Option<&str>) -> Guest {
        let there = &room.config.room.languages;
        let asked = parts.uri.query().unwrap_or("").split('&').find_map(|pair| pair.strip_prefix("lang="));
        Guest {
            lang: Lang::choose(asked, own, &parts.headers, there),
            languages: there.iter().filter_map(|code| Lang::of(code)).collect(),
            path: parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        }
    }

    /// What is said under `key`.
    pub fn say(&self, key: &str) -> String {
        self.lang.say(key)
    }
}

impl FromRequestParts<Arc<Room>> for Guest {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<Room>) -> Result<Guest, Self::Rejection> {
        Ok(Guest::of(parts, room, None))
    }
}

/// Somebody who may see pages, and how.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who.
    pub caller: Caller,
    /// How.
    pub guest: Guest,
}

impl FromRequestParts<Arc<Room>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<Room>) -> Result<Visitor, Response> {
        match Caller::from_request_parts(parts, room).await {
            Ok(caller) => {
                let guest = Guest::of(parts, room, caller.entrant.session.account.language.as_deref());
                Ok(Visitor { caller, guest })
            }
            Err(problem) => Err(turned_away(&Guest::of(parts, room, None), &problem)),
        }
    }
}

/// Somebody signed in who may still have to accept the undertaking, and how.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// Who.
    pub entrant: Entrant,
    /// How.
    pub guest: Guest,
}

impl FromRequestParts<Arc<Room>> for Newcomer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<Room>) -> Result<Newcomer, Response> {
        match Entrant::from_request_parts(parts, room).await {
            Ok(entrant) => {
                let guest = Guest::of(parts, room, entrant.session.account.language.as_deref());
                Ok(Newcomer { entrant, guest })
            }
            Err(problem) => Err(turned_away(&Guest::of(parts, room, None), &problem)),
        }
    }
}

/// To the door, and from there back to where he wanted to go.
fn turned_away(guest: &Guest, problem: &Problem) -> Response {
    let to = match problem.kind {
        "unauthenticated" => "/sign-in",
        "undertaking" => "/undertaking",
        _ => return door::problem(guest, problem),
    };
    Redirect::to(&format!("{to}?next={}", encoded(&guest.path))).into_response()
}

/// A path as a value in an address.
fn encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
        out
    })
}

/// Pairs as an address has them.
fn address(pairs: &[(String, String)], but: &[&str]) -> String {
    let kept = pairs.iter().filter(|(key, value)| !value.is_empty() && !but.contains(&key.as_str()));
    kept.map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect::<Vec<_>>().join("&")
}

/// HTML with a status.
fn html(status: StatusCode, page: maud::Markup) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/html; charset=utf-8"));
    (status, headers, page.into_string()).into_response()
}
