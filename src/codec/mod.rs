//! Payload to samples: what a codec is called, and its decoder.
//!
//! A [`CodecDef`] is a codec: one row, in a file of its own, and a line in
//! `table`. A [`CodecSpec`] is one payload type as SDP or RFC 3551 names it; a
//! [`Decoder`] turns its payloads into mono 16-bit samples at the rate of the
//! recording. This module knows nothing of RTP headers, loss or time: who
//! calls it says what was lost and where samples belong.

pub mod amr;
mod bits;
pub mod comfort_noise;
pub mod conceal;
mod decoder;
pub mod def;
pub mod dtmf_tones;
pub mod foreign;
pub mod formats;
pub mod frames;
pub mod g711;
pub mod g722;
pub mod g723;
pub mod g726;
pub mod g729;
pub mod goertzel;
pub mod gsm;
pub mod ilbc;
pub mod key_sequence;
pub mod l16;
pub mod opus;
pub mod quality;
pub mod red;
pub mod resample;
pub mod speex;
pub mod table;
pub mod telephone_event;
mod undecodable;

pub use decoder::{Decoder, UnsupportedCodec};
pub use def::{CodecDef, CodecSpec, DecodeError, PayloadRole};
