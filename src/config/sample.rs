//! The sample file and the reference, written from the rows of the configuration.

use super::keys::{Key, Kind, Named};
use super::sections::SECTIONS;
use super::takes_effect::TakesEffect;
use toml::Value;

/// What stands above everything in the sample.
const HEAD: &str = "\
# nauhuri: sample configuration.
#
# Every key is here with its default, commented out: remove the # in front of a key to
# change it. `nauhuri check` reports mistakes and prints the configuration in effect.
# Only capture.interface (or another source of calls, such as [hep]) and a rule under
# [agents] have to be set.
#
# Environment variables (NAUHURI__SIP__PORTS=5060,5080) override this file, and
# --set sip.ports=5060,5080 on the command line overrides both.
";

/// What stands above everything in the reference.
const REFERENCE_HEAD: &str = "\
# Configuration

Every key, what it means, what it may hold and its default. This page is made from the program;
`config/nauhuri.toml` has the same as a file to start from.

Each source overrides the ones before it: built-in defaults, the file, the environment, `--set`. A key `section.key` is
`NAUHURI__SECTION__KEY` in the environment and `--set section.key=value` on the command line; a list is written `a,b` there.
Unknown keys are errors. `nauhuri check` shows the result.

`nauhuri reload` gives a recorder that runs the new configuration. Each key says when a change of it takes effect; a
configuration that changes a key for which the recorder has to be restarted is refused as a whole while it runs. Calls under
way keep the rules that were in force when they began.
";

/// `config/nauhuri.toml`: every key at its default, commented out.
pub fn sample() -> String {
    let mut out = String::from(HEAD);
    for section in SECTIONS {
        out.push('\n');
        comment(&mut out, section.about);
        if section.is_list {
            out.push_str(&format!("#\n#     [[{}]]\n", section.name));
            section.keys.iter().for_each(|key| example(&mut out, key));
            continue;
        }
        out.push_str(&format!("[{}]\n", section.name));
        section.keys.iter().for_each(|key| sample_key(&mut out, section, key));
    }
    out
}

fn sample_key(out: &mut String, section: &Named, key: &Key) {
    comment(out, key.about);
    match (key.kind, (key.default)()) {
        (Kind::Each(keys), _) => {
            out.push_str(&format!(
                "#     [{}.{}.{}]\n",
                section.name,
                key.name,
                key.example.unwrap_or("NAME")
            ));
            for key in keys {
                comment(out, key.about);
                example(out, key);
            }
        }
        (_, Some(default)) => out.push_str(&format!("#{} = {default}\n", key.name)),
        (_, None) => example(out, key),
    }
}

fn comment(out: &mut String, about: &[&str]) {
    about.iter().for_each(|line| out.push_str(&format!("#{line}\n")));
}

/// A key as one might set it.
fn example(out: &mut String, key: &Key) {
    out.push_str(&format!("#     {} = {}\n", key.name, example_of(key)));
}

fn example_of(key: &Key) -> String {
    let default = || (key.default)().map(|value| value.to_string());
    key.example.map(str::to_owned).or_else(default).unwrap_or_default()
}

/// `docs/configuration.md`: the same for reading.
pub fn reference() -> String {
    let mut out = String::from(REFERENCE_HEAD);
    for section in SECTIONS {
        let name =
            if section.is_list { format!("[[{}]]", section.name) } else { format!("[{}]", section.name) };
        out.push_str(&format!("\n## `{name}`\n\n{}\n", prose(section.about)));
        if section.is_list {
            let keys: Vec<_> =
                section.keys.iter().map(|k| format!("{} = {}", k.name, example_of(k))).collect();
            out.push_str(&format!("\n```toml\n{name}\n{}\n```\n", keys.join("\n")));
            continue;
        }
        section.keys.iter().for_each(|key| entry(&mut out, &format!("{}.", section.name), key));
    }
    out
}

fn entry(out: &mut String, parent: &str, key: &Key) {
    let default = match (key.default)() {
        Some(Value::Table(_)) => "nothing set".to_owned(),
        Some(value) => format!("`{value}`"),
        None => format!("not set; for example `{}`", example_of(key)),
    };
    let path = format!("{parent}{}", key.name);
    out.push_str(&format!("\n### `{path}`\n\n{}\n\n", prose(key.about)));
    let below = match key.kind {
        Kind::Keys(keys) => Some((format!("{path}."), keys)),
        Kind::Each(keys) => Some((format!("{path}.NAME."), keys)),
        _ => None,
    };
    if below.is_none() {
        out.push_str(&format!("- allowed: {}\n- default: {default}\n", escaped(&key.kind.allowed())));
    }
    if key.takes != TakesEffect::AsTable {
        out.push_str(&format!("- a change takes effect {}\n", key.takes.describe()));
    }
    if let Some((parent, keys)) = below {
        keys.iter().for_each(|key| entry(out, &parent, key));
    }
}

/// Lines of a comment as a paragraph.
fn prose(about: &[&str]) -> String {
    escaped(&about.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "))
}

/// Text in which `*` and brackets are themselves.
fn escaped(text: &str) -> String {
    text.replace('*', "\\*").replace('[', "\\[").replace("__", "\\_\\_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, lookup};

    #[test]
    fn every_key_has_a_meaning_and_a_value_that_it_accepts() {
        for section in SECTIONS {
            assert!(!section.about.is_empty(), "{}", section.name);
            section.keys.iter().for_each(is_whole);
        }
        assert!(lookup::all().count() > 60);
        assert!(lookup::kind("service").is_some() && lookup::kind("service.name").is_none());
    }

    fn is_whole(key: &Key) {
        assert!(!key.about.is_empty(), "{}", key.name);
        match key.kind {
            Kind::Keys(keys) | Kind::Each(keys) => keys.iter().for_each(is_whole),
            kind => {
                let value = (key.default)().unwrap_or_else(|| kind.read_text(&example_of(key)));
                assert!(kind.accepts(&value), "{} = {value}", key.name);
            }
        }
        if let (Some(example), false) = (key.example, matches!(key.kind, Kind::Each(_))) {
            assert!(key.kind.accepts(&key.kind.read_text(example)), "{} = {example}", key.name);
        }
    }

    #[test]
    fn the_keys_are_those_of_the_types() {
        let written = toml::Table::try_from(Config::default()).expect("a table");
        for section in SECTIONS.iter().filter(|s| !s.is_list) {
            let fields: Vec<_> = written[section.name].as_table().expect("a table").keys().collect();
            assert!(
                fields.iter().all(|field| section.keys.iter().any(|key| key.name == **field)),
                "{}",
                section.name
            );
            let with_default = section.keys.iter().filter(|key| (key.default)().is_some()).count();
            assert_eq!(fields.len(), with_default, "{}", section.name);
        }
    }
}
