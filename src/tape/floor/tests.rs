//! Who has the floor, by tables of cases.

use super::*;
use Standing::{Candidate, Claimed, Host, Nat, Other};

const MS: i64 = NS_PER_S / 1000;
/// Flows of two sources.
const A: u32 = 0x0100_0000;
const B: u32 = 0x0200_0000;

fn said(ms: i64) -> Said {
    Said::here(ms * MS, true)
}

fn heed(f: &mut Floor, rank: u8, standing: Standing, ms: i64) -> Heed {
    f.heed(HeardAt::new(rank, standing, A), said(ms))
}

#[test]
fn a_better_address_takes_the_floor_and_a_worse_one_waits_for_silence() {
    for (better, worse) in [(Claimed, Nat), (Nat, Candidate), (Candidate, Host), (Host, Other)] {
        let mut f = Floor::default();
        assert_eq!(heed(&mut f, 0, worse, 100), Heed::Listen);
        let first = f.heed(HeardAt::new(0, better, A), Said { is_confirmed: false, ..said(140) });
        assert_eq!(first, Heed::Listen, "{better:?}: one packet is none");
        assert_eq!(heed(&mut f, 0, better, 160), Heed::TakeOver(100 * MS));
        assert_eq!(heed(&mut f, 0, worse, 180), Heed::Aside);
        assert_eq!(heed(&mut f, 0, better, 200), Heed::Listen);
        let after = heed(&mut f, 0, worse, 2300);
        assert_eq!(after, Heed::Follow(200 * MS), "{worse:?}");
        let from = if worse == Other { 2300 } else { 9000 };
        assert_eq!(heed(&mut f, 0, better, 9000), Heed::TakeOver(from * MS));
    }
}

#[test]
fn of_two_who_may_be_the_party_the_first_is_heard_until_one_is_known() {
    for may_be in [Host, Other] {
        let (mut f, one, two) = (Floor::default(), HeardAt::new(0, may_be, A), HeardAt::new(0, may_be, B));
        assert_eq!(f.heed(one, said(0)), Heed::Listen);
        assert_eq!(f.heed(two, said(20)), Heed::Aside);
        assert!(f.is_uncertain());
        let known = HeardAt::new(0, Nat, A);
        f.promote(one, known);
        assert_eq!(f.heed(known, said(40)), Heed::Listen, "the same is taken back nothing");
        let mut f = Floor::default();
        f.heed(two, said(0));
        f.promote(one, known);
        assert_eq!(f.heed(known, said(40)), Heed::TakeOver(0));
        assert!(!f.is_uncertain());
    }
}

#[test]
fn nobody_speaks_for_the_party_once_it_was_heard_unless_it_moved() {
    for named in [Claimed, Nat, Candidate] {
        let mut f = Floor::default();
        heed(&mut f, 0, named, 0);
        assert_eq!(heed(&mut f, 0, Other, 600_000), Heed::Aside);
        f.moved(600_000 * MS);
        assert_eq!(heed(&mut f, 0, Other, 600_020), Heed::Follow(0));
    }
}

#[test]
fn what_becomes_known_of_the_old_place_keeps_nobody_out_of_the_new_one() {
    for (known, comes) in [(Nat, Heed::Follow(380 * MS)), (Claimed, Heed::Aside)] {
        let mut f = Floor::default();
        let old = HeardAt::new(0, Host, A);
        f.heed(old, said(0));
        f.moved(370 * MS);
        let known = HeardAt::new(0, known, A);
        f.promote(old, known);
        f.heed(known, said(380));
        assert_eq!(f.heed(HeardAt::new(0, Other, B), said(500)), comes, "{known:?}");
    }
}

#[test]
fn what_a_party_said_before_it_moved_stands() {
    for (old, new) in [(Host, Candidate), (Nat, Claimed), (Candidate, Claimed), (Host, Nat)] {
        let mut f = Floor::default();
        heed(&mut f, 0, old, 0);
        f.moved(400 * MS);
        f.heed(HeardAt::new(0, old, A), Said { is_under_way: true, ..said(420) });
        assert_eq!(heed(&mut f, 0, new, 440), Heed::Follow(420 * MS), "{old:?} {new:?}");
    }
    // Of one for whom nothing spoke only where its own numbers go on.
    for goes_on in [false, true] {
        let mut f = Floor::default();
        heed(&mut f, 0, Other, 0);
        f.moved(400 * MS);
        let new = f.heed(HeardAt::new(0, Claimed, B), Said { goes_on, ..said(440) });
        assert_eq!(new, if goes_on { Heed::Follow(0) } else { Heed::TakeOver(0) });
    }
}

#[test]
fn what_a_party_said_at_another_port_of_its_host_stands() {
    for (began, goes_on) in [(Host, true), (Host, false), (Other, true)] {
        let mut f = Floor::default();
        f.heed(HeardAt::new(0, began, A), said(0));
        f.heed(HeardAt::new(0, began, A), said(740));
        let named = f.heed(HeardAt::new(0, Claimed, B), Said { goes_on, ..said(760) });
        let stands = began == Host && goes_on;
        assert_eq!(named, if stands { Heed::Follow(740 * MS) } else { Heed::TakeOver(0) }, "{began:?}");
    }
}

#[test]
fn one_voice_has_the_floor_at_every_address_of_the_party() {
    let goes_on = true;
    for (one, two) in [(Claimed, Candidate), (Claimed, Nat), (Nat, Candidate)] {
        let mut f = Floor::default();
        heed(&mut f, 0, one, 0);
        let copy = Said { goes_on, is_copy: true, ..said(5) };
        assert_eq!(f.heed(HeardAt::new(0, two, A), copy), Heed::Aside, "{two:?}: a copy moves nobody");
        assert_eq!(f.heed(HeardAt::new(0, two, A), Said { goes_on, ..said(20) }), Heed::Follow(0));
        assert_eq!(f.heed(HeardAt::new(0, one, A), Said { goes_on, ..said(40) }), Heed::Follow(20 * MS));
        // Another hop is no other address, and another voice waits.
        assert_eq!(f.heed(HeardAt::new(1, two, A), Said { goes_on, ..said(60) }), Heed::Aside);
        assert_eq!(heed(&mut f, 0, two, 60), Heed::Aside);
    }
    // A stranger's place is not the party's, whatever numbers he shows.
    let mut f = Floor::default();
    heed(&mut f, 0, Other, 0);
    assert_eq!(f.heed(HeardAt::new(0, Claimed, B), Said { goes_on, ..said(20) }), Heed::TakeOver(0));
    assert_eq!(f.heed(HeardAt::new(0, Other, A), Said { goes_on, ..said(40) }), Heed::Aside);
}

#[test]
fn what_waited_counts_once_its_address_is_the_partys() {
    let mut f = Floor::default();
    heed(&mut f, 0, Claimed, 0);
    assert_eq!(heed(&mut f, 0, Candidate, 20), Heed::Aside);
    f.moved(40 * MS);
    let named = HeardAt::new(0, Claimed, B);
    assert_eq!(f.heed(named, Said { has_waited: true, is_usable: false, ..said(40) }), Heed::Listen);
    assert_eq!(f.heed(named, Said { has_waited: true, ..said(60) }), Heed::Follow(0));
    assert_eq!(f.heed(named, said(80)), Heed::Listen);
}

#[test]
fn a_party_that_nobody_understands_shuts_strangers_out() {
    let mut f = Floor::default();
    let unusable = Said { is_usable: false, ..said(0) };
    assert_eq!(f.heed(HeardAt::new(0, Claimed, A), unusable), Heed::Listen);
    assert_eq!(f.heed(HeardAt::new(0, Other, B), said(3000)), Heed::Aside);
    assert_eq!(f.heed(HeardAt::new(1, Nat, B), said(3020)), Heed::Listen, "another hop may be understood");
}

#[test]
fn the_last_packets_of_the_old_place_keep_nobody_out() {
    for (old, new) in [(Claimed, Other), (Claimed, Host), (Nat, Other), (Host, Other)] {
        let mut f = Floor::default();
        heed(&mut f, 0, old, 0);
        f.moved(400 * MS);
        let is_under_way = true;
        assert_eq!(f.heed(HeardAt::new(0, old, A), Said { is_under_way, ..said(420) }), Heed::Listen);
        assert_eq!(heed(&mut f, 0, new, 440), Heed::Aside, "it may go on");
        let first = f.heed(HeardAt::new(0, new, A), Said { is_confirmed: false, ..said(530) });
        assert_eq!(first, Heed::Aside, "one packet is none");
        assert_eq!(heed(&mut f, 0, new, 530), Heed::Follow(420 * MS), "{old:?} {new:?}");
    }
}

#[test]
fn own_numbers_tell_who_may_be_the_party_and_nothing_against_who_is() {
    let goes_on = true;
    for (held, ms, comes) in
        [(Host, 80, Heed::Aside), (Host, 100, Heed::Follow(0)), (Claimed, 1000, Heed::Aside)]
    {
        let mut f = Floor::default();
        heed(&mut f, 0, held, 0);
        assert_eq!(f.heed(HeardAt::new(0, Other, B), Said { goes_on, ..said(ms) }), comes, "{held:?} {ms}");
    }
}

#[test]
fn an_address_goes_before_a_hop_and_a_hop_before_a_kind_of_address() {
    let mut f = Floor::default();
    heed(&mut f, 1, Claimed, 0);
    assert_eq!(heed(&mut f, 0, Other, 20), Heed::Aside);
    assert_eq!(heed(&mut f, 0, Host, 40), Heed::Aside);
    assert_eq!(heed(&mut f, 0, Nat, 60), Heed::TakeOver(0));
    assert_eq!(heed(&mut f, 1, Claimed, 80), Heed::Aside);
}

#[test]
fn a_strangers_talk_is_taken_back_for_ten_seconds_and_a_partys_for_one() {
    for (worse, ms, from) in
        [(Other, 9000, 0), (Other, 11_000, 11_000), (Host, 900, 0), (Host, 1100, 1100), (Nat, 1100, 1100)]
    {
        let mut f = Floor::default();
        heed(&mut f, 0, worse, 0);
        assert_eq!(heed(&mut f, 0, Claimed, ms), Heed::TakeOver(from * MS), "{worse:?} {ms}");
    }
}
