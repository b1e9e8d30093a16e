//! What came with a stamp too far away to be believed alone, kept until the next
//! one bears it out or does not. Never more than one.

use crate::net::{Datagram, Flow, Transport};
use crate::time::Timestamp;
use crate::wire::{Frame, LinkType};

/// A copy of what the engine was handed.
#[derive(Debug)]
pub(super) struct Doubtful {
    /// The stamp.
    pub ts: Timestamp,
    bytes: Vec<u8>,
    what: What,
}

#[derive(Debug)]
enum What {
    Frame { link: LinkType, wire_len: u32 },
    Datagram { flow: Flow, transport: Transport, truncated: bool, sliced: bool },
}

/// What is handed to the engine again.
pub(super) enum Again<'a> {
    Frame(Frame<'a>),
    Datagram(Datagram<'a>),
}

impl Doubtful {
    pub fn frame(f: &Frame<'_>) -> Doubtful {
        let what = What::Frame { link: f.link, wire_len: f.wire_len };
        Doubtful { ts: f.ts, bytes: f.data.to_vec(), what }
    }

    pub fn datagram(d: &Datagram<'_>) -> Doubtful {
        let (truncated, sliced) = (d.truncated, d.sliced);
        let what = What::Datagram { flow: d.flow, transport: d.transport, truncated, sliced };
        Doubtful { ts: d.ts, bytes: d.payload.to_vec(), what }
    }

    /// As it was, but for the time.
    pub fn at(&self, ts: Timestamp) -> Again<'_> {
        let data = &self.bytes[..];
        match self.what {
            What::Frame { link, wire_len } => Again::Frame(Frame { ts, link, data, wire_len }),
            What::Datagram { flow, transport, truncated, sliced } => {
                Again::Datagram(Datagram { ts, flow, transport, payload: data, truncated, sliced })
            }
        }
    }
}
