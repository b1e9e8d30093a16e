//! The process that decodes, from outside: started, asked, and ended.

use super::messages::{self, GREETING_LEN, HEADER_LEN};
use crate::codec::frames::ForeignCodec;
use crate::telemetry::label::DecoderFault;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// What is run, and with which words.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// What a process has greeted with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Of libavcodec: major, minor and micro in 16, 8 and 8 bits; zero where it is not there.
    pub version: u32,
    codecs: u32,
}

impl Ready {
    /// It can decode this.
    pub fn has(&self, codec: ForeignCodec) -> bool {
        self.codecs >> codec.index() & 1 == 1
    }

    /// It can decode nothing.
    pub fn is_empty(&self) -> bool {
        self.codecs == 0
    }
}

/// Why frames were not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// They are none, says the library.
    Refused,
    /// The process is lost.
    Lost(DecoderFault),
}

/// One process; it ends with this.
#[derive(Debug)]
pub(super) struct Child {
    process: std::process::Child,
    requests: ChildStdin,
    answers: ChildStdout,
}

impl Child {
    /// Starts a process and waits for its greeting.
    ///
    /// # Errors
    /// It cannot be started, or says nothing, or something else.
    pub fn start(program: &Program, patience: Duration) -> io::Result<(Child, Ready)> {
        let mut process = Command::new(&program.path)
            .args(&program.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Who stops the recorder from a terminal does not mean this one: it goes with the recorder.
            .process_group(0)
            .spawn()?;
        let (requests, answers) = (process.stdin.take(), process.stdout.take());
        let (Some(requests), Some(answers)) = (requests, answers) else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        let mut child = Child { process, requests, answers };
        for fd in [child.requests.as_fd(), child.answers.as_fd()] {
            fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?;
        }
        let mut greeting = [0; GREETING_LEN];
        child.read(&mut greeting, Instant::now() + patience)?;
        let (version, codecs) = messages::greeting(&greeting).ok_or(ErrorKind::InvalidData)?;
        Ok((child, Ready { version, codecs }))
    }

    /// Sends what is in `bytes`, and appends the answer's samples, of which there have to be `samples`.
    pub fn ask(
        &mut self,
        bytes: &mut Vec<u8>,
        samples: usize,
        patience: Duration,
        out: &mut Vec<i16>,
    ) -> Result<(), Failure> {
        let lost = |e: io::Error| {
            Failure::Lost(match e.kind() {
                ErrorKind::TimedOut => DecoderFault::Hung,
                _ => DecoderFault::Crashed,
            })
        };
        let until = Instant::now() + patience;
        self.write(bytes, until).map_err(lost)?;
        let mut header = [0; HEADER_LEN];
        self.read(&mut header, until).map_err(lost)?;
        match messages::answer(&header) {
            (messages::DONE, n) if n == samples => {}
            (messages::REFUSED, 0) => return Err(Failure::Refused),
            // Whatever it is now, it is not what was started.
            _ => return Err(Failure::Lost(DecoderFault::Crashed)),
        }
        bytes.clear();
        bytes.resize(2 * samples, 0);
        self.read(bytes, until).map_err(lost)?;
        out.extend(bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])));
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8], until: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.requests.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => bytes = &bytes[n..],
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    wait(self.requests.as_fd(), PollFlags::OUT, until)?;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn read(&mut self, mut into: &mut [u8], until: Instant) -> io::Result<()> {
        while !into.is_empty() {
            match self.answers.read(into) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => into = &mut into[n..],
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    wait(self.answers.as_fd(), PollFlags::IN, until)?;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until something can be read or written, or it is too late.
fn wait(fd: BorrowedFd<'_>, what: PollFlags, until: Instant) -> io::Result<()> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    let left = Timespec::try_from(left).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(&fd, what)], Some(&left)) {
        Ok(0) => Err(ErrorKind::TimedOut.into()),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
