//! Files as a call of each kind makes them.

use super::*;
use crate::config::{Config, Storage};
use crate::pii::Pii;
use crate::store::layout::PART;
use crate::store::sidecar::{Agent, Audio, Customer, EndedBy, RetentionRecord, SipInfo};
use crate::store::writer;
use crate::time::Timestamp;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A context that writes below `root`, as the recorder does or as a replay.
fn context(root: &Path, encoding: Encoding, prompt: bool) -> Arc<Context> {
    let storage = Storage { dir: root.to_owned(), encoding, min_free: 0, ..Storage::default() };
    let config = Config { storage, ..Config::default() };
    Arc::new(if prompt { Context::recording(&config) } else { Context::replaying(&config) })
}

fn sidecar(id: Uuid) -> Sidecar {
    let at = Timestamp::from_parts(1_700_000_000, 0);
    Sidecar {
        schema: crate::store::sidecar::SCHEMA,
        id,
        call_group: id,
        wav: Pii::default(),
        service: None,
        direction: None,
        agent: Agent { id: None, name: None },
        customer: Customer { number: None, withheld: true },
        dialled: None,
        answered_at: at,
        ended_at: at,
        duration_s: 0.0,
        ended_by: EndedBy::Agent,
        complete: true,
        sip: SipInfo { call_id: None },
        audio: Audio::begin(8000, WavEncoding::PcmS16le),
        streams: Vec::new(),
        events: Vec::new(),
        retention: RetentionRecord::default(),
        policy: None,
        restricted: Default::default(),
        amendments: Default::default(),
        paused_s: 0.0,
        undecoded: None,
        assurance: None,
        before_agent_s: None,
        before_agent_leg: None,
        extra: Pii::default(),
    }
}

fn deck(context: &Arc<Context>, n: u32) -> FileDeck {
    let id = Uuid::from_u128(u128::from(n));
    let name = RecordingName::new(Timestamp::from_parts(1_700_000_000, n), None, None, id);
    FileDeck::new(Arc::clone(context), name, sidecar(id))
}

fn files(root: &Path) -> Vec<PathBuf> {
    let day = root.join("2023/11/14");
    let mut all: Vec<_> = std::fs::read_dir(day).into_iter().flatten().flatten().map(|e| e.path()).collect();
    all.sort();
    all
}

/// One block of a tape: 100 ms, a tone or nothing on both channels.
fn block(is_loud: bool) -> Vec<i16> {
    (0..1600).map(|i| if is_loud { (i % 40) * 100 + 1 } else { 0 }).collect()
}

/// What a call of these blocks is in the file, headers left out, written the plain way.
fn plainly(encoding: WavEncoding, blocks: &[bool]) -> Vec<u8> {
    let mut bytes = Vec::new();
    blocks.iter().for_each(|b| encoding.encode_into(&block(*b), &mut bytes));
    bytes
}

#[test]
fn silence_takes_no_room_and_the_file_is_the_same() {
    let patterns: &[&[bool]] = &[
        &[false; 100],
        &[true; 20],
        &[&[true][..], &[false; 100], &[true]].concat(),
        &[&[false; 33][..], &[true; 3], &[false; 44]].concat(),
        &[&[true, false].repeat(30)[..], &[false; 25]].concat(),
    ];
    for (encoding, wav) in [(Encoding::PcmS16le, WavEncoding::PcmS16le), (Encoding::G711, WavEncoding::Alaw)]
    {
        for prompt in [true, false] {
            for (n, blocks) in patterns.iter().enumerate() {
                let dir = tempfile::tempdir().unwrap();
                let context = context(dir.path(), encoding, prompt);
                let mut deck = deck(&context, n as u32);
                deck.note_heard(true, true);
                deck.start(8000, Some(Law::A));
                blocks.iter().for_each(|b| deck.append(&block(*b)));
                if prompt && wav == WavEncoding::PcmS16le {
                    let held = context.health.open_bytes();
                    let all = blocks.len() as u64 * 3200;
                    assert!(held <= all && held + 32_000 > all, "{held} of {all} are there after a crash");
                }
                let done = deck.close(|frames| Sidecar { duration_s: frames as f64, ..sidecar(Uuid::nil()) });
                let done = done.unwrap();
                assert_eq!(done.audio.frames, blocks.len() as u64 * 800, "{blocks:?}");
                let path = files(dir.path()).into_iter().find(|p| p.extension().is_some_and(|e| e == "wav"));
                let path = path.unwrap();
                let bytes = std::fs::read(&path).unwrap();
                let want = plainly(wav, blocks);
                assert!(bytes.ends_with(&want), "{encoding:?} {prompt} {blocks:?}");
                assert!(bytes.len() - want.len() < 100);
                assert_eq!(done.audio.sha256, crate::store::wav::sha256_hex(&path).unwrap());
                let (on_disk, loud) =
                    (path.metadata().unwrap().blocks() * 512, blocks.iter().filter(|b| **b).count());
                if wav == WavEncoding::PcmS16le {
                    assert!(on_disk <= 8192 + 12_288 * loud as u64, "{on_disk} bytes for {loud} loud blocks");
                }
                assert_eq!(context.health.open_bytes(), 0);
            }
        }
    }
}

#[test]
fn a_call_of_one_packet_has_no_file_until_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path(), Encoding::PcmS16le, true);
    let mut deck = deck(&context, 1);
    deck.note_heard(false, false);
    deck.start(8000, None);
    deck.append(&block(true));
    for _ in 0..600 {
        deck.append(&block(false));
    }
    assert!(files(dir.path()).is_empty() && !deck.has_file());
    let done = deck.close(|_| sidecar(Uuid::nil())).unwrap();
    assert_eq!((done.audio.frames, files(dir.path()).len()), (601 * 800, 2));
}

/// Which evidence makes a file: `(both heard, more than one packet, loud)`.
#[test]
fn a_call_has_a_file_as_soon_as_it_has_shown_to_be_one() {
    for (both, again, loud, has_file) in [
        (true, false, false, true),
        (false, true, true, true),
        (false, true, false, false),
        (false, false, true, false),
        (true, true, true, true),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let context = context(dir.path(), Encoding::PcmS16le, true);
        let mut deck = deck(&context, 1);
        deck.note_heard(both, again);
        deck.start(8000, None);
        deck.append(&block(loud));
        assert_eq!(deck.has_file(), has_file, "{both} {again} {loud}");
        let parts = files(dir.path()).iter().filter(|p| p.to_string_lossy().ends_with(PART)).count();
        assert_eq!(parts, if has_file { 2 } else { 0 });
        deck.discard();
        assert!(files(dir.path()).is_empty());
    }
}

#[test]
fn what_is_taken_back_before_there_is_a_file_is_not_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path(), Encoding::PcmS16le, true);
    let mut deck = deck(&context, 1);
    deck.start(8000, None);
    deck.append(&block(false));
    deck.append(&block(true));
    deck.truncate(900);
    deck.patch(10, Channel::Agent, &[0; 100]);
    deck.patch(850, Channel::Customer, &[0; 50]);
    deck.patch(700, Channel::Agent, &[5; 10]);
    deck.note_heard(true, true);
    deck.append(&block(false));
    let done = deck.close(|_| sidecar(Uuid::nil())).unwrap();
    let wav = files(dir.path()).into_iter().find(|p| p.extension().is_some_and(|e| e == "wav")).unwrap();
    let bytes = std::fs::read(wav).unwrap();
    let mut want: Vec<i16> = [block(false), block(true)[..200].to_vec(), block(false)].concat();
    (850..900).for_each(|f| want[2 * f] = 0);
    (700..710).for_each(|f| want[2 * f + 1] = 5);
    let want: Vec<u8> = want.iter().flat_map(|s| s.to_le_bytes()).collect();
    assert_eq!(done.audio.frames, 1700);
    assert!(bytes.ends_with(&want));
}

/// Many that end at once are finished together, and as whole as one that ends alone.
#[test]
fn prepared_and_published() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path(), Encoding::PcmS16le, true);
    let prepared: Vec<PreparedRecording> = (1..=20)
        .map(|n| {
            let mut deck = deck(&context, n);
            deck.note_heard(true, true);
            deck.start(8000, None);
            deck.append(&block(true));
            deck.prepare(|_| sidecar(Uuid::from_u128(u128::from(n)))).unwrap()
        })
        .collect();
    let unnamed =
        |ending: &str| files(dir.path()).iter().filter(|p| p.to_string_lossy().ends_with(ending)).count();
    assert_eq!((unnamed(".wav.part"), unnamed(".json")), (20, 0));
    writer::sync_store(dir.path()).unwrap();
    for p in prepared {
        p.publish(&context).unwrap();
    }
    assert_eq!((unnamed(PART), unnamed(".new"), unnamed(".wav"), unnamed(".json")), (0, 0, 20, 20));
    for json in files(dir.path()).into_iter().filter(|p| p.extension().is_some_and(|e| e == "json")) {
        let s = Sidecar::read(&json).unwrap();
        let wav = json.with_extension("wav");
        assert_eq!(s.audio.sha256, crate::store::wav::sha256_hex(&wav).unwrap());
    }
}
