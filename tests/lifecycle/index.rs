//! Looking at a store after the calls: list, show, verify, reindex, forecast, as
//! users run them.

use nauhuri::archive::index::{DeletionReason, INDEX, Tombstone};
use nauhuri::archive::{Archive, NoIndex, OpenError, Place};
use nauhuri::config::Storage;
use nauhuri::id::{derived_uuid, short_hex};
use nauhuri::store::files::{Access, Folder};
use nauhuri::store::layout::RecordingName;
use nauhuri::store::mark::state_folder;
use nauhuri::store::sidecar::{EndedBy, Sidecar, parse_rfc3339, rewrite_atomically};
use nauhuri::store::wav::{WavEncoding, WavSpec};
use nauhuri::store::writer::{RecordingWriter, WriterOptions};
use nauhuri::time::Timestamp;
use serde_json::{Value, json};
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

struct Store {
    dir: tempfile::TempDir,
    config: PathBuf,
    sidecars: Vec<Sidecar>,
}

fn name_of(s: &Sidecar) -> RecordingName {
    let number = s.customer.number.as_ref().map(|n| n.as_str());
    RecordingName::new(s.answered_at, s.agent.id.as_deref(), number, s.id)
}

impl Store {
    /// Eight recordings, an hour and a bit apart, `n` seconds long, on
    /// 2026-11-23 and 24 in Helsinki.
    fn new() -> Store {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("nauhuri.toml");
        let text = format!(
            "[storage]\ndir = {:?}\nmin_free = \"0\"\n[retention]\ntimezone = \"Europe/Helsinki\"\n\
             [numbers]\ncountry = \"358\"\nnational_prefix = \"0\"\n",
            dir.path().join("store")
        );
        fs::write(&config, text).unwrap();
        let mut store = Store { dir, config, sidecars: Vec::new() };
        for n in 0..8 {
            let s = store.record(n);
            store.sidecars.push(s);
        }
        store
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn record(&self, n: u32) -> Sidecar {
        let answered = parse_rfc3339("2026-11-23T18:30:00Z").unwrap() + Duration::from_secs(4_000) * n;
        let mut s: Sidecar =
            serde_json::from_str(include_str!("../../src/store/writer/answered.json")).unwrap();
        s.id = derived_uuid(answered, &[b"lifecycle", &n.to_be_bytes()]);
        s.call_group = derived_uuid(answered, &[b"group", &(n / 2).to_be_bytes()]);
        s.answered_at = answered;
        s.ended_at = answered + Duration::from_secs(n.into());
        s.duration_s = n.into();
        (s.ended_by, s.complete) = (EndedBy::Customer, n != 3);
        s.agent.id = Some(format!("{}", 2001 + n % 2));
        s.agent.name = (n == 1).then(|| "O'Neill, \"\u{1b}[31mred\"".into());
        s.customer.number = (n != 4).then(|| format!("+358401{n}23xxxx").as_str().into());
        s.customer.withheld = n == 4;
        s.retention.until = parse_rfc3339("2126-11-24T00:00:00Z");
        let name = name_of(&s);
        let spec = WavSpec { rate: 8_000, encoding: WavEncoding::Alaw };
        let options = WriterOptions { sync: false, ..WriterOptions::default() };
        let mut w = RecordingWriter::open(&self.root(), &name, spec, s.clone(), &options).unwrap();
        w.append(&vec![0xd5; n as usize * 16_000]).unwrap();
        w.close(s).unwrap()
    }

    /// A recording has lain here longer than a sweep takes to come.
    fn age(&self, n: usize) {
        let yesterday = SystemTime::now() - Duration::from_secs(86_400);
        fs::File::options().write(true).open(self.json(n)).unwrap().set_modified(yesterday).unwrap();
    }

    fn json(&self, n: usize) -> PathBuf {
        let s = &self.sidecars[n];
        name_of(s).paths(&self.root()).json
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nauhuri"));
        for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("NAUHURI__")) {
            command.env_remove(name);
        }
        command.args(args).arg("--config").arg(&self.config).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Standard output of a command that succeeds.
    fn says(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert_eq!(out.status.code(), Some(0), "{args:?}: {}", text(&out.stderr));
        text(&out.stdout).to_owned()
    }

    /// Which recordings `list` finds, by number.
    fn found(&self, args: &[&str]) -> Vec<usize> {
        let all: Vec<&str> = ["list", "--json"].iter().chain(args).copied().collect();
        let list: Vec<Value> = serde_json::from_str(&self.says(&all)).unwrap();
        let number = |v: &Value| self.sidecars.iter().position(|s| v["id"] == s.id.to_string()).unwrap();
        list.iter().map(number).collect()
    }

    /// The command fails with this status and says this.
    fn fails(&self, args: &[&str], code: i32, part: &str) -> String {
        let out = self.run(args);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {}", text(&out.stdout));
        assert!(text(&out.stderr).contains(part), "{args:?}: {}", text(&out.stderr));
        text(&out.stdout).to_owned()
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn every_filter_of_the_contract() {
    let store = Store::new();
    let all: Vec<usize> = (0..8).collect();
    assert_eq!(store.found(&[]), all);
    for (args, want) in [
        // Local midnight is 22:00 UTC: between the fourth and the fifth.
        (&["--since", "2026-11-24"][..], &[4, 5, 6, 7][..]),
        (&["--until", "2026-11-23"], &[0, 1, 2, 3]),
        (&["--since", "2026-11-23T18:30:00Z", "--until", "2026-11-23T20:43:20Z"], &[0, 1]),
        (&["--service", "116117"], &[0, 1, 2, 3, 4, 5, 6, 7]),
        (&["--service", "general"], &[]),
        (&["--agent", "2002"], &[1, 3, 5, 7]),
        (&["--direction", "inbound", "--limit", "2"], &[6, 7]),
        (&["--direction", "outbound"], &[]),
        (&["--number", "+3584015"], &[5]),
        (&["--number", "040 15"], &[5]),
        (&["--number", "23"], &[0, 1, 2, 3, 5, 6, 7]),
        (&["--longer", "5"], &[5, 6, 7]),
        (&["--longer", "2s", "--shorter", "3s"], &[2, 3]),
        (&["--flag", "incomplete"], &[3]),
        (&["--flag", "held"], &[]),
        (&["--flag", "expiring"], &[]),
    ] {
        assert_eq!(store.found(args), want, "{args:?}");
    }
    let (id, short) = (store.sidecars[2].id.to_string(), short_hex(store.sidecars[6].id));
    assert_eq!(store.found(&[&short, &id]), [2, 6]);
    assert_eq!(store.found(&[&store.sidecars[1].call_group.to_string()]), [1]);
}

#[test]
fn a_table_an_array_and_commas() {
    let store = Store::new();
    let table = store.says(&["list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 9);
    assert!(lines[0].starts_with("ID ") && lines[0].contains("ANSWERED"));
    assert!(lines[1].starts_with(&short_hex(store.sidecars[0].id)), "{}", lines[1]);
    assert!(lines[1].contains("2026-11-23 20:30:00") && lines[1].contains("+358401023xxxx"));
    assert!(lines[4].ends_with("incomplete") && lines[5].contains("withheld"));
    assert!(!table.contains('\u{1b}'), "nothing a stranger sent moves the cursor");
    let column = lines[0].find("CUSTOMER").unwrap();
    assert!([1, 3, 6].iter().all(|n| lines[*n].is_char_boundary(column)));
    assert_eq!(lines[1].find("+358"), Some(column));

    let list: Vec<Value> = serde_json::from_str(&store.says(&["list", "--json"])).unwrap();
    let mut want: Value = serde_json::from_slice(&fs::read(store.json(0)).unwrap()).unwrap();
    want["state"] = json!("kept");
    assert_eq!(list[0], want);
    assert_eq!(store.says(&["list", "--json", "--agent", "none"]), "[]\n");

    let csv = store.says(&["list", "--csv"]);
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert!(lines[0].starts_with("id,call_group,answered_at,duration_s,service,"));
    assert_eq!((lines.len(), lines[9]), (10, ""));
    assert!(lines[2].contains(",\"O'Neill, \"\"\u{fffd}[31mred\"\"\","), "{}", lines[2]);
    assert!(lines[1].contains(",'+358401023xxxx,"), "no formula to a spreadsheet: {}", lines[1]);
    let fields = lines[1].split(',').count();
    assert_eq!(fields, lines[0].split(',').count());
    store.fails(&["list", "--csv", "--json"], 2, "cannot be used with");
}

/// What a key says.
fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// As another release or somebody's hand may have left it: a term that is none neither deletes
/// nor keeps a recording without a word.
#[test]
fn a_term_that_cannot_be_read_is_told() {
    let store = Store::new();
    let edit = |n: usize, f: &dyn Fn(&mut Value)| {
        let json = store.json(n);
        let mut value: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
        f(&mut value);
        fs::write(&json, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
    };
    let policy = |term: Value| json!({ "retention": term, "retention_bound": "keep", "timezone": null, "hide_caller_digits": 4 });
    edit(0, &|v| {
        v["policy"] = policy(json!("for ever"));
        v["retention"]["until"] = json!("2020-01-01T00:00:00Z");
    });
    store.age(0);
    edit(1, &|v| {
        v["policy"] = policy(json!(5));
        v["retention"]["until"] = Value::Null;
    });
    edit(2, &|v| v["retention"]["until"] = json!("some day"));
    let told = store.fails(&["verify"], 1, "problems found");
    let of =
        |n: usize| told.lines().filter(|l| l.contains(store.json(n).to_str().unwrap())).collect::<Vec<_>>();
    assert!(
        of(0)
            .iter()
            .any(|l| l.contains("`policy.retention` is not a valid retention period: it falls due as")),
        "{told}"
    );
    assert!(of(0).iter().any(|l| l.starts_with("overdue")), "{told}");
    assert!(
        of(1).len() == 1 && of(1)[0].contains("nobody knows when it falls due, and it is kept"),
        "{told}"
    );
    assert!(of(2)[0].contains("`retention.until` is not an RFC 3339 instant"), "{told}");
    // Listed as before: what can be read of them is.
    assert_eq!(store.found(&[])[..2], [0, 1]);
    // `retention.until` decides, and the audit log tells of it; what has none stays.
    store.says(&["expire", "--ignore-clock", "--ignore-guard"]);
    assert_eq!([0, 1, 2].map(|n| store.json(n).exists()), [false, true, true]);
    let id = store.sidecars[0].id.to_string();
    assert!(store.says(&["audit", "show", &id]).contains("expire"));
    let told = store.fails(&["verify"], 1, "problems found");
    assert!(!told.contains("overdue"), "{told}");
}

#[test]
fn states_follow_the_files() {
    let store = Store::new();
    let edit = |n: usize, f: &dyn Fn(&mut Sidecar)| {
        let mut s = Sidecar::read(&store.json(n)).unwrap();
        f(&mut s);
        let json = store.json(n);
        let folder = Folder::open(json.parent().unwrap(), Access::Owner).unwrap();
        rewrite_atomically(&folder, &json, &s).unwrap();
    };
    let long_ago = || parse_rfc3339("2020-01-01T00:00:00Z");
    edit(0, &|s| s.retention.hold = read(json!({"reason": "crime", "ref": "R/1"})));
    edit(1, &|s| s.restricted = read(json!({"ref": "R/2"})));
    edit(2, &|s| s.retention.until = long_ago());
    store.age(2);
    edit(3, &|s| {
        s.retention.until = long_ago();
        s.retention.hold = read(json!({"reason": "crime", "ref": "R/1"}));
    });
    let list: Vec<Value> = serde_json::from_str(&store.says(&["list", "--json"])).unwrap();
    let states: Vec<&str> = list.iter().map(|v| v["state"].as_str().unwrap()).collect();
    assert_eq!(states[..5], ["held", "restricted", "due", "held", "kept"]);
    assert_eq!(store.found(&["--flag", "held"]), [0, 3]);
    assert_eq!(store.found(&["--flag", "held", "--flag", "incomplete"]), [3]);
    assert_eq!(store.found(&["--flag", "restricted"]), [1]);
    assert_eq!(store.found(&["--flag", "expiring"]), [2]);
    let out = store.fails(&["verify"], 1, "1 problem found");
    assert!(out.starts_with("overdue "), "{out}");
}

#[test]
fn what_is_unknown_fails_and_what_is_known_is_shown() {
    let store = Store::new();
    let id = store.sidecars[5].id.to_string();
    let out = store.fails(&["list", &id, "00000000"], 1, "00000000: no such recording");
    assert!(out.contains(&short_hex(store.sidecars[5].id)));
    store.fails(&["show", "00000000"], 1, "no such recording");
    store.fails(&["show", "not-an-id"], 2, "UUID");
    store.fails(&["list", "--since", "yesterday"], 2, "2026-11-23");
    store.fails(&["list", "--set", "storage.dir=/nonexistent/store"], 1, "no such folder");

    store.says(&["list", "--number", "+3584015"]);
    let shown: Value = serde_json::from_str(&store.says(&["show", &id, "--json"])).unwrap();
    assert_eq!((&shown["id"], &shown["state"]), (&json!(id), &json!("kept")));
    assert_eq!(shown["path"], json!(store.json(5)));
    assert_eq!(shown["audit"][1]["action"], json!("show"));
    let text = store.says(&["show", &short_hex(store.sidecars[5].id)]);
    assert!(text.contains("2026-11-24 02:03:20 (Europe/Helsinki)") && text.contains("0:05 (5 s)"), "{text}");
    // What was looked for is in the audit log, the number is not.
    let log = fs::read_to_string(state_folder(&store.root(), None).join("audit.jsonl")).unwrap();
    assert!(log.contains("\"number\":true") && !log.contains("358401"), "{log}");
}

#[test]
fn a_deleted_one_is_said_to_be_deleted() {
    let store = Store::new();
    store.says(&["list"]);
    let storage = Storage { dir: store.root(), ..Storage::default() };
    let mut index = Archive::reopen(&Place::of(&storage)).unwrap().index;
    let row = index.get(store.sidecars[2].id).unwrap().unwrap();
    let at = Timestamp::from_parts(1_800_000_000, 0);
    index.bury(&Tombstone::of(&row, at, DeletionReason::Erased)).unwrap();
    assert_eq!(store.found(&[]), [0, 1, 3, 4, 5, 6, 7]);
    store.fails(&["show", &row.id.to_string()], 1, "deleted at 2027-01-15");
    let out = store.fails(&["verify", "--json"], 1, "1 problem found");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["counts"]["buried"], &report["ok"]), (&json!(1), &json!(false)));
    // Not even a new index takes it in.
    fs::remove_file(state_folder(&store.root(), None).join(INDEX)).unwrap();
    drop(index);
    let said = store.run(&["reindex"]);
    assert_eq!(said.status.code(), Some(0));
    assert!(text(&said.stderr).contains("7 recordings indexed"), "{}", text(&said.stderr));
    assert_eq!(store.found(&[]).len(), 7);
}

#[test]
fn a_clean_store_is_found_clean_and_a_damaged_one_damaged() {
    let store = Store::new();
    store.says(&["reindex"]);
    assert_eq!(store.says(&["verify"]), "");
    let report: Value = serde_json::from_str(&store.says(&["verify", "--json", "--sample", "3"])).unwrap();
    assert_eq!((&report["recordings"], &report["read"], &report["ok"]), (&json!(8), &json!(3), &json!(true)));
    let wav = store.json(7).with_extension("wav");
    let mut bytes = fs::read(&wav).unwrap();
    bytes[50_000] ^= 0x40;
    fs::write(&wav, bytes).unwrap();
    let out = store.fails(&["verify"], 1, "1 problem found");
    assert!(out.starts_with("hash ") && out.contains(wav.to_str().unwrap()), "{out}");
}

#[test]
fn a_store_that_was_just_filled_is_clean() {
    let store = Store::new();
    let (json, wav) = (store.json(3), store.json(3).with_extension("wav"));
    let away = |p: &PathBuf| store.dir.path().join(p.file_name().unwrap());
    for p in [&json, &wav] {
        fs::rename(p, away(p)).unwrap();
    }
    assert_eq!(store.says(&["verify"]), "", "a missing index is built");
    for p in [&wav, &json] {
        fs::rename(away(p), p).unwrap();
    }
    assert_eq!(store.says(&["verify"]), "", "what came since is taken in");
    assert_eq!(store.found(&[]).len(), 8);
}

#[test]
fn a_damaged_index_is_no_loss() {
    let store = Store::new();
    store.says(&["list"]);
    fs::write(state_folder(&store.root(), None).join(INDEX), "no database").unwrap();
    let out = store.fails(&["verify"], 1, "1 problem found");
    assert!(out.starts_with("index ") && out.contains("nauhuri reindex"), "{out}");
    assert_eq!(store.found(&[]).len(), 8);
    assert_eq!(store.says(&["verify"]), "");
}

#[test]
fn a_wrong_mount_is_refused() {
    let store = Store::new();
    let state = store.dir.path().join("state");
    let set = format!("storage.state={}", state.display());
    assert!(store.says(&["list", "--set", &set]).lines().count() == 9);
    let mounted = store.root();
    fs::rename(&mounted, store.dir.path().join("unmounted")).unwrap();
    fs::create_dir(&mounted).unwrap();
    for command in ["list", "verify", "reindex", "forecast"] {
        store.fails(&[command, "--set", &set], 1, "Is its file system mounted?");
    }
    assert_eq!(fs::read_dir(&mounted).unwrap().count(), 0, "nothing was written into it");
}

#[test]
fn many_at_once_and_a_reader_that_leaves() {
    let store = Store::new();
    store.says(&["list"]);
    let children: Vec<_> = ["list", "reindex", "verify", "list", "forecast", "list"]
        .iter()
        .map(|c| store.command(&[c]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    for child in children {
        let out = child.wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    }
    let mut child = store.command(&["list", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut byte = [0];
    child.stdout.take().unwrap().read_exact(&mut byte).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_forecast() {
    let store = Store::new();
    let report: Value = serde_json::from_str(&store.says(&["forecast", "--days", "3", "--json"])).unwrap();
    assert_eq!(report["days"].as_array().unwrap().len(), 4);
    assert!(report["free"].as_u64().unwrap() > 0 && report["exhausted_at"].is_null());
    assert!(store.says(&["forecast", "--days", "3"]).ends_with("not within 3 days\n"));
    let full = store.says(&["forecast", "--set", "storage.min_free=1000000 TiB"]);
    assert!(full.ends_with("no room is left above storage.min_free\n"), "{full}");
    store.fails(&["forecast", "--days", "0"], 2, "--days");
}

/// What is opened again is looked at again: the file system may have been unmounted meanwhile.
#[test]
fn what_stands_in_the_place_of_a_store_is_not_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (root, state) = (dir.path().join("store"), dir.path().join("state"));
    fs::create_dir(&root).unwrap();
    let place = Place { root: root.clone(), state, access: Access::Owner, id: String::new() };
    Archive::open(&place, NoIndex::Build).unwrap();
    Archive::reopen(&place).unwrap();
    fs::rename(&root, dir.path().join("unmounted")).unwrap();
    assert!(matches!(Archive::reopen(&place), Err(OpenError::NoStore { .. })));
    fs::create_dir(&root).unwrap();
    assert!(matches!(Archive::reopen(&place), Err(OpenError::Identity(_))));
}
