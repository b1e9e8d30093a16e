//! Silence is no hang-up: what keeps a recording open, what closes it, and how it goes on;
//! and captures in which nothing at all happens for minutes.

use crate::common::files::{over_tcp, sender_report};
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, addr};
use crate::common::run::Run;
use crate::common::sdp::{Line, description};
use crate::common::voice::Voice;
use crate::kit::*;
use std::net::SocketAddr;

/// Two seconds of talk, nothing until `again`, two seconds more, BYE of the customer; `within` says what
/// the signalling and RTCP do in the meantime.
fn pause(d: &Dialog, again: f64, config: &str, within: impl FnOnce(&mut Scene)) -> (Run, Sent, f64) {
    let mut s = Scene::new();
    let sent = paused(&mut s, d, again);
    within(&mut s);
    let end = again + 2100.0;
    d.bye(&mut s, end, Caller);
    (s.replay(config), sent, end)
}

/// The media of such a call: the timestamps know of the pause.
fn paused(s: &mut Scene, d: &Dialog, again: f64) -> Sent {
    d.answered(s, 0.0, 1000.0);
    let mut voices = [Voice::of(d, Caller, 1), Voice::of(d, Callee, 2)];
    let mut sent = [Vec::new(), Vec::new()];
    for (v, sent) in voices.iter_mut().zip(&mut sent) {
        sent.extend(v.talk(1010.0, 3010.0));
        v.pause((again - 3000.0) as u32);
        sent.extend(v.talk(again + 10.0, again + 2010.0));
        s.media(sent);
    }
    sent
}

#[track_caller]
fn one(run: &Run, sent: &Sent, end: f64) {
    let r = run.only();
    spans(r, 1000.0, end, "customer");
    inbound(r, sent);
    complete(r, true);
}

fn next(at: SocketAddr) -> SocketAddr {
    SocketAddr::new(at.ip(), at.port() + 1)
}

/// Reports of `sides` every five seconds, on the port behind that of RTP or on the same.
fn reports(s: &mut Scene, d: &Dialog, sides: &[Side], own_port: bool, to: f64) {
    let mut at = 3600.0;
    while at < to {
        for side in sides {
            let [src, dst] = [*side, side.other()].map(|x| d.rtp[x as usize]);
            let [src, dst] = if own_port { [next(src), next(dst)] } else { [src, dst] };
            s.udp(at, src, dst, &sender_report(7 + *side as u32));
        }
        at += 5000.0;
    }
}

#[test]
fn reports_keep_a_silent_call_open() {
    let six = at(Dialog::new(1), "2001:db8::10", "2001:db8:2::20");
    for (d, sides, own_port) in [
        (Dialog::new(1), &[Caller, Callee][..], true),
        (Dialog::new(1), &[Caller, Callee], false),
        (Dialog::new(1), &[Caller], true),
        (Dialog::new(1), &[Callee], true),
        (Dialog::new(1), &[Callee], false),
        (six, &[Caller, Callee], true),
    ] {
        let (run, sent, end) = pause(&d, 41_300.0, AGENTS, |s| reports(s, &d, sides, own_port, 41_000.0));
        one(&run, &sent, end);
    }
}

#[test]
fn reports_on_a_port_that_the_description_names_keep_it_open() {
    let ports = [addr("198.51.100.10:45000"), addr("192.0.2.20:46000")];
    let d = Dialog::new(2);
    let line = |i: usize| Line::audio(d.rtp[i]).with(format!("rtcp:{}", ports[i].port()));
    let d = Dialog { bodies: [description(1, &[line(0)]), description(1, &[line(1)])], ..d.clone() };
    let (run, sent, end) = pause(&d, 41_300.0, AGENTS, |s| {
        for i in 0..8 {
            s.udp(3600.0 + 5000.0 * f64::from(i), ports[0], ports[1], &sender_report(9));
        }
    });
    one(&run, &sent, end);
}

#[test]
fn other_calls_reports_keep_nothing_open() {
    let d = Dialog::new(3);
    let stranger = Dialog::new(4);
    let (run, ..) = pause(&d, 41_300.0, AGENTS, |s| {
        reports(s, &stranger, &[Caller, Callee], true, 41_000.0);
    });
    assert_eq!(run.recordings[0].text("/ended_by"), "timeout");
}

#[test]
fn a_session_refresh_keeps_a_silent_call_open() {
    for (method, side) in [("UPDATE", Caller), ("INVITE", Callee), ("INVITE", Caller), ("UPDATE", Callee)] {
        let d = Dialog::new(5);
        let (run, sent, end) = pause(&d, 81_300.0, AGENTS, |s| {
            for i in 1..4 {
                let headers = "Session-Expires: 90;refresher=uac\r\nSupported: timer\r\n";
                identity(s, &d, 3000.0 + 20_000.0 * f64::from(i), method, side, 10 + i, headers);
            }
        });
        one(&run, &sent, end);
    }
}

/// The audio is switched off in the midst of a call, `how` of them.
fn switched_off(side: Side, offer: &str, answer: &str) {
    let d = Dialog::new(6);
    let (run, sent, end) = pause(&d, 43_500.0, AGENTS, |s| {
        // Other traffic moves the clock on, so that waiting comes to its end.
        time_runs(s, 3500.0, 43_300.0, 500.0);
        d.reinvite(s, 3400.0, side, 11, offer, answer);
        let on = |x: Side| description(3, &[Line::audio(d.rtp[x as usize])]);
        d.reinvite(s, 43_400.0, side, 12, &on(side), &on(side.other()));
    });
    one(&run, &sent, end);
}

#[test]
fn audio_that_is_switched_off_and_on_again_is_one_call() {
    let d = Dialog::new(6);
    let line = |x: Side| Line::audio(d.rtp[x as usize]);
    for side in [Caller, Callee] {
        let (mine, yours) = (line(side), line(side.other()));
        let off = |l: &Line| description(2, &[l.clone().off()]);
        switched_off(side, &off(&mine), &off(&yours));
        // Only the answer refuses.
        switched_off(side, &description(2, std::slice::from_ref(&mine)), &off(&yours));
        let nowhere = |l: &Line| {
            let at = SocketAddr::new(addr("0.0.0.0:0").ip(), l.at.port());
            description(2, &[Line { at, ..l.clone() }])
        };
        switched_off(side, &nowhere(&mine), &description(2, std::slice::from_ref(&yours)));
        let inactive = |l: &Line| description(2, &[l.clone().with("inactive")]);
        switched_off(side, &inactive(&mine), &inactive(&yours));
    }
}

#[test]
fn a_facsimile_in_the_midst_of_a_call_is_no_hang_up() {
    let d = Dialog::new(6);
    for side in [Caller, Callee] {
        let t38 = |x: Side| {
            let image = Line { media: "image", profile: "udptl", ..Line::audio(d.rtp[x as usize]) };
            image.formats("t38", &[])
        };
        let (mine, yours) = (t38(side), t38(side.other()));
        switched_off(
            side,
            &description(2, std::slice::from_ref(&mine)),
            &description(2, std::slice::from_ref(&yours)),
        );
        let both = |x: Side| description(2, &[Line::audio(d.rtp[x as usize]).off(), t38(x)]);
        switched_off(side, &both(side), &both(side.other()));
    }
}

#[test]
fn talk_after_a_timeout_is_a_second_recording_of_the_contact() {
    for (config, again) in [("", 61_000.0), ("[sip]\nmedia_timeout = \"5s\"\n", 15_000.0)] {
        let d = Dialog::new(7);
        let (run, sent, end) =
            pause(&d, again, &format!("{AGENTS}{config}"), |s| time_runs(s, 3000.0, again, 50.0));
        let [a, b] = &run.recordings[..] else { panic!("{again} {}", run.stdout()) };
        spans(a, 1000.0, 3000.0, "timeout");
        complete(a, false);
        assert_eq!(b.text("/ended_by"), "customer");
        assert!((b.number("/duration_s") - (end - again) / 1e3).abs() < 0.05, "{}", b.json);
        assert_eq!(a.text("/call_group"), b.text("/call_group"));
        assert_ne!(a.text("/id"), b.text("/id"));
        for (r, from, to) in [(a, 0, 100), (b, 100, 200)] {
            parties(r, "2001", "inbound", CUSTOMER);
            inbound(r, &[sent[0][from..to].to_vec(), sent[1][from..to].to_vec()]);
        }
    }
}

#[test]
fn every_pause_that_is_too_long_begins_another_recording() {
    let d = Dialog::new(8);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut v = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
    let mut sent = Vec::new();
    for i in 0..4 {
        let from = 1010.0 + 20_000.0 * f64::from(i);
        sent.push(v.each_mut().map(|v| v.talk(from, from + 3000.0)));
        for p in &sent[sent.len() - 1] {
            s.media(p);
        }
        v.iter_mut().for_each(|v| v.pause(17_000));
    }
    time_runs(&mut s, 0.0, 64_000.0, 100.0);
    d.bye(&mut s, 64_100.0, Callee);
    let run = s.replay(&format!("{AGENTS}[sip]\nmedia_timeout = \"5s\"\n"));
    assert_eq!(run.recordings.len(), 4, "{}", run.stdout());
    for (i, (r, sent)) in run.recordings.iter().zip(&sent).enumerate() {
        inbound(r, sent);
        assert_eq!(r.text("/ended_by"), if i < 3 { "timeout" } else { "agent" });
        assert_eq!(r.text("/call_group"), run.recordings[0].text("/call_group"));
    }
}

#[test]
fn a_living_dialog_may_be_silent_for_so_long_and_no_longer() {
    let d = Dialog::new(9);
    let config = format!("{AGENTS}[sip]\nmax_silence = \"60s\"\n");
    let (run, sent, end) = pause(&d, 51_000.0, &config, |s| {
        reports(s, &d, &[Caller, Callee], true, 51_000.0);
    });
    one(&run, &sent, end);
    let (run, ..) = pause(&d, 121_000.0, &config, |s| {
        reports(s, &d, &[Caller, Callee], true, 121_000.0);
        time_runs(s, 3000.0, 121_000.0, 100.0);
    });
    assert_eq!(run.recordings.len(), 2, "{}", run.stdout());
    assert_eq!(run.recordings[0].text("/ended_by"), "timeout");
}

#[test]
fn comfort_noise_is_no_silence() {
    let d = Dialog::new(10);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut c = Voice::of(&d, Caller, 1);
    let mut a = Voice::of(&d, Callee, 2);
    let sent = [c.talk(1010.0, 3010.0), a.talk(1010.0, 3010.0)];
    s.media(&sent[0]);
    s.media(&sent[1]);
    for i in 0..9 {
        s.media(&[c.other(3500.0 + 10_000.0 * f64::from(i), 13, &[60])]);
        c.pause(10_000);
    }
    d.bye(&mut s, 90_000.0, Caller);
    let run = s.replay(AGENTS);
    spans(run.only(), 1000.0, 90_000.0, "customer");
    complete(run.only(), true);
}

/// A hold, then no packet of anything until the BYE or until the call goes on.
#[test]
fn minutes_without_any_packet_keep_their_length() {
    for quiet in [61_000.0, 120_000.0, 400_000.0] {
        for (resumes, tcp) in [(false, false), (true, false), (true, true)] {
            let d = Dialog::new(11);
            let mut s = Scene::new();
            d.answered(&mut s, 0.0, 1000.0);
            let mut sent = talk(&mut s, &d, 1000.0, 3000.0);
            let describe = |x: Side, direction| d.sdp_with(x, d.rtp[x as usize], "8", direction, 2);
            d.reinvite(
                &mut s,
                3000.0,
                Callee,
                2,
                &describe(Callee, "sendonly"),
                &describe(Caller, "recvonly"),
            );
            let back = 3020.0 + quiet;
            let mut end = back;
            if resumes {
                d.reinvite(
                    &mut s,
                    back,
                    Callee,
                    3,
                    &describe(Callee, "sendrecv"),
                    &describe(Caller, "sendrecv"),
                );
                let more = talk(&mut s, &d, back + 30.0, back + 3000.0);
                for (all, more) in sent.iter_mut().zip(more) {
                    all.extend(more);
                }
                end = back + 3000.0;
            }
            d.bye(&mut s, end, Caller);
            if tcp {
                over_tcp(&mut s);
            }
            let run = s.replay(&format!("{AGENTS}[sip]\nmax_silence = \"2h\"\n"));
            spans(run.only(), 1000.0, end, "customer");
            inbound(run.only(), &sent);
            events(run.only(), "hold", &[2.0]);
            if resumes {
                events(run.only(), "resume", &[(back - 1000.0) / 1e3]);
            }
        }
    }
}

#[test]
fn a_call_after_minutes_without_any_packet_is_recorded() {
    for quiet in [61_000.0, 400_000.0, 40_000_000.0] {
        let mut s = Scene::new();
        let one = call(&mut s, &Dialog::new(12), 1000.0, 3000.0);
        let two = call(&mut s, &Dialog::new(13), 4000.0 + quiet, 7000.0 + quiet);
        let run = s.replay(AGENTS);
        let [a, b] = &run.recordings[..] else { panic!("{quiet} {}", run.stdout()) };
        spans(a, 1000.0, 3000.0, "customer");
        spans(b, 4000.0 + quiet, 7000.0 + quiet, "customer");
        inbound(a, &one);
        inbound(b, &two);
        complete(b, true);
    }
}

#[test]
fn a_call_whose_ringing_takes_minutes_keeps_its_time() {
    let d = Dialog::new(14);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 150_000.0);
    let sent = talk(&mut s, &d, 150_000.0, 153_000.0);
    d.bye(&mut s, 153_000.0, Caller);
    let run = s.replay(AGENTS);
    spans(run.only(), 150_000.0, 153_000.0, "customer");
    inbound(run.only(), &sent);
}

#[test]
fn a_call_that_nobody_hung_up_does_not_wait_for_ever() {
    // Whatever runs on its ports three hours later is not its own.
    let dead = Dialog::new(61);
    let hours = 3.0 * 3_600_000.0;
    let mut s = Scene::new();
    dead.answered(&mut s, 0.0, 1000.0);
    s.media(&Voice::of(&dead, Caller, 1).talk(1001.0, 3000.0));
    // Somebody else keeps the clock going.
    for minute in 0..180 {
        s.udp(
            4000.0 + f64::from(minute) * 60_000.0,
            addr("203.0.113.1:123"),
            addr("203.0.113.2:123"),
            b"time",
        );
    }
    s.media(&Voice::of(&dead, Caller, 2).talk(hours + 1001.0, hours + 2000.0));
    let run = s.replay(AGENTS);
    assert_eq!(run.only().text("/sip/call_id"), dead.call_id, "nothing begins again");
}

#[test]
fn a_dialog_that_slept_for_hours_is_woken_by_its_signalling() {
    const HOUR: f64 = 3_600_000.0;
    let d = Dialog::new(62);
    let line = |x: Side| Line::audio(d.rtp[x as usize]);
    let described = |x: Side, how: &str| description(2, &[line(x).with(how)]);
    let off = |x: Side| description(2, &[line(x).off()]);
    for (is_switched_off, hours) in [(false, 1.03), (false, 5.0), (true, 1.5), (true, 11.0)] {
        for by in [Caller, Callee] {
            let again = hours * HOUR;
            let (run, sent, _) = pause(&d, again, AGENTS, |s| {
                time_runs(s, 3000.0, again, 20_000.0);
                if is_switched_off {
                    d.reinvite(s, 3400.0, by, 11, &off(by), &off(by.other()));
                }
                // Meanwhile somebody unknown talks on its addresses: that is nobody's here.
                if hours > 2.0 {
                    s.media(&Voice::of(&d, Caller, 9).talk(again - 60_000.0, again - 55_000.0));
                }
                d.reinvite(s, again, by, 12, &described(by, "sendrecv"), &described(by.other(), "sendrecv"));
            });
            let [a, b] = &run.recordings[..] else { panic!("{hours} h {by:?}: {}", run.stdout()) };
            assert_eq!((a.text("/ended_by"), b.text("/ended_by")), ("timeout", "customer"), "{hours} {by:?}");
            assert_eq!(a.text("/call_group"), b.text("/call_group"));
            parties(b, "2001", "inbound", CUSTOMER);
            inbound(b, &[sent[0][100..200].to_vec(), sent[1][100..200].to_vec()]);
        }
    }
}
