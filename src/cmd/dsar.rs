//! `nauhuri dsar`: the requests of data subjects.

use super::archive::{Opened, Site};
use super::columns::{Grid, Layout};
use super::keep;
use super::output::{self, plain};
use super::usage::Usage;
use crate::archive::search::IdPart;
use crate::cli::Cli;
use crate::cli::dsar::{DsarAddArgs, DsarArgs, DsarCommand, DsarDecideArgs};
use crate::config::CopyAccess;
use crate::config::compiled::NumberForm;
use crate::custody::dsar::{
    CarryOut, CopyRequest, DsarError, Handling, NewRequest, RequestStanding, Ruling, SubjectRequest,
};
use crate::custody::keeper::Keeper;
use crate::pii::Pii;
use anyhow::bail;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Read;
use uuid::Uuid;

/// Most that is read of who asks, bytes.
const PERSON_MAX: u64 = 8 << 10;
/// Requests of a list.
const LISTED: usize = 10_000;

/// Takes, lists, extends, decides requests, and makes what goes out. What cannot be told to the audit log is not done.
///
/// # Errors
/// It makes no sense (exit status 2), or does not go as things stand.
pub fn run(cli: &Cli, args: &DsarArgs) -> anyhow::Result<()> {
    match &args.command {
        DsarCommand::Add(args) => add(cli, args),
        DsarCommand::Decide(args) => decide(cli, args),
        DsarCommand::Change { n, identity, ask_identity, recording, .. } => {
            change(cli, *n, identity.as_deref(), *ask_identity, recording)
        }
        DsarCommand::List { all, json, .. } => with(cli, |desk, _| {
            let requests = if *all { desk.page(i64::MAX, LISTED)? } else { desk.undecided()? };
            list(desk, &requests, *json)
        }),
        DsarCommand::Show { n, json, .. } => with(cli, |desk, _| {
            let (request, standing) = desk.show(*n)?;
            let value = request.to_json(standing, desk.today());
            Ok(if *json { output::json(&value)? } else { shown(&value) })
        }),
        DsarCommand::Extend { n, months, why, .. } => with(cli, |desk, _| {
            let due = desk.extend(*n, *months, &Pii::from(why.as_str()))?;
            Ok(format!("{n} extended: due on {due}\n"))
        }),
        DsarCommand::Copy { n, to, silence, without_names, leave_out, .. } => with(cli, |desk, site| {
            let copy = CopyRequest {
                to: to.clone(),
                silence: *silence,
                without_names: *without_names,
                leave_out: leave_out.clone(),
                until_due: site.config.retention.access == CopyAccess::UntilDue,
            };
            let done = desk.copy(*n, &copy)?;
            Ok(format!("{} exported: {}\nSHA-256 {}\n", done.recordings, done.path.display(), done.sha256))
        }),
        DsarCommand::Letter { n, kind, .. } => {
            with(cli, |desk, site| Ok(desk.letter(*n, *kind, &site.config.controller)?.to_text()))
        }
    }
}

/// Opens the book, does something, prints what came of it.
fn with(
    cli: &Cli,
    work: impl FnOnce(&mut Handling<'_>, &Site) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let (site, keeper) = keep::open(cli)?;
    done(&site, keeper, work)
}

fn done(
    site: &Site,
    mut keeper: Keeper,
    work: impl FnOnce(&mut Handling<'_>, &Site) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let made = Handling::open(&mut keeper, &site.by, &site.zone)
        .map_err(anyhow::Error::from)
        .and_then(|mut desk| work(&mut desk, site));
    keep::warn(&mut keeper);
    match made {
        Ok(text) => Ok(output::print(&text)?),
        // What was said makes no sense: as a wrong command line.
        Err(e) => match e.downcast::<DsarError>() {
            Ok(DsarError::Unfit(why)) => Err(Usage(why).into()),
            Ok(other) => Err(other.into()),
            Err(e) => Err(e),
        },
    }
}

fn add(cli: &Cli, args: &DsarAddArgs) -> anyhow::Result<()> {
    let (name, address) = person(std::io::stdin().lock())?;
    let archive = Opened::open(cli)?;
    let rows = if args.search.is_empty() { Vec::new() } else { archive.find_rows(&args.search)? };
    if rows.is_empty() && !args.search.is_empty() {
        bail!("no recording matches");
    }
    let new = NewRequest {
        right: args.right,
        received: args.received,
        channel: args.channel,
        case: args.case.clone(),
        language: args.language,
        name,
        address,
        number: args.own_number.clone(),
        identity: args.identity.clone().map(Pii::new),
        identity_asked: args.ask_identity,
        recordings: rows.iter().map(|row| row.id).collect(),
    };
    let (site, keeper) = keep::split(archive);
    done(&site, keeper, |desk, site| {
        let n = desk.add(&new, &NumberForm::new(&site.config.numbers))?;
        let (request, _) = desk.get(n)?;
        let mut text = format!("{n} taken: due on {}\n", request.due);
        if request.prior > 0 {
            let _ = writeln!(text, "{} of the same person within the year before it", request.prior);
        }
        Ok(text)
    })
}

/// The name on the first line, the address on those behind it.
fn person(input: impl Read) -> anyhow::Result<(Pii<String>, Pii<String>)> {
    let mut bytes = Vec::new();
    input.take(PERSON_MAX + 1).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= PERSON_MAX);
    let Some(text) = text else {
        return Err(Usage("who asks, on standard input, is not a short text in UTF-8".into()).into());
    };
    let (name, address) = text.trim().split_once('\n').unwrap_or((text.trim(), ""));
    if name.trim().is_empty() {
        let why = "who asks? The name comes on standard input, and the address on the lines behind it";
        return Err(Usage(why.into()).into());
    }
    Ok((name.trim().into(), address.trim().into()))
}

fn change(cli: &Cli, n: i64, identity: Option<&str>, asks: bool, recording: &[IdPart]) -> anyhow::Result<()> {
    if identity.is_none() && !asks && recording.is_empty() {
        let why = "what is to change? Give --identity, --ask-identity or --recording";
        return Err(Usage(why.into()).into());
    }
    let archive = Opened::open(cli)?;
    let ids = known(&archive, recording)?;
    let (site, keeper) = keep::split(archive);
    done(&site, keeper, |desk, _| {
        if identity.is_some() || asks {
            desk.identify(n, identity.map(Pii::from).as_ref())?;
        }
        if !ids.is_empty() {
            desk.link(n, &ids)?;
        }
        Ok(format!("{n} changed\n"))
    })
}

fn known(archive: &Opened, ids: &[IdPart]) -> anyhow::Result<Vec<Uuid>> {
    ids.iter().map(|id| Ok(archive.one(*id)?.id)).collect()
}

fn decide(cli: &Cli, args: &DsarDecideArgs) -> anyhow::Result<()> {
    let archive = Opened::open(cli)?;
    let chosen = known(&archive, &args.recording)?;
    let ruling = Ruling {
        outcome: args.outcome,
        ground: args.ground.clone(),
        why: args.why.clone().map(Pii::new),
        carry_out: args.carry_out,
        recordings: (!chosen.is_empty()).then_some(chosen),
    };
    let (site, keeper) = keep::split(archive);
    done(&site, keeper, |desk, _| {
        let (request, _) = desk.get(args.n)?;
        let erases = ruling.carries_out(request.right) == CarryOut::Erase;
        if erases && !args.yes {
            bail!("nothing was decided; --yes erases the recordings of request {} for good", args.n);
        }
        desk.decide(args.n, &ruling)?;
        Ok(format!("{} decided: {}\n", args.n, args.outcome.name()))
    })
}

fn list(
    desk: &Handling<'_>,
    requests: &[(SubjectRequest, RequestStanding)],
    as_json: bool,
) -> anyhow::Result<String> {
    let today = desk.today();
    if as_json {
        let list: Vec<Value> = requests.iter().map(|(r, standing)| r.to_json(*standing, today)).collect();
        return Ok(output::json(&list)?);
    }
    let mut grid = Grid::default();
    for (request, standing) in requests {
        let left = match standing.is_waiting() {
            true => request.days_left(today).to_string(),
            false => String::new(),
        };
        let cells = [
            request.n.to_string(),
            request.right.name().into(),
            request.received.to_string(),
            request.due.to_string(),
            left,
            standing.name().into(),
            request.decided.as_ref().map_or(String::new(), |decided| decided.outcome.name().into()),
            request.recordings.len().to_string(),
            request.case.clone(),
        ];
        grid.row(cells.map(|cell| plain(&cell)));
    }
    let heads = ["N", "RIGHT", "RECEIVED", "DUE", "DAYS", "STATE", "OUTCOME", "RECORDINGS", "REF"];
    Ok(Layout::new(heads).lines(&grid))
}

/// A line for each thing that is known.
fn shown(value: &Value) -> String {
    let mut text = String::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        let value = match value {
            Value::Null => continue,
            Value::String(said) => said.clone(),
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            other => other.to_string(),
        };
        for (i, line) in value.lines().enumerate() {
            // A String takes everything.
            let _ = writeln!(text, "{:<15} {}", if i == 0 { key } else { "" }, plain(line));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_person_is_a_name_and_lines() {
        let (name, address) = person(&b"Aino Testinen\nKatu 1\n00100 Helsinki\n"[..]).unwrap();
        assert_eq!((name.as_str(), address.as_str()), ("Aino Testinen", "Katu 1\n00100 Helsinki"));
        assert_eq!(person(&b" Aino \r\n"[..]).unwrap().0.as_str(), "Aino");
        assert!(person(&b"\n"[..]).is_err() && person(&b"\xff"[..]).is_err());
        assert!(person(&vec![b'x'; 9_000][..]).is_err());
        let line = shown(&json!({ "n": 4, "name": "A\u{1b}[2J", "address": null, "recordings": ["a", "b"] }));
        assert_eq!(line, "n               4\nname            A\u{fffd}[2J\nrecordings      a b\n");
    }
}
