#!/usr/bin/env bash
# A GSM recording of an odd number of blocks ends in 40 ms of noise that nobody said.
#
# What:      soundfile 0.14.0 (it brings libsndfile 1.2.2) writes a WAV in GSM 6.10, the "wav49" of Asterisk, and reads
#            it back. mutagen 1.48.1 is asked how long it is.
# Standard:  A block of WAVE_FORMAT_GSM610 is 65 bytes and 320 samples (Microsoft Multimedia Standards Update 3.0, 1994).
#            A chunk of an odd length is followed by a pad byte that its length does not count (Multimedia Programming
#            Interface and Data Specifications 1.0, IBM and Microsoft 1991, chapter 2). The `fact` chunk has the number
#            of samples.
# Expected:  The samples that were written, and their number in `fact`, which libsndfile itself wrote.
# Seen:      With an odd number of blocks `data` is odd, and libsndfile takes its pad byte for the start of another
#            block: 320 samples too many, as loud as there can be. With an even number all is well, so the same code
#            passes on every other recording. mutagen counts a block as one sample: 1 s lasts 3 ms.
# Matters:   A recorder that appends, joins or transcribes such files gets a click at the end of every second call, and
#            its channels drift apart by 40 ms at each join.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target lib \
    soundfile==0.14.0 cffi==2.1.1 pycparser==3.0 numpy==2.4.6 typing-extensions==4.16.0 mutagen==1.48.1

cat > probe.py <<'PY'
import math, struct
import mutagen.wave, numpy, soundfile

print("libsndfile", soundfile.__libsndfile_version__)
for seconds in (1, 2):
    tone = [0.3 * math.sin(2 * math.pi * 440 * n / 8000) for n in range(8000 * seconds)]
    name = f"call-{seconds}s.wav"
    soundfile.write(name, numpy.array(tone), 8000, format="WAV", subtype="GSM610")
    raw = open(name, "rb").read()
    fact = struct.unpack_from("<I", raw, raw.index(b"fact") + 8)[0]
    data = struct.unpack_from("<I", raw, raw.index(b"data") + 4)[0]
    back, _ = soundfile.read(name)
    inside, after = abs(back[: fact]).max(), abs(back[fact:]).max(initial=0)
    print(f"{seconds} s: fact {fact}, data {data} bytes = {data // 65} blocks; read {len(back)} samples;",
          f"the tone's peak {inside:.2f}, after its end {after:.2f};",
          f"mutagen {mutagen.wave.WAVE(name).info.length:.6f} s")
PY
PYTHONPATH=lib python3 probe.py | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
libsndfile 1.2.2
1 s: fact 8000, data 1625 bytes = 25 blocks; read 8320 samples; the tone's peak 0.34, after its end 1.00; mutagen 0.003125 s
2 s: fact 16000, data 3250 bytes = 50 blocks; read 16000 samples; the tone's peak 0.34, after its end 0.00; mutagen 0.006250 s
END
echo "as stated"
