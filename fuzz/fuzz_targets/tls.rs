//! cargo-fuzz: a TLS connection as a bystander reads it.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::tls(data));
