#!/usr/bin/env bash
# GStreamer sends "G726-32" with the halves of each byte exchanged, on purpose.
#
# What:      GStreamer 1.22 of Debian 12 (`avenc_g726 ! rtpg726pay`, no option set) packs a tone as G.726 at 32 kbit/s.
#            ffmpeg 5.1 of Debian 12 decodes the payload in both orders, and packs the same tone for RTP itself.
# Standard:  RFC 3551 section 4.5.4: in G726-32 the first sample is in the least significant bits of a byte; the other
#            order is that of ATM AAL2 and has names of its own, AAL2-G726-32.
# Expected:  What is called G726-32 is in the order of G726-32.
# Seen:      GStreamer names it G726-32 and packs it as AAL2-G726-32: `force-aal2` is true by default in payloader and
#            depayloader. ffmpeg goes by the name, as sender and as receiver. Two GStreamers understand each other, two
#            ffmpegs too; between them sound arrives distorted, not silent: pairs of samples exchange places.
# Matters:   Speech stays half intelligible, so it passes for a bad line; no packet is lost and nothing is logged. A
#            recorder can't tell from the SDP which order it gets.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export LC_ALL=C
command -v ffmpeg >/dev/null || { echo "needs Debian's ffmpeg" >&2; exit 2; }

# Debian's GStreamer, what of it is not installed, unpacked here.
mkdir debs unpacked
apt-get -s install --no-install-recommends gstreamer1.0-tools gstreamer1.0-plugins-good gstreamer1.0-libav |
    sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p' | (cd debs && xargs -r apt-get -qq download)
find debs -name '*.deb' -exec dpkg -x {} unpacked \;
lib=$(cd unpacked && echo usr/lib/*-linux-gnu)
export PATH="$dir/unpacked/usr/bin:$PATH" GST_REGISTRY="$dir/registry" GST_PLUGIN_PATH="$dir/unpacked/$lib/gstreamer-1.0"
if [ -x "unpacked/$lib/gstreamer1.0/gstreamer-1.0/gst-plugin-scanner" ]; then
    export GST_PLUGIN_SCANNER="$dir/unpacked/$lib/gstreamer1.0/gstreamer-1.0/gst-plugin-scanner"
fi
export LD_LIBRARY_PATH="$dir/unpacked/$lib:$dir/unpacked/$lib/pulseaudio"
gst-launch-1.0 --version | sed -n 1p
ffmpeg -version | sed -n 1p

ffmpeg -v error -f lavfi -i 'sine=f=440:r=8000:d=2' tone.wav
for aal2 in default false; do
    option=
    [ $aal2 = default ] || option=force-aal2=$aal2
    gst-launch-1.0 -v filesrc location=tone.wav ! wavparse ! avenc_g726 bitrate=32000 ! rtpg726pay $option ! \
        rtpstreampay ! filesink location=$aal2.rtp | grep -o 'encoding-name=(string)[A-Z0-9-]*' | sort -u >$aal2.name
done
ffmpeg -v error -t 0.1 -i tone.wav -c:a g726le -b:a 32k -f rtp rtp://127.0.0.1:9 >ffmpeg.sdp

cat > payloads.py <<'PY'
import struct, sys
data = open(sys.argv[1], "rb").read()  # RFC 4571: a length before each packet
while data:
    length = struct.unpack_from(">H", data)[0]
    sys.stdout.buffer.write(data[2 + 12:2 + length])
    data = data[2 + length:]
PY
# How far the tone is above all the rest, in dB.
clarity() {
    level() { ffmpeg -hide_banner -i "$1" -af "$2=f=440:w=40,astats=measure_perchannel=none" -f null - 2>&1 | sed -n 's/.*RMS level dB: //p'; }
    python3 -c 'import sys; print(round(float(sys.argv[1]) - float(sys.argv[2])))' \
        "$(level "$1" bandpass)" "$(level "$1" bandreject)"
}
for aal2 in default false; do
    python3 payloads.py $aal2.rtp >$aal2.g726
    for order in g726le:G726-32 g726:AAL2-G726-32; do
        ffmpeg -v error -y -f ${order%:*} -code_size 4 -ar 8000 -i $aal2.g726 decoded.wav
        dB=$(clarity decoded.wav)
        echo "decoded, the tone is $dB dB above the rest:" >&2
        echo "force-aal2 $aal2, sent as $(cat $aal2.name), decoded as ${order#*:}: $([ "$dB" -ge 16 ] && echo clean || echo distorted)"
    done
done | tee seen
echo "ffmpeg's G.726 with the first sample lowest: $(grep -o 'G726[^[:space:]]*' ffmpeg.sdp)" | tee -a seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
force-aal2 default, sent as encoding-name=(string)G726-32, decoded as G726-32: distorted
force-aal2 default, sent as encoding-name=(string)G726-32, decoded as AAL2-G726-32: clean
force-aal2 false, sent as encoding-name=(string)G726-32, decoded as G726-32: clean
force-aal2 false, sent as encoding-name=(string)G726-32, decoded as AAL2-G726-32: distorted
ffmpeg's G.726 with the first sample lowest: G726-32/8000
END
echo "as stated"
