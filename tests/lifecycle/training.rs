//! Training copies by command: what is in them, what is not, and when they go.

use crate::lifecycle::DAY_S;
use crate::lifecycle::office::Office;
use nauhuri::archive::verify::FindingKind;
use nauhuri::custody::keeper::{LifeStep, LifeSteps};
use nauhuri::custody::training::TrainingRequest;
use nauhuri::store::training::{LABEL, SideChange, TrainingFolder};
use nauhuri::store::wav::WavEncoding;
use nauhuri::time::{NS_PER_S, Timestamp};
use serde_json::Value;
use std::path::PathBuf;
use uuid::Uuid;

fn office() -> Office {
    let office = Office::new();
    let path = office.store.outside().join("nauhuri.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("[retention]\n", "[retention]\nguard = 0\n");
    let more = "[[service]]\nname = \"clinic\"\nnumbers = [\"2\"]\nspecial_category = true\n\
        [[service]]\nname = \"strict\"\nnumbers = [\"3\"]\nreasons = [\"verify\"]\n";
    std::fs::write(&path, text + more).unwrap();
    office
}

fn make(office: &Office, id: &str, more: &[&str]) -> String {
    let base = ["training", "make", id, "--title", "A caller in a hurry"];
    let said = office.ends(0, &[&base[..], more].concat());
    assert!(said.contains(LABEL), "{said}");
    said.split(' ').next().unwrap().to_owned()
}

fn files(office: &Office) -> Vec<PathBuf> {
    let folder = office.store.state().join("training");
    if folder.exists() { crate::lifecycle::files(&folder) } else { Vec::new() }
}

fn samples(office: &Office, copy: &str) -> [Vec<i16>; 2] {
    let id = Uuid::parse_str(copy).unwrap().simple().to_string();
    let own = |path: &PathBuf| path.to_string_lossy().ends_with(&format!("{id}.wav"));
    let path = files(office).into_iter().find(own).unwrap();
    let all: Vec<i16> = hound::WavReader::open(path).unwrap().into_samples().map(Result::unwrap).collect();
    [0, 1].map(|side| all.iter().skip(side).step_by(2).copied().collect())
}

fn now() -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now())
}

#[test]
fn masked_altered_or_dropped_and_nothing_else_of_the_call() {
    let office = office();
    let id = office.record(1, -20, 100);
    let copy =
        make(&office, &id, &["--agent", "dropped", "--silence", "0.2-0.4", "--beep", "0.6-0.8:customer"]);
    let [customer, agent] = samples(&office, &copy);
    assert_eq!(customer.len(), 8_000, "as long as the recording");
    assert!(agent.iter().all(|s| *s == 0), "dropped");
    assert!(customer[1_600..3_200].iter().all(|s| *s == 0), "silenced");
    let tone = &customer[4_800..6_400];
    assert!(tone.iter().all(|s| s.abs() <= 3_000) && tone.iter().any(|s| s.abs() > 2_900), "a tone");
    let original = nauhuri::store::wav::read_info(&office.row(&id).unwrap().wav(&office.store.root)).unwrap();
    assert_eq!(original.frames(), 8_000);
    assert!(customer[..1_600].iter().any(|s| *s != 0) && customer[6_500..].iter().any(|s| *s != 0));
    // A part of it, both voices altered; none like the other copy.
    let part = make(&office, &id, &["--start", "0.25", "--end", "0.75"]);
    let [customer, agent] = samples(&office, &part);
    assert_eq!((customer.len(), agent.len()), (4_000, 4_000));
    assert!(customer.iter().any(|s| *s != 0) && agent.iter().any(|s| *s != 0));
    let list = office.json(&["training", "list", "--json"]);
    assert_eq!((list.as_array().unwrap().len(), &list[0]["id"]), (2, &part.as_str().into()));
    assert_eq!((&list[1]["label"], &list[1]["agent"]), (&LABEL.into(), &"dropped".into()));
    // No number, no name, no time of the call, not even an altered trace of where it came from but the id.
    for file in files(&office) {
        let bytes = std::fs::read(&file).unwrap();
        let at = now().offset_ns(-20 * DAY_S * NS_PER_S).to_rfc3339();
        for needle in [&crate::lifecycle::NUMBER[4..11], crate::lifecycle::AGENT, "2001_", &at[..10]] {
            let held = bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
            assert!(!held && !file.to_string_lossy().contains(needle), "{needle} in {}", file.display());
        }
    }
    office.store.assert_sound(now(), "with copies");
    office.ends(0, &["verify"]);
    office.ends(0, &["reindex"]);
    assert_eq!(office.json(&["list", "--json"]).as_array().unwrap().len(), 1, "no list has them");
    office.ends(0, &["training", "remove", &copy]);
    office.ends(1, &["training", "remove", &copy]);
    assert_eq!(files(&office).len(), 2);
    assert!(office.row(&id).is_some());
}

#[test]
fn what_makes_no_sense_or_is_not_for_training() {
    let office = office();
    let id = office.record(1, -20, 100);
    let title = ["--title", "x"];
    for (more, status) in [
        (&["--title", "040 123 4567"][..], 2),
        (&["--title", "x", "--beep", "5-4"], 2),
        (&["--title", "x", "--beep", "1-2:both"], 2),
        (&["--title", "x", "--start", "5"], 2),
        (&["--title", "x", "--start", "0.5", "--end", "0.25"], 2),
        (&["--title", "x", "--customer", "dropped", "--agent", "dropped"], 2),
        (&["--title", " "], 2),
    ] {
        office.ends(status, &[&["training", "make", &id][..], more].concat());
    }
    for (n, service) in [(2, "clinic"), (3, "strict"), (4, "gone")] {
        let days = (office.today - 20, office.today + 100);
        let other = office.store.record_as(n, days.0, days.1, service, WavEncoding::PcmS16le).to_string();
        let said = office.ends(1, &[&["training", "make", &other][..], &title].concat());
        assert!(said.contains("not for training"), "{service}: {said}");
    }
    office.ends(0, &["restrict", &id, "--ref", "B"]);
    assert!(office.ends(1, &[&["training", "make", &id][..], &title].concat()).contains("restricted"));
    assert!(files(&office).is_empty(), "nothing was made");
    let entries = office.store.audit().entries().unwrap();
    assert_eq!(entries.filter(|e| e.action == "training_make" && e.outcome == "refused").count(), 3);
}

#[test]
fn gone_when_the_source_goes() {
    let office = office();
    let [erased, expired, held] = [(1, 100), (2, -1), (3, -1)].map(|(n, until)| office.record(n, -40, until));
    for id in [&erased, &expired, &held] {
        make(&office, id, &[]);
        make(&office, id, &["--start", "0.5"]);
    }
    office.ends(0, &["hold", &held, "--reason", "crime", "--ref", "A"]);
    assert_eq!(files(&office).len(), 12);
    office.ends(0, &["erase", &erased, "--reason", "asked", "--yes"]);
    assert_eq!(files(&office).len(), 8, "erased with its source");
    let before: Vec<Vec<u8>> = files(&office).iter().map(|path| std::fs::read(path).unwrap()).collect();
    let names = files(&office);
    let swept = office.json(&["expire", "--json"]);
    assert_eq!((&swept["deleted"], &swept["training_removed"]), (&1.into(), &2.into()), "{swept}");
    assert!(office.row(&held).is_some(), "a hold keeps the recording");
    assert!(files(&office).is_empty(), "and no copy past its term");
    // A backup brings them back: the sweep knows their sources are gone.
    for (name, bytes) in names.iter().zip(&before) {
        std::fs::write(name, bytes).unwrap();
    }
    let report = office.store.report(now());
    assert!(report.counts.contains_key(&FindingKind::Buried), "{:?}", report.findings);
    office.ends(0, &["repair"]);
    assert_eq!(office.json(&["expire", "--json"])["training_removed"], 4);
    assert!(files(&office).is_empty());
    office.store.assert_sound(now(), "after all");
}

#[test]
fn what_a_crash_or_a_stranger_left_is_told_and_tended() {
    let office = office();
    let id = office.record(1, -20, 100);
    let copy = make(&office, &id, &[]);
    let folder = office.store.state().join("training");
    let finding = |kind: FindingKind| office.store.report(now()).counts.get(&kind).copied().unwrap_or(0);
    std::fs::write(folder.join("notes.txt"), "x").unwrap();
    assert_eq!(finding(FindingKind::Stray), 1);
    std::fs::remove_file(folder.join("notes.txt")).unwrap();
    let json = files(&office).into_iter().find(|p| p.extension().unwrap() == "json").unwrap();
    let wav = json.with_extension("wav");
    let mut bytes = std::fs::read(&wav).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&wav, &bytes).unwrap();
    assert_eq!(finding(FindingKind::Hash), 1);
    // Killed between the audio and its JSON: no list has it, and a later sweep removes it.
    std::fs::remove_file(&json).unwrap();
    assert_eq!(finding(FindingKind::MissingSidecar), 1);
    assert_eq!(office.json(&["training", "list", "--json"]), Value::Array(Vec::new()));
    let by = |days: i64| crate::lifecycle::by(now().offset_ns(days * DAY_S * NS_PER_S));
    office.store.keeper().tend_training(by(0).at, &by(0)).unwrap();
    assert!(wav.exists(), "somebody may be making it");
    office.store.keeper().tend_training(by(2).at, &by(2)).unwrap();
    assert!(!wav.exists());
    assert!(
        TrainingFolder::open(&office.store.root)
            .unwrap()
            .unwrap()
            .get(copy.parse().unwrap())
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_deletion_cut_short_takes_the_copies_when_it_is_completed() {
    for step in LifeStep::DELETION {
        let office = office();
        let id = office.record(1, -20, 100);
        make(&office, &id, &[]);
        let steps = LifeSteps::with(move |at| match at == step {
            true => Err(std::io::Error::other("stopped")),
            false => Ok(()),
        });
        let rows = [office.row(&id).unwrap()];
        let stopped =
            office.store.keeper().with_steps(steps).erase(&rows, "asked", None, &crate::lifecycle::by(now()));
        assert!(stopped.is_err(), "{step:?}");
        office.store.keeper().complete(true, &crate::lifecycle::by(now())).unwrap();
        assert!(files(&office).is_empty(), "{step:?}");
        office.store.assert_sound(now(), &format!("{step:?}"));
    }
}

#[test]
fn made_while_its_source_is_deleted_it_does_not_stay() {
    let office = office();
    let id = office.record(1, -20, 100);
    let row = office.row(&id).unwrap();
    office.ends(0, &["erase", &id, "--reason", "asked", "--yes"]);
    // The row as it was found before: the files are gone, and the index knows it.
    let request = TrainingRequest {
        title: "x".into(),
        customer: SideChange::Altered,
        agent: SideChange::Altered,
        start_s: None,
        end_s: None,
        spans: Vec::new(),
    };
    assert!(office.store.keeper().make_training(&row, &request, &crate::lifecycle::by(now())).is_err());
    assert!(files(&office).is_empty());
}
