//! When a change of a key takes effect: one word in the row of each key.

use serde::{Deserialize, Serialize};

/// When a change of a key takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakesEffect {
    /// When the running recorder is told of it.
    OnReload,
    /// When the recorder is started: a file that changes it is refused while it runs.
    OnRestart,
    /// Not the recorder's: commands read it when they are run, the listening room when it is started.
    Elsewhere,
    /// As the key says that the table belongs to.
    AsTable,
}

impl TakesEffect {
    /// As the reference has it.
    pub const fn describe(self) -> &'static str {
        match self {
            TakesEffect::OnReload => "with `nauhuri reload`",
            TakesEffect::OnRestart => "when the recorder is restarted",
            TakesEffect::Elsewhere => {
                "the next time a command is run; for the listening room, when it is restarted"
            }
            TakesEffect::AsTable => "as the key above it says",
        }
    }
}
