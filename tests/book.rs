//! The book in `docs/`: every page is in its table of contents, its links lead to pages of it, and what is made
//! from the program is of this program.
//!
//! `NAUHURI_BLESS=1 cargo test --test book` writes those pages again.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

mod common;

use common::repository;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Fails if a file that is made from the program is not what the program makes now.
fn is_made(path: &str, made: &str) {
    if std::env::var_os("NAUHURI_BLESS").is_some() {
        fs::write(repository(path), made).unwrap();
    }
    let found = fs::read_to_string(repository(path)).unwrap_or_default();
    assert!(made == found, "{path} is not of this program: NAUHURI_BLESS=1 cargo test --test book");
}

/// Names of the pages below `docs/`.
fn pages() -> BTreeSet<String> {
    let entries = fs::read_dir(repository("docs")).unwrap().map(|e| e.unwrap().path());
    let pages = entries.filter(|p| p.extension().is_some_and(|e| e == "md"));
    pages.map(|p: PathBuf| p.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// A page with what it includes.
fn page(name: &str) -> String {
    let text = read(&format!("docs/{name}"));
    match text.trim().strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}")) {
        Some(included) => read(&format!("docs/{included}")),
        None => text,
    }
}

/// Without blocks of code, in which nothing is a heading or a link.
fn prose(text: &str) -> String {
    let mut in_code = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

/// Where the links of a text lead, but for addresses elsewhere.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|t| !t.contains("://") && !t.starts_with("mailto:")).map(str::to_owned).collect()
}

/// The ids of the headings, as mdBook makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|l| l.starts_with('#')).map(|l| l.trim_start_matches('#').trim());
    let id = |heading: &str| -> String {
        let kept = heading.chars().filter_map(|c| match c {
            c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
            c if c.is_whitespace() => Some('-'),
            _ => None,
        });
        kept.collect()
    };
    headings.map(id).collect()
}

#[test]
fn every_page_is_in_the_table_of_contents_once() {
    let listed = links(&read("docs/SUMMARY.md"));
    let set: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), set.len(), "a page is listed twice: {listed:?}");
    let mut there = pages();
    there.remove("SUMMARY.md");
    assert_eq!(set, there);
}

#[test]
fn links_of_the_book_lead_to_its_pages() {
    let all = pages();
    let mut checked = 0;
    for name in &all {
        for link in links(&prose(&page(name))) {
            checked += 1;
            let (to, anchor) = link.split_once('#').map_or((link.as_str(), None), |(to, a)| (to, Some(a)));
            let to = if to.is_empty() { name } else { to };
            assert!(all.contains(to), "docs/{name}: {link} is no page of the book");
            if let Some(anchor) = anchor {
                assert!(anchors(&prose(&page(to))).contains(anchor), "docs/{name}: {link} is no heading");
            }
        }
    }
    assert!(checked > 60, "{checked} links");
}

/// The only way to a page that nobody finds by itself.
#[test]
fn every_page_but_the_first_is_linked_from_another() {
    let all = pages();
    let linked: BTreeSet<String> = all
        .iter()
        .filter(|name| *name != "SUMMARY.md")
        .flat_map(|name| links(&prose(&page(name))))
        .map(|link| link.split('#').next().unwrap().to_owned())
        .collect();
    let missing: Vec<_> = all
        .iter()
        .filter(|n| !["SUMMARY.md", "README.md"].contains(&n.as_str()) && !linked.contains(*n))
        .collect();
    assert!(missing.is_empty(), "no page leads to {missing:?}");
}

/// `tests/FILE.rs`, then functions of it, all in backticks.
#[test]
fn every_promise_names_a_test_that_is_there() {
    let text = read("docs/law.md");
    let mut checked = 0;
    for row in text.lines().filter(|l| l.starts_with("| ")) {
        let mut source = None;
        for word in row.rsplit(" | ").next().unwrap().split('`').skip(1).step_by(2) {
            if word.starts_with("tests/") {
                source = Some(read(word));
            } else {
                let function = format!("fn {word}(");
                let found = source.as_ref().is_some_and(|s| s.contains(&function));
                assert!(found, "no test {word} where docs/law.md has it: {row}");
            }
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked} tests");
}

/// What every description answers first.
const QUESTION: &str = "Is recording being lost right now?";

/// One alert of the rules.
#[derive(Default)]
struct Alert {
    name: String,
    severity: String,
    summary: String,
    description: Vec<String>,
}

/// What the rules say, by their own layout: promtool holds that they are YAML.
fn alerts_of(rules: &str) -> Vec<Alert> {
    let mut all: Vec<Alert> = Vec::new();
    let mut in_description = false;
    for line in rules.lines() {
        let text = line.trim();
        in_description &= line.starts_with("            ");
        if let Some(name) = text.strip_prefix("- alert: ") {
            all.push(Alert { name: name.into(), ..Alert::default() });
        }
        let Some(alert) = all.last_mut() else { continue };
        if let Some(severity) = text.strip_prefix("labels: { severity: ") {
            alert.severity = severity.trim_end_matches(" }").into();
        } else if let Some(summary) = text.strip_prefix("summary: ") {
            alert.summary = summary.trim_matches('"').into();
        } else if in_description {
            alert.description.push(text.into());
        }
        in_description |= text == "description: |";
    }
    all
}

/// A page on every alert: what it means, whether calls are being lost, and what to do.
fn alerts(rules: &str) -> String {
    let mut text = String::from(
        "# Alerts\n\nThe rules are in `config/prometheus/nauhuri.rules.yml`. `page`: recording fails now, or soon will. `ticket`: \
         look at it this week. What each metric means is in [Metrics](metrics.md). If the cause is not clear, ask \
         [`nauhuri doctor`](doctor.md). This page is made from the rules.\n",
    );
    for alert in alerts_of(rules) {
        let told = |line: &str| line.replace("{{ $labels.", "*").replace(" }}", "*").replace('<', "&lt;");
        writeln!(text, "\n## {}\n\n**{}** (`{}`)\n", alert.name, told(&alert.summary), alert.severity)
            .unwrap();
        let (first, rest) = alert.description.split_first().unwrap();
        writeln!(text, "{}", told(&first.replace(QUESTION, &format!("*{QUESTION}*")))).unwrap();
        if !rest.is_empty() {
            writeln!(text, "\n{}", told(&rest.join("\n"))).unwrap();
        }
    }
    text
}

#[test]
fn every_alert_has_its_remedy() {
    let rules = read("config/prometheus/nauhuri.rules.yml");
    let found = alerts_of(&rules);
    assert_eq!(found.len(), rules.matches("- alert: ").count());
    for alert in &found {
        assert!(["page", "ticket"].contains(&alert.severity.as_str()), "{}: {}", alert.name, alert.severity);
        let first = alert.description.first().map_or("", String::as_str);
        assert!(first.starts_with(QUESTION), "{}: {first}", alert.name);
        assert!(!alert.summary.is_empty(), "{}", alert.name);
    }
    is_made("docs/alerts.md", &alerts(&rules));
}

/// Every command with its options; those that all have, once.
#[cfg(feature = "room")]
fn commands() -> String {
    use clap::CommandFactory as _;
    let whole = nauhuri::cli::Cli::command().term_width(100);
    let global: BTreeSet<String> =
        whole.get_arguments().filter(|a| !a.is_positional()).map(|a| a.get_id().to_string()).collect();
    let mut text = String::from(
        "# Commands\n\n`nauhuri COMMAND --help` prints the same; `make man` makes man pages and completions for shells. \
         This page is made from the program.\n\n| command | what it does |\n| --- | --- |\n",
    );
    let mut all = Vec::new();
    collect(&whole, "nauhuri", &mut all);
    for (name, command) in &all {
        let id = name.replace(' ', "-");
        writeln!(text, "| [`{name}`](#{id}) | {} |", command.get_about().unwrap_or_default()).unwrap();
    }
    let help = |command: &clap::Command, name: &str, hidden: &BTreeSet<String>| {
        let mut shown = command.clone().term_width(100).bin_name(name.to_owned());
        for argument in command.get_arguments().map(|a| a.get_id().to_string()).filter(|a| hidden.contains(a))
        {
            shown = shown.mut_arg(argument, |a| a.hide(true));
        }
        let long = shown.render_long_help().to_string();
        long.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned()
    };
    let whole = help(&whole, "nauhuri", &BTreeSet::new());
    let (_, options) = whole.split_once("Options of every command:\n").unwrap();
    writeln!(text, "\n## Options of every command\n\n```text\n{options}\n```").unwrap();
    for (name, command) in &all {
        writeln!(text, "\n## {name}\n\n```text\n{}\n```", help(command, name, &global)).unwrap();
    }
    text
}

/// The commands that do something, by their whole names.
#[cfg(feature = "room")]
fn collect(of: &clap::Command, name: &str, all: &mut Vec<(String, clap::Command)>) {
    for command in of.get_subcommands().filter(|c| !c.is_hide_set()) {
        let name = format!("{name} {}", command.get_name());
        if command.has_subcommands() {
            collect(command, &name, all);
        } else {
            all.push((name, command.clone()));
        }
    }
}

#[cfg(feature = "room")]
#[test]
fn every_command_is_listed() {
    is_made("docs/commands.md", &commands());
}

/// The layers and the words of the house stand in the documentation of `src/lib.rs`.
#[test]
fn the_architecture_is_that_of_the_source() {
    let source = read("src/lib.rs");
    let told: Vec<&str> =
        source.lines().map_while(|l| l.strip_prefix("//!").or(l.is_empty().then_some(""))).collect();
    let told: Vec<&str> = told.iter().map(|l| l.strip_prefix(' ').unwrap_or(l)).collect();
    let mut in_code = false;
    let mut made = String::from(
        "# Architecture\n\nThis page is made from `src/lib.rs`; [Contributing](contributing.md) has the rules.\n\n",
    );
    for line in told {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        let deeper = if line.starts_with("# ") && !in_code { "#" } else { "" };
        writeln!(made, "{deeper}{line}").unwrap();
    }
    is_made("docs/architecture.md", &format!("{}\n", made.trim_end()));
}

/// The words after `nauhuri` of the commands in blocks of code; a comment and what a shell makes of it are left out.
#[cfg(feature = "room")]
fn typed(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let (mut in_code, mut found) = (false, Vec::new());
    for line in joined.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        let line = line.split(" #").next().unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_prompt = |word: &str| ["nauhuri", "target/release/nauhuri", "./nauhuri"].contains(&word);
        let starts = words.iter().position(|w| is_prompt(w)).filter(|at| {
            words[..*at].iter().all(|w| ["sudo", "-u", "nauhuri", "printf", "|", "curl"].contains(w))
        });
        // `sudo -u nauhuri nauhuri list`: the second one is the command.
        let starts =
            starts.map(|at| if words.get(at + 1).is_some_and(|w| is_prompt(w)) { at + 1 } else { at });
        if let (true, Some(at)) = (in_code, starts) {
            let own = words[at + 1..].iter().take_while(|w| !["|", "&&", ">", "<", ";"].contains(w));
            found.push(own.map(|w| (*w).to_owned()).collect());
        }
    }
    found
}

#[cfg(feature = "room")]
#[test]
fn every_command_that_is_shown_can_be_typed() {
    use clap::CommandFactory as _;
    let whole = nauhuri::cli::Cli::command();
    let mut texts = vec![("README.md".to_owned(), read("README.md"))];
    let written = pages().into_iter().filter(|p| p != "commands.md");
    texts.extend(written.map(|p| (p.clone(), page(&p))));
    let mut checked = 0;
    for (name, text) in texts {
        for words in typed(&text) {
            let shown = words.join(" ");
            let mut command = &whole;
            for word in &words {
                match command.find_subcommand(word) {
                    Some(found) => command = found,
                    None => break,
                }
            }
            assert!(!command.has_subcommands(), "{name}: no command `nauhuri {shown}`");
            let options = words.iter().filter_map(|w| w.strip_prefix("--").filter(|w| !w.is_empty()));
            for option in options.map(|w| w.split('=').next().unwrap()) {
                let is_its = command.get_arguments().any(|a| a.get_long() == Some(option));
                assert!(is_its, "{name}: `nauhuri {shown}` has no --{option}");
            }
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked} commands");
}
