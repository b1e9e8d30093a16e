//! Giving up what the recorder does not need once it captures and can store.
//!
//! Capabilities (capabilities(7)) down to the one that opens packet sockets, so
//! that an interface that went away can be opened again; files (landlock(7)) to
//! the store, for writing, and to what is read while running. Both hold for the
//! calling thread and for those it starts, so this comes before any of them.
//! What a kernel does not know is left out and said. Must not know of calls.

use caps::{CapSet, Capability, CapsHashSet};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The newest set of rights asked for; an older kernel takes what it knows of it.
const RIGHTS: ABI = ABI::V5;
/// What is read while running: time zones, interfaces, the process's own numbers.
const READ: [&str; 6] = [
    "/usr/share/zoneinfo",
    "/etc/localtime",
    "/sys",
    "/proc/self",
    // Is the clock synchronised, and which boot is this: asked before anything is deleted.
    "/run/systemd/timesync",
    "/proc/sys/kernel/random/boot_id",
];

/// What may be run: the two programs that know of the clock, and the loader that runs them.
const RUN: [&str; 7] = [
    "/usr/bin/timedatectl",
    "/usr/bin/chronyc",
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-linux-armhf.so.3",
    "/lib64/ld64.so.2",
    "/lib/ld-linux-riscv64-lp64d.so.1",
];

/// Libraries that those need, to be read and not to be run.
const LIBRARIES: [&str; 5] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"];

/// What the recorder goes on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confined {
    /// How far files and TCP are locked.
    pub files: Lock,
    /// Capabilities kept.
    pub kept: Vec<String>,
    /// Capabilities could not be given up; why.
    pub capabilities_failed: Option<String>,
}

/// How far a rule set is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// As asked for.
    Full,
    /// As far as this kernel knows the rights.
    Partial,
    /// The kernel has no Landlock, or it is off.
    None,
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lock::Full => "locked",
            Lock::Partial => "partly locked, the kernel is older",
            Lock::None => "not locked, the kernel has no Landlock",
        })
    }
}

/// What is in memory, keys and sound among it, is not to lie about after a crash.
pub fn leave_no_core() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(e) = setrlimit(Resource::Core, none) {
        tracing::warn!(reason = %e, "core dumps cannot be switched off");
    }
}

/// Locks the calling thread in. `write` are the folders of the store, `read`
/// what else is read, `run` the programs of our own that are started later; `captures`: interfaces may
/// have to be opened again. Ports to be listened on must be open already: no TCP socket is bound or
/// connected afterwards.
pub fn confine(write: &[&Path], read: &[&Path], run: &[&Path], captures: bool) -> Confined {
    // An error here is the kernel's no: what it has not is not worth losing calls over.
    let files = lock_files(write, read, run).unwrap_or(Lock::None);
    let keep = needed(write, captures);
    let capabilities_failed = drop_capabilities(&keep).err().map(|e| e.to_string());
    let mut kept: Vec<String> = keep.iter().map(ToString::to_string).collect();
    kept.sort();
    Confined { files, kept, capabilities_failed }
}

fn lock_files(write: &[&Path], read: &[&Path], run: &[&Path]) -> Result<Lock, RulesetError> {
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let writing = reading
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer;
    let mut readable: Vec<PathBuf> = READ.iter().map(PathBuf::from).collect();
    readable.extend(read.iter().map(|p| p.to_path_buf()));
    // A panic's trace is read out of the program itself.
    readable.extend(std::env::current_exe().ok());
    let network: BitFlags<AccessNet> = AccessNet::from_all(RIGHTS);
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(RIGHTS))?
        .handle_access(network)?
        .create()?
        .add_rules(path_beneath_rules(readable, reading))?
        .add_rules(path_beneath_rules(LIBRARIES, reading))?
        .add_rules(path_beneath_rules(RUN, AccessFs::ReadFile | AccessFs::Execute))?
        .add_rules(path_beneath_rules(run, AccessFs::ReadFile | AccessFs::Execute))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::ReadFile | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(write, writing))?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Lock::Full,
        RulesetStatus::PartiallyEnforced => Lock::Partial,
        RulesetStatus::NotEnforced => Lock::None,
    })
}

/// Of the capabilities there are, those that stay.
fn needed(write: &[&Path], captures: bool) -> CapsHashSet {
    let mut keep = CapsHashSet::new();
    if captures {
        keep.insert(Capability::CAP_NET_RAW);
    }
    // root at a store of the service's user: without these it would be a stranger there, and
    // leave files that the service cannot delete.
    if write.iter().any(|p| fs::metadata(p).is_ok_and(|m| m.uid() != 0)) {
        keep.extend([Capability::CAP_DAC_OVERRIDE, Capability::CAP_CHOWN, Capability::CAP_FOWNER]);
    }
    let have = caps::read(None, CapSet::Permitted).unwrap_or_default();
    keep.retain(|c| have.contains(c));
    keep
}

fn drop_capabilities(keep: &CapsHashSet) -> Result<(), caps::errors::CapsError> {
    // The bounding set only where we may: elsewhere there is nothing that could fill it again.
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for c in caps::all() {
            if !keep.contains(&c) && caps::has_cap(None, CapSet::Bounding, c).unwrap_or(false) {
                caps::drop(None, CapSet::Bounding, c)?;
            }
        }
    }
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, keep)?;
    caps::set(None, CapSet::Permitted, keep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::process::Command;

    /// The other half of the next test: it cannot be undone, so it has a process of its own.
    #[test]
    #[ignore = "started by writes_nowhere_else"]
    fn locked_in() {
        let Some(dir) = std::env::var_os("NAUHURI_TEST_CONFINE").map(PathBuf::from) else { return };
        let (store, readable, outside) = (dir.join("store"), dir.join("read"), dir.join("outside"));
        let program = dir.join("program");
        let confined = confine(&[&store], &[&readable], &[&program], true);
        println!("{confined:?}");
        assert_eq!(confined.capabilities_failed, None);
        let effective = caps::read(None, CapSet::Effective).expect("capabilities");
        assert!(effective.iter().all(|c| confined.kept.contains(&c.to_string())), "{effective:?}");
        fs::create_dir_all(store.join("2026/11")).expect("folders in the store");
        fs::write(store.join("2026/11/a.part"), b"audio").expect("a file in the store");
        fs::rename(store.join("2026/11/a.part"), store.join("2026/11/a")).expect("a rename in the store");
        fs::remove_file(store.join("2026/11/a")).expect("a removal in the store");
        fs::read(&readable).expect("what is to be read is read");
        if confined.files == Lock::None {
            println!("NO-LANDLOCK");
            return;
        }
        let refused = |r: std::io::Result<()>| assert_eq!(r.unwrap_err().kind(), ErrorKind::PermissionDenied);
        refused(fs::write(outside.join("new"), b"x"));
        refused(fs::write(outside.join("there"), b"x"));
        refused(fs::remove_file(outside.join("there")));
        refused(fs::create_dir(outside.join("folder")));
        refused(fs::write(&readable, b"x"));
        refused(fs::read("/etc/passwd").map(drop));
        refused(Command::new("/bin/true").status().map(drop));
        // What is below the libraries is read, as a library has to be, and not run.
        let helpers = [
            "/usr/lib/systemd/systemd",
            "/usr/lib/git-core/git",
            "/usr/lib/dbus-1.0/dbus-daemon-launch-helper",
        ];
        for helper in helpers.iter().filter(|h| fs::metadata(h).is_ok()) {
            refused(Command::new(helper).arg("--version").status().map(drop));
        }
        for program in RUN.iter().take(2).filter(|p| fs::metadata(p).is_ok()) {
            let ran = Command::new(program).arg("--version").status().expect("what is needed runs");
            assert!(ran.success(), "{program}: {ran}");
        }
        assert!(Command::new(&program).status().expect("a program of our own runs").success());
        if confined.files == Lock::Full {
            refused(std::net::TcpListener::bind("127.0.0.1:0").map(drop));
        }
        // Threads started from here on are locked in too.
        let elsewhere = outside.join("new");
        std::thread::spawn(move || refused(fs::write(elsewhere, b"x"))).join().expect("thread");
    }

    #[test]
    fn writes_nowhere_else() {
        let dir = tempfile::tempdir().expect("folder");
        for folder in ["store", "outside"] {
            fs::create_dir(dir.path().join(folder)).expect("folder");
        }
        fs::write(dir.path().join("outside/there"), b"kept").expect("file");
        fs::write(dir.path().join("read"), b"config").expect("file");
        fs::copy("/bin/true", dir.path().join("program")).expect("file");
        let child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "--ignored", "--nocapture", "daemon::confine::tests::locked_in"])
            .env("NAUHURI_TEST_CONFINE", dir.path())
            .output()
            .expect("child");
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{said}\n{}", String::from_utf8_lossy(&child.stderr));
        assert!(said.contains("Confined {"), "{said}");
        assert_eq!(fs::read(dir.path().join("outside/there")).expect("still there"), b"kept");
    }
}
