//! Engines in a row, each of which learns from the one before while both see the same packets.

use nauhuri::call::{Decision, Ending};
use nauhuri::capture::merge::Merged;
use nauhuri::config::Config;
use nauhuri::daemon::history_lines::{read_history, write_history};
use nauhuri::engine::{Engine, MediaPacket, Sink};
use nauhuri::id::RecordingId;
use nauhuri::time::Timestamp;
use nauhuri::wire::{Frame, LinkType};
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use uuid::Uuid;

/// How long two follow the same packets before the second one records.
const TOGETHER_NS: i64 = 1_000_000_000;

/// One frame.
pub struct Kept {
    pub ts: Timestamp,
    link: LinkType,
    data: Vec<u8>,
    wire_len: u32,
}

pub type Captured = Vec<Kept>;

/// The frames of captures, merged; none where they cannot be read.
pub fn captured(paths: &[PathBuf]) -> Option<Captured> {
    let mut merged = Merged::open(paths).ok()?;
    let mut out = Vec::new();
    while let Ok(Some(f)) = merged.next() {
        out.push(Kept { ts: f.ts, link: f.link, data: f.data.to_vec(), wire_len: f.wire_len });
    }
    Some(out)
}

/// What workers would be told, by recording.
#[derive(Default)]
pub struct Told {
    recordings: BTreeMap<Uuid, Vec<String>>,
    others: Vec<String>,
    ids: HashMap<RecordingId, Uuid>,
}

impl Told {
    /// The first thing that the other one was told otherwise.
    pub fn difference(&self, other: &Told) -> Option<String> {
        for (id, orders) in &self.recordings {
            let Some(theirs) = other.recordings.get(id) else {
                return Some(format!("{id} is missing ({} orders)", orders.len()));
            };
            if let Some(i) = (0..orders.len().max(theirs.len())).find(|i| orders.get(*i) != theirs.get(*i)) {
                return Some(format!(
                    "{id} order {i} of {}/{}: {:?} became {:?}",
                    orders.len(),
                    theirs.len(),
                    orders.get(i),
                    theirs.get(i)
                ));
            }
        }
        if let Some(more) = other.recordings.keys().find(|id| !self.recordings.contains_key(id)) {
            return Some(format!("{more} should not be there: {:?}", other.recordings[more][0]));
        }
        let [mut ours, mut theirs] = [&self.others, &other.others].map(Clone::clone);
        ours.sort();
        theirs.sort();
        (ours != theirs).then(|| {
            let only = |a: &[String], b: &[String]| {
                a.iter().filter(|l| !b.contains(l)).take(2).cloned().collect::<Vec<_>>()
            };
            format!(
                "told {} and {}: {:?} against {:?}",
                ours.len(),
                theirs.len(),
                only(&ours, &theirs),
                only(&theirs, &ours)
            )
        })
    }

    fn note(&mut self, id: RecordingId, what: String) {
        // What is not open, no worker knows.
        let Some(uuid) = self.ids.get(&id).copied() else { return };
        self.recordings.entry(uuid).or_default().push(what.replace(&format!("{id:?}"), "ID"));
    }
}

impl Sink for Told {
    fn decision(&mut self, decision: Decision) {
        match decision.recording() {
            Some(id) => {
                let mut what = format!("{decision:?}");
                if let Decision::Open(o) | Decision::Amend(o) = &decision {
                    self.ids.insert(id, o.uuid);
                    what += &format!("{:?}", o.customer.number.as_ref().map(|n| n.expose().clone()));
                }
                self.note(id, what);
                if matches!(decision, Decision::Close { .. } | Decision::Discard { .. } | Decision::Evict(_))
                {
                    self.ids.remove(&id);
                }
            }
            None if matches!(decision, Decision::Parallel(_)) => {}
            None => self.others.push(format!("{decision:?}")),
        }
    }

    fn media(&mut self, p: MediaPacket<'_>) {
        let mut h = DefaultHasher::new();
        p.packet.heard.payload.hash(&mut h);
        let k = &p.packet;
        let what = format!(
            "{:?} {} {:?} {} {} {} {:x}",
            k.channel,
            k.rank,
            k.standing,
            k.flow,
            k.at.as_ns(),
            k.heard.seq,
            h.finish()
        );
        self.note(p.recording, what);
    }

    fn tick(&mut self, _: Timestamp) {}
}

/// An engine, and since when it shares the packets with the one before it.
struct Runner {
    engine: Engine,
    told: Told,
    /// When it takes over, where that is not yet agreed.
    takes_over: Option<Timestamp>,
}

/// Plays frames; at each of these moments the newest engine is to hand over.
pub fn told(config: &str, frames: &Captured, moments: &[i64]) -> Told {
    let config: Config = toml::from_str(config).unwrap();
    let begin = || Runner { engine: Engine::new(&config), told: Told::default(), takes_over: None };
    let mut runners = vec![begin()];
    let mut moments = moments.iter().copied().peekable();
    for f in frames {
        let newest = &runners[runners.len() - 1];
        if newest.takes_over.is_none()
            && moments.peek().is_some_and(|at| *at <= f.ts.as_ns())
            && let Some(history) = newest.engine.history()
        {
            moments.next();
            let mut next = begin();
            let mut lines = Vec::new();
            write_history(&history, &mut lines).unwrap();
            next.engine.learn(&read_history(&mut &lines[..], u64::MAX).unwrap());
            next.takes_over = Some(f.ts.offset_ns(TOGETHER_NS));
            runners.push(next);
        }
        // Both agree on the moment once they have come to it.
        let n = runners.len();
        if let Some(at) = runners[n - 1].takes_over.filter(|at| f.ts >= at.offset_ns(-TOGETHER_NS / 2))
            && n > 1
        {
            let at = at
                .max(runners[n - 2].engine.now().offset_ns(1))
                .max(runners[n - 1].engine.now().offset_ns(1));
            assert!(runners[n - 2].engine.record_until(at) && runners[n - 1].engine.record_from(at));
            runners[n - 1].takes_over = None;
        }
        let frame = Frame { ts: f.ts, link: f.link, data: &f.data, wire_len: f.wire_len };
        runners.iter_mut().for_each(|r| r.engine.handle_frame(&frame, &mut r.told));
    }
    // The last one had not yet begun.
    if runners.last().is_some_and(|r| r.takes_over.is_some()) {
        runners.pop();
    }
    let mut all = Told::default();
    for mut r in runners {
        r.engine.finish(Ending::CaptureEnd, &mut r.told);
        all.others.append(&mut r.told.others);
        for (id, orders) in r.told.recordings {
            all.recordings.entry(id).or_default().extend(orders);
        }
    }
    all
}
