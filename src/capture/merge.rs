//! Several capture files as one, by their stamps.
//!
//! A TAP writes one file for each direction, a ring buffer a file an hour, two
//! cards a file each: what was captured at the same time is read side by side,
//! always the frame that is next in time. Within a file the order stands: whoever
//! wrote it knew. Of each file one frame is held and one looked ahead at, so that
//! a stamp that is broken holds nothing up. Equal stamps are put in order of
//! their bytes: the order of the arguments makes no difference.
//!
//! Files are looked into at the start and opened again when it is their time.

use super::file::{FileError, FileSource};
use super::retiming::{Retiming, is_without_times};
use crate::engine::capture_clock::{CaptureClock, FIRST_CREDIBLE, Timeliness};
use crate::time::Timestamp;
use crate::wire::{Frame, LinkType};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// With no more files than this all stay open from the start.
const KEPT_OPEN: usize = 16;
/// Files that may be open at once.
const MAX_OPEN: usize = 256;

/// All captures of a replay.
pub struct Merged {
    /// Not yet begun, the first last; whether their stamps are no times.
    waiting: Vec<(Timestamp, usize, PathBuf, bool)>,
    open: BinaryHeap<Box<Head>>,
    /// The frame of the topmost has been given out.
    given: bool,
    /// The only one left: there is nothing to compare it with.
    last: Option<CurrentFile>,
    total: Option<u64>,
    finished: u64,
    warnings: Vec<String>,
    unread: Vec<String>,
    /// Secrets that files held.
    key_log: Zeroizing<Vec<u8>>,
}

/// A file that is read straight on.
struct CurrentFile {
    head: Box<Head>,
    /// Frames of it that had been read before: its next one, and the one after.
    known: u8,
}

/// One file with its next frame.
struct Head {
    /// When it is its turn.
    key: Timestamp,
    ts: Timestamp,
    link: LinkType,
    wire_len: u32,
    data: Vec<u8>,
    clock: CaptureClock,
    source: FileSource,
    /// Its own stamps are no times.
    retiming: Option<Retiming>,
    /// Where in the arguments.
    file: usize,
    /// What reading ended with, told when what came before is used up.
    ended: Option<FileError>,
}

impl Merged {
    /// Opens files, or standard input for `-`, and looks at how each begins.
    ///
    /// # Errors
    /// One that is no capture, cannot be read, or has no times.
    pub fn open(paths: &[PathBuf]) -> Result<Merged, FileError> {
        let mut merged = Merged {
            waiting: Vec::new(),
            open: BinaryHeap::new(),
            given: false,
            last: None,
            total: Some(0),
            finished: 0,
            warnings: Vec::new(),
            unread: Vec::new(),
            key_log: Zeroizing::default(),
        };
        for (file, path) in paths.iter().enumerate() {
            let source = FileSource::open(path)?;
            // What can be read but once is believed.
            let is_file = source.total_bytes().is_some();
            let is_timeless = is_file && is_without_times(path)?;
            merged.total = merged.total.zip(source.total_bytes()).map(|(sum, n)| sum + n);
            let is_reopened = paths.len() > KEPT_OPEN && is_file;
            if let Some(head) = merged.begin(source, file, is_timeless)? {
                if is_reopened {
                    merged.waiting.push((head.key, file, path.clone(), is_timeless));
                } else {
                    merged.open.push(head);
                }
            }
        }
        merged.waiting.sort_by(|a, b| b.cmp(a));
        Ok(merged)
    }

    /// The next frame in time, borrowed until the one after.
    ///
    /// # Errors
    /// A file cannot be read any more. A file that ends early is a warning.
    #[allow(clippy::should_implement_trait)] // It lends, so it is no iterator.
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, FileError> {
        if self.last.is_some() {
            return self.next_of_last();
        }
        if std::mem::take(&mut self.given) {
            self.advance()?;
        }
        while let Some((key, ..)) = self.waiting.last()
            && self.open.peek().is_none_or(|h| *key <= h.key)
        {
            self.open_next()?;
        }
        if self.waiting.is_empty() && self.open.len() == 1 {
            self.last = self.open.pop().map(|head| CurrentFile { head, known: 2 });
            return self.next_of_last();
        }
        self.given = true;
        Ok(self.open.peek().map(|head| head.frame()))
    }

    fn next_of_last(&mut self) -> Result<Option<Frame<'_>>, FileError> {
        let Some(CurrentFile { head, known }) = &mut self.last else { return Ok(None) };
        if *known == 2 {
            *known = 1;
            return Ok(self.last.as_ref().map(|last| last.head.frame()));
        }
        if std::mem::take(known) == 0 {
            head.look_ahead();
            head.give_key_log(&mut self.key_log);
        }
        if head.source.current().is_none()
            && let Some(last) = self.last.take()
        {
            self.close(*last.head)?;
        }
        Ok(self.last.as_mut().and_then(|last| last.head.ahead()))
    }

    /// Bytes read so far, of all files.
    pub fn bytes_read(&self) -> u64 {
        let open = self.open.iter().chain(self.last.as_ref().map(|last| &last.head));
        self.finished + open.map(|head| head.source.bytes_read()).sum::<u64>()
    }

    /// Bytes in all files; unknown with standard input or a pipe among them.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total
    }

    /// Secrets of TLS connections that the files hold, as a key log, as far as they have been read and nobody
    /// has asked yet.
    pub fn take_key_log(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        (!self.key_log.is_empty()).then(|| std::mem::take(&mut self.key_log))
    }

    /// What is to be told of the files that have been read.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Files that hold something, but nothing that can be read.
    pub fn unread(&self) -> &[String] {
        &self.unread
    }

    fn begin(
        &mut self,
        source: FileSource,
        file: usize,
        is_timeless: bool,
    ) -> Result<Option<Box<Head>>, FileError> {
        let mut head = Box::new(Head {
            key: Timestamp::EPOCH,
            ts: Timestamp::EPOCH,
            link: LinkType::Ethernet,
            wire_len: 0,
            data: Vec::new(),
            clock: CaptureClock::default(),
            source,
            retiming: is_timeless.then(Retiming::new),
            file,
            ended: None,
        });
        head.look_ahead();
        let (timeless, name) = (head.source.timeless() > 0, head.source.name().to_owned());
        let goes_on = head.advance();
        head.give_key_log(&mut self.key_log);
        if !goes_on {
            self.close(*head)?;
            return Ok(None);
        }
        let is_unset = |ts: Timestamp| ts < FIRST_CREDIBLE;
        if timeless {
            return Err(FileError::NoTimes { name, what: "Simple Packet Blocks" });
        }
        if is_unset(head.ts) && head.source.current().is_none_or(|next| is_unset(next.ts)) {
            return Err(FileError::NoTimes { name, what: "they are stamped before the year 2000" });
        }
        Ok(Some(head))
    }

    fn open_next(&mut self) -> Result<(), FileError> {
        let Some((_, file, path, is_timeless)) = self.waiting.pop() else { return Ok(()) };
        if self.open.len() >= MAX_OPEN {
            return Err(FileError::TooMany { max: MAX_OPEN });
        }
        let head = self.begin(FileSource::open(&path)?, file, is_timeless)?;
        self.open.extend(head);
        Ok(())
    }

    /// The topmost file goes on.
    fn advance(&mut self) -> Result<(), FileError> {
        let Some(mut top) = self.open.peek_mut() else { return Ok(()) };
        let goes_on = top.advance();
        top.give_key_log(&mut self.key_log);
        if goes_on {
            return Ok(());
        }
        let head = PeekMut::pop(top);
        self.close(*head)
    }

    fn close(&mut self, head: Head) -> Result<(), FileError> {
        self.finished += head.source.bytes_read();
        self.warnings.extend(head.source.remarks());
        if head.retiming.is_some() {
            self.warnings.push(format!(
                "{}: its packets are all stamped alike or a microsecond apart, as by text2pcap without -t; they were \
                 placed by their RTP timestamps: speech has its length, but not when a call began, and not how \
                 long it rang or was on hold",
                head.source.name()
            ));
        }
        if head.source.is_unread() {
            self.unread.push(head.source.name().to_owned());
        }
        match head.ended {
            Some(e) if !e.is_warning() => Err(e),
            e => {
                self.warnings.extend(e.map(|e| e.to_string()));
                Ok(())
            }
        }
    }
}

impl Head {
    /// Takes the frame looked ahead at; false when there is none.
    fn advance(&mut self) -> bool {
        let Some(frame) = self.source.current() else { return false };
        let frame = placed(frame, &mut self.retiming);
        (self.ts, self.link, self.wire_len) = (frame.ts, frame.link, frame.wire_len);
        self.data.clear();
        self.data.extend_from_slice(frame.data);
        self.look_ahead();
        self.key = self.turn();
        true
    }

    /// The frame looked ahead at, where it is given out itself.
    fn ahead(&mut self) -> Option<Frame<'_>> {
        self.source.current().map(|frame| placed(frame, &mut self.retiming))
    }

    fn look_ahead(&mut self) {
        if let Err(e) = self.source.advance() {
            self.ended = Some(e);
        }
    }

    /// Moves what secrets were read.
    fn give_key_log(&mut self, to: &mut Zeroizing<Vec<u8>>) {
        if let Some(log) = self.source.take_key_log() {
            to.extend_from_slice(&log);
        }
    }

    fn frame(&self) -> Frame<'_> {
        Frame { ts: self.ts, link: self.link, data: &self.data, wire_len: self.wire_len }
    }

    /// When it is this frame's turn: its stamp, unless the neighbours give it the lie.
    fn turn(&mut self) -> Timestamp {
        if self.retiming.is_some() {
            return self.ts;
        }
        let (ts, next) = (self.ts, self.source.current().map(|f| f.ts));
        if self.clock.see(ts) != Timeliness::Far {
            return ts;
        }
        if self.clock.is_credible(ts, next) {
            self.clock.jump(ts);
            return ts;
        }
        match self.clock.last_stamp() {
            Some(last) => last,
            None => next.unwrap_or(ts),
        }
    }
}

#[inline]
fn placed<'a>(frame: Frame<'a>, retiming: &mut Option<Retiming>) -> Frame<'a> {
    match retiming {
        Some(retiming) => Frame { ts: retiming.place(&frame), ..frame },
        None => frame,
    }
}

impl Ord for Head {
    /// The greatest is next.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_bytes = || (&other.data, other.file).cmp(&(&self.data, self.file));
        other.key.cmp(&self.key).then_with(by_bytes)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}
