//! Codecs whose payloads are taken apart here and whose frames are decoded elsewhere.
//!
//! Their reference code may not be linked, or they are too rare for a decoder of our own. Who makes
//! the core gives it [`ForeignDecoders`], or none, and then they are known by name only. What is
//! behind that trait, this module must not know.

use super::def::{CodecSpec, Decode, DecodeError, DecodeFrames, ForeignDecoders, TakeApart};
use super::frames::ForeignCodec;

/// Samples at `rate_hz` of the frames in a payload, channels counted once.
pub fn samples_in(take_apart: TakeApart, spec: &CodecSpec, payload: &[u8], rate_hz: u32) -> usize {
    let Some(frames) = take_apart(spec, payload) else { return 0 };
    let samples = (frames.count() * frames.codec.frame_samples()) as u64;
    (samples * u64::from(rate_hz) / u64::from(frames.codec.rate_hz())) as usize
}

/// The decoder of one stream: frames go out, samples come back.
#[derive(Debug)]
pub struct ForeignDecoder {
    spec: CodecSpec,
    take_apart: TakeApart,
    codec: ForeignCodec,
    inner: Box<dyn DecodeFrames>,
}

impl ForeignDecoder {
    /// For payloads of `spec`; `None` where `decoders` has none for them.
    pub fn new(spec: &CodecSpec, decoders: &dyn ForeignDecoders) -> Option<ForeignDecoder> {
        let foreign = spec.def.foreign.as_ref()?;
        let codec = (foreign.codec)(spec);
        let inner = decoders.open(codec)?;
        Some(ForeignDecoder { spec: spec.clone(), take_apart: foreign.take_apart, codec, inner })
    }
}

impl Decode for ForeignDecoder {
    fn rate_hz(&self) -> u32 {
        self.codec.rate_hz()
    }

    fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), DecodeError> {
        let frames = (self.take_apart)(&self.spec, payload).filter(|f| f.codec == self.codec);
        let frames = frames.ok_or(DecodeError::Corrupt)?;
        let coded: Vec<&[u8]> = frames.iter().flatten().collect();
        let n = self.codec.frame_samples();
        let start = out.len();
        if coded.len() == frames.count() {
            self.inner.decode(&coded, out)?;
        } else {
            let mut spoken = Vec::new();
            if !coded.is_empty() {
                self.inner.decode(&coded, &mut spoken)?;
            }
            let mut spoken = spoken.chunks_exact(n);
            for frame in frames.iter() {
                match frame.and_then(|_| spoken.next()) {
                    Some(samples) => out.extend_from_slice(samples),
                    None => out.resize(out.len() + n, 0),
                }
            }
        }
        // Whoever decodes is another program, which may err.
        out.resize(start + n * frames.count(), 0);
        Ok(())
    }

    fn reset(&mut self) {
        self.inner.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::super::frames::MAX_FRAMES;
    use super::*;

    /// "Decodes" each frame to its first octet, again and again.
    #[derive(Debug)]
    struct Echo(ForeignCodec);

    impl DecodeFrames for Echo {
        fn decode(&mut self, frames: &[&[u8]], out: &mut Vec<i16>) -> Result<(), DecodeError> {
            for f in frames {
                let said = f.first().map_or(-1, |o| i16::from(*o));
                out.extend(std::iter::repeat_n(said, self.0.frame_samples()));
            }
            Ok(())
        }
        fn reset(&mut self) {}
    }

    impl ForeignDecoders for ForeignCodec {
        fn has(&self, codec: ForeignCodec) -> bool {
            codec == *self
        }
        fn open(&self, codec: ForeignCodec) -> Option<Box<dyn DecodeFrames>> {
            (codec == *self).then(|| Box::new(Echo(codec)) as _)
        }
    }

    #[test]
    fn silence_keeps_its_place_among_the_frames() {
        let spec = CodecSpec::from_rtpmap(18, None, None, None);
        let mut decoder = ForeignDecoder::new(&spec, &ForeignCodec::G729).unwrap();
        assert!(ForeignDecoder::new(&spec, &ForeignCodec::G7231).is_none());
        let mut payload = vec![7; 10];
        payload.extend([8; 10]);
        payload.extend([9; 2]);
        let mut out = vec![1];
        decoder.decode(&payload, &mut out).unwrap();
        let right: Vec<i16> =
            [1].into_iter().chain([7, 8, 0].map(|s| [s; 80]).into_iter().flatten()).collect();
        assert_eq!(out, right);
        decoder.decode(&[9; 2], &mut out).unwrap();
        assert_eq!((out.len(), out[250]), (321, 0), "nothing but silence needs no decoder");
        assert_eq!(decoder.decode(&[9; 3], &mut out), Err(DecodeError::Corrupt));
        assert_eq!(out.len(), 321);
    }

    #[test]
    fn as_many_frames_as_a_payload_may_hold_and_no_more() {
        let spec = CodecSpec::from_rtpmap(18, None, None, None);
        assert_eq!(spec.native_samples_in(&[0; 10 * MAX_FRAMES]), 80 * MAX_FRAMES);
        assert_eq!(spec.native_samples_in(&[0; 10 * MAX_FRAMES + 10]), 0);
    }
}
