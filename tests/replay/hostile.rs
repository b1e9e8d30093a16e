//! Packets come from strangers: nothing they send makes a panic, a wrong
//! recording, or a table that grows past its bound.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, addr, ethernet, ns};
use crate::common::oracle::must;
use crate::common::rng::Rng;
use crate::common::voice::Voice;
use nauhuri::call::{Decision, Ending};
use nauhuri::config::Config;
use nauhuri::engine::{Engine, MediaPacket, Sink};
use nauhuri::time::Timestamp;
use nauhuri::wire::{Frame, LinkType};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Counts what the engine gives out.
#[derive(Default)]
struct Counting {
    opened: u64,
    closed: u64,
    media: u64,
    refused: u64,
}

impl Sink for Counting {
    fn decision(&mut self, decision: Decision) {
        match decision {
            Decision::Open(_) => self.opened += 1,
            Decision::Close { .. } | Decision::Discard { .. } | Decision::Evict(_) => self.closed += 1,
            Decision::Refused(_) => self.refused += 1,
            _ => {}
        }
    }
    fn media(&mut self, _: MediaPacket<'_>) {
        self.media += 1;
    }
    fn tick(&mut self, _: Timestamp) {}
}

fn feed(engine: &mut Engine, sink: &mut Counting, at_ns: i64, data: &[u8]) {
    let frame =
        Frame { ts: Timestamp::from_ns(at_ns), link: LinkType::Ethernet, data, wire_len: data.len() as u32 };
    engine.handle_frame(&frame, sink);
}

/// A good call that must come out whole amid whatever `noise` adds.
fn amid(noise: impl FnOnce(&mut Scene, &Dialog)) {
    let d = Dialog::new(1);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let sent = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)].map(|mut v| v.talk(1003.0, 4000.0));
    s.media(&sent[0]);
    s.media(&sent[1]);
    noise(&mut s, &d);
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay(AGENTS);
    let r = run.only();
    must(r, "customer", &sent[0]);
    must(r, "agent", &sent[1]);
    assert_eq!(r.text("/ended_by"), "customer");
    assert_eq!(r.json["complete"], true);
}

#[test]
fn random_bytes_on_the_sip_port() {
    amid(|s, d| {
        let mut rng = Rng::new(1);
        for i in 0..3000 {
            let n = rng.below(700) as usize;
            let mut bytes = rng.bytes(n);
            if rng.chance(0.5) {
                bytes.iter_mut().for_each(|b| *b = *b % 96 + 32);
            }
            if rng.chance(0.3) {
                bytes.splice(0..0, b"INVITE sip:2001@x SIP/2.0\r\n".iter().copied());
            }
            s.udp(f64::from(i), d.sip[0], d.sip[1], &bytes);
        }
    });
}

#[test]
fn messages_of_the_call_itself_torn_and_edited() {
    amid(|s, d| {
        let mut rng = Rng::new(2);
        let texts = [
            d.request_text("INVITE", Caller, 1, false, "", Some(&d.sdp(Caller))),
            d.response_text(200, "INVITE", Caller, 1, "", Some(&d.sdp(Callee))),
            d.request_text("OPTIONS", Caller, 3, true, "", None),
            d.request_text("INFO", Callee, 4, true, "", None),
        ];
        for i in 0..2000 {
            let mut b = rng.pick(&texts).clone().into_bytes();
            // Another call, so that an edit cannot rightly end or move ours.
            let at = b.windows(8).position(|w| w == b"ladder-1").unwrap();
            b[at..at + 8].copy_from_slice(b"strange!");
            for _ in 0..rng.below(20) {
                let k = rng.below(b.len() as u64) as usize;
                match rng.below(4) {
                    0 => b[k] = rng.next() as u8,
                    1 => drop(b.remove(k)),
                    2 => b.insert(k, rng.next() as u8),
                    _ => b.truncate(k.max(40)),
                }
            }
            // On an address of its own: its description must not claim our ports.
            let text = String::from_utf8_lossy(&b).replace(&d.rtp[0].port().to_string(), "50000");
            let text = text.replace(&d.rtp[1].port().to_string(), "50002");
            if ["20004", "30004"].iter().all(|p| !text.contains(p)) {
                s.udp(f64::from(i), addr("203.0.113.7:5060"), addr("203.0.113.8:5060"), text.as_bytes());
            }
        }
    });
}

#[test]
#[ignore = "needs NAUHURI_CORPUS"]
fn corpus_torture_messages_as_datagrams() {
    let corpus = std::env::var_os("NAUHURI_CORPUS").expect("NAUHURI_CORPUS names the folder of captures");
    let mut files = Vec::new();
    for folder in ["rfc4475", "rfc5118", "sofia-sip-tests"] {
        let dir = PathBuf::from(&corpus).join("torture").join(folder);
        files.extend(std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()));
    }
    assert!(files.len() > 50);
    amid(|s, d| {
        for (i, f) in files.iter().enumerate() {
            let bytes = std::fs::read(f).unwrap();
            for (k, cut) in [bytes.len(), bytes.len() / 2, bytes.len() / 3].into_iter().enumerate() {
                s.udp(100.0 + 30.0 * i as f64 + k as f64, d.sip[0], d.sip[1], &bytes[..cut.min(60_000)]);
            }
        }
    });
}

#[test]
fn lengths_that_lie() {
    amid(|s, d| {
        let mut rng = Rng::new(3);
        let voice = Voice::of(d, Caller, 9).talk(1000.0, 1400.0);
        for (i, p) in voice.iter().enumerate() {
            // A stranger's frames, each with one field wrong.
            let mut f = ethernet(addr("203.0.113.98:4000"), addr("203.0.113.99:4000"), &p.rtp);
            match i % 6 {
                0 => f[16..18].copy_from_slice(&u16::MAX.to_be_bytes()),
                1 => f[16..18].copy_from_slice(&3_u16.to_be_bytes()),
                2 => f[38..40].copy_from_slice(&u16::MAX.to_be_bytes()),
                3 => f[38..40].copy_from_slice(&2_u16.to_be_bytes()),
                4 => f[14] = 0x40 | rng.below(16) as u8,
                _ => f.truncate(14 + rng.below(30) as usize),
            }
            s.frames.push((ns(1500.0 + i as f64), f));
        }
        for i in 0..2000 {
            let n = rng.below(120) as usize;
            let mut f = rng.bytes(n);
            if n > 14 {
                f[12..14].copy_from_slice(&rng.pick(&[[8, 0], [0x86, 0xDD], [0x81, 0], [0x88, 0x64]])[..]);
            }
            s.frames.push((ns(1000.0 + f64::from(i)), f));
        }
    });
}

#[test]
fn rtp_of_every_kind_on_the_calls_ports_is_survived() {
    // Version, padding, extension and CSRC counts that lie: here sound may suffer, nothing else.
    let d = Dialog::new(2);
    let mut s = Scene::new();
    let mut rng = Rng::new(4);
    d.answered(&mut s, 0.0, 1000.0);
    for i in 0..4000 {
        let n = rng.below(200) as usize;
        let mut p = rng.bytes(n);
        if let Some(b) = p.first_mut() {
            *b = 0x80 | *b & 0x3F;
        }
        if n > 12 && rng.chance(0.8) {
            p[1] = *rng.pick(&[8, 0, 9, 13, 101, 111, 136]);
            p[8..12].copy_from_slice(&[0, 0, 0, rng.below(100) as u8]);
        }
        s.udp(1000.0 + f64::from(i), d.rtp[0], d.rtp[1], &p);
    }
    d.bye(&mut s, 5000.0, Callee);
    let run = s.replay(AGENTS);
    let r = run.only();
    assert!((r.number("/duration_s") - 4.0).abs() < 0.02);
    assert_eq!(r.customer.len(), 32_000);
    assert!(r.agent.iter().all(|s| *s == 0), "nobody sent to the customer");
}

#[test]
fn floods_on_unknown_ports_are_counted_and_forgotten() {
    let mut engine = Engine::new(&Config::default());
    let mut sink = Counting::default();
    let mut rng = Rng::new(5);
    let n = if cfg!(debug_assertions) { 200_000 } else { 1_000_000_u64 };
    let mut rtp = vec![0x80, 8];
    rtp.extend(rng.bytes(170));
    for i in 0..n {
        let src = SocketAddr::new(
            [10, rng.next() as u8, rng.next() as u8, 1].into(),
            1024 + rng.below(60_000) as u16,
        );
        let dst = SocketAddr::new(
            [10, 1, rng.next() as u8, rng.next() as u8].into(),
            6000 + rng.below(50_000) as u16,
        );
        feed(&mut engine, &mut sink, ns(0.0) + i as i64 * 10_000, &ethernet(src, dst, &rtp));
    }
    let stats = engine.stats();
    assert_eq!(stats.rtp_unmatched, n);
    assert_eq!((sink.opened, sink.media), (0, 0));
    assert!(engine.held_bytes() < 1 << 20);
}

#[test]
fn a_flood_of_calls_stays_within_the_limits() {
    let mut config = Config::default();
    let n = if cfg!(debug_assertions) { 30_000 } else { 1_000_000_u64 };
    config.limits.calls = n as usize / 10;
    config.limits.recordings = 50;
    let mut engine = Engine::new(&config);
    let mut sink = Counting::default();
    let d = Dialog { call_id: "flood-00000000".into(), ..Dialog::new(3) };
    let invite = d.request_text("INVITE", Caller, 1, false, "", Some(&d.sdp(Caller))).into_bytes();
    let ok = d.response_text(200, "INVITE", Caller, 1, "", Some(&d.sdp(Callee))).into_bytes();
    let place = |text: &[u8]| text.windows(14).position(|w| w.starts_with(b"flood-")).unwrap();
    for i in 0..n {
        let id = format!("flood-{i:08}");
        let at = ns(0.0) + i as i64 * 100_000;
        for (text, from, answered) in [(&invite, 0, true), (&ok, 1, i % 3 == 0)] {
            if !answered {
                continue;
            }
            let mut text = text.clone();
            // The branch carries the Call-ID too, and comes first; both change.
            let first = place(&text);
            text[first..first + 14].copy_from_slice(id.as_bytes());
            let second = first + 14 + place(&text[first + 14..]);
            text[second..second + 14].copy_from_slice(id.as_bytes());
            let (src, dst) = (d.sip[from], d.sip[1 - from]);
            feed(&mut engine, &mut sink, at + from as i64, &ethernet(src, dst, &text));
        }
        if i % 1000 == 0 {
            let stats = engine.stats();
            assert!(stats.calls <= config.limits.calls as u64, "{} calls followed", stats.calls);
            assert!(stats.recordings <= 50, "{} recordings", stats.recordings);
        }
    }
    assert!(engine.stats().overflow.legs > 0);
    assert!(sink.refused > 0 && sink.opened > 0);
    engine.finish(Ending::CaptureEnd, &mut sink);
    assert_eq!(sink.opened, sink.closed);
    assert_eq!(engine.stats().recordings, 0);
}

#[test]
fn a_flood_within_one_call_is_bounded() {
    // One Call-ID with thousands of forks, hops, offers, infos, and sources.
    let d = Dialog::new(4);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut rng = Rng::new(6);
    for i in 0..2000_u32 {
        let at = 1100.0 + f64::from(i);
        let fork = Dialog { tags: [d.tags[0].clone(), format!("fork{i}")], ..d.clone() };
        fork.status(&mut s, at, if i % 2 == 0 { 180 } else { 200 });
        let hop = Dialog {
            sip: [SocketAddr::new([10, 0, (i >> 8) as u8, i as u8].into(), 5060), d.sip[1]],
            ..d.clone()
        };
        hop.invite(&mut s, at + 0.1);
        d.request(&mut s, at + 0.2, "INFO", Callee, 10 + i, "", None);
        let moved = SocketAddr::new(d.rtp[1].ip(), 1024 + rng.below(60_000) as u16);
        let offer = d.sdp_with(Callee, moved, "8", "sendrecv", i + 2);
        d.request(&mut s, at + 0.3, "UPDATE", Callee, 5000 + i, "", Some(&offer));
        let mut v = Voice::of(&d, Caller, u64::from(i) + 100);
        s.media(&v.talk(at + 0.4, at + 0.5));
    }
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay(AGENTS);
    // Forks that were answered are calls of their own until hung up; ours ends as it should.
    let ours: Vec<_> = run.recordings.iter().filter(|r| r.text("/ended_by") == "customer").collect();
    assert_eq!(ours.len(), 1, "{}", run.stdout());
    // A source that is over gives way, its counts are kept: so many streams are told of, no more.
    assert!(ours[0].json["streams"].as_array().unwrap().len() <= 1024);
    assert!(run.recordings.len() <= 16, "{} recordings", run.recordings.len());
}

#[test]
fn stamps_from_anywhere_are_survived() {
    // Every packet of a call stamped at random between 1970 and 2106, and a few right.
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let d = Dialog::new(5);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        s.media(&Voice::of(&d, Caller, 1).talk(1001.0, 3000.0));
        d.bye(&mut s, 3000.0, Caller);
        let mut frames = s.ordered();
        for f in &mut frames {
            if rng.chance(0.3) {
                f.0 = (rng.below(u64::from(u32::MAX)) * 1_000_000_000 + rng.below(1_000_000_000)) as i64;
            }
        }
        let run = Scene { frames, unsorted: true }.replay(AGENTS);
        for r in &run.recordings {
            assert!(
                r.number("/duration_s") >= 0.0 && r.number("/duration_s") < 86_400.0,
                "seed {seed}: {}",
                r.json
            );
            let length = r.customer.len() as f64 / f64::from(r.rate);
            assert!((length - r.number("/duration_s")).abs() <= 0.02, "seed {seed}: {length} {}", r.json);
        }
    }
}

#[test]
fn a_bye_stamped_early_cuts_the_recording() {
    let d = Dialog::new(7);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    s.media(&Voice::of(&d, Caller, 1).talk(1001.0, 5000.0));
    d.bye(&mut s, 5000.0, Caller);
    let mut frames = s.ordered();
    let n = frames.len();
    for f in &mut frames[n - 2..] {
        f.0 -= 2_000_000_000;
    }
    let run = Scene { frames, unsorted: true }.replay(AGENTS);
    let r = run.only();
    assert_eq!(r.instant_ns("ended_at"), ns(3000.0));
    assert_eq!(r.customer.len(), 16_000);
}

#[test]
fn a_message_stamped_in_another_century_makes_no_call_of_a_century() {
    for (which, stamp) in [(-2, 3_850_000_000_i64), (-2, 0), (1, 3_850_000_000), (-2, 1_795_600_000)] {
        let d = Dialog::new(8);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let sent = Voice::of(&d, Caller, 1).talk(1001.0, 5000.0);
        s.media(&sent);
        d.bye(&mut s, 5000.0, Caller);
        let mut frames = s.ordered();
        let n = frames.len() as i64;
        frames[((n + which) % n) as usize].0 = stamp * 1_000_000_000;
        let run = Scene { frames, unsorted: true }.replay(AGENTS);
        let r = run.only();
        assert!(r.number("/duration_s") <= 5.1, "{}", r.json);
        assert_eq!(r.text("/ended_by"), "customer");
        must(r, "customer", &sent);
    }
}

#[test]
fn a_damaged_file_is_no_crash() {
    let d = Dialog::new(6);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    s.media(&Voice::of(&d, Caller, 1).talk(1001.0, 2000.0));
    d.bye(&mut s, 2000.0, Caller);
    let (_keep, path) = s.saved();
    let whole = std::fs::read(&path).unwrap();
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let mut bytes = whole.clone();
        for _ in 0..=rng.below(30) {
            let k = rng.below(bytes.len() as u64) as usize;
            bytes[k] = rng.next() as u8;
        }
        std::fs::write(&path, bytes).unwrap();
        let run = crate::common::run::replay_with(AGENTS, &[&path], &["--json"], &[]);
        assert!(!run.stderr().contains("panicked"), "seed {seed}: {}", run.stderr());
        assert!(matches!(run.output.status.code(), Some(0 | 1)), "seed {seed}: {:?}", run.output.status);
        assert!(run.recordings.len() <= 2, "seed {seed}");
    }
}
