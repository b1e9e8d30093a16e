//! The WAV writer: a header that is valid after every flush.
//!
//! Owns one audio file from its creation to its hash. Takes interleaved frames
//! already encoded and writes them in blocks; looks at no sample. Must not know
//! of names, sidecars or calls.

mod riff;
#[cfg(test)]
mod tests;

pub use riff::{CHANNELS, WavEncoding, WavInfo, WavSpec, encode as encode_header};

use super::error::{SYNC_AUDIO, StoreError};
use super::files::{Folder, create_outside};
use crate::codec::g711::Law;
use riff::HeaderError;
use ring::digest::{Context, SHA256};
use rustix::fs::{FallocateFlags, fallocate};
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Samples of silence written at once where silence is not zeros.
const SILENT_BLOCK: usize = 4096;

/// Bytes read at once while hashing: what is read is still in the nearest cache when it is hashed.
const HASH_BLOCK: usize = 32 * 1024;

/// A WAV file being written.
///
/// Dropping it leaves the file as the last [`WavWriter::flush`] described it;
/// nothing is finished behind the caller's back.
#[derive(Debug)]
pub struct WavWriter {
    file: File,
    path: PathBuf,
    spec: WavSpec,
    data_bytes: u64,
    header_fresh: bool,
    /// The last frames are a hole that the file's length does not cover yet.
    ends_in_hole: bool,
}

/// A WAV file that is whole and on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedWav {
    /// Samples per channel.
    pub frames: u64,
    /// Length of the file.
    pub bytes: u64,
    /// Of the whole file, lower-case hexadecimal.
    pub sha256_hex: String,
}

impl WavWriter {
    /// Makes a new file in a store, with the header of an empty recording.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where the file exists, or the system refuses.
    pub fn create_in(folder: &Folder, path: &Path, spec: WavSpec) -> Result<WavWriter, StoreError> {
        let file = folder.create(path).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => StoreError::InUse { path: path.to_owned() },
            _ => e,
        })?;
        WavWriter::begin(file, path, spec)
    }

    /// Makes a new file anywhere, for the user of this process alone, with the header of
    /// an empty recording.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where the file exists, or the system refuses.
    pub fn create(path: &Path, spec: WavSpec) -> Result<WavWriter, StoreError> {
        let file = create_outside(path)?;
        WavWriter::begin(file, path, spec)
    }

    fn begin(file: File, path: &Path, spec: WavSpec) -> Result<WavWriter, StoreError> {
        let mut w = WavWriter {
            file,
            path: path.to_owned(),
            spec,
            data_bytes: 0,
            header_fresh: false,
            ends_in_hole: false,
        };
        w.flush()?;
        Ok(w)
    }

    /// Opens a file that a crash left, to go on or to finish it. Its length is
    /// what the file holds, in whole frames, whatever the header says.
    pub fn resume(folder: &Folder, path: &Path) -> Result<WavWriter, StoreError> {
        let file = folder.write(path)?;
        let info = riff::read(&file).map_err(header_error(path))?;
        if info.data_offset != info.spec.header_bytes() as u64 {
            return Err(StoreError::NotWav {
                path: path.to_owned(),
                why: "its header is laid out differently",
            });
        }
        let header_fresh = info.is_sound();
        Ok(WavWriter {
            file,
            path: path.to_owned(),
            spec: info.spec,
            data_bytes: info.held_bytes,
            header_fresh,
            ends_in_hole: false,
        })
    }

    /// Like [`WavWriter::resume`] for a file whose header never reached the
    /// disk: the header is taken to be there, as `spec` lays it out. Fails where
    /// something else is in its place.
    pub fn resume_as(folder: &Folder, path: &Path, spec: WavSpec) -> Result<WavWriter, StoreError> {
        let mut file = folder.write(path)?;
        let len = file.metadata().map_err(StoreError::io("read", path))?.len();
        let mut head = Vec::with_capacity(spec.header_bytes());
        let head_bytes = spec.header_bytes() as u64;
        (&mut file).take(head_bytes).read_to_end(&mut head).map_err(StoreError::io("read", path))?;
        if head.iter().any(|b| *b != 0) {
            return Err(StoreError::NotWav {
                path: path.to_owned(),
                why: "its header is that of something else",
            });
        }
        let room = len.saturating_sub(head_bytes);
        let data_bytes = room - room % spec.frame_bytes() as u64;
        Ok(WavWriter {
            file,
            path: path.to_owned(),
            spec,
            data_bytes,
            header_fresh: false,
            ends_in_hole: false,
        })
    }

    /// Appends interleaved frames (customer, agent), encoded as the spec says.
    /// After an error nothing of the block counts; the next block takes its place.
    pub fn append(&mut self, frames: &[u8]) -> Result<(), StoreError> {
        self.whole(frames, self.spec.frame_bytes())?;
        if frames.is_empty() {
            return Ok(());
        }
        self.header_fresh = false;
        let at = self.offset(self.data_bytes);
        self.file.write_all_at(frames, at).map_err(StoreError::io("write", &self.path))?;
        self.data_bytes += frames.len() as u64;
        self.ends_in_hole = false;
        Ok(())
    }

    /// Appends so many frames of silence. Where silence is zeros nothing is written: the file
    /// gets a hole, which reads as zeros, once something is written behind it or it is flushed.
    /// After an error what was written counts.
    pub fn append_silence(&mut self, frames: u64) -> Result<(), StoreError> {
        if self.spec.encoding.silence_is_zero() {
            self.data_bytes += frames * self.spec.frame_bytes() as u64;
            self.header_fresh &= frames == 0;
            self.ends_in_hole |= frames > 0;
            return Ok(());
        }
        let mut block = Vec::new();
        self.spec.encoding.encode_into(&[0; SILENT_BLOCK], &mut block);
        let mut left = frames;
        while left > 0 {
            let n = left.min((block.len() / self.spec.frame_bytes()) as u64);
            self.append(&block[..n as usize * self.spec.frame_bytes()])?;
            left -= n;
        }
        Ok(())
    }

    /// Replaces samples of one channel (0 the customer, 1 the agent) in frames
    /// already written, from frame `at` on. Returns how many were replaced:
    /// what would lie past the end is left out.
    pub fn patch(&mut self, at: u64, channel: u16, samples: &[u8]) -> Result<u64, StoreError> {
        let width = self.spec.encoding.sample_bytes();
        self.whole(samples, width)?;
        let there = self.frames().saturating_sub(at);
        let count = (samples.len() / width).min(usize::try_from(there).unwrap_or(usize::MAX));
        if count == 0 || channel >= CHANNELS {
            return Ok(0);
        }
        self.cover_hole()?;
        let frame = self.spec.frame_bytes();
        let mut block = vec![0u8; count * frame];
        let offset = self.offset(at * frame as u64);
        self.file.read_exact_at(&mut block, offset).map_err(StoreError::io("read", &self.path))?;
        let side = usize::from(channel) * width;
        for (f, s) in block.chunks_exact_mut(frame).zip(samples.chunks_exact(width)) {
            f[side..side + width].copy_from_slice(s);
        }
        self.file.write_all_at(&block, offset).map_err(StoreError::io("write", &self.path))?;
        Ok(count as u64)
    }

    /// Rewrites the header so that the file plays to here. Not synced.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        if self.header_fresh {
            return Ok(());
        }
        self.cover_hole()?;
        let h = riff::encode(self.spec, self.data_bytes);
        self.file.write_all_at(&h, 0).map_err(StoreError::io("write the header of", &self.path))?;
        self.header_fresh = true;
        Ok(())
    }

    /// Cuts the recording to its first `n` frames; a shorter one stays as it is.
    pub fn truncate_frames(&mut self, n: u64) -> Result<(), StoreError> {
        if n >= self.frames() {
            return Ok(());
        }
        let data_bytes = n * self.spec.frame_bytes() as u64;
        // Length first: a crash in between leaves a header that promises too
        // much, which start-up repairs; the other way round the tail came back.
        self.file.set_len(self.offset(data_bytes)).map_err(StoreError::io("cut", &self.path))?;
        self.data_bytes = data_bytes;
        self.header_fresh = false;
        self.ends_in_hole = false;
        self.flush()
    }

    /// Makes the file as long as what it holds.
    fn cover_hole(&mut self) -> Result<(), StoreError> {
        if self.ends_in_hole {
            let length = self.offset(self.data_bytes);
            self.file.set_len(length).map_err(StoreError::io("lengthen", &self.path))?;
            self.ends_in_hole = false;
        }
        Ok(())
    }

    /// Cuts what a failed write left behind the last frame, writes the final
    /// header, syncs when asked to, and hashes the file as it is on disk.
    ///
    /// After a sync that failed the kernel takes what it could not write for
    /// written: the next sync would succeed, over a file that the disk does not
    /// have. So all of it is given to the kernel once more before this fails, and
    /// whoever syncs next, in this process or another, hears the truth.
    pub fn finish(mut self, sync: bool) -> Result<FinishedWav, StoreError> {
        let bytes = self.offset(self.data_bytes);
        let len = self.file.metadata().map_err(StoreError::io("read", &self.path))?.len();
        if len > bytes {
            self.file.set_len(bytes).map_err(StoreError::io("cut", &self.path))?;
        }
        self.flush()?;
        if sync && let Err(e) = self.file.sync_all() {
            // What cannot be read any more either is lost; the sync told of it.
            let _ = write_again(&self.file, bytes);
            return Err(StoreError::io(SYNC_AUDIO, &self.path)(e));
        }
        let sha256_hex = hash(&self.file).map_err(StoreError::io("read back", &self.path))?;
        Ok(FinishedWav { frames: self.frames(), bytes, sha256_hex })
    }

    /// Frames written so far.
    pub fn frames(&self) -> u64 {
        self.data_bytes / self.spec.frame_bytes() as u64
    }

    /// Rate and encoding.
    pub fn spec(&self) -> WavSpec {
        self.spec
    }

    /// The file was renamed.
    pub(super) fn moved_to(&mut self, path: &Path) {
        self.path = path.to_owned();
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn offset(&self, data_bytes: u64) -> u64 {
        self.spec.header_bytes() as u64 + data_bytes
    }

    fn whole(&self, bytes: &[u8], unit: usize) -> Result<(), StoreError> {
        match bytes.len() % unit {
            0 => Ok(()),
            _ => Err(StoreError::Misaligned { got: bytes.len(), unit }),
        }
    }
}

/// Reads the header of a file.
pub fn read_info(path: &Path) -> Result<WavInfo, StoreError> {
    info_of(&File::open(path).map_err(StoreError::io("open", path))?, path)
}

/// Reads the header of an open file; `path` is for messages.
pub fn info_of(file: &File, path: &Path) -> Result<WavInfo, StoreError> {
    riff::read(file).map_err(header_error(path))
}

/// Samples of `frames` of a file, both channels in turn, decoded.
///
/// # Errors
/// The file cannot be read so far.
pub fn read_samples(file: &File, info: &WavInfo, frames: Range<u64>) -> io::Result<Vec<i16>> {
    let width = info.spec.frame_bytes() as u64;
    let mut bytes = vec![0; (frames.end.saturating_sub(frames.start) * width) as usize];
    file.read_exact_at(&mut bytes, info.data_offset + frames.start * width)?;
    let mut samples = Vec::with_capacity(bytes.len());
    match info.spec.encoding {
        WavEncoding::PcmS16le => {
            samples.extend(bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])));
        }
        WavEncoding::Alaw => Law::A.decode_into(&bytes, &mut samples),
        WavEncoding::Mulaw => Law::Mu.decode_into(&bytes, &mut samples),
    }
    Ok(samples)
}

/// SHA-256 of a whole file, lower-case hexadecimal.
pub fn sha256_hex(path: &Path) -> Result<String, StoreError> {
    sha256_of(&File::open(path).map_err(StoreError::io("open", path))?, path)
}

/// SHA-256 of a whole open file; `path` is for messages.
pub fn sha256_of(file: &File, path: &Path) -> Result<String, StoreError> {
    hash(file).map_err(StoreError::io("read", path))
}

fn header_error(path: &Path) -> impl FnOnce(HeaderError) -> StoreError + use<> {
    let path = path.to_owned();
    move |e| match e {
        HeaderError::Io(source) => StoreError::Io { what: "read", path, source },
        HeaderError::Foreign(why) => StoreError::NotWav { path, why },
    }
}

/// Writes the first `bytes` of a file again, as memory has them, into new blocks:
/// ext4 takes blocks that could not be written for a hole for ever, even where a
/// later write reached them.
fn write_again(file: &File, bytes: u64) -> io::Result<()> {
    let mut block = vec![0u8; HASH_BLOCK];
    let mut at = 0u64;
    while at < bytes {
        let n = usize::try_from(bytes - at).map_or(block.len(), |left| left.min(block.len()));
        file.read_exact_at(&mut block[..n], at)?;
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        // Where there are no holes to punch, writing has to do.
        let _ = fallocate(file, punch, at, block.len() as u64);
        file.write_all_at(&block[..n], at)?;
        at += n as u64;
    }
    Ok(())
}

fn hash(file: &File) -> io::Result<String> {
    let mut h = Context::new(&SHA256);
    let mut block = vec![0u8; HASH_BLOCK];
    let mut at = 0u64;
    loop {
        match file.read_at(&mut block, at) {
            Ok(0) => break,
            Ok(n) => {
                h.update(&block[..n]);
                at += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(hex::encode(h.finish()))
}
