//! Holds what a replay left against what was expected of a case.

use super::want::{Expected, Number, Sound, Wanted};
use crate::common::ladder::ns;
use crate::common::oracle::check;
use crate::common::run::{self, Recording};
use crate::field::owner::{Sent, listen, slip};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The sidecars of a run, by Call-ID; audio is read when it is asked for.
pub struct Store {
    by_call: HashMap<String, Vec<PathBuf>>,
    /// The summary.
    pub summary: Value,
    /// What is said of calls that left no recording.
    pub assurances: Vec<Value>,
}

impl Store {
    /// Of a finished run.
    pub fn new(dir: &Path, summary: Value) -> Self {
        let mut by_call: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for path in run::files(dir).into_iter().filter(|p| p.extension().is_some_and(|e| e == "json")) {
            let json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let id = json["sip"]["call_id"].as_str().unwrap_or_default().to_string();
            by_call.entry(id).or_default().push(path);
        }
        Store { by_call, summary, assurances: run::assurances(dir) }
    }

    /// Recordings of these Call-IDs, in order of the answer.
    pub fn of(&self, ids: &[String]) -> Vec<Recording> {
        let mut paths: Vec<&PathBuf> = ids.iter().filter_map(|id| self.by_call.get(id)).flatten().collect();
        paths.sort();
        paths.dedup();
        let mut all: Vec<Recording> = paths.into_iter().map(|p| run::read(p.clone())).collect();
        all.sort_by_key(|r| r.instant_ns("answered_at"));
        all
    }

    /// How many calls were not recorded for a reason.
    pub fn unrecorded(&self, reason: &str) -> u64 {
        self.summary["unrecorded"][reason].as_u64().unwrap_or(0)
    }

    /// What the summary says of calls, where it says it call by call.
    fn told(&self, call_id: &str) -> String {
        let lists = ["failed", "decisions"].iter().filter_map(|k| self.summary[*k].as_array()).flatten();
        let about = lists.filter(|d| d["call_id"] == call_id || d["sip"]["call_id"] == call_id);
        about.map(Value::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// # Errors
/// What is not as expected.
pub fn judge(store: &Store, e: &Expected) -> Result<(), String> {
    let mut found = store.of(&e.call_ids());
    for s in e.skipped.iter().filter(|s| s.reason == "no_media") {
        let id = store.told(&s.call_id);
        let is_missing = |a: &&Value| id.contains(a["id"].as_str().unwrap_or("-"));
        let about = store.assurances.iter().find(is_missing).map(|a| a["assurance"].clone());
        if about != Some(serde_json::json!({ "bucket": "missing", "reasons": ["no_rtp"] })) {
            return Err(format!("{}: its assurance is {about:?}", s.call_id));
        }
        if !id.contains("no_media") {
            return Err(format!("{}: not told to have had no media", s.call_id));
        }
    }
    let mut taken: Vec<(usize, Recording)> = Vec::new();
    for w in &e.wanted {
        let near = |r: &Recording| (r.instant_ns("answered_at") - ns(w.answered)).abs();
        let of = |r: &Recording| w.call_ids.iter().any(|id| id == r.text("/sip/call_id"));
        let at = (0..found.len()).filter(|i| of(&found[*i])).min_by_key(|i| near(&found[*i]));
        let Some(at) = at else {
            return Err(format!("{}: not recorded; {}", w.call_ids[0], store.told(&w.call_ids[0])));
        };
        let mut r = found.remove(at);
        one(&mut r, w, e).map_err(|e| format!("{}: {e}", w.call_ids[0]))?;
        taken.push((w.group, r));
    }
    if let Some(r) = found.first() {
        let about = format!("{} agent {}", r.text("/sip/call_id"), r.text("/agent/id"));
        return Err(format!("recorded besides: {about} from {}", r.text("/answered_at")));
    }
    for (i, (group, r)) in taken.iter().enumerate() {
        for (other, s) in &taken[..i] {
            if (group == other) != (r.text("/call_group") == s.text("/call_group")) {
                return Err(format!("groups {} and {}", r.text("/call_group"), s.text("/call_group")));
            }
        }
    }
    Ok(())
}

fn one(r: &mut Recording, w: &Wanted, e: &Expected) -> Result<(), String> {
    values(r, w)?;
    let everything = format!("{} {}", r.json, r.path.display());
    if let Some(secret) = e.secrets.iter().find(|s| everything.contains(s.as_str())) {
        return Err(format!("the digits {secret} are told: {everything}"));
    }
    if let Some(n) = w.streams {
        let streams = r.json["streams"].as_array().map_or(0, Vec::len);
        if streams != n {
            return Err(format!("{streams} streams, expected {n}: {}", r.json["streams"]));
        }
    }
    for (channel, sound) in ["customer", "agent"].iter().zip(&w.sound) {
        listened(r, channel, sound)?;
    }
    assured(r)?;
    if let Some(complete) = w.complete
        && r.json["complete"] != complete
    {
        return Err(format!(
            "complete is {}, expected {complete}; {}",
            r.json["complete"], r.json["streams"]
        ));
    }
    Ok(())
}

/// A recording is in one bucket, and whatever is not complete has a reason.
fn assured(r: &Recording) -> Result<(), String> {
    let (bucket, reasons) = (r.text("/assurance/bucket"), r.json["assurance"]["reasons"].as_array());
    let reasons = reasons.ok_or("no reasons")?;
    let ends = ["timeout", "shutdown", "capture_end", "recovered"];
    let is_seen = !ends.contains(&r.text("/ended_by")) || r.json["complete"] == true;
    let has = |word: &str| reasons.iter().any(|reason| reason == word);
    let is_heard =
        |channel: &str| r.json["streams"].as_array().unwrap().iter().any(|s| s["channel"] == channel);
    let one_way = ["customer", "agent"].map(is_heard);
    let right = match bucket {
        "complete" => reasons.is_empty() && r.json["complete"] == true && one_way[0] == one_way[1],
        "partial" => !reasons.is_empty() && (is_seen || has(r.text("/ended_by"))),
        _ => false,
    };
    if right && (one_way[0] == one_way[1] || has("one_way_customer") || has("one_way_agent")) {
        return Ok(());
    }
    Err(format!(
        "assurance is {}, complete {}, {}",
        r.json["assurance"], r.json["complete"], r.json["streams"]
    ))
}

fn values(r: &Recording, w: &Wanted) -> Result<(), String> {
    let is = |what: &str, got: &str, wanted: &str| {
        if got == wanted { Ok(()) } else { Err(format!("{what} is {got}, expected {wanted}")) }
    };
    is("agent", r.text("/agent/id"), &w.agent)?;
    if let Some(direction) = w.direction {
        is("direction", r.text("/direction"), direction)?;
    }
    let (number, withheld) = match &w.number {
        Number::Stored(n) => (n.as_str(), false),
        Number::Withheld => ("null", true),
        Number::Unknown => ("null", false),
        Number::OrUnknown(n) if r.text("/customer/number") == n => (n.as_str(), false),
        Number::OrUnknown(_) => ("null", false),
    };
    is("customer", r.text("/customer/number"), number)?;
    is("withheld", &r.json["customer"]["withheld"].to_string(), &withheld.to_string())?;
    if let Some(dialled) = &w.dialled {
        is("dialled", r.text("/dialled"), dialled)?;
    }
    for (key, at) in [("answered_at", w.answered), ("ended_at", w.ended)] {
        let off = (r.instant_ns(key) - ns(at)) as f64 / 1e6;
        if off.abs() > w.slack {
            return Err(format!("{key} is {off:+.1} ms off"));
        }
    }
    is("ended_by", r.text("/ended_by"), w.ended_by)?;
    let length = (r.instant_ns("ended_at") - r.instant_ns("answered_at")) as f64 / 1e9;
    let sound = r.customer.len() as f64 / f64::from(r.rate);
    if (r.number("/duration_s") - length).abs() > 0.02 || (sound - length).abs() > 0.02 {
        return Err(format!("{sound} s of sound, {} told, {length} lasted", r.number("/duration_s")));
    }
    is("presses", &r.events("dtmf").len().to_string(), &w.presses.to_string())?;
    if let Some(holds) = w.holds {
        is("holds", &r.events("hold").len().to_string(), &holds.to_string())?;
    }
    Ok(())
}

fn listened(r: &mut Recording, channel: &str, sound: &Sound) -> Result<(), String> {
    match sound {
        Sound::Any => Ok(()),
        Sound::All(packets) => check(r, channel, packets).map(drop),
        Sound::Smooth(packets) => {
            check(r, channel, packets)?;
            match slip(r, channel, packets) {
                0..=16 => Ok(()),
                n => Err(format!("{channel}: speech slips by {:.1} ms at once", n as f64 / 8.0)),
            }
        }
        Sound::AllBut(packets, free) => {
            let (answered, rate) = (r.instant_ns("answered_at"), i64::from(r.rate));
            let samples = if channel == "agent" { &mut r.agent } else { &mut r.customer };
            for (from, to) in free {
                let at = |ms: f64| {
                    (((ns(ms) - answered) * rate / 1_000_000_000).max(0) as usize).min(samples.len())
                };
                let (from, to) = (at(*from), at(*to));
                samples[from..to].fill(0);
            }
            check(r, channel, packets).map(drop)
        }
        Sound::Some(packets) => {
            let sent: Vec<Sent> =
                packets.iter().map(|p| Sent { packet: p.clone(), certain: false }).collect();
            let tally = listen(r, channel, &sent)?;
            match tally.missing > 0 && r.json["complete"] == true {
                true => Err(format!("{channel}: complete, though {} packets are missing", tally.missing)),
                false => Ok(()),
            }
        }
        Sound::Silence => match r.channel(channel).iter().position(|s| *s != 0) {
            None => Ok(()),
            Some(f) => Err(format!("{channel}: sound at {:.3} s, expected silence", f as f64 / 8e3)),
        },
    }
}
