//! A file as text, read as it is written: a recording of hours is never in memory.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha512};
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Read at once; a multiple of three, so that only the end of the file is padded, or would be.
const BLOCK: usize = 3 * 16 * 1024;

/// The bytes of a file in base64url without padding (RFC 7515 §2).
pub(super) struct Base64File {
    file: File,
    failed: RefCell<Option<io::Error>>,
}

impl Base64File {
    pub(super) fn new(file: File) -> Base64File {
        Base64File { file, failed: RefCell::default() }
    }

    /// The hash of the text, which is read for it.
    pub(super) fn text_hash(&self) -> Sha512 {
        struct Hashed(Sha512);
        impl fmt::Write for Hashed {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.update(text);
                Ok(())
            }
        }
        let mut hashed = Hashed(Sha512::new());
        // What cannot be read is told by `was_read`.
        let _ = write!(hashed, "{self}");
        hashed.0
    }

    /// What kept the text from being whole.
    ///
    /// # Errors
    /// Reading failed.
    pub(super) fn was_read(&self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// As much as the block takes, from there on; less at the end of the file only.
    fn fill(&self, block: &mut [u8], at: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < block.len() {
            match self.file.read_at(&mut block[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(filled)
    }
}

impl fmt::Display for Base64File {
    /// Ends early if the file cannot be read: who writes the text asks [`Base64File::was_read`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut block, mut at) = (vec![0; BLOCK], 0);
        loop {
            match self.fill(&mut block, at) {
                Ok(0) => return Ok(()),
                Ok(n) => {
                    f.write_str(&URL_SAFE_NO_PAD.encode(&block[..n]))?;
                    at += n as u64;
                }
                Err(e) => {
                    self.failed.borrow_mut().get_or_insert(e);
                    return Ok(());
                }
            }
        }
    }
}

impl Serialize for Base64File {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn blocks_join_without_a_seam() {
        for length in [0, 1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 2] {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 7 + n / 251) as u8).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let text = Base64File::new(file);
            assert!(text.text_hash().finalize() == Sha512::digest(text.to_string()), "{length} bytes");
            assert!(text.to_string() == URL_SAFE_NO_PAD.encode(&bytes), "{length} bytes");
            text.was_read().unwrap();
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let folder = File::open("/").unwrap();
        let text = Base64File::new(folder);
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"\"");
        assert!(text.was_read().is_err());
        text.was_read().unwrap();
    }
}
