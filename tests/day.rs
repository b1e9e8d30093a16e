//! Every kind of call that the field sends, alone and in a day of mixed traffic.
//!
//! `NAUHURI_KIND=skew NAUHURI_SEEDS=100` plays one kind so often,
//! `NAUHURI_KIND=skew NAUHURI_SEED=7` one case and shows its ladder;
//! `NAUHURI_DAY=n` is another day, `NAUHURI_CALL=n` one call of it by itself;
//! `NAUHURI_KEEP=DIR` keeps the captures that failed. `cargo bench --bench day`
//! plays a day of 10,000 calls.

#[path = "common/mod.rs"]
mod common;
#[path = "field/mod.rs"]
mod field;

use field::kinds::{KINDS, Kind};
use field::seeds::{each, report, seeds};

#[test]
fn every_kind_is_as_reckoned() {
    let one = std::env::var("NAUHURI_KIND").ok();
    let kinds: Vec<&Kind> = KINDS.iter().filter(|k| one.as_deref().is_none_or(|o| o == k.name)).collect();
    assert!(!kinds.is_empty(), "{one:?} is none of {:?}", KINDS.iter().map(|k| k.name).collect::<Vec<_>>());
    let seeds = seeds(if one.is_some() { 20 } else { 4 });
    let cases: Vec<(&Kind, u64)> = kinds.iter().flat_map(|k| seeds.iter().map(move |s| (*k, *s))).collect();
    let wrong = each(&cases, |(kind, seed)| field::day::alone(kind, *seed));
    // Of each kind the first ones.
    let mut told = Vec::new();
    for k in &kinds {
        let of: Vec<&String> =
            wrong.iter().filter(|(i, _)| cases[*i].0.name == k.name).map(|(_, w)| w).collect();
        if let Some(first) = of.first() {
            told.push(format!("{} of {} {}: {first}", of.len(), seeds.len(), k.name));
            told.extend(of.iter().skip(1).take(1).map(|w| format!("    {w}")));
        }
    }
    report("kinds", kinds.len(), &told);
}

#[test]
fn a_day_is_as_reckoned() {
    let number = field::seeds::number;
    let (day, calls) = (number("NAUHURI_DAY").unwrap_or(1), number("NAUHURI_CALLS").unwrap_or(300) as u32);
    if let Some(n) = number("NAUHURI_CALL") {
        return field::day::out_of_a_day(day, calls, n as u32).unwrap_or_else(|e| panic!("{e}"));
    }
    let day = field::day::day(day, calls, &std::env::temp_dir()).unwrap();
    println!("{}", day.table());
    report("calls of a day", calls as usize, &day.wrong);
}
