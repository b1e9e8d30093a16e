"""Calls of several dialogs or parties: queues, transfers, connected identity, forks, a proxy. sipp and kamailio."""

import os
import time

import ladder
import rewrite
import signals
from ladder import Dialog
from scene import CUSTOMER, answer, bye, talk
from scenarios_basic import TO_2001, inbound, sides

SESSION = "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000"
PROXY = "192.0.2.10"


def queue_and_agent(s, agent_leg_from, spoken_for):
    """A queue dialog answered with a loud tone, then an agent dialog, bridged by the PBX's media box."""
    queue = signals.Stream("queue", 0x90000001).say(2.8)
    box = s.mediabox("pbx", {"ports": {"a": {"port": 30000}, "b": {"port": 30002}},
                             "steps": [{"at": 0, "bridge": ["a", "b"]},
                                       {"at": 0.02, "play": s.media(queue), "port": "a"}]})
    waiting = Dialog(s.call_id(1), s.customer(), s.end("pbx", "sip:116117@192.0.2.10", "queue", relay_port=30000))
    answer(waiting, headers=[SESSION], ring=0.1)
    waiting.play("caller", s.media(signals.Stream("customer", 0xC0000001).say(9))).pause("caller", 7.2)
    bye(waiting)
    leg = Dialog(s.call_id(2), s.end("pbx", agent_leg_from, "pbxleg", port=5080, media_port=40200,
                                       relay_port=30002), s.agent())
    answer(leg, headers=[SESSION], ring=0.6)
    leg.play("callee", s.media(signals.Stream("agent", 0xA0000001).say(6))).pause("caller", 3.6)
    bye(leg)
    s.play(waiting, leg, apart=2.6)
    s.stop_box(box)
    s.records(leg.call_id, {"dst": "192.0.2.21:40000"}, {"src": "192.0.2.21:40000"}, "customer", number=spoken_for)
    s.does_not_record(waiting.call_id, "no agent")


def queue_then_agent(s):
    """The customer waits in a queue (its own dialog, 2500 Hz), then an agent's dialog with the same Session-ID; dialled comes from the queue leg."""
    queue_and_agent(s, f"sip:{CUSTOMER}@192.0.2.10", CUSTOMER)


def queue_number_on_queue_leg(s):
    """The same, but the agent's leg comes from the queue's name: the customer's number is only on the queue leg, too."""
    queue_and_agent(s, "sip:jono@192.0.2.10", CUSTOMER)


def blind_transfer(s):
    """Agent 2001 sends the customer to 2002 with REFER: two recordings of one call group."""
    one = answer(inbound(s), invite=[TO_2001, SESSION])
    one.play("caller", s.media(signals.Stream("customer", 0xC0000001).say(2.5)))
    one.play("callee", s.media(signals.Stream("agent", 0xA0000001).say(2.5))).pause("callee", 2.0)
    one.request("<", "REFER", headers=["Refer-To: <sip:2002@192.0.2.10>", "Referred-By: <sip:2001@192.0.2.10>"])
    one.response(">", 202, "REFER")
    event = ["Event: refer", "Subscription-State: active;expires=60"]
    one.request(">", "NOTIFY", ["SIP/2.0 100 Trying"], event, content="message/sipfrag").response("<", 200, "NOTIFY")
    one.pause("caller", 1.2)
    event[1] = "Subscription-State: terminated;reason=noresource"
    one.request(">", "NOTIFY", ["SIP/2.0 200 OK"], event, content="message/sipfrag").response("<", 200, "NOTIFY")
    bye(one, "<")
    two = Dialog(s.call_id(2), s.customer(port=5070, media_port=40100), s.agent("2002"))
    answer(two, invite=["Referred-By: <sip:2001@192.0.2.10>", SESSION,
                        "History-Info: <sip:116117@192.0.2.10>;index=1, <sip:2002@192.0.2.10>;index=1.1"], ring=0.3)
    talk(s, two, 3, customer=signals.Stream("customer", 0xC0000002).say(5),
         agent=signals.Stream("agent2", 0xA0000002).say(5))
    s.play(one, two, apart=2.6)
    s.records(one.call_id, **sides(ended_by="transfer"))
    s.records(two.call_id, {"ssrc": 0xC0000002}, {"ssrc": 0xA0000002}, "customer", agent_id="2002")
    s.groups.append([0, 1])


def attended_transfer(s):
    """2001 holds the customer, calls 2002 (internal, not recorded), then transfers with REFER and Replaces."""
    one = answer(inbound(s), invite=[TO_2001, SESSION])
    customer = signals.Stream("customer", 0xC0000001)
    one.play("caller", s.media(customer.say(2.0)))
    one.play("callee", s.media(signals.Stream("agent", 0xA0000001).say(1.96))).pause("callee", 2.0)
    one.request("<", "INVITE", ladder.sdp(one.callee, ("pcma", "te"), "sendonly"))
    one.response(">", 200, body=ladder.sdp(one.caller, ("pcma", "te"), "recvonly")).request("<", "ACK")
    one.pause("callee", 2.0)
    ask = Dialog(s.call_id(2), s.agent(port=5070, media_port=40100), s.agent("2002"))
    replaces = f"{ask.call_id.replace('@', '%40')}%3Bto-tag%3D{ask.callee.tag}%3Bfrom-tag%3D{ask.caller.tag}"
    one.request("<", "REFER", headers=[f"Refer-To: <sip:2002@192.0.2.22:5060?Replaces={replaces}>",
                                       "Referred-By: <sip:2001@192.0.2.10>"])
    one.response(">", 202, "REFER").pause("caller", 1.0)
    one.request(">", "NOTIFY", ["SIP/2.0 200 OK"], ["Event: refer", "Subscription-State: terminated;reason=noresource"],
                content="message/sipfrag").response("<", 200, "NOTIFY")
    bye(one, "<")
    answer(ask, ring=0.2)
    ask.play("caller", s.media(signals.Stream("agent", 0xA0000003).say(1.4)))
    ask.play("callee", s.media(signals.Stream("agent2", 0xA0000004).say(1.4))).pause("callee", 2.5)
    bye(ask, "<")
    two = Dialog(s.call_id(3), s.customer(port=5070, media_port=40100), s.agent("2002", port=5080, media_port=40100))
    answer(two, invite=["Referred-By: <sip:2001@192.0.2.10>", SESSION, "Require: replaces",
                        "History-Info: <sip:116117@192.0.2.10>;index=1, <sip:2002@192.0.2.10>;index=1.1",
                        f"Replaces: {ask.call_id};to-tag={ask.callee.tag};from-tag={ask.caller.tag}"], ring=0.02)
    talk(s, two, 3, "<", customer=signals.Stream("customer", 0xC0000002).say(5),
         agent=signals.Stream("agent2", 0xA0000002).say(5))
    s.play(one, ask, two, apart=2.5)
    s.records(one.call_id, **sides(ended_by="transfer", events={"hold": 1}))
    s.records(two.call_id, {"ssrc": 0xC0000002}, {"ssrc": 0xA0000002}, "agent", agent_id="2002")
    s.does_not_record(ask.call_id, "internal")
    s.groups.append([0, 1])


def connected_identity(s):
    """One trunk dialog: queue, then UPDATE names 2001 in P-Asserted-Identity, then a re-INVITE names 2002."""
    d = Dialog(s.call_id(), s.customer(), s.end("pbx", "sip:116117@192.0.2.10", "pbxleg"))
    answer(d, ring=0.1)
    d.play("caller", s.media(signals.Stream("customer", 0xC0000001).say(9)))
    pbx = signals.Stream("agent", 0xA0000001)
    d.play("callee", s.media(pbx.say(1.96, "queue").silence(0.04))).pause("callee", 2.0)
    d.request("<", "UPDATE", headers=['P-Asserted-Identity: "M. Virtanen" <sip:2001@192.0.2.10>'])
    d.response(">", 200, "UPDATE").play("callee", s.media(pbx.say(2.44).silence(0.06))).pause("callee", 2.5)
    d.request("<", "INVITE", ladder.sdp(d.callee, ("pcma", "te")), ["P-Asserted-Identity: <sip:2002@192.0.2.10>"])
    d.response(">", 200, body=ladder.sdp(d.caller, ("pcma", "te"))).request("<", "ACK")
    d.play("callee", s.media(pbx.say(4, "agent2"))).pause("callee", 2.5)
    bye(d, "<")
    s.play(d)

    def named_2002(m):
        return m["method"] == "INVITE" and m["src"] == PROXY
    s.records(d.call_id, **sides(ended_by="transfer", answered=lambda m: m["method"] == "UPDATE", ended=named_2002))
    s.records(d.call_id, **sides(ended_by="agent", agent_id="2002", answered=named_2002))
    s.groups.append([0, 1])


def prack_update(s):
    """100rel: 183 with SDP, PRACK, UPDATE that moves the caller's offer on, then a 200 without SDP."""
    d = inbound(s)
    d.request(">", "INVITE", ladder.sdp(d.caller, ("pcma", "te")), [TO_2001, "Supported: 100rel"], initial=True)
    d.response("<", 100, tagged=False, optional=True)
    d.response("<", 183, body=ladder.sdp(d.callee, ("pcma", "te")), headers=["Require: 100rel", "RSeq: 1"])
    d.request(">", "PRACK", headers=["RAck: 1 1 INVITE"]).response("<", 200, "PRACK")
    agent = signals.Stream("agent", 0xA0000001)
    d.play("callee", s.media(agent.say(0.96, "early").silence(0.14))).pause("caller", 0.5)
    d.request(">", "UPDATE", ladder.sdp(d.caller, ("pcma", "te")))
    d.response("<", 200, "UPDATE", ladder.sdp(d.callee, ("pcma", "te"))).pause("callee", 0.6)
    d.response("<", 200).request(">", "ACK")
    talk(s, d, 3, agent=agent.say(5))
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def fork_two_answers(s):
    """A forking proxy's 2xx from two telephones: the first is the call, the second is ACKed and hung up at once."""
    d = Dialog(s.call_id(), s.customer(), s.agent())
    d.request(">", "INVITE", ladder.sdp(d.caller, ("pcma", "te")), [TO_2001], initial=True)
    d.response("<", 100, tagged=False, optional=True).response("<", 180, optional=True).pause("callee", 0.3)
    d.response("<", 200, body=ladder.sdp(d.callee, ("pcma", "te")))
    d.request(">", "ACK")
    d.play("caller", s.media(signals.Stream("customer", 0xC0000001).say(5)))
    d.play("callee", s.media(signals.Stream("agent", 0xA0000001).say(5)))
    first = d.callee.tag
    d.callee.tag = "ag2002"
    d.response("<", 200, body=ladder.sdp(d.callee, ("pcma", "te"), port=40200))
    d.request(">", "ACK").request(">", "BYE").response("<", 200, "BYE")
    d.callee.tag = first
    d.pause("caller", 3)
    bye(d)
    s.play(d)

    def last_bye(m):
        return m["method"] == "BYE" and m["cseq"] == "3"
    s.records(d.call_id, **sides(ended_by="customer", ended=last_bye))


COLLECTOR = "192.0.2.22"  # where capture agents send to


def siptrace(version):
    """What makes kamailio a capture agent: every message it receives or sends goes to the collector in HEP."""
    return f"""
loadmodule "siptrace.so"
modparam("siptrace", "trace_on", 1)
modparam("siptrace", "trace_mode", 1)
modparam("siptrace", "trace_to_database", 0)
modparam("siptrace", "duplicate_uri", "sip:{COLLECTOR}:9060")
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", {version})
modparam("siptrace", "hep_capture_id", 2001)
"""


def kamailio(s, branches, more="", env=None):
    """Starts kamailio on the PBX host, relaying every initial INVITE to the branches."""
    targets = f'$ru = "{branches[0]}";' + "".join(f' append_branch("{b}");' for b in branches[1:])
    text = f"""
debug=1
log_stderror=yes
children=2
disable_tcp={'no' if 'tls' in more else 'yes'}
auto_aliases=no
listen=udp:{PROXY}:5060
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "corex.so"
loadmodule "siputils.so"
loadmodule "textops.so"
modparam("rr", "append_fromtag", 1)
{more}
request_route {{
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK") && t_check_trans()) t_relay();
        exit;
    }}
    record_route();
    {targets}
    t_relay();
}}
"""
    environment = ["env", *(f"{key}={value}" for key, value in (env or {}).items())]
    path = os.path.join(s.dir, f"{s.name}.cfg")
    with open(path, "w") as out:
        out.write(text)
    child = s.lab.spawn("pbx", [*environment, "kamailio", "-f", path, "-DD", "-E", "-m", "32", "-M", "4", "-Y", s.dir],
                        name="kamailio")
    time.sleep(1.5)
    return child


def end_kamailio(s, child):
    """Ends kamailio and forgets it."""
    s.lab.stop(child)
    s.lab.children.remove(child)


def two_hops(s, more=""):
    """Every message is seen twice, before and after a record-routing proxy; media goes directly. One recording."""
    child = kamailio(s, ["sip:2001@192.0.2.21:5060"], more)
    d = Dialog(s.call_id(), s.customer(), s.agent(), request_uri="sip:2001@192.0.2.10", via=PROXY)
    answer(d, invite=[TO_2001])
    talk(s, d, 3)
    s.play(d, remote=PROXY + ":5060")
    end_kamailio(s, child)
    s.records(d.call_id, **sides(ended_by="customer"))


def two_hops_outbound(s):
    """An agent's call through the proxy; the customer hangs up."""
    child = kamailio(s, ["sip:+358401234567@192.0.2.1:5060"])
    d = Dialog(s.call_id(), s.agent(), s.customer(), request_uri=f"sip:{CUSTOMER}@192.0.2.10", via=PROXY)
    answer(d)
    talk(s, d, 3, "<", caller_is="agent")
    s.play(d, remote=PROXY + ":5060")
    end_kamailio(s, child)
    s.records(d.call_id, **sides(ended_by="customer", direction="outbound", dialled=CUSTOMER, service="general"))


def fork_one_cancelled(s):
    """A call to 116117 is forked by the proxy to 2001 and 2002; 2002 answers, the branch to 2001 is cancelled."""
    child = kamailio(s, ["sip:2001@192.0.2.21:5060", "sip:2002@192.0.2.22:5060"])
    d = Dialog(s.call_id(), s.customer(), s.agent("2002"), request_uri="sip:116117@192.0.2.10", via=PROXY,
               to_header="<sip:116117@192.0.2.10>")
    answer(d, ring=0.8)
    d.caller.steps = [step.replace("/>", ' optional="true"/>') if 'response="100"' in step else step
                      for step in d.caller.steps]
    d.caller.steps.insert(2, '<recv response="180" optional="true"/>')
    talk(s, d, 3, agent=signals.Stream("agent2", 0xA0000001).say(5))
    loser = Dialog(s.call_id(), s.customer(), s.agent(), via=PROXY)
    loser.request(">", "INVITE", initial=True).response("<", 100, tagged=False).response("<", 180)
    loser.request(">", "CANCEL").response("<", 200, "CANCEL").response("<", 487).request(">", "ACK")
    other = s.start(loser, "callee")
    s.play(d, remote=PROXY + ":5060")
    s.lab.wait(other, 20)
    end_kamailio(s, child)
    s.records(d.call_id, **sides(ended_by="customer", agent_id="2002"))


def over_hep(s, version):
    """A call of which the mirror shows the media only; the proxy hands its messages on."""
    two_hops(s, siptrace(version))
    s.unseen = rewrite.without_sip


def hep3(s):
    """Kamailio's siptrace module sends every message to a collector in HEP version 3; the capture has the media, but no SIP, as if SIP were encrypted."""
    over_hep(s, 3)


def hep2(s):
    """The same in version 2."""
    over_hep(s, 2)


SCENARIOS = {
    "sipp-queue-then-agent": queue_then_agent,
    "sipp-queue-number-on-queue-leg": queue_number_on_queue_leg,
    "sipp-blind-transfer": blind_transfer,
    "sipp-attended-transfer": attended_transfer,
    "sipp-connected-identity": connected_identity,
    "sipp-prack-update": prack_update,
    "sipp-fork-two-2xx": fork_two_answers,
    "kamailio-two-hops": two_hops,
    "kamailio-two-hops-outbound": two_hops_outbound,
    "kamailio-fork-one-cancelled": fork_one_cancelled,
    "kamailio-hep3": hep3,
    "kamailio-hep2": hep2,
}
