//! The door for datagrams, and what stamps do at both doors.

use super::*;
use crate::call::Decision;
use crate::net::Flow;
use crate::net::Transport;
use crate::time::NS_PER_MS;

#[derive(Default)]
struct Told {
    opened: Vec<Timestamp>,
    closed: Vec<Timestamp>,
    media: Vec<Timestamp>,
}

impl Sink for Told {
    fn decision(&mut self, decision: Decision) {
        match decision {
            Decision::Open(o) => self.opened.push(o.answered_at),
            Decision::Close { at, .. } => self.closed.push(at),
            _ => {}
        }
    }
    fn media(&mut self, packet: MediaPacket<'_>) {
        self.media.push(packet.packet.at);
    }
    fn tick(&mut self, _: Timestamp) {}
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_parts(1_795_421_723, 0).offset_ns(ms * NS_PER_MS)
}

/// A message of the call: start line, CSeq, To tag.
fn message(start: &str, cseq: &str, tagged: bool) -> Vec<u8> {
    let tag = if tagged { ";tag=b" } else { "" };
    let sdp = "v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\n";
    format!(
        "{start}\r\nFrom: <sip:1@x>;tag=a\r\nTo: <sip:2@x>{tag}\r\nCall-ID: c\r\nCSeq: {cseq}\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
    .into_bytes()
}

struct Bench {
    engine: Engine,
    told: Told,
}

impl Bench {
    fn new() -> Bench {
        Bench { engine: Engine::new(&Config::default()), told: Told::default() }
    }

    fn hear(&mut self, ms: i64, transport: Transport, port: u16, payload: &[u8]) {
        // Requests and media come from one side, responses from the other.
        let [src, dst] = if payload.starts_with(b"SIP/2.0") { [1, 9] } else { [9, 1] };
        let flow = Flow {
            src: format!("10.0.0.{src}:{port}").parse().expect("an address"),
            dst: format!("10.0.0.{dst}:{port}").parse().expect("an address"),
            vlan: crate::wire::link::Vlan::NONE,
        };
        let d = Datagram { ts: at(ms), flow, transport, payload, truncated: false, sliced: false };
        self.engine.handle_datagram(&d, &mut self.told);
    }

    /// Answered at one second.
    fn answered(transport: Transport) -> Bench {
        let mut b = Bench::new();
        b.hear(0, transport, 5060, &message("INVITE sip:2@x SIP/2.0", "1 INVITE", false));
        b.hear(1000, transport, 5060, &message("SIP/2.0 200 OK", "1 INVITE", true));
        b.hear(1020, Transport::Udp, 4000, &[0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xd5]);
        b
    }

    fn bye(&mut self, ms: i64) {
        self.hear(ms, Transport::Tcp, 5060, &message("BYE sip:2@x SIP/2.0", "2 BYE", true));
    }
}

#[test]
fn a_call_comes_in_by_datagrams_alone() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut b = Bench::answered(transport);
        b.bye(3000);
        b.engine.finish(Ending::CaptureEnd, &mut b.told);
        assert_eq!(
            (b.told.opened, b.told.media, b.told.closed),
            (vec![at(1000)], vec![at(1020)], vec![at(3000)])
        );
    }
}

#[test]
fn a_far_stamp_waits_for_the_next_for_the_machine_or_for_the_end() {
    // Until then nothing is known of it.
    let mut b = Bench::answered(Transport::Tcp);
    b.bye(400_000);
    assert!(b.told.closed.is_empty());
    b.engine.finish(Ending::CaptureEnd, &mut b.told);
    assert_eq!(b.told.closed, [at(1020)], "silence had ended it before");

    let mut b = Bench::answered(Transport::Tcp);
    b.hear(90_000, Transport::Udp, 9, b"x");
    assert_eq!((b.engine.now(), b.engine.stats().time_jumps), (at(1020), 0));
    b.engine.handle_timeout(at(90_010), &mut b.told);
    assert_eq!((b.engine.now(), b.engine.stats().time_jumps), (at(90_010), 1));

    let mut b = Bench::answered(Transport::Tcp);
    b.bye(400_000_000);
    b.hear(1040, Transport::Udp, 9, b"x");
    b.engine.handle_timeout(at(5000), &mut b.told);
    assert_eq!((b.told.closed, b.engine.stats().time_outliers), (vec![at(1040)], 1));
}
