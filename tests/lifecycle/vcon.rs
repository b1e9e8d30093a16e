//! vCons: read again by hand, by the rules of the draft, and by the package that others use.

use crate::lifecycle::{AGENT, Store, by, day, files};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nauhuri::custody::export::{ExportForm, ExportRequest, VconForm, VconSigner};
use nauhuri::id::Channel;
use nauhuri::store::sidecar::Sidecar;
use nauhuri::store::wav::{WavEncoding, read_info};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use uuid::Uuid;

fn order(to: &Path, form: VconForm) -> ExportRequest {
    ExportRequest { to: to.to_owned(), form: ExportForm::Vcon(form), ..ExportRequest::default() }
}

/// The only file of that suffix.
fn only(folder: &Path, suffix: &str) -> PathBuf {
    let mut found: Vec<_> =
        files(folder).into_iter().filter(|p| p.extension().is_some_and(|e| e == suffix)).collect();
    assert_eq!(found.len(), 1, "{suffix}: {found:?}");
    found.remove(0)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// A recording of this number, in this encoding, with a hold and a pause.
fn recorded(store: &Store, encoding: WavEncoding, number: Value) -> Uuid {
    let id = store.record_as(1, -10, 100, "116117", encoding);
    let path = store.row(id).unwrap().json(&store.root);
    let mut sidecar = read(&path);
    sidecar["customer"] = number;
    sidecar["paused_s"] = 0.2.into();
    sidecar["events"] = json!([
        { "at_s": 0.1, "kind": "hold" }, { "at_s": 0.2, "kind": "resume" },
        { "at_s": 0.5, "kind": "pause", "end_s": 0.7, "by": "key" }
    ]);
    fs::write(&path, serde_json::to_string_pretty(&sidecar).unwrap()).unwrap();
    id
}

/// What the draft asks of every vCon, by its words and not by our types.
fn assert_follows_the_draft(vcon: &Value) {
    assert_eq!(vcon["vcon"], "0.4.0");
    assert!(vcon["uuid"].as_str().unwrap().parse::<Uuid>().is_ok());
    let is_date = |v: &Value| v.as_str().is_some_and(|t| t.parse::<jiff::Timestamp>().is_ok());
    assert!(is_date(&vcon["created_at"]) && is_date(&vcon["updated_at"]));
    assert!(!(vcon["redacted"].is_object() && vcon["amended"].is_object()));
    let parties = vcon["parties"].as_array().unwrap();
    for party in parties {
        if let Some(tel) = party["tel"].as_str() {
            assert!(tel.starts_with('+') && tel[1..].bytes().all(|b| b.is_ascii_digit()), "{tel}");
        }
        assert!(party["name"].is_null() || party["name"] == "anonymous" || party["validation"].is_string());
    }
    for dialog in vcon["dialog"].as_array().unwrap() {
        assert_eq!(dialog["type"], "recording");
        assert!(is_date(&dialog["start"]) && dialog["duration"].as_f64().unwrap() > 0.0);
        assert_eq!(dialog["parties"], json!([0, 1]), "one for each channel");
        assert_eq!(dialog["mediatype"], "audio/x-wav");
        let (inline, elsewhere) = (dialog["body"].is_string(), dialog["url"].is_string());
        assert!(inline != elsewhere);
        assert_eq!(dialog["encoding"].is_string(), inline);
        assert!(dialog["content_hash"].is_string());
        if let Some(body) = dialog["body"].as_str() {
            let hash = URL_SAFE_NO_PAD.encode(Sha512::digest(body));
            assert_eq!(dialog["content_hash"], format!("sha512-{hash}"), "of the text");
        }
    }
    for attachment in vcon["attachments"].as_array().unwrap() {
        assert!(is_date(&attachment["start"]));
        assert!((attachment["party"].as_u64().unwrap() as usize) < parties.len());
        assert_eq!((&attachment["dialog"], &attachment["encoding"]), (&json!(0), &json!("json")));
        assert!(attachment["mediatype"].is_string() && attachment["body"].is_object());
    }
    // Objects with null values are left out.
    assert!(!vcon["dialog"].to_string().contains("null"));
}

/// The sound inside.
fn sound(vcon: &Value) -> Vec<u8> {
    let body = vcon["dialog"][0]["body"].as_str().unwrap();
    assert!(!body.contains(['+', '/', '=']), "base64url has neither these nor padding");
    URL_SAFE_NO_PAD.decode(body).unwrap()
}

/// What the package says of a file: it has to be installed (`scripts/setup test`).
fn package(file: &Path, certificate: Option<&Path>) -> Value {
    let script = crate::common::repository("tests/data/vcon/read.py");
    let packages = crate::common::repository("target/tools/vcon");
    let mut command = Command::new("python3");
    command.arg(script).arg(file).args(certificate).env("PYTHONPATH", packages);
    let out = command.output().unwrap_or_else(|e| panic!("python3: {e}; run scripts/setup test"));
    let told = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{told}\nis the package there? run scripts/setup test");
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn the_whole_recording_is_in_it() {
    for encoding in WavEncoding::ALL {
        let store = Store::new();
        let id = recorded(&store, encoding, json!({ "number": "+358505550xxxx", "withheld": false }));
        let row = store.row(id).unwrap();
        let original = fs::read(row.wav(&store.root)).unwrap();
        let to = store.outside().join("out");
        let done = store
            .keeper()
            .export(std::slice::from_ref(&row), &order(&to, VconForm::default()), &by(day(0)))
            .unwrap();
        assert_eq!(done.recordings, 1);
        let path = only(&to, "vcon");
        assert_eq!(files(&to).len(), 2, "it and the manifest: {:?}", files(&to));
        let vcon = read(&path);
        assert_follows_the_draft(&vcon);
        assert!(sound(&vcon) == original, "byte for byte");
        let sidecar: Sidecar = serde_json::from_value(vcon["attachments"][0]["body"].clone()).unwrap();
        assert_eq!(hex::encode(Sha256::digest(sound(&vcon))), sidecar.audio.sha256);
        assert_eq!(sidecar.events.len(), 3, "holds and pauses are in the metadata");
        assert_eq!(vcon["uuid"], json!(id));
        assert_eq!(vcon["redacted"], Value::Null);
        assert_eq!(vcon["dialog"][0]["start"], json!(sidecar.answered_at.to_rfc3339()));
        assert_eq!(vcon["dialog"][0]["duration"], 1.0);
        assert_eq!(vcon["dialog"][0]["originator"], Value::Null, "the customer called");
        assert_eq!(vcon["parties"][0], json!({ "name": "anonymous" }), "part of a number is none");
        assert_eq!(vcon["parties"][1], json!({ "name": AGENT, "validation": "none", "uuid": "2001" }));
        let told = store.audit().entries_for(id).unwrap().last().unwrap();
        assert_eq!(
            (told.action.as_str(), &told.detail.as_ref().unwrap()["format"]),
            ("export", &json!("vcon"))
        );
        let listed = &read(&to.join("manifest.json"))["recordings"][0];
        assert_eq!((&listed["whole"], listed["files"].as_array().unwrap().len()), (&json!(true), 1));
        assert_eq!(listed["files"][0]["sha256"], hex::encode(Sha256::digest(fs::read(&path).unwrap())));

        let read = package(&path, None);
        assert_eq!((&read["valid"], &read["errors"]), (&json!(true), &json!([])));
        assert_eq!(read["hash"], true, "{read}");
        assert_eq!(read["sound"], hex::encode(Sha256::digest(&original)));
        assert_eq!(read["parties"], 3);
        assert_eq!(read["start"], vcon["dialog"][0]["start"]);
    }
}

#[test]
fn who_the_customer_is() {
    for (customer, party) in [
        (json!({ "number": "+358401234567", "withheld": false }), json!({ "tel": "+358401234567" })),
        (json!({ "number": "+35840123xxxx", "withheld": false }), json!({ "name": "anonymous" })),
        (json!({ "number": null, "withheld": true }), json!({ "name": "anonymous" })),
        (json!({ "number": "0401234567", "withheld": false }), json!({})),
        (json!({ "number": null, "withheld": false }), json!({})),
    ] {
        let store = Store::new();
        let row = store.row(recorded(&store, WavEncoding::Alaw, customer.clone())).unwrap();
        let to = store.outside().join("out");
        store.keeper().export(&[row], &order(&to, VconForm::default()), &by(day(0))).unwrap();
        let vcon = read(&only(&to, "vcon"));
        assert_follows_the_draft(&vcon);
        assert_eq!(vcon["parties"][0], party, "{customer}");
    }
}

#[test]
fn what_the_rule_hides_is_anonymous_and_who_called_is_told() {
    let store = Store::new();
    let id = recorded(&store, WavEncoding::Alaw, json!({ "number": null, "withheld": false }));
    let row = store.row(id).unwrap();
    let path = row.json(&store.root);
    let mut sidecar = read(&path);
    sidecar["direction"] = "outbound".into();
    sidecar["policy"] = json!({
        "retention": "6 months", "retention_bound": "keep", "timezone": null, "hide_caller_digits": "all"
    });
    fs::write(&path, sidecar.to_string()).unwrap();
    let to = store.outside().join("out");
    store.keeper().export(&[row], &order(&to, VconForm::default()), &by(day(0))).unwrap();
    let vcon = read(&only(&to, "vcon"));
    assert_follows_the_draft(&vcon);
    assert_eq!(vcon["parties"][0], json!({ "name": "anonymous" }));
    assert_eq!(vcon["dialog"][0]["originator"], 1);
}

#[test]
fn a_part_and_a_silenced_party_are_redacted() {
    let store = Store::new();
    let row = store.row(store.record_as(1, -10, 100, "116117", WavEncoding::PcmS16le)).unwrap();
    let to = store.outside().join("files");
    let cut = |to: &Path, form| ExportRequest {
        to: to.to_owned(),
        start_s: Some(0.25),
        end_s: Some(0.5),
        silence: Some(Channel::Agent),
        form,
        ..ExportRequest::default()
    };
    let rows = std::slice::from_ref(&row);
    store.keeper().export(rows, &cut(&to, ExportForm::Files), &by(day(0))).unwrap();
    let wav = fs::read(only(&to, "wav")).unwrap();
    let to = store.outside().join("vcon");
    store.keeper().export(rows, &cut(&to, ExportForm::Vcon(VconForm::default())), &by(day(0))).unwrap();
    let vcon = read(&only(&to, "vcon"));
    assert_follows_the_draft(&vcon);
    assert!(sound(&vcon) == wav, "the same sound as in files");
    let decoded = sound(&vcon);
    let mut reader = hound::WavReader::new(decoded.as_slice()).unwrap();
    assert_eq!((reader.duration(), reader.spec().channels), (2000, 2));
    assert!(reader.samples::<i16>().skip(1).step_by(2).all(|s| s.unwrap() == 0), "the agent is silent");
    assert_eq!(
        vcon["redacted"],
        json!({ "uuid": row.id, "type": "agent silenced, only 0.250 s to 0.500 s" })
    );
    assert_ne!(vcon["uuid"], json!(row.id));
    assert_eq!(vcon["dialog"][0]["duration"], 0.25);
    let start = store.sidecar(row.id).answered_at.offset_ns(250_000_000);
    assert_eq!(vcon["dialog"][0]["start"], json!(start.to_rfc3339()));
}

#[test]
fn sound_elsewhere_has_the_hash_of_the_file() {
    let store = Store::new();
    let row = store.row(store.record(1, -10, 100)).unwrap();
    let to = store.outside().join("out");
    let form = VconForm { media_url: Some("https://calls.example/17/".into()), signer: None };
    store.keeper().export(&[row], &order(&to, form), &by(day(0))).unwrap();
    let (wav, path) = (only(&to, "wav"), only(&to, "vcon"));
    let vcon = read(&path);
    assert_follows_the_draft(&vcon);
    let dialog = &vcon["dialog"][0];
    let name = wav.file_name().unwrap().to_str().unwrap().replace('+', "%2B");
    assert_eq!(dialog["url"], format!("https://calls.example/17/{name}"));
    let hash = URL_SAFE_NO_PAD.encode(Sha512::digest(fs::read(&wav).unwrap()));
    assert_eq!(dialog["content_hash"], format!("sha512-{hash}"));
    assert!(read_info(&wav).unwrap().is_sound());
    let read = package(&path, None);
    assert_eq!(read["valid"], true, "{read}");
}

/// A key and its certificate, made by OpenSSL.
fn key_and_certificate(folder: &Path, bits: u32) -> (String, String) {
    let (key, certificate) = (folder.join(format!("{bits}.key")), folder.join(format!("{bits}.pem")));
    let out = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=calls.example", "-newkey"])
        .arg(format!("rsa:{bits}"))
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    (fs::read_to_string(key).unwrap(), fs::read_to_string(certificate).unwrap())
}

#[test]
fn signed_by_a_key_that_is_named() {
    let store = Store::new();
    let row = store.row(store.record(1, -10, 100)).unwrap();
    let (key, certificate) = key_and_certificate(store.outside(), 2048);
    let signer = VconSigner::from_pem(&key, &certificate).unwrap();
    let (plain, signed) = (store.outside().join("plain"), store.outside().join("signed"));
    let rows = std::slice::from_ref(&row);
    store.keeper().export(rows, &order(&plain, VconForm::default()), &by(day(0))).unwrap();
    let form = VconForm { media_url: None, signer: Some(signer) };
    store.keeper().export(rows, &order(&signed, form), &by(day(0))).unwrap();

    let (plain, path) = (read(&only(&plain, "vcon")), only(&signed, "vcon"));
    let jws = read(&path);
    assert_eq!(jws.as_object().unwrap().keys().collect::<Vec<_>>(), ["payload", "signatures"]);
    let payload = URL_SAFE_NO_PAD.decode(jws["payload"].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap(), plain, "nothing else is signed");
    let signature = &jws["signatures"][0];
    let protected = URL_SAFE_NO_PAD.decode(signature["protected"].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&protected).unwrap(), json!({ "alg": "RS256" }));
    assert_eq!(signature["header"]["uuid"], json!(row.id));
    let der = STANDARD.decode(signature["header"]["x5c"][0].as_str().unwrap()).unwrap();
    let pem: String = certificate.lines().filter(|l| !l.starts_with("---")).collect();
    assert_eq!(der, STANDARD.decode(pem).unwrap());

    let at = store.outside().join("2048.pem");
    let read = package(&path, Some(&at));
    assert_eq!(read["verified"], true, "{read}");
    let mut altered = jws.clone();
    altered["payload"] = json!(URL_SAFE_NO_PAD.encode(plain.to_string().replace(AGENT, "Somebody Else")));
    let other = store.outside().join("altered.vcon");
    fs::write(&other, altered.to_string()).unwrap();
    assert_eq!(package(&other, Some(&at))["verified"], false);
}

#[test]
fn what_cannot_sign_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (key, certificate) = key_and_certificate(dir.path(), 2048);
    let (short, of_short) = key_and_certificate(dir.path(), 1024);
    let (other, _) = key_and_certificate(dir.path(), 3072);
    for (key, certificate, why) in [
        (certificate.as_str(), certificate.as_str(), "no RSA private key"),
        (&short, &of_short, "less than 2048 bits"),
        (&key, &key, "not in PEM"),
        (&key, "", "not in PEM"),
        (&other, &certificate, "not that of the key"),
    ] {
        let e = VconSigner::from_pem(key, certificate).unwrap_err().to_string();
        assert!(e.contains(why), "{e}, not {why}");
    }
}
