"""All scenarios by the name of their capture, and how a finished capture is published."""

import json
import os
import shutil

import oracle
import scenarios_baresip
import scenarios_basic
import scenarios_media
import scenarios_pbx
import scenarios_tls

SCENARIOS = {**scenarios_basic.SCENARIOS, **scenarios_pbx.SCENARIOS, **scenarios_media.SCENARIOS,
             **scenarios_baresip.SCENARIOS, **scenarios_tls.SCENARIOS}
WHERE = {}  # captures not taken at the switch: keywords of Lab.capture
MAKERS = {"sipp": "sipp", "baresip": "baresip", "kamailio": "sipp or baresip, through kamailio"}


def publish(scene, raw, target):
    """Measures a capture, then puts it and its expectation into `pcaps/`."""
    expectation = oracle.expectation(scene, raw)
    expectation["capture"] = os.path.basename(target)
    stem = target[:-len(scene.suffix)]
    with open(stem + ".expect.json.new", "w") as out:
        out.write(tidy_json(expectation) + "\n")
    (scene.unseen or shutil.copyfile)(raw, target)
    os.replace(stem + ".expect.json.new", stem + ".expect.json")


def tidy_json(value, indent=0):
    """JSON with what has no inner structure on one line: a stream or a tone each reads as a row."""
    pad = " " * (indent + 1)
    plain = json.dumps(value, ensure_ascii=False)
    flat = not isinstance(value, (dict, list)) or len(plain) <= 200 and "contents" not in plain[:200]
    if flat and indent:
        return plain
    if isinstance(value, dict):
        rows = [f"{pad}{json.dumps(k)}: {tidy_json(v, indent + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"
    rows = [pad + tidy_json(v, indent + 1) for v in value]
    return "[\n" + ",\n".join(rows) + "\n" + " " * indent + "]"


def write_table(folder):
    """The table of README.md, from the scenarios' own first lines."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "README.head.md")) as head:
        text = head.read()
    for name, function in SCENARIOS.items():
        file = next((name + s for s in (".pcap", ".pcapng") if os.path.exists(os.path.join(folder, name + s))), None)
        if file:
            who = name.split("-", 1)[0]
            shows = " ".join(function.__doc__.split())
            text += f"| `{file}` | {MAKERS[who]} | {shows} |\n"
    with open(os.path.join(folder, "README.md"), "w") as out:
        out.write(text)
