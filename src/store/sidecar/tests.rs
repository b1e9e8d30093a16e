//! Round trips, judgement, and keys of later versions.

use super::*;
use crate::store::StoreError;
use crate::store::files::{Access, Folder};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn sample() -> Sidecar {
    Sidecar {
        schema: 1,
        id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001),
        call_group: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0002),
        wav: "20261123T081523.120Z_2001_+35840123xxxx_00000001.wav".into(),
        service: Some("116117".into()),
        direction: Some(CallDirection::Inbound),
        agent: Agent { id: Some("2001".into()), name: Some(Pii::from("M. Virtanen")) },
        customer: Customer { number: Some("+35840123xxxx".into()), withheld: false },
        dialled: Some("116117".into()),
        answered_at: at("2026-11-23T08:15:23.12Z"),
        ended_at: at("2026-11-23T08:15:38.552Z"),
        duration_s: 15.432,
        ended_by: EndedBy::CaptureEnd,
        complete: true,
        sip: SipInfo { call_id: Some("a@b".into()) },
        audio: Audio { frames: 123_456, sha256: "0".repeat(64), ..Audio::begin(8000, WavEncoding::PcmS16le) },
        streams: vec![Stream {
            channel: Channel::Customer,
            codec: "PCMA".into(),
            ssrc: "0x1a2b3c4d".into(),
            source: Some("claimed".into()),
            packets: 771,
            lost: 1,
            late: 0,
            duplicates: 2,
            jitter_ms: 1.0 / 3.0,
            skew_ppm: None,
            mos: None,
        }],
        events: vec![EventRecord { channel: Some(Channel::Customer), ..EventRecord::new(12.3, "dtmf") }],
        retention: RetentionRecord { until: Some(at("2031-11-24T00:00:00Z")), ..RetentionRecord::default() },
        policy: Some(AppliedPolicy {
            retention: Legible::Known(Term::Years(5)),
            retention_bound: RetentionBound::Keep,
            timezone: Some("Europe/Helsinki".into()),
            hide_caller_digits: HideDigits::Last(4),
            silence_tones: false,
        }),
        restricted: Restrictions::default(),
        amendments: Amendments::default(),
        paused_s: 0.0,
        undecoded: None,
        assurance: None,
        before_agent_s: None,
        before_agent_leg: None,
        extra: Pii::default(),
    }
}

/// The folder that a file is in.
fn root_of(path: &Path) -> Folder {
    Folder::open(path.parent().unwrap(), Access::Owner).unwrap()
}

fn file(sidecar: &Sidecar) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json");
    write_atomically(&root_of(&path), &path, sidecar, false).unwrap();
    (dir, path)
}

#[test]
fn keys_stand_in_the_order_of_the_contract() {
    let text = String::from_utf8(sample().to_bytes().unwrap()).unwrap();
    let keys: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("  \"")?.split('"').next()).collect();
    assert_eq!(
        keys,
        [
            "schema",
            "id",
            "call_group",
            "wav",
            "service",
            "direction",
            "agent",
            "customer",
            "dialled",
            "answered_at",
            "ended_at",
            "duration_s",
            "ended_by",
            "complete",
            "sip",
            "audio",
            "streams",
            "events",
            "retention",
            "policy",
            "before_agent_s",
            "before_agent_leg"
        ]
    );
    assert!(text.ends_with("}\n") && !text.ends_with("\n\n"));
    assert!(text.contains("\"jitter_ms\": 0.333,"));
    assert!(text.contains("\"hold\": null"));
    assert!(text.contains("\"ended_by\": \"capture_end\""));
}

#[test]
fn round_trips_byte_for_byte() {
    let (_dir, path) = file(&sample());
    let read = Sidecar::read(&path).unwrap();
    assert_eq!(read.to_bytes().unwrap(), fs::read(&path).unwrap());
    assert_eq!(read.to_bytes().unwrap(), sample().to_bytes().unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut odd = sample();
    for n in [0.0, 1e-7, 0.1 + 0.2, 86_399.999_999_6, 123_456.789_012_345] {
        odd.duration_s = n;
        let once = odd.to_bytes().unwrap();
        let again: Sidecar = serde_json::from_slice(&once).unwrap();
        assert_eq!(again.to_bytes().unwrap(), once, "{n}");
        assert!((again.duration_s - n).abs() <= 5e-7 + f64::EPSILON);
    }
}

#[test]
fn pauses_end_with_the_recording() {
    let mut s = sample();
    let pause = |at_s, end_s| EventRecord { end_s, ..EventRecord::new(at_s, "pause") };
    s.duration_s = 10.0;
    s.events =
        vec![pause(1.0, Some(2.5)), EventRecord::new(20.0, "hold"), pause(8.0, None), pause(11.0, None)];
    s.end_pauses();
    let told: Vec<_> = s.events.iter().map(|e| (e.at_s, e.end_s)).collect();
    assert_eq!(told, [(1.0, Some(2.5)), (20.0, None), (8.0, Some(10.0))]);
    assert_eq!(s.paused_s, 3.5);
}

#[test]
fn judges_what_types_cannot() {
    type Break = fn(&mut Sidecar);
    let broken: [(&str, Break); 10] = [
        ("schema", |s| s.schema = 2),
        ("wav", |s| s.wav = "../x.wav".into()),
        ("wav", |s| s.wav = ".wav".into()),
        ("wav", |s| s.wav = "a.wav/".into()),
        ("ended_at", |s| s.ended_at = at("2026-11-23T08:15:23Z")),
        ("duration_s", |s| s.duration_s = f64::NAN),
        ("duration_s", |s| s.duration_s = -1.0),
        ("audio.channels", |s| s.audio.channels.reverse()),
        ("audio.sha256", |s| s.audio.sha256 = "F".repeat(64)),
        ("events.at_s", |s| s.events[0].at_s = f64::INFINITY),
    ];
    sample().check().unwrap();
    for (key, breaks) in broken {
        let mut s = sample();
        breaks(&mut s);
        assert_eq!(s.check().unwrap_err().key, key);
    }
}

#[test]
fn what_is_no_instant_is_told_by_its_key_alone() {
    let (_dir, path) = file(&sample());
    let good: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (pointer, key) in
        [("/answered_at", "answered_at"), ("/ended_at", "ended_at"), ("/retention/until", "retention.until")]
    {
        for bad in ["yesterday", "2031-11-24", "", "+358401234567", "2026-11-23T08:15:23"] {
            let mut value = good.clone();
            *value.pointer_mut(pointer).unwrap() = json!(bad);
            fs::write(&path, value.to_string()).unwrap();
            let StoreError::Sidecar { why, .. } = Sidecar::read(&path).unwrap_err() else { panic!("{key}") };
            assert_eq!(why, format!("`{key}` is not an RFC 3339 instant"));
        }
    }
}

#[test]
fn instants_stay_as_they_were_written() {
    let (_dir, path) = file(&sample());
    let mut v: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    v["answered_at"] = json!("2026-11-23T10:15:23.12+02:00");
    v["retention"]["until"] = json!("2031-11-24T00:00:00.000000Z");
    fs::write(&path, v.to_string()).unwrap();
    let mut s = Sidecar::read(&path).unwrap();
    assert_eq!((s.answered_at, s.retention.until), (sample().answered_at, sample().retention.until));
    s.complete = false;
    rewrite_atomically(&root_of(&path), &path, &s).unwrap();
    v["complete"] = json!(false);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&fs::read(&path).unwrap()).unwrap(), v);
}

#[test]
fn a_term_that_cannot_be_read_is_kept_as_it_came() {
    let (_dir, path) = file(&sample());
    let mut v: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for bad in [json!("for ever"), json!("0 days"), json!(5), json!(null), json!({"years": 5})] {
        v["policy"]["retention"] = bad;
        fs::write(&path, v.to_string()).unwrap();
        let mut s = Sidecar::read(&path).unwrap();
        assert_eq!(s.policy.as_ref().map(AppliedPolicy::is_legible), Some(false));
        s.complete = !s.complete;
        rewrite_atomically(&root_of(&path), &path, &s).unwrap();
        v["complete"] = json!(s.complete);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&fs::read(&path).unwrap()).unwrap(), v);
    }
}

#[test]
fn a_sidecar_does_not_print_a_number() {
    let mut s = sample();
    s.dialled = Some("+358409876543".into());
    let later = json!({"redirected_from": "+358405555555", "also": ["+358401111111"]});
    s.extra = Pii::new(later.as_object().unwrap().clone());
    s.retention.hold = serde_json::from_value(json!({"reason": "crime", "of": "+358402222222"})).unwrap();
    s.restricted = serde_json::from_value(json!(["+358403333333"])).unwrap();
    s.policy.as_mut().unwrap().retention = serde_json::from_value(json!("+358404444444")).unwrap();
    let text = format!("{s:?} {s:#?}");
    let digits: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() > 2).collect();
    for number in ["35840123", "358409876543", "358405555555", "358401111111", "358402222222", "358403333333"]
    {
        assert!(!text.contains(number), "{number}");
    }
    assert!(!digits.iter().any(|run| run.contains("35840")), "{digits:?}");
    // What is hidden is there.
    let written = String::from_utf8(s.to_bytes().unwrap()).unwrap();
    assert!(written.contains("+35840123xxxx") && written.contains("+358405555555"));
}

#[test]
fn an_unfit_sidecar_is_neither_written_nor_read_nor_quoted() {
    let (_dir, path) = file(&sample());
    let before = fs::read(&path).unwrap();
    let mut bad = sample();
    bad.duration_s = f64::NAN;
    assert!(matches!(rewrite_atomically(&root_of(&path), &path, &bad), Err(StoreError::Sidecar { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
    for text in ["", "{", "[]", "{\"schema\":1}", r#"{"schema":"+358401234567"}"#] {
        fs::write(&path, text).unwrap();
        let e = Sidecar::read(&path).unwrap_err().to_string();
        assert!(!e.contains("401234567"), "{e}");
    }
}

#[test]
fn unknown_keys_survive_an_edit_wherever_they_stand() {
    let (_dir, path) = file(&sample());
    let mut v: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    v["later"] = json!({"a": [1, 2.50]});
    v["retention"]["policy"] = json!("v7");
    v["agent"]["team"] = json!("blue");
    v["streams"][0]["rtt_ms"] = json!(17);
    fs::write(&path, v.to_string()).unwrap();

    let mut s = Sidecar::read(&path).unwrap();
    s.retention.hold = serde_json::from_value(json!({"reason": "crime"})).unwrap();
    s.agent.name = None;
    s.restricted = serde_json::from_value(json!(true)).unwrap();
    rewrite_atomically(&root_of(&path), &path, &s).unwrap();
    let got: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    v["retention"]["hold"] = json!({"reason": "crime"});
    v["agent"]["name"] = json!(null);
    v["restricted"] = json!(true);
    assert_eq!(got, v);

    // What the editor takes away is gone.
    let mut s = Sidecar::read(&path).unwrap();
    s.restricted = Restrictions::default();
    s.retention.hold = Holds::default();
    rewrite_atomically(&root_of(&path), &path, &s).unwrap();
    let got: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(got.get("restricted").is_none() && got["retention"]["hold"].is_null());
    assert_eq!(got["later"], v["later"]);
    assert!(!path.with_extension("json.new").exists());
}

#[test]
fn unknown_is_null() {
    let mut s = sample();
    (s.service, s.direction, s.dialled, s.sip.call_id, s.retention.until) = (None, None, None, None, None);
    s.agent = Agent::default();
    s.customer = Customer::default();
    let (_dir, path) = file(&s);
    let v: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for key in [
        "/service",
        "/direction",
        "/dialled",
        "/sip/call_id",
        "/retention/until",
        "/agent/id",
        "/customer/number",
    ] {
        assert_eq!(v.pointer(key), Some(&json!(null)), "{key}");
    }
    s.streams[0].jitter_ms = 0.333;
    assert_eq!(Sidecar::read(&path).unwrap(), s);
}
