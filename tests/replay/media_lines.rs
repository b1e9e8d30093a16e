//! Which media line counts, and what it means: the line that the answer took, its own profile
//! and keys, and payload types from the packet on that they mean something else.

use crate::common::files::over_tcp;
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, addr};
use crate::common::sdp::{KEY, Line, description};
use crate::common::voice::{Voice, encrypted};
use crate::kit::*;
use std::net::SocketAddr;

const OTHER_KEY: &str = "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xD8a5nlxSpiKemCet8I7S9QR2tlT+9AITgfcmifm";

fn beside(at: SocketAddr) -> SocketAddr {
    SocketAddr::new(at.ip(), at.port() + 2)
}

/// A dialog with these lines of caller and callee.
fn lines(d: Dialog, offer: &[Line], answer: &[Line]) -> Dialog {
    Dialog { bodies: [description(1, offer), description(1, answer)], ..d }
}

/// As sent on the wire: in clear or not.
fn play(s: &mut Scene, d: &Dialog, from: f64, to: f64, hide: bool) -> Sent {
    let sent = [Voice::of(d, Caller, 1).talk(from + 1.0, to), Voice::of(d, Callee, 2).talk(from + 5.0, to)];
    for (i, p) in sent.iter().enumerate() {
        if hide { s.media(&encrypted(p, 9 + i as u64)) } else { s.media(p) }
    }
    sent
}

/// A whole call whose media is in clear: both voices are there.
#[track_caller]
fn clear(d: &Dialog) {
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let sent = play(&mut s, d, 1000.0, 4000.0, false);
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay(AGENTS);
    complete(run.only(), true);
    if run.only().text("/direction") == "inbound" {
        inbound(run.only(), &sent)
    } else {
        outbound(run.only(), &sent)
    }
}

/// A whole call whose media is encrypted: silence, and said so.
#[track_caller]
fn hidden(d: &Dialog) {
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    play(&mut s, d, 1000.0, 4000.0, true);
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay(AGENTS);
    spans(
        run.only(),
        1000.0,
        4000.0,
        if run.only().text("/direction") == "inbound" { "customer" } else { "agent" },
    );
    complete(run.only(), false);
    silent(run.only(), "customer");
    silent(run.only(), "agent");
}

fn dialogs(n: u16) -> [Dialog; 3] {
    let six = at(Dialog::new(n), "2001:db8::10", "2001:db8:2::20");
    [Dialog::new(n), Dialog::outbound(n), six]
}

#[test]
fn of_a_secured_and_a_plain_line_the_plain_one_is_taken() {
    for d in dialogs(1) {
        let [a, b] = d.rtp;
        clear(&lines(
            d.clone(),
            &[Line::secured(beside(a)), Line::audio(a)],
            &[Line { attributes: vec![], ..Line::secured(beside(b)) }.off(), Line::audio(b)],
        ));
        // The other way round in the description.
        clear(&lines(
            d,
            &[Line::audio(a), Line::secured(beside(a))],
            &[Line::audio(b), Line::secured(beside(b)).off()],
        ));
    }
}

#[test]
fn of_a_secured_and_a_plain_line_the_secured_one_is_taken() {
    for d in dialogs(2) {
        let [a, b] = d.rtp;
        hidden(&lines(
            d.clone(),
            &[Line::audio(beside(a)), Line::secured(a)],
            &[Line::audio(beside(b)).off(), Line::secured(b)],
        ));
        hidden(&lines(
            d,
            &[Line::secured(a), Line::audio(beside(a))],
            &[Line::secured(b), Line::audio(beside(b)).off()],
        ));
    }
}

#[test]
fn other_media_beside_the_audio_change_nothing() {
    let video = |at| Line { media: "video", ..Line::audio(beside(at)) }.formats("96", &["96 VP8/90000"]);
    let image = |at| Line { media: "image", profile: "udptl", ..Line::audio(beside(at)) }.formats("t38", &[]);
    for d in dialogs(3) {
        let [a, b] = d.rtp;
        for other in [video, image] {
            clear(&lines(d.clone(), &[other(a), Line::audio(a)], &[other(b).off(), Line::audio(b)]));
            clear(&lines(d.clone(), &[Line::audio(a), other(a)], &[Line::audio(b), other(b).off()]));
        }
        clear(&lines(
            d,
            &[video(a), Line::secured(beside(a)), Line::audio(a)],
            &[video(b), Line::secured(beside(b)).off(), Line::audio(b)],
        ));
    }
}

#[test]
fn of_two_lines_that_are_both_taken_the_one_that_is_sent_on_is_heard() {
    for d in dialogs(10) {
        let [a, b] = d.rtp;
        clear(&lines(
            d.clone(),
            &[Line::audio(beside(a)), Line::audio(a)],
            &[Line::audio(beside(b)), Line::audio(b)],
        ));
        clear(&lines(
            d.clone(),
            &[Line::audio(a), Line::audio(beside(a))],
            &[Line::audio(b), Line::audio(beside(b))],
        ));
    }
}

#[test]
fn many_lines_that_nobody_takes_hide_none() {
    let all: String = (0..40).map(|pt| format!("{pt} ")).collect();
    for d in dialogs(11) {
        let [a, b] = d.rtp;
        let video = |at| Line { media: "video", ..Line::audio(beside(at)) }.formats("96", &["96 VP8/90000"]);
        let refused = |at| Line::audio(beside(at)).formats(all.trim(), &[]);
        let offer = vec![vec![video(a), refused(a)]; 6].into_iter().flatten().chain([Line::audio(a)]);
        let answer =
            vec![vec![video(b).off(), refused(b).off()]; 6].into_iter().flatten().chain([Line::audio(b)]);
        clear(&lines(d, &offer.collect::<Vec<_>>(), &answer.collect::<Vec<_>>()));
    }
}

#[test]
fn each_line_has_its_own_address() {
    let d = Dialog::new(4);
    let [a, b] = d.rtp;
    let elsewhere = addr("198.51.100.99:20016");
    clear(&lines(
        d.clone(),
        &[Line::secured(elsewhere), Line::audio(a)],
        &[Line::secured(elsewhere).off(), Line::audio(b)],
    ));
}

#[test]
fn two_lines_over_tcp() {
    let d = Dialog::new(5);
    let [a, b] = d.rtp;
    let d = lines(
        d,
        &[Line::secured(beside(a)), Line::audio(a)],
        &[Line::secured(beside(b)).off(), Line::audio(b)],
    );
    let mut s = Scene::new();
    let sent = call(&mut s, &d, 1000.0, 3000.0);
    over_tcp(&mut s);
    let run = s.replay(AGENTS);
    complete(run.only(), true);
    inbound(run.only(), &sent);
}

#[test]
fn keys_in_a_plain_profile_on_both_sides_encrypt() {
    for d in dialogs(6) {
        let [a, b] = d.rtp;
        for profile in ["RTP/AVP", "RTP/AVPF"] {
            let line = |at, key| Line { profile, ..Line::audio(at) }.with(key);
            hidden(&lines(d.clone(), &[line(a, KEY)], &[line(b, OTHER_KEY)]));
            // Several offered, the third taken.
            let many = line(
                a,
                "crypto:1 AES_256_CM_HMAC_SHA1_80 inline:5Tq+1gZ27xXBF87cUp+0tJH8QyR/3XykT9YgEqXb",
            )
            .with("crypto:2 AES_256_CM_HMAC_SHA1_32 inline:qcb+8OJjjvqNKTojT4UJfHOk/A/OweCLAYjFdq/fLkxyoX3G")
            .with(KEY.replace("crypto:1", "crypto:3"));
            hidden(&lines(d.clone(), &[many], &[line(b, &OTHER_KEY.replace("crypto:1", "crypto:3"))]));
        }
    }
}

#[test]
fn keys_that_only_one_side_has_encrypt_nothing() {
    for d in dialogs(7) {
        let [a, b] = d.rtp;
        clear(&lines(d, &[Line::audio(a).with(KEY)], &[Line::audio(b)]));
    }
}

#[test]
fn fingerprints_in_a_plain_profile_on_both_sides_encrypt() {
    let print = "fingerprint:sha-256 19:E2:1C:3B:4B:9F:81:E6:B8:5C:F4:A5:A8:D8:73:04:BB:05:2F:70:9F:04:A9:0E:05:E9:26:33:E8:70:88:A2";
    for d in dialogs(8) {
        let [a, b] = d.rtp;
        let line = |at, setup: &str| Line::audio(at).with(print).with(format!("setup:{setup}"));
        hidden(&lines(d.clone(), &[line(a, "actpass")], &[line(b, "active")]));
        clear(&lines(d, &[line(a, "actpass")], &[Line::audio(b)]));
    }
}

/// Plain at first; a re-INVITE of `side` offers keys, which the other side takes or not.
fn keys_later(side: Side, taken: bool) {
    let d = Dialog::new(9);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut voices = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
    let before = voices.each_mut().map(|v| v.talk(1001.0, 3001.0));
    let offer = description(2, &[Line::audio(d.rtp[side as usize]).with(KEY)]);
    let answer = Line::audio(d.rtp[side.other() as usize]);
    let answer = description(2, &[if taken { answer.with(OTHER_KEY) } else { answer }]);
    d.reinvite(&mut s, 2973.0, side, 7, &offer, &answer);
    let after = voices.each_mut().map(|v| v.talk(3001.0, 5000.0));
    for i in 0..2 {
        s.media(&before[i]);
        if taken { s.media(&encrypted(&after[i], 5)) } else { s.media(&after[i]) }
    }
    d.bye(&mut s, 5000.0, Caller);
    let run = s.replay(AGENTS);
    complete(run.only(), !taken);
    let [mut c, mut a] = before;
    if !taken {
        let [ca, aa] = after;
        c.extend(ca);
        a.extend(aa);
    }
    inbound(run.only(), &[c, a]);
}

#[test]
fn keys_that_come_in_the_midst_of_a_call_count_from_there() {
    for side in [Caller, Callee] {
        keys_later(side, true);
        keys_later(side, false);
    }
}

#[test]
fn keys_offered_in_the_200_and_answered_in_the_ack() {
    for keyed in [true, false] {
        let d = Dialog::new(10);
        let [a, b] = d.rtp;
        let mut s = Scene::new();
        let text = d.request_text("INVITE", Caller, 1, false, "", None);
        s.udp(0.0, d.sip[0], d.sip[1], text.as_bytes());
        d.response(
            &mut s,
            1000.0,
            200,
            "INVITE",
            Caller,
            1,
            Some(&description(1, &[Line::audio(b).with(KEY)])),
        );
        let answer = if keyed { Line::audio(a).with(OTHER_KEY) } else { Line::audio(a) };
        d.request(&mut s, 1020.0, "ACK", Caller, 1, "", Some(&description(1, &[answer])));
        let sent = play(&mut s, &d, 1030.0, 4000.0, keyed);
        d.bye(&mut s, 4000.0, Caller);
        let run = s.replay(AGENTS);
        complete(run.only(), !keyed);
        if keyed {
            silent(run.only(), "customer");
            silent(run.only(), "agent");
        } else {
            inbound(run.only(), &sent);
        }
    }
}

/// Payload type 97 is `old` until the answer to a re-INVITE of `side`, then `new`.
fn type_changes(side: Side, [old, new]: [(u8, &str); 2], method: &str, again: bool) {
    let d = Dialog::new(11);
    let line = |at, (_, name): (u8, &str)| Line::audio(at).formats("97", &[&format!("97 {name}")]);
    let d = lines(d.clone(), &[line(d.rtp[0], old)], &[line(d.rtp[1], old)]);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut voices = [Caller, Callee].map(|v| Voice::of(&d, v, 3 + v as u64).meaning(97, old.0));
    let [c, a] = &mut voices;
    // The old meaning ends just before the 200.
    let mut sent = [c.talk(1003.0, 5022.0), a.talk(1009.0, 5022.0)];
    let [asks, answers] = [side, side.other()].map(|x| description(2, &[line(d.rtp[x as usize], new)]));
    d.request(&mut s, 5000.0, method, side, 7, "", Some(&asks));
    d.response(&mut s, 5018.0, 200, method, side, 7, Some(&answers));
    if again {
        d.request(&mut s, 5500.0, method, side, 7, "", Some(&asks));
        d.response(&mut s, 5530.0, 200, method, side, 7, Some(&answers));
    }
    if method == "INVITE" {
        d.request(&mut s, 5050.0, "ACK", side, 7, "", None);
    }
    for v in &mut voices {
        v.law = Some(new.0);
    }
    let [c, a] = &mut voices;
    sent[0].extend(c.talk(5023.0, 9000.0));
    sent[1].extend(a.talk(5029.0, 9000.0));
    s.media(&sent[0]);
    s.media(&sent[1]);
    d.bye(&mut s, 9000.0, Caller);
    let run = s.replay(AGENTS);
    complete(run.only(), true);
    inbound(run.only(), &sent);
}

#[test]
fn a_payload_type_means_another_codec_from_the_answer_on() {
    let (pcmu, pcma, l16) = ((0, "PCMU/8000"), (8, "PCMA/8000"), (97, "L16/8000"));
    for codecs in [[pcmu, pcma], [pcma, pcmu], [l16, pcma], [pcmu, l16]] {
        for side in [Caller, Callee] {
            type_changes(side, codecs, "INVITE", false);
        }
    }
    type_changes(Caller, [pcmu, pcma], "UPDATE", false);
    type_changes(Callee, [pcmu, pcma], "INVITE", true);
}

#[test]
fn a_refused_re_invite_changes_no_payload_type() {
    let d = Dialog::new(12);
    let line = |at, name: &str| Line::audio(at).formats("97", &[&format!("97 {name}")]);
    let d = lines(d.clone(), &[line(d.rtp[0], "PCMU/8000")], &[line(d.rtp[1], "PCMU/8000")]);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let sent = [Caller, Callee].map(|v| Voice::of(&d, v, 3 + v as u64).meaning(97, 0).talk(1003.0, 6000.0));
    s.media(&sent[0]);
    s.media(&sent[1]);
    d.request(&mut s, 3000.0, "INVITE", Caller, 7, "", Some(&description(2, &[line(d.rtp[0], "PCMA/8000")])));
    d.response(&mut s, 3030.0, 488, "INVITE", Caller, 7, None);
    d.request(&mut s, 3040.0, "ACK", Caller, 7, "", None);
    d.bye(&mut s, 6000.0, Caller);
    let run = s.replay(AGENTS);
    complete(run.only(), true);
    inbound(run.only(), &sent);
}
