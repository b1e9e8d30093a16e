"""What a capture holds, measured with tshark and ffmpeg, never with nauhuri.

tshark takes frames apart down to SIP fields and UDP payloads; RTP headers are read here (RFC 3550 §5.1), G.711 is
expanded here, other codecs by ffmpeg; SRTP is opened by libsrtp. The scenario says who is who; times, packets, losses and tones are measured.
"""

import array
import base64
import hmac
import math
import os
import re
import struct
import subprocess

import signals

FIELDS = ["frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "udp.srcport", "udp.dstport", "udp.payload",
          "sip.Method", "sip.Status-Code", "sip.Call-ID", "sip.CSeq.method", "sip.CSeq.seq", "frame.number"]
CODECS = {0: "PCMU", 8: "PCMA", 9: "G722", 13: "CN", 97: "L16", 98: "L16", 101: "telephone-event", 18: "G729"}
CLOCKS = {"PCMU": 8000, "PCMA": 8000, "G722": 8000, "L16": 8000, "G729": 8000, "opus": 48000, "L16/16000": 16000}


def tshark(path):
    """Every frame's fields: (SIP messages, RTP packets), in capture order."""
    argv = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=|", "-E", "occurrence=a", "-E", "aggregator=,"]
    for field in FIELDS:
        argv += ["-e", field]
    done = subprocess.run(argv, capture_output=True, text=True)
    if "cut short" not in done.stderr:
        done.check_returncode()
    sip, rtp = [], []
    for line in done.stdout.splitlines():
        f = dict(zip(FIELDS, line.split("|")))
        when = float(f["frame.time_epoch"])
        src = (f["ip.src"] or f["ipv6.src"]).split(",")[-1]
        dst = (f["ip.dst"] or f["ipv6.dst"]).split(",")[-1]
        if f["sip.Call-ID"]:
            if f["udp.srcport"] and not {"5060", "5080"} & {f["udp.srcport"], f["udp.dstport"]}:
                raise ValueError(f"{path}: frame {f['frame.number']}: SIP between ports nobody watches")
            columns = [f[k].split(",") for k in ("sip.Call-ID", "sip.CSeq.method", "sip.CSeq.seq")]
            method, code = f["sip.Method"].split(","), f["sip.Status-Code"].split(",")
            if len(columns[0]) > 1 and method[0] and code[0]:
                raise ValueError(f"{path}: frame {f['frame.number']} mixes requests and responses")
            for n, call_id in enumerate(columns[0]):
                sip.append({"t": when, "call_id": call_id, "cseq": columns[2][n], "of": columns[1][n], "src": src,
                            "dst": dst, "method": method[n] if method[0] else "",
                            "code": int(code[n]) if code[0] else 0})
        elif f["udp.payload"]:
            data = bytes.fromhex(f["udp.payload"].replace(":", "").split(",")[-1])
            if len(data) >= 12 and data[0] >> 6 == 2 and not 192 <= data[1] <= 223:
                head = struct.unpack_from("!BBHII", data)
                start = 12 + 4 * (head[0] & 15)
                if head[0] & 0x10:
                    start += 4 + 4 * struct.unpack_from("!H", data, start + 2)[0]
                rtp.append({"t": when, "src": f"{src}:{f['udp.srcport']}", "dst": f"{dst}:{f['udp.dstport']}",
                            "pt": head[1] & 127, "seq": head[2], "ts": head[3], "ssrc": head[4], "body": data[start:],
                            "whole": data})
    return sip, rtp


def keyed_by_dtls(path, key_log):
    """Keys of SRTP that both ends agreed on by DTLS (RFC 5764 §4.2), by the same names as in SDP."""
    with open(key_log) as log:
        masters = {words[1]: bytes.fromhex(words[2]) for words in map(str.split, log) if words[0] == "CLIENT_RANDOM"}
    fields = ["dtls.handshake.type", "dtls.handshake.random", "dtls.use_srtp.protection_profile",
              "dtls.handshake.ciphersuite"]
    argv = ["tshark", "-n", "-r", path, "-Y", "dtls.handshake.random", "-T", "fields", "-E", "occurrence=f"]
    done = subprocess.run(argv + [a for f in fields for a in ("-e", f)], capture_output=True, text=True)
    hellos = [line.split("\t") for line in done.stdout.splitlines()]
    clients = {r for kind, r, *_ in hellos if kind == "1" and r in masters}
    names = {0x0001: ("AES_CM_128_HMAC_SHA1_80", 16, 14), 0x0007: ("AEAD_AES_128_GCM", 16, 12)}
    lines = set()
    for _, server, profile, suite in (h for h in hellos if h[0] == "2"):
        digest = "sha384" if int(suite, 16) in (0x009f, 0xc02c, 0xc030) else "sha256"
        name, key, salt = names[int(profile, 16)]
        for client in clients:
            seed = b"EXTRACTOR-dtls_srtp" + bytes.fromhex(client) + bytes.fromhex(server)
            block, a = b"", seed
            while len(block) < 2 * (key + salt):
                a = hmac.digest(masters[client], a, digest)
                block += hmac.digest(masters[client], a + seed, digest)
            for n in range(2):
                pair = block[n * key:][:key] + block[2 * key + n * salt:][:salt]
                lines.add((name, base64.b64encode(pair).decode()))
    return lines


def unsealed(path, rtp, key_log=None):
    """The packets with the body that was sealed, where the capture's SDP has keys (RFC 4568) or a key log has."""
    argv = ["tshark", "-n", "-r", path, "-Y", "sdp", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"]
    done = subprocess.run([*argv, "-e", "sdp.media_attr"], capture_output=True, text=True)
    lines = set(re.findall(r"crypto:\d+ (\w+) inline:([\w+/=]+)", done.stdout))
    if key_log and not lines:
        lines = keyed_by_dtls(path, key_log)
    if not lines:
        return rtp
    from pylibsrtp import Error, Policy, Session  # pip install pylibsrtp
    suites = {"AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
              "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
              "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
              "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM}
    sessions = [Session(Policy(key=base64.b64decode(key), ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=suites[suite]))
                for suite, key in sorted(lines) if suite in suites]
    for packet in rtp:
        head = len(packet["whole"]) - len(packet["body"])
        for session in sessions:
            try:
                packet["body"] = session.unprotect(packet["whole"])[head:]
                break
            except Error:
                continue
        else:
            raise ValueError(f"{path}: a packet that no key opens")
    return rtp


def advertised(path):
    """Payload types as the capture's SDP maps them: {97: "opus"}."""
    argv = ["tshark", "-n", "-r", path, "-Y", "sdp", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"]
    done = subprocess.run([*argv, "-e", "sdp.media_attr"], capture_output=True, text=True)
    out = {}
    for pt, name, rate in re.findall(r"rtpmap:(\d+) ([\w-]+)/(\d+)", done.stdout):
        known = {"opus": "opus", "l16": "L16"}.get(name.lower(), name if name == "telephone-event" else name.upper())
        out[int(pt)] = "L16/16000" if (known, rate) == ("L16", "16000") else known
    return out


def fits(packet, select):
    """Does a packet belong to what a scenario selected (one dictionary, or a list of them)?"""
    if isinstance(select, list):
        return any(fits(packet, one) for one in select)
    def same(address, wanted):
        return address == wanted or address.rsplit(":", 1)[0] == wanted
    return all(packet["ssrc"] == want if key == "ssrc" else packet["pt"] == want if key == "pt" else
               same(packet[key], want) for key, want in select.items())


def unwrap(values, bits):
    """Extends wrapping counters: each value to the one nearest its predecessor (RFC 3550 A.1)."""
    out, size = [], 1 << bits
    for v in values:
        if out:
            v += round((out[-1] - v) / size) * size
        out.append(v)
    return out


def alaw_table():
    """A-law byte to 16-bit sample (ITU-T G.711)."""
    out = []
    for byte in range(256):
        b = byte ^ 0x55
        segment, low = (b >> 4) & 7, ((b & 15) << 4) + 8
        value = low if segment == 0 else (low + 256) << (segment - 1)
        out.append(value if b & 0x80 else -value)
    return out


def mulaw_table():
    """mu-law byte to 16-bit sample (ITU-T G.711)."""
    out = []
    for byte in range(256):
        b = ~byte & 255
        value = ((((b & 15) << 3) + 132) << ((b >> 4) & 7)) - 132
        out.append(-value if b & 0x80 else value)
    return out


TABLES = {"PCMA": alaw_table(), "PCMU": mulaw_table()}


def ogg(packets):
    """Opus packets as an Ogg file for ffmpeg (RFC 7845), one page each."""
    def crc(data):
        value = 0
        for byte in data:
            value ^= byte << 24
            for _ in range(8):
                value = ((value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
        return value
    bodies = [b"OpusHead\x01\x01\0\0" + struct.pack("<I", 48000) + b"\0\0\0", b"OpusTags\0\0\0\0\0\0\0\0", *packets]
    out = b""
    for n, body in enumerate(bodies):
        laces = [255] * (len(body) // 255) + [len(body) % 255]
        head = struct.pack("<4sBBQIII", b"OggS", 0, 2 if n == 0 else 0, max(0, n - 1) * 960, 7, n, 0)
        page = head + bytes([len(laces), *laces]) + body
        out += page[:22] + struct.pack("<I", crc(page)) + page[26:]
    return out


def decode(codec, bodies):
    """Samples of each packet at 8000 Hz, for finding tones; None for what is not audio."""
    if codec in TABLES:
        return [[TABLES[codec][b] for b in body] for body in bodies]
    if codec.startswith("L16"):
        step = 2 if codec.endswith("16000") else 1
        return [list(struct.unpack(f"!{len(body) // 2}h", body))[::step] for body in bodies]
    source = {"G722": ["-f", "g722"], "opus": ["-f", "ogg"]}[codec]
    data = ogg(bodies) if codec == "opus" else b"".join(bodies)
    done = subprocess.run(["ffmpeg", "-v", "error", *source, "-i", "-", "-ac", "1", "-ar", "8000", "-f", "s16le", "-"],
                          input=data, capture_output=True)
    done.check_returncode()
    samples = array.array("h", done.stdout[:len(done.stdout) // 2 * 2]).tolist()
    return [samples[n * 160:n * 160 + 160] for n in range(len(bodies))]


def goertzel(samples, hz, rate=8000):
    """Power of one frequency."""
    c, a, b = 2 * math.cos(2 * math.pi * hz / rate), 0.0, 0.0
    for x in samples:
        a, b = x + c * a - b, a
    return a * a + b * b - c * a * b


def bursts(track, known):
    """Runs of sound of at least 0.2 s: [(from, to, Hz)], the frequency the strongest of `known`."""
    out, start, loud = [], None, 0
    step = 80  # 10 ms
    for place in range(0, len(track) + step, step):
        window = track[place:place + step]
        on = bool(window) and max(abs(x) for x in window) > 500
        if on and start is None:
            start = place
        if not on and start is not None:
            if place - start >= 1600:
                body = track[start:place]
                best = max(known, key=lambda hz: goertzel(body[:4000], hz))
                if best != max(known, key=lambda hz: goertzel(body[-1600:], hz)):
                    raise ValueError(f"two tones run together at {start / 8000} s: the scenario should part them")
                out.append((start / 8000, place / 8000, best))
            start = None
    return out


def known_frequencies():
    """Every frequency a voice of ours uses."""
    return sorted({low + step * n for low, step, steps in signals.VOICES.values() for n in range(steps)})


def measure_stream(packets, codecs, answered):
    """One SSRC's packets between answer and end: counts, and its sound placed against the answer."""
    seqs = unwrap([p["seq"] for p in packets], 16)
    stamps = unwrap([p["ts"] for p in packets], 32)
    first = {}
    for p, seq, ts in zip(packets, seqs, stamps):
        first.setdefault(seq, (p, ts))
    distinct = [(seq, *first[seq]) for seq in sorted(first)]
    audio = [(ts, p) for _, p, ts in distinct if codecs.get(p["pt"]) not in (None, "CN", "telephone-event")]
    names = list(dict.fromkeys(codecs[p["pt"]] for _, p in audio))
    spots = []
    if audio:
        clock = CLOCKS[names[0]]
        delays = [p["t"] - ts / clock for ts, p in audio]
        offset = min(delays)
        drift = max(min(delays[n:n + 25]) for n in range(0, max(1, len(delays) - 24))) - offset
        if drift > 0.012:
            print(f"  timestamps and wire part by {drift * 1000:.0f} ms in 0x{packets[0]['ssrc']:08x}", flush=True)
        for name in names:
            if name == "G729":
                continue
            mine = [(ts, p) for ts, p in audio if codecs[p["pt"]] == name]
            for (ts, _), samples in zip(mine, decode(name, [p["body"] for _, p in mine])):
                spots.append((ts / clock + offset - answered, samples))
    base = next((n.split("/")[0] for n in names), None)
    return {"codec": base, "codecs": [n.split("/")[0] for n in names], "packets": len(distinct),
            "lost": max(first) - min(first) + 1 - len(distinct), "duplicates": len(packets) - len(distinct)}, spots


def measure(spec, sip, rtp, mapped):
    """One recording's truth: the scenario's word joined with what the capture shows."""
    if spec["call_id"] is None:  # a client that makes its own: the only dialog of the capture
        spec["call_id"] = next(m["call_id"] for m in sip if m["method"] == "INVITE")
    mine = [m for m in sip if m["call_id"] == spec["call_id"]]
    answers = [m["t"] for m in mine if m["of"] == "INVITE" and 200 <= m["code"] < 300]
    if "answered" in spec:  # connected identity: the scenario names the message that starts it
        answers = [m["t"] for m in mine if spec["answered"](m)]
    if not answers:
        raise ValueError(f"{spec['call_id']}: no answer in the capture")
    answered = answers[0]
    refused = {m["cseq"] for m in mine if m["of"] == "BYE" and m["code"] in (401, 407)}
    byes = [m["t"] for m in mine if m["method"] == "BYE" and m["cseq"] not in refused]
    if "ended" in spec:
        byes = [m["t"] for m in mine if spec["ended"](m)]
    ended = byes[0] if byes else None
    if ended is None and spec["ended_by"] != "capture_end":
        raise ValueError(f"{spec['call_id']}: no BYE in the capture")
    limit = ended if ended is not None else math.inf
    codecs = {**CODECS, **mapped}
    streams, contents, last = [], [], answered
    for channel in ("customer", "agent"):
        window = [p for p in rtp if answered <= p["t"] <= limit and fits(p, spec["select"][channel])]
        track = []
        for ssrc in dict.fromkeys(p["ssrc"] for p in window):
            packets = [p for p in window if p["ssrc"] == ssrc]
            last = max(last, packets[-1]["t"])
            found, spots = measure_stream(packets, codecs, answered)
            # A stream is an SSRC between two addresses: media that moves is another.
            for ends in dict.fromkeys((p["src"], p["dst"]) for p in packets):
                flow, _ = measure_stream([p for p in packets if (p["src"], p["dst"]) == ends], codecs, answered)
                streams.append({"channel": channel, "codec": found["codec"], "codecs": found["codecs"],
                                "ssrc": f"0x{ssrc:08x}", **{k: flow[k] for k in ("packets", "lost", "duplicates")}})
            for at, samples in spots:
                place = round(at * 8000)
                if place < 0:
                    samples, place = samples[-place:], 0
                track.extend([0] * (place + len(samples) - len(track)))
                track[place:place + len(samples)] = samples
        if ended is not None:
            track = track[:round((ended - answered) * 8000)]
        contents += [{"channel": channel, "from_s": round(a, 3), "to_s": round(b, 3), "hz": hz}
                     for a, b, hz in bursts(track, known_frequencies())]
    ended = last if ended is None else ended
    number = None if spec["number"] is None else mask(spec["number"])
    return {
        "call_id": spec["call_id"], "direction": spec["direction"], "agent": spec["agent"],
        "customer": {"number": number, "withheld": spec["number"] is None},
        "dialled": mask(spec["dialled"]) if spec["direction"] == "outbound" else spec["dialled"],
        "service": spec["service"], "answered_at": round(answered, 6), "ended_at": round(ended, 6),
        "duration_s": round(ended - answered, 6), "ended_by": spec["ended_by"], "complete": spec["complete"],
        "sample_rate": spec["sample_rate"], "streams": streams, "contents": contents, "absent_hz": absent(spec, contents),
        "events": {"hold": 0, "resume": 0, "dtmf": 0, "codec": 0, **spec["events"]}, "pcm_sha256": None,
    }


def absent(spec, contents):
    """Frequencies that must be nowhere in the recording: every voice's that is not heard in it."""
    heard = {c["hz"] for c in contents}
    out = set()
    for low, step, steps in signals.VOICES.values():
        band = {low + step * n for n in range(steps)}
        if not band & heard:
            out.add(low)
    return sorted(out)


def mask(number):
    """A number without its last four digits (`hide_caller_digits = 4`)."""
    if sum(c.isdigit() for c in number) <= 4:
        return "x" * len(number)
    out, left = [], 4
    for c in reversed(number):
        if c.isdigit() and left:
            c, left = "x", left - 1
        out.append(c)
    return "".join(reversed(out))


def expectation(scene, path):
    """The whole expectation of one capture."""
    sip, rtp = tshark(path)
    rtp = unsealed(path, rtp, scene.media_keys)
    mapped = advertised(path)
    recordings = [measure(spec, sip, rtp, mapped) for spec in scene.recordings]
    for want in scene.silent:
        if not any(m["call_id"] == want["call_id"] for m in sip):
            raise ValueError(f"{path}: {want['call_id']} is not in the capture")
    return {"capture": os.path.basename(path), "config": "nauhuri.toml", "recordings": recordings,
            "same_call_group": scene.groups, "expect_no_recording_reasons": scene.silent}
