//! Requests and who decides on them; the log; accounts and rights.

use super::door::problem_inside;
use super::frame::{choice, field, inside, needed};
use super::visit::{Guest, Visitor, encoded, html as answer};
use crate::config::listening::Act;
use crate::custody::access::Assignment;
use crate::custody::audit::{Entry, EntryFacts};
use crate::web::RoomState;
use crate::web::accounts::{Account, Request, RequestState};
use crate::web::api::{
    AuditQuery, address_of, log_found, people as all_people, requests_shown, rights_of_all,
};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// Recordings of an entry that are named.
const NAMED: usize = 3;

fn wanted<'a>(pairs: &'a [(String, String)], key: &str) -> &'a str {
    pairs.iter().find(|(k, _)| k == key).map_or("", |(_, value)| value)
}

pub(super) async fn requests(
    State(room): State<Arc<RoomState>>,
    visitor: Visitor,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let caller = visitor.caller.clone();
    let cursor = wanted(&pairs, "cursor").parse().ok();
    let (list, next) = match room.blocking(move |room| requests_shown(room, &caller, cursor)).await {
        Ok(found) => found,
        Err(problem) => return problem_inside(&room, &visitor, &problem),
    };
    let guest = &visitor.guest;
    let say = |key: &str| guest.say(key);
    let decides = room.policy.gives(&visitor.caller.entrant.person, Act::Approve);
    let main = html! {
        @if list.is_empty() { p { (say("no-requests")) } }
        @for request in &list {
            @let own = request.asker.eq_ignore_ascii_case(visitor.caller.name());
            (one_request(guest, &room.desk.zone, request, decides && !own))
        }
        @if let Some(next) = next { p { a href={ "/requests?cursor=" (next) } { (say("older")) } } }
    };
    answer(StatusCode::OK, inside(&room, &visitor, "/requests", &say("requests"), main))
}

fn one_request(guest: &Guest, zone: &TimeZone, request: &Request, decides: bool) -> Markup {
    let say = |key: &str| guest.say(key);
    let time = |at| guest.lang.instant(at, zone);
    let api = format!("/api/v1/requests/{}", request.n);
    html! {
        article.card {
            h2 { "#" (request.n) " " span.badge data-state=(request.state.name()) { (say(request.state.name())) } }
            dl.facts {
                dt { (say("asked-by")) } dd { (request.asker) }
                dt { (say("asked-at")) } dd { (time(request.asked)) }
                dt { (say("reason")) } dd { (say(&format!("reason-{}", request.reason))) }
                dt { (say("ref")) } dd { (request.case) }
                dt { (say("recordings")) }
                dd { @for id in &request.recordings { a href={ "/recordings/" (id) } { (id) } " " } }
                @if let Some(decider) = &request.decider { dt { (say("decided-by")) } dd { (decider) } }
                @if let Some(until) = request.until { dt { (say("granted-until")) } dd { (time(until)) } }
                @if let Some(why) = &request.why { dt { (say("why")) } dd { (why) } }
            }
            @if decides && request.state == RequestState::Open {
                form data-method="POST" data-api={ (api) "/approve" } data-next="" {
                    label { span { (say("granted-until")) } input type="date" name="until" required; }
                    p.alert role="alert" {}
                    button type="submit" { (say("approve")) }
                }
                form data-method="POST" data-api={ (api) "/refuse" } data-next="" {
                    (needed(&say("why"), "why", None))
                    p.alert role="alert" {}
                    button type="submit" { (say("refuse")) }
                }
            }
        }
    }
}

pub(super) async fn log(
    State(room): State<Arc<RoomState>>,
    visitor: Visitor,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let of = |key: &str| wanted(&pairs, key).to_owned();
    let asked = AuditQuery {
        since: of("since"),
        until: of("until"),
        who: of("who"),
        recording: of("recording"),
        action: of("action"),
        address: of("address"),
        limit: String::new(),
        cursor: of("cursor"),
    };
    let (caller, search) = (visitor.caller.clone(), asked.clone());
    let (entries, next) = match room.blocking(move |room| log_found(room, &caller, &search)).await {
        Ok(found) => found,
        Err(problem) => return problem_inside(&room, &visitor, &problem),
    };
    let guest = &visitor.guest;
    let say = |key: &str| guest.say(key);
    let main = html! {
        search {
            form.search method="get" action="/log" {
                (field(&say("since"), "since", "date", &asked.since))
                (field(&say("until"), "until", "date", &asked.until))
                (field(&say("who"), "who", "text", &asked.who))
                (field(&say("action"), "action", "text", &asked.action))
                (field(&say("address"), "address", "text", &asked.address))
                (field(&say("recording"), "recording", "text", &asked.recording))
                button.main type="submit" { (say("search")) }
                a href="/log" { (say("clear")) }
            }
        }
        table.cards {
            thead {
                tr {
                    th scope="col" { "#" }
                    @for key in ["when", "who", "address", "action", "outcome", "targets", "detail"] {
                        th scope="col" { (say(key)) }
                    }
                }
            }
            tbody { @for entry in &entries { (one_entry(guest, &room.desk.zone, entry)) } }
        }
        @if let Some(next) = next {
            @let search = ["since", "until", "who", "recording", "action", "address"]
                .map(|key| format!("{key}={}", encoded(wanted(&pairs, key)))).join("&");
            p { a rel="next" href={ "/log?" (search) "&cursor=" (next) } { (say("older")) } }
        }
    };
    answer(StatusCode::OK, inside(&room, &visitor, "/log", &say("log"), main))
}

fn one_entry(guest: &Guest, zone: &TimeZone, entry: &Entry) -> Markup {
    let say = |key: &str| guest.say(key);
    let why = &entry.why;
    let said = [&why.reason, &why.case, &why.recipient, &why.basis].into_iter().flatten();
    let rest = [&entry.search, &entry.detail].into_iter().flatten().map(EntryFacts::to_string);
    let detail: Vec<String> = said.cloned().chain(rest).collect();
    html! {
        tr {
            th scope="row" data-label="#" { (entry.seq) }
            td data-label=(say("when")) { (guest.lang.instant(entry.at, zone)) }
            td data-label=(say("who")) { (entry.who.name()) }
            td data-label=(say("address")) { (address_of(entry).map(|at| at.to_string()).unwrap_or_default()) }
            td data-label=(say("action")) { (entry.action.as_str()) }
            td data-label=(say("outcome")) { (entry.outcome.as_str()) }
            td data-label=(say("targets")) {
                @for id in entry.targets.iter().take(NAMED) { a href={ "/recordings/" (id) } { (&id.to_string()[..8]) } " " }
                @if entry.targets.len() > NAMED { "+" (entry.targets.len() - NAMED) }
            }
            td data-label=(say("detail")) { (detail.join("; ")) }
        }
    }
}

pub(super) async fn people(State(room): State<Arc<RoomState>>, visitor: Visitor) -> Response {
    let caller = visitor.caller.clone();
    let found = room.blocking(move |room| {
        let rights = rights_of_all(room, &caller)?;
        let keeps = room.policy.gives(&caller.entrant.person, Act::People);
        let people = if keeps { all_people(room, &caller)? } else { Vec::new() };
        Ok((rights, people))
    });
    let (rights, people) = match found.await {
        Ok(found) => found,
        Err(problem) => return problem_inside(&room, &visitor, &problem),
    };
    let guest = &visitor.guest;
    let say = |key: &str| guest.say(key);
    let zone = &room.desk.zone;
    let main = html! {
        @if !people.is_empty() {
            table.cards {
                thead {
                    tr {
                        @for key in ["name", "roles", "agents", "teams", "office", "state", "last-seen"] {
                            th scope="col" { (say(key)) }
                        }
                    }
                }
                tbody { @for account in &people { (one_account(guest, zone, account, visitor.caller.now())) } }
            }
            @for account in people.iter().filter(|account| account.name != visitor.caller.name()) {
                (change_account(guest, account))
            }
        }
        h2 { (say("rights")) }
        table.cards {
            thead {
                tr {
                    @for key in ["name", "roles", "find", "hear", "acts", "training-copies", "download", "since-when", "last-heard"] {
                        th scope="col" { (say(key)) }
                    }
                }
            }
            tbody { @for line in &rights { (one_right(guest, zone, line)) } }
        }
    };
    answer(StatusCode::OK, inside(&room, &visitor, "/people", &say("people"), main))
}

fn one_account(guest: &Guest, zone: &TimeZone, account: &Account, now: crate::time::Timestamp) -> Markup {
    let say = |key: &str| guest.say(key);
    let state = match (account.disabled, account.locked_until) {
        (Some(_), _) => say("disabled"),
        (None, Some(until)) if until > now => say("locked"),
        _ => say("open"),
    };
    let held = |list: &[Assignment]| list.iter().map(|h| h.text(zone)).collect::<Vec<_>>().join(", ");
    html! {
        tr {
            th scope="row" data-label=(say("name")) { (account.name) }
            td data-label=(say("roles")) { (account.roles.join(", ")) }
            td data-label=(say("agents")) { (held(&account.agents)) }
            td data-label=(say("teams")) { (held(&account.teams)) }
            td data-label=(say("office")) { (account.office.as_deref().unwrap_or("")) }
            td data-label=(say("state")) { (state) }
            td data-label=(say("last-seen")) { @if let Some(at) = account.seen { (guest.lang.instant(at, zone)) } }
        }
    }
}

/// What whoever keeps accounts can change of one.
fn change_account(guest: &Guest, account: &Account) -> Markup {
    let say = |key: &str| guest.say(key);
    let api = format!("/api/v1/people/{}", encoded(&account.name));
    let kinds = [("agent", say("agent")), ("team", say("team"))];
    html! {
        details.act {
            summary { (say("change")) " " (account.name) }
            form data-method="POST" data-api={ (api) "/intervals" } data-next="" {
                (choice(&say("kind"), "kind", "agent", &kinds))
                (needed(&say("agent-or-team"), "what", None))
                label { span { (say("holds-from")) } input type="date" name="from"; }
                label { span { (say("holds-until")) } input type="date" name="until"; }
                p { small { (say("interval-hint")) } }
                p.alert role="alert" {}
                button type="submit" { (say("save")) }
            }
            @if account.disabled.is_none() {
                form data-method="POST" data-api={ (api) "/disable" } data-next="" {
                    label.check { input type="checkbox" required; span { (say("sure")) } }
                    p.alert role="alert" {}
                    button type="submit" { (say("disable")) }
                }
            }
        }
    }
}

fn one_right(guest: &Guest, zone: &TimeZone, line: &Value) -> Markup {
    let say = |key: &str| guest.say(key);
    let text = |key: &str| line[key].as_str().unwrap_or("");
    let acts: Vec<&str> = line["act"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let download = if line["download"] == Value::Bool(true) { say("yes") } else { say("no") };
    html! {
        tr {
            th scope="row" data-label=(say("name")) { (text("account")) }
            td data-label=(say("roles")) { (text("role")) }
            td data-label=(say("find")) { (say(&format!("scope-{}", text("find")))) }
            td data-label=(say("hear")) { (say(&format!("scope-{}", text("hear")))) }
            td data-label=(say("acts")) { (acts.join(", ")) }
            td data-label=(say("training-copies")) { (say(&format!("scope-{}", text("training")))) }
            td data-label=(say("download")) { (download) }
            td data-label=(say("since-when")) { (guest.lang.instant_in(text("since"), zone)) }
            td data-label=(say("last-heard")) { (guest.lang.instant_in(text("last_used"), zone)) }
        }
    }
}
