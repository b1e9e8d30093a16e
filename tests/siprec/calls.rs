//! Calls as clients tell them, and what is recorded of them.

use crate::client::{Client, Person, Stream};
use crate::common::oracle::must;
use crate::common::voice::{Packet, Voice};
use crate::stage::{Stage, client, config};
use nauhuri::call::Unrecorded;
use nauhuri::config::Networks;

/// Voices of both streams from one instant to another.
fn voices(client: &Client, from: f64, to: f64) -> [Vec<Packet>; 2] {
    let d = crate::common::ladder::Dialog::new(1);
    [(0, crate::common::ladder::Side::Caller), (1, crate::common::ladder::Side::Callee)].map(|(i, side)| {
        let at = client.streams[i].at;
        Voice::of(&d, side, 11 + i as u64 + from as u64).between(at, at).talk(from, to)
    })
}

fn both(s: &mut Stage, client: &Client, from: f64, to: f64) -> [Vec<Packet>; 2] {
    let sent = voices(client, from, to);
    s.talk(client, &[(0, &sent[0]), (1, &sent[1])]);
    sent
}

#[test]
fn an_ordinary_call() {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    let invite = c.invite();
    let ok = s.accepted(0.0, &mut c, &invite);
    for line in [
        "a=label:1\r\n",
        "a=label:2\r\n",
        "a=recvonly\r\n",
        "+sip.srs",
        "Session-Expires: 1800;refresher=uac",
    ] {
        assert!(ok.contains(line), "{line} in {ok}");
    }
    let sent = both(&mut s, &c, 5.0, 3000.0);
    let bye = c.bye();
    s.accepted(3000.0, &mut c, &bye);
    assert!(s.ports.open.is_empty() && s.server.sessions() == 0);
    let (all, left_out) = s.recorded(3100.0);
    let [r] = &all[..] else { panic!("{} recordings", all.len()) };
    must(r, "customer", &sent[0]);
    must(r, "agent", &sent[1]);
    let told = [r.text("/agent/id"), r.text("/direction"), r.text("/customer/number"), r.text("/ended_by")];
    assert_eq!(told, ["2001", "inbound", "+35840123xxxx", "capture_end"], "{}", r.json);
    assert_eq!(
        (r.json["complete"].as_bool(), r.text("/sip/call_id")),
        (Some(true), "siprec/rs-1@src.example")
    );
    assert!((r.number("/duration_s") - 3.0).abs() < 0.02 && left_out.is_empty(), "{}", r.json);
}

/// Who is who, whatever the order and whoever calls.
#[test]
fn agent_customer_and_direction() {
    let agent = || Person::new("a", "sip:2001@pbx.example", "2");
    let customer = || Person::new("c", "tel:+358401234567", "1");
    let hint = |p: Person, name: &str, value: &str| p.with(name, value);
    let none = String::new();
    let inbound = "<extensiondata><direction>inbound</direction></extensiondata>".to_owned();
    let outbound = "<extensiondata><callDirection>Outgoing</callDirection></extensiondata>".to_owned();
    for (people, session, direction) in [
        (vec![customer(), agent()], none.clone(), "inbound"),
        (vec![agent(), customer()], none.clone(), "outbound"),
        (vec![agent(), customer()], inbound, "inbound"),
        (vec![customer(), agent()], outbound, "outbound"),
        (vec![agent(), hint(customer(), "callingParty", "true")], none.clone(), "inbound"),
        (vec![customer(), hint(agent(), "callingParty", "true")], none.clone(), "outbound"),
        (vec![hint(customer(), "role", "callee"), agent()], none, "outbound"),
    ] {
        let mut s = Stage::new(&config());
        let mut c = client(1);
        (c.people, c.session) = (people, session);
        let invite = c.invite();
        s.accepted(0.0, &mut c, &invite);
        let sent = both(&mut s, &c, 5.0, 1000.0);
        let bye = c.bye();
        s.accepted(1000.0, &mut c, &bye);
        let (all, _) = s.recorded(1100.0);
        let [r] = &all[..] else { panic!("{} recordings of {}", all.len(), c.metadata()) };
        let told = [r.text("/agent/id"), r.text("/direction"), r.text("/customer/number")];
        assert_eq!(told, ["2001", direction, "+35840123xxxx"], "{}", c.metadata());
        must(r, "customer", &sent[0]);
        must(r, "agent", &sent[1]);
    }
}

/// Service, agent by header, withheld numbers: out of extension data and the client's headers.
#[test]
fn what_extension_data_and_headers_tell() {
    let run = |change: &dyn Fn(&mut Client, &mut nauhuri::config::Config)| {
        let (mut c, mut config) = (client(1), config());
        change(&mut c, &mut config);
        let mut s = Stage::new(&config);
        let invite = c.invite();
        s.accepted(0.0, &mut c, &invite);
        both(&mut s, &c, 5.0, 1000.0);
        let bye = c.bye();
        s.accepted(1000.0, &mut c, &bye);
        let (mut all, left_out) = s.recorded(1100.0);
        assert!(all.len() <= 1);
        (all.pop().map(|r| r.json), left_out)
    };
    let service = |json: Option<serde_json::Value>| json.unwrap()["service"].as_str().unwrap().to_owned();
    let extension = |name: &str, value: &str| format!("<x:{name} xmlns:x='u'>{value}</x:{name}>");
    assert_eq!(service(run(&|_, _| {}).0), "general");
    assert_eq!(service(run(&|c, _| c.session = extension("dnis", "116117")).0), "116117");
    assert_eq!(service(run(&|c, _| c.session = extension("DNIS", "sip:116117@x")).0), "116117");
    assert_eq!(service(run(&|c, _| c.headers += "P-Called-Party-ID: <sip:116117@x>\r\n").0), "116117");
    assert_eq!(
        service(run(&|c, _| c.headers += "Diversion: <tel:116117>;reason=unconditional\r\n").0),
        "116117"
    );
    let named = |c: &mut Client, config: &mut nauhuri::config::Config| {
        config.agents = nauhuri::config::Agents { header: "X-Agent-Id".into(), ..Default::default() };
        c.people[1] = Person::new("p2", "sip:softphone@pbx.example", "2").with("x-agent-id", "m.virtanen");
    };
    let json = run(&named).0.unwrap();
    assert_eq!((&json["agent"]["id"], &json["direction"]), (&"m.virtanen".into(), &"inbound".into()));
    let beside = |c: &mut Client, config: &mut nauhuri::config::Config| {
        config.agents = nauhuri::config::Agents { header: "X-Agent-Id".into(), ..Default::default() };
        c.headers += "X-Agent-Id: 77\r\n";
    };
    assert_eq!(run(&beside).0.unwrap()["agent"]["id"], "77");
    let hidden: [&dyn Fn(&mut Client); 3] = [
        &|c| c.people[0].aor = "sip:anonymous@anonymous.invalid".into(),
        &|c| c.headers += "Privacy: id\r\n",
        &|c| c.people[0] = c.people[0].clone().with("Privacy", "id;critical"),
    ];
    for hide in hidden {
        let json = run(&|c, _| hide(c)).0.unwrap();
        assert_eq!(
            (&json["customer"]["withheld"], &json["customer"]["number"]),
            (&true.into(), &serde_json::Value::Null)
        );
    }
    // Networks make nobody an agent here, and take nobody's number away either.
    let within = |_: &mut Client, config: &mut nauhuri::config::Config| {
        config.agents.networks = Networks::parse(["10.0.0.0/8"]).unwrap()
    };
    assert_eq!(run(&within).0.unwrap()["agent"]["id"], "2001");
    let by_network = |_: &mut Client, config: &mut nauhuri::config::Config| {
        config.agents.networks = Networks::parse(["192.0.2.0/24"]).unwrap();
        config.agents.extensions.clear();
    };
    assert_eq!(run(&by_network), (None, vec![Unrecorded::NoAgent]));
    let strangers =
        |c: &mut Client, _: &mut nauhuri::config::Config| c.people[1].aor = "sip:+358409999999@x".into();
    assert_eq!(run(&strangers), (None, vec![Unrecorded::NoAgent]));
    let colleagues = |c: &mut Client, _: &mut nauhuri::config::Config| c.people[0].aor = "sip:2002@x".into();
    assert_eq!(run(&colleagues), (None, vec![Unrecorded::Internal]));
}

/// `inactive` is silence of the right length, whatever still comes; one side resting is a hold.
#[test]
fn pause_and_hold() {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    let invite = c.invite();
    s.accepted(0.0, &mut c, &invite);
    let first = both(&mut s, &c, 5.0, 1000.0);
    c.streams.iter_mut().for_each(|s| s.direction = "inactive");
    let pause = c.reoffer();
    let ok = s.accepted(1000.0, &mut c, &pause);
    assert_eq!(ok.matches("a=inactive").count(), 2, "{ok}");
    both(&mut s, &c, 1100.0, 2000.0);
    // Shown as nauhuri_siprec_media_dropped_total{reason="idle"}.
    assert!(s.server.stats().idle_media > 80);
    c.streams.iter_mut().for_each(|s| s.direction = "sendonly");
    let resume = c.reoffer();
    s.accepted(2000.0, &mut c, &resume);
    let second = both(&mut s, &c, 2005.0, 3000.0);
    c.streams[0].direction = "inactive";
    let hold = c.reoffer();
    s.accepted(3000.0, &mut c, &hold);
    let third = voices(&c, 3005.0, 4000.0);
    s.talk(&c, &[(1, &third[1])]);
    let bye = c.bye();
    s.accepted(4000.0, &mut c, &bye);
    let (all, _) = s.recorded(4100.0);
    let r = &all[0];
    let customer = [&first[0][..], &second[0]].concat();
    let agent = [&first[1][..], &second[1], &third[1]].concat();
    must(r, "customer", &customer);
    must(r, "agent", &agent);
    let near = |kind: &str, at: &[f64]| {
        let is = r.events(kind);
        assert!(
            is.len() == at.len() && is.iter().zip(at).all(|(i, a)| (i - a).abs() < 0.05),
            "{kind}: {is:?}"
        );
    };
    near("hold", &[1.0, 3.0]);
    near("resume", &[2.0]);
    assert_eq!((all.len(), r.json["complete"].as_bool()), (1, Some(true)), "{}", r.json);
}

/// Another agent takes the first one's place: told all at once, or step by step.
#[test]
fn a_transfer_is_another_recording_of_the_same_contact() {
    for (partial, anew) in [(false, false), (false, true), (true, false)] {
        let mut s = Stage::new(&config());
        let mut c = client(1);
        let invite = c.invite();
        s.accepted(0.0, &mut c, &invite);
        let first = both(&mut s, &c, 5.0, 1000.0);
        let next = Person::new("p3", "sip:2002@pbx.example", "2");
        if partial {
            c.mode = "partial";
            c.people = vec![next];
            let joins = c.update();
            s.accepted(900.0, &mut c, &joins);
            let left = "<recording><datamode>partial</datamode><participantsessionassoc participant_id='p2' \
                        session_id='cs1'><disassociate-time>x</disassociate-time></participantsessionassoc></recording>";
            let leaves = c.request("UPDATE", "", "application/rs-metadata", left);
            s.accepted(1000.0, &mut c, &leaves);
        } else {
            c.people[1] = next;
            if anew {
                c.session_id = "another".into();
            }
            let update = c.update();
            s.accepted(1000.0, &mut c, &update);
        }
        let second = both(&mut s, &c, 1005.0, 2000.0);
        let bye = c.bye();
        s.accepted(2000.0, &mut c, &bye);
        let (all, left_out) = s.recorded(2100.0);
        let [a, b] = &all[..] else { panic!("{} recordings, {partial} {anew}", all.len()) };
        assert_eq!([a.text("/agent/id"), b.text("/agent/id")], ["2001", "2002"]);
        assert_eq!([a.text("/ended_by"), b.text("/ended_by")], ["transfer", "capture_end"]);
        assert_eq!([a.text("/direction"), b.text("/direction")], ["inbound", "inbound"]);
        assert_eq!(a.text("/call_group"), b.text("/call_group"));
        assert_eq!(b.text("/customer/number"), "+35840123xxxx");
        must(a, "customer", &first[0]);
        must(b, "customer", &second[0]);
        must(b, "agent", &second[1]);
        assert!(left_out.is_empty(), "{left_out:?}");
    }
}

/// Two calls in one recording session are two contacts; each hears its own.
#[test]
fn two_calls_in_one_session() {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    let at = |port: u16| std::net::SocketAddr::new(c.sip.ip(), port);
    c.streams.extend([Stream::new("3", at(41_000)), Stream::new("4", at(41_002))]);
    let session = |id: &str, labels: [&str; 2], users: [&str; 2]| {
        let one = |i: usize| {
            format!(
                "<participant participant_id='{id}{i}'><nameID aor='sip:{}@x'/></participant>\
                 <participantsessionassoc participant_id='{id}{i}' session_id='{id}'/>\
                 <stream stream_id='{id}m{i}' session_id='{id}'><label>{}</label></stream>\
                 <participantstreamassoc participant_id='{id}{i}'><send>{id}m{i}</send></participantstreamassoc>",
                users[i], labels[i]
            )
        };
        format!("<session session_id='{id}'/>{}{}", one(0), one(1))
    };
    let metadata = format!(
        "<recording><datamode>complete</datamode>{}{}</recording>",
        session("A", ["1", "2"], ["+358401234567", "2001"]),
        session("B", ["3", "4"], ["+358407654321", "2002"])
    );
    let body = format!(
        "--b\r\nContent-Type: application/sdp\r\n\r\n{}\r\n--b\r\nContent-Type: application/rs-metadata+xml\r\n\r\n{metadata}\r\n--b--",
        c.sdp()
    );
    let invite = c.request("INVITE", "Require: siprec\r\n", "multipart/mixed; boundary=\"b\"", &body);
    s.accepted(0.0, &mut c, &invite);
    let d = crate::common::ladder::Dialog::new(1);
    let sent: Vec<Vec<Packet>> = (0..4)
        .map(|i| {
            Voice::of(&d, crate::common::ladder::Side::Caller, 50 + i as u64).talk(5.0 + i as f64, 1000.0)
        })
        .collect();
    let all: Vec<(usize, &[Packet])> = sent.iter().enumerate().map(|(i, p)| (i, &p[..])).collect();
    s.talk(&c, &all);
    // One of them is over, the other goes on.
    let over = "<recording><datamode>partial</datamode><sessionrecordingassoc session_id='A'>\
                <disassociate-time>x</disassociate-time></sessionrecordingassoc></recording>";
    let update = c.request("UPDATE", "", "application/rs-metadata+xml", over);
    s.accepted(1000.0, &mut c, &update);
    let rest = Voice::of(&d, crate::common::ladder::Side::Caller, 99).talk(1005.0, 2000.0);
    s.talk(&c, &[(0, &rest)]);
    let bye = c.bye();
    s.accepted(2000.0, &mut c, &bye);
    let (mut all, _) = s.recorded(2100.0);
    all.sort_by_key(|r| r.text("/agent/id").to_owned());
    let [a, b] = &all[..] else { panic!("{} recordings", all.len()) };
    assert_ne!(a.text("/call_group"), b.text("/call_group"));
    for (r, i) in [(a, 0), (b, 2)] {
        must(r, "customer", &sent[i]);
        must(r, "agent", &sent[i + 1]);
    }
    assert!((a.number("/duration_s") - 1.0).abs() < 0.02 && (b.number("/duration_s") - 2.0).abs() < 0.02);
}

/// Both voices on one stream: heard on both channels, and not called complete.
#[test]
fn one_mixed_stream() {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    c.streams.truncate(1);
    c.people[1].sends = vec!["1".into()];
    let invite = c.invite();
    s.accepted(0.0, &mut c, &invite);
    let d = crate::common::ladder::Dialog::new(1);
    let sent = Voice::of(&d, crate::common::ladder::Side::Caller, 5).talk(5.0, 1000.0);
    s.talk(&c, &[(0, &sent)]);
    let bye = c.bye();
    s.accepted(1000.0, &mut c, &bye);
    let (all, _) = s.recorded(1100.0);
    must(&all[0], "customer", &sent);
    must(&all[0], "agent", &sent);
    assert_eq!(all[0].json["complete"], false, "{}", all[0].json);
}

/// A third voice is in nobody's recording, which says so.
#[test]
fn a_conference_is_not_complete() {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    c.streams.push(Stream::new("3", std::net::SocketAddr::new(c.sip.ip(), 41_000)));
    c.people.push(Person::new("p3", "sip:+358409999999@x", "3"));
    let invite = c.invite();
    s.accepted(0.0, &mut c, &invite);
    let sent = both(&mut s, &c, 5.0, 1000.0);
    let third = Voice::of(&crate::common::ladder::Dialog::new(1), crate::common::ladder::Side::Caller, 77)
        .talk(6.0, 1000.0);
    s.talk(&c, &[(2, &third)]);
    let bye = c.bye();
    s.accepted(1000.0, &mut c, &bye);
    let (all, _) = s.recorded(1100.0);
    must(&all[0], "customer", &sent[0]);
    must(&all[0], "agent", &sent[1]);
    assert_eq!((all.len(), all[0].json["complete"].as_bool()), (1, Some(false)), "{}", all[0].json);
}

/// Metadata that comes late, has no associations, or names nobody's number.
#[test]
fn missing_pieces() {
    // No metadata with the INVITE: the call is recorded from when it is known whose it is.
    let mut s = Stage::new(&config());
    let mut c = client(1);
    let invite = c.reoffer();
    s.accepted(0.0, &mut c, &invite);
    both(&mut s, &c, 5.0, 1000.0);
    let update = c.update();
    s.accepted(1000.0, &mut c, &update);
    let sent = both(&mut s, &c, 1005.0, 2000.0);
    let bye = c.bye();
    s.accepted(2000.0, &mut c, &bye);
    let (all, _) = s.recorded(2100.0);
    must(&all[0], "customer", &sent[0]);
    assert!((all[0].number("/duration_s") - 1.0).abs() < 0.02, "{}", all[0].json);
    // Nothing at all was ever known: that is counted, since nobody would notice.
    let mut s = Stage::new(&config());
    let mut c = client(3);
    let invite = c.reoffer();
    s.accepted(0.0, &mut c, &invite);
    let garbage = c.request("UPDATE", "", "application/rs-metadata+xml", "<html/>");
    s.accepted(10.0, &mut c, &garbage);
    both(&mut s, &c, 15.0, 500.0);
    let bye = c.bye();
    s.accepted(500.0, &mut c, &bye);
    assert_eq!((s.server.stats().unnamed, s.server.stats().bad_metadata), (1, 1));
    // Who sends what is left out: in order.
    let mut s = Stage::new(&config());
    let mut c = client(2);
    let bare = "<recording><datamode>complete</datamode><session session_id='s'/>\
                <participant participant_id='a'><nameID aor='sip:@x'><name>+358401234567</name></nameID></participant>\
                <participant participant_id='b'><nameID aor='2001'/></participant>\
                <stream stream_id='m' session_id='s'><label>1</label></stream>\
                <stream stream_id='n' session_id='s'><label>2</label></stream></recording>";
    let body = format!(
        "--b\r\nContent-Type: application/sdp\r\n\r\n{}\r\n--b\r\nContent-Type: application/rs-metadata\r\n\r\n{bare}\r\n--b--",
        c.sdp()
    );
    let invite = c.request("INVITE", "", "multipart/mixed;boundary=b", &body);
    s.accepted(0.0, &mut c, &invite);
    let sent = both(&mut s, &c, 5.0, 1000.0);
    let bye = c.bye();
    s.accepted(1000.0, &mut c, &bye);
    let (all, _) = s.recorded(1100.0);
    must(&all[0], "customer", &sent[0]);
    must(&all[0], "agent", &sent[1]);
    assert_eq!(all[0].text("/customer/number"), "+35840123xxxx");
}

/// RTCP shows that a silent call lives; without it silence ends the recording.
#[test]
fn rtcp_is_a_sign_of_life() {
    for is_alive in [true, false] {
        let mut s = Stage::new(&config());
        let mut c = client(1);
        let invite = c.invite();
        s.accepted(0.0, &mut c, &invite);
        both(&mut s, &c, 5.0, 1000.0);
        for at in (1..60).map(|i| f64::from(i) * 1000.0) {
            s.pass(at);
            if is_alive {
                let from = std::net::SocketAddr::new(c.sip.ip(), 40_005);
                let report = crate::common::files::sender_report(1);
                assert!(s.media(crate::common::ladder::ns(at), &c, (0, true), from, &report));
            }
        }
        let bye = c.bye();
        s.accepted(60_000.0, &mut c, &bye);
        let (all, _) = s.recorded(60_100.0);
        let ended_by = if is_alive { "capture_end" } else { "timeout" };
        assert_eq!((all.len(), all[0].text("/ended_by")), (1, ended_by), "{}", all[0].json);
    }
}

/// A mirror sees the call as well: with the Session-ID in the metadata both recordings are of one contact.
/// Neither gives way, since nobody knows which of them has the sound.
#[test]
fn a_call_that_a_mirror_shows_too_is_of_one_contact() {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    let id = "0123456789abcdef0123456789abcdef";
    c.session = format!("<sipSessionID>{id}</sipSessionID>");
    let d = crate::common::ladder::Dialog {
        headers: format!("Session-ID: {id}\r\n"),
        ..crate::common::ladder::Dialog::new(1)
    };
    let mut mirror = crate::common::ladder::Scene::new();
    d.answered(&mut mirror, -900.0, 0.0);
    let mirrored = [
        Voice::of(&d, crate::common::ladder::Side::Caller, 1).talk(1.0, 1000.0),
        Voice::of(&d, crate::common::ladder::Side::Callee, 2).talk(5.0, 1000.0),
    ];
    mirrored.iter().for_each(|m| mirror.media(m));
    d.bye(&mut mirror, 1000.0, crate::common::ladder::Side::Caller);
    let frames = mirror.ordered();
    let split = frames.iter().position(|f| f.0 > crate::common::ladder::ns(30.0)).unwrap();
    s.capture(&frames[..split]);
    let invite = c.invite();
    s.accepted(30.0, &mut c, &invite);
    let told = voices(&c, 35.0, 1000.0);
    s.talk(&c, &[(0, &told[0]), (1, &told[1])]);
    s.capture(&frames[split..]);
    let bye = c.bye();
    s.accepted(1001.0, &mut c, &bye);
    let (all, left_out) = s.recorded(1100.0);
    let [a, b] = &all[..] else { panic!("{} recordings, {left_out:?}", all.len()) };
    assert_eq!(a.text("/call_group"), b.text("/call_group"));
    must(a, "customer", &mirrored[0]);
    must(b, "customer", &told[0]);
    must(b, "agent", &told[1]);
}
