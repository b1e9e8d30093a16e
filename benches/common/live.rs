//! The load of a live capture without a network: frames at their own pace into
//! an engine and workers that may not hold it up.

use super::generate::{Codec, Generator, Plan};
use nauhuri::call::Ending;
use nauhuri::config::{Config, Storage};
use nauhuri::daemon::context::Context;
use nauhuri::daemon::counts::MediaCounts;
use nauhuri::daemon::crew::{Crew, Faults};
use nauhuri::daemon::observe::RecordingOutcome;
use nauhuri::daemon::pipeline::{Pipeline, Workshop};
use nauhuri::engine::Engine;
use nauhuri::time::Timestamp;
use nauhuri::wire::{Frame, LinkType};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What came of it.
pub struct Load {
    /// Packets a second that were offered.
    pub per_second: u64,
    /// For how long.
    pub seconds: f64,
    packets: u64,
    dropped: u64,
    worst_lag: Duration,
    recorded: u64,
    calls: u32,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dropped, packets, lag) = (self.dropped, self.packets, self.worst_lag.as_millis());
        let (recorded, calls) = (self.recorded, self.calls);
        write!(
            f,
            "{dropped} of {packets} dropped; {recorded} of {calls} calls recorded; capture at most {lag} ms behind"
        )
    }
}

/// `concurrent` calls at once, one ending as another begins, twice over.
pub fn run(folder: &Path, concurrent: u32, seconds: u32) -> io::Result<Load> {
    let calls = 2 * concurrent;
    let plan = Plan { calls, seconds, codec: Codec::Pcma, ..Plan::default() }.staggered(concurrent);
    let (config, counts) = (Config::default(), Arc::new(MediaCounts::default()));
    let mut config = config;
    config.storage = Storage { dir: folder.join("live"), min_free: 0, ..config.storage };
    let context = Arc::new(Context::recording(&config));
    let recorded = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&recorded);
    let outcome = move |o: RecordingOutcome| {
        count.fetch_add(
            u64::from(matches!(o, RecordingOutcome::Recorded(s) if s.complete)),
            Ordering::Relaxed,
        );
    };
    let zone = jiff::tz::TimeZone::UTC;
    let crew = Crew::new(&context.outlets.metrics, Faults::default());
    let shop = Workshop {
        workers: 1,
        waits: false,
        queue_bytes: config.limits.queue_bytes,
        context: &context,
        timezone: &zone,
        counts: &counts,
        crew: &crew,
    };
    let mut pipeline = Pipeline::start(&shop, outcome)?;
    let mut engine = Engine::new(&config);
    let (mut generator, mut frame) = (Generator::new(plan), Vec::new());
    let (began, mut packets, mut worst_lag, mut passed) = (Instant::now(), 0, Duration::ZERO, Duration::ZERO);
    while let Some(at) = generator.next_frame(&mut frame) {
        packets += 1;
        let due = Duration::from_nanos(at - plan.start_ns);
        if packets % 64 == 0 {
            passed = began.elapsed();
            worst_lag = worst_lag.max(passed.saturating_sub(due));
        }
        if due > passed + Duration::from_millis(1) {
            std::thread::sleep(due - passed);
            passed = began.elapsed();
        }
        let ts = Timestamp::from_ns(at as i64);
        let frame = Frame { ts, link: LinkType::Ethernet, data: &frame, wire_len: frame.len() as u32 };
        engine.handle_frame(&frame, &mut pipeline);
    }
    let seconds = began.elapsed().as_secs_f64();
    let dropped = pipeline.dropped();
    engine.finish(Ending::Shutdown, &mut pipeline);
    if !pipeline.join(|| {}) {
        return Err(io::Error::other("a worker died"));
    }
    let recorded = recorded.load(Ordering::Relaxed);
    let per_second = u64::from(concurrent) * 100;
    Ok(Load { per_second, seconds, packets, dropped, worst_lag, recorded, calls })
}
