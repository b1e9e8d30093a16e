//! Sound that nobody could decode, as it came: `NAME.pcap` beside its recording.
//!
//! A capture file (pcap with nanoseconds, raw IP) that other tools open too: RTP between two
//! addresses kept for documentation (RFC 5737), and around it a SIP dialog that was never on any
//! wire, whose SDP says what the payload types mean. No number and no name of anybody is in it.
//! Numbers of RTP packets go on where a sender began anew. Must not know when files are written.

use crate::call::codec_of;
use crate::codec::CodecSpec;
use crate::codec::formats::PayloadMap;
use crate::id::Channel;
use crate::sdp;
use crate::time::Timestamp;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use uuid::Uuid;

/// pcap, nanoseconds, little-endian.
const MAGIC: u32 = 0xA1B2_3C4D;
/// Raw IP.
const DLT_RAW: u32 = 101;
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const IP_HEADER: usize = 20;
const HEADERS: usize = IP_HEADER + 8;
const RTP_HEADER: usize = 12;
const SIP_PORT: u16 = 5060;
const RTP_PORT: u16 = 40_000;
/// Longest record: nothing longer fits into a datagram.
const MAX_RECORD: usize = 65_535;
/// Payload types of both sides that are told; packets of more are not kept.
const MAX_FORMATS: usize = 32;

/// One RTP packet to be kept.
#[derive(Clone, Copy, Debug)]
pub struct KeptRtp<'a> {
    /// Which of the streams of the recording: found again by [`retain`].
    pub stream: u16,
    /// Whose voice.
    pub channel: Channel,
    /// Capture time.
    pub at: Timestamp,
    /// RFC 3550 §5.1.
    pub payload_type: u8,
    /// RFC 3550 §5.1.
    pub seq: u16,
    /// RFC 3550 §5.1.
    pub timestamp: u32,
    /// RFC 3550 §5.1.
    pub ssrc: u32,
    /// What nobody could decode.
    pub payload: &'a [u8],
}

/// Puts packets into the form of the file. Holds which payload types were told.
#[derive(Debug)]
pub struct UndecodedEncoder {
    id: Uuid,
    answered_at: Timestamp,
    /// Of each: whose, number, and its lines in the SDP.
    formats: Vec<(Channel, u8, String)>,
    cseq: u32,
}

impl UndecodedEncoder {
    /// For the recording `id`.
    pub fn new(id: Uuid, answered_at: Timestamp) -> UndecodedEncoder {
        UndecodedEncoder { id, answered_at, formats: Vec::new(), cseq: 0 }
    }

    /// Appends a packet whose payload type means `spec`; false where it cannot be kept.
    pub fn put(&mut self, packet: &KeptRtp<'_>, spec: &CodecSpec, out: &mut Vec<u8>) -> bool {
        if packet.payload.len() > MAX_RECORD - HEADERS - RTP_HEADER
            || !self.tell(packet.channel, (packet.payload_type, spec), packet.at, out)
        {
            return false;
        }
        let mut rtp = Vec::with_capacity(RTP_HEADER + packet.payload.len());
        rtp.extend_from_slice(&[0x80, packet.payload_type & 0x7F]);
        rtp.extend_from_slice(&packet.seq.to_be_bytes());
        rtp.extend_from_slice(&packet.timestamp.to_be_bytes());
        rtp.extend_from_slice(&packet.ssrc.to_be_bytes());
        rtp.extend_from_slice(packet.payload);
        record(packet.at, (packet.channel, packet.stream, RTP_PORT), &rtp, out);
        true
    }

    /// Appends the end of the dialog.
    pub fn end(&mut self, at: Timestamp, out: &mut Vec<u8>) {
        if self.cseq > 0 {
            self.cseq += 1;
            self.sip(Channel::Customer, "BYE sip:agent@192.0.2.2 SIP/2.0", "BYE", "", at, out);
            self.sip(Channel::Agent, "SIP/2.0 200 OK", "BYE", "", at, out);
        }
    }

    /// The same in a piece of the file, with its header or without.
    pub fn retain_in(piece: &mut Vec<u8>, is_kept: impl Fn(u16, Channel, Timestamp) -> bool) {
        let begins = if piece.starts_with(&file_header()) { FILE_HEADER } else { 0 };
        let (mut from, mut kept) = (begins, begins);
        while from + RECORD_HEADER <= piece.len() {
            let end = from + RECORD_HEADER + le32(&piece[from..], 8) as usize;
            let Some(bytes) = piece.get(from..end) else { break };
            if is_kept_record(bytes, &is_kept) {
                piece.copy_within(from..end, kept);
                kept += end - from;
            }
            from = end;
        }
        piece.truncate(kept);
    }

    /// Says what a payload type means, unless it was said.
    fn tell(
        &mut self,
        channel: Channel,
        (payload_type, spec): (u8, &CodecSpec),
        at: Timestamp,
        out: &mut Vec<u8>,
    ) -> bool {
        let lines = format_lines(payload_type, spec);
        let known = self.formats.iter().position(|(c, pt, _)| (*c, *pt) == (channel, payload_type));
        match known {
            Some(i) if self.formats[i].2 == lines => return true,
            Some(i) => self.formats[i].2 = lines,
            None if self.formats.len() >= MAX_FORMATS => return false,
            None => self.formats.push((channel, payload_type, lines)),
        }
        let at = if self.cseq == 0 {
            out.extend_from_slice(&file_header());
            self.answered_at
        } else {
            at
        };
        self.cseq += 1;
        // Whoever receives a payload type says what it means (RFC 3264 §5.1).
        let (offer, answer) = (self.sdp(Channel::Agent), self.sdp(Channel::Customer));
        self.sip(Channel::Customer, "INVITE sip:agent@192.0.2.2 SIP/2.0", "INVITE", &offer, at, out);
        self.sip(Channel::Agent, "SIP/2.0 200 OK", "INVITE", &answer, at, out);
        self.sip(Channel::Customer, "ACK sip:agent@192.0.2.2 SIP/2.0", "ACK", "", at, out);
        true
    }

    /// The description that says what `speaker` sends.
    fn sdp(&self, speaker: Channel) -> String {
        let own: Vec<_> = self.formats.iter().filter(|(c, ..)| *c == speaker).collect();
        let host = 3 - host(speaker);
        let mut text = format!(
            "v=0\r\no=- 1 {} IN IP4 192.0.2.{host}\r\ns=-\r\nc=IN IP4 192.0.2.{host}\r\nt=0 0\r\nm=audio {RTP_PORT} \
             RTP/AVP",
            self.cseq
        );
        // A media line has one format at least; nothing of this side came.
        for (_, pt, _) in &own {
            let _ = write!(text, " {pt}");
        }
        text.push_str(if own.is_empty() { " 0\r\n" } else { "\r\n" });
        own.iter().for_each(|(.., lines)| text.push_str(lines));
        text
    }

    fn sip(&self, from: Channel, start: &str, method: &str, body: &str, at: Timestamp, out: &mut Vec<u8>) {
        let (id, cseq, length) = (self.id, self.cseq, body.len());
        let to =
            if self.cseq == 1 && from == Channel::Customer && method == "INVITE" { "" } else { ";tag=agent" };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "{start}\r\nVia: SIP/2.0/UDP 192.0.2.1:{SIP_PORT};branch=z9hG4bK-{method}-{cseq}\r\nMax-Forwards: 70\r\n\
             From: <sip:customer@192.0.2.1>;tag=customer\r\nTo: <sip:agent@192.0.2.2>{to}\r\nCall-ID: {id}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:192.0.2.{}>\r\n{kind}Content-Length: {length}\r\n\r\n{body}",
            host(from)
        );
        record(at, (from, 0, SIP_PORT), text.as_bytes(), out);
    }
}

/// What is read of a file.
#[derive(Debug)]
pub enum UndecodedItem {
    /// What payload types of a channel mean from here on.
    Formats(Channel, PayloadMap),
    /// An RTP packet: whose, when, and its bytes.
    Rtp(Channel, Timestamp, Vec<u8>),
}

/// Reads a file from its beginning.
#[derive(Debug)]
pub struct UndecodedReader<R> {
    inner: R,
}

impl<R: Read> UndecodedReader<R> {
    /// # Errors
    /// It cannot be read, or is no such file.
    pub fn new(mut inner: R) -> io::Result<UndecodedReader<R>> {
        let mut header = [0; FILE_HEADER];
        inner.read_exact(&mut header)?;
        if header != file_header() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(UndecodedReader { inner })
    }

    /// The next item; `None` at the end, which a crash may have put in the midst of a record.
    ///
    /// # Errors
    /// It cannot be read, or holds what was never written into it.
    pub fn read_item(&mut self) -> io::Result<Option<UndecodedItem>> {
        while let Some(bytes) = self.record()? {
            if let Some(item) = Record::parse(&bytes).and_then(|r| r.item()) {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    /// The next record with its header.
    fn record(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; RECORD_HEADER];
        if read_up_to(&mut self.inner, &mut bytes)? < RECORD_HEADER {
            return Ok(None);
        }
        let length = le32(&bytes, 8) as usize;
        if length > MAX_RECORD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.resize(RECORD_HEADER + length, 0);
        let whole = read_up_to(&mut self.inner, &mut bytes[RECORD_HEADER..])? == length;
        Ok(whole.then_some(bytes))
    }
}

/// Takes the RTP packets that `is_kept` refuses out of the first `length` bytes of a file, where it
/// lies: by stream, channel and time. How long it is after that.
///
/// # Errors
/// It cannot be read or written, or is no such file.
pub fn retain(
    file: &File,
    length: u64,
    is_kept: impl Fn(u16, Channel, Timestamp) -> bool,
) -> io::Result<u64> {
    let mut reader = UndecodedReader::new(BufReader::new(file).take(length))?;
    let mut kept = FILE_HEADER as u64;
    let mut from = kept;
    while let Some(bytes) = reader.record()? {
        if is_kept_record(&bytes, &is_kept) {
            if kept < from {
                file.write_all_at(&bytes, kept)?;
            }
            kept += bytes.len() as u64;
        }
        from += bytes.len() as u64;
    }
    file.set_len(kept)?;
    Ok(kept)
}

/// The dialog is kept, and of RTP what `is_kept` says.
fn is_kept_record(bytes: &[u8], is_kept: impl Fn(u16, Channel, Timestamp) -> bool) -> bool {
    Record::parse(bytes).is_none_or(|r| !r.is_rtp() || is_kept(r.stream, r.channel, r.at))
}

/// A record taken apart.
struct Record<'a> {
    channel: Channel,
    stream: u16,
    at: Timestamp,
    port: u16,
    payload: &'a [u8],
}

impl Record<'_> {
    fn parse(bytes: &[u8]) -> Option<Record<'_>> {
        let frame = bytes.get(RECORD_HEADER..)?;
        let payload = frame.get(HEADERS..)?;
        let channel = match frame[15] {
            1 => Channel::Customer,
            2 => Channel::Agent,
            _ => return None,
        };
        let at = Timestamp::from_parts(i64::from(le32(bytes, 0)), le32(bytes, 4));
        let be16 = |i: usize| u16::from_be_bytes([frame[i], frame[i + 1]]);
        Some(Record { channel, stream: be16(4), at, port: be16(IP_HEADER), payload })
    }

    fn is_rtp(&self) -> bool {
        self.port == RTP_PORT
    }

    fn item(&self) -> Option<UndecodedItem> {
        if self.is_rtp() {
            return Some(UndecodedItem::Rtp(self.channel, self.at, self.payload.to_vec()));
        }
        let body = self.payload.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
        let body = self.payload.get(body..).filter(|b| !b.is_empty())?;
        let description = sdp::parse(body);
        let formats = description.media.first()?.formats.iter().map(|f| (f.payload_type, codec_of(f)));
        // Who describes is who receives.
        Some(UndecodedItem::Formats(self.channel.other(), PayloadMap::new(formats, false)))
    }
}

fn format_lines(payload_type: u8, spec: &CodecSpec) -> String {
    let (name, clock, channels) = (&spec.name, spec.rtp_clock_hz, spec.channels);
    let channels = if channels > 1 { format!("/{channels}") } else { String::new() };
    let mut lines = format!("a=rtpmap:{payload_type} {name}/{clock}{channels}\r\n");
    if let Some(fmtp) = &spec.fmtp {
        let fmtp: String = fmtp.chars().filter(|c| !c.is_control()).collect();
        let _ = write!(lines, "a=fmtp:{payload_type} {fmtp}\r\n");
    }
    lines
}

/// Last octet of its address.
fn host(channel: Channel) -> u8 {
    channel as u8 + 1
}

fn file_header() -> [u8; FILE_HEADER] {
    let mut header = [0; FILE_HEADER];
    header[..4].copy_from_slice(&MAGIC.to_le_bytes());
    (header[4], header[6]) = (2, 4);
    header[16..20].copy_from_slice(&(MAX_RECORD as u32).to_le_bytes());
    header[20..].copy_from_slice(&DLT_RAW.to_le_bytes());
    header
}

/// One datagram in its record.
fn record(at: Timestamp, (from, stream, port): (Channel, u16, u16), payload: &[u8], out: &mut Vec<u8>) {
    let length = HEADERS + payload.len();
    let (seconds, ns) = (at.as_ns().div_euclid(1_000_000_000), at.as_ns().rem_euclid(1_000_000_000));
    for word in [seconds as u32, ns as u32, length as u32, length as u32] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    let mut ip = [0; IP_HEADER];
    (ip[0], ip[8], ip[9]) = (0x45, 64, 17);
    ip[2..4].copy_from_slice(&(length as u16).to_be_bytes());
    ip[4..6].copy_from_slice(&stream.to_be_bytes());
    ip[12..16].copy_from_slice(&[192, 0, 2, host(from)]);
    ip[16..].copy_from_slice(&[192, 0, 2, 3 - host(from)]);
    let sum: u32 = ip.chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum();
    let checksum = !((sum & 0xFFFF) + (sum >> 16)) as u16;
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    out.extend_from_slice(&ip);
    // A UDP checksum of zero says that there is none.
    for word in [port, port, (length - IP_HEADER) as u16, 0] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    out.extend_from_slice(payload);
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Fewer bytes than asked for only at the end.
fn read_up_to(from: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buf.len() {
        match from.read(&mut buf[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write as _};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_parts(1_795_421_723, 0).offset_ns(ms * 1_000_000)
    }

    fn spec(name: &str, fmtp: &str) -> CodecSpec {
        CodecSpec::from_rtpmap(96, Some(name), Some(16_000), Some(1)).with_fmtp(Some(fmtp))
    }

    fn rtp(stream: u16, channel: Channel, ms: i64, payload: &[u8]) -> KeptRtp<'_> {
        let (payload_type, seq, timestamp, ssrc) = (96, ms as u16, ms as u32 * 16, 0x1A2B_3C4D);
        KeptRtp { stream, channel, at: at(ms), payload_type, seq, timestamp, ssrc, payload }
    }

    fn items(file: &[u8]) -> Vec<UndecodedItem> {
        let mut reader = UndecodedReader::new(file).unwrap();
        std::iter::from_fn(|| reader.read_item().unwrap()).collect()
    }

    /// Times of the packets of each side.
    fn times(file: &[u8]) -> Vec<(Channel, Timestamp)> {
        let of = |i| match i {
            UndecodedItem::Rtp(channel, at, _) => Some((channel, at)),
            UndecodedItem::Formats(..) => None,
        };
        items(file).into_iter().filter_map(of).collect()
    }

    #[test]
    fn what_was_put_down_comes_back_with_its_meaning() {
        let (mut e, mut file) = (UndecodedEncoder::new(Uuid::from_u128(7), at(0)), Vec::new());
        e.end(at(0), &mut file);
        assert!(file.is_empty(), "nothing was kept");
        let (wide, other) = (spec("AMR-WB", "octet-align=1; mode-set=0,2"), spec("EVS", ""));
        assert!(e.put(&rtp(0, Channel::Customer, 20, b"abc"), &wide, &mut file));
        assert!(e.put(&rtp(1, Channel::Agent, 30, b"x"), &other, &mut file));
        // The number means another codec from here on.
        assert!(e.put(&rtp(0, Channel::Customer, 40, b""), &other, &mut file));
        e.end(at(50), &mut file);
        let mut known = [PayloadMap::default(), PayloadMap::default()];
        let mut heard = Vec::new();
        for item in items(&file) {
            match item {
                UndecodedItem::Formats(channel, formats) => known[channel as usize].update(&formats),
                UndecodedItem::Rtp(channel, at, bytes) => {
                    let packet = crate::rtp::packet::RtpPacket::parse(&bytes).unwrap();
                    let spec = known[channel as usize].get(packet.payload_type).unwrap().clone();
                    heard.push((channel, at, spec.name.clone(), spec.fmtp.clone(), packet.payload.to_vec()));
                }
            }
        }
        let fmtp = Some("octet-align=1; mode-set=0,2".into());
        assert_eq!(
            heard,
            [
                (Channel::Customer, at(20), "AMR-WB".to_owned(), fmtp, b"abc".to_vec()),
                (Channel::Agent, at(30), "EVS".to_owned(), None, b"x".to_vec()),
                (Channel::Customer, at(40), "EVS".to_owned(), None, Vec::new()),
            ]
        );
    }

    #[test]
    fn what_is_taken_back_is_gone_and_the_rest_stays() {
        let (mut e, mut file) = (UndecodedEncoder::new(Uuid::from_u128(7), at(0)), Vec::new());
        for ms in 0..10 {
            for (stream, channel) in [(0, Channel::Customer), (1, Channel::Agent), (2, Channel::Agent)] {
                assert!(e.put(&rtp(stream, channel, ms * 20, &[7; 20]), &spec("EVS", ""), &mut file));
            }
        }
        let mut on_disk = tempfile::tempfile().unwrap();
        on_disk.write_all(&file).unwrap();
        on_disk.write_all(b"half a write").unwrap();
        on_disk.rewind().unwrap();
        let is_kept = |stream, _, time| stream != 2 || time < at(100);
        let rest = retain(&on_disk, file.len() as u64, is_kept).unwrap();
        let mut less = vec![0; rest as usize];
        on_disk.read_exact_at(&mut less, 0).unwrap();
        assert_eq!(on_disk.metadata().unwrap().len(), rest);
        assert_eq!((times(&file).len(), times(&less).len()), (30, 25));
        let mut wanted = times(&file);
        let mut n = 0;
        wanted.retain(|(_, time)| {
            n += 1;
            n % 3 != 0 || *time < at(100)
        });
        assert_eq!(times(&less), wanted);
        // Cut anywhere: what is whole is read, nothing panics.
        for n in FILE_HEADER..file.len() {
            assert!(times(&file[..n]).len() <= 30);
        }
        assert!(UndecodedReader::new(&file[..FILE_HEADER - 1]).is_err());
        let mut in_memory = file.clone();
        UndecodedEncoder::retain_in(&mut in_memory, is_kept);
        assert_eq!(in_memory, less);
    }

    #[test]
    fn more_payload_types_than_a_call_has_are_not_kept() {
        let (mut e, mut file) = (UndecodedEncoder::new(Uuid::from_u128(7), at(0)), Vec::new());
        let kept = |pt: u8| KeptRtp { payload_type: pt, ..rtp(0, Channel::Agent, 1, b"abc") };
        let n = (0..128).filter(|pt| e.put(&kept(*pt), &spec("EVS", ""), &mut file)).count();
        assert_eq!(n, MAX_FORMATS);
        let long = vec![0; MAX_RECORD];
        assert!(!e.put(&rtp(0, Channel::Agent, 1, &long), &spec("EVS", ""), &mut file));
    }
}
