//! A new configuration while calls run: those under way go by the rules of their beginning.

use super::super::call_settings::CallSettings;
use super::super::ids::DialogId;
use super::super::rules::Rules;
use super::Calls;
use std::sync::Arc;

impl Calls {
    /// From here on: INVITEs that come are followed by the new rules, and all calls within the new limits.
    pub fn update(&mut self, new: CallSettings) {
        let CallSettings { rules, patience, max_recordings, max_legs } = new;
        (self.rules, self.max_recordings) = (rules, max_recordings);
        self.recordings.set_patience(patience);
        self.tables.legs.set_max(max_legs);
    }

    /// The rules by which the call of a dialog goes: those that were in force at its INVITE.
    pub(super) fn rules_of(&self, id: DialogId) -> Option<Arc<Rules>> {
        self.tables.dialog(id).map(|(leg, _)| Arc::clone(&leg.rules))
    }
}
