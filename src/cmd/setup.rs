//! `nauhuri setup`: the first configuration, from what is asked and from what the wire shows.

mod first_draft;
mod questions;
mod sights;

use super::doctor::{blame_configuration, has_decoders};
use super::output::{self, plain, remark};
use super::usage::Usage;
use crate::capture::live::{likely_mirrors, missing_interfaces};
use crate::cli::setup::{NamedService, SetupArgs, numbers};
use crate::cli::{Cli, DEFAULT_CONFIG};
use crate::config::check::Purpose;
use crate::config::sample::sample;
use crate::config::{Loaded, Term};
use crate::daemon::confine::leave_no_core;
use crate::daemon::notices::counted;
use crate::daemon::shutdown::{StopFlag, StopSignals};
use crate::doctor::{self, LiveLook, NumberFacts, WireFacts, diagnose, propose_extensions, propose_networks};
use anyhow::Context as _;
use first_draft::FirstDraft;
use jiff::tz::TimeZone;
use questions::Questions;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Looks, asks, and writes the file.
///
/// # Errors
/// The file is there, something is wrong or missing on the command line (exit status 2); a capture cannot be read,
/// the file cannot be written (exit status 1).
pub fn run(cli: &Cli, args: &SetupArgs) -> anyhow::Result<()> {
    leave_no_core();
    let path = cli.global.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG));
    let replace = args.force || is_sample(&path);
    if !replace && fs::symlink_metadata(&path).is_ok() {
        let at = path.display();
        return Err(Usage(format!("{at} is there; --force replaces it, --config names another file")).into());
    }
    if args.captures.iter().any(|c| c.as_os_str() == "-") && !args.yes {
        return Err(Usage("a capture from standard input leaves nobody to answer: give --yes".into()).into());
    }
    let mut setup =
        FirstDay { args, ask: Questions::new(!args.yes), draft: FirstDraft::new(&cli.global.set)? };
    setup.take_options()?;
    setup.interface()?;
    let looked = setup.look(cli)?;
    // From here on Ctrl-C ends everything.
    setup.ask.ends_with(noticing_signals()?);
    let numbers = looked.as_ref().map(|facts| facts.numbers.clone()).unwrap_or_default();
    if let Some(facts) = &looked {
        output::print(&output::plain_lines(&sights::text(facts)))?;
    }
    setup.ports(&numbers)?;
    setup.agents(&numbers)?;
    setup.services()?;
    setup.calendar()?;
    let loaded = setup.draft.loaded(Purpose::Capture)?;
    if let Some(facts) = setup.look_again(looked, &loaded)? {
        let findings = diagnose(&facts, &loaded.config);
        output::print(&output::plain_lines(&format!("\n{}", doctor::text(&facts, &findings))))?;
    }
    let text = setup.draft.text(&path)?;
    setup.ask.confirm(&format!("Write {}?", path.display()))?;
    write(&path, &text, replace).with_context(|| format!("{}: cannot be written", path.display()))?;
    let at = path.display();
    let told = format!(
        "\nwritten: {at}\nnext: nauhuri check --record --config {at}; then a call to an agent while `nauhuri doctor --config {at}` listens\n"
    );
    output::print(&output::plain_lines(&told))?;
    Ok(())
}

/// What is known so far, and who is asked for the rest.
struct FirstDay<'a> {
    args: &'a SetupArgs,
    ask: Questions,
    draft: FirstDraft,
}

impl FirstDay<'_> {
    /// What the command line says.
    fn take_options(&mut self) -> anyhow::Result<()> {
        let args = self.args;
        let storage = args.storage.as_ref().map(|dir| dir.display().to_string());
        let retention = args.retention.as_ref().map(Term::to_string);
        for (option, key, value) in [
            ("--extensions", "agents.extensions", &args.extensions),
            ("--networks", "agents.networks", &args.networks),
            ("--header", "agents.header", &args.header),
            ("--retention", "service_default.retention", &retention),
            ("--timezone", "retention.timezone", &args.timezone),
            ("--storage", "storage.dir", &storage),
        ] {
            if let Some(text) = value {
                self.draft.take(option, key, text)?;
            }
        }
        if !args.service.is_empty() {
            self.draft.take("--service", "service", &services_as_toml(&args.service))?;
        }
        Ok(())
    }

    /// Asked for, unless calls come from elsewhere.
    fn interface(&mut self) -> anyhow::Result<()> {
        const KEY: &str = "capture.interface";
        if !self.args.interface.is_empty() {
            let named = self.args.interface.join(",");
            known_interfaces(&named).map_err(Usage)?;
            return Ok(self.draft.take("--interface", KEY, &named)?);
        }
        if self.draft.has(KEY) || self.draft.has("hep.listen") || self.draft.has("siprec.listen") {
            return Ok(());
        }
        let likely = likely_mirrors();
        let of_several = if likely.len() > 1 { format!(" ({})", likely.join(", ")) } else { String::new() };
        let question = format!("Interface that sees the calls, such as the mirror port{of_several}");
        let draft = &mut self.draft;
        self.ask.ask(&question, "--interface", likely.first().map(String::as_str), |text| {
            known_interfaces(text)?;
            draft.take("--interface", KEY, text).map_err(|e| e.to_string())
        })
    }

    /// What comes, with whoever is an agent so far; `None` where nothing is to be looked at.
    fn look(&self, cli: &Cli) -> anyhow::Result<Option<WireFacts>> {
        let mut wide = self.draft.clone();
        if !wide.has("sip.ports") {
            // Where SIP is, is what is looked for.
            wide.take("--set", "sip.ports", "any")?;
        }
        let loaded = wide.loaded(Purpose::Other)?;
        let config = &loaded.config;
        let is_live = self.args.captures.is_empty();
        if is_live && (self.args.seconds == 0 || config.capture.interface.is_empty()) {
            return Ok(None);
        }
        // Ctrl-C ends the look early.
        let stop = noticing_signals()?;
        if !is_live {
            let facts = doctor::look_at_files(config, &self.args.captures, has_decoders(&loaded), &stop)?;
            return Ok(Some(facts));
        }
        if !cli.global.quiet {
            let (names, seconds) = (config.capture.interface.join(", "), u64::from(self.args.seconds));
            let seconds = counted(seconds, "second");
            remark(format_args!(
                "listening on {names} for {seconds}; Ctrl-C ends it early. Place a call meanwhile"
            ));
        }
        let at_most = Duration::from_secs(self.args.seconds.into());
        let look = LiveLook { at_most, stop: &stop, has_decoders: has_decoders(&loaded) };
        let facts = doctor::look_at_interfaces(config, &look).map_err(|e| blame_configuration(e, &loaded))?;
        Ok(Some(WireFacts { store: Some(doctor::look_at_store(config)), ..facts }))
    }

    /// With the rules that were chosen: a capture is read once more, a wire is past.
    fn look_again(&self, first: Option<WireFacts>, loaded: &Loaded) -> anyhow::Result<Option<WireFacts>> {
        if self.args.captures.iter().any(|c| c.as_os_str() == "-") || self.args.captures.is_empty() {
            return Ok(first);
        }
        let stop = noticing_signals()?;
        let (config, captures) = (&loaded.config, &self.args.captures);
        let facts = doctor::look_at_files(config, captures, has_decoders(loaded), &stop)?;
        Ok(Some(WireFacts { is_configured: true, ..facts }))
    }

    /// Other ports than the usual ones are taken as they were seen.
    fn ports(&mut self, seen: &NumberFacts) -> anyhow::Result<()> {
        const USUAL: [u16; 2] = [5060, 5080];
        let others = seen.ports.iter().filter(|(port, _)| !USUAL.contains(port));
        let others: Vec<&(u16, u64)> = others.collect();
        if self.draft.has("sip.ports") || others.is_empty() {
            return Ok(());
        }
        let ports: Vec<u16> = USUAL.into_iter().chain(others.iter().map(|(port, _)| *port)).collect();
        let text = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        self.draft.take("--set", "sip.ports", &text)?;
        let seen = others.iter().map(|(port, n)| format!("{} on {port}", counted(*n, "message")));
        self.draft.remark("sip.ports", format!("Seen: {}.", seen.collect::<Vec<_>>().join(", ")));
        Ok(())
    }

    fn agents(&mut self, seen: &NumberFacts) -> anyhow::Result<()> {
        let (extensions, networks) = (propose_extensions(seen), propose_networks(seen));
        for (option, key, question, proposal, names) in [
            (
                "--extensions",
                "agents.extensions",
                "Extensions of the agents, such as 2001, 2000-2999, 31* (none: leave it out)",
                extensions,
                sights::extensions(seen),
            ),
            (
                "--networks",
                "agents.networks",
                "Networks of the agents' telephones, such as 10.20.0.0/16 (none: leave it out)",
                networks,
                sights::telephones(seen),
            ),
        ] {
            if self.draft.has(key) {
                continue;
            }
            let proposal = if proposal.is_empty() { "none".to_owned() } else { proposal.join(",") };
            let draft = &mut self.draft;
            let is_asking = self.ask.is_asking();
            self.ask.ask(question, option, Some(&proposal), |text| match text {
                // The last chance to name somebody.
                "none" if is_asking && key == "agents.networks" && !draft.has_agents() => {
                    Err("then nobody is an agent; a network, or Ctrl-C and --extensions or --header".into())
                }
                "none" => Ok(()),
                text => draft.take(option, key, text).map_err(|e| e.to_string()),
            })?;
            if self.draft.has(key) && !names.is_empty() {
                self.draft.remark(key, format!("Seen: {names}."));
            }
        }
        if !self.draft.has_agents() {
            let why = "who the agents are is not known: give --extensions, --networks or --header; nothing is recorded \
                       without a rule";
            return Err(Usage(why.into()).into());
        }
        Ok(())
    }

    fn services(&mut self) -> anyhow::Result<()> {
        if self.draft.has("service") || self.args.no_service || !self.ask.is_asking() {
            return Ok(());
        }
        let mut all: Vec<NamedService> = Vec::new();
        loop {
            let mut next = NamedService { name: String::new(), numbers: Vec::new(), retention: None };
            let nth = if all.is_empty() { "A service" } else { "Another service" };
            let question = format!("{nth} that is kept for a time of its own: its name (none: no more)");
            self.ask.ask(&question, "--no-service", Some("none"), |text| {
                next.name = text.into();
                Ok(())
            })?;
            if next.name == "none" {
                return Ok(());
            }
            let (draft, name) = (&self.draft, next.name.clone());
            self.ask.ask(&format!("Numbers that lead to {}", plain(&name)), "--service", None, |text| {
                next.numbers = numbers(text);
                let tried: Vec<NamedService> = all.iter().cloned().chain([next.clone()]).collect();
                draft
                    .clone()
                    .take("--service", "service", &services_as_toml(&tried))
                    .map_err(|e| e.to_string())
            })?;
            self.ask.ask("Its calls are kept for", "--service", Some("6 months"), |text| {
                next.retention = Some(Term::parse(text).map_err(|e| e.to_string())?);
                Ok(())
            })?;
            all.push(next);
            self.draft.take("--service", "service", &services_as_toml(&all))?;
        }
    }

    /// How long, and whose days.
    fn calendar(&mut self) -> anyhow::Result<()> {
        let zone = own_zone();
        for (option, key, question, proposal) in [
            ("--retention", "service_default.retention", "All other calls are kept for", "6 months"),
            ("--timezone", "retention.timezone", "Time zone of the calendar days", zone.as_str()),
        ] {
            if self.draft.has(key) {
                continue;
            }
            let draft = &mut self.draft;
            self.ask.ask(question, option, Some(proposal), |text| {
                draft.take(option, key, text).map_err(|e| e.to_string())
            })?;
            if !self.ask.is_asking() && key == "service_default.retention" {
                self.draft.remark(
                    key,
                    "Nobody chose this: compare it with what your privacy notice promises.".into(),
                );
            }
        }
        Ok(())
    }
}

/// A flag that is set by SIGINT and SIGTERM from now on.
fn noticing_signals() -> anyhow::Result<StopFlag> {
    let stop = StopFlag::default();
    let signals = StopSignals::handle(&stop).and_then(StopSignals::wait_aside);
    signals.context("signal handlers cannot be installed")?;
    Ok(stop)
}

/// The zone that this machine is set to: a proposal and nothing else.
#[expect(
    clippy::disallowed_methods,
    reason = "asked once, to be confirmed: what counts is what is written then"
)]
fn own_zone() -> String {
    TimeZone::system().iana_name().unwrap_or("UTC").to_owned()
}

/// What is not one of this machine's.
fn known_interfaces(text: &str) -> Result<(), String> {
    let names = numbers(text);
    match missing_interfaces(&names) {
        Some((missing, known)) => {
            Err(format!("this machine has no interface {}; it has {known}", missing.join(", ")))
        }
        None if names.is_empty() => Err("an interface is needed".into()),
        None => Ok(()),
    }
}

/// As `--set service=...` has them.
fn services_as_toml(services: &[NamedService]) -> String {
    let tables = services.iter().map(|service| {
        let mut table = toml::Table::from_iter([
            ("name".to_owned(), toml::Value::from(service.name.as_str())),
            ("numbers".to_owned(), toml::Value::from(service.numbers.clone())),
        ]);
        if let Some(term) = &service.retention {
            table.insert("retention".into(), toml::Value::from(term.to_string()));
        }
        toml::Value::Table(table)
    });
    toml::Value::Array(tables.collect()).to_string()
}

/// Is what is there the sample, as packages bring it?
fn is_sample(path: &Path) -> bool {
    let is_plain = fs::symlink_metadata(path).is_ok_and(|known| known.is_file());
    is_plain && fs::read_to_string(path).is_ok_and(|text| text == sample())
}

/// A file that is there whole or not at all. `replace`: one that is there goes, its owner and mode stay.
fn write(path: &Path, text: &str, replace: bool) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = folder.join(name);
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new).and_then(|mut file| {
            if let Some(known) = fs::symlink_metadata(path).ok().filter(|k| replace && k.is_file()) {
                fchown(&file, Some(known.uid()), Some(known.gid()))?;
                file.set_permissions(known.permissions())?;
            }
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            // A link is not made where somebody was faster.
            if replace { fs::rename(&new, path) } else { fs::hard_link(&new, path) }
        });
    if written.is_err() || !replace {
        let _ = fs::remove_file(&new);
    }
    written.and_then(|()| File::open(folder)?.sync_all())
}
