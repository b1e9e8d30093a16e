#!/usr/bin/env bash
# One recording has three SHA-256 sums in a vCon, by the way it got in, and its start loses the time zone.
#
# What:      vcon 0.3.10 (PyPI) puts the same WAV into a vCon in its three ways: by URL, by URL and then inline, and
#            inline. The URL is served here. Then a dialog gets its start in four notations.
# Standard:  draft-ietf-vcon-vcon-core, "Externally Referenced Files": the hash is that of the file's content, so that a
#            reader can tell whether what is behind the URL is what was recorded. "Date": a date and time is that of RFC
#            3339, which has an offset from UTC (section 5.6).
# Expected:  The sum that sha256sum gives of the file, three times; four times 06:15:23 UTC in some notation, or a
#            refusal.
# Seen:      By URL it hashes the body as text, in whatever character set was guessed, encoded again: no other program
#            gets that sum. Inline it hashes the base64 of the file. Only a file fetched by URL and turned inline has its
#            own sum. Of the start it keeps the clock's face: an offset survives, "EET" is dropped, and `is_valid` is
#            content without any. A date with the day first is read with the month first as long as there is such a
#            month.
# Matters:   The sum is what proves that a recording was not touched. A correct reader refuses an untouched one, and a
#            recording of 5 November is filed in May.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target lib --no-deps \
    vcon==0.3.10 authlib==1.6.5 cryptography==46.0.3 cffi==2.1.1 pycparser==3.0 requests==2.32.5 urllib3==2.5.0 idna==3.11 \
    certifi==2025.10.5 charset-normalizer==3.4.4 python-dateutil==2.9.0.post0 six==1.17.0 uuid6==2024.7.10 pydash==8.0.5 \
    typing-extensions==4.15.0 mutagen==1.48.1

cat > probe.py <<'PY'
import base64, hashlib, http.server, io, math, os, struct, threading, warnings, wave
warnings.simplefilter("ignore")
os.environ["no_proxy"] = "127.0.0.1"
from vcon import Vcon
from vcon.dialog import Dialog
from vcon.party import Party

with wave.open("call.wav", "wb") as out:
    out.setparams((1, 2, 8000, 0, "NONE", ""))
    out.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(n / 3))) for n in range(800)))
wav = open("call.wav", "rb").read()

class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/call.wav"

def recording(start="2026-11-05T08:15:23+02:00", **more):
    return Dialog(type="recording", start=start, parties=[0], **more)

by_url = recording(url=url)
by_url.add_external_data(url, "call.wav", "audio/wav")
fetched = recording(url=url)
fetched.to_inline_data()
inline = recording()
inline.add_inline_data(base64.urlsafe_b64encode(wav).decode(), "call.wav", "audio/wav")
for name, dialog in (("by URL", by_url), ("by URL, then inline", fetched), ("inline", inline)):
    found = base64.urlsafe_b64decode(dialog.signature)
    print(f"{name}: {dialog.alg} {found.hex()[:8]}..., {'the sum of the file' if found == hashlib.sha256(wav).digest() else 'another sum'}")

for start in ("2026-11-05T08:15:23+02:00", "2026-11-05T08:15:23", "2026-11-05 08:15:23 EET", "5.11.2026 08:15:23"):
    vcon = Vcon.build_new()
    vcon.add_party(Party(tel="+12025550123"))
    vcon.add_dialog(recording(start, mimetype="audio/wav", url=url))
    print(f"{start} -> {vcon.dialog[0]['start']}, valid {vcon.is_valid()[0]}")
PY
PYTHONPATH=lib python3 probe.py | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
by URL: sha256 8377abc9..., another sum
by URL, then inline: sha256 a0e86c7e..., the sum of the file
inline: sha256 f80a3eab..., another sum
2026-11-05T08:15:23+02:00 -> 2026-11-05T08:15:23+02:00, valid True
2026-11-05T08:15:23 -> 2026-11-05T08:15:23, valid True
2026-11-05 08:15:23 EET -> 2026-11-05T08:15:23, valid True
5.11.2026 08:15:23 -> 2026-05-11T08:15:23, valid True
END
echo "as stated"
