//! The search and what it finds. The address of the page is the search.

use super::door::problem_inside;
use super::frame::{choice, field, inside};
use super::languages::length;
use super::visit::{Guest, Visitor, address, html as answer};
use crate::web::RoomState;
use crate::web::api::found;
use crate::web::query::flags;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

pub(super) async fn page(
    State(room): State<Arc<RoomState>>,
    visitor: Visitor,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let pairs: Vec<_> = pairs.into_iter().filter(|(key, _)| key != "lang").collect();
    let (caller, asked) = (visitor.caller.clone(), pairs.clone());
    match room.blocking(move |room| found(room, &caller, &asked)).await {
        Ok((items, next)) => {
            let title = visitor.guest.say("recordings");
            let main = main(&visitor.guest, &room, &pairs, &items, next.as_deref());
            answer(StatusCode::OK, inside(&room, &visitor, "/recordings", &title, main))
        }
        Err(problem) => problem_inside(&room, &visitor, &problem),
    }
}

fn main(
    guest: &Guest,
    room: &RoomState,
    pairs: &[(String, String)],
    items: &[Value],
    next: Option<&str>,
) -> Markup {
    let say = |key: &str| guest.say(key);
    let search = address(pairs, &["cursor"]);
    let begun = pairs.iter().any(|(key, value)| key == "cursor" && !value.is_empty());
    html! {
        (form(guest, pairs))
        h2 { (say("results")) }
        @if items.is_empty() {
            p { (say("nothing-found")) }
        } @else {
            table.cards {
                thead {
                    tr {
                        @for key in ["when", "length", "service", "agent", "customer", "direction", "state"] {
                            th scope="col" { (say(key)) }
                        }
                    }
                }
                tbody { @for item in items { (row(guest, &room.desk.zone, &search, item)) } }
            }
        }
        ul.plain {
            @if begun { li { a href={ "/recordings?" (search) } { (say("first-page")) } } }
            @if let Some(next) = next {
                li { a rel="next" href={ "/recordings?" (search) "&cursor=" (next) } { (say("next-page")) } }
            }
        }
    }
}

fn row(guest: &Guest, zone: &TimeZone, search: &str, item: &Value) -> Markup {
    let say = |key: &str| guest.say(key);
    let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let agent = if text("/agent/name").is_empty() { text("/agent/id") } else { text("/agent/name") };
    html! {
        tr {
            th scope="row" data-label=(say("when")) {
                a href={ "/recordings/" (text("/id")) "?" (search) } {
                    time datetime=(text("/answered_at")) { (guest.lang.instant_in(text("/answered_at"), zone)) }
                }
            }
            td data-label=(say("length")) { (length(item["duration_s"].as_f64().unwrap_or(0.0))) }
            td data-label=(say("service")) { (text("/service")) }
            td data-label=(say("agent")) { (agent) }
            td data-label=(say("customer")) { (customer(guest, item)) }
            td data-label=(say("direction")) {
                @if !text("/direction").is_empty() { (say(text("/direction"))) }
            }
            td data-label=(say("state")) { (badges(guest, item)) }
        }
    }
}

/// The customer's number as far as it is kept.
pub(super) fn customer(guest: &Guest, item: &Value) -> String {
    match item.pointer("/customer/number").and_then(Value::as_str) {
        Some(number) => number.to_owned(),
        None if item.pointer("/customer/withheld") == Some(&Value::Bool(true)) => guest.say("withheld"),
        None => String::new(),
    }
}

/// How a recording stands, in words.
pub(super) fn badges(guest: &Guest, item: &Value) -> Markup {
    let state = item["state"].as_str().unwrap_or("kept");
    let incomplete = item["complete"] == Value::Bool(false);
    html! {
        span.badge data-state=(state) { (guest.say(state)) }
        @if incomplete { " " span.badge data-state="incomplete" { (guest.say("incomplete")) } }
    }
}

fn form(guest: &Guest, pairs: &[(String, String)]) -> Markup {
    let say = |key: &str| guest.say(key);
    let of = |key: &str| pairs.iter().find(|(k, _)| k == key).map_or("", |(_, value)| value.as_str());
    let day = |key: &str| if of(key).len() == 10 || of(key).is_empty() { "date" } else { "text" };
    let more = ["direction", "number", "longer", "shorter", "flag"].iter().any(|key| !of(key).is_empty());
    let directions = [
        ("", say("any")),
        ("inbound", say("inbound")),
        ("outbound", say("outbound")),
        ("internal", say("internal")),
    ];
    let states = flags().map(|flag| (flag.name(), say(flag.name())));
    let flags: Vec<_> = [("", say("any"))].into_iter().chain(states).collect();
    html! {
        search {
            form.search method="get" action="/recordings" {
                (field(&say("since"), "since", day("since"), of("since")))
                (field(&say("until"), "until", day("until"), of("until")))
                (field(&say("service"), "service", "text", of("service")))
                (field(&say("agent"), "agent", "text", of("agent")))
                details open[more] {
                    summary { (say("more-conditions")) }
                    div.fields {
                        (choice(&say("direction"), "direction", of("direction"), &directions))
                        (field(&say("number"), "number", "text", of("number")))
                        (field(&say("longer"), "longer", "text", of("longer")))
                        (field(&say("shorter"), "shorter", "text", of("shorter")))
                        (choice(&say("flag"), "flag", of("flag"), &flags))
                    }
                }
                button.main type="submit" { (say("search")) }
                a href="/recordings" { (say("clear")) }
            }
        }
    }
}
