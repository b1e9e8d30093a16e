//! pcapng blocks: sections, interfaces, packets (draft-ietf-opsawg-pcapng section 4).
//!
//! Options are pcap-parser's to read. Packet blocks are read here, since a
//! malformed option or a wrong trailing length must not cost a packet.

use crate::time::{NS_PER_S, Timestamp};
use crate::wire::LinkType;
use pcap_parser::pcapng::{
    InterfaceDescriptionBlock, parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
};
use pcap_parser::{BOM_MAGIC, EPB_MAGIC, IDB_MAGIC, OptionCode, SHB_MAGIC, SPB_MAGIC};

/// The obsolete Packet Block (appendix A of the draft).
const PB_MAGIC: u32 = 2;

/// Decryption Secrets Block (section 4.7 of the draft).
const DSB_MAGIC: u32 = 10;
/// Its kind of secrets that is a key log of TLS.
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// More interfaces than any section has.
const MAX_INTERFACES: usize = 65_536;

/// What a block turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A packet; its bytes are at `offset` in the block.
    Packet { ts: Timestamp, link: LinkType, offset: usize, len: usize, wire_len: u32, timeless: bool },
    /// Secrets of TLS connections, as a key log, at `offset` in the block (draft §4.7).
    KeyLog { offset: usize, len: usize },
    /// Something that carries no packet.
    Other,
    /// A packet block that contradicts itself or names no known interface.
    Unreadable,
}

/// What an interface description says.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snaplen: u32,
    /// Clock units in a second.
    per_second: u64,
    /// Seconds to add to every stamp.
    offset_s: i64,
}

/// The section being read: its byte order and its interfaces.
#[derive(Default)]
pub(super) struct PcapngSection {
    big_endian: bool,
    interfaces: Vec<Interface>,
}

/// `u32` at `at` in this byte order.
pub(super) fn u32_at(bytes: &[u8], at: usize, big_endian: bool) -> Option<u32> {
    let raw = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(if big_endian { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
}

impl PcapngSection {
    /// Length of the block that begins here with 12 bytes at least; 0 for a section of no byte order.
    pub(super) fn block_len(&self, start: &[u8]) -> usize {
        let mut big_endian = self.big_endian;
        if u32_at(start, 0, false) == Some(SHB_MAGIC) {
            match byte_order(start) {
                Some(order) => big_endian = order,
                None => return 0,
            }
        }
        u32_at(start, 4, big_endian).unwrap_or(0) as usize
    }

    /// Reads a whole block. `last_ts`: for packets without a stamp.
    pub(super) fn read(&mut self, block: &[u8], last_ts: Timestamp) -> Result<Block, &'static str> {
        // The type of a section header reads the same in both byte orders.
        if u32_at(block, 0, false) == Some(SHB_MAGIC) {
            self.big_endian = byte_order(block).ok_or("a section without byte order")?;
            self.interfaces.clear();
            return Ok(Block::Other);
        }
        match self.u32(block, 0) {
            Some(IDB_MAGIC) => self.interface(block),
            Some(EPB_MAGIC) => Ok(self.packet(block, self.u32(block, 8)).unwrap_or(Block::Unreadable)),
            // Its interface is 16 bits, in front of a count of drops.
            Some(PB_MAGIC) => Ok(self.packet(block, self.u16(block, 8)).unwrap_or(Block::Unreadable)),
            Some(DSB_MAGIC) => Ok(self.secrets(block).unwrap_or(Block::Other)),
            Some(SPB_MAGIC) => Ok(self.simple(block, last_ts).unwrap_or(Block::Unreadable)),
            _ => Ok(Block::Other),
        }
    }

    fn interface(&mut self, block: &[u8]) -> Result<Block, &'static str> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err("more interfaces than there can be");
        }
        let parsed = if self.big_endian {
            parse_interfacedescriptionblock_be(block)
        } else {
            parse_interfacedescriptionblock_le(block)
        };
        // Options that can't be read: the fixed fields still stand in their places.
        let interface = match parsed {
            Ok((_, idb)) => Interface {
                link: LinkType::from_dlt(idb.linktype.0 as u16),
                snaplen: idb.snaplen,
                per_second: per_second(idb.if_tsresol),
                offset_s: self.offset_s(&idb),
            },
            Err(_) => Interface {
                link: LinkType::from_dlt(self.u16(block, 8).unwrap_or(u32::from(u16::MAX)) as u16),
                snaplen: self.u32(block, 12).unwrap_or(0),
                per_second: 1_000_000,
                offset_s: 0,
            },
        };
        self.interfaces.push(interface);
        Ok(Block::Other)
    }

    /// pcap-parser reads this option as little-endian whatever the section says.
    fn offset_s(&self, idb: &InterfaceDescriptionBlock<'_>) -> i64 {
        let option = idb.options.iter().find(|o| o.code == OptionCode::IfTsoffset);
        let raw: Option<[u8; 8]> = option.and_then(|o| o.as_bytes().ok()?.try_into().ok());
        match raw {
            Some(raw) if self.big_endian => i64::from_be_bytes(raw),
            Some(raw) => i64::from_le_bytes(raw),
            None => 0,
        }
    }

    /// Enhanced and obsolete packet blocks have one shape but for the interface.
    fn packet(&self, block: &[u8], interface: Option<u32>) -> Option<Block> {
        let interface = self.interfaces.get(interface? as usize)?;
        let stamp = u64::from(self.u32(block, 12)?) << 32 | u64::from(self.u32(block, 16)?);
        let (len, wire_len) = (self.u32(block, 20)? as usize, self.u32(block, 24)?);
        let fits = len <= block.len().checked_sub(32)?;
        let ts = interface.time(stamp);
        let link = interface.link;
        fits.then_some(Block::Packet { ts, link, offset: 28, len, wire_len, timeless: false })
    }

    /// Of the first interface, without a stamp, cut at that interface's snap length.
    fn simple(&self, block: &[u8], ts: Timestamp) -> Option<Block> {
        let interface = self.interfaces.first()?;
        let wire_len = self.u32(block, 8)?;
        let snaplen = if interface.snaplen == 0 { u32::MAX } else { interface.snaplen };
        let room = block.len().checked_sub(16)?;
        let len = (wire_len.min(snaplen) as usize).min(room);
        Some(Block::Packet { ts, link: interface.link, offset: 12, len, wire_len, timeless: true })
    }

    /// A block of secrets; those of other protocols than TLS are passed over.
    fn secrets(&self, block: &[u8]) -> Option<Block> {
        let len = self.u32(block, 12)? as usize;
        let fits = len <= block.len().checked_sub(20)?;
        (fits && self.u32(block, 8)? == TLS_KEY_LOG).then_some(Block::KeyLog { offset: 16, len })
    }

    fn u32(&self, block: &[u8], at: usize) -> Option<u32> {
        u32_at(block, at, self.big_endian)
    }

    fn u16(&self, block: &[u8], at: usize) -> Option<u32> {
        let raw = block.get(at..at + 2)?.try_into().ok()?;
        Some(if self.big_endian { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) }.into())
    }
}

impl Interface {
    fn time(&self, stamp: u64) -> Timestamp {
        let per_second = self.per_second;
        let (secs, sub) = (stamp / per_second, stamp % per_second);
        let second = NS_PER_S as u64;
        let ns = if second.is_multiple_of(per_second) {
            sub * (second / per_second)
        } else {
            (u128::from(sub) * u128::from(second) / u128::from(per_second)) as u64
        };
        let secs = i64::try_from(secs).unwrap_or(i64::MAX).saturating_add(self.offset_s);
        Timestamp::from_parts(secs, ns as u32)
    }
}

/// `if_tsresol`: a power of ten, or of two with the highest bit; beyond 64 bits it is not believed.
fn per_second(resolution: u8) -> u64 {
    let exponent = u32::from(resolution & 0x7f);
    let units = if resolution & 0x80 == 0 { 10u64.checked_pow(exponent) } else { 1u64.checked_shl(exponent) };
    units.unwrap_or(1_000_000)
}

/// `true` for big-endian.
fn byte_order(section_header: &[u8]) -> Option<bool> {
    match u32_at(section_header, 8, false)? {
        BOM_MAGIC => Some(false),
        other if other.swap_bytes() == BOM_MAGIC => Some(true),
        _ => None,
    }
}
