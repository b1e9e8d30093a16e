//! Streams cut, shuffled, repeated, joined in the middle, with holes.

use super::super::tests::framers::{Raw, Simple};
use super::*;
use crate::time::NS_PER_MS;
use proptest::prelude::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ns(ms * NS_PER_MS)
}

fn flow(forward: bool) -> Flow {
    let (a, b) = ("10.0.0.1:40000".parse().expect("a"), "10.0.0.2:5060".parse().expect("b"));
    let vlan = Vlan::NONE;
    if forward { Flow { src: a, dst: b, vlan } } else { Flow { src: b, dst: a, vlan } }
}

fn data(seq: u32, payload: &[u8]) -> Tcp<'_> {
    let (src_port, dst_port) = (40000, 5060);
    Tcp { src_port, dst_port, seq, ack: None, syn: false, fin: false, rst: false, payload }
}

/// A reassembly with what came out of it.
struct Bench<F> {
    tcp: Reassembly<F>,
    stats: NetStats,
    out: Vec<(i64, String)>,
}

impl<F: StreamFramer> Bench<F> {
    fn new(buffer: usize) -> Self {
        Bench { tcp: Reassembly::new(4, buffer), stats: NetStats::default(), out: Vec::new() }
    }
    fn way(&mut self, ms: i64, forward: bool, segment: &Tcp<'_>, lost: u32) {
        let out = &mut self.out;
        self.tcp.push(at(ms), flow(forward), segment, lost, &mut self.stats, &mut |ts, _, m| {
            out.push((ts.as_ms(), String::from_utf8_lossy(m).into_owned()));
        });
    }
    fn send(&mut self, ms: i64, segment: &Tcp<'_>) {
        self.way(ms, true, segment, 0);
    }
    fn wait(&mut self, ms: i64) {
        let out = &mut self.out;
        self.tcp.handle_timeout(at(ms), &mut self.stats, &mut |ts, _, m| {
            out.push((ts.as_ms(), String::from_utf8_lossy(m).into_owned()));
        });
    }
    fn text(&self) -> String {
        self.out.iter().map(|(_, text)| text.as_str()).collect()
    }
}

fn syn(seq: u32) -> Tcp<'static> {
    Tcp { syn: true, ..data(seq, b"") }
}

#[test]
fn order_repeats_and_overlaps() {
    let mut bench = Bench::<Raw>::new(65_536);
    bench.send(0, &syn(99));
    bench.send(1, &data(103, b"defg"));
    bench.send(2, &data(103, b"defg"));
    assert_eq!(bench.text(), "");
    bench.send(3, &data(100, b"abcde"));
    bench.send(4, &data(100, b"XXXXX"));
    bench.send(5, &data(105, b"YYhi"));
    assert_eq!(bench.text(), "abcdefghi");
    assert_eq!((bench.stats.tcp_out_of_order, bench.stats.tcp_gaps), (2, 0));
    assert_eq!(bench.stats.tcp_retransmissions, 2);
    // What waited got the stamp of the segment that filled the hole.
    assert_eq!(bench.out.iter().map(|(ms, _)| *ms).collect::<Vec<_>>(), [3, 3, 5]);
    assert_eq!((bench.tcp.held(), bench.tcp.poll_timeout()), (0, None));
}

#[test]
fn numbers_wrap() {
    let mut bench = Bench::<Raw>::new(65_536);
    bench.send(0, &syn(u32::MAX - 3));
    bench.send(1, &data(1, b"defg"));
    bench.send(2, &data(u32::MAX - 2, b"abc_"));
    assert_eq!(bench.text(), "abc_defg");
}

#[test]
fn a_hole_is_given_up_in_time() {
    let mut bench = Bench::<Raw>::new(65_536);
    bench.send(0, &syn(99));
    bench.send(0, &data(100, b"abc"));
    bench.send(10, &data(106, b"ghi"));
    assert_eq!(bench.tcp.poll_timeout(), Some(at(3_010)));
    bench.wait(3_009);
    assert_eq!(bench.text(), "abc");
    bench.wait(3_010);
    assert_eq!(bench.text(), "abc<gap>ghi");
    assert_eq!(bench.out.last().map(|(ms, _)| *ms), Some(10), "its own stamp, not the wait's");
    bench.send(3_011, &data(103, b"def"));
    assert_eq!(bench.text(), "abc<gap>ghi", "too late");
    assert_eq!((bench.stats.tcp_gaps, bench.tcp.poll_timeout(), bench.tcp.held()), (1, None, 0));
}

#[test]
fn an_acknowledgement_shortens_the_wait() {
    let mut bench = Bench::<Raw>::new(65_536);
    bench.send(0, &syn(99));
    bench.send(0, &data(100, b"abc"));
    bench.way(10, false, &Tcp { ack: Some(106), ..data(1, b"") }, 0);
    bench.wait(209);
    assert_eq!(bench.stats.tcp_gaps, 0);
    bench.wait(210);
    bench.send(300, &data(106, b"ghi"));
    assert_eq!(bench.text(), "abc<gap>ghi");
    // The mirror of one direction lags: the acknowledgement comes first, no harm done.
    bench.way(400, false, &Tcp { ack: Some(112), ..data(1, b"") }, 0);
    bench.send(401, &data(109, b"jkl"));
    bench.wait(10_000);
    assert_eq!((bench.text().as_str(), bench.stats.tcp_gaps), ("abc<gap>ghijkl", 1));
}

#[test]
fn a_full_buffer_gives_the_hole_up() {
    let mut bench = Bench::<Raw>::new(4_096);
    bench.send(0, &syn(99));
    for n in 0..8u32 {
        bench.send(1, &data(200 + n * 1000, &[b'x'; 1000]));
        assert!(bench.tcp.held() <= 4_096 + 1_064);
    }
    assert_eq!(
        (bench.text().len(), bench.stats.tcp_gaps),
        (8000, 1),
        "the gap before the first byte is not marked"
    );
}

#[test]
fn a_cut_segment_leaves_a_gap_where_it_was_cut() {
    let mut bench = Bench::<Raw>::new(65_536);
    bench.send(0, &syn(99));
    bench.way(1, true, &data(100, b"abc"), 5);
    bench.send(2, &data(108, b"ijk"));
    assert_eq!((bench.text().as_str(), bench.stats.tcp_gaps), ("abc<gap>ijk", 1));
}

#[test]
fn joined_in_the_middle() {
    let mut bench = Bench::<Simple>::new(65_536);
    bench.send(0, &data(5_000, b"t-Length: 3\r\n\r\na\r\nBYE x SIP/2.0\r\n"));
    bench.send(1, &data(5_033, b"Content-Length: 2\r\n\r\nhi"));
    assert_eq!(bench.text(), "BYE x SIP/2.0\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(bench.out[0].0, 1, "the segment that completed it");
}

#[test]
fn the_same_ports_again() {
    let mut bench = Bench::<Raw>::new(65_536);
    bench.send(0, &syn(99));
    bench.way(1, false, &Tcp { ack: Some(100), ..syn(699) }, 0);
    bench.send(2, &data(100, b"abc"));
    bench.way(3, false, &data(700, b"ABC"), 0);
    bench.send(4, &Tcp { fin: true, ..data(103, b"d") });
    bench.send(5, &data(103, b"d"));
    // A late copy of the first SYN changes nothing.
    bench.send(6, &syn(99));
    bench.send(7, &data(100, b"abc"));
    assert_eq!(bench.text(), "abcABCd");
    bench.send(1000, &syn(1_000_099));
    bench.way(1001, false, &Tcp { ack: Some(1_000_100), ..syn(3_000_000_699) }, 0);
    bench.send(1002, &data(1_000_100, b"ef"));
    bench.way(1003, false, &data(3_000_000_700, b"EF"), 0);
    assert_eq!((bench.text().as_str(), bench.stats.tcp_gaps), ("abcABCdefEF", 0));
    // And without a SYN, far away.
    bench.send(2000, &data(2_000_000_000, b"gh"));
    assert_eq!(bench.text(), "abcABCdefEF<gap>gh");
    // A reset lets out what waits.
    bench.send(2001, &data(2_000_000_004, b"kl"));
    bench.send(2002, &Tcp { rst: true, ..data(2_000_000_006, b"") });
    assert_eq!(bench.text(), "abcABCdefEF<gap>gh<gap>kl");
    assert_eq!(bench.tcp.len(), 1);
}

#[test]
fn fin_takes_a_number() {
    let mut bench = Bench::<Raw>::new(65_536);
    bench.send(0, &syn(99));
    bench.send(1, &Tcp { fin: true, ..data(103, b"") });
    bench.send(2, &data(100, b"abc"));
    bench.way(3, false, &Tcp { ack: Some(104), ..data(1, b"x") }, 0);
    assert_eq!((bench.text().as_str(), bench.tcp.poll_timeout()), ("abcx", None));
}

#[test]
fn a_stream_that_never_speaks_sip_costs_little() {
    let mut bench = Bench::<Simple>::new(65_536);
    let noise = [0x17; 1400];
    let mut seq = 1000;
    for _ in 0..400 {
        bench.send(0, &data(seq, &noise));
        seq += 1400;
    }
    assert_eq!((bench.stats.tcp_not_sip, bench.tcp.held()), (1, 0));
    bench.send(1, &data(seq + 5000, &noise));
    assert_eq!((bench.tcp.held(), bench.tcp.poll_timeout()), (0, None), "holes do not matter either");
    bench.send(2, &data(seq + 6400, b"ACK x SIP/2.0\r\n\r\n"));
    assert_eq!(bench.text(), "ACK x SIP/2.0\r\n\r\n");
}

#[test]
fn connections_and_bytes_are_bounded() {
    let mut tcp = Reassembly::<Simple>::new(100, 4_096);
    let mut stats = NetStats::default();
    let unfinished = [b'x'; 4_000];
    for n in 0..10_000u32 {
        let src = SocketAddr::new([10, 1, (n >> 8) as u8, n as u8].into(), 40_000);
        let flow = Flow { src, dst: "10.0.0.2:5060".parse().expect("b"), vlan: Vlan::NONE };
        for seq in [1000, 1000 + (n % 3) * 9000, 30_000] {
            tcp.push(at(0), flow, &data(seq, &unfinished), 0, &mut stats, &mut |_, _, _| {});
        }
        assert!(tcp.len() <= 100 && tcp.held() <= 256 * 4_096 && tcp.timetable.len() <= 200);
    }
    assert_eq!(stats.tcp_evicted, 9_900);
    tcp.handle_timeout(Timestamp::FAR_FUTURE, &mut stats, &mut |_, _, _| {});
    assert!(tcp.timetable.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any segmentation, with repeats and reordering within the buffer, gives the stream back.
    #[test]
    fn any_segmentation_in_any_order(
        isn in any::<u32>(),
        lens in prop::collection::vec(1usize..90, 1..40),
        jitter in prop::collection::vec(0usize..12, 80),
        repeats in prop::collection::vec((any::<u16>(), 0usize..30, 0usize..60), 0..30),
    ) {
        let total: usize = lens.iter().sum();
        let stream: Vec<u8> = (0..total).map(|n| b'a' + (n * 7 % 26) as u8).collect();
        let mut segments: Vec<(usize, usize, usize)> = Vec::new();
        let mut from = 0;
        for (n, len) in lens.iter().enumerate() {
            segments.push((n + jitter[n], from, from + len));
            from += len;
        }
        // Repeats are cut differently, as real retransmissions are.
        for (n, before, after) in repeats {
            let (place, from, to) = segments[usize::from(n) % lens.len()];
            segments.push((place + before % 7, from.saturating_sub(before), (to + after).min(total)));
        }
        segments.sort_by_key(|(place, ..)| *place);
        let mut bench = Bench::<Raw>::new(1 << 20);
        bench.send(0, &syn(isn));
        for (_, from, to) in segments {
            let seq = isn.wrapping_add(1).wrapping_add(from as u32);
            bench.send(0, &data(seq, &stream[from..to]));
        }
        prop_assert_eq!((bench.stats.tcp_gaps, bench.tcp.held()), (0, 0));
        prop_assert_eq!(bench.text().into_bytes(), stream);
    }
}
