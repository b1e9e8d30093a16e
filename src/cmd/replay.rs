//! `nauhuri replay`: the same engine over capture files.

use super::output;
use super::settings::{self, DefaultFile};
use crate::capture::merge::Merged;
use crate::cli::{Cli, ReplayArgs};
use crate::config::Config;
use crate::config::check::Purpose;
use crate::daemon::deck::Shelf;
use crate::daemon::live::worker_count;
use crate::daemon::observe::Outcome;
use crate::daemon::replay::{Replayed, replay};
use crate::store::identity;
use crate::store::layout::Existing;
use crate::store::lock::StoreLock;
use crate::store::sidecar::Sidecar;
use crate::store::writer::WriterOptions;
use crate::telemetry::{Metrics, Readiness};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

/// Records from capture files on the packets' own clock.
///
/// # Errors
/// A configuration that is wrong, a capture that cannot be read, a folder that cannot be written.
pub fn run(cli: &Cli, args: &ReplayArgs) -> anyhow::Result<()> {
    let mut options = Vec::new();
    if let Some(out) = &args.out {
        options.push(("--out", "storage.dir", out.display().to_string()));
    }
    if let Some(n) = args.workers {
        options.push(("--workers", "limits.workers", n.to_string()));
    }
    let loaded = settings::load(&cli.global, DefaultFile::Optional, Purpose::Other, options)?;
    // The summary tells what was recorded; INFO lines are for those who ask.
    let _log = settings::start_log(&cli.global, 1, false);
    let config = loaded.config;
    let captures = Merged::open(&args.captures)?;
    let root = &config.storage.dir;
    std::fs::create_dir_all(root).with_context(|| format!("{}: cannot be made", root.display()))?;
    // A store that a recorder may use is entered beside it; a folder of one's own needs no lock.
    let _lock = match args.out {
        Some(_) => None,
        None => {
            identity::must_be(root, &config.storage.id)?;
            let mut lock = StoreLock::enter(root)?;
            lock.share()?;
            Some(lock)
        }
    };
    let timezone = settings::timezone(&config)?;
    let shelf = Arc::new(shelf(&config));
    let bar = progress_bar(cli, captures.total_bytes().unwrap_or(0));
    let done =
        replay(&config, &shelf, &timezone, worker_count(&config), captures, |bytes| bar.set_position(bytes))?;
    bar.finish_and_clear();
    for w in &done.warnings {
        eprintln!("warning: {w}");
    }
    let summary = if args.json { summary_json(&done, root)? } else { summary_text(&done, root) };
    output::print(&summary)?;
    failures(&done)
}

/// Calls that should have been recorded and could not be are a failure of the work.
fn failures(done: &Replayed) -> anyhow::Result<()> {
    use crate::telemetry::label::FailReason;
    let missed = done
        .outcomes
        .iter()
        .filter(|o| matches!(o, Outcome::Failed { reason, .. } if *reason != FailReason::NoMedia));
    match missed.count() {
        0 => Ok(()),
        n => anyhow::bail!("{n} recordings could not be written; see the messages above"),
    }
}

fn shelf(config: &Config) -> Shelf {
    let services = config.service.iter().map(|s| s.name.as_str());
    Shelf {
        root: config.storage.dir.clone(),
        encoding: config.storage.encoding,
        options: WriterOptions { sync: false, ..WriterOptions::default() },
        prompt: false,
        free_bytes: AtomicU64::new(u64::MAX),
        min_free: 0,
        existing: Some(Mutex::new(Existing::default())),
        metrics: Arc::new(Metrics::new(services.chain([config.service_default.name.as_str()]))),
        readiness: Arc::new(Readiness::new(0)),
        troubled: AtomicBool::new(false),
    }
}

fn summary_json(done: &Replayed, root: &Path) -> anyhow::Result<String> {
    let s = &done.stats;
    let recorded = done.outcomes.iter().filter_map(|o| match o {
        Outcome::Recorded(s) => Some(s),
        Outcome::Existed(_) | Outcome::Failed { .. } => None,
    });
    let recordings: Vec<_> = recorded.map(|r| row_json(r, root)).collect();
    let existed: Vec<_> =
        done.outcomes.iter().filter(|o| matches!(o, Outcome::Existed(_))).map(Outcome::id).collect();
    let failed: Vec<_> = done
        .outcomes
        .iter()
        .filter_map(|o| match o {
            Outcome::Failed { id, call_id, reason } => {
                Some(json!({ "id": id, "call_id": call_id, "reason": reason.as_str() }))
            }
            Outcome::Recorded(_) | Outcome::Existed(_) => None,
        })
        .collect();
    let unrecorded: serde_json::Map<_, _> = crate::call::Unrecorded::ALL
        .iter()
        .map(|u| {
            let label = crate::daemon::observe::unrecorded_label(*u).as_str();
            (label.to_string(), json!(s.unrecorded[*u as usize]))
        })
        .collect();
    let summary = json!({
        "dir": root,
        "packets": s.net.frames,
        "bytes": s.net.bytes,
        "sip_messages": s.sip_messages(),
        "sip_parse_errors": s.sip_parse_errors,
        "rtp_recorded": s.rtp_recorded,
        "rtp_unmatched": s.rtp_unmatched,
        "recordings": recordings,
        "existed": existed,
        "failed": failed,
        "unrecorded": unrecorded,
        "time_went_back": s.net.backwards,
        "warnings": done.warnings,
    });
    Ok(serde_json::to_string_pretty(&summary)? + "\n")
}

fn row_json(r: &Sidecar, root: &Path) -> serde_json::Value {
    json!({
        "id": r.id,
        "wav": wav_path(r, root),
        "service": r.service,
        "direction": r.direction,
        "agent": r.agent.id,
        "customer": r.customer.number,
        "answered_at": r.answered_at,
        "duration_s": r.duration_s,
        "ended_by": r.ended_by,
        "complete": r.complete,
    })
}

fn wav_path(r: &Sidecar, root: &Path) -> std::path::PathBuf {
    let at = crate::store::sidecar::parse_rfc3339(&r.answered_at).unwrap_or_default();
    root.join(crate::store::layout::day_folder(at)).join(&r.wav)
}

fn summary_text(done: &Replayed, root: &Path) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header([
        "answered (UTC)",
        "duration",
        "service",
        "direction",
        "agent",
        "customer",
        "ended by",
        "file",
    ]);
    let mut lines = Vec::new();
    let mut recorded = 0;
    for o in &done.outcomes {
        match o {
            Outcome::Recorded(r) => {
                recorded += 1;
                let customer = match (&r.customer.number, r.customer.withheld) {
                    (Some(n), _) => n.as_str(),
                    (None, true) => "withheld",
                    (None, false) => "-",
                };
                let ended = serde_json::to_value(r.ended_by).ok();
                let direction = serde_json::to_value(r.direction).ok();
                table.add_row([
                    r.answered_at.get(..19).unwrap_or(&r.answered_at),
                    &format!("{:.1} s{}", r.duration_s, if r.complete { "" } else { " *" }),
                    r.service.as_deref().unwrap_or("-"),
                    direction.as_ref().and_then(|v| v.as_str()).unwrap_or("-"),
                    r.agent.id.as_deref().unwrap_or("-"),
                    customer,
                    ended.as_ref().and_then(|v| v.as_str()).unwrap_or("-"),
                    &wav_path(r, root).display().to_string(),
                ]);
            }
            Outcome::Existed(id) => lines.push(format!("{id} exists already and was not touched")),
            Outcome::Failed { id, reason, .. } => lines.push(format!("{id} not recorded: {reason}")),
        }
    }
    let mut text = String::new();
    if recorded > 0 {
        text.push_str(&format!("{}\n\n", table.trim_fmt()));
    }
    for l in lines {
        text.push_str(&l);
        text.push('\n');
    }
    let s = &done.stats;
    let some_incomplete = done.outcomes.iter().any(|o| matches!(o, Outcome::Recorded(r) if !r.complete));
    if some_incomplete {
        text.push_str("* not complete: start or end not seen, or audio that could not be decoded\n");
    }
    text.push_str(&format!(
        "{recorded} recordings in {} from {} packets ({} SIP messages, {} RTP packets recorded, {} of no known call)\n",
        root.display(),
        s.net.frames,
        s.sip_messages(),
        s.rtp_recorded,
        s.rtp_unmatched,
    ));
    text
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(cli: &Cli, total: u64) -> ProgressBar {
    if cli.global.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = if total > 0 { ProgressBar::new(total) } else { ProgressBar::new_spinner() };
    let form = "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style);
    }
    bar
}
