//! Retention counted in local calendar days.
