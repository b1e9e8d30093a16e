//! Questions on standard error, answers on standard input: a terminal's or a pipe's.

use crate::cmd::output::{plain, remark};
use crate::cmd::usage::Usage;
use crate::daemon::shutdown::StopFlag;
use anyhow::bail;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, Write as _};

/// Longest answer, bytes.
const ANSWER_MAX: usize = 64 << 10;
/// How soon Ctrl-C is heard.
const TURN: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Who is asked.
pub(super) struct Questions {
    /// Somebody; else every proposal is taken.
    is_asking: bool,
    /// Whoever is asked has gone.
    stop: StopFlag,
}

impl Questions {
    /// `is_asking`: not `--yes`.
    pub fn new(is_asking: bool) -> Questions {
        Questions { is_asking, stop: StopFlag::default() }
    }

    /// Once this is set nobody answers any more.
    pub fn ends_with(&mut self, stop: StopFlag) {
        self.stop = stop;
    }

    /// Somebody is asked.
    pub fn is_asking(&self) -> bool {
        self.is_asking
    }

    /// Asks until `take` takes the answer; an empty answer is the proposal. `option` says the same on the command line.
    ///
    /// # Errors
    /// Nobody answers, or there is nobody to ask and no proposal that does.
    pub fn ask(
        &self,
        question: &str,
        option: &str,
        proposal: Option<&str>,
        mut take: impl FnMut(&str) -> Result<(), String>,
    ) -> anyhow::Result<()> {
        if !self.is_asking {
            let text =
                proposal.ok_or_else(|| Usage(format!("{option} is missing: nothing can be proposed")))?;
            return take(text).map_err(|why| Usage(format!("{option}: {why}")).into());
        }
        loop {
            let proposed = proposal.map_or_else(String::new, |text| format!(" [{}]", plain(text)));
            let answer = self.read(&format!("{question}{proposed}: "))?;
            let Some(answer) = answer else {
                let why = format!("nobody answers: give {option}, or take what is proposed with --yes");
                return Err(Usage(why).into());
            };
            let text = match (answer.trim(), proposal) {
                ("", Some(proposal)) => proposal,
                (text, _) => text,
            };
            match take(text) {
                Ok(()) => return Ok(()),
                Err(why) => remark(format_args!("  {}", plain(&why))),
            }
        }
    }

    /// Asks for leave, where somebody is asked.
    ///
    /// # Errors
    /// No leave is given.
    pub fn confirm(&self, question: &str) -> anyhow::Result<()> {
        if !self.is_asking {
            return Ok(());
        }
        let answer = self.read(&format!("{} [yes]: ", plain(question)))?.unwrap_or_else(|| "no".into());
        match answer.trim().to_lowercase().as_str() {
            "" | "y" | "yes" => Ok(()),
            _ => anyhow::bail!("nothing was written"),
        }
    }

    /// A line; `None` at the end. Byte by byte: nothing is read that is not asked for.
    fn read(&self, question: &str) -> anyhow::Result<Option<String>> {
        let mut out = io::stderr();
        write!(out, "{question}").and_then(|()| out.flush())?;
        let (input, mut line, mut byte) = (io::stdin(), Vec::new(), [0]);
        while line.len() < ANSWER_MAX {
            if self.stop.is_set() {
                bail!("interrupted: nothing was written");
            }
            match poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&TURN)) {
                Ok(0) | Err(Errno::INTR) => continue,
                done => done?,
            };
            match rustix::io::read(&input, &mut byte) {
                Err(Errno::INTR) => {}
                Ok(0) if line.is_empty() => return Ok(None),
                Ok(0) => break,
                Ok(_) if byte[0] == b'\n' => break,
                Ok(_) => line.push(byte[0]),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }
}
