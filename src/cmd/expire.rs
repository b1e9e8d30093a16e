//! `nauhuri expire`: the daemon's sweep, by hand.

use super::{keep, output};
use crate::cli::Cli;
use crate::cli::keeping::ExpireArgs;
use crate::config::{ClockTrust, Config};
use crate::store::calendar::Term;
use crate::store::clock::Reading;
use crate::store::expire::{Sweep, SweepOptions};
use crate::time::Timestamp;
use anyhow::{anyhow, bail};
use jiff::ToSpan;
use jiff::tz::TimeZone;
use serde_json::json;
use std::fmt::Write;

/// Deletes what is due.
///
/// # Errors
/// The sweep is refused (clock, guard), or something could not be deleted.
pub fn run(cli: &Cli, args: &ExpireArgs) -> anyhow::Result<()> {
    let (place, mut keeper) = keep::open(cli)?;
    let reading =
        Reading::take(!args.ignore_clock && place.config.retention.clock == ClockTrust::Synchronised);
    let options = SweepOptions {
        dry_run: args.dry_run,
        ignore_clock: args.ignore_clock,
        ignore_guard: args.ignore_guard,
        walk: !args.dry_run,
        ..options(&place.config, reading.wall)
    };
    let sweep = keeper.sweep(&reading, &options)?;
    keep::warn(&mut keeper);
    output::print(&if args.json { as_json(&sweep, args.dry_run)? } else { as_text(&sweep, args.dry_run) })?;
    if let Some(refusal) = &sweep.refused {
        let hint = match refusal.name() {
            "guard" => "--ignore-guard",
            _ => "--ignore-clock",
        };
        if args.dry_run {
            eprintln!("nauhuri: this would be refused: {refusal} ({hint})");
            return Ok(());
        }
        bail!("nothing was deleted: {refusal}. If that is right: {hint}");
    }
    keep::wrong_ones(sweep.failed.iter().map(|(id, why)| format!("{id}: {why}")).collect())
}

/// What the configuration says about a sweep at `now`.
pub fn options(config: &Config, now: Timestamp) -> SweepOptions {
    SweepOptions {
        any_clock: config.retention.clock == ClockTrust::Any,
        guard: config.retention.guard,
        audit_since: audit_since(&config.audit.keep, now),
        ..SweepOptions::default()
    }
}

/// Entries before this go.
fn audit_since(keep: &str, now: Timestamp) -> Option<Timestamp> {
    let span = match Term::parse(keep).ok()? {
        Term::Days(n) => i64::from(n).days(),
        Term::Weeks(n) => i64::from(n).weeks(),
        Term::Months(n) => i64::from(n).months(),
        Term::Years(n) => i64::from(n).years(),
    };
    let since = now.to_jiff().to_zoned(TimeZone::UTC).checked_sub(span).ok()?;
    Some(Timestamp::from_jiff(since.timestamp()))
}

fn as_json(sweep: &Sweep, dry_run: bool) -> anyhow::Result<String> {
    let ids: Vec<_> = sweep.deleted.iter().map(|(id, _)| id).collect();
    let value = json!({
        "dry_run": dry_run,
        "deleted": sweep.deleted.len(),
        "by_service": sweep.by_service(),
        "ids": ids,
        "completed": sweep.completed,
        "failed": sweep.failed.iter().map(|(id, why)| json!({ "id": id, "why": why })).collect::<Vec<_>>(),
        "overdue": sweep.overdue,
        "audit_pruned": sweep.audit_pruned,
        "refused": sweep.refused.as_ref().map(|r| json!({ "reason": r.name(), "text": r.to_string() })),
    });
    Ok(serde_json::to_string_pretty(&value).map_err(|e| anyhow!(e))? + "\n")
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
    if sweep.audit_pruned > 0 {
        let _ = writeln!(text, "{:>8} entries of the audit log past their own term", sweep.audit_pruned);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_go_by_the_calendar() {
        let now = Timestamp::from_jiff("2028-02-29T12:00:00Z".parse().unwrap());
        let since = audit_since("10 years", now).unwrap();
        assert_eq!(since.to_rfc3339(), "2018-02-28T12:00:00.000000Z");
        assert_eq!(audit_since("for ever", now), None);
    }
}
