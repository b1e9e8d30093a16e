//! What the calls take of a configuration.

use super::recording::SilenceLimits;
use super::rules::Rules;
use crate::config::Config;
use std::sync::Arc;

/// What the calls take of a configuration, compiled before they are told.
#[derive(Clone, Debug)]
pub struct CallSettings {
    pub(super) rules: Arc<Rules>,
    pub(super) patience: SilenceLimits,
    pub(super) max_recordings: usize,
    pub(super) max_legs: usize,
}

impl CallSettings {
    /// From a checked configuration.
    pub fn new(config: &Config) -> CallSettings {
        CallSettings {
            rules: Arc::new(Rules::new(config)),
            patience: SilenceLimits { quiet: config.sip.media_timeout, alive: config.sip.max_silence },
            max_recordings: config.limits.recordings,
            max_legs: config.limits.calls,
        }
    }
}
