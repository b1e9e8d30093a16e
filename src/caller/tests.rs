//! The call as the exchange sees it: each test plays the exchange, and turns the clock.

use super::*;
use crate::sip::{Message, Method, SipWriter};
use crate::time::{NS_PER_MS, Timestamp};
use std::net::SocketAddr;
use std::time::Duration;
use zeroize::Zeroizing;

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
const CHALLENGE: &str = "Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256";

fn at_ms(ms: i64) -> Timestamp {
    Timestamp::from_ns(ms * NS_PER_MS)
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn exchange() -> SocketAddr {
    address("192.0.2.1:5060")
}

fn placed(account: bool, is_tcp: bool) -> PlacedCall {
    let account =
        account.then(|| SipAccount { user: "probe".into(), password: Zeroizing::new("sesame".into()) });
    let plan = CallPlan {
        to: "sip:9001@pbx.example".into(),
        from: "sip:probe@pbx.example".into(),
        account,
        local: address("192.0.2.5:5070"),
        media: address("192.0.2.5:6000"),
        is_tcp,
        ring: Duration::from_secs(20),
        seed: [7; 32],
    };
    PlacedCall::new(plan, at_ms(0))
}

fn parsed(bytes: &[u8]) -> Message<'_> {
    Message::parse(bytes).expect("SIP").0
}

/// What the call sends now: method or code, to where, and the bytes.
fn sent(call: &mut PlacedCall) -> Vec<(String, Option<SocketAddr>, Vec<u8>)> {
    let next = std::iter::from_fn(|| call.poll_output());
    next.map(|(to, bytes)| {
        let msg = parsed(&bytes);
        let name =
            msg.method().map_or_else(|| msg.status().unwrap_or(0).to_string(), |m| m.as_str().to_owned());
        (name, to, bytes)
    })
    .collect()
}

fn names(call: &mut PlacedCall) -> Vec<String> {
    sent(call).into_iter().map(|(name, _, _)| name).collect()
}

fn text(bytes: &[u8], header: &str) -> String {
    parsed(bytes).header(header).map(|v| String::from_utf8_lossy(&v).into_owned()).unwrap_or_default()
}

/// The exchange's response to a request.
fn say(call: &mut PlacedCall, to: &[u8], code: u16, extra: &[(&str, &str)], body: &str, ms: i64) {
    let request = parsed(to);
    let mut w = SipWriter::response(&request, address("192.0.2.5:5070"), code, "Said", "them");
    for (name, value) in extra {
        w = w.header(name, value);
    }
    call.handle_message(&w.body("application/sdp", body), exchange(), at_ms(ms));
}

const CONTACT: (&str, &str) = ("Contact", "<sip:9001@192.0.2.8:5062>");

/// An answered call; its INVITE.
fn answered(extra: &[(&str, &str)]) -> (PlacedCall, Vec<u8>) {
    let mut call = placed(false, false);
    let invite = sent(&mut call).remove(0).2;
    say(&mut call, &invite, 180, &[], "", 100);
    let extra = [&[CONTACT], extra].concat();
    say(&mut call, &invite, 200, &extra, SDP, 2_000);
    (call, invite)
}

/// A request of the other side within the call.
fn ask(call: &mut PlacedCall, method: &str, branch: &str, body: &str, ms: i64) {
    let w = SipWriter::request(method, "sip:probe@192.0.2.5:5070")
        .header("Via", &format!("SIP/2.0/UDP 192.0.2.8:5062;branch={branch}"))
        .header("From", "<sip:9001@pbx.example>;tag=them")
        .header("To", "<sip:probe@pbx.example>;tag=us")
        .header("Call-ID", call.call_id())
        .header("CSeq", &format!("1 {method}"));
    call.handle_message(&w.body("application/sdp", body), address("192.0.2.8:5062"), at_ms(ms));
}

#[test]
fn a_call_from_the_invite_to_the_end_of_its_bye() {
    let (mut call, invite) = answered(&[("Record-Route", "<sip:192.0.2.2;lr>, <sip:192.0.2.3:5080;lr>")]);
    assert_eq!(text(&invite, "Content-Type"), "application/sdp");
    let out = sent(&mut call);
    let (name, to, ack) = &out[0];
    assert_eq!((name.as_str(), out.len()), ("ACK", 1));
    // By the last proxy of the list first, to where the Contact says.
    assert_eq!(*to, Some(address("192.0.2.3:5080")));
    assert!(ack.starts_with(b"ACK sip:9001@192.0.2.8:5062 SIP/2.0\r\n"));
    let routes: Vec<_> =
        parsed(ack).headers("Route").map(|v| String::from_utf8_lossy(&v).into_owned()).collect();
    assert_eq!(routes, ["<sip:192.0.2.3:5080;lr>", "<sip:192.0.2.2;lr>"]);
    assert_eq!(call.answered_at(), Some(at_ms(2_000)));
    assert_eq!(call.media().map(|m| m.to), Some(address("192.0.2.9:4000")));
    // Their 200 again: our ACK again.
    say(&mut call, &invite, 200, &[CONTACT], SDP, 2_500);
    assert_eq!(names(&mut call), ["ACK"]);
    assert_eq!(call.poll_timeout(), None);
    call.hang_up(at_ms(8_000));
    let bye = sent(&mut call).remove(0);
    assert_eq!((bye.0.as_str(), text(&bye.2, "CSeq").as_str()), ("BYE", "2 BYE"));
    assert!(text(&bye.2, "To").ends_with(";tag=them"));
    call.handle_timeout(at_ms(8_500));
    assert_eq!(names(&mut call), ["BYE"]);
    say(&mut call, &bye.2, 200, &[], "", 8_600);
    assert_eq!(call.end(), Some(&CallEnd::ByUs));
}

#[test]
fn a_challenge_is_answered_once_for_each_realm() {
    let mut call = placed(true, false);
    let first = sent(&mut call).remove(0).2;
    say(
        &mut call,
        &first,
        401,
        &[("WWW-Authenticate", CHALLENGE), ("WWW-Authenticate", "Digest realm=\"pbx\", nonce=\"n0\"")],
        "",
        10,
    );
    let mut out = sent(&mut call);
    let (ack, second) = (out.remove(0), out.remove(0).2);
    assert_eq!(ack.0, "ACK");
    assert_eq!(parsed(&ack.2).top_via_branch(), parsed(&first).top_via_branch());
    assert_ne!(parsed(&second).top_via_branch(), parsed(&first).top_via_branch());
    assert_eq!(
        (text(&second, "CSeq").as_str(), text(&first, "Call-ID")),
        ("2 INVITE", text(&second, "Call-ID"))
    );
    assert!(text(&second, "Authorization").contains("algorithm=SHA-256"), "the better of the two");
    // A proxy on the way asks as well, then one whose nonce is too old.
    say(&mut call, &second, 407, &[("Proxy-Authenticate", "Digest realm=\"edge\", nonce=\"p\"")], "", 20);
    let third = sent(&mut call).remove(1).2;
    assert!(text(&third, "Proxy-Authorization").contains("realm=\"edge\""));
    assert!(text(&third, "Authorization").contains("nc=00000002"));
    say(&mut call, &third, 401, &[("WWW-Authenticate", &(CHALLENGE.to_owned() + ", stale=true"))], "", 30);
    let fourth = sent(&mut call).remove(1).2;
    // The same again: the password is wrong.
    say(&mut call, &fourth, 401, &[("WWW-Authenticate", CHALLENGE)], "", 40);
    assert_eq!(names(&mut call), ["ACK"]);
    assert_eq!(call.end(), Some(&CallEnd::Unauthorized { code: 401 }));
    let mut nobody = placed(false, false);
    let invite = sent(&mut nobody).remove(0).2;
    say(&mut nobody, &invite, 407, &[("Proxy-Authenticate", CHALLENGE)], "", 10);
    assert_eq!(nobody.end(), Some(&CallEnd::Unauthorized { code: 407 }));
}

#[test]
fn a_bye_is_authorized_too() {
    let mut call = placed(true, false);
    let first = sent(&mut call).remove(0).2;
    say(&mut call, &first, 200, &[CONTACT], SDP, 10);
    call.hang_up(at_ms(20));
    let bye = sent(&mut call).remove(1).2;
    say(&mut call, &bye, 407, &[("Proxy-Authenticate", CHALLENGE)], "", 30);
    let again = sent(&mut call).remove(0).2;
    assert_eq!(text(&again, "CSeq"), "3 BYE");
    assert!(text(&again, "Proxy-Authorization").contains("sip:9001@192.0.2.8:5062"));
    say(&mut call, &again, 200, &[], "", 40);
    assert_eq!(call.end(), Some(&CallEnd::ByUs));
}

#[test]
fn refusals_say_what_they_were() {
    for (code, is_known) in [(302, true), (486, true), (503, true), (603, true)] {
        let mut call = placed(false, false);
        let invite = sent(&mut call).remove(0).2;
        say(&mut call, &invite, 100, &[], "", 10);
        say(&mut call, &invite, code, &[], "", 20);
        assert_eq!(call.end().is_some(), is_known);
        assert_eq!(call.end(), Some(&CallEnd::Refused { code, reason: "Said".into() }));
        let ack = sent(&mut call).remove(0);
        assert_eq!((ack.0.as_str(), text(&ack.2, "To")), ("ACK", "<sip:9001@pbx.example>;tag=them".into()));
        say(&mut call, &invite, code, &[], "", 500);
        assert_eq!(names(&mut call), ["ACK"], "again");
    }
}

#[test]
fn what_rings_too_long_is_cancelled() {
    let mut call = placed(false, false);
    let invite = sent(&mut call).remove(0).2;
    say(&mut call, &invite, 180, &[], "", 100);
    call.handle_timeout(at_ms(19_999));
    assert_eq!(names(&mut call), [""; 0]);
    call.handle_timeout(at_ms(20_000));
    let cancel = sent(&mut call).remove(0);
    assert_eq!((cancel.0.as_str(), text(&cancel.2, "CSeq").as_str()), ("CANCEL", "1 CANCEL"));
    assert_eq!(parsed(&cancel.2).top_via_branch(), parsed(&invite).top_via_branch());
    say(&mut call, &cancel.2, 200, &[], "", 20_010);
    say(&mut call, &invite, 487, &[], "", 20_020);
    assert_eq!(names(&mut call), ["ACK"]);
    assert_eq!(call.end(), Some(&CallEnd::NotAnswered));
    // The answer and the CANCEL cross: it is hung up.
    let mut late = placed(false, false);
    let invite = sent(&mut late).remove(0).2;
    say(&mut late, &invite, 183, &[], SDP, 100);
    late.handle_timeout(at_ms(20_000));
    say(&mut late, &invite, 200, &[CONTACT], SDP, 20_001);
    let out = sent(&mut late);
    assert_eq!(out.iter().map(|o| o.0.as_str()).collect::<Vec<_>>(), ["CANCEL", "ACK", "BYE"]);
    say(&mut late, &out[2].2, 200, &[], "", 20_100);
    assert_eq!((late.end(), late.answered_at()), (Some(&CallEnd::NotAnswered), None));
}

#[test]
fn nobody_says_a_word() {
    let mut call = placed(false, false);
    let mut count = 0;
    while call.end().is_none() {
        let now = call.poll_timeout().expect("something is due");
        count += sent(&mut call).len();
        call.handle_timeout(now);
    }
    // At 0, 0.5, 1.5, 3.5, 7.5 and 15.5 s; at 20 s it has rung long enough.
    assert_eq!((count, call.end()), (6, Some(&CallEnd::Unreachable)));
    let mut tcp = placed(false, true);
    tcp.handle_timeout(at_ms(5_000));
    assert_eq!(names(&mut tcp), ["INVITE"]);
}

#[test]
fn what_they_ask_within_the_call_is_answered() {
    let (mut call, _) = answered(&[]);
    sent(&mut call);
    ask(&mut call, "OPTIONS", "o", "", 2_100);
    let held = SDP.replace("192.0.2.9", "192.0.2.99") + "a=sendonly\r\n";
    ask(&mut call, "INVITE", "i", &held, 2_200);
    ask(&mut call, "INVITE", "i", &held, 2_300);
    let out = sent(&mut call);
    assert_eq!(out.iter().map(|o| o.0.as_str()).collect::<Vec<_>>(), ["200", "200", "200"]);
    assert!(out[1].2.ends_with(b"a=recvonly\r\n") && out[1].2 == out[2].2);
    assert_eq!(out[1].1, Some(address("192.0.2.8:5062")));
    let media = call.media().expect("a place");
    assert_eq!((media.to.to_string().as_str(), media.is_wanted), ("192.0.2.99:4000", false));
    // Not acknowledged yet: once more; then it is.
    call.handle_timeout(at_ms(2_700));
    assert_eq!(names(&mut call), ["200"]);
    ask(&mut call, "ACK", "a", "", 2_800);
    call.handle_timeout(at_ms(9_000));
    for (method, code) in
        [("INFO", "200"), ("REFER", "603"), ("NOTIFY", "405"), ("FOO", "405"), ("UPDATE", "200")]
    {
        ask(&mut call, method, method, "", 9_100);
        assert_eq!(names(&mut call), [code], "{method}");
    }
    ask(&mut call, "INVITE", "video", &SDP.replace("audio", "video"), 9_200);
    assert_eq!(names(&mut call), ["488"]);
    ask(&mut call, "BYE", "b", "", 9_300);
    assert_eq!((names(&mut call), call.end()), (vec!["200".to_owned()], Some(&CallEnd::ByThem)));
    ask(&mut call, "INVITE", "late", SDP, 9_400);
    assert_eq!(names(&mut call), ["481"]);
    // What is no SIP moves nothing.
    for bytes in [&b""[..], b"\r\n\r\n", b"\xff\x00", b"SIP/2.0 200 OK\r\n\r\n", b"ACK x SIP/2.0\r\n\r\n"] {
        call.handle_message(bytes, exchange(), at_ms(10_000));
    }
    assert_eq!(names(&mut call), [""; 0]);
}

#[test]
fn another_fork_and_an_answer_we_cannot_use() {
    let (mut call, invite) = answered(&[]);
    sent(&mut call);
    let other = SipWriter::response(&parsed(&invite), exchange(), 200, "OK", "another")
        .header("Contact", "<sip:x@192.0.2.77>");
    call.handle_message(&other.body("application/sdp", SDP), exchange(), at_ms(2_100));
    let out = sent(&mut call);
    assert_eq!(out.iter().map(|o| o.0.as_str()).collect::<Vec<_>>(), ["ACK", "BYE"]);
    assert!(out.iter().all(|o| o.1 == Some(address("192.0.2.77:5060"))));
    assert!(call.is_talking());
    let mut deaf = placed(false, false);
    let invite = sent(&mut deaf).remove(0).2;
    say(&mut deaf, &invite, 200, &[CONTACT], &SDP.replace("AVP 8", "AVP 18"), 10);
    let out = sent(&mut deaf);
    assert_eq!(out.iter().map(|o| o.0.as_str()).collect::<Vec<_>>(), ["ACK", "BYE"]);
    // Nobody answers the BYE: it is over all the same.
    while deaf.end().is_none() {
        let now = deaf.poll_timeout().expect("something is due");
        deaf.handle_timeout(now);
    }
    assert_eq!(deaf.end(), Some(&CallEnd::NoAlaw));
    assert_eq!(parsed(&out[1].2).method(), Some(Method::Bye));
}

/// Whoever can reach the telephone sends it what he likes: no panic, no answer without end.
#[test]
fn nothing_that_comes_upsets_it() {
    let (call, invite) = answered(&[]);
    drop(call);
    let mut seed = 1u64;
    let mut draw = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below.max(1)
    };
    for _ in 0..3_000 {
        let mut call = placed(true, draw(2) == 0);
        let own = sent(&mut call).remove(0).2;
        for step in 0..6 {
            let code = [100, 183, 200, 302, 401, 407, 481, 487, 600][draw(9)];
            let request = if draw(4) == 0 { &invite } else { &own };
            let mut w = SipWriter::response(
                &parsed(request),
                exchange(),
                code,
                "Said",
                ["them", "", "other"][draw(3)],
            );
            for (name, value) in [
                ("WWW-Authenticate", CHALLENGE),
                ("Proxy-Authenticate", "Digest realm=\"\", nonce=\"\\"),
                ("Contact", "<sip:[::1"),
                ("Record-Route", ",<>,<sip:a;lr"),
            ] {
                if draw(2) == 0 {
                    w = w.header(name, value);
                }
            }
            let mut bytes = w.body("application/sdp", if draw(2) == 0 { SDP } else { "v=0\r\nm=audio" });
            for _ in 0..draw(4) {
                let at = draw(bytes.len());
                bytes[at] = draw(256) as u8;
            }
            bytes.truncate(draw(2 * bytes.len()).max(10));
            let now = at_ms(step * 7_000);
            call.handle_message(&bytes, exchange(), now);
            call.handle_timeout(now);
            assert!(sent(&mut call).len() < 8);
        }
        call.break_off(at_ms(50_000));
        for ms in (50_000..200_000).step_by(500) {
            call.handle_timeout(at_ms(ms));
            sent(&mut call);
        }
        assert!(call.end().is_some(), "every call comes to an end");
    }
}
