//! What cannot be read is said: on standard error, in `warnings`, in the counts.

use crate::common::ladder::{AGENTS, Dialog, Scene, Side, addr};
use crate::common::run::{Run, replay_stdin, replay_with};
use crate::common::voice::Voice;
use Side::{Callee, Caller};

/// One call of three seconds.
fn call(n: u16) -> Scene {
    let (d, mut s) = (Dialog::new(n), Scene::new());
    d.answered(&mut s, 0.0, 1000.0);
    s.media(&Voice::of(&d, Caller, 1).talk(1001.3, 4000.0));
    s.media(&Voice::of(&d, Callee, 2).talk(1007.9, 4000.0));
    d.bye(&mut s, 4000.0, Caller);
    s
}

/// A nanosecond pcap: link type, and how many bytes of each frame were captured.
fn pcap(frames: &[(i64, Vec<u8>)], link: u32, snaplen: impl Fn(&[u8]) -> usize) -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
    let mut out = words(&[0xA1B2_3C4D, 0x0004_0002, 0, 0, 262_144, link]);
    for (at, data) in frames {
        let len = snaplen(data).min(data.len());
        let (s, ns) = ((at / 1_000_000_000) as u32, (at % 1_000_000_000) as u32);
        out.extend(words(&[s, ns, len as u32, data.len() as u32]));
        out.extend(&data[..len]);
    }
    out
}

fn whole(data: &[u8]) -> usize {
    data.len()
}

/// The warnings of a run, which standard error has too.
#[track_caller]
fn warnings(run: &Run) -> Vec<String> {
    let said = run.summary()["warnings"].as_array().unwrap().clone();
    let said: Vec<String> = said.iter().map(|w| w.as_str().unwrap().to_owned()).collect();
    for w in &said {
        assert!(run.stderr().contains(w), "{w} is not in {}", run.stderr());
    }
    said
}

#[track_caller]
fn says(run: &Run, words: &[&str]) {
    let all = warnings(run);
    let has = |w: &&str| all.iter().any(|said| said.contains(*w));
    assert!(words.iter().all(has), "{words:?} in {all:#?}");
}

/// All frames under another link header.
fn relinked(s: &Scene, head: impl Fn(&[u8]) -> Vec<u8>) -> Vec<(i64, Vec<u8>)> {
    s.ordered().iter().map(|(at, f)| (*at, [head(&f[14..]), f[14..].to_vec()].concat())).collect()
}

#[test]
fn a_file_of_a_link_type_that_is_not_read_is_a_failure() {
    for (link, name) in [(127, "IEEE802_11_RADIO"), (147, "USER0"), (220, "USB_LINUX_MMAPPED"), (9999, "")] {
        let frames = call(1).ordered();
        let run = replay_stdin(AGENTS, &pcap(&frames, link, whole));
        assert_eq!(run.output.status.code(), Some(1));
        let counted = format!("{0} of {0} frames are of link type {link}", frames.len());
        says(&run, &[&counted, name, "no SIP"]);
        assert_eq!(warnings(&run).len(), 2, "{:?}", warnings(&run));
    }
}

#[test]
fn link_types_of_the_kernels_log_and_of_ppp_are_read() {
    let padded = |payload: &[u8]| {
        let len = (payload.len() as u16 + 4).to_le_bytes();
        vec![2, 0, 0, 5, 8, 0, 1, 0, 8, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0, len[0], len[1], 9, 0]
    };
    for frames in [(239, relinked(&call(2), padded)), (9, relinked(&call(2), |_| vec![0xFF, 3, 0, 0x21]))] {
        let run = replay_stdin(AGENTS, &pcap(&frames.1, frames.0, whole));
        assert!((run.only().number("/duration_s") - 3.0).abs() < 0.021);
        assert!(run.stderr().is_empty(), "{}", run.stderr());
    }
}

#[test]
fn packets_of_which_only_the_start_was_captured() {
    let frames = call(3).ordered();
    let run = replay_stdin(AGENTS, &pcap(&frames, 1, |_| 96));
    assert_eq!(run.output.status.code(), Some(0));
    says(&run, &[&format!("{0} of {0} packets are cut", frames.len()), "tcpdump -s 0"]);
    let s = run.summary();
    // Shown as nauhuri_calls_unrecorded_total{reason="truncated"}.
    assert_eq!((s["unrecorded"]["truncated"].as_u64(), s["sip_messages"].as_u64()), (Some(1), Some(6)));
    // Whatever the length: told, and the answered call is counted somewhere.
    for snaplen in (54..1000).step_by(13) {
        let run = replay_stdin(AGENTS, &pcap(&frames, 1, |_| snaplen));
        let s = run.summary();
        let counts: u64 = s["unrecorded"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
        let calls = counts as usize + s["failed"].as_array().unwrap().len() + run.recordings.len();
        let sip_lines = s["sip_messages"].as_u64().unwrap() > 0;
        assert!(calls == 1 || !sip_lines && calls == 0, "{snaplen}: {s}");
        let is_cut = frames.iter().any(|f| f.1.len() > snaplen);
        assert_eq!(is_cut, warnings(&run).iter().any(|w| w.contains("cut by the snap length")), "{snaplen}");
    }
}

#[test]
fn repeats_of_cut_messages_are_one_call_and_a_refused_one_is_none() {
    let (d, mut s) = (Dialog::new(4), Scene::new());
    d.invite(&mut s, 0.0);
    d.invite(&mut s, 500.0);
    d.status(&mut s, 700.0, 180);
    d.status(&mut s, 1000.0, 200);
    d.status(&mut s, 1500.0, 200);
    d.ack(&mut s, 1505.0);
    d.bye(&mut s, 9000.0, Caller);
    let run = replay_stdin(AGENTS, &pcap(&s.ordered(), 1, |_| 120));
    assert_eq!(run.summary()["unrecorded"]["truncated"], 1);
    let mut s = Scene::new();
    d.invite(&mut s, 0.0);
    d.status(&mut s, 100.0, 486);
    d.ack(&mut s, 110.0);
    d.bye(&mut s, 9000.0, Caller);
    let run = replay_stdin(AGENTS, &pcap(&s.ordered(), 1, |_| 120));
    assert_eq!(run.summary()["unrecorded"]["truncated"], 0);
}

#[test]
fn media_that_was_cut_makes_a_recording_incomplete() {
    let is_media = |f: &[u8]| f[42] & 0xC0 == 0x80;
    let frames = call(5).ordered();
    let run = replay_stdin(AGENTS, &pcap(&frames, 1, |f| if is_media(f) { 134 } else { f.len() }));
    let media = frames.iter().filter(|f| is_media(&f.1)).count();
    let r = run.only();
    assert_eq!((r.text("/ended_by"), &r.json["complete"]), ("customer", &false.into()));
    for stream in r.json["streams"].as_array().unwrap() {
        assert_eq!((stream["packets"].as_u64(), stream["lost"].as_u64()), (Some(150), Some(0)), "{stream}");
    }
    says(&run, &[&format!("{media} of {} packets are cut", frames.len())]);
    // Sliced by a broker: its record says nothing, the IP header does.
    let sliced: Vec<_> =
        frames.iter().map(|(at, f)| (*at, if is_media(f) { f[..134].to_vec() } else { f.clone() })).collect();
    let run = replay_stdin(AGENTS, &pcap(&sliced, 1, whole));
    assert_eq!(run.only().json["complete"], false);
    says(&run, &[&format!("{media} of {} packets are cut", frames.len())]);
    // One that was cut by the capture is enough; of one whose own header says so, the sender may be wrong.
    let place = frames.iter().position(|f| is_media(&f.1)).unwrap();
    let which = &frames[place].1;
    let run = replay_stdin(AGENTS, &pcap(&frames, 1, |f| if f == which { 134 } else { f.len() }));
    assert_eq!(run.only().json["complete"], false);
    says(&run, &["1 of "]);
    let mut one = frames.clone();
    one[place].1.truncate(134);
    let run = replay_stdin(AGENTS, &pcap(&one, 1, whole));
    assert_eq!(run.only().json["complete"], true);
    says(&run, &["1 of "]);
}

#[test]
fn sip_on_a_port_that_is_not_listed_is_told_with_the_port() {
    for (port, server) in [(5070, Callee), (6060, Caller), (15_060, Callee)] {
        let mut d = Dialog::new(6);
        d.sip[server as usize].set_port(port);
        d.sip[server.other() as usize].set_port(40_123);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        s.media(&Voice::of(&d, Caller, 1).talk(1001.3, 4000.0));
        d.bye(&mut s, 4000.0, Caller);
        let run = replay_stdin(AGENTS, &pcap(&s.ordered(), 1, whole));
        assert_eq!(run.output.status.code(), Some(0));
        says(
            &run,
            &[&format!("6 SIP messages on UDP port {port}"), &format!("sip.ports = [5060, 5080, {port}]")],
        );
        says(&run, &["150 RTP packets of no known call"]);
        // Done as told, there is a recording.
        let config = format!("{AGENTS}[sip]\nports = [5060, 5080, {port}]\n");
        let run = replay_stdin(&config, &pcap(&s.ordered(), 1, whole));
        assert_eq!(run.recordings.len(), 1);
        assert!(run.stderr().is_empty(), "{}", run.stderr());
    }
}

/// An Ethernet frame of TCP or SCTP between two ports.
fn segment(protocol: u8, src: u16, dst: u16, body: &[u8]) -> Vec<u8> {
    let mut f = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    let head: &[u8] =
        if protocol == 6 { &[0, 0, 0, 9, 0, 0, 0, 7, 0x50, 0x18, 0, 0, 0, 0, 0, 0] } else { &[0; 8] };
    let len = (20 + 4 + head.len() + body.len()) as u16;
    f.extend(len.to_be_bytes());
    f.extend([0, 1, 0x40, 0, 64, protocol, 0, 0, 198, 51, 100, 10, 192, 0, 2, 20]);
    f.extend([src.to_be_bytes(), dst.to_be_bytes()].concat());
    f.extend(head);
    f.extend(body);
    f
}

#[test]
fn signalling_that_is_not_plain_sip_is_named() {
    let hello = [&[0x16, 3, 1, 0, 9, 1][..], b"........"].concat();
    let sips = [&[0x16, 3, 1, 0, 9, 1][..], b"..sip.example.org"].concat();
    // Shown as nauhuri_unread_total{what="websocket"}.
    let upgrade = b"GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
    let sip = b"INVITE sip:1@example.org SIP/2.0\r\nCall-ID: a\r\n\r\n";
    let data = [&[0, 3, 0, 60][..], &[0; 12], sip].concat();
    for (frame, said) in [
        (segment(6, 40_000, 5061, &hello), "TLS on TCP port 5061"),
        (segment(6, 40_000, 5060, &hello), "TLS on TCP port 5060"),
        (segment(6, 40_000, 8443, &sips), "TLS on TCP port 8443"),
        (segment(6, 40_000, 8088, upgrade), "SIP on TCP port 8088"),
        (segment(6, 40_000, 5070, sip), "1 SIP message on TCP port 5070"),
        (segment(132, 7000, 7000, &data), "SCTP packet with SIP on port 7000"),
        (segment(132, 5061, 5061, &[1; 20]), "SCTP packet with SIP on port 5061"),
        (segment(50, 1, 2, &[9; 60]), "1 packet wrapped in ESP"),
        (segment(47, 0, 0x1234, &[9; 60]), "1 packet wrapped in protocol 0x1234"),
    ] {
        let run = replay_stdin(AGENTS, &pcap(&[(1_795_421_723_000_000_000, frame.clone())], 1, whole));
        assert_eq!(run.output.status.code(), Some(0));
        says(&run, &[said, "no SIP on ports 5060, 5080"]);
        // Beside SIP that is read it is told as well, and nothing else is.
        let mut s = call(7);
        s.frames.push((s.frames[0].0 + 1000, frame));
        let run = replay_stdin(AGENTS, &pcap(&s.ordered(), 1, whole));
        says(&run, &[said]);
        assert_eq!((warnings(&run).len(), run.recordings.len()), (1, 1), "{:?}", warnings(&run));
    }
}

#[test]
fn the_web_beside_calls_is_nobodys_concern() {
    let mut s = call(8);
    let hello = [&[0x16, 3, 1, 0, 9, 1][..], b"..www.example.org"].concat();
    let at = s.frames[0].0;
    for frame in [
        segment(6, 40_000, 443, &hello),
        segment(6, 40_000, 80, b"GET / HTTP/1.1\r\n\r\n"),
        segment(132, 2905, 2905, &[1; 20]),
        segment(1, 8, 0, &[0; 20]),
    ] {
        s.frames.push((at + 1000, frame));
    }
    s.udp(1.0, addr("198.51.100.10:40000"), addr("192.0.2.1:53"), b"\x12\x34\x01\x00\x00\x01");
    let run = replay_stdin(AGENTS, &pcap(&s.ordered(), 1, whole));
    assert_eq!((run.stderr().as_str(), run.recordings.len()), ("", 1));
}

#[test]
fn the_text_summary_has_reasons_and_counts_that_agree_with_their_nouns() {
    let (_keep, path) = call(9).saved();
    let text = replay_with(AGENTS, &[&path], &[], &[]).stdout();
    assert!(text.contains("1 recording in "), "{text}");
    let text = replay_with("[agents]\nextensions = [\"9999\"]\n", &[&path], &[], &[]).stdout();
    assert!(
        text.contains("0 recordings in ") && text.contains("1 answered call not recorded (no_agent)"),
        "{text}"
    );
}

#[test]
fn times_that_are_not_those_of_the_call_are_told() {
    let mut frames = call(10).ordered();
    let first = frames[0].0;
    for (n, f) in frames.iter_mut().enumerate() {
        f.0 = first + n as i64 * 1000;
    }
    let run = replay_stdin(AGENTS, &pcap(&frames, 1, whole));
    says(&run, &["came faster than their sound lasts"]);
}

#[test]
fn every_decision_has_its_reason() {
    let mut s = call(11);
    let d =
        Dialog { to: "<sip:7777@pbx.example>".into(), uri: "sip:7777@192.0.2.20".into(), ..Dialog::new(12) };
    d.answered(&mut s, 5000.0, 6000.0);
    d.bye(&mut s, 9000.0, Caller);
    let (_keep, path) = s.saved();
    let run = replay_with(AGENTS, &[&path], &["--json"], &[]);
    let decisions = run.summary()["decisions"].as_array().unwrap().clone();
    assert_eq!(decisions.len(), 2, "{decisions:#?}");
    assert_eq!(
        (&decisions[0]["decision"], &decisions[0]["id"]),
        (&"recorded".into(), &run.only().json["id"])
    );
    assert_eq!(
        (&decisions[1]["reason"], &decisions[1]["call_id"]),
        (&"no_agent".into(), &"ladder-12".into())
    );
    assert!(decisions.iter().all(|d| d["at"].as_str().unwrap().ends_with('Z')), "{decisions:#?}");
}
