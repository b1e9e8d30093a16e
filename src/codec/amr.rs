//! AMR and AMR-WB in RTP (RFC 4867): payloads taken apart into frames as a file has them.
//!
//! ```text
//! bandwidth-efficient, bits:  CMR(4)  [F FT(4) Q] ...  speech of each frame  padding to an octet
//! octet-aligned, octets:      CMR(4) 0000  [F FT(4) Q 00] ...  [CRC ...]  speech of each, padded
//! ```
//!
//! The table of contents has an entry for each 20 ms; F says that another follows. Frames that
//! describe a background, or say that nothing was sent, are silence.

use super::bits::Bits;
use super::def::{CodecDef, CodecSpec, Foreign, Impairment};
use super::foreign::samples_in;
use super::frames::{ForeignCodec, Frames};

/// Narrow band, RFC 4867.
pub const AMR: CodecDef = CodecDef {
    names: &["AMR"],
    quality: Some(Impairment::narrow(5.0, 10.0)),
    clock_hz: Some(8000),
    foreign: Some(Foreign { codec: |_| ForeignCodec::AmrNarrow, take_apart: narrow }),
    samples_in: |spec, payload, rate_hz| samples_in(narrow, spec, payload, rate_hz),
    ..ROW
};

/// Wide band, RFC 4867.
pub const AMR_WB: CodecDef = CodecDef {
    names: &["AMR-WB"],
    clock_hz: Some(16_000),
    foreign: Some(Foreign { codec: |_| ForeignCodec::AmrWide, take_apart: wide }),
    samples_in: |spec, payload, rate_hz| samples_in(wide, spec, payload, rate_hz),
    ..ROW
};

/// What both have in common. Interleaved frames belong to other packets' times, and sorted bits to
/// no decoder here.
const ROW: CodecDef = CodecDef {
    parameters: &["octet-align", "crc", "interleaving", "robust-sorting"],
    tells_time: true,
    accepts: Some(|spec: &CodecSpec| {
        let is_on = |name| spec.parameter(name).is_some_and(|v| v != "0");
        spec.channels == 1 && !is_on("interleaving") && !is_on("robust-sorting")
    }),
    ..CodecDef::UNKNOWN
};

/// Bits of speech by frame type (3GPP TS 26.101 table 1a); what stands behind is no speech.
const NARROW_BITS: [usize; 8] = [95, 103, 118, 134, 148, 159, 204, 244];
/// Bits of backgrounds: AMR's, and those of codecs that it can carry (table 1b).
const NARROW_SID_BITS: [usize; 4] = [39, 43, 38, 37];
/// The same of AMR-WB (3GPP TS 26.201 table 2).
const WIDE_BITS: [usize; 9] = [132, 177, 253, 285, 317, 365, 397, 461, 477];
const WIDE_SID_BITS: [usize; 1] = [40];
/// The frame types of nothing sent, and of speech that was lost on the way to the sender (wide band).
const NO_DATA: usize = 15;
const SPEECH_LOST: usize = 14;

fn narrow(spec: &CodecSpec, payload: &[u8]) -> Option<Frames> {
    take_apart(spec, payload, ForeignCodec::AmrNarrow, &NARROW_BITS, &NARROW_SID_BITS)
}

fn wide(spec: &CodecSpec, payload: &[u8]) -> Option<Frames> {
    take_apart(spec, payload, ForeignCodec::AmrWide, &WIDE_BITS, &WIDE_SID_BITS)
}

fn take_apart(
    spec: &CodecSpec,
    payload: &[u8],
    codec: ForeignCodec,
    speech: &[usize],
    backgrounds: &[usize],
) -> Option<Frames> {
    let has_crc = spec.parameter("crc").is_some_and(|v| v != "0");
    // A checksum needs whole octets (§4.4.2.1).
    let is_aligned = has_crc || spec.parameter("octet-align").is_some_and(|v| v != "0");
    let mut frames = Frames::of(codec);
    let mut bits = Bits::new(payload);
    // What the sender would like to receive is nobody's business here.
    bits.skip(if is_aligned { 8 } else { 4 });
    let mut entries = bits;
    let length_of = |kind: usize| {
        let background = || backgrounds.get(kind.checked_sub(speech.len())?);
        match kind {
            NO_DATA | SPEECH_LOST => Some(0),
            _ => speech.get(kind).or_else(background).copied(),
        }
    };
    let entry_bits = if is_aligned { 8 } else { 6 };
    let (mut count, mut with_crc) = (0, 0);
    loop {
        if bits.left() < entry_bits {
            return None;
        }
        let follows = bits.take(1) == 1;
        let kind = usize::from(bits.take(4));
        bits.skip(entry_bits - 5);
        with_crc += usize::from(length_of(kind)? > 0);
        count += 1;
        if !follows {
            break;
        }
    }
    if has_crc {
        bits.skip(8 * with_crc);
    }
    for _ in 0..count {
        entries.skip(1);
        let kind = usize::from(entries.take(4));
        let is_good = entries.take(1);
        entries.skip(entry_bits - 6);
        let length = length_of(kind)?;
        if kind < speech.len() {
            frames.push(|octets| {
                octets.push((kind << 3) as u8 | (is_good << 2) as u8);
                bits.copy(length, octets)
            })?;
        } else {
            if bits.left() < length {
                return None;
            }
            bits.skip(length);
            frames.push_silence()?;
        }
        if is_aligned {
            bits.skip(length.next_multiple_of(8) - length);
        }
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, fmtp: &str) -> CodecSpec {
        CodecSpec::from_rtpmap(97, Some(name), None, None).with_fmtp(Some(fmtp))
    }

    fn taken(name: &str, fmtp: &str, payload: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
        let spec = spec(name, fmtp);
        let take_apart = spec.def.foreign.as_ref().unwrap().take_apart;
        take_apart(&spec, payload).map(|f| f.iter().map(|o| o.map(<[u8]>::to_vec)).collect())
    }

    /// An entry of the table of contents: whether another follows, frame type, whether it is good.
    fn entry(follows: bool, kind: u64, is_good: bool) -> (u64, u32) {
        (u64::from(follows) << 5 | kind << 1 | u64::from(is_good), 6)
    }

    /// Numbers of so many bits, one after another.
    fn packed(parts: &[(u64, u32)]) -> Vec<u8> {
        let bits: Vec<u8> =
            parts.iter().flat_map(|(v, n)| (0..*n).rev().map(move |i| (v >> i & 1) as u8)).collect();
        bits.chunks(8).map(|c| c.iter().enumerate().fold(0, |o, (i, b)| o | b << (7 - i))).collect()
    }

    #[test]
    fn one_frame_of_each_form() {
        // Frame type 0: 95 bits. The last of 12 octets has a bit of zero behind them.
        let speech = [(0x0123_4567_89AB_CDEF, 64), (0x7FFF_0001, 31)];
        let octets = packed(&speech);
        let whole = |kind: u8| [&[kind << 3 | 4][..], &octets].concat();
        let efficient = packed(&[(15, 4), entry(false, 0, true), speech[0], speech[1]]);
        assert_eq!(efficient.len(), 14);
        assert_eq!(taken("AMR", "", &efficient), Some(vec![Some(whole(0))]));
        let aligned = [&[0xF0, 0x04][..], &octets].concat();
        assert_eq!(taken("AMR", "octet-align=1", &aligned), Some(vec![Some(whole(0))]));
        let checked = [&[0xF0, 0x04, 0xAA][..], &octets].concat();
        assert_eq!(taken("AMR", "crc=1", &checked), Some(vec![Some(whole(0))]));
        assert_eq!(taken("AMR", "octet-align=0", &efficient[..13]), None, "cut");
    }

    #[test]
    fn several_frames_with_backgrounds_and_gaps_between() {
        let wide = vec![0x5A; 17];
        let entries = packed(&[
            (15, 4),
            (0, 4),
            entry(true, 0, true),
            (0, 2),
            entry(true, 15, true),
            (0, 2),
            entry(true, 9, true),
            (0, 2),
            entry(false, 0, false),
            (0, 2),
        ]);
        let payload = [&entries[..], &wide, &[1; 5], &wide].concat();
        let first = [&[4][..], &wide].concat();
        // Of 132 bits the last four are none of the frame's.
        let cut = |mut f: Vec<u8>| {
            f[17] &= 0xF0;
            f
        };
        let bad = [&[0][..], &wide].concat();
        let right = vec![Some(cut(first)), None, None, Some(cut(bad))];
        assert_eq!(taken("AMR-WB", "octet-align=1", &payload), Some(right));
        assert_eq!(spec("AMR-WB", "octet-align=1").rtp_ticks(&payload), 4 * 320);
        // A background alone, and nothing at all.
        let sid = packed(&[(15, 4), entry(false, 8, true), (0x7F_FFFF_FFFF, 39)]);
        assert_eq!(taken("AMR", "", &sid), Some(vec![None]));
        assert_eq!(taken("AMR", "", &packed(&[(15, 4), entry(false, 15, true)])), Some(vec![None]));
        assert_eq!(spec("AMR", "").rtp_ticks(&sid), 160);
    }

    #[test]
    fn what_is_no_payload_is_none() {
        for payload in
            [&[][..], &[0xF0], &[0xFF; 300], &[0xF0, 0x80], &packed(&[(15, 4), entry(false, 12, true)])]
        {
            for fmtp in ["", "octet-align=1", "crc=1"] {
                assert_eq!(taken("AMR", fmtp, payload), None, "{payload:?} {fmtp}");
            }
        }
        for fmtp in ["interleaving=30", "robust-sorting=1"] {
            assert!(!spec("AMR", fmtp).is_decodable(), "{fmtp}");
        }
        assert_ne!(spec("AMR", "octet-align=1"), spec("AMR", ""));
    }
}
