//! `nauhuri reload`: gives the running recorder a new configuration.

use super::asking;
use super::output;
use super::settings;
use crate::cli::Cli;
use crate::cli::control::ReloadArgs;
use crate::config::ConfigError;
use crate::config::changed_keys::ChangedKey;
use crate::config::takes_effect::TakesEffect;
use crate::daemon::control::protocol::{ControlCommand, ReloadAnswer};
use anyhow::Context as _;

/// The recorder refused the configuration: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReloadFailed(String);

/// Has the running recorder read its configuration again, and says what has changed.
///
/// # Errors
/// No recorder runs, this user may not ask, or the recorder refuses the configuration: [`ReloadFailed`].
pub fn run(cli: &Cli, args: &ReloadArgs) -> anyhow::Result<()> {
    let socket = asking::socket(&cli.global, &args.recorder).or_else(|e| {
        // It is the recorder that is to say what is wrong, and to remember that it was asked.
        match settings::control_socket(&cli.global) {
            Some(socket) if e.is::<ConfigError>() => Ok(socket),
            _ => Err(e.context("the recorder was not asked, and goes on as before")),
        }
    })?;
    let answer = asking::ask_at(&socket, ControlCommand::Reload)?;
    let told = answer.reload.context("the recorder did not say what became of the configuration")?;
    if args.json {
        output::print(&output::json(&told)?)?;
    } else if told.taken {
        output::print(&taken(&told))?;
    }
    if told.taken { Ok(()) } else { Err(ReloadFailed(refused(&told)).into()) }
}

fn taken(told: &ReloadAnswer) -> String {
    match told.changed.len() {
        0 => "nothing has changed\n".into(),
        1 => format!("the new configuration is in force; one key has changed:\n{}", lines(&told.changed)),
        n => format!("the new configuration is in force; {n} keys have changed:\n{}", lines(&told.changed)),
    }
}

fn refused(told: &ReloadAnswer) -> String {
    let why = match told.problems.as_slice() {
        [] => format!(
            "restart the recorder for these keys, or set them as they were (systemctl restart nauhuri):\n{}",
            lines(&told.changed).trim_end()
        ),
        problems => problems.iter().map(|p| output::plain(p)).collect::<Vec<_>>().join("\n"),
    };
    format!("the new configuration was refused, the one before stays in force\n{why}")
}

fn lines(changed: &[ChangedKey]) -> String {
    changed.iter().map(line).collect()
}

fn line(c: &ChangedKey) -> String {
    let [key, before, now] = [&c.key, &c.before, &c.now].map(|text| output::plain(text));
    let later = match c.takes_effect {
        TakesEffect::Elsewhere => {
            " (not the recorder's; the listening room takes it when nauhuri-serve is restarted)"
        }
        TakesEffect::OnReload | TakesEffect::OnRestart | TakesEffect::AsTable => "",
    };
    format!("  {key}: {before} -> {now}{later}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(key: &str, takes_effect: TakesEffect) -> ChangedKey {
        ChangedKey { key: key.into(), before: "1".into(), now: "\"\u{1b}2\"".into(), takes_effect }
    }

    #[test]
    fn what_became_of_it_is_said_in_words() {
        let told = |changed| ReloadAnswer { taken: true, changed, problems: Vec::new() };
        assert_eq!(taken(&told(Vec::new())), "nothing has changed\n");
        let two = [changed("a.b", TakesEffect::OnReload), changed("room.x", TakesEffect::Elsewhere)];
        let text = taken(&told(two.to_vec()));
        assert!(text.contains("2 keys") && text.contains("  a.b: 1 -> \"\u{fffd}2\"\n"), "{text}");
        assert!(text.contains("room.x") && text.contains("nauhuri-serve"), "{text}");
        let restart = ReloadAnswer {
            changed: vec![changed("capture.interface", TakesEffect::OnRestart)],
            ..ReloadAnswer::default()
        };
        assert!(refused(&restart).ends_with("  capture.interface: 1 -> \"\u{fffd}2\""));
        let wrong = ReloadAnswer { problems: vec!["x.toml: a".into()], ..ReloadAnswer::default() };
        assert!(refused(&wrong).ends_with("stays in force\nx.toml: a"));
    }
}
