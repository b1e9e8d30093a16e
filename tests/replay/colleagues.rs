//! Calls between colleagues by way of an exchange that is not in `agents.networks`: each leg for itself
//! looks like a call with somebody outside.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::run::Run;
use crate::common::voice::Voice;
use crate::kit::*;

const PBX: [&str; 2] = ["203.0.113.5", "203.0.113.6"];
const PHONES: [&str; 2] = ["192.0.2.20", "192.0.2.21"];
const TRUNK: &str = "198.51.100.10";
const NUMBERS: &str = "[agents]\nextensions = [\"2000-2999\"]\nnetworks = [\"192.0.2.0/24\"]\n";
const NETWORKS: &str = "[agents]\nnetworks = [\"192.0.2.0/24\"]\n";
const INTERNAL: &str =
    "[agents]\nextensions = [\"2000-2999\"]\nnetworks = [\"192.0.2.0/24\"]\nrecord_internal = true\n";

/// One agent calls another one, whom the exchange calls in a leg of its own. Times in ms.
#[derive(Clone, Copy, Debug)]
struct Consultation {
    n: u16,
    /// The exchange's addresses on the first and the second leg.
    pbx: [&'static str; 2],
    /// The second INVITE after the first one, and its answer after that.
    gaps: [f64; 2],
    /// The answer on the first leg after that on the second.
    answer: f64,
    /// The exchange says on the second leg who calls.
    asserts: bool,
    dialled: &'static str,
}

impl Consultation {
    fn new(n: u16) -> Self {
        Consultation {
            n,
            pbx: [PBX[0]; 2],
            gaps: [20.0, 3000.0],
            answer: 5.0,
            asserts: false,
            dialled: "2002",
        }
    }

    fn legs(&self) -> [Dialog; 2] {
        let first = leg(self.n, ["2001", self.dialled], [PHONES[0], self.pbx[0]], "");
        let mut second = leg(self.n + 1, ["2001", "2002"], [self.pbx[1], PHONES[1]], "");
        if self.asserts {
            second.headers = format!("P-Asserted-Identity: <sip:2001@{}>\r\n", self.pbx[1]);
        }
        [first, second]
    }

    fn play(&self, s: &mut Scene, at: f64) -> [Sent; 2] {
        let [first, second] = self.legs();
        let rings = at + self.gaps[0];
        let talks = rings + self.gaps[1];
        let answered = talks + self.answer;
        first.answered(s, at, answered);
        second.answered(s, rings, talks);
        let end = talks.max(answered) + 4000.0;
        let own = talk(s, &first, answered + 5.0, end);
        let other = talk(s, &second, talks + 5.0, end);
        first.bye(s, end, Caller);
        second.bye(s, end + 5.0, Caller);
        [own, other]
    }

    fn run(&self, config: &str) -> (Run, [Sent; 2]) {
        println!("{self:?}");
        let mut s = Scene::new();
        let sent = self.play(&mut s, 1000.0);
        (s.replay(config), sent)
    }

    #[track_caller]
    fn is_internal(&self, config: &str) {
        let (run, _) = self.run(config);
        assert_eq!(run.recordings.len(), 0);
        assert!(unrecorded(&run, "internal") >= 1, "{}", run.summary());
        assert_eq!(unrecorded(&run, "no_agent"), 0, "{}", run.summary());
    }
}

#[test]
fn an_exchange_that_calls_the_colleague() {
    for pbx in [[PBX[0]; 2], PBX] {
        for gaps in [[1.0, 50.0], [20.0, 3000.0], [1500.0, 40_000.0]] {
            for answer in [5.0, 700.0, -30.0] {
                for asserts in [false, true] {
                    let call = Consultation { pbx, gaps, answer, asserts, ..Consultation::new(1) };
                    call.is_internal(NUMBERS);
                    call.is_internal(NETWORKS);
                }
            }
        }
    }
}

#[test]
fn one_that_answers_before_it_calls_him() {
    for wait in [30.0, 6000.0, 30_000.0] {
        for ring in [100.0, 5000.0] {
            let gaps = [wait + 10.0, ring];
            let call = Consultation { gaps, answer: -ring - wait, ..Consultation::new(3) };
            call.is_internal(NUMBERS);
        }
    }
}

/// The exchange names in From the agent whose calls it forwards, while he himself calls somebody else.
#[test]
fn a_customer_whose_call_an_agent_forwards() {
    for gap in [20.0, 50.0, 900.0] {
        let mut s = Scene::new();
        let own = Consultation { dialled: "2003", ..Consultation::new(19) }.legs()[0].clone();
        own.invite(&mut s, 1000.0);
        own.status(&mut s, 1020.0, 180);
        let forwarded = leg(21, ["2001", "2002"], [PBX[0], PHONES[1]], "");
        forwarded.answered(&mut s, 1000.0 + gap, 4000.0);
        let sent = talk(&mut s, &forwarded, 4010.0, 8000.0);
        forwarded.bye(&mut s, 8000.0, Caller);
        own.cancelled(&mut s, 9000.0);
        inbound(s.replay(NUMBERS).only(), &sent);
    }
}

#[test]
fn where_calls_of_colleagues_are_recorded_it_is_one() {
    for pbx in [[PBX[0]; 2], PBX] {
        for answer in [5.0, -30.0] {
            let call = Consultation { pbx, answer, ..Consultation::new(7) };
            let (run, [_, sent]) = call.run(INTERNAL);
            let r = run.only();
            parties(r, "2002", "internal", "null");
            assert_eq!(r.text("/sip/call_id"), format!("ladder-{}", call.n + 1));
            inbound(r, &sent);
            complete(r, true);
        }
    }
}

/// Who writes an agent's number into From has not called from his telephone.
#[test]
fn a_stranger_with_an_agent_s_number_is_recorded() {
    for beside in [false, true] {
        let mut s = Scene::new();
        let first = leg(9, ["2001", "2002"], [TRUNK, PBX[0]], "");
        let second = leg(10, ["2001", "2002"], [PBX[0], PHONES[1]], "");
        if beside {
            // The agent himself is in a call with somebody else, or calls a third one.
            Consultation { dialled: "2003", ..Consultation::new(11) }.legs()[0]
                .answered(&mut s, 200.0, 400.0);
        }
        first.answered(&mut s, 6000.0, 8010.0);
        second.answered(&mut s, 6020.0, 8000.0);
        let sent = talk(&mut s, &second, 8020.0, 12_000.0);
        first.bye(&mut s, 12_000.0, Caller);
        second.bye(&mut s, 12_005.0, Caller);
        let run = s.replay(NUMBERS);
        let r = run.recordings.iter().find(|r| r.text("/agent/id") == "2002").unwrap();
        inbound(r, &sent);
    }
}

/// The same agent calls a customer, and before, meanwhile or after that a colleague.
#[test]
fn calls_with_customers_stay_what_they_are() {
    for at in [1000.0, 5000.0, 5300.0, 30_000.0] {
        let mut s = Scene::new();
        let legs = [
            leg(13, ["2001", "+358401234567"], [PHONES[0], PBX[0]], ""),
            leg(14, ["2001", "+358401234567"], [PBX[0], TRUNK], ""),
        ];
        legs[0].answered(&mut s, 5000.0, 8010.0);
        legs[1].answered(&mut s, 5020.0, 8000.0);
        let sent = talk(&mut s, &legs[0], 8020.0, 12_000.0);
        Consultation::new(15).play(&mut s, at);
        legs[0].bye(&mut s, 12_000.0, Callee);
        legs[1].bye(&mut s, 12_005.0, Callee);
        let run = s.replay(NUMBERS);
        let r = run.only();
        parties(r, "2001", "outbound", CUSTOMER);
        outbound(r, &sent);
        complete(r, true);
    }
}

/// He asks a colleague, and hands his customer over: the exchange tells the colleague who it is.
#[test]
fn who_is_handed_over_is_recorded_from_then_on() {
    let mut s = Scene::new();
    let c = Consultation::new(17);
    let [first, second] = c.legs();
    first.answered(&mut s, 1000.0, 3010.0);
    second.answered(&mut s, 1020.0, 3000.0);
    let asked = Voice::of(&second, Caller, 1).talk(3020.0, 8000.0);
    s.media(&asked);
    first.bye(&mut s, 8000.0, Caller);
    let headers = format!("P-Asserted-Identity: <sip:+358401234567@{}>\r\n", PBX[0]);
    identity(&mut s, &second, 8010.0, "UPDATE", Caller, 7, &headers);
    let sent = talk(&mut s, &second, 8050.0, 12_000.0);
    second.bye(&mut s, 12_000.0, Caller);
    let run = s.replay(NUMBERS);
    let r = run.only();
    parties(r, "2002", "inbound", CUSTOMER);
    inbound(r, &sent);
}
