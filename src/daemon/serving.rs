//! What a recorder serves while it is the one of its store: metrics, commands, agents' desktops.

use super::context::Outlets;
use super::control::errands::Errands;
use super::control::{self, ControlDoors};
use super::crew::{Crew, Patience, Pulse};
use super::estate::Estate;
use super::shutdown::StopFlag;
use crate::telemetry::events::Event;
use crate::telemetry::http::Port;
use crate::telemetry::label::ThreadRole;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often it is looked whether a recorder that serves no more has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Answers at the metrics port.
///
/// # Errors
/// No thread to be had.
pub fn serve_metrics(
    port: Port,
    outlets: &Outlets,
    crew: &Crew,
    (stop, estate): (&StopFlag, &Arc<Estate>),
) -> io::Result<()> {
    Event::MetricsListening { addr: port.addr() }.emit(&outlets.metrics);
    let (stop, estate, outlets) = (stop.clone(), Arc::clone(estate), outlets.clone());
    let port = Mutex::new(Some(port));
    crew.start(ThreadRole::Metrics, "metrics", Patience::Short, move |pulse: &Arc<Pulse>| {
        estate.serving(&port, |port| {
            let goes_on = || serves_on(pulse, &stop, &estate);
            if let Err(e) = port.answer(&outlets.metrics, &outlets.readiness, goes_on) {
                Event::ServerEnded { server: "metrics", reason: e.kind() }.emit(&outlets.metrics);
            }
        });
        idle(pulse, &stop, &estate);
    })
}

/// Answers commands and agents' desktops.
///
/// # Errors
/// No thread to be had.
pub fn serve_commands(
    doors: ControlDoors,
    (errands, zone): (Errands, String),
    outlets: &Outlets,
    crew: &Crew,
    (stop, estate): (&StopFlag, &Arc<Estate>),
) -> io::Result<()> {
    doors.names().for_each(|listener| Event::Listening { listener: &listener }.emit(&outlets.metrics));
    let (ends, estate, metrics) = (stop.clone(), Arc::clone(estate), Arc::clone(&outlets.metrics));
    let doors = Mutex::new(Some(doors));
    crew.start(ThreadRole::Control, "control", Patience::Short, move |pulse: &Arc<Pulse>| {
        estate.serving(&doors, |doors| {
            if let Err(e) = control::answer(doors, &errands, &zone, || serves_on(pulse, &ends, &estate)) {
                Event::ServerEnded { server: "control", reason: e.kind() }.emit(&metrics);
            }
        });
        idle(pulse, &ends, &estate);
    })
}

fn serves_on(pulse: &Pulse, stop: &StopFlag, estate: &Estate) -> bool {
    pulse.beat();
    !stop.is_set() && !estate.is_given_up()
}

/// Another recorder serves: nothing is to be done until this one ends.
fn idle(pulse: &Pulse, stop: &StopFlag, estate: &Estate) {
    while estate.is_given_up() && !stop.is_set() {
        pulse.beat();
        std::thread::sleep(LOOK);
    }
}
