//! What came with a stamp too far away to be believed alone, kept until the next
//! one bears it out or does not. Never more than one.

use crate::net::{Datagram, OwnedDatagram};
use crate::time::Timestamp;
use crate::wire::{Frame, LinkType};

/// A copy of what the engine was handed.
#[derive(Debug)]
pub(super) struct Doubtful {
    /// The stamp.
    pub ts: Timestamp,
    what: What,
}

#[derive(Debug)]
enum What {
    Frame { link: LinkType, wire_len: u32, bytes: Vec<u8> },
    Datagram(OwnedDatagram),
}

/// What is handed to the engine again.
pub(super) enum Again<'a> {
    Frame(Frame<'a>),
    Datagram(Datagram<'a>),
}

impl Doubtful {
    pub fn frame(f: &Frame<'_>) -> Doubtful {
        let what = What::Frame { link: f.link, wire_len: f.wire_len, bytes: f.data.to_vec() };
        Doubtful { ts: f.ts, what }
    }

    pub fn datagram(d: &Datagram<'_>) -> Doubtful {
        Doubtful { ts: d.ts, what: What::Datagram(OwnedDatagram::of(d)) }
    }

    /// As it was, but for the time.
    pub fn at(&self, ts: Timestamp) -> Again<'_> {
        match &self.what {
            What::Frame { link, wire_len, bytes } => {
                Again::Frame(Frame { ts, link: *link, data: bytes, wire_len: *wire_len })
            }
            What::Datagram(d) => Again::Datagram(Datagram { ts, ..d.borrowed() }),
        }
    }
}
