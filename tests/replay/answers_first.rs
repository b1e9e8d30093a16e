//! An exchange that answers whoever calls before it calls on (an announcement, a queue, DISA): one call
//! on two legs whose answers may be minutes apart.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side};
use crate::common::run::Run;
use crate::common::voice::Voice;
use crate::kit::*;

const PBX: &str = "192.0.2.5";
const PHONE: &str = "192.0.2.20";
const TRUNK: &str = "198.51.100.10";
const TIE: &str = "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=0\r\n";

/// Two legs: the caller's to the exchange, and the exchange's to whom he calls. Times in ms.
#[derive(Clone, Debug)]
struct AnsweredFirst {
    n: u16,
    is_inbound: bool,
    /// Users of From and To of both.
    users: [[&'static str; 2]; 2],
    tied: bool,
    /// The second INVITE after the first answer, and its answer after that.
    gaps: [f64; 2],
    way: Way,
    hangs_up: Side,
}

impl AnsweredFirst {
    fn outbound(n: u16) -> Self {
        let users = [["2001", "+358401234567"], ["2001", "+358401234567"]];
        let (tied, way) = (false, Way::Relayed);
        AnsweredFirst { n, is_inbound: false, users, tied, gaps: [20.0, 5000.0], way, hangs_up: Caller }
    }

    fn inbound(n: u16) -> Self {
        let users = [["+358401234567", "2001"], ["+358401234567", "2001"]];
        AnsweredFirst { is_inbound: true, users, ..Self::outbound(n) }
    }

    fn legs(&self) -> [Dialog; 2] {
        let hosts = match self.is_inbound {
            true => [[TRUNK, PBX], [PBX, PHONE]],
            false => [[PHONE, PBX], [PBX, TRUNK]],
        };
        let headers = if self.tied { TIE } else { "" };
        [0, 1].map(|i| leg(self.n + i as u16, self.users[i], hosts[i], headers))
    }

    /// Begins at `answer` on the first leg, is over 5 s after the answer on the second.
    fn play(&self, s: &mut Scene, answer: f64) -> Sent {
        let [first, second] = self.legs();
        let begun = answer + self.gaps[0];
        let both = begun + self.gaps[1];
        let end = both + 5000.0;
        first.answered(s, answer - 100.0, answer);
        second.answered(s, begun, both);
        // What the exchange plays to whom it keeps waiting.
        let played = Voice::of(&first, Callee, 900).talk(answer + 5.0, both);
        s.media(&played);
        let (near, far) = if self.is_inbound { (&second, &first) } else { (&first, &second) };
        let mut voices =
            [Voice::of(near, Caller, self.n.into()), Voice::of(near, Callee, 50 + u64::from(self.n))];
        if self.way == Way::Straight {
            let (own, other) = if self.is_inbound { (Callee, Caller) } else { (Caller, Callee) };
            let [own, his] = [near.rtp[own as usize], far.rtp[other as usize]];
            for (d, side) in [(&first, Callee), (&second, Caller)] {
                let [told, answered] = if std::ptr::eq(d, near) { [his, own] } else { [own, his] };
                let offer = d.sdp_with(side, told, "8", "sendrecv", 2);
                let answer = d.sdp_with(side.other(), answered, "8", "sendrecv", 2);
                d.reinvite(s, both + 20.0, side, 2, &offer, &answer);
            }
            voices = straight(voices, own, his);
        }
        let mut sent = [voices[0].talk(both + 60.0, end), voices[1].talk(both + 65.0, end)];
        sent.iter().for_each(|voice| s.media(voice));
        let late = if self.is_inbound { [-1.0, 1.0] } else { [1.0, -1.0] };
        self.way.pass_on(s, &sent, far.rtp, late);
        match self.hangs_up {
            Caller => {
                first.bye(s, end, Caller);
                second.bye(s, end + 4.0, Caller);
            }
            Callee => {
                second.bye(s, end, Callee);
                first.bye(s, end + 4.0, Callee);
            }
        }
        if !self.is_inbound {
            // He who calls has heard it on his own leg.
            sent[1].splice(0..0, played);
        }
        sent
    }

    fn played(&self) -> (Run, Sent) {
        let mut s = Scene::new();
        let sent = self.play(&mut s, 1000.0);
        (s.replay(AGENTS), sent)
    }

    /// The agent's leg is the recording, the whole of it and nothing else.
    #[track_caller]
    fn is_one(&self) {
        println!("{self:?}");
        let (run, sent) = self.played();
        let (r, both) = (run.only(), 1000.0 + self.gaps[0] + self.gaps[1]);
        let late = if (self.hangs_up == Callee) == self.is_inbound { 0.0 } else { 4.0 };
        let by = if (self.hangs_up == Callee) == self.is_inbound { "agent" } else { "customer" };
        if self.is_inbound {
            parties(r, "2001", "inbound", CUSTOMER);
            spans(r, both, both + 5000.0 + late, by);
            assert_eq!(r.text("/sip/call_id"), format!("ladder-{}", self.n + 1));
            inbound(r, &sent);
        } else {
            parties(r, "2001", "outbound", CUSTOMER);
            spans(r, 1000.0, both + 5000.0 + late, by);
            assert_eq!(r.text("/sip/call_id"), format!("ladder-{}", self.n));
            outbound(r, &sent);
        }
        complete(r, true);
        nowhere(&run, &["401234567"]);
    }
}

#[test]
fn however_long_it_rings_then_it_is_one_call() {
    for tied in [false, true] {
        for ring in [100.0, 900.0, 1500.0, 5000.0, 40_000.0] {
            for call in [AnsweredFirst::outbound(1), AnsweredFirst::inbound(1)] {
                AnsweredFirst { tied, gaps: [20.0, ring], ..call }.is_one();
            }
        }
    }
}

#[test]
fn however_the_media_goes_and_whoever_hangs_up() {
    for way in [Way::Relayed, Way::OwnSource, Way::Straight] {
        for hangs_up in [Caller, Callee] {
            for call in [AnsweredFirst::outbound(3), AnsweredFirst::inbound(3)] {
                AnsweredFirst { way, hangs_up, ..call }.is_one();
            }
        }
    }
}

#[test]
fn an_announcement_or_a_queue_may_come_before_it_calls_on() {
    for wait in [600.0, 3500.0, 9000.0, 60_000.0] {
        for call in [AnsweredFirst::outbound(5), AnsweredFirst::inbound(5)] {
            AnsweredFirst { gaps: [wait, 3000.0], ..call }.is_one();
        }
    }
}

#[test]
fn a_number_may_be_written_otherwise_or_not_at_all_on_the_second_leg() {
    for onward in ["0401234567", "90401234567", "00358401234567"] {
        AnsweredFirst { users: [["2001", "+358401234567"], ["2001", onward]], ..AnsweredFirst::outbound(7) }
            .is_one();
        AnsweredFirst { users: [["+358401234567", "2001"], [onward, "2001"]], ..AnsweredFirst::inbound(7) }
            .is_one();
    }
    let users = [["+358401234567", "2001"], ["asterisk", "2001"]];
    AnsweredFirst { users, ..AnsweredFirst::inbound(9) }.is_one();
}

#[test]
fn a_number_that_one_leg_withholds_stays_unknown() {
    for callers in [["+358401234567", "anonymous"], ["anonymous", "+358401234567"], ["anonymous"; 2]] {
        let call = AnsweredFirst { users: callers.map(|c| [c, "2001"]), ..AnsweredFirst::inbound(9) };
        let (run, sent) = call.played();
        let r = run.only();
        parties(r, "2001", "inbound", "null");
        spans(r, 6020.0, 11_024.0, "customer");
        inbound(r, &sent);
        nowhere(&run, &["401234567"]);
    }
}

/// Two calls at once to one agent's number, each by way of an exchange that answers first: the
/// second comes while the first one is still rung for, or is talking.
#[test]
fn two_customers_of_one_agent_stay_two() {
    for off in [50.0, 700.0, 2000.0, 6500.0] {
        for [first, second] in [["+358401234567", "+358507654321"], ["anonymous", "+358507654321"]] {
            let one = AnsweredFirst {
                users: [[first, "2001"]; 2],
                gaps: [20.0, 3000.0],
                ..AnsweredFirst::inbound(11)
            };
            let other = AnsweredFirst { users: [[second, "2001"]; 2], n: 13, ..one.clone() };
            let mut s = Scene::new();
            let sent = [one.play(&mut s, 1000.0), other.play(&mut s, 1000.0 + off)];
            let run = s.replay(AGENTS);
            assert_eq!(run.recordings.len(), 2, "{off} {first}: {}", run.stdout());
            for (call, sent) in [one, other].iter().zip(&sent) {
                let id = format!("ladder-{}", call.n + 1);
                inbound(run.recordings.iter().find(|r| r.text("/sip/call_id") == id).unwrap(), sent);
            }
        }
    }
}

/// The agent calls a number from two telephones, or again.
#[test]
fn two_calls_of_an_agent_to_one_number_stay_two() {
    for off in [300.0, 3000.0, 30_000.0] {
        let one = AnsweredFirst { gaps: [20.0, 4000.0], ..AnsweredFirst::outbound(15) };
        let other = AnsweredFirst { n: 17, ..one.clone() };
        let mut s = Scene::new();
        let sent = [one.play(&mut s, 1000.0), other.play(&mut s, 1000.0 + off)];
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2, "{off}: {}", run.stdout());
        for (call, sent) in [one, other].iter().zip(&sent) {
            let id = format!("ladder-{}", call.n);
            outbound(run.recordings.iter().find(|r| r.text("/sip/call_id") == id).unwrap(), sent);
        }
    }
}

/// The agent calls his customer back while that one still waits for him, or talks.
#[test]
fn a_call_back_is_another_call() {
    for off in [40.0, 400.0, 2500.0] {
        for [to, from] in [["2001", "2001"], ["116117", "2001"], ["2001", "anonymous"]] {
            let first = AnsweredFirst {
                users: [["+358401234567", to], ["+358401234567", "2001"]],
                ..AnsweredFirst::inbound(19)
            };
            let back = AnsweredFirst {
                users: [["2001", "+358401234567"], [from, "+358401234567"]],
                n: 21,
                ..AnsweredFirst::outbound(21)
            };
            let mut s = Scene::new();
            let sent = [first.play(&mut s, 1000.0), back.play(&mut s, 1000.0 + off)];
            let run = s.replay(AGENTS);
            println!("{off} {to} {from}");
            assert_eq!(run.recordings.len(), 2, "{}", run.stdout());
            let of = |id: &str| run.recordings.iter().find(|r| r.text("/sip/call_id") == id).unwrap();
            inbound(of("ladder-20"), &sent[0]);
            outbound(of("ladder-21"), &sent[1]);
        }
    }
}
