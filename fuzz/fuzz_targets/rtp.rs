//! cargo-fuzz: RTP packets into a tape of every codec.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::rtp(data));
