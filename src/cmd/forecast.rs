//! `nauhuri forecast`: when the storage will be full.

use super::archive::Opened;
use super::columns::{Grid, Layout};
use super::output::{self, plain, size};
use super::words::local;
use crate::archive::forecast::{Forecast, Space, forecast};
use crate::cli::Cli;
use crate::cli::reading::ForecastArgs;
use crate::daemon::housekeeping::free_bytes;
use anyhow::Context;
use serde_json::json;

/// Prints the days to come, and the instant the room is used up.
///
/// # Errors
/// The store cannot be opened, or its file system does not answer.
pub fn run(cli: &Cli, args: &ForecastArgs) -> anyhow::Result<()> {
    let archive = Opened::open(cli)?;
    let site = &archive.site;
    let free = free_bytes(&site.root).with_context(|| format!("{}", site.root.display()))?;
    let space = Space { free, min_free: site.config.storage.min_free };
    let ahead = forecast(&archive.index, site.now, space, args.days, &site.zone)?;
    if args.json {
        let mut object = serde_json::to_value(&ahead)?;
        object["free"] = json!(space.free);
        object["min_free"] = json!(space.min_free);
        output::print(&output::json(&object)?)?;
        return Ok(());
    }
    let verdict = match ahead.exhausted_at {
        Some(at) if at <= site.now => "no room is left above storage.min_free".to_owned(),
        Some(at) => {
            format!("room is used up at {} ({})", local(at, &site.zone), site.config.retention.timezone)
        }
        None => format!("not within {} days", args.days),
    };
    let room = format!(
        "{} free, of which {} stay reserved (storage.min_free)",
        size(space.free),
        size(space.min_free)
    );
    output::print(&format!("{}\n\n{}\n{room}\n{verdict}\n", services(&ahead), days(&ahead)))?;
    Ok(())
}

fn services(ahead: &Forecast) -> String {
    let mut grid = Grid::default();
    for s in &ahead.services {
        let kept = s.kept_days.map_or_else(|| "for ever".into(), |d| format!("{d} days"));
        let name = if s.service.is_empty() { "-".into() } else { plain(&s.service) };
        grid.row([name, size(s.bytes_a_day as u64), format!("{:.1}", s.recordings_a_day), kept]);
    }
    let of = match ahead.history_days {
        _ if ahead.services.is_empty() => "nothing recorded yet".to_owned(),
        1 => "from 1 day".to_owned(),
        n => format!("from {n} days"),
    };
    let heads = ["SERVICE", "A DAY", "RECORDINGS", "KEPT"];
    format!("{}({of})", Layout::of_numbers(heads).lines(&grid))
}

fn days(ahead: &Forecast) -> String {
    let mut grid = Grid::default();
    for d in &ahead.days {
        grid.row([d.date.to_string(), size(d.recorded), size(d.expiring), size(d.free)]);
    }
    Layout::of_numbers(["DAY", "RECORDED", "EXPIRING", "FREE AFTER"]).lines(&grid)
}
