#!/usr/bin/env bash
# One packet 45 ms late, and 99.9 % of the call is lost.
#
# What:      tshark (4.0.17, Debian 12) counts the losses of four streams of 50 packets. In none is a packet missing. In
#            two, one packet is overtaken by two others; in one of these it is the last before the sequence number starts
#            again at 0.
# Standard:  RFC 3550 appendix A.1: the number is 16 bits and wraps; a receiver extends it by counting the wraps, and a
#            packet out of order goes back over the wrap. Appendix A.3: lost is expected less received.
# Expected:  0 lost, four times.
# Seen:      The late packet's 65535 becomes the highest number seen, of a round that it does not belong to: 65536 lost.
#            The wrap alone and the late packet alone are counted right, so a test of either passes.
# Matters:   At 20 ms a packet the number wraps every 22 minutes, and it begins at random: one call in seven of three
#            minutes wraps. It takes one packet out of order at that moment, and the averages of loss and MOS of a day
#            are gone.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v tshark >/dev/null || { echo "needs Debian's tshark" >&2; exit 2; }
tshark --version 2>/dev/null | sed -n 1p

cat > make.py <<'PY'
import struct

def capture(name, first, late):
    """50 packets of PCMU numbered from `first`; packet `late` arrives 45 ms late."""
    with open(name + ".pcap", "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for at, n in sorted((20 * n + 45 * (n == late), n) for n in range(50)):
            rtp = struct.pack(">BBHII", 0x80, 0, (first + n) % 65536, n * 160, 7) + b"\xff" * 160
            udp = struct.pack(">HHHH", 40000, 40002, 8 + len(rtp), 0) + rtp
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
            out.write(struct.pack("<IIII", 1790000000 + at // 1000, at % 1000 * 1000, len(ip + udp), len(ip + udp)) + ip + udp)

capture("no-wrap", 1000, None)
capture("wrap", 65516, None)
capture("late-packet", 1000, 19)
capture("late-packet-at-wrap", 65516, 19)
PY
python3 make.py
for call in no-wrap wrap late-packet late-packet-at-wrap; do
    tshark -r $call.pcap -d udp.port==40000,rtp -q -z rtp,streams 2>/dev/null |
        awk -v call=$call '/0x00000007/ { sub(/ X? *$/, ""); print call ": " $(NF-8) " packets, " $(NF-7) " lost " $(NF-6) }'
done | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
no-wrap: 50 packets, 0 lost (0.0%)
wrap: 50 packets, 0 lost (0.0%)
late-packet: 50 packets, 0 lost (0.0%)
late-packet-at-wrap: 50 packets, 65536 lost (99.9%)
END
echo "as stated"
