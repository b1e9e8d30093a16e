//! How a line of the log looks, and what standard error is.

use std::fs;
use std::io::IsTerminal as _;
use std::os::unix::fs::MetadataExt as _;

/// `--log-format`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) format: LineFormat,
    /// Priority in front, no time stamp.
    pub(super) journal: bool,
    pub(super) color: bool,
}

impl Style {
    pub(super) fn of_stderr(format: LineFormat) -> Style {
        let journal = std::env::var("JOURNAL_STREAM").is_ok_and(|v| stderr_is(&v));
        let terminal = std::io::stderr().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Style { format, journal, color: format == LineFormat::Text && terminal && !journal && !no_color }
    }
}

/// `JOURNAL_STREAM` is inherited by whatever a service starts, a desktop's
/// shells included, so it counts only if standard error is that very stream
/// (systemd.exec(5)).
pub(super) fn stderr_is(device_inode: &str) -> bool {
    let Some((device, inode)) = device_inode.split_once(':') else { return false };
    fs::metadata("/proc/self/fd/2").is_ok_and(|m| {
        device.parse().is_ok_and(|d: u64| d == m.dev()) && inode.parse().is_ok_and(|i: u64| i == m.ino())
    })
}
