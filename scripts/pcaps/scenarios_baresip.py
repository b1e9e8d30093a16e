"""Calls between real telephones: baresip at one or both ends, with its own jitter, codecs and timestamps.

A telephone is a baresip with an `aufile` source playing one voice's tones. It is driven over its `ctrl_tcp`
module, which listens on the loopback of its namespace.
"""

import os
import subprocess
import sys
import time
import wave

import lab as lab_mod
import signals
from ladder import Dialog
from scene import CUSTOMER

CONTROL = """
import json, socket, sys
with socket.create_connection(("127.0.0.1", 4444), 5) as s:
    body = json.dumps({"command": sys.argv[1], "params": " ".join(sys.argv[2:])})
    s.sendall(f"{len(body)}:{body},".encode())
    s.settimeout(3)
    print(s.recv(65536).decode(errors="replace"))
"""


class Phone:
    """One baresip on a host."""

    def __init__(self, scene, host, user, voice, codec, auto_answer=False, port=5060, media="40000-40020", rate=None,
                 mediaenc=None, tls=None, env=None):
        self.scene, self.host = scene, host
        folder = os.path.join(scene.dir, f"{scene.name}-{host}")
        os.makedirs(folder)
        rate = rate or {"opus": 48000, "g722": 16000}.get(codec.split("/")[0], 8000)
        with wave.open(os.path.join(folder, "voice.wav"), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate)
            out.writeframes(signals.tone(voice, 20, rate).tobytes())
        ip = lab_mod.ip4(host)
        codec_modules = {"PCMU": "g711", "PCMA": "g711", "G722": "g722", "opus": "opus", "L16": "l16"}
        lines = [f"module {codec_modules[codec.split('/')[0]]}.so", "module aufile.so", "module_tmp account.so",
                 "module_app menu.so", "module_app ctrl_tcp.so"]
        if tls:
            with open(os.path.join(folder, "sip.pem"), "w") as out:
                out.write("".join(open(tls + end).read() for end in (".key", ".pem")))
            lines += [f"sip_certificate {folder}/sip.pem", "sip_verify_server no"]
        if mediaenc:
            lines.insert(0, f"module {'dtls_srtp' if mediaenc == 'dtls_srtp' else 'srtp'}.so")
        with open(os.path.join(folder, "config"), "w") as out:
            out.write("\n".join([
                f"sip_listen {ip}:{port}", "module_path /usr/lib/baresip/modules",
                f"audio_source aufile,{folder}/voice.wav", f"audio_player aufile,{folder}/heard.wav", "audio_alert aufile,",
                f"ausrc_srate {rate}", f"auplay_srate {rate}", "ausrc_channels 1", "auplay_channels 1",
                "audio_level no", f"rtp_ports {media}", "rtp_stats no", "rtcp_enable no", "rtcp_mux no",
                "jitter_buffer_delay 2-5", "ctrl_tcp_listen 127.0.0.1:4444", "call_max_calls 4",
                "opus_bitrate 24000", "opus_cbr no", "opus_inbandfec no", "opus_dtx no", f"net_interface {ip}",
                *lines]) + "\n")
        with open(os.path.join(folder, "accounts"), "w") as out:
            out.write(f"<sip:{user}@{ip}>;regint=0;audio_codecs={codec};answermode={'auto' if auto_answer else 'manual'}"
                      + (f";mediaenc={mediaenc}" if mediaenc else "")
                      + (";sip_transports=tls" if tls else "") + "\n")
        with open(os.path.join(folder, "contacts"), "w") as out:
            out.write("")
        environment = ["env", *(f"{key}={value}" for key, value in (env or {}).items())]
        self.child = scene.lab.spawn(host, [*environment, "baresip", "-f", folder], name="baresip")
        for _ in range(100):
            time.sleep(0.1)
            with open(self.child.log, errors="replace") as log:
                if "baresip is ready" in log.read() and self._try("uastat"):
                    return
        raise lab_mod.LabError(f"baresip on {host} does not come up")

    def _try(self, *command):
        done = subprocess.run(["ip", "netns", "exec", self.scene.lab.ns(self.host), sys.executable, "-c", CONTROL,
                               *command], capture_output=True, text=True)
        return done.returncode == 0 and done.stdout

    def tell(self, *command):
        """Gives a command; the answer is baresip's own."""
        said = self._try(*command)
        if not said:
            raise lab_mod.LabError(f"baresip on {self.host} does not hear {command}")
        return said

    def quit(self):
        """Ends it."""
        self.scene.lab.stop(self.child)
        self.scene.lab.children.remove(self.child)


def call_between(s, codec, seconds=3, sample_rate=8000, outbound=False, hangs_up="caller", during=None, rate=None,
                 mediaenc=None, env=None, **declared):
    """A direct call between two telephones; returns nothing, declares the recording."""
    agent_host, customer_host = "a1", "trunk"
    customer = Phone(s, customer_host, CUSTOMER, "customer", codec, auto_answer=outbound, rate=rate, mediaenc=mediaenc)
    agent = Phone(s, agent_host, "2001", "agent", codec, auto_answer=not outbound, rate=rate, mediaenc=mediaenc, env=env)
    caller, callee = (agent, customer) if outbound else (customer, agent)
    user = CUSTOMER if outbound else "2001"
    caller.tell("dial", f"sip:{user}@{lab_mod.ip4(callee.host)}")
    time.sleep(1.0)
    if during:
        during(customer, agent)
    else:
        time.sleep(seconds)
    (caller if hangs_up == "caller" else callee).tell("hangup")
    time.sleep(0.7)
    customer.quit()
    agent.quit()
    agent_ip, customer_ip = lab_mod.ip4(agent_host), lab_mod.ip4(customer_host)
    by_agent = (hangs_up == "caller") == outbound
    more = {"direction": "outbound" if outbound else "inbound", "dialled": CUSTOMER if outbound else "2001",
            "service": "general", "sample_rate": sample_rate, **declared}
    s.records(None, {"src": customer_ip, "dst": agent_ip}, {"src": agent_ip, "dst": customer_ip},
              "agent" if by_agent else "customer", **more)


def pcma(s):
    """Two telephones, PCMA, the customer calls the agent and hangs up; Call-IDs and timestamps of a real client."""
    call_between(s, "PCMA")


def pcmu_outbound(s):
    """The agent calls in PCMU; the customer hangs up."""
    call_between(s, "PCMU", outbound=True, hangs_up="callee")


def g722(s):
    """G.722 of a real client."""
    call_between(s, "G722", sample_rate=16000)


def opus(s):
    """Opus at 48 kHz, declared as stereo (opus/48000/2) but mono."""
    call_between(s, "opus", sample_rate=48000)


def l16(s):
    """L16 at 16 kHz, mono."""
    call_between(s, "L16/16000/1", sample_rate=16000, rate=16000)


def hold(s):
    """The agent's telephone holds for a second and resumes."""
    def during(_customer, agent):
        time.sleep(1.2)
        agent.tell("hold")
        time.sleep(1.2)
        agent.tell("resume")
        time.sleep(1.2)
    call_between(s, "PCMA", during=during, events={"hold": 1, "resume": 1})


def srtp(s):
    """SRTP both ways, with keys in the SDP (RFC 4568); the agent holds and resumes, and offers other keys each time."""
    def during(_customer, agent):
        time.sleep(1.2)
        agent.tell("hold")
        time.sleep(0.6)
        agent.tell("resume")
        time.sleep(1.2)
    call_between(s, "PCMA", during=during, mediaenc="srtp-mand", events={"hold": 1, "resume": 1})


def srtp_optional(s):
    """Keys in a plain profile (RFC 8643), accepted by both: SRTP is sent. Outbound, Opus."""
    call_between(s, "opus", sample_rate=48000, outbound=True, mediaenc="srtp")


def nat(s):
    """An agent at home behind a masquerading router calls out: SDP and Contact name 192.168.77.10, packets come from 192.0.2.31."""
    customer = s.end("pbx", f"sip:{CUSTOMER}@192.0.2.10", "gw", relay_port=30000)
    d = Dialog("*", s.end("nat", "sip:2001@192.168.77.10", "x"), customer)
    box = s.mediabox("pbx", {"ports": {"a": {"port": 30000}}, "steps": [
        {"at": 0.05, "play": s.media(signals.Stream("customer", 0xC0000001).say(8)), "port": "a"}]})
    far_end = uas_for_unknown(s, d)
    phone = Phone(s, "home", "2001", "agent", "PCMA")
    phone.tell("dial", f"sip:{CUSTOMER}@192.0.2.10")
    time.sleep(4)
    phone.tell("hangup")
    time.sleep(0.5)
    phone.quit()
    s.lab.wait(far_end, 10)
    s.stop_box(box)
    s.records(None, {"src": "192.0.2.10:30000"}, {"src": "192.0.2.31"}, "agent", direction="outbound", dialled=CUSTOMER,
              service="general")


def uas_for_unknown(s, d):
    """sipp answering a dialog whose names it learns from the INVITE."""
    contact = d.callee.contact
    head = "[last_Via:]\n[last_From:]\n{to}\n[last_Call-ID:]\n[last_CSeq:]\n"
    body = (f"v=0\no=- 1 1 IN IP4 192.0.2.10\ns=-\nc=IN IP4 192.0.2.10\nt=0 0\nm=audio {d.callee.relay_port} RTP/AVP 8 101\n"
            "a=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n")
    def send(first, to, extra):
        return f"<send><![CDATA[\n\n{first}\n{head.format(to=to)}{extra}\n]]></send>"
    tagged = "[last_To:];tag=far[call_number]"
    steps = ['<recv request="INVITE"/>', send("SIP/2.0 100 Trying", "[last_To:]", "Content-Length: 0\n"),
             send("SIP/2.0 180 Ringing", tagged, "Content-Length: 0\n"), '<pause milliseconds="300"/>',
             send("SIP/2.0 200 OK", tagged, f"Contact: <{contact}>\nContent-Type: application/sdp\n"
                                            f"Content-Length: [len]\n\n{body}"),
             '<recv request="ACK"/>', '<recv request="BYE"/>',
             send("SIP/2.0 200 OK", "[last_To:]", "Content-Length: 0\n")]
    d.callee.steps = steps
    return s.start(d, "callee")


SCENARIOS = {
    "baresip-pcma": pcma,
    "baresip-pcmu-outbound": pcmu_outbound,
    "baresip-g722": g722,
    "baresip-opus": opus,
    "baresip-l16": l16,
    "baresip-hold": hold,
    "baresip-nat": nat,
    "baresip-srtp": srtp,
    "baresip-srtp-optional": srtp_optional,
}
