//! What the tables of this module call one another's rows.

/// One leg inside this run; later legs are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId(pub u64);

/// One contact inside this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContactId(pub u64);

/// One dialog inside this run: a slot of its table, and which of the slot's users it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DialogId {
    pub(super) slot: u32,
    pub(super) user: u32,
}
