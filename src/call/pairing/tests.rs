//! Tests of the parent module: each rule, and that no two calls ever mix.

use super::*;
use crate::id::Channel;
use crate::rtp::standing::Standing;

const A: RecordingId = RecordingId(1);
const B: RecordingId = RecordingId(2);

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn flow(src: &str, dst: &str) -> Flow {
    Flow { src: addr(src), dst: addr(dst), vlan: Vlan::NONE }
}

fn back(f: Flow) -> Flow {
    Flow { src: f.dst, dst: f.src, ..f }
}

fn on(vlan: u16, f: Flow) -> Flow {
    Flow { vlan: Vlan::NONE.with(vlan), ..f }
}

fn ms(at: i64) -> Timestamp {
    Timestamp::from_ns(1_795_421_723_000_000_000 + at * 1_000_000)
}

fn ranked(at: &str, rank: Rank) -> Claim {
    Claim { addr: addr(at), origin: 0, rank, rtcp: None }
}

fn claim(at: &str) -> Claim {
    ranked(at, Rank::Claimed)
}

/// A call that is answered and recorded at once; `n` tells calls apart.
fn call(p: &mut Pairing, n: u64, at: i64, caller: &[Claim], callee: &[Claim]) -> SessionId {
    let ends = [addr("198.51.100.1:5060"), addr("198.51.100.2:5060")];
    call_between(p, n, at, ends, caller, callee)
}

fn call_between(
    p: &mut Pairing,
    n: u64,
    at: i64,
    ends: [SocketAddr; 2],
    caller: &[Claim],
    callee: &[Claim],
) -> SessionId {
    p.handle_time(ms(at));
    let id = p.open(n, n, ends);
    p.claim(id, Side::Caller, caller);
    p.claim(id, Side::Callee, callee);
    p.answer(id, n);
    p.record(id, Some((RecordingId(n), Side::Caller, 0)));
    id
}

impl Pairing {
    /// Where packets of `flow` go, whatever speaks for where they come from.
    fn goes(&mut self, flow: Flow, at: Timestamp) -> Route {
        self.goes_as(None, flow, at)
    }

    /// The same, of a packet of this source.
    fn goes_as(&mut self, stream: Option<StreamPosition>, flow: Flow, at: Timestamp) -> Route {
        let mut route = self.route(&flow, at, stream).0;
        if let Route::Record(targets) = &mut route {
            targets.iter_mut().for_each(|t| t.standing = Standing::Claimed);
        }
        route
    }

    fn standing(&mut self, flow: Flow, at: i64) -> Option<Standing> {
        match self.route(&flow, ms(at), None).0 {
            Route::Record(targets) => targets.first().map(|t| t.standing),
            Route::Unmatched | Route::Doubt | Route::NotRecorded => None,
        }
    }
}

fn is(recording: RecordingId, channel: Channel) -> Route {
    Route::Record(smallvec::smallvec![Target { recording, channel, rank: 0, standing: Standing::Claimed }])
}

fn source(ssrc: u32) -> Option<StreamPosition> {
    Some(StreamPosition { ssrc, seq: 7 })
}

fn incomplete(p: &mut Pairing) -> Vec<RecordingId> {
    let mut told: Vec<_> = std::iter::from_fn(|| p.poll_incomplete()).collect();
    told.sort_unstable();
    told
}

#[test]
fn addresses_and_claimants_beyond_the_bound_are_counted() {
    let mut p = Pairing::new();
    let claims = |n: u16| (0..n).map(|i| claim(&format!("10.0.0.1:{}", 4000 + 2 * i))).collect::<Vec<_>>();
    let id = call(&mut p, 1, 0, &claims(MAX_CLAIMS as u16), &[]);
    assert_eq!(p.no_room(), 0);
    // Once for each description that says so, however often it is looked at.
    p.claim(id, Side::Caller, &claims(MAX_CLAIMS as u16 + 1));
    assert_eq!(p.no_room(), 0, "what is claimed is as before");
    p.claim(id, Side::Callee, &claims(MAX_CLAIMS as u16 + 1));
    p.claim(id, Side::Callee, &claims(MAX_CLAIMS as u16 + 1));
    assert_eq!(p.no_room(), 1);

    // Calls that claim one address; the branches of one call are one.
    for (calls, want) in [(16, 0), (19, 3)] {
        let mut p = Pairing::new();
        (0..calls).for_each(|n| _ = call(&mut p, n, 0, &[claim("10.0.0.1:4000")], &[]));
        assert_eq!(p.no_room(), want);
        let mut p = Pairing::new();
        (0..calls).for_each(|_| _ = call(&mut p, 1, 0, &[claim("10.0.0.1:4000")], &[]));
        assert_eq!(p.no_room(), 0);
    }
}

#[test]
fn a_plain_call_and_what_nobody_claims() {
    let mut p = Pairing::new();
    call(&mut p, 1, 0, &[claim("10.0.0.1:4000")], &[claim("10.0.0.2:4002")]);
    let f = flow("10.0.0.1:4000", "10.0.0.2:4002");
    assert_eq!(p.goes(f, ms(10)), is(A, Channel::Customer));
    assert_eq!(p.goes(back(f), ms(10)), is(A, Channel::Agent));
    assert_eq!(p.goes(flow("10.0.0.3:4000", "10.0.0.4:4002"), ms(10)), Route::Unmatched);
}

#[test]
fn the_way_back_is_the_same_calls_also_from_a_port_nobody_named() {
    for [claimed, named] in [["10.0.0.2:4002", "10.0.0.1:4000"], ["[2001:db8::2]:4002", "[2001:db8::1]:4000"]]
    {
        let [nat, other] = if claimed.starts_with('[') {
            ["[2001:db8::99]:61000", "[2001:db8::2]:5555"]
        } else {
            ["203.0.113.9:61000", "10.0.0.2:5555"]
        };
        let mut p = Pairing::new();
        call(&mut p, 1, 0, &[claim(named)], &[claim(claimed)]);
        let f = flow(nat, claimed);
        assert_eq!(p.goes(f, ms(10)), is(A, Channel::Customer));
        assert_eq!(p.goes(back(f), ms(10)), is(A, Channel::Agent));
        assert_eq!(p.goes(flow(other, nat), ms(10)), is(A, Channel::Agent));
        // A stranger's host is no way back.
        let stranger = if claimed.starts_with('[') { "[2001:db8::66]:7" } else { "10.6.6.6:7" };
        assert_eq!(p.goes(flow(stranger, nat), ms(10)), Route::Unmatched);
    }
}

#[test]
fn a_packet_carries_what_speaks_for_its_source() {
    let mut p = Pairing::new();
    let caller = [claim("172.16.5.5:4000"), ranked("10.0.0.9:4000", Rank::Candidate)];
    call(&mut p, 1, 0, &caller, &[claim("10.0.0.2:4002")]);
    let from = |src: &str| flow(src, "10.0.0.2:4002");
    assert_eq!(p.standing(from("172.16.5.5:4000"), 10), Some(Standing::Claimed));
    assert_eq!(p.standing(from("10.0.0.9:4000"), 10), Some(Standing::Candidate));
    let nat = from("203.0.113.9:61000");
    assert_eq!(p.standing(nat, 10), Some(Standing::Other));
    assert_eq!(p.standing(back(nat), 20), Some(Standing::Claimed), "the agent himself");
    assert_eq!(p.standing(nat, 30), Some(Standing::Nat), "heard both ways");
    assert_eq!(p.standing(from("203.0.113.66:7"), 40), Some(Standing::Other));
}

#[test]
fn a_candidate_is_an_address_as_well() {
    let mut p = Pairing::new();
    let caller = [claim("198.51.100.7:41000"), ranked("10.20.0.5:10710", Rank::Candidate)];
    let callee = [claim("198.51.100.9:42000"), ranked("10.20.1.11:15220", Rank::Candidate)];
    call(&mut p, 1, 0, &caller, &callee);
    let f = flow("10.20.0.5:10710", "10.20.1.11:15220");
    assert_eq!(p.goes(f, ms(10)), is(A, Channel::Customer));
    assert_eq!(p.goes(back(f), ms(10)), is(A, Channel::Agent));
    // Who claims both outright may be there as well; that a candidate is used is seen only then.
    call(&mut p, 2, 600, &[claim("10.20.0.5:10710")], &[claim("10.20.1.11:15220")]);
    assert_eq!(p.goes_as(source(1), f, ms(610)), Route::Doubt);
}

#[test]
fn both_ends_behind_nat_are_found_by_their_images() {
    let image = |at| ranked(at, Rank::Image);
    let mut p = Pairing::new();
    let caller = [claim("172.16.5.5:13954"), image("203.0.113.9:13954")];
    let callee = [claim("192.168.1.10:28824"), image("198.51.100.7:28824")];
    let ends = [addr("203.0.113.9:5060"), addr("198.51.100.7:5060")];
    call_between(&mut p, 1, 0, ends, &caller, &callee);
    let f = flow("203.0.113.9:13954", "198.51.100.7:28824");
    assert_eq!(p.goes(f, ms(10)), is(A, Channel::Customer));
    assert_eq!(p.goes(back(f), ms(10)), is(A, Channel::Agent));
    // One port was rewritten on the way.
    let moved = flow("203.0.113.9:50111", "198.51.100.7:28824");
    assert_eq!(p.goes(moved, ms(10)), is(A, Channel::Customer));
    assert_eq!(p.goes(back(moved), ms(10)), is(A, Channel::Agent));
    assert_eq!(p.goes(flow("203.0.113.77:1", "198.51.100.7:28824"), ms(10)), Route::Unmatched);
    // Another call between the same networks, on other ports.
    let caller = [claim("172.16.5.6:14000"), image("203.0.113.9:14000")];
    let callee = [claim("192.168.1.11:29000"), image("198.51.100.7:29000")];
    let other = call_between(&mut p, 2, 100, ends, &caller, &callee);
    assert_eq!(p.goes(flow("203.0.113.9:14000", "198.51.100.7:29000"), ms(110)), is(B, Channel::Customer));
    assert_eq!(p.goes(f, ms(110)), is(A, Channel::Customer));
    p.close(other);
    // On the same ports nobody can tell; what runs already is not of a call that has just begun.
    let caller = [claim("172.16.5.6:13954"), image("203.0.113.9:13954")];
    let callee = [claim("192.168.1.11:28824"), image("198.51.100.7:28824")];
    call_between(&mut p, 2, 600, ends, &caller, &callee);
    assert_eq!(p.goes(f, ms(610)), is(A, Channel::Customer));
    for at in 0..5 {
        assert_eq!(p.goes_as(source(2), f, ms(610 + at)), Route::Doubt);
        assert_eq!(p.goes_as(source(3), back(f), ms(610 + at)), Route::Doubt);
    }
    assert_eq!(incomplete(&mut p), [A, B]);
    assert_eq!(incomplete(&mut p), []);
}

#[test]
fn a_guess_does_not_stand_against_whoever_knows() {
    let mut p = Pairing::new();
    let ends = [addr("203.0.113.9:5060"), addr("198.51.100.7:5060")];
    let caller = [claim("172.16.5.5:4000"), ranked("203.0.113.9:4000", Rank::Image)];
    let callee = [claim("192.168.1.10:5000"), ranked("198.51.100.7:5000", Rank::Image)];
    call_between(&mut p, 1, 0, ends, &caller, &callee);
    call(&mut p, 2, 0, &[claim("203.0.113.9:4000")], &[claim("198.51.100.66:5000")]);
    let f = flow("203.0.113.9:4000", "198.51.100.7:5000");
    assert_eq!(p.goes(f, ms(10)), Route::Doubt);
    // Both know one end only.
    let f = flow("203.0.113.9:4000", "198.51.100.7:5001");
    assert_eq!(p.goes(f, ms(10)), Route::Doubt);
    // The first call's party is heard elsewhere: it was no good guess.
    assert_eq!(p.goes(flow("203.0.113.9:61000", "198.51.100.7:5000"), ms(20)), is(A, Channel::Customer));
    let f = flow("203.0.113.9:4000", "198.51.100.7:5002");
    assert_eq!(p.goes(f, ms(30)), is(B, Channel::Customer));
}

#[test]
fn a_port_shared_by_two_calls_keeps_what_was_heard_before() {
    let mut p = Pairing::new();
    let server = "10.20.0.5:10000";
    let one = call(&mut p, 1, 0, &[claim(server)], &[claim("192.168.1.10:4000")]);
    let first = flow("203.0.113.21:61000", server);
    assert_eq!(p.goes(first, ms(10)), is(A, Channel::Agent));
    assert_eq!(p.goes(back(first), ms(10)), is(A, Channel::Customer));
    call(&mut p, 2, 500, &[claim(server)], &[claim("192.168.1.11:4000")]);
    let second = flow("203.0.113.22:61001", server);
    for at in 0..100 {
        let at = ms(510 + 20 * at);
        assert_eq!(p.goes(first, at), is(A, Channel::Agent));
        assert_eq!(p.goes(back(first), at), is(A, Channel::Customer));
        assert_eq!(p.goes(second, at), Route::Doubt);
        assert_eq!(p.goes(back(second), at), Route::Doubt);
    }
    assert_eq!(incomplete(&mut p), [A, B]);
    // The first hangs up, and was heard elsewhere: the other flow is the second's. Its last packets are not.
    p.handle_time(ms(2590));
    p.leave(one, true);
    assert_eq!(p.goes(second, ms(2600)), is(B, Channel::Agent));
    p.close(one);
    assert_eq!(p.goes(second, ms(2605)), is(B, Channel::Agent));
    assert_eq!(p.goes(first, ms(2610)), Route::Doubt);
    assert_eq!(p.goes(second, ms(2620)), is(B, Channel::Agent));
}

#[test]
fn a_call_that_rings_takes_nothing_from_one_that_is_answered() {
    let mut p = Pairing::new();
    let server = "10.20.0.5:10000";
    let rings = p.open(2, 2, [addr("198.51.100.1:5060"), addr("198.51.100.3:5060")]);
    p.claim(rings, Side::Caller, &[claim(server)]);
    call(&mut p, 1, 0, &[claim(server)], &[claim("192.168.1.10:4000")]);
    let f = flow("203.0.113.21:61000", server);
    for at in [10, 30] {
        assert_eq!(p.goes(f, ms(at)), is(A, Channel::Agent));
        assert_eq!(p.goes(back(f), ms(at)), is(A, Channel::Customer));
    }
    // Somebody else speaks to the port: it may be the one that rings.
    assert_eq!(p.goes(flow("203.0.113.22:61000", server), ms(40)), Route::Doubt);
}

#[test]
fn what_was_heard_one_way_does_not_hold_against_another_call() {
    let mut p = Pairing::new();
    let server = "10.20.0.5:10000";
    call(&mut p, 1, 0, &[claim(server)], &[claim("192.168.1.10:4000")]);
    // The next call's telephone speaks before its answer was captured.
    let second = flow("203.0.113.22:61001", server);
    p.goes(second, ms(490));
    call(&mut p, 2, 500, &[claim(server)], &[claim("192.168.1.11:4000")]);
    assert_eq!(p.goes(second, ms(510)), Route::Doubt);
}

#[test]
fn a_reused_port_is_the_newer_calls_unless_the_older_one_is_heard() {
    let (x, y) = ("10.0.0.1:4000", "10.0.0.2:4002");
    // (last packet of the older, the newer's answer, who gets a new source)
    for (last, answered, route) in
        [(0, 4000, is(B, Channel::Customer)), (0, 1000, Route::Doubt), (3500, 4000, Route::Doubt)]
    {
        let mut p = Pairing::new();
        call(&mut p, 1, 0, &[claim(x)], &[claim(y)]);
        p.goes_as(source(1), flow(x, y), ms(last));
        call(&mut p, 2, answered, &[claim(x)], &[claim(y)]);
        assert_eq!(p.goes_as(source(2), flow(x, y), ms(answered + 10)), route, "{last} {answered}");
        // What is in doubt stays so, however long.
        assert_eq!(p.goes_as(source(2), flow(x, y), ms(answered + 9000)), route, "{last} {answered}");
    }
    // A hang-up sets it free at once; one that was refused does not.
    let mut p = Pairing::new();
    let one = call(&mut p, 1, 0, &[claim(x)], &[claim(y)]);
    p.goes_as(source(1), flow(x, y), ms(90));
    p.leave(one, true);
    call(&mut p, 2, 100, &[claim(x)], &[claim(y)]);
    assert_eq!(p.goes_as(source(2), flow(x, y), ms(110)), is(B, Channel::Customer));
    p.leave(one, false);
    assert_eq!(p.goes_as(source(3), flow(x, y), ms(120)), Route::Doubt);
}

#[test]
fn a_run_is_not_taken_by_a_call_that_begins_later() {
    let (x, y) = ("10.0.0.1:4000", "10.0.0.2:4002");
    for nat in [false, true] {
        let mut p = Pairing::new();
        let named = if nat { "192.168.1.10:4000" } else { x };
        call(&mut p, 1, 0, &[claim(named)], &[claim(y)]);
        for at in [10, 30] {
            assert_eq!(p.goes_as(source(1), flow(x, y), ms(at)), is(A, Channel::Customer));
            assert_eq!(p.goes_as(source(2), flow(y, x), ms(at)), is(A, Channel::Agent));
        }
        for (n, caller, callee) in [(2, y, "10.0.0.3:4000"), (3, x, y), (4, "10.0.0.4:4000", x)] {
            p.goes_as(source(1), flow(x, y), ms(n as i64 * 500 - 20));
            p.goes_as(source(2), flow(y, x), ms(n as i64 * 500 - 20));
            call(&mut p, n, n as i64 * 500, &[claim(caller)], &[claim(callee)]);
            for at in [10, 300] {
                let at = ms(n as i64 * 500 + at);
                assert_eq!(p.goes_as(source(1), flow(x, y), at), is(A, Channel::Customer), "{nat} {n}");
                assert_eq!(p.goes_as(source(2), flow(y, x), at), is(A, Channel::Agent), "{nat} {n}");
            }
        }
        assert_eq!(incomplete(&mut p), []);
    }
}

#[test]
fn a_stream_that_goes_on_elsewhere_is_its_partys() {
    let numbered = |ssrc, seq| Some(StreamPosition { ssrc, seq });
    let (x, y) = ("10.0.0.1:4000", "10.0.0.2:4002");
    let mut p = Pairing::new();
    let one = call(&mut p, 1, 0, &[claim(x)], &[claim(y)]);
    call(&mut p, 2, 0, &[claim("10.0.0.5:4000")], &[claim("10.0.0.6:4000")]);
    for seq in 0..20 {
        let at = ms(10 + 20 * i64::from(seq));
        assert_eq!(p.goes_as(numbered(1, seq), flow(x, y), at), is(A, Channel::Customer));
    }
    // It says that it is behind a NAT now, and comes from where another call's party is.
    p.handle_time(ms(405));
    p.claim(one, Side::Caller, &[claim("192.168.1.1:4000")]);
    assert_eq!(p.goes_as(numbered(1, 20), flow("10.0.0.5:4000", y), ms(410)), is(A, Channel::Customer));
    assert_eq!(p.goes_as(numbered(9, 20), flow("10.0.0.5:4000", y), ms(420)), Route::Doubt);
}

#[test]
fn vlans_tell_calls_apart() {
    let (x, y) = ("10.0.0.1:4000", "10.0.0.2:4002");
    let one = |p: &mut Pairing| {
        let one = call(p, 1, 0, &[claim(x)], &[claim(y)]);
        p.seen_on(one, Vlan::NONE.with(100));
    };
    // Alone, it is found on whichever VLAN its media runs.
    let mut p = Pairing::new();
    one(&mut p);
    assert_eq!(p.goes(on(300, flow(x, y)), ms(10)), is(A, Channel::Customer));
    let mut p = Pairing::new();
    one(&mut p);
    let two = call(&mut p, 2, 20, &[claim(x)], &[claim(y)]);
    p.seen_on(two, Vlan::NONE.with(200));
    for at in [30, 40] {
        let mut goes = |vlan, ssrc, f| p.goes_as(source(ssrc), on(vlan, f), ms(at));
        assert_eq!(goes(100, 1, flow(x, y)), is(A, Channel::Customer));
        assert_eq!(goes(200, 2, flow(x, y)), is(B, Channel::Customer));
        assert_eq!(goes(200, 3, flow(y, x)), is(B, Channel::Agent));
        // Both are heard on networks of their own: who else has these addresses is a stranger.
        assert_eq!(goes(400, 4, flow(x, y)), Route::Unmatched);
    }
    let mut p = Pairing::new();
    one(&mut p);
    let two = call(&mut p, 2, 20, &[claim(x)], &[claim(y)]);
    p.seen_on(two, Vlan::NONE.with(200));
    assert_eq!(p.goes(on(300, flow(x, y)), ms(30)), Route::Doubt, "neither was heard");
}

#[test]
fn ends_of_two_calls_are_doubt_and_both_are_told_once() {
    let mut p = Pairing::new();
    call(&mut p, 1, 0, &[claim("10.0.0.1:4000")], &[claim("10.0.0.2:4002")]);
    call(&mut p, 2, 0, &[claim("10.0.0.3:4000")], &[claim("10.0.0.4:4002")]);
    let f = flow("10.0.0.3:4000", "10.0.0.2:4002");
    assert_eq!(incomplete(&mut p), []);
    for _ in 0..3 {
        assert_eq!(p.goes(f, ms(10)), Route::Doubt);
    }
    assert_eq!(incomplete(&mut p), [A, B]);
}

#[test]
fn rtcp_is_found_on_its_ports() {
    let mut p = Pairing::new();
    let rtcp = Some(addr("10.0.0.9:7777"));
    let caller = Claim { rtcp, ..claim("10.0.0.1:4000") };
    let one = call(&mut p, 1, 0, &[caller], &[claim("10.0.0.2:4002")]);
    call(&mut p, 2, 0, &[claim("10.0.0.3:4000")], &[claim("10.0.0.4:4002")]);
    let targets = |p: &Pairing, src, dst| p.rtcp_targets(&flow(src, dst)).to_vec();
    assert_eq!(targets(&p, "10.0.0.2:4003", "10.0.0.9:7777"), [A]);
    assert_eq!(targets(&p, "10.0.0.1:4001", "10.0.0.2:4003"), [A]);
    assert_eq!(targets(&p, "10.0.0.1:4000", "10.0.0.2:4002"), [A]);
    assert_eq!(targets(&p, "203.0.113.1:999", "10.0.0.4:4003"), [B]);
    assert_eq!(targets(&p, "203.0.113.1:999", "203.0.113.2:1000"), []);
    p.close(one);
    assert_eq!(targets(&p, "10.0.0.2:4003", "10.0.0.9:7777"), []);
    assert!(p.rtcp.is_empty());
}

#[test]
fn tables_are_bounded_and_left_empty() {
    let mut p = Pairing::new();
    let one = call(&mut p, 1, 0, &[claim("10.0.0.1:4000")], &[claim("10.0.0.2:4002")]);
    for port in 1..3000 {
        p.goes(flow(&format!("203.0.113.5:{port}"), "10.0.0.2:4002"), ms(10));
    }
    assert_eq!(p.sessions[&one].learned.len(), MAX_LEARNED);
    let others: Vec<_> = (2..50).map(|n| call(&mut p, n, 20, &[claim("10.0.0.1:4000")], &[])).collect();
    assert_eq!(p.goes(flow("10.9.9.9:5", "10.0.0.1:4000"), ms(30)), Route::Doubt);
    others.into_iter().for_each(|id| p.close(id));
    p.close(one);
    assert!(p.is_empty() && p.places.is_empty() && p.rtcp.is_empty() && p.between.is_empty());
}

mod by_hosts;
mod in_a_row;
mod never_mixed;

/// What has to be given back, since when.
fn disowned(p: &mut Pairing) -> Vec<(RecordingId, Channel, u32)> {
    std::iter::from_fn(|| p.poll_disowned()).map(|d| (d.recording, d.channel, d.ssrc)).collect()
}

#[test]
fn early_sound_of_a_call_that_rings_is_given_back_when_it_says_where_it_is() {
    let (caller, callee) = (claim("10.0.0.1:4000"), claim("10.0.0.2:4002"));
    let f = flow("10.0.0.1:4000", "10.0.0.2:4002");
    // (the other began to ring, the first packet, the other was answered, is it given back?)
    for (rings, first, answered, is_others) in
        [(0, 1010, 1200, true), (0, 1010, 9000, false), (3000, 1010, 3100, false), (1300, 1010, 1400, false)]
    {
        let mut p = Pairing::new();
        let ends = [addr("198.51.100.1:5060"), addr("198.51.100.2:5060")];
        let ring = |p: &mut Pairing| {
            p.handle_time(ms(rings));
            let id = p.open(2, 2, ends);
            p.claim(id, Side::Caller, &[caller]);
            id
        };
        let early = (rings < first).then(|| ring(&mut p));
        call(&mut p, 1, 1000, &[caller], &[callee]);
        let mut seq = 7;
        let mut goes = |p: &mut Pairing, at: i64| {
            seq += 1;
            p.goes_as(Some(StreamPosition { ssrc: 5, seq }), f, ms(at))
        };
        assert_eq!(goes(&mut p, first), is(A, Channel::Customer));
        for at in (first + 20..answered).step_by(200) {
            goes(&mut p, at);
        }
        let other = early.unwrap_or_else(|| ring(&mut p));
        p.handle_time(ms(answered));
        p.claim(other, Side::Callee, &[callee]);
        p.answer(other, 2);
        p.record(other, Some((B, Side::Caller, 0)));
        goes(&mut p, answered + 20);
        let back: &[_] = if is_others { &[(A, Channel::Customer, 5)] } else { &[] };
        assert_eq!(disowned(&mut p), back, "{rings} {first} {answered}");
    }
}

#[test]
fn a_call_long_silent_takes_nothing_that_runs_to_a_host_it_does_not_know() {
    for (pause_ms, is_its) in [(60_000, true), (400_000, false)] {
        let mut p = Pairing::new();
        call(&mut p, 1, 0, &[claim("10.0.0.1:4000")], &[claim("10.0.0.2:4002")]);
        assert_eq!(p.goes(flow("10.0.0.1:4000", "10.0.0.2:4002"), ms(10)), is(A, Channel::Customer));
        let q = p.goes(flow("10.0.0.1:4000", "10.0.0.9:7000"), ms(pause_ms));
        assert_eq!(q, if is_its { is(A, Channel::Customer) } else { Route::Unmatched }, "{pause_ms}");
        // The other party may be on another port behind its NAT by now.
        let q = p.goes(flow("10.0.0.1:4000", "10.0.0.2:50001"), ms(pause_ms));
        assert_eq!(q, is(A, Channel::Customer), "{pause_ms}");
    }
}
