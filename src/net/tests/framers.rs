//! Framers for tests of this layer, so that it can be tested without `sip`.

use super::super::StreamFramer;

/// Hands on what it gets, piece by piece, and marks gaps.
#[derive(Default)]
pub(crate) struct Raw {
    pieces: std::collections::VecDeque<Vec<u8>>,
    given: Vec<u8>,
    joined: bool,
}

/// What [`Raw`] says where bytes were lost.
const GAP: &[u8] = b"<gap>";

impl StreamFramer for Raw {
    fn with_limit(_: usize) -> Self {
        Raw::default()
    }
    fn push(&mut self, bytes: &[u8]) {
        self.joined = true;
        self.pieces.push_back(bytes.to_vec());
    }
    fn gap(&mut self) {
        // Before the first byte it only says that the stream was joined in the middle.
        if self.joined {
            self.pieces.push_back(GAP.to_vec());
        }
    }
    fn next_message(&mut self) -> Option<&[u8]> {
        self.given = self.pieces.pop_front()?;
        Some(&self.given)
    }
    fn buffered(&self) -> usize {
        0
    }
}

/// Head up to an empty line, body by Content-Length; after a gap goes on at a line with "SIP/2.0".
pub(crate) struct Simple {
    buffer: Vec<u8>,
    given: Vec<u8>,
    limit: usize,
    lost: bool,
}

impl StreamFramer for Simple {
    fn with_limit(limit: usize) -> Self {
        Simple { buffer: Vec::new(), given: Vec::new(), limit, lost: false }
    }
    fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() > self.limit {
            self.gap();
        }
    }
    fn gap(&mut self) {
        self.buffer.clear();
        self.lost = true;
    }
    fn next_message(&mut self) -> Option<&[u8]> {
        if self.lost {
            let text = String::from_utf8_lossy(&self.buffer).into_owned();
            let start = text.find("SIP/2.0")?;
            let line = text[..start].rfind('\n').map_or(0, |n| n + 1);
            self.buffer.drain(..line);
            self.lost = false;
        }
        let text = String::from_utf8_lossy(&self.buffer).into_owned();
        let head = text.find("\r\n\r\n")? + 4;
        let length = text[..head].split("Content-Length: ").nth(1).and_then(|r| r.lines().next());
        let whole = head + length.and_then(|l| l.trim().parse::<usize>().ok()).unwrap_or(0);
        if self.buffer.len() < whole {
            return None;
        }
        self.given = self.buffer.drain(..whole).collect();
        Some(&self.given)
    }
    fn buffered(&self) -> usize {
        self.buffer.len()
    }
}
