//! The training copies: heard here, and removed.

use super::door::problem_inside;
use super::frame::inside;
use super::languages::length;
use super::visit::{Guest, Visitor, html as answer};
use crate::store::training::SideChange;
use crate::web::RoomState;
use crate::web::api::{OfferedCopy, training_offered};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use std::sync::Arc;

pub(super) async fn page(State(room): State<Arc<RoomState>>, visitor: Visitor) -> Response {
    let caller = visitor.caller.clone();
    let copies = match room.blocking(move |room| training_offered(room, &caller)).await {
        Ok(copies) => copies,
        Err(problem) => return problem_inside(&room, &visitor, &problem),
    };
    let guest = &visitor.guest;
    let say = |key: &str| guest.say(key);
    let main = html! {
        p { (say("training-judgement")) }
        @if copies.is_empty() { p { (say("training-none")) } }
        @for copy in &copies { (card(guest, &room.desk.zone, copy)) }
    };
    answer(StatusCode::OK, inside(&room, &visitor, "/training", &say("training-copies"), main))
}

fn card(guest: &Guest, zone: &TimeZone, offer: &OfferedCopy) -> Markup {
    let say = |key: &str| guest.say(key);
    let copy = &offer.copy;
    let change = |change: SideChange| match change {
        SideChange::Altered => say("training-altered"),
        SideChange::Dropped => say("training-dropped"),
    };
    let path = format!("/api/v1/training/{}", copy.id);
    html! {
        article.card {
            h2 { (copy.title) }
            dl.facts {
                dt { (say("service")) } dd { (copy.service.as_deref().unwrap_or("")) }
                dt { (say("length")) } dd { (length(copy.duration_s)) }
                dt { (say("customer")) } dd { (change(copy.customer)) }
                dt { (say("agent")) } dd { (change(copy.agent)) }
                dt { (say("training-spans")) } dd { (copy.spans.len()) }
                @if offer.remove {
                    @if let Some(until) = copy.until { dt { (say("kept-until")) } dd { (guest.lang.instant(until, zone)) } }
                    dt { (say("training-made")) } dd { (copy.made_by) ", " (guest.lang.instant(copy.made_at, zone)) }
                    dt { (say("recording")) } dd { a href={ "/recordings/" (copy.source) } { (copy.source) } }
                }
            }
            @if offer.hear {
                audio controls controlslist="nodownload" preload="none" src={ (path) "/audio" } aria-label=(copy.title) {}
            }
            @if offer.remove {
                form data-method="DELETE" data-api=(path) data-next="" {
                    label.check { input type="checkbox" required; span { (say("sure")) } }
                    p.alert role="alert" {}
                    button type="submit" { (say("training-remove")) }
                }
            }
        }
    }
}
