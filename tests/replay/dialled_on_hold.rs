//! An agent puts a caller on hold and dials somebody else from the same RTP port, while the exchange has sent the
//! caller's media straight to his telephone. Two calls, each with its own voices, and no click to dial.

use crate::common::files::tagged;
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, addr};
use crate::common::oracle::must;
use crate::common::voice::{Packet, Voice};
use crate::kit::*;
use std::net::SocketAddr;

const PBX: &str = "192.0.2.10";
const PHONE: &str = "192.0.2.21";
const TRUNK: &str = "198.51.100.10";

/// What becomes of the first call while the second one is dialled.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hold {
    /// The exchange passes the telephone's description on.
    Passed,
    /// The exchange answers for the caller, who hears its music.
    Kept,
    /// Nobody says anything, and all go on talking.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    hold: Hold,
    /// Each call has a Session-ID of its own on both its legs.
    is_tied: bool,
    /// The exchange answers the caller, and later the agent, before it has called on.
    is_early: bool,
    /// The trunk's leg of the first call is in the capture.
    is_far_seen: bool,
    /// The exchange offers the second callee the telephone's own address.
    is_straight: bool,
    /// The number that the agent dials is the caller's own.
    is_back: bool,
    /// VLANs of the trunk and of the telephones.
    vlans: Option<[u16; 2]>,
}

/// What a voice says in these spans of time, each between its own addresses.
fn said_in(mut v: Voice, spans: &[(f64, f64, [SocketAddr; 2])]) -> (Voice, Vec<Packet>) {
    let mut said = Vec::new();
    let mut at = spans[0].0;
    for (from, to, [src, dst]) in spans {
        v.pause((from - at) as u32);
        v = v.between(*src, *dst);
        said.extend(v.talk(*from, *to));
        at = *to;
    }
    (v, said)
}

impl Case {
    fn tie(&self, n: u16) -> String {
        let tie = format!("Session-ID: {n:04}317f1a784dc48ff824d0d3715d86\r\n");
        if self.is_tied { tie } else { String::new() }
    }

    /// The first call, near and far, and the second one.
    fn legs(&self) -> [Dialog; 4] {
        let number = if self.is_back { "+358401234567" } else { "+358507654321" };
        let near = at(Dialog { headers: self.tie(1), ..Dialog::new(1) }, PBX, PHONE);
        let far = at(Dialog { headers: self.tie(1), ..Dialog::new(2) }, TRUNK, PBX);
        let dialled = |n, to: &str| Dialog {
            to: format!("<sip:{number}@pbx.example>"),
            uri: format!("sip:{number}@{to}"),
            headers: self.tie(2),
            ..Dialog::outbound(n)
        };
        let mut own = at(dialled(3, PBX), PHONE, PBX);
        own.rtp[0] = near.rtp[1];
        let mut onward = at(dialled(4, TRUNK), PBX, TRUNK);
        if self.is_straight {
            (onward.rtp[0], own.rtp[1]) = (own.rtp[0], onward.rtp[1]);
        }
        [near, far, own, onward]
    }

    /// The exchange, or the telephone, says on both legs of the first call where its audio goes.
    fn retell(&self, s: &mut Scene, when: f64, [near, far]: [&Dialog; 2], cseq: u32, modes: [&str; 2]) {
        let (phone, caller) = (near.rtp[1], far.rtp[0]);
        let by = if cseq == 2 { Caller } else { Callee };
        let sdp = |d: &Dialog, side, place, mode| d.sdp_with(side, place, "8", mode, cseq);
        let mut bodies = [sdp(near, Caller, caller, modes[1]), sdp(near, Callee, phone, modes[0])];
        if by == Callee {
            bodies.reverse();
        }
        near.reinvite(s, when, by, cseq, &bodies[0], &bodies[1]);
        let is_kept = self.hold == Hold::Kept && modes[0] != "sendrecv";
        let (told, mode) = if is_kept { (far.rtp[1], "sendrecv") } else { (phone, modes[0]) };
        let back = if is_kept { "sendrecv" } else { modes[1] };
        let (offer, answer) = (sdp(far, Callee, told, mode), sdp(far, Caller, caller, back));
        far.reinvite(s, when + 2.0, Callee, cseq, &offer, &answer);
    }

    fn first(&self, s: &mut Scene, [near, far]: [&Dialog; 2]) -> Sent {
        far.invite(s, 0.0);
        near.invite(s, 20.0);
        if self.is_early {
            far.status(s, 10.0, 200);
            far.ack(s, 14.0);
        }
        near.status(s, 1000.0, 200);
        near.ack(s, 1004.0);
        if !self.is_early {
            far.status(s, 1003.0, 200);
            far.ack(s, 1007.0);
        }
        self.retell(s, 1990.0, [near, far], 2, ["sendrecv"; 2]);
        let is_held = self.hold != Hold::Nothing;
        if is_held {
            self.retell(s, 3000.0, [near, far], 3, ["sendonly", "recvonly"]);
            self.retell(s, 6500.0, [near, far], 4, ["sendrecv"; 2]);
        }
        let (phone, caller) = (near.rtp[1], far.rtp[0]);
        let straight =
            if is_held { vec![(2011.0, 2991.0), (6551.0, 7991.0)] } else { vec![(2011.0, 7991.0)] };
        let between = |ends: [SocketAddr; 2]| straight.iter().map(move |(a, b)| (*a, *b, ends));
        // The exchange has a source of its own until then.
        let (_, mut heard) = said_in(Voice::of(near, Caller, 9), &[(1011.0, 2011.0, near.rtp)]);
        let own = [near.rtp[1], near.rtp[0]];
        let said: Vec<_> = std::iter::once((1011.0, 2011.0, own)).chain(between([phone, caller])).collect();
        let (_, said) = said_in(Voice::of(near, Callee, 8), &said);
        let (customer, before) = said_in(Voice::of(far, Caller, 7), &[(1011.0, 2011.0, far.rtp)]);
        s.media(&before);
        s.media(&Voice::of(far, Callee, 10).talk(1015.0, 2011.0));
        let (_, direct) = said_in(customer, &between([caller, phone]).collect::<Vec<_>>());
        heard.extend(direct);
        s.media(&heard);
        s.media(&said);
        if self.hold == Hold::Kept {
            s.media(&Voice::of(far, Callee, 11).talk(3051.0, 6500.0));
        }
        near.bye(s, 8000.0, Caller);
        far.bye(s, 7998.0, Caller);
        [heard, said]
    }

    fn second(&self, s: &mut Scene, [own, onward]: [&Dialog; 2]) -> Sent {
        own.invite(s, 3300.0);
        onward.invite(s, 3350.0);
        let answer = if self.is_early { 3340.0 } else { 4503.0 };
        onward.status(s, 4500.0, 200);
        onward.ack(s, 4504.0);
        own.status(s, answer, 200);
        own.ack(s, answer + 4.0);
        let said = [
            Voice::of(own, Caller, 21).talk(4521.0, 5991.0),
            Voice::of(own, Callee, 22).talk(4525.0, 5991.0),
        ];
        said.iter().for_each(|said| s.media(said));
        if !self.is_straight {
            s.media(&Voice::of(onward, Caller, 23).talk(4522.0, 5991.0));
            s.media(&Voice::of(onward, Callee, 24).talk(4524.0, 5991.0));
        }
        onward.bye(s, 6000.0, Callee);
        own.bye(s, 6003.0, Callee);
        said
    }

    fn check(&self) {
        let legs = self.legs();
        let [near, far, own, onward] = &legs;
        let mut s = Scene::new();
        let first = self.first(&mut s, [near, far]);
        let second = self.second(&mut s, [own, onward]);
        let is_of = |f: &[u8], ip: &str| {
            let SocketAddr::V4(ip) = addr(&format!("{ip}:0")) else { panic!("IPv4") };
            [26, 30].iter().any(|at| f[*at..at + 4] == ip.ip().octets())
        };
        if !self.is_far_seen {
            let call_id = format!("Call-ID: {}\r\n", far.call_id);
            let port = far.rtp[1].port().to_be_bytes();
            s.frames.retain(|(_, f)| {
                let is_signalling = f.windows(call_id.len()).any(|part| part == call_id.as_bytes());
                !is_signalling && f[34..36] != port && f[36..38] != port
            });
        }
        if let Some([trunk, phones]) = self.vlans {
            for (_, f) in &mut s.frames {
                let vlan = if is_of(f, PHONE) { phones } else { trunk };
                if vlan != 0 {
                    *f = tagged(f, vlan);
                }
            }
        }
        println!("{self:?}");
        let run = s.replay(AGENTS);
        let [a, b] = &run.recordings[..] else { panic!("{self:?} {}", run.stdout()) };
        parties(a, "2001", "inbound", CUSTOMER);
        parties(b, "2001", "outbound", if self.is_back { CUSTOMER } else { "+35850765xxxx" });
        assert_eq!([a.text("/sip/call_id"), b.text("/sip/call_id")], ["ladder-1", "ladder-3"], "{self:?}");
        spans(a, 1000.0, 8000.0, "customer");
        inbound(a, &first);
        must(b, "agent", &second[0]);
        must(b, "customer", &second[1]);
        for r in [a, b] {
            complete(r, true);
        }
        assert!(self.is_back || a.text("/call_group") != b.text("/call_group"), "{self:?}");
    }
}

const CASE: Case = Case {
    hold: Hold::Passed,
    is_tied: false,
    is_early: false,
    is_far_seen: true,
    is_straight: false,
    is_back: false,
    vlans: None,
};

#[test]
fn whom_the_agent_dials_from_the_port_of_a_call_on_hold_is_another_call() {
    for hold in [Hold::Passed, Hold::Kept, Hold::Nothing] {
        for is_tied in [false, true] {
            for is_early in [false, true] {
                for is_straight in [false, true] {
                    Case { hold, is_tied, is_early, is_straight, ..CASE }.check();
                }
            }
        }
    }
}

#[test]
fn so_it_is_where_the_caller_is_called_back_or_his_leg_is_not_seen() {
    for is_tied in [false, true] {
        for is_straight in [false, true] {
            for hold in [Hold::Passed, Hold::Kept] {
                Case { hold, is_tied, is_straight, is_back: true, ..CASE }.check();
                Case { hold, is_tied, is_straight, is_far_seen: false, ..CASE }.check();
            }
        }
    }
}

#[test]
fn so_it_is_where_trunk_and_telephones_are_on_vlans_of_their_own() {
    for vlans in [[10, 20], [0, 20], [10, 0], [20, 20]] {
        for is_tied in [false, true] {
            for hold in [Hold::Passed, Hold::Nothing] {
                Case { hold, is_tied, vlans: Some(vlans), ..CASE }.check();
            }
        }
    }
}
