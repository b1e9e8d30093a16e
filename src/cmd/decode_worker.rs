//! `nauhuri decode-worker`: the process that decodes with libavcodec. The recorder starts it; for a
//! person there is nothing to see.

use crate::config::Codecs;
use crate::daemon::decoders::{Program, caged, probe};

/// Decodes what is asked for on standard input, until that ends.
///
/// # Errors
/// A pipe that breaks, a cage that cannot be had.
pub fn run() -> anyhow::Result<()> {
    caged::work().map_err(Into::into)
}

/// This program, to be started as that process: the one that runs, whatever lies in its place by then.
pub fn program() -> Program {
    Program { path: "/proc/self/exe".into(), arguments: vec!["decode-worker".into()] }
}

/// What is not decoded because libavcodec is not there, and what to install.
pub fn missing(codecs: &Codecs) -> Option<String> {
    let is_silent = codecs.external && probe(&program()).is_none_or(|ready| ready.is_empty());
    is_silent.then(|| {
        "G.729, AMR, AMR-WB, iLBC, Speex and G.723.1 are recorded as silence: libavcodec is not installed \
         (Debian 12: libavcodec59, Debian 13: libavcodec61)"
            .into()
    })
}
