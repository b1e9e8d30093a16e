//! What the system said of a read or write that failed. Its own text could hold a path, so only kind and
//! number are kept.

use std::fmt;
use std::io;

/// A failure of the system's, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: io::ErrorKind,
    code: Option<i32>,
}

impl Fault {
    /// `code`: the system's number, where it gave one.
    pub fn new(kind: io::ErrorKind, code: Option<i32>) -> Fault {
        Fault { kind, code }
    }
}

impl From<io::ErrorKind> for Fault {
    fn from(kind: io::ErrorKind) -> Fault {
        Fault { kind, code: None }
    }
}

impl From<&io::Error> for Fault {
    fn from(e: &io::Error) -> Fault {
        Fault { kind: e.kind(), code: e.raw_os_error() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.to_string();
        match self.code {
            // Rust has no name for what a broken disk says.
            Some(code) if kind == "uncategorized error" => io::Error::from_raw_os_error(code).fmt(f),
            _ => f.write_str(&kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_disk_is_called_so() {
        let broken = io::Error::from_raw_os_error(5);
        assert_eq!(Fault::from(&broken).to_string(), "Input/output error (os error 5)");
        let full = io::Error::from_raw_os_error(28);
        assert_eq!(Fault::from(&full), Fault::new(io::ErrorKind::StorageFull, Some(28)));
        assert_eq!(Fault::from(&full).to_string(), "no storage space");
        assert_eq!(Fault::from(io::ErrorKind::Other).to_string(), "other error");
    }
}
