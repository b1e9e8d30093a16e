//! Two calls, any NAT, any order, any VLAN: no sample of one in the other.
//!
//! `NAUHURI_SEED=n` plays one scenario and shows it, `NAUHURI_SEEDS=n` more of
//! them; `NAUHURI_KEEP=DIR` keeps the captures that failed. `cargo bench --bench
//! strangers` plays 10,000.

#[path = "common/mod.rs"]
mod common;
#[path = "field/mod.rs"]
mod field;

use field::seeds::{each, report, seeds};

#[test]
fn no_sample_of_one_call_is_in_another() {
    let seeds = seeds(200);
    let wrong = each(&seeds, |s| field::strangers::try_seed(*s));
    report("strangers", seeds.len(), &wrong.into_iter().map(|(_, w)| w).collect::<Vec<_>>());
}
