//! `nauhuri retention apply`: a changed term, for the recordings that are there.

use super::keep;
use super::output;
use super::usage::Usage;
use crate::cli::Cli;
use crate::cli::keeping::{RetentionArgs, RetentionCommand};
use crate::config::Config;
use crate::custody::retain::{Applied, Rule};
use anyhow::bail;
use jiff::tz::TimeZone;
use serde_json::json;

/// Applies the term of one service, or tells what that would mean.
///
/// # Errors
/// No such service; neither `--dry-run` nor `--yes`; a recording that cannot be changed.
pub fn run(cli: &Cli, args: &RetentionArgs) -> anyhow::Result<()> {
    let RetentionCommand::Apply { service, dry_run, yes, json, .. } = &args.command;
    let (site, mut keeper) = keep::open(cli)?;
    let rule = rule(&site.config, &site.zone, service)?;
    let applied = match yes {
        true => keeper.apply(&rule, &site.by)?,
        false => keeper.preview(&rule, &site.by)?,
    };
    keep::warn(&mut keeper);
    let text = match json {
        true => {
            let value = json!({ "dry_run": !yes, "service": service, "result": applied });
            output::json(&value)?
        }
        false => as_text(&rule, &applied),
    };
    output::print(&text)?;
    if !yes && !dry_run {
        bail!("nothing was changed; --yes does it");
    }
    keep::wrong_ones(applied.failed.iter().map(|id| format!("{id}: could not be changed")).collect())
}

fn rule(config: &Config, zone: &TimeZone, name: &str) -> anyhow::Result<Rule> {
    let Some(service) = config.service_named(name) else {
        let names = config.service.iter().map(|s| s.name.as_str());
        let names: Vec<&str> = names.chain([config.service_default.name.as_str()]).collect();
        return Err(Usage(format!("no service `{name}` in the configuration: {}", names.join(", "))).into());
    };
    Ok(Rule {
        service: service.name,
        term: service.retention,
        bound: service.retention_bound,
        zone: zone.clone(),
    })
}

fn as_text(rule: &Rule, applied: &Applied) -> String {
    let mut text = format!("service {}, {}:\n", rule.service, rule.term);
    for (count, what) in [
        (applied.shorter, "kept shorter than now"),
        (applied.longer, "kept longer than now"),
        (applied.unchanged, "as now"),
        (applied.held, "of them held, and staying whatever their term"),
        (applied.due_at_once, "due at once: the next sweep deletes them"),
    ] {
        text += &format!("{count:>8} {what}\n");
    }
    if let Some(oldest) = &applied.oldest {
        text += &format!("the oldest that changes was answered at {oldest}\n");
    }
    text
}
