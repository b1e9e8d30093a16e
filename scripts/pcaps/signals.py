"""What the parties say: tone ladders nobody can confuse, as RTP packets sipp can play.

Each party owns a band of frequencies and steps through it once a second, 0.8 s of tone and 0.2 s of silence,
so that a file shows who is on which channel and how far it is off its place. Packet lists are
`[(seconds, RTP bytes)]`; `write_pcap` turns one into a file for sipp's `play_pcap_audio`.
"""

import array
import math
import random
import struct
import subprocess

# name: (lowest frequency in Hz, step a second, steps)
VOICES = {
    "customer": (400, 40, 8),
    "agent": (1000, 50, 6),
    "agent2": (1400, 50, 6),
    "hold": (1900, 0, 1),    # music on hold
    "queue": (2500, 0, 1),   # queue announcement: never in a recording
    "early": (3000, 0, 1),   # announcement before the answer: never in a recording
    "stranger": (3400, 0, 1),  # somebody else's call: never in this recording
}
PAYLOAD_TYPES = {"pcmu": 0, "pcma": 8, "g722": 9, "l16": 97}


def tone(voice, seconds, rate=8000, amplitude=9000, start_s=0.0):
    """16-bit mono samples of a voice, from `start_s` of its ladder."""
    low, step, steps = VOICES[voice]
    out = array.array("h")
    for n in range(round(seconds * rate)):
        t = start_s + n / rate
        hz, within = low + step * (int(t) % steps), t % 1.0
        if within >= 0.8:
            out.append(0)
            continue
        ramp = min(1.0, within / 0.01, (0.8 - within) / 0.01)
        out.append(int(amplitude * ramp * math.sin(2 * math.pi * hz * within)))
    return out


def alaw(sample):
    """One A-law byte (ITU-T G.711)."""
    sign, value = (0x80, sample >> 3) if sample >= 0 else (0, ~sample >> 3)
    if value < 32:
        code = value >> 1
    else:
        segment = value.bit_length() - 5
        code = (segment << 4) | ((value >> segment) & 0x0F)
    return (sign | code) ^ 0x55


def mulaw(sample):
    """One mu-law byte (ITU-T G.711)."""
    sign, value = (0, sample) if sample >= 0 else (0x80, -sample)
    value = min(value, 32635) + 132
    segment = value.bit_length() - 8
    return ~(sign | (segment << 4) | ((value >> (segment + 3)) & 0x0F)) & 0xFF


def encode(codec, samples, rate):
    """Encodes 16-bit samples; G.722 by ffmpeg."""
    if codec == "pcma":
        return bytes(alaw(s) for s in samples)
    if codec == "pcmu":
        return bytes(mulaw(s) for s in samples)
    if codec == "l16":
        swapped = array.array("h", samples)
        swapped.byteswap()
        return swapped.tobytes()
    if codec == "g722":
        done = subprocess.run(["ffmpeg", "-v", "error", "-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", "-",
                               "-c:a", "g722", "-f", "g722", "-"], input=samples.tobytes(), capture_output=True)
        done.check_returncode()
        return done.stdout
    raise ValueError(codec)


def rtp(pt, seq, ts, ssrc, payload, marker=False):
    """One RTP packet without CSRCs or extension (RFC 3550 §5.1)."""
    return struct.pack("!BBHII", 0x80, (0x80 if marker else 0) | pt, seq & 0xFFFF, ts & 0xFFFFFFFF, ssrc) + payload


class Stream:
    """One RTP source whose sequence numbers and timestamps run on from piece to piece."""

    def __init__(self, voice, ssrc, codec="pcma", seq=1000, ts=160000, ptime=20, pt=None, rate=None):
        self.voice, self.ssrc, self.codec, self.ptime = voice, ssrc, codec, ptime
        self.rate = rate or {"g722": 16000}.get(codec, 8000)  # of the samples
        self.clock = 8000 if codec == "g722" else self.rate   # of the timestamps (RFC 3551 §4.5.2)
        self.pt = PAYLOAD_TYPES[codec] if pt is None else pt
        self.seq, self.ts, self.at, self.said = seq, ts, 0.0, 0.0
        self.packets = []
        self.marker = True

    def say(self, seconds, voice=None):
        """Speech, in packets of `ptime`."""
        samples = tone(voice or self.voice, seconds, self.rate, start_s=self.said)
        self.said += seconds
        coded = encode(self.codec, samples, self.rate)
        size = len(coded) * self.ptime // round(seconds * 1000)
        for start in range(0, len(coded) - size + 1, size):
            self._put(coded[start:start + size])
            self._step(self.ptime)
        return self

    def comfort_noise(self, seconds, every=0.2):
        """Silence suppression: one comfort-noise packet (RFC 3389) each `every` seconds."""
        for _ in range(round(seconds / every)):
            self.packets.append((self.at, rtp(13, self.seq, self.ts, self.ssrc, b"\x40")))
            self.seq += 1
            self._step(every * 1000)
        self.said += seconds
        self.marker = True
        return self

    def silence(self, seconds):
        """Nothing sent; the timestamp runs on (RFC 3551 §4.1)."""
        self._step(seconds * 1000)
        self.said += seconds
        self.marker = True
        return self

    def dtmf(self, key, press_ms=160, pt=101):
        """One key press (RFC 4733): updates each 20 ms with one timestamp, the end sent three times."""
        ticks = self.clock * 20 // 1000
        count = press_ms // 20
        for n in range(count + 2):
            last = n >= count - 1
            body = struct.pack("!BBH", key, (0x80 if last else 0) | 10, min(n + 1, count) * ticks)
            self.packets.append((self.at + n * 0.02, rtp(pt, self.seq, self.ts, self.ssrc, body, n == 0)))
            self.seq += 1
        self._step((count + 2) * 20)
        self.said += (count + 2) * 0.02
        self.marker = True
        return self

    def switch(self, codec, pt=None):
        """Goes on in another codec of the same clock."""
        self.codec, self.pt = codec, PAYLOAD_TYPES[codec] if pt is None else pt
        self.rate = {"g722": 16000}.get(codec, 8000)
        return self

    def take(self):
        """The packets so far, from time zero; the next piece goes on with sequence and timestamp."""
        taken, self.packets, self.at = self.packets, [], 0.0
        return taken

    def _put(self, payload):
        self.packets.append((self.at, rtp(self.pt, self.seq, self.ts, self.ssrc, payload, self.marker)))
        self.marker = False
        self.seq += 1

    def _step(self, ms):
        self.at += ms / 1000
        self.ts += round(self.clock * ms / 1000)


def impair(packets, seed, loss=0.0, burst=0, duplicate=0.0, reorder=0.0, jitter_ms=0.0):
    """A bad network: drops, doubles, swaps and delays packets, the same way for the same seed."""
    rng, out, gone = random.Random(seed), [], 0
    for n, (at, data) in enumerate(packets):
        if gone > 0:
            gone -= 1
            continue
        if 10 < n and rng.random() < loss:
            gone = rng.randint(0, burst)
            continue
        # The first packet sets sipp's clock, so it is one of the least delayed.
        late = at + (rng.random() * jitter_ms / 1000 if n else 0.0)
        if n and rng.random() < reorder:
            late += 0.045
        out.append((late, data))
        if rng.random() < duplicate:
            out.append((late + 0.003, data))
    return sorted(out, key=lambda p: p[0])


def write_pcap(path, packets, port=40000):
    """Ethernet/IPv4/UDP frames for sipp, which puts its own addresses in their place."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, data in packets:
            udp = struct.pack("!HHHH", port, port, 8 + len(data), 0) + data
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                             bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)))
            frame = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\x00" + ip + udp
            us = 1_000_000 + round(at * 1e6)
            out.write(struct.pack("<IIII", us // 1_000_000, us % 1_000_000, len(frame), len(frame)) + frame)
