//! A disk that is slow or fails when told to: ext4 on a loop device on a file
//! that `qemu-storage-daemon` serves over FUSE, with a throttle in front and a
//! faulty twin to swap in. What is told over QMP holds at once, under load.

use crate::lab::{Killed, once_free, run};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where the file system keeps its journal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// On the disk: when the disk fails, the file system closes to writing for good.
    Inside,
    /// On a disk of its own that stays well: only what files hold is hit.
    Apart,
}

/// A file system on that disk, mounted until dropped.
pub struct Disk {
    at: PathBuf,
    dir: tempfile::TempDir,
    daemon: Option<Killed>,
    journal: Option<Loop>,
}

impl Disk {
    /// An empty one, well and fast.
    pub fn new(at: &Path, journal: Journal) -> Disk {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let image = path("image");
        sparse_file(&image, 64 << 20);
        let mut options: Vec<String> = ["-q", "-b", "4096"].map(Into::into).into();
        let mut apart = None;
        if journal == Journal::Apart {
            let file = path("journal");
            sparse_file(&file, 64 << 20);
            let device = Loop::of(&file);
            run("mkfs.ext4", &["-q", "-b", "4096", "-O", "journal_dev", &device.name]);
            options.extend(["-J".into(), format!("device={}", device.name)]);
            apart = Some(device);
        }
        options.push(image);
        run("mkfs.ext4", &options.iter().map(String::as_str).collect::<Vec<_>>());
        fs::create_dir_all(at).unwrap();
        let mut disk = Disk { at: at.to_owned(), dir, daemon: None, journal: apart };
        disk.serve();
        disk.mount();
        fs::set_permissions(at, Permissions::from_mode(0o750)).unwrap();
        disk
    }

    /// Writes at so many bytes and so many operations a second, a sync being two or three of them.
    pub fn slow(&self, bytes: u64, operations: u64) {
        self.limit(bytes, operations).unwrap();
    }

    /// As fast as it can again.
    pub fn fast(&self) {
        self.limit(0, 0).unwrap();
    }

    /// Writes all there is: what the file system has still to do for it would
    /// fail later, and take the file system along.
    pub fn settle(&self) {
        // It complains of what failed before.
        let _ = Command::new("sync").arg("--file-system").arg(&self.at).stderr(Stdio::null()).status();
    }

    /// Every write that reaches it fails from now on.
    pub fn fail(&self) {
        self.put("bad").unwrap();
    }

    /// Well again. What failed meanwhile is not on it.
    pub fn heal(&self) {
        self.put("good").unwrap();
    }

    /// Takes it out and puts it in again: from here on only what is on it can
    /// be read. Nobody may be using it.
    pub fn remount(&self) {
        once_free("umount", || {
            let out = Command::new("umount").arg(&self.at).output().unwrap();
            out.status.success().then_some(()).ok_or(String::from_utf8_lossy(&out.stderr).into_owned())
        });
        self.mount();
    }

    fn mount(&self) {
        let (from, at) = (self.file("disk"), self.at.to_str().unwrap());
        let mut options = String::from("loop,errors=continue");
        if let Some(journal) = &self.journal {
            options += &format!(",journal_path={}", journal.name);
        }
        run("mount", &["-o", &options, &from, at]);
    }

    fn limit(&self, bytes: u64, operations: u64) -> Result<(), String> {
        let limits = json!({ "bps-write": bytes, "iops-write": operations });
        let set = json!({ "path": "/objects/rate", "property": "limits", "value": limits });
        self.order("qom-set", &set)
    }

    fn put(&self, node: &str) -> Result<(), String> {
        let front =
            json!({ "driver": "throttle", "node-name": "front", "throttle-group": "rate", "file": node });
        self.order("blockdev-reopen", &json!({ "options": [front] }))
    }

    /// One order over QMP, done when this returns.
    fn order(&self, name: &str, arguments: &Value) -> Result<(), String> {
        let told = |e: std::io::Error| format!("{name}: {e}");
        let mut socket = UnixStream::connect(self.file("qmp")).map_err(told)?;
        socket.set_read_timeout(Some(Duration::from_secs(20))).map_err(told)?;
        let mut lines = BufReader::new(socket.try_clone().map_err(told)?).lines();
        let greeting = lines.next();
        let orders =
            [json!({ "execute": "qmp_capabilities" }), json!({ "execute": name, "arguments": arguments })];
        for order in orders {
            writeln!(socket, "{order}").map_err(told)?;
            // What happens meanwhile is told in between.
            let said = lines.by_ref().map_while(Result::ok).find(|l| !l.contains("\"event\""));
            match said {
                Some(said) if said.contains("\"return\"") => {}
                said => return Err(format!("{order}: {said:?} after {greeting:?}")),
            }
        }
        Ok(())
    }

    fn serve(&mut self) {
        let front = self.file("disk");
        fs::write(&front, "").unwrap();
        let faults: String = ["write", "write-zeroes"]
            .iter()
            .enumerate()
            .map(|(n, kind)| {
                let rule = format!("inject-error.{n}");
                format!(",{rule}.event=none,{rule}.iotype={kind},{rule}.errno=5,{rule}.once=off")
            })
            .collect();
        // Dies with the thread that made it, whatever ends that.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "qemu-storage-daemon", "--object", "throttle-group,id=rate"])
            .args(["--blockdev", &format!("driver=file,node-name=good,filename={}", self.file("image"))])
            .args(["--blockdev", &format!("driver=blkdebug,node-name=bad,image=good{faults}")])
            .args(["--blockdev", "driver=throttle,node-name=front,throttle-group=rate,file=good"])
            .args(["--export", &format!("fuse,id=out,node-name=front,mountpoint={front},writable=on")])
            .args(["--chardev", &format!("socket,id=orders,path={},server=on,wait=off", self.file("qmp"))])
            .args(["--monitor", "chardev=orders"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("setpriv is missing ({e}): scripts/setup installs it"));
        self.daemon = Some(Killed(child));
        let deadline = Instant::now() + Duration::from_secs(10);
        while fs::metadata(&front).map_or(0, |m| m.len()) == 0 || !Path::new(&self.file("qmp")).exists() {
            assert!(
                Instant::now() < deadline,
                "qemu-storage-daemon serves nothing: scripts/setup installs it"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().into()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What is left to be written is written at once: nobody waits for a slow disk.
        let _ = self.put("good").and_then(|()| self.limit(0, 0));
        for args in [vec!["-l", self.at.to_str().unwrap()], vec!["-l", &self.file("disk")]] {
            let _ = Command::new("umount").args(args).stderr(Stdio::null()).status();
        }
    }
}

/// A loop device; the kernel frees it with this process, however that ends.
struct Loop {
    name: String,
    _open: fs::File,
}

impl Loop {
    fn of(file: &str) -> Loop {
        let out = Command::new("losetup").args(["--find", "--show", file]).output().unwrap();
        assert!(out.status.success(), "losetup: {}", String::from_utf8_lossy(&out.stderr));
        let name = String::from_utf8_lossy(&out.stdout).trim().to_owned();
        let open = fs::File::open(&name).unwrap();
        // Nobody's any more as soon as nobody has it open.
        run("losetup", &["--detach", &name]);
        Loop { name, _open: open }
    }
}

fn sparse_file(path: &str, bytes: u64) {
    fs::File::create(path).unwrap().set_len(bytes).unwrap();
}
