//! `nauhuri amend`.

use super::keep::{self, Task};
use super::usage::Usage;
use crate::cli::Cli;
use crate::cli::keeping::AmendArgs;
use crate::custody::amend::Correction;
use crate::pii::Pii;

/// Corrects what is known about what is meant.
///
/// # Errors
/// Nothing to correct; an unknown id; a number where none may be kept.
pub fn run(cli: &Cli, args: &AmendArgs) -> anyhow::Result<()> {
    let correction = Correction {
        case: args.case.clone(),
        agent: args.set_agent.clone(),
        agent_name: args.set_agent_name.clone(),
        number: args.set_number.clone(),
        note: args.note.clone().map(Pii::new),
    };
    if correction.is_empty() {
        let what = "what is to change? Give --set-agent, --set-agent-name, --set-number or --note";
        return Err(Usage(what.into()).into());
    }
    let Task { site, mut keeper, rows } = keep::task(cli, &args.search)?;
    let amended = keeper.correct(&rows, &correction, &site.config, args.search.for_audit(), &site.by)?;
    keep::report(&mut keeper, &amended, "amended", "says so already")
}
