//! cargo-fuzz: payloads of codecs that are taken apart here and decoded elsewhere.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::payloads(data));
