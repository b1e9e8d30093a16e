#!/usr/bin/env bash
# Three umlauts in a caller's name make 20 ms packets 2 ms long; an IPv6 call comes from 0.0.0.0.
#
# What:      hep-js 1.0.22 (npm), sipcapture's own library for HEP, packs SIP messages as a capture agent does and
#            unpacks them as a collector does; and unpacks a HEP packet of an IPv6 call built here.
# Standard:  HEP/EEP version 3 (its protocol reference, chunks 0x0003 to 0x0006 and 0x000f): the length of a chunk is in
#            bytes; source and destination are chunks 3 and 4 with IPv4, 5 and 6 with IPv6. RFC 3261 section 7: SIP is in
#            UTF-8.
# Expected:  What goes in comes out.
# Seen:      The payload's chunk is as many bytes long as the message has characters: each letter beyond ASCII takes a
#            byte off the message's end. That end is the last line of the SDP, and what is left of it is often valid:
#            `ptime:20` becomes `ptime:2`, payload type 101 becomes 10, `sendonly` becomes nothing. With IPv6 both
#            addresses are packed as 0.0.0.0, and unpacked not at all.
# Matters:   A collector or recorder behind it gets calls wrong by the caller's name, and test calls in ASCII never show
#            it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . hep-js@1.0.22 >/dev/null

cat > read.mjs <<'JS'
import hep from "hep-js";

const invite = (name, last) => ["INVITE sip:2001@192.0.2.2 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
  `From: "${name}" <sip:1001@192.0.2.1>;tag=1`, "To: <sip:2001@192.0.2.2>", "Call-ID: 1@192.0.2.1", "CSeq: 1 INVITE",
  "Content-Type: application/sdp", "", "v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0",
  "m=audio 5004 RTP/AVP 8 101", ...last, ""].join("\r\n");
const about = { protocolFamily: 2, protocol: 17, srcIp: "192.0.2.1", dstIp: "192.0.2.2", srcPort: 5060, dstPort: 5060,
  timeSeconds: 1790000000, timeUseconds: 0, payloadType: 1, captureId: "2001", capturePass: "" };

for (const last of [[], ["a=ptime:20"], ["a=sendonly"]]) {
  for (const name of ["Paivi Makela", "Päivi Mäkelä"]) {
    const { payload } = hep.decapsulate(hep.encapsulate(invite(name, last), about));
    console.log(`${name}: ${JSON.stringify(payload.slice(payload.lastIndexOf("=", payload.length - 3) - 1))}`);
  }
}
const six = { ...about, protocolFamily: 10, srcIp: "2001:db8::1", dstIp: "2001:db8::2" };
const { rcinfo } = hep.decapsulate(hep.encapsulate("OPTIONS sip:a SIP/2.0\r\n\r\n", six));
console.log(`IPv6, packed and unpacked: family ${rcinfo.protocolFamily}, from ${rcinfo.srcIp} to ${rcinfo.dstIp}`);

const number = (value, size) => { const b = Buffer.alloc(size); b.writeUIntBE(value, 0, size); return b; };
const chunk = (type, value) => Buffer.concat([number(0, 2), number(type, 2), number(6 + value.length, 2), value]);
const address = (last) => Buffer.concat([number(0x20010db8, 4), Buffer.alloc(11), number(last, 1)]);
const chunks = Buffer.concat([chunk(1, number(10, 1)), chunk(2, number(17, 1)), chunk(5, address(1)), chunk(6, address(2)),
  chunk(7, number(5060, 2)), chunk(8, number(5060, 2)), chunk(9, number(1790000000, 4)), chunk(10, number(0, 4)),
  chunk(11, number(1, 1)), chunk(12, number(7, 4)), chunk(15, Buffer.from("OPTIONS sip:a SIP/2.0\r\n\r\n"))]);
const other = hep.decapsulate(Buffer.concat([Buffer.from("HEP3"), number(6 + chunks.length, 2), chunks])).rcinfo;
console.log(`IPv6, unpacked: family ${other.protocolFamily}, from ${other.srcIp} to ${other.dstIp}, port ${other.srcPort}`);
JS
node read.mjs | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
Paivi Makela: "m=audio 5004 RTP/AVP 8 101\r\n"
Päivi Mäkelä: "m=audio 5004 RTP/AVP 8 10"
Paivi Makela: "a=ptime:20\r\n"
Päivi Mäkelä: "a=ptime:2"
Paivi Makela: "a=sendonly\r\n"
Päivi Mäkelä: "a=sendonl"
IPv6, packed and unpacked: family 10, from 0.0.0.0 to 0.0.0.0
IPv6, unpacked: family 10, from undefined to undefined, port 5060
END
echo "as stated"
