//! Gives TCP reassembly its cutter of messages: `net` and `sip` meet here.

use crate::net::StreamFramer;
use crate::sip::Framer;

impl StreamFramer for Framer {
    fn with_limit(bytes: usize) -> Self {
        Framer::new(bytes)
    }

    fn push(&mut self, bytes: &[u8]) {
        Framer::push(self, bytes);
    }

    fn gap(&mut self) {
        Framer::gap(self);
    }

    fn next_message(&mut self) -> Option<&[u8]> {
        Framer::next_message(self)
    }

    fn buffered(&self) -> usize {
        Framer::buffered(self)
    }
}
