//! What TLS is opened with, all of it together.

use super::key_log::KeyLog;
use super::server_keys::ServerKeys;

/// What secrets there are: those of connections, and keys of servers.
#[derive(Debug, Default)]
pub struct TlsSecrets {
    /// Of connections, as they become known.
    pub log: KeyLog,
    /// Of servers.
    pub servers: ServerKeys,
}
