//! One genuine call, and somebody at addresses of his own who sends whatever he likes, whenever
//! he likes. The call's recording is what it would be without him.
//!
//! An outsider knows where the parties are. An insider knows the Call-ID and the tags as well,
//! and is promised no more success, as long as no party does as he says.

mod acts;
mod genuine;
mod packets;

use crate::common::ladder::{AGENTS, Scene};
use crate::common::rng::Rng;
use crate::common::run::{self, Recording, Run};
use acts::Attacker;
use genuine::Genuine;
use serde_json::Value;

/// A scenario.
pub struct Attack {
    call_id: String,
    peace: Scene,
    attacked: Scene,
    said: String,
}

impl Attack {
    /// The scenario of a seed; an insider's where he `knows` the tags.
    pub fn new(seed: u64, knows: bool) -> Self {
        let mut rng = Rng::new(seed ^ if knows { 0x5151 } else { 0 });
        let call = Genuine::new(&mut rng);
        let mut attacked = call.scene.clone();
        let mut a = Attacker { rng, call: &call, knows, said: call.said.clone() };
        for _ in 0..1 + a.rng.below(6) {
            a.act(&mut attacked);
        }
        let said = std::mem::take(&mut a.said);
        Attack { call_id: call.d.call_id.clone(), peace: call.scene, attacked, said }
    }

    /// Plays it with him and without.
    pub fn play(&self) -> [Run; 2] {
        [&self.peace, &self.attacked].map(|scene| {
            let (_keep, path) = scene.saved();
            run::replay_with(AGENTS, &[&path], &["--json", "--workers", "1"], &[])
        })
    }

    /// Leaves the captures where `NAUHURI_KEEP` says.
    pub fn keep(&self, seed: u64) {
        if let Some(dir) = std::env::var_os("NAUHURI_KEEP") {
            let dir = std::path::PathBuf::from(dir);
            self.peace.save(&dir.join(format!("peace-{seed}.pcap")));
            self.attacked.save(&dir.join(format!("attacked-{seed}.pcap")));
        }
    }

    /// What he did.
    pub fn describe(&self) -> &str {
        &self.said
    }

    fn genuine<'r>(&self, run: &'r Run) -> Result<&'r Recording, String> {
        let mut of = run.recordings.iter().filter(|r| r.text("/sip/call_id") == self.call_id);
        match (of.next(), of.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err("no recording of the call".into()),
            (Some(_), Some(_)) => Err("several recordings of the call".into()),
        }
    }

    /// # Errors
    /// What he has moved.
    pub fn judge(&self, [peace, attacked]: &[Run; 2]) -> Result<(), String> {
        for run in [peace, attacked] {
            if !run.output.status.success() {
                return Err(format!("failed: {}", run.stderr()));
            }
        }
        let was = self.genuine(peace).map_err(|e| format!("in peace {e}"))?;
        let is = self.genuine(attacked)?;
        if was.data != is.data {
            let at = was.customer.iter().zip(&is.customer).position(|(a, b)| a != b);
            let other = was.agent.iter().zip(&is.agent).position(|(a, b)| a != b);
            let lengths = [was, is].map(|r| r.customer.len());
            return Err(format!(
                "other sound from {at:?} (customer), {other:?} (agent), frames {lengths:?}\n{}\n{}",
                was.json, is.json
            ));
        }
        let ((was, was_streams), (is, is_streams)) = (told(&was.json), told(&is.json));
        if was != is {
            return Err(format!("told otherwise:\n{was}\n{is}"));
        }
        match was_streams.iter().find(|s| !is_streams.contains(s)) {
            Some(s) => Err(format!("stream {s} is not among {is_streams:?}")),
            None => Ok(()),
        }
    }
}

/// A sidecar without what may tell of him, and its streams.
fn told(json: &Value) -> (Value, Vec<Value>) {
    let mut j = json.clone();
    let streams = j["streams"].as_array().unwrap().clone();
    let mut events = j["events"].as_array().unwrap().clone();
    events.retain(|e| e["kind"] != "intruder");
    let o = j.as_object_mut().unwrap();
    o.remove("streams");
    o.insert("events".into(), events.into());
    (j, streams)
}

/// # Errors
/// What he has moved, and what he did.
pub fn try_seed(seed: u64, knows: bool) -> Result<(), String> {
    let a = Attack::new(seed, knows);
    a.judge(&a.play()).map_err(|what| {
        a.keep(seed);
        format!("seed {seed}: {what}{}", a.describe())
    })
}
