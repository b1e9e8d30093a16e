"""One dialog as a ladder, turned into the two sipp scenarios that act it out.

A `Dialog` names both ends, and a scenario draws its messages in order with `>` (caller sends) and `<`
(callee sends). From one ladder come the caller's and the callee's XML, so the two cannot disagree.
Through a proxy (`via=`) responses copy what arrived instead of being literal. Knows SIP (RFC 3261) and sipp's
file format; knows nothing of namespaces.
"""

import re
from xml.sax.saxutils import quoteattr

CODEC_LINES = {
    "pcmu": "0 PCMU/8000", "pcma": "8 PCMA/8000", "g722": "9 G722/8000", "cn": "13 CN/8000",
    "l16": "97 L16/8000", "l16-16": "98 L16/16000", "te": "101 telephone-event/8000", "g729": "18 G729/8000",
}
REASONS = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted", 401: "Unauthorized",
           407: "Proxy Authentication Required", 480: "Temporarily Unavailable", 486: "Busy Here",
           487: "Request Terminated", 302: "Moved Temporarily"}


class End:
    """One end of a dialog: where it listens and what it calls itself."""

    def __init__(self, host, ip, uri, tag, port=5060, media_port=40000, media_ip=None,
                 relay_port=None):
        self.host, self.ip, self.uri, self.tag = host, ip, uri, tag
        self.port, self.media_port, self.media_ip = port, media_port, media_ip or ip
        self.relay_port = relay_port  # SDP names this port of a media box instead of sipp's own
        self.cseq, self.version, self.steps = 0, 0, []

    @property
    def literal_ip(self):
        """The address as a URI or Via writes it."""
        return f"[{self.ip}]" if ":" in self.ip else self.ip

    @property
    def hostport(self):
        """host:port for URIs and Via."""
        return f"{self.literal_ip}:{self.port}"

    @property
    def contact(self):
        """Where requests within the dialog go."""
        user = self.uri.split(":", 1)[1].split("@")[0] if "@" in self.uri else "gw"
        return f"sip:{user}@{self.hostport}"


def sdp(end, codecs, direction="sendrecv", ip=None, port=None, ptime=20, extra=()):
    """An SDP body (RFC 8866); the port is sipp's own unless given, so that sipp sends media from it."""
    end.version += 1
    port = end.relay_port if port is None else port
    family = "IP6" if ":" in (ip or end.media_ip) else "IP4"
    lines = [CODEC_LINES[c] for c in codecs]
    address = ip or end.media_ip
    out = ["v=0", f"o=- {end.media_port} {end.version} IN {family} {address}", "s=-",
           f"c=IN {family} {address}", "t=0 0",
           f"m=audio {'[media_port]' if port is None else port} RTP/AVP {' '.join(line.split()[0] for line in lines)}"]
    out += [f"a=rtpmap:{line}" for line in lines]
    if "te" in codecs:
        out.append("a=fmtp:101 0-16")
    out += [f"a=ptime:{ptime}", f"a={direction}", *extra]
    return out


class Dialog:
    """Both ends' steps, drawn in the order of the ladder."""

    def __init__(self, call_id, caller, callee, request_uri=None, transport="UDP", via=None, from_header=None,
                 to_header=None):
        self.call_id, self.caller, self.callee, self.transport, self.via = call_id, caller, callee, transport, via
        self.request_uri = request_uri or callee.contact
        self.from_header = from_header or f"<{caller.uri}>"
        self.to_header = to_header or f"<{callee.uri}>"
        self.invite = None  # headers of the INVITE being answered
        self.branches = 0
        self.pending = {}  # method: (sender, Via line, CSeq number)

    def _ends(self, way):
        return (self.caller, self.callee) if way == ">" else (self.callee, self.caller)

    def _dialog_headers(self, sender, with_to_tag=True):
        mine, theirs = (self.caller, self.callee)
        from_caller = f"From: {self.from_header};tag={mine.tag}"
        to_callee = f"To: {self.to_header}" + (f";tag={theirs.tag}" if with_to_tag else "")
        if sender is self.caller:
            return [from_caller, to_callee]
        return [f"From: {self.to_header};tag={theirs.tag}", f"To: {self.from_header};tag={mine.tag}"]

    def _text(self, first, headers, body, content):
        lines = [first, *headers]
        if body:
            lines += [f"Content-Type: {content}", "Content-Length: [len]", "", *body]
        else:
            lines += ["Content-Length: 0", ""]
        return "\n".join(lines)

    def request(self, way, method, body=None, headers=(), uri=None, initial=False, same_cseq=False,
                content="application/sdp", auth=None, received=True, same_branch=False):
        """Draws a request; `initial` leaves the To tag out, `received=False` hides it from the other end."""
        sender, receiver = self._ends(way)
        if method not in ("ACK", "CANCEL") and not same_cseq:
            sender.cseq += 1
        if method == "CANCEL" or same_branch:
            via, number = self.pending["INVITE"][1:]
        else:
            self.branches += 1
            via = f"Via: SIP/2.0/{self.transport} {sender.hostport};rport;branch=z9hG4bK{sender.tag}x{self.branches}"
            number = self.pending["INVITE"][2] if method == "ACK" else sender.cseq
        if method != "ACK":
            self.pending[method] = (sender, via, number)
        target = uri or (self.request_uri if initial or method == "CANCEL" else receiver.contact)
        lines = [via, *self._dialog_headers(sender, not (initial or method == "CANCEL")),
                 f"Call-ID: {self.call_id}", f"CSeq: {number} {method}", "Max-Forwards: 70"]
        if method in ("INVITE", "UPDATE", "REFER"):
            lines.append(f"Contact: <{sender.contact}{';transport=tcp' if self.transport == 'TCP' else ''}>")
        if self.via and not initial and method != "CANCEL":
            lines.append(f"Route: <sip:{self.via};lr>")
        if auth:
            lines.append(f"[authentication username={auth[0]} password={auth[1]}]")
        lines += headers
        text = self._text(f"{method} {target} SIP/2.0", lines, body, content)
        sender.steps.append(f"<send><![CDATA[\n\n{text}\n\n]]></send>")
        if received:
            receiver.steps.append(f'<recv request="{method}"/>')
        return self

    def response(self, way, code, method="INVITE", body=None, headers=(), tagged=True, received=True,
                 optional=False, auth=False, to_tag=None, reason=None):
        """Draws a response to the pending request of `method`; `way` is the direction the response travels."""
        sender, receiver = self._ends(way)
        asker, via, number = self.pending[method]
        if self.via:
            to = "[last_To:]" + (f";tag={sender.tag}" if method in ("INVITE", "CANCEL") and tagged else "")
            lines = ["[last_Via:]", "[last_Record-Route:]", "[last_From:]", to, "[last_Call-ID:]",
                     f"CSeq: {number} {method}"]
        else:
            lines = [via, *self._dialog_headers(asker, tagged), f"Call-ID: {self.call_id}", f"CSeq: {number} {method}"]
            if to_tag:
                lines[2] = f"To: {self.to_header};tag={to_tag}"
        if method in ("INVITE", "UPDATE") and code < 300 and code != 100:
            lines.append(f"Contact: <{sender.contact}{';transport=tcp' if self.transport == 'TCP' else ''}>")
        lines += headers
        text = self._text(f"SIP/2.0 {code} {reason or REASONS[code]}", lines, body, "application/sdp")
        sender.steps.append(f"<send><![CDATA[\n\n{text}\n\n]]></send>")
        if received:
            flags = (' optional="true"' if optional else "") + (' auth="true"' if auth else "")
            receiver.steps.append(f'<recv response="{code}"{flags}/>')
        return self

    def expect(self, who, code, optional=True):
        """A response somebody else (a proxy) makes."""
        getattr(self, who).steps.append(f'<recv response="{code}"{" optional=" + quoteattr("true") if optional else ""}/>')
        return self

    def play(self, who, path):
        """Starts a packet list playing to the address last heard in SDP."""
        getattr(self, who).steps.append(f"<nop><action><exec play_pcap_audio={quoteattr(path)}/></action></nop>")
        return self

    def pause(self, who, seconds):
        """Lets one end wait."""
        getattr(self, who).steps.append(f'<pause milliseconds="{round(seconds * 1000)}"/>')
        return self

    def xml(self, end):
        """sipp's scenario of one end."""
        # A literal bracket would open one of sipp's keywords.
        body = re.sub(r"\[(2001:[0-9a-f:]+)\]", r"\\x5b\1\\x5d", "\n".join(end.steps))
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="nauhuri">\n{body}\n</scenario>\n'
