"""Codecs, media in all conditions, and the roads packets take: TCP, IPv6, fragments, tags. sipp at both ends."""

import time

import ladder
import rewrite
import signals
from ladder import Dialog
from scene import CUSTOMER, answer, bye, talk
from scenarios_basic import TO_2001, inbound, sides


def in_codec(s, codec, rate, customer=None, agent=None, **more):
    """A 3 s inbound call in one codec."""
    d = answer(inbound(s), codecs=(codec, "te"), offer=(codec, "pcma", "te"), invite=[TO_2001])
    stream = {"codec": codec.split("-")[0]} | more
    talk(s, d, 3, customer=signals.Stream("customer", 0xC0000001, **stream).say(5),
         agent=signals.Stream("agent", 0xA0000001, seq=65500, **stream).say(5))
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer", sample_rate=rate))


def g722(s):
    """G.722: samples at 16 kHz, RTP clock at 8 kHz."""
    in_codec(s, "g722", 16000)


def l16(s):
    """L16 at 8 kHz under a dynamic payload type; the sequence numbers wrap."""
    in_codec(s, "l16", 8000)


def ptime_60(s):
    """PCMA in 60 ms packets from the agent, 10 ms from the customer."""
    d = answer(inbound(s), invite=[TO_2001])
    talk(s, d, 3, customer=signals.Stream("customer", 0xC0000001, ptime=10).say(5),
         agent=signals.Stream("agent", 0xA0000001, ptime=60).say(5.4))
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def undecodable(s):
    """G.729 from the agent, which may not be decodable: silence or audio of the right length, never noise."""
    d = answer(inbound(s), codecs=("g729", "te"), invite=[TO_2001])
    def stream(ssrc):
        out = signals.Stream("customer", ssrc, pt=18)
        for _ in range(200):
            out._put(b"\x78\x52\x80\xa0\0\xfa\xc2\0\x07\xd6" * 2)
            out._step(20)
        return out
    talk(s, d, 2, customer=stream(0xC0000001), agent=stream(0xA0000001))
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer", codec="G729", complete=False))


def lossy(s):
    """3 % loss in bursts, 2 % duplicates, 5 % reordered, up to 30 ms of jitter, both ways."""
    d = answer(inbound(s), invite=[TO_2001])
    bad = {"loss": 0.03, "burst": 2, "duplicate": 0.02, "reorder": 0.05, "jitter_ms": 30}
    d.play("caller", s.media(signals.Stream("customer", 0xC0000001).say(9), seed=11, **bad))
    d.play("callee", s.media(signals.Stream("agent", 0xA0000001, seq=65400).say(9), seed=12, **bad)).pause("caller", 7)
    bye(d)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def dropped_at_capture(s):
    """Lossless on the wire, 4 % of the media lost by the mirror port."""
    in_codec(s, "pcma", 8000)
    s.rewrite.append(rewrite.thin(4, 0.04))


def duplicated_mirror(s):
    """Every frame captured twice (both directions of a port mirrored): one recording, nothing doubled."""
    in_codec(s, "pcma", 8000)
    s.rewrite.append(rewrite.doubled)


def dtmf(s):
    """The customer presses three keys (RFC 4733); no digit may be stored."""
    d = answer(inbound(s), invite=[TO_2001])
    customer = signals.Stream("customer", 0xC0000001).say(1)
    for key in (5, 7, 11):
        customer.dtmf(key).say(0.5)
    talk(s, d, 4, customer=customer.say(3))
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer", events={"dtmf": 3}))


def dtmf_info(s):
    """Two keys pressed by SIP INFO (application/dtmf-relay)."""
    d = answer(inbound(s), invite=[TO_2001])
    d.play("caller", s.media(signals.Stream("customer", 0xC0000001).say(5)))
    d.play("callee", s.media(signals.Stream("agent", 0xA0000001).say(5))).pause("caller", 1)
    for key in "58":
        d.request(">", "INFO", [f"Signal={key}", "Duration=160"], content="application/dtmf-relay")
        d.response("<", 200, "INFO").pause("caller", 0.7)
    bye(d)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer", events={"dtmf": 2}))


def comfort_noise(s):
    """The customer's telephone sends comfort noise in pauses (RFC 3389); the agent's sends nothing at all."""
    d = answer(inbound(s), codecs=("pcma", "cn", "te"), invite=[TO_2001])
    customer, agent = signals.Stream("customer", 0xC0000001), signals.Stream("agent", 0xA0000001)
    for _ in range(3):
        customer.say(0.8).comfort_noise(1.2)
        agent.silence(1.0).say(0.8).silence(0.2)
    talk(s, d, 5, customer=customer, agent=agent)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def codec_change(s):
    """Starts in PCMA and continues in G.722 after a re-INVITE: the file keeps its sample rate."""
    d = answer(inbound(s), invite=[TO_2001])
    customer, agent = signals.Stream("customer", 0xC0000001), signals.Stream("agent", 0xA0000001)
    d.play("caller", s.media(customer.say(2.0).silence(0.02)))
    d.play("callee", s.media(agent.say(2.0).silence(0.02))).pause("callee", 2.02)
    d.request("<", "INVITE", ladder.sdp(d.callee, ("g722", "te")))
    d.response(">", 200, body=ladder.sdp(d.caller, ("g722", "te"))).request("<", "ACK")
    d.play("caller", s.media(customer.switch("g722").say(4))).play("callee", s.media(agent.switch("g722").say(4)))
    d.pause("callee", 2.5)
    bye(d, "<")
    s.play(d)
    s.records(d.call_id, **sides(ended_by="agent", events={"codec": 2}))


def ssrc_change(s):
    """The agent's telephone changes SSRC, sequence numbers and timestamps in mid-call, without any signalling."""
    d = answer(inbound(s), invite=[TO_2001])
    agent = signals.Stream("agent", 0xA0000001).say(2).take()
    later = signals.Stream("agent2", 0xA0000009, seq=7, ts=99).say(4).take()
    talk(s, d, 4, agent=agent + [(at + 2.0, data) for at, data in later])
    s.play(d)
    s.records(d.call_id, {"ssrc": 0xC0000001}, [{"ssrc": 0xA0000001}, {"ssrc": 0xA0000009}], "customer")


def media_moved(s):
    """A re-INVITE moves the agent's media to another port; packets from a stranger arrive at the old one."""
    d = answer(inbound(s), invite=[TO_2001])
    box = s.mediabox("a1", {"ports": {"m": {"port": 40200, "to": ["192.0.2.1", 40000]}}, "start": "later",
                            "steps": [{"at": 0, "play": s.media(signals.Stream("agent2", 0xA0000002).say(4)), "port": "m"}]})
    stranger = s.mediabox("a2", {"ports": {"x": {"port": 40300, "to": ["192.0.2.21", 40000]}, "y": {"port": 40302}},
                                 "start": "now", "end": 20, "steps": [
        {"at": 3.6, "play": s.media(signals.Stream("stranger", 0xBAD00001).say(3)), "port": "x"}]})
    customer = signals.Stream("customer", 0xC0000001)
    d.play("caller", s.media(customer.say(2.0).silence(0.02)))
    d.play("callee", s.media(signals.Stream("agent", 0xA0000001).say(2.0))).pause("callee", 2.02)
    d.request("<", "INVITE", ladder.sdp(d.callee, ("pcma", "te"), port=40200))
    d.response(">", 200, body=ladder.sdp(d.caller, ("pcma", "te"))).request("<", "ACK")
    d.play("caller", s.media(customer.say(4))).pause("callee", 2.5)
    bye(d, "<")
    s.play(d)
    s.stop_box(box)
    s.stop_box(stranger)
    s.records(d.call_id, {"ssrc": 0xC0000001}, [{"ssrc": 0xA0000001}, {"ssrc": 0xA0000002}], "agent")


def port_reuse(s):
    """Two calls in succession on the same ports and addresses; the last packets of the first arrive late."""
    first = answer(inbound(s), invite=[TO_2001])
    agent = signals.Stream("agent", 0xA0000001).say(2)
    talk(s, first, 2, agent=agent)
    s.play(first)
    late = s.mediabox("a1", {"ports": {"m": {"port": 40000, "to": ["192.0.2.1", 40000]}}, "start": "now", "steps": [
        {"at": 0.1, "play": s.media(agent.silence(0.5).say(0.4, "stranger")), "port": "m"}]})
    time.sleep(0.8)
    s.stop_box(late)
    second = Dialog(s.call_id(2), s.customer(uri="sip:+358401234568@192.0.2.1"), s.agent())
    answer(second, invite=[TO_2001], ring=0.2)
    talk(s, second, 2, "<", customer=signals.Stream("customer", 0xC0000002).say(4),
         agent=signals.Stream("agent2", 0xA0000002).say(4))
    s.play(second)
    s.records(first.call_id, **sides(ended_by="customer"))
    s.records(second.call_id, {"ssrc": 0xC0000002}, {"ssrc": 0xA0000002}, "agent", number="+358401234568")


def no_bye(s):
    """No BYE and no more media when the capture ends: `capture_end`, or `timeout` if the clock goes on."""
    d = answer(inbound(s), invite=[TO_2001])
    d.play("caller", s.media(signals.Stream("customer", 0xC0000001).say(3)))
    d.play("callee", s.media(signals.Stream("agent", 0xA0000001).say(3))).pause("caller", 3.3).pause("callee", 3.3)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="capture_end", complete=False))


def tcp(s):
    """SIP over TCP, one message in each segment."""
    d = answer(inbound(s, transport="TCP"), invite=[TO_2001])
    talk(s, d, 3)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def tcp_large(s):
    """SIP over TCP with an INVITE and a 200 that need several segments each."""
    d = inbound(s, transport="TCP")
    wide = [f"X-Padding-{n}: {'jonotusaika ' * 12}" for n in range(18)]
    d.request(">", "INVITE", ladder.sdp(d.caller, ("pcma", "te")), [TO_2001, *wide], initial=True)
    d.response("<", 100, tagged=False, optional=True).response("<", 180, optional=True).pause("callee", 0.3)
    d.response("<", 200, body=ladder.sdp(d.callee, ("pcma", "te")), headers=wide).request(">", "ACK")
    talk(s, d, 2)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def cut_mid_record(s):
    """The capture file ends in the middle of a packet during the call."""
    in_codec(s, "pcma", 8000)
    s.recordings[-1].update(ended_by="capture_end", complete=False)
    s.rewrite.append(rewrite.cut)


def ipv6(s):
    """Everything over IPv6."""
    d = Dialog(s.call_id(), s.customer(six=True, uri=f"sip:{CUSTOMER}@[2001:db8:20::1]"), s.agent(six=True))
    answer(d, invite=[TO_2001])
    talk(s, d, 3)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def fragments(s):
    """An INVITE of 3 kB in three IP fragments."""
    d = answer(inbound(s), invite=[TO_2001, *(f"X-Padding-{n}: {'jonotusaika ' * 12}" for n in range(18))])
    talk(s, d, 3)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def fragments_ipv6(s):
    """The same over IPv6, with fragment headers."""
    d = Dialog(s.call_id(), s.customer(six=True), s.agent(six=True))
    answer(d, invite=[TO_2001, *(f"X-Padding-{n}: {'jonotusaika ' * 12}" for n in range(18))])
    talk(s, d, 2)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def vlan(s):
    """802.1Q in one direction, 802.1ad over 802.1Q in the other, as from the mirror port of a trunk."""
    in_codec(s, "pcma", 8000)
    s.rewrite.append(rewrite.vlan)


def cooked(s):
    """Linux cooked capture, as `tcpdump -i any` writes."""
    in_codec(s, "pcmu", 8000)
    s.rewrite.append(rewrite.cooked)


def pcapng(s):
    """pcapng with nanosecond timestamps."""
    s.suffix = ".pcapng"
    in_codec(s, "pcma", 8000)
    s.rewrite.append(rewrite.pcapng_nanoseconds)


def silent_agent(s):
    """The agent sends no media at all."""
    d = answer(inbound(s), invite=[TO_2001])
    d.play("caller", s.media(signals.Stream("customer", 0xC0000001).say(5))).pause("caller", 2.5)
    bye(d)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


SCENARIOS = {
    "sipp-g722": g722,
    "sipp-l16": l16,
    "sipp-ptime-10-60": ptime_60,
    "sipp-g729": undecodable,
    "sipp-lossy": lossy,
    "sipp-dropped-at-capture": dropped_at_capture,
    "sipp-duplicated-mirror": duplicated_mirror,
    "sipp-dtmf-rfc4733": dtmf,
    "sipp-dtmf-info": dtmf_info,
    "sipp-comfort-noise": comfort_noise,
    "sipp-codec-change": codec_change,
    "sipp-ssrc-change": ssrc_change,
    "sipp-media-moved": media_moved,
    "sipp-port-reuse": port_reuse,
    "sipp-no-bye": no_bye,
    "sipp-one-way": silent_agent,
    "sipp-tcp": tcp,
    "sipp-tcp-large": tcp_large,
    "sipp-cut-mid-record": cut_mid_record,
    "sipp-ipv6": ipv6,
    "sipp-fragments": fragments,
    "sipp-fragments-ipv6": fragments_ipv6,
    "sipp-vlan-qinq": vlan,
    "sipp-cooked": cooked,
    "sipp-pcapng-ns": pcapng,
}
