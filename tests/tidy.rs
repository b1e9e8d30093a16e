//! Holds the rules of the source that no compiler holds: one package has no crate
//! walls, so this test draws them.
//!
//! The layers are read from the documentation of `src/lib.rs`. A limit that gets
//! in the way of clear code is changed here with a reason, or excepted in
//! [`EXCEPTIONS`] with one; it is not dodged.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/queues.rs"]
mod queues;
#[path = "tidy/scan.rs"]
mod scan;

use scan::{code_only, functions, line_of, root_modules, without_tests, words};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Rule, path it is waived for, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "core",
    "src/config/zone.rs",
    "reads the tz database, once, when the configuration is read: what is configured is a zone, not a name",
)];

/// Lines of a file without its tests; of a file of tests or with them. Four files in a hundred have more
/// than 400: each is one machine or one table. What was cut out of such files at 400 were methods of
/// the same type in a file of their own, which is worse (see [`lodgers`]).
const FILE_LINES: usize = 450;
/// Tests are tables and may be longer.
const TEST_LINES: usize = 700;
/// Lines of a function outside tests. The few with more than 70 are one `match` over a closed set or one
/// table; an arm moved elsewhere would not make them easier to read.
const FUNCTION_LINES: usize = 80;

/// Per cent of the lines of `src/` that one room, a folder at its top, may have: a larger one is two.
const ROOM_PER_CENT: usize = 15;

/// Layers whose modules may use one another: the ground floor, and the command line.
const OPEN_LAYERS: &[usize] = &[0, 10];

/// What the core must not name: files, sockets, threads, locks, clocks, async, the process.
const NOT_IN_CORE: &[&str] = &[
    "std::fs",
    "fs::",
    "std::env",
    "std::process",
    "std::os",
    "std::io::stdout",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "UnixStream",
    "std::thread",
    "thread::",
    "Instant",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::get",
    "TimeZone::system",
    "tz::db",
    "Mutex",
    "RwLock",
    "Condvar",
    "mpsc",
    "crossbeam_channel",
    "async",
    "await",
    "tokio",
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
];

/// What says by its name which part of a room it is, not whose: its front door, its tests, its errors.
const IN_EVERY_ROOM: &[&str] = &["mod.rs", "tests.rs", "error.rs"];

/// Where a file is called like the subcommand it is for, whatever the room below calls its own.
const NAMED_FOR_COMMANDS: &[&str] = &["src/cmd/", "src/cli/"];

/// Left over from work in progress; clippy holds `unwrap` as well, this also where a lint is silenced.
const NOT_ANYWHERE: &[&str] = &[".unwrap()", "todo!", "unimplemented!", "dbg!"];

/// Everything that may stand at the top.
const TOP_LEVEL: &[&str] = &[
    ".ci",
    ".git",
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Makefile",
    "README.md",
    "benches",
    "clippy.toml",
    "config",
    "deny.toml",
    "dist",
    "docs",
    "examples",
    "findings",
    "fuzz",
    "out",
    "pcaps",
    "proptest-regressions",
    "rustfmt.toml",
    "scripts",
    "src",
    "systemd",
    "target",
    "tests",
];

/// Paths of one machine and hosts of one network have no place in a repository.
const NOT_IN_TEXT: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("../sha", "red"),
    concat!("/ro", "ot/"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("artif", "actory"),
];

/// One source file as the rules see it.
struct Source {
    /// Relative to the package, `/` between parts.
    path: String,
    text: String,
    /// Without comments, literals and tests; empty for a file of tests.
    code: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let test = is_test(path);
        let code = if test { String::new() } else { without_tests(&code_only(text)) };
        Source { path: path.into(), text: text.into(), code }
    }

    /// First module below `src`, `main` and `lib` included; `None` outside it.
    fn module(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        Some(rest.split('/').next().unwrap_or(rest).trim_end_matches(".rs"))
    }

    /// How many `super::` lead to the root.
    fn depth(&self) -> usize {
        let parts = self.path.trim_end_matches(".rs").trim_end_matches("/mod").split('/').count();
        parts.saturating_sub(1)
    }
}

/// Files that hold tests only.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Layer of every module, and the last layer of the core, from the listing in `src/lib.rs`.
fn layers(lib: &str) -> (BTreeMap<String, usize>, usize) {
    let (mut map, mut core) = (BTreeMap::new(), 0);
    for line in lib.lines().filter_map(|l| l.strip_prefix("//! ")) {
        let mut words = line.split_whitespace();
        match words.next().map(str::parse::<usize>) {
            Some(Ok(layer)) => map.extend(words.map(|module| (module.to_owned(), layer))),
            Some(Err(_)) if line.starts_with("-- above") => core = map.values().copied().max().unwrap_or(0),
            _ => {}
        }
    }
    (map, core)
}

fn imports(source: &Source, layers: &BTreeMap<String, usize>) -> Vec<String> {
    let Some(module) = source.module().filter(|m| *m != "lib") else { return Vec::new() };
    let (own, name) =
        if module == "main" { (11, "nauhuri") } else { (layers.get(module).copied().unwrap_or(99), "crate") };
    if own == 99 {
        return vec![format!("{}: module `{module}` has no layer in src/lib.rs", source.path)];
    }
    let mut out = Vec::new();
    for (other, line) in root_modules(&source.code, name, source.depth()) {
        let Some(layer) = layers.get(&other).copied() else { continue };
        let fine = other == module || layer < own || (layer == own && OPEN_LAYERS.contains(&own));
        if !fine {
            out.push(format!(
                "{}:{line}: `{module}` (layer {own}) uses `{other}` (layer {layer})",
                source.path
            ));
        }
    }
    out
}

/// Files of `src` that need one another: whoever changes one has to know the others.
fn circles_of(sources: &[Source]) -> Vec<String> {
    let files: Vec<_> = sources.iter().map(|s| circles::File { path: &s.path, code: &s.code }).collect();
    circles::circles(&files).iter().map(|c| format!("{}: {}", c[0], c.join(" "))).collect()
}

/// Two files of one name: a search, a trace or a talk names one and means the other.
fn repeated(sources: &[Source]) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in sources.iter().filter(|s| s.path.starts_with("src/") && !is_test(&s.path)) {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        let is_free = IN_EVERY_ROOM.contains(&name)
            || NAMED_FOR_COMMANDS.iter().any(|folder| source.path.starts_with(folder));
        if !is_free {
            places.entry(name).or_default().push(&source.path);
        }
    }
    let twice = places.iter().filter(|(_, paths)| paths.len() > 1);
    twice.map(|(name, paths)| format!("{}: `{name}` is also {}", paths[0], paths[1..].join(", "))).collect()
}

/// One name for types of two files: a reader takes the one for the other.
fn homonyms(sources: &[Source]) -> Vec<String> {
    let mut places: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for source in sources.iter().filter(|s| s.path.starts_with("src/")) {
        for (name, line) in scan::declared(&source.code) {
            places.entry(name).or_default().entry(&source.path).or_insert(line);
        }
    }
    let twice = places.iter().filter(|(_, files)| files.len() > 1);
    let found = twice.map(|(name, files)| {
        let at: Vec<_> = files.iter().map(|(path, line)| format!("{path}:{line}")).collect();
        format!("{}: a type `{name}` is also declared in {}", at[0], at[1..].join(", "))
    });
    found.collect()
}

/// Files that hold methods of somebody else's type and nothing of their own. Those in `x/` below the
/// type's `x.rs` are a part of that file; those beside a type in `mod.rs` are files of the same room.
fn lodgers(sources: &[Source]) -> Vec<String> {
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources.iter().filter(|s| s.path.starts_with("src/")) {
        let folder = source.path.trim_end_matches(".rs").to_owned() + "/";
        for (name, _) in scan::declared(&source.code) {
            homes.entry(name).or_default().push(folder.clone());
        }
    }
    let is_lodger = |source: &&Source| {
        let of = scan::impls(&source.code);
        let has_own = scan::has_items(&source.code);
        let is_at_home = |name: &String| {
            homes.get(name).is_none_or(|folders| folders.iter().any(|f| source.path.starts_with(f.as_str())))
        };
        !has_own && !of.is_empty() && !of.iter().all(is_at_home)
    };
    let found = sources.iter().filter(|s| s.path.starts_with("src/") && !is_test(&s.path)).filter(is_lodger);
    found.map(|s| format!("{}: only methods of {}", s.path, scan::impls(&s.code).join(", "))).collect()
}

fn banned(source: &Source, list: &[&str]) -> Vec<String> {
    let hits = |word: &&str| {
        words(&source.code, word).into_iter().map(|i| line_of(&source.code, i)).collect::<Vec<_>>()
    };
    let all = list.iter().flat_map(|word| hits(word).into_iter().map(move |line| (word, line)));
    all.map(|(word, line)| format!("{}:{line}: `{word}`", source.path)).collect()
}

fn core_words(source: &Source, layers: &BTreeMap<String, usize>, core: usize) -> Vec<String> {
    let in_core = source.module().and_then(|m| layers.get(m)).is_some_and(|layer| *layer <= core);
    if in_core { banned(source, NOT_IN_CORE) } else { Vec::new() }
}

fn opening(source: &Source) -> Vec<String> {
    if source.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![format!("{}:1: does not open with `//!` and what it owns", source.path)]
}

fn lengths(source: &Source) -> Vec<String> {
    let total = source.text.lines().count();
    // Where tests begin, the rest of the file is theirs.
    let own = match source.text.find("\n#[cfg(test)]\nmod tests {") {
        Some(at) => source.text[..at].lines().count(),
        None => total,
    };
    let limit = if is_test(&source.path) { TEST_LINES } else { FILE_LINES };
    let mut out = Vec::new();
    if own > limit || total > TEST_LINES {
        out.push(format!(
            "{}: {own} lines ({total} with tests), at most {limit} ({TEST_LINES})",
            source.path
        ));
    }
    for (name, line, length) in functions(&source.code) {
        if length > FUNCTION_LINES {
            out.push(format!(
                "{}:{line}: `{name}` has {length} lines, at most {FUNCTION_LINES}",
                source.path
            ));
        }
    }
    out
}

/// Rooms that have grown too large.
fn large_rooms(sources: &[Source]) -> Vec<String> {
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for source in sources {
        let Some(module) = source.module() else { continue };
        *lines.entry(module).or_default() += source.text.lines().count();
    }
    let all: usize = lines.values().sum();
    let large = lines.iter().filter(|(_, own)| **own * 100 > all * ROOM_PER_CENT);
    large.map(|(room, own)| format!("src/{room}: {own} of {all} lines, at most {ROOM_PER_CENT} %")).collect()
}

fn forbidden_text(path: &str, text: &str) -> Vec<String> {
    let hits = |word: &str| text.match_indices(word).map(|(i, _)| line_of(text, i)).collect::<Vec<_>>();
    let all = NOT_IN_TEXT.iter().flat_map(|word| hits(word).into_iter().map(move |line| (word, line)));
    all.map(|(word, line)| format!("{path}:{line}: `{word}`")).collect()
}

fn strangers_at_the_top<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names
        .filter(|name| !TOP_LEVEL.contains(name))
        .map(|name| format!("{name}: has no place at the top level"))
        .collect()
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the package that is ours, build output left out.
fn files() -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut folders = vec![package().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name();
            let kind = entry.file_type().unwrap();
            let skipped = ["target", "out", "dist", ".git", "corpus", "artifacts"].iter().any(|s| name == *s);
            if kind.is_dir() && !skipped {
                folders.push(entry.path());
            } else if kind.is_file() && !skipped {
                out.push(entry.path());
            }
        }
    }
    out.sort();
    out
}

fn relative(path: &Path) -> String {
    path.strip_prefix(package()).unwrap().to_string_lossy().replace('\\', "/")
}

fn sources() -> Vec<Source> {
    let rust = files().into_iter().filter(|p| p.extension().is_some_and(|e| e == "rs"));
    rust.map(|p| Source::new(&relative(&p), &std::fs::read_to_string(&p).unwrap())).collect()
}

/// Fails with everything `rule` found and [`EXCEPTIONS`] does not waive.
fn hold(rule: &str, found: impl IntoIterator<Item = String>) {
    let waived = |hit: &String| {
        let path = hit.split(':').next().unwrap_or("");
        EXCEPTIONS.iter().any(|(r, p, _)| *r == rule && *p == path)
    };
    let left: Vec<_> = found.into_iter().filter(|hit| !waived(hit)).collect();
    assert!(left.is_empty(), "{rule}:\n{}", left.join("\n"));
}

fn lib_layers() -> (BTreeMap<String, usize>, usize) {
    layers(&std::fs::read_to_string(package().join("src/lib.rs")).unwrap())
}

#[test]
fn imports_go_down_only() {
    let (layers, _) = lib_layers();
    hold("imports", sources().iter().flat_map(|s| imports(s, &layers)));
}

#[test]
fn no_files_run_in_a_circle() {
    hold("circles", circles_of(&sources()));
}

#[test]
fn no_two_files_have_one_name() {
    hold("names", repeated(&sources()));
}

#[test]
fn a_type_name_has_one_meaning() {
    hold("types", homonyms(&sources()));
}

#[test]
fn no_file_holds_only_methods_of_somebody_else() {
    hold("lodgers", lodgers(&sources()));
}

#[test]
fn the_core_does_no_io() {
    let (layers, core) = lib_layers();
    assert_eq!(core, layers["engine"]);
    hold("core", sources().iter().flat_map(|s| core_words(s, &layers, core)));
}

#[test]
fn files_open_with_what_they_own() {
    hold("opening", sources().iter().flat_map(opening));
}

#[test]
fn files_and_functions_stay_short() {
    hold("lengths", sources().iter().flat_map(lengths));
}

#[test]
fn no_room_is_too_large() {
    hold("rooms", large_rooms(&sources()));
}

#[test]
fn nothing_is_left_unfinished() {
    hold(
        "words",
        sources().iter().filter(|s| s.path.starts_with("src/")).flat_map(|s| banned(s, NOT_ANYWHERE)),
    );
}

#[test]
fn no_list_is_emptied_from_its_front() {
    hold("queues", sources().iter().flat_map(|s| queues::moved(&s.path, &s.code)));
}

#[test]
fn no_machine_and_no_host_is_named() {
    let texts =
        files().into_iter().filter_map(|p| std::fs::read_to_string(&p).ok().map(|text| (relative(&p), text)));
    hold("text", texts.flat_map(|(path, text)| forbidden_text(&path, &text)));
}

#[test]
fn the_top_level_is_as_drawn() {
    let names: Vec<_> = std::fs::read_dir(package()).unwrap().map(|e| e.unwrap().file_name()).collect();
    hold("top", strangers_at_the_top(names.iter().map(|n| n.to_str().unwrap_or("?"))));
}

#[test]
fn every_exception_has_a_reason_and_a_file() {
    for (rule, path, reason) in EXCEPTIONS {
        assert!(reason.len() > 20 && package().join(path).exists(), "{rule} {path}");
    }
}

/// Each rule, broken on purpose: a rule that cannot fail holds nothing.
mod proof {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source::new(path, text)
    }

    fn import_errors(path: &str, text: &str) -> usize {
        imports(&source(path, text), &lib_layers().0).len()
    }

    #[test]
    fn an_import_that_goes_up_or_sideways() {
        for (path, text) in [
            ("src/time.rs", "use crate::net::Frame;"),
            ("src/sip/reader.rs", "use crate::{config::Config, rtp::{Seq, Packet}};"),
            ("src/sip/mod.rs", "use super::sdp::Session;"),
            ("src/rtp/stats/sum.rs", "fn f() { super::super::super::codec::x() }"),
            ("src/store/wav.rs", "fn f() -> crate::capture::Live {}"),
            ("src/call/mod.rs", "use crate::tape::Tape;"),
            ("src/engine/mod.rs", "fn f() { crate::cmd::run() }"),
            ("src/attic.rs", ""),
        ] {
            assert_eq!(import_errors(path, text), 1, "{path}");
        }
        for (path, text) in [
            ("src/config/load.rs", "use crate::id::X; use crate::config::Y; use super::check;"),
            ("src/cmd/check.rs", "use crate::cli::Cli; use crate::store::wav; use super::output;"),
            ("src/main.rs", "fn main() { nauhuri::cmd::run() }"),
            ("src/time.rs", "//! [`crate::net`]\n// crate::net\nconst X: &str = \"crate::net\";"),
            ("src/sip/reader.rs", "#[cfg(test)]\nmod tests { use crate::net; }"),
            ("src/sip/reader/tests.rs", "use crate::net;"),
        ] {
            assert_eq!(import_errors(path, text), 0, "{path}");
        }
    }

    #[test]
    fn a_room_that_has_grown_too_large() {
        let lines = |path: &str, n| source(path, &"x\n".repeat(n));
        let mut all: Vec<_> = (0..10).map(|n| lines(&format!("src/r{n}/mod.rs"), 100)).collect();
        assert_eq!(large_rooms(&all), [""; 0]);
        all.push(lines("src/r3/tests.rs", 80));
        all.push(lines("tests/r4.rs", 800));
        assert_eq!(large_rooms(&all), ["src/r3: 180 of 1080 lines, at most 15 %"]);
    }

    #[test]
    fn a_circle_of_files() {
        let found = |files: &[(&str, &str)]| {
            let sources: Vec<_> = files.iter().map(|(path, text)| source(path, text)).collect();
            circles_of(&sources)
        };
        let circle: &[(&str, &str)] = &[
            ("src/a/mod.rs", "mod x;\nmod y;\npub use x::X;\npub use y::{self, Y as Z};"),
            ("src/a/x.rs", "use super::y::Y;\nstruct X;"),
            ("src/a/y.rs", "fn f() -> super::X {}"),
        ];
        assert_eq!(found(circle), ["src/a/x.rs: src/a/x.rs src/a/y.rs"]);
        assert_eq!(found(&circle[..2]), [""; 0]);
        // By way of the parent, of the root, of a group, of a longer way round.
        for other in [
            "use crate::{b, a::{self, x::X}};",
            "use super::super::a::x;",
            "use super::z::Z;",
            "fn f() { crate::a::x::f() }",
        ] {
            let mut files = circle.to_vec();
            files[2].1 = other;
            files.push(("src/a/z.rs", "use super::x;"));
            assert_eq!(found(&files).len(), 1, "{other}");
        }
        let parent: &[(&str, &str)] =
            &[("src/a.rs", "mod b;\nfn f() { b::g() }"), ("src/a/b.rs", "use super::T;")];
        assert_eq!(found(parent).len(), 1);
        for other in [
            "use std::x::X;",
            "// super::x::X",
            "pub(in crate::a::x) fn f() {}",
            "#[cfg(test)]\nmod tests { use super::super::x::X; }",
            "fn f() { x::X }",
            "",
        ] {
            let mut files = circle.to_vec();
            files[2].1 = other;
            assert_eq!(found(&files), [""; 0], "{other}");
        }
    }

    #[test]
    fn a_name_that_is_there_twice() {
        let found = |paths: &[&str]| {
            let sources: Vec<_> = paths.iter().map(|path| source(path, "")).collect();
            repeated(&sources)
        };
        let twice = ["src/a/clock.rs", "src/b/c/clock.rs"];
        assert_eq!(found(&twice), ["src/a/clock.rs: `clock.rs` is also src/b/c/clock.rs"]);
        assert_eq!(found(&twice[..1]), [""; 0]);
        let free = ["src/a/mod.rs", "src/b/mod.rs", "src/a/tests/hold.rs", "src/b/tests.rs", "src/hold.rs"];
        let free =
            [&free[..], &["src/cmd/hold.rs", "tests/hold.rs", "src/a/error.rs", "src/b/error.rs"]].concat();
        assert_eq!(found(&free), [""; 0]);
    }

    #[test]
    fn a_type_name_of_two_files() {
        let found = |text: &str| homonyms(&[source("src/a.rs", "\nstruct Key;"), source("src/b/c.rs", text)]);
        for text in [
            "pub(crate) enum Key {}",
            "use x::Y;\n#[derive(Clone)]\n#[serde(x = \"}\")]\npub struct Key([u8; 4]);",
            "type Key<'a> = &'a str;",
            "pub unsafe trait Key: Sized {}",
            "fn f() { struct Key { a: u8 } }",
            "mod m { pub type Key = u8; }",
            "section! { struct Key { a: u8 = 1; } }",
            "impl X { fn f() { type Key = u8; } }",
            "labels! {\n    /// What.\n    Key {\n        A = \"a\", \"It.\";\n    }\n}",
            "words! {\n    /// What.\n    pub enum Key {\n        A = \"a\",\n    }\n}",
        ] {
            let found = found(text);
            assert_eq!(found.len(), 1, "{text}");
            assert!(
                found[0].starts_with("src/a.rs:2: a type `Key` is also declared in src/b/c.rs:"),
                "{text}"
            );
        }
        for text in [
            "impl X for Y { type Key = u8; fn f() {} }",
            "pub trait X { fn f() {} type Key: Sized; }",
            "struct Keys { key: Key }\nenum X { Key { a: u8 } }",
            "// struct Key;\nconst X: &str = \"struct Key;\";",
            "#[cfg(test)]\nmod tests { struct Key; }",
            "labels! { Other { Key = \"key\", \"It.\"; } }\nimpl Other { fn f() { Key { } } }",
            "use super::Key;\nimpl Key {}\nfn f() -> Key { Key {} }",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
        assert_eq!(homonyms(&[source("src/a.rs", "struct Key; mod m { struct Key; }")]), [""; 0]);
    }

    #[test]
    fn a_file_of_methods_of_another() {
        let found = |files: &[(&str, &str)]| {
            let sources: Vec<_> = files.iter().map(|(path, text)| source(path, text)).collect();
            lodgers(&sources)
        };
        let home = ("src/a/hub.rs", "pub struct Hub;\nimpl Hub {}");
        let by_macro = ("src/a/hub.rs", "section! {\n    pub struct Hub {\n        a: u8 = 1;\n    }\n}");
        let lodger = ("src/a/other.rs", "impl Hub { fn f() {} }");
        assert_eq!(found(&[by_macro, lodger]), ["src/a/other.rs: only methods of Hub"]);
        for lodger in
            ["use super::hub::Hub;\nconst N: u8 = 1;\nimpl Hub { fn f() {} }", "impl<'a> Hub<'a> {}"]
        {
            assert_eq!(found(&[home, ("src/a/other.rs", lodger)]), ["src/a/other.rs: only methods of Hub"]);
            assert_eq!(found(&[home, ("src/a/hub/part.rs", lodger)]), [""; 0]);
        }
        assert_eq!(found(&[("src/a/mod.rs", home.1), lodger]), ["src/a/other.rs: only methods of Hub"]);
        let own = ["impl Hub {}\nfn own() {}", "struct Own;\nimpl Hub {}"];
        for fine in own.into_iter().chain(["impl Show for Hub {}", "use super::Hub;"]) {
            assert_eq!(found(&[home, ("src/a/other.rs", fine)]), [""; 0], "{fine}");
        }
    }

    #[test]
    fn a_clock_in_the_core() {
        let (layers, core) = lib_layers();
        let hits = |path: &str, text: &str| core_words(&source(path, text), &layers, core).len();
        for text in [
            "use std::time::Instant;",
            "std::fs::read(p)",
            "async fn f() {}",
            "println!(\"x\")",
            "Mutex::new(1)",
            "jiff::tz::TimeZone::get(name)",
        ] {
            assert!(hits("src/net/mod.rs", text) > 0, "{text}");
            assert_eq!(hits("src/daemon/mod.rs", text), 0, "{text}");
        }
        for text in [
            "// Instant",
            "let s = \"tokio\";",
            "fn offs::x() {}",
            "Instantly",
            "use std::net::IpAddr;",
            "let c = '\"'; // Mutex",
        ] {
            assert_eq!(hits("src/net/mod.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn a_file_without_a_head_and_one_too_long() {
        assert_eq!(opening(&source("src/x.rs", "use y;")).len(), 1);
        assert_eq!(opening(&source("src/x.rs", "//! Owns x.\n")).len(), 0);
        assert_eq!(lengths(&source("src/x.rs", &"\n".repeat(451))).len(), 1);
        assert_eq!(lengths(&source("src/x/tests.rs", &"\n".repeat(600))).len(), 0);
        assert_eq!(lengths(&source("tests/x.rs", &"\n".repeat(701))).len(), 1);
        let tested = format!("{}\n#[cfg(test)]\nmod tests {{{}}}", "\n".repeat(440), "\n".repeat(200));
        assert_eq!(lengths(&source("src/x.rs", &tested)).len(), 0);
    }

    #[test]
    fn a_function_too_long() {
        let long =
            format!("fn short() {{}}\npub fn long<T>(a: [u8; 2], f: fn(u8)) -> T {{{}}}\n", "\n".repeat(80));
        let found = lengths(&source("src/x.rs", &long));
        assert_eq!(found, ["src/x.rs:2: `long` has 81 lines, at most 80"]);
        let braces =
            format!("fn f() {{ let c = '{{'; let s = \"{{\"; let r = r#\"{{\"#; }}\n{}", "\n".repeat(90));
        assert_eq!(lengths(&source("src/x.rs", &braces)), [""; 0]);
        let test = format!("#[cfg(test)]\nmod t {{ fn long() {{{}}} }}", "\n".repeat(90));
        assert_eq!(lengths(&source("src/x.rs", &test)), [""; 0]);
    }

    #[test]
    fn words_left_over() {
        assert_eq!(banned(&source("src/x.rs", "let a = b.unwrap(); todo!()"), NOT_ANYWHERE).len(), 2);
        assert_eq!(banned(&source("src/x.rs", "b.unwrap_or(1); // .unwrap()"), NOT_ANYWHERE).len(), 0);
        assert_eq!(banned(&source("src/x/tests.rs", "b.unwrap()"), NOT_ANYWHERE).len(), 0);
    }

    #[test]
    fn a_path_of_one_machine_and_a_stranger_at_the_top() {
        assert_eq!(
            forbidden_text("Makefile", concat!("run:\n\tcp /wo", "rk/x .")),
            [concat!("Makefile:2: `/wo", "rk/`")]
        );
        assert_eq!(forbidden_text("Makefile", "framework/x").len(), 0);
        assert_eq!(strangers_at_the_top(["src", "util"].into_iter()).len(), 1);
    }

    #[test]
    fn an_exception_is_for_one_rule_and_one_file() {
        let caught = |hit: &str| std::panic::catch_unwind(|| hold("core", [hit.to_owned()])).is_err();
        assert!(caught("src/nowhere.rs:1: `Mutex`"));
    }
}
