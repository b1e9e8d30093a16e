//! cargo-fuzz: SIP over SCTP.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::sctp(data));
