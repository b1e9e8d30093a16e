//! The way in by a provider: there, back, and out when the provider says so.

use super::door::{Pairs, next, problem};
use super::frame::leading;
use super::visit::{Guest, html as answer};
use crate::custody::audit::{Action, By, Draft, Outcome, facts};
use crate::time::Timestamp;
use crate::web::accounts::{Match, SignInRefused, Vouched, password};
use crate::web::guard::{Peer, base, cookie_named, keep_session, mark_of, session_cookie, set_cookie, web};
use crate::web::oidc::handshake::{Handshake, TIME_S};
use crate::web::oidc::{Provider, ProviderError, ProviderIdentity};
use crate::web::problem::ProblemDetails;
use crate::web::{RoomState, now};
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;

/// The cookie that a handshake travels in. Not `Strict`: it comes back from another site.
const COOKIE: &str = "nauhuri-oidc";
/// Where it is sent.
const PATH: &str = "/sign-in/provider";

pub(super) async fn begin(
    State(room): State<Arc<RoomState>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    guest: Guest,
    Query(pairs): Pairs,
) -> Response {
    let begun = async {
        let provider = room.provider().ok_or(ProblemDetails::NOT_FOUND)?;
        let base = base(peer, &headers)?;
        let begun = provider.begin(&base, &next(&pairs), now()).await;
        let (url, sealed) = begun.map_err(|error| unusable(&error))?;
        let mut response = Redirect::to(&url).into_response();
        let cookie = format!("{COOKIE}={sealed}; Path={PATH}; SameSite=Lax; Max-Age={TIME_S}");
        set_cookie(&mut response, &cookie, peer)?;
        Ok(response)
    };
    begun.await.unwrap_or_else(|wrong: ProblemDetails| problem(&guest, &wrong))
}

fn unusable(error: &ProviderError) -> ProblemDetails {
    tracing::warn!(reason = %error, "a sign-in by the provider failed");
    ProblemDetails::PROVIDER
}

/// What the provider sends somebody back with (RFC 6749 section 4.1.2).
struct AuthorizationResponse {
    state: String,
    /// The code, or in one word why there is none.
    code: Result<String, String>,
}

impl AuthorizationResponse {
    fn read(pairs: &[(String, String)]) -> Option<AuthorizationResponse> {
        let one = |key: &str| {
            let mut all = pairs.iter().filter(|(name, _)| name == key).map(|(_, value)| value.clone());
            all.next().filter(|_| all.next().is_none())
        };
        let code = one("code").ok_or_else(|| one("error").unwrap_or_default());
        Some(AuthorizationResponse { state: one("state")?, code })
    }
}

pub(super) async fn back(
    State(room): State<Arc<RoomState>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    guest: Guest,
    Query(pairs): Pairs,
) -> Response {
    let came = async {
        let provider = room.provider().ok_or(ProblemDetails::NOT_FOUND)?;
        let now = now();
        if room.blocking(move |room| room.accounts(|a| a.is_locked_out(peer.address, now))).await? {
            return Err(ProblemDetails::REFUSED);
        }
        match who(provider, &headers, &pairs, now).await {
            Ok((handshake, arrival)) => {
                let old = session_cookie(&headers);
                let secret =
                    room.blocking(move |room| let_in(room, &arrival, old.as_deref(), peer, now)).await?;
                Ok((handshake.next, secret))
            }
            Err(wrong) => {
                let because = SignInRefused::Provider;
                room.blocking(move |room| turn_away(room, "-", because, peer, now)).await?;
                Err(wrong)
            }
        }
    };
    let mut response = match came.await {
        Ok((next, secret)) => {
            let mut response = answer(StatusCode::OK, leading(&guest, &next, &guest.say("sign-in")));
            if let Err(wrong) = keep_session(&mut response, &secret, peer, None) {
                return problem(&guest, &wrong);
            }
            response
        }
        Err(wrong) => problem(&guest, &wrong),
    };
    // Whatever came of it, this handshake is over.
    match set_cookie(&mut response, &format!("{COOKIE}=; Path={PATH}; SameSite=Lax; Max-Age=0"), peer) {
        Ok(()) => response,
        Err(wrong) => problem(&guest, &wrong),
    }
}

/// Who comes back, if it is somebody who left from here.
async fn who(
    provider: &Provider,
    headers: &HeaderMap,
    pairs: &[(String, String)],
    now: Timestamp,
) -> Result<(Handshake, ProviderIdentity), ProblemDetails> {
    let came = AuthorizationResponse::read(pairs).zip(cookie_named(headers, COOKIE));
    let Some((answer, cookie)) = came else { return Err(ProblemDetails::SIGN_IN_AGAIN) };
    let handshake = provider.back(&cookie, &answer.state, now).ok_or(ProblemDetails::SIGN_IN_AGAIN)?;
    // `access_denied` and the like: he was not let in there, or turned back.
    let code = answer.code.map_err(|_| ProblemDetails::SIGN_IN_AGAIN)?;
    match provider.finish(&handshake, code).await {
        Ok(arrival) => Ok((handshake, arrival)),
        Err(error) => Err(unusable(&error)),
    }
}

/// Tells the log of somebody who was not let in, unless strangers make too much of it.
fn turn_away(
    room: &RoomState,
    name: &str,
    why: SignInRefused,
    peer: Peer,
    now: Timestamp,
) -> Result<(), ProblemDetails> {
    if room.accounts(|a| a.count_failure(peer.address, now))? {
        let by = By::new(web(name, String::new(), peer.address), now);
        let draft = Draft::new(Action::SignIn).ended(Outcome::Refused);
        room.desk.write_log(&by, draft.detail(facts! { Because: why.name() }))?;
    }
    Ok(())
}

/// Begins a session for somebody the provider vouches for; its secret.
fn let_in(
    room: &RoomState,
    arrival: &ProviderIdentity,
    old: Option<&str>,
    peer: Peer,
    now: Timestamp,
) -> Result<String, ProblemDetails> {
    let who = Vouched {
        issuer: &arrival.issuer,
        subject: &arrival.subject,
        name: arrival.name.as_deref(),
        roles: &arrival.roles,
    };
    let found = match room.accounts(|a| a.matching(who))? {
        Ok(found) => found,
        Err(why) => {
            turn_away(room, "-", why, peer, now)?;
            if why == SignInRefused::NoRole {
                room.accounts(|a| a.bereave(&arrival.issuer, &arrival.subject))?;
            }
            return Err(ProblemDetails::NO_PLACE);
        }
    };
    let secret = hex::encode(password::random::<32>());
    let by = By::new(web(found.name(), mark_of(&secret), peer.address), now);
    let detail = facts! { Account: found.name(), Roles: arrival.roles, Provider: arrival.issuer };
    match &found {
        Match::Known(_, roles) if *roles == arrival.roles => {}
        Match::Known(..) | Match::Awaited(_) => {
            room.desk.write_log(&by, Draft::new(Action::UserChange).detail(detail))?;
        }
        Match::New(_) => room.desk.write_log(&by, Draft::new(Action::UserAdd).detail(detail))?,
    }
    let provider = facts! { Provider: arrival.issuer };
    room.desk.write_log(&by, Draft::new(Action::SignIn).detail(provider))?;
    room.accounts(|a| {
        a.enter(&found, who, now)?;
        if let Some(old) = old {
            a.end_session(old)?;
        }
        a.begin_session(found.name(), &secret, peer.address, now)?;
        a.tie_session(&secret, arrival.sid.as_deref(), &arrival.id_token)
    })?;
    Ok(secret)
}

#[derive(Deserialize)]
pub(super) struct LogoutForm {
    logout_token: String,
}

/// The provider itself says that somebody has left (Back-Channel Logout 1.0, section 2.5): what it sends is signed.
pub(super) async fn signed_out(
    State(room): State<Arc<RoomState>>,
    Extension(peer): Extension<Peer>,
    form: Result<Form<LogoutForm>, FormRejection>,
) -> Result<StatusCode, ProblemDetails> {
    let provider = room.provider().ok_or(ProblemDetails::NOT_FOUND)?;
    let Ok(Form(LogoutForm { logout_token })) = form else {
        return Err(ProblemDetails::bad("logout_token: missing"));
    };
    let now = now();
    let left = provider.signed_out(&logout_token, now).await.map_err(|error| {
        tracing::warn!(reason = %error, "a sign-out by the provider is not believed");
        ProblemDetails::bad("logout_token: not believed")
    })?;
    let issuer = room.config.room.oidc.issuer.clone();
    room.blocking(move |room| {
        let names = room
            .accounts(|a| a.end_provider_sessions(&issuer, left.subject.as_deref(), left.sid.as_deref()))?;
        for name in names {
            let by = By::new(web(&name, String::new(), peer.address), now);
            room.desk.write_log(&by, Draft::new(Action::SignOut).detail(facts! { By: "provider" }))?;
        }
        Ok(StatusCode::OK)
    })
    .await
}
