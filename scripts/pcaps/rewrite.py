"""Changes to a finished capture that a mirror port or a capture tool would make: tags, losses, other file formats.

Reads and writes classic pcap (microseconds, little-endian), as tcpdump makes it here, or writes pcapng.
"""

import random
import struct


def frames(path):
    """[(seconds, microseconds, frame)] of a classic pcap."""
    with open(path, "rb") as f:
        data = f.read()
    out, place = [], 24
    while place + 16 <= len(data):
        s, us, size, _ = struct.unpack_from("<IIII", data, place)
        out.append((s, us, data[place + 16:place + 16 + size]))
        place += 16 + size
    return out


def write(path, packets, link=1):
    """A classic pcap."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link))
        for s, us, frame in packets:
            out.write(struct.pack("<IIII", s, us, len(frame), len(frame)) + frame)


def is_media(frame):
    """IPv4 UDP with neither port 5060 nor a fragment: RTP, in these captures."""
    return frame[12:14] == b"\x08\0" and frame[23] == 17 and 5060 not in struct.unpack_from("!HH", frame, 34)


def without_sip(source, target):
    """Without the packets to and from port 5060: what is left is media, and what agents sent of the signalling."""
    def is_hep(frame):
        return frame[36:38] == struct.pack("!H", 9060)
    write(target, [p for p in frames(source) if is_media(p[2]) or is_hep(p[2])])


def vlan(source, target):
    """802.1Q tag 120 from the trunk side, an 802.1ad tag above it the other way."""
    out = []
    for s, us, f in frames(source):
        from_trunk = f[6:12] == b"\x02\0\x5e\0\x53\x01"
        tags = b"\x81\0\x20\x78" if from_trunk else b"\x88\xa8\0\x0a\x81\0\x20\x78"
        out.append((s, us, f[:12] + tags + f[12:]))
    write(target, out)


def thin(seed, loss):
    """Returns a step that loses media frames, as an overloaded mirror port does."""
    def step(source, target):
        rng = random.Random(seed)
        write(target, [p for p in frames(source) if not is_media(p[2]) or rng.random() >= loss])
    return step


def doubled(source, target):
    """Every frame twice, 40 microseconds apart, as when both directions of a port are mirrored."""
    out = []
    for s, us, f in frames(source):
        out.append((s, us, f))
        us += 40
        out.append((s + us // 1_000_000, us % 1_000_000, f))
    write(target, sorted(out, key=lambda p: p[:2]))


def cooked(source, target):
    """Linux cooked capture v1 (the `any` interface)."""
    out = [(s, us, struct.pack("!HHH", 0, 1, 6) + f[6:12] + b"\0\0" + f[12:]) for s, us, f in frames(source)]
    write(target, out, link=113)


def pcapng_nanoseconds(source, target):
    """pcapng with if_tsresol 9 and a comment; 0 to 999 ns are added to each time, for they are not zero in life."""
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
    rng = random.Random(9)
    with open(target, "wb") as out:
        out.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        options = struct.pack("<HHB3x", 9, 1, 9) + struct.pack("<HH", 0, 0)
        out.write(block(1, struct.pack("<HHI", 1, 0, 262144) + options))
        for s, us, f in frames(source):
            ns = (s * 1_000_000 + us) * 1000 + rng.randrange(1000)
            out.write(block(6, struct.pack("<IIIII", 0, ns >> 32, ns & 0xFFFFFFFF, len(f), len(f)) + f))


def cut(source, target):
    """The file ends in the middle of a record, after three fifths of the packets."""
    packets = frames(source)
    write(target, packets[:len(packets) * 3 // 5])
    with open(target, "rb+") as out:
        out.truncate(out.seek(0, 2) - 37)
