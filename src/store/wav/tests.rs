//! The writer against what it wrote, byte by byte.

use super::*;
use crate::store::files::Access;
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const PCM: WavSpec = WavSpec { rate: 8000, encoding: WavEncoding::PcmS16le };
const ALAW: WavSpec = WavSpec { rate: 8000, encoding: WavEncoding::Alaw };

/// The folder that a file is in.
fn root_of(path: &Path) -> Folder {
    Folder::open(path.parent().unwrap(), Access::Owner).unwrap()
}

#[test]
fn header_is_valid_after_every_flush() {
    let dir = tempfile::tempdir().unwrap();
    for encoding in WavEncoding::ALL {
        let spec = WavSpec { rate: 16_000, encoding };
        let path = dir.path().join(encoding.name());
        let mut w = WavWriter::create(&path, spec).unwrap();
        assert!(read_info(&path).unwrap().is_sound());
        for n in 1..4u64 {
            w.append(&vec![encoding.silence(); spec.frame_bytes() * 10]).unwrap();
            w.flush().unwrap();
            let info = read_info(&path).unwrap();
            assert_eq!((info.spec, info.frames(), info.wide), (spec, n * 10, false));
            assert_eq!(info.declared_bytes, Some(info.held_bytes));
            assert!(info.is_sound());
        }
    }
}

/// What a failed sync asks for: the same bytes, whatever their number, and nothing behind them.
#[test]
fn written_again_it_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    for frames in [0, 1, 1000, HASH_BLOCK, 3 * HASH_BLOCK + 7] {
        let path = dir.path().join(format!("{frames}.wav"));
        let mut w = WavWriter::create(&path, PCM).unwrap();
        let noise: Vec<u8> = (0..frames * 4).map(|i| (i * 7 + i / 251) as u8).collect();
        w.append(&noise).unwrap();
        w.flush().unwrap();
        let before = fs::read(&path).unwrap();
        write_again(&w.file, before.len() as u64).unwrap();
        assert!(fs::read(&path).unwrap() == before, "{frames}");
        assert_eq!(w.finish(true).unwrap().frames, frames as u64);
    }
}

#[test]
fn refuses_an_existing_file_and_sets_the_mode() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.wav");
    WavWriter::create(&path, PCM).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(WavWriter::create(&path, ALAW), Err(StoreError::InUse { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn patch_touches_one_channel_of_frames_that_exist() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.wav");
    let mut w = WavWriter::create(&path, ALAW).unwrap();
    w.append(&[1, 2, 3, 4, 5, 6]).unwrap();
    assert_eq!(w.patch(1, 1, &[40, 60, 80]).unwrap(), 2);
    assert_eq!(w.patch(9, 0, &[7]).unwrap(), 0);
    assert_eq!(w.patch(0, 2, &[7]).unwrap(), 0);
    assert_eq!(w.finish(false).unwrap().frames, 3);
    assert_eq!(fs::read(&path).unwrap()[94..], [1, 2, 3, 40, 5, 60]);
}

#[test]
fn refuses_partial_frames() {
    let dir = tempfile::tempdir().unwrap();
    let mut w = WavWriter::create(&dir.path().join("a.wav"), PCM).unwrap();
    assert!(matches!(w.append(&[0; 6]), Err(StoreError::Misaligned { got: 6, unit: 4 })));
    w.append(&[0; 8]).unwrap();
    assert!(matches!(w.patch(0, 0, &[0; 3]), Err(StoreError::Misaligned { got: 3, unit: 2 })));
    assert_eq!(w.frames(), 2);
}

#[test]
fn truncates_and_hashes_the_whole_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.wav");
    let mut w = WavWriter::create(&path, PCM).unwrap();
    w.append(&[7; 400]).unwrap();
    w.truncate_frames(200).unwrap();
    assert_eq!(w.frames(), 100);
    w.truncate_frames(25).unwrap();
    let done = w.finish(true).unwrap();
    assert_eq!((done.frames, done.bytes), (25, 180));
    let mut h = Sha256::new();
    h.update(fs::read(&path).unwrap());
    assert_eq!(done.sha256_hex, format!("{:x}", h.finalize()));
    assert_eq!(done.sha256_hex, sha256_hex(&path).unwrap());
}

#[test]
fn length_comes_from_the_file_when_the_header_lags_or_lies() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.wav");
    let mut w = WavWriter::create(&path, PCM).unwrap();
    w.append(&[1; 400]).unwrap();
    drop(w);
    let whole = fs::read(&path).unwrap();
    for size in [0u32, 8, 4000, u32::MAX] {
        let mut bytes = whole.clone();
        bytes[76..80].copy_from_slice(&size.to_le_bytes());
        // Half a frame that a failed write left.
        bytes.extend_from_slice(&[9, 9]);
        fs::write(&path, bytes).unwrap();
        let w = WavWriter::resume(&root_of(&path), &path).unwrap();
        assert_eq!(w.frames(), 100, "declared {size}");
        let done = w.finish(false).unwrap();
        assert_eq!(done.bytes, 480);
        assert!(read_info(&path).unwrap().is_sound());
    }
}

#[test]
fn a_lost_header_is_rebuilt_around_the_samples() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.wav");
    let mut w = WavWriter::create(&path, ALAW).unwrap();
    w.append(&[1; 50]).unwrap();
    let before = w.finish(false).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[..94].fill(0);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(WavWriter::resume(&root_of(&path), &path), Err(StoreError::NotWav { .. })));
    assert_eq!(WavWriter::resume_as(&root_of(&path), &path, ALAW).unwrap().finish(false).unwrap(), before);
    fs::write(&path, b"").unwrap();
    assert_eq!(WavWriter::resume_as(&root_of(&path), &path, ALAW).unwrap().finish(false).unwrap().bytes, 94);
}

#[test]
fn foreign_files_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.wav");
    let mono = {
        let mut h = riff::encode(PCM, 0);
        h[58] = 1;
        h
    };
    let float = {
        let mut h = riff::encode(PCM, 0);
        h[56] = 3;
        h
    };
    let endless: Vec<u8> = b"RIFF\0\0\0\0WAVE".iter().copied().chain(b"xxxx\0\0\0\0".repeat(1000)).collect();
    for bytes in [b"".to_vec(), b"RIFF".to_vec(), vec![0; 200], mono, float, endless] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(read_info(&path), Err(StoreError::NotWav { .. })));
    }
}

#[test]
fn sizes_switch_to_64_bits_exactly_where_32_end() {
    // The largest even RIFF size below the marker.
    let last = u64::from(u32::MAX) - 1 - 72;
    assert_eq!(&riff::encode(PCM, last)[..4], b"RIFF");
    let wide = riff::encode(PCM, last + 2);
    assert_eq!((&wide[..4], &wide[12..16]), (&b"RF64"[..], &b"ds64"[..]));
    assert_eq!(wide[4..8], [0xFF; 4]);
    assert_eq!(wide[20..28], (last + 2 + 72).to_le_bytes());
    assert_eq!(wide[28..36], (last + 2).to_le_bytes());
    assert_eq!(wide[76..80], [0xFF; 4]);
}
