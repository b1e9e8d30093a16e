//! The server's core with the engine and the writers behind it, on a clock of the test's: what is
//! recorded lies on disk.

use crate::client::Client;
use crate::common::ladder::ns;
use crate::common::run::{Recording, recordings};
use crate::common::voice::Packet;
use nauhuri::call::{Decision, Ending, Unrecorded};
use nauhuri::config::{Config, Networks};
use nauhuri::daemon::context::Context;
use nauhuri::daemon::counts::MediaCounts;
use nauhuri::daemon::crew::{Crew, Faults};
use nauhuri::daemon::pipeline::{Pipeline, Workshop};
use nauhuri::engine::{Engine, MediaPacket, Sink};
use nauhuri::net::Datagram;
use nauhuri::siprec::{Fed, LineId, MediaPorts, Output, RecordingServer, SipPeer, SipTransport};
use nauhuri::time::Timestamp;
use nauhuri::wire::{Frame, LinkType};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Ports in order, as many as there are.
pub struct Ports {
    pub open: BTreeMap<LineId, u16>,
    pub left: usize,
    next: u16,
}

impl MediaPorts for Ports {
    fn open(&mut self, id: LineId, _: IpAddr) -> Option<u16> {
        self.left = self.left.checked_sub(1)?;
        self.next += 2;
        assert_eq!(self.open.insert(id, self.next), None, "{id:?} is open already");
        Some(self.next)
    }

    fn close(&mut self, id: LineId) {
        assert!(self.open.remove(&id).is_some(), "{id:?} is not open");
        self.left += 1;
    }
}

/// Everything but sockets.
pub struct Stage {
    pub server: RecordingServer,
    pub engine: Engine,
    pub ports: Ports,
    pub unrecorded: Vec<Unrecorded>,
    pub fed: Vec<Fed>,
    pipeline: Pipeline,
    crew: Crew,
    dir: tempfile::TempDir,
}

/// Passes everything on, and keeps what was not recorded.
struct Watch<'a>(&'a mut Pipeline, &'a mut Vec<Unrecorded>);

impl Sink for Watch<'_> {
    fn decision(&mut self, decision: Decision) {
        if let Decision::Unrecorded { reason, .. } = &decision {
            self.1.push(*reason);
        }
        self.0.decision(decision);
    }
    fn media(&mut self, packet: MediaPacket<'_>) {
        self.0.media(packet);
    }
    fn tick(&mut self, now: Timestamp) {
        self.0.tick(now);
    }
}

/// The test's configuration: agents 2000 to 2999, clients from 192.0.2.0/24 and 2001:db8::/32.
pub fn config() -> Config {
    let mut config = Config::default();
    config.agents.extensions = vec!["2000-2999".into()];
    config.siprec.listen = vec![nauhuri::config::listen_at::ListenAt::parse("udp:192.0.2.1:5060").unwrap()];
    config.siprec.from = Networks::parse(["192.0.2.0/24", "2001:db8::/32"]).unwrap();
    config.service = vec![nauhuri::config::ServiceRule {
        name: "116117".into(),
        numbers: vec!["116117".into()],
        ..Default::default()
    }];
    config
}

/// A client of the test's network.
pub fn client(n: u16) -> Client {
    let [src, server] = ["192.0.2.10:5060", "192.0.2.1:5060"].map(|a| a.parse().unwrap());
    Client::new(n, src, server, "UDP")
}

impl Stage {
    pub fn new(config: &Config) -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config.clone();
        config.storage.dir = dir.path().to_owned();
        config.storage.min_free = 0;
        let context = Arc::new(Context::replaying(&config));
        let crew = Crew::new(&context.outlets.metrics, Faults::default());
        let counts = Arc::new(MediaCounts::default());
        let shop = Workshop {
            workers: 1,
            waits: true,
            queue_bytes: 64 << 20,
            context: &context,
            timezone: &jiff::tz::TimeZone::UTC,
            counts: &counts,
            crew: &crew,
        };
        let pipeline = Pipeline::start(&shop, |_| {}).unwrap();
        Stage {
            server: RecordingServer::new(&config, [7; 32]),
            engine: Engine::new(&config),
            ports: Ports { open: BTreeMap::new(), left: 1000, next: 30_000 },
            unrecorded: Vec::new(),
            fed: Vec::new(),
            pipeline,
            crew,
            dir,
        }
    }

    /// A message of a client; what the server sends in answer.
    pub fn sip(&mut self, at_ms: f64, client: &Client, text: &str) -> Vec<String> {
        self.message(at_ms, peer(client), text.as_bytes())
    }

    pub fn message(&mut self, at_ms: f64, peer: SipPeer, bytes: &[u8]) -> Vec<String> {
        let now = Timestamp::from_ns(ns(at_ms));
        self.server.handle_message(bytes, peer, now, &mut self.ports);
        self.drain(now)
    }

    /// Time passes; what the server sends by itself.
    pub fn pass(&mut self, at_ms: f64) -> Vec<String> {
        let now = Timestamp::from_ns(ns(at_ms));
        self.server.handle_timeout(now, &mut self.ports);
        let sent = self.drain(now);
        self.engine.handle_timeout(now, &mut Watch(&mut self.pipeline, &mut self.unrecorded));
        sent
    }

    /// Sends a session's INVITE or another request, takes the answer in and acknowledges it.
    #[track_caller]
    pub fn accepted(&mut self, at_ms: f64, client: &mut Client, text: &str) -> String {
        let sent = self.sip(at_ms, client, text);
        let ok = sent.last().unwrap_or_else(|| panic!("no answer to {text}")).clone();
        assert_eq!(client.take(&ok), 200, "{ok}");
        if text.starts_with("INVITE") {
            let ack = client.ack();
            assert_eq!(self.sip(at_ms, client, &ack), [""; 0]);
        }
        ok
    }

    /// RTP to the port of a stream.
    pub fn rtp(
        &mut self,
        at_ns: i64,
        client: &Client,
        stream: usize,
        from: SocketAddr,
        bytes: &[u8],
    ) -> bool {
        self.media(at_ns, client, (stream, false), from, bytes)
    }

    /// The same, or RTCP to the port above it.
    pub fn media(
        &mut self,
        at_ns: i64,
        client: &Client,
        (stream, is_rtcp): (usize, bool),
        from: SocketAddr,
        bytes: &[u8],
    ) -> bool {
        let port = client.ports[stream];
        let id = self.ports.open.iter().find(|(_, p)| **p == port).map(|(id, _)| *id);
        let Some(id) = id else { return false };
        let now = Timestamp::from_ns(at_ns);
        let ways = self.server.handle_media(id, from, is_rtcp, now);
        for flow in &ways {
            self.feed(
                now,
                &Fed { flow: *flow, transport: nauhuri::net::Transport::Udp, payload: bytes.to_vec() },
            );
        }
        !ways.is_empty()
    }

    /// Frames of a mirror port.
    pub fn capture(&mut self, frames: &[(i64, Vec<u8>)]) {
        for (at, data) in frames {
            let (ts, wire_len) = (Timestamp::from_ns(*at), data.len() as u32);
            let frame = Frame { ts, link: LinkType::Ethernet, data, wire_len };
            self.engine.handle_frame(&frame, &mut Watch(&mut self.pipeline, &mut self.unrecorded));
        }
    }

    /// What voices said, each on a stream, in the order of time.
    pub fn talk(&mut self, client: &Client, voices: &[(usize, &[Packet])]) {
        let mut all: Vec<(i64, usize, &[u8])> = Vec::new();
        for (stream, packets) in voices {
            let of = packets.iter().flat_map(|p| p.captured_ns.iter().map(|at| (*at, *stream, &p.rtp[..])));
            all.extend(of);
        }
        all.sort_by_key(|(at, ..)| *at);
        for (at, stream, bytes) in all {
            self.rtp(at, client, stream, client.streams[stream].at, bytes);
        }
    }

    fn drain(&mut self, now: Timestamp) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(output) = self.server.poll() {
            match output {
                Output::Send(_, bytes) => sent.push(String::from_utf8(bytes).unwrap()),
                Output::Feed(fed) => {
                    self.feed(now, &fed);
                    self.fed.push(fed);
                }
            }
        }
        sent
    }

    pub fn feed(&mut self, ts: Timestamp, fed: &Fed) {
        let (flow, transport, payload) = (fed.flow, fed.transport, &fed.payload[..]);
        let datagram = Datagram { ts, flow, transport, payload, truncated: false, sliced: false };
        self.engine.handle_datagram(&datagram, &mut Watch(&mut self.pipeline, &mut self.unrecorded));
    }

    /// Everything ends; what was recorded.
    pub fn recorded(mut self, at_ms: f64) -> (Vec<Recording>, Vec<Unrecorded>) {
        for step in 0..50 {
            self.pass(at_ms + 100.0 * f64::from(step));
        }
        self.engine.finish(Ending::CaptureEnd, &mut Watch(&mut self.pipeline, &mut self.unrecorded));
        assert!(self.pipeline.join(|| {}));
        drop(self.crew);
        (recordings(self.dir.path()), self.unrecorded)
    }
}

/// How a client's messages come.
pub fn peer(client: &Client) -> SipPeer {
    let transport = match client.transport {
        "UDP" => SipTransport::Udp,
        "TCP" => SipTransport::Tcp,
        _ => SipTransport::Tls,
    };
    SipPeer { transport, remote: client.sip, local: client.server, way: 0 }
}
