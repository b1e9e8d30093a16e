//! Copies: whole, cut, silenced, zipped; refused where restricted; nothing half-written.

use crate::lifecycle::{AGENT, Store, audio, by, day, files};
use nauhuri::custody::audit::Why;
use nauhuri::custody::export::{ExportError, ExportRequest};
use nauhuri::id::Channel;
use nauhuri::store::cases::HoldReason;
use nauhuri::store::wav::{WavEncoding, read_info, sha256_hex};
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

fn order(to: &Path) -> ExportRequest {
    let why = Why {
        reason: Some("request 17/2026".into()),
        recipient: Some("police".into()),
        basis: Some("806/2011".into()),
        case: None,
    };
    ExportRequest { to: to.to_owned(), why, ..ExportRequest::default() }
}

fn with(folder: &Path, suffix: &str) -> PathBuf {
    files(folder).into_iter().find(|p| p.to_str().unwrap().ends_with(suffix)).unwrap()
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

/// Every file is listed with its hash, and the other way round.
fn assert_listed(folder: &Path) {
    let manifest = manifest(folder);
    let listed: Vec<&Value> = manifest["recordings"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|r| r["files"].as_array().unwrap())
        .collect();
    assert_eq!(listed.len() + 1, files(folder).len());
    for file in listed {
        let path = folder.join(file["name"].as_str().unwrap());
        assert_eq!(sha256_hex(&path).unwrap(), file["sha256"].as_str().unwrap());
        assert_eq!(fs::metadata(&path).unwrap().len(), file["bytes"].as_u64().unwrap());
    }
}

#[test]
fn a_copy_stays_out_of_the_store_and_tells_nobody_of_a_case() {
    let store = Store::new();
    let id = store.record(1, -10, 100);
    let row = store.row(id).unwrap();
    let of_its_day = row.json(&store.root).parent().unwrap().to_owned();
    std::os::unix::fs::symlink(&store.root, store.outside().join("link")).unwrap();
    for to in [of_its_day, store.state().join("new"), store.root.clone(), store.outside().join("link/new/er")]
    {
        let e = store.keeper().export(std::slice::from_ref(&row), &order(&to), &by(day(0))).unwrap_err();
        assert!(matches!(e, ExportError::Inside(_)), "{e}");
    }
    assert_eq!(store.files().len(), 2);
    store
        .keeper()
        .hold(std::slice::from_ref(&row), HoldReason::Crime, "6400/R/1", None, &by(day(0)))
        .unwrap();
    let to = store.outside().join("out");
    store.keeper().export(&[row], &order(&to), &by(day(0))).unwrap();
    assert_listed(&to);
    let meta: Value =
        serde_json::from_slice(&fs::read(to.join(store.row(id).unwrap().path.file_name().unwrap())).unwrap())
            .unwrap();
    assert_eq!(
        (meta["id"].as_str(), &meta["retention"]["hold"]),
        (Some(id.to_string().as_str()), &Value::Null)
    );
    assert!(files(&to).iter().all(|p| !String::from_utf8_lossy(&fs::read(p).unwrap()).contains("6400/R/1")));
    assert!(store.sidecar(id).retention.hold.is_set(), "the original has it");
}

#[test]
fn whole_is_byte_for_byte() {
    let store = Store::new();
    let ids = [store.record(1, -10, 100), store.record(2, -10, 100)];
    let before: Vec<_> = store
        .files()
        .iter()
        .map(|p| (fs::read(p).unwrap(), fs::metadata(p).unwrap().modified().unwrap()))
        .collect();
    let rows: Vec<_> = ids.iter().filter_map(|id| store.row(*id)).collect();
    let to = store.outside().join("out");
    let done = store.keeper().export(&rows, &order(&to), &by(day(0))).unwrap();
    assert_eq!((done.recordings, done.path.clone()), (2, to.join("manifest.json")));
    assert_eq!(done.sha256, sha256_hex(&done.path).unwrap());
    assert_listed(&to);
    for row in &rows {
        let name = row.path.with_extension("wav");
        assert_eq!(sha256_hex(&to.join(name.file_name().unwrap())).unwrap(), row.sha256);
    }
    let text = fs::read_to_string(with(&to, ".txt")).unwrap();
    assert!(text.contains(AGENT) && text.contains("whole recording, unchanged"), "{text}");
    assert_eq!(manifest(&to)["recipient"], "police");
    let after: Vec<_> = store
        .files()
        .iter()
        .map(|p| (fs::read(p).unwrap(), fs::metadata(p).unwrap().modified().unwrap()))
        .collect();
    assert!(before == after, "the original is not touched");
    let told = store.audit().entries_for(ids[0]).unwrap().last().unwrap();
    assert_eq!((told.action.as_str(), told.why.basis.as_deref()), ("export", Some("806/2011")));
    // A folder that holds an export already is left alone.
    let again = store.keeper().export(&rows, &order(&to), &by(day(0)));
    assert!(matches!(again, Err(ExportError::Exists(_))));
    assert_listed(&to);
}

#[test]
fn a_copy_says_that_it_was_paused() {
    let store = Store::new();
    let id = store.record(1, -10, 100);
    let row = store.row(id).unwrap();
    let path = store.files().into_iter().find(|p| p.extension().is_some_and(|e| e == "json")).unwrap();
    let mut s: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    s["events"] = serde_json::json!([{ "at_s": 1.0, "kind": "pause", "end_s": 4.2, "by": "key" }]);
    s["paused_s"] = 3.2.into();
    fs::write(&path, s.to_string()).unwrap();
    let to = store.outside().join("out");
    store.keeper().export(&[row], &order(&to), &by(day(0))).unwrap();
    let text = fs::read_to_string(with(&to, ".txt")).unwrap();
    assert!(text.contains("Paused") && text.contains("3.2 s: the recording was paused"), "{text}");
}

#[test]
fn a_part_and_a_silenced_party() {
    for encoding in WavEncoding::ALL {
        let store = Store::new();
        let id = store.record_as(1, -10, 100, "116117", encoding);
        let row = store.row(id).unwrap();
        let to = store.outside().join("out");
        let order = ExportRequest {
            start_s: Some(0.25),
            end_s: Some(0.5),
            silence: Some(Channel::Agent),
            ..order(&to)
        };
        store.keeper().export(&[row], &order, &by(day(0))).unwrap();
        assert_listed(&to);
        let wav = with(&to, ".wav");
        let info = read_info(&wav).unwrap();
        assert!(info.is_sound());
        assert_eq!((info.frames(), info.spec.rate, info.spec.encoding), (2000, 8000, encoding));
        let bytes = fs::read(&wav).unwrap();
        let (frame, sample) = (info.spec.frame_bytes(), encoding.sample_bytes());
        let original = audio(1).repeat(frame / 2);
        let got = &bytes[info.data_offset as usize..];
        for (i, piece) in got.chunks(frame).enumerate() {
            let want = &original[(2000 + i) * frame..][..sample];
            assert_eq!(&piece[..sample], want, "the customer stays as recorded");
            assert!(piece[sample..].iter().all(|b| *b == encoding.silence()));
        }
        assert_eq!(manifest(&to)["recordings"][0]["silenced"], "agent");
        assert_eq!(manifest(&to)["recordings"][0]["whole"], false);
    }
}

#[test]
fn a_part_reads_in_another_reader() {
    let store = Store::new();
    let row = store.row(store.record_as(1, -10, 100, "116117", WavEncoding::PcmS16le)).unwrap();
    let to = store.outside().join("out");
    let order = ExportRequest { end_s: Some(0.1), silence: Some(Channel::Customer), ..order(&to) };
    store.keeper().export(&[row], &order, &by(day(0))).unwrap();
    let mut reader = hound::WavReader::open(with(&to, ".wav")).unwrap();
    assert_eq!(reader.duration(), 800);
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    assert!(samples.iter().step_by(2).all(|s| *s == 0));
    assert!(samples.iter().skip(1).step_by(2).any(|s| *s != 0));
}

#[test]
fn one_zip_holds_it_all() {
    let store = Store::new();
    let row = store.row(store.record(1, -10, 100)).unwrap();
    let to = store.outside().join("out");
    let done =
        store.keeper().export(&[row], &ExportRequest { zip: true, ..order(&to) }, &by(day(0))).unwrap();
    assert_eq!(files(&to), std::slice::from_ref(&done.path));
    assert_eq!(done.sha256, sha256_hex(&done.path).unwrap());
    let mut zip = zip::ZipArchive::new(fs::File::open(&done.path).unwrap()).unwrap();
    let unpacked = store.outside().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    for i in 0..zip.len() {
        let mut file = zip.by_index(i).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        fs::write(unpacked.join(file.name().unwrap().as_ref()), bytes).unwrap();
    }
    assert_listed(&unpacked);
}

#[test]
fn restricted_altered_and_empty_are_refused_and_leave_nothing() {
    let store = Store::new();
    let (open, closed) = (store.record(1, -10, 100), store.record(2, -10, 100));
    let mut keeper = store.keeper();
    let rows = [store.row(open).unwrap(), store.row(closed).unwrap()];
    keeper.restrict(&rows[1..], "17", None, &by(day(0))).unwrap();
    let to = store.outside().join("out");
    // By the file, whatever the row says that was read before.
    let refused = keeper.export(&rows, &order(&to), &by(day(0)));
    assert!(matches!(refused, Err(ExportError::Restricted(ids)) if ids == [closed]));
    assert!(!to.exists());
    let told = store.audit().entries_for(closed).unwrap().last().unwrap();
    assert_eq!((told.action.as_str(), told.outcome.as_str()), ("export", "refused"));

    let beyond = ExportRequest { start_s: Some(5.0), ..order(&to) };
    assert!(matches!(keeper.export(&rows[..1], &beyond, &by(day(0))), Err(ExportError::Empty { .. })));
    assert_eq!(files(&to).len(), 0);

    // The second of two is not what it was: the first one goes too.
    keeper.unrestrict(&rows[1..], "17", None, &by(day(0))).unwrap();
    let wav = rows[1].wav(&store.root);
    let mut bytes = fs::read(&wav).unwrap();
    bytes[5000] ^= 1;
    fs::write(&wav, bytes).unwrap();
    for zip in [false, true] {
        let order = ExportRequest { zip, ..order(&to) };
        let altered = keeper.export(&rows, &order, &by(day(0)));
        assert!(matches!(altered, Err(ExportError::Altered(id)) if id == closed));
        assert_eq!(files(&to).len(), 0);
    }
    let told = store.audit().entries_for(open).unwrap().last().unwrap();
    assert_eq!((told.action.as_str(), told.outcome.as_str()), ("export", "failed"));
    assert!(store.audit().verify().unwrap().is_sound());
}
