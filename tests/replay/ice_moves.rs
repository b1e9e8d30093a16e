//! Media that moves before signalling says so: to a candidate that a later re-INVITE or UPDATE names
//! (RFC 8445 §12.1), or with a telephone that sends from where it is before its re-INVITE is answered.
//! It is heard from its first packet at the new place; who else sends meanwhile is not.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, addr, ns};
use crate::common::oracle::check;
use crate::common::run::Recording;
use crate::common::voice::{Packet, Voice, relayed};
use crate::kit::*;
use std::net::SocketAddr;

/// When the media moves, ms of the ladder.
const MOVES: f64 = 2000.0;
/// The last packet; the BYE comes after it.
const ENDS: f64 = 7000.0;

/// Calls of either direction and family.
fn dialogs(n: u16) -> [Dialog; 3] {
    [Dialog::new(n), Dialog::outbound(n), at(Dialog::new(n), "2001:db8:1::10", "2001:db8:2::20")]
}

/// Where the hosts of both parties are, which only candidates name.
fn hosts(d: &Dialog) -> [SocketAddr; 2] {
    let six = d.rtp[0].is_ipv6();
    if six {
        ["[2001:db8:a::5]:10710", "[2001:db8:b::11]:15220"].map(addr)
    } else {
        ["10.20.0.5:10710", "10.20.1.11:15220"].map(addr)
    }
}

/// The dialog with ICE of these sides.
fn with_ice(d: Dialog, sides: &[Side]) -> Dialog {
    let mut d = d;
    for side in sides.iter().map(|s| *s as usize) {
        d.bodies[side] = ice(d.rtp[side], &hosts(&d)[side..=side]);
    }
    d
}

/// New places of both, by a method of `side`; answered `rtt` ms later.
fn tell(s: &mut Scene, d: &Dialog, (method, side): (&str, Side), told: f64, rtt: f64, at: [SocketAddr; 2]) {
    let body = |side: Side| d.sdp_with(side, at[side as usize], "8", "sendrecv", 2);
    d.request(s, told, method, side, 11, "", Some(&body(side)));
    d.response(s, told + rtt, 200, method, side, 11, Some(&body(side.other())));
    if method == "INVITE" {
        d.request(s, told + rtt + 5.0, "ACK", side, 11, "", None);
    }
}

/// Both talk: at first where they say, then where they are from `MOVES` on, each to where the other is.
fn talk_and_move(s: &mut Scene, d: &Dialog, seen: [SocketAddr; 2]) -> Sent {
    let sent = [Caller, Callee].map(|side| {
        let mut voice = Voice::of(d, side, 3 + side as u64);
        let mut sent = voice.talk(1003.0 + 4.0 * side as u8 as f64, MOVES);
        let from = 1003.0 + 4.0 * side as u8 as f64 + 20.0 * sent.len() as f64;
        let mut voice = voice.between(seen[side as usize], seen[side.other() as usize]);
        sent.extend(voice.talk(from, ENDS));
        sent
    });
    sent.iter().for_each(|sent| s.media(sent));
    sent
}

#[track_caller]
fn heard(r: &Recording, sent: &Sent, case: &str) {
    let channels =
        if r.text("/direction") == "inbound" { ["customer", "agent"] } else { ["agent", "customer"] };
    for (channel, sent) in channels.into_iter().zip(sent) {
        check(r, channel, sent).unwrap_or_else(|e| panic!("{case}: {e}"));
    }
    assert_eq!(r.json["complete"], true, "{case}: {}", r.json);
}

/// A stranger's voice to both parties, under a name of his own or with the next numbers of the voice
/// that is expected there.
fn strangers(s: &mut Scene, d: &Dialog, sent: &Sent, from: f64, until: f64) {
    let outside = addr(if d.rtp[0].is_ipv4() { "10.9.9.9:6666" } else { "[2001:db8:bad::9]:6666" });
    for side in [Caller, Callee] {
        let to = d.rtp[side.other() as usize];
        for is_forger in [false, true] {
            let src = SocketAddr::new(outside.ip(), outside.port() + u16::from(is_forger) + 2 * side as u16);
            let mut voice = Voice::of(d, side, 90 + side as u64).between(src, to);
            if is_forger {
                let own = sent[side as usize].iter().find(|p| p.nominal_ns >= ns(from) + 60_000_000).unwrap();
                voice.ssrc = u32::from_be_bytes(own.rtp[8..12].try_into().unwrap());
                voice.seq = u16::from_be_bytes(own.rtp[2..4].try_into().unwrap());
                voice.ts = u32::from_be_bytes(own.rtp[4..8].try_into().unwrap());
            }
            s.media(&voice.talk(from + 7.0, until));
        }
    }
}

#[test]
fn media_on_a_candidate_pair_is_heard_before_signalling_names_the_pair() {
    for d in dialogs(1) {
        for sides in [&[Caller][..], &[Callee], &[Caller, Callee]] {
            let d = with_ice(d.clone(), sides);
            let at = [Caller, Callee]
                .map(|s| if sides.contains(&s) { hosts(&d)[s as usize] } else { d.rtp[s as usize] });
            for (by, later) in [
                (("INVITE", Caller), [20.0, 150.0, 1200.0, 2900.0]),
                (("UPDATE", Callee), [10.0, 50.0, 400.0, 2100.0]),
            ] {
                for later in later {
                    let mut s = Scene::new();
                    d.answered(&mut s, 0.0, 1000.0);
                    let sent = talk_and_move(&mut s, &d, at);
                    tell(&mut s, &d, by, MOVES + later, 20.0, at);
                    d.bye(&mut s, ENDS + 10.0, Caller);
                    heard(s.replay(AGENTS).only(), &sent, &format!("{sides:?} {by:?} {later}"));
                }
            }
        }
    }
}

#[test]
fn strangers_beside_a_candidate_pair_are_not_heard() {
    for d in dialogs(2) {
        let d = with_ice(d, &[Caller, Callee]);
        for (later, rtt) in [(50.0, 20.0), (600.0, 200.0)] {
            let mut s = Scene::new();
            d.answered(&mut s, 0.0, 1000.0);
            let sent = talk_and_move(&mut s, &d, hosts(&d));
            strangers(&mut s, &d, &sent, MOVES - 300.0, MOVES + later + 1000.0);
            tell(&mut s, &d, ("INVITE", Caller), MOVES + later, rtt, hosts(&d));
            d.bye(&mut s, ENDS + 10.0, Caller);
            heard(s.replay(AGENTS).only(), &sent, &format!("{later}"));
        }
    }
}

#[test]
fn media_that_goes_back_and_forth_between_addresses_of_a_party_is_heard() {
    let d = with_ice(Dialog::new(3), &[Caller, Callee]);
    for each in [20.0, 60.0, 700.0] {
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let sent = [Caller, Callee].map(|side| {
            let (mut voice, mut sent) = (Voice::of(&d, side, side as u64), Vec::new());
            let mut places = [d.rtp, hosts(&d)].into_iter().cycle();
            let mut from = 1003.0;
            while from < ENDS {
                let place = places.next().unwrap();
                voice = voice.between(place[side as usize], place[side.other() as usize]);
                sent.extend(voice.talk(from, from + each));
                from = 1003.0 + 20.0 * sent.len() as f64;
            }
            sent
        });
        sent.iter().for_each(|sent| s.media(sent));
        d.bye(&mut s, ENDS + 100.0, Caller);
        heard(s.replay(AGENTS).only(), &sent, &format!("{each}"));
    }
}

#[test]
fn what_is_sent_on_both_pairs_is_heard_once() {
    // What comes much later on the pair that is named in the end is heard as late as it comes.
    for (late, all_told) in [
        (0.0, &[None, Some(MOVES), Some(MOVES + 500.0)][..]),
        (3.0, &[None, Some(MOVES), Some(MOVES + 500.0)]),
        (45.0, &[None]),
    ] {
        for told in all_told {
            let d = with_ice(Dialog::new(4), &[Caller, Callee]);
            let mut s = Scene::new();
            d.answered(&mut s, 0.0, 1000.0);
            let sent = talk_and_move(&mut s, &d, d.rtp);
            for side in [Caller, Callee] {
                let [from, to] = [side, side.other()].map(|p| hosts(&d)[p as usize]);
                let again = |p: &&Packet| p.nominal_ns >= ns(MOVES - 100.0);
                let copies: Vec<_> = sent[side as usize].iter().filter(again).cloned().collect();
                s.media(&relayed(&copies, from, to, late));
            }
            told.iter().for_each(|told| tell(&mut s, &d, ("INVITE", Caller), *told, 20.0, hosts(&d)));
            d.bye(&mut s, ENDS + 10.0, Caller);
            heard(s.replay(AGENTS).only(), &sent, &format!("{late} {told:?}"));
        }
    }
}

#[test]
fn a_new_source_at_a_candidate_counts_from_its_first_packet() {
    for later in [60.0, 150.0, 1200.0] {
        let d = with_ice(Dialog::new(5), &[Caller, Callee]);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let mut sent = [Caller, Callee].map(|side| Voice::of(&d, side, side as u64).talk(1003.0, MOVES));
        for side in [Caller, Callee] {
            let [from, to] = [side, side.other()].map(|p| hosts(&d)[p as usize]);
            let mut voice = Voice::of(&d, side, 30 + side as u64).between(from, to);
            sent[side as usize].extend(voice.talk(MOVES + 3.0, ENDS));
        }
        sent.iter().for_each(|sent| s.media(sent));
        tell(&mut s, &d, ("INVITE", Callee), MOVES + later, 20.0, hosts(&d));
        d.bye(&mut s, ENDS + 10.0, Caller);
        heard(s.replay(AGENTS).only(), &sent, &format!("{later}"));
    }
}

/// Where a party is that has moved: what it describes, and where it is seen.
fn new_place(d: &Dialog, kind: &str, side: Side) -> [SocketAddr; 2] {
    let own = d.rtp[side as usize];
    let beside = SocketAddr::new(own.ip(), own.port() + 40);
    match (kind, own.is_ipv4()) {
        ("port", _) => [beside; 2],
        ("host", true) => [addr("198.51.100.77:5040"); 2],
        ("host", false) => [addr("[2001:db8:77::7]:5040"); 2],
        (_, true) => [addr("172.16.0.7:6000"), addr("203.0.113.1:45000")],
        (_, false) => [addr("[fd00::7]:6000"), addr("[2001:db8:77::1]:45000")],
    }
}

/// A telephone moves: where it is seen at `MOVES`, its re-INVITE so much later, from there or by a proxy
/// that stays, and its 200. The other sends to the new place once it has answered.
fn moves(
    d: &Dialog,
    (kind, side, is_direct): (&str, Side, bool),
    (later, rtt): (f64, f64),
    with_strangers: bool,
) -> (Recording, Sent) {
    let [described, seen] = new_place(d, kind, side);
    let (told, stays) = (MOVES + later, d.rtp[side.other() as usize]);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut voice = Voice::of(d, side, 5);
    let mut own = voice.talk(1003.0, MOVES);
    own.extend(voice.between(seen, stays).talk(1003.0 + 20.0 * own.len() as f64, ENDS));
    let mut voice = Voice::of(d, side.other(), 6);
    let mut other = voice.talk(1007.0, told + rtt);
    for (place, until) in [(described, told + rtt + 30.0), (seen, ENDS)] {
        let from = 1007.0 + 20.0 * other.len() as f64;
        voice = voice.between(stays, place);
        other.extend(voice.talk(from, until));
    }
    let sent = if side == Caller { [own, other] } else { [other, own] };
    sent.iter().for_each(|sent| s.media(sent));
    if with_strangers {
        strangers(&mut s, d, &sent, MOVES - 300.0, told + rtt - 10.0);
    }
    let mut at = d.rtp;
    at[side as usize] = described;
    let mut d = d.clone();
    if is_direct {
        d.sip[side as usize].set_ip(seen.ip());
    }
    tell(&mut s, &d, ("INVITE", side), told, rtt, at);
    d.bye(&mut s, ENDS + 10.0, Caller);
    (s.replay(AGENTS).recordings.into_iter().next().unwrap(), sent)
}

#[test]
fn a_telephone_is_heard_at_its_new_place_before_its_re_invite_is_answered() {
    for d in dialogs(6) {
        for side in [Caller, Callee] {
            for (kind, is_direct) in
                [("port", false), ("host", false), ("host", true), ("nat", false), ("nat", true)]
            {
                for times in [
                    (-60.0, 20.0),
                    (-3.0, 100.0),
                    (20.0, 40.0),
                    (100.0, 400.0),
                    (-300.0, 200.0),
                    (0.0, 2900.0),
                ] {
                    let (r, sent) = moves(&d, (kind, side, is_direct), times, false);
                    heard(&r, &sent, &format!("{kind} {is_direct} {side:?} {times:?}"));
                }
            }
        }
    }
}

#[test]
fn strangers_beside_a_telephone_that_moves_are_not_heard() {
    for d in dialogs(7) {
        for side in [Caller, Callee] {
            for (kind, is_direct) in
                [("port", false), ("host", false), ("host", true), ("nat", false), ("nat", true)]
            {
                for times in [(20.0, 40.0), (100.0, 400.0), (0.0, 2000.0)] {
                    let (r, sent) = moves(&d, (kind, side, is_direct), times, true);
                    heard(&r, &sent, &format!("{kind} {is_direct} {side:?} {times:?}"));
                }
            }
        }
    }
}

#[test]
fn what_was_not_kept_of_a_telephone_that_moved_is_missing() {
    // A forger fills what is kept until the 200 comes.
    let d = Dialog::new(8);
    let (r, sent) = moves(&d, ("host", Callee, true), (0.0, 4500.0), true);
    assert!(check(&r, "agent", &sent[1]).is_err(), "{}", r.json);
    complete(&r, false);
    // A new source at a place that nobody named.
    for (lasts, rtt) in [(160.0, 140.0), (400.0, 300.0)] {
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        s.media(&Voice::of(&d, Caller, 1).talk(1003.0, ENDS));
        s.media(&Voice::of(&d, Callee, 2).talk(1007.0, MOVES));
        let [at, _] = new_place(&d, "host", Callee);
        let sent = Voice::of(&d, Callee, 3).between(at, d.rtp[0]).talk(MOVES + 7.0, ENDS);
        s.media(&sent);
        tell(&mut s, &d, ("INVITE", Callee), MOVES + lasts - rtt, rtt, [d.rtp[0], at]);
        d.bye(&mut s, ENDS + 10.0, Caller);
        let run = s.replay(AGENTS);
        if check(run.only(), "agent", &sent).is_err() {
            complete(run.only(), false);
        }
    }
}
