//! Where packets come from: interfaces, files, and what is received on sockets of our own.

pub mod feed;
pub mod file;
pub mod hep_listener;
pub mod live;
pub mod merge;
mod retiming;
pub mod siprec_listener;
pub mod tls;
pub mod tls_files;

use crate::time::Timestamp;
use std::time::SystemTime;

/// What libpcap calls a link type.
pub fn link_name(dlt: u16) -> String {
    match dlt {
        147..=162 => format!("USER{}", dlt - 147),
        _ => pcap::Linktype(dlt.into()).get_name().unwrap_or_else(|_| "a type without a name".into()),
    }
}

/// The machine's clock, by which packets are stamped.
pub fn wall_clock() -> Timestamp {
    Timestamp::EPOCH + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
