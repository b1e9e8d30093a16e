//! What a decoder keeps and what it is given: pauses without packets, redundancy, and the codec
//! that an event names.

use crate::common::audio::rms;
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, ns};
use crate::common::run::Recording;
use crate::common::sdp::{Line, description};
use crate::common::voice::{Packet, Voice};
use crate::kit::*;

fn dialog(n: u16, formats: &str, maps: &[&str]) -> Dialog {
    let d = Dialog { formats: [formats.into(), formats.into()], ..Dialog::new(n) };
    let bodies = d.rtp.map(|at| description(1, &[Line::audio(at).formats(formats, maps)]));
    Dialog { bodies, ..d }
}

/// Samples of a channel from one ms of the ladder to another.
fn heard<'a>(r: &'a Recording, channel: &str, from: f64, to: f64) -> &'a [i16] {
    let at = |ms: f64| ((ns(ms) - r.instant_ns("answered_at")) as f64 * f64::from(r.rate) / 1e9) as usize;
    &r.channel(channel)[at(from)..at(to)]
}

fn db(a: &[i16], b: &[i16]) -> f64 {
    20.0 * (rms(a) / rms(b)).log10()
}

/// A steady vowel: 100 Hz with its harmonics and three formants.
fn vowel(n: usize) -> Vec<i16> {
    let formants = [(700.0, 1.0), (1200.0, 0.5), (2600.0, 0.25)];
    let harmonics: Vec<(f64, f64)> = (1..24)
        .map(|h| 100.0 * f64::from(h))
        .map(|hz| (hz, formants.iter().map(|(f, g)| g / (1.0 + ((hz - f) / 120.0_f64).powi(2))).sum()))
        .collect();
    let at = |i: usize| {
        let t = i as f64 / 48_000.0;
        let wave: f64 = harmonics.iter().map(|(hz, g)| (std::f64::consts::TAU * hz * t).sin() * g).sum();
        (wave * 4000.0) as i16
    };
    (0..n).map(at).collect()
}

/// Opus with discontinuous transmission: talk for `talk` ms, nothing for `pause` ms, over and over.
fn opus(d: &Dialog, side: Side, talk: usize, pause: usize, end: f64) -> Vec<Packet> {
    let mut encoder = opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
    encoder.set_bitrate(opus::Bitrate::Bits(24_000)).unwrap();
    encoder.set_dtx(true).unwrap();
    let mut v = Voice::of(d, side, 5);
    let voice = vowel(960 * (talk / 20));
    let mut out = Vec::new();
    let mut silent = true;
    let mut at = 1021.0;
    let mut i = 0;
    while at < end {
        let phase = i * 20 % (talk + pause);
        let frame = if phase < talk { voice[phase * 48..][..960].to_vec() } else { vec![0; 960] };
        let packet = encoder.encode_vec(&frame, 1000).unwrap();
        // What says only that nothing is said is not sent.
        if packet.len() > 2 && phase < talk + 200 {
            let mut p = v.other(at, 111, &packet);
            if silent {
                p.rtp[1] |= 0x80;
            }
            out.push(p);
        }
        silent = packet.len() <= 2;
        v.ts = v.ts.wrapping_add(960);
        at += 20.0;
        i += 1;
    }
    out
}

#[test]
fn opus_comes_back_from_a_pause_as_loud_as_it_went() {
    for (side, pause) in [(Caller, 1500), (Callee, 1500), (Caller, 600), (Caller, 5000)] {
        let d = dialog(1, "111", &["111 opus/48000/2"]);
        let end = 1021.0 + 4.0 * (1500.0 + pause as f64);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let sent = opus(&d, side, 1500, pause, end);
        s.media(&sent);
        s.media(&opus(&d, side.other(), 1500, 0, end));
        d.bye(&mut s, end, Caller);
        let run = s.replay(AGENTS);
        let r = run.only();
        complete(r, true);
        assert_eq!(r.rate, 48_000);
        let channel = if side == Caller { "customer" } else { "agent" };
        // A decoder that goes on over the pauses, as the encoder did.
        let mut decoder = opus::Decoder::new(48_000, opus::Channels::Mono).unwrap();
        let mut goes_on = |p: &Packet| {
            let mut out = vec![0; 960];
            decoder.decode(&p.rtp[12..], &mut out, false).unwrap();
            (p.nominal_ns, out)
        };
        let right: Vec<_> = sent.iter().map(&mut goes_on).collect();
        for n in 1..4 {
            let from = 1021.0 + f64::from(n) * (1500.0 + pause as f64);
            let within = |at: i64| (ns(from + 39.0)..ns(from + 139.0)).contains(&at);
            let of: Vec<i16> =
                right.iter().filter(|(at, _)| within(*at)).flat_map(|(_, s)| s.clone()).collect();
            let off = db(heard(r, channel, from + 40.0, from + 140.0), &of);
            assert!(off.abs() <= 2.0, "spurt {n} after {pause} ms comes back {off:.1} dB off");
        }
        assert_eq!(streams(r, channel).2, 0);
    }
}

/// A voice in G.722, as an encoder made it.
fn g722() -> Vec<u8> {
    std::fs::read(crate::common::repository("tests/data").join("g722/speech.g722")).unwrap()
}

/// The octets in packets of 20 ms from 1 s on, with a pause before packet `cut` where the stamps tell of it.
fn g722_packets(d: &Dialog, side: Side, cut: usize, pause: u32, octets: &[u8]) -> Vec<Packet> {
    let mut v = Voice::of(d, side, 5);
    let mut at = 1060.0;
    let mut out = Vec::new();
    for (i, chunk) in octets.chunks_exact(160).enumerate() {
        if i == cut {
            at += f64::from(pause);
            v.pause(pause);
        }
        out.push(v.other(at, 9, chunk));
        v.pause(20);
        at += 20.0;
    }
    out
}

#[test]
fn g722_goes_on_after_a_pause_where_it_stopped() {
    let octets = g722();
    for (side, pause) in [(Caller, 400), (Callee, 1500), (Callee, 5000)] {
        for cut in [20, 31, 47, 60] {
            let d = dialog(2, "9", &["9 G722/8000"]);
            let mut s = Scene::new();
            d.answered(&mut s, 0.0, 1000.0);
            s.media(&g722_packets(&d, side, cut, pause, &octets));
            s.media(&g722_packets(&d, side.other(), cut, 0, &octets));
            let end = 1100.0 + octets.len() as f64 / 8.0 + f64::from(pause);
            d.bye(&mut s, end, Caller);
            let run = s.replay(AGENTS);
            let r = run.only();
            complete(r, true);
            let [paused, steady] = if side == Caller { ["customer", "agent"] } else { ["agent", "customer"] };
            // The same octets, without the pause on one channel and behind it on the other.
            let from = 1060.0 + 20.0 * cut as f64;
            let steady = heard(r, steady, from + 10.0, from + 110.0);
            let back = from + f64::from(pause);
            let paused = heard(r, paused, back + 10.0, back + 110.0);
            if rms(steady) > 100.0 {
                let off = db(paused, steady);
                assert!(off.abs() <= 2.0, "after {pause} ms before packet {cut}: {off:.1} dB");
            }
        }
    }
}

/// RFC 2198: so many packets before, the oldest first, and the packet itself.
fn redundant(sent: &[Packet], copies: usize) -> Vec<Packet> {
    let mut out = Vec::new();
    for (i, p) in sent.iter().enumerate() {
        let mut rtp = p.rtp[..12].to_vec();
        rtp[1] = rtp[1] & 0x80 | 116;
        let before = &sent[i.saturating_sub(copies)..i];
        for old in before {
            // F=1, payload type 8; 14 bits of offset, 10 of length.
            let offset = (p.nominal_ns - old.nominal_ns) as u32 / 125_000;
            let word = 1 << 31 | 8 << 24 | offset << 10 | (old.rtp.len() - 12) as u32;
            rtp.extend_from_slice(&word.to_be_bytes());
        }
        rtp.push(8);
        before.iter().chain([p]).for_each(|p| rtp.extend_from_slice(&p.rtp[12..]));
        out.push(Packet { rtp, ..p.clone() });
    }
    out
}

#[test]
fn the_primary_block_of_redundant_audio_is_played() {
    for maps in [["116 red/8000", "8 PCMA/8000"], ["8 PCMA/8000", "116 RED/8000/1"]] {
        let d = dialog(3, "116 8", &maps);
        for side in [Caller, Callee] {
            let mut s = Scene::new();
            d.answered(&mut s, 0.0, 1000.0);
            let mut v = [Caller, Callee].map(|x| Voice::of(&d, x, 1 + x as u64).meaning(8, 8));
            let sent = v.each_mut().map(|v| v.talk(1003.0, 4000.0));
            s.media(&redundant(&sent[side as usize], 1));
            s.media(&sent[side.other() as usize]);
            d.bye(&mut s, 4000.0, Caller);
            let run = s.replay(AGENTS);
            inbound(run.only(), &sent);
            complete(run.only(), true);
        }
    }
}

/// Packets by the thirty that were lost on the way, as many as the copies make up for.
#[test]
fn copies_stand_where_the_packets_themselves_were_lost() {
    for (copies, burst, swapped) in [(1, 1, false), (2, 1, false), (2, 2, true), (3, 3, false), (1, 1, true)]
    {
        let d = dialog(5, "116 8", &["116 red/8000", "8 PCMA/8000"]);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let mut v = [Caller, Callee].map(|x| Voice::of(&d, x, 1 + x as u64).meaning(8, 8));
        let mut sent: Sent = v.each_mut().map(|v| v.talk(1003.0, 9000.0));
        // A pause in the midst, of which the stamps tell.
        sent[0].extend({
            v[0].pause(600);
            v[0].talk(9603.0, 11_000.0)
        });
        let mut on_wire = redundant(&sent[0], copies);
        let is_lost = |i: usize| i % 30 >= 30 - burst && i < 480;
        let lost = (0..on_wire.len()).filter(|i| is_lost(*i)).count() as u64;
        if swapped {
            // Every seventh comes behind its successor.
            for p in on_wire.iter_mut().step_by(7) {
                p.captured_ns.iter_mut().for_each(|at| *at += 25_000_000);
            }
        }
        let mut n = 0;
        on_wire.retain(|_| {
            n += 1;
            !is_lost(n - 1)
        });
        s.media(&on_wire);
        s.media(&sent[1]);
        d.bye(&mut s, 11_500.0, Caller);
        let run = s.replay(AGENTS);
        let r = run.only();
        // As if nothing had been lost.
        inbound(r, &sent);
        complete(r, true);
        assert_eq!(streams(r, "customer").1, on_wire.len() as u64);
        assert_eq!(streams(r, "customer").2, lost, "{copies} {burst}: the network's losses are counted");
    }
}

/// A copy from farther back than all that is missing fills nothing, and one of two fills one.
#[test]
fn what_copies_do_not_make_up_for_is_silent() {
    let d = dialog(6, "116 8", &["116 red/8000", "8 PCMA/8000"]);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut v = [Caller, Callee].map(|x| Voice::of(&d, x, 1 + x as u64).meaning(8, 8));
    let mut sent: Sent = v.each_mut().map(|v| v.talk(1003.0, 6000.0));
    let mut on_wire = redundant(&sent[0], 1);
    // Five in a row: the last of them comes again.
    on_wire.drain(100..105);
    (100..104).for_each(|i| sent[0][i].captured_ns.clear());
    s.media(&on_wire);
    s.media(&sent[1]);
    d.bye(&mut s, 6500.0, Caller);
    let run = s.replay(AGENTS);
    inbound(run.only(), &sent);
    complete(run.only(), true);
    assert_eq!(streams(run.only(), "customer").2, 5);
}

#[test]
fn a_codec_that_changes_with_its_source_is_an_event_of_each_channel() {
    let d = dialog(4, "8 0", &["8 PCMA/8000", "0 PCMU/8000"]);
    for changes in [&[Caller][..], &[Callee], &[Caller, Callee]] {
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let mut sent: Sent = [Vec::new(), Vec::new()];
        for side in [Caller, Callee] {
            let mut v = Voice::of(&d, side, 1 + side as u64).meaning(8, 8);
            let of = &mut sent[side as usize];
            of.extend(v.talk(1003.0, 3003.0));
            if changes.contains(&side) {
                of.extend(Voice::of(&d, side, 11 + side as u64).meaning(0, 0).talk(3003.0, 5000.0));
            } else {
                of.extend(v.talk(3003.0, 5000.0));
            }
            s.media(of);
        }
        d.bye(&mut s, 5000.0, Caller);
        let run = s.replay(AGENTS);
        inbound(run.only(), &sent);
        events(run.only(), "codec", &vec![2.0; changes.len()]);
    }
}
