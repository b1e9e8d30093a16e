//! A stranger's call claims the addresses of another: whoever says of an address
//! that he receives there gets nothing of what already runs to or from it, takes
//! nothing away, and never makes a hole that is told to be none.

use super::kit::Sent;
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, addr};
use crate::common::oracle::{check, must};
use crate::common::run::{Recording, Run};
use crate::common::voice::{Packet, Voice};
use std::collections::HashSet;
use std::net::SocketAddr;

/// Where the victim's parties are.
#[derive(Clone, Copy, Debug)]
struct Victim {
    /// What the customer says, and where he is.
    customer: [&'static str; 2],
    agent: &'static str,
    /// The stranger's host and that of agent 2002, who takes his call.
    others: [&'static str; 2],
}

const PLAIN: Victim = Victim {
    customer: ["198.51.100.10:20004", "198.51.100.10:20004"],
    agent: "192.0.2.20:30004",
    others: ["203.0.113.66", "192.0.2.22"],
};
const NAT: Victim = Victim { customer: ["192.168.1.10:20004", "203.0.113.9:61000"], ..PLAIN };
const SIX: Victim = Victim {
    customer: ["[2001:db8:1::10]:20004", "[2001:db8:1::10]:20004"],
    agent: "[2001:db8:2::20]:30004",
    others: ["2001:db8:66::1", "2001:db8:2::22"],
};
const SIX_NAT: Victim = Victim { customer: ["[fd00::10]:20004", "[2001:db8:9::9]:61000"], ..SIX };

/// What the stranger says that he receives at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    Agent,
    Customer,
    /// Where the customer's packets come from.
    Real,
}

/// How he says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Invite,
    Reinvite,
    Update,
}

struct Attack {
    victim: Victim,
    claim: Claim,
    by: By,
    /// When, ms; the victim is answered at 1000 and hangs up at 6000.
    at: f64,
    /// VLAN of the victim, and of the stranger's signalling.
    vlans: [Option<u16>; 2],
}

impl Victim {
    fn dialog(&self) -> Dialog {
        let real = addr(self.customer[1]);
        let d = Dialog::new(1);
        let sip = [real, addr(self.agent)].map(|a| SocketAddr::new(a.ip(), 5060));
        Dialog { sip, rtp: [addr(self.customer[0]), addr(self.agent)], ..d }
    }

    /// Who calls agent 2002, and says that he is at `claims`.
    fn stranger(&self, claims: SocketAddr) -> Dialog {
        let d = Dialog::new(2);
        let host = |i: usize, port: u16| SocketAddr::new(self.others[i].parse().unwrap(), port);
        Dialog {
            from: "<sip:+358409999999@elsewhere.example>".into(),
            to: d.to.replace("2001", "2002"),
            uri: d.uri.replace("2001", "2002"),
            sip: [host(0, 5060), host(1, 5060)],
            rtp: [claims, host(1, 30_008)],
            ..d
        }
    }
}

fn tag(s: &mut Scene, from: usize, vlan: Option<u16>) {
    for (_, frame) in &mut s.frames[from..] {
        if let Some(id) = vlan {
            frame.splice(12..12, [0x81, 0, (id >> 8) as u8, id as u8]);
        }
    }
}

/// Both calls; what the victim's parties said.
fn play(a: &Attack) -> (Run, Sent) {
    let v = &a.victim;
    let d = v.dialog();
    let mut s = Scene::new();
    d.answered(&mut s, 500.0, 1000.0);
    let ends = [addr(v.customer[1]), addr(v.agent)];
    let sent = [Caller, Callee].map(|side| {
        let mut voice = Voice::of(&d, side, 11 + side as u64);
        (voice.src, voice.dst) = (ends[side as usize], ends[side.other() as usize]);
        voice.talk(1003.0, 6000.0)
    });
    sent.iter().for_each(|p| s.media(p));
    d.bye(&mut s, 6000.0, Caller);
    tag(&mut s, 0, a.vlans[0]);
    let begun = s.frames.len();
    let claims = match a.claim {
        Claim::Agent => addr(v.agent),
        Claim::Customer => addr(v.customer[0]),
        Claim::Real => addr(v.customer[1]),
    };
    if a.by == By::Invite {
        let e = v.stranger(claims);
        e.answered(&mut s, a.at, a.at + 200.0);
        e.bye(&mut s, 6300.0, Caller);
    } else {
        // At first he says the truth, and speaks.
        let own = SocketAddr::new(v.others[0].parse().unwrap(), 40_000);
        let e = v.stranger(own);
        e.answered(&mut s, a.at - 450.0, a.at - 250.0);
        for side in [Caller, Callee] {
            let mut voice = Voice::of(&e, side, 21 + side as u64);
            s.media(&voice.talk(a.at - 240.0, a.at - 20.0));
        }
        let [offer, answer] = [
            e.sdp_with(Caller, claims, "8", "sendrecv", 2),
            e.sdp_with(Callee, e.rtp[1], "8", "sendrecv", 2),
        ];
        match a.by {
            By::Update => {
                e.request(&mut s, a.at, "UPDATE", Caller, 2, "", Some(&offer));
                e.response(&mut s, a.at + 10.0, 200, "UPDATE", Caller, 2, Some(&answer));
            }
            By::Invite | By::Reinvite => e.reinvite(&mut s, a.at, Caller, 2, &offer, &answer),
        }
        e.bye(&mut s, 6300.0, Caller);
    }
    tag(&mut s, begun, a.vlans[1]);
    (s.replay(AGENTS), sent)
}

/// Is anything of these packets in a channel?
fn holds(r: &Recording, channel: &str, packets: &[Packet]) -> bool {
    let runs: HashSet<&[i16]> = r.channel(channel).windows(8).collect();
    let parts = |p: &Packet| [0, 70, 150].iter().any(|at| runs.contains(&p.samples[*at..*at + 8]));
    packets.iter().any(parts)
}

fn of<'a>(run: &'a Run, agent: &str) -> Option<&'a Recording> {
    run.recordings.iter().find(|r| r.text("/agent/id") == agent)
}

/// Nobody has the victim's voices but the victim, and where one of them is missing it is told.
fn judge(a: &Attack, run: &Run, sent: &Sent, must_be_whole: bool) {
    let what = format!("{:?} {:?} {:?} {} {:?}", a.victim, a.claim, a.by, a.at, a.vlans);
    if let Some(r) = of(run, "2002") {
        for (channel, who) in ["customer", "agent"].iter().flat_map(|c| sent.iter().map(move |s| (c, s))) {
            assert!(!holds(r, channel, who), "{what}: the victim's voice in the stranger's {channel}");
        }
    }
    let r = of(run, "2001").unwrap_or_else(|| panic!("{what}: the victim is not recorded"));
    assert!(!holds(r, "customer", &sent[1]) && !holds(r, "agent", &sent[0]), "{what}: on the wrong channel");
    if must_be_whole {
        must(r, "customer", &sent[0]);
        must(r, "agent", &sent[1]);
        assert_eq!(r.json["complete"], true, "{what}");
    } else if r.json["complete"] == true {
        let whole = |channel, who: &[Packet]| check(r, channel, who).map(|_| ());
        whole("customer", &sent[0]).and(whole("agent", &sent[1])).unwrap_or_else(|e| panic!("{what}: {e}"));
    }
}

const VLANS: [[Option<u16>; 2]; 3] = [[None, None], [Some(7), Some(7)], [Some(7), Some(8)]];

#[test]
fn what_runs_is_not_taken_by_who_claims_it_later() {
    for victim in [PLAIN, NAT, SIX, SIX_NAT] {
        for (n, claim) in [Claim::Agent, Claim::Customer, Claim::Real].into_iter().enumerate() {
            for (by, at) in
                [(By::Invite, 1600.0), (By::Invite, 3000.0), (By::Reinvite, 2500.0), (By::Update, 4000.0)]
            {
                let vlans = VLANS[(n + at as usize / 500) % 3];
                let a = Attack { victim, claim, by, at, vlans };
                let (run, sent) = play(&a);
                judge(&a, &run, &sent, true);
            }
        }
    }
}

#[test]
fn who_claims_before_gets_no_voice_either_and_no_hole_is_whole() {
    for victim in [PLAIN, NAT, SIX_NAT] {
        for (n, claim) in [Claim::Agent, Claim::Customer, Claim::Real].into_iter().enumerate() {
            // Answered before the victim rings, while he rings, just before and just after his answer.
            for (m, at) in [0.0, 600.0, 790.0, 850.0].into_iter().enumerate() {
                let a = Attack { victim, claim, by: By::Invite, at, vlans: VLANS[(n + m) % 3] };
                let (run, sent) = play(&a);
                judge(&a, &run, &sent, false);
            }
        }
    }
}
