//! RTP and RTCP as a bystander sees them.

pub mod packet;
pub mod seq;
pub mod srtp;
pub mod standing;
pub mod stats;
