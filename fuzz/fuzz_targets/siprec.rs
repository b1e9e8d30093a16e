//! cargo-fuzz: recording clients' messages, metadata and media.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    harness::siprec(data);
});
