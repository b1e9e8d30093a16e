//! Payload to samples: what a codec is called, and its decoder.
//!
//! A [`CodecSpec`] is one payload type as SDP or RFC 3551 names it; a
//! [`Decoder`] turns its payloads into mono 16-bit samples at the rate of the
//! recording. This module knows nothing of RTP headers, loss or time: who
//! calls it says what was lost and where samples belong.

pub mod comfort_noise;
pub mod conceal;
mod decoder;
pub mod formats;
pub mod g711;
pub mod g722;
pub mod l16;
pub mod opus;
pub mod quality;
pub mod red;
pub mod resample;
pub mod telephone_event;

pub use decoder::{DecodeError, Decoder, UnsupportedCodec};

/// What a payload type carries, as far as it concerns decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// RFC 7587.
    Opus,
    /// Linear PCM in network byte order.
    L16 {
        /// Samples a second of each channel.
        rate_hz: u32,
        /// Interleaved channels, at least 1.
        channels: u8,
    },
    /// RFC 3389: no sound, a description of the background.
    ComfortNoise,
    /// RFC 4733: key presses, which are counted and not decoded.
    TelephoneEvent,
    /// RFC 2198: packets of another codec, with copies of earlier ones.
    Red,
    /// Anything else: the recording has silence there and names the codec.
    Undecodable,
}

impl Codec {
    /// A name from a closed set, for metrics.
    pub fn label(self) -> &'static str {
        match self {
            Codec::Pcmu => "pcmu",
            Codec::Pcma => "pcma",
            Codec::G722 => "g722",
            Codec::Opus => "opus",
            Codec::L16 { .. } => "l16",
            Codec::ComfortNoise => "comfort_noise",
            Codec::TelephoneEvent => "telephone_event",
            Codec::Red => "red",
            Codec::Undecodable => "undecodable",
        }
    }

    /// Whether payloads are sound that can be decoded.
    pub fn is_audio(self) -> bool {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::Opus | Codec::L16 { .. } => true,
            Codec::ComfortNoise | Codec::TelephoneEvent | Codec::Red | Codec::Undecodable => false,
        }
    }
}

/// One payload type of a stream.
///
/// Two are equal when one decoder serves both: `fmtp` is not compared, as no
/// decoder here reads it, and the sides of a call word theirs differently.
#[derive(Clone, Debug)]
pub struct CodecSpec {
    /// How to decode it.
    pub codec: Codec,
    /// Encoding name as SDP wrote it, or RFC 3551's for a static type; `PT96`
    /// where neither says. At most [`MAX_NAME`] printable ASCII characters.
    pub name: String,
    /// RTP timestamp units a second; never zero.
    pub rtp_clock_hz: u32,
    /// Channels in the payload; at least 1.
    pub channels: u8,
    /// `a=fmtp` parameters as the receiver of the payload wrote them.
    pub fmtp: Option<Box<str>>,
}

impl PartialEq for CodecSpec {
    fn eq(&self, other: &Self) -> bool {
        self.codec == other.codec
            && self.name == other.name
            && self.rtp_clock_hz == other.rtp_clock_hz
            && self.channels == other.channels
    }
}

impl Eq for CodecSpec {}

/// Bound of [`CodecSpec::name`], characters: it comes from strangers' SDP.
pub const MAX_NAME: usize = 32;

/// A row of RFC 3551 tables 4 and 5: name, clock, channels.
type StaticType = (&'static str, u32, u8);

impl CodecSpec {
    /// From the parts of `a=rtpmap:PT NAME/CLOCK/CHANNELS`, as far as present.
    /// Without a name the static assignments of RFC 3551 §6 hold; a clock or
    /// channel count that is missing or zero takes the encoding's default.
    pub fn from_rtpmap(
        payload_type: u8,
        name: Option<&str>,
        clock_hz: Option<u32>,
        channels: Option<u8>,
    ) -> CodecSpec {
        let assigned = static_type(payload_type);
        let name: String = match (name.map(printable), assigned) {
            (Some(name), _) if !name.is_empty() => name,
            (_, Some((name, _, _))) => name.to_owned(),
            (_, None) => format!("PT{payload_type}"),
        };
        // The static type's numbers hold only under its own name.
        let assigned = assigned.filter(|(n, _, _)| name.eq_ignore_ascii_case(n));
        let channels =
            channels.filter(|&c| c > 0).unwrap_or_else(|| assigned.map_or(1, |(_, _, channels)| channels));
        let clock_hz = clock_hz.filter(|&c| c > 0);
        let rtp_clock_hz = clock_hz.unwrap_or_else(|| assigned.map_or(8000, |(_, clock, _)| clock));
        let (codec, rtp_clock_hz) = classify(&name, rtp_clock_hz, channels);
        CodecSpec { codec, name, rtp_clock_hz, channels, fmtp: None }
    }

    /// With the parameters of `a=fmtp`, where there are any.
    pub fn with_fmtp(self, fmtp: Option<&str>) -> CodecSpec {
        CodecSpec { fmtp: fmtp.filter(|f| !f.is_empty()).map(Box::from), ..self }
    }

    /// The rate at which the codec's sound is sampled, which is the RTP clock
    /// but for G.722 (16 kHz on a clock of 8 kHz).
    pub fn native_rate_hz(&self) -> u32 {
        match self.codec {
            Codec::G722 => 16_000,
            Codec::Opus => 48_000,
            Codec::L16 { rate_hz, .. } => rate_hz,
            Codec::Pcmu | Codec::Pcma => self.rtp_clock_hz,
            Codec::ComfortNoise | Codec::TelephoneEvent | Codec::Red | Codec::Undecodable => {
                self.rtp_clock_hz
            }
        }
    }

    /// The companding law, for G.711.
    pub fn law(&self) -> Option<g711::Law> {
        match self.codec {
            Codec::Pcmu => Some(g711::Law::Mu),
            Codec::Pcma => Some(g711::Law::A),
            _ => None,
        }
    }

    /// RTP timestamp units that `payload` lasts; zero where that cannot be told.
    pub fn rtp_ticks(&self, payload: &[u8]) -> u32 {
        let samples = self.native_samples_in(payload) as u64;
        (samples * u64::from(self.rtp_clock_hz) / u64::from(self.native_rate_hz().max(1))) as u32
    }

    /// Samples at [`CodecSpec::native_rate_hz`] that `payload` holds, channels
    /// counted once; zero where that cannot be told.
    pub fn native_samples_in(&self, payload: &[u8]) -> usize {
        match self.codec {
            Codec::Pcmu | Codec::Pcma => payload.len(),
            Codec::G722 => payload.len() * g722::SAMPLES_PER_OCTET,
            Codec::L16 { channels, .. } => payload.len() / 2 / usize::from(channels.max(1)),
            Codec::Opus => opus::samples_in(payload, 48_000).unwrap_or(0),
            Codec::ComfortNoise | Codec::TelephoneEvent | Codec::Red | Codec::Undecodable => 0,
        }
    }
}

/// Codec and clock of an encoding name.
fn classify(name: &str, clock_hz: u32, channels: u8) -> (Codec, u32) {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    let rate_known = resample::RATES_HZ.contains(&clock_hz);
    if is("PCMU") && channels == 1 && rate_known {
        (Codec::Pcmu, clock_hz)
    } else if is("PCMA") && channels == 1 && rate_known {
        (Codec::Pcma, clock_hz)
    } else if is("G722") && channels == 1 {
        (Codec::G722, clock_hz)
    } else if is("opus") {
        // RFC 7587 §4.1: 48000 whatever was coded; some write less and still tick so.
        (Codec::Opus, 48_000)
    } else if is("L16") && rate_known {
        (Codec::L16 { rate_hz: clock_hz, channels }, clock_hz)
    } else if is("CN") {
        (Codec::ComfortNoise, clock_hz)
    } else if is("telephone-event") {
        (Codec::TelephoneEvent, clock_hz)
    } else if is("red") {
        (Codec::Red, clock_hz)
    } else {
        (Codec::Undecodable, clock_hz)
    }
}

/// RFC 3551 tables 4 and 5, audio. Type 19 is reserved there because old
/// equipment sends comfort noise with it.
fn static_type(payload_type: u8) -> Option<StaticType> {
    Some(match payload_type {
        0 => ("PCMU", 8000, 1),
        3 => ("GSM", 8000, 1),
        4 => ("G723", 8000, 1),
        5 => ("DVI4", 8000, 1),
        6 => ("DVI4", 16_000, 1),
        7 => ("LPC", 8000, 1),
        8 => ("PCMA", 8000, 1),
        9 => ("G722", 8000, 1),
        10 => ("L16", 44_100, 2),
        11 => ("L16", 44_100, 1),
        12 => ("QCELP", 8000, 1),
        13 | 19 => ("CN", 8000, 1),
        14 => ("MPA", 90_000, 1),
        15 => ("G728", 8000, 1),
        16 => ("DVI4", 11_025, 1),
        17 => ("DVI4", 22_050, 1),
        18 => ("G729", 8000, 1),
        _ => return None,
    })
}

fn printable(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_types_need_no_rtpmap() {
        let spec = |pt| CodecSpec::from_rtpmap(pt, None, None, None);
        assert_eq!(spec(0).codec, Codec::Pcmu);
        assert_eq!(spec(8).codec, Codec::Pcma);
        assert_eq!(
            (spec(9).codec, spec(9).rtp_clock_hz, spec(9).native_rate_hz()),
            (Codec::G722, 8000, 16_000)
        );
        assert_eq!(spec(10).codec, Codec::L16 { rate_hz: 44_100, channels: 2 });
        assert_eq!(spec(13).codec, Codec::ComfortNoise);
        assert_eq!((spec(18).codec, spec(18).name.as_str()), (Codec::Undecodable, "G729"));
        assert_eq!((spec(96).codec, spec(96).name.as_str()), (Codec::Undecodable, "PT96"));
    }

    #[test]
    fn names_in_any_case_and_what_they_default_to() {
        let opus = CodecSpec::from_rtpmap(111, Some("OPUS"), Some(48_000), Some(2));
        assert_eq!((opus.codec, opus.name.as_str(), opus.channels), (Codec::Opus, "OPUS", 2));
        assert_eq!(CodecSpec::from_rtpmap(111, Some("opus"), Some(16_000), None).rtp_clock_hz, 48_000);
        assert_eq!(CodecSpec::from_rtpmap(8, Some("pcma"), None, None).codec, Codec::Pcma);
        assert_eq!(CodecSpec::from_rtpmap(0, Some("G729"), None, None).codec, Codec::Undecodable);
        let event = CodecSpec::from_rtpmap(101, Some("telephone-event"), Some(0), Some(0));
        assert_eq!((event.codec, event.rtp_clock_hz, event.channels), (Codec::TelephoneEvent, 8000, 1));
        let wide = CodecSpec::from_rtpmap(97, Some("L16"), Some(16_000), None);
        assert_eq!(wide.codec, Codec::L16 { rate_hz: 16_000, channels: 1 });
        let odd = CodecSpec::from_rtpmap(97, Some("L16"), Some(4_000_000_000), None);
        assert_eq!(odd.codec, Codec::Undecodable);
        let hostile = CodecSpec::from_rtpmap(97, Some(&"\u{1b}x\n".repeat(500)), None, None);
        assert_eq!(hostile.name, "x".repeat(MAX_NAME));
    }

    #[test]
    fn lengths_without_decoding() {
        let of = |pt, payload: &[u8]| CodecSpec::from_rtpmap(pt, None, None, None).native_samples_in(payload);
        assert_eq!(of(0, &[0; 160]), 160);
        assert_eq!(of(9, &[0; 160]), 320);
        assert_eq!(of(10, &[0; 43]), 10);
        assert_eq!(of(13, &[0; 1]), 0);
        let opus = CodecSpec::from_rtpmap(111, Some("opus"), None, None);
        assert_eq!(opus.native_samples_in(&[0x78, 0]), 960);
        assert_eq!(opus.native_samples_in(&[]), 0);
    }
}
