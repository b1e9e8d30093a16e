//! UDP (RFC 768) and TCP (RFC 9293) headers.
//!
//! Lax about lengths like `ip`; check sums are not looked at. Ports and flags
//! only: what the payload is, others judge.

use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

/// One UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp<'a> {
    /// Sender's port.
    pub src_port: u16,
    /// Receiver's port.
    pub dst_port: u16,
    /// The payload, as far as captured.
    pub payload: &'a [u8],
    /// The length field says that more was sent than is there.
    pub truncated: bool,
    /// The length field is smaller than the header, or more than IP had room for.
    pub bad_length: bool,
}

impl<'a> Udp<'a> {
    /// `data` is the IP payload, `missing` what the capture lacks of it. `None`: no whole header.
    pub fn parse(data: &'a [u8], missing: u32) -> Option<Udp<'a>> {
        let header = UdpHeaderSlice::from_slice(data).ok()?;
        let rest = &data[8..];
        // Nought: longer than 65,535 (RFC 2675), or left to the network card.
        let (len, bad_length) = match usize::from(header.length()) {
            0 => (rest.len() + missing as usize, false),
            1..8 => (rest.len() + missing as usize, true),
            len => (len - 8, len > data.len() + missing as usize),
        };
        Some(Udp {
            src_port: header.source_port(),
            dst_port: header.destination_port(),
            payload: &rest[..rest.len().min(len)],
            truncated: len > rest.len(),
            bad_length,
        })
    }
}

/// One TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// Sender's port.
    pub src_port: u16,
    /// Receiver's port.
    pub dst_port: u16,
    /// Sequence number of the first byte (of SYN, if there is one).
    pub seq: u32,
    /// What the sender has received so far, if it says.
    pub ack: Option<u32>,
    /// A connection begins.
    pub syn: bool,
    /// The sender has nothing more to say.
    pub fin: bool,
    /// The connection is broken off.
    pub rst: bool,
    /// The bytes, as far as captured.
    pub payload: &'a [u8],
}

impl<'a> Tcp<'a> {
    /// `data` is the IP payload. `None`: no whole header.
    pub fn parse(data: &'a [u8]) -> Option<Tcp<'a>> {
        let header = TcpHeaderSlice::from_slice(data).ok()?;
        Some(Tcp {
            src_port: header.source_port(),
            dst_port: header.destination_port(),
            seq: header.sequence_number(),
            ack: header.ack().then(|| header.acknowledgment_number()),
            syn: header.syn(),
            fin: header.fin(),
            rst: header.rst(),
            payload: data.get(header.slice().len()..)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn udp_lengths_that_lie() {
        let with = |len: u8| [0x13, 0xc4, 0x13, 0xc5, 0, len, 0, 0, b'a', b'b', b'c'];
        let read = |len, missing| {
            let data = with(len);
            let udp = Udp::parse(&data, missing).expect("a header");
            (udp.payload.len(), udp.truncated, udp.bad_length)
        };
        assert_eq!(read(11, 0), (3, false, false));
        assert_eq!(read(10, 0), (2, false, false));
        assert_eq!(read(0, 0), (3, false, false));
        assert_eq!(read(5, 0), (3, false, true));
        assert_eq!(read(40, 29), (3, true, false));
        assert_eq!(read(40, 0), (3, true, true));
        assert_eq!(Udp::parse(&with(11)[..7], 0), None);
    }

    #[test]
    fn tcp_with_options() {
        let mut data = vec![0x13, 0xc4, 0x13, 0xc5, 0, 0, 0, 9, 0, 0, 0, 7, 0x60, 0x11, 0, 0, 0, 0, 0, 0];
        data.extend([1, 1, 1, 1]);
        data.extend(b"xyz");
        let tcp = Tcp::parse(&data).expect("a header");
        assert_eq!((tcp.seq, tcp.ack, tcp.fin, tcp.syn, tcp.payload), (9, Some(7), true, false, &b"xyz"[..]));
        assert_eq!(Tcp::parse(&data[..22]), None);
    }
}
