//! Decoders against an independent one, bit by bit.
//!
//! `tests/data` holds what ffmpeg made of the same octets: every G.711 value
//! whole; for G.722 and GSM the octets (encoded by ffmpeg from a sweep, noise, silence,
//! a voice-like tone and clipped square waves, or random), the first 512
//! samples ffmpeg decodes, and the length and SHA-256 of all of them.
//!
//! ```text
//! ffmpeg -f lavfi -i SOURCE -ar 16000 -ac 1 -c:a g722 -f g722 NAME.g722
//! ffmpeg -f g722 -i NAME.g722 -f s16le NAME.pcm
//! ffmpeg -f alaw -ar 8000 -ac 1 -i ALL_OCTETS -f s16le alaw.s16le
//! ffmpeg -f lavfi -i SOURCE -ar 8000 -ac 1 -c:a libgsm -f gsm NAME.gsm
//! ffmpeg -c:a libgsm -f gsm -i NAME.gsm -f s16le NAME.pcm
//! ```
//!
//! The GSM decoder is libgsm: ffmpeg's own rounds differently where a sound is loud. G.726 was
//! encoded by ffmpeg (`-c:a g726le` and `g726`, `-code_size` 2 to 5) and decoded by spandsp
//! (`g726_decode`, linear): ffmpeg's decoder reckons the scale in another way than the
//! Recommendation. spandsp lets a sample that does not fit wrap around, where ours is at the limit.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use nauhuri::codec::g711::{ALAW, MULAW};
use nauhuri::codec::{CodecSpec, Decoder};
use sha2::{Digest, Sha256};

fn data(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn samples(name: &str) -> Vec<i16> {
    data(name).chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

#[test]
fn g711_values() {
    assert_eq!(samples("alaw.s16le"), ALAW);
    assert_eq!(samples("mulaw.s16le"), MULAW);
}

/// Decodes `payloads` and holds what comes out against a line of an index: name, samples, SHA-256.
#[track_caller]
fn decoded(spec: &CodecSpec, rate_hz: u32, octets: &[u8], packet: usize, line: &str) -> Vec<i16> {
    let [name, count, hash] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("bad line: {line}") };
    let mut decoder = Decoder::new(spec, rate_hz).unwrap();
    let mut pcm = Vec::new();
    octets.chunks(packet).for_each(|p| decoder.decode(p, &mut pcm).unwrap());
    assert_eq!(pcm.len().to_string(), count, "{name}");
    let bytes: Vec<u8> = pcm.iter().flat_map(|s| s.to_le_bytes()).collect();
    let got: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(got, hash, "{name}");
    pcm
}

#[track_caller]
fn begins_with(pcm: &[i16], head: &[i16], name: &str) {
    let differs = (0..head.len()).find(|&i| pcm[i] != head[i]);
    assert_eq!(differs.map(|i| (i, pcm[i], head[i])), None, "{name}: first difference");
}

/// Every line of `FOLDER/pcm.sha256`, packet by packet.
fn bit_exact(folder: &str, spec: &CodecSpec, rate_hz: u32, packet: usize) -> usize {
    let index = String::from_utf8(data(&format!("{folder}/pcm.sha256"))).unwrap();
    for line in index.lines() {
        let name = line.split(' ').next().unwrap();
        let octets = data(&format!("{folder}/{name}.{folder}"));
        let pcm = decoded(spec, rate_hz, &octets, packet, line);
        begins_with(&pcm, &samples(&format!("{folder}/{name}.head.s16le")), name);
    }
    index.lines().count()
}

#[test]
fn g722_is_bit_exact() {
    assert_eq!(bit_exact("g722", &CodecSpec::from_rtpmap(9, None, None, None), 16_000, 160), 6);
}

#[test]
fn gsm_is_bit_exact_whatever_the_number_of_frames_in_a_packet() {
    let spec = CodecSpec::from_rtpmap(3, None, None, None);
    for frames in [1, 2, 7] {
        assert_eq!(bit_exact("gsm", &spec, 8000, 33 * frames), 5);
    }
}

fn g726(file: &str) -> CodecSpec {
    let (_, suffix) = file.split_once('.').unwrap();
    let (order, rate) = suffix.split_at(2);
    let name = format!("{}G726-{rate}", if order == "be" { "AAL2-" } else { "" });
    CodecSpec::from_rtpmap(96, Some(&name), Some(8000), None)
}

#[test]
fn g726_is_bit_exact_at_every_rate_and_in_both_orders() {
    let index = String::from_utf8(data("g726/pcm.sha256")).unwrap();
    for line in index.lines() {
        let file = line.split(' ').next().unwrap();
        let spec = g726(file);
        // 20 ms hold whole codes at every rate.
        let packet = 20 * file[file.len() - 2..].parse::<usize>().unwrap() / 8;
        decoded(&spec, 8000, &data(&format!("g726/{file}")), packet, line);
    }
    assert_eq!(index.lines().count(), 16);
}

#[test]
fn g726_of_any_codes_is_bit_exact_up_to_full_scale() {
    for rate in [16, 24, 32, 40] {
        let file = format!("random.le{rate}");
        let mut pcm = Vec::new();
        let mut decoder = Decoder::new(&g726(&file), 8000).unwrap();
        decoder.decode(&data(&format!("g726/{file}")), &mut pcm).unwrap();
        let right = samples(&format!("g726/{file}.s16le"));
        assert_eq!(pcm.len(), right.len());
        let unlike = pcm.iter().zip(&right).filter(|(own, right)| own != right);
        let beyond = unlike.clone().filter(|(own, _)| [&i16::MIN, &i16::MAX].contains(own)).count();
        assert_eq!(unlike.count(), beyond, "{file}");
        assert!(beyond < pcm.len() / 2, "{file}");
    }
}
