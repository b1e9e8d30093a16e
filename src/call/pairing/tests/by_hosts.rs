//! Rule 16: flows of which only the hosts are known.

use super::*;

const CALLER: &str = "203.0.113.9";
const PROXY: &str = "192.0.2.50";
const CALLEE: &str = "198.51.100.7";

fn ends(a: &str, b: &str) -> [SocketAddr; 2] {
    [a, b].map(|ip| addr(&format!("{ip}:5060")))
}

/// What a party behind a NAT says, and what its SIP's host makes of it.
fn behind(private: &str, sip: &str) -> [Claim; 2] {
    let port = addr(private).port();
    [claim(private), ranked(&format!("{sip}:{port}"), Rank::Image)]
}

fn hidden(p: &mut Pairing, n: u64, at: i64, [a, b]: [&str; 2]) -> SessionId {
    let [caller, callee] = [format!("172.16.5.{n}:4000"), format!("10.0.0.{n}:4002")];
    let id = call_between(p, n, at, ends(a, b), &behind(&caller, a), &behind(&callee, b));
    p.seen_on(id, Vlan::NONE);
    id
}

fn there(a: &str, port: u16, b: &str, to: u16) -> Flow {
    flow(&format!("{a}:{port}"), &format!("{b}:{to}"))
}

/// A packet of it, 20 ms after the one before.
fn play(p: &mut Pairing, f: Flow, from: i64, to: i64) -> Vec<Route> {
    (from..to).step_by(20).map(|at| p.goes_as(source(7), f, ms(at))).collect()
}

#[test]
fn the_only_call_between_two_hosts_owns_what_runs_there() {
    let mut p = Pairing::new();
    hidden(&mut p, 1, 0, [CALLER, CALLEE]);
    let f = there(CALLER, 61_000, CALLEE, 62_000);
    for at in [100, 140, 2000] {
        assert_eq!(p.goes_as(source(7), f, ms(at)), is(A, Channel::Customer));
        assert_eq!(p.goes_as(source(8), back(f), ms(at + 10)), is(A, Channel::Agent));
    }
    // It is the party's from here on, as through any NAT.
    assert_eq!(p.standing(f, 2040), Some(Standing::Nat));
    // And nothing else between the hosts is.
    assert_eq!(p.goes_as(source(9), there(CALLER, 50_000, CALLEE, 50_002), ms(2060)), Route::Unmatched);
    assert!(incomplete(&mut p).is_empty());
}

#[test]
fn the_hosts_may_be_known_of_different_hops() {
    let mut p = Pairing::new();
    p.handle_time(ms(0));
    let (caller, callee) = (claim("172.16.5.5:4000"), claim("10.0.0.4:4002"));
    for (a, b, rank) in [(CALLER, PROXY, 1), (PROXY, CALLEE, 0)] {
        let id = p.open(1, 1, ends(a, b));
        p.claim(id, Side::Caller, &[caller, ranked(&format!("{a}:4000"), Rank::Image)]);
        p.claim(id, Side::Callee, &[callee, ranked(&format!("{b}:4002"), Rank::Image)]);
        p.seen_on(id, Vlan::NONE);
        p.answer(id, 1);
        p.record(id, Some((A, Side::Caller, rank)));
    }
    let f = there(CALLER, 61_000, CALLEE, 62_000);
    assert_eq!(p.goes_as(source(7), f, ms(100)), is(A, Channel::Customer));
    assert_eq!(p.goes_as(source(8), back(f), ms(110)), is(A, Channel::Agent));
    assert_eq!(p.goes_as(source(7), f, ms(120)), is(A, Channel::Customer));
}

#[test]
fn what_is_not_answered_within_half_a_second_is_given_back() {
    let mut p = Pairing::new();
    hidden(&mut p, 1, 0, [CALLER, CALLEE]);
    let f = there(CALLER, 61_000, CALLEE, 62_000);
    let routes = play(&mut p, f, 100, 2000);
    assert_eq!(routes[0], is(A, Channel::Customer));
    assert_eq!(routes.last(), Some(&Route::Unmatched));
    let given = p.poll_disowned().expect("what was given");
    assert_eq!((given.recording, given.channel, given.ssrc), (A, Channel::Customer, 7));
    assert!(given.since <= ms(100));
    assert_eq!(p.poll_disowned(), None);
    // Once it is answered it is the call's.
    assert_eq!(p.goes_as(source(8), back(f), ms(2000)), is(A, Channel::Agent));
    assert_eq!(p.goes_as(source(7), f, ms(2020)), is(A, Channel::Customer));
    assert_eq!(incomplete(&mut p), [A]);
}

#[test]
fn two_that_run_at_once_are_nobodys_until_one_is_answered() {
    let mut p = Pairing::new();
    hidden(&mut p, 1, 0, [CALLER, CALLEE]);
    let [f, g] = [there(CALLER, 61_000, CALLEE, 62_000), there(CALLER, 50_000, CALLEE, 50_002)];
    assert_eq!(p.goes_as(source(7), f, ms(100)), is(A, Channel::Customer));
    assert_eq!(p.goes_as(source(9), g, ms(110)), Route::Unmatched);
    assert_eq!(p.goes_as(source(7), f, ms(120)), Route::Unmatched);
    assert!(p.poll_disowned().is_some());
    assert_eq!(p.goes_as(source(8), back(g), ms(130)), is(A, Channel::Agent));
    assert_eq!(p.goes_as(source(9), g, ms(140)), is(A, Channel::Customer));
    assert_eq!(p.goes_as(source(7), f, ms(150)), Route::Unmatched);
}

#[test]
fn no_guess_where_another_may_be_or_an_end_is_said() {
    let f = there(CALLER, 61_000, CALLEE, 62_000);
    // (what stands against it)
    let all: [fn(&mut Pairing); 9] = [
        // Another call between the hosts, or the other way round.
        |p| _ = hidden(p, 2, 0, [CALLER, CALLEE]),
        |p| _ = hidden(p, 2, 0, [CALLEE, CALLER]),
        // One with a party at one of them, whose other may be anywhere.
        |p| _ = hidden(p, 2, 0, [CALLER, PROXY]),
        |p| _ = hidden(p, 2, 0, [PROXY, CALLEE]),
        // A call that is over, and may be talked in still.
        |p| {
            let id = hidden(p, 2, 0, [CALLER, CALLEE]);
            assert_eq!(p.goes(there(CALLER, 61_000, CALLEE, 62_000), ms(20)), Route::Unmatched);
            assert_eq!(p.goes(there(CALLEE, 62_000, CALLER, 61_000), ms(20)), Route::Unmatched);
            p.handle_time(ms(50));
            p.close(id);
        },
        // Signalled on another VLAN.
        |p| {
            p.close(SessionId(1));
            let (a, b) = (behind("172.16.5.5:4000", CALLER), behind("10.0.0.4:4002", CALLEE));
            let id = call_between(p, 1, 0, ends(CALLER, CALLEE), &a, &b);
            p.seen_on(id, Vlan::NONE.with(7));
        },
        // One that only rings.
        |p| {
            let id = p.open(2, 2, ends(CALLER, CALLEE));
            p.seen_on(id, Vlan::NONE);
            p.claim(id, Side::Caller, &behind("172.16.5.6:4000", CALLER));
        },
        // A party says where it is, and is heard there.
        |p| {
            p.close(SessionId(1));
            let open = [claim("203.0.113.50:4000")];
            let id = call_between(p, 1, 0, ends(CALLER, CALLEE), &open, &behind("10.0.0.4:4002", CALLEE));
            p.seen_on(id, Vlan::NONE);
        },
        // It ran before the call.
        |p| {
            p.close(SessionId(1));
            let f = there(CALLER, 61_000, CALLEE, 62_000);
            assert_eq!(p.goes_as(source(7), f, ms(-5000)), Route::Unmatched);
            assert_eq!(p.goes_as(source(8), back(f), ms(-5000)), Route::Unmatched);
            hidden(p, 1, 0, [CALLER, CALLEE]);
        },
    ];
    for (n, against) in all.into_iter().enumerate() {
        let mut p = Pairing::new();
        hidden(&mut p, 1, 0, [CALLER, CALLEE]);
        against(&mut p);
        for at in [100, 200] {
            assert_eq!(p.goes_as(source(7), f, ms(at)), Route::Unmatched, "{n}");
            assert_eq!(p.goes_as(source(8), back(f), ms(at + 10)), Route::Unmatched, "{n}");
        }
    }
}

#[test]
fn nothing_is_left_of_guesses() {
    let mut p = Pairing::new();
    let id = hidden(&mut p, 1, 0, [CALLER, CALLEE]);
    for port in 0..200 {
        _ = p.goes_as(source(7), there(CALLER, 50_000 + port, CALLEE, 60_000), ms(100 + i64::from(port)));
    }
    p.close(id);
    p.handle_time(ms(60_000));
    p.handle_time(ms(120_000));
    assert!(p.is_empty() && p.places.is_empty() && p.hosts.is_empty() && p.sip_hosts.is_empty());
}

#[test]
fn a_call_that_is_heard_elsewhere_stands_in_nobodys_way() {
    let mut p = Pairing::new();
    hidden(&mut p, 1, 0, [CALLER, PROXY]);
    let f = there(CALLER, 61_000, PROXY, 62_000);
    for at in [100, 120, 2000] {
        assert_eq!(p.goes_as(source(1), f, ms(at)), is(A, Channel::Customer));
        assert_eq!(p.goes_as(source(2), back(f), ms(at + 5)), is(A, Channel::Agent));
    }
    hidden(&mut p, 2, 2000, [CALLER, CALLEE]);
    let g = there(CALLER, 61_002, CALLEE, 62_000);
    assert_eq!(p.goes_as(source(3), g, ms(2100)), is(B, Channel::Customer));
    assert_eq!(p.goes_as(source(4), back(g), ms(2110)), is(B, Channel::Agent));
    assert!(incomplete(&mut p).is_empty());
}

#[test]
fn a_burst_that_nothing_follows_is_given_back() {
    for ends in [
        |p: &mut Pairing| p.handle_time(ms(5000)),
        |p: &mut Pairing| p.leave(SessionId(1), true),
        |p: &mut Pairing| p.give_up_guesses(),
    ] {
        let mut p = Pairing::new();
        hidden(&mut p, 1, 0, [CALLER, CALLEE]);
        assert_eq!(
            p.goes_as(source(7), there(CALLER, 61_000, CALLEE, 62_000), ms(100)),
            is(A, Channel::Customer)
        );
        assert_eq!(p.poll_disowned(), None);
        ends(&mut p);
        assert_eq!(p.poll_disowned().map(|d| d.since), Some(ms(100)));
    }
}

#[test]
fn addresses_of_one_network_are_not_behind_nat() {
    let mut p = Pairing::new();
    hidden(&mut p, 1, 0, ["10.0.0.5", "10.0.1.5"]);
    assert_eq!(p.goes(there("10.0.0.5", 61_000, "10.0.1.5", 62_000), ms(100)), Route::Unmatched);
}

#[test]
fn a_party_that_moves_behind_its_nat_is_followed() {
    for side in [Side::Caller, Side::Callee] {
        let mut p = Pairing::new();
        let id = hidden(&mut p, 1, 0, [CALLER, CALLEE]);
        let f = there(CALLER, 61_000, CALLEE, 62_000);
        _ = (p.goes_as(source(7), f, ms(100)), p.goes_as(source(8), back(f), ms(110)));
        p.handle_time(ms(300));
        let (moved, g) = match side {
            Side::Caller => (behind("172.16.5.5:4100", CALLER), there(CALLER, 61_500, CALLEE, 62_000)),
            Side::Callee => (behind("10.0.0.4:4100", CALLEE), there(CALLER, 61_000, CALLEE, 62_500)),
        };
        p.claim(id, side, &moved);
        assert_eq!(p.goes_as(source(7), g, ms(320)), is(A, Channel::Customer), "{side:?}");
        assert_eq!(p.goes_as(source(8), back(g), ms(330)), is(A, Channel::Agent), "{side:?}");
    }
}
