//! Who the agents may be, proposed from the extensions and telephones that were seen. Whoever sets the
//! recorder up decides.

use super::seen_numbers::{NumberFacts, SeenExtension};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A hundred numbers are proposed as a range where so many of them were seen,
const OF_A_HUNDRED: usize = 3;
/// and a thousand where it is so many, in so many of its hundreds.
const OF_A_THOUSAND: usize = 10;
const HUNDREDS: usize = 3;
/// More ranges and single numbers than this are no proposal.
const MOST: usize = 40;
/// More networks than this are no proposal either.
const MOST_NETWORKS: usize = 8;

/// Extensions and ranges, as `agents.extensions` has them; empty where nothing looks like an agent's.
///
/// Where telephones register, those are the agents; else whoever answers calls or makes them.
pub fn propose_extensions(seen: &NumberFacts) -> Vec<String> {
    let has_registered = seen.extensions.iter().any(|e| e.registered);
    let is_agent = |e: &&SeenExtension| match has_registered {
        true => e.registered,
        false => e.answered + e.calling > 0,
    };
    let mut left: BTreeSet<&str> =
        seen.extensions.iter().filter(is_agent).map(|e| e.number.as_str()).collect();
    let mut out = Vec::new();
    for (digits, enough, parts) in [(3, OF_A_THOUSAND, HUNDREDS), (2, OF_A_HUNDRED, 1)] {
        let mut groups: BTreeMap<(usize, &str), Vec<&str>> = BTreeMap::new();
        // A range of all numbers of a length is no rule.
        for number in left.iter().filter(|n| n.len() > digits) {
            groups.entry((number.len(), &number[..number.len() - digits])).or_default().push(number);
        }
        for ((length, prefix), numbers) in groups {
            let in_parts: BTreeSet<&str> = numbers.iter().map(|n| &n[..=prefix.len()]).collect();
            if numbers.len() >= enough && (parts == 1 || in_parts.len() >= parts) {
                let (zeros, nines) = ("0".repeat(length - prefix.len()), "9".repeat(length - prefix.len()));
                out.push(format!("{prefix}{zeros}-{prefix}{nines}"));
                left.retain(|number| !numbers.contains(number));
            }
        }
    }
    out.extend(left.into_iter().map(str::to_owned));
    out.sort_by_key(|rule| (rule.split('-').next().map(str::len), rule.clone()));
    if out.len() > MOST { Vec::new() } else { out }
}

/// Networks of the telephones that registered, as `agents.networks` has them; empty where they are all over
/// the place, or only one address stands for all of them.
pub fn propose_networks(seen: &NumberFacts) -> Vec<String> {
    let registered = seen.extensions.iter().filter(|e| e.registered).count();
    // One proxy before many telephones: calls of anybody come from it.
    if seen.telephones.len() * 2 < registered {
        return Vec::new();
    }
    let network = |at: &IpAddr| match at {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{}/64", std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    };
    let networks: BTreeSet<String> = seen.telephones.iter().map(network).collect();
    if networks.len() > MOST_NETWORKS { Vec::new() } else { networks.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(numbers: &[&str], registered: bool) -> NumberFacts {
        let extension = |n: &&str| SeenExtension {
            number: (*n).into(),
            registered,
            answered: 1,
            ..SeenExtension::default()
        };
        NumberFacts { extensions: numbers.iter().map(extension).collect(), ..NumberFacts::default() }
    }

    fn proposed(numbers: &[&str]) -> Vec<String> {
        propose_extensions(&seen(numbers, false))
    }

    #[test]
    fn ranges_where_many_were_seen_and_single_numbers_elsewhere() {
        assert_eq!(proposed(&[]), [] as [&str; 0]);
        assert_eq!(proposed(&["2001", "2002"]), ["2001", "2002"]);
        assert_eq!(proposed(&["2001", "2017", "2002", "31"]), ["31", "2000-2099"]);
        // As long as the range itself: every number of two digits would be an agent.
        assert_eq!(proposed(&["31", "32", "33"]), ["31", "32", "33"]);
        let thousand: Vec<String> =
            (0..12).map(|n| format!("2{}0{}", n % 4, n)).filter(|n| n.len() == 4).collect();
        let thousand: Vec<&str> = thousand.iter().map(String::as_str).collect();
        assert_eq!(proposed(&thousand), ["2000-2999"]);
        let scattered: Vec<String> = (10..60).map(|n| format!("{n}001")).collect();
        assert_eq!(proposed(&scattered.iter().map(String::as_str).collect::<Vec<_>>()), [] as [&str; 0]);
    }

    #[test]
    fn whoever_registers_is_the_agent() {
        let mut facts = seen(&["2001"], true);
        facts.extensions.extend(seen(&["112", "3001"], false).extensions);
        assert_eq!(propose_extensions(&facts), ["2001"]);
        // Who was only called answered nothing.
        let mut called = seen(&["2001"], false);
        called.extensions[0].answered = 0;
        assert_eq!(propose_extensions(&called), [] as [&str; 0]);
    }

    #[test]
    fn networks_of_telephones() {
        let mut facts = seen(&["2001", "2002", "2003"], true);
        facts.telephones = ["10.20.0.5", "10.20.0.6", "2001:db8::1:5"].map(|a| a.parse().unwrap()).into();
        assert_eq!(propose_networks(&facts), ["10.20.0.0/24", "2001:db8::/64"]);
        facts.telephones.truncate(1);
        assert_eq!(propose_networks(&facts), [] as [&str; 0], "one address of three telephones");
        facts.telephones = (0..20).map(|n| IpAddr::from([10, 0, n, 1])).collect();
        assert_eq!(propose_networks(&facts), [] as [&str; 0]);
    }
}
