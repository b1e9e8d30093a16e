//! `nauhuri check`: validates the configuration and prints the effective one.

use super::output::{self, remark};
use super::settings::{self, DefaultFile, no_such_interface};
use super::{decode_worker, journal};
use crate::capture::live::missing_interfaces;
use crate::capture::tls_files;
use crate::cli::{CheckArgs, Cli};
use crate::config::advice::advice;
use crate::config::check::Purpose;
use crate::config::{Config, Loaded, keys};
use anyhow::Context;

/// What stands in place of a secret.
const HIDDEN: &str = "[hidden]";

/// Prints the effective configuration as TOML, and on standard error what it leaves open.
///
/// # Errors
/// [`ConfigError`](crate::config::ConfigError) with everything that is wrong.
pub fn run(cli: &Cli, args: &CheckArgs) -> anyhow::Result<()> {
    let purpose = if args.record { Purpose::Capture } else { Purpose::Other };
    let loaded = settings::load(&cli.global, DefaultFile::Required, purpose, Vec::new())?;
    let missing = missing_interfaces(&loaded.config.capture.interface);
    if let Some((names, known)) = missing.as_ref().filter(|_| args.record) {
        return Err(no_such_interface(&loaded, &names.join(", "), known).into());
    }
    let here = missing
        .map(|(names, known)| format!("this machine has no interface {}; it has {known}", names.join(", ")));
    let silent = decode_worker::missing(&loaded.config.codecs);
    let keep = journal::contradiction(loaded.config.log.keep);
    let sealed = tls_files::remarks(&loaded.config.tls);
    let notes: Vec<String> = here.into_iter().chain(keep).chain(silent).chain(sealed).collect();
    output::print(&effective(&loaded, &notes)?)?;
    if !cli.global.quiet {
        advice(&loaded.config).iter().for_each(|told| remark(format_args!("warning: {told}")));
    }
    Ok(())
}

/// The configuration as TOML that could be loaded again, its secrets hidden.
/// `notes`: what this machine has to say to it.
fn effective(loaded: &Loaded, notes: &[String]) -> anyhow::Result<String> {
    let file = loaded.sources.file.as_ref().map_or("no file".into(), |path| path.display().to_string());
    let notes: String = notes.iter().map(|n| format!("# Note: {n}\n")).collect();
    Ok(format!(
        "# Effective configuration: defaults < {file} < environment < --set\n{notes}\n{}",
        toml_of(&loaded.config)?
    ))
}

fn toml_of(config: &Config) -> anyhow::Result<String> {
    let mut table = toml::Table::try_from(config).context("the configuration cannot be written as TOML")?;
    for path in keys::SECRETS {
        hide(&mut table, path);
    }
    // Through the type again where nothing is hidden: sections in the order of the sample file.
    match keys::SECRETS {
        [] => toml::to_string(config),
        _ => toml::to_string(&table),
    }
    .context("the configuration cannot be written as TOML")
}

/// Puts [`HIDDEN`] in place of a value that is set.
fn hide(table: &mut toml::Table, path: &str) {
    let Some((section, key)) = path.split_once('.') else { return };
    let value = table.get_mut(section).and_then(toml::Value::as_table_mut).and_then(|t| t.get_mut(key));
    if let Some(value) = value.filter(|v| v.as_str() != Some("")) {
        *value = toml::Value::String(HIDDEN.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_loaded() {
        let mut config = Config::default();
        config.agents.names.insert("2001".into(), "M. Virtanen".into());
        config.service.push(crate::config::ServiceRule {
            name: "116117".into(),
            numbers: vec!["116117".into()],
            ..Default::default()
        });
        let text = toml_of(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn a_secret_is_hidden() {
        let mut table: toml::Table = toml::from_str("[a]\npassword = \"sesame\"\nempty = \"\"").unwrap();
        hide(&mut table, "a.password");
        hide(&mut table, "a.empty");
        hide(&mut table, "b.none");
        assert_eq!(table["a"]["password"].as_str(), Some("[hidden]"));
        assert_eq!(table["a"]["empty"].as_str(), Some(""));
    }
}
