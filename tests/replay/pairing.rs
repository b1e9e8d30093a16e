//! Which media belongs to which call: lines that were taken, keys in plain
//! profiles, candidates, NAT on both sides, VLANs, addresses that calls share.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, Side, addr};
use crate::common::oracle::must;
use crate::common::run::{Recording, Run};
use crate::common::voice::{Packet, Voice};
use std::net::SocketAddr;

const KEY: &str = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:cyGtLoAj9uicOH/n8A9BxHVBi7srzY0q8tKg40OF\r\n";
const PRINT: &str = "a=fingerprint:sha-256 00:11:22\r\na=setup:actpass\r\n";

/// A description: lines as `audio RTP/AVP`, each with its port and attributes.
fn sdp(at: SocketAddr, sections: &[(&str, u16, &str)]) -> String {
    let family = if at.is_ipv4() { "IP4" } else { "IP6" };
    let ip = at.ip();
    let mut out =
        format!("v=0\r\no=- {} 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n", at.port());
    for (line, port, attributes) in sections {
        let (kind, transport) = line.split_once(' ').unwrap();
        out += &format!("m={kind} {port} {transport} 8\r\n{attributes}");
    }
    out
}

/// INVITE at `at`, 200 half a second later, ACK, with these descriptions.
fn answered(s: &mut Scene, d: &Dialog, at: f64, offer: &str, answer: &str) {
    let invite = d.request_text("INVITE", Caller, 1, false, "", Some(offer));
    s.udp(at, d.sip[0], d.sip[1], invite.as_bytes());
    d.response(s, at + 500.0, 200, "INVITE", Caller, 1, Some(answer));
    d.ack(s, at + 505.0);
}

/// Both voices between these addresses.
fn voices(ends: [SocketAddr; 2], seed: u64, from: f64, to: f64) -> [Vec<Packet>; 2] {
    [Caller, Callee].map(|side| {
        let mut v = Voice::of(&Dialog::new(1), side, 2 * seed + side as u64);
        (v.src, v.dst) = (ends[side as usize], ends[side.other() as usize]);
        v.talk(from + 3.0, to)
    })
}

fn heard(r: &Recording, sent: &[Vec<Packet>; 2]) {
    let (caller, callee) =
        if r.text("/direction") == "outbound" { ("agent", "customer") } else { ("customer", "agent") };
    must(r, caller, &sent[0]);
    must(r, callee, &sent[1]);
    assert_eq!(r.json["complete"], true);
}

fn silent(r: &Recording) {
    assert!(r.customer.iter().chain(&r.agent).all(|s| *s == 0));
    assert_eq!(r.json["complete"], false);
}

/// A dialog of either direction.
fn dialog(agent_calls: bool, n: u16) -> Dialog {
    if agent_calls { Dialog::outbound(n) } else { Dialog::new(n) }
}

fn tagged(s: &mut Scene, from: usize, tags: &[(u16, u16)]) {
    for (_, frame) in &mut s.frames[from..] {
        let tags: Vec<u8> =
            tags.iter().flat_map(|(t, id)| [t.to_be_bytes(), id.to_be_bytes()].concat()).collect();
        frame.splice(12..12, tags);
    }
}

/// One call with these descriptions; the media runs between `ends`.
fn one(d: &Dialog, offer: &str, answer: &str, ends: [SocketAddr; 2]) -> (Run, [Vec<Packet>; 2]) {
    let mut s = Scene::new();
    answered(&mut s, d, 0.0, offer, answer);
    let sent = voices(ends, 3, 500.0, 2500.0);
    sent.iter().for_each(|p| s.media(p));
    d.bye(&mut s, 2500.0, Caller);
    (s.replay(AGENTS), sent)
}

#[test]
fn the_line_that_the_answer_took_is_the_calls() {
    let (plain, secure) = ("audio RTP/AVP", "audio RTP/SAVP");
    let video = ("video RTP/AVP", 7000, "");
    for agent_calls in [false, true] {
        let d = dialog(agent_calls, 40);
        let [a, b] = d.rtp;
        let no = |line| (line, 0, "");
        let away = |at: SocketAddr| at.port() + 100;
        // (offer, answer): plain media between the addresses of the dialog
        let rows = [
            (vec![(secure, away(a), KEY), (plain, a.port(), "")], vec![no(secure), (plain, b.port(), "")]),
            (vec![(plain, a.port(), ""), (secure, away(a), KEY)], vec![(plain, b.port(), ""), no(secure)]),
            (
                vec![(secure, away(a), KEY), video, (plain, a.port(), "")],
                vec![no(secure), video, (plain, b.port(), "")],
            ),
            (
                vec![(secure, away(a), KEY), (secure, 9990, KEY), (plain, a.port(), "")],
                vec![no(secure), no(secure), (plain, b.port(), "")],
            ),
            // Sections that were refused are left out.
            (vec![(secure, away(a), KEY), (plain, a.port(), "")], vec![(plain, b.port(), "")]),
        ];
        for (offer, answer) in rows {
            let (run, sent) = one(&d, &sdp(a, &offer), &sdp(b, &answer), d.rtp);
            heard(run.only(), &sent);
        }
        // The other way round it is the secured one.
        let offer = [(plain, away(a), ""), (secure, a.port(), KEY)];
        let (run, _) = one(&d, &sdp(a, &offer), &sdp(b, &[no(plain), (secure, b.port(), KEY)]), d.rtp);
        silent(run.only());
    }
}

#[test]
fn a_re_invite_may_take_another_line() {
    let d = Dialog::new(41);
    let [a, b] = d.rtp;
    let (plain, secure) = ("audio RTP/AVP", "audio RTP/SAVP");
    let first = [(plain, a.port(), ""), (secure, a.port() + 100, KEY)];
    for by in [Caller, Callee] {
        let mut s = Scene::new();
        answered(&mut s, &d, 0.0, &sdp(a, &first), &sdp(b, &[(plain, b.port(), ""), (secure, 0, "")]));
        let one = voices(d.rtp, 3, 500.0, 1500.0);
        one.iter().for_each(|p| s.media(p));
        // From the second line of one side to the second line of the other.
        let (x, y) = if by == Caller { (a, b) } else { (b, a) };
        let offer = sdp(x, &[(secure, x.port() + 100, KEY), (plain, x.port() + 200, "")]);
        let answer = sdp(y, &[(secure, 0, ""), (plain, y.port() + 200, "")]);
        d.reinvite(&mut s, 1500.0, by, 7, &offer, &answer);
        let moved = d.rtp.map(|e| SocketAddr::new(e.ip(), e.port() + 200));
        let two = voices(moved, 4, 1520.0, 2500.0);
        two.iter().for_each(|p| s.media(p));
        d.bye(&mut s, 2500.0, Caller);
        let run = s.replay(AGENTS);
        let all = [0, 1].map(|i| [one[i].clone(), two[i].clone()].concat());
        heard(run.only(), &all);
    }
}

#[test]
fn keys_in_a_plain_profile_count_when_both_sides_give_them() {
    for agent_calls in [false, true] {
        let d = dialog(agent_calls, 42);
        let [a, b] = d.rtp;
        let line = |at: SocketAddr, attributes| sdp(at, &[("audio RTP/AVP", at.port(), attributes)]);
        for both in [KEY, PRINT] {
            let (run, _) = one(&d, &line(a, both), &line(b, both), d.rtp);
            silent(run.only());
        }
        for [offer, answer] in [[KEY, ""], ["", KEY], [PRINT, ""], [KEY, PRINT]] {
            let (run, sent) = one(&d, &line(a, offer), &line(b, answer), d.rtp);
            heard(run.only(), &sent);
        }
    }
}

#[test]
fn media_between_candidates_is_the_calls() {
    let pairs = [["10.20.0.5:10710", "10.20.1.11:15220"], ["[2001:db8::5]:10710", "[2001:db8::11]:15220"]];
    for (agent_calls, [x, y]) in [(false, pairs[0]), (true, pairs[0]), (false, pairs[1])] {
        let d = dialog(agent_calls, 43);
        let host = |at: &str| {
            let at = addr(at);
            format!(
                "a=candidate:1 1 UDP 2130706431 {} {} typ host\r\na=candidate:1 2 UDP 2130706430 {} {} typ host\r\n",
                at.ip(),
                at.port(),
                at.ip(),
                at.port() + 1
            )
        };
        let line = |at: SocketAddr, ice: &str| sdp(at, &[("audio RTP/AVP", at.port(), ice)]);
        let (run, sent) = one(&d, &line(d.rtp[0], &host(x)), &line(d.rtp[1], &host(y)), [addr(x), addr(y)]);
        heard(run.only(), &sent);
        // Only one side leaves its described address.
        let d = if x.starts_with('[') {
            Dialog { rtp: [d.rtp[0], addr("[2001:db8::77]:30172")], ..d }
        } else {
            d
        };
        let (run, sent) = one(&d, &line(d.rtp[0], &host(x)), &line(d.rtp[1], ""), [addr(x), d.rtp[1]]);
        heard(run.only(), &sent);
    }
}

/// A call of two parties behind NAT: SIP between the public hosts, private addresses described.
fn hidden(
    n: u16,
    public: [&str; 2],
    ports: [u16; 2],
    agent_calls: bool,
) -> (Dialog, [String; 2], [SocketAddr; 2]) {
    let mut d = dialog(agent_calls, n);
    d.sip = public.map(|ip| addr(&format!("{ip}:5060")));
    let inside =
        if public[0].starts_with('[') { ["[fd00::5]", "[fd00::10]"] } else { ["172.16.5.5", "192.168.1.10"] };
    let sdp =
        [0, 1].map(|i| sdp(addr(&format!("{}:{}", inside[i], ports[i])), &[("audio RTP/AVP", ports[i], "")]));
    (d, sdp, [0, 1].map(|i| addr(&format!("{}:{}", public[i], ports[i]))))
}

const PUBLIC: [&str; 2] = ["203.0.113.9", "198.51.100.7"];

#[test]
fn both_sides_behind_nat_are_paired() {
    for public in [PUBLIC, ["[2001:db8:1::9]", "[2001:db8:2::7]"]] {
        for agent_calls in [false, true] {
            let (d, [offer, answer], ends) = hidden(44, public, [13_954, 28_824], agent_calls);
            let (run, sent) = one(&d, &offer, &answer, ends);
            heard(run.only(), &sent);
            // One NAT has rewritten the port.
            for moved in [0, 1] {
                let mut ends = ends;
                ends[moved].set_port(50_111);
                let (run, sent) = one(&d, &offer, &answer, ends);
                heard(run.only(), &sent);
            }
        }
    }
}

#[test]
fn two_calls_between_the_same_two_nats_are_told_apart_by_ports_or_not_at_all() {
    for (ports, apart) in [([14_000, 29_000], true), ([13_954, 28_824], false)] {
        let (one, [offer1, answer1], ends1) = hidden(45, PUBLIC, [13_954, 28_824], false);
        let (two, [offer2, answer2], ends2) = hidden(46, PUBLIC, ports, false);
        let mut s = Scene::new();
        answered(&mut s, &one, 0.0, &offer1, &answer1);
        answered(&mut s, &two, 10.0, &offer2, &answer2);
        let sent = [voices(ends1, 3, 515.0, 2500.0), voices(ends2, 4, 515.0, 2500.0)];
        sent.iter().flatten().for_each(|p| s.media(p));
        one.bye(&mut s, 2500.0, Caller);
        two.bye(&mut s, 2500.0, Caller);
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2);
        for (r, sent) in run.recordings.iter().zip(&sent) {
            if apart { heard(r, sent) } else { silent(r) }
        }
    }
}

#[test]
fn the_same_addresses_on_two_vlans_are_two_calls() {
    let (q, ad) = (0x8100, 0x88a8);
    // (tags of each call's signalling and media)
    let rows: [[&[(u16, u16)]; 2]; 3] =
        [[&[(q, 100)], &[(q, 200)]], [&[], &[(q, 200)]], [&[(ad, 7), (q, 100)], &[(ad, 8), (q, 100)]]];
    for tags in rows {
        let one = Dialog::new(47);
        let two = Dialog { call_id: "other".into(), tags: ["c9".into(), "a9".into()], ..one.clone() };
        let mut s = Scene::new();
        let mut sent = Vec::new();
        for (i, d) in [&one, &two].into_iter().enumerate() {
            let from = s.frames.len();
            d.answered(&mut s, 10.0 * i as f64, 500.0 + 10.0 * i as f64);
            let v = voices(d.rtp, 3 + i as u64, 520.0, 2500.0);
            v.iter().for_each(|p| s.media(p));
            d.bye(&mut s, 2500.0, Caller);
            tagged(&mut s, from, tags[i]);
            sent.push(v);
        }
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2);
        run.recordings.iter().zip(&sent).for_each(|(r, v)| heard(r, v));
    }
}

#[test]
fn media_on_another_vlan_than_its_signalling_is_found() {
    for (sip, rtp) in [(10, 20), (0, 20), (10, 0)] {
        let d = Dialog::new(48);
        let mut s = Scene::new();
        let tag = |s: &mut Scene, from, id| {
            if id > 0 {
                tagged(s, from, &[(0x8100, id)]);
            }
        };
        d.answered(&mut s, 0.0, 500.0);
        d.bye(&mut s, 2500.0, Caller);
        tag(&mut s, 0, sip);
        let from = s.frames.len();
        let sent = voices(d.rtp, 3, 500.0, 2500.0);
        sent.iter().for_each(|p| s.media(p));
        tag(&mut s, from, rtp);
        heard(s.replay(AGENTS).only(), &sent);
    }
}

#[test]
fn of_calls_on_one_media_port_none_hears_another() {
    let server = addr("10.20.0.5:10000");
    // (second answer, both telephones heard before it)
    for second in [515.0, 1000.0] {
        let [one, two] =
            [49, 50].map(|n| Dialog { rtp: [server, addr("192.168.1.10:4000")], ..Dialog::new(n) });
        let mut s = Scene::new();
        one.answered(&mut s, 0.0, 500.0);
        two.answered(&mut s, 100.0, second);
        let ends = [addr("203.0.113.21:61000"), addr("203.0.113.22:61001")];
        let sent =
            [voices([server, ends[0]], 3, 520.0, 2000.0), voices([server, ends[1]], 4, second + 5.0, 3000.0)];
        sent.iter().flatten().for_each(|p| s.media(p));
        one.bye(&mut s, 2000.0, Caller);
        two.bye(&mut s, 3000.0, Caller);
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2);
        for (r, own) in run.recordings.iter().zip(&sent) {
            only_of(r, own);
            assert_eq!(r.json["complete"], false);
        }
        if second > 900.0 {
            // What was heard before the second came goes on.
            must(&run.recordings[0], "agent", &sent[0][1]);
        }
    }
}

/// Every frame of sound in `r` is of `own`.
#[track_caller]
fn only_of(r: &Recording, own: &[Vec<Packet>; 2]) {
    for (channel, packets) in [("customer", &own[0]), ("agent", &own[1])] {
        let heard = r.channel(channel);
        let sounds = heard.chunks(160).filter(|c| c.iter().filter(|s| **s != 0).count() > 80).count();
        let of_own = packets.iter().filter(|p| heard.windows(160).any(|w| w == p.samples)).count();
        assert!(sounds <= of_own + 2, "{channel}: {sounds} frames of sound, {of_own} packets");
    }
}

#[test]
fn a_port_taken_over_after_a_hang_up_is_the_next_calls() {
    for gap in [20.0, 400.0, 5000.0] {
        let one = Dialog::new(51);
        let two = Dialog { call_id: "next".into(), tags: ["c8".into(), "a8".into()], ..one.clone() };
        let mut s = Scene::new();
        one.answered(&mut s, 0.0, 500.0);
        let first = voices(one.rtp, 3, 500.0, 1500.0);
        one.bye(&mut s, 1500.0, Callee);
        two.answered(&mut s, 1500.0 + gap, 1540.0 + gap);
        let second = voices(one.rtp, 4, 1540.0 + gap, 3000.0 + gap);
        first.iter().chain(&second).for_each(|p| s.media(p));
        two.bye(&mut s, 3000.0 + gap, Caller);
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2);
        heard(&run.recordings[0], &first);
        heard(&run.recordings[1], &second);
    }
}

#[test]
fn the_way_back_comes_from_any_port_of_the_other_party() {
    for hidden in [Caller, Callee] {
        let d = Dialog::new(52);
        let nat = addr("203.0.113.50:61000");
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 500.0);
        let there = |side: Side| d.rtp[side as usize];
        let odd = SocketAddr::new(there(hidden.other()).ip(), 5555);
        // It speaks to the address named, and is spoken to from one that nobody named.
        let mut sent = voices(d.rtp, 3, 500.0, 2500.0);
        for p in &mut sent[hidden as usize] {
            p.src = nat;
        }
        for p in &mut sent[hidden.other() as usize] {
            (p.src, p.dst) = (odd, nat);
        }
        // The first to speak is the one behind NAT.
        sent[hidden.other() as usize].drain(..2);
        sent.iter().for_each(|p| s.media(p));
        d.bye(&mut s, 2500.0, Caller);
        heard(s.replay(AGENTS).only(), &sent);
    }
}

#[test]
fn what_could_not_be_assigned_is_missing() {
    let [one, two] = [53, 54].map(Dialog::new);
    let mut s = Scene::new();
    let mut sent = Vec::new();
    for (i, d) in [&one, &two].into_iter().enumerate() {
        d.answered(&mut s, 0.0, 500.0);
        sent.push(voices(d.rtp, 3 + i as u64, 500.0, 2500.0));
        d.bye(&mut s, 2500.0, Caller);
    }
    sent.iter().flatten().for_each(|p| s.media(p));
    // One call's customer also speaks to the other's agent.
    let mut v = Voice::of(&one, Caller, 9);
    v.dst = two.rtp[1];
    s.media(&v.talk(1000.0, 1500.0));
    let run = s.replay(AGENTS);
    for (r, sent) in run.recordings.iter().zip(&sent) {
        must(r, "customer", &sent[0]);
        must(r, "agent", &sent[1]);
        assert_eq!(r.json["complete"], false);
    }
}

#[test]
fn an_exchange_that_steps_aside_leaves_the_voices_to_both_its_legs() {
    let [customer, agent] = [addr("10.0.0.1:8000"), addr("10.0.0.2:8000")];
    let exchange = |port: u16| SocketAddr::new(addr("10.0.9.9:0").ip(), port);
    let plain = |at: SocketAddr| sdp(at, &[("audio RTP/AVP", at.port(), "")]);
    for (says, before, late) in [
        ([true, true], true, 0.0),
        ([true, true], false, 150.0),
        ([false, true], false, 0.0),
        ([true, false], false, 150.0),
        ([false, true], true, 150.0),
    ] {
        let mut near = Dialog::new(61);
        (near.sip, near.rtp) = ([addr("10.0.0.1:5060"), exchange(5060)], [customer, exchange(13_060)]);
        let mut far = Dialog::new(62);
        (far.sip, far.rtp) = ([exchange(5060), addr("10.0.0.2:5060")], [exchange(18_010), agent]);
        let mut s = Scene::new();
        near.answered(&mut s, 0.0, 505.0);
        far.answered(&mut s, 5.0, 500.0);
        // Perhaps it relayed until then.
        let relayed = [&near, &far].map(|d| voices(d.rtp, 7 + u64::from(d.rtp[0].port()), 510.0, 690.0));
        if before {
            relayed.iter().flatten().for_each(|p| s.media(p));
        }
        far.reinvite(&mut s, 700.0, Caller, 7, &plain(customer), &plain(agent));
        near.reinvite(&mut s, 700.0 + late, Callee, 7, &plain(agent), &plain(customer));
        let direct = voices([customer, agent], 5, 900.0, 2500.0);
        for side in [Caller, Callee] {
            if says[side as usize] {
                s.media(&direct[side as usize]);
            }
        }
        near.bye(&mut s, 2500.0, Caller);
        far.bye(&mut s, 2500.0, Caller);
        let run = s.replay("");
        assert_eq!(run.recordings.len(), 2);
        for (r, relayed) in run.recordings.iter().zip([&relayed[1], &relayed[0]]) {
            assert_eq!(r.json["complete"], true, "{says:?} {before} {late}: {}", r.json);
            for (channel, side) in [("customer", 0), ("agent", 1)] {
                let first = if before { &relayed[side][..] } else { &[] };
                let then = if says[side] { &direct[side][..] } else { &[] };
                must(r, channel, &[first, then].concat());
            }
        }
    }
}
