//! What reaches a listener: the right samples, the right bytes, and nothing kept.

use crate::kit::{Client, Lab, Tape};
use nauhuri::store::wav::WavEncoding;
use uuid::Uuid;

const ROLES: &str = "[room.roles.lead]\nfind = \"all\"\nhear = \"all\"\n[room.roles.clerk]\nfind = \"all\"\n";

fn lab(tapes: &[Tape]) -> (Lab, Vec<Uuid>, Client) {
    let mut lab = Lab::new(ROLES);
    let ids = tapes.iter().map(|tape| lab.record(tape)).collect();
    lab.user("lead", &["--role", "lead"]);
    lab.user("clerk", &["--role", "clerk"]);
    lab.open();
    let client = lab.client("lead");
    (lab, ids, client)
}

#[test]
fn every_encoding_and_rate_plays_as_plain_pcm() {
    let mut tapes = Vec::new();
    for rate in [8_000, 16_000, 48_000] {
        for encoding in WavEncoding::ALL {
            tapes.push(Tape { rate, encoding, ..Tape::new("general", "2001") });
        }
    }
    let (mut lab, ids, lead) = lab(&tapes);
    for (tape, id) in tapes.iter().zip(&ids) {
        let reply = lead.get(&format!("/api/v1/recordings/{id}/audio"));
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("audio/wav")));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("accept-ranges"), Some("bytes"));
        let reader = hound::WavReader::new(&reply.body[..]).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.sample_rate, spec.channels, spec.bits_per_sample), (tape.rate, 2, 16));
        let got: Vec<i16> = reader.into_samples().map(Result::unwrap).collect();
        assert_eq!(got.len(), tape.samples.len());
        // G.711 keeps a sample to some 3 %.
        let near = |(a, b): (&i16, &i16)| {
            let (a, b) = (i32::from(*a), i32::from(*b));
            (a - b).abs() <= if tape.encoding == WavEncoding::PcmS16le { 0 } else { 8 + a.abs() / 30 }
        };
        assert!(got.iter().zip(&tape.samples).all(near), "{} {}", tape.rate, tape.encoding.name());
    }
    lab.close();
}

#[test]
fn ranges_are_pieces_of_the_whole_and_each_is_told() {
    let tape = Tape { encoding: WavEncoding::Alaw, ..Tape::new("general", "2001") };
    let (mut lab, ids, lead) = lab(&[tape]);
    let path = format!("/api/v1/recordings/{}/audio", ids[0]);
    let whole = lead.get(&path).body;
    let len = whole.len();
    let ask = |range: &str| lead.call("GET", &path, None, &[("Range", range)]);
    for (range, start, end) in [
        ("bytes=0-", 0, len),
        ("bytes=0-0", 0, 1),
        ("bytes=43-45", 43, 46),
        ("bytes=1001-5002", 1_001, 5_003),
        ("bytes=-7", len - 7, len),
        ("bytes=100-99999999", 100, len),
    ] {
        let part = ask(range);
        assert_eq!((part.status, &part.body[..]), (206, &whole[start..end]), "{range}");
        let want = format!("bytes {start}-{}/{len}", end - 1);
        assert_eq!(part.header("content-range"), Some(want.as_str()));
    }
    for range in ["bytes=99999999-", "bytes=-0"] {
        let none = ask(range);
        assert_eq!(none.problem(), (416, "range".into()));
        assert_eq!(none.header("content-range"), Some(format!("bytes */{len}").as_str()));
    }
    for range in ["bytes=5-4", "items=0-1", "bytes=0-1,3-4", "x"] {
        assert_eq!((ask(range).status, ask(range).body.len()), (200, len), "{range}");
    }
    let tag = lead.get(&path).header("etag").unwrap().to_owned();
    let part = |tag: &str| lead.call("GET", &path, None, &[("Range", "bytes=0-9"), ("If-Range", tag)]).status;
    assert_eq!((part(&tag), part("\"another\"")), (206, 200));
    let head = lead.call("HEAD", &path, None, &[]);
    assert_eq!((head.status, head.header("content-length")), (200, Some(len.to_string().as_str())));
    // Second 0.5 to 0.75: 32 bytes a millisecond behind a header of 44.
    assert_eq!(ask("bytes=16044-24043").status, 206);
    let told = lab.told("listen", "lead");
    let last = told.last().unwrap();
    assert_eq!(last["targets"][0], ids[0].to_string());
    assert_eq!((last["detail"]["from_s"].as_f64(), last["detail"]["to_s"].as_f64()), (Some(0.5), Some(0.75)));
    assert!(told.len() > 20, "every one");
    lab.close();
}

#[test]
fn a_waveform_and_who_may_see_it() {
    let (mut lab, ids, lead) = lab(&[Tape::new("general", "2001")]);
    let path = format!("/api/v1/recordings/{}/peaks", ids[0]);
    let peaks = lead.get(&path);
    assert_eq!(peaks.status, 200);
    let shape = peaks.json();
    assert_eq!(shape["duration_s"], 1.0);
    assert_eq!(
        (shape["customer"].as_array().unwrap().len(), shape["agent"].as_array().unwrap().len()),
        (1_000, 1_000)
    );
    assert!(peaks.body.len() < 32_000);
    assert_eq!(lead.get(&path).body, peaks.body);
    let clerk = lab.client("clerk");
    assert_eq!(clerk.get(&path).problem(), (403, "forbidden".into()));
    assert_eq!(clerk.get(&path.replace("peaks", "audio")).problem(), (403, "forbidden".into()));
    let told = lab.told("listen", "clerk");
    assert_eq!((told.len(), told[0]["outcome"].as_str()), (1, Some("refused")));
    lab.close();
}

#[test]
fn a_recording_that_is_deleted_is_gone_from_memory_too() {
    let (mut lab, ids, lead) = lab(&[Tape::new("general", "2001"), Tape::new("general", "2002")]);
    let path = format!("/api/v1/recordings/{}", ids[0]);
    assert_eq!(lead.get(&format!("{path}/peaks")).status, 200);
    lab.done(&["erase", &ids[0].to_string(), "--reason", "x", "--yes"], "");
    for rest in ["", "/peaks", "/audio"] {
        assert_eq!(lead.get(&format!("{path}{rest}")).status, 404, "{rest}");
    }
    assert_eq!(lead.get("/api/v1/recordings").json()["items"].as_array().unwrap().len(), 1);
    lab.close();
}

#[test]
fn nothing_is_heard_that_cannot_be_told() {
    let (mut lab, ids, lead) = lab(&[Tape::new("general", "2001")]);
    let log = lab.state().join("audit.jsonl");
    let aside = lab.outside().join("aside");
    std::fs::rename(&log, &aside).unwrap();
    std::fs::create_dir(&log).unwrap();
    for path in ["", "/audio", "/peaks"] {
        let reply = lead.get(&format!("/api/v1/recordings/{}{path}", ids[0]));
        assert_eq!(reply.problem(), (503, "unavailable".into()), "{path}");
    }
    assert_eq!(lead.get("/api/v1/recordings").status, 503);
    let reply = lead.post("/api/v1/session/language", &serde_json::json!({ "language": "sv" }));
    assert_eq!(reply.status, 204, "what touches no recording goes on");
    std::fs::remove_dir(&log).unwrap();
    std::fs::rename(&aside, &log).unwrap();
    assert_eq!(lead.get(&format!("/api/v1/recordings/{}/audio", ids[0])).status, 200);
    lab.close();
}
