//! Why a capture file is not read, in words for whoever named it.

use std::io;

/// Why a capture file is not read, or not read further.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not there.
    #[error("{name}: no such file; check the path")]
    NotFound {
        /// The file.
        name: String,
    },
    /// It may not be read.
    #[error("{name}: no permission to read it; run as a user who may, or change its mode")]
    Forbidden {
        /// The file.
        name: String,
    },
    /// It is a folder.
    #[error("{name}: is a folder; name the capture files in it")]
    Folder {
        /// The file.
        name: String,
    },
    /// It has no bytes.
    #[error("{name}: is empty; was the capture stopped before it began?")]
    Empty {
        /// The file.
        name: String,
    },
    /// It is compressed.
    #[error("{name}: is compressed with {with}; unpack it first: {unpack} {name} | nauhuri replay -")]
    Compressed {
        /// The file.
        name: String,
        /// The compressor.
        with: &'static str,
        /// The command that unpacks to standard output.
        unpack: &'static str,
    },
    /// It is something else.
    #[error(
        "{name}: is neither pcap nor pcapng (it begins with {start}); make captures with tcpdump -w or dumpcap"
    )]
    NotACapture {
        /// The file.
        name: String,
        /// Its first bytes, in hexadecimal.
        start: String,
    },
    /// Its packets have no times.
    #[error(
        "{name}: its packets have no time of their own ({what}), so that no call in it has a length; \
         capture with tcpdump -w or dumpcap, or give text2pcap -t"
    )]
    NoTimes {
        /// The file.
        name: String,
        /// What was found instead.
        what: &'static str,
    },
    /// More overlap than may be open at once.
    #[error("more than {max} captures are of the same time; merge them first: mergecap -w all.pcap ...")]
    TooMany {
        /// How many may be open.
        max: usize,
    },
    /// Reading failed.
    #[error("{name}: reading failed before frame {frame}: {source}")]
    Read {
        /// The file.
        name: String,
        /// The frame that was to come, from 1.
        frame: u64,
        /// What the system said.
        source: io::Error,
    },
    /// It ends in the middle of a record. All frames before it were read.
    #[error("{name}: is cut short within frame {frame}, at byte {offset}; the frames before it were read")]
    CutShort {
        /// The file.
        name: String,
        /// The frame that is cut, from 1.
        frame: u64,
        /// Where its record begins.
        offset: u64,
    },
    /// A record makes no sense and hides where the next begins.
    #[error("{name}: is damaged at frame {frame}, byte {offset}: {what}; the frames before it were read")]
    Damaged {
        /// The file.
        name: String,
        /// The frame that was to come, from 1.
        frame: u64,
        /// Where its record begins.
        offset: u64,
        /// What was found.
        what: String,
    },
}

impl FileError {
    /// The frames before are good and nothing is wrong with the machine: a warning, not a failure.
    pub fn is_warning(&self) -> bool {
        matches!(self, FileError::CutShort { .. } | FileError::Damaged { .. })
    }
}
