#!/usr/bin/env bash
# Three RTP readers play the loudness of a packet as part of its sound.
#
# What:      dpkt 1.9.8, pyVoIP 1.6.8, rtp 0.0.4, scapy 2.8.0 (PyPI), rtp-parser 1.0.0 and rtp.js 0.15.5 (npm) are asked
#            for the payload of three RTP packets with the same 160 bytes of PCMA: plain; with the audio level of RFC
#            6464 in a header extension; and with four bytes of padding.
# Standard:  RFC 3550 section 5.1: with the X bit "the fixed header MUST be followed by exactly one header extension";
#            with the P bit the packet ends in padding "which are not part of the payload".
# Expected:  160 bytes each time.
# Seen:      dpkt, pyVoIP and rtp-parser hand out the extension at the start of the payload: 168 bytes. They and scapy
#            and rtp leave padding at its end: 164. Only rtp.js is right with all three.
# Matters:   WebRTC clients send the audio level with every packet where the other side agrees. A recording made this way
#            has a click 50 times a second and lasts 5 % too long: after a minute the two channels are 3 s apart.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target lib dpkt==1.9.8 pyVoIP==1.6.8 rtp==0.0.4 scapy==2.8.0
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . rtp-parser@1.0.0 rtp.js@0.15.5 >/dev/null

cat > read.py <<'PY'
import logging, struct
logging.disable(logging.CRITICAL)
import dpkt, rtp
from pyVoIP.VoIP import VoIP  # first: pyVoIP.RTP alone cannot be imported
from pyVoIP.RTP import PayloadType, RTPMessage
from scapy.layers.rtp import RTP as ScapyRTP

SOUND = b"\xd5" * 160
PACKETS = {
    "plain": struct.pack(">BBHII", 0x80, 8, 1, 160, 7) + SOUND,
    "audio level": struct.pack(">BBHII", 0x90, 8, 1, 160, 7) + bytes.fromhex("bede0001" "10aa0000") + SOUND,
    "padding": struct.pack(">BBHII", 0xA0, 8, 1, 160, 7) + SOUND + b"\0\0\0\4",
}
for number, (name, packet) in enumerate(PACKETS.items()):
    open(f"{number}.rtp", "wb").write(packet)
    print(f"{name}: dpkt {len(dpkt.rtp.RTP(packet).data)}, pyVoIP {len(RTPMessage(packet, {8: PayloadType.PCMA}).payload)},",
          f"rtp {len(rtp.RTP().fromBytearray(bytearray(packet)).payload)}, scapy {len(ScapyRTP(packet).lastlayer())}")
PY
cat > read.mjs <<'JS'
import fs from "node:fs";
import parser from "rtp-parser";
import { packets } from "rtp.js";
["plain", "audio level", "padding"].forEach((name, number) => {
  const packet = fs.readFileSync(`${number}.rtp`);
  const view = new DataView(new Uint8Array(packet).buffer);
  console.log(`${name}: rtp-parser ${parser.parseRtpPacket(packet).payload.length},`,
    `rtp.js ${new packets.RtpPacket(view).getPayload().byteLength}`);
});
JS
PYTHONPATH=lib python3 read.py | tee seen
node read.mjs | tee -a seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
plain: dpkt 160, pyVoIP 160, rtp 160, scapy 160
audio level: dpkt 168, pyVoIP 168, rtp 160, scapy 160
padding: dpkt 164, pyVoIP 164, rtp 164, scapy 164
plain: rtp-parser 160, rtp.js 160
audio level: rtp-parser 168, rtp.js 160
padding: rtp-parser 164, rtp.js 160
END
echo "as stated"
