//! Sound of the field captures against decoders that are not ours: G.711 by the
//! tables of the ITU, G.722 and Opus by ffmpeg.

use super::common::audio::{alaw, correlation, mulaw};
use super::common::capture::{Datagram, Rtp, datagrams};
use super::common::run::{Recording, replay};
use super::{corpus, normal, truth};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

/// How far audio may lie from its place, ms.
const TOLERANCE_MS: i64 = 10;
/// A packet's neighbours, for its delay.
const NEIGHBOURS_NS: i64 = 1_000_000_000;
/// A change of the stamps against the wire that is no jitter.
const BREAK_NS: i64 = 40_000_000;
/// Samples either way in which a packet is looked for.
const SEARCH: i64 = 800;
/// File, channel, percent of packets that may be out of place, percent not exact, reason.
///
/// The neighbours here are those of one second; the recorder holds still on those of twenty. Where
/// a path grows longer by 10 to 40 ms the two differ until it follows. No number here may grow.
const FAR: &[(&str, &str, usize, usize, &str)] = &[
    ("v05", "agent", 5, 1, "the path grows and shrinks by 10 ms within a second"),
    ("v08", "customer", 4, 9, "voice detection: stamps and wire disagree at every pause; events between"),
    ("v09", "agent", 20, 1, "the path grows by 40 ms within a second"),
    ("v10", "customer", 6, 1, "bursts: pauses the stamps do not tell"),
    ("v13", "agent", 42, 1, "a timer that is late by more and more, then sends two packets at once"),
    ("v14", "customer", 1, 96, "known fault: both parties on one channel"),
    ("v20", "customer", 16, 1, "the first half second came 15 ms late"),
];
/// Captures whose G.711 is not what it says.
const ENCRYPTED: &[&str] = &["v02", "v12"];

/// One packet of a stream, in the order of its sequence numbers.
struct Piece {
    at_ns: i64,
    ts: i64,
    payload_type: u8,
    payload: Vec<u8>,
}

/// File, stream of the truth, recording, channel, packets.
type Each<'a> = &'a mut dyn FnMut(&str, &Value, &Recording, &str, &[Piece]);

/// Runs every recordable call; `each` gets its streams one by one.
#[allow(clippy::type_complexity)] // one closure, named where it is called
fn each_stream(codecs: &[&str], each: Each<'_>) {
    for entry in truth() {
        let file = entry["file"].as_str().unwrap();
        let has = |s: &Value| codecs.iter().any(|c| s["codec"].as_str().unwrap().starts_with(c));
        let calls = entry["calls"].as_array().unwrap().iter().filter(|c| c["recordable"] == true);
        let calls: Vec<_> = calls.filter(|c| c["streams"].as_array().unwrap().iter().any(has)).collect();
        if calls.is_empty() || ENCRYPTED.iter().any(|e| file.starts_with(e)) {
            continue;
        }
        let path = corpus().join(file);
        let run = replay("", &[&path]);
        let all = datagrams(&path);
        for call in calls {
            let Some(r) = run.recordings.iter().find(|r| r.json["sip"]["call_id"] == call["call_id"]) else {
                continue;
            };
            for s in call["streams"].as_array().unwrap().iter().filter(|s| has(s)) {
                let pieces = pieces_of(s, r, &all);
                let streams = r.json["streams"].as_array().unwrap();
                let Some(stored) = streams.iter().find(|k| k["ssrc"] == s["ssrc"]) else { continue };
                if !pieces.is_empty() {
                    each(file, s, r, stored["channel"].as_str().unwrap(), &pieces);
                }
            }
        }
    }
}

/// Distinct packets between answer and end.
fn pieces_of(s: &Value, r: &Recording, all: &[Datagram]) -> Vec<Piece> {
    let (from, to) = (r.instant_ns("answered_at"), r.instant_ns("ended_at"));
    let mine = |d: &&Datagram| {
        d.src.to_string() == normal(&s["src"])
            && d.dst.to_string() == normal(&s["dst"])
            && (from..=to).contains(&d.at_ns)
    };
    let of_ssrc = |p: &Rtp<'_>| format!("0x{:08x}", p.ssrc) == s["ssrc"].as_str().unwrap();
    let mut out: Vec<(i64, Piece)> = Vec::new();
    let mut at: Option<(i64, u16, i64, u32)> = None;
    for d in all.iter().filter(mine) {
        let Some(p) = d.rtp().filter(of_ssrc) else { continue };
        let (seq, last_seq, ts, last_ts) = at.unwrap_or((0, p.seq, 0, p.ts));
        let seq = seq + i64::from(p.seq.wrapping_sub(last_seq) as i16);
        let ts = ts + i64::from(p.ts.wrapping_sub(last_ts) as i32);
        at = Some((seq, p.seq, ts, p.ts));
        if !out.iter().rev().take(200).any(|(s, _)| *s == seq) {
            let piece =
                Piece { at_ns: d.at_ns, ts, payload_type: p.payload_type, payload: p.payload.to_vec() };
            out.push((seq, piece));
        }
    }
    out.sort_by_key(|(seq, _)| *seq);
    out.into_iter().map(|(_, p)| p).collect()
}

/// Where a packet's first sample should lie: its time less its delay against the least-delayed
/// neighbour. Packets beyond a break of the stamps are no neighbours.
fn place_ns(pieces: &[Piece], i: usize, clock_hz: i64, answered: i64) -> i64 {
    let transit = |p: &Piece| p.at_ns - (i128::from(p.ts) * 1_000_000_000 / i128::from(clock_hz)) as i64;
    let least = |r: std::ops::Range<usize>| pieces[r].iter().map(transit).min().unwrap();
    let n = pieces.len();
    let breaks = |k: usize| {
        let (before, after) = (least(k.saturating_sub(4)..k), least(k..(k + 4).min(n)));
        (after - before).abs() > BREAK_NS
    };
    let me = &pieces[i];
    let near = |k: usize| (pieces[k].at_ns - me.at_ns).abs() <= NEIGHBOURS_NS;
    let mut from = i;
    while from > 0 && near(from - 1) && !breaks(from) {
        from -= 1;
    }
    let mut to = i + 1;
    while to < n && near(to) && !breaks(to) {
        to += 1;
    }
    me.at_ns - (transit(me) - least(from..to)) - answered
}

#[test]
#[ignore = "needs NAUHURI_CORPUS"]
fn corpus_g711_is_exact_and_in_its_place() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    each_stream(&["PCMU", "PCMA", "pcma"], &mut |file, s, r, channel, pieces| {
        let law = if s["codec"].as_str().unwrap().to_uppercase().starts_with("PCMU") { mulaw } else { alaw };
        let own = if s["codec"].as_str().unwrap().to_uppercase().starts_with("PCMU") { 0 } else { 8 };
        let heard = r.channel(channel);
        let name = format!("{file} {} {channel}", s["ssrc"]);
        if r.rate != 8000 {
            return;
        }
        let (mut far, mut missed, mut last) = (0, 0, 0);
        for i in (0..pieces.len()).filter(|i| pieces[*i].payload_type == own) {
            let samples: Vec<i16> = pieces[i].payload.iter().map(|b| law(*b)).collect();
            let place = place_ns(pieces, i, 8000, r.instant_ns("answered_at")) / 125_000;
            let n = samples.len() as i64;
            // Constant sound fits anywhere and tells nothing.
            if samples.iter().all(|x| *x == samples[0]) {
                continue;
            }
            let at = |shift: i64| {
                let from = usize::try_from(place + shift).ok();
                from.and_then(|f| heard.get(f..f + n as usize)).is_some_and(|h| h == samples)
            };
            if place < SEARCH || place + n + SEARCH > heard.len() as i64 {
                continue;
            }
            let shift =
                Some(last).filter(|s| at(*s)).or_else(|| (0..=SEARCH).flat_map(|d| [d, -d]).find(|s| at(*s)));
            match shift {
                Some(s) => {
                    far += u32::from(s.abs() > TOLERANCE_MS * 8);
                    last = s;
                }
                None => missed += 1,
            }
            checked += 1;
        }
        let (n, far, missed) = (pieces.len(), 100 * far as usize / pieces.len(), 100 * missed / pieces.len());
        let known = FAR.iter().find(|f| file.starts_with(f.0) && channel == f.1);
        eprintln!("{name}: {n} packets, {far} % more than {TOLERANCE_MS} ms off, {missed} % not exact");
        // Where a run is moved, one packet gives way to another.
        if missed > known.map_or(1, |k| k.3) || far > known.map_or(2, |k| k.2) {
            wrong.push(format!("{name}: {missed} % of {n} packets not exact, {far} % out of place"));
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 20_000, "{checked} packets");
}

#[test]
#[ignore = "needs NAUHURI_CORPUS"]
fn corpus_g722_is_what_ffmpeg_decodes() {
    let mut checked = 0;
    each_stream(&["G722"], &mut |file, _, r, channel, pieces| {
        let bytes: Vec<u8> = pieces.iter().flat_map(|p| p.payload.clone()).collect();
        let reference = ffmpeg(&["-f", "g722", "-i", "-"], 16_000, &bytes);
        let at = (place_ns(pieces, 0, 8000, r.instant_ns("answered_at")) / 62_500).max(0);
        let heard = r.channel(channel);
        let limit = TOLERANCE_MS * 16;
        let n = reference.len().min(heard.len() - at as usize - limit as usize) - 400;
        // Where a decoder starts it may differ by what it had before: compare from the second packet.
        let shift = (-limit..=limit)
            .filter(|s| at + s >= 0)
            .find(|s| heard[(at + s) as usize + 400..][..n - 400] == reference[400..n]);
        assert!(shift.is_some(), "{file}: not what ffmpeg decodes");
        checked += 1;
    });
    assert_eq!(checked, 1);
}

#[test]
#[ignore = "needs NAUHURI_CORPUS"]
fn corpus_g729_is_what_ffmpeg_decodes() {
    let mut checked = 0;
    each_stream(&["G729"], &mut |file, _, r, channel, pieces| {
        let bytes: Vec<u8> = pieces.iter().flat_map(|p| p.payload.clone()).collect();
        let reference = ffmpeg(&["-f", "g729", "-i", "-"], 8000, &bytes);
        let at = (place_ns(pieces, 0, 8000, r.instant_ns("answered_at")) / 125_000).max(0);
        let heard = r.channel(channel);
        let limit = TOLERANCE_MS * 8;
        let n = reference.len().min(heard.len() - at as usize - limit as usize);
        let shift = (-limit..=limit)
            .filter(|s| at + s >= 0)
            .find(|s| heard[(at + s) as usize..][..n] == reference[..n]);
        assert!(shift.is_some(), "{file}: not what ffmpeg decodes");
        checked += 1;
    });
    assert_eq!(checked, 1);
}

#[test]
#[ignore = "needs NAUHURI_CORPUS"]
fn corpus_speex_and_amr_are_heard() {
    let mut checked = 0;
    each_stream(&["speex", "AMR"], &mut |file, s, r, channel, pieces| {
        let loudest = r.channel(channel).iter().map(|s| s.unsigned_abs()).max();
        assert!(loudest > Some(50), "{file} {}: {} packets, {loudest:?}", s["ssrc"], pieces.len());
        checked += 1;
    });
    assert!(checked >= 2, "{checked} streams");
}

#[test]
#[ignore = "needs NAUHURI_CORPUS"]
fn corpus_opus_is_like_what_ffmpeg_decodes() {
    let mut checked = 0;
    let mut wrong = Vec::new();
    each_stream(&["opus"], &mut |file, s, r, channel, pieces| {
        let heard = r.channel(channel);
        let per_frame = i64::from(48_000 / r.rate);
        // Contiguous runs only: what stands for a loss is the decoder's own taste.
        let mut start = 0;
        let mut runs = Vec::new();
        for i in 1..=pieces.len() {
            let step = if i < pieces.len() { pieces[i].ts - pieces[i - 1].ts } else { 0 };
            if !(480..=2880).contains(&step) || pieces[i].payload_type != pieces[i - 1].payload_type {
                runs.push((start, i));
                start = i;
            }
        }
        let (from, to) = *runs.iter().max_by_key(|(a, b)| b - a).unwrap();
        let run = &pieces[from..to];
        let packets: Vec<(&[u8], i64)> =
            run.iter().map(|p| (p.payload.as_slice(), p.ts - run[0].ts)).collect();
        let reference = ffmpeg(&["-f", "ogg", "-c:a", "libopus", "-i", "-"], r.rate, &ogg(&packets));
        let answered = r.instant_ns("answered_at");
        let frame_ns = 1_000_000_000 / i64::from(r.rate);
        // Half a second in: a decoder that starts in the middle has settled by then.
        let skip = (r.rate / 2) as usize;
        let mut best = (0.0, 0);
        let i = from + 1;
        let place = place_ns(pieces, i, 48_000, answered) / frame_ns;
        let base = place - (pieces[i].ts - run[0].ts) / per_frame;
        let limit = TOLERANCE_MS * i64::from(r.rate) / 1000;
        // Second by second: between two the place may be moved with the clocks. The most alike counts.
        let second = r.rate as usize;
        for begin in (skip..reference.len().saturating_sub(second)).step_by(second).take(4) {
            for shift in -limit..=limit {
                let Some(at) = usize::try_from(base + shift + begin as i64).ok() else { continue };
                let Some(mine) = heard.get(at..at + second) else { continue };
                let c = correlation(mine, &reference[begin..begin + second]);
                if c > best.0 {
                    best = (c, shift);
                }
            }
        }
        eprintln!("{file} {} {channel}: {} packets in a run, likeness {best:?}", s["ssrc"], to - from);
        if super::common::audio::rms(&reference[skip.min(reference.len())..]) > 20.0 {
            checked += 1;
            if best.0 < 0.99 {
                wrong.push(format!("{file} {} {channel}: likeness {best:?}", s["ssrc"]));
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked >= 4, "{checked} streams");
}

/// Decodes to mono 16-bit at `rate`.
fn ffmpeg(input: &[&str], rate: u32, bytes: &[u8]) -> Vec<i16> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(input)
        .args(["-ac", "1", "-ar", &rate.to_string(), "-f", "s16le", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed (scripts/setup)");
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let feed = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
    let out = child.wait_with_output().unwrap();
    feed.join().unwrap();
    assert!(out.status.success());
    out.stdout.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

/// Opus packets in an Ogg stream (RFC 7845), one to a page; `i64` is the start of each, at 48 kHz.
fn ogg(packets: &[(&[u8], i64)]) -> Vec<u8> {
    let head = b"OpusHead\x01\x01\x00\x00\x80\xbb\x00\x00\x00\x00\x00".to_vec();
    let tags = b"OpusTags\x01\x00\x00\x00x\x00\x00\x00\x00".to_vec();
    let mut out = page(&head, 0, 0, 2);
    out.extend(page(&tags, 0, 1, 0));
    for (i, (p, _)) in packets.iter().enumerate() {
        let end = packets.get(i + 1).map_or(packets[i].1 + 960, |n| n.1);
        let last = if i + 1 == packets.len() { 4 } else { 0 };
        out.extend(page(p, end as u64, i as u32 + 2, last));
    }
    out
}

fn page(body: &[u8], granule: u64, number: u32, kind: u8) -> Vec<u8> {
    let mut p = b"OggS\0".to_vec();
    p.push(kind);
    p.extend_from_slice(&granule.to_le_bytes());
    p.extend_from_slice(&7_u32.to_le_bytes());
    p.extend_from_slice(&number.to_le_bytes());
    p.extend_from_slice(&[0; 4]);
    p.push((body.len() / 255 + 1) as u8);
    p.extend(std::iter::repeat_n(255, body.len() / 255));
    p.push((body.len() % 255) as u8);
    p.extend_from_slice(body);
    let mut crc = 0_u32;
    for b in &p {
        crc ^= u32::from(*b) << 24;
        for _ in 0..8 {
            crc = if crc & 0x8000_0000 != 0 { crc << 1 ^ 0x04C1_1DB7 } else { crc << 1 };
        }
    }
    p[22..26].copy_from_slice(&crc.to_le_bytes());
    p
}
