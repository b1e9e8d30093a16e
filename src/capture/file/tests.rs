//! Files built byte by byte, in every shape and with every defect.

use super::*;

/// Writes numbers in one byte order.
struct Writer {
    big_endian: bool,
    out: Vec<u8>,
}

impl Writer {
    fn new(big_endian: bool) -> Writer {
        Writer { big_endian, out: Vec::new() }
    }
    fn u16(&mut self, n: u16) -> &mut Self {
        self.out.extend(if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
        self
    }
    fn u32(&mut self, n: u32) -> &mut Self {
        self.out.extend(if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
        self
    }
    fn pcap(&mut self, nanos: bool, dlt: u32) -> &mut Self {
        self.u32(if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 });
        self.u16(2).u16(4).u32(0).u32(0).u32(65_535).u32(dlt)
    }
    fn record(&mut self, secs: u32, sub: u32, data: &[u8], wire_len: u32) -> &mut Self {
        self.u32(secs).u32(sub).u32(data.len() as u32).u32(wire_len);
        self.out.extend(data);
        self
    }
    fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let len = (12 + body.len().next_multiple_of(4)) as u32;
        self.u32(kind).u32(len);
        self.out.extend(body);
        self.out.resize(self.out.len().next_multiple_of(4), 0);
        self.u32(len)
    }
    fn body(&self, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut body = Writer::new(self.big_endian);
        write(&mut body);
        body.out
    }
    fn section(&mut self) -> &mut Self {
        let body = self.body(|w| {
            w.u32(BOM).u16(1).u16(0).u32(u32::MAX).u32(u32::MAX);
        });
        self.block(pcap_parser::SHB_MAGIC, &body)
    }
    /// An interface with these options, values padded by the caller.
    fn interface(&mut self, dlt: u16, snaplen: u32, options: &[(u16, u16, &[u8])]) -> &mut Self {
        let body = self.body(|w| {
            w.u16(dlt).u16(0).u32(snaplen);
            for (code, len, value) in options {
                w.u16(*code).u16(*len);
                w.out.extend(*value);
            }
            if !options.is_empty() {
                w.u32(0);
            }
        });
        self.block(1, &body)
    }
    fn packet(&mut self, interface: u32, stamp: u64, data: &[u8]) -> &mut Self {
        let body = self.body(|w| {
            w.u32(interface).u32((stamp >> 32) as u32).u32(stamp as u32);
            w.u32(data.len() as u32).u32(data.len() as u32 + 1);
            w.out.extend(data);
        });
        self.block(6, &body)
    }
}

const BOM: u32 = 0x1a2b_3c4d;

fn source(bytes: &[u8]) -> Result<FileSource, FileError> {
    FileSource::from_reader("x.pcap", Box::new(io::Cursor::new(bytes.to_vec())), Some(bytes.len() as u64))
}

/// Nanoseconds, link type, bytes.
type Got = (i64, LinkType, Vec<u8>);

/// Every frame, and the error at the end.
fn read(bytes: &[u8]) -> (Vec<Got>, Option<FileError>) {
    let mut source = match source(bytes) {
        Ok(source) => source,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut frames = Vec::new();
    loop {
        match source.next() {
            Ok(Some(f)) => frames.push((f.ts.as_ns(), f.link, f.data.to_vec())),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

#[test]
fn pcap_in_both_orders_and_resolutions() {
    for big_endian in [false, true] {
        for (nanos, ns) in [(false, 5_000), (true, 5)] {
            let mut w = Writer::new(big_endian);
            w.pcap(nanos, 1).record(1_700_000_000, 5, b"abc", 9).record(4_000_000_000, 0, b"", 0);
            let (frames, error) = read(&w.out);
            assert!(error.is_none());
            assert_eq!(frames[0], (1_700_000_000_000_000_000 + ns, LinkType::Ethernet, b"abc".to_vec()));
            assert_eq!(frames[1].0, 4_000_000_000_000_000_000);
        }
    }
    // A frame check sequence is announced in the upper half of the link type.
    let (frames, _) = read(&Writer::new(false).pcap(false, 0x1400_0071).record(1, 2, b"a", 1).out);
    assert_eq!(frames[0].1, LinkType::LinuxSll);
}

#[test]
fn the_modified_format_of_old_red_hats() {
    let mut w = Writer::new(false);
    w.u32(0xa1b2_cd34).u16(2).u16(4).u32(0).u32(0).u32(65_535).u32(1);
    w.u32(7).u32(8).u32(3).u32(3).u32(0).u16(0).u16(0);
    w.out.extend(b"abc");
    assert_eq!(read(&w.out).0, [(7_000_008_000, LinkType::Ethernet, b"abc".to_vec())]);
}

#[test]
fn pcapng_interfaces_have_their_own_links_and_clocks() {
    for big_endian in [false, true] {
        let offset = if big_endian { 3_600i64.to_be_bytes() } else { 3_600i64.to_le_bytes() };
        let mut w = Writer::new(big_endian);
        w.section()
            .interface(1, 0, &[])
            .interface(113, 0, &[(9, 1, &[9, 0, 0, 0])])
            .interface(101, 0, &[(9, 1, &[0x80 | 10, 0, 0, 0]), (14, 8, &offset)])
            .packet(0, 1_000_001, b"micro")
            .packet(1, 1_000_000_001, b"nano")
            .packet(2, 1536, b"binary")
            .packet(9, 0, b"nobody's");
        let mut source = source(&w.out).expect("a capture");
        let mut got = Vec::new();
        while let Some(f) = source.next().expect("readable") {
            got.push((f.ts.as_ns(), f.link, f.data.to_vec(), f.wire_len));
        }
        assert_eq!(got[0], (1_000_001_000, LinkType::Ethernet, b"micro".to_vec(), 6));
        assert_eq!(got[1], (1_000_000_001, LinkType::LinuxSll, b"nano".to_vec(), 5));
        assert_eq!(got[2], (3_601_500_000_000, LinkType::RawIp, b"binary".to_vec(), 7));
        assert_eq!((got.len(), source.frames(), source.skipped_blocks()), (3, 3, 1));
        assert_eq!(source.bytes_read(), source.total_bytes().expect("known"));
    }
}

#[test]
fn sections_change_the_byte_order_and_forget_interfaces() {
    let mut w = Writer::new(false);
    w.section().interface(1, 0, &[]).packet(0, 1, b"little");
    w.big_endian = true;
    w.section().interface(276, 0, &[]).packet(0, 2, b"big").packet(1, 2, b"nobody's");
    let (frames, error) = read(&w.out);
    assert!(error.is_none());
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1], (2_000, LinkType::LinuxSll2, b"big".to_vec()));
}

#[test]
fn simple_obsolete_and_unknown_blocks() {
    let mut w = Writer::new(false);
    w.section().interface(1, 6, &[]).packet(0, 7, b"stamp");
    let simple = w.body(|w| {
        w.u32(100);
        w.out.extend(b"simple");
    });
    w.block(3, &simple);
    let obsolete = w.body(|w| {
        w.u16(0).u16(99).u32(0).u32(8).u32(3).u32(3);
        w.out.extend(b"old");
    });
    w.block(2, &obsolete).block(0x0bad, &[1, 2, 3, 4]).block(0xdead, b"whatever").block(5, &[]);
    // A packet that claims more than its block.
    let liar = w.body(|w| {
        w.u32(0).u32(0).u32(9).u32(1_000).u32(1_000);
        w.out.extend(b"liar");
    });
    w.block(6, &liar).packet(0, 10, b"end");
    let (frames, error) = read(&w.out);
    assert!(error.is_none());
    let got: Vec<_> = frames.iter().map(|(ns, _, data)| (*ns, &data[..])).collect();
    // A simple packet has no stamp: the one before it stands in.
    assert_eq!(got, [(7_000, &b"stamp"[..]), (7_000, b"simple"), (8_000, b"old"), (10_000, b"end")]);
}

#[test]
fn cut_anywhere_gives_the_whole_frames_and_a_warning() {
    let mut pcap = Writer::new(false);
    pcap.pcap(false, 1).record(1, 0, b"abc", 3).record(2, 0, b"defgh", 5);
    let mut ng = Writer::new(true);
    ng.section().interface(1, 0, &[]).packet(0, 1, b"abc").packet(0, 2, b"defgh");
    for (whole, header) in [(pcap.out, 24), (ng.out, 28)] {
        let full = read(&whole).0.len();
        assert_eq!(full, 2);
        for len in 4..whole.len() {
            let (frames, error) = read(&whole[..len]);
            assert!(frames.len() < full);
            if let Some(error) = error {
                assert!(matches!(error, FileError::CutShort { .. }), "{len}: {error}");
                assert!(error.is_warning());
                assert!(error.to_string().contains(&format!("frame {}", frames.len() + 1)));
            } else {
                assert!(len >= header, "{len}: only between records is it not noticed");
            }
        }
    }
}

#[test]
fn nonsense_lengths_end_the_reading_without_taking_memory() {
    let mut w = Writer::new(false);
    w.pcap(false, 1).record(1, 0, b"abc", 3).u32(2).u32(0).u32(0x7fff_ffff).u32(9);
    let (frames, error) = read(&w.out);
    assert!(matches!(error, Some(FileError::Damaged { frame: 2, offset: 43, .. })), "{error:?}");
    assert_eq!(frames.len(), 1);
    for len in [0u32, 8, 11, 0x7fff_fff0] {
        let mut w = Writer::new(false);
        w.section().interface(1, 0, &[]).packet(0, 1, b"abc").u32(6).u32(len).u32(0);
        let (frames, error) = read(&w.out);
        assert!(matches!(error, Some(FileError::Damaged { .. })), "{error:?}");
        assert_eq!(frames.len(), 1);
    }
    // Believable, but the file is not that long.
    let mut w = Writer::new(false);
    w.pcap(false, 1).u32(2).u32(0).u32(60 << 20).u32(9);
    let mut source = source(&w.out).expect("a capture");
    assert!(matches!(source.next(), Err(FileError::CutShort { .. })));
    assert!(matches!(source.next(), Ok(None)));
}

#[test]
fn large_records_make_the_buffer_grow() {
    let big = vec![7u8; 3 << 20];
    let mut w = Writer::new(false);
    w.pcap(false, 1);
    for n in 0..2_000u32 {
        w.record(n, 0, &n.to_le_bytes().repeat(50), 200);
    }
    w.record(1, 0, &big, big.len() as u32).record(5, 0, b"after", 5);
    let (frames, error) = read(&w.out);
    assert!(error.is_none());
    assert_eq!(frames.len(), 2_002);
    assert!((0..2_000).all(|n| frames[n].2 == (n as u32).to_le_bytes().repeat(50)));
    assert_eq!((&frames[2_000].2, &frames[2_001].2[..]), (&big, &b"after"[..]));
}

#[test]
fn what_is_no_capture_says_what_it_is_and_what_to_do() {
    let says = |bytes: &[u8]| read(bytes).1.expect("an error").to_string();
    assert!(says(b"").contains("is empty"));
    assert!(says(&[0x1f, 0x8b, 8, 0]).contains("gunzip -c x.pcap | nauhuri replay -"));
    assert!(says(&[0x28, 0xb5, 0x2f, 0xfd, 0]).contains("zstd"));
    assert!(says(b"hello, world").contains("neither pcap nor pcapng (it begins with 68 65 6c 6c)"));
    assert!(says(b"h").contains("neither"));
    assert!(says(&0xa1b2_c3d4u32.to_le_bytes()).contains("cut short"));
}

#[test]
fn paths_that_can_not_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let says = |path: &Path| FileSource::open(path).err().expect("an error").to_string();
    assert!(says(folder.path()).contains("is a folder"));
    assert!(says(&folder.path().join("none.pcap")).contains("no such file"));
    let path = folder.path().join("a.pcap");
    std::fs::write(&path, &Writer::new(false).pcap(true, 1).record(1, 2, b"abc", 3).out).expect("written");
    let mut source = FileSource::open(&path).expect("a capture");
    assert_eq!(source.total_bytes(), Some(43));
    assert!(source.next().expect("readable").is_some());
    assert_eq!((source.frames(), source.bytes_read()), (1, 43));
    assert!(source.name().ends_with("a.pcap"));
}

/// Gives a byte or two at a time, and is interrupted.
struct Trickle(Vec<u8>, usize);

impl Read for Trickle {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        match self.1 % 3 {
            0 => Err(io::ErrorKind::Interrupted.into()),
            n => {
                let n = n.min(self.0.len());
                buf[..n].copy_from_slice(&self.0[..n]);
                self.0.drain(..n);
                Ok(n)
            }
        }
    }
}

#[test]
fn a_pipe_may_give_a_byte_at_a_time() {
    let mut w = Writer::new(false);
    w.section().interface(1, 0, &[]).packet(0, 1, b"abc").packet(0, 2, b"defgh");
    let mut source = FileSource::from_reader("pipe", Box::new(Trickle(w.out, 0)), None).expect("a capture");
    assert_eq!(source.next().expect("readable").map(|f| f.data.len()), Some(3));
    assert_eq!(source.next().expect("readable").map(|f| f.data.len()), Some(5));
    assert!(source.next().expect("readable").is_none());
}
