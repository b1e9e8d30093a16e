//! Two calls, any NAT, any order, any VLAN: no packet of one goes to the other.
//!
//! Addresses come from pools so small that calls collide all the time. What a
//! packet is of is known here and hidden from the table.

use super::*;
use proptest::prelude::*;

/// How a party is reached, and what it says of it.
#[derive(Clone, Copy, Debug)]
struct Party {
    real: SocketAddr,
    /// Where its packets come from.
    sends: SocketAddr,
    described: Option<SocketAddr>,
    candidate: Option<SocketAddr>,
    sip: SocketAddr,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    parties: [Party; 2],
    signalled: Vlan,
    media: Vlan,
    begins: i64,
    answers: i64,
    ends: i64,
    says_so: bool,
    straggles: i64,
    /// Media begins so long before the answer is captured.
    early: i64,
    one_way: Option<usize>,
}

fn a_party() -> impl Strategy<Value = Party> {
    let host = prop_oneof![Just("10.0.0.1"), Just("10.0.0.2"), Just("203.0.113.1"), Just("203.0.113.2")];
    let port = prop_oneof![Just(4000u16), Just(4002)];
    let inside = prop_oneof![Just("192.168.1.10"), Just("192.168.1.11")];
    let elsewhere = prop_oneof![5 => Just(false), 1 => Just(true)];
    (host, port, inside, 0..4, 0..4, elsewhere).prop_map(|(host, port, inside, says, ice, elsewhere)| {
        let at = |ip: &str| addr(&format!("{ip}:{port}"));
        let real = at(host);
        let described = match says {
            0 | 1 => Some(real),
            2 => Some(at(inside)),
            _ => None,
        };
        let candidate = (ice == 0).then_some(real);
        // Who hides where it receives sends from there: else nothing is known of it at all.
        let sends = if elsewhere && described == Some(real) { addr(&format!("{host}:5555")) } else { real };
        Party { real, sends, described, candidate, sip: addr(&format!("{host}:5060")) }
    })
}

fn a_call() -> impl Strategy<Value = Call> {
    let vlan = prop_oneof![Just(Vlan::NONE), Just(Vlan::NONE.with(7)), Just(Vlan::NONE.with(8))];
    let straggles = prop_oneof![Just(0i64), 0..1500i64];
    let early = prop_oneof![Just(-3i64), -3..80i64];
    let times = (0..4000i64, 0..2000i64, 500..5000i64, straggles, early);
    let way = prop_oneof![3 => Just(None), 1 => Just(Some(0usize)), 1 => Just(Some(1usize))];
    ([a_party(), a_party()], vlan.clone(), vlan, times, any::<bool>(), way).prop_map(
        |(parties, signalled, media, (begins, rings, talks, straggles, early), says_so, one_way)| Call {
            parties,
            signalled,
            media,
            begins,
            answers: begins + rings,
            ends: begins + rings + talks,
            says_so,
            straggles,
            // From a port that others send from as well nobody can tell before the answer.
            early: if parties.iter().all(|p| p.sends == p.real) { early.min(rings) } else { -3 },
            one_way,
        },
    )
}

fn claims_of(party: &Party) -> Vec<Claim> {
    let mut out: Vec<Claim> = party
        .described
        .map(|addr| Claim { addr, origin: 0, rank: Rank::Claimed, rtcp: None })
        .into_iter()
        .collect();
    let mut add = |addr, rank| {
        if out.iter().all(|c| c.addr != addr) {
            out.push(Claim { addr, origin: 0, rank, rtcp: None });
        }
    };
    if let Some(c) = party.candidate {
        add(c, Rank::Candidate);
    }
    if party.described != Some(party.real) {
        add(SocketAddr::new(party.sip.ip(), party.real.port()), Rank::Image);
    }
    out
}

/// On one pair of addresses nothing but the descriptions tells calls apart:
/// those that hide theirs are left out.
fn are_possible(calls: &[Call]) -> bool {
    let pair = |c: &Call| {
        let mut ends = c.parties.map(|p| p.real);
        ends.sort_unstable();
        // The VLAN of media means something where signalling is on it too.
        (ends, c.signalled)
    };
    let is_plain = |c: &Call| c.parties.iter().all(|p| p.described == Some(p.real));
    let shares = |c: &Call| calls.iter().filter(|o| pair(o) == pair(c)).count() > 1;
    let loops = |c: &Call| c.parties[0].real == c.parties[1].real;
    calls.iter().all(|c| !loops(c) && (!shares(c) || is_plain(c) && c.straggles == 0))
}

/// Plays the calls; says what went to whom as (packet's call, recording), and how many went nowhere.
fn play(calls: &[Call]) -> (Vec<(u64, RecordingId)>, usize) {
    let mut events: Vec<(i64, u8, usize)> = Vec::new();
    for (i, c) in calls.iter().enumerate() {
        events.extend([(c.begins, 0, i), (c.answers, 1, i)]);
        if c.says_so {
            events.extend([(c.ends, 2, i), (c.ends + 300, 3, i)]);
        }
        let last = c.ends + if c.says_so { c.straggles } else { 0 };
        events.extend(
            (0..).map(|n| c.answers - c.early + 20 * n).take_while(|at| *at < last).map(|at| (at, 4, i)),
        );
    }
    events.sort_by_key(|e| (e.0, e.1));
    let mut p = Pairing::new();
    let mut sessions: Vec<Option<SessionId>> = vec![None; calls.len()];
    let (mut begun, mut ages) = (0, vec![0; calls.len()]);
    let (mut out, mut lost) = (Vec::new(), 0);
    for (at, what, i) in events {
        let c = &calls[i];
        if what < 4 {
            p.handle_time(ms(at));
        }
        match what {
            0 => {
                begun += 1;
                ages[i] = begun;
                let id = p.open(begun, begun, [c.parties[0].sip, c.parties[1].sip]);
                p.seen_on(id, c.signalled);
                p.claim(id, Side::Caller, &claims_of(&c.parties[0]));
                sessions[i] = Some(id);
            }
            1 => {
                let Some(id) = sessions[i] else { continue };
                p.claim(id, Side::Callee, &claims_of(&c.parties[1]));
                p.answer(id, begun);
                p.record(id, Some((RecordingId(i as u64), Side::Caller, 0)));
            }
            2 => sessions[i].into_iter().for_each(|id| p.leave(id, true)),
            3 => sessions[i].take().into_iter().for_each(|id| p.close(id)),
            _ => {
                for speaker in [0, 1].into_iter().filter(|s| c.one_way.is_none_or(|w| w == *s)) {
                    let [src, dst] = [c.parties[speaker].sends, c.parties[1 - speaker].real];
                    let (ssrc, seq) = (2 * i as u32 + speaker as u32, (at / 20) as u16);
                    let stream = Some(StreamPosition { ssrc, seq });
                    match p.goes_as(stream, Flow { src, dst, vlan: c.media }, ms(at)) {
                        Route::Record(targets) => {
                            out.extend(targets.iter().map(|t| (i as u64, t.recording)));
                        }
                        _ if at > c.answers => lost += 1,
                        _ => {}
                    }
                }
            }
        }
    }
    (out, lost)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(1000),
        max_global_rejects: u32::MAX,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_packet_of_one_call_goes_to_another(
        mut calls in prop::collection::vec(a_call(), 2..4),
        apart in any::<bool>(),
    ) {
        // Media runs on its call's VLAN, or all signalling on one of its own.
        for c in &mut calls {
            c.signalled = if apart { Vlan::NONE.with(5) } else { c.media };
        }
        prop_assume!(are_possible(&calls));
        for (of, to) in play(&calls).0 {
            prop_assert_eq!(RecordingId(of), to);
        }
    }

    #[test]
    fn a_call_by_itself_loses_nothing(call in a_call(), apart in any::<bool>()) {
        let signalled = if apart { Vlan::NONE.with(5) } else { call.media };
        let call = Call { signalled, straggles: 0, ..call };
        prop_assume!(are_possible(&[call]));
        prop_assert_eq!(play(&[call]).1, 0);
    }
}
