//! The RIFF/WAVE header: laid out once, rewritten in place, read back.
//!
//! ```text
//!  0  "RIFF" size "WAVE"                         "RF64" 0xFFFFFFFF "WAVE"
//! 12  "JUNK" 28  28 bytes of zero                "ds64" 28 riff64 data64 frames64 0
//! 48  "fmt " 16 | 18 (A-law, mu-law: cbSize 0)
//!     "fact" 4 frames (A-law, mu-law only)       0xFFFFFFFF
//!     "data" size                                0xFFFFFFFF
//! ```
//!
//! The right column is the same file beyond 4 GiB (EBU Tech 3306, RF64): no
//! byte of audio moves when the one becomes the other. Tags are those of
//! RFC 2361. Two channels make every frame 2 or 4 bytes, so the data chunk is
//! always even and needs no padding byte. Must not know of names or sidecars.

use crate::codec::g711::Law;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Left the customer, right the agent.
pub const CHANNELS: u16 = 2;

/// The longest header this module writes.
pub const MAX_HEADER: usize = 94;

/// Chunks looked at before a file is called foreign.
const MAX_CHUNKS: usize = 64;

/// RIFF's 32-bit sizes hold this value where the size is in `ds64`.
const SIZE_ELSEWHERE: u32 = u32::MAX;

/// How a sample is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WavEncoding {
    /// 16-bit linear, little-endian; format tag 1.
    #[serde(rename = "pcm_s16le")]
    PcmS16le,
    /// G.711 A-law; format tag 6.
    Alaw,
    /// G.711 mu-law; format tag 7.
    Mulaw,
}

impl WavEncoding {
    /// All of them.
    pub const ALL: [WavEncoding; 3] = [WavEncoding::PcmS16le, WavEncoding::Alaw, WavEncoding::Mulaw];

    /// The name in `audio.encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            WavEncoding::PcmS16le => "pcm_s16le",
            WavEncoding::Alaw => "alaw",
            WavEncoding::Mulaw => "mulaw",
        }
    }

    /// Appends samples as they stand in the file.
    pub fn encode_into(self, samples: &[i16], out: &mut Vec<u8>) {
        match self {
            WavEncoding::PcmS16le => {
                out.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
            }
            WavEncoding::Alaw => Law::A.encode_into(samples, out),
            WavEncoding::Mulaw => Law::Mu.encode_into(samples, out),
        }
    }

    /// Bytes in one sample of one channel.
    pub const fn sample_bytes(self) -> usize {
        match self {
            WavEncoding::PcmS16le => 2,
            WavEncoding::Alaw | WavEncoding::Mulaw => 1,
        }
    }

    /// Silence is what a hole in a file reads as.
    pub const fn silence_is_zero(self) -> bool {
        self.silence() == 0
    }

    /// The byte digital silence is made of.
    pub const fn silence(self) -> u8 {
        match self {
            WavEncoding::PcmS16le => 0,
            // Positive zero after the even-bit inversion of G.711 table 1a.
            WavEncoding::Alaw => 0xD5,
            WavEncoding::Mulaw => 0xFF,
        }
    }

    const fn tag(self) -> u16 {
        match self {
            WavEncoding::PcmS16le => 1,
            WavEncoding::Alaw => 6,
            WavEncoding::Mulaw => 7,
        }
    }

    fn from_tag(tag: u16) -> Option<WavEncoding> {
        WavEncoding::ALL.into_iter().find(|e| e.tag() == tag)
    }
}

/// What a header says of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WavSpec {
    /// Frames per second.
    pub rate: u32,
    /// How samples are stored.
    pub encoding: WavEncoding,
}

impl WavSpec {
    /// Bytes in one frame: a sample of each channel.
    pub const fn frame_bytes(self) -> usize {
        self.encoding.sample_bytes() * CHANNELS as usize
    }

    /// Where the samples begin.
    pub const fn header_bytes(self) -> usize {
        match self.encoding {
            WavEncoding::PcmS16le => 80,
            WavEncoding::Alaw | WavEncoding::Mulaw => MAX_HEADER,
        }
    }
}

/// The header of a file with `data_bytes` of samples, `spec.header_bytes()` long.
pub fn encode(spec: WavSpec, data_bytes: u64) -> Vec<u8> {
    let riff_bytes = data_bytes.saturating_add(spec.header_bytes() as u64 - 8);
    let frames = data_bytes / spec.frame_bytes() as u64;
    let sample_bytes = spec.encoding.sample_bytes() as u32;
    let frame_bytes = spec.frame_bytes() as u32;
    // RIFF holds the larger size of the two, so it decides alone.
    let riff32 = u32::try_from(riff_bytes).ok().filter(|n| *n != SIZE_ELSEWHERE);
    let wide = riff32.is_none();
    let size32 = |n: u64| if wide { SIZE_ELSEWHERE } else { n as u32 };

    let mut h = Vec::with_capacity(MAX_HEADER);
    h.extend_from_slice(if wide { b"RF64" } else { b"RIFF" });
    h.extend_from_slice(&size32(riff_bytes).to_le_bytes());
    h.extend_from_slice(b"WAVE");
    h.extend_from_slice(if wide { b"ds64" } else { b"JUNK" });
    h.extend_from_slice(&28u32.to_le_bytes());
    for n in [riff_bytes, data_bytes, frames] {
        h.extend_from_slice(&if wide { n } else { 0 }.to_le_bytes());
    }
    h.extend_from_slice(&0u32.to_le_bytes());

    let pcm = spec.encoding == WavEncoding::PcmS16le;
    h.extend_from_slice(b"fmt ");
    h.extend_from_slice(&if pcm { 16u32 } else { 18 }.to_le_bytes());
    h.extend_from_slice(&spec.encoding.tag().to_le_bytes());
    h.extend_from_slice(&CHANNELS.to_le_bytes());
    h.extend_from_slice(&spec.rate.to_le_bytes());
    h.extend_from_slice(&spec.rate.saturating_mul(frame_bytes).to_le_bytes());
    h.extend_from_slice(&(frame_bytes as u16).to_le_bytes());
    h.extend_from_slice(&(sample_bytes as u16 * 8).to_le_bytes());
    if !pcm {
        h.extend_from_slice(&0u16.to_le_bytes());
        h.extend_from_slice(b"fact");
        h.extend_from_slice(&4u32.to_le_bytes());
        h.extend_from_slice(&size32(frames).to_le_bytes());
    }
    h.extend_from_slice(b"data");
    h.extend_from_slice(&size32(data_bytes).to_le_bytes());
    debug_assert_eq!(h.len(), spec.header_bytes());
    h
}

/// A header as read from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WavInfo {
    /// Rate and encoding.
    pub spec: WavSpec,
    /// Where the samples begin.
    pub data_offset: u64,
    /// Bytes of samples the header speaks of; `None` where it says 0 or
    /// "elsewhere" without a `ds64`, as writers leave it that never closed.
    pub declared_bytes: Option<u64>,
    /// Bytes of samples the file holds, whole frames only.
    pub held_bytes: u64,
    /// Length of the file.
    pub file_bytes: u64,
    /// RF64.
    pub wide: bool,
}

impl WavInfo {
    /// Frames in the file, whatever its header says.
    pub fn frames(&self) -> u64 {
        self.held_bytes / self.spec.frame_bytes() as u64
    }

    /// Header and length of the file agree.
    pub fn is_sound(&self) -> bool {
        self.declared_bytes.unwrap_or(0) == self.held_bytes
            && self.data_offset + self.held_bytes == self.file_bytes
    }
}

/// Why a header could not be read.
#[derive(Debug)]
pub enum HeaderError {
    /// The file could not be read.
    Io(io::Error),
    /// The file was read and is not one of ours.
    Foreign(&'static str),
}

impl From<io::Error> for HeaderError {
    fn from(e: io::Error) -> Self {
        HeaderError::Io(e)
    }
}

/// Reads a header of two channels in one of our encodings, whichever chunks
/// stand before `data`. Nothing of the samples is read.
pub fn read(file: &File) -> Result<WavInfo, HeaderError> {
    let file_bytes = file.metadata()?.len();
    let mut riff = [0u8; 12];
    read_at(file, &mut riff, 0)?;
    let wide = match (&riff[..4], &riff[8..]) {
        (b"RIFF", b"WAVE") => false,
        (b"RF64", b"WAVE") => true,
        _ => return Err(HeaderError::Foreign("no RIFF or RF64 header")),
    };
    let mut spec = None;
    let mut data64 = None;
    let mut at = 12u64;
    for _ in 0..MAX_CHUNKS {
        let mut head = [0u8; 8];
        read_at(file, &mut head, at)?;
        let size = u32_at(&head, 4);
        at += 8;
        match &head[..4] {
            b"ds64" => {
                let mut body = [0u8; 24];
                read_at(file, &mut body, at)?;
                data64 = Some(u64_at(&body, 8));
            }
            b"fmt " => spec = Some(read_fmt(file, at, size)?),
            b"data" => {
                let spec = spec.ok_or(HeaderError::Foreign("no fmt chunk before the data"))?;
                let declared_bytes = match size {
                    0 => None,
                    SIZE_ELSEWHERE => data64.filter(|n| wide && *n != 0),
                    n => Some(u64::from(n)),
                };
                let room = file_bytes.saturating_sub(at);
                let held_bytes = room - room % spec.frame_bytes() as u64;
                return Ok(WavInfo { spec, data_offset: at, declared_bytes, held_bytes, file_bytes, wide });
            }
            _ => {}
        }
        // Chunks are padded to even lengths.
        at += u64::from(size) + u64::from(size & 1);
    }
    Err(HeaderError::Foreign("no data chunk"))
}

fn read_fmt(file: &File, at: u64, size: u32) -> Result<WavSpec, HeaderError> {
    if size < 16 {
        return Err(HeaderError::Foreign("fmt chunk too short"));
    }
    let mut b = [0u8; 16];
    read_at(file, &mut b, at)?;
    let encoding = WavEncoding::from_tag(u16_at(&b, 0))
        .ok_or(HeaderError::Foreign("neither PCM nor A-law nor mu-law"))?;
    let spec = WavSpec { rate: u32_at(&b, 4), encoding };
    if u16_at(&b, 2) != CHANNELS {
        return Err(HeaderError::Foreign("not two channels"));
    }
    if usize::from(u16_at(&b, 14)) != encoding.sample_bytes() * 8 {
        return Err(HeaderError::Foreign("unexpected bits in a sample"));
    }
    if usize::from(u16_at(&b, 12)) != spec.frame_bytes() || spec.rate == 0 {
        return Err(HeaderError::Foreign("frame size or rate makes no sense"));
    }
    Ok(spec)
}

fn read_at(file: &File, buf: &mut [u8], at: u64) -> Result<(), HeaderError> {
    file.read_exact_at(buf, at).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => HeaderError::Foreign("ends inside its header"),
        _ => HeaderError::Io(e),
    })
}

fn u16_at(b: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([b[at], b[at + 1]])
}

fn u32_at(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

fn u64_at(b: &[u8], at: usize) -> u64 {
    u64::from(u32_at(b, at)) | u64::from(u32_at(b, at + 4)) << 32
}
