//! `nauhuri user import`: agents and teams of accounts from a CSV file, as a staff register writes them.

use super::archive::Site;
use super::output;
use super::usage::Usage;
use crate::custody::access::Assignment;
use crate::custody::audit::{Action, Draft, facts};
use crate::store::calendar::day_begins;
use crate::web::accounts::{Account, Accounts};
use anyhow::Context;
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Longest file, bytes: a hundred thousand lines.
const FILE_MAX: u64 = 16 << 20;
/// Longest id of an agent or name of a team, bytes.
const WHAT_MAX: usize = 256;

/// One line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportLine {
    account: String,
    #[serde(default)]
    agent: String,
    #[serde(default)]
    team: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
}

/// What an account was, and when.
#[derive(Clone, Debug, Default, PartialEq)]
struct Intervals {
    agents: Vec<Assignment>,
    teams: Vec<Assignment>,
}

/// Takes a file whole, or refuses it and says every line that is wrong.
///
/// # Errors
/// The file cannot be read or makes no sense; an account is unknown; the store cannot be written.
pub(super) fn run(place: &Site, accounts: &Accounts, file: &Path, dry_run: bool) -> anyhow::Result<()> {
    let text = read(file)?;
    let wanted = parse(&text, &place.zone).map_err(|wrong| Usage(format!("{}:\n{wrong}", file.display())))?;
    let mut changed = Vec::new();
    let mut unknown = Vec::new();
    for (name, intervals) in wanted {
        match accounts.get(&name)? {
            Some(account) if is_so(&account, &intervals) => {}
            Some(account) => changed.push((account.name, intervals)),
            None => unknown.push(name),
        }
    }
    if !unknown.is_empty() {
        anyhow::bail!("{}: there is no account {}; nothing was changed", file.display(), unknown.join(", "));
    }
    let mut said = String::new();
    for (name, intervals) in &changed {
        said += &format!("{name}: {} agents, {} teams\n", intervals.agents.len(), intervals.teams.len());
    }
    if !dry_run && !changed.is_empty() {
        take(place, accounts, &changed)?;
    }
    let done = if dry_run { "would change" } else { "changed" };
    Ok(output::print(&format!("{said}{} accounts {done}\n", changed.len()))?)
}

fn take(place: &Site, accounts: &Accounts, changed: &[(String, Intervals)]) -> anyhow::Result<()> {
    let drafts = changed.iter().map(|(name, intervals)| {
        let (agents, teams) =
            (Assignment::all_to_json(&intervals.agents), Assignment::all_to_json(&intervals.teams));
        let detail = facts! { Account: name, Agents: agents, Teams: teams };
        Draft::new(Action::UserChange).detail(detail)
    });
    place.note_all(drafts)?;
    let all = changed.iter().map(|(name, i)| (name.as_str(), i.agents.as_slice(), i.teams.as_slice()));
    Ok(accounts.replace_intervals(all)?)
}

fn is_so(account: &Account, intervals: &Intervals) -> bool {
    let sorted = |list: &[Assignment]| {
        let mut list: Vec<_> = list.iter().map(|h| (h.what.clone(), h.from, h.until)).collect();
        list.sort();
        list
    };
    sorted(&account.agents) == sorted(&intervals.agents) && sorted(&account.teams) == sorted(&intervals.teams)
}

fn read(file: &Path) -> anyhow::Result<String> {
    let told = || format!("cannot read {}", file.display());
    let mut text = String::new();
    let input: Box<dyn Read> = match file.as_os_str().as_encoded_bytes() {
        b"-" => Box::new(std::io::stdin().lock()),
        _ => Box::new(std::fs::File::open(file).with_context(told)?),
    };
    input.take(FILE_MAX + 1).read_to_string(&mut text).with_context(told)?;
    anyhow::ensure!(text.len() as u64 <= FILE_MAX, "{}: longer than {FILE_MAX} bytes", file.display());
    Ok(text)
}

/// Reads all lines; where some are wrong, each of them in words.
fn parse(text: &str, zone: &TimeZone) -> Result<BTreeMap<String, Intervals>, String> {
    // Spreadsheets put a byte order mark first, and some a semicolon between.
    let text = text.trim_start_matches('\u{feff}');
    let head = text.lines().next().unwrap_or_default();
    let delimiter = if head.contains(';') && !head.contains(',') { b';' } else { b',' };
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).delimiter(delimiter).from_reader(text.as_bytes());
    let (mut out, mut wrong) = (BTreeMap::<String, Intervals>::new(), Vec::new());
    for (n, line) in reader.deserialize::<ImportLine>().enumerate() {
        let judged = line.map_err(|e| e.to_string()).and_then(|line| judge(line, zone));
        match judged {
            Ok((account, is_agent, held)) => {
                let of = out.entry(account).or_default();
                if is_agent { of.agents.push(held) } else { of.teams.push(held) }
            }
            // The head is line 1.
            Err(why) => wrong.push(format!("  line {}: {why}", n + 2)),
        }
    }
    if out.is_empty() && wrong.is_empty() {
        wrong.push("  no line but the head account,agent,team,from,until".into());
    }
    if wrong.is_empty() { Ok(out) } else { Err(wrong.join("\n")) }
}

fn judge(line: ImportLine, zone: &TimeZone) -> Result<(String, bool, Assignment), String> {
    let (is_agent, what) = match (line.agent.is_empty(), line.team.is_empty()) {
        (false, true) => (true, line.agent),
        (true, false) => (false, line.team),
        _ => return Err("an agent or a team, one of them".into()),
    };
    if what.len() > WHAT_MAX || what.chars().any(char::is_control) {
        return Err("the agent or team is too long, or has control characters".into());
    }
    let day = |key: &str, text: &str| match text {
        "" => Ok(None),
        text => match text.parse() {
            Ok(day) => Ok(Some(day_begins(day, zone))),
            Err(_) => Err(format!("{key}: not a date such as 2026-11-23")),
        },
    };
    let (from, until) = (day("from", &line.from)?, day("until", &line.until)?);
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        return Err("from must lie before until".into());
    }
    if line.account.is_empty() {
        return Err("account: empty".into());
    }
    Ok((line.account, is_agent, Assignment { what, from, until }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_as_spreadsheets_write_it() {
        let zone = TimeZone::get("Europe/Helsinki").unwrap();
        let want = parse(
            "account,agent,team,from,until\nkaisa,2001,,2026-01-01,\nkaisa,,north,,2026-07-01\n",
            &zone,
        );
        let kaisa = want.as_ref().unwrap()["kaisa"].clone();
        assert_eq!((kaisa.agents.len(), kaisa.teams.len()), (1, 1));
        assert_eq!(kaisa.agents[0].from, crate::store::sidecar::parse_rfc3339("2025-12-31T22:00:00Z"));
        for same in [
            "\u{feff}account;agent;team;from;until\r\nkaisa;2001;;2026-01-01;\r\nkaisa;;north;;2026-07-01\r\n",
            "until,from,team,agent,account\n,2026-01-01,,\"2001\",kaisa\n2026-07-01,,north,, kaisa \n",
        ] {
            assert_eq!(parse(same, &zone), want);
        }
    }

    #[test]
    fn every_wrong_line_is_said() {
        let zone = TimeZone::UTC;
        let text = "account,agent,team,from,until\nkaisa,,,,\nkaisa,1,2,,\nkaisa,1,,soon,\nkaisa,1,,2026-02-01,2026-01-01\n\
            ,1,,,\nkaisa,1,,,\nkaisa,1\n";
        let wrong = parse(text, &zone).unwrap_err();
        for line in ["line 2:", "line 3:", "line 4:", "line 5:", "line 6:", "line 8:"] {
            assert!(wrong.contains(line), "{line}: {wrong}");
        }
        assert!(!wrong.contains("line 7:"), "{wrong}");
        for none in ["", "account,agent,team,from,until\n", "name,agent\nx,1\n"] {
            assert!(parse(none, &zone).is_err(), "{none:?}");
        }
    }
}
