//! Asking the running recorder through its local socket.

use super::settings::{self, DefaultFile};
use super::usage::Usage;
use super::words::local;
use crate::cli::Global;
use crate::cli::control::RecorderArgs;
use crate::config::check::Purpose;
use crate::custody::audit::SystemAccount;
use crate::daemon::control::protocol::{
    ControlAnswer, ControlCommand, ControlRequest, MAX_ANSWER, MAX_REQUEST, VERSION,
};
use crate::time::Timestamp;
use anyhow::{Context as _, bail};
use jiff::tz::TimeZone;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the recorder may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// It left without an answer.
const BUSY: &str = "the recorder has too much to answer, or it is stopping; try again";

/// What the recorder answers.
///
/// # Errors
/// No recorder runs, this user may not ask, or the recorder says why it was not done.
pub fn ask(global: &Global, args: &RecorderArgs, command: ControlCommand) -> anyhow::Result<ControlAnswer> {
    ask_at(&socket(global, args)?, command)
}

/// What the recorder answers that listens at `path`.
///
/// # Errors
/// See [`ask`].
pub fn ask_at(path: &Path, command: ControlCommand) -> anyhow::Result<ControlAnswer> {
    let request = ControlRequest { version: VERSION, command, who: SystemAccount::of_process() };
    let mut line = serde_json::to_string(&request)?;
    line.push('\n');
    if line.len() > MAX_REQUEST {
        return Err(Usage("CALL is too long to be an id or an agent's".into()).into());
    }
    let mut stream = UnixStream::connect(path).map_err(|e| no_recorder(path, &e))?;
    stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)))?;
    let mut text = String::new();
    let spoken = stream.write_all(line.as_bytes());
    spoken.and_then(|()| stream.take(MAX_ANSWER).read_to_string(&mut text)).map_err(|e| match e.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => anyhow::anyhow!("{BUSY}"),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            anyhow::anyhow!("the recorder does not answer")
        }
        _ => anyhow::Error::from(e).context(format!("{}", path.display())),
    })?;
    if text.is_empty() {
        bail!(BUSY);
    }
    let answer: ControlAnswer =
        serde_json::from_str(&text).with_context(|| format!("{}: no recorder's answer", path.display()))?;
    match answer.error {
        Some(why) => bail!(why),
        None => Ok(answer),
    }
}

/// Writes the instants of an answer by the clock that the recorder goes by.
pub fn clock_of(answer: &ControlAnswer) -> impl Fn(Timestamp) -> String {
    let zone = TimeZone::get(&answer.timezone).unwrap_or(TimeZone::UTC);
    move |at| local(at, &zone)
}

/// Where the recorder of this command line takes commands.
///
/// # Errors
/// The configuration is wrong, or says that it takes none.
pub fn socket(global: &Global, args: &RecorderArgs) -> anyhow::Result<PathBuf> {
    if let Some(path) = &args.socket {
        return Ok(path.clone());
    }
    let loaded = settings::load(global, DefaultFile::Required, Purpose::Other, Vec::new())?;
    let path = loaded.config.control.socket;
    if path.as_os_str().is_empty() {
        bail!("control.socket = \"\": this recorder takes no commands");
    }
    Ok(path)
}

fn no_recorder(path: &Path, e: &io::Error) -> anyhow::Error {
    let at = path.display();
    match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => anyhow::anyhow!(
            "no recorder runs here: nothing answers at {at} (systemctl status nauhuri; --socket names another)"
        ),
        io::ErrorKind::PermissionDenied => anyhow::anyhow!(
            "{at}: only root, the service's user and members of control.group may ask the recorder: run it as \
             `sudo -u nauhuri nauhuri ...`"
        ),
        _ => anyhow::anyhow!("{at}: {e}"),
    }
}
