//! A careless or hostile hand on the host: root's commands, links, forged rows, lost audio.

use crate::lifecycle::office::Office;
use crate::lifecycle::{everything, files};
use nauhuri::store::files::Access;
use nauhuri::store::wav::WavEncoding;
use nauhuri::store::writer::WriterOptions;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

/// An account of the service that no machine has.
const SERVICE: (u32, u32) = (4_242, 4_343);

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn give_to_the_service(office: &Office) {
    for path in everything(&office.store.root) {
        chown(path, Some(SERVICE.0), Some(SERVICE.1)).unwrap();
    }
}

/// What somebody else's file is.
fn state_of(path: &Path) -> (Vec<u8>, u32, u32, u32, u64) {
    let m = fs::metadata(path).unwrap();
    (fs::read(path).unwrap(), m.mode(), m.uid(), m.gid(), m.nlink())
}

#[test]
fn whatever_root_does_stays_the_services() {
    if !is_root() {
        return;
    }
    for umask in ["000", "077", "777"] {
        let office = Office::new();
        let (id, other) = (office.record(1, -20, 100), office.record(2, -10, 100));
        office.ends(0, &["list"]);
        give_to_the_service(&office);
        let (held, cases) = (["--reason", "crime", "--ref", "A"], ["--ref", "B"]);
        for args in [
            vec!["list", "--json"],
            [&["hold", &id][..], &held].concat(),
            [&["restrict", &id][..], &cases].concat(),
            [&["unrestrict", &id][..], &cases].concat(),
            vec!["release", &id, "--ref", "A", "--yes"],
            vec!["retention", "apply", "--service", "116117", "--yes"],
            vec!["training", "make", &id, "--title", "x"],
            vec!["training", "list"],
            vec!["dsar", "list"],
            vec!["reindex"],
            vec!["expire", "--ignore-guard"],
            vec!["erase", &other, "--reason", "asked", "--yes"],
            vec!["repair"],
            vec!["show", &id],
            vec!["verify"],
        ] {
            let shell = format!("umask {umask}; exec \"$@\"");
            let mut command = std::process::Command::new("sh");
            command.args(["-c", &shell, "sh", env!("CARGO_BIN_EXE_nauhuri")]).args(&args);
            command.arg("--config").arg(office.store.outside().join("nauhuri.toml"));
            let out = command.output().unwrap();
            assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
            for path in everything(&office.store.root) {
                let m = fs::symlink_metadata(&path).unwrap();
                let what = format!("{umask}, {args:?}: {}", path.display());
                assert_eq!((m.uid(), m.gid()), SERVICE, "{what}");
                if path != office.store.root {
                    let mode = if m.is_dir() { 0o700 } else { 0o600 };
                    assert_eq!(m.mode() & 0o7777, mode, "{what}");
                }
            }
        }
    }
}

#[test]
fn a_link_in_the_state_leads_nobody_anywhere() {
    let office = Office::new();
    let id = office.record(1, -20, 100);
    office.ends(0, &["hold", &id, "--reason", "crime", "--ref", "A"]);
    let state = office.store.state();
    let json =
        files(&office.store.root).into_iter().find(|p| p.extension().is_some_and(|e| e == "json")).unwrap();
    let names = [
        // The one that is a folder, once there is a copy.
        "training",
        "audit.lock",
        "audit.jsonl",
        "audit.head",
        "audit.head.new",
        "audit.key",
        "audit.key.new",
        "audit.keys",
        "room.db",
        "room.db-wal",
        "room.db-shm",
        "room.db-journal",
        "dsar.db",
        "dsar.db-wal",
        "dsar.db-shm",
        "dsar.db-journal",
        "dsar.key",
        "dsar.key.new",
        "unrecorded.jsonl",
        "edit.lock",
        "edit.turn",
        "index.lock",
        "index.db",
        "index.db-wal",
        "index.db-shm",
        "index.db.new",
        "tombstones.jsonl",
        "tombstones.jsonl.new",
        "clock-believed",
        "clock-believed.new",
        "store-id",
        "lock",
    ];
    let places =
        names.iter().map(|name| state.join(name)).chain([json.clone(), json.with_added_extension("new")]);
    let victim = office.store.outside().join("victim");
    let nowhere = office.store.outside().join("nowhere");
    for place in places {
        for hard in [false, true] {
            for target in [&victim, &nowhere] {
                fs::write(&victim, "somebody else's").unwrap();
                fs::set_permissions(&victim, Permissions::from_mode(0o604)).unwrap();
                let kept = fs::read(&place).ok();
                drop(fs::remove_file(&place));
                match (hard, target == &victim) {
                    (true, true) => fs::hard_link(target, &place).unwrap(),
                    (true, false) => continue,
                    (false, _) => symlink(target, &place).unwrap(),
                }
                let before = state_of(&victim);
                for args in [
                    &["list"][..],
                    &["hold", &id, "--reason", "crime", "--ref", "B"],
                    &["restrict", &id, "--ref", "B"],
                    &["expire", "--ignore-clock"],
                    &["verify"],
                    &["reindex"],
                    &["repair"],
                    &["audit", "verify"],
                    &["unrecorded"],
                    &["dsar", "list"],
                    &["training", "make", &id, "--title", "x"],
                    &["training", "list"],
                    #[cfg(feature = "room")]
                    &["user", "list"],
                ] {
                    let out = office.run(args);
                    let what = format!("{} hard {hard}: {args:?}: {out:?}", place.display());
                    let (bytes, mode, uid, gid, _) = state_of(&victim);
                    assert_eq!((&bytes, mode, uid, gid), (&before.0, before.1, before.2, before.3), "{what}");
                    assert!(!nowhere.exists(), "{what}");
                    assert!(out.status.code().is_some_and(|code| code < 2), "{what}");
                }
                drop(fs::remove_file(&place));
                fs::remove_file(&victim).unwrap();
                if let Some(kept) = kept {
                    fs::write(&place, kept).unwrap();
                }
            }
        }
    }
}

#[test]
fn a_folder_that_is_a_link_is_not_entered() {
    let office = Office::new();
    let id = office.record(1, -20, 100);
    office.ends(0, &["list"]);
    let day = files(&office.store.root)
        .iter()
        .find(|p| p.extension().is_some_and(|e| e == "wav"))
        .unwrap()
        .parent()
        .unwrap()
        .to_owned();
    for linked in [day.clone(), day.parent().unwrap().parent().unwrap().to_owned(), office.store.state()] {
        let away = office.store.outside().join("away");
        fs::rename(&linked, &away).unwrap();
        symlink(&away, &linked).unwrap();
        let before: Vec<_> = everything(&away)
            .iter()
            .filter(|p| p.is_file())
            .map(|p| (p.clone(), fs::read(p).unwrap()))
            .collect();
        for args in [
            &["erase", &id, "--reason", "asked", "--yes"][..],
            &["hold", &id, "--reason", "crime", "--ref", "B"],
            &["expire", "--ignore-clock", "--ignore-guard"],
            &["verify"],
        ] {
            assert_eq!(
                office.run(args).status.code(),
                Some(if args[0] == "expire" && linked != office.store.state() { 0 } else { 1 }),
                "{}: {args:?}",
                linked.display()
            );
        }
        for (path, bytes) in before {
            assert_eq!(fs::read(&path).unwrap(), bytes, "{}", path.display());
        }
        fs::remove_file(&linked).unwrap();
        fs::rename(&away, &linked).unwrap();
    }
    // By its way it is all there again.
    office.ends(0, &["reindex"]);
    office.ends(0, &["erase", &id, "--reason", "asked", "--yes"]);
}

#[test]
fn a_forged_row_reaches_no_file_outside_and_no_other_recording() {
    let office = Office::new();
    let (id, other) = (office.record(1, -20, -1), office.record(2, -10, 100));
    office.ends(0, &["list"]);
    let outside = office.store.outside().join("outside");
    fs::create_dir(&outside).unwrap();
    let pair: Vec<PathBuf> =
        files(&office.store.root).into_iter().filter(|p| !p.starts_with(office.store.state())).collect();
    let (mine, others): (Vec<_>, Vec<_>) = pair.iter().partition(|p| p.to_string_lossy().contains(&id[28..]));
    for path in &mine {
        let suffix = path.extension().unwrap();
        fs::copy(path, outside.join("victim").with_extension(suffix)).unwrap();
    }
    let others_json = others.iter().find(|p| p.extension().is_some_and(|e| e == "json")).unwrap();
    let forged = [
        "../outside/victim.json".to_owned(),
        "2026/11/../../../outside/victim.json".to_owned(),
        outside.join("victim.json").display().to_string(),
        others_json.strip_prefix(&office.store.root).unwrap().display().to_string(),
    ];
    let whole = uuid::Uuid::parse_str(&id).unwrap();
    let before: Vec<_> = files(&outside)
        .into_iter()
        .chain(others.iter().map(|p| p.to_path_buf()))
        .map(|p| (p.clone(), fs::read(p).unwrap()))
        .collect();
    for path in forged {
        for args in [
            &["erase", &id, "--reason", "asked", "--yes"][..],
            &["expire", "--ignore-clock", "--ignore-guard", "--dry-run"],
            &["expire", "--ignore-clock", "--ignore-guard"],
            &["hold", &id, "--reason", "crime", "--ref", "B"],
            &["restrict", &id, "--ref", "B"],
            &["show", &id],
            &["list", "--json"],
            &["verify"],
        ] {
            let db = rusqlite::Connection::open(office.store.state().join("index.db")).unwrap();
            db.execute(
                "UPDATE recording SET path = ?1 WHERE id = ?2",
                rusqlite::params![path, whole.as_bytes()],
            )
            .unwrap();
            drop(db);
            let out = office.run(args);
            for (path, bytes) in &before {
                assert_eq!(&fs::read(path).unwrap(), bytes, "{args:?}: {out:?}");
            }
        }
    }
    assert!(office.row(&other).is_some());
}

#[test]
fn an_erasure_that_meets_no_audio_says_so() {
    let office = Office::new();
    let (id, other, last) =
        (office.record(1, -20, 100), office.record(2, -10, 100), office.record(3, -200, -1));
    let wav_of = |id: &str| office.row(id).unwrap().wav(&office.store.root);
    for id in [&id, &last] {
        let wav = wav_of(id);
        fs::rename(&wav, wav.with_file_name(format!("copy-{}.wav", &id[28..]))).unwrap();
    }
    let said = office.ends(1, &["erase", &id, &other, "--reason", "asked", "--yes"]);
    assert!(said.contains(&format!("{id}: no audio was found")), "{said}");
    assert!(!said.contains(&format!("{other}: no audio")), "{said}");
    assert!(office.row(&id).is_none() && office.row(&other).is_none());
    let told = office.json(&["audit", "show", "--action", "erase", "--json"]);
    assert_eq!(told[0]["detail"]["no_audio_found"][0].as_str(), Some(id.as_str()));
    let said = office.ends(0, &["expire", "--ignore-clock"]);
    assert!(said.contains(&format!("{last}: no audio was found")), "{said}");
    // What lies on is found.
    assert!(office.ends(1, &["verify"]).contains("missing_sidecar"));
}

#[test]
fn a_search_that_cannot_find_anything_is_a_mistake() {
    let office = Office::new();
    office.record(1, -20, 100);
    let said = office.ends(2, &["list", "--service", "nosuch"]);
    assert!(said.contains("nosuch") && said.contains("116117"), "{said}");
    for (since, until) in [("2026-11-24", "2026-11-23"), ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z")] {
        let said = office.ends(2, &["list", "--since", since, "--until", until]);
        assert!(said.contains("--since must lie before --until"), "{said}");
        office.ends(2, &["erase", "--since", since, "--until", until, "--reason", "x", "--yes"]);
    }
    office.ends(0, &["list", "--since", "2026-11-23", "--until", "2026-11-23"]);
    // A service of another time is known as long as it has recordings.
    let old = office.store.record_as(7, office.today - 5, office.today + 5, "helpline", WavEncoding::Alaw);
    assert!(office.ends(0, &["list", "--service", "helpline"]).contains(&old.to_string()[28..]));
}

#[test]
fn an_export_is_nobody_elses() {
    let office = Office::new();
    let id = office.record(1, -20, 100);
    let to = office.store.outside().join("case");
    office.ends(0, &["export", &id, "--to", to.to_str().unwrap(), "--reason", "asked"]);
    for path in everything(&to) {
        let m = fs::metadata(&path).unwrap();
        let mode = if m.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(m.mode() & 0o777, mode, "{}", path.display());
    }
}

#[test]
fn whoever_may_not_is_told_how() {
    if !is_root() {
        return;
    }
    let office = Office::new();
    let id = office.record(1, -20, 100);
    office.ends(0, &["list"]);
    give_to_the_service(&office);
    fs::set_permissions(office.store.outside(), Permissions::from_mode(0o755)).unwrap();
    for mode in [0o700, 0o750, 0o755] {
        fs::set_permissions(&office.store.root, Permissions::from_mode(mode)).unwrap();
        for args in [&["list"][..], &["show", &id], &["audit", "verify"], &["verify"]] {
            // Of the service's group, and somebody else.
            for (uid, gid) in [(4_999, SERVICE.1), (4_999, 4_999)] {
                let mut command = office.command(args);
                let out = command.uid(uid).gid(gid).output();
                // The program itself may lie where only root reaches it.
                let Ok(out) = out else { return };
                let said = String::from_utf8_lossy(&out.stderr).into_owned();
                assert_eq!(out.status.code(), Some(1), "{said}");
                assert!(said.contains("sudo -u '#4242' nauhuri"), "{said}");
            }
        }
    }
}

#[test]
fn what_is_wrong_is_found_and_mended() {
    if !is_root() {
        return;
    }
    let office = Office::new();
    let (id, other) = (office.record(1, -20, 100), office.record(2, -10, 100));
    office.ends(0, &["list"]);
    give_to_the_service(&office);
    office.ends(0, &["verify"]);
    let (json, wav) = (
        office.row(&id).unwrap().json(&office.store.root),
        office.row(&other).unwrap().wav(&office.store.root),
    );
    let day = json.parent().unwrap();
    chown(&json, Some(0), Some(0)).unwrap();
    chown(day.parent().unwrap(), Some(0), None).unwrap();
    chown(office.store.state().join("audit.jsonl"), Some(0), Some(0)).unwrap();
    fs::set_permissions(&wav, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(day, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(office.store.state().join("index.db"), Permissions::from_mode(0o644)).unwrap();
    let found = office.run(&["verify", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    // SQLite gives its other files the mode of the first.
    let modes = found["counts"]["mode"].as_u64().unwrap();
    assert!(found["counts"]["owner"] == 3 && (3..=5).contains(&modes), "{found}");
    let mended = office.json(&["repair", "--json"]);
    let modes = mended["modes"].as_u64().unwrap();
    assert!(mended["owners"] == 3 && (3..=5).contains(&modes), "{mended}");
    office.ends(0, &["verify"]);
    let told = office.json(&["audit", "show", "--action", "repair", "--json"]);
    assert_eq!(told[0]["detail"], serde_json::json!({ "owners": 3, "modes": modes }));
    let mended = office.json(&["repair", "--json"]);
    assert_eq!((mended["owners"].as_u64(), mended["modes"].as_u64()), (Some(0), Some(0)), "{mended}");
}

#[test]
fn the_group_reads_what_it_may() {
    let office = Office::new();
    let options = WriterOptions { sync: false, access: Access::Group, ..WriterOptions::default() };
    let id = office
        .store
        .write(1, office.today - 5, office.today + 50, "116117", WavEncoding::Alaw, &options)
        .to_string();
    let set = ["--set", "storage.group_read=true"];
    office.ends(0, &[&["hold", &id, "--reason", "crime", "--ref", "A"][..], &set].concat());
    office.ends(0, &[&["verify"][..], &set].concat());
    for path in everything(&office.store.root) {
        let m = fs::metadata(&path).unwrap();
        let mode = match (path.starts_with(office.store.state()), m.is_dir()) {
            (true, true) => 0o700,
            (true, false) => 0o600,
            (false, true) => 0o750,
            (false, false) => 0o640,
        };
        let got = m.mode() & 0o777;
        assert!(
            got == mode || path == office.store.root && got & 0o050 == 0o050,
            "{}: {got:o}",
            path.display()
        );
    }
    // Without it they are too open, until they are mended.
    assert!(office.ends(1, &["verify"]).contains("nauhuri repair"));
    office.ends(0, &["repair"]);
    office.ends(0, &["verify"]);
    office.ends(0, &[&["repair"][..], &set].concat());
    office.ends(0, &[&["verify"][..], &set].concat());
    let said = office.ends(0, &[&["check"][..], &set].concat());
    assert!(said.contains("group_read") && said.contains("without a trace"), "{said}");
}
