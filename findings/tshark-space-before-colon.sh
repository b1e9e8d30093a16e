#!/usr/bin/env bash
# "Content-Type : application/sdp" is a call without audio in tshark.
#
# What:      tshark (4.0.17, Debian 12) reads an INVITE with an offer of Opus and three RTP packets to the offered port.
#            Then the same with a space before the colon of Content-Type, and of Call-ID. SIP.js 0.21.2 and sip 0.0.6
#            (npm) read both.
# Standard:  RFC 3261 section 7.3.1 gives "Subject      :      lunch" among forms that "are all valid and equivalent",
#            while it prefers another; section 25.1, HCOLON.
# Expected:  The same call, as the two parsers from npm say.
# Seen:      The request line is read, and the header is not: no body, so no SDP, so the RTP is plain UDP and in no
#            stream. With Call-ID it is a message of no call. tshark marks neither as malformed.
# Matters:   Nobody looks for a missing call in `sip.Call-ID == ...` or `-z rtp,streams`. Who checks a recorder against
#            tshark finds calls recorded that tshark says were not there.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v tshark >/dev/null || { echo "needs Debian's tshark" >&2; exit 2; }
tshark --version 2>/dev/null | sed -n 1p
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . sip.js@0.21.2 sip@0.0.6 >/dev/null

cat > make.py <<'PY'
import struct

def udp(source, target, port, to, payload):
    body = struct.pack(">HHHH", port, to, 8 + len(payload), 0) + payload
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 17, 0, bytes([192, 0, 2, source]), bytes([192, 0, 2, target])) + body

SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n"
INVITE = ("INVITE sip:2001@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
          "From: <sip:1001@192.0.2.1>;tag=1\r\nTo: <sip:2001@192.0.2.2>\r\nCall-ID: 1@192.0.2.1\r\nCSeq: 1 INVITE\r\n"
          f"Contact: <sip:192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}")
for name in ("none", "Content-Type", "Call-ID"):
    invite = INVITE.replace(name + ":", name + " :").encode()
    open(name + ".sip", "wb").write(invite)
    packets = [udp(1, 2, 5060, 5060, invite)]
    packets += [udp(2, 1, 50000, 40000, struct.pack(">BBHII", 0x80, 96, n, n * 960, 7) + bytes(20)) for n in range(3)]
    with open(name + ".pcap", "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for n, packet in enumerate(packets):
            out.write(struct.pack("<IIII", 1790000000, n * 20000, len(packet), len(packet)) + packet)
PY
cat > read.cjs <<'JS'
const { Parser } = require("sip.js/lib/core");
const sip = require("sip");
const text = require("fs").readFileSync(process.argv[2], "latin1");
const quiet = { error() {}, warn() {}, log() {}, debug() {} };
const [one, two] = [Parser.parseMessage(text, quiet), sip.parse(text)];
console.log(`  SIP.js: ${one.callId} ${one.getHeader("Content-Type")}; sip: ${two.headers["call-id"]} ${two.headers["content-type"]}`);
JS
python3 make.py
for header in none Content-Type Call-ID; do
    echo "space before the colon of: $header"
    echo "  tshark:" $(tshark -r $header.pcap -T fields -e _ws.col.Protocol -e sip.Method -e sip.Call-ID -e sdp.media.port 2>/dev/null)
    node read.cjs $header.sip
done | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
space before the colon of: none
  tshark: SIP/SDP INVITE 1@192.0.2.1 40000 OPUS OPUS OPUS
  SIP.js: 1@192.0.2.1 application/sdp; sip: 1@192.0.2.1 application/sdp
space before the colon of: Content-Type
  tshark: SIP INVITE 1@192.0.2.1 UDP UDP UDP
  SIP.js: 1@192.0.2.1 application/sdp; sip: 1@192.0.2.1 application/sdp
space before the colon of: Call-ID
  tshark: SIP/SDP INVITE 40000 OPUS OPUS OPUS
  SIP.js: 1@192.0.2.1 application/sdp; sip: 1@192.0.2.1 application/sdp
END
echo "as stated"
