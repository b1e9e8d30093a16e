//! The fuzz targets of `fuzz/`, fed from seeds: fields of the right form with
//! wrong values, and plain noise.

#[path = "../../fuzz/harness.rs"]
mod harness;

use crate::common::capture::ip_datagram;
use crate::common::hep::{CaptureAgent, Packing};
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::rng::Rng;
use crate::common::voice::Voice;

/// Some edits of bytes.
fn edit(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.below(12) {
        if bytes.is_empty() {
            return;
        }
        let k = rng.below(bytes.len() as u64) as usize;
        match rng.below(5) {
            0 => bytes[k] = rng.next() as u8,
            1 => drop(bytes.remove(k)),
            2 => bytes.insert(k, *rng.pick(b"\0\r\n;<>@\"=:, 0\xFF")),
            3 => bytes[k] ^= 1 << rng.below(8),
            _ => {
                let n = rng.below(40).min((bytes.len() - k) as u64) as usize;
                let piece = bytes[k..k + n].to_vec();
                bytes.splice(k..k, piece);
            }
        }
    }
}

#[test]
fn frames() {
    let d = Dialog::new(1);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    s.media(&Voice::of(&d, Caller, 1).talk(1001.0, 1400.0));
    d.bye(&mut s, 2000.0, Callee);
    let frames = s.ordered();
    for seed in 0..120 {
        let mut rng = Rng::new(seed);
        let mut data = Vec::new();
        for (_, f) in &frames {
            let mut f = f.clone();
            if rng.chance(0.3) {
                edit(&mut rng, &mut f);
            }
            data.push(if rng.chance(0.9) { 0x28 } else { rng.next() as u8 });
            data.extend((f.len() as u16).to_be_bytes());
            data.extend(f);
        }
        harness::frames(&data);
        harness::frames(&rng.bytes(2000));
    }
}

#[test]
fn sip() {
    let d = Dialog {
        headers: "Privacy: id\r\nRefer-To: <sip:1@h?Replaces=a%3Bto-tag%3Db>\r\n".into(),
        ..Dialog::new(1)
    };
    let texts = [
        d.request_text("INVITE", Caller, 1, false, &d.headers, Some(&d.sdp(Caller))),
        d.response_text(
            200,
            "INVITE",
            Caller,
            1,
            "History-Info: <sip:1@h>;index=1\r\n",
            Some(&d.sdp(Callee)),
        ),
    ];
    for seed in 0..1500 {
        let mut rng = Rng::new(seed);
        let mut bytes = rng.pick(&texts).clone().into_bytes();
        edit(&mut rng, &mut bytes);
        harness::sip(&bytes);
        harness::sip(&rng.bytes(200));
    }
}

#[test]
fn sdp() {
    let d = Dialog { formats: ["8 0 9 101 111".into(), "8".into()], ..Dialog::new(1) };
    for seed in 0..1500 {
        let mut rng = Rng::new(seed);
        let mut bytes = [d.sdp(Caller), d.sdp(Callee), d.sdp(Callee), d.sdp(Caller)].join("\0").into_bytes();
        edit(&mut rng, &mut bytes);
        harness::sdp(&bytes);
    }
}

#[test]
fn rtp() {
    for seed in 0..120 {
        let mut rng = Rng::new(seed);
        let (mut data, mut seq, mut ts) = (Vec::new(), rng.next() as u16, rng.next() as u32);
        for _ in 0..rng.below(300) {
            let n = rng.below(240) as usize;
            let mut p = vec![0x80, *rng.pick(&[0, 8, 9, 13, 18, 97, 98, 101, 111, 111, 77])];
            if rng.chance(0.03) {
                (seq, ts) = (rng.next() as u16, rng.next() as u32);
            }
            seq = seq.wrapping_add(1 + rng.below(2) as u16);
            ts = ts.wrapping_add(160);
            p.extend(seq.to_be_bytes());
            p.extend(ts.to_be_bytes());
            p.extend([0, 0, 0, rng.below(3) as u8]);
            p.extend(rng.bytes(n));
            if rng.chance(0.05) {
                edit(&mut rng, &mut p);
            }
            p.truncate(255);
            data.extend([rng.next() as u8, p.len() as u8]);
            data.extend(p);
        }
        harness::rtp(&data);
        harness::rtp(&rng.bytes(1000));
    }
}

#[test]
fn srtp() {
    let vectors = include_str!("../data/srtp.txt");
    let sealed: Vec<Vec<u8>> =
        vectors.lines().filter_map(|l| hex::decode(l.rsplit(' ').next()?).ok()).collect();
    for seed in 0..1500 {
        let mut rng = Rng::new(seed);
        let mut bytes = vec![seed as u8 % 3];
        bytes.extend(rng.pick(&sealed));
        edit(&mut rng, &mut bytes);
        harness::srtp(&bytes);
        harness::srtp(&rng.bytes(60));
    }
}

#[test]
fn engine() {
    let mut heard = 0;
    for seed in 0..100 {
        let mut rng = Rng::new(seed);
        let mut data = rng.bytes(4);
        // Signalling in its order, calls interleaved as it comes, packets between all of it.
        let mut next = [0u8; 4];
        for _ in 0..rng.below(300) {
            let n = rng.below(4) as usize;
            let what = if rng.chance(0.2) && next[n] < 5 {
                next[n] += 1;
                next[n] - 1
            } else {
                5 + rng.below(7) as u8
            };
            data.extend([what, n as u8 | (rng.below(2) as u8) << 4, rng.below(12) as u8]);
        }
        heard += harness::engine(&data);
        harness::engine(&rng.bytes(600));
    }
    assert!(heard > 100, "{heard} sources heard: it plays nothing");
}

#[test]
fn payloads() {
    for seed in 0..20_000 {
        let mut rng = Rng::new(seed);
        let mut data = vec![seed as u8];
        let n = rng.below(120) as usize;
        data.extend(match rng.below(3) {
            0 => rng.bytes(n),
            // Many frames, then few bits left.
            1 => vec![rng.next() as u8; n],
            _ => (0..n).map(|_| if rng.chance(0.8) { 0 } else { rng.next() as u8 }).collect(),
        });
        harness::payloads(&data);
    }
}

/// A recording client's session, as it comes over the wire.
const RECORDING_SESSION: &str = "INVITE sip:r@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1;rport\r\n\
    From: <sip:s@127.0.0.1>;tag=f\r\nTo: <sip:r@127.0.0.1>\r\nCall-ID: rs\r\nCSeq: 1 INVITE\r\n\
    Contact: <sip:s@127.0.0.1>;+sip.src\r\nRequire: siprec\r\nSupported: timer\r\nSession-Expires: 90\r\n\
    Content-Type: multipart/mixed;boundary=b\r\n\r\n\
    --b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=s 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 8\r\na=label:1\r\na=sendonly\r\nm=audio 4002 RTP/AVP 8\r\na=label:2\r\na=sendonly\r\n\r\n\
    --b\r\nContent-Type: application/rs-metadata+xml\r\n\r\n<recording xmlns='urn:ietf:params:xml:ns:recording:1'>\
    <datamode>complete</datamode><session session_id='s'/><participant participant_id='a'><nameID aor='sip:+358401234567@x'/>\
    </participant><participant participant_id='b'><nameID aor='sip:2001@x'/></participant><stream stream_id='m' session_id='s'>\
    <label>1</label></stream><stream stream_id='n' session_id='s'><label>2</label></stream><participantstreamassoc \
    participant_id='a'><send>m</send></participantstreamassoc><participantstreamassoc participant_id='b'><send>n</send>\
    </participantstreamassoc></recording>\r\n--b--\r\n";

#[test]
fn siprec() {
    let bye = "BYE sip:r@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nFrom: <sip:s@h>;tag=f\r\nTo: <sip:r@h>;tag=t\r\n\
               Call-ID: rs\r\nCSeq: 3 BYE\r\n\r\n";
    let again = RECORDING_SESSION.replace("<sip:r@127.0.0.1>\r\nCall", "<sip:r@127.0.0.1>;tag=t\r\nCall");
    let seeds = [RECORDING_SESSION, &again, bye, "OPTIONS sip:r@h SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n\r\n"];
    let (mut rng, mut accepted) = (Rng::new(7866), 0);
    for _ in 0..250 {
        let mut data = Vec::new();
        for _ in 0..1 + rng.below(6) {
            let mut piece = rng.pick(&seeds).as_bytes().to_vec();
            edit(&mut rng, &mut piece);
            data.extend(piece);
            data.extend([0, 0]);
        }
        accepted += harness::siprec(&data);
    }
    assert!(accepted > 50, "{accepted} sessions: nothing is tried");
    for _ in 0..100 {
        let n = rng.below(400) as usize;
        harness::siprec(&rng.bytes(n));
    }
}

#[test]
fn packets_of_capture_agents() {
    let agents = [
        CaptureAgent { key: Some("sesame"), ..CaptureAgent::default() },
        CaptureAgent { version: 2, ..CaptureAgent::default() },
        CaptureAgent { packing: Packing::Zlib, ..CaptureAgent::default() },
        CaptureAgent { packing: Packing::Gzip, ..CaptureAgent::default() },
    ];
    let d = Dialog::new(1);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    s.media(&Voice::of(&d, Caller, 1).talk(1001.0, 1100.0));
    let seen: Vec<_> = s.ordered().iter().filter_map(|(_, f)| ip_datagram(1, f)).collect();
    for seed in 0..4000 {
        let mut rng = Rng::new(seed);
        let mut packet = rng.pick(&agents).packet(rng.pick(&seen));
        edit(&mut rng, &mut packet);
        harness::hep(&packet);
        harness::hep(&[b"HEP3", &rng.bytes(200)[..]].concat());
    }
}

#[test]
fn streams_of_websockets_and_packets_of_sctp() {
    let text = b"BYE sip:a SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n";
    let frames = [
        b"GET / HTTP/1.1\r\nSec-WebSocket-Protocol: sip\r\n\r\n".to_vec(),
        [&[0x81, text.len() as u8][..], text].concat(),
        [&[0x01, 10][..], &text[..10], &[0x89, 0, 0x80, text.len() as u8 - 10], &text[10..]].concat(),
        text.to_vec(),
    ];
    let chunk = |flags: u8, data: &[u8]| {
        let head = [&[0x13, 0xc4, 0x13, 0xc4, 0, 0, 0, 7, 0, 0, 0, 0, 0, flags][..]].concat();
        [&head[..], &(data.len() as u16 + 16).to_be_bytes(), &[0; 3], &[flags], &[0; 8], data].concat()
    };
    let packets = [chunk(3, text), chunk(2, &text[..20]), chunk(0, &text[20..30]), chunk(1, &text[30..])];
    for seed in 0..3000 {
        let mut rng = Rng::new(seed);
        let (mut stream, mut sctp) = (Vec::new(), Vec::new());
        for _ in 0..rng.below(12) {
            for (out, pieces) in [(&mut stream, &frames[..]), (&mut sctp, &packets[..])] {
                let mut piece = rng.pick(pieces).clone();
                if rng.chance(0.4) {
                    edit(&mut rng, &mut piece);
                }
                if rng.chance(0.1) {
                    out.extend([0xff; 2]);
                }
                out.extend((piece.len() as u16).to_be_bytes());
                out.extend(piece);
            }
        }
        harness::streams(&stream);
        harness::sctp(&sctp);
        harness::streams(&rng.bytes(500));
        harness::sctp(&rng.bytes(500));
    }
}

#[test]
fn tls_of_whatever_bytes() {
    let hello = |kind: u8, version: u8, suite: u16| {
        let more: &[u8] = if version == 4 { &[0, 6, 0, 43, 0, 2, 3, 4] } else { &[0, 4, 0, 23, 0, 0] };
        let fixed = [&[3, 3][..], &[0; 32], &[0]].concat();
        let body = match kind {
            1 => [&fixed[..], &[0, 2, 0, 47, 1, 0], more].concat(),
            _ => [&fixed[..], &suite.to_be_bytes(), &[0], more].concat(),
        };
        let message = [&[kind, 0, 0, body.len() as u8][..], &body].concat();
        [&[22, 3, 3, 0, message.len() as u8][..], &message].concat()
    };
    let mut pieces =
        vec![hello(1, 3, 0), hello(1, 4, 0), vec![20, 3, 3, 0, 1, 1], vec![22, 3, 3, 0, 4, 14, 0, 0, 0]];
    for (version, suite) in [(4, 0x1301), (4, 0x1303), (3, 0xC02F), (3, 0x003C), (3, 0xC014), (3, 0xCCA8)] {
        pieces.push(hello(2, version, suite));
    }
    // The same over datagrams: a record with its number, a message that says that it is whole.
    for (kind, suite) in [(1, 0), (2, 0xC02F)] {
        let stream = hello(kind, 3, suite);
        let (head, body) = (&stream[5..9], &stream[9..]);
        let srtp: &[u8] = &[0, 9, 0, 14, 0, 5, 0, 2, 0, 1, 0];
        let body = [&[0xFE, 0xFD][..], &body[2..body.len() - 6], srtp].concat();
        let len = [0, 0, body.len() as u8];
        let message = [&head[..1], &len, &[0; 5], &len, &body].concat();
        pieces.push([&[22, 0xFE, 0xFD][..], &[0; 8], &[0, message.len() as u8], &message].concat());
    }
    pieces.push([&[23, 3, 3, 0, 80][..], &[7; 80]].concat());
    pieces.push([&[22, 3, 3, 0, 64][..], &[9; 64]].concat());
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let mut all = Vec::new();
        for _ in 0..rng.below(16) {
            let mut piece = rng.pick(&pieces).clone();
            if rng.chance(0.3) {
                edit(&mut rng, &mut piece);
            }
            let flags = if rng.chance(0.2) { 8 } else { 2 };
            all.push(rng.below(flags) as u8);
            all.extend((piece.len() as u16).to_be_bytes());
            all.extend(piece);
        }
        harness::tls(&all);
        harness::tls(&rng.bytes(500));
    }
}
