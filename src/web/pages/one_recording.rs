//! One recording: what is known of it, the player, and what may be done to it.

use super::door::problem_inside;
use super::frame::{choice, field, inside, needed};
use super::languages::length;
use super::search_page::{badges, customer};
use super::visit::{Guest, Visitor, address, html as answer};
use crate::store::assurance::{AssuranceBucket, AssuranceReason};
use crate::web::RoomState;
use crate::web::api::shown_among;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

pub(super) async fn page(
    State(room): State<Arc<RoomState>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    // The page of the search is no condition of it.
    let search: Vec<_> = pairs
        .iter()
        .filter(|(key, _)| !["lang", "cursor", "limit"].contains(&key.as_str()))
        .cloned()
        .collect();
    let caller = visitor.caller.clone();
    match room.blocking(move |room| shown_among(room, &caller, &id, &search)).await {
        Ok((item, beside)) => {
            let item = Value::Object(item);
            let search = address(&pairs, &["lang"]);
            let main = main(&visitor.guest, &room, &search, &item, beside);
            let title = visitor.guest.say("recording");
            answer(StatusCode::OK, inside(&room, &visitor, "", &title, main))
        }
        Err(problem) => problem_inside(&room, &visitor, &problem),
    }
}

/// A recording with words for what this person may do.
struct View<'a> {
    guest: &'a Guest,
    item: &'a Value,
    path: String,
}

impl View<'_> {
    fn say(&self, key: &str) -> String {
        self.guest.say(key)
    }

    fn text(&self, pointer: &str) -> &str {
        self.item.pointer(pointer).and_then(Value::as_str).unwrap_or("")
    }

    fn may(&self, word: &str) -> bool {
        self.item["may"].as_array().is_some_and(|words| words.iter().any(|w| w == word))
    }

    fn reasons(&self) -> Vec<(&str, String)> {
        let words = self.item["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str);
        words.map(|word| (word, self.say(&format!("reason-{word}")))).collect()
    }
}

fn main(guest: &Guest, room: &RoomState, search: &str, item: &Value, beside: [Option<Uuid>; 2]) -> Markup {
    let id = item["id"].as_str().unwrap_or_default();
    let view = View { guest, item, path: format!("/api/v1/recordings/{id}") };
    html! {
        nav aria-label=(view.say("results")) {
            ul.plain {
                li { a href={ "/recordings?" (search) } { (view.say("back")) } }
                @for (id, rel, key) in [(beside[0], "prev", "newer-one"), (beside[1], "next", "older-one")] {
                    @if let Some(id) = id {
                        li { a rel=(rel) href={ "/recordings/" (id) "?" (search) } { (view.say(key)) } }
                    }
                }
            }
        }
        (facts(&view, room))
        (amendments(&view, room))
        (player(&view))
        (acts(&view, id))
    }
}

fn facts(view: &View<'_>, room: &RoomState) -> Markup {
    let say = |key: &str| view.say(key);
    let zone = &room.desk.zone;
    let time = |pointer: &str| view.guest.lang.instant_in(view.text(pointer), zone);
    let agent = [view.text("/agent/name"), view.text("/agent/id")].join(" ");
    html! {
        dl.facts {
            dt { (say("when")) }
            dd { time datetime=(view.text("/answered_at")) { (time("/answered_at")) } }
            dt { (say("length")) } dd { (length(view.item["duration_s"].as_f64().unwrap_or(0.0))) }
            dt { (say("service")) } dd { (view.text("/service")) }
            dt { (say("agent")) } dd { (agent.trim()) }
            dt { (say("customer")) } dd { (customer(view.guest, view.item)) }
            @if !view.text("/dialled").is_empty() { dt { (say("dialled")) } dd { (view.text("/dialled")) } }
            @if !view.text("/direction").is_empty() { dt { (say("direction")) } dd { (say(view.text("/direction"))) } }
            @if !view.text("/ended_by").is_empty() {
                dt { (say("ended-by")) } dd { (say(&format!("by-{}", view.text("/ended_by")))) }
            }
            dt { (say("state")) } dd { (badges(view.guest, view.item)) }
            @if !view.text("/assurance/bucket").is_empty() {
                dt { (say("assurance")) } dd { (assurance(view)) }
            }
            @if let Some(heard_s) = view.item["before_agent_s"].as_f64() {
                dt { (say("before-agent")) } dd { (length(heard_s)) }
            }
            @if !view.text("/retention/until").is_empty() { dt { (say("kept-until")) } dd { (time("/retention/until")) } }
            @if !view.text("/retention/hold/reason").is_empty() {
                dt { (say("hold-reason")) }
                dd { (say(view.text("/retention/hold/reason"))) ", " (view.text("/retention/hold/ref")) }
            }
        }
    }
}

/// How far its call is in it, and why not all of it.
fn assurance(view: &View<'_>) -> Markup {
    let all = view.item["assurance"]["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let known: Vec<_> = all.filter_map(AssuranceReason::from_name).collect();
    let bucket = view.text("/assurance/bucket");
    let is_known = |b: &AssuranceBucket| b.name() == bucket;
    let bucket = AssuranceBucket::ALL.iter().find(|b| is_known(b));
    html! {
        @if let Some(bucket) = bucket { (view.say(&format!("assured-{}", bucket.name()))) }
        @for (n, reason) in known.iter().enumerate() {
            (if n == 0 { ": " } else { ", " }) (view.say(&format!("why-{}", reason.name())))
        }
    }
}

/// What was corrected, the newest first, and what was known before.
fn amendments(view: &View<'_>, room: &RoomState) -> Markup {
    let say = |key: &str| view.say(key);
    let Some(all) = view.item["amendments"].as_array().filter(|all| !all.is_empty()) else { return html! {} };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = |key: &str| match key {
        "agent.id" => say("agent"),
        "agent.name" => say("agent-name"),
        "customer.number" => say("customers-number"),
        other => other.to_owned(),
    };
    html! {
        section aria-labelledby="amended-title" {
            h2 id="amended-title" { (say("amended")) }
            ul.plain {
                @for one in all.iter().rev() {
                    li {
                        (view.guest.lang.instant_in(&text(&one["at"]), &room.desk.zone)) ", " (text(&one["ref"]))
                        @for (key, was) in one["was"].as_object().into_iter().flatten() {
                            br; (name(key)) ": " (say("before")) " "
                            @if was.is_null() { (say("not-known")) } @else { (text(was)) }
                        }
                        @if one["note"].is_string() { br; (text(&one["note"])) }
                    }
                }
            }
        }
    }
}

fn player(view: &View<'_>) -> Markup {
    let say = |key: &str| view.say(key);
    if !view.may("hear") {
        let key = if view.item["hearing_needs"] == "request" { "needs-request" } else { "may-not-hear" };
        return html! { section aria-labelledby="player-title" { h2 id="player-title" { (say("player")) } p { (say(key)) } } };
    }
    let needs_reason = view.item["hearing_needs"] == "reason";
    let seconds = view.item["duration_s"].as_f64().unwrap_or(0.0);
    html! {
        section id="player" aria-labelledby="player-title" data-audio={ (view.path) "/audio" }
            data-peaks={ (view.path) "/peaks" } data-duration=(seconds) data-reason=[needs_reason.then_some("needed")]
            data-say-play=(say("play")) data-say-pause=(say("pause")) {
            h2 id="player-title" { (say("player")) }
            @if needs_reason {
                p { (say("reason-first")) }
                (choice(&say("reason"), "listen-reason", "", &[vec![("", String::new())], view.reasons()].concat()))
            }
            div.wave {
                canvas id="wave" aria-hidden="true" {}
                input id="seek" type="range" min="0" max=(seconds) step="0.1" value="0" aria-label=(say("position"))
                    aria-describedby="player-keys";
            }
            div.controls {
                button.main type="button" id="play" { (say("play")) }
                output id="clock" { "0:00 / " (length(seconds)) }
                label {
                    span { (say("speed")) }
                    select id="speed" {
                        @for speed in ["0.5", "0.75", "1", "1.25", "1.5", "2"] {
                            option value=(speed) selected[speed == "1"] { (speed) }
                        }
                    }
                }
                label.check { input type="checkbox" id="mute-customer"; span { (say("mute-customer")) } }
                label.check { input type="checkbox" id="mute-agent"; span { (say("mute-agent")) } }
            }
            p id="player-keys" { small { (say("player-keys")) } }
            p.alert role="alert" {}
            (marks(view))
        }
    }
}

fn marks(view: &View<'_>) -> Markup {
    let events = view.item["events"].as_array().cloned().unwrap_or_default();
    if events.is_empty() {
        return html! {};
    }
    html! {
        h3 { (view.say("marks")) }
        ul.plain.marks {
            @for event in events.iter().take(200) {
                @let kind = event["kind"].as_str().unwrap_or("");
                @let at = event["at_s"].as_f64().unwrap_or(0.0);
                li {
                    button type="button" data-at=(at) data-kind=(kind) {
                        (length(at)) " "
                        (view.guest.say_or(&format!("mark-{kind}"), "mark-other"))
                        @if let Some(side) = event["channel"].as_str().filter(|_| event["kind"] != "dtmf") {
                            @if ["customer", "agent"].contains(&side) { " (" (view.say(side)) ")" }
                        }
                        @if let Some(until) = event["end_s"].as_f64() { " - " (length(until)) }
                    }
                }
            }
        }
    }
}

/// A form behind a summary, sent to `path`.
fn act(title: &str, path: &str, next: &str, fields: Markup) -> Markup {
    html! {
        details.act {
            summary { (title) }
            form data-method="POST" data-api=(path) data-next=(next) {
                (fields)
                p.alert role="alert" {}
                button type="submit" { (title) }
            }
        }
    }
}

fn acts(view: &View<'_>, id: &str) -> Markup {
    let say = |key: &str| view.say(key);
    let hint = say("ref-hint");
    let case = || needed(&say("ref"), "ref", Some(&hint));
    let path = |what: &str| format!("{}/{what}", view.path);
    let restricted = view.text("/state") == "restricted";
    let reasons: Vec<_> = ["crime", "accident", "statute", "contract", "dsar", "litigation"]
        .map(|word| (word, say(word)))
        .to_vec();
    html! {
        section aria-labelledby="acts-title" {
            h2 id="acts-title" { (say("actions")) }
            @if view.may("request") {
                (act(&say("ask"), "/api/v1/requests", "/requests", html! {
                    input type="hidden" name="recordings" data-list="" value=(id);
                    (choice(&say("reason"), "reason", "", &view.reasons()))
                    (case())
                }))
            }
            @if view.may("hold") {
                (act(&say("hold"), &path("hold"), "", html! { (choice(&say("why"), "reason", "", &reasons)) (case()) }))
            }
            @if view.may("release") && !view.item["retention"]["hold"].is_null() {
                (act(&say("release"), &path("release"), "", html! {
                    (case())
                    label.check { input type="checkbox" name="yes"; span { (say("accept-due")) } }
                }))
            }
            @if view.may("restrict") {
                @if restricted {
                    (act(&say("unrestrict"), &path("unrestrict"), "", case()))
                } @else {
                    (act(&say("restrict"), &path("restrict"), "", case()))
                }
            }
            @if view.may("amend") {
                (act(&say("amend"), &path("amend"), "", html! {
                    (case())
                    (field(&say("agent"), "agent", "text", view.text("/agent/id")))
                    (field(&say("agent-name"), "agent_name", "text", view.text("/agent/name")))
                    (field(&say("customers-number"), "number", "tel", ""))
                    label { span { (say("note")) } textarea name="note" rows="3" maxlength="2000" {} }
                }))
            }
            @if view.may("training") { (training(view)) }
            @if view.may("export") { (export(view)) }
            @if view.may("erase") {
                (act(&say("erase"), &path("erase"), "/recordings", html! {
                    (needed(&say("why"), "reason", None))
                    label.check { input type="checkbox" name="yes" required; span { (say("sure")) } }
                }))
            }
        }
    }
}

fn training(view: &View<'_>) -> Markup {
    let say = |key: &str| view.say(key);
    let changes = [("altered", say("training-altered")), ("dropped", say("training-dropped"))];
    let hint = say("training-spans-hint");
    act(
        &say("training-make"),
        &format!("{}/training", view.path),
        "/training",
        html! {
            (needed(&say("training-title"), "title", Some(&say("training-title-hint"))))
            (choice(&say("customer"), "customer", "altered", &changes))
            (choice(&say("agent"), "agent", "altered", &changes))
            label { span { (say("start")) } input type="number" name="start" min="0" step="any" data-number; }
            label { span { (say("end")) } input type="number" name="end" min="0" step="any" data-number; }
            label { span { (say("training-silence")) " " small { "(" (hint) ")" } } input type="text" name="silence" data-list=""; }
            label { span { (say("training-beep")) " " small { "(" (hint) ")" } } input type="text" name="beep" data-list=""; }
            p { small { (say("training-judgement")) } }
        },
    )
}

fn export(view: &View<'_>) -> Markup {
    let say = |key: &str| view.say(key);
    let sides = [("", say("nobody")), ("customer", say("customer")), ("agent", say("agent"))];
    act(
        &say("export"),
        &format!("{}/export", view.path),
        "",
        html! {
            (needed(&say("why"), "reason", None))
            (field(&say("recipient"), "recipient", "text", ""))
            (field(&say("basis"), "basis", "text", ""))
            label { span { (say("start")) } input type="number" name="start" min="0" step="any" data-number; }
            label { span { (say("end")) } input type="number" name="end" min="0" step="any" data-number; }
            (choice(&say("silence"), "silence", "", &sides))
            @if !view.may("download") { (needed(&say("folder"), "to", None)) }
        },
    )
}
