//! What a datagram on a media port is, and a thin view of an RTP packet.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                           timestamp                           |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |           synchronization source (SSRC) identifier            |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! Demultiplexing is RFC 7983 §7 by the first octet, RFC 5761 §4 for RTCP. The
//! header (RFC 3550 §5.1) is read by rtp-rs, which checks all lengths once.

use rtp_rs::{RtpReader, RtpReaderError};

/// The kinds of datagram that share a media port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatagramKind {
    /// Version 2, payload type outside RTCP's: to be read by [`RtpPacket::parse`].
    Rtp,
    /// Version 2, packet type 192 to 223.
    Rtcp,
    /// RFC 8489: connectivity checks of ICE.
    Stun,
    /// RFC 6189: key agreement on the media path.
    Zrtp,
    /// RFC 9147: key agreement for SRTP.
    Dtls,
    /// RFC 8656: TURN channel data (first octet 64 to 79).
    TurnChannel,
    /// None of these: keep-alives, probes, other protocols.
    Other,
}

/// STUN's magic cookie, octets 4 to 7.
const STUN_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
/// ZRTP's magic cookie "ZRTP", octets 4 to 7.
const ZRTP_COOKIE: [u8; 4] = *b"ZRTP";
/// RTCP packet types, as they stand in the second octet.
const RTCP_TYPES: std::ops::RangeInclusive<u8> = 192..=223;

/// What `datagram` is, by its first octets. Only [`DatagramKind::Rtp`] needs more
/// checks, which parsing it makes.
pub fn classify(datagram: &[u8]) -> DatagramKind {
    let &[first, second, ..] = datagram else { return DatagramKind::Other };
    let cookie = datagram.get(4..8);
    match first {
        0..=3 if cookie == Some(&STUN_COOKIE) => DatagramKind::Stun,
        16..=19 if cookie == Some(&ZRTP_COOKIE) => DatagramKind::Zrtp,
        // Content types 20 to 25 are in use; the next octet is the version's major part.
        20..=63 if second == 0xFE => DatagramKind::Dtls,
        64..=79 => DatagramKind::TurnChannel,
        128..=191 if RTCP_TYPES.contains(&second) => DatagramKind::Rtcp,
        128..=191 => DatagramKind::Rtp,
        _ => DatagramKind::Other,
    }
}

/// RFC 6189 §5.7, §5.8: the stream (SSRC) whose keys the sender of this datagram says are agreed,
/// if it says so. Of a datagram that [`classify`] calls ZRTP.
pub fn zrtp_confirmed(datagram: &[u8]) -> Option<u32> {
    let kind = datagram.get(16..24)?;
    let is_confirmed = kind.starts_with(b"Confirm") || kind.starts_with(b"Conf2ACK");
    let ssrc = datagram.get(8..12)?.try_into().ok()?;
    is_confirmed.then(|| u32::from_be_bytes(ssrc))
}

/// Why a datagram is no RTP packet that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RtpError {
    /// Shorter than header, CSRC list and extension say.
    Truncated,
    /// The version field is not 2.
    Version(u8),
    /// The padding count is zero or exceeds what follows the header.
    Padding(u8),
    /// RTCP on the same port, told by its packet type.
    Rtcp,
    /// Header, CSRC list and extension are longer than [`MAX_HEADER`].
    Header(usize),
}

/// No header is longer: the extension of a packet that any path carries is shorter by far.
pub const MAX_HEADER: usize = 255 * 4;

/// One RTP packet, borrowed from its datagram: read and checked once, where it
/// comes in, and carried as it is to whoever plays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpPacket<'a> {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Sequence number; widen it with [`super::seq::ExtendedSeq`].
    pub seq: u16,
    /// RTP timestamp, in units of the payload type's clock.
    pub timestamp: u32,
    /// 0 to 127.
    pub payload_type: u8,
    /// For audio: the first packet after a silence (RFC 3551 §4.1).
    pub marker: bool,
    /// What follows header, CSRC list and extension, without padding; may be empty.
    pub payload: &'a [u8],
    /// All of it, header and padding included: what SRTP authenticates.
    pub whole: &'a [u8],
}

impl<'a> RtpPacket<'a> {
    /// Reads a datagram that [`classify`] calls RTP.
    pub fn parse(datagram: &'a [u8]) -> Result<RtpPacket<'a>, RtpError> {
        let rtp = RtpReader::new(datagram).map_err(RtpError::from)?;
        if datagram.get(1).is_some_and(|t| RTCP_TYPES.contains(t)) {
            return Err(RtpError::Rtcp);
        }
        let header = rtp.payload_offset();
        if header > MAX_HEADER {
            return Err(RtpError::Header(header));
        }
        Ok(RtpPacket {
            ssrc: rtp.ssrc(),
            seq: rtp.sequence_number().into(),
            timestamp: rtp.timestamp(),
            payload_type: rtp.payload_type(),
            marker: rtp.mark(),
            payload: rtp.payload(),
            whole: datagram,
        })
    }

    /// The distance of the packets that lie one behind the other in this datagram.
    ///
    /// With segmentation offload (`UDP_SEGMENT`, GRO) a capture shows what a host
    /// sent or took in one piece: packets of one length, the last perhaps shorter.
    /// Only where each has a header of this source with the next number is it so.
    pub fn segment_len(&self) -> Option<usize> {
        let (whole, ssrc) = (self.whole, self.whole.get(8..12)?);
        let ends_with = memchr::memmem::find_iter(whole.get(12..)?, ssrc).map(|at| 12 + at);
        let starts = ends_with.filter_map(|at| at.checked_sub(8)).filter(|n| *n > 12);
        starts.take(MAX_CANDIDATES).find(|n| self.has_segments_of(*n))
    }

    /// The packets of a datagram whose [`RtpPacket::segment_len`] is `len`, in order.
    pub fn segments(&self, len: usize) -> impl Iterator<Item = RtpPacket<'a>> {
        self.whole.chunks(len.max(1)).filter_map(|part| RtpPacket::parse(part).ok())
    }

    fn has_segments_of(&self, len: usize) -> bool {
        self.whole.chunks(len).zip(0..).all(|(part, n)| {
            RtpPacket::parse(part).is_ok_and(|p| {
                p.ssrc == self.ssrc
                    && p.payload_type == self.payload_type
                    && p.seq == self.seq.wrapping_add(n)
                    && !p.payload.is_empty()
            })
        })
    }
}

/// Places looked at for a second packet in a datagram.
const MAX_CANDIDATES: usize = 4;

impl From<RtpReaderError> for RtpError {
    fn from(e: RtpReaderError) -> RtpError {
        match e {
            RtpReaderError::BufferTooShort(_) | RtpReaderError::HeadersTruncated { .. } => {
                RtpError::Truncated
            }
            RtpReaderError::UnsupportedVersion(v) => RtpError::Version(v),
            RtpReaderError::PaddingLengthInvalid(n) => RtpError::Padding(n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(first: u8, second: u8) -> Vec<u8> {
        vec![first, second, 0xFF, 0xFE, 0, 0, 1, 0x40, 0xDE, 0xAD, 0xBE, 0xEF]
    }

    #[test]
    fn reads_the_header() {
        let mut d = header(0x80, 0x88);
        d.extend([1, 2, 3]);
        let p = RtpPacket::parse(&d).unwrap();
        assert_eq!((p.ssrc, p.seq, p.timestamp), (0xDEAD_BEEF, 0xFFFE, 320));
        assert_eq!((p.payload_type, p.marker, p.payload), (8, true, &[1, 2, 3][..]));
    }

    #[test]
    fn csrc_extension_and_padding_are_not_payload() {
        let mut d = header(0xB1, 0);
        d.extend([0, 0, 0, 9]);
        d.extend([0xBE, 0xDE, 0, 1, 1, 2, 3, 4]);
        d.extend([0x55, 0x56, 0, 0, 3]);
        assert_eq!(RtpPacket::parse(&d).unwrap().payload, [0x55, 0x56]);
        *d.last_mut().unwrap() = 6;
        assert_eq!(RtpPacket::parse(&d), Err(RtpError::Padding(6)));
        *d.last_mut().unwrap() = 5;
        assert!(RtpPacket::parse(&d).unwrap().payload.is_empty());
        assert_eq!(RtpPacket::parse(&d[..20]), Err(RtpError::Truncated));
        assert_eq!(RtpPacket::parse(&d[..5]), Err(RtpError::Truncated));
        d[0] = 0x40;
        assert_eq!(RtpPacket::parse(&d), Err(RtpError::Version(1)));
        assert_eq!(RtpPacket::parse(&header(0x80, 200)), Err(RtpError::Rtcp));
    }

    #[test]
    fn kinds_on_one_port() {
        assert_eq!(classify(&header(0x80, 0)), DatagramKind::Rtp);
        assert_eq!(classify(&header(0x80, 0xE5)), DatagramKind::Rtp, "marker and type 101");
        assert_eq!(classify(&header(0x81, 200)), DatagramKind::Rtcp);
        assert_eq!(classify(&header(0x80, 191)), DatagramKind::Rtp);
        assert_eq!(classify(&header(0x80, 223)), DatagramKind::Rtcp);
        assert_eq!(classify(&header(0x80, 224)), DatagramKind::Rtp);
        assert_eq!(classify(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 0]), DatagramKind::Stun);
        assert_eq!(classify(&header(0, 1)), DatagramKind::Other);
        assert_eq!(classify(b"\x10\x00\x00\x01ZRTP...."), DatagramKind::Zrtp);
        assert_eq!(classify(&[22, 0xFE, 0xFD, 0]), DatagramKind::Dtls);
        assert_eq!(classify(&[0x40, 0, 0, 1]), DatagramKind::TurnChannel);
        for short in [&[][..], &[0x80], &[0, 0], &[0xFF, 0xFF]] {
            assert_eq!(classify(short), DatagramKind::Other, "{short:?}");
        }
    }

    fn rtp(seq: u16, payload: &[u8]) -> Vec<u8> {
        let mut d = header(0x80, 8);
        d[2..4].copy_from_slice(&seq.to_be_bytes());
        d.extend(payload);
        d
    }

    #[test]
    fn packets_one_behind_the_other_are_told_by_their_headers() {
        let of = |parts: &[(u16, usize)]| -> Option<Vec<usize>> {
            let d: Vec<u8> = parts.iter().flat_map(|(seq, n)| rtp(*seq, &vec![0xD5; *n])).collect();
            let p = RtpPacket::parse(&d).unwrap();
            p.segment_len().map(|n| p.segments(n).map(|s| s.payload.len()).collect())
        };
        assert_eq!(of(&[(65_535, 160), (0, 160), (1, 160)]), Some(vec![160; 3]));
        assert_eq!(of(&[(7, 33), (8, 33), (9, 20)]), Some(vec![33, 33, 20]), "the last may be shorter");
        assert_eq!(of(&[(7, 160)]), None);
        assert_eq!(of(&[(7, 160), (9, 160)]), None, "not the next number");
        assert_eq!(of(&[(7, 160), (8, 170)]), None, "the last is longer");
        assert_eq!(of(&[(7, 160), (8, 80), (9, 160)]), None, "not at equal distances");
        assert_eq!(of(&[(7, 160), (8, 0)]), None, "a header alone");
        let mut sound = vec![0xD5; 160];
        sound[40..44].copy_from_slice(&[0xDE, 0xAD, 0xBE, 0xEF]);
        assert_eq!(
            RtpPacket::parse(&rtp(7, &sound)).unwrap().segment_len(),
            None,
            "sound that has the SSRC in it"
        );
    }

    #[test]
    fn any_octets_are_read_or_refused() {
        let mut x = 0x2545_F491_4F6C_DD1Du64;
        let mut d = [0u8; 64];
        for round in 0..100_000usize {
            for b in &mut d {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                *b = x as u8;
            }
            d[0] = 0x80 | (d[0] & 0x3F);
            let cut = &d[..round % 65];
            let _ = classify(cut);
            if let Ok(p) = RtpPacket::parse(cut) {
                assert!(p.payload.len() + 12 <= cut.len());
                let _ = p.segment_len();
            }
        }
    }
}
