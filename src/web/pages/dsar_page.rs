//! The requests of data subjects: what is due, one of them, and the letters to print.

use super::door::problem_inside;
use super::frame::{choice, field, inside, needed};
use super::visit::{Guest, Visitor, html as answer};
use crate::config::Language;
use crate::custody::dsar::{
    CarryOut, ContactChannel, EXTENSION_MAX, LetterKind, RequestOutcome, RequestStanding, SubjectRequest,
    SubjectRight,
};
use crate::pii::Pii;
use crate::store::calendar::local_date;
use crate::web::RoomState;
use crate::web::api::{ShownRequest, dsar_listed, dsar_shown, letter_of};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::civil::Date;
use maud::{Markup, html};
use std::sync::Arc;

/// The nearest days that are marked.
const SOON: i32 = 7;

pub(super) async fn list(
    State(room): State<Arc<RoomState>>,
    visitor: Visitor,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let value = |key: &str| pairs.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
    let before = value("all").map(|_| value("cursor").and_then(|n| n.parse().ok()).unwrap_or(i64::MAX));
    let caller = visitor.caller.clone();
    let (requests, next) = match room.blocking(move |room| dsar_listed(room, &caller, before)).await {
        Ok(found) => found,
        Err(problem) => return problem_inside(&room, &visitor, &problem),
    };
    let guest = &visitor.guest;
    let say = |key: &str| guest.say(key);
    let today = local_date(visitor.caller.now(), &room.desk.zone);
    let main = html! {
        @if before.is_none() { (summary(guest, &requests, today)) }
        @if requests.is_empty() { p { (say("dsar-none")) } } @else { (table(guest, &requests, today)) }
        @if let Some(next) = next { p { a href={ "/dsar?all=1&cursor=" (next) } { (say("older")) } } }
        p {
            @if before.is_none() { a href="/dsar?all=1" { (say("dsar-all")) } }
            @else { a href="/dsar" { (say("dsar-only-waiting")) } }
        }
        (new_request(guest, today))
    };
    answer(StatusCode::OK, inside(&room, &visitor, "/dsar", &say("data-subjects"), main))
}

fn summary(guest: &Guest, requests: &[ShownRequest], today: Date) -> Markup {
    let waiting = requests.iter().filter(|(_, standing)| standing.is_waiting());
    let overdue = waiting.clone().filter(|(request, _)| request.due < today).count();
    let deferred = requests.iter().filter(|(_, standing)| *standing == RequestStanding::Deferred).count();
    html! {
        dl.facts {
            dt { (guest.say("dsar-waiting")) } dd { (waiting.count()) }
            dt { (guest.say("dsar-overdue")) } dd { (overdue) }
            dt { (guest.say("dsar-put-off")) } dd { (deferred) }
        }
    }
}

fn table(guest: &Guest, requests: &[ShownRequest], today: Date) -> Markup {
    let say = |key: &str| guest.say(key);
    html! {
        table.cards {
            thead {
                tr {
                    th scope="col" { "#" }
                    @for key in ["dsar-right", "dsar-received", "dsar-due", "dsar-days", "state", "ref", "recordings"] {
                        th scope="col" { (say(key)) }
                    }
                }
            }
            tbody {
                @for (request, standing) in requests {
                    tr {
                        th scope="row" data-label="#" { a href={ "/dsar/" (request.n) } { "#" (request.n) } }
                        td data-label=(say("dsar-right")) { (right(guest, request.right)) }
                        td data-label=(say("dsar-received")) { (day(guest, request.received)) }
                        td data-label=(say("dsar-due")) { (day(guest, request.due)) }
                        td data-label=(say("dsar-days")) { (days(guest, request, *standing, today)) }
                        td data-label=(say("state")) { (state(guest, request, *standing)) }
                        td data-label=(say("ref")) { (request.case) }
                        td data-label=(say("recordings")) { (request.recordings.len()) }
                    }
                }
            }
        }
    }
}

fn right(guest: &Guest, right: SubjectRight) -> String {
    guest.say(&format!("dsar-right-{}", right.name()))
}

fn day(guest: &Guest, day: Date) -> String {
    guest.lang.day(day)
}

/// Days that are left, said in words as well where they are few or none.
fn days(guest: &Guest, request: &SubjectRequest, standing: RequestStanding, today: Date) -> Markup {
    if !standing.is_waiting() {
        return html! {};
    }
    let left = request.days_left(today);
    html! {
        (left)
        @if left < 0 { " " span.badge data-state="missing" { (guest.say("dsar-late")) } }
        @else if left <= SOON { " " span.badge data-state="held" { (guest.say("expiring")) } }
    }
}

fn state(guest: &Guest, request: &SubjectRequest, standing: RequestStanding) -> Markup {
    let said = match &request.decided {
        Some(decided) if standing == RequestStanding::Decided => {
            format!("dsar-outcome-{}", decided.outcome.name())
        }
        _ => format!("dsar-state-{}", standing.name()),
    };
    html! { span.badge data-state=(standing.name()) { (guest.say(&said)) } }
}

/// The words of an enum as a choice.
fn options<T: Copy>(
    guest: &Guest,
    prefix: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Vec<(&'static str, String)> {
    all.iter().map(|one| (name(*one), guest.say(&format!("{prefix}-{}", name(*one))))).collect()
}

fn new_request(guest: &Guest, today: Date) -> Markup {
    let say = |key: &str| guest.say(key);
    let languages = Language::ALL.map(|l| (l.code(), l.own_name().to_owned()));
    html! {
        details.act {
            summary { (say("dsar-new")) }
            form data-method="POST" data-api="/api/v1/dsar" data-next="" {
                (choice(&say("dsar-right"), "right", "", &options(guest, "dsar-right", SubjectRight::ALL, SubjectRight::name)))
                label { span { (say("dsar-received")) } input type="date" name="received" required max=(today.to_string()); }
                (choice(&say("dsar-channel"), "channel", "letter", &options(guest, "dsar-channel", ContactChannel::ALL, ContactChannel::name)))
                (needed(&say("ref"), "ref", Some(&say("ref-hint"))))
                (choice(&say("dsar-language"), "language", guest.lang.code(), &languages))
                (needed(&say("name"), "name", None))
                label { span { (say("dsar-address")) } textarea name="address" rows="3" maxlength="2000" {} }
                label { span { (say("dsar-number")) " " small { "(" (say("dsar-number-hint")) ")" } } input type="tel" name="number"; }
                (field(&say("dsar-identity"), "identity", "text", ""))
                label.check { input type="checkbox" name="ask_identity"; span { (say("dsar-ask-identity")) } }
                label { span { (say("dsar-recordings")) } input type="text" name="recordings" data-list=""; }
                p.alert role="alert" {}
                button type="submit" { (say("save")) }
            }
        }
    }
}

pub(super) async fn one(
    State(room): State<Arc<RoomState>>,
    visitor: Visitor,
    Path(n): Path<String>,
) -> Response {
    let caller = visitor.caller.clone();
    let (request, standing) = match room.blocking(move |room| dsar_shown(room, &caller, &n)).await {
        Ok(found) => found,
        Err(problem) => return problem_inside(&room, &visitor, &problem),
    };
    let guest = &visitor.guest;
    let today = local_date(visitor.caller.now(), &room.desk.zone);
    let main = html! {
        p { a href="/dsar" { (guest.say("data-subjects")) } }
        (facts(guest, &room, &request, standing, today))
        (acts(guest, &request, standing))
        (letters(guest, &request))
    };
    let title = format!("{} #{}", guest.say("dsar-one"), request.n);
    answer(StatusCode::OK, inside(&room, &visitor, "/dsar", &title, main))
}

fn facts(
    guest: &Guest,
    room: &RoomState,
    request: &SubjectRequest,
    standing: RequestStanding,
    today: Date,
) -> Markup {
    let say = |key: &str| guest.say(key);
    let time = |at| guest.lang.instant(at, &room.desk.zone);
    let text =
        |text: &Option<Pii<String>>| text.as_ref().map_or(String::new(), |text| text.as_str().to_owned());
    html! {
        dl.facts {
            dt { (say("dsar-right")) } dd { (right(guest, request.right)) }
            dt { (say("state")) } dd { (state(guest, request, standing)) }
            dt { (say("dsar-received")) }
            dd { (day(guest, request.received)) ", " (say(&format!("dsar-channel-{}", request.channel.name()))) }
            dt { (say("dsar-due")) } dd { (day(guest, request.due)) }
            @if standing.is_waiting() { dt { (say("dsar-days")) } dd { (days(guest, request, standing, today)) } }
            dt { (say("ref")) } dd { (request.case) }
            dt { (say("name")) }
            dd { @if request.name.is_some() { (text(&request.name)) } @else { (say("dsar-gone")) } }
            @if request.address.as_ref().is_some_and(|address| !address.as_str().is_empty()) {
                dt { (say("dsar-address")) }
                dd { @for line in text(&request.address).lines() { (line) br; } }
            }
            dt { (say("dsar-prior")) } dd { (request.prior) }
            dt { (say("dsar-identity")) }
            dd {
                @if let Some(identity) = &request.identity { (text(&identity.how)) " (" (identity.by) ", " (time(identity.at)) ")" }
                @else if let Some(asked) = request.identity_asked { (say("dsar-asked")) " " (day(guest, asked)) }
                @else { (say("dsar-unchecked")) }
            }
            @if let Some(extended) = &request.extended {
                dt { (say("dsar-extended")) }
                dd { (extended.months) " (" (extended.by) ", " (time(extended.at)) ") " (text(&extended.why)) }
            }
            @if let Some(decided) = &request.decided {
                dt { (say("dsar-outcome")) }
                dd { (say(&format!("dsar-outcome-{}", decided.outcome.name()))) " (" (decided.by) ", " (time(decided.at)) ")" }
                @if let Some(ground) = &decided.ground { dt { (say("dsar-ground")) } dd { (ground) } }
                @if decided.why.is_some() { dt { (say("dsar-reasons")) } dd { (text(&decided.why)) } }
            }
            @if let Some(copied) = request.copied { dt { (say("dsar-copied")) } dd { (time(copied)) } }
            dt { (say("recordings")) }
            dd { @for id in &request.recordings { a href={ "/recordings/" (id) } { (id) } " " } }
        }
    }
}

/// A form behind a summary.
fn act(title: &str, path: &str, fields: Markup) -> Markup {
    html! {
        details.act {
            summary { (title) }
            form data-method="POST" data-api=(path) data-next="" {
                (fields)
                p.alert role="alert" {}
                button type="submit" { (title) }
            }
        }
    }
}

fn acts(guest: &Guest, request: &SubjectRequest, standing: RequestStanding) -> Markup {
    let say = |key: &str| guest.say(key);
    let path = |what: &str| format!("/api/v1/dsar/{}/{what}", request.n);
    let refused = request
        .decided
        .as_ref()
        .is_some_and(|decided| matches!(decided.outcome, RequestOutcome::Refused | RequestOutcome::Deferred));
    let sides = [("", say("nobody")), ("customer", say("customer")), ("agent", say("agent"))];
    let why = || html! { label { span { (say("dsar-reasons")) } textarea name="why" rows="3" maxlength="2000" {} } };
    html! {
        section aria-labelledby="dsar-acts" {
            h2 id="dsar-acts" { (say("actions")) }
            @if standing != RequestStanding::Decided {
                (act(&say("dsar-change"), &path("change"), html! {
                    (field(&say("dsar-identity"), "identity", "text", ""))
                    label.check { input type="checkbox" name="ask_identity"; span { (say("dsar-ask-identity")) } }
                    label { span { (say("dsar-recordings")) } input type="text" name="recordings" data-list=""; }
                }))
            }
            @if standing == RequestStanding::Open {
                (act(&say("dsar-extend"), &path("extend"), html! {
                    label {
                        span { (say("dsar-months")) }
                        input type="number" name="months" min="1" max=(EXTENSION_MAX) value="1" required data-number;
                    }
                    (needed(&say("dsar-reasons"), "why", None))
                }))
            }
            @if standing != RequestStanding::Decided { (decide(guest, request, &path("decide"), &why())) }
            @if request.right == SubjectRight::Access && request.identity.is_some() && !refused {
                (act(&say("dsar-copy"), &path("copy"), html! {
                    (choice(&say("silence"), "silence", "", &sides))
                    label.check { input type="checkbox" name="without_names"; span { (say("dsar-without-names")) } }
                    label { span { (say("dsar-leave-out")) } input type="text" name="leave_out" data-list=""; }
                    (field(&say("folder"), "to", "text", ""))
                }))
            }
        }
    }
}

/// Two forms: what is done is asked for twice where it cannot be undone, what is refused has a ground.
fn decide(guest: &Guest, request: &SubjectRequest, path: &str, why: &Markup) -> Markup {
    let say = |key: &str| guest.say(key);
    let words = |which: &[RequestOutcome]| options(guest, "dsar-outcome", which, RequestOutcome::name);
    let mut refusals = words(&[RequestOutcome::Refused, RequestOutcome::Deferred]);
    refusals.truncate(if request.right == SubjectRight::Erase { 2 } else { 1 });
    let carried = [
        ("", say("dsar-carry-usual")),
        ("erase", say("erase")),
        ("restrict", say("restrict")),
        ("nothing", say("dsar-carry-nothing")),
    ];
    let grants = html! {
        (choice(&say("dsar-outcome"), "outcome", "", &words(&[RequestOutcome::Granted, RequestOutcome::Partly])))
        (choice(&say("dsar-carry-out"), "carry_out", "", &carried))
        label { span { (say("dsar-only")) } input type="text" name="recordings" data-list=""; }
        (field(&say("dsar-ground-partly"), "ground", "text", ""))
        (why)
        @if CarryOut::usual(request.right) == CarryOut::Erase {
            label.check { input type="checkbox" required; span { (say("sure")) } }
        }
    };
    let refuses = html! {
        (choice(&say("dsar-outcome"), "outcome", "", &refusals))
        (needed(&say("dsar-ground"), "ground", None))
        (why)
    };
    html! { (act(&say("dsar-grant"), path, grants)) (act(&say("dsar-refuse"), path, refuses)) }
}

fn letters(guest: &Guest, request: &SubjectRequest) -> Markup {
    let fits = LetterKind::ALL.into_iter().filter(|kind| request.name.is_some() && kind.fits(request));
    let kinds: Vec<LetterKind> = fits.collect();
    html! {
        @if !kinds.is_empty() {
            section aria-labelledby="dsar-letters" {
                h2 id="dsar-letters" { (guest.say("dsar-letters")) }
                ul.plain {
                    @for kind in kinds {
                        li {
                            a href={ "/dsar/" (request.n) "/letter/" (kind.name()) } {
                                (guest.say(&format!("dsar-letter-{}", kind.name())))
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) async fn letter(
    State(room): State<Arc<RoomState>>,
    visitor: Visitor,
    Path((n, kind)): Path<(String, String)>,
) -> Response {
    let (caller, of) = (visitor.caller.clone(), n.clone());
    let letter = match room.blocking(move |room| letter_of(room, &caller, &of, &kind)).await {
        Ok(letter) => letter,
        Err(problem) => return problem_inside(&room, &visitor, &problem),
    };
    let guest = &visitor.guest;
    let block = |lines: &[String]| html! { p { @for line in lines { (line) br; } } };
    let main = html! {
        p.noprint {
            a href={ "/dsar/" (n) } { (guest.say("back-to-request")) } " "
            button type="button" data-print { (guest.say("dsar-print")) }
        }
        article.letter lang=(letter.language.code()) {
            (block(&letter.sender))
            p { (letter.date) }
            (block(letter.recipient.expose()))
            h2 { (letter.title) }
            p { (letter.case) }
            @for paragraph in letter.paragraphs.expose() { p { (paragraph) } }
            (block(&letter.closing))
        }
    };
    answer(StatusCode::OK, inside(&room, &visitor, "/dsar", &guest.say("dsar-letters"), main))
}
