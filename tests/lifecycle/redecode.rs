//! Payload that could not be decoded: kept beside its recording, made sound later, gone with it.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::repository;
use crate::common::run::{nauhuri, replay};
use crate::common::sdp::{Line, description};
use crate::common::voice::{Packet, Voice};
use nauhuri::store::lock::{EditLock, StoreLock};
use nauhuri::store::recover::{RecoverOptions, recover};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;

/// A store that cannot decode what libavcodec decodes, and keeps it.
struct Store {
    dir: tempfile::TempDir,
}

impl Store {
    fn of(captures: &[&Path]) -> Store {
        let store = Store { dir: tempfile::tempdir().unwrap() };
        let config = format!(
            "[agents]\nextensions = [\"2000-2999\"]\n[codecs]\nexternal = false\n[retention]\nguard = 0\n\
             [pause]\nheader = \"Record\"\n[storage]\nkeep_undecoded = true\ndir = \"{}\"\n",
            store.root().display()
        );
        std::fs::write(store.dir.path().join("nauhuri.toml"), config).unwrap();
        let mut args = vec!["replay"];
        args.extend(captures.iter().map(|c| c.to_str().unwrap()));
        store.ends(0, &args);
        store
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn run(&self, args: &[&str]) -> Output {
        let config = self.dir.path().join("nauhuri.toml");
        nauhuri().args(args).arg("--config").arg(config).output().unwrap()
    }

    /// All it says.
    fn ends(&self, status: i32, args: &[&str]) -> String {
        let out = self.run(args);
        let said = [out.stdout, out.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        assert_eq!(out.status.code(), Some(status), "{args:?}: {said}");
        said
    }

    /// With decoders.
    fn redecode(&self, status: i32, id: &str) -> String {
        self.ends(status, &["redecode", id, "--set", "codecs.external=true"])
    }

    fn files(&self, suffix: &str) -> Vec<PathBuf> {
        let all = crate::common::run::files(&self.root()).into_iter();
        let mut own: Vec<_> = all.filter(|p| p.to_string_lossy().ends_with(suffix)).collect();
        own.retain(|p| !p.to_string_lossy().contains(".nauhuri"));
        own.sort();
        own
    }

    fn json(&self) -> Value {
        let [json] = &self.files(".json")[..] else { panic!("{:?}", self.files(".json")) };
        serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap()
    }

    fn id(&self) -> String {
        self.json()["id"].as_str().unwrap().to_owned()
    }

    fn wav(&self) -> Vec<u8> {
        std::fs::read(&self.files(".wav")[0]).unwrap()
    }
}

fn g729() -> PathBuf {
    repository("pcaps").join("sipp-g729.pcap")
}

/// The WAV that a recorder with decoders makes of a capture.
fn heard(capture: &Path) -> Vec<u8> {
    let config = "[agents]\nextensions = [\"2000-2999\"]\n";
    let run = replay(config, &[capture]);
    std::fs::read(&run.only().path).unwrap()
}

/// AMR as RFC 4867 has it with `octet-align=1`: a mode request, then one frame.
fn amr() -> Vec<Vec<u8>> {
    let all = std::fs::read(repository("tests/data/foreign").join("speech.amr")).unwrap();
    all[6..].chunks_exact(32).map(|frame| [&[0xF0], frame].concat()).collect()
}

/// A call in which the customer speaks `name`, some of it before the answer, and the agent G.711.
fn mixed(name: &str, fmtp: &str, payloads: &[Vec<u8>], ticks: u32) -> (tempfile::TempDir, PathBuf) {
    scene(name, fmtp, |customer, _| {
        let mut packets = Vec::new();
        for (i, payload) in payloads.iter().cycle().take(110).enumerate() {
            packets.push(customer.other(800.0 + 20.0 * i as f64, 97, payload));
            customer.ts = customer.ts.wrapping_add(ticks);
        }
        packets
    })
}

/// A call of two seconds, answered after one, to an agent who speaks G.711.
fn scene(
    name: &str,
    fmtp: &str,
    spoken: impl FnOnce(&mut Voice, &Dialog) -> Vec<Packet>,
) -> (tempfile::TempDir, PathBuf) {
    let (map, mut scene) = (format!("97 {name}"), Scene::new());
    let d = Dialog::new(1);
    let line = |at| Line::audio(at).formats("97 8", &[&map]);
    let with_fmtp = |l: Line| if fmtp.is_empty() { l } else { l.with(format!("fmtp:97 {fmtp}")) };
    let bodies = d.rtp.map(|at| description(1, &[with_fmtp(line(at))]));
    let d = Dialog { formats: ["97 8".into(), "97 8".into()], bodies, ..d };
    d.answered(&mut scene, 0.0, 1000.0);
    let mut agent = Voice::of(&d, Callee, 5).meaning(8, 8);
    scene.media(&agent.talk(1010.0, 3000.0));
    let mut customer = Voice::of(&d, Caller, 3);
    let packets = spoken(&mut customer, &d);
    scene.media(&packets);
    d.bye(&mut scene, 3000.0, Caller);
    scene.saved()
}

#[test]
fn the_sound_is_what_it_would_have_been() {
    let amr = mixed("AMR/8000", "octet-align=1", &amr(), 160);
    for capture in [g729(), amr.1.clone()] {
        let store = Store::of(&[&capture]);
        let (before, id) = (store.json(), store.id());
        assert_eq!((before["complete"] == true, before["undecoded"]["else_complete"] == true), (false, true));
        let [pcap] = &store.files(".pcap")[..] else { panic!() };
        assert_eq!(before["undecoded"]["file"], pcap.file_name().unwrap().to_str().unwrap());
        let kept = std::fs::read(pcap).unwrap();
        store.ends(0, &["verify"]);
        let told = store.ends(1, &["redecode", &id]);
        assert!(told.contains("nothing here can decode its payload"), "{told}");
        assert!(store.redecode(0, &id).contains("has its sound now"));
        assert!(store.wav() == heard(&capture), "{}", capture.display());
        let after = store.json();
        assert_eq!(after["complete"], true);
        assert!(after["undecoded"]["decoded_at"].is_string());
        store.ends(0, &["verify"]);
        assert!(store.redecode(0, &id).contains("has nothing to be decoded"));
        assert_eq!(std::fs::read(pcap).unwrap(), kept, "what came stays");
        let log = store.ends(0, &["audit", "show"]);
        assert!(log.contains("redecode (refused)") && log.matches("redecode").count() == 3, "{log}");
    }
}

/// Other tools open the file: to this recorder it is a capture like another, of nobody's number.
#[test]
fn what_is_kept_is_a_capture_without_names() {
    let store = Store::of(&[&g729()]);
    let pcap = store.files(".pcap").remove(0);
    let run = replay("[agents]\nextensions = [\"agent\"]\n", &[&pcap]);
    let wav = std::fs::read(&run.only().path).unwrap();
    assert!(wav[44..] == heard(&g729())[44..]);
    let bytes = std::fs::read(&pcap).unwrap();
    for secret in ["35840123", "40123", "sipp-g729-1@"] {
        assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret}");
    }
    // Nothing from before the answer, nothing from behind the end.
    let (from, to) = (store.json()["answered_at"].clone(), store.json()["ended_at"].clone());
    let ns_of = |v: Value| v.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_nanosecond() as i64;
    let (from, to) = (ns_of(from), ns_of(to));
    let mut n = 0;
    crate::common::capture::frames(&pcap, &mut |at, _, _| {
        n += 1;
        assert!((from..=to + 1000).contains(&at), "{at}");
    });
    assert!(n > 200, "{n}");
}

#[test]
fn it_goes_with_its_recording() {
    let store = Store::of(&[&g729()]);
    let id = store.id();
    store.ends(0, &["hold", &id, "--reason", "crime", "--ref", "1"]);
    let before = store.wav();
    assert!(store.redecode(1, &id).contains("it is on hold"));
    assert!(store.wav() == before);
    store.ends(1, &["erase", &id, "--reason", "asked for", "--yes"]);
    assert_eq!(store.files("").len(), 3);
    store.ends(0, &["release", &id]);
    store.ends(0, &["restrict", &id, "--ref", "1"]);
    assert!(store.redecode(1, &id).contains("it is restricted"));
    store.ends(0, &["unrestrict", &id, "--ref", "1"]);
    store.ends(0, &["erase", &id, "--reason", "asked for", "--yes"]);
    assert_eq!(store.files(""), Vec::<PathBuf>::new());
}

/// Sound of the same call that was decoded at once, between what was not.
#[test]
fn what_was_heard_stays_as_it_was() {
    let amr = amr();
    let (_dir, capture) = scene("AMR/8000", "octet-align=1", |customer, _| {
        let mut packets = Vec::new();
        for i in 0..100 {
            // A second in G.711 in the midst of it.
            let is_law = (40..70).contains(&i);
            let at = 1010.0 + 20.0 * f64::from(i);
            packets.push(match is_law {
                true => customer.other(at, 8, &[0x35; 160]),
                false => customer.other(at, 97, &amr[i as usize % amr.len()]),
            });
            customer.ts = customer.ts.wrapping_add(160);
        }
        packets
    });
    let store = Store::of(&[&capture]);
    store.redecode(0, &store.id());
    assert_eq!(store.json()["complete"], true);
    let (sound, direct) = (samples(&store.wav(), 0), samples(&heard(&capture), 0));
    let law = crate::common::audio::alaw(0x35);
    let run = sound.iter().filter(|s| **s == law).count();
    assert!((30 * 160 - 80..=30 * 160 + 80).contains(&run), "{run}");
    let alike = sound.iter().zip(&direct).filter(|(a, b)| a == b).count();
    // But for what the codec remembers of before.
    assert!(alike * 100 > sound.len() * 80, "{alike} of {}", sound.len());
}

/// A stranger who speaks to the agent's port is no party, whatever he sends and as whoever.
#[test]
fn no_strangers_payload_is_kept() {
    let amr = amr();
    for (his_type, his_ssrc, from, to) in [
        (97u8, None, 1500.0, 2500.0),
        (97, None, 1001.0, 1900.0),
        (97, Some(()), 1400.0, 2400.0),
        (8, None, 1300.0, 2300.0),
    ] {
        let (_dir, capture) = scene("AMR/8000", "octet-align=1", |customer, d| {
            let mut his =
                Voice::of(d, Caller, 77).between("10.9.9.9:4444".parse().unwrap(), d.rtp[Callee as usize]);
            if his_ssrc.is_some() {
                (his.ssrc, his.seq, his.ts) =
                    (customer.ssrc, customer.seq.wrapping_add(20), customer.ts.wrapping_add(20 * 160));
            }
            let mut packets = Vec::new();
            for i in 0..98 {
                packets.push(customer.other(1020.0 + 20.0 * f64::from(i), 97, &amr[i as usize % amr.len()]));
                customer.ts = customer.ts.wrapping_add(160);
            }
            let mut at = from;
            while at < to {
                let payload =
                    if his_type == 97 { [&[0xF0, 0x3C][..], &[0xEE; 31]].concat() } else { vec![0x11; 160] };
                packets.push(his.other(at, his_type, &payload));
                his.ts = his.ts.wrapping_add(160);
                at += 20.0;
            }
            packets
        });
        let store = Store::of(&[&capture]);
        let pcap = std::fs::read(&store.files(".pcap")[0]).unwrap();
        let is_his = |w: &[u8]| w == [0xEE; 16] || w == [0x11; 16];
        let first = if his_type == 97 { pcap.windows(16).position(is_his) } else { None };
        assert_eq!(first, None, "{his_type} {from}: his payload is kept");
        store.redecode(0, &store.id());
        let (sound, direct) = (samples(&store.wav(), 0), samples(&heard(&capture), 0));
        let other = sound.iter().zip(&direct).filter(|(a, b)| a != b).count();
        assert!(other * 20 < sound.len(), "{his_type} {from}: {other} samples are not the customer's");
    }
}

/// One channel of a WAV of 16-bit samples.
fn samples(wav: &[u8], channel: usize) -> Vec<i16> {
    let all: Vec<i16> = hound::WavReader::new(wav).unwrap().into_samples().map(Result::unwrap).collect();
    all.into_iter().skip(channel).step_by(2).collect()
}

#[test]
fn what_was_paused_stays_silent() {
    let (_keep, capture) = scene("AMR/8000", "octet-align=1", |customer, d| {
        let mut packets = Vec::new();
        for (i, payload) in amr().iter().cycle().take(100).enumerate() {
            packets.push(customer.other(1001.0 + 20.0 * i as f64, 97, payload));
            customer.ts = customer.ts.wrapping_add(160);
        }
        for (cseq, at, word) in [(2, 1600.0, "off"), (3, 2200.0, "on")] {
            let text = d.request_text("INFO", Callee, cseq, true, &format!("Record: {word}\r\n"), None);
            let mut info = customer.other(at, 97, b"");
            (info.src, info.dst, info.rtp) = (d.sip[1], d.sip[0], text.into_bytes());
            packets.push(info);
        }
        packets
    });
    let store = Store::of(&[&capture]);
    assert_eq!(store.json()["paused_s"], 0.6, "{}", store.json());
    store.redecode(0, &store.id());
    let wav = store.wav();
    for channel in [0, 1] {
        let all = samples(&wav, channel);
        assert!(all[4801..9599].iter().all(|s| *s == 0), "{channel}");
        assert!(all[1600..3200].iter().any(|s| s.abs() > 100), "{channel}");
        assert!(all[11_000..15_000].iter().any(|s| s.abs() > 100), "{channel}");
    }
}

#[test]
fn what_was_altered_is_not_decoded_and_is_found() {
    let store = Store::of(&[&g729()]);
    let (id, pcap) = (store.id(), store.files(".pcap").remove(0));
    let mut bytes = std::fs::read(&pcap).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&pcap, &bytes).unwrap();
    let before = store.wav();
    assert!(store.redecode(1, &id).contains("is not the one its sidecar speaks of"));
    assert!(store.ends(1, &["verify"]).starts_with("hash "));
    std::fs::remove_file(&pcap).unwrap();
    assert!(store.ends(1, &["verify"]).contains("is missing"));
    store.redecode(1, &id);
    assert!(store.wav() == before && store.files(".new").is_empty());
}

/// Killed between any two steps, the next start of the recorder makes it whole.
#[test]
fn an_edit_cut_short_is_finished_or_taken_back() {
    let store = Store::of(&[&g729()]);
    let (id, silent, json) = (store.id(), store.wav(), store.files(".json").remove(0));
    let told_before = std::fs::read(&json).unwrap();
    store.redecode(0, &id);
    let (sound, told_after) = (store.wav(), std::fs::read(&json).unwrap());
    let wav = store.files(".wav").remove(0);
    let part = wav.with_extension("wav.new");
    for (told, is_made) in [(&told_before, false), (&told_after, true)] {
        std::fs::write(&wav, &silent).unwrap();
        std::fs::write(&part, &sound).unwrap();
        std::fs::write(&json, told).unwrap();
        let mut lock = StoreLock::enter(&store.root()).unwrap();
        let edits = EditLock::wait(&store.root().join(".nauhuri")).unwrap();
        recover(&mut lock, &edits, &RecoverOptions::default()).unwrap();
        assert!(!part.exists());
        assert!(
            std::fs::read(&wav).unwrap() == if is_made { sound.clone() } else { silent.clone() },
            "{is_made}"
        );
    }
}

#[test]
fn nothing_is_kept_unless_asked_for() {
    let out = tempfile::tempdir().unwrap();
    let run = nauhuri()
        .args(["replay", "--set", "codecs.external=false", "--out"])
        .arg(out.path())
        .arg(g729())
        .output()
        .unwrap();
    assert!(run.status.success());
    assert!(crate::common::run::files(out.path()).iter().all(|p| p.extension().is_none_or(|e| e != "pcap")));
}
