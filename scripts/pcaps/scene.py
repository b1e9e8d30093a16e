"""One scenario on stage: a capture, sipp ends, media files, and what the scenario itself expects.

Joins `lab`, `signals` and `ladder` for the scenario files; leaves measuring to `oracle`.
"""

import json
import os
import sys
import time

import lab as lab_mod
import ladder
import signals

CUSTOMER = "+358401234567"  # a number kept for fiction
HERE = os.path.dirname(os.path.abspath(__file__))


class Scene:
    """What a scenario function gets; it draws dialogs, plays them, and declares the expected recordings."""

    def __init__(self, lab, name, workdir):
        self.lab, self.name, self.dir = lab, name, workdir
        self.who = name.split("-")[0]
        self.recordings, self.silent, self.groups, self.notes = [], [], [], ""
        self.rewrite = []  # functions (source path, target path) applied to the capture
        self.unseen = None  # the same, applied once everything has been measured
        self.media_keys = None  # key log of DTLS that keyed the media
        self.suffix = ".pcap"
        self.files = 0

    def media(self, stream_or_packets, **bad):
        """A media file for sipp or the media box; keywords go to `signals.impair`."""
        packets = stream_or_packets.take() if isinstance(stream_or_packets, signals.Stream) else stream_or_packets
        if bad:
            packets = signals.impair(packets, **bad)
        self.files += 1
        path = os.path.join(self.dir, f"{self.name}-{self.files}.media")
        signals.write_pcap(path, packets)
        return path

    def end(self, host, uri, tag, six=False, **more):
        """One end of a dialog on a host."""
        return ladder.End(host, lab_mod.ip6(host) if six else lab_mod.ip4(host), uri, tag, **more)

    def customer(self, host="trunk", uri=None, **more):
        """The customer as the trunk shows her."""
        return self.end(host, uri or f"sip:{CUSTOMER}@192.0.2.1", "cust" + str(more.get("port", 5060)), **more)

    def agent(self, number="2001", host=None, **more):
        """An agent's telephone."""
        host = host or ("a1" if number == "2001" else "a2")
        return self.end(host, f"sip:{number}@{lab_mod.HOSTS['pbx'][0]}", "ag" + number, **more)

    def call_id(self, n=1):
        """A Call-ID that tells its capture."""
        return f"{self.name}-{n}@nauhuri.example"

    def start(self, dialog, side, remote=None):
        """Starts sipp for one side of a dialog; the callee's first."""
        end = getattr(dialog, side)
        self.files += 1
        path = os.path.join(self.dir, f"{self.name}-{self.files}-{side}.xml")
        with open(path, "w") as out:
            out.write(dialog.xml(end))
        argv = ["sipp"]
        if side == "caller":
            argv.append(remote or dialog.callee.hostport)
        argv += ["-sf", path, "-i", end.ip, "-p", str(end.port), "-mi", end.ip, "-mp", str(end.media_port), "-m", "1",
                 "-cid_str", dialog.call_id, "-t", "t1" if dialog.transport == "TCP" else "u1", "-nostdin",
                 "-timeout", "40", "-timeout_error", "-max_retrans", "3"]
        return self.lab.spawn(end.host, argv, name=f"sipp-{side}")

    def play(self, *dialogs, remote=None, apart=0.0):
        """Acts dialogs out together, each started `apart` seconds after the one before, to their end."""
        ends = [self.start(d, "callee") for d in dialogs]
        time.sleep(0.5)
        for n, d in enumerate(dialogs):
            if n:
                time.sleep(apart)
            ends.append(self.start(d, "caller", remote))
        self.lab.wait_all(ends, 45)

    def mediabox(self, host, script, six=False):
        """Starts a media box on a host; `stop_box` ends it."""
        self.files += 1
        path = os.path.join(self.dir, f"{self.name}-{self.files}.json")
        with open(path, "w") as out:
            json.dump(script, out)
        ip = lab_mod.ip6(host) if six else lab_mod.ip4(host)
        box = self.lab.spawn(host, [sys.executable, os.path.join(HERE, "mediabox.py"), ip, path], name="mediabox")
        for _ in range(100):
            time.sleep(0.05)
            with open(box.log) as log:
                if "ready" in log.read():
                    return box
        raise lab_mod.LabError("media box does not start")

    def stop_box(self, box):
        """Ends a media box."""
        self.lab.stop(box)
        self.lab.children.remove(box)

    def records(self, call_id, customer, agent, ended_by, agent_id="2001", **more):
        """Declares one recording. `customer` and `agent` select the packets of the channel:
        dictionaries of `ssrc`, `src`, `dst` (address or address:port), all of which must fit."""
        given = {"call_id": call_id, "direction": "inbound", "agent": agent_id, "number": CUSTOMER, "dialled": "116117",
                 "service": "116117", "sample_rate": 8000, "events": {}, "codec": "PCMA", "absent": [],
                 "complete": True}
        given.update(more, select={"customer": customer, "agent": agent}, ended_by=ended_by)
        self.recordings.append(given)

    def does_not_record(self, call_id, reason):
        """Declares a dialog that leaves no recording, and why."""
        self.silent.append({"call_id": call_id, "reason": reason})


def talk(scene, dialog, seconds, hangs_up=">", customer=None, agent=None, caller_is="customer"):
    """The usual end of a ladder: ACK, both talk, one hangs up. Streams default to PCMA."""
    voices = {"customer": customer or signals.Stream("customer", 0xC0000001).say(seconds + 2),
              "agent": agent or signals.Stream("agent", 0xA0000001, seq=65400, ts=0xFFFFF000).say(seconds + 2)}
    callee_is = "agent" if caller_is == "customer" else "customer"
    dialog.play("caller", scene.media(voices[caller_is])).play("callee", scene.media(voices[callee_is]))
    dialog.pause("caller" if hangs_up == ">" else "callee", seconds)
    bye(dialog, hangs_up)


def bye(dialog, hangs_up=">"):
    """BYE and its 200."""
    dialog.request(hangs_up, "BYE").response("<" if hangs_up == ">" else ">", 200, "BYE")


def answer(dialog, codecs=("pcma", "te"), offer=None, headers=(), ring=0.3, invite=(), ack=True, **sdp_more):
    """The usual start of a ladder: INVITE, 100, 180, 200, ACK."""
    dialog.request(">", "INVITE", ladder.sdp(dialog.caller, offer or codecs, **sdp_more), [*headers, *invite], initial=True)
    if dialog.via:
        dialog.expect("caller", 100)
    else:
        dialog.response("<", 100, tagged=False, optional=True)
    dialog.response("<", 180, optional=True).pause("callee", ring)
    dialog.response("<", 200, body=ladder.sdp(dialog.callee, codecs, **sdp_more))
    if ack:
        dialog.request(">", "ACK")
    return dialog
