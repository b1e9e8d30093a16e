//! The first configuration: what was chosen, with what each key means, and nothing else.

use super::Config;
use super::keys::{Key, Named};
use super::sections::SECTIONS;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// What stands above everything.
const HEAD: &str = "\
# nauhuri: the first configuration, written by `nauhuri setup`.
#
# Only what was chosen is here. Every other key has its default: docs/configuration.md, or
# the sample config/nauhuri.toml, has all of them. `nauhuri check` reports mistakes and
# prints the configuration in effect.
";

/// A configuration as a file with comments: the keys that are not as in `base`, and those of `chosen` in any case.
/// `remarks`: what else is to be said of a key, line by line.
///
/// # Errors
/// A value that TOML has no form for.
pub fn first_file(
    config: &Config,
    base: &Config,
    chosen: &[&str],
    remarks: &BTreeMap<&str, Vec<String>>,
) -> Result<String, toml::ser::Error> {
    let (written, base) = (Table::try_from(config)?, Table::try_from(base)?);
    let mut out = String::from(HEAD);
    for section in SECTIONS {
        match written.get(section.name) {
            Some(Value::Table(values)) => {
                let base = base.get(section.name).and_then(Value::as_table);
                let is_chosen = |key: &&Key| {
                    let path = format!("{}.{}", section.name, key.name);
                    let is_new = values.get(key.name) != base.and_then(|b| b.get(key.name));
                    values.contains_key(key.name) && (is_new || chosen.contains(&path.as_str()))
                };
                table(&mut out, section, section.keys.iter().filter(is_chosen), values, remarks);
            }
            Some(Value::Array(items)) => {
                items.iter().filter_map(Value::as_table).enumerate().for_each(|(n, item)| {
                    list_entry(&mut out, section, n == 0, item);
                })
            }
            _ => {}
        }
    }
    Ok(out)
}

fn table<'a>(
    out: &mut String,
    section: &Named,
    keys: impl Iterator<Item = &'a Key>,
    values: &Table,
    remarks: &BTreeMap<&str, Vec<String>>,
) {
    for (n, key) in keys.enumerate() {
        if n == 0 {
            out.push('\n');
            comment(out, section.about);
            out.push_str(&format!("[{}]\n", section.name));
        }
        comment(out, key.about);
        let path = format!("{}.{}", section.name, key.name);
        let said = remarks.get(path.as_str()).into_iter().flatten();
        // What was seen on a wire cannot end its line.
        said.for_each(|line| out.push_str(&format!("# {}\n", line.replace(char::is_control, "?"))));
        out.push_str(&format!("{} = {}\n", key.name, values[key.name]));
    }
}

/// One of a list of tables; what its keys mean stands above the first.
fn list_entry(out: &mut String, section: &Named, is_first: bool, item: &Table) {
    out.push('\n');
    if is_first {
        comment(out, section.about);
    }
    out.push_str(&format!("[[{}]]\n", section.name));
    for key in section.keys.iter().filter(|key| item.contains_key(key.name)) {
        if is_first {
            comment(out, key.about);
        }
        out.push_str(&format!("{} = {}\n", key.name, item[key.name]));
    }
}

fn comment(out: &mut String, about: &[&str]) {
    about.iter().for_each(|line| out.push_str(&format!("#{line}\n")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check::Purpose;
    use crate::config::load::{Layers, load};

    fn loaded(set: &[&str]) -> Config {
        let set = set.iter().map(|s| (*s).to_owned()).collect();
        load(&Layers { set, ..Layers::default() }, Purpose::Other).unwrap().config
    }

    #[test]
    fn what_is_written_is_what_was_chosen() {
        let set = [
            "capture.interface=eth1",
            "agents.extensions=2000-2999,31*",
            "agents.names={ \"2001\" = \"M. \\\"V\\\"\" }",
            "service=[{ name = \"116117\", numbers = [\"116117\"], retention = \"5 years\" }, { name = \"b\", numbers = [\"2\"] }]",
            "retention.timezone=Europe/Helsinki",
            "room.session_idle=5m",
        ];
        let (config, base) = (loaded(&set), loaded(&[]));
        let remarks = BTreeMap::from([("agents.extensions", vec!["Seen: 2001\n[agents]".to_owned()])]);
        let text = first_file(&config, &base, &["service_default.retention"], &remarks).unwrap();
        let layers = Layers { file: Some(("x".into(), text.clone())), ..Layers::default() };
        let read = load(&layers, Purpose::Capture).unwrap();
        assert_eq!(read.config, config, "{text}");
        let keys: Vec<&str> = text.lines().filter(|l| !l.starts_with('#') && l.contains(" = ")).collect();
        assert_eq!(keys.len(), 11, "nothing else: {text}");
        assert!(keys.contains(&"retention = \"6 months\""), "chosen, and as by default: {text}");
        assert!(text.contains("# Seen: 2001?[agents]\nextensions = "), "{text}");
        // Every key is explained, a list's keys above its first entry.
        assert!(text.contains("#\u{20}Extensions: \"2001\""), "{text}");
        assert_eq!(text.matches("[[service]]\n").count(), 2);
        assert_eq!(first_file(&base, &base, &[], &BTreeMap::new()).unwrap(), HEAD);
    }
}
