//! A command line that is wrong in a way its definition cannot say.

/// The command line is wrong in a way its definition cannot say. Exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);
