//! The way in: signing in, the undertaking, one's own account; and what is said where a
//! page cannot be shown.

use super::frame::{inside, page};
use super::visit::{Guest, Newcomer, Visitor, encoded, html as answer};
use crate::web::RoomState;
use crate::web::guard::{Caller, Entrant};
use crate::web::problem::ProblemDetails;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use std::sync::Arc;

/// The query of an address, in its order.
pub(super) type Pairs = Query<Vec<(String, String)>>;

/// Where to go from the door: a path of this room, nothing of another site.
pub(super) fn next(pairs: &[(String, String)]) -> String {
    let wanted = pairs.iter().find(|(key, _)| key == "next").map_or("", |(_, value)| value);
    let own = wanted.starts_with('/') && !wanted.starts_with("//") && !wanted.contains(['\\', '\n', '\r']);
    if own { wanted.to_owned() } else { "/recordings".to_owned() }
}

pub(super) async fn sign_in(
    State(room): State<Arc<RoomState>>,
    guest: Guest,
    Query(pairs): Pairs,
) -> Response {
    let say = |key: &str| guest.say(key);
    let next = next(&pairs);
    let main = html! {
        @if room.provider().is_some() {
            p { a.button.main href={ "/sign-in/provider?next=" (encoded(&next)) } { (say("sign-in-provider")) } }
            h2 { (say("sign-in-local")) }
        }
        form.narrow data-method="POST" data-api="/api/v1/session" data-next=(next) {
            label { span { (say("user")) } input type="text" name="user" required autocomplete="username" autofocus[room.provider().is_none()]; }
            label {
                span { (say("password")) }
                input type="password" name="password" required autocomplete="current-password";
            }
            label {
                span { (say("code")) }
                input type="text" name="totp" inputmode="numeric" autocomplete="one-time-code" maxlength="6";
            }
            p.alert role="alert" {}
            button.main type="submit" { (say("sign-in")) }
        }
    };
    answer(StatusCode::OK, page(&guest, None, &say("sign-in"), main))
}

pub(super) async fn undertaking(
    State(room): State<Arc<RoomState>>,
    newcomer: Newcomer,
    Query(pairs): Pairs,
) -> Response {
    let guest = &newcomer.guest;
    let say = |key: &str| guest.say(key);
    let main = match room.undertaking() {
        None => html! { p { a href="/recordings" { (say("recordings")) } } },
        Some(text) => html! {
            p { (say("undertaking-why")) }
            blockquote { @for line in text.text.lines() { p { (line) } } }
            form data-method="POST" data-api="/api/v1/session/undertaking" data-next=(next(&pairs)) {
                input type="hidden" name="version" value=(text.version);
                p.alert role="alert" {}
                button.main type="submit" { (say("accept")) }
            }
        },
    };
    answer(StatusCode::OK, page(guest, None, &say("undertaking"), main))
}

pub(super) async fn account(State(room): State<Arc<RoomState>>, visitor: Visitor) -> Response {
    let say = |key: &str| visitor.guest.say(key);
    let account = &visitor.caller.entrant.session.account;
    let main = html! {
        dl {
            dt { (say("user")) } dd { (account.name) }
            dt { (say("roles")) } dd { (account.roles.join(", ")) }
        }
        @if account.provider {
            p { (say("account-provider")) }
        } @else {
            h2 { (say("one-time-codes")) }
            @if account.totp {
                p { (say("codes-on")) }
            } @else {
                p { (say("codes-off")) }
                form.narrow data-method="POST" data-api="/api/v1/session/totp" data-shows="codes" {
                    p.alert role="alert" {}
                    button type="submit" { (say("codes-begin")) }
                }
                form.narrow id="codes" hidden data-method="PUT" data-api="/api/v1/session/totp" data-next="/account" {
                    p { (say("codes-secret")) " " code.secret {} }
                    label {
                        span { (say("code-short")) }
                        input type="text" name="code" inputmode="numeric" maxlength="6" required autocomplete="off";
                    }
                    p.alert role="alert" {}
                    button type="submit" { (say("codes-confirm")) }
                }
            }
        }
    };
    answer(StatusCode::OK, inside(&room, &visitor, "/account", &say("account"), main))
}

/// A page that says what is wrong.
pub(super) fn problem(guest: &Guest, problem: &ProblemDetails) -> Response {
    let said = guest.say_or(&format!("problem-{}", problem.kind), "failed");
    let main = html! {
        p.alert { (said) }
        p { a href="/recordings" { (guest.say("recordings")) } }
    };
    answer(problem.status, page(guest, None, &guest.say("error"), main))
}

/// The same inside the frame of somebody who is in.
pub(super) fn problem_inside(room: &RoomState, visitor: &Visitor, problem: &ProblemDetails) -> Response {
    let guest = &visitor.guest;
    let said = guest.say_or(&format!("problem-{}", problem.kind), "failed");
    let main = html! {
        p.alert { (said) }
        @if let Some(detail) = &problem.detail { p { small { (detail) } } }
        p { a href="/recordings" { (guest.say("recordings")) } }
    };
    answer(problem.status, inside(room, visitor, "", &guest.say("error"), main))
}

impl FromRequestParts<Arc<RoomState>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<RoomState>) -> Result<Visitor, Response> {
        match Caller::from_request_parts(parts, room).await {
            Ok(caller) => {
                let guest = Guest::of(parts, room, caller.entrant.session.account.language);
                Ok(Visitor { caller, guest })
            }
            Err(problem) => Err(turned_away(&Guest::of(parts, room, None), &problem)),
        }
    }
}

impl FromRequestParts<Arc<RoomState>> for Newcomer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<RoomState>) -> Result<Newcomer, Response> {
        match Entrant::from_request_parts(parts, room).await {
            Ok(entrant) => {
                let guest = Guest::of(parts, room, entrant.session.account.language);
                Ok(Newcomer { guest })
            }
            Err(problem) => Err(turned_away(&Guest::of(parts, room, None), &problem)),
        }
    }
}

/// To the door, and from there back to where he wanted to go.
fn turned_away(guest: &Guest, problem: &ProblemDetails) -> Response {
    let to = match problem.kind {
        "unauthenticated" => "/sign-in",
        "undertaking" => "/undertaking",
        _ => return self::problem(guest, problem),
    };
    Redirect::to(&format!("{to}?next={}", encoded(&guest.path))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_leads_nowhere_else() {
        let to = |path: &str| next(&[("next".into(), path.into())]);
        assert_eq!(to("/recordings/x?agent=2001"), "/recordings/x?agent=2001");
        for path in
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "evil"]
        {
            assert_eq!(to(path), "/recordings", "{path}");
        }
        assert_eq!(next(&[]), "/recordings");
    }
}
