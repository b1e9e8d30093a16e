//! Which legs give way where there are too many: those of a flood before those of calls.
//!
//! What is flooded is what there is most of, and who floods it is whoever most of that comes from.
//! A call that was answered and is heard goes only where nothing else is left. Pure.

use super::ids::LegId;
use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::net::IpAddr;

/// How far a leg has come; the first is the first to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LegProgress {
    /// It was refused: it lingers for copies.
    Refused,
    /// It was answered and is over.
    Over,
    /// Nobody it was sent to has answered at all.
    Unheeded,
    /// It is on its way, says somebody it was sent to (RFC 3261 §13.2.1).
    Ringing,
    /// It was answered, and nothing was heard of both sides.
    Unheard,
    /// It was answered, and both sides were heard.
    Heard,
}

const ALL: [LegProgress; 6] = [
    LegProgress::Refused,
    LegProgress::Over,
    LegProgress::Unheeded,
    LegProgress::Ringing,
    LegProgress::Unheard,
    LegProgress::Heard,
];
/// While so many parts of all are no calls under way, none under way gives way.
const FEW: usize = 8;

/// A leg that may have to go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dispensable {
    pub id: LegId,
    pub progress: LegProgress,
    /// The host that its INVITE came from.
    pub from: Option<IpAddr>,
    /// What it takes of what there is too little of.
    pub size: usize,
}

/// At most `most` legs to be forgotten, the first to go first.
pub(super) fn whom(mut all: Vec<Dispensable>, most: usize) -> Vec<LegId> {
    let size_of = |p: LegProgress| all.iter().filter(|c| c.progress == p).map(|c| c.size).sum::<usize>();
    let sizes = ALL.map(size_of);
    let total: usize = sizes.iter().sum();
    let (waiting, under_way) = sizes.split_at(LegProgress::Unheard as usize);
    let is_few = waiting.iter().sum::<usize>() * FEW < total;
    let largest = waiting.iter().max().copied().unwrap_or_default();
    let flooded = match () {
        // Whoever was heard stays, as long as there is anybody else.
        () if is_few && under_way[0] > 0 => LegProgress::Unheard,
        () if largest == 0 => LegProgress::Heard,
        () => {
            ALL.into_iter().zip(waiting).find(|(_, s)| **s == largest).map_or(LegProgress::Heard, |(p, _)| p)
        }
    };
    all.retain(|c| c.progress == flooded);
    let flooder = majority(&all);
    all.sort_unstable_by_key(|c| (flooder.is_some() && c.from != flooder, c.id));
    all.into_iter().take(most).map(|c| c.id).collect()
}

/// The host that more than half of it comes from.
fn majority(all: &[Dispensable]) -> Option<IpAddr> {
    let mut by_host: HashMap<IpAddr, usize, RandomState> = HashMap::default();
    for c in all {
        if let Some(from) = c.from {
            *by_host.entry(from).or_default() += c.size;
        }
    }
    let total: usize = all.iter().map(|c| c.size).sum();
    by_host.into_iter().find(|(_, size)| *size > total / 2).map(|(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::LegProgress::{Heard, Over, Refused, Ringing, Unheard, Unheeded};
    use super::*;

    fn legs(n: std::ops::Range<u64>, progress: LegProgress, host: impl Fn(u64) -> u8) -> Vec<Dispensable> {
        let from = |n| Some(IpAddr::from([10, 0, 0, host(n)]));
        n.map(|n| Dispensable { id: LegId(n), progress, from: from(n), size: 1 }).collect()
    }

    #[test]
    fn what_there_is_most_of_goes_first_and_calls_under_way_last() {
        // The genuine ones are the first; the flood follows.
        for flood in [Refused, Over, Unheeded, Ringing, Unheard] {
            for genuine in [Unheeded, Ringing, Heard] {
                let genuine = legs(0..5, genuine, |_| 1);
                let all = [genuine, legs(5..100, flood, |_| 9)].concat();
                let gone = whom(all, 60);
                assert!(gone.iter().all(|id| id.0 >= 5), "{flood:?}: {gone:?}");
                assert_eq!((gone.len(), gone[0]), (60, LegId(5)), "the oldest of the flood first");
            }
        }
        let answered = [legs(0..5, Unheard, |_| 1), legs(5..100, Heard, |_| 9)].concat();
        assert_eq!(whom(answered, 9), [0, 1, 2, 3, 4].map(LegId));
        assert_eq!(whom(legs(0..5, Heard, |_| 9), 2), [0, 1].map(LegId));
        assert_eq!(whom(Vec::new(), 2), []);
    }

    #[test]
    fn of_one_kind_those_of_who_sends_most_go_first() {
        let all = [legs(0..40, Ringing, |_| 1), legs(40..100, Ringing, |_| 9)].concat();
        assert!(whom(all, 60).iter().all(|id| id.0 >= 40));
        // Where nobody sends most of it nothing tells them apart.
        let all = [legs(0..40, Ringing, |_| 1), legs(40..100, Ringing, |n| n as u8)].concat();
        assert_eq!(whom(all, 1), [LegId(0)]);
        // A few large ones outweigh many small ones.
        let mut all = [legs(0..90, Ringing, |_| 1), legs(90..100, Ringing, |_| 9)].concat();
        all.iter_mut().skip(90).for_each(|c| c.size = 100);
        assert_eq!(whom(all, 1), [LegId(90)]);
    }
}
