//! Which media line: what the answer took, its profile, its keys, its payload types.

use crate::common::ladder::Side::{self, Callee, Caller};
use crate::common::rng::Rng;
use crate::field::stage::{Call, Stage};
use crate::field::want::{Expected, Sound};

const KEYS: &str = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";

/// Offer and answer written by hand.
fn open(s: &mut Stage, c: &Call, offer: &str, answer: &str) {
    let d = &c.d;
    let text = d.request_text("INVITE", Caller, d.cseq, false, "", Some(offer));
    s.message(s.start, d, Caller, &text);
    d.status(&mut s.scene, s.start + 30.0, 180);
    let text = d.response_text(200, "INVITE", Caller, d.cseq, "", Some(answer));
    s.message(c.answered, d, Callee, &text);
    d.ack(&mut s.scene, c.answered + 5.0);
}

/// Session part and first media line of a description.
fn parts(c: &Call, side: Side) -> (String, String) {
    let whole = c.d.sdp(side);
    let at = whole.find("m=").unwrap();
    (whole[..at].to_string(), whole[at..].to_string())
}

fn talk_and_hang_up(s: &mut Stage, c: &mut Call) {
    let (from, to) = (c.answered, c.ended);
    s.talk(c, from, to);
    s.hang_up(c);
}

/// A secured and a plain line are offered, the plain one is taken; in either order.
pub fn two_lines(s: &mut Stage) -> Expected {
    let mut c = s.call(1300.0);
    let other = s.port();
    let [(head, plain), (answer_head, taken)] = [parts(&c, Caller), parts(&c, Callee)];
    let secured = format!("m=audio {other} RTP/SAVP 8\r\n{KEYS}a=rtpmap:8 PCMA/8000\r\n");
    let refused = "m=audio 0 RTP/SAVP 8\r\n";
    let (offer, answer) = if s.rng.chance(0.6) {
        (format!("{head}{secured}{plain}"), format!("{answer_head}{refused}{taken}"))
    } else {
        (format!("{head}{plain}{secured}"), format!("{answer_head}{taken}{refused}"))
    };
    open(s, &c, &offer, &answer);
    talk_and_hang_up(s, &mut c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// Video stands before audio; it is refused or taken.
pub fn video_first(s: &mut Stage) -> Expected {
    let mut c = s.call(1300.0);
    let (one, two) = (s.port(), s.port());
    let [(head, plain), (answer_head, taken)] = [parts(&c, Caller), parts(&c, Callee)];
    let two = if s.rng.chance(0.5) { two } else { 0 };
    let video = |port: u16| format!("m=video {port} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n");
    let offer = format!("{head}{}{plain}", video(one));
    let answer = format!("{answer_head}{}{taken}", video(two));
    open(s, &c, &offer, &answer);
    talk_and_hang_up(s, &mut c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// Offer and answer both carry keys, in RTP/AVP or RTP/SAVP: encrypted, silence, not complete.
pub fn keys_in_plain(s: &mut Stage) -> Expected {
    let mut c = s.call(1300.0);
    let [(h, m), (ah, am)] = [parts(&c, Caller), parts(&c, Callee)];
    let profile = if s.rng.chance(0.7) { "RTP/AVP" } else { "RTP/SAVP" };
    let keyed = |h: String, m: String| format!("{h}{}{KEYS}", m.replace("RTP/AVP", profile));
    open(s, &c, &keyed(h, m), &keyed(ah, am));
    talk_and_hang_up(s, &mut c);
    let mut w = c.wanted(&s.agent(0));
    (w.sound, w.complete) = ([Sound::Silence, Sound::Silence], Some(false));
    Expected::one(w).secret(&c.number)
}

/// Only the offer has keys: the media stays plain.
pub fn keys_refused(s: &mut Stage) -> Expected {
    let mut c = s.call(1300.0);
    let [(h, m), (ah, am)] = [parts(&c, Caller), parts(&c, Callee)];
    open(s, &c, &format!("{h}{m}{KEYS}"), &format!("{ah}{am}"));
    talk_and_hang_up(s, &mut c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// A dynamic payload type is PCMU, and after a re-INVITE PCMA (or the other way round).
pub fn type_changes(s: &mut Stage) -> Expected {
    let mut c = s.call(2000.0);
    s.calm(&mut c);
    let dynamic = 96 + s.rng.below(30) as u8;
    let flip = s.rng.chance(0.5);
    let name = |first: bool| if first ^ flip { "PCMU" } else { "PCMA" };
    let sdp = |c: &Call, side: Side, first: bool, version: u32| {
        let text = c.d.sdp_with(side, c.d.rtp[side as usize], &dynamic.to_string(), "sendrecv", version);
        format!("{text}a=rtpmap:{dynamic} {}/8000\r\n", name(first))
    };
    let (offer, answer) = (sdp(&c, Caller, true, 1), sdp(&c, Callee, true, 1));
    open(s, &c, &offer, &answer);
    let change = c.answered + 1000.0;
    let side = if s.rng.chance(0.5) { Caller } else { Callee };
    let (offer, answer) = (sdp(&c, side, false, 2), sdp(&c, side.other(), false, 2));
    c.d.reinvite(&mut s.scene, change, side, c.d.cseq.max(10) + 1, &offer, &answer);
    let mut rng = Rng::new(s.rng.next());
    for side in [Caller, Callee] {
        // The old meaning ends before the 200, the new one begins after it.
        for (first, from, to) in [(true, c.answered, change), (false, change + 30.0, c.ended)] {
            c.voices[side as usize].payload_type = if first ^ flip { 0 } else { 8 };
            let mut packets = c.say(side, from + rng.range(1.0, 15.0), to - 21.0);
            packets.iter_mut().for_each(|p| p.rtp[1] = p.rtp[1] & 0x80 | dynamic);
            s.scene.media(&packets);
            c.sent[side as usize].extend(packets);
        }
    }
    s.hang_up(&c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// RED (RFC 2198): the primary block is what was said; the older one is there again.
pub fn redundant(s: &mut Stage) -> Expected {
    let mut c = s.call(1500.0);
    s.calm(&mut c);
    let sdp = |c: &Call, side: Side| {
        let text = c.d.sdp_with(side, c.d.rtp[side as usize], "121 8", "sendrecv", 1);
        format!("{text}a=rtpmap:121 red/8000\r\na=fmtp:121 8/8\r\n")
    };
    let (offer, answer) = (sdp(&c, Caller), sdp(&c, Callee));
    open(s, &c, &offer, &answer);
    for side in [Caller, Callee] {
        c.voices[side as usize].payload_type = 8;
        let (from, to) = (c.answered + 5.0, c.ended);
        let mut packets = c.say(side, from, to);
        let mut before: Vec<u8> = Vec::new();
        for p in &mut packets {
            let primary = p.rtp.split_off(12);
            p.rtp[1] = p.rtp[1] & 0x80 | 121;
            if !before.is_empty() {
                // F, type 8, 160 ticks ago, so many bytes.
                let head: u32 = 0x8800_0000 | 160 << 10 | before.len() as u32;
                p.rtp.extend_from_slice(&head.to_be_bytes());
            }
            p.rtp.push(8);
            p.rtp.extend_from_slice(&before);
            p.rtp.extend_from_slice(&primary);
            before = primary;
        }
        s.scene.media(&packets);
        c.sent[side as usize].extend(packets);
    }
    s.hang_up(&c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}
