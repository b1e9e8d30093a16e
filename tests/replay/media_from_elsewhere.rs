//! Media from where nobody's c= line says: ICE candidates, NAT on both sides, one address for
//! two calls, VLANs, and the way back of a flow that is known. On doubt neither call gets it.

use crate::common::files::tagged;
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, addr};
use crate::common::oracle::{check, must};
use crate::common::run::Recording;
use crate::common::voice::{Packet, Voice};
use crate::kit::*;
use std::net::SocketAddr;

/// Both talk between these places, whatever their descriptions say.
fn talk_between(s: &mut Scene, d: &Dialog, [a, b]: [SocketAddr; 2], from: f64, to: f64) -> Sent {
    let seed = u64::from(a.port()) * 31 + u64::from(b.port()) + from as u64;
    let sent = [
        Voice::of(d, Caller, seed).between(a, b).talk(from + 1.0, to),
        Voice::of(d, Callee, seed + 1).between(b, a).talk(from + 5.0, to),
    ];
    s.media(&sent[0]);
    s.media(&sent[1]);
    sent
}

/// A whole call with media between these places.
fn call_between(s: &mut Scene, d: &Dialog, places: [SocketAddr; 2]) -> Sent {
    d.answered(s, 0.0, 1000.0);
    let sent = talk_between(s, d, places, 1000.0, 4000.0);
    d.bye(s, 4000.0, Caller);
    sent
}

#[track_caller]
fn whole(d: &Dialog, places: [SocketAddr; 2]) {
    let mut s = Scene::new();
    let sent = call_between(&mut s, d, places);
    let run = s.replay(AGENTS);
    complete(run.only(), true);
    if run.only().text("/direction") == "inbound" {
        inbound(run.only(), &sent)
    } else {
        outbound(run.only(), &sent)
    }
    assert_eq!(run.summary()["rtp_unmatched"], 0);
}

/// A channel holds its own voice whole, or nothing and the recording says so. Never another's.
#[track_caller]
fn own_or_nothing(r: &Recording, channel: &str, own: &[Packet]) -> bool {
    if r.channel(channel).iter().all(|s| *s == 0) {
        complete(r, false);
        return false;
    }
    // A part may be missing where it could not be known whose it is; nothing else may be heard.
    if check(r, channel, own).is_err() {
        complete(r, false);
        let part: Vec<Packet> = own.iter().filter(|p| stands(r, channel, p)).cloned().collect();
        must(r, channel, &part);
    }
    true
}

/// Whether a packet's sound lies where it was on the wire.
fn stands(r: &Recording, channel: &str, p: &Packet) -> bool {
    let place = (p.nominal_ns - r.instant_ns("answered_at")).div_euclid(125_000);
    let heard = r.channel(channel);
    // The end of the recording cuts its last packets.
    let edge = place < 80 || place + p.samples.len() as i64 + 80 > heard.len() as i64;
    edge || (place - 80..=place + 80).any(|at| {
        let from = usize::try_from(at).ok();
        from.and_then(|f| heard.get(f..f + p.samples.len())).is_some_and(|h| h == p.samples)
    })
}

/// A STUN binding request, as connectivity checks send it.
fn stun(s: &mut Scene, at: f64, src: SocketAddr, dst: SocketAddr) {
    let mut p = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
    p.extend_from_slice(&[7; 12]);
    s.udp(at, src, dst, &p);
}

#[test]
fn media_between_candidates_is_the_calls() {
    let told = [addr("198.51.100.7:41000"), addr("198.51.100.9:42000")];
    let hosts = [addr("10.20.0.5:10710"), addr("10.20.1.11:15220")];
    for d in [Dialog::new(1), Dialog::outbound(1)] {
        let d = Dialog { bodies: [ice(told[0], &hosts[..1]), ice(told[1], &hosts[1..])], ..d };
        whole(&d, hosts);
        // One of them by its candidate only, the other where c= says.
        whole(&d, [told[0], hosts[1]]);
        whole(&d, [hosts[0], told[1]]);
        let mut s = Scene::new();
        for i in 0..6 {
            stun(&mut s, 1010.0 + 5.0 * f64::from(i), hosts[i as usize % 2], hosts[(i as usize + 1) % 2]);
        }
        let sent = call_between(&mut s, &d, hosts);
        let run = s.replay(AGENTS);
        complete(run.only(), true);
        if d.from.contains("2001") { outbound(run.only(), &sent) } else { inbound(run.only(), &sent) }
    }
}

#[test]
fn the_second_candidate_and_ipv6_candidates_count() {
    let told = [addr("198.51.100.7:41000"), addr("198.51.100.9:42000")];
    let hosts = [
        [addr("10.20.0.5:10710"), addr("[2001:db8::5]:10710")],
        [addr("10.20.1.11:15220"), addr("[2001:db8:1::11]:15220")],
    ];
    let d = Dialog { bodies: [ice(told[0], &hosts[0]), ice(told[1], &hosts[1])], ..Dialog::new(2) };
    whole(&d, [hosts[0][1], hosts[1][1]]);
    whole(&d, [hosts[0][0], hosts[1][0]]);
}

#[test]
fn candidates_that_two_calls_name_belong_to_neither() {
    // Two homes, each with the same private address and port behind its own router.
    let home = addr("192.168.1.10:5004");
    let far = [addr("192.0.2.60:30000"), addr("192.0.2.60:30010")];
    let mut s = Scene::new();
    let mut sent = Vec::new();
    for i in 0..2_u16 {
        let told = SocketAddr::new(addr(&format!("203.0.113.{}:0", 20 + i)).ip(), 41_000);
        let d = Dialog {
            bodies: [ice(told, &[home]), ice(far[i as usize], &[far[i as usize]])],
            ..Dialog::new(3 + i)
        };
        d.answered(&mut s, 0.0, 1000.0 + f64::from(i));
        sent.push(talk_between(&mut s, &d, [told, far[i as usize]], 1010.0, 4000.0));
        d.bye(&mut s, 4000.0, Caller);
    }
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 2);
    for (r, sent) in run.recordings.iter().zip(&sent) {
        inbound(r, sent);
        complete(r, true);
    }
}

/// Public addresses of SIP, private ones in the descriptions.
fn behind_nat(d: Dialog, private: [&str; 2]) -> Dialog {
    let d = at(d, "203.0.113.9", "198.51.100.7");
    let place = |i: usize| SocketAddr::new(private[i].parse().unwrap(), d.rtp[i].port());
    Dialog { rtp: [place(0), place(1)], ..d }
}

fn public(d: &Dialog) -> [SocketAddr; 2] {
    [0, 1].map(|i| SocketAddr::new(d.sip[i].ip(), d.rtp[i].port()))
}

#[test]
fn both_ends_behind_nat_are_paired_by_where_sip_came_from() {
    for private in [["172.16.5.5", "192.168.1.10"], ["10.0.0.4", "10.0.0.4"], ["100.64.3.3", "192.168.0.2"]] {
        for d in [Dialog::new(5), Dialog::outbound(5)] {
            let d = behind_nat(d, private);
            whole(&d, public(&d));
        }
    }
}

#[test]
fn calls_between_the_same_two_routers_are_told_apart_by_their_ports() {
    let mut s = Scene::new();
    let mut sent = Vec::new();
    for n in 6..10 {
        let d = behind_nat(Dialog::new(n), ["172.16.5.5", "192.168.1.10"]);
        sent.push(call_between(&mut s, &d, public(&d)));
    }
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 4);
    for r in &run.recordings {
        let n: usize = r.text("/sip/call_id").trim_start_matches("ladder-").parse().unwrap();
        inbound(r, &sent[n - 6]);
        complete(r, true);
    }
}

#[test]
fn an_address_that_another_call_names_is_not_guessed() {
    // The second call's description names what would be the first call's guess.
    let hidden = behind_nat(Dialog::new(11), ["172.16.5.5", "192.168.1.10"]);
    let mut open = at(Dialog::new(12), "203.0.113.9", "198.51.100.7");
    open.rtp = public(&hidden);
    let mut s = Scene::new();
    hidden.answered(&mut s, 0.0, 1000.0);
    open.answered(&mut s, 100.0, 1100.0);
    let sent = talk(&mut s, &open, 1200.0, 4000.0);
    hidden.bye(&mut s, 4000.0, Caller);
    open.bye(&mut s, 4010.0, Caller);
    let run = s.replay(AGENTS);
    for r in &run.recordings {
        if r.text("/sip/call_id") == "ladder-12" {
            own_or_nothing(r, "customer", &sent[0]);
            own_or_nothing(r, "agent", &sent[1]);
        } else {
            silent(r, "customer");
            silent(r, "agent");
        }
    }
}

/// Two calls of a media server that takes both on one address and port; both telephones behind NAT.
fn one_address(vlans: Option<[u16; 2]>, overlap: bool) -> (Scene, [Sent; 2]) {
    let server = addr("192.0.2.5:10000");
    let mut all = Scene::new();
    let sent = [0_u16, 1].map(|i| {
        let mut d = at(Dialog::new(20 + i), "192.0.2.5", &format!("192.0.2.{}", 21 + i));
        d.to = format!("<sip:200{}@192.0.2.5>", i + 1);
        d.uri = format!("sip:200{}@192.0.2.{}", i + 1, 21 + i);
        d.rtp = [server, addr(&format!("192.168.1.{}:4000", 10 + i))];
        // With VLANs the telephones share their address as well.
        let seen = if vlans.is_some() {
            addr("192.0.2.77:4000")
        } else {
            addr(&format!("203.0.113.{}:{}", 21 + i, 61_000 + i))
        };
        let start = if overlap { 1000.0 + 1400.0 * f64::from(i) } else { 1000.0 + 4000.0 * f64::from(i) };
        let mut s = Scene::new();
        d.answered(&mut s, start - 900.0, start);
        let sent = talk_between(&mut s, &d, [server, seen], start + 100.0, start + 2200.0);
        d.bye(&mut s, start + 2200.0, Caller);
        for (at, f) in s.frames {
            all.frames.push((at, vlans.map_or_else(|| f.clone(), |v| tagged(&f, v[i as usize]))));
        }
        sent
    });
    (all, sent)
}

#[test]
fn two_calls_on_one_address_never_hear_each_other() {
    for overlap in [true, false] {
        let (s, sent) = one_address(None, overlap);
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2, "{}", run.stdout());
        for (r, sent) in run.recordings.iter().zip(&sent) {
            let heard = [own_or_nothing(r, "customer", &sent[0]), own_or_nothing(r, "agent", &sent[1])];
            if !overlap {
                assert_eq!(heard, [true, true], "one after the other there is no doubt");
                complete(r, true);
            }
        }
    }
}

#[test]
fn vlans_tell_calls_of_the_same_addresses_apart() {
    let mut s = Scene::new();
    let sent = [10_u16, 20].map(|vlan| {
        let mut d = Dialog::new(30);
        d.call_id = format!("vlan-{vlan}");
        d.tags = d.tags.map(|t| format!("{t}-{vlan}"));
        let mut one = Scene::new();
        d.answered(&mut one, f64::from(vlan), 1000.0 + f64::from(vlan));
        let sent =
            [Caller, Callee].map(|v| Voice::of(&d, v, u64::from(vlan) + v as u64).talk(1050.0, 4000.0));
        one.media(&sent[0]);
        one.media(&sent[1]);
        d.bye(&mut one, 4000.0 + f64::from(vlan), Caller);
        s.frames.extend(one.frames.iter().map(|(at, f)| (*at, tagged(f, vlan))));
        sent
    });
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 2, "{}", run.stdout());
    for (r, sent) in run.recordings.iter().zip(&sent) {
        inbound(r, sent);
        complete(r, true);
    }
}

#[test]
fn calls_behind_nat_on_one_address_are_told_apart_by_their_vlans() {
    let (s, sent) = one_address(Some([100, 200]), true);
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 2, "{}", run.stdout());
    for (r, sent) in run.recordings.iter().zip(&sent) {
        own_or_nothing(r, "customer", &sent[0]);
        own_or_nothing(r, "agent", &sent[1]);
    }
}

#[test]
fn a_voice_vlan_of_its_own_or_one_for_each_direction_is_one_call() {
    // (VLAN of SIP, of the caller's voice, of the callee's; 0: none)
    for [sip, caller, callee] in [[5, 10, 10], [0, 10, 10], [10, 0, 0], [5, 10, 20], [0, 0, 7], [7, 7, 7]] {
        let d = Dialog::new(31);
        let mut s = Scene::new();
        let sent = call(&mut s, &d, 1000.0, 3000.0);
        for (_, f) in &mut s.frames {
            let ports = [u16::from_be_bytes([f[34], f[35]]), u16::from_be_bytes([f[36], f[37]])];
            let vlan = if ports.contains(&5060) {
                sip
            } else if ports[0] == d.rtp[0].port() {
                caller
            } else {
                callee
            };
            if vlan != 0 {
                *f = tagged(f, vlan);
            }
        }
        let run = s.replay(AGENTS);
        inbound(run.only(), &sent);
        complete(run.only(), true);
    }
}

#[test]
fn a_mirror_that_shows_each_packet_on_two_vlans_shows_one_call() {
    for (vlans, late) in [([10, 20], 0.0), ([20, 10], 0.3), ([0, 20], 2.0), ([20, 0], 0.0)] {
        for both in [true, false] {
            let d = Dialog::new(32);
            let mut s = Scene::new();
            let sent = call(&mut s, &d, 1000.0, 3000.0);
            let on = |f: &[u8], vlan: u16| if vlan == 0 { f.to_vec() } else { tagged(f, vlan) };
            let mut frames = Vec::new();
            for (at, f) in &s.frames {
                let is_sip =
                    [u16::from_be_bytes([f[34], f[35]]), u16::from_be_bytes([f[36], f[37]])].contains(&5060);
                frames.push((*at, on(f, vlans[0])));
                if both || !is_sip {
                    frames.push((*at + (late * 1e6) as i64, on(f, vlans[1])));
                }
            }
            s.frames = frames;
            let run = s.replay(AGENTS);
            inbound(run.only(), &sent);
            complete(run.only(), true);
        }
    }
}

/// The customer says he is at a private address and is at `real`; the agent's telephone
/// receives where it says and sends from another port.
#[test]
fn the_way_back_of_a_known_flow_is_the_same_calls() {
    let real = addr("203.0.113.50:61000");
    let mut d = Dialog::new(40);
    d.rtp[0] = addr("192.168.7.7:20004");
    let mut other = d.rtp[1];
    other.set_port(34_568);
    // (from where the agent sends, to where the customer sends)
    for (from, to) in [(d.rtp[1], d.rtp[1]), (other, d.rtp[1]), (other, other)] {
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let mut c = Voice::of(&d, Caller, 5).between(real, d.rtp[1]);
        let mut customer = c.talk(1001.0, 2001.0);
        c.dst = to;
        customer.extend(c.talk(2001.0, 4000.0));
        let agent = Voice::of(&d, Callee, 6).between(from, real).talk(1045.0, 4000.0);
        s.media(&customer);
        s.media(&agent);
        d.bye(&mut s, 4000.0, Caller);
        let run = s.replay(AGENTS);
        inbound(run.only(), &[customer, agent]);
        complete(run.only(), true);
    }
}

#[test]
fn a_way_back_that_two_calls_may_own_is_neithers() {
    // Two customers behind one router port cannot be; two calls of one telephone port can.
    let real = addr("203.0.113.50:61000");
    let mut s = Scene::new();
    let mut sent = Vec::new();
    for n in [41, 42] {
        let mut d = Dialog::new(n);
        d.rtp[0] = addr("192.168.7.7:20004");
        d.answered(&mut s, 0.0, 1000.0 + f64::from(n));
        let own = d.rtp[1];
        let mut unnamed = own;
        unnamed.set_port(34_568);
        let c = Voice::of(&d, Caller, u64::from(n)).between(real, own).talk(1101.0, 4000.0);
        // Both telephones are at one address and send from one port nobody named.
        let a = Voice::of(&d, Callee, u64::from(n) + 9).between(unnamed, real).talk(1105.0, 4000.0);
        s.media(&c);
        s.media(&a);
        d.bye(&mut s, 4000.0 + f64::from(n), Caller);
        sent.push([c, a]);
    }
    let run = s.replay(AGENTS);
    for r in &run.recordings {
        let [customer, agent] = &sent[usize::from(r.text("/sip/call_id") == "ladder-42")];
        own_or_nothing(r, "customer", customer);
        own_or_nothing(r, "agent", agent);
    }
    assert_eq!(run.recordings.len(), 2, "{}", run.stdout());
}

#[test]
fn a_channel_whose_packets_went_unmatched_is_not_whole() {
    // The agent's telephone sends from a port nobody named to a place nobody named.
    let d = Dialog::new(43);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let customer = Voice::of(&d, Caller, 1).talk(1001.0, 4000.0);
    let mut from = d.rtp[1];
    from.set_port(34_568);
    let agent = Voice::of(&d, Callee, 2).between(from, addr("198.51.100.10:4444")).talk(1005.0, 4000.0);
    s.media(&customer);
    s.media(&agent);
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay(AGENTS);
    let whole = [customer, agent];
    if check(run.only(), "agent", &whole[1]).is_err() {
        silent(run.only(), "agent");
        complete(run.only(), false);
    }
    must(run.only(), "customer", &whole[0]);
}
