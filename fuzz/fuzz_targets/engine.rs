//! cargo-fuzz: calls that cross, as a structure: none hears another.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    harness::engine(data);
});
