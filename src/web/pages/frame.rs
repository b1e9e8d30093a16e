//! What stands around every page.

use super::visit::{Guest, Visitor};
use crate::config::listening::Act;
use crate::web::RoomState;
use maud::{DOCTYPE, Markup, html};

/// Problems the script can say in words.
const PROBLEMS: &[&str] = &[
    "sign-in-refused",
    "unauthenticated",
    "forbidden",
    "not-found",
    "held",
    "restricted",
    "past-term",
    "reason-missing",
    "reason-refused",
    "request-missing",
    "own-request",
    "conflict",
    "bad-request",
    "unavailable",
    "too-many",
    "missing",
];

/// A whole page.
pub fn page(guest: &Guest, nav: Option<Markup>, title: &str, main: Markup) -> Markup {
    framed(guest, nav, title, main, None)
}

/// A page that leads on to another of the room. Unlike a redirect it is a step within the room, so that the
/// browser shows the cookie that it was just given.
pub fn leading(guest: &Guest, to: &str, title: &str) -> Markup {
    let main = html! { p { a.button.main href=(to) { (guest.say("continue")) } } };
    framed(guest, None, title, main, Some(to))
}

fn framed(guest: &Guest, nav: Option<Markup>, title: &str, main: Markup, lead: Option<&str>) -> Markup {
    let say = |key: &str| guest.say(key);
    html! {
        (DOCTYPE)
        html lang=(guest.lang.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if let Some(to) = lead { meta http-equiv="refresh" content={ "0;url=" (to) }; }
                title { (title) " - " (say("title")) }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/room.css";
                script src="/assets/room.js" defer {}
            }
            body {
                a.skip href="#main" { (say("skip")) }
                header.top {
                    p.brand { (say("title")) }
                    @if let Some(nav) = nav { (nav) }
                }
                main id="main" tabindex="-1" {
                    h1 { (title) }
                    (main)
                }
                footer {
                    nav aria-label=(say("language")) {
                        ul.plain {
                            @for lang in &guest.languages {
                                li {
                                    @if *lang == guest.lang {
                                        span aria-current="true" lang=(lang.code()) { (lang.own_name()) }
                                    } @else {
                                        a href={ "?lang=" (lang.code()) } data-language=(lang.code()) lang=(lang.code()) {
                                            (lang.own_name())
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
                ul id="problems" hidden {
                    li data-kind="" { (say("failed")) }
                    @for kind in PROBLEMS {
                        li data-kind=(kind) { (say(&format!("problem-{kind}"))) }
                    }
                }
            }
        }
    }
}

/// A page for somebody who is in.
pub fn inside(room: &RoomState, visitor: &Visitor, here: &str, title: &str, main: Markup) -> Markup {
    let guest = &visitor.guest;
    let say = |key: &str| guest.say(key);
    let gives = |act| room.policy.gives(&visitor.caller.entrant.person, act);
    let mut ways = vec![("/recordings", say("recordings")), ("/requests", say("requests"))];
    let person = &visitor.caller.entrant.person;
    if gives(Act::Training) || room.policy.hears_training(person) {
        ways.push(("/training", say("training-copies")));
    }
    if gives(Act::Dsar) {
        ways.push(("/dsar", say("data-subjects")));
    }
    if gives(Act::Audit) {
        ways.push(("/log", say("log")));
    }
    if gives(Act::People) || gives(Act::Audit) {
        ways.push(("/people", say("people")));
    }
    if room.policy.counts(&visitor.caller.entrant.person, &visitor.caller.directory) {
        ways.push(("/statistics", say("statistics")));
    }
    ways.push(("/account", say("account")));
    let nav = html! {
        nav aria-label=(say("menu")) {
            ul.plain {
                @for (path, name) in &ways {
                    li { a href=(path) aria-current=[(*path == here).then_some("page")] { (name) } }
                }
            }
        }
        form.out data-method="DELETE" data-api="/api/v1/session" data-next="/sign-in" {
            span.who { (visitor.caller.name()) }
            button type="submit" { (say("sign-out")) }
            p.alert role="alert" {}
        }
    };
    page(guest, Some(nav), title, main)
}

/// A field with its label.
pub fn field(label: &str, name: &str, kind: &str, value: &str) -> Markup {
    html! {
        label { span { (label) } input type=(kind) name=(name) value=(value); }
    }
}

/// A field that must be filled.
pub fn needed(label: &str, name: &str, hint: Option<&str>) -> Markup {
    html! {
        label {
            span { (label) @if let Some(hint) = hint { " " small { "(" (hint) ")" } } }
            input type="text" name=(name) required maxlength="2000";
        }
    }
}

/// A choice: value and name of each.
pub fn choice(label: &str, name: &str, chosen: &str, options: &[(&str, String)]) -> Markup {
    html! {
        label {
            span { (label) }
            select name=(name) {
                @for (value, said) in options {
                    option value=(value) selected[*value == chosen] { (said) }
                }
            }
        }
    }
}
