//! An agent whose telephone rings in vain: whoever answers the customer at the exchange then is a mailbox, or
//! somebody his call is forwarded to. A telephone outside the mirror has taken the call only where the
//! exchange says so (RFC 3326).

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene};
use crate::common::run::Run;
use crate::common::voice::Voice;
use crate::kit::*;
use crate::register::rows;

const PBX: &str = "192.0.2.5";
const PHONES: [&str; 2] = ["192.0.2.20", "192.0.2.21"];
const TRUNK: &str = "198.51.100.10";
const CALLER: &str = "+358401234567";
const TIE: &str = "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=0\r\n";
const ELSEWHERE: &str = "Reason: SIP ;cause=200 ;text=\"Call completed elsewhere\"\r\n";

/// How the telephone stops ringing.
#[derive(Clone, Copy, Debug)]
enum Ends {
    Cancelled(&'static str),
    Refused(u16),
}

const IN_VAIN: [Ends; 6] = [
    Ends::Cancelled(""),
    Ends::Cancelled("Reason: Q.850;cause=102\r\n"),
    Ends::Cancelled("Reason: SIP;cause=487;text=\"ORIGINATOR_CANCEL\"\r\n"),
    Ends::Refused(486),
    Ends::Refused(480),
    Ends::Refused(603),
];

/// A telephone rings, and nobody answers.
fn rings(s: &mut Scene, d: &Dialog, from: f64, at: f64, how: Ends) {
    d.invite(s, from);
    d.status(s, from + 20.0, 180);
    match how {
        Ends::Refused(code) => {
            d.status(s, at, code);
            d.ack(s, at + 2.0);
        }
        Ends::Cancelled(reason) => {
            let text = d.request_text("CANCEL", Caller, d.cseq, false, reason, None);
            s.udp(at, d.sip[0], d.sip[1], text.as_bytes());
            d.response(s, at + 2.0, 200, "CANCEL", Caller, d.cseq, None);
            d.status(s, at + 3.0, 487);
            d.ack(s, at + 4.0);
        }
    }
}

/// A customer calls an agent's number. The exchange calls the agent, until `rings` later; and answers
/// `answer` after that (before, if negative). Times in ms.
#[derive(Clone, Copy, Debug)]
struct Call {
    n: u16,
    headers: &'static str,
    /// Whom the second leg names as its caller.
    onward: &'static str,
    rings: f64,
    ends: Ends,
    answer: f64,
    /// From where the exchange calls on.
    from: &'static str,
}

impl Call {
    fn new(n: u16) -> Self {
        Call {
            n,
            headers: "",
            onward: CALLER,
            rings: 15_000.0,
            ends: Ends::Cancelled(""),
            answer: 5.0,
            from: PBX,
        }
    }

    fn legs(&self) -> [Dialog; 2] {
        [
            leg(self.n, [CALLER, "2001"], [TRUNK, PBX], self.headers),
            leg(self.n + 1, [self.onward, "2001"], [self.from, PHONES[0]], self.headers),
        ]
    }

    /// The caller talks with whoever has answered for 5 s.
    fn play(&self, s: &mut Scene, at: f64) -> Sent {
        let [first, second] = self.legs();
        let stopped = at + 10.0 + self.rings;
        rings(s, &second, at + 10.0, stopped, self.ends);
        let answered = stopped + self.answer;
        first.answered(s, at, answered);
        let sent = talk(s, &first, answered.max(stopped) + 10.0, answered + 5000.0);
        first.bye(s, answered + 5000.0, Caller);
        sent
    }

    fn run(&self) -> (Run, Sent) {
        println!("{self:?}");
        let mut s = Scene::new();
        let sent = self.play(&mut s, 1000.0);
        (s.replay(AGENTS), sent)
    }

    #[track_caller]
    fn is_left_out(&self) {
        let (run, _) = self.run();
        assert_eq!(run.recordings.len(), 0, "{}", run.stdout());
        let told = rows(&run, AGENTS, &[]);
        assert!(told.len() == 1 && told[0]["reason"] == "no_agent", "{told:?}");
        nowhere(&run, &["401234567"]);
    }

    #[track_caller]
    fn is_recorded(&self) {
        let (run, sent) = self.run();
        let r = run.only();
        parties(r, "2001", "inbound", CUSTOMER);
        inbound(r, &sent);
        complete(r, true);
    }
}

#[test]
fn a_mailbox_is_no_agent() {
    for ends in IN_VAIN {
        for answer in [2.0, 50.0, 900.0, 40_000.0, -20.0, -3000.0] {
            Call { ends, answer, ..Call::new(1) }.is_left_out();
        }
    }
}

#[test]
fn whatever_ties_the_legs_and_however_long_it_rings() {
    for rings in [30.0, 900.0, 60_000.0] {
        for (headers, onward) in [("", CALLER), ("", "0401234567"), (TIE, "asterisk"), ("", "anonymous")] {
            Call { headers, onward, rings, ..Call::new(3) }.is_left_out();
        }
    }
}

#[test]
fn an_exchange_with_an_address_for_each_side() {
    let from = "192.0.2.6";
    for (headers, onward) in [("", CALLER), (TIE, "+35891234567"), (TIE, "anonymous")] {
        for answer in [-20.0, 5.0, 3000.0] {
            Call { headers, onward, answer, from, ..Call::new(33) }.is_left_out();
        }
    }
}

/// He who is dialled has a telephone that is not in the mirror: the exchange calls a colleague as well.
#[test]
fn a_colleague_whose_telephone_rings_as_well() {
    for headers in ["", TIE] {
        let mut s = Scene::new();
        let first = leg(35, [CALLER, "2005"], [TRUNK, PBX], headers);
        let second = leg(36, [CALLER, "2001"], [PBX, PHONES[0]], headers);
        rings(&mut s, &second, 1010.0, 6004.0, Ends::Cancelled(""));
        first.answered(&mut s, 1000.0, 6000.0);
        let sent = talk(&mut s, &first, 6020.0, 9000.0);
        first.bye(&mut s, 9000.0, Caller);
        let run = s.replay(AGENTS);
        parties(run.only(), "2005", "inbound", CUSTOMER);
        inbound(run.only(), &sent);
    }
}

#[test]
fn a_telephone_elsewhere_has_taken_it() {
    for answer in [-20.0, -2.0, 1.0, 5.0, 400.0] {
        for (headers, onward) in [("", CALLER), (TIE, "asterisk")] {
            let ends = Ends::Cancelled(ELSEWHERE);
            Call { headers, onward, ends, answer, ..Call::new(5) }.is_recorded();
        }
    }
}

/// The telephone is not in the mirror: nothing speaks against an agent.
#[test]
fn an_agent_whose_telephone_nobody_sees() {
    let mut s = Scene::new();
    let [first, _] = Call::new(7).legs();
    let sent = call(&mut s, &first, 3000.0, 8000.0);
    let run = s.replay(AGENTS);
    inbound(run.only(), &sent);
}

/// One after another, or at once: the one who answers is recorded.
#[test]
fn the_next_agent_answers() {
    for begins in [12.0, 700.0, 2000.0, 15_100.0] {
        for headers in ["", TIE] {
            for early in [-20.0, 4.0, 5.0, 300.0] {
                println!("{begins} {headers:?} {early}");
                let mut s = Scene::new();
                let c = Call { headers, ..Call::new(9) };
                let [first, second] = c.legs();
                let third = leg(11, [CALLER, "2002"], [PBX, PHONES[1]], headers);
                let refused = if begins == 2000.0 { 2900.0 } else { 16_000.0 };
                rings(&mut s, &second, 1010.0, refused, Ends::Refused(480));
                third.answered(&mut s, 1000.0 + begins, 20_000.0);
                first.answered(&mut s, 1000.0, 20_000.0 + early);
                let sent = talk(&mut s, &third, 20_020.0, 24_000.0);
                first.bye(&mut s, 24_000.0, Caller);
                third.bye(&mut s, 24_004.0, Caller);
                let run = s.replay(AGENTS);
                let r = run.only();
                parties(r, "2002", "inbound", CUSTOMER);
                inbound(r, &sent);
                complete(r, true);
            }
        }
    }
}

/// Two telephones of one agent ring at once; he answers at one of them.
#[test]
fn one_of_his_telephones_answers() {
    for reason in ["", ELSEWHERE] {
        for headers in ["", TIE] {
            let mut s = Scene::new();
            let [first, second] = Call { headers, ..Call::new(13) }.legs();
            let third = leg(15, [CALLER, "2001"], [PBX, PHONES[1]], headers);
            rings(&mut s, &second, 1010.0, 8004.0, Ends::Cancelled(reason));
            third.answered(&mut s, 1012.0, 8000.0);
            first.answered(&mut s, 1000.0, 8006.0);
            let sent = talk(&mut s, &third, 8020.0, 12_000.0);
            first.bye(&mut s, 12_000.0, Caller);
            third.bye(&mut s, 12_004.0, Caller);
            let run = s.replay(AGENTS);
            let r = run.only();
            parties(r, "2001", "inbound", CUSTOMER);
            inbound(r, &sent);
        }
    }
}

/// The exchange forwards the call to a mobile telephone.
#[test]
fn a_call_that_is_forwarded_outside() {
    for headers in ["", TIE] {
        let mut s = Scene::new();
        let [first, second] = Call { headers, ..Call::new(17) }.legs();
        let mobile = leg(19, [CALLER, "+358507654321"], [PBX, TRUNK], headers);
        rings(&mut s, &second, 1010.0, 9000.0, Ends::Cancelled(""));
        mobile.answered(&mut s, 9010.0, 14_000.0);
        first.answered(&mut s, 1000.0, 14_004.0);
        talk(&mut s, &first, 14_020.0, 18_000.0);
        mobile.bye(&mut s, 18_000.0, Caller);
        first.bye(&mut s, 18_004.0, Caller);
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 0, "{headers:?}: {}", run.stdout());
    }
}

/// Another customer of the same agent at the same time, who reaches him.
#[test]
fn beside_a_customer_who_reaches_him() {
    for at in [900.0, 1500.0, 8000.0, 17_000.0] {
        let mut s = Scene::new();
        Call::new(21).play(&mut s, 1000.0);
        let legs = [
            leg(23, ["+358507654321", "2001"], [TRUNK, PBX], ""),
            leg(24, ["+358507654321", "2001"], [PBX, PHONES[0]], ""),
        ];
        legs[1].answered(&mut s, at + 10.0, at + 2000.0);
        legs[0].answered(&mut s, at, at + 2005.0);
        let sent = talk(&mut s, &legs[1], at + 2020.0, at + 9000.0);
        legs[0].bye(&mut s, at + 9000.0, Caller);
        legs[1].bye(&mut s, at + 9004.0, Caller);
        let run = s.replay(AGENTS);
        let r = run.only();
        parties(r, "2001", "inbound", "+35850765xxxx");
        inbound(r, &sent);
        complete(r, true);
    }
}

/// An exchange that had answered before it called him, and whose other telephone takes the call.
#[test]
fn elsewhere_after_a_queue() {
    for reason in [ELSEWHERE, ""] {
        let mut s = Scene::new();
        let [first, second] = Call::new(25).legs();
        first.answered(&mut s, 1000.0, 1100.0);
        s.media(&Voice::of(&first, Callee, 1).talk(1110.0, 9000.0));
        rings(&mut s, &second, 4000.0, 9000.0, Ends::Cancelled(reason));
        s.media(&Voice::of(&first, Caller, 2).talk(9010.0, 14_000.0));
        first.bye(&mut s, 14_000.0, Caller);
        let run = s.replay(AGENTS);
        if reason.is_empty() {
            assert_eq!(run.recordings.len(), 0);
        } else {
            spans(run.only(), 9000.0, 14_000.0, "customer");
        }
    }
}

/// The customer's own leg goes on to a telephone, whose call the proxy forked, and that answers.
#[test]
fn a_telephone_beyond_the_host_that_called() {
    let mut s = Scene::new();
    let [first, second] = Call::new(31).legs();
    let mut beyond = at(first.clone(), PBX, PHONES[1]);
    beyond.vias = "Via: SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bKINVITE1\r\n".into();
    beyond.branch = "beyond".into();
    rings(&mut s, &second, 1010.0, 7990.0, Ends::Cancelled(""));
    first.invite(&mut s, 1000.0);
    beyond.invite(&mut s, 1001.0);
    beyond.status(&mut s, 8000.0, 200);
    first.status(&mut s, 8001.0, 200);
    first.ack(&mut s, 8005.0);
    beyond.ack(&mut s, 8006.0);
    let sent = talk(&mut s, &beyond, 8020.0, 12_000.0);
    first.bye(&mut s, 12_000.0, Caller);
    beyond.bye(&mut s, 12_001.0, Caller);
    let run = s.replay(AGENTS);
    parties(run.only(), "2001", "inbound", CUSTOMER);
    inbound(run.only(), &sent);
}

/// Nobody outside ends an agent's ringing: a CANCEL that comes from elsewhere says nothing.
#[test]
fn a_stranger_s_cancel_says_nothing() {
    let mut s = Scene::new();
    let c = Call::new(27);
    c.play(&mut s, 1000.0);
    let [_, second] = c.legs();
    let text = second.request_text("CANCEL", Caller, second.cseq, false, ELSEWHERE, None);
    s.udp(3000.0, "203.0.113.99:5060".parse().unwrap(), second.sip[1], text.as_bytes());
    assert_eq!(s.replay(AGENTS).recordings.len(), 0);
}

/// The exchange says in its answer that an agent talks who is none of those it called.
#[test]
fn the_answer_names_another_agent() {
    for (named, is_recorded) in [("2005", true), ("2001", false), ("8500", false)] {
        let mut s = Scene::new();
        let c = Call::new(29);
        let [mut first, second] = c.legs();
        rings(&mut s, &second, 1010.0, 9000.0, Ends::Cancelled(""));
        first.ok_headers = format!("P-Asserted-Identity: <sip:{named}@example.com>\r\n");
        first.answered(&mut s, 1000.0, 9010.0);
        let sent = talk(&mut s, &first, 9020.0, 12_000.0);
        first.bye(&mut s, 12_000.0, Caller);
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), usize::from(is_recorded), "{named}");
        if is_recorded {
            parties(run.only(), "2005", "inbound", CUSTOMER);
            inbound(run.only(), &sent);
        }
    }
}
