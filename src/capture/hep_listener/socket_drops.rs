//! Datagrams that the kernel dropped because a socket's buffer was full.
//!
//! Told in `/proc/net/udp`, one line a socket, which names it by its inode. The file is opened with the
//! socket: later the recorder may not open it any more.

use std::fs::File;
use std::io::{Read, Seek};
use std::net::UdpSocket;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the file is read.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// More of it is not read: ten thousand sockets.
const READ_MAX: u64 = 2 << 20;
/// Columns of a line, from 0.
const INODE: usize = 9;
const DROPS: usize = 12;

/// What is known of one socket.
pub struct SocketDrops(Mutex<Looked>);

struct Looked {
    file: Option<File>,
    inode: u64,
    at: Instant,
    known: u64,
}

impl SocketDrops {
    /// Where the system does not tell, there are none.
    pub fn of(socket: &UdpSocket, is_v6: bool) -> SocketDrops {
        let inode = rustix::fs::fstat(socket).map_or(0, |s| s.st_ino);
        let file = File::open(if is_v6 { "/proc/self/net/udp6" } else { "/proc/self/net/udp" }).ok();
        SocketDrops(Mutex::new(Looked { file, inode, at: Instant::now(), known: 0 }))
    }

    /// How many are new since the last look; looks once a second.
    pub fn new_drops(&self) -> u64 {
        let mut looked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.at.elapsed() < LOOK_EVERY {
            return 0;
        }
        looked.at = Instant::now();
        let inode = looked.inode;
        let Some(now) = looked.file.as_mut().and_then(read).and_then(|text| drops_of(&text, inode)) else {
            return 0;
        };
        let new = now.saturating_sub(looked.known);
        looked.known = now;
        new
    }
}

fn read(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(READ_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

fn drops_of(text: &str, inode: u64) -> Option<u64> {
    text.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace().skip(INODE);
        let is_own = columns.next()?.parse() == Ok(inode);
        is_own.then(|| columns.nth(DROPS - INODE - 1)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_socket_is_found() {
        let text = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
                    \x20 12: 0100007F:2364 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 3\n\
                    \x20 13: 0100007F:2365 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 77\n";
        assert_eq!(
            (drops_of(text, 4712), drops_of(text, 4711), drops_of(text, 1)),
            (Some(77), Some(3), None)
        );
        assert_eq!(drops_of("nonsense\n1 2 3\n", 1), None);
    }

    #[test]
    fn what_the_kernel_drops_is_seen() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let drops = SocketDrops::of(&socket, false);
        let (to, from) = (socket.local_addr().unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        for _ in 0..5000 {
            let _ = from.send_to(&[0; 1400], to);
        }
        assert_eq!(drops.new_drops(), 0, "looked at once a second");
        std::thread::sleep(LOOK_EVERY);
        let first = drops.new_drops();
        assert!(first > 100, "{first}");
        std::thread::sleep(LOOK_EVERY);
        // Shown as nauhuri_packets_dropped_total{where="socket"}.
        assert_eq!(drops.new_drops(), 0, "only what is new");
    }
}
