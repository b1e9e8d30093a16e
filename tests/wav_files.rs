//! The WAV writer against readers that are not ours: hound, and ffmpeg where it
//! is installed.

use nauhuri::store::files::{Access, Folder};
use nauhuri::store::wav::{WavEncoding, WavSpec, WavWriter, read_info};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

fn spec(rate: u32, encoding: WavEncoding) -> WavSpec {
    WavSpec { rate, encoding }
}

/// Standard output of a tool, `None` where it is not installed.
fn tool(name: &str, args: &[&str], path: &Path) -> Option<Vec<u8>> {
    let out = match Command::new(name).args(args).arg(path).output() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("{name} is not installed: not compared");
            return None;
        }
        out => out.expect("the tool starts"),
    };
    assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
    Some(out.stdout)
}

/// `codec_name,sample_rate,channels,duration_ts` as ffprobe sees them.
fn probe(path: &Path) -> Option<String> {
    let entries = "stream=codec_name,sample_rate,channels,duration_ts";
    let args = ["-v", "error", "-show_entries", entries, "-of", "csv=p=0"];
    tool("ffprobe", &args, path).map(|out| String::from_utf8_lossy(&out).trim().to_owned())
}

/// Interleaved samples as ffmpeg decodes them.
fn decode(path: &Path) -> Option<Vec<i16>> {
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-f", "s16le", "-c:a", "pcm_s16le", "-"])
        .output();
    let out = match out {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
        out => out.expect("ffmpeg starts"),
    };
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(out.stdout.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect())
}

/// ITU-T G.711, table 1a and 2a, written out as the expansion they define.
fn expand(encoding: WavEncoding, code: u8) -> i16 {
    let (sign, v) = match encoding {
        WavEncoding::Alaw => {
            let c = code ^ 0x55;
            let (seg, step) = (u32::from(c >> 4 & 7), i32::from(c & 15));
            let v = if seg == 0 { step * 16 + 8 } else { (step * 16 + 264) << (seg - 1) };
            (c & 0x80 == 0, v)
        }
        WavEncoding::Mulaw => {
            let c = !code;
            let v = (((i32::from(c & 15) << 3) + 132) << (c >> 4 & 7)) - 132;
            (c & 0x80 != 0, v)
        }
        WavEncoding::PcmS16le => unreachable!("not companded"),
    };
    (if sign { -v } else { v }) as i16
}

fn folder_of(path: &std::path::Path) -> Folder {
    Folder::open(path.parent().expect("a folder"), Access::Owner).expect("opened")
}

#[test]
fn hound_reads_pcm_after_every_flush() {
    let dir = tempfile::tempdir().expect("a folder");
    for rate in [8000, 16_000, 48_000] {
        let path = dir.path().join(format!("{rate}.wav"));
        let mut w = WavWriter::create(&path, spec(rate, WavEncoding::PcmS16le)).expect("created");
        let mut samples: Vec<i16> = Vec::new();
        for block in 0..5i16 {
            let frames: Vec<i16> = (0..200).flat_map(|n| [block * 1000 + n, -n]).collect();
            let bytes: Vec<u8> = frames.iter().flat_map(|s| s.to_le_bytes()).collect();
            w.append(&bytes).expect("appended");
            w.flush().expect("flushed");
            samples.extend(frames);
            let r = hound::WavReader::open(&path).expect("hound opens it");
            assert_eq!(
                r.spec(),
                hound::WavSpec {
                    channels: 2,
                    sample_rate: rate,
                    bits_per_sample: 16,
                    sample_format: hound::SampleFormat::Int
                }
            );
            assert_eq!(r.duration() as usize, samples.len() / 2);
            let read: Vec<i16> = r.into_samples().map(|s| s.expect("a sample")).collect();
            assert_eq!(read, samples);
        }
        let done = w.finish(true).expect("finished");
        assert_eq!((done.frames, done.bytes), (1000, 80 + 4000));
        if let Some(seen) = probe(&path) {
            assert_eq!(seen, format!("pcm_s16le,{rate},2,1000"));
        }
    }
}

#[test]
fn ffmpeg_reads_every_g711_code() {
    let dir = tempfile::tempdir().expect("a folder");
    for (encoding, codec) in [(WavEncoding::Alaw, "pcm_alaw"), (WavEncoding::Mulaw, "pcm_mulaw")] {
        let path = dir.path().join(codec);
        let mut w = WavWriter::create(&path, spec(8000, encoding)).expect("created");
        let codes: Vec<u8> = (0..=255u8).flat_map(|c| [c, 255 - c]).collect();
        w.append(&codes).expect("appended");
        w.append(&[encoding.silence(); 2]).expect("appended");
        w.finish(true).expect("finished");
        assert!(expand(encoding, encoding.silence()).abs() <= 8);
        let want: Vec<i16> =
            codes.iter().chain(&[encoding.silence(); 2]).map(|c| expand(encoding, *c)).collect();
        if let (Some(seen), Some(read)) = (probe(&path), decode(&path)) {
            assert_eq!(seen, format!("{codec},8000,2,257"));
            assert_eq!(read, want);
        }
    }
}

/// The file is sparse: its holes are silence to PCM, and cost no disk.
#[test]
fn beyond_4_gib_the_file_becomes_rf64_in_place() {
    let dir = tempfile::tempdir().expect("a folder");
    for (encoding, codec) in [(WavEncoding::PcmS16le, "pcm_s16le"), (WavEncoding::Alaw, "pcm_alaw")] {
        let path = dir.path().join(codec);
        let spec = spec(48_000, encoding);
        let frame = spec.frame_bytes() as u64;
        let mut w = WavWriter::create(&path, spec).expect("created");
        w.append(&[1, 2, 3, 4]).expect("appended");
        drop(w);
        assert_eq!(magic(&path), (*b"RIFF", *b"JUNK"));

        let frames = (1u64 << 32) / frame + 1000;
        let file = OpenOptions::new().write(true).open(&path).expect("opened");
        file.set_len(spec.header_bytes() as u64 + frames * frame).expect("grown");
        let mut w = WavWriter::resume(&folder_of(&path), &path).expect("resumed");
        assert_eq!(w.frames(), frames);
        w.append(&vec![7; 10 * frame as usize]).expect("appended");
        assert_eq!(w.patch(frames + 9, 0, &vec![9; encoding.sample_bytes()]).expect("patched"), 1);
        w.flush().expect("flushed");
        drop(w);

        assert_eq!(magic(&path), (*b"RF64", *b"ds64"));
        let info = read_info(&path).expect("read");
        assert!(info.wide && info.is_sound());
        assert_eq!(info.frames(), frames + 10);
        let mut first = [0u8; 4];
        let file = OpenOptions::new().read(true).open(&path).expect("opened");
        file.read_exact_at(&mut first, spec.header_bytes() as u64).expect("read");
        assert_eq!(first, [1, 2, 3, 4], "no byte of audio moved");
        if let Some(seen) = probe(&path) {
            assert_eq!(seen, format!("{codec},48000,2,{}", frames + 10));
        }

        // And back: cut below 4 GiB it is a plain file again.
        let mut w = WavWriter::resume(&folder_of(&path), &path).expect("resumed");
        w.truncate_frames(1000).expect("cut");
        assert_eq!(w.finish(false).expect("finished").frames, 1000);
        assert_eq!(magic(&path), (*b"RIFF", *b"JUNK"));
    }
}

fn magic(path: &Path) -> ([u8; 4], [u8; 4]) {
    let mut h = [0u8; 16];
    OpenOptions::new().read(true).open(path).and_then(|f| f.read_exact_at(&mut h, 0)).expect("a header");
    ([h[0], h[1], h[2], h[3]], [h[12], h[13], h[14], h[15]])
}
