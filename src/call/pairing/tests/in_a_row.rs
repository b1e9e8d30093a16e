//! Legs in a row that were given one pair of addresses: rule 8, and what else is theirs together.

use super::*;

const CUSTOMER: &str = "198.51.100.10:4000";
const PHONE: &str = "192.0.2.21:5010";
/// Where the exchange takes packets, of the customer and of the agent.
const EXCHANGE: [&str; 2] = ["192.0.2.10:30000", "192.0.2.10:30002"];

fn ends(caller: &str, callee: &str) -> [SocketAddr; 2] {
    [caller, callee].map(|ip| addr(&format!("{ip}:5060")))
}

/// The customer's leg to the exchange, which nobody records, and the agent's, from another host of `exchanges`.
fn legs(p: &mut Pairing, exchanges: [&str; 2], vlans: [u16; 2]) -> [SessionId; 2] {
    p.handle_time(ms(0));
    let far = p.open(1, 1, ends("198.51.100.1", exchanges[0]));
    let near = p.open(2, 2, ends(exchanges[1], "192.0.2.21"));
    for (id, vlan) in [far, near].into_iter().zip(vlans) {
        p.seen_on(id, Vlan::NONE.with(vlan));
        p.claim(id, Side::Caller, &[claim(CUSTOMER)]);
        p.claim(id, Side::Callee, &[claim(PHONE)]);
        p.answer(id, 2);
    }
    p.record(near, Some((A, Side::Caller, 0)));
    [far, near]
}

/// The customer's leg and the agent's, with the media of both through the exchange. The customer has called, or was
/// called after the agent.
fn bridged(p: &mut Pairing, customer: Side) -> [SessionId; 2] {
    p.handle_time(ms(0));
    let (trunk, exchange, phone) = ("198.51.100.1", "192.0.2.10", "192.0.2.21");
    let [near, far] = match customer {
        Side::Caller => [(2, ends(exchange, phone)), (1, ends(trunk, exchange))],
        Side::Callee => [(1, ends(exchange, phone)), (2, ends(exchange, trunk))],
    };
    let [near, far] = [near, far].map(|(n, ends)| p.open(n, n, ends));
    for (id, side, own, other) in
        [(near, Side::Callee, PHONE, EXCHANGE[1]), (far, customer, CUSTOMER, EXCHANGE[0])]
    {
        p.claim(id, side, &[claim(own)]);
        p.claim(id, side.other(), &[claim(other)]);
        p.answer(id, 2);
    }
    p.record(near, Some((A, Side::Caller, 0)));
    [far, near]
}

#[test]
fn what_is_mirrored_where_it_enters_is_of_both_legs() {
    for (vlan, f, channel) in [
        (10, flow(CUSTOMER, PHONE), Channel::Customer),
        (20, flow(CUSTOMER, PHONE), Channel::Customer),
        (10, back(flow(CUSTOMER, PHONE)), Channel::Agent),
        (20, back(flow(CUSTOMER, PHONE)), Channel::Agent),
    ] {
        let mut p = Pairing::new();
        legs(&mut p, ["192.0.2.10"; 2], [10, 20]);
        assert_eq!(p.goes(on(vlan, f), ms(10)), is(A, channel), "{vlan}");
    }
    // Two networks with the same addresses: nothing passes a call from one to the other.
    let mut p = Pairing::new();
    legs(&mut p, ["192.0.2.10", "192.0.2.11"], [10, 20]);
    assert_eq!(p.goes(on(10, flow(CUSTOMER, PHONE)), ms(10)), Route::NotRecorded);
    assert_eq!(p.goes(on(20, flow(CUSTOMER, PHONE)), ms(10)), is(A, Channel::Customer));
}

#[test]
fn what_one_leg_hears_no_more_the_other_goes_on_with() {
    let mut p = Pairing::new();
    let [far, near] = bridged(&mut p, Side::Caller);
    let numbered = |seq| Some(StreamPosition { ssrc: 5, seq });
    assert_eq!(p.goes_as(numbered(1), flow(CUSTOMER, EXCHANGE[0]), ms(10)), Route::NotRecorded);
    p.handle_time(ms(600));
    p.claim(far, Side::Callee, &[claim(PHONE)]);
    p.claim(near, Side::Caller, &[claim(CUSTOMER)]);
    for n in 0..5 {
        let at = ms(610 + 20 * n);
        assert_eq!(p.goes_as(numbered(2 + n as u16), flow(CUSTOMER, PHONE), at), is(A, Channel::Customer));
    }
    assert_eq!(incomplete(&mut p), []);
    // The customer's leg hangs up first: what runs is the other's as long as that lives.
    p.leave(far, true);
    p.close(far);
    assert_eq!(p.goes_as(numbered(7), flow(CUSTOMER, PHONE), ms(720)), is(A, Channel::Customer));
}

#[test]
fn who_comes_to_know_a_run_too_late_has_missed_what_was_before() {
    for (known_at, missed) in [(600, false), (900, true)] {
        let mut p = Pairing::new();
        let [far, near] = bridged(&mut p, Side::Caller);
        let numbered = |ssrc, seq| Some(StreamPosition { ssrc, seq });
        for n in 0..30 {
            p.goes_as(numbered(9, n), flow(EXCHANGE[1], PHONE), ms(10 + 20 * i64::from(n)));
        }
        p.handle_time(ms(600));
        p.claim(far, Side::Callee, &[claim(PHONE)]);
        for at in (610..1500).step_by(20) {
            if at > known_at {
                p.claim(near, Side::Caller, &[claim(CUSTOMER)]);
            }
            p.goes_as(numbered(5, at as u16 / 20), flow(CUSTOMER, PHONE), ms(at));
        }
        assert_eq!(incomplete(&mut p), if missed { vec![A] } else { Vec::new() }, "{known_at}");
    }
}

#[test]
fn legs_that_the_exchange_began_both_are_in_a_row_as_well() {
    let mut p = Pairing::new();
    let [far, near] = bridged(&mut p, Side::Callee);
    let numbered = |seq| Some(StreamPosition { ssrc: 5, seq });
    assert_eq!(p.goes_as(numbered(1), flow(CUSTOMER, EXCHANGE[0]), ms(10)), Route::NotRecorded);
    p.handle_time(ms(600));
    p.claim(far, Side::Caller, &[claim(PHONE)]);
    p.claim(near, Side::Caller, &[claim(CUSTOMER)]);
    assert_eq!(p.goes_as(numbered(2), flow(CUSTOMER, PHONE), ms(610)), is(A, Channel::Customer));
    assert_eq!(p.goes(back(flow(CUSTOMER, PHONE)), ms(612)), is(A, Channel::Agent));
}

#[test]
fn calls_that_one_element_begins_are_not_one_for_their_origin() {
    // A media server that writes one origin line for all its calls, and telephones with one private address.
    let server = |at| [Claim { origin: 7, ..claim(at) }];
    let phone = [ranked("192.168.1.10:50000", Rank::Candidate)];
    let mut p = Pairing::new();
    p.handle_time(ms(0));
    for (n, callee) in [(1, "198.51.100.9"), (2, "198.51.100.10")] {
        let id = p.open(n, n, ends("192.0.2.10", callee));
        p.claim(id, Side::Caller, &server("192.0.2.10:30000"));
        p.claim(id, Side::Callee, &phone);
        p.answer(id, 2);
        p.record(id, Some((RecordingId(n), Side::Caller, 0)));
    }
    let f = flow("192.168.1.10:50000", "192.0.2.10:30000");
    assert_eq!(p.goes(f, ms(10)), Route::Doubt);
    assert_eq!(p.goes(back(f), ms(12)), Route::Doubt);
    assert_eq!(incomplete(&mut p), [A, B]);
}
