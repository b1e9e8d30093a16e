//! Descriptions that offer encryption and do not get it: nothing that is in clear is silenced by
//! them, whoever sends them, however they are answered.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, Side};
use crate::common::oracle::check;
use crate::common::sdp::{KEY, Line, description};
use crate::common::voice::{Voice, encrypted};
use crate::kit::*;

const OTHER_KEY: &str = "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xD8a5nlxSpiKemCet8I7S9QR2tlT+9AITgfcmifm";

/// How the offer is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Refused(u16),
    Never,
    /// Only provisionally.
    Trying,
    Plain,
    /// A success without a description.
    Bare,
    /// The line is refused: port 0.
    Off,
}

/// Both talk in clear; at 3 s `side` offers encryption.
fn offered(d: &Dialog, side: Side, method: &str, profile: &'static str, keyed: bool, answer: Answer) {
    let mut s = Scene::new();
    d.answered(&mut s, 100.0, 1000.0);
    let sent = [Caller, Callee].map(|v| Voice::of(d, v, 3 + v as u64).talk(1003.0, 7000.0));
    s.media(&sent[0]);
    s.media(&sent[1]);
    let line = Line { profile, ..Line::audio(d.rtp[side as usize]) };
    let line = if keyed { line.with(KEY) } else { line };
    d.request(&mut s, 3000.0, method, side, 7, "", Some(&description(2, &[line])));
    let own = Line::audio(d.rtp[side.other() as usize]);
    let plain = description(2, std::slice::from_ref(&own));
    let mut reply = |code: u16, sdp: Option<&str>| {
        d.response(&mut s, 3030.0, code, method, side, 7, sdp);
        if method == "INVITE" && code >= 200 {
            d.request(&mut s, 3040.0, "ACK", side, 7, "", None);
        }
    };
    match answer {
        Answer::Refused(code) => reply(code, None),
        Answer::Never => {}
        Answer::Trying => reply(100, None),
        Answer::Plain => reply(200, Some(&plain)),
        Answer::Bare => reply(200, None),
        Answer::Off => reply(200, Some(&description(2, &[Line { profile, ..own }.off()]))),
    }
    d.bye(&mut s, 7000.0, Caller);
    let run = s.replay(AGENTS);
    let case = format!("{side:?} {method} {profile} {keyed} {answer:?}");
    // Said to be off or not, both go on.
    let channels = if d.from.contains("2001") { ["agent", "customer"] } else { ["customer", "agent"] };
    for (channel, sent) in channels.iter().zip(&sent) {
        check(run.only(), channel, sent).unwrap_or_else(|e| panic!("{case}: {e}"));
    }
    assert_eq!(run.only().json["complete"], true, "{case}: {}", run.only().json);
}

#[test]
fn encryption_that_is_offered_in_the_midst_and_not_agreed_silences_nobody() {
    use Answer::{Bare, Never, Off, Plain, Refused, Trying};
    for d in [Dialog::new(1), Dialog::outbound(1)] {
        for side in [Caller, Callee] {
            for method in ["INVITE", "UPDATE"] {
                for answer in [Refused(488), Refused(500), Never, Trying, Plain, Bare, Off] {
                    for (profile, keyed) in [("RTP/SAVP", true), ("RTP/SAVPF", false), ("RTP/AVP", true)] {
                        offered(&d, side, method, profile, keyed, answer);
                    }
                }
            }
        }
    }
}

#[test]
fn encryption_that_was_offered_first_and_not_taken_silences_nobody() {
    for d in [Dialog::new(2), Dialog::outbound(2)] {
        for (profile, keyed) in [("RTP/SAVP", true), ("RTP/SAVPF", true), ("RTP/AVP", true)] {
            let [a, b] = d.rtp;
            let line = Line { profile, ..Line::audio(a) };
            let line = if keyed { line.with(KEY) } else { line };
            let d =
                Dialog { bodies: [description(1, &[line]), description(1, &[Line::audio(b)])], ..d.clone() };
            let mut s = Scene::new();
            let sent = call(&mut s, &d, 1000.0, 4000.0);
            let run = s.replay(AGENTS);
            if d.from.contains("2001") {
                outbound(run.only(), &sent)
            } else {
                inbound(run.only(), &sent)
            }
            complete(run.only(), true);
        }
    }
}

/// Agreed in the midst: encrypted from there, and silent; a new source in clear is heard.
#[test]
fn what_is_agreed_is_silence_whatever_was_before() {
    for profile in ["RTP/SAVP", "RTP/AVP"] {
        let d = Dialog::new(3);
        let mut s = Scene::new();
        d.answered(&mut s, 100.0, 1000.0);
        let mut voices = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
        let before = voices.each_mut().map(|v| v.talk(1001.0, 3001.0));
        let line = |at, key: &str| description(2, &[Line { profile, ..Line::audio(at) }.with(key)]);
        d.reinvite(&mut s, 2973.0, Caller, 7, &line(d.rtp[0], KEY), &line(d.rtp[1], OTHER_KEY));
        let after = voices.each_mut().map(|v| v.talk(3001.0, 6000.0));
        for i in 0..2 {
            s.media(&before[i]);
            s.media(&encrypted(&after[i], 9 + i as u64));
        }
        d.bye(&mut s, 6000.0, Caller);
        let run = s.replay(AGENTS);
        complete(run.only(), false);
        inbound(run.only(), &before);
    }
}

/// Speech as telephones send it: a tone that swells, in A-law.
fn speech(v: &mut Voice, from: f64, to: f64) -> Vec<crate::common::voice::Packet> {
    let mut out = v.talk(from, to);
    for (n, p) in out.iter_mut().enumerate() {
        for i in 0..160 {
            let t = (n * 160 + i) as f64 / 8000.0;
            let strength = (t * 2.0).sin().abs() * 60.0 + (t * 440.0).sin() * 10.0;
            p.rtp[12 + i] = ((strength.clamp(0.0, 127.0) as u8) | if i % 16 < 8 { 0x80 } else { 0 }) ^ 0x55;
            p.samples[i] = crate::common::audio::alaw(p.rtp[12 + i]);
        }
    }
    out
}

/// Somebody who knows the tags says that both have agreed on keys. The voices say otherwise.
#[test]
fn speech_in_clear_is_heard_whatever_signalling_says() {
    for by in [Caller, Callee] {
        let d = Dialog::new(4);
        let mut s = Scene::new();
        d.answered(&mut s, 100.0, 1000.0);
        let sent = [Caller, Callee].map(|v| speech(&mut Voice::of(&d, v, 3 + v as u64), 1003.0, 7000.0));
        s.media(&sent[0]);
        s.media(&sent[1]);
        let line = |side: Side, key: &str| description(2, &[Line::secured(d.rtp[side as usize]).with(key)]);
        d.reinvite(&mut s, 3000.0, by, 7, &line(by, KEY), &line(by.other(), OTHER_KEY));
        d.bye(&mut s, 7000.0, Caller);
        let run = s.replay(AGENTS);
        inbound(run.only(), &sent);
        complete(run.only(), true);
    }
}
