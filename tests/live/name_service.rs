//! People whose accounts no file of the machine has, as with LDAP or SSSD: the audit log has their names.

use crate::lifecycle::office::Office;
use crate::recorder::copy_program;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

/// An account that no machine has.
const UID: u32 = 4_247;

/// A source of accounts of its own, as glibc loads it for a word of `nsswitch.conf`. It knows one.
const SERVICE: &str = r#"
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <string.h>

static char *put(const char *text, char **at) {
    char *from = strcpy(*at, text);
    *at += strlen(text) + 1;
    return from;
}

enum nss_status _nss_ours_getpwuid_r(uid_t uid, struct passwd *p, char *bytes, size_t size, int *why) {
    if (uid != 4247) {
        *why = ENOENT;
        return NSS_STATUS_NOTFOUND;
    }
    if (size < 64) {
        *why = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    p->pw_name = put("aino.testinen", &bytes);
    p->pw_passwd = put("x", &bytes);
    p->pw_gecos = put("Aino Testinen", &bytes);
    p->pw_dir = put("/", &bytes);
    p->pw_shell = put("/bin/sh", &bytes);
    p->pw_uid = p->pw_gid = uid;
    return NSS_STATUS_SUCCESS;
}
"#;

/// `nauhuri list` by the account, where accounts come from `sources`; the name that the log then has.
fn listed_by(office: &Office, dir: &Path, sources: &str) -> Value {
    let switch = dir.join("nsswitch.conf");
    fs::write(&switch, format!("passwd: {sources}\n")).unwrap();
    // In a mount namespace of its own: the machine keeps its sources.
    let script = "mount --make-rprivate / && mount --bind \"$0\" /etc/nsswitch.conf && exec \"$@\"";
    let uid = UID.to_string();
    let out = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(&switch)
        .args(["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups", "env"])
        .arg(format!("LD_LIBRARY_PATH={}", dir.display()))
        .arg(dir.join("nauhuri"))
        .args(["list", "--config"])
        .arg(dir.join("nauhuri.toml"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let log = fs::read_to_string(office.store.state().join("audit.jsonl")).unwrap();
    let entry: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((&entry["action"], &entry["who"]["uid"]), (&"list".into(), &UID.into()), "{entry}");
    entry["who"]["user"].clone()
}

#[test]
#[ignore = "make test-live"]
fn who_is_in_no_file_of_accounts_has_a_name_in_the_log() {
    assert!(std::env::var_os("NAUHURI_LIVE").is_some(), "run it with `make test-live`");
    let office = Office::new();
    office.record(1, -20, 100);
    let dir = office.store.outside();
    copy_program(&dir.join("nauhuri"));
    fs::write(dir.join("ours.c"), SERVICE).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(dir.join("libnss_ours.so.2"))
        .arg(dir.join("ours.c"))
        .status()
        .unwrap();
    assert!(built.success());
    for path in [dir, &dir.join("nauhuri.toml"), &dir.join("libnss_ours.so.2")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let owned = Command::new("chown").arg("-R").arg(format!("{UID}:{UID}")).arg(&office.store.root).status();
    assert!(owned.unwrap().success());
    chown(&office.store.root, Some(UID), Some(UID)).unwrap();
    assert_eq!(listed_by(&office, dir, "files ours"), "aino.testinen");
    // Nobody knows this account, as where the directory cannot be reached: it has a number and no name.
    assert_eq!(listed_by(&office, dir, "files"), Value::Null);
}
