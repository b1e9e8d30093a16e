"""Signalling over TLS, with the secrets that open it in the capture: baresip, and kamailio between.

kamailio is preloaded with `keylog.c`, as an operator's proxy that writes a key log; editcap puts the log into the
capture as its first block (pcapng, Decryption Secrets Block).
"""

import os
import subprocess
import time

import lab as lab_mod
from scenarios_baresip import Phone, call_between
from scenarios_pbx import PROXY, end_kamailio, kamailio
from scene import CUSTOMER

HERE = os.path.dirname(os.path.abspath(__file__))
CERTIFICATES = os.path.join(HERE, "..", "..", "tests", "data", "tls")

TLS = """
enable_tls=yes
listen=tls:192.0.2.10:5061
loadmodule "tls.so"
modparam("tls", "config", "{config}")
"""


def key_log(s):
    """The environment of a program whose secrets shall be in the capture."""
    library, keys = os.path.join(s.dir, "keylog.so"), os.path.join(s.dir, f"{s.name}.keys")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, os.path.join(HERE, "keylog.c"), "-ldl"], check=True)
    s.suffix = ".pcapng"
    s.rewrite.append(lambda raw, after: lab_mod.run("editcap", "--inject-secrets", f"tls,{keys}", raw, after))
    return {"LD_PRELOAD": library, "SSLKEYLOGFILE": keys}


def through_tls(s, method, ciphers):
    """The customer calls the agent through kamailio; every hop of the signalling is over TLS."""
    config = os.path.join(s.dir, f"{s.name}-tls.cfg")
    pem = os.path.join(CERTIFICATES, "sip")
    with open(config, "w") as out:
        for part in ("server", "client"):
            out.write(f"[{part}:default]\nmethod = {method}\nverify_certificate = no\nrequire_certificate = no\n"
                      f"certificate = {pem}.pem\nprivate_key = {pem}.key\ncipher_list = {ciphers}\n")
    proxy = kamailio(s, ["sip:2001@192.0.2.21:5061;transport=tls"], TLS.format(config=config),
                     env=key_log(s))
    agent = Phone(s, "a1", "2001", "agent", "PCMA", auto_answer=True, tls=pem)
    customer = Phone(s, "trunk", CUSTOMER, "customer", "PCMA", tls=pem)
    customer.tell("dial", f"sip:2001@{PROXY}:5061;transport=tls")
    time.sleep(4)
    customer.tell("hangup")
    time.sleep(0.7)
    customer.quit()
    agent.quit()
    end_kamailio(s, proxy)
    agent_ip, customer_ip = lab_mod.ip4("a1"), lab_mod.ip4("trunk")
    s.records(None, {"src": customer_ip, "dst": agent_ip}, {"src": agent_ip, "dst": customer_ip}, "customer",
              direction="inbound", dialled="2001", service="general", sample_rate=8000)


def tls13(s):
    """A call whose signalling is over TLS 1.3 on every hop; the proxy's key log is in the capture."""
    through_tls(s, "TLSv1.2+", "HIGH")


def tls12_rsa(s):
    """The same over TLS 1.2 with RSA key exchange and AES-CBC, which can be decrypted with the server's key alone (`tests/data/tls/sip.key`)."""
    through_tls(s, "TLSv1.2", "AES128-SHA256")


def dtls_srtp(s):
    """SRTP keyed by DTLS on the media path (RFC 5764); the agent's telephone writes the key log that is in the capture."""
    environment = key_log(s)
    s.media_keys = environment["SSLKEYLOGFILE"]
    call_between(s, "PCMA", mediaenc="dtls_srtp", env=environment)


SCENARIOS = {
    "kamailio-tls13": tls13,
    "kamailio-tls12-rsa": tls12_rsa,
    "baresip-dtls-srtp": dtls_srtp,
}
