//! The main process of a service whose calls outlive a restart: it starts the recorder and waits.
//!
//! A service manager that restarts a service ends its main process first. This one captures nothing: where
//! systemd wants the service to start again it leaves at once, and the recorder goes on until the next one
//! takes over from it ([`super::estate`]). Whatever else is asked of it, it passes on to the recorder, and
//! it ends as the recorder ends.
//!
//! What it could not end itself, because it was killed, or because the recorder that goes on was nobody's yet,
//! [`after_stop`] ends, which systemd starts afterwards.

use super::shutdown::StopFlag;
use rustix::process::{Pid, Signal, getppid, kill_process};
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// How often it is looked whether the recorder has ended.
const LOOK: Duration = Duration::from_millis(50);
/// How long systemd may take to say what it is doing.
const SAID_WITHIN: Duration = Duration::from_secs(3);
/// A recorder whose main process has gone is taken over from within so long, or nobody will.
const ORPHANED_FOR: Duration = Duration::from_secs(30);
/// How long what is left after a stop may take to finish its calls: less than `TimeoutStopSec=`.
const ENDS_WITHIN: Duration = Duration::from_secs(75);
/// Tells the recorder who its main process is.
pub const FOREMAN: &str = "NAUHURI_FOREMAN";

/// How it ended.
#[derive(Debug)]
pub enum Oversight {
    /// The recorder has ended.
    Ended(ExitStatus),
    /// The recorder goes on, for the next one to take over from.
    Left,
}

/// Starts the recorder and waits for its end, or for a restart.
///
/// # Errors
/// It cannot be started.
pub fn oversee(command: &mut Command) -> io::Result<Oversight> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _inside = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    // By this the watchdog ends a service that hangs; to hang is the recorder's.
    let mut abort = signal(SignalKind::from_raw(Signal::ABORT.as_raw()))?;
    // The watchdog's signs of life come from another process than this one.
    command.env(FOREMAN, std::process::id().to_string()).env_remove("WATCHDOG_PID");
    let mut recorder = command.stdin(Stdio::null()).spawn()?;
    runtime.block_on(async {
        loop {
            let asked = tokio::select! {
                _ = terminate.recv() => Some(Signal::TERM),
                _ = interrupt.recv() => Some(Signal::INT),
                _ = hangup.recv() => Some(Signal::HUP),
                _ = abort.recv() => Some(Signal::KILL),
                () = tokio::time::sleep(LOOK) => None,
            };
            if let Some(status) = recorder.try_wait()? {
                return Ok(Oversight::Ended(status));
            }
            match asked {
                Some(Signal::TERM) if is_asked_to("restart") => return Ok(Oversight::Left),
                Some(signal) => pass_on(&recorder, signal),
                None => {}
            }
        }
    })
}

fn pass_on(recorder: &Child, signal: Signal) {
    // One that has just ended is seen at the next look.
    let _ = kill_process(Pid::from_child(recorder), signal);
}

/// Ends what is left of a service that has been stopped: it is asked to, and killed where it hangs. Leaves all as it is
/// where systemd does not say that the service is to stop.
pub fn after_stop() {
    let Some(unit) = own_unit().filter(|_| is_asked_to("stop")) else { return };
    // Where the main process has waited as long as it may, what is left has been asked and hangs.
    let is_late = std::env::var_os("SERVICE_RESULT").is_some_and(|result| result == "timeout");
    let patience = if is_late { Duration::ZERO } else { ENDS_WITHIN };
    let began = Instant::now();
    signal_all(&others_of(&unit), Signal::TERM);
    loop {
        let left = others_of(&unit);
        if left.is_empty() {
            return;
        }
        if began.elapsed() >= patience {
            return signal_all(&left, Signal::KILL);
        }
        std::thread::sleep(LOOK);
    }
}

fn signal_all(pids: &[Pid], signal: Signal) {
    for pid in pids {
        // One that has just ended is what is wanted.
        let _ = kill_process(*pid, signal);
    }
}

/// The processes of a unit but this one.
fn others_of(unit: &str) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let others = pids.filter(|pid| *pid != std::process::id()).filter(|pid| {
        std::fs::read_to_string(format!("/proc/{pid}/cgroup"))
            .is_ok_and(|of| unit_in(&of).as_deref() == Some(unit))
    });
    others.filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).collect()
}

/// Is this what systemd does with this service? Where it does not say so, it is not. Of a service that it stops only to
/// start it again it says `restart`.
fn is_asked_to(what: &str) -> bool {
    if std::env::var_os("INVOCATION_ID").is_none() {
        return false;
    }
    let unit = own_unit().unwrap_or_else(|| "nauhuri.service".into());
    let asked = Command::new("systemctl")
        .args(["list-jobs", "--no-legend", "--plain", &unit])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut asked) = asked else { return false };
    let began = Instant::now();
    while matches!(asked.try_wait(), Ok(None)) && began.elapsed() < SAID_WITHIN {
        std::thread::sleep(LOOK);
    }
    // Ends what has not ended.
    let _ = asked.kill();
    asked.wait_with_output().is_ok_and(|said| tells_of(what, &String::from_utf8_lossy(&said.stdout), &unit))
}

/// Reads `JOB UNIT TYPE STATE`.
fn tells_of(what: &str, jobs: &str, unit: &str) -> bool {
    let mut words = jobs.lines().map(|line| line.split_whitespace().skip(1));
    words.any(|mut job| job.next() == Some(unit) && job.next() == Some(what))
}

/// The unit that this process is of.
fn own_unit() -> Option<String> {
    unit_in(&std::fs::read_to_string("/proc/self/cgroup").ok()?)
}

fn unit_in(cgroup: &str) -> Option<String> {
    let parts = cgroup.lines().flat_map(|line| line.rsplit('/'));
    parts.map(str::trim).find(|part| part.ends_with(".service")).map(String::from)
}

/// Sets `stop` where the main process named in the environment has gone, and nobody takes over in time.
/// `is_taken`: somebody has.
///
/// # Errors
/// No thread can be started.
pub fn end_with_foreman(stop: &StopFlag, is_taken: impl Fn() -> bool + Send + 'static) -> io::Result<()> {
    let foreman = std::env::var(FOREMAN).ok().and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
    let Some(foreman) = foreman else { return Ok(()) };
    let stop = stop.clone();
    let watch = move || {
        let mut orphaned = None;
        while !stop.is_set() && !is_taken() {
            std::thread::sleep(LOOK);
            if getppid() != Some(foreman)
                && orphaned.get_or_insert_with(Instant::now).elapsed() > ORPHANED_FOR
            {
                stop.set();
            }
        }
    };
    std::thread::Builder::new().name("foreman".into()).spawn(watch).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_one_of_this_unit() {
        let jobs = "5120 nauhuri.service restart running\n5121 other.service start waiting\n";
        assert!(tells_of("restart", jobs, "nauhuri.service"));
        for no in
            ["", "No jobs running.", "5120 nauhuri.service stop running", "5120 a.service restart waiting"]
        {
            assert!(!tells_of("restart", no, "nauhuri.service"), "{no}");
        }
        assert_eq!(unit_in("0::/system.slice/nauhuri.service\n").as_deref(), Some("nauhuri.service"));
        assert_eq!(unit_in("0::/user.slice/session-1.scope\n"), None);
    }

    #[test]
    fn it_ends_as_the_recorder_does() {
        let ended = oversee(Command::new("/bin/sh").args(["-c", "exit 7"])).expect("a shell");
        assert!(matches!(ended, Oversight::Ended(status) if status.code() == Some(7)), "{ended:?}");
    }
}
