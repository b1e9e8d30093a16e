//! cargo-fuzz: SIP over TCP and in WebSockets.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::streams(data));
