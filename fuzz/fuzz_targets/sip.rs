//! cargo-fuzz: SIP messages and the cutter of TCP streams.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::sip(data));
