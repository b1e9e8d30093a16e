"""Single calls: who calls, who hangs up, how it fails, which way the SDP goes. sipp at both ends."""

import ladder
import signals
from ladder import Dialog
from scene import CUSTOMER, answer, bye, talk

TO_2001 = "Diversion: <sip:116117@192.0.2.10>;reason=unconditional;counter=1"


def inbound(s, **more):
    """The usual dialog: customer to agent 2001, by way of the service number."""
    return Dialog(s.call_id(), s.customer(), s.agent(), **more)


def sides(**more):
    """Channels told by SSRC, as `talk` sends them."""
    return {"customer": {"ssrc": 0xC0000001}, "agent": {"ssrc": 0xA0000001}, **more}


def inbound_customer_hangs_up(s):
    """Inbound call to 116117, agent 2001 answers, customer hangs up."""
    d = answer(inbound(s), invite=[TO_2001])
    talk(s, d, 4)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def inbound_agent_hangs_up(s):
    """The same in PCMU, hung up by the agent; no Diversion, so the extension is what was dialled."""
    d = answer(inbound(s), codecs=("pcmu", "te"), offer=("pcmu", "pcma", "te"))
    talk(s, d, 4, "<", signals.Stream("customer", 0xC0000001, "pcmu").say(6),
         signals.Stream("agent", 0xA0000001, "pcmu").say(6))
    s.play(d)
    s.records(d.call_id, **sides(ended_by="agent", dialled="2001", service="general"))


def outbound(s):
    """Agent 2001 calls the customer; the agent hangs up."""
    d = answer(Dialog(s.call_id(), s.agent(), s.customer(uri="sip:0401234567@192.0.2.1")))
    talk(s, d, 4, caller_is="agent")
    s.play(d)
    s.records(d.call_id, **sides(ended_by="agent", direction="outbound", number="0401234567", dialled="0401234567",
                                 service="general"))


def cancelled(s):
    """The customer gives up while it rings."""
    d = inbound(s)
    d.request(">", "INVITE", ladder.sdp(d.caller, ("pcma", "te")), [TO_2001], initial=True)
    d.response("<", 100, tagged=False, optional=True).response("<", 180).pause("caller", 1.0)
    d.request(">", "CANCEL").response("<", 200, "CANCEL").response("<", 487).request(
        ">", "ACK", uri=d.request_uri, same_branch=True)
    s.play(d)
    s.does_not_record(d.call_id, "cancelled")


def busy(s):
    """486 Busy Here."""
    d = inbound(s)
    d.request(">", "INVITE", ladder.sdp(d.caller, ("pcma", "te")), [TO_2001], initial=True)
    d.response("<", 100, tagged=False, optional=True).response("<", 486)
    d.request(">", "ACK", uri=d.request_uri, same_branch=True)
    s.play(d)
    s.does_not_record(d.call_id, "failed")


def not_answered(s):
    """Rings until the agent's side answers 480."""
    d = inbound(s)
    d.request(">", "INVITE", ladder.sdp(d.caller, ("pcma", "te")), [TO_2001], initial=True)
    d.response("<", 100, tagged=False, optional=True).response("<", 180).pause("callee", 2.0)
    d.response("<", 480).request(">", "ACK", uri=d.request_uri, same_branch=True)
    s.play(d)
    s.does_not_record(d.call_id, "failed")


def hold_resume(s):
    """The agent holds for 1.5 s with music, then resumes: re-INVITE sendonly, sendrecv."""
    d = answer(inbound(s), invite=[TO_2001])
    customer = signals.Stream("customer", 0xC0000001)
    agent = signals.Stream("agent", 0xA0000001)
    d.play("caller", s.media(customer.say(2.0)))
    d.play("callee", s.media(agent.say(1.96).silence(0.04))).pause("callee", 2.0)
    for direction, reply, seconds in (("sendonly", "recvonly", 1.5), ("sendrecv", "sendrecv", 2.0)):
        d.request("<", "INVITE", ladder.sdp(d.callee, ("pcma", "te"), direction))
        d.response(">", 200, body=ladder.sdp(d.caller, ("pcma", "te"), reply)).request("<", "ACK")
        if direction == "sendonly":
            customer.silence(seconds)
            d.play("callee", s.media(agent.say(seconds - 0.04, "hold").silence(0.04)))
        else:
            customer.take()
            d.play("caller", s.media(customer.say(3)))
            d.play("callee", s.media(agent.say(3)))
        d.pause("callee", seconds)
    bye(d, "<")
    s.play(d)
    s.records(d.call_id, **sides(ended_by="agent", events={"hold": 1, "resume": 1}))


def early_media(s):
    """183 with SDP and an announcement before the answer; the announcement is not recorded."""
    d = inbound(s)
    d.request(">", "INVITE", ladder.sdp(d.caller, ("pcma", "te")), [TO_2001], initial=True)
    d.response("<", 100, tagged=False, optional=True)
    d.response("<", 183, body=ladder.sdp(d.callee, ("pcma", "te")))
    agent = signals.Stream("agent", 0xA0000001).say(1.5, "early").silence(0.06)
    d.play("callee", s.media(agent)).pause("callee", 1.55)
    d.response("<", 200, body=ladder.sdp(d.callee, ("pcma", "te"))).request(">", "ACK")
    talk(s, d, 3, agent=agent.say(5))
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def late_offer(s):
    """INVITE without SDP: the offer is in the 200, the answer in the ACK (RFC 3264, RFC 6337)."""
    d = inbound(s)
    d.request(">", "INVITE", None, [TO_2001], initial=True)
    d.response("<", 100, tagged=False, optional=True).response("<", 180).pause("callee", 0.3)
    d.response("<", 200, body=ladder.sdp(d.callee, ("pcma", "pcmu", "te")))
    d.request(">", "ACK", ladder.sdp(d.caller, ("pcma", "te")))
    talk(s, d, 3)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def auth_retry(s):
    """407, the INVITE again with credentials under the same Call-ID, then the answer."""
    d = Dialog(s.call_id(), s.agent(), s.customer(uri="tel:+358401234567"), request_uri="sip:+358401234567@192.0.2.1")
    challenge = 'Proxy-Authenticate: Digest realm="nauhuri.example", nonce="5f3c1b", algorithm=MD5'
    d.request(">", "INVITE", ladder.sdp(d.caller, ("pcma", "te")), initial=True)
    d.response("<", 407, headers=[challenge], auth=True, to_tag="challenge")
    d.request(">", "ACK", uri=d.request_uri, same_branch=True)
    d.request(">", "INVITE", ladder.sdp(d.caller, ("pcma", "te")), initial=True, auth=("2001", "salasana"))
    d.response("<", 100, tagged=False, optional=True).response("<", 180, optional=True).pause("callee", 0.3)
    d.response("<", 200, body=ladder.sdp(d.callee, ("pcma", "te"))).request(">", "ACK")
    talk(s, d, 3, "<", caller_is="agent")
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer", direction="outbound", dialled=CUSTOMER, service="general"))


def bye_challenged(s):
    """The first BYE is refused with 401 and ends nothing; the parties go on talking for a second, until the repeated BYE is accepted."""
    d = answer(inbound(s), invite=[TO_2001])
    d.play("caller", s.media(signals.Stream("customer", 0xC0000001).say(6)))
    d.play("callee", s.media(signals.Stream("agent", 0xA0000001).say(6))).pause("caller", 3)
    d.request(">", "BYE")
    d.response("<", 401, "BYE", auth=True,
               headers=['WWW-Authenticate: Digest realm="nauhuri.example", nonce="77aa", algorithm=MD5'])
    d.pause("caller", 1.0)
    d.request(">", "BYE", auth=("customer", "salasana")).response("<", 200, "BYE")
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer"))


def withheld(s):
    """From anonymous, Privacy: id, and the number in P-Asserted-Identity, which must not be used."""
    d = Dialog(s.call_id(), s.customer(uri="sip:anonymous@anonymous.invalid"), s.agent(),
               from_header='"Anonymous" <sip:anonymous@anonymous.invalid>')
    answer(d, invite=[TO_2001, "Privacy: id;critical", f"P-Asserted-Identity: <sip:{CUSTOMER}@192.0.2.1>"])
    talk(s, d, 3)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer", number=None))


def number_00(s):
    """The customer's number with 00, and two Diversion headers: the last one is the first diversion."""
    d = Dialog(s.call_id(), s.customer(uri="sip:00358401234567@192.0.2.1;user=phone"), s.agent(),
               from_header='"Meik\u00e4l\u00e4inen, Maija" <sip:00358401234567@192.0.2.1;user=phone>')
    answer(d, invite=["Diversion: <sip:2100@192.0.2.10>;reason=no-answer",
                      "Diversion: <sip:116117@192.0.2.10>;reason=unconditional"])
    talk(s, d, 3)
    s.play(d)
    s.records(d.call_id, **sides(ended_by="customer", number="00358401234567"))


def history_info(s):
    """No Diversion; the first History-Info entry is the service number. The caller is a tel: URI."""
    d = Dialog(s.call_id(), s.customer(uri=f"tel:{CUSTOMER}"), s.agent())
    answer(d, invite=["History-Info: <sip:116117@192.0.2.10>;index=1,"
                      " <sip:2001@192.0.2.10;cause=302>;index=1.1;mp=1"])
    talk(s, d, 3, "<")
    s.play(d)
    s.records(d.call_id, **sides(ended_by="agent"))


SCENARIOS = {
    "sipp-inbound-customer-bye": inbound_customer_hangs_up,
    "sipp-inbound-agent-bye-pcmu": inbound_agent_hangs_up,
    "sipp-outbound": outbound,
    "sipp-cancelled": cancelled,
    "sipp-busy": busy,
    "sipp-not-answered": not_answered,
    "sipp-hold-resume": hold_resume,
    "sipp-early-media": early_media,
    "sipp-late-offer": late_offer,
    "sipp-auth-407": auth_retry,
    "sipp-bye-challenged": bye_challenged,
    "sipp-withheld": withheld,
    "sipp-number-00-diversion": number_00,
    "sipp-history-info-tel": history_info,
}
