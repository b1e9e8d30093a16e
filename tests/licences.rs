//! What is linked: licences, banned crates and sources, by the lists of `deny.toml`.
//!
//! `cargo deny` does the same and knows advisories too, but needs installing and a
//! network; this runs everywhere from what cargo already has.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::process::Command;

fn deny() -> toml::Table {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn texts(list: &toml::Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

/// Every package that is built on Linux, tests included.
fn packages() -> Vec<Value> {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: Value = serde_json::from_slice(&out.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Whether an SPDX expression can be met with `allowed`: `OR` needs one side, `AND` both.
fn met(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (value, rest) = either(&words, allowed);
    value && rest.is_empty()
}

fn either<'a, 'w>(words: &'w [&'a str], allowed: &[String]) -> (bool, &'w [&'a str]) {
    let (mut value, mut rest) = both(words, allowed);
    while let ["OR", tail @ ..] = rest {
        let (right, tail) = both(tail, allowed);
        (value, rest) = (value | right, tail);
    }
    (value, rest)
}

fn both<'a, 'w>(words: &'w [&'a str], allowed: &[String]) -> (bool, &'w [&'a str]) {
    let (mut value, mut rest) = one(words, allowed);
    while let ["AND", tail @ ..] = rest {
        let (right, tail) = one(tail, allowed);
        (value, rest) = (value & right, tail);
    }
    (value, rest)
}

fn one<'a, 'w>(words: &'w [&'a str], allowed: &[String]) -> (bool, &'w [&'a str]) {
    match words {
        ["(", rest @ ..] => {
            let (value, rest) = either(rest, allowed);
            (value && rest.first() == Some(&")"), rest.get(1..).unwrap_or(&[]))
        }
        [id, "WITH", exception, rest @ ..] => (allowed.contains(&format!("{id} WITH {exception}")), rest),
        [id, rest @ ..] => (allowed.iter().any(|a| a == id), rest),
        [] => (false, words),
    }
}

#[test]
fn every_licence_is_allowed() {
    let deny = deny();
    let allowed = texts(&deny["licenses"]["allow"]);
    let excepted: Vec<_> = deny["licenses"]["exceptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["crate"].as_str().unwrap())
        .collect();
    let packages = packages();
    assert!(packages.len() > 50);
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        match package["license"].as_str() {
            Some(expression) => assert!(met(expression, &allowed), "{name}: {expression}"),
            None => assert!(excepted.contains(&name), "{name}: no licence named"),
        }
    }
}

#[test]
fn nothing_banned_and_nothing_from_elsewhere() {
    let deny = deny();
    let banned: Vec<_> =
        deny["bans"]["deny"].as_array().unwrap().iter().map(|e| e["crate"].as_str().unwrap()).collect();
    assert!(["g729-sys", "audio-codec", "af_packet"].iter().all(|name| banned.contains(name)));
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        assert!(!banned.contains(&name), "{name} is banned by deny.toml");
        match package["source"].as_str() {
            Some(source) => assert!(source.starts_with("registry+"), "{name}: {source}"),
            None => assert_eq!(name, env!("CARGO_PKG_NAME"), "a package from a path"),
        }
    }
}

#[test]
fn expressions() {
    let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    for good in [
        "MIT",
        "MIT OR GPL-3.0",
        "Unlicense/MIT",
        "(MIT OR X) AND Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(met(good, &allowed), "{good}");
    }
    for bad in
        ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR X) AND Y", "", "MIT WITH LLVM-exception", "(MIT", "MIT)"]
    {
        assert!(!met(bad, &allowed), "{bad}");
    }
}

/// The bill of materials (`make dist`) names what is linked, whole and nothing else.
#[test]
fn the_bill_of_materials_is_what_is_linked() {
    let root = env!("CARGO_MANIFEST_DIR");
    let out = Command::new("scripts/sbom").current_dir(root).env("CARGO", env!("CARGO")).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let bom: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&bom["bomFormat"], &bom["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let components = bom["components"].as_array().unwrap();
    let has = |name: &str| components.iter().any(|c| c["name"] == name);
    assert!(has("ed25519-dalek") && has("rusqlite") && has("cc"), "linked, and built with");
    assert!(!has("proptest") && !has("tempfile") && !has("nauhuri"), "of tests, or ourselves");
    let refs: Vec<&Value> = components.iter().map(|c| &c["bom-ref"]).collect();
    for component in components {
        let of = |key: &str| component[key].as_str().unwrap_or_default().to_owned();
        assert_eq!(of("purl"), format!("pkg:cargo/{}@{}", of("name"), of("version")));
        assert_eq!(component["hashes"][0]["content"].as_str().map(str::len), Some(64), "{component}");
        assert!(component["licenses"][0]["expression"].is_string(), "{component}");
    }
    let graph = bom["dependencies"].as_array().unwrap();
    assert_eq!(graph.len(), components.len() + 1);
    let used = graph.iter().flat_map(|d| d["dependsOn"].as_array().unwrap());
    assert!(used.clone().count() > components.len() && used.clone().all(|r| refs.contains(&r)));
    // Nothing is in it that nothing needs.
    assert!(refs.iter().all(|r| used.clone().any(|u| u == *r)), "{:?}", refs);
}
