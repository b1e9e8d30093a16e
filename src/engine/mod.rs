//! The one door of the core.
