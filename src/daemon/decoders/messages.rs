//! What goes through the pipes between the recorder and the process that decodes.
//!
//! ```text
//! greeting  "NHRD"  version(4)  codecs(4)           once, from the process
//! request   kind(1) codec(1) frames(2) stream(4)    then for each frame: length(2) octets
//! answer    status(1) 0(3) samples(4)               then the samples, two octets each
//! ```
//!
//! Numbers are little-endian: both ends are one program on one machine. A request to decode is
//! answered, one that ends a stream is not.

use crate::codec::frames::{ForeignCodec, MAX_FRAMES};

/// What the greeting begins with.
pub const GREETING: [u8; 4] = *b"NHRD";
/// Octets of the greeting.
pub const GREETING_LEN: usize = 12;
/// Octets of a request's or an answer's beginning.
pub const HEADER_LEN: usize = 8;
/// Octets of a frame, at most.
pub const MAX_FRAME: usize = 2048;

const DECODE: u8 = 1;
const DECODE_FRESH: u8 = 2;
const END: u8 = 3;

/// Status of an answer.
pub const DONE: u8 = 0;
/// Not one frame could be decoded.
pub const REFUSED: u8 = 1;

/// A request, as far as its beginning tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameRequest {
    /// Decode so many frames of a stream; fresh: as if it had just begun.
    Frames {
        /// Which stream.
        stream: u32,
        /// Its codec.
        codec: ForeignCodec,
        /// How many follow.
        frames: usize,
        /// Forget what was before.
        is_fresh: bool,
    },
    /// A stream has ended.
    End(u32),
}

/// Appends the greeting: the library's version, and a bit for each codec by its index.
pub fn put_greeting(version: u32, codecs: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&GREETING);
    out.extend_from_slice(&version.to_le_bytes());
    out.extend_from_slice(&codecs.to_le_bytes());
}

/// Version and codecs of a greeting.
pub fn greeting(octets: &[u8; GREETING_LEN]) -> Option<(u32, u32)> {
    let [a, b, c, d, v0, v1, v2, v3, m0, m1, m2, m3] = *octets;
    let is_greeting = [a, b, c, d] == GREETING;
    is_greeting.then(|| (u32::from_le_bytes([v0, v1, v2, v3]), u32::from_le_bytes([m0, m1, m2, m3])))
}

/// Appends a request to decode. What is longer than a frame can be is cut.
pub fn put_frames((stream, codec, is_fresh): (u32, ForeignCodec, bool), frames: &[&[u8]], out: &mut Vec<u8>) {
    let kind = if is_fresh { DECODE_FRESH } else { DECODE };
    let frames = &frames[..frames.len().min(MAX_FRAMES)];
    put_header(kind, codec.index() as u8, frames.len() as u16, stream, out);
    for frame in frames {
        let frame = &frame[..frame.len().min(MAX_FRAME)];
        out.extend_from_slice(&(frame.len() as u16).to_le_bytes());
        out.extend_from_slice(frame);
    }
}

/// Appends that a stream has ended.
pub fn put_end(stream: u32, out: &mut Vec<u8>) {
    put_header(END, 0, 0, stream, out);
}

fn put_header(kind: u8, codec: u8, frames: u16, stream: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&[kind, codec]);
    out.extend_from_slice(&frames.to_le_bytes());
    out.extend_from_slice(&stream.to_le_bytes());
}

/// A request by its beginning; `None` where it is none.
pub fn request(octets: &[u8; HEADER_LEN]) -> Option<FrameRequest> {
    let [kind, codec, f0, f1, s0, s1, s2, s3] = *octets;
    let stream = u32::from_le_bytes([s0, s1, s2, s3]);
    match kind {
        END => Some(FrameRequest::End(stream)),
        DECODE | DECODE_FRESH => {
            let codec = *ForeignCodec::ALL.get(usize::from(codec))?;
            let frames = usize::from(u16::from_le_bytes([f0, f1]));
            let is_fresh = kind == DECODE_FRESH;
            (frames <= MAX_FRAMES).then_some(FrameRequest::Frames { stream, codec, frames, is_fresh })
        }
        _ => None,
    }
}

/// Appends an answer.
pub fn put_answer(status: u8, samples: &[i16], out: &mut Vec<u8>) {
    out.extend_from_slice(&[status, 0, 0, 0]);
    out.extend_from_slice(&(samples.len() as u32).to_le_bytes());
    samples.iter().for_each(|s| out.extend_from_slice(&s.to_le_bytes()));
}

/// Status and number of samples of an answer by its beginning.
pub fn answer(octets: &[u8; HEADER_LEN]) -> (u8, usize) {
    let [status, _, _, _, n0, n1, n2, n3] = *octets;
    (status, u32::from_le_bytes([n0, n1, n2, n3]) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(octets: &[u8]) -> [u8; HEADER_LEN] {
        octets[..HEADER_LEN].try_into().unwrap()
    }

    #[test]
    fn what_is_put_is_read() {
        let mut out = Vec::new();
        put_frames((7, ForeignCodec::G7231, true), &[&[1, 2, 3], &[4]], &mut out);
        let (stream, codec) = (7, ForeignCodec::G7231);
        assert_eq!(
            request(&header(&out)),
            Some(FrameRequest::Frames { stream, codec, frames: 2, is_fresh: true })
        );
        assert_eq!(out[HEADER_LEN..], [3, 0, 1, 2, 3, 1, 0, 4]);
        out.clear();
        put_end(9, &mut out);
        assert_eq!(request(&header(&out)), Some(FrameRequest::End(9)));
        out.clear();
        put_answer(DONE, &[-2, 5], &mut out);
        assert_eq!((answer(&header(&out)), &out[HEADER_LEN..]), ((DONE, 2), &[0xFE, 0xFF, 5, 0][..]));
        out.clear();
        put_greeting(61 << 16, 5, &mut out);
        assert_eq!(greeting(&out[..].try_into().unwrap()), Some((61 << 16, 5)));
    }

    #[test]
    fn what_is_no_message_is_none() {
        assert_eq!(greeting(&[0; GREETING_LEN]), None);
        for bad in [[0; 8], [9; 8], [1, 8, 1, 0, 0, 0, 0, 0], [1, 0, 0xFF, 0xFF, 0, 0, 0, 0]] {
            assert_eq!(request(&bad), None, "{bad:?}");
        }
    }
}
