//! Pauses that the agent's side asks for: silence of the right length on both sides, at the place of
//! the request, and all else as if there had been none. What the customer's side asks changes nothing.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side};
use crate::common::run::{Recording, Run, files, replay};
use crate::common::voice::{Fate, Packet, Voice};
use crate::kit::*;
use std::net::SocketAddr;

/// Keys and a header pause, for two seconds at most.
const PAUSE: &str = "[pause]\nstart_keys = \"*1\"\nstop_keys = \"*2\"\nheader = \"Record\"\nlimit = \"2s\"\n";

fn config(more: &str) -> String {
    format!("{AGENTS}{PAUSE}{more}")
}

/// An inbound call, 2001 is called; or an outbound one.
fn dialog(n: u16, is_outbound: bool) -> (Dialog, Side) {
    let formats = ["8 101".to_owned(), "8 101".to_owned()];
    match is_outbound {
        false => (Dialog { formats, ..Dialog::new(n) }, Callee),
        true => (Dialog { formats, ..Dialog::outbound(n) }, Caller),
    }
}

/// An event of 100 ms, packets every 20 ms, within `v`'s talk. Keys as event codes: 10 is `*`.
fn press(v: &mut Voice, at: f64, key: u8) -> Vec<Packet> {
    let begun = v.ts;
    let packet = |i: usize| {
        let (n, end) = if i < 5 { (i, 0) } else { (5, 0x80) };
        let [high, low] = (((n + 1).min(5) * 160) as u16).to_be_bytes();
        (at + 20.0 * n as f64, [key, end | 10, high, low])
    };
    let out = (0..8).map(packet).map(|(at, payload)| v.other(at, 101, &payload)).collect();
    v.ts = begun.wrapping_add(960);
    out
}

/// Both talk from 1 s to 9 s; `side` presses these keys at these ms meanwhile.
fn talk(s: &mut Scene, d: &Dialog, side: Side, keys: &[(f64, u8)]) {
    d.answered(s, 0.0, 1000.0);
    let (mut v, mut at) = (Voice::of(d, side, 5), 1001.0);
    for (when, key) in keys {
        s.media(&v.talk(at, *when));
        s.media(&press(&mut v, *when, *key));
        at = when + 120.0;
    }
    s.media(&v.talk(at, 9000.0));
    s.media(&Voice::of(d, side.other(), 6).talk(1005.0, 9000.0));
}

fn info(s: &mut Scene, d: &Dialog, at: f64, side: Side, cseq: u32, headers: &str, body: &str) {
    let text = d.request_text("INFO", side, cseq, true, headers, None);
    let head = text.strip_suffix("Content-Length: 0\r\n\r\n").unwrap();
    let text = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    s.udp(at, d.sip[side as usize], d.sip[side.other() as usize], text.as_bytes());
    d.response(s, at + 20.0, 200, "INFO", side, cseq, None);
}

/// The event as it must be: from, until, by, resumed by, with ms of the ladder.
type Paused<'a> = (f64, f64, &'a str, Option<&'a str>);

/// Silence on both channels where it was paused and nowhere else: the rest is what it is where nothing pauses.
#[track_caller]
fn paused(s: &Scene, more: &str, want: &[Paused<'_>]) -> Run {
    let (_keep, path) = s.saved();
    let run = replay(&config(more), &[&path]);
    let plain = replay(&format!("{AGENTS}{more}"), &[&path]);
    check(run.only(), plain.only(), want);
    run
}

#[track_caller]
fn check(r: &Recording, plain: &Recording, want: &[Paused<'_>]) {
    let told: Vec<_> = r.json["events"].as_array().unwrap().iter().filter(|e| e["kind"] == "pause").collect();
    assert_eq!(told.len(), want.len(), "{}", r.json);
    let length_s = r.number("/duration_s");
    let mut whole = 0.0;
    let mut spans = Vec::new();
    for (event, (from, until, by, resumed_by)) in told.iter().zip(want) {
        let (at_s, end_s) = (event["at_s"].as_f64().unwrap(), event["end_s"].as_f64().unwrap());
        assert!((at_s - (from - 1000.0) / 1e3).abs() < 0.002, "{event}");
        assert!((end_s - ((until - 1000.0) / 1e3).min(length_s)).abs() < 0.002, "{event}");
        assert_eq!(
            (&event["by"], event.get("resumed_by")),
            (&(*by).into(), resumed_by.map(Into::into).as_ref())
        );
        whole += end_s - at_s;
        spans.push(((at_s * 8000.0).round() as usize, (end_s * 8000.0).round() as usize));
    }
    assert!((r.json["paused_s"].as_f64().unwrap_or(0.0) - whole).abs() < 1e-3, "{}", r.json);
    assert_eq!(r.json["complete"], true, "{}", r.json);
    assert_eq!(r.customer.len(), plain.customer.len());
    for name in ["customer", "agent"] {
        let (is, was) = (r.channel(name), plain.channel(name));
        for (i, (a, b)) in is.iter().zip(was).enumerate() {
            let is_paused = spans.iter().any(|(from, until)| (*from..*until).contains(&i));
            let near = spans.iter().any(|(from, until)| i.abs_diff(*from) < 2 || i.abs_diff(*until) < 2);
            assert!(near || *a == if is_paused { 0 } else { *b }, "{name} {i}: {a}, was {b}; {spans:?}");
        }
    }
}

#[test]
fn the_agents_keys_pause_and_resume_in_both_directions() {
    for (n, is_outbound) in [(1, false), (2, true)] {
        let (d, agent) = dialog(n, is_outbound);
        let mut s = Scene::new();
        talk(
            &mut s,
            &d,
            agent,
            &[(3001.0, 10), (3401.0, 1), (4701.0, 10), (5001.0, 2), (6001.0, 10), (6201.0, 2)],
        );
        d.bye(&mut s, 9000.0, Caller);
        let run = paused(&s, "", &[(3401.0, 5001.0, "key", Some("key"))]);
        events(run.only(), "dtmf", &[2.0, 2.4, 3.7, 4.0, 5.0, 5.2]);
        nowhere(&run, &["\"*\""]);
    }
}

#[test]
fn the_customers_keys_headers_and_infos_pause_nothing() {
    for (n, is_outbound) in [(3, false), (4, true)] {
        let (d, agent) = dialog(n, is_outbound);
        let customer = agent.other();
        let mut s = Scene::new();
        talk(&mut s, &d, customer, &[(3001.0, 10), (3401.0, 1)]);
        info(&mut s, &d, 4000.0, customer, 20, "Record: off\r\n", "");
        info(&mut s, &d, 4200.0, customer, 21, "Content-Type: text/plain\r\n", "Record: off\r\n");
        for (i, key) in ["*", "1"].into_iter().enumerate() {
            let (at, body) = (4400.0 + 200.0 * i as f64, format!("Signal={key}\r\n"));
            info(&mut s, &d, at, customer, 22 + i as u32, "Content-Type: application/dtmf-relay\r\n", &body);
        }
        identity(&mut s, &d, 5000.0, "INVITE", customer, 30, "Record: off\r\n");
        identity(&mut s, &d, 5200.0, "UPDATE", customer, 31, "Record: off\r\n");
        // In the agent's name, from elsewhere.
        let text = d.request_text("INFO", agent, 90, true, "Record: off\r\n", None);
        let elsewhere = "203.0.113.66:5060".parse().unwrap();
        s.udp(5500.0, elsewhere, d.sip[customer as usize], text.as_bytes());
        d.bye(&mut s, 9000.0, Caller);
        paused(&s, "", &[]);
    }
}

#[test]
fn an_info_a_reinvite_and_an_update_of_the_agents_side() {
    let (d, agent) = dialog(5, false);
    let mut s = Scene::new();
    talk(&mut s, &d, agent, &[]);
    info(&mut s, &d, 2000.0, agent, 20, "record: OFF\r\n", "");
    info(&mut s, &d, 2500.0, agent, 21, "Record: on\r\n", "");
    identity(&mut s, &d, 3000.0, "INVITE", agent, 22, "Record: pause\r\n");
    info(&mut s, &d, 3500.0, agent, 23, "Content-Type: text/plain\r\n", "x: y\r\n Record = resume \r\n");
    identity(&mut s, &d, 4000.0, "UPDATE", agent, 24, "Record: off\r\n");
    // A copy of a request that was overtaken, and values that mean nothing.
    identity(&mut s, &d, 4500.0, "UPDATE", agent, 25, "Record: on\r\n");
    d.request(&mut s, 4600.0, "UPDATE", agent, 24, "Record: off\r\n", None);
    info(&mut s, &d, 4700.0, agent, 26, "Record: maybe\r\n", "");
    let long = format!("Record: {}\r\n", "off ".repeat(100));
    info(&mut s, &d, 4800.0, agent, 27, &long, "");
    // Both at once mean nothing.
    info(&mut s, &d, 4850.0, agent, 27, "Record: off\r\nRecord: on\r\n", "");
    info(&mut s, &d, 4900.0, agent, 27, "Record: off\r\n", "Record: on\r\n");
    info(&mut s, &d, 5000.0, agent, 28, "Record: off\r\n", "");
    d.bye(&mut s, 9000.0, Caller);
    let by_info = |from, until, by| (from, until, "info", Some(by));
    paused(
        &s,
        "",
        &[
            by_info(2000.0, 2500.0, "info"),
            (3000.0, 3500.0, "header", Some("info")),
            (4000.0, 4500.0, "header", Some("header")),
            by_info(5000.0, 7000.0, "limit"),
        ],
    );
}

#[test]
fn keys_told_by_info_pause_and_those_told_twice_pause_once() {
    let (d, agent) = dialog(6, false);
    let mut s = Scene::new();
    talk(&mut s, &d, agent, &[(5001.0, 10), (5301.0, 1)]);
    let relay = "Content-Type: application/dtmf-relay\r\n";
    for (i, (at, key)) in
        [(2000.0, "*"), (2300.0, "1"), (3000.0, "10"), (3200.0, "2")].into_iter().enumerate()
    {
        info(&mut s, &d, at, agent, 20 + i as u32, relay, &format!("Signal={key}\r\nDuration=100\r\n"));
    }
    info(&mut s, &d, 5101.0, agent, 30, relay, "Signal=*\r\n");
    info(&mut s, &d, 5401.0, agent, 31, relay, "Signal=1\r\n");
    info(&mut s, &d, 6001.0, agent, 32, relay, "Signal=*\r\n");
    info(&mut s, &d, 6301.0, agent, 33, relay, "Signal=2\r\n");
    d.bye(&mut s, 9000.0, Callee);
    let want = [(2300.0, 3200.0, "key", Some("key")), (5301.0, 6301.0, "key", Some("key"))];
    paused(&s, "", &want);
}

#[test]
fn a_call_that_ends_paused_and_one_whose_service_may_not_be() {
    let (d, agent) = dialog(7, false);
    let mut s = Scene::new();
    talk(&mut s, &d, agent, &[(7501.0, 10), (7801.0, 1)]);
    d.bye(&mut s, 9000.0, Callee);
    let run = paused(&s, "", &[(7801.0, 9000.0, "key", None)]);
    spans(run.only(), 1000.0, 9000.0, "agent");
    paused(&s, "[service_default]\npause = false\n", &[]);
}

#[test]
fn a_hold_within_a_pause_is_told_apart() {
    let (d, agent) = dialog(8, false);
    let mut s = Scene::new();
    talk(&mut s, &d, agent, &[]);
    info(&mut s, &d, 2000.0, agent, 20, "Record: off\r\n", "");
    let sdp = |direction: &str, v| d.sdp_with(agent, d.rtp[agent as usize], "8 101", direction, v);
    for (at, cseq, direction) in [(2500.0, 21, "sendonly"), (3900.0, 22, "sendrecv")] {
        d.request(&mut s, at, "INVITE", agent, cseq, "", Some(&sdp(direction, cseq)));
        let answer = if direction == "sendonly" { "recvonly" } else { "sendrecv" };
        let other = d.sdp_with(agent.other(), d.rtp[agent.other() as usize], "8 101", answer, cseq);
        d.response(&mut s, at + 10.0, 200, "INVITE", agent, cseq, Some(&other));
        d.request(&mut s, at + 15.0, "ACK", agent, cseq, "", None);
    }
    info(&mut s, &d, 3500.0, agent, 23, "Record: on\r\n", "");
    d.bye(&mut s, 9000.0, Caller);
    let run = paused(&s, "", &[(2000.0, 3500.0, "info", Some("info"))]);
    events(run.only(), "hold", &[1.51]);
    events(run.only(), "resume", &[2.91]);
}

#[test]
fn jitter_and_loss_bring_nothing_of_a_pause_back() {
    for seed in 1..=6_u64 {
        let (d, agent) = dialog(9, seed % 2 == 0);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let net = |side: u64| {
            move |i: usize| {
                let x =
                    (i as u64).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed * 7 + side) >> 33;
                // One in twenty is lost, one in ten comes after its sound was given out.
                let delay_ms = if x % 10 == 1 { 600.0 } else { (x % 60) as f64 };
                Fate { delay_ms, lost: x % 20 == 3, copies: (x % 4) as u8 / 3 }
            }
        };
        for (side, number) in [(Caller, 0), (Callee, 1)] {
            s.media(&Voice::of(&d, side, seed + number).talk_over(1001.0, 9000.0, &mut net(number)));
        }
        info(&mut s, &d, 3000.0, agent, 20, "Record: off\r\n", "");
        info(&mut s, &d, 4500.0, agent, 21, "Record: on\r\n", "");
        d.bye(&mut s, 9000.0, Caller);
        let (_keep, path) = s.saved();
        let (run, plain) = (replay(&config(""), &[&path]), replay(AGENTS, &[&path]));
        let (r, plain) = (run.only(), plain.only());
        for name in ["customer", "agent"] {
            let (is, was) = (r.channel(name), plain.channel(name));
            assert!(is[16_000..28_000].iter().all(|s| *s == 0), "{seed} {name}");
            assert!(is[..16_000] == was[..16_000] && is[28_000..] == was[28_000..], "{seed} {name}");
            assert!(was[16_000..28_000].iter().any(|s| *s != 0), "there was something to silence");
        }
    }
}

#[test]
fn the_same_capture_gives_the_same_bytes_with_any_number_of_workers() {
    let mut s = Scene::new();
    for n in 10..14 {
        let (d, agent) = dialog(n, false);
        let numbers =
            |text: &str| text.replace("2001", &format!("20{n}")).replace("1234567", &format!("12345{n}"));
        let d = Dialog { from: numbers(&d.from), to: numbers(&d.to), uri: numbers(&d.uri), ..d };
        talk(&mut s, &d, agent, &[(3001.0, 10), (3401.0, 1), (4701.0, 10), (5001.0, 2)]);
        info(&mut s, &d, 6000.0, agent, 20, "Record: off\r\n", "");
        d.bye(&mut s, 9000.0, Caller);
    }
    let (_keep, path) = s.saved();
    let all = |workers: u32| {
        let run = replay(&config(&format!("[limits]\nworkers = {workers}\n")), &[&path]);
        assert_eq!(run.recordings.len(), 4, "{}", run.stderr());
        files(&run.dir)
            .iter()
            .filter(|f| f.extension().is_some_and(|e| e == "wav" || e == "json"))
            .map(|f| (f.file_name().unwrap().to_owned(), std::fs::read(f).unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(all(1), all(3));
}

#[test]
fn what_cannot_be_decoded_is_not_kept_of_a_pause() {
    let more = "[storage]\nkeep_undecoded = true\n[codecs]\nexternal = false\n";
    let (d, agent) = dialog(15, false);
    let d = Dialog { formats: ["18".into(), "18".into()], ..d };
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    for side in [Caller, Callee] {
        let mut v = Voice::of(&d, side, 3 + side as u64);
        for i in 0..400_u32 {
            let at = 1001.0 + 20.0 * f64::from(i);
            // What is said in each packet tells when.
            let payload = [b"N", &i.to_be_bytes()[..], &[side as u8 + 1; 15]].concat();
            s.media(&[v.other(at, 18, &payload)]);
            v.ts = v.ts.wrapping_add(160);
        }
    }
    info(&mut s, &d, 3000.0, agent, 20, "Record: off\r\n", "");
    info(&mut s, &d, 4500.0, agent, 21, "Record: on\r\n", "");
    d.bye(&mut s, 9000.0, Caller);
    let run = s.replay(&config(more));
    let pcap = files(&run.dir).into_iter().find(|f| f.extension().is_some_and(|e| e == "pcap")).unwrap();
    let bytes = std::fs::read(pcap).unwrap();
    for side in [1_u8, 2] {
        let kept = |i: u32| {
            let payload = [b"N", &i.to_be_bytes()[..], &[side; 15]].concat();
            bytes.windows(payload.len()).any(|w| w == payload)
        };
        // Sent from 3.0 s to 4.5 s: packets 100 to 174, and a few whose sound may reach into the pause.
        let there: Vec<u32> = (0..400).filter(|i| kept(*i)).collect();
        assert!(there.iter().all(|i| !(100..175).contains(i)), "{there:?}");
        assert!((0..90).chain(180..398).all(|i| there.contains(&i)), "{there:?}");
    }
}

/// The customer speaks in the agent's name, between these addresses: pauses by all means there are,
/// then a resumption with a number that no later request of the agent's reaches.
fn forge(s: &mut Scene, d: &Dialog, agent: Side, at: f64, ways: &[(SocketAddr, SocketAddr)]) {
    let relay = "Content-Type: application/dtmf-relay\r\n";
    let told = [
        ("INFO", 50, "Record: off\r\n", ""),
        ("UPDATE", 51, "Record: off\r\n", ""),
        ("INFO", 52, "Content-Type: text/plain\r\n", "Record: off\r\n"),
        ("INFO", 40, relay, "Signal=*\r\n"),
        ("INFO", 41, relay, "Signal=1\r\n"),
        ("INFO", 2_000_000_000, "Record: on\r\n", ""),
    ];
    for (i, (method, cseq, headers, body)) in told.into_iter().enumerate() {
        let text = d.request_text(method, agent, cseq, true, headers, None);
        let head = text.strip_suffix("Content-Length: 0\r\n\r\n").unwrap();
        let text = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        for (n, (from, to)) in ways.iter().enumerate() {
            s.udp(at + 40.0 * i as f64 + n as f64, *from, *to, text.as_bytes());
        }
    }
}

/// Forged words at 2 s and at 6.6 s; what the agent himself asks for, on these hops, goes on to work.
fn forged_and_genuine(
    mut s: Scene,
    d: &Dialog,
    agent: Side,
    hops: &[Dialog],
    ways: &[(SocketAddr, SocketAddr)],
) {
    s.media(&Voice::of(d, agent, 5).talk(1001.0, 9000.0));
    s.media(&Voice::of(d, agent.other(), 6).talk(1005.0, 9000.0));
    forge(&mut s, d, agent, 2000.0, ways);
    forge(&mut s, d, agent, 6600.0, ways);
    let relay = "Content-Type: application/dtmf-relay\r\n";
    for (n, hop) in hops.iter().enumerate() {
        let late = 3.0 * n as f64;
        info(&mut s, hop, 3000.0 + late, agent, 20, "Record: off\r\n", "");
        info(&mut s, hop, 4000.0 + late, agent, 21, "Record: on\r\n", "");
        info(&mut s, hop, 4500.0 + late, agent, 40, relay, "Signal=*\r\n");
        info(&mut s, hop, 5000.0 + late, agent, 41, relay, "Signal=1\r\n");
        info(&mut s, hop, 6000.0 + late, agent, 42, "Record: on\r\n", "");
        hop.bye(&mut s, 9000.0 + late, agent);
    }
    let want = [(3000.0, 4000.0, "info", Some("info")), (5000.0, 6000.0, "key", Some("info"))];
    paused(&s, "", &want);
}

#[test]
fn what_a_proxy_forwards_for_the_customer_in_the_agents_name_pauses_nothing() {
    for (n, is_outbound) in [(16, false), (17, true)] {
        let (d, agent) = dialog(n, is_outbound);
        let proxy: SocketAddr = "192.0.2.30:5060".parse().unwrap();
        let [caller, callee] = d.sip;
        let first = Dialog { sip: [caller, proxy], ..d.clone() };
        let vias = format!("Via: SIP/2.0/UDP {caller};branch=z9hG4bKfirst{n}\r\n");
        let second = Dialog { sip: [proxy, callee], vias, branch: "second".into(), ..d.clone() };
        let mut s = Scene::new();
        first.invite(&mut s, 0.0);
        second.invite(&mut s, 1.0);
        for (hop, late) in [(&second, 0.0), (&first, 1.0)] {
            hop.status(&mut s, 20.0 + late, 180);
            hop.status(&mut s, 1000.0 + late, 200);
            hop.ack(&mut s, 1010.0 - late);
        }
        let [end, customer] = [d.sip[agent as usize], d.sip[agent.other() as usize]];
        // The agent's words leave him on one hop, and a proxy forwards them on the other.
        let forwarded = format!("Via: SIP/2.0/UDP {end};branch=z9hG4bKown\r\n");
        let [own, other] = if is_outbound { [first, second] } else { [second, first] };
        let hops = [Dialog { vias: String::new(), ..own }, Dialog { vias: forwarded, ..other }];
        for ways in [&[(customer, proxy), (proxy, end)], &[(customer, proxy), (proxy, customer)]] {
            forged_and_genuine(s.clone(), &d, agent, &hops, ways);
        }
    }
}

#[test]
fn a_proxy_that_is_all_that_is_seen_of_the_agent_is_not_the_customers_voice() {
    for (n, is_outbound) in [(18, false), (19, true)] {
        let (d, agent) = dialog(n, is_outbound);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let [end, customer] = [d.sip[agent as usize], d.sip[agent.other() as usize]];
        let below =
            |via: &str| Dialog { vias: format!("Via: SIP/2.0/UDP {via};branch=z9hG4bKx\r\n"), ..d.clone() };
        for via in [format!("{customer}"), format!("x.example;received={}", customer.ip())] {
            let mut s = s.clone();
            forge(&mut s, &below(&via), agent, 2500.0, &[(end, customer)]);
            // An agent's telephone behind it.
            forged_and_genuine(s, &d, agent, &[below("10.1.1.1:5060")], &[]);
        }
    }
}

#[test]
fn a_host_that_the_customer_names_does_not_speak_for_the_agent() {
    for (n, is_outbound) in [(20, false), (21, true)] {
        let (d, agent) = dialog(n, is_outbound);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let [end, customer] = [d.sip[agent as usize], d.sip[agent.other() as usize]];
        let host: SocketAddr = "198.51.100.9:5060".parse().unwrap();
        let text = d.request_text("OPTIONS", agent.other(), 30, true, "", None);
        s.udp(1500.0, customer, host, text.as_bytes());
        for to in [end, customer] {
            forged_and_genuine(s.clone(), &d, agent, std::slice::from_ref(&d), &[(host, to)]);
        }
    }
}

#[test]
fn where_both_sides_share_a_host_the_port_tells() {
    for (n, is_outbound) in [(22, false), (23, true)] {
        let (mut d, agent) = dialog(n, is_outbound);
        let end = d.sip[agent as usize];
        let customer = SocketAddr::new(end.ip(), 5070);
        d.sip[agent.other() as usize] = customer;
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        forged_and_genuine(s, &d, agent, std::slice::from_ref(&d), &[(customer, end)]);
    }
}

#[test]
fn an_agent_behind_a_nat_may_change_its_port() {
    for (n, is_outbound) in [(24, false), (25, true)] {
        let (d, agent) = dialog(n, is_outbound);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let mut moved = d.clone();
        moved.sip[agent as usize].set_port(40_123);
        forged_and_genuine(s, &d, agent, &[moved], &[]);
    }
}

#[test]
fn keys_from_where_media_merely_runs_both_ways_pause_nothing() {
    let (d, agent) = dialog(26, false);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let customer = d.rtp[agent.other() as usize];
    let elsewhere: SocketAddr = "203.0.113.66:7000".parse().unwrap();
    s.media(&Voice::of(&d, agent.other(), 6).between(customer, elsewhere).talk(1005.0, 9000.0));
    let mut v = Voice::of(&d, agent, 5).between(elsewhere, customer);
    let mut at = 1001.0;
    for (when, key) in [(3001.0, 10), (3401.0, 1)] {
        s.media(&v.talk(at, when));
        s.media(&press(&mut v, when, key));
        at = when + 120.0;
    }
    s.media(&v.talk(at, 9000.0));
    d.bye(&mut s, 9000.0, Caller);
    let run = s.replay(&config(""));
    let r = run.only();
    assert!(r.events("pause").is_empty() && r.json.get("paused_s").is_none(), "{}", r.json);
    events(r, "dtmf", &[2.0, 2.4]);
}
