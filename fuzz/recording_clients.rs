//! What the target `siprec` does: the recording server and the engine behind it.

use super::Open;
use nauhuri::call::Ending;
use nauhuri::config::Config;
use nauhuri::engine::Engine;
use nauhuri::net::{Datagram, Transport};
use nauhuri::siprec::rs_metadata::Metadata;
use nauhuri::siprec::{LineId, MediaPorts, Output, RecordingServer, SipPeer, SipTransport};
use nauhuri::time::{NS_PER_MS, Timestamp};
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

/// Ports of the recording server, no more than it may have.
#[derive(Default)]
struct Pairs(HashSet<LineId>);

impl MediaPorts for Pairs {
    fn open(&mut self, id: LineId, _: IpAddr) -> Option<u16> {
        assert!(self.0.insert(id), "opened twice");
        (self.0.len() <= 32).then_some(30_000 + 2 * self.0.len() as u16).or_else(|| {
            self.0.remove(&id);
            None
        })
    }
    fn close(&mut self, id: LineId) {
        assert!(self.0.remove(&id), "closed twice");
    }
}

/// A recording client: messages parted by two NULs; after each comes a packet on every port, and time
/// passes by as much as its length says. The first piece is read as metadata as well. Whatever comes, what was
/// opened is closed, and sessions and recordings stay bounded. Gives how many sessions there were.
pub fn siprec(data: &[u8]) -> u64 {
    let mut config = Config::default();
    config.siprec.sessions = 8;
    (config.limits.calls, config.limits.recordings) = (64, 16);
    let mut server = RecordingServer::new(&config, [1; 32]);
    let (mut engine, mut open, mut ports) = (Engine::new(&config), Open::default(), Pairs::default());
    let mut at = Timestamp::from_parts(1_700_000_000, 0);
    let client = SocketAddr::from(([127, 0, 0, 1], 5060));
    let peer = SipPeer { transport: SipTransport::Tcp, remote: client, local: client, way: 1 };
    let parted = |d: &[u8]| d.windows(2).position(|w| w == [0, 0]);
    let mut rest = data;
    for _ in 0..32 {
        let end = parted(rest).unwrap_or(rest.len());
        let piece = &rest[..end];
        let _ = Metadata::parse(piece);
        server.handle_message(piece, peer, at, &mut ports);
        let mut given = Vec::new();
        let mut lines: Vec<LineId> = ports.0.iter().copied().collect();
        lines.sort_unstable();
        for id in lines {
            for flow in server.handle_media(id, client, false, at) {
                given.push((flow, Transport::Udp, vec![0x80; 172]));
            }
        }
        at = at.offset_ns(1 + (end as i64 % 7) * 9_000 * NS_PER_MS);
        server.handle_timeout(at, &mut ports);
        while let Some(output) = server.poll() {
            if let Output::Feed(fed) = output {
                given.push((fed.flow, fed.transport, fed.payload));
            }
        }
        for (flow, transport, payload) in given {
            let payload = &payload[..];
            let datagram = Datagram { ts: at, flow, transport, payload, truncated: false, sliced: false };
            engine.handle_datagram(&datagram, &mut open);
        }
        assert!(server.sessions() <= 8 && ports.0.len() <= 32);
        match rest.get(end + 2..) {
            Some(next) if !next.is_empty() => rest = next,
            _ => break,
        }
    }
    server.stop(at);
    for _ in 0..3 {
        at = at.offset_ns(33_000 * NS_PER_MS);
        server.handle_timeout(at, &mut ports);
    }
    assert!(server.sessions() == 0 && ports.0.is_empty(), "what was opened is closed");
    engine.finish(Ending::CaptureEnd, &mut open);
    assert_eq!(open.0, 0, "what was opened is closed");
    server.stats().accepted
}
