//! cargo-fuzz: captured frames through the whole engine.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::frames(data));
