//! A codec as one row: what it is called, how its time runs, how it decodes.
//!
//! A new codec is a file of its own with its row, and a line in `table`:
//! static payload types, metric labels, quality figures and decoders follow
//! from there. A row without decoder is decoded elsewhere, as `foreign` says, or known by name only.

use super::frames::{ForeignCodec, Frames};
use std::fmt::Debug;
use thiserror::Error;

/// What payloads are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadRole {
    /// Sound.
    Sound,
    /// RFC 3389: no sound, a description of the background.
    ComfortNoise,
    /// RFC 4733: key presses, which are counted and not decoded.
    TelephoneEvent,
    /// RFC 2198: packets of another codec, with copies of earlier ones.
    Redundant,
}

/// Turns the payloads of one stream into mono samples; keeps what the codec remembers.
pub trait Decode: Debug + Send {
    /// Samples a second that come out.
    fn rate_hz(&self) -> u32;

    /// Appends the samples of one payload; on error nothing, and the state is as before.
    ///
    /// # Errors
    /// [`DecodeError`]: the payload is none of this codec's.
    fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), DecodeError>;

    /// Whether [`Decode::conceal`] does better than to repeat what was heard.
    fn conceals(&self) -> bool {
        false
    }

    /// Appends `samples` samples in place of lost payloads.
    fn conceal(&mut self, samples: usize, out: &mut Vec<i16>) {
        out.resize(out.len() + samples, 0);
    }

    /// The same, where the payload that comes after them is known, which may hold a copy.
    fn conceal_before(&mut self, samples: usize, _next: &[u8], out: &mut Vec<i16>) {
        self.conceal(samples, out);
    }

    /// Back to the state before the first payload.
    fn reset(&mut self) {}
}

/// Makes the decoder of a stream, to give samples at about this rate (Hz) if it can choose.
pub type MakeDecoder = fn(&CodecSpec, u32) -> Option<Box<dyn Decode>>;

/// Decodes the frames of one stream, in order.
pub trait DecodeFrames: Debug + Send {
    /// Appends [`ForeignCodec::frame_samples`] samples for each frame: silence for one that is none.
    ///
    /// # Errors
    /// [`DecodeError`]: not one of them could be decoded; nothing was appended.
    fn decode(&mut self, frames: &[&[u8]], out: &mut Vec<i16>) -> Result<(), DecodeError>;

    /// Back to the state before the first frame.
    fn reset(&mut self);
}

/// Whoever decodes what is not decoded here.
pub trait ForeignDecoders: Debug + Send + Sync {
    /// Can it decode this?
    fn has(&self, codec: ForeignCodec) -> bool;

    /// A decoder for one more stream; `None` where it cannot decode this, or not so many at once.
    fn open(&self, codec: ForeignCodec) -> Option<Box<dyn DecodeFrames>>;
}

/// Takes a payload apart; `None` where it is none of this codec's.
pub type TakeApart = fn(&CodecSpec, &[u8]) -> Option<Frames>;

/// One codec.
#[derive(Debug)]
pub struct CodecDef {
    /// Encoding names of `a=rtpmap`, in any letter case (RFC 4855 §3); the usual one first.
    /// It is the label of the metrics.
    pub names: &'static [&'static str],
    /// What its payloads are for.
    pub role: PayloadRole,
    /// Static payload types (RFC 3551 tables 4 and 5): number, clock in Hz, channels.
    pub static_types: &'static [(u8, u32, u8)],
    /// RTP clock in Hz, whatever is written in SDP; `None`: as written.
    pub clock_hz: Option<u32>,
    /// Samples a second of its sound; `None`: as many as its clock ticks.
    pub native_hz: Option<u32>,
    /// How it degrades, where figures are known.
    pub quality: Option<Impairment>,
    /// Parameters of `a=fmtp` that its decoder reads.
    pub parameters: &'static [&'static str],
    /// A payload tells its time by itself, not by its length.
    pub tells_time: bool,
    /// Which clocks and channels its decoder takes; `None`: all.
    pub accepts: Option<fn(&CodecSpec) -> bool>,
    /// Samples at this rate (Hz) that a payload holds, channels counted once; zero where that
    /// cannot be told.
    pub samples_in: fn(&CodecSpec, &[u8], u32) -> usize,
    /// `None`: it cannot be decoded here.
    pub decoder: Option<MakeDecoder>,
    /// How its frames are had by whoever decodes them elsewhere.
    pub foreign: Option<Foreign>,
}

/// A codec that is decoded elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Foreign {
    /// What it is called there.
    pub codec: fn(&CodecSpec) -> ForeignCodec,
    /// Takes its payloads apart.
    pub take_apart: TakeApart,
}

impl CodecDef {
    /// What is not known, and the blank that rows begin with.
    pub const UNKNOWN: CodecDef = CodecDef {
        names: &["other"],
        role: PayloadRole::Sound,
        static_types: &[],
        clock_hz: None,
        native_hz: None,
        quality: None,
        parameters: &[],
        tells_time: false,
        accepts: None,
        samples_in: |_, _, _| 0,
        decoder: None,
        foreign: None,
    };

    /// Whether some of its payloads may be sound that is not decoded: no decoder, or none for its clock or
    /// channels.
    pub fn may_be_undecodable(&self) -> bool {
        self.role == PayloadRole::Sound && (self.decoder.is_none() || self.accepts.is_some())
    }

    /// Is it called this?
    pub fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// One payload type of a stream.
#[derive(Clone, Debug)]
pub struct CodecSpec {
    /// The codec.
    pub def: &'static CodecDef,
    /// Encoding name as SDP wrote it, or RFC 3551's for a static type; `PT96`
    /// where neither says. A bounded number of printable ASCII characters.
    pub name: String,
    /// RTP timestamp units a second; never zero.
    pub rtp_clock_hz: u32,
    /// Channels in the payload; at least 1.
    pub channels: u8,
    /// `a=fmtp` parameters as the receiver of the payload wrote them.
    pub fmtp: Option<Box<str>>,
}

/// Two are equal when one decoder serves both: of `fmtp` only what the decoder reads is
/// compared, as the sides of a call word theirs differently.
impl PartialEq for CodecSpec {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.def, other.def)
            && self.name == other.name
            && self.rtp_clock_hz == other.rtp_clock_hz
            && self.channels == other.channels
            && self.def.parameters.iter().all(|p| self.parameter(p) == other.parameter(p))
    }
}

impl Eq for CodecSpec {}

impl CodecSpec {
    /// With the parameters of `a=fmtp`, where there are any.
    pub fn with_fmtp(self, fmtp: Option<&str>) -> CodecSpec {
        CodecSpec { fmtp: fmtp.filter(|f| !f.is_empty()).map(Box::from), ..self }
    }

    /// A parameter of `a=fmtp` (RFC 8866 §6.15), its name in any letter case; empty where it
    /// has no value.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.fmtp.as_deref()?.split(';').find_map(|p| {
            let (own, value) = p.split_once('=').unwrap_or((p, ""));
            own.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Whether its payloads can be decoded, here or by whoever has a decoder for them.
    pub fn is_decodable(&self) -> bool {
        (self.def.decoder.is_some() || self.def.foreign.is_some())
            && self.def.accepts.is_none_or(|accepts| accepts(self))
    }

    /// Whether its payloads can be decoded here, or by `decoders`.
    pub fn is_decodable_by(&self, decoders: Option<&dyn ForeignDecoders>) -> bool {
        let is_foreign = || {
            let codec = self.def.foreign.as_ref().map(|f| (f.codec)(self));
            decoders.zip(codec).is_some_and(|(decoders, codec)| decoders.has(codec))
        };
        self.is_decodable() && (self.def.decoder.is_some() || is_foreign())
    }

    /// Whether payloads are sound that can be decoded.
    pub fn is_sound(&self) -> bool {
        self.def.role == PayloadRole::Sound && self.is_decodable()
    }

    /// Whether payloads mean nothing here: sound that is not decoded here, nor by `decoders`.
    pub fn is_unreadable_by(&self, decoders: Option<&dyn ForeignDecoders>) -> bool {
        self.def.role == PayloadRole::Sound && !self.is_decodable_by(decoders)
    }

    /// The rate at which the codec's sound is sampled, which is the RTP clock
    /// but for G.722 (16 kHz on a clock of 8 kHz).
    pub fn native_rate_hz(&self) -> u32 {
        self.def.native_hz.filter(|_| self.is_decodable()).unwrap_or(self.rtp_clock_hz)
    }

    /// RTP timestamp units that `payload` lasts; zero where that cannot be told.
    pub fn rtp_ticks(&self, payload: &[u8]) -> u32 {
        let samples = self.native_samples_in(payload) as u64;
        (samples * u64::from(self.rtp_clock_hz) / u64::from(self.native_rate_hz().max(1))) as u32
    }

    /// Samples at [`CodecSpec::native_rate_hz`] that `payload` holds, channels
    /// counted once; zero where that cannot be told.
    pub fn native_samples_in(&self, payload: &[u8]) -> usize {
        match self.is_decodable() {
            true => (self.def.samples_in)(self, payload, self.native_rate_hz()),
            false => 0,
        }
    }
}

/// How a codec degrades: G.113 appendix I (narrow band) and IV (wide band).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impairment {
    /// Rating of the unimpaired connection on the codec's own scale.
    pub r0: f64,
    /// Ie: equipment impairment without loss.
    pub ie: f64,
    /// Bpl: robustness against packet loss.
    pub bpl: f64,
    /// Divisor onto the scale of 100 (wide-band ratings run to 129, G.107.1).
    pub scale: f64,
}

/// Default R of G.107 with no equipment impairment.
const R0_NARROW: f64 = 93.2;
/// The same of G.107.1, wide band.
const R0_WIDE: f64 = 129.0;
impl Impairment {
    /// Of a narrow-band codec: Ie, Bpl.
    pub const fn narrow(ie: f64, bpl: f64) -> Impairment {
        Impairment { r0: R0_NARROW, ie, bpl, scale: 1.0 }
    }

    /// Of a wide-band codec: Ie, Bpl on the scale of 129.
    pub const fn wide(ie: f64, bpl: f64) -> Impairment {
        Impairment { r0: R0_WIDE, ie, bpl, scale: R0_WIDE / 100.0 }
    }

    /// Loss weighs as much of a wide-band scale as of a narrow-band one.
    pub fn ie_on_scale(&self, ie_eff: f64) -> f64 {
        self.ie + (ie_eff - self.ie) * self.scale
    }
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
