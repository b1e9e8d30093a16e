//! HEP that capture agents send to the recorder: sockets, and who may send to them.
//!
//! Over UDP a packet comes in a datagram; over TCP and TLS one after the other, each with
//! its length. Agents are let in by their address, and by a password if there is one; what they say is
//! believed from there on ([`crate::net::hep_reader`]). Whatever cannot be read is counted by reason.

pub mod hep_counts;
mod hep_streams;
mod reception;
mod socket_drops;

use super::feed::{Feed, Listener};
use super::tls::{self, TlsError, is_nothing};
use crate::config::Config;
use crate::config::listen_at::{ListenAt, ListenOver};
use crate::wire::hep::MAX_LEN;
use hep_counts::HepCounts;
use reception::{EntryRules, Reception, WAIT};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use socket_drops::SocketDrops;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What the kernel may keep of a UDP socket while the thread does not run, bytes; it may grant less.
const SOCKET_BYTES: usize = 8 << 20;
/// Longest password, bytes: the file is none if there is more in it.
const PASSWORD_MAX: u64 = 1024;

/// Why HEP cannot be received.
#[derive(Debug, thiserror::Error)]
pub enum HepListenError {
    /// The address cannot be had.
    #[error("hep.listen: cannot listen on {at}: {why}")]
    Address {
        /// As configured.
        at: String,
        /// What the system said.
        why: io::Error,
    },
    /// Certificate or key.
    #[error("hep.tls: {0}")]
    Tls(#[from] TlsError),
    /// The file of the password.
    #[error("hep.password_file: {file}: {why}", file = file.display())]
    Password {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// One socket.
pub struct HepListener {
    number: usize,
    at: ListenAt,
    door: HepDoor,
    rules: Arc<EntryRules>,
}

enum HepDoor {
    Udp(UdpSocket, SocketDrops),
    Tcp(TcpListener),
    Tls(TcpListener, Arc<rustls::ServerConfig>),
}

impl HepListener {
    /// Opens every address of `[hep]`, and reads what it needs for them.
    ///
    /// # Errors
    /// [`HepListenError`]
    pub fn open_all(config: &Config) -> Result<(Vec<HepListener>, Arc<HepCounts>), HepListenError> {
        let (own, counts) = (&config.hep, Arc::new(HepCounts::of(config.hep.listen.len())));
        if own.listen.is_empty() {
            return Ok((Vec::new(), counts));
        }
        let password = password(&own.password_file)?;
        let rules = Arc::new(EntryRules { from: own.from.clone(), password, counts: Arc::clone(&counts) });
        let tls = match own.tls.is_set() {
            true => Some(Arc::new(tls::server(&own.tls.cert, &own.tls.key)?)),
            false => None,
        };
        let open = |(number, at): (usize, ListenAt)| {
            let told = |why| HepListenError::Address { at: at.to_string(), why };
            let door = HepDoor::open(at, tls.as_ref()).map_err(told)?;
            Ok(HepListener { number, at, door, rules: Arc::clone(&rules) })
        };
        let all: Result<_, HepListenError> = own.listen.iter().copied().enumerate().map(open).collect();
        Ok((all?, counts))
    }

    /// Where it listens, the port chosen by the system included.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.door {
            HepDoor::Udp(socket, _) => socket.local_addr(),
            HepDoor::Tcp(listener) | HepDoor::Tls(listener, _) => listener.local_addr(),
        }
        .ok()
    }
}

impl HepDoor {
    fn open(at: ListenAt, tls: Option<&Arc<rustls::ServerConfig>>) -> io::Result<HepDoor> {
        if at.transport == ListenOver::Udp {
            let socket = UdpSocket::bind(at.addr)?;
            socket.set_read_timeout(Some(WAIT))?;
            // It works with less as well.
            let _ = set_socket_recv_buffer_size(&socket, SOCKET_BYTES);
            let drops = SocketDrops::of(&socket, at.addr.is_ipv6());
            return Ok(HepDoor::Udp(socket, drops));
        }
        let listener = TcpListener::bind(at.addr)?;
        listener.set_nonblocking(true)?;
        Ok(match (at.transport, tls) {
            (ListenOver::Tls, Some(tls)) => HepDoor::Tls(listener, Arc::clone(tls)),
            _ => HepDoor::Tcp(listener),
        })
    }
}

impl Listener for HepListener {
    fn name(&self) -> String {
        let at = self.address().map_or(self.at, |addr| ListenAt { addr, ..self.at });
        format!("hep {at}")
    }

    fn receive(&self, feed: &Feed, goes_on: &dyn Fn() -> bool) {
        let mut reception = Reception::new(&self.rules, feed, self.number);
        match &self.door {
            HepDoor::Udp(socket, drops) => datagrams(socket, drops, &mut reception, goes_on),
            HepDoor::Tcp(listener) => hep_streams::serve(listener, None, &mut reception, goes_on),
            HepDoor::Tls(listener, tls) => hep_streams::serve(listener, Some(tls), &mut reception, goes_on),
        }
    }
}

fn datagrams(
    socket: &UdpSocket,
    drops: &SocketDrops,
    reception: &mut Reception<'_>,
    goes_on: &dyn Fn() -> bool,
) {
    let mut buffer = vec![0; MAX_LEN + 1];
    while goes_on() {
        reception.rules.counts.note_socket_drops(drops);
        match socket.recv_from(&mut buffer) {
            Ok((len, peer)) => {
                let peer = peer.ip().to_canonical();
                if reception.is_allowed(peer) {
                    reception.take(buffer.get(..len).unwrap_or_default(), peer);
                }
            }
            Err(e) if is_nothing(&e) => {}
            // Nothing that a socket says of itself lasts; but it must not be asked without end.
            Err(_) => std::thread::sleep(WAIT),
        }
    }
}

/// The first line of the file; `None` where there is none.
fn password(file: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, HepListenError> {
    if file.as_os_str().is_empty() {
        return Ok(None);
    }
    let wrong = |why: String| HepListenError::Password { file: file.to_owned(), why };
    let mut text = Zeroizing::new(Vec::new());
    let opened = std::fs::File::open(file).map_err(|e| wrong(e.to_string()))?;
    opened.take(PASSWORD_MAX + 1).read_to_end(&mut text).map_err(|e| wrong(e.to_string()))?;
    let end = text.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(text.len());
    if end == 0 || text.len() as u64 > PASSWORD_MAX {
        return Err(wrong(format!("not one line with a password of at most {PASSWORD_MAX} bytes")));
    }
    text.truncate(end);
    Ok(Some(text))
}

#[cfg(test)]
mod tests;
