#!/usr/bin/env bash
# Whose voice is label "1"? Joined by label, no pair of the usual parsers finds every SIPREC stream's speaker.
#
# What:      sdp-transform 3.0.0 (npm) reads the SDP of a SIPREC session, xml2js 0.6.2 or fast-xml-parser 5.12.1 (npm) its metadata,
#            all with no option set. Each stream's label is looked up among those of the metadata in a Map.
# Standard:  RFC 7866 section 7.1.1: each recorded stream has an `a=label`, which the metadata's <label> (RFC 7865 section 6.7)
#            repeats. RFC 4574 section 4: a label is a token, so "1" and "01" are two strings and not one number.
# Expected:  Each stream finds its participant.
# Seen:      sdp-transform makes a label of digits a number, unless it begins with 0 or is long; xml2js leaves all strings;
#            fast-xml-parser makes a number of all that looks like one, 0x1 and 1e1 included. With letters all is well;
#            with xml2js "1" finds nobody; with fast-xml-parser "1", "01" and "0x1" are one label, and the last one's speaker is
#            found for the first.
#            The list of payload types changes as well: a string in an offer of two codecs, a number in the answer with one.
# Matters:   A stream without a participant is recorded as nobody's or on the wrong side, for some recording clients and not for
#            others: one vendor numbers its labels from 1, another writes 01, a third 0x1.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . \
    sdp-transform@3.0.0 xml2js@0.6.2 fast-xml-parser@5.12.1 >/dev/null

cat > read.mjs <<'JS'
import transform from "sdp-transform";
import { parseStringPromise } from "xml2js";
import { XMLParser } from "fast-xml-parser";

const LABELS = ["caller", "1", "01", "0x1", "1e1"];
const sdp = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0",
  ...LABELS.flatMap((label, n) => [`m=audio ${40000 + 2 * n} RTP/AVP 8`, `a=label:${label}`, "a=sendonly"]), ""].join("\r\n");
const xml = `<recording xmlns="urn:ietf:params:xml:ns:recording:1">${
  LABELS.map((label) => `<stream stream_id="of ${label}" session_id="s"><label>${label}</label></stream>`).join("")}</recording>`;

const streams = transform.parse(sdp).media;
const strings = new Map((await parseStringPromise(xml)).recording.stream.map((s) => [s.label[0], s.$.stream_id]));
const values = new Map(new XMLParser({ ignoreAttributes: false }).parse(xml).recording.stream.map((s) => [s.label, s["@_stream_id"]]));
LABELS.forEach((label, n) => console.log(`a=label:${label} is the ${typeof streams[n].label} ${streams[n].label};`,
  `with xml2js it finds the stream ${strings.get(streams[n].label)}; with fast-xml-parser, ${values.get(streams[n].label)}`));
for (const types of ["8 101", "8"])
  console.log(`payload types ${types}: a ${typeof transform.parse(`v=0\r\nm=audio 40000 RTP/AVP ${types}\r\n`).media[0].payloads}`);
JS
node read.mjs | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
a=label:caller is the string caller; with xml2js it finds the stream of caller; with fast-xml-parser, of caller
a=label:1 is the number 1; with xml2js it finds the stream undefined; with fast-xml-parser, of 0x1
a=label:01 is the string 01; with xml2js it finds the stream of 01; with fast-xml-parser, undefined
a=label:0x1 is the string 0x1; with xml2js it finds the stream of 0x1; with fast-xml-parser, undefined
a=label:1e1 is the string 1e1; with xml2js it finds the stream of 1e1; with fast-xml-parser, undefined
payload types 8 101: a string
payload types 8: a number
END
echo "as stated"
