#!/usr/bin/env bash
# After 4096 lost packets rtp.js counts from zero again; three packets too many are 16 million lost ones elsewhere.
#
# What:      rtp.js 0.15.5, werift-rtp 0.8.9 (npm), scapy 2.8.0 (PyPI), rtcp-types 0.1.0 (crate) and Debian 12's tshark
#            (4.0.17) read RTCP receiver reports that say: 5000 packets lost, and -3 packets lost.
# Standard:  RFC 3550 section 6.4.1: "cumulative number of packets lost: 24 bits"; appendix A.3: it is signed, and
#            negative when there are duplicates, since each copy counts as received.
# Expected:  5000 and -3.
# Seen:      rtp.js looks at the lowest 12 bits: 904 and 4093. werift, scapy and rtcp-types take the number as unsigned:
#            16777213 for -3. tshark alone is right with both.
# Matters:   A mirror port that shows each packet twice makes the number negative: a call without loss then has a loss of
#            16 million. And the worst calls, 82 s of lost 20 ms packets and more, look almost good in rtp.js.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v tshark >/dev/null || { echo "needs Debian's tshark" >&2; exit 2; }

export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target lib scapy==2.8.0
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . rtp.js@0.15.5 werift-rtp@0.8.9 >/dev/null

cat > make.py <<'PY'
import struct
for lost in (5000, -3):
    report = struct.pack(">BBHIIB", 0x81, 201, 7, 0xA6E17, 0xCA11E2, 0) + (lost & 0xFFFFFF).to_bytes(3, "big")
    report += struct.pack(">IIII", 1000, 80, 0, 0)
    open(f"{lost}.rtcp", "wb").write(report)
    udp = struct.pack(">HHHH", 40001, 40003, 8 + len(report), 0) + report
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
    with open(f"{lost}.pcap", "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        out.write(struct.pack("<IIII", 1790000000, 0, len(ip + udp), len(ip + udp)) + ip + udp)
PY
cat > read.py <<'PY'
import logging, sys
logging.disable(logging.CRITICAL)
from scapy.contrib.rtcp import RTCP
print("scapy     ", RTCP(open(sys.argv[1], "rb").read()).report_blocks[0].cumulative_lost)
PY
cat > read.mjs <<'JS'
import fs from "node:fs";
import { packets } from "rtp.js";
import { RtcpPacketConverter } from "werift-rtp";
const report = fs.readFileSync(process.argv[2]);
const view = new DataView(new Uint8Array(report).buffer);
console.log("rtp.js    ", new packets.CompoundPacket(view).getPackets()[0].getReports()[0].getTotalLost());
console.log("werift-rtp", RtcpPacketConverter.deSerialize(report)[0].reports[0].packetsLost);
JS
mkdir -p probe/src
cat > probe/Cargo.toml <<'TOML'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
rtcp-types = "=0.1.0"
TOML
cat > probe/src/main.rs <<'RS'
use rtcp_types::{Compound, Packet};
fn main() {
    let bytes = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    if let Packet::Rr(report) = Compound::parse(&bytes).unwrap().next().unwrap().unwrap() {
        println!("rtcp-types {}", report.report_blocks().next().unwrap().cumulative_lost());
    }
}
RS

python3 make.py
for lost in 5000 -3; do
    echo "lost $lost:"
    echo "tshark     $(tshark -r ./$lost.pcap -d udp.port==40001,rtcp -T fields -e rtcp.ssrc.cum_nr 2>/dev/null)"
    PYTHONPATH=lib python3 read.py ./$lost.rtcp
    node read.mjs ./$lost.rtcp
    nice -n 10 cargo run --quiet --manifest-path probe/Cargo.toml ./$lost.rtcp
done | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
lost 5000:
tshark     5000
scapy      5000
rtp.js     904
werift-rtp 5000
rtcp-types 5000
lost -3:
tshark     -3
scapy      16777213
rtp.js     4093
werift-rtp 16777213
rtcp-types 16777213
END
echo "as stated"
