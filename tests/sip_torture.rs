//! The SIP reader against messages made to break SIP readers: RFC 4475, RFC
//! 5118 and the sofia-sip collection from the corpus, bytes edited at random,
//! and messages shaped to make a careless reader slow.

use nauhuri::sdp;
use nauhuri::sip::{Framer, Message, StartLine};
use std::fmt::Write as _;
use std::path::PathBuf;

const GOLDEN: &str = include_str!("sip_torture.golden");

fn torture_dir() -> PathBuf {
    let corpus = std::env::var_os("NAUHURI_CORPUS")
        .expect("set NAUHURI_CORPUS to the folder of test captures (it holds torture/rfc4475)");
    PathBuf::from(corpus).join("torture")
}

/// All messages, sorted by set and name.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let dir = torture_dir();
    let mut files = Vec::new();
    for set in ["rfc4475", "rfc5118", "sofia-sip-tests"] {
        let entries = std::fs::read_dir(dir.join(set))
            .unwrap_or_else(|e| panic!("{} of NAUHURI_CORPUS: {e}", dir.join(set).display()));
        for entry in entries {
            let path = entry.expect("folder entry").path();
            let name = path.file_name().expect("file name").to_string_lossy().into_owned();
            files.push((format!("{set}/{name}"), std::fs::read(&path).expect("message file")));
        }
    }
    files.sort();
    files
}

fn text(bytes: Option<&[u8]>) -> String {
    let bytes = bytes.filter(|b| !b.is_empty()).unwrap_or(b"-");
    bytes.iter().flat_map(|b| b.escape_ascii()).map(char::from).collect::<String>().replace(' ', "\\s")
}

/// `name start call-id from-tag to-tag body-length sdp?`, or `name unreadable`.
fn row(name: &str, bytes: &[u8]) -> String {
    let Ok((m, consumed)) = Message::parse(bytes) else { return format!("{name} unreadable") };
    assert!(consumed <= bytes.len());
    let start = match m.start_line() {
        StartLine::Request { method_bytes, .. } => text(Some(method_bytes)),
        StartLine::Response { code, .. } => code.to_string(),
    };
    let mut line = format!("{name} {start} {}", text(m.call_id()));
    for tag in [m.from().and_then(|a| a.tag()), m.to().and_then(|a| a.tag())] {
        let _ = write!(line, " {}", text(tag));
    }
    let sdp = if m.sdp().is_some() { "sdp" } else { "-" };
    let _ = write!(line, " {} {sdp}", m.body().len());
    line
}

#[test]
#[ignore = "needs the corpus: set NAUHURI_CORPUS and run `make test-corpus`"]
fn corpus_golden_table() {
    let got: Vec<String> = corpus().iter().map(|(name, bytes)| row(name, bytes)).collect();
    if let Some(path) = std::env::var_os("NAUHURI_GOLDEN_OUT") {
        std::fs::write(path, got.join("\n") + "\n").expect("golden table written");
    }
    let want: Vec<&str> = GOLDEN.lines().filter(|l| !l.starts_with('#')).collect();
    assert_eq!(got.len(), 117, "50 of RFC 4475, 12 of RFC 5118, 55 of sofia-sip");
    for (got, want) in got.iter().zip(&want) {
        assert_eq!(got, want);
    }
    assert_eq!(got.len(), want.len());
}

#[test]
#[ignore = "needs the corpus: set NAUHURI_CORPUS and run `make test-corpus`"]
fn corpus_two_requests_in_one_datagram() {
    let bytes = std::fs::read(torture_dir().join("rfc4475/TC_DBLREQ.dat")).expect("dblreq");
    let (first, consumed) = Message::parse(&bytes).expect("first request");
    let (second, _) = Message::parse(&bytes[consumed..]).expect("second request");
    assert_eq!(first.call_id(), Some(b"dblreq.0ha0isndaksdj99sdfafnl3lk233412".as_slice()));
    assert_eq!(second.call_id(), Some(b"dblreq.0ha0isnda977644900765@192.0.2.15".as_slice()));
    assert!(second.sdp().is_some());
}

/// Calls everything a message can be asked; gives something that depends on it.
fn read_all(bytes: &[u8]) -> usize {
    let Ok((m, consumed)) = Message::parse(bytes) else { return 0 };
    assert!(consumed <= bytes.len());
    let mut seen = m.via_count() + m.body().len() + m.top_via_branch().map_or(0, <[u8]>::len);
    let request_uri = m.request_uri().and_then(|u| u.user()).map_or(0, |u| u.len());
    let one = [m.from(), m.to(), m.contact(), m.refer_to()].into_iter().flatten();
    let lists = m.asserted_identities().chain(m.remote_party_ids()).chain(m.diversions());
    for a in one.chain(lists).chain(m.history_info()).chain(m.referred_by()) {
        seen += a.display_name().map_or(0, |d| d.len()) + a.tag().map_or(0, <[u8]>::len);
        seen +=
            a.uri.user().map_or(0, |u| u.len()) + a.uri.host().len() + usize::from(a.uri.port().is_some());
        seen += a.uri.param("phone-context").map_or(0, <[u8]>::len);
    }
    seen += usize::from(m.privacy().hides_identity() || m.rpid_withheld() || m.dtmf_info());
    seen += usize::from(m.replaces().is_some() || m.refer_to_replaces().is_some());
    seen += usize::from(m.sipfrag_status().unwrap_or(0)) + m.cseq().map_or(0, |(n, _)| n as usize % 7);
    seen += m.header_values("Supported").count() + m.header("Subject").map_or(0, |h| h.len());
    if let Some(session) = m.sdp().map(sdp::parse) {
        seen += session.media.len() + usize::from(session.audio().and_then(|a| a.endpoint()).is_some());
    }
    seen + request_uri
}

/// xorshift64*: a seed is enough to have a failure again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Replaces, removes, doubles or cuts, with a liking for bytes that mean something.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    const MEANING: &[u8] = b"\r\n\0\t \"\\<>;:,=@?%[]&/v0-\x80\xff";
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 | 1 if !bytes.is_empty() => bytes[at] = MEANING[random.below(MEANING.len())],
            2 => bytes.insert(at, MEANING[random.below(MEANING.len())]),
            3 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            4 => {
                let end = (at + random.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            5 if bytes.len() < 4000 => {
                let end = (at + random.below(60)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {}
        }
    }
}

const SEEDS: [&[u8]; 4] = [
    b"INVITE sip:+358;phone-context=a%40b@[2001:db8::1]:5060;user=phone SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z,\r\n \
      SIP/2.0/TCP b;x=\"1,2\"\r\nf: \"A \\\"B\\\" <x>\" <sip:2001:pw@h>;tag=1\r\nt:tel:+358401;tag=2\r\ni: c@d\r\n\
      CSeq: 1 INVITE\r\nPrivacy: id;none\r\nP-Asserted-Identity: <sip:1@h>, <tel:1>\r\nc: application/sdp\r\n\
      Content-Length: 96\r\n\r\nv=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\n\
      m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\na=sendonly\r\n",
    b"SIP/2.0 200 OK\nVia: SIP/2.0/UDP a;branch=z\nFrom: A <sip:a@h>;tag=1\nTo: <sip:b@h>;tag=2\nCall-ID: c\n\
      CSeq: 7 INVITE\nContact: *\nContent-Type: multipart/mixed;boundary=\"b b\"\n\n--b b\nContent-Type: text/x\n\n\
      x\n--b b\nContent-Type: application/sdp\n\nv=0\nm=audio 1 RTP/AVP 8\n--b b--\n",
    b"REFER sip:a@h SIP/2.0\r\nr: <sip:b@h?Replaces=1%40h%3Bto-tag%3Da%3Bfrom-tag%3Db&X=y>\r\nb: <sip:c@h>\r\n\
      Replaces: 1@h;to-tag=a;from-tag=b;early-only\r\nHistory-Info: <sip:1@h>;index=1,<sip:2@h?Reason=x>;index=2\r\n\
      Diversion: \"x\" <sip:3@h>;reason=unknown\r\nRemote-Party-ID: <sip:4@h>;privacy=full\r\nl: 0\r\n\r\n",
    b"NOTIFY sip:a@h SIP/2.0\r\nCall-ID: n\r\nContent-Type: message/sipfrag\r\nContent-Length: 14\r\n\r\nSIP/2.0 200 OK",
];

/// 50,000 edited messages from one of the seeds; the framer sees each in pieces.
fn mutations(seed: u64) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed);
    let original = SEEDS[seed as usize % SEEDS.len()];
    let mut framer = Framer::new(8 * 1024);
    let mut readable = 0;
    for i in 0..50_000 {
        let mut bytes = original.to_vec();
        mutate(&mut bytes, &mut random);
        readable += usize::from(read_all(&bytes) > 0);
        // The framer is dear in a debug build; every sixteenth is enough to wander.
        if i % 16 == 0 {
            for piece in bytes.chunks(1 + random.below(bytes.len())) {
                framer.push(piece);
                while let Some(message) = framer.next_message() {
                    assert!(!message.is_empty());
                }
                assert!(framer.buffered() <= 8 * 1024);
            }
        }
    }
    assert!(readable > 25_000, "edits should leave most messages readable: {readable}");
}

#[test]
fn edited_requests() {
    mutations(0);
}

#[test]
fn edited_responses() {
    mutations(1);
}

#[test]
fn edited_transfers() {
    mutations(2);
}

#[test]
fn edited_notifications() {
    mutations(3);
}

#[test]
fn random_bytes_are_not_sip() {
    let mut random = Random(7);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.below(200)).map(|_| random.next() as u8).collect();
        assert!(Message::parse(&bytes).is_err());
    }
}

/// 60 KB shaped against each scan. A debug build gets 100 ms for what takes an
/// optimised one well under 1 ms; a quadratic scan takes seconds in either.
#[test]
fn hostile_shapes_take_linear_time() {
    let head = "INVITE sip:a@b SIP/2.0\r\n";
    let sdp =
        |line: &str| format!("{head}c: application/sdp\r\n\r\nv=0\r\n{}", line.repeat(60_000 / line.len()));
    let value = |name: &str, s: &str| format!("{head}{name}: {}\r\n\r\n", s.repeat(60_000 / s.len()));
    let shapes = [
        format!("{head}{}\r\n", "a:b\r\n".repeat(12_000)),
        format!("{head}{}\r\n", " \r\n".repeat(20_000)),
        format!("{head}From:{}x\r\n\r\n", "\r\n ".repeat(20_000)),
        value("From", "\""),
        value("From", "\"\\\"<"),
        value("From", ";tag"),
        value("From", "@;"),
        value("Via", "a,"),
        value("Via", "\\\"a,"),
        value("Via", "<"),
        value("Contact", "<,"),
        value("P-Asserted-Identity", "<sip:a@b>,"),
        value("P-Asserted-Identity", "\","),
        value("Diversion", "%41"),
        value("Privacy", "id;"),
        value("Refer-To", "<sip:a?&"),
        value("To", "sip:a;x@"),
        format!(
            "{head}c: multipart/x;boundary=a\r\n\r\n{}",
            "--a\r\nc:multipart/x;boundary=a\r\n\r\n".repeat(1500)
        ),
        format!("{head}c: multipart/x\r\n\r\n{}", "--\r\n".repeat(15_000)),
        sdp("m=audio 4 RTP/AVP 0 8\r\n"),
        sdp("a=rtpmap:0 PCMU/8000\r\n"),
        format!("{}{}", sdp("a=sendonly\r\n"), "\0"),
        format!("{head}{}", "x".repeat(60_000)),
        "\r\n".repeat(30_000),
    ];
    for (i, shape) in shapes.iter().enumerate() {
        let before = std::time::Instant::now();
        read_all(shape.as_bytes());
        let mut framer = Framer::new(64 * 1024);
        for piece in shape.as_bytes().chunks(200) {
            framer.push(piece);
            while framer.next_message().is_some() {}
        }
        let took = before.elapsed();
        if std::env::var_os("NAUHURI_TIMES").is_some() {
            eprintln!("shape {i}: {took:?}");
        }
        assert!(took.as_millis() < 100, "shape {i}: {took:?}");
    }
}
