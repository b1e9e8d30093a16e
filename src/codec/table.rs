//! The list of codecs, and who is meant by a name or a static payload type (RFC 3551 §6).

use super::def::{CodecDef, CodecSpec};
use super::{
    amr, comfort_noise, g711, g722, g723, g726, g729, gsm, ilbc, l16, opus, red, speex, telephone_event,
    undecodable,
};

/// Bound of [`CodecSpec::name`], characters: it comes from strangers' SDP.
pub const MAX_NAME: usize = 32;

/// How many rows there are.
pub const COUNT: usize = 23;

/// All of them: the one list to add a codec to. What is in none of the others is the last.
pub const ROWS: [CodecDef; COUNT] = [
    g711::PCMU,
    g711::PCMA,
    g722::G722,
    opus::OPUS,
    l16::L16,
    g729::G729,
    gsm::GSM,
    ilbc::ILBC,
    amr::AMR,
    amr::AMR_WB,
    telephone_event::TELEPHONE_EVENT,
    comfort_noise::CN,
    red::RED,
    undecodable::GSM_EFR,
    g723::G723,
    undecodable::DVI4,
    undecodable::LPC,
    undecodable::QCELP,
    undecodable::MPA,
    undecodable::G728,
    g726::G726,
    speex::SPEEX,
    CodecDef::UNKNOWN,
];

/// The rows where they live.
pub static CODECS: [CodecDef; COUNT] = ROWS;

/// The place in [`CODECS`] of the codec of this name; the last where none has it.
pub fn index_of(name: &str) -> usize {
    CODECS[..COUNT - 1].iter().position(|def| def.is_called(name)).unwrap_or(COUNT - 1)
}

/// The codec of this name.
pub fn named(name: &str) -> &'static CodecDef {
    &CODECS[index_of(name)]
}

/// The codec that a static payload type belongs to, with its clock and channels.
pub fn assigned(payload_type: u8) -> Option<(&'static CodecDef, u32, u8)> {
    CODECS.iter().find_map(|def| {
        let found = def.static_types.iter().find(|(pt, ..)| *pt == payload_type)?;
        Some((def, found.1, found.2))
    })
}

/// Every static payload type.
pub fn static_types() -> impl Iterator<Item = u8> {
    CODECS.iter().flat_map(|def| def.static_types).map(|(pt, ..)| *pt)
}

impl CodecSpec {
    /// From the parts of `a=rtpmap:PT NAME/CLOCK/CHANNELS`, as far as present.
    /// Without a name the static assignments of RFC 3551 §6 hold; a clock or
    /// channel count that is missing or zero takes the encoding's default. A static type under a name that
    /// nobody knows keeps its assignment: its packets are what they always were.
    pub fn from_rtpmap(
        payload_type: u8,
        name: Option<&str>,
        clock_hz: Option<u32>,
        channels: Option<u8>,
    ) -> CodecSpec {
        let assigned = assigned(payload_type);
        let is_nonsense = |name: &str| assigned.is_some() && named(name).names == CodecDef::UNKNOWN.names;
        let (name, clock_hz, channels) = match name {
            Some(name) if is_nonsense(&printable(name)) => (None, None, None),
            _ => (name, clock_hz, channels),
        };
        let name: String = match (name.map(printable), assigned) {
            (Some(name), _) if !name.is_empty() => name,
            (_, Some((def, ..))) => def.names[0].to_owned(),
            (_, None) => format!("PT{payload_type}"),
        };
        // The static type's numbers hold only under its own name.
        let assigned = assigned.filter(|(def, ..)| def.is_called(&name));
        let channels =
            channels.filter(|&c| c > 0).unwrap_or_else(|| assigned.map_or(1, |(_, _, channels)| channels));
        let clock_hz = clock_hz.filter(|&c| c > 0);
        let clock_hz = clock_hz.unwrap_or_else(|| assigned.map_or(8000, |(_, clock, _)| clock));
        let def = named(&name);
        let rtp_clock_hz = def.clock_hz.unwrap_or(clock_hz);
        CodecSpec { def, name, rtp_clock_hz, channels, fmtp: None }
    }

    /// The companding law, for G.711.
    pub fn law(&self) -> Option<g711::Law> {
        self.is_decodable().then(|| g711::law_of(self.def)).flatten()
    }
}

fn printable(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::def::PayloadRole;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_and_no_type_stands_in_two_rows() {
        let mut names = BTreeSet::new();
        for name in CODECS.iter().flat_map(|def| def.names) {
            assert!(names.insert(name.to_ascii_lowercase()), "{name}");
        }
        let types: Vec<u8> = static_types().collect();
        assert_eq!(types.iter().collect::<BTreeSet<_>>().len(), types.len());
        assert!(CODECS.iter().all(|def| !def.names.is_empty()));
        assert_eq!(named("nothing of the kind").names, ["other"]);
        assert_eq!(named("other").names, ["other"]);
    }

    #[test]
    fn the_assignments_of_rfc_3551() {
        // Tables 4 and 5, audio; 19 is reserved there because old equipment sends comfort noise with it.
        let table = "0 PCMU/8000/1 3 GSM/8000/1 4 G723/8000/1 5 DVI4/8000/1 6 DVI4/16000/1 7 LPC/8000/1 \
                     8 PCMA/8000/1 9 G722/8000/1 10 L16/44100/2 11 L16/44100/1 12 QCELP/8000/1 13 CN/8000/1 \
                     14 MPA/90000/1 15 G728/8000/1 16 DVI4/11025/1 17 DVI4/22050/1 18 G729/8000/1 19 CN/8000/1";
        let mut told: Vec<String> = Vec::new();
        for pt in 0..128 {
            if let Some((def, clock, channels)) = assigned(pt) {
                told.push(format!("{pt} {}/{clock}/{channels}", def.names[0]));
            }
        }
        assert_eq!(told.join(" "), table);
    }

    #[test]
    fn a_static_type_keeps_its_meaning_under_a_name_that_nobody_knows() {
        let meant =
            |pt, name| CodecSpec::from_rtpmap(pt, Some(name), Some(16_000), Some(2)).def.names[0].to_owned();
        for name in ["xyz", "PCM-A", "other", "x\u{7f}"] {
            assert_eq!([meant(8, name), meant(0, name), meant(9, name)], ["PCMA", "PCMU", "G722"], "{name}");
        }
        let spec = CodecSpec::from_rtpmap(8, Some("xyz"), Some(48_000), Some(7));
        assert_eq!((spec.rtp_clock_hz, spec.channels), (8000, 1));
        // Under another's name it is the other's; a dynamic type has no meaning of its own.
        assert_eq!([meant(8, "G729"), meant(96, "xyz")], ["G729", "other"]);
    }

    #[test]
    fn whatever_decodes_gives_as_much_as_it_says() {
        for def in CODECS.iter().filter(|def| def.role == PayloadRole::Sound) {
            let Some(make) = def.decoder else { continue };
            let spec = CodecSpec::from_rtpmap(96, Some(def.names[0]), Some(8000), Some(1));
            assert!(std::ptr::eq(spec.def, def) && spec.is_sound(), "{:?}", def.names);
            let mut decoder = make(&spec, 8000).expect("8 kHz is within reach of all");
            // A payload that Opus takes for 20 ms of silence; others take any octets.
            let payload = [0xf8, 0xff, 0xfe, 0];
            let mut out = Vec::new();
            if decoder.decode(&payload, &mut out).is_ok() {
                assert_eq!(
                    out.len(),
                    (def.samples_in)(&spec, &payload, decoder.rate_hz()),
                    "{:?}",
                    def.names
                );
            }
        }
    }

    fn called(spec: &CodecSpec) -> &'static str {
        spec.def.names[0]
    }

    #[test]
    fn what_the_decoder_reads_of_fmtp_tells_specs_apart() {
        static READS: CodecDef = CodecDef { parameters: &["octet-align"], ..CodecDef::UNKNOWN };
        let with = |def, fmtp| {
            let spec = CodecSpec::from_rtpmap(96, Some("AMR"), Some(8000), None).with_fmtp(Some(fmtp));
            CodecSpec { def, ..spec }
        };
        let spec = with(&READS, "mode-set=7; Octet-Align = 1;crc");
        let parameters = [spec.parameter("octet-align"), spec.parameter("crc"), spec.parameter("mode")];
        assert_eq!(parameters, [Some("1"), Some(""), None]);
        assert_eq!(spec, with(&READS, "octet-align=1"));
        assert_ne!(spec, with(&READS, "octet-align=0"));
        assert_ne!(spec, with(&READS, "mode-set=7"));
        // By a decoder that reads none of them, no difference is heard.
        assert_eq!(with(&CodecDef::UNKNOWN, "a=1").fmtp.as_deref(), Some("a=1"));
        assert_eq!(with(named("opus"), "a=1"), with(named("opus"), "b=1"));
    }

    #[test]
    fn static_types_need_no_rtpmap() {
        let spec = |pt| CodecSpec::from_rtpmap(pt, None, None, None);
        assert_eq!((called(&spec(0)), spec(0).law()), ("PCMU", Some(g711::Law::Mu)));
        assert_eq!((called(&spec(8)), spec(8).law()), ("PCMA", Some(g711::Law::A)));
        assert_eq!(
            (called(&spec(9)), spec(9).rtp_clock_hz, spec(9).native_rate_hz()),
            ("G722", 8000, 16_000)
        );
        assert_eq!((called(&spec(10)), spec(10).native_rate_hz(), spec(10).channels), ("L16", 44_100, 2));
        assert_eq!([spec(13).def.role, spec(19).def.role], [PayloadRole::ComfortNoise; 2]);
        assert_eq!((spec(18).is_unreadable_by(None), spec(18).name.as_str()), (true, "G729"));
        assert_eq!((spec(96).is_unreadable_by(None), spec(96).name.as_str()), (true, "PT96"));
    }

    #[test]
    fn names_in_any_case_and_what_they_default_to() {
        let opus = CodecSpec::from_rtpmap(111, Some("OPUS"), Some(48_000), Some(2));
        assert_eq!((called(&opus), opus.name.as_str(), opus.channels), ("opus", "OPUS", 2));
        assert_eq!(CodecSpec::from_rtpmap(111, Some("opus"), Some(16_000), None).rtp_clock_hz, 48_000);
        assert!(CodecSpec::from_rtpmap(8, Some("pcma"), None, None).is_sound());
        assert!(CodecSpec::from_rtpmap(0, Some("G729"), None, None).is_unreadable_by(None));
        let event = CodecSpec::from_rtpmap(101, Some("telephone-event"), Some(0), Some(0));
        assert_eq!(
            (event.def.role, event.rtp_clock_hz, event.channels),
            (PayloadRole::TelephoneEvent, 8000, 1)
        );
        let wide = CodecSpec::from_rtpmap(97, Some("L16"), Some(16_000), None);
        assert_eq!((called(&wide), wide.native_rate_hz(), wide.is_sound()), ("L16", 16_000, true));
        let odd = CodecSpec::from_rtpmap(97, Some("L16"), Some(4_000_000_000), None);
        assert!(odd.is_unreadable_by(None) && odd.native_samples_in(&[0; 20]) == 0);
        assert!(CodecSpec::from_rtpmap(96, Some("PCMU"), None, Some(2)).is_unreadable_by(None));
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
