//! Frames that are no plain datagrams: pieces of one, segments of TCP, tunnels, errors.

use crate::common::ladder::ethernet;
use std::net::SocketAddr;

/// The datagram's frame in pieces of `size` bytes of IP payload (a multiple of eight).
pub fn fragments(frame: &[u8], id: u32, size: usize) -> Vec<Vec<u8>> {
    let is_four = frame[12] == 8;
    let header = if is_four { 34 } else { 54 };
    let payload = &frame[header..];
    let count = payload.chunks(size).count();
    let pieces = payload.chunks(size).enumerate();
    pieces
        .map(|(i, piece)| {
            let more = i + 1 < count;
            let mut f = frame[..header].to_vec();
            if is_four {
                f[16..18].copy_from_slice(&((20 + piece.len()) as u16).to_be_bytes());
                f[18..20].copy_from_slice(&(id as u16).to_be_bytes());
                let offset = (i * size / 8) as u16 | if more { 0x2000 } else { 0 };
                f[20..22].copy_from_slice(&offset.to_be_bytes());
            } else {
                f[18..20].copy_from_slice(&((8 + piece.len()) as u16).to_be_bytes());
                f[20] = 44;
                let offset = (i * size) as u16 | u16::from(more);
                f.extend_from_slice(&[17, 0]);
                f.extend_from_slice(&offset.to_be_bytes());
                f.extend_from_slice(&id.to_be_bytes());
            }
            f.extend_from_slice(piece);
            f
        })
        .collect()
}

/// Gives the frame of a datagram another protocol number and payload below IP.
fn with_protocol(src: SocketAddr, dst: SocketAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = ethernet(src, dst, &vec![0; payload.len().max(8) - 8]);
    let (at, header) = if src.is_ipv4() { (23, 34) } else { (20, 54) };
    frame[at] = protocol;
    frame.truncate(header);
    frame.extend_from_slice(payload);
    frame.resize(frame.len().max(header + 8), 0);
    frame
}

/// A segment with these flags at this sequence number.
pub fn segment(src: SocketAddr, dst: SocketAddr, seq: u32, flags: u8, bytes: &[u8]) -> Vec<u8> {
    let mut tcp = Vec::new();
    tcp.extend_from_slice(&src.port().to_be_bytes());
    tcp.extend_from_slice(&dst.port().to_be_bytes());
    tcp.extend_from_slice(&seq.to_be_bytes());
    tcp.extend_from_slice(&[0, 0, 0, 1, 0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    tcp.extend_from_slice(bytes);
    with_protocol(src, dst, 6, &tcp)
}

/// The frame as it would be inside a tunnel of the `kind`-th sort from `src` to `dst`.
pub fn tunnelled(src: SocketAddr, dst: SocketAddr, kind: u64, inner: &[u8]) -> Vec<u8> {
    let ip = &inner[14..];
    let to = |port: u16| SocketAddr::new(dst.ip(), port);
    let is_four = inner[12] == 8;
    match kind {
        0 => ethernet(src, to(4789), &[&[8, 0, 0, 0, 0, 0, 7, 0], inner].concat()),
        1 => ethernet(src, to(6081), &[&[0, 0, 0x65, 0x58, 0, 0, 7, 0], inner].concat()),
        2 => {
            let length = (ip.len() as u16).to_be_bytes();
            ethernet(src, to(2152), &[&[0x30, 0xFF, length[0], length[1], 0, 0, 0, 1], ip].concat())
        }
        3 => {
            let kind: [u8; 2] = if is_four { [8, 0] } else { [0x86, 0xDD] };
            with_protocol(src, dst, 47, &[&[0, 0, kind[0], kind[1]], ip].concat())
        }
        4 => with_protocol(src, dst, if is_four { 4 } else { 41 }, ip),
        5 => ethernet(src, to(37008), &[&[1, 0, 0, 1, 1], inner].concat()),
        _ => with_protocol(
            src,
            dst,
            47,
            &[&[0x10, 0, 0x88, 0xBE, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], inner].concat(),
        ),
    }
}

/// "Port unreachable" of somebody about a packet that a party has sent.
pub fn unreachable(src: SocketAddr, dst: SocketAddr, about: &[u8]) -> Vec<u8> {
    let (protocol, kind) = if src.is_ipv4() { (1, [3, 3]) } else { (58, [1, 4]) };
    let quoted = &about[14..about.len().min(14 + 60)];
    with_protocol(src, dst, protocol, &[&[kind[0], kind[1], 0, 0, 0, 0, 0, 0], quoted].concat())
}
