//! Files of lines that are only appended to: one JSON object a line, none longer than a bound.
//!
//! A line without its end is what a crash leaves, or what is being written this
//! moment: nobody acknowledged it, a reader passes it over and the next writer cuts
//! it off. Must not know what a line says.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// How much of the end is read at first.
const END: u64 = 16 << 10;

/// What should be a line and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoLine {
    /// Longer than the bound.
    TooLong,
    /// Without an end.
    Torn,
    /// Not text.
    NotText,
}

/// The lines of a file.
#[derive(Debug)]
pub struct Lines {
    file: BufReader<File>,
    max: usize,
    whole: u64,
}

impl Lines {
    /// From where the file is read next; no line is longer than `max` bytes.
    pub fn new(file: File, max: usize) -> Lines {
        Lines { file: BufReader::with_capacity(64 * 1024, file), max, whole: 0 }
    }

    /// Bytes of whole lines that were passed.
    pub fn whole(&self) -> u64 {
        self.whole
    }
}

impl Iterator for Lines {
    type Item = io::Result<Result<String, NoLine>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        let read = match (&mut self.file).take(self.max as u64 + 1).read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(read) => read as u64,
            Err(e) => return Some(Err(e)),
        };
        if bytes.pop_if(|b| *b == b'\n').is_some() {
            self.whole += read;
            return Some(Ok(String::from_utf8(bytes).map_err(|_| NoLine::NotText)));
        }
        if bytes.len() <= self.max {
            return Some(Ok(Err(NoLine::Torn)));
        }
        // Passed over in pieces: it may be as long as the disk is large.
        let mut passed = read;
        loop {
            bytes.clear();
            match (&mut self.file).take(self.max as u64 + 1).read_until(b'\n', &mut bytes) {
                Ok(0) => return Some(Ok(Err(NoLine::TooLong))),
                Ok(more) => passed += more as u64,
                Err(e) => return Some(Err(e)),
            }
            if bytes.last() == Some(&b'\n') {
                self.whole += passed;
                return Some(Ok(Err(NoLine::TooLong)));
            }
        }
    }
}

/// The end of a file of lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The last whole line, without its end; its own end only, where it is longer than the bound.
    pub last: Vec<u8>,
    /// Bytes up to its end.
    pub whole: u64,
    /// What stands behind it, at most twice the bound.
    pub torn: Vec<u8>,
}

/// Reads the end of a file whose lines are not longer than `max`.
///
/// # Errors
/// It cannot be read.
pub fn tail(file: &File, max: usize) -> io::Result<Tail> {
    let length = file.metadata()?.len();
    // The longest torn line and the longest whole one before it.
    let most = 2 * (max as u64 + 1);
    let mut size = END.min(most);
    loop {
        let from = length.saturating_sub(size);
        let mut bytes = vec![0; usize::try_from(length - from).unwrap_or(0)];
        file.read_exact_at(&mut bytes, from)?;
        let end = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
        let start = memchr::memrchr(b'\n', &bytes[..end.saturating_sub(1)]);
        if start.is_none() && from > 0 && size < most {
            size = (size * 16).min(most);
            continue;
        }
        let torn = bytes.split_off(end);
        bytes.truncate(end.saturating_sub(1));
        let last = bytes.split_off(start.map_or(0, |at| at + 1));
        return Ok(Tail { last, whole: length - torn.len() as u64, torn });
    }
}

/// Where the last whole line ends.
///
/// # Errors
/// It cannot be read.
pub fn whole(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut block = [0u8; 4096];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let piece = &mut block[..(end - start) as usize];
        file.read_exact_at(piece, start)?;
        if let Some(at) = memchr::memrchr(b'\n', piece) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// The line that byte `at` is in: where it begins, where the next one begins, and the
/// line without its end. `whole` is where the last whole line ends, `at` before it. Of a line
/// longer than `max` a part.
///
/// # Errors
/// It cannot be read.
pub fn line_at(file: &File, at: u64, whole: u64, max: usize) -> io::Result<(u64, u64, Vec<u8>)> {
    let most = max as u64 + 1;
    let mut size = END.min(most);
    loop {
        let (from, to) = (at.saturating_sub(size), (at + size).min(whole));
        let mut bytes = vec![0; usize::try_from(to - from).unwrap_or(0)];
        file.read_exact_at(&mut bytes, from)?;
        let here = usize::try_from(at - from).unwrap_or(0);
        let start = memchr::memrchr(b'\n', &bytes[..here]).map(|i| i + 1).or((from == 0).then_some(0));
        let end = memchr::memchr(b'\n', &bytes[here..]).map(|i| here + i);
        match (start, end) {
            (Some(start), Some(end)) => {
                let line = bytes[start..end].to_vec();
                return Ok((from + start as u64, from + end as u64 + 1, line));
            }
            _ if size < most => size = (size * 16).min(most),
            _ => return Ok((from, to, bytes)),
        }
    }
}

/// Copies the bytes of a span of the file, however long, in pieces.
///
/// # Errors
/// They cannot be read, or not be written.
pub fn copy(file: &File, span: Range<u64>, out: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; END as usize];
    let mut at = span.start;
    while at < span.end {
        let size = usize::try_from(span.end - at).unwrap_or(usize::MAX).min(piece.len());
        file.read_exact_at(&mut piece[..size], at)?;
        out.write_all(&piece[..size])?;
        at += size as u64;
    }
    Ok(())
}

/// Appends whole lines behind byte `end`, where the last one ends; synced. What stood
/// behind it is cut off, and where this fails nothing stands there.
///
/// # Errors
/// It cannot be written.
pub fn append(file: &File, end: u64, lines: &[u8]) -> io::Result<()> {
    file.set_len(end)?;
    file.write_all_at(lines, end).and_then(|()| file.sync_all()).inspect_err(|_| {
        // Whoever asked hears that it was not written: half a line on a full disk is worse than none.
        drop(file.set_len(end));
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, SeekFrom, Write};

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file
    }

    #[test]
    fn lines_and_what_is_none() {
        let long = "x".repeat(100);
        let text = format!("a\n\nb\u{e4}\n{long}\n{}\n", &long[..16]);
        let mut bytes = text.clone().into_bytes();
        bytes.extend_from_slice(b"\xff\ntorn");
        let mut lines = Lines::new(file(&bytes), 16);
        let got: Vec<_> = lines.by_ref().map(Result::unwrap).collect();
        let ok = |s: &str| Ok(s.to_owned());
        let want = [
            ok("a"),
            ok(""),
            ok("b\u{e4}"),
            Err(NoLine::TooLong),
            ok(&long[..16]),
            Err(NoLine::NotText),
            Err(NoLine::Torn),
        ];
        assert_eq!(got, want);
        assert_eq!(lines.whole() as usize, bytes.len() - 4);
        let mut endless = Lines::new(file(long.as_bytes()), 16);
        assert_eq!(endless.next().unwrap().unwrap(), Err(NoLine::TooLong));
        assert_eq!((endless.next().is_none(), endless.whole()), (true, 0));
    }

    #[test]
    fn the_end_however_long_its_lines() {
        for length in [0usize, 1, 100, 20_000, 65_536] {
            let line = "y".repeat(length);
            for (torn, before) in [("", ""), ("tor", "z\n"), ("", "z\nz\n")] {
                let file = file(format!("{before}{line}\n{torn}").as_bytes());
                let got = tail(&file, 65_536).unwrap();
                let whole = (before.len() + length + 1) as u64;
                assert_eq!(got, Tail { last: line.clone().into(), whole, torn: torn.into() }, "{length}");
                assert_eq!(super::whole(&file).unwrap(), whole);
            }
        }
        assert_eq!(tail(&file(b""), 10).unwrap(), Tail::default());
        assert_eq!(tail(&file(b"abc"), 10).unwrap(), Tail { torn: b"abc".into(), ..Tail::default() });
    }

    #[test]
    fn the_line_a_byte_is_in() {
        let lines = ["a", "", &"b".repeat(40_000), "c"];
        let text = lines.join("\n") + "\n";
        let file = file(text.as_bytes());
        let mut start = 0;
        for line in lines {
            let end = start + line.len() as u64 + 1;
            for at in [start, start + line.len() as u64 / 2, end - 1] {
                let got = line_at(&file, at, text.len() as u64, 65_536).unwrap();
                assert_eq!(got, (start, end, line.into()), "{at}");
            }
            start = end;
        }
    }

    #[test]
    fn spans_are_copied_byte_for_byte() {
        let bytes: Vec<u8> = (0..70_000u32).map(|n| (n % 251) as u8).collect();
        let file = file(&bytes);
        for span in [0..0, 0..1, 5..16_389, 100..70_000, 70_000..70_000] {
            let mut out = Vec::new();
            copy(&file, span.clone(), &mut out).unwrap();
            assert!(out == bytes[span.start as usize..span.end as usize], "{span:?}");
        }
        assert!(copy(&file, 0..70_001, &mut Vec::new()).is_err());
    }

    #[test]
    fn appending_cuts_what_a_crash_left() {
        let file = file(b"a\nhalf");
        append(&file, whole(&file).unwrap(), b"b\n").unwrap();
        let mut bytes = [0; 8];
        let n = file.read_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes[..n], b"a\nb\n");
    }
}
