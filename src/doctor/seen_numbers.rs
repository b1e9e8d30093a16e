//! Whose numbers SIP names, as far as they may be told: extensions in full, everything longer only in part.
//!
//! A number of seven digits or more may be a customer's: its last four digits are hidden before it is kept here at
//! all. Six digits can be a local number, so they are told only of a telephone that registered.

use crate::config::HideDigits;
use crate::config::compiled::truncate_number;
use crate::net::Datagram;
use crate::sip::{Message, Method, NameAddr};
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::net::IpAddr;

/// Digits of an extension: fewer are service codes, more are telephone numbers.
const EXTENSION: std::ops::RangeInclusive<usize> = 2..=6;
/// Longest extension that is told of whoever did not register.
const SURE: usize = 5;
/// Digits hidden of everything longer.
const HIDDEN: u8 = 4;
/// Numbers, hosts and calls that are told apart; what is beyond is not counted.
const MAX_NUMBERS: usize = 20_000;
const MAX_CALLS: usize = 100_000;
/// Callers of one number that are told apart.
const MAX_CALLERS: usize = 64;
/// Pairs of ports that are told apart: telephones behind a NAT have one each.
const MAX_PORTS: usize = 4096;
/// Ports of SIP that are told.
const MOST_PORTS: usize = 8;

/// An extension, and what it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenExtension {
    /// Digits.
    pub number: String,
    /// A telephone registered under it.
    pub registered: bool,
    /// Calls to it that were answered.
    pub answered: u64,
    /// Calls from it.
    pub calling: u64,
}

/// A number that was called and is too long for an extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DialledNumber {
    /// Without its last four digits; several numbers that begin alike are one.
    pub hidden: String,
    /// Calls to it.
    pub calls: u64,
    /// Callers, as far as they are told apart.
    pub callers: usize,
}

/// What is told of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberFacts {
    /// Extensions, in order.
    pub extensions: Vec<SeenExtension>,
    /// Longer numbers that were called, of six digits as well, the most called first.
    pub dialled: Vec<DialledNumber>,
    /// Telephones that registered under an extension, by address.
    pub telephones: Vec<IpAddr>,
    /// Ports of SIP, as few as almost all messages came from or went to, with their messages; the busiest first.
    pub ports: Vec<(u16, u64)>,
}

#[derive(Default)]
struct Dialled {
    calls: u64,
    callers: HashSet<u64, RandomState>,
}

/// Numbers of everything that was read.
#[derive(Default)]
pub struct SeenNumbers {
    extensions: HashMap<String, SeenExtension, RandomState>,
    dialled: HashMap<String, Dialled, RandomState>,
    telephones: HashSet<IpAddr, RandomState>,
    /// By the ports of both ends.
    ports: HashMap<[u16; 2], u64, RandomState>,
    /// Hashes of the Call-IDs that were counted: each call is seen on several hops, and its messages again.
    begun: HashSet<u64, RandomState>,
    answered: HashSet<u64, RandomState>,
    hash: RandomState,
}

impl SeenNumbers {
    /// A SIP message was read.
    pub fn note(&mut self, message: &Message<'_>, came: &Datagram<'_>) {
        let ends = [came.flow.src.port(), came.flow.dst.port()];
        let ends = [ends[0].min(ends[1]), ends[0].max(ends[1])];
        if self.ports.len() < MAX_PORTS || self.ports.contains_key(&ends) {
            *self.ports.entry(ends).or_default() += 1;
        }
        match (message.method(), message.status(), message.cseq()) {
            (Some(Method::Invite), ..) if message.to().is_some_and(|to| to.tag().is_none()) => {
                self.invite(message);
            }
            (None, Some(200..=299), Some((_, Method::Invite))) => self.accept(message),
            (None, Some(200..=299), Some((_, Method::Register))) => {
                let is_extension = self.extension(message.to()).map(|seen| seen.registered = true).is_some();
                if is_extension && self.telephones.len() < MAX_NUMBERS {
                    self.telephones.insert(came.flow.dst.ip());
                }
            }
            _ => {}
        }
    }

    /// What may be told.
    pub fn facts(self) -> NumberFacts {
        let is_told = |seen: &SeenExtension| seen.registered || seen.number.len() <= SURE;
        let mut extensions: Vec<_> = self.extensions.into_values().filter(is_told).collect();
        extensions.sort_by(|a, b| (a.number.len(), &a.number).cmp(&(b.number.len(), &b.number)));
        let mut dialled: Vec<DialledNumber> = self
            .dialled
            .into_iter()
            .map(|(hidden, d)| DialledNumber { hidden, calls: d.calls, callers: d.callers.len() })
            .collect();
        dialled.sort_by(|a, b| (b.calls, &a.hidden).cmp(&(a.calls, &b.hidden)));
        let mut telephones: Vec<IpAddr> = self.telephones.into_iter().collect();
        telephones.sort_unstable();
        NumberFacts { extensions, dialled, telephones, ports: server_ports(self.ports) }
    }

    fn invite(&mut self, message: &Message<'_>) {
        let call = self.hash.hash_one(message.call_id());
        if self.begun.len() >= MAX_CALLS || !self.begun.insert(call) {
            return;
        }
        if let Some(seen) = self.extension(message.from()) {
            seen.calling += 1;
        }
        // Both may be an extension's; the number that was dialled is what the customer knows.
        let caller = self.hash.hash_one(message.from().and_then(|from| from.uri.user()));
        let Some(user) = message.to().and_then(|to| to.uri.user()) else { return };
        if extension(&user).is_some_and(|number| number.len() <= SURE) {
            self.extension(message.to());
        } else if let Some(hidden) = truncate_number(&user, HideDigits::Last(HIDDEN)) {
            let is_known = self.dialled.contains_key(&hidden);
            if is_known || self.dialled.len() < MAX_NUMBERS {
                let dialled = self.dialled.entry(hidden).or_default();
                dialled.calls += 1;
                if dialled.callers.len() < MAX_CALLERS {
                    dialled.callers.insert(caller);
                }
            }
        }
    }

    fn accept(&mut self, message: &Message<'_>) {
        let call = self.hash.hash_one(message.call_id());
        if self.answered.len() < MAX_CALLS
            && self.answered.insert(call)
            && let Some(seen) = self.extension(message.to())
        {
            seen.answered += 1;
        }
    }

    /// Who this is, where the number is an extension's.
    fn extension(&mut self, who: Option<NameAddr<'_>>) -> Option<&mut SeenExtension> {
        let user = who?.uri.user()?;
        let number = extension(&user)?;
        if self.extensions.len() >= MAX_NUMBERS && !self.extensions.contains_key(number) {
            return None;
        }
        let new = || SeenExtension { number: number.to_owned(), ..SeenExtension::default() };
        Some(self.extensions.entry(number.to_owned()).or_insert_with(new))
    }
}

/// The ports that the others speak with: of the two ends of a message the one that has more of them, until at
/// most one message in a hundred is left.
fn server_ports(mut pairs: HashMap<[u16; 2], u64, RandomState>) -> Vec<(u16, u64)> {
    let (all, mut out) = (pairs.values().sum::<u64>(), Vec::new());
    while out.len() < MOST_PORTS && pairs.values().sum::<u64>() * 100 > all {
        let mut counts: HashMap<u16, u64, RandomState> = HashMap::default();
        for (ends, n) in &pairs {
            let [a, b] = *ends;
            *counts.entry(a).or_default() += n;
            if a != b {
                *counts.entry(b).or_default() += n;
            }
        }
        // Of two with as many, the one that has always been SIP's.
        let most = counts.into_iter().max_by_key(|(port, n)| (*n, *port == 5060, std::cmp::Reverse(*port)));
        let Some((port, n)) = most else { break };
        pairs.retain(|ends, _| !ends.contains(&port));
        out.push((port, n));
    }
    out
}

/// The number of a user part, where it is as long as an extension.
fn extension(user: &str) -> Option<&str> {
    let number = user.split(';').next().unwrap_or(user);
    let is_number = EXTENSION.contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    is_number.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Flow, Transport};
    use crate::time::Timestamp;
    use crate::wire::link::Vlan;

    fn note(seen: &mut SeenNumbers, (src, dst): (&str, &str), text: &str) {
        let text = text.replace('\n', "\r\n");
        let flow = Flow { src: src.parse().unwrap(), dst: dst.parse().unwrap(), vlan: Vlan::NONE };
        let (ts, transport, payload) = (Timestamp::EPOCH, Transport::Udp, text.as_bytes());
        let came = Datagram { ts, flow, transport, payload, truncated: false, sliced: false };
        seen.note(&Message::parse(payload).unwrap().0, &came);
    }

    fn invite(from: &str, to: &str, call: &str) -> String {
        format!(
            "INVITE sip:{to}@example.com SIP/2.0\nFrom: <sip:{from}@example.com>;tag=1\nTo: <sip:{to}@example.com>\n\
             Call-ID: {call}\nCSeq: 1 INVITE\n\n"
        )
    }

    fn ok(method: &str, to: &str, call: &str) -> String {
        format!(
            "SIP/2.0 200 OK\nFrom: <sip:x@example.com>;tag=1\nTo: <sip:{to}@example.com>;tag=2\nCall-ID: {call}\n\
             CSeq: 1 {method}\n\n"
        )
    }

    const TRUNK: (&str, &str) = ("192.0.2.1:5060", "192.0.2.2:5062");
    const BACK: (&str, &str) = ("192.0.2.2:5062", "192.0.2.1:5060");

    #[test]
    fn a_call_counts_once_and_long_numbers_are_never_whole() {
        let mut seen = SeenNumbers::default();
        for (from, call) in [("+358401234567", "a"), ("+358401234567", "a"), ("+358409876543", "b")] {
            note(&mut seen, TRUNK, &invite(from, "+358931012345", call));
        }
        note(&mut seen, TRUNK, &invite("0401234567", "2001", "c"));
        note(&mut seen, BACK, &ok("INVITE", "2001", "c"));
        note(&mut seen, BACK, &ok("INVITE", "2001", "c"));
        note(&mut seen, TRUNK, &invite("2002", "0401234567", "d"));
        // A local number, and what is no number.
        note(&mut seen, TRUNK, &invite("123456", "kaisa", "e"));
        note(&mut seen, TRUNK, &invite("anonymous", "654321", "f"));
        let facts = seen.facts();
        let of = |n: &str| facts.extensions.iter().find(|e| e.number == n).cloned().unwrap();
        assert_eq!(facts.extensions.len(), 2, "{facts:?}");
        assert_eq!((of("2001").answered, of("2001").calling, of("2002").calling), (1, 0, 1));
        let dialled: Vec<_> = facts.dialled.iter().map(|d| (d.hidden.as_str(), d.calls, d.callers)).collect();
        assert_eq!(dialled, [("+35893101xxxx", 2, 2), ("040123xxxx", 1, 1), ("65xxxx", 1, 1)]);
        assert_eq!(facts.ports, [(5060, 9)]);
        let told = format!("{facts:?}");
        for secret in ["0401234567", "358401234567", "358931012345", "123456", "654321", "kaisa"] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
    }

    #[test]
    fn a_telephone_that_registers_is_an_extension_of_six_digits_as_well() {
        let mut seen = SeenNumbers::default();
        note(&mut seen, ("192.0.2.9:5060", "10.20.0.5:40000"), &ok("REGISTER", "200123", "r"));
        note(&mut seen, ("192.0.2.9:5060", "10.20.0.6:40000"), &ok("REGISTER", "trunk-1", "s"));
        let facts = seen.facts();
        assert_eq!(
            facts.extensions.iter().map(|e| (e.number.as_str(), e.registered)).collect::<Vec<_>>(),
            [("200123", true)]
        );
        assert_eq!(facts.telephones, ["10.20.0.5".parse::<IpAddr>().unwrap()], "and no trunk's");
    }

    #[test]
    fn ports_are_those_that_the_others_speak_with() {
        let mut seen = SeenNumbers::default();
        for phone in 0..300 {
            let flow = ("192.0.2.9:5070", format!("192.0.2.77:{}", 40_000 + phone));
            note(&mut seen, (flow.0, &flow.1), &ok("REGISTER", "2001", "r"));
        }
        note(&mut seen, ("192.0.2.9:6000", "192.0.2.8:6001"), &ok("REGISTER", "2001", "r"));
        note(&mut seen, TRUNK, &ok("REGISTER", "2001", "r"));
        (0..3).for_each(|_| {
            note(&mut seen, ("192.0.2.9:5062", "192.0.2.8:5062"), &ok("REGISTER", "2001", "r"))
        });
        assert_eq!(seen.facts().ports, [(5070, 300), (5062, 4)], "and not those of one message in a hundred");
    }

    #[test]
    fn numbers_and_calls_are_bounded() {
        let mut seen = SeenNumbers::default();
        for n in 0..MAX_NUMBERS + 50 {
            note(&mut seen, TRUNK, &invite("2001", &format!("+{}0000", 1_000_000 + n), &n.to_string()));
        }
        assert_eq!((seen.dialled.len(), seen.begun.len()), (MAX_NUMBERS, MAX_NUMBERS + 50));
    }
}
