//! The audio of a copy: whole, cut, or with one party silenced.
//!
//! Works on encoded samples: what is not asked to change is the same bytes.

use super::request::{ExportError, ExportRequest};
use crate::id::Channel;
use crate::store::StoreError;
use crate::store::files::create_outside;
use crate::store::wav::{self, WavInfo, WavWriter};
use crate::time::frames_ns;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Frames copied at once.
const BLOCK: u64 = 16 * 1024;

/// Which part of a file is copied, and how.
#[derive(Clone, Debug)]
pub(super) struct Excerpt {
    info: WavInfo,
    /// First frame.
    pub(super) first: u64,
    /// How many.
    pub(super) frames: u64,
    silence: Option<Channel>,
}

impl Excerpt {
    /// What the order asks of this file.
    pub(super) fn of(source: &File, wav: &Path, order: &ExportRequest) -> Result<Excerpt, ExportError> {
        let info = wav::info_of(source, wav)?;
        let length = info.frames();
        let frame = |s: f64| (s.max(0.0) * f64::from(info.spec.rate)).round().min(length as f64) as u64;
        let first = order.start_s.map_or(0, frame);
        let end = order.end_s.map_or(length, frame);
        Ok(Excerpt { frames: end.saturating_sub(first), first, silence: order.silence, info })
    }

    /// Byte for byte the original.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_part() && self.silence.is_none()
    }

    /// Something is cut off.
    pub(super) fn is_part(&self) -> bool {
        self.first > 0 || self.frames < self.info.frames()
    }

    /// Nanoseconds from the answer.
    pub(super) fn start_ns(&self) -> i64 {
        frames_ns(self.first, self.info.spec.rate.max(1))
    }

    /// Seconds from the answer.
    pub(super) fn start_s(&self) -> f64 {
        self.first as f64 / f64::from(self.info.spec.rate.max(1))
    }

    /// Seconds from the answer.
    pub(super) fn end_s(&self) -> f64 {
        (self.first + self.frames) as f64 / f64::from(self.info.spec.rate.max(1))
    }

    /// The party that is not heard.
    pub(super) fn silence(&self) -> Option<Channel> {
        self.silence
    }

    /// Writes the copy to `to`, synced. `to` must not exist.
    pub(super) fn copy(&self, mut source: File, from: &Path, to: &Path) -> Result<(), StoreError> {
        if self.is_whole() {
            let mut copy = create_outside(to)?;
            io::copy(&mut source, &mut copy).map_err(StoreError::io("copy", from))?;
            return copy.sync_all().map_err(StoreError::io("sync", to));
        }
        let mut writer = WavWriter::create(to, self.info.spec)?;
        let frame_bytes = self.info.spec.frame_bytes();
        let mut block = vec![0; BLOCK as usize * frame_bytes];
        let mut done = 0;
        while done < self.frames {
            let n = BLOCK.min(self.frames - done);
            let bytes = &mut block[..n as usize * frame_bytes];
            let at = self.info.data_offset + (self.first + done) * frame_bytes as u64;
            source.read_exact_at(bytes, at).map_err(StoreError::io("read", from))?;
            self.mute(bytes);
            writer.append(bytes)?;
            done += n;
        }
        writer.finish(true).map(drop)
    }

    fn mute(&self, frames: &mut [u8]) {
        let Some(channel) = self.silence else { return };
        let (encoding, frame) = (self.info.spec.encoding, self.info.spec.frame_bytes());
        let at = channel as usize * encoding.sample_bytes();
        for frame in frames.chunks_exact_mut(frame) {
            frame[at..at + encoding.sample_bytes()].fill(encoding.silence());
        }
    }
}
