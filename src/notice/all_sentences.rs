//! Every sentence there is, in the order in which they are written.

use super::sentence::Sentence;
use super::{on_announcing, on_data, on_entry, on_guarding, on_hearing, on_keeping, on_recording};

const TABLE: &[&[Sentence]] = &[
    on_recording::WHO_AND_WHICH,
    on_recording::WHEN,
    on_recording::WHAT_FOR,
    on_data::WHICH_DATA,
    on_keeping::HOW_LONG,
    on_hearing::WHO_HEARS,
    on_hearing::WHERE_TO,
    on_guarding::PROTECTION,
    on_guarding::DATA_SUBJECTS,
    on_announcing::SPOKEN,
    on_entry::RECORD,
];

/// All of them.
pub fn sentences() -> impl Iterator<Item = &'static Sentence> {
    TABLE.iter().copied().flatten()
}
