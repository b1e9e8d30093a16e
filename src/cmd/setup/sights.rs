//! What was seen, for people: hosts, ports and extensions, and of longer numbers only their beginnings.

use crate::daemon::notices::counted;
use crate::doctor::{NumberFacts, SeenExtension, WireFacts};
use std::net::IpAddr;

/// Rows and names of one kind; the rest is counted.
const MOST: usize = 8;
const MOST_NAMES: usize = 24;

/// A few lines.
pub(super) fn text(facts: &WireFacts) -> String {
    let (calls, s) = (&facts.calls, &facts.engine);
    let mut out = format!(
        "seen in {:.0} s: {}, {}, {} of RTP, {} answered\n",
        facts.seconds,
        counted(facts.frames.all, "packet"),
        counted(s.sip_messages(), "SIP message"),
        counted(facts.streams.packets, "packet"),
        counted(calls.recorded + s.unrecorded.iter().sum::<u64>(), "call"),
    );
    let pair = |p: &crate::doctor::HostPair| {
        let way = if p.only_way().is_some() { ", one way only" } else { "" };
        format!("{} and {} ({}{way})", p.ends[0], p.ends[1], counted(p.total(), "message"))
    };
    let numbers = &facts.numbers;
    let ports = numbers.ports.iter().map(|(port, n)| format!("{port} ({})", counted(*n, "message")));
    let dialled = numbers.dialled.iter().map(|d| {
        format!("{} ({} by {})", d.hidden, counted(d.calls, "call"), counted(d.callers as u64, "caller"))
    });
    for (name, text) in [
        ("SIP between", listed(facts.sip_pairs.iter().map(pair), MOST)),
        ("SIP ports", listed(ports, MOST)),
        ("extensions", extensions(numbers)),
        ("telephones", telephones(numbers)),
        ("dialled", listed(dialled, MOST)),
    ] {
        if !text.is_empty() {
            out += &format!("  {name:13}{text}\n");
        }
    }
    out
}

/// `2001, 2002 registered; 2017 answered or called`
pub(super) fn extensions(seen: &NumberFacts) -> String {
    let of = |is: fn(&SeenExtension) -> bool| {
        listed(seen.extensions.iter().filter(|e| is(e)).map(|e| e.number.clone()), MOST_NAMES)
    };
    let registered = of(|e| e.registered);
    let others = of(|e| !e.registered && e.answered + e.calling > 0);
    let told = [(registered, "registered"), (others, "answered or called")];
    let told = told.into_iter().filter(|(names, _)| !names.is_empty());
    told.map(|(names, what)| format!("{names} {what}")).collect::<Vec<_>>().join("; ")
}

/// Where telephones registered from.
pub(super) fn telephones(seen: &NumberFacts) -> String {
    listed(seen.telephones.iter().map(IpAddr::to_string), MOST)
}

fn listed(all: impl Iterator<Item = String>, most: usize) -> String {
    let mut names: Vec<String> = all.collect();
    let rest = names.len().saturating_sub(most);
    names.truncate(most);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    names.join(", ") + &more
}
