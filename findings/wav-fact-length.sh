#!/usr/bin/env bash
# One second of stereo G.711 lasts 1 s, 2 s or 0 s, by who wrote the file.
#
# What:      ffmpeg (5.1.9), sox (14.4.2; both Debian 12) and wavefile 11.0.0 (npm) write one second of stereo mu-law as
#            WAV, and a fourth file has no `fact` chunk, as GStreamer's wavenc writes it. tinytag 2.3.2, mutagen 1.48.1
#            (PyPI) and ffprobe tell its length.
# Standard:  Microsoft Multimedia Standards Update 3.0 (1994), "Fact Chunk": all formats but PCM have one, and its number
#            of samples together with the sample rate of `fmt ` is the length in seconds; so both channels' samples of
#            one moment count once. `data` and the byte rate of `fmt ` give the same length without it.
# Expected:  1 s of four files with the same 16000 bytes of sound.
# Seen:      wavefile counts each channel's samples. tinytag believes `fact`: 2 s for wavefile's, and 0 s without.
#            mutagen and ffprobe reckon from the bytes.
# Matters:   Stereo G.711, one side of the call a channel, is a usual form of recordings. Their length in a list or a
#            bill depends on which program made the file; mono files are all right, and so are tests with them.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
{ command -v ffmpeg && command -v sox; } >/dev/null || { echo "needs Debian's ffmpeg and sox" >&2; exit 2; }

export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target lib tinytag==2.3.2 mutagen==1.48.1
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . wavefile@11.0.0 >/dev/null

sox -n -r 8000 -c 2 -b 16 linear.wav synth 1 sine 440 sine 880
ffmpeg -v error -i linear.wav -c:a pcm_mulaw ffmpeg.wav
sox linear.wav -e mu-law sox.wav
cat > write.cjs <<'JS'
const fs = require("fs");
const { WaveFile } = require("wavefile");
const wav = new WaveFile(fs.readFileSync("linear.wav"));
wav.toMuLaw();
fs.writeFileSync("wavefile.wav", wav.toBuffer());
JS
node write.cjs

cat > read.py <<'PY'
import struct, subprocess
import mutagen.wave, tinytag

def chunks(name):
    data, at = open(name, "rb").read(), 12
    while at + 8 <= len(data):
        kind, length = data[at:at + 4], struct.unpack_from("<I", data, at + 4)[0]
        yield kind, data[at + 8:at + 8 + length]
        at += 8 + length + length % 2

kept = {kind: body for kind, body in chunks("sox.wav") if kind != b"fact"}
body = b"WAVE" + b"".join(kind + struct.pack("<I", len(value)) + value for kind, value in kept.items())
open("no-fact.wav", "wb").write(b"RIFF" + struct.pack("<I", len(body)) + body)

for name in ("ffmpeg", "sox", "wavefile", "no-fact"):
    file = name + ".wav"
    found = dict(chunks(file))
    fact = struct.unpack("<I", found[b"fact"][:4])[0] if b"fact" in found else None
    probe = ["ffprobe", "-v", "error", "-show_entries", "stream=duration", "-of", "csv=p=0", file]
    print(f"{name}: data {len(found[b'data'])} bytes, fact {fact}; tinytag {tinytag.TinyTag.get(file).duration} s,",
          f"mutagen {mutagen.wave.WAVE(file).info.length} s,",
          f"ffprobe {float(subprocess.run(probe, capture_output=True, text=True).stdout)} s")
PY
PYTHONPATH=lib python3 read.py | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
ffmpeg: data 16000 bytes, fact 8000; tinytag 1.0 s, mutagen 1.0 s, ffprobe 1.0 s
sox: data 16000 bytes, fact 8000; tinytag 1.0 s, mutagen 1.0 s, ffprobe 1.0 s
wavefile: data 16000 bytes, fact 16000; tinytag 2.0 s, mutagen 1.0 s, ffprobe 1.0 s
no-fact: data 16000 bytes, fact None; tinytag 0.0 s, mutagen 1.0 s, ffprobe 1.0 s
END
echo "as stated"
