//! Each codec that is decoded, in a whole call: its sound lies where it was spoken.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side};
use crate::common::rng::Rng;
use crate::common::run::{Run, replay_with};
use crate::common::sdp::{Line, description};
use crate::common::voice::{Packet, Voice};
use crate::kit::*;
use nauhuri::codec::{CodecSpec, Decoder};
use nauhuri::daemon::decoders::{CagedDecoders, Program};
use nauhuri::telemetry::Metrics;
use std::sync::Arc;

/// A codec as an offer names it, and payloads of it.
struct Spoken {
    payload_type: u8,
    name: &'static str,
    clock_hz: u32,
    channels: u8,
    fmtp: &'static str,
    ms: u32,
    payloads: Vec<Vec<u8>>,
}

impl Spoken {
    fn map(&self) -> Option<String> {
        let Spoken { payload_type, name, clock_hz, channels, .. } = self;
        let channels = if *channels == 1 { String::new() } else { format!("/{channels}") };
        (*payload_type > 95).then(|| format!("{payload_type} {name}/{clock_hz}{channels}"))
    }

    fn spec(&self) -> CodecSpec {
        let Spoken { payload_type, name, clock_hz, channels, .. } = self;
        let spec = CodecSpec::from_rtpmap(*payload_type, Some(name), Some(*clock_hz), Some(*channels));
        spec.with_fmtp(Some(self.fmtp))
    }

    /// Its packets from `from` ms on, with the samples that they are at 8 kHz.
    fn packets(&self, d: &Dialog, side: Side, from: f64) -> Vec<Packet> {
        let decoders = decoders();
        let mut voice = Voice::of(d, side, 3);
        let mut decoder = Decoder::with(&self.spec(), 8000, Some(&decoders)).unwrap();
        let mut at = from;
        let mut out = Vec::new();
        for payload in &self.payloads {
            let mut packet = voice.other(at, self.payload_type, payload);
            decoder.decode(payload, &mut packet.samples).unwrap();
            out.push(packet);
            voice.ts = voice.ts.wrapping_add(self.ms * self.clock_hz / 1000);
            at += f64::from(self.ms);
        }
        out
    }
}

/// libavcodec, as the recorder has it.
fn decoders() -> CagedDecoders {
    let path = env!("CARGO_BIN_EXE_nauhuri").into();
    let program = Program { path, arguments: vec!["decode-worker".into()] };
    CagedDecoders::new(program, &Arc::new(Metrics::new([])))
}

fn vectors(file: &str, octets: usize) -> Vec<Vec<u8>> {
    let all = std::fs::read(crate::common::repository("tests/data").join(file)).unwrap();
    all.chunks_exact(octets).map(<[u8]>::to_vec).collect()
}

fn noise(octets: usize) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(octets as u64);
    (0..100).map(|_| rng.bytes(octets)).collect()
}

fn dialog(n: u16, spoken: &Spoken) -> Dialog {
    let formats = spoken.payload_type.to_string();
    let map = spoken.map();
    let maps: Vec<&str> = map.as_deref().into_iter().collect();
    let with_fmtp = |line: Line| match spoken.fmtp {
        "" => line,
        fmtp => line.with(format!("fmtp:{formats} {fmtp}")),
    };
    let d = Dialog { formats: [formats.clone(), formats.clone()], ..Dialog::new(n) };
    let bodies = d.rtp.map(|at| description(1, &[with_fmtp(Line::audio(at).formats(&formats, &maps))]));
    Dialog { bodies, ..d }
}

#[test]
fn each_lies_where_it_was_spoken_to_the_sample() {
    let g726 = |payload_type, name, file, octets| Spoken {
        payload_type,
        name,
        clock_hz: 8000,
        channels: 1,
        fmtp: "",
        ms: 20,
        payloads: vectors(file, octets),
    };
    let gsm = |frames: usize| Spoken {
        payload_type: 3,
        name: "GSM",
        clock_hz: 8000,
        channels: 1,
        fmtp: "",
        ms: 20 * frames as u32,
        payloads: vectors("gsm/speech.gsm", 33 * frames),
    };
    let all = [
        gsm(1),
        gsm(3),
        g726(97, "G726-16", "g726/speech.le16", 40),
        g726(97, "G726-24", "g726/speech.le24", 60),
        g726(97, "G726-32", "g726/speech.le32", 80),
        g726(97, "G726-40", "g726/speech.le40", 100),
        g726(98, "AAL2-G726-32", "g726/speech.be32", 80),
        g726(98, "AAL2-G726-40", "g726/speech.be40", 100),
        Spoken {
            payload_type: 97,
            name: "L16",
            clock_hz: 8000,
            channels: 2,
            fmtp: "",
            ms: 10,
            payloads: noise(320),
        },
    ];
    for (n, spoken) in (1..).zip(&all) {
        let d = dialog(n, spoken);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let sent = [spoken.packets(&d, Caller, 1020.0), spoken.packets(&d, Callee, 1500.0)];
        sent.iter().for_each(|p| s.media(p));
        d.bye(&mut s, 5000.0, Caller);
        let run = s.replay(AGENTS);
        let r = run.only();
        inbound(r, &sent);
        complete(r, true);
        assert_eq!((r.rate, r.text("/streams/0/codec")), (8000, spoken.name), "{}", r.json);
    }
}

/// At 16 kHz a file is made at 16 kHz, sample for sample.
#[test]
fn wide_band_of_plain_samples_is_kept_as_it_came() {
    for (name, octets) in [("PCMU", 320), ("PCMA", 320), ("L16", 640)] {
        let payloads = noise(octets);
        let spoken =
            Spoken { payload_type: 97, name, clock_hz: 16_000, channels: 1, fmtp: "", ms: 20, payloads };
        let d = dialog(11, &spoken);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let sent = [spoken.packets(&d, Caller, 1020.0), spoken.packets(&d, Callee, 1100.0)];
        sent.iter().for_each(|p| s.media(p));
        d.bye(&mut s, 4000.0, Caller);
        let run = s.replay(AGENTS);
        let r = run.only();
        complete(r, true);
        assert_eq!(r.rate, 16_000);
        for (channel, from) in [("customer", 320), ("agent", 1600)] {
            let mut pcm = Vec::new();
            let mut decoder = Decoder::new(&spoken.spec(), 16_000).unwrap();
            spoken.payloads.iter().for_each(|p| decoder.decode(p, &mut pcm).unwrap());
            let heard = r.channel(channel);
            let place = (from - 160..from + 160).find(|at| heard[*at..*at + 320] == pcm[..320]);
            let place = place.unwrap_or_else(|| panic!("{name}: {channel} is not near its place"));
            assert!(heard[place..place + pcm.len()] == pcm, "{name}: {channel}");
        }
    }
}

/// A call in a codec, both parties.
fn called(n: u16, spoken: &Spoken, config: &str, args: &[&str]) -> (Run, Sent) {
    let d = dialog(n, spoken);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let sent = [spoken.packets(&d, Caller, 1020.0), spoken.packets(&d, Callee, 1500.0)];
    sent.iter().for_each(|p| s.media(p));
    d.bye(&mut s, 5000.0, Caller);
    let (_dir, capture) = s.saved();
    (replay_with(&format!("{AGENTS}{config}"), &[&capture], args, &[]), sent)
}

/// What libavcodec decodes at 8 kHz.
fn foreign() -> [Spoken; 4] {
    let file = |name| std::fs::read(crate::common::repository("tests/data/foreign").join(name)).unwrap();
    // What a file has before each frame of AMR is what an octet-aligned packet has.
    let amr = file("speech.amr")[6..].chunks_exact(32).map(|f| [&[0xF0], f].concat()).collect();
    let g729 = vectors("foreign/speech.g729", 20);
    let ilbc = |name, octets| file(name)[9..].chunks_exact(octets).map(<[u8]>::to_vec).collect();
    [
        ("G729", 18, "annexb=no", 20, g729),
        ("AMR", 97, "octet-align=1", 20, amr),
        ("iLBC", 98, "mode=20", 20, ilbc("random.ilbc20", 38)),
        ("iLBC", 98, "", 30, ilbc("random.ilbc30", 50)),
    ]
    .map(|(name, payload_type, fmtp, ms, payloads)| {
        let (clock_hz, channels) = (8000, 1);
        Spoken { payload_type, name, clock_hz, channels, fmtp, ms, payloads }
    })
}

#[test]
fn what_libavcodec_decodes_lies_where_it_was_spoken_whatever_the_number_of_workers() {
    for (n, spoken) in (21..).zip(&foreign()) {
        let mut hashes = Vec::new();
        for workers in ["1", "3"] {
            let (run, sent) = called(n, spoken, "", &["--workers", workers]);
            let r = run.only();
            inbound(r, &sent);
            complete(r, true);
            assert_eq!(r.text("/streams/0/codec"), spoken.name);
            hashes.push(r.text("/audio/sha256").to_owned());
        }
        assert_eq!(hashes[0], hashes[1]);
    }
}

#[test]
fn without_libavcodec_its_codecs_are_silent_and_say_so() {
    for (n, spoken) in (31..).zip(&foreign()) {
        let (run, _) = called(n, spoken, "\n[codecs]\nexternal = false\n", &[]);
        let r = run.only();
        silent(r, "customer");
        silent(r, "agent");
        complete(r, false);
        assert_eq!(r.text("/streams/0/codec"), spoken.name);
    }
}

#[test]
fn a_wide_band_that_libavcodec_decodes_makes_a_wide_file() {
    let frames = std::fs::read(crate::common::repository("tests/data/foreign").join("speech.awb")).unwrap();
    let payloads = frames[9..].chunks_exact(61).map(|f| [&[0xF0], f].concat()).collect();
    let (name, fmtp) = ("AMR-WB", "octet-align=1");
    let spoken = Spoken { payload_type: 98, name, clock_hz: 16_000, channels: 1, fmtp, ms: 20, payloads };
    let (run, _) = called(41, &spoken, "", &[]);
    let r = run.only();
    complete(r, true);
    assert_eq!(r.rate, 16_000);
    let loud = |channel| r.channel(channel).iter().filter(|s| s.unsigned_abs() > 500).count();
    assert!(loud("customer") > 4000 && loud("agent") > 4000, "{}", r.json);
}
