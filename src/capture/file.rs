//! Capture files: pcap and pcapng (draft-ietf-opsawg-pcap, -pcapng), from a path or standard input.
//!
//! Micro- and nanoseconds, either byte order, several sections and interfaces
//! with their own link types and clocks. Reads in large pieces; a file cut in
//! the middle gives all its whole frames and then says so. Knows nothing of
//! what is in a frame.

mod block;
mod buffer;
mod error;
#[cfg(test)]
mod tests;

use super::link_name;
use crate::time::Timestamp;
use crate::wire::{Frame, LinkType};
use block::{Block, PcapngSection};
use buffer::ReadBuffer;
pub use error::FileError;
use pcap_parser::{LegacyPcapBlock, PcapError, PcapHeader, nom::IResult, pcap};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// The largest record or block that is believed, bytes.
const MAX_RECORD: usize = 64 << 20;

/// Link types told apart in what is said of a file.
const MAX_LINKS: usize = 16;

/// The name that means standard input.
const STDIN: &str = "-";

/// The format of the file, with what its headers say.
enum CaptureFormat {
    Pcap { link: LinkType, nanos: bool, record: RecordParser, record_head: usize, big_endian: bool },
    Pcapng(PcapngSection),
}

type RecordParser = fn(&[u8]) -> IResult<&[u8], LegacyPcapBlock<'_>, PcapError<&[u8]>>;

/// Where in the buffer a frame is.
#[derive(Clone, Copy)]
struct FrameLocation {
    ts: Timestamp,
    link: LinkType,
    at: usize,
    len: usize,
    wire_len: u32,
}

/// A capture file being read, frame by frame.
pub struct FileSource {
    name: String,
    input: ReadBuffer,
    format: CaptureFormat,
    total: Option<u64>,
    frames: u64,
    skipped: u64,
    /// Packets without a stamp.
    timeless: u64,
    /// Frames of link types that are not read.
    unread: BTreeMap<u16, u64>,
    current: Option<FrameLocation>,
    /// Secrets of TLS connections that it held, until somebody takes them.
    key_log: Zeroizing<Vec<u8>>,
    ended: bool,
    last_ts: Timestamp,
}

impl FileSource {
    /// Opens a file, or standard input for `-`, and reads its header.
    pub fn open(path: &Path) -> Result<FileSource, FileError> {
        if path.as_os_str() == STDIN {
            return FileSource::from_reader("standard input", Box::new(io::stdin()), None);
        }
        let name = path.display().to_string();
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => FileError::NotFound { name: name.clone() },
            io::ErrorKind::PermissionDenied => FileError::Forbidden { name: name.clone() },
            _ => FileError::Read { name: name.clone(), frame: 1, source },
        };
        let file = File::open(path).map_err(refused)?;
        let metadata = file.metadata().map_err(refused)?;
        if metadata.is_dir() {
            return Err(FileError::Folder { name });
        }
        // A pipe or a device has no length to speak of.
        let total = metadata.is_file().then_some(metadata.len());
        FileSource::from_reader(&name, Box::new(file), total)
    }

    /// Reads from anything; `name` is for messages, `total` for the progress bar.
    pub fn from_reader(
        name: &str,
        reader: Box<dyn Read + Send>,
        total: Option<u64>,
    ) -> Result<FileSource, FileError> {
        let mut input = ReadBuffer::new(reader);
        let name = name.to_owned();
        input.want(24).map_err(|source| FileError::Read { name: name.clone(), frame: 1, source })?;
        let (format, header_len) = recognise(&name, input.data())?;
        input.consume(header_len);
        Ok(FileSource {
            name,
            input,
            format,
            total,
            frames: 0,
            skipped: 0,
            timeless: 0,
            unread: BTreeMap::new(),
            current: None,
            key_log: Zeroizing::default(),
            ended: false,
            last_ts: Timestamp::EPOCH,
        })
    }

    /// The next frame, borrowed until the one after. After `None` or an error there is nothing more.
    #[allow(clippy::should_implement_trait)] // It lends, so it is no iterator.
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, FileError> {
        self.advance()?;
        Ok(self.current())
    }

    /// Goes to the next frame, which [`FileSource::current`] then gives; false when there is none.
    pub fn advance(&mut self) -> Result<bool, FileError> {
        self.current = None;
        if self.ended {
            return Ok(false);
        }
        let found = self.find();
        self.ended = !matches!(found, Ok(Some(_)));
        self.current = found?;
        if let Some(FrameLocation { ts, link, .. }) = self.current {
            self.frames += 1;
            self.last_ts = ts;
            if let LinkType::Other(dlt) = link {
                self.note_unread(dlt);
            }
        }
        Ok(!self.ended)
    }

    /// The frame last given out.
    pub fn current(&self) -> Option<Frame<'_>> {
        let FrameLocation { ts, link, at, len, wire_len } = self.current?;
        Some(Frame { ts, link, data: self.input.slice(at, len), wire_len })
    }

    /// The name for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Frames read so far: the number of the frame last given out, from 1.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.input.consumed()
    }

    /// Bytes in the file; unknown for standard input and pipes.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total
    }

    /// Blocks with packets that could not be read: of no known interface, or contradicting themselves.
    pub fn skipped_blocks(&self) -> u64 {
        self.skipped
    }

    /// Packets that have no stamp (Simple Packet Blocks), and were given that of the one before.
    pub fn timeless(&self) -> u64 {
        self.timeless
    }

    /// The secrets of TLS connections that were between its packets, as a key log, since this was last
    /// asked.
    pub fn take_key_log(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        (!self.key_log.is_empty()).then(|| std::mem::take(&mut self.key_log))
    }

    /// Nothing in it can be read, though there is something.
    pub fn is_unread(&self) -> bool {
        self.frames > 0 && self.unread.values().sum::<u64>() == self.frames
    }

    /// What is to be said of what was read so far.
    pub fn remarks(&self) -> Vec<String> {
        let FileSource { name, frames, skipped, timeless, .. } = self;
        let mut said = Vec::new();
        for (dlt, n) in &self.unread {
            let known = link_name(*dlt);
            said.push(format!(
                "{name}: {n} of {frames} frames are of link type {dlt} ({known}), which is not read"
            ));
        }
        if *skipped > 0 {
            said.push(format!("{name}: {skipped} packet blocks contradict themselves and were passed over"));
        }
        if *timeless > 0 {
            said.push(format!(
                "{name}: {timeless} of {frames} packets have no time of their own and were given that of the one before"
            ));
        }
        said
    }

    fn note_unread(&mut self, dlt: u16) {
        let is_new = !self.unread.contains_key(&dlt);
        // Beyond the bound they are told as the last of those that are known.
        let dlt = if is_new && self.unread.len() >= MAX_LINKS {
            *self.unread.keys().max().unwrap_or(&dlt)
        } else {
            dlt
        };
        *self.unread.entry(dlt).or_default() += 1;
    }

    fn find(&mut self) -> Result<Option<FrameLocation>, FileError> {
        match self.format {
            CaptureFormat::Pcap { link, nanos, record, record_head, big_endian } => {
                self.find_record(link, nanos, record, record_head, big_endian)
            }
            CaptureFormat::Pcapng(_) => self.find_packet_block(),
        }
    }

    fn find_record(
        &mut self,
        link: LinkType,
        nanos: bool,
        parse: RecordParser,
        head: usize,
        big_endian: bool,
    ) -> Result<Option<FrameLocation>, FileError> {
        let have = self.want(head)?;
        if have == 0 {
            return Ok(None);
        }
        if have < head {
            return Err(self.cut_short());
        }
        let caplen = block::u32_at(self.input.data(), 8, big_endian).unwrap_or(u32::MAX) as usize;
        if caplen > MAX_RECORD {
            return Err(self.damaged(format!("a record of {caplen} bytes")));
        }
        if self.want(head + caplen)? < head + caplen {
            return Err(self.cut_short());
        }
        let Ok((_, record)) = parse(self.input.data()) else {
            return Err(self.damaged("a record that can't be read".into()));
        };
        let sub = i64::from(record.ts_usec) * if nanos { 1 } else { 1_000 };
        let ts = Timestamp::from_parts(record.ts_sec.into(), 0).offset_ns(sub);
        let wire_len = record.origlen;
        let at = self.input.consume(head + caplen) + head;
        Ok(Some(FrameLocation { ts, link, at, len: caplen, wire_len }))
    }

    fn find_packet_block(&mut self) -> Result<Option<FrameLocation>, FileError> {
        loop {
            let have = self.want(12)?;
            if have == 0 {
                return Ok(None);
            }
            if have < 12 {
                return Err(self.cut_short());
            }
            let CaptureFormat::Pcapng(section) = &mut self.format else { return Ok(None) };
            let len = section.block_len(self.input.data());
            if !(12..=MAX_RECORD).contains(&len) {
                return Err(self.damaged(format!("a block of {len} bytes")));
            }
            if self.want(len)? < len {
                return Err(self.cut_short());
            }
            let CaptureFormat::Pcapng(section) = &mut self.format else { return Ok(None) };
            let read = section.read(&self.input.data()[..len], self.last_ts);
            let at = self.input.consume(len);
            match read {
                Ok(Block::Packet { ts, link, offset, len, wire_len, timeless }) => {
                    self.timeless += u64::from(timeless);
                    return Ok(Some(FrameLocation { ts, link, at: at + offset, len, wire_len }));
                }
                Ok(Block::KeyLog { offset, len }) => {
                    // Each block is a log of its own.
                    self.key_log.extend_from_slice(self.input.slice(at + offset, len));
                    self.key_log.push(b'\n');
                }
                Ok(Block::Other) => {}
                Ok(Block::Unreadable) => self.skipped += 1,
                Err(what) => return Err(self.damaged(what.into())),
            }
        }
    }

    fn want(&mut self, len: usize) -> Result<usize, FileError> {
        self.input.want(len).map_err(|source| FileError::Read {
            name: self.name.clone(),
            frame: self.frames + 1,
            source,
        })
    }

    fn cut_short(&self) -> FileError {
        let (name, frame, offset) = (self.name.clone(), self.frames + 1, self.input.consumed());
        FileError::CutShort { name, frame, offset }
    }

    fn damaged(&self, what: String) -> FileError {
        let (name, frame, offset) = (self.name.clone(), self.frames + 1, self.input.consumed());
        FileError::Damaged { name, frame, offset, what }
    }
}

/// What the first bytes say, and how many of them are the header.
fn recognise(name: &str, start: &[u8]) -> Result<(CaptureFormat, usize), FileError> {
    let name = || name.to_owned();
    let packed = [
        (&[0x1f, 0x8b][..], "gzip", "gunzip -c"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd", "zstdcat"),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz", "xzcat"),
        (b"BZh", "bzip2", "bzcat"),
        (&[0x04, 0x22, 0x4d, 0x18], "lz4", "lz4cat"),
    ];
    if start.is_empty() {
        return Err(FileError::Empty { name: name() });
    }
    if let Some((_, with, unpack)) = packed.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return Err(FileError::Compressed { name: name(), with, unpack });
    }
    if start.starts_with(&pcap_parser::SHB_MAGIC.to_le_bytes()) {
        return Ok((CaptureFormat::Pcapng(PcapngSection::default()), 0));
    }
    match pcap_parser::parse_pcap_header(start) {
        Ok((rest, header)) => Ok((pcap_format(&header), start.len() - rest.len())),
        Err(pcap_parser::nom::Err::Incomplete(_)) if start.len() >= 4 => {
            Err(FileError::CutShort { name: name(), frame: 1, offset: 0 })
        }
        Err(_) => {
            let head: Vec<String> = start.iter().take(4).map(|b| format!("{b:02x}")).collect();
            Err(FileError::NotACapture { name: name(), start: head.join(" ") })
        }
    }
}

fn pcap_format(header: &PcapHeader) -> CaptureFormat {
    let big_endian = header.is_bigendian();
    let (record, record_head): (RecordParser, usize) = match (header.is_modified_format(), big_endian) {
        (true, _) => (pcap::parse_pcap_frame_modified, 24),
        (false, true) => (pcap::parse_pcap_frame_be, 16),
        (false, false) => (pcap::parse_pcap_frame, 16),
    };
    // The upper half of the field tells of frame check sequences.
    let link = LinkType::from_dlt(header.network.0 as u16);
    let nanos = header.is_nanosecond_precision();
    CaptureFormat::Pcap { link, nanos, record, record_head, big_endian }
}
