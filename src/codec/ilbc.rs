//! iLBC (RFC 3952): frames of 38 octets for 20 ms, or of 50 for 30 ms, as `mode` says.

use super::def::{CodecDef, CodecSpec, Foreign};
use super::foreign::samples_in;
use super::frames::{ForeignCodec, Frames};

/// RFC 3952.
pub const ILBC: CodecDef = CodecDef {
    names: &["iLBC"],
    parameters: &["mode"],
    accepts: Some(|spec| spec.channels == 1 && spec.rtp_clock_hz == 8000),
    foreign: Some(Foreign { codec, take_apart }),
    samples_in: |spec, payload, rate_hz| samples_in(take_apart, spec, payload, rate_hz),
    ..CodecDef::UNKNOWN
};

/// 30 ms where nobody says otherwise (§4.2).
fn codec(spec: &CodecSpec) -> ForeignCodec {
    match spec.parameter("mode") {
        Some("20") => ForeignCodec::Ilbc20,
        _ => ForeignCodec::Ilbc30,
    }
}

fn take_apart(spec: &CodecSpec, payload: &[u8]) -> Option<Frames> {
    let codec = codec(spec);
    let length = if codec == ForeignCodec::Ilbc20 { 38 } else { 50 };
    let mut frames = Frames::of(codec);
    if payload.is_empty() || !payload.len().is_multiple_of(length) {
        return None;
    }
    for frame in payload.chunks_exact(length) {
        frames.push_octets(frame)?;
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_tells_how_long_a_frame_is() {
        let of = |fmtp: &str, n: usize| {
            let spec = CodecSpec::from_rtpmap(97, Some("ILBC"), None, None).with_fmtp(Some(fmtp));
            spec.native_samples_in(&vec![1; n])
        };
        assert_eq!(
            [of("mode=20", 38), of("mode=20", 76), of("mode=20", 50), of("mode=20", 0)],
            [160, 320, 0, 0]
        );
        assert_eq!([of("", 50), of("mode=30", 100), of("", 38)], [240, 480, 0]);
    }
}
