//! What there is of a call that has no file yet: silence, then perhaps a little sound.

use crate::store::wav::{CHANNELS, WavSpec};

/// With so many bytes of sound it is no matter of one packet any more.
const MUCH: usize = 16 * 1024;

/// Frames kept in memory.
#[derive(Debug)]
pub(super) struct HeldFrames {
    /// The file that they will be in.
    pub spec: WavSpec,
    /// Frames of silence first,
    pub silence: u64,
    /// then these, encoded,
    pub sound: Vec<u8>,
    /// then silence again.
    pub silence_after: u64,
}

impl HeldFrames {
    /// Nothing yet.
    pub fn new(spec: WavSpec) -> HeldFrames {
        HeldFrames { spec, silence: 0, sound: Vec::new(), silence_after: 0 }
    }

    /// All of it; nothing is left.
    pub fn take(&mut self) -> HeldFrames {
        std::mem::replace(self, HeldFrames::new(self.spec))
    }

    /// More of it; false, and nothing is kept, where sound comes back after a silence.
    pub fn append(&mut self, frames: &[i16]) -> bool {
        let is_silent = frames.iter().all(|s| *s == 0);
        let silence = match (is_silent, self.sound.is_empty()) {
            (true, true) => &mut self.silence,
            (true, false) => &mut self.silence_after,
            (false, _) if self.silence_after > 0 => return false,
            (false, _) => {
                self.spec.encoding.encode_into(frames, &mut self.sound);
                return true;
            }
        };
        *silence += frames.len() as u64 / u64::from(CHANNELS);
        true
    }

    /// Takes back what lies behind so many frames.
    pub fn truncate(&mut self, frames: u64) {
        let sound = frames.saturating_sub(self.silence);
        self.silence_after = self.silence_after.min(sound.saturating_sub(self.sound_frames()));
        let sound = sound.saturating_mul(self.spec.frame_bytes() as u64);
        self.sound.truncate(usize::try_from(sound).unwrap_or(usize::MAX));
        self.silence = self.silence.min(frames);
    }

    /// Anything but silence came.
    pub fn has_sound(&self) -> bool {
        !self.sound.is_empty()
    }

    /// More than may be kept.
    pub fn is_much(&self) -> bool {
        self.sound.len() > MUCH
    }

    /// How many frames.
    pub fn frames(&self) -> u64 {
        self.silence + self.sound_frames() + self.silence_after
    }

    fn sound_frames(&self) -> u64 {
        (self.sound.len() / self.spec.frame_bytes()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::wav::WavEncoding;

    #[test]
    fn silence_is_counted_and_sound_is_kept() {
        let mut held = HeldFrames::new(WavSpec { rate: 8000, encoding: WavEncoding::PcmS16le });
        assert!(held.append(&[0; 320]));
        assert!(!held.has_sound() && held.frames() == 160 && held.sound.capacity() == 0);
        assert!(held.append(&[0, 7, 0, 0]) && held.append(&[8; 4]) && held.append(&[0; 40]));
        assert_eq!((held.silence, held.sound.len(), held.silence_after, held.frames()), (160, 16, 20, 184));
        assert!(!held.append(&[1; 2]) && held.frames() == 184);
        held.truncate(170);
        assert_eq!((held.silence_after, held.frames()), (6, 170));
        held.truncate(161);
        assert_eq!((held.silence, &held.sound[..], held.silence_after), (160, &[0, 0, 7, 0][..], 0));
        held.truncate(100);
        assert_eq!((held.silence, held.has_sound(), held.frames()), (100, false, 100));
    }
}
