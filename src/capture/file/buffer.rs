//! A reader with room for the largest record so far: whole records are looked at in place.

use std::io::{self, Read};

/// Read at once; measured to be better than mapping the file.
const FIRST_SIZE: usize = 256 * 1024;

/// Bytes read and not yet used.
pub(super) struct ReadBuffer {
    reader: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    consumed: u64,
}

impl ReadBuffer {
    /// Reads nothing yet.
    pub(super) fn new(reader: Box<dyn Read + Send>) -> ReadBuffer {
        ReadBuffer { reader, bytes: vec![0; FIRST_SIZE], start: 0, end: 0, consumed: 0 }
    }

    /// Reads until `len` bytes are there or the input ends; how many are there. The
    /// caller bounds `len`: the buffer grows to it.
    #[inline]
    pub(super) fn want(&mut self, len: usize) -> io::Result<usize> {
        match self.end - self.start {
            there if there >= len => Ok(there),
            _ => self.read(len),
        }
    }

    #[inline(never)]
    fn read(&mut self, len: usize) -> io::Result<usize> {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        while self.end < len {
            // A length is believed as far as bytes follow: a lying header costs no memory.
            if self.end == self.bytes.len() {
                let size = self.bytes.len() * 2;
                self.bytes.resize(size, 0);
            }
            match self.reader.read(&mut self.bytes[self.end..]) {
                Ok(0) => break,
                Ok(n) => self.end += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.end)
    }

    /// What is there.
    pub(super) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Uses up `len` bytes; they stay where they are, at the place returned, until the next `want`.
    pub(super) fn consume(&mut self, len: usize) -> usize {
        let at = self.start;
        self.start = (self.start + len).min(self.end);
        self.consumed += (self.start - at) as u64;
        at
    }

    /// Bytes that [`ReadBuffer::consume`] has used up.
    pub(super) fn slice(&self, at: usize, len: usize) -> &[u8] {
        &self.bytes[at..at + len]
    }

    /// Bytes used up since the beginning.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed
    }
}
