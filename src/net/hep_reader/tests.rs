//! What of HEP goes to the engine, and who is let in.

use super::*;
use crate::net::OwnedDatagram;

fn chunk(kind: u16, value: &[u8]) -> Vec<u8> {
    [&[0, 0][..], &kind.to_be_bytes(), &(value.len() as u16 + 6).to_be_bytes(), value].concat()
}

fn packet(content: u8, payload: &[u8], key: Option<&[u8]>) -> Vec<u8> {
    let mut body =
        [chunk(3, &[192, 0, 2, 10]), chunk(4, &[192, 0, 2, 20]), chunk(7, &[0, 1]), chunk(8, &[0, 2])]
            .concat();
    body.extend(chunk(9, &1_800_000_000u32.to_be_bytes()));
    body.extend(chunk(11, &[content]));
    body.extend(key.map(|key| chunk(14, key)).unwrap_or_default());
    body.extend(chunk(15, payload));
    [b"HEP3", &(body.len() as u16 + 6).to_be_bytes()[..], &body].concat()
}

fn read(packet: &[u8], password: Option<&[u8]>) -> (Result<HepSeen, HepRefusal>, Vec<OwnedDatagram>) {
    let from = (IpAddr::from([198, 51, 100, 1]), Timestamp::from_parts(1_800_000_000, 1_000_000));
    let mut out = Vec::new();
    let seen = HepReader::default().read(packet, from, password, &mut |d| out.push(OwnedDatagram::of(&d)));
    (seen, out)
}

#[test]
fn what_is_followed_goes_to_the_engine_and_the_rest_does_not() {
    let rtp = [0x80, 8, 0, 1];
    for (content, payload, seen, transport) in [
        (1, &b"BYE sip:a SIP/2.0\r\n"[..], HepSeen::Sip, Some(Transport::Hep)),
        (4, &rtp, HepSeen::Rtp, Some(Transport::Udp)),
        (5, &[0x80, 200, 0, 6], HepSeen::Rtcp, Some(Transport::Udp)),
        (5, b"{\"sender_information\":{}}", HepSeen::Other, None),
        (34, b"{\"mos\":4.1}", HepSeen::Other, None),
        (100, b"a line of a log", HepSeen::Other, None),
        (1, b"", HepSeen::Empty, None),
    ] {
        let (got, out) = read(&packet(content, payload, None), None);
        assert_eq!(got, Ok(seen), "{content}");
        assert_eq!(out.first().map(|d| d.transport), transport, "{content}");
        for d in out {
            assert_eq!((&d.payload[..], d.flow.src.port(), d.flow.dst.port()), (payload, 1, 2));
            assert_eq!(d.ts, Timestamp::from_parts(1_800_000_000, 0), "by the agent's clock");
        }
    }
}

#[test]
fn who_does_not_know_the_password_is_not_let_in() {
    let sip = b"BYE sip:a SIP/2.0\r\n";
    for (key, is_let_in) in [
        (Some(&b"sesame"[..]), true),
        (Some(b"sesamE"), false),
        (Some(b"sesame2"), false),
        (Some(b""), false),
        (None, false),
    ] {
        let (got, out) = read(&packet(1, sip, key), Some(b"sesame"));
        assert_eq!(got, if is_let_in { Ok(HepSeen::Sip) } else { Err(HepRefusal::Password) }, "{key:?}");
        assert_eq!(out.len(), usize::from(is_let_in));
        assert_eq!(read(&packet(1, sip, key), None).1.len(), 1, "none is asked for");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    assert_eq!(read(b"REGISTER sip:x SIP/2.0", None).0, Err(HepRefusal::Unreadable(HepError::NotHep)));
    let mut broken = packet(1, b"BYE", None);
    broken[20] = 0xff;
    assert_eq!(read(&broken, None).0, Err(HepRefusal::Unreadable(HepError::Length)));
}
