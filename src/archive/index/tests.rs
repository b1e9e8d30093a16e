//! The index against the files, against itself, and against other processes.

use super::*;
use crate::archive::marks::AssuranceMark;
use crate::archive::search::{Flag, IdPart, Search};
use crate::archive::{Archive, NoIndex, Place};
use crate::config::CallDirection;
use crate::id::{Channel, short_of};
use crate::pii::Pii;
use crate::store::cases::Holds;
use crate::store::files::{Access, Folder};
use crate::store::layout::{RecordingName, Walk};
use crate::store::sidecar::{EndedBy, Stream, rewrite_atomically, write_atomically};
use crate::time::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

mod counting;

/// 2026-11-23T08:15:23Z
const T0: i64 = 1_795_421_723;

fn at(s: i64) -> Timestamp {
    Timestamp::from_parts(T0 + s, 0)
}

/// A sidecar of which `n` decides everything.
fn sidecar(n: u64) -> Sidecar {
    let every = |k: u64| n.is_multiple_of(k);
    let mut s: Sidecar = serde_json::from_str(include_str!("../../store/writer/answered.json")).unwrap();
    let answered = at(n as i64 * 7_001 % 1_000_000);
    s.id = crate::id::derived_uuid(answered, &[&n.to_be_bytes()]);
    s.call_group = crate::id::derived_uuid(at(0), &[&(n / 3).to_be_bytes()]);
    s.service = (!every(11)).then(|| ["116117", "general", "päivystys"][n as usize % 3].into());
    s.direction = [None, Some(CallDirection::Inbound), Some(CallDirection::Outbound)][n as usize % 3];
    s.agent.id = (!every(7)).then(|| format!("{}", 2000 + n % 5));
    s.customer.number = (!every(4)).then(|| format!("+35840{:03}xxxx", n % 200).as_str().into());
    s.customer.withheld = every(4);
    s.answered_at = answered;
    s.duration_s = (n % 400) as f64 + 0.25;
    s.ended_at = answered + Duration::from_secs_f64(s.duration_s);
    s.ended_by = [EndedBy::Agent, EndedBy::Customer, EndedBy::CaptureEnd][n as usize % 3];
    s.complete = !every(5);
    let stream = |channel, packets| Stream {
        channel,
        codec: "PCMA".into(),
        ssrc: "0x00000001".into(),
        source: Some("claimed".into()),
        packets,
        lost: n % 4,
        late: 0,
        duplicates: 0,
        jitter_ms: 0.0,
        skew_ppm: None,
        mos: (!every(9)).then(|| 1.0 + (n % 35) as f64 / 10.0),
    };
    s.streams = vec![stream(Channel::Customer, 50), stream(Channel::Agent, if every(6) { 0 } else { 50 })];
    s.audio.frames = n;
    s.audio.sha256 = format!("{n:064x}");
    s.retention.until = (!every(13)).then(|| at(n as i64 % 40 * 86_400));
    if every(9) {
        s.retention.hold = read(json!({"reason": "crime", "ref": "1"}));
    }
    if every(7) {
        s.assurance = read(json!({"bucket": "partial", "reasons": ["timeout"]}));
    }
    if every(11) {
        let event = json!({"at_s": 0, "kind": if every(2) { "no_announcement" } else { "encrypted" }});
        s.events = read(json!([event]));
    }
    if every(8) {
        s.restricted = read(json!({"ref": "2"}));
    }
    s
}

fn json_of(root: &Path, s: &Sidecar) -> PathBuf {
    let number = s.customer.number.as_ref().map(Pii::as_str);
    let name = RecordingName::new(s.answered_at, s.agent.id.as_deref(), number, s.id);
    name.paths(root).json
}

/// What a key says.
fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// The folder that a file is in.
fn root_of(path: &Path) -> Folder {
    Folder::open(path.parent().unwrap(), Access::Owner).unwrap()
}

fn ready(root: &Path, state: &Path) -> Index {
    let place = Place { root: root.into(), state: state.into(), access: Access::Owner, id: String::new() };
    Archive::open(&place, NoIndex::Build).unwrap().index
}

/// The pair of files; the audio is never looked at here.
fn write(root: &Path, mut s: Sidecar) -> (PathBuf, Sidecar) {
    let json = json_of(root, &s);
    s.wav = json.with_extension("wav").file_name().unwrap().to_str().unwrap().into();
    fs::create_dir_all(json.parent().unwrap()).unwrap();
    fs::write(json.with_extension("wav"), "").unwrap();
    write_atomically(&root_of(&json), &json, &s, false).unwrap();
    (json, s)
}

struct Store {
    _dir: tempfile::TempDir,
    root: PathBuf,
    state: PathBuf,
}

impl Store {
    fn new() -> Store {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        let state = mark::state_folder(&root, None);
        mark::enter(&root, &state, at(0)).unwrap();
        Store { root, state, _dir: dir }
    }

    fn with(n: u64) -> (Store, Index) {
        let store = Store::new();
        (0..n).for_each(|n| drop(write(&store.root, sidecar(n))));
        let index = ready(&store.root, &store.state);
        assert_eq!(index.count(&Search::default()).unwrap(), n);
        (store, index)
    }

    fn tombstones(&self) -> PathBuf {
        self.state.join(TOMBSTONES)
    }
}

fn all(index: &Index) -> BTreeMap<Uuid, Row> {
    index.find(&Search::default()).unwrap().into_iter().map(|r| (r.id, r)).collect()
}

fn bury(index: &mut Index, id: Uuid) -> Tombstone {
    let row = index.get(id).unwrap().unwrap();
    let t = Tombstone::of(&row, at(9), DeletionReason::Erased);
    index.bury(&t).unwrap();
    t
}

#[test]
fn a_row_is_the_sidecar() {
    let (store, index) = Store::with(200);
    for n in 0..200 {
        let s = sidecar(n);
        let path = json_of(&store.root, &s).strip_prefix(&store.root).unwrap().to_owned();
        assert_eq!(index.get(s.id).unwrap(), Some(Row::of(&path, &s)), "{n}");
    }
    let row = index.get(sidecar(72).id).unwrap().unwrap();
    assert!(row.held && row.restricted && row.one_way && row.complete && row.customer.withheld);
    assert_eq!((row.state(at(0)), row.wav_bytes), (KeptState::Restricted, 94 + 72 * 2));
}

fn searches() -> impl Strategy<Value = Search> {
    let flags = prop::sample::subsequence(
        vec![
            Flag::Held,
            Flag::Restricted,
            Flag::Incomplete,
            Flag::OneWay,
            Flag::Expiring,
            Flag::Review,
            Flag::Marked(AssuranceMark::Partial),
            Flag::Marked(AssuranceMark::NoAnnouncement),
            Flag::Marked(AssuranceMark::Undecodable),
        ],
        0..=2,
    );
    let time = || prop::option::of((0i64..1_000_000).prop_map(at));
    let length = || prop::option::of((0u64..400_000).prop_map(Duration::from_millis));
    let word = |words: &'static [&'static str]| {
        prop::option::weighted(0.3, prop::sample::select(words).prop_map(String::from))
    };
    let number = word(&["+35840", "17", "xxxx", "5840199", "'", "%"]);
    let direction = prop::option::weighted(
        0.3,
        prop::sample::select(vec![CallDirection::Inbound, CallDirection::Outbound, CallDirection::Internal]),
    );
    (
        flags,
        (time(), time()),
        (length(), length()),
        word(&["116117", "päivystys", "no"]),
        word(&["2003", "9"]),
    )
        .prop_flat_map(move |(flags, times, lengths, service, agent)| {
            (number.clone(), direction.clone()).prop_map(move |(number, direction)| Search {
                since: times.0,
                until: times.1,
                service: service.clone(),
                agent: agent.clone(),
                direction,
                number: number.into_iter().collect(),
                longer: lengths.0,
                shorter: lengths.1,
                flags: flags.clone(),
                now: at(3 * 86_400),
                ..Search::default()
            })
        })
}

#[test]
fn finds_what_matches_and_in_order() {
    let (_store, index) = Store::with(400);
    let rows: Vec<Row> = all(&index).into_values().collect();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
    runner
        .run(&searches(), |search| {
            let found = index.find(&search).unwrap();
            prop_assert!(found.is_sorted_by_key(|r| r.answered_at));
            let mut got: Vec<Uuid> = found.iter().map(|r| r.id).collect();
            let newest: Vec<Uuid> = got.iter().rev().take(3).rev().copied().collect();
            let mut want: Vec<Uuid> = rows.iter().filter(|r| search.matches(r)).map(|r| r.id).collect();
            got.sort();
            want.sort();
            prop_assert_eq!(&got, &want);
            prop_assert_eq!(index.count(&search).unwrap(), want.len() as u64);
            let (read, count) = read_in_pieces(&index, &search, Fields::All);
            prop_assert_eq!((&read, count), (&found, found.len() as u64));
            let last = Search { limit: Some(3), ..search };
            let ids = |rows: Vec<Row>| rows.into_iter().map(|r| r.id).collect::<Vec<_>>();
            prop_assert_eq!(&ids(index.find(&last).unwrap()), &newest);
            prop_assert_eq!(&ids(read_in_pieces(&index, &last, Fields::All).0), &newest);
            Ok(())
        })
        .unwrap();
}

/// The whole of an answer, and how much it was said to be.
fn read_in_pieces(index: &Index, search: &Search, fields: Fields) -> (Vec<Row>, u64) {
    let answer = index.answer(search, fields).unwrap();
    let rows = std::cell::RefCell::new(Vec::new());
    for piece in answer.pieces {
        match piece {
            Piece::Rows(read) => rows.borrow_mut().extend(read),
            Piece::Span(span) => index
                .read(span, &mut |row| rows.borrow_mut().push(row.clone()), &mut || {
                    std::ops::ControlFlow::Continue(())
                })
                .unwrap(),
        }
    }
    (rows.into_inner(), answer.count)
}

#[test]
fn a_long_answer_in_pieces_is_the_same_as_in_one() {
    let store = Store::new();
    let mut index = ready(&store.root, &store.state);
    // Many at one instant, few at others, none for long.
    let at_of = |n: u64| at(if n.is_multiple_of(3) { 5_000 } else { (n * n % 90_001) as i64 });
    let rows: Vec<Row> = (0..15_000u64)
        .map(|n| {
            let mut row = Row::of(&PathBuf::from(format!("2026/11/23/{n}.json")), &sidecar(n));
            row.answered_at = at_of(n);
            row
        })
        .collect();
    index.put_rows(&rows).unwrap();
    let agent = Some("2003".to_owned());
    for search in [
        Search::default(),
        Search { limit: Some(14_999), ..Search::default() },
        Search { limit: Some(9_000), since: Some(at(4_000)), ..Search::default() },
        Search { limit: Some(12_000), agent: agent.clone(), ..Search::default() },
        Search { limit: Some(0), ..Search::default() },
        Search { since: Some(at(5_000)), until: Some(at(5_001)), ..Search::default() },
        Search { since: Some(at(100)), until: Some(at(70_000)), ..Search::default() },
        Search { flags: vec![Flag::Incomplete], number: vec!["+358".into()], ..Search::default() },
        Search { agent, ..Search::default() },
    ] {
        let found = index.find(&search).unwrap();
        let mut want: Vec<&Row> = rows.iter().filter(|r| search.matches(r)).collect();
        want.sort_by_key(|r| r.answered_at);
        want.drain(..want.len() - want.len().min(search.limit.unwrap_or(usize::MAX)));
        let times = |rows: &mut dyn Iterator<Item = &Row>| rows.map(|r| r.answered_at).collect::<Vec<_>>();
        assert_eq!(times(&mut found.iter()), times(&mut want.into_iter()), "{search:?}");
        let unique: std::collections::HashSet<&PathBuf> = found.iter().map(|r| &r.path).collect();
        assert_eq!(unique.len(), found.len());
        let (read, count) = read_in_pieces(&index, &search, Fields::All);
        assert_eq!(count, found.len() as u64, "{search:?}");
        assert!(read == found, "{search:?}");
        let shown = read_in_pieces(&index, &search, Fields::Shown).0;
        assert!(shown.iter().map(|r| (r.id, &r.customer.number, r.state(at(9)))).eq(found.iter().map(|r| (
            r.id,
            &r.customer.number,
            r.state(at(9))
        ))));
    }
}

#[test]
fn pages_join_without_gap_or_overlap_where_many_answers_share_an_instant() {
    let store = Store::new();
    let mut index = ready(&store.root, &store.state);
    let path = |id| PathBuf::from(format!("2026/11/23/{id}.json"));
    let rows: Vec<Row> = (0..10_000u64)
        .map(|n| {
            let mut row = Row::of(&path(n), &sidecar(n));
            row.answered_at = at(n as i64 / 6_000);
            row
        })
        .collect();
    index.put_rows(&rows).unwrap();
    let found = index.find(&Search::default()).unwrap();
    assert_eq!(found.len(), rows.len());
    assert_eq!(all(&index).len(), rows.len());
    let mut seen = 0;
    index
        .each(&Search::default(), |_| {
            seen += 1;
            if seen == 4_100 { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen, 4_100);
}

#[test]
fn names_stand_for_one_a_group_or_none() {
    let (_store, index) = Store::with(30);
    let s = sidecar(4);
    let found = |id| index.find(&Search { ids: vec![id], ..Search::default() }).unwrap();
    assert_eq!(found(IdPart::Full(s.id)).len(), 1);
    assert_eq!(found(IdPart::Short(short_of(s.id)))[0].id, s.id);
    assert_eq!(found(IdPart::Full(s.call_group)).len(), 3);
    assert!(found(IdPart::Short(1)).is_empty());
    let twice = vec![IdPart::Full(s.id), IdPart::Short(short_of(s.id)), IdPart::Full(s.call_group)];
    assert_eq!(index.find(&Search { ids: twice, ..Search::default() }).unwrap().len(), 3);
    let narrowed =
        Search { ids: vec![IdPart::Full(s.id)], longer: Some(Duration::from_secs(5)), ..Search::default() };
    assert!(index.find(&narrowed).unwrap().is_empty());
}

#[test]
fn due_and_sums() {
    let (_store, index) = Store::with(300);
    let rows = all(&index);
    let now = at(20 * 86_400);
    let due = index.due_before(now, 1_000).unwrap();
    assert!(due.is_sorted_by_key(|r| r.until));
    assert_eq!(due.len(), rows.values().filter(|r| r.is_due(now)).count());
    assert_eq!(index.due_before(now, 5).unwrap(), due[..5]);
    let overdue = index.overdue(now).unwrap();
    assert_eq!((overdue.count, overdue.bytes), (due.len() as u64, due.iter().map(|r| r.wav_bytes).sum()));
    let stats = index.stats(now).unwrap();
    assert_eq!(stats.due, overdue);
    assert_eq!(stats.kept.count + stats.held.count + stats.due.count, 300);
    let weigh = |is: &dyn Fn(&&Row) -> bool| {
        let those: Vec<_> = rows.values().filter(is).collect();
        Tally { count: those.len() as u64, bytes: those.iter().map(|r| r.wav_bytes).sum() }
    };
    assert_eq!(stats.kept, weigh(&|r| !r.held && !r.is_due(now)));
    assert_eq!((stats.held, stats.restricted), (weigh(&|r| r.held), weigh(&|r| r.restricted)));
    let days = index.recorded(at(-1), at(2_000_000), 7_200).unwrap();
    assert_eq!(
        days.iter().map(|d| d.tally.bytes).sum::<u64>(),
        rows.values().map(|r| r.wav_bytes).sum::<u64>()
    );
    let soon: u64 = index.falling_due(Timestamp::FAR_FUTURE).unwrap().iter().map(|d| d.tally.count).sum();
    assert_eq!(soon as usize, rows.values().filter(|r| !r.held && r.until.is_some()).count());
}

#[test]
fn what_is_buried_is_gone_and_stays_gone() {
    let (store, mut index) = Store::with(20);
    let (json, s) = write(&store.root, sidecar(3));
    let t = bury(&mut index, s.id);
    assert_eq!(index.get(s.id).unwrap(), None);
    assert!(!index.any(&Search::of_ids([s.id])).unwrap());
    assert_eq!(index.buried_rows().unwrap()[0].json(&store.root), json);
    assert_eq!(index.tombstone(s.id).unwrap(), Some(t.clone()));
    assert!(matches!(index.put(&store.root, &json, &s), Err(IndexError::Buried { id }) if id == s.id));
    // The files are back, or were never removed.
    let back = index.find_buried_files(&store.root).unwrap();
    assert_eq!((back.len(), back[0].id, &back[0].found.paths().json), (1, s.id, &json));
    fs::remove_file(&json).unwrap();
    assert_eq!(index.find_buried_files(&store.root).unwrap()[0].id, s.id, "audio alone is found too");
    write_atomically(&root_of(&json), &json, &s, false).unwrap();

    index.forget(s.id).unwrap();
    assert!(index.buried_rows().unwrap().is_empty());
    assert_eq!(index.reconcile_all(&store.root).unwrap().buried, 1);
    drop(index);
    let rebuilt = rebuild(&store.root, &store.state, &mut |_| ()).unwrap();
    assert_eq!((rebuilt.recordings, rebuilt.buried), (19, 1));
    let index = Index::open(&store.state).unwrap();
    assert_eq!((index.get(s.id).unwrap(), index.tombstones().unwrap()), (None, vec![t]));
}

#[test]
fn yesterdays_index_brings_nothing_back() {
    let (store, mut index) = Store::with(20);
    index.scrub().unwrap();
    let copy = store.state.join("yesterday");
    fs::copy(store.state.join(INDEX), &copy).unwrap();
    let gone = sidecar(5).id;
    bury(&mut index, gone);
    index.forget(gone).unwrap();
    drop(index);
    fs::rename(&copy, store.state.join(INDEX)).unwrap();
    let mut index = Index::open(&store.state).unwrap();
    assert_eq!(index.get(gone).unwrap(), None);
    assert!(index.is_buried(gone).unwrap());
    // The row came back with the copy; the sweep is told of it.
    assert_eq!(index.buried_rows().unwrap()[0].id, gone);
    index.reconcile(&store.root).unwrap();
    assert_eq!(index.get(gone).unwrap(), None);
}

#[test]
fn yesterdays_tombstones_are_made_whole_by_the_index() {
    let (store, mut index) = Store::with(20);
    bury(&mut index, sidecar(1).id);
    let old = fs::read(store.tombstones()).unwrap();
    bury(&mut index, sidecar(2).id);
    let whole = fs::read(store.tombstones()).unwrap();
    drop(Index::open(&store.state).unwrap());
    for bytes in [old, Vec::new(), [&b"x"[..], &whole[..20], b"\n"].concat()] {
        fs::write(store.tombstones(), bytes).unwrap();
        let index = Index::open(&store.state).unwrap();
        assert_eq!(index.tombstones().unwrap().len(), 2);
        drop(index);
        let text = fs::read_to_string(store.tombstones()).unwrap();
        for n in [1, 2] {
            assert!(text.contains(&sidecar(n).id.to_string()), "{text}");
        }
    }
}

#[test]
fn a_torn_tombstone_was_never_acknowledged() {
    let (store, mut index) = Store::with(5);
    bury(&mut index, sidecar(1).id);
    let mut text = fs::read(store.tombstones()).unwrap();
    text.extend_from_slice(b"not a tombstone\n{\"id\":\"0192");
    fs::write(store.tombstones(), text).unwrap();
    let mut index = Index::open(&store.state).unwrap();
    assert_eq!(index.unreadable_tombstones().unwrap(), [2]);
    bury(&mut index, sidecar(2).id);
    assert_eq!(Index::open(&store.state).unwrap().tombstones().unwrap().len(), 2);
    assert_eq!(fs::read_to_string(store.tombstones()).unwrap().lines().count(), 3);
    assert!(!fs::read_to_string(store.tombstones()).unwrap().contains("+35840"));
}

#[test]
fn a_damaged_index_is_built_anew() {
    for damage in [&b"this is no database"[..], &[0u8; 100]] {
        let (store, mut index) = Store::with(50);
        bury(&mut index, sidecar(7).id);
        drop(index);
        let path = store.state.join(INDEX);
        fs::write(&path, damage).unwrap();
        let e = Index::open(&store.state).unwrap_err();
        assert!(e.needs_rebuild() && e.to_string().contains("nauhuri reindex"), "{e}");
        let index = ready(&store.root, &store.state);
        assert_eq!(index.count(&Search::default()).unwrap(), 49);
        assert_eq!(all(&index).len(), 49);
    }
    // Pages in the middle, the header whole.
    let (store, index) = Store::with(300);
    index.scrub().unwrap();
    drop(index);
    let path = store.state.join(INDEX);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096 * 3..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    rebuild(&store.root, &store.state, &mut |_| ()).unwrap();
    let index = Index::open(&store.state).unwrap();
    assert_eq!((all(&index).len(), index.self_check().unwrap()), (300, None));
}

#[test]
fn another_version_and_another_store_are_refused() {
    let (store, index) = Store::with(5);
    index.conn.pragma_update(None, "user_version", 77).unwrap();
    drop(index);
    let e = Index::open(&store.state).unwrap_err();
    assert!(matches!(e, IndexError::Version { found: 77, .. }), "{e}");
    ready(&store.root, &store.state);
    fs::remove_file(store.state.join(mark::MARK)).unwrap();
    mark::enter(&store.root, &store.state, at(1)).unwrap();
    let e = Index::open(&store.state).unwrap_err();
    assert!(matches!(e, IndexError::OtherStore { .. }), "{e}");
    assert!(e.needs_rebuild());
}

#[test]
fn a_rebuild_reaches_those_who_have_it_open() {
    let (store, mut daemon) = Store::with(10);
    let reader = ready(&store.root, &store.state);
    daemon.run("DELETE FROM recording", []).unwrap();
    assert!(all(&reader).is_empty());
    rebuild(&store.root, &store.state, &mut |_| ()).unwrap();
    assert_eq!(all(&reader).len(), 10);
    let (json, s) = write(&store.root, sidecar(100));
    daemon.put(&store.root, &json, &s).unwrap();
    assert_eq!(all(&reader).len(), 11);
    assert_eq!(all(&Index::open(&store.state).unwrap()).len(), 11);
}

#[test]
fn a_rebuild_that_was_killed_leaves_nothing_and_two_do_not_mix() {
    let (store, _index) = Store::with(3);
    let scratch = store.state.join("index.db.new");
    fs::write(&scratch, "+35840123xxxx").unwrap();
    let running = fs::File::open(&scratch).unwrap();
    running.lock().unwrap();
    let e = rebuild(&store.root, &store.state, &mut |_| ()).unwrap_err();
    assert!(matches!(e, IndexError::InUse { .. }), "{e}");
    drop(Index::open(&store.state).unwrap());
    assert!(scratch.exists());
    drop(running);
    drop(Index::open(&store.state).unwrap());
    assert!(!scratch.exists());
}

#[test]
fn reconciles_what_changed_and_only_that() {
    let (store, mut index) = Store::with(40);
    let quiet = index.reconcile(&store.root).unwrap();
    assert_eq!((quiet.taken, quiet.missing), (0, 0));
    let (new, _) = write(&store.root, sidecar(77));
    let (edited, mut s) = write(&store.root, sidecar(10));
    s.retention.hold = read(json!({"reason": "accident"}));
    rewrite_atomically(&root_of(&edited), &edited, &s).unwrap();
    let gone = json_of(&store.root, &sidecar(12));
    fs::remove_file(&gone).unwrap();
    fs::remove_file(gone.with_extension("wav")).unwrap();
    fs::write(new.with_file_name("20261123T081523.120Z_2001_x_00000000.json"), "{").unwrap();
    fs::write(new.with_file_name("20261123T081523.120Z_2001_x_00000000.wav"), "").unwrap();
    let done = index.reconcile(&store.root).unwrap();
    assert_eq!((done.taken, done.missing, done.unreadable), (2, 1, 1));
    assert!(index.get(s.id).unwrap().unwrap().held);
    // What vanished is not forgotten: nobody deleted it.
    assert_eq!(all(&index).len(), 41);
    assert!(index.get(sidecar(12).id).unwrap().unwrap().missing);
    assert_eq!(index.stats(Timestamp::EPOCH).unwrap().missing, 1);
    fs::remove_dir_all(edited.parent().unwrap()).unwrap();
    assert!(index.reconcile_all(&store.root).unwrap().missing > 0);
    assert_eq!(all(&index).len(), 41);
    let there = all(&index).iter().filter(|(_, row)| !row.missing).count();
    assert_eq!(there, Walk::new(&store.root).count() - 1);
}

#[test]
fn a_copy_is_not_taken_for_its_recording_and_a_moved_one_is_found() {
    let (store, mut index) = Store::with(10);
    let json = json_of(&store.root, &sidecar(4));
    let at = |folder: &str| store.root.join(folder).join(json.file_name().unwrap());
    let put = |to: &Path| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        for suffix in ["json", "wav"] {
            fs::copy(json.with_extension(suffix), to.with_extension(suffix)).unwrap();
        }
    };
    let place = |index: &Index| index.get(sidecar(4).id).unwrap().unwrap().json(&store.root);
    for folder in ["2020/01/02", "2030/01/02"] {
        put(&at(folder));
        let done = index.reconcile(&store.root).unwrap();
        assert!(done.copies >= 1 && done.taken == 0, "{done:?}");
        assert_eq!(place(&index), json);
    }
    fs::remove_file(at("2020/01/02")).unwrap();
    fs::remove_file(json.with_extension("wav")).unwrap();
    fs::remove_file(&json).unwrap();
    let done = index.reconcile(&store.root).unwrap();
    assert_eq!((done.missing, done.taken), (1, 1));
    assert_eq!(place(&index), at("2030/01/02"));
    assert!(!index.get(sidecar(4).id).unwrap().unwrap().missing);
}

#[test]
fn nothing_of_what_was_forgotten_is_left_in_the_files() {
    let (store, mut index) = Store::with(50);
    let s = sidecar(6);
    let secret = "+35840006xxxx";
    let holds = |store: &Store| {
        fs::read_dir(&store.state).unwrap().any(|e| {
            let bytes = fs::read(e.unwrap().path()).unwrap();
            bytes.windows(secret.len()).any(|w| w == secret.as_bytes())
        })
    };
    assert!(holds(&store));
    bury(&mut index, s.id);
    index.forget(s.id).unwrap();
    assert!(index.scrub().unwrap());
    assert!(!holds(&store));
}

#[test]
fn two_writers_wait_for_one_another() {
    let (store, _index) = Store::with(1);
    std::thread::scope(|scope| {
        for part in 0..4u64 {
            let store = &store;
            scope.spawn(move || {
                let mut index = Index::open(&store.state).unwrap();
                for n in 0..25 {
                    let (json, s) = write(&store.root, sidecar(1_000 + part * 100 + n));
                    index.put(&store.root, &json, &s).unwrap();
                    if n % 5 == 0 {
                        bury(&mut index, s.id);
                    }
                }
            });
        }
    });
    let index = Index::open(&store.state).unwrap();
    assert_eq!((all(&index).len(), index.tombstones().unwrap().len()), (81, 20));
    assert_eq!(fs::read_to_string(store.tombstones()).unwrap().lines().count(), 20);
}

/// What may happen to a store.
#[derive(Clone, Debug)]
enum Deed {
    Record(u64),
    Hold(u64, bool),
    Delete(u64),
    /// Its files come back from a copy.
    Restore(u64),
    Reconcile,
    Reopen,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let n = || 0u64..12;
    let deed = prop_oneof![
        4 => n().prop_map(Deed::Record),
        2 => (n(), any::<bool>()).prop_map(|(n, on)| Deed::Hold(n, on)),
        2 => n().prop_map(Deed::Delete),
        1 => n().prop_map(Deed::Restore),
        1 => Just(Deed::Reconcile),
        1 => Just(Deed::Reopen),
    ];
    prop::collection::vec(deed, 1..30)
}

fn play(store: &Store, index: &mut Index, deed: Deed) {
    let json = |n| json_of(&store.root, &sidecar(n));
    match deed {
        Deed::Record(n) if !json(n).exists() => {
            let (json, s) = write(&store.root, sidecar(n));
            match index.put(&store.root, &json, &s) {
                Ok(()) | Err(IndexError::Buried { .. }) => {}
                Err(e) => panic!("{e}"),
            }
        }
        Deed::Hold(n, on) if json(n).exists() => {
            let mut s = Sidecar::read(&json(n)).unwrap();
            s.retention.hold = if on { read(json!({"reason": "dsar"})) } else { Holds::default() };
            rewrite_atomically(&root_of(&json(n)), &json(n), &s).unwrap();
            drop(index.put(&store.root, &json(n), &s));
        }
        Deed::Delete(n) if index.get(sidecar(n).id).unwrap().is_some() => {
            bury(index, sidecar(n).id);
            fs::remove_file(json(n)).unwrap();
            fs::remove_file(json(n).with_extension("wav")).unwrap();
            index.forget(sidecar(n).id).unwrap();
        }
        Deed::Restore(n) if index.is_buried(sidecar(n).id).unwrap() => drop(write(&store.root, sidecar(n))),
        Deed::Reconcile => drop(index.reconcile(&store.root).unwrap()),
        Deed::Reopen => *index = ready(&store.root, &store.state),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn built_anew_or_kept_up_it_is_the_same(deeds in deeds()) {
        let store = Store::new();
        let mut index = ready(&store.root, &store.state);
        for deed in deeds {
            play(&store, &mut index, deed);
        }
        let kept_up = all(&index);
        let tombstones = index.tombstones().unwrap();
        rebuild(&store.root, &store.state, &mut |_| ()).unwrap();
        prop_assert_eq!(all(&index), kept_up);
        prop_assert_eq!(index.tombstones().unwrap(), tombstones.clone());
        fs::remove_file(store.state.join(INDEX)).unwrap();
        let index = ready(&store.root, &store.state);
        prop_assert_eq!(index.tombstones().unwrap(), tombstones);
    }
}
