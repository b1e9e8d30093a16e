"""Calls whose customer speaks while packets are lost: encoded, written as one capture, read back from recordings."""

import fractions
import glob
import json
import os
import struct
import wave
from dataclasses import dataclass, field

import av
import numpy as np

PACKET_MS = 20
T0 = 1_795_421_723
# Payload type, SDP name, RTP ticks of a packet.
FORMATS = {"PCMA": (8, "PCMA/8000", 160), "G722": (9, "G722/8000", 160), "opus": (111, "opus/48000/2", 960),
           "opus-fec": (111, "opus/48000/2", 960)}


@dataclass
class Stream:
    """One piece of speech, encoded."""

    packets: list
    reference: np.ndarray
    judged_hz: int
    decoded_hz: int


@dataclass
class Call:
    """One call: which stream, and what of it is lost."""

    number: int
    codec: str
    kind: str
    rate: int
    stream: Stream
    lost: set = field(default_factory=set)

    @property
    def call_id(self):
        """As SIP has it."""
        return f"{self.number:05}@concealment"


def halved(samples):
    """16 kHz to 8 kHz."""
    return at_rate(samples, 16000, 8000)


def at_rate(samples, from_hz, to_hz):
    """Samples at a rate that divides the one they have."""
    if from_hz == to_hz:
        return samples
    step = from_hz // to_hz
    n = np.arange(-32 * step, 32 * step + 1)
    low = np.sinc(n / step) / step * np.hamming(len(n))
    out = np.convolve(samples.astype(np.float64), low / low.sum(), "same")[::step]
    return np.clip(np.rint(out), -32768, 32767).astype(np.int16)


def encoder(name, rate, options=()):
    """An encoder of libavcodec."""
    codec = av.CodecContext.create(name, "w")
    codec.sample_rate, codec.layout, codec.format = rate, "mono", "s16"
    codec.time_base = fractions.Fraction(1, rate)
    codec.options = dict(options)
    return codec


def packets_of(codec, samples, rate):
    """One packet for each 20 ms."""
    step = rate * PACKET_MS // 1000
    out = []
    for n in range(len(samples) // step):
        frame = av.AudioFrame.from_ndarray(samples[None, n * step:(n + 1) * step], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, n * step
        out += [bytes(p) for p in codec.encode(frame)]
    return out


def encoded(codec, wide):
    """Speech at 16 kHz as a stream of this codec."""
    if codec == "PCMA":
        narrow = halved(wide)
        return Stream(packets_of(encoder("pcm_alaw", 8000), narrow, 8000), narrow, 8000, 8000)
    if codec == "G722":
        return Stream(packets_of(encoder("g722", 16000), wide, 16000), wide, 16000, 16000)
    options = {"application": "voip", "frame_duration": "20"}
    if codec == "opus-fec":
        options |= {"fec": "1", "packet_loss": "15"}
    opus = encoder("libopus", 16000, options)
    opus.bit_rate = 24000
    return Stream(packets_of(opus, wide, 16000), wide, 16000, 48000)


def ethernet(src, dst, ports, payload):
    """A UDP datagram over IPv4; checksums are left out, as by a network card."""
    udp = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0, src, dst)
    return bytes.fromhex("020000000002020000000001") + b"\x08\x00" + ip + udp


def sip(call, src, dst, kind):
    """INVITE, 200 or BYE of a call."""
    n, (pt, name, _) = call.number, FORMATS[call.codec]
    caller, callee = "192.0.2.1", "198.51.100.1"
    own, port = (callee, 20000 + 2 * (n % 10000)) if kind == "200" else (caller, 20000 + 2 * (n % 10000))
    body = f"v=0\r\no=- 1 1 IN IP4 {own}\r\ns=-\r\nc=IN IP4 {own}\r\nt=0 0\r\nm=audio {port} RTP/AVP {pt}\r\na=rtpmap:{pt} {name}\r\n"
    first = {"INVITE": "INVITE sip:2001@198.51.100.1 SIP/2.0", "200": "SIP/2.0 200 OK",
             "ACK": "ACK sip:2001@198.51.100.1 SIP/2.0", "BYE": "BYE sip:2001@198.51.100.1 SIP/2.0"}[kind]
    method, cseq = ("INVITE", 1) if kind in ("INVITE", "200") else (kind, 1 if kind == "ACK" else 2)
    to_tag = "" if kind == "INVITE" else ";tag=b"
    body = body if kind in ("INVITE", "200") else ""
    lines = [first, f"Via: SIP/2.0/UDP {caller}:5060;branch=z9hG4bK{method}{n}", f"From: <sip:100@{caller}>;tag=a",
             f"To: <sip:2001@{callee}>{to_tag}", f"Call-ID: {call.call_id}", f"CSeq: {cseq} {method}",
             f"Contact: <sip:{own}:5060>", "Content-Type: application/sdp", f"Content-Length: {len(body)}", "", body]
    return ethernet(src, dst, (5060, 5060), "\r\n".join(lines).encode())


def frames(call):
    """(seconds, frame) of a call; its sound begins with its answer."""
    caller, callee = bytes([192, 0, 2, 1]), bytes([198, 51, 100, 1])
    start = T0 + call.number * 0.25
    pt, _, ticks = FORMATS[call.codec]
    port = 20000 + 2 * (call.number % 10000)
    yield start, sip(call, caller, callee, "INVITE")
    answered = start + 0.1
    yield answered, sip(call, callee, caller, "200")
    yield answered + 1e-5, sip(call, caller, callee, "ACK")
    for n, payload in enumerate(call.stream.packets):
        if n not in call.lost:
            rtp = struct.pack("!BBHII", 0x80, pt, n, n * ticks, call.number + 1) + payload
            yield answered + n * PACKET_MS / 1000, ethernet(caller, callee, (port, port), rtp)
    yield answered + len(call.stream.packets) * PACKET_MS / 1000 + 0.1, sip(call, caller, callee, "BYE")


def write(path, calls):
    """All calls as one capture."""
    every = sorted((frame for call in calls for frame in frames(call)), key=lambda f: f[0])
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, data in every:
            f.write(struct.pack("<IIII", int(at), round(at % 1 * 1e6) % 1_000_000, len(data), len(data)) + data)


def recordings(out):
    """The customer's channel of every recording, by Call-ID."""
    found = {}
    for path in glob.glob(os.path.join(out, "[0-9]*/**/*.json"), recursive=True):
        with open(path, encoding="utf-8") as f:
            told = json.load(f)
        with wave.open(path[:-4] + "wav") as f:
            samples = np.frombuffer(f.readframes(f.getnframes()), np.int16)
        found[told["sip"]["call_id"]] = samples.reshape(-1, 2)[:, 0]
    return found
