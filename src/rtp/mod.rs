//! RTP and RTCP as a bystander sees them.
