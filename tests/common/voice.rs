//! A party's RTP: every packet carries sound that is like no other, so that
//! its place in a recording is beyond doubt.

use super::audio::{alaw, mulaw};
use super::ladder::{Dialog, Side, ns};
use super::rng::Rng;
use std::net::SocketAddr;

/// What the network does to one packet.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    /// Delay beyond the path's own, milliseconds.
    pub delay_ms: f64,
    /// Never captured.
    pub lost: bool,
    /// Captured so many times more.
    pub copies: u8,
}

impl Fate {
    /// Nothing.
    pub const CLEAN: Fate = Fate { delay_ms: 0.0, lost: false, copies: 0 };
    /// Lost.
    pub const LOST: Fate = Fate { lost: true, ..Fate::CLEAN };
}

/// One packet as sent.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
    /// RTP.
    pub rtp: Vec<u8>,
    /// When it would have been captured without queueing.
    pub nominal_ns: i64,
    /// When it was; empty when lost.
    pub captured_ns: Vec<i64>,
    /// What it says.
    pub samples: Vec<i16>,
}

/// A sender.
#[derive(Clone, Debug)]
pub struct Voice {
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
    /// RFC 3550.
    pub ssrc: u32,
    /// Next.
    pub seq: u16,
    /// Next.
    pub ts: u32,
    /// 0 PCMU, 8 PCMA, 97 L16 at 8 kHz.
    pub payload_type: u8,
    /// Milliseconds of sound in one packet.
    pub ptime_ms: u32,
    /// How fast its clock runs, parts per million.
    pub ppm: f64,
    /// What the payload is where the payload type says something else.
    pub law: Option<u8>,
    /// How far the timestamp moves with a packet, where it is not by the sound in it.
    pub ticks: Option<u32>,
    sound: Rng,
}

impl Voice {
    /// The voice of `side` in a dialog.
    pub fn of(d: &Dialog, side: Side, seed: u64) -> Self {
        let mut sound = Rng::new(seed);
        Voice {
            src: d.rtp[side as usize],
            dst: d.rtp[side.other() as usize],
            ssrc: sound.next() as u32,
            seq: sound.next() as u16,
            ts: sound.next() as u32,
            payload_type: d.formats[side as usize].split(' ').next().unwrap().parse().unwrap(),
            ptime_ms: 20,
            ppm: 0.0,
            law: None,
            ticks: None,
            sound,
        }
    }

    /// The same under a payload type that means something else than it does by itself.
    pub fn meaning(mut self, payload_type: u8, law: u8) -> Self {
        (self.payload_type, self.law) = (payload_type, Some(law));
        self
    }

    /// The same from one address to another.
    pub fn between(mut self, src: SocketAddr, dst: SocketAddr) -> Self {
        (self.src, self.dst) = (src, dst);
        self
    }

    /// Talks undisturbed.
    pub fn talk(&mut self, from_ms: f64, to_ms: f64) -> Vec<Packet> {
        self.talk_over(from_ms, to_ms, &mut |_| Fate::CLEAN)
    }

    /// Talks over a network: packets leave at `from_ms`, `from_ms` + ptime ... before `to_ms`.
    pub fn talk_over(&mut self, from_ms: f64, to_ms: f64, net: &mut dyn FnMut(usize) -> Fate) -> Vec<Packet> {
        let mut out = Vec::new();
        let mut at = from_ms;
        while at < to_ms - 1e-6 {
            out.push(self.packet(at, net(out.len())));
            at += f64::from(self.ptime_ms) * (1.0 + self.ppm / 1e6);
        }
        out
    }

    /// One packet that leaves at `at_ms`.
    pub fn packet(&mut self, at_ms: f64, fate: Fate) -> Packet {
        let ticks = self.ptime_ms * 8;
        let (payload, samples): (Vec<u8>, Vec<i16>) = match self.law.unwrap_or(self.payload_type) {
            97 => {
                let samples: Vec<i16> = (0..ticks).map(|_| self.sound.next() as i16).collect();
                (samples.iter().flat_map(|s| s.to_be_bytes()).collect(), samples)
            }
            0 => {
                let bytes = self.sound.bytes(ticks as usize);
                let samples = bytes.iter().map(|b| mulaw(*b)).collect();
                (bytes, samples)
            }
            _ => {
                let bytes = self.sound.bytes(ticks as usize);
                let samples = bytes.iter().map(|b| alaw(*b)).collect();
                (bytes, samples)
            }
        };
        let rtp = self.rtp(self.payload_type, false, &payload);
        self.ts = self.ts.wrapping_add(self.ticks.unwrap_or(ticks));
        let captured = ns(at_ms + fate.delay_ms);
        let captured_ns = match fate.lost {
            true => Vec::new(),
            false => (0..=i64::from(fate.copies)).map(|i| captured + i * 300_000).collect(),
        };
        Packet { src: self.src, dst: self.dst, rtp, nominal_ns: ns(at_ms), captured_ns, samples }
    }

    /// Any payload under the next sequence number and the present timestamp.
    pub fn other(&mut self, at_ms: f64, payload_type: u8, payload: &[u8]) -> Packet {
        let rtp = self.rtp(payload_type, false, payload);
        let at = ns(at_ms);
        Packet {
            src: self.src,
            dst: self.dst,
            rtp,
            nominal_ns: at,
            captured_ns: vec![at],
            samples: Vec::new(),
        }
    }

    /// Says nothing for so long; the timestamps know of it.
    pub fn pause(&mut self, ms: u32) {
        self.ts = self.ts.wrapping_add(ms * 8);
    }

    fn rtp(&mut self, payload_type: u8, marker: bool, payload: &[u8]) -> Vec<u8> {
        let mut p = vec![0x80, payload_type | u8::from(marker) << 7];
        p.extend_from_slice(&self.seq.to_be_bytes());
        p.extend_from_slice(&self.ts.to_be_bytes());
        p.extend_from_slice(&self.ssrc.to_be_bytes());
        p.extend_from_slice(payload);
        self.seq = self.seq.wrapping_add(1);
        p
    }
}

/// The same packets elsewhere: what a relay sends on, so much later.
pub fn relayed(packets: &[Packet], src: SocketAddr, dst: SocketAddr, late_ms: f64) -> Vec<Packet> {
    let late = (late_ms * 1e6) as i64;
    let moved = |p: &Packet| Packet {
        src,
        dst,
        nominal_ns: p.nominal_ns + late,
        captured_ns: p.captured_ns.iter().map(|at| at + late).collect(),
        ..p.clone()
    };
    packets.iter().map(moved).collect()
}

/// Each packet with what an encryption would have made of its payload.
pub fn encrypted(packets: &[Packet], seed: u64) -> Vec<Packet> {
    let mut noise = Rng::new(seed);
    let hidden = |p: &Packet| {
        let mut rtp = p.rtp[..12].to_vec();
        // The authentication tag of ten bytes is behind it.
        rtp.extend(noise.bytes(p.rtp.len() - 12 + 10));
        Packet { rtp, ..p.clone() }
    };
    packets.iter().map(hidden).collect()
}
