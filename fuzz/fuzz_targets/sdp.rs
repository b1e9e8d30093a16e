//! cargo-fuzz: session descriptions and their exchange.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::sdp(data));
