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
use field::strangers::{is_mixed, try_seed};

/// Scenarios of the first 200 in which no voice is mixed, but which are not as reckoned: sound
/// that only one call can own is left out, or `complete` is false over nothing missing. They are gaps
/// that are known (of the 10,000 about one in twenty has one; what is missing is told in all of
/// them); no number may be added, and one that is closed has to go.
const GAPS: &[u64] = &[37, 62, 65, 116, 182];

/// Scenarios in which voices were once mixed: sound that came before an answer, which alone says whose it is.
const ONCE_MIXED: &[u64] = &[3654, 4255, 4483, 4510, 5274, 6163, 6352, 7526, 7685, 9232];

/// Scenarios in which a party moved shortly before the end, its new place was not heard, and
/// `complete` was true.
const ONCE_SILENT: &[u64] = &[9678, 9856, 9883];

#[test]
fn what_a_party_says_from_a_new_place_is_heard_or_missed() {
    let wrong: Vec<_> = each(ONCE_SILENT, |s| try_seed(*s)).into_iter().map(|(_, what)| what).collect();
    report("strangers silent", ONCE_SILENT.len(), &wrong);
}

#[test]
fn what_was_once_mixed_is_not() {
    let wrong = each(ONCE_MIXED, |s| try_seed(*s)).into_iter().map(|(_, what)| what);
    let mixed: Vec<_> = wrong.filter(|what| is_mixed(what)).collect();
    report("strangers mixed", ONCE_MIXED.len(), &mixed);
}

#[test]
fn no_sample_of_one_call_is_in_another() {
    let seeds = seeds(200);
    let wrong = each(&seeds, |s| try_seed(*s));
    let (mixed, gaps): (Vec<_>, Vec<_>) = wrong.into_iter().partition(|(_, what)| is_mixed(what));
    let texts = |wrong: Vec<(usize, String)>| wrong.into_iter().map(|(_, what)| what).collect::<Vec<_>>();
    report("strangers mixed", seeds.len(), &texts(mixed));
    if ["NAUHURI_SEED", "NAUHURI_SEEDS"].iter().any(|v| std::env::var_os(v).is_some()) {
        return report("strangers", seeds.len(), &texts(gaps));
    }
    let found: Vec<u64> = gaps.iter().map(|(i, _)| seeds[*i]).collect();
    let closed: Vec<&u64> = GAPS.iter().filter(|s| !found.contains(s)).collect();
    assert!(closed.is_empty(), "no gaps any more, take them from the list: {closed:?}");
    let new = gaps.into_iter().filter(|(i, _)| !GAPS.contains(&seeds[*i])).collect();
    report("strangers", seeds.len(), &texts(new));
}
