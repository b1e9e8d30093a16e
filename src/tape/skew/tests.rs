//! Clocks that are off by so much, over paths that are not still.

use super::super::clock::{After, WireClock};
use super::*;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::proptest;

const MS: i64 = 1_000_000;

/// SplitMix64: numbers that look random and repeat.
struct Chance(u64);

impl Chance {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Exponentially distributed, nanoseconds.
    fn queue(&mut self, mean_ms: f64) -> i64 {
        (-(1.0 - self.unit()).ln() * mean_ms * MS as f64) as i64
    }
}

/// One packet of a stream.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// When, nanoseconds.
    at_ns: i64,
    /// 8000 Hz.
    ts: i64,
}

/// A sender whose clock is `ppm` fast, for so many seconds: 20 ms a packet.
fn sender(ppm: i64, seconds: i64) -> Vec<Sent> {
    let packet = |i: i64| Sent { at_ns: i * 20 * MS * 1_000_000 / (1_000_000 + ppm), ts: 77_000 + i * 160 };
    (0..seconds * 50).map(packet).collect()
}

/// What a clock makes of what is sent over this path (nanoseconds of delay at a time), twelve packets
/// at a time, as a tape does.
fn rate_of(sent: &[Sent], mut path: impl FnMut(i64) -> i64) -> Option<f64> {
    let mut heard: Vec<Sent> =
        sent.iter().map(|s| Sent { at_ns: s.at_ns + path(s.at_ns).max(0), ..*s }).collect();
    heard.sort_by_key(|s| s.at_ns);
    let mut clock = WireClock::new(8000, 8000);
    let mut end = None;
    for run in heard.chunks(12) {
        run.iter().for_each(|s| clock.note(s.at_ns, s.ts));
        let mut run = run.to_vec();
        run.sort_by_key(|s| s.ts);
        clock.settle(run[0].at_ns, run[0].ts);
        for (i, s) in run.iter().enumerate() {
            let after = if end == Some(s.ts) { After::Sound } else { After::Pause };
            clock.place(s.at_ns, s.ts, after, || run[i..].iter().map(|s| (s.at_ns, s.ts)));
            end = Some(s.ts + 160);
        }
    }
    clock.skew().ppm()
}

#[track_caller]
fn assert_near(got: Option<f64>, ppm: i64, within: f64, what: &str) {
    let near = got.is_some_and(|g| (g - ppm as f64).abs() <= within);
    assert!(near, "{what}: {got:?} for {ppm} ppm");
}

const RATES: [i64; 7] = [-400, -50, -5, 0, 5, 50, 400];

#[test]
fn the_rate_of_a_clock_is_told_to_a_tenth() {
    for ppm in RATES {
        for seconds in [60, 300, 1800] {
            let got = rate_of(&sender(ppm, seconds), |_| 30 * MS);
            assert_near(got, ppm, 0.15, "a quiet path");
            assert_eq!(got.map(|g| (g * 10.0).fract()), Some(0.0));
        }
    }
}

#[test]
fn jitter_does_not_change_it() {
    for ppm in RATES {
        for (mean_ms, seconds, within) in [(2.0, 90, 2.0), (5.0, 300, 3.0), (20.0, 1800, 3.0)] {
            let mut chance = Chance(ppm as u64 ^ 99);
            let got = rate_of(&sender(ppm, seconds), |_| chance.queue(mean_ms));
            assert_near(got, ppm, within, "jitter");
        }
    }
}

#[test]
fn a_path_that_grows_longer_or_shorter_does_not_change_it() {
    for ppm in RATES {
        for step_ms in [-60, -15, -4, -1, 1, 4, 15, 60] {
            let mut chance = Chance(step_ms as u64);
            let path = |at| 100 * MS + if at > 71_000 * MS { step_ms * MS } else { 0 };
            let got = rate_of(&sender(ppm, 200), |at| path(at) + chance.queue(1.0));
            assert_near(got, ppm, 4.0, &format!("{step_ms} ms"));
        }
        // There and back, several times, and a rush hour.
        let mut chance = Chance(ppm as u64);
        let path = |at: i64| [0, 6, 3, 9][(at / (50_000 * MS)) as usize % 4] * MS;
        let got = rate_of(&sender(ppm, 900), |at| path(at) + chance.queue(1.0));
        assert_near(got, ppm, 4.0, "to and fro");
        let rush = |at: i64| if (40_000..55_000).contains(&(at / MS)) { 12 * MS } else { 0 };
        assert_near(rate_of(&sender(ppm, 120), rush), ppm, 2.0, "a rush hour");
    }
}

#[test]
fn pauses_do_not_change_it() {
    for ppm in RATES {
        // Silence suppressed: a packet every 400 ms between bouts of speech, the stamps go on.
        let is_sent = |(i, s): (usize, &Sent)| {
            let speaks = (s.ts / 8000 / 5) % 2 == 0;
            (speaks || i % 20 == 0).then_some(*s)
        };
        let sent: Vec<Sent> = sender(ppm, 300).iter().enumerate().filter_map(is_sent).collect();
        let mut chance = Chance(3);
        assert_near(rate_of(&sent, |_| chance.queue(1.0)), ppm, 2.0, "silence suppressed");
        // On hold for a minute: nothing is sent.
        let sent: Vec<Sent> =
            sender(ppm, 300).into_iter().filter(|s| !(100..160).contains(&(s.ts / 8000))).collect();
        assert_near(rate_of(&sent, |_| chance.queue(1.0)), ppm, 2.0, "on hold");
        // Pauses that the stamps do not tell, of 2.7 s each 40 s.
        let paused = |s: Sent| Sent { at_ns: s.at_ns + s.ts / 320_000 * 2700 * MS, ..s };
        let sent: Vec<Sent> = sender(ppm, 400).into_iter().map(paused).collect();
        assert_near(rate_of(&sent, |_| chance.queue(1.0)), ppm, 3.0, "untold pauses");
    }
}

#[test]
fn stamps_that_begin_anew_do_not_change_it() {
    for ppm in RATES {
        for jump in [-900_000, -3000, 3000, 1 << 33] {
            let moved = |s: Sent| Sent { ts: s.ts + if s.ts > 8000 * 90 { jump } else { 0 }, ..s };
            let sent: Vec<Sent> = sender(ppm, 300).into_iter().map(moved).collect();
            let mut chance = Chance(7);
            let got = rate_of(&sent, |_| chance.queue(1.0));
            assert_near(got, ppm, 3.0, &format!("a jump of {jump}"));
        }
    }
}

#[test]
fn of_a_short_or_unsteady_stream_nothing_is_told() {
    for seconds in [1, 5, 20] {
        assert_eq!(rate_of(&sender(50, seconds), |_| 0), None, "{seconds} s");
    }
    let mut chance = Chance(1);
    assert_eq!(rate_of(&sender(50, 40), |_| 200 * MS + chance.queue(60.0)), None, "much jitter");
    // A path that swings by thirty milliseconds in half a minute.
    let swing = |at: i64| ((at as f64 / 5e9).sin() * 15e6) as i64 + 20 * MS;
    assert_eq!(rate_of(&sender(50, 150), swing), None, "a swinging path");
    let mut walk = 50 * MS;
    let wander = |_| {
        walk += ((chance.unit() - 0.5) * 0.4 * MS as f64) as i64;
        walk
    };
    assert_eq!(rate_of(&sender(50, 300), wander), None, "a wandering path");
}

#[test]
fn a_clock_in_another_codec_is_the_same_clock() {
    let mut clock = WireClock::new(8000, 8000);
    for (i, s) in sender(-120, 200).into_iter().enumerate() {
        let is_wide = s.at_ns > 90_000 * MS;
        if is_wide && clock.clock_hz() == 8000 {
            clock.restart(48_000);
        }
        let ts = if is_wide { s.ts * 6 } else { s.ts };
        clock.note(s.at_ns, ts);
        if i % 12 == 0 {
            clock.settle(s.at_ns, ts);
        }
        clock.place(s.at_ns, ts, After::Sound, || std::iter::once((s.at_ns, ts)));
    }
    assert_near(clock.skew().ppm(), -120, 0.2, "PCMA, then Opus");
}

#[test]
fn little_is_remembered() {
    let mut skew = Skew::default();
    for i in 0..40_000 {
        skew.note(i * NS_PER_S, i * 300);
        assert!(skew.points.len() <= MAX_POINTS);
    }
    assert_near(skew.rate().ppm(), 0, 0.35, "eleven hours");
    skew.note(i64::MAX / 4, i64::MIN / 4);
    skew.note(i64::MIN / 4, i64::MAX / 4);
    skew.rate();
}

#[derive(Clone, Copy, Debug)]
enum Queue {
    Even(f64),
    Long(f64),
    Bursts(f64),
    Slow(f64, f64),
}

fn queue() -> impl Strategy<Value = Queue> {
    prop_oneof![
        (0.0..40.0f64).prop_map(Queue::Even),
        (0.0..30.0f64).prop_map(Queue::Long),
        (1.0..80.0f64).prop_map(Queue::Bursts),
        (0.0..15.0f64, 1.0..60.0f64).prop_map(|(ms, s)| Queue::Slow(ms, s)),
        Just(Queue::Even(0.0)),
    ]
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    #[test]
    fn jitter_alone_invents_no_more_than_a_few_ppm(
        seed in any::<u64>(), queue in queue(), ppm in -400i64..400, seconds in 20i64..600,
    ) {
        let mut chance = Chance(seed);
        let (mut backlog, mut last) = (0.0f64, 0);
        let path = |at: i64| match queue {
            Queue::Even(ms) => (chance.unit() * ms * MS as f64) as i64,
            Queue::Long(ms) => chance.queue(ms),
            // A queue that fills up now and then, and empties.
            Queue::Bursts(ms) => {
                backlog = (backlog - (at - last) as f64).max(0.0);
                last = at;
                if chance.unit() < 0.02 {
                    backlog += chance.queue(ms) as f64;
                }
                backlog as i64
            }
            // One that grows and shrinks slowly.
            Queue::Slow(ms, s) => {
                let keep = (-0.02 / s).exp();
                let shock = (chance.unit() + chance.unit() + chance.unit() - 1.5) * 2.0;
                backlog = backlog * keep + (1.0 - keep * keep).sqrt() * ms * shock;
                ((backlog.max(0.0) + chance.unit()) * MS as f64) as i64
            }
        };
        if let Some(got) = rate_of(&sender(ppm, seconds), path) {
            assert!((got - ppm as f64).abs() <= 8.0, "{got} for {ppm} ppm, {queue:?} for {seconds} s");
        }
    }
}
