//! Several calls whose addresses, ports, VLANs and times cross as they do in the
//! field: behind NAT, on one media server, on ports used again at once.
//!
//! The oracle knows where each packet came from. It is certain of a packet's
//! owner where what the descriptions and candidates name, the VLAN or the way
//! back of such a flow leave only one call; otherwise silence is right as well.
//! Another's voice is never right.

use super::link::{Shot, is_sip, tagged, write_pcap};
use super::owner::{Index, Sent, Tally, listen};
use super::seeds::number;
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, Side, addr, ns};
use crate::common::rng::Rng;
use crate::common::run::{self, Recording, Run};
use crate::common::voice::{Fate, Packet, Voice};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// Where one party is, from an instant on.
#[derive(Clone, Debug)]
struct Place {
    from: f64,
    /// What its description names.
    named: SocketAddr,
    /// What its candidates name besides.
    candidates: Vec<SocketAddr>,
    /// Where its packets come from and go to on the wire.
    real: SocketAddr,
}

impl Place {
    fn claims(&self, at: SocketAddr) -> bool {
        self.named == at || self.candidates.contains(&at)
    }
}

/// One call.
#[derive(Clone, Debug)]
struct Call {
    d: Dialog,
    /// Which side is the agent; none: not recorded.
    agent: Option<Side>,
    places: [Vec<Place>; 2],
    /// SIP and RTP.
    vlans: [Vec<u16>; 2],
    invited: f64,
    answered: f64,
    /// Media ends; a BYE comes with it or never.
    over: f64,
    bye: bool,
    sent: [Vec<Packet>; 2],
}

impl Call {
    fn place(&self, side: Side, at: f64) -> &Place {
        let all = &self.places[side as usize];
        all.iter().rev().find(|p| p.from <= at).unwrap_or(&all[0])
    }

    /// May packets at `at` be this call's? Its end is not known to the second.
    fn lives(&self, at: f64) -> bool {
        at > self.invited - 50.0 && (!self.bye || at < self.over + 500.0)
    }

    fn names(&self, at: SocketAddr) -> bool {
        self.places.iter().flatten().any(|p| p.claims(at))
    }

    fn ips(&self) -> impl Iterator<Item = IpAddr> {
        let sip = self.d.sip.iter().map(SocketAddr::ip);
        sip.chain(self.places.iter().flatten().flat_map(|p| [p.named.ip(), p.real.ip()]))
    }

    /// Do both talk at once between the very same sockets of one network?
    fn shares_sockets(&self, later: &Call) -> bool {
        let at_once = later.invited < self.over + 100.0 && self.vlans[1] == later.vlans[1];
        let [a, b] =
            [self, later].map(|c| c.places.clone().map(|p| p.iter().map(|p| p.real).collect::<Vec<_>>()));
        let meet = |x: &[SocketAddr], y: &[SocketAddr]| x.iter().any(|at| y.contains(at));
        let straight = meet(&a[0], &b[0]) && meet(&a[1], &b[1]);
        let crossed = meet(&a[0], &b[1]) && meet(&a[1], &b[0]);
        at_once && (straight || crossed)
    }

    /// Does media of this call run where `other` was signalled, which was not heard yet on the
    /// VLAN of its own media, while this call was signalled elsewhere? Change the names of the
    /// two: now each runs on its own VLAN, and all packets are the same. As VLAN ids tell flows
    /// apart a listener must believe that.
    fn lies_by_vlan(&self, other: &Call) -> bool {
        let is_wrong = self.vlans[1] == other.vlans[0] && self.vlans[0] != self.vlans[1];
        let meet = |a: &SocketAddr| other.names(*a) || other.places.iter().flatten().any(|p| p.real == *a);
        let named = self.places.iter().flatten().flat_map(|p| [p.named, p.real]);
        is_wrong
            && other.vlans[0] != other.vlans[1]
            && named.into_iter().any(|a| meet(&a))
            && other.answered > self.answered - 150.0
            && other.invited < self.over + 100.0
    }

    fn tells_by_vlan(&self) -> bool {
        !self.vlans[1].is_empty() && self.vlans[0] == self.vlans[1]
    }
}

/// Does a judgement speak of sound in a recording that is not its own?
pub fn is_mixed(judgement: &str) -> bool {
    ["the voice of", "that its speaker did not make", "a recording of", "recorded without an agent"]
        .iter()
        .any(|what| judgement.contains(what))
}

/// A scenario and what must come of it.
pub struct Strangers {
    calls: Vec<Call>,
    nobody: Vec<Packet>,
    shots: Vec<Shot>,
}

impl Strangers {
    /// The scenario of a seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let six = rng.chance(0.2);
        let mode = rng.below(6);
        let mut calls: Vec<Call> = Vec::new();
        for n in 0..*rng.pick(&[2, 2, 2, 3, 4]) {
            let mut call = plan(&mut rng, n, six, mode, calls.last());
            // A pair of sockets carries one call at a time. (One network that seems to carry two
            // is told apart by its VLANs, or is two networks that no mirror should mix.)
            for _ in 0..20 {
                if !calls
                    .iter()
                    .any(|o| o.shares_sockets(&call) || o.lies_by_vlan(&call) || call.lies_by_vlan(o))
                {
                    break;
                }
                call = plan(&mut rng, n, six, mode, calls.last());
            }
            calls.push(call);
        }
        let mut shots = Vec::new();
        for c in &mut calls {
            let mut scene = Scene::new();
            signalling(&mut rng, c, &mut scene);
            media(&mut rng, c);
            for sent in &c.sent {
                scene.media(sent);
            }
            put(&mut shots, &scene, &c.vlans);
        }
        let nobody = if rng.chance(0.4) { nobodys(&mut rng, &calls) } else { Vec::new() };
        let mut scene = Scene::new();
        scene.media(&nobody);
        put(&mut shots, &scene, &calls[0].vlans);
        shots.sort_by_key(|s| s.at);
        Strangers { calls, nobody, shots }
    }

    /// Replays it.
    pub fn play(&self) -> Run {
        let dir = tempfile::tempdir().unwrap();
        let path: PathBuf = dir.path().join("strangers.pcap");
        write_pcap(&path, self.shots.iter());
        run::replay_with(AGENTS, &[&path], &["--json", "--workers", "1"], &[])
    }

    /// Leaves the capture where `NAUHURI_KEEP` says.
    pub fn keep(&self, seed: u64) {
        if let Some(dir) = std::env::var_os("NAUHURI_KEEP") {
            write_pcap(&PathBuf::from(dir).join(format!("strangers-{seed}.pcap")), self.shots.iter());
        }
    }

    /// What it is, in a few lines.
    pub fn describe(&self) -> String {
        let mut out = String::new();
        for c in &self.calls {
            let _ = write!(
                out,
                "\n    {} {:.0}..{:.0}..{:.0}{} vlans {:?}",
                c.d.call_id,
                c.invited,
                c.answered,
                c.over,
                if c.bye { "" } else { " (no BYE)" },
                c.vlans
            );
            for (side, places) in ["caller", "callee"].iter().zip(&c.places) {
                let agent = c.agent.is_some_and(|a| (a == Caller) == (*side == "caller"));
                let _ = write!(out, "\n      {side}{}:", if agent { " (agent)" } else { "" });
                for p in places {
                    let _ = write!(out, " from {:.0} {} {:?} is {};", p.from, p.named, p.candidates, p.real);
                }
            }
        }
        if let Some(p) = self.nobody.first() {
            let _ = write!(out, "\n    nobody {} -> {}", p.src, p.dst);
        }
        out
    }

    /// # Errors
    /// What is wrong with a run.
    pub fn judge(&self, run: &Run) -> Result<(), String> {
        if !run.output.status.success() {
            return Err(format!("failed: {}", run.stderr()));
        }
        let known = |r: &Recording| self.calls.iter().any(|c| c.d.call_id == r.text("/sip/call_id"));
        if let Some(r) = run.recordings.iter().find(|r| !known(r)) {
            return Err(format!("a recording of {}", r.text("/sip/call_id")));
        }
        for (i, c) in self.calls.iter().enumerate() {
            let of: Vec<&Recording> =
                run.recordings.iter().filter(|r| r.text("/sip/call_id") == c.d.call_id).collect();
            self.judge_one(i, &of).map_err(|e| format!("{}: {e}", c.d.call_id))?;
        }
        Ok(())
    }

    fn judge_one(&self, i: usize, recordings: &[&Recording]) -> Result<(), String> {
        let c = &self.calls[i];
        let Some(agent) = c.agent else {
            return if recordings.is_empty() { Ok(()) } else { Err("recorded without an agent".into()) };
        };
        let sent: [Vec<Sent>; 2] = [Caller, Callee].map(|side| self.sent(i, side));
        let r = match recordings {
            [r] => r,
            // Media of which nothing is named anywhere is as good as none: a failure that is told.
            [] if [Caller, Callee].iter().all(|s| !self.named(i, *s)) => return Ok(()),
            _ => return Err(format!("{} recordings", recordings.len())),
        };
        if r.instant_ns("answered_at") != ns(c.answered) {
            return Err(format!("answered at {}", r.text("/answered_at")));
        }
        let mut total = Tally::default();
        for side in [Caller, Callee] {
            let channel = if side == agent { "agent" } else { "customer" };
            self.strange(i, side, r, channel)?;
            let tally = listen(r, channel, &sent[side as usize])?;
            if total.missing == 0 {
                total.first = tally.first;
            }
            total.heard += tally.heard;
            total.missing += tally.missing;
        }
        let complete = r.json["complete"] == true;
        if total.missing > 0 && complete {
            return Err(format!(
                "complete, though {} packets are missing, the first at {:.3} s",
                total.missing, total.first
            ));
        }
        if total.missing == 0 && !complete && c.bye && self.all_certain() {
            return Err("not complete, though nothing is missing".into());
        }
        Ok(())
    }

    /// Anybody else's voice in a channel?
    fn strange(&self, i: usize, side: Side, r: &Recording, channel: &str) -> Result<(), String> {
        let index = Index::new(r.channel(channel));
        let others = self.calls.iter().enumerate().flat_map(|(j, c)| {
            [Caller, Callee]
                .into_iter()
                .filter(move |s| (j, *s) != (i, side))
                .map(move |s| (format!("{}'s {s:?}", c.d.call_id), &c.sent[s as usize]))
        });
        for (who, packets) in others.chain([("nobody".to_string(), &self.nobody)]) {
            if let Some(at) = packets.iter().find_map(|p| index.any_of(p)) {
                return Err(format!("{channel}: the voice of {who} at {:.3} s", at as f64 / 8e3));
            }
        }
        Ok(())
    }

    /// Not a packet of any call is in doubt: nobody has a reason to be incomplete.
    fn all_certain(&self) -> bool {
        (0..self.calls.len())
            .all(|i| [Caller, Callee].iter().all(|s| self.sent(i, *s).iter().all(|s| s.certain)))
    }

    /// What a side sent, each packet with its certainty.
    fn sent(&self, i: usize, side: Side) -> Vec<Sent> {
        let of = self.calls[i].sent[side as usize].iter();
        of.map(|p| Sent { packet: p.clone(), certain: self.certain(i, side, p) }).collect()
    }

    /// Is any packet of a side between ends of which the call names one?
    fn named(&self, i: usize, side: Side) -> bool {
        let c = &self.calls[i];
        c.sent[side as usize].iter().any(|p| {
            let at = (p.nominal_ns - ns(0.0)) as f64 / 1e6;
            at > c.answered
                && !p.captured_ns.is_empty()
                && (c.place(side, at).claims(p.src) || c.place(side.other(), at).claims(p.dst))
        })
    }

    /// Does all that is known before and on the wire leave call `i` alone as the owner?
    fn certain(&self, i: usize, side: Side, p: &Packet) -> bool {
        let at = (p.nominal_ns - ns(0.0)) as f64 / 1e6;
        // Just before a move both places are known, the old one of the past: it must be sure by either.
        [at, at + MOVE_MS].iter().all(|at| self.certain_at(i, side, p, *at))
    }

    fn certain_at(&self, i: usize, side: Side, p: &Packet, at: f64) -> bool {
        let c = &self.calls[i];
        let (me, peer) = (c.place(side, at), c.place(side.other(), at));
        let ends = [me.claims(p.src), peer.claims(p.dst)];
        let rivals = self.calls.iter().enumerate().filter(|(j, o)| *j != i && o.lives(at)).map(|(_, o)| o);
        let mut apart =
            rivals.filter(|o| !(c.tells_by_vlan() && o.tells_by_vlan() && c.vlans[1] != o.vlans[1]));
        match ends {
            // Both ends are named: only who names both as well can own it.
            [true, true] => !apart.any(|o| o.names(p.src) && o.names(p.dst)),
            [false, false] => {
                // Both are hidden: nobody else may be near, and the ports are those named. Where both
                // NATs have changed them the hosts are all there is, and nobody may have been there before.
                let kept = me.named.port() == p.src.port() && peer.named.port() == p.dst.port();
                let there = c.d.sip[side as usize].ip() == p.src.ip()
                    && c.d.sip[side.other() as usize].ip() == p.dst.ip();
                let near = |ip: IpAddr| ip == p.src.ip() || ip == p.dst.ip();
                let moved = [me, peer].iter().all(|p| is_private(p.named.ip()) && p.from == 0.0);
                let mut others = self.calls.iter().enumerate().filter(|(j, _)| *j != i);
                let sole = p.src.ip() != p.dst.ip() && !others.any(|(_, o)| o.ips().any(near));
                (kept || moved && sole)
                    && there
                    && self.nobody.is_empty()
                    && !apart.any(|o| o.ips().any(near))
            }
            _ => !apart.any(|o| o.names(p.src) || o.names(p.dst)),
        }
    }
}

/// How long before the first packet from a new place it is told of.
const MOVE_MS: f64 = 45.0;

const TRUNK: [&str; 2] = ["198.51.100.10", "198.51.100.11"];
const OFFICE: [&str; 2] = ["192.0.2.20", "192.0.2.21"];
const PUBLIC: [&str; 2] = ["203.0.113.7", "203.0.113.8"];
const PRIVATE: [&str; 2] = ["10.0.0.5", "192.168.1.10"];
const SERVER: &str = "192.0.2.5";
const PORTS: [u16; 4] = [20_000, 20_002, 20_004, 30_000];

fn at(ip: &str, port: u16, six: bool) -> SocketAddr {
    let four = addr(&format!("{ip}:{port}"));
    match (four.ip(), six) {
        (IpAddr::V4(v4), true) => {
            let [a, b, c, d] = v4.octets().map(u16::from);
            // What is private stays so (RFC 4193).
            let net = if v4.is_private() { [0xFD00, 0] } else { [0x2001, 0xDB8] };
            SocketAddr::new(Ipv6Addr::new(net[0], net[1], 0, 0, a, b, c, d).into(), port)
        }
        _ => four,
    }
}

/// Where a party is and what it says of it.
fn place(rng: &mut Rng, open: &[&str; 2], six: bool, from: f64) -> Place {
    let port = *rng.pick(&PORTS);
    let here = at(rng.pick::<&str>(open), port, six);
    let hidden = at(rng.pick::<&str>(&PRIVATE), port, six);
    let outside = at(rng.pick::<&str>(&PUBLIC), port, six);
    let other = 40_000 + 2 * rng.below(500) as u16;
    let plain = |named, real| Place { from, named, candidates: Vec::new(), real };
    match rng.below(9) {
        0..=2 => plain(here, here),
        3 => plain(at(SERVER, port, six), at(SERVER, port, six)),
        4 => plain(hidden, outside),
        5 => plain(hidden, SocketAddr::new(outside.ip(), other)),
        6 => plain(here, SocketAddr::new(here.ip(), other)),
        7 => Place { candidates: vec![here, outside], ..plain(outside, here) },
        _ => Place { candidates: vec![hidden], ..plain(hidden, outside) },
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

fn clash(one: &Place, other: &Place) -> bool {
    one.real == other.real || one.named == other.named
}

fn plan(rng: &mut Rng, n: u16, six: bool, mode: u64, last: Option<&Call>) -> Call {
    let outbound = rng.chance(0.3);
    let d = if outbound { Dialog::outbound(n) } else { Dialog::new(n) };
    let agent = format!("2{:03}", 100 + n);
    let mut d = Dialog {
        call_id: format!("stranger-{n}"),
        from: d.from.replace("2001", &agent).replace("1234567", &format!("12345{n:02}")),
        to: d.to.replace("2001", &agent).replace("1234567", &format!("12345{n:02}")),
        uri: d.uri.replace("2001", &agent),
        ..d
    };
    let mut agent = Some(if outbound { Caller } else { Callee });
    if rng.chance(0.15) {
        agent = None;
        let nobody = |t: String| t.replace(":2", ":5");
        (d.from, d.to, d.uri) = (nobody(d.from), nobody(d.to), nobody(d.uri));
    }
    let invited = match last {
        None => rng.range(0.0, 300.0),
        // While the other one talks, at once after it, or a little later.
        Some(l) => match rng.below(4) {
            0 | 1 => l.invited + rng.range(0.0, 900.0),
            2 => l.over + rng.range(1.0, 60.0),
            _ => l.over + rng.range(60.0, 800.0),
        },
    };
    let answered = (invited + rng.range(60.0, 600.0)).round();
    let over = (answered + rng.range(700.0, 1500.0)).round();
    let mut places = [vec![place(rng, &TRUNK, six, 0.0)], vec![place(rng, &OFFICE, six, 0.0)]];
    if let Some(l) = last.filter(|_| rng.chance(0.6)) {
        // The same addresses again: of one party or of both.
        let which = rng.below(3);
        for side in [0, 1] {
            if which == 2 || which == side as u64 {
                places[side] = vec![Place { from: 0.0, ..l.places[side][0].clone() }];
            }
        }
    }
    // Nobody sends to himself.
    while clash(&places[0][0], &places[1][0]) {
        places[1] = vec![place(rng, &OFFICE, six, 0.0)];
    }
    if rng.chance(0.2) {
        let side = rng.below(2) as usize;
        let to = place(rng, if side == 0 { &TRUNK } else { &OFFICE }, six, (answered + over) / 2.0);
        if !clash(&to, &places[1 - side][0]) {
            places[side].push(to);
        }
    }
    d.sip = [0, 1].map(|side: usize| SocketAddr::new(places[side][0].real.ip(), 5060));
    d.rtp = [0, 1].map(|side: usize| places[side][0].named);
    let own = vec![10 + n];
    let vlans = match mode {
        0 | 1 => [vec![], vec![]],
        2 => [own.clone(), own],
        3 => [vec![5], own],
        4 => [vec![100, 10 + n], vec![100, 10 + n]],
        _ => {
            let one = |rng: &mut Rng| rng.pick(&[vec![], vec![10], vec![11], vec![100, 10]]).clone();
            [one(rng), one(rng)]
        }
    };
    let bye = !rng.chance(0.15);
    Call { d, agent, places, vlans, invited, answered, over, bye, sent: [Vec::new(), Vec::new()] }
}

/// The description of a side at a place.
fn sdp(c: &Call, side: Side, p: &Place, version: u32) -> String {
    let mut text = c.d.sdp_with(side, p.named, "8", "sendrecv", version);
    for (i, a) in p.candidates.iter().enumerate() {
        let kind = if *a == p.real { "host" } else { "srflx" };
        let _ = write!(
            text,
            "a=candidate:{i} 1 UDP {} {} {} typ {kind}\r\n",
            2_130_706_431 - i,
            a.ip(),
            a.port()
        );
    }
    text
}

fn signalling(rng: &mut Rng, c: &Call, s: &mut Scene) {
    let d = &c.d;
    let [offer, answer] = [Caller, Callee].map(|side| sdp(c, side, &c.places[side as usize][0], 1));
    let invite = d.request_text("INVITE", Caller, 1, false, &d.headers, Some(&offer));
    s.udp(c.invited, d.sip[0], d.sip[1], invite.as_bytes());
    if rng.chance(0.3) {
        d.response(s, c.invited + 20.0, 183, "INVITE", Caller, 1, Some(&answer));
    }
    d.response(s, c.answered, 200, "INVITE", Caller, 1, Some(&answer));
    d.ack(s, c.answered + 4.0);
    for (side, places) in [Caller, Callee].into_iter().zip(&c.places) {
        for p in &places[1..] {
            let [offer, answer] =
                [sdp(c, side, p, 2), sdp(c, side.other(), c.place(side.other(), p.from), 2)];
            // The description comes before the first packet to or from the new place.
            d.request(s, p.from - 40.0, "INVITE", side, 2, "", Some(&offer));
            d.response(s, p.from - 20.0, 200, "INVITE", side, 2, Some(&answer));
            d.request(s, p.from - 15.0, "ACK", side, 2, "", None);
        }
    }
    if c.bye {
        d.bye(s, c.over, if rng.chance(0.5) { Caller } else { Callee });
    }
}

fn media(rng: &mut Rng, c: &mut Call) {
    for side in [Caller, Callee] {
        let mut v = Voice::of(&c.d, side, rng.next());
        // Media may come before the answer that announces it.
        let from = c.answered + rng.range(-80.0, 30.0);
        let loss = if rng.chance(0.2) { 0.03 } else { 0.0 };
        let mut at = from;
        while at < c.over - 1.0 {
            (v.src, v.dst) = (c.place(side, at).real, c.place(side.other(), at).real);
            let lost = rng.chance(loss);
            let delay_ms = if rng.chance(0.3) { rng.range(0.0, 12.0) } else { 0.0 };
            let fate = Fate { delay_ms: delay_ms.min((c.over - 0.5 - at).max(0.0)), lost, copies: 0 };
            let packet = v.packet(at, fate);
            c.sent[side as usize].push(packet);
            at += 20.0;
        }
    }
}

/// RTP of no call, near the calls' addresses but on ports that none of them uses.
fn nobodys(rng: &mut Rng, calls: &[Call]) -> Vec<Packet> {
    let one = rng.pick(calls);
    let mut d = one.d.clone();
    let port = 50_000 + 2 * rng.below(100) as u16;
    d.rtp = [0, 1].map(|side: usize| SocketAddr::new(one.places[side][0].real.ip(), port));
    d.formats = ["8".into(), "8".into()];
    Voice::of(&d, if rng.chance(0.5) { Caller } else { Callee }, rng.next())
        .talk(one.answered - 100.0, one.over)
}

fn put(shots: &mut Vec<Shot>, scene: &Scene, vlans: &[Vec<u16>; 2]) {
    for (at, frame) in &scene.frames {
        let data = tagged(frame, &vlans[usize::from(!is_sip(frame))]);
        shots.push(Shot { at: *at, wire: data.len() as u32, data });
    }
}

/// Plays a seed and judges it.
///
/// # Errors
/// What is wrong, with the seed and the scenario.
pub fn try_seed(seed: u64) -> Result<(), String> {
    let s = Strangers::new(seed);
    let run = s.play();
    s.judge(&run).map_err(|e| {
        s.keep(seed);
        let more =
            if number("NAUHURI_SEED").is_some() { run.stdout() + &run.stderr() } else { String::new() };
        format!("NAUHURI_SEED={seed}: {e}{}\n{more}", s.describe())
    })
}
