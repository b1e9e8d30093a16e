//! Coming in and going: `/session`, the undertaking, one-time codes, personal tokens.

use super::super::accounts::{SignInRefused, password};
use super::super::guard::{
    Caller, Entrant, Peer, base, is_own_origin, keep_session, mark_of, session_cookie, web,
};
use super::super::problem::ProblemDetails;
use super::super::query::when;
use super::super::{RoomState, now};
use super::answer::{Body, PathName, checked_text, json};
use crate::config::Language;
use crate::custody::audit::{Action, By, Draft, Outcome, facts};
use crate::time::Timestamp;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// Longest life of a token, nanoseconds: a year.
const TOKEN_NS: i64 = 366 * 86_400 * 1_000_000_000;
/// What a token can be limited to.
const SCOPES: [&str; 14] = [
    "read", "hear", "request", "export", "hold", "release", "restrict", "erase", "amend", "training",
    "approve", "people", "audit", "dsar",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    user: String,
    password: String,
    #[serde(default)]
    totp: Option<String>,
}

pub(super) async fn sign_in(
    State(room): State<Arc<RoomState>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Body(body): Body<SignIn>,
) -> Result<Response, ProblemDetails> {
    if !is_own_origin(&headers) {
        return Err(ProblemDetails::CROSS_SITE);
    }
    let (name, now) = (body.user.clone(), now());
    let attempt = room.blocking(move |room| room.accounts(|a| a.attempt(&name, peer.address, now))).await?;
    // Whatever is wrong takes as long; and not more at once than the machine can bear.
    let turn = room.hashing.acquire().await.map_err(|_| ProblemDetails::BROKEN)?;
    let (given, hash) = (body.password, attempt.hash.clone());
    let right = room.blocking(move |_| Ok(password::verify(&given, &hash))).await?;
    drop(turn);
    let old = session_cookie(&headers);
    let secret = room
        .blocking(move |room| {
            let judged = room.accounts(|a| a.judge(&attempt, right, body.totp.as_deref(), now))?;
            // Nobody's name is `-`; what was typed may be a password.
            let by = |name: &str, mark| By::new(web(name, mark, peer.address), now);
            let nobody = by(attempt.name.as_deref().unwrap_or("-"), String::new());
            let name = match judged {
                Ok(name) => name,
                Err(why) => {
                    // Strangers do not fill the log: a locked address is told once.
                    if why != SignInRefused::Address(false) {
                        let because = facts! { Because: why.name() };
                        let draft = Draft::new(Action::SignIn).ended(Outcome::Refused).detail(because);
                        room.desk.write_log(&nobody, draft)?;
                    }
                    return Err(ProblemDetails::REFUSED);
                }
            };
            let secret = hex::encode(password::random::<32>());
            room.desk.write_log(&by(&name, mark_of(&secret)), Draft::new(Action::SignIn))?;
            room.accounts(|a| {
                if let Some(old) = &old {
                    a.end_session(old)?;
                }
                a.begin_session(&name, &secret, peer.address, now)
            })?;
            Ok(secret)
        })
        .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    keep_session(&mut response, &secret, peer, None)?;
    Ok(response)
}

pub(super) async fn show(
    State(room): State<Arc<RoomState>>,
    entrant: Entrant,
) -> Result<Response, ProblemDetails> {
    let account = &entrant.session.account;
    let body = json!({
        "user": account.name, "roles": account.roles, "totp": account.totp, "language": account.language,
        "undertaking": room.undertaking().map(|text| &text.version),
    });
    Ok(json(StatusCode::OK, &body))
}

pub(super) async fn sign_out(
    State(room): State<Arc<RoomState>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    entrant: Entrant,
) -> Result<Response, ProblemDetails> {
    let Some(secret) = entrant.cookie.clone() else {
        return Err(ProblemDetails::bad("a token is no session: end it under /tokens"));
    };
    let id_token = room
        .blocking(move |room| {
            // Whoever leaves is let go, whatever the log says.
            let told = room.desk.write_log(&entrant.by, Draft::new(Action::SignOut));
            let id_token = room.accounts(|a| {
                let id_token = a.id_token_of(&secret)?;
                a.end_session(&secret)?;
                Ok(id_token)
            })?;
            told.map(|()| id_token)
        })
        .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    keep_session(&mut response, "", peer, Some(0))?;
    // Who came by a provider leaves there too: his browser has to go there.
    let base = base(peer, &headers).ok();
    let way_out =
        room.provider().zip(id_token).zip(base).and_then(|((p, token), base)| p.way_out(&token, &base));
    if let Some(url) = way_out.and_then(|url| HeaderValue::try_from(url).ok()) {
        response.headers_mut().insert("x-nauhuri-next", url);
    }
    Ok(response)
}

pub(super) async fn undertaking(
    State(room): State<Arc<RoomState>>,
    entrant: Entrant,
) -> Result<Response, ProblemDetails> {
    let name = entrant.person.name.clone();
    room.blocking(move |room| {
        let Some(text) = room.undertaking() else {
            return Ok(json(StatusCode::OK, &json!({ "version": null, "text": null, "accepted": true })));
        };
        let accepted = room.accounts(|a| a.has_accepted(&name, &text.version))?;
        let body = json!({ "version": text.version, "text": text.text, "accepted": accepted });
        Ok(json(StatusCode::OK, &body))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accept {
    #[serde(default)]
    version: Option<String>,
}

pub(super) async fn accept(
    State(room): State<Arc<RoomState>>,
    entrant: Entrant,
    Body(body): Body<Accept>,
) -> Result<Response, ProblemDetails> {
    if entrant.cookie.is_none() {
        return Err(ProblemDetails::FORBIDDEN.with("a person accepts it, not a token"));
    }
    room.blocking(move |room| {
        let Some(text) = room.undertaking() else { return Ok(StatusCode::NO_CONTENT.into_response()) };
        if body.version.as_deref() != Some(text.version.as_str()) {
            return Err(ProblemDetails::CONFLICT.with("another version has to be accepted"));
        }
        let draft = Draft::new(Action::Undertaking).detail(facts! { Version: text.version });
        room.desk.write_log(&entrant.by, draft)?;
        room.accounts(|a| a.accept(&entrant.person.name, text, entrant.by.at))?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LanguageChoice {
    language: String,
}

pub(super) async fn language(
    State(room): State<Arc<RoomState>>,
    entrant: Entrant,
    Body(body): Body<LanguageChoice>,
) -> Result<Response, ProblemDetails> {
    let Some(language) = Language::from_code(&body.language) else {
        return Err(ProblemDetails::bad("language: fi, sv or en"));
    };
    room.blocking(move |room| room.accounts(|a| a.choose_language(&entrant.person.name, language))).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn totp_begin(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
) -> Result<Response, ProblemDetails> {
    let name = own_session(&caller)?;
    if caller.entrant.session.account.totp {
        return Err(ProblemDetails::CONFLICT.with("one-time codes are on; nauhuri user reset ends them"));
    }
    let secret = room.blocking(move |room| room.accounts(|a| a.totp_begin(&name))).await?;
    let secret = password::base32(&secret);
    let uri = format!("otpauth://totp/nauhuri:{}?secret={secret}&issuer=nauhuri", caller.name());
    Ok(json(StatusCode::OK, &json!({ "secret": secret, "uri": uri })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    code: String,
}

pub(super) async fn totp_confirm(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    Body(body): Body<Code>,
) -> Result<Response, ProblemDetails> {
    let name = own_session(&caller)?;
    if caller.entrant.session.account.totp {
        return Err(ProblemDetails::CONFLICT.with("one-time codes are on"));
    }
    room.blocking(move |room| {
        caller.write_log(room, Draft::new(Action::Credential).detail(facts! { OneTimeCodes: "on" }))?;
        match room.accounts(|a| a.totp_confirm(&name, &body.code, caller.now()))? {
            true => Ok(StatusCode::NO_CONTENT.into_response()),
            false => Err(ProblemDetails::bad("code: not one of the new secret")),
        }
    })
    .await
}

/// What is set up for an account is so by its owner at a browser.
fn own_session(caller: &Caller) -> Result<String, ProblemDetails> {
    match caller.entrant.cookie {
        Some(_) => Ok(caller.name().to_owned()),
        None => Err(ProblemDetails::FORBIDDEN.with("not with a token")),
    }
}

pub(super) async fn tokens(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
) -> Result<Response, ProblemDetails> {
    let name = own_session(&caller)?;
    let tokens = room.blocking(move |room| room.accounts(|a| a.tokens(&name))).await?;
    let items: Vec<_> = tokens.iter().map(|token| token.to_json()).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    label: String,
    scope: Vec<String>,
    until: String,
}

pub(super) async fn add_token(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    Body(body): Body<NewToken>,
) -> Result<Response, ProblemDetails> {
    let name = own_session(&caller)?;
    let label = checked_text("label", &body.label)?;
    if body.scope.is_empty() || !body.scope.iter().all(|word| SCOPES.contains(&word.as_str())) {
        return Err(ProblemDetails::bad(format!("scope: at least one of {}", SCOPES.join(", "))));
    }
    let until = end(&room, &body.until, caller.now(), TOKEN_NS)?;
    room.blocking(move |room| {
        let detail = facts! { Token: label, Scope: body.scope, Until: until.to_rfc3339() };
        caller.write_log(room, Draft::new(Action::Credential).detail(detail))?;
        let made = room.accounts(|a| a.add_token(&name, &label, &body.scope, until, caller.now()))?;
        let (id, secret) = made.ok_or(ProblemDetails::TOO_MANY)?;
        let body = json!({ "id": id, "token": secret, "until": until.to_rfc3339() });
        Ok(json(StatusCode::CREATED, &body))
    })
    .await
}

pub(super) async fn end_token(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
) -> Result<Response, ProblemDetails> {
    let name = own_session(&caller)?;
    room.blocking(move |room| match room.accounts(|a| a.end_token(&name, &id))? {
        true => {
            caller.write_log(room, Draft::new(Action::Credential).detail(facts! { Token: "ended" }))?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        false => Err(ProblemDetails::NOT_FOUND),
    })
    .await
}

/// An end that lies ahead, and not further than `most` nanoseconds.
pub(super) fn end(
    room: &RoomState,
    text: &str,
    now: Timestamp,
    most: i64,
) -> Result<Timestamp, ProblemDetails> {
    let end = when(text.trim(), &room.desk.zone, true);
    let fits = |end: &Timestamp| *end > now && end.since_ns(now) <= most;
    end.filter(fits).ok_or_else(|| {
        ProblemDetails::bad(format!(
            "until: a date or an RFC 3339 instant within {} days",
            most / 86_400_000_000_000
        ))
    })
}
