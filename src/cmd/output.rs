//! Results on standard output; a reader that leaves early is not a failure.

use std::io::{self, Write};

/// Standard output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("standard output: {0}")]
pub struct Stdout(#[source] pub io::Error);

/// Writes `text` to standard output and flushes it.
///
/// # Errors
/// [`Stdout`], which [`exit_code`](super::exit_code) takes for success when the reader left.
pub fn print(text: &str) -> Result<(), Stdout> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Stdout)
}
