//! Names from friendly and hostile callers, and a walk over a littered store.

use super::*;
use crate::id::derived_uuid;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn at() -> Timestamp {
    Timestamp::from_parts(1_795_421_723, 120_999_999)
}

fn name(agent: &str, customer: Option<&str>) -> RecordingName {
    RecordingName::new(at(), Some(agent), customer, derived_uuid(at(), &[b"x"]))
}

#[test]
fn names_as_the_contract_has_them() {
    let n = name("2001", Some("+35840123xxxx"));
    let short = short_hex(derived_uuid(at(), &[b"x"]));
    assert_eq!(n.stem(), format!("20261123T081523.120Z_2001_+35840123xxxx_{short}"));
    assert_eq!(n.folder(Path::new("/r")), Path::new("/r/2026/11/23"));
    assert!(n.paths(Path::new("/r")).json_part.to_string_lossy().ends_with(&format!("{short}.json.part")));
    assert!(name("2001", None).stem().contains("_2001_withheld_"));
}

#[test]
fn strangers_cannot_leave_the_folder_or_break_the_fields() {
    for agent in [
        "../../etc/passwd",
        "a/b",
        "a_b_c",
        "..",
        ".",
        "\0",
        "ä ö\n",
        "%2e%2e",
        "a\\b",
        "-rf",
        &"9".repeat(500),
    ] {
        let n = name(agent, Some("../x_y\u{202e}"));
        assert!(!n.stem().contains('/') && n.stem().split('_').count() == 4, "{}", n.stem());
        assert!(n.stem().is_ascii() && n.stem().len() < 200);
        let parsed = parse_stem(n.stem()).unwrap();
        assert_eq!(parsed.answered_at.as_ms(), at().as_ms());
        assert_eq!(n.paths(Path::new("/r")).wav.parent(), Some(Path::new("/r/2026/11/23")));
    }
    assert!(name("", Some("")).stem().contains("_unknown_unknown_"));
    let parsed = parse_stem(name("", Some("")).stem()).unwrap();
    assert_eq!((parsed.agent, parsed.customer, parsed.withheld), (None, None, false));
}

#[test]
fn parses_only_its_own_names() {
    for bad in [
        "",
        "20261123T081523.120Z_2001_x",
        "20261123T081523.120Z_2001_x_0123456g",
        "20261323T081523.120Z_2001_x_01234567",
        "20261123T081523,120Z_2001_x_01234567",
        "20261123T081523.120Z__x_01234567",
        "20261123T081523.120Z_2001_x_01234567_8",
        "2026112xT081523.120Z_2001_x_01234567",
        "ä0261123T081523.120Z_2001_x_0123456",
    ] {
        assert_eq!(parse_stem(bad), None, "{bad}");
    }
    let p = parse_stem("20251026T003000.000Z_2001_withheld_01234567").unwrap();
    assert!(p.withheld && p.customer.is_none());
    assert_eq!(p.answered_at, Timestamp::from_parts(1_761_438_600, 0));
}

/// REQUIREMENTS 2.4: both display 03:30 in Helsinki.
#[test]
fn the_repeated_hour_of_autumn_neither_collides_nor_sorts_wrong() {
    let id = derived_uuid(at(), &[b"same"]);
    let stem = |s| RecordingName::new(Timestamp::from_parts(s, 0), Some("2001"), None, id).stem().to_owned();
    assert!(stem(1_761_438_600) < stem(1_761_442_200));
}

#[test]
fn folders_are_of_their_mode_and_made_once() {
    for (access, mode) in [(Access::Owner, 0o700), (Access::Group, 0o750)] {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        for sync in [true, false] {
            let store = Folder::make(&root, access).unwrap();
            let folder = store.make_below(&day_folder(at()), sync).unwrap();
            assert_eq!(folder.path(), root.join("2026/11/23"));
        }
        for f in ["store", "store/2026", "store/2026/11", "store/2026/11/23"] {
            assert_eq!(fs::metadata(dir.path().join(f)).unwrap().permissions().mode() & 0o777, mode, "{f}");
        }
    }
}

#[test]
fn what_is_a_place_and_what_leads_elsewhere() {
    let good = "2026/11/23/20261123T081523.120Z_2001_withheld_deadbeef.json";
    assert_eq!(parse_place(good), Some(Path::new(good)));
    for wrong in [
        "",
        "2026/11/23",
        "2026/11/23/.json",
        "2026/11/23/x.wav",
        "/2026/11/23/x.json",
        "2026/11/23//x.json",
        "2026/11/23/y/x.json",
        "../outside/victim.json",
        "2026/11/../x.json",
        "2026/11/23/../x.json",
        "2026/11/23/..json",
        "2026/11/2x/x.json",
        "02026/11/23/x.json",
        ".nauhuri/11/23/x.json",
        "2026/11/23/x\0.json",
        "/etc/passwd",
    ] {
        assert_eq!(parse_place(wrong), None, "{wrong}");
    }
}

#[test]
fn walks_in_order_and_passes_over_what_is_not_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let put = |p: &str| {
        let p = dir.path().join(p);
        fs::create_dir_all(p.parent().unwrap()).unwrap();
        fs::write(p, "").unwrap();
    };
    for f in [
        "2026/11/23/b.wav",
        "2026/11/23/b.json",
        "2026/11/23/b.json.new",
        "2026/11/23/a.wav.part",
        "2026/11/23/a.json.part",
        "2026/11/23/a.json.part.new",
        "2026/11/23/notes.txt",
        "2026/11/23/c.wav.part.new",
        "2026/02/01/only.wav",
        "2025/12/31/only.json",
        "2025/12/31/.wav",
        ".nauhuri/2025/12/31/x.wav",
        "2026/11/x/y.wav",
        "2026/11/23/24/y.wav",
    ] {
        put(f);
    }
    fs::create_dir(dir.path().join("2026/11/23/folder.wav")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("2025"), dir.path().join("2024")).unwrap();
    let found: Vec<NameFiles> = Walk::new(dir.path()).map(|f| f.unwrap()).collect();
    let seen: Vec<(&str, NameState)> = found.iter().map(|f| (f.stem.as_str(), f.state())).collect();
    assert_eq!(
        seen,
        [
            ("", NameState::OrphanWav),
            ("only", NameState::OrphanJson),
            ("only", NameState::OrphanWav),
            ("a", NameState::Part),
            ("b", NameState::Finished),
        ]
    );
    assert!(found[4].json_new && found[3].json_part_new);
    assert_eq!(Walk::new(&dir.path().join("nowhere")).count(), 0);
}

#[test]
fn existing_recordings_are_known_by_id_whatever_their_name() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let n = name("2001", Some("+35840xxxx"));
    assert!(!Existing::default().contains(root, &n).unwrap());
    fs::create_dir_all(n.folder(root)).unwrap();
    fs::write(n.paths(root).wav_part, "").unwrap();
    let mut existing = Existing::default();
    assert!(existing.contains(root, &n).unwrap());
    assert!(existing.contains(root, &name("2001", None)).unwrap());
    let other = RecordingName::new(at(), Some("2001"), None, derived_uuid(at(), &[b"y"]));
    assert!(!existing.contains(root, &other).unwrap());
}
