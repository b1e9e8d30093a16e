//! Whatever a stranger sends beside a call, at whatever time: the call's recording is what it would
//! be without him, but for what tells of him.
//!
//! `NAUHURI_SEED=n` plays one scenario, `NAUHURI_SEEDS=n` more of them; `NAUHURI_KEEP=DIR` keeps
//! the captures that failed.

#[path = "common/mod.rs"]
mod common;
#[path = "field/mod.rs"]
mod field;

use field::attacker::try_seed;
use field::seeds::{each, report, seeds};

fn play(knows: bool) {
    let seeds = seeds(200);
    let wrong = each(&seeds, |s| try_seed(*s, knows));
    let texts: Vec<String> = wrong.into_iter().map(|(_, what)| what).collect();
    report(if knows { "insider" } else { "outsider" }, seeds.len(), &texts);
}

#[test]
fn an_outsider_moves_nothing() {
    play(false);
}

#[test]
fn an_insider_whom_nobody_obeys_moves_nothing() {
    play(true);
}
