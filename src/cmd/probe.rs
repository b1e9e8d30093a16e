//! `nauhuri probe`: a test call through the exchange, looked for in the recordings.

use super::archive::Site;
use super::output;
use super::settings::{self, DefaultFile, mistake};
use crate::archive::{Archive, NoIndex};
use crate::call::call_id_hash;
use crate::caller::ProbeResult;
use crate::caller::{Signature, SipAccount};
use crate::capture::wall_clock;
use crate::cli::Cli;
use crate::cli::probe::ProbeArgs;
use crate::config::Loaded;
use crate::config::check::Purpose;
use crate::custody::audit::{Action, Draft, Why};
use crate::daemon::shutdown::{StopFlag, StopSignals};
use crate::id::derived_uuid;
use crate::probe::lookout::{HeardRecording, Lookout, SLACK, WantedRecording};
use crate::probe::phone::{CallReport, Phone, ProbeErrand};
use crate::probe::probe_outcome::{Evidence, ProbeOutcome};
use crate::probe::probe_password::read_password;
use crate::store::files::Folder;
use crate::store::mark;
use crate::store::probe_state::ProbeState;
use crate::store::register::RegisterEntry;
use crate::time::Timestamp;
use anyhow::{Context as _, bail};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// One look in so many is at the register as well, which may be long.
const REGISTER_EVERY: u32 = 10;

/// Places the call, looks for its recording, and says what became of it.
///
/// # Errors
/// The configuration has no test call, or its password cannot be read (exit status 2); the store or a socket
/// fails; the call was not recorded and heard.
pub fn run(cli: &Cli, args: &ProbeArgs) -> anyhow::Result<()> {
    let loaded = settings::load(&cli.global, DefaultFile::Required, Purpose::Other, Vec::new())?;
    let settings = &loaded.config.probe;
    let Some(exchange) = &settings.exchange else {
        let allowed = "the exchange that places the test call, such as \"udp:10.1.0.1:5060\"";
        return Err(mistake(&loaded, "probe.exchange", "nothing".into(), allowed.into()).into());
    };
    let site = Site::find(cli)?;
    let account = account(&loaded)?;
    let mut archive = Archive::open(&site.place, NoIndex::BuildSmall)?;
    let stop = StopFlag::default();
    StopSignals::handle(&stop)?.wait_aside()?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| anyhow::anyhow!("the system gives no random numbers: {e}"))?;
    let began = wall_clock();
    let id = derived_uuid(began, &[&seed, b"probe"]);
    let is_stopped = || stop.is_set();
    let errand = ProbeErrand { settings, host: &exchange.host, account, id, seed, is_stopped: &is_stopped };
    let called = Phone::open(exchange).and_then(|phone| phone.call(errand));
    let Ok(report) = called.as_ref() else {
        note(&site, began, ProbeResult::Unreachable)?;
        called.context(format!("{} (probe.exchange)", exchange))?;
        return Ok(());
    };
    let found = match report.answered_at {
        Some(answered_at) => look(&site, &mut archive, id, report, answered_at, &stop)?,
        None => None,
    };
    let unrecorded = match (report.answered_at, &found) {
        (Some(answered_at), None) => registered(&site, report, answered_at)?,
        _ => None,
    };
    let evidence = Evidence {
        side: settings.side,
        recording: found.as_ref(),
        unrecorded: unrecorded.as_ref(),
        is_recorder_there: UnixStream::connect(&loaded.config.control.socket).is_ok(),
    };
    let outcome = ProbeOutcome::of(report, evidence);
    note(&site, report.began, outcome.result)?;
    match args.json {
        true => output::print(&output::json(&outcome.json())?)?,
        false => output::print(&output::plain_lines(&outcome.text()))?,
    }
    if !outcome.is_good() {
        bail!("the test call failed: {}", outcome.result.describe());
    }
    Ok(())
}

/// The account, with its password.
fn account(loaded: &Loaded) -> anyhow::Result<Option<SipAccount>> {
    let own = &loaded.config.probe;
    if own.password_file.as_os_str().is_empty() {
        return Ok(None);
    }
    let allowed = "a file with the password that nobody but its owner may read (chmod 600)";
    let password = read_password(&own.password_file)
        .map_err(|why| mistake(loaded, "probe.password_file", why, allowed.into()))?;
    Ok(Some(SipAccount { user: own.user.clone(), password }))
}

/// Looks for the recording until it is there, the register says that there is none, or `probe.wait` is over.
fn look(
    site: &Site,
    archive: &mut Archive,
    id: Uuid,
    report: &CallReport,
    answered_at: Timestamp,
    stop: &StopFlag,
) -> anyhow::Result<Option<HeardRecording>> {
    let own = &site.config.probe;
    let wanted = WantedRecording {
        signature: Signature::of(id),
        call_id: &report.call_id,
        answered_at,
        ended_at: report.ended_at,
        service: &own.service,
    };
    // Hearing is hearing, whoever does it.
    let mut before = |recording: Uuid| {
        let why = Why { reason: Some("probe".into()), ..Why::default() };
        site.note(Draft::new(Action::Listen).on([recording]).why(why))
    };
    let (mut lookout, began) = (Lookout::default(), Instant::now());
    for turn in 1u32.. {
        if let Some(found) = lookout.look(archive, &wanted, &mut before)? {
            return Ok(Some(found));
        }
        // What the register has of the call comes later than a recording would.
        let is_known = turn % REGISTER_EVERY == 0 && registered(site, report, answered_at)?.is_some();
        if is_known || began.elapsed() >= own.wait || stop.is_set() {
            break;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(None)
}

/// What the register says of the call: by its Call-ID, else of another leg of its service at that time.
fn registered(
    site: &Site,
    report: &CallReport,
    answered_at: Timestamp,
) -> anyhow::Result<Option<RegisterEntry>> {
    let (call, service) = (call_id_hash(&report.call_id), &site.config.probe.service);
    let (since, until) = (answered_at - SLACK, report.ended_at + SLACK);
    let (mut own, mut other) = (None, None);
    site.each_unrecorded(|entry| {
        if entry.call == call {
            own = Some(entry);
        } else if entry.service.as_ref() == Some(service) && (since..until).contains(&entry.at) {
            other = Some(entry);
        }
    })?;
    Ok(own.or(other))
}

/// Leaves what the recorder shows in its metrics.
fn note(site: &Site, at: Timestamp, result: ProbeResult) -> anyhow::Result<()> {
    if !site.state.is_dir() {
        mark::enter(&site.root, &site.state, site.now)?;
    }
    let state = Folder::make(&site.state, site.place.access)?;
    let before = ProbeState::read(&state)?.and_then(|known| known.last_success_at);
    let last_success_at = if result == ProbeResult::Heard { Some(at) } else { before };
    Ok(ProbeState { schema: 1, at, result: result.into(), last_success_at }.write(&state)?)
}
