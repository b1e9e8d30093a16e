//! What the log says of an event.

use super::{About, Event};
use crate::config::PauseBy;
use crate::telemetry::label::{FailReason, UnreadKind};
use tracing::{debug, info, trace, warn};

impl Event<'_> {
    /// Writes the event's line.
    pub(super) fn log(&self) {
        match *self {
            Event::CallAnswered(..)
            | Event::CallUnrecorded { .. }
            | Event::RecordingParallel
            | Event::RecordingCompleted { .. }
            | Event::RecordingFailed { .. }
            | Event::RecordingRecovered(..)
            | Event::PauseBegan { .. }
            | Event::PauseEnded { .. }
            | Event::MediaFaulty { .. }
            | Event::AnnouncementShort { .. }
            | Event::CallStep { .. } => self.log_call(),
            Event::MediaLost { .. }
            | Event::StreamEnded { .. }
            | Event::MediaUndecodable { .. }
            | Event::DecodersFound { .. }
            | Event::DecoderLost { .. }
            | Event::Written { .. }
            | Event::WriteFailed { .. }
            | Event::InodesLow { .. }
            | Event::SpaceLow { .. } => self.log_media(),
            Event::ThreadDied { .. }
            | Event::ThreadRestarted { .. }
            | Event::ThreadStuck { .. }
            | Event::ThreadUnstartable { .. }
            | Event::ServerEnded { .. }
            | Event::ThreadLeftBehind
            | Event::ThreadBack { .. }
            | Event::LeftoversFound { .. }
            | Event::LeftoverKept { .. }
            | Event::StoreHeld { .. }
            | Event::FilesLimited { .. } => self.log_daemon(),
            Event::UpkeepFailed { .. }
            | Event::DeletedSilent { .. }
            | Event::WrongOwner { .. }
            | Event::AuditHead { .. }
            | Event::AuditUnwritten { .. }
            | Event::SweepDone { .. }
            | Event::ArchiveState { .. }
            | Event::RetentionDeleted { .. }
            | Event::RetentionFailed { .. }
            | Event::RetentionRefused { .. }
            | Event::RecordingsMissing { .. }
            | Event::RetentionOverdue { .. } => self.log_retention(),
            Event::FramesDropped { .. }
            | Event::NoSignalling { .. }
            | Event::Unread { .. }
            | Event::TunnelRefused { .. }
            | Event::SipUnreadable { .. }
            | Event::ClockState { .. }
            | Event::Started { .. }
            | Event::Listening { .. }
            | Event::ControlClosed { .. }
            | Event::ConfigTaken { .. }
            | Event::ConfigRefused { .. }
            | Event::SiprecRefused { .. }
            | Event::HepRefused { .. }
            | Event::CaptureStarted { .. }
            | Event::CaptureLost { .. }
            | Event::CaptureClosed { .. }
            | Event::KeyLogUnread { .. }
            | Event::MetricsListening { .. }
            | Event::Stopping { .. }
            | Event::Stopped { .. } => self.log_recorder(),
        }
    }

    fn log_call(&self) {
        match *self {
            Event::CallAnswered(About { recording, call_group, service }) => {
                info!(%recording, %call_group, service, "recording");
            }
            Event::CallUnrecorded { reason, call } => info!(%reason, call, "call not to be recorded"),
            Event::RecordingParallel => info!("an agent is being recorded in two calls at once"),
            Event::RecordingCompleted { about, ended_by, duration, complete, one_way, bucket, reasons } => {
                let About { recording, call_group, service } = about;
                let duration_s = duration.as_secs_f64();
                info!(
                    %recording, %call_group, service, %ended_by, duration_s, complete, one_way, %bucket, reasons,
                    "recorded"
                );
            }
            Event::MediaFaulty { about: About { recording, call_group, service }, fault, side, since } => {
                let (since_s, meaning) = (since.as_secs_f64(), fault.describe());
                warn!(%recording, %call_group, service, %fault, side, since_s, meaning, "faulty sound");
            }
            Event::AnnouncementShort { about: About { recording, call_group, service }, heard } => {
                let heard_s = heard.as_secs_f64();
                warn!(
                    %recording, %call_group, service, heard_s,
                    "the caller heard less before the agent than announcement_min"
                );
            }
            Event::RecordingFailed { about: About { recording, call_group, service }, reason } => {
                match reason {
                    FailReason::Stray => {
                        info!(%recording, %call_group, service, %reason, "not a call: a fork that lost, or a wait for an agent")
                    }
                    _ => {
                        warn!(%recording, %call_group, service, %reason, "an answered call was NOT recorded")
                    }
                }
            }
            Event::RecordingRecovered(About { recording, call_group, service }) => {
                info!(%recording, %call_group, service, "recording of an earlier run finished");
            }
            Event::PauseBegan { about: About { recording, call_group, service }, by } => {
                info!(%recording, %call_group, service, %by, "recording paused");
            }
            Event::PauseEnded { about, by, length } => {
                let About { recording, call_group, service } = about;
                let paused_s = length.as_secs_f64();
                match by {
                    Some(PauseBy::Limit) => {
                        warn!(%recording, %call_group, service, paused_s, "recording resumed automatically after pause.limit")
                    }
                    None => {
                        info!(%recording, %call_group, service, paused_s, "the call ended while its recording was paused")
                    }
                    Some(by) => info!(%recording, %call_group, service, %by, paused_s, "recording resumed"),
                }
            }
            Event::CallStep { about: About { recording, call_group, service }, kind } => {
                info!(%recording, %call_group, service, kind, "call event");
            }
            _ => {}
        }
    }

    fn log_media(&self) {
        match *self {
            Event::MediaLost { recording, packets } => {
                debug!(%recording, packets, "RTP lost before the recorder")
            }
            Event::StreamEnded { recording, codec, jitter } => {
                debug!(%recording, %codec, jitter_ms = jitter.as_secs_f64() * 1e3, "stream ended");
            }
            Event::MediaUndecodable { recording, codec } => {
                warn!(%recording, %codec, "payload cannot be decoded, silence recorded");
            }
            Event::DecodersFound { version: 0 } => {
                warn!("libavcodec is not installed: its codecs are silent; see docs/codecs.md");
            }
            Event::DecodersFound { version } => {
                let version = format!("{}.{}.{}", version >> 16, version >> 8 & 0xFF, version & 0xFF);
                info!(version, "libavcodec is used, in a separate process");
            }
            Event::DecoderLost { fault } => {
                warn!(%fault, meaning = fault.describe(), "sound could not be decoded");
            }
            Event::Written { took } => trace!(took_us = took.as_micros() as u64, "written"),
            Event::WriteFailed { recording: Some(recording), fault } => {
                warn!(%recording, reason = %fault, "write to storage failed");
            }
            Event::WriteFailed { recording: None, fault } => {
                warn!(reason = %fault, "write to storage failed")
            }
            Event::InodesLow { free } => {
                warn!(inodes_free = free, "the storage is out of inodes: hardly any file can be created");
            }
            Event::SpaceLow { free, min_free } => {
                warn!(free, min_free, "less space is free than storage.min_free");
            }
            _ => {}
        }
    }

    fn log_retention(&self) {
        match *self {
            Event::RetentionDeleted { recording, service } => {
                info!(%recording, service, "deleted: retention ended");
            }
            Event::RetentionFailed { recording, reason } => {
                warn!(%recording, reason, "due, but could not be deleted");
            }
            Event::UpkeepFailed { task, reason } => {
                warn!(%task, reason, meaning = task.describe(), "upkeep failed; will retry");
            }
            Event::DeletedSilent { recordings } => {
                warn!(recordings, "deleted without audio: none was found under their names");
            }
            Event::WrongOwner { files: 0 } => debug!("owners and modes are right"),
            Event::WrongOwner { files } => {
                warn!(files, "not the service's, or open to others: `nauhuri repair` mends them");
            }
            Event::AuditHead { entry, hash, key } => {
                info!(entry, hash, key, "newest entry of the audit log");
            }
            Event::AuditUnwritten { reason } => warn!(reason, "the audit log cannot be written"),
            Event::SweepDone { .. } => debug!("sweep finished"),
            Event::ArchiveState { trouble: Some(reason) } => {
                warn!(reason, "index, audit log or sweep failed; will retry");
            }
            Event::ArchiveState { trouble: None } => debug!("the archive is kept up"),
            Event::RetentionRefused { reason: Some(reason) } => {
                warn!(reason, "the sweep deletes nothing; see nauhuri expire --dry-run");
            }
            Event::RetentionRefused { reason: None } => debug!("deletion is allowed"),
            Event::RecordingsMissing { recordings: 0 } => debug!("nothing is missing"),
            Event::RecordingsMissing { recordings } => {
                warn!(
                    recordings,
                    "files of recordings are gone although nobody deleted them; see nauhuri verify"
                );
            }
            Event::RetentionOverdue { recordings: 0 } => debug!("nothing is overdue"),
            Event::RetentionOverdue { recordings } => {
                warn!(recordings, "recordings are kept beyond their retention");
            }
            _ => {}
        }
    }

    fn log_recorder(&self) {
        match *self {
            Event::FramesDropped { interface, kernel, by_interface } => {
                warn!(interface, kernel, by_interface, "frames dropped: audio may be missing");
            }
            Event::NoSignalling { waited } => {
                let waited_s = waited.as_secs();
                warn!(
                    waited_s,
                    "no SIP seen: are capture.interface (or hep.listen, siprec.listen), sip.ports and the mirror port right?"
                );
            }
            Event::Unread { what, number, count } => {
                let (meaning, remedy) = (what.describe(), what.remedy());
                match what {
                    UnreadKind::SuperPacket => warn!(%what, count, meaning, remedy, "split"),
                    _ => warn!(%what, number, count, meaning, remedy, "not read"),
                }
            }
            Event::TunnelRefused { kind, sender, count } => {
                warn!(kind, sender, count, remedy = UnreadKind::Tunnel.remedy(), "tunnel not opened");
            }
            Event::SipUnreadable { reason, count, last: Some((transport, from, to)) } => {
                debug!(reason, count, transport, %from, %to, "no SIP message");
            }
            Event::SipUnreadable { reason, count, last: None } => debug!(reason, count, "no SIP message"),
            Event::ClockState { synchronised: true } => debug!("clock is synchronised"),
            Event::ClockState { synchronised: false } => warn!("clock is not synchronised"),
            Event::Started { version } => info!(version, "started"),
            Event::Listening { listener } => info!(listener, "receiving"),
            Event::ControlClosed { reason } => {
                warn!(
                    reason,
                    "no command reaches this recorder (nauhuri calls, nauhuri pause, nauhuri reload)"
                );
            }
            Event::ConfigTaken { keys: "", .. } => info!("configuration read again: nothing has changed"),
            Event::ConfigTaken { keys, .. } => info!(keys, "new configuration in force"),
            Event::ConfigRefused { reason } => {
                warn!(reason, "new configuration refused: the one before stays in force");
            }
            Event::SiprecRefused { reason, client, count } => {
                let meaning = reason.describe();
                warn!(%reason, client, count, meaning, "SIPREC request rejected");
            }
            Event::HepRefused { reason, sender, count } => {
                let meaning = reason.describe();
                warn!(%reason, sender, count, meaning, "HEP packet rejected");
            }
            Event::CaptureStarted { interface } => info!(interface, "capturing"),
            Event::CaptureLost { interface, reason } => warn!(interface, reason, "capture lost"),
            Event::CaptureClosed { interface, reason } => {
                warn!(interface, reason, "the interface cannot be reopened yet");
            }
            Event::KeyLogUnread { file, reason } => {
                warn!(file, reason, "the key log cannot be read; calls over TLS are not seen until it can");
            }
            Event::MetricsListening { addr } => info!(%addr, "metrics served"),
            Event::Stopping { active } => info!(active, "stopping: finishing open recordings"),
            Event::Stopped { unfinished: 0 } => info!("stopped"),
            Event::Stopped { unfinished } => {
                warn!(unfinished, "stopped; the rest is recovered at the next start");
            }
            _ => {}
        }
    }

    fn log_daemon(&self) {
        match *self {
            Event::ThreadDied { thread } => warn!(thread, "a thread of the recorder died"),
            Event::ThreadRestarted { thread, .. } => warn!(thread, "started again"),
            Event::ThreadUnstartable { thread, reason } => {
                warn!(thread, %reason, "cannot be started again yet");
            }
            Event::ServerEnded { server, reason } => warn!(server, %reason, "does not answer any more"),
            Event::ThreadLeftBehind => warn!("a thread is stuck and is left behind"),
            Event::ThreadStuck { thread, silent } => {
                let silent_s = silent.as_secs();
                warn!(thread, silent_s, "a thread of the recorder is stuck");
            }
            Event::ThreadBack { thread } => info!(thread, "no longer stuck"),
            Event::LeftoversFound { recordings: 0 } => debug!("nothing was left unfinished"),
            Event::LeftoversFound { recordings } => {
                info!(
                    recordings,
                    "recordings were left unfinished by an earlier run; finishing them while recording"
                );
            }
            Event::LeftoverKept { reason } => warn!(reason, "a leftover in the store was not touched"),
            Event::StoreHeld { waited } => {
                let waited_s = waited.as_secs();
                warn!(
                    waited_s,
                    "waiting for a nauhuri command that edits the store (hold, erase, expire ...); is one stopped?"
                );
            }
            Event::FilesLimited { limit, recordings } => {
                warn!(
                    limit,
                    recordings,
                    "the limit of open files is low: about so many recordings at once (ulimit -Hn, LimitNOFILE=)"
                );
            }
            _ => {}
        }
    }
}
