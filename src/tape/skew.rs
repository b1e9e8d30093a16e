//! How fast the RTP clock of a sender goes, beside the clock of the capture.
//!
//! Of each few seconds the packet with the least transit is remembered: network jitter only ever
//! adds, so these lie on the path without queueing, and where the clocks differ they lie on a
//! slope. A path that becomes longer or shorter, a capture clock that is set, a stretch in which
//! every packet had to queue: each lifts or sinks what comes after, and says nothing of the
//! slope. So the remembered packets are cut into levels where they show such a step, one slope is
//! laid through all levels, and what remains beside it says how far the slope can be trusted.
//! Where that is not far enough nothing is told.
//!
//! This module must not know of packets or of where sound is put.

use crate::time::{NS_PER_MS, NS_PER_S};

/// One packet is remembered of each so many nanoseconds.
const WINDOW_NS: i64 = 4 * NS_PER_S;
/// Packets remembered before a slope is laid through them: four minutes and a quarter.
const MAX_POINTS: usize = 64;
/// Points by which a slope can be guessed.
const FEW: usize = 4;
/// Differences left beside levels and slope below which nothing is told of either.
const MIN_FREEDOM: usize = 5;
/// Stamps and capture clocks are no better than this, seconds.
const FINEST_S: f64 = 20e-6;
/// What another level must explain, in squares of the usual difference: three times the logarithm of
/// [`MAX_POINTS`], so that chance makes none.
const LEVEL_COST: f64 = 12.5;
/// More levels than one for so many points are no steps but a path that is never still.
const POINTS_PER_LEVEL: usize = 8;
/// A neighbour that differs by more of the usual differences was no chance.
const ODD: f64 = 4.0;
/// Neighbours that lie on one side of the slope together so often are no chance either.
const ALIKE: f64 = 0.4;
/// They are never taken to be more alike.
const MOST_ALIKE: f64 = 0.95;
/// Rounds after which levels and slope agree, or never will.
const ROUNDS: usize = 6;
/// The standard error up to which a rate is told, parts per million.
const TOLD_PPM: f64 = 2.0;
/// No clock is so far off: what is more is no clock.
const MAX_PPM: f64 = 10_000.0;

/// A packet that was quicker than those around it.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// Arrival, seconds from the first one of its block.
    at_s: f64,
    /// Transit beyond that of the first one, seconds.
    transit_s: f64,
    /// Points of different runs cannot be compared.
    run: u32,
}

/// The quickest packet of the present window.
#[derive(Clone, Copy, Debug)]
struct Window {
    from_ns: i64,
    at_ns: i64,
    transit_ns: i64,
}

/// The clock of one source.
#[derive(Debug, Default)]
pub(super) struct Skew {
    window: Option<Window>,
    /// At most [`MAX_POINTS`], in the order they came.
    points: Vec<Point>,
    /// Arrival and transit of the first of them, nanoseconds.
    origin_ns: (i64, i64),
    run: u32,
    /// What the slope seems to be: nanoseconds a millisecond.
    drift_ppm: i64,
    rate: SkewRate,
}

impl Skew {
    /// Takes the least transit there was lately, and when that packet came; nanoseconds.
    pub fn note(&mut self, at_ns: i64, transit_ns: i64) {
        match &mut self.window {
            // Of the window before.
            Some(w) if at_ns < w.from_ns => {}
            Some(w) if at_ns - w.from_ns < WINDOW_NS => {
                // By so much it would be later than the one before for the clocks alone.
                let drift_ns = (at_ns - w.at_ns) / NS_PER_MS * self.drift_ppm;
                if transit_ns < w.transit_ns + drift_ns {
                    (w.at_ns, w.transit_ns) = (at_ns, transit_ns);
                }
            }
            _ => self.turn(at_ns, transit_ns),
        }
    }

    /// What comes next is reckoned otherwise: nothing follows from how it lies beside what was.
    pub fn cut(&mut self) {
        self.window = None;
        self.run = self.run.wrapping_add(1);
    }

    /// What is known now.
    pub fn rate(&self) -> SkewRate {
        self.rate.with(&self.points)
    }

    fn turn(&mut self, at_ns: i64, transit_ns: i64) {
        let from_ns = match self.window.take() {
            Some(w) => {
                self.remember(w);
                w.from_ns + (at_ns - w.from_ns) / WINDOW_NS * WINDOW_NS
            }
            None => at_ns,
        };
        self.window = Some(Window { from_ns, at_ns, transit_ns });
    }

    fn remember(&mut self, w: Window) {
        if self.points.len() >= MAX_POINTS {
            self.rate = self.rate.with(&self.points);
            self.points.clear();
        }
        if self.points.is_empty() {
            self.origin_ns = (w.at_ns, w.transit_ns);
        }
        let (at_ns, transit_ns) = self.origin_ns;
        let at_s = seconds(w.at_ns.saturating_sub(at_ns));
        let transit_s = seconds(w.transit_ns.saturating_sub(transit_ns));
        self.points.push(Point { at_s, transit_s, run: self.run });
        if self.points.len() >= FEW && self.points[0].run == self.run {
            self.drift_ppm = (transit_s / at_s.max(1.0) * 1e6).clamp(-MAX_PPM, MAX_PPM) as i64;
        }
    }
}

fn seconds(ns: i64) -> f64 {
    ns as f64 / NS_PER_S as f64
}

/// What several slopes have in common, each by its own trustworthiness.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SkewRate {
    slopes: u32,
    /// Sums over the slopes, which are in seconds a second: weights (one over the variance), weight times
    /// slope, weight times its square.
    weight: f64,
    slope: f64,
    square: f64,
}

impl SkewRate {
    /// The rate of the sender's clock against the capture's, parts per million; positive where the sender's
    /// is the faster. To a tenth; `None` where it cannot be told within a few.
    pub fn ppm(&self) -> Option<f64> {
        if self.slopes == 0 || self.weight <= 0.0 {
            return None;
        }
        let mean = self.slope / self.weight;
        // Slopes that differ by more than each allows show that each allows too little.
        let spread = (self.square - self.slope * mean) / f64::from(self.slopes.max(2) - 1);
        let error_ppm = (spread.max(1.0) / self.weight).sqrt() * 1e6;
        let ppm = -mean * 1e6;
        let is_told = error_ppm <= TOLD_PPM && ppm.abs() <= MAX_PPM;
        // Without the zero that no rate is less than.
        is_told.then(|| (ppm * 10.0).round() / 10.0 + 0.0)
    }

    /// Both together, of the same source.
    pub fn join(&mut self, more: &SkewRate) {
        self.slopes += more.slopes;
        self.weight += more.weight;
        self.slope += more.slope;
        self.square += more.square;
    }

    fn with(mut self, points: &[Point]) -> SkewRate {
        if let Some(Slope { slope, variance }) = slope_of(points) {
            let weight = 1.0 / variance;
            let (slopes, square) = (1, weight * slope * slope);
            self.join(&SkewRate { slopes, weight, slope: weight * slope, square });
        }
        self
    }
}

/// Of transit over time, and how far it may be off.
#[derive(Clone, Copy, Debug)]
struct Slope {
    slope: f64,
    variance: f64,
}

/// The slope that all levels of these have in common.
fn slope_of(points: &[Point]) -> Option<Slope> {
    if points.len() < MIN_FREEDOM + 2 {
        return None;
    }
    // Levels by their first points: at first one for each run.
    let runs: Vec<usize> =
        (0..points.len()).filter(|i| *i == 0 || points[*i].run != points[i - 1].run).collect();
    let plain = Fit::through(points, runs)?;
    let rest = plain.rest(points);
    let usual = usual_difference(points, &rest);
    let is_odd = rest.iter().any(|r| r.abs() > ODD * usual) || plain.likeness(&rest) > ALIKE;
    let cut = is_odd.then(|| best_levels(points, &plain, usual)).flatten();
    let most = plain.levels.len() + points.len() / POINTS_PER_LEVEL;
    cut.filter(|c| c.levels.len() <= most).unwrap_or(plain).judged(points)
}

/// Levels, by their first points, and the one slope through them.
#[derive(Clone, Debug, PartialEq)]
struct Fit {
    levels: Vec<usize>,
    slope: f64,
    /// What the slope rests on: squares of how far the points lie from the middle of their level, s².
    reach: f64,
}

impl Fit {
    fn through(points: &[Point], levels: Vec<usize>) -> Option<Fit> {
        let (mut reach, mut rise) = (0.0, 0.0);
        for level in each(&levels, points.len()).map(|l| &points[l]) {
            let (at, transit) = middle(level);
            reach += level.iter().map(|p| (p.at_s - at).powi(2)).sum::<f64>();
            rise += level.iter().map(|p| (p.at_s - at) * (p.transit_s - transit)).sum::<f64>();
        }
        (reach > 0.0).then(|| Fit { levels, slope: rise / reach, reach })
    }

    /// How far each point lies off its level, seconds.
    fn rest(&self, points: &[Point]) -> Vec<f64> {
        let off = |level: &[Point]| {
            let (at, transit) = middle(level);
            let of = |p: &Point| p.transit_s - transit - self.slope * (p.at_s - at);
            level.iter().map(of).collect::<Vec<_>>()
        };
        each(&self.levels, points.len()).flat_map(|l| off(&points[l])).collect()
    }

    /// How much neighbours of one level are alike, 0 to 1.
    fn likeness(&self, rest: &[f64]) -> f64 {
        let pairs = each(&self.levels, rest.len()).flat_map(|l| rest[l].windows(2));
        let together: f64 = pairs.map(|w| w[0] * w[1]).sum();
        let alone: f64 = rest.iter().map(|r| r * r).sum();
        let seen = (together / alone.max(f64::MIN_POSITIVE)).max(0.0);
        // Few show less of it than there is (Kendall).
        (seen + (1.0 + 4.0 * seen) / rest.len().max(1) as f64).clamp(0.0, MOST_ALIKE)
    }

    /// The slope, and its variance; `None` where too little is left to tell it by.
    fn judged(&self, points: &[Point]) -> Option<Slope> {
        let freedom = points.len().checked_sub(self.levels.len() + 1).filter(|f| *f >= MIN_FREEDOM)?;
        let rest = self.rest(points);
        let squares = rest.iter().map(|r| r * r).sum::<f64>() / freedom as f64;
        // Few points may be close to one another by chance (Student), and neighbours that are alike are
        // fewer than they look.
        let few = freedom as f64 / (freedom - 2) as f64;
        let alike = self.likeness(&rest);
        let alike = (1.0 + alike) / (1.0 - alike);
        let variance = (squares * few * alike).max(FINEST_S * FINEST_S) / self.reach;
        Some(Slope { slope: self.slope, variance })
    }
}

/// The levels that explain the points best, and the slope through them; neither is known without the other.
fn best_levels(points: &[Point], plain: &Fit, usual: f64) -> Option<Fit> {
    let cost = LEVEL_COST * usual * usual;
    let mut best: Option<(f64, Fit)> = None;
    for start in [neighbours_slope(points), plain.slope] {
        let mut fit = Fit { slope: start, ..plain.clone() };
        for _ in 0..ROUNDS {
            let Some(next) = Fit::through(points, levels_beside(points, fit.slope, cost)) else { break };
            let is_settled = next.levels == fit.levels;
            fit = next;
            if is_settled {
                break;
            }
        }
        let squares: f64 = fit.rest(points).iter().map(|r| r * r).sum();
        let price = squares + cost * fit.levels.len() as f64;
        if best.as_ref().is_none_or(|(least, _)| price < *least) {
            best = Some((price, fit));
        }
    }
    best.map(|(_, fit)| fit)
}

/// Where levels begin that leave the least beside this slope, at so much for each.
fn levels_beside(points: &[Point], slope: f64, cost: f64) -> Vec<usize> {
    let count = points.len();
    // The best that ends before each point: its price, and where its last level begins.
    let mut ends = vec![(0.0, 0); count + 1];
    for end in 1..=count {
        let (mut sum, mut squares, mut best) = (0.0, 0.0, (f64::MAX, 0));
        for first in (0..end).rev() {
            if points[first].run != points[end - 1].run {
                break;
            }
            let off = points[first].transit_s - slope * points[first].at_s;
            (sum, squares) = (sum + off, squares + off * off);
            let rest = squares - sum * sum / (end - first) as f64;
            let price = ends[first].0 + rest + cost;
            if price < best.0 {
                best = (price, first);
            }
        }
        ends[end] = best;
    }
    let mut levels = Vec::new();
    let mut end = count;
    while end > 0 {
        end = ends[end].1;
        levels.push(end);
    }
    levels.reverse();
    levels
}

/// The slope between neighbours, in the middle of all: a step is in one of them only.
fn neighbours_slope(points: &[Point]) -> f64 {
    let pairs = points.windows(2).filter(|w| w[0].run == w[1].run && w[1].at_s > w[0].at_s);
    median(pairs.map(|w| (w[1].transit_s - w[0].transit_s) / (w[1].at_s - w[0].at_s)).collect())
}

/// By how much a point usually is off, told by neighbours, so that a step counts once.
fn usual_difference(points: &[Point], rest: &[f64]) -> f64 {
    let pairs = points.windows(2).zip(rest.windows(2)).filter(|(p, _)| p[0].run == p[1].run);
    let differences = pairs.map(|(_, r)| (r[1] - r[0]).abs()).collect();
    // The median of the difference of two that are normally distributed is 0.95 of their deviation.
    (median(differences) / 0.954).max(FINEST_S)
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(0.0)
}

fn middle(level: &[Point]) -> (f64, f64) {
    let n = level.len().max(1) as f64;
    let sum = |of: fn(&Point) -> f64| level.iter().map(of).sum::<f64>() / n;
    (sum(|p| p.at_s), sum(|p| p.transit_s))
}

/// The points of each level.
fn each(levels: &[usize], count: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let ends = levels.iter().skip(1).copied().chain([count]);
    levels.iter().copied().zip(ends).map(|(from, until)| from..until)
}

#[cfg(test)]
mod tests;
