//! `nauhuri expire`: the daemon's sweep, by hand.

use super::keep::{self, NO_AUDIO};
use super::output::{self, remark};
use crate::cli::Cli;
use crate::cli::keeping::ExpireArgs;
use crate::config::ClockTrust;
use crate::custody::expire::{Sweep, SweepOptions};
use crate::custody::wall_clock::Reading;
use anyhow::bail;
use serde_json::json;
use std::fmt::Write;

/// Deletes what is due.
///
/// # Errors
/// The sweep is refused (clock, guard), or something could not be deleted.
pub fn run(cli: &Cli, args: &ExpireArgs) -> anyhow::Result<()> {
    let (site, mut keeper) = keep::open(cli)?;
    let reading =
        Reading::take(!args.ignore_clock && site.config.retention.clock == ClockTrust::Synchronised);
    let options = SweepOptions {
        dry_run: args.dry_run,
        ignore_clock: args.ignore_clock,
        ignore_guard: args.ignore_guard,
        walk: !args.dry_run,
        ..SweepOptions::of(&site.config, reading.wall)
    };
    let sweep = keeper.sweep(&site.by.who, &reading, &options)?;
    keep::warn(&mut keeper);
    output::print(&if args.json { as_json(&sweep, args.dry_run)? } else { as_text(&sweep, args.dry_run) })?;
    if let Some(refusal) = &sweep.refused {
        let hint = match refusal.name() {
            "guard" => "--ignore-guard",
            _ => "--ignore-clock",
        };
        if args.dry_run {
            remark(format_args!("nauhuri: this would be refused: {refusal} ({hint})"));
            return Ok(());
        }
        bail!("nothing was deleted: {refusal}. If that is right: {hint}");
    }
    for trouble in &sweep.troubles {
        remark(format_args!("nauhuri: warning: {trouble}"));
    }
    for id in &sweep.silent {
        remark(format_args!("nauhuri: warning: {id}: {NO_AUDIO}"));
    }
    keep::wrong_ones(sweep.failed.iter().map(|(id, why)| format!("{id}: {why}")).collect())
}

fn as_json(sweep: &Sweep, dry_run: bool) -> anyhow::Result<String> {
    let ids: Vec<_> = sweep.deleted.iter().map(|(id, _)| id).collect();
    let value = json!({
        "dry_run": dry_run,
        "deleted": sweep.deleted.len(),
        "by_service": sweep.by_service(),
        "ids": ids,
        "completed": sweep.completed,
        "without_audio": sweep.silent,
        "failed": sweep.failed.iter().map(|(id, why)| json!({ "id": id, "why": why.to_string() })).collect::<Vec<_>>(),
        "overdue": sweep.overdue,
        "audit_pruned": sweep.audit_pruned,
        "tombstones_pruned": sweep.tombstones_pruned,
        "dsar_pruned": sweep.dsar_pruned,
        "register_pruned": sweep.register_pruned,
        "training_removed": sweep.training_removed,
        "assurance_removed": sweep.assurance_removed,
        "refused": sweep.refused.as_ref().map(|r| json!({ "reason": r.name(), "text": r.to_string() })),
    });
    Ok(output::json(&value)?)
}

fn as_text(sweep: &Sweep, dry_run: bool) -> String {
    let mut text = String::new();
    let word = if dry_run { "due" } else { "deleted" };
    // A String takes everything.
    for (service, count) in sweep.by_service() {
        let _ = writeln!(
            text,
            "{count:>8} {word}  {}",
            if service.is_empty() { "(no service)" } else { service }
        );
    }
    let _ = writeln!(text, "{:>8} {word} in all", sweep.deleted.len());
    if sweep.completed > 0 {
        let _ = writeln!(text, "{:>8} deletions completed that had been cut short", sweep.completed);
    }
    if sweep.training_removed > 0 {
        let _ = writeln!(text, "{:>8} training copies whose recordings are over", sweep.training_removed);
    }
    if sweep.assurance_removed > 0 {
        let _ = writeln!(text, "{:>8} notes of calls that were not recorded", sweep.assurance_removed);
    }
    if sweep.register_pruned > 0 {
        let _ = writeln!(text, "{:>8} calls left the register of those not recorded", sweep.register_pruned);
    }
    if sweep.dsar_pruned > 0 {
        let _ = writeln!(text, "{:>8} requests of data subjects whose names went", sweep.dsar_pruned);
    }
    if sweep.tombstones_pruned > 0 {
        let _ = writeln!(text, "{:>8} tombstones that had done their work", sweep.tombstones_pruned);
    }
    if sweep.audit_pruned > 0 {
        let _ = writeln!(text, "{:>8} entries of the audit log past their own term", sweep.audit_pruned);
    }
    text
}
