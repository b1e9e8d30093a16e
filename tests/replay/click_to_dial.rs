//! Click to dial: the exchange calls the agent in somebody else's name, then his customer. One call of
//! the agent's, and whatever only looks like it.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side};
use crate::common::run::{Recording, Run, nauhuri};
use crate::common::voice::{Voice, relayed};
use crate::kit::*;

const PBX: &str = "192.0.2.5";
const PHONE: &str = "192.0.2.20";
const TRUNK: &str = "198.51.100.10";
const NUMBER: &str = "+358401234567";
const HOUSE: &str = "+35891234567";
const TIE: &str = "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=0\r\n";
const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

fn user(name: &str) -> String {
    if name.contains('<') { name.into() } else { format!("<sip:{name}@192.0.2.5>") }
}

/// One call by click. Times in ms.
#[derive(Clone, Debug)]
struct Click {
    n: u16,
    agent: &'static str,
    number: &'static str,
    /// Of the INVITE to the agent.
    from: String,
    /// Of the INVITE to the customer.
    onward: String,
    tied: bool,
    /// The INVITE to the customer after the agent's answer, and his answer after that.
    gaps: [f64; 2],
    way: Way,
    hangs_up: Side,
    /// Where the agent's telephone is called from.
    near: &'static str,
    /// More headers of the two INVITEs.
    headers: String,
    onward_headers: String,
}

impl Click {
    fn new(n: u16, from: &str, onward: &str, tied: bool) -> Click {
        Click {
            n,
            agent: "2001",
            number: NUMBER,
            from: user(from),
            onward: user(onward),
            tied,
            gaps: [100.0, 1000.0],
            way: Way::Relayed,
            hangs_up: Callee,
            near: PBX,
            headers: String::new(),
            onward_headers: String::new(),
        }
    }

    fn legs(&self) -> [Dialog; 2] {
        let tie = if self.tied { TIE.replace("ab30", &format!("{:04}", self.n)) } else { String::new() };
        let first = Dialog {
            from: self.from.clone(),
            to: format!("<sip:{}@192.0.2.5>", self.agent),
            uri: format!("sip:{}@192.0.2.20", self.agent),
            headers: tie.clone() + &self.headers,
            ..Dialog::new(self.n)
        };
        let second = Dialog {
            from: self.onward.clone(),
            to: format!("<sip:{}@trunk.example>", self.number),
            uri: format!("sip:{}@198.51.100.10", self.number),
            headers: tie + &self.onward_headers,
            ..Dialog::new(self.n + 1)
        };
        let (first, mut second) = (at(first, self.near, PHONE), at(second, PBX, TRUNK));
        if self.way == Way::Straight {
            second.rtp[0] = first.rtp[1];
        }
        [first, second]
    }

    /// The agent answers at `answer`, all is over 6 s after the customer's answer; both talk from there on.
    fn play(&self, s: &mut Scene, answer: f64) -> Sent {
        let [first, second] = self.legs();
        let begun = answer + self.gaps[0];
        let customer = begun + self.gaps[1];
        let end = customer + 6000.0;
        first.answered(s, answer - 700.0, answer);
        second.answered(s, begun, customer);
        let mut voices =
            [Voice::of(&first, Caller, self.n.into()), Voice::of(&first, Callee, 77 + u64::from(self.n))];
        if self.way == Way::Straight {
            let [offer, own] = [(Caller, second.rtp[1]), (Callee, first.rtp[1])]
                .map(|(side, place)| first.sdp_with(side, place, "8", "sendrecv", 2));
            first.reinvite(s, customer + 20.0, Caller, 2, &offer, &own);
            let [his, own] = [second.rtp[1], first.rtp[1]];
            voices = straight(voices, own, his);
        }
        let sent = [voices[0].talk(customer + 60.0, end), voices[1].talk(customer + 65.0, end)];
        sent.iter().for_each(|voice| s.media(voice));
        let [exchange, his] = second.rtp;
        self.way.pass_on(s, &sent, [his, exchange], [-1.0, 1.0]);
        // Whoever hangs up does so on his own leg.
        match self.hangs_up {
            Callee => {
                first.bye(s, end, Callee);
                second.bye(s, end + 4.0, Caller);
            }
            Caller => {
                second.bye(s, end - 4.0, Callee);
                first.bye(s, end, Caller);
            }
        }
        sent
    }

    #[track_caller]
    fn is_one(&self, run: &Run, answer: f64, sent: &Sent) {
        println!("{self:?}");
        self.is_told(run.only(), answer, sent);
        assert_eq!(unrecorded(run, "internal"), 0);
        nowhere(run, &[self.number.trim_start_matches('+')]);
    }

    #[track_caller]
    fn is_told(&self, r: &Recording, answer: f64, sent: &Sent) {
        let stored = format!("{}xxxx", &self.number[..self.number.len() - 4]);
        parties(r, self.agent, "outbound", &stored);
        assert_eq!([r.text("/dialled"), r.text("/sip/call_id")], [&stored, &format!("ladder-{}", self.n)]);
        assert_eq!([&r.json["customer"]["withheld"], &r.json["before_agent_s"]], ["false", "null"].map(json));
        let by = if self.hangs_up == Callee { "agent" } else { "customer" };
        spans(r, answer, answer + self.gaps[0] + self.gaps[1] + 6000.0, by);
        inbound(r, sent);
        complete(r, true);
    }
}

fn json(text: &str) -> &'static serde_json::Value {
    Box::leak(Box::new(serde_json::from_str(text).unwrap()))
}

fn played(click: &Click) -> (Run, Sent) {
    let mut s = Scene::new();
    let sent = click.play(&mut s, 1000.0);
    (s.replay(AGENTS), sent)
}

#[test]
fn whoever_the_agent_is_called_by_a_header_tells_the_customer() {
    for from in [NUMBER, "clicktodial", "asterisk", "116117", HOUSE, ANONYMOUS, "2001"] {
        for onward in ["2001", HOUSE, NUMBER] {
            let click = Click::new(1, from, onward, true);
            let (run, sent) = played(&click);
            click.is_one(&run, 1000.0, &sent);
        }
    }
}

#[test]
fn without_a_header_numbers_and_times_do() {
    for (from, onward) in [
        (NUMBER, "2001"),
        ("0401234567", "2001"),
        (NUMBER, HOUSE),
        ("clicktodial", "2001"),
        ("asterisk", "2001"),
        (ANONYMOUS, "2001"),
        ("2001", "2001"),
    ] {
        let click = Click::new(3, from, onward, false);
        let (run, sent) = played(&click);
        click.is_one(&run, 1000.0, &sent);
    }
}

#[test]
fn the_agent_may_be_told_by_an_asserted_identity() {
    for tied in [true, false] {
        for (from, asserted) in [(HOUSE, "2001"), ("2001", HOUSE)] {
            let onward_headers = format!("P-Asserted-Identity: <sip:{asserted}@192.0.2.5>\r\n");
            let click = Click { onward_headers, ..Click::new(5, "asterisk", from, tied) };
            let (run, sent) = played(&click);
            click.is_one(&run, 1000.0, &sent);
        }
    }
}

#[test]
fn neither_times_nor_ways_nor_who_hangs_up_make_another_call_of_it() {
    for tied in [true, false] {
        for from in [NUMBER, "asterisk"] {
            for gaps in [[5.0, 900.0], [100.0, 20_000.0], [900.0, 3000.0]] {
                for way in [Way::Relayed, Way::OwnSource, Way::Straight] {
                    let hangs_up = if gaps[0] == 100.0 { Caller } else { Callee };
                    let click = Click { gaps, way, hangs_up, ..Click::new(7, from, "2001", tied) };
                    let (run, sent) = played(&click);
                    click.is_one(&run, 1000.0, &sent);
                }
            }
        }
    }
    // A header bears a long announcement to the agent, and another address of the exchange.
    for from in [NUMBER, "asterisk"] {
        for gaps in [[3000.0, 1000.0], [9000.0, 2000.0]] {
            let click = Click { gaps, near: "192.0.2.6", ..Click::new(9, from, HOUSE, true) };
            let (run, sent) = played(&click);
            click.is_one(&run, 1000.0, &sent);
        }
    }
}

#[test]
fn the_address_of_the_agents_audio_ties_the_legs_whoever_calls() {
    let straight = Click { way: Way::Straight, near: "192.0.2.6", ..Click::new(11, HOUSE, "2001", false) };
    let (run, sent) = played(&straight);
    straight.is_one(&run, 1000.0, &sent);
    // Without it a number of the house may be another customer's.
    let (run, _) = played(&Click { way: Way::Relayed, ..straight });
    assert_eq!(run.recordings.len(), 2, "{}", run.stdout());
}

/// The exchange calls both at once; whoever answers first.
#[test]
fn where_both_are_called_at_once_the_agents_leg_is_recorded() {
    for answers in [[1000.0, 2500.0], [2500.0, 1000.0]] {
        let [agents, customers] = Click::new(13, "asterisk", "2001", true).legs();
        let mut s = Scene::new();
        agents.invite(&mut s, 0.0);
        customers.invite(&mut s, 20.0);
        for (d, answer) in [(&agents, answers[0]), (&customers, answers[1])] {
            d.status(&mut s, answer, 200);
            d.ack(&mut s, answer + 5.0);
        }
        let sent = talk(&mut s, &agents, 2600.0, 6000.0);
        s.media(&relayed(&sent[0], customers.rtp[1], customers.rtp[0], -1.0));
        s.media(&relayed(&sent[1], customers.rtp[0], customers.rtp[1], 1.0));
        agents.bye(&mut s, 6000.0, Callee);
        customers.bye(&mut s, 6004.0, Caller);
        let run = s.replay(AGENTS);
        parties(run.only(), "2001", "outbound", CUSTOMER);
        spans(run.only(), answers[0], 6000.0, "agent");
        inbound(run.only(), &sent);
    }
}

#[test]
fn of_several_numbers_the_one_that_answers_is_the_customers() {
    for onward in ["2001", HOUSE] {
        let click = Click { gaps: [2500.0, 1000.0], ..Click::new(15, "asterisk", onward, true) };
        let [_, second] = click.legs();
        let busy = Dialog {
            to: "<sip:+358507654321@trunk.example>".into(),
            uri: "sip:+358507654321@198.51.100.10".into(),
            headers: second.headers.clone(),
            from: second.from.clone(),
            ..at(Dialog::new(17), PBX, TRUNK)
        };
        let mut s = Scene::new();
        let sent = click.play(&mut s, 1000.0);
        busy.invite(&mut s, 1100.0);
        busy.status(&mut s, 2000.0, 486);
        busy.ack(&mut s, 2005.0);
        let run = s.replay(AGENTS);
        click.is_one(&run, 1000.0, &sent);
        nowhere(&run, &["507654321"]);
    }
}

#[test]
fn it_is_recorded_as_its_direction_is() {
    for tied in [true, false] {
        let click = Click::new(19, "asterisk", "2001", tied);
        let mut s = Scene::new();
        click.play(&mut s, 1000.0);
        for (directions, recordings) in [("inbound", 0), ("outbound", 1)] {
            let run = s.replay(&format!("{AGENTS}[service_default]\ndirections = [\"{directions}\"]\n"));
            assert_eq!(run.recordings.len(), recordings, "{tied} {directions} {}", run.stdout());
            run.recordings.iter().for_each(|r| parties(r, "2001", "outbound", CUSTOMER));
        }
    }
}

#[test]
fn a_number_that_is_not_to_be_known_stays_unknown() {
    for tied in [true, false] {
        let headers = "Privacy: id\r\n".to_string();
        let click = Click { headers, ..Click::new(21, NUMBER, "2001", tied) };
        let (run, sent) = played(&click);
        let r = run.only();
        parties(r, "2001", "outbound", "null");
        assert_eq!(r.json["customer"]["withheld"], true);
        inbound(r, &sent);
        nowhere(&run, &["40123"]);
    }
}

#[test]
fn explain_tells_that_the_agent_was_called_first() {
    let click = Click::new(23, "asterisk", "2001", false);
    let mut s = Scene::new();
    click.play(&mut s, 1000.0);
    let (keep, pcap) = s.saved();
    let config = keep.path().join("explained.toml");
    std::fs::write(&config, AGENTS).unwrap();
    let out = nauhuri().args(["explain", "ladder-23", "--config"]).args([&config, &pcap]).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    for part in
        ["click to dial: the agent was called first, his customer on Call-ID", "so it is an outbound call"]
    {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn two_agents_who_click_at_once_stay_two() {
    let others = ["+358507654321", NUMBER];
    for tied in [true, false] {
        for (from, onward) in
            [("asterisk", ["2001", "2002"]), ("number", ["2001", "2002"]), ("number", [HOUSE; 2])]
        {
            for (number, apart) in [(others[0], 0.0), (others[0], 30.0), (others[1], 15.0)] {
                let named = |number: &'static str| if from == "number" { number } else { from };
                let one = Click::new(30, named(NUMBER), onward[0], tied);
                let other = Click { agent: "2002", number, ..Click::new(40, named(number), onward[1], tied) };
                let mut s = Scene::new();
                let sent = [one.play(&mut s, 1000.0), other.play(&mut s, 1000.0 + apart)];
                let run = s.replay(AGENTS);
                println!("{tied} {from} {onward:?} {number} {apart}");
                let [a, b] = &run.recordings[..] else { panic!("{}", run.stdout()) };
                assert_ne!(a.text("/call_group"), b.text("/call_group"));
                assert_eq!([a.text("/agent/id"), b.text("/agent/id")], ["2001", "2002"]);
                inbound(a, &sent[0]);
                inbound(b, &sent[1]);
                // One customer whom both call in the name of the house: whose leg is whose nothing tells.
                if tied || number != NUMBER || onward[0] != HOUSE {
                    one.is_told(a, 1000.0, &sent[0]);
                    other.is_told(b, 1000.0 + apart, &sent[1]);
                }
            }
        }
    }
}

#[test]
fn a_call_that_is_just_over_is_not_the_clicked_one() {
    for tied in [true, false] {
        for from in ["asterisk", "+358507654321"] {
            let before = Dialog { from: user(from), ..at(Dialog::new(50), PBX, PHONE) };
            let click = Click::new(52, "asterisk", "2001", tied);
            let mut s = Scene::new();
            before.answered(&mut s, 0.0, 1000.0);
            let said = talk(&mut s, &before, 1000.0, 3000.0);
            before.bye(&mut s, 3000.0, Caller);
            let sent = click.play(&mut s, 4000.0);
            let run = s.replay(AGENTS);
            let [a, b] = &run.recordings[..] else { panic!("{}", run.stdout()) };
            assert_eq!([a.text("/direction"), a.text("/ended_by")], ["inbound", "customer"]);
            inbound(a, &said);
            click.is_told(b, 4000.0, &sent);
            assert_ne!(a.text("/call_group"), b.text("/call_group"));
        }
    }
}

/// The exchange calls 2001 in this name.
fn called(from: &str, headers: &str) -> Dialog {
    Dialog { from: user(from), headers: headers.into(), ..at(Dialog::new(60), PBX, PHONE) }
}

/// The exchange calls another subscriber.
fn someone_else(n: u16, from: &str, headers: &str) -> Dialog {
    let d = Dialog {
        from: user(from),
        to: "<sip:+358507654321@trunk.example>".into(),
        uri: "sip:+358507654321@198.51.100.10".into(),
        headers: headers.into(),
        ..Dialog::new(n)
    };
    at(d, PBX, TRUNK)
}

#[test]
fn whoever_has_called_in_is_the_customer() {
    // His own leg is there; or he is named, and the other one comes later.
    for (is_seen, from, gap) in [(true, "asterisk", 100.0), (true, NUMBER, 500.0), (false, NUMBER, 6000.0)] {
        let own = Dialog {
            to: "<sip:116117@192.0.2.5>".into(),
            uri: "sip:116117@192.0.2.5".into(),
            headers: TIE.into(),
            ..at(Dialog::new(64), "198.51.100.77", PBX)
        };
        let (first, other) = (called(from, TIE), someone_else(62, "2001", TIE));
        let mut s = Scene::new();
        if is_seen {
            own.invite(&mut s, 0.0);
            own.status(&mut s, 1005.0, 200);
            own.ack(&mut s, 1009.0);
        }
        first.answered(&mut s, 20.0, 1000.0);
        let sent = talk(&mut s, &first, 1000.0, 9000.0);
        other.answered(&mut s, 1000.0 + gap, 1500.0 + gap);
        talk(&mut s, &other, 1500.0 + gap, 8000.0);
        other.bye(&mut s, 8000.0, Callee);
        first.bye(&mut s, 9000.0, Caller);
        let run = s.replay(AGENTS);
        let a = &run.recordings[0];
        parties(a, "2001", "inbound", CUSTOMER);
        spans(a, 1000.0, 9000.0, "customer");
        inbound(a, &sent);
        assert_eq!(run.recordings.len(), 2, "{is_seen} {from} {gap}");
    }
}

#[test]
fn whom_the_agent_dials_himself_is_another_call() {
    // By way of the exchange right after the answer; or whoever it is, later than at once.
    for (is_dialled, gap) in [(true, 300.0), (false, 1500.0)] {
        let (first, other) = (called("queue", ""), someone_else(66, "2001", ""));
        let mut dialled = someone_else(68, "2001", "");
        dialled = at(dialled, PHONE, PBX);
        let mut s = Scene::new();
        first.answered(&mut s, 0.0, 1000.0);
        let sent = talk(&mut s, &first, 1000.0, 9000.0);
        if is_dialled {
            dialled.answered(&mut s, 980.0 + gap, 2504.0 + gap);
        }
        other.answered(&mut s, 1000.0 + gap, 2500.0 + gap);
        let near = if is_dialled { &dialled } else { &other };
        let said = talk(&mut s, near, 2600.0 + gap, 8000.0);
        near.bye(&mut s, 8000.0, Caller);
        if is_dialled {
            other.bye(&mut s, 8003.0, Caller);
        }
        first.bye(&mut s, 9000.0, Caller);
        let run = s.replay(AGENTS);
        let [a, b] = &run.recordings[..] else { panic!("{is_dialled} {}", run.stdout()) };
        assert_eq!([a.text("/direction"), b.text("/direction")], ["inbound", "outbound"]);
        assert_eq!(b.text("/customer/number"), "+35850765xxxx");
        assert_ne!(a.text("/call_group"), b.text("/call_group"));
        inbound(a, &sent);
        outbound(b, &said);
    }
}
