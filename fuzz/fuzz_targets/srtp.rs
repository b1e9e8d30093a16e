//! cargo-fuzz: packets for SRTP keys of every suite.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::srtp(data));
