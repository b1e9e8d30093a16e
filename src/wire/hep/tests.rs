//! Packets of both versions, whole, broken and compressed.

use super::*;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::Write;

const SIP: &[u8] = b"OPTIONS sip:a@example.org SIP/2.0\r\n\r\n";

fn chunk(kind: u16, value: &[u8]) -> Vec<u8> {
    [&[0, 0][..], &kind.to_be_bytes(), &(value.len() as u16 + 6).to_be_bytes(), value].concat()
}

fn packet(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    [b"HEP3", &(body.len() as u16 + 6).to_be_bytes()[..], &body].concat()
}

/// What every agent sends, over IPv4.
fn chunks() -> Vec<Vec<u8>> {
    vec![
        chunk(1, &[2]),
        chunk(2, &[17]),
        chunk(3, &[192, 0, 2, 10]),
        chunk(4, &[192, 0, 2, 20]),
        chunk(7, &5060u16.to_be_bytes()),
        chunk(8, &5070u16.to_be_bytes()),
        chunk(9, &1_800_000_000u32.to_be_bytes()),
        chunk(10, &123_456u32.to_be_bytes()),
        chunk(11, &[1]),
        chunk(12, &2001u32.to_be_bytes()),
        chunk(15, SIP),
    ]
}

#[test]
fn version_3_says_all_there_is_to_know() {
    let mut all = chunks();
    all.insert(3, vec![0, 1, 0, 3, 0, 8, 9, 9]); // a vendor's
    all.insert(5, chunk(17, b"correlation"));
    all.push(chunk(14, b"sesame"));
    all.push(chunk(18, &7u16.to_be_bytes()));
    let bytes = packet(&all);
    let hep = parse(&bytes).unwrap();
    assert_eq!(
        (hep.src.to_string(), hep.dst.to_string()),
        ("192.0.2.10:5060".into(), "192.0.2.20:5070".into())
    );
    assert_eq!(hep.stamp, Some(Timestamp::from_ns(1_800_000_000_123_456_000)));
    assert_eq!((hep.content, hep.agent, hep.protocol), (HepContent::Sip, 2001, 17));
    assert_eq!((hep.key, hep.vlan), (Some(&b"sesame"[..]), Vlan::NONE.with(7)));
    assert_eq!(hep.payload, HepPayload::Plain(SIP));
    // What stands behind it in a datagram is not its own.
    assert_eq!(parse(&[&bytes[..], b"more"].concat()), Ok(hep));
}

#[test]
fn version_3_over_ipv6_and_in_any_order() {
    let mut all: Vec<_> = chunks().into_iter().filter(|c| !matches!(c[3], 3 | 4)).collect();
    let ip = |n: u8| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n];
    all.extend([chunk(6, &ip(2)), chunk(5, &ip(1))]);
    all.reverse();
    let bytes = packet(&all);
    let hep = parse(&bytes).unwrap();
    assert_eq!(
        (hep.src.to_string(), hep.dst.to_string()),
        ("[2001:db8::1]:5060".into(), "[2001:db8::2]:5070".into())
    );
}

#[test]
fn what_is_missing_or_contradicts_is_an_error() {
    let without = |kind: u8| packet(&chunks().into_iter().filter(|c| c[3] != kind).collect::<Vec<_>>());
    for kind in [3, 4, 7, 8] {
        assert_eq!(parse(&without(kind)), Err(HepError::Addresses), "{kind}");
    }
    assert_eq!(parse(&without(15)), Err(HepError::Empty));
    assert_eq!(parse(&without(9)).unwrap().stamp, None);
    assert_eq!(parse(&without(10)).unwrap().stamp, Some(Timestamp::from_parts(1_800_000_000, 0)));
    let with = |c: Vec<u8>| packet(&[chunks(), vec![c]].concat());
    assert_eq!(parse(&with(chunk(3, &[1, 2, 3]))), Err(HepError::Length));
    assert_eq!(parse(&with(chunk(5, &[0; 16]))), Err(HepError::Addresses), "of two families");
    assert_eq!(parse(&with(chunk(7, &[]))), Err(HepError::Length));
    for len in [0, 5, 7, 200] {
        assert_eq!(parse(&with(vec![0, 0, 0, 99, 0, len])), Err(HepError::Length), "a chunk of {len}");
    }
    let whole = packet(&chunks());
    for len in 0..whole.len() {
        assert!(matches!(parse(&whole[..len]), Err(HepError::Length | HepError::NotHep)), "{len}");
    }
}

#[test]
fn a_stream_is_cut_into_packets() {
    assert_eq!((frame_len(b""), frame_len(b"HE"), frame_len(b"HEP3\0")), (Ok(None), Ok(None), Ok(None)));
    assert_eq!(frame_len(b"HEP3\x01\x02rest"), Ok(Some(0x102)));
    assert_eq!(frame_len(b"HEP3\0\x05"), Err(HepError::Length));
    for other in [&b"G"[..], b"HEP2", b"\x02\x10", b"HEP3"[1..].as_ref()] {
        assert_eq!(frame_len(other), Err(HepError::NotHep));
    }
}

#[test]
fn versions_1_and_2() {
    let mut v2 = vec![2, 28, 2, 17, 0x13, 0xc4, 0x13, 0xce, 192, 0, 2, 10, 192, 0, 2, 20];
    v2.extend(1_800_000_000u32.to_le_bytes());
    v2.extend(123_456u32.to_le_bytes());
    v2.extend([0xd1, 7, 0, 0]);
    v2.extend(SIP);
    let hep = parse(&v2).unwrap();
    assert_eq!(
        (hep.src.to_string(), hep.dst.to_string()),
        ("192.0.2.10:5060".into(), "192.0.2.20:5070".into())
    );
    assert_eq!(hep.stamp, Some(Timestamp::from_ns(1_800_000_000_123_456_000)));
    assert_eq!((hep.agent, hep.payload), (2001, HepPayload::Plain(SIP)));
    // As Kamailio counts.
    v2[1] = 16;
    assert_eq!(parse(&v2).unwrap().payload, HepPayload::Plain(SIP));
    // Without padding.
    v2.drain(26..28);
    v2[1] = 26;
    assert_eq!(parse(&v2).unwrap().payload, HepPayload::Plain(SIP));
    for len in 0..26 {
        assert!(parse(&v2[..len]).is_err(), "{len}");
    }
    assert_eq!(parse(&v2[..26]), Err(HepError::Empty));
    v2[1] = 40;
    assert_eq!(parse(&v2), Err(HepError::NotHep), "a header of another length");

    let mut v1 = vec![1, 40, 10, 17, 0x13, 0xc4, 0x13, 0xce];
    v1.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    v1.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    v1.extend(SIP);
    let hep = parse(&v1).unwrap();
    assert_eq!((hep.src.to_string(), hep.stamp), ("[2001:db8::1]:5060".into(), None));
    v1[2] = 3;
    assert_eq!(parse(&v1), Err(HepError::NotHep), "a family nobody knows");
}

#[test]
fn what_is_compressed_is_read_within_a_bound() {
    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut z = ZlibEncoder::new(Vec::new(), Compression::best());
        z.write_all(data).unwrap();
        z.finish().unwrap()
    }
    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut z = GzEncoder::new(Vec::new(), Compression::fast());
        z.write_all(data).unwrap();
        z.finish().unwrap()
    }
    fn deflate(data: &[u8]) -> Vec<u8> {
        let mut z = DeflateEncoder::new(Vec::new(), Compression::default());
        z.write_all(data).unwrap();
        z.finish().unwrap()
    }
    let mut out = vec![1, 2, 3];
    for packed in [zlib(SIP), gzip(SIP), deflate(SIP)] {
        assert_eq!(inflate(&packed, &mut out), Ok(()));
        assert_eq!(out, SIP);
        assert!(inflate(&packed[..packed.len() / 2], &mut out).is_err());
    }
    assert_eq!(inflate(&zlib(&[b'a'; 65_535]), &mut out), Ok(()));
    for (packed, what) in
        [(zlib(&[b'a'; 65_536]), "long"), (gzip(&[0; 10 << 20]), "a bomb"), (SIP.into(), "plain")]
    {
        assert_eq!(inflate(&packed, &mut out), Err(HepError::Compressed), "{what}");
        assert!(out.len() <= MAX_INFLATED + 1, "{what}");
    }
}
