//! What each event counts.

use super::Event;
use crate::config::PauseBy;
use crate::telemetry::label::{CodecLabel, ReloadResult, ThreadRole};
use crate::telemetry::metrics::Metrics;
use std::collections::HashMap;

impl Event<'_> {
    pub(super) fn count(&self, metrics: &Metrics) {
        let (ledger, life) = (metrics.ledger(), &metrics.life);
        match *self {
            Event::CallAnswered(about) => ledger.answered(about.service),
            Event::CallUnrecorded { reason, .. } => increment(&life.unrecorded, reason.index()),
            Event::RecordingParallel => life.parallel.increment(1),
            Event::RecordingCompleted { about, ended_by, complete, one_way, bucket, .. } => {
                ledger.completed(about.service, ended_by, bucket);
                life.one_way.increment(u64::from(one_way));
                life.incomplete.increment(u64::from(!complete));
            }
            Event::RecordingFailed { about, reason } => {
                ledger.failed(about.service, reason);
            }
            Event::MediaFaulty { fault, .. } => increment(&life.media_faults, fault.index()),
            Event::AnnouncementShort { about, .. } => life.by_service.announcement_short(about.service),
            Event::RecordingRecovered(about) => {
                ledger.recovered(about.service);
                life.incomplete.increment(1);
            }
            Event::PauseBegan { by, .. } => increment(&life.pauses, by.index()),
            Event::PauseEnded { by, .. } => {
                // The end of the call comes after those that a pause can be ended by.
                increment(&life.pauses_ended, by.map_or(PauseBy::ALL.len(), PauseBy::index));
            }
            Event::MediaLost { packets, .. } => life.rtp_lost.increment(packets),
            Event::StreamEnded { jitter, .. } => metrics.observe_jitter(jitter),
            Event::MediaUndecodable { codec, .. } => increment_codec(&life.undecodable, codec),
            Event::DecoderLost { fault } => increment(&life.decoder_faults, fault.index()),
            Event::Written { took } => metrics.observe_write(took),
            Event::WriteFailed { .. } => life.write_errors.increment(1),
            Event::ClockState { .. }
            | Event::RetentionDeleted { .. }
            | Event::RetentionFailed { .. }
            | Event::RetentionRefused { .. }
            | Event::RetentionOverdue { .. }
            | Event::RecordingsMissing { .. }
            | Event::UpkeepFailed { .. }
            | Event::WrongOwner { .. }
            | Event::AuditHead { .. }
            | Event::SweepDone { .. }
            | Event::ArchiveState { .. }
            | Event::ConfigTaken { .. }
            | Event::ConfigRefused { .. } => self.count_upkeep(metrics),
            Event::ThreadRestarted { role, .. } => increment_role(&life.thread_restarts, role),
            Event::DecodersFound { .. }
            | Event::LeftoversFound { .. }
            | Event::LeftoverKept { .. }
            | Event::StoreHeld { .. }
            | Event::FilesLimited { .. }
            | Event::ThreadDied { .. }
            | Event::ThreadStuck { .. }
            | Event::ThreadUnstartable { .. }
            | Event::ServerEnded { .. }
            | Event::ThreadLeftBehind
            | Event::DeletedSilent { .. }
            | Event::AuditUnwritten { .. }
            | Event::ThreadBack { .. }
            | Event::Listening { .. }
            | Event::ControlClosed { .. }
            | Event::SiprecRefused { .. }
            | Event::HepRefused { .. }
            | Event::CaptureStarted { .. }
            | Event::CaptureLost { .. }
            | Event::CaptureClosed { .. }
            | Event::KeyLogUnread { .. }
            | Event::CallStep { .. }
            | Event::InodesLow { .. }
            | Event::SpaceLow { .. }
            | Event::FramesDropped { .. }
            | Event::NoSignalling { .. }
            | Event::Unread { .. }
            | Event::TunnelRefused { .. }
            | Event::SipUnreadable { .. }
            | Event::Started { .. }
            | Event::MetricsListening { .. }
            | Event::Stopping { .. }
            | Event::Stopped { .. } => {}
        }
    }

    /// Of the archivist, and of configurations.
    fn count_upkeep(&self, metrics: &Metrics) {
        let life = &metrics.life;
        match *self {
            Event::ClockState { synchronised } => {
                life.clock_synchronised.set(f64::from(u8::from(synchronised)));
            }
            Event::RetentionDeleted { service, .. } => life.by_service.deleted(service),
            Event::RetentionFailed { .. } => life.retention_failed.increment(1),
            Event::RetentionRefused { reason } => {
                life.retention_refused.set(f64::from(u8::from(reason.is_some())));
            }
            Event::RetentionOverdue { recordings } => life.retention_overdue.set(recordings as f64),
            Event::RecordingsMissing { recordings } => life.missing.set(recordings as f64),
            Event::UpkeepFailed { task, .. } => increment(&life.upkeep_failures, task.index()),
            Event::WrongOwner { files } => life.wrong_owner.set(files as f64),
            Event::AuditHead { entry, hash, .. } => metrics.set_audit_head(entry, hash),
            Event::SweepDone { at } => life.last_sweep.set((at.as_ms() / 1000) as f64),
            Event::ArchiveState { trouble } => life.archive_ok.set(f64::from(u8::from(trouble.is_none()))),
            Event::ConfigTaken { at, .. } => {
                increment(&life.reloads, ReloadResult::Taken.index());
                life.last_reload_ok.set(1.0);
                life.last_reload.set((at.as_ms() / 1000) as f64);
            }
            Event::ConfigRefused { .. } => {
                increment(&life.reloads, ReloadResult::Refused.index());
                life.last_reload_ok.set(0.0);
            }
            _ => {}
        }
    }
}

fn increment(counters: &[metrics::Counter], index: usize) {
    if let Some(c) = counters.get(index) {
        c.increment(1);
    }
}

fn increment_role(counters: &HashMap<ThreadRole, metrics::Counter>, role: ThreadRole) {
    if let Some(c) = counters.get(&role) {
        c.increment(1);
    }
}

fn increment_codec(counters: &HashMap<&'static str, metrics::Counter>, codec: CodecLabel) {
    if let Some(c) = counters.get(codec.as_str()) {
        c.increment(1);
    }
}
