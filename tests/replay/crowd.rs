//! More calls than may be recorded at once: those that nobody makes give way to those that somebody does.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::voice::Voice;
use crate::kit::talk;
use nauhuri::call::{Decision, Ending};
use nauhuri::config::Config;
use nauhuri::engine::{Engine, MediaPacket, Sink};
use nauhuri::id::RecordingId;
use nauhuri::time::Timestamp;
use nauhuri::wire::{Frame, LinkType};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What became of each call.
#[derive(Default)]
struct Book {
    names: BTreeMap<RecordingId, String>,
    closed: Vec<String>,
    evicted: Vec<String>,
    refused: Vec<String>,
}

impl Sink for Book {
    fn decision(&mut self, decision: Decision) {
        match decision {
            Decision::Open(o) => drop(self.names.insert(o.id, o.call_id.clone())),
            Decision::Close { recording, .. } => self.closed.push(self.names[&recording].clone()),
            Decision::Evict(id) => self.evicted.push(self.names[&id].clone()),
            Decision::Refused(o) => {
                assert!(!o.uuid.is_nil() && !o.call_group.is_nil(), "the log names the call");
                self.refused.push(o.call_id.clone());
            }
            _ => {}
        }
    }
    fn media(&mut self, _: MediaPacket<'_>) {}
    fn tick(&mut self, _: Timestamp) {}
}

fn run(s: &Scene, recordings: usize) -> (Book, u64) {
    let mut config = Config::default();
    config.limits.recordings = recordings;
    let (mut engine, mut book) = (Engine::new(&config), Book::default());
    for (at, data) in s.ordered() {
        let (ts, wire_len) = (Timestamp::from_ns(at), data.len() as u32);
        engine.handle_frame(&Frame { ts, link: LinkType::Ethernet, data: &data, wire_len }, &mut book);
    }
    engine.finish(Ending::CaptureEnd, &mut book);
    (book, engine.stats().overflow.recordings)
}

/// An answered call of so many packets of one side, or of none.
fn forged(s: &mut Scene, n: u16, at: f64, packets: u32) {
    let d = Dialog { call_id: format!("forged-{n}"), ..Dialog::new(n) };
    d.answered(s, at - 50.0, at);
    let side = if n.is_multiple_of(2) { Caller } else { Callee };
    let until = at + 10.0 + 20.0 * f64::from(packets);
    if packets > 0 {
        s.media(&Voice::of(&d, side, n.into()).talk(at + 10.0, until - 5.0));
    }
}

fn genuine(s: &mut Scene, n: u16, at: f64, end: f64) {
    let d = Dialog { call_id: format!("genuine-{n}"), ..Dialog::new(n) };
    d.answered(s, at - 500.0, at);
    talk(s, &d, at, end);
    d.bye(s, end, Caller);
}

#[test]
fn unheard_calls_give_way_to_new_ones_and_heard_ones_stay() {
    for packets in [0, 1, 5] {
        let mut s = Scene::new();
        // Two that talk before the flood, three that are answered within and after it.
        let genuine_at = [(1, 0.0), (2, 900.0), (3, 6500.0), (4, 7000.0), (5, 9500.0)];
        genuine_at.iter().for_each(|(n, at)| genuine(&mut s, *n, *at, 14_000.0));
        (0..200_u16).for_each(|i| forged(&mut s, 100 + i, 2000.0 + 20.0 * f64::from(i), packets));
        let (book, full) = run(&s, 20);
        let kept = book.closed.iter().filter(|c| c.starts_with("genuine-")).count();
        assert_eq!(kept, 5, "{packets}: {:?} {:?}", book.evicted, book.refused);
        assert!(book.evicted.iter().chain(&book.refused).all(|c| c.starts_with("forged-")));
        assert!(!book.evicted.is_empty());
        // The flood is faster than two seconds for each place: some of it is refused outright.
        assert!(!book.refused.is_empty());
        assert_eq!(full, (book.evicted.len() + book.refused.len()) as u64, "each is counted once");
    }
}

#[test]
fn no_call_gives_way_that_was_heard_or_is_young() {
    let mut s = Scene::new();
    (1..=4).for_each(|n| genuine(&mut s, n, f64::from(n) * 100.0, 9000.0));
    // On hold since both were heard.
    let held = Dialog { call_id: "held".into(), ..Dialog::new(5) };
    held.answered(&mut s, -1500.0, -1000.0);
    talk(&mut s, &held, -1000.0, 550.0);
    let offer = held.sdp(Caller) + "a=sendonly\r\n";
    let answer = held.sdp(Callee) + "a=recvonly\r\n";
    held.reinvite(&mut s, 600.0, Caller, 2, &offer, &answer);
    // And one that was answered a moment ago.
    forged(&mut s, 6, 5000.0, 0);
    forged(&mut s, 7, 6000.0, 3);
    let (book, full) = run(&s, 6);
    assert_eq!((&book.evicted[..], full), (&[][..], 1));
    assert_eq!(book.refused, ["forged-7"]);
    assert_eq!(book.closed.len(), 6, "{:?}", book.closed);
}

#[test]
fn calls_that_say_why_they_are_silent_keep_no_others_out() {
    for direction in ["sendonly", "inactive"] {
        let mut s = Scene::new();
        genuine(&mut s, 1, 0.0, 20_000.0);
        for n in 100..120_u16 {
            let d = Dialog { call_id: format!("forged-{n}"), ..Dialog::new(n) };
            let body = |side| d.sdp(side) + &format!("a={direction}\r\n");
            let d = Dialog { bodies: [body(Caller), body(Callee)], ..d.clone() };
            d.answered(&mut s, f64::from(n) * 10.0, f64::from(n) * 10.0 + 50.0);
        }
        // One of those that nothing excuses goes before them.
        forged(&mut s, 6, 3000.0, 0);
        (0..5).for_each(|i| genuine(&mut s, 10 + i, 8000.0 + 100.0 * f64::from(i), 20_000.0));
        let (book, _) = run(&s, 20);
        let kept = book.closed.iter().filter(|c| c.starts_with("genuine-")).count();
        assert_eq!(kept, 6, "{direction}: {:?} {:?}", book.evicted, book.refused);
        assert_eq!(book.evicted.first().map(String::as_str), Some("forged-100"), "no other was there");
        assert!(book.evicted.iter().position(|c| c == "forged-6") <= Some(2), "{:?}", book.evicted);
    }
}

#[test]
fn what_no_table_has_room_for_is_counted() {
    let d = Dialog::new(5);
    let no_room = |scene: &dyn Fn(&mut Scene)| {
        let (mut s, mut engine, mut sink) = (Scene::new(), Engine::new(&Config::default()), Book::default());
        scene(&mut s);
        for (at, data) in &s.frames {
            // As long as its IP header says, whatever was kept of it.
            let wire_len = 14 + u32::from(u16::from_be_bytes([data[16], data[17]]));
            let (ts, link) = (Timestamp::from_ns(*at), LinkType::Ethernet);
            engine.handle_frame(&Frame { ts, link, data, wire_len }, &mut sink);
        }
        engine.finish(Ending::CaptureEnd, &mut sink);
        engine.stats().overflow.parts
    };
    let forked = |i: u16| Dialog { tags: ["c".into(), format!("fork{i}")], ..d.clone() };
    let forks = |n: u16| {
        no_room(&|s| {
            forked(0).invite(s, 0.0);
            (0..n).for_each(|i| forked(i).status(s, 10.0 + f64::from(i), 180));
        })
    };
    assert_eq!([forks(16), forks(20)], [0, 4]);
    // Hops of its way, after copies from anywhere.
    let hops = |n: u8, copies: u8| {
        no_room(&|s| {
            let host = |a: u8, i: u8| SocketAddr::new([10, a, 0, i].into(), 5060);
            let first = [[host(0, 0), d.sip[1]]].into_iter();
            let copies = (0..copies).map(|i| [host(1, i), d.sip[1]]);
            let way = (1..n).map(|i| [host(0, 0), host(0, i)]);
            for (i, sip) in first.chain(copies).chain(way).enumerate() {
                Dialog { sip, ..d.clone() }.invite(s, i as f64);
            }
        })
    };
    assert_eq!([hops(64, 0), hops(67, 0)], [0, 3]);
    assert_eq!([hops(1, 48), hops(1, 51), hops(16, 200), hops(17, 200)], [0, 3, 152, 153]);
    // Names that the caller goes by.
    let names = |n: u32| {
        no_room(&|s| {
            for i in 0..n {
                let from = format!("<sip:+35840{}@trunk.example>", 1_000_000 + i);
                Dialog { from, ..d.clone() }.invite(s, f64::from(i));
            }
        })
    };
    assert_eq!([names(64), names(70)], [0, 6]);
    // Hosts beside those of its way that one side takes for the other.
    let hosts = |n: u8| {
        no_room(&|s| {
            d.answered(s, 0.0, 100.0);
            for i in 0..n {
                let sip = [d.sip[0], SocketAddr::new([10, 9, 0, i].into(), 5060)];
                let d = Dialog { sip, ..d.clone() };
                d.request(s, 200.0 + f64::from(i), "OPTIONS", Caller, 10 + u32::from(i), "", None);
            }
        })
    };
    assert_eq!([hosts(4), hosts(7)], [0, 3]);
    let messages = |n: usize| {
        no_room(&|s| {
            let text = "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n".repeat(n);
            s.udp(0.0, d.sip[0], d.sip[1], text.as_bytes());
        })
    };
    assert_eq!([messages(16), messages(17)], [0, 1]);
    let refers = |n: u32| {
        no_room(&|s| {
            d.answered(s, 0.0, 100.0);
            for i in 0..n {
                let to = format!("Refer-To: <sip:{}@pbx.example>\r\n", 3_000_000 + i);
                d.request(s, 200.0 + f64::from(i), "REFER", Callee, 10 + i, &to, None);
            }
        })
    };
    assert_eq!([refers(1024), refers(1030)], [0, 6]);
    let orphans = |n: u32| {
        no_room(&|s| {
            for i in 0..n {
                let d = Dialog { call_id: format!("orphan{i}"), ..d.clone() };
                d.status(s, f64::from(i), 200);
            }
        })
    };
    assert_eq!([orphans(4096), orphans(4100)], [0, 1]);
    let cut = |n: u16| {
        no_room(&|s| {
            for i in 0..n {
                let d = Dialog { branch: format!("cut{i}"), ..d.clone() };
                d.invite(s, f64::from(i));
                // As a short snap length leaves it: lengths stay, bytes are gone.
                s.frames.last_mut().unwrap().1.truncate(180);
            }
        })
    };
    assert_eq!([cut(256), cut(260)], [0, 4]);
}
