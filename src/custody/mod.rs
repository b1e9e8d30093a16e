//! What may be done to recordings after the call, and the log of who did it.
//!
//! Holds, restrictions and terms are edits ([`keeper`]: told, rewritten,
//! indexed); what is erased or has expired is deleted in six steps ([`erase`]):
//!
//! | step | what is done | a crash right after it leaves | the next sweep makes of it |
//! | --- | --- | --- | --- |
//! | 1 | a tombstone, synced; no search gives the recording any more | both files | deleted |
//! | 2 | `NAME.json` unlinked | a WAV alone | deleted |
//! | 3 | `NAME.wav` unlinked | names not yet synced | deleted again, should they come back |
//! | 4 | the folder synced | a deletion nobody was told of | told |
//! | 5 | the audit entry, synced | a hidden row in the index | told once more, forgotten |
//! | 6 | the row forgotten, overwritten, the index's log emptied | nothing | nothing |
//!
//! Who did what and why is in the [`audit`] log. A recording whose tombstone is
//! there is deleted, wherever files or index of it come back from.

pub mod access;
pub mod amend;
pub mod audit;
pub mod deleted;
pub mod dsar;
pub mod edit;
pub mod erase;
pub mod expire;
pub mod export;
pub mod hold;
pub mod keeper;
pub mod mend;
pub mod redecode;
pub mod restrict;
pub mod retain;
pub mod training;
pub mod wall_clock;
