"""A media server of a few lines: plays packet files and relays RTP between two ports, as a PBX does.

    mediabox.py IP SCRIPT.json

SCRIPT: {"ports": {"a": {"port": 30000, "to": ["192.0.2.1", 40000]}, "b": {...}},
         "steps": [{"at": 0.0, "play": "queue.pcap", "port": "a"}, {"at": 3.0, "bridge": ["a", "b"]}],
         "end": 20}
Times run from the first packet that comes in (`"start": "now"`: from the start of the program). A port without `to`,
or with `"latch": true`, answers to where its last packet came from (RFC 4961). SIGTERM ends it.
"""

import json
import selectors
import socket
import struct
import sys
import time


def packets_of(path):
    """[(seconds, UDP payload)] of a packet file of ours (microseconds, little-endian, Ethernet/IPv4)."""
    with open(path, "rb") as f:
        data = f.read()
    out, place = [], 24
    while place < len(data):
        s, us, size, _ = struct.unpack_from("<IIII", data, place)
        out.append((s - 1 + us / 1e6, data[place + 16 + 42:place + 16 + size]))
        place += 16 + size
    return out


def main():
    """Runs the script until its end."""
    ip = sys.argv[1]
    with open(sys.argv[2]) as f:
        script = json.load(f)
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    waiting = selectors.DefaultSelector()
    socks, peers, latch, bridges = {}, {}, {}, {}
    for name, spec in script["ports"].items():
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.bind((ip, spec["port"]))
        sock.setblocking(False)
        waiting.register(sock, selectors.EVENT_READ, name)
        socks[name] = sock
        peers[name] = tuple(spec["to"]) if "to" in spec else None
        latch[name] = spec.get("latch", "to" not in spec)
    zero = time.monotonic() if script.get("start") == "now" else None
    todo = sorted(script["steps"], key=lambda step: step["at"])
    queue = []  # (due, port, payload), sorted
    end = time.monotonic() + script.get("end", 30)
    print("ready", flush=True)
    while time.monotonic() < end:
        now = time.monotonic()
        while zero is not None and todo and now - zero >= todo[0]["at"]:
            step = todo.pop(0)
            if "bridge" in step:
                one, other = step["bridge"]
                bridges.update({one: other, other: one})
            if "unbridge" in step:
                for name in step["unbridge"]:
                    bridges.pop(name, None)
            if "play" in step:
                queue += [(zero + step["at"] + at, step["port"], data) for at, data in packets_of(step["play"])]
                queue.sort(key=lambda item: item[0])
            if "stop" in step:
                queue = [item for item in queue if item[1] != step["stop"]]
        while queue and queue[0][0] <= now:
            _, name, data = queue.pop(0)
            if peers[name]:
                socks[name].sendto(data, peers[name])
        due = [queue[0][0]] if queue else []
        if zero is not None and todo:
            due.append(zero + todo[0]["at"])
        pause = max(0.0, min(due) - time.monotonic()) if due else 0.1
        for key, _ in waiting.select(min(pause, 0.1)):
            data, source = key.fileobj.recvfrom(2048)
            zero = zero if zero is not None else time.monotonic()
            if latch[key.data]:
                peers[key.data] = source
            onward = bridges.get(key.data)
            if onward and peers[onward]:
                socks[onward].sendto(data, peers[onward])


if __name__ == "__main__":
    main()
