//! Streams cut, shuffled, repeated, joined in the middle, with holes.

use super::*;
use crate::time::NS_PER_MS;
use crate::wire::link::Vlan;
use proptest::prelude::*;
use std::net::SocketAddr;

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

/// Length of the message that stands for a letter.
const UNIT: u32 = 28;

/// A message for each letter.
fn messages(letters: &str) -> Vec<u8> {
    letters.chars().flat_map(|c| format!("INFO sip:{c} SIP/2.0\r\nl: 0\r\n\r\n").into_bytes()).collect()
}

/// A reassembly with what came out of it.
struct Bench {
    tcp: Reassembly,
    stats: NetStats,
    out: Vec<(i64, String)>,
}

impl Bench {
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
    /// Messages `letters` in one segment, `place` messages after number `begin`.
    fn say(&mut self, ms: i64, begin: u32, place: u32, letters: &str) {
        self.send(ms, &data(number(begin, place), &messages(letters)));
    }
    /// The same by the other side.
    fn answer(&mut self, ms: i64, begin: u32, place: u32, letters: &str) {
        self.way(ms, false, &data(number(begin, place), &messages(letters)), 0);
    }
    fn wait(&mut self, ms: i64) {
        let out = &mut self.out;
        self.tcp.handle_timeout(at(ms), &mut self.stats, &mut |ts, _, m| {
            out.push((ts.as_ms(), String::from_utf8_lossy(m).into_owned()));
        });
    }
    /// The letters that came out.
    fn letters(&self) -> String {
        self.out.iter().filter_map(|(_, m)| m.strip_prefix("INFO sip:")?.chars().next()).collect()
    }
    fn text(&self) -> String {
        self.out.iter().map(|(_, text)| text.as_str()).collect()
    }
}

/// The sequence number `place` messages after `begin`.
fn number(begin: u32, place: u32) -> u32 {
    begin.wrapping_add(place * UNIT)
}

fn syn(seq: u32) -> Tcp<'static> {
    Tcp { syn: true, ..data(seq, b"") }
}

fn ack(seq: u32, payload: &[u8]) -> Tcp<'_> {
    Tcp { ack: Some(seq), ..data(1, payload) }
}

#[test]
fn order_repeats_and_overlaps() {
    let mut bench = Bench::new(65_536);
    bench.send(0, &syn(99));
    bench.say(1, 100, 3, "defg");
    bench.say(2, 100, 3, "defg");
    assert_eq!(bench.letters(), "");
    bench.say(3, 100, 0, "abcde");
    bench.say(4, 100, 0, "XXXXX");
    bench.say(5, 100, 5, "YYhi");
    assert_eq!(bench.letters(), "abcdefghi");
    assert_eq!((bench.stats.tcp_out_of_order, bench.stats.tcp_gaps), (2, 0));
    assert_eq!(bench.stats.tcp_retransmissions, 2);
    // What waited got the stamp of the segment that filled the hole.
    assert_eq!(bench.out.iter().map(|(ms, _)| *ms).collect::<Vec<_>>(), [3, 3, 3, 3, 3, 3, 3, 5, 5]);
    assert_eq!((bench.tcp.held(), bench.tcp.poll_timeout()), (0, None));
}

#[test]
fn numbers_wrap() {
    let mut bench = Bench::new(65_536);
    let begin = u32::MAX - 2 * UNIT;
    bench.send(0, &syn(begin.wrapping_sub(1)));
    bench.say(1, begin, 4, "efg");
    bench.say(2, begin, 0, "abcd");
    assert_eq!(bench.letters(), "abcdefg");
}

#[test]
fn a_hole_is_given_up_in_time() {
    let mut bench = Bench::new(65_536);
    bench.send(0, &syn(99));
    bench.say(0, 100, 0, "abc");
    bench.say(10, 100, 6, "ghi");
    assert_eq!(bench.tcp.poll_timeout(), Some(at(3_010)));
    bench.wait(3_009);
    assert_eq!(bench.letters(), "abc");
    bench.wait(3_010);
    assert_eq!(bench.letters(), "abcghi");
    assert_eq!(bench.out.last().map(|(ms, _)| *ms), Some(10), "its own stamp, not the wait's");
    bench.say(3_011, 100, 3, "def");
    assert_eq!(bench.letters(), "abcghi", "too late");
    assert_eq!((bench.stats.tcp_gaps, bench.tcp.poll_timeout(), bench.tcp.held()), (1, None, 0));
}

#[test]
fn an_acknowledgement_shortens_the_wait() {
    let mut bench = Bench::new(65_536);
    bench.send(0, &syn(99));
    bench.say(0, 100, 0, "abc");
    bench.way(10, false, &ack(number(100, 6), b""), 0);
    bench.wait(209);
    assert_eq!(bench.stats.tcp_gaps, 0);
    bench.wait(210);
    bench.say(300, 100, 6, "ghi");
    assert_eq!((bench.letters().as_str(), bench.stats.tcp_gaps), ("abcghi", 1));
    // The mirror of one direction lags: the acknowledgement comes first, no harm done.
    bench.way(400, false, &ack(number(100, 12), b""), 0);
    bench.say(401, 100, 9, "jkl");
    bench.wait(10_000);
    assert_eq!((bench.letters().as_str(), bench.stats.tcp_gaps), ("abcghijkl", 1));
}

#[test]
fn a_full_buffer_gives_the_hole_up() {
    let mut bench = Bench::new(4_096);
    bench.send(0, &syn(99));
    for n in 0..8u32 {
        bench.say(1, 100, 4 + n * 36, &"x".repeat(36));
        assert!(bench.tcp.held() <= 4_096 + 1_008 + 64);
    }
    assert_eq!((bench.letters().len(), bench.stats.tcp_gaps), (8 * 36, 1));
}

#[test]
fn a_cut_segment_leaves_a_gap_where_it_was_cut() {
    let mut bench = Bench::new(65_536);
    bench.send(0, &syn(99));
    let cut = messages("abcd");
    bench.way(1, true, &data(100, &cut[..3 * UNIT as usize + 5]), 5 * UNIT - 5);
    bench.say(2, 100, 8, "ijk");
    assert_eq!((bench.letters().as_str(), bench.stats.tcp_gaps), ("abcijk", 1));
}

#[test]
fn joined_in_the_middle() {
    let mut bench = Bench::new(65_536);
    bench.send(0, &data(5_000, b"t-Length: 3\r\n\r\na\r\nBYE x SIP/2.0\r\n"));
    bench.send(1, &data(5_033, b"Content-Length: 2\r\n\r\nhi"));
    assert_eq!(bench.text(), "BYE x SIP/2.0\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(bench.out[0].0, 1, "the segment that completed it");
}

#[test]
fn the_same_ports_again() {
    let mut bench = Bench::new(65_536);
    bench.send(0, &syn(99));
    bench.way(1, false, &Tcp { ack: Some(100), ..syn(699) }, 0);
    bench.say(2, 100, 0, "abc");
    bench.answer(3, 700, 0, "ABC");
    bench.send(4, &Tcp { fin: true, ..data(number(100, 3), &messages("d")) });
    bench.say(5, 100, 3, "d");
    // A late copy of the first SYN changes nothing.
    bench.send(6, &syn(99));
    bench.say(7, 100, 0, "abc");
    assert_eq!(bench.letters(), "abcABCd");
    bench.send(1000, &syn(1_000_099));
    bench.way(1001, false, &Tcp { ack: Some(1_000_100), ..syn(3_000_000_699) }, 0);
    bench.say(1002, 1_000_100, 0, "ef");
    bench.answer(1003, 3_000_000_700, 0, "EF");
    assert_eq!((bench.letters().as_str(), bench.stats.tcp_gaps), ("abcABCdefEF", 0));
    // And without a SYN, far away.
    bench.say(2000, 2_000_000_000, 0, "gh");
    assert_eq!((bench.letters().as_str(), bench.stats.tcp_gaps), ("abcABCdefEFgh", 1));
    // A reset lets out what waits.
    bench.say(2001, 2_000_000_000, 4, "kl");
    bench.send(2002, &Tcp { rst: true, ..data(number(2_000_000_000, 6), b"") });
    assert_eq!((bench.letters().as_str(), bench.stats.tcp_gaps), ("abcABCdefEFghkl", 2));
    assert_eq!(bench.tcp.len(), 1);
}

#[test]
fn fin_takes_a_number() {
    let mut bench = Bench::new(65_536);
    bench.send(0, &syn(99));
    bench.send(1, &Tcp { fin: true, ..data(number(100, 3), b"") });
    bench.say(2, 100, 0, "abc");
    bench.way(3, false, &ack(number(100, 3) + 1, &messages("x")), 0);
    assert_eq!((bench.letters().as_str(), bench.tcp.poll_timeout()), ("abcx", None));
}

#[test]
fn a_stream_that_never_speaks_sip_costs_little() {
    let mut bench = Bench::new(65_536);
    let noise = [0x17; 1400];
    let mut seq = 1000;
    for _ in 0..400 {
        bench.send(0, &data(seq, &noise));
        seq += 1400;
    }
    assert_eq!((bench.stats.tcp_not_sip, bench.tcp.held()), (1, 0));
    bench.send(1, &data(seq + 5000, &noise));
    assert_eq!((bench.tcp.held(), bench.tcp.poll_timeout()), (0, None), "holes do not matter either");
    bench.send(2, &data(seq + 6400, b"ACK x SIP/2.0\r\nl: 0\r\n\r\n"));
    assert_eq!(bench.text(), "ACK x SIP/2.0\r\nl: 0\r\n\r\n");
}

#[test]
fn connections_and_bytes_are_bounded() {
    let mut tcp = Reassembly::new(100, 4_096);
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
        let said: String = (0..total / UNIT as usize).map(|n| char::from(b'a' + (n * 7 % 26) as u8)).collect();
        // The last message is not finished.
        let stream = messages(&format!("{said}~"));
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
        let mut bench = Bench::new(1 << 20);
        bench.send(0, &syn(isn));
        for (_, from, to) in segments {
            let seq = isn.wrapping_add(1).wrapping_add(from as u32);
            bench.send(0, &data(seq, &stream[from..to]));
        }
        prop_assert_eq!((bench.stats.tcp_gaps, bench.tcp.held()), (0, total % UNIT as usize));
        prop_assert_eq!(bench.letters(), said);
    }
}

/// A server's hello that agrees to `version` and `suite`.
fn server_hello(version: u8, suite: u16) -> Vec<u8> {
    let mut hello = vec![22, 3, version, 0, 42, 2, 0, 0, 38, 3, version];
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend(suite.to_be_bytes());
    hello.push(0);
    hello
}

#[test]
fn tls_that_cannot_be_opened_is_let_go_and_told() {
    let sealed = [22, 3, 3, 0, 1, 0];
    for (hello, then, lost, why) in [
        (server_hello(2, 0x2F), &b""[..], 0, Unopened::Unsupported),
        (server_hello(3, 0xC0AC), b"", 0, Unopened::Unsupported),
        // Changed keys after a hello of which nothing is known.
        // Shown as nauhuri_unread_total{what="tls_lost"}.
        (server_hello(3, 0x2F)[..20].to_vec(), &sealed, 9, Unopened::Lost),
        (vec![22, 3, 3, 0, 4, 2, 0, 0, 0, 20, 3, 3, 0, 1, 1], &sealed, 0, Unopened::Unsupported),
    ] {
        let mut b = Bench { tcp: Reassembly::new(4, 4096).opening_tls(true), ..Bench::new(4096) };
        b.way(0, false, &syn(0), 0);
        b.way(1, false, &data(1, &hello), lost);
        b.way(2, false, &data(1 + hello.len() as u32 + lost, then), 0);
        assert_eq!(b.tcp.take_unopened(), [(why, 5060)], "{hello:?}");
        assert_eq!(b.stats.tls_unopened.iter().sum::<u64>(), 1);
        // The same connection is followed no further: what comes costs nothing.
        b.way(3, false, &data(5000, &[0; 4000]), 0);
        assert_eq!((b.tcp.held(), b.tcp.is_opening(&flow(true))), (0, false));
    }
}

#[test]
fn what_waits_for_secrets_is_bounded_and_counted() {
    let mut b = Bench { tcp: Reassembly::new(4, 8192).within(20_000).opening_tls(true), ..Bench::new(8192) };
    let hello = server_hello(3, 0x2F);
    b.way(0, false, &data(0, &hello), 0);
    b.way(1, false, &data(hello.len() as u32, &[20, 3, 3, 0, 1, 1]), 0);
    let mut seq = hello.len() as u32 + 6;
    for n in 0..100 {
        let mut record = vec![23, 3, 3, 2, 0];
        record.resize(5 + 512, 9);
        b.way(2 + n, false, &data(seq, &record), 0);
        seq += record.len() as u32;
        assert!(b.tcp.held() < 20_000, "{}", b.tcp.held());
    }
    assert_eq!(b.tcp.take_unopened(), [(Unopened::NoSecret, 5060)]);
    // A new connection on the same ports may be another kind.
    b.way(200, false, &syn(77), 0);
    b.way(201, false, &data(78, &messages("a")), 0);
    assert_eq!(b.letters(), "a");
    // Nothing is waited for where the capture ends.
    let mut b = Bench { tcp: Reassembly::new(4, 8192).opening_tls(true), ..Bench::new(8192) };
    b.way(0, false, &data(0, &hello), 0);
    b.way(1, false, &data(hello.len() as u32, &[20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 1, 0]), 0);
    assert!(b.tcp.take_unopened().is_empty());
    b.tcp.give_up_sealed(&mut b.stats);
    assert_eq!(b.tcp.take_unopened(), [(Unopened::NoSecret, 5060)]);
}
