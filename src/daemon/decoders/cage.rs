//! The cage of the process that decodes: no rights, no files, no network, few system calls.
//!
//! First everything is given up that loading the library does not need: capabilities, descriptors
//! that were inherited, writing, and files but libraries (landlock(7)). Once it is loaded, all
//! system calls but those for memory, the two pipes and the end (seccomp(2)). What a kernel does not
//! know of Landlock is left out, as seccomp alone leaves nothing to open a file with.

use caps::CapSet;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::io;

/// Where libraries are.
const LIBRARIES: [&str; 5] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"];
/// Memory that it may ask for, bytes: the library with all that it needs takes a part of this.
const MEMORY: u64 = 1 << 30;

/// What decoding needs of the kernel: the pipes, memory, its own threads' locks, the end.
const CALLS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Gives up what loading a library does not need.
///
/// # Errors
/// Capabilities that cannot be given up: it may not go on with them.
pub fn give_up() -> io::Result<()> {
    super::avcodec::close_inherited();
    for (resource, most) in [(Resource::Core, 0), (Resource::Fsize, 0), (Resource::As, MEMORY)] {
        // Where no limit may be set, one is set around the recorder.
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).map_err(io::Error::other)?;
    }
    // An error here is the kernel's no.
    let _ = lock_files();
    Ok(())
}

fn lock_files() -> Result<(), RulesetError> {
    let network: BitFlags<AccessNet> = AccessNet::from_all(ABI::V5);
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(network)?
        .create()?
        .add_rules(path_beneath_rules(LIBRARIES, AccessFs::ReadFile | AccessFs::ReadDir))?
        .restrict_self()?;
    Ok(())
}

/// Gives up all system calls but a few; others fail from here on.
///
/// # Errors
/// The kernel has no seccomp: strangers' payloads are not decoded without it.
pub fn lock_up() -> io::Result<()> {
    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let rules = CALLS.iter().map(|call| (*call, Vec::new())).collect();
    let denied = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, denied, SeccompAction::Allow, arch).map_err(io::Error::other)?;
    let program = BpfProgram::try_from(filter).map_err(io::Error::other)?;
    seccompiler::apply_filter(&program).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::process::Command;

    /// The other half of the next test: it cannot be undone, so it has a process of its own.
    #[test]
    #[ignore = "started by nothing_is_left_but_the_pipes"]
    fn caged() {
        if std::env::var_os("NAUHURI_TEST_CAGE").is_none() {
            return;
        }
        give_up().expect("rights are given up");
        for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
            assert!(caps::read(None, set).expect("capabilities").is_empty());
        }
        let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        assert!(descriptors <= 4, "0, 1, 2 and the folder itself, where it can be read at all");
        lock_up().expect("system calls are given up");
        let refused = |r: io::Result<()>| assert_eq!(r.unwrap_err().kind(), ErrorKind::PermissionDenied);
        refused(std::fs::read("/etc/passwd").map(drop));
        refused(std::fs::read("/usr/lib/os-release").map(drop));
        refused(std::fs::write("/dev/shm/nauhuri", b"x"));
        refused(std::net::UdpSocket::bind("127.0.0.1:0").map(drop));
        refused(std::os::unix::net::UnixStream::pair().map(drop));
        refused(Command::new("/bin/true").status().map(drop));
        assert!(std::thread::Builder::new().spawn(|| {}).is_err());
        println!("caged");
    }

    #[test]
    fn nothing_is_left_but_the_pipes() {
        // One descriptor that a child inherits.
        let child = Command::new("/bin/sh")
            .arg("-c")
            .arg("exec 9</etc/passwd; exec \"$0\" --exact --ignored --nocapture --test-threads=1 daemon::decoders::cage::tests::caged")
            .arg(std::env::current_exe().expect("this test"))
            .env("NAUHURI_TEST_CAGE", "1")
            .output()
            .expect("child");
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(said.contains("caged\n"), "{said}\n{}", String::from_utf8_lossy(&child.stderr));
    }
}
