//! What libavcodec decodes for us, against what ffmpeg makes of the same frames, bit by bit.
//!
//! The frames come through our own depacketising, in RTP payloads made here, and through the process
//! in its cage. `tests/data/foreign` has a voice in AMR (12.2 and 4.75 kbit/s, by opencore-amr),
//! AMR-WB (23.85 and 8.85, by vo-amrwbenc) and G.729 (by bcg729), as files have it, and frames of
//! iLBC at random. Speex and G.723.1 are encoded by ffmpeg in the test.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

use nauhuri::codec::def::ForeignDecoders;
use nauhuri::codec::frames::ForeignCodec;
use nauhuri::codec::{CodecSpec, Decoder};
use nauhuri::daemon::decoders::{CagedDecoders, Program};
use nauhuri::telemetry::Metrics;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

fn decoders() -> CagedDecoders {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_nauhuri"));
    let program = Program { path, arguments: vec!["decode-worker".into()] };
    CagedDecoders::new(program, &Arc::new(Metrics::new([])))
}

fn data(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

/// What ffmpeg writes for what it reads.
fn ffmpeg(input: &[&str], output: &[&str], octets: &[u8]) -> Vec<u8> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(input)
        .args(["-i", "-"])
        .args(output)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let octets = octets.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&octets));
    let out = child.wait_with_output().unwrap();
    // It may stop reading where it knows enough.
    let _ = writer.join().unwrap();
    assert!(out.status.success(), "{input:?} {output:?}");
    out.stdout
}

fn pcm(input: &[&str], octets: &[u8]) -> Vec<i16> {
    let out = ffmpeg(input, &["-f", "s16le", "-ac", "1"], octets);
    out.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

/// A voice, as a WAV at this rate.
fn voice(rate_hz: &str) -> Vec<u8> {
    ffmpeg(&["-f", "g722"], &["-ar", rate_hz, "-ac", "1", "-f", "wav"], &data("g722/speech.g722"))
}

fn spec(name: &str, clock_hz: u32, fmtp: &str) -> CodecSpec {
    CodecSpec::from_rtpmap(97, Some(name), Some(clock_hz), None).with_fmtp(Some(fmtp))
}

/// All payloads of a stream, decoded.
fn decoded(decoders: &CagedDecoders, spec: &CodecSpec, payloads: &[Vec<u8>]) -> Vec<i16> {
    let rate_hz = spec.native_rate_hz();
    let mut decoder = Decoder::with(spec, rate_hz, Some(decoders)).unwrap();
    let mut out = Vec::new();
    for payload in payloads {
        let before = out.len();
        decoder.decode(payload, &mut out).unwrap();
        assert_eq!(out.len() - before, spec.native_samples_in(payload), "{spec:?}");
    }
    out
}

#[track_caller]
fn same(own: &[i16], right: &[i16], what: &str) {
    assert!(own.iter().any(|s| s.unsigned_abs() > 500), "{what}: nothing is heard");
    let differs = own.iter().zip(right).position(|(a, b)| a != b);
    assert_eq!(differs, None, "{what}: first difference, of {}", own.len());
    assert!(own.len().abs_diff(right.len()) <= 640, "{what}: {} of {}", own.len(), right.len());
}

#[test]
fn all_of_them_are_there() {
    let decoders = decoders();
    let missing: Vec<_> = ForeignCodec::ALL.into_iter().filter(|c| !decoders.has(*c)).collect();
    assert_eq!(missing, [], "scripts/setup installs ffmpeg, and libavcodec with it");
}

#[test]
fn g729_in_packets_of_any_length() {
    let octets = data("foreign/speech.g729");
    let right = pcm(&["-f", "g729"], &octets);
    let decoders = decoders();
    for frames in [1, 2, 6] {
        let payloads: Vec<Vec<u8>> = octets.chunks(10 * frames).map(<[u8]>::to_vec).collect();
        same(&decoded(&decoders, &spec("G729", 8000, ""), &payloads), &right, "G.729");
    }
    // A background between: silence there, and what follows is as if it had not been.
    let mut payloads: Vec<Vec<u8>> = octets.chunks(20).map(<[u8]>::to_vec).collect();
    payloads[9].extend([0x55, 0xAA]);
    payloads.insert(20, vec![0x55, 0xAA]);
    let own = decoded(&decoders, &spec("G729", 8000, "annexb=yes"), &payloads);
    let (gap, second) = (10 * 160, 20 * 160 + 80);
    assert!(own[gap..gap + 80].iter().chain(&own[second..second + 80]).all(|s| *s == 0));
    let rest = [&own[..gap], &own[gap + 80..second], &own[second + 80..]].concat();
    same(&rest, &right, "G.729 without its backgrounds");
}

/// Frames of an AMR file: header octet, speech.
fn amr_frames(file: &[u8]) -> Vec<Vec<u8>> {
    let (bits, start): (&[usize], _) = match file.starts_with(b"#!AMR-WB\n") {
        true => (&[132, 177, 253, 285, 317, 365, 397, 461, 477], 9),
        false => (&[95, 103, 118, 134, 148, 159, 204, 244], 6),
    };
    let (mut rest, mut out) = (&file[start..], Vec::new());
    while let [header, ..] = rest {
        let octets = 1 + bits[usize::from(header >> 3 & 15)].div_ceil(8);
        out.push(rest[..octets].to_vec());
        rest = &rest[octets..];
    }
    out
}

/// An RTP payload of frames, whole octets or bit by bit; `None` stands for nothing sent.
fn amr_payload(frames: &[Option<&[u8]>], is_aligned: bool, is_wide: bool) -> Vec<u8> {
    let narrow = [95, 103, 118, 134, 148, 159, 204, 244];
    let wide = [132, 177, 253, 285, 317, 365, 397, 461, 477];
    let mut bits: Vec<u8> = Vec::new();
    let put =
        |bits: &mut Vec<u8>, value: u32, n: u32| bits.extend((0..n).rev().map(|i| (value >> i & 1) as u8));
    put(&mut bits, 15, 4);
    let pad = |bits: &mut Vec<u8>| {
        while is_aligned && !bits.len().is_multiple_of(8) {
            bits.push(0);
        }
    };
    pad(&mut bits);
    for (i, frame) in frames.iter().enumerate() {
        let (kind, good) = frame.map_or((15, 1), |f| (u32::from(f[0] >> 3 & 15), u32::from(f[0] >> 2 & 1)));
        put(&mut bits, u32::from(i + 1 < frames.len()), 1);
        put(&mut bits, kind, 4);
        put(&mut bits, good, 1);
        pad(&mut bits);
    }
    for frame in frames.iter().flatten() {
        let kind = usize::from(frame[0] >> 3 & 15);
        let n = if is_wide { wide[kind] } else { narrow[kind] };
        bits.extend((0..n).map(|i| frame[1 + i / 8] >> (7 - i % 8) & 1));
        pad(&mut bits);
    }
    bits.chunks(8).map(|c| c.iter().enumerate().fold(0, |o, (i, b)| o | b << (7 - i))).collect()
}

#[test]
fn amr_in_every_form() {
    let decoders = decoders();
    for (file, name, clock_hz) in [
        ("speech.amr", "AMR", 8000),
        ("low.amr", "AMR", 8000),
        ("speech.awb", "AMR-WB", 16_000),
        ("low.awb", "AMR-WB", 16_000),
    ] {
        let file_octets = data(&format!("foreign/{file}"));
        let right = pcm(&["-f", "amr"], &file_octets);
        let frames = amr_frames(&file_octets);
        for (per_packet, is_aligned) in [(1, true), (1, false), (3, true), (3, false)] {
            let payload = |some: &[Vec<u8>]| {
                let some: Vec<_> = some.iter().map(|f| Some(&f[..])).collect();
                amr_payload(&some, is_aligned, name == "AMR-WB")
            };
            let payloads: Vec<_> = frames.chunks(per_packet).map(payload).collect();
            let fmtp = if is_aligned { "octet-align=1; mode-change-period=2" } else { "mode-set=0,7" };
            let own = decoded(&decoders, &spec(name, clock_hz, fmtp), &payloads);
            same(&own, &right, &format!("{file}, {per_packet} a packet, {fmtp}"));
        }
    }
}

#[test]
fn ilbc_of_both_lengths() {
    let decoders = decoders();
    for (mode, octets) in [("20", 38), ("30", 50)] {
        let file = data(&format!("foreign/random.ilbc{mode}"));
        let right = pcm(&["-f", "ilbc"], &file);
        let payloads: Vec<_> = file[9..].chunks(2 * octets).map(<[u8]>::to_vec).collect();
        let own = decoded(&decoders, &spec("iLBC", 8000, &format!("mode={mode}")), &payloads);
        same(&own, &right, &format!("iLBC of {mode} ms"));
    }
}

#[test]
fn g723_at_its_higher_rate() {
    let octets = ffmpeg(&[], &["-c:a", "g723_1", "-b:a", "6300", "-f", "g723_1"], &voice("8000"));
    let right = pcm(&["-f", "g723_1"], &octets);
    let payloads: Vec<_> = octets.chunks(48).map(<[u8]>::to_vec).collect();
    same(&decoded(&decoders(), &spec("G723", 8000, ""), &payloads), &right, "G.723.1");
}

/// The packets of an Ogg file, headers included (RFC 3533 §6).
fn ogg_packets(file: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut out, mut open) = (file, Vec::new(), Vec::new());
    while let Some(segments) = rest.get(26).map(|n| usize::from(*n)) {
        let (table, mut body) = rest[27..].split_at(segments);
        for length in table {
            let (piece, after) = body.split_at(usize::from(*length));
            open.extend_from_slice(piece);
            body = after;
            if *length < 255 {
                out.push(std::mem::take(&mut open));
            }
        }
        rest = body;
    }
    out
}

#[test]
fn speex_of_both_bands() {
    let decoders = decoders();
    for (clock_hz, frames) in [(8000, 1), (16_000, 1), (8000, 3)] {
        let per_packet = frames.to_string();
        let output = ["-c:a", "libspeex", "-frames_per_packet", &per_packet, "-f", "ogg"];
        let file = ffmpeg(&[], &output, &voice(&clock_hz.to_string()));
        let right = pcm(&["-c:a", "libspeex"], &file);
        let payloads: Vec<_> = ogg_packets(&file).split_off(2);
        let own = decoded(&decoders, &spec("speex", clock_hz, ""), &payloads);
        same(&own, &right, &format!("Speex at {clock_hz} Hz, {frames} a packet"));
    }
}

#[test]
fn two_streams_do_not_hear_one_another_and_a_reset_forgets() {
    let decoders = decoders();
    let octets = data("foreign/speech.g729")[..900].to_vec();
    let alone = decoded(&decoders, &spec("G729", 8000, ""), std::slice::from_ref(&octets));
    let mut both: Vec<_> =
        (0..2).map(|_| Decoder::with(&spec("G729", 8000, ""), 8000, Some(&decoders)).unwrap()).collect();
    let mut out = [Vec::new(), Vec::new()];
    for (i, frame) in octets.chunks(10).enumerate() {
        both[0].decode(frame, &mut out[0]).unwrap();
        if i % 3 == 0 {
            both[1].decode(frame, &mut out[1]).unwrap();
        }
    }
    assert!(out[0] == alone && out[1][..] != alone[..out[1].len()]);
    both[1].reset();
    out[1].clear();
    both[1].decode(&octets, &mut out[1]).unwrap();
    assert!(out[1] == alone);
}

#[test]
fn frames_at_random_are_sound_or_an_error_and_nothing_else() {
    let decoders = decoders();
    let mut state = 729u64;
    let mut random = |n: usize| -> Vec<u8> {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..n).map(|_| next()).collect()
    };
    for (name, clock_hz, fmtp) in [
        ("G729", 8000, ""),
        ("AMR", 8000, "octet-align=1"),
        ("AMR", 8000, ""),
        ("AMR-WB", 16_000, "octet-align=1"),
        ("iLBC", 8000, "mode=20"),
        ("iLBC", 8000, ""),
        ("speex", 16_000, ""),
        ("G723", 8000, ""),
    ] {
        let spec = spec(name, clock_hz, fmtp);
        let mut decoder = Decoder::with(&spec, clock_hz, Some(&decoders)).unwrap();
        for i in 0..400 {
            let payload = random([10, 38, 50, 24, 33, 61, 20, 7][i % 8] * (1 + i % 3));
            let mut out = Vec::new();
            match decoder.decode(&payload, &mut out) {
                Ok(()) => assert_eq!(out.len(), spec.native_samples_in(&payload), "{name}"),
                Err(_) => assert!(out.is_empty(), "{name}"),
            }
        }
    }
}
