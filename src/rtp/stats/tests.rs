//! Streams that lose, copy, shuffle, wrap and restart.

use super::*;

/// Packets of 20 ms at 8 kHz, on time.
fn feed(stats: &mut StreamStats, seqs: impl IntoIterator<Item = u16>) -> Vec<Arrival> {
    seqs.into_iter()
        .map(|s| {
            let at = Timestamp::from_ns(i64::from(s) * 20_000_000);
            stats.on_packet(s, u32::from(s) * 160, at)
        })
        .collect()
}

fn counts(s: &StreamStats) -> (u64, u64, u64, u64, u64) {
    (s.received(), s.expected(), s.lost(), s.duplicates(), s.reordered())
}

#[test]
fn a_perfect_stream_over_the_wrap() {
    let mut s = StreamStats::new(8000);
    for i in 0..100_000u32 {
        let at = Timestamp::from_ns(i64::from(i) * 20_000_000);
        let seq = 65_000u16.wrapping_add(i as u16);
        assert_eq!(s.on_packet(seq, (u32::MAX - 5).wrapping_add(i * 160), at), Arrival::InOrder);
    }
    assert_eq!(counts(&s), (100_000, 100_000, 0, 0, 0));
    assert!(s.max_jitter_ms() < 1e-6);
    assert_eq!(s.restarts(), 0);
}

#[test]
fn losses_copies_and_late_packets_are_told_apart() {
    use Arrival::*;
    let mut s = StreamStats::new(8000);
    let arrivals = feed(&mut s, [10, 11, 11, 14, 13, 13, 14, 9, 20]);
    let wanted = [InOrder, InOrder, Duplicate, InOrder, Reordered, Duplicate, Duplicate, Reordered, InOrder];
    assert_eq!(arrivals, wanted);
    // Distinct 9 10 11 13 14 20 of the twelve from 9 to 20.
    assert_eq!(counts(&s), (6, 12, 6, 3, 2));
    assert!((s.loss_ratio() - 0.5).abs() < 1e-12);
}

#[test]
fn every_packet_twice_hides_no_loss() {
    let mut s = StreamStats::new(8000);
    feed(&mut s, (0..5000u16).filter(|i| i % 10 != 3).flat_map(|i| [i, i]));
    assert_eq!(counts(&s), (4500, 5000, 500, 4500, 0));
}

#[test]
fn a_gap_longer_than_the_window_forgets_old_marks() {
    let mut s = StreamStats::new(8000);
    feed(&mut s, 0..1100);
    feed(&mut s, [3100, 3099, 3100]);
    assert_eq!(counts(&s), (1102, 3101, 1999, 1, 1));
}

#[test]
fn a_restart_counts_no_thousands_lost() {
    let mut s = StreamStats::new(8000);
    feed(&mut s, 100..200);
    assert_eq!(
        feed(&mut s, [40_000, 40_001, 40_002]),
        [Arrival::Suspect, Arrival::Restart, Arrival::InOrder]
    );
    assert_eq!(counts(&s), (103, 103, 0, 0, 0));
    assert_eq!(s.restarts(), 1);
    feed(&mut s, [40_004]);
    assert_eq!(s.lost(), 1);
    // Backwards as well.
    feed(&mut s, [7, 8, 9]);
    assert_eq!((s.received(), s.lost(), s.restarts()), (107, 1, 2));
}

#[test]
fn one_stray_is_no_restart() {
    let mut s = StreamStats::new(8000);
    feed(&mut s, 100..200);
    assert_eq!(feed(&mut s, [40_000, 200, 201]), [Arrival::Suspect, Arrival::InOrder, Arrival::InOrder]);
    assert_eq!((s.received(), s.lost(), s.restarts(), s.strays()), (102, 0, 0, 1));
}

#[test]
fn a_restart_seen_twice_is_one() {
    use Arrival::*;
    let mut s = StreamStats::new(8000);
    feed(&mut s, 100..200);
    let arrivals = feed(&mut s, [9000, 9000, 9001, 9001, 9002]);
    assert_eq!(arrivals, [Suspect, Duplicate, Restart, Duplicate, InOrder]);
    assert_eq!((s.received(), s.lost(), s.duplicates(), s.strays()), (103, 0, 2, 0));
}

#[test]
fn telephone_events_make_no_jitter() {
    let mut s = StreamStats::new(8000);
    feed(&mut s, 0..10);
    for seq in 10..30 {
        assert_eq!(s.on_number(seq), Arrival::InOrder);
    }
    feed(&mut s, 30..40);
    assert_eq!((s.received(), s.lost()), (40, 0));
    assert!(s.max_jitter_ms() < 1e-6);
}

#[test]
fn jitter_follows_the_rfc() {
    let mut s = StreamStats::new(8000);
    let mut wanted = 0.0f64;
    for i in 0..200u32 {
        // Every other packet is 5 ms late: each step differs from 20 ms by 5.
        let late = i64::from(i % 2) * 5_000_000;
        let at = Timestamp::from_ns(i64::from(i) * 20_000_000 + late);
        s.on_packet(i as u16, i * 160, at);
        if i > 0 {
            wanted += (5.0 - wanted) / 16.0;
        }
    }
    assert!((s.jitter_ms() - wanted).abs() < 1e-9, "{} {wanted}", s.jitter_ms());
    assert!((s.max_jitter_ms() - s.jitter_ms()).abs() < 1e-9);
    assert!((s.jitter_ms() - 5.0).abs() < 0.1);
}

#[test]
fn pauses_jumps_and_hostile_stamps_are_not_jitter() {
    let mut s = StreamStats::new(0);
    s.on_packet(1, 0, Timestamp::EPOCH);
    s.on_packet(2, 160, Timestamp::FAR_FUTURE);
    s.on_packet(3, 0x8000_0000, Timestamp::EPOCH);
    assert_eq!(s.max_jitter_ms(), 0.0);
    s.set_clock(48_000);
    s.on_packet(4, 5, Timestamp::EPOCH);
    assert_eq!(s.max_jitter_ms(), 0.0);
}

#[test]
fn any_numbers_keep_the_sums_sane() {
    let mut s = StreamStats::new(8000);
    let mut x = 88_172_645_463_325_252u64;
    let mut total = 0u64;
    for _ in 0..100_000 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        let seq = if x & 3 == 0 { (x >> 20) as u16 } else { (x >> 40) as u16 & 0x7FF };
        s.on_packet(seq, x as u32, Timestamp::from_ns((x >> 2) as i64));
        total += 1;
        assert!(s.received() <= total && s.received() <= s.expected());
        assert_eq!(s.lost(), s.expected() - s.received());
    }
}

#[test]
fn a_source_known_to_count_anew_has_neither_copies_nor_losses() {
    let mut s = StreamStats::new(8000);
    feed(&mut s, 100..175);
    assert!(s.knows(100) && s.knows(99) && s.knows(174) && !s.knows(175));
    assert_eq!(s.begin_anew(100), Arrival::Restart);
    feed(&mut s, 101..175);
    assert_eq!(counts(&s), (150, 150, 0, 0, 0));
    s.rest();
    feed(&mut s, 900..910);
    assert_eq!(counts(&s), (160, 160, 0, 0, 0));
}
