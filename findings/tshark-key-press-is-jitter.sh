#!/usr/bin/env bash
# On a perfect network, a caller who types a PIN has 24 ms of jitter.
#
# What:      tshark (4.0.17, Debian 12) measures the jitter of two streams that arrive exactly every 20 ms: one of speech alone,
#            and the same with four key presses of 200 ms.
# Standard:  RFC 4733 section 2.5.1.1: all packets of an event have the timestamp of its beginning. RFC 3550 section 6.4.1:
#            jitter compares the spacing of packets with that of their timestamps.
# Expected:  0 ms in both: packets whose timestamp does not say when they were sent cannot be measured by it.
# Seen:      `-z rtp,streams` counts the packets of an event as ever later ones, and the first speech after it as early. The
#            digits typed in a call can be counted in its graph of jitter.
# Matters:   Maximum and mean jitter go into reports, alarms and estimates of MOS. The calls that look bad are those in which
#            somebody used a menu, or dictated a card number to one.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v tshark >/dev/null || { echo "needs Debian's tshark" >&2; exit 2; }
tshark --version 2>/dev/null | sed -n 1p

cat > make.py <<'PY'
import struct

def capture(name, pressed):
    """Four seconds of PCMU; `pressed` says in which packets a key is down."""
    with open(name, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        began = None
        for n in range(200):
            if pressed(n):
                began = n if began is None else began
                duration, last = (n - began + 1) * 160, not pressed(n + 1)
                rtp = struct.pack(">BBHII", 0x80, 101 | (n == began) << 7, n, began * 160, 7)
                rtp += struct.pack(">BBH", 5, 10 | last << 7, duration)
            else:
                began = None
                rtp = struct.pack(">BBHII", 0x80, 0, n, n * 160, 7) + b"\xff" * 160
            udp = struct.pack(">HHHH", 40000, 40002, 8 + len(rtp), 0) + rtp
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
            out.write(struct.pack("<IIII", 1790000000 + n // 50, n % 50 * 20000, len(ip + udp), len(ip + udp)) + ip + udp)

capture("speech.pcap", lambda n: False)
capture("pin.pcap", lambda n: n in range(40, 120) and n % 20 < 10)
PY
python3 make.py
for call in speech pin; do
    tshark -r $call.pcap -d udp.port==40000,rtp -q -z rtp,streams 2>/dev/null |
        awk -v call=$call '/0x00000007/ { sub(/ X? *$/, ""); print call ": " $(NF-8) " packets, " $(NF-7) " lost, at most " $(NF-3) \
            " ms apart; jitter mean " $(NF-1) " ms, max " $NF " ms" }'
done | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
speech: 200 packets, 0 lost, at most 20.000 ms apart; jitter mean 0.000 ms, max 0.000 ms
pin: 200 packets, 0 lost, at most 20.000 ms apart; jitter mean 4.492 ms, max 24.297 ms
END
echo "as stated"
