//! The core alone: engine, tapes, readers and store, under divan.
//!
//! `cargo bench --bench core`; items a second are packets, messages or recordings.

#[allow(dead_code, reason = "shared; each bench needs a part of it")]
#[path = "common/generate.rs"]
mod generate;
#[allow(dead_code, reason = "shared; each bench needs a part of it")]
#[path = "common/work.rs"]
mod work;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use generate::Codec;
use nauhuri::config::Config;
use std::sync::atomic::{AtomicU64, Ordering};
use work::Frames;

fn main() {
    divan::main();
}

/// Concurrent calls, ten seconds each: one second of them does not fit the cache.
#[divan::bench(args = [10, 1000], sample_count = 10, sample_size = 1)]
fn engine(bencher: Bencher, calls: u32) {
    let frames = Frames::of(work::plan(calls, 2_000 / calls.max(200), Codec::Pcma), |_| true);
    let config = Config::default();
    bencher
        .counter(ItemsCount::new(frames.len()))
        .bench_local(|| work::engine(black_box(&config), black_box(&frames)).media);
}

#[divan::bench(args = [Codec::Pcma, Codec::Pcmu, Codec::G722], sample_count = 10, sample_size = 1)]
fn tape(bencher: Bencher, codec: Codec) {
    let plan = work::plan(100, 10, codec);
    let frames = Frames::of(plan, work::is_rtp);
    bencher.counter(ItemsCount::new(frames.len())).bench_local(|| work::tapes(plan, black_box(&frames)));
}

#[divan::bench]
fn sip_invite_with_sdp(bencher: Bencher) {
    let message = work::invite();
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| work::parse(black_box(&message)));
}

/// A recording of a minute from opening to closing, its hash included, without syncs.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn store_minute(bencher: Bencher) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let next = AtomicU64::new(0);
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        let n = next.fetch_add(1, Ordering::Relaxed);
        work::store(folder.path(), n, 60, false).is_some()
    });
}
