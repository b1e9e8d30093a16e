//! How a running recorder is told what to do: a socket on this machine, and the agents' desktops.
//!
//! One thread with a runtime of its own; whoever is slow or says nothing keeps nobody waiting but
//! himself. Connections, requests and the time they may take are bounded. Who may connect to the socket is
//! the kernel's to say, by the modes of the file: root and the service's user, and the members of `control.group`
//! where one is named. Who it is, the kernel says as well (`SO_PEERCRED`, unix(7)).

pub mod asked;
pub mod desktop;
pub mod errands;
mod guests;
pub mod protocol;

use crate::config::{Config, PauseBy, Switch};
use crate::custody::audit::{SystemAccount, Who};
use desktop::DesktopPort;
use errands::Errands;
use guests::Guests;
use protocol::{ControlAnswer, ControlCommand, ControlRequest, MAX_REQUEST, VERSION};
use rustix::net::{Shutdown, shutdown};
use std::collections::HashMap;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use uzers::os::unix::GroupExt as _;

/// From the connection to the last byte of the answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);
/// How often it is asked whether to go on.
const TURN: Duration = Duration::from_millis(200);

/// The socket, open and not yet served: made while the process still may.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
    /// Others than root and the service's user may ask, by their names as far as known.
    others: Option<Arc<HashMap<u32, String>>>,
}

/// Where somebody may ask for something.
#[derive(Debug, Default)]
pub struct ControlDoors {
    /// On this machine.
    pub socket: Option<ControlSocket>,
    /// The agents' desktops.
    pub desktops: Option<DesktopPort>,
}

impl ControlDoors {
    /// There is none.
    pub fn is_shut(&self) -> bool {
        self.socket.is_none() && self.desktops.is_none()
    }

    /// Nobody is let in any more, though the files stay open as long as the process.
    fn shut(&self) {
        if let Some(socket) = &self.socket {
            let _ = shutdown(&socket.listener, Shutdown::Both);
            // Only where the process is not locked in; else the next start clears it away.
            let _ = std::fs::remove_file(&socket.path);
        }
        if let Some(desktops) = &self.desktops {
            let _ = shutdown(desktops.listener(), Shutdown::Both);
        }
    }

    /// What they are called in the log.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let socket = self.socket.iter().map(|s| format!("commands at {}", s.path.display()));
        socket.chain(self.desktops.iter().map(|d| format!("agents' desktops at {}", d.addr())))
    }
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The system refuses.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another recorder listens there.
    #[error("{path}: another recorder listens there", path = path.display())]
    Taken {
        /// Where.
        path: PathBuf,
    },
    /// Something else is in its place.
    #[error("{path}: something other than a socket is in its place", path = path.display())]
    NoSocket {
        /// Where.
        path: PathBuf,
    },
    /// There is no such group.
    #[error("control.group: there is no group \"{group}\" here")]
    Group {
        /// As configured.
        group: String,
    },
}

impl ControlSocket {
    /// Opens the socket of a checked configuration; `None` where none is wanted. What an earlier run left
    /// in its place goes.
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn open(config: &Config) -> Result<Option<ControlSocket>, ControlError> {
        let path = config.control.socket.clone();
        if path.as_os_str().is_empty() {
            return Ok(None);
        }
        let refused = |source| ControlError::Io { path: path.clone(), source };
        let group = match config.control.group.as_str() {
            "" => None,
            name => Some(
                uzers::get_group_by_name(name).ok_or_else(|| ControlError::Group { group: name.into() })?,
            ),
        };
        clear(&path)?;
        let listener = UnixListener::bind(&path).map_err(refused)?;
        // Closed to all others before it is opened to anybody.
        set_mode(&path, 0o600).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        // Whoever came before that was nobody it is for.
        while listener.accept().is_ok() {}
        if let Some(group) = &group {
            std::os::unix::fs::chown(&path, None, Some(group.gid())).map_err(refused)?;
            set_mode(&path, 0o660).map_err(refused)?;
        }
        let others = group.map(|group| {
            let members = group.members().iter().filter_map(uzers::get_user_by_name);
            Arc::new(members.map(|user| (user.uid(), user.name().to_string_lossy().into_owned())).collect())
        });
        Ok(Some(ControlSocket { path, listener, others }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Who asks; `None` where he may not. `others`: names of those who may beside root and this user.
fn who(
    peer: &tokio::net::unix::UCred,
    others: Option<&HashMap<u32, String>>,
    claimed: &SystemAccount,
) -> Option<Who> {
    let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
    let told = match others {
        // Either could write into the log whatever it likes.
        _ if is_owner(peer) => claimed.clone(),
        Some(names) => SystemAccount { user: names.get(&peer.uid()).cloned(), ..SystemAccount::default() },
        None => return None,
    };
    Some(Who::Os(told.of_peer(peer.uid(), pid)))
}

/// Root, or the service's user.
fn is_owner(peer: &tokio::net::unix::UCred) -> bool {
    peer.uid() == 0 || peer.uid() == rustix::process::geteuid().as_raw()
}

/// Answers on the calling thread for as long as `goes_on`, which is asked several times a second.
///
/// # Errors
/// No runtime could be made.
pub fn answer(
    doors: &ControlDoors,
    errands: &Errands,
    timezone: &str,
    goes_on: impl Fn() -> bool,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let local = tokio::task::LocalSet::new();
    let watch = async {
        while goes_on() {
            tokio::time::sleep(TURN).await;
        }
    };
    let commands = async {
        match &doors.socket {
            Some(socket) => serve(socket, errands, timezone).await,
            None => std::future::pending().await,
        }
    };
    let desktops = async {
        match &doors.desktops {
            Some(port) => port.serve(errands).await,
            None => std::future::pending().await,
        }
    };
    let served = runtime.block_on(local.run_until(async {
        tokio::select! {
            done = commands => done,
            done = desktops => done,
            () = watch => Ok(()),
        }
    }));
    // Whoever still waits for the audit log is not waited for.
    runtime.shutdown_background();
    if served.is_ok() {
        doors.shut();
    }
    served
}

async fn serve(socket: &ControlSocket, errands: &Errands, timezone: &str) -> io::Result<()> {
    let listener = tokio::net::UnixListener::from_std(socket.listener.try_clone()?)?;
    let mut guests = Guests::default();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, or a connection that died young: never spin on it.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (asked, timezone, others) = (errands.clone(), timezone.to_owned(), socket.others.clone());
        let task = tokio::task::spawn_local(async move {
            let talk = converse(stream, others.as_deref(), &asked, timezone);
            // Whoever is too slow is left; what was asked for is done or not, as the log has it.
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, talk).await;
        });
        errands.note_crowd(guests.let_in(task.abort_handle()));
    }
}

/// One request, one answer.
async fn converse(
    stream: tokio::net::UnixStream,
    others: Option<&HashMap<u32, String>>,
    errands: &Errands,
    timezone: String,
) -> io::Result<()> {
    let peer = stream.peer_cred()?;
    let mut bytes = Vec::new();
    let mut piece = [0; 1024];
    while bytes.len() <= MAX_REQUEST && !bytes.contains(&b'\n') {
        stream.readable().await?;
        match stream.try_read(&mut piece) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&piece[..n]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
    let is_heir = serde_json::from_slice::<ControlRequest>(&bytes)
        .is_ok_and(|r| r.command == ControlCommand::HandOver && r.version == VERSION);
    if let Some(estate) = errands.estate().filter(|_| is_heir && is_owner(&peer)) {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        // It takes as long as it takes, and this thread serves others.
        let hand_over = move || estate.hand_over(&stream);
        return std::thread::Builder::new().name("handover".into()).spawn(hand_over).map(drop);
    }
    let answer = handle(&bytes, &peer, others, errands).await;
    let answer = ControlAnswer { version: VERSION, timezone, ..answer };
    let mut line = serde_json::to_vec(&answer).unwrap_or_default();
    line.push(b'\n');
    let mut rest = &line[..];
    while !rest.is_empty() {
        stream.writable().await?;
        match stream.try_write(rest) {
            Ok(n) => rest = &rest[n..],
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

async fn handle(
    bytes: &[u8],
    peer: &tokio::net::unix::UCred,
    others: Option<&HashMap<u32, String>>,
    errands: &Errands,
) -> ControlAnswer {
    let failed = |error: String| ControlAnswer { error: Some(error), ..ControlAnswer::default() };
    if bytes.len() > MAX_REQUEST {
        return failed("the request is too long".into());
    }
    #[derive(serde::Deserialize)]
    struct Spoken {
        version: u32,
    }
    match serde_json::from_slice::<Spoken>(bytes) {
        Ok(Spoken { version: VERSION }) => {}
        Ok(Spoken { version }) => {
            return failed(format!(
                "this recorder speaks version {VERSION}, not {version}: command and recorder are of different releases"
            ));
        }
        Err(_) => return failed("not a request: one line of JSON with version and command".into()),
    }
    let Ok(request) = serde_json::from_slice::<ControlRequest>(bytes) else {
        return failed("the recorder does not know this command; it is of an older release".into());
    };
    let Some(who) = who(peer, others, &request.who) else {
        return failed("only root, the service's user and members of control.group may ask".into());
    };
    let by = PauseBy::Command;
    let answer = ControlAnswer::default;
    let one = |call| ControlAnswer { calls: vec![call], ..answer() };
    let done = match request.command {
        ControlCommand::Status => {
            return ControlAnswer { status: Some(errands.status()), ..answer() };
        }
        ControlCommand::Calls => {
            errands.list(who).await.map(|(calls, partial)| ControlAnswer { calls, partial, ..answer() })
        }
        ControlCommand::Pause { call } => errands.switch(who, &call, (Switch::Pause, by)).await.map(one),
        ControlCommand::Resume { call } => errands.switch(who, &call, (Switch::Resume, by)).await.map(one),
        // What is wrong with the file is not for everybody who may pause a call.
        ControlCommand::HandOver => {
            return failed("only the service's user may take over from this recorder".into());
        }
        ControlCommand::Reload if !is_owner(peer) => {
            return failed(
                "only root and the service's user may give the recorder a new configuration".into(),
            );
        }
        ControlCommand::Reload => {
            let done = errands.reload(who).await;
            return done.map_or_else(failed, |told| ControlAnswer { reload: Some(told), ..answer() });
        }
    };
    done.unwrap_or_else(|why| failed(why.to_string()))
}

/// Makes room for the socket: one that nobody answers on any more is an earlier run's.
fn clear(path: &Path) -> Result<(), ControlError> {
    let refused = |source| ControlError::Io { path: path.to_owned(), source };
    match std::fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(refused(e)),
        Ok(m) if !m.file_type().is_socket() => return Err(ControlError::NoSocket { path: path.to_owned() }),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(refused),
        Err(e) => Err(refused(e)),
        Ok(_) => Err(ControlError::Taken { path: path.to_owned() }),
    }
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}
