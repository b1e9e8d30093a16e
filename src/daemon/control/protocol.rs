//! What is said on the recorder's local socket: one line of JSON each way, then the end.
//!
//! A request names the version it speaks, so that a later command and an older recorder
//! understand that they do not understand each other. Keys are added, never repurposed; unknown keys are
//! passed over. No number of a customer is in any of it.

use crate::call::Agent;
use crate::config::changed_keys::ChangedKey;
use crate::config::{CallDirection, PauseBy};
use crate::custody::audit::SystemAccount;
use crate::id::{Channel, RecordingId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The version spoken here.
pub const VERSION: u32 = 1;
/// Longest request, bytes.
pub const MAX_REQUEST: usize = 4096;
/// Longest answer that a command takes, bytes: of more calls than any recorder has.
pub const MAX_ANSWER: u64 = 64 << 20;

/// What somebody asks of the running recorder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlRequest {
    /// [`VERSION`]
    pub version: u32,
    /// What to do.
    #[serde(flatten)]
    pub command: ControlCommand,
    /// Who the command says asks; believed of root and of the service's user only.
    #[serde(default)]
    pub who: SystemAccount,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum ControlCommand {
    /// List the running calls.
    Calls,
    /// Tell how the recorder is, in counts.
    Status,
    /// Pause one.
    Pause {
        /// Id, its last eight digits, or the agent's id.
        call: String,
    },
    /// Resume one.
    Resume {
        /// As above.
        call: String,
    },
    /// Take a new configuration.
    Reload,
    /// Hand over to another recorder, which goes on at the same connection: [`super::super::estate`].
    HandOver,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ControlAnswer {
    /// [`VERSION`] of the recorder.
    pub version: u32,
    /// Why it was not done; nothing where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The calls that were asked for, the oldest first.
    #[serde(default)]
    pub calls: Vec<RunningCall>,
    /// What became of a new configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reload: Option<ReloadAnswer>,
    /// Some calls may be missing: a worker did not answer in time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Whose wall clock the recorder goes by.
    #[serde(default)]
    pub timezone: String,
    /// How it is, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RecorderStatus>,
}

/// How a recorder is: counts and no persons, what `/readyz` and `/metrics` tell anybody on this machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecorderStatus {
    /// When this was so, by the recorder's clock.
    pub at: Option<Timestamp>,
    /// How long ago packets were last counted, seconds: their counters say nothing of the time since.
    #[serde(default)]
    pub counted_ago_s: Option<f64>,
    /// Why calls are not recorded as they should be; nothing where all is well.
    #[serde(default)]
    pub not_ready: Option<String>,
    /// Every metric, as text for Prometheus.
    pub metrics: String,
}

/// What became of a new configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReloadAnswer {
    /// It is in force. If not, the one before is, unchanged.
    pub taken: bool,
    /// The keys that have changed; where it is refused for them, those that need a restart.
    pub changed: Vec<ChangedKey>,
    /// What is wrong with it: file, key, what was found, what is allowed.
    pub problems: Vec<String>,
}

/// One call that is being recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunningCall {
    /// Its id inside this run; travels nowhere.
    #[serde(skip)]
    pub recording: RecordingId,
    /// The recording's id, as it will be in its sidecar.
    pub id: Uuid,
    /// Shared by the contact's recordings.
    pub call_group: Uuid,
    /// The service it belongs to.
    pub service: String,
    /// Who called whom.
    pub direction: CallDirection,
    /// The agent.
    pub agent: Agent,
    /// The answer.
    pub answered_at: Timestamp,
    /// How long ago that was.
    pub seconds: f64,
    /// What it does.
    pub state: CallState,
    /// On hold, paused or not.
    pub held: bool,
    /// Since when it is paused.
    pub paused_at: Option<Timestamp>,
    /// What paused it.
    pub paused_by: Option<PauseBy>,
    /// When it resumes by itself.
    pub resumes_at: Option<Timestamp>,
    /// Its service lets it be paused.
    pub may_pause: bool,
    /// Who was heard so far.
    pub heard: Vec<Channel>,
    /// What customer and agent speak in, as far as they were heard.
    pub codecs: [Option<String>; 2],
}

/// What a running call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// It is recorded.
    Recording,
    /// Likewise, and one side holds the other.
    Held,
    /// Nothing of it is recorded: somebody wanted it so.
    Paused,
}

impl CallState {
    /// As it stands in the answer.
    pub const fn name(self) -> &'static str {
        match self {
            CallState::Recording => "recording",
            CallState::Held => "held",
            CallState::Paused => "paused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_are_plain_json() {
        let read = |v: serde_json::Value| serde_json::from_value::<ControlRequest>(v).ok();
        let calls = read(json!({ "version": 1, "command": "calls" })).unwrap();
        assert_eq!((calls.version, calls.command), (1, ControlCommand::Calls));
        let status = read(json!({ "version": 1, "command": "status" })).unwrap();
        assert_eq!(status.command, ControlCommand::Status);
        let pause = read(json!({ "version": 1, "command": "pause", "call": "2001", "later": [1] })).unwrap();
        assert_eq!(pause.command, ControlCommand::Pause { call: "2001".into() });
        for wrong in [json!({ "command": "calls" }), json!({ "version": 1, "command": "stop" }), json!([1])] {
            assert_eq!(read(wrong), None);
        }
        let text = serde_json::to_string(&pause).unwrap();
        assert_eq!(serde_json::from_str::<ControlRequest>(&text).unwrap(), pause);
    }
}
