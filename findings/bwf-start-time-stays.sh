#!/usr/bin/env bash
# Resampled from 8 to 48 kHz, a call of 08:15 was made at 01:22.
#
# What:      ffmpeg (5.1.9, Debian 12) writes a call as a Broadcast Wave file that began at 08:15:23, cuts its first ten
#            seconds off, and resamples it to 48 kHz; `bext` is asked for each time. wavinfo 4.0.1 (PyPI) reads the
#            result.
# Standard:  EBU Tech 3285 version 2, section 2.3: TimeReference is "the first sample count since midnight", in samples
#            of the file's own rate; OriginationTime is when the sound was made.
# Expected:  The cut one begins ten seconds later, the resampled one at the same time; or neither has a time.
# Seen:      The number is copied as it is. The cut file says that it begins at 08:15:23, ten seconds early; the
#            resampled one counts samples of 8 kHz by 48,000 and says 01:22:33. Date and time of origination, which would
#            contradict it, are gone from both. Without `-write_bext 1` all of it is gone, which at least says nothing
#            false.
# Matters:   An excerpt for the police or an archive copy for another player has a wrong time of day in the field made
#            for it, and a tool that lays files of a call side by side by their time lays them hours apart.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v ffmpeg >/dev/null || { echo "needs Debian's ffmpeg" >&2; exit 2; }
ffmpeg -version | sed -n 1p

export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target lib wavinfo==4.0.1 lxml==6.1.3

began=$(((8 * 60 + 15) * 60 + 23))
ffmpeg -v error -f lavfi -i 'sine=f=440:r=8000:d=20' -write_bext 1 -metadata time_reference=$((began * 8000)) \
    -metadata origination_date=2026-11-23 -metadata origination_time=08:15:23 call.wav
ffmpeg -v error -ss 10 -i call.wav -c copy -write_bext 1 cut.wav
ffmpeg -v error -i call.wav -ar 48000 -write_bext 1 resampled.wav

cat > read.py <<'PY'
from datetime import timedelta
from wavinfo import WavInfoReader
for name in ("call", "cut", "resampled"):
    wav = WavInfoReader(name + ".wav")
    rate = wav.fmt.sample_rate
    print(f"{name}: {wav.data.frame_count // rate} s at {rate} Hz, TimeReference {wav.bext.time_reference} =",
          f"{timedelta(seconds=wav.bext.time_reference // rate)}, OriginationDate {wav.bext.originator_date!r},",
          f"OriginationTime {wav.bext.originator_time!r}")
PY
PYTHONPATH=lib python3 read.py | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
call: 20 s at 8000 Hz, TimeReference 237784000 = 8:15:23, OriginationDate '2026-11-23', OriginationTime '08:15:23'
cut: 10 s at 8000 Hz, TimeReference 237784000 = 8:15:23, OriginationDate '', OriginationTime ''
resampled: 20 s at 48000 Hz, TimeReference 237784000 = 1:22:33, OriginationDate '', OriginationTime ''
END
echo "as stated"
