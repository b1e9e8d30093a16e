//! Stretches of a tape in which the agent, or somebody for him, did not want to be recorded.
//!
//! What asks for a pause, or for its end, waits until all that came before is known, and takes
//! effect at the instant it was asked for: sound has its place on the timeline, whenever it
//! is written. Both channels are silence there, though they are decoded all the while: what follows
//! sounds as if there had been no pause.
//!
//! Knows of time and keys, nothing of samples.

use super::report::PauseReport;
use crate::codec::key_sequence::{DtmfKey, PauseKeys, PressedKeys};
use crate::config::{PauseBy, PauseRules, Switch};
use std::sync::Arc;
use std::time::Duration;

/// Pauses of one recording that are told apart. The last of them has no end before the call has.
const MAX_PAUSES: usize = 4096;
/// Requests that wait to take effect; nobody asks so often within half a second.
const MAX_WAITING: usize = 256;

/// The rules of the configuration, compiled once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PauseSettings {
    keys: Option<PauseKeys>,
    limit_ns: i64,
}

impl PauseSettings {
    /// From a checked configuration.
    pub fn new(rules: &PauseRules) -> PauseSettings {
        PauseSettings { keys: PauseKeys::new(rules), limit_ns: ns(rules.limit) }
    }
}

/// Something that was asked for.
#[derive(Clone, Copy, Debug)]
struct PauseWish {
    at_ns: i64,
    switch: Switch,
    by: PauseBy,
}

/// A pause that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PausedNow {
    /// Since when, nanoseconds from the answer.
    pub from_ns: i64,
    /// What asked for it.
    pub by: PauseBy,
    /// When it ends by itself, likewise.
    pub until_ns: i64,
}

/// The pauses of one tape.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    settings: Option<Arc<PauseSettings>>,
    is_allowed: bool,
    pressed: PressedKeys,
    waiting: Vec<PauseWish>,
    all: Vec<PauseReport>,
    /// When the last one was asked for, again perhaps.
    asked_ns: i64,
    /// Requests there was no room for.
    pub left_out: u64,
    /// How much of them was told: beginnings and ends.
    told: (usize, usize),
}

impl Pauses {
    /// How pausing goes, and whether it is allowed. A pause that runs is not ended by this.
    pub fn set(&mut self, settings: &Arc<PauseSettings>, is_allowed: bool) {
        (self.settings, self.is_allowed) = (Some(Arc::clone(settings)), is_allowed);
    }

    /// There were these, from and until, and there will be no others.
    pub fn replay(&mut self, spans: impl Iterator<Item = (i64, i64)>) {
        self.all.extend(spans.take(MAX_PAUSES).map(|(from_ns, until_ns)| PauseReport {
            from_ns,
            until_ns: Some(until_ns),
            by: PauseBy::Command,
            resumed_by: None,
        }));
    }

    /// The agent pressed a key.
    pub fn press(&mut self, key: DtmfKey, at_ns: i64) {
        let Some(keys) = self.settings.as_ref().and_then(|s| s.keys.as_ref()) else { return };
        if let Some(switch) = keys.press(&mut self.pressed, key, at_ns) {
            self.want(at_ns, switch, PauseBy::Key);
        }
    }

    /// Somebody asks for a pause, or for its end.
    pub fn want(&mut self, at_ns: i64, switch: Switch, by: PauseBy) {
        if !self.is_allowed && switch == Switch::Pause {
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.left_out += 1;
            // With no room for all, rather silence than sound that was not to be kept.
            let resumes = self.waiting.iter().enumerate().filter(|(_, w)| w.switch == Switch::Resume);
            let oldest = resumes.min_by_key(|(_, w)| w.at_ns).map(|(i, _)| i);
            match oldest.filter(|_| switch == Switch::Pause) {
                Some(i) => self.waiting.remove(i),
                None => return,
            };
        }
        self.waiting.push(PauseWish { at_ns: at_ns.max(0), switch, by });
    }

    /// All that was asked for up to `horizon_ns` takes effect. From when on there is
    /// silence now where there was none.
    pub fn settle(&mut self, horizon_ns: i64) -> Option<i64> {
        let open = self.open().map(|p| p.from_ns);
        if self.waiting.is_empty() && open.is_none() {
            return None;
        }
        // Of two at one instant the one that came first.
        self.waiting.sort_by_key(|w| w.at_ns);
        let due = self.waiting.partition_point(|w| w.at_ns <= horizon_ns);
        let mut begun = None;
        for wanted in self.waiting.drain(..due).collect::<Vec<_>>() {
            self.lapse(wanted.at_ns);
            begun = begun.or(self.take(wanted));
            // It may have ended at once: then there was none.
            begun = begun.filter(|from_ns| self.all.last().is_some_and(|p| p.from_ns >= *from_ns));
        }
        self.lapse(horizon_ns);
        begun
    }

    /// Where there is silence that touches these nanoseconds, the latest first.
    pub fn within(&self, from_ns: i64, until_ns: i64) -> impl Iterator<Item = (i64, i64)> {
        let spans = self.all.iter().rev().map(|p| (p.from_ns, p.until_ns.unwrap_or(i64::MAX)));
        spans.take_while(move |(_, until)| *until > from_ns).filter(move |(from, _)| *from < until_ns)
    }

    /// There was none yet.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The pause that it is in, everything asked for so far counted.
    pub fn now(&self) -> Option<PausedNow> {
        let limit_ns = self.settings.as_ref().map_or(i64::MAX, |s| s.limit_ns);
        let lasting = |from_ns, by, asked_ns: i64| {
            Some(PausedNow { from_ns, by, until_ns: asked_ns.saturating_add(limit_ns) })
        };
        let mut now = self.open().and_then(|p| lasting(p.from_ns, p.by, self.asked_ns));
        let mut waiting = self.waiting.clone();
        waiting.sort_by_key(|w| w.at_ns);
        for w in waiting {
            now = match (w.switch, now) {
                (Switch::Pause, Some(p)) => lasting(p.from_ns, p.by, w.at_ns),
                (Switch::Pause, None) => lasting(w.at_ns, w.by, w.at_ns),
                (Switch::Resume, _) => None,
            };
        }
        now
    }

    /// What has begun or ended since this was last asked: the pause, and whether that is its end.
    pub fn news(&mut self) -> impl Iterator<Item = (PauseReport, bool)> {
        let (begun, ended) = self.told;
        let closed = self.closed();
        self.told = (self.all.len(), closed);
        let all = &self.all;
        (ended..all.len()).flat_map(move |i| {
            let begins = (i >= begun).then_some((all[i], false));
            begins.into_iter().chain((i < closed).then_some((all[i], true)))
        })
    }

    /// Nothing has changed since [`Pauses::news`] was last asked.
    pub fn is_told(&self) -> bool {
        self.told == (self.all.len(), self.closed())
    }

    /// The tape ends at `end_ns`: all there were, in order.
    pub fn close(&mut self, end_ns: i64) {
        let is_kept = |p: &PauseReport| p.from_ns < end_ns && p.until_ns != Some(p.from_ns);
        let kept = |n: usize| self.all.iter().take(n).filter(|p| is_kept(p)).count();
        let told = (kept(self.told.0), kept(self.told.1));
        self.all.retain(is_kept);
        for p in self.all.iter_mut().filter(|p| p.until_ns.is_none_or(|until| until > end_ns)) {
            (p.until_ns, p.resumed_by) = (Some(end_ns), None);
        }
        self.told = told;
    }

    /// All there were.
    pub fn reports(&self) -> &[PauseReport] {
        &self.all
    }

    fn open(&self) -> Option<&PauseReport> {
        self.all.last().filter(|p| p.until_ns.is_none())
    }

    /// How many have ended.
    fn closed(&self) -> usize {
        self.all.len() - usize::from(self.open().is_some())
    }

    /// Begins a pause, prolongs one, or ends it. From when on, where one begins.
    fn take(&mut self, wanted: PauseWish) -> Option<i64> {
        let PauseWish { at_ns, switch, by } = wanted;
        match (switch, self.open().is_some()) {
            (Switch::Pause, true) => {
                self.asked_ns = at_ns;
                None
            }
            (Switch::Pause, false) => {
                // Keys that came late may have been pressed before the last pause had ended.
                let before = self.all.last().and_then(|p| p.until_ns).unwrap_or(0);
                let from_ns = at_ns.max(before);
                self.all.push(PauseReport { from_ns, until_ns: None, by, resumed_by: None });
                self.asked_ns = from_ns;
                Some(from_ns)
            }
            (Switch::Resume, true) => {
                self.end(at_ns, by);
                None
            }
            (Switch::Resume, false) => None,
        }
    }

    /// Ends a pause whose time is over by `now_ns`.
    fn lapse(&mut self, now_ns: i64) {
        let Some(limit_ns) = self.settings.as_ref().map(|s| s.limit_ns) else { return };
        let over_ns = self.asked_ns.saturating_add(limit_ns);
        if self.open().is_some() && over_ns <= now_ns {
            self.end(over_ns, PauseBy::Limit);
        }
    }

    fn end(&mut self, at_ns: i64, by: PauseBy) {
        // With no room to tell of another one, rather silence than a pause that is none.
        if self.all.len() < MAX_PAUSES
            && let Some(p) = self.all.last_mut()
        {
            (p.until_ns, p.resumed_by) = (Some(at_ns.max(p.from_ns)), Some(by));
            // One that ended as it began was none, unless its beginning has been told.
            if p.until_ns == Some(p.from_ns) && self.told.0 < self.all.len() {
                self.all.pop();
            }
        }
    }
}

fn ns(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::NS_PER_S;

    /// Pauses with a limit of a minute, by `*1` and `*2`.
    fn pauses() -> Pauses {
        let rules = PauseRules {
            start_keys: "*1".into(),
            stop_keys: "*2".into(),
            limit: Duration::from_secs(60),
            ..PauseRules::default()
        };
        let mut p = Pauses::default();
        p.set(&Arc::new(PauseSettings::new(&rules)), true);
        p
    }

    /// What there was, in seconds.
    fn told(p: &Pauses) -> Vec<(i64, Option<i64>, Option<PauseBy>)> {
        p.reports()
            .iter()
            .map(|r| (r.from_ns / NS_PER_S, r.until_ns.map(|u| u / NS_PER_S), r.resumed_by))
            .collect()
    }

    fn want(p: &mut Pauses, at: i64, switch: Switch) {
        p.want(at * NS_PER_S, switch, PauseBy::Info);
    }

    #[test]
    fn takes_effect_in_order_of_time() {
        use Switch::{Pause, Resume};
        let mut p = pauses();
        // The end was told first: keys are known later than what signalling says.
        want(&mut p, 12, Resume);
        want(&mut p, 10, Pause);
        assert_eq!(p.settle(11 * NS_PER_S), Some(10 * NS_PER_S));
        assert_eq!(p.within(0, 20 * NS_PER_S).collect::<Vec<_>>(), [(10 * NS_PER_S, i64::MAX)]);
        assert_eq!(p.now(), None, "it will have ended");
        assert_eq!(p.settle(13 * NS_PER_S), None);
        want(&mut p, 14, Resume);
        p.settle(15 * NS_PER_S);
        assert_eq!(told(&p), [(10, Some(12), Some(PauseBy::Info))]);
        assert_eq!(p.within(12 * NS_PER_S, 20 * NS_PER_S).count(), 0);
        assert_eq!(p.within(0, 10 * NS_PER_S).count(), 0);
    }

    #[test]
    fn ends_by_itself_counted_from_the_last_request() {
        use Switch::Pause;
        let mut p = pauses();
        want(&mut p, 5, Pause);
        want(&mut p, 35, Pause);
        p.settle(94 * NS_PER_S);
        assert_eq!(told(&p), [(5, None, None)]);
        want(&mut p, 100, Pause);
        p.settle(100 * NS_PER_S);
        assert_eq!(told(&p), [(5, Some(95), Some(PauseBy::Limit)), (100, None, None)]);
        p.settle(i64::MAX);
        p.close(130 * NS_PER_S);
        assert_eq!(told(&p)[1], (100, Some(130), None), "the call ended first");
    }

    #[test]
    fn a_pause_that_ends_as_it_begins_is_none() {
        use Switch::{Pause, Resume};
        let mut p = pauses();
        [Pause, Resume].into_iter().for_each(|switch| want(&mut p, 5, switch));
        assert_eq!((p.settle(6 * NS_PER_S), told(&p)), (None, vec![]));
        [Pause, Resume].into_iter().for_each(|switch| want(&mut p, 7, switch));
        want(&mut p, 8, Pause);
        assert_eq!(p.settle(9 * NS_PER_S), Some(8 * NS_PER_S), "the next one is");
        want(&mut p, 9, Resume);
        // Its beginning was told before it ended.
        want(&mut p, 10, Pause);
        p.settle(10 * NS_PER_S);
        assert_eq!(p.news().count(), 3);
        want(&mut p, 10, Resume);
        want(&mut p, 12, Pause);
        p.settle(13 * NS_PER_S);
        p.close(20 * NS_PER_S);
        assert_eq!(told(&p), [(8, Some(9), Some(PauseBy::Info)), (12, Some(20), None)]);
        assert_eq!(
            p.news().map(|(r, is_end)| (r.from_ns / NS_PER_S, is_end)).collect::<Vec<_>>(),
            [(12, false), (12, true)]
        );
    }

    #[test]
    fn news_is_told_once_and_in_order() {
        use Switch::{Pause, Resume};
        let mut p = pauses();
        let news =
            |p: &mut Pauses| p.news().map(|(r, is_end)| (r.from_ns / NS_PER_S, is_end)).collect::<Vec<_>>();
        assert!(p.is_told() && news(&mut p).is_empty());
        want(&mut p, 1, Pause);
        p.settle(2 * NS_PER_S);
        assert!(!p.is_told());
        assert_eq!(news(&mut p), [(1, false)]);
        assert!(p.is_told());
        for (at, switch) in [(3, Resume), (4, Pause), (5, Resume), (6, Pause)] {
            want(&mut p, at, switch);
        }
        p.settle(7 * NS_PER_S);
        assert_eq!(news(&mut p), [(1, true), (4, false), (4, true), (6, false)]);
        p.close(7 * NS_PER_S);
        assert_eq!(news(&mut p), [(6, true)]);
        assert!(p.is_told());
    }

    #[test]
    fn keys_of_the_agent_and_bounds() {
        let mut p = pauses();
        for (at, key) in [(1, b'*'), (2, b'1'), (8, b'*'), (9, b'2')] {
            p.press(DtmfKey::of_char(key).unwrap(), at * NS_PER_S);
        }
        p.settle(20 * NS_PER_S);
        assert_eq!(told(&p), [(2, Some(9), Some(PauseBy::Key))]);
        for n in 0..2 * MAX_PAUSES as i64 {
            want(&mut p, 20 + n, if n % 2 == 0 { Switch::Pause } else { Switch::Resume });
            p.settle((20 + n) * NS_PER_S);
        }
        p.settle(i64::MAX);
        assert_eq!(p.reports().len(), MAX_PAUSES);
        assert_eq!(p.reports().last().unwrap().until_ns, None, "it stays paused");
        let mut full = pauses();
        (0..300).for_each(|n| want(&mut full, n, Switch::Resume));
        want(&mut full, 400, Switch::Pause);
        assert!(full.now().is_some() && full.left_out == 45, "a pause finds room");
        (0..300).for_each(|n| want(&mut full, 401 + n, Switch::Pause));
        let left_out = full.left_out;
        want(&mut full, 800, Switch::Resume);
        want(&mut full, 801, Switch::Pause);
        assert_eq!((full.now().is_some(), full.left_out), (true, left_out + 2));
        let mut none = Pauses::default();
        want(&mut none, 1, Switch::Pause);
        assert_eq!(none.settle(i64::MAX), None, "not allowed");
    }
}
