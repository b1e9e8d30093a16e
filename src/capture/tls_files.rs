//! Files that open TLS of others: key logs as they grow, and private keys of servers.
//!
//! Whoever writes a key log appends to it, and sooner or later begins it anew: truncated, or as another file
//! under the same name.

use crate::config::TlsSection;
use crate::tls::RsaKey;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The largest file of a private key that is read, bytes.
const MAX_KEY_FILE: u64 = 1 << 20;
/// How much of a key log is read at once, bytes.
const READ_AT_ONCE: usize = 64 * 1024;
/// How much of a key log is read at one look, bytes.
const READ_AT_A_LOOK: usize = 4 << 20;
/// Of a log that is longer only its end is read: it has more connections than are remembered.
const TAIL: u64 = 24 << 20;
/// The longest line that is waited for.
const MAX_LINE: usize = 4096;
/// How often a key log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFileError {
    /// It cannot be read.
    #[error("{key} = {file}: cannot be read: {source}", file = file.display())]
    Read {
        /// The key of the configuration.
        key: &'static str,
        /// Which file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It holds something else.
    #[error("tls.rsa_keys = {file}: {source}", file = file.display())]
    NoKey {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        source: crate::tls::RsaKeyError,
    },
}

/// Reads the private keys.
///
/// # Errors
/// One that cannot be read, or is none.
pub fn server_keys(tls: &TlsSection) -> Result<Vec<RsaKey>, TlsFileError> {
    let read = |path: &String| {
        let file = PathBuf::from(path);
        let mut text = Zeroizing::new(String::new());
        let opened = open(&file).and_then(|f| f.take(MAX_KEY_FILE).read_to_string(&mut text));
        if let Err(source) = opened {
            return Err(TlsFileError::Read { key: "tls.rsa_keys", file, source });
        }
        RsaKey::from_pem(&text).map_err(|source| TlsFileError::NoKey { file, source })
    };
    tls.rsa_keys.iter().map(read).collect()
}

/// What this machine has to say to the files of the configuration: some are not there, cannot be used, or are open
/// to everybody.
pub fn remarks(tls: &TlsSection) -> Vec<String> {
    let logs = tls.key_logs().map(|file| ("tls.key_log", file));
    let keys = tls.rsa_keys.iter().map(|file| ("tls.rsa_keys", PathBuf::from(file)));
    let all = logs.chain(keys).filter_map(|(key, file)| {
        let name = file.display();
        match std::fs::metadata(&file) {
            Err(e) => Some(format!("{key}: {name} cannot be read: {e}")),
            Ok(m) if !m.is_file() => Some(format!("{key}: {name} is not a regular file")),
            Ok(m) if m.mode() & 0o004 != 0 => {
                Some(format!("{key}: {name} can be read by everybody on this machine (chmod o= {name})"))
            }
            Ok(_) => None,
        }
    });
    let no_key = server_keys(tls).err().filter(|e| matches!(e, TlsFileError::NoKey { .. }));
    all.chain(no_key.map(|e| e.to_string())).collect()
}

/// A pipe would hold the recorder up, and what comes out of it can be read once only.
fn open(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
}

/// A piece of a key log. It wipes itself.
pub type KeyLogPiece = Zeroizing<Vec<u8>>;

/// A key log that is followed.
#[derive(Debug)]
pub struct FollowedKeyLog {
    path: PathBuf,
    open: Option<(File, u64)>,
    /// Of a line that is not whole yet.
    line: KeyLogPiece,
    /// The line at hand began before what is read.
    skips_line: bool,
    /// What was wrong at the last look.
    fault: Option<io::ErrorKind>,
}

impl FollowedKeyLog {
    /// Not yet opened.
    pub fn new(path: PathBuf) -> FollowedKeyLog {
        FollowedKeyLog { path, open: None, line: KeyLogPiece::default(), skips_line: false, fault: None }
    }

    /// Which file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next whole lines that were appended, from the start where the file is new; empty if there are none.
    ///
    /// # Errors
    /// It cannot be read, or is not there. Told once as long as it stays the same; it may be there
    /// at the next look.
    pub fn read(&mut self) -> Result<KeyLogPiece, io::Error> {
        match self.appended() {
            Ok(piece) => {
                self.fault = None;
                Ok(self.lines(piece))
            }
            Err(e) => {
                let is_known = self.fault.replace(e.kind()) == Some(e.kind());
                if is_known { Ok(KeyLogPiece::default()) } else { Err(e) }
            }
        }
    }

    /// Several logs are read in turn: none gets the end of another's line.
    fn lines(&mut self, piece: KeyLogPiece) -> KeyLogPiece {
        let mut all = std::mem::take(&mut self.line);
        all.extend_from_slice(&piece);
        if self.skips_line {
            let Some(end) = all.iter().position(|b| *b == b'\n') else { return KeyLogPiece::default() };
            all.drain(..=end);
            self.skips_line = false;
        }
        let whole = all.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        if all.len() - whole > MAX_LINE {
            return all;
        }
        self.line = Zeroizing::new(all.split_off(whole));
        all
    }

    fn appended(&mut self) -> io::Result<KeyLogPiece> {
        let now = std::fs::metadata(&self.path)?;
        let is_same = |file: &File, read: u64| {
            let opened = file.metadata()?;
            io::Result::Ok(identity(&opened) == identity(&now) && now.len() >= read)
        };
        let goes_on = match &self.open {
            Some((file, read)) => is_same(file, *read)?,
            None => false,
        };
        if !goes_on {
            // What the old one still held comes first.
            if let Some((file, read)) = &mut self.open
                && identity(&file.metadata()?) != identity(&now)
            {
                let rest = next_piece(file, read)?;
                if !rest.is_empty() {
                    return Ok(rest);
                }
            }
            let was_open = self.open.is_some();
            let file = open(&self.path)?;
            let start = file.metadata()?.len().saturating_sub(TAIL);
            self.skips_line = start > 0;
            self.open = Some((file, start));
            if was_open {
                // A line that was cut off at the end of the old one does not go on in the new.
                return Ok(Zeroizing::new(b"\n".to_vec()));
            }
        }
        let Some((file, read)) = &mut self.open else { return Ok(KeyLogPiece::default()) };
        next_piece(file, read)
    }
}

/// What comes after the first `read` bytes.
fn next_piece(file: &File, read: &mut u64) -> io::Result<KeyLogPiece> {
    let mut piece = Zeroizing::new(vec![0; READ_AT_ONCE]);
    let len = file.read_at(&mut piece, *read)?;
    *read += len as u64;
    piece.truncate(len);
    Ok(piece)
}

fn identity(m: &Metadata) -> (u64, u64) {
    (m.dev(), m.ino())
}

/// Key logs followed by a recorder that has other things to do: looked at now and then.
#[derive(Debug)]
pub struct KeyLogs {
    logs: Vec<FollowedKeyLog>,
    looked: Option<Instant>,
}

impl KeyLogs {
    /// Those of the configuration.
    pub fn of(tls: &TlsSection) -> KeyLogs {
        KeyLogs { logs: tls.key_logs().map(FollowedKeyLog::new).collect(), looked: None }
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.logs.is_empty()
    }

    /// What came since the last look, if it is time for another: `piece` gets what was read, `fault` hears of
    /// a file that cannot be.
    pub fn look(
        &mut self,
        now: Instant,
        mut piece: impl FnMut(&[u8]),
        mut fault: impl FnMut(&Path, &io::Error),
    ) {
        if self.logs.is_empty() || self.looked.is_some_and(|at| now.duration_since(at) < LOOK_EVERY) {
            return;
        }
        self.looked = Some(now);
        for log in &mut self.logs {
            for _ in 0..READ_AT_A_LOOK / READ_AT_ONCE {
                match log.read() {
                    Ok(read) if read.is_empty() => break,
                    Ok(read) => piece(&read),
                    Err(e) => {
                        fault(log.path(), &e);
                        break;
                    }
                }
            }
        }
    }
}

/// Key logs as they are, to their ends.
///
/// # Errors
/// One that cannot be read.
pub fn whole_key_logs(tls: &TlsSection, mut piece: impl FnMut(&[u8])) -> Result<(), TlsFileError> {
    for path in tls.key_logs() {
        let mut log = FollowedKeyLog::new(path);
        loop {
            match log.read() {
                Ok(read) if read.is_empty() => break,
                Ok(read) => piece(&read),
                Err(source) => {
                    let (key, file) = ("tls.key_log", log.path().to_owned());
                    return Err(TlsFileError::Read { key, file, source });
                }
            }
        }
        piece(&log.line);
        piece(b"\n");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(log: &mut FollowedKeyLog) -> String {
        let mut all = Vec::new();
        for _ in 0..4 {
            all.extend_from_slice(&log.read().unwrap());
        }
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn a_key_log_is_followed_through_growth_truncation_and_replacement() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.log");
        let mut log = FollowedKeyLog::new(path.clone());
        assert_eq!(log.read().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(read(&mut log), "", "said once");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(read(&mut log), "one\n", "whole lines only");
        file.write_all(b"o\nha").unwrap();
        assert_eq!(read(&mut log), "two\n");
        std::fs::write(&path, "a\n").unwrap();
        assert_eq!(read(&mut log), "ha\na\n", "truncated and begun anew");
        // Rotated: the old one gets a last line, and the new one its first, between two looks.
        let mut old = File::options().append(true).open(&path).unwrap();
        std::fs::rename(&path, dir.path().join("keys.log.1")).unwrap();
        old.write_all(b"last\n").unwrap();
        std::fs::write(&path, "first\n").unwrap();
        assert_eq!(read(&mut log), "last\n\nfirst\n");
        std::fs::remove_file(&path).unwrap();
        assert!(log.read().is_err());
        std::fs::write(&path, "x\n").unwrap();
        assert_eq!(read(&mut log), "\nx\n");
        // A pipe holds nobody up, and a folder is none.
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        for none in [pipe, dir.path().to_owned()] {
            assert!(FollowedKeyLog::new(none).read().unwrap_err().to_string().contains("not a regular file"));
        }
    }

    #[test]
    fn of_a_log_that_is_too_long_the_end_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.log");
        let line = format!("{}\n", "x".repeat(999));
        std::fs::write(&path, line.repeat(26_000)).unwrap();
        let tls = TlsSection { key_log: vec![path.display().to_string()], ..TlsSection::default() };
        let (mut bytes, mut odd) = (0, 0);
        whole_key_logs(&tls, |piece| {
            bytes += piece.len();
            odd += usize::from(piece.len() > 1 && piece.len() % 1000 != 0);
        })
        .unwrap();
        assert!(bytes > 20_000_000 && bytes < 26_000_000 && odd == 0, "{bytes} {odd}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.key");
        let tls = TlsSection { rsa_keys: vec![path.display().to_string()], ..TlsSection::default() };
        assert!(server_keys(&tls).unwrap_err().to_string().contains("tls.rsa_keys"));
        std::fs::write(&path, "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n").unwrap();
        assert!(server_keys(&tls).unwrap_err().to_string().contains("no RSA private key"));
    }
}
