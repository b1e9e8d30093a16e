#!/usr/bin/env bash
# AMR as its standard has it by default is silence in ffmpeg, and "dtx mode" gets the blame.
#
# What:      ffmpeg (5.1.9, Debian 12) receives one second of AMR-NB at 12.2 kbit/s over RTP three times: octet-aligned
#            and said so in `fmtp`; bandwidth-efficient without an `fmtp`; and bandwidth-efficient with one that gives
#            the mode. The reference is the same frames in an .amr file.
# Standard:  RFC 4867 section 8.1: "octet-align: Permissible values are 0 and 1. If 1, octet-aligned operation SHALL be
#            used. If 0 or if not present, bandwidth-efficient operation is employed." Section 4.3 has the bits.
# Expected:  The sound of the file each time; or a refusal.
# Seen:      ffmpeg reads only the octet-aligned kind. It looks at `fmtp` to find that out, so without one it takes
#            packets of the other kind for its own, decodes nothing of them and says that "dtx mode is not implemented".
#            With an `fmtp` it says "Unsupported RTP/AMR configuration!", goes on, and gives the same silence.
# Matters:   VoLTE telephones use the default (3GPP TS 26.114). A call recorded or monitored through ffmpeg has no sound,
#            and the message sends people to look for discontinuous transmission, and to another AMR library, which does
#            not help.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v ffmpeg >/dev/null || { echo "needs Debian's ffmpeg" >&2; exit 2; }
ffmpeg -version | sed -n 1p

cat > call.py <<'PY'
import random, socket, struct, subprocess, time

random.seed(1)
FRAMES = [(random.getrandbits(244) << 4).to_bytes(31, "big") for _ in range(50)]
open("call.amr", "wb").write(b"#!AMR\n" + b"".join(b"\x3c" + frame for frame in FRAMES))
FILE = subprocess.run("ffmpeg -v error -i call.amr -f s16le -".split(), capture_output=True, check=True).stdout

def octet_aligned(frame):
    return b"\xf0\x3c" + frame

def bandwidth_efficient(frame):
    bits = "1111" "0" "0111" "1" + "".join(f"{byte:08b}" for byte in frame)[:244] + "00"
    return int(bits, 2).to_bytes(32, "big")

def receive(pack, fmtp):
    """What ffmpeg decodes of one call, and what it says."""
    free = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1] & ~1
    free.close()
    with open("call.sdp", "w") as sdp:
        sdp.write("v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
                  f"m=audio {port} RTP/AVP 97\na=rtpmap:97 AMR/8000\n{fmtp}")
    ffmpeg = subprocess.Popen("ffmpeg -nostdin -v info -protocol_whitelist file,udp,rtp -i call.sdp -f s16le -y call.raw".split(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 10
    while f":{port:04X} " not in open("/proc/net/udp").read() and time.monotonic() < until:
        time.sleep(0.05)
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for n in range(300):  # the frames over and over, till ffmpeg knows the stream and has taken a second of it
        header = struct.pack(">BBHII", 0x80, 97, n, n * 160, 7)
        out.sendto(header + pack(FRAMES[n % 50]), ("127.0.0.1", port))
        time.sleep(0.01)
    time.sleep(0.5)
    ffmpeg.terminate()
    said = ffmpeg.communicate(timeout=10)[1]
    return open("call.raw", "rb").read()[:len(FILE)], said

for name, pack, fmtp in (("octet-aligned, fmtp octet-align=1", octet_aligned, "a=fmtp:97 octet-align=1\n"),
                         ("bandwidth-efficient, no fmtp", bandwidth_efficient, ""),
                         ("bandwidth-efficient, fmtp mode-set=7", bandwidth_efficient, "a=fmtp:97 mode-set=7\n")):
    sound, said = receive(pack, fmtp)
    complaints = [text for text in ("Unsupported RTP/AMR configuration!", "dtx mode is not implemented") if text in said]
    print(f"{name}: {'as the file' if sound == FILE else 'not as the file'}, {len(sound)} bytes of sound; says {complaints}")
PY
python3 call.py | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
octet-aligned, fmtp octet-align=1: as the file, 16000 bytes of sound; says []
bandwidth-efficient, no fmtp: not as the file, 0 bytes of sound; says ['dtx mode is not implemented']
bandwidth-efficient, fmtp mode-set=7: not as the file, 0 bytes of sound; says ['Unsupported RTP/AMR configuration!', 'dtx mode is not implemented']
END
echo "as stated"
