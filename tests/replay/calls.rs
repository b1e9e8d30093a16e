//! The fine print of a call: when it begins and ends, who ended it, and which
//! calls leave nothing. Each test is a sentence of the contract.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, Side, addr, ns};
use crate::common::oracle::must;
use crate::common::run::Run;
use crate::common::voice::{Packet, Voice};
use crate::kit::talk;

fn reasons(run: &Run, reason: &str) -> u64 {
    run.summary()["unrecorded"][reason].as_u64().unwrap_or_else(|| panic!("{}", run.stdout()))
}

#[track_caller]
fn ends(run: &Run, at_ms: f64, by: &str) {
    let r = run.only();
    let off = (r.instant_ns("ended_at") - ns(at_ms)).abs();
    assert!(off <= 20_000_000, "ended_at {} off by {off} ns", r.text("/ended_at"));
    assert_eq!(r.text("/ended_by"), by);
    let length = (r.instant_ns("ended_at") - r.instant_ns("answered_at")) as f64 / 1e9;
    assert!((r.number("/duration_s") - length).abs() <= 0.02, "{}", r.json);
    assert!((r.customer.len() as f64 / f64::from(r.rate) - length).abs() <= 0.02, "{}", r.json);
}

#[test]
fn failed_cancelled_and_unanswered_calls_leave_nothing() {
    for code in [404, 408, 480, 486, 487, 503, 603] {
        let d = Dialog::new(1);
        let mut s = Scene::new();
        d.invite(&mut s, 0.0);
        d.status(&mut s, 50.0, 100);
        d.status(&mut s, 100.0, 183);
        talk(&mut s, &d, 110.0, 3000.0);
        if code == 487 {
            d.request(&mut s, 2990.0, "CANCEL", Caller, 1, "", None);
        }
        d.response(&mut s, 3000.0, code, "INVITE", Caller, 1, None);
        d.ack(&mut s, 3010.0);
        talk(&mut s, &d, 3020.0, 4000.0);
        assert!(s.replay(AGENTS).recordings.is_empty(), "{code}");
    }
    let d = Dialog::new(2);
    let mut s = Scene::new();
    d.invite(&mut s, 0.0);
    d.status(&mut s, 100.0, 183);
    talk(&mut s, &d, 110.0, 9000.0);
    assert!(s.replay(AGENTS).recordings.is_empty(), "never answered");
}

#[test]
fn the_first_2xx_counts_and_the_first_bye() {
    let d = Dialog::new(3);
    let mut s = Scene::new();
    d.invite(&mut s, 0.0);
    d.invite(&mut s, 500.0);
    d.status(&mut s, 1000.0, 200);
    d.status(&mut s, 1500.0, 200);
    d.status(&mut s, 2500.0, 200);
    d.ack(&mut s, 2510.0);
    let sent = talk(&mut s, &d, 1000.0, 5600.0);
    d.request(&mut s, 5000.0, "BYE", Callee, 9, "", None);
    d.request(&mut s, 5500.0, "BYE", Callee, 9, "", None);
    d.response(&mut s, 5510.0, 200, "BYE", Callee, 9, None);
    let run = s.replay(AGENTS);
    ends(&run, 5000.0, "agent");
    assert_eq!(run.only().instant_ns("answered_at"), ns(1000.0));
    must(run.only(), "customer", &sent[0]);
    must(run.only(), "agent", &sent[1]);
}

#[test]
fn both_hang_up_at_once_and_the_first_counts() {
    let d = Dialog::new(4);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    talk(&mut s, &d, 1000.0, 4000.0);
    d.request(&mut s, 4000.0, "BYE", Caller, 9, "", None);
    d.request(&mut s, 4001.0, "BYE", Callee, 5, "", None);
    d.response(&mut s, 4010.0, 200, "BYE", Callee, 5, None);
    d.response(&mut s, 4012.0, 481, "BYE", Caller, 9, None);
    ends(&s.replay(AGENTS), 4000.0, "customer");
}

#[test]
fn a_challenged_bye_ends_nothing() {
    for (code, wait) in [(401, 1000.0), (407, 20.0)] {
        let d = Dialog::new(5);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let sent = talk(&mut s, &d, 1000.0, 4000.0 + wait);
        d.request(&mut s, 4000.0, "BYE", Callee, 9, "", None);
        d.response(&mut s, 4005.0, code, "BYE", Callee, 9, None);
        let again = 4000.0 + wait;
        d.request(&mut s, again, "BYE", Callee, 10, "Authorization: Digest x\r\n", None);
        d.response(&mut s, again + 5.0, 200, "BYE", Callee, 10, None);
        let run = s.replay(AGENTS);
        ends(&run, again, "agent");
        must(run.only(), "customer", &sent[0]);
        must(run.only(), "agent", &sent[1]);
    }
}

#[test]
fn a_bye_without_an_answer_still_ends() {
    let d = Dialog::new(6);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    talk(&mut s, &d, 1000.0, 9000.0);
    d.request(&mut s, 4000.0, "BYE", Caller, 9, "", None);
    ends(&s.replay(AGENTS), 4000.0, "customer");
}

#[test]
fn a_bye_of_another_dialog_ends_nothing() {
    let d = Dialog::new(7);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    talk(&mut s, &d, 1000.0, 5000.0);
    let strangers = [
        Dialog { call_id: "other".into(), ..d.clone() },
        Dialog { tags: ["x".into(), d.tags[1].clone()], ..d.clone() },
        Dialog { tags: [d.tags[0].clone(), "x".into()], ..d.clone() },
    ];
    for x in strangers {
        x.bye(&mut s, 3000.0, Caller);
    }
    d.bye(&mut s, 5000.0, Caller);
    ends(&s.replay(AGENTS), 5000.0, "customer");
}

#[test]
fn without_a_bye_the_capture_or_the_silence_ends_it() {
    let d = Dialog::new(8);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    talk(&mut s, &d, 1000.0, 4001.0);
    let run = s.replay(AGENTS);
    ends(&run, 3985.0, "capture_end");
    assert_eq!(run.only().json["complete"], false);
    // Time runs on, as any packet tells.
    s.udp(40_000.0, addr("203.0.113.1:123"), addr("203.0.113.2:123"), b"time");
    let run = s.replay(AGENTS);
    ends(&run, 3985.0, "timeout");
    assert_eq!(run.only().json["complete"], false);
}

#[test]
fn silence_while_time_runs_on_is_no_part_of_the_recording() {
    for (other_traffic_s, by) in [(5, "capture_end"), (45, "timeout")] {
        let d = Dialog::new(30);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let sent = talk(&mut s, &d, 1000.0, 4001.0);
        for i in 0..other_traffic_s * 20 {
            let at = 4000.0 + 50.0 * f64::from(i);
            s.udp(at, addr("203.0.113.1:123"), addr("203.0.113.2:123"), b"time");
        }
        let run = s.replay(AGENTS);
        ends(&run, 3985.0, by);
        must(run.only(), "customer", &sent[0]);
    }
}

#[test]
fn the_timeout_is_a_setting_and_counts_both_directions() {
    let d = Dialog::new(9);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut agent = Voice::of(&d, Callee, 3);
    let mut customer = Voice::of(&d, Caller, 4);
    // Never five seconds of silence, though each party is silent for longer.
    s.media(&agent.talk(1005.0, 4000.0));
    s.media(&customer.talk(8000.0, 9000.0));
    s.media(&agent.talk(13_000.0, 14_000.0));
    s.udp(60_000.0, addr("203.0.113.1:123"), addr("203.0.113.2:123"), b"time");
    let run = s.replay(&format!("{AGENTS}[sip]\nmedia_timeout = \"5s\"\n"));
    ends(&run, 13_985.0, "timeout");
    // Three seconds are too long. The dialog lives: what is said later is another recording of it.
    let run = s.replay(&format!("{AGENTS}[sip]\nmedia_timeout = \"3s\"\n"));
    let spans: Vec<_> =
        run.recordings.iter().map(|r| (r.instant_ns("answered_at"), r.instant_ns("ended_at"))).collect();
    assert_eq!(spans, [(ns(1000.0), ns(3985.0)), (ns(8000.0), ns(8980.0)), (ns(13_000.0), ns(13_980.0))]);
    for r in &run.recordings {
        assert_eq!((r.text("/ended_by"), r.json["complete"].as_bool()), ("timeout", Some(false)));
        assert_eq!(r.text("/call_group"), run.recordings[0].text("/call_group"));
    }
}

#[test]
fn a_hold_is_no_timeout_however_long() {
    let d = Dialog::new(10);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    talk(&mut s, &d, 1000.0, 3000.0);
    let hold = d.sdp_with(Callee, d.rtp[1], "8", "sendonly", 2);
    let held = d.sdp_with(Caller, d.rtp[0], "8", "recvonly", 2);
    d.reinvite(&mut s, 3000.0, Callee, 2, &hold, &held);
    for i in 0..20 {
        s.udp(5000.0 + 5000.0 * f64::from(i), addr("203.0.113.1:123"), addr("203.0.113.2:123"), b"time");
    }
    let talk_again = d.sdp_with(Callee, d.rtp[1], "8", "sendrecv", 3);
    let heard = d.sdp_with(Caller, d.rtp[0], "8", "sendrecv", 3);
    d.reinvite(&mut s, 95_000.0, Callee, 3, &talk_again, &heard);
    let sent = talk(&mut s, &d, 95_100.0, 99_000.0);
    d.bye(&mut s, 99_000.0, Caller);
    let run = s.replay(AGENTS);
    ends(&run, 99_000.0, "customer");
    let r = run.only();
    let near = |at: Vec<f64>, t: f64| at.len() == 1 && (at[0] - t).abs() < 0.05;
    assert!(near(r.events("hold"), 2.0), "{}", r.json["events"]);
    assert!(near(r.events("resume"), 94.0), "{}", r.json["events"]);
    let again = &sent[1][10];
    let at = ((again.nominal_ns - ns(1000.0)) / 125_000) as usize;
    assert!((at - 80..at + 80).any(|f| r.agent[f..f + 160] == again.samples[..]), "after the hold");
}

#[test]
fn music_on_hold_is_kept_on_its_channel() {
    let d = Dialog::new(11);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut c = Voice::of(&d, Caller, 1);
    let mut a = Voice::of(&d, Callee, 2);
    let customer = c.talk(1001.0, 3001.0);
    let mut agent = a.talk(1005.0, 3005.0);
    // The old way: held by address zero.
    let hold = d.sdp_with(Callee, addr("0.0.0.0:30000"), "8", "sendonly", 2);
    d.reinvite(&mut s, 3000.0, Callee, 2, &hold, &d.sdp_with(Caller, d.rtp[0], "8", "recvonly", 2));
    agent.extend(a.talk(3005.0, 6000.0));
    s.media(&customer);
    s.media(&agent);
    d.bye(&mut s, 6000.0, Callee);
    let run = s.replay(AGENTS);
    must(run.only(), "customer", &customer);
    must(run.only(), "agent", &agent);
    assert_eq!(run.only().events("hold").len(), 1);
}

#[test]
fn of_two_forks_the_one_that_lives_is_the_call() {
    let winner = Dialog::new(12);
    let mut loser = winner.clone();
    loser.tags[1] = "loser".into();
    loser.rtp[1] = addr("192.0.2.99:39000");
    let mut s = Scene::new();
    winner.invite(&mut s, 0.0);
    winner.status(&mut s, 100.0, 180);
    loser.status(&mut s, 110.0, 180);
    loser.status(&mut s, 1000.0, 200);
    winner.status(&mut s, 1002.0, 200);
    loser.ack(&mut s, 1010.0);
    winner.ack(&mut s, 1011.0);
    loser.bye(&mut s, 1015.0, Caller);
    let sent = talk(&mut s, &winner, 1010.0, 4000.0);
    winner.bye(&mut s, 4000.0, Callee);
    let run = s.replay(AGENTS);
    ends(&run, 4000.0, "agent");
    assert_eq!(run.only().instant_ns("answered_at"), ns(1002.0));
    must(run.only(), "customer", &sent[0]);
    must(run.only(), "agent", &sent[1]);
}

#[test]
fn a_stray_of_under_half_a_second_is_nothing() {
    let d = Dialog::new(13);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    d.bye(&mut s, 1400.0, Caller);
    assert!(s.replay(AGENTS).recordings.is_empty());
    // With media it is a call, however short.
    talk(&mut s, &d, 1000.0, 1400.0);
    ends(&s.replay(AGENTS), 1400.0, "customer");
}

#[test]
fn a_2xx_whose_invite_was_not_seen_starts_nothing() {
    let d = Dialog::new(14);
    let mut s = Scene::new();
    d.status(&mut s, 1000.0, 200);
    d.status(&mut s, 1500.0, 200);
    d.ack(&mut s, 1505.0);
    talk(&mut s, &d, 1000.0, 4000.0);
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay(AGENTS);
    assert!(run.recordings.is_empty());
    assert_eq!(reasons(&run, "invite_unseen"), 1);
}

#[test]
fn a_retry_after_a_challenge_is_the_same_call() {
    for code in [401, 407] {
        let first = Dialog::new(15);
        let mut s = Scene::new();
        first.invite(&mut s, 0.0);
        let challenge = Dialog { tags: ["c15".into(), "proxy".into()], ..first.clone() };
        challenge.response(&mut s, 20.0, code, "INVITE", Caller, 1, None);
        challenge.ack(&mut s, 25.0);
        let again = Dialog { cseq: 2, ..first.clone() };
        again.invite(&mut s, 30.0);
        again.status(&mut s, 1000.0, 200);
        again.ack(&mut s, 1005.0);
        let sent = talk(&mut s, &again, 1000.0, 3000.0);
        again.bye(&mut s, 3000.0, Caller);
        let run = s.replay(AGENTS);
        ends(&run, 3000.0, "customer");
        must(run.only(), "customer", &sent[0]);
    }
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    let d = Dialog::new(16);
    let mut s = Scene::new();
    let text = d.request_text("INVITE", Caller, 1, false, "", None);
    s.udp(0.0, d.sip[0], d.sip[1], text.as_bytes());
    d.status(&mut s, 1000.0, 200);
    d.request(&mut s, 1020.0, "ACK", Caller, 1, "", Some(&d.sdp(Caller)));
    let sent = talk(&mut s, &d, 1010.0, 4000.0);
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay(AGENTS);
    ends(&run, 4000.0, "customer");
    must(run.only(), "agent", &sent[1]);
    must(run.only(), "customer", &sent[0]);
}

#[test]
fn ports_are_reused_without_a_word() {
    // The first call never ends: its BYE was not captured. The second takes its addresses.
    let first = Dialog::new(17);
    let mut second = Dialog { call_id: "second".into(), ..first.clone() };
    second.tags = ["c99".into(), "a99".into()];
    let mut s = Scene::new();
    first.answered(&mut s, 0.0, 1000.0);
    let one = talk(&mut s, &first, 1000.0, 3000.0);
    second.answered(&mut s, 5000.0, 7000.0);
    let two = talk(&mut s, &second, 7000.0, 9000.0);
    second.bye(&mut s, 9000.0, Callee);
    s.udp(60_000.0, addr("203.0.113.1:123"), addr("203.0.113.2:123"), b"time");
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 2);
    for (r, sent) in run.recordings.iter().zip([one, two]) {
        must(r, "customer", &sent[0]);
        must(r, "agent", &sent[1]);
    }
    assert_eq!(run.recordings[0].text("/ended_by"), "timeout");
    assert!((run.recordings[0].number("/duration_s") - 2.0).abs() < 0.03);
    assert_eq!(run.recordings[1].text("/ended_by"), "agent");
}

#[test]
fn behind_nat_the_voice_is_found_by_the_address_it_reaches() {
    // (who is elsewhere than he says)
    for hidden in [Caller, Callee] {
        let d = Dialog::new(18);
        let real = addr(if hidden == Caller { "203.0.113.50:61000" } else { "203.0.113.60:62000" });
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let mut voices = [Voice::of(&d, Caller, 1), Voice::of(&d, Callee, 2)];
        voices[hidden as usize].src = real;
        voices[hidden.other() as usize].dst = real;
        let sent = voices.map(|mut v| v.talk(1003.0, 4000.0));
        s.media(&sent[0]);
        s.media(&sent[1]);
        d.bye(&mut s, 4000.0, Caller);
        let run = s.replay(AGENTS);
        must(run.only(), "customer", &sent[0]);
        must(run.only(), "agent", &sent[1]);
        assert_eq!(run.only().json["streams"].as_array().unwrap().len(), 2, "{hidden:?}");
    }
}

#[test]
fn a_stranger_is_never_heard() {
    let d = Dialog::new(19);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let sent = talk(&mut s, &d, 1000.0, 4000.0);
    let mut v = Voice::of(&d, Caller, 5);
    (v.src, v.dst) = (addr("203.0.113.1:4000"), addr("203.0.113.2:4002"));
    s.media(&v.talk(1000.0, 4000.0));
    // Another call's party sends to this call's port by mistake: on doubt nothing is assigned.
    let other = Dialog::new(20);
    other.answered(&mut s, 500.0, 1500.0);
    let own = talk(&mut s, &other, 1500.0, 4000.0);
    (v.src, v.dst) = (other.rtp[0], d.rtp[1]);
    s.media(&v.talk(2000.0, 3000.0));
    d.bye(&mut s, 4000.0, Caller);
    other.bye(&mut s, 4000.0, Caller);
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 2);
    for (r, sent) in run.recordings.iter().zip([sent, own]) {
        must(r, "customer", &sent[0]);
        must(r, "agent", &sent[1]);
    }
    assert!(run.summary()["rtp_unmatched"].as_u64().unwrap() >= 200);
}

#[test]
fn a_call_of_ipv6_addresses() {
    let mut d = Dialog::new(21);
    d.sip = [addr("[2001:db8::10]:5060"), addr("[2001:db8:2::20]:5060")];
    d.rtp = [addr("[2001:db8::10]:20000"), addr("[2001:db8:2::20]:30000")];
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let sent = talk(&mut s, &d, 1000.0, 4000.0);
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay(AGENTS);
    must(run.only(), "customer", &sent[0]);
    must(run.only(), "agent", &sent[1]);
}

#[test]
fn time_that_runs_backwards_is_counted_and_never_a_negative_length() {
    let d = Dialog::new(22);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let sent = talk(&mut s, &d, 1000.0, 4000.0);
    d.bye(&mut s, 4000.0, Caller);
    let mut frames = s.ordered();
    // Two interfaces merged badly: pairs stand in the wrong order.
    for pair in frames.chunks_exact_mut(2).skip(4).step_by(3) {
        pair.swap(0, 1);
    }
    let run = Scene { frames: frames.clone(), unsorted: true }.replay(AGENTS);
    must(run.only(), "customer", &sent[0]);
    assert!(run.summary()["time_went_back"].as_u64().unwrap() > 10);
    // The BYE is stamped before the answer.
    let mut odd = frames;
    let n = odd.len();
    for f in &mut odd[n - 2..] {
        f.0 = ns(900.0);
    }
    let run = Scene { frames: odd, unsorted: true }.replay(AGENTS);
    for r in &run.recordings {
        assert!(r.number("/duration_s") >= 0.0);
        assert!(r.instant_ns("ended_at") >= r.instant_ns("answered_at"));
    }
}

#[test]
fn a_call_is_followed_over_all_its_hops_and_recorded_once() {
    // A proxy in between: every message twice, the media straight between the parties.
    let outer = Dialog::new(23);
    let proxy = addr("192.0.2.5:5060");
    let near = Dialog {
        sip: [proxy, outer.sip[1]],
        vias: "Via: SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bKx\r\n".into(),
        ..outer.clone()
    };
    let far = Dialog { sip: [outer.sip[0], proxy], ..outer.clone() };
    let mut s = Scene::new();
    for (d, late) in [(&far, 0.0), (&near, 1.0)] {
        d.invite(&mut s, late);
        // Responses come the other way.
        d.status(&mut s, 1001.0 - late, 200);
        d.ack(&mut s, 1010.0 + late);
        d.bye(&mut s, 4000.0 + late, Caller);
    }
    let sent = talk(&mut s, &outer, 1000.0, 4000.0);
    let run = s.replay(AGENTS);
    ends(&run, 4000.0, "customer");
    assert_eq!(run.only().instant_ns("answered_at"), ns(1000.0));
    must(run.only(), "customer", &sent[0]);
    must(run.only(), "agent", &sent[1]);
}

#[test]
fn of_a_media_relay_the_side_nearest_the_agent_is_recorded() {
    let outer = Dialog::new(24);
    let relay = "192.0.2.5";
    let proxy = addr("192.0.2.5:5060");
    let [far_port, near_port] = [format!("{relay}:50000"), format!("{relay}:50002")].map(|a| addr(&a));
    // On the far hop the relay stands for the agent, on the near hop for the customer.
    let far = Dialog { sip: [outer.sip[0], proxy], rtp: [outer.rtp[0], far_port], ..outer.clone() };
    let near = Dialog {
        sip: [proxy, outer.sip[1]],
        rtp: [near_port, outer.rtp[1]],
        vias: "Via: SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bKx\r\n".into(),
        ..outer.clone()
    };
    let mut s = Scene::new();
    far.invite(&mut s, 0.0);
    near.invite(&mut s, 1.0);
    near.status(&mut s, 1000.0, 200);
    far.status(&mut s, 1001.0, 200);
    far.ack(&mut s, 1010.0);
    near.ack(&mut s, 1011.0);
    let on_near = talk(&mut s, &near, 1000.0, 4000.0);
    // The same packets before and after the relay.
    for (p, src, dst) in [(&on_near[0], far.rtp[0], far.rtp[1]), (&on_near[1], far.rtp[1], far.rtp[0])] {
        let copies: Vec<Packet> = p.iter().map(|p| Packet { src, dst, ..p.clone() }).collect();
        s.media(&copies);
    }
    far.bye(&mut s, 4000.0, Caller);
    near.bye(&mut s, 4001.0, Caller);
    let run = s.replay(AGENTS);
    ends(&run, 4000.0, "customer");
    must(run.only(), "customer", &on_near[0]);
    must(run.only(), "agent", &on_near[1]);
    assert_eq!(run.only().json["streams"].as_array().unwrap().len(), 2, "{}", run.only().json["streams"]);
    assert_eq!(run.only().number("/streams/0/packets"), 150.0);
}

#[test]
fn every_message_captured_twice_changes_nothing() {
    let d = Dialog::new(25);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let sent = talk(&mut s, &d, 1000.0, 4000.0);
    d.bye(&mut s, 4000.0, Caller);
    let twice: Vec<_> = s.frames.iter().map(|(at, f)| (at + 40_000, f.clone())).collect();
    s.frames.extend(twice);
    let run = s.replay(AGENTS);
    ends(&run, 4000.0, "customer");
    must(run.only(), "customer", &sent[0]);
    assert_eq!(run.only().number("/streams/0/packets"), 150.0);
    assert_eq!(run.only().number("/streams/0/lost"), 0.0);
}

#[test]
fn calls_side_by_side_do_not_mix() {
    let mut s = Scene::new();
    let mut sent = Vec::new();
    for n in 0..12 {
        let d = Dialog::new(100 + n);
        let at = 1000.0 + 300.0 * f64::from(n);
        d.answered(&mut s, at - 900.0, at);
        sent.push(talk(&mut s, &d, at, at + 3000.0));
        d.bye(&mut s, at + 3000.0, if n % 2 == 0 { Side::Caller } else { Side::Callee });
    }
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 12);
    for (i, (r, sent)) in run.recordings.iter().zip(&sent).enumerate() {
        must(r, "customer", &sent[0]);
        must(r, "agent", &sent[1]);
        assert_eq!(r.text("/ended_by"), if i % 2 == 0 { "customer" } else { "agent" });
    }
}
