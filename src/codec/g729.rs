//! G.729 and its annexes A and B (RFC 3551 §4.5.6): frames of 10 octets for 10 ms, and perhaps one of
//! two octets at the end, which describes the background after which nothing is sent.

use super::def::{CodecDef, CodecSpec, Foreign, Impairment};
use super::foreign::samples_in;
use super::frames::{ForeignCodec, Frames};

/// Static type 18.
pub const G729: CodecDef = CodecDef {
    names: &["G729", "G729A", "G729B", "G729AB"],
    static_types: &[(18, 8000, 1)],
    quality: Some(Impairment::narrow(11.0, 19.0)),
    accepts: Some(|spec| spec.channels == 1 && spec.rtp_clock_hz == 8000),
    foreign: Some(Foreign { codec: |_| ForeignCodec::G729, take_apart }),
    samples_in: |spec, payload, rate_hz| samples_in(take_apart, spec, payload, rate_hz),
    ..CodecDef::UNKNOWN
};

/// Octets of a frame.
const FRAME: usize = 10;
/// Octets of a background.
const BACKGROUND: usize = 2;

fn take_apart(_: &CodecSpec, payload: &[u8]) -> Option<Frames> {
    let mut frames = Frames::of(ForeignCodec::G729);
    let whole = payload.chunks_exact(FRAME);
    let rest = whole.remainder().len();
    for frame in whole {
        frames.push_octets(frame)?;
    }
    match rest {
        0 if payload.is_empty() => return None,
        0 => {}
        BACKGROUND => frames.push_silence()?,
        _ => return None,
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_a_background() {
        let spec = CodecSpec::from_rtpmap(18, None, None, None);
        let lengths = [0, 2, 9, 10, 12, 20, 22, 24, 60].map(|n| spec.native_samples_in(&vec![1; n]));
        assert_eq!(lengths, [0, 80, 0, 80, 160, 160, 240, 0, 480]);
    }
}
