#!/usr/bin/env bash
# A caller who types a PIN has 24 ms of jitter on a perfect network; an Opus call has none on a bad one.
#
# What:      tshark (4.0.17, Debian 12) measures the jitter of four streams. Two arrive exactly every 20 ms: one of
#            speech alone, and the same with four key presses of 200 ms. In two every third packet is up to 40 ms late:
#            one of PCMU, one of Opus whose SDP was not seen.
# Standard:  RFC 3550 section 6.4.1: jitter compares the spacing of packets with that of their timestamps, in units of
#            the clock. RFC 4733 section 2.1: all packets of an event have the timestamp of its beginning. RFC 7587
#            section 4.1: Opus counts at 48000 Hz, under a payload type that only SDP explains.
# Expected:  0 ms for the first two, since a timestamp that does not say when a packet was sent cannot measure it; the
#            same for PCMU and Opus, or no number for the one whose clock is unknown.
# Seen:      `-z rtp,streams` counts the packets of an event as ever later ones, and the first speech after it as early.
#            For the unknown clock it says a mean and maximum of 0.000 ms; that the minimum is -1 is all that gives it
#            away.
# Matters:   Mean and maximum go into reports, alarms and estimates of MOS. The calls that look bad are those in which
#            somebody used a menu; and with encrypted signalling, or calls older than the capture, all Opus calls are
#            perfect.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v tshark >/dev/null || { echo "needs Debian's tshark" >&2; exit 2; }
tshark --version 2>/dev/null | sed -n 1p

cat > make.py <<'PY'
import struct

def capture(name, pressed=lambda n: False, late=lambda n: 0, kind=0, step=160):
    """Four seconds of packets every 20 ms; `pressed` says while which a key is down, `late` by how many ms one is late."""
    packets, began = [], None
    for n in range(200):
        if pressed(n):
            began = n if began is None else began
            duration, last = (n - began + 1) * 160, not pressed(n + 1)
            rtp = struct.pack(">BBHII", 0x80, 101 | (n == began) << 7, n, began * 160, 7)
            rtp += struct.pack(">BBH", 5, 10 | last << 7, duration)
        else:
            began = None
            rtp = struct.pack(">BBHII", 0x80, kind, n, n * step, 7) + b"\xff" * 160
        packets.append((20 * n + late(n), rtp))
    with open(name + ".pcap", "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for at, rtp in sorted(packets):
            udp = struct.pack(">HHHH", 40000, 40002, 8 + len(rtp), 0) + rtp
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
            out.write(struct.pack("<IIII", 1790000000 + at // 1000, at % 1000 * 1000, len(ip + udp), len(ip + udp)) + ip + udp)

uneven = lambda n: n * 7 % 41 if n % 3 == 0 and n < 190 else 0
capture("speech")
capture("pin", pressed=lambda n: n in range(40, 120) and n % 20 < 10)
capture("uneven-pcmu", late=uneven)
capture("uneven-opus", late=uneven, kind=111, step=960)
PY
python3 make.py
for call in speech pin uneven-pcmu uneven-opus; do
    tshark -r $call.pcap -d udp.port==40000,rtp -q -z rtp,streams 2>/dev/null |
        awk -v call=$call '/0x00000007/ { sub(/ X? *$/, ""); print call ": " $(NF-8) " packets, " $(NF-7) " lost, at most " $(NF-3) \
            " ms apart; jitter min " $(NF-2) " ms, mean " $(NF-1) " ms, max " $NF " ms" }'
done | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
speech: 200 packets, 0 lost, at most 20.000 ms apart; jitter min 0.000 ms, mean 0.000 ms, max 0.000 ms
pin: 200 packets, 0 lost, at most 20.000 ms apart; jitter min 0.000 ms, mean 4.492 ms, max 24.297 ms
uneven-pcmu: 200 packets, 0 lost, at most 40.000 ms apart; jitter min 0.000 ms, mean 11.227 ms, max 19.302 ms
uneven-opus: 200 packets, 0 lost, at most 40.000 ms apart; jitter min -1.000 ms, mean 0.000 ms, max 0.000 ms
END
echo "as stated"
