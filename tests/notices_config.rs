//! The shipped configuration files: the sample equals the defaults, and the five
//! notices differ as the commitments they stand for. And the notice that is written from them.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

#[path = "notices_config/privacy_notice.rs"]
mod privacy_notice;

use nauhuri::config::check::Purpose;
use nauhuri::config::load::{Layers, load};
use nauhuri::config::{CallDirection, Config, CopyAccess, HideDigits, RetentionBound, ServiceRule};
use std::collections::BTreeSet;
use std::path::Path;

fn text_of(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn loaded(name: &str, text: String, purpose: Purpose) -> Config {
    let layers = Layers { file: Some((name.into(), text)), ..Layers::default() };
    load(&layers, purpose).unwrap_or_else(|e| panic!("{e}")).config
}

/// The sample with every commented key in force.
fn uncommented(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase()) => key,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sample_is_the_defaults() {
    let sample = text_of("nauhuri.toml");
    let name = "config/nauhuri.toml";
    assert_eq!(
        loaded(name, sample.clone(), Purpose::Other),
        Config::default(),
        "nothing is in force as shipped"
    );
    assert_eq!(loaded(name, uncommented(&sample), Purpose::Other), Config::default());
}

#[test]
fn the_examples_in_the_sample_can_be_loaded() {
    let sample = text_of("nauhuri.toml");
    let from = |head: &str| {
        let lines = sample.lines().skip_while(move |l| *l != format!("#     {head}"));
        lines.map(|l| l.strip_prefix("#     ")).collect::<Vec<_>>()
    };
    let service: Vec<&str> = from("[[service]]").into_iter().map_while(|l| l).collect();
    assert_eq!(loaded("example", service.join("\n"), Purpose::Other).service[0].name, "116117");
    let role: Vec<&str> = from("[room.roles.agent]").into_iter().flatten().collect();
    assert!(loaded("example", role.join("\n"), Purpose::Other).room.roles.contains_key("agent"), "{role:?}");
}

#[test]
fn the_five_notices_differ_as_they_promise() {
    let both = vec![CallDirection::Inbound, CallDirection::Outbound];
    let inbound = vec![CallDirection::Inbound];
    let (keep, at_most) = (RetentionBound::Keep, RetentionBound::AtMost);
    let partial = HideDigits::Last(4);
    let full = HideDigits::Last(0);
    // Directions, caller number, term, bound, names of agents, services of their own.
    let matrix = [
        ("helsinki-fi", &both, partial, "6 months", keep, false, 1),
        ("helsinki-sv", &both, partial, "6 months", keep, false, 1),
        ("espoo", &inbound, full, "6 months", keep, false, 0),
        ("public-works", &inbound, full, "6 months", at_most, false, 0),
        ("hsy", &both, full, "12 months", at_most, true, 0),
    ];
    let mut files = BTreeSet::new();
    for (name, directions, hide, term, bound, names, services) in matrix {
        let file = format!("examples/{name}.toml");
        let config = loaded(&file, text_of(&file), Purpose::Capture);
        let base = &config.service_default;
        assert_eq!(&base.directions, directions, "{name}");
        assert_eq!(base.hide_caller_digits, hide, "{name}");
        assert_eq!(base.retention.to_string(), term, "{name}");
        assert_eq!(base.retention_bound, bound, "{name}");
        assert_eq!(!config.agents.names.is_empty(), names, "{name}");
        assert_eq!(config.service.len(), services, "{name}");
        assert_eq!(config.retention.timezone.name(), "Europe/Helsinki", "{name}");
        assert_eq!(config.retention.access, CopyAccess::UntilDue, "{name}");
        assert!(base.record, "{name}");
        files.insert(format!("{name}.toml"));
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples");
    let shipped: BTreeSet<String> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(shipped, files, "every example is in the matrix");
}

#[test]
fn the_helpline_is_kept_five_years_with_the_rest_of_the_rule() {
    let config = loaded("helsinki-fi", text_of("examples/helsinki-fi.toml"), Purpose::Capture);
    let rule: &ServiceRule = &config.service[0];
    let service = rule.resolve(&config.service_default);
    assert_eq!((service.name.as_str(), service.retention.to_string().as_str()), ("116117", "5 years"));
    assert_eq!(service.hide_caller_digits, HideDigits::Last(4));
    assert_eq!(service.retention_bound, RetentionBound::Keep);
}

#[test]
fn every_rule_of_a_notice_names_its_requirement() {
    let prefixes = [
        ("helsinki-fi", "[HEL-"),
        ("helsinki-sv", "[HELS-"),
        ("espoo", "[ESP-"),
        ("public-works", "[PWD-"),
        ("hsy", "[HSY-"),
    ];
    for (name, prefix) in prefixes {
        let text = text_of(&format!("examples/{name}.toml"));
        assert!(text.lines().filter(|l| l.starts_with('#') && l.contains(prefix)).count() >= 4, "{name}");
        let keys = ["retention = ", "hide_caller_digits = "];
        for key in keys {
            let lines: Vec<_> = text.lines().collect();
            let at = lines.iter().rposition(|l| l.starts_with(key)).unwrap();
            assert!(lines[at - 1].contains(prefix), "{name} {key}");
        }
    }
}
