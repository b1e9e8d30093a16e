#!/usr/bin/env bash
# A signed vCon of ten seconds does not verify, the right hash is refused, and so are recordings that the draft allows.
#
# What:      vcon 0.10.0 (PyPI; pip on Python before 3.12 takes 0.3.10 for the newest, see vcon-three-hashes.sh) signs a
#            vCon of ten seconds, turns a recording behind a URL into an inline one, and judges four recordings that the
#            draft allows. The URL is served here.
# Standard:  draft-ietf-vcon-vcon-core-03 and -04. "content_hash": the hash of the file that is referenced. "parties" of a
#            dialog: an index, or for each channel an index, a list of them, or null where nobody is on it. A dialog of
#            type "recording-set" has no media type.
# Expected:  The signature verifies. The file's hash is confirmed. All four are valid.
# Seen:      What is longer than 256,000 characters does not verify (the limit is authlib's; its error is taken for a
#            wrong signature): ten seconds of stereo. `to_inline_data` gives the hash of the file, and
#            `verify_content_hash` compares it with that of the base64 text: refused; only what `add_inline_data` calls
#            the hash, that of the base64 text, is confirmed. All four recordings are invalid.
# Matters:   Whoever checks recordings with the package refuses those that are longer than a greeting, those of a
#            conference with an idle channel, and those whose hash is of the file.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target lib --no-deps --ignore-requires-python \
    vcon==0.10.0 authlib==1.6.12 cryptography==46.0.3 cffi==2.1.1 pycparser==3.0 requests==2.33.0 urllib3==2.5.0 idna==3.11 \
    certifi==2025.10.5 charset-normalizer==3.4.4 python-dateutil==2.9.0.post0 six==1.17.0 uuid6==2024.7.10 pydash==8.0.5 \
    typing-extensions==4.15.0 mutagen==1.48.1 logger==1.4

cat > probe.py <<'PY'
import base64, hashlib, http.server, json, logging, math, os, struct, threading, warnings, wave
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
os.environ["no_proxy"] = "127.0.0.1"
from vcon import Vcon
from vcon.dialog import Dialog

with wave.open("call.wav", "wb") as out:
    out.setparams((2, 2, 8000, 0, "NONE", ""))
    out.writeframes(b"".join(struct.pack("<hh", int(9000 * math.sin(n / 3)), 0) for n in range(800)))
wav = open("call.wav", "rb").read()

def vcon(*dialogs):
    parties = [{"tel": "+12025550123"}, {"name": "Bob", "validation": "none"}]
    return Vcon({"vcon": "0.4.0", "uuid": "0197a9cf-32f1-8b3a-b0a0-6d3f1a2b3c4d", "created_at": "2026-11-05T06:20:00Z",
                 "parties": parties, "dialog": list(dialogs)})

def recording(**more):
    return {"type": "recording", "start": "2026-11-05T08:15:23+02:00", "mediatype": "audio/x-wav",
            "encoding": "base64url", "body": base64.urlsafe_b64encode(wav).decode().rstrip("="), **more}

private, public = Vcon.generate_key_pair()
long = vcon(recording(parties=[0, 1], body="A" * (4 * 10 * 8000 * 4 // 3)))
long.sign(private)
print("ten seconds: verified:", long.verify(public))

class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/call.wav"
right = "sha512-" + base64.urlsafe_b64encode(hashlib.sha512(wav).digest()).decode().rstrip("=")
fetched = Dialog(type="recording", start="2026-11-05T08:15:23+02:00", parties=[0, 1], url=url)
fetched.to_inline_data()
inline = Dialog(type="recording", start="2026-11-05T08:15:23+02:00", parties=[0, 1])
inline.add_inline_data(fetched.body, "call.wav", "audio/x-wav")
for name, dialog in (("by URL, then inline", fetched), ("inline", inline)):
    print(f"{name}: the file's hash {dialog.content_hash == right}, confirmed {dialog.verify_content_hash(dialog.content_hash)}")

for name, dialog in (("one party", recording(parties=0)), ("an idle channel", recording(parties=[0, None])),
                     ("two on a channel", recording(parties=[[0, 1], 1])),
                     ("a set", {"type": "recording-set", "start": "2026-11-05T08:15:23+02:00", "parties": [0, 1], "recordings": []})):
    print(f"{name}: valid {vcon(dialog).is_valid()[0]}")
PY
PYTHONPATH=lib python3 probe.py | tee seen

diff -u - seen <<'END' || { echo "no longer as stated above" >&2; exit 1; }
ten seconds: verified: False
by URL, then inline: the file's hash True, confirmed False
inline: the file's hash False, confirmed True
one party: valid False
an idle channel: valid False
two on a channel: valid False
a set: valid False
END
echo "as stated"
