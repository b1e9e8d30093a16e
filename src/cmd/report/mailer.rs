//! The host's own mailer: a program that takes a message on standard input, `sendmail -t -i`.

use crate::report::MailMessage;
use anyhow::{Context, bail};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where systems have it, before the PATH is asked.
const USUAL: [&str; 2] = ["/usr/sbin/sendmail", "/usr/lib/sendmail"];

/// Hands a message over.
///
/// # Errors
/// It cannot be started, or did not take the message.
pub(super) fn send(mailer: &Path, message: &MailMessage) -> anyhow::Result<()> {
    let name = mailer.display();
    let mut child = Command::new(mailer)
        .args(["-t", "-i"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("{name} cannot be started (report.sendmail)"))?;
    let written = match child.stdin.take() {
        Some(mut input) => input.write_all(message.to_mime().as_bytes()),
        None => Ok(()),
    };
    let status = child.wait().with_context(|| name.to_string())?;
    if !status.success() {
        bail!("{name} did not take the message: {status}");
    }
    match written {
        // It knows what it does: nothing of the message is needed any more.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => bail!("{name} did not read the whole message"),
        written => written.with_context(|| name.to_string()),
    }
}

/// Writes a message to a file that only its owner may read.
///
/// # Errors
/// It cannot be written.
pub(super) fn write_to(path: &Path, message: &MailMessage) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let write = || options.open(path)?.write_all(message.to_mime().as_bytes());
    write().with_context(|| path.display().to_string())
}

/// The one that is configured, or the one that is there.
///
/// # Errors
/// There is none.
pub(super) fn find(configured: &Path) -> anyhow::Result<PathBuf> {
    if !configured.as_os_str().is_empty() {
        return match configured.is_file() {
            true => Ok(configured.to_owned()),
            false => bail!("{}: there is no such program (report.sendmail)", configured.display()),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path =
        std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|f| f.join("sendmail"));
    let found = USUAL.iter().map(PathBuf::from).chain(in_path).find(|program| program.is_file());
    found.context(
        "this machine has no mailer: there is no sendmail in /usr/sbin, /usr/lib or the PATH; install one (postfix, exim, \
         msmtp-mta), or name it in report.sendmail",
    )
}
