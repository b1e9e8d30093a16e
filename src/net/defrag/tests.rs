//! Fragments in any order, twice, overlapping, never complete.

use super::*;
use proptest::prelude::*;

const SRC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const DST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ns(ms * 1_000_000)
}

fn piece(id: u32, offset: u32, more: bool, payload: &[u8]) -> IpPacket<'_> {
    let fragment = Some(Fragment { offset, more });
    IpPacket { src: SRC, dst: DST, id, protocol: 17, payload, missing: 0, fragment, bad_length: false }
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 7 % 251) as u8).collect()
}

#[test]
fn in_order_backwards_and_twice() {
    let data = bytes(40);
    let (a, b, c) =
        (piece(1, 0, true, &data[..16]), piece(1, 16, true, &data[16..32]), piece(1, 32, false, &data[32..]));
    for order in [[a, b, c, c], [c, b, a, a], [b, c, a, b], [a, a, c, b], [c, c, a, b]] {
        let (mut defrag, mut stats) = (Defrag::new(8), NetStats::default());
        let whole: Vec<Whole> = order.iter().filter_map(|p| defrag.push(at(0), p, &mut stats)).collect();
        assert_eq!(whole.len(), 1);
        assert_eq!(whole[0], Whole { protocol: 17, payload: data.clone(), truncated: false });
        assert_eq!((defrag.len(), defrag.bytes(), stats.fragments_dropped.total()), (0, 0, 0));
        assert_eq!((stats.fragments, stats.fragments_reassembled), (4, 1));
    }
}

#[test]
fn a_mirrored_set_gives_one_datagram() {
    let data = bytes(32);
    let (mut defrag, mut stats) = (Defrag::new(8), NetStats::default());
    let (a, b) = (piece(1, 0, true, &data[..16]), piece(1, 16, false, &data[16..]));
    let got = [a, a, b, b, a, b].iter().filter_map(|p| defrag.push(at(0), p, &mut stats)).count();
    assert_eq!((got, defrag.len(), stats.fragments_late), (1, 0, 3));
    // The same identification later is another datagram.
    let got = [a, b].iter().filter_map(|p| defrag.push(at(1_500), p, &mut stats)).count();
    assert_eq!(got, 1);
}

#[test]
fn other_identifications_do_not_mix() {
    let data = bytes(32);
    let (mut defrag, mut stats) = (Defrag::new(8), NetStats::default());
    assert_eq!(defrag.push(at(0), &piece(1, 0, true, &data[..16]), &mut stats), None);
    assert_eq!(defrag.push(at(0), &piece(2, 16, false, &data[16..]), &mut stats), None);
    let other = IpPacket { protocol: 6, ..piece(1, 16, false, &data[16..]) };
    assert_eq!(defrag.push(at(0), &other, &mut stats), None);
    assert_eq!(defrag.len(), 3);
}

#[test]
fn agreeing_overlaps_are_fine_and_disagreeing_ones_drop_all() {
    let data = bytes(40);
    let (mut defrag, mut stats) = (Defrag::new(8), NetStats::default());
    assert_eq!(defrag.push(at(0), &piece(1, 0, true, &data[..24]), &mut stats), None);
    let whole = defrag.push(at(0), &piece(1, 16, false, &data[16..]), &mut stats);
    assert_eq!(whole.map(|w| w.payload), Some(data.clone()));

    let wrong = vec![0xee; 24];
    assert_eq!(defrag.push(at(0), &piece(2, 0, true, &data[..24]), &mut stats), None);
    assert_eq!(defrag.push(at(0), &piece(2, 16, false, &wrong), &mut stats), None);
    assert_eq!(stats.fragments_dropped.overlap, 1);
    // What still comes of it is swallowed, so no mixture can complete.
    assert_eq!(defrag.push(at(0), &piece(2, 16, false, &data[16..]), &mut stats), None);
    assert_eq!(defrag.push(at(0), &piece(2, 0, true, &data[..24]), &mut stats), None);
    assert!(defrag.is_empty());
}

#[test]
fn teardrops_and_two_ends() {
    let data = bytes(64);
    let (mut defrag, mut stats) = (Defrag::new(8), NetStats::default());
    // The last piece ends within the first.
    defrag.push(at(0), &piece(1, 0, true, &data[..40]), &mut stats);
    assert_eq!(defrag.push(at(0), &piece(1, 24, false, &data[24..28]), &mut stats), None);
    // Two last pieces, ending in two places.
    defrag.push(at(0), &piece(2, 16, false, &data[16..32]), &mut stats);
    assert_eq!(defrag.push(at(0), &piece(2, 32, false, &data[32..40]), &mut stats), None);
    assert_eq!(stats.fragments_dropped.overlap, 2);
    // Past the end of any datagram, empty, or not a multiple of eight.
    defrag.push(at(0), &piece(3, 65_528, false, &data[..16]), &mut stats);
    defrag.push(at(0), &piece(4, 8, true, &[]), &mut stats);
    defrag.push(at(0), &piece(5, 8, true, &data[..12]), &mut stats);
    assert_eq!((stats.fragments_dropped.malformed, defrag.bytes()), (3, 0));
}

#[test]
fn an_identification_come_round_starts_afresh() {
    let (old, new) = (vec![1; 16], vec![2; 24]);
    let (mut defrag, mut stats) = (Defrag::new(8), NetStats::default());
    defrag.push(at(0), &piece(1, 0, true, &old), &mut stats);
    assert_eq!(defrag.push(at(5_000), &piece(1, 0, true, &new[..16]), &mut stats), None);
    let whole = defrag.push(at(5_001), &piece(1, 16, false, &new[16..]), &mut stats);
    assert_eq!(whole.map(|w| w.payload), Some(new));
    assert_eq!(stats.fragments_dropped.timeout, 1);
}

#[test]
fn a_cut_first_piece_goes_on_as_it_is() {
    let data = bytes(16);
    let (mut defrag, mut stats) = (Defrag::new(8), NetStats::default());
    let cut = IpPacket { missing: 100, ..piece(1, 0, true, &data) };
    let whole = defrag.push(at(0), &cut, &mut stats).expect("what there is");
    assert!(whole.truncated);
    assert_eq!(whole.payload, data);
    assert_eq!(defrag.push(at(0), &piece(1, 16, false, &data), &mut stats), None);
    assert_eq!((stats.fragments_dropped.truncated, defrag.len()), (1, 0));
}

#[test]
fn bounded_in_number_in_bytes_and_in_time() {
    let data = bytes(1480);
    let (mut defrag, mut stats) = (Defrag::new(16), NetStats::default());
    for id in 0..1000 {
        defrag.push(at(0), &piece(id, 0, true, &data), &mut stats);
        assert!(defrag.len() <= 16);
    }
    assert_eq!(stats.fragments_dropped.evicted, 984);
    // Each claims nearly 64 KiB by its place.
    for id in 0..1000 {
        defrag.push(at(0), &piece(id, 60_000, true, &data), &mut stats);
        assert!(defrag.bytes() <= 16 * BYTES_EACH, "{}", defrag.bytes());
    }
    // A minute later they are gone; running backwards they stay.
    let mut stats = NetStats::default();
    let waiting = defrag.len() as u64;
    defrag.push(at(-3_600_000), &piece(5_000, 0, true, &data), &mut stats);
    assert_eq!(stats.fragments_dropped.timeout, 0);
    defrag.push(at(60_000), &piece(5_001, 0, true, &data), &mut stats);
    assert!(stats.fragments_dropped.timeout >= waiting);
    assert_eq!(defrag.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any cut at multiples of eight, in any order, with repeats, gives the datagram back.
    #[test]
    fn any_fragmentation_in_any_order(
        len in 9usize..4000,
        mut cuts in prop::collection::vec(1usize..500, 1..12),
        order in prop::collection::vec(any::<u32>(), 40),
        repeats in prop::collection::vec(any::<u16>(), 0..12),
    ) {
        let data = bytes(len);
        cuts.iter_mut().for_each(|c| *c = (*c * 8).min(len.div_ceil(8) * 8 - 8));
        cuts.push(0);
        cuts.retain(|c| *c < len);
        cuts.sort_unstable();
        cuts.dedup();
        prop_assume!(cuts.len() > 1);
        let ends = cuts.iter().skip(1).copied().chain([len]);
        let mut pieces: Vec<(usize, usize)> = cuts.iter().copied().zip(ends).collect();
        for repeat in repeats {
            pieces.push(pieces[usize::from(repeat) % pieces.len()]);
        }
        let mut keyed: Vec<_> = pieces.into_iter().zip(order).map(|(p, k)| (k, p)).collect();
        keyed.sort_unstable();
        let (mut defrag, mut stats) = (Defrag::new(4), NetStats::default());
        let mut whole = Vec::new();
        for (_, (from, to)) in keyed {
            let packet = piece(7, from as u32, to < len, &data[from..to]);
            whole.extend(defrag.push(at(0), &packet, &mut stats));
        }
        prop_assert_eq!(whole.len(), 1);
        prop_assert_eq!(&whole[0].payload, &data);
        prop_assert_eq!(defrag.bytes(), 0);
    }
}
