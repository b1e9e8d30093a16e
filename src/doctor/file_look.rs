//! The engine over captures, and nothing of it kept.

use super::doctor_facts::{FrameCounts, WireFacts};
use super::wire_observer::WireObserver;
use crate::call::Ending;
use crate::capture::file::FileError;
use crate::capture::merge::Merged;
use crate::capture::tls_files::{TlsFileError, server_keys, whole_key_logs};
use crate::config::Config;
use crate::daemon::shutdown::StopFlag;
use crate::engine::Engine;
use crate::engine::engine_stats::EngineStats;
use crate::time::Timestamp;
use std::path::PathBuf;

/// Frames between two looks at whether somebody asked for an end.
const LOOK_EVERY: u64 = 4096;

/// Why captures could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum FileLookError {
    /// One cannot be read.
    #[error(transparent)]
    Capture(#[from] FileError),
    /// A file that TLS is to be opened with.
    #[error(transparent)]
    Tls(#[from] TlsFileError),
}

/// Runs the engine over captures, in order of their stamps, to their end or until `stop`. `has_decoders`: what
/// libavcodec decodes can be.
///
/// # Errors
/// [`FileLookError`]
pub fn look_at_files(
    config: &Config,
    captures: &[PathBuf],
    has_decoders: bool,
    stop: &StopFlag,
) -> Result<WireFacts, FileLookError> {
    let mut merged = Merged::open(captures)?;
    let (mut engine, mut observer) = (Engine::new(config), WireObserver::new(has_decoders));
    server_keys(&config.tls)?.into_iter().for_each(|key| engine.add_server_key(key));
    whole_key_logs(&config.tls, |piece| engine.handle_key_log(piece, false, &mut observer))?;
    let (mut frames, mut span) = (FrameCounts::default(), None::<(Timestamp, Timestamp)>);
    loop {
        if let Some(log) = merged.take_key_log() {
            engine.handle_key_log(&log, true, &mut observer);
        }
        let Some(frame) = merged.next()? else { break };
        frames.note(&frame, None);
        let (first, last) = span.unwrap_or((frame.ts, frame.ts));
        span = Some((first.min(frame.ts), last.max(frame.ts)));
        engine.handle_frame(&frame, &mut observer);
        if frames.all.is_multiple_of(LOOK_EVERY) && stop.is_set() {
            break;
        }
    }
    engine.finish(Ending::CaptureEnd, &mut observer);
    let seconds = span.map_or(0.0, |(first, last)| last.since_s(first));
    let file_remarks = merged.warnings().to_vec();
    Ok(WireFacts { seconds, frames, file_remarks, ..facts_of(engine.stats(), observer) })
}

/// What engine and observer counted.
pub(super) fn facts_of(mut engine: EngineStats, observer: WireObserver) -> WireFacts {
    let WireObserver { calls, hosts, numbers, streams } = observer;
    let streams = streams.facts();
    engine.super_packets = streams.super_packets;
    WireFacts {
        engine,
        sip_pairs: hosts.sip.list(),
        rtp_pairs: hosts.rtp.list(),
        named_hosts: hosts.named(),
        numbers: numbers.facts(),
        streams,
        calls: calls.facts(),
        ..WireFacts::default()
    }
}
