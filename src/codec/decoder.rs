//! One stream's payloads of one codec to mono samples at the recording's rate.
//!
//! Where the rates differ, output trails input by a few milliseconds: the
//! first sample of a `decode` call then belongs [`Decoder::lag`] samples
//! (asked before the call) ahead of the packet's own place. A run of packets
//! ends with [`Decoder::finish`], which gives what is still inside.

use thiserror::Error;

use super::conceal::Concealer;
use super::g711::Law;
use super::g722::G722Decoder;
use super::opus::{self, OpusDecoder};
use super::resample::Resampler;
use super::{Codec, CodecSpec, comfort_noise, l16};

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

/// Why a payload gave no samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not one whole sample of every channel.
    #[error("payload too short: {0} bytes")]
    TooShort(usize),
    /// Longer than any datagram.
    #[error("payload too long: {0} bytes")]
    TooLong(usize),
    /// Not a packet of this codec.
    #[error("payload is not valid for its codec")]
    Corrupt,
}

/// Decoder of one stream; keeps what the codec and the filters remember.
#[derive(Debug)]
pub struct Decoder {
    stage: Stage,
    /// Rate at which `stage` gives samples.
    native_hz: u32,
    output_hz: u32,
    resampler: Option<Resampler>,
    concealer: Concealer,
    /// Samples on their way to the resampler; empty between calls.
    native: Vec<i16>,
    /// Fraction of a native sample owed to concealment, in 1/`output_hz`.
    owed: u64,
}

#[derive(Debug)]
enum Stage {
    G711(Law),
    G722(Box<G722Decoder>),
    Opus(OpusDecoder),
    L16 { channels: u8 },
    Silence,
}

impl Decoder {
    /// For payloads of `spec`, giving samples at `output_rate_hz`. Comfort
    /// noise has a decoder (it gives no samples); telephone events have none.
    pub fn new(spec: &CodecSpec, output_rate_hz: u32) -> Result<Decoder, UnsupportedCodec> {
        let mut native_hz = spec.native_rate_hz();
        let unsupported = || UnsupportedCodec::Codec(spec.name.clone());
        let stage = match spec.codec {
            Codec::Pcmu => Stage::G711(Law::Mu),
            Codec::Pcma => Stage::G711(Law::A),
            Codec::G722 => Stage::G722(Box::default()),
            Codec::Opus => {
                if opus::RATES_HZ.contains(&output_rate_hz) {
                    native_hz = output_rate_hz;
                }
                Stage::Opus(OpusDecoder::new(native_hz).ok_or_else(unsupported)?)
            }
            Codec::L16 { channels, .. } => Stage::L16 { channels },
            Codec::ComfortNoise => {
                native_hz = output_rate_hz;
                Stage::Silence
            }
            Codec::TelephoneEvent | Codec::Red | Codec::Undecodable => return Err(unsupported()),
        };
        let rate = UnsupportedCodec::Rate { from_hz: native_hz, to_hz: output_rate_hz };
        let resampler = match native_hz == output_rate_hz && output_rate_hz > 0 {
            true => None,
            false => Some(Resampler::new(native_hz, output_rate_hz).ok_or(rate)?),
        };
        Ok(Decoder {
            stage,
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
        if payload.len() > MAX_PAYLOAD {
            return Err(DecodeError::TooLong(payload.len()));
        }
        match &mut self.resampler {
            None => {
                let start = out.len();
                self.stage.decode(payload, out)?;
                self.stage.remember(&mut self.concealer, &out[start..]);
            }
            Some(resampler) => {
                self.native.clear();
                self.stage.decode(payload, &mut self.native)?;
                self.stage.remember(&mut self.concealer, &self.native);
                resampler.push(&self.native, out);
            }
        }
        Ok(())
    }

    /// Puts `samples` output samples in place of lost payloads: an imitation of
    /// what came before for at most 60 ms, then silence.
    pub fn conceal(&mut self, samples: usize, out: &mut Vec<i16>) {
        match &mut self.resampler {
            None => self.stage.conceal(&mut self.concealer, samples, out),
            Some(resampler) => {
                let owed = self.owed + samples as u64 * u64::from(self.native_hz);
                let count = (owed / u64::from(self.output_hz)) as usize;
                self.owed = owed % u64::from(self.output_hz);
                self.native.clear();
                self.stage.conceal(&mut self.concealer, count, &mut self.native);
                resampler.push(&self.native, out);
            }
        }
    }

    /// Samples at the output rate that `payload` amounts to, by its length or
    /// header; zero where that cannot be told.
    pub fn samples_in(&self, payload: &[u8]) -> usize {
        let native = match &self.stage {
            Stage::G711(_) => payload.len(),
            Stage::G722(_) => payload.len() * super::g722::SAMPLES_PER_OCTET,
            Stage::Opus(_) => opus::samples_in(payload, self.native_hz).unwrap_or(0),
            Stage::L16 { channels } => payload.len() / 2 / usize::from((*channels).max(1)),
            Stage::Silence => 0,
        };
        match self.resampler {
            None => native,
            Some(_) => (native as u64 * u64::from(self.output_hz) / u64::from(self.native_hz)) as usize,
        }
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
        match &mut self.stage {
            Stage::G722(g722) => **g722 = G722Decoder::new(),
            Stage::Opus(opus) => opus.reset(),
            Stage::G711(_) | Stage::L16 { .. } | Stage::Silence => {}
        }
        if let Some(resampler) = &mut self.resampler {
            resampler.reset();
        }
        self.concealer.reset();
        self.owed = 0;
    }
}

impl Stage {
    fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), DecodeError> {
        let shortest = match self {
            Stage::L16 { channels } => 2 * usize::from((*channels).max(1)),
            Stage::G711(_) | Stage::G722(_) | Stage::Opus(_) | Stage::Silence => 1,
        };
        if payload.len() < shortest {
            return Err(DecodeError::TooShort(payload.len()));
        }
        match self {
            Stage::G711(law) => law.decode_into(payload, out),
            Stage::G722(g722) => g722.decode_into(payload, out),
            Stage::Opus(opus) => opus.decode_into(payload, out)?,
            Stage::L16 { channels } => l16::decode_into(payload, *channels, out),
            Stage::Silence if comfort_noise::is_valid(payload) => {}
            Stage::Silence => return Err(DecodeError::Corrupt),
        }
        Ok(())
    }

    fn remember(&self, concealer: &mut Concealer, samples: &[i16]) {
        match self {
            Stage::G711(_) | Stage::G722(_) | Stage::L16 { .. } => concealer.received(samples),
            Stage::Opus(_) | Stage::Silence => {}
        }
    }

    fn conceal(&mut self, concealer: &mut Concealer, samples: usize, out: &mut Vec<i16>) {
        match self {
            Stage::Opus(opus) => opus.conceal(samples, out),
            Stage::G711(_) | Stage::G722(_) | Stage::L16 { .. } | Stage::Silence => {
                concealer.conceal(samples, out);
            }
        }
    }
}

#[cfg(test)]
mod tests;
