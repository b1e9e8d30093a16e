//! Where the figures of `nauhuri top` come from: the recorder's local socket.

use crate::cmd::asking;
use crate::daemon::control::protocol::ControlCommand;
use crate::time::Timestamp;
use crate::top::TopLook;
use anyhow::Context as _;
use jiff::tz::TimeZone;
use std::path::PathBuf;

/// A recorder that is asked again and again.
pub(super) struct TopSource {
    path: PathBuf,
    /// Whose clock the recorder goes by, once it has answered.
    pub zone: TimeZone,
}

impl TopSource {
    /// The recorder that listens there.
    pub(super) fn new(path: PathBuf) -> TopSource {
        TopSource { path, zone: TimeZone::UTC }
    }

    /// How it is now.
    ///
    /// # Errors
    /// It does not answer, or not this user.
    pub(super) fn look(&mut self) -> anyhow::Result<TopLook> {
        let answer = asking::ask_at(&self.path, ControlCommand::Status)?;
        self.zone = TimeZone::get(&answer.timezone).unwrap_or(TimeZone::UTC);
        let status =
            answer.status.context("the recorder does not tell how it is; it is of an older release")?;
        Ok(TopLook::new(&status, Timestamp::from_jiff(jiff::Timestamp::now())))
    }
}

/// The recorder listens on this machine only.
pub(super) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
