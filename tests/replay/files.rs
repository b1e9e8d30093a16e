//! Capture files as tools write them: several of one time, pieces of one, without
//! times, of other links.

use crate::common::ladder::{AGENTS, Dialog, Scene, Side, write_pcap};
use crate::common::rng::Rng;
use crate::common::run::{Run, files, replay, replay_stdin};
use crate::common::voice::Voice;
use Side::{Callee, Caller};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Calls one over the other, with talk both ways.
fn busy(calls: u16) -> Scene {
    let mut s = Scene::new();
    for n in 1..=calls {
        let (d, from) = (Dialog::new(n), f64::from(n) * 700.0);
        d.answered(&mut s, from, from + 500.0);
        s.media(&Voice::of(&d, Caller, u64::from(n)).talk(from + 501.3, from + 2500.0));
        s.media(&Voice::of(&d, Callee, u64::from(n) + 100).talk(from + 507.9, from + 2500.0));
        d.bye(&mut s, from + 2500.0, if n % 2 == 0 { Caller } else { Callee });
    }
    s
}

/// Which file a frame goes to, by its number and its bytes.
type Deal<'a> = dyn FnMut(usize, &[u8]) -> usize + 'a;

/// The frames dealt out to files, in order of time within each.
fn dealt(frames: &[(i64, Vec<u8>)], deal: &mut Deal<'_>) -> (TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    let mut piles: Vec<Vec<(i64, Vec<u8>)>> = Vec::new();
    for (i, f) in frames.iter().enumerate() {
        let n = deal(i, &f.1);
        piles.resize(piles.len().max(n + 1), Vec::new());
        piles[n].push(f.clone());
    }
    let paths = (0..piles.len()).map(|n| dir.path().join(format!("{n}.pcap"))).collect::<Vec<_>>();
    for (path, pile) in paths.iter().zip(&piles) {
        write_pcap(path, pile);
    }
    (dir, paths)
}

/// Every file of a run with its bytes.
fn bytes(run: &Run) -> Vec<(PathBuf, Vec<u8>)> {
    let short = |p: &Path| p.strip_prefix(&run.dir).unwrap().to_path_buf();
    files(&run.dir).iter().map(|p| (short(p), std::fs::read(p).unwrap())).collect()
}

#[track_caller]
fn gives_the_same(whole: &Run, paths: &[PathBuf]) {
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let run = replay(AGENTS, &paths);
    assert_eq!(bytes(&run), bytes(whole), "{} files", paths.len());
    assert_eq!(run.summary()["time_went_back"], 0);
    assert_eq!(run.summary()["packets"], whole.summary()["packets"]);
    assert!(run.stderr().is_empty(), "{}", run.stderr());
}

#[test]
fn files_of_one_time_are_one_capture_in_any_order() {
    let scene = busy(3);
    let (whole, frames) = (scene.replay(AGENTS), scene.ordered());
    assert_eq!(whole.recordings.len(), 3);
    assert!(whole.recordings.iter().all(|r| r.json["complete"] == true));
    // A TAP's two directions; signalling and media; anything at all.
    let direction = |f: &[u8]| usize::from(f[26] == 192);
    let media = |f: &[u8]| usize::from(f[42] & 0xC0 == 0x80);
    let mut rng = Rng::new(5);
    let mut deals: [Box<Deal<'_>>; 4] = [
        Box::new(move |_, f| direction(f)),
        Box::new(move |_, f| media(f)),
        Box::new(move |_, f| 2 * direction(f) + media(f)),
        Box::new(move |_, _| rng.below(30) as usize),
    ];
    for deal in &mut deals {
        let (_keep, mut paths) = dealt(&frames, deal);
        gives_the_same(&whole, &paths);
        paths.reverse();
        gives_the_same(&whole, &paths);
        paths.rotate_left(1);
        gives_the_same(&whole, &paths);
    }
}

#[test]
fn pieces_of_a_ring_buffer_are_put_in_order() {
    let scene = busy(2);
    let (whole, frames) = (scene.replay(AGENTS), scene.ordered());
    // More than are kept open, and fewer.
    for size in [frames.len() / 5, frames.len() / 60] {
        let (_keep, mut paths) = dealt(&frames, &mut |i, _| i / size);
        paths.sort_by_key(|p| p.to_string_lossy().bytes().rev().collect::<Vec<_>>());
        gives_the_same(&whole, &paths);
    }
}

#[test]
fn a_broken_stamp_holds_no_other_file_up() {
    let scene = busy(2);
    let mut frames = scene.ordered();
    let place = frames.len() / 2;
    for stamp in [4_000_000_000_000_000_000, 1_000_000_000] {
        frames[place].0 = stamp;
        let (_keep, paths) = dealt(&frames, &mut |i, _| i % 3);
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        let run = replay(AGENTS, &paths);
        assert_eq!(run.recordings.len(), 2, "{}", run.stdout());
        for r in &run.recordings {
            assert!((r.number("/duration_s") - 2.0).abs() < 0.021, "{}", r.json);
            assert_eq!(r.json["complete"], true, "{}", r.json);
        }
    }
}

#[test]
fn a_file_whose_stamps_run_backwards_keeps_its_order() {
    let scene = busy(1);
    let mut frames = scene.ordered();
    for pair in frames.chunks_exact_mut(2).skip(4).step_by(3) {
        pair.swap(0, 1);
    }
    let (_keep, paths) = dealt(&frames, &mut |_, f| usize::from(f[26] == 192));
    let run = replay(AGENTS, &[&paths[1], &paths[0]]);
    assert!((run.only().number("/duration_s") - 2.0).abs() < 0.021);
}

#[test]
fn a_cut_file_among_whole_ones_is_told_and_the_rest_recorded() {
    let scene = busy(1);
    let (_keep, paths) = dealt(&scene.ordered(), &mut |_, f| usize::from(f[26] == 192));
    let whole = std::fs::read(&paths[1]).unwrap();
    std::fs::write(&paths[1], &whole[..whole.len() / 2]).unwrap();
    let run = replay(AGENTS, &[&paths[0], &paths[1]]);
    assert!(run.stderr().contains("1.pcap") && !run.stderr().contains("0.pcap"), "{}", run.stderr());
    assert_eq!(run.summary()["warnings"].as_array().unwrap().len(), 1);
    assert_eq!(run.recordings.len(), 1);
}

/// A pcapng of Ethernet packets; `times`: enhanced blocks, else simple ones.
fn pcapng(frames: &[(i64, Vec<u8>)], links: &[u16], times: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let block = |out: &mut Vec<u8>, kind: u32, body: &[u8]| {
        let len = 12 + body.len().next_multiple_of(4) as u32;
        out.extend([kind.to_le_bytes(), len.to_le_bytes()].concat());
        out.extend(body);
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(len.to_le_bytes());
    };
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
    block(&mut out, 0x0A0D_0D0A, &words(&[0x1A2B_3C4D, 1, u32::MAX, u32::MAX]));
    for link in links {
        block(&mut out, 1, &words(&[u32::from(*link), 0]));
    }
    for (i, (at, data)) in frames.iter().enumerate() {
        let (us, len) = ((at / 1000) as u64, data.len() as u32);
        let head = match times {
            true => words(&[(i % links.len()) as u32, (us >> 32) as u32, us as u32, len, len]),
            false => words(&[len]),
        };
        block(&mut out, if times { 6 } else { 3 }, &[head, data.clone()].concat());
    }
    out
}

#[track_caller]
fn refused(bytes: &[u8], said: &str) {
    let run = replay_stdin(AGENTS, bytes);
    assert_eq!(run.output.status.code(), Some(1), "{}", run.stdout());
    assert!(run.stderr().contains(said), "{}", run.stderr());
    assert!(run.recordings.is_empty());
}

#[test]
fn packets_without_times_are_no_calls() {
    let frames = busy(1).ordered();
    refused(&pcapng(&frames, &[1], false), "Simple Packet Blocks");
    let unset: Vec<_> = frames.iter().map(|f| (0, f.1.clone())).collect();
    refused(&pcapng(&unset, &[1], true), "2000");
    let since_boot: Vec<_> = frames.iter().map(|f| (f.0 - frames[0].0, f.1.clone())).collect();
    refused(&pcapng(&since_boot, &[1], true), "2000");
    let run = replay_stdin(AGENTS, &pcapng(&frames, &[1], true));
    assert_eq!(run.recordings.len(), 1, "{}", run.stderr());
}
