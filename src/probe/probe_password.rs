//! The password's file: nobody but its owner may read it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Longest password, bytes.
const PASSWORD_MAX: u64 = 1024;

/// Reads the first line.
///
/// # Errors
/// In words that name the file: it cannot be read, others may read it, or there is no password in it.
pub fn read_password(path: &Path) -> Result<Zeroizing<String>, String> {
    let named = |why: &str| format!("{}: {why}", path.display());
    let opened = File::open(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => named("no such file"),
        io::ErrorKind::PermissionDenied => named("a file this user may not read"),
        _ => named(&e.to_string()),
    })?;
    let known = opened.metadata().map_err(|e| named(&e.to_string()))?;
    if known.mode() & 0o077 != 0 {
        return Err(named(&format!(
            "a file of mode {:03o}, which others than its owner may use",
            known.mode() & 0o777
        )));
    }
    let mut text = Zeroizing::new(String::new());
    opened.take(PASSWORD_MAX + 1).read_to_string(&mut text).map_err(|e| named(&e.to_string()))?;
    let end = text.find(['\r', '\n']).unwrap_or(text.len());
    if end == 0 || text.len() as u64 > PASSWORD_MAX {
        return Err(named("a file whose first line is no password"));
    }
    text.truncate(end);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("password");
        let write = |text: &str, mode: u32| {
            std::fs::write(&path, text).expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            read_password(&path)
        };
        assert_eq!(write("sesame\n", 0o600).expect("a password").as_str(), "sesame");
        assert_eq!(write("sesame", 0o400).expect("a password").as_str(), "sesame");
        for (text, mode, why) in
            [("sesame\n", 0o640, "mode 640"), ("sesame\n", 0o604, "mode 604"), ("\nx", 0o600, "no password")]
        {
            assert!(write(text, mode).is_err_and(|e| e.contains(why)), "{why}");
        }
        assert!(read_password(dir.path().join("none").as_path()).is_err_and(|e| e.ends_with("no such file")));
    }
}
