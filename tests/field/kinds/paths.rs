//! Where media comes from: NAT, ICE, VLANs, ports that nobody named; and what a capture does to packets.

use crate::common::ladder::Side::{self, Callee, Caller};
use crate::common::voice::Packet;
use crate::field::stage::{Call, Stage};
use crate::field::want::{Expected, Sound};
use std::net::SocketAddr;

/// A side's packets come from and go to another address than it says.
fn is_at(c: &mut Call, side: Side, real: SocketAddr) {
    c.voices[side as usize].src = real;
    c.voices[side.other() as usize].dst = real;
}

fn private(s: &mut Stage, port: u16) -> SocketAddr {
    let host = *s.rng.pick(&["10.0.0.5", "192.168.1.10", "172.16.4.4"]);
    s.at(host, port)
}

/// A public host of the case's own.
fn public(s: &mut Stage) -> String {
    format!("203.0.113.{}", 1 + s.rng.below(250))
}

fn whole(s: &mut Stage, mut c: Call) -> Expected {
    s.whole(&mut c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// One side is behind NAT: its description is private; the port is kept or not.
pub fn nat_one(s: &mut Stage) -> Expected {
    let mut c = s.call(1300.0);
    let side = if s.rng.chance(0.5) { Caller } else { Callee };
    let (real, port) = (public(s), s.port());
    let kept = s.rng.chance(0.5);
    let named = private(s, c.d.rtp[side as usize].port());
    c.d.rtp[side as usize] = named;
    let real = s.at(&real, if kept { named.port() } else { port });
    c.d.sip[side as usize] = SocketAddr::new(real.ip(), 5060);
    is_at(&mut c, side, real);
    whole(s, c)
}

/// Both are: the packets flow between where SIP came from, on the ports that are named.
pub fn nat_both(s: &mut Stage) -> Expected {
    let mut c = s.call(1300.0);
    // Hosts of this case's own: nobody else may be near.
    let own = s.port();
    let hosts = [100, 101].map(|net| s.at(&format!("{net}.64.{}.{}", own % 251, 1 + own / 300), 5060));
    for side in [Caller, Callee] {
        let named = private(s, c.d.rtp[side as usize].port());
        c.d.rtp[side as usize] = named;
        c.d.sip[side as usize] = hosts[side as usize];
        is_at(&mut c, side, SocketAddr::new(hosts[side as usize].ip(), named.port()));
    }
    whole(s, c)
}

/// c= and m= name server-reflexive addresses, the packets flow between host candidates.
pub fn ice(s: &mut Stage) -> Expected {
    let mut c = s.call(1300.0);
    let both = s.rng.chance(0.6);
    let mut candidates = [String::new(), String::new()];
    for side in [Caller, Callee] {
        if !both && side == Callee {
            continue;
        }
        let host = c.d.rtp[side as usize];
        let (out, port) = (public(s), s.port());
        let outside = s.at(&out, port);
        c.d.rtp[side as usize] = outside;
        candidates[side as usize] = format!(
            "a=ice-ufrag:x\r\na=ice-pwd:yyyyyyyyyyyyyyyyyyyyyy\r\n\
             a=candidate:1 1 UDP 2130706431 {} {} typ host\r\n\
             a=candidate:2 1 UDP 1694498815 {} {} typ srflx raddr {} rport {}\r\n",
            host.ip(),
            host.port(),
            outside.ip(),
            outside.port(),
            host.ip(),
            host.port()
        );
    }
    let d = c.d.clone();
    let [offer, answer] =
        [Caller, Callee].map(|side| format!("{}{}", d.sdp(side), candidates[side as usize]));
    let text = d.request_text("INVITE", Caller, d.cseq, false, "", Some(&offer));
    s.message(s.start, &d, Caller, &text);
    let text = d.response_text(200, "INVITE", Caller, d.cseq, "", Some(&answer));
    s.message(c.answered, &d, Callee, &text);
    d.ack(&mut s.scene, c.answered + 5.0);
    // Connectivity checks between the hosts.
    for (i, v) in c.voices.iter().enumerate() {
        let mut check = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
        check.extend_from_slice(&[i as u8; 12]);
        s.scene.udp(c.answered + 8.0 + i as f64, v.src, v.dst, &check);
    }
    let (from, to) = (c.answered, c.ended);
    s.talk(&mut c, from + 20.0, to);
    s.hang_up(&c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// Tags on SIP, on RTP, on both, one or two, the same or not.
pub fn vlan(s: &mut Stage) -> Expected {
    let id = 10 + s.rng.below(4000) as u16;
    let one = vec![id];
    let two = vec![100, id];
    s.vlans = match s.rng.below(5) {
        0 => [one.clone(), one],
        1 => [two.clone(), two],
        2 => [vec![], one],
        3 => [vec![5], one],
        _ => [one, vec![]],
    };
    let c = s.call(1300.0);
    whole(s, c)
}

/// A side sends from another port than the one it receives on.
pub fn symmetric(s: &mut Stage) -> Expected {
    let mut c = s.call(1300.0);
    let side = if s.rng.chance(0.5) { Caller } else { Callee };
    let real = SocketAddr::new(c.d.rtp[side as usize].ip(), s.port());
    c.voices[side as usize].src = real;
    if s.rng.chance(0.5) {
        // And the other side answers to where it hears it from.
        c.voices[side.other() as usize].dst = real;
    }
    whole(s, c)
}

/// A re-INVITE moves one side's media to another host or port.
pub fn moved(s: &mut Stage) -> Expected {
    let mut c = s.call(2000.0);
    s.calm(&mut c);
    s.open(&c);
    let change = c.answered + 1000.0;
    let (from, to) = (c.answered, c.ended);
    s.talk(&mut c, from, change);
    let side = if s.rng.chance(0.5) { Caller } else { Callee };
    let host = if s.rng.chance(0.5) { s.exchange() } else { c.d.rtp[side as usize].ip().to_string() };
    let port = s.port();
    let next =
        if host.contains(':') { SocketAddr::new(host.parse().unwrap(), port) } else { s.at(&host, port) };
    c.d.rtp[side as usize] = next;
    let asks = if s.rng.chance(0.7) { side } else { side.other() };
    s.redirect(change, &c, asks, c.d.cseq + 1, ["sendrecv", "sendrecv"]);
    is_at(&mut c, side, next);
    s.talk(&mut c, change + 20.0, to);
    s.hang_up(&c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// One side's packets are all on ports that nobody named: known only as the way back of the other's.
pub fn way_back(s: &mut Stage) -> Expected {
    let mut c = s.call(1300.0);
    let side = if s.rng.chance(0.5) { Caller } else { Callee };
    let port = s.port();
    // The other side's flow goes to a named port, from one that is not.
    let named = c.d.rtp[side as usize];
    let unnamed = SocketAddr::new(c.d.rtp[side.other() as usize].ip(), port);
    is_at(&mut c, side, named);
    is_at(&mut c, side.other(), unnamed);
    whole(s, c)
}

/// One side's packets go between ports that nobody named, though the hosts are known: where they are not
/// taken for this call's, it is not complete.
pub fn unmatched(s: &mut Stage) -> Expected {
    let mut c = s.call(1500.0);
    s.calm(&mut c);
    let side = if s.rng.chance(0.5) { Caller } else { Callee };
    let ports = [s.port(), s.port()];
    let v = &mut c.voices[side as usize];
    v.src = SocketAddr::new(v.src.ip(), ports[0]);
    v.dst = SocketAddr::new(v.dst.ip(), ports[1]);
    s.whole(&mut c);
    let mut w = c.wanted(&s.agent(0));
    w.complete = None;
    w.sound[usize::from(side == c.agent)] = Sound::Some(c.sent[side as usize].clone());
    Expected::one(w).secret(&c.number)
}

/// Two calls at once whose customers are on one address and port of a media server. Named telephones tell
/// them apart; where those are hidden each has its own voices or silence that says so.
pub fn one_server(s: &mut Stage) -> Expected {
    let number = s.customer();
    let (trunk, server) = (s.trunk(), s.exchange());
    let port = s.port();
    let shared = s.at(&server, port);
    let hidden = s.rng.chance(0.5);
    let mut e = Expected::default();
    let begin = s.start;
    for i in 0..2 {
        let (agent, phone) = (s.agent(i), s.phone(i));
        let mut d = s.dialog((&number, &trunk), (&agent, &phone));
        d.rtp[0] = shared;
        let real = d.rtp[1];
        if hidden {
            d.rtp[1] = private(s, real.port());
        }
        s.start = begin + s.rng.range(0.0, 700.0).round();
        let at = s.start + s.rng.range(150.0, 600.0).round();
        let mut c = s.call_over(d, Callee, at, 1500.0);
        s.calm(&mut c);
        if hidden {
            let port = s.port();
            let out = SocketAddr::new(real.ip(), port);
            is_at(&mut c, Callee, out);
        }
        s.whole(&mut c);
        let mut w = c.wanted(&agent);
        w.group = i as usize;
        if hidden {
            w.complete = None;
            let [customer, agent] = [Caller, Callee].map(|side| Sound::Some(c.sent[side as usize].clone()));
            w.sound = [customer, agent];
        }
        e = e.and(w);
    }
    e.secret(&number)
}

/// A call on the addresses and ports of one that has just ended.
pub fn reused(s: &mut Stage) -> Expected {
    let mut c = s.call(1200.0);
    s.calm(&mut c);
    s.whole(&mut c);
    let first = c.wanted(&s.agent(0));
    s.start = c.ended + s.rng.range(8.0, 80.0).round();
    let d = &c.d;
    let next = crate::common::ladder::Dialog {
        call_id: format!("{}-again", d.call_id),
        tags: [format!("{}n", d.tags[0]), format!("{}n", d.tags[1])],
        ..d.clone()
    };
    let at = s.start + s.rng.range(60.0, 500.0).round();
    let mut c = s.call_over(next, c.agent, at, 1200.0);
    s.calm(&mut c);
    s.open(&c);
    // Media may come before the answer that announces it.
    let early = if s.rng.chance(0.5) { 60.0 } else { 0.0 };
    let (from, to) = (c.answered - early, c.ended);
    s.talk(&mut c, from, to);
    s.hang_up(&c);
    let mut second = c.wanted(&s.agent(0));
    second.group = 1;
    Expected::one(first).and(second).secret(&c.number)
}

/// The capture cuts every packet of media: not complete, and no noise of what is not there.
pub fn cut(s: &mut Stage) -> Expected {
    s.snap = Some(134);
    let mut c = s.call(1300.0);
    s.calm(&mut c);
    s.whole(&mut c);
    let mut w = c.wanted(&s.agent(0));
    w.complete = Some(false);
    w.sound = [Sound::Any, Sound::Any];
    Expected::one(w).secret(&c.number)
}

/// One datagram of the capture holds several packets of one side, one behind the other.
pub fn super_packets(s: &mut Stage) -> Expected {
    let mut c = s.call(1500.0);
    s.calm(&mut c);
    s.open(&c);
    let side = if s.rng.chance(0.5) { Caller } else { Callee };
    let (from, to) = (c.answered, c.ended);
    s.speak(&mut c, side.other(), from + 3.0, to);
    let n = 2 + s.rng.below(3) as usize;
    let packets = c.say(side, from + 5.0, to - 21.0 * n as f64);
    // Sent together when the last of them was spoken: that one tells the path.
    for group in packets.chunks(n) {
        let at = group[group.len() - 1].nominal_ns;
        let all: Vec<u8> = group.iter().flat_map(|p| p.rtp.iter().copied()).collect();
        let one = Packet { rtp: all, captured_ns: vec![at], ..group[0].clone() };
        s.scene.media(&[one]);
        for p in group {
            c.sent[side as usize].push(Packet { captured_ns: vec![at], ..p.clone() });
        }
    }
    s.hang_up(&c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}
