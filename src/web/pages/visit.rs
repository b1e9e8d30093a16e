//! Who asks for a page, and how it is made for him.

use crate::config::Language;
use crate::web::RoomState;
use crate::web::guard::Caller;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// How a page is to be made for whoever asks for it.
#[derive(Clone, Debug)]
pub struct Guest {
    /// In this language.
    pub lang: Language,
    /// Languages there are.
    pub languages: Vec<Language>,
    /// The address of the page, for the way back.
    pub path: String,
}

impl Guest {
    pub(super) fn of(parts: &Parts, room: &RoomState, own: Option<Language>) -> Guest {
        let there = &room.config.room.languages;
        let asked = parts.uri.query().unwrap_or("").split('&').find_map(|pair| pair.strip_prefix("lang="));
        Guest {
            lang: Language::choose(asked, own, &parts.headers, there),
            languages: there.clone(),
            path: parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        }
    }

    /// What is said under `key`.
    pub fn say(&self, key: &str) -> String {
        self.lang.say(key)
    }

    /// The same, or what is said under `other` where there is nothing.
    pub fn say_or(&self, key: &str, other: &str) -> String {
        self.say(if self.lang.has(key) { key } else { other })
    }
}

impl FromRequestParts<Arc<RoomState>> for Guest {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<RoomState>) -> Result<Guest, Self::Rejection> {
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

/// Somebody signed in who may still have to accept the undertaking, and how.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// How.
    pub guest: Guest,
}

/// A path as a value in an address.
pub(super) fn encoded(text: &str) -> String {
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
pub(super) fn address(pairs: &[(String, String)], but: &[&str]) -> String {
    let kept = pairs.iter().filter(|(key, value)| !value.is_empty() && !but.contains(&key.as_str()));
    kept.map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect::<Vec<_>>().join("&")
}

/// HTML with a status.
pub(super) fn html(status: StatusCode, page: maud::Markup) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/html; charset=utf-8"));
    (status, headers, page.into_string()).into_response()
}
