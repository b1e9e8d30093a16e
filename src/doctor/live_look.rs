//! The engine over interfaces for a while, and nothing of it kept.

use super::doctor_facts::{FilterFacts, FrameCounts, InterfaceFacts, WireFacts};
use super::file_look::facts_of;
use super::wire_observer::WireObserver;
use crate::call::Ending;
use crate::capture::live::{FrameSource, LiveError, LiveOptions, LiveSource};
use crate::capture::tls_files::{KeyLogs, TlsFileError, server_keys};
use crate::config::Config;
use crate::daemon::capture_loop::live_options;
use crate::daemon::housekeeping::links_down;
use crate::daemon::machine_clock::Clock;
use crate::daemon::shutdown::StopFlag;
use crate::engine::Engine;
use std::time::{Duration, Instant};

/// Frames taken from one interface before the next is looked at.
const BURST: usize = 1024;
/// Longest wait for frames.
const WAIT: Duration = Duration::from_millis(50);
/// How far the capture clock follows behind the machine's while no frame comes: the kernel may hold older ones.
const RING_DELAY: Duration = Duration::from_millis(300);
/// The ring of what is listened to without the filter, beside what the recorder would hear, MiB.
const UNFILTERED_MIB: u32 = 32;

/// Why interfaces could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LiveLookError {
    /// There is no such interface, or the filter is wrong: the command line or the configuration is.
    #[error(transparent)]
    Capture(#[from] LiveError),
    /// A file that TLS is to be opened with.
    #[error(transparent)]
    Tls(#[from] TlsFileError),
}

/// How long to listen, and with what.
pub struct LiveLook<'a> {
    /// At most so long.
    pub at_most: Duration,
    /// Or until this is set.
    pub stop: &'a StopFlag,
    /// What libavcodec decodes can be.
    pub has_decoders: bool,
}

/// One interface as the recorder would capture it.
struct Tapped {
    source: Option<LiveSource>,
    facts: InterfaceFacts,
    /// This host's address on it.
    address: Option<[u8; 6]>,
}

/// The same interfaces, with everything passing.
struct Unfiltered {
    sources: Vec<LiveSource>,
    engine: Engine,
    observer: WireObserver,
    frames: FrameCounts,
}

/// Runs the engine over `capture.interface`.
///
/// # Errors
/// [`LiveLookError`]. That an interface is down, or this user may not capture, is no error: it is what is
/// looked for.
pub fn look_at_interfaces(config: &Config, look: &LiveLook<'_>) -> Result<WireFacts, LiveLookError> {
    let options = live_options(config);
    let names = &config.capture.interface;
    let mut tapped: Vec<Tapped> =
        names.iter().map(|n| Tapped::open(n, &options)).collect::<Result<_, _>>()?;
    let mut unfiltered = Unfiltered::open(config, &options);
    let (mut engine, mut observer) = (Engine::new(config), WireObserver::new(look.has_decoders));
    server_keys(&config.tls)?.into_iter().for_each(|key| engine.add_server_key(key));
    let (mut key_logs, clock, began) = (KeyLogs::of(&config.tls), Clock::machine(), Instant::now());
    while began.elapsed() < look.at_most && !look.stop.is_set() && tapped.iter().any(|t| t.source.is_some()) {
        key_logs.look(
            Instant::now(),
            |piece| engine.handle_key_log(piece, false, &mut observer),
            // A file that cannot be read opens nothing: what stays closed is told.
            |_, _| (),
        );
        let mut is_busy = unfiltered.as_mut().is_some_and(Unfiltered::take);
        for tap in &mut tapped {
            is_busy |= tap.take(&mut engine, &mut observer);
        }
        engine.handle_timeout(clock.wall() - RING_DELAY, &mut observer);
        if !is_busy {
            wait(&tapped);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    engine.finish(Ending::Shutdown, &mut observer);
    let mut facts = WireFacts { is_live: true, seconds, ..facts_of(engine.stats(), observer) };
    facts.without_filter = unfiltered.map(Unfiltered::facts);
    for mut tap in tapped {
        tap.count_drops();
        facts.frames.add(&tap.facts.frames);
        facts.interfaces.push(tap.facts);
    }
    Ok(facts)
}

fn wait(tapped: &[Tapped]) {
    // One of several is enough: the others are looked at as well.
    match tapped.iter().find_map(|t| t.source.as_ref()) {
        Some(source) if tapped.len() == 1 => LiveSource::wait(std::slice::from_ref(source), WAIT),
        _ => std::thread::sleep(WAIT / 10),
    }
}

impl Tapped {
    fn open(name: &str, options: &LiveOptions) -> Result<Tapped, LiveError> {
        let address = address_of(name);
        let facts = InterfaceFacts {
            name: name.to_owned(),
            has_no_link: !links_down(&[name.to_owned()]).is_empty(),
            has_address: address.is_some(),
            ..InterfaceFacts::default()
        };
        match LiveSource::open(name, options) {
            Ok(source) => Ok(Tapped { source: Some(source), facts, address }),
            Err(e @ (LiveError::NoSuchInterface { .. } | LiveError::Filter { .. })) => Err(e),
            Err(e) => {
                Ok(Tapped { source: None, facts: InterfaceFacts { trouble: Some(e), ..facts }, address })
            }
        }
    }

    /// Takes what waits, a burst at most; false when there was nothing.
    fn take(&mut self, engine: &mut Engine, observer: &mut WireObserver) -> bool {
        let Some(source) = &mut self.source else { return false };
        for n in 0..BURST {
            match source.next_frame() {
                Ok(Some(frame)) => {
                    self.facts.frames.note(&frame, self.address);
                    engine.handle_frame(&frame, observer);
                }
                Ok(None) => return n > 0,
                Err(e) => {
                    self.count_drops();
                    (self.source, self.facts.trouble) = (None, Some(e));
                    return false;
                }
            }
        }
        true
    }

    fn count_drops(&mut self) {
        let new = self.source.as_mut().map(FrameSource::new_drops).unwrap_or_default();
        self.facts.drops.kernel += new.kernel;
        self.facts.drops.interface += new.interface;
    }
}

impl Unfiltered {
    /// `None` where there is no filter, or no second look to be had.
    fn open(config: &Config, options: &LiveOptions) -> Option<Unfiltered> {
        if options.filter.trim().is_empty() {
            return None;
        }
        let buffer_mib = options.buffer_mib.min(UNFILTERED_MIB);
        let all = LiveOptions { filter: String::new(), buffer_mib, ..options.clone() };
        let sources = config.capture.interface.iter().map(|n| LiveSource::open(n, &all));
        let sources = sources.collect::<Result<_, _>>().ok()?;
        let (engine, observer) = (Engine::new(config), WireObserver::new(false));
        Some(Unfiltered { sources, engine, observer, frames: FrameCounts::default() })
    }

    fn take(&mut self) -> bool {
        let mut is_busy = false;
        for source in &mut self.sources {
            for _ in 0..BURST {
                // An interface that failed is told of by the other look.
                let Ok(Some(frame)) = source.next_frame() else { break };
                is_busy = true;
                self.frames.note(&frame, None);
                self.engine.handle_frame(&frame, &mut self.observer);
            }
        }
        is_busy
    }

    fn facts(mut self) -> FilterFacts {
        self.engine.finish(Ending::Shutdown, &mut self.observer);
        let facts = facts_of(self.engine.stats(), self.observer);
        let rtp = facts.streams.packets + facts.streams.copies;
        FilterFacts { sip: facts.engine.sip_messages(), rtp, frames: self.frames }
    }
}

/// This host's Ethernet address on an interface; `None` where it has none (`lo`, `any`).
fn address_of(name: &str) -> Option<[u8; 6]> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/address")).ok()?;
    let bytes: Vec<u8> =
        text.trim().split(':').map(|b| u8::from_str_radix(b, 16)).collect::<Result<_, _>>().ok()?;
    <[u8; 6]>::try_from(bytes).ok().filter(|address| *address != [0; 6])
}
