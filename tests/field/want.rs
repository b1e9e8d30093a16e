//! What must come of a case: the recordings with their values, and the calls that are not recorded with the reason.

use crate::common::voice::Packet;

/// What must lie on a channel.
#[derive(Clone, Debug)]
pub enum Sound {
    /// All of this at its place, nothing else.
    All(Vec<Packet>),
    /// All of it, and no slip of more than 2 ms in mid-speech.
    Smooth(Vec<Packet>),
    /// All, but for what lies in these stretches (ms), which is free.
    AllBut(Vec<Packet>, Vec<(f64, f64)>),
    /// Of these packets, each whole or not at all; nothing else.
    Some(Vec<Packet>),
    /// Digital silence.
    Silence,
    /// Not looked at.
    Any,
}

/// What is told of the customer's number.
#[derive(Clone, Debug)]
pub enum Number {
    /// Stored so.
    Stored(String),
    /// `null`, and withheld.
    Withheld,
    /// `null`, not withheld.
    Unknown,
    /// Stored so, or `null`.
    OrUnknown(String),
}

/// One recording.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its Call-ID is one of these.
    pub call_ids: Vec<String>,
    /// The agent's id.
    pub agent: String,
    /// Where the contract leaves it open: none.
    pub direction: Option<&'static str>,
    /// What is stored of the dialled number; none: not looked at.
    pub dialled: Option<String>,
    /// The customer.
    pub number: Number,
    /// ms.
    pub answered: f64,
    /// ms.
    pub ended: f64,
    /// How far both may be off, ms.
    pub slack: f64,
    /// Who hung up.
    pub ended_by: &'static str,
    /// Whether something is missing; where the contract leaves it open: none.
    pub complete: Option<bool>,
    /// Key presses.
    pub presses: usize,
    /// `hold` events, where looked at.
    pub holds: Option<usize>,
    /// Customer's and agent's channel.
    pub sound: [Sound; 2],
    /// Recordings of the same number here are of one contact.
    pub group: usize,
    /// How many streams there are, where looked at.
    pub streams: Option<usize>,
}

/// An answered call that is not recorded.
#[derive(Clone, Debug)]
pub struct Skipped {
    /// Its Call-ID.
    pub call_id: String,
    /// Why: `replay --json` counts it so (`no_media` stands among the failed ones).
    pub reason: &'static str,
    /// It need not be counted: another leg of a recorded call, or the same before it was recorded.
    pub optional: bool,
}

/// All of a case.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Recordings.
    pub wanted: Vec<Wanted>,
    /// Answered calls without.
    pub skipped: Vec<Skipped>,
    /// Digits that may stand nowhere.
    pub secrets: Vec<String>,
    /// Other Call-IDs of the case, of which nothing may be recorded.
    pub silent: Vec<String>,
}

impl Expected {
    /// One recording.
    pub fn one(wanted: Wanted) -> Self {
        Expected { wanted: vec![wanted], ..Expected::default() }
    }

    /// None, for this reason.
    pub fn none(call_id: &str, reason: &'static str) -> Self {
        Expected::default().skip(call_id, reason)
    }

    /// Another recording.
    pub fn and(mut self, wanted: Wanted) -> Self {
        self.wanted.push(wanted);
        self
    }

    /// Another call that is not recorded.
    pub fn skip(mut self, call_id: &str, reason: &'static str) -> Self {
        self.skipped.push(Skipped { call_id: call_id.into(), reason, optional: false });
        self
    }

    /// Another leg of the recorded call; counted as such, or not at all.
    pub fn leg(mut self, call_id: &str) -> Self {
        self.skipped.push(Skipped { call_id: call_id.into(), reason: "other_hop", optional: true });
        self
    }

    /// A call that may be counted so before it is recorded.
    pub fn first(mut self, call_id: &str, reason: &'static str) -> Self {
        self.skipped.push(Skipped { call_id: call_id.into(), reason, optional: true });
        self
    }

    /// Digits that may stand nowhere.
    pub fn secret(mut self, number: &str) -> Self {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        self.secrets.push(digits[digits.len().saturating_sub(8)..].to_string());
        self
    }

    /// A Call-ID of which nothing is recorded and nothing counted.
    pub fn quiet(mut self, call_id: &str) -> Self {
        self.silent.push(call_id.into());
        self
    }

    /// Every Call-ID of the case.
    pub fn call_ids(&self) -> Vec<String> {
        let wanted = self.wanted.iter().flat_map(|w| w.call_ids.iter().cloned());
        let skipped = self.skipped.iter().map(|s| s.call_id.clone());
        wanted.chain(skipped).chain(self.silent.iter().cloned()).collect()
    }
}
