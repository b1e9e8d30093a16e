//! Tapes fed by hand: hops, codecs that change, packets in packets, bounds that bite.

use super::*;
use crate::codec::CodecSpec;
use crate::codec::g711::Law;
use crate::rtp::packet::RtpPacket as Rtp;
use crate::rtp::standing::Standing;

mod sealed;
mod skew;

const MS: i64 = NS_PER_MS;

/// Takes what a tape gives out.
#[derive(Default)]
struct Sound {
    rate: u32,
    frames: Vec<i16>,
}

impl Deck for Sound {
    fn start(&mut self, rate_hz: u32, _: Option<Law>) {
        self.rate = rate_hz;
    }
    fn append(&mut self, frames: &[i16]) {
        self.frames.extend_from_slice(frames);
    }
    fn truncate(&mut self, frames: u64) {
        self.frames.truncate(frames as usize * 2);
    }
    fn patch(&mut self, frame: u64, channel: Channel, samples: &[i16]) {
        for (i, s) in samples.iter().enumerate() {
            self.frames[(frame as usize + i) * 2 + channel as usize] = *s;
        }
    }
}

/// One sender: 20 ms of PCMA a packet, each of one value.
#[derive(Clone, Copy)]
struct Sender {
    rank: u8,
    ssrc: u32,
    seq: u16,
    ts: u32,
    kind: u8,
    /// Octets of an authentication tag.
    tag: usize,
}

impl Sender {
    fn new(rank: u8, ssrc: u32) -> Self {
        Sender { rank, ssrc, seq: 100, ts: 7000, kind: 8, tag: 0 }
    }

    /// The same as SRTP would send it, for whoever looks at lengths.
    fn sealed(self) -> Self {
        Sender { tag: 10, ..self }
    }

    fn rtp(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut d = vec![0x80, self.kind];
        d.extend(self.seq.to_be_bytes());
        d.extend(self.ts.to_be_bytes());
        d.extend(self.ssrc.to_be_bytes());
        d.extend(payload);
        d.extend(std::iter::repeat_n(0x55, self.tag));
        self.seq = self.seq.wrapping_add(1);
        self.ts = self.ts.wrapping_add(160);
        d
    }
}

struct Room {
    tape: Tape,
    sound: Sound,
    answered: Timestamp,
}

impl Room {
    fn new() -> Self {
        let answered = Timestamp::from_parts(1_700_000_000, 0);
        Room { tape: Tape::new(answered), sound: Sound::default(), answered }
    }

    fn formats(&mut self, rank: u8, named: &[(u8, &str)], encrypted: bool) {
        let specs =
            named.iter().map(|(pt, name)| (*pt, CodecSpec::from_rtpmap(*pt, Some(name), Some(8000), None)));
        self.tape.set_formats(Channel::Customer, rank, &PayloadMap::new(specs, encrypted));
    }

    fn hear(&mut self, rank: u8, at_us: i64, rtp: &[u8]) {
        let heard = Rtp::parse(rtp).unwrap();
        let at = self.answered.offset_ns(at_us * 1000);
        let flow = u32::from(rank) + 1;
        let (channel, standing) = (Channel::Customer, Standing::Claimed);
        self.tape
            .push(Packet { channel, rank, standing, flow, at, heard, is_opened: false }, &mut self.sound);
    }

    /// Packets from `from` to `to` (ms) on some hops, each later than the first by so many microseconds.
    fn talk(&mut self, senders: &mut [(Sender, i64)], from: i64, to: i64, value: u8) {
        let mut all: Vec<(i64, u8, Vec<u8>)> = Vec::new();
        for (s, later) in senders.iter_mut() {
            for at in (from..to).step_by(20) {
                all.push((at * 1000 + *later, s.rank, s.rtp(&[value; 160])));
            }
        }
        all.sort_by_key(|p| p.0);
        all.iter().for_each(|(at, rank, rtp)| self.hear(*rank, *at, rtp));
    }

    fn close(mut self, end_ms: i64) -> (TapeReport, Vec<i16>) {
        let report = self.tape.close(self.answered.offset_ns(end_ms * MS), &mut self.sound);
        (report, self.sound.frames.iter().step_by(2).copied().collect())
    }
}

fn pause(s: &mut Sender, ms: u32, told: bool) {
    s.ts = s.ts.wrapping_add(if told { ms * 8 } else { 0 });
}

fn value(code: u8) -> i16 {
    let mut out = Vec::new();
    Law::A.decode_into(&[code], &mut out);
    out[0]
}

fn share(sound: &[i16], from_ms: usize, to_ms: usize, code: u8) -> f64 {
    let part = &sound[from_ms * 8..to_ms * 8];
    part.iter().filter(|s| **s == value(code)).count() as f64 / part.len() as f64
}

#[test]
fn a_pause_doubles_nothing_whichever_hop_is_first() {
    // The far hop is as much earlier, up to what a relay with a jitter buffer takes.
    for earlier in [18, 5_000, 60_000, 200_000, 400_000, 700_000] {
        for (own_ssrc, told) in [(1, true), (2, false)] {
            let mut room = Room::new();
            room.formats(0, &[(8, "PCMA")], false);
            let mut hops = [(Sender::new(1, 1), 0), (Sender::new(0, own_ssrc), earlier)];
            for n in 0..4i64 {
                room.talk(&mut hops, 5000 * n, 5000 * n + 2000, 0x90 + n as u8);
                pause(&mut hops[0].0, 3000, true);
                pause(&mut hops[1].0, 3000, told);
            }
            let (report, sound) = room.close(18_000);
            let case = format!("{earlier} {own_ssrc}");
            assert_eq!(report.streams.len(), 1, "{case}: {:?}", report.streams);
            assert_eq!((report.streams[0].packets, report.streams[0].lost), (400, 0), "{case}");
            assert!(report.is_complete(), "{case}");
            let values: Vec<_> = (0x90..0x94).map(value).chain([0]).collect();
            assert!(sound.iter().all(|s| values.contains(s)), "{case}: mixed");
            for n in 0..4 {
                let begin = 5000 * n + earlier as usize / 1000 + 1;
                assert!(share(&sound, begin, begin + 1990, 0x90 + n as u8) > 0.99, "{case}: spurt {n}");
                if n > 0 {
                    assert!(
                        sound[(begin - 1000) * 8..(begin - 2) * 8].iter().all(|s| *s == 0),
                        "{case}: early {n}"
                    );
                }
            }
        }
    }
}

#[test]
fn where_the_near_hop_cannot_be_played_the_far_one_is() {
    for (near, encrypted, first) in [("PCMA", true, 0), ("G729", false, 0), ("PCMA", true, 1)] {
        let mut room = Room::new();
        room.formats(0, &[(8, near)], encrypted);
        room.formats(1, &[(8, "PCMA")], false);
        let senders = [Sender::new(first, 1), Sender::new(1 - first, 2)];
        let hidden = |s: Sender| if encrypted && s.rank == 0 { s.sealed() } else { s };
        let mut hops = [(hidden(senders[0]), 0), (hidden(senders[1]), 300)];
        room.talk(&mut hops, 0, 4000, 0x91);
        let (report, sound) = room.close(4000);
        assert!(share(&sound, 5, 3990, 0x91) > 0.999, "{near} {first}");
        assert!(report.is_complete(), "{near} {first}");
        assert_eq!(report.streams.len(), 1);
    }
    // Without the far one it is silence, and says so.
    let mut room = Room::new();
    room.formats(0, &[(8, "PCMA")], true);
    room.talk(&mut [(Sender::new(0, 1).sealed(), 0)], 0, 2000, 0x91);
    let (report, sound) = room.close(2000);
    assert!(!report.is_complete() && sound.iter().all(|s| *s == 0));
    assert_eq!(report.streams.len(), 1);
}

#[test]
fn a_farther_hop_stands_in_while_the_near_one_is_gone() {
    let mut room = Room::new();
    room.formats(0, &[(8, "PCMA")], false);
    let mut both = [(Sender::new(1, 1), 0), (Sender::new(0, 1), 2000)];
    room.talk(&mut both, 0, 2000, 0x91);
    room.talk(&mut both[..1], 2000, 8000, 0x92);
    both[1].0.seq = both[0].0.seq;
    both[1].0.ts = both[0].0.ts;
    room.talk(&mut both, 8000, 10_000, 0x93);
    let (report, sound) = room.close(10_000);
    assert!(share(&sound, 4100, 7980, 0x92) > 0.99, "{}", share(&sound, 4100, 7980, 0x92));
    assert!(share(&sound, 8003, 9990, 0x93) > 0.99);
    // What the near hop lost is concealed for 60 ms.
    assert!(sound[2062 * 8..].iter().all(|s| [0x92, 0x93].map(value).contains(s) || *s == 0), "mixed");
    assert_eq!(report.streams.len(), 2);
    assert!(report.streams.iter().any(|s| s.lost == 0 && s.packets < 210), "{:?}", report.streams);
}

#[test]
fn a_type_means_what_it_meant_when_the_packet_came() {
    let mut room = Room::new();
    room.formats(0, &[(97, "PCMA")], false);
    let mut s = Sender { kind: 97, ..Sender::new(0, 1) };
    room.talk(std::slice::from_mut(&mut (s, 0)), 0, 1000, 0x91);
    (s.seq, s.ts) = (150, 7000 + 8000);
    room.formats(0, &[(97, "PCMU")], false);
    room.talk(&mut [(s, 0)], 1000, 2000, 0x91);
    let (report, sound) = room.close(2000);
    let mut mu = Vec::new();
    Law::Mu.decode_into(&[0x91], &mut mu);
    assert!(share(&sound, 0, 1000, 0x91) > 0.999);
    assert!(sound[8000..15_990].iter().all(|s| *s == mu[0]));
    assert_eq!(report.events.len(), 1, "{:?}", report.events);
    assert_eq!(report.events[0].kind, TapeEventKind::Codec("PCMU".into()));
    assert!(report.is_complete());
    assert_eq!(report.heard.iter().map(|h| h.1).sum::<u64>(), 100);
}

#[test]
fn a_codec_that_comes_with_a_new_source_is_told() {
    let mut room = Room::new();
    room.formats(0, &[(8, "PCMA"), (0, "PCMU")], false);
    room.talk(&mut [(Sender::new(0, 1), 0)], 0, 1000, 0x91);
    room.talk(&mut [(Sender { kind: 0, ..Sender::new(0, 2) }, 0)], 1000, 2000, 0x91);
    room.talk(&mut [(Sender { kind: 0, ..Sender::new(0, 3) }, 0)], 2000, 3000, 0x91);
    let (report, _) = room.close(3000);
    let codecs: Vec<_> = report.events.iter().map(|e| (e.at_ns / MS, e.kind.clone())).collect();
    assert_eq!(codecs, [(1000, TapeEventKind::Codec("PCMU".into()))]);
}

#[test]
fn packets_in_one_datagram_are_all_heard() {
    for per_datagram in [2, 3, 5] {
        let mut room = Room::new();
        room.formats(0, &[(8, "PCMA")], false);
        let mut s = Sender::new(0, 9);
        for n in 0..40i64 {
            let whole: Vec<u8> = (0..per_datagram).flat_map(|_| s.rtp(&[0x91; 160])).collect();
            room.hear(0, (n + 1) * 20_000 * per_datagram, &whole);
        }
        let (report, sound) = room.close(40 * 20 * per_datagram);
        assert_eq!(report.streams[0].packets, 40 * per_datagram as u64);
        assert_eq!(report.streams[0].lost, 0);
        assert!(
            share(&sound, 20 * per_datagram as usize, 39 * 20 * per_datagram as usize - 100, 0x91) > 0.999
        );
        assert!(report.is_complete());
    }
}

#[test]
fn the_newest_block_of_redundant_audio_is_heard() {
    let mut room = Room::new();
    room.formats(0, &[(121, "red"), (8, "PCMA")], false);
    let mut s = Sender { kind: 121, ..Sender::new(0, 9) };
    for n in 0..100i64 {
        let mut payload = vec![0x88, 2, 0x80, 160, 8];
        payload.extend([0x22; 160]);
        payload.extend([0x91; 160]);
        let rtp = s.rtp(&payload);
        room.hear(0, n * 20_000, &rtp);
    }
    let (report, sound) = room.close(2000);
    assert!(share(&sound, 0, 1990, 0x91) > 0.999);
    assert!(report.is_complete());
    assert_eq!(report.streams[0].codec, "PCMA");
}

#[test]
fn what_was_held_back_and_found_no_room_is_missing_if_it_counts() {
    for refused in [true, false] {
        let mut room = Room::new();
        room.formats(0, &[(8, "PCMA")], false);
        let mut s = [(Sender::new(0, 1), 0)];
        room.talk(&mut s, 0, 1000, 0x91);
        room.tape.suspend(room.answered.offset_ns(1000 * MS));
        room.talk(&mut s, 1000, 1000 + 20 * (MAX_HELD as i64 + 9), 0x91);
        if refused {
            room.tape.resume(&mut room.sound);
        }
        let (report, _) = room.close(if refused { 30_000 } else { 1000 });
        assert_eq!(report.is_complete(), !refused);
    }
}

#[test]
fn more_sources_than_there_is_room_for_are_missing() {
    let mut room = Room::new();
    room.formats(0, &[(8, "PCMA")], false);
    for n in 0..200 {
        let rtp = Sender::new(0, n).rtp(&[0x91; 160]);
        room.hear(0, 100_000 + i64::from(n), &rtp);
    }
    let (report, _) = room.close(1000);
    assert!(!report.is_complete());
    assert_eq!(report.left_out.packets, 200 - 64);
}

#[test]
fn a_capture_without_times_is_told() {
    let mut room = Room::new();
    room.formats(0, &[(8, "PCMA")], false);
    let mut s = Sender::new(0, 1);
    for n in 0..200 {
        let rtp = s.rtp(&[0x91; 160]);
        room.hear(0, n, &rtp);
    }
    let (report, _) = room.close(1);
    assert!(report.is_rushed && !report.is_complete());
}

#[test]
fn what_may_be_of_another_call_is_given_back() {
    // Some of it is written already when that is known, or none; it began with the talk, or later.
    for (known_at, before) in [(300, 0), (300, 200), (1200, 0), (1200, 400)] {
        let mut room = Room::new();
        room.formats(0, &[(8, "PCMA")], false);
        let (mut party, mut other) = (Sender::new(0, 1), Sender::new(0, 2));
        room.talk(&mut [(party, 0)], 0, before, 0x80);
        party = Sender { seq: party.seq + (before / 20) as u16, ts: party.ts + before as u32 * 8, ..party };
        room.talk(&mut [(other, 0)], before, known_at, 0x2a);
        other.seq = 0;
        let since = room.answered.offset_ns(before * MS);
        room.tape.give_back(Channel::Customer, (other.ssrc, 1), since, &mut room.sound);
        room.talk(&mut [(party, 0)], known_at, 2000, 0x80);
        let (report, sound) = room.close(2000);
        assert_eq!(report.streams.len(), 1, "{known_at} {before}");
        assert_eq!(report.streams[0].ssrc, 1);
        let is_heard = |ms: i64| sound[ms as usize * 8] != 0;
        for ms in (5..1990).step_by(10) {
            assert_eq!(is_heard(ms), ms < before || ms > known_at, "{known_at} {before}: {ms}");
        }
    }
}
