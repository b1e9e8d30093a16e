//! A proxy rings several telephones of one call; which of them answered is told by the branch
//! and the To tag, not by the address they share.

use crate::common::files::over_tcp;
use crate::common::ladder::Side::Caller;
use crate::common::ladder::{Dialog, Scene, addr};
use crate::common::run::Run;
use crate::kit::*;

const PROXY: &str = "192.0.2.8";
const BASE: &str = "192.0.2.40";

/// The branch of a call to 600 that rings `agent` at the base station.
fn branch(agent: u16) -> Dialog {
    let d = Dialog {
        call_id: "forked".into(),
        to: "<sip:600@pbx.example>".into(),
        uri: format!("sip:{agent}@{BASE}"),
        tags: ["caller".into(), format!("hs{agent}")],
        branch: format!(".fork{agent}"),
        vias: "Via: SIP/2.0/UDP 192.0.2.5:5060;branch=z9hG4bKouter\r\n".into(),
        ..Dialog::new(1)
    };
    let mut d = at(d, PROXY, BASE);
    d.rtp = [addr("192.0.2.5:20004"), addr(&format!("{BASE}:{}", 30_000 + 2 * agent))];
    d
}

/// The same dialog between the exchange and the proxy.
fn outer(inner: &Dialog) -> Dialog {
    let d = Dialog {
        uri: format!("sip:600@{PROXY}"),
        branch: String::new(),
        vias: String::new(),
        ..inner.clone()
    };
    Dialog { sip: [addr("192.0.2.5:5060"), addr("192.0.2.8:5060")], ..d }
}

/// How the fork goes.
#[derive(Clone)]
struct Fork {
    /// In the order in which they are rung.
    rung: Vec<u16>,
    answers: u16,
    /// The hop before the proxy is captured as well.
    both_hops: bool,
    /// Requests and the 200 are sent again.
    again: bool,
    ringing: bool,
    direct_bye: bool,
}

impl Fork {
    fn new(rung: &[u16], answers: u16) -> Self {
        Fork { rung: rung.into(), answers, both_hops: true, again: false, ringing: true, direct_bye: true }
    }

    fn scene(&self, shape: impl Fn(Dialog) -> Dialog) -> (Scene, Sent) {
        let branches: Vec<Dialog> = self.rung.iter().map(|a| shape(branch(*a))).collect();
        let winner = &branches[self.rung.iter().position(|a| *a == self.answers).unwrap()];
        let far = outer(winner);
        let mut s = Scene::new();
        if self.both_hops {
            far.invite(&mut s, 0.0);
        }
        for (i, b) in branches.iter().enumerate() {
            b.invite(&mut s, 10.0 + i as f64);
            if self.again {
                b.invite(&mut s, 510.0 + i as f64);
            }
            if self.ringing {
                b.status(&mut s, 110.0 + 10.0 * i as f64, 180);
                if self.both_hops {
                    outer(b).status(&mut s, 111.0 + 10.0 * i as f64, 180);
                }
            }
        }
        winner.status(&mut s, 6000.0, 200);
        if self.both_hops {
            far.status(&mut s, 6001.0, 200);
        }
        if self.again {
            winner.status(&mut s, 6500.0, 200);
        }
        for (i, b) in branches.iter().enumerate().filter(|(_, b)| b.uri != winner.uri) {
            b.cancelled(&mut s, 6002.0 + i as f64);
        }
        // The ACK and the BYE go straight to the telephone.
        let mut direct = winner.clone();
        if self.direct_bye {
            (direct.sip[0], direct.branch, direct.vias) = (far.sip[0], String::new(), String::new());
        }
        direct.ack(&mut s, 6030.0);
        let sent = talk(&mut s, winner, 6040.0, 9200.0);
        direct.bye(&mut s, 9200.0, Caller);
        (s, sent)
    }

    #[track_caller]
    fn holds(&self, run: &Run, sent: &Sent) {
        let r = run.only();
        spans(r, 6000.0, 9200.0, "customer");
        parties(r, &self.answers.to_string(), "inbound", CUSTOMER);
        inbound(r, sent);
        complete(r, true);
    }

    #[track_caller]
    fn check(&self) {
        let (s, sent) = self.scene(|d| d);
        self.holds(&s.replay(AGENTS), &sent);
    }
}

#[test]
fn of_telephones_behind_one_address_the_one_that_answers_is_the_agent() {
    for rung in [[2001, 2002], [2002, 2001]] {
        for answers in [2001, 2002] {
            Fork::new(&rung, answers).check();
        }
    }
}

#[test]
fn of_three_branches_each_may_answer() {
    for answers in [2001, 2002, 2003] {
        Fork::new(&[2003, 2001, 2002], answers).check();
    }
}

#[test]
fn without_ringing_the_branch_tells() {
    for answers in [2001, 2002] {
        Fork { ringing: false, ..Fork::new(&[2001, 2002], answers) }.check();
    }
}

#[test]
fn seen_behind_the_proxy_only_or_with_messages_repeated() {
    for answers in [2001, 2002] {
        Fork { both_hops: false, ..Fork::new(&[2001, 2002], answers) }.check();
        Fork { again: true, ..Fork::new(&[2001, 2002], answers) }.check();
        Fork { both_hops: false, direct_bye: false, ..Fork::new(&[2001, 2002], answers) }.check();
    }
}

#[test]
fn over_tcp_and_over_ipv6() {
    for answers in [2001, 2002] {
        let fork = Fork::new(&[2001, 2002], answers);
        let (mut s, sent) = fork.scene(|d| d);
        over_tcp(&mut s);
        fork.holds(&s.replay(AGENTS), &sent);
        let fork = Fork { both_hops: false, direct_bye: false, ..fork };
        let (s, sent) = fork.scene(|d| {
            let ports = [d.rtp[0].port(), d.rtp[1].port()];
            let d = at(d, "2001:db8::8", "2001:db8::40");
            Dialog { rtp: [addr(&format!("[2001:db8::5]:{}", ports[0])), d.rtp[1]], ..d }
        });
        fork.holds(&s.replay(AGENTS), &sent);
    }
}

#[test]
fn of_two_that_answer_at_once_the_one_that_lives() {
    for keeps in [2001, 2002] {
        let loses = if keeps == 2001 { 2002 } else { 2001 };
        let (winner, loser) = (branch(keeps), branch(loses));
        let mut s = Scene::new();
        for (i, b) in [&winner, &loser].into_iter().enumerate() {
            b.invite(&mut s, 10.0 + i as f64);
            b.status(&mut s, 110.0 + i as f64, 180);
        }
        loser.status(&mut s, 2000.0, 200);
        winner.status(&mut s, 2002.0, 200);
        loser.ack(&mut s, 2010.0);
        winner.ack(&mut s, 2011.0);
        loser.bye(&mut s, 2015.0, Caller);
        let sent = talk(&mut s, &winner, 2020.0, 5000.0);
        winner.bye(&mut s, 5000.0, Caller);
        let run = s.replay(AGENTS);
        spans(run.only(), 2002.0, 5000.0, "customer");
        parties(run.only(), &keeps.to_string(), "inbound", CUSTOMER);
        inbound(run.only(), &sent);
    }
}

/// The exchange's proxy forks to two others, each of which rings one telephone.
#[test]
fn of_branches_by_way_of_different_proxies_the_one_that_answers() {
    for (answers, rings) in [(2001, 2002), (2002, 2001)] {
        for straight in [false, true] {
            let [winner, loser] = [answers, rings].map(|agent| {
                let proxy = if agent == 2001 { "192.0.2.81" } else { "192.0.2.82" };
                let last = at(branch(agent), proxy, BASE);
                let vias = format!("Via: SIP/2.0/UDP 192.0.2.8:5060;branch=z9hG4bK{agent}\r\n{}", last.vias);
                let near = Dialog { rtp: branch(agent).rtp, vias, ..last };
                let mid = Dialog { branch: format!("p{agent}"), ..outer(&near) };
                let sip = [addr("192.0.2.8:5060"), addr(&format!("{proxy}:5060"))];
                [Dialog { sip, vias: branch(agent).vias, ..mid }, near]
            });
            // The one that answers may as well be rung without a proxy more.
            let winner = if straight { vec![branch(answers)] } else { winner.to_vec() };
            let near = winner.last().unwrap();
            let far = Dialog { branch: String::new(), vias: String::new(), ..outer(near) };
            let mut s = Scene::new();
            far.invite(&mut s, 0.0);
            for (i, d) in winner.iter().chain(&loser).enumerate() {
                d.invite(&mut s, 3.0 + i as f64);
            }
            loser[1].status(&mut s, 100.0, 180);
            for (i, d) in winner.iter().rev().chain([&far]).enumerate() {
                d.status(&mut s, 2000.0 + i as f64, 200);
            }
            loser[0].cancelled(&mut s, 2003.0);
            loser[1].cancelled(&mut s, 2004.0);
            let direct = Dialog { sip: [far.sip[0], near.sip[1]], ..far.clone() };
            direct.ack(&mut s, 2030.0);
            let sent = talk(&mut s, near, 2040.0, 4000.0);
            direct.bye(&mut s, 4000.0, Caller);
            let run = s.replay(AGENTS);
            parties(run.only(), &answers.to_string(), "inbound", CUSTOMER);
            inbound(run.only(), &sent);
        }
    }
}

#[test]
fn the_number_dialled_is_not_that_of_a_branch_beside() {
    for rung in [[2001, 2002], [2002, 2001]] {
        for answers in [2001, 2002] {
            let fork = Fork { both_hops: false, ..Fork::new(&rung, answers) };
            let (s, _) = fork.scene(|d| d);
            assert_eq!(s.replay(AGENTS).only().text("/dialled"), answers.to_string(), "{rung:?}");
            let (s, _) = Fork::new(&rung, answers).scene(|d| d);
            let service = "[[service]]\nname = \"a\"\nnumbers = [\"600\"]\n";
            let config = format!("{AGENTS}{service}");
            assert_eq!(s.replay(&config).only().text("/dialled"), "600", "{rung:?}");
        }
    }
}

#[test]
fn whichever_of_a_large_group_answers_is_recorded() {
    for (size, answers) in [(9, 2009), (20, 2001), (20, 2012), (20, 2020), (31, 2031), (50, 2050)] {
        let rung: Vec<u16> = (2001..=2000 + size).collect();
        for ringing in [true, false] {
            Fork { ringing, ..Fork::new(&rung, answers) }.check();
            Fork { ringing, both_hops: false, ..Fork::new(&rung, answers) }.check();
        }
    }
}
