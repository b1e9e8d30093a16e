"""What the package `vcon` (PyPI) reads out of a vCon, as JSON: FILE, and of a signed one its CERTIFICATE."""

import hashlib
import json
import logging
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from vcon import Vcon
from vcon.dialog import Dialog, b64url_decode

vcon = Vcon.load_from_file(sys.argv[1])
valid, errors = vcon.is_valid()
told = {"valid": valid, "errors": errors}
if len(sys.argv) > 2:
    with open(sys.argv[2], "rb") as file:
        key = x509.load_pem_x509_certificate(file.read()).public_key()
    told["verified"] = vcon.verify(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
else:
    dialog = vcon.dialog[0]
    told["parties"] = len(vcon.parties)
    told["start"] = dialog["start"]
    if "body" in dialog:
        told["hash"] = Dialog(**dialog).verify_content_hash(dialog["content_hash"])
        told["sound"] = hashlib.sha256(b64url_decode(dialog["body"])).hexdigest()
json.dump(told, sys.stdout)
