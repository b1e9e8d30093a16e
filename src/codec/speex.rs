//! Speex in RTP (RFC 5574): frames of 20 ms follow one another bit by bit, and only whoever knows how
//! long each kind of frame is finds the next one.
//!
//! A frame of the narrow band begins with a bit of zero and four bits of its kind; what a wide band
//! adds to it, with a bit of one and three bits. Kind 15 ends a packet, 13 and 14 are no sound.

use super::bits::Bits;
use super::def::{CodecDef, CodecSpec, Foreign};
use super::foreign::samples_in;
use super::frames::{ForeignCodec, Frames};

/// RFC 5574, at 8 and at 16 kHz.
pub const SPEEX: CodecDef = CodecDef {
    names: &["speex"],
    tells_time: true,
    accepts: Some(|spec| spec.channels == 1 && [8000, 16_000].contains(&spec.rtp_clock_hz)),
    foreign: Some(Foreign { codec, take_apart }),
    samples_in: |spec, payload, rate_hz| samples_in(take_apart, spec, payload, rate_hz),
    ..CodecDef::UNKNOWN
};

/// Bits of a frame of the narrow band by its kind, those that tell it included.
const NARROW: [usize; 9] = [5, 43, 119, 160, 220, 300, 364, 492, 79];
/// Bits of what a wide band adds.
const WIDE: [usize; 5] = [4, 36, 112, 192, 352];
/// Kinds that are no frames.
const FOR_USER: u16 = 13;
const FOR_DECODER: u16 = 14;
const END: u16 = 15;
/// Bits of a message to the decoder by its number, the number not included.
const MESSAGES: [usize; 16] = [1, 1, 4, 4, 4, 4, 4, 4, 8, 8, 16, 16, 32, 32, 64, 64];
/// Bands above the narrow one, at most: 16 kHz has one, 32 kHz two.
const MAX_LAYERS: usize = 2;

fn codec(spec: &CodecSpec) -> ForeignCodec {
    match spec.rtp_clock_hz {
        16_000 => ForeignCodec::SpeexWide,
        _ => ForeignCodec::SpeexNarrow,
    }
}

fn take_apart(spec: &CodecSpec, payload: &[u8]) -> Option<Frames> {
    let mut frames = Frames::of(codec(spec));
    let mut bits = Bits::new(payload);
    while bits.left() >= 5 {
        let mut look = bits;
        let is_padding = |mut rest: Bits<'_>| rest.left() < 8 && rest.take(8) == 0;
        if frames.count() > 0 && is_padding(bits) {
            // Some fill the last octet with zeros.
            break;
        }
        if look.take(1) == 1 {
            return None;
        }
        match look.take(4) {
            END => break,
            FOR_DECODER => bits.skip(9 + MESSAGES[usize::from(look.take(4))]),
            FOR_USER => bits.skip(5 + 4 + 1 + 8 * usize::from(look.take(4))),
            kind => {
                let length = *NARROW.get(usize::from(kind))?;
                let length = length + layers(bits, length)?;
                frames.push(|octets| {
                    bits.copy(length, octets)?;
                    end(octets, length);
                    Some(())
                })?;
            }
        }
    }
    (frames.count() > 0).then_some(frames)
}

/// Bits of what a wide band adds to a frame of `length` bits that begins here.
fn layers(mut bits: Bits<'_>, length: usize) -> Option<usize> {
    bits.skip(length);
    let mut all = 0;
    for _ in 0..MAX_LAYERS {
        let mut look = bits;
        if bits.left() < 4 || look.take(1) == 0 {
            break;
        }
        let layer = *WIDE.get(usize::from(look.take(3)))?;
        bits.skip(layer);
        all += layer;
    }
    Some(all)
}

/// Fills the last octet as the end of a packet is filled: a zero, then ones.
fn end(octets: &mut [u8], length: usize) {
    let free = length.next_multiple_of(8) - length;
    if let Some(last) = octets.last_mut().filter(|_| free > 0) {
        *last |= (1 << (free - 1)) - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(clock_hz: u32, bits: &str) -> Option<Vec<String>> {
        let spec = CodecSpec::from_rtpmap(97, Some("speex"), Some(clock_hz), None);
        let bits: Vec<u8> = bits.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
        let octets: Vec<u8> =
            bits.chunks(8).map(|c| c.iter().enumerate().fold(0, |o, (i, b)| o | b << (7 - i))).collect();
        let frames = take_apart(&spec, &octets)?;
        Some(frames.iter().flatten().map(|f| f.iter().map(|o| format!("{o:08b}")).collect()).collect())
    }

    #[test]
    fn frames_are_found_bit_by_bit() {
        let first = format!("0 0001 {}", "10".repeat(19));
        let second = format!("0 0001 {}", "01".repeat(19));
        let plain = |f: &str| f.replace(' ', "");
        let [a, b] = [&first, &second].map(|f| plain(f) + "01111");
        assert_eq!(taken(8000, &format!("{first} 01111")), Some(vec![a.clone()]));
        assert_eq!(taken(8000, &format!("{first} {second} 01111")), Some(vec![a.clone(), b.clone()]));
        // No end said, and a message to the decoder between.
        assert_eq!(taken(8000, &format!("{first} 01110 0010 0011 {second} 0")), Some(vec![a, b]));
        let wide = format!("{first} 1 001 {}", "0".repeat(32));
        let frames = taken(16_000, &format!("{wide} {wide} 0 1111")).unwrap();
        assert_eq!(frames, [plain(&wide) + "0", plain(&wide) + "0"]);
        let spec = CodecSpec::from_rtpmap(97, Some("speex"), Some(16_000), None);
        assert_eq!(spec.native_rate_hz(), 16_000);
    }

    #[test]
    fn what_is_no_frame_is_none() {
        let cut = format!("0 0001 {}", "1".repeat(30));
        for bits in ["", "0111 1111", "1000 0000", "0 1001 000", &cut] {
            assert_eq!(taken(8000, bits), None, "{bits}");
        }
    }
}
