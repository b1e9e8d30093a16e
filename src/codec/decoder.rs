//! One stream's payloads of one codec to mono samples at the recording's rate.
//!
//! Where the rates differ, output trails input by a few milliseconds: the
//! first sample of a `decode` call then belongs [`Decoder::lag`] samples
//! (asked before the call) ahead of the packet's own place. A run of packets
//! ends with [`Decoder::finish`], which gives what is still inside.

use thiserror::Error;

use super::conceal::Concealer;
use super::def::{CodecSpec, Decode, DecodeError, ForeignDecoders};
use super::foreign::ForeignDecoder;
use super::resample::Resampler;

/// No UDP payload is longer.
const MAX_PAYLOAD: usize = 65_535;

/// Why a decoder cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnsupportedCodec {
    /// The codec is not sound, or not one that can be decoded.
    #[error("{0} cannot be decoded")]
    Codec(String),
    /// No conversion between these rates, Hz.
    #[error("cannot convert {from_hz} Hz to {to_hz} Hz")]
    Rate {
        /// The codec's rate.
        from_hz: u32,
        /// The recording's rate.
        to_hz: u32,
    },
}

/// What came after a loss, as far as it is known.
enum Next<'a> {
    Unknown,
    /// As it was sent, for codecs that conceal by themselves.
    Payload(&'a [u8]),
    /// Decoded, at the codec's rate.
    Sound(&'a [i16]),
}

/// Decoder of one stream; keeps what the codec and the filters remember.
#[derive(Debug)]
pub struct Decoder {
    codec: Box<dyn Decode>,
    /// What it decodes.
    spec: CodecSpec,
    /// Rate at which `codec` gives samples.
    native_hz: u32,
    output_hz: u32,
    resampler: Option<Resampler>,
    concealer: Concealer,
    /// Samples on their way to the resampler; empty between calls.
    native: Vec<i16>,
    /// Fraction of a native sample owed to concealment, in 1/`output_hz`.
    owed: u64,
}

impl Decoder {
    /// For payloads of `spec`, giving samples at `output_rate_hz`. Comfort
    /// noise has a decoder (it gives no samples); telephone events have none.
    pub fn new(spec: &CodecSpec, output_rate_hz: u32) -> Result<Decoder, UnsupportedCodec> {
        Decoder::with(spec, output_rate_hz, None)
    }

    /// The same, where what is not decoded here is decoded by `decoders`.
    pub fn with(
        spec: &CodecSpec,
        output_rate_hz: u32,
        decoders: Option<&dyn ForeignDecoders>,
    ) -> Result<Decoder, UnsupportedCodec> {
        let own = spec.def.decoder.filter(|_| spec.is_decodable());
        let foreign = || {
            let decoder = ForeignDecoder::new(spec, decoders.filter(|_| spec.is_decodable())?)?;
            Some(Box::new(decoder) as Box<dyn Decode>)
        };
        let codec = own.map_or_else(foreign, |make| make(spec, output_rate_hz));
        let codec = codec.ok_or_else(|| UnsupportedCodec::Codec(spec.name.clone()))?;
        let native_hz = codec.rate_hz();
        let rate = UnsupportedCodec::Rate { from_hz: native_hz, to_hz: output_rate_hz };
        let resampler = match native_hz == output_rate_hz && output_rate_hz > 0 {
            true => None,
            false => Some(Resampler::new(native_hz, output_rate_hz).ok_or(rate)?),
        };
        Ok(Decoder {
            codec,
            spec: spec.clone(),
            native_hz,
            output_hz: output_rate_hz,
            resampler,
            concealer: Concealer::new(native_hz),
            native: Vec::new(),
            owed: 0,
        })
    }

    /// Appends the samples of one payload; on error nothing, and the state is
    /// as before. Payloads come in the order they were sent.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), DecodeError> {
        check_length(payload)?;
        match &mut self.resampler {
            None => {
                let start = out.len();
                self.codec.decode(payload, out)?;
                if !self.codec.conceals() {
                    self.concealer.received(&out[start..]);
                }
            }
            Some(resampler) => {
                self.native.clear();
                self.codec.decode(payload, &mut self.native)?;
                if !self.codec.conceals() {
                    self.concealer.received(&self.native);
                }
                resampler.push(&self.native, out);
            }
        }
        Ok(())
    }

    /// Puts `samples` output samples in place of lost payloads: an imitation of
    /// what came before for at most 60 ms, then silence.
    pub fn conceal(&mut self, samples: usize, out: &mut Vec<i16>) {
        self.conceal_towards(samples, &Next::Unknown, out);
    }

    /// The next payload, where those of `samples` output samples before it were lost. Appends to `lost` what
    /// stands for them, led over to the payload; to `out` the samples of the payload, as
    /// [`Decoder::decode`] does. On error only `lost` is filled.
    pub fn decode_after_loss(
        &mut self,
        samples: usize,
        payload: &[u8],
        lost: &mut Vec<i16>,
        out: &mut Vec<i16>,
    ) -> Result<(), DecodeError> {
        if self.codec.conceals() {
            self.conceal_towards(samples, &Next::Payload(payload), lost);
            return self.decode(payload, out);
        }
        let mut next = Vec::new();
        let decoded = check_length(payload).and_then(|()| self.codec.decode(payload, &mut next));
        self.conceal_towards(samples, &Next::Sound(&next), lost);
        decoded?;
        self.concealer.received(&next);
        match &mut self.resampler {
            None => out.append(&mut next),
            Some(resampler) => resampler.push(&next, out),
        }
        Ok(())
    }

    fn conceal_towards(&mut self, samples: usize, next: &Next<'_>, out: &mut Vec<i16>) {
        match &mut self.resampler {
            None => conceal(&mut *self.codec, &mut self.concealer, samples, next, out),
            Some(resampler) => {
                let owed = self.owed + samples as u64 * u64::from(self.native_hz);
                let count = (owed / u64::from(self.output_hz)) as usize;
                self.owed = owed % u64::from(self.output_hz);
                self.native.clear();
                conceal(&mut *self.codec, &mut self.concealer, count, next, &mut self.native);
                resampler.push(&self.native, out);
            }
        }
    }

    /// Samples at the output rate that `payload` amounts to, by its length or
    /// header; zero where that cannot be told.
    pub fn samples_in(&self, payload: &[u8]) -> usize {
        let native = (self.spec.def.samples_in)(&self.spec, payload, self.native_hz);
        match self.resampler {
            None => native,
            Some(_) => (native as u64 * u64::from(self.output_hz) / u64::from(self.native_hz)) as usize,
        }
    }

    /// Whether samples are converted from the codec's rate to the recording's.
    pub fn converts(&self) -> bool {
        self.resampler.is_some()
    }

    /// Output samples that belong to payloads already taken and have not come
    /// out. Zero unless rates are converted.
    pub fn lag(&self) -> usize {
        self.resampler.as_ref().map_or(0, Resampler::lag)
    }

    /// Appends the `lag()` samples still inside. The codec's own state stays:
    /// what follows may be the same stream after a pause.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        if let Some(resampler) = &mut self.resampler {
            resampler.finish(out);
        }
        self.owed = 0;
    }

    /// Forgets everything: what follows is unrelated to what was.
    pub fn reset(&mut self) {
        self.codec.reset();
        if let Some(resampler) = &mut self.resampler {
            resampler.reset();
        }
        self.concealer.reset();
        self.owed = 0;
    }
}

fn check_length(payload: &[u8]) -> Result<(), DecodeError> {
    match payload.len() {
        0 => Err(DecodeError::TooShort(0)),
        1..=MAX_PAYLOAD => Ok(()),
        n => Err(DecodeError::TooLong(n)),
    }
}

/// By the codec itself, or by repeating what was heard.
fn conceal(
    codec: &mut dyn Decode,
    concealer: &mut Concealer,
    samples: usize,
    next: &Next<'_>,
    out: &mut Vec<i16>,
) {
    match (codec.conceals(), next) {
        (true, Next::Payload(payload)) => codec.conceal_before(samples, payload, out),
        (true, Next::Unknown | Next::Sound(_)) => codec.conceal(samples, out),
        (false, Next::Sound(sound)) => concealer.conceal(samples, sound, out),
        (false, Next::Unknown | Next::Payload(_)) => concealer.conceal(samples, &[], out),
    }
}

#[cfg(test)]
mod tests;
