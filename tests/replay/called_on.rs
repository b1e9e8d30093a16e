//! An exchange that answers its caller before it calls the agent himself: who waits there talks with
//! nobody yet, whatever number his leg names. What ties the two legs, and what speaks against it.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::run::{Recording, Run};
use crate::common::voice::{Packet, Voice};
use crate::kit::*;
use crate::register::rows;

const PBX: &str = "192.0.2.5";
const PHONE: &str = "192.0.2.20";
const OTHER_PHONE: &str = "192.0.2.23";
const TRUNK: &str = "198.51.100.10";
const ONE: &str = "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=0\r\n";
const TWO: &str = "Session-ID: cd30317f1a784dc48ff824d0d3715d87;remote=0\r\n";
/// A queue whose number says which service it is.
const QUEUE: &str =
    "[agents]\nextensions = [\"2000-2999\"]\n[[service]]\nname = \"queue\"\nnumbers = [\"116117\"]\n";
const CALLER: &str = "+358401234567";

/// A leg of a call.
#[derive(Clone, Copy, Debug)]
struct Hop {
    n: u16,
    users: [&'static str; 2],
    hosts: [&'static str; 2],
    headers: &'static str,
}

impl Hop {
    fn dialog(&self) -> Dialog {
        leg(self.n, self.users, self.hosts, self.headers)
    }
}

/// The caller's leg to the exchange, answered at `answer`, and the exchange's to the one he is to talk
/// with: `wait` later, answered after `ring`. Both talk for 4 s. All in ms.
#[derive(Clone, Debug)]
struct CalledOn {
    legs: [Hop; 2],
    is_inbound: bool,
    answer: f64,
    wait: f64,
    ring: f64,
}

impl CalledOn {
    fn inbound(n: u16) -> Self {
        let hop = |n, hosts| Hop { n, users: [CALLER, "2001"], hosts, headers: "" };
        let legs = [hop(n, [TRUNK, PBX]), hop(n + 1, [PBX, PHONE])];
        CalledOn { legs, is_inbound: true, answer: 1000.0, wait: 2000.0, ring: 2000.0 }
    }

    fn outbound(n: u16) -> Self {
        let hop = |n, hosts| Hop { n, users: ["2001", CALLER], hosts, headers: "" };
        let legs = [hop(n, [PHONE, PBX]), hop(n + 1, [PBX, TRUNK])];
        CalledOn { legs, is_inbound: false, ..Self::inbound(n) }
    }

    fn tied(mut self, headers: [&'static str; 2]) -> Self {
        self.legs.iter_mut().zip(headers).for_each(|(l, h)| l.headers = h);
        self
    }

    fn both(&self) -> f64 {
        self.answer + self.wait + self.ring
    }

    fn end(&self) -> f64 {
        self.both() + 4000.0
    }

    /// The caller's leg with music as long as he waits.
    fn waits(&self, s: &mut Scene, until: f64) -> (Dialog, Vec<Packet>) {
        let first = self.legs[0].dialog();
        first.answered(s, self.answer - 100.0, self.answer);
        let seed = 900 + u64::from(self.legs[0].n);
        let music = Voice::of(&first, Callee, seed).talk(self.answer + 5.0, until);
        s.media(&music);
        (first, music)
    }

    fn play(&self, s: &mut Scene) -> Sent {
        let (both, end) = (self.both(), self.end());
        let ((first, music), second) = (self.waits(s, both), self.legs[1].dialog());
        second.answered(s, self.answer + self.wait, both);
        let (near, far) = if self.is_inbound { (&second, &first) } else { (&first, &second) };
        let seed = u64::from(self.legs[0].n) * 10;
        let mut sent = [
            Voice::of(near, Caller, seed).talk(both + 60.0, end),
            Voice::of(near, Callee, seed + 1).talk(both + 65.0, end),
        ];
        let late = if self.is_inbound { [-1.0, 1.0] } else { [1.0, -1.0] };
        Way::Relayed.pass_on(s, &sent, far.rtp, late);
        sent.iter().for_each(|voice| s.media(voice));
        first.bye(s, end, Caller);
        second.bye(s, end + 4.0, Caller);
        if !self.is_inbound {
            // He who calls has heard it on his own leg.
            sent[1].splice(0..0, music);
        }
        sent
    }

    /// The recording of the agent's own leg.
    #[track_caller]
    fn own<'a>(&self, run: &'a Run) -> &'a Recording {
        let id = format!("ladder-{}", self.legs[usize::from(self.is_inbound)].n);
        let found = run.recordings.iter().find(|r| r.text("/sip/call_id") == id);
        found.unwrap_or_else(|| panic!("{self:?}: no {id}: {}", run.stdout()))
    }

    #[track_caller]
    fn waited(&self, r: &Recording) {
        let waited = (self.wait + self.ring) / 1e3;
        assert!((r.number("/before_agent_s") - waited).abs() < 0.02, "{self:?}: {}", r.json);
        assert_eq!(r.text("/before_agent_leg"), "queue", "{}", r.json);
    }

    /// The agent's own leg is the recording, and nothing else is.
    #[track_caller]
    fn is_one(&self, config: &str) {
        println!("{self:?}");
        let mut s = Scene::new();
        let sent = self.play(&mut s);
        let run = s.replay(config);
        assert_eq!(run.recordings.len(), 1, "{self:?}: {}", run.stdout());
        let r = self.own(&run);
        if self.is_inbound {
            assert_eq!([r.text("/agent/id"), r.text("/direction")], ["2001", "inbound"], "{}", r.json);
            spans(r, self.both(), self.end() + 4.0, "customer");
            self.waited(r);
            inbound(r, &sent);
        } else {
            assert_eq!(r.text("/direction"), "outbound");
            spans(r, self.answer, self.end(), "agent");
            outbound(r, &sent);
        }
        complete(r, true);
    }
}

#[test]
fn a_header_ties_them_whatever_numbers_and_hosts_they_show() {
    const LINES: &str = "[agents]\nextensions = [\"2000-2999\", \"+358931001234\"]\n";
    const SIX: [&str; 2] = ["2001:db8::5", "2001:db8::20"];
    let users = [
        [[CALLER, "2001"], [CALLER, "2001"]],
        [["anonymous", "2001"], ["anonymous", "2001"]],
        [[CALLER, "2001"], ["anonymous", "2001"]],
        [[CALLER, "2001"], ["+358931009999", "2001"]],
        [[CALLER, "2001"], ["600", "2001"]],
        [[CALLER, "+358931001234"], [CALLER, "2001"]],
    ];
    for [first, second] in users {
        for hosts in [[PBX, PHONE], ["10.9.0.10", PHONE], SIX] {
            // Where the legs share no host either, a queue's full number looks like another customer's.
            if hosts[0] != PBX && second[0] == "+358931009999" {
                continue;
            }
            for (wait, ring) in [(30.0, 2000.0), (1000.0, 100.0), (9000.0, 3000.0)] {
                let mut call = CalledOn { wait, ring, ..CalledOn::inbound(1) }.tied([ONE; 2]);
                (call.legs[0].users, call.legs[1].users, call.legs[1].hosts) = (first, second, hosts);
                call.is_one(LINES);
            }
        }
    }
}

#[test]
fn the_same_of_what_an_agent_calls() {
    const LINES: &str = "[agents]\nextensions = [\"2000-2999\", \"+358931001234\"]\n";
    let users = [
        [["2001", CALLER], ["2001", CALLER]],
        [["2001", "9999"], ["2001", CALLER]],
        [["2001", "*77"], ["+358931001234", CALLER]],
        [["2001", CALLER], ["+358931001234", "0401234567"]],
    ];
    for [first, second] in users {
        for from in [PBX, "10.9.0.10", "2001:db8::5"] {
            let to = if from == "2001:db8::5" { "2001:db8::10" } else { TRUNK };
            for (wait, ring) in [(30.0, 2000.0), (3000.0, 20_000.0)] {
                let mut call = CalledOn { wait, ring, ..CalledOn::outbound(1) }.tied([ONE; 2]);
                (call.legs[0].users, call.legs[1].users, call.legs[1].hosts) = (first, second, [from, to]);
                call.is_one(LINES);
            }
        }
    }
}

/// How a caller's wait for an agent ends without him.
#[derive(Clone, Copy, Debug)]
enum Without {
    GivesUp,
    Busy,
    /// Nobody answers, and a machine goes on with the caller.
    Voicemail,
}

#[test]
fn who_gives_up_before_the_agent_answers_has_not_talked_with_him() {
    for headers in [["", ""], [ONE, ONE]] {
        for without in [Without::GivesUp, Without::Busy, Without::Voicemail] {
            for wait in [30.0, 1000.0, 8000.0] {
                let call = CalledOn { wait, ..CalledOn::inbound(1) }.tied(headers);
                let (begun, end) = (call.answer + wait, call.both() + 3000.0);
                let mut s = Scene::new();
                let ((first, _), second) = (call.waits(&mut s, end), call.legs[1].dialog());
                s.media(&Voice::of(&first, Caller, 4).talk(call.answer + 9.0, end));
                second.invite(&mut s, begun);
                second.status(&mut s, begun + 20.0, 180);
                match without {
                    Without::GivesUp => second.cancelled(&mut s, end + 4.0),
                    Without::Busy => second.status(&mut s, begun + 60.0, 486),
                    Without::Voicemail => second.cancelled(&mut s, begun + 1500.0),
                }
                first.bye(&mut s, end, Caller);
                let run = s.replay(AGENTS);
                assert_eq!(run.recordings.len(), 0, "{headers:?} {without:?} {wait}: {}", run.stdout());
                let told = rows(&run, AGENTS, &[]);
                assert_eq!(told.len(), 1, "{told:?}");
                assert_eq!([&told[0]["reason"], &told[0]["called"]], ["no_agent", "2001"], "{told:?}");
            }
        }
    }
}

#[test]
fn who_answers_in_his_stead_has_the_recording() {
    for wait in [30.0, 1000.0] {
        let mut call = CalledOn { wait, ring: 4000.0, ..CalledOn::inbound(1) }.tied([ONE; 2]);
        let refused = call.legs[1];
        (call.legs[1].n, call.legs[1].users[1], call.legs[1].hosts) = (3, "2003", [PBX, OTHER_PHONE]);
        let (mut s, begun) = (Scene::new(), call.answer + wait);
        let busy = refused.dialog();
        busy.invite(&mut s, begun);
        busy.status(&mut s, begun + 200.0, 486);
        call.wait += 250.0;
        let sent = call.play(&mut s);
        let run = s.replay(AGENTS);
        let r = run.only();
        parties(r, "2003", "inbound", CUSTOMER);
        assert_eq!(r.text("/dialled"), "2001", "{}", r.json);
        call.waited(r);
        inbound(r, &sent);
        complete(r, true);
    }
}

/// A second caller finds the agent busy: whether his telephone was called by way of the exchange, or is
/// not in the capture.
#[test]
fn a_call_under_way_stays_while_another_one_waits() {
    for headers in [["", ""], [ONE, TWO]] {
        for is_mirrored in [true, false] {
            for wait in [30.0, 1500.0] {
                let one = CalledOn::inbound(1).tied([headers[0]; 2]);
                let other = CalledOn { answer: one.both() + 500.0, wait, ..CalledOn::inbound(11) };
                let mut other = other.tied([headers[1]; 2]);
                other.legs.iter_mut().for_each(|l| l.users[0] = "+358507654321");
                let mut s = Scene::new();
                let sent = match is_mirrored {
                    true => one.play(&mut s),
                    false => call(&mut s, &one.legs[0].dialog(), one.answer, one.end()),
                };
                let ((first, _), second) = (other.waits(&mut s, one.end()), other.legs[1].dialog());
                second.invite(&mut s, other.answer + wait);
                second.status(&mut s, other.answer + wait + 50.0, 486);
                first.bye(&mut s, one.end() + 100.0, Caller);
                let run = s.replay(AGENTS);
                println!("{headers:?} {is_mirrored} {wait}");
                let r = run.only();
                parties(r, "2001", "inbound", CUSTOMER);
                inbound(r, &sent);
                complete(r, true);
            }
        }
    }
}

/// Two callers behind one switchboard's number, for one agent: directly, or one by way of a queue.
#[test]
fn a_number_does_not_beat_what_the_headers_say() {
    for to in [["2001", "2001"], ["116117", "2001"], ["2001", "116117"]] {
        for off in [10.0, 300.0, 3500.0] {
            for wait in [20.0, 3000.0, 8000.0] {
                let one = CalledOn { wait, ..CalledOn::inbound(1) }.tied([ONE; 2]);
                let other = CalledOn { wait: 2000.0, answer: one.answer + off, ..CalledOn::inbound(11) };
                let mut calls = [one, other.tied([TWO; 2])];
                calls.iter_mut().zip(to).for_each(|(c, to)| c.legs[0].users[1] = to);
                let mut s = Scene::new();
                let sent = calls.each_ref().map(|c| c.play(&mut s));
                let run = s.replay(QUEUE);
                println!("{to:?} {off} {wait}");
                assert_eq!(run.recordings.len(), 2, "{}", run.stdout());
                for ((call, sent), to) in calls.iter().zip(&sent).zip(to) {
                    let r = call.own(&run);
                    inbound(r, sent);
                    assert_eq!(r.text("/dialled"), to, "{}", r.json);
                    call.waited(r);
                }
                let groups = run.recordings.iter().map(|r| r.text("/call_group"));
                assert_eq!(groups.collect::<std::collections::HashSet<_>>().len(), 2);
            }
        }
    }
}

/// The same where no header tells: rather a recording too many than another call's service.
#[test]
fn of_two_that_may_be_it_none_is() {
    for to in [["2001", "2001"], ["116117", "2001"], ["2001", "116117"]] {
        for off in [700.0, 1500.0] {
            for waits in [[3000.0, 3000.0], [8000.0, 2000.0], [3000.0, 9000.0]] {
                let one = CalledOn { wait: waits[0], ..CalledOn::inbound(1) };
                let other = CalledOn { wait: waits[1], answer: one.answer + off, ..CalledOn::inbound(11) };
                let mut calls = [one, other];
                calls.iter_mut().zip(to).for_each(|(c, to)| c.legs[0].users[1] = to);
                let mut s = Scene::new();
                let sent = calls.each_ref().map(|c| c.play(&mut s));
                let run = s.replay(QUEUE);
                println!("{to:?} {off} {waits:?}");
                for (i, (call, sent)) in calls.iter().zip(&sent).enumerate() {
                    let r = call.own(&run);
                    inbound(r, sent);
                    let theirs = calls[1 - i].own(&run);
                    assert_ne!(r.text("/call_group"), theirs.text("/call_group"));
                    // Of the other one's service neither is.
                    let service = r.text("/service");
                    assert!(service == "general" || to[i] == "116117", "{}", r.json);
                }
            }
        }
    }
}

/// On the queue's leg the exchange tells with whom its caller talks now.
#[test]
fn a_connected_line_names_who_talks_on_his_own_leg() {
    for method in ["UPDATE", "INVITE"] {
        for (queue, from) in [("116117", CALLER), ("2001", CALLER), ("+358931009999", "anonymous")] {
            for after in [20.0, 300.0] {
                let mut call = CalledOn::inbound(1);
                call.legs.iter_mut().for_each(|l| l.users[0] = from);
                call.legs[0].users[1] = queue;
                let mut s = Scene::new();
                let sent = call.play(&mut s);
                let told = "P-Asserted-Identity: <sip:2001@example.com>\r\n";
                identity(&mut s, &call.legs[0].dialog(), call.both() + after, method, Callee, 7, told);
                println!("{method} {queue} {from} {after}");
                let run = s.replay(AGENTS);
                let r = run.only();
                assert_eq!(r.text("/sip/call_id"), "ladder-2", "{}", r.json);
                inbound(r, &sent);
                complete(r, true);
            }
        }
    }
}

/// He passes his caller on to another agent, whom the exchange calls as well.
#[test]
fn it_names_the_next_one_after_a_transfer() {
    for headers in ["", ONE] {
        for after in [50.0, 400.0] {
            let mut call = CalledOn::inbound(1).tied([headers; 2]);
            call.legs[0].users[1] = "116117";
            let (mut s, first) = (Scene::new(), call.legs[0].dialog());
            let (both, passed) = (call.both(), call.both() + 3000.0);
            first.answered(&mut s, call.answer - 100.0, call.answer);
            let second = call.legs[1].dialog();
            second.answered(&mut s, call.answer + call.wait, both);
            let third = Hop { n: 3, users: [CALLER, "2002"], hosts: [PBX, OTHER_PHONE], headers };
            let third = third.dialog();
            third.answered(&mut s, passed - 800.0, passed);
            let sent = [
                talk(&mut s, &second, both + 20.0, passed),
                talk(&mut s, &third, passed + 20.0, passed + 4000.0),
            ];
            second.bye(&mut s, passed + 10.0, Callee);
            for (at, agent, cseq) in [(both + after, "2001", 7), (passed + after, "2002", 8)] {
                let told = format!("P-Asserted-Identity: <sip:{agent}@example.com>\r\n");
                identity(&mut s, &first, at, "UPDATE", Callee, cseq, &told);
            }
            first.bye(&mut s, passed + 4000.0, Caller);
            third.bye(&mut s, passed + 4004.0, Caller);
            let run = s.replay(AGENTS);
            assert_eq!(run.recordings.len(), 2, "{headers} {after}: {}", run.stdout());
            for (agent, sent) in ["2001", "2002"].into_iter().zip(&sent) {
                inbound(run.recordings.iter().find(|r| r.text("/agent/id") == agent).unwrap(), sent);
            }
            let [a, b] = [0, 1].map(|i| run.recordings[i].text("/call_group"));
            assert_eq!(a, b, "{headers} {after}");
        }
    }
}
