//! `nauhuri user`: accounts of the listening room.

use super::archive::Site;
use super::columns::{Grid, Layout};
use super::output::{self, plain};
use super::usage::Usage;
use crate::cli::Cli;
use crate::cli::accounts::{AddArgs, AgentArgs, ChangeArgs, UserArgs, UserCommand};
use crate::custody::access::{Assignment, Policy};
use crate::custody::audit::{Action, Draft, EntryFacts, facts};
use crate::store::calendar::day_begins;
use crate::store::mark;
use crate::time::Timestamp;
use crate::web::accounts::{Account, AccountError, Accounts, Changes, NewAccount, PASSWORD_MAX};
use serde_json::Value;
use std::io::{self, BufRead};

/// Adds, lists, closes and opens accounts. What cannot be told to the audit log is not done.
///
/// # Errors
/// An unknown role or account; a name or password that does not do; a store that cannot be written.
pub fn run(cli: &Cli, args: &UserArgs) -> anyhow::Result<()> {
    let place = Site::find(cli)?;
    match &args.command {
        UserCommand::Add(args) => add(&place, args),
        UserCommand::Change(args) => change(&place, args),
        UserCommand::Import { file, dry_run, .. } => {
            super::import::run(&place, &open(&place)?, file, *dry_run)
        }
        UserCommand::List { json, .. } => list(&place, *json),
        UserCommand::Disable { name, .. } => {
            let accounts = open(&place)?;
            let name = known(&accounts, name)?.name;
            note(&place, Action::UserDisable, facts! { Account: name })?;
            accounts.disable(&name, place.now)?;
            Ok(output::print(&format!("{name} disabled\n"))?)
        }
        UserCommand::Reset { name, password_stdin, .. } => reset(&place, name, *password_stdin),
    }
}

fn reset(place: &Site, name: &str, password_stdin: bool) -> anyhow::Result<()> {
    let accounts = open(place)?;
    let account = known(&accounts, name)?;
    let name = account.name;
    if account.provider {
        if password_stdin {
            return Err(Usage(format!("{name} signs in by the provider and has no password here")).into());
        }
        note(place, Action::UserReset, facts! { Account: name })?;
        accounts.unbind(&name)?;
        return Ok(output::print(&format!(
            "{name} is open for the person whom the provider knows by that name\n"
        ))?);
    }
    if !password_stdin {
        return Err(
            Usage("--password-stdin is missing: the new password comes on standard input".into()).into()
        );
    }
    let password = password(io::stdin().lock())?;
    note(place, Action::UserReset, facts! { Account: name })?;
    accounts.reset(&name, &password)?;
    Ok(output::print(&format!("{name} has a new password\n"))?)
}

fn open(place: &Site) -> anyhow::Result<Accounts> {
    if !place.state.is_dir() {
        mark::enter(&place.root, &place.state, place.now)?;
    }
    let room = &place.config.room;
    Ok(Accounts::open(&place.state, room.session_idle, room.session_max)?)
}

/// The account of a name, which need not be spelt as it spells itself.
fn known(accounts: &Accounts, name: &str) -> anyhow::Result<Account> {
    accounts.get(name)?.ok_or_else(|| AccountError::Unknown(name.into()).into())
}

fn note(place: &Site, action: Action, detail: EntryFacts) -> anyhow::Result<()> {
    place.note(Draft::new(action).detail(detail))
}

fn add(place: &Site, args: &AddArgs) -> anyhow::Result<()> {
    must_be_roles(place, &args.role)?;
    let (from, until) = interval(place, &args.of)?;
    let new = NewAccount {
        name: args.name.clone(),
        roles: args.role.clone(),
        agents: args.of.agent.clone(),
        teams: args.of.team.clone(),
        office: args.office.clone(),
        from,
        until,
    };
    if args.provider && place.config.room.oidc.issuer.is_empty() {
        return Err(Usage("--provider: room.oidc names no provider".into()).into());
    }
    let password = if args.provider { None } else { Some(password(io::stdin().lock())?) };
    let accounts = open(place)?;
    if accounts.get(&new.name)?.is_some() {
        return Err(AccountError::Exists(new.name).into());
    }
    let time = |t: Option<Timestamp>| t.map(Timestamp::to_rfc3339);
    let detail = facts! {
        Account: new.name, Roles: new.roles, Agents: new.agents, Teams: new.teams,
        Office: new.office, From: time(from), Until: time(until), ByProvider: args.provider,
    };
    note(place, Action::UserAdd, detail)?;
    accounts.add(&new, password.as_deref(), place.now)?;
    Ok(output::print(&format!("{} added\n", new.name))?)
}

/// First instant at which agents and teams hold, and the first at which they hold no more.
fn interval(place: &Site, of: &AgentArgs) -> anyhow::Result<(Option<Timestamp>, Option<Timestamp>)> {
    let [from, until] = [of.from, of.until].map(|day| day.map(|day| day_begins(day, &place.zone)));
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        return Err(Usage("--from must lie before --until".into()).into());
    }
    if (from.is_some() || until.is_some()) && of.is_empty() {
        return Err(Usage("--from and --until are of --agent and --team".into()).into());
    }
    Ok((from, until))
}

fn must_be_roles(place: &Site, roles: &[String]) -> anyhow::Result<()> {
    let policy = Policy::new(&place.config);
    let Some(role) = roles.iter().find(|role| policy.role(role).is_none()) else { return Ok(()) };
    let names = policy.role_names().collect::<Vec<_>>().join(", ");
    Err(Usage(format!("--role: found {role:?}; allowed: {names} (room.roles names more)")).into())
}

fn change(place: &Site, args: &ChangeArgs) -> anyhow::Result<()> {
    must_be_roles(place, &args.role)?;
    let (from, until) = interval(place, &args.of)?;
    if args.role.is_empty() && args.office.is_none() && args.of.is_empty() {
        return Err(Usage("what is to change? Give --role, --agent, --team or --office".into()).into());
    }
    let accounts = open(place)?;
    let account = known(&accounts, &args.name)?;
    if account.provider && !args.role.is_empty() {
        let why = "--role: the roles of an account of the provider come from its groups (room.oidc.roles)";
        return Err(Usage(why.into()).into());
    }
    let name = account.name;
    let changes = Changes {
        roles: (!args.role.is_empty()).then(|| args.role.clone()),
        agents: args.of.agent.clone(),
        teams: args.of.team.clone(),
        office: args.office.clone(),
        from,
        until,
    };
    let time = |t: Option<Timestamp>| t.map(Timestamp::to_rfc3339);
    let detail = facts! {
        Account: name, Roles: changes.roles, Agents: changes.agents, Teams: changes.teams,
        Office: changes.office, From: time(from), Until: time(until),
    };
    note(place, Action::UserChange, detail)?;
    let missed = accounts.change(&name, &changes)?;
    if !missed.is_empty() {
        anyhow::bail!("{name}: {} does not hold, so it was not ended", missed.join(", "));
    }
    Ok(output::print(&format!("{name} changed\n"))?)
}

/// The first line, without its end.
fn password(input: impl BufRead) -> anyhow::Result<String> {
    let mut line = Vec::new();
    input.take(PASSWORD_MAX as u64 + 2).read_until(b'\n', &mut line)?;
    while line.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
        line.pop();
    }
    String::from_utf8(line).map_err(|_| Usage("the password on standard input is not UTF-8".into()).into())
}

fn list(place: &Site, as_json: bool) -> anyhow::Result<()> {
    place.note(Draft::new(Action::PeopleShow))?;
    let people = open(place)?.people()?;
    if as_json {
        let list: Vec<Value> = people.iter().map(Account::to_json).collect();
        return Ok(output::print(&output::json(&list)?)?);
    }
    let held = |list: &[Assignment]| list.iter().map(|h| h.text(&place.zone)).collect::<Vec<_>>().join(" ");
    let mut grid = Grid::default();
    for account in &people {
        let state = match (account.disabled, account.locked_until) {
            (Some(_), _) => "disabled",
            (None, Some(until)) if until > place.now => "locked",
            _ if account.provider => "provider",
            _ => "open",
        };
        let cells = [
            account.name.clone(),
            account.roles.join(" "),
            held(&account.agents),
            held(&account.teams),
            account.office.clone().unwrap_or_default(),
            state.into(),
        ];
        grid.row(cells.map(|cell| plain(&cell)));
    }
    let heads = ["NAME", "ROLES", "AGENTS", "TEAMS", "OFFICE", "STATE"];
    Ok(output::print(&Layout::new(heads).lines(&grid))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line() {
        for (input, want) in
            [("secret\n", "secret"), ("secret", "secret"), ("sec ret\r\nmore\n", "sec ret"), ("", "")]
        {
            assert_eq!(password(input.as_bytes()).unwrap(), want);
        }
        assert!(password(&b"\xff\n"[..]).is_err());
        assert!(password(&vec![b'x'; 9_999][..]).unwrap().len() > PASSWORD_MAX, "too long, not cut");
    }
}
