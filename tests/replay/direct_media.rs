//! An exchange answers for both phones and then sends their media directly to one another: two legs that nothing in
//! the signalling ties, and one pair of addresses in both. What the phones say from then on is recorded, whichever
//! leg is told first, or its absence is told.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, addr};
use crate::common::oracle::{check, must};
use crate::common::run::Recording;
use crate::common::voice::{Packet, Voice};
use crate::kit::*;

/// The leg to the agent and the one to the customer, through one exchange.
struct Legs {
    near: Dialog,
    far: Dialog,
    /// Which side of each is the exchange.
    exchange: [Side; 2],
}

/// How the media is passed on.
#[derive(Clone, Copy, Debug)]
struct Switch {
    is_tied: bool,
    is_outbound: bool,
    /// When each leg is told, near and far, ms.
    told: [f64; 2],
    /// How long after its INVITE each phone switches.
    after: f64,
}

fn legs(how: Switch) -> Legs {
    let headers = if how.is_tied { "Session-ID: ab30317f1a784dc48ff824d0d3715d86\r\n" } else { "" };
    let exchange = addr("192.0.2.10:5060");
    let (phone, trunk) = (addr("192.0.2.21:5060"), addr("198.51.100.10:5060"));
    let (near, far) = match how.is_outbound {
        false => (
            Dialog::new(1),
            Dialog { to: "<sip:700@pbx.example>".into(), uri: "sip:700@192.0.2.10".into(), ..Dialog::new(2) },
        ),
        true => (
            Dialog::outbound(1),
            Dialog { from: "<sip:+358941234500@pbx.example>".into(), ..Dialog::outbound(2) },
        ),
    };
    let near_sip = if how.is_outbound { [phone, exchange] } else { [exchange, phone] };
    let far_sip = if how.is_outbound { [exchange, trunk] } else { [trunk, exchange] };
    let [own, others] = if how.is_outbound { [Callee, Caller] } else { [Caller, Callee] };
    let place = |sip: [std::net::SocketAddr; 2], base: u16| {
        [0, 1].map(|i| std::net::SocketAddr::new(sip[i].ip(), base + 2 * i as u16))
    };
    let dress = |d: Dialog, sip, base| Dialog { headers: headers.into(), sip, rtp: place(sip, base), ..d };
    Legs { near: dress(near, near_sip, 30_000), far: dress(far, far_sip, 31_000), exchange: [own, others] }
}

/// The first of every 20 ms from `first` on that is not before `at`.
fn grid(first: f64, at: f64) -> f64 {
    first + 20.0 * ((at - first) / 20.0).ceil()
}

/// Answered at 1 s, over at 5 s. What the recording's customer and agent should be.
fn scene(how: Switch) -> (Scene, [Vec<Packet>; 2]) {
    let Legs { near, far, exchange: [own, others] } = legs(how);
    let mut s = Scene::new();
    let first = if how.is_outbound { [&near, &far] } else { [&far, &near] };
    for (n, d) in first.into_iter().enumerate() {
        d.invite(&mut s, 20.0 * n as f64);
    }
    for (d, at) in
        if how.is_outbound { [(&far, 997.0), (&near, 1000.0)] } else { [(&near, 1000.0), (&far, 1003.0)] }
    {
        d.status(&mut s, at, 200);
        d.ack(&mut s, at + 4.0);
    }
    let (phone, trunk) = (near.rtp[own.other() as usize], far.rtp[others.other() as usize]);
    let [told_near, told_far] = how.told;
    near.reinvite(
        &mut s,
        told_near,
        own,
        2,
        &near.sdp_with(own, trunk, "8", "sendrecv", 2),
        &near.sdp(own.other()),
    );
    far.reinvite(
        &mut s,
        told_far,
        others,
        2,
        &far.sdp_with(others, phone, "8", "sendrecv", 2),
        &far.sdp(others.other()),
    );
    let (customer_at, agent_at) = (grid(1011.0, told_far + how.after), grid(1015.0, told_near + how.after));
    let mut customer = Voice::of(&far, others.other(), 7);
    let mut agent = Voice::of(&near, own.other(), 8);
    // The exchange has numbers of its own.
    let mut heard = Voice::of(&near, own, 9).talk(1011.0, customer_at);
    s.media(&customer.talk(1011.0, customer_at));
    s.media(&heard);
    let direct = customer.clone().between(trunk, phone).talk(customer_at, 4990.0);
    s.media(&direct);
    heard.extend(direct);
    let mut said = agent.talk(1015.0, agent_at);
    said.extend(agent.clone().between(phone, trunk).talk(agent_at, 4990.0));
    s.media(&said);
    s.media(&Voice::of(&far, others, 10).talk(1015.0, agent_at));
    near.bye(&mut s, 5000.0, own.other());
    far.bye(&mut s, 5002.0, others);
    (s, [heard, said])
}

/// Whole, or it says that it is not.
#[track_caller]
fn honest(r: &Recording, sent: &[Vec<Packet>; 2], how: Switch) {
    for (channel, packets) in ["customer", "agent"].iter().zip(sent) {
        if check(r, channel, packets).is_err() {
            assert_eq!(r.json["complete"], false, "{how:?}: {channel} misses something; {}", r.json);
        }
    }
}

#[test]
fn phones_that_are_sent_to_one_another_are_heard_to_the_end() {
    for is_tied in [false, true] {
        for is_outbound in [false, true] {
            for told in [[1200.0, 1198.0], [2500.0, 2498.0]] {
                let how = Switch { is_tied, is_outbound, told, after: 30.0 };
                let (s, sent) = scene(how);
                let run = s.replay(AGENTS);
                let r = run.only();
                must(r, "customer", &sent[0]);
                must(r, "agent", &sent[1]);
                complete(r, true);
                assert_eq!(run.summary()["rtp_unmatched"], 0, "{how:?}");
            }
        }
    }
}

#[test]
fn whoever_is_told_first_and_switches_early_what_is_missing_says_so() {
    for is_tied in [false, true] {
        for is_outbound in [false, true] {
            for gap in [-300.0, -50.0, -2.0, 2.0, 50.0, 300.0, 1000.0, 2000.0] {
                for after in [1.0, 15.0, 30.0, 200.0] {
                    let how = Switch { is_tied, is_outbound, told: [2000.0, 2000.0 + gap], after };
                    let (s, sent) = scene(how);
                    let run = s.replay(AGENTS);
                    honest(run.only(), &sent, how);
                    // Both know at the end, so that most of it is there.
                    for (channel, packets) in ["customer", "agent"].iter().zip(&sent) {
                        let (there, all) = (streams(run.only(), channel).1 as usize, packets.len());
                        assert!(3 * there > 2 * all, "{how:?}: {channel} has {there} of {all}");
                    }
                }
            }
        }
    }
}
