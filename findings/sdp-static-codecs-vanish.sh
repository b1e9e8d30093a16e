#!/usr/bin/env bash
# An ordinary telephone's offer of G.711 has no codec but key presses, and a call on hold is not.
#
# What:      sdp 3.2.2, semantic-sdp 3.31.1 and sdp-transform 3.0.0 (npm) read an offer of PCMU and PCMA as telephones
#            send it: an `rtpmap` only where it is needed, and the hold for the whole session.
# Standard:  RFC 8866 section 6.6 (`rtpmap` maps dynamic payload types) and RFC 3551 section 6: types 0 and 8 are PCMU
#            and PCMA by themselves. RFC 8866 section 6.7: a direction at the session level holds for every medium
#            without its own.
# Expected:  Three formats, the first of them PCMU at 8000 Hz; direction sendonly.
# Seen:      All three list telephone-event alone among the codecs. `sdp` and sdp-transform keep "0 8 101" as a string
#            elsewhere and leave it to the user to know the types; semantic-sdp has lost it, writes the offer back
#            without G.711, and says sendrecv: it reads the direction only within a medium.
# Matters:   A recorder or analyser that asks for the call's codec is told that no sound was offered, and takes the music
#            of a call on hold for a conversation.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . \
    sdp@3.2.2 semantic-sdp@3.31.1 sdp-transform@3.0.0 >/dev/null

cat > read.mjs <<'JS'
import sdp from "sdp";
import semantic from "semantic-sdp";
import transform from "sdp-transform";

const offer = ["v=0", "o=- 1 2 IN IP4 192.0.2.10", "s=-", "c=IN IP4 192.0.2.10", "t=0 0", "a=sendonly",
  "m=audio 40000 RTP/AVP 0 8 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", ""].join("\r\n");

const [session, medium] = [sdp.getDescription(offer), sdp.getMediaSections(offer)[0]];
console.log("sdp          ", sdp.parseRtpParameters(medium).codecs.map((c) => c.name).join(), sdp.getDirection(medium, session));
const whole = transform.parse(offer);
console.log("sdp-transform", whole.media[0].rtp.map((r) => r.codec).join(), whole.media[0].direction ?? whole.direction);
const audio = semantic.SDPInfo.parse(offer).getMedia("audio");
console.log("semantic-sdp ", [...audio.getCodecs().values()].map((c) => c.getCodec()).join(), audio.getDirection());
console.log("semantic-sdp writes:", semantic.SDPInfo.parse(offer).toString().match(/^m=.*/m)[0]);
JS
node read.mjs | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
sdp           telephone-event sendonly
sdp-transform telephone-event sendonly
semantic-sdp  telephone-event Symbol(MEDOOZE_SEMANTIC_SDP_SENDRECV)
semantic-sdp writes: m=audio 9 RTP/AVP 101
END
echo "as stated"
