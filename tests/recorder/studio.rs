//! A recorder on a wire of the test's.

use crate::common::ladder::Side::Caller;
use crate::common::ladder::{Dialog, Scene};
use crate::common::run::{Recording, recordings};
use crate::common::voice::Voice;
use nauhuri::capture::feed::Listener;
use nauhuri::capture::live::{Drops, FrameSource, LiveError, LiveOptions};
use nauhuri::config::Config;
use nauhuri::daemon::context::Context;
use nauhuri::daemon::crew::Faults;
use nauhuri::daemon::machine_clock::Clock;
use nauhuri::daemon::recorder::{Recorder, StartError};
use nauhuri::daemon::shutdown::StopFlag;
use nauhuri::telemetry::Notifier;
use nauhuri::time::Timestamp;
use nauhuri::wire::{Frame, LinkType};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

type Stamped = (Timestamp, Vec<u8>);
/// A frame, or why there are no more.
type Brought = Result<Stamped, String>;

/// Wires by interface name, until somebody opens them.
fn wires() -> &'static Mutex<HashMap<String, Receiver<Brought>>> {
    static WIRES: OnceLock<Mutex<HashMap<String, Receiver<Brought>>>> = OnceLock::new();
    WIRES.get_or_init(Mutex::default)
}

/// An interface that brings what the test puts on its wire.
pub struct Wire {
    name: String,
    frames: Receiver<Brought>,
    now: Stamped,
}

impl FrameSource for Wire {
    fn open(name: &str, _: &LiveOptions) -> Result<Self, LiveError> {
        let frames = wires().lock().unwrap().remove(name);
        let gone = || LiveError::Failed { name: name.into(), why: "no such wire".into() };
        Ok(Wire { name: name.into(), frames: frames.ok_or_else(gone)?, now: Default::default() })
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, LiveError> {
        let Ok(next) = self.frames.try_recv() else { return Ok(None) };
        self.now = next.map_err(|why| LiveError::Failed { name: self.name.clone(), why })?;
        let (ts, data) = (self.now.0, &self.now.1[..]);
        Ok(Some(Frame { ts, link: LinkType::Ethernet, data, wire_len: data.len() as u32 }))
    }

    /// Each look finds some that a `lossy` wire has dropped.
    fn new_drops(&mut self) -> Drops {
        if self.name == "lossy" { Drops { kernel: 3, interface: 2 } } else { Drops::default() }
    }

    fn wait(_: &[Self], _: Duration) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A configuration for a store below `root`, on the wire of this name.
pub fn config(root: &Path, wire: &str) -> Config {
    let mut config = Config::default();
    config.capture.interface = vec![wire.into()];
    config.storage.dir = root.to_owned();
    config.storage.min_free = 1;
    config.retention.clock = nauhuri::config::ClockTrust::Any;
    config.metrics.listen = "127.0.0.1:0".parse().ok();
    config.agents.extensions = vec!["2000-2999".into()];
    config.limits.workers = 2;
    config.control.socket = Default::default();
    config
}

/// A running recorder.
pub struct Studio {
    pub context: Arc<Context>,
    pub at: SocketAddr,
    wire: Sender<Brought>,
    stop: StopFlag,
    thread: Option<JoinHandle<bool>>,
}

impl Studio {
    pub fn start(config: &Config, clock: Clock, faults: Faults) -> Result<Studio, StartError> {
        Studio::run(config, |recorder, _| recorder.with_clock(clock).with_faults(faults))
    }

    /// Recording what `listener` receives.
    pub fn fed(config: &Config, listener: Arc<dyn Listener>) -> Studio {
        Studio::run(config, |recorder, _| recorder.with_listener(listener)).unwrap()
    }

    /// A recorder that `with` completes before it starts; the flag is what stops it.
    pub fn run(
        config: &Config,
        with: impl FnOnce(Recorder<Wire>, &StopFlag) -> Recorder<Wire>,
    ) -> Result<Studio, StartError> {
        let (wire, frames) = channel();
        if let Some(name) = config.capture.interface.first() {
            wires().lock().unwrap().insert(name.clone(), frames);
        }
        let stop = StopFlag::default();
        let recorder = with(Recorder::prepare(config)?, &stop);
        let (context, at) = (Arc::clone(recorder.context()), recorder.metrics_at().unwrap());
        let asked = stop.clone();
        let (started, is_started) = channel();
        let run = move || {
            let running = recorder.start().unwrap();
            started.send(()).unwrap();
            running.run(&asked, &mut Notifier::from_env())
        };
        let thread = Some(std::thread::spawn(run));
        is_started.recv().unwrap();
        Ok(Studio { context, at, wire, stop, thread })
    }

    pub fn plain(config: &Config) -> Studio {
        Studio::start(config, Clock::machine(), Faults::default()).unwrap()
    }

    /// Status and text of a page; `None` where nobody answers.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut s = TcpStream::connect(self.at).ok()?;
        s.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        write!(s, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
        let mut text = String::new();
        s.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.into()))
    }

    /// A series' value, straight from the registry.
    pub fn metric(&self, series: &str) -> f64 {
        let text = self.context.metrics().render();
        let line = text.lines().find_map(|l| l.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} is not in\n{text}")).parse().unwrap()
    }

    /// Waits until it holds.
    pub fn until(&self, what: &str, seconds: u64, mut holds: impl FnMut(&Studio) -> bool) -> Duration {
        let began = Instant::now();
        while !holds(self) {
            let ready = self.context.outlets.readiness.check(Instant::now());
            assert!(
                began.elapsed() < Duration::from_secs(seconds),
                "{what}: not within {seconds} s; {ready:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        began.elapsed()
    }

    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|t| !t.is_finished())
    }

    /// Puts a scene on the wire at its own pace, stamped now; returns when it is over.
    pub fn play(&self, scene: &Scene) {
        let frames = scene.ordered();
        let (first, began, wall) = (frames[0].0, Instant::now(), Clock::machine().wall());
        for (at, frame) in frames {
            let due = Duration::from_nanos((at - first) as u64);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            // A recorder that has ended takes no more.
            let _ = self.wire.send(Ok((wall + due, frame)));
        }
    }

    /// Puts one frame on the wire, stamped now.
    pub fn put(&self, frame: Vec<u8>) {
        self.wire.send(Ok((Clock::machine().wall(), frame))).unwrap();
    }

    /// The interface fails, and is not there when it is looked for again.
    pub fn fail(&self, why: &str) {
        self.wire.send(Err(why.into())).unwrap();
    }

    /// How it ended, and how long that took. A capture loop that died has not ended well.
    pub fn stop(mut self) -> (bool, Duration) {
        let began = Instant::now();
        self.stop.set();
        let all_well = self.thread.take().unwrap().join().unwrap_or(false);
        (all_well, began.elapsed())
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        self.stop.set();
    }
}

/// Calls of one second, both sides talking, the first answered at once.
pub fn calls(numbers: std::ops::Range<u16>) -> Scene {
    let mut s = Scene::new();
    for n in numbers {
        let (d, at) = (Dialog::new(n), 50.0 + 10.0 * f64::from(n % 50));
        d.answered(&mut s, at - 40.0, at);
        for side in [Caller, Caller.other()] {
            s.media(&Voice::of(&d, side, u64::from(n) + side as u64).talk(at + 5.0, at + 1000.0));
        }
        d.bye(&mut s, at + 1000.0, Caller);
    }
    s
}

/// The recordings of calls that ended by a hang-up, which must be whole.
pub fn whole(root: &Path) -> Vec<Recording> {
    let all = recordings(root).into_iter().filter(|r| r.json["ended_by"] == "customer");
    let all: Vec<_> = all.collect();
    for r in &all {
        assert_eq!(r.json["complete"], true, "{}", r.json);
        assert!(r.customer.len() > 7_000 && r.customer.iter().any(|s| s.abs() > 1000), "{}", r.json);
        assert!(r.agent.iter().any(|s| s.abs() > 1000), "{}", r.json);
    }
    all
}
