//! Codecs that are known by name and cannot be decoded: the recording says which it was.

use super::def::{CodecDef, Impairment};

/// GSM enhanced full rate.
pub const GSM_EFR: CodecDef =
    CodecDef { names: &["GSM-EFR"], quality: Some(Impairment::narrow(5.0, 10.0)), ..CodecDef::UNKNOWN };

/// IMA ADPCM (RFC 3551 §4.5.1).
pub const DVI4: CodecDef = CodecDef {
    names: &["DVI4"],
    static_types: &[(5, 8000, 1), (6, 16_000, 1), (16, 11_025, 1), (17, 22_050, 1)],
    ..CodecDef::UNKNOWN
};

/// RFC 3551 §4.5.12.
pub const LPC: CodecDef = CodecDef { names: &["LPC"], static_types: &[(7, 8000, 1)], ..CodecDef::UNKNOWN };

/// RFC 3551 §4.5.15.
pub const QCELP: CodecDef =
    CodecDef { names: &["QCELP"], static_types: &[(12, 8000, 1)], ..CodecDef::UNKNOWN };

/// MPEG audio, RFC 2250.
pub const MPA: CodecDef = CodecDef { names: &["MPA"], static_types: &[(14, 90_000, 1)], ..CodecDef::UNKNOWN };

/// RFC 3551 §4.5.5.
pub const G728: CodecDef = CodecDef { names: &["G728"], static_types: &[(15, 8000, 1)], ..CodecDef::UNKNOWN };
