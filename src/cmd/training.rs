//! `nauhuri training`: anonymised copies.

use super::archive::Opened;
use super::columns::{Grid, Layout};
use super::keep;
use super::output::{self, plain};
use super::usage::Usage;
use crate::cli::Cli;
use crate::cli::training::{MakeArgs, TrainingArgs, TrainingCommand};
use crate::custody::access::Policy;
use crate::custody::audit::{Action, Draft, Outcome, facts};
use crate::custody::training::{MakeError, TrainingRequest};
use crate::store::training::{LABEL, TrainingFolder};
use anyhow::bail;

/// Makes, lists and removes training copies.
///
/// # Errors
/// An unknown id, a service that is not for training, a recording that is restricted or damaged.
pub fn run(cli: &Cli, args: &TrainingArgs) -> anyhow::Result<()> {
    match &args.command {
        TrainingCommand::Make(args) => make(cli, args),
        TrainingCommand::List { json, .. } => list(cli, *json),
        TrainingCommand::Remove { id, .. } => {
            let (site, mut keeper) = keep::open(cli)?;
            let removed = keeper.remove_training(*id, &site.by)?;
            keep::warn(&mut keeper);
            if !removed {
                bail!("{id}: no such training copy");
            }
            Ok(output::print(&format!("{id} removed\n"))?)
        }
    }
}

fn make(cli: &Cli, args: &MakeArgs) -> anyhow::Result<()> {
    let archive = Opened::open(cli)?;
    let row = archive.one(args.id)?;
    let (site, mut keeper) = keep::split(archive);
    if !Policy::new(&site.config).trains(row.service.as_deref()) {
        let told = Draft::new(Action::TrainingMake).on([row.id]).ended(Outcome::Refused);
        keeper.append_audit(&site.by, told.detail(facts! { Because: "not for training" }))?;
        bail!("{}: recordings of its service are not for training (special_category, reasons)", row.id);
    }
    let request = TrainingRequest {
        title: args.title.trim().to_owned(),
        customer: args.customer,
        agent: args.agent,
        start_s: args.start,
        end_s: args.end,
        spans: [&args.silence[..], &args.beep].concat(),
    };
    let made = keeper.make_training(&row, &request, &site.by);
    keep::warn(&mut keeper);
    match made {
        Ok(copy) => Ok(output::print(&format!("{} made\n{LABEL}\n", copy.id))?),
        Err(MakeError::Unfit(why)) => Err(Usage(why).into()),
        Err(e) => Err(e.into()),
    }
}

fn list(cli: &Cli, as_json: bool) -> anyhow::Result<()> {
    let (site, mut keeper) = keep::open(cli)?;
    keeper.append_audit(&site.by, Draft::new(Action::TrainingShow))?;
    keep::warn(&mut keeper);
    let copies = TrainingFolder::open(&site.root)?.map_or(Ok(Vec::new()), |folder| folder.copies())?;
    if as_json {
        return Ok(output::print(&output::json(&copies)?)?);
    }
    let mut grid = Grid::default();
    for copy in &copies {
        let cells = [
            copy.id.to_string(),
            copy.service.clone().unwrap_or_default(),
            output::length(copy.duration_s),
            copy.made_by.clone(),
            copy.until.map_or(String::new(), |until| until.to_string()),
            copy.title.clone(),
        ];
        grid.row(cells.map(|cell| plain(&cell)));
    }
    Ok(output::print(&Layout::new(["ID", "SERVICE", "LENGTH", "MADE BY", "UNTIL", "TITLE"]).lines(&grid))?)
}
