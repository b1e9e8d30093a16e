//! Files as tools write them: two of one time, cut by a snap length, of another link type,
//! without times, with several packets in one datagram. What cannot be read is said.

use crate::common::files::{is_sip, nflog, pcap, pcap_cut, pcapng, super_packets};
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, addr, ns, write_pcap};
use crate::common::oracle::check;
use crate::common::run::{Run, replay_with};
use crate::common::voice::Voice;
use crate::kit::*;
use std::path::PathBuf;

/// Captures of these bytes, replayed in this order, whatever comes of it.
fn run_of(files: &[Vec<u8>], args: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..files.len()).map(|i| dir.path().join(format!("{i}.pcap"))).collect();
    for (path, bytes) in paths.iter().zip(files) {
        std::fs::write(path, bytes).unwrap();
    }
    let paths: Vec<_> = paths.iter().map(PathBuf::as_path).collect();
    replay_with(AGENTS, &paths, args, &[])
}

fn one_call(n: u16) -> (Vec<(i64, Vec<u8>)>, Sent) {
    let mut s = Scene::new();
    let sent = call(&mut s, &Dialog::new(n), 1000.0, 4000.0);
    (s.ordered(), sent)
}

type Frames = Vec<(i64, Vec<u8>)>;

/// The frames shared out by `which`.
fn shared(frames: &Frames, n: usize, which: impl Fn(usize, &[u8]) -> usize) -> Vec<Frames> {
    let mut out = vec![Vec::new(); n];
    for (i, f) in frames.iter().enumerate() {
        out[which(i, &f.1)].push(f.clone());
    }
    out
}

#[track_caller]
fn whole(run: &Run, sent: &Sent) {
    assert!(run.output.status.success(), "{}", run.stderr());
    let r = run.only();
    spans(r, 1000.0, 4000.0, "customer");
    parties(r, "2001", "inbound", CUSTOMER);
    inbound(r, sent);
    complete(r, true);
    for channel in ["customer", "agent"] {
        assert_eq!(streams(r, channel), (1, 150, 0), "{}", r.json["streams"]);
    }
    assert_eq!(run.summary()["time_went_back"], 0);
}

#[test]
fn files_of_one_time_are_merged_by_their_stamps() {
    let (frames, sent) = one_call(1);
    let from_agent = |f: &[u8]| usize::from(f[26..30] == [192, 0, 2, 20]);
    let ways = shared(&frames, 2, |_, f| from_agent(f));
    let media_first = shared(&frames, 2, |_, f| usize::from(is_sip(f)));
    let three = shared(&frames, 3, |_, f| if is_sip(f) { 2 } else { from_agent(f) });
    let by_turns = shared(&frames, 4, |i, _| i % 4);
    for mut parts in [ways, media_first, three, by_turns] {
        for _ in 0..parts.len() {
            parts.rotate_left(1);
            let files: Vec<_> = parts.iter().map(|p| pcap(1, usize::MAX, p)).collect();
            whole(&run_of(&files, &["--json"]), &sent);
        }
        parts.reverse();
        // One of them as a pcapng.
        let mut files: Vec<_> = parts.iter().map(|p| pcap(1, usize::MAX, p)).collect();
        let ng: Vec<_> = parts[0].iter().map(|(at, f)| (0, Some(*at), f.clone())).collect();
        files[0] = pcapng(&[1], &ng);
        whole(&run_of(&files, &["--json"]), &sent);
    }
}

#[test]
fn files_of_one_time_after_another_need_no_order() {
    let (frames, sent) = one_call(2);
    let pieces: Vec<_> = frames.chunks(60).map(|c| pcap(1, usize::MAX, c)).collect();
    whole(&run_of(&pieces, &["--json"]), &sent);
    let mut back = pieces.clone();
    back.reverse();
    whole(&run_of(&back, &["--json"]), &sent);
    let mut mixed = pieces;
    mixed.rotate_left(2);
    mixed.swap(0, 1);
    whole(&run_of(&mixed, &["--json"]), &sent);
}

#[test]
fn files_that_overlap_are_merged_and_their_copies_known() {
    // The ring of two recorders, each with some seconds of the other's.
    let (frames, sent) = one_call(3);
    let n = frames.len();
    let files = [pcap(1, usize::MAX, &frames[..n * 2 / 3]), pcap(1, usize::MAX, &frames[n / 3..])];
    for files in [files.clone(), [files[1].clone(), files[0].clone()]] {
        let run = run_of(&files, &["--json"]);
        spans(run.only(), 1000.0, 4000.0, "customer");
        inbound(run.only(), &sent);
        complete(run.only(), true);
        assert_eq!(streams(run.only(), "customer"), (1, 150, 0));
    }
}

#[test]
fn two_captures_hours_apart_are_both_recorded() {
    let mut s = Scene::new();
    let one = call(&mut s, &Dialog::new(4), 1000.0, 4000.0);
    let mut later = Scene::new();
    let two = call(&mut later, &Dialog::new(5), 20_001_000.0, 20_004_000.0);
    let files = [pcap(1, usize::MAX, &s.ordered()), pcap(1, usize::MAX, &later.ordered())];
    for files in [files.clone(), [files[1].clone(), files[0].clone()]] {
        let run = run_of(&files, &["--json"]);
        let [a, b] = &run.recordings[..] else { panic!("{}", run.stdout()) };
        spans(a, 1000.0, 4000.0, "customer");
        spans(b, 20_001_000.0, 20_004_000.0, "customer");
        inbound(a, &one);
        inbound(b, &two);
        assert_eq!(run.summary()["time_went_back"], 0);
    }
}

#[test]
fn files_joined_one_behind_the_other_are_told_and_what_to_do() {
    let (frames, sent) = one_call(7);
    let halves = shared(&frames, 2, |i, _| i % 2);
    let joined: Frames = halves.iter().flatten().cloned().collect();
    let run = run_of(&[pcap(1, usize::MAX, &joined)], &["--json"]);
    assert!(warnings(&run).contains("reordercap"), "{}", warnings(&run));
    let files: Vec<_> = halves.iter().map(|h| pcap(1, usize::MAX, h)).collect();
    let run = run_of(&files, &["--json"]);
    whole(&run, &sent);
    assert!(!warnings(&run).contains("reordercap"));
}

/// Packets of media cut to so many bytes of the frame: which of them, by index.
fn media_cut(to: usize, which: impl Fn(usize, &[u8]) -> bool) -> (Run, Sent, usize) {
    let (frames, sent) = one_call(6);
    let cut = |i: usize, f: &[u8]| !is_sip(f) && which(i, f);
    let n = frames.iter().enumerate().filter(|(i, f)| cut(*i, &f.1)).count();
    let bytes = pcap_cut(1, &frames, |i, f| if cut(i, f) { to } else { f.len() });
    (run_of(&[bytes], &["--json"]), sent, n)
}

#[test]
fn media_cut_by_the_snap_length_is_told_and_not_whole() {
    for to in [134, 54, 60, 213] {
        let (run, _, n) = media_cut(to, |_, _| true);
        let r = run.only();
        complete(r, false);
        spans(r, 1000.0, 4000.0, "customer");
        for channel in ["customer", "agent"] {
            let (_, packets, lost) = streams(r, channel);
            // Cut to its headers a packet is still counted, or its channel is not.
            assert!(packets == 150 && lost == 0 || to == 54, "{to} {}", r.json["streams"]);
        }
        let said = warnings(&run);
        assert!(said.contains("snap") && said.contains(&n.to_string()), "{said}");
        assert!(run.stderr().contains("snap"), "standard error: {}", run.stderr());
        assert!(run.output.status.success());
    }
}

#[test]
fn one_cut_packet_or_one_cut_direction_is_not_whole() {
    let (run, sent, n) = media_cut(134, |i, _| i == 100);
    assert_eq!(n, 1);
    complete(run.only(), false);
    assert!(warnings(&run).contains("snap"), "{}", warnings(&run));
    let whole = if check(run.only(), "customer", &sent[0]).is_ok() { "customer" } else { "agent" };
    check(run.only(), whole, &sent[usize::from(whole == "agent")]).unwrap();
    let (run, sent, n) = media_cut(134, |_, f| f[26..30] == [192, 0, 2, 20]);
    assert_eq!(n, 150);
    complete(run.only(), false);
    check(run.only(), "customer", &sent[0]).unwrap();
}

#[test]
fn a_cut_trailer_of_the_link_is_no_loss() {
    // Padding or a checksum of Ethernet behind the datagram, which the capture does not keep.
    let (mut frames, sent) = one_call(7);
    for (_, f) in &mut frames {
        f.extend_from_slice(&[0, 0, 0, 0]);
    }
    let bytes = pcap_cut(1, &frames, |_, f| f.len() - 4);
    whole(&run_of(&[bytes], &["--json"]), &sent);
}

#[test]
fn a_capture_cut_all_over_says_why_nothing_came_of_it() {
    for snap in [96, 68] {
        let (frames, _) = one_call(8);
        let run = run_of(&[pcap(1, snap, &frames)], &["--json"]);
        assert!(run.output.status.success(), "{}", run.stderr());
        assert!(run.recordings.is_empty());
        let said = run.summary()["warnings"].to_string();
        let n = frames.iter().filter(|f| f.1.len() > snap).count().to_string();
        assert!(said.contains("snap") && said.contains(&n), "{said}");
        assert!(run.stderr().contains("snap"), "{}", run.stderr());
    }
    // The answer can still be read at 96 bytes: the call is counted somewhere.
    let (frames, _) = one_call(8);
    let s = run_of(&[pcap(1, 96, &frames)], &["--json"]).summary();
    let counted: u64 = s["unrecorded"].as_object().unwrap().values().filter_map(|v| v.as_u64()).sum();
    assert!(counted + s["failed"].as_array().map_or(0, Vec::len) as u64 > 0, "{s}");
}

#[test]
fn a_link_type_that_is_not_read_is_told() {
    let (frames, sent) = one_call(9);
    let wrapped: Frames = frames.iter().map(|(at, f)| (*at, nflog(f))).collect();
    for (link, name) in [(239, "NFLOG"), (147, ""), (105, "")] {
        let run = run_of(&[pcap(link, usize::MAX, &wrapped)], &["--json"]);
        if link == 239 && run.output.status.success() {
            whole(&run, &sent);
            continue;
        }
        assert_eq!(run.output.status.code(), Some(1), "{link}: {}", run.stderr());
        let said = run.stderr();
        let count = wrapped.len().to_string();
        assert!(said.contains(&link.to_string()) && said.contains(name) && said.contains(&count), "{said}");
        assert!(run.recordings.is_empty());
    }
}

#[test]
fn one_interface_that_is_not_read_leaves_the_others() {
    let (frames, sent) = one_call(10);
    for order in [[1_u16, 147], [147, 1]] {
        let ethernet = u32::from(order[1] == 1);
        let mut packets: Vec<_> = frames.iter().map(|(at, f)| (ethernet, Some(*at), f.clone())).collect();
        for i in 0..40 {
            packets.push((1 - ethernet, Some(ns(2000.0 + f64::from(i))), vec![i as u8; 70]));
        }
        packets.sort_by_key(|p| p.1);
        let run = run_of(&[pcapng(&order, &packets)], &["--json"]);
        whole(&run, &sent);
        let said = warnings(&run);
        assert!(said.contains("147") && said.contains("40"), "{said}");
        assert!(run.stderr().contains("147"), "{}", run.stderr());
    }
}

/// Refused, or as long as its sound, or short and said to be so; never a short whole one.
#[track_caller]
fn doubtful_times(run: &Run, sent: &Sent) {
    if !run.output.status.success() {
        assert_eq!(run.output.status.code(), Some(1));
        assert!(run.stderr().contains("time"), "{}", run.stderr());
        assert!(run.recordings.is_empty());
        return;
    }
    assert!(!run.summary()["warnings"].as_array().unwrap().is_empty(), "no warning");
    for r in &run.recordings {
        if r.number("/duration_s") < 2.9 {
            complete(r, false);
        } else {
            assert!(r.number("/duration_s") < 3.2, "{}", r.json);
            for (heard, sent) in [(&r.customer, &sent[0]), (&r.agent, &sent[1])] {
                let said: Vec<i16> = sent.iter().flat_map(|p| p.samples.clone()).collect();
                let from = heard.iter().position(|s| *s != 0).unwrap();
                assert!(said.windows(160).any(|w| w == &heard[from..from + 160]), "another sound");
            }
        }
        assert!(!r.text("/answered_at").starts_with("1970") || !run.stderr().is_empty());
    }
    assert!(!run.recordings.is_empty(), "{}", run.stdout());
}

#[test]
fn captures_without_real_times_are_no_short_calls() {
    let (frames, sent) = one_call(11);
    for (first, step) in [(ns(0.0), 1000_i64), (ns(0.0), 0), (0, 1000), (0, 0), (ns(0.0), 10_000)] {
        let stamped: Frames =
            frames.iter().enumerate().map(|(i, (_, f))| (first + step * i as i64, f.clone())).collect();
        doubtful_times(&run_of(&[pcap(1, usize::MAX, &stamped)], &["--json"]), &sent);
    }
    // Simple Packet Blocks have no time at all.
    let simple: Vec<_> = frames.iter().map(|(_, f)| (0, None, f.clone())).collect();
    doubtful_times(&run_of(&[pcapng(&[1], &simple)], &["--json"]), &sent);
}

/// The order is right and RTP tells how long sound lasts: so long it is, without what was lost.
#[test]
fn captures_without_real_times_are_placed_by_rtp() {
    let (frames, sent) = one_call(13);
    let sets = [vec![], vec![40], vec![60, 61, 62, 63, 64]];
    for (step, lost) in [(1000_i64, 0), (1000, 1), (1000, 2), (0, 0), (1, 2)] {
        let left = frames.iter().enumerate().filter(|(i, _)| !sets[lost].contains(i));
        let stamped: Frames =
            left.enumerate().map(|(i, (_, (_, f)))| (ns(0.0) + step * i as i64, f.clone())).collect();
        let bytes = pcap(1, usize::MAX, &stamped);
        for json in [vec!["--json"], vec![]] {
            let run = run_of(std::slice::from_ref(&bytes), &json);
            let said = run.stderr() + &run.stdout();
            assert!(said.contains("placed by their RTP timestamps"), "{said}");
            let r = run.only();
            let duration_s = r.number("/duration_s");
            assert!((2.97..3.05).contains(&duration_s), "{step} {lost} {duration_s}");
            let missing: f64 = ["customer", "agent"].map(|c| streams(r, c).2 as f64).iter().sum();
            assert_eq!(missing, sets[lost].len() as f64, "{step} {lost} {}", r.json["streams"]);
            for (heard, sent) in [(&r.customer, &sent[0]), (&r.agent, &sent[1])] {
                let said: Vec<i16> = sent.iter().flat_map(|p| p.samples.clone()).collect();
                let at = |w: &[i16]| said.windows(w.len()).position(|s| s == w);
                // The first and the last packet are as far from one another as they were spoken.
                let (first, last) = (&heard[320..480], &heard[heard.len() - 1_600..heard.len() - 1_440]);
                let apart = at(last).unwrap() - at(first).unwrap();
                assert_eq!(apart, heard.len() - 1_600 - 320, "{step} {lost}");
            }
        }
    }
}

#[test]
fn a_burst_within_a_real_capture_is_no_capture_without_times() {
    // A jammed link lets half a second go at once; the rest has its times.
    let d = Dialog::new(12);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut sent =
        [Voice::of(&d, Caller, 1).talk(1001.0, 5000.0), Voice::of(&d, Callee, 2).talk(1005.0, 5000.0)];
    for p in &mut sent[0][60..85] {
        p.captured_ns = vec![ns(2701.0)];
    }
    s.media(&sent[0]);
    s.media(&sent[1]);
    d.bye(&mut s, 5000.0, Caller);
    let run = s.replay(AGENTS);
    inbound(run.only(), &sent);
    complete(run.only(), true);
    assert_eq!(run.summary()["warnings"].as_array().unwrap().len(), 0, "{}", run.summary()["warnings"]);
}

/// The customer's or both voices in datagrams of `n` packets each.
fn joined(n: usize, both: bool, ptime: u32) {
    let d = Dialog::new(13);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut v = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
    v.iter_mut().for_each(|v| v.ptime_ms = ptime);
    let [c, a] = &mut v;
    let sent = [c.talk(1041.0, 5000.0), a.talk(1045.0, 5000.0)];
    // Shown as nauhuri_unread_total{what="super_packet"}.
    super_packets(&mut s, &sent[0], n);
    if both {
        super_packets(&mut s, &sent[1], n)
    } else {
        s.media(&sent[1])
    }
    d.bye(&mut s, 5060.0, Caller);
    let run = s.replay(AGENTS);
    let r = run.only();
    let split: usize =
        sent[..1 + usize::from(both)].iter().map(|v| v.chunks(n).filter(|c| c.len() > 1).count()).sum();
    let said = warnings(&run);
    assert!(said.contains(&format!("{split} UDP datagrams")) && said.contains("ethtool"), "{split} {said}");
    if r.json["complete"] == true {
        inbound(r, &sent);
        for (channel, sent) in ["customer", "agent"].into_iter().zip(&sent) {
            assert_eq!(streams(r, channel), (1, sent.len() as u64, 0), "{n} {}", r.json["streams"]);
        }
    } else if !both {
        check(r, "agent", &sent[1]).unwrap();
    }
}

#[test]
fn several_packets_in_one_datagram_are_split_or_told() {
    for n in [2, 3, 5, 8] {
        for both in [false, true] {
            joined(n, both, 20);
        }
    }
    joined(3, true, 10);
}

#[test]
fn what_was_seen_instead_of_sip_is_told_on_the_first_screen() {
    let text = |s: &Scene| {
        let run = run_of(&[pcap(1, usize::MAX, &s.ordered())], &[]);
        assert!(run.output.status.success());
        (run.stdout() + &run.stderr()).to_lowercase()
    };
    // SIP on a port that is not listed.
    let mut d = Dialog::new(14);
    d.sip.iter_mut().for_each(|a| a.set_port(5070));
    let mut s = Scene::new();
    call(&mut s, &d, 1000.0, 3000.0);
    let said = text(&s);
    assert!(said.contains("5070"), "{said}");
    // TLS: a handshake and some records on the port of SIP over TLS.
    let mut s = Scene::new();
    let ends = [addr("198.51.100.10:41000"), addr("192.0.2.20:5061")];
    let mut ways = [
        crate::common::files::TcpWay::new(ends[0], ends[1]),
        crate::common::files::TcpWay::new(ends[1], ends[0]),
    ];
    let hello = [&[0x16, 3, 1, 0, 0x40, 1, 0, 0, 0x3C, 3, 3][..], &[7; 58]].concat();
    let data = [&[0x17, 3, 3, 0, 0x80][..], &[9; 128]].concat();
    for i in 0..20_usize {
        let frame = ways[i % 2].segment(if i < 2 { &hello } else { &data });
        s.frames.push((ns(100.0 * i as f64), frame));
    }
    let said = text(&s);
    assert!(said.contains("tls"), "{said}");
    // Media of which no signalling was seen.
    let mut s = Scene::new();
    talk(&mut s, &Dialog::new(15), 1000.0, 3000.0);
    let said = text(&s);
    assert!(said.contains("0 sip messages") && said.contains("no known call"), "{said}");
}

#[test]
fn the_text_summary_says_why_and_counts_as_people_do() {
    let mut s = Scene::new();
    call(&mut s, &Dialog::new(16), 1000.0, 3000.0);
    let nobody =
        Dialog { to: "<sip:9001@pbx.example>".into(), uri: "sip:9001@192.0.2.20".into(), ..Dialog::new(17) };
    call(&mut s, &nobody, 1000.0, 3000.0);
    let (_keep, path) = s.saved();
    write_pcap(&path, &s.ordered());
    let said = replay_with(AGENTS, &[&path], &[], &[]).stdout();
    assert!(said.contains("1 recording ") && !said.contains("1 recordings"), "{said}");
    let why = ["not recorded", "unrecorded", "no_agent", "no agent"];
    assert!(why.iter().any(|w| said.to_lowercase().contains(w)), "{said}");
}
