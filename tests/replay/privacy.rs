//! The customer's number: what is stored of it, and that no more is anywhere.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene};
use crate::common::repository;
use crate::common::run::{Run, files, replay_with};
use crate::common::voice::Voice;

/// The customer's number in every form it may have had on the wire.
const FORMS: &[&str] = &["+358401234567", "00358401234567", "358401234567", "0401234567", "401234567"];

/// Everything a run wrote or said.
fn everything(run: &Run) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![
        ("stdout".to_string(), run.output.stdout.clone()),
        ("stderr".to_string(), run.output.stderr.clone()),
    ];
    for f in files(&run.dir) {
        all.push(("a file's name".into(), f.to_string_lossy().into_owned().into_bytes()));
        // Audio is audio: 401234567 as eight-bit text does not stand in samples by intention.
        all.push((f.display().to_string(), std::fs::read(&f).unwrap()));
    }
    all
}

#[track_caller]
fn nowhere(run: &Run, digits: &[&str], but_call_id: &str) {
    assert!(run.output.status.success(), "{}", run.stderr());
    for (place, bytes) in everything(run) {
        let text = String::from_utf8_lossy(&bytes).replace(but_call_id, "CALL-ID");
        for d in digits {
            assert!(!text.contains(d), "{d} stands in {place}: {text:.2000}");
        }
    }
}

/// A call from `from` with more headers; the form of every header is the caller's own.
fn call_from(from: &str, headers: &str) -> (Scene, Dialog) {
    let d = Dialog { from: from.into(), headers: headers.into(), ..Dialog::new(1) };
    (call_of(&d), d)
}

fn call_of(d: &Dialog) -> Scene {
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    s.media(&Voice::of(d, Caller, 1).talk(1001.0, 2000.0));
    s.media(&Voice::of(d, Callee, 2).talk(1005.0, 2000.0));
    d.bye(&mut s, 2000.0, Caller);
    s
}

const LOUD: &[&[&str]] = &[
    &["-vv", "--log-format", "json"],
    &["-vv", "--log-format", "text"],
    &["-vvv", "--json"],
    &[],
    &["-q", "--json"],
];

#[test]
fn the_whole_number_is_nowhere_in_any_form() {
    for form in FORMS {
        for uri in [
            format!("<sip:{form}@trunk.example>"),
            format!("\"{form}\" <sip:{form}@trunk.example;user=phone>"),
            format!("<tel:{form}>"),
            format!("<tel:{form};phone-context=+358>"),
            format!("<sip:{form};phone-context=trunk.example@trunk.example>"),
        ] {
            let headers = format!(
                "P-Asserted-Identity: {uri}\r\nRemote-Party-ID: {uri};party=calling\r\nContact: {uri}\r\n\
                 Subject: {form}\r\n"
            );
            let (s, d) = call_from(&uri, &headers);
            let (_keep, path) = s.saved();
            let run = replay_with(AGENTS, &[&path], LOUD[form.len() % LOUD.len()], &[]);
            nowhere(&run, &["401234567"], &d.call_id);
            let stored = run.only().text("/customer/number").to_string();
            let expected = format!("{}xxxx", &form[..form.len() - 4]);
            assert_eq!(stored, expected, "{uri}");
        }
    }
}

#[test]
fn an_outbound_calls_number_is_hidden_too() {
    for args in LOUD {
        let d = Dialog::outbound(2);
        let (_keep, path) = call_of(&d).saved();
        let run = replay_with(AGENTS, &[&path], args, &[]);
        nowhere(&run, &["401234567"], &d.call_id);
        let r = run.only();
        assert_eq!(r.text("/direction"), "outbound");
        assert_eq!(r.text("/dialled"), "+35840123xxxx");
        assert_eq!(r.text("/customer/number"), "+35840123xxxx");
    }
}

#[test]
fn the_captures_of_ours_keep_their_secret() {
    let config = std::fs::read_to_string(repository("pcaps/nauhuri.toml")).unwrap();
    for e in std::fs::read_dir(repository("pcaps")).unwrap() {
        let path = e.unwrap().path();
        if path.extension().is_some_and(|e| e.to_string_lossy().starts_with("pcap")) {
            let run = replay_with(&config, &[&path], &["-vv", "--log-format", "json"], &[]);
            nowhere(&run, &["401234567"], "\u{0}");
        }
    }
}

#[test]
fn keys_of_srtp_stand_nowhere() {
    let config = std::fs::read_to_string(repository("pcaps/nauhuri.toml")).unwrap();
    for name in ["baresip-srtp.pcap", "baresip-srtp-optional.pcap"] {
        let path = repository("pcaps").join(name);
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let keys: Vec<&str> = text.split("inline:").skip(1).filter_map(|k| k.get(..38)).collect();
        assert!(keys.len() >= 2, "{name}");
        let run = replay_with(&config, &[&path], &["-vv", "--json", "--log-format", "json"], &[]);
        assert_eq!(run.summary()["recordings"].as_array().map(Vec::len), Some(1), "{name}");
        nowhere(&run, &keys, "\u{0}");
    }
}

#[test]
fn every_form_of_withholding_is_honoured() {
    let number = "<sip:+358401234567@trunk.example>";
    let asserted = "P-Asserted-Identity: <sip:+358401234567@trunk.example>\r\n";
    let mut forms: Vec<(String, String)> = Vec::new();
    for user in
        ["anonymous", "Anonymous", "restricted", "Restricted", "RESTRICTED", "unavailable", "Unavailable"]
    {
        for uri in
            [format!("<sip:{user}@trunk.example>"), format!("\"0401234567\" <sips:{user}@10.0.0.1:5061>")]
        {
            forms.push((uri, asserted.into()));
        }
    }
    for host in ["anonymous.invalid", "Anonymous.Invalid", "ANONYMOUS.INVALID:5060"] {
        forms.push((format!("<sip:+358401234567@{host}>"), String::new()));
        forms.push((format!("sip:x@{host}"), asserted.into()));
    }
    for privacy in
        ["id", "ID", "user", "Header", "header;id", "none;user", "session; HEADER ;critical", "critical,id"]
    {
        forms.push((number.into(), format!("privacy: {privacy}\r\n")));
        forms.push((number.into(), format!("{asserted}PRIVACY: none\r\nPrivacy: {privacy}\r\n")));
    }
    for privacy in ["full", "FULL", "\"full\"", "uri", "full-network"] {
        let rpid =
            format!("Remote-Party-ID: <sip:+358401234567@h>;party=calling;privacy={privacy};screen=yes\r\n");
        forms.push((number.into(), rpid.clone()));
        forms.push((number.into(), format!("{rpid}{asserted}")));
    }
    for (from, headers) in &forms {
        let (s, d) = call_from(from, headers);
        let (_keep, path) = s.saved();
        let run = replay_with(AGENTS, &[&path], &["-vv", "--json"], &[]);
        let customer = &run.only().json["customer"];
        assert_eq!(
            (&customer["number"], &customer["withheld"]),
            (&().into(), &true.into()),
            "{from} {headers}"
        );
        nowhere(&run, &["401234567", "40123xxxx"], &d.call_id);
    }
    for (from, headers) in [
        (number, "Privacy: none\r\n"),
        (number, "Privacy: session\r\n"),
        (number, "Remote-Party-ID: <sip:+358401234567@h>;privacy=off\r\n"),
        (number, "Remote-Party-ID: <sip:2001@h>;party=called;privacy=full\r\n"),
        ("\"Anonymous\" <sip:+358401234567@trunk.example>", ""),
    ] {
        let run = call_from(from, headers).0.replay(AGENTS);
        assert_eq!(run.only().text("/customer/number"), "+35840123xxxx", "{from} {headers}");
    }
}

#[test]
fn a_private_history_is_private_in_every_leg_and_on_every_hop() {
    // The customer's leg to the queue hides its history; the exchange repeats it to the agent.
    let history = "History-Info: <sip:+358509876543@trunk.example>;index=1\r\nDiversion: <sip:+358509876543@trunk.example>\r\n";
    let session = "Session-ID: 00112233445566778899aabbccddeeff\r\n";
    for (first, second) in [("Privacy: history\r\n", ""), ("", "Privacy: HISTORY;none\r\n")] {
        let mut queue = Dialog::new(6);
        (queue.to, queue.uri) = ("<sip:600@pbx.example>".into(), "sip:600@192.0.2.20".into());
        queue.headers = format!("{history}{session}{first}");
        let mut agent = Dialog::new(7);
        agent.headers = format!("{history}{session}{second}");
        agent.sip = [queue.sip[1], "192.0.2.31:5060".parse().unwrap()];
        agent.rtp[1].set_ip("192.0.2.31".parse().unwrap());
        let mut s = Scene::new();
        queue.answered(&mut s, 0.0, 500.0);
        agent.answered(&mut s, 600.0, 1000.0);
        s.media(&Voice::of(&agent, Caller, 1).talk(1001.0, 2000.0));
        s.media(&Voice::of(&agent, Callee, 2).talk(1005.0, 2000.0));
        agent.bye(&mut s, 2000.0, Caller);
        queue.bye(&mut s, 2010.0, Caller);
        let (_keep, path) = s.saved();
        let run = replay_with(AGENTS, &[&path], &["-vv", "--json"], &[]);
        assert_eq!(run.only().text("/dialled"), "2001", "{first}{second}");
        nowhere(&run, &["509876543", "50987xxxx"], "ladder-7");
    }
}

#[test]
fn how_many_digits_are_hidden() {
    let cases = [
        ("0", "+358401234567", Some("+358401234567")),
        ("1", "+358401234567", Some("+35840123456x")),
        ("4", "0401234567", Some("040123xxxx")),
        ("12", "+358401234567", None),
        ("13", "+358401234567", None),
        ("\"all\"", "+358401234567", None),
        ("4", "1234", None),
        ("4", "123", None),
        ("4", "12345", Some("1xxxx")),
        ("0", "12", Some("12")),
    ];
    for (hide, number, stored) in cases {
        let (s, _) = call_from(&format!("<sip:{number}@trunk.example>"), "");
        let run = s.replay(&format!("{AGENTS}[service_default]\nhide_caller_digits = {hide}\n"));
        let r = run.only();
        assert_eq!(r.json["customer"]["number"].as_str(), stored, "{hide} of {number}");
        let name = r.path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.contains(&format!("_{}_", stored.unwrap_or("withheld"))), "{name}");
        assert_eq!(r.json["customer"]["withheld"], false);
    }
}

/// From, more headers, withheld.
const WITHHELD: &[(&str, &str, bool)] = &[
    ("<sip:+358401234567@t>", "Privacy: id\r\n", true),
    ("<sip:+358401234567@t>", "privacy: ID\r\n", true),
    ("<sip:+358401234567@t>", "Privacy: user;critical\r\n", true),
    ("<sip:+358401234567@t>", "Privacy: header ; session\r\n", true),
    ("<sip:+358401234567@t>", "Privacy: session;User\r\n", true),
    ("<sip:anonymous@anonymous.invalid>", "", true),
    ("\"Anonymous\" <sip:Anonymous@t>", "", true),
    ("<sip:+358401234567@anonymous.invalid>", "", true),
    ("\"Anonymous\" <sip:anonymous@ANONYMOUS.INVALID>", "Privacy: none\r\n", true),
    ("<sip:+358401234567@t>", "Remote-Party-ID: <sip:+358401234567@t>;party=calling;privacy=full\r\n", true),
    ("<sip:+358401234567@t>", "Remote-Party-ID: <sip:+358401234567@t>;screen=yes;Privacy=\"Full\"\r\n", true),
    ("<sip:+358401234567@t>", "Privacy: none\r\n", false),
    ("<sip:+358401234567@t>", "Privacy: session\r\n", false),
    ("<sip:+358401234567@t>", "Privacy: identity\r\n", false),
    ("<sip:+358401234567@t>", "Remote-Party-ID: <sip:+358401234567@t>;privacy=off\r\n", false),
    ("<sip:+358401234567@t>", "", false),
];

#[test]
fn a_withheld_number_is_stored_nowhere_whatever_else_shows_it() {
    for (hide, fields) in [("0", true), ("4", false)] {
        let config = format!("{AGENTS}[service_default]\nhide_caller_digits = {hide}\n");
        for (i, (from, privacy, withheld)) in WITHHELD.iter().enumerate() {
            let headers = format!(
                "{privacy}P-Asserted-Identity: \"0401234567\" <sip:+358401234567@t>, <tel:+358401234567>\r\n\
                 Contact: <sip:+358401234567@198.51.100.10>\r\n\
                 P-Preferred-Identity: <sip:+358401234567@t>\r\n"
            );
            let (s, d) = call_from(from, &headers);
            let (_keep, path) = s.saved();
            let run = replay_with(&config, &[&path], LOUD[i % LOUD.len()], &[]);
            let r = run.only();
            assert_eq!(r.json["customer"]["withheld"], *withheld, "{from} {privacy}");
            if *withheld {
                assert!(r.json["customer"]["number"].is_null(), "{from} {privacy}: {}", r.json["customer"]);
                assert!(r.path.to_string_lossy().contains("_withheld_"), "{}", r.path.display());
                // Not even the first half.
                nowhere(&run, &["401234567", "3584012", "40123xxxx"], &d.call_id);
            } else if fields {
                assert_eq!(r.text("/customer/number"), "+358401234567", "{from} {privacy}");
            }
        }
    }
}

#[test]
fn a_number_withheld_on_one_leg_is_not_taken_from_another() {
    // The customer's leg says Privacy: id, the agent's leg shows the number; and the other way round.
    for withheld_leg in [0, 1] {
        let mut s = Scene::new();
        let privacy = |leg| {
            if leg == withheld_leg { "Privacy: id\r\nSession-ID: 11aa\r\n" } else { "Session-ID: 11aa\r\n" }
        };
        let queue = Dialog {
            to: "<sip:116117@pbx.example>".into(),
            uri: "sip:116117@192.0.2.5".into(),
            headers: privacy(0).into(),
            ..Dialog::new(4)
        };
        let agent = Dialog { headers: privacy(1).into(), ..Dialog::new(5) };
        queue.answered(&mut s, 0.0, 200.0);
        agent.answered(&mut s, 300.0, 1000.0);
        s.media(&Voice::of(&agent, Caller, 1).talk(1001.0, 2000.0));
        agent.bye(&mut s, 2000.0, Callee);
        queue.bye(&mut s, 2010.0, Callee);
        let (_keep, path) = s.saved();
        let config = format!("{AGENTS}[[service]]\nname = \"q\"\nnumbers = [\"116117\"]\n");
        let run = replay_with(&config, &[&path], &["-vv"], &[]);
        nowhere(&run, &["401234567", "3584012"], "\u{0}");
        assert_eq!(run.only().json["customer"]["withheld"], true, "leg {withheld_leg}");
        assert_eq!(run.only().text("/dialled"), "116117");
    }
}

#[test]
fn messages_of_failures_carry_no_number() {
    // A torn INVITE, a bad body, a flood of parse errors: nothing of it in a message.
    let (mut s, d) = call_from("<sip:+358401234567@t>", "");
    for i in 0..50_u8 {
        let text = d.request_text("INVITE", Caller, 1, false, "", Some("v=0\r\nm=audio +358401234567\r\n"));
        s.udp(
            100.0 + f64::from(i),
            d.sip[0],
            d.sip[1],
            &text.as_bytes()[..(usize::from(i) * 8).min(text.len())],
        );
        s.udp(100.5 + f64::from(i), d.sip[0], d.sip[1], b"+358401234567 is not SIP\r\n\r\n");
    }
    let (_keep, path) = s.saved();
    let cut = std::fs::read(&path).unwrap();
    std::fs::write(&path, &cut[..cut.len() - 5]).unwrap();
    let run = replay_with(AGENTS, &[&path], &["-vvv"], &[]);
    nowhere(&run, &["401234567"], "\u{0}");
}
