//! Decoders against an independent one, bit by bit.
//!
//! `tests/data` holds what ffmpeg made of the same octets: every G.711 value
//! whole; for G.722 the octets (encoded by ffmpeg from a sweep, noise, silence,
//! a voice-like tone and clipped square waves, or random), the first 512
//! samples ffmpeg decodes, and the length and SHA-256 of all of them.
//!
//! ```text
//! ffmpeg -f lavfi -i SOURCE -ar 16000 -ac 1 -c:a g722 -f g722 NAME.g722
//! ffmpeg -f g722 -i NAME.g722 -f s16le NAME.pcm
//! ffmpeg -f alaw -ar 8000 -ac 1 -i ALL_OCTETS -f s16le alaw.s16le
//! ```

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

#[test]
fn g722_is_bit_exact() {
    let spec = CodecSpec::from_rtpmap(9, None, None, None);
    let index = String::from_utf8(data("g722/pcm.sha256")).unwrap();
    let mut seen = 0;
    for line in index.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [name, count, hash] = fields[..] else { panic!("bad line: {line}") };
        let mut decoder = Decoder::new(&spec, 16_000).unwrap();
        let mut pcm = Vec::new();
        for packet in data(&format!("g722/{name}.g722")).chunks(160) {
            decoder.decode(packet, &mut pcm).unwrap();
        }
        let head = samples(&format!("g722/{name}.head.s16le"));
        let differs = (0..head.len()).find(|&i| pcm[i] != head[i]);
        assert_eq!(differs.map(|i| (i, pcm[i], head[i])), None, "{name}: first difference");
        assert_eq!(pcm.len().to_string(), count, "{name}");
        let bytes: Vec<u8> = pcm.iter().flat_map(|s| s.to_le_bytes()).collect();
        let got: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(got, hash, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 6);
}
