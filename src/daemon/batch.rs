//! What travels from the engine to a worker: orders and packets in one piece.

use super::control::asked::AskedOfWorker;
use crate::call::Decision;
use crate::id::RecordingId;
use crate::tape::Kept;
use crate::time::Timestamp;

/// About what an order holds beside its item: names, numbers, ids.
const ORDER_BYTES: usize = 1024;

/// One thing in a batch.
#[derive(Debug)]
pub enum Item {
    /// A decision of the signalling; boxed, because nearly every item is a packet.
    Order(Box<Decision>),
    /// A media packet; its bytes are in the batch.
    Media {
        /// Whose.
        recording: RecordingId,
        /// What it is, and its place in [`Batch::bytes`].
        kept: Kept,
    },
    /// Media of this recording was dropped on the way: it is not complete.
    Lost(RecordingId),
    /// Packets were dropped about then, before anybody knew whose they are.
    Dropped(Timestamp),
    /// Time has come to here.
    Tick(Timestamp),
    /// Somebody asks how recordings are.
    Asked(Box<AskedOfWorker>),
}

// A packet's note beside its bytes: what goes through the queues is mostly these.
const _: () = assert!(size_of::<Item>() <= 40);

/// Orders and packets in the order they were given out.
#[derive(Debug, Default)]
pub struct Batch {
    /// In order.
    pub items: Vec<Item>,
    /// Bytes of the media packets.
    pub bytes: Vec<u8>,
}

impl Batch {
    /// Empties it for the next use, keeping its room.
    pub fn clear(&mut self) {
        self.items.clear();
        self.bytes.clear();
    }

    /// What it weighs in a queue, bytes.
    pub fn weight(&self) -> usize {
        let orders = self.items.iter().filter(|i| matches!(i, Item::Order(_))).count();
        self.bytes.len() + self.items.len() * size_of::<Item>() + orders * ORDER_BYTES
    }
}
