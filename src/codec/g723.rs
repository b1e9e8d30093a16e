//! G.723.1 (RFC 3551 §4.5.3): frames for 30 ms, whose first two bits (the lowest of the first octet)
//! tell how long they are.

use super::def::{CodecDef, CodecSpec, Foreign, Impairment};
use super::foreign::samples_in;
use super::frames::{ForeignCodec, Frames};

/// Static type 4.
pub const G723: CodecDef = CodecDef {
    names: &["G723"],
    static_types: &[(4, 8000, 1)],
    quality: Some(Impairment::narrow(15.0, 16.1)),
    tells_time: true,
    accepts: Some(|spec| spec.channels == 1 && spec.rtp_clock_hz == 8000),
    foreign: Some(Foreign { codec: |_| ForeignCodec::G7231, take_apart }),
    samples_in: |spec, payload, rate_hz| samples_in(take_apart, spec, payload, rate_hz),
    ..CodecDef::UNKNOWN
};

/// Octets of a frame by its first two bits: 6.3 kbit/s, 5.3 kbit/s, a background, nothing sent.
const LENGTHS: [usize; 4] = [24, 20, 4, 1];

fn take_apart(_: &CodecSpec, payload: &[u8]) -> Option<Frames> {
    let mut frames = Frames::of(ForeignCodec::G7231);
    let mut rest = payload;
    while let [first, ..] = rest {
        let (frame, after) = rest.split_at_checked(LENGTHS[usize::from(first & 3)])?;
        frames.push_octets(frame)?;
        rest = after;
    }
    (frames.count() > 0).then_some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_says_how_long_it_is() {
        let spec = CodecSpec::from_rtpmap(4, None, None, None);
        let of = |parts: &[(u8, usize)]| {
            let payload: Vec<u8> = parts.iter().flat_map(|(first, n)| vec![*first; *n]).collect();
            spec.native_samples_in(&payload)
        };
        assert_eq!([of(&[(0, 24)]), of(&[(1, 20)]), of(&[(2, 4)]), of(&[(3, 1)])], [240; 4]);
        assert_eq!([of(&[(0, 24), (1, 20), (2, 4)]), of(&[(0, 24), (1, 19)]), of(&[])], [720, 0, 0]);
    }
}
