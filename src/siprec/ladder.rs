//! A communication session as the signalling that a mirror port would have shown: what the engine
//! follows in its place.
//!
//! INVITE, 200 and ACK at the beginning; a re-INVITE where streams pause, return or are coded otherwise;
//! an UPDATE with a P-Asserted-Identity where it becomes known who somebody is (RFC 4916); REFER and BYE
//! where somebody passes the call on. All of it between addresses nobody else can use
//! ([`crate::net::reserved`]).

use super::offer::Coding;
use super::part::{CallParty, uri};
use crate::net::reserved::{self, TOLD_HEADER, ToldNote};
use crate::net::{Flow, Transport};
use crate::pii::Pii;
use crate::sdp::Side;
use crate::wire::link::Vlan;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// Where either side's media comes from and goes to.
const MEDIA_PORT: u16 = 20_000;
/// Where its signalling does.
const SIP_PORT: u16 = 5060;

/// One datagram for the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fed {
    /// Between which of the addresses.
    pub flow: Flow,
    /// What it came over, as far as the engine is concerned.
    pub transport: Transport,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// What the two sides say of their media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// How each side's voice is coded, in the words of SDP; empty where it has none.
    pub coding: [String; 2],
    /// Keys each side's voice is sealed with, and what is sealed says its transport.
    pub keys: [Option<String>; 2],
    /// Each side's voice is not sent for now.
    pub is_paused: [bool; 2],
}

impl Described {
    /// Takes in how one side is coded.
    pub fn set(&mut self, side: Side, coding: Coding<'_>, is_paused: bool) {
        let mut text = format!("{} {}\r\n", coding.proto, coding.formats);
        for map in coding.maps {
            let _ = write!(text, "a={map}\r\n");
        }
        self.coding[side as usize] = text;
        self.keys[side as usize] = coding.crypto.map(|c| format!("a=crypto:{c}\r\n"));
        self.is_paused[side as usize] = is_paused;
    }
}

/// One dialog.
#[derive(Clone, Debug)]
pub struct Ladder {
    call_id: String,
    /// Different for every dialog, whatever its Call-ID.
    number: u64,
    hosts: [IpAddr; 2],
    uris: [Pii<String>; 2],
    cseq: u32,
    version: u32,
}

impl Ladder {
    /// The dialog of this number, not begun.
    pub fn new(call_id: String, number: u64, sides: &[CallParty; 2]) -> Ladder {
        let uris = [0, 1].map(|s: usize| Pii::new(uri(sides[s].user.as_ref())));
        Ladder { call_id, number, hosts: reserved::hosts(number), uris, cseq: 0, version: 0 }
    }

    /// From the side that speaks to the other: RTP, or RTCP one port above.
    pub fn media(&self, speaker: Side, is_rtcp: bool) -> Flow {
        self.flow(speaker, MEDIA_PORT + u16::from(is_rtcp))
    }

    fn flow(&self, from: Side, port: u16) -> Flow {
        let at = |side: Side| SocketAddr::new(self.hosts[side as usize], port);
        Flow { src: at(from), dst: at(from.other()), vlan: Vlan::NONE }
    }

    /// It is answered.
    pub fn begin(&mut self, sides: &[CallParty; 2], media: &Described, out: &mut Vec<Fed>) {
        self.exchange(Side::Caller, media, [&sides[0].headers, &sides[1].headers], out);
    }

    /// The media is described anew, by the side that pauses or returns.
    pub fn describe(&mut self, by: Side, media: &Described, out: &mut Vec<Fed>) {
        self.exchange(by, media, [&[], &[]], out);
    }

    /// It has become known who a side is.
    pub fn name(&mut self, side: Side, role: &CallParty, out: &mut Vec<Fed>) {
        self.uris[side as usize] = Pii::new(uri(role.user.as_ref()));
        let mut more = vec![(
            "P-Asserted-Identity".to_owned(),
            Pii::new(format!("<{}>", self.uris[side as usize].as_str())),
        )];
        more.extend(
            role.headers.iter().filter(|(n, _)| !n.eq_ignore_ascii_case("P-Asserted-Identity")).cloned(),
        );
        self.cseq += 1;
        self.request(side, "UPDATE", &more, "", out);
        self.response(side, "UPDATE", &[], "", out);
    }

    /// Both sides hang up: `by` says who did first, if that is known, and whom he passes the call on to.
    pub fn end(&mut self, by: Option<Side>, passed_to: Option<&CallParty>, out: &mut Vec<Fed>) {
        let side = by.unwrap_or(Side::Callee);
        if let Some(next) = passed_to {
            self.cseq += 1;
            let to = vec![("Refer-To".to_owned(), Pii::new(format!("<{}>", uri(next.user.as_ref()))))];
            self.request(side, "REFER", &to, "", out);
            self.response(side, "REFER", &[], "", out);
        }
        self.cseq += 1;
        let note = by.is_none().then(|| note(ToldNote::Ended));
        self.request(side, "BYE", note.as_slice(), "", out);
        self.response(side, "BYE", &[], "", out);
    }

    /// Not all of what is said is in the recording, or not each voice for itself.
    pub fn tell_missing(&mut self, out: &mut Vec<Fed>) {
        self.cseq += 1;
        self.request(Side::Caller, "INFO", &[note(ToldNote::Missing)], "", out);
        self.response(Side::Caller, "INFO", &[], "", out);
    }

    /// INVITE, 2xx and ACK.
    fn exchange(
        &mut self,
        by: Side,
        media: &Described,
        headers: [&[(String, Pii<String>)]; 2],
        out: &mut Vec<Fed>,
    ) {
        self.cseq += 1;
        self.version += 1;
        let (offer, answer) = (self.description(by, media), self.description(by.other(), media));
        self.request(by, "INVITE", headers[by as usize], &offer, out);
        self.response(by, "INVITE", headers[by.other() as usize], &answer, out);
        self.request(by, "ACK", &[], "", out);
    }

    /// What `side` advertises: where it would receive, and how what it hears is coded; its keys are
    /// those it sends with (RFC 4568 §6.1).
    fn description(&self, side: Side, media: &Described) -> String {
        let (own, other) = (side as usize, side.other() as usize);
        let heard = &media.coding[other];
        let coding = if heard.is_empty() { &media.coding[own] } else { heard };
        let coding = if coding.is_empty() { "RTP/AVP 0\r\n" } else { coding };
        let keys = media.keys[own].as_deref().unwrap_or_default();
        let direction = match (media.is_paused[own], media.is_paused[other]) {
            (false, false) => "sendrecv",
            (false, true) => "sendonly",
            (true, false) => "recvonly",
            (true, true) => "inactive",
        };
        let host = self.hosts[own];
        format!(
            "v=0\r\no=- {} {} IN IP6 {host}\r\ns=-\r\nc=IN IP6 {host}\r\nt=0 0\r\n\
             m=audio {MEDIA_PORT} {coding}{keys}a={direction}\r\n",
            self.number, self.version
        )
    }

    fn request(
        &self,
        by: Side,
        method: &str,
        more: &[(String, Pii<String>)],
        body: &str,
        out: &mut Vec<Fed>,
    ) {
        let start = format!("{method} {} SIP/2.0", self.uris[by.other() as usize].as_str());
        self.message(&start, (by, by), method, more, body, out);
    }

    fn response(
        &self,
        to: Side,
        method: &str,
        more: &[(String, Pii<String>)],
        body: &str,
        out: &mut Vec<Fed>,
    ) {
        self.message("SIP/2.0 200 OK", (to.other(), to), method, more, body, out);
    }

    /// `sender` of the message, `by` of the request.
    fn message(
        &self,
        start: &str,
        (sender, by): (Side, Side),
        method: &str,
        more: &[(String, Pii<String>)],
        body: &str,
        out: &mut Vec<Fed>,
    ) {
        let (number, cseq) = (self.number, self.cseq);
        let is_first = method == "INVITE" && self.version == 1 && sender == by;
        let tag = |side: Side| match (side == by.other(), is_first) {
            (true, true) => String::new(),
            _ => format!(";tag={number:x}{}", side as u8),
        };
        let flow = self.flow(sender, SIP_PORT);
        let mut text = format!(
            "{start}\r\nVia: SIP/2.0/TCP [{}]:{SIP_PORT};branch=z9hG4bK{number:x}-{cseq}{}\r\n\
             From: <{}>{}\r\nTo: <{}>{}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n",
            self.hosts[by as usize],
            if method == "ACK" { "a" } else { "" },
            self.uris[by as usize].as_str(),
            tag(by),
            self.uris[by.other() as usize].as_str(),
            tag(by.other()),
            self.call_id,
        );
        for (name, value) in more {
            let _ = write!(text, "{name}: {}\r\n", value.as_str());
        }
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let _ = write!(text, "{kind}Content-Length: {}\r\n\r\n{body}", body.len());
        out.push(Fed { flow, transport: Transport::Tcp, payload: text.into_bytes() });
    }
}

fn note(note: ToldNote) -> (String, Pii<String>) {
    (TOLD_HEADER.to_owned(), Pii::new(note.as_str().to_owned()))
}
