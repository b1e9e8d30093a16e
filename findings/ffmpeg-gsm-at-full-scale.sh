#!/usr/bin/env bash
# A loud whistle in GSM: ffmpeg's own decoder holds full scale where the sound swings.
#
# What:      sox (14.4.2) makes two seconds of a tone that rises from 50 to 3500 Hz and is driven into clipping; libgsm
#            encodes it, by ffmpeg (5.1.9, Debian 12). The same frames are decoded by ffmpeg's own `gsm`, which it takes
#            unless told otherwise, by `libgsm`, and by sox, which has libgsm's code too.
# Standard:  ETSI EN 300 961 (GSM 06.10) gives the decoder bit for bit, additions that saturate included (section 5.1).
# Expected:  Three times the same samples.
# Seen:      libgsm and sox agree in every sample. ffmpeg's own decoder differs in hundreds, by up to the whole range:
#            where the others alternate between both ends of the scale it stays at the upper one. At moderate levels all three
#            agree.
# Matters:   Whoever checks a decoder against `ffmpeg -i call.gsm`, or plays GSM recordings of a loud caller with it, has
#            clicks and flat tops that are not in the recording. `-c:a libgsm` before `-i` avoids it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
for tool in ffmpeg sox; do
    command -v "$tool" >/dev/null || { echo "needs Debian's $tool" >&2; exit 2; }
done
ffmpeg -version | sed -n 1p
ffmpeg -v error -h decoder=libgsm | grep -q libgsm || { echo "needs an ffmpeg with libgsm" >&2; exit 2; }

try() { # name, gain
    sox -V1 -R -n -r 8000 -c 1 -b 16 "$1.wav" synth 2 sine 50-3500 gain -n "$2"
    ffmpeg -v error -i "$1.wav" -c:a libgsm "$1.gsm"
    ffmpeg -v error -f gsm -c:a gsm -i "$1.gsm" -f s16le own.raw
    ffmpeg -v error -f gsm -c:a libgsm -i "$1.gsm" -f s16le libgsm.raw
    sox -V1 -t gsm "$1.gsm" -t raw -e signed -b 16 sox.raw
    python3 - "$1" <<'PY'
import array, sys
def samples(name):
    with open(name + ".raw", "rb") as f:
        return array.array("h", f.read())
own, libgsm, sox = map(samples, ("own", "libgsm", "sox"))
off = [abs(a - b) for a, b in zip(own, libgsm)]
worst = off.index(max(off))
print(f"{sys.argv[1]}: libgsm and sox {'agree' if libgsm == sox else 'differ'};",
      f"ffmpeg's own differs in {sum(map(bool, off))} of {len(off)}, at most by {max(off)}"
      + (f" ({own[worst]} for {libgsm[worst]})" if any(off) else ""))
PY
    rm ./*.raw
}
{ try moderate -12; try loud 6; } | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
moderate: libgsm and sox agree; ffmpeg's own differs in 0 of 16000, at most by 0
loud: libgsm and sox agree; ffmpeg's own differs in 779 of 16000, at most by 65528 (32760 for -32768)
END
echo "as stated"
