//! Statistics: calls of each service by the hour of the day.

use super::door::problem_inside;
use super::frame::{field, inside};
use super::visit::{Guest, Visitor, html as answer};
use crate::archive::small_cells::FEW;
use crate::web::RoomState;
use crate::web::api::{StatisticsQuery, counted};
use crate::web::statistics::{Cell, Counts};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) async fn page(
    State(room): State<Arc<RoomState>>,
    visitor: Visitor,
    Query(asked): Query<StatisticsQuery>,
) -> Response {
    let (caller, search) =
        (visitor.caller.clone(), StatisticsQuery { by: "hour_of_day".into(), ..asked.clone() });
    let (span, counts) = match room.blocking(move |room| counted(room, &caller, &search)).await {
        Ok(found) => found,
        Err(problem) => return problem_inside(&room, &visitor, &problem),
    };
    let guest = &visitor.guest;
    let say = |key: &str| guest.say(key);
    let time = |at| guest.lang.instant(at, &room.desk.zone);
    let main = html! {
        search {
            form.search method="get" action="/statistics" {
                (field(&say("since"), "since", "date", &asked.since))
                (field(&say("until"), "until", "date", &asked.until))
                button.main type="submit" { (say("search")) }
            }
        }
        p { (time(span.since)) " - " (time(span.until)) }
        p { (say("statistics-few")) " " (FEW) "." }
        @if counts.is_empty() { p { (say("nothing-counted")) } } @else { (table(guest, &counts)) }
    };
    answer(StatusCode::OK, inside(&room, &visitor, "/statistics", &say("statistics"), main))
}

fn table(guest: &Guest, counts: &Counts) -> Markup {
    let say = |key: &str| guest.say(key);
    let services: BTreeSet<&str> = counts.keys().map(|(service, _)| service.as_str()).collect();
    let hours: BTreeSet<&str> = counts.keys().map(|(_, slot)| slot.as_str()).collect();
    let shown = |cell: Option<&Cell>| match cell {
        None => "0".to_owned(),
        Some(cell) if cell.is_shown() => {
            let minutes = (cell.us as f64 / 60e6).round();
            match cell.shown_partial() {
                Some(0) => format!("{} ({minutes} min)", cell.calls),
                Some(partial) => format!("{} ({minutes} min), {}: {partial}", cell.calls, say("partial")),
                None => format!("{} ({minutes} min), {}: -", cell.calls, say("partial")),
            }
        }
        Some(_) => format!("< {FEW}"),
    };
    html! {
        table.cards {
            thead {
                tr {
                    th scope="col" { (say("hour")) }
                    @for service in &services { th scope="col" { (service) } }
                }
            }
            tbody {
                @for hour in &hours {
                    tr {
                        th scope="row" data-label=(say("hour")) { (hour) ":00" }
                        @for service in &services {
                            td data-label=(service) { (shown(counts.get(&(service.to_string(), hour.to_string())))) }
                        }
                    }
                }
            }
        }
    }
}
