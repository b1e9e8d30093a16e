//! The sound of a recording as every browser plays it: PCM16 in a plain WAV, any range
//! of its bytes, made on the way out from whatever the store holds.
//!
//! A-law and mu-law are decoded, the long header of RF64 becomes a short one. Where the
//! whole would not fit the 32-bit sizes of a plain WAV, so many frames are averaged into
//! one that it does. Nothing is kept: byte `n` of the copy depends on the file only.

use crate::store::StoreError;
use crate::store::wav::{CHANNELS, WavInfo, info_of, read_samples};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

/// Bytes of a plain header.
pub const HEADER: u64 = 44;
/// Bytes of a frame of PCM16, both channels.
const FRAME: u64 = 2 * CHANNELS as u64;
/// Most bytes of samples in a plain WAV: its sizes have 32 bits.
const DATA_MAX: u64 = u32::MAX as u64 - HEADER;
/// Buckets of the waveform.
pub const BUCKETS: usize = 1_000;
/// Frames read at once.
const BLOCK: u64 = 16 * 1024;

/// An open recording, as a plain WAV of PCM16.
#[derive(Debug)]
pub struct Pcm {
    file: File,
    info: WavInfo,
    /// Frames of the file that become one.
    step: u64,
}

impl Pcm {
    /// Of an open recording; `path` is for messages.
    ///
    /// # Errors
    /// It cannot be read, or is no WAV of ours.
    pub fn of(file: File, path: &Path) -> Result<Pcm, StoreError> {
        let info = info_of(&file, path)?;
        let bytes = info.frames() * FRAME;
        Ok(Pcm { file, info, step: bytes.div_ceil(DATA_MAX).max(1) })
    }

    /// Frames of the copy.
    pub fn frames(&self) -> u64 {
        self.info.frames() / self.step
    }

    /// Frames per second of the copy.
    pub fn rate(&self) -> u32 {
        (self.info.spec.rate / self.step as u32).max(1)
    }

    /// Bytes of the copy.
    pub fn len(&self) -> u64 {
        HEADER + self.frames() * FRAME
    }

    /// Nothing but a header.
    pub fn is_empty(&self) -> bool {
        self.frames() == 0
    }

    /// The seconds in which bytes of the copy lie.
    pub fn seconds(&self, bytes: &Range<u64>) -> (f64, f64) {
        let at = |byte: u64| byte.saturating_sub(HEADER) as f64 / FRAME as f64 / f64::from(self.rate());
        (at(bytes.start), at(bytes.end))
    }

    /// Bytes `range` of the copy, which lie in it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity((range.end - range.start) as usize);
        if range.start < HEADER {
            let header = self.header();
            let end = range.end.min(HEADER) as usize;
            out.extend_from_slice(&header[range.start as usize..end]);
        }
        let (start, end) = (range.start.max(HEADER) - HEADER, range.end.max(HEADER) - HEADER);
        if start < end {
            let frames = start / FRAME..end.div_ceil(FRAME);
            let mut bytes = Vec::new();
            for sample in self.samples(frames)? {
                bytes.extend_from_slice(&sample.to_le_bytes());
            }
            let from = (start % FRAME) as usize;
            out.extend_from_slice(&bytes[from..from + (end - start) as usize]);
        }
        Ok(out)
    }

    /// Samples of `frames` of the copy, both channels in turn.
    fn samples(&self, frames: Range<u64>) -> io::Result<Vec<i16>> {
        let wide = self.stored(frames.start * self.step..frames.end * self.step)?;
        if self.step == 1 {
            return Ok(wide);
        }
        let group = self.step as usize * usize::from(CHANNELS);
        let mean = |group: &[i16], side: usize| {
            let sum: i64 =
                group.iter().skip(side).step_by(usize::from(CHANNELS)).map(|s| i64::from(*s)).sum();
            (sum / self.step as i64) as i16
        };
        Ok(wide.chunks_exact(group).flat_map(|group| [mean(group, 0), mean(group, 1)]).collect())
    }

    /// Samples of `frames` of the file.
    fn stored(&self, frames: Range<u64>) -> io::Result<Vec<i16>> {
        read_samples(&self.file, &self.info, frames)
    }

    fn header(&self) -> [u8; HEADER as usize] {
        let data = self.frames() * FRAME;
        let mut h = [0; HEADER as usize];
        let mut put = |at: usize, bytes: &[u8]| h[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"RIFF");
        // Fits: `step` sees to it.
        put(4, &((data + HEADER - 8) as u32).to_le_bytes());
        put(8, b"WAVEfmt ");
        put(16, &16u32.to_le_bytes());
        put(20, &1u16.to_le_bytes());
        put(22, &CHANNELS.to_le_bytes());
        put(24, &self.rate().to_le_bytes());
        put(28, &(self.rate() * FRAME as u32).to_le_bytes());
        put(32, &(FRAME as u16).to_le_bytes());
        put(34, &16u16.to_le_bytes());
        put(36, b"data");
        put(40, &(data as u32).to_le_bytes());
        h
    }

    /// The waveform: for each channel the lowest and the highest sample of each of at
    /// most [`BUCKETS`] equal spans, in 1/128 of full scale.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn peaks(&self) -> io::Result<[Vec<[i8; 2]>; 2]> {
        let frames = self.frames();
        let buckets = (BUCKETS as u64).min(frames);
        let mut sides = [Vec::new(), Vec::new()];
        for n in 0..buckets {
            let span = frames * n / buckets..frames * (n + 1) / buckets;
            let mut ends = [[i16::MAX, i16::MIN]; 2];
            let mut at = span.start;
            while at < span.end {
                let next = span.end.min(at + BLOCK);
                for frame in self.samples(at..next)?.chunks_exact(2) {
                    for (end, sample) in ends.iter_mut().zip(frame) {
                        *end = [end[0].min(*sample), end[1].max(*sample)];
                    }
                }
                at = next;
            }
            for (side, end) in sides.iter_mut().zip(ends) {
                side.push(end.map(|sample| (sample >> 8) as i8));
            }
        }
        Ok(sides)
    }
}

/// What of `len` bytes a `Range` header asks for (RFC 9110 section 14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestedRange {
    /// All of it: no header, or one that may be passed over.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Nothing that is there.
    Nothing,
}

/// Reads a `Range` header. More than one range is passed over, as is allowed.
pub fn asked(header: Option<&str>, len: u64) -> RequestedRange {
    let Some(spec) = header.and_then(|h| h.trim().strip_prefix("bytes=")) else {
        return RequestedRange::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-').filter(|_| !spec.contains(',')) else {
        return RequestedRange::Whole;
    };
    let number = |text: &str| -> Option<u64> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // More than 64 bits are behind every end.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (None, Some(suffix)) if first.is_empty() => match suffix.min(len) {
            0 => RequestedRange::Nothing,
            suffix => RequestedRange::Part(len - suffix..len),
        },
        (Some(first), None) if last.is_empty() => {
            if first < len {
                RequestedRange::Part(first..len)
            } else {
                RequestedRange::Nothing
            }
        }
        (Some(first), Some(last)) if first <= last => {
            if first < len {
                RequestedRange::Part(first..last.saturating_add(1).min(len))
            } else {
                RequestedRange::Nothing
            }
        }
        _ => RequestedRange::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::g711::Law;
    use crate::store::wav::WavEncoding;
    use crate::store::wav::{WavSpec, encode_header};
    use std::io::Write;
    use std::os::unix::fs::FileExt;

    /// A file of `samples` in `encoding`, and it opened.
    fn stored(dir: &Path, rate: u32, encoding: WavEncoding, samples: &[i16]) -> Pcm {
        let spec = WavSpec { rate, encoding };
        let mut bytes = Vec::new();
        encoding.encode_into(samples, &mut bytes);
        let path = dir.join("x.wav");
        let mut file = File::create(&path).unwrap();
        file.write_all(&encode_header(spec, bytes.len() as u64)).unwrap();
        file.write_all(&bytes).unwrap();
        Pcm::of(File::open(&path).unwrap(), &path).unwrap()
    }

    fn tone(frames: usize) -> Vec<i16> {
        (0..frames).flat_map(|n| [(n * 37 % 20_000) as i16 - 10_000, (n * 11 % 600) as i16]).collect()
    }

    #[test]
    fn every_encoding_is_a_plain_wav_that_a_stranger_reads() {
        let dir = tempfile::tempdir().unwrap();
        let samples = tone(4_001);
        for rate in [8_000, 16_000, 48_000] {
            for encoding in WavEncoding::ALL {
                let pcm = stored(dir.path(), rate, encoding, &samples);
                let bytes = pcm.read(0..pcm.len()).unwrap();
                assert_eq!(bytes.len() as u64, pcm.len());
                let reader = hound::WavReader::new(&bytes[..]).unwrap();
                let spec = reader.spec();
                assert_eq!((spec.sample_rate, spec.channels, spec.bits_per_sample), (rate, 2, 16));
                let got: Vec<i16> = reader.into_samples().map(Result::unwrap).collect();
                let mut octets = Vec::new();
                encoding.encode_into(&samples, &mut octets);
                let mut want = Vec::new();
                match encoding {
                    WavEncoding::PcmS16le => want = samples.clone(),
                    WavEncoding::Alaw => Law::A.decode_into(&octets, &mut want),
                    WavEncoding::Mulaw => Law::Mu.decode_into(&octets, &mut want),
                }
                assert_eq!(got, want, "{rate} {encoding:?}");
            }
        }
    }

    #[test]
    fn any_range_is_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let pcm = stored(dir.path(), 8_000, WavEncoding::Alaw, &tone(1_000));
        let whole = pcm.read(0..pcm.len()).unwrap();
        let marks = [0, 1, 43, 44, 45, 46, 47, 48, 49, 1_001, 4_042, 4_043, 4_044];
        for start in marks {
            for end in marks.into_iter().filter(|end| *end >= start) {
                assert_eq!(
                    pcm.read(start..end).unwrap(),
                    whole[start as usize..end as usize],
                    "{start}..{end}"
                );
            }
        }
    }

    #[test]
    fn what_does_not_fit_a_plain_wav_is_made_to() {
        let dir = tempfile::tempdir().unwrap();
        // 5 GiB of samples, none of them on the disk but the first and the last.
        let spec = WavSpec { rate: 48_000, encoding: WavEncoding::PcmS16le };
        let data = 5u64 << 30;
        let path = dir.path().join("x.wav");
        let mut file = File::create(&path).unwrap();
        let header = encode_header(spec, data);
        assert_eq!(&header[..4], b"RF64");
        file.write_all(&header).unwrap();
        let frames: Vec<u8> = [100i16, -100, 300, -500].iter().flat_map(|s| s.to_le_bytes()).collect();
        file.write_all(&frames).unwrap();
        file.set_len(header.len() as u64 + data).unwrap();
        file.write_all_at(&frames, header.len() as u64 + data - 8).unwrap();
        let pcm = Pcm::of(File::open(&path).unwrap(), &path).unwrap();
        assert_eq!((pcm.rate(), pcm.frames()), (24_000, data / 8));
        assert!(pcm.len() <= u64::from(u32::MAX));
        let head = pcm.read(0..52).unwrap();
        assert_eq!(&head[..4], b"RIFF");
        assert_eq!(u64::from(u32::from_le_bytes(head[40..44].try_into().unwrap())), pcm.len() - HEADER);
        let want: Vec<u8> = [200i16, -300].iter().flat_map(|s| s.to_le_bytes()).collect();
        assert_eq!(head[44..48], want);
        assert_eq!(pcm.read(pcm.len() - 4..pcm.len()).unwrap(), want);
    }

    #[test]
    fn a_small_recording_and_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let pcm = stored(dir.path(), 8_000, WavEncoding::Mulaw, &[]);
        assert!(pcm.is_empty() && pcm.read(0..pcm.len()).unwrap().len() == 44);
        assert!(pcm.peaks().unwrap().iter().all(Vec::is_empty));
        let pcm = stored(dir.path(), 8_000, WavEncoding::PcmS16le, &[i16::MIN, 0, i16::MAX, 256]);
        assert_eq!(pcm.peaks().unwrap(), [vec![[-128, -128], [127, 127]], vec![[0, 0], [1, 1]]]);
        let pcm = stored(dir.path(), 8_000, WavEncoding::PcmS16le, &tone(20_480));
        let [customer, agent] = pcm.peaks().unwrap();
        assert_eq!((customer.len(), agent.len()), (BUCKETS, BUCKETS));
    }

    #[test]
    fn ranges_of_rfc_9110() {
        let part = |range| RequestedRange::Part(range);
        for (header, want) in [
            (None, RequestedRange::Whole),
            (Some("bytes=0-"), part(0..100)),
            (Some("bytes=0-0"), part(0..1)),
            (Some("bytes=99-200"), part(99..100)),
            (Some("bytes=-5"), part(95..100)),
            (Some("bytes=-500"), part(0..100)),
            (Some("bytes=10-99999999999999999999999999"), part(10..100)),
            (Some("bytes=100-"), RequestedRange::Nothing),
            (Some("bytes=99999999999999999999999999-"), RequestedRange::Nothing),
            (Some("bytes=-0"), RequestedRange::Nothing),
            (Some("bytes=5-4"), RequestedRange::Whole),
            (Some("bytes=0-1,3-4"), RequestedRange::Whole),
            (Some("bytes=--1"), RequestedRange::Whole),
            (Some("bytes=+1-2"), RequestedRange::Whole),
            (Some("bytes=-"), RequestedRange::Whole),
            (Some("items=0-1"), RequestedRange::Whole),
        ] {
            assert_eq!(asked(header, 100), want, "{header:?}");
        }
        assert_eq!(asked(Some("bytes=-1"), 0), RequestedRange::Nothing);
    }
}
