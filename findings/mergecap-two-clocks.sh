#!/usr/bin/env bash
# Two captures of one call, merged: half of its packets are of the year 58692.
#
# What:      Wireshark's mergecap (4.0.17, Debian 12) joins the two directions of a call: one captured in microseconds,
#            one in nanoseconds. dpkt 1.9.8 and scapy 2.8.0 read the result. They also read the two captures simply put
#            one after the other with `cat`, which is a whole pcapng file as well.
# Standard:  draft-ietf-opsawg-pcapng: `if_tsresol` belongs to one interface (section 4.2); a file may hold several
#            sections, and the interfaces of one are not those of the next (section 4.1).
# Expected:  A packet every 10 ms in both files, which is what tshark says.
# Seen:      mergecap makes two interfaces with a unit each. dpkt uses the first interface's unit for all packets, so the
#            other direction is 56,700 years later, and it says nothing. scapy reads that file right but goes on counting
#            interfaces over the second section's start, so it takes the second file's packets for the first one's
#            interface.
# Matters:   It is how the two sides of a TAP are put together. Each direction alone is perfect, so loss and jitter look
#            right; what is lost is who spoke when: the two sides of the conversation no longer overlap.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
{ command -v mergecap && command -v tshark; } >/dev/null || { echo "needs Debian's tshark" >&2; exit 2; }

export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target lib dpkt==1.9.8 scapy==2.8.0

cat > make.py <<'PY'
import struct
for name, magic, unit, first in (("caller", 0xA1B2C3D4, 10**6, 0), ("agent", 0xA1B23C4D, 10**9, 10)):
    with open(name + ".pcap", "wb") as out:
        out.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, 1))
        for n in range(3):
            ms = first + 20 * n
            out.write(struct.pack("<IIII", 1790000000, ms * unit // 1000, 60, 60) + bytes(60))
PY
cat > read.py <<'PY'
import logging, sys
logging.disable(logging.CRITICAL)
import dpkt, scapy.utils
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        print(f"dpkt   {name}:", *(f"{float(at):.2f}" for at, _ in dpkt.pcapng.Reader(file)))
    print(f"scapy  {name}:", *(f"{float(packet.time):.2f}" for packet in scapy.utils.rdpcap(name)))
PY
python3 make.py
mergecap -w merged.pcapng caller.pcap agent.pcap
for side in caller agent; do mergecap -F pcapng -w $side.pcapng $side.pcap; done
cat caller.pcapng agent.pcapng > joined.pcapng
for file in merged joined; do
    echo "tshark $file.pcapng:" $(tshark -r $file.pcapng -T fields -e frame.time_epoch 2>/dev/null | cut -c1-13)
done | tee seen
PYTHONPATH=lib python3 read.py merged.pcapng joined.pcapng | tee -a seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
tshark merged.pcapng: 1790000000.00 1790000000.01 1790000000.02 1790000000.03 1790000000.04 1790000000.05
tshark joined.pcapng: 1790000000.00 1790000000.02 1790000000.04 1790000000.01 1790000000.03 1790000000.05
dpkt   merged.pcapng: 1790000000.00 1790000000010.00 1790000000.02 1790000000030.00 1790000000.04 1790000000050.00
scapy  merged.pcapng: 1790000000.00 1790000000.01 1790000000.02 1790000000.03 1790000000.04 1790000000.05
dpkt   joined.pcapng: 1790000000.00 1790000000.02 1790000000.04 1790000000010.00 1790000000030.00 1790000000050.00
scapy  joined.pcapng: 1790000000.00 1790000000.02 1790000000.04 1790000000010.00 1790000000030.00 1790000000050.00
END
echo "as stated"
