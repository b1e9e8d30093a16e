#!/usr/bin/env bash
# A call from "From: <tel:+1...>" does not ring in a browser: two WebRTC telephones throw the INVITE away.
#
# What:      SIP.js 0.21.2, JsSIP 3.13.8 and sip 0.0.6 (npm) read INVITEs that differ in the caller's address alone.
# Standard:  RFC 3261 section 25.1: From is a name-addr or addr-spec, and an addr-spec is a SIP URI, a SIPS URI or any
#            absolute URI; section 19.1.6 relates tel to SIP URIs. RFC 3966 is the tel URI.
# Expected:  An incoming call whose caller is a telephone number.
# Seen:      SIP.js and JsSIP know sip and sips there, and nothing else. Their parsers return no message; SIP.js logs
#            "error parsing header 'From'". Nothing is answered, not even 400, since there is nothing to answer. The same
#            number as sip:...;user=phone rings. The sip package reads all of them, but its own parseUri gives
#            `undefined` for a tel URI.
# Matters:   IMS networks name callers by tel URI (3GPP TS 24.229), and trunks pass that on. A recorder sees an INVITE
#            that nobody answers until it times out, and an operator finds no fault on the wire.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . sip.js@0.21.2 jssip@3.13.8 sip@0.0.6 >/dev/null

cat > read.cjs <<'JS'
const { Parser } = require("sip.js/lib/core");
const jssip = require("jssip/lib/Parser.js");
const sip = require("sip");

const invite = (from) => ["INVITE sip:2001@192.0.2.2 SIP/2.0", "Via: SIP/2.0/WSS 192.0.2.1;branch=z9hG4bK1", "Max-Forwards: 70",
  `From: ${from};tag=1`, "To: <sip:2001@192.0.2.2>", "Call-ID: 1@192.0.2.1", "CSeq: 1 INVITE", "Contact: <sip:192.0.2.1>",
  "Content-Length: 0", "", ""].join("\r\n");
const said = [];
const logger = { error: (text) => said.push(text), warn: (text) => said.push(text), log() {}, debug() {} };

for (const from of ["<sip:+12025550123@192.0.2.1;user=phone>", "<tel:+12025550123>", '"Mari" <tel:2025550123;phone-context=+1>']) {
  said.length = 0;
  const one = Parser.parseMessage(invite(from), logger), two = jssip.parseMessage(invite(from), {}), three = sip.parse(invite(from));
  console.log(from);
  console.log("  SIP.js", one ? `from ${one.from.uri}` : `no message (${said.join()})`);
  console.log("  JsSIP ", two ? `from ${two.from.uri}` : "no message");
  console.log("  sip   ", `from ${three.headers.from.uri}, whose user is ${sip.parseUri(three.headers.from.uri)?.user}`);
}
JS
node read.cjs | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
<sip:+12025550123@192.0.2.1;user=phone>
  SIP.js from sip:+12025550123@192.0.2.1;user=phone
  JsSIP  from sip:+12025550123@192.0.2.1;user=phone
  sip    from sip:+12025550123@192.0.2.1;user=phone, whose user is +12025550123
<tel:+12025550123>
  SIP.js no message (error parsing header 'From')
  JsSIP  no message
  sip    from tel:+12025550123, whose user is undefined
"Mari" <tel:2025550123;phone-context=+1>
  SIP.js no message (error parsing header 'From')
  JsSIP  no message
  sip    from tel:2025550123;phone-context=+1, whose user is undefined
END
echo "as stated"
